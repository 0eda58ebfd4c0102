"""Where the cells of a page lie in the area that they share: pure arithmetic.

Cells touch, so that chest walls meet; a pixel of the ground parts rows and breasts otherwise.
"""

from collections.abc import Sequence
from typing import NamedTuple

from viewer.display.hanging import Cell


class CellRect(NamedTuple):
    """In logical pixels of the area."""

    x: int
    y: int
    width: int
    height: int


def lay_out(cells: Sequence[Cell], columns: int, width: int, height: int) -> list[CellRect]:
    """Row by row, `columns` in each, in an area of that size."""
    rows = -(-len(cells) // columns) if cells else 0
    rects = []
    for place, cell in enumerate(cells):
        row, column = divmod(place, columns)
        x0, x1 = (width * n // columns for n in (column, column + 1))
        y0, y1 = (height * n // rows for n in (row, row + 1))
        # One pixel of the ground shows through where cells are parted.
        x0 += column > 0 and not _are_back_to_back(cells[place - 1], cell)
        y0 += row > 0
        rects.append(CellRect(x0, y0, x1 - x0, y1 - y0))
    return rects


def _are_back_to_back(left: Cell, right: Cell) -> bool:
    return left.label.startswith("R") and right.label.startswith("L")
