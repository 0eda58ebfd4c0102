"""Training inputs on the device: every frame altered anew, whenever it is drawn.

The same alterations as `augmentation` makes once on the CPU, drawn from the same ranges by the same
code, and OpenCV's CLAHE after them, worked out for a whole batch at a time. `tests/engine/
test_live_frames.py` holds both against OpenCV. What is kept on the device are the frames before
CLAHE (`frame_pack`), two bytes a pixel.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.networks.preprocessing import PreprocessingConfig
from engine.training.augmentation import (
    CELL,
    LEAST_BLUR,
    UNALTERED,
    Alteration,
    AugmentationConfig,
    Box,
    draw_alteration,
)

_LEVELS = 256
_BLUR_REACH = 3  #: pixels; as far as OpenCV's kernel reaches at 0.8, the largest deviation drawn


@dataclass(frozen=True, eq=False)
class LiveFrames:
    """The frames of some rows. `frames` and `masks` (1 inside the breast) are uint8 (packed rows,
    height, width) on the device, `place` (rows,) says which of them is a row's."""

    frames: Tensor
    masks: Tensor
    boxes: tuple[tuple[Box, ...], ...]  #: of each packed row
    readable: np.ndarray  #: bool (rows,), False where a row's image could not be used
    place: np.ndarray
    skipped: tuple[str, ...]  #: "file: why" of each unreadable row

    def of(self, indices: Sequence[int]) -> "LiveFrames":
        """The frames of the rows at these places; nothing is copied."""
        chosen = np.asarray(indices, int)
        return replace(self, readable=self.readable[chosen], place=self.place[chosen])

    @torch.no_grad()
    def draw(
        self,
        indices: np.ndarray,
        seeds: np.ndarray,
        augmentation: AugmentationConfig,
        config: PreprocessingConfig,
    ) -> tuple[Tensor, Tensor]:
        """What `preprocessing.prepare` gives of these rows, altered by each one's seed (0: not at
        all): float32 (batch, 1, height, width) in [0, 1], and of each cell the share that lesions
        cover (batch, height / 32, width / 32)."""
        packed, device = self.place[indices], self.frames.device
        chosen = torch.from_numpy(packed).to(device)
        frames, masks = self.frames[chosen], self.masks[chosen]
        lesions = torch.zeros(frames.shape, device=device)
        for drawing, place in zip(lesions, packed, strict=True):
            for r0, r1, c0, c1 in self.boxes[place]:
                drawing[r0:r1, c0:c1] = 1
        if seeds.any():
            alterations = [
                draw_alteration(augmentation, np.random.default_rng(seed)) if seed else UNALTERED
                for seed in seeds.tolist()
            ]
            random = torch.Generator(device)
            random.manual_seed(int(seeds[0]))
            frames, lesions = altered(frames, masks, lesions, alterations, random)
        image = finished(frames, config)
        return image[:, None], functional.avg_pool2d(lesions[:, None], CELL)[:, 0]


def altered(
    frames: Tensor,
    masks: Tensor,
    lesions: Tensor,
    alterations: Sequence[Alteration],
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """`augmentation.altered` for a batch: frames and masks uint8, lesions float32, each (batch,
    height, width). Interpolated more finely than OpenCV does, so a grey level may differ by 1."""
    _, height, width = frames.shape
    shape = height, width
    device = frames.device
    layers = torch.stack([frames.float(), masks.float(), lesions], dim=1)
    grid = _sampling_grid(alterations, shape, device)
    moved = functional.grid_sample(layers, grid, align_corners=True)
    grey, mask, lesions = moved.unbind(dim=1)

    def of_each(name: str) -> Tensor:
        values = torch.tensor([getattr(each, name) for each in alterations], dtype=torch.float32)
        return values.to(device)[:, None, None]

    grey = (grey.round().clamp(0, 255) / 255) ** of_each("gamma") * 255
    grey = (grey - 128) * of_each("contrast") + 128 + of_each("brightness")
    grey = _blurred(grey, of_each("blur"))
    noise = torch.randn(grey.shape, generator=random, device=device)
    grey = (grey + of_each("grain") * noise).round().clamp(0, 255)
    grey = torch.where(mask > 0.5, grey, torch.zeros_like(grey))
    return grey.to(torch.uint8), lesions


def _sampling_grid(
    alterations: Sequence[Alteration], shape: tuple[int, int], device: torch.device
) -> Tensor:
    """Where each pixel of a variant comes from, (batch, height, width, 2) as `grid_sample` takes
    it: column and row, -1 and 1 the centres of the outermost pixels."""
    height, width = shape
    matrices = np.stack([np.vstack([a.matrix(shape), (0, 0, 1)]) for a in alterations])
    back = torch.from_numpy(np.linalg.inv(matrices)[:, :2]).float().to(device)[..., None, None]
    rows = torch.arange(height, device=device)[:, None]
    columns = torch.arange(width, device=device)[None, :]
    # No matrix product: in TF32 that would be off by half a pixel.
    source = [
        (part[:, 0] * columns + part[:, 1] * rows + part[:, 2]) * (2 / (length - 1)) - 1
        for part, length in ((back[:, 0], width), (back[:, 1], height))
    ]
    return torch.stack(source, dim=-1)


def _blurred(grey: Tensor, deviation: Tensor) -> Tensor:
    """Gaussian blur of (batch, height, width) by each one's (batch, 1, 1) standard deviation."""
    offset = torch.arange(-_BLUR_REACH, _BLUR_REACH + 1, device=grey.device)
    weight = torch.exp(-(offset**2) / (2 * deviation.clamp(min=1e-3) ** 2))
    weight = torch.where(deviation > LEAST_BLUR, weight, (offset == 0).float())
    weight = weight / weight.sum(dim=2, keepdim=True)  # (batch, 1, taps)
    for axis in (1, 2):
        length, reach = grey.shape[axis], _BLUR_REACH
        sides = (0, 0, reach, reach) if axis == 1 else (reach, reach, 0, 0)
        padded = functional.pad(grey[:, None], sides, mode="reflect")[:, 0]
        taps = range(2 * reach + 1)
        parts = (weight[:, :, tap : tap + 1] * padded.narrow(axis, tap, length) for tap in taps)
        grey = functools.reduce(torch.add, parts)
    return grey


def finished(frames: Tensor, config: PreprocessingConfig) -> Tensor:
    """`preprocessing.finish` for a batch: uint8 (batch, height, width) to float32 in [0, 1]."""
    if config.clahe_clip <= 0:
        return frames.float() / 255
    lifted = equalised(frames, config.clahe_clip, config.clahe_tiles)
    return torch.where(frames == 0, torch.zeros_like(lifted), lifted).float() / 255


def equalised(frames: Tensor, clip: float, tiles: int) -> Tensor:
    """OpenCV's CLAHE with `tiles` along each axis, uint8 (batch, height, width) in and out."""
    batch, height, width = frames.shape
    padded = frames
    if height % tiles or width % tiles:  # then OpenCV pads both axes, a whole one by all tiles
        sides = (0, tiles - width % tiles, 0, tiles - height % tiles)
        padded = functional.pad(frames[:, None].float(), sides, mode="reflect")[:, 0]
    tall, wide = padded.shape[1] // tiles, padded.shape[2] // tiles
    tables = _tables(padded, clip, tiles, (tall, wide))  # (batch * tiles * tiles * 256,)

    def neighbours(length: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of each place along an axis: the tiles before and after it, and the latter's weight."""
        place = torch.arange(length, device=frames.device) * (1.0 / size) - 0.5
        first = place.floor()
        after = (first.long() + 1).clamp(max=tiles - 1)
        return first.long().clamp(min=0), after, place - first

    top, bottom, down = neighbours(height, tall)
    left, right, across = neighbours(width, wide)
    number = torch.arange(batch, device=frames.device)[:, None, None] * tiles
    value = frames.long()

    def looked_up(rows: Tensor, columns: Tensor) -> Tensor:
        tile = (number + rows[:, None]) * tiles + columns[None, :]
        return tables[tile * _LEVELS + value]

    down, across = down[:, None], across[None, :]
    upper = looked_up(top, left) * (1 - across) + looked_up(top, right) * across
    lower = looked_up(bottom, left) * (1 - across) + looked_up(bottom, right) * across
    return (upper * (1 - down) + lower * down).round().clamp(0, 255).to(torch.uint8)


def _tables(padded: Tensor, clip: float, tiles: int, size: tuple[int, int]) -> Tensor:
    """float32 (batch * tiles * tiles * 256,): what each tile makes of each grey."""
    batch, (tall, wide) = len(padded), size
    parts = padded.reshape(batch, tiles, tall, tiles, wide).transpose(2, 3)
    parts = parts.reshape(batch * tiles * tiles, tall * wide).long()
    number = torch.arange(len(parts), device=padded.device)[:, None]
    counts = torch.bincount((number * _LEVELS + parts).flatten(), minlength=len(parts) * _LEVELS)
    counts = counts.view(len(parts), _LEVELS)
    limit = max(1, int(clip * tall * wide / _LEVELS))
    excess = (counts - limit).clamp(min=0).sum(dim=1, keepdim=True)
    rest = excess % _LEVELS
    stride = (_LEVELS // rest.clamp(min=1)).clamp(min=1)
    level = torch.arange(_LEVELS, device=padded.device)[None]
    gets_one = (level % stride == 0) & (level // stride < rest)
    counts = counts.clamp(max=limit) + excess // _LEVELS + gets_one
    tables = counts.cumsum(dim=1).float() * ((_LEVELS - 1) / (tall * wide))
    return tables.round().clamp(0, 255).flatten()
