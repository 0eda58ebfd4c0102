"""What of an image is no breast: white film borders and light, that a shutter covers, and air.

Careful in one direction: where it is not sure, a thing is breast. Covered is only what is light,
runs along the image's edge, is not deep and stands out; nothing within a margin of the breast's
outline but straight strips of bare film that are seen to go on beside it. Side markers stay, as a
reader checks the side by them. No stored value is changed.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.arrays import Array
from engine.errors import UnsupportedImage
from engine.networks.preprocessing import outline_breast

_SIZE = 384  #: pixels of the longer side at which all this is looked at
_MARGIN = 0.03  #: of the longer side, around the breast's outline: breast, too
_LIGHT = 0.3  #: of the image's range; what is as bright beside the breast may glare
_WHITE = 0.85  #: the same of bare film, which alone is covered where a strip meets the breast
_BARE = 0.95  #: the same of film that is surely bare
_DEPTH = 0.08  #: of a side, that a strip along its edge may have
_IS_STRIP = 0.8  #: of a line beside the breast that is light in a strip
_EDGED = 0.5  #: of an edge along which a strip with a sharp edge must be seen
_LEAST_BESIDE = 0.2  #: of an edge, that must lie beside the breast for a strip to be seen
_CONTACT = 0.15  #: of a side, that light has along the image's edge; markers have less
_LEAST_LEVEL = 0.4  #: of the range, in the middle of light's values; tissue apart may be as bright
_GOES_ON = 0.2  #: of its length, where light may be deeper than that: in corners
_CONTRAST = 0.2  #: of the range, that light stands above what lies next to it
_LESS_CONTRAST = 0.1  #: the same of surely bare film
_HALF_TONE = 0.008  #: of the longer side, around what is white, that is covered with it


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Of an image, on a grid of its own that covers it whole: bool (rows, columns) each."""

    breast: Array  #: where breast is, or may be
    light: Array | None = None  #: what the shutter covers; None: nothing

    def is_breast_in(self, top: float, bottom: float, left: float, right: float) -> bool:
        """Whether any lies between these parts of the image's height and width, 0 … 1."""
        rows, columns = self.breast.shape
        first_row, first_column = int(max(0.0, top) * rows), int(max(0.0, left) * columns)
        part = self.breast[
            first_row : max(first_row + 1, int(np.ceil(bottom * rows))),
            first_column : max(first_column + 1, int(np.ceil(right * columns))),
        ]
        return bool(part.any())


#: Of an image in which no breast was found: all of it may be.
EVERYWHERE = Surroundings(np.ones((1, 1), bool))


def survey(small: Array, pixel_aspect: float, padding: bool) -> Surroundings:
    """Of an image's shrunk copy, larger is brighter; `padding`: 0 stands for none of it.

    Some 10 ms, meant for a worker thread.
    """
    scale = min(1.0, _SIZE / max(small.shape))
    size = [max(1, round(length * scale)) for length in small.shape[::-1]]
    small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    values = small[small > 0] if padding else small
    if values.size < small.size // 20:
        return EVERYWHERE
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return EVERYWHERE
    grey = np.clip((small - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    try:
        outline = outline_breast(grey, pixel_aspect)
    except UnsupportedImage:
        return EVERYWHERE
    outline = cv2.resize(outline.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    breast = cv2.dilate(outline, _disc(_MARGIN, grey)) > 0
    light = _patches(grey, breast)
    light |= _strips(grey, light, breast)
    light |= _edged_strips(grey)
    if not light.any():
        return Surroundings(breast)
    around = cv2.dilate(light.astype(np.uint8), _disc(_HALF_TONE, grey)) > 0
    return Surroundings(breast & ~light, light | (around & ~breast))


def _disc(share: float, of: Array) -> Array:
    radius = max(1, round(share * max(of.shape)))
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _patches(grey: Array, breast: Array) -> Array:
    """Light beside the breast: long along the image's edge, not deep, and bright in the middle.

    None of what runs along the chest wall: that is skin and trunk.
    """
    found = np.zeros(grey.shape, bool)
    is_light = (grey >= _LIGHT * 255) & ~breast
    wall = int(np.argmax([np.rot90(breast, turns)[0].sum() for turns in range(4)]))
    for turns in {0, 1, 2, 3} - {wall}:
        level, light, into = (np.rot90(each, turns) for each in (grey, is_light, found))  # views
        depth = max(2, round(_DEPTH * len(light)))
        _, labels = cv2.connectedComponents(light[: depth + 1].astype(np.uint8))
        numbers, counts = np.unique(labels[0][labels[0] > 0], return_counts=True)
        for number in numbers[counts >= _CONTACT * labels.shape[1]]:
            patch = labels == number
            goes_on = patch[depth].sum() / patch.any(axis=0).sum()
            middle = np.median(level[: depth + 1][patch]) / 255
            stands_out = middle - _level_around(level, patch) >= _CONTRAST
            if middle >= _LEAST_LEVEL and stands_out and goes_on <= _GOES_ON:
                into[: depth + 1] |= patch & _without_markers(patch)
    return found


def _without_markers(patch: Array) -> Array:
    """Where a strip's light is no deeper than elsewhere, or than towards a corner of the film."""
    deep = patch.sum(axis=0)
    usual = int(np.median(deep[deep > 0])) + 2
    from_left = np.minimum.accumulate(deep)
    from_right = np.minimum.accumulate(deep[::-1])[::-1]
    allowed = np.maximum(usual, np.maximum(from_left, from_right) + 1)
    kept: Array = np.arange(len(patch))[:, None] < allowed
    return kept


def _level_around(grey: Array, patch: Array) -> float:
    """Of what lies next to the patch at the image's first lines, in parts of the range."""
    disc = _disc(_HALF_TONE, grey)
    further = len(disc) // 2 + 2
    padded = np.pad(patch, ((0, min(further, len(grey) - len(patch))), (0, 0)))
    wider = cv2.dilate(padded.astype(np.uint8), disc) > 0
    ring = cv2.dilate(wider.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    around = grey[: len(padded)][ring & ~wider]
    return float(np.median(around)) / 255 if around.size else 1.0


def _strips(grey: Array, light: Array, breast: Array) -> Array:
    """Film borders that light shows beside the breast: they are straight, so they go on over it, as
    far as it is white there.
    """
    found = np.zeros(grey.shape, bool)
    for turns in range(4):
        side, lit, near, into = (np.rot90(a, turns) for a in (grey, light, breast, found))  # views
        depth = max(2, round(_DEPTH * len(side)))
        beside = ~near[:depth].any(axis=0)
        if beside.mean() < _LEAST_BESIDE or lit[0, beside].mean() < _IS_STRIP:
            continue
        is_no_strip = lit[: depth + 1, beside].mean(axis=1) < _IS_STRIP
        lines = int(np.argmax(is_no_strip)) if is_no_strip.any() else 0
        over_breast = near[:lines].any(axis=0) & (side[:lines] >= _WHITE * 255).any(axis=0)
        inside = side[lines + 2 : lines + 6]
        if not lines or not over_breast.any() or not inside.size:
            continue
        step = np.median(side[:lines, over_breast]) - np.median(inside[:, over_breast])
        if step >= _CONTRAST * 255:
            into[:lines] |= side[:lines] >= _WHITE * 255
    return found


def _edged_strips(grey: Array) -> Array:
    """Film borders that the breast hides, or nearly: white from the image's edge on, and ending
    sharply on one straight line, perhaps aslant. Tissue that is as white does not.
    """
    found = np.zeros(grey.shape, bool)
    for turns in range(4):
        side, into = np.rot90(grey, turns), np.rot90(found, turns)  # views
        if (side[:2].max(axis=0) >= _WHITE * 255).mean() < _EDGED:
            continue
        for level, step in ((_WHITE, _CONTRAST), (_BARE, _LESS_CONTRAST)):
            strip = _edged_strip(side, level, step)
            if strip is not None:
                into[: len(strip)] |= strip
                break
    return found


def _edged_strip(side: Array, level: float, step: float) -> Array | None:
    """At the first line, as deep as a strip may be."""
    depth = max(2, round(_DEPTH * len(side)))
    white = side[: depth + 2] >= level * 255
    white[0] |= white[1]  # a scanner's first line may be dim
    ends = np.argmin(white, axis=0)  # 0: no white, or too deep
    along = np.flatnonzero(ends)
    if len(along) < _EDGED * len(ends):
        return None
    last, beyond = ends[along] - 1, np.minimum(ends[along] + 1, len(side) - 1)
    is_sharp = side[last, along] - side[beyond, along].astype(int) >= step * 255
    one, two = np.array_split(along, 2)
    slope = (np.median(ends[two]) - np.median(ends[one])) / (np.median(two) - np.median(one))
    line = np.median(ends[along]) + slope * (np.arange(len(ends)) - np.median(along))
    is_on_it = np.abs(ends - np.maximum(line, 0)) <= 1
    if min(is_sharp.mean(), is_on_it.mean()) < _IS_STRIP:
        return None
    covered: Array = white & (np.arange(len(white))[:, None] < np.minimum(ends, line + 1))
    return covered
