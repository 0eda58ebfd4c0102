"""What was saved by mistake is taken back by a new record; nothing that was ever saved goes."""

import pytest
from PySide6.QtCore import Qt

from engine.domain import BiradsCategory, Laterality, ReadingMode, current_readings
from engine.records.store import ReadingStore
from tests.viewer.driver import (
    are_images_shown,
    choose,
    has_predicted,
    is_predicted,
    open_and_wait,
    rows,
    sign,
)
from tests.viewer.fake_engine import FakeEngine
from tests.viewer.pages import drag, message_below
from viewer.display.assessment_form import CHANGE_REASONS
from viewer.shared.states import Phase

RIGHT, LEFT = Laterality.RIGHT, Laterality.LEFT
CONCURRENT, SECOND, BLIND = ReadingMode
SAVE = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
UNDO = (
    Qt.Key.Key_U,
    Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
)


@pytest.fixture
def read_in(make_window, write_studies, qtbot):
    """A signed window in a mode, its first study answered."""
    folder = write_studies(2)

    def make(mode=CONCURRENT, **options):
        window = make_window(mode=mode, **options)
        open_and_wait(qtbot, window, folder)
        window.session.inference.start()
        sign(qtbot, window)
        window.assessment.reader.editingFinished.emit()
        qtbot.waitUntil(lambda: has_predicted(window))
        return window

    return make


def save(qtbot, window, **categories):
    for side, category in categories.items():
        choose(qtbot, window, Laterality(side), category)
    qtbot.keyClick(window, *SAVE)


def stored(path):
    with ReadingStore(path) as store:
        return store.all()


def current_categories(path):
    return sorted((r.laterality.value, r.category.value) for r in current_readings(stored(path)))


def entered(window, side):
    return window.assessment.forms[side].draft.category


def test_an_undone_correction_restores_the_reading_before_and_keeps_all_three(
    read_in, readings_path, qtbot
):
    window = read_in()
    save(qtbot, window, R="2")
    window.assessment.forms[RIGHT].note_box.setPlainText("a note")
    save(qtbot, window, R="4B")
    before = stored(readings_path)
    qtbot.keyClick(window, *UNDO)
    first, second, again = stored(readings_path)
    assert (first, second) == before
    assert (again.supersedes, again.restores) == (second.record_id, first.record_id)
    for name in ("category", "comment", "agreement", "prediction", "reason", "reading_mode"):
        assert getattr(again, name) == getattr(first, name), name
    assert again.recorded_at > second.recorded_at
    assert entered(window, RIGHT) is BiradsCategory.BENIGN
    assert "2 stands again" in window.banner.message.advice
    assert "restored" in window.assessment.history.text()


def test_an_undone_first_reading_is_withdrawn_and_counts_for_nothing(
    read_in, readings_path, qtbot, tmp_path
):
    window = read_in()
    save(qtbot, window, L="3")
    assert rows(window)[0].is_read
    qtbot.keyClick(window, *UNDO)
    _, withdrawn = stored(readings_path)
    assert withdrawn.is_withdrawn
    assert current_readings(stored(readings_path)) == ()
    assert entered(window, LEFT) is None
    assert not rows(window)[0].is_read
    assert window.session.exporting.export_readings(tmp_path / "out.csv") == 2
    assert not window.assessment.draft_count

    save(qtbot, window, L="4")  # and the breast can be read anew
    assert current_categories(readings_path) == [("L", "4")]
    assert rows(window)[0].is_read


def test_each_undo_goes_one_reading_further_back_across_both_breasts(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, L="1")
    save(qtbot, window, R="2")
    save(qtbot, window, L="5")
    for left in ([("L", "1"), ("R", "2")], [("L", "1")], []):
        qtbot.keyClick(window, *UNDO)
        assert current_categories(readings_path) == left
    count = len(stored(readings_path))
    qtbot.keyClick(window, *UNDO)
    assert window.banner.message.title == "Nothing to undo"
    assert len(stored(readings_path)) == count


def test_yesterdays_and_a_colleagues_readings_are_not_undone(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, R="2")
    assert window.close()
    tomorrow = read_in(engine=FakeEngine())
    qtbot.keyClick(tomorrow, *UNDO)
    assert tomorrow.banner.message.title == "Nothing to undo"
    save(qtbot, tomorrow, R="3")
    sign(qtbot, tomorrow, "Dr. Y")
    tomorrow.assessment.reader.editingFinished.emit()
    qtbot.keyClick(tomorrow, *UNDO)
    assert current_categories(readings_path) == [("R", "3")]


def test_entries_that_are_not_saved_are_not_lost_to_an_undo(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, R="2")
    choose(qtbot, window, LEFT, "4")
    qtbot.keyClick(window, *UNDO)
    assert window.banner.message.title == "Unsaved entries"
    assert entered(window, LEFT) is BiradsCategory.SUSPICIOUS
    assert len(stored(readings_path)) == 1


def test_another_studys_readings_are_left_alone(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, R="2")
    window.worklist.step(1)
    qtbot.keyClick(window, *UNDO)
    assert window.banner.message.title == "Nothing to undo"
    assert current_categories(readings_path) == [("R", "2")]


def test_in_second_read_a_withdrawn_category_reveals_nothing(read_in, readings_path, qtbot):
    window = read_in(SECOND)
    save(qtbot, window, R="2")
    qtbot.keyClick(window, *UNDO)
    save(qtbot, window, L="1")
    assert window.session.reading.phase is Phase.BEFORE
    assert not is_predicted(window)
    save(qtbot, window, R="3")
    assert is_predicted(window)


def test_what_was_changed_after_the_answer_goes_back_to_the_category_before_and_no_further(
    read_in, readings_path, qtbot
):
    window = read_in(SECOND)
    save(qtbot, window, R="2", L="1")
    form = window.assessment.forms[RIGHT]
    choose(qtbot, window, RIGHT, "4")
    form.reason_box.setCurrentIndex(form.reason_box.findData(CHANGE_REASONS[0]))
    choose(qtbot, window, LEFT, "1")
    qtbot.keyClick(window, *SAVE)
    before = stored(readings_path)
    for _ in range(2):  # both breasts
        qtbot.keyClick(window, *UNDO)
    assert current_categories(readings_path) == [("L", "1"), ("R", "2")]
    assert all(r.is_revealed and r.is_unfinished for r in current_readings(stored(readings_path)))
    assert form.entry.is_to_be_kept
    assert is_predicted(window)
    count = len(stored(readings_path))
    qtbot.keyClick(window, *UNDO)
    assert "stays" in window.banner.message.title
    assert len(stored(readings_path)) == count
    assert stored(readings_path)[: len(before)] == before


def test_a_blind_reading_is_undone_without_a_word_of_the_model(read_in, readings_path, qtbot):
    window = read_in(BLIND)
    told = []
    window.session.assessment_recorded.connect(told.append)
    save(qtbot, window, R="2")
    save(qtbot, window, R="4")
    qtbot.keyClick(window, *UNDO)
    assert [r.category.value for r in told] == ["2", "4", "2"]
    assert all(r.prediction is None for r in told)
    # yet the auditor has the answer of what stands
    assert all(r.prediction is not None for r in stored(readings_path))
    assert not any(r.is_revealed for r in stored(readings_path))


def test_what_was_said_to_the_model_is_not_restored_while_it_is_hidden(
    read_in, readings_path, qtbot
):
    window = read_in(CONCURRENT)
    save(qtbot, window, R="2")
    window.choose_mode(BLIND)
    qtbot.keyClick(window, *UNDO)
    assert window.banner.message.title == "Nothing to undo"
    save(qtbot, window, R="4")
    qtbot.keyClick(window, *UNDO)  # would restore the concurrent one
    assert window.banner.message.title == "Nothing to undo"
    assert current_categories(readings_path) == [("R", "4")]


def test_a_full_disk_is_told_loses_nothing_and_saving_again_works(
    stores, read_in, readings_path, qtbot, caplog
):
    window = read_in()
    save(qtbot, window, R="2")
    earlier = stored(readings_path)
    disk = stores[-1].connection
    pages = disk.execute("PRAGMA page_count").fetchone()[0]
    disk.execute(f"PRAGMA max_page_count={pages}")  # SQLITE_FULL from the next page on
    form = window.assessment.forms[LEFT]
    form.note_box.setPlainText("x" * 4000)
    for _ in range(20):  # until what room there was is used up
        save(qtbot, window, L="4")
        if form.state_label.text() == "NOT SAVED":
            break
        earlier = stored(readings_path)
        save(qtbot, window, L="3")
        if form.state_label.text() == "NOT SAVED":
            break
        earlier = stored(readings_path)
    assert form.state_label.text() == "NOT SAVED"
    assert "disk is full" in window.banner.message.advice
    assert stored(readings_path) == earlier
    assert form.draft.comment == "x" * 4000
    assert window.assessment.draft_count == 1
    window.banner.dismiss()
    disk.execute("PRAGMA max_page_count=1000000")
    wanted = form.draft.category
    qtbot.keyClick(window, *SAVE)
    assert stored(readings_path)[:-1] == earlier
    assert stored(readings_path)[-1].category is wanted
    assert window.banner.message is None
    assert not window.assessment.draft_count


# --------------------------------------------------------------------- one way back for all deeds


BACK = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
FORTH = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)


def draw(window, label="R CC"):
    """A ruler by the mouse; how many drawings its view has then."""
    canvas = next(c for c in window.viewports.canvases if c.view.label == label)
    window.commands.trigger("tools.hand.choose_RULER")
    middle = canvas.rect().center()
    start, end = (float(middle.x()), float(middle.y())), (middle.x() + 30.0, middle.y() + 20.0)
    drag(canvas, Qt.MouseButton.LeftButton, start, end)
    return drawings(window)


def drawings(window):
    book = window.viewports.tools.annotations
    return sum(len(book.of(canvas.view.image_uid)) for canvas in window.viewports.canvases)


def below(window):
    return message_below(window.viewports)


def test_ctrl_z_undoes_whatever_was_done_last_drawing_or_reading(read_in, readings_path, qtbot):
    window = read_in()
    assert draw(window) == 1
    save(qtbot, window, R="2")
    assert draw(window, "L CC") == 2
    qtbot.keyClick(window, *BACK)
    assert (drawings(window), current_categories(readings_path)) == (1, [("R", "2")])
    assert "Drawing on L CC undone" in below(window)
    qtbot.keyClick(window, *BACK)
    assert (drawings(window), current_categories(readings_path)) == (1, [])
    assert "Reading undone. Right breast: no reading" in below(window)
    assert window.banner.message.title == "Reading undone"
    qtbot.keyClick(window, *BACK)
    assert drawings(window) == 0
    before = len(stored(readings_path))
    qtbot.keyClick(window, *BACK)
    assert "Nothing to undo" in below(window)
    assert len(stored(readings_path)) == before == 2


def test_ctrl_z_that_a_full_disk_refused_is_tried_again_not_passed_on(
    stores, read_in, readings_path, qtbot, caplog
):
    window = read_in()
    draw(window)
    save(qtbot, window, R="2")
    disk = stores[-1].connection
    disk.execute("PRAGMA query_only=1")
    for _ in range(2):
        qtbot.keyClick(window, *BACK)
        assert window.banner.message.title == "Readings cannot be saved"
        assert (drawings(window), current_categories(readings_path)) == (1, [("R", "2")])
    disk.execute("PRAGMA query_only=0")
    qtbot.keyClick(window, *BACK)
    assert (drawings(window), current_categories(readings_path)) == (1, [])
    qtbot.keyClick(window, *BACK)
    assert drawings(window) == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def take_over(qtbot, window, name):
    sign(qtbot, window, name)
    window.assessment.reader.editingFinished.emit()


def test_a_reader_who_takes_over_undoes_neither_a_colleagues_drawing_nor_an_own_earlier_reading(
    read_in, readings_path, qtbot
):
    window = read_in()
    save(qtbot, window, R="2")
    window.worklist.step(1)
    window.worklist.step(-1)
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)
    take_over(qtbot, window, "Dr. Y")
    draw(window)
    save(qtbot, window, L="4")
    take_over(qtbot, window, "Dr. X")
    before = current_categories(readings_path)
    for key in (BACK, BACK, FORTH):
        qtbot.keyClick(window, *key)
    assert (drawings(window), current_categories(readings_path)) == (1, before)
    draw(window, "L CC")
    qtbot.keyClick(window, *BACK)
    assert drawings(window) == 1


def test_redo_draws_again_but_never_saves_a_reading_again(read_in, readings_path, qtbot):
    window = read_in()
    draw(window)
    save(qtbot, window, R="2")
    qtbot.keyClick(window, *BACK)
    qtbot.keyClick(window, *BACK)
    qtbot.keyClick(window, *FORTH)
    assert drawings(window) == 1
    qtbot.keyClick(window, *FORTH)
    assert current_categories(readings_path) == []
    assert "saved again" in below(window)
    qtbot.keyClick(window, *BACK)  # what was drawn again is the last deed
    assert drawings(window) == 0


def test_ctrl_z_does_not_reach_back_before_the_study_came_up_but_the_own_command_does(
    read_in, readings_path, qtbot
):
    window = read_in()
    save(qtbot, window, R="2")
    window.worklist.step(1)
    window.worklist.step(-1)
    qtbot.keyClick(window, *BACK)
    assert current_categories(readings_path) == [("R", "2")]
    qtbot.keyClick(window, *UNDO)
    assert current_categories(readings_path) == []


def test_a_reading_undone_by_its_own_command_is_not_undone_twice(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, L="1")
    draw(window)
    save(qtbot, window, R="2")
    qtbot.keyClick(window, *UNDO)
    assert current_categories(readings_path) == [("L", "1")]
    qtbot.keyClick(window, *BACK)
    assert (drawings(window), current_categories(readings_path)) == (0, [("L", "1")])


def test_with_unsaved_entries_ctrl_z_takes_no_reading_back(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, R="2")
    choose(qtbot, window, LEFT, "4")
    qtbot.keyClick(window, *BACK)
    assert window.banner.message.title == "Unsaved entries"
    assert current_categories(readings_path) == [("R", "2")]
    window.assessment.discard()
    qtbot.keyClick(window, *BACK)
    assert current_categories(readings_path) == []


def test_in_a_note_ctrl_z_undoes_typing_and_nothing_else(read_in, readings_path, qtbot):
    window = read_in()
    save(qtbot, window, R="2")
    window.activateWindow()
    note = window.assessment.forms[LEFT].note_box
    note.setFocus()
    qtbot.keyClicks(note, "abc")
    qtbot.keyClick(note, *BACK)
    assert note.toPlainText() == ""
    assert current_categories(readings_path) == [("R", "2")]
