"""Workers, drivers and schedulers of an archive run killed at random, and what is left afterwards.

    python benchmarks/archive_kills.py [--studies 1000] [--kills 100] [--work DIR]

A scheduler and two workers are started by hand, as on a cluster, and a driver on them. Somebody is
killed with SIGKILL again and again, at moments that progress decides by chance; whoever is gone is
started again. At the end every study must be there exactly once, with the rows of a run on one
process that nobody disturbed. Needs the extras archive and test.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import psutil

from tests.archive_results import write_archive
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[1]
PART = 5  #: studies
_NAMING = re.compile(r"SECRET|Secret|1\.2\.826|study\d")  #: as `write_archive` names them
#: half of the kills hit a worker process, as most deaths on a cluster do
TARGETS = ("worker",) * 10 + ("driver",) * 7 + ("scheduler",) * 3


class Cluster:
    """The three kinds of processes, each started again when it is found dead."""

    def __init__(self, work: Path, out: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        port = self.address.partition(":")[2]
        dask = [sys.executable, "-m", "dask"]
        self.commands = {
            "scheduler": [*dask, "scheduler", "--host", "127.0.0.1", "--port", port],
            "workers": [*dask, "worker", self.address, "--nworkers", "2", "--nthreads", "1"],
            "driver": [
                *(sys.executable, "-m", "engine", "archive", work / "archive", "--out", out),
                *("--scheduler", self.address, "--model", "light", "--part-size", PART),
                *("--checkpoint", work / "light.safetensors", "--shard-size", 300),
            ],
        }
        for name in ("scheduler", "workers"):
            self.commands[name].append("--no-dashboard")
        self.running: dict[str, subprocess.Popen] = {}
        self.starts: Counter[str] = Counter()
        self.log = (work / "log.txt").open("ab")

    def restore(self) -> bool:
        """Starts what is dead; True when the driver has finished its work."""
        for name, command in self.commands.items():
            process = self.running.get(name)
            if process is not None and process.poll() is None:
                continue
            if name == "driver" and process is not None and process.returncode == 0:
                return True
            if name == "driver" and not self._answers():
                return False
            self.starts[name] += 1
            self.running[name] = subprocess.Popen(
                [*map(str, command)], cwd=ROOT, stdout=self.log, stderr=self.log
            )
        return False

    def kill(self, what: str) -> bool:
        """False where there is nobody of that kind just now."""
        if what != "worker":
            process = self.running.get("driver" if what == "driver" else "scheduler")
            if process is None or process.poll() is not None:
                return False
            process.kill()
            process.wait()
            return True
        try:
            children = psutil.Process(self.running["workers"].pid).children(recursive=True)
            workers = [c for c in children if "spawn_main" in " ".join(c.cmdline())]
            random.choice(workers).kill()
        except (psutil.Error, IndexError, KeyError):
            return False
        return True

    def _answers(self) -> bool:
        host, port = self.address.split(":")
        with socket.socket() as link:
            return link.connect_ex((host, int(port))) == 0

    def close(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(60)
        self.log.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "archive_kills")
    arguments = parser.parse_args()
    work = arguments.work
    random.seed(arguments.seed)
    os.environ["XDG_DATA_HOME"] = str(work / "data")
    os.environ["OMP_NUM_THREADS"] = "1"
    if not (work / "archive").exists():
        write_archive(work / "archive", arguments.studies)
        write_tiny_checkpoint(work / "light.safetensors")
    out = work / "out"
    cluster = Cluster(work, out)
    kills: Counter[str] = Counter()
    began = time.monotonic()
    try:
        while not cluster.restore():
            if sum(kills.values()) < arguments.kills:
                what = random.choice(TARGETS)
                wait_for_progress(out, random.choice((0, 0, 1, 1, 2)), cluster)
                kills[what] += cluster.kill(what)
            time.sleep(0.1)
    finally:
        cluster.close()
    say(f"{time.monotonic() - began:.0f} s, kills {dict(kills)}, starts {dict(cluster.starts)}")
    verdict(work, out, arguments.studies)


def wait_for_progress(out: Path, parts: int, cluster: Cluster) -> None:
    """Until so many more parts are there, or the driver needs starting, or a moment is over."""
    wanted = count(out) + parts
    deadline = time.monotonic() + (random.uniform(0, 3) if parts == 0 else 60)
    while time.monotonic() < deadline and (parts == 0 or count(out) < wanted):
        driver = cluster.running.get("driver")
        if driver is None or driver.poll() is not None:
            cluster.restore()
        time.sleep(0.05)


def count(out: Path) -> int:
    return sum(1 for _ in out.glob("parts/*/part-*"))


def verdict(work: Path, out: Path, studies: int) -> None:
    command = [sys.executable, "-m", "engine", "archive", work / "archive", "--out", work / "calm"]
    command += ["--workers", "0", "--model", "light", "--checkpoint", work / "light.safetensors"]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout)["studies"] == studies
    ours, calm = (
        pd.read_parquet(folder / "parts").drop(columns="shard") for folder in (out, work / "calm")
    )
    order = ["study", "record", "laterality", "image"]
    twice = ours.duplicated(order).sum()
    # without the numbers of units: they follow the order in which headers were looked at
    same = [t.drop(columns="unit").sort_values(order, ignore_index=True) for t in (ours, calm)]
    left = [*out.glob("parts/*/.*"), *out.glob(".*")]
    named = _NAMING.findall((work / "log.txt").read_text())
    say(
        f"{ours['unit'].nunique()} of {studies} studies there, {twice} rows twice, "
        f"{(ours['record'] == 'error').sum()} failures, {count(out)} parts, "
        f"{len(left)} unfinished files, rows equal to the calm run's: {same[0].equals(same[1])}, "
        f"{len(named)} names in the logs"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
