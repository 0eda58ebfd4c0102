"""Training: from rows and a configuration to a checkpoint, epoch by epoch, resumable at any moment.

The hybrid is trained in two stages (Singh et al. 2026): first the head on frozen ResNet features,
then layers 3 and 4 with it. The layers below stay as they came, so their output (C3) is computed
once per frame and kept on disk. The lightweight network trains whole, from nothing.

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

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from engine import dataset, losses
from engine.augmentation import AugmentationConfig, Frames, make_frames
from engine.calibration import Calibration
from engine.checkpoint import save_checkpoint
from engine.dataset import DataSource, ManifestRow
from engine.errors import EngineError, IncompatibleCheckpoint, InvalidData
from engine.models import HYBRID, LIGHT, HybridResNetTransformer, Output, build_model
from engine.preprocessing import PreprocessingConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a training; saved beside its checkpoint."""

    name: str = HYBRID
    seed: int = 1
    architecture: dict = field(default_factory=dict)  #: arguments of the model's constructor
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    batch: int = 16
    head_epochs: int = 3  #: stage one: backbone frozen
    whole_epochs: int = 5  #: stage two (hybrid), or all there is (light)
    head_rate: float = 4e-4  #: AdamW learning rate of the head
    whole_head_rate: float = 2e-4  #: the same in stage two
    backbone_rate: float = 6e-5  #: of layers 3 and 4 in stage two
    weight_decay: float = 0.02
    balance_power: float = 0.5  #: 0: as the data come; 1: every grade of a data set equally often
    gamma: float = 0.0  #: focal loss's exponent; 0 is cross-entropy
    alpha: float = 1.0  #: focal loss's factor
    distance_loss: str = "emd"  #: "emd", "expected", "cdw" or "none"
    distance_weight: float = 1.0
    malignancy_weight: float = 0.5
    attention_weight: float = 0.1
    averaging: float = 0.99  #: decay of the weights' moving average per step; 0 turns it off
    mixed_precision: bool = True  #: bfloat16 where the machine has it


PRESETS: dict[str, TrainingConfig] = {
    HYBRID: TrainingConfig(),
    LIGHT: TrainingConfig(
        name=LIGHT,
        architecture={"pools_globally": True, "has_malignancy": True},
        preprocessing=PreprocessingConfig(height=224, width=224, keeps_aspect=False),
        augmentation=AugmentationConfig(variants=8, rotation_degrees=20),
        batch=32,
        head_epochs=0,
        whole_epochs=30,
        whole_head_rate=1e-3,
        attention_weight=0.0,
        averaging=0.995,
    ),
}


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
) -> Path:
    """Trains on every row but those of `fold`; returns the checkpoint's path.

    Raises `InvalidData` before any training if the rows cannot serve, `IncompatibleCheckpoint` if
    the backbone or a state to resume from does not fit.
    """
    torch.manual_seed(config.seed)
    home = out if fold is None else out / f"fold{fold}"
    home.mkdir(parents=True, exist_ok=True)
    model = build_model(config.name, **config.architecture)
    rows = [row for row in source.rows if row.is_offered(model.categories)]
    training, held_out = _split(rows, fold, model.categories)
    if config.name == HYBRID:
        load_backbone(model, backbone)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device, memory_format=torch.channels_last)

    frames = make_frames(
        rows,
        config.preprocessing,
        config.augmentation,
        config.seed,
        out / "cache",
        on_progress and (lambda done, total: on_progress("frames", done, total)),
    )
    inputs = Inputs(model, frames, config, device, on_progress)
    training = training[frames.readable[training]]
    held_out = held_out[frames.readable[held_out]]
    targets = _Targets(rows, frames, model.categories, device)
    loop = _Loop(config, model, inputs, targets, rows, training, held_out, home)
    (home / "config.json").write_text(json.dumps(_to_json(config, fold), indent=1))
    if resume:
        loop.resume()
    loop.run(on_epoch)
    if len(held_out):
        output = loop.predict(held_out)
        np.savez(
            home / "held_out.npz",
            files=np.array([rows[index].file for index in held_out]),
            logits=output.logits.numpy(),
            malignancy=np.array([]) if output.malignancy is None else output.malignancy.numpy(),
        )
    has_malignancy = getattr(model, "malignancy", None) is not None
    path = home / "checkpoint.safetensors"
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
        },
    )
    return path


def hash_patient(patient_id: str) -> str:
    """Enough of a digest to recognise a training patient, not to name one."""
    return hashlib.sha256(patient_id.encode()).hexdigest()[:16]


def _split(rows: Sequence[ManifestRow], fold: int | None, categories) -> tuple:
    """Indices of the rows to train on and of those held out."""
    if not rows:
        raise InvalidData("Nothing to train on", "No row has a grade that this network offers.")
    dataset.check_files(rows)
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
    """torchvision's resnet50 without fc, as safetensors; none given: an untrained start."""
    if path is None:
        return
    try:
        weights = {key: value.float() for key, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise IncompatibleCheckpoint("Backbone refused", f"{path.name}: {error}.") from error
    renamed = {}
    for key, value in weights.items():
        first, rest = key.split(".", 1)
        place = {"conv1": "stem.0", "bn1": "stem.1"}.get(first, first)
        renamed[f"{place}.{rest}"] = value
    missing, unexpected = model.load_state_dict(renamed, strict=False)
    lost = [
        key
        for key in missing
        if key.startswith(("stem", "layer")) and not key.endswith("num_batches_tracked")
    ]
    if lost or any(not key.startswith("fc.") for key in unexpected):
        raise IncompatibleCheckpoint("Backbone refused", f"{path.name} is no ResNet-50.")


class _Targets:
    """The labels of all rows as tensors."""

    def __init__(self, rows, frames: Frames, categories, device) -> None:
        single = dataset.single_outcome_datasets(rows)
        self.allowed = torch.tensor(np.array([row.allowed(categories) for row in rows])).to(device)
        outcome = [
            float("nan")
            if row.is_malignant is None or row.dataset in single
            else float(row.is_malignant)
            for row in rows
        ]
        self.malignant = torch.tensor(outcome, device=device)
        self.boxes = frames.boxes


class Inputs:
    """What a network is fed: frames, or for the hybrid the cached output of its frozen layers."""

    def __init__(self, model, frames: Frames, config, device, on_progress) -> None:
        self.model, self.frames, self.device = model, frames, device
        self.is_mixed = config.mixed_precision
        self.c3 = None
        if isinstance(model, HybridResNetTransformer):
            self.c3 = self._cached_c3(on_progress)

    def _cached_c3(self, on_progress) -> np.ndarray:
        """bfloat16 as uint16 (variants, rows, height / 8, width / 8, 512), memory-mapped."""
        variants, rows, height, width = self.frames.frames.shape
        digest = hashlib.sha256()
        for name, tensor in self.model.state_dict().items():
            if name.startswith(("stem", "layer1", "layer2")):
                digest.update(tensor.cpu().numpy().tobytes())
        stem = self.frames.folder / f"c3-{digest.hexdigest()[:12]}"
        shape = (variants, rows, height // 8, width // 8, 512)
        mark = stem.with_suffix(".done")
        done = int(mark.read_text()) if mark.is_file() else 0
        mode = "r+" if stem.is_file() else "w+"
        cache = np.memmap(stem, np.uint16, mode, shape=shape)
        flat = cache.reshape(variants * rows, *shape[2:])
        source = self.frames.frames.reshape(variants * rows, height, width)
        self.model.eval()
        while done < len(flat):
            stop = min(done + 16, len(flat))
            image = torch.from_numpy(source[done:stop].astype(np.float32) / 255)[:, None]
            with torch.inference_mode(), self.autocast():
                c3 = self.model.to_c3(image.to(self.device, memory_format=torch.channels_last))
            bits = c3.permute(0, 2, 3, 1).bfloat16().contiguous().cpu().view(torch.uint16)
            flat[done:stop] = bits.numpy()
            done = stop
            if done % 320 == 0 or done == len(flat):
                cache.flush()
                mark.write_text(str(done))
            if on_progress:
                on_progress("features", done, len(flat))
        return np.memmap(stem, np.uint16, "r", shape=shape)

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.is_mixed)

    def load(self, variants: np.ndarray, indices: np.ndarray) -> Tensor:
        """One batch, ready for `ask`; runs in the prefetching thread."""
        if self.c3 is not None:
            batch = np.stack([self.c3[v, i] for v, i in zip(variants, indices, strict=True)])
            return torch.from_numpy(batch).view(torch.bfloat16).permute(0, 3, 1, 2)
        batch = np.stack([self.frames.frames[v, i] for v, i in zip(variants, indices, strict=True)])
        return torch.from_numpy(batch.astype(np.float32) / 255)[:, None]

    def ask(self, model: nn.Module, batch: Tensor) -> Output:
        batch = batch.to(self.device)
        with self.autocast():
            if self.c3 is None:
                return model(batch)
            if not self.is_mixed:
                batch = batch.float()
            return model.from_c3(batch)


class _Loop:
    """The epochs, the optimizer and the state that `resume` picks up."""

    def __init__(self, config, model, inputs, targets, rows, training, held_out, home) -> None:
        self.config, self.model, self.inputs, self.targets = config, model, inputs, targets
        self.training, self.held_out, self.home = training, held_out, home
        weights = dataset.balanced_weights([rows[i] for i in training], config.balance_power)
        self.weights = torch.from_numpy(weights)
        self.random = torch.Generator().manual_seed(config.seed)
        self.epochs: list[Epoch] = []
        self.average: dict[str, Tensor] = {}
        self.steps = max(1, len(training) // config.batch)
        self.optimizer = self.schedule = None
        self._enter_stage(1 if config.head_epochs else 2)

    def _enter_stage(self, stage: int) -> None:
        """Stage one leaves the ResNet as it is; stage two frees layers 3 and 4."""
        config, self.stage = self.config, stage
        head, backbone = [], []
        for name, parameter in self.model.named_parameters():
            is_backbone = config.name == HYBRID and name.startswith(("stem", "layer"))
            is_free = not is_backbone or (stage == 2 and name.startswith(("layer3", "layer4")))
            parameter.requires_grad_(is_free)
            if is_free:
                (backbone if is_backbone else head).append(parameter)
        head_rate = config.head_rate if stage == 1 else config.whole_head_rate
        groups = [{"params": head, "lr": head_rate}]
        if backbone:
            groups.append({"params": backbone, "lr": config.backbone_rate})
        self.optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
        epochs = config.head_epochs if stage == 1 else config.whole_epochs
        total, warm = max(1, epochs * self.steps), min(self.steps, 40)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: (
                min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
            ),
        )

    def run(self, on_epoch) -> None:
        total = self.config.head_epochs + self.config.whole_epochs
        while len(self.epochs) < total:
            number = len(self.epochs) + 1
            if self.stage == 1 and number > self.config.head_epochs:
                self._enter_stage(2)
            epoch = self._one_epoch(number)
            self.epochs.append(epoch)
            self._save()
            write_curves(self.home, self.epochs)
            if on_epoch:
                on_epoch(epoch, total)

    def _one_epoch(self, number: int) -> Epoch:
        start = time.monotonic()
        self.model.train()
        for module in self.model.modules():  # a small batch's statistics would wreck the ResNet's
            if self.config.name == HYBRID and isinstance(module, nn.BatchNorm2d):
                module.eval()
        count = self.steps * self.config.batch
        drawn = torch.multinomial(self.weights, count, replacement=True, generator=self.random)
        variants = torch.randint(
            len(self.inputs.frames.frames), (count,), generator=self.random
        ).numpy()
        chosen = self.training[drawn.numpy()]
        sums = np.zeros(4)
        for indices, used, batch in self._batches(chosen, variants):
            parts = self._loss(self.inputs.ask(self.model, batch), indices, used)
            self.optimizer.zero_grad(set_to_none=True)
            parts[0].backward()
            free = [p for group in self.optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(free, 1.0)
            self.optimizer.step()
            self.schedule.step()
            self._average_weights()
            sums += [float(part.detach()) for part in parts]
        return Epoch(
            number,
            self.stage,
            *(float(value) for value in sums / self.steps),
            held_out_loss=self._held_out_loss(),
            seconds=time.monotonic() - start,
        )

    def _batches(self, chosen, variants, size: int | None = None) -> Iterator[tuple]:
        """(indices, variants, batch) with the next batch read while the last one is computed."""
        size = size or self.config.batch
        parts = [
            (chosen[start : start + size], variants[start : start + size])
            for start in range(0, len(chosen), size)
        ]
        with ThreadPoolExecutor(1) as pool:
            ahead = None
            for indices, used in parts:
                now, ahead = ahead, (indices, used, pool.submit(self.inputs.load, used, indices))
                if now:
                    yield now[0], now[1], now[2].result()
            if ahead:
                yield ahead[0], ahead[1], ahead[2].result()

    def _loss(self, output: Output, indices: np.ndarray, variants: np.ndarray) -> tuple:
        """(loss, grade part, distance part, malignancy part), each a scalar."""
        config, categories = self.config, self.model.categories
        allowed = self.targets.allowed[indices]
        grade = losses.likelihood_loss(output.logits, allowed, config.gamma, config.alpha).mean()
        distance = torch.zeros((), device=output.logits.device)
        if config.distance_loss == "emd":
            distance = losses.squared_emd(output.logits, allowed, categories).mean()
        elif config.distance_loss == "expected":
            distance = losses.expected_distance(output.logits, allowed, categories).mean()
        elif config.distance_loss == "cdw":
            distance = losses.class_distance_weighted(output.logits, allowed, categories).mean()
        malignant = torch.zeros_like(distance)
        if output.malignancy is not None:
            truth = self.targets.malignant[indices]
            malignant = losses.malignancy_loss(output.malignancy, truth).mean()
        loss = grade + config.distance_weight * distance + config.malignancy_weight * malignant
        if output.attention is not None and config.attention_weight:
            boxes = np.stack(
                [self.targets.boxes[v, i] for v, i in zip(variants, indices, strict=True)]
            )
            boxes = torch.from_numpy(boxes.astype(np.float32)).to(loss.device)
            inside = losses.attention_in_boxes(output.attention, boxes)
            loss = loss + config.attention_weight * inside.mean()
        return loss, grade, distance, malignant

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
        clean = np.zeros(len(indices), int)
        parts = [
            self.inputs.ask(model, batch)
            for _, _, batch in self._batches(indices, clean, self.config.batch * 2)
        ]
        malignancy = None
        if parts[0].malignancy is not None:
            malignancy = torch.cat([part.malignancy for part in parts]).float().cpu()
        return Output(torch.cat([part.logits for part in parts]).float().cpu(), malignancy)

    def _held_out_loss(self) -> float:
        """For the curves only: no decision is taken on it."""
        if not len(self.held_out):
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
    """curves.csv and curves.png."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with (home / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in epochs)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    number = [epoch.number for epoch in epochs]
    axes.plot(number, [epoch.grade_loss for epoch in epochs], label="training")
    axes.plot(number, [epoch.held_out_loss for epoch in epochs], label="held out")
    axes.set(xlabel="epoch", ylabel="negative log-likelihood of the grade")
    axes.legend()
    FigureCanvasAgg(figure).print_png(home / "curves.png")


def _to_json(config: TrainingConfig, fold: int | None) -> dict:
    return {**asdict(config), "fold": fold}


def read_config(name: str, path: Path | None) -> TrainingConfig:
    """The preset with what a JSON file changes of it; raises `InvalidData` for unknown fields."""
    config = PRESETS[name]
    if path is None:
        return config
    try:
        changes = json.loads(path.read_text("utf-8"))
        changes.pop("fold", None)
        if changes.pop("name", name) != name:
            raise InvalidData("Configuration is for another network", f"{path.name} says so.")
        for part in ("preprocessing", "augmentation"):
            if part in changes:
                changes[part] = replace(getattr(config, part), **changes[part])
        return replace(config, **changes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidData("Configuration cannot be used", f"{path.name}: {error}.") from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=(HYBRID, LIGHT))
    parser.add_argument("--data", type=Path, required=True, help="images.csv, or a folder")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoints are written")
    parser.add_argument("--backbone", type=Path, help="ResNet-50 weights (safetensors), for hybrid")
    parser.add_argument("--fold", type=int, help="hold this fold out and predict it at the end")
    parser.add_argument("--seed", type=int, help="default: the preset's")
    parser.add_argument("--config", type=Path, help="JSON with the fields to change")
    parser.add_argument("--resume", action="store_true", help="continue after the last epoch")
    parser.add_argument("--patient-pattern", help="regular expression: patient in a file name")


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine train`; returns the exit status."""
    from tqdm import tqdm

    bars: dict[str, tqdm] = {}

    def on_progress(what: str, done: int, total: int) -> None:
        bar = bars.setdefault(what, tqdm(total=total, desc=what, file=sys.stderr, mininterval=2))
        bar.update(done - bar.n)

    def on_epoch(epoch: Epoch, total: int) -> None:
        bar = bars.setdefault("epochs", tqdm(total=total, desc="epochs", file=sys.stderr))
        bar.update(epoch.number - bar.n)
        bar.set_postfix(loss=f"{epoch.loss:.3f}", held_out=f"{epoch.held_out_loss:.3f}")

    try:
        config = read_config(arguments.model, arguments.config)
        if arguments.seed is not None:
            config = replace(config, seed=arguments.seed)
        source = dataset.read(arguments.data, arguments.patient_pattern)
        for note in source.notes:
            log.warning(note)
        if config.name == HYBRID and arguments.backbone is None:
            log.warning("no --backbone given: the ResNet starts untrained")
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
