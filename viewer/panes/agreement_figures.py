"""How often readers and the model agree: the figures beside the list of readings."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from engine.domain import ReaderAssessment, ReadingMode
from engine.evaluation import agreement
from viewer.panes import labels
from viewer.panes.agreement_charts import ConfusionMatrix, MonthChart
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel

_KAPPAS = ("kappa", "qwk")  # no shares


class AgreementFigures(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.counted = labels.title("", self)
        self.values: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for row, (name, title, meaning) in enumerate(
            (
                ("agreement", tr("Agreement"), tr("Share of “agree” by the reader's own word")),
                ("categories_match", tr("Same category"), tr("4A, 4B and 4C count as 4")),
                (
                    "within_one_category",
                    tr("Within one category"),
                    tr("At most one category apart"),
                ),
                ("kappa", tr("Kappa"), tr("Cohen's, unweighted")),
                (
                    "qwk",
                    tr("Kappa, weighted"),
                    tr("Cohen's, by the squared distance of the categories"),
                ),
            )
        ):
            label, value = PlainLabel(title, self), PlainLabel(self)
            label.setToolTip(meaning)
            value.setToolTip(meaning)
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            value.setAccessibleName(title)
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
            self.values[name] = value
        self.caveat = labels.wrapped(self, quiet=True)
        self.matrix = ConfusionMatrix(self)
        self.months = MonthChart(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 4, 14, 8)
        column.setSpacing(8)
        column.addWidget(self.counted)
        column.addLayout(grid)
        column.addWidget(self.caveat)
        column.addWidget(labels.title(tr("Reader against model"), self))
        column.addWidget(self.matrix)
        column.addWidget(labels.title(tr("By month"), self))
        column.addWidget(self.months)
        column.addStretch(1)

    def show_readings(
        self, readings: Sequence[ReaderAssessment], listed_count: int, hidden_count: int
    ) -> None:
        """Of those that can be compared; how many are listed, and of how many the prediction is
        hidden.
        """
        compared = agreement.comparable(readings)
        figures = agreement.figures(compared)
        count = (
            tr("1 reading compared · {listed} listed")
            if len(compared) == 1
            else tr("%n readings compared · {listed} listed", "", len(compared))
        )
        self.counted.setText(count.format(listed=listed_count))
        for name, label in self.values.items():
            label.setText(_text(figures[name], figures["intervals"].get(name), name not in _KAPPAS))
        self.caveat.setText(_caveat(compared, hidden_count))
        self.matrix.show_matrix(figures["confusion_matrix"], figures["categories"])
        self.months.show_months(agreement.by_month(compared))


def _text(value: float | None, interval: Sequence[float] | None, is_share: bool) -> str:
    if value is None:
        return "–"
    form = "{:.0%}" if is_share else "{:.2f}"
    text = form.format(value)
    if interval:
        low, high = map(form.format, interval)
        text += "   " + tr("({low} to {high})").format(low=low, high=high)
    return text


def _caveat(compared: Sequence[ReaderAssessment], hidden_count: int) -> str:
    if hidden_count == 1:
        return tr("1 reading is not counted: what the model said is hidden from you now.")
    if hidden_count:
        return tr(
            "%n readings are not counted: what the model said is hidden from you now.",
            "",
            hidden_count,
        )
    if any(reading.reading_mode is ReadingMode.CONCURRENT for reading in compared):
        return tr("Concurrent readers saw the answer first, which flatters the model.")
    return tr("Readings with 0 or 6, and those without the model's word, are not compared.")
