"""The longest time that the window's thread does not answer, while a batch is read.

A timer of 1 ms beats on the window's thread. The reader opens fifty studies, JPEG 2000 and JPEG
Lossless in turn, and goes on to the next when all four views are painted and the model has
answered, or after 1.5 s without an answer. Meanwhile the next study is decoded ahead and the real
engine works through the list, in its own process, at its own lower priority. A beat that comes
late is a key that would have been heard late. The processor time of that thread tells its own work
from that of others, on a machine that is shared; what it waits for is in the gaps alone. An empty
window in a process of its own beats beside it.
"""

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer
from reference_window import ReferenceWindow
from synthetic_studies import write_batch
from viewer_program import Program, program

from viewer.session.inference import start_engine
from viewer.shared.states import EngineState

PATIENCE_S = 1.5
LONGEST_MS, MOST_MS = 50, 16  #: the aims: no gap over the first, 99 % within the second


@dataclass(frozen=True)
class Stalls:
    studies: int
    images: int
    seconds: float
    gaps_ms: np.ndarray  #: from beat to beat
    own_ms: np.ndarray  #: of these the processor time of the window's thread
    reference_ms: np.ndarray  #: the gaps of an empty window, meanwhile
    engine_seconds: float  #: of processor time
    judged: int  #: studies that the engine has answered meanwhile
    niceness: int


class Heart(QObject):
    """Beats on the window's thread and writes down how long each beat took."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps_ns: list[int] = []
        self.own_ns: list[int] = []
        self._worked_ns = 0
        self._clock = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self._worked_ns = time.thread_time_ns()
        self._clock.start()
        self._timer.start(1)

    def stop(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        self.gaps_ns.append(self._clock.nsecsElapsed())
        worked_ns = time.thread_time_ns()
        self.own_ns.append(worked_ns - self._worked_ns)
        self._worked_ns = worked_ns
        self._clock.start()


def measure(count: int, say: Callable[[str], None]) -> Stalls:
    with tempfile.TemporaryDirectory() as folder:
        say(f"writing {count} studies")
        studies = write_batch(Path(folder) / "studies", count)
        engine = start_engine(Path(folder) / "engine.log")
        with program(Path(folder), engine) as viewer:
            return _read(viewer, engine, studies, count, say)


def _read(viewer: Program, engine, studies: Path, count: int, say) -> Stalls:
    session = viewer.session
    session.inference.start()
    viewer.wait_for(lambda: session.inference.engine_status.state is EngineState.READY)
    child = psutil.Process(engine.process_id)
    with ReferenceWindow() as reference:
        before, start = _processor_seconds(child), time.monotonic()
        heart = Heart()
        heart.start()
        _go_through(viewer, studies, count, say)
        heart.stop()
        seconds = time.monotonic() - start
    return Stalls(
        count,
        4 * count,
        seconds,
        np.array(heart.gaps_ns) / 1e6,
        np.array(heart.own_ns) / 1e6,
        reference.gaps_ms,
        _processor_seconds(child) - before,
        session.inference.progress[0],
        os.getpriority(os.PRIO_PROCESS, engine.process_id),
    )


def _go_through(viewer: Program, studies: Path, count: int, say) -> None:
    session, start = viewer.session, time.monotonic()
    viewer.window.open([studies])
    for number in range(count):
        if number:
            viewer.window.worklist.step(1)
        viewer.wait_for(lambda: viewer.shown >= 4)
        patience = time.monotonic() + PATIENCE_S
        uid = session.current_study.uid
        viewer.wait_for(
            lambda uid=uid, patience=patience: (
                session.prediction(uid) is not None or time.monotonic() > patience
            )
        )
        if number % 10 == 9:
            say(f"{number + 1} studies, {time.monotonic() - start:.0f} s")


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def table(stalls: Stalls) -> list[str]:
    """Markdown."""
    return [
        f"{stalls.studies} studies ({stalls.images} images) read in {stalls.seconds:.0f} s; the "
        f"engine (nice {stalls.niceness}) judged {stalls.judged} of them and used "
        f"{stalls.engine_seconds:.0f} s of processor time.",
        "",
        *gap_table(stalls.gaps_ms, stalls.own_ms, stalls.reference_ms),
    ]


def gap_table(gaps: np.ndarray, own: np.ndarray, reference: np.ndarray) -> list[str]:
    """Markdown; milliseconds from beat to beat, of these the thread's own work, and the gaps of an
    empty window meanwhile (see `reference_window`).
    """

    def late(beats: np.ndarray) -> float:
        return 100 * beats[beats > MOST_MS].sum() / beats.sum()

    def row(name: str, figure: Callable[[np.ndarray], object], unit: str = "") -> str:
        return f"| {name} | {figure(gaps)}{unit} | {figure(reference)}{unit} |"

    return [
        "| gap between two beats | the window's thread | an empty window's, meanwhile |",
        "| --- | --- | --- |",
        row("beats", len),
        row("median", lambda beats: f"{np.median(beats):.1f}", " ms"),
        row("99th percentile", lambda beats: f"{np.percentile(beats, 99):.1f}", " ms"),
        row(f"share within {MOST_MS} ms", lambda b: f"{100 * np.mean(b <= MOST_MS):.2f}", " %"),
        row("share of the time that lies in longer gaps", lambda b: f"{late(b):.2f}", " %"),
        row(f"gaps over {LONGEST_MS} ms", lambda beats: np.count_nonzero(beats > LONGEST_MS)),
        row("the longest", lambda b: ", ".join(f"{gap:.0f}" for gap in np.sort(b)[:-6:-1]), " ms"),
        f"| most of its own work in one gap | {own.max():.1f} ms |  |",
        f"| own work in the longest gaps | {_own_in_longest(gaps, own)} ms |  |",
    ]


def _own_in_longest(gaps: np.ndarray, own: np.ndarray) -> str:
    return ", ".join(f"{own[place]:.0f}" for place in np.argsort(gaps)[:-6:-1])
