"""The networks in a child process of their own, so that the window neither waits nor dies.

One request is in the child at a time; the others wait on this side, where they can still be
cancelled, overtaken, and survive the child. A child that dies (a crash in a codec or a kernel, the
system out of memory) is started again and its request tried once more; if that kills it too, the
request fails with `EngineStopped` and the next one goes on. So it is with a child that hangs: while
it works, a thread of it tells every second that it lives, and how much of the processor it has
used. Silence for `SILENCE_S`, or no work for `IDLENESS_S`, ends it.

Importing this module does not import torch: only the child does, at its first request. The child
is spawned, so the program's main module is imported there too; it must not import Qt at its top.
"""

import atexit
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from engine.domain import (
    MammogramView,
    ModelIdentity,
    RegionJudgement,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError, EngineStopped, fault_trace, is_out_of_memory
from engine.private_files import keep_private

log = logging.getLogger(__name__)

BEAT_S = 1.0
SILENCE_S = 30.0  #: without a sign of life at work
START_S = 120.0  #: the same while libraries are loaded, which holds Python's lock, from a slow disk
IDLENESS_S = 180.0  #: signs of life, but no work: it waits for a drive, or for itself
_WORK_S = 1.0  #: of the processor, that count as work
LONGEST_S = 1800.0  #: of a request, whatever it does
_ATTEMPTS = 2  #: a request that has killed this many children is given up
_STOPPED_TITLE = "The engine stopped"
_REGION = "region"  #: the region network among the checkpoints
_TRIED_TWICE = "One request stopped it twice and was given up; the others go on."
_HUNG_TITLE = "The engine did not respond"
_NO_MEMORY_TITLE = "Not enough memory"
_NO_MEMORY_ADVICE = "Close other programs and try again."
_STARVED = "The system ended the engine twice at one request: close other programs and try again."
_NICENESS = 15  #: below the window and its decoding, which is at 10
_BELOW_NORMAL_PRIORITY_CLASS = 0x4000  #: winbase.h


@dataclass(frozen=True)
class EngineSettings:
    """How the child works."""

    checkpoints: Mapping[str, Path] = field(default_factory=dict)  #: instead of the shipped ones
    threads: int | None = None  #: for the networks; None leaves one core for the window
    log_file: Path | None = None  #: where the child logs; None: standard error, if there is one


@dataclass(eq=False)
class _Request:
    """A call for the child: the name of a `_Worker` method and its arguments."""

    method: str
    arguments: tuple[Any, ...]
    future: Future = field(default_factory=Future)
    attempts: int = 0


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
        self._is_stopping = False
        self._child: BaseProcess | None = None
        self._connection: Connection | None = None
        self._has_answered = False  # this child, once
        self._is_restarting = False
        #: called with an EngineError, on a thread of this class, when a child died or hung
        self.on_restart: Callable[[EngineError], None] | None = None
        self._dispatcher = threading.Thread(target=self._dispatch, name="engine", daemon=True)
        self._dispatcher.start()
        atexit.register(self.stop)  # or an exit would look like the child's death: start it again

    def warm_up(self, model_name: str) -> "Future[ModelIdentity]":
        """Loads a network and lets it think once, so that the first study need not wait for it."""
        return self._submit(_Request("warm_up", (model_name,)))

    def predict(
        self, study: Study, model_name: str, heatmaps: bool = False, *, urgent: bool = False
    ) -> "Future[StudyPrediction]":
        """`urgent` overtakes what still waits: the open study goes before the worklist's."""
        return self._submit(_Request("predict", (study, model_name, heatmaps)), urgent)

    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> "Future[RegionJudgement]":
        """Overtakes what still waits: a reader looks at the spot. `box` as in RegionPrediction."""
        return self._submit(_Request("predict_region", (view, box)), urgent=True)

    @property
    def process_id(self) -> int | None:
        """The child's, or None while none runs."""
        with self._changed:
            return self._child.pid if self._child is not None and self._child.is_alive() else None

    def restart(self) -> None:
        """Ends the child, whatever it does; a new one goes on with the same request."""
        with self._changed:
            if self._child is not None:
                self._is_restarting = True
                self._child.kill()

    def stop(self) -> None:
        """Ends the child, whatever it does, and cancels what waits; leaves no process behind."""
        atexit.unregister(self.stop)
        with self._changed:
            self._is_stopping = True
            waiting, self._waiting = self._waiting, deque()
            if self._child is not None:
                self._child.kill()
            self._changed.notify_all()
        for request in waiting:
            request.future.cancel()
        if threading.current_thread() is not self._dispatcher:
            self._dispatcher.join()

    def _submit(self, request: _Request, urgent: bool = False) -> Future:
        with self._changed:
            if self._is_stopping:
                request.future.cancel()
                return request.future
            if urgent:
                self._waiting.appendleft(request)
            else:
                self._waiting.append(request)
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
        while not self._is_stopping:
            request.attempts += 1
            try:
                connection = self._living_child()
                connection.send((request.method, request.arguments))
                is_answer, result = self._answer(connection, request.method)
            except (EOFError, OSError, _Hung) as error:  # the child is gone, or is to go
                failure = self._failure(error)
                self._discard_child()
                if self._is_stopping:
                    break
                log.warning("The engine process %s at a %s request", failure[0], request.method)
                if request.future.cancelled():
                    return
                if self._was_wanted():
                    request.attempts -= 1
                    continue
                if self.on_restart is not None:
                    self.on_restart(failure[1])
                if request.attempts < _ATTEMPTS:
                    continue
                is_answer, result = False, failure[1]
            except Exception as error:  # a request or an answer that does not pickle: our bug
                is_answer, result = False, error
            _settle(request.future, is_answer, result)
            return
        request.future.cancel()

    def _answer(self, connection: Connection, method: str) -> tuple[bool, Any]:
        """Raises _Hung. Time is counted in waits, so that a computer's sleep does not count."""
        is_starting = method == "warm_up" or not self._has_answered
        patience = START_S if is_starting else SILENCE_S
        silence = idleness = total = used = 0.0
        while True:
            if connection.poll(BEAT_S):
                kind, *rest = connection.recv()
                if kind is not _BEAT:
                    self._has_answered = True
                    return kind, rest[0]
                silence = 0.0
                if rest[0] - used > _WORK_S:
                    idleness, used = 0.0, rest[0]
            else:
                silence += BEAT_S
            idleness += BEAT_S
            total += BEAT_S
            if silence >= patience or idleness >= IDLENESS_S or total >= LONGEST_S:
                raise _Hung

    def _failure(self, error: Exception) -> tuple[str, EngineError]:
        """How the child ended, for the log and for the reader."""
        if isinstance(error, _Hung):
            return "hung", EngineStopped(_HUNG_TITLE, _TRIED_TWICE)
        with self._changed:
            child = self._child
        if child is not None:
            child.join(1)
            # nobody but the system sends it SIGKILL, and that for want of memory
            if sys.platform == "linux" and child.exitcode == -signal.SIGKILL:
                return "died, killed by the system", EngineStopped(_NO_MEMORY_TITLE, _STARVED)
        return "died", EngineStopped(_STOPPED_TITLE, _TRIED_TWICE)

    def _was_wanted(self) -> bool:
        """Whether the child was ended by `restart`."""
        with self._changed:
            was_wanted, self._is_restarting = self._is_restarting, False
        return was_wanted

    def _living_child(self) -> Connection:
        """The connection to the child, which is started where there is none."""
        with self._changed:
            if self._is_stopping:
                raise EOFError
            if self._connection is not None and self._child.is_alive():
                return self._connection
        self._discard_child()
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._has_answered = self._is_restarting = False
        child = context.Process(
            target=_work, args=(theirs, self._settings), name="birads-engine", daemon=True
        )
        child.start()
        theirs.close()  # so that the child's death reads as end of file
        with self._changed:
            self._child, self._connection = child, ours
            if self._is_stopping:  # stop() came while it was being started
                child.kill()
        return ours

    def _discard_child(self) -> None:
        with self._changed:
            if self._child is not None:
                self._connection.close()
                self._child.kill()
                self._child.join()
                self._child.close()
            self._child = self._connection = None


class _Hung(Exception):
    """The child lives, and does not work."""


_BEAT = None  #: in the place of "is it an answer"


def _settle(future: Future, is_answer: bool, result: Any) -> None:
    # The future stays pending while the child works, so that it can be cancelled until the end.
    if future.set_running_or_notify_cancel():
        if is_answer:
            future.set_result(result)
        else:
            future.set_exception(result)


# --------------------------------------------------------------------------------- in the child


def _work(connection: Connection, settings: EngineSettings) -> None:
    """The child's whole life: answers requests until its parent closes the pipe or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends us
    threading.Thread(target=_die_with_parent, name="parent watch", daemon=True).start()
    _configure_logging(settings.log_file)
    _step_back()
    _serve_requests(connection, settings)


def _serve_requests(connection: Connection, settings: EngineSettings) -> None:
    worker = _Worker(settings)
    pulse = _Pulse(connection)
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            pulse.stop()
            return
        pulse.begin()
        try:
            reply = (True, getattr(worker, method)(*arguments))
        except EngineError as error:
            reply = (False, error)
        except Exception as error:  # our bug; frames do not cross the pipe, and it may not pickle
            if is_out_of_memory(error):
                pulse.end((False, _no_memory()))
                continue
            trace = fault_trace(error)
            log.error("A %s request failed: %s", method, trace)
            reply = (False, RuntimeError(f"In the engine process: {trace}"))
        pulse.end(reply)


def _no_memory() -> EngineStopped:
    return EngineStopped(_NO_MEMORY_TITLE, _NO_MEMORY_ADVICE)


class _Pulse:
    """Tells the parent that the child lives, as long as it works on a request."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()  # of the pipe, and of whether there is work
        self._is_working = threading.Event()
        self._is_over = False
        threading.Thread(target=self._beat, name="pulse", daemon=True).start()

    def begin(self) -> None:
        self._is_working.set()

    def end(self, reply: tuple[bool, Any]) -> None:
        """No sign of life follows the reply."""
        with self._lock:
            self._is_working.clear()
            self._connection.send(reply)

    def stop(self) -> None:
        self._is_over = True
        self._is_working.set()

    def _beat(self) -> None:
        while self._is_working.wait() and not self._is_over:
            time.sleep(BEAT_S)
            with self._lock:
                if not self._is_working.is_set():
                    continue
                try:
                    self._connection.send((_BEAT, time.process_time()))
                except OSError:  # the parent is gone, and so are we at once
                    return


class _Worker:
    """The networks in the child, each loaded when first asked for and then kept.

    So are the pixels of the last view that a region was asked of: a reader asks about several
    spots of a view, and decoding takes longer than the network.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._predictors: dict[str, Any] = {}
        self._has_threads = False
        self._decoded: tuple[MammogramView, Any] | None = None  # the view, and its Pixels

    def warm_up(self, model_name: str) -> ModelIdentity:
        predictor = self._predictor(model_name)
        predictor.warm_up()
        return predictor.identity

    def predict(self, study: Study, model_name: str, heatmaps: bool) -> StudyPrediction:
        return self._predictor(model_name).predict_study(study, heatmaps)

    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> RegionJudgement:
        predictor = self._region_predictor()
        return predictor.predict(view, self._pixels(view), box)

    def _pixels(self, view: MammogramView) -> Any:
        known = self._decoded
        if known is None or (known[0].path, known[0].file) != (view.path, view.file):
            from engine.dicom.loading import load_pixels

            self._decoded = None  # never two images in memory
            self._decoded = view, load_pixels(view)
        return self._decoded[1]

    def _predictor(self, model_name: str) -> Any:
        if model_name not in self._predictors:
            from engine.networks.predictor import Predictor, another_network

            self._use_threads()
            predictor = Predictor(self._settings.checkpoints.get(model_name), model_name)
            if predictor.identity.name != model_name:
                raise another_network(model_name, predictor.identity.name)
            self._predictors[model_name] = predictor
        return self._predictors[model_name]

    def _region_predictor(self) -> Any:
        if _REGION not in self._predictors:
            from engine.networks.region import RegionPredictor

            self._use_threads()
            self._predictors[_REGION] = RegionPredictor(self._settings.checkpoints.get(_REGION))
        return self._predictors[_REGION]

    def _use_threads(self) -> None:
        """Once: "one less than there are" must not be taken off again with every network."""
        if not self._has_threads:
            from engine.networks.predictor import use_threads

            use_threads(self._settings.threads)
            self._has_threads = True


def _die_with_parent() -> None:
    """A killed parent leaves no orphan at work; the closed pipe alone shows only when idle."""
    multiprocessing.parent_process().join()
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
