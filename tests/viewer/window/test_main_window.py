"""A reader's mornings: what is opened hangs, what the model says stands beside it, what the reader
says is kept, and nothing of one study ever shows with another.
"""

import os
import signal
from dataclasses import replace

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QInputDialog, QLabel

from engine.domain import NOTICE, Agreement, BiradsCategory, Laterality
from engine.errors import EngineStopped, StorageFailed
from engine.networks.process import EngineProcess, EngineSettings
from engine.records.store import ReadingStore
from tests.viewer.driver import (
    are_images_shown,
    canvases,
    choose,
    disagreeing_category,
    enter,
    find,
    is_predicted,
    open_and_wait,
    open_current,
    press,
    rows,
    sign,
    use,
)
from tests.viewer.fake_engine import MODELS, FakeEngine, study_prediction
from tests.viewer.pages import message_below
from viewer.__main__ import show_all_there_is
from viewer.display.shown_image import ImageState
from viewer.panes.help import About, licence_files
from viewer.shared.banner import BannerMessage
from viewer.shared.states import StudyState

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT


# ------------------------------------------------------------------------------------- the story


def test_a_disagreement_with_the_model_is_recorded_and_seen_again_the_next_day(
    make_window, write_studies, readings_path, qtbot
):
    folder = write_studies(2)
    window = make_window()
    open_and_wait(qtbot, window, folder)
    assert [c.view.label for c in canvases(window)] == ["R CC", "L CC", "R MLO", "L MLO"]
    assert {c.view.patient_id for c in canvases(window)} == {"A-1"}

    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    bare = canvases(window)[0].grab().toImage()
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert canvases(window)[0].grab().toImage() != bare
    qtbot.keyClick(window, Qt.Key.Key_H)
    assert canvases(window)[0].grab().toImage() == bare

    sign(qtbot, window)
    study = window.session.current_study
    category = disagreeing_category(study, RIGHT)
    choose(qtbot, window, RIGHT, category)
    form = window.assessment.forms[RIGHT]
    form.reason_box.setCurrentIndex(form.reason_box.findData("false mark"))
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    with ReadingStore(readings_path) as store:
        (recorded,) = store.all()
    assert recorded.study_uid == study.uid
    assert recorded.patient_id == "A-1"
    assert recorded.laterality is RIGHT
    assert recorded.category.value == category
    assert (recorded.proposed_agreement, recorded.agreement) == (Agreement.DISAGREE,) * 2
    assert recorded.reason == "false mark"
    assert recorded.prediction.model == MODELS["hybrid"]
    assert recorded.prediction == study_prediction(study).breasts[0].prediction
    assert window.close()

    tomorrow = make_window(engine=FakeEngine())
    open_and_wait(qtbot, tomorrow, folder)
    assert [row.is_read for row in rows(tomorrow)] == [True, False]
    assert tomorrow.assessment.forms[RIGHT].draft.category.value == category
    assert "false mark" in tomorrow.assessment.history.text()
    tomorrow.worklist.step(1)
    assert tomorrow.assessment.forms[RIGHT].draft.category is None
    assert tomorrow.assessment.history.text() == ""


def test_the_first_image_stands_before_the_networks_are_asked_for(
    window, engine, write_studies, qtbot
):
    seen = []
    original = engine.warm_up

    def warm_up(model_name):
        seen.extend(canvas.state for canvas in canvases(window))
        return original(model_name)

    engine.warm_up = warm_up
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.waitUntil(lambda: engine.warmed != [], timeout=10_000)
    assert ImageState.SHOWN in seen


def test_with_nothing_open_the_engine_is_started_in_the_background(window, engine, qtbot):
    assert engine.warmed == []
    qtbot.waitUntil(lambda: engine.warmed == ["hybrid"], timeout=5000)


# ---------------------------------------------------------------------------- never the wrong study


def test_going_through_studies_fast_never_shows_another_studys_word(
    window, engine, write_studies, qtbot
):
    engine.is_holding = True
    folder = write_studies(5)
    open_and_wait(qtbot, window, folder)
    window.session.inference.start()
    uids = window.worklist.study_uids
    for step in (1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1, -1):
        window.worklist.step(step)
        if engine.waiting:
            engine.finish_next()
        qtbot.wait(5)
        current = window.session.current_study
        shown = window.prediction.prediction
        assert window.prediction.study is current
        assert window.assessment.study is current
        assert window.viewports.study is current
        assert shown is None or shown.study_uid == current.uid
        for side, form in window.assessment.forms.items():
            said = None if shown is None else {b.laterality: b for b in shown.breasts}[side]
            assert form.entry.prediction == (said and said.prediction)
        owned = {view.image_uid for view in current.views}
        assert {canvas.view.image_uid for canvas in canvases(window)} == owned
    assert set(uids) == {row.study.uid for row in rows(window)}


def test_a_late_answer_goes_to_the_row_of_its_own_study(window, engine, write_studies, qtbot):
    engine.is_holding = True
    open_and_wait(qtbot, window, write_studies(2))
    window.session.inference.start()
    first = window.worklist.study_uids[0]
    qtbot.waitUntil(lambda: engine.waiting == [(first, "hybrid")])
    window.worklist.step(1)
    engine.finish_next()
    qtbot.waitUntil(lambda: rows(window)[0].prediction is not None)
    assert rows(window)[0].prediction.study_uid == first
    assert rows(window)[1].prediction is None
    assert not is_predicted(window)


def test_a_reading_started_in_one_study_is_never_saved_to_the_next(
    window, write_studies, readings_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(2))
    window.assessment.set_reader("Dr. X")
    choose(qtbot, window, RIGHT, "5")
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    with ReadingStore(readings_path) as store:
        assert store.all() == ()
    assert [row.has_draft for row in rows(window)] == [True, False]
    qtbot.keyClick(window, Qt.Key.Key_PageUp)
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    with ReadingStore(readings_path) as store:
        assert [reading.study_uid for reading in store.all()] == [window.worklist.study_uids[0]]
    assert [row.has_draft for row in rows(window)] == [False, False]


def test_another_model_replaces_every_word_of_the_first(window, engine, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(2))
    qtbot.waitUntil(lambda: window.session.inference.progress == (2, 2), timeout=10_000)
    engine.is_holding = True
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert not is_predicted(window)
    assert [row.prediction for row in rows(window)] == [None, None]
    assert window.assessment.forms[RIGHT].entry.prediction is None
    assert not window.viewports.has_heat
    assert window.menus.model_choice.currentData() == "light"
    qtbot.waitUntil(lambda: len(engine.waiting) == 1)
    engine.finish_next()
    qtbot.waitUntil(lambda: is_predicted(window))
    assert window.prediction.model.text().startswith("Lightweight CNN · b07e55aa")
    assert window.settings.model_name == "light"


def test_both_networks_are_asked_by_key_and_remembered(make_window, engine, write_studies, qtbot):
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    line = window.prediction.other
    assert not line.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    assert window.commands.action("both_models").isChecked()
    assert line.isVisible()
    qtbot.waitUntil(lambda: "·" in line.text, timeout=10_000)
    assert line.text.startswith("Lightweight CNN: R ")
    asked = len(engine.asked)
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert is_predicted(window)  # at once
    assert window.prediction.model.text().startswith("Lightweight CNN")
    assert line.text.startswith("Hybrid (ResNet-50 + transformer): R ")
    assert len(engine.asked) == asked
    assert window.close()
    again = make_window(engine=FakeEngine())
    assert again.commands.action("both_models").isChecked()
    assert again.session.inference.compares_models
    assert again.prediction.other.isVisible()
    again.commands.trigger("model_hybrid")
    again.commands.trigger("both_models")
    assert not again.prediction.other.isVisible()
    assert not again.settings.compares_models


def test_both_networks_as_one_say_side_by_side_what_each_says_alone(
    make_window, engine, write_studies, readings_path, qtbot
):
    window = make_window(model_name="both")
    line = window.prediction.other
    height = line.height()
    assert line.isVisible()
    assert not window.commands.action("both_models").isEnabled()  # they are both asked anyway
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    study = window.session.current_study
    said = window.session.prediction(study.uid).breasts[0].prediction
    for other, name in zip(said.others, ("Hybrid", "Light"), strict=True):
        assert f"{name} {other.category} · P(4–5) {100 * other.suspicion:.0f} %" in line.text
    assert line.height() == height
    assert {model for _, model in engine.asked} == {"both"}
    assert window.session.other_prediction is None
    sign(qtbot, window)
    choose(qtbot, window, RIGHT, "0")
    window.assessment.save()
    with ReadingStore(readings_path) as store:
        (reading,) = store.all()
    assert reading.prediction.model.name == "both"
    assert [other.category for other in reading.prediction.others] == [
        other.category for other in said.others
    ]
    qtbot.keyClick(window, Qt.Key.Key_M)
    assert window.session.inference.model_name == "hybrid"
    assert not line.isVisible()
    assert window.commands.action("both_models").isEnabled()


def test_a_second_opinion_that_was_on_the_screen_is_stored_with_the_reading(
    make_window, write_studies, readings_path, qtbot
):
    window = make_window()
    window.models.compare(True)
    open_and_wait(qtbot, window, write_studies(1))
    line = window.prediction.other
    qtbot.waitUntil(lambda: "·" in line.text, timeout=10_000)
    sign(qtbot, window)
    choose(qtbot, window, RIGHT, "0")
    window.assessment.save()
    with ReadingStore(readings_path) as store:
        (reading,) = store.all()
    assert reading.prediction.model.name == "hybrid"
    (other,) = reading.prediction.others
    (theirs, _) = study_prediction(window.session.current_study, "light").breasts
    assert other.model.name == "light"
    assert other.category == theirs.prediction.category
    assert (other.category != reading.prediction.category) == ("differs" in line.text.split(",")[0])


def test_the_cancers_that_a_site_sees_shift_what_is_shown_and_not_what_is_stored(
    make_window, write_studies, readings_path, qtbot
):
    window = make_window(model_name="both")
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    column = window.prediction.columns[RIGHT]
    assert not column.shifted.isVisible()
    height, _ = window.prediction.heights(348)
    window.commands.trigger("cancers_per_1000")
    (dialog,) = window.findChildren(QInputDialog)
    dialog.setDoubleValue(6)
    dialog.accept()
    assert column.shifted.text().startswith("→ ")
    assert column.shifted.text().endswith(" per 1,000")
    assert "shifted to 6 per 1,000 women" in window.prediction.caveat.text()
    assert window.prediction.heights(348)[0] > height
    made = window.output.summarise(False, False)
    assert any("→ shifted to 6 per 1,000 women" in line.text for line in made.model)
    sign(qtbot, window)
    choose(qtbot, window, RIGHT, "0")
    window.assessment.save()
    with ReadingStore(readings_path) as store:
        (reading,) = store.all()
    said = window.session.prediction(window.session.current_study.uid).breasts[0].prediction
    assert reading.prediction.probabilities == said.probabilities
    assert reading.prediction.shown_per_1000 == 6
    assert window.close()
    again = make_window(engine=FakeEngine(), model_name="both")
    assert again.session.cancers_per_1000 == 6
    again.models.set_cancers(0)
    assert again.session.cancers_per_1000 is None
    assert "per 1,000" not in again.prediction.caveat.text()


def test_a_failure_of_the_other_network_interrupts_nothing(window, engine, write_studies, qtbot):
    engine.is_holding = True
    window.models.compare(True)
    open_and_wait(qtbot, window, write_studies(1))
    window.session.inference.start()
    qtbot.waitUntil(lambda: [model for _, model in engine.waiting] == ["hybrid"])
    engine.finish_next()
    qtbot.waitUntil(lambda: [model for _, model in engine.waiting] == ["light"])
    engine.fail_next(EngineStopped("The engine stopped", "It has been started again."))
    line = window.prediction.other
    qtbot.waitUntil(lambda: line.text == "Lightweight CNN failed. The engine stopped")
    assert not window.banner.isVisible()
    assert is_predicted(window)


def test_going_through_studies_fast_never_shows_another_studys_word_of_the_other_network(
    window, engine, write_studies, qtbot
):
    window.models.compare(True)
    open_and_wait(qtbot, window, write_studies(4))
    window.session.inference.start()
    for step in (1, 1, -1, 1, 1, -1, -1, -1):
        window.worklist.step(step)
        qtbot.wait(5)
        told = window.session.other_prediction
        assert told.study_uid == window.session.current_study.uid
        if told.prediction is None:
            assert "·" not in window.prediction.other.text
        else:
            category = study_prediction(window.session.current_study, "light").breasts[0].prediction
            assert f"R {category.category} " in window.prediction.other.text


def test_the_demo_shows_both_networks_and_the_heat_map_and_changes_no_setting(make_window, qtbot):
    window = make_window()
    window.prediction.set_overlay(False, 0.25)
    show_all_there_is(window, window.settings)
    assert window.session.inference.compares_models
    assert window.commands.action("both_models").isChecked()
    assert window.prediction.other.isVisible()
    assert window.prediction.overlay == (True, 0.5)
    assert window.close()
    again = make_window(engine=FakeEngine())
    assert not again.session.inference.compares_models
    assert not again.commands.action("both_models").isChecked()
    assert again.prediction.overlay == (False, 0.25)


@pytest.mark.slow
@pytest.mark.timeout(400)  # a child imports torch twice, perhaps on a busy machine
def test_the_engine_killed_at_work_leaves_the_window_alive_and_the_next_answer_right(
    make_window, write_studies, tmp_path, qtbot, caplog
):
    from tests.tiny_networks import write_tiny_checkpoint  # imports torch

    checkpoint = write_tiny_checkpoint(tmp_path / "light.safetensors", "light")
    engine = EngineProcess(EngineSettings({"light": checkpoint}, threads=1))
    window = make_window(engine=engine, model_name="light")
    open_and_wait(qtbot, window, write_studies(3))
    qtbot.waitUntil(lambda: window.session.inference.progress[0] > 0, timeout=180_000)
    os.kill(engine.process_id, getattr(signal, "SIGKILL", signal.SIGTERM))
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: is_predicted(window), timeout=180_000)
    prediction = window.prediction.prediction
    assert prediction.study_uid == window.session.current_study.uid
    assert len(prediction.breasts) == 2
    qtbot.waitUntil(lambda: are_images_shown(window))


def test_what_is_typed_into_the_note_commands_nothing_but_ctrl_enter_saves(
    window, write_studies, readings_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(2))
    sign(qtbot, window)
    choose(qtbot, window, LEFT, "2")
    note = window.assessment.forms[LEFT].note_box
    note.setFocus()
    qtbot.keyClicks(note, "him 14 vfp")
    assert note.toPlainText() == "him 14 vfp"
    assert not window.prediction.overlay[0]
    assert window.session.inference.model_name == "hybrid"
    assert not window.viewports.is_single
    qtbot.keyClick(note, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    with ReadingStore(readings_path) as store:
        assert [reading.comment for reading in store.all()] == ["him 14 vfp"]


def test_keys_work_wherever_the_keyboard_is_but_in_text(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(3))
    places = (
        window.worklist.list_view,
        window.worklist.bar.filter_box,
        window.menus.model_choice,
        window.assessment.forms[RIGHT].reason_box,
        canvases(window)[0],
    )
    for place in places:
        place.setFocus()
        was_shown = window.prediction.overlay[0]
        qtbot.keyClick(place, Qt.Key.Key_H)
        assert window.prediction.overlay[0] is not was_shown
    first, second, _ = window.worklist.study_uids
    window.worklist.list_view.setFocus()
    qtbot.keyClick(window.worklist.list_view, Qt.Key.Key_PageDown)
    assert window.session.current_study.uid == second
    qtbot.keyClick(window.worklist.list_view, Qt.Key.Key_PageUp)
    assert window.session.current_study.uid == first


def test_digits_choose_a_category_only_while_its_breast_has_the_keyboard(
    window, write_studies, qtbot
):
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    for key in "4a":
        qtbot.keyClick(window.focusWidget(), key)
    assert window.assessment.forms[LEFT].draft.category is BiradsCategory.LOW_SUSPICION
    assert window.assessment.forms[RIGHT].draft.category is None


# -------------------------------------------------------------------------------- what goes wrong


def test_a_study_the_engine_died_on_says_so_and_the_next_one_is_answered(
    window, engine, write_studies, qtbot
):
    engine.is_holding = True
    open_and_wait(qtbot, window, write_studies(2))
    window.session.inference.start()
    qtbot.waitUntil(lambda: len(engine.waiting) == 1)
    engine.fail_next(EngineStopped("The engine stopped", "It has been started again."))
    qtbot.waitUntil(lambda: len(engine.waiting) == 1)
    engine.finish_next()
    qtbot.waitUntil(lambda: rows(window)[1].prediction is not None)
    # it is well again, so what it stopped at is tried once more, and no third time
    qtbot.waitUntil(lambda: len(engine.waiting) == 1)
    engine.fail_next(EngineStopped("The engine stopped", "It has been started again."))
    qtbot.waitUntil(lambda: rows(window)[0].status.state is StudyState.FAILED)
    assert engine.waiting == []
    assert "The engine stopped" in rows(window)[0].sentence
    assert window.prediction.waiting.text().startswith("The engine stopped")


def test_a_broken_file_is_a_row_with_advice_and_the_rest_is_read(window, write_studies, qtbot):
    folder = write_studies(1)
    (folder / "empty.dcm").write_bytes(b"")
    open_and_wait(qtbot, window, folder)
    failed = rows(window)[1]
    assert failed.title == "empty.dcm"
    assert len(failed.text) > 20


def test_an_image_that_vanished_says_so_in_its_own_cell(window, write_studies, qtbot):
    folder = write_studies(3)
    open_and_wait(qtbot, window, folder)
    (folder / "03" / "LCC.dcm").unlink()  # its header was read, its pixels are asked for now
    window.worklist.select(window.worklist.study_uids[2])
    qtbot.waitUntil(
        lambda: (
            {c.view.label: c.state for c in canvases(window)}
            == {
                "R CC": ImageState.SHOWN,
                "L CC": ImageState.FAILED,
                "R MLO": ImageState.SHOWN,
                "L MLO": ImageState.SHOWN,
            }
        ),
        timeout=10_000,
    )


def test_a_fault_is_told_in_a_banner_that_can_be_dismissed(window, qtbot):
    window.show_error(StorageFailed("Readings cannot be saved", "The disk is <full>."))
    window.show_error(StorageFailed("Checkpoint is missing", "Install it again."))
    assert window.banner.isVisible()
    assert window.banner.message.title == "Checkpoint is missing"
    press(qtbot, window.banner, "Dismiss")
    assert "Readings cannot be saved" in window.banner.findChild(QLabel).text()
    assert "&lt;full&gt;" in window.banner.findChild(QLabel).text()
    press(qtbot, window.banner, "Dismiss")
    assert not window.banner.isVisible()
    assert QApplication.activeModalWidget() is None


def test_news_of_the_same_kind_take_the_place_of_those_before(window, qtbot):
    for name in ("one.png", "two.png"):
        window.show_error(StorageFailed("Checkpoint is missing", "Install it again."))
        window.banner.show_message(BannerMessage("Saved", name))
    assert "two.png" in window.banner.findChild(QLabel).text()
    press(qtbot, window.banner, "Dismiss")
    assert window.banner.message.title == "Checkpoint is missing"
    press(qtbot, window.banner, "Dismiss")
    assert not window.banner.isVisible()


def test_damaged_readings_are_told_at_the_start_and_left_alone(
    make_window, readings_path, qtbot, caplog
):
    readings_path.parent.mkdir(parents=True)
    readings_path.write_bytes(b"damaged " * 100)
    window = make_window()
    qtbot.waitUntil(lambda: window.banner.isVisible())
    assert "damaged" in window.banner.message.title
    assert readings_path.read_bytes() == b"damaged " * 100


def test_a_bug_of_ours_is_told_without_stopping_the_reading(window):
    window.show_bug()
    assert "fault of ours" in window.banner.message.advice
    assert find(window.banner, QAbstractButton, "Open log folder").isVisible()


def test_save_and_next_goes_on_to_what_this_reader_has_not_read_and_leaves_nothing_behind(
    window, write_studies, qtbot
):
    open_and_wait(qtbot, window, write_studies(3))
    first, second, third = (row.study for row in rows(window))

    def save_and_next():
        use(window, "save_and_next")
        return window.session.current_study

    choose(qtbot, window, RIGHT, "1")
    assert save_and_next() is first  # no name yet
    assert window.assessment.reader.hasFocus()
    sign(qtbot, window)
    assert save_and_next() is first  # the left breast is missing, and asked for
    left = window.assessment.forms[LEFT]
    assert left.state_label.text() == "choose a category"
    assert left.isAncestorOf(QApplication.focusWidget())
    choose(qtbot, window, LEFT, "1")
    assert save_and_next() is second
    enter(qtbot, window, R="1", L="1")
    window.worklist.select(third.uid)
    enter(qtbot, window, R="1")
    window.worklist.select(first.uid)
    assert save_and_next() is third  # the second is read; one breast of the third is not
    choose(qtbot, window, LEFT, "2")
    assert save_and_next() is third
    assert message_below(window.viewports) == "No other study of the worklist is left to be read"

    sign(qtbot, window, "Dr. Y")
    enter(qtbot, window, R="3", L="3")
    assert save_and_next() is first  # another reader has all of them to read
    press(qtbot, window, "Save, next")
    assert window.session.current_study is first


def test_save_and_next_passes_over_priors_but_for_who_reads_them(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    sign(qtbot, window)
    now, of_2022, of_2019, another = (row.study for row in rows(window))

    def read_and_go_on():
        enter(qtbot, window, R="1", L="1")
        use(window, "save_and_next")
        return window.session.current_study

    assert window.session.current_study is now
    assert [is_marked_prior(row) for row in rows(window)] == [False, True, True, False]
    assert read_and_go_on() is another
    window.worklist.select(of_2022.uid)
    choose(qtbot, window, RIGHT, "2")  # begun, and left
    window.worklist.select(another.uid)
    assert read_and_go_on() is of_2022
    assert read_and_go_on() is of_2019
    assert read_and_go_on() is of_2019
    assert message_below(window.viewports) == "No other study of the worklist is left to be read"


def is_marked_prior(row):
    return "prior" in row.sentence.split(", ")


def test_who_has_a_name_has_the_keyboard_in_the_first_form_as_a_folder_opens(
    make_window, write_studies, qtbot
):
    folder = write_studies(1)
    window = make_window()
    open_and_wait(qtbot, window, folder)
    assert window.worklist.isAncestorOf(QApplication.focusWidget())  # nobody reads yet
    sign(qtbot, window)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    form = window.assessment.forms[RIGHT]
    assert form.isAncestorOf(QApplication.focusWidget())
    assert window.close()

    window = make_window()
    open_and_wait(qtbot, window, folder)
    form = window.assessment.forms[RIGHT]
    assert form.isAncestorOf(QApplication.focusWidget())
    assert form.entry.category is None
    window.worklist.search()
    open_and_wait(qtbot, window, folder)
    assert not window.assessment.isAncestorOf(QApplication.focusWidget())  # somebody types there


def test_a_reading_that_was_not_saved_keeps_the_window_open_once(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(1))
    choose(qtbot, window, RIGHT, "4A")
    assert not window.close()
    assert "Unsaved entries in one study" in window.banner.message.title
    press(qtbot, window.banner, "Quit without saving")
    assert not window.isVisible()


# ------------------------------------------------------------------------------------- the window


@pytest.mark.parametrize("width", [900, 1366, 1920])
def test_the_notice_is_always_there_and_whole(window, width, qtbot):
    window.resize(width, 700)
    qtbot.wait(20)
    notice = window.notice
    assert notice.text() == NOTICE
    assert notice.isVisible()
    assert notice.width() >= notice.fontMetrics().horizontalAdvance(NOTICE)
    right_end = notice.mapTo(window, QPoint(notice.width(), 0)).x()
    assert right_end <= window.width()
    window.worklist_dock.hide()
    window.reading_dock.hide()
    assert notice.isVisible()


@pytest.mark.parametrize("asks_both", [False, True])
def test_the_form_does_not_move_when_the_answer_comes(
    window, engine, write_studies, qtbot, asks_both
):
    engine.is_holding = True
    window.models.compare(asks_both)
    open_and_wait(qtbot, window, write_studies(1))
    window.session.inference.start()
    form = window.assessment.forms[RIGHT]
    before = form.mapTo(window, QPoint(0, 0))
    size = canvases(window)[0].size()
    qtbot.waitUntil(lambda: engine.waiting != [])
    engine.finish_next()
    qtbot.waitUntil(lambda: is_predicted(window))
    if asks_both:
        qtbot.waitUntil(lambda: engine.waiting != [])
        engine.finish_next()
        qtbot.waitUntil(lambda: "·" in window.prediction.other.text)
    window.prediction.toggle_overlay()
    qtbot.wait(50)
    assert form.mapTo(window, QPoint(0, 0)) == before
    assert window.reading.verticalScrollBar().maximum() == 0  # and nothing is cut off
    assert canvases(window)[0].size() == size


def test_panes_are_not_clipped_at_1366_by_768(window, write_studies, qtbot):
    window.models.compare(True)
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    for label in window.prediction.findChildren(QLabel):
        if label.isVisible() and label.text():
            needed = label.heightForWidth(label.width()) if label.wordWrap() else 0
            assert label.height() >= needed, label.text()
    for side in (RIGHT, LEFT):
        for button in window.assessment.forms[side].categories.buttons.values():
            assert button.width() >= button.fontMetrics().horizontalAdvance(button.text()) + 4


def test_folders_can_be_dropped_on_the_window_also_over_the_note(window, write_studies, qtbot):
    folder = write_studies(1)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    modifiers = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), action, data, button, modifiers)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=10_000):
        drop = QDropEvent(QPointF(300, 300), action, data, button, modifiers)
        QApplication.sendEvent(window, drop)
    assert not window.assessment.forms[RIGHT].note_box.acceptDrops()
    assert not window.assessment.reader.acceptDrops()


def test_what_was_opened_stands_in_the_recent_list_of_the_next_start(
    make_window, write_studies, qtbot
):
    window = make_window()
    first, second = write_studies(1, "first"), write_studies(1, "second")
    open_and_wait(qtbot, window, first)
    open_and_wait(qtbot, window, second)
    assert window.close()
    window = make_window(engine=FakeEngine())
    window.fill_recent()
    names = [action.text() for action in window.menus.recent.actions()]
    assert names[:2] == [str(second), str(first)]
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=10_000):
        window.menus.recent.actions()[1].trigger()
    assert [row.study.patient_id for row in rows(window)] == ["A-1"]


def test_the_layout_reader_overlay_and_order_are_remembered(make_window, qtbot):
    from viewer.display.worklist_row import WorklistOrder

    window = make_window()
    window.worklist_dock.hide()
    window.prediction.set_overlay(True, 0.75)
    window.assessment.reader.setText("Dr. X")
    window.assessment.reader.editingFinished.emit()
    window.worklist.set_order(WorklistOrder.SUSPICION)
    assert window.close()
    again = make_window(engine=FakeEngine())
    assert again.worklist_dock.isHidden()
    assert not again.reading_dock.isHidden()
    assert again.prediction.overlay == (True, 0.75)
    assert again.commands.action("heat_map").isChecked()
    assert again.assessment.reader.text() == "Dr. X"
    assert again.worklist.order is WorklistOrder.SUSPICION


def test_readings_are_exported_and_the_file_is_told_to_be_private(
    window, write_studies, tmp_path, qtbot
):
    open_and_wait(qtbot, window, write_studies(1))
    window.assessment.set_reader("Dr. X")
    choose(qtbot, window, LEFT, "2")
    window.assessment.save()
    window.readings.export(tmp_path / "out.csv")
    assert window.banner.message.title == "1 reading exported"
    assert NOTICE in (tmp_path / "out.csv").read_text("utf-8")


def test_a_second_folder_takes_the_place_of_the_first(window, write_studies, qtbot):
    open_and_wait(qtbot, window, write_studies(3, "first"))
    qtbot.waitUntil(lambda: window.session.inference.progress == (3, 3), timeout=10_000)
    open_and_wait(qtbot, window, write_studies(1, "second", patient_id="B-1"))
    assert [row.study.patient_id for row in rows(window)] == ["B-1"]
    assert window.session.current_study.patient_id == "B-1"
    qtbot.waitUntil(lambda: window.session.inference.progress == (1, 1), timeout=10_000)


def test_drafts_come_back_with_their_study_when_its_folder_is_opened_again(
    window, write_studies, qtbot
):
    first, second = write_studies(1, "first"), write_studies(1, "second", patient_id="B-1")
    open_and_wait(qtbot, window, first)
    choose(qtbot, window, RIGHT, "4C")
    open_and_wait(qtbot, window, second)
    assert window.assessment.forms[RIGHT].draft.category is None
    open_and_wait(qtbot, window, first)
    assert window.assessment.forms[RIGHT].draft.category is BiradsCategory.HIGH_SUSPICION
    assert rows(window)[0].has_draft


def test_about_shows_the_notices_that_the_program_carries(window, qtbot):
    about = About(window)
    qtbot.addWidget(about)
    names = [about.names.item(n).text() for n in range(about.names.count())]
    assert names == [path.stem for path in licence_files()]
    for n, path in enumerate(licence_files()):
        about.names.setCurrentRow(n)
        assert about.text.toPlainText()[:50] == path.read_text("utf-8")[:50]


def test_a_study_of_plain_images_that_may_be_two_patients_gets_no_breast_result(
    window, write_studies, qtbot
):
    open_and_wait(qtbot, window, write_studies(1))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    study = replace(window.session.current_study, is_joined=False)
    window.prediction.show_study(study)
    window.prediction.show_prediction(study_prediction(study))
    assert "not known to belong to one patient" in window.prediction.columns[RIGHT].headline.text()
