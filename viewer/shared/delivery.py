"""From any thread to the window's thread: how work that was given out comes back."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

T = TypeVar("T")


class Delivery(QObject):
    """Has actions done on the thread that it lives on, by the event loop; none after `stop`."""

    _delivered = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_stopped = False
        self._delivered.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def deliver(self, action: Callable[[], None]) -> None:
        """From any thread."""
        self._delivered.emit(action)

    def when_done(self, future: Future[T], action: Callable[[Future[T]], None]) -> None:
        """The action gets the future once it is done, failed or cancelled."""
        future.add_done_callback(lambda done: self.deliver(lambda: action(done)))

    def stop(self) -> None:
        self._is_stopped = True

    @Slot(object)
    def _run(self, action: Callable[[], None]) -> None:
        if not self._is_stopped:
            action()
