"""How an archive run grows: with its size, with its workers, and what gives way first.

    python benchmarks/archive_scale.py speed [--model light] [--studies 12]
    python benchmarks/archive_scale.py memory [--listed 1000000] [--judged 10000]
    python benchmarks/archive_scale.py workers [--seconds 1.0] [--number 64]

`speed`: processor seconds a study, of four views of 4096 x 3328, on one plain process and on one
and two workers, and with the allocator's settings that Dask gives a worker, cured and not.
`memory`: the driver's and workers' memory while ten thousand tiny studies are judged by a tiny
network, and while a list of a million studies is made. `workers`: that many pretended workers,
threads that sleep and answer with rows of a true size; what is measured is scheduler and driver.
Needs the extras archive and test.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from engine.archive import judging
from engine.archive import worker_pool as crews
from engine.archive.index import FileKind, Found, Index, Seen, digest
from engine.archive.parts import Parts
from engine.archive.run import ArchiveRun, RunSettings
from engine.archive.units import Judged, JudgingOrder, Unit, UnitResult
from tests.archive_results import write_archive
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("speed", "memory", "workers"))
    parser.add_argument("--model", default="light")
    parser.add_argument("--studies", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--listed", type=int, default=1_000_000)
    parser.add_argument("--judged", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--number", type=int, default=64)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "archive_scale")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XDG_DATA_HOME"] = str(arguments.work / "data")
    arguments.work.mkdir(parents=True, exist_ok=True)
    {"speed": speed, "memory": memory, "workers": workers}[arguments.part](arguments)


# ------------------------------------------------------------------------------------------- speed

_TRAPPED = """
import sys
from engine.archive import judging
if sys.argv[1] == "trapped":
    judging.undo_allocator_trap = lambda: None
sys.argv[1:2] = []
from engine.__main__ import main
sys.exit(main())
"""


def speed(arguments: argparse.Namespace) -> None:
    from benchmarks.synthetic_studies import SYNTAXES, write_batch

    folder = arguments.work / "large"
    if not folder.exists():
        write_batch(folder, arguments.studies, list(SYNTAXES.values()))
    say(f"the networks alone: {_network_seconds(arguments.model):.2f} processor seconds a study")
    trap = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536"}
    ways = (
        ("one plain process", "plain", 0, os.environ),
        ("1 worker", "plain", 1, os.environ),
        ("2 workers", "plain", 2, os.environ),
        ("Dask's allocator settings, cured", "cured", 0, trap),
        ("Dask's allocator settings as they are", "trapped", 0, trap),
    )
    least: dict[str, float] = {}
    for _ in range(arguments.rounds):  # in turns, as other programs come and go
        for name, start, workers, environment in ways:
            with tempfile.TemporaryDirectory(dir=arguments.work) as out:
                command = [sys.executable, "-c", _TRAPPED, start, "archive", folder, "--out", out]
                command += ["--workers", workers, "--model", arguments.model]
                if workers:
                    command[1:4] = ["-m", "engine"]
                began = time.monotonic()
                done = subprocess.run(
                    [*map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True
                )
                told = json.loads(done.stdout)
                each = told["processor_seconds"] / told["studies"]
                least[name] = min(each, least.get(name, each))
                say(
                    f"{name}: {each:.2f} processor seconds a study, {told['studies']} studies in "
                    f"{time.monotonic() - began:.0f} s with start and report; "
                    f"load {os.getloadavg()[0]:.1f}",
                )
    plain = least["one plain process"]
    for name, each in least.items():
        say(f"{name}: at least {each:.2f}, {plain / each:.2f} times a plain process's pace")


def _network_seconds(model: str) -> float:
    """Of four views: what a GPU would take over."""
    import torch

    from engine.networks import ensemble
    from engine.networks.checkpoint import shipped_checkpoint
    from engine.networks.predictor import use_threads

    use_threads(1)
    checkpoint = ensemble.load(shipped_checkpoint(model)).optimized_for_inference()
    configs = [(member.model, member.preprocessing) for member in checkpoint.members]
    with torch.inference_mode():
        for repeat in range(4):
            if repeat == 1:  # the first is slower
                began = time.process_time()
            for network, config in configs:
                network.predict(torch.rand(1, 1, config.height, config.width))
    return 4 * (time.process_time() - began) / 3


# ------------------------------------------------------------------------------------------ memory


def memory(arguments: argparse.Namespace) -> None:
    work = arguments.work
    write_tiny_checkpoint(work / "light.safetensors")
    if not (work / "small").exists():
        began = time.monotonic()
        write_archive(work / "small", arguments.judged, views=[("R", "CC")])
        say(f"wrote {arguments.judged} studies in {time.monotonic() - began:.0f} s")
    out = work / "out"
    command = [sys.executable, "-m", "engine", "archive", work / "small", "--out", out]
    command += ["--workers", 2, "--model", "light", "--checkpoint", work / "light.safetensors"]
    with subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE) as driver:
        _watch(driver, out)
    say(f"finished with {driver.returncode}")
    began = time.monotonic()
    subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, check=True)
    say(f"the same command again: {time.monotonic() - began:.0f} s, start and report in it")
    _list_a_million(work / "million.sqlite", arguments.listed)


def _watch(driver: subprocess.Popen, out: Path) -> None:
    """A line for each further thousand studies that lie on the disk."""
    told = -1
    began = time.monotonic()
    while driver.poll() is None:
        parts = sum(1 for _ in out.glob("parts/*/part-*"))
        if parts > told:
            told = parts
            try:
                process = psutil.Process(driver.pid)
                sizes = [process.memory_info().rss]
                sizes += [
                    child.memory_info().rss
                    for child in process.children(recursive=True)
                    if "spawn_main" in " ".join(child.cmdline())
                ]
            except psutil.Error:
                return
            shown = [f"{size / 1e6:.0f}" for size in sizes]
            say(f"{time.monotonic() - began:.0f} s, {parts} parts: MB {shown}")
        time.sleep(0.2)


def _list_a_million(path: Path, studies: int) -> None:
    """Four files a study, as the workers' looks enter them; then a shard's units are read."""
    path.unlink(missing_ok=True)
    process = psutil.Process()
    began = time.monotonic()
    with Index(path) as index:
        index.begin()
        for start in range(0, studies, 1000):
            numbers = range(start, min(start + 1000, studies))
            index.add_folders([Path(f"/archive/{n // 1000:04d}/study{n:07d}") for n in numbers])
            index.enter([file for n in numbers for file in _four_files(n)])
            index.mark_read([n + 1 for n in numbers])
            if start % 10_000 == 0:
                index.save()
            if start % 100_000 == 0:
                size = process.memory_info().rss / 1e6
                say(f"{start:,} studies listed: {time.monotonic() - began:.0f} s, {size:.0f} MB")
        listed = time.monotonic() - began
        index.finish()
        made = time.monotonic() - began - listed
        say(
            f"{index.count:,} studies: {listed:.0f} s to enter, {made:.0f} s to number, "
            f"{path.stat().st_size / 1e9:.2f} GB, driver {process.memory_info().rss / 1e6:.0f} MB"
        )
        began = time.monotonic()
        middle = index.count // 2
        units = [index.unit(number, {}) for number in range(middle, middle + 1000)]
        each = (time.monotonic() - began) / 1000
        say(f"{1000 * each:.2f} ms a study to read its files: {len(units[0].files)} files")
    path.unlink()


def _four_files(number: int) -> list[tuple[Found, Seen]]:
    key, study = digest("dicom", number), digest("study", number, size=8)
    return [
        (
            Found(number + 1, f"1.2.826.0.1.{number}.{view}.dcm".encode(), 10_000_000, 1),
            Seen(FileKind.DICOM, key, study, digest("image", number, view, size=8)),
        )
        for view in range(4)
    ]


# ----------------------------------------------------------------------------------------- workers

_seconds = 1.0


def pretend(order: JudgingOrder, units: tuple[Unit, ...]) -> Judged:
    """A worker that needs no processor: rows as true ones are."""
    time.sleep(_seconds)
    row = dict.fromkeys(("study", "patient", "image"), "1.2.826.0.1.3680043.8.498.12345")
    row |= {f"p{grade}": 0.2 for grade in range(1, 6)}
    row |= {"notes": [], "model_sha256": "0" * 64, "category": 4, "p_4_or_5": 0.4}
    answers = tuple(
        UnitResult(
            unit.number,
            tuple(row | {"record": "view", "unit": unit.number} for n in range(6)),
        )
        for unit in units
    )
    return Judged(answers, "light", "0" * 64, "1", _seconds, 0.0)


def workers(arguments: argparse.Namespace) -> None:
    """Driver, scheduler and all workers share this process, whose time is what is measured."""
    import dask
    import distributed

    global _seconds
    _seconds = arguments.seconds
    judging.judge = pretend
    path = arguments.work / "workers.sqlite"
    path.unlink(missing_ok=True)
    studies = int(arguments.number / arguments.seconds * 30)
    with (
        tempfile.TemporaryDirectory(dir=arguments.work) as out,
        Index(path) as index,
        dask.config.set(crews._settings() | {"distributed.worker.preload": []}),
        distributed.LocalCluster(
            n_workers=arguments.number,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            memory_limit=None,  # all share one process
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        index.begin()
        index.add_folders([Path(f"/archive/{n}") for n in range(studies)])
        index.enter([file for n in range(studies) for file in _four_files(n)])
        index.finish()
        settings = RunSettings("light", "0" * 64, 10_000, True, False)
        under_way = ArchiveRun(index, Parts(Path(out) / "parts", 10_000, None), settings, {})
        began, processor = time.monotonic(), time.process_time()
        under_way.work(crews.Cluster(client), JudgingOrder("light"), lambda progress: None)
        took, used = time.monotonic() - began, time.process_time() - processor
    rate = studies / took
    say(
        f"{arguments.number} workers, {arguments.seconds:g} s a study: {rate:.1f} studies a second "
        f"of {arguments.number / arguments.seconds:.1f} possible "
        f"({rate * arguments.seconds / arguments.number:.0%}); {1000 * used / studies:.1f} ms of "
        f"processor a study for driver, scheduler and workers' messages; "
        f"{threading.active_count()} threads, load {os.getloadavg()[0]:.1f}"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
