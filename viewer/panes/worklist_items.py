"""The rows of the worklist as Qt wants them, and their order."""

from enum import Enum
from typing import Any, cast

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtWidgets import QWidget

from engine.domain import Catalogue
from viewer.display.worklist_row import Row, StudyRow, message_rows
from viewer.shared.languages import mark

AnyIndex = QModelIndex | QPersistentModelIndex


class WorklistOrder(Enum):
    """In which order the studies stand; failures and notes come after them in both."""

    OPENED = mark("As opened")
    SUSPICION = mark("Most suspicious first")


class WorklistItemModel(QAbstractListModel):
    """Studies first, then failures, then notes."""

    RowRole = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studies: list[StudyRow] = []
        self._rows: list[Row] = []
        self._of_study: dict[str, StudyRow] = {}

    def show_catalogue(self, catalogue: Catalogue, is_more: bool = False) -> None:
        """`is_more`: of the studies that were there everything is known that was."""
        known = self._of_study if is_more else {}
        self.beginResetModel()
        self._studies = []
        for number, study in enumerate(catalogue.studies):
            row = known.get(study.uid) or StudyRow(number, study)
            row.number = number
            self._studies.append(row)
        self._of_study = {row.study.uid: row for row in self._studies}
        self._rows = [*self._studies, *message_rows(catalogue, len(self._studies))]
        self.endResetModel()

    def change(self, study_uid: str, **values: object) -> None:
        """Attributes of the study's row."""
        row = self._of_study[study_uid]
        for name, value in values.items():
            setattr(row, name, value)
        index = self.index(row.number)
        self.dataChanged.emit(index, index)

    def clear_predictions(self) -> None:
        for uid in self._of_study:
            self.change(uid, prediction=None)

    def row_of(self, study_uid: str) -> QModelIndex:
        return self.index(self._of_study[study_uid].number)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == self.RowRole:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.sentence
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tool_tip
        return None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if isinstance(self._rows[index.row()], StudyRow):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.ItemIsEnabled


def row_at(index: AnyIndex) -> Row | None:
    """Of this model or of one that sorts it; None where the index is of nothing."""
    return cast("Row | None", index.data(WorklistItemModel.RowRole))


class OrderedRows(QSortFilterProxyModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._order = WorklistOrder.OPENED
        self.setDynamicSortFilter(True)
        self.sort(0)

    def set_order(self, order: WorklistOrder) -> None:
        self._order = order
        self.invalidate()
        self.sort(0)

    def lessThan(self, left: AnyIndex, right: AnyIndex) -> bool:
        one, other = row_at(left), row_at(right)
        if one is None or other is None:
            return False
        if self._order is WorklistOrder.SUSPICION:
            return one.rank < other.rank
        return one.number < other.number
