"""A view as a picture: as it is on the screen, or fitted anew to a page."""

from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, QSize
from PySide6.QtGui import QImage, QPainter

from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions


@dataclass(frozen=True)
class Paper:
    """What a view is fitted to beside the screen."""

    size: QSize  #: logical pixels
    scale: float  #: device pixels per unit
    unit: tuple[float, float]  #: width and height of a stored pixel, see `Canvas.set_fit`


def scale_to_fit(canvas: Canvas, size: QSize, unit: tuple[float, float]) -> float:
    """Device pixels per unit at which the breast fills `size` (logical pixels)."""
    scale = canvas.image.camera.scale_to_fit(size.width(), size.height(), unit)
    return canvas.devicePixelRatioF() * scale


def picture(canvas: Canvas, options: OverlayOptions, paper: Paper | None = None) -> QImage:
    """By the same paint as on the screen; its device pixel ratio is set."""
    if paper is None:
        return _painted(canvas, options)
    camera, geometry = canvas.image.camera, canvas.geometry()
    blocker = QSignalBlocker(canvas)
    canvas.setUpdatesEnabled(False)
    try:
        canvas.resize(paper.size)
        canvas.image.camera = camera.fitting(paper.scale, paper.unit).fitted()
        canvas.is_on_paper = True
        return _painted(canvas, options)
    finally:
        canvas.is_on_paper = False
        canvas.image.camera = camera
        canvas.setGeometry(geometry)
        canvas.setUpdatesEnabled(True)
        blocker.unblock()


def _painted(canvas: Canvas, options: OverlayOptions) -> QImage:
    image = QImage(*canvas.device_size(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(canvas.devicePixelRatioF())
    painter = QPainter(image)
    canvas.paint(painter, options)
    painter.end()
    return image
