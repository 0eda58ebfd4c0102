"""DICOMDIR: the list of files on a disc, PS3.3 annex F and PS3.10 section 8.

Read by a walk of our own over its elements: discs list thousands of records, for which a library
that makes objects of every element takes seconds, under a lock.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.dicom.files import SourceFile

_CLASS = b"1.2.840.10008.1.3.10"
_RECORDS, _TYPE, _FILE_ID = 0x00041220, 0x00041430, 0x00041500
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
# Records that lead to files which are no images, PS3.3 F.4 and F.5, also those that are retired.
_OTHER_KINDS = frozenset(
    {
        *("ANNOTATION", "ASSESSMENT", "CURVE", "ENCAP DOC", "FIDUCIAL", "FILM BOX", "FILM SESSION"),
        *("HANGING PROTOCOL", "HL7 STRUC DOC", "IMAGE BOX", "IMPLANT", "IMPLANT ASSY"),
        *("IMPLANT GROUP", "INTERPRETATION", "INVENTORY", "KEY OBJECT DOC", "MEASUREMENT"),
        *("MODALITY LUT", "MRDR", "OVERLAY", "PALETTE", "PATIENT", "PLAN", "PRESENTATION"),
        *("PRINT QUEUE", "PRIVATE", "RADIOTHERAPY", "RAW DATA", "REGISTRATION", "RESULTS"),
        *("RT DOSE", "RT PLAN", "RT STRUCTURE SET", "RT TREAT RECORD", "SERIES", "SPECTROSCOPY"),
        *("SR DOCUMENT", "STEREOMETRIC", "STORED PRINT", "STUDY", "STUDY COMPONENT", "SURFACE"),
        *("SURFACE SCAN", "TOPIC", "TRACT", "VALUE MAP", "VISIT", "VOI LUT", "WAVEFORM"),
    }
)
_LONG_VRS = frozenset(b"OB OW OF OD OL OV SQ UN UC UR UT SV UV".split())
_SIZE_LIMIT = 2**26
_RECORD_LIMIT = 200_000
_HEAD_BYTES = 4096  # what stands before the records is shorter
_RECORDS_TAG = struct.pack("<HH", _RECORDS >> 16, _RECORDS & 0xFFFF)


@dataclass(frozen=True)
class DicomDirectory:
    """The images that a DICOMDIR lists, each as the parts of its path below the DICOMDIR."""

    references: tuple[tuple[str, ...], ...]
    is_whole: bool = True  #: it could be read to its end, and every record is what it may be
    others: tuple[tuple[str, ...], ...] = ()  #: files that are no images: reports, presentations


def is_directory(file: SourceFile, name: str) -> bool:
    """Whether its file meta information calls a file a DICOMDIR, or its name; raises OSError."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    is_named = name.upper() == "DICOMDIR" and _RECORDS_TAG in head
    return is_named or (head[128:132] == b"DICM" and _CLASS in head[:1024])


def read_directory(file: SourceFile) -> DicomDirectory:
    """Raises OSError. What cannot be read ends the list."""
    file.seek(0)
    data = file.read(_SIZE_LIMIT + 1)
    start = data.find(_RECORDS_TAG)
    references: list[tuple[str, ...]] = []
    others: list[tuple[str, ...]] = []
    if start < 0:
        return DicomDirectory((), True)
    is_whole = len(data) <= _SIZE_LIMIT
    try:
        _, position, length = _element(data, start)
        end = len(data) if length == _UNDEFINED else position + length
        while position < end and len(references) < _RECORD_LIMIT:
            tag, position, length = _element(data, position)
            if tag != _ITEM:
                is_whole &= tag == _SEQUENCE_END
                break
            record, position = _record(data, position, length)
            parts = tuple(_text(part) for part in record.get(_FILE_ID, b"").split(b"\\"))
            kind = _text(record.get(_TYPE, b""))
            if kind in _OTHER_KINDS:
                others += [parts] if any(parts) else []
            elif any(parts):
                references.append(parts)
            is_whole &= kind in _OTHER_KINDS or (kind == "IMAGE" and any(parts))
        is_whole &= end <= len(data)
    except (struct.error, RecursionError):
        is_whole = False
    return DicomDirectory(tuple(references), is_whole, tuple(others))


def _record(data: bytes, position: int, length: int) -> tuple[dict[int, bytes], int]:
    """The values of an item, and where it ends."""
    end = len(data) if length == _UNDEFINED else position + length
    values: dict[int, bytes] = {}
    while position < end:
        tag, position, size = _element(data, position)
        if tag in (_ITEM_END, _SEQUENCE_END):
            return values, position
        if size == _UNDEFINED:
            position = _behind_sequence(data, position)
            continue
        if tag in (_TYPE, _FILE_ID):
            values[tag] = data[position : position + size]
        position += size
    return values, end


def _behind_sequence(data: bytes, position: int) -> int:
    """Where a sequence of undefined length ends."""
    while True:
        tag, position, size = _element(data, position)
        if tag == _SEQUENCE_END:
            return position
        _, position = _record(data, position, size)


def _element(data: bytes, position: int) -> tuple[int, int, int]:
    """(tag, position of the value, length), explicit or implicit, little endian."""
    group, number, length = struct.unpack_from("<HHI", data, position)
    tag = group << 16 | number
    vr = data[position + 4 : position + 6]
    if group == 0xFFFE or not (vr.isalpha() and vr.isupper()):
        return tag, position + 8, length
    if vr in _LONG_VRS:
        return tag, position + 12, struct.unpack_from("<I", data, position + 8)[0]
    return tag, position + 8, struct.unpack_from("<H", data, position + 6)[0]


def _text(value: bytes) -> str:
    return "".join(c for c in value.decode("latin-1") if c.isprintable()).strip()


class DiscNames:
    """Finds the files of a disc under the names that copying gave them.

    The file system of discs, ISO 9660, knows capitals only and a version behind each name; copies
    may be of small letters, bear the version ("IM000001;1"), or a suffix ("IM000001.dcm"), which
    PS3.10 8.2 forbids and other programs add.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._listings: dict[Path, dict[str, list[str]]] = {}

    def find(self, parts: Sequence[str]) -> Path:
        """Where these parts of a File ID lead; a path that does not exist where they do not."""
        path = self._base
        for part in parts:
            exact = path / part
            path = exact if _exists(exact) else path / self._alike(path, part)
        return path

    def _alike(self, folder: Path, part: str) -> str:
        if folder not in self._listings:
            try:
                names = [path.name for path in folder.iterdir()]
            except OSError:
                names = []
            alike: dict[str, list[str]] = {}
            for name in names:
                whole = _plain_name(name)
                for key in dict.fromkeys((whole, whole.partition(".")[0])):
                    alike.setdefault(key, []).append(name)
            self._listings[folder] = alike
        alike = self._listings[folder]
        wanted = _plain_name(part)
        found = alike.get(wanted, []) or alike.get(wanted.partition(".")[0], [])
        same = [name for name in found if _plain_name(name) == wanted]
        found = same or found
        return found[0] if len(found) == 1 or same else part


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # e.g. a name that is too long for the system
        return False


def _plain_name(name: str) -> str:
    return re.sub(r";\d+$", "", name.casefold()).rstrip(".")
