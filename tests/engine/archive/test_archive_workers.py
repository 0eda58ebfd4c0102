"""birads-engine archive with workers: killed ones, killed drivers, killed schedulers."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import psutil
import pytest
import torch

from engine.__main__ import main
from tests.archive_results import as_predicted, predicted, rows, write_archive
from tests.small_pacs import free_port
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[3]
STUDIES = 16
PATIENCE_S = 150


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_tiny_checkpoint(folder / "light.safetensors")
    write_archive(folder / "archive", STUDIES)
    return folder


def start(place: Path, *arguments: object) -> subprocess.Popen:
    options = ["--model", "light", "--checkpoint", place / "light.safetensors"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.archive_shelf", "archive", *map(str, [*arguments, *options])],
        cwd=ROOT,
        env=os.environ | {"XDG_DATA_HOME": str(place / "data"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(what: Callable[[], object], process: subprocess.Popen | None = None):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline, "it never came"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
    return found


def parts_of(out: Path) -> list[Path]:
    return sorted(out.glob("parts/*/part-*"))


def workers_of(driver: subprocess.Popen) -> list[psutil.Process]:
    children = psutil.Process(driver.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture(scope="module")
def worked(place):
    """Two workers; one is killed by the system, and one study kills whoever touches it."""
    shelf = write_archive(place / "shelf", 2)
    (shelf / "study001" / "poison").touch()
    out = place / "out"
    sources = [place / "archive", f"shelf:{shelf}"]
    driver = start(place, *sources, "--out", out, "--workers", 2, "--part-size", 3, "--identifiers")
    wait_for(lambda: parts_of(out), driver)
    workers_of(driver)[0].kill()
    children = psutil.Process(driver.pid).children(recursive=True)
    output, talk = driver.communicate(timeout=PATIENCE_S)
    return driver.returncode, output, talk, children


def test_workers_give_the_answers_of_predict_to_the_bit(place, worked, capsys):
    before = torch.get_num_threads(), cv2.getNumThreads()
    options = ["--threads", "1", "--model", "light", "--checkpoint", place / "light.safetensors"]
    assert main(["predict", *map(str, [place / "archive", *options])]) == 0
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])
    lines = predicted(capsys.readouterr().out)
    of_archive = [line for line in as_predicted(place / "out") if str(place / "archive") in line]
    assert len(of_archive) == 2 * STUDIES
    assert of_archive == lines


def test_a_study_that_kills_its_worker_three_times_is_a_failure_and_the_rest_goes_on(place, worked):
    code, output, *_ = worked
    assert code == 1
    table = rows(place / "out")
    (killer,) = table[table["record"] == "error"].to_dict("records")
    assert killer["error_title"] == "The study ended its process"
    assert killer["study"] == "study001"
    assert sorted(table["unit"].unique()) == list(range(1, STUDIES + 3))
    assert json.loads(output)["studies"] == STUDIES + 2


def test_nothing_is_done_twice_though_a_worker_died(place, worked):
    table = rows(place / "out")
    assert not table.duplicated(["record", "unit", "image", "laterality"]).any()
    assert (table["record"] == "breast").sum() == STUDIES + 1


def test_nobody_is_named_in_what_is_said_of_dying_workers(place, worked):
    _, output, talk, _ = worked
    for secret in ("SECRET", "Secret", "1.2.826", "study0"):
        assert secret not in output + talk
    assert "The study ended its process: 1" in talk


def test_no_worker_outlives_the_run(worked):
    wait_for(lambda: not any(child.is_running() for child in worked[3]))


def test_a_killed_driver_costs_a_part_at_most_and_leaves_no_worker(place):
    out = place / "killed"
    driver = start(place, place / "archive", "--out", out, "--workers", 2, "--part-size", 3)
    wait_for(lambda: len(parts_of(out)) >= 2, driver)
    workers = workers_of(driver)
    driver.kill()
    driver.communicate()
    assert workers
    wait_for(lambda: not any(worker.is_running() for worker in workers))
    done = rows(out)["unit"].nunique()
    assert done >= 6
    again = start(place, place / "archive", "--out", out, "--workers", 0)
    output, talk = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, talk
    assert json.loads(output)["judged_now"] == STUDIES - done
    table = rows(out)
    assert table["unit"].nunique() == STUDIES
    assert len(table) == 2 * STUDIES


CREW = """
import os
from engine.archive.worker_pool import local

def told(number):
    return number, os.environ.get("MALLOC_TRIM_THRESHOLD_"), os.environ["OMP_NUM_THREADS"]

def main():
    taken = came = most = 0

    def take():
        nonlocal taken, most
        taken += 1
        most = max(most, taken - came)
        return taken if taken <= 60 else None

    with local(2) as crew:
        for task, (number, trap, threads) in crew.map(told, take, "test"):
            came += 1
            assert (task, trap, threads) == (number, None, "1")
    print(came, most)

if __name__ == "__main__":
    main()
"""


def test_a_crew_takes_no_more_tasks_than_it_can_soon_do(tmp_path):
    (tmp_path / "crew_of_two.py").write_text(CREW)
    result = subprocess.run(
        [sys.executable, tmp_path / "crew_of_two.py"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert result.returncode == 0, result.stderr
    came, most = map(int, result.stdout.split())
    assert came == 60
    assert most <= 7  # two a worker, two more, and the one that is asked for


PAGES = """
import sys
from urllib.request import urlopen
from engine.archive.worker_pool import local

if __name__ == "__main__":
    with local(1, int(sys.argv[1])):
        print(urlopen(f"http://127.0.0.1:{sys.argv[1]}/status", timeout=60).status)
"""


def test_dasks_own_pages_are_there_where_they_are_asked_for(tmp_path):
    (tmp_path / "pages.py").write_text(PAGES)
    result = subprocess.run(
        [sys.executable, tmp_path / "pages.py", str(free_port())],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if importlib.util.find_spec("bokeh") is None:
        assert "No pages without bokeh: pip install bokeh" in result.stderr
    else:
        assert result.stdout == "200\n", result.stderr


@pytest.mark.slow
def test_workers_started_by_hand_and_a_scheduler_that_dies(place):
    port = str(free_port())
    address = f"127.0.0.1:{port}"
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"]
    workers = [*dask, "worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    out = place / "by-hand"
    started = []
    try:
        started.append(subprocess.Popen(scheduler, **silent))
        started.append(subprocess.Popen(workers, **silent))
        wait_for(lambda: _answers(address))
        driver = start(
            place, place / "archive", "--out", out, "--scheduler", address, "--part-size", 3
        )
        started.append(driver)
        wait_for(lambda: parts_of(out), driver)
        started[0].kill()
        _, talk = driver.communicate(timeout=PATIENCE_S)
        assert driver.returncode == 2
        assert talk.endswith(
            "The scheduler is gone: Start it and its workers; then the same command goes on.\n"
        )
        assert "Traceback" not in talk
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE_S)
    done = rows(out)["unit"].nunique()
    again = start(place, place / "archive", "--out", out, "--workers", 0)
    output, talk = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, talk
    assert json.loads(output)["judged_now"] == STUDIES - done
    assert rows(out)["unit"].nunique() == STUDIES


def _answers(address: str) -> bool:
    host, port = address.split(":")
    with socket.socket() as link:
        return link.connect_ex((host, int(port))) == 0
