"""A sample of each section of benchmarks/faults.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.timeout(900)  # waits for processes, on a machine that may be busy
COUNT = "600"  # mutants; all else is in proportion


def measured(section: str, *options: str) -> dict[str, list[int]]:
    """The rows of the table: crashed, wrong in silence, refused, slow, lost, by what was done."""
    command = [sys.executable, ROOT / "benchmarks" / "faults.py", "--only", section, *options]
    run = subprocess.run(
        [*command, "--count", COUNT],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"},
        cwd=ROOT,
        check=False,
    )
    rows = [line.strip("| ").split(" | ") for line in run.stdout.splitlines()[2:]]
    found = {row[0]: [int(number.replace(",", "")) for number in row[1:]] for row in rows}
    assert found, run.stderr[-3000:]
    for what, (_, crashed, _, _, _, lost) in found.items():
        assert (crashed, lost) == (0, 0), (what, run.stderr[-3000:])
    return found


def test_mutants_are_refused_or_told_where_that_can_be_known():
    rows = measured("mutants")
    assert sum(row[0] for row in rows.values()) == int(COUNT)
    undetectable = ("pixels mutated", "JPEG", "TIFF")
    for what, row in rows.items():
        assert row[2] == 0 or any(word in what for word in undetectable), what


def test_no_lost_sector_and_no_cut_in_compressed_pixels_is_shown():
    rows = measured("damage")
    for what in ("a sector lost", "cut, or a piece missing or foreign"):
        tried, _, wrong, refused, _, _ = rows[f"compressed pixels: {what}"]
        assert (wrong, refused) == (0, tried)


def test_kills_lose_no_reading_that_was_acknowledged():
    ((what, row),) = measured("kills").items()
    assert "readings" in what
    assert row[2] == 0


@pytest.mark.slow
def test_readings_survive_a_hostile_world():
    assert all(row[2] == 0 for row in measured("stores").values())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="limits of other processes: Linux")
def test_an_engine_that_is_stopped_killed_or_starved_goes_on():
    rows = measured("engine")
    assert len(rows) == 5
    assert all(row[2] == 0 for row in rows.values())


@pytest.mark.slow
def test_all_studies_of_a_folder_are_listed():
    ((what, row),) = measured("folder").items()
    assert "first image after" in what
    assert row[0] == 10
