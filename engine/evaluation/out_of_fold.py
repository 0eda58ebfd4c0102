"""From five networks, each blind to one fold, to honest figures and one calibrated checkpoint.

Every image is predicted by the network that never saw its patient. Those predictions are calibrated
crosswise (fold k by the scaling fitted on the other four) and written as out_of_fold.csv, from
which `evaluate --predictions` makes the model card's figures. The network trained on all folds gets
the scaling fitted on all of them: the best estimate there is for patients it has not seen.

Of an ensemble (`networks.ensemble`) nothing is trained: what its members predicted of the rows that
they never saw is combined, fold by fold, and calibrated in the same way.
"""

import argparse
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
import torch

from engine.domain import MODEL_NAMES, Laterality, ModelIdentity, Population, Shares
from engine.errors import EngineError, InvalidData
from engine.evaluation.row_predictions import (
    BoxScore,
    BoxScorer,
    RowPrediction,
    logits_of,
    predict_rows,
    prepared_row,
    raw_prediction,
    recalibrated,
    write_predictions,
)
from engine.networks.calibration import (
    Calibration,
    CancerScaling,
    LogisticScaling,
    Scaling,
    fit_logistic,
    fit_scaling,
    suspicion,
)
from engine.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from engine.networks.ensemble import BOTH, Ensemble, save_ensemble
from engine.networks.models import HYBRID, LIGHT, Network, NetworkOutput
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.region_network import REGION
from engine.private_files import make_folder
from engine.training import augmentation, dataset
from engine.training.augmentation import AugmentationConfig
from engine.training.dataset import ManifestRow
from engine.training.frame_pack import FramePack
from engine.training.live_frames import LiveFrames

log = logging.getLogger(__name__)

#: Free offsets give the best likelihood but let the rare grades vanish from the arg-max; this is
#: the compromise of the table in docs/experiments.md.
OFFSET_SHRINKAGE = 0.07
ENSEMBLE_SHRINKAGE = 10.0  #: its members' offsets are fitted already; a second time overdoes it
_HEAT_ROWS = 120  #: suspicious images with a box whose maps set the heat-map's scale
_HEAT_PERCENTILE = 75  #: of those maps' maxima: a quarter of them reach the top of the scale
_BATCH = 8

Progress = Callable[[int, int], None]


def _after(done: int, total: int, on_progress: Progress) -> Progress:
    """Of a part that comes after `done` of `total`."""
    return lambda count, _: on_progress(done + count, total)


def fit_calibration(
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    rows: Iterable[ManifestRow],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> Calibration:
    """Scalings for views, and for breasts with two views or more, from predictions with logits.

    Rows whose label says nothing of the grade are left out; so is the pathology of data sets that
    know only one outcome.
    """
    graded = [p for p in predictions if _is_graded(p.row, categories)]
    pairs = _breasts(graded)
    view = _fit_grades(_singly(graded), categories, offset_shrinkage)
    breast = _fit_grades(pairs, categories, offset_shrinkage) if pairs else view
    single = dataset.single_outcome_datasets(rows)
    known = [
        p for p in predictions if p.row.is_malignant is not None and p.row.dataset not in single
    ]
    known_pairs = _breasts(known)
    population = Population(
        _shares(_singly(graded), _singly(known)),
        _shares(pairs or _singly(graded), known_pairs or _singly(known)),
    )
    plain = Calibration(view, breast, population=population)
    if predictions[0].malignancy_logit is None:
        return plain
    head = fit_logistic(
        np.array([_malignancy_logit(p) for p in known]),
        np.array([bool(p.row.is_malignant) for p in known]),
    )

    def fit(groups: Sequence[Group]) -> LogisticScaling:
        unfitted = CancerScaling(head, head, head)
        evidence = [
            unfitted.evidence(
                np.array([_malignancy_logit(p) for p in group]),
                suspicion(view.probabilities(np.stack([logits_of(p) for p in group])), categories),
            ).mean()
            for group in groups
        ]
        truth = [any(p.row.is_malignant for p in group) for group in groups]
        return fit_logistic(np.array(evidence), np.array(truth))

    one_view = fit(_singly(known))
    return replace(
        plain, cancer=CancerScaling(head, one_view, fit(known_pairs) if known_pairs else one_view)
    )


Group = Sequence[RowPrediction]  #: what is judged together: one view, or the views of a breast


def _singly(predictions: Iterable[RowPrediction]) -> list[list[RowPrediction]]:
    return [[prediction] for prediction in predictions]


def _shares(graded: Sequence[Group], known: Sequence[Group]) -> Shares:
    """Of those graded in so far as the label says whether it is 4 or 5, and of those proven."""
    suspicious = []
    for group in graded:
        row = _highest(group)
        if row.birads_low is None or row.birads_high is None:
            continue
        if row.birads_low >= 4 or row.birads_high < 4:
            suspicious.append(row.birads_low >= 4)
    malignant = [any(p.row.is_malignant for p in group) for group in known]
    return Shares(
        float(np.mean(suspicious)) if suspicious else 0.0,
        float(np.mean(malignant)) if malignant else None,
    )


def _fit_grades(
    groups: Sequence[Group], categories: tuple[int, ...], offset_shrinkage: float
) -> Scaling:
    return fit_scaling(
        np.stack([np.mean([logits_of(p) for p in group], axis=0) for group in groups]),
        np.array([_highest(group).allowed(categories) for group in groups]),
        offset_shrinkage,
    )


def _malignancy_logit(prediction: RowPrediction) -> float:
    if prediction.malignancy_logit is None:
        raise ValueError("a prediction without malignancy")
    return prediction.malignancy_logit


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


def _highest(group: Group) -> ManifestRow:
    """The view with the highest label: a breast is as suspicious as its worst view."""
    return max((p.row for p in group), key=lambda row: (row.birads_high or 0, row.birads_low or 0))


def cross_fitted(
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> tuple[RowPrediction, ...]:
    """Each fold's predictions calibrated by the other folds'."""
    rows = [p.row for p in predictions]
    calibrated: list[RowPrediction] = []
    for fold in sorted({row.fold for row in rows if row.fold is not None}):
        others = [p for p in predictions if p.row.fold != fold]
        calibration = fit_calibration(others, categories, rows, offset_shrinkage)
        calibrated += recalibrated([p for p in predictions if p.row.fold == fold], calibration)
    order = {row.file: number for number, row in enumerate(rows)}
    return tuple(sorted(calibrated, key=lambda p: order[p.row.file]))


def heat_reference(checkpoint: Checkpoint | Ensemble, rows: Sequence[ManifestRow]) -> float:
    """The raw Grad-CAM value to draw as 1: a high maximum among clearly suspicious images."""
    from engine.networks import gradcam  # a machine that only trains may lack its library

    chosen = [row for row in rows if row.boxes and (row.birads_low or 0) >= 4]
    random = np.random.default_rng(0)
    chosen = [chosen[i] for i in random.permutation(len(chosen))[:_HEAT_ROWS]]
    maxima = []
    for row in chosen:
        item = prepared_row(row, checkpoint)
        if item.frames:
            maxima.append(float(gradcam.joint_map(checkpoint, item.frames).max()))
    reference = float(np.percentile(maxima, _HEAT_PERCENTILE)) if maxima else 0.0
    return reference or 1.0  # a network that is never suspicious has nothing to scale


def assemble(
    data: Path,
    runs: Path,
    out: Path,
    name: str,
    is_quick: bool = False,
    on_progress: Progress | None = None,
) -> None:
    """Writes `out`/NAME.safetensors, NAME.out_of_fold.csv and the entry in manifest.json.

    `runs` holds fold0 … and the final checkpoint, as `birads-engine train` left them. `is_quick`
    takes the logits that training left for the held-out rows it could teach (the same network on
    the same frames, in mixed precision), without looking at heat-maps.
    """
    rows = dataset.read(data).rows
    predictions: list[RowPrediction] = []
    for fold in _folds(rows):
        on_row = on_progress and _after(len(predictions), len(rows), on_progress)
        predictions += predict_fold(runs / f"fold{fold}", fold, rows, is_quick, on_row)
    final = _network(runs, None)
    calibration = _write_out_of_fold(out, name, predictions, final.identity.categories, rows)
    file = f"{name}.safetensors"
    digest = save_checkpoint(
        out / file,
        name,
        final.model,
        final.preprocessing,
        calibration,
        heat_reference(final.optimized_for_inference(), rows),
        {**final.provenance, "out_of_fold_rows": len(predictions)},
    )
    _enter(out, name, file, digest)


def assemble_ensemble(
    data: Path,
    runs: Path,
    beside: Path,
    out: Path,
    is_quick: bool = False,
) -> None:
    """Writes `out`/both.json, both.out_of_fold.csv and the entry in manifest.json.

    `runs` and `beside` hold the hybrids and the light networks; `out` their checkpoints, as
    `assemble` wrote them from these runs. Only the heat-map's scale asks a network: what was said
    of each fold is read from the members' predictions. How the joint heat-maps met the boxes is
    there for the folds for which `score_joint_boxes` was asked to look.
    """
    rows = dataset.read(data).rows
    files, members = _members(out)
    predictions = joint_predictions(runs, beside, members, rows, is_quick)
    for member, run_directory in zip(members, (runs, beside), strict=True):
        _refuse_other_weights(member, _network(run_directory, None))
    patients = {patient for member in members for patient in _patients(member)}
    uncalibrated = _build_ensemble(members)
    calibration = _write_out_of_fold(
        out, BOTH, predictions, uncalibrated.identity.categories, rows, ENSEMBLE_SHRINKAGE
    )
    digest = save_ensemble(
        out / f"{BOTH}.json",
        files,
        members,
        calibration,
        heat_reference(uncalibrated.optimized_for_inference(), rows),
        {
            "training_patients": sorted(patients),
            "may_leak": any(member.provenance.get("may_leak") for member in members),
            "out_of_fold_rows": len(predictions),
        },
    )
    _enter(out, BOTH, f"{BOTH}.json", digest)


def _members(out: Path) -> tuple[list[str], list[Checkpoint]]:
    files = [f"{name}.safetensors" for name in (HYBRID, LIGHT)]
    return files, [load_checkpoint(out / file) for file in files]


def _folds(rows: Iterable[ManifestRow]) -> list[int]:
    folds = sorted({row.fold for row in rows if row.fold is not None})
    if len(folds) < 2:
        raise InvalidData("No folds to assemble", "The manifest needs at least two folds.")
    return folds


def _write_out_of_fold(
    out: Path,
    name: str,
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    rows: Sequence[ManifestRow],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> Calibration:
    """The honest figures' CSV; returns the calibration for patients that nobody has seen."""
    make_folder(out)
    honest = cross_fitted(predictions, categories, offset_shrinkage)
    write_predictions(out / f"{name}.out_of_fold.csv", honest, details=True)
    return fit_calibration(predictions, categories, rows, offset_shrinkage)


def _enter(out: Path, name: str, file: str, digest: str) -> None:
    manifest = out / "manifest.json"
    entries = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    entries[name] = {"file": file, "sha256": digest}
    manifest.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")


def predict_fold(
    directory: Path,
    fold: int,
    rows: Sequence[ManifestRow],
    is_quick: bool = False,
    on_progress: Progress | None = None,
) -> list[RowPrediction]:
    """What the network under `directory` predicts of the manifest's rows that it never saw.

    Uncalibrated, and kept in `directory`/predictions.npz, so that a long job can be done fold by
    fold. The clean frames that training left serve again, so only images with boxes (for the
    heat-map) and those that taught nothing are decoded; whether a frame's image is in scope was
    not asked in training, so it counts as in scope. Without the network itself, what it predicted
    when it was at hand (`predict_packed`) is taken.
    """
    held = [row for row in rows if row.fold == fold]
    if not is_quick and not (directory / "checkpoint.safetensors").is_file():
        return _predicted_before(directory / "predictions.npz", fold, held)
    checkpoint = _network(directory, fold).optimized_for_inference()
    if is_quick:
        return _stored(directory / "held_out.npz", held, checkpoint.identity.categories)
    path = directory / "predictions.npz"
    if not _is_of(path, checkpoint):
        frames = _clean_frames(checkpoint, rows, directory.parent / "cache")
        framed = [row for row in held if row.file in frames and not row.boxes]
        read = [row for row in held if row.file not in frames or row.boxes]
        predictions = _predict_frames(checkpoint, framed, frames)
        others, failures = predict_rows(
            checkpoint,
            read,
            heatmaps=True,
            on_progress=on_progress and _after(len(framed), len(held), on_progress),
        )
        for failure in failures:
            log.warning("not predicted: %s", failure.reason)
        _store(path, [*predictions, *others], checkpoint)
    return _stored(path, held, checkpoint.identity.categories)


def _predicted_before(path: Path, fold: int, held: Sequence[ManifestRow]) -> list[RowPrediction]:
    """From a predictions.npz that names its fold and categories, without its network."""
    try:
        with np.load(path) as stored:
            of_fold, categories = int(stored["fold"]), tuple(stored["categories"].tolist())
    except (OSError, ValueError, KeyError) as error:
        raise InvalidData(
            "A fold is missing", f"{path.parent.name} has neither its network nor {path.name}."
        ) from error
    if of_fold != fold:
        raise InvalidData("Network of another fold", f"What lies as fold{fold} held out another.")
    return _stored(path, held, categories)


def predict_packed(
    directory: Path, fold: int, pack: FramePack, live: LiveFrames, batch_size: int = 16
) -> None:
    """Leaves `directory`/predictions.npz as `predict_fold` would, on the device of `live`.

    The network sees frames that went through JPEG; no heat-map is made, so no pointing game.
    """
    checkpoint = load_checkpoint(directory / "checkpoint.safetensors")
    _refuse_leak(checkpoint, fold)
    device, rows = live.frames.device, pack.source.rows
    model = checkpoint.optimized_for_inference().model.to(device)
    chosen = [
        index
        for index, row in enumerate(rows)
        if row.fold == fold and pack.scope_reasons[index] is not None
    ]
    predictions: list[RowPrediction] = []
    for start in range(0, len(chosen), batch_size):
        batch = chosen[start : start + batch_size]
        logits, malignancy = _predict_live(model, live, np.array(batch), checkpoint)
        predictions += (
            RowPrediction(
                row=rows[index],
                probabilities=dict.fromkeys(checkpoint.identity.categories, float("nan")),
                category=0,
                scope_reason=pack.scope_reasons[index] or None,
                laterality=pack.sides[index],
                logits=logits[number],
                malignancy_logit=None if malignancy is None else float(malignancy[number]),
            )
            for number, index in enumerate(batch)
        )
    _store(directory / "predictions.npz", predictions, checkpoint)


def _predict_live(
    model: Network, live: LiveFrames, indices: np.ndarray, checkpoint: Checkpoint
) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits (batch, categories) and malignancy logits (batch,) or None, float64."""
    clean = np.zeros(len(indices), int)
    images, _ = live.draw(indices, clean, AugmentationConfig(), checkpoint.preprocessing)
    with torch.inference_mode():
        output = model.predict(images)
    malignancy = output.malignancy
    return (
        output.logits.double().cpu().numpy(),
        None if malignancy is None else malignancy.double().cpu().numpy(),
    )


def _clean_frames(
    checkpoint: Checkpoint, rows: Sequence[ManifestRow], cache: Path
) -> Mapping[str, np.ndarray]:
    """By file, the uint8 (height, width) frame that training made; {} where it is gone."""
    config, model = checkpoint.provenance.get("config", {}), checkpoint.model
    has_malignancy = model.malignancy is not None
    taught = [row for row in rows if row.teaches(checkpoint.identity.categories, has_malignancy)]
    try:
        found = augmentation.find_frames(
            taught,
            PreprocessingConfig(**config["preprocessing"]),
            AugmentationConfig(**config["augmentation"]),
            config["seed"],
            cache,
        )
    except (KeyError, TypeError):  # trained by another version
        return {}
    if found is None:
        return {}
    clean = zip(taught, found.frames[0], found.readable, strict=True)
    return {row.file: frame for row, frame, is_readable in clean if is_readable}


def _predict_frames(
    checkpoint: Checkpoint, rows: Sequence[ManifestRow], frames: Mapping[str, np.ndarray]
) -> list[RowPrediction]:
    predictions = []
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        batch = np.stack([frames[row.file] for row in part]).astype(np.float32) / 255
        with torch.inference_mode():
            output = checkpoint.model.predict(torch.from_numpy(batch)[:, None])
        predictions += [raw_prediction(row, checkpoint, output, i) for i, row in enumerate(part)]
    return predictions


def joint_predictions(
    runs: Path,
    beside: Path,
    members: Sequence[Checkpoint],
    rows: Sequence[ManifestRow],
    is_quick: bool = False,
) -> list[RowPrediction]:
    """What hybrid and light network say together of rows that neither had seen, uncalibrated.

    What each said of a fold is calibrated by what it said of the others, and then joined, of the
    rows that both have. How the joint heat-maps met the boxes is there for the folds for which
    `score_joint_boxes` was asked to look.
    """
    folds = _folds(rows)
    firsts, seconds = (
        [p for fold in folds for p in predict_fold(place / f"fold{fold}", fold, rows, is_quick)]
        for place in (runs, beside)
    )
    boxes = {
        p.row.file: p.boxes for fold in folds for p in _scored(runs / f"fold{fold}", fold, rows)
    }
    said: list[RowPrediction] = []
    for fold in folds:
        together = _build_ensemble(
            [
                replace(
                    member,
                    calibration=fit_calibration(
                        [p for p in own if p.row.fold != fold], member.identity.categories, rows
                    ),
                )
                for member, own in zip(members, (firsts, seconds), strict=True)
            ]
        )
        others = {p.row.file: p for p in seconds if p.row.fold == fold}
        said += [
            _joint_prediction(first, others[first.row.file], together)
            for first in firsts
            if first.row.file in others
        ]
    return [replace(p, boxes=boxes.get(p.row.file)) for p in said]


def score_joint_boxes(
    run_dir: Path,
    beside: Path,
    fold: int,
    members: Sequence[Checkpoint],
    rows: Sequence[ManifestRow],
    on_progress: Progress | None = None,
) -> None:
    """How joint heat-maps of the networks under `run_dir` and `beside` meet the boxes of a fold.

    Left in `run_dir`/both.npz. The calibrations, which weigh the networks, are those of `members`.
    """
    fast = _build_ensemble(
        [
            replace(_network(place, fold), calibration=member.calibration)
            for place, member in zip((run_dir, beside), members, strict=True)
        ]
    ).optimized_for_inference()
    said = [p for p in predict_fold(run_dir, fold, rows) if p.row.boxes]
    scorer = BoxScorer(fast, [p.row for p in said])
    scored = []
    for number, prediction in enumerate(said, start=1):
        scored.append(replace(prediction, boxes=scorer.score(prepared_row(prediction.row, fast))))
        if on_progress:
            on_progress(number, len(said))
    _store(run_dir / "both.npz", scored, fast)


def _scored(run_dir: Path, fold: int, rows: Sequence[ManifestRow]) -> list[RowPrediction]:
    path = run_dir / "both.npz"
    held = [row for row in rows if row.fold == fold]
    return _stored(path, held, ()) if path.is_file() else []


def _joint_prediction(
    first: RowPrediction, second: RowPrediction, ensemble: Ensemble
) -> RowPrediction:
    outputs = [
        NetworkOutput(
            torch.from_numpy(logits_of(p))[None],
            None if p.malignancy_logit is None else torch.tensor([p.malignancy_logit]).double(),
        )
        for p in (first, second)
    ]
    joint = raw_prediction(first.row, ensemble, ensemble.combined(outputs))
    reason = first.scope_reason or second.scope_reason
    return replace(joint, laterality=first.laterality, scope_reason=reason)


def _build_ensemble(members: Sequence[Checkpoint]) -> Ensemble:
    """Members as one that nobody has calibrated yet."""
    if [member.identity.name for member in members] != [HYBRID, LIGHT]:
        raise InvalidData("No ensemble", "--runs must hold hybrids, --beside light networks.")
    categories = members[0].identity.categories
    digest = hashlib.sha256("".join(m.identity.sha256 for m in members).encode()).hexdigest()
    has_malignancy = all(m.calibration.cancer is not None for m in members)
    return Ensemble(
        members=tuple(members),
        identity=ModelIdentity(BOTH, digest, categories),
        calibration=Calibration.identity(len(categories), has_malignancy),
        heat_reference=1.0,
        provenance={},
    )


def _network(directory: Path, fold: int | None) -> Checkpoint:
    """The trained network of a run; raises `InvalidData` if it did not hold back `fold`."""
    checkpoint = load_checkpoint(directory / "checkpoint.safetensors")
    _refuse_leak(checkpoint, fold)
    return checkpoint


def _refuse_other_weights(shipped: Checkpoint, trained: Checkpoint) -> None:
    theirs = trained.model.state_dict()
    same = shipped.model.state_dict().keys() == theirs.keys() and all(
        torch.equal(value, theirs[key]) for key, value in shipped.model.state_dict().items()
    )
    if not same:
        raise InvalidData(
            "Another network is shipped",
            f"{shipped.identity.name} was not assembled from these runs: assemble it first.",
        )


def _patients(checkpoint: Checkpoint) -> list[str]:
    patients: list[str] = checkpoint.provenance.get("training_patients", [])
    return patients


def _store(
    path: Path, predictions: Sequence[RowPrediction], checkpoint: Checkpoint | Ensemble
) -> None:
    unknown = float("nan")
    np.savez(
        path,
        sha256=checkpoint.identity.sha256,
        categories=checkpoint.identity.categories,
        fold=-1 if (fold := _fold_of(checkpoint)) is None else fold,
        files=[p.row.file for p in predictions],
        logits=[logits_of(p) for p in predictions],
        malignancy=[p.malignancy_logit for p in predictions if p.malignancy_logit is not None],
        reasons=[p.scope_reason or "" for p in predictions],
        sides=[p.laterality.value if p.laterality else "" for p in predictions],
        boxes=[
            [unknown] * len(fields(BoxScore)) if p.boxes is None else astuple(p.boxes)
            for p in predictions
        ],
    )


def _is_of(path: Path, checkpoint: Checkpoint | Ensemble) -> bool:
    if not path.is_file():
        return False
    with np.load(path) as stored:
        return str(stored["sha256"]) == checkpoint.identity.sha256


def _stored(
    path: Path, held: Sequence[ManifestRow], categories: tuple[int, ...]
) -> list[RowPrediction]:
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
    predictions = []
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
        predictions.append(
            RowPrediction(
                row=row,
                probabilities=dict.fromkeys(categories, float("nan")),
                category=0,
                scope_reason=reason,
                laterality=side,
                logits=logits[index],
                malignancy_logit=float(malignancy[index]) if len(malignancy) else None,
                boxes=boxes,
            )
        )
    return predictions


def _fold_of(checkpoint: Checkpoint | Ensemble) -> int | None:
    """What its training held out; None: nothing."""
    fold: int | None = checkpoint.provenance.get("config", {}).get("fold")
    return fold


def _refuse_leak(checkpoint: Checkpoint, fold: int | None) -> None:
    if _fold_of(checkpoint) != fold:
        place = "the final network" if fold is None else f"fold{fold}"
        raise InvalidData("Network of another fold", f"What lies as {place} held out another.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=(*MODEL_NAMES, REGION))
    parser.add_argument(
        "--data", type=Path, required=True, help="images.csv (region: lesions.csv) with folds"
    )
    parser.add_argument("--runs", type=Path, required=True, help="the --out of `train`, all folds")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shipped checkpoints")
    parser.add_argument(
        "--beside",
        type=Path,
        help="of both: the --out of `train light`; --runs is that of `train hybrid`, and --out "
        "holds what was assembled of each",
    )
    parser.add_argument(
        "--fold",
        type=int,
        help="only predict this fold, for the others to follow; of both, only hold the joint "
        "heat-maps against the boxes",
    )
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
        if (arguments.model == BOTH) != (arguments.beside is not None):
            raise InvalidData("--beside", "It goes with both, and both goes with it.")
        if arguments.model == REGION:
            from engine.evaluation import region_evaluation

            region_evaluation.assemble(arguments.data, arguments.runs, arguments.out)
            return 0
        with tqdm(desc="rows", file=sys.stderr, mininterval=2) as bar:

            def on_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            _run(arguments, on_progress)
    except EngineError as error:
        log.error("%s", error)
        return 1
    return 0


def _run(arguments: argparse.Namespace, on_progress: Progress) -> None:
    data, runs, beside, fold = arguments.data, arguments.runs, arguments.beside, arguments.fold
    is_quick = arguments.quick
    if fold is None and beside is None:
        assemble(data, runs, arguments.out, arguments.model, is_quick, on_progress)
    elif fold is None:
        assemble_ensemble(data, runs, beside, arguments.out, is_quick)
    else:
        rows, name = dataset.read(data).rows, f"fold{fold}"
        if beside is None:
            predict_fold(runs / name, fold, rows, False, on_progress)
        else:
            _, members = _members(arguments.out)
            score_joint_boxes(runs / name, beside / name, fold, members, rows, on_progress)
