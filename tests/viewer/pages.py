"""Views on the screen, as a mouse goes over them, and a page of them; no window around."""

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from tests.viewer.studies import pixels_of
from viewer.viewports.canvas import Canvas
from viewer.viewports.heat_legend import HeatLegend

NONE_DOWN = Qt.MouseButton.NoButton
LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)


NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


def screen(canvas) -> np.ndarray:
    """What is painted: uint8 (rows, columns, 3)."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def drag(canvas, button, start, stop, modifiers=NONE, steps=4):
    start, stop = QPointF(*start), QPointF(*stop)
    points = [start + (stop - start) * n / steps for n in range(steps + 1)]
    send(canvas, QEvent.Type.MouseButtonPress, points[0], button, button, modifiers)
    for point in points[1:]:
        send(canvas, QEvent.Type.MouseMove, point, NONE_DOWN, button, modifiers)
    send(canvas, QEvent.Type.MouseButtonRelease, stop, button, NONE_DOWN, modifiers)


def send(canvas, kind, point, button, buttons, modifiers):
    event = QMouseEvent(kind, point, canvas.mapToGlobal(point), button, buttons, modifiers)
    QApplication.sendEvent(canvas, event)


def wheel(canvas, notches, at=(100, 100), modifiers=NONE):
    event = QWheelEvent(
        QPointF(*at),
        canvas.mapToGlobal(QPointF(*at)),
        QPoint(),
        QPoint(0, round(120 * notches)),
        NONE_DOWN,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, event)


def hang(pane, study, loads=True, priors=()):
    pane.show_study(study, priors)
    if loads:
        for view in (*study.views, *(view for prior in priors for view in prior.study.views)):
            pane.show_pixels(view.image_uid, pixels_of(view))


def canvases(pane):
    """The shown canvases by label, from left to right and top to bottom."""
    shown = [canvas for canvas in pane.findChildren(Canvas) if canvas.isVisible()]
    return {
        canvas.view.label: canvas
        for canvas in sorted(shown, key=lambda canvas: (canvas.y(), canvas.x()))
    }


def words_below(pane):
    strip = pane.findChild(HeatLegend).parentWidget()
    return [widget.accessibleName() for widget in strip.findChildren(QWidget)]


def step_below(pane):
    """At which step the reader is."""
    return words_below(pane)[0]


def message_below(pane):
    """What is to be known now, or what the views share."""
    return words_below(pane)[1]


def spot(canvas, row, column):
    """Where a source point shows, in the canvas's own logical pixels."""
    return tuple(float(n) for n in canvas.image.placement.to_canvas(row, column))


def click(canvas, at):
    send(canvas, QEvent.Type.MouseMove, QPointF(*at), NONE_DOWN, NONE_DOWN, NONE)
    send(canvas, QEvent.Type.MouseButtonPress, QPointF(*at), LEFT, LEFT, NONE)
    send(canvas, QEvent.Type.MouseButtonRelease, QPointF(*at), LEFT, NONE_DOWN, NONE)
