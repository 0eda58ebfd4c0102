"""The audit log: what its messages say, that nobody changes them unseen, that none is lost."""

import json
import os
import socket
import sqlite3
import ssl
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from xml.etree import ElementTree

import pydicom.sr._concepts_dict as concepts
import pytest

from engine.__main__ import main
from engine.audit.log import AuditLog
from engine.audit.messages import (
    AuditEvent,
    EventIdentification,
    Participant,
    Role,
    Subject,
    as_xml,
    this_program,
    this_user,
)
from engine.audit.syslog import SyslogFailed, deliver, frame
from engine.errors import StorageFailed
from engine.records import chain
from engine.site_configuration import AuditSettings, SiteConfiguration, Syslog, write
from tests.certificates import make_keys

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SUBJECT = Subject("P-17", "Muster^Änne", "1.2.3", {"1.2.840.10008.5.1.4.1.1.1.2": 4})
SENT = AuditEvent(
    EventIdentification.TRANSFERRED,
    (
        Participant("VIEWER", Role.SOURCE, True, host="pc-7"),
        Participant("ORTHANC", Role.DESTINATION, host="10.0.0.5"),
    ),
    (SUBJECT,),
)


def test_every_code_is_the_standards():
    known = {
        value: meaning
        for variants in concepts.concepts["DCM"].values()
        for value, (meaning, _) in variants.items()
    }
    codes = [identification.event for identification in EventIdentification] + [
        role.value for role in Role
    ]
    codes += [
        identification.type
        for identification in EventIdentification
        if identification.type is not None
    ]
    for code in codes:
        if code.scheme == "DCM":
            assert known[code.value] == code.meaning
    assert {code.scheme for code in codes} == {"DCM", "99BIRADSV"}


def test_a_message_says_who_did_what_with_whose_images():
    message = ElementTree.fromstring(as_xml(SENT, NOON, "reading room"))
    event = message.find("EventIdentification")
    assert event.attrib == {
        "EventActionCode": "C",
        "EventDateTime": "2026-11-28T12:00:00.000+00:00",
        "EventOutcomeIndicator": "0",
    }
    assert event.find("EventID").attrib == {
        "csd-code": "110104",
        "codeSystemName": "DCM",
        "originalText": "DICOM Instances Transferred",
    }
    source, destination = message.findall("ActiveParticipant")
    assert source.attrib["NetworkAccessPointTypeCode"] == "1"  # a name
    assert destination.attrib["NetworkAccessPointTypeCode"] == "2"  # an address
    assert destination.find("RoleIDCode").attrib["csd-code"] == "110152"
    assert message.find("AuditSourceIdentification").attrib["AuditSourceID"] == "reading room"
    study, patient = message.findall("ParticipantObjectIdentification")
    assert study.attrib["ParticipantObjectID"] == "1.2.3"
    assert study.find("ParticipantObjectDescription/SOPClass").attrib["NumberOfInstances"] == "4"
    assert patient.attrib["ParticipantObjectID"] == "P-17"
    assert patient.find("ParticipantObjectName").text == "Muster^Änne"


def test_a_failure_says_why_and_hostile_words_break_no_line():
    event = AuditEvent(
        EventIdentification.QUERY,
        (Participant('a"<b>\x00\n', name="\u202eevil"),),
        failure="no <answer>\n",
        query="PatientName=Muster*",
        query_class="1.2.840.10008.5.1.4.1.2.2.1",
    )
    xml = as_xml(event, NOON, "")
    assert "\n" not in xml
    message = ElementTree.fromstring(xml)
    assert message.find("EventIdentification").attrib["EventOutcomeIndicator"] == "4"
    assert message.find("EventIdentification/EventOutcomeDescription").text == "no <answer> "
    assert "\u202e" not in xml
    (query,) = message.findall("ParticipantObjectIdentification/ParticipantObjectQuery")
    assert query.text == "UGF0aWVudE5hbWU9TXVzdGVyKg=="


def test_every_event_makes_a_message():
    for identification in EventIdentification:
        xml = as_xml(AuditEvent(identification, (this_user(), this_program("VIEWER"))), NOON, "x")
        assert ElementTree.fromstring(xml).find("ActiveParticipant").attrib["UserID"]


@pytest.mark.skipif(os.name != "posix", reason="modes mean nothing on Windows")
def test_the_log_is_its_owners_alone(tmp_path):
    log = AuditLog(tmp_path / "audit")
    log.record(SENT)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_what_is_recorded_is_there_in_order_and_sound(tmp_path):
    log = AuditLog(tmp_path)
    assert log.verify().problem == ""
    for identification in (
        EventIdentification.START,
        EventIdentification.STUDY_OPENED,
        EventIdentification.STOP,
    ):
        log.record(AuditEvent(identification, (this_user(),)))
    events = [
        ElementTree.fromstring(xml).find("EventIdentification/EventID").attrib["csd-code"]
        for xml in log.messages()
    ]
    assert events == ["110100", "110103", "110100"]
    verdict = log.verify()
    assert (verdict.problem, verdict.messages, verdict.waiting) == ("", 3, 3)


def test_several_processes_write_into_one_log(tmp_path):
    def write_some():
        log = AuditLog(tmp_path)
        for _ in range(5):
            log.record(SENT)

    writers = [threading.Thread(target=write_some) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert AuditLog(tmp_path).verify().messages == 20
    assert AuditLog(tmp_path).verify().problem == ""


def test_rows_can_neither_be_changed_nor_deleted_and_who_drops_the_guards_is_found(tmp_path):
    log = AuditLog(tmp_path)
    for _ in range(3):
        log.record(SENT)
    with closing(sqlite3.connect(log.path)) as connection:
        for statement in ("UPDATE messages SET xml = 'x'", "DELETE FROM messages"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)
        connection.execute("DROP TRIGGER messages_never_delete")
        connection.execute("DROP TRIGGER messages_never_update")
        connection.execute("UPDATE messages SET xml = 'x' WHERE id = 2")
        connection.commit()
    assert log.verify().problem == "Row 2 of table messages was changed."


def test_a_log_that_was_cut_off_or_taken_away_is_found(tmp_path, caplog):
    log = AuditLog(tmp_path)
    for _ in range(3):
        log.record(SENT)
    anchor = chain.anchor_path(log.path).read_bytes()
    log.path.unlink()
    assert log.verify().problem == "The audit log is missing."
    log.record(SENT)  # goes on, and it is told for ever after
    chain.anchor_path(log.path).write_bytes(anchor)
    assert "newest rows are missing: 1 of 3" in log.verify().problem
    assert "begun anew" in caplog.text


def test_a_log_that_cannot_be_written_is_told(tmp_path, caplog):
    (tmp_path / "audit").write_text("a file, no folder")
    with pytest.raises(StorageFailed, match="Audit log cannot be written"):
        AuditLog(tmp_path / "audit").record(SENT)
    assert "P-17" not in caplog.text


# ----------------------------------------------------------------------------------------- syslog


class SyslogServer:
    """Takes what comes over TLS, one connection at a time."""

    def __init__(self, tls, breaks_off_after=None):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(tls.certificate, tls.key)
        self._context.load_verify_locations(tls.ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.received = b""
        self.breaks_off_after = breaks_off_after
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(5)
                try:
                    with self._context.wrap_socket(plain, server_side=True) as connection:
                        while part := connection.recv(65536):
                            self.received += part
                            limit = self.breaks_off_after
                            if limit is not None and len(self.received) > limit:
                                self.breaks_off_after = None
                                linger = b"\x01\0\0\0" + b"\0" * 4
                                plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                                break
                        else:
                            connection.unwrap()
                except OSError:
                    pass

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def server(keys):
    running = SyslogServer(keys.server)
    yield running
    running.close()


def frames(data: bytes) -> list[bytes]:
    found = []
    while data:
        length, _, data = data.partition(b" ")
        found.append(data[: int(length)])
        data = data[int(length) :]
    return found


def test_messages_reach_the_syslog_server_once_in_order(tmp_path, keys, server):
    log = AuditLog(tmp_path)
    for _ in range(3):
        log.record(SENT)
    target = Syslog("127.0.0.1", server.port, keys.client)
    assert deliver(log, target) == 3
    assert deliver(log, target) == 0
    log.record(SENT)
    assert deliver(log, target) == 1
    got = frames(server.received)
    assert len(got) == 4
    assert got[0].startswith(b"<85>1 2")
    assert b" birads-viewer " in got[0]
    assert b"DICOM+RFC3881 - \xef\xbb\xbf<AuditMessage>" in got[0]
    assert log.verify().waiting == 0


def test_a_server_that_is_gone_or_breaks_off_loses_no_message(tmp_path, keys):
    log = AuditLog(tmp_path)
    for _ in range(50):
        log.record(SENT)
    gone = Syslog("127.0.0.1", 1, keys.client)
    with pytest.raises(SyslogFailed):
        deliver(log, gone, timeout_s=2)
    server = SyslogServer(keys.server, breaks_off_after=10_000)
    target = Syslog("127.0.0.1", server.port, keys.client)
    try:
        with pytest.raises(SyslogFailed):
            deliver(log, target, timeout_s=5)
        assert log.verify().waiting == 50
        server.received = b""
        assert deliver(log, target) == 50
        assert len(frames(server.received)) == 50
    finally:
        server.close()


@pytest.mark.parametrize("who", ["anonymous", "stranger", "distrustful"])
def test_nothing_is_told_to_a_server_that_is_not_trusted_or_does_not_trust_us(
    tmp_path, keys, server, who
):
    log = AuditLog(tmp_path)
    log.record(SENT)
    with pytest.raises(SyslogFailed):
        deliver(log, Syslog("127.0.0.1", server.port, getattr(keys, who)), timeout_s=5)
    assert server.received == b""
    assert log.verify().waiting == 1


def test_a_message_has_its_length_in_front():
    data = frame("<AuditMessage>ä</AuditMessage>", NOON.isoformat())
    (message,) = frames(data)
    assert message.endswith("ä</AuditMessage>".encode())


# ---------------------------------------------------------------------------------------- command


def test_the_command_verifies_shows_and_delivers(tmp_path, keys, server, capsys):
    path = tmp_path / "site.toml"

    def run(action):
        code = main(["audit", action, "--config", str(path)])
        return code, capsys.readouterr().out.splitlines()

    assert main(["audit", "verify", "--config", str(path)]) == 2
    target = Syslog("127.0.0.1", server.port, keys.client)
    write(SiteConfiguration(audit=AuditSettings(tmp_path / "audit", target)), path)
    AuditLog(tmp_path / "audit").record(SENT)
    capsys.readouterr()
    code, (line,) = run("verify")
    assert (code, json.loads(line)["messages"], json.loads(line)["waiting"]) == (0, 1, 1)
    code, (line,) = run("deliver")
    assert (code, json.loads(line)["delivered"]) == (0, 1)
    code, lines = run("show")
    assert code == 0
    assert [ElementTree.fromstring(line)[0][0].attrib["csd-code"] for line in lines] == [
        "110104",
        "110101",
    ]
