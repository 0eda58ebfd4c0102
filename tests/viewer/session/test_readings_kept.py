"""The window looks after its readings: verified at each start, backed up each day, with a word."""

import shutil

import pytest
from PySide6.QtCore import QSettings, Qt

import viewer.session.upkeep
from engine.records import backups
from engine.records.store import ReadingStore
from tests.engine.readings import change, fill
from tests.viewer.driver import choose, open_and_wait, sign

SAVE = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(viewer.session.upkeep, "CHECK_DELAY_MS", 0)
    monkeypatch.setattr(viewer.session.upkeep, "SETTLE_DELAY_MS", 0)


@pytest.fixture
def dailies(readings_path):
    return lambda: sorted((readings_path.parent / backups.DAILY_FOLDER).glob("*daily*.sqlite"))


def test_a_start_backs_sound_readings_up_and_says_nothing(
    make_window, readings_path, dailies, qtbot
):
    fill(readings_path, 3)
    window = make_window()
    qtbot.waitUntil(lambda: len(dailies()) == 1)
    with ReadingStore(dailies()[0]) as store:
        assert len(store.all()) == 3
    assert window.banner.message is None


def test_a_row_that_was_changed_is_named_in_a_banner_and_no_backup_is_made_of_it(
    make_window, readings_path, dailies, qtbot
):
    fill(readings_path, 3)
    change(readings_path, "UPDATE readings SET category = '1' WHERE id = 2")
    window = make_window()
    qtbot.waitUntil(lambda: window.banner.message is not None)
    assert window.banner.message.title == "Readings file was changed"
    assert "Row 2 of table readings is not as it was stored." in window.banner.message.advice
    assert not dailies()


def test_as_many_backups_are_kept_as_the_settings_say(make_window, readings_path, dailies, qtbot):
    from viewer.window.settings import DEFAULT_BACKUPS, Settings

    fill(readings_path, 1)
    path = readings_path.parents[1] / "settings.ini"
    settings, file = Settings(path), QSettings(str(path), QSettings.Format.IniFormat)
    assert settings.kept_backups == DEFAULT_BACKUPS
    for nonsense in ("-1", "many"):
        file.setValue("backups/kept", nonsense)
        assert settings.kept_backups == DEFAULT_BACKUPS
    file.setValue("backups/kept", 0)
    file.sync()
    window = make_window()
    qtbot.waitUntil(lambda: window.session.upkeep.has_checked)
    assert dailies() == []


def test_an_emptied_readings_file_is_told_and_what_was_entered_stays(
    make_window, readings_path, write_studies, caplog, qtbot
):
    fill(readings_path, 1)
    readings_path.write_bytes(b"")
    window = make_window()
    qtbot.waitUntil(lambda: window.banner.message is not None)
    assert window.banner.message.title == "Readings file is empty"
    open_and_wait(qtbot, window, write_studies(1))
    sign(qtbot, window)
    choose(qtbot, window, *list(window.assessment.forms)[:1], "2")
    qtbot.keyClick(window, *SAVE)
    assert window.assessment.draft_count == 1
    assert readings_path.read_bytes() == b""


def test_a_readings_file_deleted_under_the_window_is_said_and_holds_the_reading(
    make_window, readings_path, write_studies, caplog, qtbot
):
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    sign(qtbot, window)
    side = next(iter(window.assessment.forms))
    choose(qtbot, window, side, "2")
    readings_path.unlink()
    qtbot.keyClick(window, *SAVE)
    assert window.banner.message.title == "Readings file was missing"
    with ReadingStore(readings_path) as store:
        assert [reading.category.value for reading in store.all()] == ["2"]


def test_a_moment_after_a_save_a_copy_of_the_file_alone_is_whole(
    make_window, readings_path, write_studies, tmp_path, caplog, qtbot
):
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    sign(qtbot, window)
    choose(qtbot, window, next(iter(window.assessment.forms)), "2")
    qtbot.keyClick(window, *SAVE)
    log_file = readings_path.with_name("readings.sqlite-wal")
    qtbot.waitUntil(lambda: log_file.stat().st_size == 0)
    shutil.copy(readings_path, tmp_path / "copy.sqlite")
    shutil.copy(readings_path.with_suffix(".anchor"), tmp_path / "copy.anchor")
    with ReadingStore(tmp_path / "copy.sqlite") as store:
        assert len(store.all()) == 1
