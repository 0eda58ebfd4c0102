"""The reader's word goes to the study on the screen, whole, once, and is never lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from engine.domain import Agreement, BiradsCategory, BreastPrediction, Laterality, ReadingMode
from engine.errors import StorageFailed
from tests.viewer.fake_engine import prediction_of, study_prediction
from tests.viewer.studies import make_study
from viewer.display.assessment_form import REASONS
from viewer.panes.assessment_pane import AssessmentPane

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
STUDY = make_study()
OTHER = replace(make_study(uid="9.9.9"), patient_id="B-1")
OPENED = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


class Store:
    """Takes what the pane submits and answers as the session does."""

    def __init__(self, pane):
        self.pane = pane
        self.records = []
        self.failure = None
        pane.assessment_submitted.connect(self.record)

    def record(self, assessment):
        if self.failure is not None:
            self.pane.show_not_recorded(assessment, self.failure)
            return
        recorded = replace(assessment, record_id=len(self.records) + 1)
        self.records.append(recorded)
        self.pane.show_recorded(recorded)


@pytest.fixture
def pane(qtbot):
    pane = AssessmentPane()
    qtbot.addWidget(pane)
    pane.resize(348, 420)
    pane.set_reader("Dr. X")
    pane.show_study(STUDY, OPENED)
    pane.show()
    return pane


@pytest.fixture
def store(pane):
    return Store(pane)


def saying(right, left, study=STUDY, model="hybrid"):
    breasts = tuple(
        BreastPrediction(side, prediction_of(model, category), ())
        for side, category in ((RIGHT, right), (LEFT, left))
    )
    return replace(study_prediction(study, model), breasts=breasts)


def choose(qtbot, pane, side, category):
    buttons = pane.forms[side].categories.buttons
    qtbot.mouseClick(buttons[BiradsCategory(category)], Qt.MouseButton.LeftButton)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def state(pane, side):
    return pane.forms[side].state_label.text()


# ------------------------------------------------------------------------------------- agreement


@pytest.mark.parametrize(
    ("category", "said", "proposed"),
    [
        ("4", 4, Agreement.AGREE),
        ("4A", 4, Agreement.AGREE),
        ("4C", 4, Agreement.AGREE),
        ("2", 4, Agreement.DISAGREE),
        ("5", 4, Agreement.DISAGREE),
        ("0", 4, Agreement.NOT_COMPARABLE),
        ("6", 5, Agreement.NOT_COMPARABLE),
    ],
)
def test_the_program_proposes_agreement_from_the_categories(
    pane, store, qtbot, category, said, proposed
):
    pane.show_prediction(saying(said, 1))
    choose(qtbot, pane, RIGHT, category)
    form = pane.forms[RIGHT]
    assert form.agree_button.isChecked() == (proposed is Agreement.AGREE)
    assert form.disagree_button.isChecked() == (proposed is Agreement.DISAGREE)
    assert form.agree_button.isEnabled() == (proposed is not Agreement.NOT_COMPARABLE)
    pane.save()
    assert [(r.proposed_agreement, r.agreement) for r in store.records] == [(proposed, proposed)]


def test_the_reader_may_override_and_both_are_stored(pane, store, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "4B")
    click(qtbot, pane.forms[RIGHT].disagree_button)
    pane.save()
    assert store.records[0].proposed_agreement is Agreement.AGREE
    assert store.records[0].agreement is Agreement.DISAGREE


def test_an_override_ends_with_the_category_it_was_said_of(pane, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "4B")
    click(qtbot, pane.forms[RIGHT].disagree_button)
    choose(qtbot, pane, RIGHT, "4")
    assert pane.forms[RIGHT].entry.agreement is Agreement.AGREE


def test_a_category_that_the_model_lacks_cannot_agree(pane, store, qtbot):
    pane.show_prediction(saying(1, 1, model="light"))
    choose(qtbot, pane, RIGHT, "2")
    pane.save()
    assert store.records[0].agreement is Agreement.DISAGREE


def test_a_reading_can_be_saved_before_the_model_has_spoken(pane, store, qtbot):
    choose(qtbot, pane, LEFT, "2")
    pane.save()
    assert store.records[0].prediction is None
    assert store.records[0].agreement is Agreement.NOT_COMPARABLE
    assert state(pane, LEFT).startswith("saved")


def test_saving_again_after_the_model_has_spoken_records_the_agreement(pane, store, qtbot):
    choose(qtbot, pane, LEFT, "2")
    pane.save()
    assert not pane.save_button.isEnabled()
    pane.show_prediction(saying(1, 2))
    assert state(pane, LEFT) == "save again?"
    pane.save()
    assert store.records[1].agreement is Agreement.AGREE
    assert store.records[1].supersedes == 1
    assert len(store.records) == 2
    assert state(pane, LEFT).startswith("saved")


# -------------------------------------------------------------------------------- what is recorded


def test_a_record_holds_all_that_was_on_the_screen(pane, store, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "2")
    form = pane.forms[RIGHT]
    form.reason_box.setCurrentIndex(form.reason_box.findData("false mark"))
    qtbot.keyClicks(form.note_box, "skin fold")
    click(qtbot, pane.save_button)
    (record,) = store.records
    assert (record.study_uid, record.patient_id) == (STUDY.uid, STUDY.patient_id)
    assert record.image_uids == tuple(v.image_uid for v in STUDY.views if v.laterality is RIGHT)
    assert record.laterality is RIGHT
    assert record.reader == "Dr. X"
    assert record.category is BiradsCategory.BENIGN
    assert (record.reason, record.comment) == ("false mark", "skin fold")
    assert record.prediction == prediction_of("hybrid", 4)
    assert record.reading_mode is ReadingMode.CONCURRENT
    assert record.opened_at == OPENED
    assert timedelta() <= datetime.now(UTC) - record.recorded_at < timedelta(minutes=1)
    assert record.supersedes is None


def test_a_reason_belongs_to_a_disagreement_only(pane, store, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "2")
    form = pane.forms[RIGHT]
    form.reason_box.setCurrentIndex(1)
    click(qtbot, form.agree_button)
    assert not form.reason_box.isEnabled()
    pane.save()
    assert store.records[0].reason == ""


def test_the_reasons_are_all_offered(pane):
    box = pane.forms[RIGHT].reason_box
    assert tuple(box.itemData(n) for n in range(1, box.count())) == REASONS


def test_only_what_was_changed_is_saved(pane, store, qtbot):
    choose(qtbot, pane, RIGHT, "1")
    pane.save()
    choose(qtbot, pane, LEFT, "1")
    pane.save()
    assert [record.laterality for record in store.records] == [RIGHT, LEFT]
    pane.save()
    assert len(store.records) == 2


def test_a_correction_supersedes_the_readers_own_record(pane, store, qtbot):
    choose(qtbot, pane, RIGHT, "1")
    pane.save()
    choose(qtbot, pane, RIGHT, "3")
    pane.save()
    assert [record.supersedes for record in store.records] == [None, 1]
    assert "corrected later" in pane.history.text().splitlines()[1]


def test_a_second_reader_does_not_supersede_the_first(pane, store, qtbot):
    choose(qtbot, pane, RIGHT, "1")
    pane.save()
    pane.reader.setText("Dr. Y")
    pane.reader.editingFinished.emit()
    assert pane.forms[RIGHT].draft.category is None
    choose(qtbot, pane, RIGHT, "4A")
    pane.save()
    assert [(record.reader, record.supersedes) for record in store.records] == [
        ("Dr. X", None),
        ("Dr. Y", None),
    ]


def test_without_a_name_nothing_is_saved_and_the_name_is_asked_for_in_place(pane, store, qtbot):
    pane.set_reader("")
    choose(qtbot, pane, RIGHT, "1")
    pane.save()
    assert store.records == []
    assert "name" in pane.hint.text()
    qtbot.keyClicks(pane.reader, "Dr. Z")
    with qtbot.waitSignal(pane.reader_changed) as changed:
        pane.save()
    assert changed.args == ["Dr. Z"]
    assert [record.reader for record in store.records] == ["Dr. Z"]


def test_a_note_without_a_category_asks_for_one_and_keeps_the_note(pane, store, qtbot):
    qtbot.keyClicks(pane.forms[LEFT].note_box, "dense")
    pane.save()
    assert store.records == []
    assert state(pane, LEFT) == "choose a category"
    choose(qtbot, pane, LEFT, "2")
    pane.save()
    assert store.records[0].comment == "dense"


def test_what_could_not_be_stored_stays_in_the_form_and_can_be_saved_again(pane, store, qtbot):
    choose(qtbot, pane, RIGHT, "5")
    store.failure = StorageFailed("Readings cannot be saved", "The disk is full.")
    pane.save()
    assert state(pane, RIGHT) == "NOT SAVED"
    assert pane.forms[RIGHT].draft.category is BiradsCategory.HIGHLY_SUGGESTIVE
    assert pane.has_draft(STUDY)
    store.failure = None
    pane.save()
    assert [record.category.value for record in store.records] == ["5"]
    assert not pane.has_draft(STUDY)


# --------------------------------------------------------------------------------- between studies


def test_a_draft_waits_for_its_study_and_is_marked(pane, store, qtbot):
    marks = []
    pane.draft_changed.connect(lambda uid, has: marks.append((uid, has)))
    choose(qtbot, pane, RIGHT, "4A")
    qtbot.keyClicks(pane.forms[RIGHT].note_box, "look again")
    pane.show_study(OTHER, OPENED)
    assert pane.forms[RIGHT].draft.category is None
    assert pane.forms[RIGHT].draft.comment == ""
    assert set(marks) == {(STUDY.uid, True)}
    assert pane.draft_count == 1
    pane.show_study(STUDY, OPENED)
    assert pane.forms[RIGHT].draft.category is BiradsCategory.LOW_SUSPICION
    assert pane.forms[RIGHT].draft.comment == "look again"
    pane.save()
    assert marks[-1] == (STUDY.uid, False)
    assert store.records[0].study_uid == STUDY.uid


def test_a_draft_is_never_another_patients_even_under_the_same_uid(pane, qtbot):
    choose(qtbot, pane, RIGHT, "5")
    twin = replace(STUDY, patient_id="B-2")
    pane.show_study(twin, OPENED)
    assert pane.forms[RIGHT].draft.category is None
    assert not pane.has_draft(twin)
    assert pane.has_draft(STUDY)


def test_saving_goes_to_the_study_on_the_screen(pane, store, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "4")
    pane.show_study(OTHER, OPENED)
    choose(qtbot, pane, RIGHT, "1")
    pane.save()
    (record,) = store.records
    assert (record.study_uid, record.patient_id) == (OTHER.uid, "B-1")
    assert record.prediction is None  # what the model said was said of the other study
    assert set(record.image_uids) <= {view.image_uid for view in OTHER.views}


def test_another_studys_prediction_is_refused(pane):
    with pytest.raises(ValueError, match="another study"):
        pane.show_prediction(saying(4, 1, study=OTHER))


def test_earlier_readings_show_when_the_study_is_opened_again(pane, store, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "2")
    form = pane.forms[RIGHT]
    form.reason_box.setCurrentIndex(form.reason_box.findData("too high"))
    pane.save()
    pane.show_study(OTHER, OPENED)
    assert not pane.history.isVisibleTo(pane)
    pane.show_study(STUDY, OPENED, store.records)
    assert pane.forms[RIGHT].draft.category is BiradsCategory.BENIGN
    assert "R 2 · disagree (too high) · Dr. X" in pane.history.text()
    assert not pane.has_draft(STUDY)


def test_discarding_goes_back_to_what_is_recorded(pane, store, qtbot):
    choose(qtbot, pane, RIGHT, "2")
    pane.save()
    choose(qtbot, pane, RIGHT, "5")
    click(qtbot, pane.discard_button)
    assert pane.forms[RIGHT].draft.category is BiradsCategory.BENIGN
    assert not pane.has_draft(STUDY)
    assert not pane.discard_button.isEnabled()


# -------------------------------------------------------------------------- which breasts there are


def test_a_breast_without_images_cannot_be_assessed(pane):
    pane.show_study(make_study(("L CC", "L MLO")), OPENED)
    assert not pane.forms[RIGHT].isEnabled()
    assert pane.forms[LEFT].isEnabled()


def test_where_no_image_names_its_side_the_reader_says_it(pane, store, qtbot):
    study = make_study(("? ?",))
    pane.show_study(study, OPENED)
    assert "side that you see" in pane.hint.text()
    choose(qtbot, pane, LEFT, "3")
    pane.save()
    assert store.records[0].laterality is LEFT
    assert store.records[0].image_uids == (study.views[0].image_uid,)


def test_without_a_study_nothing_can_be_entered(pane, store):
    pane.show_study(None)
    assert not any(form.isEnabled() for form in pane.forms.values())
    pane.save()
    assert store.records == []


# ------------------------------------------------------------------------------------------- by key


@pytest.mark.parametrize(
    ("keys", "category"),
    [("2", "2"), ("4", "4"), ("4b", "4B"), ("4bc", "4C"), ("0", "0"), ("c", None)],
)
def test_a_category_can_be_typed(pane, qtbot, keys, category):
    pane.focus_breast(LEFT)
    qtbot.waitUntil(lambda: pane.focusWidget() is not None)
    for key in keys:
        qtbot.keyClick(pane.focusWidget(), key)
    chosen = pane.forms[LEFT].draft.category
    assert (chosen and chosen.value) == category
    assert pane.forms[RIGHT].draft.category is None


def test_every_field_can_be_reached_by_tab(pane, qtbot):
    pane.show_prediction(saying(4, 1))
    choose(qtbot, pane, RIGHT, "2")
    choose(qtbot, pane, LEFT, "2")
    form = pane.forms[RIGHT]
    wanted = {form.note_box, form.reason_box, pane.save_button, pane.forms[LEFT].note_box}
    pane.reader.setFocus()
    reached = set()
    for _ in range(40):
        qtbot.keyClick(pane.focusWidget(), Qt.Key.Key_Tab)
        reached.add(pane.focusWidget())
    assert wanted <= reached
    assert reached & set(form.categories.buttons.values())


def test_after_a_step_no_focus_stands_on_the_last_studys_category_and_digits_still_count(
    pane, store, qtbot
):
    choose(qtbot, pane, RIGHT, "4")
    buttons = pane.forms[RIGHT].categories.buttons
    buttons[BiradsCategory("4")].setFocus()
    pane.save()
    pane.show_study(OTHER, OPENED)
    focused = QApplication.focusWidget()
    assert focused not in buttons.values()
    assert pane.forms[RIGHT].isAncestorOf(focused)
    qtbot.keyClick(focused, Qt.Key.Key_2)
    assert pane.forms[RIGHT].draft.category is BiradsCategory.BENIGN
    assert buttons[BiradsCategory.BENIGN].hasFocus()
