"""Views that move together: pan and zoom in the same projection, the window in all views.

A left and a right breast hang as mirror images, so what goes sideways goes the other way in the
partner: both towards the nipple, or both towards the chest wall. Only movements are passed on, not
positions: views that the reader has shifted against each other stay so.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QPointF

from engine.domain import Laterality
from viewer.shared.languages import tr
from viewer.viewports.canvas import Canvas


class Links(QObject):
    """Three switches; `attach` each canvas."""

    def __init__(self, canvases: Callable[[], Sequence[Canvas]], parent: QObject) -> None:
        super().__init__(parent)
        self._canvases = canvases
        self.is_pan_linked = False
        self.is_zoom_linked = False
        self.is_window_linked = False

    def attach(self, canvas: Canvas) -> None:
        canvas.panned.connect(lambda dx, dy: self._pan(canvas, dx, dy))
        canvas.zoomed.connect(lambda factor, at: self._zoom(canvas, factor, at))
        canvas.window_adjusted.connect(lambda *change: self._adjust(canvas, *change))

    def toggle_pan(self) -> None:
        self.is_pan_linked = not self.is_pan_linked

    def toggle_zoom(self) -> None:
        self.is_zoom_linked = not self.is_zoom_linked

    def toggle_window(self) -> None:
        self.is_window_linked = not self.is_window_linked

    @property
    def text(self) -> str:
        """'linked: panning, zoom'; empty where nothing is."""
        switches = (
            (tr("panning"), self.is_pan_linked),
            (tr("zoom"), self.is_zoom_linked),
            (tr("window", "grey values"), self.is_window_linked),
        )
        linked = ", ".join(name for name, is_on in switches if is_on)
        return tr("linked: {what}").format(what=linked) if linked else ""

    def zoom_partners(self, canvas: Canvas) -> list[Canvas]:
        """Those that are to be zoomed with it."""
        return self._partners(canvas) if self.is_zoom_linked else []

    def _partners(self, canvas: Canvas) -> list[Canvas]:
        position = canvas.view.view_position
        return [
            other
            for other in self._canvases()
            if other is not canvas
            and position is not None
            and other.view.view_position is position
            and other.image.is_placed
        ]

    def _pan(self, canvas: Canvas, dx: float, dy: float) -> None:
        if self.is_pan_linked:
            for other in self._partners(canvas):
                ratio = other.image.camera.scale / canvas.image.camera.scale  # the same way in mm
                other.pan_by(dx * ratio * _sideways(canvas, other), dy * ratio)

    def _zoom(self, canvas: Canvas, factor: float, at: QPointF) -> None:
        for other in self.zoom_partners(canvas):
            other.zoom_by(factor, mirrored_point(canvas, other, at))

    def _adjust(self, canvas: Canvas, wider: float, brighter: float) -> None:
        if self.is_window_linked:
            for other in self._canvases():
                if other is not canvas:
                    other.image.greys.adjust(wider, brighter)


def mirrored_point(canvas: Canvas, other: Canvas, at: QPointF | None) -> QPointF | None:
    """The place in `other` that `at` in `canvas` corresponds to; None for None, the middle."""
    if at is None:
        return None
    across, down = at.x() / canvas.width(), at.y() / canvas.height()
    if _sideways(canvas, other) < 0:
        across = 1 - across
    return QPointF(across * other.width(), down * other.height())


def _sideways(one: Canvas, other: Canvas) -> int:
    """-1 where the two face different ways on the screen."""
    return _facing(one) * _facing(other)


def _facing(canvas: Canvas) -> int:
    side = -1 if canvas.view.laterality is Laterality.LEFT else 1
    turned = canvas.image.camera.orientation
    return -side if turned.is_mirrored and not turned.is_transposed else side
