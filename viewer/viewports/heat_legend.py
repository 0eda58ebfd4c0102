"""What the overlay's colours mean, and what they do not."""

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.display.heat_image import heat_colours
from viewer.shared import theme
from viewer.shared.languages import mark, tr


class HeatLegend(QWidget):
    SENTENCE = mark("Model attention, not a lesion outline.")
    _BAR = QSize(150, 10)
    _GAP = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opacity = 1.0
        self._font = theme.font(theme.SMALL_TEXT_PX)
        metrics = QFontMetrics(self._font)
        self._texts = [
            (text, metrics.horizontalAdvance(text))
            for text in (tr("low attention  0"), tr("1  high attention"), tr(self.SENTENCE))
        ]
        self._height = metrics.height() + 10
        colours = heat_colours()[None]
        self._colours = QImage(
            colours.data, 256, 1, 1024, QImage.Format.Format_ARGB32_Premultiplied
        ).copy()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(
            tr("Colour scale from 0, low attention, to 1, high attention.")
            + f" {tr(self.SENTENCE)}"
        )

    def set_opacity(self, opacity: float) -> None:
        self._opacity = opacity
        self.update()

    def sizeHint(self) -> QSize:
        texts = sum(width for _, width in self._texts)
        return QSize(texts + self._BAR.width() + 4 * self._GAP, self._height)

    def minimumSizeHint(self) -> QSize:
        """The sentence is never given up."""
        return QSize(self._texts[-1][1], self._height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        low, high, sentence = self._texts
        has_room = self.width() >= self.sizeHint().width()
        x = 0

        def write(text: str, width: int, colour: QColor) -> int:
            painter.setPen(colour)
            painter.drawText(x, 0, width, self.height(), Qt.AlignmentFlag.AlignVCenter, text)
            return x + width + self._GAP

        if has_room:
            x = write(*low, theme.MUTED)
        bar_width = min(self._BAR.width(), self.width() - sentence[1] - self._GAP)
        if bar_width > 0:
            top = (self.height() - self._BAR.height()) // 2
            bar = QRect(x, top, bar_width, self._BAR.height())
            painter.fillRect(bar, QColor(96, 96, 96))  # as over tissue
            painter.setOpacity(self._opacity)
            painter.drawImage(bar, self._colours)
            painter.setOpacity(1)
            x += bar_width + self._GAP
        if has_room:
            x = write(*high, theme.MUTED) + self._GAP
        write(*sentence, theme.TEXT)
        painter.end()
