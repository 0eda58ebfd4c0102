"""One view as it is shown: whose it is, its pixels, its greys, where it lies. No widgets.

It is there before its pixels are: until then, and where they cannot be had, `display` is
`rendering.NOTHING`, so that nobody has to ask whether there is something to compute with; whether
there is something to show, `has_pixels` tells.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from engine.arrays import Array
from engine.domain import Explanation, MammogramView, Study
from viewer.display import rendering
from viewer.display.camera import Camera, CameraSubject
from viewer.display.chest_wall import check_side
from viewer.display.grey_state import GreyState
from viewer.display.heat_image import heat_image
from viewer.display.placement import Placement
from viewer.display.priors import Prior
from viewer.display.rendering import NOTHING, DisplayPixels, Picture, Sample

_Look = tuple[int, bool]  #: version of the greys, shutter

_COARSEST = 1.5  #: times that a picture is drawn larger or smaller than it was made
_SMALL = 1024  #: pixels along the longer side of an image in small


class ImageState(Enum):
    LOADING = "loading"
    SHOWN = "shown"
    FAILED = "failed"


@dataclass(frozen=True)
class Coarse:
    """What was drawn last, to be drawn larger or smaller; rectangles in device pixels."""

    picture: QImage
    target: QRectF
    small: Callable[[], QImage]  #: all of the image, for what the picture leaves free
    whole: QRectF  #: where that would lie


class ShownImage:
    """`study` is the view's own; `prior` says that it is an earlier one than the open study.
    `laterality_conflicts` are what is doubtful about the view among the others.

    `device_size` is the canvas's (width, height) now, in device pixels.
    """

    def __init__(
        self,
        study: Study,
        view: MammogramView,
        device_size: Callable[[], tuple[int, int]],
        prior: Prior | None = None,
        laterality_conflicts: Sequence[str] = (),
    ) -> None:
        self.study, self.view, self.prior = study, view, prior
        self.state = ImageState.LOADING
        self.failure = ("", "")  #: title and advice, with state FAILED
        self.greys = GreyState()
        self.explanation: Explanation | None = None
        self.overlay_opacity = 0.0
        self.has_shutter = True  #: over film borders and light, where there are any
        #: of a device pixel of the screen that it is on now; None: not calibrated
        self.screen_pixel_mm: Callable[[], float | None] = lambda: None
        self._conflicts = tuple(laterality_conflicts)
        self._device_size = device_size
        self._display = NOTHING
        self._side_check = check_side(view, None, self._conflicts)
        self._camera = Camera(CameraSubject.of(view, NOTHING, False))
        self._sample: tuple[tuple[Placement, tuple[int, int]], Sample | None] | None = None
        self._picture: tuple[tuple[_Look, tuple[int, int]], Picture] | None = None
        self._coloured: tuple[Array, QImage] | None = None
        self._overview: tuple[tuple[_Look, Placement], QImage] | None = None
        self._heat: (
            tuple[tuple[Placement, tuple[int, int]], tuple[QImage, int, int] | None] | None
        ) = None
        self._covered: tuple[Sample, Array] | None = None  # where the shutter lies over a sample

    # ---------------------------------------------------------------------------------- what shows

    @property
    def display(self) -> DisplayPixels:
        return self._display

    @property
    def has_pixels(self) -> bool:
        return self._display is not NOTHING

    def show(self, display: DisplayPixels) -> None:
        self._side_check = check_side(self.view, display.breast.chest_wall, self._conflicts)
        self._set(display, ImageState.SHOWN)

    def fail(self, title: str, advice: str) -> None:
        self.failure = (title, advice)
        self._set(NOTHING, ImageState.FAILED)

    def release(self) -> None:
        """Holds no image any more, nor what was made of one."""
        self.explanation = None
        self._set(NOTHING, self.state)

    def _set(self, display: DisplayPixels, state: ImageState) -> None:
        """Nothing made from older pixels survives."""
        self._display, self.state = display, state
        self._camera = self._camera.pointed_at(
            CameraSubject.of(self.view, display, self.is_mirrored)
        )
        self._sample = self._picture = self._coloured = self._overview = None
        self._heat = self._covered = None
        self.greys.show(display)

    def show_explanation(self, explanation: Explanation | None) -> None:
        self.explanation = explanation
        self._heat = None

    @property
    def is_shuttered(self) -> bool:
        """Whether a shutter covers a part of it now."""
        return self.has_shutter and self._display.surroundings.light is not None

    @property
    def is_mirrored(self) -> bool:
        """Whether the display is turned round, so that chest walls meet."""
        return self.has_pixels and self._side_check.is_mirrored

    @property
    def side_warnings(self) -> tuple[str, ...]:
        """Where tags and pixels, or tags among themselves, do not agree on the side."""
        return self._side_check.warnings

    # ------------------------------------------------------------------------------- where it lies

    @property
    def camera(self) -> Camera:
        size = self._device_size()
        if self._camera.size != size:
            self._camera = self._camera.resized(size)
        return self._camera

    @camera.setter
    def camera(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def is_placed(self) -> bool:
        """Whether it has pixels and a scale to show them at."""
        return self.has_pixels and self._camera.fit_scale > 0

    @property
    def placement(self) -> Placement:
        """Where it lies now, if it `is_placed`."""
        return self.camera.placement

    @property
    def shown_area(self) -> tuple[int, int, int, int] | None:
        """row_start, row_stop, column_start, column_stop of what the cell shows of the image; None
        where that is all of it, or the reader has not zoomed.
        """
        camera = self.camera
        if camera.is_fitted:
            return None
        corners = [camera.placement.to_source(0, 0), camera.placement.to_source(*camera.size)]
        rows, columns = (sorted(values) for values in zip(*corners, strict=True))
        top, bottom = max(0, int(rows[0])), min(self.view.rows, math.ceil(rows[1]))
        left, right = max(0, int(columns[0])), min(self.view.columns, math.ceil(columns[1]))
        if bottom <= top or right <= left:
            return None
        area = (top, bottom, left, right)
        return None if area == (0, self.view.rows, 0, self.view.columns) else area

    @property
    def tiles(self) -> tuple[tuple[float, float], ...]:
        """As of `Camera.tiles`, but for those of air alone; none until it has pixels."""
        if not self.has_pixels:
            return ()
        tall, wide = (length / 2 for length in self.camera.tile_extent)
        rows, columns = self._display.pixels.shape
        breast = self._display.surroundings
        kept = tuple(
            (row, column)
            for row, column in self.camera.tiles
            if breast.is_breast_in(
                (row - tall) / rows,
                (row + tall) / rows,
                (column - wide) / columns,
                (column + wide) / columns,
            )
        )
        return kept or self.camera.tiles

    @property
    def true_scale(self) -> float | None:
        """`scale` at which a millimetre is one; None without a calibrated screen or a spacing."""
        return self._camera.true_scale(self.view.pixel_spacing, self.screen_pixel_mm())

    @property
    def is_true_size(self) -> bool:
        return self._camera.is_true_size(self.true_scale)

    # -------------------------------------------------------------------------------------- drawn

    def grey(self) -> tuple[Array, int, int] | None:
        """The image as it shows: uint8 device pixels and their corner; None if nothing shows."""
        picture = self._exact()
        return None if picture is None else picture.seen(*self.camera.size)

    def drawn(self) -> tuple[QImage, int, int] | None:
        """The same for the screen, perhaps with more of it beyond the canvas's edges."""
        picture = self._exact()
        return None if picture is None else (self._in_colour(picture), picture.x, picture.y)

    @property
    def _look(self) -> _Look:
        return self.greys.version, self.has_shutter

    def _exact(self) -> Picture | None:
        if not self.is_placed:
            return None
        camera, look = self.camera, self._look
        place = camera.placement, camera.size
        picture = None
        if self._picture is not None and self._picture[0] == (look, camera.size):
            before = self._picture[1]
            if before.placement == camera.placement:
                return before
            picture = rendering.moved_picture(before, self._display, *place, self._developed)
        if picture is None and (sampled := self._sampled()) is not None:
            grey = self._developed(sampled)
            picture = Picture(sampled.placement, sampled.x, sampled.y, grey)
        self._picture = None if picture is None else ((look, camera.size), picture)
        return picture

    def _sampled(self) -> Sample | None:
        camera = self.camera
        key = (camera.placement, camera.size)
        if self._sample is None or self._sample[0] != key:
            self._sample = key, rendering.sample(self._display, camera.placement, *camera.size)
        return self._sample[1]

    def _developed(self, sampled: Sample) -> Array:
        grey = self.greys.develop(sampled)
        if (light := self._display.surroundings.light) is not None and self.has_shutter:
            if self._covered is None or self._covered[0] is not sampled:
                self._covered = sampled, rendering.covered(light, sampled)
            grey[self._covered[1]] = 0  # black in every window and polarity
        return grey

    def coarse(self) -> "Coarse | None":
        """Instead of `drawn`, while the hand zooms; None where nothing was drawn before that is
        nearly as large.
        """
        if self._picture is None or self._picture[0][0] != self._look or not self.is_placed:
            return None
        picture, now = self._picture[1], self.camera.placement
        before = picture.placement
        is_turned = before != replace(
            now, left=before.left, top=before.top, width=before.width, height=before.height
        )
        wider, taller = now.width / before.width, now.height / before.height
        if is_turned or not 1 / _COARSEST < wider < _COARSEST or wider == taller == 1:
            return None
        rows, columns = picture.grey.shape
        target = QRectF(
            now.left + (picture.x - before.left) * wider,
            now.top + (picture.y - before.top) * taller,
            columns * wider,
            rows * taller,
        )
        whole = QRectF(now.left, now.top, now.width, now.height)
        return Coarse(self._in_colour(picture), target, self._small, whole)

    def _in_colour(self, picture: Picture) -> QImage:
        if self._coloured is None or self._coloured[0] is not picture.grey:
            self._coloured = picture.grey, rendering.to_colour(picture.grey)
        return self._coloured[1]

    def _small(self) -> QImage:
        """All of it, turned as it shows."""
        subject, unit = self.camera.subject, self.camera.unit
        longer = max(subject.rows * unit[1], subject.columns * unit[0])
        small = self.camera.placement_at(_SMALL / longer)
        key = self._look, small
        if self._overview is None or self._overview[0] != key:
            sampled = rendering.sample(self._display, small, small.width, small.height)
            assert sampled is not None  # it lies on its canvas
            self._overview = key, rendering.to_colour(self._developed(sampled))
        return self._overview[1]

    def heat(self) -> tuple[QImage, int, int] | None:
        """The heat-map as it shows and its corner; None while it is hidden."""
        if not self.is_placed or self.explanation is None or self.overlay_opacity <= 0:
            return None
        camera = self.camera
        key = (camera.placement, camera.size)
        if self._heat is None or self._heat[0] != key:
            image = heat_image(self.explanation, camera.placement, *camera.size)
            self._heat = key, image
        return self._heat[1]
