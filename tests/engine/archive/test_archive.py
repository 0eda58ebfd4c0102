"""birads-engine archive on one process: the same answers as `predict`, whole parts, going on."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import cv2
import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from engine.__main__ import main
from engine.archive import listing, sources
from engine.archive.index import Found, Index
from engine.archive.parts import SCHEMA
from engine.archive.units import Unable
from engine.archive.worker_pool import Alone, WorkersFailed
from engine.domain import NOTICE
from tests.archive_results import (
    SMALL,
    as_predicted,
    predicted,
    rows,
    write_archive,
    write_messy_archive,
)
from tests.archive_shelf import Shelf
from tests.engine.small_disk import MOUNT, skip_without
from tests.phantom import write_mammogram, write_study
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """A worker uses one, and this process is the worker here."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_tiny_checkpoint(tmp_path_factory.mktemp("network") / "light.safetensors")


@pytest.fixture
def archive(checkpoint, capsys):
    """Runs the command in this process; gives exit code, standard output and standard error."""

    def run(*arguments, command="archive"):
        more = [] if arguments[0] in ("report", "compare") else ["--model", "light"]
        if more:
            more += ["--checkpoint", str(checkpoint)]
        if more and command == "archive":
            more += ["--workers", "0"]
        try:
            code = main([command, *map(str, arguments), *more])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return run


# -------------------------------------------------------------------------------- the same answers


def test_a_messy_archive_gets_the_answers_of_predict_to_the_bit(archive, tmp_path):
    folder = write_messy_archive(tmp_path / "archive")
    code, lines, _ = archive(folder, "--threads", 1, command="predict")
    assert code == 1
    code, summary, _ = archive(folder, "--out", tmp_path / "out", "--identifiers")
    assert code == 1  # some files cannot be read
    assert as_predicted(tmp_path / "out") == predicted(lines)
    table = rows(tmp_path / "out")
    assert (table["p_4_or_5"].dropna() == (table["p4"] + table["p5"]).dropna()).all()
    assert json.loads(summary)["failures"] == 4
    assert json.loads(archive(folder, "--out", tmp_path / "out", "--identifiers")[1]) == {
        **json.loads(summary),
        "judged_now": 0,
        "processor_seconds": 0,
    }


def test_heat_maps_are_those_of_predict_under_a_number(archive, tmp_path):
    write_study(tmp_path / "exam", views=[("R", "CC")], patient_id="SECRET", **SMALL)
    archive(tmp_path / "exam", "--heatmaps", tmp_path / "maps", command="predict")
    archive(tmp_path / "exam", "--out", tmp_path / "out", "--heatmaps")
    (name,) = rows(tmp_path / "out")["heatmap"].dropna()
    ours, theirs = tmp_path / "out" / name, tmp_path / "maps" / "RCC_light.png"
    assert ours.name == "1-1_light.png"
    assert (cv2.imread(str(ours)) == cv2.imread(str(theirs))).all()
    arrays = [np.load(path.with_suffix(".npy")) for path in (ours, theirs)]
    assert (arrays[0] == arrays[1]).all()
    assert {path.name[0] for path in (tmp_path / "out" / "heatmaps").iterdir()} == {"0"}


def test_folders_may_be_listed_in_a_file_and_overlap(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 3)
    listed = tmp_path / "lists" / "folders.txt"
    listed.parent.mkdir()
    listed.write_text("# of the archive\n../archive/study000\n\n" + str(folder / "study001"))
    code, *_ = archive(listed, folder / "study001", "--out", tmp_path / "out")
    assert code == 0
    assert sorted(rows(tmp_path / "out")["unit"].unique()) == [1, 2]


def test_a_listed_folder_that_is_gone_fails_and_the_others_are_judged(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 1)
    (tmp_path / "list.txt").write_text(f"{folder}\n{tmp_path / 'nowhere'}\n")
    code, *_ = archive(tmp_path / "list.txt", "--out", tmp_path / "out")
    assert code == 1
    table = rows(tmp_path / "out")
    assert table["error_title"].dropna().tolist() == ["The file was not found"]
    assert (table["record"] == "breast").sum() == 1


def test_studies_are_fetched_from_where_they_have_to_be_asked_for(archive, tmp_path, monkeypatch):
    monkeypatch.setitem(sources.REMOTE, "shelf", Shelf.open)
    shelf = write_archive(tmp_path / "shelf", 3)
    (shelf / "study001" / "gone").touch()
    code, *_ = archive(f"shelf:{shelf}", "--out", tmp_path / "out", "--identifiers")
    assert code == 1
    table = rows(tmp_path / "out")
    lost = table[table["record"] == "error"]
    assert lost["error_title"].tolist() == ["The study cannot be fetched"]
    assert lost["study"].tolist() == ["study001"]
    assert (table["record"] == "view").sum() == 2
    assert archive(f"shelf:{shelf}", "--out", tmp_path / "out", "--identifiers")[0] == 1
    assert len(rows(tmp_path / "out")) == len(table)


def test_a_worker_that_does_not_see_the_archive_ends_the_run_and_records_nothing(tmp_path):
    folder = write_archive(tmp_path / "archive", 1)
    files = tuple(sorted(folder.rglob("*.dcm")))
    (tmp_path / "empty").mkdir()  # where nothing is mounted
    looker = listing.Looker((tmp_path / "empty",))
    paths = tuple(str(tmp_path / "empty" / path.name) for path in files)
    found = tuple(Found(1, path.name.encode(), 1, 1) for path in files)
    assert isinstance(looker(listing.Batch(found, paths, (1,))), Unable)
    with Index(tmp_path / "list.sqlite") as index, pytest.raises(WorkersFailed):
        listing.fill(index, iter([tmp_path / "nowhere"]), Alone(), print, looker.roots)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("shelf:/nowhere", "Source is not supported"),
        ("pacs:HOSPITAL?StudyDate=2020", "Not a question to a PACS"),
        ("pacs:HOSPITAL?since=2020-01-01", "No DICOM node is configured"),
    ],
)
def test_a_source_that_nobody_can_ask_is_wrong_usage(source, words, archive, tmp_path):
    code, _, talk = archive(source, "--out", tmp_path / "out")
    assert code == 2
    assert words in talk


# --------------------------------------------------------------------------------------- the parts


def test_parts_are_read_by_pandas_and_duckdb_alike(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 5, views=[("R", "CC"), ("L", "CC")])
    archive(folder, "--out", tmp_path / "out", "--part-size", 2)
    parts = tmp_path / "out" / "parts"
    assert len(list(parts.glob("shard=00000/part-*.parquet"))) == 3
    ours = pd.read_parquet(parts)
    question = (
        f"select laterality, count(*), sum(p_4_or_5) from read_parquet('{parts}/*/*.parquet')"
        " where record = 'breast' group by laterality order by laterality"
    )
    with duckdb.connect() as database:
        theirs = database.sql(question).fetchall()
    breasts = ours[ours["record"] == "breast"].groupby("laterality")["p_4_or_5"]
    assert [row[:2] for row in theirs] == [("L", 5), ("R", 5)]
    assert [row[2] for row in theirs] == pytest.approx(breasts.sum().tolist())


def test_a_part_says_what_its_columns_mean_and_that_it_is_for_research(archive, tmp_path):
    archive(write_archive(tmp_path / "archive", 1), "--out", tmp_path / "out")
    (part,) = (tmp_path / "out" / "parts").glob("*/*.parquet")
    schema = pq.read_schema(part)
    assert schema.equals(SCHEMA)
    assert schema.metadata[b"notice"].decode() == NOTICE
    assert schema.field("year").metadata[b"description"] == b"of the study"
    assert set(rows(tmp_path / "out")["notice"]) == {NOTICE}
    if os.name == "posix":
        assert part.stat().st_mode & 0o077 == 0
        assert (tmp_path / "out" / "list.sqlite").stat().st_mode & 0o077 == 0


def test_every_column_stands_in_the_paper_in_its_order():
    lines = (ROOT / "docs" / "archive.md").read_text("utf-8").splitlines()
    told = [line.split("|")[1:4] for line in lines if line.startswith("| `")]
    columns = [[cell.strip(" `") for cell in cells] for cells in told]
    ours = [
        [field.name, str(field.type), field.metadata[b"description"].decode()] for field in SCHEMA
    ]
    assert [row for row in columns if row[0] in SCHEMA.names] == ours


def test_headers_tell_maker_machine_year_age_and_density(archive, tmp_path):
    def edit(dataset):
        dataset.Manufacturer, dataset.ManufacturerModelName = "HOLOGIC, Inc.", "Selenia"
        dataset.PatientBirthDate = "19560301"
        dataset.AcquisitionContextSequence = [_composition("129718006")]

    write_mammogram(tmp_path / "a" / "1.dcm", study_date="20190131", edit=edit, **SMALL)
    write_mammogram(tmp_path / "b" / "1.dcm", study_date="", study_uid="1.2.3.8", **SMALL)
    archive(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    known, unknown = rows(tmp_path / "out").query("record == 'breast'").to_dict("records")
    told = ["maker", "machine", "year", "age_band", "density"]
    assert [known[name] for name in told] == ["HOLOGIC, Inc.", "Selenia", 2019, "60-69", "C"]
    assert all(pd.isna(unknown[name]) for name in told)


def _composition(code: str):
    from pydicom.dataset import Dataset

    item, value = Dataset(), Dataset()
    value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning = code, "SCT", "dense"
    item.ConceptCodeSequence = [value]
    return item


# ---------------------------------------------------------------------------------------- going on


def test_the_same_command_goes_on_and_judges_nothing_twice(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 4), tmp_path / "out"
    archive(folder, "--out", out)
    before = rows(out)
    code, summary, _ = archive(folder, "--out", out)
    assert (code, json.loads(summary)["judged_now"]) == (0, 0)
    write_study(folder / "new", study_uid="1.2.826.7.99", patient_id="NEW", **SMALL)
    code, summary, _ = archive(folder, "--out", out)
    assert (code, json.loads(summary)["judged_now"]) == (0, 1)
    after = rows(out)
    assert len(after) == len(before) + 6
    assert after[after["unit"] <= 4].equals(before)
    assert json.loads(archive(folder, "--out", out, "--as-listed")[1])["judged_now"] == 0


def test_shards_and_parts_of_any_size_hold_the_same(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 7)
    archive(folder, "--out", tmp_path / "one")
    archive(folder, "--out", tmp_path / "many", "--shard-size", 3, "--part-size", 2)
    shards = sorted(path.name for path in (tmp_path / "many" / "parts").iterdir())
    assert shards == ["shard=00000", "shard=00001", "shard=00002"]
    names = [name for name in SCHEMA.names if name != "shard"]
    one, many = (rows(tmp_path / name)[names] for name in ("one", "many"))
    order = ["unit", "record", "image"]
    pd.testing.assert_frame_equal(
        one.sort_values(order, ignore_index=True), many.sort_values(order, ignore_index=True)
    )


def test_what_a_crash_left_unfinished_is_nobodys_and_done_again(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 4), tmp_path / "out"
    archive(folder, "--out", out, "--part-size", 2, "--shard-size", 4)
    second = max((out / "parts" / "shard=00000").glob("part-*"))
    half = second.with_name("." + second.name)  # as a write leaves it that was cut short
    half.write_bytes(second.read_bytes()[:1000])
    second.unlink()
    with sqlite3.connect(out / "list.sqlite") as database:
        database.execute("DELETE FROM shards")
    database.close()
    assert rows(out)["unit"].nunique() == 2
    _, summary, _ = archive(folder, "--out", out, "--shard-size", 4)
    assert json.loads(summary)["judged_now"] == 2
    assert not half.exists()
    table = rows(out)
    assert not table.duplicated(["record", "image", "study", "laterality"]).any()
    assert table["unit"].nunique() == 4


def test_a_search_that_was_cut_short_goes_on(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 3), tmp_path / "out"
    out.mkdir()
    with Index(out / "list.sqlite") as index:  # killed after it had found the folders
        index.begin()
        index.add_folders([folder, *sorted(folder.iterdir())])
        index.save()
    archive(folder, "--out", out)
    assert rows(out)["unit"].nunique() == 3


def test_a_study_that_has_got_another_image_is_told_and_not_judged_twice(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 2), tmp_path / "out"
    archive(folder, "--out", out)
    path = folder / "study001" / "more.dcm"
    write_mammogram(path, view="MLO", study_uid="1.2.826.7.1", patient_id="SECRET-1", **SMALL)
    code, summary, talk = archive(folder, "--out", out)
    assert (code, json.loads(summary)["judged_now"]) == (0, 0)
    assert "1 studies have changed" in talk


def test_a_file_that_vanished_since_it_was_listed_is_a_failure(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 2), tmp_path / "out"
    out.mkdir()
    with Index(out / "list.sqlite") as index:
        listing.fill(index, iter([folder]), Alone(), lambda *_: None)
    (folder / "study001" / "RCC.dcm").unlink()
    code, *_ = archive(folder, "--out", out, "--as-listed")
    assert code == 1
    table = rows(out)
    assert table["error_title"].dropna().tolist() == ["The file was not found"]
    assert (table["record"] == "view").sum() == 1


def test_a_folder_of_another_run_is_refused(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 1)
    archive(folder, "--out", tmp_path / "out")
    code, _, talk = archive(folder, "--out", tmp_path / "out", "--identifiers")
    assert code == 2
    assert "has_identifiers" in talk
    code, _, talk = archive(folder, "--out", tmp_path / "out", "--shard-size", 7)
    assert code == 2
    assert "shard_size" in talk


def test_two_runs_do_not_share_a_folder(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 1)
    (tmp_path / "out").mkdir()
    with Index(tmp_path / "out" / "list.sqlite"):
        code, _, talk = archive(folder, "--out", tmp_path / "out")
    assert code == 2
    assert "Another run holds this folder" in talk


def test_results_never_lie_among_the_images(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 1)
    code, _, talk = archive(folder, "--out", folder / "results")
    assert code == 2
    assert "Results among the images" in talk
    assert not (folder / "results").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere", "--out", "OUT"],
        ["."],
        [".", "--out", "OUT", "--workers", "1", "--scheduler", "127.0.0.1:1"],
        ["report", "OUT"],
        ["compare", "OUT"],
        [".", "--out", "OUT", "--shard-size", "0"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["archive", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert capsys.readouterr().out == ""


# ----------------------------------------------------------------------------------------- privacy


def test_nobody_is_named_in_results_reports_and_talk(archive, tmp_path):
    folder, out = write_archive(tmp_path / "archive", 2), tmp_path / "out"
    (folder / "SECRET-folder").mkdir()
    (folder / "SECRET-folder" / "SECRET-cut.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 99)
    code, output, talk = archive(folder, "--out", out, "--heatmaps")
    assert code == 1
    told = rows(out).drop(columns="shard").to_json()
    told += (out / "report.html").read_text() + (out / "report.json").read_text()
    told += (out / "run.json").read_text() + output + talk
    told += " ".join(str(path.relative_to(out)) for path in out.rglob("*"))
    for secret in ("SECRET", "Secret", "1.2.826.7", "study00", str(folder)):
        assert secret not in told
    heat_map = next((out / "heatmaps").rglob("*.png")).read_bytes()
    assert b"SECRET" not in heat_map
    patients = rows(out)["patient"].dropna().unique()
    assert len(patients) == 2
    assert all(len(name) == 24 for name in patients)


def test_two_runs_of_one_user_give_the_same_names(archive, tmp_path):
    folder = write_archive(tmp_path / "archive", 2)
    for name in ("a", "b"):
        archive(folder, "--out", tmp_path / name)
    one, other = (set(rows(tmp_path / name)["study"]) for name in ("a", "b"))
    assert one == other


# ------------------------------------------------------------------------------------------ faults

FULL_DISK = """
import shutil, sys
from pathlib import Path
import pandas as pd
from engine.__main__ import main
disk, folder, checkpoint = map(Path, sys.argv[1:])
command = ["archive", str(folder), "--out", str(disk / "out"), "--workers", "0", "--model", "light"]
command += ["--checkpoint", str(checkpoint), "--part-size", "1"]
(disk / "filler").write_bytes(b"x" * (shutil.disk_usage(disk).free - 220_000))
assert main(command) == 2
parts = disk / "out" / "parts"
assert not list(parts.glob("*/.*"))
before = pd.read_parquet(parts)["unit"].nunique()
assert 0 < before < 12, before
assert main(command) == 2
(disk / "filler").unlink()
assert main(command) == 0
table = pd.read_parquet(parts)
assert table["unit"].nunique() == 12
assert len(table) == 12 * 2
print("all is well")
"""


def test_a_full_disk_stops_it_cleanly_and_it_goes_on_when_there_is_room(checkpoint, tmp_path):
    folder = write_archive(tmp_path / "archive", 12)
    skip_without(tmp_path)
    (tmp_path / "disk").mkdir()
    script = 'mount -t tmpfs -o size=700k tmpfs "$1" && exec "$2" -c "$3" "$1" "$4" "$5"'
    result = subprocess.run(
        [*MOUNT, script, "sh", tmp_path / "disk", sys.executable, FULL_DISK, folder, checkpoint],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.stdout.endswith("all is well\n"), result.stderr
    assert "The disk is full" in result.stderr


TRAP = """
import resource, numpy as np
from engine.archive.judging import undo_allocator_trap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

trapped = faults()
undo_allocator_trap()
faults()
print(trapped, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_a_worker_keeps_freed_memory_though_dask_says_otherwise():
    result = subprocess.run(
        [sys.executable, "-c", TRAP],
        cwd=ROOT,
        env=os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    trapped, cured = map(int, result.stdout.split())
    assert cured < trapped / 20
