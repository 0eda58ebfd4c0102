"""The Basic Application Level Confidentiality Profile, DICOM PS3.15 Annex E, on one data set.

The table is `resources/confidentiality_profile.csv`: tag and action of every attribute of table
E.1-1, column "Basic Prof.". It is applied at every depth. What the table leaves open goes the
careful way: beyond it are removed private attributes, whole groups of curves and overlays,
attributes that no dictionary knows, and whatever of a patient or in free words it does not name
(`_BEYOND`). A dummy stands where an attribute may have to have a value, nothing where it need not.
"""

import csv
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from functools import cache

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from engine import __version__
from engine.errors import UnreadableFile
from resources import ROOT

TABLE_EDITION = "PS3.15 2026c"
_DUMMY_TEXT = "ANONYMISED"
_DUMMIES = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _DUMMY_TEXT),
    **dict.fromkeys(("IS", "DS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    **{"AS": "000Y", "DA": "19000101", "TM": "000000", "DT": "19000101000000"},
    **{"UR": "http://anonymised.invalid"},
}
# Value representations that hold words, people or dates; what has one and is not in the table goes.
_BEYOND = frozenset({"AS", "DA", "DT", "LT", "PN", "ST", "TM", "UN", "UR", "UT"})
_KEPT_OF_PATIENT = frozenset({"AnatomicalOrientationType"})
_DICOM_ROOT = "1.2.840.10008."
# UIDs that name a kind of thing, not a thing.
_KIND_UIDS = (
    *("SOPClass", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID"),
    *("ContextGroupExtensionCreatorUID", "CreatorVersionUID"),
)
_MULTI_FRAME = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


class Pseudonyms:
    """New identifiers for old ones: the same old one gives the same new one, and none gives away
    the old one to whoever lacks the key, which is made for one run and forgotten.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\0{value}".encode(), hashlib.sha256)

    def uid(self, old: str) -> str:
        """A UUID under the root 2.25, PS3.5 B.2."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', old)[:16], version=4).int}"

    def patient(self, old: str) -> str:
        """Of a Patient ID."""
        return f"ANON-{self._digest('patient', old)[:4].hex().upper()}"


@cache
def table() -> Mapping[int, str]:
    """Actions by tag, as the standard writes them: D, Z, X, U and their combinations."""
    with (ROOT / "confidentiality_profile.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["tag"], 16): row["action"] for row in csv.DictReader(file)}


def anonymise(dataset: Dataset, pseudonyms: Pseudonyms, patient: str, study_uid: str) -> None:
    """Takes away who it is, in place. `patient` and `study_uid` are the new identifiers.

    Raises UnreadableFile where a part was too long to be read, and anything on damaged values.
    """
    needs_values = any(keyword in dataset for keyword in _MULTI_FRAME)  # type 1 there, PS3.3 C.7.6
    _clean(dataset, pseudonyms, needs_values)
    dataset.PatientName = dataset.PatientID = patient
    dataset.StudyInstanceUID = study_uid
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    dataset.DeidentificationMethod = [f"birads-viewer {__version__}", TABLE_EDITION]
    dataset.DeidentificationMethodCodeSequence = [
        _code("113100", "Basic Application Confidentiality Profile")
    ]


def state_blanked(dataset: Dataset) -> None:
    """Says that what was burned in beside the breast was blanked, PS3.15 E.3.1, and how."""
    dataset.BurnedInAnnotation = "NO"
    dataset.DeidentificationMethod.append("marks blanked by program, unchecked")
    dataset.DeidentificationMethodCodeSequence.append(_code("113101", "Clean Pixel Data Option"))


def _code(value: str, meaning: str) -> Dataset:
    """CID 7050."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _clean(dataset: Dataset, pseudonyms: Pseudonyms, needs_values: bool) -> None:
    for tag in list(dataset.keys()):
        action = _action(tag, dataset.get_item(tag), needs_values)
        if action == "X":
            del dataset[tag]
            continue
        raw = dataset.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length:
            raise UnreadableFile(
                "The header is too large", "It cannot be anonymised; export the image anew."
            )
        if action == "K" and not _holds_items(raw):
            continue  # as it is, byte for byte
        element = dataset[tag]
        if action == "Z":
            element.value = [] if element.VR == "SQ" else None
        elif isinstance(element.value, Sequence):
            for item in element.value:
                if action == "D":
                    _make_dummies(item, pseudonyms)
                else:
                    _clean(item, pseudonyms, needs_values)
        elif action == "D":
            _make_dummy(element, pseudonyms)
        elif action == "U" and element.VR == "UI":
            element.value = _mapped(element.value, pseudonyms)
        else:  # what is said to be a sequence, or a UID, and is none
            del dataset[tag]


def _action(tag: BaseTag, raw, needs_values: bool) -> str:
    """One of K (keep, its items cleaned), X, Z, D, U."""
    if tag.is_private or tag.group < 8 or tag.group >> 8 in (0x50, 0x60) or tag.group > 0x7FE0:
        return "X"
    stated = table().get(int(tag))
    if stated is None:
        return _action_beyond(tag, raw)
    if stated == "X/Z/U*":
        return "K"  # references to images: their UIDs are mapped where they stand
    if "/" not in stated:
        return stated
    *lesser, most = stated.split("/")
    if most == "D":
        return "D" if needs_values else lesser[-1] if lesser[-1] == "Z" else "X"
    return most


def _action_beyond(tag: BaseTag, raw) -> str:
    if tag.element == 0:  # group lengths, retired
        return "X"
    if not dictionary_has_tag(tag):
        return "X"
    keyword, known = keyword_for_tag(tag), dictionary_VR(tag)
    if known == "UI":
        return "K" if any(kind in keyword for kind in _KIND_UIDS) or _is_standard(raw) else "U"
    if known in _BEYOND or (tag.group == 0x0010 and keyword not in _KEPT_OF_PATIENT):
        return "X"
    return "K"


def _is_standard(raw) -> bool:
    value = raw.value
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return all(uid.startswith(_DICOM_ROOT) for uid in text.split("\\") if uid.strip(" \0"))


def _holds_items(raw) -> bool:
    known = dictionary_VR(raw.tag) if dictionary_has_tag(raw.tag) else None
    return "SQ" in (raw.VR, known)


def _mapped(value, pseudonyms: Pseudonyms):
    if isinstance(value, MultiValue | list | tuple):
        return [_mapped(one, pseudonyms) for one in value]
    text = str(value or "").strip(" \0")
    return pseudonyms.uid(text) if text and not text.startswith(_DICOM_ROOT) else text


def _make_dummies(dataset: Dataset, pseudonyms: Pseudonyms) -> None:
    """Of a whole item: nothing in it is kept but its shape."""
    for tag in list(dataset.keys()):
        if tag.is_private or not dictionary_has_tag(tag):
            del dataset[tag]
            continue
        element = dataset[tag]
        if isinstance(element.value, Sequence):
            for item in element.value:
                _make_dummies(item, pseudonyms)
        else:
            _make_dummy(element, pseudonyms)


def _make_dummy(element, pseudonyms: Pseudonyms) -> None:
    if element.is_empty:
        return
    if element.VR == "UI":
        element.value = _mapped(element.value, pseudonyms)
    else:
        element.value = _DUMMIES.get(element.VR, b"\0\0")
