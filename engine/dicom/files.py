"""Opening image files: only regular ones, and only while they are what was listed.

Between listing and decoding a file may have become another patient's: the next disc bears the same
names, a shared folder is filled anew, a backup is restored. So listing remembers of every file a
`FileIdentity`, and whoever reads it again compares on the open file itself, at both ends of the
reading, that

- its size and its time of modification are the same, to the nanosecond: whatever wrote into it
  since may have changed any pixel. A file that was merely touched counts as changed too; listing it
  anew, which the window does by itself, makes it usable again;
- its inode is the same, or its change time is. Both differ only where another file took its place:
  FAT and some network file systems number their files anew whenever they like, and permissions,
  backups and indexing move the change time (on Windows it is the time of creation);
- the bytes that tell whose it is are the same, whatever the times say: all of a DICOM header up to
  the pixels, thus the UIDs and the patient; a sample of a picture's content.

What this cannot see: pixels stored anew, with the old size, under the very same header and with the
time of modification set back, or within one tick of the file system's clock (2 s on FAT, some ms
elsewhere).

A path may lead into a ZIP file (`engine.dicom.archives`): then size, times and inode are the ZIP
file's, and the bytes its entry's.
"""

import errno
import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from engine.dicom.archives import Archive, Member, read_archive
from engine.domain import FileIdentity
from engine.errors import FileChanged

_HEADER_LIMIT = 4 * 2**20  #: bytes of a header that are compared; longer ones hold pictures
_SAMPLES, _SAMPLE_BYTES = 8, 2**14


class SourceFile(io.BufferedReader):
    """A regular file, or one in a ZIP file, opened for reading without waiting for anybody.

    Raises OSError where it cannot be opened or is no regular file, UnreadableFile where the ZIP
    file is damaged, which reading may raise as well.
    """

    def __init__(self, path: Path) -> None:
        self._member: Member | None = None
        raw: io.RawIOBase
        try:
            raw = _opened(path)
        except (FileNotFoundError, NotADirectoryError):
            self._member = raw = _opened_inside(path)
        super().__init__(raw)
        self.status = os.fstat(self.fileno())  #: when it was opened
        self.size = self.status.st_size if self._member is None else self._member.size

    def check_whole(self) -> None:
        """Raises UnreadableFile where a file in a ZIP file is not as it was packed, to its end."""
        if self._member is not None:
            self._member.check()

    def identity(self, header_bytes: int | None = None) -> FileIdentity:
        """To be compared later: of a DICOM file that many bytes, of a picture (None) a sample."""
        status = self.status
        if header_bytes is not None:
            header_bytes = min(header_bytes, self.size, _HEADER_LIMIT)
        return FileIdentity(
            device=status.st_dev,
            inode=status.st_ino,
            size=status.st_size,
            modified_ns=status.st_mtime_ns,
            changed_ns=status.st_ctime_ns,
            content=self._content(header_bytes),
            header_bytes=header_bytes,
        )

    def is_as(self, listed: FileIdentity) -> bool:
        return (
            _is_same(self.status, listed) and self._content(listed.header_bytes) == listed.content
        )

    def _content(self, header_bytes: int | None) -> bytes:
        return self.sampled() if header_bytes is None else self._digest([(0, header_bytes)])

    def sampled(self) -> bytes:
        """A digest of the length and a few samples: enough to tell pictures apart."""
        last = max(0, self.size - _SAMPLE_BYTES)
        starts = [sample * last // (_SAMPLES - 1) for sample in range(_SAMPLES)]
        return self._digest([(start, _SAMPLE_BYTES) for start in starts])

    def _digest(self, spans: list[tuple[int, int]]) -> bytes:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.size.to_bytes(8, "big"))
        for start, length in spans:
            self.seek(start)
            digest.update(self.read(length))
        self.seek(0)
        return digest.digest()


@contextmanager
def opened_as_listed(path: Path, listed: FileIdentity | None) -> Iterator[SourceFile]:
    """The file for reading, if it is what was listed when the block begins and when it ends.

    Raises FileChanged where it is not, also in the place of whatever the block raises: a file that
    is being overwritten looks damaged. None: nothing was listed, nothing is compared.
    """
    try:
        file = SourceFile(path)
    except NotRegularError as error:
        raise FileChanged() from error
    with file:
        if listed is not None and not file.is_as(listed):
            raise FileChanged()
        try:
            yield file
            file.check_whole()
        except Exception as error:
            if _has_changed(file, listed):
                raise FileChanged() from error
            raise
        if _has_changed(file, listed):
            raise FileChanged()


def _has_changed(file: SourceFile, listed: FileIdentity | None) -> bool:
    return listed is not None and not _is_same(os.fstat(file.fileno()), listed)


def _is_same(now: os.stat_result, listed: FileIdentity) -> bool:
    is_in_place = (now.st_dev, now.st_ino) == (listed.device, listed.inode)
    return (now.st_size, now.st_mtime_ns) == (listed.size, listed.modified_ns) and (
        is_in_place or now.st_ctime_ns == listed.changed_ns
    )


class NotRegularError(OSError):
    """A pipe, a device, a socket, a folder."""


def real_file(path: Path) -> Path:
    """What has to be there on the disk: the ZIP file, for a path that leads into one."""
    for around in path.parents:
        if around.is_dir():
            break
        if around.is_file():
            return around
    return path


def list_archive(path: Path) -> Archive:
    """What a ZIP file holds; raises UnreadableFile and OSError."""
    with _opened(path) as file:
        return _archive_in(file)


def _opened(path: Path) -> io.FileIO:
    return open(path, "rb", buffering=0, opener=open_regular)


def _opened_inside(path: Path) -> Member:
    """The entry of a ZIP file that the path leads to."""
    around = real_file(path)
    file = _opened(around)  # where it is no ZIP file's, it is as missing as it was
    try:
        entry = _archive_in(file).entries.get(path.relative_to(around).parts)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return Member(file, entry)
    except BaseException:
        file.close()
        raise


def _archive_in(file: io.FileIO) -> Archive:
    """Kept for the newest few: a study's views are opened one by one."""
    status = os.fstat(file.fileno())
    key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    with _archives_lock:
        if key not in _archives:
            _archives[key] = read_archive(cast(BinaryIO, file))
            if len(_archives) > _KEPT_ARCHIVES:
                del _archives[next(iter(_archives))]
        return _archives[key]


_KEPT_ARCHIVES = 4
_archives: dict[tuple[int, ...], Archive] = {}
_archives_lock = threading.Lock()


def open_regular(path: str, flags: int) -> int:
    """Never waits: a named pipe without a writer would keep its reader for ever."""
    if not stat.S_ISREG(Path(path).stat().st_mode):  # to open a device may already move it
        raise NotRegularError
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotRegularError
