"""What a reader enters for a breast, and what follows from it: values, no widgets.

A form is a `BreastEntry`: what was entered, beside what is recorded and what the model predicts.
Whether it is edited, changed or lowered, what is missing before it can be saved and in which order
several are saved is worked out here; the widgets of `viewer.panes` show it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from engine.domain import (
    Agreement,
    BiradsCategory,
    Draft,
    Judgement,
    Laterality,
    MammogramView,
    ReaderAssessment,
    ReadingMode,
    Study,
    is_downgrade,
    propose_agreement,
)
from viewer.shared.languages import mark
from viewer.shared.states import Phase, ReadingState

SIDES = (Laterality.RIGHT, Laterality.LEFT)  # as they hang
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
# For another category than before the model's prediction; stored as they stand here, too.
CHANGE_REASONS = (
    mark("overlooked before"),
    mark("judged differently"),
    mark("the model's category"),
    mark("prior images"),
    mark("clinical information"),
    mark("entered by mistake"),
    mark("other change"),
)
COMMENT_LENGTH = 4000  # characters
EMPTY = Draft()


class Missing(Enum):
    """What is to be entered before a form can be saved; the first of these is asked for."""

    CATEGORY = "a category"
    CHANGE_REASON = "a reason for another category than before the prediction"
    CONFIRMATION = "a tick that the category is meant to be lower"


@dataclass(frozen=True)
class BreastEntry:
    """One breast's form."""

    side: Laterality
    entered: Draft = EMPTY  #: as it stands in the fields, also in those that do not count now
    recorded: ReaderAssessment | None = None  #: this reader's, as far as it may be shown
    phase: Phase = Phase.OPEN
    before: BiradsCategory | None = None  #: the category that the prediction was revealed upon
    prediction: Judgement | None = None  #: of this breast, as it stands on the screen

    # ------------------------------------------------------------------------- what is entered

    def filled(self, draft: Draft | None) -> "BreastEntry":
        """With what was entered and not saved, else with what is recorded."""
        shown = self.recorded_draft if draft is None else draft
        if self.phase.is_hidden:  # the reader's response to the model would reveal it
            shown = replace(shown, override=None, reason="")
        filled = replace(self, entered=shown)
        return filled if shown.reason in filled.reasons else filled.with_reason("")

    def with_category(self, category: BiradsCategory) -> "BreastEntry":
        """An override ends with the category that it was of, a reason with its list."""
        chosen = replace(self, entered=replace(self.entered, category=category, override=None))
        if chosen.reasons != self.reasons:
            chosen = chosen.with_reason("")
        return chosen

    def with_agreement(self, agreement: Agreement) -> "BreastEntry":
        override = None if agreement is self.proposed_agreement else agreement
        return replace(self, entered=replace(self.entered, override=override))

    def with_reason(self, reason: str) -> "BreastEntry":
        return replace(self, entered=replace(self.entered, reason=reason))

    def with_comment(self, comment: str) -> "BreastEntry":
        comment = comment.strip()[:COMMENT_LENGTH]
        return replace(self, entered=replace(self.entered, comment=comment))

    def with_prediction(self, prediction: Judgement | None) -> "BreastEntry":
        return replace(self, prediction=prediction)

    @property
    def category(self) -> BiradsCategory | None:
        return self.entered.category

    @property
    def draft(self) -> Draft:
        """What is entered and counts."""
        return self.entered if self.takes_reason else replace(self.entered, reason="")

    # ------------------------------------------------------------------------ what follows of it

    @property
    def proposed_agreement(self) -> Agreement:
        if self.category is None:
            return Agreement.NOT_COMPARABLE
        return propose_agreement(self.category, self.prediction)

    @property
    def agreement(self) -> Agreement:
        proposed = self.proposed_agreement
        if proposed is Agreement.NOT_COMPARABLE:
            return proposed
        return self.entered.override or proposed

    @property
    def is_changed(self) -> bool:
        """Whether the category is another than before the model's prediction."""
        return self.before is not None and self.category not in (None, self.before)

    @property
    def is_lowered(self) -> bool:
        return self.lowered is not None

    @property
    def lowered(self) -> tuple[BiradsCategory, BiradsCategory] | None:
        """From which category to which, where the reader has become less suspicious."""
        if self.before is None or self.category is None:
            return None
        return (self.before, self.category) if is_downgrade(self.before, self.category) else None

    @property
    def takes_reason(self) -> bool:
        return self.is_changed or self.agreement is Agreement.DISAGREE

    @property
    def reasons(self) -> tuple[str, ...]:
        """From which one is chosen."""
        return CHANGE_REASONS if self.is_changed else REASONS

    @property
    def recorded_draft(self) -> Draft:
        """What the form would show of the record."""
        recorded = self.recorded
        if recorded is None:
            return EMPTY
        is_overridden = recorded.agreement is not recorded.proposed_agreement
        override = recorded.agreement if is_overridden else None
        is_change_reason = recorded.category_before is not None and self.before is None
        reason = "" if is_change_reason else recorded.reason
        return Draft(recorded.category, override, reason, recorded.comment)

    @property
    def is_edited(self) -> bool:
        """A recorded reason is not missed while no prediction is there to disagree with."""
        recorded = self.recorded_draft
        if not self.takes_reason:
            recorded = replace(recorded, reason="")
        return self.draft != recorded

    @property
    def is_to_be_kept(self) -> bool:
        """The prediction was revealed, and the reader has neither kept nor changed the category
        since.
        """
        return (
            self.before is not None
            and self.recorded is not None
            and self.recorded.category_before is None
        )

    @property
    def is_outdated(self) -> bool:
        """Recorded before the model's present prediction: saving again records the agreement."""
        if self.recorded is None or self.is_edited or self.phase.is_hidden:
            return False
        is_other = self.proposed_agreement is not self.recorded.proposed_agreement
        return is_other or self.is_to_be_kept

    def missing(self, is_lowering_confirmed: bool) -> Missing | None:
        if self.category is None:
            return Missing.CATEGORY
        if self.is_changed and not self.draft.reason:
            return Missing.CHANGE_REASON
        if self.is_lowered and self.is_edited and not is_lowering_confirmed:
            return Missing.CONFIRMATION
        return None

    def assessment(
        self,
        study: Study,
        reader: str,
        mode: ReadingMode,
        opened_at: datetime,
        recorded_at: datetime,
        supersedes: int | None,
    ) -> ReaderAssessment:
        """What is to be recorded. Raises ValueError where no category is entered."""
        if self.category is None:
            raise ValueError("no category is entered")
        return ReaderAssessment(
            study_uid=study.uid,
            image_uids=tuple(view.image_uid for view in views_of(study, self.side)),
            patient_id=study.patient_id,
            laterality=self.side,
            reader=reader,
            category=self.category,
            proposed_agreement=self.proposed_agreement,
            agreement=self.agreement,
            reason=self.draft.reason,
            comment=self.draft.comment,
            prediction=self.prediction,
            reading_mode=mode,
            opened_at=opened_at,
            recorded_at=recorded_at,
            supersedes=supersedes,
            category_before=self.before,
        )


def entry_of(
    side: Laterality,
    own: ReaderAssessment | None,
    reading: ReadingState,
    draft: Draft | None = None,
    prediction: Judgement | None = None,
) -> BreastEntry:
    """A form as it is opened; `own` is this reader's newest record of the breast.

    In a mode that hides, only what was recorded in that mode is shown: the rest may reveal the
    prediction.
    """
    phase = reading.phase
    is_shown = own is not None and not own.is_withdrawn
    if own is not None and phase.is_hidden and own.reading_mode is not reading.mode:
        is_shown = False
    recorded = own if is_shown else None
    before = None
    if phase is Phase.AFTER and recorded is not None:
        before = recorded.category_before or recorded.category
    return BreastEntry(side, EMPTY, recorded, phase, before, prediction).filled(draft)


def newest_of(
    history: Iterable[ReaderAssessment], side: Laterality, reader: str
) -> ReaderAssessment | None:
    """This reader's latest record of the breast; `history` is in the order of recording."""
    own = [a for a in history if a.laterality is side and a.reader == reader]
    return own[-1] if own else None


def saving_order(entries: Sequence[BreastEntry], phase: Phase) -> list[BreastEntry]:
    """Those that a save concerns, in the order in which they are recorded: what was changed or
    waits to be kept, else what the model has predicted otherwise since.

    While the prediction is hidden, the last category that is missing reveals it, so corrections go
    first.
    """
    concerned = [entry for entry in entries if entry.is_edited or entry.is_to_be_kept]
    concerned = concerned or [entry for entry in entries if entry.is_outdated]
    if phase.is_hidden:
        concerned.sort(key=lambda entry: entry.recorded is None)
    return concerned


def awaited(entries: Iterable[BreastEntry], phase: Phase) -> list[BreastEntry]:
    """Of the breasts with images: those whose category is to be stored before the prediction is
    revealed.
    """
    if phase is not Phase.BEFORE:
        return []
    return [entry for entry in entries if entry.recorded is None]


def views_of(study: Study, side: Laterality) -> list[MammogramView]:
    """The breast's views; all views where no image names its side, as the reader has to know it."""
    if not any(view.laterality for view in study.views):
        return list(study.views)
    return [view for view in study.views if view.laterality is side]
