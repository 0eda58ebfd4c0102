"""What a PACS has: studies, their images, earlier studies of the patient, the day's worklist.

What comes back is hostile text: it is cut and made visible. A PACS that answers without end is
stopped after `MOST`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from pydicom.dataset import Dataset
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from engine.dicom.uids import is_uid
from engine.messages import Message, message
from engine.pacs.connections import NodeFailed, associated, lost
from engine.plain_text import visible_text
from engine.site_configuration import Node, SiteConfiguration

STUDY_FIND = str(StudyRootQueryRetrieveInformationModelFind)
WORKLIST_FIND = str(ModalityWorklistInformationFind)
MOST = 1_000  #: answers
_MOST_IMAGES = 20_000  # of one study
_UTF_8 = "ISO_IR 192"


@dataclass(frozen=True)
class StudyQuery:
    """Empty: any. A `*` in a name or identifier stands for anything."""

    patient_id: str = ""
    patient_name: str = ""
    accession: str = ""
    study_uid: str = ""
    modality: str = "MG"
    since: date | None = None
    until: date | None = None

    @property
    def dates(self) -> str:
        """As DICOM wants a range; empty: any."""
        first = f"{self.since:%Y%m%d}" if self.since else ""
        last = f"{self.until:%Y%m%d}" if self.until else ""
        return first if first and first == last else f"{first}-{last}" if first or last else ""


@dataclass(frozen=True)
class FoundStudy:
    study_uid: str
    patient_id: str
    patient_name: str
    birth_date: str  #: YYYYMMDD or empty, as all dates and times here
    study_date: str
    study_time: str
    description: str
    accession: str
    modalities: tuple[str, ...]
    images: int | None  #: None: the PACS does not say
    issuer: str = ""


@dataclass(frozen=True)
class FoundInstance:
    series_uid: str
    sop_uid: str
    modality: str


@dataclass(frozen=True)
class WorklistEntry:
    """A scheduled procedure step."""

    patient_id: str
    patient_name: str
    birth_date: str
    accession: str
    study_uid: str
    procedure: str
    modality: str
    station: str
    scheduled_date: str
    scheduled_time: str


def find_studies(
    configuration: SiteConfiguration, node: Node, query: StudyQuery
) -> list[FoundStudy]:
    """The newest first. Raises NodeFailed."""
    with associated(configuration, node, [build_context(STUDY_FIND)]) as association:
        return studies_by(association, node, query)


def studies_by(association: Association, node: Node, query: StudyQuery) -> list[FoundStudy]:
    received = responses(association, node, study_identifier(query), STUDY_FIND)
    found = [study_of(response) for response in received]
    known = {study.study_uid: study for study in found if is_uid(study.study_uid)}
    return sorted(
        known.values(), key=lambda study: (study.study_date, study.study_time), reverse=True
    )


def priors_by(association: Association, node: Node, study: FoundStudy) -> list[FoundStudy]:
    """Earlier mammographies of the same patient, by Patient ID and, where both say it, issuer and
    birth date; the newest first.
    """
    if not may_have_priors(study):
        return []
    return priors_among(
        studies_by(association, node, StudyQuery(patient_id=study.patient_id)), study
    )


def may_have_priors(study: FoundStudy) -> bool:
    """Not where its Patient ID would be a pattern, or nobody's."""
    return bool(study.patient_id.strip()) and not set(study.patient_id) & set("*?\\")


def priors_among(found: Sequence[FoundStudy], study: FoundStudy) -> list[FoundStudy]:
    """Those of the found that are earlier ones of that study's patient, in their order."""
    return [
        other
        for other in found
        if other.study_uid != study.study_uid
        and other.patient_id == study.patient_id
        and (other.study_date, other.study_time) <= (study.study_date, study.study_time)
        and _agree(other.issuer, study.issuer)
        and _agree(other.birth_date, study.birth_date)
    ]


def _agree(one: str, other: str) -> bool:
    return not one or not other or one == other


def images_by(association: Association, node: Node, study_uid: str) -> list[FoundInstance]:
    """Every object of a study, series by series."""
    images: list[FoundInstance] = []
    series = Dataset()
    series.QueryRetrieveLevel = "SERIES"
    series.StudyInstanceUID = study_uid
    series.SeriesInstanceUID, series.Modality = "", ""
    # all answers first: one association answers one question at a time
    for response in list(responses(association, node, series, STUDY_FIND)):
        series_uid, modality = _text(response, "SeriesInstanceUID"), _text(response, "Modality")
        if not is_uid(series_uid):
            continue
        image = Dataset()
        image.QueryRetrieveLevel = "IMAGE"
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.SOPInstanceUID = ""
        for found in responses(association, node, image, STUDY_FIND, _MOST_IMAGES):
            sop_uid = _text(found, "SOPInstanceUID")
            if is_uid(sop_uid):
                images.append(FoundInstance(series_uid, sop_uid, modality))
    return images


def find_worklist(
    configuration: SiteConfiguration,
    node: Node,
    day: date | None = None,
    modality: str = "MG",
    station: str = "",
) -> list[WorklistEntry]:
    """What is scheduled, in the order of time. Raises NodeFailed."""
    query = Dataset()
    query.SpecificCharacterSet = _UTF_8
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber"):
        setattr(query, keyword, "")
    query.StudyInstanceUID, query.RequestedProcedureDescription = "", ""
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = f"{day:%Y%m%d}" if day else ""
    step.ScheduledProcedureStepStartTime = ""
    step.ScheduledProcedureStepDescription = ""
    query.ScheduledProcedureStepSequence = [step]
    with associated(configuration, node, [build_context(WORKLIST_FIND)]) as association:
        received = list(responses(association, node, query, WORKLIST_FIND))
    entries = [_entry(response) for response in received]
    return sorted(entries, key=lambda entry: (entry.scheduled_date, entry.scheduled_time))


def _entry(response: Dataset) -> WorklistEntry:
    steps = response.get("ScheduledProcedureStepSequence") or [Dataset()]
    step = steps[0]
    return WorklistEntry(
        patient_id=_text(response, "PatientID"),
        patient_name=_text(response, "PatientName"),
        birth_date=_text(response, "PatientBirthDate"),
        accession=_text(response, "AccessionNumber"),
        study_uid=_text(response, "StudyInstanceUID"),
        procedure=_text(response, "RequestedProcedureDescription")
        or _text(step, "ScheduledProcedureStepDescription"),
        modality=_text(step, "Modality"),
        station=_text(step, "ScheduledStationAETitle"),
        scheduled_date=_text(step, "ScheduledProcedureStepStartDate"),
        scheduled_time=_text(step, "ScheduledProcedureStepStartTime"),
    )


def study_identifier(query: StudyQuery) -> Dataset:
    identifier = Dataset()
    identifier.SpecificCharacterSet = _UTF_8
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.PatientID = query.patient_id
    identifier.PatientName = query.patient_name
    identifier.AccessionNumber = query.accession
    identifier.StudyInstanceUID = query.study_uid
    identifier.ModalitiesInStudy = query.modality
    identifier.StudyDate = query.dates
    for keyword in (
        *("PatientBirthDate", "IssuerOfPatientID", "StudyTime", "StudyDescription"),
        "NumberOfStudyRelatedInstances",
    ):
        setattr(identifier, keyword, None if keyword.startswith("Number") else "")
    return identifier


def study_of(response: Dataset) -> FoundStudy:
    """Of C-FIND's answer, or QIDO's."""
    count = _text(response, "NumberOfStudyRelatedInstances")
    return FoundStudy(
        study_uid=_text(response, "StudyInstanceUID"),
        patient_id=_text(response, "PatientID"),
        patient_name=_text(response, "PatientName"),
        birth_date=_text(response, "PatientBirthDate"),
        study_date=_text(response, "StudyDate"),
        study_time=_text(response, "StudyTime"),
        description=_text(response, "StudyDescription"),
        accession=_text(response, "AccessionNumber"),
        modalities=_texts(response, "ModalitiesInStudy"),
        images=int(count) if count.isascii() and count.isdigit() else None,
        issuer=_text(response, "IssuerOfPatientID"),
    )


def responses(
    association: Association,
    node: Node,
    identifier: Dataset,
    model: str,
    most: int | None = None,
) -> Iterator[Dataset]:
    """The matches, one by one. Raises NodeFailed, also where there are more than `most`."""
    most = MOST if most is None else most
    count = 0
    for status, response in association.send_c_find(identifier, model):
        if not status:
            raise lost(node)
        if status.Status in (0xFF00, 0xFF01):
            count += 1
            if count > most:
                raise NodeFailed(
                    message("Too many answers"),
                    message(
                        "{node} has more than {most}: ask more narrowly.", node=node.name, most=most
                    ),
                )
            if response is not None:
                yield response
        elif status.Status != 0x0000:
            raise NodeFailed(message("Query failed"), _query_text(node, int(status.Status)))


def _query_text(node: Node, status: int) -> Message:
    words = {
        0xA700: message("it has no room for the answer"),
        0xA900: message("it does not take this kind of question"),
        0xFE00: message("it has cancelled"),
        0x0122: message("it does not answer this kind of question"),
    }.get(status, message("it cannot"))
    return with_status(node, words, status)


def with_status(node: Node, words: Message, status: int) -> Message:
    return message(
        "{node}: {words} (status {status}).", node=node.name, words=words, status=f"{status:#06x}"
    )


def _text(dataset: Dataset, keyword: str) -> str:
    return next(iter(_texts(dataset, keyword)), "")


def _texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001  whatever bytes came, pydicom converts them only now
        return ()
    if value is None:
        return ()
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return tuple(visible_text(str(each))[:256].strip() for each in list(several)[:32])
