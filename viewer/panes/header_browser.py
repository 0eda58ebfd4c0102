"""The whole header of one image, to be searched; a window beside the reading, not in its way."""

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from engine.domain import HeaderElement
from engine.errors import EngineError
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_unless_foreign, notice
from viewer.shared.plain_text import PlainLabel

AnyIndex = QModelIndex | QPersistentModelIndex
_COLUMNS = 4
_VALUE = 3  #: column
_INDENT = "    "


class HeaderBrowser(QDialog):
    """Shows "reading …" until `show_header` or `show_failure`."""

    def __init__(self, image_uid: str, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image_uid = image_uid
        self.setWindowTitle(tr("DICOM header: {view}").format(view=label))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search tag, name or value"))
        self.search.setAccessibleName(tr("Search the header"))
        self.search.setClearButtonEnabled(True)
        self._lines = _Lines(self)
        self._found = _Found(self._lines, self)
        self.table = QTableView(self)
        self.table.setModel(self._found)
        self.table.setAccessibleName(tr("Header elements"))
        self.table.verticalHeader().hide()
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        for section, width in enumerate((140, 270, 46)):
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.Interactive)
            header.resizeSection(section, width)
        self.value = QLineEdit(self)  # the selected one, whole and to be copied
        self.value.setReadOnly(True)
        self.value.setPlaceholderText(tr("Select a line to read its value here"))
        self.value.setAccessibleName(tr("Value of the selected line"))
        self.message = PlainLabel(tr("Reading …", "a file"), self)
        column = QVBoxLayout(self)
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        column.addWidget(self.value)
        column.addWidget(self.message)
        column.addWidget(PlainLabel(notice(), self))
        self.resize(1080, 640)
        self.table.selectionModel().currentRowChanged.connect(self._show_value)
        self.search.textChanged.connect(self._search)
        self.search.setFocus()

    def show_header(self, elements: Sequence[HeaderElement]) -> None:
        self._lines.show(elements)
        self._show_count()

    def show_failure(self, error: EngineError) -> None:
        self._lines.show(())
        self.message.setText(f"{localised(error.title)}. {localised(error.advice)}")

    @property
    def line_count(self) -> int:
        """All lines there are, found or not."""
        return self._lines.rowCount()

    def _show_value(self, current: QModelIndex) -> None:
        self.value.setText(current.siblingAtColumn(_VALUE).data() or "")
        self.value.setCursorPosition(0)

    def _search(self, text: str) -> None:
        self._found.search(text)
        self._show_count()

    def _show_count(self) -> None:
        found, count = self._found.rowCount(), self.line_count
        lines = tr("1 line") if count == 1 else tr("{count} lines").format(count=f"{count:,}")
        part = tr("{found} of {lines}").format(found=f"{found:,}", lines=lines)
        self.message.setText(lines if found == count else part)


class _Lines(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._elements: tuple[HeaderElement, ...] = ()

    def show(self, elements: Sequence[HeaderElement]) -> None:
        self.beginResetModel()
        self._elements = tuple(elements)
        self.endResetModel()

    def element(self, row: int) -> HeaderElement:
        return self._elements[row]

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else len(self._elements)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008  Qt's own
        return 0 if parent.isValid() else _COLUMNS

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> str | None:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _titles()[section]
        return None

    def data(self, index: AnyIndex, role: int = 0) -> str | None:
        element = self._elements[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            indent = _INDENT * element.depth
            name, value = map(localised_unless_foreign, (element.name, element.value))
            values = (indent + element.tag, indent + name, element.vr, value)
            return values[index.column()]
        return None


def _titles() -> tuple[str, ...]:
    return tr("Tag", "DICOM"), tr("Name", "of a DICOM element"), "VR", tr("Value")


class _Found(QSortFilterProxyModel):
    """Lines in which every word of the search stands somewhere, whatever its case."""

    def __init__(self, lines: _Lines, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines = lines
        self._words: list[str] = []
        self.setSourceModel(lines)

    def search(self, text: str) -> None:
        self._words = text.casefold().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, _parent: AnyIndex) -> bool:
        element = self._lines.element(row)
        number = element.tag.strip("()").replace(",", "")  # 00100010 finds it too
        line = f"{element.tag} {number} {element.name} {element.vr} {element.value}".casefold()
        return all(word in line for word in self._words)
