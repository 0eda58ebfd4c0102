"""What a form needs before it is saved, in which order, and what a mode keeps out of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from engine.domain import (
    Agreement,
    BiradsCategory,
    Draft,
    Laterality,
    ReadingMode,
    UnsavedEntries,
)
from tests.viewer.fake_engine import prediction_of
from tests.viewer.studies import make_study
from viewer.display.assessment_form import (
    CHANGE_REASONS,
    COMMENT_LENGTH,
    REASONS,
    BreastEntry,
    Missing,
    awaited,
    entry_of,
    newest_of,
    saving_order,
)
from viewer.display.reading_history import history_lines
from viewer.display.unsaved_drafts import UnsavedDrafts
from viewer.shared.states import Phase, ReadingState

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CONCURRENT, SECOND, BLIND = ReadingMode
STUDY = make_study()
AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
OPEN = ReadingState(CONCURRENT, Phase.OPEN, CONCURRENT)
BEFORE = ReadingState(SECOND, Phase.BEFORE, SECOND)
AFTER = ReadingState(SECOND, Phase.AFTER, SECOND)


def chosen(category, entry=None, model=None, side=RIGHT):
    entry = entry or BreastEntry(side)
    prediction = None if model is None else prediction_of("hybrid", model)
    return entry.with_prediction(prediction).with_category(BiradsCategory(category))


def record_of(entry, mode=CONCURRENT, record_id=1, reader="Dr. X", **changes):
    recorded = entry.assessment(STUDY, reader, mode, AT, AT, None)
    return replace(recorded, record_id=record_id, **changes)


def revealed(category, model, side=RIGHT):
    """A second read whose category is stored, and the prediction is on the screen."""
    own = record_of(chosen(category, side=side), SECOND)
    return entry_of(side, own, AFTER, prediction=prediction_of("hybrid", model))


# ------------------------------------------------------------------------------ what is missing


def test_a_category_is_asked_for_first():
    entry = BreastEntry(RIGHT).with_comment("dense")
    assert entry.missing(True) is Missing.CATEGORY
    assert chosen("2", entry).missing(False) is None


def test_a_category_that_was_changed_after_the_prediction_needs_a_reason():
    entry = chosen("4A", revealed("2", 4), model=4)
    assert entry.is_changed
    assert not entry.is_lowered
    assert entry.missing(False) is Missing.CHANGE_REASON
    assert entry.with_reason(CHANGE_REASONS[0]).missing(False) is None


def test_a_category_that_was_lowered_needs_a_tick_too():
    entry = chosen("3", revealed("4A", 2), model=2)
    assert entry.lowered == (BiradsCategory("4A"), BiradsCategory("3"))
    assert entry.missing(True) is Missing.CHANGE_REASON
    entry = entry.with_reason(CHANGE_REASONS[1])
    assert entry.missing(False) is Missing.CONFIRMATION
    assert entry.missing(True) is None


def test_a_category_that_goes_back_to_what_it_was_needs_nothing():
    entry = chosen("4A", chosen("3", revealed("4A", 2), model=2), model=2)
    assert not entry.is_changed
    assert entry.missing(False) is None


def test_a_form_without_a_category_is_never_recorded():
    with pytest.raises(ValueError, match="category"):
        record_of(BreastEntry(RIGHT))


# ---------------------------------------------------------------------------- in what order


def test_only_what_was_edited_is_saved_and_else_what_is_out_of_date():
    recorded = entry_of(RIGHT, record_of(chosen("2")), OPEN, prediction=prediction_of("hybrid", 2))
    assert recorded.is_outdated
    edited = chosen("1", side=LEFT)
    assert saving_order([recorded, edited], Phase.OPEN) == [edited]
    assert saving_order([recorded, BreastEntry(LEFT)], Phase.OPEN) == [recorded]
    assert saving_order([BreastEntry(RIGHT), BreastEntry(LEFT)], Phase.OPEN) == []


def test_the_category_that_reveals_is_recorded_after_the_corrections():
    first = chosen("2")
    correction = chosen("3", entry_of(LEFT, record_of(chosen("1", side=LEFT), SECOND), BEFORE))
    assert saving_order([first, correction], Phase.BEFORE) == [correction, first]
    assert saving_order([first, correction], Phase.AFTER) == [first, correction]


def test_after_the_reveal_both_breasts_wait_to_be_kept_or_changed():
    right, left = revealed("2", 2), revealed("1", 4, LEFT)
    assert saving_order([right, left], Phase.AFTER) == [right, left]
    kept = entry_of(
        RIGHT, record_of(right, SECOND, 2), AFTER, prediction=prediction_of("hybrid", 2)
    )
    assert not kept.is_to_be_kept
    assert saving_order([kept, left], Phase.AFTER) == [left]


def test_the_prediction_is_awaited_only_by_breasts_without_a_stored_category():
    stored = entry_of(RIGHT, record_of(chosen("2"), SECOND), BEFORE)
    left = BreastEntry(LEFT)
    assert awaited([stored, left], Phase.BEFORE) == [left]
    assert awaited([stored, left], Phase.OPEN) == []


# --------------------------------------------------------------------------- agreement, reasons


def test_an_override_is_one_only_against_what_is_proposed_and_ends_with_its_category():
    entry = chosen("4B", model=4).with_agreement(Agreement.DISAGREE)
    assert entry.agreement is Agreement.DISAGREE
    assert entry.with_agreement(Agreement.AGREE).entered.override is None
    assert entry.with_category(BiradsCategory("4")).agreement is Agreement.AGREE


def test_a_reason_counts_only_where_one_is_asked_for_and_comes_back_with_the_question():
    entry = chosen("2", model=4).with_reason(REASONS[0])
    assert entry.draft.reason == REASONS[0]
    agreed = entry.with_agreement(Agreement.AGREE)
    assert agreed.draft.reason == ""
    assert agreed.with_agreement(Agreement.DISAGREE).draft.reason == REASONS[0]


def test_a_reason_ends_with_the_list_that_it_was_chosen_from():
    entry = revealed("4A", 2).with_reason(REASONS[0])
    assert entry.reasons == REASONS
    changed = chosen("3", entry, model=2)
    assert changed.reasons == CHANGE_REASONS
    assert changed.entered.reason == ""


def test_a_recorded_reason_is_not_lost_while_the_prediction_is_awaited():
    recorded = record_of(chosen("2", model=4).with_reason("too high"))
    waiting = entry_of(RIGHT, recorded, OPEN)
    assert not waiting.is_edited
    assert saving_order([waiting, chosen("1", side=LEFT)], Phase.OPEN)[0].side is LEFT
    there = waiting.with_prediction(prediction_of("hybrid", 4))
    assert there.draft.reason == "too high"
    assert not there.is_edited
    assert there.with_reason("").is_edited


def test_a_note_has_no_blank_ends_and_a_longest_length():
    assert BreastEntry(RIGHT).with_comment("  dense \n").draft.comment == "dense"
    assert len(BreastEntry(RIGHT).with_comment("x" * 5000).draft.comment) == COMMENT_LENGTH
    assert not BreastEntry(RIGHT).with_comment(" ").is_edited


# ------------------------------------------------------------------------- what may be shown


def test_where_the_prediction_is_hidden_a_form_shows_nothing_that_tells_of_it():
    seen = record_of(chosen("2", model=4).with_reason("too high"))
    assert entry_of(RIGHT, seen, BEFORE).recorded is None
    assert entry_of(RIGHT, seen, OPEN).recorded is seen
    draft = Draft(BiradsCategory("3"), Agreement.AGREE, "too high", "dense")
    hidden = entry_of(RIGHT, None, BEFORE, draft)
    assert hidden.draft == Draft(BiradsCategory("3"), None, "", "dense")


def test_a_reading_that_was_withdrawn_fills_no_form():
    withdrawn = record_of(chosen("2"), is_withdrawn=True)
    assert entry_of(RIGHT, withdrawn, OPEN).draft == Draft()


def test_each_reader_corrects_only_the_own_latest_record():
    history = [
        record_of(chosen("2"), record_id=1),
        record_of(chosen("3"), record_id=2),
        record_of(chosen("4"), record_id=3, reader="Dr. Y"),
        record_of(chosen("5", side=LEFT), record_id=4),
    ]
    assert newest_of(history, RIGHT, "Dr. X") is history[1]
    assert newest_of(history, LEFT, "Dr. Y") is None


def test_a_line_of_the_history_leaves_out_what_was_said_to_the_model_where_that_is_hidden():
    seen = record_of(chosen("2", model=4).with_reason("too high").with_comment("model says 4"))
    (line,) = history_lines([seen], is_hidden=False)
    assert "R 2 · disagree (too high) · Dr. X · “model says 4”" in line
    (line,) = history_lines([seen], is_hidden=True)
    assert line.endswith("R 2 · Dr. X")


# --------------------------------------------------------------------------------- drafts


def entries(study, category, at=AT):
    drafts = {RIGHT: Draft(BiradsCategory(category))}
    uids = frozenset(view.image_uid for view in study.views)
    return UnsavedEntries(study.uid, study.patient_id, uids, "Dr. X", drafts, False, at)


def test_drafts_are_kept_by_study_and_patient():
    drafts = UnsavedDrafts()
    drafts.put(STUDY, {RIGHT: Draft(comment="dense")})
    assert drafts.has(STUDY)
    assert not drafts.has(replace(STUDY, patient_id="B-2"))
    assert drafts.study_count == 1
    drafts.drop(STUDY, RIGHT)
    assert not drafts.has(STUDY)
    assert drafts.study_count == 0


def test_entries_of_an_earlier_run_never_replace_those_of_this_one():
    drafts = UnsavedDrafts()
    drafts.put(STUDY, {RIGHT: Draft(BiradsCategory("1"))})
    assert not drafts.restore(STUDY, entries(STUDY, "5"))
    assert drafts.of(STUDY)[RIGHT].category is BiradsCategory("1")
    assert drafts.restored_at(STUDY) is None


def test_restored_entries_are_another_readers_until_they_are_touched():
    drafts, other = UnsavedDrafts(), make_study(uid="9.9.9")
    assert drafts.restore(STUDY, entries(STUDY, "5"))
    assert drafts.restore(other, entries(other, "4A"))
    assert drafts.restored_at(STUDY) == AT
    drafts.put(STUDY, {RIGHT: Draft(BiradsCategory("4"))})
    assert drafts.restored_at(STUDY) is None
    assert drafts.forget_restored() == [other.uid]
    assert drafts.has(STUDY)
    assert not drafts.has(other)
