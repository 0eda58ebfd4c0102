"""What a reader entered and did not save survives a crash, counts as no reading, and tells nobody
of the model.
"""

import json
import os
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from engine.domain import BiradsCategory, Draft, Laterality, ReadingMode
from engine.errors import StorageFailed
from engine.records.store import ReadingStore
from tests.viewer.driver import choose, open_and_wait, rows, sign
from tests.viewer.fake_engine import FakeEngine
from viewer.session.readings import DRAFT_FOLDER

RIGHT, LEFT = Laterality
CONCURRENT, SECOND, BLIND = ReadingMode
SAVE = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


@pytest.fixture
def folder(readings_path):
    return readings_path.with_name(DRAFT_FOLDER)


@pytest.fixture
def start(make_window, write_studies, qtbot):
    """Starts the program on the same files; it never ended well before."""
    studies = write_studies(2)

    def make(mode=CONCURRENT, reader="Dr. X"):
        window = make_window(engine=FakeEngine(), mode=mode)
        open_and_wait(qtbot, window, studies)
        if not window.assessment.reader.text():
            sign(qtbot, window)
            window.assessment.reader.setText(reader)
            window.assessment.reader.editingFinished.emit()
        return window

    return make


def enter(qtbot, window, folder, category="4A", comment="dense, see prior"):
    choose(qtbot, window, RIGHT, category)
    window.assessment.forms[RIGHT].note_box.setPlainText(comment)
    qtbot.waitUntil(lambda: comment in entered_files(folder))


def entered_files(folder):
    return "".join(path.read_text("utf-8") for path in folder.glob("entries-*.json"))


def form(window, side=RIGHT):
    return window.assessment.forms[side]


def test_entries_are_offered_again_after_a_crash_and_marked_as_not_saved(
    start, folder, readings_path, qtbot
):
    enter(qtbot, start(), folder)
    again = start()
    assert form(again).draft.category is BiradsCategory.LOW_SUSPICION
    assert form(again).draft.comment == "dense, see prior"
    assert form(again).state_label.text() == "unsaved"
    assert "not saved" in again.assessment.hint.text()
    assert [row.has_draft for row in rows(again)] == [True, False]
    assert again.assessment.draft_count == 1
    with ReadingStore(readings_path) as store:
        assert store.all() == ()


def test_restored_entries_are_saved_as_any_others_and_then_forgotten(
    start, folder, readings_path, qtbot
):
    enter(qtbot, start(), folder)
    again = start()
    qtbot.keyClick(again, *SAVE)
    with ReadingStore(readings_path) as store:
        (reading,) = store.all()
    assert (reading.category.value, reading.comment) == ("4A", "dense, see prior")
    qtbot.waitUntil(lambda: not list(folder.glob("entries-*")))
    assert form(start()).entry.recorded == reading


def test_discarded_entries_are_not_offered_again(start, folder, qtbot):
    window = start()
    enter(qtbot, window, folder)
    window.assessment.discard()
    qtbot.waitUntil(lambda: not list(folder.glob("entries-*")))
    assert form(start()).draft.category is None


def test_entries_of_a_study_that_was_not_open_are_offered_when_it_is(start, folder, qtbot):
    window = start()
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    enter(qtbot, window, folder)
    again = start()
    assert [row.has_draft for row in rows(again)] == [False, True]
    assert form(again).draft.category is None
    qtbot.keyClick(again, Qt.Key.Key_PageDown)
    assert form(again).draft.category is BiradsCategory.LOW_SUSPICION


def test_another_reader_is_offered_none_of_them(start, folder, qtbot):
    enter(qtbot, start(), folder)
    again = start()
    again.assessment.reader.setText("Dr. Y")
    again.assessment.reader.editingFinished.emit()
    assert form(again).draft == Draft()
    assert [row.has_draft for row in rows(again)] == [False, False]
    again.assessment.reader.setText("Dr. X")
    again.assessment.reader.editingFinished.emit()
    assert form(again).draft.comment == "dense, see prior"


def test_entries_count_in_no_export_and_no_list_of_readings(start, folder, tmp_path, qtbot):
    window = start()
    enter(qtbot, window, folder)
    window.readings.export(tmp_path / "readings.csv", unblind=True)
    assert "dense, see prior" not in (tmp_path / "readings.csv").read_text("utf-8")
    assert window.session.all_readings() == ()
    assert not window.session.how_read(window.session.current_study).is_read


@pytest.mark.parametrize("mode", [SECOND, BLIND])
def test_what_was_entered_beside_the_models_answer_is_not_offered_where_it_is_hidden(
    start, folder, mode, qtbot
):
    window = start()
    window.session.inference.start()
    qtbot.waitUntil(lambda: form(window).entry.prediction is not None)
    enter(qtbot, window, folder, comment="the model says 4, I do not")
    blind = start(mode)
    assert form(blind).draft == Draft()
    assert [row.has_draft for row in rows(blind)] == [False, False]
    enter(qtbot, blind, folder, "2", "my own")  # does not take the place of the other
    assert "the model says 4" in entered_files(folder)
    assert form(start(mode)).draft.comment == "my own"
    assert form(start(CONCURRENT)).draft.comment == "the model says 4, I do not"


def test_no_file_of_a_blind_reader_holds_a_word_of_the_model(start, folder, qtbot):
    window = start(BLIND)
    window.session.inference.start()
    qtbot.waitUntil(
        lambda: window.session.inference.progress == (2, 2)
    )  # all is predicted, and hidden
    enter(qtbot, window, folder)
    (values,) = [json.loads(path.read_bytes()) for path in folder.glob("entries-*")]
    assert values["has_seen_model"] is False
    assert values["drafts"] == {
        "R": {"category": "4A", "override": None, "reason": "", "comment": "dense, see prior"}
    }


def test_entries_that_were_saved_just_before_the_crash_are_not_offered(
    start, folder, readings_path, qtbot
):
    window = start()
    enter(qtbot, window, folder)
    (path,) = folder.glob("entries-*")
    content = path.read_bytes()
    qtbot.keyClick(window, *SAVE)
    qtbot.waitUntil(lambda: not path.exists())
    path.write_bytes(content)  # as if the program had ended between the two
    assert not start().assessment.draft_count


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"drafts": 3}', b"\xff", b"[" * 9999])
def test_a_draft_that_other_hands_have_written_is_left_out(start, folder, content, caplog, qtbot):
    enter(qtbot, start(), folder)
    (path,) = folder.glob("entries-*")
    path.write_bytes(content)
    assert form(start()).draft == Draft()
    assert "dense" not in caplog.text


def test_a_draft_moved_under_another_studys_name_is_not_taken_for_its(start, folder, qtbot):
    window = start()
    enter(qtbot, window, folder)
    (mine,) = folder.glob("entries-*")
    qtbot.keyClick(window, Qt.Key.Key_PageDown)
    choose(qtbot, window, RIGHT, "5")
    qtbot.waitUntil(lambda: len(list(folder.glob("entries-*"))) == 2)
    (other,) = set(folder.glob("entries-*")) - {mine}
    os.replace(mine, other)
    again = start()
    assert not again.assessment.draft_count


def test_where_entries_cannot_be_kept_the_reader_is_told(start, folder, caplog, qtbot):
    window = start()
    folder.write_text("no folder")
    choose(qtbot, window, RIGHT, "2")
    qtbot.waitUntil(lambda: window.banner.message is not None)
    assert window.banner.message.title == "What you entered is not kept yet"
    assert form(window).draft.category is BiradsCategory.BENIGN


def test_drawings_that_could_not_be_stored_survive_a_crash(
    start, folder, readings_path, monkeypatch, caplog, qtbot
):
    from tests.engine.readings import ruler

    window = start()
    study = window.session.current_study
    drawing = ruler(
        study_uid=study.uid, patient_id=study.patient_id, image_uid=study.views[0].image_uid
    )

    def refuse(_store, _annotations):
        raise StorageFailed("Readings cannot be saved", "The disk is full.")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(ReadingStore, "annotate", refuse)
        window.session.annotate(drawing)
        window.session.annotate(replace(drawing, annotation_id="b2"))
    again = start()
    qtbot.waitUntil(lambda: not list(folder.glob("drawings-*")))
    assert [a.annotation_id for a in again.session.annotations(study)] == ["a1", "b2"]
    with ReadingStore(readings_path) as store:
        assert [a.annotation_id for a in store.annotations(study.uid)] == ["a1", "b2"]


def test_drafts_are_for_their_owners_eyes_alone(start, folder, qtbot):
    enter(qtbot, start(), folder)
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
