"""How drawings look on an image, and which of them lies under the pointer.

Lines are light on a dark edge, so that they show on white tissue and on black air; text stands on a
ground of its own and stays inside the view. Everything is in device pixels of the canvas.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from engine.domain import Annotation, AnnotationKind
from engine.plain_text import visible_text
from viewer.display.measuring import format_for_screen
from viewer.display.placement import Placement
from viewer.shared import theme
from viewer.shared.plain_text import shortened
from viewer.viewports.text_painting import wrapped

_REACH = 7.0  #: logical pixels, from a line, that still mean it
_HANDLE = 4.0  #: logical pixels, half a handle's side
_TICK = 6.0  #: logical pixels, half the stroke across a ruler's end
_HEAD = 13.0  #: logical pixels, an arrow's head
_EDGE = QColor(0, 0, 0, 190)
_GROUND = QColor(0, 0, 0, 200)
_PAD = 4.0


def on_canvas(annotation: Annotation, placement: Placement, ratio: float) -> list[QPointF]:
    """Its points in logical pixels."""
    on_screen = (placement.to_canvas(*point) for point in annotation.points)
    return [QPointF(x / ratio, y / ratio) for x, y in on_screen]


def paint(
    painter: QPainter,
    annotation: Annotation,
    points: Sequence[QPointF],
    within: QRectF,
    for_text: QRectF,
    taken: list[QRectF],
    is_selected: bool = False,
    is_own: bool = True,
    is_draft: bool = False,
) -> None:
    """`points` as of `on_canvas`, perhaps fewer while it is being drawn; `within`: the canvas,
    `for_text`: the part of it that is free of its own text, but for the drawings' in `taken`,
    which that of this one joins.
    """
    extent = QPolygonF(list(points)).boundingRect().adjusted(-1, -1, 1, 1)
    if not extent.intersects(within):
        return  # its text alone would seem to be of what is there
    colour = theme.WARNING if is_selected else theme.ACCENT if is_own else theme.MUTED
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_EDGE, 3.6), QPen(colour, 1.6)):
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        _paint_lines(painter, annotation.kind, points)
    if is_selected:
        painter.setPen(QPen(_EDGE, 1))
        painter.setBrush(colour)
        for point in points:
            painter.drawRect(_around(point, _HANDLE))
    if annotation.kind is AnnotationKind.REGION and not is_draft:
        return  # its text is the network's, see `region_painting`
    measured = format_for_screen(annotation.measured).split("\n")
    lines = [line for line in (visible_text(annotation.text), *measured) if line]
    if not is_own and annotation.reader:
        lines.append(shortened(annotation.reader))
    if lines:
        corner = _text_corner(annotation.kind, points)
        _paint_text(painter, lines, corner, for_text, taken, colour)


def _paint_lines(painter: QPainter, kind: AnnotationKind, points: Sequence[QPointF]) -> None:
    if kind is AnnotationKind.ELLIPSE and len(points) == 2:
        painter.drawEllipse(QRectF(points[0], points[1]).normalized())
        return
    if kind is AnnotationKind.REGION and len(points) == 2:
        painter.drawRect(QRectF(points[0], points[1]).normalized())
        return
    if kind is AnnotationKind.TEXT or len(points) < 2:
        return
    painter.drawPolyline(QPolygonF(list(points)))
    line = QLineF(points[-2], points[-1])
    if line.length() == 0:
        return
    if kind is AnnotationKind.RULER:
        across = QPointF(-line.dy(), line.dx()) * (_TICK / line.length())
        for end in points:
            painter.drawLine(end - across, end + across)
    elif kind is AnnotationKind.ARROW:
        for turn in (25, -25):
            barb = QLineF.fromPolar(_HEAD, line.angle() + 180 + turn)
            painter.drawLine(points[-1], points[-1] + barb.p2())


def _text_corner(kind: AnnotationKind, points: Sequence[QPointF]) -> QPointF:
    if kind is AnnotationKind.TEXT:
        return points[0]
    if kind in (AnnotationKind.ELLIPSE, AnnotationKind.REGION):
        box = QRectF(points[0], points[-1]).normalized()
        return QPointF(box.center().x(), box.bottom() + 6)
    anchor = points[1] if kind is AnnotationKind.ANGLE and len(points) > 1 else points[-1]
    if kind is AnnotationKind.ARROW:
        anchor = points[0]
    return anchor + QPointF(10, 8)


def _paint_text(
    painter: QPainter,
    lines: Sequence[str],
    corner: QPointF,
    within: QRectF,
    taken: list[QRectF],
    colour: QColor,
) -> None:
    font = theme.font(theme.SMALL_TEXT_PX)
    metrics = QFontMetricsF(font)
    room = within.width() - 4 * _PAD
    lines = [part for line in lines for part in wrapped(line, metrics, room)]
    width = max(metrics.horizontalAdvance(line) for line in lines)
    size = QSizeF(width + 2 * _PAD, metrics.height() * len(lines) + _PAD)
    box = QRectF(corner, size)
    box.moveLeft(max(within.left() + _PAD, min(box.left(), within.right() - _PAD - box.width())))
    box.moveTop(max(within.top() + _PAD, min(box.top(), within.bottom() - _PAD - box.height())))
    box = _cleared(box, within, taken)
    taken.append(box)
    painter.fillRect(box, _GROUND)
    painter.setFont(font)
    painter.setPen(colour)
    for number, line in enumerate(lines):
        place = QRectF(box.left() + _PAD, box.top() + _PAD / 2, width + 1, metrics.height())
        place.translate(0, number * metrics.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, line)


def _cleared(box: QRectF, within: QRectF, taken: Sequence[QRectF]) -> QRectF:
    """The box, or the nearest place above or below it where no other text stands, if there is."""
    tops = [top for other in taken for top in (other.bottom() + 1, other.top() - box.height() - 1)]
    places = [box, *(QRectF(QPointF(box.left(), top), box.size()) for top in tops)]
    free = [
        place
        for place in places
        if within.top() <= place.top()
        and place.bottom() <= within.bottom()
        and not any(place.intersects(other) for other in taken)
    ]
    return min(free, key=lambda place: abs(place.top() - box.top()), default=box)


def handle_at(points: Sequence[QPointF], at: QPointF) -> int | None:
    """Which of a drawing's points lies under the pointer."""
    near = [(QLineF(point, at).length(), number) for number, point in enumerate(points)]
    distance, number = min(near, default=(math.inf, 0))
    return number if distance <= _REACH else None


def is_under(annotation: Annotation, points: Sequence[QPointF], at: QPointF) -> bool:
    """Whether its lines, not its text, lie there; of a text its first line's place."""
    if annotation.kind is AnnotationKind.TEXT:
        metrics = QFontMetricsF(theme.font(theme.SMALL_TEXT_PX))
        width = metrics.horizontalAdvance(annotation.text) + 2 * _PAD
        return QRectF(points[0], QSizeF(width, metrics.height() + _PAD)).contains(at)
    if annotation.kind is AnnotationKind.ELLIPSE:
        box = QRectF(points[0], points[1]).normalized()
        outer, inner = (box.adjusted(-r, -r, r, r) for r in (_REACH, -_REACH))
        return _is_in_ellipse(outer, at) and not _is_in_ellipse(inner, at)
    if annotation.kind is AnnotationKind.REGION:
        box = QRectF(points[0], points[1]).normalized()
        outer, inner = (box.adjusted(-r, -r, r, r) for r in (_REACH, -_REACH))
        return outer.contains(at) and not inner.contains(at)
    return any(_distance(*ends, at) <= _REACH for ends in pairwise(points))


def _is_in_ellipse(box: QRectF, at: QPointF) -> bool:
    if box.width() <= 0 or box.height() <= 0:
        return False
    away = at - box.center()
    return (2 * away.x() / box.width()) ** 2 + (2 * away.y() / box.height()) ** 2 <= 1


def _distance(start: QPointF, stop: QPointF, at: QPointF) -> float:
    line = stop - start
    squared = QPointF.dotProduct(line, line)
    share = 0.0 if squared == 0 else QPointF.dotProduct(at - start, line) / squared
    return QLineF(start + line * min(max(share, 0.0), 1.0), at).length()


def _around(point: QPointF, half: float) -> QRectF:
    return QRectF(point.x() - half, point.y() - half, 2 * half, 2 * half)
