"""The Basic Application Level Confidentiality Profile, DICOM PS3.15 Annex E, on one data set.

The table is `resources/confidentiality_profile.csv`: tag and action of every attribute of table
E.1-1, column "Basic Prof.". It is applied at every depth. What the table leaves open goes the
careful way: beyond it are removed private attributes, whole groups of curves and overlays,
attributes that no dictionary knows, whatever of a patient or in free words it does not name
(`_BEYOND`), short texts that are no technical ones (`_TECHNICAL`), for technicians type there, and
codes and numbers that are none (`_FORMS`). What is left and holds a word of somebody's name or an
identifier (`_Words`) goes all the same. A code's meaning is restated in the standard's words. A
dummy stands where an attribute may have to have a value, nothing where it need not.
"""

import csv
import hashlib
import hmac
import io
import re
import secrets
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from engine import __version__
from engine.errors import DamagedInstallation, UnreadableFile
from engine.messages import message
from engine.shipped import is_as_shipped
from resources import ROOT

TABLE_EDITION = "PS3.15 2026c"
TABLE_FILE = ROOT / "confidentiality_profile.csv"
# Of sequences in sequences: no real one is deeper than 8, and writing 300 takes for ever.
_DEPTH_LIMIT = 16
_DUMMY_TEXT = "ANONYMISED"
_DUMMIES = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _DUMMY_TEXT),
    **dict.fromkeys(("IS", "DS"), "0"),
    **dict.fromkeys(("FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"), 0),
    "AS": "000Y",
    "DA": "19000101",
    "TM": "000000",
    "DT": "19000101000000",
    "UR": "http://anonymised.invalid",
}
# Value representations that hold words, people or dates; what has one and is not in the table goes.
_BEYOND = frozenset({"AS", "DA", "DT", "LT", "PN", "ST", "TM", "UN", "UR", "UT"})
# Texts of these are kept where they are technical; elsewhere somebody types into them.
_SHORT_TEXTS = frozenset({"LO", "SH", "UC"})
_TECHNICAL = frozenset(
    (
        *("Manufacturer", "ManufacturerModelName", "SoftwareVersions"),
        *("DetectorManufacturerName", "DetectorManufacturerModelName"),
        *("ModalityLUTType", "RescaleType", "CodeValue", "CodingSchemeDesignator"),
        *("CodingSchemeVersion", "LongCodeValue", "CodeMeaning"),
    )
)
# Of those, the ones that must be there (types 1 and 1C) and may hold free words.
_DUMMIED = frozenset({"PixelSpacingCalibrationDescription"})
# What values may be made of, PS3.5 6.2; writers mix the cases of one word. All else is no value.
_FORMS = {
    "CS": re.compile(r"[A-Z0-9 _./+\\-]*|[A-Za-z0-9_./+\\-]*"),
    "DS": re.compile(r"[0-9 .eE+\\-]*"),
    "IS": re.compile(r"[0-9 .eE+\\-]*"),
    "UI": re.compile(r"[0-9.\\]*"),
}
_CODE_LENGTH = 16  #: bytes of one value of CS, PS3.5 6.2
_BYTES = frozenset({"OB"})  #: colour profiles and the like, with words of their makers inside
_KEPT_OF_PATIENT = frozenset({"AnatomicalOrientationType"})
_DICOM_ROOT = "1.2.840.10008."
# UIDs that name a kind of thing, not a thing.
_KIND_UIDS = (
    *("SOPClass", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID"),
    *("ContextGroupExtensionCreatorUID", "CreatorVersionUID"),
)
_MULTI_FRAME = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


_Element = DataElement | RawDataElement


class ReplacementIds:
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
    """Actions by tag, as the standard writes them: D, Z, X, U and their combinations.

    Raises DamagedInstallation where it is not, to the byte, the table that was shipped: with rows
    missing, names would stay in a copy that says it has none.
    """
    try:
        data = TABLE_FILE.read_bytes()
    except OSError as error:
        raise _damaged() from error
    if not is_as_shipped("confidentiality_profile", data):
        raise _damaged()
    rows = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))
    return {int(row["tag"], 16): row["action"] for row in rows}


def _damaged() -> DamagedInstallation:
    return DamagedInstallation(
        message("Nothing can be anonymised"),
        message("The table of what must go is missing or damaged; install the program again."),
    )


def anonymise(dataset: Dataset, ids: ReplacementIds, patient: str, study_uid: str) -> None:
    """Takes away who it is, in place. `patient` and `study_uid` are the new identifiers.

    Raises UnreadableFile where a part was too long to be read, and anything on damaged values.
    """
    needs_values = any(keyword in dataset for keyword in _MULTI_FRAME)  # type 1 there, PS3.3 C.7.6
    words = _Words(dataset)
    _clean(dataset, ids, needs_values)
    words.take_from(dataset)
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


def _raw(dataset: Dataset, tag: BaseTag) -> _Element:
    """As it lies in the file, or as it was made; what is declared there forgets the former."""
    return cast(_Element, dataset.get_item(tag))


def _clean(dataset: Dataset, ids: ReplacementIds, needs_values: bool, depth: int = 0) -> None:
    for tag in list(dataset.keys()):
        action = _action(tag, _raw(dataset, tag), needs_values)
        if action == "X":
            del dataset[tag]
            continue
        raw = _raw(dataset, tag)
        if isinstance(raw, RawDataElement) and raw.value is None and raw.length:
            raise UnreadableFile(
                message("The header is too large"),
                message("It cannot be anonymised; export the image anew."),
            )
        if action == "K" and not _holds_items(raw):
            continue  # as it is, byte for byte
        _clean_element(dataset, tag, action, ids, needs_values, depth)
    if "CodeMeaning" in dataset:
        _restate_code(dataset)


def _clean_element(
    dataset: Dataset, tag: BaseTag, action: str, ids: ReplacementIds, needs_values: bool, depth: int
) -> None:
    """By one of the actions K (of items), Z, D and U."""
    element = dataset[tag]
    if action == "Z":
        element.value = [] if element.VR == "SQ" else None
    elif isinstance(element.value, Sequence) and depth >= _DEPTH_LIMIT:
        del dataset[tag]
    elif isinstance(element.value, Sequence):
        for item in element.value:
            if action == "D":
                _make_dummies(item, ids, depth + 1)
            else:
                _clean(item, ids, needs_values, depth + 1)
    elif action == "D":
        _make_dummy(element, ids)
    elif action == "U" and element.VR == "UI":
        element.value = _mapped(element.value, ids)
    else:  # what is said to be a sequence, or a UID, and is none
        del dataset[tag]


def _action(tag: BaseTag, raw: _Element, needs_values: bool) -> str:
    """One of K (keep, its items cleaned), X, Z, D, U."""
    if tag.is_private or tag.group < 8 or tag.group >> 8 in (0x50, 0x60) or tag.group >= 0x7FE0:
        return "X"  # of 7FE0 what stands here are offsets of frames, which the copy has elsewhere
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


def _action_beyond(tag: BaseTag, raw: _Element) -> str:
    if tag.element == 0:  # group lengths, retired
        return "X"
    if not dictionary_has_tag(tag):
        return "X"
    keyword, known = keyword_for_tag(tag), dictionary_VR(tag)
    if known == "UI":
        is_kind = any(kind in keyword for kind in _KIND_UIDS) and _is_well_formed("UI", raw)
        return "K" if is_kind or _is_standard(raw) else "U"
    if known in _SHORT_TEXTS:
        if keyword in _DUMMIED:
            return "D"
        return "K" if keyword in _TECHNICAL else "X"
    if known in _BYTES or not _is_well_formed(known, raw):
        return "X"
    if known in _BEYOND or (tag.group == 0x0010 and keyword not in _KEPT_OF_PATIENT):
        return "X"
    return "K"


def _is_well_formed(known: str, raw: _Element) -> bool:
    """Whether the bytes as they lie in the file are a value of that representation."""
    form = _FORMS.get(known)
    if form is None:
        return True
    value = _text(raw).rstrip(" \0")
    is_short = known != "CS" or all(len(v.strip()) <= _CODE_LENGTH for v in value.split("\\"))
    return is_short and form.fullmatch(value) is not None


class _Words:
    """The words of names and the identifiers in a data set: none may stay in what the rules keep.

    Bytes are compared as they lie in the file, so that no character set can hide them.
    """

    _LENGTH = 3  #: shorter ones are initials, and stand in half of all codes
    _IDENTIFIERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID")
    _KEPT = frozenset({"CS", *_SHORT_TEXTS})

    def __init__(self, dataset: Dataset) -> None:
        """Of the data set as it came."""
        self._words: set[str] = set()
        self._identifiers: set[str] = set()
        for tag in list(dataset.keys()):
            if _known_vr(tag) == "PN":
                self._words |= self._of(_text(_raw(dataset, tag)))
            elif keyword_for_tag(tag) in self._IDENTIFIERS:
                text = _text(_raw(dataset, tag)).strip(" \0").casefold()
                self._identifiers |= {text} if len(text) >= self._LENGTH else set()

    def _of(self, text: str) -> set[str]:
        words = re.split(r"[\W_]+", text.casefold())
        return {word for word in words if len(word) >= self._LENGTH}

    def _are_in(self, text: str) -> bool:
        folded = text.casefold()
        return bool(self._words & self._of(text)) or any(i in folded for i in self._identifiers)

    def take_from(self, dataset: Dataset) -> None:
        """Removes what still has one of them."""
        for tag in list(dataset.keys()):
            raw = _raw(dataset, tag)
            if _holds_items(raw):
                for item in dataset[tag].value or ():
                    self.take_from(item)
            elif _known_vr(tag) in self._KEPT and self._are_in(_text(raw)):
                del dataset[tag]


def _known_vr(tag: BaseTag) -> str:
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""


def _text(raw: _Element) -> str:
    """Of an element as it lies in the file, byte by byte; of a made one as it would."""
    value = raw.value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    return "\\".join("" if one is None else str(one) for one in values)


@cache
def _meanings() -> Mapping[tuple[str, str], str]:
    """What codes mean, by scheme and value, as most of the standard's own lists have it."""
    from pydicom.sr import _concepts_dict, _snomed_dict  # a tenth of a second, of each start

    listed: dict[tuple[str, str], tuple[str, int]] = {}
    concepts_of: Mapping[str, Any] = _concepts_dict.concepts  # its own declaration says object
    for scheme, concepts in concepts_of.items():
        for codes in concepts.values():
            for value, (meaning, groups) in codes.items():
                if len(groups) > listed.get((scheme, value), ("", -1))[1]:
                    listed[scheme, value] = meaning, len(groups)
    known = {code: meaning for code, (meaning, _) in listed.items()}
    for old, new in _snomed_dict.mapping["SRT"].items():
        if ("SCT", new) in known:
            known |= {(scheme, old): known["SCT", new] for scheme in ("SRT", "SNM3", "99SDM")}
    return known


def _restate_code(item: Dataset) -> None:
    """A code's meaning is free text: it is said in the standard's words or not at all."""
    code = item.get("CodeValue") or item.get("LongCodeValue") or ""
    scheme = str(item.get("CodingSchemeDesignator") or "")
    if not re.fullmatch(r"[A-Za-z0-9._:+-]{0,64}", str(code)):
        for keyword in ("CodeValue", "LongCodeValue"):
            if keyword in item:
                setattr(item, keyword, _DUMMY_TEXT)
    item.CodeMeaning = _meanings().get((scheme, str(code)), _DUMMY_TEXT)


def _is_standard(raw: _Element) -> bool:
    text = _text(raw)
    return all(uid.startswith(_DICOM_ROOT) for uid in text.split("\\") if uid.strip(" \0"))


def _holds_items(raw: _Element) -> bool:
    known = dictionary_VR(raw.tag) if dictionary_has_tag(raw.tag) else None
    return "SQ" in (raw.VR, known)


def _mapped(value: object, ids: ReplacementIds) -> Any:
    if isinstance(value, MultiValue | list | tuple):
        return [_mapped(one, ids) for one in value]
    text = str(value or "").strip(" \0")
    return ids.uid(text) if text and not text.startswith(_DICOM_ROOT) else text


def _make_dummies(dataset: Dataset, ids: ReplacementIds, depth: int) -> None:
    """Of a whole item: nothing in it is kept but its shape."""
    for tag in list(dataset.keys()):
        if tag.is_private or not dictionary_has_tag(tag):
            del dataset[tag]
            continue
        element = dataset[tag]
        if isinstance(element.value, Sequence) and depth >= _DEPTH_LIMIT:
            del dataset[tag]
        elif isinstance(element.value, Sequence):
            for item in element.value:
                _make_dummies(item, ids, depth + 1)
        else:
            _make_dummy(element, ids)


def _make_dummy(element: DataElement, ids: ReplacementIds) -> None:
    if element.is_empty:
        return
    if element.VR == "UI":
        element.value = _mapped(element.value, ids)
    else:
        element.value = _DUMMIES.get(element.VR, b"\0\0")
