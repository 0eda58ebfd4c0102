"""Copies of the readings, and the way back.

A backup is one SQLite file with its anchor beside it, made while the program goes on. Nothing is
overwritten: what a backup takes the place of is kept beside it.
"""

import logging
import os
import re
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from engine import site_configuration
from engine.errors import StorageFailed
from engine.messages import message
from engine.private_files import FOLDER_NAME, make_folder, make_private_folder
from engine.records import chain, database, schema
from engine.records.database import free_name
from engine.records.storage_errors import storage_errors
from engine.records.verification import Verdict, verify

log = logging.getLogger(__name__)

DAILY_FOLDER = "backups"  # of the automatic ones, beside the readings
KEPT_DAYS = 14  #: automatic backups that are kept unless the settings say otherwise
_DAILY = re.compile(r"daily-\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Restored:
    rows: int  #: in all tables
    kept: Path | None  #: what was there before; None if nothing was


def default_store() -> Path:
    """Where the window keeps the readings of this user: where the site says, or among the user's
    data. Raises ConfigurationRefused.
    """
    if (place := site_configuration.policy().data) is not None:
        return place / "readings.sqlite"
    if os.name == "nt":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / FOLDER_NAME / "readings.sqlite"


def back_up(store: Path, folder: Path) -> tuple[Path, Verdict]:
    """Copies the readings into the folder, under a name of its own, and checks the copy.

    A store that was tampered with is copied, too; the verdict says so. Raises StorageFailed.
    """
    with storage_errors("copied"):
        make_folder(folder)
        target = free_name(folder / store.name, "")
        _copy(store, target)
    return target, verify(target)


def back_up_daily(store: Path, kept: int = KEPT_DAYS, today: date | None = None) -> Path | None:
    """Makes today's automatic backup unless there is one, and deletes those before the newest
    `kept`; none are made where that is 0. Raises StorageFailed.

    Only for a store that has just been found sound: else the good ones would go in time.
    """
    today = today or datetime.now(UTC).astimezone().date()
    folder = store.parent / DAILY_FOLDER
    target = folder / f"{store.stem}-daily-{today:%Y-%m-%d}{store.suffix}"
    if kept < 1 or target.exists():
        return None
    with storage_errors("copied"):
        make_private_folder(folder)
        _copy(store, target)
        dailies = sorted(
            path
            for path in folder.glob(f"*{store.suffix}")
            if _DAILY.fullmatch(path.stem.removeprefix(f"{store.stem}-"))
        )
        for path in dailies[:-kept]:
            path.unlink(missing_ok=True)
            chain.anchor_path(path).unlink(missing_ok=True)
    log.info("Made the daily backup of the readings")
    return target


def restore(backup: Path, store: Path) -> Restored:
    """Puts the backup, a file or the newest one in a folder, in the place of the store.

    It is checked first: a file with a row that is not as it was stored is refused. What is at the
    store's place is kept beside it. Raises StorageFailed, also where the store is in use.
    """
    backup = _newest_in(backup) if backup.is_dir() else backup
    verdict = verify(backup)
    if not verdict.is_usable:
        raise StorageFailed(
            message("Backup is not usable"),
            message("{problem} Choose another one.", problem=verdict.problem),
        )
    new = free_name(store, "new")
    kept = None
    with storage_errors("restored"):
        make_folder(store.parent)
        try:
            _copy(backup, new)
            with closing(database.connect(new)) as copy:
                version = schema.version_of(copy)
                if version == schema.SCHEMA_VERSION:  # an older one is checked as it is opened
                    schema.restore_triggers(copy)
                newest = chain.head(copy) if version >= schema.CHAINED_SINCE else None
            _refuse_open(store)
            if database.identity(store) is not None or chain.anchor_path(store).exists():
                kept = free_name(store, "before-restore")
                database.move(store, kept)
                with suppress(FileNotFoundError):
                    chain.anchor_path(store).replace(chain.anchor_path(kept))
            for log_file in database.logs_of(store):
                log_file.unlink(missing_ok=True)
            new.replace(store)
            if newest is not None:
                chain.write_anchor(store, newest)
        finally:
            new.unlink(missing_ok=True)
            chain.anchor_path(new).unlink(missing_ok=True)
    return Restored(verdict.rows, kept)


def _copy(source: Path, target: Path) -> None:
    if database.identity(source) is None:
        raise StorageFailed(
            message("Readings cannot be copied"), message("There is no readings file.")
        )
    with closing(database.connect_to_read(source)) as connection:
        database.copy_to(connection, target)
    with closing(database.connect_to_read(target)) as copy:
        if schema.version_of(copy) >= schema.CHAINED_SINCE:
            chain.write_anchor(target, chain.head(copy))


def _newest_in(folder: Path) -> Path:
    files = sorted(folder.glob("*.sqlite"), key=lambda path: path.stat().st_mtime_ns)
    if not files:
        raise StorageFailed(
            message("No backup there"),
            message("The folder {name} holds no .sqlite file.", name=folder.name),
        )
    return files[-1]


def _refuse_open(store: Path) -> None:
    """Nothing is put under the hands of a program that has the file open. A file that SQLite cannot
    read is open nowhere.
    """
    if database.identity(store) is None:
        return
    try:
        with closing(database.connect(store, lock_timeout_s=0.2)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")  # only who is alone may
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", None) or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StorageFailed(
                message("Readings are in use"),
                message("Close birads-viewer, then restore the backup."),
            ) from error
