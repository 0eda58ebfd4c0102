"""The reader's own steps: which, and in what order. Every change is at work at once."""

from collections.abc import Sequence

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

    routine_changed = Signal(tuple)  #: of Kinds; never empty

    def __init__(self, routine: Sequence[StepKind], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Steps"))
        words = PlainLabel(
            tr(
                "“Next step” goes through the ticked steps from top to bottom, “Previous step” "
                "back. Steps that a study has no images for are left out; images that no step "
                "shows follow at the end."
            ),
            self,
        )
        words.setWordWrap(True)
        self._list = QListWidget(self)
        self._list.setAccessibleName(tr("Steps in their order"))
        self._list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self._up = self._button(tr("Move &up"), lambda: self._move(-1))
        self._down = self._button(tr("Move &down"), lambda: self._move(1))
        self._default = self._button(tr("De&fault"), lambda: self._fill(DEFAULT_PROTOCOL))
        close = self._button(tr("&Close"), self.close)
        close.setDefault(True)
        buttons = QHBoxLayout()
        for button in (self._up, self._down, self._default):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.addWidget(words)
        column.addWidget(self._list)
        column.addLayout(buttons)
        self._told = tuple(routine)
        self._fill(routine)
        self._list.itemChanged.connect(self._tell)
        self._list.model().rowsMoved.connect(self._tell)
        self._list.currentRowChanged.connect(self._allow_moves)
        self._list.setCurrentRow(0)
        self.resize(460, 420)

    @property
    def routine(self) -> tuple[StepKind, ...]:
        """The ticked ones, in their order."""
        entries = [self._list.item(row) for row in range(self._list.count())]
        ticked = [entry for entry in entries if entry.checkState() is Qt.CheckState.Checked]
        return tuple(entry.data(_KIND) for entry in ticked)

    def _button(self, text: str, slot) -> QPushButton:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    def _fill(self, routine: Sequence[StepKind]) -> None:
        """The routine's steps ticked and first, the others below."""
        self._list.blockSignals(True)
        self._list.clear()
        for kind in (*routine, *(kind for kind in StepKind if kind not in routine)):
            entry = QListWidgetItem(tr(kind.value), self._list)
            entry.setData(_KIND, kind)
            is_on = kind in routine
            entry.setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)
        self._list.blockSignals(False)
        self._list.setCurrentRow(0)
        self._tell()

    def _move(self, step: int) -> None:
        row = self._list.currentRow()
        if 0 <= row + step < self._list.count():
            entry = self._list.takeItem(row)
            self._list.insertItem(row + step, entry)
            self._list.setCurrentRow(row + step)
            self._tell()

    def _allow_moves(self, row: int) -> None:
        self._up.setEnabled(row > 0)
        self._down.setEnabled(0 <= row < self._list.count() - 1)

    def _tell(self) -> None:
        if self.routine and self.routine != self._told:
            self._told = self.routine
            self.routine_changed.emit(self.routine)
