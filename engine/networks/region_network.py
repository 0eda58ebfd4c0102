"""The region network: one rectangle of a view, at the image's own resolution.

The whole-view networks see a breast at a quarter of a millimetre and coarser; this one sees a spot
at `RegionConfig.spacing_mm`, where microcalcifications are more than a pixel. It sees what lies in
the rectangle and nothing else, so a lesion crop of the training data and a rectangle that a reader
draws are the same thing to it. How its file is laid out is told in `engine.networks.checkpoint`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.domain import ModelIdentity
from engine.messages import message
from engine.networks.calibration import LogisticScaling, Scaling
from engine.networks.checkpoint import read_file, refused, write_file
from engine.networks.models import (
    LightweightMobileNet,
    NetworkOutput,
    WithoutStart,
    optimized_for_inference,
)

REGION = "region"
CATEGORIES = (2, 3, 4, 5)
_CELL = 32  #: pixels of a frame to a cell of the coarsest map
_GREY_RANGE = (1.0, 99.8)  #: percentiles of the rectangle that become black and white
_LARGEST_SIDE = 1024


@dataclass(frozen=True)
class RegionConfig:
    """What shapes the network's input; stored in its checkpoint."""

    side: int = 192  #: pixels of the square frame, a multiple of 32
    spacing_mm: float = 0.1  #: of a pixel of the frame
    fills: bool = False  #: every rectangle is resampled to fill the frame, whatever its size


def cut(grey: np.ndarray, spacing_mm: tuple[float, float], config: RegionConfig) -> np.ndarray:
    """A rectangle's pixels as the network takes them: float32 (2, side, side).

    `grey` is uint8 (rows, columns), the rectangle alone; `spacing_mm` the distance of its rows and
    of its columns. Channel 0 holds grey in [0, 1], its percentiles stretched, round about it its
    mean; channel 1 is 1 inside the rectangle. A rectangle larger than the frame is shown coarser.
    """
    tall, wide = (
        length * mm / config.spacing_mm for length, mm in zip(grey.shape, spacing_mm, strict=True)
    )
    shrink = max(tall, wide) / config.side
    if not config.fills:
        shrink = max(1.0, shrink)
    # Even, so that it lies in the middle of the frame to the pixel and a mirrored breast agrees.
    height, width = (
        min(config.side, 2 * max(1, int(length / shrink / 2 + 0.5))) for length in (tall, wide)
    )
    shrinks = height <= grey.shape[0] and width <= grey.shape[1]
    # Area filtering where the image shrinks: anything else loses microcalcifications.
    part = cv2.resize(
        grey, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    ).astype(np.float32)
    low, high = np.percentile(part, _GREY_RANGE)
    part = np.clip((part - low) / max(high - low, 1.0), 0, 1)
    frame = np.zeros((2, config.side, config.side), np.float32)
    frame[0] = part.mean()
    top, left = (config.side - height) // 2, (config.side - width) // 2
    inside = slice(top, top + height), slice(left, left + width)
    frame[0][inside], frame[1][inside] = part, 1
    return frame


class RegionNetwork(LightweightMobileNet):
    """MobileNetV2 whose read-out, attention and mean, keeps to the cells inside the rectangle."""

    categories = CATEGORIES

    def __init__(self) -> None:
        super().__init__()
        self.architecture = {}

    def predict(self, image: Tensor) -> NetworkOutput:
        """The mean with the three mirror images: a mirrored breast gets the same."""
        count = len(image)
        mirrored = torch.cat([image, image.flip(2), image.flip(3), image.flip(2, 3)])
        logits, malignancy = self.forward_inside(
            self.forward_frozen(mirrored[:, :1]), mirrored[:, 1:]
        )
        return NetworkOutput(
            logits.view(4, count, -1).mean(dim=0), malignancy.view(4, count).mean(dim=0)
        )

    def forward(self, image: Tensor) -> NetworkOutput:
        """`image` is (batch, 2, side, side) as `cut` makes it."""
        return self.forward_trainable(self.forward_frozen(image[:, :1]), image[:, 1:])

    def forward_trainable(self, feature: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        """`lesions` is (batch, 1, side, side): 1 inside the rectangle."""
        if lesions is None:
            raise ValueError("no rectangle is given")
        return NetworkOutput(*self.forward_inside(feature, lesions))

    def forward_inside(self, feature: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and malignancy; `inside` is (batch, 1, side, side): 1 inside the rectangle."""
        fine = self.middle(feature)
        coarse = self.top(fine)
        cells = torch.cat(
            [functional.avg_pool2d(fine, 2), functional.max_pool2d(fine, 2), coarse], dim=1
        )
        cells = self.norm(cells.flatten(2).transpose(1, 2))  # (batch, cells, 512)
        cover = functional.avg_pool2d(inside.float(), _CELL).flatten(1)
        score = self.attend(cells).squeeze(-1).float() + cover.clamp(min=1e-9).log()
        share = cover / cover.sum(dim=1, keepdim=True)
        read = [
            torch.einsum("bt,btw->bw", weight.to(cells.dtype), cells)
            for weight in (score.softmax(dim=1), share)
        ]
        hidden = self.dropout(functional.relu(self.dense(torch.cat(read, dim=1))))
        return self.classify(hidden).float(), self.malignancy(hidden).squeeze(-1).float()


@dataclass(frozen=True)
class RegionCalibration:
    """From logits to probabilities that mean what they say, for a lesion that a reader picks."""

    grades: Scaling
    malignancy: LogisticScaling

    @classmethod
    def identity(cls) -> "RegionCalibration":
        """No correction: for a network whose calibration has not been fitted yet."""
        return cls(Scaling(1.0, (0.0,) * len(CATEGORIES)), LogisticScaling(1.0, 0.0))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "RegionCalibration":
        grades, malignancy = data["grades"], data["malignancy"]
        return cls(
            Scaling(float(grades["slope"]), tuple(float(v) for v in grades["offsets"])),
            LogisticScaling(float(malignancy["slope"]), float(malignancy["offset"])),
        )


@dataclass(frozen=True)
class RegionCheckpoint:
    """A region network ready to predict, in evaluation mode and float32."""

    model: RegionNetwork
    identity: ModelIdentity
    config: RegionConfig
    calibration: RegionCalibration
    provenance: dict[str, Any]

    def predict(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits (n, 4) and malignancy logits (n,), float64, of frames (n, 2, side, side)."""
        with torch.inference_mode():
            logits, malignancy, *_ = self.model.predict(torch.from_numpy(frames))
        if malignancy is None or not (logits.isfinite().all() and malignancy.isfinite().all()):
            raise FloatingPointError("the network's answer is not a number")
        return logits.double().numpy(), malignancy.double().numpy()


def save_region_checkpoint(
    path: Path,
    model: RegionNetwork,
    config: RegionConfig,
    calibration: RegionCalibration,
    provenance: dict[str, Any],
) -> str:
    """Writes the file in one step and returns its sha-256."""
    header = {
        "name": REGION,
        "config": asdict(config),
        "calibration": asdict(calibration),
        "provenance": provenance,
    }
    return write_file(path, header, model.state_dict())


def load_region_checkpoint(path: Path, is_fast: bool = True) -> RegionCheckpoint:
    """Raises `IncompatibleCheckpoint` for a file that is missing, damaged or not one of ours.

    `is_fast`: rearranged for prediction (`models.optimized_for_inference`); else as it was trained.
    """
    digest, header, weights = read_file(path)
    try:
        if header["name"] != REGION:
            raise refused(path, message("it holds no region network"))
        config = RegionConfig(**header["config"])
        if not 0 < config.side <= _LARGEST_SIDE or config.side % _CELL:
            raise refused(path, message("its input size is out of range"))
        if not 0 < config.spacing_mm < float("inf"):
            raise refused(path, message("its resolution is out of range"))
        with WithoutStart():
            model = RegionNetwork()
        model.load_state_dict(weights)
        calibration = RegionCalibration.from_json(header["calibration"])
        if len(calibration.grades.offsets) != len(CATEGORIES):
            raise refused(path, message("its calibration is for other categories"))
        return RegionCheckpoint(
            model=optimized_for_inference(model) if is_fast else model.eval(),
            identity=ModelIdentity(REGION, digest, CATEGORIES),
            config=config,
            calibration=calibration,
            provenance=dict(header["provenance"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise refused(path, message("its weights do not fit the architecture it names")) from error
