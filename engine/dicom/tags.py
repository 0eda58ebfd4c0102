"""The border to pydicom: a DICOM file's elements up to its pixels, taken as they come.

Values are asked for one by one, and one that cannot be read counts as missing, so that no fault of
a header hides an image. Whatever pydicom raises on a damaged file becomes an `UnreadableFile`, and
what it warns of stays here. References "C.…" are to DICOM PS3.3.
"""

import io
import logging
import math
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from engine.dicom.files import SourceFile
from engine.domain import VoiLut
from engine.errors import EngineError, UnreadableFile

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

PIXEL_DATA = {0x7FE00008: "float", 0x7FE00009: "double float", 0x7FE00010: "integer"}
ABSURD = 1e9  #: no modality value, window or slope is that large

_HEADER_READ_LIMIT = 200_000  # calls; a header of 300 elements takes about 1000
_INFLATED_HEADER_LIMIT = 16 * 2**20
_DEFERRED = 2**20  # bytes; longer values before the pixels are of no use here

# Its records and warnings quote header values, and those can name the patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
_quiet_lock = threading.RLock()


@dataclass(frozen=True, eq=False)
class DicomFile:
    """An open file, read up to its pixels."""

    tags: "Tags"
    transfer_syntax: str
    is_big_endian: bool
    source: io.BufferedIOBase  #: positioned at the Pixel Data element, or at the end
    size: int | None  #: of `source` in bytes; None if deflated, as it is not inflated to its end


@contextmanager
def read_tags(file: SourceFile) -> Iterator[DicomFile]:
    """Inside the block any fault of the file is an `UnreadableFile`.

    The block runs under a lock: keep it short.
    """
    bounded = _BoundedReader(file)
    with _quietly():
        try:
            yield _parse(bounded)
        except (EngineError, OSError):
            raise
        except Exception as error:  # pydicom raises nearly anything on a damaged file
            raise damaged() from error


def inflate(file: io.BufferedIOBase, limit: int) -> bytes:
    """At most `limit` bytes of the deflated data set that `file` is positioned at, PS3.5 A.5."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    parts = []
    while limit > 0 and not inflater.eof:
        compressed = inflater.unconsumed_tail or file.read(2**16)
        if not compressed:
            break
        try:
            part = inflater.decompress(compressed, limit)
        except zlib.error as error:
            raise damaged() from error
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def seek_data_set(file: io.BufferedIOBase) -> None:
    """Positions `file` behind preamble and file meta information."""
    with _quietly():
        _read_meta(file)


def damaged() -> UnreadableFile:
    return UnreadableFile(
        "The DICOM header is damaged", "Copy the file again from its source, or export it anew."
    )


class Tags:
    """Values of a data set by keyword; what is absent, empty or unreadable is missing."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def _values(self, keyword: str) -> list:
        try:
            value = self.dataset.get(keyword)
        except Exception:  # of any type: conversions run on whatever bytes the file holds
            return []
        if value is None:
            return []
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return [value]
        return list(value)

    def texts(self, keyword: str) -> list[str]:
        return [_clean(str(value)) for value in self._values(keyword)]

    def text(self, keyword: str) -> str:
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> list[float]:
        """Empty if any value is no finite number."""
        try:
            numbers = [float(value) for value in self._values(keyword)]
        except (TypeError, ValueError, OverflowError):
            return []
        return numbers if all(map(math.isfinite, numbers)) else []

    def number(self, keyword: str) -> float | None:
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str, default: int = 0) -> int:
        number = self.number(keyword)
        return default if number is None else int(number)

    def items(self, keyword: str) -> list["Tags"]:
        return [Tags(item) for item in self._values(keyword) if isinstance(item, Dataset)]

    def bytes_of(self, keyword: str) -> bytes | list | None:
        values = self._values(keyword)
        if len(values) == 1 and isinstance(values[0], bytes):
            return values[0]
        return values or None


def _clean(text: str) -> str:
    return "".join(c for c in text if c.isprintable()).strip()


def lut(item: Tags, is_big_endian: bool, first_is_signed: bool) -> VoiLut | str:
    """A LUT item, C.11.2.1.1, or in words what is wrong with it."""
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        return "its descriptor is incomplete"
    entries, first, bits = (int(number) for number in descriptor)
    entries = entries % 65536 or 65536
    if not 8 <= bits <= 16:
        return f"it states {bits} bits per entry"
    data = item.bytes_of("LUTData")
    if not data:
        return "it is empty"
    if isinstance(data, bytes):
        if len(data) >= 2 * entries:
            table = np.frombuffer(data, ">u2" if is_big_endian else "<u2", entries)
        elif len(data) >= entries and bits == 8:
            table = np.frombuffer(data, np.uint8, entries)
        else:
            return "it is too short"
    else:
        if len(data) < entries:
            return "it is too short"
        try:
            table = np.array([int(value) & 0xFFFF for value in data[:entries]])
        except (TypeError, ValueError):
            return "its entries are no numbers"
    table = table.astype(np.uint16)
    top = int(table.max())
    if top >= 2**bits:
        return f"its entries exceed the {bits} bits it states"
    if top == int(table.min()):
        return "all its entries are equal"
    table.setflags(write=False)
    if first_is_signed and first > 32767:
        first -= 65536
    return VoiLut(table, first, bits, item.text("LUTExplanation"))


def _parse(file: "_BoundedReader") -> DicomFile:
    meta = _read_meta(file)
    syntax = str(meta.get("TransferSyntaxUID") or "")
    source: io.BufferedIOBase = file
    size: int | None = file.size
    if syntax == DEFLATED:
        source, size = io.BytesIO(inflate(file, _INFLATED_HEADER_LIMIT)), None
    is_implicit, is_big_endian = syntax == IMPLICIT, syntax == BIG_ENDIAN
    if not syntax:
        is_implicit, is_big_endian = _guess_encoding(source)
        syntax = IMPLICIT if is_implicit else BIG_ENDIAN if is_big_endian else EXPLICIT
    dataset = read_dataset(
        source,
        is_implicit,
        not is_big_endian,
        stop_when=lambda tag, vr, length: tag in PIXEL_DATA,
        defer_size=_DEFERRED,
    )
    for element in meta:
        dataset[element.tag] = element
    return DicomFile(Tags(dataset), syntax, is_big_endian, source, size)


def _read_meta(file: io.BufferedIOBase) -> Dataset:
    file.seek(128)
    if file.read(4) != b"DICM":
        file.seek(0)
    return read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2)


def _guess_encoding(source: io.BufferedIOBase) -> tuple[bool, bool]:
    """(is implicit, is big endian) of a data set without file meta information."""
    start = source.tell()
    head = source.read(6)
    source.seek(start)
    if len(head) == 6 and head[4:6].isalpha() and head[4:6].isupper():
        return False, head[0] == 0 and head[1] != 0
    return True, False


class _BoundedReader(io.BufferedIOBase):
    """A file that a damaged length cannot make us allocate for, nor endless elements detain us."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self.size = file.size
        self.seek, self.tell = file.seek, file.tell
        self._reads_left = _HEADER_READ_LIMIT

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise damaged()
        left = max(0, self.size - self._file.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@contextmanager
def _quietly() -> Iterator[None]:
    """Keeps pydicom's warnings in; under a lock, as warning filters are not thread-safe."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
