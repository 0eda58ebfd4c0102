"""Audit messages: who did what with whose images, as DICOM PS3.15 section A.5 has them.

They name patients by design, and therefore stand in a file of their own: see `log`. Codes are those
of CID 400 to 402 of PS3.16; a test looks them up. What the standard has no event type for has one
of our own scheme.
"""

import base64
import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from xml.etree import ElementTree

from engine.plain_text import visible_text

OWN_SCHEME = "99BIRADSV"
_LONGEST = 1_000  # characters of a value


@dataclass(frozen=True)
class AuditCode:
    value: str
    meaning: str
    scheme: str = "DCM"


class EventIdentification(Enum):
    """What happened: event, its action (create, read, update, delete, execute), its type."""

    START = (AuditCode("110100", "Application Activity"), "E", "110120", "Application Start")
    STOP = (AuditCode("110100", "Application Activity"), "E", "110121", "Application Stop")
    LOGIN = (AuditCode("110114", "User Authentication"), "E", "110122", "Login")
    LOGOUT = (AuditCode("110114", "User Authentication"), "E", "110123", "Logout")
    STUDY_OPENED = (AuditCode("110103", "DICOM Instances Accessed"), "R", "", "")
    QUERY = (AuditCode("110112", "Query"), "E", "", "")
    TRANSFER_BEGUN = (AuditCode("110102", "Begin Transferring DICOM Instances"), "E", "", "")
    TRANSFERRED = (AuditCode("110104", "DICOM Instances Transferred"), "C", "", "")
    EXPORT = (AuditCode("110106", "Export"), "R", "", "")
    IMPORT = (AuditCode("110107", "Import"), "C", "", "")
    PREDICTION_REVEALED = (
        *(AuditCode("110103", "DICOM Instances Accessed"), "R"),
        *("REVEALED", "Model's answer revealed"),
    )
    READING_SAVED = (
        *(AuditCode("110103", "DICOM Instances Accessed"), "C"),
        *("READINGSAVED", "Reading saved"),
    )
    NODE_REFUSED = (AuditCode("110113", "Security Alert"), "E", "110126", "Node Authentication")
    NETWORK_CONFIGURED = (
        *(AuditCode("110113", "Security Alert"), "E"),
        *("110128", "Network Configuration"),
    )
    OBJECT_REFUSED = (
        *(AuditCode("110113", "Security Alert"), "E"),
        *("110132", "Use of Restricted Function"),
    )
    LOG_USED = (AuditCode("110101", "Audit Log Used"), "R", "", "")

    @property
    def event(self) -> AuditCode:
        return self.value[0]

    @property
    def action(self) -> str:
        return self.value[1]

    @property
    def type(self) -> AuditCode | None:
        value, meaning = self.value[2:]
        if not value:
            return None
        return AuditCode(value, meaning, "DCM" if value.isdigit() else OWN_SCHEME)


class Role(Enum):
    APPLICATION = AuditCode("110150", "Application")
    LAUNCHER = AuditCode("110151", "Application Launcher")
    DESTINATION = AuditCode("110152", "Destination Role ID")
    SOURCE = AuditCode("110153", "Source Role ID")
    DESTINATION_MEDIA = AuditCode("110154", "Destination Media")
    SOURCE_MEDIA = AuditCode("110155", "Source Media")


@dataclass(frozen=True)
class Participant:
    """A person, or a program that took part."""

    user: str  #: login name, or AE title
    role: Role | None = None
    is_requestor: bool = False
    name: str = ""
    host: str = ""  #: name or address of the machine


@dataclass(frozen=True)
class Subject:
    """What it was done with."""

    patient_id: str = ""
    patient_name: str = ""
    study_uid: str = ""
    objects: Mapping[str, int] = field(default_factory=dict)  #: how many of which SOP class


@dataclass(frozen=True)
class AuditEvent:
    identification: EventIdentification
    participants: tuple[Participant, ...]
    subjects: tuple[Subject, ...] = ()
    failure: str = ""  #: why it failed, in words; empty: it did not
    query: str = ""  #: what was asked for
    query_class: str = ""  #: SOP class, or the web service


def this_user(role: Role | None = None, name: str = "", is_requestor: bool = True) -> Participant:
    """Who is logged in here; `name` is the reader's, as the reader gave it."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user on this machine
        login = "unknown"
    return Participant(login, role, is_requestor, name, this_host())


def this_program(ae_title: str = "", role: Role = Role.APPLICATION) -> Participant:
    user = ae_title or f"birads-viewer {os.getpid()}"
    return Participant(user, role, False, "birads-viewer", this_host())


def this_host() -> str:
    return socket.gethostname() or "localhost"


def as_xml(event: AuditEvent, at: datetime, source: str) -> str:
    """The message on one line. `at` has a time zone; `source` is this installation."""
    message = ElementTree.Element("AuditMessage")
    identification = ElementTree.SubElement(
        message,
        "EventIdentification",
        EventActionCode=event.identification.action,
        EventDateTime=at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator="4" if event.failure else "0",  # minor failure; RFC 3881 5.1.4
    )
    _code(identification, "EventID", event.identification.event)
    if event.identification.type is not None:
        _code(identification, "EventTypeCode", event.identification.type)
    if event.failure:
        words = ElementTree.SubElement(identification, "EventOutcomeDescription")
        words.text = _text(event.failure)
    for participant in event.participants:
        _add_participant(message, participant)
    origin = ElementTree.SubElement(
        message, "AuditSourceIdentification", AuditSourceID=_text(source) or "birads-viewer"
    )
    ElementTree.SubElement(origin, "AuditSourceTypeCode", {"csd-code": "1"})  # a display device
    if event.query or event.query_class:
        _add_query(message, event)
    for subject in event.subjects:
        _add_subject(message, subject)
    return ElementTree.tostring(message, encoding="unicode")


def _code(parent: ElementTree.Element, name: str, code: AuditCode) -> None:
    ElementTree.SubElement(
        parent,
        name,
        {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning},
    )


def _add_participant(message: ElementTree.Element, participant: Participant) -> None:
    values = {
        "UserID": _text(participant.user) or "unknown",
        "UserIsRequestor": str(participant.is_requestor).lower(),
    }
    if participant.name:
        values["UserName"] = _text(participant.name)
    if participant.host:
        is_address = participant.host.replace(".", "").isdigit() or ":" in participant.host
        values["NetworkAccessPointID"] = _text(participant.host)
        values["NetworkAccessPointTypeCode"] = "2" if is_address else "1"
    element = ElementTree.SubElement(message, "ActiveParticipant", values)
    if participant.role is not None:
        _code(element, "RoleIDCode", participant.role.value)


def _add_query(message: ElementTree.Element, event: AuditEvent) -> None:
    element = _object(
        message,
        event.query_class or "query",
        ("2", "3"),  # a system object, a report: as the standard's query has it
        AuditCode("110181", "SOP Class UID"),
    )
    query = ElementTree.SubElement(element, "ParticipantObjectQuery")
    query.text = base64.b64encode(event.query.encode("utf-8", "replace")).decode()


def _add_subject(message: ElementTree.Element, subject: Subject) -> None:
    if subject.study_uid:
        element = _object(
            message, subject.study_uid, ("2", "3"), AuditCode("110180", "Study Instance UID")
        )
        if subject.objects:
            description = ElementTree.SubElement(element, "ParticipantObjectDescription")
            for sop_class, count in sorted(subject.objects.items()):
                ElementTree.SubElement(
                    *(description, "SOPClass"),
                    {"UID": _text(sop_class), "NumberOfInstances": str(count)},
                )
    if subject.patient_id or subject.patient_name:
        element = _object(
            message,
            subject.patient_id or "unknown",
            ("1", "1"),  # a person, the patient
            AuditCode("2", "Patient Number", "RFC-3881"),
        )
        if subject.patient_name:
            name = ElementTree.SubElement(element, "ParticipantObjectName")
            name.text = _text(subject.patient_name)


def _object(
    message: ElementTree.Element, identifier: str, kind: Sequence[str], code: AuditCode
) -> ElementTree.Element:
    element = ElementTree.SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_text(identifier) or "unknown",
        ParticipantObjectTypeCode=kind[0],
        ParticipantObjectTypeCodeRole=kind[1],
    )
    _code(element, "ParticipantObjectIDTypeCode", code)
    return element


def _text(value: str) -> str:
    """XML 1.0 has no control characters, and a line of a log no breaks."""
    return visible_text(value)[:_LONGEST]
