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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from pickle import UnpicklingError

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
    Output,
    build_model,
)
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.region_network import REGION
from engine.training import dataset, distributed, losses
from engine.training.augmentation import AugmentationConfig, Frames, make_frames
from engine.training.dataset import DataSource, ManifestRow
from engine.training.distributed import World
from engine.training.live_frames import LiveFrames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a training; saved beside its checkpoint."""

    name: str = HYBRID
    seed: int = 1
    architecture: dict = field(default_factory=dict)  #: arguments of the model's constructor
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
    HYBRID: TrainingConfig(augmentation=AugmentationConfig(variants=2)),
    LIGHT: TrainingConfig(
        name=LIGHT,
        architecture={"trunk": MOBILENET},
        augmentation=AugmentationConfig(variants=6, rotation_degrees=15),
        batch=16,
        whole_epochs=11,
        head_rate=1e-3,
        whole_head_rate=7e-4,
        backbone_rate=3.5e-4,
    ),
}


@dataclass(frozen=True)
class Pace:
    """What a training may spend its time on where that is short."""

    save_seconds: float = 0.0  #: age at which state.pt is written anew; 0: after every epoch
    watches_held_out: bool = True  #: asks the held-out rows after every epoch, for the curves;
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


def train(
    config: TrainingConfig,
    source: DataSource,
    out: Path,
    backbone: Path | None = None,
    fold: int | None = None,
    resume: bool = False,
    on_epoch: Callable[[Epoch, int], None] | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    live: LiveFrames | None = None,
    pace: Pace = AT_LEISURE,
) -> Path:
    """Trains on every row but those of `fold`; returns the checkpoint's path.

    `live` holds the frames of all rows of `source`, in their order; without it they are made from
    the rows' files. Under `torchrun` each batch is shared out over the processes, and process 0
    alone writes. Raises `InvalidData` before any training if the rows cannot serve,
    `IncompatibleCheckpoint` if the backbone or a state to resume from does not fit, `TimeIsUp`
    as `pace` says.
    """
    with distributed.joined() as world:
        return _train(
            config, source, out, backbone, fold, resume, on_epoch, on_progress, world, live, pace
        )


def _train(
    config,
    source,
    out,
    backbone,
    fold,
    resume,
    on_epoch,
    on_progress,
    world: World,
    live: LiveFrames | None = None,
    pace: Pace = AT_LEISURE,
) -> Path:
    if config.batch % world.size:
        raise InvalidData(
            "Batch cannot be shared out", f"{config.batch} rows to {world.size} processes."
        )
    if not world.is_first:
        on_epoch = on_progress = None
    home = out if fold is None else out / f"fold{fold}"
    home.mkdir(parents=True, exist_ok=True)
    cache = out / "cache"
    loop, rows, frames = _prepared(
        config, source, home, cache, backbone, fold, on_progress, world, live, pace
    )
    if resume:
        loop.resume()
    if world.is_first:
        (home / "config.json").write_text(json.dumps(_to_json(config, fold), indent=1))
    loop.run(on_epoch)
    path = home / "checkpoint.safetensors"
    if world.is_first:
        _write_results(path, loop, config, source, rows, frames, backbone, fold)
    world.wait()
    return path


def _prepared(
    config, source, home, cache, backbone, fold, on_progress, world: World, live, pace
) -> "tuple[_Loop, list[ManifestRow], Frames | LiveFrames]":
    """All that a training needs, at its first step; the rows that teach the network anything."""
    torch.manual_seed(config.seed)
    model = build_model(config.name, **config.architecture)
    model.check_frame(config.preprocessing.height, config.preprocessing.width)
    has_malignancy = getattr(model, "malignancy", None) is not None
    teaching = [
        index
        for index, row in enumerate(source.rows)
        if row.teaches(model.categories, has_malignancy)
    ]
    rows = [source.rows[index] for index in teaching]
    if live is None:
        dataset.check_files(rows)
        if config.lower_rate:
            raise InvalidData(
                "Lower layers stay frozen", "Their output is kept on disk: set lower_rate to 0."
            )
    training, held_out = _split(rows, fold, model.categories)
    if model.pretrained:
        load_backbone(model, backbone)
    model.to(world.device, memory_format=torch.channels_last)
    if live is None:
        frames = world.in_turn(
            lambda: make_frames(
                rows,
                config.preprocessing,
                config.augmentation,
                config.seed,
                cache,
                on_progress and (lambda done, total: on_progress("frames", done, total)),
            )
        )
        inputs = world.in_turn(lambda: Inputs(model, frames, config, world.device, on_progress))
    else:
        frames = live.of(teaching)
        inputs = LiveInputs(model, frames, config, world.device)
    training = training[frames.readable[training]]
    held_out = held_out[frames.readable[held_out]]
    targets = _Targets(rows, model.categories, world.device)
    loop = _Loop(config, model, inputs, targets, rows, training, held_out, home, world, pace)
    return loop, rows, frames


def seconds_per_step(
    config: TrainingConfig,
    source: DataSource,
    live: LiveFrames,
    backbone: Path | None = None,
    steps: int = 4,
) -> tuple[float, float]:
    """How long a step of stage one and of stage two takes on this machine, once it is warm."""
    with distributed.joined() as world:
        loop, *_ = _prepared(
            config, source, Path(), Path(), backbone, None, None, world, live, AT_LEISURE
        )
        return loop.seconds_per_step(1, steps), loop.seconds_per_step(2, steps)


def _write_results(path: Path, loop, config, source, rows, frames, backbone, fold) -> None:
    model, training, held_out = loop.model, loop.training, loop.held_out
    if len(held_out):
        output = loop.predict(held_out)
        np.savez(
            path.parent / "held_out.npz",
            files=np.array([rows[index].file for index in held_out]),
            logits=output.logits.numpy(),
            malignancy=np.array([]) if output.malignancy is None else output.malignancy.numpy(),
        )
    has_malignancy = getattr(model, "malignancy", None) is not None
    save_checkpoint(
        path,
        config.name,
        loop.averaged_model(),
        config.preprocessing,
        Calibration.identity(len(model.categories), has_malignancy),
        heat_reference=1.0,
        provenance={
            "config": _to_json(config, fold),
            "training_rows": len(training),
            "training_patients": sorted({hash_patient(rows[i].patient_id) for i in training}),
            "skipped": len(frames.skipped),
            "backbone": backbone.name if backbone else None,
            "notes": list(source.notes),
            "left_out": list(source.left_out),
            "may_leak": source.may_leak,
        },
    )


def hash_patient(patient_id: str) -> str:
    """Enough of a digest to recognise a training patient, not to name one."""
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16]


def _split(rows: Sequence[ManifestRow], fold: int | None, categories) -> tuple:
    """Indices of the rows to train on and of those held out."""
    if not rows:
        raise InvalidData("Nothing to train on", "No row has a grade that this network offers.")
    if fold is None:
        training, held_out = np.arange(len(rows)), np.array([], int)
    else:
        folds = np.array([-1 if row.fold is None else row.fold for row in rows])
        if fold not in folds:
            raise InvalidData("Fold not found", f"No row of the manifest is in fold {fold}.")
        training, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    present = {rows[index].birads for index in training}
    absent = [grade for grade in categories if grade not in present]
    if absent:
        raise InvalidData(
            "A category is empty", f"No training row has BI-RADS {', '.join(map(str, absent))}."
        )
    return training, held_out


def load_backbone(model: nn.Module, path: Path | None) -> None:
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


class _Targets:
    """The labels of all rows as tensors."""

    def __init__(self, rows, categories, device) -> None:
        single = dataset.single_outcome_datasets(rows)
        self.allowed = torch.tensor(np.array([row.allowed(categories) for row in rows])).to(device)
        outcome = [
            float("nan")
            if row.is_malignant is None or row.dataset in single
            else float(row.is_malignant)
            for row in rows
        ]
        self.malignant = torch.tensor(outcome, device=device)


class Inputs:
    """What a network is fed: frames, or the cached output of the layers it keeps frozen."""

    def __init__(self, model, frames: Frames, config, device, on_progress) -> None:
        self.model, self.frames, self.device = model, frames, device
        self.is_mixed = config.mixed_precision
        self.variants = len(frames.frames)  #: variant 0 is the clean frame
        self.cached = self._cache(on_progress) if model.kept else None

    def _cache(self, on_progress) -> np.ndarray:
        """`lower`'s output, bfloat16 as uint16 (variants, rows, height, width, channels) of the
        feature map, memory-mapped."""
        variants, rows, height, width = self.frames.frames.shape
        digest = hashlib.sha256()
        for name, tensor in self.model.state_dict().items():
            if name.startswith(self.model.kept):
                digest.update(tensor.cpu().numpy().tobytes())
        stem = self.frames.folder / f"lower-{digest.hexdigest()[:12]}"
        self.model.eval()
        channels, *grid = self._lower(np.zeros((1, height, width), np.uint8)).shape[1:]
        shape = (variants, rows, *grid, channels)
        mark = stem.with_suffix(".done")
        done = int(mark.read_text()) if mark.is_file() else 0
        cache = np.memmap(stem, np.uint16, "r+" if stem.is_file() else "w+", shape=shape)
        flat = cache.reshape(variants * rows, *shape[2:])
        source = self.frames.frames.reshape(variants * rows, height, width)
        while done < len(flat):
            stop = min(done + 16, len(flat))
            feature = self._lower(source[done:stop]).permute(0, 2, 3, 1).bfloat16()
            flat[done:stop] = feature.contiguous().cpu().view(torch.uint16).numpy()
            done = stop
            if done % 320 == 0 or done == len(flat):
                cache.flush()
                mark.write_text(str(done))
            if on_progress:
                on_progress("features", done, len(flat))
        return np.memmap(stem, np.uint16, "r", shape=shape)

    @torch.inference_mode()
    def _lower(self, frames: np.ndarray) -> Tensor:
        image = torch.from_numpy(frames.astype(np.float32) / 255)[:, None]
        with self.autocast():
            return self.model.lower(image.to(self.device, memory_format=torch.channels_last))

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_mixed)

    def load(self, variants: np.ndarray, indices: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """One batch, ready for `asker`, and the share of its cells that lesions cover (batch, rows,
        columns); None for a network that is not taught where to look. Runs in the prefetching
        thread."""
        chosen = list(zip(variants, indices, strict=True))
        if self.cached is None:
            batch = np.stack([self.frames.frames[v, i] for v, i in chosen])
            return torch.from_numpy(batch.astype(np.float32) / 255)[:, None], None
        batch = torch.from_numpy(np.stack([self.cached[v, i] for v, i in chosen]))
        boxes = np.stack([self.frames.boxes[v, i] for v, i in chosen]).astype(np.float32)
        return (
            batch.view(torch.bfloat16).permute(0, 3, 1, 2),
            torch.from_numpy(boxes).to(self.device),
        )

    def asker(self, model: nn.Module) -> nn.Module:
        """The network as a module that is called with a loaded batch, and lesions in training."""
        return _Asker(model, self.device, self.is_mixed, self.cached is not None)


class LiveInputs:
    """What a network is fed where nothing is kept: frames altered anew whenever they are drawn.

    Stands in for `Inputs`. A variant is the seed of an alteration; 0 is the clean frame.
    """

    def __init__(self, model, frames: LiveFrames, config, device) -> None:
        self.frames, self.device, self.is_mixed = frames, device, config.mixed_precision
        self.augmentation, self.preprocessing = config.augmentation, config.preprocessing
        self.is_taught_where = hasattr(model, "lower")
        self.variants = 2**31 if config.augmentation.variants else 1

    def load(self, variants: np.ndarray, indices: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """As `Inputs.load`; the batch is float32 (batch, 1, height, width) on the device."""
        batch, boxes = self.frames.draw(indices, variants, self.augmentation, self.preprocessing)
        return batch, boxes if self.is_taught_where else None

    def asker(self, model: nn.Module) -> nn.Module:
        return _Asker(model, self.device, self.is_mixed, is_cached=False)


class _Asker(nn.Module):
    """Calls the part of the network that follows the cache; DistributedDataParallel wraps it."""

    def __init__(self, model: nn.Module, device, is_mixed: bool, is_cached: bool) -> None:
        super().__init__()
        self.model, self.device = model, device
        self.is_cached, self.is_mixed = is_cached, is_mixed

    def forward(self, batch: Tensor, lesions: Tensor | None = None) -> Output:
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_mixed):
            if self.is_cached:
                return self.model.upper(batch if self.is_mixed else batch.float(), lesions)
            if lesions is None:
                return self.model(batch)
            return self.model.upper(self.model.lower(batch), lesions)


class _Loop:
    """The epochs, the optimizer and the state that `resume` picks up."""

    def __init__(
        self,
        config,
        model,
        inputs,
        targets,
        rows,
        training,
        held_out,
        home,
        world: World,
        pace: Pace,
    ) -> None:
        self.config, self.model, self.inputs, self.targets = config, model, inputs, targets
        self.training, self.held_out, self.home = training, held_out, home
        self.world, self.pace = world, pace
        self.saved_at = time.monotonic()
        weights = dataset.balanced_weights([rows[i] for i in training], config.balance_power)
        self.weights = torch.from_numpy(weights)
        self.random = torch.Generator().manual_seed(config.seed)
        self.epochs: list[Epoch] = []
        self.average: dict[str, Tensor] = {}
        self.steps = max(1, len(training) // config.batch)
        self.optimizer = self.schedule = None
        self._enter_stage(1 if config.head_epochs else 2)

    def _enter_stage(self, stage: int) -> None:
        """Stage one leaves the pretrained layers as they are; stage two frees the upper ones, and
        with a `lower_rate` all."""
        config, self.stage = self.config, stage
        head, backbone, lower = [], [], []
        for name, parameter in self.model.named_parameters():
            is_backbone = name.startswith(self.model.pretrained)
            is_kept = name.startswith(self.model.kept)
            is_free = not is_backbone or (stage == 2 and (not is_kept or config.lower_rate > 0))
            parameter.requires_grad_(is_free)
            if is_free:
                (lower if is_kept else backbone if is_backbone else head).append(parameter)
        head_rate = config.head_rate if stage == 1 else config.whole_head_rate
        groups = [{"params": head, "lr": head_rate}]
        if backbone:
            groups.append({"params": backbone, "lr": config.backbone_rate})
        if lower:
            groups.append({"params": lower, "lr": config.lower_rate})
        is_fused = self.inputs.device.type == "cuda" or None  # one launch instead of hundreds
        self.optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=is_fused)
        self.shared = self.world.share_out(self.inputs.asker(self.model))
        epochs = config.head_epochs if stage == 1 else config.whole_epochs
        total, warm = max(1, epochs * self.steps), min(self.steps, 40)

        def rate(step: int) -> float:
            fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / total))) if config.cosine else 1.0
            return fall * min(1.0, (step + 1) / warm)

        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, rate)

    def run(self, on_epoch) -> None:
        total = self.config.head_epochs + self.config.whole_epochs
        while len(self.epochs) < total:
            number = len(self.epochs) + 1
            if self.stage == 1 and number > self.config.head_epochs:
                self._enter_stage(2)
            self._check_time(number)
            epoch = self._one_epoch(number)
            self.epochs.append(epoch)
            if self.world.is_first and (
                not self.pace.save_seconds
                or time.monotonic() > self.saved_at + self.pace.save_seconds
            ):
                self._save()
                write_curves(self.home, self.epochs)
            self.world.wait()
            if on_epoch:
                on_epoch(epoch, total)
        if self.world.is_first and self.pace.save_seconds:
            write_curves(self.home, self.epochs)

    def _check_time(self, number: int) -> None:
        """Raises `TimeIsUp` where an epoch as long as the last would end after the deadline."""
        needed = self.epochs[-1].seconds if self.epochs else 0.0
        if time.monotonic() + needed <= self.pace.deadline:
            return
        if self.epochs and self.world.is_first:
            self._save()
            write_curves(self.home, self.epochs)
        raise TimeIsUp("Time is up", f"Stopped before epoch {number}; resume to go on.")

    def seconds_per_step(self, stage: int, steps: int) -> float:
        """The mean of `steps` steps after two to warm up; moves the weights, so of no other use."""
        self._enter_stage(stage)
        self._start_learning()
        count = (steps + 2) * self.config.batch
        chosen = self.training[self.random_rows(count)]
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
        stays = () if self.config.lower_rate else self.model.kept
        for name, module in self.model.named_modules():
            if isinstance(module, nn.BatchNorm2d) and (
                self.model.keeps_statistics or name.startswith(stays)
            ):
                module.eval()

    def random_rows(self, count: int) -> np.ndarray:
        """Balanced draws of places in `training`."""
        return torch.multinomial(
            self.weights, count, replacement=True, generator=self.random
        ).numpy()

    def _one_epoch(self, number: int) -> Epoch:
        start = time.monotonic()
        self._start_learning()
        count = self.steps * self.config.batch
        drawn = self.random_rows(count)
        variants = torch.randint(self.inputs.variants, (count,), generator=self.random).numpy()
        chosen = self.training[drawn]
        sums = torch.zeros(4, dtype=torch.float64, device=self.inputs.device)
        part = self.world.share(self.config.batch)
        mine = np.arange(count).reshape(self.steps, self.config.batch)[:, part].ravel()
        size = self.config.batch // self.world.size
        for indices, (batch, boxes) in self._batches(chosen[mine], variants[mine], size):
            sums += self._step(batch, boxes, indices)
        sums = sums.cpu().numpy()
        return Epoch(
            number,
            self.stage,
            *(float(value) for value in sums / self.steps),
            held_out_loss=self._held_out_loss(),
            seconds=time.monotonic() - start,
        )

    def _step(self, batch: Tensor, boxes: Tensor | None, indices: np.ndarray) -> Tensor:
        """One step of the optimizer; `_loss`'s parts, float64 (4,) on the device."""
        parts = self._loss(batch, boxes, indices)
        self.optimizer.zero_grad(set_to_none=True)
        parts[0].backward()
        free = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(free, 1.0)
        self.optimizer.step()
        self.schedule.step()
        self._average_weights()
        return torch.stack([part.detach().double() for part in parts])

    def _batches(self, chosen, variants, size: int) -> Iterator[tuple]:
        """(indices, what `load` gives) with the next batch read while the last one is computed."""
        parts = [
            (chosen[start : start + size], variants[start : start + size])
            for start in range(0, len(chosen), size)
        ]
        with ThreadPoolExecutor(1) as pool:
            ahead = None
            for indices, used in parts:
                now, ahead = ahead, (indices, pool.submit(self.inputs.load, used, indices))
                if now:
                    yield now[0], now[1].result()
            if ahead:
                yield ahead[0], ahead[1].result()

    def _loss(self, batch: Tensor, boxes: Tensor | None, indices: np.ndarray) -> tuple:
        """(loss, grade part, distance part, malignancy part), each a scalar."""
        config = self.config
        output = self.shared(batch, boxes if config.guided_weight else None)
        parts = self._grading_parts(output, indices)
        loss = self._weigh(parts).mean()
        if output.guided is not None:
            has_box = (boxes.amax(dim=(1, 2)) > 0).float()
            guided = self._weigh(self._grading_parts(output.guided, indices)) * has_box
            loss = loss + config.guided_weight * guided.mean()
        if boxes is not None and config.attention_weight:
            inside = losses.attention_in_boxes(output.attention, boxes)
            loss = loss + config.attention_weight * inside.mean()
        return loss, *(part.mean() for part in parts)

    def _grading_parts(self, output: Output, indices: np.ndarray) -> tuple:
        """(grade, distance, malignancy) losses, (batch,) each."""
        config, categories = self.config, self.model.categories
        allowed = self.targets.allowed[indices]
        grade = losses.likelihood_loss(output.logits, allowed, config.gamma, config.alpha)
        distance = malignant = torch.zeros_like(grade)
        if config.distance_loss == "emd":
            distance = losses.squared_emd(output.logits, allowed, categories)
        elif config.distance_loss == "expected":
            distance = losses.expected_distance(output.logits, allowed, categories)
        elif config.distance_loss == "cdw":
            distance = losses.class_distance_weighted(output.logits, allowed, categories)
        if output.malignancy is not None:
            malignant = losses.malignancy_loss(output.malignancy, self.targets.malignant[indices])
        return grade, distance, malignant

    def _weigh(self, parts: tuple) -> Tensor:
        grade, distance, malignant = parts
        config = self.config
        return grade + config.distance_weight * distance + config.malignancy_weight * malignant

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

    def averaged_model(self) -> nn.Module:
        """A copy of the network that carries the averaged weights, in evaluation mode."""
        copy = build_model(self.config.name, **self.config.architecture)
        copy.load_state_dict(self.average or self.model.state_dict())
        return copy.eval()

    @torch.inference_mode()
    def predict(self, indices: np.ndarray) -> Output:
        """The averaged network's answers to the clean frames, on the CPU."""
        model = self.averaged_model().to(self.inputs.device, memory_format=torch.channels_last)
        ask = self.inputs.asker(model)
        clean = np.zeros(len(indices), int)
        batches = self._batches(indices, clean, self.config.batch * 2)
        parts = [ask(batch) for _, (batch, _) in batches]
        malignancy = None
        if parts[0].malignancy is not None:
            malignancy = torch.cat([part.malignancy for part in parts]).float().cpu()
        return Output(torch.cat([part.logits for part in parts]).float().cpu(), malignancy)

    def _held_out_loss(self) -> float:
        """For the curves only: no decision is taken on it."""
        if not len(self.held_out) or not self.world.is_first or not self.pace.watches_held_out:
            return float("nan")
        logits = self.predict(self.held_out).logits
        allowed = self.targets.allowed[self.held_out].cpu()
        return float(losses.likelihood_loss(logits, allowed).mean())

    def _save(self) -> None:
        partial = self.home / "state.pt.partial"
        torch.save(
            {
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "stage": self.stage,
                "model": self.model.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict()["last_epoch"],
                "random": self.random.get_state(),
                "torch_random": torch.get_rng_state(),
            },
            partial,
        )
        partial.replace(self.home / "state.pt")
        self.saved_at = time.monotonic()

    def resume(self) -> None:
        """Continues after the last whole epoch, if there is one."""
        path = self.home / "state.pt"
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location=self.inputs.device, weights_only=True)
            self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
            self._enter_stage(state["stage"])
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.last_epoch = state["schedule"]
            self.random.set_state(state["random"].cpu())
            torch.set_rng_state(state["torch_random"].cpu())
        except Exception as error:  # a pickle of the wrong kind fails in many ways
            raise IncompatibleCheckpoint(
                "Cannot resume", f"{path} does not fit this configuration; remove it to start anew."
            ) from error
        log.info("resumed after epoch %d", len(self.epochs))


def write_curves(home: Path, epochs: Sequence[Epoch]) -> None:
    """curves.csv, and curves.png where matplotlib is installed."""
    with (home / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
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
    FigureCanvasAgg(figure).print_png(home / "curves.png")


def _to_json(config: TrainingConfig, fold: int | None) -> dict:
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


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine train`; returns the exit status."""
    if arguments.model == REGION:
        from engine.training import region_training

        return region_training.run(arguments)
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def bar_of(what: str, total: int) -> tqdm:
        if what not in bars:
            bars[what] = tqdm(total=total, desc=what, file=sys.stderr, mininterval=2)
        return bars[what]

    def on_progress(what: str, done: int, total: int) -> None:
        bar = bar_of(what, total)
        bar.update(done - bar.n)

    def on_epoch(epoch: Epoch, total: int) -> None:
        bar = bar_of("epochs", total)
        bar.update(epoch.number - bar.n)
        bar.set_postfix(loss=f"{epoch.loss:.3f}", held_out=f"{epoch.held_out_loss:.3f}")

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
            on_epoch,
            on_progress,
        )
    except EngineError as error:
        log.error("%s", error)
        return 1
    finally:
        for bar in bars.values():
            bar.close()
    return 0
