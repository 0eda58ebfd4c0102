"""Blocks one below the other; on pages under tabs where they do not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from viewer.display.paging import pages
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.languages import tr

GAP = 4  # pixels between blocks


@dataclass(frozen=True)
class _Block:
    name: str  #: of a page that begins with it
    widget: QWidget

    def height(self, width: int) -> int:
        """That it needs, pixels."""
        if self.widget.hasHeightForWidth():
            return self.widget.heightForWidth(width)
        return max(self.widget.sizeHint().height(), self.widget.minimumHeight())


class Pager(QWidget):
    """Nothing in it is cut off or scrolled, unless a single block is taller than the page."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._blocks: list[_Block] = []
        self._shown: Sequence[QWidget] = ()
        self._pages: list[list[_Block]] = []
        self._stretch: int | None = None  # so many blocks stand above it
        self._wanted = ""  # the name of the page that the reader chose last
        self._current = 0
        self.tabs: list[QPushButton] = []  # one for each block: no page has less
        self._tab_group = QButtonGroup(self)
        self._tab_group.idClicked.connect(self._on_page_chosen)
        self._tab_row = QWidget(self)
        self._tab_row.setAccessibleName(tr("Pages of what the model says"))
        tab_row = QHBoxLayout(self._tab_row)
        tab_row.setContentsMargins(0, 0, 0, 0)
        tab_row.setSpacing(0)
        tab_row.addStretch(1)
        self._content = QWidget(self)
        self._column = QVBoxLayout(self._content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP)
        self._column.addStretch()
        self._area = QScrollArea(self)
        self._area.setWidget(self._content)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(tr("What the model says"))
        labels.stop_where_it_scrolls(self._area)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP)
        layout.addWidget(self._tab_row)
        layout.addWidget(self._area, 1)

    def add(
        self,
        name: str,
        widget: QWidget,
        takes_rest: bool = False,
    ) -> None:
        """Below those that are there."""
        self._column.insertWidget(self._end, widget, int(takes_rest))
        self._blocks.append(_Block(name, widget))
        tab = QPushButton(self._tab_row)
        tab.setObjectName("tab")
        tab.setFont(theme.font(theme.SMALL_TEXT_PX))
        tab.setCheckable(True)
        self._tab_group.addButton(tab, len(self.tabs))
        cast(QHBoxLayout, self._tab_row.layout()).insertWidget(len(self.tabs), tab)
        self.tabs.append(tab)

    def add_stretch(self) -> None:
        """What is added from now on stands at the bottom of a page that has something above it."""
        self._column.insertStretch(self._end)
        self._stretch = len(self._blocks)

    @property
    def _end(self) -> int:
        """Before the stretch that is always last."""
        return self._column.count() - 1

    def show_blocks(self, shown: Sequence[QWidget]) -> None:
        """In the order in which they get pages; on its page each stands where it was added."""
        self._shown = shown
        self.fit()

    def turn_to_first(self) -> None:
        self._wanted = ""

    def fit(self) -> None:
        """Parts the blocks anew, as their heights or the room have changed."""
        by_widget = {block.widget: block for block in self._blocks}
        blocks = [by_widget[widget] for widget in self._shown]
        heights = [block.height(self.width()) for block in blocks]
        parted = pages(heights, self.height(), GAP)
        if len(parted) > 1:
            room = self.height() - self.tabs[0].sizeHint().height() - GAP
            parted = pages(heights, room, GAP)
        self._pages = [[blocks[number] for number in page] for page in parted]
        names = self._names
        self._current = names.index(self._wanted) if self._wanted in names else 0
        for number, tab in enumerate(self.tabs):
            tab.setText(names[number] if number < len(names) else "")
            tab.setVisible(number < len(names))
            tab.setChecked(number == self._current)
        self._tab_row.setVisible(len(names) > 1)
        self._show_page()

    @property
    def page_count(self) -> int:
        return len(self._pages)

    @property
    def _names(self) -> list[str]:
        """Each page's is its first block's; a last one that holds several of those below the
        stretch is called "More".
        """
        names: list[str] = []
        for page in self._pages:
            count = sum(name.startswith(page[0].name) for name in names)
            names.append(f"{page[0].name} {count + 1}" if count else page[0].name)
        below = self._blocks[self._stretch :]
        if len(names) > 1 and len(self._pages[-1]) > 1 and self._pages[-1][0] in below:
            names[-1] = tr("More")
        return names

    def _show_page(self) -> None:
        current = self._pages[self._current] if self._pages else []
        on_page = {block.widget for block in current}
        for block in self._blocks:  # hidden ones first: both at once would need more room
            if block.widget not in on_page:
                block.widget.hide()
        for widget in on_page:
            widget.show()
        has_any_above = any(block.widget in on_page for block in self._blocks[: self._stretch])
        if self._stretch is not None:
            self._column.setStretch(self._stretch, int(has_any_above))
        self._column.setStretch(self._end, int(self._stretch is None or not has_any_above))

    def _on_page_chosen(self, number: int) -> None:
        self._current, self._wanted = number, self._names[number]
        self._show_page()
        self._area.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()
