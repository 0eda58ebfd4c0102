"""The reader's own steps: which, and in what order. Every change is at work at once."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.display.reading_steps import DEFAULT_PROTOCOL, StepKind
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel

_KIND = Qt.ItemDataRole.UserRole


class StepsDialog(QDialog):
    """Stands beside the images, stops nothing."""

    # The ticked steps in their order; never empty
    routine_changed = Signal(tuple)

    def __init__(self, routine: Sequence[StepKind], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Steps"))
        explanation = PlainLabel(
            tr(
                "“Next step” goes through the ticked steps from top to bottom, “Previous step” "
                "back. Steps that a study has no images for are left out; images that no step "
                "shows follow at the end."
            ),
            self,
        )
        explanation.setWordWrap(True)
        self.steps = QListWidget(self)
        self.steps.setAccessibleName(tr("Steps in their order"))
        self.steps.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.up_button = self._button(tr("Move &up"), lambda: self._move(-1))
        self.down_button = self._button(tr("Move &down"), lambda: self._move(1))
        self.default_button = self._button(tr("De&fault"), lambda: self._fill(DEFAULT_PROTOCOL))
        close = self._button(tr("&Close"), self.close)
        close.setDefault(True)
        buttons = QHBoxLayout()
        for button in (self.up_button, self.down_button, self.default_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(explanation)
        column.addWidget(self.steps)
        column.addLayout(buttons)
        self._announced = tuple(routine)
        self._fill(routine)
        self.steps.itemChanged.connect(self._announce)
        self.steps.model().rowsMoved.connect(self._announce)
        self.steps.currentRowChanged.connect(self._allow_moves)
        self.steps.setCurrentRow(0)
        self.resize(460, 420)

    @property
    def routine(self) -> tuple[StepKind, ...]:
        """The ticked ones, in their order."""
        entries = [self.steps.item(row) for row in range(self.steps.count())]
        ticked = [entry for entry in entries if entry.checkState() is Qt.CheckState.Checked]
        return tuple(entry.data(_KIND) for entry in ticked)

    def _button(self, text: str, slot: Callable[[], object]) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _fill(self, routine: Sequence[StepKind]) -> None:
        """The routine's steps ticked and first, the others below."""
        self.steps.blockSignals(True)
        self.steps.clear()
        for kind in (*routine, *(kind for kind in StepKind if kind not in routine)):
            entry = QListWidgetItem(tr(kind.value), self.steps)
            entry.setData(_KIND, kind)
            is_on = kind in routine
            entry.setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)
        self.steps.blockSignals(False)
        self.steps.setCurrentRow(0)
        self._announce()

    def _move(self, step: int) -> None:
        row = self.steps.currentRow()
        if 0 <= row + step < self.steps.count():
            entry = self.steps.takeItem(row)
            self.steps.insertItem(row + step, entry)
            self.steps.setCurrentRow(row + step)
            self._announce()

    def _allow_moves(self, row: int) -> None:
        self.up_button.setEnabled(row > 0)
        self.down_button.setEnabled(0 <= row < self.steps.count() - 1)

    def _announce(self) -> None:
        if self.routine and self.routine != self._announced:
            self._announced = self.routine
            self.routine_changed.emit(self.routine)
