"""Where an image lies on its canvas: fitted, zoomed, moved, turned. Pure geometry, no widgets.

A camera is a value: whatever moves it gives another one. On the canvas lengths are device pixels;
points of the image are (row, column) in continuous source coordinates, pixel (r, c) covering
r..r+1, c..c+1. A scale is in device pixels per unit: what the views of a page share, mm or pixels.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from engine.domain import MammogramView, PixelSpacing
from viewer.display.breast_box import BreastBox, ImageSide, hung_wall
from viewer.display.chest_wall import LATERAL_VIEWS
from viewer.display.orientation import AS_HUNG, Orientation
from viewer.display.placement import Placement, moved
from viewer.display.rendering import DisplayPixels
from viewer.display.tiles import tiles_over

MAX_ZOOM = 16.0  #: device pixels per source pixel
MIN_ZOOM = 0.25  #: of the fitted size
_TRUE_ENOUGH = 0.005  #: off true size, that still is called so


@dataclass(frozen=True)
class CameraSubject:
    """What a camera is pointed at."""

    rows: int
    columns: int
    breast: BreastBox
    is_mirrored: bool = False  #: stored the other way round than its side hangs
    chest_wall: ImageSide | None = None  #: where on the canvas it hangs; None: in the middle
    hangs_from_top: bool = False  #: else in the middle

    @classmethod
    def of(cls, view: MammogramView, display: DisplayPixels, is_mirrored: bool) -> "CameraSubject":
        rows, columns = display.pixels.shape
        # Lateral and oblique films hang by their upper edge, where the armpit is cut off.
        from_top = view.view_position in LATERAL_VIEWS
        wall = hung_wall(view.laterality)
        return cls(rows, columns, display.breast, is_mirrored, wall, from_top)


@dataclass(frozen=True)
class Zoom:
    """A scale of the reader's own; without one a camera shows the breast fitted."""

    scale: float  #: device pixels per unit
    row: float  #: the source point in the middle of the canvas
    column: float


@dataclass(frozen=True)
class Camera:
    subject: CameraSubject
    size: tuple[int, int] = (1, 1)  #: of the canvas: width, height
    fit_scale: float = 0.0  #: that fits the page; 0: not known yet
    unit: tuple[float, float] = (1.0, 1.0)  #: width and height of a stored pixel
    orientation: Orientation = AS_HUNG  #: how the reader has turned what was hung
    zoom: Zoom | None = None

    # ------------------------------------------------------------------------------ where it lies

    @property
    def scale(self) -> float:
        """Device pixels per unit."""
        return self.zoom.scale if self.zoom else self.fit_scale

    @property
    def actual_scale(self) -> float:
        """At which a stored column is a device pixel wide: 1:1."""
        return 1 / self.unit[0]

    @property
    def is_fitted(self) -> bool:
        return self.zoom is None

    @property
    def magnification(self) -> float:
        """Device pixels per source column; 1.0 is 1:1."""
        return self.placement.scale_x

    @cached_property
    def placement(self) -> Placement:
        at_origin = self.placement_at(self.scale)
        return moved(at_origin, *self._corner(at_origin))

    def placement_at(self, scale: float) -> Placement:
        """The image turned as it shows, at `scale`, with its corner at (0, 0)."""
        subject = self.subject
        width = max(1, round(subject.columns * self.unit[0] * scale))
        height = max(1, round(subject.rows * self.unit[1] * scale))
        total = self.orientation.of_mirrored() if subject.is_mirrored else self.orientation
        if total.is_transposed:
            width, height = height, width
        turned = total.is_mirrored, total.is_flipped, total.is_transposed
        return Placement(subject.rows, subject.columns, 0, 0, width, height, *turned)

    def _corner(self, at_origin: Placement) -> tuple[int, int]:
        width, height = self.size
        if self.zoom:
            x, y = at_origin.to_canvas(self.zoom.row, self.zoom.column)
            return round(width / 2 - x), round(height / 2 - y)
        box = self.subject.breast
        x0, top = at_origin.to_canvas(box.row_start, box.column_start)
        x1, bottom = at_origin.to_canvas(box.row_stop, box.column_stop)
        x0, x1 = sorted((x0, x1))
        top, bottom = sorted((top, bottom))
        if self.orientation != AS_HUNG:  # its edges are no longer where they hang
            return round((width - x0 - x1) / 2), round((height - top - bottom) / 2)
        if self.subject.chest_wall is ImageSide.RIGHT:
            left = width - round(x1)
        elif self.subject.chest_wall is ImageSide.LEFT:
            left = -round(x0)
        else:
            left = round((width - x0 - x1) / 2)
        if self.subject.hangs_from_top:
            return left, -round(top)
        return left, round((height - top - bottom) / 2)

    def is_image_at(self, x: float, y: float) -> bool:
        row, column = self.placement.to_source(x, y)
        return 0 <= row < self.subject.rows and 0 <= column < self.subject.columns

    def is_breast_at(self, x: float, y: float) -> bool:
        """Whether the breast's box lies there."""
        row, column = self.placement.to_source(x, y)
        box = self.subject.breast
        return box.row_start <= row < box.row_stop and box.column_start <= column < box.column_stop

    @property
    def tiles(self) -> tuple[tuple[float, float], ...]:
        """The middles of the tiles that show the breast at 1:1, as large as the canvas."""
        at_actual = self.placement_at(self.actual_scale)
        return tiles_over(self.subject.breast, at_actual, *self.size)

    @property
    def tile_extent(self) -> tuple[float, float]:
        """Source rows and columns that a tile shows."""
        at_actual, (width, height) = self.placement_at(self.actual_scale), self.size
        tall, wide = (width, height) if at_actual.is_transposed else (height, width)
        return tall / at_actual.scale_y, wide / at_actual.scale_x

    def scale_to_fit(self, width: float, height: float, unit: tuple[float, float]) -> float:
        """At which the breast, turned as it shows, fills so much."""
        box = self.subject.breast
        wide = (box.column_stop - box.column_start) * unit[0]
        tall = (box.row_stop - box.row_start) * unit[1]
        if self.orientation.is_transposed:
            wide, tall = tall, wide
        return min(width / wide, height / tall)

    def true_scale(self, spacing: PixelSpacing | None, pixel_mm: float | None) -> float | None:
        """At which a millimetre is one on a screen with device pixels of `pixel_mm`; None where
        either is not known.
        """
        if pixel_mm is None or spacing is None:
            return None
        return spacing.column_mm / pixel_mm / self.unit[0]

    def is_true_size(self, true_scale: float | None) -> bool:
        return true_scale is not None and abs(self.scale / true_scale - 1) < _TRUE_ENOUGH

    # ------------------------------------------------------------------------------- what moves it

    def pointed_at(self, subject: CameraSubject) -> "Camera":
        return replace(self, subject=subject)

    def resized(self, size: tuple[int, int]) -> "Camera":
        return replace(self, size=size)

    def fitting(self, scale: float, unit: tuple[float, float]) -> "Camera":
        """A zoom is kept unless it was in other units."""
        zoom = self.zoom if unit == self.unit else None
        return replace(self, fit_scale=scale, unit=unit, zoom=zoom)

    def fitted(self) -> "Camera":
        return replace(self, zoom=None)

    def zoomed(self, zoom: Zoom | None) -> "Camera":
        return replace(self, zoom=zoom)

    def turned(self, orientation: Orientation) -> "Camera":
        """Fitted anew."""
        return replace(self, orientation=orientation, zoom=None)

    def zoomed_to(self, scale: float, at: tuple[float, float] | None = None) -> "Camera":
        """What lies at a point of the canvas (or in its middle) stays there."""
        width, height = self.size
        x, y = at or (width / 2, height / 2)
        row, column = self.placement.to_source(x, y)
        scale = min(max(scale, self.fit_scale * MIN_ZOOM), MAX_ZOOM / self.unit[0])
        # Where the middle of the canvas lies at the new scale, if the fixed point is at (x, y).
        scaled = self.placement_at(scale)
        fixed_x, fixed_y = scaled.to_canvas(row, column)
        middle = scaled.to_source(fixed_x + width / 2 - x, fixed_y + height / 2 - y)
        return self.centred(scale, *middle)

    def at_actual_pixels(self, at: tuple[float, float] | None = None) -> "Camera":
        """1:1 about a point of the canvas, else about the breast's middle or what was zoomed to."""
        if at is not None or self.zoom is not None:
            return self.zoomed_to(self.actual_scale, at)
        return self.centred(self.actual_scale, *self.subject.breast.middle)

    def moved_by(self, dx: float, dy: float) -> "Camera":
        """The image moves with the hand."""
        zoom = self.zoom
        if zoom is None:
            width, height = self.size
            zoom = Zoom(self.scale, *self.placement.to_source(width / 2, height / 2))
        # From where it is meant to be, not from the device pixel that it is drawn at: else many
        # small steps of a drag would drift away from the pointer.
        exact = self.placement_at(zoom.scale)
        x, y = exact.to_canvas(zoom.row, zoom.column)
        return self.centred(zoom.scale, *exact.to_source(x - dx, y - dy))

    def centred(self, scale: float, row: float, column: float) -> "Camera":
        """With that source point in the middle, or the nearest of the image: it cannot be lost off
        the edge.
        """
        row = min(max(row, 0.0), float(self.subject.rows))
        column = min(max(column, 0.0), float(self.subject.columns))
        return replace(self, zoom=Zoom(scale, row, column))
