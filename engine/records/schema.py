"""The tables of the readings file, and how a file of an older version comes to have them."""

import sqlite3
from collections.abc import Iterator

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
)
SCHEMA_VERSION = len(MIGRATIONS)


def statements(script: str) -> Iterator[str]:
    """The script's single statements; `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
