"""What the model says of the open study: per breast, per view, or why it says nothing.

The right breast stands on the left, as the images hang. The pane keeps its height whatever the
answer, so that nothing below it moves under the reader's hand. Where there is no answer to show,
nothing of an earlier one is left in it, not even behind the page that shows.
"""

from collections.abc import Sequence

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
    BIRADS_MEANING,
    Laterality,
    MammogramView,
    Prediction,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer.display.reading_modes import MODE_TITLES
from viewer.shared import theme
from viewer.shared.engine_words import form_notes, localised, side_title
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel, tool_tip
from viewer.shared.states import (
    MODEL_TITLES,
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


def grade_meaning(grade: int) -> str:
    """In words; a real 3 presupposes a full work-up, which no image shows."""
    return tr("pattern like training grade 3") if grade == 3 else localised(BIRADS_MEANING[grade])


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

    ROW_HEIGHT = 18
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
        self, predictions: dict[Laterality, Prediction], offered: Sequence[int]
    ) -> None:
        self._predictions = {
            side: prediction for side, prediction in predictions.items() if prediction.in_scope
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
        self.views = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.name)
        layout.addWidget(self.headline, 1)
        layout.addWidget(self.confidence)
        _reserve(self.headline, 3)  # "Model category 5 (highly suggestive of malignancy)"
        _reserve(self.confidence, 1)

    def show_prediction(self, prediction: Prediction | None, silence: str) -> None:
        """`silence` stands where there is no prediction for the breast."""
        is_spoken = prediction is not None and prediction.in_scope
        self.headline.setFont(
            theme.font(bold=True) if is_spoken else theme.font(theme.SMALL_TEXT_PX)
        )
        if is_spoken:
            meaning = grade_meaning(prediction.category)
            said = tr("Model category {category}\n({meaning})")
            self.headline.setText(said.format(category=prediction.category, meaning=meaning))
            confidence = tr("confidence {percent}").format(percent=percent(prediction.confidence))
            self.confidence.setText(confidence)
            return
        if prediction is not None:
            silence = " ".join([tr("Out of scope."), localised(prediction.scope_reason)])
        self.headline.setText(silence)
        self.confidence.setText("")


class OtherLine(QStackedWidget):
    """Quietly, in two lines whatever comes: what the model that was not chosen says.

    Each breast's word stands in the column that the breast has above.
    """

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
        _reserve(self._sentence, 2)
        self.setFixedHeight(self._sentence.minimumHeight())

    def show_answer(self, answer: OtherAnswer | None) -> None:
        """None: there is nothing to say."""
        prediction = None if answer is None else answer.prediction
        words = {} if prediction is None else _words_by_side(prediction)
        sentence = "" if answer is None or words else self._sentence_of(answer)
        title = f"{_title(answer.engine.model_name)}:" if words else ""
        self._sentence.setText(sentence)
        self._title.setText(title)
        for side, label in self._words.items():
            label.setText(words.get(side, ""))
        self.setCurrentIndex(1 if words else 0)
        self.setAccessibleDescription(f"{title} {', '.join(words.values())}" if words else sentence)
        self.setToolTip("" if answer is None else self._tool_tip(answer))

    @property
    def text(self) -> str:
        """What it shows, in words."""
        return self.accessibleDescription()

    @staticmethod
    def _sentence_of(answer: OtherAnswer) -> str:
        title = _title(answer.engine.model_name)
        prediction = answer.prediction
        if prediction is not None:
            if any(view.prediction.in_scope for view in prediction.views):
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
        lines = [_title(answer.engine.model_name)]
        identity = answer.engine.identity
        if answer.prediction is not None:
            identity = answer.prediction.model
            said = [b.prediction for b in answer.prediction.breasts]
            said += [view.prediction for view in answer.prediction.views]
            lines += dict.fromkeys(localised(p.scope_reason) for p in said if p.scope_reason)
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

        caveat = _label(self, theme.SMALL_TEXT_PX, quiet=True)
        caveat.setText(tr(CALIBRATION_CAVEAT))

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
        layout.addWidget(caveat)
        layout.addLayout(overlay)
        layout.addWidget(attention)
        layout.addStretch(1)
        self.setMinimumWidth(300)
        self.reserve_views(2)
        self._refresh()

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
        self._reserved = lines * metrics.lineSpacing() + 2
        self._share_room(not self._bars.isHidden())

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
        self._other.show_answer(None)
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

    def reserve_other(self, is_wanted: bool) -> None:
        """Gives the model that was not chosen its line, or takes it away."""
        self._other.setVisible(is_wanted)

    def show_other(self, answer: OtherAnswer | None) -> None:
        """None: nothing is known.

        Raises ValueError where the answer is on another study than the one shown.
        """
        if answer is not None and (self._study is None or answer.study_uid != self._study.uid):
            raise ValueError("an answer on another study")
        self._other.show_answer(answer)

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
        title = _title(self._engine.model_name)
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
            column.show_prediction(breasts.get(side), _silence(study, side))
            lines = [
                self._view_line(view, prediction) for view in study.views if view.laterality is side
            ]
            column.views.setText("\n".join(lines))
        self._bars.show_predictions(breasts, prediction.model.categories)
        self._show_bars(any(said.in_scope for said in breasts.values()))
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
    name = view.view_position.value if view.view_position else tr("View ?")
    for answer in prediction.views:
        if answer.image_uid == view.image_uid:
            said = answer.prediction
            if said.in_scope:
                return f"{name}: {said.category} · {percent(said.confidence)}"
            out = tr("{view}: out of scope. {why}")
            return out.format(view=name, why=localised(said.scope_reason))
    for failure in prediction.failures:
        if failure.path == view.path:
            return f"{name}: {localised(failure.title)}"
    return tr("{view}: no answer").format(view=name)


def _title(model_name: str) -> str:
    return tr(MODEL_TITLES[model_name]) if model_name in MODEL_TITLES else model_name


def _two_lines(failure: EngineError) -> str:
    return f"{localised(failure.title)}\n{localised(failure.advice)}"


def _words_by_side(prediction: StudyPrediction) -> dict[Laterality, str]:
    """'R 3 · 45 %'; empty where the answer is per view only."""
    words = {}
    for breast in prediction.breasts:
        said, side = breast.prediction, breast.laterality
        spoken = tr("out of scope")
        if said.in_scope:
            spoken = f"{said.category} · {percent(said.confidence)}"
        words[side] = f"{side.value} {spoken}"
    return words


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
    label.setText("\n".join("X" * lines))
    label.setMinimumHeight(label.sizeHint().height())
    label.setText("")


def _label(parent: QWidget, px: int, bold: bool = False, quiet: bool = False) -> QLabel:
    label = PlainLabel(parent)
    label.setFont(theme.font(px, bold))
    label.setWordWrap(True)
    if quiet:
        palette = label.palette()
        palette.setColor(label.foregroundRole(), theme.MUTED)
        label.setPalette(palette)
    return label


def _line(parent: QWidget) -> QLabel:
    """One line whose words do not widen the pane: its width would tell what was in it."""
    label = _label(parent, theme.SMALL_TEXT_PX, quiet=True)
    label.setWordWrap(False)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
