"""The networks in a child process of their own, so that the window neither waits nor dies.

One study is in the child at a time; the others wait on this side, where they can still be
cancelled, overtaken, and survive the child. What is asked about a spot waits for no study: the
child has a thread of its own for it. A child that dies (a crash in a codec or a kernel,
the system out of memory) is started again and its request tried once more; if that kills it too,
the request fails with `EngineStopped` and the next one goes on. So it is with a child that hangs:
while it works, a thread of it tells every second that it lives, and how much of the processor it
has used. Silence for `SILENCE_S`, or no work for `IDLENESS_S`, ends it.

Importing this module does not import torch: only the child does, at its first request. The child
is spawned, so the program's main module is imported there too; it must not import Qt at its top.
"""

import atexit
import enum
import itertools
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.domain import (
    MammogramView,
    ModelIdentity,
    Pixels,
    RegionJudgement,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError, EngineStopped, error_trace, is_out_of_memory
from engine.messages import message
from engine.private_files import keep_private

if TYPE_CHECKING:  # torch, which only the child imports
    from engine.networks.predictor import Predictor
    from engine.networks.region import RegionPredictor

log = logging.getLogger(__name__)

BEAT_S = 1.0
SILENCE_S = 30.0  #: without a sign of life at work
START_S = 120.0  #: the same while libraries are loaded, which holds Python's lock, from a slow disk
IDLENESS_S = 180.0  #: signs of life, but no work: it waits for a drive, or for itself
_WORK_S = 1.0  #: of the processor, that count as work
LONGEST_S = 1800.0  #: of a request, whatever it does
_ATTEMPTS = 2  #: a request that has killed this many children is given up
_STOPPED_TITLE = message("The engine stopped")
_REGION = "region"  #: the region network among the checkpoints
_TRIED_TWICE = message("One request stopped it twice and was given up; the others go on.")
_HUNG_TITLE = message("The engine did not respond")
_NO_MEMORY_TITLE = message("Not enough memory")
_NO_MEMORY_ADVICE = message("Close other programs and try again.")
_STARVED = message(
    "The system ended the engine twice at one request: close other programs and try again."
)
_LULL_S = 0.2  #: after a network is loaded, in which whoever waits for it asks
_NICENESS = 15  #: below the window and its decoding, which is at 10
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000  #: winbase.h


@dataclass(frozen=True)
class EngineSettings:
    """How the child works."""

    checkpoints: Mapping[str, Path] = field(default_factory=dict)  #: instead of the shipped ones
    threads: int | None = None  #: for the networks; None leaves one core for the window
    log_file: Path | None = None  #: where the child logs; None: standard error, if there is one


#: views of the study that are done, views in all, and what became final by the last of them
OnView = Callable[[int, int, StudyPrediction | None], None]

_numbers = itertools.count()


@dataclass(eq=False)
class _Request:
    """A call for the child: the name of a `Worker` method and its arguments."""

    method: str
    arguments: tuple[Any, ...]
    on_view: OnView | None = None
    overtakes: bool = False  #: also what the child is at: it is taken beside it
    future: Future[Any] = field(default_factory=Future)
    number: int = field(default_factory=lambda: next(_numbers))
    attempts: int = 0


class _Sign(enum.Enum):
    """What a message of the child's is; each comes with a request's number and a value."""

    BEAT = enum.auto()  #: it lives: seconds of the processor it has used
    VIEW = enum.auto()  #: of a study: what `OnView` is told
    REPLY = enum.auto()  #: whether it is an answer, and the answer or the error


class Hung(Exception):
    """The child lives, and does not work."""


class Watchdog:
    """Whether a child at work still does; told of every `BEAT_S`, in which it may be silent.

    Time is counted in beats, so that a computer's sleep does not count. Raises Hung.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience = patience_s
        self._silence = self._idleness = self._total = self._used = 0.0

    def heard(self, processor_s: float) -> None:
        """It lives, and has used so much of the processor."""
        self._silence = 0.0
        if processor_s - self._used > _WORK_S:
            self._idleness, self._used = 0.0, processor_s
        self._pass()

    def heard_nothing(self) -> None:
        self._silence += BEAT_S
        self._pass()

    def _pass(self) -> None:
        self._idleness += BEAT_S
        self._total += BEAT_S
        if (
            self._silence >= self._patience
            or self._idleness >= IDLENESS_S
            or self._total >= LONGEST_S
        ):
            raise Hung


@dataclass(frozen=True)
class _Child:
    process: BaseProcess
    connection: "Connection[Any, Any]"


class EngineProcess:
    """The window's handle on the child. All methods are thread-safe and return at once.

    The child starts with the first request, at the latest. A future that is cancelled while its
    request is being worked on is dropped at once; the child's answer is then thrown away. Futures'
    callbacks run on a thread of this class.
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self._settings = settings or EngineSettings()
        self._waiting: deque[_Request] = deque()
        self._changed = threading.Condition()
        #: written to when what waits has overtaken what the child is at
        self._nudged, self._nudge = multiprocessing.Pipe(duplex=False)
        self._is_stopping = False
        self._child: _Child | None = None
        self._has_replied = False  # this child, once
        self._is_restarting = False
        #: called with an EngineError, on a thread of this class, when a child died or hung
        self.on_restart: Callable[[EngineError], None] | None = None
        self._dispatcher = threading.Thread(target=self._dispatch, name="engine", daemon=True)
        self._dispatcher.start()
        atexit.register(self.stop)  # or an exit would look like the child's death: start it again

    def warm_up(self, model_name: str) -> "Future[ModelIdentity]":
        """Loads a network, and then lets it think once so that the first study is judged at full
        speed; but a study that is asked about at once does not wait for that.
        """
        return self._submit(_Request("warm_up", (model_name,)))

    def predict(
        self,
        study: Study,
        model_name: str,
        heatmaps: bool = False,
        *,
        urgent: bool = False,
        on_view: OnView | None = None,
    ) -> "Future[StudyPrediction]":
        """`urgent` overtakes what still waits: the open study goes before the worklist's.

        `on_view` is called on a thread of this class after every view, and again from the first
        if the child has to be started anew. It is told of breasts as in Predictor.predict_study.
        """
        return self._submit(_Request("predict", (study, model_name, heatmaps), on_view), urgent)

    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> "Future[RegionJudgement]":
        """Overtakes all else, for a reader looks at the spot: it waits for no study, also for none
        that the child is at. `box` as in RegionPrediction.
        """
        request = _Request("predict_region", (view, box), overtakes=True)
        return self._submit(request, urgent=True)

    @property
    def process_id(self) -> int | None:
        """The child's, or None while none runs."""
        with self._changed:
            child = self._child
            return child.process.pid if child is not None and child.process.is_alive() else None

    def restart(self) -> None:
        """Ends the child, whatever it does; a new one goes on with the same request."""
        with self._changed:
            if self._child is not None:
                self._is_restarting = True
                self._child.process.kill()

    def stop(self) -> None:
        """Ends the child, whatever it does, and cancels what waits; leaves no process behind."""
        atexit.unregister(self.stop)
        with self._changed:
            self._is_stopping = True
            waiting, self._waiting = self._waiting, deque()
            if self._child is not None:
                self._child.process.kill()
            self._changed.notify_all()
        for request in waiting:
            request.future.cancel()
        if threading.current_thread() is not self._dispatcher:
            self._dispatcher.join()

    def _submit(self, request: _Request, urgent: bool = False) -> Future[Any]:
        with self._changed:
            if self._is_stopping:
                request.future.cancel()
                return request.future
            if urgent:
                self._waiting.appendleft(request)
            else:
                self._waiting.append(request)
            if request.overtakes:
                self._nudge.send_bytes(b".")
            self._changed.notify_all()
        return request.future

    # ------------------------------------------------------- on the dispatcher's thread

    def _dispatch(self) -> None:
        try:
            while (request := self._next()) is not None:
                self._serve(request)
                del request  # or its study would stay in memory until the next one
        finally:
            self._discard_child()
            self._nudged.close()
            self._nudge.close()

    def _next(self) -> _Request | None:
        with self._changed:
            while not self._is_stopping:
                while self._waiting:
                    request = self._waiting.popleft()
                    if not request.future.cancelled():
                        return request
                self._changed.wait()
        return None

    def _serve(self, request: _Request) -> None:
        """Until the child has replied to it, and to what overtook it meanwhile."""
        pending = [request]  # to be handed over
        while pending and not self._is_stopping:
            underway: dict[int, _Request] = {}  # with the child, by number
            try:
                connection = self._living_child()
                while pending:
                    _hand_over(connection, pending.pop(0), underway)
                self._listen(connection, underway)
            except (EOFError, OSError, Hung) as error:  # the child is gone, or is to go
                pending = self._after(error, [*underway.values(), *pending])
        for left in pending:
            left.future.cancel()

    def _listen(self, connection: "Connection[Any, Any]", underway: dict[int, _Request]) -> None:
        """Until nothing is underway any more. Raises Hung."""
        is_starting = not self._has_replied or any(
            request.method == "warm_up" for request in underway.values()
        )
        watchdog = Watchdog(START_S if is_starting else SILENCE_S)
        while underway:
            ready = wait([connection, self._nudged], BEAT_S)
            if self._nudged in ready:
                self._nudged.recv_bytes()
                for request in self._overtaking():
                    _hand_over(connection, request, underway)
            if not ready:
                watchdog.heard_nothing()
            if connection not in ready:
                continue
            sign, number, value = connection.recv()
            if sign is _Sign.BEAT:
                watchdog.heard(value)
            elif sign is _Sign.VIEW:
                _report_view(underway[number], value)
            else:
                self._has_replied = True
                _settle(underway.pop(number).future, *value)
                watchdog = Watchdog(SILENCE_S)

    def _overtaking(self) -> list[_Request]:
        with self._changed:
            found = [r for r in self._waiting if r.overtakes and not r.future.cancelled()]
            self._waiting = deque(r for r in self._waiting if not r.overtakes)
        return found

    def _after(self, error: Exception, requests: Sequence[_Request]) -> list[_Request]:
        """What is still to be done of `requests` after the child's end."""
        how, failure = self._failure(error)
        self._discard_child()
        if self._is_stopping:
            return list(requests)
        names = ", ".join(request.method for request in requests)
        log.warning("The engine process %s at a %s request", how, names)
        requests = [request for request in requests if not request.future.cancelled()]
        if self._was_wanted():
            for request in requests:
                request.attempts -= 1
            return requests
        if requests and self.on_restart is not None:
            self.on_restart(failure)
        for request in requests:
            if request.attempts >= _ATTEMPTS:
                _settle(request.future, False, failure)
        return [request for request in requests if request.attempts < _ATTEMPTS]

    def _failure(self, error: Exception) -> tuple[str, EngineError]:
        """How the child ended, for the log and for the reader."""
        if isinstance(error, Hung):
            return "hung", EngineStopped(_HUNG_TITLE, _TRIED_TWICE)
        with self._changed:
            child = self._child
        if child is not None:
            child.process.join(1)
            # nobody but the system sends it SIGKILL, and that for want of memory
            if sys.platform == "linux" and child.process.exitcode == -signal.SIGKILL:
                return "died, killed by the system", EngineStopped(_NO_MEMORY_TITLE, _STARVED)
        return "died", EngineStopped(_STOPPED_TITLE, _TRIED_TWICE)

    def _was_wanted(self) -> bool:
        """Whether the child was ended by `restart`."""
        with self._changed:
            was_wanted, self._is_restarting = self._is_restarting, False
        return was_wanted

    def _living_child(self) -> "Connection[Any, Any]":
        """The connection to the child, which is started where there is none."""
        with self._changed:
            if self._is_stopping:
                raise EOFError
            if self._child is not None and self._child.process.is_alive():
                return self._child.connection
        self._discard_child()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._has_replied = self._is_restarting = False
        process = context.Process(
            target=_work, args=(theirs, self._settings), name="birads-engine", daemon=True
        )
        process.start()
        theirs.close()  # so that the child's death reads as end of file
        with self._changed:
            self._child = _Child(process, ours)
        if self._must_stop():  # stop() came while it was being started
            process.kill()
        return ours

    def _must_stop(self) -> bool:
        with self._changed:
            return self._is_stopping

    def _discard_child(self) -> None:
        with self._changed:
            if self._child is not None:
                self._child.connection.close()
                self._child.process.kill()
                self._child.process.join()
                self._child.process.close()
            self._child = None


def _hand_over(
    connection: "Connection[Any, Any]", request: _Request, underway: dict[int, _Request]
) -> None:
    """To the child; one that does not pickle fails at once. Raises OSError."""
    request.attempts += 1
    underway[request.number] = request
    try:
        connection.send((request.number, request.method, request.arguments))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  what does not pickle is our bug
        del underway[request.number]
        _settle(request.future, False, error)


def _report_view(request: _Request, of_view: tuple[int, int, StudyPrediction | None]) -> None:
    if request.on_view is not None and not request.future.cancelled():
        request.on_view(*of_view)


def _settle(future: Future[Any], has_succeeded: bool, result: Any) -> None:
    # The future stays pending while the child works, so that it can be cancelled until the end.
    if future.set_running_or_notify_cancel():
        if has_succeeded:
            future.set_result(result)
        else:
            future.set_exception(result)


# --------------------------------------------------------------------------------- in the child


def _work(connection: "Connection[Any, Any]", settings: EngineSettings) -> None:
    """The child's whole life: answers requests until its parent closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends us
    threading.Thread(target=_die_with_parent, name="parent watch", daemon=True).start()
    _configure_logging(settings.log_file)
    _step_back()
    serve_requests(connection, settings)


def serve_requests(connection: "Connection[Any, Any]", settings: EngineSettings) -> None:
    """Spots on one thread, all else on another; each takes as many threads for its networks."""
    pulse = _Pulse(connection)
    worker = Worker(settings)

    def reply(number: int, method: str, arguments: tuple[Any, ...]) -> None:
        def on_view(*of_view: Any) -> None:
            pulse.send(_Sign.VIEW, number, of_view)

        on_views = [on_view] if method == "predict" else []
        pulse.begin()
        value = _attempt(lambda: getattr(worker, method)(*arguments, *on_views), method)
        with suppress(OSError):  # the parent is gone, and so are we at once
            pulse.send(_Sign.REPLY, number, value)
        pulse.end()

    with ThreadPoolExecutor(1, "studies") as studies, ThreadPoolExecutor(1, "spots") as spots:
        try:
            while True:
                number, method, arguments = connection.recv()
                thread = spots if method == "predict_region" else studies
                replied = thread.submit(reply, number, method, arguments)
                if method == "warm_up":
                    replied.result()
                    if not connection.poll(_LULL_S):  # nobody waits for an answer
                        studies.submit(_attempt, partial(worker.think, *arguments), method)
                del arguments  # or its study would stay in memory until the next one
        except EOFError:
            pulse.stop()


def _attempt(call: Callable[[], Any], method: str) -> tuple[bool, Any]:
    """Whether there is an answer, and the answer or the error."""
    try:
        return True, call()
    except EngineError as error:
        return False, error
    except Exception as error:  # noqa: BLE001  our bug: no frames cross the pipe
        if is_out_of_memory(error):
            return False, _no_memory()
        trace = error_trace(error)
        log.error("A %s request failed: %s", method, trace)
        return False, RuntimeError(f"In the engine process: {trace}")


def _no_memory() -> EngineStopped:
    return EngineStopped(_NO_MEMORY_TITLE, _NO_MEMORY_ADVICE)


class _Pulse:
    """Tells the parent that the child lives, as long as it works; all that is sent goes by it."""

    def __init__(self, connection: "Connection[Any, Any]") -> None:
        self._connection = connection
        self._lock = threading.Lock()  # of the pipe
        self._counting = threading.Lock()
        self._works = 0  # requests at a time
        self._is_working = threading.Event()
        self._is_over = False
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def begin(self) -> None:
        with self._counting:
            self._works += 1
            self._is_working.set()

    def end(self) -> None:
        with self._counting:
            self._works -= 1
            if not self._works and not self._is_over:
                self._is_working.clear()

    def send(self, sign: _Sign, number: int, value: Any) -> None:
        with self._lock:
            self._connection.send((sign, number, value))

    def stop(self) -> None:
        self._is_over = True
        self._is_working.set()

    def _beat(self) -> None:
        while self._is_working.wait() and not self._is_over:
            time.sleep(BEAT_S)
            if not self._is_working.is_set() or self._is_over:
                continue
            try:
                self.send(_Sign.BEAT, -1, time.process_time())
            except OSError:  # the parent is gone, and so are we at once
                return


class Worker:
    """The networks in the child, each loaded when first asked for and then kept.

    Studies may be judged on one thread and spots on another; networks are loaded one at a time.

    So are the pixels of the last view that a region was asked of: a reader asks about several
    spots of a view, and decoding takes longer than the network.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._predictors: dict[str, Predictor] = {}
        self._regions: RegionPredictor | None = None
        self._loading = threading.Lock()
        self._has_threads = False
        self._decoded: tuple[MammogramView, Pixels] | None = None

    def warm_up(self, model_name: str) -> ModelIdentity:
        return self._predictor(model_name).identity

    def think(self, model_name: str) -> None:
        """Once, of nothing: see `Predictor.warm_up`."""
        self._predictor(model_name).warm_up()

    def predict(
        self, study: Study, model_name: str, heatmaps: bool, on_view: OnView
    ) -> StudyPrediction:
        return self._predictor(model_name).predict_study(study, heatmaps, on_view)

    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> RegionJudgement:
        predictor = self._region_predictor()
        return predictor.predict(view, self._pixels(view), box)

    def _pixels(self, view: MammogramView) -> Pixels:
        known = self._decoded
        if known is not None and (known[0].path, known[0].file) == (view.path, view.file):
            return known[1]
        from engine.dicom.loading import load_pixels

        self._decoded = known = None  # never two images in memory
        pixels = load_pixels(view)
        self._decoded = view, pixels
        return pixels

    def _predictor(self, model_name: str) -> "Predictor":
        with self._loading:
            if model_name not in self._predictors:
                from engine.networks.predictor import Predictor, another_network

                self._use_threads()
                predictor = Predictor(self._settings.checkpoints.get(model_name), model_name)
                if predictor.identity.name != model_name:
                    raise another_network(model_name, predictor.identity.name)
                self._predictors[model_name] = predictor
            return self._predictors[model_name]

    def _region_predictor(self) -> "RegionPredictor":
        with self._loading:
            if self._regions is None:
                from engine.networks.region import RegionPredictor

                self._use_threads()
                self._regions = RegionPredictor(self._settings.checkpoints.get(_REGION))
            return self._regions

    def _use_threads(self) -> None:
        """Once: "one less than there are" must not be taken off again with every network."""
        if not self._has_threads:
            from engine.networks.predictor import use_threads

            use_threads(self._settings.threads)
            self._has_threads = True


def _die_with_parent() -> None:
    """A killed parent leaves no orphan at work; the closed pipe alone shows only when idle."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


def _configure_logging(log_file: Path | None) -> None:
    handler: logging.Handler
    if log_file is not None:
        keep_private(log_file)  # of an earlier version; the window's umask makes a new one so
        handler = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    elif sys.stderr is not None:  # a windowed program on Windows has none
        handler = logging.StreamHandler()
    else:
        handler = logging.NullHandler()
    layout = "%(asctime)s engine %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format=layout)


def _step_back() -> None:
    """Lower priority than the window's."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(_NICENESS)
