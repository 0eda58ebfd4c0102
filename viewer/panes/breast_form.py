"""One breast's form: the fields of a `BreastEntry`, and its state in a few words."""

from datetime import UTC, datetime

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.domain import Agreement, BiradsCategory, Draft, Judgement, Laterality
from viewer.display.assessment_form import CHANGE_REASONS, BreastEntry, Missing
from viewer.panes import labels
from viewer.panes.category_buttons import LOW_ROW_HEIGHT, ROW_HEIGHT, CategoryButtons
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import short_side_name, side_name
from viewer.shared.plain_text import PlainLabel, tool_tip

NOTE_MARGIN, LOW_NOTE_MARGIN = 3, 1  # pixels around the lines of a note
NOTE_FRAME = 5  # around its margin
MISSING_TEXTS = {
    Missing.CATEGORY: mark("choose a category"),
    Missing.CHANGE_REASON: mark("why changed?"),
    Missing.CONFIRMATION: mark("confirm below"),
}


class ReasonBox(QComboBox):
    """Its entries have numbers, from 1 on: letters are the window's commands."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        text = event.text()
        if text.isdecimal() and 0 < int(text) < self.count():
            self.setCurrentIndex(int(text))
        else:
            super().keyPressEvent(event)


class BreastForm(QWidget):
    """Shows an entry and changes it; it knows no study: the pane fills it and reads it."""

    # The reader changed something
    edited = Signal()

    def __init__(self, side: Laterality, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.side = side
        self.entry = BreastEntry(side)
        self._save_key = ""
        self._is_filling = False
        self._offered: tuple[str, ...] = ()

        self.name_label = PlainLabel(short_side_name(side), self)
        self.name_label.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.state_label = PlainLabel(self)
        self.state_label.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.state_label.setAlignment(Qt.AlignmentFlag.AlignRight)
        # its text must not make one form wider than the other
        self.state_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.categories = CategoryButtons(side, self)
        self.categories.category_chosen.connect(self._on_category_chosen)
        self.setFocusProxy(self.categories)
        self.agree_button = QPushButton(tr("Agree"), self)
        self.disagree_button = QPushButton(tr("Disagree"), self)
        self._agreements = {
            Agreement.AGREE: self.agree_button,
            Agreement.DISAGREE: self.disagree_button,
        }
        self._agreement_group = QButtonGroup(self)
        for agreement, button in self._agreements.items():
            button.setCheckable(True)
            button.setObjectName("compact")
            button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            name = tr("{breast}: {agreement} with the model")
            button.setAccessibleName(
                name.format(breast=side_name(side), agreement=tr(agreement.value))
            )
            self._agreement_group.addButton(button)
        self._agreement_group.buttonClicked.connect(self._on_agreement_clicked)
        self.reason_box = ReasonBox(self)
        self.reason_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.reason_box.currentIndexChanged.connect(self._on_reason_chosen)
        self.note_box = QPlainTextEdit(self)
        self.note_box.setPlaceholderText(tr("Note …"))
        self.note_box.setTabChangesFocus(True)
        self.note_box.setAcceptDrops(False)  # a dropped folder is to be opened
        self.note_box.setAccessibleName(tr("Note, {breast}").format(breast=side_name(side)))
        self.note_box.textChanged.connect(self._on_note_changed)
        self._lay_out()
        self.set_room(note_lines=2)
        self._refresh()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.name_label)
        top.addWidget(self.state_label, 1)
        agreement_row = QHBoxLayout()
        agreement_row.setSpacing(3)
        for button in self._agreements.values():  # the longer text has the more room
            agreement_row.addWidget(button, button.sizeHint().width())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.categories)
        layout.addLayout(agreement_row)
        layout.addWidget(self.reason_box)
        layout.addWidget(self.note_box)

    def set_room(self, note_lines: int, is_low: bool = False) -> None:
        """Lines of the note; `is_low` on a screen where every row counts."""
        row_height = LOW_ROW_HEIGHT if is_low else ROW_HEIGHT
        self.categories.set_row_height(row_height)
        for button in self._agreements.values():
            button.setFixedHeight(theme.scaled(row_height))
        margin = LOW_NOTE_MARGIN if is_low else NOTE_MARGIN
        self.note_box.document().setDocumentMargin(margin)
        line = self.note_box.fontMetrics().height()
        height = note_lines * line + 2 * (margin + NOTE_FRAME)
        self.note_box.setFixedHeight(height)
        if layout := self.layout():
            layout.setSpacing(3 if is_low else 4)

    # ----------------------------------------------------------------------------- what it shows

    @property
    def draft(self) -> Draft:
        """What stands in the form now, and counts."""
        return self.entry.draft

    def fill(self, entry: BreastEntry) -> None:
        self.entry = entry
        self._is_filling = True
        self.categories.set_category(entry.category)
        if self.entry.with_comment(self.note_box.toPlainText()) != entry:  # else the cursor stays
            self.note_box.setPlainText(entry.entered.comment)
        self._is_filling = False
        self._refresh()

    def show_prediction(self, prediction: Judgement | None) -> None:
        self.entry = self.entry.with_prediction(prediction)
        self._refresh()

    def set_save_key(self, key: str) -> None:
        """As it is written; empty if there is none."""
        self._save_key = key
        self._refresh()

    def set_keypad(self, is_on: bool) -> None:
        self.categories.has_keypad = is_on

    def show_focus(self, has_focus: bool) -> None:
        """Whether the keyboard is in it: digits are this breast's then."""
        self.name_label.setFont(theme.font(theme.SMALL_TEXT_PX, bold=has_focus))
        name = short_side_name(self.side)
        self.name_label.setText(f"▸ {name}" if has_focus else name)
        labels.colour(self.name_label, theme.ACCENT if has_focus else theme.TEXT)

    def show_missing(self, missing: Missing) -> None:
        """Until the next change, in the place of the state."""
        self.show_error(tr(MISSING_TEXTS[missing]))

    def show_error(self, text: str, explanation: str = "") -> None:
        """The same."""
        self._show_state(text, theme.ERROR, explanation)

    # ---------------------------------------------------------------------------------- by hand

    def _on_category_chosen(self, category: BiradsCategory) -> None:
        self._change(self.entry.with_category(category))

    def _on_agreement_clicked(self, button: QAbstractButton) -> None:
        chosen = next(key for key, known in self._agreements.items() if known is button)
        self._change(self.entry.with_agreement(chosen))

    def _on_reason_chosen(self) -> None:
        self._change(self.entry.with_reason(self.reason_box.currentData()))

    def _on_note_changed(self) -> None:
        self._change(self.entry.with_comment(self.note_box.toPlainText()))

    def _change(self, entry: BreastEntry) -> None:
        if not self._is_filling:
            self.entry = entry
            self._refresh()
            self.edited.emit()

    def _offer_reasons(self) -> None:
        """Those that the entry takes, with the one it has."""
        with QSignalBlocker(self.reason_box):
            if self._offered != self.entry.reasons:
                self._offered = self.entry.reasons
                self._list_reasons()
            place = self.reason_box.findData(self.entry.entered.reason)
            self.reason_box.setCurrentIndex(max(0, place))

    def _list_reasons(self) -> None:
        is_change = self._offered is CHANGE_REASONS
        self.reason_box.clear()
        self.reason_box.addItem(tr("Why changed …") if is_change else tr("Reason …"), "")
        for reason in self._offered:
            text = tr(reason)
            self.reason_box.addItem(text[:1].upper() + text[1:], reason)
        name = (
            tr("Reason for changing the category, {breast}")
            if is_change
            else tr("Reason for disagreeing, {breast}")
        )
        self.reason_box.setAccessibleName(name.format(breast=side_name(self.side)))
        by_key = tr("With the keyboard here, 1 to {last} choose.")
        self.reason_box.setToolTip(by_key.format(last=len(self._offered)))

    # ---------------------------------------------------------------------------------- its state

    def _refresh(self) -> None:
        agreement = self.entry.agreement
        self._agreement_group.setExclusive(False)
        for meant, button in self._agreements.items():
            button.setEnabled(agreement is not Agreement.NOT_COMPARABLE)
            button.setChecked(agreement is meant)
            button.setToolTip(self._agreement_tool_tip())
        self._agreement_group.setExclusive(True)
        self._offer_reasons()
        self.reason_box.setEnabled(self.entry.takes_reason)
        self._refresh_state()

    def _agreement_tool_tip(self) -> str:
        if self.entry.phase.is_hidden:
            return tr("The model's answer is hidden")
        if self.entry.agreement is Agreement.NOT_COMPARABLE:
            return tr("Not comparable: the model has no word on this breast, or yours is 0 or 6")
        proposed = tr(self.entry.proposed_agreement.value)
        return tr("Proposed from the categories: {agreement}").format(agreement=proposed)

    def _refresh_state(self) -> None:
        entry, was = self.entry, ""
        if entry.is_changed and entry.before is not None:
            was = tr("was {category}").format(category=entry.before.value)
        if entry.is_edited:
            text = f"{was} ✎" if was else tr("unsaved")
            self._show_state(text, theme.WARNING, self._with_key(tr("{} saves")))
        elif entry.is_to_be_kept:
            explanation = tr("Your category without the model is stored")
            explanation += self._with_key(tr("; {} keeps it"))
            self._show_state(tr("keep or change"), theme.WARNING, explanation)
        elif entry.is_outdated:
            explanation = tr(
                "Recorded before the model's present answer; save again to record your "
                "agreement with it."
            )
            self._show_state(tr("save again?"), theme.WARNING, explanation)
        elif entry.recorded is not None:
            at = entry.recorded.recorded_at.astimezone()
            is_today = at.date() == datetime.now(UTC).astimezone().date()
            time = f"{at:%H:%M}" if is_today else f"{at:%Y-%m-%d}"
            saved = tr("saved {time}") if entry.before is None else tr("kept {time}")
            self._show_state(f"{was} · {time}" if was else saved.format(time=time), theme.MUTED)
        else:
            self._show_state("", theme.MUTED)

    def _with_key(self, text: str) -> str:
        return text.format(self._save_key) if self._save_key else ""

    def _show_state(self, text: str, colour: QColor, explanation: str = "") -> None:
        labels.colour(self.state_label, colour)
        self.state_label.setText(text)
        self.state_label.setToolTip(tool_tip(explanation))
