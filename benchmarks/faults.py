"""What the program does when the world is against it: one table of faults, how many, and what came.

    PYTHONPATH=. QT_QPA_PLATFORM=offscreen python benchmarks/faults.py [--only mutants,kills …]

Sections: `mutants` (files that were changed), `damage` (pixel data that were damaged, in every
transfer syntax), `kills` (of a process that saves readings), `stores` (readings files in a hostile
world), `engine` (the networks' process stopped, killed, starved) and `folder` (many studies).

Seeded: the same seed and count make the same faults. `--count` is the number of mutants; all else
is in proportion, as far as it can be. With `--resume STATE` what is done is kept in that file, and
a run that was interrupted goes on.
"""

import argparse
import json
import os
import queue
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import fault_damage
import fault_engine
import fault_folder
import fault_kills
import fault_stores
from fault_rows import Row, Say, table

# Of a hundred mutants; those that take longest to look at are worth most.
SHARES = {"DICOM": 42, "PNG": 12, "JPEG": 12, "TIFF": 10, "DICOMDIR": 10, "readings": 6}
SHARES |= {"settings": 4, "checkpoint": 4}
_SAID = {
    "DICOM": "DICOM images, mutated so that they hang or die",
    "DICOM headers": "DICOM images, headers mutated",
    "DICOM uncompressed pixels": "DICOM images, uncompressed pixels mutated",
    "DICOM compressed pixels": "DICOM images, compressed pixels mutated",
    "PNG": "PNG images, mutated",
    "JPEG": "JPEG images, mutated",
    "TIFF": "TIFF images, mutated",
    "DICOMDIR": "DICOMDIRs, mutated",
    "readings": "readings files, mutated",
    "settings": "settings files, mutated",
    "checkpoint": "checkpoints, mutated",
}
_CHUNK = 200  # mutants that are asked for at a time
_SILENCE_S = 60.0  # of a worker at one mutant: it hangs
_SLOW_S = 2.0
_START_S = 300.0  # until a worker has made its whole files


@dataclass
class State:
    """What has been done so far."""

    seed: int
    count: int
    tallies: dict[str, dict[str, int]] = field(default_factory=dict)  #: mutants by kind
    chunks: dict[str, list[int]] = field(default_factory=dict)  #: which of them are done
    bad: list[str] = field(default_factory=list)  #: mutants that were not handled well
    sections: dict[str, list[dict[str, object]]] = field(default_factory=dict)  #: rows of the rest


class _Kept:
    """A state in a file, or nowhere."""

    def __init__(self, path: Path | None, seed: int, count: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.state = State(seed, count)
        if path is not None and path.exists():
            self.state = State(**json.loads(path.read_text("utf-8")))
            if (self.state.seed, self.state.count) != (seed, count):
                raise SystemExit(f"{path} is of another seed or count")

    def keep(self, change: Callable[[State], None]) -> None:
        with self._lock:
            change(self.state)
            if self._path is not None:
                partial = self._path.with_name(self._path.name + ".partial")
                partial.write_text(json.dumps(asdict(self.state)), "utf-8")
                partial.replace(self._path)


# -------------------------------------------------------------------------------------- mutants


class _Worker:
    """One child; started anew after each mutant that it does not survive."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # libraries remark a lot
        self._pending = b""

    def ask(self, request: dict[str, object], first: int, count: int) -> list[list[object]]:
        """An answer for each mutant, in order."""
        answers: list[list[object]] = []
        while len(answers) < count:
            child = self._living()
            assert child.stdin is not None
            number = first + len(answers)
            asked = request | {"first": number, "count": count - len(answers)}
            child.stdin.write(json.dumps(asked).encode() + b"\n")
            child.stdin.flush()
            if self._line(_START_S) is None:
                raise RuntimeError(f"no whole {request['kind']}: {self._last_error()}")
            while len(answers) < count:
                line = self._line(_SILENCE_S)
                if line is None:
                    what = "hang" if child.poll() is None else "died"
                    answers.append([first + len(answers), what, _SILENCE_S, what, ""])
                    self.end()
                    break
                answers.append(json.loads(line))
        return answers

    def _living(self) -> "subprocess.Popen[bytes]":
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.end()
        here = Path(__file__).parent
        environment = os.environ | {"OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
        environment["PYTHONPATH"] = os.pathsep.join((str(here.parent), str(here)))
        self._child = subprocess.Popen(
            [sys.executable, str(here / "fault_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        self._pending = b""
        return self._child

    def _last_error(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode("utf-8", "replace")

    def _line(self, patience: float) -> bytes | None:
        assert self._child is not None
        assert self._child.stdout is not None
        until = time.monotonic() + patience
        while b"\n" not in self._pending:
            ready, _, _ = select.select(
                [self._child.stdout], [], [], max(0.0, until - time.monotonic())
            )
            more = os.read(self._child.stdout.fileno(), 2**16) if ready else b""
            if not more:
                return None
            self._pending += more
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                assert pipe is not None
                pipe.close()
            self._child = None


def run_mutants(kept: _Kept, jobs: int, keep: Path | None, say: Say) -> None:
    waiting: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
    chunks = []
    for kind, share in SHARES.items():
        count = kept.state.count * share // 100
        done = set(kept.state.chunks.get(kind, []))
        chunks += [
            (first / count, (kind, first, min(_CHUNK, count - first)))
            for first in range(0, count, _CHUNK)
            if first not in done
        ]
    for _, chunk in sorted(chunks):  # a run that is stopped has looked at all kinds
        waiting.put(chunk)
    with ThreadPoolExecutor(jobs) as threads:
        done = [threads.submit(_go_through, waiting, kept, keep, say) for _ in range(jobs)]
    for one in done:
        one.result()


def _go_through(
    waiting: "queue.SimpleQueue[tuple[str, int, int]]", kept: _Kept, keep: Path | None, say: Say
) -> None:
    worker = _Worker()
    try:
        while True:
            try:
                kind, first, count = waiting.get_nowait()
            except queue.Empty:
                return
            request = {"kind": kind, "seed": kept.state.seed, "keep": keep and str(keep)}
            answers = worker.ask(request, first, count)
            _enter(kept, kind, first, answers)
            say(f"{kind} {first + count}")
    finally:
        worker.end()


def _enter(kept: _Kept, kind: str, first: int, answers: list[list[object]]) -> None:
    tallies: dict[str, Counter[str]] = {}
    bad = []
    for number, outcome, seconds, said, area in answers:
        is_slow = float(str(seconds)) > _SLOW_S
        tally = tallies.setdefault(f"{kind} {area}".strip(), Counter())
        tally[str(outcome)] += 1
        tally["slow"] += is_slow
        if outcome == "wrong":
            tallies.setdefault(f"{kind}, wrong", Counter())[str(said)] += 1
        if is_slow or outcome in ("bug", "died", "hang"):
            bad.append(f"{kind} {number} {outcome} {seconds} s: {said}")

    def change(state: State) -> None:
        for name, tally in tallies.items():
            state.tallies[name] = dict(Counter(state.tallies.get(name, {})) + tally)
        state.chunks.setdefault(kind, []).append(first)
        state.bad += bad

    kept.keep(change)


def mutant_rows(state: State) -> list[Row]:
    rows = []
    for kind, words in _SAID.items():
        tally = Counter(state.tallies.get(kind, {}))
        tried = sum(number for what, number in tally.items() if what != "slow")
        if tried:
            crashed = tally["bug"] + tally["died"] + tally["hang"]
            rows.append(
                Row(words, tried, crashed, tally["wrong"], tally["refused"], tally["slow"], 0)
            )
    return rows


# ----------------------------------------------------------------------------------------- main

_SECTIONS: dict[str, Callable[[int, int, Path, Say], list[Row]]] = {
    "damage": fault_damage.measure,
    "kills": fault_kills.measure,
    "stores": fault_stores.measure,
    "engine": fault_engine.measure,
    "folder": fault_folder.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("mutants", *_SECTIONS)
    parser.add_argument("--only", default=",".join(names), help="of: %(default)s")
    parser.add_argument("--count", type=int, default=100_000, help="of mutants; all else follows")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", type=Path, metavar="STATE", help="a file; made where none is")
    parser.add_argument("--jobs", type=int, default=1, help="mutants that are looked at at a time")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="for mutants that went wrong")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",")
    if unknown := set(chosen) - set(names):
        parser.error(f"no such section: {', '.join(unknown)}")
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    kept = _Kept(arguments.resume, arguments.seed, arguments.count)
    for name in chosen:
        start = time.monotonic()
        if name == "mutants":
            run_mutants(kept, arguments.jobs, arguments.keep, _say)
        elif name not in kept.state.sections:
            with tempfile.TemporaryDirectory(prefix=f"faults-{name}-") as folder:
                rows = _SECTIONS[name](
                    arguments.count, arguments.seed, Path(folder).resolve(), _say
                )
            entry = {name: [asdict(row) for row in rows]}
            kept.keep(lambda state, entry=entry: state.sections.update(entry))
        _say(f"{name}: {time.monotonic() - start:.0f} s")
    rows = mutant_rows(kept.state)
    for name in _SECTIONS:
        rows += [Row(**row) for row in kept.state.sections.get(name, [])]  # type: ignore[arg-type]
    sys.stdout.write("\n".join(table(rows)) + "\n")
    for line in kept.state.bad:
        sys.stderr.write(f"not well: {line}\n")
    return 1 if any(row.crashed or row.lost for row in rows) else 0


def _say(progress: str) -> None:
    sys.stderr.write(f"{progress}\n")
    sys.stderr.flush()


if __name__ == "__main__":  # the engine's child imports this file anew
    sys.exit(main())
