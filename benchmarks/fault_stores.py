"""Readings files in a hostile world: damaged, emptied, replaced, locked, on a full disk.

Every case knows how it has to end: refused with the reason, or all readings there and a new one
saved. A file system of its own, in memory, is mounted where the system allows it.
"""

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from fault_rows import Row, Say

from engine.errors import EngineError
from engine.records.store import ReadingStore
from engine.records.verification import verify
from tests.engine.readings import assessment

_FULL = 1000  # files with flipped bits where 100,000 mutants are asked for
_MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
_ROOT = Path(__file__).parents[1]


class Lost(Exception):
    """What was acknowledged is not there."""


class Silent(Exception):
    """What is not as it was stored is taken for it."""


def _filled(path: Path, count: int = 20) -> Path:
    with ReadingStore(path) as store:
        for number in range(count):
            store.record(assessment(comment=f"c{number}"))
    return path


def _count(path: Path) -> int:
    with ReadingStore(path) as store:
        return len(store.all())


def _saves(path: Path, before: int = 20) -> None:
    """All is there, and one more can be saved."""
    with ReadingStore(path) as store:
        store.record(assessment(comment="new"))
    if _count(path) != before + 1:
        raise Lost


def _without_logs(path: Path) -> None:
    for log in (*path.parent.glob("*-wal"), *path.parent.glob("*-shm")):
        log.unlink()


def _by_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


# ---------------------------------------------------------------------- refused, or told by verify


def _garbage(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(random.Random(1).randbytes(20_000))
    _saves(path)


def _words(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("hello")
    _saves(path)


def _emptied(path: Path) -> None:
    _filled(path).write_bytes(b"")
    _without_logs(path)
    _saves(path)


def _nulls(path: Path) -> None:
    size = _filled(path).stat().st_size
    path.write_bytes(bytes(size))
    _saves(path)


def _halved(path: Path) -> None:
    data = _filled(path, 100).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    _saves(path)


def _another_programs(path: Path) -> None:
    path.parent.mkdir(parents=True)
    _by_sql(path, "CREATE TABLE a (b)")
    _saves(path)


def _newer(path: Path) -> None:
    _by_sql(_filled(path), "PRAGMA user_version=99")
    _saves(path)


def _without_a_table(path: Path) -> None:
    _by_sql(_filled(path), "DROP TABLE reveals")
    _saves(path)


_DROPPED = [f"DROP TRIGGER readings_are_never_{what}" for what in ("edited", "deleted")]


def _without_triggers(path: Path) -> None:
    _by_sql(_filled(path), *_DROPPED)
    _saves(path)


def _tampered(path: Path, *statements: str) -> None:
    """Also where triggers are put back afterwards."""
    with closing(sqlite3.connect(_filled(path))) as connection:
        kept = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in names.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for (trigger,) in kept:
            connection.execute(trigger)
        connection.commit()
    if verify(path).is_sound:
        raise Silent
    raise _Told


class _Told(EngineError):
    """By the check of all rows, which the window makes when it starts."""

    def __init__(self) -> None:
        super().__init__("Readings file was changed", "Told by its chain.")


def _edited(path: Path) -> None:
    _tampered(path, "UPDATE readings SET category = '6' WHERE id = 3")


def _deleted_row(path: Path) -> None:
    _tampered(path, "DELETE FROM readings WHERE id = 5")


def _last_deleted(path: Path) -> None:
    _tampered(
        path,
        "DELETE FROM readings WHERE id = 20",
        "DELETE FROM chain WHERE position = (SELECT MAX(position) FROM chain)",
    )


def _swapped(path: Path) -> None:
    _tampered(
        path,
        "UPDATE readings SET id = -3 WHERE id = 3",
        "UPDATE readings SET id = 3 WHERE id = 4",
        "UPDATE readings SET id = 4 WHERE id = -3",
    )


def _back_dated(path: Path) -> None:
    columns = "study_uid, image_uids, patient_id, laterality, reader, category, proposed_agreement"
    columns += ", agreement, reason, comment, prediction, reading_mode, opened_at"
    _tampered(
        path,
        f"INSERT INTO readings ({columns}, recorded_at) SELECT {columns}, "
        "'2020-01-01T00:00:00+00:00' FROM readings WHERE id = 1",
    )


def _hex_edited(path: Path) -> None:
    data = _filled(path).read_bytes()
    place = data.rindex(b"c7")
    path.write_bytes(data[:place] + b"c9" + data[place + 2 :])
    if verify(path).is_sound:
        raise Silent
    raise _Told


def _log_not_copied(path: Path) -> None:
    with ReadingStore(path) as store:
        for number in range(5):
            store.record(assessment(comment=str(number)))
        copy = path.parent / "copy"
        copy.mkdir()
        shutil.copy(path, copy / path.name)
    _saves(copy / path.name, 5)


def _locked(path: Path) -> None:
    with closing(sqlite3.connect(_filled(path), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        _saves(path)


def _corrected_twice(path: Path) -> None:
    with ReadingStore(path) as one, ReadingStore(path) as other:
        first = one.record(assessment())
        one.record(assessment(supersedes=first.record_id))
        other.record(assessment(supersedes=first.record_id))


def _a_folder(path: Path) -> None:
    path.mkdir(parents=True)
    _saves(path)


def _dangling(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to("/nowhere/readings.sqlite")
    _saves(path)


# ------------------------------------------------------------------------------- has to go on


def _first_version(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((_ROOT / "tests/engine/readings_v1.sql").read_text("utf-8"))
    with ReadingStore(path) as store:
        before = len(store.all())
    _saves(path, before)


def _locked_for_a_while(path: Path) -> None:
    """One save is refused, and the next one works."""
    with ReadingStore(_filled(path)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with suppress(EngineError):
                store.record(assessment())
                raise Silent
            connection.execute("ROLLBACK")
        store.record(assessment())
    if _count(path) != 21:
        raise Lost


def _deleted(path: Path) -> None:
    """The open file's folder is cleaned up."""
    with ReadingStore(path) as store:
        for number in range(5):
            store.record(assessment(comment=str(number)))
        for file in path.parent.iterdir():
            file.unlink()
        store.record(assessment(comment="after"))
    if _count(path) != 6:
        raise Lost


def _replaced(path: Path) -> None:
    """An older copy is put over the open file, and two programs go on with it."""
    with ReadingStore(_filled(path, 5)) as store:
        copy = path.with_name("older.sqlite")
        shutil.copy(path, copy)
        for number in range(3):
            store.record(assessment(comment=f"mid{number}"))
        os.replace(copy, path)
        store.record(assessment(comment="after"))
        with ReadingStore(path) as other:
            other.record(assessment(comment="second"))
        store.record(assessment(comment="last"))
    if _count(path) != 11:
        raise Lost


def _moved(path: Path) -> None:
    """The folder moves away: no save is acknowledged that is not in it."""
    moved = path.parent.with_name("moved")
    with ReadingStore(_filled(path, 3)) as store:
        os.rename(path.parent, moved)
        saved = 3
        with suppress(EngineError):
            store.record(assessment(comment="after"))
            saved += 1
    if _count(moved / path.name) + (_count(path) if path.exists() else 0) < saved:
        raise Lost


def _limited(path: Path) -> None:
    """Files may not grow any more, then they may."""
    _filled(path, 3)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with ReadingStore(path) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20_000, before[1]))
        saved = 3
        try:
            with suppress(EngineError):
                for _ in range(1000):
                    store.record(assessment(comment="y" * 3000))
                    saved += 1
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        store.record(assessment(comment="later"))
    if saved > 1000 or _count(path) != saved + 1:
        raise Lost


REFUSED: tuple[Callable[[Path], None], ...] = (
    *(_garbage, _words, _emptied, _nulls, _halved, _another_programs, _newer, _without_a_table),
    *(_without_triggers, _edited, _deleted_row, _last_deleted, _swapped, _back_dated, _hex_edited),
    *(_log_not_copied, _locked, _corrected_twice, _a_folder, _dangling),
)
GOES_ON: tuple[Callable[[Path], None], ...] = (
    *(_first_version, _locked_for_a_while, _deleted, _replaced, _moved, _limited),
)


def measure(count: int, seed: int, folder: Path, say: Say) -> list[Row]:
    hostile: Counter[str] = Counter()
    for case in REFUSED + GOES_ON:
        outcome = _outcome(case, folder / case.__name__ / "readings.sqlite")
        if outcome != ("refused" if case in REFUSED else "sound"):
            say(f"stores: {case.__name__}: {outcome}")
            outcome = "wrong" if outcome in ("sound", "refused") else outcome.partition(":")[0]
        hostile[outcome] += 1
    rows = [_row("readings files in a hostile world", hostile)]
    flips = max(10, _FULL * count // 100_000)
    rows.append(_row("readings files with 3 bits flipped", _flipped(folder / "flips", flips, seed)))
    if (disks := _on_a_disk_of_its_own(folder, say)) is not None:
        rows.append(_row("full disk, then room again; read-only disk", disks))
    return rows


def _row(what: str, tally: Counter[str]) -> Row:
    return Row(
        what,
        sum(tally.values()),
        tally["crashed"],
        tally["wrong"] + tally["silent"],
        tally["refused"],
        lost=tally["lost"],
    )


def _outcome(case: Callable[[Path], None], path: Path) -> str:
    try:
        case(path)
    except EngineError:
        return "refused"
    except Lost:
        return "lost"
    except Silent:
        return "silent"
    except Exception as error:
        return f"crashed: {type(error).__name__} {error}"
    return "sound"


def _flipped(folder: Path, times: int, seed: int) -> Counter[str]:
    path = _filled(folder / "readings.sqlite", 60)
    whole, anchor = path.read_bytes(), path.with_suffix(".anchor").read_bytes()
    with ReadingStore(path) as store:
        expected = store.all()
    rng = random.Random(f"{seed}/flips")
    tally: Counter[str] = Counter()
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(3):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        for file in folder.iterdir():
            file.unlink()
        path.write_bytes(data)
        path.with_suffix(".anchor").write_bytes(anchor)

        def look(path: Path = path) -> None:
            verdict = verify(path)
            with ReadingStore(path) as store:
                found = store.all()
            if found != expected:
                raise Silent if verdict.is_sound else _Told

        outcome = _outcome(look, path)
        tally["crashed" if outcome.startswith("crashed") else outcome] += 1
    return tally


# ------------------------------------------------------------- on a file system of half a megabyte


def _on_a_disk_of_its_own(folder: Path, say: Say) -> Counter[str] | None:
    """Run in a child that alone sees it; None where the system does not let it."""
    tally: Counter[str] = Counter()
    for case in ("full", "read-only"):
        disk = folder / case
        disk.mkdir()
        script = 'mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" "$3" "$4" "$1"'
        found = subprocess.run(
            [*_MOUNT, script, "-", disk, sys.executable, __file__, case],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        if found.returncode != 0:
            say(f"stores: {case}: {found.stderr[-300:]}")
            if "mount" in found.stderr or "unshare" in found.stderr:
                return None
            tally["crashed"] += 1
        else:
            tally[found.stdout.partition(":")[0]] += 1
    return tally


def _full(path: Path) -> None:
    """Whatever was acknowledged stays, the rest is refused, and with room again all works."""
    store, saved = ReadingStore(path), 0
    for number in range(3):
        store.record(assessment(comment=str(number)))
        saved += 1
    filler = path.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1024))
    is_refused = False
    for _ in range(1000):
        try:
            store.record(assessment(comment="y" * 4000))
            saved += 1
        except EngineError:
            is_refused = True
            break
    if not is_refused:
        raise Silent
    if len(store.all()) != saved:
        raise Lost
    filler.unlink()
    store.record(assessment(comment="later"))
    store.close()
    if _count(path) != saved + 1:
        raise Lost
    raise _Told  # it was refused, as it has to be


def _read_only(path: Path) -> None:
    _filled(path, 3)
    subprocess.run(["mount", "-o", "remount,ro", str(path.parent)], check=True)
    _saves(path, 3)


if __name__ == "__main__":
    _case = {"full": _full, "read-only": _read_only}[sys.argv[1]]
    sys.stdout.write(_outcome(_case, Path(sys.argv[2]) / "readings.sqlite"))
