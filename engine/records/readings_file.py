"""The readings file under the store's hands: opened, followed, and never taken for what it is not.

Every save is on the disk when its block ends: write-ahead log with ``synchronous=FULL``, see
https://sqlite.org/pragma.html#pragma_synchronous. Every row is linked to the one before (`chain`);
the newest is kept in an anchor beside the file.

A file that is not ours, damaged, emptied, changed or of a newer program is refused and left as it
is; a file that is gone where there was one is not taken for a first start. A file that is deleted
or replaced while it is open is noticed before anything is acknowledged.
"""

import errno
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from engine.errors import StorageFailed
from engine.messages import Message, message
from engine.private_files import FOLDER_NAME, keep_private, make_folder, make_private_folder
from engine.records import chain, schema
from engine.records.database import (
    Identity,
    connect,
    copy_to,
    free_name,
    identity,
    keep_all_private,
    keep_log,
    logs_of,
)
from engine.records.schema import APPLICATION_ID, SCHEMA_VERSION
from engine.records.storage_errors import damaged, storage_errors

log = logging.getLogger(__name__)

_RESTORE = message("Put the newest backup in its place: birads-engine readings restore FILE.")


class ReadingsFile:
    """For one thread. `on_problem` is told what has happened to the file and was set right, or
    cannot be: the reader must know, and saving goes on.

    Raises StorageFailed where the file or its folder cannot be used.
    """

    def __init__(
        self, path: Path, lock_timeout_s: float, on_problem: Callable[[StorageFailed], None]
    ) -> None:
        self._path = path
        self._lock_timeout_s = lock_timeout_s
        self._on_problem = on_problem
        self._connection: sqlite3.Connection | None = None
        self._known: Identity | None = None  # the file as it was left by the last call
        with storage_errors("opened"):
            self._open()

    @property
    def connection(self) -> sqlite3.Connection:
        """For queries within `reading` and `saving`."""
        if self._connection is None:
            raise sqlite3.ProgrammingError("the readings file is closed")
        return self._connection

    @contextmanager
    def reading(self) -> Iterator[None]:
        with storage_errors("read"):
            self._follow_file()
            yield

    @contextmanager
    def saving(self) -> Iterator[None]:
        """All that is inserted within is on the disk afterwards, in the file at the path; or, where
        it raises, nothing is.
        """
        with storage_errors("saved"):
            self._follow_file()
            with _transaction(self.connection):
                yield
            self._acknowledge()

    def insert(self, table: str, values: Mapping[str, object], verb: str = "INSERT") -> int | None:
        """The one door by which rows come in: each is linked. Its number, None if it was ignored.

        Only within `saving`.
        """
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.connection.execute(
            f"{verb} INTO {table} ({columns}) VALUES ({marks})", tuple(values.values())
        )
        if cursor.rowcount == 0 or cursor.lastrowid is None:
            return None
        chain.append(self.connection, table, cursor.lastrowid)
        return cursor.lastrowid

    def settle(self) -> None:
        """Empties the log into the file, so that a copy of the file alone is whole. It takes some
        writes more than a save: for a moment when nobody waits. Not at once where somebody reads.
        """
        try:
            with storage_errors("saved"):
                self._follow_file()
                self._empty_log()
                self._known = identity(self._path)
        except StorageFailed as error:  # all that was saved is on the disk
            log.warning("The log of the readings stays: %s", error.title)

    def close(self) -> None:
        """Whoever is the last leaves no log, and a file whose header asks for none."""
        if self._connection is None:
            return
        with suppress(sqlite3.Error, OSError):  # others have it open: the log stays
            # of another file SQLite would take the log away
            if self._is_same_file(identity(self._path)):
                self.connection.execute("PRAGMA busy_timeout=0")
                self.connection.execute("PRAGMA journal_mode=DELETE")
        self._let_go()

    def _let_go(self) -> None:
        self.connection.close()
        self._connection = None

    def _is_same_file(self, found: Identity | None) -> bool:
        """Whether it is the one that the last call left, whatever its content is now."""
        return found is not None and self._known is not None and found.file == self._known.file

    # ------------------------------------------------------------------------------ opening it

    def _open(self, reports: bool = True) -> None:
        """Opens the file, makes it at the very first start, refuses what cannot be used."""
        if self._path.parent.name == FOLDER_NAME:
            make_private_folder(self._path.parent)
        else:
            make_folder(self._path.parent)
        found = identity(self._path)
        if found is None:
            self._refuse_lost()
            self._create()
        elif found.size == 0:
            # never ours: a new file takes its name when its tables are in it
            raise StorageFailed(
                message("Readings file is empty"),
                message(
                    "Something has emptied {name}. {advice}", name=self._path.name, advice=_RESTORE
                ),
            )
        is_torn = self._is_torn_copy()
        connection = connect(self._path, self._lock_timeout_s)
        try:
            self._prepare(connection, is_torn)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        keep_all_private(self._path)
        keep_private(chain.anchor_path(self._path))
        self._known = identity(self._path)
        if reports:
            self._report_lost_rows()

    def _refuse_lost(self) -> None:
        """SQLite would delete a log whose database is gone, and the newest readings are in it; the
        anchor tells that there were some.
        """
        log_file = logs_of(self._path)[0]
        if log_file.exists() and log_file.stat().st_size > 0:
            raise StorageFailed(
                message("Readings file is missing"),
                message(
                    "Put {name} back: the newest readings are in {other} beside it.",
                    name=self._path.name,
                    other=log_file.name,
                ),
            )
        anchor = chain.anchor_path(self._path)
        if anchor.exists():
            raise StorageFailed(
                message("Readings file is missing"),
                message(
                    "{advice} To start anew without it, move {name} away, too.",
                    advice=_RESTORE,
                    name=anchor.name,
                ),
            )

    def _is_torn_copy(self) -> bool:
        """Whether the file was in use when it was copied, and its log was left behind."""
        with self._path.open("rb") as file:
            header = file.read(20)  # https://sqlite.org/fileformat.html#file_format_version_numbers
        has_log = len(header) == 20 and header[18] == 2
        beside = (logs_of(self._path)[0], chain.anchor_path(self._path))
        return has_log and not any(path.exists() for path in beside)

    def _create(self) -> None:
        """Makes an empty store; of two processes the first wins."""
        new = self._path.with_name(f".{self._path.name}-new-{os.getpid()}")
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
            with _transaction(empty):
                schema.migrate(empty)
            copy_to(empty, new)
        try:
            _name_first(new, self._path)
        finally:
            new.unlink(missing_ok=True)

    def _prepare(self, connection: sqlite3.Connection, is_torn: bool) -> None:
        execute = connection.execute
        version = schema.version_of(connection)
        application = execute("PRAGMA application_id").fetchone()[0]
        tables = execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise StorageFailed(
                message("Readings file is another program's"),
                message(
                    "Move that file away or choose another data folder; it was left unchanged."
                ),
            )
        if version > SCHEMA_VERSION:
            raise StorageFailed(
                message("Readings of a newer version"),
                message(
                    "Update birads-viewer to go on with these readings; they were left unchanged."
                ),
            )
        was_used = version or application or chain.anchor_path(self._path).exists()
        if was_used and not tables:
            raise damaged()
        if execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise damaged()
        if version == SCHEMA_VERSION:
            _refuse_changed(connection)
        if is_torn and version >= schema.CHAINED_SINCE:  # before, every file looked so
            raise StorageFailed(
                message("Readings are missing"),
                message(
                    "The file was copied without the -wal file beside it, and the newest readings "
                    "are in that: copy both, or use birads-engine readings backup DIR. To go on "
                    "without them, restore the file from itself (birads-engine readings restore "
                    "FILE)."
                ),
            )
        if version == SCHEMA_VERSION and chain.links_ever_made(connection) == 0:
            # before there is a log: a first start that is ended here leaves what the next takes
            chain.vouch(connection, self._path)
        keep_log(connection, self._lock_timeout_s)
        execute("PRAGMA synchronous=FULL")
        execute("PRAGMA foreign_keys=ON")
        if version < SCHEMA_VERSION:
            with _transaction(connection):  # all of it or nothing
                # read anew within: another process may have been faster
                version = schema.migrate(connection)
                _refuse_changed(connection)
            if version:
                log.info("Brought the readings from version %d to %d", version, SCHEMA_VERSION)
            chain.vouch(connection, self._path)

    def _report_lost_rows(self) -> None:
        anchor, newest = chain.read_anchor(self._path), chain.head(self.connection)
        if anchor is None:
            self._report(
                message("Readings may be missing"),
                message(
                    "The file's anchor is not beside it, so nothing tells whether the newest rows "
                    "are there. Copies are made by birads-engine readings backup DIR."
                ),
            )
        elif not chain.has(self.connection, anchor):
            self._report(
                message("Readings are missing"),
                message(
                    "The file is not the one that was saved last: {held} of {count} rows are "
                    "there. {advice}",
                    held=newest.rows,
                    count=anchor.rows,
                    advice=_RESTORE,
                ),
            )

    def _report(self, title: Message, advice: Message) -> None:
        log.warning("%s", title)
        self._on_problem(StorageFailed(title, advice))

    # --------------------------------------------------------------- the file under our hands

    def _follow_file(self) -> None:
        """Makes sure that the connection leads to the file that lies at the path now.

        A connection to a file that was deleted or replaced goes on without an error, and what is
        saved through it is gone with it. Where the file is another one, see `_replace_lost`. Where
        it is the same with other content, another window has saved, or a copy was put over it: it
        is opened anew, since what SQLite remembers of it may not hold any more.
        """
        if self._connection is None:
            self._open()
            return
        found = identity(self._path)
        if found == self._known:
            return
        if self._is_same_file(found):
            self._let_go()
            self._open()
            return
        self._replace_lost()

    def _replace_lost(self) -> None:
        """The open file does not lie at the path any more; through the connection it can still be
        read. Everything that was saved goes on: in the file that lies there if that has it all;
        else in the old one, which is put back if what lies there is an earlier state of it or
        nothing; else both are kept, and the one that lies there is used.
        """
        if not self._path.parent.is_dir():  # e.g. a drive that was taken out: it may come back
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        kept = free_name(self._path, "kept")
        with suppress(sqlite3.Error):  # nothing of the old log may reach the new file
            self._empty_log()
        copy_to(self.connection, kept)
        newest = chain.head(self.connection)
        self._let_go()
        if identity(self._path) is None:
            self._put_back(kept)
            self._report(
                message("Readings file was missing"),
                message(
                    "It was deleted or moved while it was open, and has been written anew with "
                    "everything that had been saved."
                ),
            )
            return
        try:
            with storage_errors("opened"):
                self._open(reports=False)
        except StorageFailed as error:
            raise StorageFailed(
                message("Readings file was replaced"),
                message(
                    "{advice} What was saved before is kept beside it as {name}.",
                    advice=error.advice,
                    name=kept.name,
                ),
            ) from error
        if chain.has(self.connection, newest):
            kept.unlink()
            return
        with closing(connect(kept)) as old:
            is_earlier = chain.has(old, chain.head(self.connection))
        if not is_earlier:
            self._report(
                message("Readings file was replaced"),
                message(
                    "Readings go into the file that lies there now. What was saved before is "
                    "kept beside it as {name}.",
                    name=kept.name,
                ),
            )
            return
        self._let_go()
        replaced = free_name(self._path, "replaced")
        self._path.replace(replaced)
        self._put_back(kept)
        self._report(
            message("Readings file was replaced"),
            message(
                "By an earlier state of it: everything saved since is put back, and the other "
                "file is kept beside it as {name}.",
                name=replaced.name,
            ),
        )

    def _put_back(self, kept: Path) -> None:
        for log_file in logs_of(self._path):  # of the file that is gone
            log_file.unlink(missing_ok=True)
        kept.replace(self._path)
        self._open(reports=False)
        chain.vouch(self.connection, self._path)

    def _empty_log(self) -> None:
        """Raises sqlite3.Error where that fails, and does nothing where somebody reads."""
        self.connection.execute("PRAGMA busy_timeout=0")
        try:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.connection.execute(f"PRAGMA busy_timeout={round(self._lock_timeout_s * 1000)}")

    def _acknowledge(self) -> None:
        """After a commit: the newest row is vouched for, and in the file that lies at the path."""
        chain.vouch(self.connection, self._path)
        newest, found = chain.head(self.connection), identity(self._path)
        is_same = self._is_same_file(found)
        self._known = found
        if not is_same:  # since the look before
            self._replace_lost()
            if not chain.has(self.connection, newest):
                raise StorageFailed(
                    message("Readings file was replaced"),
                    message(
                        "What was saved just now is in the file that is kept beside it: save it "
                        "again."
                    ),
                )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has rolled back by itself after some errors, e.g. a full disk
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise


def _refuse_changed(connection: sqlite3.Connection) -> None:
    if (table := schema.missing_table(connection)) is not None:
        raise StorageFailed(
            message("Readings file was changed"),
            message(
                "Its table {table} is missing or changed, and it was left so. {advice}",
                table=table,
                advice=_RESTORE,
            ),
        )
    if (trigger := schema.changed_trigger(connection)) is not None:
        raise StorageFailed(
            message("Readings file was changed"),
            message(
                "Its trigger {trigger} is missing, changed or not ours. Restore the file from "
                "itself (birads-engine readings restore FILE): all rows are checked, and "
                "triggers put back.",
                trigger=trigger,
            ),
        )


def _name_first(new: Path, path: Path) -> None:
    """Gives the new file its name unless another process was faster."""
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            new.replace(path)
