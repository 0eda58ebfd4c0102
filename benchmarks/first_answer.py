"""From a cold engine to the answer and heat-maps of four views, and a spot asked about meanwhile.

    PYTHONPATH=. python benchmarks/first_answer.py [--models both hybrid light] [--turns 3]

Four uncompressed images of 4096 x 3328, written before, in the system's cache; the engine process
as the window starts it, without the window. Cold: from the process's start. Warm: the same study
again, by the same process. Spots: up to five times a rectangle on one of its views, decoded
already, asked about while the study is judged a third time. The median of the turns, each with an
engine of its own. "first breast": what is told of a breast whose views are all judged.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from engine.dicom.loading import load
from engine.domain import MODEL_NAMES, Study, StudyPrediction
from engine.networks.process import EngineProcess
from tests.phantom import write_study

BOX = (1200, 1800, 1500, 2100)
SPOTS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODEL_NAMES), choices=MODEL_NAMES)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (study,) = load([write_study(Path(folder), rows=4096, columns=3328)]).studies
        lines = ["| | cold, s | first breast, s | warm, s | spot meanwhile, s | longest, s |"]
        lines.append("| --- | --- | --- | --- | --- | --- |")
        for name in arguments.models:
            taken = defaultdict(list)
            for _ in range(arguments.turns):
                for what, seconds in _measure(study, name).items():
                    taken[what].append(seconds)
            times = " | ".join(f"{median(seconds):.2f}" for seconds in taken.values())
            lines.append(f"| {name} | {times} |")
    sys.stdout.write("\n".join(lines) + "\n")


def _measure(study: Study, name: str) -> dict[str, float]:
    """Seconds, by what takes them."""
    told: list[float] = []  # when breasts were

    def on_view(_done: int, _total: int, part: StudyPrediction | None = None) -> None:
        if part is not None:
            told.append(time.perf_counter())

    engine = EngineProcess()
    try:
        start = time.perf_counter()
        engine.predict(study, name, heatmaps=True, on_view=on_view).result()
        cold = time.perf_counter() - start
        again = time.perf_counter()
        engine.predict(study, name, heatmaps=True).result()
        warm = time.perf_counter() - again
        view = study.views[0]
        engine.predict_region(view, BOX).result()  # decoded, and its network loaded
        spots: list[float] = []
        busy = engine.predict(study, name, heatmaps=True)
        while not busy.done() and len(spots) < SPOTS:
            time.sleep(0.13)  # at different steps of the work
            asked = time.perf_counter()
            engine.predict_region(view, BOX).result()
            spots.append(time.perf_counter() - asked)
    finally:
        engine.stop()
    first = told[0] - start if told else cold
    return {"cold": cold, "first": first, "warm": warm, "spot": median(spots), "most": max(spots)}


if __name__ == "__main__":  # the engine's child imports this file anew
    main()
