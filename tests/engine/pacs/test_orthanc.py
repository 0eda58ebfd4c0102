"""Against a PACS that is not ours: Orthanc, where it is installed (Debian: orthanc)."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from engine.interop import results
from engine.interop.plans import ObjectKind, ReaderRecords, plan
from engine.pacs import connections, finding, retrieving, sending
from engine.pacs.connections import NodeFailed
from engine.pacs.finding import StudyQuery
from engine.pacs.inbox import Inbox
from engine.pacs.outbox import Outbox
from engine.pacs.receiving import Listeners
from engine.pacs.receiving import Receiver as Listener
from engine.site_configuration import Node, ReceiverConfiguration, Retrieval, SiteConfiguration, Web
from tests import orthanc
from tests.certificates import make_keys
from tests.interop_studies import drawings_on, reading, said_of, study_in
from tests.phantom import write_study
from tests.small_pacs import free_port

pytestmark = pytest.mark.skipif(
    not orthanc.IS_INSTALLED, reason="Orthanc is not installed (Debian: orthanc)"
)
needs_web = pytest.mark.skipif(
    not orthanc.DICOMWEB.exists(), reason="Orthanc's DICOMweb is not installed (orthanc-dicomweb)"
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def started(tmp_path_factory, port):
    with orthanc.Orthanc(tmp_path_factory.mktemp("orthanc"), port) as running:
        yield running


@pytest.fixture
def pacs(started):
    yield started
    started.clear()


@pytest.fixture
def site(port):
    receiver = ReceiverConfiguration("127.0.0.1", port, frozenset({orthanc.AE_TITLE}))
    return SiteConfiguration("VIEWER", {}, receiver)


@pytest.fixture
def node(pacs):
    return Node("orthanc", orthanc.AE_TITLE, "127.0.0.1", pacs.dicom, timeout_s=20)


def queue(folder: Path, files) -> Outbox:
    outbox = Outbox(folder)
    for path in files:
        outbox.add("orthanc", path)
    return outbox


@pytest.fixture
def held(pacs, site, node, tmp_path):
    """A study in the PACS, sent there by us: its files."""
    folder = write_study(tmp_path / "exam", study_uid="1.2.30", patient_id="P-1")
    files = sorted(folder.iterdir())
    sent = sending.send_due(site, node, queue(tmp_path / "first", files))
    assert len(sent.stored) == 4
    return files


def fetch(site, node, tmp_path, study="1.2.30"):
    return retrieving.retrieve(site, node, study, Inbox(tmp_path / "inbox"))


def test_a_study_goes_there_is_found_and_comes_back_the_same(held, pacs, site, node, tmp_path):
    connections.echo(site, node)
    (study,) = finding.find_studies(site, node, StudyQuery(patient_id="P-*"))
    assert (study.study_uid, study.patient_id, study.images) == ("1.2.30", "P-1", 4)
    result = fetch(site, node, tmp_path)
    assert result.is_whole
    for path in held:
        sent = pydicom.dcmread(path)
        came = pydicom.dcmread(result.folder / f"{sent.SOPInstanceUID}.dcm")
        assert came == sent


def test_by_c_move_too(held, site, node, tmp_path):
    inbox = Inbox(tmp_path / "inbox")
    with Listener(site, inbox):
        moving = replace(node, retrieval=Retrieval.MOVE)
        result = retrieving.retrieve(site, moving, "1.2.30", inbox)
    assert result.is_whole
    assert result.new == 4


def test_a_study_that_grows_while_it_is_read_is_fetched_to_its_end(
    held, pacs, site, node, tmp_path
):
    first = fetch(site, node, tmp_path)
    assert first.here == 4
    more = write_study(tmp_path / "more", study_uid="1.2.30", patient_id="P-1", views=[("R", "ML")])
    sending.send_due(site, node, queue(tmp_path / "second", more.iterdir()))
    second = fetch(site, node, tmp_path)
    assert (second.expected, second.new, second.is_whole) == (5, 1, True)


@pytest.mark.parametrize("form", ["film", "digital"])
def test_every_kind_of_result_is_taken_listed_and_comes_back(pacs, site, node, tmp_path, form):
    study = study_in(tmp_path / "exam", form)
    prediction, words = said_of(study), ReaderRecords((reading(study),), drawings_on(study))
    planned = plan(study, tuple(ObjectKind), prediction, words)
    made = list(results.make(study, planned, prediction, words))
    files = [results.write(each, tmp_path) for each in made]
    images = [view.path for view in study.views]
    sent = sending.send_due(site, node, queue(tmp_path / "outbox", [*images, *files]))
    assert (sent.failed, sent.failure) == ([], None)
    (patient,) = pacs.get("/patients?expand")  # all under one patient, in one study
    assert patient["MainDicomTags"]["PatientID"] == "P-17"
    assert len(patient["Studies"]) == 1
    modalities = {series["MainDicomTags"]["Modality"] for series in pacs.get("/series?expand")}
    assert modalities == {"MG", "SR", "PR", "SEG", "OT", "KO"}
    result = fetch(site, node, tmp_path, study.uid)
    assert result.is_whole
    for path in files:
        written = pydicom.dcmread(path)
        came = pydicom.dcmread(result.folder / f"{written.SOPInstanceUID}.dcm")
        assert came == written
        assert came.file_meta.TransferSyntaxUID == written.file_meta.TransferSyntaxUID


def test_storage_commitment_is_confirmed(held, site, node, tmp_path):
    outbox = queue(tmp_path / "outbox", held)
    listeners = Listeners(on_commitment=outbox.confirmed)
    committing = replace(node, commits=True)
    with Listener(site, Inbox(tmp_path / "inbox"), listeners):
        sent = sending.send_due(site, committing, outbox)
        for _ in range(100):
            if not outbox.entries():
                break
            import time

            time.sleep(0.1)
    assert sent.failure is None
    assert outbox.entries() == []


def test_a_wrong_ae_title_is_rejected_in_words(pacs, site, node):
    with pytest.raises(NodeFailed, match="not called “OTHER”"):
        connections.echo(site, replace(node, ae_title="OTHER"))


@pytest.mark.skipif(not orthanc.WORKLISTS.exists(), reason="Orthanc's worklists are not installed")
def test_the_worklist_is_read(pacs, site, node):
    entry = Dataset()
    entry.file_meta = FileMetaDataset()
    entry.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    entry.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.31"
    entry.file_meta.MediaStorageSOPInstanceUID = "1.2.9.9"
    entry.SpecificCharacterSet = "ISO_IR 100"
    entry.PatientName, entry.PatientID = "Muster^Anna", "P-9"
    entry.AccessionNumber, entry.StudyInstanceUID = "A9", "1.2.9"
    entry.RequestedProcedureID, entry.RequestedProcedureDescription = "1", "MAMMO"
    step = Dataset()
    step.Modality, step.ScheduledStationAETitle = "MG", "MG1"
    step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime = "20261128", "0930"
    entry.ScheduledProcedureStepSequence = [step]
    entry.save_as(pacs.worklists / "one.wl", enforce_file_format=True)
    (found,) = finding.find_worklist(site, node, date(2026, 11, 28))
    assert (found.patient_id, found.study_uid, found.scheduled_time) == ("P-9", "1.2.9", "0930")
    assert finding.find_worklist(site, node, date(2026, 11, 29)) == []


@needs_web
def test_the_same_over_dicomweb(held, pacs, tmp_path):
    from engine.pacs import dicomweb

    node = Node("web", web=Web(pacs.web), timeout_s=20)
    (study,) = dicomweb.find_studies(node, StudyQuery(patient_id="P-1"))
    assert (study.study_uid, study.patient_name) == ("1.2.30", "Phantom^One")
    seen = []
    inbox = Inbox(tmp_path / "inbox")
    result = dicomweb.retrieve(node, "1.2.30", inbox, seen.append)
    assert result.is_whole
    assert [progress.here for progress in seen] == [1, 2, 3, 4]
    for path in held:
        sent = pydicom.dcmread(path)
        came = pydicom.dcmread(result.folder / f"{sent.SOPInstanceUID}.dcm")
        assert came == sent
    assert dicomweb.retrieve(node, "1.2.30", inbox).new == 0
    pacs.clear()
    outbox = Outbox(tmp_path / "outbox")
    for path in held:
        outbox.add("web", path)
    sent = sending.send_due(SiteConfiguration("VIEWER"), node, outbox)
    assert (len(sent.stored), outbox.entries()) == (4, [])
    assert len(pacs.get("/instances")) == 4


@needs_web
def test_what_is_wrong_with_a_web_service_is_said(pacs, tmp_path):
    from engine.pacs import dicomweb

    for url, words in (
        (f"http://127.0.0.1:{pacs.http}/elsewhere", "check the url"),
        ("http://127.0.0.1:1/dicom-web", "cannot be reached"),
        (f"http://127.0.0.1:{pacs.dicom}/dicom-web", "cannot be reached"),
    ):
        with pytest.raises(NodeFailed, match=words):
            dicomweb.find_studies(Node("web", web=Web(url), timeout_s=5), StudyQuery())


def test_over_mutual_tls(tmp_path, keys, port):
    folder = write_study(tmp_path / "exam", study_uid="1.2.30", patient_id="P-1")
    with orthanc.Orthanc(tmp_path / "orthanc", port, tls=keys.server) as pacs:
        site = SiteConfiguration("VIEWER")
        node = Node(
            "orthanc", orthanc.AE_TITLE, "127.0.0.1", pacs.dicom, tls=keys.client, timeout_s=10
        )
        outbox = queue(tmp_path / "outbox", folder.iterdir())
        assert len(sending.send_due(site, node, outbox).stored) == 4
        assert fetch(site, node, tmp_path).is_whole
        for who in (keys.anonymous, keys.stranger, keys.distrustful, None):
            with pytest.raises(NodeFailed):
                connections.echo(site, replace(node, tls=who, timeout_s=3))


def test_a_pacs_that_is_killed_in_the_middle_is_told_and_what_came_is_kept(tmp_path, port):
    folder = write_study(
        tmp_path / "exam", study_uid="1.2.30", patient_id="P-1", rows=1500, columns=1200
    )
    site = SiteConfiguration("VIEWER")
    with orthanc.Orthanc(tmp_path / "orthanc", port) as pacs:
        node = Node("orthanc", orthanc.AE_TITLE, "127.0.0.1", pacs.dicom, timeout_s=10)
        assert (
            len(sending.send_due(site, node, queue(tmp_path / "o", folder.iterdir())).stored) == 4
        )
        result = retrieving.retrieve(
            *(site, node, "1.2.30", Inbox(tmp_path / "inbox")),
            on_object=lambda progress: pacs.kill() if progress.here == 1 else None,
            wait_s=lambda _s: None,
        )
    assert not result.is_whole
    assert result.failure.title in ("Connection lost", "Connection refused")
    files = [path for path in (tmp_path / "inbox").rglob("*") if path.is_file()]
    assert 1 <= len(files) < 4
    assert all(path.suffix == ".dcm" and pydicom.dcmread(path).PixelData for path in files)
