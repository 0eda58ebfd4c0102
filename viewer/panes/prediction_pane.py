"""What the model says of the open study: per breast, per view, or why it says nothing.

The right breast stands on the left, as the images hang. The pane keeps its height whatever the
answer, so that nothing below it moves under the reader's hand. Where there is no answer to show,
nothing of an earlier one is left in it, not even behind the page that shows.
"""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSlider,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    Judgement,
    Laterality,
    MammogramView,
    OutOfScope,
    Prediction,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer.display import opinion
from viewer.display.opinion import Named, model_title
from viewer.display.reading_modes import MODE_TITLES
from viewer.shared import theme
from viewer.shared.engine_words import form_notes, localised, side_title
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel, tool_tip
from viewer.shared.states import (
    EngineState,
    EngineStatus,
    OtherAnswer,
    Phase,
    ReadingState,
    StudyState,
    StudyStatus,
)

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
BAR = QColor("#3d6d8c")  # of a category that is not the model's
SIDES = (Laterality.RIGHT, Laterality.LEFT)  # as they hang
_LIMIT = f"{opinion.SUSPICION_LIMIT:.0%}".replace("%", " %")
GRADES = (1, 2, 3, 4, 5)
HASH_LENGTH = 8  # characters of the checkpoint's SHA-256 that are shown
COLUMN_GAP = 16  # pixels between the breasts
ROW_GAP = 4
NOT_OFFERED = mark("not offered by this model")
CALIBRATION_CAVEAT = mark(
    "Confidence was calibrated on enriched archive cases, not on a screening population."
)
ATTENTION_CAVEAT = mark("Model attention, not a lesion outline.")
ATTENTION_SCALE = mark(
    "One scale for all images: its end is a fixed activation that belongs to the model, so a quiet "
    "breast looks quiet."
)


def percent(probability: float) -> str:
    """Whole per cent; neither certainty nor impossibility is claimed by rounding."""
    if 0 < probability < 0.005:
        return "<1 %"
    if 0.995 <= probability < 1:
        return ">99 %"
    return f"{probability:.0%}".replace("%", " %")


class CategoryBars(QWidget):
    """A bar for each category and breast, growing from the middle to the side it hangs on.

    A category that the model does not have says so and has no bar: it is not 0 %.
    """

    ROW_HEIGHT = 16
    MIDDLE = 26  # for the category's number
    GAP = 6  # between a certain bar and its number

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._predictions: dict[Laterality, Prediction] = {}
        self._offered: tuple[int, ...] = GRADES
        widest = QFontMetrics(theme.font(theme.SMALL_TEXT_PX, bold=True))
        self.percent_width = widest.horizontalAdvance(">99 %") + 2
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Probability of each category"))

    def sizeHint(self) -> QSize:
        return QSize(300, self.ROW_HEIGHT * len(GRADES))

    def minimumSizeHint(self) -> QSize:
        return QSize(260, self.ROW_HEIGHT * len(GRADES))

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
            f"{localised(side.name.lower())} {percent(prediction.probabilities[grade])}"
            for side in SIDES
            if (prediction := self._predictions.get(side)) is not None
        ]
        return f"{category} {', '.join(parts)}".strip()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        for number, grade in enumerate(GRADES if self._predictions else ()):
            row = QRect(0, number * self.ROW_HEIGHT, self.width(), self.ROW_HEIGHT)
            self._paint_row(painter, row, grade)
        painter.end()

    def _paint_row(self, painter: QPainter, row: QRect, grade: int) -> None:
        centre = Qt.AlignmentFlag.AlignCenter
        if grade not in self._offered:
            painter.setFont(theme.font(theme.SMALL_TEXT_PX))
            painter.setPen(theme.MUTED)
            painter.drawText(row, centre, f"{grade}  {tr(NOT_OFFERED)}")
            return
        middle = QRect(0, row.top(), self.MIDDLE, row.height())
        middle.moveCenter(row.center())
        is_chosen = any(p.category == grade for p in self._predictions.values())
        painter.setFont(theme.font(bold=is_chosen))
        painter.setPen(theme.TEXT if is_chosen else theme.MUTED)
        painter.drawText(middle, centre, str(grade))
        room = row.width() // 2 - self.MIDDLE // 2 - self.percent_width - self.GAP
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


class _BreastColumn(QWidget):
    """The words for one breast: its category above the bars, its views below them."""

    def __init__(self, side: Laterality, parent: QWidget) -> None:
        super().__init__(parent)
        self.name = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        self.name.setText(side_title(side))
        self.headline = _label(self, theme.TEXT_PX, bold=True)
        self.headline.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.confidence = _label(self, theme.SMALL_TEXT_PX)
        self.suspicion = _label(self, theme.SMALL_TEXT_PX)
        self.shifted = _label(self, theme.SMALL_TEXT_PX)
        self.doubt = _label(self, theme.SMALL_TEXT_PX)
        _colour(self.doubt, theme.WARNING)
        self.views = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.name)
        layout.addWidget(self.headline, 1)
        layout.addWidget(self.confidence)
        layout.addWidget(self.suspicion)
        layout.addWidget(self.shifted)
        layout.addWidget(self.doubt)
        _reserve(self.headline, 3)  # a category, and what it is like
        for label in (self.confidence, self.suspicion, self.shifted, self.doubt):
            _reserve(label, 1)
        self.reserve_prior(False)

    def reserve_prior(self, is_stated: bool) -> None:
        """Room for what P(4 or 5) is where cancers are rarer."""
        self.shifted.setVisible(is_stated)

    def show_prediction(
        self,
        prediction: Judgement | None,
        silence: str,
        views: Sequence[Named] = (),
        cancers_per_1000: float | None = None,
    ) -> None:
        """`silence` stands where there is no prediction for the breast; `views` are all of its."""
        self.setToolTip("")
        is_judged = isinstance(prediction, Prediction)
        self.headline.setFont(
            theme.font(bold=True) if is_judged else theme.font(theme.SMALL_TEXT_PX)
        )
        if isinstance(prediction, Prediction):
            meaning = opinion.meaning(prediction)
            said = tr("Model category {category}\n({meaning})")
            self.headline.setText(said.format(category=prediction.category, meaning=meaning))
            judged = sum(isinstance(said, Prediction) for _, said in views)
            confidence = tr("confidence {percent}").format(percent=percent(prediction.confidence))
            self.confidence.setText(confidence)
            suspicion = tr("P(4 or 5) {percent}").format(percent=percent(prediction.suspicion))
            is_doubted = opinion.is_doubted(prediction)
            self.suspicion.setText(f"{suspicion} > {_LIMIT}" if is_doubted else suspicion)
            _colour(self.suspicion, theme.WARNING if is_doubted else theme.TEXT)
            shifted = opinion.shifted(prediction, judged > 1, cancers_per_1000)
            self.shifted.setText("" if shifted is None else f"→ {opinion.per_1000(shifted)}")
            self.doubt.setText(opinion.spread(views))
            self.setToolTip(tool_tip(opinion.pooling_words(views)))
            return
        if prediction is not None:
            silence = " ".join([tr("Out of scope."), localised(prediction.reason)])
        self.headline.setText(silence)
        for label in (self.confidence, self.suspicion, self.shifted, self.doubt):
            label.setText("")


class OtherLine(QStackedWidget):
    """Quietly, in as many lines whatever comes: what each network of an ensemble says alone, or
    what the network says that was asked for a second opinion.

    Each breast's word stands in the column that the breast has above.
    """

    SECOND_OPINION, NETWORKS = 2, 3  #: lines

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("The other model"))
        self._sentence = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        answer = QWidget(self)
        self._title = _line(answer)
        self._words = {side: _label(answer, theme.SMALL_TEXT_PX, quiet=True) for side in SIDES}
        grid = QGridLayout(answer)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(COLUMN_GAP)
        grid.setVerticalSpacing(0)
        grid.addWidget(self._title, 0, 0, 1, 2)
        for column, side in enumerate(SIDES):
            grid.addWidget(self._words[side], 1, column)
            grid.setColumnStretch(column, 1)
        self.addWidget(self._sentence)
        self.addWidget(answer)
        self.reserve(self.SECOND_OPINION)

    def reserve(self, lines: int) -> None:
        said = self._sentence.text()
        _reserve(self._sentence, lines)
        self._sentence.setText(said)
        self.setFixedHeight(self._sentence.minimumHeight())

    def show_answer(
        self, answer: OtherAnswer | None, chosen: StudyPrediction | None = None
    ) -> None:
        """None: there is nothing to say. Where the `chosen` model says another category, so it
        is said.
        """
        prediction = None if answer is None else answer.prediction
        words = {} if prediction is None else _words_by_side(prediction, chosen)
        title = f"{model_title(answer.engine.model_name)}:" if words else ""
        self._show(title, words, "" if answer is None or words else self._sentence_of(answer))
        self.setToolTip("" if answer is None else self._tool_tip(answer))

    def show_networks(self, study: Study, prediction: StudyPrediction) -> None:
        """Side by side, each alone, and on what they differ."""
        breasts = {breast.laterality: breast.prediction for breast in prediction.breasts}
        words = {
            side: _networks_words(breasts[side], opinion.views_of(study, prediction, side))
            for side in SIDES
            if side in breasts
        }
        self._show("", words, "" if words else self._networks_by_view(study, prediction))
        lines = [
            f"{model_title(member.model.name)} · {member.model.sha256[:HASH_LENGTH]}"
            for member in prediction.members
        ]
        self.setToolTip(tool_tip(*lines))

    @staticmethod
    def _networks_by_view(study: Study, prediction: StudyPrediction) -> str:
        said = {view.image_uid: view.prediction for view in prediction.views}
        views = [(v.label, said[v.image_uid]) for v in study.views if v.image_uid in said]
        places = opinion.where_networks_differ(None, views)
        if not places:
            return tr("Both networks say the same categories.")
        return tr("The networks differ: {places}").format(places=", ".join(places))

    def _show(self, title: str, words: dict[Laterality, str], sentence: str) -> None:
        self._sentence.setText(sentence)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        for side, label in self._words.items():
            label.setText(words.get(side, ""))
        self.setCurrentIndex(1 if words else 0)
        said = ", ".join(text.replace("\n", "; ") for text in words.values())
        self.setAccessibleDescription(f"{title} {said}".strip() if words else sentence)

    @property
    def text(self) -> str:
        """What it shows, in words."""
        return self.accessibleDescription()

    @staticmethod
    def _sentence_of(answer: OtherAnswer) -> str:
        title = model_title(answer.engine.model_name)
        prediction = answer.prediction
        if prediction is not None:
            if any(isinstance(view.prediction, Prediction) for view in prediction.views):
                return tr("{model}: views only; choose it to see them.").format(model=title)
            return tr("{model}: out of scope").format(model=title)
        failure = answer.engine.failure or answer.status.failure
        if failure is not None:
            failed = tr("{model} failed. {why}")
            return failed.format(model=title, why=localised(failure.title))
        if answer.engine.state is EngineState.STARTING:
            return tr("{model} is starting …").format(model=title)
        if answer.status.state is StudyState.RUNNING:
            return tr("{model} is at work …").format(model=title)
        return tr("{model} is asked next …").format(model=title)

    @staticmethod
    def _tool_tip(answer: OtherAnswer) -> str:
        lines = [model_title(answer.engine.model_name)]
        identity = answer.engine.identity
        if answer.prediction is not None:
            identity = answer.prediction.model
            said = [b.prediction for b in answer.prediction.breasts]
            said += [view.prediction for view in answer.prediction.views]
            lines += dict.fromkeys(localised(p.reason) for p in said if isinstance(p, OutOfScope))
        if identity is not None:
            lines[0] += f" · {identity.sha256[:HASH_LENGTH]}"
        failure = answer.engine.failure or answer.status.failure
        if failure is not None and answer.prediction is None:
            lines.append(f"{localised(failure.title)}. {localised(failure.advice)}")
        lines.append(tr("Choose it to see its answer in full."))
        return tool_tip(*lines)


class PredictionPane(QWidget):
    """The model's word on the open study, and how its heat-map is shown."""

    # Whether the heat-map is shown, and its opacity in [0, 1]
    overlay_changed = Signal(bool, float)
    # The reader wants the engine to be started once more
    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._prediction: StudyPrediction | None = None
        self._status = StudyStatus(StudyState.IDLE)
        self._engine: EngineStatus | None = None
        self._reading: ReadingState | None = None
        self._second: OtherAnswer | None = None
        self._is_other_wanted = self._are_networks_wanted = False
        self._cancers_per_1000: float | None = None

        self._model = _line(self)
        self._model.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._columns = {side: _BreastColumn(side, self) for side in SIDES}
        self._bars = CategoryBars(self)
        self._loose_views = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        self._loose_views.hide()

        answer = QWidget(self)
        grid = QGridLayout(answer)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(COLUMN_GAP)
        grid.setVerticalSpacing(ROW_GAP)
        for column, side in enumerate(SIDES):
            grid.addWidget(self._columns[side], 0, column)
            grid.setColumnStretch(column, 1)
        grid.addWidget(self._bars, 1, 0, 1, 2)
        self._views = self._make_views(answer)
        grid.addWidget(self._views, 2, 0, 1, 2)

        waiting = QWidget(self)
        self._waiting = _label(waiting, theme.TEXT_PX, quiet=True)
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._retry = QPushButton(tr("Try again"), waiting)
        self._retry.clicked.connect(self.retry_requested)
        waiting_layout = QVBoxLayout(waiting)
        waiting_layout.addStretch(1)
        waiting_layout.addWidget(self._waiting)
        waiting_layout.addWidget(self._retry, 0, Qt.AlignmentFlag.AlignHCenter)
        waiting_layout.addStretch(1)

        self._pages = QStackedWidget(self)  # as tall as the taller page: nothing moves
        self._pages.addWidget(waiting)
        self._pages.addWidget(answer)

        self._other = OtherLine(self)
        self._other.hide()

        rule = _line(self)
        rule.setText(tr(opinion.POOLING_RULE))
        self._caveat = _label(self, theme.SMALL_TEXT_PX, quiet=True)

        self._overlay = QPushButton(tr("Heat-map"), self)
        self._overlay.setCheckable(True)
        self._overlay.setToolTip(f"{tr(ATTENTION_CAVEAT)} {tr(ATTENTION_SCALE)}")
        self._overlay.toggled.connect(self._on_overlay_changed)
        self._opacity = QSlider(Qt.Orientation.Horizontal, self)
        self._opacity.setRange(5, 100)
        self._opacity.setAccessibleName(tr("Opacity of the heat-map"))
        self._opacity.setToolTip(tr("Opacity of the heat-map"))
        self._opacity.setMinimumWidth(60)
        self._opacity.valueChanged.connect(self._on_overlay_changed)
        overlay = QHBoxLayout()
        overlay.addWidget(self._overlay)
        overlay.addWidget(self._opacity, 1)
        attention = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        attention.setText(tr(ATTENTION_CAVEAT))
        attention.setToolTip(tr(ATTENTION_SCALE))

        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(5)
        layout.addWidget(self._model)
        layout.addWidget(self._pages)
        layout.addWidget(self._other)
        layout.addWidget(rule)
        layout.addWidget(self._caveat)
        layout.addLayout(overlay)
        layout.addWidget(attention)
        layout.addStretch(1)
        self.setMinimumWidth(330)  # so that the reserved lines hold the words
        self._reserved = 0
        self.reserve_views(2)
        self.show_prior(None)

    def _make_views(self, parent: QWidget) -> QScrollArea:
        """The words for each view; they alone scroll, so that nothing below is cut off."""
        views = QWidget(parent)
        grid = QGridLayout(views)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(COLUMN_GAP)
        grid.setVerticalSpacing(4)
        for column, side in enumerate(SIDES):
            label = self._columns[side].views
            label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, 0, column)
            grid.setColumnStretch(column, 1)
        grid.addWidget(self._loose_views, 1, 0, 1, 2)
        grid.setRowStretch(2, 1)
        area = QScrollArea(parent)
        area.setWidget(views)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.verticalScrollBar().rangeChanged.connect(
            lambda _, most: area.setFocusPolicy(  # a stop of the keyboard where it scrolls
                Qt.FocusPolicy.TabFocus if most else Qt.FocusPolicy.NoFocus
            )
        )
        area.setAccessibleName(tr("What the model says of each view"))
        return area

    def reserve_views(self, lines: int) -> None:
        """Room for that many lines on each breast's views; more are scrolled to."""
        metrics = QFontMetrics(theme.font(theme.SMALL_TEXT_PX))
        reserved = lines * metrics.lineSpacing() + 2
        if reserved != self._reserved:
            self._reserved = reserved
            self._share_room(not self._bars.isHidden())
            self._settle()

    def _share_room(self, has_bars: bool) -> None:
        """Where no breast has a category there are no bars: their room is the views', which then
        have more to say. What stands below does not move.
        """
        room = 0 if has_bars else self._bars.sizeHint().height() + ROW_GAP
        self._views.setFixedHeight(self._reserved + room)

    # ----------------------------------------------------------------------------- what it shows

    def show_study(self, study: Study | None) -> None:
        """Forgets the prediction of the study before."""
        self._study = study
        self._prediction = None
        self._status = StudyStatus(StudyState.QUEUED if study is not None else StudyState.IDLE)
        self._second = None
        self._refresh()

    def show_prediction(self, prediction: StudyPrediction | None) -> None:
        """None: nothing is known, e.g. as the model was changed.

        Raises ValueError where the prediction is of another study than the one shown.
        """
        if prediction is not None and (
            self._study is None or prediction.study_uid != self._study.uid
        ):
            raise ValueError("a prediction of another study")
        self._prediction = prediction
        self._refresh()

    def show_prior(self, cancers_per_1000: float | None) -> None:
        """What probabilities are shifted to, beside the network's own; None: none is stated."""
        self._cancers_per_1000 = cancers_per_1000
        rules = [tr(CALIBRATION_CAVEAT)]
        if cancers_per_1000 is not None:
            rules.append(opinion.shift_rule(cancers_per_1000))
        self._caveat.setText("\n".join(rules))
        for column in self._columns.values():
            column.reserve_prior(cancers_per_1000 is not None)
        self._refresh()
        self._settle()

    def _settle(self) -> None:
        """Lays out what has changed, the inner parts first, so that its height is true at once."""
        for widget in (*reversed(self.findChildren(QWidget)), self):
            if widget.layout() is not None:
                widget.layout().activate()

    def reserve_other(self, is_wanted: bool) -> None:
        """Gives the model that was not chosen its line, or takes it away."""
        self._is_other_wanted = is_wanted
        self._reserve_line()

    def reserve_networks(self, are_wanted: bool) -> None:
        """The same for the networks of an ensemble, whatever else is wanted."""
        self._are_networks_wanted = are_wanted
        self._reserve_line()

    def _reserve_line(self) -> None:
        line = self._other
        line.reserve(line.NETWORKS if self._are_networks_wanted else line.SECOND_OPINION)
        line.setVisible(self._is_other_wanted or self._are_networks_wanted)

    def show_other(self, answer: OtherAnswer | None) -> None:
        """None: nothing is known.

        Raises ValueError where the answer is on another study than the one shown.
        """
        if answer is not None and (self._study is None or answer.study_uid != self._study.uid):
            raise ValueError("an answer on another study")
        self._second = answer
        self._refresh_other()

    def _refresh_other(self) -> None:
        study, prediction = self._study, self._prediction
        if study is not None and prediction is not None and prediction.members:
            self._other.show_networks(study, prediction)
        else:
            self._other.show_answer(self._second, prediction)

    def show_reading(self, reading: ReadingState) -> None:
        """Whether an answer is awaited or hidden; the answer itself is shown and taken away by
        `show_prediction`.
        """
        self._reading = reading
        for control in (self._overlay, self._opacity):
            control.setEnabled(not reading.phase.is_hidden)
        self._refresh()

    def show_status(self, status: StudyStatus) -> None:
        self._status = status
        self._refresh()

    def show_engine(self, status: EngineStatus) -> None:
        self._engine = status
        self._refresh()

    def set_overlay(self, visible: bool, opacity: float) -> None:
        self._overlay.setChecked(visible)
        self._opacity.setValue(round(opacity * 100))

    def toggle_overlay(self) -> None:
        self._overlay.toggle()

    @property
    def overlay(self) -> tuple[bool, float]:
        """Whether the heat-map is shown, and its opacity in [0, 1]."""
        return self._overlay.isChecked(), self._opacity.value() / 100

    def _on_overlay_changed(self) -> None:
        visible, opacity = self.overlay
        self.overlay_changed.emit(visible, opacity)

    # ---------------------------------------------------------------------------------- in words

    def _refresh(self) -> None:
        self._model.setText(self._model_text())
        failure = self._engine.failure if self._engine is not None else None
        self._retry.setVisible(self._prediction is None and failure is not None)
        self._refresh_other()
        if self._prediction is None or self._study is None:
            self._waiting.setText(self._waiting_text())
            self._clear_answer()  # while it shows: a hidden page keeps its room to the last
            self._pages.setCurrentIndex(0)
            return
        self._show_answer(self._study, self._prediction)
        self._pages.setCurrentIndex(1)

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
            StudyState.RUNNING: tr("The model is at work on this study …"),
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

    def _clear_answer(self) -> None:
        for column in self._columns.values():
            column.show_prediction(None, "")
            column.views.setText("")
        self._bars.show_predictions({}, GRADES)
        self._show_bars(True)
        self._loose_views.setText("")
        self._loose_views.hide()

    def _show_bars(self, is_shown: bool) -> None:
        if not is_shown:
            self._bars.hide()
        self._share_room(is_shown)  # never both, not even for a moment: the page would grow
        if is_shown:
            self._bars.show()

    def _show_answer(self, study: Study, prediction: StudyPrediction) -> None:
        breasts = {breast.laterality: breast.prediction for breast in prediction.breasts}
        for side, column in self._columns.items():
            column.show_prediction(
                breasts.get(side),
                _silence(study, side),
                opinion.views_of(study, prediction, side),
                self._cancers_per_1000,
            )
            lines = [
                self._view_line(view, prediction) for view in study.views if view.laterality is side
            ]
            column.views.setText("\n".join(lines))
        self._bars.show_predictions(breasts, prediction.model.categories)
        self._show_bars(any(isinstance(said, Prediction) for said in breasts.values()))
        loose = [view for view in study.views if view.laterality is None]
        self._loose_views.setVisible(bool(loose))
        if loose:
            lines = [self._view_line(view, prediction) for view in loose]
            self._loose_views.setText("\n".join([tr("SIDE NOT KNOWN"), *lines]))

    @staticmethod
    def _view_line(view: MammogramView, prediction: StudyPrediction) -> str:
        """What the model says of the view, and below it what is to be known of the image."""
        return "\n".join([_said_of(view, prediction), *form_notes(view)])


def _said_of(view: MammogramView, prediction: StudyPrediction) -> str:
    name = opinion.view_name(view)
    for answer in prediction.views:
        if answer.image_uid == view.image_uid:
            said = answer.prediction
            if isinstance(said, Prediction):
                suspicion = tr("P(4–5) {percent}").format(percent=percent(said.suspicion))
                return f"{name}: {said.category} · {suspicion}"
            out = tr("{view}: out of scope. {why}")
            return out.format(view=name, why=localised(said.reason))
    for failure in prediction.failures:
        if failure.path == view.path:
            return f"{name}: {localised(failure.title)}"
    return tr("{view}: no answer").format(view=name)


def _two_lines(failure: EngineError) -> str:
    return f"{localised(failure.title)}\n{localised(failure.advice)}"


def _words_by_side(
    prediction: StudyPrediction, chosen: StudyPrediction | None
) -> dict[Laterality, str]:
    """'R 3 · 45 %', and whether the chosen model differs; empty where it is per view only."""
    words = {}
    beside = {b.laterality: b.prediction for b in chosen.breasts} if chosen is not None else {}
    for breast in prediction.breasts:
        said, side = breast.prediction, breast.laterality
        spoken = tr("out of scope")
        if isinstance(said, Prediction):
            spoken = f"{said.category} · {percent(said.confidence)}"
        if side in beside and opinion.do_differ([said, beside[side]]):
            spoken = " · ".join([spoken, tr("differs")])
        words[side] = f"{side.value} {spoken}"
    return words


def _networks_words(breast: Judgement, views: Sequence[Named]) -> str:
    """A line for each network of a breast, and one on what they differ."""
    lines = []
    for said in breast.others:
        spoken = tr("out of scope")
        if isinstance(said, Prediction):
            suspicion = tr("P(4–5) {percent}").format(percent=percent(said.suspicion))
            spoken = f"{said.category} · {suspicion}"
        lines.append(f"{opinion.short_title(said.model.name)} {spoken}")
    if any(isinstance(said, Prediction) for said in breast.others):
        places = opinion.where_networks_differ(breast, views)
        differ = tr("differ: {places}").format(places=", ".join(places))
        lines.append(differ if places else tr("the same categories"))
    return "\n".join(lines)


def _silence(study: Study, side: Laterality) -> str:
    """Why there is no word on a breast."""
    if not any(view.laterality is side for view in study.views):
        is_side_known = all(view.laterality for view in study.views)
        return (
            tr("No image of this breast.")
            if is_side_known
            else tr("No image is known to be of it.")
        )
    if not study.is_joined:
        return tr("Views only: they are not known to belong to one patient.")
    return tr("No answer for this breast.")


def _reserve(label: QLabel, lines: int) -> None:
    """Room for that many lines, so that nothing moves when they come."""
    label.setMinimumHeight(0)  # or it would never shrink
    label.setText("\n".join("X" * lines))
    label.setMinimumHeight(label.sizeHint().height())
    label.setText("")


def _label(parent: QWidget, px: int, bold: bool = False, quiet: bool = False) -> QLabel:
    label = PlainLabel(parent)
    label.setFont(theme.font(px, bold))
    label.setWordWrap(True)
    if quiet:
        _colour(label, theme.MUTED)
    return label


def _colour(label: QLabel, colour: QColor) -> None:
    palette = label.palette()
    palette.setColor(label.foregroundRole(), colour)
    label.setPalette(palette)


def _line(parent: QWidget) -> QLabel:
    """One line whose words do not widen the pane: its width would tell what was in it."""
    label = _label(parent, theme.SMALL_TEXT_PX, quiet=True)
    label.setWordWrap(False)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
