"""From five networks, each blind to one fold, to honest figures and one calibrated checkpoint.

Every image is predicted by the network that never saw its patient. Those predictions are calibrated
crosswise (fold k by the scaling fitted on the other four) and written as out_of_fold.csv, from
which `evaluate --predictions` makes the model card's figures. The network trained on all folds gets
the scaling fitted on all of them: the best estimate there is for patients it has not seen.

With `beside`, light networks answer with the hybrids as one, fold by fold (`networks.models.Pair`).
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np

from engine.domain import Laterality
from engine.errors import EngineError, InvalidData
from engine.evaluation.row_predictions import (
    BoxScore,
    RowPrediction,
    predict_rows,
    prepared_row,
    recalibrated,
    write_predictions,
)
from engine.networks import gradcam
from engine.networks.calibration import (
    Calibration,
    LogisticScaling,
    Scaling,
    fit_logistic,
    fit_scaling,
)
from engine.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from engine.networks.models import HYBRID, LIGHT, joined
from engine.networks.region_network import REGION
from engine.training import dataset
from engine.training.dataset import ManifestRow

log = logging.getLogger(__name__)

#: Free offsets give the best likelihood but let the rare grades vanish from the arg-max; this is
#: the compromise of the table in docs/experiments.md.
OFFSET_SHRINKAGE = 0.07
_HEAT_ROWS = 120  #: suspicious images with a box whose maps set the heat-map's scale
_HEAT_PERCENTILE = 75  #: of those maps' maxima: a quarter of them reach the top of the scale


def fit_calibration(
    predictions: Sequence[RowPrediction], categories: tuple[int, ...], rows: Iterable[ManifestRow]
) -> Calibration:
    """Scalings for views, and for breasts with two views or more, from predictions with logits.

    Rows whose label says nothing of the grade are left out; so is the pathology of data sets that
    know only one outcome.
    """
    graded = [p for p in predictions if _is_graded(p.row, categories)]
    view = _fit_grades([[p] for p in graded], categories)
    pairs = _breasts(graded)
    breast = _fit_grades(pairs, categories) if pairs else view
    if predictions[0].malignancy_logit is None:
        return Calibration(view, breast)
    single = dataset.single_outcome_datasets(rows)
    known = [
        p for p in predictions if p.row.is_malignant is not None and p.row.dataset not in single
    ]
    malignancy = _fit_malignancy([[p] for p in known])
    pairs = _breasts(known)
    return Calibration(view, breast, malignancy, _fit_malignancy(pairs) if pairs else malignancy)


def _fit_grades(groups: Sequence[Sequence[RowPrediction]], categories: tuple[int, ...]) -> Scaling:
    """A group is what is judged together: one view, or the views of a breast."""
    return fit_scaling(
        np.stack([np.mean([p.logits for p in group], axis=0) for group in groups]),
        np.array([_highest(group).allowed(categories) for group in groups]),
        OFFSET_SHRINKAGE,
    )


def _fit_malignancy(groups: Sequence[Sequence[RowPrediction]]) -> LogisticScaling:
    return fit_logistic(
        [np.mean([p.malignancy_logit for p in group]) for group in groups],
        [any(p.row.is_malignant for p in group) for group in groups],
    )


def _is_graded(row: ManifestRow, categories: tuple[int, ...]) -> bool:
    return not row.allowed(categories).all()


def _breasts(predictions: Iterable[RowPrediction]) -> list[list[RowPrediction]]:
    """Breasts seen in at least two views."""
    groups: dict[tuple[str, Laterality], list[RowPrediction]] = {}
    for prediction in predictions:
        if prediction.laterality is not None:
            groups.setdefault((prediction.row.patient_id, prediction.laterality), []).append(
                prediction
            )
    return [group for group in groups.values() if len(group) > 1]


def _highest(group: Sequence[RowPrediction]) -> ManifestRow:
    """The view with the highest label: a breast is as suspicious as its worst view."""
    return max((p.row for p in group), key=lambda row: (row.birads_high or 0, row.birads_low or 0))


def cross_fitted(
    predictions: Sequence[RowPrediction], categories: tuple[int, ...]
) -> tuple[RowPrediction, ...]:
    """Each fold's predictions calibrated by the other folds'."""
    rows = [p.row for p in predictions]
    spoken: list[RowPrediction] = []
    for fold in sorted({row.fold for row in rows}):
        others = [p for p in predictions if p.row.fold != fold]
        calibration = fit_calibration(others, categories, rows)
        spoken += recalibrated([p for p in predictions if p.row.fold == fold], calibration)
    order = {row.file: number for number, row in enumerate(rows)}
    return tuple(sorted(spoken, key=lambda p: order[p.row.file]))


def heat_reference(checkpoint: Checkpoint, rows: Sequence[ManifestRow]) -> float:
    """The raw Grad-CAM value to draw as 1: a high maximum among clearly suspicious images."""
    chosen = [row for row in rows if row.boxes and (row.birads_low or 0) >= 4]
    random = np.random.default_rng(0)
    chosen = [chosen[i] for i in random.permutation(len(chosen))[:_HEAT_ROWS]]
    maxima = []
    for row in chosen:
        item = prepared_row(row, checkpoint)
        if item.geometry is not None:
            maxima.append(float(gradcam.activation_map(checkpoint.model, item.tensor).max()))
    reference = float(np.percentile(maxima, _HEAT_PERCENTILE)) if maxima else 0.0
    return reference or 1.0  # a network that is never suspicious has nothing to scale


def assemble(
    data: Path,
    runs: Path,
    out: Path,
    name: str,
    is_quick: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    beside: Path | None = None,
) -> None:
    """Writes `out`/NAME.safetensors, NAME.out_of_fold.csv and the entry in manifest.json.

    `runs` holds fold0 … and the final checkpoint, as `birads-engine train` left them. `is_quick`
    takes the logits that training left for the held-out rows it could teach (the same network on
    the same frames, in mixed precision), without looking at heat-maps.
    """
    rows = dataset.read(data).rows
    folds = sorted({row.fold for row in rows if row.fold is not None})
    if len(folds) < 2:
        raise InvalidData("No folds to assemble", "The manifest needs at least two folds.")
    predictions: list[RowPrediction] = []
    for fold in folds:
        done = len(predictions)
        predictions += predict_fold(
            runs / f"fold{fold}",
            fold,
            [row for row in rows if row.fold == fold],
            is_quick,
            on_progress and (lambda n, _, done=done: on_progress(done + n, len(rows))),
            beside and beside / f"fold{fold}",
        )
    final = _network(runs, beside)
    categories = final.identity.categories
    out.mkdir(parents=True, exist_ok=True)
    write_predictions(
        out / f"{name}.out_of_fold.csv", cross_fitted(predictions, categories), details=True
    )
    calibration = fit_calibration(predictions, categories, rows)
    file = f"{name}.safetensors"
    digest = save_checkpoint(
        out / file,
        name,
        final.model,
        final.preprocessing,
        calibration,
        heat_reference(final.made_fast(), rows),
        {**final.provenance, "out_of_fold_rows": len(predictions)},
    )
    manifest = out / "manifest.json"
    entries = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    entries[name] = {"file": file, "sha256": digest}
    manifest.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")


def predict_fold(
    home: Path,
    fold: int,
    held: Sequence[ManifestRow],
    is_quick: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    beside: Path | None = None,
) -> list[RowPrediction]:
    """What the network under `home` says of the rows that it never saw, uncalibrated.

    Kept in `home`/predictions.npz, so that a long job can be done fold by fold.
    """
    checkpoint = _network(home, beside, fold).made_fast()
    if is_quick:
        return _stored(home / "held_out.npz", held, checkpoint)
    path = home / "predictions.npz"
    if not _is_of(path, checkpoint):
        said, failures = predict_rows(checkpoint, held, heatmaps=True, on_progress=on_progress)
        for failure in failures:
            log.warning("not predicted: %s", failure.reason)
        _store(path, said, checkpoint)
    return _stored(path, held, checkpoint)


def _network(home: Path, beside: Path | None, fold: int | None = None) -> Checkpoint:
    """The trained network of a folder, alone or paired with that of another.

    Raises `InvalidData` if either was not held back from `fold`, or if they make no pair.
    """
    first = load_checkpoint(home / "checkpoint.safetensors")
    _refuse_leak(first, fold)
    if beside is None:
        return first
    second = load_checkpoint(beside / "checkpoint.safetensors")
    _refuse_leak(second, fold)
    if (first.identity.name, second.identity.name) != (HYBRID, LIGHT):
        raise InvalidData("No pair", "Only a light network answers beside a hybrid.")
    if first.preprocessing != second.preprocessing:
        raise InvalidData("No pair", "The two networks were trained on different frames.")
    patients = {*_patients(first), *_patients(second)}
    digest = hashlib.sha256((first.identity.sha256 + second.identity.sha256).encode()).hexdigest()
    return replace(
        first,
        model=joined(first.model, second.model),
        identity=replace(first.identity, sha256=digest),
        provenance={
            **first.provenance,
            "beside": second.provenance.get("config"),
            "training_patients": sorted(patients),
        },
    )


def _patients(checkpoint: Checkpoint) -> list[str]:
    return checkpoint.provenance.get("training_patients", [])


def _store(path: Path, said: Sequence[RowPrediction], checkpoint: Checkpoint) -> None:
    unknown = float("nan")
    np.savez(
        path,
        sha256=checkpoint.identity.sha256,
        files=[p.row.file for p in said],
        logits=[p.logits for p in said],
        malignancy=[p.malignancy_logit for p in said if p.malignancy_logit is not None],
        reasons=[p.scope_reason or "" for p in said],
        sides=[p.laterality.value if p.laterality else "" for p in said],
        boxes=[
            [unknown] * len(fields(BoxScore)) if p.boxes is None else astuple(p.boxes) for p in said
        ],
    )


def _is_of(path: Path, checkpoint: Checkpoint) -> bool:
    if not path.is_file():
        return False
    with np.load(path) as stored:
        return str(stored["sha256"]) == checkpoint.identity.sha256


def _stored(path: Path, held: Sequence[ManifestRow], checkpoint: Checkpoint) -> list[RowPrediction]:
    """From `_store`'s file, or training's own held_out.npz, which knows neither scope nor boxes.

    Raises `InvalidData` where it is missing.
    """
    try:
        with np.load(path) as file:
            stored = {name: file[name] for name in file.files}
        place = {name: index for index, name in enumerate(stored["files"])}
        logits, malignancy = stored["logits"].astype(float), stored["malignancy"].astype(float)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidData("A fold is missing", f"{path.parent.name} has no {path.name}.") from error
    said = []
    for row in held:
        index = place.get(row.file)
        if index is None:
            continue
        reason, boxes, side = None, None, row.laterality
        if "boxes" in stored:
            side = Laterality(stored["sides"][index]) if stored["sides"][index] else None
            reason = str(stored["reasons"][index]) or None
            scores = stored["boxes"][index].astype(float)
            boxes = None if np.isnan(scores[0]) else BoxScore(*scores.tolist())
        said.append(
            RowPrediction(
                row=row,
                probabilities=dict.fromkeys(checkpoint.identity.categories, float("nan")),
                category=0,
                scope_reason=reason,
                laterality=side,
                logits=logits[index],
                malignancy_logit=float(malignancy[index]) if len(malignancy) else None,
                boxes=boxes,
            )
        )
    return said


def _refuse_leak(checkpoint: Checkpoint, fold: int | None) -> None:
    if checkpoint.provenance.get("config", {}).get("fold") != fold:
        place = "the final network" if fold is None else f"fold{fold}"
        raise InvalidData("Network of another fold", f"What lies as {place} held out another.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=(HYBRID, LIGHT, REGION))
    parser.add_argument(
        "--data", type=Path, required=True, help="images.csv (region: lesions.csv) with folds"
    )
    parser.add_argument("--runs", type=Path, required=True, help="the --out of `train`, all folds")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shipped checkpoints")
    parser.add_argument(
        "--beside", type=Path, help="the --out of `train light`, to answer with the hybrids as one"
    )
    parser.add_argument("--fold", type=int, help="only predict this fold, for the others to follow")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use the logits that training left: no pointing game, no rows it could not teach",
    )


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine out-of-fold`; returns the exit status."""
    import sys

    from tqdm import tqdm

    try:
        if arguments.model == REGION:
            from engine.evaluation import region_evaluation

            region_evaluation.assemble(arguments.data, arguments.runs, arguments.out)
            return 0
        with tqdm(desc="rows", file=sys.stderr, mininterval=2) as bar:

            def on_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            if arguments.fold is not None:
                rows = dataset.read(arguments.data).rows
                held = [row for row in rows if row.fold == arguments.fold]
                home = arguments.runs / f"fold{arguments.fold}"
                beside = arguments.beside and arguments.beside / home.name
                predict_fold(home, arguments.fold, held, False, on_progress, beside)
                return 0
            assemble(
                arguments.data,
                arguments.runs,
                arguments.out,
                arguments.model,
                arguments.quick,
                on_progress,
                arguments.beside,
            )
    except EngineError as error:
        log.error("%s", error)
        return 1
    return 0
