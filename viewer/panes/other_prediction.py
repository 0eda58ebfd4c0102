"""What other networks predict of the open study, quietly: the members of an ensemble, each alone,
or the network that was asked for a second opinion.
"""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QStackedWidget, QWidget

from engine.domain import Laterality, OutOfScope, Prediction, Study, StudyPrediction
from viewer.display import opinion
from viewer.display.assessment_form import SIDES
from viewer.display.opinion import model_title
from viewer.display.prediction_lines import beside_lines, network_lines, networks_by_view
from viewer.panes import labels
from viewer.shared.languages import tr
from viewer.shared.messages import localised
from viewer.shared.plain_text import tool_tip
from viewer.shared.states import EngineState, OtherModelPrediction, StudyState

HASH_LENGTH = 8  # characters of the checkpoint's SHA-256 that are shown
COLUMN_GAP = 16  # pixels between the breasts


class OtherPrediction(QStackedWidget):
    """In as many lines whatever comes; each breast's stand in the column that it has above."""

    SECOND_OPINION, NETWORKS = 2, 3  #: lines

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("The other model"))
        top_left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        self._sentence = labels.wrapped(self, quiet=True)
        self._sentence.setAlignment(top_left)
        by_breast = QWidget(self)
        self._title = labels.line(by_breast)
        self.breasts = {side: labels.wrapped(by_breast, quiet=True) for side in SIDES}
        grid = QGridLayout(by_breast)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(COLUMN_GAP)
        grid.setVerticalSpacing(0)
        grid.addWidget(self._title, 0, 0, 1, 2)
        for column, label in enumerate(self.breasts.values()):
            label.setAlignment(top_left)
            grid.addWidget(label, 1, column)
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(1, 1)
        self.addWidget(self._sentence)
        self.addWidget(by_breast)
        self.reserve(self.SECOND_OPINION)

    def reserve(self, lines: int) -> None:
        labels.reserve(self._sentence, lines)
        self.setFixedHeight(self._sentence.minimumHeight())

    @property
    def text(self) -> str:
        """What it shows, in words."""
        return self.accessibleDescription()

    def show_other(
        self, other: OtherModelPrediction | None, chosen: StudyPrediction | None = None
    ) -> None:
        """None: there is nothing to show. Where the `chosen` model has another category, that is
        shown, too.
        """
        prediction = None if other is None else other.prediction
        lines = {} if prediction is None else beside_lines(prediction, chosen)
        if other is None:
            self._show("", lines, "")
            self.setToolTip("")
            return
        title = f"{model_title(other.engine.model_name)}:" if lines else ""
        self._show(title, lines, "" if lines else _sentence(other))
        self.setToolTip(_tool_tip(other))

    def show_networks(self, study: Study, prediction: StudyPrediction) -> None:
        """Side by side, each alone, and on what they differ."""
        breasts = {breast.laterality: breast.prediction for breast in prediction.breasts}
        lines = {
            side: network_lines(breasts[side], opinion.views_of(study, prediction, side))
            for side in SIDES
            if side in breasts
        }
        self._show("", lines, "" if lines else networks_by_view(study, prediction))
        models = [
            f"{model_title(member.model.name)} · {member.model.sha256[:HASH_LENGTH]}"
            for member in prediction.members
        ]
        self.setToolTip(tool_tip(*models))

    def _show(self, title: str, lines: dict[Laterality, str], sentence: str) -> None:
        self._sentence.setText(sentence)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        for side, label in self.breasts.items():
            label.setText(lines.get(side, ""))
        self.setCurrentIndex(1 if lines else 0)
        text = ", ".join(of_breast.replace("\n", "; ") for of_breast in lines.values())
        self.setAccessibleDescription(f"{title} {text}".strip() if lines else sentence)


def _sentence(other: OtherModelPrediction) -> str:
    title = model_title(other.engine.model_name)
    prediction = other.prediction
    if prediction is not None:
        if any(isinstance(view.prediction, Prediction) for view in prediction.views):
            return tr("{model}: views only; choose it to see them.").format(model=title)
        return tr("{model}: out of scope").format(model=title)
    failure = other.engine.failure or other.status.failure
    if failure is not None:
        failed = tr("{model} failed. {why}")
        return failed.format(model=title, why=localised(failure.title))
    if other.engine.state is EngineState.STARTING:
        return tr("{model} is starting …").format(model=title)
    if other.status.state is StudyState.RUNNING:
        return tr("{model} is at work …").format(model=title)
    return tr("{model} is asked next …").format(model=title)


def _tool_tip(other: OtherModelPrediction) -> str:
    lines = [model_title(other.engine.model_name)]
    identity = other.engine.identity
    if other.prediction is not None:
        identity = other.prediction.model
        judgements = [breast.prediction for breast in other.prediction.breasts]
        judgements += [view.prediction for view in other.prediction.views]
        refused = (each for each in judgements if isinstance(each, OutOfScope))
        lines += dict.fromkeys(localised(each.reason) for each in refused)
    if identity is not None:
        lines[0] += f" · {identity.sha256[:HASH_LENGTH]}"
    failure = other.engine.failure or other.status.failure
    if failure is not None and other.prediction is None:
        lines.append(f"{localised(failure.title)}. {localised(failure.advice)}")
    lines.append(tr("Choose it to see its answer in full."))
    return tool_tip(*lines)
