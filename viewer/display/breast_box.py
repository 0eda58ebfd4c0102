"""Where the breast lies in an image, by its pixels, and which side it grows out of."""

from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np

from engine.arrays import Array
from engine.domain import Laterality

# In parts of the image's longer side.
OUTLINE_SIZE = 400  #: pixels; the image is outlined at about this size
_FRAME = 0.012  #: of each edge is ignored: film borders and scanner lines
_OPENING = 0.035  #: cuts side markers, tape and film borders off the breast
_BOX_MARGIN = 0.015  #: around the box, so that skin and nipple stay clear of the cell's edge
_SNAP = 0.03  #: a box that ends so near to the image's edge ends at it
_AIR = 0.12  #: of the grey range: brighter is breast, even where Otsu splits the breast itself
_SMALLEST_BREAST = 0.02  #: of the image's area
_CLEAR_ASYMMETRY = 0.2  #: of the outer quarters' areas, (a - b) / (a + b), that names a side


class ImageSide(Enum):
    """A side of the stored image, whatever the patient's."""

    LEFT = "left"
    RIGHT = "right"


#: Where the chest wall hangs: the breasts back to back, as a reader facing the patient sees them.
CHEST_WALL_SIDE = {Laterality.RIGHT: ImageSide.RIGHT, Laterality.LEFT: ImageSide.LEFT}


def hung_wall(laterality: Laterality | None) -> ImageSide | None:
    """Of an unknown side none."""
    return None if laterality is None else CHEST_WALL_SIDE[laterality]


@dataclass(frozen=True)
class BreastBox:
    """The breast in source pixels, and the side of the image that it grows out of."""

    row_start: int
    row_stop: int
    column_start: int
    column_stop: int
    chest_wall: ImageSide | None  #: None: the pixels do not tell

    def must_mirror(self, laterality: Laterality | None) -> bool:
        """Whether only a mirrored display brings the chest wall to where its side hangs."""
        wanted = hung_wall(laterality)
        return None not in (wanted, self.chest_wall) and wanted is not self.chest_wall

    @property
    def middle(self) -> tuple[float, float]:
        """(row, column)."""
        return (self.row_start + self.row_stop) / 2, (self.column_start + self.column_stop) / 2


def find_breast(small: Array, shape: tuple[int, int]) -> BreastBox:
    """The breast's box in an image of `shape`, of which `small` is a shrunk copy.

    Made for display: the box is generous, and without a clear breast it is the whole image.
    """
    rows, columns = shape
    everything = BreastBox(0, rows, 0, columns, None)
    scale = min(1.0, OUTLINE_SIZE / max(small.shape))
    size = [max(1, round(n * scale)) for n in small.shape[::-1]]
    small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    low, high = (float(value) for value in np.percentile(small, (1, 99)))
    if high - low < 4 or min(small.shape) < 16:
        return everything

    grey = np.clip((small - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    grey = cv2.GaussianBlur(grey, (5, 5), 0)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    air = grey[grey <= otsu]
    level = float(np.median(air))
    # Fat at the skin is little brighter than air: stay close above the air's own spread.
    spread = 1.4826 * float(np.median(np.abs(air - level)))
    mask = (grey > min(otsu, _AIR * 255, level + max(10.0, 4 * spread))).astype(np.uint8)

    side = max(3, round(_OPENING * max(mask.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    frame = max(1, round(_FRAME * max(mask.shape)))
    inner = np.zeros_like(mask)
    inner[frame:-frame, frame:-frame] = mask[frame:-frame, frame:-frame]
    opened = cv2.morphologyEx(inner, cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return everything
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] < _SMALLEST_BREAST * mask.size:
        return everything
    body = (labels == largest).astype(np.uint8)
    breast = cv2.dilate(body, kernel) & inner  # gives back the tips that the opening took

    spans = []
    for axis, length in enumerate(shape):
        hit = np.flatnonzero(breast.any(axis=1 - axis))
        pixel = length / breast.shape[axis]
        margin, snap = _BOX_MARGIN * max(shape), _SNAP * max(shape)
        start = int(max(0, hit[0] * pixel - margin))
        stop = int(min(length, (hit[-1] + 1) * pixel + margin))
        spans.append((0 if start < snap else start, length if stop > length - snap else stop))
    return BreastBox(*spans[0], *spans[1], _chest_wall(breast))


def _chest_wall(breast: Array) -> ImageSide | None:
    """The breast is tall at the chest wall and tapers to the nipple."""
    hit = np.flatnonzero(breast.any(axis=0))
    profile = breast[:, hit[0] : hit[-1] + 1].sum(axis=0, dtype=float)
    quarter = max(1, len(profile) // 4)
    left, right = profile[:quarter].sum(), profile[-quarter:].sum()
    asymmetry = (left - right) / (left + right)
    if abs(asymmetry) < _CLEAR_ASYMMETRY:
        return None
    return ImageSide.LEFT if asymmetry > 0 else ImageSide.RIGHT
