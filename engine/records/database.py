"""SQLite files as the readings want them: private, and copied whole. Knows no table.

Raises sqlite3.Error and OSError, which `storage_errors` turns into words.
"""

import itertools
import os
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from engine.private_files import FILE_MODE, keep_private

LOG_SUFFIXES = ("-wal", "-shm")  # what SQLite appends to the file's name
_PAUSE_S = 0.02


class Identity(NamedTuple):
    """Which file lies at a path, and whether somebody has written into it."""

    device: int
    number: int
    size: int
    written_ns: int

    @property
    def file(self) -> tuple[int, int]:
        return self.device, self.number


def identity(path: Path) -> Identity | None:
    """None where there is no file. Raises OSError where that cannot be told."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def connect(path: Path, lock_timeout_s: float = 2.0) -> sqlite3.Connection:
    """Transactions begin and end where the caller says so. Text in no encoding raises
    UnicodeDecodeError.
    """
    connection = sqlite3.connect(path, timeout=lock_timeout_s, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8")
    return connection


def keep_log(connection: sqlite3.Connection, lock_timeout_s: float) -> None:
    """Turns write-ahead logging on. Where two programs do that at the same moment, SQLite refuses
    one at once instead of letting it wait.
    """
    until = time.monotonic() + lock_timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
            if not is_busy or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """For whoever only looks; text in no encoding comes with lone surrogates (PEP 383)."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        connection.close()
        if not (getattr(error, "sqlite_errorname", None) or "").startswith(
            ("SQLITE_CANTOPEN", "SQLITE_READONLY")
        ):
            raise
        # a read-only folder: SQLite cannot put its log there, and nobody else writes there either
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        connection.isolation_level = None
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection


def copy_to(source: sqlite3.Connection, target: Path) -> None:
    """The whole content as one file with no log beside it, in the place of what is at `target`.

    By SQLite's online backup: others may go on writing into the source.
    """
    temporary = target.with_name(f".{target.name}-{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        with closing(connect(temporary)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        for path in (temporary, *logs_of(temporary)):
            path.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """With its log."""
    for old, new in zip((source, *logs_of(source)), (target, *logs_of(target)), strict=True):
        with suppress(FileNotFoundError):
            old.replace(new)


def logs_of(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in LOG_SUFFIXES)


def keep_all_private(path: Path) -> None:
    for part in (path, *logs_of(path)):
        keep_private(part)


def free_name(path: Path, word: str) -> Path:
    """A name beside it that nobody has, e.g. readings-kept-20261128-120000.sqlite (UTC)."""
    parts = [path.stem, *([word] if word else []), f"{datetime.now(UTC):%Y%m%d-%H%M%S}"]
    for number in itertools.count(1):
        more = [] if number == 1 else [str(number)]
        name = path.with_name("-".join(parts + more) + path.suffix)
        if not name.exists():
            return name
    raise AssertionError
