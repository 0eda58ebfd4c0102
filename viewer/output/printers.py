"""Whether this computer's printers can be asked without holding up the window.

Qt asks the print server as soon as a QPrinter is made, keeps Python's lock meanwhile, and waits
for minutes where the server says nothing. So a child process asks first, and only once it has had
an answer are printer and dialog made here.
"""

from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal
from PySide6.QtPrintSupport import QPrinterInfo

PATIENCE_MS = 10_000
_POLL_MS = 50


class PrinterSearch(QObject):
    """One question at a time; nothing is asked before `start`."""

    finished = Signal(bool)  #: whether they answered in time; that there is none is an answer

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: SpawnProcess | None = None
        self._waited_ms = 0
        self._timer = QTimer(self, interval=_POLL_MS)
        self._timer.timeout.connect(self._poll)

    def start(self) -> None:
        self.stop()
        self._process = get_context("spawn").Process(
            target=_query, name="asking printers", daemon=True
        )
        self._process.start()
        self._waited_ms = 0
        self._timer.start()

    def stop(self) -> None:
        """Ends the question without `finished`."""
        self._timer.stop()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _poll(self) -> None:
        self._waited_ms += _POLL_MS
        code = None if self._process is None else self._process.exitcode
        if code is None and self._waited_ms < PATIENCE_MS:
            return
        self.stop()
        self.finished.emit(code == 0)


def _query() -> None:
    """In the child: whatever a print dialog will want to know."""
    application = QCoreApplication([])
    QPrinterInfo.availablePrinterNames()
    QPrinterInfo.defaultPrinter().supportedPageSizes()
    application.quit()
