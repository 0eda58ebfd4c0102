"""The probability of each category, drawn."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.domain import Judgement, Laterality, Prediction
from viewer.display.assessment_form import SIDES
from viewer.display.opinion import percent
from viewer.shared import theme
from viewer.shared.languages import mark, tr

BAR = QColor("#3d6d8c")  # of a category that is not the model's
GRADES = (1, 2, 3, 4, 5)
NOT_OFFERED = mark("not offered by this model")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CategoryBars(QWidget):
    """A bar for each category and breast, growing from the middle to the side it hangs on.

    A category that the model does not have says so and has no bar: it is not 0 %.
    """

    GAP = 6  # between a certain bar and its number

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._predictions: dict[Laterality, Prediction] = {}
        self._offered: tuple[int, ...] = GRADES
        self.row_height = theme.scaled(16)
        self.middle_width = theme.scaled(26)  # for the category's number
        widest = QFontMetrics(theme.font(theme.SMALL_TEXT_PX, bold=True))
        self.percent_width = widest.horizontalAdvance(">99 %") + 2
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Probability of each category"))

    def sizeHint(self) -> QSize:
        return QSize(theme.scaled(300), self.row_height * len(GRADES))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme.scaled(260), self.row_height * len(GRADES))

    def show_predictions(
        self, predictions: Mapping[Laterality, Judgement], offered: Sequence[int]
    ) -> None:
        self._predictions = {
            side: prediction
            for side, prediction in predictions.items()
            if isinstance(prediction, Prediction)
        }
        self._offered = tuple(offered)
        self.setAccessibleDescription("; ".join(self.row_text(grade) for grade in GRADES))
        self.update()

    def row_text(self, grade: int) -> str:
        """What the row shows, in words."""
        category = tr("Category {grade}").format(grade=grade)
        if grade not in self._offered:
            return f"{category} {tr(NOT_OFFERED)}"
        parts = [
            f"{tr(side.name.lower())} {percent(prediction.probabilities[grade])}"
            for side in SIDES
            if (prediction := self._predictions.get(side)) is not None
        ]
        return f"{category} {', '.join(parts)}".strip()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        for number, grade in enumerate(GRADES if self._predictions else ()):
            row = QRect(0, number * self.row_height, self.width(), self.row_height)
            self._paint_row(painter, row, grade)
        painter.end()

    def _paint_row(self, painter: QPainter, row: QRect, grade: int) -> None:
        centre = Qt.AlignmentFlag.AlignCenter
        if grade not in self._offered:
            painter.setFont(theme.font(theme.SMALL_TEXT_PX))
            painter.setPen(theme.MUTED)
            painter.drawText(row, centre, f"{grade}  {tr(NOT_OFFERED)}")
            return
        middle = QRect(0, row.top(), self.middle_width, row.height())
        middle.moveCenter(row.center())
        is_chosen = any(p.category == grade for p in self._predictions.values())
        painter.setFont(theme.font(bold=is_chosen))
        painter.setPen(theme.TEXT if is_chosen else theme.MUTED)
        painter.drawText(middle, centre, str(grade))
        room = row.width() // 2 - self.middle_width // 2 - self.percent_width - self.GAP
        for side in SIDES:
            prediction = self._predictions.get(side)
            if prediction is None:
                continue
            probability = prediction.probabilities[grade]
            is_category = prediction.category == grade
            length = max(1.0, probability * room)
            bar = QRectF(middle.right() + 1, row.top() + 3, length, row.height() - 6)
            number = QRect(row.left(), row.top(), self.percent_width, row.height())
            if side is Laterality.RIGHT:
                bar.moveRight(middle.left())
            else:
                number.moveRight(row.right())
            painter.fillRect(bar, theme.ACCENT if is_category else BAR)
            painter.setFont(theme.font(theme.SMALL_TEXT_PX, bold=is_category))
            painter.setPen(theme.TEXT if is_category else theme.MUTED)
            painter.drawText(number, _RIGHT, percent(probability))
