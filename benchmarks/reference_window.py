"""An empty window that beats beside the one that is measured: what the machine alone makes late.

    with ReferenceWindow() as reference:
        …
    reference.gaps_ms

It is a process of its own with Qt, a window and a timer of 1 ms, at the priority of the measured
one, and does nothing else. A gap that it has too is the machine's: some other process had the core.
It wants a core itself, a twentieth of one, so it makes the measured gaps no shorter.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType

import numpy as np


class ReferenceWindow:
    """From when it beats until the block's end."""

    def __init__(self) -> None:
        self.gaps_ms = np.zeros(0)
        self.own_ms = np.zeros(0)

    def __enter__(self) -> "ReferenceWindow":
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it beats
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        said, _ = self._process.communicate(b"\n")
        beats = np.frombuffer(said, np.int64).reshape(2, -1) / 1e6
        self.gaps_ms, self.own_ms = beats


def _beat() -> None:
    from gui_stalls import Heart
    from PySide6.QtCore import QSocketNotifier
    from PySide6.QtWidgets import QApplication, QWidget

    app = QApplication(sys.argv[:1])
    window = QWidget()
    window.resize(1920, 1080)
    window.show()
    heart = Heart()
    told = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
    told.activated.connect(app.quit)
    heart.start()
    sys.stdout.write("beats\n")
    sys.stdout.flush()
    app.exec()
    heart.stop()
    sys.stdout.buffer.write(np.array([heart.gaps_ns, heart.own_ns], np.int64).tobytes())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    _beat()
