"""The list of an archive: folders, files, units and which shards are done, in one SQLite file.

It makes memory independent of the archive's size and a stopped run go on: what is still to be
searched is a table, too. A unit's number is given once and stays, as the results are known by it.
The file names every path, so it is its owner's alone. One run at a time holds it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from engine.archive.units import StudySource, Unit
from engine.errors import StorageFailed
from engine.private_files import FILE_MODE, keep_private

SMALL_FOLDER = 64  #: files; a folder of plain images up to this is one unit
_FEW = 5  #: files beside it that tell a plain image that its folder holds more than one exam
_FORMAT = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS folders(
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, identity TEXT UNIQUE,
    is_read INTEGER NOT NULL DEFAULT 0, is_inside INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS folders_to_read ON folders(id) WHERE NOT is_read;
CREATE TABLE IF NOT EXISTS files(
    id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL,
    size INTEGER NOT NULL, modified INTEGER NOT NULL, kind INTEGER NOT NULL,
    key BLOB, study BLOB, image BLOB, rest BLOB, UNIQUE(folder, name)
);
CREATE TABLE IF NOT EXISTS units(
    number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, source TEXT, remote TEXT,
    has_changed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS shards(number INTEGER PRIMARY KEY, units INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
# Made when the list is whole: to keep them sorted meanwhile would take most of the time.
_INDICES = """
CREATE INDEX IF NOT EXISTS files_by_key ON files(key);
CREATE INDEX IF NOT EXISTS files_by_study ON files(study);
CREATE INDEX IF NOT EXISTS files_by_image ON files(image) WHERE image IS NOT NULL;
CREATE INDEX IF NOT EXISTS plain_to_place ON files(folder) WHERE kind=2 AND key IS NULL;
"""


class FileKind(IntEnum):
    """What a file is."""

    FAILED = 0  #: an image by name or content that cannot be read
    DICOM = 1
    PLAIN = 2  #: PNG, JPEG, TIFF
    NO_IMAGE = 3
    ZIP = 4  #: read like a folder, as are those inside


class Seen(NamedTuple):
    """What a look at a file tells of where it belongs; digests, None where there is nothing."""

    kind: int
    key: bytes | None = None  #: of its study, if the file alone tells
    study: bytes | None = None  #: equal where studies may claim one identifier
    image: bytes | None = None  #: equal where images claim one identifier, or are copies
    rest: bytes | None = None  #: of a plain image: its name without side and view


class Found(NamedTuple):
    """A file in a folder, before anybody has looked at it."""

    folder: int
    name: bytes  #: empty: the folder itself, which cannot be opened
    size: int
    modified: int  #: nanoseconds


def digest(*parts: object, size: int = 16) -> bytes:
    text = "\0".join(map(str, parts)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=size).digest()


class Index:
    """Raises StorageFailed from everything that reads or writes the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _errors():
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE_MODE))
            keep_private(path)
            self._database = sqlite3.connect(path, timeout=2, isolation_level=None)
        try:
            self._open()
        except BaseException:
            self._database.close()
            raise

    def _open(self) -> None:
        database = self._database
        with _errors():
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA cache_size=-65536")
            database.create_function("digest", -1, digest, deterministic=True)
            database.execute("BEGIN EXCLUSIVE")  # held until it is closed, also by SIGKILL
            for statement in _TABLES.split(";"):
                database.execute(statement)
            found = self._state("format")
            self._set_state("format", _FORMAT)
            database.execute("COMMIT")
        if found not in (None, _FORMAT):
            raise StorageFailed(
                "The list is of another version",
                f"{self._path.name} was written by another version of this program: choose "
                "another folder.",
            )

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written inside is there as a whole or not at all."""
        with _errors():
            self._database.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    # -------------------------------------------------------------------------------- listing

    def begin(self) -> None:
        """All folders are searched again, unless a search was cut short: then it goes on.

        Until `finish`, what is entered is on the disk only after `save`.
        """
        with self.transaction():
            if self._state("is_searching") != 1:
                self._database.execute("UPDATE folders SET is_read=is_inside, identity=NULL")
                self._set_state("is_searching", 1)
        with _errors():
            self._database.execute("BEGIN")

    def save(self) -> None:
        with _errors():
            self._database.execute("COMMIT")
            self._database.execute("BEGIN")

    def add_folders(self, paths: Iterator[Path] | Sequence[Path]) -> None:
        rows = ((os.fsencode(path),) for path in paths)
        with _errors():
            self._database.executemany("INSERT OR IGNORE INTO folders(path) VALUES (?)", rows)

    def folder_inside(self, path: Path) -> int:
        """The number of a folder in a ZIP file, which is read with it."""
        name = os.fsencode(path)
        with _errors():
            self._database.execute(
                "INSERT OR IGNORE INTO folders(path, is_read, is_inside) VALUES (?, 1, 1)", (name,)
            )
        ((number,),) = self._all("SELECT id FROM folders WHERE path=?", (name,))
        return int(number)

    def has_files(self, folder: int) -> bool:
        return bool(self._all("SELECT 1 FROM files WHERE folder=? LIMIT 1", (folder,)))

    def add_remote(self, text: str, keys: Iterator[str]) -> None:
        """Studies of a source that is asked for them by these keys."""
        rows = ((digest("remote", text, key), text, key) for key in keys)
        with _errors():
            self._database.executemany(
                "INSERT OR IGNORE INTO units(key, source, remote) VALUES (?, ?, ?)", rows
            )

    def unread_folders(self, after: int, limit: int = 100) -> list[tuple[int, Path]]:
        """Those whose number is greater, in order."""
        found = self._all(
            "SELECT id, path FROM folders WHERE NOT is_read AND id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return [(number, Path(os.fsdecode(path))) for number, path in found]

    def is_first_visit(self, folder: int, identity: str) -> bool:
        """False where the same folder was reached by another path."""
        with _errors():
            try:
                self._database.execute(
                    "UPDATE folders SET identity=? WHERE id=?", (identity, folder)
                )
            except sqlite3.IntegrityError:
                return False
        return True

    def is_known(self, file: Found) -> bool:
        """Whether it was looked at, and is still what it was."""
        query = "SELECT size, modified FROM files WHERE folder=? AND name=?"
        return self._all(query, file[:2]) == [file[2:]]

    def enter(self, files: Sequence[tuple[Found, Seen]]) -> None:
        with _errors():
            self._database.executemany(
                "INSERT INTO files(folder, name, size, modified, kind, key, study, image, rest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(folder, name) DO UPDATE SET"
                " size=excluded.size, modified=excluded.modified, kind=excluded.kind,"
                " key=excluded.key, study=excluded.study, image=excluded.image,"
                " rest=excluded.rest",
                ((*found, *seen) for found, seen in files),
            )
            self._database.executemany(
                "UPDATE units SET has_changed=1 WHERE key=?",
                ((seen.key,) for _, seen in files if seen.key is not None),
            )

    def mark_read(self, folders: Sequence[int]) -> None:
        with _errors():
            self._database.executemany(
                "UPDATE folders SET is_read=1 WHERE id=?", ((folder,) for folder in folders)
            )

    def finish(self) -> None:
        """Makes units of what was found; those that were known keep their numbers."""
        database = self._database
        with _errors():
            database.execute("COMMIT")
        with self.transaction():
            for statement in filter(str.strip, _INDICES.split(";")):
                database.execute(statement)
            self._place_plain_images()
            database.execute(
                "UPDATE files SET key=digest('failed', folder, hex(name))"
                " WHERE key IS NULL AND kind=?",
                (FileKind.FAILED,),
            )
            database.execute(
                "INSERT OR IGNORE INTO units(key) SELECT key FROM (SELECT key, MIN(id) AS first"
                " FROM files WHERE key IS NOT NULL GROUP BY key) ORDER BY first"
            )
            self._set_state("is_searching", 0)

    def _place_plain_images(self) -> None:
        """A small folder is one unit; in a large one, images are by what their names share."""
        database = self._database
        query = (
            "SELECT MIN(folder) FROM files INDEXED BY plain_to_place"
            " WHERE kind=2 AND key IS NULL AND folder > ?"
        )
        folder = -1
        while (folder := self._all(query, (folder,))[0][0]) is not None:
            whole = digest("folder", folder)
            ((count,),) = self._all(
                "SELECT COUNT(*) FROM files WHERE folder=? AND kind<?", (folder, FileKind.NO_IMAGE)
            )
            known = database.execute("UPDATE units SET has_changed=1 WHERE key=?", (whole,))
            if count <= SMALL_FOLDER or known.rowcount:
                database.execute(
                    "UPDATE files SET key=? WHERE folder=? AND key IS NULL AND kind IN (?, ?)",
                    (whole, folder, FileKind.PLAIN, FileKind.FAILED),
                )
            else:
                database.execute(
                    "UPDATE files SET key=digest('rest', folder, hex(rest))"
                    " WHERE folder=? AND key IS NULL AND kind=?",
                    (folder, FileKind.PLAIN),
                )

    # ---------------------------------------------------------------------------------- units

    @property
    def count(self) -> int:
        """How many units there are, which is the number of the last."""
        ((count,),) = self._all("SELECT COUNT(*) FROM units", ())
        return int(count)

    def changed(self, first: int, last: int) -> set[int]:
        """Which of these units have got other files since they were first listed or judged."""
        query = "SELECT number FROM units WHERE has_changed AND number BETWEEN ? AND ?"
        return {number for (number,) in self._all(query, (first, last))}

    def unit(self, number: int, sources: dict[str, StudySource]) -> Unit:
        """To be judged now. Raises StorageFailed where its source is none of `sources`."""
        ((key, text, remote, has_changed),) = self._all(
            "SELECT key, source, remote, has_changed FROM units WHERE number=?", (number,)
        )
        if has_changed:
            with _errors():
                self._database.execute("UPDATE units SET has_changed=0 WHERE number=?", (number,))
        if text is not None:
            if text not in sources:
                raise StorageFailed(
                    "A source is missing", f"The list holds studies of {text}: name it again."
                )
            return Unit(number, source=sources[text], key=remote)
        files = self._files("f.key=?", (key,))
        own = {file.path for file in files}
        beside = {found.path for file in files for found in self._context(key, file)} - own
        return Unit(number, tuple(map(Path, sorted(own))), tuple(map(Path, sorted(beside))))

    def _context(self, key: bytes, file: "_File") -> list["_File"]:
        """What decides on this file's study from outside of its unit, each a few files at most."""
        found: list[_File] = []
        if file.kind == FileKind.PLAIN:
            others = "f.folder=? AND f.key<>? AND f.kind IN (1, 2)"
            found += self._files(others, (file.folder, key), _FEW)
            namesake = self._all(
                "SELECT folder FROM files WHERE study=? AND folder<>? AND kind=2 LIMIT 1",
                (file.study, file.folder),
            )
            if namesake:
                found += self._files("f.folder=?", namesake[0], SMALL_FOLDER)
            copies = "f.image=? AND f.key<>? AND f.folder=?"
            found += self._files(copies, (file.image, key, file.folder), _FEW)
        elif file.kind == FileKind.DICOM:
            found += self._files("f.study=? AND f.key<>?", (file.study, key), 1)
            found += self._files("f.image=? AND f.key<>?", (file.image, key), 1)
        elif file.is_folder:  # in a ZIP file of which some files cannot be read, the others
            marks = os.sep, chr(ord(os.sep) + 1)
            start, stop = (os.fsencode(f"{file.path}{mark}") for mark in marks)
            inside = "(f.folder=? OR (d.path > ? AND d.path < ?)) AND f.key<>?"
            found += self._files(inside, (file.folder, start, stop, key))
        return found

    def _files(self, condition: str, values: tuple[object, ...], limit: int = -1) -> list["_File"]:
        rows = self._all(
            "SELECT d.path, f.name, f.kind, f.folder, f.study, f.image FROM files f"
            f" JOIN folders d ON d.id=f.folder WHERE {condition} AND f.kind<3 LIMIT ?",
            (*values, limit),
        )
        return [_File(_joined(folder, name), not name, *rest) for folder, name, *rest in rows]

    # --------------------------------------------------------------------------------- shards

    def is_shard_done(self, shard: int, units: int) -> bool:
        """Whether the results of so many units of it lie on the disk."""
        return self._all("SELECT units FROM shards WHERE number=?", (shard,)) == [(units,)]

    def mark_shard_done(self, shard: int, units: int) -> None:
        with self.transaction():
            self._database.execute("INSERT OR REPLACE INTO shards VALUES (?, ?)", (shard, units))

    # ------------------------------------------------------------------------------------------

    def _all(self, query: str, values: tuple[object, ...]) -> list[Any]:
        with _errors(), closing(self._database.execute(query, values)) as rows:
            return rows.fetchall()

    def _state(self, name: str) -> int | None:
        found = self._all("SELECT value FROM state WHERE name=?", (name,))
        return found[0][0] if found else None

    def _set_state(self, name: str, value: int) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))


class _File(NamedTuple):
    path: str
    is_folder: bool
    kind: int
    folder: int
    study: bytes | None
    image: bytes | None


def _joined(folder: bytes, name: bytes) -> str:
    if not name:
        return os.fsdecode(folder)
    return os.path.join(os.fsdecode(folder), os.fsdecode(name))  # noqa: PTH118  a million of them


@contextmanager
def _errors() -> Iterator[None]:
    """SQLite's words in ours."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StorageFailed(
                "Another run holds this folder", "Wait for it, or choose another folder."
            ) from error
        if name.startswith("SQLITE_FULL"):
            raise disk_full() from error
        raise StorageFailed(
            "The list cannot be used",
            f"Check that the folder may be written to and has room ({name or 'damaged'}).",
        ) from error
    except OSError as error:
        raise StorageFailed(
            "The list cannot be written", f"Check the folder ({error.strerror})."
        ) from error


def disk_full() -> StorageFailed:
    return StorageFailed(
        "The disk is full",
        "Make room; then the same command goes on where it stopped. What was written is whole.",
    )
