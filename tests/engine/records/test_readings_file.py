"""What happens to the readings file behind the program's back is noticed, and loses nothing."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import StorageFailed
from engine.records import chain, schema
from engine.records.chain import Head
from engine.records.rows import REGION_COLUMNS, region_row
from engine.records.store import ReadingStore
from engine.records.verification import verify
from tests.engine.readings import (
    FIRST_VERSION,
    assessment,
    change,
    comments,
    fill,
    region_record,
    ruler,
    unseen,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "birads-viewer" / "readings.sqlite"


@pytest.fixture
def told(caplog) -> list[StorageFailed]:
    """What the reader heard of the file; the log has it, too."""
    return []


@pytest.fixture
def store(path, told):
    with ReadingStore(path, on_problem=told.append) as store:
        yield store


# ------------------------------------------------------------------ deleted or replaced while open


def test_a_file_deleted_while_open_is_written_anew_with_the_reading_and_that_is_said(
    path, store, told
):
    earlier = [store.record(assessment(comment=str(number))) for number in range(3)]
    for part in path.parent.iterdir():
        part.unlink()
    recorded = store.record(assessment(comment="after"))
    assert [news.title for news in told] == ["Readings file was missing"]
    with ReadingStore(path) as other_window:
        assert other_window.all() == (*earlier, recorded)
    assert verify(path).is_sound
    assert len(list(path.parent.glob("*.sqlite"))) == 1


def test_a_drawing_and_an_answer_survive_a_deleted_file_as_readings_do(path, store):
    recorded = store.record(unseen())
    path.unlink()
    store.annotate([ruler()])
    path.unlink()
    store.attach_predictions({recorded.record_id: assessment().prediction})
    with ReadingStore(path) as other_window:
        assert other_window.annotations("1.2.3") == (ruler(),)
        assert other_window.all()[0].prediction == assessment().prediction


def test_a_folder_that_is_gone_is_told_and_saving_again_works_when_it_is_back(path, store, caplog):
    store.record(assessment(comment="before"))
    path.parent.rename(path.parent.with_name("away"))
    with pytest.raises(StorageFailed, match="cannot be saved"):
        store.record(assessment(comment="lost?"))
    path.parent.with_name("away").rename(path.parent)
    store.record(assessment(comment="after"))
    assert comments(path) == ["before", "after"]


def test_an_older_backup_put_over_the_open_file_takes_no_reading_away(path, store, told):
    store.record(assessment(comment="old"))
    store.settle()
    shutil.copy(path, path.with_name("copy"))
    store.record(assessment(comment="since"))
    os.replace(path.with_name("copy"), path)
    store.record(assessment(comment="after"))
    assert [news.title for news in told] == ["Readings file was replaced"]
    assert comments(path) == ["old", "since", "after"]
    (kept,) = path.parent.glob("readings-replaced-*.sqlite")
    assert kept.name in told[0].advice
    assert verify(path).is_sound


def test_other_readings_put_over_the_open_file_are_gone_on_with_and_the_old_ones_kept(
    path, store, told, tmp_path
):
    store.record(assessment(comment="here"))
    other = tmp_path / "other" / "readings.sqlite"
    fill(other, 2)
    os.replace(other, path)
    os.replace(chain.anchor_path(other), chain.anchor_path(path))
    store.record(assessment(comment="after"))
    assert [news.title for news in told] == ["Readings file was replaced"]
    assert [reading.comment for reading in store.all()] == ["c0", "c1", "after"]
    (kept,) = path.parent.glob("readings-kept-*.sqlite")
    assert kept.name in told[0].advice
    os.replace(kept, tmp_path / "kept.sqlite")
    assert comments(tmp_path / "kept.sqlite") == ["here"]


def test_garbage_put_over_the_open_file_is_told_at_each_save_and_what_was_saved_is_kept(
    path, store, caplog
):
    store.record(assessment(comment="here"))
    (path.parent / "garbage").write_bytes(b"no database" * 1000)
    os.replace(path.parent / "garbage", path)
    with pytest.raises(StorageFailed, match="kept beside it as readings-kept-"):
        store.record(assessment())
    with pytest.raises(StorageFailed, match="damaged"):
        store.record(assessment())
    (kept,) = path.parent.glob("readings-kept-*.sqlite")
    os.replace(kept, path)
    assert store.record(assessment(comment="after")).comment == "after"
    assert [reading.comment for reading in store.all()] == ["here", "after"]


def test_a_backup_copied_into_the_open_file_is_noticed_by_the_rows_that_are_lacking(
    path, store, told
):
    store.record(assessment(comment="old"))
    store.settle()
    old = path.read_bytes()
    for number in range(30):
        store.record(assessment(comment=f"since {number}" + "x" * 3000))
    store.settle()
    path.write_bytes(old)  # the same file, of another content
    assert [reading.comment for reading in store.all()] == ["old"]
    assert [news.title for news in told] == ["Readings are missing"]
    store.record(assessment(comment="after"))
    assert [reading.comment for reading in store.all()] == ["old", "after"]
    assert not verify(path).is_sound


def test_two_windows_see_each_others_readings_and_take_them_for_no_fault(path, store, told):
    with ReadingStore(path, on_problem=told.append) as other_window:
        for number in range(3):
            store.record(assessment(comment=f"a{number}"))
            store.settle()
            other_window.record(assessment(comment=f"b{number}"))
            other_window.settle()
        assert store.all() == other_window.all()
        assert len(store.all()) == 6
    assert not told
    assert verify(path).is_sound


def test_a_program_that_starts_while_another_prepares_the_file_waits_for_it(path):
    ReadingStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.3, other.execute, ["COMMIT"])
        done.start()
        with ReadingStore(path) as store:
            assert store.all() == ()
        done.join()


def test_a_reading_that_cannot_be_read_back_is_not_acknowledged_and_not_stored(path, store, caplog):
    store.connection.execute("DROP TABLE reveals")
    with pytest.raises(StorageFailed, match="damaged"):
        store.record(assessment())
    assert store.connection.execute("SELECT count(*) FROM readings").fetchone() == (0,)


def test_text_in_no_encoding_is_a_damaged_file_and_no_bug(path, caplog):
    with ReadingStore(path) as store:
        store.record(assessment(comment="a cyst"))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"a cyst", b"\xff\xfecyst"))
    with ReadingStore(path) as store, pytest.raises(StorageFailed, match="damaged"):
        store.all()
    assert verify(path).first.table == "readings"


# ----------------------------------------------------------------- never taken for a first start


def test_an_emptied_file_is_not_taken_for_a_first_start(path):
    fill(path)
    path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StorageFailed, match="empty"):
            ReadingStore(path)
    assert path.read_bytes() == b""


def test_an_emptied_file_is_refused_even_where_nothing_else_tells_of_readings(path):
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StorageFailed, match="empty"):
        ReadingStore(path)


def test_a_missing_file_is_not_taken_for_a_first_start_and_the_way_out_is_told(path):
    fill(path)
    path.unlink()
    with pytest.raises(StorageFailed, match="missing") as error:
        ReadingStore(path)
    assert "move readings.anchor away" in error.value.advice
    assert not path.exists()
    chain.anchor_path(path).unlink()
    assert comments(path) == []


@pytest.mark.parametrize(
    ("table", "says"), [("reveals", "table reveals"), ("chain", "table chain")]
)
def test_a_file_whose_table_is_gone_is_refused(path, table, says):
    fill(path)
    connection = sqlite3.connect(path)
    connection.execute(f"DROP TABLE {table}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageFailed, match=says):
        ReadingStore(path)
    assert path.read_bytes() == before
    assert f"Table {table} is missing" in verify(path).problem


def test_a_column_that_is_gone_and_a_guard_that_does_nothing_are_noticed(path):
    fill(path)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER answers_are_never_edited")
    connection.execute(
        "CREATE TRIGGER answers_are_never_edited BEFORE UPDATE ON answers BEGIN SELECT 1; END"
    )
    connection.commit()
    connection.close()
    with pytest.raises(StorageFailed, match="answers_are_never_edited"):
        ReadingStore(path)
    assert "answers_are_never_edited" in verify(path).problem


def test_a_copy_made_while_the_program_runs_without_its_log_is_refused(path, store, tmp_path):
    store.record(assessment())
    copy = tmp_path / "copy" / path.name
    copy.parent.mkdir()
    shutil.copy(path, copy)
    with pytest.raises(StorageFailed, match="-wal"):
        ReadingStore(copy)


def test_a_copy_of_a_closed_file_opens_and_says_that_its_anchor_is_lacking(path, tmp_path, told):
    fill(path, 3)
    copy = tmp_path / "copy" / path.name
    copy.parent.mkdir()
    shutil.copy(path, copy)
    with ReadingStore(copy, on_problem=told.append) as store:
        assert len(store.all()) == 3
        store.record(assessment())
    assert [news.title for news in told] == ["Readings may be missing"]
    assert verify(copy).is_sound  # from the next save on


def test_a_moment_after_a_save_the_file_alone_is_whole(path, store, tmp_path):
    store.record(assessment(comment="whole"))
    store.settle()
    shutil.copy(path, tmp_path / path.name)
    shutil.copy(chain.anchor_path(path), tmp_path)
    assert comments(tmp_path / path.name) == ["whole"]


# ------------------------------------------------------------------------------- the chain of rows


def test_a_file_as_the_program_left_it_is_sound(path):
    fill(path)
    verdict = verify(path)
    assert verdict.is_sound
    assert verdict.rows == 12  # 8 readings, an answer, a reveal, a drawing, a place
    assert verify(path) == verdict


@pytest.mark.parametrize(
    ("statements", "first"),
    [
        (["UPDATE readings SET category = '1' WHERE id = 3"], ("readings", 3, "changed")),
        (["UPDATE readings SET comment = '' WHERE id = 8"], ("readings", 8, "changed")),
        (
            ["UPDATE readings SET recorded_at = '2020-01-01T00:00:00+00:00' WHERE id = 5"],
            ("readings", 5, "changed"),
        ),
        (["UPDATE readings SET is_withdrawn = 1 WHERE id = 2"], ("readings", 2, "changed")),
        (["UPDATE answers SET prediction = '{}'"], ("answers", 1, "changed")),
        (["UPDATE reveals SET revealed_at = 'never'"], ("reveals", 1, "changed")),
        (["UPDATE places SET path = '/b'"], ("places", 1, "changed")),
        (["UPDATE annotations SET is_removed = 1"], ("annotations", 1, "changed")),
        (["DELETE FROM readings WHERE id = 4"], ("readings", 4, "deleted")),
        (["DELETE FROM reveals"], ("reveals", 1, "deleted")),
        (["DELETE FROM readings WHERE id = 8"], ("readings", 8, "deleted")),
        (
            ["DELETE FROM readings WHERE id = 4", "DELETE FROM chain WHERE position = 8"],
            ("readings", 5, "changed"),
        ),
        (
            ["UPDATE readings SET id = 99 WHERE id = 3"],
            ("readings", 3, "deleted"),
        ),
        (
            [
                "UPDATE readings SET id = 99 WHERE id = 3",
                "UPDATE readings SET id = 3 WHERE id = 4",
                "UPDATE readings SET id = 4 WHERE id = 99",
            ],
            ("readings", 3, "changed"),
        ),
        (
            [
                "UPDATE chain SET position = 99 WHERE position = 7",
                "UPDATE chain SET position = 7 WHERE position = 8",
                "UPDATE chain SET position = 8 WHERE position = 99",
            ],
            ("readings", 4, "changed"),
        ),
        (["INSERT INTO reveals VALUES (5, 'now')"], ("reveals", 5, "added")),
        (
            ["INSERT INTO annotations SELECT 0, mark, study_uid, image_uid, patient_id, 'other', "
             "kind, points, text, measured, is_removed, '2020-01-01' FROM annotations"],
            ("annotations", 0, "added"),
        ),
    ],
    ids=lambda value: value[0][:60] if isinstance(value, list) else "",
)  # fmt: skip
def test_the_first_row_that_was_tampered_with_is_named(path, statements, first):
    fill(path)
    change(path, *statements)
    verdict = verify(path)
    found = verdict.first
    assert (found.table, found.row, found.what) == first
    assert f"Row {found.row} of table {found.table}" in verdict.problem


def test_a_byte_changed_in_a_hex_editor_is_found(path):
    with ReadingStore(path) as store:
        for words in ("no finding", "a cyst", "a mass"):
            store.record(assessment(comment=words))
    content = path.read_bytes()
    assert content.count(b"a cyst") == 1
    path.write_bytes(content.replace(b"a cyst", b"a mass"))
    assert comments(path) == ["no finding", "a mass", "a mass"]  # opened as if nothing were
    assert verify(path).first == chain.Misfit("readings", 2, "changed")
    assert verify(path).misfits == 1


NEWEST = (
    "DELETE FROM readings WHERE id = 8",
    "DELETE FROM chain WHERE position = (SELECT max(position) FROM chain)",
)


def test_the_newest_row_deleted_with_its_link_is_missed(path):
    fill(path)
    change(path, *NEWEST)
    assert verify(path).problem == "The newest rows are missing: 11 of 12 are there."


def test_the_newest_row_deleted_with_every_trace_in_the_file_is_missed_by_the_anchor(path, told):
    fill(path)
    change(path, *NEWEST, "UPDATE sqlite_sequence SET seq = seq - 1")
    assert verify(path).problem == "The newest rows are missing: 11 of 12 are there."
    with ReadingStore(path, on_problem=told.append) as store:
        store.record(assessment())  # another one in its place
    assert [news.title for news in told] == ["Readings are missing"]
    assert verify(path).problem == "The newest rows are others than those that were stored."


def test_a_forged_row_with_a_link_of_its_own_making_is_found(path):
    fill(path)
    change(
        path,
        "UPDATE readings SET comment = 'forged' WHERE id = 8",
        "UPDATE chain SET hash = 'ab' WHERE position = 12",
    )
    assert verify(path).first == chain.Misfit("readings", 8, "changed")


def test_a_chain_computed_anew_from_the_forged_row_on_does_not_fit_the_anchor(path):
    fill(path)
    change(path, "UPDATE readings SET category = '1' WHERE id = 3", "DELETE FROM chain")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'chain'")
    chain.append_all(connection)  # with the program's own code
    connection.close()
    assert verify(path).problem == "The newest rows are others than those that were stored."


def test_rows_of_an_older_version_are_linked_as_it_is_migrated(tmp_path):
    path = tmp_path / "readings.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(FIRST_VERSION.read_text("utf-8"))
    connection.close()
    verdict = verify(path)
    assert not verdict.is_sound
    assert verdict.is_usable
    assert "older version" in verdict.problem
    with ReadingStore(path) as store:
        assert len(store.all()) == 3
    assert verify(path).is_sound
    assert verify(path).rows == 3
    change(path, "UPDATE readings SET category = '5' WHERE id = 2")
    assert verify(path).first == chain.Misfit("readings", 2, "changed")


def test_what_was_said_of_a_rectangle_is_linked_too_also_by_the_version_that_knew_no_links(path):
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    for script in schema.MIGRATIONS[: schema.CHAINED_SINCE - 1]:
        connection.executescript(script)
    connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={schema.CHAINED_SINCE - 1}")
    row = dict(zip(REGION_COLUMNS.split(", "), region_row(region_record()), strict=True))
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO regions ({REGION_COLUMNS}) VALUES ({marks})", [*row.values()])
    connection.commit()
    connection.close()
    with ReadingStore(path) as store:
        store.record_regions([region_record(box=(1, 2, 3, 4))])
        assert store.regions() == (region_record(), region_record(box=(1, 2, 3, 4)))
    assert verify(path).is_sound
    assert verify(path).rows == 2
    change(path, "UPDATE regions SET malignancy = 0 WHERE id = 2")
    assert verify(path).first == chain.Misfit("regions", 2, "changed")
    change(path, "DELETE FROM regions WHERE id = 1")
    assert verify(path).first == chain.Misfit("regions", 1, "deleted")


def test_a_first_start_that_was_killed_before_its_anchor_alarms_nobody(path, told):
    with ReadingStore(path):
        pass
    chain.anchor_path(path).unlink()
    with ReadingStore(path, on_problem=told.append) as store:
        assert not told
        store.record(assessment())
    assert verify(path).is_sound


def test_a_column_that_a_later_version_adds_leaves_the_links_as_they_are(path):
    fill(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("ALTER TABLE readings ADD COLUMN later TEXT")
    assert not list(chain.misfits(connection))
    connection.close()


@pytest.mark.parametrize(
    "content", ["", "{}", "null", '{"rows": 1, "head": "x"}', '{"rows": "1"}', "[" * 100_000]
)
def test_an_anchor_that_other_hands_wrote_is_none(path, content):
    fill(path, 1)
    chain.anchor_path(path).write_text(content)
    assert chain.read_anchor(path) is None
    assert "anchor" in verify(path).problem


def test_the_anchor_never_moves_back(path, store):
    store.record(assessment())
    newest = chain.read_anchor(path)
    assert newest == chain.head(store.connection)
    chain.write_anchor(path, Head(7, "ab" * 32))
    store.record(assessment())
    assert chain.read_anchor(path) == Head(7, "ab" * 32)


@pytest.mark.slow
def test_ten_thousand_rows_are_verified_in_seconds(path):
    import time

    with ReadingStore(path) as store:
        store.annotate(
            [ruler(annotation_id=str(number), text="x" * 200) for number in range(10_000)]
        )
    start = time.process_time()
    assert verify(path).rows == 10_000
    assert time.process_time() - start < 5


# ------------------------------------------------------------------------------- killed at any time


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_processes_killed_at_any_moment_leave_a_sound_file_with_all_they_acknowledged(path):
    code = f"""
import itertools
from pathlib import Path
from engine.records.rows import REGION_COLUMNS, region_row
from engine.records.store import ReadingStore
from tests.engine.readings import assessment
print("ready", flush=True)
for start in itertools.count():
    with ReadingStore(Path({str(path)!r})) as store:
        for number in range(4):
            print(store.record(assessment(comment="x" * 900)).record_id, flush=True)
        store.settle()
"""
    moments = random.Random(14)
    acknowledged = set()
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(moments.uniform(0.02, 0.4))
        child.send_signal(signal.SIGKILL)
        acknowledged |= {int(line) for line in child.stdout if line.endswith("\n")}
        child.wait()
        child.stdout.close()
        told = []
        with ReadingStore(path, on_problem=told.append) as store:
            assert acknowledged <= {reading.record_id for reading in store.all()}
        assert not told
        assert verify(path).is_sound
    assert acknowledged
