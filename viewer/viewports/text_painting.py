"""How text is painted in the cells of a page: in their corners, and in the middle of empty ones.

Each line in a corner stands on a dark ground of its own, that on air is not seen and on tissue
keeps the text legible. All in logical pixels.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from viewer.shared import theme

PAD = 8  #: between text and edge
_MARGIN = 3  #: of the ground, before and behind a line
_GROUND_ALPHA = 200  #: behind text: on white tissue the quiet colour still has 4.5 : 1
_AIR_SHARE = 0.62  #: of a cell's width that corner text may fill


class TextLine(NamedTuple):
    text: str
    colour: QColor
    font: QFont


def corner_width(area: QRect) -> float:
    """How wide corner text may be."""
    return area.width() * _AIR_SHARE if area.width() > 260 else area.width() - 2 * PAD


class _Fitted(NamedTuple):
    """A line that is elided where it would be too wide."""

    text: str
    width: float
    height: float


@lru_cache(maxsize=1024)  # the same lines are painted at each step of the hand
def _fitted(text: str, font: QFont, room: float) -> _Fitted:
    metrics = QFontMetricsF(font)
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    return _Fitted(text, metrics.horizontalAdvance(text), metrics.height())


@lru_cache(maxsize=1024)
def in_lines(text: str, font: QFont, room: float, most: float = float("inf")) -> tuple[str, ...]:
    """`wrapped`, for what is painted again and again."""
    return tuple(wrapped(text, QFontMetricsF(font), room, most))


@lru_cache(maxsize=512)
def _drawn(
    text: str, colour: int, font: QFont, width: float, height: float, ratio: float
) -> QImage:
    """A line on its ground, for so many device pixels in a logical one."""
    wide, tall = math.ceil((width + 2 * _MARGIN) * ratio), math.ceil(height * ratio)
    image = QImage(max(1, wide), max(1, tall), QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    ground = QColor(theme.IMAGE_BACKGROUND)
    ground.setAlpha(_GROUND_ALPHA)
    image.fill(ground)
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor.fromRgba(colour))
    box = QRectF(_MARGIN, 0, width, height)
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    return image


def height_of(lines: Sequence[TextLine]) -> float:
    """In a corner, with its distance from the edge."""
    return PAD + sum(QFontMetricsF(line.font).height() for line in lines)


def wrapped(
    text: str, metrics: QFontMetricsF, room: float, most: float = float("inf")
) -> list[str]:
    """In lines no wider than `room`, broken between words; a single word is left too wide, and
    broken only where it would be wider than `most`.
    """
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and metrics.horizontalAdvance(longer) <= room:
            lines[-1] = longer
        else:
            lines += _broken(word, metrics, most)
    return lines


def _broken(word: str, metrics: QFontMetricsF, most: float) -> list[str]:
    """After its last hyphen that fits, else after the last letter that does."""
    parts = []
    while len(word) > 1 and metrics.horizontalAdvance(word) > most:
        fitting = sum(
            metrics.horizontalAdvance(word[:count]) <= most for count in range(1, len(word))
        )
        end = word.rfind("-", 0, fitting) + 1 or max(1, fitting)
        parts.append(word[:end])
        word = word[end:]
    return [*parts, word]


def paint_lines(
    painter: QPainter,
    area: QRect,
    lines: Sequence[TextLine],
    align_right: bool,
    at_bottom: bool,
) -> float:
    """Lines of text in a corner of `area`; returns where they end.

    What does not fit across the whole of it is elided, what does not fit down is left out, last
    first.
    """
    room = area.width() - 2 * PAD
    fitted = [_fitted(line.text, line.font, room) for line in lines]
    heights = [each.height for each in fitted]
    while lines and sum(heights[: len(lines)]) > area.height() - 2 * PAD:
        lines = lines[:-1]
    total = sum(heights[: len(lines)])
    y = area.bottom() + 1 - PAD - total if at_bottom else area.top() + PAD * 0.75
    ratio = painter.device().devicePixelRatio()
    for (_, colour, font), (text, width, height) in zip(lines, fitted, strict=False):
        x = area.right() + 1 - PAD - width if align_right else area.left() + PAD
        drawn = _drawn(text, colour.rgba(), font, width, height, ratio)
        painter.drawImage(QPointF(x - _MARGIN, y), drawn)
        y += height
    return y


def paint_placeholder(
    painter: QPainter, area: QRect, title: str, advice: str, colour: QColor
) -> None:
    """In the middle of an empty cell."""
    middle = area.adjusted(PAD * 2, 0, -PAD * 2, 0)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    font = theme.font(theme.TITLE_PX if advice else theme.TEXT_PX, bold=bool(advice))
    painter.setFont(font)
    painter.setPen(colour)
    above = QRect(middle.left(), middle.top(), middle.width(), middle.height() // 2)
    painter.drawText(above, flags | Qt.AlignmentFlag.AlignBottom, title)
    if advice:
        painter.setFont(theme.font(theme.TEXT_PX))
        painter.setPen(theme.TEXT)
        below = QRect(middle.left(), above.bottom() + PAD, middle.width(), middle.height() // 2)
        painter.drawText(below, flags | Qt.AlignmentFlag.AlignTop, advice)
