"""File ▸ Open from PACS: find a study, fetch it and its priors, and see how far they are.

A window of its own beside the images. It shows what it is given; what it wants done it signals.
"""

from collections.abc import Callable, Sequence
from typing import cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QSplitter,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.errors import EngineError
from engine.site_configuration import Node
from viewer.display.listed_study import Days, ListedStudy
from viewer.network.lists import DATA, make_list, rows_of
from viewer.session.retrieving import Transfer, TransferState
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip

MOST_PRIORS, USUAL_PRIORS = 20, 2
_WIDTHS = (100, 60, 190, 110, 96, 210, 80, 120)  # of the columns, in pixels


class PacsDialog(QWidget):
    """Stays open until it is closed; the filters stay for the next time."""

    #: Node, Patient ID, name, Days
    find_requested = Signal(str, str, str, Days)
    worklist_requested = Signal(str)  #: node: of today
    open_requested = Signal(ListedStudy, int)  #: and how many priors are to come with it
    pause_requested = Signal(Transfer)
    resume_requested = Signal(Transfer)
    cancel_requested = Signal(Transfer)
    show_requested = Signal(Transfer)  #: the study is here: let it hang

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Open from PACS"))
        self._is_asking = False
        self._make_fields()
        self._make_lists()
        self._lay_out()
        self._refresh_buttons()
        self.resize(1080, 680)

    def _make_fields(self) -> None:
        self.node_box = QComboBox(self)
        self.node_box.setAccessibleName(tr("Node"))
        self.patient_id = QLineEdit(self)
        self.patient_id.setPlaceholderText(tr("Patient ID"))
        self.patient_id.setAccessibleName(tr("Patient ID"))
        self.name = QLineEdit(self)
        self.name.setPlaceholderText(tr("Name, or its beginning with *"))
        self.name.setAccessibleName(tr("Patient's name"))
        self.days = QComboBox(self)
        self.days.setAccessibleName(tr("Day of the study"))
        for days in Days:
            self.days.addItem(tr(days.value), days)
        self.find_button = QPushButton(tr("&Find"), self)
        self.find_button.clicked.connect(self._find)
        self.worklist_button = QPushButton(tr("Today's &worklist"), self)
        self.worklist_button.clicked.connect(
            lambda: self._ask(lambda: self.worklist_requested.emit(self.node))
        )
        for field in (self.patient_id, self.name):
            field.returnPressed.connect(self._find)

    def _make_lists(self) -> None:
        titles = (
            *(tr("Date"), tr("Time"), tr("Name", "of a patient"), tr("Patient ID"), tr("Born")),
            *(tr("Description"), tr("Images", "how many"), tr("Accession")),
        )
        self.found = make_list(titles, tr("Studies found"), _WIDTHS, self)
        self.found.itemSelectionChanged.connect(self._refresh_buttons)
        self.found.itemActivated.connect(lambda _item: self._open())
        self.with_priors = QCheckBox(tr("with the patient's newest priors:"), self)
        self.with_priors.setChecked(True)
        self.prior_count = QSpinBox(self)
        self.prior_count.setRange(1, MOST_PRIORS)
        self.prior_count.setValue(USUAL_PRIORS)
        self.prior_count.setAccessibleName(tr("How many priors"))
        self.with_priors.toggled.connect(self.prior_count.setEnabled)
        self.open_button = QPushButton(tr("&Open"), self)
        self.open_button.clicked.connect(self._open)

        self.transfers = make_list(
            (tr("Study"), tr("Node"), tr("Objects here"), tr("State", "of a transfer")),
            *(tr("Studies on their way"), (300, 140, 110), self),
        )
        self.transfers.itemSelectionChanged.connect(self._refresh_buttons)
        self.pause_button = QPushButton(tr("&Pause"), self)
        self.pause_button.clicked.connect(self._pause_or_resume)
        self.cancel_button = QPushButton(tr("&Cancel"), self)
        self.cancel_button.clicked.connect(lambda: self._on_transfer(self.cancel_requested.emit))
        self.show_button = QPushButton(tr("&Show"), self)
        self.show_button.clicked.connect(lambda: self._on_transfer(self.show_requested.emit))
        self.message = PlainLabel(self)
        self.message.setAccessibleName(tr("Message"))
        self.message.setWordWrap(True)
        self.message.setMinimumHeight(self.message.fontMetrics().height() * 2)

    def _lay_out(self) -> None:
        fields = QHBoxLayout()
        for widget in (self.node_box, self.patient_id, self.name, self.days):
            fields.addWidget(widget, 1)
        fields.addWidget(self.find_button)
        fields.addWidget(self.worklist_button)
        below_found = QHBoxLayout()
        below_found.addStretch(1)
        below_found.addWidget(self.with_priors)
        below_found.addWidget(self.prior_count)
        below_found.addWidget(self.open_button)
        below_transfers = QHBoxLayout()
        research_only = PlainLabel(notice(), self)
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        below_transfers.addWidget(research_only, 1)
        for button in (self.show_button, self.pause_button, self.cancel_button):
            below_transfers.addWidget(button)
        upper, lower = QWidget(self), QWidget(self)
        for part, widgets, row in (
            (upper, (self.found,), below_found),
            (lower, (self.transfers,), below_transfers),
        ):
            column = QVBoxLayout(part)
            column.setContentsMargins(0, 0, 0, 0)
            for each in widgets:
                column.addWidget(each, 1)
            column.addLayout(row)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.addWidget(upper)
        splitter.addWidget(lower)
        splitter.setSizes([420, 180])
        splitter.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.addLayout(fields)
        column.addWidget(self.message)
        column.addWidget(splitter, 1)

    # ----------------------------------------------------------------------------- what is shown

    def show_nodes(self, nodes: Sequence[Node]) -> None:
        """The one that was chosen stays so."""
        chosen = self.node
        self.node_box.clear()
        for node in nodes:
            self.node_box.addItem(shortened(node.name, 40), node.name)
        self.node_box.setCurrentIndex(max(0, self.node_box.findData(chosen)))
        if not nodes:
            self.show_message(
                tr("No node is configured: enter your PACS under Settings ▸ DICOM nodes.")
            )
        self._refresh_buttons()

    @property
    def node(self) -> str:
        return str(self.node_box.currentData() or "")

    def show_studies(self, studies: Sequence[ListedStudy], node: str) -> None:
        self._is_asking = False
        self.found.clear()
        for study in studies:
            images = "" if study.images is None else str(study.images)
            values = (
                *(study.day, study.time, study.name, study.patient_id, study.born),
                *(study.description, images, study.accession),
            )
            item = QTreeWidgetItem([shortened(value) for value in values])
            item.setData(0, DATA, study)
            self.found.addTopLevelItem(item)
        for first in rows_of(self.found)[:1]:
            self.found.setCurrentItem(first)
            self.found.setFocus()
        count = len(studies)
        said = (
            tr("“{node}” has 1.")
            if count == 1
            else tr("“{node}” has {count}.")
            if count
            else tr("“{node}” has none of that kind: ask more widely.")
        )
        self.show_message(said.format(node=shortened(node), count=count))
        self._refresh_buttons()

    def show_failure(self, error: EngineError) -> None:
        self._is_asking = False
        self.show_message(
            f"{localised(error.title)}. {localised(error.advice)}", theme.ERROR.name()
        )
        self._refresh_buttons()

    def show_transfers(self, transfers: Sequence[Transfer]) -> None:
        """The selected one stays so; a new one is selected."""
        tree = self.transfers
        known = [item.data(0, DATA) for item in rows_of(tree)]
        if list(transfers) != known:
            tree.clear()
            for transfer in transfers:
                item = QTreeWidgetItem(tree)
                item.setData(0, DATA, transfer)
                if transfer not in known or transfer is transfers[-1]:
                    tree.setCurrentItem(item)
        for item in rows_of(tree):
            _fill(item, item.data(0, DATA))
        self._refresh_buttons()

    def show_message(self, text: str, colour: str = "") -> None:
        self.message.setStyleSheet(f"color: {colour}" if colour else "")
        self.message.setText(text)

    # ------------------------------------------------------------------------------ what is asked

    def _ask(self, ask: Callable[[], object]) -> None:
        if not self.node or self._is_asking:
            return
        self._is_asking = True
        self.found.clear()
        self.show_message(tr("Asking “{node}” …").format(node=shortened(self.node)))
        self._refresh_buttons()
        ask()

    def _find(self) -> None:
        days = cast(Days, self.days.currentData())
        patient_id, name = self.patient_id.text().strip(), self.name.text().strip()
        if not patient_id and not name and days is Days.ANY:
            self.show_message(tr("Enter a patient or choose the days: a PACS has too many."))
            return
        self._ask(lambda: self.find_requested.emit(self.node, patient_id, name, days))

    def _open(self) -> None:
        study = self._selected_study
        if study is None or not study.study_uid:
            return
        priors = self.prior_count.value() if self.with_priors.isChecked() else 0
        self.open_requested.emit(study, priors)

    @property
    def _selected_study(self) -> ListedStudy | None:
        item = self.found.currentItem()
        return None if item is None or not item.isSelected() else item.data(0, DATA)

    @property
    def _selected_transfer(self) -> Transfer | None:
        item = self.transfers.currentItem()
        return None if item is None else item.data(0, DATA)

    def _on_transfer(self, act: Callable[[Transfer], object]) -> None:
        """On the selected one."""
        if (transfer := self._selected_transfer) is not None:
            act(transfer)

    def _pause_or_resume(self) -> None:
        transfer = self._selected_transfer
        if transfer is not None:
            may_go_on = transfer.state in (TransferState.PAUSED, TransferState.FAILED)
            (self.resume_requested if may_go_on else self.pause_requested).emit(transfer)

    def _refresh_buttons(self) -> None:
        study, transfer = self._selected_study, self._selected_transfer
        may_ask = bool(self.node) and not self._is_asking
        self.find_button.setEnabled(may_ask)
        self.worklist_button.setEnabled(may_ask)
        self.open_button.setEnabled(study is not None and bool(study.study_uid))
        state = None if transfer is None else transfer.state
        is_under_way = state in (TransferState.RUNNING, TransferState.WAITING)
        may_go_on = state in (TransferState.PAUSED, TransferState.FAILED)
        self.pause_button.setText(tr("Go &on") if may_go_on else tr("&Pause"))
        self.pause_button.setEnabled(is_under_way or may_go_on)
        self.cancel_button.setEnabled(is_under_way or may_go_on)
        self.show_button.setEnabled(transfer is not None and transfer.here > 0)


def _fill(item: QTreeWidgetItem, transfer: Transfer) -> None:
    item.setText(0, shortened(transfer.label))
    item.setText(1, shortened(transfer.node))
    known = tr("{here} of {expected}").format(here=transfer.here, expected=transfer.expected)
    item.setText(2, known if transfer.counts else "")
    words = tr(transfer.state.value)
    if transfer.failure is not None:
        words = (
            f"{words}: {localised(transfer.failure.title)}. {localised(transfer.failure.advice)}"
        )
    if transfer.refused:
        kept_out = tr("{count} objects were not kept").format(count=transfer.refused)
        words = f"{words} ({kept_out})"
    item.setText(3, words)
    item.setToolTip(3, tool_tip(words))
