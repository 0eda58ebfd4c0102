"""No recorded reading is ever lost, changed, or shown as another breast's."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.domain import (
    NOTICE,
    Agreement,
    AnnotationKind,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    OutOfScope,
    Prediction,
    ReadingMode,
    RegionOutOfScope,
    is_downgrade,
)
from engine.errors import StorageFailed
from engine.records import schema
from engine.records.schema import MIGRATIONS, SCHEMA_VERSION
from engine.records.store import ReadingStore
from tests.engine.readings import (
    FIRST_VERSION,
    LIGHT,
    NOON,
    PREDICTION,
    SECOND_VERSION,
    assessment,
    read_csv,
    region_record,
    ruler,
    unseen,
)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "birads-viewer" / "readings.sqlite"


@pytest.fixture
def store(path):
    with ReadingStore(path) as store:
        yield store


# ------------------------------------------------------------------------- what goes in comes out


@pytest.mark.parametrize(
    "prediction",
    [
        PREDICTION,
        None,
        OutOfScope(LIGHT, "A magnification view."),
        Prediction(LIGHT, {1: 0.1, 3: 0.2, 4: 0.30000000000000004, 5: 0.4}),
    ],
    ids=["in scope", "not predicted", "out of scope", "no malignancy head"],
)
def test_a_reading_comes_back_whole_after_a_restart(path, prediction):
    given = assessment(prediction=prediction)
    with ReadingStore(path) as store:
        recorded = store.record(given)
    assert recorded.record_id is not None
    with ReadingStore(path) as store:
        assert store.all() == (recorded,)
        assert replace(store.all()[0], record_id=None) == given


def test_each_breast_has_its_own_current_reading(store):
    right = store.record(assessment())
    left = store.record(assessment(laterality=Laterality.LEFT, category=BiradsCategory.NEGATIVE))
    store.record(assessment(study_uid="9.9.9", category=BiradsCategory.KNOWN_MALIGNANCY))
    assert store.current("1.2.3") == {Laterality.RIGHT: right, Laterality.LEFT: left}
    assert store.history("1.2.3") == (right, left)
    assert store.current("no such study") == {}


def test_a_correction_supersedes_and_keeps_what_it_corrects(store):
    first = store.record(assessment())
    second = store.record(
        assessment(category=BiradsCategory.MODERATE_SUSPICION, supersedes=first.record_id)
    )
    third = store.record(
        assessment(category=BiradsCategory.HIGH_SUSPICION, supersedes=second.record_id)
    )
    assert store.current("1.2.3")[Laterality.RIGHT] == third
    assert store.history("1.2.3") == (first, second, third)
    assert [r.supersedes for r in store.all()] == [None, first.record_id, second.record_id]


def test_nothing_in_the_file_can_be_edited_or_deleted(store, path):
    recorded = store.record(assessment())
    other_program = sqlite3.connect(path)
    for statement in ("UPDATE readings SET category = '1'", "DELETE FROM readings"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other_program.execute(statement)
    other_program.close()
    assert store.all() == (recorded,)


@pytest.mark.parametrize(
    "other",
    [
        {"laterality": Laterality.LEFT},
        {"study_uid": "9.9.9"},
        {"patient_id": "A-18"},
        {"reader": "Dr. Other"},
    ],
)
def test_a_correction_of_another_breast_patient_or_reader_is_refused(store, other):
    first = store.record(assessment())
    with pytest.raises(ValueError, match="same breast"):
        store.record(assessment(supersedes=first.record_id, **other))
    with pytest.raises(ValueError, match="same breast"):
        store.record(assessment(supersedes=first.record_id + 1))
    assert store.all() == (first,)


def test_two_windows_cannot_both_correct_the_same_reading(store, path):
    first = store.record(assessment())
    with ReadingStore(path) as other_window:
        second = other_window.record(assessment(supersedes=first.record_id))
    with pytest.raises(StorageFailed, match="corrected meanwhile"):
        store.record(assessment(supersedes=first.record_id))
    assert store.all() == (first, second)


def test_a_time_without_zone_and_a_second_recording_are_bugs(store):
    with pytest.raises(ValueError, match="time zone"):
        store.record(assessment(recorded_at=NOON.replace(tzinfo=None)))
    with pytest.raises(ValueError, match="already"):
        store.record(store.record(assessment()))


# --------------------------------------------------------------------------------- nothing is lost


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_loses_no_recorded_reading(path):
    """The child records until it is killed in the middle of its work; what it told is all there."""
    code = f"""
import itertools
from pathlib import Path
from engine.records.store import ReadingStore
from tests.engine.readings import assessment
store = ReadingStore(Path({str(path)!r}))
for number in itertools.count():
    recorded = store.record(assessment(comment=str(number)))
    print(recorded.record_id, number, flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    told = [child.stdout.readline().split() for _ in range(25)]
    child.send_signal(signal.SIGKILL)
    told += [line.split() for line in child.stdout if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    with ReadingStore(path) as store:
        kept = {str(reading.record_id): reading.comment for reading in store.all()}
        assert len(told) >= 25
        assert all(kept[record_id] == number for record_id, number in told)
        assert len(kept) - len(told) in (0, 1)  # one may have been stored and not told
        assert store.record(assessment()).record_id not in kept


def test_a_full_disk_is_told_and_saving_again_works(store, caplog):
    earlier = store.record(assessment())
    pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count={pages}")
    long = assessment(comment="x" * 100_000)
    with pytest.raises(StorageFailed, match="disk is full"):
        store.record(long)
    assert store.all() == (earlier,)
    store.connection.execute("PRAGMA max_page_count=1000000")
    again = store.record(long)
    assert store.all() == (earlier, again)
    assert "A-17" not in caplog.text


def test_a_file_held_by_another_program_is_told_and_saving_again_works(path, caplog):
    with ReadingStore(path, lock_timeout_s=0.05) as store:
        other_program = sqlite3.connect(path, isolation_level=None)
        other_program.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="Another program"):
            store.record(assessment())
        other_program.execute("ROLLBACK")
        other_program.close()
        recorded = store.record(assessment())
        assert store.all() == (recorded,)


def test_a_file_that_may_not_be_written_is_told(store, caplog):
    store.connection.execute("PRAGMA query_only=ON")  # as SQLite finds it on a read-only disk
    with pytest.raises(StorageFailed, match="may be written"):
        store.record(assessment())
    store.connection.execute("PRAGMA query_only=OFF")
    assert store.all() == ()


def test_a_folder_that_cannot_be_made_is_told(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageFailed, match="folder"):
        ReadingStore(tmp_path / "file" / "readings.sqlite")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_a_read_only_folder_is_told(tmp_path, caplog):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageFailed, match="folder"):
        ReadingStore(tmp_path / "readings.sqlite")
    tmp_path.chmod(0o700)


# -------------------------------------------------------------------- what is not ours stays as is


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.commit()
    connection.close()


def newer_database(path: Path) -> None:
    ReadingStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()


def torn_database(path: Path) -> None:
    with ReadingStore(path) as store:
        for number in range(60):
            store.record(assessment(comment="long " * 100 + str(number)))
    content = bytearray(path.read_bytes())
    content[8192:16384] = os.urandom(8192)
    path.write_bytes(content)


def cut_database(path: Path) -> None:
    torn_database(path)
    path.write_bytes(path.read_bytes()[:9000])


@pytest.mark.parametrize(
    ("spoil", "title"),
    [
        (lambda path: path.write_bytes(b"not a database at all " * 100), "damaged"),
        (torn_database, "damaged"),
        (cut_database, "damaged"),
        (foreign_database, "another program"),
        (newer_database, "newer version"),
    ],
    ids=["no database", "torn", "cut", "foreign", "newer"],
)
def test_a_file_that_cannot_be_used_is_refused_and_left_unchanged(tmp_path, caplog, spoil, title):
    path = tmp_path / "readings.sqlite"
    spoil(path)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StorageFailed, match=title):
            ReadingStore(path)
    assert path.read_bytes() == before


def test_a_log_whose_database_is_gone_is_not_thrown_away(path):
    store = ReadingStore(path)
    store.record(assessment())
    log = path.with_name("readings.sqlite-wal")
    newest = log.read_bytes()
    store.close()
    path.unlink()
    log.write_bytes(newest)
    with pytest.raises(StorageFailed, match="missing"):
        ReadingStore(path)
    assert log.read_bytes() == newest


# ---------------------------------------------------------------------------- an older file


@pytest.fixture
def old_path(tmp_path) -> Path:
    path = tmp_path / "readings.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST_VERSION.read_text("utf-8"))
    connection.close()
    return path


def test_readings_of_the_first_version_are_all_there_and_unchanged(old_path):
    with ReadingStore(old_path) as store:
        first, left, corrected = store.all()
    assert first == replace(assessment(), record_id=1)
    assert (left.laterality, left.prediction, left.category.value) == (Laterality.LEFT, None, "1")
    assert (corrected.supersedes, corrected.category.value) == (1, "4A")
    assert all(r.is_revealed for r in (first, left, corrected))  # all were concurrent
    assert first.category_before is first.revealed_at is first.time_spent_s is None


def test_a_migrated_file_takes_new_readings_and_still_refuses_edits(old_path):
    with ReadingStore(old_path) as store:
        new = store.record(assessment(supersedes=3, reading_mode=ReadingMode.SECOND_READ))
        assert new.record_id == 4  # ids go on
    with ReadingStore(old_path) as store:
        assert len(store.all()) == 4
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            store.connection.execute("UPDATE readings SET time_spent_s = 1")


def test_a_migration_that_fails_halfway_leaves_the_file_as_it_was(old_path, monkeypatch, caplog):
    *done, last = MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*done, last + "CREATE TABLE readings (id);\n"))
    with pytest.raises(StorageFailed):
        ReadingStore(old_path)
    connection = sqlite3.connect(old_path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert ("answers",) not in tables
    connection.close()
    monkeypatch.undo()
    with ReadingStore(old_path) as store:
        assert len(store.all()) == 3


def test_readings_of_the_second_form_are_all_there_and_drawings_find_room_beside_them(tmp_path):
    connection = sqlite3.connect(tmp_path / "readings.sqlite")
    connection.executescript(SECOND_VERSION.read_text("utf-8"))
    connection.close()
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        concurrent, second = store.all()
        assert concurrent == replace(assessment(), record_id=1)
        assert (second.prediction, second.revealed_at) == (PREDICTION, NOON)
        assert store.annotations("1.2.3") == ()
        store.annotate([ruler()])
    with ReadingStore(tmp_path / "readings.sqlite") as store:
        assert store.annotations("1.2.3") == (ruler(),)
        assert store.all() == (concurrent, second)


# ------------------------------------------------------------------------ what the reader drew


def test_drawings_are_there_after_the_next_start_in_the_order_of_drawing(path):
    text = ruler(
        annotation_id="b2", kind=AnnotationKind.TEXT, points=((1.0, 2.0),), text="“cyst” — ; DROP"
    )
    with ReadingStore(path) as store:
        store.annotate([ruler(), text, ruler(annotation_id="c3", study_uid="9.9")])
    with ReadingStore(path) as store:
        assert store.annotations("1.2.3") == (ruler(), text)


def test_the_newest_record_of_a_drawing_counts_and_the_older_ones_stay(store):
    moved = ruler(points=((0.0, 0.0), (5.0, 5.0)), measured="0.7 mm, at detector")
    store.annotate([ruler(), moved])
    assert store.annotations("1.2.3") == (moved,)
    store.annotate([replace(moved, is_removed=True)])
    assert store.annotations("1.2.3") == ()
    store.annotate([moved])  # undone
    assert store.annotations("1.2.3") == (moved,)
    assert store.connection.execute("SELECT count(*) FROM annotations").fetchone() == (4,)


def test_what_was_said_of_a_rectangle_is_there_after_the_next_start(path):
    outside = "The rectangle lies outside the breast."
    model = region_record().prediction.model
    refused = replace(
        region_record(), prediction=RegionOutOfScope("1.2.3.1", (0, 0, 5, 5), model, outside)
    )
    elsewhere = region_record(study_uid="9.9")
    with ReadingStore(path) as store:
        store.record_regions([region_record(), elsewhere])
        store.record_regions([refused])
    with ReadingStore(path) as store:
        assert store.regions("1.2.3") == (region_record(), refused)
        assert store.regions() == (region_record(), elsewhere, refused)
        assert store.regions("1.2.3")[0].prediction.category == 4


def test_what_was_said_of_a_rectangle_cannot_be_edited_or_deleted(store):
    store.record_regions([region_record()])
    for statement in ("UPDATE regions SET malignancy = 0", "DELETE FROM regions"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            store.connection.execute(statement)


def test_an_answer_about_a_rectangle_needs_a_time_zone(store):
    with pytest.raises(ValueError, match="time zone"):
        store.record_regions([replace(region_record(), asked_at=datetime(2026, 11, 28))])
    assert store.regions() == ()


@pytest.mark.parametrize(
    ("column", "value"), [("box", "[1, 2, 3]"), ("probabilities", "[1]"), ("asked_at", "noon")]
)
def test_an_answer_that_other_hands_have_changed_is_refused_as_damage(store, column, value):
    store.record_regions([region_record()])
    store.connection.execute("DROP TRIGGER regions_are_never_edited")
    store.connection.execute(f"UPDATE regions SET {column} = ?", (value,))
    with pytest.raises(StorageFailed, match="damaged"):
        store.regions()


def test_the_export_tells_a_rectangle_with_its_own_readers_reading_of_that_breast_alone(
    store, tmp_path
):
    uids = ("1.2.3.1", "1.2.3.2")
    reader = {"study_uid": "1.2.3", "patient_id": "A-17", "reader": "Dr. Ñandú"}
    store.record(assessment(**reader, image_uids=uids))
    store.record(assessment(**reader, image_uids=("1.2.3.9",), laterality=Laterality.LEFT))
    store.record(assessment(**(reader | {"reader": "Dr. Y"}), image_uids=uids))
    store.record(unseen(**reader, image_uids=uids))  # read blind, what was seen of it stays hidden
    store.record_regions([region_record()])
    store.export_csv(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        cells = [row["regions"] for row in csv.DictReader(file)]
    assert cells[1:] == ["", "", ""]
    (said,) = json.loads(cells[0])
    assert said["box"] == [10, 20, 110, 220]
    assert (said["category"], said["confidence"], said["p_malignant"]) == (4, 0.6, 0.75)
    assert said["asked_at"] == "2026-11-28T09:30:00+00:00"


def test_drawings_cannot_be_edited_or_deleted(store):
    store.annotate([ruler()])
    for statement in ("UPDATE annotations SET text = 'x'", "DELETE FROM annotations"):
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            store.connection.execute(statement)


def test_several_drawings_are_stored_all_or_none(store, caplog):
    size = store.connection.execute("PRAGMA page_count").fetchone()[0]
    store.connection.execute(f"PRAGMA max_page_count={size + 2}")  # a disk nearly full
    many = [ruler(annotation_id=str(n), text="x" * 2000) for n in range(20)]
    with pytest.raises(StorageFailed, match="disk is full"):
        store.annotate(many)
    assert store.annotations("1.2.3") == ()
    store.connection.execute("PRAGMA max_page_count=1000000")
    store.annotate(many)
    assert len(store.annotations("1.2.3")) == 20


@pytest.mark.parametrize(
    ("kind", "points"),
    [("spiral", "[[1, 2]]"), ("ruler", "[[1, NaN]]"), ("ruler", "[1]"), ("ruler", "x")],
)
def test_a_drawing_changed_by_other_hands_is_refused_as_damage(store, kind, points):
    store.connection.execute(
        "INSERT INTO annotations (mark, study_uid, image_uid, patient_id, reader, kind, points, "
        "text, measured, is_removed, stored_at) "
        "VALUES ('m', '1.2.3', 'i', 'p', 'r', ?, ?, '', '', 0, '')",
        (kind, points),
    )
    with pytest.raises(StorageFailed, match="damaged"):
        store.annotations("1.2.3")


# --------------------------------------------------------------- what the reader was not shown


def test_what_the_model_says_of_a_hidden_reading_is_kept_once_and_not_revealed(store):
    recorded = store.record(unseen())
    assert recorded.prediction is None
    store.attach_predictions({recorded.record_id: PREDICTION})
    store.attach_predictions({recorded.record_id: replace(PREDICTION, malignancy=0.9)})
    (known,) = store.all()
    assert known.prediction == PREDICTION  # the first stays
    assert known.proposed_agreement is known.agreement is Agreement.DISAGREE  # 2 against 4
    assert known.revealed_at is None
    assert not known.is_revealed
    hidden = known.without_model()
    assert hidden == recorded


def test_a_reveal_is_kept_with_its_first_time(store):
    recorded = store.record(unseen(ReadingMode.SECOND_READ))
    store.reveal([recorded.record_id], NOON)
    store.reveal([recorded.record_id], NOON + timedelta(hours=1))
    assert store.all()[0].revealed_at == NOON


def test_answers_and_reveals_cannot_be_edited_or_deleted(store):
    recorded = store.record(unseen())
    store.attach_predictions({recorded.record_id: PREDICTION})
    store.reveal([recorded.record_id], NOON)
    for table in ("answers", "reveals"):
        for statement in (f"UPDATE {table} SET reading = 9", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="never"):
                store.connection.execute(statement)


def test_a_second_read_holds_before_and_after_reason_and_times(store):
    before = store.record(unseen(ReadingMode.SECOND_READ))
    after = assessment(
        reading_mode=ReadingMode.SECOND_READ,
        category=BiradsCategory.LOW_SUSPICION,
        category_before=before.category,
        reason="overlooked before",
        revealed_at=NOON,
        time_spent_s=61.5,
        supersedes=before.record_id,
    )
    recorded = store.record(after)
    assert store.all() == (before, recorded)
    assert replace(recorded, record_id=None) == after


def test_a_change_after_the_answer_without_a_reason_is_refused(store):
    with pytest.raises(ValueError, match="reason"):
        store.record(
            assessment(category_before=BiradsCategory.SUSPICIOUS, reason="", revealed_at=NOON)
        )
    assert store.all() == ()


@pytest.mark.parametrize(
    ("before", "after", "is_lower"),
    [
        ("4", "2", True),
        ("3", "2", True),
        ("0", "1", True),  # a recall that is taken back
        ("4", "0", True),
        ("4C", "4A", True),
        ("4", "4A", False),  # subdivided
        ("3", "0", False),
        ("2", "2", False),
        ("2", "5", False),
    ],
)
def test_a_downgrade_is_a_lower_suspicion(before, after, is_lower):
    assert is_downgrade(BiradsCategory(before), BiradsCategory(after)) is is_lower


MODEL_COLUMNS = (
    *("model", "model_sha256", "model_categories", "model_category", "model_confidence"),
    *("p1", "p2", "p3", "p4", "p5", "p_malignant", "scope_reason", "reason"),
)


def test_the_export_tells_nothing_of_the_model_that_was_not_revealed(store, tmp_path):
    blind = store.record(unseen())
    second = store.record(unseen(ReadingMode.SECOND_READ, study_uid="9.9.9"))
    store.record(assessment(study_uid="8.8.8"))
    target = tmp_path / "readings.csv"
    store.export_csv(target)
    without_answers = target.read_bytes()
    store.attach_predictions({blind.record_id: PREDICTION, second.record_id: PREDICTION})
    store.export_csv(target)
    assert target.read_bytes() == without_answers
    for row in read_csv(target)[:2]:
        assert {row[name] for name in MODEL_COLUMNS} == {""}
        assert row["agreement"] == row["proposed_agreement"] == "not comparable"
        assert row["comment"] == "skin fold — not a mass"
    assert read_csv(target)[2]["model_category"] == "4"


def test_the_export_leaves_out_what_may_not_be_shown_now(store, tmp_path):
    store.record(assessment())
    store.record(assessment(study_uid="8.8.8"))
    target = tmp_path / "readings.csv"
    store.export_csv(target, may_show=lambda reading: reading.study_uid == "8.8.8")
    hidden, shown = read_csv(target)
    assert {hidden[name] for name in (*MODEL_COLUMNS, "comment")} == {""}
    assert hidden["category"] == "2"
    assert shown["model_category"] == "4"


def test_unblinding_exports_everything_and_is_on_record(store, tmp_path):
    recorded = store.record(unseen())
    unanswered = store.record(unseen(study_uid="9.9.9"))
    store.attach_predictions({recorded.record_id: PREDICTION})
    target = tmp_path / "readings.csv"
    store.export_csv(target, may_show=lambda _reading: False, unblind=True)
    assert read_csv(target)[0]["model_category"] == "4"
    revealed = store.all()[0].revealed_at
    assert read_csv(target)[0]["revealed_at"] == revealed.isoformat()
    store.attach_predictions({unanswered.record_id: PREDICTION})
    store.export_csv(target)
    assert [row["model_category"] for row in read_csv(target)] == ["4", ""]


# ------------------------------------------------------------------------------------------ export


def test_the_export_tells_all_that_was_recorded(store, tmp_path):
    first = store.record(assessment())
    store.record(assessment(supersedes=first.record_id, comment='said "no",\nthen yes'))
    target = tmp_path / "readings – copy.csv"
    assert store.export_csv(target) == 2
    rows = read_csv(target)
    assert [row["is_current"] for row in rows] == ["0", "1"]
    assert rows[1]["supersedes"] == str(first.record_id)
    assert rows[1]["comment"] == 'said "no", then yes'
    assert (
        rows[0]
        | {
            "reader": "Dr. Ñandú",
            "laterality": "R",
            "category": "2",
            "agreement": "disagree",
            "proposed_agreement": "disagree",
            "reason": "false mark",
            "model": "light",
            "model_sha256": "ab" * 32,
            "model_category": "4",
            "model_confidence": "0.5",
            "p1": "0.125",
            "p2": "",  # not offered by this model, which is not 0
            "p4": "0.5",
            "p_malignant": "0.375",
            "reading_mode": "concurrent",
            "recorded_at": "2026-11-21T12:00:03.250000+00:00",
            "notice": NOTICE,
        }
        == rows[0]
    )
    assert all(row["notice"] == NOTICE for row in rows)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝"])
@pytest.mark.parametrize("column", ["comment", "reader", "reason", "patient_id", "study_uid"])
def test_no_cell_of_the_export_runs_as_a_formula(store, tmp_path, start, column):
    text = f"{start}HYPERLINK(0)"
    store.record(assessment(**{column: text}))
    store.export_csv(tmp_path / "readings.csv")
    told = text.replace("\t", " ").replace("\r", " ")  # on one line
    assert read_csv(tmp_path / "readings.csv")[0][column] == f"'{told}"


def test_an_export_that_fails_leaves_the_earlier_one_whole(store, tmp_path, monkeypatch, caplog):
    target = tmp_path / "readings.csv"
    store.record(assessment())
    store.export_csv(target)
    before = target.read_bytes()

    def refuse(*_paths):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageFailed, match="exported"):
        store.export_csv(target)
    assert target.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == [tmp_path / "birads-viewer", target]
    with pytest.raises(StorageFailed, match="exported"):
        store.export_csv(tmp_path / "no such folder" / "readings.csv")


def test_what_several_networks_said_is_stored_and_exported_side_by_side(store, tmp_path):
    hybrid = Prediction(ModelIdentity("hybrid", "a" * 64, (1, 2, 3, 4, 5)), {2: 0.75, 4: 0.25})
    both = ModelIdentity("both", "b" * 64, (1, 2, 3, 4, 5))
    said = Prediction(both, {2: 0.375, 4: 0.625}, 0.25, (hybrid, PREDICTION), 6.0)
    recorded = store.record(assessment(prediction=said))
    assert recorded.prediction == said
    silent = OutOfScope(both, "A magnification view.", shown_per_1000=6.0)
    store.record(assessment(prediction=silent))
    target = tmp_path / "readings.csv"
    store.export_csv(target)
    with target.open(encoding="utf-8", newline="") as file:
        row, other = csv.DictReader(file)
    assert (row["model"], row["model_category"], row["shown_cancers_per_1000"]) == (
        *("both", "4", "6.0"),
    )
    assert (row["hybrid_category"], row["hybrid_p4plus"]) == ("2", "0.25")
    assert row["hybrid_sha256"] == "a" * 64
    assert (row["light_category"], row["light_p4plus"]) == ("4", "0.625")
    assert row["light_p_malignant"] == "0.375"
    assert row["networks_differ"] == "1"
    assert other["light_category"] == other["networks_differ"] == ""


def test_a_second_opinion_stands_in_the_export_beside_the_network_that_was_chosen(store, tmp_path):
    hybrid = Prediction(ModelIdentity("hybrid", "a" * 64, (1, 2, 3, 4, 5)), {2: 0.25, 4: 0.75})
    store.record(assessment(prediction=replace(hybrid, others=(PREDICTION,))))
    target = tmp_path / "readings.csv"
    store.export_csv(target)
    with target.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["hybrid_category"], row["light_category"]) == ("4", "4")
    assert row["networks_differ"] == "0"
