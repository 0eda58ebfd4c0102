"""Where received objects lie: <folder>/<Study Instance UID>/<SOP Instance UID>.dcm, whole or not.

What comes from the network is hostile. An object is first a .part; it gets its name once it is on
the disk, is of a class that is taken, says itself what the network said of it, and is not another
one under the same identifier: of two that differ the first stays, and the second is told.
"""

import errno
import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from engine.dicom.files import SourceFile
from engine.dicom.tags import read_tags, seek_data_set
from engine.dicom.uids import is_uid
from engine.errors import EngineError
from engine.messages import message
from engine.pacs.storage_classes import RECEIVED
from engine.private_files import make_private_folder, private_opener, settle_folder
from engine.records.backups import default_store

log = logging.getLogger(__name__)

PART = ".part"
_SPARE = 256 * 2**20  #: bytes that are left free on the disk, for the readings above all
_STALE_S = 3600  # a .part that nobody has written to for so long is a dead process's


class ObjectRefused(EngineError):
    """It is not kept; `status` is what the sender is told, PS3.4 annex B and PS3.7 annex C."""

    def __init__(self, title: str, advice: str, status: int = 0xC000) -> None:
        super().__init__(title, advice)
        self.args = (title, advice, status)
        self.status = status


@dataclass(frozen=True)
class Received:
    path: Path
    sop_class: str
    sop_uid: str
    study_uid: str
    patient_id: str
    is_new: bool  #: False: it was there before, and is the same


def default_folder() -> Path:
    return default_store().parent / "received"


class Inbox:
    """Safe to use from several threads and processes."""

    def __init__(
        self,
        folder: Path | None = None,
        largest_bytes: int = 2**30,
        sop_classes: Collection[str] = RECEIVED,
    ) -> None:
        self.folder = folder or default_folder()
        self._largest = largest_bytes
        self._sop_classes = frozenset(sop_classes)

    def check_wanted(self, sop_class: str, sop_uid: str) -> None:
        """Before anything is written. Raises ObjectRefused."""
        if sop_class not in self._sop_classes:
            raise ObjectRefused(
                message("Kind of object not taken"),
                message("Its SOP class is none of those that are read."),
                0x0122,
            )
        if not is_uid(sop_uid):
            raise ObjectRefused(
                message("Identifier is not valid"), message("Ask the sender to correct it."), 0x0117
            )

    def store(self, data: bytes, sop_class: str, sop_uid: str) -> Received:
        """On the disk under its name; arguments as of `hold`. Raises ObjectRefused."""
        return self.hold(data, sop_class, sop_uid).settle()

    def hold(self, data: bytes, sop_class: str, sop_uid: str) -> "HeldObject":
        """Checked and written, but not yet on the disk; it has to be settled or dropped.

        `data` is the file with its meta information, as announced. Raises ObjectRefused.
        """
        self.check_wanted(sop_class, sop_uid)
        if len(data) > self._largest:
            raise ObjectRefused(
                message("Object is too large"),
                message("More than {largest} MiB.", largest=self._largest // 2**20),
                0xA700,
            )
        with _disk_refusals():
            make_private_folder(self.folder)
            if shutil.disk_usage(self.folder).free < len(data) + _SPARE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            part = self._part(sop_uid)
            try:
                with open(part, "xb", opener=private_opener) as file:
                    file.write(data)
                identity = _identified(part, sop_class, sop_uid)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return HeldObject(self, part, sop_class, sop_uid, *identity)

    def has(self, study_uid: str, sop_uid: str) -> bool:
        return self.path_of(study_uid, sop_uid).exists()

    def path_of(self, study_uid: str, sop_uid: str) -> Path:
        """Raises ValueError for what is no UID: it would be a path."""
        if not (is_uid(study_uid) and is_uid(sop_uid)):
            raise ValueError("not a UID")
        return self.folder / study_uid / f"{sop_uid}.dcm"

    def study_folder(self, study_uid: str) -> Path:
        if not is_uid(study_uid):
            raise ValueError("not a UID")
        return self.folder / study_uid

    def sweep(self) -> int:
        """Takes away what dead processes left half; returns how many files."""
        count = 0
        for part in self.folder.glob(f"*{PART}"):
            try:
                if time.time() - part.stat().st_mtime > _STALE_S:
                    part.unlink()
                    count += 1
            except OSError:  # its writer has just finished
                continue
        return count

    def _part(self, sop_uid: str) -> Path:
        token = f"{os.getpid()}-{threading.get_ident()}-{time.monotonic_ns()}"
        return self.folder / f"{sop_uid}.{token}{PART}"


@dataclass(frozen=True)
class HeldObject:
    """A .part of an inbox."""

    inbox: Inbox
    part: Path
    sop_class: str
    sop_uid: str
    study_uid: str
    patient_id: str

    def drop(self) -> None:
        self.part.unlink(missing_ok=True)

    def settle(self) -> Received:
        """Brings it to the disk, and then gives it its name. Raises ObjectRefused."""
        with _disk_refusals():
            try:
                with self.part.open("r+b") as file:
                    os.fsync(file.fileno())
                return self._named()
            finally:
                self.drop()

    def _named(self) -> Received:
        path = self.inbox.path_of(self.study_uid, self.sop_uid)
        received = Received(
            path, self.sop_class, self.sop_uid, self.study_uid, self.patient_id, True
        )
        is_first = not path.parent.exists()
        make_private_folder(path.parent)
        if is_first:
            settle_folder(self.inbox.folder)
        try:
            os.link(self.part, path)  # unlike a rename, it never replaces
        except FileExistsError:
            return _same_as_before(path, self.part, received)
        except OSError:  # a file system without links
            if path.exists():
                return _same_as_before(path, self.part, received)
            self.part.replace(path)
        settle_folder(path.parent)
        return received


@contextmanager
def _disk_refusals() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.error("A received object was not kept: errno %s", error.errno)
        raise ObjectRefused(
            message("Received object not kept"),
            message(
                "{reason}: make room on the disk.",
                reason=error.strerror or message("It could not be written"),
            ),
            0xA700,
        ) from error


def _identified(part: Path, sop_class: str, sop_uid: str) -> tuple[str, str]:
    """Study and patient, as the object itself says. Raises ObjectRefused."""
    try:
        with SourceFile(part) as file, read_tags(file) as read:
            tags = read.tags
            stated = (tags.text("SOPClassUID"), tags.text("SOPInstanceUID"))
            study_uid, patient_id = tags.text("StudyInstanceUID"), tags.text("PatientID")
    except EngineError as error:
        raise ObjectRefused(
            message("Received object is damaged"),
            message("Ask the sender to send it again."),
            0xC000,
        ) from error
    if stated != (sop_class, sop_uid):
        raise ObjectRefused(
            message("Received object is another one"),
            message("It is not what the sender announced."),
            0xA900,
        )
    if not is_uid(study_uid):
        raise ObjectRefused(
            message("Received object has no study"),
            message("Its Study Instance UID is missing or not valid."),
            0xA900,
        )
    return study_uid, patient_id


def _same_as_before(path: Path, part: Path, received: Received) -> Received:
    there, came = _content(path), _content(part)
    # a PACS may send an image compressed one day and not the other: then the header must do
    is_same = there == came if there.syntax == came.syntax else there.key == came.key
    if not is_same:
        raise ObjectRefused(
            message("Identifier used twice"),
            message("Another object came under the same SOP Instance UID; the first was kept."),
            0x0111,
        )
    return replace(received, is_new=False)


class _Content(NamedTuple):
    syntax: str
    key: str  #: whose image it is, and which
    digest: bytes  #: of the data set, whoever wrote the meta information


def _content(path: Path) -> _Content:
    with SourceFile(path) as file:
        with read_tags(file) as read:
            syntax = read.transfer_syntax
            key = "|".join(str(read.tags.texts(keyword)) for keyword in _KEY)
        seek_data_set(file)
        return _Content(syntax, key, hashlib.file_digest(file, "sha256").digest())


_KEY = (
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "InstanceNumber"),
    *("Rows", "Columns", "ImageLaterality", "ViewPosition"),
)
