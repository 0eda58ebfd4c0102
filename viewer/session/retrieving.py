"""Studies on their way here from a PACS: one after the other, with the priors of their patients.

To pause is to cancel and to go on is to ask again: what is here already is not fetched twice.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.errors import EngineError
from viewer.session.network import Network, NetworkProcess, Row, error_of, errors_in
from viewer.shared.languages import mark


class TransferState(Enum):
    WAITING = mark("waiting")
    RUNNING = mark("on its way")
    PAUSED = mark("paused")
    DONE = mark("complete")
    CANCELLED = mark("cancelled")
    FAILED = mark("not complete")


@dataclass(eq=False)
class Transfer:
    """A study that was asked for, and the priors that come with it."""

    node: str
    study_uid: str
    label: str  #: whose study of which day, as the reader was shown it
    priors: int = 0  #: how many of the newest are to come with it
    state: TransferState = TransferState.WAITING
    failure: EngineError | None = None
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)  #: by study: here, expected
    folders: dict[str, Path] = field(default_factory=dict)  #: by study: where it comes to lie
    settled: set[str] = field(default_factory=set)  #: studies of which no more comes in this turn
    refused: int = 0  #: objects that were not kept

    @property
    def here(self) -> int:
        return sum(here for here, _ in self.counts.values())

    @property
    def expected(self) -> int:
        """As far as it is known: how many priors have is told as they come."""
        return sum(expected for _, expected in self.counts.values())

    @property
    def is_over(self) -> bool:
        return self.state in (TransferState.DONE, TransferState.CANCELLED)


class Retrieving(QObject):
    """Lives on the window's thread."""

    changed = Signal()  #: which transfers there are, or how far one is
    #: Transfer, study uid: something of that study lies in its folder now
    arrived = Signal(Transfer, str)
    #: Transfer, study uid: no more of it comes in this turn
    settled = Signal(Transfer, str)

    def __init__(self, network: Network, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._network = network
        self._process: NetworkProcess | None = None
        self._running: Transfer | None = None
        self.transfers: list[Transfer] = []  #: the first asked for first

    @property
    def is_busy(self) -> bool:
        """Whether a process is at work, or about to stop."""
        return self._process is not None

    def fetch(self, transfer: Transfer) -> None:
        self.transfers.append(transfer)
        self._go_on()

    def is_coming(self, study_uid: str) -> bool:
        """Whether more of the study is on its way."""
        under_way = (TransferState.WAITING, TransferState.RUNNING)
        return any(
            transfer.state in under_way
            and study_uid in {transfer.study_uid, *transfer.counts} - transfer.settled
            for transfer in self.transfers
        )

    def is_short(self, study_uid: str) -> bool:
        """Whether objects of the study are known to be lacking here."""
        counts = (transfer.counts.get(study_uid, (0, 0)) for transfer in self.transfers)
        return any(here < expected for here, expected in counts)

    def pause(self, transfer: Transfer) -> None:
        self._stop(transfer, TransferState.PAUSED)

    def cancel(self, transfer: Transfer) -> None:
        """What is here already stays."""
        self._stop(transfer, TransferState.CANCELLED)

    def resume(self, transfer: Transfer) -> None:
        """After a pause or a failure: what is missing is asked for."""
        if transfer.state in (TransferState.PAUSED, TransferState.FAILED):
            transfer.state, transfer.failure = TransferState.WAITING, None
            self._go_on()

    def forget_finished(self) -> None:
        self.transfers = [transfer for transfer in self.transfers if not transfer.is_over]
        self.changed.emit()

    def _stop(self, transfer: Transfer, state: TransferState) -> None:
        if transfer.is_over:
            return
        transfer.state = state
        if transfer is self._running and self._process is not None:
            self._process.stop()
        self.changed.emit()

    def _go_on(self) -> None:
        waiting = (t for t in self.transfers if t.state is TransferState.WAITING)
        if self._process is None and (transfer := next(waiting, None)) is not None:
            transfer.state, self._running = TransferState.RUNNING, transfer
            transfer.refused = 0
            transfer.settled.clear()
            options = ["--while-open", f"--priors={transfer.priors}"]
            process = self._network.run("get", transfer.node, transfer.study_uid, options=options)
            self._process = process
            process.row.connect(lambda row: self._on_row(transfer, row))
            process.ended.connect(lambda error: self._on_ended(transfer, error))
        self.changed.emit()

    def _on_row(self, transfer: Transfer, row: Row) -> None:
        uid, here, expected = row.get("study"), row.get("here"), row.get("expected")
        failure = error_of(row)
        if failure is not None:
            transfer.failure = failure
        transfer.refused += len(errors_in(row, "refused"))
        if isinstance(uid, str) and isinstance(here, int) and isinstance(expected, int):
            transfer.counts[uid] = (here, max(here, expected))
            place = row.get("folder") or row.get("file")
            if here and isinstance(place, str):
                folder = Path(place) if row.get("folder") else Path(place).parent
                transfer.folders[uid] = folder
                self.arrived.emit(transfer, uid)
            if "is_complete" in row:
                transfer.settled.add(uid)
                self.settled.emit(transfer, uid)
        self.changed.emit()

    def _on_ended(self, transfer: Transfer, error: EngineError | None) -> None:
        self._process = self._running = None
        transfer.settled.update(transfer.counts, {transfer.study_uid})
        if transfer.state is TransferState.RUNNING:
            transfer.failure = transfer.failure or error
            is_whole = bool(transfer.counts) and all(
                here >= expected for here, expected in transfer.counts.values()
            )
            is_done = is_whole and transfer.failure is None
            transfer.state = TransferState.DONE if is_done else TransferState.FAILED
        self.settled.emit(transfer, transfer.study_uid)
        self._go_on()
