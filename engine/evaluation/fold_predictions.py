"""What each fold's network predicts of the rows that it never saw, kept beside it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np
import torch

from engine.domain import Laterality
from engine.errors import InvalidData
from engine.evaluation.row_predictions import (
    BoxScore,
    RowPrediction,
    logits_of,
    predict_rows,
    raw_prediction,
)
from engine.networks.checkpoint import Checkpoint, load_checkpoint
from engine.networks.ensemble import Ensemble
from engine.networks.models import Network
from engine.networks.preprocessing import PreprocessingConfig
from engine.training import augmentation
from engine.training.augmentation import AugmentationConfig
from engine.training.dataset import ManifestRow
from engine.training.frame_pack import FramePack
from engine.training.live_frames import LiveFrames

log = logging.getLogger(__name__)

_BATCH = 8

Progress = Callable[[int, int], None]


def after(done: int, total: int, on_progress: Progress) -> Progress:
    """Of a part that comes after `done` of `total`."""
    return lambda count, _: on_progress(done + count, total)


def folds_of(rows: Iterable[ManifestRow]) -> list[int]:
    """In order; raises `InvalidData` where there are not two."""
    folds = sorted({row.fold for row in rows if row.fold is not None})
    if len(folds) < 2:
        raise InvalidData("No folds to assemble", "The manifest needs at least two folds.")
    return folds


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
    checkpoint = trained_network(directory, fold).optimized_for_inference()
    if is_quick:
        return stored_predictions(directory / "held_out.npz", held, checkpoint.identity.categories)
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
            on_progress=on_progress and after(len(framed), len(held), on_progress),
        )
        for failure in failures:
            log.warning("not predicted: %s", failure.reason)
        store(path, [*predictions, *others], checkpoint)
    return stored_predictions(path, held, checkpoint.identity.categories)


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
    return stored_predictions(path, held, categories)


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
    store(directory / "predictions.npz", predictions, checkpoint)


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


def trained_network(directory: Path, fold: int | None) -> Checkpoint:
    """The trained network of a run; raises `InvalidData` if it did not hold back `fold`."""
    checkpoint = load_checkpoint(directory / "checkpoint.safetensors")
    _refuse_leak(checkpoint, fold)
    return checkpoint


def store(
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


def stored_predictions(
    path: Path, held: Sequence[ManifestRow], categories: tuple[int, ...]
) -> list[RowPrediction]:
    """From `store`'s file, or training's own held_out.npz, which knows neither scope nor boxes.

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
