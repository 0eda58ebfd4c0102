"""What readers said, kept in one SQLite file: append-only, and safe against a killed process.

A record is never edited or deleted (triggers in the file itself refuse it); a correction is a new
record that names the one it supersedes. Every record is on the disk when `record` returns:
write-ahead log with ``synchronous=FULL``, see https://sqlite.org/pragma.html#pragma_synchronous.
A file that is not ours, damaged, or of a newer program is refused and left as it is.

What the model said of a reading made while its answer was hidden, and when that was revealed, come
later and stand in tables of their own, append-only like the rest. So the database knows what a
blind reader does not; `export_csv` leaves it out until it was revealed or `unblind` is asked for.
So do the places where a study's files were seen, by which it is found again.

What readers drew on the images is kept here too, a row for each change, and is in no export.
"""

import csv
import json
import logging
import math
import os
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.domain import (
    NOTICE,
    Agreement,
    Annotation,
    AnnotationKind,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    Prediction,
    ReaderAssessment,
    ReadingMode,
    propose_agreement,
    standing,
)
from engine.errors import StorageFailed
from engine.plain_text import visible_text
from engine.records.pseudonyms import Pseudonyms

log = logging.getLogger(__name__)

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
    prediction TEXT,  -- JSON object, see _prediction_to_json; NULL: the model had said nothing
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
_MIGRATIONS = (
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
SCHEMA_VERSION = len(_MIGRATIONS)
_COLUMNS = (
    "study_uid, image_uids, patient_id, laterality, reader, category, proposed_agreement, "
    "agreement, reason, comment, prediction, reading_mode, opened_at, recorded_at, supersedes, "
    "category_before, revealed_at, time_spent_s, restores, is_withdrawn, id"
)
_ANNOTATION_COLUMNS = (
    "mark, study_uid, image_uid, patient_id, reader, kind, points, text, measured, is_removed"
)
# With what has become known since of readings made without the answer.
_SELECT = (
    "SELECT "
    + ", ".join(f"readings.{column}" for column in _COLUMNS.split(", "))
    + ", answers.prediction, reveals.revealed_at FROM readings "
    "LEFT JOIN answers ON answers.reading = readings.id "
    "LEFT JOIN reveals ON reveals.reading = readings.id"
)
# A spreadsheet runs a cell that begins with one of these as a formula,
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
EXPORT_COLUMNS = (
    *("record_id", "supersedes", "is_current", "is_withdrawn"),
    *("study_uid", "image_uids", "patient_id"),
    *("laterality", "reader", "category_before", "category"),
    *("proposed_agreement", "agreement", "reason", "comment"),
    *("model", "model_sha256", "model_categories", "model_category", "model_confidence"),
    *("p1", "p2", "p3", "p4", "p5", "p_malignant", "scope_reason"),
    *("reading_mode", "opened_at", "revealed_at", "recorded_at", "time_spent_s", "notice"),
)


class ReadingStore:
    """The readings of this user on this machine; one thread uses a store, any number of processes.

    Raises StorageFailed where the file or its folder cannot be used.
    """

    def __init__(self, path: Path, lock_timeout_s: float = 2.0) -> None:
        self._path = Path(path)
        with _storage_errors("opened"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_orphaned_log()
            # isolation_level None: transactions begin and end where we say so
            self._connection = sqlite3.connect(
                self._path, timeout=lock_timeout_s, isolation_level=None
            )
        try:
            with _storage_errors("opened"):
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "ReadingStore":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def _refuse_orphaned_log(self) -> None:
        """SQLite would delete a log whose database is gone, and the newest readings are in it."""
        orphan = self._path.with_name(self._path.name + "-wal")
        is_gone = not self._path.exists() or self._path.stat().st_size == 0
        if is_gone and orphan.exists() and orphan.stat().st_size > 0:
            raise StorageFailed(
                "Readings file is missing",
                f"Put {self._path.name} back: the newest readings are in {orphan.name} beside it.",
            )

    def _prepare(self) -> None:
        execute = self._connection.execute
        version = execute("PRAGMA user_version").fetchone()[0]
        application = execute("PRAGMA application_id").fetchone()[0]
        tables = execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StorageFailed(
                "Readings file is another program's",
                "Move that file away or choose another data folder; it was left unchanged.",
            )
        if version > SCHEMA_VERSION:
            raise StorageFailed(
                "Readings of a newer version",
                "Update birads-viewer to go on with these readings; they were left unchanged.",
            )
        if execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise _damaged()
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=FULL")
        execute("PRAGMA foreign_keys=ON")
        if version < SCHEMA_VERSION:
            self._migrate()

    def _migrate(self) -> None:
        """Makes the tables, or adds what an older file lacks: all of it or nothing."""
        execute = self._connection.execute
        with self._transaction():
            # read again: another process may have been faster
            version = execute("PRAGMA user_version").fetchone()[0]
            for script in _MIGRATIONS[version:]:
                for statement in _statements(script):
                    execute(statement)
            execute(f"PRAGMA application_id={APPLICATION_ID}")
            execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        if version:
            log.info("Brought the readings from version %d to %d", version, SCHEMA_VERSION)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some errors, e.g. a full disk
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    self._connection.execute("ROLLBACK")
            raise

    def record(
        self, assessment: ReaderAssessment, places: Mapping[str, Path] | None = None
    ) -> ReaderAssessment:
        """Stores the assessment and returns it with its record id; it is on the disk then.

        `places` are the files of the study's images, by image uid, as of `note_places`.

        Raises StorageFailed where it could not be written, also where the record that it
        supersedes has been corrected meanwhile; ValueError where times lack their zone, the
        superseded record is of another breast, patient or reader, or a category was changed after
        the model's answer without a reason.
        """
        if assessment.record_id is not None:
            raise ValueError("the assessment has been recorded already")
        times = (assessment.opened_at, assessment.recorded_at, assessment.revealed_at)
        if any(time is not None and time.tzinfo is None for time in times):
            raise ValueError("the times of an assessment need a time zone")
        is_changed = assessment.category_before not in (None, assessment.category)
        if is_changed and not assessment.reason:
            raise ValueError("a change after the model's answer needs a reason")
        values = (
            assessment.study_uid,
            json.dumps(assessment.image_uids),
            assessment.patient_id,
            assessment.laterality.value,
            assessment.reader,
            assessment.category.value,
            assessment.proposed_agreement.value,
            assessment.agreement.value,
            assessment.reason,
            assessment.comment,
            _prediction_to_json(assessment.prediction),
            assessment.reading_mode.value,
            assessment.opened_at.isoformat(),
            assessment.recorded_at.isoformat(),
            assessment.supersedes,
            assessment.category_before and assessment.category_before.value,
            assessment.revealed_at and assessment.revealed_at.isoformat(),
            assessment.time_spent_s,
            assessment.restores,
            1 if assessment.is_withdrawn else None,
            None,
        )
        with _storage_errors("saved"), self._transaction():
            if assessment.supersedes is not None:
                self._check_superseded(assessment)
            self._add_places(assessment.study_uid, assessment.patient_id, places or {})
            cursor = self._connection.execute(
                f"INSERT INTO readings ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values
            )
            record_id = cursor.lastrowid
        log.info("Recorded reading %d", record_id)
        # read back rather than copied: the caller sees what the next start will see
        return self._select("WHERE readings.id = ?", record_id)[0]

    def attach_answers(self, answers: Mapping[int, Prediction]) -> None:
        """Keeps what the model says of readings made without it, by record id; the first stays.

        Raises StorageFailed.
        """
        now = datetime.now(UTC).isoformat()
        rows = [(record_id, _prediction_to_json(said), now) for record_id, said in answers.items()]
        with _storage_errors("saved"), self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows)

    def reveal(self, record_ids: Collection[int], at: datetime) -> None:
        """Keeps that the readers of these are shown the answers now; the first time stays.

        Raises StorageFailed: the answers are not to be shown then.
        """
        rows = [(record_id, at.isoformat()) for record_id in record_ids]
        with _storage_errors("saved"), self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO reveals VALUES (?, ?)", rows)

    def note_places(self, study_uid: str, patient_id: str, places: Mapping[str, Path]) -> None:
        """Keeps where the files of the study's images lie now, by image uid.

        Raises StorageFailed.
        """
        with _storage_errors("saved"), self._transaction():
            self._add_places(study_uid, patient_id, places)

    def _add_places(self, study_uid: str, patient_id: str, places: Mapping[str, Path]) -> None:
        known = self._places(study_uid, patient_id)
        rows = [
            (study_uid, patient_id, image_uid, str(path))
            for image_uid, path in places.items()
            # a name in no encoding would stop the reading from being stored
            if known.get(image_uid) != path and _is_text(str(path))
        ]
        self._connection.executemany(
            "INSERT INTO places (study_uid, patient_id, image_uid, path) VALUES (?, ?, ?, ?)", rows
        )

    def places(self, study_uid: str, patient_id: str) -> dict[str, Path]:
        """Where the files of the study's images were last seen, by image uid.

        None of studies that were last read with a version that did not keep it.
        """
        with _storage_errors("read"):
            return self._places(study_uid, patient_id)

    def _places(self, study_uid: str, patient_id: str) -> dict[str, Path]:
        rows = self._connection.execute(
            "SELECT image_uid, path FROM places WHERE study_uid = ? AND patient_id = ? ORDER BY id",
            (study_uid, patient_id),
        )
        return {image_uid: Path(path) for image_uid, path in rows}

    def annotate(self, annotations: Sequence[Annotation]) -> None:
        """Stores drawings, changes of them and removals, in that order: all of them or none.

        Raises StorageFailed.
        """
        now = datetime.now(UTC).isoformat()
        rows = [
            (
                annotation.mark,
                annotation.study_uid,
                annotation.image_uid,
                annotation.patient_id,
                annotation.reader,
                annotation.kind.value,
                json.dumps(annotation.points),
                annotation.text,
                annotation.measured,
                int(annotation.is_removed),
                now,
            )
            for annotation in annotations
        ]
        with _storage_errors("saved"), self._transaction():
            self._connection.executemany(
                f"INSERT INTO annotations ({_ANNOTATION_COLUMNS}, stored_at) "
                f"VALUES ({', '.join('?' * 11)})",
                rows,
            )

    def annotations(self, study_uid: str) -> tuple[Annotation, ...]:
        """What is drawn on the study's images now, the first drawn first. Raises StorageFailed."""
        newest: dict[str, Annotation] = {}
        with _storage_errors("read"):
            rows = self._connection.execute(
                f"SELECT {_ANNOTATION_COLUMNS} FROM annotations WHERE study_uid = ? ORDER BY id",
                (study_uid,),
            )
            for row in rows:
                annotation = _annotation_from_row(row)
                newest[annotation.mark] = annotation
        return tuple(found for found in newest.values() if not found.is_removed)

    def _check_superseded(self, assessment: ReaderAssessment) -> None:
        earlier = self._select("WHERE readings.id = ?", assessment.supersedes)
        restored = (
            []
            if assessment.restores is None
            else self._select("WHERE readings.id = ?", assessment.restores)
        )
        if not earlier or any(
            getattr(record, name) != getattr(assessment, name)
            for record in (*earlier, *restored)
            for name in ("study_uid", "patient_id", "laterality", "reader")
        ):
            raise ValueError("a correction must be of the same breast and by the same reader")
        if self._select("WHERE supersedes = ?", assessment.supersedes):
            raise StorageFailed(
                "Reading corrected meanwhile",
                "Open the study again, look at the newest reading, and save yours after it.",
            )

    def history(self, study_uid: str) -> tuple[ReaderAssessment, ...]:
        """All assessments of the study, superseded ones too, oldest first."""
        with _storage_errors("read"):
            return self._select("WHERE study_uid = ?", study_uid)

    def current(self, study_uid: str) -> dict[Laterality, ReaderAssessment]:
        """The newest assessment of each breast of the study that has one."""
        return {reading.laterality: reading for reading in standing(self.history(study_uid))}

    def all(self) -> tuple[ReaderAssessment, ...]:
        """Every assessment of every study, superseded ones too, oldest first."""
        with _storage_errors("read"):
            return self._select("")

    def _select(self, where: str, *parameters: object) -> tuple[ReaderAssessment, ...]:
        rows = self._connection.execute(f"{_SELECT} {where} ORDER BY readings.id", parameters)
        return tuple(_from_row(row) for row in rows)

    def export_csv(
        self,
        path: Path,
        may_show: Callable[[ReaderAssessment], bool] = lambda _assessment: True,
        unblind: bool = False,
        only: Collection[int] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> int:
        """Writes all assessments, or `only` those with these record ids, as UTF-8 CSV, one a line;
        returns their number.

        With `pseudonyms` keyed hashes stand for patients, studies, images and readers, and free
        text, which may name anybody, is left out.
        Of a reading whose answer was never revealed, and of those that `may_show` refuses, nothing
        of the model is told. With `unblind` everything is, and is on record as revealed from then
        on. The file appears whole or not at all. A text cell that a spreadsheet would run as a
        formula gets an apostrophe in front. Raises StorageFailed.
        """
        assessments = self.all()
        if unblind:
            hidden = [a for a in assessments if a.prediction is not None and not a.is_revealed]
            self.reveal([assessment.record_id for assessment in hidden], datetime.now(UTC))
            assessments = self.all()
        current = {assessment.record_id for assessment in standing(assessments)}
        if only is not None:
            assessments = tuple(a for a in assessments if a.record_id in only)
        with _storage_errors("exported"), replaced_whole(Path(path)) as file:
            writer = csv.DictWriter(file, EXPORT_COLUMNS)
            writer.writeheader()
            for assessment in assessments:
                is_shown = assessment.is_revealed and (unblind or may_show(assessment))
                told = assessment if is_shown else assessment.without_model()
                if pseudonyms is not None:
                    told = _pseudonymised(told, pseudonyms)
                writer.writerow(_export_row(told, told.record_id in current))
        log.info("Exported %d readings", len(assessments))
        return len(assessments)


# ------------------------------------------------------------------------------- rows and values


def _statements(script: str) -> Iterator[str]:
    """The script's single statements; `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _prediction_to_json(prediction: Prediction | None) -> str | None:
    if prediction is None:
        return None
    probabilities = prediction.probabilities
    return json.dumps(
        {
            "model": prediction.model.name,
            "sha256": prediction.model.sha256,
            "categories": list(prediction.model.categories),
            "probabilities": probabilities
            and {str(grade): float(p) for grade, p in probabilities.items()},
            "category": prediction.category,
            "confidence": None if prediction.confidence is None else float(prediction.confidence),
            "scope_reason": prediction.scope_reason,
            "malignancy": None if prediction.malignancy is None else float(prediction.malignancy),
        }
    )


def _prediction_from_json(text: str | None) -> Prediction | None:
    if text is None:
        return None
    values = json.loads(text)
    probabilities = values["probabilities"]
    return Prediction(
        ModelIdentity(values["model"], values["sha256"], tuple(values["categories"])),
        probabilities and {int(grade): p for grade, p in probabilities.items()},
        values["scope_reason"],
        values["malignancy"],
    )


def _from_row(row: Sequence) -> ReaderAssessment:
    try:
        assessment = ReaderAssessment(
            study_uid=row[0],
            image_uids=tuple(json.loads(row[1])),
            patient_id=row[2],
            laterality=Laterality(row[3]),
            reader=row[4],
            category=BiradsCategory(row[5]),
            proposed_agreement=Agreement(row[6]),
            agreement=Agreement(row[7]),
            reason=row[8],
            comment=row[9],
            prediction=_prediction_from_json(row[10]),
            reading_mode=ReadingMode(row[11]),
            opened_at=datetime.fromisoformat(row[12]),
            recorded_at=datetime.fromisoformat(row[13]),
            supersedes=row[14],
            category_before=row[15] and BiradsCategory(row[15]),
            revealed_at=_earliest(row[16], row[22]),
            time_spent_s=row[17],
            restores=row[18],
            is_withdrawn=bool(row[19]),
            record_id=row[20],
        )
        if row[10] is not None or row[21] is None:
            return assessment
        answer = _prediction_from_json(row[21])  # it came later, and no reader judged it
        agreement = propose_agreement(assessment.category, answer)
        return replace(
            assessment, prediction=answer, proposed_agreement=agreement, agreement=agreement
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise _damaged() from error


def _annotation_from_row(row: Sequence) -> Annotation:
    try:
        points = tuple((float(down), float(across)) for down, across in json.loads(row[6]))
        if not all(math.isfinite(number) for point in points for number in point):
            raise ValueError("a point that is nowhere")
        return Annotation(
            *row[:5], AnnotationKind(row[5]), points, row[7], row[8], is_removed=bool(row[9])
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise _damaged() from error


def _earliest(*texts: str | None) -> datetime | None:
    return min((datetime.fromisoformat(text) for text in texts if text), default=None)


def _pseudonymised(assessment: ReaderAssessment, pseudonyms: Pseudonyms) -> ReaderAssessment:
    return replace(
        assessment,
        study_uid=pseudonyms.name("study", assessment.study_uid),
        image_uids=tuple(pseudonyms.name("image", uid) for uid in assessment.image_uids),
        patient_id=pseudonyms.name("patient", assessment.patient_id),
        reader=pseudonyms.name("reader", assessment.reader),
        comment="",
    )


def _export_row(assessment: ReaderAssessment, is_current: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "record_id": assessment.record_id,
        "supersedes": assessment.supersedes,
        "is_current": int(is_current),
        "is_withdrawn": int(assessment.is_withdrawn),
        "study_uid": inert(assessment.study_uid),
        "image_uids": inert(" ".join(assessment.image_uids)),
        "patient_id": inert(assessment.patient_id),
        "laterality": assessment.laterality.value,
        "reader": inert(assessment.reader),
        "category_before": assessment.category_before and assessment.category_before.value,
        "category": assessment.category.value,
        "proposed_agreement": assessment.proposed_agreement.value,
        "agreement": assessment.agreement.value,
        "reason": inert(assessment.reason),
        "comment": inert(assessment.comment),
        "reading_mode": assessment.reading_mode.value,
        "opened_at": assessment.opened_at.isoformat(),
        "revealed_at": assessment.revealed_at and assessment.revealed_at.isoformat(),
        "recorded_at": assessment.recorded_at.isoformat(),
        "time_spent_s": assessment.time_spent_s,
        "notice": NOTICE,
    }
    if (prediction := assessment.prediction) is not None:
        row |= {
            "model": prediction.model.name,
            "model_sha256": prediction.model.sha256,
            "model_categories": " ".join(map(str, prediction.model.categories)),
            "model_category": prediction.category,
            "model_confidence": prediction.confidence,
            "p_malignant": prediction.malignancy,
            "scope_reason": inert(prediction.scope_reason or ""),
        }
        # a category that the model does not have stays empty, it is not 0
        row |= {f"p{grade}": p for grade, p in (prediction.probabilities or {}).items()}
    return row


def inert(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula, and on one line: a spreadsheet
    that is told another separator would take each line's beginning for a cell's.
    """
    is_formula = text.lstrip(" ").startswith(_FORMULA_STARTS)
    text = visible_text(text)
    return f"'{text}" if is_formula else text


# ------------------------------------------------------------------------------ files and errors


@contextmanager
def replaced_whole(path: Path) -> Iterator:
    """A text file that takes the place of `path` when the block ends well, else leaves nothing."""
    with tempfile.NamedTemporaryFile(
        "w",
        encoding="utf-8",
        newline="",
        dir=path.parent,
        prefix=f".{path.name[:50]}-",
        delete=False,
    ) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
    try:
        os.replace(temporary, path)
    except OSError:  # e.g. the old file is open in a spreadsheet, on Windows
        temporary.unlink(missing_ok=True)
        raise


def _is_text(name: str) -> bool:
    """Whether it has no bytes that could not be decoded (PEP 383)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _damaged() -> StorageFailed:
    return StorageFailed(
        "Readings file is damaged",
        "Copy readings.sqlite out of the data folder to have it repaired, then move it away to "
        "start a new one; it was left unchanged.",
    )


@contextmanager
def _storage_errors(deed: str) -> Iterator[None]:
    """Turns what SQLite and the file system raise into StorageFailed."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # our own constraints: a bug, not the world
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        log.warning("Readings could not be %s: %s", deed, name or type(error).__name__)
        raise _from_sqlite(name, deed) from error
    except OSError as error:
        log.warning("Readings could not be %s: errno %s", deed, error.errno)
        raise StorageFailed(
            f"Readings cannot be {deed}",
            f"Check that the folder exists, may be written to and has room ({error.strerror}).",
        ) from error


def _from_sqlite(name: str, deed: str) -> StorageFailed:
    """`name` is SQLite's own, e.g. SQLITE_FULL; see https://sqlite.org/rescode.html."""
    title = f"Readings cannot be {deed}"
    if name.startswith("SQLITE_FULL"):
        return StorageFailed(title, "The disk is full: make room, then save again.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageFailed(title, "Another program holds the readings file: close it, try again.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return _damaged()
    return StorageFailed(
        title, "Check that the data folder exists, may be written to and has room."
    )
