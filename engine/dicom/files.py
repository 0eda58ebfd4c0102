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
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.domain import FileIdentity
from engine.errors import FileChanged

_HEADER_LIMIT = 4 * 2**20  #: bytes of a header that are compared; longer ones hold pictures
_SAMPLES, _SAMPLE_BYTES = 8, 2**14


class SourceFile(io.BufferedReader):
    """A regular file, opened for reading without waiting for anybody.

    Raises OSError where it cannot be opened or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        raw = open(path, "rb", buffering=0, opener=_open_regular)  # noqa: SIM115  closed with it
        super().__init__(raw)
        self.status = os.fstat(self.fileno())  #: when it was opened
        self.size = self.status.st_size

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


def _open_regular(path: str, flags: int) -> int:
    """Never waits: a named pipe without a writer would keep its reader for ever."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise NotRegularError
