"""Is a readings file as the program left it? Looks at everything and changes nothing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine.errors import StorageFailed
from engine.messages import Message, as_message, message
from engine.records import chain, database, schema
from engine.records.chain import Misfit
from engine.records.storage_errors import damaged, storage_errors

_SOUND = as_message("")


@dataclass(frozen=True)
class Verdict:
    """On one file."""

    problem: Message  #: a sentence on the first thing that is wrong; empty where nothing is
    rows: int = 0  #: in all tables, as far as they are linked
    head: str = ""  #: hash of the newest link
    first: Misfit | None = None  #: the first row that does not fit
    misfits: int = 0  #: rows that do not fit
    is_usable: bool = False  #: as far as can be told every row is as it was stored

    @property
    def is_sound(self) -> bool:
        return not self.problem

    def as_error(self) -> StorageFailed:
        """What the reader must know of it."""
        return StorageFailed(
            message("Readings file was changed"),
            message(
                "{problem} Saving goes on; ask who has had access, and see birads-engine "
                "readings restore --help for putting a backup in its place.",
                problem=self.problem,
            ),
        )


def verify(path: Path, should_stop: Callable[[], bool] = lambda: False) -> Verdict:
    """Checks the file's pages, its tables and triggers, every row's link, and the anchor.

    Raises StorageFailed where the file cannot be read for a reason outside of it, e.g. none there.
    """
    anchor = chain.read_anchor(path)  # before the file: it may grow meanwhile
    with storage_errors("read"):
        found = database.identity(path)
    if found is None and anchor is None:
        raise StorageFailed(
            message("Readings cannot be read"), message("There is no readings file.")
        )
    if found is None or found.size == 0:
        return Verdict(
            message("The file is missing.") if found is None else message("The file is empty.")
        )
    try:
        with storage_errors("read"), closing(database.connect_to_read(path)) as connection:
            connection.execute("BEGIN")  # one state of it, whoever writes
            return _verify(connection, anchor, should_stop)
    except StorageFailed as error:
        if error.title == damaged().title:
            return Verdict(message("The file is damaged."))
        raise


def _verify(
    connection: sqlite3.Connection, anchor: chain.Head | None, should_stop: Callable[[], bool]
) -> Verdict:
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        return Verdict(message("The file is not one of ours."))
    if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        return Verdict(message("The file is damaged."))
    version = schema.version_of(connection)
    if version > schema.SCHEMA_VERSION:
        return Verdict(message("The file is of a newer version."))
    if version < schema.CHAINED_SINCE:
        sentence = message(
            "The file is of an older version: its rows are linked when it is opened."
        )
        return Verdict(sentence, is_usable=True)
    is_newest = version == schema.SCHEMA_VERSION
    if is_newest and (table := schema.missing_table(connection)) is not None:
        return Verdict(message("Table {table} is missing or changed.", table=table))
    return _verify_rows(connection, anchor, is_newest, should_stop)


def _verify_rows(
    connection: sqlite3.Connection,
    anchor: chain.Head | None,
    is_newest: bool,
    should_stop: Callable[[], bool],
) -> Verdict:
    """Of a file whose tables are as they should be."""
    found = tuple(chain.misfits(connection, should_stop))
    newest = chain.head(connection)
    verdict = partial(Verdict, rows=newest.rows, head=newest.hash, misfits=len(found))
    if found:
        return verdict(_sentence(found[0]), first=found[0])
    if (ever := max(chain.links_ever_made(connection), anchor.rows if anchor else 0)) > newest.rows:
        return verdict(
            message(
                "The newest rows are missing: {held} of {count} are there.",
                held=newest.rows,
                count=ever,
            )
        )
    if anchor is not None and not chain.has(connection, anchor):
        return verdict(message("The newest rows are others than those that were stored."))
    if is_newest and (trigger := schema.changed_trigger(connection)) is not None:
        sentence = message("Trigger {trigger} is missing, changed or not ours.", trigger=trigger)
        return verdict(sentence, is_usable=True)
    if anchor is None:
        sentence = message(
            "The newest rows may be missing: the anchor beside the file is not there."
        )
        return verdict(sentence, is_usable=True)
    return verdict(_SOUND, is_usable=True)


def _sentence(misfit: Misfit) -> Message:
    row, table = misfit.row, misfit.table
    if misfit.what == chain.ADDED:
        return message(
            "Row {row} of table {table} was added by another program.", row=row, table=table
        )
    if misfit.what == chain.DELETED:
        return message("Row {row} of table {table} was deleted.", row=row, table=table)
    return message("Row {row} of table {table} is not as it was stored.", row=row, table=table)
