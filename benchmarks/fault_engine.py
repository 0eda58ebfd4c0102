"""The networks' process is stopped, killed and starved while it works: said, and work goes on?

Networks of a few weights judge phantoms, so that nearly all the time goes into the faults; but a
shipped one where memory is short.
"""

import os
import resource
import signal
import time
from collections import Counter
from concurrent.futures import Future
from pathlib import Path

from fault_rows import Row, Say

from engine.dicom.loading import load
from engine.domain import Study, StudyPrediction
from engine.errors import EngineError, EngineStopped
from engine.networks import process
from engine.networks.process import EngineProcess, EngineSettings
from tests.phantom import write_study
from tests.tiny_networks import write_tiny_checkpoint

_FULL_KILLS, _FULL_STOPS, _FULL_LIMITS = 30, 4, 4  # where 100,000 mutants are asked for
_SAMPLE, _SAMPLE_SILENCE_S = 10_000, 5.0  # of fewer mutants the sample does not wait half a minute
_PATIENCE_S = 240.0
_STUDIES = 6


def measure(count: int, seed: int, folder: Path, say: Say) -> list[Row]:
    share = count / 100_000
    if count < _SAMPLE:
        process.SILENCE_S = _SAMPLE_SILENCE_S
    checkpoint = write_tiny_checkpoint(folder / "light.safetensors")
    for number in range(_STUDIES):
        write_study(folder / "s" / str(number), patient_id=f"A-{number}", rows=700, columns=500)
    studies = load([folder / "s"]).studies
    settings = EngineSettings({"light": checkpoint}, threads=1, log_file=folder / "engine.log")
    engine = EngineProcess(settings)
    try:
        expected = [_said(_ask(engine, study).result(_PATIENCE_S)) for study in studies]
        rows = [
            _row("engine killed at work", _kills(engine, studies, expected, share), say),
            _row("engine killed at every attempt", _murders(engine, studies, expected), say),
            _row("engine stopped (SIGSTOP)", _stops(engine, studies, expected, share), say),
        ]
    finally:
        engine.stop()
    rows.append(_row("engine with less address space", _limits(folder, share), say))
    rows.append(_row("networks that are none", _checkpoints(checkpoint, studies[0], folder), say))
    return rows


def _row(what: str, tally: Counter[str], say: Say) -> Row:
    say(f"engine: {what}: {dict(tally)}")
    tried = sum(number for outcome, number in tally.items() if outcome != "slow")
    return Row(
        what,
        tried,
        tally["crashed"],
        tally["wrong"],
        tally["refused"],
        tally["slow"],
        tally["lost"],
    )


def _ask(engine: EngineProcess, study: Study) -> "Future[StudyPrediction]":
    return engine.predict(study, "light")


def _said(prediction: StudyPrediction) -> object:
    return [(view.image_uid, repr(view.prediction)) for view in prediction.views]


def _working(engine: EngineProcess, delay_s: float) -> int:
    """The child's process id, once it runs and has been at work for so long."""
    until = time.monotonic() + _PATIENCE_S
    while (process_id := engine.process_id) is None and time.monotonic() < until:
        time.sleep(0.01)
    if process_id is None:  # 0 would be this process and all its kin
        raise TimeoutError
    time.sleep(delay_s)
    return process_id


def _outcome(future: "Future[StudyPrediction]", expected: object) -> str:
    try:
        prediction = future.result(_PATIENCE_S)
    except EngineError:
        return "refused"
    except TimeoutError:
        return "lost"
    except Exception:
        return "crashed"
    if prediction.failures:
        titles = {failure.title for failure in prediction.failures}
        return "crashed" if "Unexpected fault in this file" in titles else "refused"
    return "well" if _said(prediction) == expected else "wrong"


def _kills(
    engine: EngineProcess, studies: tuple[Study, ...], expected: list[object], share: float
) -> Counter[str]:
    """Once each: the request is tried again, and answered as if nothing had been."""
    tally: Counter[str] = Counter()
    for number in range(max(1, round(_FULL_KILLS * share))):
        which = number % len(studies)
        future = _ask(engine, studies[which])
        os.kill(_working(engine, 0.02 * (number % 5)), signal.SIGKILL)
        tally[_outcome(future, expected[which])] += 1
    return tally


def _murders(
    engine: EngineProcess, studies: tuple[Study, ...], expected: list[object]
) -> Counter[str]:
    """The request is given up with the reason, the next one answered."""
    future = _ask(engine, studies[0])
    last = 0
    while not future.done():
        process_id = engine.process_id
        if process_id not in (None, last):
            os.kill(process_id, signal.SIGKILL)
            last = process_id
        time.sleep(0.005)
    is_said = isinstance(future.exception(), EngineStopped)
    after = _outcome(_ask(engine, studies[1]), expected[1])
    return Counter(["refused" if is_said else "wrong", after])


def _stops(
    engine: EngineProcess, studies: tuple[Study, ...], expected: list[object], share: float
) -> Counter[str]:
    """Noticed within the stated time, said, ended, and the request answered."""
    tally: Counter[str] = Counter()
    heard: list[EngineError] = []
    engine.on_restart = heard.append
    for number in range(max(1, round(_FULL_STOPS * share))):
        heard.clear()
        future = _ask(engine, studies[number % len(studies)])
        os.kill(_working(engine, 0.1), signal.SIGSTOP)
        start = time.monotonic()
        while not heard and not future.done() and time.monotonic() - start < _PATIENCE_S:
            time.sleep(0.1)
        took = time.monotonic() - start
        outcome = _outcome(future, expected[number % len(studies)])
        is_told = bool(heard) and heard[0].title == "The engine did not respond"
        is_late = is_told and took > process.SILENCE_S + 10  # a shared machine's clock is loose
        tally["wrong" if is_late or not (is_told or outcome == "well") else outcome] += 1
    engine.on_restart = None
    return tally


def _limits(folder: Path, share: float) -> Counter[str]:
    """No more address space than a shipped network takes at work on a small study, and then
    a larger one: an answer as before, or the reason; and a small one is answered afterwards.
    """
    small = write_study(folder / "small", patient_id="S", rows=300, columns=200)
    large = write_study(folder / "large", patient_id="L", rows=3000, columns=2200)
    asked = (*load([large]).studies, *load([small]).studies)
    engine = EngineProcess(EngineSettings(threads=1))
    try:
        expected = [_said(_ask(engine, study).result(_PATIENCE_S)) for study in asked]
    finally:
        engine.stop()
    tally: Counter[str] = Counter()
    for _ in range(max(1, round(_FULL_LIMITS * share))):
        engine = EngineProcess(EngineSettings(threads=1))
        try:
            _ask(engine, asked[-1]).result(_PATIENCE_S)
            process_id = _working(engine, 0.0)
            pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[0])
            size = pages * resource.getpagesize()
            resource.prlimit(process_id, resource.RLIMIT_AS, (size, size))
            futures = [_ask(engine, study) for study in asked]
            tally.update(_outcome(f, e) for f, e in zip(futures, expected, strict=True))
        finally:
            engine.stop()
    return tally


def _checkpoints(good: Path, study: Study, folder: Path) -> Counter[str]:
    """Code, noise, nothing: refused, and nothing is run."""
    marker = folder / "executed"
    code = b"cos\nsystem\n(S'touch " + os.fsencode(marker) + b"'\ntR."
    data = good.read_bytes()
    cases = {
        "code": code,
        "noise": os.urandom(100_000),
        "empty": b"",
        "half": data[: len(data) // 2],
    }
    paths = {}
    for name, content in {**cases, "empty": b"", "missing": None}.items():
        paths[name] = folder / f"{name}.safetensors"
        if content is not None:
            paths[name].write_bytes(content)
    engine = EngineProcess(EngineSettings(paths, threads=1))
    try:
        tally = Counter(_outcome(engine.predict(study, name), None) for name in paths)
    finally:
        engine.stop()
    tally["wrong"] += marker.exists()
    return tally
