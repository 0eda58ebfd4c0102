"""Training inputs: every row's frame, clean and in a few altered variants, made once.

Variant 0 is what `preprocessing.prepare` gives at the clinic, to the bit. The others are turned,
scaled, shifted, flipped upside down and given another film's grey curve, grain and blur. Made once
rather than anew each epoch, so that the frozen lower layers of a large network need to run once.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.arrays import Array
from engine.errors import EngineError
from engine.networks import preprocessing
from engine.networks.preprocessing import PreprocessingConfig
from engine.training.dataset import ManifestRow, read_row

log = logging.getLogger(__name__)

_Shape = tuple[int, int, int, int]  #: variants, rows of the manifest, height, width

CELL = 32  #: pixels of a frame to a cell of the box grid: the hybrid's C5 stride


@dataclass(frozen=True)
class AugmentationConfig:
    """How far a variant may go from the clean frame."""

    variants: int = 4  #: altered ones beside the clean one; 0 turns augmentation off
    rotation_degrees: float = 12.0
    scale: float = 0.12  #: 1 - scale .. 1 + scale
    shift: float = 0.04  #: of the frame's sides
    flip_share: float = 0.3  #: turned upside down; left to right never: the chest wall lies left
    gamma: float = 0.25  #: standard deviation of log gamma
    grain: float = 4.0  #: largest standard deviation of added noise, in grey levels
    blur: float = 0.8  #: largest standard deviation, in pixels


@dataclass(frozen=True, eq=False)
class Frames:
    """Inputs of all rows. `frames` is uint8 (1 + variants, rows, height, width), memory-mapped;
    `boxes` float16 (1 + variants, rows, height / 32, width / 32), the covered share of each cell;
    `readable` bool (rows,), False where a row's image could not be used."""

    frames: np.ndarray
    boxes: np.ndarray
    readable: np.ndarray
    folder: Path
    skipped: tuple[str, ...]  #: "file: why" of each unreadable row


def make_frames(
    rows: Sequence[ManifestRow],
    config: PreprocessingConfig,
    augmentation: AugmentationConfig,
    seed: int,
    cache: Path,
    on_progress: Callable[[int, int], None] | None = None,
) -> Frames:
    """Reads every row's image and makes its frames under `cache`, or finds them made already."""
    found = find_frames(rows, config, augmentation, seed, cache)
    if found is not None:
        return found
    folder = cache / _key(rows, config, augmentation, seed)
    shape, grid = _shapes(rows, config, augmentation)
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.memmap(folder / "frames.u8", np.uint8, "w+", shape=shape)
    boxes = np.memmap(folder / "boxes.f16", np.float16, "w+", shape=grid)
    failures: dict[int, str] = {}

    def fill(index: int) -> None:
        row = rows[index]
        try:
            view, pixels = read_row(row)
            crop, mask, geometry = preprocessing.crop_breast(
                preprocessing.grey(view, pixels), view.pixel_aspect, config
            )
        except EngineError as error:
            failures[index] = f"{row.file}: {error}"
            return
        frame, frame_mask = preprocessing.fill_frame(crop, mask, geometry)
        lesions = drawn_boxes(boxes_on_frame(row, geometry), geometry.network_shape)
        random = np.random.default_rng([seed, index])
        for variant in range(shape[0]):
            image, moved = frame, lesions
            if variant:
                image, moved = altered(frame, frame_mask, lesions, augmentation, random)
            frames[variant, index] = np.round(preprocessing.finish(image, config) * 255)
            boxes[variant, index] = cv2.resize(
                moved, (grid[3], grid[2]), interpolation=cv2.INTER_AREA
            )

    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(fill, range(len(rows))), start=1):
            if on_progress:
                on_progress(done, len(rows))
    frames.flush()
    boxes.flush()
    (folder / "skipped.json").write_text(json.dumps({str(k): v for k, v in failures.items()}))
    for failure in failures.values():
        log.warning("left out of training: %s", failure)
    return _open(folder, shape, grid)


def find_frames(
    rows: Sequence[ManifestRow],
    config: PreprocessingConfig,
    augmentation: AugmentationConfig,
    seed: int,
    cache: Path,
) -> Frames | None:
    """What `make_frames` made under `cache` of just these rows, or None."""
    folder = cache / _key(rows, config, augmentation, seed)
    if not (folder / "skipped.json").is_file():
        return None
    return _open(folder, *_shapes(rows, config, augmentation))


def _shapes(
    rows: Sequence[ManifestRow], config: PreprocessingConfig, augmentation: AugmentationConfig
) -> tuple[_Shape, _Shape]:
    """Of `Frames.frames` and `Frames.boxes`."""
    shape = (1 + augmentation.variants, len(rows), config.height, config.width)
    return shape, (*shape[:2], config.height // CELL, config.width // CELL)


def _open(folder: Path, shape: _Shape, grid: _Shape) -> Frames:
    failures = json.loads((folder / "skipped.json").read_text())
    readable = np.ones(shape[1], bool)
    readable[[int(index) for index in failures]] = False
    return Frames(
        np.memmap(folder / "frames.u8", np.uint8, "r", shape=shape),
        np.memmap(folder / "boxes.f16", np.float16, "r", shape=grid),
        readable,
        folder,
        tuple(failures.values()),
    )


def _key(
    rows: Sequence[ManifestRow],
    config: PreprocessingConfig,
    augmentation: AugmentationConfig,
    seed: int,
) -> str:
    parts: list[Any] = [asdict(config), asdict(augmentation), seed]
    for row in rows:
        size = row.path.stat().st_size if row.path.is_file() else -1
        parts.append([row.file, size, row.aspect_ratio, row.boxes])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


Box = tuple[int, int, int, int]  #: row start and stop, column start and stop, on the frame


def boxes_on_frame(row: ManifestRow, geometry: preprocessing.Geometry) -> tuple[Box, ...]:
    """The row's lesion boxes; parts may lie outside the frame."""
    found = []
    for x_min, y_min, x_max, y_max in row.boxes:
        ends = [geometry.to_network(y, x) for y, x in ((y_min, x_min), (y_max, x_max))]
        (r0, r1), (c0, c1) = sorted(e[0] for e in ends), sorted(e[1] for e in ends)
        found.append(
            (
                max(0, int(r0)),
                max(0, math.ceil(r1)),
                max(0, int(c0)),
                max(0, math.ceil(c1)),
            )
        )
    return tuple(found)


def drawn_boxes(boxes: Sequence[Box], shape: tuple[int, int]) -> np.ndarray:
    """float32 (height, width): 1 inside a lesion box."""
    drawn = np.zeros(shape, np.float32)
    for r0, r1, c0, c1 in boxes:
        drawn[r0:r1, c0:c1] = 1
    return drawn


@dataclass(frozen=True)
class Alteration:
    """What sets one variant apart from the clean frame."""

    angle: float  #: degrees, about a point a third of the way from the chest wall
    scale: float
    shift: tuple[float, float]  #: of the frame's width and height
    is_flipped: bool  #: upside down
    gamma: float
    contrast: float  #: about middle grey
    brightness: float  #: grey levels
    blur: float  #: standard deviation in pixels; nothing is blurred up to `LEAST_BLUR`
    grain: float  #: standard deviation of added noise, in grey levels

    def matrix(self, shape: tuple[int, int]) -> np.ndarray:
        """(2, 3) from a pixel (column, row) of the frame to the variant's."""
        height, width = shape
        matrix = cv2.getRotationMatrix2D((width / 3, height / 2), self.angle, self.scale)
        matrix[:, 2] += np.multiply(self.shift, (width, height))
        if self.is_flipped:
            matrix[1] = -matrix[1]
            matrix[1, 2] += height - 1
        return matrix


LEAST_BLUR = 0.3
UNALTERED = Alteration(0.0, 1.0, (0.0, 0.0), False, 1.0, 1.0, 0.0, 0.0, 0.0)


def _pair(values: np.ndarray) -> tuple[float, float]:
    one, other = values.tolist()
    return one, other


def draw_alteration(config: AugmentationConfig, random: np.random.Generator) -> Alteration:
    return Alteration(
        angle=random.uniform(-config.rotation_degrees, config.rotation_degrees),
        scale=1 + random.uniform(-config.scale, config.scale),
        shift=_pair(random.uniform(-config.shift, config.shift, 2)),
        is_flipped=random.random() < config.flip_share,
        gamma=np.exp(random.normal(0, config.gamma)),
        contrast=random.uniform(0.8, 1.2),
        brightness=random.uniform(-15, 15),
        blur=random.uniform(0, config.blur),
        grain=random.uniform(0, config.grain),
    )


def altered(
    frame: np.ndarray,
    mask: np.ndarray,
    lesions: np.ndarray,
    config: AugmentationConfig,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One variant of a frame and of its box drawing, both (height, width).

    `live_frames` does the same to a batch on the device.
    """
    height, width = frame.shape
    drawn = draw_alteration(config, random)
    matrix, size = drawn.matrix(frame.shape), (width, height)
    moved = cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR)
    moved_mask = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST)
    moved_lesions = cv2.warpAffine(lesions, matrix, size, flags=cv2.INTER_LINEAR)

    grey: Array = (moved / 255.0) ** drawn.gamma * 255
    grey = (grey - 128) * drawn.contrast + 128 + drawn.brightness
    if drawn.blur > LEAST_BLUR:
        grey = cv2.GaussianBlur(grey, (0, 0), drawn.blur)
    grey += random.normal(0, drawn.grain, grey.shape)
    moved = np.clip(np.round(grey), 0, 255).astype(np.uint8)
    moved[moved_mask == 0] = 0
    return moved, moved_lesions
