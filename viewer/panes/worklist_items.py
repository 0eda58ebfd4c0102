"""The rows of the worklist as Qt wants them: which are listed, and in what order.

What studies are sorted by lies in the items, where Qt compares it without calling Python: a
thousand studies are sorted within a frame.
"""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, cast

from PySide6.QtCore import (
    QConcatenateTablesProxyModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSignalBlocker,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QStandardItemModel

from engine.domain import Catalogue, FailedFile
from engine.messages import Message
from viewer.display.worklist_row import (
    Row,
    StudyRow,
    WorklistFilter,
    WorklistOrder,
    is_found,
    message_rows,
    search_words,
)

AnyIndex = QModelIndex | QPersistentModelIndex
Messages = tuple[Sequence[FailedFile], Sequence[Message], int]  #: failures, notes, files skipped
_DESCENDING_AT_FIRST = (
    WorklistOrder.DATE,
    WorklistOrder.SUSPICION,
)  # the newest, the most suspicious
_COLUMNS = {
    order: place
    for place, order in enumerate(WorklistOrder, -1)
    if order is not WorklistOrder.OPENED
}
ROW_ROLE = Qt.ItemDataRole.UserRole
_KEY_ROLE = ROW_ROLE + 1
_WORD_ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.AccessibleTextRole,
    Qt.ItemDataRole.ToolTipRole,
)


class WorklistItems(QConcatenateTablesProxyModel):
    """The studies that are listed, in their order, then failures, then notes."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._rows: dict[str, StudyRow] = {}
        self._messages: Messages = ((), (), 0)
        self._listed = _ListedRows(self)
        self._listed_messages = _ListedRows(self)
        self.addSourceModel(self._listed)
        self.addSourceModel(self._listed_messages)

    # ------------------------------------------------------------------------------- what there is

    @property
    def studies(self) -> Iterable[StudyRow]:
        """Listed or not."""
        return self._rows.values()

    @property
    def failure_count(self) -> int:
        """Of files that could not be read."""
        return len(self._messages[0])

    def show_catalogue(self, catalogue: Catalogue, is_more: bool = False) -> None:
        """`is_more`: of the studies that were there everything is known that was."""
        known = self._rows if is_more else {}
        self._rows = {}
        for number, study in enumerate(catalogue.studies):
            row = known.get(study.uid) or StudyRow(number, study)
            row.number = number
            self._rows[study.uid] = row
        messages = catalogue.failures, catalogue.notes, catalogue.skipped_count
        if not is_more or messages != self._messages:
            self._messages = messages
            self._listed_messages.show(message_rows(catalogue))
        self._listed.show(self._rows.values())

    def change(self, study_uid: str, **values: object) -> None:
        """Attributes of the study's row; nothing happens where they have these values."""
        row = self._rows[study_uid]
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if not changed:
            return
        for name, value in changed.items():
            setattr(row, name, value)
        self._listed.set_keys(row)
        self._listed.touch(row.number)

    # ------------------------------------------------------------------------------ what is listed

    def set_order(self, order: WorklistOrder, is_reversed: bool) -> None:
        self._listed.sort_by(order, is_reversed)

    def set_filter(self, wanted: WorklistFilter, text: str) -> None:
        for listed in (self._listed, self._listed_messages):
            listed.set_filter(wanted, text)

    def keep(self, study_uid: str | None) -> None:
        """It stays listed whatever the filter says; a search goes past it."""
        before, self._listed.kept_uid = self._listed.kept_uid, study_uid
        if before in self._rows and before != study_uid:
            self._listed.touch(self._rows[before].number)

    @property
    def listed_count(self) -> int:
        """Of studies: they stand first."""
        return self._listed.rowCount()

    def index_of(self, study_uid: str) -> QModelIndex:
        """Invalid where the study is not listed."""
        return self.mapFromSource(self._listed.place_of(self._rows[study_uid].number))


def row_at(index: AnyIndex) -> Row | None:
    """None where the index is of nothing."""
    return cast("Row | None", index.data(ROW_ROLE))


class _ListedRows(QSortFilterProxyModel):
    """Some of what it is given, numbered as it was given."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.kept_uid: str | None = None
        self._wanted = WorklistFilter.ALL
        self._words: tuple[str, ...] = ()
        self._rows: list[Row] = []
        self._filled_count = 0  #: rows that the source holds; the others are listed by nobody
        self._source = QStandardItemModel(0, len(_COLUMNS), self)
        self.setSourceModel(self._source)
        self.setSortRole(_KEY_ROLE)

    def show(self, rows: Iterable[Row]) -> None:
        """One change for whoever looks, however many rows: more below those that are there, or a
        model of its own.
        """
        before, self._rows = self._rows, list(rows)
        there = len(before)
        if there and all(map(operator.is_, before, self._rows)) and there <= len(self._rows):
            if there < len(self._rows):
                self._source.insertRows(there, len(self._rows) - there)
                with QSignalBlocker(self._source):
                    self._fill(there)
                last = self._source.index(len(self._rows) - 1, len(_COLUMNS) - 1)
                self._source.dataChanged.emit(self._source.index(there, 0), last)
            return
        self._filled_count = 0
        former, self._source = self._source, QStandardItemModel(0, len(_COLUMNS), self)
        self._source.setRowCount(len(self._rows))
        self._fill(0)
        self.setSourceModel(self._source)
        former.deleteLater()

    def _fill(self, start: int) -> None:
        for number, row in enumerate(self._rows[start:], start):
            self._source.setData(self._source.index(number, 0), row, ROW_ROLE)
            _ = row.searched  # now, not as the first letter is typed
            if isinstance(row, StudyRow):
                self.set_keys(row)
        self._filled_count = len(self._rows)

    def set_keys(self, row: StudyRow) -> None:
        for order, column in _COLUMNS.items():
            index = self._source.index(row.number, column)
            self._source.setData(index, row.sort_key(order), _KEY_ROLE)

    def touch(self, number: int) -> None:
        """Whether it is listed, or what it says, has changed."""
        index = self._source.index(number, 0)
        self._source.dataChanged.emit(index, index)

    def place_of(self, number: int) -> QModelIndex:
        """Invalid where it is not listed."""
        return self.mapFromSource(self._source.index(number, 0))

    def sort_by(self, order: WorklistOrder, is_reversed: bool) -> None:
        if order is WorklistOrder.OPENED:
            self.sort(-1)
            return
        is_descending = is_reversed is not (order in _DESCENDING_AT_FIRST)
        direction = Qt.SortOrder.DescendingOrder if is_descending else Qt.SortOrder.AscendingOrder
        self.sort(_COLUMNS[order], direction)

    def set_filter(self, wanted: WorklistFilter, text: str) -> None:
        self._wanted, self._words = wanted, search_words(text)
        self.setFilterFixedString(text)  # what asks anew in every version of Qt

    def filterAcceptsRow(self, number: int, _parent: AnyIndex) -> bool:
        if number >= self._filled_count:
            return False
        row = self._rows[number]
        if self._words and not is_found(row, self._words):
            return False
        is_kept = isinstance(row, StudyRow) and row.study.uid == self.kept_uid
        return is_kept or row.passes(self._wanted)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words are made when they are asked for: most rows are never seen."""
        if index.column() == 0 and role in _WORD_ROLES:
            row: Row = super().data(index, ROW_ROLE)
            return row.tool_tip if role == Qt.ItemDataRole.ToolTipRole else row.sentence
        return super().data(index, role)

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if isinstance(row_at(index), StudyRow):
            return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.ItemIsEnabled
