"""The chain over all rows of a readings file: what shows that a row was changed behind our back.

Each row of each table has a link in table `chain`: SHA-256 over the hash before it, the link's
position, the row's table and number, and its content. A link is made in the transaction that stores
its row and never by a trigger, so rows that other programs insert have none. Columns without a
value are no content: a column that a newer version adds leaves the hashes of older rows as they
are.

What is cut off at the end leaves a chain that fits. So the newest link is also kept outside, in the
anchor: a small file beside the readings. It lags behind where the program was killed, and never
runs ahead. Whoever may write both files and knows how can still forge everything; a head that was
written down elsewhere, e.g. with a backup, shows that, too.
"""

import hashlib
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.private_files import replaced_whole

log = logging.getLogger(__name__)

TABLE = "chain"
_FIRST = hashlib.sha256(b"birads-viewer readings").hexdigest()  # stands before the first link
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Head:
    """The newest link."""

    rows: int  #: links up to it, which is its position
    hash: str  #: 64 hexadecimal digits


@dataclass(frozen=True)
class Misfit:
    """A row that is not as it was stored."""

    table: str
    row: int  #: its number there
    what: str  #: one of the three below


CHANGED, DELETED, ADDED = "changed", "deleted", "added"


def append(connection: sqlite3.Connection, table: str, row: int) -> None:
    """Links the row, which has just been inserted, in the same transaction.

    The table needs an INTEGER PRIMARY KEY: other row numbers are not kept by every copy.
    """
    newest = head(connection)
    position = newest.rows + 1
    content = _read(connection, table, row)
    if content is None:
        raise ValueError("a row that is not there cannot be linked")
    connection.execute(
        f"INSERT INTO {TABLE} (table_name, row_id, hash) VALUES (?, ?, ?)",
        (table, row, _hash(newest.hash, position, table, row, content)),
    )


def append_all(connection: sqlite3.Connection) -> None:
    """Links every row that an older version stored, table by table."""
    for table in tables(connection):
        rows = connection.execute(f"SELECT rowid FROM {quoted(table)} ORDER BY rowid").fetchall()
        for (row,) in rows:
            append(connection, table, row)


def tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    """All tables whose rows are linked, in the order in which they were made."""
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' ORDER BY rowid"
    )
    return tuple(name for (name,) in rows if name != TABLE)


def quoted(name: str) -> str:
    """As a name in SQL, whatever another program called its table."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def head(connection: sqlite3.Connection) -> Head:
    row = connection.execute(
        f"SELECT position, hash FROM {TABLE} ORDER BY position DESC LIMIT 1"
    ).fetchone()
    return Head(0, _FIRST) if row is None else Head(*row)


def has(connection: sqlite3.Connection, earlier: Head) -> bool:
    """Whether the chain goes through that head: all that was stored up to it is there."""
    if earlier.rows == 0:
        return True
    row = connection.execute(
        f"SELECT hash FROM {TABLE} WHERE position = ?", (earlier.rows,)
    ).fetchone()
    return row is not None and row[0] == earlier.hash


def misfits(
    connection: sqlite3.Connection, should_stop: Callable[[], bool] = lambda: False
) -> Iterator[Misfit]:
    """Rows that do not fit, in the order of the chain, then those without a link.

    After a misfit the chain is followed from the hash that stands there, so that one changed row is
    one misfit.
    """
    known = {table: _Reader(connection, table) for table in tables(connection)}
    linked: dict[str, set[int]] = {table: set() for table in known}
    before = _FIRST
    links = connection.execute(
        f"SELECT position, table_name, row_id, hash FROM {TABLE} ORDER BY position"
    ).fetchall()
    last = 0
    for position, table, row, stated in links:
        if position % 256 == 0 and should_stop():
            return
        content = known[table].read(row) if table in known else None
        if content is None:
            yield Misfit(table, row, DELETED)
        elif (
            position != last + 1
            or row in linked[table]
            or _hash(before, position, table, row, content) != stated
        ):
            yield Misfit(table, row, CHANGED)
        if table in linked:
            linked[table].add(row)
        last, before = position, stated
    for table, rows in linked.items():
        query = f"SELECT rowid FROM {quoted(table)} ORDER BY rowid"
        for (row,) in connection.execute(query).fetchall():
            if row not in rows:
                yield Misfit(table, row, ADDED)


def links_ever_made(connection: sqlite3.Connection) -> int:
    """SQLite counts positions and gives none twice, also of links that were deleted."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (TABLE,)).fetchone()
    return 0 if row is None else row[0]


class _Reader:
    """Contents of one table's rows, by row number."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self._connection = connection
        self._query = f"SELECT * FROM {quoted(table)} WHERE rowid = ?"

    def read(self, row: int) -> bytes | None:
        cursor = self._connection.execute(self._query, (row,))
        values = cursor.fetchone()
        return None if values is None else _content(cursor.description, values)


def _read(connection: sqlite3.Connection, table: str, row: int) -> bytes | None:
    return _Reader(connection, table).read(row)


def _content(description: Sequence[Sequence[Any]], values: Sequence[object]) -> bytes:
    """The columns that hold something, by name, as JSON: 1, 1.0 and "1" differ there."""
    held = {
        column[0]: {"bytes": value.hex()} if isinstance(value, bytes) else value
        for column, value in zip(description, values, strict=True)
        if value is not None
    }
    return json.dumps(held, sort_keys=True, separators=(",", ":")).encode("ascii")


def _hash(before: str, position: int, table: str, row: int, content: bytes) -> str:
    place = f"{before}\n{position}\n{table}\n{row}\n".encode("utf-8", "surrogateescape")
    return hashlib.sha256(place + content).hexdigest()


# ------------------------------------------------------------------------------------ the anchor


def anchor_path(store: Path) -> Path:
    return store.with_suffix(".anchor")


def read_anchor(store: Path) -> Head | None:
    """None where there is none, or it cannot be read."""
    try:
        values = json.loads(anchor_path(store).read_text("ascii"))
        rows, digest = values["rows"], values["head"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    is_head = isinstance(rows, int) and isinstance(digest, str) and _HASH.fullmatch(digest)
    return Head(rows, digest) if is_head else None


def write_anchor(store: Path, newest: Head) -> None:
    """Raises OSError."""
    with replaced_whole(anchor_path(store), is_durable=False) as file:  # a save waits for it
        json.dump({"rows": newest.rows, "head": newest.hash}, file)


def vouch(connection: sqlite3.Connection, store: Path) -> None:
    """Moves the anchor on to the newest link.

    One that the chain does not go through stays: it is what shows that rows are missing. It stays
    behind, too, where it cannot be written; the readings themselves are safe then.
    """
    anchor, newest = read_anchor(store), head(connection)
    if anchor is not None and (anchor.rows >= newest.rows or not has(connection, anchor)):
        return
    try:
        write_anchor(store, newest)
    except OSError as error:
        log.warning("The anchor of the readings stays behind: errno %s", error.errno)
