"""Outlines of where a heat-map is warm, in the coordinates of DICOM objects.

Columns and rows from the outer corner of the first pixel, (0, 0), to that of the last (PS3.3
C.18.6.1.2 and C.10.5.1.2): the points of `engine.domain`, turned round.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from engine.arrays import Array
from engine.domain import Explanation

WARM = 0.5  #: of the fixed scale, from where on it is a region
_LEAST_AREA = 20  # of the heat-map's own pixels; less is noise of the resampling
_MOST = 3  # of one view, the warmest first


@dataclass(frozen=True, eq=False)
class WarmRegion:
    outline: Array = field(repr=False)  #: float64 (points, 2): column, row; the last is the first
    peak: float  #: the warmest value in it, 0.5 … 1
    area: float  #: source pixels


def warm_regions(explanation: Explanation) -> tuple[WarmRegion, ...]:
    """At most three, the warmest first."""
    row_start, row_stop, column_start, column_stop = explanation.region
    heat = explanation.heat
    mask = (heat >= WARM).astype(np.uint8)
    down = (row_stop - row_start) / heat.shape[0]
    across = (column_stop - column_start) / heat.shape[1]
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines:
        if cv2.contourArea(outline) < _LEAST_AREA:
            continue
        inside = np.zeros_like(mask)
        cv2.drawContours(inside, [outline], -1, 1, -1)
        points = outline[:, 0, :].astype(np.float64) + 0.5
        points = np.stack(
            [column_start + points[:, 0] * across, row_start + points[:, 1] * down], axis=1
        )
        closed = np.vstack([points, points[:1]])
        peak = float(heat[inside > 0].max())
        found.append(WarmRegion(closed, peak, float(inside.sum()) * across * down))
    found.sort(key=lambda region: -region.peak)
    return tuple(found[:_MOST])


def as_points(points: Iterable[tuple[float, float]], rows: int, columns: int) -> Array:
    """(row, column) as float64 (points, 2) of columns and rows, kept inside the image."""
    pairs = [(min(max(c, 0.0), columns), min(max(r, 0.0), rows)) for r, c in points]
    return np.array(pairs, np.float64).reshape(-1, 2)


def ellipse_points(
    corner: tuple[float, float], opposite: tuple[float, float]
) -> list[tuple[float, float]]:
    """The ends of the longer and then of the shorter axis, as SCOORD and GSPS want an ellipse."""
    (top, bottom), (left, right) = (sorted(pair) for pair in zip(corner, opposite, strict=True))
    row, column = (top + bottom) / 2, (left + right) / 2
    upright = [(top, column), (bottom, column)]
    level = [(row, left), (row, right)]
    return upright + level if bottom - top >= right - left else level + upright
