"""What a header says of where, when and of whom an image was made, for telling groups apart.

Nothing in it tells who the patient is: the year instead of the date, ten years of age instead of a
birth date.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.dicom.files import opened_as_listed
from engine.dicom.plain_images import plain_format
from engine.dicom.tags import Tags, read_tags
from engine.domain import MammogramView
from engine.errors import EngineError

_LONGEST = 64  #: characters; the VR's own limit, LO
_FIRST_YEAR = 1980
#: Breast composition, CID 6000 to 6001 of PS3.16, ACR BI-RADS a to d: SNOMED CT, then RT.
_COMPOSITIONS = {
    **dict.fromkeys(("129716005", "F-01711"), "A"),
    **dict.fromkeys(("129717001", "F-01712"), "B"),
    **dict.fromkeys(("129718006", "F-01713"), "C"),
    **dict.fromkeys(("129719003", "F-01714"), "D"),
}
#: Where a code may stand: what was known of the patient when the image was made, PS3.3 C.7.6.14.
_CONTEXT = "AcquisitionContextSequence"


@dataclass(frozen=True)
class Facts:
    """Of one image; None where the header does not say."""

    maker: str | None = None
    machine: str | None = None
    year: int | None = None
    age_band: str | None = None  #: "40-49"; "90+"
    density: str | None = None  #: A to D


def of(view: MammogramView) -> Facts:
    """Nothing where the file has no header, or not the one any more that was listed."""
    try:
        with opened_as_listed(view.path, view.file) as file:
            head = file.read(132)
            if head[128:] != b"DICM" and plain_format(head):
                return Facts()
            with read_tags(file) as read:
                return _facts(read.tags)
    except (EngineError, OSError):  # its reader is told when it is decoded
        return Facts()


def _facts(tags: Tags) -> Facts:
    year = next(filter(None, map(_year, _dates(tags))), None)
    return Facts(
        maker=tags.text("Manufacturer")[:_LONGEST] or None,
        machine=tags.text("ManufacturerModelName")[:_LONGEST] or None,
        year=year,
        age_band=_band(_age(tags, year)),
        density=_density(tags),
    )


def _dates(tags: Tags) -> Iterator[str]:
    for keyword in ("StudyDate", "AcquisitionDate", "AcquisitionDateTime", "ContentDate"):
        yield tags.text(keyword)


def _year(date: str) -> int | None:
    year = date[:4]
    if len(date) >= 8 and year.isascii() and year.isdigit() and int(year) >= _FIRST_YEAR:
        return int(year)
    return None


def _age(tags: Tags, year: int | None) -> int | None:
    """In years: as stated (VR AS, PS3.5 6.2), else by the years, which may be one too many."""
    stated = tags.text("PatientAge")
    if len(stated) == 4 and stated[:3].isascii() and stated[:3].isdigit() and stated[3] == "Y":
        return int(stated[:3])
    birth = tags.text("PatientBirthDate")[:4]
    if year is not None and len(birth) == 4 and birth.isascii() and birth.isdigit():
        return year - int(birth)
    return None


def _band(age: int | None) -> str | None:
    if age is None or not 10 <= age <= 120:
        return None
    decade = age // 10 * 10
    return "90+" if decade >= 90 else f"{decade}-{decade + 9}"


def _density(tags: Tags) -> str | None:
    for item in tags.items(_CONTEXT):
        for value in item.items("ConceptCodeSequence"):
            known = _COMPOSITIONS.get(value.text("CodeValue"))
            if known is not None:
                return known
    return None
