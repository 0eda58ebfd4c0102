"""The worklist tells every study, its state, its categories, and what could not be read."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QToolButton

from engine.domain import Catalogue, FailedFile, Laterality, OutOfScope
from engine.errors import EngineStopped
from tests.viewer.driver import find
from tests.viewer.fake_engine import MODELS, prediction_of, study_prediction
from tests.viewer.studies import make_study
from viewer.display.worklist_row import WorklistFilter, WorklistOrder
from viewer.panes.worklist import WorklistPane
from viewer.shared import theme
from viewer.shared.states import RunState, StudyProgress, StudyState, StudyStatus

DONE = StudyStatus(StudyState.DONE)


def study_of(number, **changes):
    return replace(make_study(uid=f"1.2.{number}"), patient_id=f"A-{number}", **changes)


def suspicion(study, right, left=1):
    """A prediction of these categories."""
    answer = study_prediction(study)
    said = {Laterality.RIGHT: right, Laterality.LEFT: left}
    breasts = tuple(
        replace(breast, prediction=prediction_of("hybrid", said[breast.laterality]))
        for breast in answer.breasts
    )
    return replace(answer, breasts=breasts)


STUDIES = tuple(study_of(number) for number in (1, 2, 3))
CATALOGUE = Catalogue(
    STUDIES,
    failures=(FailedFile(Path("scan-3.dcm"), "File is cut", "Copy it again from the archive."),),
    skipped_count=2,
    notes=("Images of 2 patients lie in one folder; kept apart.",),
)


@pytest.fixture
def pane(qtbot):
    pane = WorklistPane()
    qtbot.addWidget(pane)
    pane.resize(264, 600)
    pane.show_catalogue(CATALOGUE)
    return pane


def sentences(pane):
    model = pane.list_view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_studies_come_first_then_what_could_not_be_read_then_the_notes(pane):
    told = sentences(pane)
    assert [text.split(",")[0] for text in told[:3]] == [
        "Patient A-1",
        "Patient A-2",
        "Patient A-3",
    ]
    assert told[3] == "scan-3.dcm. File is cut. Copy it again from the archive."
    assert "kept apart" in told[4]
    assert "2 files are no images" in told[5]


@pytest.mark.parametrize("order", WorklistOrder)
def test_failures_and_notes_stay_last_in_every_order(pane, order):
    pane.show_prediction(suspicion(STUDIES[1], 5))
    pane.set_order(order)
    assert sentences(pane)[3].startswith("scan-3.dcm")


def test_the_most_suspicious_breast_comes_first_and_the_unknown_after_the_known(pane):
    pane.set_order(WorklistOrder.SUSPICION)
    pane.show_prediction(suspicion(STUDIES[2], 1, 2))
    pane.show_prediction(suspicion(STUDIES[1], 2, 5))
    assert pane.study_uids == ("1.2.2", "1.2.3", "1.2.1")
    pane.set_order(WorklistOrder.OPENED)
    assert pane.study_uids == ("1.2.1", "1.2.2", "1.2.3")


def test_the_open_study_stays_selected_when_the_order_changes(pane, qtbot):
    pane.select("1.2.1")
    pane.set_order(WorklistOrder.SUSPICION)
    with qtbot.assertNotEmitted(pane.study_selected, wait=50):
        pane.show_prediction(suspicion(STUDIES[2], 5))
    assert pane.study_uids[0] == "1.2.3"
    assert pane.list_view.currentIndex().data().startswith("Patient A-1")


@pytest.mark.parametrize("order", [WorklistOrder.OPENED, WorklistOrder.PATIENT])
def test_a_list_that_grows_keeps_its_selection_and_moves_nothing_under_the_reader(
    pane, qtbot, order
):
    there = tuple(study_of(number) for number in range(500, 540))
    pane.show_catalogue(Catalogue(there))
    pane.show()
    pane.set_order(order)
    pane.select(there[15].uid)
    told = []
    pane.study_selected.connect(told.append)
    view = pane.list_view
    view.verticalScrollBar().setValue(801)

    def stands(study):
        index = view.model().index(pane.study_uids.index(study.uid), 0)
        return view.visualRect(index).top()

    before = [stands(study) for study in there]
    for start in (100, 600, 200):
        there = (*there, *(study_of(number) for number in range(start, start + 20)))
        pane.grow(Catalogue(there, failures=CATALOGUE.failures[: start // 200]))
        qtbot.wait(20)
        assert [stands(study) for study in there[:40]] == before
        assert view.currentIndex().row() == pane.study_uids.index(there[15].uid)
        assert view.selectionModel().selectedIndexes() == [view.currentIndex()]
    assert told == []
    in_order = [study.uid for study in there]
    assert list(pane.study_uids) == (
        in_order if order is WorklistOrder.OPENED else sorted(in_order)
    )


def test_selecting_tells_the_study_and_which_comes_next(pane, qtbot):
    with qtbot.waitSignal(pane.study_selected) as selected:
        pane.select("1.2.2")
    assert selected.args == ["1.2.2"]
    assert pane.upcoming("1.2.2") == "1.2.3"
    assert pane.upcoming("1.2.3") is None


def test_stepping_goes_through_the_order_shown_and_stops_at_its_ends(pane):
    selected = []
    pane.study_selected.connect(selected.append)
    for step in (1, 1, 1, 1, -1):
        pane.step(step)
    assert selected == ["1.2.1", "1.2.2", "1.2.3", "1.2.2"]
    pane.set_order(WorklistOrder.SUSPICION)
    pane.show_prediction(suspicion(STUDIES[0], 5))
    pane.show_prediction(suspicion(STUDIES[1], 1))
    pane.step(-1)
    assert selected[-1] == "1.2.1"


def test_arrow_keys_never_land_on_a_failure(pane, qtbot):
    selected = []
    pane.study_selected.connect(selected.append)
    pane.select("1.2.3")
    qtbot.keyClick(pane.list_view, Qt.Key.Key_Down)
    assert selected == ["1.2.3"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (StudyStatus(StudyState.QUEUED), "queued"),
        (StudyStatus(StudyState.RUNNING), "running"),
        (StudyStatus(StudyState.RUNNING, progress=StudyProgress(2, 4, 6.0)), "view 2 of 4"),
        (StudyStatus(StudyState.IDLE), "not asked"),
        (StudyStatus(StudyState.OUT_OF_SCOPE), "out of scope"),
        (StudyStatus(StudyState.FAILED, EngineStopped("The engine stopped", "")), "engine stopped"),
    ],
)
def test_each_state_is_told_in_words(pane, status, words):
    pane.show_status("1.2.2", status)
    assert words in sentences(pane)[1]


def test_each_breasts_category_is_told_with_its_side(pane):
    pane.show_status("1.2.1", DONE)
    pane.show_prediction(suspicion(STUDIES[0], 4, 2))
    assert "right model category 4, left model category 2" in sentences(pane)[0]
    assert "category" not in sentences(pane)[1]


def test_a_breast_out_of_scope_has_no_category(pane):
    answer = study_prediction(STUDIES[0])
    silent = OutOfScope(MODELS["hybrid"], "A spot view.")
    right, left = answer.breasts
    pane.show_prediction(replace(answer, breasts=(replace(right, prediction=silent), left)))
    assert "right out of scope, left model category" in sentences(pane)[0]


def test_another_models_categories_are_taken_away(pane):
    pane.show_prediction(suspicion(STUDIES[0], 5))
    pane.clear_predictions()
    assert "category" not in sentences(pane)[0]


def test_an_unsaved_reading_and_a_read_study_are_marked(pane):
    pane.mark_draft("1.2.1", True)
    pane.mark_read("1.2.2")
    assert sentences(pane)[0].endswith("unsaved reading")
    assert sentences(pane)[1].endswith("read")
    pane.mark_draft("1.2.1", False)
    assert "unsaved" not in sentences(pane)[0]


def test_the_progress_is_told_and_pause_becomes_resume(pane, qtbot):
    pane.show_progress(1, 3)
    assert pane.count_label.text() == "1 of 3"
    with qtbot.waitSignal(pane.pause_requested):
        press(qtbot, pane.pause_button)
    pane.show_run(RunState.PAUSED)
    assert pane.count_label.text() == "1 of 3, paused"
    with qtbot.waitSignal(pane.resume_requested):
        press(qtbot, pane.pause_button)
    with qtbot.waitSignal(pane.cancel_requested):
        press(qtbot, pane.cancel_button)
    pane.show_run(RunState.CANCELLED)
    assert not pane.cancel_button.isEnabled()
    assert pane.pause_button.isEnabled()
    pane.show_progress(3, 3)
    assert pane.count_label.text() == "3 of 3"
    assert not pane.pause_button.isEnabled()


def test_reading_files_is_told_and_can_be_cancelled(pane, qtbot):
    pane.show_progress(3, 3)
    pane.show_opening(0, 0)
    assert pane.count_label.text() == "Looking for files …"
    pane.show_opening(20, 500)
    assert pane.count_label.text() == "Reading files: 20 of 500"
    with qtbot.waitSignal(pane.opening_cancel_requested):
        press(qtbot, pane.cancel_button)
    pane.hide_opening()
    assert pane.count_label.text() == "3 of 3"


def test_a_thumbnail_and_a_suspicious_badge_are_painted(pane):
    picture = QImage(30, 56, QImage.Format.Format_RGB888)
    picture.fill(Qt.GlobalColor.white)
    row = pane.list_view.visualRect(pane.list_view.model().index(0, 0))
    bare = pane.list_view.viewport().grab(row).toImage()
    pane.show_thumbnail("1.2.1", picture)
    pane.show_status("1.2.1", DONE)
    pane.show_prediction(suspicion(STUDIES[0], 5, 1))
    painted = pane.list_view.viewport().grab(row).toImage()
    middle = 8 + 23, 6 + 28  # of the thumbnail's box
    assert bare.pixelColor(*middle).lightness() == 0
    assert painted.pixelColor(*middle).lightness() == 255

    def count(image, colour):
        points = ((x, y) for x in range(image.width()) for y in range(image.height()))
        return sum(image.pixelColor(x, y) == colour for x, y in points)

    assert count(bare, theme.SUSPICIOUS) == 0
    assert count(painted, theme.SUSPICIOUS) > 100


def test_a_tool_tip_holds_what_the_row_has_no_room_for(pane):
    index = pane.list_view.model().index(0, 0)
    text = index.data(Qt.ItemDataRole.ToolTipRole)
    assert "R CC, L CC, R MLO, L MLO" in text
    assert "Doe^Jane" in text


def test_views_that_make_no_breast_show_the_most_suspicious_ones_category(pane):
    answer = study_prediction(STUDIES[0])
    said = [prediction_of("hybrid", category) for category in (1, 4, 2, 3)]
    views = tuple(
        replace(view, prediction=prediction)
        for view, prediction in zip(answer.views, said, strict=True)
    )
    pane.show_status("1.2.1", DONE)
    pane.show_prediction(replace(answer, views=views, breasts=()))
    assert sentences(pane)[0].endswith("side unknown, model category 4")


def test_a_study_with_notes_says_so_in_its_row_and_tells_them_in_the_tool_tip(pane):
    study = study_of(7, notes=("Laterality guessed from the file name.",))
    pane.show_catalogue(Catalogue((study,)))
    assert "notes" in sentences(pane)[0]
    assert study.notes[0] in pane.list_view.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)


# ------------------------------------------------------------------------- search, filter, order


def listed(pane):
    return [uid.removeprefix("1.2.") for uid in pane.study_uids]


def choose_filter(pane, wanted):
    box = pane.bar.filter_box
    box.setCurrentIndex(box.findData(wanted))


def heading(pane, title):
    return find(pane, QToolButton, f"Sort by: {title}")


PEOPLE = (
    study_of(1, patient_name="Muñoz^Ana", study_date=date(2024, 3, 2)),
    study_of(2, patient_name="Doe^Jane", study_date=date(2023, 11, 5)),
    study_of(10, patient_name="Doe^Mary", study_date=None),
)


@pytest.fixture
def people(pane):
    pane.show_catalogue(Catalogue(PEOPLE, failures=CATALOGUE.failures, notes=CATALOGUE.notes))
    pane.show()
    return pane


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("munoz", ["1"]),
        ("doe", ["2", "10"]),
        ("jane doe", ["2"]),
        ("A-1", ["1", "10"]),
        ("2023-11", ["2"]),
        ("20240302", ["1"]),
        ("doe 2023", ["2"]),
        ("nobody", []),
        ("  ", ["1", "2", "10"]),
    ],
)
def test_what_is_typed_is_searched_in_name_id_and_date(people, qtbot, typed, found):
    qtbot.keyClicks(people.bar.search, typed)
    assert listed(people) == found
    qtbot.keyClick(people.bar.search, Qt.Key.Key_Escape)
    assert listed(people) == ["1", "2", "10"]


def test_a_file_that_could_not_be_read_is_found_by_its_name(people, qtbot):
    qtbot.keyClicks(people.bar.search, "scan-3")
    assert [row.title for row in people.rows] == ["scan-3.dcm"]


def test_an_empty_list_says_why(people, qtbot):
    with pytest.raises(LookupError):
        find(people, QLabel, "No study is like that.")
    qtbot.keyClicks(people.bar.search, "nobody")
    assert find(people, QLabel, "No study is like that.").isVisible()


def test_no_search_and_no_filter_takes_the_open_study_away(people, qtbot):
    people.select("1.2.1")
    with qtbot.assertNotEmitted(people.study_selected, wait=50):
        qtbot.keyClicks(people.bar.search, "jane")
    assert not people.list_view.currentIndex().isValid()
    with qtbot.assertNotEmitted(people.study_selected, wait=50):
        people.bar.search.clear()
    assert people.list_view.currentIndex().data().startswith("Patient A-1")
    people.mark_read("1.2.1")
    with qtbot.assertNotEmitted(people.study_selected, wait=50):
        choose_filter(people, WorklistFilter.UNREAD)
    assert listed(people) == ["1", "2", "10"]  # what is open stays until another is
    people.step(1)
    qtbot.waitUntil(lambda: listed(people) == ["2", "10"])
    assert people.list_view.currentIndex().data().startswith("Patient A-2")


def test_enter_goes_from_the_search_to_the_first_study_found(people, qtbot):
    people.select("1.2.1")
    qtbot.keyClicks(people.bar.search, "doe")
    with qtbot.waitSignal(people.study_selected) as selected:
        qtbot.keyClick(people.bar.search, Qt.Key.Key_Return)
    assert selected.args == ["1.2.2"]


def test_a_study_that_is_not_listed_is_listed_when_it_is_brought_up(people, qtbot):
    qtbot.keyClicks(people.bar.search, "jane")
    people.select("1.2.1")
    assert listed(people) == ["1", "2", "10"]
    assert people.bar.search.text() == ""


def test_each_filter_lists_what_it_says_with_its_number(people, qtbot):
    people.mark_read("1.2.1")
    people.mark_read("1.2.2", has_disagreed=True)
    people.show_prediction(suspicion(PEOPLE[1], 5))
    people.show_status("1.2.10", StudyStatus(StudyState.FAILED, EngineStopped("It stopped", "")))
    expected = {
        WorklistFilter.ALL: ["1", "2", "10"],
        WorklistFilter.UNREAD: ["10"],
        WorklistFilter.READ: ["1", "2"],
        WorklistFilter.DISAGREED: ["2"],
        WorklistFilter.SUSPICIOUS: ["2"],
        WorklistFilter.FAILED: ["10"],
    }
    box = people.bar.filter_box
    qtbot.waitUntil(lambda: box.itemText(1).endswith("(1)"))
    for wanted, uids in expected.items():
        choose_filter(people, wanted)
        assert listed(people) == uids
        files = wanted is WorklistFilter.FAILED
        assert box.currentText().endswith(f"({len(uids) + files})")
    assert [row.title for row in people.rows] == ["A-10", "scan-3.dcm"]  # failed files, too


def test_a_heading_sorts_then_turns_round_then_goes_back_to_as_opened(people, qtbot):
    date_heading = heading(people, "Date")
    seen = []
    for _ in range(3):
        press(qtbot, date_heading)
        seen.append((date_heading.text(), listed(people)))
    assert seen == [
        ("Date ▼", ["1", "2", "10"]),
        ("Date ▲", ["10", "2", "1"]),
        ("Date", ["1", "2", "10"]),
    ]
    people.mark_draft("1.2.10", True)
    people.mark_read("1.2.1")
    press(qtbot, heading(people, "Reading"))
    assert listed(people) == ["10", "2", "1"]
    press(qtbot, heading(people, "Patient"))
    assert listed(people) == ["1", "2", "10"]  # as numbers, not as letters
    assert sentences(people)[3].startswith("scan-3.dcm")


def test_what_would_tell_of_the_model_cannot_be_chosen_while_it_is_hidden_and_says_why(
    people, qtbot
):
    people.show_prediction(suspicion(PEOPLE[1], 5))
    choose_filter(people, WorklistFilter.SUSPICIOUS)
    people.set_order(WorklistOrder.SUSPICION)
    people.allow_ranking(False)
    assert listed(people) == ["1", "2", "10"]
    model_heading = heading(people, "Model")
    assert not model_heading.isEnabled()
    assert model_heading.toolTip() == "The model's answers are hidden"
    box = people.bar.filter_box
    assert box.currentData() is WorklistFilter.ALL
    for wanted in (WorklistFilter.SUSPICIOUS, WorklistFilter.DISAGREED):
        place = box.findData(wanted)
        assert not box.model().item(place).isEnabled()
        assert box.itemText(place).endswith(": the model's answers are hidden")
    people.allow_ranking(True)
    assert listed(people) == ["2", "1", "10"]


def test_the_date_is_not_cut_by_what_stands_beside_the_patient(pane):
    uid = STUDIES[0].uid
    place = pane.list_view.visualRect(pane.list_view.model().index(0, 0))
    below_the_patient = place.adjusted(0, theme.scaled(25), 0, -theme.scaled(28))

    def line():
        return pane.list_view.viewport().grab(below_the_patient).toImage()

    bare = line()
    pane.mark_draft(uid, True)
    pane.list_view.viewport().repaint()
    assert line() == bare
    pane.mark_draft(uid, False)


def test_what_stands_beside_the_patient_shrinks_to_its_sign_before_the_id_is_cut(qtbot):
    study = replace(STUDIES[0], patient_id="LONG-PATIENT-ID-0000")
    pictures = []
    for has_draft in (False, True):
        pane = WorklistPane()
        qtbot.addWidget(pane)
        pane.resize(theme.scaled(220) + 50, 300)
        pane.show_catalogue(Catalogue((study,)))
        pane.mark_draft(study.uid, has_draft)
        place = pane.list_view.visualRect(pane.list_view.model().index(0, 0))
        pictures.append(pane.list_view.viewport().grab(place.adjusted(0, 0, -40, 0)).toImage())
    assert pictures[0] == pictures[1]  # the ID is as whole with the sign as without
