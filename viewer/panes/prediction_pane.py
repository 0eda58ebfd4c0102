"""What the model predicts of the open study: per breast, per view, or why it predicts nothing.

The right breast stands on the left, as the images hang. The pane's height does not depend on the
prediction, so that nothing below it moves under the reader's hand. Where there is no prediction to
show, nothing of an earlier one is left in it, not even on a page that is not seen.
"""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Prediction, Study, StudyPrediction
from engine.errors import EngineError
from viewer.display import opinion
from viewer.display.assessment_form import SIDES
from viewer.display.opinion import model_title
from viewer.display.prediction_lines import absence, no_category_lines, view_lines
from viewer.display.reading_modes import MODE_TITLES
from viewer.panes import labels
from viewer.panes.breast_column import BreastColumn
from viewer.panes.category_bars import GRADES, CategoryBars
from viewer.panes.other_prediction import COLUMN_GAP, HASH_LENGTH, OtherPrediction
from viewer.panes.pager import GAP, Pager
from viewer.panes.view_list import ViewList
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised
from viewer.shared.states import (
    EngineState,
    EngineStatus,
    OtherModelPrediction,
    Phase,
    ReadingState,
    StudyProgress,
    StudyState,
    StudyStatus,
)

CALIBRATION_CAVEAT = mark(
    "Confidence was calibrated on enriched archive cases, not on a screening population."
)
ATTENTION_CAVEAT = mark("Model attention, not a lesion outline.")
ATTENTION_SCALE = mark(
    "One scale for all images: its end is a fixed activation that belongs to the model, so a quiet "
    "breast looks quiet."
)
EDGE = 6  # pixels
LEAST_VIEW_LINES, MOST_VIEW_LINES = 2, 24  # that there is room for


class PredictionPane(QWidget):
    """The prediction for the open study, and how its heat-map is shown."""

    # Whether the heat-map is shown, and its opacity in [0, 1]
    overlay_changed = Signal(bool, float)
    # The reader wants the engine to be started once more
    retry_requested = Signal()
    # The reader wants more or less of it: its heights have changed
    room_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._prediction: StudyPrediction | None = None
        self._part: StudyPrediction | None = None
        self._status = StudyStatus(StudyState.IDLE)
        self._engine: EngineStatus | None = None
        self._reading: ReadingState | None = None
        self._other: OtherModelPrediction | None = None
        self._is_other_wanted = self._are_networks_wanted = False
        self._cancers_per_1000: float | None = None

        self._is_low = False
        self.model, self._model_below = labels.line(self), labels.line(self)
        for label in (self.model, self._model_below):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.columns = {side: BreastColumn(side, self) for side in SIDES}
        self.bars = CategoryBars(self)
        self.views = ViewList(self)
        self.other = OtherPrediction(self)
        self.caveat = labels.wrapped(self, quiet=True)
        self._waiting = self._make_waiting()
        self._breasts = self._make_breasts()
        self._heat_map = self._make_heat_map()
        self.pager = Pager(self)
        self.pager.add(tr("Breasts", "of a woman"), self._waiting, takes_rest=True)
        self.pager.add(tr("Breasts", "of a woman"), self._breasts)
        self.pager.add(tr("Views", "of a breast"), self.views)
        for remark in self.views.remarks:
            self.pager.add(tr("Reasons"), remark)
        self.pager.add(tr("Categories"), self.bars)
        self.pager.add_stretch()
        self.pager.add(tr("Networks"), self.other)
        self.pager.add(tr("Notes"), self.caveat)
        self.pager.add(tr("Heat-map"), self._heat_map)
        self.pager.add(tr("Model"), self._model_below)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, EDGE, 10, EDGE)
        layout.setSpacing(GAP)
        layout.addWidget(self.model)
        layout.addWidget(self.pager, 1)
        self.setMinimumWidth(theme.scaled(330))  # so that the reserved lines hold the texts
        self.show_prior(None)

    def _make_waiting(self) -> QWidget:
        page = QWidget(self)
        self.waiting = labels.wrapped(page, theme.TEXT_PX, quiet=True)
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.retry_button = QPushButton(tr("Try again"), page)
        self.retry_button.clicked.connect(self.retry_requested)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addWidget(self.waiting)
        column.addWidget(self.retry_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        return page

    def _make_breasts(self) -> QWidget:
        breasts = QWidget(self)
        row = QHBoxLayout(breasts)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(COLUMN_GAP)
        for column in self.columns.values():
            row.addWidget(column, 1)
        return breasts

    def _make_heat_map(self) -> QWidget:
        """Its switch and opacity, and what it is not."""
        block = QWidget(self)
        self.overlay_button = QPushButton(tr("Heat-map"), block)
        self.overlay_button.setCheckable(True)
        self.overlay_button.setToolTip(f"{tr(ATTENTION_CAVEAT)} {tr(ATTENTION_SCALE)}")
        self.overlay_button.toggled.connect(self._on_overlay_changed)
        self.opacity_slider = QSlider(Qt.Orientation.Horizontal, block)
        self.opacity_slider.setRange(5, 100)
        self.opacity_slider.setAccessibleName(tr("Opacity of the heat-map"))
        self.opacity_slider.setToolTip(tr("Opacity of the heat-map"))
        self.opacity_slider.setMinimumWidth(60)
        self.opacity_slider.valueChanged.connect(self._on_overlay_changed)
        attention = labels.wrapped(block, quiet=True)
        attention.setText(tr(ATTENTION_CAVEAT))
        attention.setToolTip(tr(ATTENTION_SCALE))
        grid = QGridLayout(block)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(GAP)
        grid.addWidget(self.overlay_button, 0, 0)
        grid.addWidget(self.opacity_slider, 0, 1)
        grid.addWidget(attention, 1, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        return block

    # ------------------------------------------------------------------------------ its height

    def heights(self, width: int) -> tuple[int, int]:
        """Pixels that it needs for a breast with two views on one page, and that it has a use for;
        whatever is predicted.
        """
        inner = width - 20
        blocks = [
            max(column.minimumHeight() for column in self.columns.values()),
            self.bars.sizeHint().height(),
            self.caveat.heightForWidth(inner),
            self._heat_map.sizeHint().height(),
        ]
        if self._is_line_wanted:
            blocks.append(self.other.minimumHeight())
        fixed = 2 * EDGE + self.model.sizeHint().height() + sum(blocks) + GAP * (len(blocks) + 1)
        least = self.views.reserved_height(LEAST_VIEW_LINES)
        return fixed + least, fixed + self.views.reserved_height(MOST_VIEW_LINES)

    def set_low(self, is_low: bool) -> None:
        """On a screen where every row counts the model's name, which stands in the toolbar, goes to
        the last page.
        """
        if is_low != self._is_low:
            self._is_low = is_low
            edge = 4 if is_low else EDGE
            if layout := self.layout():
                layout.setContentsMargins(10, edge, 10, edge)
            self.model.setVisible(not is_low)
            self._refresh()

    def _on_room_changed(self) -> None:
        self._refresh()
        self.room_changed.emit()

    # ----------------------------------------------------------------------------- what it shows

    @property
    def study(self) -> Study | None:
        return self._study

    @property
    def prediction(self) -> StudyPrediction | None:
        """What is shown; None while there is none, or it is hidden."""
        return self._prediction

    def show_study(self, study: Study | None) -> None:
        """Forgets the prediction of the study before."""
        self._study = study
        self._prediction = self._part = None
        self._status = StudyStatus(StudyState.QUEUED if study is not None else StudyState.IDLE)
        self._other = None
        self.pager.turn_to_first()  # there stands the category, or why there is none
        self._refresh()

    def show_prediction(self, prediction: StudyPrediction | None) -> None:
        """None: nothing is known, e.g. as the model was changed.

        Raises ValueError where the prediction is of another study than the one shown.
        """
        if prediction is not None and (
            self._study is None or prediction.study_uid != self._study.uid
        ):
            raise ValueError("a prediction of another study")
        self._prediction, self._part = prediction, None
        self._refresh()

    def show_part(self, part: StudyPrediction | None) -> None:
        """The breasts that the model is done with, until `show_prediction` tells of all.

        Raises ValueError where it is of another study than the one shown.
        """
        if part is not None and (self._study is None or part.study_uid != self._study.uid):
            raise ValueError("a prediction of another study")
        self._part = part
        self._refresh()

    def show_prior(self, cancers_per_1000: float | None) -> None:
        """What probabilities are shifted to, beside the network's own; None: none is stated."""
        self._cancers_per_1000 = cancers_per_1000
        lines = [tr(CALIBRATION_CAVEAT)]
        if cancers_per_1000 is not None:
            lines.append(opinion.shift_rule(cancers_per_1000))
        self.caveat.setText("\n".join(lines))
        for column in self.columns.values():
            column.reserve_prior(cancers_per_1000 is not None)
        self._on_room_changed()

    def reserve_other(self, is_wanted: bool) -> None:
        """Gives the model that was not chosen its lines, or takes them away."""
        self._is_other_wanted = is_wanted
        self._reserve_lines()

    def reserve_networks(self, are_wanted: bool) -> None:
        """The same for the networks of an ensemble, whatever else is wanted."""
        self._are_networks_wanted = are_wanted
        self._reserve_lines()

    def _reserve_lines(self) -> None:
        other = self.other
        other.reserve(other.NETWORKS if self._are_networks_wanted else other.SECOND_OPINION)
        self._on_room_changed()

    @property
    def _is_line_wanted(self) -> bool:
        return self._is_other_wanted or self._are_networks_wanted

    def show_other(self, other: OtherModelPrediction | None) -> None:
        """None: nothing is known.

        Raises ValueError where it is on another study than the one shown.
        """
        if other is not None and (self._study is None or other.study_uid != self._study.uid):
            raise ValueError("a prediction of another study")
        self._other = other
        self._refresh_other()

    def _refresh_other(self) -> None:
        study, prediction = self._study, self._prediction
        if study is not None and prediction is not None and prediction.members:
            self.other.show_networks(study, prediction)
        else:
            self.other.show_other(self._other, prediction)

    def show_reading(self, reading: ReadingState) -> None:
        """Whether a prediction is awaited or hidden; the prediction itself is shown and taken away
        by `show_prediction`.
        """
        self._reading = reading
        for control in (self.overlay_button, self.opacity_slider):
            control.setEnabled(not reading.phase.is_hidden)
        self._refresh()

    def show_status(self, status: StudyStatus) -> None:
        self._status = status
        self._refresh()

    def show_engine(self, status: EngineStatus) -> None:
        self._engine = status
        self._refresh()

    # ----------------------------------------------------------------------------- the heat-map

    def set_overlay(self, visible: bool, opacity: float) -> None:
        self.overlay_button.setChecked(visible)
        self.opacity_slider.setValue(round(opacity * 100))

    def toggle_overlay(self) -> None:
        self.overlay_button.toggle()

    @property
    def overlay(self) -> tuple[bool, float]:
        """Whether the heat-map is shown, and its opacity in [0, 1]."""
        return self.overlay_button.isChecked(), self.opacity_slider.value() / 100

    def _on_overlay_changed(self) -> None:
        visible, opacity = self.overlay
        self.overlay_changed.emit(visible, opacity)

    # ---------------------------------------------------------------------------------- in words

    def _refresh(self) -> None:
        for label in (self.model, self._model_below):
            label.setText(self._model_text())
        failure = self._engine.failure if self._engine is not None else None
        self.retry_button.setVisible(self._prediction is None and failure is not None)
        self._refresh_other()
        study, prediction = self._study, self._prediction
        if prediction is None and self._part is not None and _has_category(self._part):
            prediction = self._part
        if study is None or prediction is None:
            self.waiting.setText(self._waiting_text())
            self._clear()
            shown: list[QWidget] = [self._waiting]
        else:
            self.waiting.setText("")
            self._fill(study, prediction)
            shown = [self.views, *self.views.shown_remarks]
            if _has_category(prediction):
                shown = [self._breasts, *shown, self.bars]
        if self._is_line_wanted:
            shown.append(self.other)
        shown += [self.caveat, self._heat_map]
        if self._is_low:
            shown.insert(1 if self._cancers_per_1000 is None else len(shown), self._model_below)
        self.pager.show_blocks(shown)

    def _clear(self) -> None:
        for column in self.columns.values():
            column.clear()
        self.bars.show_predictions({}, GRADES)
        self.views.clear()

    def _fill(self, study: Study, prediction: StudyPrediction) -> None:
        breasts = {breast.laterality: breast.prediction for breast in prediction.breasts}
        if prediction is self._part:  # of the other breast's views nothing is to be said yet
            whole = study
            study = replace(whole, views=tuple(v for v in whole.views if v.laterality in breasts))
            coming = {view.laterality for view in whole.views} - breasts.keys()
        else:
            coming = set()
        for side, column in self.columns.items():
            if side in coming:
                column.clear(_still_at_work(self._status.progress))
            elif (judgement := breasts.get(side)) is None:
                column.clear(absence(study, side))
            else:
                views = opinion.views_of(study, prediction, side)
                column.show_judgement(judgement, views, self._cancers_per_1000)
        self.bars.show_predictions(breasts, prediction.model.categories)
        self.views.show_lines(no_category_lines(study, prediction), view_lines(study, prediction))

    def _model_text(self) -> str:
        if self._engine is None:
            return ""
        title = model_title(self._engine.model_name)
        identity = self._engine.identity
        if self._prediction is not None:
            identity = self._prediction.model
        return title if identity is None else f"{title} · {identity.sha256[:HASH_LENGTH]}"

    def _waiting_text(self) -> str:
        if self._engine is not None and self._engine.failure is not None:
            return _two_lines(self._engine.failure)
        if self._study is None:
            return tr("No study is open.")
        if self._status.failure is not None:
            return _two_lines(self._status.failure)
        hidden = self._hidden_text()
        if hidden:
            return hidden
        if self._engine is not None and self._engine.state is EngineState.STARTING:
            return tr("The engine is starting …")
        return {
            StudyState.RUNNING: _at_work(self._status.progress),
            StudyState.IDLE: tr("The model was not asked about this study."),
        }.get(self._status.state, tr("This study is next in the queue."))

    def _hidden_text(self) -> str:
        reading = self._reading
        if reading is None or reading.phase not in (Phase.BEFORE, Phase.NEVER):
            return ""
        if reading.phase is Phase.BEFORE:
            text = tr(
                "The model's answer is hidden.\nIt is shown when you have saved your own category "
                "for each breast."
            )
        else:
            text = tr("The model's answer is hidden.\nIt is kept for the audit and not shown.")
        if reading.chosen is not reading.mode:
            begins = tr("“{mode}” begins with the next study.")
            text += "\n" + begins.format(mode=tr(MODE_TITLES[reading.chosen]))
        return text


def _two_lines(failure: EngineError) -> str:
    return f"{localised(failure.title)}\n{localised(failure.advice)}"


def _has_category(prediction: StudyPrediction) -> bool:
    return any(isinstance(breast.prediction, Prediction) for breast in prediction.breasts)


def _still_at_work(progress: StudyProgress | None) -> str:
    """Of one breast, while the other is done."""
    if progress is None:
        return tr("Still being judged …")
    text = tr("Still being judged:\nview {number} of {count} …")
    return text.format(number=progress.view, count=progress.views)


def _at_work(progress: StudyProgress | None) -> str:
    if progress is None:
        return tr("The model is at work on this study …")
    if progress.seconds_left is None:
        text = tr("The model is at work on this study:\nview {number} of {count} …")
        return text.format(number=progress.view, count=progress.views)
    text = tr(
        "The model is at work on this study:\nview {number} of {count}, some {seconds} s to go …"
    )
    seconds = max(1, round(progress.seconds_left))
    return text.format(number=progress.view, count=progress.views, seconds=seconds)
