"""From a source image to a network's input, and back again by the `Geometry` that it leaves.

The same steps in training and at the clinic: find the breast, blank everything else (labels, film
borders and tape name the scanner, not the disease), stretch the breast's own grey range, turn the
chest wall to the left, correct the pixel aspect, shrink by area, apply CLAHE. What a network was
trained with travels in its checkpoint as a `PreprocessingConfig`.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from engine.arrays import BoolArray, FloatArray
from engine.dicom import voi
from engine.domain import MammogramView, Pixels
from engine.errors import UnsupportedImage
from engine.messages import message

T = TypeVar("T", float, FloatArray)
_OUTLINE_HEIGHT = 512  #: rows at which the breast is outlined; finer adds nothing but time
_SMALLEST_SIDE = 32  #: pixels
_FRAME_MARGIN = 0.012  #: of each edge, ignored while outlining: film borders and scanner lines
_BORDER_WHITE = 0.88  #: of the image's brightest; bare film is as white
_BORDER_SHARE = 0.3  #: of a line's length that must be white for it to be part of a border
_BORDER_DEPTH = 0.07  #: of the image's side, at the most
_BORDER_RIM = 3  #: lines of half-tone at its inner edge
_OPENING = 0.035  #: of the shorter side; cuts labels, tape and border strips off the breast
_EVEN_AIR = 2  #: grey levels; air that varies less is a digital detector's or was blanked
_EVEN_AIR_SHARE = 0.15  #: of the image
_SMALLEST_BREAST = 0.03  #: of the image; the smallest breast in the training films fills 0.06
_GREY_RANGE = (0.5, 99.8)  #: percentiles of the breast that become black and white


@dataclass(frozen=True)
class PreprocessingConfig:
    """Everything that shapes a network's input; stored in its checkpoint."""

    height: int = 512
    width: int = 320
    keeps_aspect: bool = True  #: False: the breast's box is stretched over the frame (paper 2)
    clahe_clip: float = 2.0  #: OpenCV clip limit; 0 turns CLAHE off
    clahe_tiles: int = 8  #: tiles along each axis
    margin: float = 0.02  #: of the breast's box, added on each side where the image has room


@dataclass(frozen=True)
class Geometry:
    """Where the network's input came from.

    `region` of the source (row_start, row_stop, column_start, column_stop), mirrored left to right
    if `is_mirrored`, fills `inner` of the network's frame.
    """

    source_shape: tuple[int, int]
    region: tuple[int, int, int, int]
    is_mirrored: bool
    network_shape: tuple[int, int]
    inner: tuple[int, int, int, int]

    def _scales(self) -> tuple[float, float]:
        """Network pixels per source pixel along rows and columns."""
        r0, r1, c0, c1 = self.region
        n0, n1, m0, m1 = self.inner
        return (n1 - n0) / (r1 - r0), (m1 - m0) / (c1 - c0)

    def to_network(self, rows: T, columns: T) -> tuple[T, T]:
        """Source coordinates (pixel edges, floats or arrays) in the network's frame."""
        r0, _, c0, c1 = self.region
        n0, _, m0, _ = self.inner
        by_row, by_column = self._scales()
        across = (c1 - columns) if self.is_mirrored else (columns - c0)
        return n0 + (rows - r0) * by_row, m0 + across * by_column

    def to_source(self, rows: T, columns: T) -> tuple[T, T]:
        """The inverse of `to_network`."""
        r0, _, c0, c1 = self.region
        n0, _, m0, _ = self.inner
        by_row, by_column = self._scales()
        across = (columns - m0) / by_column
        return r0 + (rows - n0) / by_row, (c1 - across) if self.is_mirrored else (c0 + across)

    def heat_to_region(self, heat: np.ndarray) -> np.ndarray:
        """A map on the network's grid (any rows, columns) as float32 over `region`.

        The map may be coarser than the network's frame; it is sampled so that its `inner` part
        covers the region, at the network's resolution, and turned back if it was mirrored.
        """
        height, width = self.network_shape
        full = cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        n0, n1, m0, m1 = self.inner
        part = full[n0:n1, m0:m1]
        return np.ascontiguousarray(part[:, ::-1] if self.is_mirrored else part)


def grey(view: MammogramView, pixels: Pixels) -> np.ndarray:
    """The image as uint8 (rows, columns), as the 8-bit training copies were made; padding black.

    The file's first own VOI where it has one (digital mammograms: their public copies are
    windowed), else its whole range of values, linearly (scanned films, plain images).
    """
    for own in view.vois:
        if not voi.is_step(own, pixels.value_scale):
            return cv2.LUT(pixels.stored, voi.display_table(pixels, own))
    stored = pixels.stored[pixels.stored > 0] if pixels.has_padding else pixels.stored
    low, high = (int(stored.min()), int(stored.max())) if stored.size else (0, 1)
    table = (np.arange(65536, dtype=np.float64) - low) / max(high - low, 1)
    return cv2.LUT(pixels.stored, np.round(np.clip(table, 0, 1) * 255).astype(np.uint8))


def outline_breast(image: np.ndarray, pixel_aspect: float = 1.0) -> np.ndarray:
    """The breast's mask, bool (rows, columns) of about `_OUTLINE_HEIGHT` rows, of a grey image.

    Raises `UnsupportedImage` where there is nothing like a breast: a blank or all-bright image.
    """
    rows, columns = image.shape
    if min(rows, columns) < _SMALLEST_SIDE:
        raise UnsupportedImage(
            message("No breast found"), message("The image is too small to hold one.")
        )
    height = min(rows, _OUTLINE_HEIGHT)
    width = max(8, round(columns * height / (rows * pixel_aspect)))
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (5, 5), 0)
    inside = np.zeros(small.shape, bool)
    edge_rows, edge_columns = (max(1, round(_FRAME_MARGIN * n)) for n in small.shape)
    inside[edge_rows:-edge_rows, edge_columns:-edge_columns] = True
    inside &= ~_film_border(small)

    values = small[inside]
    low, high = np.percentile(values, (1, 99))
    if high - low < 8:
        raise UnsupportedImage(
            message("No breast found"), message("The image is blank; check the file.")
        )
    # Otsu splits film from breast, but in a dense breast it may split the breast itself: cap it.
    otsu, _ = cv2.threshold(values.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    threshold = min(otsu, low + 0.12 * (high - low))
    # Where the air is one even level (a digital detector), dark fat just above it is breast.
    air = int(np.argmax(np.bincount(values[values < low + 0.25 * (high - low)], minlength=1)))
    if np.mean(np.abs(values.astype(np.int16) - air) <= _EVEN_AIR) > _EVEN_AIR_SHARE:
        threshold = min(threshold, air + max(2 * _EVEN_AIR, 0.03 * (high - low)))
    mask = ((small > threshold) & inside).astype(np.uint8)
    side = max(3, round(_OPENING * min(mask.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        raise UnsupportedImage(
            message("No breast found"), message("Nothing in the image stands out; check the file.")
        )
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    if stats[largest, cv2.CC_STAT_AREA] < _SMALLEST_BREAST * mask.size:
        raise UnsupportedImage(
            message("No breast found"), message("What is bright is too small to be a breast.")
        )
    mask = (labels == largest).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, contours, -1, 1, thickness=cv2.FILLED)  # dark fat leaves holes
    mask = cv2.dilate(mask, kernel) > 0  # the opening rounded the skin off
    outline: BoolArray = mask & ~_film_border(small)
    return outline


def _film_border(image: np.ndarray) -> np.ndarray:
    """Where the image's edges are white strips of bare film; bool (rows, columns).

    A strip is cut off whole and straight: the lines, from the edge inwards, that are white over
    much of their length, if that ends within `_BORDER_DEPTH`. White that does not end is muscle.
    """
    white = image >= _BORDER_WHITE * max(int(image.max()), 1)
    border = np.zeros(image.shape, bool)
    for turns in range(4):
        side, found = np.rot90(white, turns), np.rot90(border, turns)  # views: found is written to
        depth = round(_BORDER_DEPTH * len(side))
        share = side[: depth + 1].mean(axis=1)
        strip = np.flatnonzero(share > max(_BORDER_SHARE, share.max() / 2))
        if strip.size and strip[-1] < depth:
            found[: strip[-1] + 1 + _BORDER_RIM] = True
    return border


def chest_wall_is_right(mask: np.ndarray) -> bool:
    """Whether the breast grows out of the image's right edge.

    The breast is tall at the chest wall and tapers to the nipple, so the taller end of its box is
    the chest wall; `mask` is bool (rows, columns).
    """
    columns = np.flatnonzero(mask.any(axis=0))
    first, last = columns[0], columns[-1]
    band = max(1, (last - first + 1) // 6)
    left = mask[:, first : first + band].sum(axis=0).mean()
    right = mask[:, last - band + 1 : last + 1].sum(axis=0).mean()
    return bool(right > left)


def prepare(
    image: np.ndarray, pixel_aspect: float, config: PreprocessingConfig, *, is_blurred: bool = False
) -> tuple[np.ndarray, Geometry]:
    """A grey uint8 (rows, columns) image as float32 (1, height, width) in [0, 1], and its geometry.

    `pixel_aspect` is a pixel's height over its width. The chest wall comes to lie on the left.
    `is_blurred` asks for the control whose breast is blurred to nothing. Raises `UnsupportedImage`
    where no breast is found.
    """
    crop, mask, geometry = crop_breast(image, pixel_aspect, config)
    frame, frame_mask = fill_frame(crop, mask, geometry)
    if is_blurred:
        frame = blurred(frame, frame_mask)
    return finish(frame, config)[None], geometry


def crop_breast(
    image: np.ndarray, pixel_aspect: float, config: PreprocessingConfig
) -> tuple[np.ndarray, np.ndarray, Geometry]:
    """The breast's box cut out of the source, its mask of the same shape, and the geometry."""
    rows, columns = image.shape
    small = outline_breast(image, pixel_aspect)
    region = _region(small, image.shape, config.margin)
    r0, r1, c0, c1 = region
    mask = cv2.resize(small.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
    if config.keeps_aspect:
        tall, wide = (r1 - r0) * pixel_aspect, float(c1 - c0)
        scale = min(config.height / tall, config.width / wide)
        height = min(config.height, max(1, round(tall * scale)))
        width = min(config.width, max(1, round(wide * scale)))
    else:
        height, width = config.height, config.width
    top = (config.height - height) // 2
    geometry = Geometry(
        source_shape=(rows, columns),
        region=region,
        is_mirrored=chest_wall_is_right(small),
        network_shape=(config.height, config.width),
        inner=(top, top + height, 0, width),  # the chest wall always lies on column 0
    )
    return image[r0:r1, c0:c1], mask[r0:r1, c0:c1], geometry


def _region(small: np.ndarray, shape: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """The mask's bounding box on the source grid, grown by the margin."""
    bounds: list[int] = []
    for axis, size in enumerate(shape):
        hit = np.flatnonzero(small.any(axis=1 - axis))
        scale = size / small.shape[axis]
        start, stop = hit[0] * scale, (hit[-1] + 1) * scale
        grow = margin * (stop - start)
        bounds += [max(0, int(start - grow)), min(size, int(np.ceil(stop + grow)))]
    row_start, row_stop, column_start, column_stop = bounds
    return row_start, row_stop, column_start, column_stop


def fill_frame(
    crop: np.ndarray, mask: np.ndarray, geometry: Geometry
) -> tuple[np.ndarray, np.ndarray]:
    """Crop and mask on the network's frame, uint8 (height, width) each; outside the breast 0."""
    low, high = np.percentile(crop[mask > 0], _GREY_RANGE)
    ramp = np.clip((np.arange(256) - low) / max(high - low, 1.0), 0, 1) * 255
    stretched = cv2.LUT(crop, np.round(ramp).astype(np.uint8))
    stretched[mask == 0] = 0
    n0, n1, m0, m1 = geometry.inner
    frame = np.zeros(geometry.network_shape, np.uint8)
    frame_mask = np.zeros(geometry.network_shape, np.uint8)
    size = (m1 - m0, n1 - n0)
    # Area filtering where the image shrinks: anything else loses microcalcifications.
    shrinks = size[0] <= crop.shape[1] and size[1] <= crop.shape[0]
    part = cv2.resize(
        stretched, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    part_mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    if geometry.is_mirrored:
        part, part_mask = part[:, ::-1], part_mask[:, ::-1]
    frame[n0:n1, m0:m1] = part
    frame_mask[n0:n1, m0:m1] = part_mask
    return frame, frame_mask


def blurred(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The frame with the breast blurred to nothing, uint8 (height, width): a control.

    Every pixel of the breast becomes the breast's mean, which is what a blur wider than the breast
    leaves; its outline stays, and all else is black. Whatever a network still tells of such a
    frame, it tells without a lesion.
    """
    inside = mask > 0
    mean = float(frame[inside].mean()) if inside.any() else 0.0
    return np.where(inside, np.uint8(max(1, round(mean))), np.uint8(0))  # 0 would be no breast


def finish(frame: np.ndarray, config: PreprocessingConfig) -> np.ndarray:
    """CLAHE and scaling: uint8 (height, width) becomes float32 in [0, 1]."""
    if config.clahe_clip > 0:
        tiles = (config.clahe_tiles, config.clahe_tiles)
        blank = frame == 0
        frame = cv2.createCLAHE(config.clahe_clip, tiles).apply(frame)
        frame[blank] = 0  # CLAHE lifts black tiles
    return frame.astype(np.float32) / 255
