"""Results on their way out: what would be sent, the objects made of it, and the queue on the disk.

What of the model goes along is what the session lets out: nothing that a reading mode hides, and a
reader's words without what was said to a hidden answer. Of readers only the one who sends is told.

Objects are made on a thread and queued there; `birads-engine pacs send` takes the queue to its node
in a process of its own. Libraries that make objects are imported when they are first needed.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.domain import MammogramView, Study, StudyPrediction
from engine.errors import EngineError, StorageFailed
from engine.interop.plans import Plan, ReaderRecords
from engine.pacs.outbox import Outbox, OutboxEntry, SendState
from viewer.session.network import Network, NetworkProcess, Row, error_of
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import ShownNow

if TYPE_CHECKING:  # it loads much
    from engine.interop.presentation_states import ShownAs

LOOK_INTERVAL_MS = 20_000  # at the queue, for what is to be sent again


@dataclass(frozen=True, eq=False)
class Parcel:
    """What one press of the button sends: of one study, to one node."""

    study: Study
    node: str
    plan: Plan
    prediction: StudyPrediction | None
    words: ReaderRecords
    is_old: bool  #: whether reports are of the class that an older PACS takes
    shown: Mapping[str, ShownNow]  #: by image uid: how the reader looks at it


@dataclass(frozen=True)
class Queued:
    """What became of a parcel."""

    study_uid: str
    node: str
    count: int  #: objects that are queued now
    failures: tuple[EngineError, ...] = ()  #: of objects that could not be made


class Sending(QObject):
    """Lives on the window's thread; makes objects on one of its own. `close` must be called."""

    queued = Signal(Queued)
    queue_changed = Signal(tuple)  #: of Entry, the first queued first
    failed = Signal(EngineError)

    def __init__(
        self,
        network: Network,
        delivery: Delivery,
        readings_path: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._network = network
        self._delivery = delivery
        self._readings_path = readings_path
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="sending")
        self._outbox = Outbox()
        self._processes: dict[str, NetworkProcess] = {}  # by node
        self._told: dict[str, str] = {}  # what failed last, by node
        self.entries: tuple[OutboxEntry, ...] = ()
        self._look_due = QTimer(self, interval=LOOK_INTERVAL_MS)
        self._look_due.timeout.connect(self.look)
        network.configured.connect(self._on_configured)

    def _on_configured(self) -> None:
        """The queue is looked at where there is somebody to send to."""
        if self._network.nodes:
            self._look_due.start()
            self.look()
        else:
            self._look_due.stop()

    # ------------------------------------------------------------------------------- making

    def send(self, parcel: Parcel) -> None:
        """`queued` follows, or `failed`; then what is queued is taken to its node."""
        future = self._maker.submit(_make_and_queue, parcel, self._outbox, self._readings_path)
        self._delivery.when_done(future, self._on_queued)

    def _on_queued(self, future: "Future[Queued]") -> None:
        if future.cancelled():
            return
        try:
            queued = future.result()
        except EngineError as error:
            self.failed.emit(error)
            return
        except ModuleNotFoundError:
            self.failed.emit(
                EngineError(
                    mark("Results cannot be made here"),
                    mark('The program was installed without its extra "dicom".'),
                )
            )
            return
        self.queued.emit(queued)
        self.take(queued.node)

    # ------------------------------------------------------------------------------- the queue

    def look(self) -> None:
        """At the queue: `queue_changed` follows, and what is due is sent."""
        self._delivery.when_done(self._maker.submit(self._outbox.entries), self._on_looked)

    def _on_looked(self, future: "Future[list[OutboxEntry]]") -> None:
        if future.cancelled():
            return
        try:
            self.entries = tuple(future.result())
        except StorageFailed as error:
            self._look_due.stop()  # it would be told again and again
            self.failed.emit(error)
            return
        self.queue_changed.emit(self.entries)
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        waiting = defaultdict(list)
        for entry in self.entries:
            waiting[entry.node].append(entry.state is SendState.WAITING and entry.due_at <= now)
        for node, are_due in waiting.items():
            if any(are_due):
                self.take(node)

    def take(self, node: str, is_again: bool = False) -> None:
        """What is due goes to its node; `is_again`: also what was refused, or waits."""
        if node in self._processes or node not in {known.name for known in self._network.nodes}:
            return
        options = ["--retry"] if is_again else []
        process = self._processes[node] = self._network.run("send", node, options=options)
        process.row.connect(lambda row: self._on_row(node, row))
        process.ended.connect(lambda error: self._on_taken(node, error))

    @property
    def busy_nodes(self) -> Collection[str]:
        return self._processes.keys()

    def drop(self, entry: OutboxEntry) -> None:
        """The reader decides that it is not sent."""
        future = self._maker.submit(self._outbox.drop, entry)
        self._delivery.when_done(future, lambda _done: self.look())

    def _on_row(self, node: str, row: Row) -> None:
        failure = error_of(row)
        if failure is not None:
            self._tell(node, failure)
        if row.get("is_stored"):
            self._told.pop(node, None)

    def _on_taken(self, node: str, error: EngineError | None) -> None:
        self._processes.pop(node, None)
        if error is not None:
            self._tell(node, error)
        self._delivery.when_done(self._maker.submit(self._outbox.entries), self._on_counted)

    def _on_counted(self, future: "Future[list[OutboxEntry]]") -> None:
        """After a turn: what is left waits for the next one."""
        if not future.cancelled() and future.exception() is None:
            self.entries = tuple(future.result())
            self.queue_changed.emit(self.entries)

    def _tell(self, node: str, error: EngineError) -> None:
        """Once, however often it is tried again."""
        if self._told.get(node) != str(error):
            self._told[node] = str(error)
            self.failed.emit(error)

    def stop(self) -> None:
        self._look_due.stop()

    def close(self) -> None:
        """Waits until what is being made is queued."""
        self.stop()
        self._maker.shutdown(cancel_futures=True)


def _make_and_queue(parcel: Parcel, outbox: Outbox, readings_path: Path) -> Queued:
    """On the maker's thread. Raises EngineError, and ModuleNotFoundError without the extra."""
    from engine.interop import results
    from engine.interop.register import DocumentRegister, register_of
    from engine.interop.reports import ReportClass

    register = DocumentRegister(register_of(readings_path))
    report_class = ReportClass.COMPREHENSIVE if parcel.is_old else ReportClass.COMPREHENSIVE_3D
    failures: list[EngineError] = []
    count = 0
    folder = Path(tempfile.mkdtemp(prefix="birads-"))  # its owner's alone
    try:
        for made in results.make(
            *(parcel.study, parcel.plan, parcel.prediction, parcel.words, report_class),
            shown=_shown(parcel),
            register=register,
        ):
            if made.error is not None:
                failures.append(made.error)
            if made.dataset is None:
                continue
            try:
                outbox.add(parcel.node, results.write(made, folder))
                results.entered(made, register)
                count += 1
            except EngineError as error:
                failures.append(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Queued(parcel.study.uid, parcel.node, count, tuple(failures))


def _shown(parcel: Parcel) -> "dict[str, ShownAs]":
    from engine.dicom import voi
    from engine.interop.presentation_states import ShownAs

    views: dict[str, MammogramView] = {view.image_uid: view for view in parcel.study.views}
    return {
        uid: ShownAs(voi.as_window(now.voi), now.area)
        for uid, now in parcel.shown.items()
        if uid in views
    }
