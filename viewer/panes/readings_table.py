"""The table of readings, sorted by any of its columns."""

from collections.abc import Callable, Iterable
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from viewer.display.listed_reading import ListedReading
from viewer.display.reading_modes import MODE_TITLES
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import shortened, tool_tip

AnyIndex = QModelIndex | QPersistentModelIndex
ROW_HEIGHT = 28  # pixels
Row = ListedReading
# Title, what the cell says of a row, what it is sorted by, width in pixels
_COLUMNS: tuple[tuple[str, Callable[[Row], str], Callable[[Row], object], int], ...] = (
    (mark("Recorded"), lambda row: row.recorded, lambda row: row.reading.record_id, 142),
    (mark("Patient"), lambda row: row.reading.patient_id, lambda row: row.reading.patient_id, 100),
    (
        mark("Breast"),
        lambda row: row.reading.laterality.value,
        lambda row: row.reading.laterality.value,
        58,
    ),
    (mark("Reader"), lambda row: row.category, lambda row: row.reading.category.value, 66),
    (mark("Model"), lambda row: row.model, lambda row: row.model, 76),
    (mark("Agreement"), lambda row: row.state, lambda row: row.state, 116),
    (mark("Reason"), lambda row: row.reason, lambda row: row.reason, 112),
    (mark("Read by"), lambda row: row.reading.reader, lambda row: row.reading.reader, 84),
    (
        mark("Mode"),
        lambda row: tr(MODE_TITLES[row.reading.reading_mode]),
        lambda row: row.reading.reading_mode.value,
        98,
    ),
    (mark("Note"), lambda row: row.reading.comment, lambda row: row.reading.comment, 80),
)


class ReadingsModel(QAbstractTableModel):
    RowRole = Qt.ItemDataRole.UserRole
    SortRole = Qt.ItemDataRole.UserRole + 1

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[ListedReading] = []

    def show(self, rows: Iterable[ListedReading]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(_COLUMNS)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        _, text, key, _ = _COLUMNS[index.column()]
        if role == self.RowRole:
            return row
        if role == self.SortRole:
            return key(row)
        if role == Qt.ItemDataRole.DisplayRole:
            return shortened(text(row))
        if role == Qt.ItemDataRole.ToolTipRole:
            return tool_tip(text(row)) or None
        if role == Qt.ItemDataRole.ForegroundRole and not row.is_current:
            return theme.MUTED
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section][0])
        return None


class ReadingsTable(QTableView):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._readings = ReadingsModel(self)
        self.sorted = QSortFilterProxyModel(self)
        self.sorted.setSourceModel(self._readings)
        self.sorted.setSortRole(ReadingsModel.SortRole)
        self.setAccessibleName(tr("Readings"))
        self.setModel(self.sorted)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for number, (_, _, _, width) in enumerate(_COLUMNS):
            self.setColumnWidth(number, width)

    def show_rows(self, rows: Iterable[ListedReading]) -> None:
        """The one that is selected stays so, where it is still listed; else the first one is."""
        selected = self.selected
        self._readings.show(rows)
        ids = [self._row_at(number).reading.record_id for number in range(self.sorted.rowCount())]
        if ids:
            kept = None if selected is None else selected.reading.record_id
            self.selectRow(ids.index(kept) if kept in ids else 0)

    @property
    def rows(self) -> tuple[ListedReading, ...]:
        """All that are listed, in the order in which they came."""
        return tuple(self._readings.rows)

    @property
    def selected(self) -> ListedReading | None:
        index = self.currentIndex()
        return self._row_at(index.row()) if index.isValid() else None

    def _row_at(self, number: int) -> ListedReading:
        source = self.sorted.mapToSource(self.sorted.index(number, 0))
        return self._readings.rows[source.row()]
