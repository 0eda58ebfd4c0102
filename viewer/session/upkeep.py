"""Looking after the readings' file in the background: it is verified at the start and every hour,
backed up once a day, and its log emptied a moment after a save.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from PySide6.QtCore import QObject, QTimer, Signal

from engine.errors import EngineError, StorageFailed
from engine.records.verification import Verdict
from viewer.session.readings import Readings
from viewer.shared.delivery import Delivery

CHECK_DELAY_MS = 1500  # lets the first image be shown before the readings are verified
CHECK_INTERVAL_MS = 60 * 60 * 1000  # a program that runs for days makes its daily backups, too
SETTLE_DELAY_MS = 1000  # after the last save


class Upkeep(QObject):
    """Lives on the window's thread, works on one of its own. `close` must be called."""

    failed = Signal(EngineError)  #: readings cannot be stored, or were changed by another program

    def __init__(
        self, readings: Readings, delivery: Delivery, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._readings = readings
        self._delivery = delivery
        self._is_closed = False
        self._checker = ThreadPoolExecutor(1, thread_name_prefix="keeping")
        self._should_stop = threading.Event()
        self._kept_backups = 0
        self._check_due = QTimer(self, singleShot=True)
        self._check_due.timeout.connect(self._check_in_background)
        self._settling_due = QTimer(self, singleShot=True)
        self._settling_due.timeout.connect(readings.settle)

    def begin(self, kept_backups: int = 0) -> None:
        """Tells at the start, not at the first save, where readings cannot be stored.

        In the background every row is verified then, and a daily backup made, of which
        `kept_backups` are kept; again every hour.
        """
        if self._is_closed:
            return
        self._kept_backups = kept_backups
        try:
            self._readings.check()
        except StorageFailed as error:
            self.failed.emit(error)
            return
        self._check_due.start(CHECK_DELAY_MS)

    @property
    def has_checked(self) -> bool:
        """Whether the next check is an hour's, not the start's."""
        return self._check_due.interval() == CHECK_INTERVAL_MS

    def _check_in_background(self) -> None:
        future = self._checker.submit(
            self._readings.verify_and_back_up, self._kept_backups, self._should_stop.is_set
        )
        self._delivery.when_done(future, self._on_checked)

    def _on_checked(self, future: Future[Verdict]) -> None:
        self._check_due.start(CHECK_INTERVAL_MS)
        try:
            verdict = future.result()
        except StorageFailed as error:
            self.failed.emit(error)
            return
        if not verdict.is_sound:
            self.failed.emit(verdict.as_error())

    def settle_soon(self) -> None:
        """After a save: when nobody waits."""
        self._settling_due.start(SETTLE_DELAY_MS)

    def stop(self) -> None:
        self._is_closed = True
        self._check_due.stop()
        self._settling_due.stop()
        self._should_stop.set()

    def close(self) -> None:
        """Waits until the check has stopped."""
        self.stop()
        self._checker.shutdown(cancel_futures=True)
