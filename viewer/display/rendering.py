"""From stored grey values to what lights up on the screen: pure functions over arrays, no widgets.

A view is prepared once, off the GUI thread (`prepare`: a pyramid, the breast's box, the window
presets), then drawn in two steps. `sample` cuts and scales the visible part, still in 16 bits, and
is repeated only when the view is zoomed, moved or resized; `develop` sends the sample through the
window's table and is all that a window drag costs. Where a view was only moved, `moved_picture`
makes both of the strips alone that came into sight.

No bright dot is lost by scaling. Averaging over areas keeps a dot's energy but spreads it: a pixel
120 grey levels above its surroundings is 5 levels at a fifth of the size, and 0.6 at a fourteenth,
where a film hangs in a small pane. Below half size a second image, the maximum over each area, is
therefore mixed in after windowing with the weight `PEAK_WEIGHT`, so that a dot of any size keeps
at least that share of its contrast at every zoom; above half size, where nothing is mixed in, a
pixel keeps a sixteenth even if it is cut in four. The price is small and one-sided: noise lifts
the grey of a shrunk view by about `PEAK_WEIGHT` times two or three of its standard deviations.

Above 1:1 the view is interpolated linearly: nearest-neighbour draws steps where there are none
and pixels of unequal size, cubic draws rims around bright dots. At 1:1 stored pixels are shown.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import cv2
import numpy as np
from PySide6.QtGui import QImage

from engine.arrays import Array
from engine.dicom import voi
from engine.domain import Laterality, MammogramView, Pixels, Voi, VoiWindow
from viewer.display.breast_box import OUTLINE_SIZE, BreastBox, find_breast
from viewer.display.placement import Placement, moved
from viewer.display.shutter import EVERYWHERE, Surroundings, survey

P = ParamSpec("P")
T = TypeVar("T")

PEAK_WEIGHT = 0.125  #: 32 grey levels of contrast stay 4, the least that is seen (research notes)
_SMALLEST_LEVEL = 256  #: the pyramid ends when its longer side is no longer than this
_AHEAD = 64  #: device pixels around the canvas, that a picture which is moved has ready
_ANCHORS = 32  #: candidates for a crop edge, see `_anchor`


@dataclass(frozen=True, eq=False)
class DisplayPixels:
    """A view's grey values, ready to be drawn at any scale."""

    pixels: Pixels
    means: tuple[Array, ...] = field(repr=False)  #: level n: over 2**n x 2**n stored pixels
    peaks: tuple[Array, ...] = field(repr=False)  #: the same, brightest; level 0 is `stored`
    breast: BreastBox
    presets: tuple[Voi, ...]  #: never empty
    linear: VoiWindow  #: what to fall back on where the file's own curve is broken
    surroundings: Surroundings = EVERYWHERE


def _nothing() -> DisplayPixels:
    stored = np.zeros((1, 1), np.uint16)
    stored.setflags(write=False)
    window = VoiWindow(0, 1)
    pixels = Pixels(stored, has_padding=True)
    return DisplayPixels(
        pixels, (stored,), (stored,), BreastBox(0, 1, 0, 1, None), (window,), window
    )


#: What stands for a view's pixels while there are none: one of padding, black in every window.
NOTHING = _nothing()


@dataclass(frozen=True, eq=False)
class Sample:
    """The visible part of a view at its scale, still uint16."""

    placement: Placement
    x: int  #: its upper left corner on the canvas
    y: int
    mean: Array = field(repr=False)
    peak: Array | None = field(repr=False)  #: None where no dot can be lost


@dataclass(frozen=True, eq=False)
class Picture:
    """The visible part of a view as it lights up, and perhaps some of what lies around."""

    placement: Placement
    x: int  #: its upper left corner, seen from the canvas's
    y: int
    grey: Array = field(repr=False)  #: uint8 (rows, columns), device pixels

    def seen(self, width: int, height: int) -> tuple[Array, int, int]:
        """What of it shows on a canvas of that size, and its corner there."""
        x, y = max(0, self.x), max(0, self.y)
        return self.grey[y - self.y : height - self.y, x - self.x : width - self.x], x, y


# ------------------------------------------------------------------------------------ preparation


def prepare(view: MammogramView, pixels: Pixels, threads: int = 1) -> DisplayPixels:
    """Everything that is needed to draw; some 20 ms for 13.6 Mpx, meant for a worker thread.

    `threads`: a second one, while nothing else is decoded, halves that.
    """
    has_padding = pixels.has_padding
    with ThreadPoolExecutor(1) if threads > 1 else _Here() as beside:
        peaks = None if has_padding else beside.submit(_peaks, pixels.stored)
        means = _means(pixels.stored, has_padding)
        if peaks is None:
            peaks = beside.submit(_peaks, pixels.stored, means)
        small = next(level for level in means if max(level.shape) <= 2 * OUTLINE_SIZE)
        surroundings = beside.submit(survey, small, view.pixel_aspect, has_padding)
        automatic = voi.automatic_window(pixels)
        return DisplayPixels(
            pixels,
            tuple(means),
            tuple(peaks.result()),
            find_breast(small, pixels.shape),
            voi.presets(view, pixels, automatic),
            voi.linear_fallback(view, automatic),
            surroundings.result(),
        )


class _Here(Executor):
    """Does at once, on the caller's thread, what it is given."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _means(stored: Array, has_padding: bool) -> list[Array]:
    """The pyramid; an odd edge is repeated. Padding (0) is never averaged in."""
    levels = [stored]
    while max(levels[-1].shape) > _SMALLEST_LEVEL:
        array = _even(levels[-1])
        size = (array.shape[1] // 2, array.shape[0] // 2)

        def shrink(array: Array, size: tuple[int, int] = size) -> Array:
            return cv2.resize(array, size, interpolation=cv2.INTER_AREA)

        levels.append(_without_padding(array, shrink) if has_padding else shrink(array))
    return levels


def _peaks(stored: Array, means: Sequence[Array] = ()) -> list[Array]:
    """The same of the brightest; where `means` are given, 0 where these are padding."""
    levels = [stored]
    while max(levels[-1].shape) > _SMALLEST_LEVEL:
        array = _even(levels[-1])
        brighter = np.maximum(array[0::2], array[1::2])
        half = np.maximum(brighter[:, 0::2], brighter[:, 1::2])
        if means:
            half[means[len(levels)] == 0] = 0
        levels.append(half)
    return levels


def _even(array: Array) -> Array:
    odd = (0, array.shape[0] % 2, 0, array.shape[1] % 2)
    return cv2.copyMakeBorder(array, *odd, cv2.BORDER_REPLICATE) if any(odd) else array


def _without_padding(array: Array, resample: Callable[[Array], Array]) -> Array:
    """`resample(array)` in which padding neither darkens its neighbours nor is lightened by them.

    Else inverting the display would draw a bright line around the padding.
    """
    result = resample(array)
    share = resample((array > 0).astype(np.uint8) * 252)  # divisible by 4: exact for 2 x 2
    border = (share > 0) & (share < 252)
    whole = result[border] * (252.0 / share[border])
    result[border] = np.where(share[border] >= 126, np.clip(whole, 1, 65535), 0)
    return result


# ---------------------------------------------------------------------------------------- drawing


def sample(
    display: DisplayPixels, placement: Placement, canvas_width: int, canvas_height: int
) -> Sample | None:
    """The part of a view that shows on a canvas of that many device pixels; None if none does."""
    shown = _in_sight(placement, canvas_width, canvas_height)
    return None if shown is None else _sampled(display, placement, shown)


def moved_picture(
    before: Picture,
    display: DisplayPixels,
    placement: Placement,
    canvas: tuple[int, int],
    draw: Callable[[Sample], Array],
) -> Picture | None:
    """A picture of the same view that has only been moved since, on a canvas of `canvas` = (width,
    height): what still shows is kept, and `draw` makes the strips that come into sight, ahead of
    the next steps. None where nothing is left of it, or more than its place has changed.
    """
    shown = _in_sight(placement, *canvas)
    if shown is None or moved(before.placement, placement.left, placement.top) != placement:
        return None
    top, left = before.y - before.placement.top, before.x - before.placement.left
    rows, columns = before.grey.shape
    there = _Area(top, top + rows, left, left + columns)
    if shown.within(there) == shown:
        return Picture(placement, left + placement.left, top + placement.top, before.grey)
    wanted = _in_sight(placement, *canvas, _AHEAD)
    kept = wanted and wanted.within(there)
    if wanted is None or kept is None:
        return None
    grey = np.empty((wanted.bottom - wanted.top, wanted.right - wanted.left), np.uint8)
    grey[kept.seen_from(wanted.top, wanted.left)] = before.grey[kept.seen_from(top, left)]
    for strip in wanted.without(kept):
        drawn = draw(_sampled(display, placement, strip))
        grey[strip.seen_from(wanted.top, wanted.left)] = drawn
    return Picture(placement, wanted.left + placement.left, wanted.top + placement.top, grey)


@dataclass(frozen=True)
class _Area:
    """Part of a scaled view: device pixels from the view's upper left corner as displayed."""

    top: int
    bottom: int
    left: int
    right: int

    def seen_from(self, top: int, left: int) -> tuple[slice, slice]:
        """As indices into an array that begins there."""
        return slice(self.top - top, self.bottom - top), slice(self.left - left, self.right - left)

    def within(self, other: "_Area") -> "_Area | None":
        """What lies in both; None if nothing does."""
        both = _Area(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )
        return both if both.top < both.bottom and both.left < both.right else None

    def without(self, kept: "_Area") -> list["_Area"]:
        """The strips above, below, left and right of `kept`, that lies inside."""
        strips = (
            _Area(self.top, kept.top, self.left, self.right),
            _Area(kept.bottom, self.bottom, self.left, self.right),
            _Area(kept.top, kept.bottom, self.left, kept.left),
            _Area(kept.top, kept.bottom, kept.right, self.right),
        )
        return [strip for strip in strips if strip.top < strip.bottom and strip.left < strip.right]


def _in_sight(placement: Placement, width: int, height: int, ahead: int = 0) -> _Area | None:
    """Of a scaled view on a canvas of that size, and so far around it; None if none of it is."""
    left, top = placement.left, placement.top
    canvas = _Area(-top - ahead, height - top + ahead, -left - ahead, width - left + ahead)
    return _Area(0, placement.height, 0, placement.width).within(canvas)


def _sampled(display: DisplayPixels, placement: Placement, area: _Area) -> Sample:
    x, y = area.left + placement.left, area.top + placement.top
    return Sample(placement, x, y, *_sample_area(display, placement, area))


def _sample_area(
    display: DisplayPixels, placement: Placement, area: _Area
) -> tuple[Array, Array | None]:
    """(mean, peak) of part of a view."""
    down, across = (area.top, area.bottom), (area.left, area.right)
    if placement.is_mirrored:
        across = (placement.width - across[1], placement.width - across[0])
    if placement.is_flipped:
        down = (placement.height - down[1], placement.height - down[0])
    if placement.is_transposed:
        down, across = across, down
    scale_x, scale_y = placement.scale_x, placement.scale_y
    has_padding = display.pixels.has_padding
    peak = None
    if scale_x == scale_y == 1:
        mean = display.pixels.stored[slice(*down), slice(*across)]
    elif min(scale_x, scale_y) >= 1:
        mean = _enlarge(display.pixels.stored, down, across, scale_y, scale_x, has_padding)
    else:
        level = max(0, math.floor(-math.log2(max(scale_x, scale_y)) + 1e-9))
        level = min(level, len(display.means) - 1)
        residual = scale_y * 2**level, scale_x * 2**level
        row = _Span.around(*down, residual[0])
        column = _Span.around(*across, residual[1])
        mean = _shrink(display.means[level], row, column, has_padding)
        if level:
            peak = _shrink_to_peaks(display.peaks[level], row, column, residual)
            if has_padding:
                peak = np.where(mean == 0, 0, peak)
    return turned(mean, placement), None if peak is None else turned(peak, placement)


def turned(array: Array, placement: Placement) -> Array:
    """(rows, columns) of the source as they lie on the screen."""
    if placement.is_transposed:
        array = cv2.transpose(array)
    if placement.is_mirrored:
        array = cv2.flip(array, 1)
    return cv2.flip(array, 0) if placement.is_flipped else array


def develop(sampled: Sample, table: Array) -> Array:
    """The sample as uint8 under a window's table (uint8 (65536,)); see the module for the mix."""
    grey = cv2.LUT(np.ascontiguousarray(sampled.mean), table)
    if sampled.peak is None:
        return grey
    peak = cv2.LUT(np.ascontiguousarray(sampled.peak), table)
    return cv2.addWeighted(grey, 1 - PEAK_WEIGHT, peak, PEAK_WEIGHT, 0)


def covered(light: Array, sampled: Sample) -> Array:
    """Where the shutter lies over a sample: bool, of its shape. `light` covers the whole image."""
    placement, (rows, columns) = sampled.placement, sampled.mean.shape
    down, across = light.shape
    x, y = sampled.x + 0.5 + np.array([1, 0, 0]), sampled.y + 0.5 + np.array([0, 1, 0])
    row, column = placement.to_source(x, y)
    cell = np.array([column * across / placement.columns, row * down / placement.rows]) - 0.5
    to_cells = np.stack([cell[:, 0] - cell[:, 2], cell[:, 1] - cell[:, 2], cell[:, 2]], axis=1)
    part = cv2.warpAffine(
        light.astype(np.uint8) * 255,
        to_cells,
        (columns, rows),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(part > 127)


@dataclass(frozen=True)
class _Span:
    """Along one axis: source indices start..stop are scaled onto `size` pixels, to keep a part.

    A crop can only begin and end between source pixels, so it is widened to where a scaled pixel
    begins there too (within 1/32 pixel, nearly always): else panning would make the view shimmer.
    `stop` may lie beyond the source's end.
    """

    start: int
    stop: int
    size: int
    keep: slice

    @classmethod
    def around(cls, start: int, stop: int, scale: float) -> "_Span":
        """The span for the scaled pixels start..stop."""
        wide_start, first = _anchor(start, -1, scale)
        wide_stop, last = _anchor(stop, +1, scale)
        keep = slice(start - wide_start, stop - wide_start)
        return cls(first, max(first + 1, last), wide_stop - wide_start, keep)


def _anchor(edge: int, step: int, scale: float) -> tuple[int, int]:
    """The scaled pixel edge, up to `_ANCHORS` beyond `edge`, that is nearest to a source pixel's.

    Returns both edges.
    """
    scaled = edge + step * np.arange(_ANCHORS)
    source = scaled[scaled >= 0] / scale
    off = np.round(np.abs(source - np.round(source)), 3)
    best = int(np.argmin(off))
    return int(scaled[best]), round(source[best])


def _crop(level: Array, row: _Span, column: _Span) -> Array:
    below, right = max(0, row.stop - level.shape[0]), max(0, column.stop - level.shape[1])
    crop = level[row.start : row.stop, column.start : column.stop]
    if below or right:
        crop = cv2.copyMakeBorder(crop, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return crop


def _shrink(level: Array, row: _Span, column: _Span, has_padding: bool) -> Array:
    crop = _crop(level, row, column)

    def resample(array: Array) -> Array:
        # Where pixels are not square one axis may grow: never in INTER_AREA, which loses dots then.
        smaller = (min(column.size, array.shape[1]), min(row.size, array.shape[0]))
        array = cv2.resize(array, smaller, interpolation=cv2.INTER_AREA)
        return cv2.resize(array, (column.size, row.size), interpolation=cv2.INTER_LINEAR)

    result = _without_padding(crop, resample) if has_padding else resample(crop)
    return result[row.keep, column.keep]


def _shrink_to_peaks(level: Array, row: _Span, column: _Span, scales: tuple[float, float]) -> Array:
    """Like `_shrink`, but every source pixel is part of some result's maximum."""
    crop = _crop(level, row, column)
    reach = [max(1, math.ceil(1 / scale - 1e-6)) for scale in scales]
    if max(reach) > 1:
        # Nearest-neighbour steps by at most `reach`, and each takes the maximum over as many.
        crop = cv2.dilate(crop, np.ones(reach, np.uint8), anchor=(0, 0))
        crop = cv2.resize(crop, (column.size, row.size), interpolation=cv2.INTER_NEAREST)
    return crop[row.keep, column.keep]


def _enlarge(
    stored: Array,
    down: Sequence[int],
    across: Sequence[int],
    scale_y: float,
    scale_x: float,
    has_padding: bool,
) -> Array:
    margin = 2
    first_row = max(0, math.floor(down[0] / scale_y) - margin)
    first_column = max(0, math.floor(across[0] / scale_x) - margin)
    crop = stored[
        first_row : math.ceil(down[1] / scale_y) + margin,
        first_column : math.ceil(across[1] / scale_x) + margin,
    ]
    # Scaled pixel centres, seen from the crop's first pixel centre.
    to_crop = np.array(
        [
            [1 / scale_x, 0, (across[0] + 0.5) / scale_x - 0.5 - first_column],
            [0, 1 / scale_y, (down[0] + 0.5) / scale_y - 0.5 - first_row],
        ]
    )

    def resample(array: Array) -> Array:
        return cv2.warpAffine(
            array,
            to_crop,
            (across[1] - across[0], down[1] - down[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    return _without_padding(crop, resample) if has_padding else resample(crop)


def to_image(grey: Array) -> QImage:
    """A uint8 (rows, columns) array as a QImage that owns its pixels."""
    grey = np.ascontiguousarray(grey)
    rows, columns = grey.shape
    return QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()


def to_colour(grey: Array) -> QImage:
    """The same as the screen has its pixels; it holds them as long as it is kept.

    Qt draws such an image by itself, scaled too. Of any other it makes such pixels first, on
    threads of its own, and the window would wait for these.
    """
    rows, columns = grey.shape
    pixels = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGRA)
    return QImage(pixels.data, columns, rows, 4 * columns, QImage.Format.Format_RGB32)


def thumbnail(
    display: DisplayPixels,
    height: int,
    laterality: Laterality | None = None,
    pixel_aspect: float = 1.0,
) -> QImage:
    """The breast, `height` pixels tall, its chest wall where its side hangs; for any thread."""
    box = display.breast
    tall = box.row_stop - box.row_start
    level = min(max(0, int(math.log2(tall / (2 * height)))), len(display.means) - 1) if tall else 0
    edges = (box.row_start, box.row_stop, box.column_start, box.column_stop)
    top, bottom, left, right = (edge >> level for edge in edges)
    crop = display.means[level][top : max(bottom, top + 1), left : max(right, left + 1)]
    width = max(1, round(crop.shape[1] / (crop.shape[0] * pixel_aspect) * height))

    def resample(array: Array) -> Array:
        return cv2.resize(array, (width, height), interpolation=cv2.INTER_AREA)

    has_padding = display.pixels.has_padding
    small = _without_padding(crop, resample) if has_padding else resample(crop)
    grey = cv2.LUT(small, voi.display_table(display.pixels, display.presets[0]))
    return to_image(cv2.flip(grey, 1) if box.must_mirror(laterality) else grey)
