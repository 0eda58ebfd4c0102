"""Others' marks over an image: a layer of its own, dash-dotted and in a colour that nothing else
has, with the words that came with each mark. Who made them stands in the corner.
"""

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from engine.interop.marks import ForeignMark, Intent, Shape, Shutter
from viewer.display.foreign_marks import ImageMarks
from viewer.display.placement import Placement
from viewer.shared import theme
from viewer.shared.plain_text import shortened
from viewer.viewports.text_painting import wrapped

_EDGE = QColor(0, 0, 0, 190)
_GROUND = QColor(0, 0, 0, 200)
_WIDTH, _EDGE_WIDTH = 1.6, 3.6  # logical pixels
_CROSS = 8.0  #: logical pixels, half a point's cross
_MOST_WORDS = 200  # words painted on one image
_LONGEST = 240  # characters
_WIDEST, _MOST_LINES = 260.0, 4  # logical pixels, and lines, of one mark's words
_MOST_STEPS = 12  # down, to find room for words
_ELLIPSE_STEPS = 48
_PAD = 3.0


def paint(
    painter: QPainter,
    marks: Sequence[ImageMarks],
    placement: Placement,
    ratio: float,
    within: QRectF,
    for_text: QRectF,
) -> None:
    """`within`: the canvas, in logical pixels, `for_text`: the part of it without words of its own;
    `ratio`: device pixels of one.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    taken: list[QRectF] = []
    for of_document in marks:
        for path in _covers(of_document, placement, ratio):
            _stroke(painter, path, Qt.PenStyle.DotLine)
        for mark in of_document.marks:
            path = _path(mark, placement, ratio)
            if not path.boundingRect().adjusted(-1, -1, 1, 1).intersects(within):
                continue
            is_optional = mark.intent is Intent.OPTIONAL
            style = Qt.PenStyle.DotLine if is_optional else Qt.PenStyle.DashDotLine
            _stroke(painter, path, style)
            words = _words(mark)
            if words and len(taken) < _MOST_WORDS:
                _write(painter, words, path.boundingRect(), for_text, taken)


def _words(mark: ForeignMark) -> str:
    parts = [shortened(mark.label, _LONGEST)]
    if mark.certainty is not None:
        parts.append(f"{mark.certainty:.0%}")
    return "  ".join(part for part in parts if part)


def _path(mark: ForeignMark, placement: Placement, ratio: float) -> QPainterPath:
    points = [_on_canvas(point, placement, ratio) for point in mark.points]
    path = QPainterPath()
    if not points:
        return path
    if mark.shape in (Shape.POINT, Shape.TEXT):
        at, arm = points[0], _CROSS if mark.shape is Shape.POINT else 1.0
        for step in (QPointF(arm, 0), QPointF(0, arm)):
            path.moveTo(at - step)
            path.lineTo(at + step)
    elif mark.shape is Shape.CIRCLE and len(points) > 1:
        radius = math.hypot(points[1].x() - points[0].x(), points[1].y() - points[0].y())
        path.addEllipse(points[0], radius, radius)
    elif mark.shape is Shape.ELLIPSE and len(points) > 3:
        path = _ellipse(points)
    else:
        path.moveTo(points[0])
        for point in points[1:]:
            path.lineTo(point)
    return path


def _ellipse(points: Sequence[QPointF]) -> QPainterPath:
    """By the ends of its two axes, at whatever angle they lie."""
    middle = (points[0] + points[1]) / 2
    one, other = points[1] - middle, points[3] - (points[2] + points[3]) / 2
    path = QPainterPath(middle + one)
    for step in range(1, _ELLIPSE_STEPS + 1):
        angle = 2 * math.pi * step / _ELLIPSE_STEPS
        path.lineTo(middle + one * math.cos(angle) + other * math.sin(angle))
    return path


def _covers(marks: ImageMarks, placement: Placement, ratio: float) -> list[QPainterPath]:
    """Outlines of what the document wants seen: nothing of the image is covered."""
    paths = [_shutter(shutter, placement, ratio) for shutter in marks.shutters]
    if marks.area is not None:
        top, bottom, left, right = marks.area
        paths.append(_box((top, left), (bottom, right), placement, ratio))
    return paths


def _shutter(shutter: Shutter, placement: Placement, ratio: float) -> QPainterPath:
    if shutter.shape == "RECTANGULAR" and len(shutter.points) == 2:
        return _box(*shutter.points, placement, ratio)
    points = [_on_canvas(point, placement, ratio) for point in shutter.points]
    path = QPainterPath()
    if shutter.shape == "CIRCULAR" and len(points) == 2:
        radius = math.hypot(points[1].x() - points[0].x(), points[1].y() - points[0].y())
        path.addEllipse(points[0], radius, radius)
    elif points:
        path.moveTo(points[0])
        for point in points[1:]:
            path.lineTo(point)
        path.closeSubpath()
    return path


def _box(
    corner: tuple[float, float],
    opposite: tuple[float, float],
    placement: Placement,
    ratio: float,
) -> QPainterPath:
    path = QPainterPath()
    ends = (_on_canvas(point, placement, ratio) for point in (corner, opposite))
    path.addRect(QRectF(*ends).normalized())
    return path


def _on_canvas(point: tuple[float, float], placement: Placement, ratio: float) -> QPointF:
    x, y = placement.to_canvas(*point)
    return QPointF(x / ratio, y / ratio)


def _stroke(painter: QPainter, path: QPainterPath, style: Qt.PenStyle) -> None:
    painter.setPen(QPen(_EDGE, _EDGE_WIDTH))
    painter.drawPath(path)
    painter.setPen(QPen(theme.FOREIGN, _WIDTH, style))
    painter.drawPath(path)


def _write(
    painter: QPainter, words: str, beside: QRectF, within: QRectF, taken: list[QRectF]
) -> None:
    """Beside the mark, below what stands there already."""
    font = theme.font(theme.SMALL_TEXT_PX)
    metrics = QFontMetricsF(font)
    room = min(within.width() - 4 * _PAD, _WIDEST)
    lines = [
        metrics.elidedText(line, Qt.TextElideMode.ElideRight, room)
        for line in wrapped(words, metrics, room)[:_MOST_LINES]
    ]
    width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * _PAD
    height = metrics.height() * len(lines)
    x = min(max(beside.right() + _PAD, within.left()), within.right() - width)
    y = min(max(beside.bottom(), within.top()), within.bottom() - height)
    box = QRectF(x, y, width, height)
    for _ in range(_MOST_STEPS):
        if box.bottom() + height > within.bottom() or not any(map(box.intersects, taken)):
            break
        box.translate(0, metrics.height())
    taken.append(box)
    painter.fillRect(box, _GROUND)
    painter.setFont(font)
    painter.setPen(theme.FOREIGN)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "\n".join(lines))
