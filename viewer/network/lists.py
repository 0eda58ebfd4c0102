"""Lists of several columns, as the windows of the network have them."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTreeWidget, QTreeWidgetItem, QWidget

from viewer.shared.plain_text import PlainLabel

DATA = Qt.ItemDataRole.UserRole  #: of a row's first column: what it is of


def make_list(
    titles: Sequence[str], name: str, widths: Sequence[int], parent: QWidget
) -> QTreeWidget:
    """`name` is what a screen reader is told; the last column takes the room that is left."""
    tree = QTreeWidget(parent)
    tree.setAccessibleName(name)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setHeaderLabels(list(titles))
    tree.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    for column, width in enumerate(widths):
        tree.setColumnWidth(column, width)
    return tree


def rows_of(tree: QTreeWidget) -> list[QTreeWidgetItem]:
    items = (tree.topLevelItem(row) for row in range(tree.topLevelItemCount()))
    return [item for item in items if item is not None]


def wrapped(text: str, parent: QWidget) -> PlainLabel:
    """As many lines as its text needs."""
    label = PlainLabel(text, parent)
    label.setWordWrap(True)
    return label
