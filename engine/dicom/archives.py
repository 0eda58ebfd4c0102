"""Studies in ZIP files, read where they lie: PKWARE's APPNOTE 6.3, stored or deflated.

Nothing is unpacked to the disk, so no patient lies in a temporary folder after a crash, and a path
into the file ("study.zip/DICOM/IM1") stays true tomorrow. An entry is inflated as far as it is
asked for, into memory, and held against its checksum by whoever reads it whole.

The sizes that a ZIP file claims are judged before anything is inflated: a few kB can claim
gigabytes, and name one place a thousand times.
"""

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from engine.dicom.limits import FILE_SIZE_LIMIT, file_too_large
from engine.errors import EngineError, UnreadableFile
from engine.messages import message

_DIRECTORY_LIMIT = 2**22  # bytes: some 40,000 entries, which take half a second
_WHOLE_LIMIT = 2**35  # bytes of all entries, inflated
_RATIO_LIMIT, _UNDOUBTED = 200, 2**26  # no mammogram shrinks so much; below 64 MiB it may
_ENCRYPTED = 1  # bit of an entry's flags
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LOCAL_HEADER = 30  # bytes, without the name and the extra field
_STEP = 2**20  # bytes inflated at a time
SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  #: how a ZIP file begins; the second is empty


@dataclass(frozen=True)
class ZipEntry:
    """A file in a ZIP file."""

    offset: int  #: of its local header
    packed: int  #: bytes that it takes
    size: int  #: bytes, inflated
    crc: int
    is_deflated: bool


@dataclass(frozen=True)
class Archive:
    """What a ZIP file holds, by names of plain parts: none leads out of it."""

    entries: Mapping[tuple[str, ...], ZipEntry] = field(default_factory=dict)
    encrypted_count: int = 0  #: entries that want a password
    unknown_count: int = 0  #: entries compressed in another way
    outside_count: int = 0  #: entries whose names lead out of it


def damaged() -> UnreadableFile:
    return UnreadableFile(
        message("The ZIP file is damaged"),
        message("Copy it again from its source, or unpack it and open the folder."),
    )


def too_large() -> UnreadableFile:
    return UnreadableFile(
        message("The ZIP file is too large to open"),
        message("Unpack it, then open the folder that comes of it."),
    )


def read_archive(file: BinaryIO) -> Archive:
    """Reads the table at the end of a ZIP file; raises UnreadableFile, and OSError of the drive."""
    infos = _table(file)
    if sum(info.file_size for info in infos) > _WHOLE_LIMIT:
        raise too_large()
    _refuse_overlaps(infos)
    entries: dict[tuple[str, ...], ZipEntry] = {}
    encrypted = unknown = outside = 0
    for info in infos:
        is_file = stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG)
        if not is_file or info.filename.endswith(("/", "\\")):
            continue
        parts = tuple(p for p in info.filename.replace("\\", "/").split("/") if p not in ("", "."))
        if not parts or ".." in parts:
            outside += 1
        elif info.flag_bits & _ENCRYPTED:
            encrypted += 1
        elif info.compress_type not in _METHODS:
            unknown += 1
        else:
            entries[parts] = ZipEntry(
                info.header_offset,
                info.compress_size,
                info.file_size,
                info.CRC,
                info.compress_type == zipfile.ZIP_DEFLATED,
            )
    return Archive(entries, encrypted, unknown, outside)


def _table(file: BinaryIO) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(_Bounded(file)) as read:
            return read.infolist()
    except EngineError:
        raise
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        raise damaged() from error  # a place before the file's beginning
    except Exception as error:  # of many types, on whatever bytes the file holds
        raise damaged() from error


def _refuse_overlaps(infos: list[zipfile.ZipInfo]) -> None:
    """Entries that share their bytes multiply them, which no honest writer does."""
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise damaged()
        end = info.header_offset + _LOCAL_HEADER + info.compress_size


class _Bounded:
    """A file whose table of entries cannot make us allocate for it."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if size > _DIRECTORY_LIMIT:
            raise too_large()
        return self._file.read(_DIRECTORY_LIMIT if size < 0 else size)


class Member(io.RawIOBase):
    """An entry as a file. Raises UnreadableFile, when made and at any reading, OSError besides."""

    def __init__(self, file: BinaryIO, entry: ZipEntry) -> None:
        """Takes `file`, the ZIP file, over: it is closed with this."""
        super().__init__()
        self._file, self._entry = file, entry
        self.size = entry.size
        if entry.size > FILE_SIZE_LIMIT:
            raise file_too_large()
        if entry.size > max(_UNDOUBTED, entry.packed * _RATIO_LIMIT):
            raise too_large()
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS) if entry.is_deflated else None
        self._data = bytearray()  # as far as it is inflated
        self._crc = 0
        self._is_checked = False
        self._position = 0
        self._next = self._start()  # of the packed bytes that are still to be read
        self._end = self._next + entry.packed

    def _start(self) -> int:
        self._file.seek(self._entry.offset)
        head = self._file.read(_LOCAL_HEADER)
        if len(head) < _LOCAL_HEADER or not head.startswith(SIGNATURES[0]):
            raise damaged()
        name, extra = struct.unpack_from("<HH", head, 26)
        return self._entry.offset + _LOCAL_HEADER + int(name) + int(extra)

    def check(self) -> None:
        """Raises UnreadableFile unless all of it is there and as it was packed."""
        self._inflate(self.size)

    def _inflate(self, wanted: int) -> None:
        """Makes `_data` at least so long; where that is all of it, it must be as it was packed."""
        is_whole = wanted >= self.size
        if self._is_checked or (not is_whole and len(self._data) >= wanted):
            return
        while (is_whole or len(self._data) < wanted) and (part := self._part()):
            self._data += part
            self._crc = zlib.crc32(part, self._crc)
            if len(self._data) > self.size:
                raise damaged()
        if len(self._data) < min(wanted, self.size):
            raise damaged()
        if is_whole and self._crc != self._entry.crc:
            raise damaged()
        self._is_checked = is_whole

    def _part(self) -> bytes:
        """Some more of the file; nothing at its end."""
        if self._inflater is None:
            return self._packed()
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed()
            if not packed:
                raise damaged()  # cut off
            try:
                part = self._inflater.decompress(packed, _STEP)
            except zlib.error as error:
                raise damaged() from error
            if part:
                return part
        return b""

    def _packed(self) -> bytes:
        self._file.seek(self._next)
        packed = self._file.read(min(_STEP, self._end - self._next))
        self._next += len(packed)
        return packed

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer is one
        stop = min(self._position + len(buffer), self.size)
        if stop <= self._position:
            return 0
        self._inflate(stop)
        count = stop - self._position
        buffer[:count] = self._data[self._position : stop]
        self._position = stop
        return count

    def readall(self) -> bytes:
        self._inflate(self.size)
        data = bytes(self._data[self._position :])
        self._position = self.size
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Of the ZIP file: its identity is this one's."""
        return self._file.fileno()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
            self._data = bytearray()
        super().close()
