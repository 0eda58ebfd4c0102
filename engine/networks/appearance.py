"""What a mammogram looks like, to a small network that knows photographs; is it the right way up?

The image is framed as the networks see it, only smaller: the breast outlined and cut out, its
surroundings blanked, its own grey range stretched. A frozen MobileNetV2, up to its last block at
1/16 of the frame, describes fifteen places of that frame; two linear scores read the description.
`benchmarks/scope_gate.py` fits them, measures them and writes resources/scope.safetensors.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from engine.arrays import FloatArray
from engine.errors import IncompatibleCheckpoint
from engine.messages import message
from engine.networks import preprocessing
from engine.networks.models import LightweightMobileNet, WithoutStart, optimized_for_inference
from engine.networks.preprocessing import PreprocessingConfig
from engine.shipped import is_as_shipped
from resources import ROOT

FORMAT = 1
SHIPPED = ROOT / "scope.safetensors"
CHANNELS = 96
GRID = (5, 3)  #: places along rows and columns
FEATURES = CHANNELS * GRID[0] * GRID[1]
_FRAME = PreprocessingConfig(height=160, width=96)
_ROWS = 512  #: of the copy that is outlined and framed
_WIDEST = 4  #: width over height at most: a ruler of an image is squeezed
_LIMIT = 5.0  #: standard deviations at which a feature stops counting
_HEADER_KEY = "birads-viewer"
_SCORES = ("is_mammogram", "is_upright")


def framed(image: np.ndarray, pixel_aspect: float = 1.0) -> np.ndarray:
    """A grey uint8 (rows, columns) image as float32 (160, 96) in [0, 1], chest wall on the left.

    Raises `UnsupportedImage` where no breast can be outlined.
    """
    rows, columns = image.shape
    height = min(rows, _ROWS)
    width = min(_WIDEST * height, max(8, round(columns * height / rows / pixel_aspect)))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    frame, _ = preprocessing.prepare(small, 1.0, _FRAME)
    plane: np.ndarray = frame[0]
    return plane


@dataclass(frozen=True, eq=False)
class Score:
    """A linear score of standardised features: > 0 speaks for, < 0 against."""

    centre: np.ndarray  #: (features,) float32, as are the others
    scale: np.ndarray
    weights: np.ndarray
    offset: float

    def standardised(self, features: np.ndarray) -> np.ndarray:
        standard: FloatArray = np.clip((features - self.centre) / self.scale, -_LIMIT, _LIMIT)
        return standard

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """(…, features) to (…)."""
        score: FloatArray = self.standardised(features) @ self.weights + self.offset
        return score


@dataclass(frozen=True, eq=False)
class Appearance:
    """What was learnt of mammograms.

    Being upside down has limits, below 0, that next to no upright view falls under; a view known
    to be an oblique has one of its own, as a cranio-caudal view may look either way.
    """

    trunk: nn.Module
    is_mammogram: Score
    is_upright: Score
    upside_down_limit: float
    upside_down_limit_mlo: float

    def describe(self, frames: np.ndarray) -> np.ndarray:
        """float32 (images, FEATURES) of frames (images, 160, 96)."""
        with torch.inference_mode():
            maps = self.trunk(torch.from_numpy(np.ascontiguousarray(frames))[:, None])
            places: np.ndarray = functional.adaptive_avg_pool2d(maps, GRID).flatten(1).numpy()
        return places

    def accepts(self, features: np.ndarray) -> np.ndarray:
        return self.is_mammogram(features) >= 0

    def is_upside_down(self, features: np.ndarray, is_oblique: bool = False) -> np.ndarray:
        limit = self.upside_down_limit_mlo if is_oblique else self.upside_down_limit
        return self.is_upright(features) < limit


def build_trunk() -> nn.Module:
    """MobileNetV2's first fourteen blocks, for grey images; untrained."""
    network = LightweightMobileNet()
    return nn.Sequential(*network.below, *network.middle).eval()


def save(path: Path, trunk: nn.Module, known: Appearance) -> None:
    """`trunk` as `build_trunk` makes it; it is stored in float16."""
    tensors = {f"trunk.{name}": value for name, value in trunk.state_dict().items()}
    tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    header: dict[str, object] = {
        "format": FORMAT,
        "upside_down_limit": known.upside_down_limit,
        "upside_down_limit_mlo": known.upside_down_limit_mlo,
    }
    for name in _SCORES:
        score = getattr(known, name)
        header[name] = score.offset
        for part in ("centre", "scale", "weights"):
            tensors[f"{name}.{part}"] = torch.from_numpy(getattr(score, part))
    save_file(tensors, path, {_HEADER_KEY: json.dumps(header)})


def load(path: Path) -> Appearance:
    """Raises `IncompatibleCheckpoint` for a file that is missing, damaged or another's."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()[_HEADER_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']}")
        with WithoutStart():
            trunk = build_trunk()
        trunk.load_state_dict(
            {k.removeprefix("trunk."): v for k, v in tensors.items() if k.startswith("trunk.")}
        )
        is_mammogram, is_upright = (
            Score(
                centre=_vector(tensors[f"{name}.centre"]),
                scale=_vector(tensors[f"{name}.scale"]),
                weights=_vector(tensors[f"{name}.weights"]),
                offset=float(header[name]),
            )
            for name in _SCORES
        )
        return Appearance(
            optimized_for_inference(trunk),
            is_mammogram,
            is_upright,
            float(header["upside_down_limit"]),
            float(header["upside_down_limit_mlo"]),
        )
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _not_installed() from error


def _not_installed() -> IncompatibleCheckpoint:
    return IncompatibleCheckpoint(
        message("Scope gate not installed"),
        message(
            "The file that tells mammograms from other images is missing or damaged; "
            "install the program again."
        ),
    )


def _vector(tensor: torch.Tensor) -> np.ndarray:
    values = tensor.float().numpy()
    if values.shape != (FEATURES,) or not np.isfinite(values).all():
        raise ValueError("its numbers are none")
    return values


@lru_cache(maxsize=1)
def shipped() -> Appearance:
    """Raises `IncompatibleCheckpoint` where the file is not, to the byte, what was shipped."""
    try:
        is_whole = is_as_shipped("scope", SHIPPED.read_bytes())
    except OSError as error:
        raise _not_installed() from error
    if not is_whole:
        raise _not_installed()
    return load(SHIPPED)
