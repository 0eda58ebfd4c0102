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
import csv
import hashlib
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import EngineError, IncompatibleCheckpoint, InvalidData
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import save_checkpoint
from engine.networks.models import (
    HYBRID,
    LIGHT,
    MOBILENET,
    HybridResNetTransformer,
    Network,
    NetworkOutput,
    build_model,
    to_channels_last,
)
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.region_network import REGION
from engine.training import dataset, distributed, losses
from engine.training.augmentation import AugmentationConfig, Frames, make_frames
from engine.training.dataset import DataSource, ManifestRow
from engine.training.distributed import DistributedContext
from engine.training.inputs import Batch, Inputs, LiveInputs, Progress, StoredInputs
from engine.training.live_frames import LiveFrames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a training; saved beside its checkpoint."""

    name: str = HYBRID
    seed: int = 1
    architecture: dict[str, Any] = field(
        default_factory=dict
    )  #: arguments of the model's constructor
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    batch: int = 8
    head_epochs: int = 1  #: stage one: backbone frozen
    whole_epochs: int = 4  #: stage two, or all there is for a network without starting weights
    head_rate: float = 5e-4  #: AdamW learning rate of the head
    whole_head_rate: float = 4e-4  #: the same in stage two
    backbone_rate: float = 1.5e-4  #: of the freed layers in stage two
    lower_rate: float = 0.0  #: of the layers below them, with live frames only; 0: they stay
    cosine: bool = True  #: the rates fall to 0 along a cosine; False: they stay
    weight_decay: float = 0.05
    balance_power: float = 0.5  #: 0: as the data come; 1: every grade of a data set equally often
    gamma: float = 0.0  #: focal loss's exponent; 0 is cross-entropy
    alpha: float = 1.0  #: focal loss's factor
    distance_loss: str = "emd"  #: "emd", "expected", "cdw" or "none"
    distance_weight: float = 1.0
    malignancy_weight: float = 1.0
    attention_weight: float = 0.2  #: of teaching the attention where lesion boxes are
    guided_weight: float = 0.5  #: of the read-out whose attention is laid on the boxes
    averaging: float = 0.995  #: decay of the weights' moving average per step; 0 turns it off
    mixed_precision: bool = True  #: bfloat16 where the machine has it


PRESETS: dict[str, TrainingConfig] = {
    HYBRID: TrainingConfig(
        preprocessing=PreprocessingConfig(height=384, width=256),
        augmentation=AugmentationConfig(variants=2),
        whole_epochs=2,
    ),
    LIGHT: TrainingConfig(
        name=LIGHT,
        architecture={"trunk": MOBILENET},
        augmentation=AugmentationConfig(variants=4, rotation_degrees=15),
        batch=16,
        whole_epochs=3,
        head_rate=1e-3,
        whole_head_rate=7e-4,
        backbone_rate=3.5e-4,
    ),
}


@dataclass(frozen=True)
class Pace:
    """What a training may spend its time on where that is short."""

    save_seconds: float = 0.0  #: age at which state.pt is written anew; 0: after every epoch
    watches_held_out: bool = True  #: predicts the held-out rows after every epoch, for the curves;
    #: the weights differ by what is drawn at random meanwhile
    deadline: float = math.inf  #: by `time.monotonic()`; no epoch begins that would outlast it


AT_LEISURE = Pace()


class TimeIsUp(EngineError):
    """The next epoch would have outlasted `Pace.deadline`; what was learned is in state.pt."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; a line of curves.csv."""

    number: int
    stage: int
    loss: float
    grade_loss: float
    distance_loss: float
    malignancy_loss: float
    held_out_loss: float  #: negative log-likelihood of the held-out rows; nan where there are none
    seconds: float


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What is to be trained, on what, and where it is written."""

    config: TrainingConfig
    source: DataSource
    out: Path
    backbone: Path | None = None  #: starting weights
    fold: int | None = None  #: whose rows are held out
    live: LiveFrames | None = None  #: the frames of all rows of `source`, in their order
    pace: Pace = AT_LEISURE
    on_progress: Progress | None = None

    @property
    def directory(self) -> Path:
        return self.out if self.fold is None else self.out / f"fold{self.fold}"


@dataclass(frozen=True, eq=False)
class Fold:
    """The rows that teach the network anything: those it learns from and those held out."""

    rows: Sequence[ManifestRow]
    training: np.ndarray  #: places in `rows`
    held_out: np.ndarray  #: the same
    skipped: int = 0  #: rows that could not be read, and are in neither

    def without_unreadable(self, readable: np.ndarray, skipped: int) -> "Fold":
        """`readable` is bool (rows,)."""
        return replace(
            self,
            training=self.training[readable[self.training]],
            held_out=self.held_out[readable[self.held_out]],
            skipped=skipped,
        )


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


def _trainer(run: TrainingRun, context: DistributedContext) -> "Trainer":
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
        load_backbone(model, run.backbone)
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


def _write_results(path: Path, trainer: "Trainer") -> None:
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


def hash_patient(patient_id: str) -> str:
    """Enough of a digest to recognise a training patient, not to name one."""
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16]


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


def load_backbone(model: Network, path: Path | None) -> None:
    """Starting weights as safetensors, or a state dictionary saved by torch; None: untrained."""
    if path is None:
        return
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        model.load_starting_weights({key: value.float() for key, value in weights.items()})
    except (OSError, SafetensorError, RuntimeError, UnpicklingError, AttributeError) as error:
        raise IncompatibleCheckpoint("Backbone refused", f"{path.name}: {error}.") from error
    except ValueError as error:
        expected = "ResNet-50" if isinstance(model, HybridResNetTransformer) else "MobileNetV2"
        raise IncompatibleCheckpoint(
            "Backbone refused", f"{path.name} is no {expected}: {error}."
        ) from error


_Terms = tuple[Tensor, Tensor, Tensor]  #: grade, distance and malignancy losses


class Objective:
    """What training minimises: the configured losses against the labels of all rows."""

    def __init__(
        self,
        config: TrainingConfig,
        rows: Sequence[ManifestRow],
        categories: tuple[int, ...],
        device: torch.device,
    ) -> None:
        self.config, self.categories = config, categories
        single = dataset.single_outcome_datasets(rows)
        #: bool (rows, categories): what each label admits
        self.allowed = torch.tensor(np.array([row.allowed(categories) for row in rows])).to(device)
        outcome = [
            float("nan")
            if row.is_malignant is None or row.dataset in single
            else float(row.is_malignant)
            for row in rows
        ]
        self.malignant = torch.tensor(outcome, device=device)  #: (rows,) 1, 0 or nan

    def loss(
        self, output: NetworkOutput, boxes: Tensor | None, indices: np.ndarray
    ) -> tuple[Tensor, _Terms]:
        """Of a batch of the rows at `indices`, and its terms unweighted; each a scalar."""
        config = self.config
        terms = self._terms(output, indices)
        loss = self._weigh(terms).mean()
        if output.attention_supervised is not None and boxes is not None:
            has_box = (boxes.amax(dim=(1, 2)) > 0).float()
            guided = self._weigh(self._terms(output.attention_supervised, indices)) * has_box
            loss = loss + config.guided_weight * guided.mean()
        if output.attention is not None and boxes is not None and config.attention_weight:
            inside = losses.attention_in_boxes(output.attention, boxes)
            loss = loss + config.attention_weight * inside.mean()
        grade, distance, malignant = terms
        return loss, (grade.mean(), distance.mean(), malignant.mean())

    def _terms(self, output: NetworkOutput, indices: np.ndarray) -> _Terms:
        """Of each row, (batch,)."""
        config, categories = self.config, self.categories
        allowed = self.allowed[indices]
        grade = losses.likelihood_loss(output.logits, allowed, config.gamma, config.alpha)
        distance = malignant = torch.zeros_like(grade)
        if config.distance_loss == "emd":
            distance = losses.squared_emd(output.logits, allowed, categories)
        elif config.distance_loss == "expected":
            distance = losses.expected_distance(output.logits, allowed, categories)
        elif config.distance_loss == "cdw":
            distance = losses.class_distance_weighted(output.logits, allowed, categories)
        if output.malignancy is not None:
            malignant = losses.malignancy_loss(output.malignancy, self.malignant[indices])
        return grade, distance, malignant

    def _weigh(self, terms: _Terms) -> Tensor:
        grade, distance, malignant = terms
        config = self.config
        return grade + config.distance_weight * distance + config.malignancy_weight * malignant


@dataclass(frozen=True, eq=False)
class _Stage:
    """Which parts learn, and how fast."""

    number: int  #: 1 or 2
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    forward: nn.Module  #: of a loaded batch, its gradients averaged over all processes


class Trainer:
    """The epochs, the optimizer and the state that `resume` picks up."""

    def __init__(
        self,
        run: TrainingRun,
        fold: Fold,
        model: Network,
        inputs: Inputs,
        context: DistributedContext,
    ) -> None:
        self.run, self.fold, self.model = run, fold, model
        self.config, self.inputs, self.context = run.config, inputs, context
        self.objective = Objective(self.config, fold.rows, model.categories, context.device)
        self.saved_at = time.monotonic()
        weights = dataset.balanced_weights(
            [fold.rows[index] for index in fold.training], self.config.balance_power
        )
        self.weights = torch.from_numpy(weights)
        self.random = torch.Generator().manual_seed(self.config.seed)
        self.epochs: list[Epoch] = []
        self.average: dict[str, Tensor] = {}
        self.steps = max(1, len(fold.training) // self.config.batch)
        self.stage = self._begin_stage(1 if self.config.head_epochs else 2)

    def _begin_stage(self, number: int) -> _Stage:
        """Stage one leaves the pretrained layers as they are; stage two frees the upper ones, and
        with a `lower_rate` all."""
        config = self.config
        head: list[nn.Parameter] = []
        backbone: list[nn.Parameter] = []
        lower: list[nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            is_backbone = name.startswith(self.model.pretrained)
            is_lower = name.startswith(self.model.frozen)
            is_free = not is_backbone or (number == 2 and (not is_lower or config.lower_rate > 0))
            parameter.requires_grad_(is_free)
            if is_free:
                (lower if is_lower else backbone if is_backbone else head).append(parameter)
        head_rate = config.head_rate if number == 1 else config.whole_head_rate
        groups: list[dict[str, Any]] = [{"params": head, "lr": head_rate}]
        if backbone:
            groups.append({"params": backbone, "lr": config.backbone_rate})
        if lower:
            groups.append({"params": lower, "lr": config.lower_rate})
        is_fused = self.inputs.device.type == "cuda" or None  # one launch instead of hundreds
        optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=is_fused)
        forward = self.context.wrap_ddp(self.inputs.forward_module(self.model))
        epochs = config.head_epochs if number == 1 else config.whole_epochs
        total, warm = max(1, epochs * self.steps), min(self.steps, 40)

        def rate(step: int) -> float:
            fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / total))) if config.cosine else 1.0
            return fall * min(1.0, (step + 1) / warm)

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return _Stage(number, optimizer, schedule, forward)

    def fit(self, on_epoch: Callable[[Epoch, int], None] | None = None) -> None:
        """All epochs that are left; `on_epoch` is told each, and how many there are in all."""
        total, pace = self.config.head_epochs + self.config.whole_epochs, self.run.pace
        while len(self.epochs) < total:
            number = len(self.epochs) + 1
            if self.stage.number == 1 and number > self.config.head_epochs:
                self.stage = self._begin_stage(2)
            self._check_time(number)
            epoch = self._one_epoch(number)
            self.epochs.append(epoch)
            if self.context.is_first and (
                not pace.save_seconds or time.monotonic() > self.saved_at + pace.save_seconds
            ):
                self._save()
                write_curves(self.run.directory, self.epochs)
            self.context.barrier()
            if on_epoch:
                on_epoch(epoch, total)
        if self.context.is_first and pace.save_seconds:
            write_curves(self.run.directory, self.epochs)

    def _check_time(self, number: int) -> None:
        """Raises `TimeIsUp` where an epoch as long as the last would end after the deadline."""
        needed = self.epochs[-1].seconds if self.epochs else 0.0
        if time.monotonic() + needed <= self.run.pace.deadline:
            return
        if self.epochs and self.context.is_first:
            self._save()
            write_curves(self.run.directory, self.epochs)
        raise TimeIsUp("Time is up", f"Stopped before epoch {number}; resume to go on.")

    def seconds_per_step(self, stage: int, steps: int) -> float:
        """The mean of `steps` steps after two to warm up; moves the weights, so of no other use."""
        self.stage = self._begin_stage(stage)
        self._start_learning()
        count = (steps + 2) * self.config.batch
        chosen = self.fold.training[self.random_rows(count)]
        variants = np.arange(1, count + 1) % self.inputs.variants
        start, batches = 0.0, self._batches(chosen, variants, self.config.batch)
        for number, (indices, (batch, boxes)) in enumerate(batches):
            if number == 2:
                start = self._now()
            self._step(batch, boxes, indices)
        return (self._now() - start) / steps

    def _now(self) -> float:
        """`time.monotonic()` with all that was asked of the device done."""
        if self.inputs.device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()

    def _start_learning(self) -> None:
        self.model.train()
        frozen = () if self.config.lower_rate else self.model.frozen
        for name, module in self.model.named_modules():
            if isinstance(module, nn.BatchNorm2d) and (
                self.model.freezes_batch_norm or name.startswith(frozen)
            ):
                module.eval()

    def random_rows(self, count: int) -> np.ndarray:
        """Balanced draws of places in `fold.training`."""
        drawn = torch.multinomial(self.weights, count, replacement=True, generator=self.random)
        return drawn.numpy()

    def _one_epoch(self, number: int) -> Epoch:
        start = time.monotonic()
        self._start_learning()
        count = self.steps * self.config.batch
        drawn = self.random_rows(count)
        variants = torch.randint(self.inputs.variants, (count,), generator=self.random).numpy()
        chosen = self.fold.training[drawn]
        sums = torch.zeros(4, dtype=torch.float64, device=self.inputs.device)
        shard = self.context.shard(self.config.batch)
        mine = np.arange(count).reshape(self.steps, self.config.batch)[:, shard].ravel()
        size = self.config.batch // self.context.size
        for indices, (batch, boxes) in self._batches(chosen[mine], variants[mine], size):
            sums += self._step(batch, boxes, indices)
        loss, grade, distance, malignancy = (sums.cpu().numpy() / self.steps).tolist()
        return Epoch(
            number,
            self.stage.number,
            loss,
            grade,
            distance,
            malignancy,
            held_out_loss=self._held_out_loss(),
            seconds=time.monotonic() - start,
        )

    def _step(self, batch: Tensor, boxes: Tensor | None, indices: np.ndarray) -> Tensor:
        """One step of the optimizer; the loss and its terms, float64 (4,) on the device."""
        optimizer = self.stage.optimizer
        output: NetworkOutput = self.stage.forward(
            batch, boxes if self.config.guided_weight else None
        )
        loss, terms = self.objective.loss(output, boxes, indices)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        free = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(free, 1.0)
        optimizer.step()
        self.stage.schedule.step()
        self._average_weights()
        return torch.stack([value.detach().double() for value in (loss, *terms)])

    def _batches(
        self, chosen: np.ndarray, variants: np.ndarray, size: int
    ) -> Iterator[tuple[np.ndarray, Batch]]:
        """(indices, batch) with the next batch read while the last one is computed."""
        ahead: tuple[np.ndarray, Future[Batch]] | None = None
        with ThreadPoolExecutor(1) as pool:
            for start in range(0, len(chosen), size):
                indices, used = chosen[start : start + size], variants[start : start + size]
                now, ahead = ahead, (indices, pool.submit(self.inputs.load, used, indices))
                if now is not None:
                    yield now[0], now[1].result()
            if ahead is not None:
                yield ahead[0], ahead[1].result()

    @torch.no_grad()
    def _average_weights(self) -> None:
        if not self.config.averaging:
            return
        step = len(self.epochs) * self.steps
        decay = min(self.config.averaging, (1 + step) / (10 + step))
        for name, value in self.model.state_dict().items():
            if name not in self.average:
                self.average[name] = value.clone()
            elif value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def averaged_model(self) -> Network:
        """A copy of the network that carries the averaged weights, in evaluation mode."""
        copy = build_model(self.config.name, **self.config.architecture)
        copy.load_state_dict(self.average or self.model.state_dict())
        return copy.eval()

    @torch.inference_mode()
    def predict(self, indices: np.ndarray) -> NetworkOutput:
        """What the averaged network makes of the clean frames, on the CPU."""
        model = to_channels_last(self.averaged_model().to(self.inputs.device))
        forward = self.inputs.forward_module(model)
        clean = np.zeros(len(indices), int)
        batches = self._batches(indices, clean, self.config.batch * 2)
        outputs: list[NetworkOutput] = [forward(batch) for _, (batch, _) in batches]
        heads = [output.malignancy for output in outputs if output.malignancy is not None]
        malignancy = torch.cat(heads).float().cpu() if heads else None
        return NetworkOutput(torch.cat([each.logits for each in outputs]).float().cpu(), malignancy)

    def _held_out_loss(self) -> float:
        """For the curves only: no decision is taken on it."""
        held_out = self.fold.held_out
        if not len(held_out) or not self.context.is_first or not self.run.pace.watches_held_out:
            return float("nan")
        logits = self.predict(held_out).logits
        allowed = self.objective.allowed[held_out].cpu()
        return float(losses.likelihood_loss(logits, allowed).mean())

    def _save(self) -> None:
        partial = self.run.directory / "state.pt.partial"
        torch.save(
            {
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "stage": self.stage.number,
                "model": self.model.state_dict(),
                "average": self.average,
                "optimizer": self.stage.optimizer.state_dict(),
                "schedule": self.stage.schedule.state_dict()["last_epoch"],
                "random": self.random.get_state(),
                "torch_random": torch.get_rng_state(),
            },
            partial,
        )
        partial.replace(self.run.directory / "state.pt")
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Continues after the last whole epoch, if there is one."""
        path = self.run.directory / "state.pt"
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location=self.inputs.device, weights_only=True)
            self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
            self.stage = self._begin_stage(state["stage"])
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.stage.optimizer.load_state_dict(state["optimizer"])
            self.stage.schedule.last_epoch = state["schedule"]
            self.random.set_state(state["random"].cpu())
            torch.set_rng_state(state["torch_random"].cpu())
        except Exception as error:  # a pickle of the wrong kind fails in many ways
            raise IncompatibleCheckpoint(
                "Cannot resume", f"{path} does not fit this configuration; remove it to start anew."
            ) from error
        log.info("resumed after epoch %d", len(self.epochs))


def write_curves(directory: Path, epochs: Sequence[Epoch]) -> None:
    """curves.csv, and curves.png where matplotlib is installed."""
    with (directory / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in epochs)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    number = [epoch.number for epoch in epochs]
    axes.plot(number, [epoch.grade_loss for epoch in epochs], label="training, as weighted")
    axes.plot(number, [epoch.held_out_loss for epoch in epochs], label="held out, plain")
    axes.set(xlabel="epoch", ylabel="loss of the grade (nats)")
    axes.legend()
    FigureCanvasAgg(figure).print_png(directory / "curves.png")  # type: ignore[no-untyped-call]  # its own


def _to_json(config: TrainingConfig, fold: int | None) -> dict[str, Any]:
    return {**asdict(config), "fold": fold}


def read_config(
    name: str, path: Path | None, preset: TrainingConfig | None = None
) -> TrainingConfig:
    """The preset with what a JSON file changes of it.

    Raises `InvalidData` for unknown fields, and for frames that the network cannot take.
    """
    config = preset or PRESETS[name]
    if path is None:
        return config
    try:
        changes = json.loads(path.read_text("utf-8"))
        changes.pop("fold", None)
        if changes.pop("name", config.name) != config.name:
            raise InvalidData("Configuration is for another network", f"{path.name} says so.")
        for part in ("preprocessing", "augmentation"):
            if part in changes:
                changes[part] = replace(getattr(config, part), **changes[part])
        config = replace(config, **changes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidData("Configuration cannot be used", f"{path.name}: {error}.") from error
    try:
        with torch.device("meta"):  # nothing is computed of it
            model = build_model(config.name, **config.architecture)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise InvalidData(
            "Configuration cannot be used", f"{path.name}: no network has this architecture."
        ) from error
    model.check_frame(config.preprocessing.height, config.preprocessing.width)
    return config


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
        "--backbone", type=Path, help="starting weights: ResNet-50 (hybrid) or MobileNetV2 (others)"
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
