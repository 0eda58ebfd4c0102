"""The epochs of a training: stages, optimizer, moving average, curves, and the state from which it
goes on after whatever ended it.
"""

import csv
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import EngineError, IncompatibleCheckpoint
from engine.networks.models import Network, NetworkOutput, build_model, to_channels_last
from engine.training import dataset, losses
from engine.training.config import TrainingConfig
from engine.training.dataset import DataSource, ManifestRow
from engine.training.distributed import DistributedContext
from engine.training.inputs import Batch, Inputs, Progress
from engine.training.live_frames import LiveFrames
from engine.training.objective import Objective

log = logging.getLogger(__name__)


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
