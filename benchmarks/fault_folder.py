"""A folder of a thousand studies in the window: when the first one shows, and whether all come."""

import time
from contextlib import suppress
from pathlib import Path

from fault_rows import Row, Say
from PySide6.QtWidgets import QApplication
from synthetic_studies import write_batch
from viewer_program import SilentEngine, program

_FULL = 1000  # studies where 100,000 mutants are asked for
_STEPS = 15
_FIRST_S = 2.0


def measure(count: int, seed: int, folder: Path, say: Say) -> list[Row]:
    studies = max(10, _FULL * count // 100_000)
    say(f"folder: writing {studies} studies")
    write_batch(folder / "studies", studies, ["jpeg-lossless-sv1"], 800, 640)
    if QApplication.instance() is None:
        measure.application = QApplication(["faults"])  # type: ignore[attr-defined]  # kept alive
    with program(folder, SilentEngine()) as viewer:
        finished: list[float] = []
        listed: list[int] = []
        session = viewer.session
        session.catalogue_opened.connect(lambda catalogue: listed.append(len(catalogue.studies)))
        session.catalogue_grown.connect(
            lambda catalogue, _new: listed.append(len(catalogue.studies))
        )
        session.opening.finished.connect(lambda: finished.append(time.monotonic()))
        start = time.monotonic()
        viewer.window.open([folder / "studies"])
        viewer.wait_for(lambda: viewer.shown >= 1, 600)
        first = time.monotonic() - start
        say(f"folder: first image after {first:.1f} s, {listed[-1]} studies listed")
        viewer.wait_for(lambda: bool(finished), 600)
        with suppress(TimeoutError):  # they come to the list some at a time
            viewer.wait_for(lambda: listed[-1] >= studies, 60)
        whole = time.monotonic() - start
        steps = []
        for _ in range(min(_STEPS, studies - 1)):
            start = time.monotonic()
            viewer.window.worklist.step(1)
            viewer.wait_for(lambda: viewer.shown >= 4, 60)
            steps.append(time.monotonic() - start)
    remark = f"first image after {first:.1f} s, all listed after {whole:.1f} s, "
    remark += f"longest of {len(steps)} steps to the next study {max(steps):.1f} s"
    slow = (first > _FIRST_S) + sum(step > _FIRST_S for step in steps)
    lost = studies - listed[-1]
    return [Row("studies in one folder", studies, slow=slow, lost=lost, remark=remark)]
