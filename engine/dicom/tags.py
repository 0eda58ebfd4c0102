"""The border to pydicom: a DICOM file's elements up to its pixels, taken as they come.

Values are asked for one by one, and one that cannot be read counts as missing, so that no fault of
a header hides an image. Whatever pydicom raises on a damaged file becomes an `UnreadableFile`, and
what it warns of stays here. References "C.…" are to DICOM PS3.3.
"""

import errno
import io
import logging
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, BinaryIO, cast

import numpy as np
import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from engine.dicom.files import SourceFile
from engine.dicom.limits import corrupt, cut_off, file_too_large
from engine.domain import VoiLut
from engine.errors import EngineError, UnreadableFile
from engine.messages import Message, message

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
GE_PRIVATE = "1.2.840.113619.5.2"  #: implicit, little endian but for the pixels
PAPYRUS = "1.2.840.10008.1.20"  #: retired; implicit, little endian

PIXEL_DATA = {0x7FE00008: "float", 0x7FE00009: "double float", 0x7FE00010: "integer"}
ABSURD = 1e9  #: no modality value, window or slope is that large

_HEADER_READ_LIMIT = 80_000  # calls, half a second; a header of 300 elements takes about 1000
_ITEM_LIMIT = 5_000  # of one sequence; the longest that is asked for has one for each frame
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
    notes: tuple[Message, ...] = ()  #: what the reader should know of how it is written


@contextmanager
def read_tags(file: SourceFile) -> Iterator[DicomFile]:
    """Inside the block any fault of the file is an `UnreadableFile`.

    The block runs under a lock: keep it short.
    """
    bounded = _BoundedReader(file)
    with quietly():
        try:
            yield _parse(bounded)
        except EngineError:
            raise
        except OSError as error:
            if error.errno in (None, errno.EINVAL):  # a damaged length leads to no place in a file
                raise damaged() from error
            raise
        except Exception as error:  # pydicom raises nearly anything on a damaged file
            raise damaged() from error


def inflate(file: io.BufferedIOBase, limit: int) -> bytes:
    """At most `limit` bytes of the deflated data set that `file` is positioned at, PS3.5 A.5.

    Also with the headers of zlib or gzip, which do not belong there, and where it is not deflated.
    """
    parts = []
    for part in _inflated(file, is_strict=False):
        parts.append(part[:limit])
        limit -= len(parts[-1])
        if limit <= 0:
            break
    return b"".join(parts)


def inflate_whole(file: io.BufferedIOBase, wanted: int, limit: int) -> tuple[bytes, bytes, int]:
    """The first `wanted` bytes, the first 64 kB behind them, and how many more follow, all zeros.

    Raises UnreadableFile where the deflated data have no end, where they are longer than `limit`,
    or where what follows is not all zeros.
    """
    parts, length, more = [], 0, 0
    kept = wanted + _REST_BYTES
    for part in _inflated(file, is_strict=True):
        inside = part[: max(0, kept - length)]
        if part[len(inside) :].strip(b"\0"):
            raise corrupt()
        parts.append(inside)
        length += len(part)
        more += len(part) - len(inside)
        if length > limit:
            raise file_too_large()
    data = b"".join(parts)
    return data[:wanted], data[wanted:], more


def _inflated(file: io.BufferedIOBase, is_strict: bool) -> Iterator[bytes]:
    """The data set in pieces; if `is_strict`, it must end as it should, at the end of the file."""
    start = file.read(6)
    if _is_plain(start):
        yield start
        while piece := file.read(_PIECE):
            yield piece
        return
    has_header = _wrapping(start) is not None
    # 32 above the window's size: a header of either kind, and its checksum is verified
    inflater = zlib.decompressobj(32 + zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
    compressed = start
    crc, adler, length = 0, 1, 0
    while not inflater.eof and compressed:
        try:
            part = inflater.decompress(compressed, _PIECE)
        except zlib.error as error:
            raise damaged() from error
        crc, adler, length = zlib.crc32(part, crc), zlib.adler32(part, adler), length + len(part)
        yield part
        compressed = inflater.unconsumed_tail or file.read(2**16)
    rest = inflater.unused_data + file.read(2**16)
    sums = (struct.pack("<II", crc, length & 0xFFFFFFFF), struct.pack(">I", adler))
    if is_strict and not (inflater.eof and _may_follow(rest, sums)):
        raise cut_off()


_PIECE = 2**20
_REST_BYTES = 2**16  # behind the pixels: other elements, or what a damaged code made too much


def _may_follow(rest: bytes, sums: Sequence[bytes]) -> bool:
    """A byte to make the length even, or the checksum that gzip or zlib put behind the data."""
    if not rest.strip(b"\0"):
        return True
    found = next((known for known in sums if rest.startswith(known)), None)
    return found is not None and not rest[len(found) :].strip(b"\0")


def _is_plain(start: bytes) -> bool:
    """Whether a data set that ought to be deflated begins with an element of group 8."""
    return start[:2] == b"\x08\0" and start[4:6].isalpha() and start[4:6].isupper()


def _wrapping(start: bytes) -> str | None:
    if start[:2] == b"\x1f\x8b":
        return "gzip"
    is_zlib = start[0:1] == b"\x78" and int.from_bytes(start[:2], "big") % 31 == 0
    return "zlib" if is_zlib else None


def is_word_order_big(syntax: str, vr: bytes, bits_allocated: int) -> bool:
    """Whether pixels lie with their high bytes first, PS3.5 7.3: 8-bit ones in pairs where OW."""
    if syntax == GE_PRIVATE:
        return bits_allocated == 16
    return syntax == BIG_ENDIAN and (bits_allocated == 16 or vr == b"OW")


def seek_data_set(file: io.BufferedIOBase) -> None:
    """Positions `file` behind preamble and file meta information."""
    with quietly():
        _read_meta(file)


def damaged() -> UnreadableFile:
    return UnreadableFile(
        message("The DICOM header is damaged"),
        message("Copy the file again from its source, or export it anew."),
    )


class Tags:
    """Values of a data set by keyword; what is absent, empty or unreadable is missing."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._known: dict[str, list[Any]] = {}  # many are asked for by several rules

    def _values(self, keyword: str) -> list[Any]:
        if keyword not in self._known:
            self._known[keyword] = self._look_up(keyword)
        return self._known[keyword]

    def _look_up(self, keyword: str) -> list[Any]:
        values = _values_of(self.dataset, keyword)
        if values or keyword not in _OF_FRAMES:
            return values
        return next(filter(None, (_values_of(macro, keyword) for macro in self._macros)), [])

    @cached_property
    def _macros(self) -> list[Dataset]:
        """Items of the functional groups, C.7.6.16, of the frame that is shown, then the shared."""
        frames = _values_of(self.dataset, "PerFrameFunctionalGroupsSequence")
        groups = frames[len(frames) // 2 :][:1]
        groups += _values_of(self.dataset, "SharedFunctionalGroupsSequence")[:1]
        found = []
        for group in groups:
            for name in _MACROS:
                found += [i for i in _values_of(group, name)[:1] if isinstance(i, Dataset)]
        return found

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

    def bytes_of(self, keyword: str) -> bytes | list[Any] | None:
        values = self._values(keyword)
        if len(values) == 1 and isinstance(values[0], bytes):
            return values[0]
        return values or None


# What multi-frame images hold in functional groups instead of in the data set itself.
_MACROS = (
    *("FrameVOILUTSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence"),
    *("XRay3DFrameTypeSequence", "XRayFrameCharacteristicsSequence", "FrameAnatomySequence"),
)
_OF_FRAMES = frozenset(
    {
        *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"),
        *("VOILUTSequence", "PixelSpacing", "ImagerPixelSpacing", "SliceThickness"),
        *("RescaleSlope", "RescaleIntercept", "FrameType"),
    }
)


@cache
def _tag_of(keyword: str) -> BaseTag:
    """Looked up once: of a hundred attributes that are asked for most files hold a third."""
    return Tag(keyword)


def _values_of(dataset: Dataset, keyword: str) -> list[Any]:
    try:
        tag = _tag_of(keyword)
        if tag not in dataset or _is_endless(dataset.get_item(tag)):
            return []
        value = dataset[tag].value
    except Exception:  # noqa: BLE001  conversions run on whatever bytes the file holds
        return []
    if value is None:
        return []
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return [value]
    return list(value)


def _is_endless(element: object) -> bool:
    """Whether to read a sequence would take more time than it is worth."""
    value = getattr(element, "value", None)
    if not isinstance(element, RawDataElement) or not isinstance(value, bytes):
        return False
    return len(value) > 2**16 and value.count(b"\xfe\xff\x00\xe0") > _ITEM_LIMIT


def _clean(text: str) -> str:
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable())
    return text.strip()


def lut(item: Tags, is_big_endian: bool, first_is_signed: bool) -> VoiLut | Message:
    """A LUT item, C.11.2.1.1, or in words what is wrong with it."""
    descriptor = item.numbers("LUTDescriptor")
    if len(descriptor) != 3:
        return message("its descriptor is incomplete")
    entries, first, bits = (int(number) for number in descriptor)
    entries = entries % 65536 or 65536
    if not 8 <= bits <= 16:
        return message("it states {count} bits per entry", count=bits)
    table = _lut_entries(item.bytes_of("LUTData"), entries, bits, is_big_endian)
    if isinstance(table, Message):
        return table
    top = int(table.max())
    if top >= 2**bits:
        return message("its entries exceed the {count} bits it states", count=bits)
    if top == int(table.min()):
        return message("all its entries are equal")
    table.setflags(write=False)
    if first_is_signed and first > 32767:
        first -= 65536
    return VoiLut(table, first, bits, item.text("LUTExplanation"))


def _lut_entries(
    data: bytes | list[Any] | None, entries: int, bits: int, is_big_endian: bool
) -> np.ndarray | Message:
    """uint16 (entries,), or what is wrong with them."""
    if not data:
        return message("it is empty")
    if isinstance(data, bytes):
        if len(data) >= 2 * entries:
            words = np.frombuffer(data, ">u2" if is_big_endian else "<u2", entries)
            return words.astype(np.uint16)
        if len(data) >= entries and bits == 8:
            return np.frombuffer(data, np.uint8, entries).astype(np.uint16)
        return message("it is too short")
    if len(data) < entries:
        return message("it is too short")
    try:
        return np.array([int(value) & 0xFFFF for value in data[:entries]]).astype(np.uint16)
    except (TypeError, ValueError):
        return message("its entries are no numbers")


def _parse(file: "_BoundedReader") -> DicomFile:
    meta = _read_meta(file)
    syntax = str(meta.get("TransferSyntaxUID") or "")
    source: io.BufferedIOBase = file
    size: int | None = file.size
    notes = []
    if syntax == DEFLATED:
        place = file.tell()
        start = file.read(6)
        file.seek(place)
        if _is_plain(start):
            notes.append(message("The file is not deflated, though it says so: shown as it is."))
        elif wrapping := _wrapping(start):
            notes.append(
                message(
                    "The file is deflated with a header of {kind}, which is not allowed.",
                    kind=wrapping,
                )
            )
        source, size = io.BytesIO(inflate(file, _INFLATED_HEADER_LIMIT)), None
    is_implicit = syntax in (IMPLICIT, GE_PRIVATE, PAPYRUS)
    is_big_endian = syntax == BIG_ENDIAN
    if not syntax:
        is_implicit, is_big_endian = _guess_encoding(source)
        syntax = IMPLICIT if is_implicit else BIG_ENDIAN if is_big_endian else EXPLICIT
    dataset = read_dataset(
        cast(BinaryIO, source),
        is_implicit,
        not is_big_endian,
        stop_when=lambda tag, _vr, _length: tag in PIXEL_DATA,
        defer_size=_DEFERRED,
    )
    for element in meta:
        dataset[element.tag] = element
    return DicomFile(Tags(dataset), syntax, is_big_endian, source, size, tuple(notes))


def _read_meta(file: io.BufferedIOBase) -> Dataset:
    file.seek(128)
    if file.read(4) != b"DICM":
        file.seek(0)
    return read_dataset(
        cast(BinaryIO, file), False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2
    )


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
        self._reads_left = _HEADER_READ_LIMIT

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise damaged()
        left = max(0, self.size - self._file.tell())
        return self._file.read(left if size is None or size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps pydicom's warnings in; under a lock, as warning filters are not thread-safe."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
