"""The tiles that show a breast at 1:1, so that every pixel of it has been on the screen.

Pure arithmetic. On a screen that holds a quarter of the breast these are its four quadrants; on a
smaller one there are more tiles, never smaller pixels.
"""

import math

from viewer.display.breast_box import BreastBox
from viewer.display.placement import Placement

_OVERLAP = 0.1  #: of a tile, that the next one shows again at least


def tiles_over(
    box: BreastBox, at_actual: Placement, width: int, height: int
) -> tuple[tuple[float, float], ...]:
    """The middles, (row, column) of the source, of the tiles that cover a box.

    `width` and `height` are what a tile shows, in device pixels, of a view placed at 1:1.
    Neighbours have the same distance, and each follows its neighbour as displayed, however the
    view is turned: to the right, and back in the line below.
    """
    is_transposed = at_actual.is_transposed
    tall, wide = (width, height) if is_transposed else (height, width)
    rows = _middles(box.row_start, box.row_stop, tall / at_actual.scale_y)
    columns = _middles(box.column_start, box.column_stop, wide / at_actual.scale_x)
    down, across = (columns, rows) if is_transposed else (rows, columns)
    down = down[::-1] if at_actual.is_flipped else down
    across = across[::-1] if at_actual.is_mirrored else across
    return tuple(
        (place, line) if is_transposed else (line, place)
        for number, line in enumerate(down)
        for place in (across[::-1] if number % 2 else across)
    )


def _middles(start: int, stop: int, length: float) -> list[float]:
    extent = stop - start
    if extent <= length:
        return [(start + stop) / 2]
    count = 1 + math.ceil((extent - length) / (length * (1 - _OVERLAP)))
    step = (extent - length) / (count - 1)
    return [start + length / 2 + number * step for number in range(count)]
