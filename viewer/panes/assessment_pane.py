"""What the reader says: a category for each breast, and agreement with the model.

What was entered and not saved stays with its study while others are read. The assessment that
goes out names the study that is on the screen and what the model says there at that moment.

In second read the forms are saved twice: first without the model's answer, and once it is revealed
the reader keeps the category or changes it. A change needs a reason, and a lower category a tick.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    BIRADS_MEANING,
    Agreement,
    BiradsCategory,
    Draft,
    Judgement,
    Laterality,
    MammogramView,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
    UnsavedEntries,
    is_downgrade,
    propose_agreement,
)
from engine.errors import EngineError
from viewer.shared import theme
from viewer.shared.engine_words import localised, localised_error, side_mark, side_words
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import PlainLabel, shortened, tool_tip
from viewer.shared.states import Phase, ReadingState

SIDES = (Laterality.RIGHT, Laterality.LEFT)  # as they hang
CATEGORY_ROWS = (("0", "1", "2", "3", "4"), ("4A", "4B", "4C", "5", "6"))
# Stored as they stand here; whoever changes one breaks with the readings of before.
REASONS = (
    mark("lesion missed"),
    mark("false mark"),
    mark("too high"),
    mark("too low"),
    mark("artefact or positioning"),
    mark("prior shows stable"),
    mark("clinical information"),
    mark("other"),
)
# For another category than before the model's answer; stored as they stand here, too.
CHANGE_REASONS = (
    mark("overlooked before"),
    mark("judged differently"),
    mark("the model's category"),
    mark("prior images"),
    mark("clinical information"),
    mark("entered by mistake"),
    mark("other change"),
)
# European Radiology 2024, PMC11255031, table 2: 25 of 66 and 32 of 102, retrospective and enriched
DOWNGRADE_EVIDENCE = mark(
    "In a study of two AIs, a third of the positives that readers lowered to negative after seeing "
    "the AI were cancers (57 of 168, Eur Radiol 2024)."
)
TITLES = {
    ReadingMode.CONCURRENT: mark("Your reading"),
    ReadingMode.SECOND_READ: mark("Second read"),
    ReadingMode.BLIND_AUDIT: mark("Blind audit"),
}
SUBDIVISION_MEANING = {
    BiradsCategory.LOW_SUSPICION: mark("low suspicion"),
    BiradsCategory.MODERATE_SUSPICION: mark("moderate suspicion"),
    BiradsCategory.HIGH_SUSPICION: mark("high suspicion"),
}
COMMENT_LENGTH = 4000  # characters
ROW_HEIGHT = 26  # pixels, of a row of buttons
CONFIRM_HEIGHT = 19  # so that all stands on a screen of 768 lines, both networks asked


EMPTY = Draft()

_StudyKey = tuple[str, str, frozenset[str]]


def _key(study: Study) -> _StudyKey:
    """Of plain images the uid alone may be another patient's, see `Session.history`."""
    return study.uid, study.patient_id, frozenset(view.image_uid for view in study.views)


def category_meaning(category: BiradsCategory) -> str:
    return tr(SUBDIVISION_MEANING.get(category) or BIRADS_MEANING[int(category.value[0])])


class CategoryButtons(QWidget):
    """BI-RADS 0 … 6 with 4A, 4B, 4C: one is down at most; digits and then a, b, c choose by key."""

    # The reader chose a BiradsCategory
    category_chosen = Signal(object)

    def __init__(self, side: Laterality, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.has_keypad = False  #: 4 again on the keypad goes through 4A, 4B, 4C
        self._group = QButtonGroup(self)
        self._buttons: dict[BiradsCategory, QPushButton] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for row, values in enumerate(CATEGORY_ROWS):
            for column, value in enumerate(values):
                category = BiradsCategory(value)
                button = QPushButton(value, self)
                button.setCheckable(True)
                button.setObjectName("compact")
                button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                button.setFixedHeight(ROW_HEIGHT)
                button.setMinimumWidth(24)
                button.setToolTip(f"BI-RADS {value}: {category_meaning(category)}")
                button.setAccessibleName(
                    f"{side_words(side)}, BI-RADS {value}, {category_meaning(category)}"
                )
                button.installEventFilter(self)
                self._group.addButton(button)
                self._buttons[category] = button
                layout.addWidget(button, row, column)
        self._rest = QWidget(self)  # takes digits as the buttons do, and shows no ring
        self._rest.setFixedSize(0, 0)
        self._rest.setAccessibleName(side_words(side))
        self._rest.installEventFilter(self)
        self._group.buttonToggled.connect(self._on_toggled)
        self.setFocusProxy(self._buttons[BiradsCategory.INCOMPLETE])

    @property
    def category(self) -> BiradsCategory | None:
        button = self._group.checkedButton()
        return None if button is None else BiradsCategory(button.text())

    def set_category(self, category: BiradsCategory | None) -> None:
        """As if nothing had been pressed: tells nobody."""
        with QSignalBlocker(self._group):
            self._group.setExclusive(False)
            for known, button in self._buttons.items():
                button.setChecked(known is category)
            self._group.setExclusive(True)
        self.setFocusProxy(self._buttons[category or BiradsCategory.INCOMPLETE])

    def let_go(self) -> None:
        """Another study: the keyboard stays here, but on no category."""
        if any(button.hasFocus() for button in self._buttons.values()):
            self._rest.setFocus()

    def _on_toggled(self, button: QPushButton, is_down: bool) -> None:
        if is_down:
            self.setFocusProxy(button)
            self.category_chosen.emit(BiradsCategory(button.text()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            category = self._named_by(event)
            if category is not None:
                event.accept()  # before the window takes the key for a shortcut
                if event.type() == QEvent.Type.KeyPress:
                    self._buttons[category].setChecked(True)
                    self._buttons[category].setFocus()
                return True
        return super().eventFilter(watched, event)

    def _named_by(self, event: QKeyEvent) -> BiradsCategory | None:
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        text = event.text().upper()
        if text and text in "ABC":
            is_four = self.category is not None and self.category.grade == 4
            return BiradsCategory(f"4{text}") if is_four else None
        is_on_pad = bool(event.modifiers() & Qt.KeyboardModifier.KeypadModifier)
        if self.has_keypad and is_on_pad and text == "4":
            return self._next_four(event.isAutoRepeat())
        return BiradsCategory(text) if text and text in "0123456" else None

    def _next_four(self, is_held: bool) -> BiradsCategory:
        """After the one that is down; a key held down stays where it is."""
        fours = [category for category in self._buttons if category.value.startswith("4")]
        if self.category not in fours:
            return fours[0]
        step = 0 if is_held else 1
        return fours[(fours.index(self.category) + step) % len(fours)]


class BreastForm(QWidget):
    """One breast's entries. It knows no study: the pane fills it and reads it."""

    # The reader changed something
    edited = Signal()

    def __init__(self, side: Laterality, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self._prediction: Judgement | None = None
        self._recorded: ReaderAssessment | None = None
        self._phase = Phase.OPEN
        self._before: BiradsCategory | None = None
        self._override: Agreement | None = None
        self._is_filling = False

        self._save_key = ""
        self._name = PlainLabel(side_mark(side), self)
        self._name.setFont(theme.font(theme.SMALL_TEXT_PX))
        self._state = PlainLabel(self)
        self._state.setFont(theme.font(theme.SMALL_TEXT_PX))
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight)
        # its text must not make one form wider than the other
        self._state.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._categories = CategoryButtons(side, self)
        self._categories.category_chosen.connect(self._on_category_chosen)
        self.setFocusProxy(self._categories)
        self._agree = QPushButton(tr("Agree"), self)
        self._disagree = QPushButton(tr("Disagree"), self)
        self._agreement = QButtonGroup(self)
        for button, agreement in (
            (self._agree, Agreement.AGREE),
            (self._disagree, Agreement.DISAGREE),
        ):
            button.setCheckable(True)
            button.setObjectName("compact")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            button.setFixedHeight(ROW_HEIGHT)
            said = tr("{breast}: {agreement} with the model")
            button.setAccessibleName(
                said.format(breast=side_words(side), agreement=localised(agreement.value))
            )
            self._agreement.addButton(button)
        self._agreement.buttonClicked.connect(self._on_agreement_clicked)
        self._reason = QComboBox(self)
        self._offer(REASONS)
        self._reason.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._reason.currentIndexChanged.connect(self._on_edited)
        self._comment = QPlainTextEdit(self)
        self._comment.setPlaceholderText(tr("Note …"))
        self._comment.setTabChangesFocus(True)
        self._comment.setAcceptDrops(False)  # a dropped folder is to be opened
        self._comment.setAccessibleName(tr("Note, {breast}").format(breast=side_words(side)))
        self._comment.setFixedHeight(2 * self._comment.fontMetrics().lineSpacing() + 14)
        self._comment.textChanged.connect(self._on_edited)

        top = QHBoxLayout()
        top.addWidget(self._name)
        top.addWidget(self._state, 1)
        agreement = QHBoxLayout()
        agreement.setSpacing(3)
        for button in (self._agree, self._disagree):  # the longer word has the more room
            agreement.addWidget(button, button.sizeHint().width())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._categories)
        layout.addLayout(agreement)
        layout.addWidget(self._reason)
        layout.addWidget(self._comment)
        self._refresh()

    # -------------------------------------------------------------------------- filling and reading

    def fill(
        self,
        recorded: ReaderAssessment | None,
        draft: Draft | None = None,
        phase: Phase = Phase.OPEN,
        before: BiradsCategory | None = None,
    ) -> None:
        """Shows what is recorded, and over it what was entered and not saved.

        `before` is the category that the model's answer was revealed upon.
        """
        self._recorded, self._phase, self._before = recorded, phase, before
        shown = draft or self._recorded_draft
        if phase.is_hidden:  # what was said to the model would tell of it
            shown = replace(shown, override=None, reason="")
        self._is_filling = True
        self._categories.set_category(shown.category)
        self._override = shown.override
        self._offer(CHANGE_REASONS if self.is_changed else REASONS)
        self._reason.setCurrentIndex(max(0, self._reason.findData(shown.reason)))
        if self._comment.toPlainText().strip() != shown.comment:  # else the cursor stays
            self._comment.setPlainText(shown.comment)
        self._is_filling = False
        self._refresh()

    def show_prediction(self, prediction: Judgement | None) -> None:
        self._prediction = prediction
        self._refresh()

    def set_save_key(self, key: str) -> None:
        """As it is written; empty if there is none."""
        self._save_key = key
        self._refresh()

    def set_keypad(self, is_on: bool) -> None:
        self._categories.has_keypad = is_on

    def show_in_hand(self, is_in_hand: bool) -> None:
        """Whether the keyboard is in it: digits are this breast's then."""
        self._name.setFont(theme.font(theme.SMALL_TEXT_PX, bold=is_in_hand))
        name = side_mark(self.side)
        self._name.setText(f"▸ {name}" if is_in_hand else name)
        palette = self._name.palette()
        colour = theme.ACCENT if is_in_hand else theme.TEXT
        palette.setColor(self._name.foregroundRole(), colour)
        self._name.setPalette(palette)

    def let_go(self) -> None:
        """Another study: no category of the last one is to look chosen."""
        self._categories.let_go()

    def focus_reason(self) -> None:
        self._reason.setFocus()

    def show_fault(self, text: str, explained: str = "") -> None:
        """Until the next change, in the place of the state."""
        self._tell(text, theme.ERROR, explained)

    @property
    def draft(self) -> Draft:
        """What stands in the form now."""
        comment = self._comment.toPlainText().strip()[:COMMENT_LENGTH]
        reason = self._reason.currentData() if self._takes_reason else ""
        return Draft(self._categories.category, self._override, reason, comment)

    @property
    def recorded(self) -> ReaderAssessment | None:
        return self._recorded

    @property
    def prediction(self) -> Judgement | None:
        """The model's word on this breast, as it stands on the screen."""
        return self._prediction

    @property
    def proposed_agreement(self) -> Agreement:
        category = self._categories.category
        if category is None:
            return Agreement.NOT_COMPARABLE
        return propose_agreement(category, self._prediction)

    @property
    def agreement(self) -> Agreement:
        proposed = self.proposed_agreement
        if proposed is Agreement.NOT_COMPARABLE:
            return proposed
        return self._override or proposed

    @property
    def _takes_reason(self) -> bool:
        return self.is_changed or self.agreement is Agreement.DISAGREE

    @property
    def before(self) -> BiradsCategory | None:
        """The reader's category that the model's answer was revealed upon."""
        return self._before

    @property
    def is_changed(self) -> bool:
        """Whether the category is another than before the model's answer."""
        return self._before is not None and self._categories.category not in (None, self._before)

    @property
    def is_lowered(self) -> bool:
        return self.is_changed and is_downgrade(self._before, self._categories.category)

    @property
    def _recorded_draft(self) -> Draft:
        """What the form would show of the record."""
        if self._recorded is None:
            return EMPTY
        draft = _draft_of(self._recorded)
        is_change_reason = self._recorded.category_before is not None and self._before is None
        return replace(draft, reason="") if is_change_reason else draft

    @property
    def is_edited(self) -> bool:
        return self.draft != self._recorded_draft

    @property
    def is_to_be_kept(self) -> bool:
        """The answer was revealed, and the reader has not said since whether the category stays."""
        return (
            self._before is not None
            and self._recorded is not None
            and self._recorded.category_before is None
        )

    @property
    def is_outdated(self) -> bool:
        """Recorded before the model's present word: saving again records the agreement with it."""
        if self._recorded is None or self.is_edited or self._phase.is_hidden:
            return False
        is_other_word = self.proposed_agreement is not self._recorded.proposed_agreement
        return is_other_word or self.is_to_be_kept

    # ------------------------------------------------------------------------------- its own doing

    def _on_category_chosen(self) -> None:
        self._override = None  # it was said of the category before
        self._offer(CHANGE_REASONS if self.is_changed else REASONS)
        self._on_edited()

    def _offer(self, reasons: Sequence[str]) -> None:
        """The reasons to choose from; what was chosen of others is forgotten."""
        offered = [self._reason.itemData(number) for number in range(1, self._reason.count())]
        if offered == list(reasons):
            return
        is_change = reasons is CHANGE_REASONS
        with QSignalBlocker(self._reason):
            self._reason.clear()
            self._reason.addItem(tr("Why changed …") if is_change else tr("Reason …"), "")
            for reason in reasons:
                words = tr(reason)
                self._reason.addItem(words[:1].upper() + words[1:], reason)
        name = (
            tr("Reason for changing the category, {breast}")
            if is_change
            else tr("Reason for disagreeing, {breast}")
        )
        self._reason.setAccessibleName(name.format(breast=side_words(self.side)))

    def _on_agreement_clicked(self, button: QPushButton) -> None:
        chosen = Agreement.AGREE if button is self._agree else Agreement.DISAGREE
        self._override = None if chosen is self.proposed_agreement else chosen
        self._on_edited()

    def _on_edited(self) -> None:
        if not self._is_filling:
            self._refresh()
            self.edited.emit()

    def _refresh(self) -> None:
        agreement = self.agreement
        is_comparable = agreement is not Agreement.NOT_COMPARABLE
        self._agreement.setExclusive(False)
        for button, meant in (
            (self._agree, Agreement.AGREE),
            (self._disagree, Agreement.DISAGREE),
        ):
            button.setEnabled(is_comparable)
            button.setChecked(agreement is meant)
            button.setToolTip(self._agreement_tool_tip())
        self._agreement.setExclusive(True)
        self._reason.setEnabled(self._takes_reason)
        self._show_state()

    def _agreement_tool_tip(self) -> str:
        if self._phase.is_hidden:
            return tr("The model's answer is hidden")
        if self.agreement is Agreement.NOT_COMPARABLE:
            return tr("Not comparable: the model has no word on this breast, or yours is 0 or 6")
        proposed = localised(self.proposed_agreement.value)
        return tr("Proposed from the categories: {agreement}").format(agreement=proposed)

    def _show_state(self) -> None:
        was = ""
        if self.is_changed:
            was = tr("was {category}").format(category=self._before.value)
        if self.is_edited:
            words = f"{was} ✎" if was else tr("unsaved")
            self._tell(words, theme.WARNING, self._with_key(tr("{} saves")))
        elif self.is_to_be_kept:
            self._tell(
                tr("keep or change"),
                theme.WARNING,
                tr("Your category without the model is stored")
                + self._with_key(tr("; {} keeps it")),
            )
        elif self.is_outdated:
            self._tell(
                tr("save again?"),
                theme.WARNING,
                tr(
                    "Recorded before the model's present answer; save again to record your "
                    "agreement with it."
                ),
            )
        elif self._recorded is not None:
            at = self._recorded.recorded_at.astimezone()
            is_today = at.date() == datetime.now(UTC).astimezone().date()
            text = f"{at:%H:%M}" if is_today else f"{at:%Y-%m-%d}"
            word = tr("saved {time}") if self._before is None else tr("kept {time}")
            self._tell(f"{was} · {text}" if was else word.format(time=text), theme.MUTED)
        else:
            self._tell("", theme.MUTED)

    def _with_key(self, words: str) -> str:
        return words.format(self._save_key) if self._save_key else ""

    def _tell(self, text: str, colour: QColor, explained: str = "") -> None:
        palette = self._state.palette()
        palette.setColor(self._state.foregroundRole(), colour)
        self._state.setPalette(palette)
        self._state.setText(text)
        self._state.setToolTip(tool_tip(explained))


def _draft_of(recorded: ReaderAssessment) -> Draft:
    is_overridden = recorded.agreement is not recorded.proposed_agreement
    return Draft(
        recorded.category,
        recorded.agreement if is_overridden else None,
        recorded.reason,
        recorded.comment,
    )


class AssessmentPane(QWidget):
    """Both breasts' forms, the reader's name, and what was said of the study before."""

    # A ReaderAssessment to be stored; `show_recorded` or `show_not_recorded` is to follow
    assessment_submitted = Signal(object)
    # A study's uid, and whether it has entries that are not saved
    draft_changed = Signal(str, bool)
    # A Study, and its entries that are not saved: a Draft by Laterality
    entries_changed = Signal(object, object)
    # The name that readings are recorded under
    reader_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._opened_at = datetime.now(UTC)
        self._reader_name = ""  # whose records fill the forms
        self._history: tuple[ReaderAssessment, ...] = ()
        self._drafts: dict[_StudyKey, dict[Laterality, Draft]] = {}
        self._restored: dict[_StudyKey, datetime] = {}  # of an earlier run, not touched since
        self._reading = ReadingState(ReadingMode.CONCURRENT, Phase.OPEN, ReadingMode.CONCURRENT)
        self._has_failed = False
        self._save_key = ""
        QApplication.instance().focusChanged.connect(self._on_focus_changed)

        self._title = PlainLabel(self)
        self._title.setFont(theme.font(bold=True))
        self._reader = QLineEdit(self)
        self._reader.setPlaceholderText(tr("Your name"))
        self._reader.setAccessibleName(tr("Reader's name"))
        self._reader.setMaxLength(80)
        self._reader.setAcceptDrops(False)
        self._reader.editingFinished.connect(self._on_reader_edited)
        self._forms = {side: BreastForm(side, self) for side in SIDES}
        for form in self._forms.values():
            form.edited.connect(self._on_edited)
        self._confirm = QCheckBox(self)
        self._confirm.setToolTip(tr(DOWNGRADE_EVIDENCE))
        self._confirm.toggled.connect(self._refresh_buttons)
        self._confirm_row = QWidget(self)  # keeps its room, so that nothing moves when it speaks
        self._confirm_row.setFixedHeight(CONFIRM_HEIGHT)
        confirm = QHBoxLayout(self._confirm_row)
        confirm.setContentsMargins(0, 0, 0, 0)
        confirm.addWidget(self._confirm)
        self._hint = _quiet_label(self)
        self._save = QPushButton(self)
        self._save.clicked.connect(self.save)
        self._discard = QPushButton(tr("Discard"), self)
        self._discard.setToolTip(tr("Back to what is recorded"))
        self._discard.clicked.connect(self.discard)
        self._earlier_title = _quiet_label(self)
        self._earlier_title.setText(tr("Recorded for this study"))
        self._earlier = _quiet_label(self)
        self._earlier.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addWidget(self._reader, 1)
        forms = QHBoxLayout()
        forms.setSpacing(16)
        for side in SIDES:
            forms.addWidget(self._forms[side], 1)
        bottom = QHBoxLayout()
        bottom.addWidget(self._save, 1)
        bottom.addWidget(self._discard)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(6)
        layout.addLayout(top)
        entries = QVBoxLayout()
        entries.setSpacing(4)
        entries.addLayout(forms)
        entries.addWidget(self._confirm_row)
        layout.addLayout(entries)
        layout.addLayout(bottom)
        layout.addWidget(self._hint)
        layout.addWidget(self._earlier_title)
        layout.addWidget(self._earlier)
        layout.addStretch(1)
        self.setMinimumWidth(300)
        self.show_study(None)

    # ----------------------------------------------------------------------------- what it shows

    def show_study(
        self,
        study: Study | None,
        opened_at: datetime | None = None,
        history: Sequence[ReaderAssessment] = (),
        reading: ReadingState | None = None,
    ) -> None:
        """With the drafts that were left with it; `opened_at` has a time zone."""
        self._reading = reading or self._reading
        if study is not self._study:
            for form in self._forms.values():
                form.let_go()
        self._study = study
        self._opened_at = opened_at or datetime.now(UTC)
        self._history = tuple(history)
        for form in self._forms.values():
            form.show_prediction(None)
        self._fill()

    def show_reading(self, reading: ReadingState, history: Sequence[ReaderAssessment]) -> None:
        """The same study is read in another way from now on; what was entered stays."""
        self._reading = reading
        self._history = tuple(history)
        if reading.phase.is_hidden:
            for form in self._forms.values():
                form.show_prediction(None)
        self._fill()

    def show_prediction(self, prediction: StudyPrediction | None) -> None:
        """Raises ValueError where it is of another study than the one shown."""
        if prediction is not None and (
            self._study is None or prediction.study_uid != self._study.uid
        ):
            raise ValueError("a prediction of another study")
        said = (
            {} if prediction is None else {b.laterality: b.prediction for b in prediction.breasts}
        )
        for side, form in self._forms.items():
            form.show_prediction(said.get(side))
        self._refresh_buttons()

    def show_recorded(self, assessment: ReaderAssessment) -> None:
        """What was submitted is stored; the form shows it as saved."""
        if self._study is None or not self._is_of(assessment, self._study):
            return
        self._history += (assessment,)
        self._drafts.get(_key(self._study), {}).pop(assessment.laterality, None)
        self._fill_form(assessment.laterality, None)
        self._tell_draft()
        self._show_history()

    def show_not_recorded(self, assessment: ReaderAssessment, error: EngineError) -> None:
        """What was submitted could not be stored; it stays in the form."""
        self._has_failed = True
        if self._study is not None and self._is_of(assessment, self._study):
            self._forms[assessment.laterality].show_fault(tr("NOT SAVED"), localised_error(error))

    def set_reader(self, name: str) -> None:
        self._reader.setText(name)
        self._reader_name = name
        self._fill()

    def focus_breast(self, side: Laterality) -> None:
        self._forms[side].setFocus()

    def focus_next_breast(self) -> None:
        """Of those that have images: the right one first, then the one without the keyboard."""
        forms = [form for form in self._forms.values() if form.isEnabled()]
        inside = [form for form in forms if form.isAncestorOf(QApplication.focusWidget() or self)]
        if forms:
            place = forms.index(inside[0]) + 1 if inside else 0
            forms[place % len(forms)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_save_key(self, key: str) -> None:
        """As it is written; empty if there is none."""
        self._save_key = key
        for form in self._forms.values():
            form.set_save_key(key)
        self._refresh_buttons()

    def set_keypad(self, is_on: bool) -> None:
        """Whether one hand on the keypad enters all categories."""
        for form in self._forms.values():
            form.set_keypad(is_on)

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        for form in self._forms.values():
            form.show_in_hand(new is not None and form.isAncestorOf(new))

    def has_draft(self, study: Study) -> bool:
        """Whether there are entries for the study that are not saved."""
        return bool(self._drafts.get(_key(study)))

    def restore_drafts(self, study: Study, entries: UnsavedEntries) -> None:
        """Entries of an earlier run; what was entered in this one stays before them."""
        key = _key(study)
        if not self._drafts.get(key) and entries.drafts:
            self._drafts[key] = dict(entries.drafts)
            self._restored[key] = entries.entered_at
            self.draft_changed.emit(study.uid, True)

    def _forget_restored(self) -> None:
        """They are another reader's, who finds them again."""
        for key in self._restored:
            self._drafts.pop(key, None)
            self.draft_changed.emit(key[0], False)
        self._restored.clear()

    @property
    def draft_count(self) -> int:
        """Studies with entries that are not saved."""
        return sum(bool(drafts) for drafts in self._drafts.values())

    # ------------------------------------------------------------------------------- saving

    def save(self) -> None:
        """Submits what was changed, else what the model has answered since; asks for what lacks."""
        if self._study is None:
            return
        if not self._reader.text().strip():
            self._hint.setText(tr("Enter your name: readings are recorded under it."))
            self._reader.setFocus()
            return
        self._on_reader_edited()
        forms = [form for form in self._forms.values() if form.is_edited or form.is_to_be_kept]
        forms = forms or [form for form in self._forms.values() if form.is_outdated]
        if self._reading.phase.is_hidden:  # the first word on a breast reveals: let it be the last
            forms.sort(key=lambda form: form.recorded is None)
        faults = {form: fault for form in forms if (fault := self._fault_of(form))}
        self._has_failed = False
        for form in forms:
            if form not in faults and not self._has_failed:
                self.assessment_submitted.emit(self._assessment(self._study, form))
        for form, fault in faults.items():
            form.show_fault(fault)
        if faults:
            self._focus_fault(next(iter(faults)))
        elif (lacking := self._lacking) and not self._has_failed:
            lacking[0].setFocus()

    def _fault_of(self, form: BreastForm) -> str:
        """What lacks before the form can be saved; empty if nothing does."""
        if form.draft.category is None:
            return tr("choose a category")
        if form.is_changed and not form.draft.reason:
            return tr("why changed?")
        if form.is_lowered and form.is_edited and not self._confirm.isChecked():
            return tr("confirm below")
        return ""

    def _focus_fault(self, form: BreastForm) -> None:
        if form.draft.category is None:
            form.setFocus()
        elif form.is_changed and not form.draft.reason:
            form.focus_reason()
        else:
            self._confirm.setFocus()

    @property
    def _lacking(self) -> list[BreastForm]:
        """In second read: the breasts whose category is awaited before the answer is shown."""
        if self._reading.phase is not Phase.BEFORE or self._study is None:
            return []
        forms = [form for form in self._forms.values() if form.isEnabled()]
        return [form for form in forms if form.recorded is None]

    def discard(self) -> None:
        """Back to what is recorded."""
        if self._study is not None:
            self._drafts.pop(_key(self._study), None)
            self._fill()
            self._tell_draft()

    def _assessment(self, study: Study, form: BreastForm) -> ReaderAssessment:
        draft = form.draft
        return ReaderAssessment(
            study_uid=study.uid,
            image_uids=tuple(view.image_uid for view in _views_of(study, form.side)),
            patient_id=study.patient_id,
            laterality=form.side,
            reader=self._reader_name,
            category=draft.category,
            proposed_agreement=form.proposed_agreement,
            agreement=form.agreement,
            reason=draft.reason,
            comment=draft.comment,
            prediction=form.prediction,
            reading_mode=self._reading.mode,
            opened_at=self._opened_at,
            recorded_at=datetime.now(UTC),
            supersedes=own.record_id if (own := self._newest(form.side)) is not None else None,
            category_before=form.before,
        )

    # ------------------------------------------------------------------------------- its own doing

    @staticmethod
    def _is_of(assessment: ReaderAssessment, study: Study) -> bool:
        return (assessment.study_uid, assessment.patient_id) == (study.uid, study.patient_id)

    def _fill(self) -> None:
        """Each form with what this reader has recorded, and with the draft over it."""
        study = self._study
        drafts = {} if study is None else self._drafts.get(_key(study), {})
        for side, form in self._forms.items():
            form.setEnabled(study is not None and bool(_views_of(study, side)))
            self._fill_form(side, drafts.get(side))
        self._title.setText(tr(TITLES[self._reading.mode]))
        self._confirm_row.setVisible(self._reading.mode is ReadingMode.SECOND_READ)
        self._refresh_buttons()
        self._show_history()

    def _fill_form(self, side: Laterality, draft: Draft | None) -> None:
        """In a mode that hides, only with what was recorded in it: the rest may tell."""
        phase, newest = self._reading.phase, self._newest(side)
        is_told = newest is not None and (
            not phase.is_hidden or newest.reading_mode is self._reading.mode
        )
        recorded = newest if is_told and not newest.is_withdrawn else None
        before = None
        if phase is Phase.AFTER and recorded is not None:
            before = recorded.category_before or recorded.category
        self._forms[side].fill(recorded, draft, phase, before)

    def _newest(self, side: Laterality) -> ReaderAssessment | None:
        """This reader's latest record of the breast."""
        own = [a for a in self._history if a.laterality is side and a.reader == self._reader_name]
        return own[-1] if own else None

    def _on_reader_edited(self) -> None:
        name = self._reader.text().strip()
        if name != self._reader_name:
            self._forget_restored()
            self._reader_name = name
            self.reader_changed.emit(name)
            self._fill()

    def _on_edited(self) -> None:
        if self._study is None:
            return
        edited = {side: form.draft for side, form in self._forms.items() if form.is_edited}
        self._drafts[_key(self._study)] = edited
        if not edited:
            del self._drafts[_key(self._study)]
        self._tell_draft()

    def _tell_draft(self) -> None:
        key = _key(self._study)
        self._restored.pop(key, None)
        self._refresh_buttons()
        self.draft_changed.emit(self._study.uid, self.has_draft(self._study))
        self.entries_changed.emit(self._study, self._drafts.get(key, {}))

    def _refresh_buttons(self) -> None:
        forms = self._forms.values()
        is_edited = any(form.is_edited for form in forms)
        self._save.setEnabled(is_edited or any(form.is_outdated for form in forms))
        self._save.setText(f"{self._deed(is_edited)}   {self._save_key}".rstrip())
        self._discard.setEnabled(is_edited)
        lowered = [form for form in forms if form.is_lowered and form.is_edited]
        steps = [
            f"{form.side.value} {form.before.value} → {form.draft.category.value}"
            for form in lowered
        ]
        text = tr("Confirm lowering {steps}").format(steps=", ".join(steps)) if lowered else ""
        if text != self._confirm.text():
            self._confirm.setText(text)
            self._confirm.setChecked(False)  # it was said of other categories
        self._confirm.setVisible(bool(lowered))
        self._hint.setText(self._hint_text(bool(lowered)))

    def _deed(self, is_edited: bool) -> str:
        """What the button does now."""
        phase = self._reading.phase
        if phase is Phase.BEFORE:
            return tr("Save, then reveal")
        if not is_edited and any(form.is_to_be_kept for form in self._forms.values()):
            return tr("Keep")
        return tr("Save")

    def _hint_text(self, is_lowering: bool) -> str:
        if is_lowering:
            return tr(DOWNGRADE_EVIDENCE)
        if self._study is not None and not any(view.laterality for view in self._study.views):
            return tr("No image names its side: enter your reading under the side that you see.")
        restored = None if self._study is None else self._restored.get(_key(self._study))
        if restored is not None:
            told = tr("Entered {time} and not saved: save it, change it, or discard it.")
            return told.format(time=f"{restored.astimezone():%Y-%m-%d %H:%M}")
        lacking = self._lacking
        if lacking and len(lacking) == 1 and any(form.recorded for form in self._forms.values()):
            if lacking[0].side is Laterality.RIGHT:
                return tr("Right breast still to be saved: the model's answer is shown then.")
            return tr("Left breast still to be saved: the model's answer is shown then.")
        return ""

    def _show_history(self) -> None:
        superseded = {assessment.supersedes for assessment in self._history}
        is_hidden = self._reading.phase.is_hidden
        lines = [
            _history_line(assessment, assessment.record_id in superseded, is_hidden)
            for assessment in reversed(self._history)
        ]
        self._earlier.setText("\n".join(lines))
        self._earlier_title.setVisible(bool(lines))
        self._earlier.setVisible(bool(lines))


def _views_of(study: Study, side: Laterality) -> list[MammogramView]:
    """The breast's views; all views where no image names its side, as the reader has to say it."""
    if not any(view.laterality for view in study.views):
        return list(study.views)
    return [view for view in study.views if view.laterality is side]


def _history_line(assessment: ReaderAssessment, is_superseded: bool, is_hidden: bool) -> str:
    """`is_hidden`: without what the reader said to the model."""
    category = assessment.category.value
    if assessment.category_before not in (None, assessment.category) and not is_hidden:
        category = f"{assessment.category_before.value} → {category}"
    parts = [
        f"{assessment.recorded_at.astimezone():%Y-%m-%d %H:%M}",
        f"{assessment.laterality.value} {category}",
    ]
    mode = assessment.reading_mode
    was_seen = mode is ReadingMode.CONCURRENT or assessment.category_before is not None
    if was_seen and not is_hidden:
        reason = f" ({tr(assessment.reason)})" if assessment.reason else ""
        parts.append(localised(assessment.agreement.value) + reason)
    if mode is not ReadingMode.CONCURRENT:
        is_first_word = mode is ReadingMode.SECOND_READ and not was_seen
        parts.append(tr("before the answer") if is_first_word else localised(mode.value))
    if assessment.is_withdrawn or assessment.restores is not None:
        parts.append(tr("withdrawn") if assessment.is_withdrawn else tr("restored"))
    parts.append(shortened(assessment.reader))
    if assessment.comment and not (is_hidden and assessment.prediction is not None):
        parts.append(f"“{shortened(assessment.comment, COMMENT_LENGTH)}”")
    return " · ".join(parts) + (tr(" — corrected later") if is_superseded else "")


def _quiet_label(parent: QWidget) -> QLabel:
    label = PlainLabel(parent)
    label.setFont(theme.font(theme.SMALL_TEXT_PX))
    label.setWordWrap(True)
    palette = label.palette()
    palette.setColor(label.foregroundRole(), theme.MUTED)
    label.setPalette(palette)
    return label
