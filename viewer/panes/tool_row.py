"""Buttons in a row that fits at any width: words give way first, group by group from the last on,
then buttons, to behind "»".
"""

from collections.abc import Sequence
from enum import Enum

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from viewer.shared import icons, theme
from viewer.shared.languages import mark, tr

GAP = 2  # pixels


class Words(Enum):
    """Where the words of the buttons stand; the names stand in settings.ini."""

    BESIDE = mark("beside the icons, where there is room")
    BELOW = mark("below the icons, where there is room")
    NONE = mark("nowhere: icons alone")

    @property
    def style(self) -> Qt.ToolButtonStyle:
        return _STYLES[self]


_STYLES = {
    Words.BESIDE: Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
    Words.BELOW: Qt.ToolButtonStyle.ToolButtonTextUnderIcon,
    Words.NONE: Qt.ToolButtonStyle.ToolButtonIconOnly,
}


class ToolRow(QWidget):
    """Stands alone in a toolbar. What was added first stays longest."""

    def __init__(self, bar: QToolBar) -> None:
        super().__init__(bar)
        self._words = Words.BESIDE
        self._kept: list[QWidget] = []  # at any width
        self._tools: list[QWidget] = []  # buttons, and lines between them
        self._menus: dict[QWidget, QMenu] = {}  # of buttons that open one
        self.more = self._button()
        self.more.setIcon(icons.icon("more"))
        self.more.setAccessibleName(tr("More tools"))
        self.more.setToolTip(tr("Tools that have no room in the toolbar"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GAP)
        self._row.addWidget(self.more)
        self._row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(self)

    def keep(self, widget: QWidget) -> None:
        """A widget that never gives way."""
        self._insert(widget)
        self._kept.append(widget)

    def add_line(self) -> None:
        line = QFrame(self)
        line.setFrameShape(QFrame.Shape.VLine)
        line.setObjectName("line")
        self._insert(line)
        self._tools.append(line)

    def add_action(self, action: QAction) -> None:
        button = self._button()
        button.setDefaultAction(action)
        self._insert(button)
        self._tools.append(button)

    def add_menu(self, icon: str, words: str, actions: Sequence[QAction]) -> None:
        """A button that opens a menu of switches."""
        button = self._button()
        button.setIcon(icons.icon(icon))
        button.setText(words)
        button.setToolTip(words)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(words, button)
        menu.addActions(actions)
        button.setMenu(menu)
        self._menus[button] = menu
        self._insert(button)
        self._tools.append(button)

    def _button(self) -> QToolButton:
        button = QToolButton(self)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setIconSize(QSize(theme.scaled(icons.SIZE), theme.scaled(icons.SIZE)))
        return button

    def _insert(self, widget: QWidget) -> None:
        self._row.insertWidget(self._row.count() - 2, widget)  # before "»" and the stretch

    def set_words(self, words: Words) -> None:
        self._words = words
        self._fit()

    # --------------------------------------------------------------------------------- what fits

    def _fit(self) -> None:
        room = self.width() - _width(self._kept)
        self._set_style(self._tools, Words.NONE)
        spare = room - _width(self._tools)
        for group in self._groups:
            before = _width(group)
            self._set_style(group, self._words)
            spare -= _width(group) - before
            if spare < 0:
                self._set_style(group, Words.NONE)
                break
        shown = len(self._tools)
        if _width(self._tools) > room:
            room -= _width([self.more])
            while shown and _width(self._tools[:shown]) > room:
                shown -= 1
        while shown and not isinstance(self._tools[shown - 1], QToolButton):
            shown -= 1  # no line before "»"
        for number, tool in enumerate(self._tools):
            tool.setVisible(number < shown)
        self._list_more(self._tools[shown:])

    @property
    def _groups(self) -> list[list[QWidget]]:
        """The buttons between the lines."""
        groups: list[list[QWidget]] = []
        for tool in self._tools:
            if not isinstance(tool, QToolButton):
                groups.append([])
            else:
                groups[-1:] = [[*(groups[-1] if groups else []), tool]]
        return groups

    def _set_style(self, tools: Sequence[QWidget], words: Words) -> None:
        for tool in tools:
            if isinstance(tool, QToolButton) and tool.toolButtonStyle() is not words.style:
                tool.setToolButtonStyle(words.style)

    def _list_more(self, hidden: Sequence[QWidget]) -> None:
        menu = self.more.menu()
        menu.clear()
        for tool in hidden:
            if not isinstance(tool, QToolButton):
                menu.addSeparator()
            elif tool in self._menus:
                menu.addAction(self._menus[tool].menuAction())
            else:
                menu.addAction(tool.defaultAction())
        self.more.setVisible(any(isinstance(tool, QToolButton) for tool in hidden))

    def minimumSizeHint(self) -> QSize:
        return QSize(_width([*self._kept, self.more]), super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        return QSize(_width([*self._kept, *self._tools]), super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        kinds = (QEvent.Type.StyleChange, QEvent.Type.FontChange)
        if event.type() in kinds and self.isVisible():  # not while all is taken down
            self._fit()


def _width(widgets: Sequence[QWidget]) -> int:
    """With the gap after each."""
    return sum(max(w.sizeHint().width(), w.minimumWidth()) + GAP for w in widgets)
