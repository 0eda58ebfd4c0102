"""Our own port: who may store, what is taken, and that nobody holds it up."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, build_context

from engine.pacs import connections
from engine.pacs.connections import NodeFailed
from engine.pacs.inbox import Inbox
from engine.pacs.receiving import Listeners, Receiver
from engine.site_configuration import AuditSettings, SiteConfiguration, write
from engine.site_configuration import ReceiverConfiguration as Settings
from tests.certificates import make_keys
from tests.engine.audited import events
from tests.phantom import write_mammogram, write_study
from tests.small_pacs import free_port

ROOT = Path(__file__).parents[3]
MG = "1.2.840.10008.5.1.4.1.1.1.2"
RTPLAN = "1.2.840.10008.5.1.4.1.1.481.5"


class Heard:
    def __init__(self):
        self.objects, self.refused, self.strangers = [], [], []

    @property
    def listeners(self):
        return Listeners(
            on_object=lambda received, caller: self.objects.append((received, caller)),
            on_refused=lambda error, caller: self.refused.append((error, caller)),
            on_stranger=lambda error, caller: self.strangers.append((error, caller)),
        )


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def settings():
    return Settings("127.0.0.1", free_port(), frozenset({"MODALITY"}), largest_mb=1)


def running(settings, tmp_path, heard=None):
    site = SiteConfiguration("VIEWER", {}, settings)
    inbox = Inbox(tmp_path / "inbox", settings.largest_mb * 2**20)
    return Receiver(site, inbox, (heard or Heard()).listeners)


def associate(settings, calling="MODALITY", called="VIEWER", tls=None, sop_class=MG):
    ae = AE(calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 20
    arguments = {"tls_args": (connections.client_context(tls), "localhost")} if tls else {}
    return ae.associate(
        *("127.0.0.1", settings.port),
        contexts=[build_context(sop_class, "1.2.840.10008.1.2.1")],
        ae_title=called,
        **arguments,
    )


def push(settings, *paths, **how):
    association = associate(settings, **how)
    if not association.is_established:
        connections.abort(association)
        return None
    statuses = [association.send_c_store(pydicom.dcmread(path)) for path in paths]
    if association.is_established:
        association.release()
    return [int(status.Status) if status else None for status in statuses]


def test_what_an_allowed_caller_pushes_is_kept(settings, tmp_path):
    heard = Heard()
    folder = write_study(tmp_path / "exam", study_uid="1.2.3")
    paths = sorted(folder.iterdir())
    with running(settings, tmp_path, heard):
        assert push(settings, *paths) == [0] * 4
    assert len(list((tmp_path / "inbox" / "1.2.3").iterdir())) == 4
    received, caller = heard.objects[0]
    assert (received.study_uid, received.is_new) == ("1.2.3", True)
    assert (caller.ae_title, caller.host) == ("MODALITY", "127.0.0.1")


@pytest.mark.parametrize("how", [{"calling": "STRANGER"}, {"called": "OTHER"}])
def test_who_is_not_named_is_rejected_and_told_of(settings, tmp_path, how):
    heard = Heard()
    path = write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3")
    with running(settings, tmp_path, heard):
        assert push(settings, path, **how) is None
    assert not (tmp_path / "inbox").exists()
    assert len(heard.strangers) == 1


def test_a_kind_of_object_that_nobody_reads_is_not_offered(settings, tmp_path):
    with running(settings, tmp_path):
        association = associate(settings, sop_class=RTPLAN)
        assert not association.accepted_contexts
        connections.abort(association)


def test_two_objects_under_one_identifier_are_told_and_the_first_is_kept(settings, tmp_path):
    heard = Heard()
    one, two = (
        write_mammogram(
            tmp_path / f"{patient}.dcm", sop_uid="1.2.3.4", study_uid="1.2.3", patient_id=patient
        )
        for patient in ("A", "B")
    )
    with running(settings, tmp_path, heard):
        assert push(settings, one, two, one) == [0x0000, 0x0111, 0x0000]
    (kept,) = (tmp_path / "inbox" / "1.2.3").iterdir()
    assert pydicom.dcmread(kept).PatientID == "A"
    assert [error.title for error, _ in heard.refused] == ["Identifier used twice"]


def test_an_object_longer_than_the_limit_breaks_the_connection_before_it_fills_memory(
    settings, tmp_path
):
    dataset = pydicom.dcmread(write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3"))
    dataset.PixelData = bytes(3 * 2**20)
    with running(settings, tmp_path):
        association = associate(settings)
        status = association.send_c_store(dataset)
        assert not status
        connections.abort(association)
        small = write_mammogram(tmp_path / "b.dcm", study_uid="1.2.3")
        assert push(settings, small) == [0]  # others go on
    assert len(list((tmp_path / "inbox" / "1.2.3").iterdir())) == 1


def is_closed(connection) -> bool:
    """In good order or not, within the connection's time-out."""
    try:
        while connection.recv(1024):
            pass
    except ConnectionError:
        return True
    return True


def test_a_pdu_that_claims_gigabytes_is_not_read(settings, tmp_path):
    with running(settings, tmp_path):
        with socket.create_connection(("127.0.0.1", settings.port), 5) as stranger:
            stranger.sendall(struct.pack(">BBL", 1, 0, 2**32 - 1) + b"x" * 1000)
            stranger.settimeout(10)
            assert is_closed(stranger)
        assert push(settings, write_mammogram(tmp_path / "b.dcm", study_uid="1.2.3")) == [0]


def test_garbage_harms_nobody(settings, tmp_path):
    with running(settings, tmp_path):
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 64, os.urandom(500)):
            with socket.create_connection(("127.0.0.1", settings.port), 5) as stranger:
                stranger.sendall(garbage)
        assert push(settings, write_mammogram(tmp_path / "b.dcm", study_uid="1.2.3")) == [0]


def test_over_tls_only_who_has_a_certificate_may_store(settings, keys, tmp_path):
    settings = replace(settings, tls=keys.server)
    heard = Heard()
    path = write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3")
    with running(settings, tmp_path, heard):
        assert push(settings, path, tls=keys.client) == [0]
        for who in (keys.anonymous, keys.stranger, None):
            assert push(settings, path, tls=who) is None
        deadline = time.monotonic() + 5
        while len(heard.strangers) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    assert {error.title for error, _ in heard.strangers} == {"TLS refused"}


def test_who_connects_and_says_nothing_keeps_nobody_waiting(settings, keys, tmp_path):
    settings = replace(settings, tls=keys.server)
    path = write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3")
    with running(settings, tmp_path):
        silent = [socket.create_connection(("127.0.0.1", settings.port), 5) for _ in range(3)]
        started = time.monotonic()
        assert push(settings, path, tls=keys.client) == [0]
        assert time.monotonic() - started < 5
        for connection in silent:
            connection.close()


def test_a_port_that_is_taken_is_told(settings, tmp_path):
    with (
        running(settings, tmp_path),
        pytest.raises(NodeFailed, match="Cannot listen"),
    ):
        running(settings, tmp_path).start()


def test_without_a_receiver_in_the_configuration_nothing_listens(tmp_path):
    with pytest.raises(NodeFailed, match="Receiving is off"):
        Receiver(SiteConfiguration("VIEWER"), Inbox(tmp_path))


def test_to_stop_ends_open_associations_and_keeps_what_was_whole(settings, tmp_path):
    path = write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3")
    receiver = running(settings, tmp_path)
    receiver.start()
    association = associate(settings)
    assert association.send_c_store(pydicom.dcmread(path)).Status == 0
    receiver.stop()
    connections.abort(association)
    assert len(list((tmp_path / "inbox" / "1.2.3").iterdir())) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", settings.port), 2)


def flood(settings, folder, count, workers=2):
    """`count` studies of one object each, from several senders."""
    template = write_mammogram(folder / "a.dcm", study_uid="1.2.3", rows=64, columns=48)
    statuses = []

    def send(numbers):
        association = associate(settings)
        dataset = pydicom.dcmread(template)
        for number in numbers:
            dataset.StudyInstanceUID = f"1.2.{number + 10}"
            dataset.SOPInstanceUID = f"1.2.{number + 10}.1"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            statuses.append(int(association.send_c_store(dataset).Status))
        association.release()

    senders = [
        threading.Thread(target=send, args=(range(worker, count, workers),))
        for worker in range(workers)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return statuses


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_a_flood_loses_nothing(settings, tmp_path, count):
    with running(settings, tmp_path):
        assert flood(settings, tmp_path, count) == [0] * count
    assert len(list((tmp_path / "inbox").iterdir())) == count


def test_the_command_listens_and_tells_what_came(settings, tmp_path):
    path = tmp_path / "site.toml"
    audit = AuditSettings(tmp_path / "audit")
    write(SiteConfiguration("VIEWER", {}, settings, audit), path)
    command = [sys.executable, "-m", "engine", "pacs", "receive", "--config", str(path)]
    command += ["--inbox", str(tmp_path / "inbox"), "--outbox", str(tmp_path / "outbox")]
    image = write_mammogram(tmp_path / "a.dcm", study_uid="1.2.3", sop_uid="1.2.3.4")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert json.loads(process.stdout.readline())["ae_title"] == "VIEWER"
        assert push(settings, image) == [0]
        row = json.loads(process.stdout.readline())
        assert push(settings, image, calling="STRANGER") is None
        refused = json.loads(process.stdout.readline())
        process.terminate()  # as a service manager does
        assert process.wait(20) == 0, process.stderr.read()
    assert (row["study"], row["sop_instance"], row["from"]) == ("1.2.3", "1.2.3.4", "MODALITY")
    assert (refused["from"], refused["error"]["title"]) == ("STRANGER", "Association rejected")
    told = events(tmp_path / "audit")
    assert (told[0], told[-1]) == ("Application Activity", "Application Activity")
    assert sorted(told[1:-1]) == ["DICOM Instances Transferred", "Security Alert"]
