"""Text and marks burned into an image beside the breast, found by their grey values alone.

A mark is what stands out from the air around the breast and does not touch it: corner texts, lead
markers, label plates, film edges. What reaches the breast is never taken for one, so that no
anatomy is lost; whoever needs certainty looks at the result.
"""

import cv2
import numpy as np

from engine.domain import MammogramView, Pixels
from engine.networks import preprocessing

_ROWS = 1024  #: of the longer side, at which marks are gathered
_BREAST_MARGIN = 0.02  #: of the image's longer side, around the breast, that is left alone
_LINE = 0.005  #: of the longer side; what is thinner joins no mark to the breast
_GATHERING = 0.012  #: of the longer side: letters no farther apart are one mark
_MARK_MARGIN = 0.004  #: of the longer side, around a mark
_WHOLE_BOX = 0.25  #: of the longer side; the box of a smaller mark is blanked whole
_SMALLEST_MARK = 0.0025  #: of the longer side; smaller is dust
_NOISE = 8.0  #: standard deviations of the air that a mark stands out by,
_CONTRAST = 0.02  #: and at least this part of the image's range of values


def find_marks(view: MammogramView, pixels: Pixels) -> tuple[np.ndarray, int]:
    """Where marks lie, bool (rows, columns), and how many there are.

    Raises UnsupportedImage where no breast is found: then nothing tells a mark from tissue.
    """
    stored = pixels.stored
    outline = preprocessing.outline_breast(preprocessing.grey(view, pixels), view.pixel_aspect)
    outline = cv2.dilate(outline.astype(np.uint8), _square(_BREAST_MARGIN * max(outline.shape)))
    breast = _resized(outline, stored.shape)
    stands_out = _standing_out(pixels, ~breast)

    # At about a thousand rows, in which no bright or dark pixel is lost: any of it counts.
    longer = min(_ROWS, max(stored.shape))
    small = tuple(max(1, round(n * longer / max(stored.shape))) for n in stored.shape)
    breast = _resized(outline, small)
    area = cv2.resize(stands_out.astype(np.float32), small[::-1], interpolation=cv2.INTER_AREA)
    # What grows out of the breast belongs to it; the thin line of a film's edge joins nothing.
    thick = cv2.morphologyEx(
        ((area > 0) | breast).astype(np.uint8), cv2.MORPH_OPEN, _square(_LINE * longer)
    )
    _, labels = cv2.connectedComponents(thick, connectivity=8)
    grown = np.isin(labels, np.unique(labels[breast & (thick > 0)])) & (thick > 0)
    grown = cv2.dilate(grown.astype(np.uint8), _square(2 * _LINE * longer)) > 0
    alone = ((area > 0) & ~grown).astype(np.uint8)
    gathered = cv2.morphologyEx(alone, cv2.MORPH_CLOSE, _square(_GATHERING * longer))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(gathered, connectivity=8)
    marks = np.zeros(small, np.uint8)
    found = 0
    for label in range(1, count):
        left, top, width, height, _ = boxes[label]
        if max(width, height) < _SMALLEST_MARK * longer:
            continue
        found += 1
        if max(width, height) < _WHOLE_BOX * longer:  # a label: nothing of its form remains
            marks[top : top + height, left : left + width] = 1
        else:  # the edge of a film
            marks[labels == label] = 1
    marks = cv2.dilate(marks, _square(_MARK_MARGIN * longer)) * ~breast
    return _resized(marks, stored.shape), found


def _standing_out(pixels: Pixels, is_air: np.ndarray) -> np.ndarray:
    """What of the air is clearly brighter or darker than most of it; bool (rows, columns)."""
    stored = pixels.stored
    if pixels.has_padding and np.any(is_air & (stored > 0)):
        is_air = is_air & (stored > 0)
    some = stored[is_air]
    if not some.size:
        return np.zeros(stored.shape, bool)
    some = some[:: max(1, some.size // 10**6)]
    level = float(np.median(some))
    spread = 1.4826 * float(np.median(np.abs(some - level)))
    low, high = np.percentile(stored[:: max(1, len(stored) // 500)], (1, 99.8))
    step = max(_NOISE * spread, _CONTRAST * float(high - low), 1.0)
    return is_air & (cv2.absdiff(stored, np.full_like(stored, round(level))) > step)


def blank(raw: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """A copy of the values as a file holds them, the marks filled with the level of the air."""
    around = cv2.dilate(marks.astype(np.uint8), _square(0.01 * max(raw.shape))) > 0
    ring = raw[around & ~marks]
    result = raw.copy()
    result[marks] = np.median(ring) if ring.size else raw.min()
    return result


def _square(side: float) -> np.ndarray:
    return np.ones((max(3, round(side) | 1),) * 2, np.uint8)


def _resized(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(mask, shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
