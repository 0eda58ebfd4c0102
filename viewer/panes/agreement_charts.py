"""How readers and the model agree, drawn: a confusion matrix, and a line by month."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil
from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.shared import theme
from viewer.shared.languages import tr

_CENTRE = Qt.AlignmentFlag.AlignCenter
AGREEMENT_COLOUR, KAPPA_COLOUR = theme.ACCENT, theme.WARNING


class ConfusionMatrix(QWidget):
    """Rows are the reader's category, columns the model's; the diagonal is framed."""

    CELL = QSize(54, 28)
    LEFT, TOP = 76, 40  # room for the labels

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts: Sequence[Sequence[int]] = ()
        self._categories: Sequence[int] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_matrix(self, counts: Sequence[Sequence[int]], categories: Sequence[int]) -> None:
        self.counts, self._categories = counts, categories
        lines = [
            tr("reader {own}, model {said}: {count}").format(
                own=own, said=predicted, count=counts[row][column]
            )
            for row, own in enumerate(categories)
            for column, predicted in enumerate(categories)
            if counts[row][column]
        ]
        self.setAccessibleName(tr("Reader's category against the model's"))
        self.setAccessibleDescription("; ".join(lines) or tr("no readings"))
        self.update()

    def sizeHint(self) -> QSize:
        size = max(5, len(self._categories))
        return QSize(
            self.LEFT + size * self.CELL.width() + 2, self.TOP + size * self.CELL.height() + 2
        )

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font(theme.SMALL_TEXT_PX))
        wide, high = self.CELL.width(), self.CELL.height()
        count = len(self._categories)
        most = max((max(row) for row in self.counts), default=0)
        painter.setPen(theme.MUTED)
        painter.drawText(QRectF(self.LEFT, 0, count * wide, 18), _CENTRE, tr("Model"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for index, category in enumerate(self._categories):
            above = QRectF(self.LEFT + index * wide, 18, wide, self.TOP - 20)
            painter.drawText(above, _CENTRE, str(category))
            beside = QRectF(0, self.TOP + index * high, self.LEFT - 8, high)
            text = str(category) if index else "  ".join([tr("Reader"), str(category)])
            painter.drawText(beside, right, text)
        for row in range(count):
            for column in range(count):
                cell = QRectF(self.LEFT + column * wide, self.TOP + row * high, wide - 2, high - 2)
                value = self.counts[row][column]
                painter.fillRect(cell, _between(theme.FIELD, theme.SELECTION, value, most))
                if row == column:
                    painter.setPen(QPen(theme.ACCENT, 1))
                    painter.drawRect(cell.adjusted(0.5, 0.5, -0.5, -0.5))
                painter.setPen(theme.TEXT if value else theme.DISABLED)
                painter.setFont(theme.font(theme.TEXT_PX, bold=bool(value)))
                painter.drawText(cell, _CENTRE, str(value) if value else "·")


class MonthChart(QWidget):
    """Agreement (dots) and unweighted kappa (squares) of each month, the latest twelve."""

    HEIGHT = 186
    LEFT, RIGHT, TOP, BOTTOM = 44, 12, 24, 40
    MONTHS = 12

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.months: list[tuple[str, Mapping[str, Any]]] = []
        self.setFixedHeight(self.HEIGHT)
        self.setMinimumWidth(240)

    def show_months(self, months: Mapping[str, Mapping[str, Any]]) -> None:
        """`engine.evaluation.agreement.figures` by month, oldest first."""
        self.months = list(months.items())[-self.MONTHS :]
        lines = []
        for month, figures in self.months:
            parts = [tr("{month}: {count} compared").format(month=month, count=figures["n"])]
            if figures["agreement"] is not None:
                share = f"{figures['agreement']:.0%}"
                parts.append(tr("agreement {share}").format(share=share))
            if figures["kappa"] is not None:
                parts.append(f"kappa {figures['kappa']:.2f}")
            lines.append(", ".join(parts))
        self.setAccessibleName(tr("Agreement and kappa by month"))
        self.setAccessibleDescription("; ".join(lines) or tr("no readings"))
        self.setToolTip("\n".join(lines))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(theme.SMALL_TEXT_PX))
        plot = QRectF(self.rect()).adjusted(self.LEFT, self.TOP, -self.RIGHT, -self.BOTTOM)
        if not self.months:
            painter.setPen(theme.MUTED)
            painter.drawText(QRectF(self.rect()), _CENTRE, tr("Nothing to compare yet"))
            return
        lowest = self._lowest
        self._paint_axis(painter, plot, lowest)
        for name, colour, is_square in (
            ("agreement", AGREEMENT_COLOUR, False),
            ("kappa", KAPPA_COLOUR, True),
        ):
            values = [figures[name] for _, figures in self.months]
            points = [
                None if value is None else self._point(plot, index, value, lowest)
                for index, value in enumerate(values)
            ]
            _paint_line(painter, points, colour, is_square)
        self._paint_legend(painter)

    @property
    def _lowest(self) -> float:
        """Of the axis: kappa is below 0 where the two agree less than by chance."""
        kappas = [f["kappa"] for _, f in self.months if f["kappa"] is not None]
        return (
            -1.0
            if any(value < -0.5 for value in kappas)
            else -0.5
            if any(value < 0 for value in kappas)
            else 0.0
        )

    def _point(self, plot: QRectF, index: int, value: float, lowest: float) -> QPointF:
        across = (index + 0.5) / len(self.months)
        up = (value - lowest) / (1 - lowest)
        return QPointF(plot.left() + across * plot.width(), plot.bottom() - up * plot.height())

    def _paint_axis(self, painter: QPainter, plot: QRectF, lowest: float) -> None:
        steps = {0.0: (0, 0.5, 1), -0.5: (-0.5, 0, 0.5, 1), -1.0: (-1, 0, 1)}[lowest]
        for value in steps:
            level = self._point(plot, 0, value, lowest).y()
            painter.setPen(QPen(theme.LINE, 1))
            painter.drawLine(QPointF(plot.left(), level), QPointF(plot.right(), level))
            painter.setPen(theme.MUTED)
            side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, level - 9, self.LEFT - 8, 18), side, f"{value:g}")
        width = plot.width() / len(self.months)
        every = ceil(72 / width)  # pixels that a month's name needs
        for index, (month, figures) in enumerate(self.months):
            middle = plot.left() + (index + 0.5) * width
            label = QRectF(middle - 34, plot.bottom() + 4, 68, 17)
            if (len(self.months) - 1 - index) % every == 0:
                painter.drawText(label, _CENTRE, month)
            painter.drawText(label.translated(0, 16), _CENTRE, str(figures["n"]))
        painter.drawText(QRectF(0, plot.bottom() + 20, self.LEFT - 8, 17), _CENTRE, "n")

    def _paint_legend(self, painter: QPainter) -> None:
        left = float(self.LEFT)
        for text, colour, is_square in (
            (tr("Agreement"), AGREEMENT_COLOUR, False),
            (tr("Kappa"), KAPPA_COLOUR, True),
        ):
            _paint_mark(painter, QPointF(left + 5, 9), colour, is_square)
            painter.setPen(theme.TEXT)
            painter.drawText(QRectF(left + 16, 0, 100, 18), Qt.AlignmentFlag.AlignVCenter, text)
            left += 110


def _paint_line(
    painter: QPainter, points: Sequence[QPointF | None], colour: QColor, is_square: bool
) -> None:
    """Broken where a month has no figure."""
    style = Qt.PenStyle.DashLine if is_square else Qt.PenStyle.SolidLine
    painter.setPen(QPen(colour, 1.6, style))
    for one, other in pairwise(points):
        if one is not None and other is not None:
            painter.drawLine(one, other)
    for point in points:
        if point is not None:
            _paint_mark(painter, point, colour, is_square)


def _paint_mark(painter: QPainter, at: QPointF, colour: QColor, is_square: bool) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    if is_square:
        painter.drawRect(QRectF(at.x() - 4, at.y() - 4, 8, 8))
    else:
        painter.drawEllipse(at, 4.5, 4.5)


def _between(low: QColor, high: QColor, value: int, most: int) -> QColor:
    share = value / most if most else 0.0

    def mixed(a: float, b: float) -> float:
        return a + (b - a) * share

    return QColor.fromRgbF(
        mixed(low.redF(), high.redF()),
        mixed(low.greenF(), high.greenF()),
        mixed(low.blueF(), high.blueF()),
    )
