"""Whatever the umask: what the program writes is for its owner's eyes alone."""

import logging
import os
from pathlib import Path

import pytest

from engine.anonymisation.anonymising import Anonymiser
from engine.dicom.loading import load
from engine.private_files import keep_private, make_folder, make_private_folder, write_private
from engine.records import backups
from engine.records.pseudonyms import SECRET_BYTES, Pseudonyms
from engine.records.store import ReadingStore
from engine.records.training_manifest import ReadStudy, write
from tests.engine.readings import assessment, places_of, readings_of
from tests.phantom import write_study

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes mean nothing there")


@pytest.fixture(autouse=True)
def _open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """What others than the owner may touch, the folder itself included."""
    return [
        f"{path.relative_to(folder.parent)} {path.stat().st_mode & 0o777:o}"
        for path in (folder, *folder.rglob("*"))
        if path.stat().st_mode & 0o077
    ]


def test_readings_with_their_log_anchor_backups_and_exports_are_the_owners_alone(tmp_path):
    data = tmp_path / "birads-viewer"
    with ReadingStore(data / "readings.sqlite") as store:
        store.record(assessment())
        assert (data / "readings.sqlite-wal").exists()
        backups.back_up_daily(data / "readings.sqlite")
        backups.back_up(data / "readings.sqlite", data / "stick")
        store.export_csv(data / "readings.csv")
        Pseudonyms.of_installation(data / "pseudonyms.key")
        assert len(list(data.rglob("*"))) == 12
        assert not open_to_others(data)


def test_what_an_earlier_version_left_open_is_closed_at_the_next_start(tmp_path):
    data = tmp_path / "birads-viewer"
    with ReadingStore(data / "readings.sqlite") as store:
        store.record(assessment())
        for path in (data, *data.iterdir()):
            path.chmod(0o777)
        ReadingStore(data / "readings.sqlite").close()
        assert not open_to_others(data)


def test_a_folder_that_is_not_the_programs_own_keeps_its_mode(tmp_path):
    shared = tmp_path / "audit"
    shared.mkdir(0o775)
    ReadingStore(shared / "readings.sqlite").close()
    make_folder(shared)
    assert shared.stat().st_mode & 0o777 == 0o775
    make_private_folder(shared)
    assert shared.stat().st_mode & 0o777 == 0o700


def test_the_folders_made_on_the_way_to_the_programs_own_are_the_owners_alone_too(tmp_path):
    share = tmp_path / ".local" / "share"
    ReadingStore(share / "birads-viewer" / "readings.sqlite").close()
    Pseudonyms.of_installation(share / "another" / "pseudonyms.key")
    assert not open_to_others(tmp_path / ".local")


def test_copies_and_training_data_are_the_owners_alone(tmp_path):
    folder = write_study(tmp_path / "study", rows=96, columns=72)
    (study,) = load([folder]).studies
    out = tmp_path / "copies"
    assert Anonymiser(out).copy(study, lambda: False)
    assert not open_to_others(out)
    training = tmp_path / "training"
    readings = ReadStudy(tuple(readings_of(study, R="2", L="1")), places_of(study))
    write([readings], training, Pseudonyms(b"s" * SECRET_BYTES))
    assert len(list(training.rglob("*"))) > 2
    assert not open_to_others(training)


def test_pictures_pages_and_heat_maps_are_the_owners_alone_also_over_an_older_file(tmp_path):
    from viewer.output import pictures

    folder = tmp_path / "out"
    folder.mkdir(0o700)
    for save in (pictures.save, write_private):
        (folder / "old").write_bytes(b"for all")
        save(folder / "old", b"picture")
        save(folder / "new", b"picture")
        assert (folder / "old").read_bytes() == b"picture"
        assert not open_to_others(folder)
        (folder / "new").unlink()


def test_settings_are_the_owners_alone_from_the_first_start_on(tmp_path):
    from viewer.window.settings import Settings

    folder = tmp_path / "birads-viewer"
    for _ in range(2):
        settings = Settings(folder / "settings.ini")
        settings.reader = "Dr. X"
        settings.save()
        assert Settings(folder / "settings.ini").reader == "Dr. X"
        assert not open_to_others(folder)
        (folder / "settings.ini").chmod(0o666)
        folder.chmod(0o777)


def test_logs_are_the_owners_alone_rotated_ones_too(tmp_path):
    from viewer.__main__ import PrivateLog

    (tmp_path / "viewer.log").write_text("of an earlier version")
    handler = PrivateLog(tmp_path / "viewer.log", maxBytes=60, backupCount=2, encoding="utf-8")
    for number in range(20):
        handler.handle(logging.LogRecord("x", logging.INFO, "", 0, f"line {number}", None, None))
    handler.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "viewer.log",
        "viewer.log.1",
        "viewer.log.2",
    ]
    tmp_path.chmod(0o700)
    assert not open_to_others(tmp_path)


def test_a_file_that_is_gone_is_left_alone(tmp_path):
    keep_private(tmp_path / "nothing")
    assert not list(tmp_path.iterdir())
