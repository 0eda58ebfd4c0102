"""CLAHE as a display aid: contrast-limited adaptive histogram equalisation, K. Zuiderveld,
Graphics Gems IV (1994) 474, of an image as it is windowed.

The grey tables of the tiles are learnt once per window from a small copy of the whole image, then
laid over whatever part shows, at any zoom: so nothing changes its grey as the image is moved, no
second image is kept, and black stays black (air, padding) as does white.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from engine.arrays import Array
from viewer.display.placement import Placement
from viewer.display.rendering import DisplayPixels, Sample

_TILES = 8  #: along each side of the image
_CLIP = 2.5  #: times the mean height of the histogram: the steepest a table may rise
_LEARN_SIZE = 1024  #: pixels along the longer side, of the copy that the tables are learnt from
_FEW = 64  #: pixels; a tile with fewer keeps the window's own greys


@dataclass(frozen=True, eq=False)
class LocalContrast:
    """A grey table for each tile: uint8 (tiles down, tiles across, 256)."""

    tables: Array


def learn(display: DisplayPixels, table: Array) -> LocalContrast:
    """For an image under a window's table (uint8 (65536,))."""
    small = next((m for m in display.means if max(m.shape) <= _LEARN_SIZE), display.means[-1])
    grey = cv2.LUT(np.ascontiguousarray(small), table)
    rows, columns = grey.shape
    tables = np.empty((_TILES, _TILES, 256), np.uint8)
    for down in range(_TILES):
        for across in range(_TILES):
            tile = grey[
                rows * down // _TILES : rows * (down + 1) // _TILES,
                columns * across // _TILES : columns * (across + 1) // _TILES,
            ]
            tables[down, across] = _equalised(np.bincount(tile.ravel(), minlength=256))
    return LocalContrast(tables)


def _equalised(counts: Array) -> Array:
    """The table of one tile: uint8 (256,), rising, 0 at 0 and 255 at 255."""
    identity = np.arange(256)
    inner = counts[1:255].astype(float)
    if inner.sum() < _FEW:
        return identity.astype(np.uint8)
    limit = _CLIP * inner.sum() / len(inner)
    for _ in range(8):  # what is given back may rise above the limit again
        excess = np.maximum(inner - limit, 0).sum()
        if excess < 1e-6 * inner.sum():
            break
        inner = np.minimum(inner, limit) + excess / len(inner)
    rising = np.cumsum(inner) / inner.sum()
    return np.concatenate([[0], 1 + np.round(253 * rising), [255]]).astype(np.uint8)


def apply(grey: Array, sampled: Sample, contrast: LocalContrast) -> Array:
    """`grey`, the developed `sampled`, through the tables; between tiles they are blended."""
    placement = sampled.placement
    tables = _as_displayed(contrast.tables, placement)
    rows, columns = grey.shape
    down = _blend(rows, sampled.y - placement.top, placement.height)
    across = _blend(columns, sampled.x - placement.left, placement.width)
    result = np.empty_like(grey)
    for row0, row1, above, below, share_y in down:
        for column0, column1, left, right, share_x in across:
            part = np.ascontiguousarray(grey[row0:row1, column0:column1])
            upper = _mixed(part, tables[above, left], tables[above, right], share_x[None])
            lower = _mixed(part, tables[below, left], tables[below, right], share_x[None])
            upper += (lower - upper) * share_y[:, None]
            result[row0:row1, column0:column1] = upper + 0.5
    return result


def _mixed(part: Array, one: Array, other: Array, share: Array) -> Array:
    first: Array = cv2.LUT(part, one.astype(np.float32))
    first += (cv2.LUT(part, other.astype(np.float32)) - first) * share
    return first


def _as_displayed(tables: Array, placement: Placement) -> Array:
    if placement.is_transposed:
        tables = tables.swapaxes(0, 1)
    if placement.is_mirrored:
        tables = tables[:, ::-1]
    return tables[::-1] if placement.is_flipped else tables


def _blend(count: int, offset: int, extent: int) -> list[tuple[int, int, int, int, Array]]:
    """Along one axis: (start, stop, tile, next tile, share of the next), between tiles' middles."""
    at = (np.arange(offset, offset + count) + 0.5) / extent * _TILES - 0.5
    tile = np.floor(at).astype(int)
    edges = [0, *(np.flatnonzero(np.diff(tile)) + 1), count]
    pieces = []
    for start, stop in pairwise(edges):
        first = tile[start]
        share = (at[start:stop] - first).astype(np.float32)
        low, high = (min(max(n, 0), _TILES - 1) for n in (first, first + 1))
        pieces.append((int(start), int(stop), low, high, share))
    return pieces
