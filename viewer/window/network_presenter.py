"""The hospital's network before its reader: the three windows that ask and show, led to the session
that does; and what the main window says of it: that it is on, and what waits to be sent.
"""

from collections.abc import Callable, Mapping
from datetime import date

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from engine.errors import EngineError
from engine.site_configuration import ConfigurationRefused, Node, SiteConfiguration
from viewer.display.listed_study import Days, ListedStudy
from viewer.network.nodes_dialog import NodesDialog
from viewer.network.pacs_dialog import PacsDialog
from viewer.network.sending_dialog import SendingDialog
from viewer.session.network import NetworkProcess, Row, error_of, when_over
from viewer.session.retrieving import Transfer
from viewer.session.sending import Parcel, Queued
from viewer.session.session import Session
from viewer.shared import banner
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel
from viewer.shared.states import ShownNow
from viewer.window.dialogs import keep_on_screen, show_alone


class NetworkPresenter(QObject):
    """Opens no window until it is asked for, and nothing on the network at all."""

    message = Signal(banner.BannerMessage)  #: for the banner
    switched = Signal(bool)  #: whether the site lets anything be opened
    study_wanted = Signal(str)  #: uid of a study that has come and is to hang

    def __init__(
        self,
        session: Session,
        shown_now: Callable[[], Mapping[str, ShownNow]],
        window: QWidget,
    ) -> None:
        """`shown_now` tells how the reader looks at each image of the open study."""
        super().__init__(window)
        self._session = session
        self._shown_now = shown_now
        self._window = window
        self._pacs: PacsDialog | None = None
        self._sending: SendingDialog | None = None
        self._nodes: NodesDialog | None = None
        self._to_hang: str | None = None
        self.queue_label = PlainLabel(window)  #: for the status bar
        self.queue_label.hide()
        self._parcel_due = QTimer(self, singleShot=True)  # once, however much has changed
        self._parcel_due.timeout.connect(self._show_parcel)
        session.network.configured.connect(self._on_configured)
        session.retrieving.changed.connect(self._show_transfers)
        session.retrieving.arrived.connect(self._on_arrived)
        session.sending.queue_changed.connect(self._show_queue)
        session.sending.queued.connect(self._on_queued)
        session.sending.failed.connect(self._on_sending_failed)
        session.catalogue_opened.connect(self._hang_wanted)
        session.catalogue_grown.connect(self._hang_wanted)
        for change in (
            session.study_selected,
            session.mode_changed,
            session.reading_changed,
            session.assessment_recorded,
            session.study_predicted,
            session.catalogue_opened,
        ):
            change.connect(self._parcel_due.start)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec("open_pacs", tr("Open from PAC&S …"), ("Ctrl+Alt+O",), self.show_pacs),
            ActionSpec("send_results", tr("Send resul&ts …"), ("Ctrl+Alt+S",), self.show_sending),
            ActionSpec("dicom_nodes", tr("&DICOM nodes …"), (), self.show_nodes),
        )

    def close(self) -> None:
        """With the main window; a transfer ends with the session."""
        for dialog in (self._pacs, self._sending, self._nodes):
            if dialog is not None:
                dialog.close()

    def _on_configured(self) -> None:
        network = self._session.network
        self.switched.emit(network.is_on)
        for dialog in (self._pacs, self._sending):
            if dialog is not None:
                dialog.show_nodes(network.nodes)
        self._parcel_due.start()

    # ------------------------------------------------------------------------------------- nodes

    def show_nodes(self) -> None:
        if self._nodes is not None:
            _raise(self._nodes)
            return
        network = self._session.network
        dialog = self._nodes = NodesDialog(network.configuration, self._window)
        dialog.save_requested.connect(self._save)
        dialog.test_requested.connect(self._test)
        dialog.destroyed.connect(self._forget_nodes)
        show_alone(dialog)

    def _forget_nodes(self) -> None:
        self._nodes = None

    def _save(self, configuration: SiteConfiguration) -> None:
        failures: list[EngineError] = []
        network = self._session.network
        network.failed.connect(failures.append)
        is_saved = network.save(configuration)
        network.failed.disconnect(failures.append)
        if is_saved:
            self._session.auditing.configured()
        if self._nodes is not None:
            if is_saved:
                self._nodes.show_saved()
            elif failures:
                self._nodes.show_failure(failures[0])

    def _test(self, node: Node, configuration: SiteConfiguration) -> None:
        try:
            process = self._session.network.test(node, configuration)
        except ConfigurationRefused as error:
            if self._nodes is not None:
                self._nodes.show_failure(error)
            return
        when_over(process, self._on_tested)

    def _on_tested(self, rows: list[Row], error: EngineError | None) -> None:
        if self._nodes is None:
            return
        failure = error or next((e for row in rows if (e := error_of(row)) is not None), None)
        if failure is not None:
            self._nodes.show_failure(failure)
        elif rows:
            self._nodes.show_test(str(rows[0].get("node")), float(rows[0].get("seconds", 0)))

    # -------------------------------------------------------------------------------- finding

    def show_pacs(self) -> None:
        if self._pacs is None:
            dialog = self._pacs = PacsDialog(self._window)
            dialog.find_requested.connect(self._find)
            dialog.worklist_requested.connect(self._ask_worklist)
            dialog.open_requested.connect(self._open)
            retrieving = self._session.retrieving
            dialog.pause_requested.connect(retrieving.pause)
            dialog.resume_requested.connect(retrieving.resume)
            dialog.cancel_requested.connect(retrieving.cancel)
            dialog.show_requested.connect(self._show_transfer)
            dialog.show_nodes(self._session.network.nodes)
            dialog.show_transfers(retrieving.transfers)
        _raise(self._pacs)

    def _find(self, node: str, patient_id: str, name: str, days: Days) -> None:
        options = [f"--patient={patient_id}", f"--name={name}"]
        since = days.since(date.today())
        if since is not None:
            options.append(f"--since={since.isoformat()}")
        self._list(node, self._session.network.run("find", node, options=options))

    def _ask_worklist(self, node: str) -> None:
        options = [f"--date={date.today().isoformat()}"]
        self._list(node, self._session.network.run("worklist", node, options=options))

    def _list(self, node: str, process: NetworkProcess) -> None:
        def show(rows: list[Row], error: EngineError | None) -> None:
            if self._pacs is None:
                return
            failure = error or next((e for r in rows if (e := error_of(r)) is not None), None)
            if failure is not None:
                self._pacs.show_failure(failure)
            else:
                self._pacs.show_studies([ListedStudy.of(row) for row in rows], node)

        when_over(process, show)

    # -------------------------------------------------------------------------------- fetching

    def _open(self, study: ListedStudy, priors: int) -> None:
        self._to_hang = study.study_uid
        self._session.retrieving.fetch(
            Transfer(study.node, study.study_uid, study.label, priors=priors)
        )

    def _show_transfer(self, transfer: Transfer) -> None:
        """What is here of it, also after something else was opened."""
        self._to_hang = transfer.study_uid
        for study_uid, folder in transfer.folders.items():
            self._session.catalogue.open_received(study_uid, folder, is_wanted=True)
        self._hang_wanted()

    def _show_transfers(self) -> None:
        if self._pacs is not None:
            self._pacs.show_transfers(self._session.retrieving.transfers)

    def _on_arrived(self, transfer: Transfer, study_uid: str) -> None:
        is_wanted = transfer.study_uid == self._to_hang == study_uid
        self._session.catalogue.open_received(study_uid, transfer.folders[study_uid], is_wanted)

    def _hang_wanted(self, *_catalogue: object) -> None:
        """Once, as soon as something of it is here; from then on the reader goes where they go."""
        if self._to_hang is not None and self._to_hang in self._session.studies:
            wanted, self._to_hang = self._to_hang, None
            self.study_wanted.emit(wanted)

    # --------------------------------------------------------------------------------- sending

    def show_sending(self) -> None:
        if self._sending is None:
            dialog = self._sending = SendingDialog(self._window)
            dialog.parcel_wanted.connect(self._show_parcel)
            dialog.send_requested.connect(self._send)
            dialog.again_requested.connect(lambda node: self._session.sending.take(node, True))
            dialog.drop_requested.connect(self._session.sending.drop)
        self._sending.show_message("")
        self._sending.show_nodes(self._session.network.nodes)
        self._sending.show_queue(self._session.sending.entries)
        _raise(self._sending)
        self._show_parcel()

    def _parcel(self) -> Parcel | None:
        dialog = self._sending
        if dialog is None:
            return None
        return self._session.parcel(
            dialog.node, dialog.chosen, dialog.is_old.isChecked(), self._shown_now()
        )

    def _show_parcel(self) -> None:
        dialog, session = self._sending, self._session
        if dialog is not None and dialog.isVisible():
            dialog.show_parcel(self._parcel(), session.reader, session.reading.phase.is_hidden)

    def _send(self) -> None:
        """What was shown, unless it has changed since: then that is shown first."""
        dialog = self._sending
        parcel = self._parcel()
        if dialog is None or parcel is None or dialog.parcel is None:
            return
        if (parcel.plan.study_uid, parcel.plan.objects) != (
            dialog.parcel.plan.study_uid,
            dialog.parcel.plan.objects,
        ):
            self._show_parcel()
            return
        dialog.show_making()
        self._session.send(parcel)

    def _on_queued(self, queued: Queued) -> None:
        if self._sending is not None:
            self._sending.show_queued(queued)

    def _on_sending_failed(self, error: EngineError) -> None:
        if self._sending is not None:
            self._sending.show_failure(error)

    def _show_queue(self, entries: tuple[object, ...]) -> None:
        count = len(entries)
        text = tr("1 object to be sent") if count == 1 else tr("%n objects to be sent", "", count)
        self.queue_label.setText(text if count else "")
        self.queue_label.setVisible(bool(count))
        if self._sending is not None:
            self._sending.show_queue(self._session.sending.entries)


def title_of(is_networked: bool) -> str:
    """Of the main window."""
    return " – ".join(["birads-viewer", tr("network: on")]) if is_networked else "birads-viewer"


def _raise(dialog: QWidget) -> None:
    keep_on_screen(dialog)
    dialog.show()
    dialog.raise_()
    dialog.activateWindow()
