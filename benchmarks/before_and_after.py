"""This checkout beside an earlier one, in turns: the program's start, first images, frames.

    git worktree add ../before COMMIT
    QT_QPA_PLATFORM=offscreen python benchmarks/before_and_after.py ../before [--turns 5]

Start: from the process to the window's first painting, without a study, in an empty home. First
images and frames: `viewer_speed.py opening` and `frames` of either checkout. Of each figure the
median over the turns of its medians, and the smallest; the machine's other work tells on both.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[1]
_START = """
import os, sys
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow

class FirstPainting(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and isinstance(watched, QMainWindow):
            print("painted", flush=True)
            os._exit(0)
        return False

def go(*_):
    filter_ = FirstPainting()
    QApplication.instance().installEventFilter(filter_)
    for window in QApplication.topLevelWidgets():
        window.update()
    while True:
        QApplication.processEvents()

QApplication.exec = go
from viewer.__main__ import main
sys.exit(main(["--demo", "--model", "light"]))
"""
_ROW = re.compile(r"\| (.+?) \| (birads-viewer.*?) \| ([\d.]+) \| ([\d.]+) \|")
Figures = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="the earlier checkout")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    trees = {"before": arguments.before.resolve(), "now": HERE}
    found: dict[str, Figures] = {name: defaultdict(list) for name in trees}
    for turn in range(arguments.turns):
        for name, tree in trees.items():
            sys.stderr.write(f"turn {turn + 1}, {name}\n")
            _measure(tree, found[name])
    lines = ["| ms | before | now | ratio of medians | ratio of the smallest |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for what, before in found["before"].items():
        now = found["now"][what]
        ratios = median(now) / median(before), min(now) / min(before)
        cells = f"{median(before):.1f} | {median(now):.1f} | {ratios[0]:.2f} | {ratios[1]:.2f}"
        lines.append(f"| {what} | {cells} |")
    sys.stdout.write("\n".join(lines) + "\n")


def _measure(tree: Path, figures: Figures) -> None:
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": ""}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as home:
            figures["start"].append(1e3 * _start(tree, environment | {"HOME": home}))
    for part in ("opening", "frames"):
        command = [sys.executable, "benchmarks/viewer_speed.py", part, "--quick"]
        output = subprocess.run(
            command, cwd=tree, env=environment, check=True, capture_output=True, text=True
        ).stdout
        for action, program, middle, _ in _ROW.findall(output):
            figures[f"{action}{program.removeprefix('birads-viewer')}"].append(float(middle))


def _start(tree: Path, environment: dict[str, str]) -> float:
    """Seconds; each in a home of its own, where no study was open and no engine is left."""
    environment = {k: v for k, v in environment.items() if not k.startswith("XDG_")}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _START],
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "painted":
            raise SystemExit(f"{tree} did not start")
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
