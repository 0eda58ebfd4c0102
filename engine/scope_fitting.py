"""`birads-engine fit-scope`: learns what mammograms look like, for `engine.appearance`.

Mammograms stand against other pictures (a folder with a sub-folder per kind, never the kinds it is
judged by) and against what can be made of both: negatives, breasts laid on their side, pieces of
tissue, two breasts back to back, tissue and pictures cut out and put on black. So that no machine's
habits are taken for the breast's, every mammogram also counts as an imitation of other machines:
another tone curve, skin line and local contrast, blanked air, sides cut off or padded.
`benchmarks/scope_gate.py` measures how well that carries over to data sets that were left out.
"""

import argparse
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine import appearance, dataset, preprocessing
from engine.appearance import NAMES, UPRIGHT, Appearance, Score, terms
from engine.dataset import ManifestRow
from engine.domain import ViewPosition
from engine.errors import InvalidData, StorageFailed, UnsupportedImage
from engine.row_predictions import read_row

MAMMOGRAM, IMITATION, INVERTED, UPSIDE_DOWN = "mammogram", "imitation", "inverted", "upside down"
MADE = ("on its side", "piece of tissue", "two breasts", "island of tissue")
PICTURE, CUT_OUT = "picture", "cut-out picture"

_ROWS = 512  #: at which imitations are made
_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}
_STRENGTH = 0.03  #: scikit-learn's C
_IMITATIONS_WEIGH = 1.0  #: as much as the mammograms themselves
#: How much each kind of counter-example weighs, however many there are.
_AGAINST = {PICTURE: 1.0, CUT_OUT: 0.5, INVERTED: 0.4, **dict.fromkeys(MADE, 0.25)}
_REFUSED = 0.003  #: of the mammograms at the limit, and as many upright ones
_MARGIN = 0.0  #: by which the limit lies lower still


@dataclass(frozen=True)
class Sample:
    """One measured image; `values` (`NAMES` and `UPRIGHT`) are NaN where it has no outline."""

    role: str
    group: str  #: the mammogram's data set, or the picture's kind
    source: str  #: the patient, or the picture it was cut from
    view: str
    values: np.ndarray


# ------------------------------------------------------------------------------------ measuring


def measure_mammograms(
    rows: Sequence[ManifestRow], on_progress: Callable[[int, int], None] | None = None
) -> list[Sample]:
    """Every row as it is, as a negative, upside down, imitated, and one thing made of it."""
    samples = []
    for number, row in enumerate(rows, start=1):
        view, pixels = read_row(row)
        image = _square(preprocessing.grey(view, pixels), view.pixel_aspect)
        chance = np.random.default_rng(zlib.crc32(row.file.encode()))
        shown = {MAMMOGRAM: image, INVERTED: 255 - image, UPSIDE_DOWN: image[::-1]}
        try:
            shown[IMITATION] = imitation(image, chance)
            role = MADE[number % len(MADE)]
            shown[role] = _made(role, image, chance)
        except UnsupportedImage:  # no breast in it: nothing to make anything of
            pass
        position = view.view_position.value if view.view_position else ""
        samples += [
            Sample(role, row.dataset, row.patient_id, position, _measured(shown[role]))
            for role in shown
        ]
        if on_progress is not None:
            on_progress(number, len(rows))
    return samples


def measure_pictures(folder: Path, *, cut_out: bool = True) -> list[Sample]:
    """The images of the sub-folders; up to two hyphens a file's name tells its source.

    Raises InvalidData where there are none.
    """
    samples = []
    for path in sorted(folder.glob("*/*")):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            continue
        image = _square(image, 1.0)
        chance = np.random.default_rng(zlib.crc32(path.name.encode()))
        shown = {PICTURE: image}
        if cut_out:
            shown[CUT_OUT] = _cut_out(image, chance)
        source = path.stem.partition("--")[0]
        samples += [
            Sample(role, path.parent.name, source, "", _measured(shown[role])) for role in shown
        ]
    if not samples:
        raise InvalidData("No pictures found", f"{folder.name} needs a sub-folder per kind.")
    return samples


def _measured(image: np.ndarray) -> np.ndarray:
    found = appearance.measure_or_none(np.ascontiguousarray(image))
    if found is None:
        return np.full(len(NAMES) + len(UPRIGHT), np.nan)
    return np.array([found[name] for name in (*NAMES, *UPRIGHT)])


def _square(image: np.ndarray, pixel_aspect: float) -> np.ndarray:
    rows = min(image.shape[0], _ROWS)
    columns = max(8, round(image.shape[1] * rows / (image.shape[0] * pixel_aspect)))
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)


def _facing_right(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image with its chest wall on the left, and the breast's mask (uint8, 0 or 1)."""
    small = preprocessing.outline_breast(image)
    mask = cv2.resize(small.astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
    if preprocessing.chest_wall_is_right(small):
        image, mask = image[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def imitation(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The mammogram (uint8) as another machine might have shown it, chest wall on the left."""
    image, mask = _facing_right(image)
    breast = mask > 0
    depth = cv2.distanceTransform(
        cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3
    )[1:-1, 1:-1]
    depth /= max(np.percentile(depth[breast], 98), 1.0)
    values = (image / 255.0) ** chance.uniform(0.7, 1.8)
    skin = np.exp(-depth / chance.uniform(0.03, 0.15))
    values *= 1 + chance.uniform(0, 1.5) * skin * breast
    top = max(np.percentile(values[breast], 99.8), 1e-3)
    image = np.round(np.clip(values / top, 0, 1) * 255).astype(np.uint8)
    clip = chance.uniform(0, 5)
    if clip > 0.5:
        image = np.where(breast, cv2.createCLAHE(clip, (8, 8)).apply(image), image)
    if chance.random() < 0.6:
        image = np.where(breast, image, 0)
    rows, columns = image.shape
    if chance.random() < 0.3:
        stop = np.flatnonzero(mask.any(axis=0))[-1] + chance.uniform(-0.02, 0.1) * columns
        image = image[:, : max(columns // 4, int(stop))]

    def pad(size: int, chances: float, share: float) -> int:
        return int(chance.uniform(0, share) * size) if chance.random() < chances else 0

    down = (pad(rows, 0.3, 0.08), pad(rows, 0.3, 0.08))
    return np.pad(image, (down, (pad(columns, 0.6, 0.12), pad(columns, 0.4, 0.6))))


def _made(role: str, image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    side, piece, pair, _ = MADE
    if role == side:
        return np.rot90(image, chance.choice((1, 3)))
    facing, mask = _facing_right(image)
    column, row, width, height = cv2.boundingRect(mask)
    box = facing[row : row + height, column : column + width]
    if role == piece:
        return box[height // 4 : -height // 4, : max(40, width // 2)]
    if role == pair:
        return np.pad(np.hstack([box[:, ::-1], box]), 10)
    tissue = np.ascontiguousarray(box[:, : max(16, int(0.8 * width))])
    size = (int(1.4 * width), int(1.1 * height))
    return _ellipse(cv2.resize(tissue, size), chance, 0.25, 0.48)


def _cut_out(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The picture in an ellipse or, as an ultrasound probe sees, in a sector, on black."""
    if chance.random() < 0.5:
        return _ellipse(image, chance, 0.25, 0.5)
    rows, columns = image.shape
    mask = np.zeros_like(image)
    size = (int(0.9 * rows), int(0.95 * rows))
    cv2.ellipse(mask, (columns // 2, 0), size, 0, 50, 130, 1, cv2.FILLED)
    return image * mask


def _ellipse(
    image: np.ndarray, chance: np.random.Generator, smallest: float, largest: float
) -> np.ndarray:
    rows, columns = image.shape
    mask = np.zeros_like(image)
    size = tuple(max(8, int(n * chance.uniform(smallest, largest))) for n in (columns, rows))
    cv2.ellipse(mask, (columns // 2, rows // 2), size, 0, 0, 360, 1, cv2.FILLED)
    return image * mask


# -------------------------------------------------------------------------------------- fitting


def fit(samples: Iterable[Sample]) -> Appearance:
    """Data sets weigh as the square root of their size, counter-examples as `_AGAINST` says."""
    samples = [sample for sample in samples if np.isfinite(sample.values).all()]
    of_role: dict[str, list[Sample]] = {}
    for sample in samples:
        of_role.setdefault(sample.role, []).append(sample)
    ours = of_role.get(MAMMOGRAM, [])
    if not ours or PICTURE not in of_role:
        raise InvalidData("Nothing to fit", "Both mammograms and other pictures are needed.")

    measured = slice(0, len(NAMES))
    own = _values(ours)[:, measured]
    groups = [sample.group for sample in ours]
    weights = np.array([groups.count(group) ** -0.5 for group in groups])
    parts = [(own, weights / weights.sum(), 1.0)]
    if IMITATION in of_role:
        parts.append(_weighted(of_role[IMITATION], measured, _IMITATIONS_WEIGH, 1.0))
    for role, weight in _AGAINST.items():
        if role in of_role:
            parts.append(_weighted(of_role[role], measured, weight, 0.0))
    is_mammogram = _fit_score(NAMES, parts, own)
    limit = float(np.quantile([_ask(is_mammogram, values) for values in own], _REFUSED)) - _MARGIN

    obliques = _values(s for s in ours if s.view == ViewPosition.MLO.value)[:, len(NAMES) :]
    upright = _values(ours)[:, len(NAMES) :]
    if not len(obliques):
        raise InvalidData("No oblique views", "Upside down can only be learnt from MLO views.")
    both = [(obliques, _even(obliques), 1.0), (-obliques, _even(obliques), 0.0)]
    is_upright = _fit_score(UPRIGHT, both, np.concatenate([obliques, -obliques]))
    limits = [
        min(0.0, float(np.quantile([_ask(is_upright, v) for v in values], _REFUSED)))
        for values in (upright, obliques)
    ]
    return Appearance(is_mammogram, is_upright, limit, *limits)


def _values(samples: Iterable[Sample]) -> np.ndarray:
    found = [sample.values for sample in samples]
    return np.array(found).reshape(-1, len(NAMES) + len(UPRIGHT))


def _even(values: np.ndarray) -> np.ndarray:
    return np.full(len(values), 1 / len(values))


def _weighted(samples: Sequence[Sample], part: slice, weight: float, truth: float):
    values = _values(samples)[:, part]
    return values, weight * _even(values), truth


def _ask(score: Score, values: np.ndarray) -> float:
    return score(dict(zip(score.names, values.tolist(), strict=True)))


def _fit_score(names: tuple[str, ...], parts: Sequence[tuple], reference: np.ndarray) -> Score:
    """An L2-penalised logistic regression on standardised `terms`, classes of equal weight."""
    from sklearn.linear_model import LogisticRegression

    values = np.concatenate([part[0] for part in parts])
    truth = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    weights = np.concatenate([part[1] for part in parts])
    for value in (0.0, 1.0):
        weights[truth == value] /= weights[truth == value].sum()
    centre = np.median(reference, axis=0)
    scale = np.maximum(values[truth == 1].std(axis=0), 1e-3)
    laid_out = terms(values, centre, scale).reshape(len(values), -1)
    size = laid_out.std(axis=0) + 1e-6
    regression = LogisticRegression(C=_STRENGTH, max_iter=5000)
    regression.fit(laid_out / size, truth, sample_weight=weights * len(values) / 2)
    shares = (regression.coef_[0] / size).reshape(len(names), -1)
    return Score(names, centre, scale, shares, float(regression.intercept_[0]))


# --------------------------------------------------------------------------------- command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, required=True, metavar="PATH", help="mammograms: images.csv"
    )
    parser.add_argument(
        "--pictures",
        type=Path,
        required=True,
        metavar="DIR",
        help="what is no mammogram: a sub-folder of PNG, JPEG or TIFF files for each kind",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="scope.json")


def run(arguments: argparse.Namespace) -> int:
    rows = dataset.read(arguments.data).rows
    samples = measure_pictures(arguments.pictures) + measure_mammograms(rows, say_progress)
    write(arguments.out, fit(samples))
    return 0


def say_progress(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        sys.stderr.write(f"{done} of {total} mammograms measured\n")


def write(path: Path, known: Appearance) -> None:
    try:
        path.write_text(json.dumps(known.to_json()) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed("Gate not written", f"{path.name}: {error.strerror}.") from error
