"""Where a view lies on its canvas, and the way from one to the other."""

from dataclasses import dataclass, replace
from typing import TypeVar

from engine.arrays import FloatArray

_Coordinate = TypeVar("_Coordinate", float, FloatArray)


@dataclass(frozen=True)
class Placement:
    """Where a view lies on its canvas: the whole image as displayed, in device pixels.

    It is transposed first, where it is turned by 90°, then mirrored and flipped. Source coordinates
    are continuous: pixel (r, c) covers r..r+1, c..c+1. So are the canvas's.
    """

    rows: int
    columns: int
    left: int
    top: int
    width: int
    height: int
    is_mirrored: bool = False
    is_flipped: bool = False
    is_transposed: bool = False

    @property
    def scale_x(self) -> float:
        """Device pixels per source column."""
        return (self.height if self.is_transposed else self.width) / self.columns

    @property
    def scale_y(self) -> float:
        """Device pixels per source row."""
        return (self.width if self.is_transposed else self.height) / self.rows

    def to_canvas(self, row: _Coordinate, column: _Coordinate) -> tuple[_Coordinate, _Coordinate]:
        """(x, y) in device pixels."""
        across, down = column * self.scale_x, row * self.scale_y
        if self.is_transposed:
            across, down = down, across
        x = self.left + (self.width - across if self.is_mirrored else across)
        y = self.top + (self.height - down if self.is_flipped else down)
        return x, y

    def to_source(self, x: _Coordinate, y: _Coordinate) -> tuple[_Coordinate, _Coordinate]:
        """(row, column), the inverse of `to_canvas`; may lie outside the image."""
        across, down = x - self.left, y - self.top
        if self.is_mirrored:
            across = self.width - across
        if self.is_flipped:
            down = self.height - down
        if self.is_transposed:
            across, down = down, across
        return down / self.scale_y, across / self.scale_x


def moved(placement: Placement, left: int, top: int) -> Placement:
    """The same with its upper left corner there."""
    return replace(placement, left=left, top=top)
