"""Wherever the readings' file fails the reader is told, and what was on the screen stays there."""

import pytest

from engine.domain import Draft, Laterality
from engine.errors import StorageFailed
from engine.records.drafts import DraftStore
from engine.records.store import ReadingStore
from tests.engine.readings import assessment, ruler
from viewer.session import upkeep
from viewer.session.readings import Readings

FULL = StorageFailed("Readings cannot be saved", "The disk is full.")


def refuse(*_arguments, **_options):
    raise FULL


@pytest.fixture
def errors(session):
    """What the reader is told."""
    told = []
    session.error_occurred.connect(lambda error: told.append(error))
    return told


@pytest.fixture
def study(session, write_studies, qtbot):
    with qtbot.waitSignal(session.catalogue_opened, timeout=10_000) as opened:
        session.open([write_studies(1)])
    (study,) = opened.args[0].studies
    session.select_study(study.uid)
    return study


def test_a_history_that_cannot_be_read_is_told_and_empty(session, study, errors, monkeypatch):
    monkeypatch.setattr(ReadingStore, "history", refuse)
    assert session.history(study) == ()
    assert errors == [FULL]


def test_all_readings_that_cannot_be_read_are_told_and_none(session, errors, monkeypatch):
    monkeypatch.setattr(ReadingStore, "all", refuse)
    assert session.all_readings() == ()
    assert errors == [FULL]


def test_drawings_that_cannot_be_read_leave_those_that_were_not_stored_yet(
    session, study, errors, monkeypatch, caplog
):
    drawn = ruler(study_uid=study.uid, image_uid=study.views[0].image_uid, patient_id="A-1")
    monkeypatch.setattr(ReadingStore, "annotate", refuse)
    session.annotate(drawn)
    assert [error.title for error in errors] == ["What you drew is not kept yet"]
    assert "The disk is full. It stays on the screen" in str(errors[0].advice)
    monkeypatch.setattr(ReadingStore, "annotations", refuse)
    assert session.annotations(study) == (drawn,)
    assert errors[1:] == [FULL]


def test_drawings_that_are_lost_at_the_end_are_told(session, study, errors, monkeypatch, caplog):
    drawn = ruler(study_uid=study.uid, image_uid=study.views[0].image_uid, patient_id="A-1")
    monkeypatch.setattr(ReadingStore, "annotate", refuse)
    session.annotate(drawn)
    session.close()
    assert [error.title for error in errors] == ["What you drew is not kept yet"] * 2


def test_a_reading_whose_place_cannot_be_looked_up_is_told(session, errors, monkeypatch):
    monkeypatch.setattr(ReadingStore, "places", refuse)
    session.catalogue.open_reading(assessment())
    assert errors == [FULL]


def test_entries_that_cannot_be_written_are_told_and_stay_on_the_screen(
    session, study, errors, monkeypatch, qtbot
):
    monkeypatch.setattr(DraftStore, "keep", refuse)
    session.keep_entries(study, {Laterality.RIGHT: Draft(comment="a fold")})
    qtbot.waitUntil(lambda: errors != [])
    assert errors[0].title == "What you entered is not kept yet"
    assert "save it before you quit" in str(errors[0].advice)
    monkeypatch.undo()
    session.keep_entries(study, {})


def test_training_data_of_readings_that_cannot_be_read_is_told_and_at_its_end(
    session, errors, monkeypatch, tmp_path, qtbot
):
    monkeypatch.setattr(ReadingStore, "all", refuse)
    with qtbot.waitSignal(session.exporting.training_written) as ended:
        session.exporting.write_training_data(tmp_path / "out", frozenset({1}))
    assert ended.args == [None]
    assert errors == [FULL]
    assert not (tmp_path / "out").exists()


def test_an_export_that_cannot_be_read_is_told(session, errors, monkeypatch, tmp_path):
    monkeypatch.setattr(ReadingStore, "export_csv", refuse)
    assert session.exporting.export_readings(tmp_path / "readings.csv") is None
    assert errors == [FULL]


def test_a_file_that_fails_while_it_is_verified_is_told_and_looked_at_again(
    session, errors, monkeypatch, qtbot
):
    monkeypatch.setattr(upkeep, "CHECK_DELAY_MS", 0)
    monkeypatch.setattr(Readings, "verify_and_back_up", refuse)
    session.upkeep.begin()
    qtbot.waitUntil(lambda: errors == [FULL])
    assert session.upkeep.has_checked


def test_readings_that_cannot_be_opened_are_told_at_the_start(session, errors, monkeypatch):
    monkeypatch.setattr(ReadingStore, "__init__", refuse)
    session.upkeep.begin()
    assert errors == [FULL]


def test_nothing_begins_once_the_session_is_closed(session, errors, monkeypatch):
    monkeypatch.setattr(ReadingStore, "__init__", refuse)
    session.close()
    session.upkeep.begin()
    assert errors == []
