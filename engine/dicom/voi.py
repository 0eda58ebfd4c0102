"""Grey-value maths: from modality values to what the screen shows, DICOM PS3.3 C.11.2.1."""

from dataclasses import replace

import cv2
import numpy as np

from engine.arrays import FloatArray
from engine.domain import MammogramView, Pixels, Voi, VoiFunction, VoiLut, VoiWindow
from engine.messages import message

_SAMPLES = 1_000_000  # pixels looked at for an automatic window
_WIDEST = 16  # automatic windows, that a file's own may span and still show a breast


def presets(
    view: MammogramView, pixels: Pixels, automatic: VoiWindow | None = None
) -> tuple[Voi, ...]:
    """What the reader may choose from, the default first: the file's own, then the automatic.

    A window of the file that is but a step comes last of all.
    """
    steps = [own for own in view.vois if is_step(own, pixels.value_scale)]
    own = [own for own in view.vois if own not in steps]
    return (*own, automatic or automatic_window(pixels), *steps)


def is_step(voi: Voi, value_scale: float) -> bool:
    """Whether a window lies between two neighbouring values: all it shows is black and white."""
    if isinstance(voi, VoiLut):
        return False
    inside = voi.width - 1 if voi.function is VoiFunction.LINEAR else voi.width
    return inside <= abs(value_scale)


def linear_fallback(view: MammogramView, automatic: VoiWindow) -> VoiWindow:
    """A straight line, for a file whose tables or curves cannot be trusted.

    The first of the file's own windows, without its curve, if it fits the breast; else the
    automatic one.
    """
    for own in view.vois:
        if isinstance(own, VoiWindow) and _fits(own, automatic):
            is_curve = own.function is VoiFunction.SIGMOID
            return replace(own, function=VoiFunction.LINEAR_EXACT) if is_curve else own
    return automatic


def _fits(window: VoiWindow, automatic: VoiWindow) -> bool:
    """Whether most of the breast's values lie in a window, and are not lost in it."""
    low = max(window.center - window.width / 2, automatic.center - automatic.width / 2)
    high = min(window.center + window.width / 2, automatic.center + automatic.width / 2)
    return high - low > automatic.width / 2 and window.width < _WIDEST * automatic.width


def automatic_window(pixels: Pixels) -> VoiWindow:
    """A window over the breast's own values: padding, air and the brightest labels aside.

    LINEAR_EXACT, so that it also fits values that are fractions.
    """
    rows, columns = pixels.shape
    step = max(1, int(np.sqrt(rows * columns / _SAMPLES)))
    sample = np.ascontiguousarray(pixels.stored[::step, ::step])
    # Unlike np.bincount, on a thread of its own this holds up no other.
    counts = cv2.calcHist([sample], [0], None, [65536], [0, 65536]).ravel().astype(np.int64)
    if pixels.has_padding:
        counts[0] = 0
    low, high = _breast_range(counts)
    ends = sorted(pixels.value_offset + pixels.value_scale * level for level in (low, high))
    width = max(ends[1] - ends[0], abs(pixels.value_scale))
    return VoiWindow((ends[0] + ends[1]) / 2, width, VoiFunction.LINEAR_EXACT, message("automatic"))


def display_table(pixels: Pixels, voi: Voi, invert: bool = False) -> np.ndarray:
    """uint8 (65536,): the grey level for each value of `Pixels.stored`; padding stays black."""
    values = pixels.value_offset + pixels.value_scale * np.arange(65536)
    fraction = _through_lut(values, voi) if isinstance(voi, VoiLut) else _through(values, voi)
    if pixels.is_inverted != invert:
        fraction = 1 - fraction
    table = np.floor(fraction * 255 + 0.5).astype(np.uint8)
    if pixels.has_padding:
        table[0] = 0
    return table


def as_window(voi: Voi) -> VoiWindow:
    """`voi` itself, or the linear window nearest to a table: through its 10 % and 90 % points."""
    if isinstance(voi, VoiWindow):
        return voi
    output = voi.table / (2**voi.bits - 1)
    middle = np.flatnonzero((output >= 0.1) & (output <= 0.9))
    if len(middle) < 2 or output[middle[0]] >= output[middle[-1]]:
        first, last = 0, len(output) - 1
        rise = 1.0
    else:
        first, last = middle[0], middle[-1]
        rise = output[last] - output[first]
    width = max(float(last - first) / rise, 1.0)
    # The value that comes out half bright, were the two points joined by a line.
    half = (0.5 - output[first]) * width if rise < 1 else width / 2
    return VoiWindow(voi.first_value + first + half, width, VoiFunction.LINEAR_EXACT, voi.name)


def _through(values: np.ndarray, window: VoiWindow) -> np.ndarray:
    """C.11.2.1.2.1 LINEAR, C.11.2.1.3.2 LINEAR_EXACT, C.11.2.1.3.1 SIGMOID; to [0, 1]."""
    center, width = window.center, window.width
    if window.function is VoiFunction.SIGMOID:
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if window.function is VoiFunction.LINEAR:
        center, width = center - 0.5, width - 1
    if width <= 0:  # a width of 1: a step, all above the center white
        return (values > center).astype(float)
    return np.clip((values - center) / width + 0.5, 0, 1)


def _through_lut(values: np.ndarray, lut: VoiLut) -> np.ndarray:
    index = np.floor(values - lut.first_value + 1e-6)
    table = lut.table.astype(float) / (2**lut.bits - 1)
    fraction: FloatArray = table[np.clip(index, 0, len(table) - 1).astype(int)]
    return fraction


def _breast_range(counts: np.ndarray) -> tuple[int, int]:
    """Darkest and brightest stored value of the breast in a histogram (65536,)."""
    total = counts.sum()
    if total == 0:
        return 0, 65535
    cumulated = np.cumsum(counts)
    floor = int(np.searchsorted(cumulated, 0.001 * total, "right"))
    ceiling = int(np.searchsorted(cumulated, 0.999 * total))
    if ceiling <= floor:
        return floor, floor
    air = _otsu(counts, floor, ceiling)
    breast = counts.copy()
    breast[: air + 1] = 0
    cumulated = np.cumsum(breast)
    if cumulated[-1] == 0:
        return floor, ceiling
    high = int(np.searchsorted(cumulated, 0.998 * cumulated[-1]))
    # Skin and fat fade into air: half of the dark part belongs to the breast's edge.
    air_level = int(np.searchsorted(np.cumsum(counts[: air + 1]), counts[: air + 1].sum() / 2))
    low = (air_level + air) // 2
    return (low, high) if high > low else (floor, ceiling)


def _otsu(counts: np.ndarray, floor: int, ceiling: int) -> int:
    """The level that parts air from breast, N. Otsu, IEEE Trans. SMC 9 (1979) 62."""
    levels = np.arange(floor, ceiling + 1, dtype=float)
    weights = counts[floor : ceiling + 1].astype(float)
    below = np.cumsum(weights)
    mass = np.cumsum(weights * levels)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (mass / below - (mass[-1] - mass) / above) ** 2
    return floor + int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))
