"""The tables of the readings file, and how a file of an older version comes to have them.

A new table or column is a new script at the end of `MIGRATIONS`. A table needs an INTEGER PRIMARY
KEY and the two triggers that keep its rows as they are; its rows are linked by `chain` like all
others, with no more ado than being inserted by the store.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache

from engine.records import chain

APPLICATION_ID = 0x42525652  # "BRVR" in the file's header: this SQLite file is ours
_FIRST_SCHEMA = """
CREATE TABLE readings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
    supersedes INTEGER UNIQUE REFERENCES readings (id),  -- unique: a chain, not a tree
    study_uid TEXT NOT NULL,
    image_uids TEXT NOT NULL,  -- JSON array
    patient_id TEXT NOT NULL,
    laterality TEXT NOT NULL CHECK (laterality IN ('R', 'L')),
    reader TEXT NOT NULL,
    category TEXT NOT NULL,
    proposed_agreement TEXT NOT NULL,
    agreement TEXT NOT NULL,
    reason TEXT NOT NULL,
    comment TEXT NOT NULL,
    prediction TEXT,  -- JSON object, see rows.py; NULL: the model had said nothing
    reading_mode TEXT NOT NULL,
    opened_at TEXT NOT NULL,  -- ISO 8601 with UTC offset
    recorded_at TEXT NOT NULL
);
CREATE INDEX readings_of_study ON readings (study_uid);
CREATE TRIGGER readings_are_never_edited BEFORE UPDATE ON readings
    BEGIN SELECT RAISE (ABORT, 'a reading is never edited, only superseded'); END;
CREATE TRIGGER readings_are_never_deleted BEFORE DELETE ON readings
    BEGIN SELECT RAISE (ABORT, 'a reading is never deleted, only superseded'); END;
"""
# From each version to the next. Rows are never rewritten: a column that is new is NULL in them.
MIGRATIONS = (
    _FIRST_SCHEMA,
    """
ALTER TABLE readings ADD COLUMN category_before TEXT;  -- in a second read, after the answer
ALTER TABLE readings ADD COLUMN revealed_at TEXT;  -- NULL: the answer had not been shown then
ALTER TABLE readings ADD COLUMN time_spent_s REAL;
CREATE TABLE answers (  -- on readings made while the answer was hidden
    reading INTEGER PRIMARY KEY REFERENCES readings (id),
    prediction TEXT NOT NULL,  -- as in readings
    stored_at TEXT NOT NULL
);
CREATE TABLE reveals (  -- of those answers
    reading INTEGER PRIMARY KEY REFERENCES readings (id),
    revealed_at TEXT NOT NULL
);
CREATE TRIGGER answers_are_never_edited BEFORE UPDATE ON answers
    BEGIN SELECT RAISE (ABORT, 'an answer is never edited'); END;
CREATE TRIGGER answers_are_never_deleted BEFORE DELETE ON answers
    BEGIN SELECT RAISE (ABORT, 'an answer is never deleted'); END;
CREATE TRIGGER reveals_are_never_edited BEFORE UPDATE ON reveals
    BEGIN SELECT RAISE (ABORT, 'a reveal is never edited'); END;
CREATE TRIGGER reveals_are_never_deleted BEFORE DELETE ON reveals
    BEGIN SELECT RAISE (ABORT, 'a reveal is never deleted'); END;
""",
    """
ALTER TABLE readings ADD COLUMN restores INTEGER REFERENCES readings (id);  -- by an undo
ALTER TABLE readings ADD COLUMN is_withdrawn INTEGER;  -- 1: by an undo, nothing is said any more
CREATE TABLE places (  -- where the images of studies that were read have lain; the newest counts
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    image_uid TEXT NOT NULL,
    path TEXT NOT NULL
);
CREATE INDEX places_of_study ON places (study_uid);
CREATE TRIGGER places_are_never_edited BEFORE UPDATE ON places
    BEGIN SELECT RAISE (ABORT, 'a place is never edited'); END;
CREATE TRIGGER places_are_never_deleted BEFORE DELETE ON places
    BEGIN SELECT RAISE (ABORT, 'a place is never deleted'); END;
""",
    """
CREATE TABLE annotations (  -- each change is a row of its own; the newest of a mark counts
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mark TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    image_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    reader TEXT NOT NULL,
    kind TEXT NOT NULL,
    points TEXT NOT NULL,  -- JSON array of [row, column]
    text TEXT NOT NULL,
    measured TEXT NOT NULL,
    is_removed INTEGER NOT NULL,
    stored_at TEXT NOT NULL
);
CREATE INDEX annotations_of_study ON annotations (study_uid);
CREATE TRIGGER annotations_are_never_edited BEFORE UPDATE ON annotations
    BEGIN SELECT RAISE (ABORT, 'an annotation is never edited, only followed by another'); END;
CREATE TRIGGER annotations_are_never_deleted BEFORE DELETE ON annotations
    BEGIN SELECT RAISE (ABORT, 'an annotation is never deleted, only followed by another'); END;
""",
    """
CREATE TABLE regions (  -- what a reader was told of a rectangle that he asked about
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    study_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    reader TEXT NOT NULL,
    image_uid TEXT NOT NULL,
    box TEXT NOT NULL,  -- JSON array: x_min, y_min, x_max, y_max in source pixels
    model TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    model_categories TEXT NOT NULL,  -- JSON array
    probabilities TEXT,  -- JSON object by category; NULL: out of scope
    malignancy REAL,
    scope_reason TEXT,
    spacing_mm REAL,  -- NULL: unknown
    spacing_source TEXT,
    notes TEXT NOT NULL,  -- JSON array
    asked_at TEXT NOT NULL  -- ISO 8601 with UTC offset
);
CREATE INDEX regions_of_study ON regions (study_uid);
CREATE TRIGGER regions_are_never_edited BEFORE UPDATE ON regions
    BEGIN SELECT RAISE (ABORT, 'what was said of a region is never edited'); END;
CREATE TRIGGER regions_are_never_deleted BEFORE DELETE ON regions
    BEGIN SELECT RAISE (ABORT, 'what was said of a region is never deleted'); END;
""",
    """
CREATE TABLE chain (  -- see chain.py; gives no position twice, also after a link was deleted
    position INTEGER PRIMARY KEY AUTOINCREMENT,  -- 1, 2, 3 …
    table_name TEXT NOT NULL,
    row_id INTEGER NOT NULL,
    hash TEXT NOT NULL  -- SHA-256 as 64 hexadecimal digits
);
CREATE TRIGGER links_are_never_edited BEFORE UPDATE ON chain
    BEGIN SELECT RAISE (ABORT, 'a link is never edited'); END;
CREATE TRIGGER links_are_never_deleted BEFORE DELETE ON chain
    BEGIN SELECT RAISE (ABORT, 'a link is never deleted'); END;
""",
    """
ALTER TABLE readings ADD COLUMN by_hand TEXT;  -- JSON array; NULL: all as the files say
CREATE TABLE attributions (  -- what readers say images are; the newest of an image counts
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_uid TEXT NOT NULL,
    content TEXT NOT NULL,  -- digest of the file that it is said of, hexadecimal
    reader TEXT NOT NULL,
    laterality TEXT,  -- NULL: as the file says; so the three below
    view_position TEXT,
    study TEXT,
    patient_id TEXT,
    stored_at TEXT NOT NULL
);
CREATE INDEX attributions_of_image ON attributions (image_uid);
CREATE TRIGGER attributions_are_never_edited BEFORE UPDATE ON attributions
    BEGIN SELECT RAISE (ABORT, 'an attribution is never edited, only followed by another'); END;
CREATE TRIGGER attributions_are_never_deleted BEFORE DELETE ON attributions
    BEGIN SELECT RAISE (ABORT, 'an attribution is never deleted, only followed by another'); END;
""",
)
SCHEMA_VERSION = len(MIGRATIONS)
CHAINED_SINCE = 6  #: the version from which on rows have links


def migrate(connection: sqlite3.Connection) -> int:
    """Makes the tables, or adds what an older file lacks, within the caller's transaction; returns
    the version that the file had.
    """
    version = version_of(connection)
    for script in MIGRATIONS[version:]:
        for statement in statements(script):
            connection.execute(statement)
    if version < CHAINED_SINCE <= SCHEMA_VERSION:
        chain.append_all(connection)
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    return version


def version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def restore_triggers(connection: sqlite3.Connection) -> None:
    """Puts back triggers that are missing or changed, and takes away those that are not ours."""
    expected, found = _triggers_expected(), _triggers(connection)
    for name in found:
        if expected.get(name) != found[name]:
            connection.execute(f"DROP TRIGGER {chain.quoted(name)}")
    for name, sql in expected.items():
        if found.get(name) != sql:
            connection.execute(sql)


def missing_table(connection: sqlite3.Connection) -> str | None:
    """The first table that is missing or has other columns than a file of this version; None if
    all are as they should be.
    """
    found = _tables(connection)
    return next((name for name, columns in _expected().items() if found.get(name) != columns), None)


def changed_trigger(connection: sqlite3.Connection) -> str | None:
    """The first trigger that is missing, changed, or not ours; None if there is none."""
    expected, found = _triggers_expected(), _triggers(connection)
    names = (*expected, *found)
    return next((name for name in names if expected.get(name) != found.get(name)), None)


_Column = tuple[object, ...]  #: name, type, NOT NULL, default and place in the key


@cache
def _expected() -> dict[str, list[_Column]]:
    with _newest() as connection:
        return _tables(connection)


@cache
def _triggers_expected() -> dict[str, str]:
    with _newest() as connection:
        return _triggers(connection)


@contextmanager
def _newest() -> Iterator[sqlite3.Connection]:
    """An empty file of this version, in memory."""
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection)
        yield connection


def _tables(connection: sqlite3.Connection) -> dict[str, list[_Column]]:
    """Name, type, NOT NULL, default and place in the key of every column, by table."""
    names = (*chain.tables(connection), chain.TABLE)
    described = {
        name: connection.execute(f"PRAGMA table_info({chain.quoted(name)})").fetchall()
        for name in names
    }
    return {name: [column[1:] for column in columns] for name, columns in described.items()}


def _triggers(connection: sqlite3.Connection) -> dict[str, str]:
    """Each trigger's text by its name, with single spaces and without comments."""
    rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    return {name: " ".join(re.sub(r"--.*", "", sql).split()) for name, sql in rows}


def statements(script: str) -> Iterator[str]:
    """The script's single statements; `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
