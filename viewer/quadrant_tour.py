"""The stops of a tour through a breast at 1:1, so that every pixel of it has been on the screen.

Pure arithmetic. On a screen that holds a quarter of the breast these are its four quadrants; on a
smaller one there are more stops, never smaller pixels.
"""

import math

from viewer.rendering import BreastBox

_OVERLAP = 0.08  #: of the screen, that two neighbouring stops share at least


def stops(box: BreastBox, rows_shown: float, columns_shown: float) -> list[tuple[float, float]]:
    """(row, column) in the middle of the screen, row by row, there and back again."""
    down = _along(box.row_start, box.row_stop, rows_shown)
    across = _along(box.column_start, box.column_stop, columns_shown)
    tour = []
    for number, row in enumerate(down):
        line = across if number % 2 == 0 else across[::-1]
        tour += [(row, column) for column in line]
    return tour


def _along(start: int, stop: int, shown: float) -> list[float]:
    extent = stop - start
    if extent <= shown:
        return [(start + stop) / 2]
    count = 1 + math.ceil((extent - shown) / (shown * (1 - _OVERLAP)))
    first, step = start + shown / 2, (extent - shown) / (count - 1)
    return [first + number * step for number in range(count)]
