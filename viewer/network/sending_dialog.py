"""Reading ▸ Send results: what would go where, and under whose identity; and what is on its way.

Nothing here decides what may be told: the parcel that it shows is the session's, made of what the
reader may see now.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Study
from engine.errors import EngineError
from engine.interop.plans import ObjectKind, Observer, PlannedObject
from engine.pacs.outbox import OutboxEntry, SendState
from engine.site_configuration import Node
from viewer.network.lists import DATA, make_list, rows_of, wrapped
from viewer.session.sending import Parcel, Queued
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip

KIND_TITLES = {
    ObjectKind.REPORT: mark("Structured report"),
    ObjectKind.PRESENTATION: mark("Presentation state: window and drawings"),
    ObjectKind.SEGMENTATION: mark("Segmentation of the region of high attention"),
    ObjectKind.CAPTURE: mark("Picture with the heat-map"),
    ObjectKind.KEY_OBJECTS: mark("Key object selection: images you drew on"),
    ObjectKind.CAD_REPORT: mark("Mammography CAD SR"),
}
OBSERVER_TITLES = {Observer.MODEL: mark("the model"), Observer.READER: mark("you")}
STATE_TITLES = {
    SendState.WAITING: mark("waiting", "to be sent"),
    SendState.SENT: mark("taken, to be confirmed"),
    SendState.REFUSED: mark("refused"),
}
_SOP_CLASSES = {  # what the queue holds, by its SOP class
    "1.2.840.10008.5.1.4.1.1.88.34": ObjectKind.REPORT,
    "1.2.840.10008.5.1.4.1.1.88.33": ObjectKind.REPORT,
    "1.2.840.10008.5.1.4.1.1.11.1": ObjectKind.PRESENTATION,
    "1.2.840.10008.5.1.4.1.1.66.4": ObjectKind.SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.7": ObjectKind.CAPTURE,
    "1.2.840.10008.5.1.4.1.1.88.59": ObjectKind.KEY_OBJECTS,
    "1.2.840.10008.5.1.4.1.1.88.50": ObjectKind.CAD_REPORT,
}


class SendingDialog(QWidget):
    """A window beside the images; `show_parcel` fills it anew whenever something has changed."""

    parcel_wanted = Signal()  #: what is ticked has changed
    send_requested = Signal()
    again_requested = Signal(str)  #: node: what was refused, or waits, is sent now
    drop_requested = Signal(OutboxEntry)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(tr("Send results"))
        self._parcel: Parcel | None = None
        self.tabs = QTabWidget(self)
        self.tabs.addTab(self._make_preview(), tr("What is sent"))
        self.tabs.addTab(self._make_queue(), tr("Queue", "of objects to be sent"))
        self.message = wrapped("", self)
        self.message.setAccessibleName(tr("Message"))
        self.message.setMinimumHeight(self.message.fontMetrics().height() * 2)
        research_only = PlainLabel(notice(), self)
        research_only.setStyleSheet(f"color: {theme.WARNING.name()}")
        column = QVBoxLayout(self)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.message)
        column.addWidget(research_only)
        self.resize(760, 640)

    def _make_preview(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout()
        self.patient = wrapped("", page)
        self.study = wrapped("", page)
        self.reader = wrapped("", page)
        self.node_box = QComboBox(page)
        self.node_box.setAccessibleName(tr("Send to"))
        self.node_box.currentIndexChanged.connect(lambda _row: self.parcel_wanted.emit())
        form.addRow(tr("Patient"), self.patient)
        form.addRow(tr("Study"), self.study)
        form.addRow(tr("Reader"), self.reader)
        form.addRow(tr("Send to"), self.node_box)
        kinds = QVBoxLayout()
        self.kinds: dict[ObjectKind, QCheckBox] = {}
        for kind, title in KIND_TITLES.items():
            box = QCheckBox(tr(title), page)
            box.setChecked(kind is not ObjectKind.CAD_REPORT)
            box.toggled.connect(lambda _on: self.parcel_wanted.emit())
            kinds.addWidget(box)
            self.kinds[kind] = box
        self.is_old = QCheckBox(tr("reports as an older PACS takes them"), page)
        self.is_old.setToolTip(tr("Comprehensive SR instead of Comprehensive 3D SR"))
        kinds.addWidget(self.is_old)
        self.objects = make_list(
            (tr("Object"), tr("said by"), tr("about")),
            *(tr("What would be sent"), (330, 110), page),
        )
        self.objects.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.hint = wrapped("", page)
        self.send_button = QPushButton(tr("&Send"), page)
        self.send_button.clicked.connect(self.send_requested)
        row = QHBoxLayout()
        row.addWidget(self.hint, 1)
        row.addWidget(self.send_button)
        column = QVBoxLayout(page)
        column.addLayout(form)
        column.addLayout(kinds)
        column.addWidget(self.objects, 1)
        column.addLayout(row)
        return page

    def _make_queue(self) -> QWidget:
        page = QWidget(self)
        titles = (tr("Object"), tr("Node"), tr("Since"), tr("Tries"), tr("State", "of a transfer"))
        self.queue = make_list(titles, tr("What is queued"), (240, 100, 140, 60), page)
        self.queue.itemSelectionChanged.connect(self._refresh_queue_buttons)
        self.again_button = self._button(tr("Send &again now"), self._again, page)
        self.drop_button = self._button(tr("&Do not send it"), self._drop, page)
        explanation = wrapped(
            tr(
                "What is queued survives the end of the program. An object leaves when its node "
                "has stored it; after a failure it is sent again by itself, later each time. What "
                "a node has refused waits for you."
            ),
            page,
        )
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.again_button)
        row.addWidget(self.drop_button)
        column_layout = QVBoxLayout(page)
        column_layout.addWidget(explanation)
        column_layout.addWidget(self.queue, 1)
        column_layout.addLayout(row)
        self._refresh_queue_buttons()
        return page

    def _button(self, text: str, slot: Callable[[], object], parent: QWidget) -> QPushButton:
        button = QPushButton(text, parent)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: slot())
        return button

    # --------------------------------------------------------------------------------- what is sent

    @property
    def node(self) -> str:
        return str(self.node_box.currentData() or "")

    @property
    def chosen(self) -> tuple[ObjectKind, ...]:
        return tuple(kind for kind, box in self.kinds.items() if box.isChecked())

    @property
    def parcel(self) -> Parcel | None:
        """The one that is shown, and would be sent."""
        return self._parcel

    def show_nodes(self, nodes: Sequence[Node]) -> None:
        chosen = self.node
        self.node_box.blockSignals(True)
        self.node_box.clear()
        for node in nodes:
            where = f"{node.host}:{node.port}" if node.host else node.web.url if node.web else ""
            self.node_box.addItem(
                f"{shortened(node.name, 40)}  ({shortened(where, 60)})", node.name
            )
        self.node_box.setCurrentIndex(max(0, self.node_box.findData(chosen)))
        self.node_box.blockSignals(False)

    def show_parcel(self, parcel: Parcel | None, reader: str, is_model_hidden: bool) -> None:
        self._parcel = parcel
        self.objects.clear()
        self.reader.setText(shortened(reader) or tr("no name was given"))
        if parcel is None:
            self.patient.setText("–")
            self.study.setText("–")
            self._say(tr("Open a study first."), can_send=False)
            return
        plan, study = parcel.plan, parcel.study
        self.patient.setText(
            shortened(f"{plan.patient_name.replace('^', ' ')}  ·  {plan.patient_id}")
        )
        day = study.study_date.isoformat() if study.study_date else ""
        self.study.setText(shortened(f"{day}  {plan.study_uid}".strip()))
        for planned in plan.objects:
            self.objects.addTopLevelItem(_row(planned, study))
        hidden = tr("The model's answer is hidden from you: nothing of it is sent.")
        if plan.refused is not None:
            words = f"{localised(plan.refused.title)}. {localised(plan.refused.advice)}"
            self._say(words, can_send=False, is_refused=True)
        elif not plan.objects:
            nothing = tr("Nothing to send yet: nothing of what is ticked was said of this study.")
            self._say(f"{nothing} {hidden}" if is_model_hidden else nothing, can_send=False)
        elif not self.node:
            self._say(
                tr("No node is configured: enter your PACS under Settings ▸ DICOM nodes."),
                can_send=False,
            )
        else:
            ready = tr("Never verified, for research only: so it stands in each object.")
            self._say(hidden if is_model_hidden else ready, can_send=True)

    def _say(self, words: str, can_send: bool, is_refused: bool = False) -> None:
        self.hint.setStyleSheet(f"color: {theme.WARNING.name()}" if is_refused else "")
        self.hint.setText(words)
        self.send_button.setEnabled(can_send)

    def show_making(self) -> None:
        self.send_button.setEnabled(False)
        self.show_message(tr("The objects are being made …"))

    def show_queued(self, queued: Queued) -> None:
        words = (
            tr("1 object queued.")
            if queued.count == 1
            else tr("%n objects queued.", "", queued.count)
        )
        if queued.failures:
            first = queued.failures[0]
            failed = tr("{count} could not be made: {title}. {advice}").format(
                count=len(queued.failures),
                title=localised(first.title),
                advice=localised(first.advice),
            )
            words = f"{words} {failed}"
        self.send_button.setEnabled(self._parcel is not None)
        self.show_message(words)

    def show_failure(self, error: EngineError) -> None:
        self.send_button.setEnabled(self._parcel is not None)
        self.show_message(
            f"{localised(error.title)}. {localised(error.advice)}", theme.ERROR.name()
        )

    def show_message(self, text: str, colour: str = "") -> None:
        self.message.setStyleSheet(f"color: {colour}" if colour else "")
        self.message.setText(text)

    # ----------------------------------------------------------------------------------- the queue

    def show_queue(self, entries: Sequence[OutboxEntry]) -> None:
        selected = self._selected_entry
        self.queue.clear()
        for entry in entries:
            kind = _SOP_CLASSES.get(entry.sop_class)
            title = tr(KIND_TITLES[kind]) if kind is not None else entry.sop_class
            state = tr(*_state_words(entry.state))
            words = localised(entry.words)
            item = QTreeWidgetItem(
                [
                    *(shortened(title), shortened(entry.node)),
                    *(_local(entry.queued_at), str(entry.attempts)),
                    f"{state}: {words}" if words else state,
                ]
            )
            item.setToolTip(4, tool_tip(words))
            item.setData(0, DATA, entry)
            self.queue.addTopLevelItem(item)
            if selected is not None and selected.id == entry.id:
                self.queue.setCurrentItem(item)
        self.tabs.setTabText(1, tr("Queue ({count})").format(count=len(entries)))
        self._refresh_queue_buttons()

    @property
    def _selected_entry(self) -> OutboxEntry | None:
        item = self.queue.currentItem()
        return None if item is None else item.data(0, DATA)

    def _again(self) -> None:
        for node in {item.data(0, DATA).node for item in rows_of(self.queue)}:
            self.again_requested.emit(node)

    def _drop(self) -> None:
        entry = self._selected_entry
        if entry is not None:
            self.drop_requested.emit(entry)

    def _refresh_queue_buttons(self) -> None:
        self.again_button.setEnabled(self.queue.topLevelItemCount() > 0)
        self.drop_button.setEnabled(self._selected_entry is not None)


def _row(planned: PlannedObject, study: Study) -> QTreeWidgetItem:
    views = [view for view in study.views if view.image_uid in planned.image_uids]
    about = ", ".join(view.label for view in views)
    values = (tr(KIND_TITLES[planned.kind]), tr(OBSERVER_TITLES[planned.observer]), about)
    return QTreeWidgetItem([shortened(value) for value in values])


def _local(moment: str) -> str:
    """Of an ISO time."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _state_words(state: SendState) -> tuple[str, str]:
    return STATE_TITLES[state], "to be sent" if state is SendState.WAITING else ""
