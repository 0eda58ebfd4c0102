"""What a mammogram looks like: some forty measures of one image, and their additive score.

The measures describe the outline (a straight chest wall on one side, a smooth convex skin line that
tapers to the nipple), the air around it (dark, even, empty), the rise of brightness inwards from
the skin, and the tissue's own texture. None depends on the image's size, contrast or polarity
tags. Each adds its own piecewise quadratic share to a logistic score, so that a refusal can name
the group of measures that spoke most strongly against the image. Numbers only: the fitted shares
lie in resources/scope.json, made by `birads-engine fit-scope` (see `engine.scope_fitting`).
"""

import json
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from engine import preprocessing
from engine.errors import IncompatibleCheckpoint, UnsupportedImage
from resources import ROOT

FORMAT = 1
OUTLINE, AIR, SKIN, TISSUE = "outline", "air", "skin", "tissue"
#: Measures of the mammogram score by group; all are blind to left and right, top and bottom.
MEASURES = {
    OUTLINE: (
        *("solidity", "fill", "box", "wall", "roughness", "far", "open", "open_both", "tilt"),
        *("taper_08", "taper_30", "taper_50", "taper_70", "taper_85", "taper_95"),
    ),
    AIR: ("air", "air_top", "air_spread", "air_bright", "air_edges", "blobs", "second"),
    SKIN: ("skin_0", "skin_1", "skin_2", "skin_3", "skin_4", "skin_5"),
    TISSUE: ("dark", "edges", "direction", "tails", "fine", "coarse", "curve", "grain"),
}
#: Signed measures, positive where what an oblique has at the top is at the top.
UPRIGHT = ("nipple", "tip", "middle", "top", "corner", "waist")
NAMES = tuple(name for group in MEASURES.values() for name in group)

_ROWS = 256  #: of the copy on which all is measured; a breast is some 200 of them tall
_OUTLINE_ROWS = 512  #: of the copy that is outlined
_WIDEST = 4  #: width over height at most: a ruler of an image is squeezed
_WALL_DEPTH = 0.08  #: of the breast's depth: a skin line this near the wall is the wall
_RINGS = (0.0, 0.06, 0.12, 0.25, 0.45, 0.7, 1.01)  #: of the depth under the skin
_FEWEST_PIXELS = 50  #: of air; an image with less has none, and the tissue stands in for it
_LIMIT = 5.0  #: standard deviations at which a measure stops counting


def measure(image: np.ndarray, pixel_aspect: float = 1.0) -> dict[str, float]:
    """`NAMES` and `UPRIGHT` of a grey uint8 (rows, columns) image.

    Lengths are shares of the breast's or the image's own, grey values multiples of the tissue's
    median. Raises `UnsupportedImage` where no outline is found.
    """
    rows, columns = image.shape
    width = min(
        _WIDEST * _OUTLINE_ROWS, max(8, round(columns * _OUTLINE_ROWS / rows / pixel_aspect))
    )
    filtering = cv2.INTER_AREA if rows >= _OUTLINE_ROWS else cv2.INTER_LINEAR
    large = cv2.resize(image, (width, _OUTLINE_ROWS), interpolation=filtering)
    outline = preprocessing.outline_breast(large)
    if preprocessing.chest_wall_is_right(outline):
        outline, large = outline[:, ::-1], large[:, ::-1]
    size = (max(8, width * _ROWS // _OUTLINE_ROWS), _ROWS)
    small = cv2.resize(large, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(outline.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    grey = cv2.GaussianBlur(small, (0, 0), 0.7).astype(np.float32)

    inner = cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0
    inner = inner if inner.sum() > _FEWEST_PIXELS else mask > 0
    air = cv2.dilate(mask, np.ones((5, 5), np.uint8)) == 0
    air = air if air.sum() > _FEWEST_PIXELS else inner
    level = max(float(np.median(grey[inner])), 1.0)
    found = _outline(mask)
    found |= _air(small, grey, mask, air, level)
    found |= _skin(grey, mask, level)
    found |= _tissue(small, grey, inner, level)
    found |= _upright(grey, mask, level)
    return found


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    column, row, width, height = cv2.boundingRect(mask)
    return row, row + height, column, column + width


def _outline(mask: np.ndarray) -> dict[str, float]:
    r0, r1, c0, c1 = _box(mask)
    box = mask[r0:r1, c0:c1] > 0
    height, width = box.shape
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = max(contours, key=cv2.contourArea)
    hull = cv2.convexHull(line)
    solidity = min(1.0, cv2.contourArea(line) / max(cv2.contourArea(hull), 1.0))
    tall = box.sum(axis=0) / height
    ends = [mask[:4].any(axis=0).mean(), mask[-4:].any(axis=0).mean()]
    tip = np.flatnonzero(box[:, int(0.9 * (width - 1))])
    found = {
        "solidity": np.log(1.005 - solidity),
        "fill": box.mean(),
        "box": np.log(height / width),
        "wall": float(box[:, : max(1, round(_WALL_DEPTH * width))].any(axis=1).mean()),
        "roughness": np.log(cv2.arcLength(line, True) / max(cv2.arcLength(hull, True), 1.0)),
        "far": mask[:, -4:].any(axis=1).mean(),
        "open": max(ends),
        "open_both": min(ends),
        "tilt": abs(tip.mean() / height - 0.5) if tip.size else 0.0,
    }
    for depth in (8, 30, 50, 70, 85, 95):
        found[f"taper_{depth:02}"] = tall[int(depth / 100 * (width - 1))]
    return {name: float(value) for name, value in found.items()}


def _air(
    small: np.ndarray, grey: np.ndarray, mask: np.ndarray, air: np.ndarray, level: float
) -> dict[str, float]:
    values = grey[air]
    low, middle, high, top = np.percentile(values, (25, 50, 75, 90)) / level
    bright = (air & (small > (middle + 0.25 * (1 - middle)) * level)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return {
        "air": float(middle),
        "air_top": float(top),
        "air_spread": float(high - low),
        "air_bright": float(np.log(np.mean(values > 0.5 * level) + 0.003)),
        "air_edges": float(np.log(np.percentile(_slope(grey)[air], 90) / level + 0.003)),
        "blobs": float(np.log1p(np.count_nonzero(areas > 0.0005 * mask.size))),
        "second": float(np.log(areas.max(initial=0) / mask.sum() + 0.003)),
    }


def _skin(grey: np.ndarray, mask: np.ndarray, level: float) -> dict[str, float]:
    """Mean brightness in rings under the skin line; the chest wall is no skin."""
    filled = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    first = filled.argmax(axis=1)
    reaches = filled.any(axis=1)[:, None]
    filled[(np.arange(filled.shape[1]) < first[:, None]) & reaches] = 1
    depth = cv2.distanceTransform(filled, cv2.DIST_L2, 3)[1:-1, 1:-1][mask > 0]
    values = grey[mask > 0]
    rings = np.digitize(depth / max(np.percentile(depth, 98), 1.0), _RINGS[1:-1])
    sums = np.bincount(rings, values, minlength=6)
    counts = np.bincount(rings, minlength=6)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), level) / level
    return {f"skin_{index}": float(means[index]) for index in range(6)}


def _tissue(
    small: np.ndarray, grey: np.ndarray, inner: np.ndarray, level: float
) -> dict[str, float]:
    values = grey[inner]
    spread = max(float(values.std()), 0.5)
    steep = _slope(grey)[inner]
    across, down = (
        float(np.abs(cv2.Sobel(grey, cv2.CV_32F, *order)[inner]).mean())
        for order in ((1, 0), (0, 1))
    )
    bands, previous = [], small.astype(np.float32)
    for sigma in (0.8, 1.6, 3.2, 6.4):
        blurred = cv2.GaussianBlur(previous, (0, 0), sigma)
        bands.append(np.log((previous - blurred)[inner].std() + 0.05))
        previous = blurred
    middle, top = np.percentile(steep, (50, 99))
    score = (values - values.mean()) / spread
    return {
        "dark": float(np.log(np.mean(values < 0.35 * level) + 0.003)),
        "edges": float(np.log((top + 0.2) / (middle + 0.2))),
        "direction": float(abs(np.log((across + 0.4) / (down + 0.4)))),
        "tails": float(np.log(np.mean(score**4) + 0.1)),
        "fine": float(bands[0] - bands[1]),
        "coarse": float(bands[1] - bands[3]),
        "curve": float(bands[1] - (bands[0] + bands[2]) / 2),
        "grain": float(bands[1] - np.log(spread)),
    }


def _upright(grey: np.ndarray, mask: np.ndarray, level: float) -> dict[str, float]:
    """An oblique has its muscle and the wide end of its wall at the top, its nipple lower down."""
    r0, r1, c0, c1 = _box(mask)
    box = mask[r0:r1, c0:c1] > 0
    height, width = box.shape
    reach = np.where(box.any(axis=1), width - box[:, ::-1].argmax(axis=1), 0)
    places = []
    for depth in (0.9, 0.5):
        rows = np.flatnonzero(box[:, int(depth * (width - 1))])
        places.append(rows.mean() / height - 0.5 if rows.size else 0.0)
    tenth, third = max(1, height // 10), max(1, height // 3)
    wall = grey[r0:r1, c0 : c0 + max(1, width // 3)]
    inside = box[:, : wall.shape[1]]

    def brightness(part: slice) -> float:
        values = wall[part][inside[part]]
        return float(values.mean()) / level if values.size else 0.0

    return {
        "nipple": float(reach.argmax() / height - 0.5),
        "tip": float(places[0]),
        "middle": float(places[1]),
        "top": float(mask[:4].any(axis=0).mean() - mask[-4:].any(axis=0).mean()),
        "corner": brightness(slice(0, third)) - brightness(slice(-third, None)),
        "waist": float((reach[:tenth].mean() - reach[-tenth:].mean()) / width),
    }


def _slope(grey: np.ndarray) -> np.ndarray:
    """Grey levels per pixel."""
    return cv2.magnitude(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(grey, cv2.CV_32F, 0, 1) / 8
    )


def terms(values: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(…, measures) as (…, measures, 4): value, square and what exceeds one deviation each way."""
    z = np.clip((values - centre) / scale, -_LIMIT, _LIMIT)
    return np.stack([z, z**2, np.maximum(z - 1, 0), np.maximum(-z - 1, 0)], axis=-1)


@dataclass(frozen=True, eq=False)
class Score:
    """An additive logistic score: > 0 speaks for, < 0 against."""

    names: tuple[str, ...]
    centre: np.ndarray  #: (measures,) the medians of mammograms
    scale: np.ndarray  #: (measures,) their spread
    weights: np.ndarray  #: (measures, 4), of `terms`
    offset: float

    def shares(self, found: dict[str, float]) -> dict[str, float]:
        values = np.array([found[name] for name in self.names])
        each = (terms(values, self.centre, self.scale) * self.weights).sum(axis=-1)
        return dict(zip(self.names, each.tolist(), strict=True))

    def __call__(self, found: dict[str, float]) -> float:
        return self.offset + sum(self.shares(found).values())

    def to_json(self) -> dict:
        return {
            "names": list(self.names),
            "centre": _digits(self.centre),
            "scale": _digits(self.scale),
            "weights": _digits(self.weights),
            "offset": round(self.offset, 6),
        }

    @classmethod
    def from_json(cls, data: dict, names: tuple[str, ...]) -> "Score":
        score = cls(
            tuple(data["names"]),
            *(np.array(data[key], float) for key in ("centre", "scale", "weights")),
            float(data["offset"]),
        )
        size = len(names)
        arrays = (score.centre, score.scale, score.weights)
        if score.names != names or [a.shape for a in arrays] != [(size,), (size,), (size, 4)]:
            raise ValueError("its measures are others")
        if not all(np.isfinite(a).all() for a in arrays) or not (score.scale > 0).all():
            raise ValueError("its numbers are none")
        return score


def _digits(values: np.ndarray) -> list:
    return np.round(values, 6).tolist()


@dataclass(frozen=True, eq=False)
class Appearance:
    """What was learnt of mammograms: is it one, and does it stand on its feet.

    The limits are of the scores. A view known to be an oblique has one of its own for standing
    upright: a cranio-caudal view is as good as symmetrical and may look either way.
    """

    is_mammogram: Score
    is_upright: Score
    mammogram_limit: float
    upside_down_limit: float
    upside_down_limit_mlo: float

    def accepts(self, found: dict[str, float]) -> bool:
        return self.is_mammogram(found) >= self.mammogram_limit

    def is_upside_down(self, found: dict[str, float], is_oblique: bool = False) -> bool:
        limit = self.upside_down_limit_mlo if is_oblique else self.upside_down_limit
        return self.is_upright(found) < limit

    def objection(self, found: dict[str, float]) -> str:
        """The group of measures that spoke most strongly against the image."""
        shares = self.is_mammogram.shares(found)
        return min(MEASURES, key=lambda group: sum(shares[name] for name in MEASURES[group]))

    def to_json(self) -> dict:
        return {
            "format": FORMAT,
            "is_mammogram": self.is_mammogram.to_json(),
            "is_upright": self.is_upright.to_json(),
            "mammogram_limit": round(self.mammogram_limit, 6),
            "upside_down_limit": round(self.upside_down_limit, 6),
            "upside_down_limit_mlo": round(self.upside_down_limit_mlo, 6),
        }

    @classmethod
    def from_json(cls, data: dict) -> "Appearance":
        """Raises ValueError, KeyError or TypeError for anything but what `to_json` gives."""
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}")
        limits = ("mammogram_limit", "upside_down_limit", "upside_down_limit_mlo")
        return cls(
            Score.from_json(data["is_mammogram"], NAMES),
            Score.from_json(data["is_upright"], UPRIGHT),
            *(float(data[name]) for name in limits),
        )


@lru_cache(maxsize=1)
def shipped() -> Appearance:
    """Raises `IncompatibleCheckpoint` where the installation lacks it."""
    try:
        return Appearance.from_json(json.loads((ROOT / "scope.json").read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompatibleCheckpoint(
            "Scope gate not installed",
            "The file that tells mammograms from other images is missing or damaged; "
            "install the program again.",
        ) from error


def measure_or_none(image: np.ndarray, pixel_aspect: float = 1.0) -> dict[str, float] | None:
    """As `measure`; None where no outline is found."""
    try:
        return measure(image, pixel_aspect)
    except UnsupportedImage:
        return None
