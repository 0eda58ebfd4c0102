"""The region network against lesion crops: `evaluate-regions`, and its calibration out of fold.

Each crop's whole area is the region, so nothing here asks whether it lies on a breast. Figures are
those of `metrics`, by kind of lesion, and beside them what can be told by the crop's size alone:
cancers are larger, and a box in the data is as large as its lesion.
"""

import argparse
import csv
import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.domain import NOTICE
from engine.errors import EngineError, InvalidData, StorageFailed
from engine.evaluation import metrics
from engine.evaluation.calibration_fit import OFFSET_SHRINKAGE
from engine.networks.calibration import fit_logistic, fit_scaling
from engine.networks.region_network import (
    CATEGORIES,
    REGION,
    RegionCalibration,
    load_region_checkpoint,
    save_region_checkpoint,
)
from engine.private_files import make_folder
from engine.records.exports import guarded_cell
from engine.training.lesions import KINDS, LesionRow, read_crop, read_lesions

log = logging.getLogger(__name__)

_FIGURES = (
    *("n", "n_rows", "n_pathology", "n_malignant", "n_patients", "accuracy"),
    *("within_one_accuracy", "macro_f1", "qwk", "macro_auc", "auc_birads4plus", "auc_malignant"),
    *("mae", "ece", "brier", "nll", "confusion_matrix", "categories", "per_class"),
)
_SIZE_CLASSES = 4
_COLUMNS = (
    *("file", "patient_id", "abnormality", "category", "confidence"),
    *(f"p{grade}" for grade in CATEGORIES),
    *("p_malignant", "notice"),
)


@dataclass(frozen=True)
class LesionPrediction:
    """What the network predicts of a crop, calibrated."""

    row: LesionRow
    probabilities: Mapping[int, float]
    malignancy: float

    @property
    def category(self) -> int:
        return max(self.probabilities, key=lambda grade: (self.probabilities[grade], grade))


def calibrated(
    rows: Sequence[LesionRow],
    logits: np.ndarray,
    malignancy: np.ndarray,
    calibration: RegionCalibration,
) -> list[LesionPrediction]:
    """Logits (n, 4) and malignancy logits (n,) of the rows as probabilities."""
    grades = calibration.grades.probabilities(logits)
    malignant = calibration.malignancy.probabilities(malignancy)
    return [
        LesionPrediction(
            row, dict(zip(CATEGORIES, (float(v) for v in p), strict=True)), float(probability)
        )
        for row, p, probability in zip(rows, grades, malignant, strict=True)
    ]


def fit_region_calibration(
    rows: Sequence[LesionRow], logits: np.ndarray, malignancy: np.ndarray
) -> RegionCalibration:
    """From lesions that the networks never saw; those without a grade teach the malignancy."""
    graded = np.array([row.label.birads in CATEGORIES for row in rows])
    allowed = np.array([row.label.allowed(CATEGORIES) for row in rows])
    known = np.array([row.label.is_malignant is not None for row in rows])
    truth = np.array([bool(row.label.is_malignant) for row in rows])
    return RegionCalibration(
        fit_scaling(logits[graded], allowed[graded], OFFSET_SHRINKAGE),
        fit_logistic(malignancy[known], truth[known]),
    )


def cases_of(predictions: Sequence[LesionPrediction]) -> metrics.Cases:
    """A grade that the network lacks (1) counts as unknown."""
    rows = [p.row.label for p in predictions]
    count = len(rows)
    probabilities = np.zeros((count, len(metrics.GRADES)))
    for grade in CATEGORIES:
        probabilities[:, grade - 1] = [p.probabilities[grade] for p in predictions]
    nothing = np.zeros(count, int)
    return metrics.Cases(
        truth=np.array([r.birads if r.birads in CATEGORIES else 0 for r in rows], int),
        category=np.array([p.category for p in predictions], int),
        probabilities=probabilities,
        malignant=np.array(
            [float("nan") if r.is_malignant is None else float(r.is_malignant) for r in rows]
        ),
        malignancy=np.array([p.malignancy for p in predictions]),
        in_scope=np.ones(count, bool),
        patients=np.array([r.patient_id for r in rows]),
        low=nothing,
        high=nothing,
    )


def figures(predictions: Sequence[LesionPrediction], resamples: int, seed: int) -> dict[str, Any]:
    """Of all lesions, and under `kinds` of masses and of calcifications."""
    result = _figures(predictions, resamples, seed)
    result["kinds"] = {
        kind: _figures([p for p in predictions if p.row.abnormality == kind], resamples, seed)
        for kind in KINDS
    }
    return result


def _figures(predictions: Sequence[LesionPrediction], resamples: int, seed: int) -> dict[str, Any]:
    if not predictions:
        return {"n": 0, "n_rows": 0}
    cases = cases_of(predictions)
    found = metrics.figures(cases)
    result = {name: found[name] for name in _FIGURES}
    result["ece_malignant"] = _malignancy_error(cases)
    result["baselines"] = _size_control(predictions, cases)
    spread = metrics.intervals(cases, resamples, seed)
    result["intervals"] = {name: spread[name] for name in _FIGURES if name in spread}
    return result


def _malignancy_error(cases: metrics.Cases) -> float | None:
    """Expected calibration error of the probability of malignancy, 10 equal-width bins."""
    known = np.isfinite(cases.malignant)
    if not known.any():
        return None
    bins = metrics.reliability(cases.malignancy[known], cases.malignant[known] == 1)
    gaps = [
        b.count * abs(b.confidence - b.accuracy)
        for b in bins
        if b.confidence is not None and b.accuracy is not None
    ]
    return float(sum(gaps) / known.sum())


def _size_control(predictions: Sequence[LesionPrediction], cases: metrics.Cases) -> dict[str, Any]:
    """`auc_malignant_by_size`: the crop's size as the score. `auc_malignant_alike_in_size`: the
    network's, of pairs of one quarter of the sizes only, where size tells next to nothing."""
    size = np.array([np.sqrt(np.prod(p.row.size_mm)) for p in predictions])
    known = np.isfinite(cases.malignant) & (size > 0)
    positive, score, size = cases.malignant[known] == 1, cases.malignancy[known], size[known]
    if not known.any():
        return {"auc_malignant_by_size": None, "auc_malignant_alike_in_size": None}
    edges = np.quantile(size, np.linspace(0, 1, _SIZE_CLASSES + 1)[1:-1])
    place = np.searchsorted(edges, size)
    pairs, won = 0.0, 0.0
    for index in range(_SIZE_CLASSES):
        inside = place == index
        count = float(positive[inside].sum() * (~positive[inside]).sum())
        auc = _auc(positive[inside], score[inside])
        if auc is not None:
            pairs += count
            won += count * auc
    return {
        "auc_malignant_by_size": _auc(positive, size),
        "auc_malignant_alike_in_size": won / pairs if pairs else None,
    }


def _auc(positive: np.ndarray, score: np.ndarray) -> float | None:
    value = float(metrics.auc(positive, score, np.ones((1, len(score))))[0])
    return value if np.isfinite(value) else None


# ----------------------------------------------------------------------------------------- files


def write_predictions(path: Path, predictions: Sequence[LesionPrediction]) -> None:
    """Raises `StorageFailed`."""
    try:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, _COLUMNS)
            writer.writeheader()
            for p in predictions:
                record = {
                    "file": p.row.label.file,
                    "patient_id": p.row.label.patient_id,
                    "abnormality": p.row.abnormality,
                    "category": p.category,
                    "confidence": f"{p.probabilities[p.category]:.9g}",
                    **{f"p{grade}": f"{value:.9g}" for grade, value in p.probabilities.items()},
                    "p_malignant": f"{p.malignancy:.9g}",
                    "notice": NOTICE,
                }
                writer.writerow({key: guarded_cell(value) for key, value in record.items()})
    except OSError as error:
        raise StorageFailed("Predictions not written", f"{path.name}: {error.strerror}.") from error


def read_predictions(
    path: Path, rows: Sequence[LesionRow]
) -> tuple[list[LesionPrediction], list[str]]:
    """The file's predictions for the rows, and the rows it lacks. Raises `InvalidData`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            records = {record["file"]: record for record in csv.DictReader(stream)}
        predictions, missing = [], []
        for row in rows:
            record = records.get(str(guarded_cell(row.label.file)))
            if record is None:
                missing.append(row.label.file)
                continue
            probabilities = {grade: float(record[f"p{grade}"]) for grade in CATEGORIES}
            malignancy = float(record["p_malignant"])
            total = sum(probabilities.values())
            values = [*probabilities.values(), malignancy]
            if not all(0 <= value <= 1 for value in values) or abs(total - 1) > 1e-3:
                raise ValueError(f"{row.label.file} has no probabilities")
            predictions.append(LesionPrediction(row, probabilities, malignancy))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidData("Predictions cannot be read", f"{path.name}: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidData("Prediction is wrong", f"{path.name}: {error}.") from error
    return predictions, missing


# ----------------------------------------------------------------------------------- out of fold


def assemble(lesions_csv: Path, runs: Path, out: Path) -> None:
    """Writes `out`/region.safetensors, region.out_of_fold.csv and the entry in manifest.json.

    `runs` holds fold0 … and the final checkpoint, as `birads-engine train region` left them. Fold
    k's predictions are calibrated by the other folds'.
    """
    rows = read_lesions(lesions_csv)
    folds = sorted({row.label.fold for row in rows if row.label.fold is not None})
    if len(folds) < 2:
        raise InvalidData("No folds to assemble", "The manifest needs at least two folds.")
    final = load_region_checkpoint(runs / "checkpoint.safetensors", is_fast=False)
    if final.provenance.get("config", {}).get("fold") is not None:
        raise InvalidData("Network of another fold", "The final network held a fold out.")
    held = [row for row in rows if row.label.fold is not None]
    parts = [
        _held_out(runs / f"fold{fold}", [r for r in held if r.label.fold == fold], fold)
        for fold in folds
    ]
    held = [row for part in parts for row in part[0]]
    logits = np.concatenate([part[1] for part in parts])
    malignancy = np.concatenate([part[2] for part in parts])
    place = np.array([row.label.fold for row in held])
    predictions: list[LesionPrediction] = []
    for fold in folds:
        inside = place == fold
        others = [row for row, is_in in zip(held, inside, strict=True) if not is_in]
        calibration = fit_region_calibration(others, logits[~inside], malignancy[~inside])
        own = [row for row, is_in in zip(held, inside, strict=True) if is_in]
        predictions += calibrated(own, logits[inside], malignancy[inside], calibration)
    order = {row.label.file: number for number, row in enumerate(rows)}
    predictions.sort(key=lambda p: order[p.row.label.file])
    make_folder(out)
    write_predictions(out / f"{REGION}.out_of_fold.csv", predictions)
    file = f"{REGION}.safetensors"
    digest = save_region_checkpoint(
        out / file,
        final.model,
        final.config,
        fit_region_calibration(held, logits, malignancy),
        {**final.provenance, "out_of_fold_rows": len(held)},
    )
    manifest = out / "manifest.json"
    entries = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    entries[REGION] = {"file": file, "sha256": digest}
    manifest.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")


def _held_out(
    directory: Path, rows: Sequence[LesionRow], fold: int
) -> tuple[list[LesionRow], np.ndarray, np.ndarray]:
    """(rows, logits, malignancy logits) that training left for the fold it never saw."""
    provenance = load_region_checkpoint(directory / "checkpoint.safetensors").provenance
    if provenance.get("config", {}).get("fold") != fold:
        raise InvalidData(
            "Network of another fold", f"What lies as {directory.name} held out another."
        )
    try:
        with np.load(directory / "held_out.npz") as stored:
            place = {str(name): index for index, name in enumerate(stored["files"])}
            logits, malignancy = stored["logits"], stored["malignancy"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidData("A fold is missing", f"{directory.name} has no held_out.npz.") from error
    rows = [row for row in rows if row.label.file in place]
    index = [place[row.label.file] for row in rows]
    return rows, logits[index], malignancy[index]


# ------------------------------------------------------------------------------------- the door


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "writes predictions.csv and metrics.json (all lesions; under kinds masses and\n"
        "calcifications apart).\n"
        "exit code: 0 all rows judged, 1 some could not be read and the others were judged,\n"
        "2 wrong usage, or a manifest or checkpoint that cannot be used."
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        metavar="lesions.csv",
        help="CSV with file (a crop, relative to it), patient_id, abnormality (mass or "
        "calcification), birads, and what else is known: pathology, native_rows, native_columns. "
        "A crop's whole area is the region, 0.045 mm a pixel where native_rows equals its rows",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="instead of the network that is shipped"
    )
    source.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="judge these predictions (columns of predictions.csv) and ask no network",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--resamples", type=_count, default=metrics.RESAMPLES, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine evaluate-regions`; returns the exit status."""
    from tqdm import tqdm

    rows = read_lesions(arguments.manifest)
    if arguments.predictions is not None:
        predictions, missing = read_predictions(arguments.predictions, rows)
        for file in missing:
            log.warning("not predicted: %s", file)
        has_failed = bool(missing)
    else:
        with tqdm(total=len(rows), desc="lesions", file=sys.stderr, mininterval=2) as bar:
            predictions, has_failed = predict_lesions(
                rows, arguments.checkpoint, lambda: bar.update(1)
            )
    if not predictions:
        raise InvalidData("Nothing to judge", f"No row of {arguments.manifest.name} can be used.")
    try:
        make_folder(arguments.out)
        write_predictions(arguments.out / "predictions.csv", predictions)
        result = figures(predictions, arguments.resamples, arguments.seed) | {"notice": NOTICE}
        (arguments.out / "metrics.json").write_text(
            json.dumps(result, indent=2, allow_nan=False) + "\n", "utf-8"
        )
    except OSError as error:
        raise StorageFailed("Figures not written", f"{arguments.out}: {error.strerror}.") from error
    for kind in KINDS:
        part = result["kinds"][kind]
        if part["n_rows"]:
            sys.stderr.write(
                f"{kind}: {part['n_rows']} lesions, "
                f"AUC malignant {_three_digits(part['auc_malignant'])}, "
                f"kappa {_three_digits(part['qwk'])}, accuracy {_three_digits(part['accuracy'])}\n"
            )
    return 1 if has_failed else 0


def predict_lesions(
    rows: Sequence[LesionRow],
    checkpoint_path: Path | None = None,
    on_row: Callable[[], None] | None = None,
) -> tuple[list[LesionPrediction], bool]:
    """All readable rows' predictions, and whether any could not be read (logged)."""
    from engine.networks.checkpoint import shipped_checkpoint
    from engine.networks.region_network import cut

    checkpoint = load_region_checkpoint(checkpoint_path or shipped_checkpoint(REGION))
    predictions, has_failed = [], False
    for row in rows:
        try:
            grey, spacing_mm = read_crop(row)
        except EngineError as error:
            log.warning("not predicted: %s", error.advice)
            has_failed = True
        else:
            logits, malignancy = checkpoint.predict(cut(grey, spacing_mm, checkpoint.config)[None])
            predictions += calibrated([row], logits, malignancy, checkpoint.calibration)
        if on_row:
            on_row()
    return predictions, has_failed


def _three_digits(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
