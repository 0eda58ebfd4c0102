"""A breast's categories as buttons, chosen by mouse or by key."""

from typing import cast

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QGridLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from engine.domain import BIRADS_MEANING, BiradsCategory, Laterality
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import side_name

CATEGORY_ROWS = (("0", "1", "2", "3", "4"), ("4A", "4B", "4C", "5", "6"))
SUBDIVISION_MEANING = {
    BiradsCategory.LOW_SUSPICION: mark("low suspicion"),
    BiradsCategory.MODERATE_SUSPICION: mark("moderate suspicion"),
    BiradsCategory.HIGH_SUSPICION: mark("high suspicion"),
}
ROW_HEIGHT = 26  # pixels, of a row of buttons
LOW_ROW_HEIGHT = 22  # on a low screen


def category_meaning(category: BiradsCategory) -> str:
    return tr(SUBDIVISION_MEANING.get(category) or BIRADS_MEANING[int(category.value[0])])


class CategoryButtons(QWidget):
    """BI-RADS 0 … 6 with 4A, 4B, 4C: one is down at most; digits and then a, b, c choose by key."""

    # The reader chose it
    category_chosen = Signal(BiradsCategory)

    def __init__(self, side: Laterality, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.has_keypad = False  #: 4 again on the keypad goes through 4A, 4B, 4C
        self.buttons: dict[BiradsCategory, QPushButton] = {}
        self._group = QButtonGroup(self)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for row, values in enumerate(CATEGORY_ROWS):
            for column, value in enumerate(values):
                category = BiradsCategory(value)
                button = QPushButton(value, self)
                button.setCheckable(True)
                button.setObjectName("compact")
                button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                button.setMinimumWidth(theme.scaled(24))
                button.setToolTip(f"BI-RADS {value}: {category_meaning(category)}")
                button.setAccessibleName(
                    f"{side_name(side)}, BI-RADS {value}, {category_meaning(category)}"
                )
                button.installEventFilter(self)
                self._group.addButton(button)
                self.buttons[category] = button
                layout.addWidget(button, row, column)
        self.set_row_height(ROW_HEIGHT)
        self._rest = QWidget(self)  # takes digits as the buttons do, and shows no ring
        self._rest.setFixedSize(0, 0)
        self._rest.setAccessibleName(side_name(side))
        self._rest.installEventFilter(self)
        self._group.buttonToggled.connect(self._on_toggled)
        self.setFocusProxy(self.buttons[BiradsCategory.INCOMPLETE])

    @property
    def category(self) -> BiradsCategory | None:
        button: QAbstractButton | None = self._group.checkedButton()
        return None if button is None else BiradsCategory(button.text())

    def set_category(self, category: BiradsCategory | None) -> None:
        """As if nothing had been pressed: no signal."""
        with QSignalBlocker(self._group):
            self._group.setExclusive(False)
            for known, button in self.buttons.items():
                button.setChecked(known is category)
            self._group.setExclusive(True)
        self.setFocusProxy(self.buttons[category or BiradsCategory.INCOMPLETE])

    def set_row_height(self, pixels: int) -> None:
        for button in self.buttons.values():
            button.setFixedHeight(theme.scaled(pixels))

    def clear_focus(self) -> None:
        """Another study: the keyboard stays here, but on no category."""
        if any(button.hasFocus() for button in self.buttons.values()):
            self.take_keyboard()

    def take_keyboard(self) -> None:
        """On no category: none is to look chosen."""
        self._rest.setFocus()

    def _on_toggled(self, button: QAbstractButton, is_down: bool) -> None:
        if is_down:
            self.setFocusProxy(button)
            self.category_chosen.emit(BiradsCategory(button.text()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            category = self._named_by(cast(QKeyEvent, event))
            if category is not None:
                event.accept()  # before the window takes the key for a shortcut
                if event.type() == QEvent.Type.KeyPress:
                    self.buttons[category].setChecked(True)
                    self.buttons[category].setFocus()
                return True
        return super().eventFilter(watched, event)

    def _named_by(self, event: QKeyEvent) -> BiradsCategory | None:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        text = event.text().upper()
        if text and text in "ABC":
            is_four = self.category is not None and self.category.grade == 4
            return BiradsCategory(f"4{text}") if is_four else None
        is_on_pad = bool(event.modifiers() & Qt.KeyboardModifier.KeypadModifier)
        if self.has_keypad and is_on_pad and text == "4":
            return self._next_four(event.isAutoRepeat())
        return BiradsCategory(text) if text and text in "0123456" else None

    def _next_four(self, is_held: bool) -> BiradsCategory:
        """After the one that is down; a key held down stays where it is."""
        fours = [category for category in self.buttons if category.value.startswith("4")]
        current = self.category
        if current is None or current not in fours:
            return fours[0]
        step = 0 if is_held else 1
        return fours[(fours.index(current) + step) % len(fours)]
