"""Lengths, angles, areas and grey values on one image, each with the origin of its spacing.

Pure arithmetic, no widgets. Points are (row, column) in continuous source coordinates: pixel (r, c)
covers r..r+1, c..c+1. A length in mm is as good as its spacing, so no number leaves this module
without the text that says where that comes from; without a spacing lengths are in pixels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.domain import MammogramView, Pixels, PixelSpacing, SpacingSource
from viewer.shared.languages import mark, tr

Point = tuple[float, float]
PIXELS_ONLY = mark("pixels only")
NO_MILLIMETRES = mark("no mm: pixels only")
NO_PIXELS = mark("no pixels")
_MEAN, _SD = "mean ", mark(" SD")


def origin_text(spacing: PixelSpacing | None) -> str:
    """'calibrated', 'at detector', 'estimated with magnification 1.8', … or 'pixels only'."""
    if spacing is None:
        return PIXELS_ONLY
    factor = f" {spacing.magnification:.3g}" if spacing.magnification else ""
    return f"{spacing.source.value}{factor}"


def spacing_text(spacing: PixelSpacing | None) -> str:
    """'0.07 mm, at detector'; the origin always stands beside the number."""
    if spacing is None:
        return NO_MILLIMETRES
    size = f"{spacing.row_mm:.3g}"
    if not math.isclose(spacing.row_mm, spacing.column_mm, rel_tol=1e-3):
        size += f" × {spacing.column_mm:.3g}"
    return f"{size} mm, {origin_text(spacing)}"


@dataclass(frozen=True)
class PixelSize:
    """What a step of one row and of one column is, in `unit`."""

    row: float
    column: float
    unit: str  #: "mm"; "px" are pixel widths, so that oblong pixels measure truly too
    origin: str

    @classmethod
    def of(cls, view: MammogramView) -> "PixelSize":
        spacing = view.pixel_spacing
        if spacing is not None:
            return cls(spacing.row_mm, spacing.column_mm, "mm", origin_text(spacing))
        return cls(view.pixel_aspect, 1.0, "px", PIXELS_ONLY)

    def vector(self, start: Point, stop: Point) -> tuple[float, float]:
        """(down, across)."""
        return (stop[0] - start[0]) * self.row, (stop[1] - start[1]) * self.column


def length(size: PixelSize, start: Point, stop: Point) -> float:
    """In `size.unit`."""
    return math.hypot(*size.vector(start, stop))


def angle(size: PixelSize, end: Point, vertex: Point, other: Point) -> float:
    """Between the two arms, 0 … 180 degrees; 0 where an arm has no length."""
    one, two = size.vector(vertex, end), size.vector(vertex, other)
    cross = one[0] * two[1] - one[1] * two[0]
    return abs(math.degrees(math.atan2(cross, one[0] * two[0] + one[1] * two[1])))


@dataclass(frozen=True)
class EllipseValues:
    """Of the pixels whose centres lie in an ellipse; padding and what is outside do not count."""

    count: int
    mean: float  #: in modality values, as all below; nan where no pixel counts
    deviation: float  #: of the sample: divided by count - 1, 0 of a single pixel
    least: float
    most: float


def area(size: PixelSize, corner: Point, opposite: Point) -> float:
    """Of the ellipse in that box, in `size.unit` squared."""
    down, across = size.vector(corner, opposite)
    return math.pi / 4 * abs(down * across)


def ellipse_values(pixels: Pixels, corner: Point, opposite: Point) -> EllipseValues:
    """Grey values in the ellipse that touches the sides of a box along rows and columns."""
    (top, bottom), (left, right) = (sorted(pair) for pair in zip(corner, opposite, strict=True))
    rows, columns = pixels.shape
    row = np.arange(max(0, math.floor(top)), min(rows, math.ceil(bottom)))
    column = np.arange(max(0, math.floor(left)), min(columns, math.ceil(right)))
    nothing = EllipseValues(0, math.nan, math.nan, math.nan, math.nan)
    if not len(row) or not len(column) or top == bottom or left == right:
        return nothing
    down = (2 * (row + 0.5) - top - bottom) / (bottom - top)
    across = (2 * (column + 0.5) - left - right) / (right - left)
    inside = down[:, None] ** 2 + across[None] ** 2 <= 1
    stored = pixels.stored[row[0] : row[-1] + 1, column[0] : column[-1] + 1][inside]
    if pixels.has_padding:
        stored = stored[stored > 0]
    if not len(stored):
        return nothing
    ends = sorted(value_of(pixels, end) for end in (int(stored.min()), int(stored.max())))
    deviation = stored.std(ddof=1, dtype=np.float64) if len(stored) > 1 else 0.0
    return EllipseValues(
        len(stored),
        value_of(pixels, stored.mean(dtype=np.float64)),
        float(deviation) * abs(pixels.value_scale),
        *ends,
    )


def value_of(pixels: Pixels, stored: float) -> float:
    """The modality value."""
    return float(pixels.value_offset + pixels.value_scale * stored)


def value_at(pixels: Pixels, row: float, column: float) -> float | None:
    """The modality value of the pixel at a source point; None outside and in padding."""
    if not (0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]):
        return None
    stored = int(pixels.stored[int(row), int(column)])
    return None if pixels.has_padding and stored == 0 else value_of(pixels, stored)


# ----------------------------------------------------------------------------------------- as text


def format_for_screen(text: str) -> str:
    """Texts of this module in the reader's language; with a drawing they are stored in English."""
    return "\n".join(map(_format_line, text.split("\n")))


def _format_line(line: str) -> str:
    number, comma, origin = line.partition(", ")
    if comma:
        return f"{number}, {_format_origin(origin)}"
    if line.startswith(_MEAN):
        return tr("mean {value}").format(value=line.removeprefix(_MEAN).replace(_SD, tr(_SD)))
    return tr(line) if line else ""


def _format_origin(origin: str) -> str:
    source, _, factor = origin.rpartition(" ")
    if source == SpacingSource.MAGNIFICATION.value:
        return tr("estimated with magnification {factor}").format(factor=factor)
    return tr(origin)


def length_text(size: PixelSize, points: Sequence[Point]) -> str:
    """'12.3 mm, at detector'."""
    return f"{_number(length(size, *points), size.unit)}, {size.origin}"


def angle_text(size: PixelSize, points: Sequence[Point]) -> str:
    """'34.5°, at detector': the origin matters where pixels are oblong."""
    return f"{angle(size, *points):.1f}°, {size.origin}"


def ellipse_text(size: PixelSize, points: Sequence[Point], values: EllipseValues | None) -> str:
    """Two lines: 'mean 1,204 ± 31 SD' and '54.2 mm², calibrated'; `values` None: not yet."""
    grey = f"{_MEAN}…"
    if values is not None:
        grey = NO_PIXELS
        if values.count:
            grey = f"{_MEAN}{value_text(values.mean)} ± {value_text(values.deviation)}{_SD}"
    unit = f"{size.unit}²"
    return f"{grey}\n{_number(area(size, *points), unit)}, {size.origin}"


def region_text(size: PixelSize, points: Sequence[Point]) -> str:
    """'20.0 × 18.5 mm, at detector': across by down."""
    down, across = size.vector(*points)
    number = _number(abs(across), size.unit).split(" ")[0]
    return f"{number} × {_number(abs(down), size.unit)}, {size.origin}"


def value_text(value: float) -> str:
    """'1,204', or '0.482' where values are small."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _number(value: float, unit: str) -> str:
    digits = 0 if unit.startswith("px") and value >= 10 else 1
    return f"{value:,.{digits}f} {unit}"
