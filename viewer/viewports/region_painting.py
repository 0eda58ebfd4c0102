"""How the region network's answer stands beside its rectangle.

A card on a dark ground of its own: of the selected rectangle all of it, of the others the headline
or, where there is no room for that, the first number alone, so that several do not cover each other
and the tissue between them. It goes where no other words and no rectangle stand, beside its own if
there is room. All in logical pixels of the canvas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from engine.domain import RegionPrediction
from viewer.display import regions
from viewer.display.measuring import format_for_screen
from viewer.display.opinion import percent
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.plain_text import shortened
from viewer.shared.states import RegionRequest
from viewer.viewports.text_painting import wrapped

_GROUND = QColor(0, 0, 0, 215)
_TRACK = QColor(255, 255, 255, 40)  #: behind a bar: all that it could be
_PAD = 6.0
_GAP = 8.0  #: between a rectangle and its card
_ROOM = 236.0  #: of a line of words
_BAR = QSizeF(104.0, 7.0)
_GRADE_WIDTH, _PERCENT_WIDTH = 18.0, 44.0
_NUMBER_SHARE = 1 / 28  #: of the picture's height, that a number on paper is high


@dataclass(frozen=True)
class _Row:
    """A line of words, or a bar of a category."""

    text: str
    colour: QColor
    font: QFont
    share: float | None = None  #: of the bar, that is filled

    @property
    def height(self) -> float:
        return QFontMetricsF(self.font).height()

    @property
    def width(self) -> float:
        if self.share is not None:
            return _GRADE_WIDTH + _BAR.width() + _PERCENT_WIDTH
        return QFontMetricsF(self.font).horizontalAdvance(self.text)


def paint_card(
    painter: QPainter,
    rectangle: QRectF,
    request: RegionRequest | None,
    measured: str,
    author: str,
    within: QRectF,
    taken: list[QRectF],
    is_full: bool,
) -> None:
    """`request` None: it was never given; `author`: who asked, if it was another reader; `within`
    and `taken` as for `annotation_painting.paint`.
    """
    whole = _rows(request, measured, author, is_full, min(_ROOM, within.width() - 4 * _PAD))
    shorter = [] if is_full else [whole[:1], _number_alone(request)]
    for rows in (whole, *shorter):
        pad = _PAD if len(rows) > 1 or is_full else _PAD / 2
        wide, tall = max(row.width for row in rows), sum(row.height for row in rows)
        box = _place(rectangle, QSizeF(wide + 2 * pad, tall + 2 * pad), within, taken)
        if not _covered(box, [rectangle, *taken]):
            break
    else:
        if not is_full:  # on its own rectangle: beside another it would seem to be of that one
            box.moveCenter(rectangle.center())
            box = _inside(box, within)
    taken.append(box)
    painter.fillRect(box, _GROUND)
    y = box.top() + pad
    for row in rows:
        _paint_row(painter, row, box.left() + pad, y)
        y += row.height


def paint_number(painter: QPainter, rectangle: QRectF, number: int, within: QRectF) -> None:
    """On paper, where no card could be read: by it the page's words name the rectangle."""
    font = theme.font(max(1, round(within.height() * _NUMBER_SHARE)), bold=True)
    metrics, text = QFontMetricsF(font), str(number)
    size = QSizeF(metrics.horizontalAdvance(text) + _PAD, metrics.height())
    corner = QPointF(rectangle.left() - size.width() - 2, rectangle.top())
    box = _inside(QRectF(corner, size), within)
    painter.fillRect(box, _GROUND)
    painter.setFont(font)
    painter.setPen(theme.TEXT)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _rows(
    request: RegionRequest | None, measured: str, author: str, is_full: bool, room: float
) -> list[_Row]:
    small, bold = theme.font(theme.SMALL_TEXT_PX), theme.font(theme.SMALL_TEXT_PX, bold=True)
    rows: list[_Row] = []

    def write(text: str, colour: QColor = theme.TEXT, font: QFont = small) -> None:
        rows.extend(_Row(line, colour, font) for line in wrapped(text, QFontMetricsF(font), room))

    if request is None or request.prediction is None:
        lines, colour = _without_prediction(request)
        for line in lines:
            write(line, colour)
    else:
        said = request.prediction
        judged = said if isinstance(said, RegionPrediction) else None
        for number, line in enumerate(regions.headline(said)):
            write(line, theme.TEXT if judged else theme.WARNING, small if number else bold)
        if is_full and judged:
            rows += _bars(judged, small, bold)
        for remark in regions.remarks(said) if is_full else regions.warnings(said):
            write(remark, theme.WARNING)
    if author:
        write(shortened(author), theme.MUTED)
    if is_full and measured:
        write(format_for_screen(measured), theme.MUTED)
    if is_full and request is not None and not request.is_pending:
        write(notice(), theme.WARNING)
    return rows


def _without_prediction(request: RegionRequest | None) -> tuple[Sequence[str], QColor]:
    if request is None:
        return [tr("no answer: draw it anew to ask")], theme.MUTED
    return regions.lines_of(request), theme.MUTED if request.is_pending else theme.ERROR


def _bars(said: RegionPrediction, small: QFont, bold: QFont) -> list[_Row]:
    """Every grade with its share; the most probable one stands out."""
    return [
        _Row(str(grade), theme.TEXT, bold, share)
        if grade == said.category
        else _Row(str(grade), theme.MUTED, small, share)
        for grade, share in sorted(said.probabilities.items())
    ]


def _number_alone(request: RegionRequest | None) -> list[_Row]:
    """Of little room: the percentage, or a mark that there is none."""
    said = None if request is None else request.prediction
    text = "…" if request is not None and request.is_pending else "–"
    if isinstance(said, RegionPrediction):
        text = regions.headline(said)[0]
        if said.malignancy is not None:
            text = percent(said.malignancy)
    return [_Row(text, theme.TEXT, theme.font(theme.SMALL_TEXT_PX, bold=True))]


def _paint_row(painter: QPainter, row: _Row, x: float, y: float) -> None:
    painter.setFont(row.font)
    painter.setPen(row.colour)
    centred = Qt.AlignmentFlag.AlignVCenter
    if row.share is None:
        painter.drawText(QRectF(x, y, row.width + 1, row.height), centred, row.text)
        return
    painter.drawText(QRectF(x, y, _GRADE_WIDTH, row.height), centred, row.text)
    bar = QRectF(QPointF(x + _GRADE_WIDTH, y + (row.height - _BAR.height()) / 2), _BAR)
    painter.fillRect(bar, _TRACK)
    filled = QRectF(bar.topLeft(), QSizeF(_BAR.width() * row.share, _BAR.height()))
    painter.fillRect(filled, row.colour)
    place = QRectF(bar.right(), y, _PERCENT_WIDTH, row.height)
    painter.drawText(place, centred | Qt.AlignmentFlag.AlignRight, percent(row.share))


def _place(rectangle: QRectF, size: QSizeF, within: QRectF, taken: Sequence[QRectF]) -> QRectF:
    """Beside, below or above the rectangle; else where it covers least."""
    inner = within.adjusted(_PAD, _PAD, -_PAD, -_PAD)
    right, left = rectangle.right() + _GAP, rectangle.left() - _GAP - size.width()
    below, above = rectangle.bottom() + _GAP, rectangle.top() - _GAP - size.height()
    level = (rectangle.top(), rectangle.bottom() - size.height())
    aligned = (rectangle.left(), rectangle.right() - size.width())
    corners = [
        *((x, y) for x in (right, left) for y in level),
        *((x, y) for y in (below, above) for x in aligned),
        *((x, y) for x in (right, left) for y in (below, above)),
    ]
    boxes = [_inside(QRectF(QPointF(*corner), size), inner) for corner in corners]
    return min(boxes, key=lambda box: _covered(box, [rectangle, *taken]))  # the first of equals


def _inside(box: QRectF, inner: QRectF) -> QRectF:
    box.moveLeft(max(inner.left(), min(box.left(), inner.right() - box.width())))
    box.moveTop(max(inner.top(), min(box.top(), inner.bottom() - box.height())))
    return box


def _covered(box: QRectF, others: Sequence[QRectF]) -> float:
    """Of what must not be covered, in square pixels."""
    parts = (box.intersected(other) for other in others)
    return sum(part.width() * part.height() for part in parts if not part.isEmpty())
