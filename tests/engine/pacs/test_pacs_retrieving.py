"""Finding and fetching: what is asked, what comes, and what becomes of it when something breaks."""

import errno
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
from pydicom.dataset import Dataset

from engine.__main__ import main
from engine.dicom.loading import load
from engine.pacs import connections, finding, retrieving
from engine.pacs.connections import NodeFailed
from engine.pacs.finding import StudyQuery
from engine.pacs.inbox import Inbox
from engine.site_configuration import (
    AuditSettings,
    Node,
    ReceiverConfiguration,
    Retrieval,
    SiteConfiguration,
    write,
)
from tests.certificates import make_keys
from tests.engine.audited import events
from tests.phantom import write_mammogram, write_study
from tests.small_pacs import AE_TITLE, SmallPacs, free_port

ROOT = Path(__file__).parents[3]
SMALL = {"rows": 64, "columns": 48}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def study_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pacs") / "study"
    write_study(folder, study_uid="1.2.30", patient_id="P-1", patient_name="Muster^Änne")
    return sorted(folder.iterdir())


@pytest.fixture
def pacs(study_files):
    with SmallPacs().holds(*study_files) as running:
        yield running


def node_of(pacs, **changes) -> Node:
    return replace(Node("archive", AE_TITLE, "127.0.0.1", pacs.port, timeout_s=10), **changes)


SITE = SiteConfiguration("VIEWER")


def fetch(pacs, tmp_path, study="1.2.30", site=SITE, node=None, **more):
    inbox = Inbox(tmp_path / "inbox")
    node = node or node_of(pacs)
    return retrieving.retrieve(site, node, study, inbox, wait_s=lambda _s: None, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# ----------------------------------------------------------------------------------------- promise


def test_without_configuration_no_socket_is_opened(tmp_path):
    """Also none to ask for a name, and none to listen, whatever is asked for."""
    write_study(tmp_path / "exam", study_uid="1.2.3", **SMALL)
    code = """
import sys
seen = []
def watch(event, arguments):
    # urllib3, as it is imported, asks the system for IPv6 by binding a socket to ::1 and closing it
    is_question = event == "socket.bind" and arguments[1] == ("::1", 0)
    if event.startswith("socket.") and event not in ("socket.gethostname", "socket.__new__"):
        seen.extend([] if is_question else [(event, str(arguments))])
sys.addaudithook(watch)
from pathlib import Path
from engine.__main__ import main
from engine.interop import results
from engine.pacs import pacs_command, receiving, sending
exam, out = sys.argv[1:]
codes = [
    main(["pacs", "echo", "archive"]),
    main(["pacs", "find", "archive", "--patient", "P-1"]),
    main(["pacs", "get", "archive", "1.2.3"]),
    main(["pacs", "send", "archive", exam + "/RCC.dcm"]),
    main(["pacs", "receive", "--seconds", "1"]),
    main(["pacs", "worklist", "archive"]),
    main(["audit", "deliver"]),
    main(["results", exam, "--as", "ko", "--out", out]),
    main(["anonymise", exam, "--out", out + "/copies"]),
]
print(codes, seen)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "exam"), str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.splitlines()[-1] == f"{[2] * 7 + [0, 0]} []", run.stderr
    assert "No DICOM node is configured" in run.stderr


# -------------------------------------------------------------------------------------------- echo


def test_a_node_that_answers_passes_the_test(pacs):
    connections.echo(SITE, node_of(pacs))


@pytest.mark.parametrize(
    ("changes", "title", "words"),
    [
        ({"ae_title": "OTHER"}, "Association rejected", "not called “OTHER”"),
        ({"port": 1}, "Connection refused", "Nothing listens"),
    ],
)
def test_what_is_wrong_with_a_node_is_said(pacs, changes, title, words):
    with pytest.raises(NodeFailed, match=words) as raised:
        connections.echo(SITE, node_of(pacs, **changes))
    assert raised.value.title == title


def test_a_port_that_speaks_something_else_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        node = Node("ssh", AE_TITLE, "127.0.0.1", server.getsockname()[1], timeout_s=2)
        with pytest.raises(NodeFailed, match="check its port and whether it wants TLS"):
            connections.echo(SITE, node)
        thread.join()


def test_over_tls_both_sides_must_be_trusted(keys):
    with SmallPacs(ssl_context=connections.server_context(keys.server)) as pacs:
        connections.echo(SITE, node_of(pacs, tls=keys.client))
        for who, title in (
            ("anonymous", "TLS refused"),
            ("stranger", "TLS refused"),
            ("distrustful", "Node is not trusted"),
        ):
            with pytest.raises(NodeFailed) as raised:
                connections.echo(SITE, node_of(pacs, tls=getattr(keys, who), timeout_s=3))
            assert raised.value.title == title, who
        with pytest.raises(NodeFailed, match="whether it wants TLS"):
            connections.echo(SITE, node_of(pacs, timeout_s=2))


def test_tls_to_a_port_without_it_is_said_and_nothing_goes_in_the_clear(pacs, keys):
    with pytest.raises(NodeFailed, match="does not speak TLS"):
        connections.echo(SITE, node_of(pacs, tls=keys.client, timeout_s=3))


def test_keys_that_cannot_be_read_are_said(pacs, keys):
    gone = replace(keys.client, ca=Path("/nowhere/ca.pem"))
    with pytest.raises(NodeFailed, match="authority of the configuration"):
        connections.echo(SITE, node_of(pacs, tls=gone))


def test_no_tls_older_than_1_2_is_spoken(keys):
    import ssl

    for context in (
        connections.client_context(keys.client),
        connections.server_context(keys.server),
    ):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED


# -------------------------------------------------------------------------------------------- find


def test_studies_are_found_newest_first(tmp_path, study_files):
    older = write_mammogram(
        tmp_path / "old.dcm", study_uid="1.2.31", patient_id="P-1", study_date="20180101", **SMALL
    )
    with SmallPacs().holds(*study_files, older) as pacs:
        found = finding.find_studies(SITE, node_of(pacs), StudyQuery(patient_id="P-1"))
    assert [(s.study_uid, s.study_date) for s in found] == [
        ("1.2.30", "20200131"),
        ("1.2.31", "20180101"),
    ]
    assert found[0].patient_name == "Muster^Änne"
    assert found[0].modalities == ("MG",)


def test_a_query_says_a_range_of_days():
    assert StudyQuery().dates == ""
    assert StudyQuery(since=date(2020, 1, 2)).dates == "20200102-"
    assert StudyQuery(until=date(2020, 1, 2)).dates == "-20200102"
    assert StudyQuery(since=date(2020, 1, 2), until=date(2020, 1, 2)).dates == "20200102"
    assert StudyQuery(since=date(2020, 1, 2), until=date(2021, 1, 2)).dates == "20200102-20210102"


def test_hostile_answers_are_made_harmless():
    answer = Dataset()
    answer.StudyInstanceUID = "../../etc"
    answer.PatientName = "A\u202eB\x1b[31m" + "x" * 1000
    answer.add_new("NumberOfStudyRelatedInstances", "IS", "1")
    answer["NumberOfStudyRelatedInstances"]._value = "many"  # noqa: SLF001  as bytes on the line would
    study = finding.study_of(answer)
    assert len(study.patient_name) <= 256
    assert "\u202e" not in study.patient_name
    assert study.images is None


def test_a_pacs_that_answers_without_end_is_stopped(study_files, monkeypatch):
    monkeypatch.setattr(finding, "MOST", 3)
    held = [pydicom.dcmread(study_files[0], stop_before_pixels=True) for _ in range(10)]
    for number, dataset in enumerate(held):
        dataset.StudyInstanceUID = f"1.2.{number}"
    with SmallPacs(objects=held) as pacs, pytest.raises(NodeFailed, match="ask more narrowly"):
        finding.find_studies(SITE, node_of(pacs), StudyQuery())


def test_priors_are_the_same_patients_by_identifier_issuer_and_birth_date():
    def study(uid, day, patient="P-1", issuer="", birth=""):
        return finding.FoundStudy(
            *(uid, patient, "Any^Name", birth, day, "", "", "", ("MG",), 4, issuer)
        )

    now = study("1", "20260101", issuer="A", birth="19500101")
    others = [
        study("2", "20250101"),
        study("3", "20240101", issuer="A", birth="19500101"),
        study("4", "20230101", issuer="B"),
        study("5", "20220101", birth="19600101"),
        study("6", "20270101"),
        study("7", "20210101", patient="P-2"),
        now,
    ]
    assert [s.study_uid for s in finding.priors_among(others, now)] == ["2", "3"]
    assert not finding.may_have_priors(study("8", "", patient="P*"))
    assert not finding.may_have_priors(study("8", "", patient=" "))


# --------------------------------------------------------------------------------------------- get


def test_a_study_is_fetched_as_it_is_stored(pacs, tmp_path, study_files):
    seen = []
    result = fetch(pacs, tmp_path, on_object=lambda progress: seen.append(progress))
    assert result.is_whole
    assert (result.expected, result.here, result.new) == (4, 4, 4)
    assert [p.here for p in seen] == [1, 2, 3, 4]
    assert all(p.path.exists() for p in seen)
    catalogue = load([result.folder])
    assert not catalogue.failures
    assert [view.label for view in catalogue.studies[0].views] == ["R CC", "L CC", "R MLO", "L MLO"]
    for path in study_files:
        held = pydicom.dcmread(path)
        came = pydicom.dcmread(result.folder / f"{held.SOPInstanceUID}.dcm")
        assert came == held
        assert came.PixelData == held.PixelData


@pytest.mark.parametrize("syntax", ["rle", "jpeg2000-lossless", "jpeg-ls", "jpeg-lossless-sv1"])
def test_a_compressed_image_comes_as_it_lies_there(tmp_path, syntax):
    path = write_mammogram(tmp_path / "one.dcm", study_uid="1.2.30", transfer_syntax=syntax)
    with SmallPacs().holds(path) as pacs:
        result = fetch(pacs, tmp_path)
    assert result.is_whole
    (came,) = result.folder.iterdir()
    assert pydicom.dcmread(came).PixelData == pydicom.dcmread(path).PixelData


def test_what_is_here_is_not_fetched_again(pacs, tmp_path):
    assert fetch(pacs, tmp_path).new == 4
    again = fetch(pacs, tmp_path)
    assert (again.new, again.here, again.is_whole) == (0, 4, True)
    gone = next((tmp_path / "inbox" / "1.2.30").iterdir())
    gone.unlink()
    third = fetch(pacs, tmp_path)
    assert (third.new, third.is_whole) == (1, True)
    assert gone.exists()


def test_to_stop_is_to_cancel_and_to_go_on_is_to_fetch_the_rest(tmp_path):
    views = [(side, view) for view in ("CC", "MLO", "ML", "XCCL", "XCCM") for side in "RL"]
    folder = write_study(tmp_path / "study", study_uid="1.2.30", views=views, **SMALL)
    seen = []
    with SmallPacs().holds(*folder.iterdir()) as pacs:
        stopped = fetch(
            pacs,
            tmp_path,
            on_object=lambda progress: seen.append(progress),
            should_stop=lambda: len(seen) >= 2,
        )
        assert stopped.is_stopped
        assert 2 <= stopped.here < 10
        rest = fetch(pacs, tmp_path)
    assert rest.is_whole
    assert rest.new == 10 - stopped.here
    assert len(names(tmp_path / "inbox")) == 10


def test_a_connection_that_breaks_is_taken_up_again(pacs, tmp_path):
    breaks = iter([False, True, False, False, True])

    def break_off(_number, association):
        if next(breaks, False):
            association.abort()

    pacs.on_sending = break_off
    result = fetch(pacs, tmp_path)
    assert result.is_whole
    assert result.new == 4
    assert not [name for name in names(tmp_path) if name.endswith(".part")]


def test_a_pacs_that_stays_away_is_told_and_what_came_is_kept(study_files, tmp_path):
    with SmallPacs().holds(*study_files) as pacs:

        def die(number, association):
            if number == 2:
                association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
                pacs.server.shutdown()

        pacs.on_sending = die
        result = fetch(pacs, tmp_path)
    assert not result.is_whole
    assert result.failure is not None
    assert result.new == 2
    assert len(names(tmp_path / "inbox")) == 2


def test_a_study_that_is_not_there_is_told(pacs, tmp_path):
    result = fetch(pacs, tmp_path, study="1.2.99")
    assert result.failure.title == "Study not found"
    assert not result.is_whole


def test_a_pacs_without_c_get_asks_for_c_move(study_files, tmp_path):
    with SmallPacs(offers_get=False).holds(*study_files) as pacs:
        result = fetch(pacs, tmp_path)
    assert result.failure.title == "C-GET is not offered"


def test_an_object_of_another_study_is_not_kept(pacs, tmp_path, study_files):
    intruder = pydicom.dcmread(study_files[0])
    matches = pacs.matches

    def mixed(asked):
        found = matches(asked)
        if asked.get("QueryRetrieveLevel") == "STUDY" and not asked.get("PatientID"):
            intruder.StudyInstanceUID = "1.2.66"
            found = [*found, intruder]
        return found

    pacs.matches = mixed
    intruder.SOPInstanceUID = intruder.file_meta.MediaStorageSOPInstanceUID = "1.2.66.1"
    result = fetch(pacs, tmp_path)
    assert [error.title for error in result.refused] == ["Another study was sent"]
    assert result.here == 4
    assert not (tmp_path / "inbox" / "1.2.66" / "1.2.66.1.dcm").exists()


def test_by_c_move_the_objects_come_to_our_receiver(study_files, tmp_path):
    from engine.pacs import receiving

    port = free_port()
    site = SiteConfiguration(
        "VIEWER", {}, ReceiverConfiguration("127.0.0.1", port, frozenset({AE_TITLE}))
    )
    with SmallPacs(move_port=port).holds(*study_files) as pacs:
        node = node_of(pacs, retrieval=Retrieval.MOVE)
        with receiving.Receiver(site, Inbox(tmp_path / "inbox")):
            result = fetch(pacs, tmp_path, site=site, node=node)
    assert result.is_whole
    assert len(names(tmp_path / "inbox")) == 4


# ------------------------------------------------------------------------------------------- inbox


def bytes_of(dataset) -> bytes:
    import io

    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def kept(inbox, dataset, **changes):
    announced = SimpleNamespace(
        **{"sop_class": str(dataset.SOPClassUID), "sop_uid": str(dataset.SOPInstanceUID), **changes}
    )
    return inbox.store(bytes_of(dataset), announced.sop_class, announced.sop_uid)


@pytest.fixture
def image(study_files):
    return pydicom.dcmread(study_files[0])


def test_the_same_object_twice_is_one_and_another_under_its_identifier_is_refused(tmp_path, image):
    inbox = Inbox(tmp_path)
    first = kept(inbox, image)
    assert first.is_new
    assert not kept(inbox, image).is_new
    content = first.path.read_bytes()
    image.PatientID = "P-2"
    with pytest.raises(Exception, match="Identifier used twice") as raised:
        kept(inbox, image)
    assert raised.value.status == 0x0111
    assert first.path.read_bytes() == content
    assert names(tmp_path) == [first.path.name]


def test_the_same_image_compressed_otherwise_is_the_same(tmp_path):
    inbox = Inbox(tmp_path / "inbox")
    for number, syntax in enumerate(("explicit", "rle")):
        path = write_mammogram(
            tmp_path / f"{number}.dcm", transfer_syntax=syntax, sop_uid="1.2.3.4", study_uid="1.2"
        )
        assert kept(inbox, pydicom.dcmread(path)).is_new == (number == 0)


def test_what_is_not_what_was_announced_is_not_kept(tmp_path, image):
    inbox = Inbox(tmp_path, largest_bytes=10**6)
    with pytest.raises(Exception, match="another one"):
        kept(inbox, image, sop_uid="1.2.3.4")
    with pytest.raises(Exception, match="Identifier is not valid"):
        kept(inbox, image, sop_uid="../../../evil")
    with pytest.raises(Exception, match="not taken"):
        kept(inbox, image, sop_class="1.2.840.10008.5.1.4.1.1.481.5")
    with pytest.raises(Exception, match=r"damaged|another one"):
        inbox.store(b"garbage", str(image.SOPClassUID), str(image.SOPInstanceUID))
    image.StudyInstanceUID = ".."
    with pytest.raises(Exception, match="has no study"):
        kept(inbox, image)
    image.StudyInstanceUID = "1.2.3"
    image.PixelData = bytes(2 * 10**6)
    with pytest.raises(Exception, match="too large") as raised:
        kept(inbox, image)
    assert raised.value.status == 0xA700
    assert names(tmp_path) == []


def test_a_full_disk_keeps_nothing_half_and_tells_the_sender(tmp_path, image, monkeypatch, caplog):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="No space left on device") as raised:
        kept(Inbox(tmp_path), image)
    assert raised.value.status == 0xA700
    assert names(tmp_path) == []
    assert "P-1" not in caplog.text


def test_room_is_left_for_the_readings(tmp_path, image, monkeypatch, caplog):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10**6))
    with pytest.raises(Exception, match="make room"):
        kept(Inbox(tmp_path), image)


def test_what_a_dead_process_left_half_is_swept(tmp_path):
    old, young = tmp_path / "1.2.3.1-2-3.part", tmp_path / "1.2.4.1-2-3.part"
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (1, 1))
    assert Inbox(tmp_path).sweep() == 1
    assert names(tmp_path) == [young.name]


# ------------------------------------------------------------ when it breaks off, or is killed


def _many_objects(folder: Path, count: int) -> list[Dataset]:
    path = write_mammogram(folder / "x.dcm", study_uid="1.2.30", **SMALL)
    objects = []
    for number in range(count):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = f"1.2.30.9.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        objects.append(dataset)
    path.unlink()
    return objects


@pytest.mark.parametrize(
    "rounds", [4, pytest.param(10, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_random_aborts_leave_no_partial_file_under_a_final_name(tmp_path, rounds):
    chance = random.Random(rounds)
    with SmallPacs(objects=_many_objects(tmp_path, 12)) as pacs:
        for number in range(rounds):
            strike = chance.randrange(12)

            def cut(sent, association, strike=strike):
                if sent == strike:
                    # in the middle of the next object's bytes
                    connection = association.dul.socket
                    send = connection.send

                    def part_of(data):
                        send(data[: len(data) // 2])
                        with suppress(OSError):  # cut already
                            connection.socket.shutdown(socket.SHUT_RDWR)

                    connection.send = part_of

            pacs.on_sending = cut
            folder = tmp_path / f"round-{number}"
            fetch(pacs, folder)
            for path in (folder / "inbox").rglob("*"):
                if path.is_file():
                    assert path.suffix == ".dcm"
                    assert len(pydicom.dcmread(path).PixelData) == 64 * 48 * 2
            pacs.on_sending = lambda *_: None
            assert fetch(pacs, folder).is_whole
            shutil.rmtree(folder)


@pytest.mark.slow
def test_a_fetching_process_that_is_killed_at_any_moment_leaves_only_whole_objects(tmp_path):
    chance = random.Random(1)
    with SmallPacs(objects=_many_objects(tmp_path, 60)) as pacs:
        pacs.on_sending = lambda *_: time.sleep(0.01)
        path = tmp_path / "site.toml"
        write(
            SiteConfiguration(
                *("VIEWER", {"archive": node_of(pacs)}),
                audit=AuditSettings(tmp_path / "audit"),
            ),
            path,
        )
        command = [sys.executable, "-m", "engine", "pacs", "get", "archive", "1.2.30"]
        command += ["--config", str(path), "--inbox", str(tmp_path / "inbox")]
        for _ in range(8):
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                time.sleep(chance.random() * 0.3)
                process.send_signal(signal.SIGKILL)
            for kept_path in (tmp_path / "inbox" / "1.2.30").iterdir():
                assert len(pydicom.dcmread(kept_path).PixelData) == 64 * 48 * 2
        pacs.on_sending = lambda *_: None
        assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
        assert len(list((tmp_path / "inbox" / "1.2.30").iterdir())) == 60


# ----------------------------------------------------------------------------------------- command


@pytest.fixture
def command(pacs, tmp_path, capsys):
    path = tmp_path / "site.toml"
    site = SiteConfiguration(
        *("VIEWER", {"archive": node_of(pacs), "gone": node_of(pacs, name="gone", port=1)}),
        audit=AuditSettings(tmp_path / "audit"),
    )
    write(site, path)

    def run(*arguments):
        code = main(["pacs", *arguments, "--config", str(path)])
        output, said = capsys.readouterr()
        return code, [json.loads(line) for line in output.splitlines()], said

    return run


def test_the_commands_speak_json_warn_of_plain_nodes_and_are_audited(command, tmp_path):
    code, (row,), said = command("echo", "archive")
    assert (code, row["answers"]) == (0, True)
    assert "in the clear" in said
    code, (row,), _ = command("echo", "gone")
    assert (code, row["error"]["title"]) == (1, "Connection refused")
    code, (row,), _ = command("find", "archive", "--patient", "P-1")
    assert (code, row["study"], row["patient"], row["name"]) == (
        *(0, "1.2.30", "P-1"),
        "Muster^Änne",
    )
    code, rows, _ = command("get", "archive", "1.2.30", "--inbox", str(tmp_path / "in"))
    assert code == 0
    assert [row.get("here") for row in rows] == [1, 2, 3, 4, 4]
    assert rows[-1]["is_complete"]
    assert all("notice" in row for row in rows)
    code, rows, _ = command("get", "archive", "1.2.99", "--inbox", str(tmp_path / "in"))
    assert (code, rows[-1]["error"]["title"]) == (1, "Study not found")
    assert events(tmp_path / "audit") == ["Query", *["DICOM Instances Transferred"] * 2]


def test_wrong_usage_is_said_before_anything_is_opened(command):
    assert command("echo", "unknown")[0] == 2
    assert command("get", "archive", "../..")[0] == 2


def test_priors_come_with_the_study(study_files, tmp_path, capsys):
    older = [
        write_mammogram(
            *(tmp_path / f"{year}.dcm",),
            study_uid=f"1.2.{year}",
            patient_id="P-1",
            study_date=f"{year}0101",
            **SMALL,
        )
        for year in (2016, 2017, 2018)
    ]
    with SmallPacs().holds(*study_files, *older) as pacs:
        path = tmp_path / "site.toml"
        audit = AuditSettings(tmp_path / "audit")
        write(SiteConfiguration("VIEWER", {"archive": node_of(pacs)}, audit=audit), path)
        arguments = ["pacs", "get", "archive", "1.2.30", "--priors", "2", "--config", str(path)]
        assert main([*arguments, "--inbox", str(tmp_path / "in")]) == 0
    folders = sorted(folder.name for folder in (tmp_path / "in").iterdir())
    assert folders == ["1.2.2017", "1.2.2018", "1.2.30"]


def test_the_worklist_is_told(study_files, tmp_path):
    entry = Dataset()
    entry.SpecificCharacterSet = "ISO_IR 192"
    entry.PatientID, entry.PatientName, entry.AccessionNumber = "P-9", "Größe^Ö", "A9"
    entry.StudyInstanceUID, entry.RequestedProcedureDescription = "1.2.9", "MAMMO"
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "MG", "MG1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20261128", "0930"
    entry.ScheduledProcedureStepSequence = [step]
    with SmallPacs(worklist=[entry]) as pacs:
        (found,) = finding.find_worklist(SITE, node_of(pacs), date(2026, 11, 28))
    assert (found.patient_id, found.patient_name, found.procedure) == ("P-9", "Größe^Ö", "MAMMO")
    assert (found.station, found.scheduled_date, found.scheduled_time) == (
        *("MG1", "20261128"),
        "0930",
    )


def test_a_retrieval_ends_when_whoever_started_it_closes_its_input(pacs, tmp_path):
    """So the window pauses and cancels, and a child ends with it however it ends."""
    paths = [
        write_mammogram(
            tmp_path / f"{number}.dcm", sop_uid=f"1.2.8.{number}", study_uid="1.2.8", rows=32
        )
        for number in range(6)
    ]
    pacs.holds(*paths)
    closing = threading.Event()

    def hold(number, _association):
        if number == 2:
            closing.set()
        time.sleep(0.5 if number > 1 else 0)

    pacs.on_sending = hold
    site = tmp_path / "site.toml"
    write(SiteConfiguration("VIEWER", {"archive": node_of(pacs)}), site)
    command = ["pacs", "get", "--while-open", f"--config={site}", f"--inbox={tmp_path / 'in'}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", *command, "archive", "1.2.8"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert closing.wait(60)
    process.stdin.close()
    rows = [json.loads(line) for line in process.stdout]
    assert process.wait(60) == 1
    process.stdout.close()
    last = rows[-1]
    assert last["is_stopped"]
    assert not last["is_complete"]
    assert 2 <= last["here"] < 6
    assert len(list((tmp_path / "in" / "1.2.8").glob("*.dcm"))) == last["here"]
    assert not list((tmp_path / "in").rglob("*.part"))
