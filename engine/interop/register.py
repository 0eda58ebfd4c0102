"""Which reader's documents were written: a later one names the one that it takes the place of.

A SQLite file beside the readings. It holds UIDs and the reader's name, no patient.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import StorageFailed
from engine.interop.reports import DocumentReference
from engine.messages import message
from engine.private_files import make_folder
from engine.records import database

_TABLE = """CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY, study_uid TEXT NOT NULL, reader TEXT NOT NULL,
    series_uid TEXT NOT NULL, sop_class TEXT NOT NULL, sop_uid TEXT NOT NULL UNIQUE,
    written_at TEXT NOT NULL)"""


def register_of(store: Path) -> Path:
    """Where the documents of the readings in `store` are listed."""
    return store.with_name(f"{store.stem}-documents.sqlite")


class DocumentRegister:
    """Opens the file anew for each question, of which there are few. Raises StorageFailed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def newest(self, study_uid: str, reader: str) -> DocumentReference | None:
        if not self._path.exists():
            return None
        with self._opened() as connection:
            row = connection.execute(
                "SELECT series_uid, sop_class, sop_uid FROM documents "
                "WHERE study_uid = ? AND reader = ? ORDER BY id DESC LIMIT 1",
                (study_uid, reader),
            ).fetchone()
        return None if row is None else DocumentReference(study_uid, *row)

    def add(self, document: DocumentReference, reader: str) -> None:
        with self._opened() as connection:
            connection.execute(
                "INSERT INTO documents (study_uid, reader, series_uid, sop_class, sop_uid, "
                "written_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(document.study_uid, reader, document.series_uid, document.sop_class),
                    *(document.sop_uid, datetime.now(UTC).isoformat()),
                ),
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            make_folder(self._path.parent)
            with closing(database.connect(self._path)) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute(_TABLE)
                database.keep_all_private(self._path)
                yield connection
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise StorageFailed(
                message("List of documents cannot be used"),
                message(
                    "Check that {name} beside the readings may be written to and has room.",
                    name=self._path.name,
                ),
            ) from error
