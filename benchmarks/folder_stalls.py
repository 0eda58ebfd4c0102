"""The longest time that the window's thread does not answer, while a large folder is opened.

The studies are small, so that it is the list that grows fast: first the folder is opened, then
thumbnails are made, then the reader goes through some studies. See `gui_stalls` for the beats.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gui_stalls import Heart, gap_table
from PySide6.QtCore import QTimer
from reference_window import ReferenceWindow
from synthetic_studies import write_batch
from viewer_program import SilentEngine, program

STEPS = 15
_LOOK_S = 0.5  # at each study
_IDLE_S = 1.0  # before the folder is opened: the program's start is not what is measured


@dataclass(frozen=True)
class FolderStalls:
    studies: int
    first_s: float  #: until an image of the first study was painted
    listed_s: float  #: until all stood in the worklist
    thumbnails_s: float  #: until each had its thumbnail
    gaps_ms: np.ndarray
    own_ms: np.ndarray
    reference_ms: np.ndarray  #: the gaps of an empty window


def measure(count: int, say: Callable[[str], None]) -> FolderStalls:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        say(f"writing {count} small studies")
        studies = write_batch(home / "studies", count, rows=400, columns=320)
        with program(home, SilentEngine()) as viewer, ReferenceWindow() as reference:
            made: list[str] = []
            viewer.session.images.thumbnail_made.connect(lambda uid, _image: made.append(uid))
            _wait(viewer, _IDLE_S)
            heart = Heart()
            heart.start()
            start = time.monotonic()
            QTimer.singleShot(0, partial(viewer.window.open, [studies]))
            viewer.wait_for(lambda: viewer.shown >= 1)
            first = time.monotonic() - start
            viewer.wait_for(lambda: len(viewer.session.studies) == count)
            listed = time.monotonic() - start
            say(f"{count} studies listed after {listed:.1f} s")
            viewer.wait_for(lambda: len(made) == count)
            thumbnails = time.monotonic() - start
            for _ in range(STEPS):
                viewer.forget_painted()
                QTimer.singleShot(0, partial(viewer.window.worklist.step, 1))
                viewer.wait_for(lambda: viewer.shown >= 4)
                _wait(viewer, _LOOK_S)
            heart.stop()
        gaps, own = np.array(heart.gaps_ns) / 1e6, np.array(heart.own_ns) / 1e6
        return FolderStalls(count, first, listed, thumbnails, gaps, own, reference.gaps_ms)


def _wait(viewer, seconds: float) -> None:
    until = time.monotonic() + seconds
    QTimer.singleShot(round(1000 * seconds) + 1, lambda: None)  # the event loop sleeps
    viewer.wait_for(lambda: time.monotonic() > until)


def table(stalls: FolderStalls) -> list[str]:
    """Markdown."""
    return [
        f"{stalls.studies} small studies in a folder: first image after {stalls.first_s:.1f} s, "
        f"all listed after {stalls.listed_s:.1f} s, all thumbnails after "
        f"{stalls.thumbnails_s:.1f} s; then {STEPS} steps.",
        "",
        *gap_table(stalls.gaps_ms, stalls.own_ms, stalls.reference_ms),
    ]
