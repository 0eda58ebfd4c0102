"""What is to be sent, on the disk: an entry leaves only when its node has the object.

Each object is a file of the queue's own, whole and on the disk before its row is; a row goes before
its file does. So after a crash at any moment there is either an entry with its file, or at most a
file without an entry, which the next one to write takes away. The write lock of SQLite is held
meanwhile, so nobody takes away a file whose row is just being made.
"""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path

from engine.dicom.files import SourceFile
from engine.dicom.limits import unopened
from engine.dicom.tags import read_tags
from engine.dicom.uids import is_uid
from engine.errors import EngineError, StorageFailed
from engine.private_files import keep_private, make_private_folder, write_whole
from engine.records import database
from engine.records.backups import default_store

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10, 3600
_LARGEST = 2**30  #: bytes of one object
_LOCK_TIMEOUT_S = 30

_SCRIPT = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    node TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE,
    sop_class TEXT NOT NULL,
    sop_uid TEXT NOT NULL,
    syntax TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at TEXT NOT NULL,
    words TEXT NOT NULL DEFAULT '',
    transaction_uid TEXT,
    UNIQUE (node, sop_uid)
);
"""


class SendState(Enum):
    WAITING = "waiting"  #: to be sent, or sent again
    SENT = "sent"  #: the node took it, and has not confirmed yet that it keeps it
    REFUSED = "refused"  #: the node will not have it: a person must look


@dataclass(frozen=True)
class OutboxEntry:
    id: int
    node: str
    path: Path
    sop_class: str
    sop_uid: str
    syntax: str
    study_uid: str
    patient_id: str
    queued_at: str
    state: SendState
    attempts: int
    due_at: str  #: ISO time, UTC
    words: str  #: what the last attempt came to


_FIELDS = tuple(each.name for each in fields(OutboxEntry))
_COLUMNS = (  # in the order of the fields
    "id, node, file, sop_class, sop_uid, syntax, study_uid, patient_id, queued_at, state, "
    "attempts, due_at, words"
)


def default_folder() -> Path:
    return default_store().parent / "outbox"


class Outbox:
    """Several processes may use one; `sender` sees to it that one alone sends.

    Raises StorageFailed where the disk does not do as it should.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()
        self._database = self.folder / "outbox.sqlite"

    def add(self, node: str, path: Path) -> int:
        """Queues a copy of the object in `path`; it is on the disk then. An object that is queued
        for that node already, and is the same, is not queued again.

        Returns the entry's number. Raises StorageFailed, and UnreadableFile for what is no object.
        """
        data, facts = _object(path)
        name = f"{facts['sop_uid']}-{hashlib.sha256(node.encode()).hexdigest()[:8]}.dcm"
        with self._writing() as connection:
            row = connection.execute(
                "SELECT id, file FROM entries WHERE node = ? AND sop_uid = ?",
                (node, facts["sop_uid"]),
            ).fetchone()
            if row is not None and self._holds(row[1], data):
                return int(row[0])
            if row is not None:
                raise StorageFailed(
                    "Another object waits under its identifier",
                    "An identifier is for one object: write the result anew, then send it.",
                )
            write_whole(self.folder / name, data)
            now = _now()
            values = (
                *(node, name, facts["sop_class"], facts["sop_uid"], facts["syntax"]),
                *(facts["study_uid"], facts["patient_id"], now, SendState.WAITING.value, now),
            )
            cursor = connection.execute(
                "INSERT INTO entries (node, file, sop_class, sop_uid, syntax, study_uid, "
                "patient_id, queued_at, state, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def entries(self, node: str | None = None) -> list[OutboxEntry]:
        """All that is in it, the first queued first."""
        if not self._database.exists():
            return []
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM entries WHERE ?1 IS NULL OR node = ?1 ORDER BY id", (node,)
            ).fetchall()
        return [
            OutboxEntry(
                **row | {"path": self.folder / row["path"], "state": SendState(row["state"])}
            )
            for row in (dict(zip(_FIELDS, values, strict=True)) for values in rows)
        ]

    def due(self, node: str, at: datetime | None = None) -> list[OutboxEntry]:
        """What is to be sent now."""
        now = _iso(at or datetime.now(UTC))
        return [e for e in self.entries(node) if e.state is SendState.WAITING and e.due_at <= now]

    def is_stored(self, entry: OutboxEntry, awaits: str | None = None) -> None:
        """The node has taken it; it leaves, unless confirmation `awaits`: a transaction's UID."""
        if awaits is None:
            self._remove([entry.id])
            return
        with self._writing() as connection:
            connection.execute(
                "UPDATE entries SET state = ?, transaction_uid = ?, due_at = ?, "
                "words = 'taken, not confirmed' WHERE id = ?",
                (SendState.SENT.value, awaits, _now(), entry.id),
            )

    def has_failed(self, entry: OutboxEntry, words: str, is_final: bool = False) -> None:
        """It is sent again after a pause that doubles; not, where sending again is of no use."""
        pause = min(_FIRST_PAUSE_S * 2 ** min(entry.attempts, 16), _LONGEST_PAUSE_S)
        due = datetime.now(UTC) + timedelta(seconds=pause)
        state = SendState.REFUSED if is_final else SendState.WAITING
        with self._writing() as connection:
            connection.execute(
                "UPDATE entries SET state = ?, attempts = attempts + 1, due_at = ?, words = ?, "
                "transaction_uid = NULL WHERE id = ?",
                (state.value, _iso(due), words[:500], entry.id),
            )

    def confirmed(self, transaction: str, kept: frozenset[str], failed: frozenset[str]) -> int:
        """A report on storage commitment: what is kept leaves, what is not is sent again.

        Returns how many entries left. A report on what nobody asked for changes nothing.
        """
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT id, sop_uid FROM entries WHERE transaction_uid = ? AND state = ?",
                (transaction, SendState.SENT.value),
            ).fetchall()
        leaving = [number for number, uid in rows if uid in kept and uid not in failed]
        self._remove(leaving)
        by_id = {entry.id: entry for entry in self.entries()}
        for number, uid in rows:
            if uid in failed and number in by_id:
                self.has_failed(by_id[number], "the node took it and does not keep it")
        return len(leaving)

    def unconfirmed(self, node: str, older_than: datetime) -> list[OutboxEntry]:
        """Taken before then, and no report has come: to be asked about again."""
        limit = _iso(older_than)
        return [e for e in self.entries(node) if e.state is SendState.SENT and e.due_at <= limit]

    def retry(self, node: str | None = None) -> int:
        """What waits or was refused is due at once."""
        with self._writing() as connection:
            cursor = connection.execute(
                "UPDATE entries SET state = ?, due_at = ?, attempts = 0 "
                "WHERE (?3 IS NULL OR node = ?3) AND state != ?4",
                (SendState.WAITING.value, _now(), node, SendState.SENT.value),
            )
            return cursor.rowcount

    def drop(self, entry: OutboxEntry) -> None:
        """Somebody decides that it is not sent."""
        self._remove([entry.id])

    @contextmanager
    def sender(self) -> Iterator[bool]:
        """Whether this process alone sends while the block lasts. The system ends it with the
        process, however that ends.
        """
        with self._errors():
            make_private_folder(self.folder)
            lock = sqlite3.connect(self.folder / "sending.sqlite", timeout=0, isolation_level=None)
        try:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                yield False
                return
            yield True
        finally:
            lock.close()

    def _remove(self, numbers: list[int]) -> None:
        """First the rows, then the files."""
        if not numbers:
            return
        marks = ", ".join("?" * len(numbers))
        with self._writing() as connection:
            files = connection.execute(
                f"SELECT file FROM entries WHERE id IN ({marks})", numbers
            ).fetchall()
            connection.execute(f"DELETE FROM entries WHERE id IN ({marks})", numbers)
        for (name,) in files:
            with suppress(OSError):  # then `_sweep` does
                (self.folder / name).unlink()

    def _holds(self, name: str, data: bytes) -> bool:
        try:
            return (self.folder / name).read_bytes() == data
        except OSError:
            return False

    def _sweep(self, connection: sqlite3.Connection) -> None:
        """Files without a row, under the write lock: nobody is just making their row."""
        known = {name for (name,) in connection.execute("SELECT file FROM entries")}
        for path in self.folder.iterdir():
            if path.suffix in (".dcm", ".part") and path.name not in known:
                path.unlink(missing_ok=True)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._sweep(connection)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            make_private_folder(self.folder)
            with closing(database.connect(self._database, _LOCK_TIMEOUT_S)) as connection:
                if os.name == "posix":
                    keep_private(self._database)
                database.keep_log(connection, _LOCK_TIMEOUT_S)
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute(_SCRIPT)
                database.keep_all_private(self._database)
                yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            name = getattr(error, "sqlite_errorname", None) or type(error).__name__
            log.error("The outbox cannot be used: %s", name)
            raise StorageFailed(
                "Outbox cannot be used", f"Check that {self.folder} may be written to and has room."
            ) from error


def _object(path: Path) -> tuple[bytes, dict[str, str]]:
    """The file's bytes, and what it is. Raises EngineError."""
    try:
        with SourceFile(path) as file:
            if file.size > _LARGEST:
                raise NotSendable("Object is too large", "It is longer than a gigabyte.")
            data = file.read()
            file.seek(0)
            with read_tags(file) as read:
                facts = {
                    "sop_class": read.tags.text("SOPClassUID"),
                    "sop_uid": read.tags.text("SOPInstanceUID"),
                    "study_uid": read.tags.text("StudyInstanceUID"),
                    "patient_id": read.tags.text("PatientID"),
                    "syntax": read.transfer_syntax,
                }
    except OSError as error:
        raise NotSendable(*unopened(error)) from error
    if not all(is_uid(facts[name]) for name in ("sop_class", "sop_uid", "study_uid", "syntax")):
        raise NotSendable(
            "Not an object that can be sent", "It says not what it is, or of which study."
        )
    return data, facts


class NotSendable(EngineError):
    """No PACS would take it."""


def _now() -> str:
    return _iso(datetime.now(UTC))


def _iso(time: datetime) -> str:
    """Comparable as text."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")
