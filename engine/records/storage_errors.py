"""What SQLite and the file system say of the readings file, in words for the reader."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import StorageFailed
from engine.messages import message

log = logging.getLogger(__name__)

_TITLES = {  # by what could not be done
    "opened": message("Readings cannot be opened"),
    "saved": message("Readings cannot be saved"),
    "read": message("Readings cannot be read"),
    "exported": message("Readings cannot be exported"),
    "copied": message("Readings cannot be copied"),
    "restored": message("Readings cannot be restored"),
}


def damaged() -> StorageFailed:
    return StorageFailed(
        message("Readings file is damaged"),
        message(
            "It was left unchanged. Put the newest backup in its place: birads-engine readings "
            "restore FILE; the damaged file is kept."
        ),
    )


@contextmanager
def storage_errors(action: str) -> Iterator[None]:
    """Turns what SQLite and the file system raise into StorageFailed; `action` as in `_TITLES`."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # our own constraints: a bug, not the world
    except UnicodeDecodeError as error:  # text that no version of ours has written
        log.warning("Readings could not be %s: text in no encoding", action)
        raise damaged() from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        log.warning("Readings could not be %s: %s", action, name or type(error).__name__)
        raise _from_sqlite(name, action) from error
    except OSError as error:
        log.warning("Readings could not be %s: errno %s", action, error.errno)
        raise StorageFailed(
            _TITLES[action],
            message(
                "Check that the folder exists, may be written to and has room ({why}).",
                why=str(error.strerror),
            ),
        ) from error


def _from_sqlite(name: str, action: str) -> StorageFailed:
    """`name` is SQLite's own, e.g. SQLITE_FULL; see https://sqlite.org/rescode.html."""
    title = _TITLES[action]
    if name.startswith("SQLITE_FULL"):
        return StorageFailed(title, message("The disk is full: make room, then save again."))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageFailed(
            title, message("Another program holds the readings file: close it, try again.")
        )
    # SQLITE_ERROR alone: what we asked for is not there any more, e.g. a table
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or name == "SQLITE_ERROR":
        return damaged()
    return StorageFailed(
        title, message("Check that the data folder exists, may be written to and has room.")
    )
