"""Which images belong together: a matter of safety, so that no two patients ever mix.

What makes a study:

- DICOM views that share Patient ID and Study Instance UID.
- CBIS-DDSM, where each view has a Patient ID "<set>_<P_nnnnn>_<LEFT|RIGHT>_<CC|MLO>" and a study of
  its own: they join on P_nnnnn, marked as guessed.
- Plain images (PNG, JPEG, TIFF) of one folder whose names are equal once side and view are taken
  out, marked as guessed; or all images of a folder that holds at most four, of distinct side and
  view, unless their names differ by more than a file counter.

Everything else stands alone, and a study of views that no rule joined has `is_joined` False.
"""

import hashlib
import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from engine.dicom.decoding import PixelLayout
from engine.dicom.files import opened_as_listed
from engine.dicom.naming import cbis_ddsm_patient, differ_by_counter_only
from engine.domain import (
    FailedFile,
    Laterality,
    MammogramView,
    PatientIdentity,
    Study,
    ViewPosition,
)
from engine.errors import UnreadableFile
from engine.messages import Message, message

STUDY_GUESS = message(
    "That these views belong to one patient is guessed from their {source}.", source=""
)
_HANGING = {ViewPosition.CC: 0, ViewPosition.MLO: 1}


@dataclass(frozen=True, eq=False)
class FoundImage:
    """One image that can be shown, before its study is known."""

    view: MammogramView
    file_size: int = 0
    patient_name: str = ""
    study_date: date | None = None
    description: str = ""
    layout: PixelLayout | None = None  #: None for a plain image
    rest: str = ""  #: a plain image's name without side and view
    fingerprint: bytes = b""  #: of a plain image's content
    identity: PatientIdentity | None = None

    @cached_property
    def folder(self) -> Path:
        return self.view.path.parent.resolve()


# ----------------------------------------------------------------------------------------- copies


def without_copies(images: list[FoundImage], notes: list[Message]) -> list[FoundImage]:
    """Each image once; different images that claim one SOP Instance UID stay, told apart."""
    claims: dict[object, list[FoundImage]] = defaultdict(list)
    for image in images:
        # A plain image may be a copy of its neighbour; a DICOM image says itself which it is.
        claim = image.view.image_uid if image.layout else (image.folder, image.fingerprint)
        claims[claim].append(image)
    shown: dict[Path, FoundImage] = {}
    copy_count = 0
    for claimants in claims.values():
        # The name that tells most is kept, and of these the shortest: "L_CC", not "L_CC (1)".
        claimants.sort(key=lambda i: (-len(i.view.guessed), len(i.view.path.name)))
        contents = {i.view.path: _content(i) for i in claimants} if len(claimants) > 1 else {}
        originals: list[FoundImage] = []
        for image in claimants:
            content = contents.get(image.view.path)
            twins = [i for i, other in enumerate(originals) if contents[other.view.path] == content]
            copied = [i for i in twins if _may_be_copy(originals[i], image)]
            if copied:
                copy_count += 1
                originals[copied[0]] = _noted(
                    originals[copied[0]],
                    message("Another file holds a copy of this image; shown once."),
                )
                continue
            if twins and not image.layout:
                note = message(
                    "Another file holds the same picture under a name that contradicts this one."
                )
                image = _noted(image, note)
                for i in twins:
                    originals[i] = _noted(originals[i], note)
            originals.append(image)
        if len(originals) > 1 and originals[0].layout:
            originals = [_disambiguated(image) for image in originals]
        shown.update((image.view.path, image) for image in originals)
    if copy_count:
        copies = (
            message("A copy of an image")
            if copy_count == 1
            else message("{count} copies of images", count=copy_count)
        )
        notes.append(message("{copies} already listed: shown once.", copies=copies))
    return [shown[image.view.path] for image in images if image.view.path in shown]


def _disambiguated(image: FoundImage) -> FoundImage:
    uid = f"{image.view.image_uid}~{place_digest(image.view.path, b'')[:8]}"
    image = replace(image, view=replace(image.view, image_uid=uid))
    return _noted(
        image,
        message("Another image carries the same SOP Instance UID but differs; both are shown."),
    )


def _may_be_copy(first: FoundImage, second: FoundImage) -> bool:
    """Whether two files with the same pixels agree on whose and which image that is."""
    if first.layout:
        return _dicom_key(first) == _dicom_key(second)
    pairs = (
        (first.view.laterality, second.view.laterality),
        (first.view.view_position, second.view.view_position),
    )
    if any(one and other and one is not other for one, other in pairs):
        return False
    words = [set(re.findall(r"[^\W_]+", image.rest)) for image in (first, second)]
    is_named = first.view.guessed and second.view.guessed
    return not is_named or words[0] <= words[1] or words[1] <= words[0]


def _content(image: FoundImage) -> bytes:
    """A hash of the pixels as stored; of the whole file where they do not lie in it as such."""
    try:
        with opened_as_listed(image.view.path, image.view.file) as file:
            if image.layout and image.layout.offset < image.file_size:
                file.seek(image.layout.offset)
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, UnreadableFile):  # gone since; equal to nothing, and decoding will say so
        return os.urandom(32)


def _noted(image: FoundImage, note: Message) -> FoundImage:
    if note in image.view.notes:
        return image
    return replace(image, view=replace(image.view, notes=(*image.view.notes, note)))


# ---------------------------------------------------------------------------------------- studies


def make_studies(
    images: list[FoundImage], failures: list[FailedFile], notes: list[Message]
) -> list[Study]:
    """Groups images by the rules above, in the order in which they were found."""
    by_folder: dict[Path, list[FoundImage]] = defaultdict(list)
    for image in images:
        by_folder[image.folder].append(image)
    failed_in = Counter(failure.path.parent.resolve() for failure in failures)
    keys: dict[Path, _Key] = {}
    for folder, members in by_folder.items():
        keys.update(_plain_keys(folder, members, failed_in[folder]))
        keys.update({i.view.path: _dicom_key(i) for i in members if i.layout})
    groups: dict[_Key, list[FoundImage]] = defaultdict(list)
    for image in images:
        groups[keys[image.view.path]].append(image)
    _note_mixed_folders(by_folder, keys, notes)
    studies = [_study(key, members) for key, members in groups.items()]
    uses = Counter(study.uid for study in studies)
    return [
        _with_own_uid(study, key) if uses[study.uid] > 1 else study
        for study, key in zip(studies, groups, strict=True)
    ]


class _Rule(Enum):
    """Why views are one study."""

    DICOM = "Patient ID and Study Instance UID"
    CBIS_DDSM = "the patient in CBIS-DDSM's Patient ID"
    NAME = "one folder and one name"
    FOLDER = "a folder of at most four"
    NONE = "nothing: it stands alone"


class _Key(NamedTuple):
    """Views of equal keys are one study."""

    rule: _Rule
    where: Path | str  #: the Study Instance UID, the folder, or the file itself
    who: str  #: the patient, or a plain image's name without side and view


def _dicom_key(image: FoundImage) -> _Key:
    view = image.view
    if patient := cbis_ddsm_patient(view.patient_id):
        return _Key(_Rule.CBIS_DDSM, "CBIS-DDSM", patient)
    if view.study_uid:
        return _Key(_Rule.DICOM, view.study_uid, view.patient_id)
    return _Key(_Rule.NONE, view.path, view.patient_id)


def dicom_study_key(image: FoundImage) -> tuple[str, str, str] | None:
    """What a DICOM image's study is known by: equal for its views, wherever they lie. The second
    part is equal for studies that claim one uid, too.

    None: a plain image, whose neighbours decide.
    """
    if not image.layout:
        return None
    rule, where, who = _dicom_key(image)
    if rule is _Rule.NONE:
        path = image.view.path
        return rule.name, f"{image.folder.name}/{path.stem}", str(path)
    return rule.name, f"{where}/{who}" if rule is _Rule.CBIS_DDSM else str(where), who


def _plain_keys(folder: Path, members: list[FoundImage], failed: int) -> dict[Path, _Key]:
    """The key of each plain image of a folder, which holds `members` and `failed` more."""
    plain = [image for image in members if not image.layout]
    rests = {image.rest for image in plain}
    projections = {(image.view.laterality, image.view.view_position) for image in plain}
    is_one_exam = (
        len(plain) == len(members) <= 4 - failed
        and len(projections) == len(plain)
        and all(side and view for side, view in projections)
        and differ_by_counter_only([image.rest for image in plain])
    )
    if is_one_exam:
        common = rests.pop() if len(rests) == 1 else ""
        return {image.view.path: _Key(_Rule.FOLDER, folder, common) for image in plain}
    uses = Counter(image.rest for image in plain if image.view.guessed)
    return {
        image.view.path: _Key(_Rule.NAME, folder, image.rest)
        if image.view.guessed and uses[image.rest] > 1
        else _Key(_Rule.NONE, image.view.path, image.rest)
        for image in plain
    }


def _note_mixed_folders(
    by_folder: dict[Path, list[FoundImage]], keys: dict[Path, _Key], notes: list[Message]
) -> None:
    """Says what was kept apart, without naming anybody."""
    mixed_patients = []
    mixed_names = 0
    for members in by_folder.values():
        patients = {keys[i.view.path].who for i in members if i.layout} - {""}
        if len(patients) > 1:
            mixed_patients.append(len(patients))
        elif len({keys[i.view.path] for i in members if not i.layout}) > 1:
            mixed_names += 1
    if len(mixed_patients) == 1:
        notes.append(
            message(
                "Images of {count} patients lie in one folder; kept apart.", count=mixed_patients[0]
            )
        )
    elif mixed_patients:
        notes.append(
            message(
                "In each of {count} folders lie images of more than one patient; kept apart.",
                count=len(mixed_patients),
            )
        )
    if mixed_names:
        where = (
            message("one folder")
            if mixed_names == 1
            else message("each of {count} folders", count=mixed_names)
        )
        notes.append(
            message(
                "Images in {where} differ in their names and may be of several patients; kept "
                "apart.",
                where=where,
            )
        )
    uid_uses = Counter(key.where for key in set(keys.values()) if key.rule is _Rule.DICOM)
    if max(uid_uses.values(), default=0) > 1:
        notes.append(message("Several patients share one Study Instance UID; kept apart."))


def _study(key: _Key, members: list[FoundImage]) -> Study:
    members = sorted(members, key=lambda image: hanging_order(image.view))
    first = members[0]
    folder, who = _text(first.folder.name), _text(key.who)
    uid, patient_id = {
        _Rule.DICOM: (str(key.where), who),
        _Rule.CBIS_DDSM: (f"{key.where}/{who}", who),
        _Rule.NAME: (f"{folder}/{who}" if who else folder, who or folder),
        _Rule.FOLDER: (f"{folder}/{who}" if who else folder, who or folder),
        _Rule.NONE: (f"{folder}/{_text(first.view.path.stem)}", who or _text(first.view.path.stem)),
    }[key.rule]
    notes: list[Message] = []
    is_guessed = len(members) > 1 and key.rule is not _Rule.DICOM
    if is_guessed:
        source = message("Patient IDs") if key.rule is _Rule.CBIS_DDSM else message("file names")
        notes.append(Message(STUDY_GUESS.template, {"source": source}))
    if key.rule is _Rule.DICOM and len({image.patient_name for image in members} - {""}) > 1:
        notes.append(message("The Patient's Name differs between the views of this study."))
    identity = _identity(members, notes) if key.rule is _Rule.DICOM else None
    views = tuple(
        replace(
            image.view,
            study_uid=uid,
            patient_id=patient_id,
            guessed=image.view.guessed | ({"study"} if is_guessed else set()),
        )
        for image in members
    )
    return Study(
        uid=uid,
        patient_id=patient_id,
        views=views,
        patient_name="" if key.rule is _Rule.CBIS_DDSM else first.patient_name,
        study_date=next((image.study_date for image in members if image.study_date), None),
        description=next((image.description for image in members if image.description), ""),
        is_joined=key.rule is not _Rule.NONE,
        identity=identity,
        notes=tuple(notes),
    )


def _identity(members: list[FoundImage], notes: list[Message]) -> PatientIdentity | None:
    """What the views of a study state together; None where one contradicts another."""
    stated = [image.identity for image in members if image.identity]
    issuers = {identity.issuer for identity in stated} - {""}
    births = {identity.birth_date for identity in stated} - {None}
    for what, values in (
        (message("Issuer of Patient ID"), issuers),
        (message("Patient's Birth Date"), births),
    ):
        if len(values) > 1:
            notes.append(message("The {what} differs between the views of this study.", what=what))
    if not stated or len(issuers) > 1 or len(births) > 1:
        return None
    return PatientIdentity(stated[0].patient_id, next(iter(issuers), ""), next(iter(births), None))


def hanging_order(view: MammogramView) -> tuple[object, ...]:
    """Sorts the views of a study as they hang."""
    return (
        2 if view.view_position is None else _HANGING.get(view.view_position, 2),
        0 if view.laterality is Laterality.RIGHT else 1,
        view.instance_number,
        natural(view.path.name),
    )


def _with_own_uid(study: Study, key: _Key) -> Study:
    """Tells a DICOM study apart by its patient, any other by its place."""
    is_dicom = key.rule is _Rule.DICOM
    mark = study.patient_id if is_dicom else _text(study.views[0].path.resolve())
    uid = f"{study.uid}~{hashlib.blake2b(mark.encode(), digest_size=4).hexdigest()}"
    return replace(
        study,
        uid=uid,
        views=tuple(replace(view, study_uid=uid) for view in study.views),
        notes=(*study.notes, message("Another study carries the same identifier; kept apart.")),
    )


def _text(name: str | Path) -> str:
    """A file name as proper text, whatever bytes it is made of."""
    return os.fsencode(name).decode(errors="replace")


def place_digest(path: Path, content: bytes) -> str:
    """Identifies an image that has no identifier of its own, by its place and content."""
    return hashlib.blake2b(os.fsencode(path.resolve()) + content, digest_size=16).hexdigest()


def natural(name: str) -> list[tuple[int, str]]:
    """Sorts 2 before 10, of however many digits: names in ZIP files may have thousands."""
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (-1, part.casefold())
        for part in re.split(r"([0-9]+)", name)
    ]
