"""The page of readings: found, counted, opened and given away; never more than may be told."""

import csv
import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog

from engine.domain import NOTICE, Agreement, Laterality, ReadingMode, current_readings
from engine.evaluation import agreement
from engine.records import training_manifest
from engine.records.chain import anchor_path
from engine.records.store import ReadingStore
from engine.training import dataset
from tests.phantom import write_plain
from tests.viewer.driver import (
    cells,
    choose,
    disagreeing_category,
    find,
    is_predicted,
    open_and_wait,
    rows,
    sign,
)
from tests.viewer.fake_engine import FakeEngine, study_prediction
from viewer.display.listed_reading import ReadingFilter

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CONCURRENT, SECOND, BLIND = ReadingMode
SAVE = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
PAGE = (Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)


def agreeing_category(study, side):
    return str({b.laterality: b.prediction.category for b in study_prediction(study).breasts}[side])


def show(page, shown):
    page.filter_box.setCurrentIndex(page.filter_box.findData(shown))


def stored(path):
    with ReadingStore(path) as store:
        return store.all()


def press(qtbot, window, *key):
    """In the window, which is brought to the front for it: shortcuts work in the active one."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, *key)


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(write_studies):
    return write_studies(3)


@pytest.fixture
def reading_room(make_window, folder, qtbot):
    """A window in a mode, its studies answered and signed, and its page open by its key."""

    def make(mode=CONCURRENT, paths=(), **options):
        window = make_window(mode=mode, **options)
        open_and_wait(qtbot, window, *(paths or (folder,)))
        window.session.inference.start()
        sign(qtbot, window)
        window.assessment.reader.editingFinished.emit()
        count = len(window.worklist.study_uids)
        qtbot.waitUntil(lambda: window.session.inference.progress == (count, count), timeout=20_000)
        return window

    return make


def save(qtbot, window, **categories):
    for side, category in categories.items():
        choose(qtbot, window, Laterality(side), category)
    press(qtbot, window, *SAVE)


@pytest.fixture
def three_read(reading_room, qtbot):
    """Study 1: R disagrees, L agrees. Study 2: R not comparable. Study 3: nothing."""
    window = reading_room()
    study = window.session.current_study
    save(qtbot, window, R=disagreeing_category(study, RIGHT), L=agreeing_category(study, LEFT))
    window.worklist.step(1)
    save(qtbot, window, R="0")
    window.worklist.step(1)
    press(qtbot, window, *PAGE)
    assert window.disagreements.isVisible()
    return window


# --------------------------------------------------------------------------- what it lists


def test_the_page_begins_with_the_disagreements_and_filters_the_rest(three_read):
    page = three_read.disagreements
    assert cells(page, "Agreement") == ["disagree"]
    assert cells(page, "Breast") == ["R"]
    for shown, states in (
        (ReadingFilter.ALL, ["not comparable", "agree", "disagree"]),  # the newest first
        (ReadingFilter.AGREEMENTS, ["agree"]),
        (ReadingFilter.NOT_COMPARABLE, ["not comparable"]),
        (ReadingFilter.UNFINISHED, []),
    ):
        show(page, shown)
        assert cells(page, "Agreement") == states
    show(page, ReadingFilter.ALL)
    page.search.setText("a-2")
    assert cells(page, "Patient") == ["A-2"]
    page.search.setText("nobody")
    assert cells(page, "Patient") == []
    assert not page.csv_button.isEnabled()
    assert not page.open_button.isEnabled()


def test_figures_are_those_of_evaluate_and_do_not_follow_the_list(three_read, readings_path):
    page = three_read.disagreements
    expected = agreement.of_readings(stored(readings_path))
    assert (expected["n"], expected["agreement"]) == (2, 0.5)
    for shown in ReadingFilter:
        show(page, shown)
        assert page.figures.counted.text().startswith("2 readings compared")
        assert page.figures.values["agreement"].text() == "50%"
        assert page.figures.matrix.counts == expected["confusion_matrix"]
    assert [figures["n"] for _, figures in page.figures.months.months] == [2]
    page.search.setText("a-2")
    assert page.figures.counted.text().startswith("0 readings compared")
    assert page.figures.values["agreement"].text() == "–"


def test_a_correction_counts_once_and_what_it_corrected_is_listed_on_request(three_read, qtbot):
    window, page = three_read, three_read.disagreements
    show(page, ReadingFilter.ALL)
    window.worklist.select(window.worklist.study_uids[0])
    save(qtbot, window, R=agreeing_category(window.session.current_study, RIGHT))
    qtbot.waitUntil(lambda: cells(page, "Agreement").count("agree") == 2)
    assert "disagree" not in cells(page, "Agreement")
    page.with_corrected.setChecked(True)
    assert "corrected later" in cells(page, "Agreement")
    assert page.figures.values["agreement"].text() == "100%"


def test_a_readers_own_word_against_the_proposal_is_told_as_such(reading_room, qtbot):
    window = reading_room()
    study = window.session.current_study
    choose(qtbot, window, RIGHT, disagreeing_category(study, RIGHT))
    window.assessment.forms[RIGHT].agree_button.click()
    press(qtbot, window, *SAVE)
    press(qtbot, window, *PAGE)
    page = window.disagreements
    assert cells(page, "Agreement") == []
    show(page, ReadingFilter.AGREEMENTS)
    assert cells(page, "Agreement") == ["agree by hand"]
    assert page.figures.values["agreement"].text() == "100%"  # the reader's word
    assert page.figures.values["categories_match"].text().startswith("0%")


def test_a_second_read_that_was_left_is_found_as_not_finished(reading_room, qtbot):
    window = reading_room(SECOND)
    save(qtbot, window, R="2", L="1")
    press(qtbot, window, *PAGE)
    show(window.disagreements, ReadingFilter.UNFINISHED)
    assert cells(window.disagreements, "Agreement") == ["not finished", "not finished"]


# ------------------------------------------------------------------------------- opening


def test_enter_opens_the_study_of_the_worklist_at_the_breast_in_question(three_read, qtbot):
    window, page = three_read, three_read.disagreements
    assert window.session.current_study.patient_id == "A-3"
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.session.current_study.patient_id == "A-1"
    assert window.viewports.selected == window.session.current_study.views[0].image_uid
    assert window.session.current_study.views[0].laterality is RIGHT
    form = window.assessment.forms[RIGHT]
    assert window.focusWidget() in form.findChildren(type(window.focusWidget()))
    assert len(window.worklist.study_uids) == 3


def test_a_study_that_is_not_open_is_opened_from_where_it_lay_and_one_step_leads_back(
    three_read, make_window, write_studies, folder, qtbot
):
    assert three_read.close()
    other = write_studies(2, "other day", patient_id="B-9")
    window = make_window(engine=FakeEngine())
    open_and_wait(qtbot, window, other)
    press(qtbot, window, *PAGE)
    page = window.disagreements
    with qtbot.waitSignal(window.session.catalogue.reading_opened, timeout=10_000):
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    study = window.session.current_study
    assert (study.patient_id, len(study.views)) == ("A-1", 4)  # both breasts
    assert len(window.worklist.study_uids) == 1
    assert window.banner.message.action == "Back to the worklist"
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=10_000):
        find(window.banner, QAbstractButton, "Back to the worklist").click()
    assert {row.study.patient_id for row in rows(window)} == {"B-9"}


def test_a_study_that_was_moved_is_said_so_and_found_again_once_it_was_opened(
    three_read, make_window, write_studies, folder, tmp_path, qtbot
):
    assert three_read.close()
    folder.rename(tmp_path / "archive")
    other = write_studies(1, "other day", patient_id="B-9")
    window = make_window(engine=FakeEngine())
    open_and_wait(qtbot, window, other)
    press(qtbot, window, *PAGE)
    page = window.disagreements
    with qtbot.waitSignal(window.session.error_occurred, timeout=10_000):
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.banner.message.title == "The study is not where it was read"
    assert "moved" in page.message.text()
    assert window.session.current_study.patient_id == "B-9"  # what is open stays
    open_and_wait(qtbot, window, tmp_path / "archive")
    open_and_wait(qtbot, window, other)
    with qtbot.waitSignal(window.session.catalogue.reading_opened, timeout=10_000):
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.session.current_study.patient_id == "A-1"


def test_another_patients_images_in_the_old_place_are_not_opened_as_the_study(
    three_read, make_window, write_studies, folder, tmp_path, qtbot
):
    assert three_read.close()
    folder.rename(tmp_path / "archive")
    write_studies(3, patient_id="C-5", study_uid="1.2.99")  # in the same place
    window = make_window(engine=FakeEngine())
    press(qtbot, window, *PAGE)
    with qtbot.waitSignal(window.session.error_occurred, timeout=10_000):
        qtbot.keyClick(window.disagreements.table, Qt.Key.Key_Return)
    assert window.session.current_study is None
    assert window.banner.message.title == "The study is not where it was read"


def test_a_reading_of_an_earlier_version_says_that_its_place_is_not_known(
    make_window, readings_path, three_read, qtbot, tmp_path
):
    (reading, *_) = stored(readings_path)
    assert three_read.close()
    readings_path.rename(tmp_path / "with places.sqlite")
    anchor_path(readings_path).rename(tmp_path / "with places.anchor")
    with ReadingStore(readings_path) as store:
        store.record(replace(reading, record_id=None))
    window = make_window(engine=FakeEngine())
    press(qtbot, window, *PAGE)
    qtbot.keyClick(window.disagreements.table, Qt.Key.Key_Return)
    assert window.banner.message.title == "Where this study lies is not known"


def test_a_study_of_plain_images_is_found_again(reading_room, make_window, tmp_path, qtbot):
    scans = tmp_path / "scans"
    for side in "RL":
        for view in ("CC", "MLO"):
            write_plain(scans / f"7_{side}_{view}.png", laterality=side, view=view, seed=len(view))
    window = reading_room(paths=(scans,))
    study = window.session.current_study
    save(qtbot, window, L=disagreeing_category(study, LEFT))
    assert window.close()
    tomorrow = make_window(engine=FakeEngine())
    press(qtbot, tomorrow, *PAGE)
    with qtbot.waitSignal(tomorrow.session.catalogue.reading_opened, timeout=10_000):
        qtbot.keyClick(tomorrow.disagreements.table, Qt.Key.Key_Return)
    assert len(tomorrow.session.current_study.views) == 4


# --------------------------------------------------------------------------------- exports


def test_the_csv_of_the_list_has_no_identifiers_unless_they_are_asked_for(
    three_read, readings_path, tmp_path, qtbot, monkeypatch
):
    page = three_read.disagreements
    target = tmp_path / "disagreements.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    page.csv_button.click()
    (row,) = read_csv(target)  # what is listed: the disagreement
    (reading,) = [r for r in stored(readings_path) if r.agreement is Agreement.DISAGREE]
    assert (row["agreement"], row["laterality"]) == ("disagree", "R")
    assert row["notice"] == NOTICE
    text = target.read_text("utf-8")
    for name in ("A-1", "Dr. X", reading.study_uid, *reading.image_uids):
        assert name not in text
    assert page.message.text() == "1 exported without patient identifiers."
    page.with_identifiers.setChecked(True)
    page.csv_button.click()
    (row,) = read_csv(target)
    assert (row["patient_id"], row["reader"]) == ("A-1", "Dr. X")
    assert (readings_path.parent / "pseudonyms.key").stat().st_size == 32


def test_listed_readings_become_training_data_while_the_window_goes_on(
    three_read, tmp_path, qtbot, monkeypatch
):
    window, page = three_read, three_read.disagreements
    target = tmp_path / "training"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    show(page, ReadingFilter.ALL)
    with qtbot.waitSignal(window.session.exporting.training_written, timeout=20_000):
        page.training_button.click()
        assert page.cancel_button.isVisible()
        assert not page.training_button.isEnabled()
    assert not page.cancel_button.isVisible()
    assert page.message.text() == "6 images written for training."
    taught = dataset.read(target).rows
    assert sorted(r.birads_kind for r in taught) == ["incomplete"] * 2 + ["reader"] * 4
    page.training_button.click()  # once more into the same folder
    qtbot.waitUntil(lambda: "not empty" in page.message.text())
    assert page.training_button.isEnabled()


def test_training_data_can_be_cancelled_and_the_window_closed_while_it_is_written(
    three_read, tmp_path, qtbot, monkeypatch
):
    window, page = three_read, three_read.disagreements
    may_copy = threading.Event()
    copy = training_manifest.copy_breast

    def slow_copy(*arguments):
        may_copy.wait(10)
        return copy(*arguments)

    monkeypatch.setattr(training_manifest, "copy_breast", slow_copy)
    target = tmp_path / "training"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    page.training_button.click()
    qtbot.mouseClick(page.cancel_button, Qt.MouseButton.LeftButton)
    may_copy.set()
    qtbot.waitUntil(lambda: page.message.text().startswith("Cancelled"), timeout=10_000)
    assert list(target.iterdir()) == []
    may_copy.clear()
    page.training_button.click()
    qtbot.waitUntil(lambda: page.progress.value() == 0 and page.progress.maximum() > 1)
    threading.Timer(0.2, may_copy.set).start()
    assert window.close()
    assert list(target.iterdir()) == []


def test_nothing_hidden_is_listed_counted_or_given_away(
    reading_room, readings_path, tmp_path, qtbot, monkeypatch
):
    window = reading_room(BLIND)
    study = window.session.current_study
    save(qtbot, window, R=disagreeing_category(study, RIGHT))
    assert stored(readings_path)[0].prediction is not None  # the auditor's
    press(qtbot, window, *PAGE)
    page = window.disagreements
    assert cells(page, "Agreement") == []
    show(page, ReadingFilter.ALL)
    assert (cells(page, "Model"), cells(page, "Agreement")) == (["hidden"], ["hidden"])
    assert page.figures.counted.text().startswith("0 readings compared")
    assert page.model_box.count() == 1
    assert "hidden from you" in page.figures.caveat.text()
    target = tmp_path / "out.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    page.csv_button.click()
    (row,) = read_csv(target)
    assert (row["model"], row["model_category"], row["agreement"]) == ("", "", "not comparable")
    assert not any(reading.is_revealed for reading in stored(readings_path))


def test_a_stricter_mode_takes_the_answers_from_the_page_at_once(three_read, qtbot):
    window, page = three_read, three_read.disagreements
    show(page, ReadingFilter.ALL)
    assert "hidden" not in cells(page, "Model")
    window.choose_mode(BLIND)
    qtbot.waitUntil(lambda: set(cells(page, "Model")) == {"hidden"})
    assert page.figures.matrix.counts == [[0] * 5] * 5


def test_the_page_is_reached_left_and_searched_by_keys_and_closes_with_the_window(
    three_read, qtbot
):
    window, page = three_read, three_read.disagreements
    assert page.focusWidget() is page.table
    qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.focusWidget() is page.search
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()
    press(qtbot, window, *PAGE)
    assert page.isVisible()
    assert window.close()
    assert not page.isVisible()


def test_an_empty_page_says_nothing_wrong(window, qtbot):
    press(qtbot, window, *PAGE)
    page = window.disagreements
    assert page.figures.counted.text() == "0 readings compared · 0 listed"
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert window.banner.message is None
    assert current_readings(()) == ()
    assert not is_predicted(window)
