"""birads-engine archive of what a PACS holds: listed by day, fetched by the workers, audited."""

import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import cv2
import pytest
import torch

from engine.__main__ import main
from engine.archive.index import Index
from engine.archive.pacs_source import PacsSource
from engine.archive.units import SourceGone
from engine.audit.log import AuditLog
from engine.pacs import dicomweb
from engine.site_configuration import AuditSettings, Node, Retrieval, SiteConfiguration, Web, write
from tests import orthanc
from tests.archive_results import SMALL, rows
from tests.phantom import write_study
from tests.small_pacs import AE_TITLE, SmallPacs, free_port
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[2]
STUDIES = 4
FOUND = "since=2019-03-01&until=2019-03-05"  # the first three


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("network") / "light.safetensors")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Studies of a patient each, two days apart."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(STUDIES):
        write_study(
            folder / f"study{number}",
            views=[("R", "CC"), ("L", "CC")],
            study_uid=f"1.2.826.7.{number}",
            patient_id=f"SECRET-{number}",
            study_date=f"2019030{1 + 2 * number}",
            seed=number,
            **SMALL,
        )
    return folder


@pytest.fixture
def pacs(folder):
    with SmallPacs().holds(*sorted(folder.rglob("*.dcm"))) as running:
        yield running


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Configures a node named archive; its audit log lies beside it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def configure(node: Node) -> Path:
        path = tmp_path / "site.toml"
        audit = AuditSettings(tmp_path / "audit")
        write(SiteConfiguration("VIEWER", {"archive": node}, None, audit), path)
        monkeypatch.setenv("BIRADS_VIEWER_SITE", str(path))
        return path

    return configure


@pytest.fixture
def archive(checkpoint, capsys):
    def run(source: object, out: Path, *more: object):
        options = ["--model", "light", "--checkpoint", checkpoint, "--workers", 0, *more]
        code = main(["archive", str(source), "--out", str(out), *map(str, options)])
        return code, *capsys.readouterr()

    return run


def node_of(pacs: SmallPacs, **changes) -> Node:
    return Node("archive", AE_TITLE, "127.0.0.1", pacs.port, timeout_s=5, **changes)


def test_a_pacs_gives_the_answers_of_a_folder_with_the_same_studies(
    pacs, site, archive, folder, tmp_path
):
    site(node_of(pacs))
    code, output, _ = archive(f"pacs:archive?{FOUND}", tmp_path / "fetched", "--identifiers")
    assert (code, json.loads(output)["studies"]) == (0, 3)
    archive(folder, tmp_path / "read", "--identifiers")
    order = ["study", "record", "laterality", "image"]
    fetched, read = (
        rows(tmp_path / name).drop(columns=["unit", "file"]).sort_values(order, ignore_index=True)
        for name in ("fetched", "read")
    )
    assert fetched.equals(read[read["study"] != "1.2.826.7.3"].reset_index(drop=True))
    assert rows(tmp_path / "fetched")["file"].dropna().str.endswith(".dcm").all()
    assert not list((tmp_path / "temporary").iterdir())
    asked, *transfers = AuditLog(tmp_path / "audit").messages()
    assert "SECRET" not in asked
    assert ["SECRET-" in message for message in transfers] == [True] * 3


def test_the_same_question_again_judges_what_has_come_since(pacs, site, archive, tmp_path):
    site(node_of(pacs))
    question = "pacs:archive?since=2019-03-01&until=2019-03-09"
    last, pacs.objects[:] = pacs.objects[-2:], pacs.objects[:-2]
    out = tmp_path / "out"
    assert json.loads(archive(question, out)[1])["judged_now"] == 3
    assert json.loads(archive(question, out)[1])["judged_now"] == 0
    pacs.objects += last
    assert json.loads(archive(question, out)[1])["judged_now"] == 1
    told = rows(out).drop(columns="shard").to_json()
    assert "SECRET" not in told
    assert "1.2.826" not in told


def listed(question: str, out: Path, *studies: str) -> Path:
    """A run that has listed these, and judged none of them."""
    out.mkdir()
    with Index(out / "list.sqlite") as index, index.transaction():
        index.add_remote(question, iter(studies))
    return out


def test_a_pacs_that_has_gone_ends_the_run_and_nothing_is_recorded_as_failed(
    pacs, site, archive, tmp_path
):
    site(node_of(pacs))
    question = f"pacs:archive?{FOUND}"
    out = listed(question, tmp_path / "out", "1.2.826.7.0", "1.2.826.7.1")
    pacs.server.shutdown()
    code, output, talk = archive(question, out, "--as-listed")
    assert (code, output) == (2, "")
    assert "Nothing listens" in talk
    assert not list(out.glob("parts/*/*.parquet"))


def test_a_worker_on_a_machine_without_the_sites_configuration_ends_the_run():
    source = PacsSource("archive", date(2019, 3, 1), date(2019, 3, 5))
    with pytest.raises(SourceGone, match="No DICOM node is configured"), source.fetched("1.2.3"):
        pass


def test_a_study_that_a_pacs_has_no_more_is_a_failure_and_the_rest_goes_on(
    pacs, site, archive, tmp_path
):
    site(node_of(pacs))
    question = f"pacs:archive?{FOUND}"
    out = listed(question, tmp_path / "out", "1.2.826.7.0", "1.2.826.7.99", "1.2.826.7.1")
    assert archive(question, out, "--as-listed")[0] == 1
    table = rows(out)
    assert table["error_title"].dropna().tolist() == ["Study not found"]
    assert (table["record"] == "breast").sum() == 4


def test_what_a_killed_worker_had_fetched_is_taken_away(pacs, site, archive, tmp_path):
    site(node_of(pacs))
    left = tmp_path / "temporary" / "birads-archive-left"
    (left / "1.2.3").mkdir(parents=True)
    os.utime(left, (1, 1))
    archive(f"pacs:archive?{FOUND}", tmp_path / "out")
    assert not left.exists()


def test_several_workers_cannot_receive_at_one_port(pacs, site, archive, tmp_path):
    site(node_of(pacs, retrieval=Retrieval.MOVE))
    code, _, talk = archive(f"pacs:archive?{FOUND}", tmp_path / "out")
    assert code == 2
    assert "C-MOVE is not for archives" in talk


@pytest.mark.slow
def test_workers_fetch_for_themselves(pacs, site, archive, checkpoint, tmp_path):
    configuration = site(node_of(pacs))
    archive(f"pacs:archive?{FOUND}", tmp_path / "alone", "--identifiers")
    command = ["archive", f"pacs:archive?{FOUND}", "--out", tmp_path / "out", "--workers", 1]
    command += ["--identifiers", "--model", "light", "--checkpoint", checkpoint]
    result = subprocess.run(
        [sys.executable, "-m", "engine", *map(str, command)],
        cwd=ROOT,
        env=os.environ | {"BIRADS_VIEWER_SITE": str(configuration), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert result.returncode == 0, result.stderr
    order = ["unit", "record", "laterality", "image"]
    alone, worked = (
        rows(tmp_path / name).sort_values(order, ignore_index=True) for name in ("alone", "out")
    )
    assert worked.equals(alone)


@pytest.mark.skipif(
    not orthanc.DICOMWEB.exists(), reason="Orthanc's DICOMweb is not installed (orthanc-dicomweb)"
)
def test_dicomweb_of_another_pacs_gives_the_same_answers(site, archive, folder, tmp_path):
    with orthanc.Orthanc(tmp_path / "orthanc", free_port()) as running:
        web = Node("archive", web=Web(running.web), timeout_s=20)
        for path in sorted(folder.rglob("*.dcm")):
            assert dicomweb.store(web, path) is None
        answers = []
        for name, node in (
            ("web", web),
            ("dicom", Node("archive", orthanc.AE_TITLE, "127.0.0.1", running.dicom)),
        ):
            site(node)
            assert archive(f"pacs:archive?{FOUND}", tmp_path / name)[0] == 0
            columns = ["study", "record", "laterality", "image"]
            answers.append(
                rows(tmp_path / name).drop(columns="unit").sort_values(columns, ignore_index=True)
            )
    assert answers[0]["study"].nunique() == 3
    assert answers[0].equals(answers[1])
