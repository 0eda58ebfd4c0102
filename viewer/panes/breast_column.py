"""What the model predicts of one breast: the category, and what it is worth."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.domain import Judgement, Laterality, OutOfScope, Prediction
from viewer.display import opinion
from viewer.display.opinion import Named, percent
from viewer.display.prediction_lines import refusal
from viewer.panes import labels
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.messages import side_title
from viewer.shared.plain_text import tool_tip

SPACING = 1  # pixels between lines
_TOP_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


class BreastColumn(QWidget):
    """As tall whatever is in it, so that nothing below it moves."""

    def __init__(self, side: Laterality, parent: QWidget) -> None:
        super().__init__(parent)
        self.name = labels.wrapped(self, quiet=True)
        self.name.setText(side_title(side))
        self.headline = labels.wrapped(self, theme.TEXT_PX, bold=True)
        self.headline.setAlignment(_TOP_LEFT)
        self.confidence = labels.wrapped(self)
        self.suspicion = labels.wrapped(self)
        self.shifted = labels.wrapped(self)
        self.origin = labels.wrapped(self)
        labels.reserve(self.headline, 3)  # a category, and what it is like
        self._suspicion_lines = 1
        self._lines = (self.confidence, self.suspicion, self.shifted, self.origin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.name)
        layout.addWidget(self.headline, 1)
        for label in self._lines:
            labels.reserve(label, 1)
            layout.addWidget(label)
        self.reserve_prior(False)
        self.clear()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._reserve()

    def _reserve(self) -> None:
        """Two lines for P(4 or 5) where one would be too narrow for its longest words."""
        longest = opinion.longest_suspicion_text()
        room = self.suspicion.fontMetrics().horizontalAdvance(longest)
        lines = 1 if room <= self.width() else 2
        if lines != self._suspicion_lines:
            self._suspicion_lines = lines
            labels.reserve(self.suspicion, lines)
            self.reserve_prior(self._has_prior)

    def reserve_prior(self, is_stated: bool) -> None:
        """Room for what P(4 or 5) is where cancers are rarer."""
        self._has_prior = is_stated
        lines = [line for line in self._lines if is_stated or line is not self.shifted]
        heights = [row.minimumHeight() for row in (self.headline, *lines)]
        self.setFixedHeight(self.name.sizeHint().height() + sum(heights) + SPACING * len(heights))

    def clear(self, absence: str = "") -> None:
        """`absence`: why nothing is predicted of the breast; it has the room of all lines."""
        self.setToolTip("")
        self.headline.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.headline.setText(absence)
        for label in self._lines:
            label.hide()
            label.setText("")

    def show_judgement(
        self,
        judgement: Judgement,
        views: Sequence[Named] = (),
        cancers_per_1000: float | None = None,
    ) -> None:
        """`views` are all of the breast's."""
        if isinstance(judgement, OutOfScope):
            self.clear(refusal(judgement, views))
            self.setToolTip(tool_tip(self.headline.text()))
            return
        for label in self._lines:
            label.setVisible(self._has_prior or label is not self.shifted)
        self.headline.setFont(theme.font(bold=True))
        text = tr("Model category {category}\n({meaning})")
        self.headline.setText(
            text.format(category=judgement.category, meaning=opinion.meaning(judgement))
        )
        self.confidence.setText(
            tr("confidence {percent}").format(percent=percent(judgement.confidence))
        )
        self.suspicion.setText(opinion.suspicion_text(judgement))
        is_pooled = sum(isinstance(each, Prediction) for _, each in views) > 1
        is_amber = opinion.is_amber(judgement, is_pooled)
        labels.colour(self.suspicion, theme.WARNING if is_amber else theme.TEXT)
        shifted = opinion.shifted(judgement, is_pooled, cancers_per_1000)
        self.shifted.setText("" if shifted is None else f"→ {opinion.per_1000(shifted)}")
        self.origin.setText(opinion.origin(views))
        labels.colour(self.origin, theme.WARNING if opinion.spread(views) else theme.MUTED)
        self.setToolTip(tool_tip(opinion.pooling_text(views)))
