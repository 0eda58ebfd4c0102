"""Asking the engine: which study goes to which network next, and what came back.

At most one study is with the engine at a time: what comes next is chosen when it falls free, so
the open study goes first, and pausing, cancelling and changing the model act at once. Every answer
carries its study, its model and the catalogue it belongs to; one that nobody waits for any more is
dropped. Nothing here knows what a reader may see: that is `readings`' and the session's.

What a reader asks about a spot does not queue with the studies: it is handed over at once and goes
before whatever waits in the engine process. A study that is being judged is not broken off for it;
so for some seconds after a spot no study of the queue is begun.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from engine.domain import (
    MammogramView,
    ModelIdentity,
    Prediction,
    RegionJudgement,
    Study,
    StudyPrediction,
)
from engine.errors import FILE_CHANGED, EngineError, EngineStopped, UnreadableFile, error_trace
from engine.networks.process import EngineProcess, EngineSettings
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import (
    OTHER_MODEL,
    EngineState,
    EngineStatus,
    RegionAnswer,
    RunState,
    StudyProgress,
    StudyState,
    StudyStatus,
    program_fault,
)

log = logging.getLogger(__name__)

SPOT_PAUSE_MS = 10_000  # after a spot was asked about the next one should not wait for a study
HEAT_CACHE_BYTES = 256 << 20  # some hundred four-view studies of 512 x 320 float32

AnswerKey = tuple[str, str]  #: study uid, model name


class Engine(Protocol):
    """What is asked of `engine.networks.process.EngineProcess`."""

    def warm_up(self, model_name: str) -> "Future[ModelIdentity]": ...
    def predict(
        self,
        study: Study,
        model_name: str,
        heatmaps: bool = False,
        *,
        on_view: Callable[[int, int], None] | None = None,
    ) -> "Future[StudyPrediction]": ...
    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> "Future[RegionJudgement]": ...
    def restart(self) -> None: ...
    def stop(self) -> None: ...


def start_engine(log_file: Path | None) -> Engine:
    """The real engine process; it logs to the file, which grows by its warnings only."""
    return EngineProcess(EngineSettings(log_file=log_file))


class Inference(QObject):
    """Lives on the window's thread. `close` must be called; it ends the engine process."""

    # A study's uid: the current model has answered
    answered = Signal(str)
    # A study's uid: what `status` says of it and the current model has changed
    status_changed = Signal(str)
    # Studies that the current model is done with, studies in all
    progress_changed = Signal(int, int)
    # EngineStatus of the current model
    engine_changed = Signal(object)
    # RunState
    run_changed = Signal(object)
    # An EngineError: the current model cannot be started
    fault_occurred = Signal(object)
    # A Path: the engine found that the file is no longer what was listed
    file_changed = Signal(object)
    # A rectangle's mark and its RegionAnswer, with a prediction or a failure
    region_answered = Signal(str, object)
    # An EngineError: the engine died or hung, and has been started again
    restarted = Signal(object)
    # It was seen to that the engine has work; also what the other model says may have changed
    worked = Signal()

    def __init__(
        self,
        engine: Engine,
        delivery: Delivery,
        model_name: str,
        heat_cache_bytes: int = HEAT_CACHE_BYTES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._delivery = delivery
        self._is_closed = False
        self._is_awake = False
        self._model_name = model_name
        self._asks_both = False
        self._engines: dict[str, EngineStatus] = {}  # per model that was asked for
        self._run_state = RunState.RUNNING
        self._generation = 0  # the number of the catalogue
        self._studies: Mapping[str, Study] = {}
        self._current: Study | None = None
        self._asked: AnswerKey | None = None  # now with the engine
        self._pace = _Pace()
        self._regions: dict[str, Future[RegionJudgement]] = {}  # with the engine, by mark
        self._spot_pause = QTimer(self)
        self._spot_pause.setSingleShot(True)
        self._spot_pause.timeout.connect(self.work)
        self._predictions: dict[AnswerKey, StudyPrediction] = {}
        self._failures: dict[AnswerKey, EngineError] = {}
        self._tried_again: set[AnswerKey] = set()  # after the engine had stopped at them
        self._heat_bytes: OrderedDict[AnswerKey, int] = OrderedDict()
        self._without_heat: set[AnswerKey] = set()  # their maps made room for others
        self._heat_cache_bytes = heat_cache_bytes
        if isinstance(engine, EngineProcess):
            engine.on_restart = lambda error: delivery.deliver(lambda: self.restarted.emit(error))

    # -------------------------------------------------------------------------- what it knows

    @property
    def is_awake(self) -> bool:
        return self._is_awake

    @property
    def model_name(self) -> str:
        return self._model_name

    @property
    def other_model_name(self) -> str | None:
        """Who gives a second opinion on the current model; None where that is both already."""
        return OTHER_MODEL.get(self._model_name)

    @property
    def asks_both(self) -> bool:
        """Whether the other model is asked about the open study too."""
        return self._asks_both

    @property
    def run_state(self) -> RunState:
        return self._run_state

    @property
    def progress(self) -> tuple[int, int]:
        """Studies that the current model is done with, and studies in all."""
        keys = [(uid, self._model_name) for uid in self._studies]
        done = sum(key in self._predictions or key in self._failures for key in keys)
        return done, len(keys)

    def engine_status(self, model_name: str) -> EngineStatus:
        return self._engines.get(model_name, EngineStatus(EngineState.ASLEEP, model_name))

    def prediction(self, study_uid: str, model_name: str) -> StudyPrediction | None:
        return self._predictions.get((study_uid, model_name))

    def status(self, study_uid: str, model_name: str) -> StudyStatus:
        key = (study_uid, model_name)
        prediction = self._predictions.get(key)
        if prediction is not None:
            has_answer = any(isinstance(v.prediction, Prediction) for v in prediction.views)
            return StudyStatus(StudyState.DONE if has_answer else StudyState.OUT_OF_SCOPE)
        if self._asked == key:
            return StudyStatus(StudyState.RUNNING, progress=self._pace.progress)
        if key in self._failures:
            return StudyStatus(StudyState.FAILED, self._failures[key])
        is_wanted = self._is_current(study_uid) or self._run_state is not RunState.CANCELLED
        can_run = self.engine_status(model_name).state is not EngineState.FAILED
        return StudyStatus(StudyState.QUEUED if is_wanted and can_run else StudyState.IDLE)

    def _is_current(self, study_uid: str) -> bool:
        return self._current is not None and self._current.uid == study_uid

    # --------------------------------------------------------------------- what it is to do

    def open(self, studies: Mapping[str, Study], kept: Collection[str] = ()) -> None:
        """Another catalogue, by study uid; `work` begins with it.

        What was said of the studies in `kept` is kept: they are as they were, to the file.
        """
        self._generation += 1
        self._studies = studies
        self._current = None
        self.drop_regions()
        self._spot_pause.stop()
        for answers in (self._predictions, self._heat_bytes):
            for key in [key for key in answers if key[0] not in kept]:
                del answers[key]
        self._failures.clear()
        self._tried_again.clear()
        self._without_heat = {key for key in self._without_heat if key[0] in kept}
        self._run_state = RunState.RUNNING

    def grow(self, studies: Mapping[str, Study]) -> None:
        """More studies of the same catalogue; those that it had are as they were."""
        self._studies = studies
        self.tell_progress()
        self.work()

    def select(self, study: Study | None) -> None:
        """The study goes first from now on; nobody waits for a spot on another any more."""
        self._current = study
        self.drop_regions()
        self._spot_pause.stop()

    def forgive(self, study_uid: str) -> None:
        """What failed of the study is tried once more."""
        self._failures.pop((study_uid, self.other_model_name), None)
        if self._failures.pop((study_uid, self._model_name), None) is not None:
            self.tell_progress()

    def wake(self) -> None:
        """Starts the engine, which takes some seconds of the processor."""
        if self._is_awake or self._is_closed:
            return
        self._is_awake = True
        self.work()

    def set_model(self, model_name: str) -> None:
        """Asks another network from the next `work` on; what the earlier one said is kept."""
        self._model_name = model_name
        self._forgive_engine(model_name)

    def set_asks_both(self, asks_both: bool) -> None:
        """From now on asks the other model about the open study too, or no longer."""
        if asks_both == self._asks_both:
            return
        self._asks_both = asks_both
        self._forgive_engine(self.other_model_name)
        self.work()

    def retry_engine(self) -> None:
        """Tries once more to start the current model."""
        self._forgive_engine(self._model_name)
        self.tell_all_statuses()
        self.work()

    def restart_engine(self) -> None:
        """Ends the engine, whatever it does, and starts it again, also at what it gave up."""
        self._tried_again.clear()
        self._try_again()
        self._engine.restart()
        self.retry_engine()

    def _try_again(self) -> None:
        """What the engine stopped at, once for each study: it works again."""
        stopped = [key for key, why in self._failures.items() if isinstance(why, EngineStopped)]
        for key in stopped:
            if key not in self._tried_again:
                self._tried_again.add(key)
                del self._failures[key]
                self._tell_status(key[0])

    def _forgive_engine(self, model_name: str | None) -> None:
        """Lets a model that could not be started be tried again."""
        if model_name is not None and self.engine_status(model_name).state is EngineState.FAILED:
            del self._engines[model_name]

    def set_run_state(self, state: RunState) -> None:
        if state is self._run_state:
            return
        self._run_state = state
        self.run_changed.emit(state)
        self.tell_all_statuses()
        self.work()

    def tell_progress(self) -> None:
        self.progress_changed.emit(*self.progress)

    def tell_all_statuses(self) -> None:
        for uid in self._studies:
            self.status_changed.emit(uid)
        self.tell_progress()

    def close(self) -> None:
        self._is_closed = True
        self._spot_pause.stop()
        self._engine.stop()

    # ------------------------------------------------------------------------------- asking

    def work(self) -> None:
        """Gives the engine what is most wanted now, if it is free."""
        if self._is_closed:
            return
        self._ask_engine()
        self.worked.emit()

    def _ask_engine(self) -> None:
        """The current model about the open study, then the other about it, then the queue."""
        if not self._is_awake or self._asked is not None:
            return
        engine = self.engine_status(self._model_name)
        if engine.state is EngineState.ASLEEP:
            self._start_model(self._model_name)
        if engine.state in (EngineState.ASLEEP, EngineState.STARTING):
            return
        is_ready = engine.state is EngineState.READY
        if is_ready and self._is_open_study_to_be_asked():
            self._ask(self._current, self._model_name)
        elif self._is_other_to_be_asked():
            self._ask_other(self._current)
        elif is_ready and (study := self._next_in_queue()) is not None:
            self._ask(study, self._model_name)

    def _ask(self, study: Study, model_name: str) -> None:
        generation, key = self._generation, (study.uid, model_name)
        self._asked = key
        self._pace.begin(model_name)
        self._tell_status(study.uid)

        def on_view(done: int, total: int) -> None:  # on a thread of the engine's
            self._delivery.deliver(lambda: self._on_view(generation, key, done, total))

        future = self._engine.predict(study, model_name, heatmaps=True, on_view=on_view)
        self._delivery.when_done(future, lambda done: self._on_answered(generation, key, done))

    def _ask_other(self, study: Study) -> None:
        """While it starts, the queue waits: no more than one thing is ahead of the next study."""
        engine = self.engine_status(self.other_model_name)
        if engine.state is EngineState.ASLEEP:
            self._start_model(engine.model_name)
        elif engine.state is EngineState.READY:
            self._ask(study, engine.model_name)

    def _is_open_study_to_be_asked(self) -> bool:
        """Also once more for its heat-maps, where they had made room for others."""
        if self._current is None:
            return False
        key = (self._current.uid, self._model_name)
        return self._is_to_be_asked(key) or key in self._without_heat

    def _is_other_to_be_asked(self) -> bool:
        if not self._asks_both or self._current is None or self.other_model_name is None:
            return False
        can_run = self.engine_status(self.other_model_name).state is not EngineState.FAILED
        return can_run and self._is_to_be_asked((self._current.uid, self.other_model_name))

    def _next_in_queue(self) -> Study | None:
        """In the catalogue's order; none while it is paused or cancelled, or just after a spot."""
        is_at_spots = self._regions or self._spot_pause.isActive()
        if self._run_state is not RunState.RUNNING or is_at_spots:
            return None
        studies = self._studies.values()
        return next((s for s in studies if self._is_to_be_asked((s.uid, self._model_name))), None)

    def _is_to_be_asked(self, key: AnswerKey) -> bool:
        return key not in self._failures and key not in self._predictions

    def _start_model(self, name: str) -> None:
        self._set_engine_status(EngineStatus(EngineState.STARTING, name))
        future = self._engine.warm_up(name)
        self._delivery.when_done(future, lambda done: self._on_started(name, done))

    # -------------------------------------------------------------------------------- regions

    def ask_region(self, drawing: str, view: MammogramView, box: tuple[int, int, int, int]) -> None:
        """About a rectangle of the open study, in the place of what was asked for the same drawing;
        `region_answered` follows.
        """
        self.drop_region(drawing)
        if self._is_closed:
            return
        future = self._regions[drawing] = self._engine.predict_region(view, box)
        asked = RegionAnswer(view.image_uid, box)
        self._delivery.when_done(
            future, lambda done: self._on_region_answered(drawing, asked, done)
        )

    def drop_region(self, drawing: str) -> None:
        """Nobody waits for that answer any more."""
        if (future := self._regions.pop(drawing, None)) is not None:
            future.cancel()
            self._spot_pause.start(SPOT_PAUSE_MS)

    def drop_regions(self) -> None:
        for drawing in list(self._regions):
            self.drop_region(drawing)

    def _on_region_answered(
        self, drawing: str, asked: RegionAnswer, future: "Future[RegionJudgement]"
    ) -> None:
        if self._regions.get(drawing) is not future:
            return  # dropped, though it came all the same
        del self._regions[drawing]
        self._spot_pause.start(SPOT_PAUSE_MS)
        if future.cancelled():  # by an engine that stops
            return
        error, bug = future.exception(), None
        if error is None:
            said = future.result()
            if (said.image_uid, tuple(said.box)) != (asked.image_uid, asked.box):
                error = ValueError("the engine answered for another region")
        if error is None:
            answer = replace(asked, prediction=said)
        else:
            if not isinstance(error, EngineError):
                bug, error = error, program_fault(mark("This spot could not be judged"))
            answer = replace(asked, failure=error)
        self.region_answered.emit(drawing, answer)
        if bug is not None:
            raise bug  # to the log, as a bug of ours

    # ------------------------------------------------------------------------------ answers

    def _on_started(self, name: str, future: "Future[ModelIdentity]") -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            status = EngineStatus(EngineState.READY, name, identity=future.result())
        else:
            is_told = isinstance(error, EngineError)
            failure = error if is_told else program_fault(mark("The engine cannot start"))
            status = EngineStatus(EngineState.FAILED, name, failure=failure)
        self._set_engine_status(status)
        if status.failure is not None:
            self.tell_all_statuses()
            if name == self._model_name:
                self.fault_occurred.emit(status.failure)
        self.work()
        if error is not None and not isinstance(error, EngineError):
            self._report_bug(name, error)

    def _set_engine_status(self, status: EngineStatus) -> None:
        self._engines[status.model_name] = status
        if status.model_name == self._model_name:
            self.engine_changed.emit(status)

    def _on_view(self, generation: int, key: AnswerKey, done: int, total: int) -> None:
        if generation == self._generation and self._asked == key:
            self._pace.pass_view(done, total)
            self._tell_status(key[0])

    def _on_answered(
        self, generation: int, key: AnswerKey, future: "Future[StudyPrediction]"
    ) -> None:
        self._asked = None
        bug: BaseException | None = None
        if generation == self._generation and not future.cancelled():
            error = future.exception()
            if error is None and not _is_answer_to(key, future.result()):
                error = ValueError("the engine answered for another study or model")
            if error is None:
                self._keep_answer(key, future.result())
                self._try_again()
                self._tell_of_change(future.result())
            else:
                if not isinstance(error, EngineError):
                    bug, error = error, program_fault(mark("This study could not be judged"))
                self._keep_failure(key, error)
        self.work()
        if bug is not None:
            self._report_bug(key[1], bug)

    def _report_bug(self, model_name: str, bug: BaseException) -> None:
        """The other model's is not to interrupt the reading; its line says that it failed."""
        if model_name == self._model_name:
            raise bug  # to the log, as a bug of ours
        log.error("The model that was not chosen failed: %s", error_trace(bug))

    def _keep_answer(self, key: AnswerKey, prediction: StudyPrediction) -> None:
        study_uid, model_name = key
        if prediction.failures and not prediction.views:
            failed = prediction.failures[0]
            self._keep_failure(key, UnreadableFile(failed.title, failed.advice))
            return
        self._predictions[key] = prediction
        self._failures.pop(key, None)
        self._without_heat.discard(key)
        self._heat_bytes[key] = sum(
            view.explanation.heat.nbytes for view in prediction.views if view.explanation
        )
        self._make_room_for_heat(key)
        if model_name == self._model_name:
            self.answered.emit(study_uid)
            self._tell_status(study_uid)
            self.tell_progress()

    def _tell_of_change(self, prediction: StudyPrediction) -> None:
        for failure in prediction.failures:
            if failure.title == FILE_CHANGED:
                self.file_changed.emit(failure.path)
                return

    def _make_room_for_heat(self, newest: AnswerKey) -> None:
        for key in list(self._heat_bytes):
            if sum(self._heat_bytes.values()) <= self._heat_cache_bytes:
                return
            if key == newest or self._is_current(key[0]):
                continue
            del self._heat_bytes[key]
            self._without_heat.add(key)
            prediction = self._predictions[key]
            views = tuple(replace(view, explanation=None) for view in prediction.views)
            self._predictions[key] = replace(prediction, views=views)

    def _keep_failure(self, key: AnswerKey, error: EngineError) -> None:
        if key in self._predictions:  # only its heat-maps were asked for again
            self._without_heat.discard(key)
        else:
            self._failures[key] = error
        if key[1] == self._model_name:
            self._tell_status(key[0])
            self.tell_progress()

    def _tell_status(self, study_uid: str) -> None:
        if study_uid in self._studies:
            self.status_changed.emit(study_uid)


class _Pace:
    """How far the engine is with a study, and how long the rest of it is likely to take."""

    _MEMORY = 0.7  #: of what a view took before, in what one is expected to take

    def __init__(self) -> None:
        self.progress: StudyProgress | None = None
        self._model_name = ""
        self._view_s: dict[str, float] = {}  # that a view takes, by model
        self._begun_s = 0.0

    def begin(self, model_name: str) -> None:
        self._model_name, self.progress = model_name, None

    def pass_view(self, done: int, total: int) -> None:
        """The view after those `done` is begun."""
        now = time.monotonic()
        if self.progress is not None and done == self.progress.view:
            took = now - self._begun_s
            known = self._view_s.get(self._model_name, took)
            self._view_s[self._model_name] = self._MEMORY * known + (1 - self._MEMORY) * took
        self._begun_s = now
        pace = self._view_s.get(self._model_name)
        left = None if pace is None else pace * (total - done)
        self.progress = StudyProgress(done + 1, total, left)


def _is_answer_to(key: AnswerKey, prediction: StudyPrediction) -> bool:
    return (prediction.study_uid, prediction.model.name) == key
