"""A file's whole DICOM header as lines to be read, whatever the file holds.

Nothing is trusted: long values are cut, binary ones only counted, unreadable ones said to be so,
sequences followed to a fixed depth and a fixed number of lines. Headers name patients: what is
listed here goes to the screen and nowhere else, least of all to a log.
"""

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

from pydicom.datadict import dictionary_description, dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from engine.dicom.files import opened_as_listed
from engine.dicom.tags import PIXEL_DATA, read_tags
from engine.domain import FileIdentity, HeaderElement
from engine.errors import UnreadableFile, UnsupportedImage
from engine.messages import message

LINE_LIMIT = 5000
_DEPTH_LIMIT = 12
_VALUE_LIMIT = 200  # characters
_VALUES_LIMIT = 32  # of a list
_CONVERTED_LIMIT = 65536  # bytes; longer values are counted, not converted
_SEQUENCE_LIMIT = 2**18  # bytes, the same of a sequence
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def read_header(path: Path, listed: FileIdentity | None = None) -> tuple[HeaderElement, ...]:
    """File meta information and data set up to the pixels, in the file's order.

    Raises UnreadableFile, also where the file cannot be opened, and FileChanged where it is not
    what was `listed`; UnsupportedImage where it is no DICOM file.
    """
    try:
        with opened_as_listed(path, listed) as file:
            head = file.read(132)
            if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*")):
                raise UnsupportedImage(
                    message("No DICOM header"), message("This image is not a DICOM file.")
                )
            with read_tags(file) as read:
                lines = tuple(islice(_lines(read.tags.dataset, 0), LINE_LIMIT + 1))
    except OSError as error:
        raise UnreadableFile(
            message("The file cannot be opened"),
            message("Check that its drive is connected, then try again."),
        ) from error
    if len(lines) > LINE_LIMIT:
        rest = HeaderElement(
            0,
            "",
            message("More than {count} lines", count=f"{LINE_LIMIT:,}"),
            "",
            message("the rest is left out"),
        )
        lines = (*lines[:LINE_LIMIT], rest)
    return lines


def _lines(dataset: Dataset, depth: int) -> Iterator[HeaderElement]:
    for tag in sorted(dataset.keys()):
        if tag in PIXEL_DATA:
            continue
        text = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        # what is declared there forgets the raw elements
        raw = cast("DataElement | RawDataElement", dataset.get_item(tag, keep_deferred=True))
        length = raw.length if isinstance(raw, RawDataElement) else 0
        is_deferred = isinstance(raw, RawDataElement) and raw.value is None
        size = length if is_deferred else _size(raw)
        if size > (_SEQUENCE_LIMIT if _is_sequence(raw) else _CONVERTED_LIMIT):
            yield HeaderElement(depth, text, _known_name(tag), raw.VR or "", _bytes(size))
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                element = dataset[tag]
                name, vr, value = element.name, str(element.VR), element.value
                is_sequence = vr == "SQ"
                shown = "" if is_sequence else _shown(value, vr)
        except Exception:  # noqa: BLE001  conversions run on whatever bytes the file holds
            unread = f"unreadable, {_bytes(_size(raw))}"
            yield HeaderElement(depth, text, _known_name(tag), str(raw.VR or ""), unread)
            continue
        if not is_sequence:
            yield HeaderElement(depth, text, _clean(name), vr, shown)
            continue
        count = len(value)
        items = message("1 item") if count == 1 else message("{count} items", count=f"{count:,}")
        yield HeaderElement(depth, text, _clean(name), vr, items)
        if depth >= _DEPTH_LIMIT:
            yield HeaderElement(depth + 1, "", message("Deeper sequences"), "", message("left out"))
            continue
        for number, item in enumerate(value, start=1):
            yield HeaderElement(depth + 1, "", message("Item {number}", number=number), "", "")
            yield from _lines(item, depth + 2)


def _is_sequence(element: DataElement | RawDataElement) -> bool:
    """An implicit file does not state it."""
    if element.VR is not None or not dictionary_has_tag(element.tag):
        return element.VR == "SQ"
    return dictionary_VR(element.tag) == "SQ"


def _size(element: object) -> int:
    value = getattr(element, "value", None)
    return len(value) if isinstance(value, bytes | str) else 0


def _shown(value: object, vr: str) -> str:
    if isinstance(value, bytes) or vr in _BINARY:
        size = len(value) if isinstance(value, bytes | str) else 0
        return _bytes(size)
    if value is None:
        return ""
    if isinstance(value, MultiValue | list | tuple):
        shown = " \\ ".join(_cut(_clean(str(part))) for part in value[:_VALUES_LIMIT])
        more = f" … ({len(value):,} values)" if len(value) > _VALUES_LIMIT else ""
        return _cut(shown) + more
    return _cut(_clean(str(value)))


def _known_name(tag: int) -> str:
    try:
        return dictionary_description(tag)
    except KeyError:
        return "Private element" if tag >> 16 & 1 else "Unknown element"


def _cut(text: str) -> str:
    if len(text) <= _VALUE_LIMIT:
        return text
    return f"{text[:_VALUE_LIMIT]}… ({len(text):,} characters)"


def _clean(text: str) -> str:
    """Without control characters, nor those that turn the direction of writing."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _bytes(size: int) -> str:
    return "1 byte" if size == 1 else f"{size:,} bytes"
