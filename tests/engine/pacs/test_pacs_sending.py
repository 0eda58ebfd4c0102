"""The outbox and what leaves it: on success alone, after crashes too."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pydicom
import pytest

from engine.__main__ import main
from engine.errors import StorageFailed
from engine.interop import results
from engine.interop.plans import ObjectKind, ReaderRecords, plan
from engine.pacs import sending
from engine.pacs.inbox import Inbox
from engine.pacs.outbox import NotSendable, Outbox, SendState
from engine.pacs.receiving import Listeners
from engine.pacs.receiving import Receiver as Listener
from engine.site_configuration import (
    AuditSettings,
    Node,
    ReceiverConfiguration,
    SiteConfiguration,
    write,
)
from tests.interop_studies import drawings_on, reading, said_of, study_in
from tests.phantom import write_mammogram
from tests.small_pacs import AE_TITLE, SmallPacs, free_port

ROOT = Path(__file__).parents[3]
SITE = SiteConfiguration("VIEWER")
SMALL = {"rows": 32, "columns": 32}


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "outbox")


@pytest.fixture
def pacs():
    with SmallPacs() as running:
        yield running


def objects(folder: Path, count: int) -> list[Path]:
    return [
        write_mammogram(
            folder / f"{number}.dcm", sop_uid=f"1.2.7.{number}", study_uid="1.2.7", **SMALL
        )
        for number in range(count)
    ]


def node_of(pacs, **changes) -> Node:
    settings = {"timeout_s": 10, **changes}
    return Node("archive", AE_TITLE, "127.0.0.1", pacs.port, **settings)


def later(**delta) -> datetime:
    return datetime.now(UTC) + timedelta(**delta)


# ------------------------------------------------------------------------------------------ queue


def test_what_is_queued_is_a_copy_of_its_own(outbox, tmp_path):
    (path,) = objects(tmp_path, 1)
    content = path.read_bytes()
    outbox.add("archive", path)
    path.unlink()
    (entry,) = outbox.entries()
    assert entry.path.read_bytes() == content
    assert (entry.sop_uid, entry.study_uid, entry.patient_id) == ("1.2.7.0", "1.2.7", "PHANTOM-1")
    assert (entry.state, entry.attempts) == (SendState.WAITING, 0)
    if os.name == "posix":
        assert entry.path.stat().st_mode & 0o777 == 0o600


def test_an_object_is_queued_once_for_each_node(outbox, tmp_path):
    (path,) = objects(tmp_path, 1)
    assert outbox.add("archive", path) == outbox.add("archive", path)
    outbox.add("other", path)
    assert [entry.node for entry in outbox.entries()] == ["archive", "other"]
    write_mammogram(path, sop_uid="1.2.7.0", study_uid="1.2.7", patient_id="OTHER", **SMALL)
    with pytest.raises(StorageFailed, match="Another object waits"):
        outbox.add("archive", path)


def test_what_is_no_object_is_not_queued(outbox, tmp_path):
    for name, content in (("text.dcm", b"no DICOM"), ("empty.dcm", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Exception, match=r"damaged|Not an object"):
            outbox.add("archive", tmp_path / name)
    with pytest.raises(NotSendable):
        outbox.add("archive", tmp_path / "missing.dcm")
    assert outbox.entries() == []


def test_pauses_double_up_to_an_hour(outbox, tmp_path):
    outbox.add("archive", objects(tmp_path, 1)[0])
    pauses = []
    for _ in range(12):
        (entry,) = outbox.entries()
        outbox.has_failed(entry, "no")
        (entry,) = outbox.entries()
        pauses.append(datetime.fromisoformat(entry.due_at) - datetime.now(UTC))
    seconds = [round(pause.total_seconds(), -1) for pause in pauses]
    assert seconds[:4] == [10, 20, 40, 80]
    assert seconds[-1] == 3600
    assert outbox.due("archive") == []
    assert len(outbox.due("archive", later(hours=2))) == 1
    outbox.retry("archive")
    assert len(outbox.due("archive")) == 1


def test_only_one_process_sends(outbox):
    other = Outbox(outbox.folder)
    with outbox.sender() as first, other.sender() as second:
        assert (first, second) == (True, False)
    with other.sender() as third:
        assert third


def test_a_file_without_an_entry_is_swept_and_an_entry_keeps_its_file(outbox, tmp_path):
    one, two = objects(tmp_path, 2)
    outbox.add("archive", one)
    for name in ("orphan.dcm", "x.dcm.1-2.part"):
        (outbox.folder / name).write_bytes(b"x")
    outbox.add("archive", two)
    left = {path.name for path in outbox.folder.iterdir() if path.suffix in (".dcm", ".part")}
    assert left == {entry.path.name for entry in outbox.entries()}


def test_a_full_disk_queues_nothing_half(outbox, tmp_path, monkeypatch, caplog):
    import errno

    (path,) = objects(tmp_path, 1)
    outbox.entries()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed):
        outbox.add("archive", path)
    monkeypatch.undo()
    assert outbox.entries() == []
    assert "PHANTOM" not in caplog.text


# ------------------------------------------------------------------------------------------- send


def test_every_kind_of_result_reaches_the_pacs_as_it_was_made(outbox, pacs, tmp_path):
    study = study_in(tmp_path / "exam")
    prediction, words = said_of(study), ReaderRecords((reading(study),), drawings_on(study))
    planned = plan(study, tuple(ObjectKind), prediction, words)
    made = list(results.make(study, planned, prediction, words))
    files = [results.write(each, tmp_path) for each in made]
    for path in files:
        outbox.add("archive", path)
    sent = sending.send_due(SITE, node_of(pacs), outbox)
    assert (len(sent.stored), sent.failed, sent.failure) == (len(made), [], None)
    assert outbox.entries() == []
    assert [p for p in outbox.folder.iterdir() if p.suffix == ".dcm"] == []
    came = {dataset.SOPInstanceUID: dataset for dataset in pacs.stored}
    for path in files:
        written = pydicom.dcmread(path)
        got = came[written.SOPInstanceUID]
        assert got.file_meta.TransferSyntaxUID == written.file_meta.TransferSyntaxUID
        assert got == written


def test_an_entry_leaves_on_success_alone(outbox, pacs, tmp_path):
    answers = {"1.2.7.0": 0x0000, "1.2.7.1": 0xB000, "1.2.7.2": 0xA700, "1.2.7.3": 0x0122}
    pacs.store_status = lambda uid: answers[uid]
    for path in objects(tmp_path, 4):
        outbox.add("archive", path)
    heard = []
    sent = sending.send_due(
        SITE, node_of(pacs), outbox, lambda entry, words: heard.append((entry.sop_uid, words))
    )
    assert [entry.sop_uid for entry in sent.stored] == ["1.2.7.0", "1.2.7.1"]
    assert [words for uid, words in heard if uid in ("1.2.7.0", "1.2.7.1")] == ["", ""]
    states = {entry.sop_uid: entry.state for entry in outbox.entries()}
    assert states == {"1.2.7.2": SendState.WAITING, "1.2.7.3": SendState.REFUSED}
    assert outbox.due("archive") == []  # not at once again
    answers["1.2.7.2"] = answers["1.2.7.3"] = 0x0000
    outbox.retry()
    assert len(sending.send_due(SITE, node_of(pacs), outbox).stored) == 2
    assert outbox.entries() == []


def test_a_pacs_that_is_away_costs_no_entry_and_the_rest_goes_when_it_is_back(outbox, tmp_path):
    for path in objects(tmp_path, 3):
        outbox.add("archive", path)
    port = free_port()
    gone = Node("archive", AE_TITLE, "127.0.0.1", port, timeout_s=3)
    sent = sending.send_due(SITE, gone, outbox)
    assert sent.failure.title == "Connection refused"
    assert len(outbox.entries()) == 3
    outbox.retry()
    with SmallPacs(port=port) as pacs:
        strikes = iter([0x0000, None])

        def status(_uid):
            if next(strikes, 0) is None:
                pacs.server.active_associations[0].abort()
            return 0x0000

        pacs.store_status = status
        sent = sending.send_due(SITE, gone, outbox)
        assert sent.failure is not None
        assert 1 <= len(outbox.entries()) <= 2
        outbox.retry()
        sending.send_due(SITE, gone, outbox)
        assert outbox.entries() == []
        assert {dataset.SOPInstanceUID for dataset in pacs.stored} == {
            f"1.2.7.{number}" for number in range(3)
        }


def test_a_compressed_object_is_not_sent_to_who_cannot_take_it(outbox, tmp_path):
    from pynetdicom import AE

    path = write_mammogram(
        tmp_path / "a.dcm", transfer_syntax="jpeg2000-lossless", sop_uid="1.2.7.0", study_uid="1.2"
    )
    outbox.add("archive", path)
    ae = AE(AE_TITLE)
    ae.add_supported_context("1.2.840.10008.1.1")
    ae.add_supported_context("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.1.2.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        node = Node("archive", AE_TITLE, "127.0.0.1", server.server_address[1], timeout_s=5)
        sent = sending.send_due(SITE, node, outbox)
    finally:
        server.shutdown()
    assert sent.failure.title == "Service is not offered"
    assert len(outbox.entries()) == 1


# ------------------------------------------------------------------------------------- commitment


def test_with_commitment_an_entry_leaves_when_the_pacs_has_confirmed_it(outbox, pacs, tmp_path):
    pacs.commits = lambda uid: uid != "1.2.7.1"
    for path in objects(tmp_path, 3):
        outbox.add("archive", path)
    sent = sending.send_due(SITE, node_of(pacs, commits=True), outbox)
    assert {entry.sop_uid for entry in sent.stored} == {"1.2.7.0", "1.2.7.2"}
    (left,) = outbox.entries()
    assert (left.sop_uid, left.state) == ("1.2.7.1", SendState.WAITING)
    assert "does not keep it" in left.words
    assert len(pacs.transactions) == 1


def test_a_report_may_come_later_over_an_association_of_the_pacs(outbox, tmp_path):
    port = free_port()
    site = SiteConfiguration(
        "VIEWER", {}, ReceiverConfiguration("127.0.0.1", port, frozenset({AE_TITLE}))
    )
    with SmallPacs(move_port=port, reports_late=True) as pacs:
        (path,) = objects(tmp_path, 1)
        outbox.add("archive", path)
        inbox = Inbox(tmp_path / "inbox")
        with Listener(site, inbox, Listeners(on_commitment=outbox.confirmed)):
            node = node_of(pacs, commits=True, timeout_s=1)
            sent = sending.send_due(site, node, outbox)
            deadline = time.monotonic() + 10
            while outbox.entries() and time.monotonic() < deadline:
                time.sleep(0.05)
    assert len(sent.awaiting) + len(sent.stored) == 1
    assert outbox.entries() == []


def test_a_report_that_never_comes_is_asked_for_again(outbox, pacs, tmp_path, monkeypatch):
    from engine.pacs.storage_classes import IMAGES

    assert IMAGES
    (path,) = objects(tmp_path, 1)
    outbox.add("archive", path)
    report, pacs.report = pacs.report, lambda *_: None
    sent = sending.send_due(SITE, node_of(pacs, commits=True, timeout_s=1), outbox)
    assert len(sent.awaiting) == 1
    (entry,) = outbox.entries()
    assert entry.state is SendState.SENT
    assert not sending.send_due(SITE, node_of(pacs, commits=True), outbox).stored  # not yet
    pacs.report = report
    monkeypatch.setattr(sending, "ASK_AGAIN", timedelta(0))
    assert len(sending.send_due(SITE, node_of(pacs, commits=True), outbox).stored) == 1
    assert outbox.entries() == []
    assert len(pacs.stored) == 1  # asked about again, not sent again


def test_a_pacs_without_commitment_is_taken_at_its_word(outbox, tmp_path):
    (path,) = objects(tmp_path, 1)
    outbox.add("archive", path)
    with SmallPacs(offers_commitment=False) as pacs:
        assert len(sending.send_due(SITE, node_of(pacs, commits=True), outbox).stored) == 1
    assert outbox.entries() == []


def test_a_report_on_what_nobody_asked_for_changes_nothing(outbox, tmp_path):
    (path,) = objects(tmp_path, 1)
    outbox.add("archive", path)
    assert outbox.confirmed("1.2.3", frozenset({"1.2.7.0"}), frozenset()) == 0
    assert len(outbox.entries()) == 1


# ------------------------------------------------------------------------------------------ kills

_FILL = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from engine.pacs.outbox import Outbox
outbox = Outbox(Path({folder!r}))
files = sorted(Path({source!r}).iterdir(), key=lambda path: int(path.stem))
deadline = {kills}
import random, signal, time
chance = random.Random(7)
killed = added = 0
while added < len(files):
    child = os.fork()
    if child == 0:
        for path in files:
            outbox.add("archive", path)
        os._exit(0)
    if killed < deadline:
        time.sleep(0.004 + chance.random() * {longest})
        os.kill(child, signal.SIGKILL)
        killed += 1
    os.waitpid(child, 0)
    added = len(outbox.entries())
    names = {{entry.path.name for entry in outbox.entries()}}
    assert all(entry.path.stat().st_size for entry in outbox.entries())
print(killed, added)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a forked child")
@pytest.mark.parametrize(
    ("count", "kills"),
    [(30, 10), pytest.param(200, 30, marks=pytest.mark.slow)],
    ids=["few", "hundreds"],
)
@pytest.mark.timeout(600)
def test_a_queue_survives_kills_at_any_moment(tmp_path, pacs, count, kills):
    source = tmp_path / "source"
    template = objects(source, 1)[0].read_bytes()
    for number in range(1, count):  # the same length of identifier: the bytes may be replaced
        uid = f"1.2.7.{number}"
        dataset = pydicom.dcmread(source / "0.dcm")
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.save_as(source / f"{number}.dcm")
    assert template
    code = _FILL.format(
        root=str(ROOT),
        folder=str(tmp_path / "outbox"),
        source=str(source),
        kills=kills,
        longest=0.05 if count < 100 else 0.4,
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    killed, added = map(int, run.stdout.split() or [0, 0])
    assert added == count, run.stderr
    assert killed >= min(kills, 5)
    outbox = Outbox(tmp_path / "outbox")
    while outbox.entries():
        outbox.retry()
        assert sending.send_due(SITE, node_of(pacs), outbox).failure is None
    assert {dataset.SOPInstanceUID for dataset in pacs.stored} == {
        f"1.2.7.{number}" for number in range(count)
    }
    left = [p for p in outbox.folder.iterdir() if p.suffix in (".dcm", ".part")]
    assert left == []


@pytest.mark.slow
def test_a_sending_process_that_is_killed_at_any_moment_loses_no_entry(tmp_path):
    chance = random.Random(3)
    sources = objects(tmp_path / "source", 40)
    with SmallPacs(store_status=lambda _uid: time.sleep(0.02) or 0x0000) as pacs:
        path = tmp_path / "site.toml"
        audit = AuditSettings(tmp_path / "audit")
        write(SiteConfiguration("VIEWER", {"archive": node_of(pacs)}, audit=audit), path)
        outbox = Outbox(tmp_path / "outbox")
        for source in sources:
            outbox.add("archive", source)
        command = [sys.executable, "-m", "engine", "pacs", "send", "archive", "--retry"]
        command += ["--config", str(path), "--outbox", str(outbox.folder)]
        for _ in range(6):
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                time.sleep(chance.random() * 0.2)
                process.send_signal(signal.SIGKILL)
            here = {dataset.SOPInstanceUID for dataset in pacs.stored}
            queued = {entry.sop_uid for entry in outbox.entries()}
            assert here | queued == {f"1.2.7.{number}" for number in range(40)}
        assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
    assert outbox.entries() == []


# ---------------------------------------------------------------------------------------- command


def test_the_command_queues_sends_and_says_what_is_left(pacs, tmp_path, capsys):
    path = tmp_path / "site.toml"
    audit = AuditSettings(tmp_path / "audit")
    write(SiteConfiguration("VIEWER", {"archive": node_of(pacs)}, audit=audit), path)
    pacs.store_status = lambda uid: 0xA700 if uid == "1.2.7.1" else 0x0000
    files = objects(tmp_path, 2)

    def run(*arguments):
        options = ["--config", str(path), "--outbox", str(tmp_path / "outbox")]
        code = main(["pacs", "send", "archive", *map(str, arguments), *options])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    code, rows = run(*files, tmp_path / "missing.dcm")
    assert code == 1
    assert rows[0]["error"]["title"] == "The file was not found"
    assert [row.get("is_stored") for row in rows[1:]] == [True, False, None]
    assert rows[-1]["left"] == 1
    code, (row,) = run("--list")
    assert (code, row["sop_instance"], row["attempts"]) == (0, "1.2.7.1", 1)
    pacs.store_status = lambda _uid: 0x0000
    code, rows = run()
    assert (code, [row.get("left") for row in rows]) == (1, [1])  # it is not due yet
    code, rows = run("--retry")
    assert (code, rows[0]["is_stored"], rows[-1]["left"]) == (0, True, 0)
