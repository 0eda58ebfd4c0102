"""Others' data sets, taken as they come: every value asked for may be missing, or nonsense.

What pydicom raises on a hostile file becomes an UnreadableFile, at one door: `opened`.
"""

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from engine.dicom.files import opened_as_listed
from engine.dicom.limits import cut_off, unopened
from engine.dicom.tags import DEFLATED, damaged, inflate, quietly, seek_data_set
from engine.errors import EngineError, UnreadableFile
from engine.messages import message
from engine.plain_text import visible_text

Code = tuple[str, str]  #: scheme, value
LARGEST_REPORT = 8 * 2**20  #: bytes; the largest CAD reports have one million
LARGEST_IMAGE = 256 * 2**20  #: of a segmentation, or a PDF
_MOST_ITEMS = 200_000  # of sequences in a file
_LONGEST_TEXT = 1_000
_ITEM = b"\xfe\xff\x00\xe0"
_UNDEFINED = 0xFFFFFFFF  #: length of what is closed by a delimiter


@contextmanager
def opened(path: Path) -> Iterator[Dataset]:
    """The whole data set. Inside the block any fault of it is an UnreadableFile.

    The block runs under the lock that keeps pydicom quiet.
    """
    try:
        with opened_as_listed(path, None) as file:
            if file.size > LARGEST_IMAGE:
                raise _too_large()
            data = file.read()
            file.seek(0)
            seek_data_set(file)
            shown = data
            if DEFLATED.encode() in data[: file.tell()]:  # before pydicom inflates it
                shown = inflate(file, LARGEST_REPORT + 1)
                if len(shown) > LARGEST_REPORT:
                    raise _too_large()
    except OSError as error:
        raise UnreadableFile(*unopened(error)) from error
    if shown.count(_ITEM) > _MOST_ITEMS:
        raise _too_large()
    with quietly():
        try:
            yield _whole(data)
        except EngineError:
            raise
        except Exception as error:  # pydicom raises nearly anything on a damaged file
            raise damaged() from error


def _whole(data: bytes) -> Dataset:
    """Raises UnreadableFile where the file ends before its data set does: a report in part could
    say the contrary of the whole.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if any("end of file" in str(warning.message).lower() for warning in told):
        raise cut_off()
    for tag in dataset.keys():  # noqa: SIM118  its values would be converted
        raw: Any = dataset.get_item(tag)
        is_cut = (
            isinstance(raw, RawDataElement)
            and isinstance(raw.value, bytes)
            and len(raw.value) < raw.length != _UNDEFINED
        )
        if is_cut:
            raise cut_off()
    return dataset


def _too_large() -> UnreadableFile:
    return UnreadableFile(
        message("The document is too large"), message("Check where it comes from.")
    )


def text(dataset: Dataset, keyword: str, longest: int = _LONGEST_TEXT) -> str:
    value = _value(dataset, keyword)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        value = value[0] if value else None
    if value is None or isinstance(value, bytes):
        return ""
    return visible_text(str(value)).strip()[:longest]


def numbers(dataset: Dataset, keyword: str, most: int = 100_000) -> list[float]:
    """Empty if any of them is no finite number, or there are more than `most`."""
    value = _value(dataset, keyword)
    values: list[Any] = []
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        values = list(value)
    elif value is not None:
        values = [value]
    if len(values) > most:
        return []
    try:
        found = [float(each) for each in values]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if all(map(math.isfinite, found)) else []


def number(dataset: Dataset, keyword: str) -> float | None:
    return next(iter(numbers(dataset, keyword)), None)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = _value(dataset, keyword)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return []
    return [item for item in value if isinstance(item, Dataset)]


def code(dataset: Dataset, keyword: str = "ConceptNameCodeSequence") -> Code:
    """("", "") where there is none."""
    for item in items(dataset, keyword)[:1]:
        value = text(item, "CodeValue") or text(item, "LongCodeValue")
        return text(item, "CodingSchemeDesignator"), value
    return "", ""


def meaning(dataset: Dataset, keyword: str = "ConceptCodeSequence") -> str:
    for item in items(dataset, keyword)[:1]:
        return text(item, "CodeMeaning", 100)
    return ""


def referenced_images(dataset: Dataset, keyword: str = "ReferencedSOPSequence") -> list[str]:
    found = [text(item, "ReferencedSOPInstanceUID", 64) for item in items(dataset, keyword)]
    return [uid for uid in found if uid]


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001  of any type: conversions run on whatever bytes the file holds
        return None
