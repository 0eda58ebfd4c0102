"""Training of the region network, from lesion crops and from breast without a lesion.

A lesion crop is a rectangle whose whole area is the lesion's box. So that the network cannot live
by how tightly a rectangle is drawn, each epoch sees another part of it at another scale. Rectangles
of breast tissue that holds no lesion come from the whole views of the same films; those exist at
0.2 to 0.3 mm only, so every third lesion is shown as coarse, or sharpness would be the label. The
last epochs add the only sharp tissue there is: corners of the boxes of masses, which are oval; and
middles of lesions as small as these, or smallness would be the label.

Written under `out` (`out/foldK` with a fold): config.json, state.pt after each epoch, curves.csv,
checkpoint.safetensors, and held_out.npz with the logits of the crops left out.
"""

import argparse
import csv
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import EngineError, IncompatibleCheckpoint, InvalidData, UnsupportedImage
from engine.networks.checkpoint import training_patients
from engine.networks.models import to_channels_last
from engine.networks.preprocessing import outline_breast
from engine.networks.region_network import (
    CATEGORIES,
    RegionCalibration,
    RegionCheckpoint,
    RegionConfig,
    RegionNetwork,
    cut,
    load_region_checkpoint,
    save_region_checkpoint,
)
from engine.training import dataset, losses
from engine.training.backbone import load_backbone
from engine.training.dataset import ManifestRow, hash_patient
from engine.training.lesions import FILM_PIXEL_MM, LesionRow, read_crop, read_lesions

log = logging.getLogger(__name__)

BACKGROUND = "background"


@dataclass(frozen=True)
class RegionTrainingConfig:
    """All that decides a training; saved beside its checkpoint."""

    seed: int = 1
    region: RegionConfig = field(default_factory=RegionConfig)
    epochs: int = 5
    batch: int = 32
    head_rate: float = 1e-3  #: AdamW learning rate of what has no starting weights
    trunk_rate: float = 5e-4
    weight_decay: float = 0.05
    averaging: float = 0.99  #: decay of the weights' moving average per step
    distance_weight: float = 1.0
    malignancy_weight: float = 1.0
    smallest_part: float = 0.7  #: of each side of a crop that a variant keeps
    scale: float = 0.15  #: logarithm of the largest change of scale
    gamma: float = 0.25  #: standard deviation of log gamma
    grain: float = 0.04  #: largest standard deviation of added noise, white being 1
    coarse_share: float = 0.3  #: of lesion crops that are shown as coarse as whole views are
    coarse_mm: tuple[float, float] = (0.2, 0.35)
    background_share: float = 0.2  #: rectangles without a lesion, for each lesion
    background_weight: float = 0.5
    finishing_epochs: int = 2  #: after `epochs`, with corners and small middles
    finishing_rate: float = 0.5  #: of the learning rates at their start
    corner_share: float = 0.3  #: corners, for each lesion
    corner_side: float = 0.27  #: of a box's sides; an oval within a margin leaves 0.18 free
    small_share: float = 0.3  #: of lesions that are shown by a middle as small


@dataclass(frozen=True, eq=False)
class Region:
    """A rectangle to learn from; `grey` is uint8 (rows, columns)."""

    grey: np.ndarray
    spacing_mm: tuple[float, float]
    kind: str  #: "mass", "calcification" or `BACKGROUND`
    allowed: np.ndarray  #: bool (categories,)
    malignant: float  #: 1, 0 or nan
    weight: float = 1.0


def lesion_regions(rows: Sequence[LesionRow]) -> list[Region]:
    """Raises `InvalidData` for a crop that cannot be read."""
    regions = []
    for row in rows:
        grey, spacing_mm = read_crop(row)
        malignant = float("nan") if row.label.is_malignant is None else row.label.is_malignant
        allowed = np.ones(len(CATEGORIES), bool)
        if row.label.birads in CATEGORIES:
            allowed = row.label.allowed(CATEGORIES)
        regions.append(Region(grey, spacing_mm, row.abnormality, allowed, float(malignant)))
    return regions


def background_regions(
    views: Sequence[ManifestRow],
    native: dict[str, tuple[int, int]],
    lesions: Sequence[LesionRow],
    config: RegionTrainingConfig,
    each: int = 3,
) -> list[Region]:
    """Breast tissue of film views, away from their boxes, as large as lesions are.

    `native` holds the film's size in pixels by file. Views that also have a calcification are left
    out: nobody drew a box round it.
    """
    unboxed = {
        (row.label.patient_id, row.label.laterality, row.label.view)
        for row in lesions
        if row.abnormality != "mass"
    }
    sizes = [row.size_mm for row in lesions]
    random = np.random.default_rng(config.seed)
    regions = []
    for view in views:
        place = (view.patient_id, view.laterality, view.view)
        if view.file not in native or not view.boxes or place in unboxed:
            continue
        image = cv2.imread(str(view.path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise InvalidData("Image cannot be read", f"{view.file} is missing or damaged.")
        rows, columns = native[view.file]
        tall_mm, wide_mm = FILM_PIXEL_MM * rows, FILM_PIXEL_MM * columns
        spacing = tall_mm / len(image), wide_mm / image.shape[1]
        try:
            mask = outline_breast(image, spacing[0] / spacing[1])
        except UnsupportedImage:
            continue
        free = cv2.resize(mask.astype(np.uint8), image.shape[::-1], interpolation=cv2.INTER_NEAREST)
        for x0, y0, x1, y1 in view.boxes:
            free[int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)] = 0
        total = cv2.integral(free)
        for _ in range(each):
            for _ in range(20):  # tries
                size = np.clip(sizes[random.integers(len(sizes))], 4, 40)
                tall, wide = (max(4, round(s / mm)) for s, mm in zip(size, spacing, strict=True))
                if tall >= image.shape[0] or wide >= image.shape[1]:
                    continue
                top = int(random.integers(image.shape[0] - tall))
                left = int(random.integers(image.shape[1] - wide))
                inside = (
                    total[top + tall, left + wide]
                    - total[top, left + wide]
                    - total[top + tall, left]
                    + total[top, left]
                )
                if inside == tall * wide:
                    part = image[top : top + tall, left : left + wide].copy()
                    # The lowest grade that the network has: here nothing is wrong.
                    lowest = np.arange(len(CATEGORIES)) == 0
                    weight = config.background_weight
                    regions.append(Region(part, spacing, BACKGROUND, lowest, 0.0, weight))
                    break
    return regions


def corner_regions(lesions: Sequence[Region], config: RegionTrainingConfig) -> list[Region]:
    """The four corners of every mass's box, as tissue: sharp, and next to a lesion."""
    regions = []
    for lesion in lesions:
        rows, columns = (max(4, round(n * config.corner_side)) for n in lesion.grey.shape)
        if lesion.kind != "mass":
            continue
        for part in (
            lesion.grey[:rows, :columns],
            lesion.grey[:rows, -columns:],
            lesion.grey[-rows:, :columns],
            lesion.grey[-rows:, -columns:],
        ):
            lowest = np.arange(len(CATEGORIES)) == 0
            weight = config.background_weight
            regions.append(Region(part, lesion.spacing_mm, BACKGROUND, lowest, 0.0, weight))
    return regions


def middle(region: Region, share: float) -> Region:
    """`share` of each side of the region, about its middle."""
    kept = [max(4, round(n * share)) for n in region.grey.shape]
    kept = [min(n, k) for n, k in zip(region.grey.shape, kept, strict=True)]
    top, left = ((n - k) // 2 for n, k in zip(region.grey.shape, kept, strict=True))
    return replace(region, grey=region.grey[top : top + kept[0], left : left + kept[1]])


def altered(
    region: Region, config: RegionTrainingConfig, random: np.random.Generator
) -> np.ndarray:
    """A variant of the region as the network takes it, float32 (2, side, side)."""
    grey, spacing = region.grey, region.spacing_mm
    if random.random() < 0.7:
        kept = [
            max(4, round(n * random.uniform(config.smallest_part, 1))) for n in grey.shape
        ]  # fewer than 4 pixels are no picture
        kept = [min(n, k) for n, k in zip(grey.shape, kept, strict=True)]
        top, left = (int(random.integers(n - k + 1)) for n, k in zip(grey.shape, kept, strict=True))
        grey = grey[top : top + kept[0], left : left + kept[1]]
    if region.kind != BACKGROUND and random.random() < config.coarse_share:
        coarse = random.uniform(*config.coarse_mm)
        size = [max(4, round(n * mm / coarse)) for n, mm in zip(grey.shape, spacing, strict=True)]
        if size[0] < grey.shape[0] and size[1] < grey.shape[1]:
            spacing = spacing[0] * len(grey) / size[0], spacing[1] * grey.shape[1] / size[1]
            grey = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA)
    factor = math.exp(random.uniform(-config.scale, config.scale))
    frame = cut(grey, (spacing[0] * factor, spacing[1] * factor), config.region)
    inside = frame[1] > 0
    values = frame[0][inside] ** math.exp(random.normal(0, config.gamma))
    values += random.uniform(0, config.grain) * random.standard_normal(len(values), np.float32)
    frame[0][inside] = np.clip(values, 0, 1)
    room = [(config.region.side - n) // 2 for n in (inside.any(1).sum(), inside.any(0).sum())]
    shift = [int(random.integers(-min(n, 16), min(n, 16) + 1)) for n in room]
    frame = np.roll(frame, shift, axis=(1, 2))
    frame = np.rot90(frame, int(random.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(frame[:, :, ::-1] if random.random() < 0.5 else frame)


@dataclass(frozen=True)
class RegionEpoch:
    """What one epoch came to; a line of curves.csv."""

    number: int
    loss: float
    grade_loss: float
    malignancy_loss: float
    seconds: float


def train_regions(
    config: RegionTrainingConfig,
    lesions_csv: Path,
    out: Path,
    backbone: Path | None = None,
    fold: int | None = None,
    resume: bool = False,
    on_epoch: Callable[[RegionEpoch, int], None] | None = None,
) -> Path:
    """Trains on every lesion but those of `fold`; returns the checkpoint's path.

    images.csv beside `lesions_csv`, where there is one, gives the tissue without lesions. Raises
    `InvalidData` if the rows cannot serve, `IncompatibleCheckpoint` if the backbone or a state to
    resume from does not fit.
    """
    rows = read_lesions(lesions_csv)
    training = [row for row in rows if fold is None or row.label.fold != fold]
    held_out = [row for row in rows if fold is not None and row.label.fold == fold]
    if fold is not None and not held_out:
        raise InvalidData("Fold is empty", f"No row of {lesions_csv.name} is in fold {fold}.")
    if not training:
        raise InvalidData("Nothing to train on", f"All rows of {lesions_csv.name} are held out.")
    directory = out if fold is None else out / f"fold{fold}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps({**asdict(config), "fold": fold}, indent=2))
    regions = lesion_regions(training)
    background: list[Region] = []
    images_csv = lesions_csv.with_name("images.csv")
    if config.background_share and images_csv.is_file():
        views, native = film_views(images_csv, fold)
        background = background_regions(views, native, training, config)
    log.info("%d lesions, %d regions of tissue", len(regions), len(background))
    torch.manual_seed(config.seed)
    model = RegionNetwork()
    load_backbone(model, backbone, {row.label.patient_id for row in held_out})
    trainer = _RegionTrainer(config, model, regions, background, directory)
    if resume:
        trainer.resume()
    trainer.fit(on_epoch)
    patients = {hash_patient(row.label.patient_id) for row in training}
    if backbone:
        patients |= training_patients(backbone)
    path = directory / "checkpoint.safetensors"
    save_region_checkpoint(
        path,
        trainer.averaged_model(),
        config.region,
        RegionCalibration.identity(),
        {
            "config": {**asdict(config), "fold": fold},
            "data": lesions_csv.name,
            "rows": len(training),
            "background": len(background),
            "training_patients": sorted(patients),
        },
    )
    if held_out:
        logits, malignancy = predict_rows(load_region_checkpoint(path), held_out)
        np.savez(
            directory / "held_out.npz",
            files=[row.label.file for row in held_out],
            logits=logits,
            malignancy=malignancy,
        )
    return path


def predict_rows(
    checkpoint: RegionCheckpoint,
    rows: Sequence[LesionRow],
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, 4) and malignancy logits (n,) of the rows' crops, as at the clinic."""
    outputs = []
    for number, row in enumerate(rows, start=1):
        grey, spacing_mm = read_crop(row)
        outputs.append(checkpoint.predict(cut(grey, spacing_mm, checkpoint.config)[None]))
        if on_progress:
            on_progress(number, len(rows))
    logits, malignancy = zip(*outputs, strict=True)
    return np.concatenate(logits), np.concatenate(malignancy)


def film_views(
    path: Path, fold: int | None
) -> tuple[list[ManifestRow], dict[str, tuple[int, int]]]:
    """CBIS-DDSM's views but those of `fold`, and the size of their films by file."""
    views = [
        row
        for row in dataset.read_manifest(path)
        if row.dataset == "cbis-ddsm" and (fold is None or row.fold != fold)
    ]
    native = {}
    with path.open(newline="", encoding="utf-8-sig") as stream:
        for record in csv.DictReader(stream):
            if record.get("native_rows") and record.get("native_columns"):
                native[record["file"]] = (
                    int(float(record["native_rows"])),
                    int(float(record["native_columns"])),
                )
    return views, native


class _RegionTrainer:
    """The epochs, the optimizer and the state that `resume` picks up."""

    def __init__(
        self,
        config: RegionTrainingConfig,
        model: RegionNetwork,
        lesions: Sequence[Region],
        background: Sequence[Region],
        directory: Path,
    ) -> None:
        self.config, self.model, self.directory = config, model, directory
        self.lesions, self.background = lesions, background
        self.epochs: list[RegionEpoch] = []
        self.average: dict[str, Tensor] = {}
        self.more = round(config.background_share * len(lesions)) if background else 0
        self.steps = max(1, (len(lesions) + self.more) // config.batch)
        trunk: list[nn.Parameter] = []
        head: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            if name.startswith(model.frozen):
                parameter.requires_grad_(False)
            else:
                (trunk if name.startswith(model.pretrained) else head).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": head, "lr": config.head_rate},
                {"params": trunk, "lr": config.trunk_rate},
            ],
            weight_decay=config.weight_decay,
        )
        self.corners = corner_regions(lesions, config) if config.finishing_epochs else []
        self.total = config.epochs + config.finishing_epochs
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)

    def _rate(self, step: int) -> float:
        """Of the configured rates; twice a cosine, from 1 and from `finishing_rate` to 0."""
        first, second = (
            max(1, epochs * self.steps)
            for epochs in (self.config.epochs, self.config.finishing_epochs)
        )
        warm = min(1.0, (step + 1) / min(self.steps, 40))
        if step < first:
            return 0.5 * (1 + math.cos(math.pi * step / first)) * warm
        done = min(1.0, (step - first) / second)
        return self.config.finishing_rate * 0.5 * (1 + math.cos(math.pi * done))

    def fit(self, on_epoch: Callable[[RegionEpoch, int], None] | None = None) -> None:
        to_channels_last(self.model)
        while len(self.epochs) < self.total:
            epoch = self._one_epoch(len(self.epochs) + 1)
            self.epochs.append(epoch)
            self._save()
            with (self.directory / "curves.csv").open("w", newline="", encoding="utf-8") as stream:
                writer = csv.DictWriter(stream, list(asdict(epoch)))
                writer.writeheader()
                writer.writerows(asdict(epoch) for epoch in self.epochs)
            if on_epoch:
                on_epoch(epoch, self.total)

    def _one_epoch(self, number: int) -> RegionEpoch:
        start, config = time.monotonic(), self.config
        random = np.random.default_rng([config.seed, number])  # so an epoch begins where it stopped
        torch.manual_seed(config.seed * 1000 + number)  # dropout
        self.model.train()
        self.model.below.eval()
        chosen = list(self.lesions)
        if self.more:
            drawn = random.integers(len(self.background), size=self.more)
            chosen += [self.background[i] for i in drawn]
        if number > config.epochs and self.corners:
            is_small = random.random(len(self.lesions)) < config.small_share
            for index in np.flatnonzero(is_small):
                chosen[index] = middle(chosen[index], random.uniform(config.corner_side, 0.5))
            drawn = random.integers(
                len(self.corners), size=round(config.corner_share * len(self.lesions))
            )
            chosen += [self.corners[i] for i in drawn]
        order = random.permutation(len(chosen))[: self.steps * config.batch]
        sums = np.zeros(3)
        for first in range(0, self.steps * config.batch, config.batch):
            part = [chosen[i] for i in order[first : first + config.batch]]
            frames = torch.from_numpy(np.stack([altered(r, config, random) for r in part]))
            terms = self._loss(frames, part)
            self.optimizer.zero_grad(set_to_none=True)
            terms[0].backward()  # type: ignore[no-untyped-call]  # torch's own
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self._average_weights(number)
            sums += [float(term.detach()) for term in terms]
        loss, grade, malignancy = (sums / self.steps).tolist()
        return RegionEpoch(number, loss, grade, malignancy, time.monotonic() - start)

    def _loss(self, frames: Tensor, regions: Sequence[Region]) -> tuple[Tensor, Tensor, Tensor]:
        """(loss, grade part, malignancy part), each a scalar."""
        config = self.config
        frames = frames.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                feature = self.model.forward_frozen(frames[:, :1])
            logits, malignancy = self.model.forward_inside(feature, frames[:, 1:])
        allowed = torch.from_numpy(np.stack([region.allowed for region in regions]))
        weight = torch.tensor([region.weight for region in regions])
        grade = losses.likelihood_loss(logits, allowed)
        grade = grade + config.distance_weight * losses.squared_emd(logits, allowed, CATEGORIES)
        truth = torch.tensor([region.malignant for region in regions])
        malignant = losses.malignancy_loss(malignancy, truth)
        loss = (weight * (grade + config.malignancy_weight * malignant)).mean()
        return loss, grade.mean(), malignant.mean()

    @torch.no_grad()
    def _average_weights(self, epoch: int) -> None:
        decay = min(self.config.averaging, epoch / (epoch + 9))
        for name, value in self.model.state_dict().items():
            if name not in self.average:
                self.average[name] = value.clone()
            elif value.is_floating_point():
                self.average[name].lerp_(value, 1 - decay)
            else:
                self.average[name].copy_(value)

    def averaged_model(self) -> RegionNetwork:
        copy = RegionNetwork()
        copy.load_state_dict(self.average or self.model.state_dict())
        return copy.eval()

    def _save(self) -> None:
        partial = self.directory / "state.pt.partial"
        torch.save(
            {
                "config": asdict(self.config),
                "epochs": [asdict(epoch) for epoch in self.epochs],
                "model": self.model.state_dict(),
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict()["last_epoch"],
            },
            partial,
        )
        partial.replace(self.directory / "state.pt")

    def resume(self) -> None:
        """Continues after the last whole epoch, if there is one."""
        path = self.directory / "state.pt"
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if state["config"] != asdict(self.config):
                raise ValueError("trained with another configuration")
            self.model.load_state_dict(state["model"])
            self.average = state["average"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.last_epoch = state["schedule"]
            self.epochs = [RegionEpoch(**epoch) for epoch in state["epochs"]]
        except Exception as error:  # a pickle of the wrong kind fails in many ways
            raise IncompatibleCheckpoint(
                "Cannot resume", f"{path} does not fit this configuration; remove it to start anew."
            ) from error
        log.info("resumed after epoch %d", len(self.epochs))


def read_config(path: Path | None) -> RegionTrainingConfig:
    """The defaults with what a JSON file changes; raises `InvalidData` for unknown fields."""
    config = RegionTrainingConfig()
    if path is None:
        return config
    try:
        changes = json.loads(path.read_text("utf-8"))
        changes.pop("fold", None)
        if "region" in changes:
            changes["region"] = replace(config.region, **changes["region"])
        if "coarse_mm" in changes:
            changes["coarse_mm"] = tuple(changes["coarse_mm"])
        return replace(config, **changes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidData("Configuration cannot be used", f"{path.name}: {error}.") from error


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine train region`; returns the exit status."""
    from tqdm import tqdm

    try:
        config = read_config(arguments.config)
        if arguments.seed is not None:
            config = replace(config, seed=arguments.seed)
        if arguments.backbone is None:
            log.warning("no --backbone given: the network starts untrained")
        data = arguments.data / "lesions.csv" if arguments.data.is_dir() else arguments.data
        total = config.epochs + config.finishing_epochs
        with tqdm(total=total, desc="epochs", file=sys.stderr, mininterval=2) as bar:

            def on_epoch(epoch: RegionEpoch, _total: int) -> None:
                bar.update(epoch.number - bar.n)
                bar.set_postfix(loss=f"{epoch.loss:.3f}")

            train_regions(
                config,
                data,
                arguments.out,
                arguments.backbone,
                arguments.fold,
                arguments.resume,
                on_epoch,
            )
    except EngineError as error:
        log.error("%s", error)
        return 1
    return 0
