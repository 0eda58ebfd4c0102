"""From folders to the list: the driver walks, the workers look at headers.

Only files that are new, or no longer what they were, are looked at. The driver holds one piece of a
folder at a time, however many entries it has.
"""

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from engine.archive.index import FileKind, Found, Index, Seen, digest
from engine.archive.units import Unable, unseen
from engine.archive.worker_pool import Lost, WorkerPool, WorkersFailed
from engine.dicom.loading import look_at, members
from engine.dicom.studies import FoundImage, dicom_study_key, natural
from engine.domain import FailedFile
from engine.errors import UnreadableFile

BATCH = 200  #: files of a task: some half a second
_PIECE = 50_000  #: entries of a folder that are sorted together
_SAVED_EVERY_S = 2.0


@dataclass(frozen=True, repr=False)
class Looker:
    """What a worker does for the list; it must see the folders of the archive."""

    roots: tuple[Path, ...] = ()

    def __call__(self, batch: "Batch") -> list[Seen] | Unable:
        seen = [_seen(Path(path)) for path in batch.paths]
        if any(each.kind == FileKind.FAILED for each in seen):
            return unseen(self.roots) or seen
        return seen


class Batch(NamedTuple):
    """Files for one task, as the walk found them, where they are, and in the walk through which
    folder they were found."""

    files: tuple[Found, ...]
    paths: tuple[str, ...]
    walked: tuple[int, ...]

    def __repr__(self) -> str:  # schedulers log it
        return f"{len(self.files)} files"


def _seen(path: Path) -> Seen:
    found = look_at(path)
    if found is None:
        return Seen(FileKind.NO_IMAGE)
    if isinstance(found, FailedFile):
        return Seen(FileKind.FAILED)
    if not isinstance(found, FoundImage):
        return Seen(FileKind.ZIP)
    key = dicom_study_key(found)
    if key is None:
        return Seen(
            FileKind.PLAIN,
            study=digest("plain", found.folder.name, size=8),
            image=digest(found.fingerprint.hex(), size=8),
            rest=digest(found.rest, size=8),
        )
    return Seen(
        FileKind.DICOM,
        key=digest("dicom", *key),
        study=digest("dicom", key[1], size=8),
        image=digest(found.view.image_uid, size=8),
    )


def fill(
    index: Index,
    folders: Iterator[Path],
    workers: WorkerPool,
    on_progress: Callable[[int, int], None],
    roots: tuple[Path, ...] = (),
) -> None:
    """Brings the list up to date; `on_progress` gets (folders, files) found so far. A worker that
    does not see `roots` ends it.

    Raises StorageFailed, and what the workers raise.
    """
    index.begin()
    index.add_folders(folders)
    walk = _Walk(index)
    saved = time.monotonic()
    files = 0
    for batch, seen in workers.map(Looker(roots), walk.next_batch, "list"):
        if isinstance(seen, Unable):
            raise WorkersFailed(seen.title, seen.advice)
        if isinstance(seen, Lost):
            if len(batch.files) > 1:
                walk.split(batch)
                continue
            seen = [Seen(FileKind.FAILED)]  # it kills whoever reads its header
        index.add_folders(
            Path(path)
            for file, path, each in zip(*batch[:2], seen, strict=True)
            if each.kind == FileKind.ZIP and file.name
        )
        index.enter([_entered(*pair) for pair in zip(batch.files, seen, strict=True)])
        index.mark_read(walk.done_with(batch))
        files += len(batch.files)
        on_progress(walk.folders, files)
        if time.monotonic() - saved > _SAVED_EVERY_S:
            index.save()
            saved = time.monotonic()
    index.finish()


def _entered(file: Found, seen: Seen) -> tuple[Found, Seen]:
    """A folder that stands for itself is one that cannot be read, or not all of it."""
    return file, seen if file.name else Seen(FileKind.FAILED)


class _Walk:
    """Searches the folders that the list has not read, as far as somebody asks for files."""

    def __init__(self, index: Index) -> None:
        self.folders = 0
        self._index = index
        self._open: Counter[int] = Counter()  #: files that are not entered yet, by folder
        self._whole: set[int] = set()  #: folders of these whose last file was handed out
        self._last = 0  #: the folder that was searched last
        self._files = self._found()
        self._split: list[Batch] = []

    def split(self, batch: Batch) -> None:
        """Has its files looked at one by one."""
        self._split += [
            Batch((file,), (path,), (of,)) for file, path, of in zip(*batch, strict=True)
        ]

    def next_batch(self) -> Batch | None:
        if self._split:
            return self._split.pop()
        found = list(islice(self._files, BATCH))
        if not found:  # ZIP files may have been found since
            self._files = self._found()
            found = list(islice(self._files, BATCH))
        if not found:
            return None
        return Batch(*zip(*found, strict=True))

    def done_with(self, batch: Batch) -> list[int]:
        """The folders that are read now."""
        self._open.subtract(batch.walked)
        done = [folder for folder in self._whole if not self._open[folder]]
        for folder in done:
            self._whole.discard(folder)
            del self._open[folder]
        return done

    def _found(self) -> Iterator[tuple[Found, str, int]]:
        while folders := self._index.unread_folders(self._last):
            for number, path in folders:
                self.folders += 1
                for found, file in self._in_folder(number, path):
                    self._open[number] += 1
                    yield found, file, number
                if self._open[number]:
                    self._whole.add(number)
                else:
                    del self._open[number]
                    self._index.mark_read([number])
                self._last = number

    def _in_folder(self, number: int, folder: Path) -> Iterator[tuple[Found, str]]:
        """Its files that have to be looked at; its folders go on the list of those to be read."""
        try:
            status = folder.stat()
            if not self._index.is_first_visit(number, f"{status.st_dev}-{status.st_ino}"):
                return
            if stat.S_ISREG(status.st_mode):
                yield from self._in_zip_file(number, folder, status)
                return
            with os.scandir(folder) as listing:
                while entries := list(islice(listing, _PIECE)):
                    entries.sort(key=lambda entry: natural(entry.name))
                    inner: list[Path] = []
                    for entry in entries:
                        found = _found(number, entry, inner)
                        if found and not self._index.is_known(found):
                            yield found, entry.path
                    self._index.add_folders(inner)
        except (OSError, UnreadableFile):
            if not self._index.has_files(number):  # else its studies fail, if they are not done
                yield Found(number, b"", 0, 0), str(folder)

    def _in_zip_file(
        self, number: int, file: Path, status: os.stat_result
    ) -> Iterator[tuple[Found, str]]:
        paths, failures = members(file)
        folders = {file: number}
        state = status.st_size, status.st_mtime_ns
        for path in paths:
            if path.parent not in folders:
                folders[path.parent] = self._index.folder_inside(path.parent)
            found = Found(folders[path.parent], os.fsencode(path.name), *state)
            if not self._index.is_known(found):
                yield found, str(path)
        itself = Found(number, b"", *state)
        if failures and not self._index.is_known(itself):
            yield itself, str(file)


def _found(folder: int, entry: os.DirEntry[str], inner: list[Path]) -> Found | None:
    """A file as it was found; a folder goes to `inner`. Links to folders are not followed."""
    try:
        if entry.is_dir():
            if not entry.is_symlink():
                inner.append(Path(entry.path))
            return None
        if not entry.is_file() and not entry.is_symlink():
            return None
        status = entry.stat() if entry.is_file() else entry.stat(follow_symlinks=False)
    except OSError:  # a link to itself
        return None
    return Found(folder, os.fsencode(entry.name), status.st_size, status.st_mtime_ns)
