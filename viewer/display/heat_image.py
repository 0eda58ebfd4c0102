"""A heat-map as colours on the screen."""

import cv2
import numpy as np
from PySide6.QtGui import QImage

from engine.arrays import Array
from engine.domain import Explanation
from viewer.display.placement import Placement

# matplotlib's "plasma" (CC0) at 0, 1/16 … 1: even steps to the eye and to colour-blind eyes, and
# no grey in it, so that it is told from tissue at every value.
_PLASMA = (
    (13, 8, 135), (49, 5, 151), (76, 2, 161), (102, 0, 167), (126, 3, 168), (149, 17, 161),
    (170, 35, 149), (188, 53, 135), (204, 71, 120), (218, 90, 106), (230, 108, 92),
    (240, 128, 78), (248, 149, 64), (253, 172, 51), (253, 197, 39), (248, 223, 37),
    (240, 249, 33),
)  # fmt: skip
HEAT_FLOOR = 0.1  #: less attention than this is not painted, so that a quiet breast looks quiet
_HEAT_ALPHA = 0.85  #: of full attention; tissue stays visible under it


def heat_colours() -> Array:
    """Colours of heat 0 … 1: uint8 (256, 4), premultiplied blue, green, red, alpha as in Qt."""
    heat = np.linspace(0, 1, 256)
    anchors = np.array(_PLASMA, float)
    at = np.linspace(0, 1, len(anchors))
    alpha = _HEAT_ALPHA * np.clip((heat - HEAT_FLOOR) / (1 - HEAT_FLOOR), 0, 1) ** 0.6
    channels = [np.interp(heat, at, anchors[:, channel]) * alpha for channel in (2, 1, 0)]
    return np.stack([*channels, 255 * alpha], axis=1).round().astype(np.uint8)


_HEAT_TABLE = heat_colours().view(np.uint32).ravel()


def heat_image(
    explanation: Explanation, placement: Placement, canvas_width: int, canvas_height: int
) -> tuple[QImage, int, int] | None:
    """The visible part of a heat-map in colour and its corner on the canvas, in device pixels.

    The map's outer cells end at its region's edges and are interpolated linearly between their
    centres, which adds no peak that the network did not give.
    """
    row0, row1, column0, column1 = explanation.region
    corners = [placement.to_canvas(row0, column0), placement.to_canvas(row1, column1)]
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
    x0, x1 = max(0, round(left)), min(canvas_width, round(right))
    y0, y1 = max(0, round(top)), min(canvas_height, round(bottom))
    if x0 >= x1 or y0 >= y1:
        return None

    cells_down, cells_across = explanation.heat.shape
    # The cells under the first pixel and its two neighbours make the map, however it is turned.
    x, y = x0 + 0.5 + np.array([1, 0, 0]), y0 + 0.5 + np.array([0, 1, 0])
    row, column = placement.to_source(x, y)
    cell = np.array(
        [
            (column - column0) * cells_across / (column1 - column0) - 0.5,
            (row - row0) * cells_down / (row1 - row0) - 0.5,
        ]
    )
    to_cells = np.stack([cell[:, 0] - cell[:, 2], cell[:, 1] - cell[:, 2], cell[:, 2]], axis=1)
    heat = cv2.warpAffine(
        np.clip(explanation.heat, 0, 1).astype(np.float32),
        to_cells,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    colours = _HEAT_TABLE[(heat * 255).astype(np.uint8)]
    rows, columns = colours.shape
    image = QImage(
        colours.data, columns, rows, 4 * columns, QImage.Format.Format_ARGB32_Premultiplied
    )
    return image.copy(), x0, y0
