"""Training: from rows and a configuration to a checkpoint, epoch by epoch, resumable at any moment.

In two stages (Singh et al. 2026): first the head on the frozen features of a network that knows
photographs, then that network's upper layers with it. The layers below stay as they came, so their
output (the hybrid's C3) is computed once per frame and kept on disk. The paper's lightweight
network, for comparison, trains whole and from nothing. From `live_frames`, on a GPU, every frame is
altered anew each time and the layers below can be freed too (docs/gpu_training.md).

Number of epochs and all else are fixed by the configuration: nothing is chosen on held-out rows.
Written under `out` (`out/foldK` with a fold): config.json, state.pt after each epoch, curves.csv
and .png, checkpoint.safetensors, and held_out.npz with the logits of the rows left out.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.errors import EngineError, InvalidData
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import save_checkpoint, training_patients
from engine.networks.models import HYBRID, LIGHT, Network, build_model, to_channels_last
from engine.networks.region_network import REGION
from engine.training import dataset, distributed
from engine.training.augmentation import Frames, make_frames
from engine.training.backbone import load_backbone
from engine.training.config import TrainingConfig, read_config
from engine.training.dataset import DataSource, ManifestRow, hash_patient
from engine.training.distributed import DistributedContext
from engine.training.inputs import Inputs, LiveInputs, Progress, StoredInputs
from engine.training.live_frames import LiveFrames
from engine.training.trainer import AT_LEISURE, Epoch, Fold, Pace, Trainer, TrainingRun

log = logging.getLogger(__name__)


def train(
    config: TrainingConfig,
    source: DataSource,
    out: Path,
    backbone: Path | None = None,
    fold: int | None = None,
    resume: bool = False,
    on_epoch: Callable[[Epoch, int], None] | None = None,
    on_progress: Progress | None = None,
    live: LiveFrames | None = None,
    pace: Pace = AT_LEISURE,
) -> Path:
    """Trains on every row but those of `fold`; returns the checkpoint's path.

    `live` holds the frames of all rows of `source`, in their order; without it they are made from
    the rows' files. Under `torchrun` each batch is divided among the processes, and process 0
    alone writes. Raises `InvalidData` before any training if the rows cannot serve,
    `IncompatibleCheckpoint` if the backbone or a state to resume from does not fit, `TimeIsUp`
    as `pace` says.
    """
    run = TrainingRun(config, source, out, backbone, fold, live, pace, on_progress)
    with distributed.process_group() as context:
        return train_in(context, run, resume, on_epoch)


def train_in(
    context: DistributedContext,
    run: TrainingRun,
    resume: bool = False,
    on_epoch: Callable[[Epoch, int], None] | None = None,
) -> Path:
    """`train`, within a process group that is there already."""
    if run.config.batch % context.size:
        raise InvalidData(
            "Batch cannot be shared out", f"{run.config.batch} rows to {context.size} processes."
        )
    if not context.is_first:
        run, on_epoch = replace(run, on_progress=None), None
    run.directory.mkdir(parents=True, exist_ok=True)
    trainer = _trainer(run, context)
    if resume:
        trainer.resume()
    if context.is_first:
        config = json.dumps(_to_json(run.config, run.fold), indent=1)
        (run.directory / "config.json").write_text(config)
    trainer.fit(on_epoch)
    path = run.directory / "checkpoint.safetensors"
    if context.is_first:
        _write_results(path, trainer)
    context.barrier()
    return path


def _trainer(run: TrainingRun, context: DistributedContext) -> Trainer:
    """At its first step."""
    config = run.config
    torch.manual_seed(config.seed)
    model = build_model(config.name, **config.architecture)
    model.check_frame(config.preprocessing.height, config.preprocessing.width)
    has_malignancy = model.malignancy is not None
    teaching = [
        index
        for index, row in enumerate(run.source.rows)
        if row.teaches(model.categories, has_malignancy)
    ]
    rows = [run.source.rows[index] for index in teaching]
    if run.live is None:
        dataset.check_files(rows)
        if config.lower_rate:
            raise InvalidData(
                "Lower layers stay frozen", "Their output is kept on disk: set lower_rate to 0."
            )
    fold = _split(rows, run.fold, model.categories)
    if model.pretrained:
        load_backbone(
            model, run.backbone, {rows[index].patient_id for index in fold.held_out.tolist()}
        )
    to_channels_last(model.to(context.device))
    inputs: Inputs
    frames: Frames | LiveFrames
    if run.live is None:
        frames, inputs = _stored_inputs(run, rows, model, context)
    else:
        frames = run.live.of(teaching)
        inputs = LiveInputs(
            model,
            frames,
            config.augmentation,
            config.preprocessing,
            config.mixed_precision,
            context.device,
        )
    fold = fold.without_unreadable(frames.readable, len(frames.skipped))
    return Trainer(run, fold, model, inputs, context)


def _stored_inputs(
    run: TrainingRun, rows: Sequence[ManifestRow], model: Network, context: DistributedContext
) -> tuple[Frames, StoredInputs]:
    config, on_progress = run.config, run.on_progress

    def on_frame(done: int, total: int) -> None:
        if on_progress:
            on_progress("frames", done, total)

    frames = context.rank_ordered(
        lambda: make_frames(
            rows,
            config.preprocessing,
            config.augmentation,
            config.seed,
            run.out / "cache",
            on_frame,
        )
    )
    inputs = context.rank_ordered(
        lambda: StoredInputs(model, frames, config.mixed_precision, context.device, on_progress)
    )
    return frames, inputs


def seconds_per_step(
    config: TrainingConfig,
    source: DataSource,
    live: LiveFrames,
    backbone: Path | None = None,
    steps: int = 4,
) -> tuple[float, float]:
    """How long a step of stage one and of stage two takes on this machine, once it is warm."""
    with distributed.process_group() as context:
        trainer = _trainer(TrainingRun(config, source, Path(), backbone, live=live), context)
        return trainer.seconds_per_step(1, steps), trainer.seconds_per_step(2, steps)


def _write_results(path: Path, trainer: Trainer) -> None:
    run, fold, model = trainer.run, trainer.fold, trainer.model
    if len(fold.held_out):
        output = trainer.predict(fold.held_out)
        np.savez(
            path.parent / "held_out.npz",
            files=np.array([fold.rows[index].file for index in fold.held_out]),
            logits=output.logits.numpy(),
            malignancy=np.array([]) if output.malignancy is None else output.malignancy.numpy(),
        )
    patients = {hash_patient(fold.rows[index].patient_id) for index in fold.training}
    if run.backbone:
        patients |= training_patients(run.backbone)
    save_checkpoint(
        path,
        run.config.name,
        trainer.averaged_model(),
        run.config.preprocessing,
        Calibration.identity(len(model.categories), model.malignancy is not None),
        heat_reference=1.0,
        provenance={
            "config": _to_json(run.config, run.fold),
            "training_rows": len(fold.training),
            "training_patients": sorted(patients),
            "skipped": fold.skipped,
            "backbone": run.backbone.name if run.backbone else None,
            "notes": list(run.source.notes),
            "left_out": list(run.source.left_out),
            "may_leak": run.source.may_leak,
        },
    )


def _split(rows: Sequence[ManifestRow], fold: int | None, categories: Sequence[int]) -> Fold:
    if not rows:
        raise InvalidData("Nothing to train on", "No row has a grade that this network offers.")
    if fold is None:
        training, held_out = np.arange(len(rows)), np.array([], int)
    else:
        folds = np.array([-1 if row.fold is None else row.fold for row in rows])
        if fold not in folds:
            raise InvalidData("Fold not found", f"No row of the manifest is in fold {fold}.")
        training, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    present = {rows[index].birads for index in training.tolist()}
    absent = [grade for grade in categories if grade not in present]
    if absent:
        raise InvalidData(
            "A category is empty", f"No training row has BI-RADS {', '.join(map(str, absent))}."
        )
    return Fold(rows, training, held_out)


def _to_json(config: TrainingConfig, fold: int | None) -> dict[str, Any]:
    return {**asdict(config), "fold": fold}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=(HYBRID, LIGHT, REGION))
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="images.csv (file, birads, patient_id; also dataset, laterality, view, birads_kind, "
        "birads_low, birads_high, pathology, boxes, aspect_ratio, fold), a folder with it, or "
        "a folder with one sub-folder per category; region: lesions.csv, or a folder with it, and "
        "images.csv beside it for tissue without lesions",
    )
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints are written")
    parser.add_argument(
        "--backbone",
        type=Path,
        help="starting weights: ResNet-50 (hybrid) or MobileNetV2 (others); of these others also a "
        "checkpoint of ours, which must not have seen the held-out patients",
    )
    parser.add_argument("--fold", type=int, help="hold this fold out and predict it at the end")
    parser.add_argument("--seed", type=int, help="default: the preset's")
    parser.add_argument("--config", type=Path, help="JSON with the fields to change")
    parser.add_argument("--resume", action="store_true", help="continue after the last epoch")
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="DATASET",
        help="train without this data set of the manifest; may be given several times",
    )
    parser.add_argument("--patient-pattern", help="regular expression: patient in a file name")


class _Bars:
    """Progress bars on standard error, one for each thing that is counted."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}

    def progress(self, what: str, done: int, total: int) -> Any:
        """The bar, moved on."""
        from tqdm import tqdm

        if what not in self._bars:
            self._bars[what] = tqdm(total=total, desc=what, file=sys.stderr, mininterval=2)
        bar = self._bars[what]
        bar.update(done - bar.n)
        return bar

    def epoch(self, epoch: Epoch, total: int) -> None:
        bar = self.progress("epochs", epoch.number, total)
        bar.set_postfix(loss=f"{epoch.loss:.3f}", held_out=f"{epoch.held_out_loss:.3f}")

    def close(self) -> None:
        for bar in self._bars.values():
            bar.close()


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine train`; returns the exit status."""
    if arguments.model == REGION:
        from engine.training import region_training

        return region_training.run(arguments)
    bars = _Bars()
    try:
        config = read_config(arguments.model, arguments.config)
        if arguments.seed is not None:
            config = replace(config, seed=arguments.seed)
        source = dataset.read(arguments.data, arguments.patient_pattern)
        source = source.without(arguments.leave_out)
        for note in source.notes:
            log.warning(note)
        takes_start = build_model(config.name, **config.architecture).pretrained
        if takes_start and arguments.backbone is None:
            log.warning("no --backbone given: the network starts untrained")
        train(
            config,
            source,
            arguments.out,
            arguments.backbone,
            arguments.fold,
            arguments.resume,
            bars.epoch,
            bars.progress,
        )
    except EngineError as error:
        log.error("%s", error)
        return 1
    finally:
        bars.close()
    return 0
