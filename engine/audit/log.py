"""The audit log: messages that are kept, linked, and passed on.

One SQLite file of its own, with its own rights, append-only like the readings: each row is linked
to the one before, the newest also in an anchor beside it. The file is its own queue for a syslog
server: what was delivered is a row, too.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.audit.messages import AuditEvent, as_xml, this_host
from engine.errors import StorageFailed
from engine.private_files import make_private_folder
from engine.records import chain, database
from engine.records.backups import default_store

log = logging.getLogger(__name__)

FILE_NAME = "audit.sqlite"
_BATCH = 500  # messages that are read at once
_LOCK_TIMEOUT_S = 10

_SCRIPT = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, xml TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY, up_to INTEGER NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chain (
    position INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT NOT NULL,
    row_id INTEGER NOT NULL, hash TEXT NOT NULL);
"""
_TRIGGERS = "".join(
    f"CREATE TRIGGER IF NOT EXISTS {table}_never_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
    for table in ("messages", "deliveries", "chain")
    for verb in ("UPDATE", "DELETE")
)


@dataclass(frozen=True)
class AuditVerdict:
    """Whether the log is as it was written."""

    problem: str  #: empty: it is
    messages: int
    waiting: int  #: that no syslog server has been given
    head: str


def default_folder() -> Path:
    """Beside the readings, in a folder of its own."""
    return default_store().parent / "audit"


class AuditLog:
    """Opens the file for each message: there are a few a minute, from several processes."""

    def __init__(self, folder: Path | None = None, source: str = "") -> None:
        self.path = (folder or default_folder()) / FILE_NAME
        self._source = source or f"birads-viewer@{this_host()}"

    def record(self, event: AuditEvent) -> None:
        """It is on the disk then. Raises StorageFailed."""
        now = datetime.now(UTC).astimezone()
        xml = as_xml(event, now, self._source)
        with self._opened() as connection:
            self._append(connection, "messages", {"at": now.isoformat(), "xml": xml})

    def waiting(self) -> list[tuple[int, str, str]]:
        """Number, time and XML of the first messages that were not delivered."""
        with self._opened() as connection:
            return connection.execute(
                "SELECT id, at, xml FROM messages WHERE id > "
                "(SELECT COALESCE(MAX(up_to), 0) FROM deliveries) ORDER BY id LIMIT ?",
                (_BATCH,),
            ).fetchall()

    def delivered(self, up_to: int) -> None:
        """Keeps that a syslog server was given the messages up to that number."""
        with self._opened() as connection:
            row: dict[str, object] = {"up_to": up_to, "at": datetime.now(UTC).isoformat()}
            self._append(connection, "deliveries", row)

    def messages(self) -> Iterator[str]:
        """Every message, the oldest first."""
        with self._opened() as connection:
            for (xml,) in connection.execute("SELECT xml FROM messages ORDER BY id"):
                yield xml

    def verify(self) -> AuditVerdict:
        """Raises StorageFailed where the file cannot be read."""
        anchor = chain.read_anchor(self.path)
        if database.identity(self.path) is None:
            problem = "The audit log is missing." if anchor is not None else ""
            return AuditVerdict(problem, 0, 0, "")
        with self._opened() as connection:
            connection.execute("BEGIN")
            newest = chain.head(connection)
            misfit = next(chain.misfits(connection), None)
            (messages,) = connection.execute("SELECT COUNT(*) FROM messages").fetchone()
            (waiting,) = connection.execute(
                "SELECT COUNT(*) FROM messages WHERE id > "
                "(SELECT COALESCE(MAX(up_to), 0) FROM deliveries)"
            ).fetchone()
            ever = max(chain.links_ever_made(connection), anchor.rows if anchor else 0)
            problem = ""
            if misfit is not None:
                problem = f"Row {misfit.row} of table {misfit.table} was {misfit.what}."
            elif ever > newest.rows:
                problem = f"The newest rows are missing: {newest.rows} of {ever} are there."
            elif anchor is not None and not chain.has(connection, anchor):
                problem = "The newest rows are others than those that were written."
            elif anchor is None and newest.rows:
                problem = "The anchor beside the log is missing."
            connection.execute("ROLLBACK")
        return AuditVerdict(problem, messages, waiting, newest.hash)

    def _append(self, connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            names, marks = ", ".join(row), ", ".join("?" * len(row))
            cursor = connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())
            )
            assert cursor.lastrowid is not None
            chain.append(connection, table, cursor.lastrowid)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        chain.vouch(connection, self.path)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            make_private_folder(self.path.parent)
            is_new = not self.path.exists()
            if is_new and chain.anchor_path(self.path).exists():
                log.error("The audit log is gone; it is begun anew")  # verify tells for ever after
            with closing(database.connect(self.path, _LOCK_TIMEOUT_S)) as connection:
                if os.name == "posix":
                    self.path.chmod(0o600)
                database.keep_log(connection, _LOCK_TIMEOUT_S)
                connection.execute("PRAGMA synchronous=FULL")
                if not connection.execute(
                    "SELECT 1 FROM sqlite_schema WHERE name = 'messages_never_update'"
                ).fetchone():
                    connection.executescript(_SCRIPT + _TRIGGERS)
                database.keep_all_private(self.path)
                yield connection
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            name = getattr(error, "sqlite_errorname", None) or type(error).__name__
            log.error("The audit log cannot be used: %s", name)
            raise StorageFailed(
                "Audit log cannot be written",
                f"Check that {self.path.parent} may be written to and has room.",
            ) from error
