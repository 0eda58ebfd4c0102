"""The engine process, for real: it is spawned, killed in mid-work, and never left behind."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from engine.dicom import loading
from engine.dicom.loading import load
from engine.domain import MODEL_NAMES
from engine.errors import EngineStopped, IncompatibleCheckpoint, UnreadableFile
from engine.networks import process
from engine.networks.predictor import Predictor
from engine.networks.process import EngineProcess, EngineSettings, Worker
from tests import tiny_networks
from tests.phantom import write_study
from tests.tiny_networks import write_tiny_checkpoint

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120  # a child imports torch first, on a machine that may be busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("process")


@pytest.fixture(scope="module")
def settings(folder):
    checkpoints = {
        name: write_tiny_checkpoint(folder / f"{name}.safetensors", name)
        for name in ("light", "hybrid", "both")
    }
    return EngineSettings(checkpoints, threads=1, log_file=folder / "engine.log")


@pytest.fixture(scope="module")
def study(folder):
    (study,) = load([write_study(folder / "study")]).studies
    return study


@pytest.fixture(scope="module")
def engine(settings):
    engine = EngineProcess(settings)
    yield engine
    engine.stop()


def long_study(study, views: int = 400):
    """So many views that a test can act while they are being judged."""
    copies = [replace(study.views[n % 4], image_uid=f"1.2.{n}") for n in range(views)]
    return replace(study, uid="1.2.3.long", views=tuple(copies))


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # a container may have nobody to bury it


def wait_for(condition, seconds: float = PATIENCE_S):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


@contextmanager
def out_of_reach(path):
    """Whoever has not read the file by now has to do without it."""
    away = path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        away.rename(path)


def at_work(engine, study, views: int):
    """A long request, of which the child has judged something."""
    judged = []
    busy = engine.predict(
        long_study(study, views), "light", on_view=lambda *view: judged.append(view)
    )
    wait_for(lambda: len(judged) > 1)
    return busy


def probabilities(prediction) -> list:
    answers = [*prediction.views, *prediction.breasts]
    return [answer.prediction.probabilities for answer in answers]


def test_importing_the_window_side_imports_neither_torch_nor_a_codec():
    code = (
        "import sys, engine.networks.process; print({'torch', 'cv2', 'pydicom'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_the_child_answers_as_the_predictor_does_and_keeps_every_network(engine, settings, study):
    identities = [engine.warm_up(name).result(PATIENCE_S) for name in MODEL_NAMES]
    assert [identity.name for identity in identities] == list(MODEL_NAMES)
    assert engine.process_id != os.getpid()
    assert os.getpriority(os.PRIO_PROCESS, engine.process_id) > os.getpriority(os.PRIO_PROCESS, 0)
    for identity in identities:
        here = Predictor(settings.checkpoints[identity.name]).predict_study(study)
        with out_of_reach(settings.checkpoints[identity.name]):
            there = engine.predict(study, identity.name).result(PATIENCE_S)
        assert there.model == identity
        assert there.study_uid == study.uid
        for one, other in zip((here, *here.members), (there, *there.members), strict=True):
            for mine, its in zip(probabilities(one), probabilities(other), strict=True):
                assert its == pytest.approx(mine, rel=1e-4)
    assert engine.predict(study, "light", True).result(PATIENCE_S).views[0].explanation is not None


def test_what_the_world_did_wrong_arrives_as_itself_and_a_bug_with_its_traceback(
    engine, study, settings
):
    with pytest.raises(IncompatibleCheckpoint) as refusal:
        engine.predict(study, "no such network").result(PATIENCE_S)
    assert refusal.value.advice
    with pytest.raises(RuntimeError, match="predict_study"):
        engine.predict(None, "light").result(PATIENCE_S)
    assert "predict_study" in settings.log_file.read_text()
    with pytest.raises(Exception, match="pickle"):
        engine.predict(lambda: None, "light").result(PATIENCE_S)
    assert engine.predict(study, "light").result(PATIENCE_S).views  # and it lives on


def test_a_cancelled_request_is_not_worked_on_and_an_urgent_one_overtakes(engine, study):
    engine.warm_up("light").result(PATIENCE_S)
    order, wasted = [], []
    busy = engine.predict(long_study(study, 100), "light")
    futures = {
        "cancelled": engine.predict(
            long_study(study, 4000), "light", on_view=lambda *view: wasted.append(view)
        ),
        "worklist": engine.predict(study, "light"),
        "open": engine.predict(study, "light", urgent=True),
    }
    assert futures["cancelled"].cancel()
    for name, future in futures.items():
        future.add_done_callback(lambda _future, name=name: order.append(name))
    assert futures["worklist"].result(PATIENCE_S)
    assert order == ["cancelled", "open", "worklist"]
    assert busy.done()
    assert wasted == []
    with pytest.raises(CancelledError):
        futures["cancelled"].result()


def test_a_request_being_worked_on_can_be_dropped(engine, study):
    engine.warm_up("light").result(PATIENCE_S)
    assert at_work(engine, study, 50).cancel()
    answer = engine.predict(study, "light").result(PATIENCE_S)
    assert answer.study_uid == study.uid  # not the dropped one's


def test_killed_in_mid_work_it_starts_again_and_the_answer_is_right(engine, study, caplog):
    expected = engine.predict(study, "light").result(PATIENCE_S)
    first_id = engine.process_id
    struck = at_work(engine, study, 400)
    following = engine.predict(study, "light")
    assert not struck.done()
    os.kill(first_id, signal.SIGKILL)
    assert len(struck.result(PATIENCE_S).views) == 400
    assert probabilities(following.result(PATIENCE_S)) == probabilities(expected)
    assert engine.process_id not in (None, first_id)
    assert not is_running(first_id)
    assert "died" in caplog.text


def test_a_request_that_kills_every_child_fails_and_the_next_goes_on(engine, study, caplog):
    engine.warm_up("light").result(PATIENCE_S)
    idle_id = engine.process_id
    os.kill(idle_id, signal.SIGKILL)  # while idle: that is no request's fault
    wait_for(lambda: engine.process_id is None)
    deadly = engine.predict(study, "light")
    following = engine.predict(study, "light")
    killed = set()
    while not deadly.done():
        process_id = engine.process_id
        if process_id is not None and process_id not in killed:
            killed.add(process_id)
            os.kill(process_id, signal.SIGKILL)
        time.sleep(0.001)
    assert len(killed) == 2
    assert idle_id not in killed
    with pytest.raises(EngineStopped) as error:
        deadly.result()
    assert error.value.title
    assert error.value.advice
    assert len(following.result(PATIENCE_S).views) == 4
    assert len(caplog.records) == 2


def test_stopping_leaves_no_process_and_no_request_unanswered(settings, study):
    engine = EngineProcess(settings)
    futures = [engine.predict(long_study(study, 4000), "light") for _ in range(2)]
    process_id = wait_for(lambda: engine.process_id)
    start = time.monotonic()
    engine.stop()
    assert time.monotonic() - start < 10  # of an hour of work
    assert not is_running(process_id)
    assert engine.process_id is None
    assert all(future.cancelled() for future in futures)
    assert engine.predict(study, "light").cancelled()
    engine.stop()  # twice is as good as once


def test_the_child_does_not_outlive_a_parent_that_is_killed(tmp_path, settings, study):
    (tmp_path / "work").write_bytes(pickle.dumps((settings, long_study(study, 4000))))
    script = tmp_path / "parent.py"
    script.write_text(
        "import pickle, sys, time\n"
        "from engine.networks.process import EngineProcess\n"
        "if __name__ == '__main__':\n"
        "    settings, study = pickle.load(open(sys.argv[1], 'rb'))\n"
        "    engine = EngineProcess(settings)\n"
        "    engine.predict(study, 'light')\n"
        "    while engine.process_id is None: time.sleep(0.01)\n"
        "    print(engine.process_id, flush=True)\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, script, tmp_path / "work"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    child_id = int(parent.stdout.readline())
    try:
        time.sleep(1)  # it has work for a minute now
        assert is_running(child_id)
        parent.kill()
        wait_for(lambda: not is_running(child_id))
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no such signal on Windows")
def test_a_stopped_engine_is_noticed_said_ended_and_restarted_and_answers(
    engine, study, caplog, monkeypatch
):
    said = []
    expected = engine.predict(study, "light").result(PATIENCE_S)
    engine.on_restart = said.append
    first_id = engine.process_id
    monkeypatch.setattr(process, "SILENCE_S", 5.0)
    struck = at_work(engine, study, 100)
    os.kill(first_id, signal.SIGSTOP)
    assert wait_for(lambda: said)[0].title == "The engine did not respond"
    monkeypatch.undo()  # the next child has to import torch, on a machine that may be busy
    assert len(struck.result(4 * PATIENCE_S).views) == 100
    assert probabilities(engine.predict(study, "light").result(PATIENCE_S)) == probabilities(
        expected
    )
    assert not is_running(first_id)
    assert "hung" in caplog.text
    engine.on_restart = None


def test_a_reader_restarts_the_engine_and_the_request_goes_on(engine, study, caplog):
    engine.warm_up("light").result(PATIENCE_S)
    first_id = engine.process_id
    struck = at_work(engine, study, 100)
    engine.restart()
    assert len(struck.result(4 * PATIENCE_S).views) == 100
    assert engine.process_id not in (None, first_id)
    assert "died" in caplog.text


@pytest.mark.parametrize(
    ("beats", "patience"),
    [
        ([None] * 40, "SILENCE_S"),  # a stopped process
        ([5.0] * 40, "IDLENESS_S"),  # it lives, and uses no processor
        ([2.0 * n for n in range(99)], "LONGEST_S"),  # it works for ever
    ],
)
def test_silence_idleness_and_endless_work_are_a_hang_and_work_is_none(
    monkeypatch, beats, patience
):
    for name in ("SILENCE_S", "IDLENESS_S", "LONGEST_S"):
        monkeypatch.setattr(process, name, 30.0 if name == patience else 1e6)

    def tell(watchdog, beats):
        for processor_s in beats:
            if processor_s is None:
                watchdog.heard_nothing()
            else:
                watchdog.heard(processor_s)

    tell(process.Watchdog(process.SILENCE_S), beats[:25])
    with pytest.raises(process.Hung):
        tell(process.Watchdog(process.SILENCE_S), beats)
    working = [2.0 * n for n in range(25)]
    tell(process.Watchdog(process.SILENCE_S), [*working[:12], *[None] * 5, *working[12:20]])


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 12 bytes")]
)
def test_want_of_memory_is_said_as_such(study, settings, error, monkeypatch):
    from engine.networks import predictor as predictors

    asked = Predictor(settings.checkpoints["light"], "light")

    def fail(*_arguments):
        raise error

    monkeypatch.setattr(predictors, "load_pixels", fail)
    prediction = asked.predict_study(study)
    assert {failure.title for failure in prediction.failures} == {"Not enough memory"}
    ours, theirs = multiprocessing.Pipe()
    monkeypatch.setattr(process.Worker, "predict", fail)
    thread = threading.Thread(target=process.serve_requests, args=(theirs, settings))
    thread.start()
    ours.send((7, "predict", (study, "light", False)))
    _, number, (is_answer, told) = ours.recv()
    assert number == 7
    ours.close()
    thread.join()
    assert not is_answer
    assert told.title == "Not enough memory"


# ------------------------------------------------------------------- what is asked about a spot

BOX = (60, 60, 90, 90)


class NotingPredictor:
    """In the place of the region network: notes what it is given."""

    made = 0

    def __init__(self, checkpoint_path=None):
        NotingPredictor.made += 1
        self.given = []

    def predict(self, view, pixels, box):
        self.given.append((view.image_uid, pixels, box))
        return self


def test_a_second_spot_of_a_view_neither_decodes_it_again_nor_loads_the_network_again(
    study, settings, monkeypatch
):
    stand_in = types.ModuleType("engine.networks.region")
    stand_in.RegionPredictor = NotingPredictor
    monkeypatch.setitem(sys.modules, "engine.networks.region", stand_in)
    monkeypatch.setattr(NotingPredictor, "made", 0)
    decoded, load_pixels = [], loading.load_pixels

    def noting(view):
        decoded.append(view.image_uid)
        return load_pixels(view)

    monkeypatch.setattr(loading, "load_pixels", noting)
    worker, (one, other, *_) = Worker(settings), study.views
    for view, box in ((one, BOX), (one, (0, 0, 9, 9)), (other, BOX), (one, BOX)):
        predictor = worker.predict_region(view, box)
    assert decoded == [one.image_uid, other.image_uid, one.image_uid]
    assert NotingPredictor.made == 1
    assert [(uid, box) for uid, _, box in predictor.given] == [
        (one.image_uid, BOX),
        (one.image_uid, (0, 0, 9, 9)),
        (other.image_uid, BOX),
        (one.image_uid, BOX),
    ]
    assert predictor.given[0][1] is predictor.given[1][1]
    assert predictor.given[0][1].shape == (one.rows, one.columns)


@pytest.fixture(scope="module")
def spot_engine(folder, settings):
    path = tiny_networks.write_tiny_region_checkpoint(folder / "region.safetensors")
    checkpoints = {**settings.checkpoints, "region": path}
    engine = EngineProcess(replace(settings, checkpoints=checkpoints))
    yield engine
    engine.stop()


def test_a_spot_does_not_wait_for_the_study_that_is_being_judged(spot_engine, study):
    spot_engine.warm_up("light").result(PATIENCE_S)
    views: list[tuple] = []
    busy = spot_engine.predict(long_study(study, 400), "light", on_view=lambda *v: views.append(v))
    wait_for(lambda: len(views) > 3)
    spot = spot_engine.predict_region(study.views[0], BOX).result(PATIENCE_S)
    assert spot.model.name == "region"
    assert not busy.done()
    assert [view[:2] for view in views] == [(n, 400) for n in range(len(views))]
    second = spot_engine.predict_region(study.views[1], BOX)
    assert second.result(PATIENCE_S).image_uid == study.views[1].image_uid
    assert not busy.done()
    assert busy.cancel()


def test_a_spot_is_answered_while_a_view_is_being_judged(study, monkeypatch):
    """Not even the view that the engine is at is waited for: here it never ends."""
    ours, theirs = multiprocessing.Pipe()
    at_work, may_end = threading.Event(), threading.Event()

    def judge(_worker, study, model_name, heatmaps, on_view):
        at_work.set()
        assert may_end.wait(PATIENCE_S)
        return "judged"

    monkeypatch.setattr(process.Worker, "predict", judge)
    monkeypatch.setattr(process.Worker, "predict_region", lambda *_: "a spot")
    thread = threading.Thread(
        target=process.serve_requests, args=(theirs, EngineSettings(threads=1))
    )
    thread.start()
    ours.send((1, "predict", (study, "light", True)))
    assert at_work.wait(PATIENCE_S)
    ours.send((2, "predict_region", (study.views[0], BOX)))
    answers = []
    while len(answers) < 2:
        _, number, value = ours.recv()
        if isinstance(value, tuple):
            answers.append((number, value))
            may_end.set()
    ours.close()
    thread.join()
    assert answers == [(2, (True, "a spot")), (1, (True, "judged"))]


def test_killed_with_a_study_and_a_spot_at_once_both_are_answered(spot_engine, study, caplog):
    spot_engine.warm_up("light").result(PATIENCE_S)
    views: list[tuple] = []
    busy = spot_engine.predict(long_study(study, 60), "light", on_view=lambda *v: views.append(v))
    wait_for(lambda: views)
    first_id = spot_engine.process_id
    os.kill(first_id, signal.SIGSTOP)  # so that the spot is with it when it dies
    spots = [spot_engine.predict_region(study.views[n], BOX) for n in range(3)]
    time.sleep(0.2)
    os.kill(first_id, signal.SIGKILL)
    assert [spot.result(PATIENCE_S).image_uid for spot in spots] == [
        view.image_uid for view in study.views[:3]
    ]
    assert len(busy.result(PATIENCE_S).views) == 60
    assert views.count((0, 60, None)) == 2  # it was begun anew
    assert "died" in caplog.text


def test_a_spot_is_answered_before_the_studies_that_wait(spot_engine, study):
    engine, order = spot_engine, []
    engine.warm_up("light").result(PATIENCE_S)
    busy = engine.predict(long_study(study, 50), "light")
    waiting = engine.predict(study, "light")
    spot = engine.predict_region(study.views[0], BOX)
    for name, future in {"worklist": waiting, "spot": spot}.items():
        future.add_done_callback(lambda _future, name=name: order.append(name))
    assert waiting.result(PATIENCE_S)
    assert order == ["spot", "worklist"]
    assert busy.done()
    answer = spot.result()
    assert (answer.image_uid, answer.box) == (study.views[0].image_uid, BOX)
    assert answer.model.name == "region"


def test_a_second_spot_on_the_view_is_answered_from_what_is_in_memory(spot_engine, folder, study):
    view = study.views[0]
    spot_engine.predict_region(view, BOX).result(PATIENCE_S)
    with out_of_reach(folder / "region.safetensors"), out_of_reach(view.path):
        second = spot_engine.predict_region(view, (62, 62, 92, 92)).result(PATIENCE_S)
    assert second.box == (62, 62, 92, 92)


def test_killed_over_a_spot_it_starts_again_and_the_spot_is_answered(spot_engine, study, caplog):
    expected = spot_engine.predict_region(study.views[0], BOX).result(PATIENCE_S)
    first_id = spot_engine.process_id
    busy = spot_engine.predict(long_study(study, 100), "light")
    struck = spot_engine.predict_region(study.views[0], BOX)
    assert busy.cancel()
    os.kill(first_id, signal.SIGKILL)
    assert struck.result(PATIENCE_S).probabilities == expected.probabilities
    assert spot_engine.process_id not in (None, first_id)
    assert "died" in caplog.text


def test_an_image_that_is_gone_is_told_in_its_own_words(spot_engine, study):
    gone = replace(study.views[0], path=Path("/nowhere/R.dcm"), image_uid="1.2.9")
    with pytest.raises(UnreadableFile) as refusal:
        spot_engine.predict_region(gone, BOX).result(PATIENCE_S)
    assert refusal.value.advice
    assert spot_engine.predict_region(study.views[0], BOX).result(PATIENCE_S)
