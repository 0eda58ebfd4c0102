"""Where the reader enters a category for each breast, and agreement with the model.

What was entered and not saved stays with its study while others are read. The assessment that
goes out names the study that is on the screen and what the model predicts there at that moment.

In second read the forms are saved twice: first without the model's prediction, and once it is
revealed the reader keeps the category or changes it. What each step needs is worked out in
`viewer.display.assessment_form`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    Draft,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
    UnsavedEntries,
)
from engine.errors import EngineError
from viewer.display.assessment_form import (
    SIDES,
    BreastEntry,
    Missing,
    awaited,
    entry_of,
    newest_of,
    saving_order,
    views_of,
)
from viewer.display.reading_history import history_lines
from viewer.display.unsaved_drafts import UnsavedDrafts
from viewer.panes import labels
from viewer.panes.breast_form import BreastForm
from viewer.panes.keyed_button import KeyedButton
from viewer.panes.save_notes import DOWNGRADE_EVIDENCE, SaveNotes
from viewer.shared import icons, theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised_error
from viewer.shared.states import Phase, ReadingState

TITLES = {
    ReadingMode.CONCURRENT: mark("Your reading"),
    ReadingMode.SECOND_READ: mark("Second read"),
    ReadingMode.BLIND_AUDIT: mark("Blind audit"),
}
NAME_LENGTH = 80  # characters


class AssessmentPane(QWidget):
    """Both breasts' forms, the reader's name, and what was recorded of the study before.

    Its buttons are never scrolled away: what is below them scrolls.
    """

    # To be stored; `show_recorded` or `show_not_recorded` is to follow
    assessment_submitted = Signal(ReaderAssessment)
    # A study's uid, and whether it has entries that are not saved
    draft_changed = Signal(str, bool)
    # A study, and its entries that are not saved: a Draft by Laterality
    entries_changed = Signal(Study, Mapping)
    # The name that readings are recorded under
    reader_changed = Signal(str)
    # The reader wants to save, and to go on to the next study that is to be read
    next_requested = Signal()
    # `least_height` is another
    room_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._opened_at = datetime.now(UTC)
        self._reader_name = ""  # whose records fill the forms
        self._history: tuple[ReaderAssessment, ...] = ()
        self._drafts = UnsavedDrafts()
        self._reading = ReadingState(ReadingMode.CONCURRENT, Phase.OPEN, ReadingMode.CONCURRENT)
        self._has_failed = False
        self._is_low = False
        self._known_height = 0  # `least_height`, as it was announced last
        self._mode_of_room = self._reading.mode
        app = cast(QApplication, QApplication.instance())
        app.focusChanged.connect(self._on_focus_changed)

        self._title = labels.title("", self)
        self.reader = QLineEdit(self)
        self.reader.setPlaceholderText(tr("Your name"))
        self.reader.setAccessibleName(tr("Reader's name"))
        self.reader.setMaxLength(NAME_LENGTH)
        self.reader.setAcceptDrops(False)
        self.reader.setFont(theme.font(theme.SMALL_TEXT_PX))  # long names
        self.reader.editingFinished.connect(self._on_reader_edited)
        self.reader.returnPressed.connect(self.take_keyboard)
        self.forms = {side: BreastForm(side, self) for side in SIDES}
        for form in self.forms.values():
            form.edited.connect(self._on_edited)
        self.save_button = KeyedButton(self)
        self.save_button.clicked.connect(self.save)
        self.next_button = KeyedButton(self)
        explanation = tr("Save, then the next study that you have not read")
        self.next_button.set_words(tr("Save, next", "on a button"), explanation)
        self.next_button.clicked.connect(self.next_requested)
        self.discard_button = QPushButton(icons.icon("discard"), "", self)
        self.discard_button.setAccessibleName(tr("Discard"))
        self.discard_button.setToolTip(tr("Discard: back to what is recorded"))
        self.discard_button.clicked.connect(self.discard)
        self._notes = SaveNotes(self)
        self.confirm_box, self.hint = self._notes.confirm_box, self._notes.hint
        self.history = self._notes.history
        self.confirm_box.toggled.connect(self._refresh_buttons)
        self._lay_out()
        self.setMinimumWidth(theme.scaled(300))
        self.show_study(None)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addWidget(self.reader, 1)
        forms = QHBoxLayout()
        forms.setSpacing(16)
        for form in self.forms.values():
            forms.addWidget(form, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button, 1)
        buttons.addWidget(self.next_button)
        buttons.addWidget(self.discard_button)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addLayout(forms)
        layout.addLayout(buttons)
        layout.addWidget(self._notes, 1)
        self.set_room(note_lines=2)

    def set_room(self, note_lines: int, is_low: bool = False) -> None:
        """Lines of each note; `is_low` on a screen where every row counts."""
        for form in self.forms.values():
            form.set_room(note_lines, is_low)
        if layout := self.layout():
            edge = 4 if is_low else 6
            layout.setContentsMargins(10, edge, 10, edge)
            layout.setSpacing(4 if is_low else 6)
        self._is_low = is_low
        self._reserve_notes()

    def _reserve_notes(self) -> None:
        is_second_read = self._mode_of_room is ReadingMode.SECOND_READ
        self._notes.reserve(is_tick_asked=is_second_read and not self._is_low)

    @property
    def least_height(self) -> int:
        """Pixels in which all but what was recorded before is seen."""
        layout = self.layout()
        return 0 if layout is None else layout.totalMinimumSize().height()

    def event(self, event: QEvent) -> bool:
        is_handled = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest and self.least_height != self._known_height:
            self._known_height = self.least_height
            self.room_changed.emit()
        return is_handled

    # ----------------------------------------------------------------------------- what it shows

    @property
    def study(self) -> Study | None:
        """The one that entries go to."""
        return self._study

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
            for form in self.forms.values():
                form.categories.clear_focus()  # no category of the last one is to look chosen
        self._study = study
        self._opened_at = opened_at or datetime.now(UTC)
        self._history = tuple(history)
        for form in self.forms.values():
            form.show_prediction(None)
        self._fill()

    def show_reading(self, reading: ReadingState, history: Sequence[ReaderAssessment]) -> None:
        """The same study is read in another way from now on; what was entered stays."""
        self._reading = reading
        self._history = tuple(history)
        if reading.phase.is_hidden:
            for form in self.forms.values():
                form.show_prediction(None)
        self._fill()

    def show_prediction(self, prediction: StudyPrediction | None) -> None:
        """Raises ValueError where it is of another study than the one shown."""
        if prediction is not None and (
            self._study is None or prediction.study_uid != self._study.uid
        ):
            raise ValueError("a prediction of another study")
        breasts = () if prediction is None else prediction.breasts
        by_side = {breast.laterality: breast.prediction for breast in breasts}
        for side, form in self.forms.items():
            form.show_prediction(by_side.get(side))
        self._refresh_buttons()

    def show_recorded(self, assessment: ReaderAssessment) -> None:
        """What was submitted is stored; the form shows it as saved."""
        if self._study is None or not _is_of(assessment, self._study):
            return
        self._history += (assessment,)
        self._drafts.drop(self._study, assessment.laterality)
        self._fill_form(self._study, assessment.laterality)
        self._announce_draft(self._study)
        self._show_history()

    def show_not_recorded(self, assessment: ReaderAssessment, error: EngineError) -> None:
        """What was submitted could not be stored; it stays in the form."""
        self._has_failed = True
        if self._study is not None and _is_of(assessment, self._study):
            form = self.forms[assessment.laterality]
            form.show_error(tr("NOT SAVED"), localised_error(error))

    def set_reader(self, name: str) -> None:
        self.reader.setText(name)
        self.reader.setCursorPosition(0)  # its beginning is seen
        self._reader_name = name
        self._fill()

    def set_save_keys(self, save: str, save_and_next: str) -> None:
        """As they are written; empty if there is none."""
        self.save_button.set_key(save)
        self.next_button.set_key(save_and_next)
        for form in self.forms.values():
            form.set_save_key(save)

    def set_keypad(self, is_on: bool) -> None:
        """Whether one hand on the keypad enters all categories."""
        for form in self.forms.values():
            form.set_keypad(is_on)

    # ------------------------------------------------------------------------------ the keyboard

    def focus_breast(self, side: Laterality) -> None:
        self.forms[side].setFocus()

    def focus_next_breast(self) -> None:
        """Of those that have images: the right one first, then the one without the keyboard."""
        forms = [form for form in self.forms.values() if form.isEnabled()]
        inside = [form for form in forms if form.isAncestorOf(QApplication.focusWidget() or self)]
        if forms:
            place = forms.index(inside[0]) + 1 if inside else 0
            forms[place % len(forms)].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        for form in self.forms.values():
            form.show_focus(new is not None and form.isAncestorOf(new))

    # ------------------------------------------------------------------------------------ drafts

    def has_draft(self, study: Study) -> bool:
        """Whether there are entries for the study that are not saved."""
        return self._drafts.has(study)

    @property
    def draft_count(self) -> int:
        """Studies with entries that are not saved."""
        return self._drafts.study_count

    def restore_drafts(self, study: Study, entries: UnsavedEntries) -> None:
        """Entries of an earlier run; what was entered in this one stays before them."""
        if self._drafts.restore(study, entries):
            self.draft_changed.emit(study.uid, True)

    def discard(self) -> None:
        """Back to what is recorded."""
        if self._study is not None:
            self._drafts.put(self._study, {})
            self._fill()
            self._announce_draft(self._study)

    def _on_edited(self) -> None:
        if self._study is not None:
            edited = {entry.side: entry.draft for entry in self._entries if entry.is_edited}
            self._drafts.put(self._study, edited)
            self._announce_draft(self._study)

    def _announce_draft(self, study: Study) -> None:
        drafts: Mapping[Laterality, Draft] = self._drafts.of(study)
        self._refresh_buttons()
        self.draft_changed.emit(study.uid, bool(drafts))
        self.entries_changed.emit(study, drafts)

    def _on_reader_edited(self) -> None:
        name = self.reader.text().strip()
        if name == self._reader_name:
            return
        for study_uid in self._drafts.forget_restored():
            self.draft_changed.emit(study_uid, False)
        self._reader_name = name
        self.reader_changed.emit(name)
        self._fill()

    # ------------------------------------------------------------------------------------- saving

    def save(self) -> None:
        """Submits what was changed, else what the model predicts otherwise since; asks for what is
        missing.
        """
        study = self._study
        if study is None:
            return
        if not self.reader.text().strip():
            self.hint.setText(tr("Enter your name: readings are recorded under it."))
            self.reader.setFocus()
            return
        self._on_reader_edited()
        missing: dict[Laterality, Missing] = {}
        self._has_failed = False
        order = saving_order(self._entries, self._reading.phase)
        for entry in order:
            if (what := entry.missing(self.confirm_box.isChecked())) is not None:
                missing[entry.side] = what
        for entry in order:
            if entry.side not in missing and not self._has_failed:
                self.assessment_submitted.emit(self.assessment_of(study, entry.side))
        for side, what in missing.items():
            self.forms[side].show_missing(what)
        if missing:
            self._focus_missing(*next(iter(missing.items())))
        elif (still := self._awaited) and not self._has_failed:
            self.forms[still[0].side].setFocus()

    def finish(self) -> bool:
        """Saves; whether nothing of the study is left to be entered or, revealed by this, looked
        at. Else the keyboard is where the reader goes on.
        """
        study, was_before = self._study, self._reading.phase is Phase.BEFORE
        if study is None:
            return False
        self.save()
        if self._drafts.has(study) or self._has_failed or not self._reader_name:
            return False
        open_forms = [form for form in self.forms.values() if form.isEnabled()]
        empty = [form for form in open_forms if form.entry.recorded is None]
        is_side_known = any(view.laterality for view in study.views)
        if empty and (is_side_known or len(empty) == len(open_forms)):
            empty[0].show_missing(Missing.CATEGORY)
            empty[0].setFocus()
            return False
        if was_before and self._reading.phase is not Phase.BEFORE:
            open_forms[0].setFocus()
            return False
        return True

    def begin(self) -> None:
        """Another study, if the keyboard is in the forms: it goes to the first breast."""
        focus = QApplication.focusWidget()
        if focus is not None and self.isAncestorOf(focus):
            self.take_keyboard()

    def take_keyboard(self) -> None:
        """Digits are the first breast's from now on; nothing is chosen yet."""
        form = next((form for form in self.forms.values() if form.isEnabled()), None)
        if form is not None and self.reader.text().strip():
            form.categories.take_keyboard()

    def _focus_missing(self, side: Laterality, what: Missing) -> None:
        if what is Missing.CATEGORY:
            self.forms[side].setFocus()
        elif what is Missing.CHANGE_REASON:
            self.forms[side].reason_box.setFocus()
        else:
            self.confirm_box.setFocus()

    def assessment_of(self, study: Study, side: Laterality) -> ReaderAssessment:
        """What a save of the form would record now. Raises ValueError without a category."""
        own = newest_of(self._history, side, self._reader_name)
        return self.forms[side].entry.assessment(
            study,
            self._reader_name,
            self._reading.mode,
            self._opened_at,
            datetime.now(UTC),
            None if own is None else own.record_id,
        )

    @property
    def _entries(self) -> list[BreastEntry]:
        return [form.entry for form in self.forms.values()]

    @property
    def _awaited(self) -> list[BreastEntry]:
        """Of the breasts that have images."""
        enabled = [form.entry for form in self.forms.values() if form.isEnabled()]
        return awaited(enabled, self._reading.phase) if self._study is not None else []

    # -------------------------------------------------------------------------------- filling

    def _fill(self) -> None:
        """Each form with what this reader has recorded, and with the draft over it."""
        study = self._study
        for side, form in self.forms.items():
            form.setEnabled(study is not None and bool(views_of(study, side)))
            self._fill_form(study, side)
        self._title.setText(tr(TITLES[self._reading.mode]))
        if self._reading.mode is not self._mode_of_room:
            self._mode_of_room = self._reading.mode
            self._reserve_notes()
        self._refresh_buttons()
        self._show_history()

    def _fill_form(self, study: Study | None, side: Laterality) -> None:
        form = self.forms[side]
        own = newest_of(self._history, side, self._reader_name)
        draft = None if study is None else self._drafts.of(study).get(side)
        form.fill(entry_of(side, own, self._reading, draft, form.entry.prediction))

    def _refresh_buttons(self) -> None:
        entries = self._entries
        is_edited = any(entry.is_edited for entry in entries)
        self.save_button.setEnabled(is_edited or any(entry.is_outdated for entry in entries))
        self.save_button.set_words(self._save_text(is_edited))
        self.next_button.setEnabled(self._study is not None)
        self.discard_button.setEnabled(is_edited)
        steps = [
            f"{entry.side.value} {lowered[0].value} → {lowered[1].value}"
            for entry in entries
            if entry.is_edited and (lowered := entry.lowered) is not None
        ]
        self._notes.ask_to_confirm(steps)
        self.hint.setText(self._hint_text(bool(steps)))

    def _save_text(self, is_edited: bool) -> str:
        """What the button does now."""
        if self._reading.phase is Phase.BEFORE:
            return tr("Save, then reveal")
        if not is_edited and any(entry.is_to_be_kept for entry in self._entries):
            return tr("Keep")
        return tr("Save")

    def _hint_text(self, is_lowering: bool) -> str:
        if is_lowering:
            return tr(DOWNGRADE_EVIDENCE)
        if self._study is None:
            return ""
        if not any(view.laterality for view in self._study.views):
            return tr("No image names its side: enter your reading under the side that you see.")
        restored_at = self._drafts.restored_at(self._study)
        if restored_at is not None:
            text = tr("Entered {time} and not saved: save it, change it, or discard it.")
            return text.format(time=f"{restored_at.astimezone():%Y-%m-%d %H:%M}")
        still = self._awaited
        if len(still) == 1 and any(entry.recorded for entry in self._entries):
            if still[0].side is Laterality.RIGHT:
                return tr("Right breast still to be saved: the model's answer is shown then.")
            return tr("Left breast still to be saved: the model's answer is shown then.")
        return ""

    def _show_history(self) -> None:
        self._notes.show_history(history_lines(self._history, self._reading.phase.is_hidden))


def _is_of(assessment: ReaderAssessment, study: Study) -> bool:
    return (assessment.study_uid, assessment.patient_id) == (study.uid, study.patient_id)
