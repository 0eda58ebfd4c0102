"""Everything that others' documents say of the open study, in words: a window beside the images.

Nothing of it is ours, nothing was checked. Texts are shown as they came, made visible.
"""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Study
from engine.interop.marks import ForeignDocument, Intent, Statement
from viewer.display.foreign_marks import KIND_TITLES, maker_text
from viewer.display.orientation import Orientation
from viewer.session.foreign import ForeignWords
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_unless_foreign, notice, side_name
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip

_DATA = Qt.ItemDataRole.UserRole
_LONGEST = 400  # characters of a line


class ForeignDocumentsDialog(QDialog):
    """`show_words` fills it anew; while the mode hides them it says only that there are some."""

    pdf_wanted = Signal(bytes, Path)  #: to be written there
    turn_wanted = Signal(ForeignDocument)  #: its images are to be turned as it says

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Others' documents"))
        self.explanation = PlainLabel(self)
        self.explanation.setWordWrap(True)
        self.tree = QTreeWidget(self)
        self.tree.setAccessibleName(tr("Others' documents"))
        self.tree.setHeaderLabels([tr("Document"), tr("What it says")])
        self.tree.setColumnWidth(0, 330)
        self.tree.itemSelectionChanged.connect(self._refresh_button)
        self.save_button = QPushButton(tr("&Save the PDF …"), self)
        self.save_button.setAutoDefault(False)
        self.save_button.clicked.connect(self._save)
        research_only = PlainLabel(notice(), self)
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        row = QHBoxLayout()
        self.turn_button = QPushButton(tr("&Turn the images so"), self)
        self.turn_button.setAutoDefault(False)
        self.turn_button.clicked.connect(self._turn)
        row.addWidget(research_only, 1)
        row.addWidget(self.turn_button)
        row.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.addWidget(self.explanation)
        column.addWidget(self.tree, 1)
        column.addLayout(row)
        self.resize(860, 520)
        self.show_words(None, None)

    def show_words(self, words: ForeignWords | None, study: Study | None) -> None:
        self.tree.clear()
        if words is not None and words.hidden:
            text = tr("{count} documents lie beside the images; they are told once you have read.")
            self.explanation.setText(text.format(count=words.hidden))
        elif words is None or not (words.documents or words.failures):
            self.explanation.setText(tr("No documents of others lie beside this study's images."))
        else:
            self.explanation.setText(
                tr("By others, unchecked: reports, marks and windows that came with the images.")
            )
            for document in words.documents:
                self.tree.addTopLevelItem(_document_item(document, study))
            for failure in words.failures:
                why = f"{localised(failure.title)}. {localised(failure.advice)}"
                item = _item(shortened(failure.path.name), why)
                item.setForeground(0, theme.ERROR)
                self.tree.addTopLevelItem(item)
            if words.left_out:
                more = tr("{count} more documents were not read").format(count=words.left_out)
                self.tree.addTopLevelItem(_item(more, ""))
            self.tree.expandAll()
        self._refresh_button()

    @property
    def _document(self) -> ForeignDocument | None:
        """That the selected line is of."""
        item = self.tree.currentItem()
        while item is not None and item.parent() is not None:
            item = item.parent()
        document = None if item is None else item.data(0, _DATA)
        return document if isinstance(document, ForeignDocument) else None

    @property
    def _pdf(self) -> bytes | None:
        document = self._document
        return None if document is None else document.pdf

    def _refresh_button(self) -> None:
        document = self._document
        self.save_button.setEnabled(self._pdf is not None)
        is_turning = document is not None and any(shown.is_turned for shown in document.shown)
        self.turn_button.setEnabled(is_turning)

    def _turn(self) -> None:
        if (document := self._document) is not None:
            self.turn_wanted.emit(document)

    def _save(self) -> None:
        pdf = self._pdf
        if pdf is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save the PDF"), "document.pdf", "PDF (*.pdf)"
        )
        if path and self.isVisible():
            self.pdf_wanted.emit(pdf, Path(path))


def _document_item(document: ForeignDocument, study: Study | None) -> QTreeWidgetItem:
    title = f"{tr(KIND_TITLES[document.kind])}: {document.title}"
    item = _item(shortened(title), maker_text(document.maker))
    item.setData(0, _DATA, document)
    if document.observers:
        item.addChild(_item(tr("said by"), ", ".join(document.observers)))
    if document.is_ours:
        item.addChild(_item(tr("written by this program"), ""))
    if document.is_verified:
        item.addChild(_item(tr("verified, as it says"), ""))
    for statement in document.statements:
        item.addChild(_statement_item(statement))
    labels = {view.image_uid: view.label for view in study.views} if study else {}
    for text in _counts(document, labels):
        item.addChild(_item(*text))
    for note in document.notes:
        item.addChild(_item(tr("not shown"), localised_unless_foreign(note)))
    return item


def _statement_item(statement: Statement) -> QTreeWidgetItem:
    side = statement.laterality
    name = side_name(side) if side is not None else tr("finding")
    category = f"BI-RADS {statement.category.value}" if statement.category is not None else ""
    item = _item(name, category)
    for words in statement.words:
        item.addChild(_item(*words))
    return item


def _counts(document: ForeignDocument, labels: dict[str, str]) -> Sequence[tuple[str, str]]:
    """How much of it stands on which images."""
    rows: list[tuple[str, str]] = []
    shown = [mark for mark in document.marks if mark.intent is not Intent.NOT]
    for uid, label in labels.items():
        count = sum(mark.image_uid == uid for mark in shown)
        if count:
            rows.append((tr("marks on {view}").format(view=label), str(count)))
    if len(shown) < len(document.marks):
        count = len(document.marks) - len(shown)
        rows.append((tr("marks that it wants not shown"), str(count)))
    windows = [voi for each in document.shown for voi in each.vois]
    if windows:
        rows.append((tr("windows, among the presets"), str(len(windows))))
    for each in document.shown:
        turned = Orientation.of_presentation(each.rotation, each.is_flipped)
        for uid in each.image_uids if each.is_turned else ():
            label = labels.get(uid, "?")
            rows.append((tr("shows {view}").format(view=label), tr(turned.text)))
    if document.key_images:
        names = [labels.get(uid, "?") for uid in document.key_images]
        rows.append((tr("marked images"), ", ".join(names)))
    if document.pdf is not None:
        rows.append((tr("PDF document"), tr("to be saved and opened elsewhere")))
    return rows


def _item(name: str, value: str) -> QTreeWidgetItem:
    item = QTreeWidgetItem([shortened(name, _LONGEST), shortened(value, _LONGEST)])
    item.setToolTip(1, tool_tip(value))
    return item
