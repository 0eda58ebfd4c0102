"""kill -9 while readings are saved: is everything there that was acknowledged, and as it was said?

Each round starts one or two processes that save readings and drawings and tell of every one that
was acknowledged, kills them at a moment that chance picks, opens the file as the program does and
looks for all. It proves what a process's death does, not what a power cut does.
"""

import json
import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from fault_rows import Row, Say

from engine.domain import Annotation, AnnotationKind
from engine.errors import StorageFailed
from engine.records.store import ReadingStore
from engine.records.verification import verify
from tests.engine.test_readings import assessment  # before the children are forked, which is fast

_FULL = 1000  # kills where 100,000 mutants are asked for
_ROUNDS = 40  # on one file, then a new one is begun
_DRAWN_ON = "1.2.kills"
_DELAYS = (0.002, 0.02, 0.1, 0.2, 0.3)  # seconds, each half as much to half more


@dataclass
class _Told:
    """What the children said was stored."""

    readings: dict[int, str] = field(default_factory=dict)  #: comment by record id
    drawings: set[str] = field(default_factory=set)
    early: int = 0  #: children that were killed before they had saved anything


def measure(count: int, seed: int, folder: Path, say: Say) -> list[Row]:
    kills = max(2, _FULL * count // 100_000)
    rng = random.Random(f"{seed}/kills")
    done = crashed = wrong = lost = readings = drawings = early = 0
    while done < kills:
        path = folder / str(done) / "readings.sqlite"
        told = _Told()
        for _ in range(min(_ROUNDS, kills - done)):
            writers = 1 if done % 3 or done + 2 > kills else 2
            _round(path, [f"{done}.{n}" for n in range(writers)], rng, told)
            done += writers
            try:
                with ReadingStore(path) as store:
                    stored = {one.record_id: one.comment for one in store.all()}
                    drawn = {mark.annotation_id for mark in store.annotations(_DRAWN_ON)}
            except StorageFailed as error:
                say(f"kills: {error}")
                crashed += 1
                continue
            lost += len(told.readings.keys() - stored.keys()) + len(told.drawings - drawn)
            wrong += sum(stored.get(n, text) != text for n, text in told.readings.items())
            if done >= kills:
                break
        wrong += not verify(path).is_sound
        readings, drawings = readings + len(told.readings), drawings + len(told.drawings)
        early += told.early
        say(f"kills: {done}, {readings} readings acknowledged")
    said = f"{readings:,} readings and {drawings:,} drawings acknowledged"
    said += f"; {early} kills before a first save"
    return [Row("kills of a process that saves", kills, crashed, wrong, lost=lost, remark=said)]


def _round(path: Path, tags: list[str], rng: random.Random, told: _Told) -> None:
    children = [_start(path, tag) for tag in tags]
    time.sleep(rng.choice(_DELAYS) * (0.5 + rng.random()))
    for process_id, _ in children:
        os.kill(process_id, signal.SIGKILL)
    for process_id, reader in children:
        os.waitpid(process_id, 0)
        with os.fdopen(reader, "rb") as pipe:
            lines = pipe.read().decode().split("\n")[:-1]  # the last may be cut
        told.early += not lines
        for line in lines:
            number, text = json.loads(line)
            if number is None:
                told.drawings.add(text)
            else:
                told.readings[number] = text


def _start(path: Path, tag: str) -> tuple[int, int]:
    """(process id, what it tells) of a child that saves until it is killed."""
    reader, writer = os.pipe()
    process_id = os.fork()
    if process_id == 0:
        try:
            os.close(reader)
            _save(path, tag, writer)
        finally:
            os._exit(3)
    os.close(writer)
    return process_id, reader


def _save(path: Path, tag: str, writer: int) -> None:
    def tell(number: int | None, text: str) -> None:
        os.write(writer, (json.dumps([number, text]) + "\n").encode())

    corners = ((0.0, 0.0), (1.0, 1.0))
    kind = next(iter(AnnotationKind))
    store = ReadingStore(path, lock_timeout_s=10)
    last, number = None, 0
    while True:
        comment = f"{tag}-{number}-" + "x" * (number * 37 % 3000)
        reading = assessment(comment=comment, study_uid=f"1.2.{tag}", supersedes=last)
        done = store.record(reading, {"1.2.3.1": Path(f"/a/{number}.dcm")})
        last = done.record_id
        tell(last, comment)
        if number % 3 == 0:
            mark = f"{tag}-{number}"
            words = (_DRAWN_ON, "1.2.3.1", "A-17", "reader")
            store.annotate([Annotation(mark, *words, kind, corners, "text", "mm")])
            tell(None, mark)
        number += 1
