"""The reader's settings of the window. Every change is at work at once."""

from enum import Enum
from typing import TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QVBoxLayout,
    QWidget,
)

from viewer.display.mouse_habits import PRESETS, Drag, MouseHabits, Wheel
from viewer.panes import labels
from viewer.panes.tool_row import Words
from viewer.shared.languages import tr

TEXT_SCALES = (1.0, 1.15, 1.3, 1.5, 1.75, 2.0)
Choice = TypeVar("Choice", bound=Enum)


class SettingsDialog(QDialog):
    """Stands beside the images, stops nothing."""

    # What the mouse does on images
    mouse_changed = Signal(MouseHabits)
    # Where the words of the toolbar's buttons stand
    words_changed = Signal(Words)
    # How large text is to be from the next start on, of `TEXT_SCALES`
    text_scale_changed = Signal(float)

    def __init__(
        self,
        mouse: MouseHabits,
        words: Words,
        text_scale: float,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Settings"))
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, Qt.Orientation.Horizontal)
        close.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addWidget(self._make_mouse(mouse))
        column.addWidget(self._make_looks(words, text_scale))
        column.addStretch(1)
        column.addWidget(close)

    # ---------------------------------------------------------------------------- how it looks

    def _make_looks(self, words: Words, text_scale: float) -> QGroupBox:
        group = QGroupBox(tr("Looks"), self)
        form = QFormLayout(group)
        box = QComboBox(group)
        for place in Words:
            box.addItem(tr(place.value), place)
        box.setCurrentIndex(box.findData(words))
        box.activated.connect(lambda: self.words_changed.emit(box.currentData()))
        _add(form, tr("Words in the toolbar"), box)
        sizes = QComboBox(group)
        for scale in TEXT_SCALES:
            sizes.addItem(f"{scale:.0%}".replace("%", " %"), scale)
        sizes.setCurrentIndex(sizes.findData(text_scale))
        sizes.activated.connect(lambda: self.text_scale_changed.emit(sizes.currentData()))
        _add(form, tr("Size of text"), sizes)
        note = labels.wrapped(group, quiet=True)
        note.setText(
            tr(
                "From the next start on; text is never smaller than the system's own, and grows "
                "with it."
            )
        )
        form.addRow(note)
        return group

    # ------------------------------------------------------------------------------- the mouse

    def _make_mouse(self, mouse: MouseHabits) -> QGroupBox:
        group = QGroupBox(tr("Mouse on images"), self)
        form = QFormLayout(group)
        self._presets = QComboBox(group)
        for name in PRESETS:
            self._presets.addItem(tr(name), name)
        self._presets.addItem(tr("your own"), None)
        self._presets.activated.connect(self._on_preset_chosen)
        _add(form, tr("As in"), self._presets)
        self._drags = [self._choice(group, Drag) for _ in range(3)]
        self._wheel = self._choice(group, Wheel)
        titles = tr("Drag, left button"), tr("Drag, middle button"), tr("Drag, right button")
        for title, box in zip(titles, self._drags, strict=True):
            _add(form, title, box)
        _add(form, tr("Wheel"), self._wheel)
        note = labels.wrapped(group, quiet=True)
        note.setText(
            tr(
                "A click with the right button opens a menu. With Ctrl the wheel does the other; "
                "Space and a drag move the image."
            )
        )
        form.addRow(note)
        self._show_mouse(mouse)
        return group

    def _choice(self, parent: QWidget, values: type[Choice]) -> QComboBox:
        box = QComboBox(parent)
        for value in values:
            box.addItem(tr(value.value), value)
        box.activated.connect(self._on_mouse_chosen)
        return box

    @property
    def mouse(self) -> MouseHabits:
        """As it is chosen."""
        left, middle, right = (box.currentData() for box in self._drags)
        return MouseHabits(left, middle, right, self._wheel.currentData())

    def _show_mouse(self, mouse: MouseHabits) -> None:
        for box, value in zip((*self._drags, self._wheel), vars(mouse).values(), strict=True):
            box.setCurrentIndex(box.findData(value))
        self._presets.setCurrentIndex(self._presets.findData(mouse.preset))

    def _on_preset_chosen(self) -> None:
        name = self._presets.currentData()
        if name is not None:
            self._show_mouse(PRESETS[name])
            self.mouse_changed.emit(self.mouse)

    def _on_mouse_chosen(self) -> None:
        self._show_mouse(self.mouse)
        self.mouse_changed.emit(self.mouse)


def _add(form: QFormLayout, title: str, box: QComboBox) -> None:
    box.setAccessibleName(title)
    form.addRow(title, box)
