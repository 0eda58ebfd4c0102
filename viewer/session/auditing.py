"""The audit log as the window keeps it: who started, opened, saw, saved and gave out what.

Only where a site has written its configuration: a PC outside of a hospital keeps no list of whom
its user looked at. Messages are written in their order on a thread, so that no disk holds a reader
up; what could not be written is told once, and again after it went well in between.

What goes over the network is audited by the process that does it.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.audit.log import AuditLog
from engine.audit.messages import AuditEvent, EventIdentification, Subject, this_program, this_user
from engine.domain import Study
from engine.errors import EngineError
from viewer.session.network import Network
from viewer.shared.delivery import Delivery


class Auditing(QObject):
    """Lives on the window's thread. `close` must be called; it waits for what is to be written."""

    failed = Signal(EngineError)

    def __init__(self, network: Network, delivery: Delivery, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._network = network
        self._delivery = delivery
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="auditing")
        self._has_begun = self._has_failed = False
        self._reader = ""
        network.configured.connect(self._begin)

    @property
    def is_on(self) -> bool:
        return self._network.configuration is not None

    def _begin(self) -> None:
        """The start of the program, or of its auditing."""
        if self.is_on and not self._has_begun:
            self._has_begun = True
            self._record(EventIdentification.START)
            self._record(EventIdentification.LOGIN)

    def set_reader(self, name: str) -> None:
        """Whose name goes with the login's from now on."""
        self._reader = name

    def configured(self) -> None:
        self._record(EventIdentification.NETWORK_CONFIGURED)

    def study_opened(self, study: Study) -> None:
        self._record(EventIdentification.STUDY_OPENED, study)

    def prediction_revealed(self, study: Study) -> None:
        self._record(EventIdentification.PREDICTION_REVEALED, study)

    def reading_saved(self, study: Study) -> None:
        self._record(EventIdentification.READING_SAVED, study)

    def exported(self, study: Study | None = None) -> None:
        """Something of the study left as a file; None: of many, e.g. all readings."""
        self._record(EventIdentification.EXPORT, study)

    def _record(self, deed: EventIdentification, study: Study | None = None) -> None:
        configuration = self._network.configuration
        if configuration is None:
            return
        event = AuditEvent(
            deed,
            (this_user(name=self._reader), this_program(configuration.ae_title)),
            () if study is None else (_subject(study),),
        )
        self._delivery.when_done(
            self._writer.submit(_write, configuration.audit.folder, event), self._on_written
        )

    def _on_written(self, future: "Future[None]") -> None:
        if future.cancelled():
            return
        try:
            future.result()
            self._has_failed = False
        except EngineError as error:
            if not self._has_failed:
                self._has_failed = True
                self.failed.emit(error)

    def close(self) -> None:
        if self._has_begun:
            self._record(EventIdentification.STOP)
        self._writer.shutdown()  # nothing of it is left out


def _write(folder: Path | None, event: AuditEvent) -> None:
    """On the writer's thread. Raises EngineError."""
    AuditLog(folder).record(event)


def _subject(study: Study) -> Subject:
    return Subject(study.patient_id, study.patient_name, study.uid)
