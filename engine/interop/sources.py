"""Whose results these would be: nothing is written under a guessed identity.

A DICOM result belongs to one study of one patient and goes where that study is. So all views must
say by their own tags whose they are and of which side, and agree; the headers are read again for
it, from files that must still be what was listed.

What an object then says of patient, study and image is a header made anew of values that are legal:
a source's illegal or foreign ones (Patient Orientation "CC" on scanned films) would be copied into
every result. Text is UTF-8.
"""

import re
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from engine.dicom.decoding import is_monochrome1
from engine.dicom.files import opened_as_listed
from engine.dicom.limits import unopened
from engine.dicom.tags import EXPLICIT, Tags, read_tags
from engine.dicom.uids import is_uid
from engine.domain import MammogramView, Study
from engine.errors import EngineError, UnreadableFile
from engine.plain_text import visible_text

UTF_8 = "ISO_IR 192"
_ORIENTATION = re.compile(r"[LRAPHF]{1,3}")
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_PLAIN_TEXTS = {  # by keyword: the longest value, PS3.5 section 6.2
    "AccessionNumber": 16,
    "StudyID": 16,
    "StudyDescription": 64,
    "IssuerOfPatientID": 64,
}


class IdentityRefused(EngineError):
    """It is not certain whose results they would be, or of which study."""


@dataclass(frozen=True, eq=False)
class SourceImage:
    """A view with what objects say of its patient, study and image."""

    view: MammogramView
    header: Dataset

    @property
    def sop_class(self) -> str:
        return str(self.header.SOPClassUID)


def refusal(study: Study) -> IdentityRefused | None:
    """Why nothing may be written of the study, as far as its list tells; None: nothing is known
    against it. The headers are looked at by `sources_of`.
    """
    if any("study" in view.guessed for view in study.views):
        return IdentityRefused(
            "Identity is guessed",
            "That these views belong to one patient is guessed from names: results are written for "
            "a DICOM study alone.",
        )
    if not is_uid(study.uid) or not study.is_joined:
        return IdentityRefused(
            "No DICOM study",
            "The images say by no tag, or not by one of their own, which study they belong to.",
        )
    if study.identity is None or not study.patient_id.strip():
        return IdentityRefused(
            "Patient is not certain",
            "Patient ID, its issuer or the birth date are missing or contradict each other.",
        )
    if any("laterality" in view.guessed or view.laterality_warnings for view in study.views):
        return IdentityRefused(
            "Side is not certain",
            "The side of a view is guessed from a name, or its tags contradict each other on it.",
        )
    if not all(is_uid(view.image_uid) for view in study.views):
        return IdentityRefused(
            "Image is not certain",
            "An image has no identifier of its own, or another image carries the same one.",
        )
    return None


def sources_of(study: Study) -> tuple[SourceImage, ...]:
    """The study's views with their headers, in the study's order.

    Raises IdentityRefused, and UnreadableFile where a file cannot be read or has changed.
    """
    refused = refusal(study)
    if refused is not None:
        raise refused
    sources = tuple(SourceImage(view, _header(view, study)) for view in study.views)
    names = {str(source.header.PatientName) for source in sources} - {""}
    if len(names) > 1:
        raise IdentityRefused(
            "Patient is not certain", "The Patient's Name differs between the views of this study."
        )
    return sources


def _header(view: MammogramView, study: Study) -> Dataset:
    try:
        with opened_as_listed(view.path, view.file) as file, read_tags(file) as read:
            return _rewritten(read.tags, view, study)
    except OSError as error:
        raise UnreadableFile(*unopened(error)) from error


def _rewritten(tags: Tags, view: MammogramView, study: Study) -> Dataset:
    stated = ("\\".join(tags.texts("PatientID")), tags.text("StudyInstanceUID"))
    if stated != (study.patient_id, study.uid):
        raise IdentityRefused(
            "Identity differs", "A view's own tags name another patient or study than the list."
        )
    sop_class, sop_uid, series = (
        tags.text(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")
    )
    if sop_uid != view.image_uid or not is_uid(sop_class) or not is_uid(series):
        raise IdentityRefused(
            "Image is not certain", "A view's class, series or identifier is missing or not valid."
        )
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = UID(EXPLICIT)  # of this header: it has no pixels
    header.SpecificCharacterSet = UTF_8
    header.SOPClassUID, header.SOPInstanceUID = sop_class, sop_uid
    header.StudyInstanceUID, header.SeriesInstanceUID = study.uid, series
    header.PatientID = study.patient_id
    header.PatientName = person_name(tags.text("PatientName"))
    header.PatientBirthDate = _date(tags.text("PatientBirthDate"))
    sex = tags.text("PatientSex").upper()
    header.PatientSex = sex if sex in ("M", "F", "O") else ""
    header.StudyDate = _date(tags.text("StudyDate"))
    time = tags.text("StudyTime")
    header.StudyTime = time if _TIME.fullmatch(time) else ""
    header.ReferringPhysicianName = person_name(tags.text("ReferringPhysicianName"))
    for keyword, longest in _PLAIN_TEXTS.items():
        setattr(header, keyword, plain(tags.text(keyword), longest))
    header.Modality = "MG"
    header.Rows, header.Columns = view.rows, view.columns
    header.SamplesPerPixel = max(1, tags.integer("SamplesPerPixel", 1))
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept")
    if slope is not None and intercept is not None:
        header.RescaleSlope, header.RescaleIntercept = _decimal(slope), _decimal(intercept)
        header.RescaleType = plain(tags.text("RescaleType"), 64) or "US"
    shape = tags.text("PresentationLUTShape").upper()
    is_inverse = (
        is_monochrome1(tags) if shape not in ("IDENTITY", "INVERSE") else shape == "INVERSE"
    )
    header.PresentationLUTShape = "INVERSE" if is_inverse else "IDENTITY"
    orientation = tags.texts("PatientOrientation")
    if len(orientation) == 2 and all(_ORIENTATION.fullmatch(value) for value in orientation):
        header.PatientOrientation = orientation
    frame = tags.text("FrameOfReferenceUID")
    if is_uid(frame):
        header.FrameOfReferenceUID = frame
    spacing = tags.numbers("PixelSpacing")
    if len(spacing) == 2 and min(spacing) > 0:
        header.PixelSpacing = [_decimal(value) for value in spacing]
    return header


def plain(text: str, longest: int) -> str:
    """One line without a backslash, which would make two values of it; cut to `longest`."""
    return visible_text(text).replace("\\", "/").strip()[:longest].strip()


def person_name(text: str) -> str:
    """As a DICOM person name (VR PN): up to three groups of five parts, each group 64 characters.

    A name without carets is a family name alone.
    """
    groups = plain(text, 400).split("=")[:3]
    groups = ["^".join(group.split("^")[:5])[:64] for group in groups]
    name = "=".join(groups).rstrip("=")
    return name if "^" in name or not name else f"{name}^"


def _decimal(value: float) -> str:
    """VR DS: 16 characters at most."""
    return f"{value:.10g}"


def _date(text: str) -> str:
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return ""
    return f"{day:%Y%m%d}" if day is not None and day.year >= 1850 else ""
