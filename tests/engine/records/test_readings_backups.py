"""Copies of the readings are whole, and the way back loses nothing."""

import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine import __main__ as engine_command
from engine.errors import StorageFailed
from engine.records import backups
from engine.records.store import ReadingStore
from engine.records.verification import verify
from tests.engine.readings import FIRST_VERSION, assessment, change, comments, fill

DAY = date(2026, 11, 28)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "data" / "readings.sqlite"


def command(capsys, *arguments: object) -> tuple[int, dict | None, str]:
    """Exit code, the JSON object, and what was said on standard error."""
    code = engine_command.main(["readings", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_a_backup_made_while_the_program_saves_holds_all_that_was_saved(path, tmp_path):
    with ReadingStore(path) as store:
        store.record(assessment(comment="in the log still"))
        backup, verdict = backups.back_up(path, tmp_path / "stick")
        store.record(assessment(comment="later"))
    assert verdict.is_sound
    assert comments(backup) == ["in the log still"]
    assert not list(backup.parent.glob("*-wal"))


def test_two_backups_of_one_second_do_not_overwrite_each_other(path, tmp_path):
    fill(path, 1)
    first, _ = backups.back_up(path, tmp_path / "stick")
    second, _ = backups.back_up(path, tmp_path / "stick")
    assert first != second
    assert verify(first).is_sound
    assert verify(second).is_sound


def test_daily_backups_are_made_once_a_day_and_the_oldest_go(path):
    fill(path, 2)
    folder = path.parent / backups.DAILY_FOLDER
    folder.mkdir()
    (folder / "readings-20200101-000000.sqlite").write_bytes(b"the reader's own")
    made = [backups.back_up_daily(path, 3, DAY + timedelta(days)) for days in range(5)]
    assert backups.back_up_daily(path, 3, DAY + timedelta(4)) is None
    assert sorted(folder.glob("*daily*.sqlite")) == made[2:]
    assert len(list(folder.glob("*.anchor"))) == 3
    assert (folder / "readings-20200101-000000.sqlite").exists()
    assert comments(made[-1]) == ["c0", "c1"]


def test_no_daily_backup_is_made_where_none_is_to_be_kept(path):
    fill(path, 1)
    assert backups.back_up_daily(path, 0, DAY) is None
    assert not (path.parent / backups.DAILY_FOLDER).exists()


def test_readings_move_to_another_pc_by_backup_and_restore(path, tmp_path, capsys):
    fill(path, 3)
    stick, there = tmp_path / "stick", tmp_path / "other pc" / "readings.sqlite"
    code, made, _ = command(capsys, "backup", stick, "--store", path)
    assert code == 0
    assert made["is_sound"]
    assert made["rows"] == 7
    code, restored, _ = command(capsys, "restore", stick, "--store", there)
    assert code == 0
    assert restored["kept"] is None
    assert restored["notice"]
    assert comments(there) == comments(path) == ["c0", "c1", "c2"]
    assert command(capsys, "verify", "--store", there)[1]["head"] == made["head"]


def test_what_a_backup_takes_the_place_of_is_kept(path, tmp_path, capsys):
    fill(path, 2)
    backup, _ = backups.back_up(path, tmp_path / "stick")
    with ReadingStore(path) as store:
        store.record(assessment(comment="since"))
    code, restored, _ = command(capsys, "restore", backup, "--store", path)
    assert code == 0
    assert comments(path) == ["c0", "c1"]
    assert verify(path).is_sound
    assert comments(Path(restored["kept"])) == ["c0", "c1", "since"]


def test_a_backup_is_restored_over_a_damaged_emptied_or_missing_file(path, tmp_path, caplog):
    fill(path, 2)
    backup, _ = backups.back_up(path, tmp_path / "stick")
    for spoil in (
        lambda: path.write_bytes(b"garbage" * 1000),
        lambda: path.write_bytes(b""),
        path.unlink,
    ):
        spoil()
        with pytest.raises(StorageFailed):
            ReadingStore(path)
        backups.restore(backup, path)
        assert comments(path) == ["c0", "c1"]
        assert verify(path).is_sound


def test_a_backup_that_was_tampered_with_is_refused_and_nothing_is_changed(path, tmp_path, capsys):
    fill(path, 3)
    backup, _ = backups.back_up(path, tmp_path / "stick")
    change(backup, "UPDATE readings SET category = '1' WHERE id = 2")
    before = path.read_bytes()
    code, _, said = command(capsys, "restore", backup, "--store", path)
    assert code == 2
    assert "Row 2 of table readings" in said
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["readings.anchor", "readings.sqlite"]


def test_a_backup_is_not_put_under_the_hands_of_an_open_program(path, tmp_path):
    fill(path, 1)
    backup, _ = backups.back_up(path, tmp_path / "stick")
    with ReadingStore(path) as store:
        with pytest.raises(StorageFailed, match="in use"):
            backups.restore(backup, path)
        store.record(assessment(comment="goes on"))
    assert comments(path) == ["c0", "goes on"]


def test_guards_that_were_dropped_come_back_when_the_file_is_restored_from_itself(path):
    fill(path, 3)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER readings_are_never_edited")
    connection.close()
    with pytest.raises(StorageFailed, match="readings_are_never_edited"):
        ReadingStore(path)
    backups.restore(path, path)
    assert comments(path) == ["c0", "c1", "c2"]
    assert verify(path).is_sound


def test_a_backup_of_an_older_version_is_restored_and_migrated(path, tmp_path):
    old = tmp_path / "old.sqlite"
    connection = sqlite3.connect(old)
    connection.executescript(FIRST_VERSION.read_text("utf-8"))
    connection.close()
    backups.restore(old, path)
    assert len(comments(path)) == 3
    assert verify(path).is_sound


def test_verify_names_the_first_row_that_does_not_fit(path, capsys):
    fill(path)
    assert command(capsys, "verify", "--store", path)[0] == 0
    change(path, "DELETE FROM readings WHERE id = 6")
    code, told, _ = command(capsys, "verify", "--store", path)
    assert code == 1
    assert told["first_misfit"] == {"table": "readings", "row": 6, "what": "deleted"}
    assert told["problem"] == "Row 6 of table readings was deleted."
    assert told["misfits"] == 1


@pytest.mark.parametrize("content", [b"", b"no database" * 500])
def test_verify_says_of_a_spoilt_file_what_it_is(path, capsys, caplog, content):
    fill(path, 1)
    path.write_bytes(content)
    code, told, _ = command(capsys, "verify", "--store", path)
    assert code == 1
    assert told["problem"] in ("The file is empty.", "The file is damaged.")
    path.unlink()
    assert command(capsys, "verify", "--store", path)[1]["problem"] == "The file is missing."


def test_verify_of_nothing_is_wrong_usage(path, capsys, caplog):
    code, told, said = command(capsys, "verify", "--store", path)
    assert (code, told) == (2, None)
    assert "no readings file" in said
    assert not path.parent.exists()


def test_verify_leaves_nothing_beside_the_file(path):
    fill(path, 2)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir()}
    assert verify(path).is_sound
    assert {p.name: p.read_bytes() for p in path.parent.iterdir()} == before


def test_the_command_finds_the_readings_where_the_window_keeps_them():
    from viewer.window.settings import data_folder

    assert backups.default_store() == data_folder() / "readings.sqlite"
