"""Requests to the engine: which study goes to which network next, and what came back.

At most one study is with the engine at a time: what comes next is chosen when it falls free, so
the open study goes first, and pausing, cancelling and changing the model act at once. Every
prediction carries its study, its model and the catalogue it belongs to; one that nobody waits for
any more is dropped. All else goes into `predictions`, which are the session's: nothing that a
reading mode hides can be had here.

What a reader asks about a spot does not queue with the studies: it is handed over at once and is
answered beside the study that the engine is at.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.domain import (
    MammogramView,
    ModelIdentity,
    RegionJudgement,
    Study,
    StudyPrediction,
)
from engine.errors import FILE_CHANGED, EngineError, EngineStopped, UnreadableFile, error_trace
from engine.networks.process import EngineProcess, EngineSettings, OnView
from viewer.display.regions import Box
from viewer.session.predictions import PredictionKey, Predictions
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import (
    OTHER_MODEL,
    EngineState,
    EngineStatus,
    RegionRequest,
    RunState,
    StudyProgress,
    StudyState,
    StudyStatus,
    program_error,
)

log = logging.getLogger(__name__)

RECOVERY_MS = 30_000  # with nothing left to ask, until what the engine stopped at is tried again
RegionCallback = Callable[[str, RegionRequest], None]  #: gets its annotation_id, too


class Engine(Protocol):
    """What is asked of `engine.networks.process.EngineProcess`."""

    def warm_up(self, model_name: str) -> Future[ModelIdentity]: ...
    def predict(
        self,
        study: Study,
        model_name: str,
        heatmaps: bool = False,
        *,
        on_view: OnView | None = None,
    ) -> Future[StudyPrediction]: ...
    def predict_region(
        self, view: MammogramView, box: tuple[int, int, int, int]
    ) -> Future[RegionJudgement]: ...
    def restart(self) -> None: ...
    def stop(self) -> None: ...


def start_engine(log_file: Path | None) -> Engine:
    """The real engine process; it logs to the file, which grows by its warnings only."""
    return EngineProcess(EngineSettings(log_file=log_file))


class Inference(QObject):
    """Lives on the window's thread. `close` must be called; it ends the engine process."""

    # A study's uid: the current model has predicted it
    predicted = Signal(str)
    # A study's uid: which of its breasts the current model is done with has changed
    judged_in_part = Signal(str)
    # A study's uid: what `status` says of it and the current model has changed
    status_changed = Signal(str)
    # Studies that the current model is done with, studies in all
    progress_changed = Signal(int, int)
    # Of the current model
    engine_changed = Signal(EngineStatus)
    run_changed = Signal(RunState)
    # The current model cannot be started
    failed = Signal(EngineError)
    # The engine found that the file is no longer what was listed
    file_changed = Signal(Path)
    # The engine died or hung, and has been started again
    restarted = Signal(EngineError)
    # It was seen to that the engine has work; also what the other model says may have changed
    worked = Signal()

    def __init__(
        self,
        engine: Engine,
        delivery: Delivery,
        model_name: str,
        predictions: Predictions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._delivery = delivery
        self._is_closed = False
        self._is_started = False
        self._model_name = model_name
        self._compares_models = False
        self._engines: dict[str, EngineStatus] = {}  # per model that was asked for
        self._run_state = RunState.RUNNING
        self._generation = 0  # the number of the catalogue
        self._studies: Mapping[str, Study] = {}
        self._current: Study | None = None
        self._in_flight: PredictionKey | None = None  # now with the engine
        self._pace = _Pace()
        self._regions: dict[str, Future[RegionJudgement]] = {}  # by annotation_id
        self._recovery = QTimer(self, singleShot=True)
        self._recovery.timeout.connect(self._recover)
        self._predictions = predictions
        self._failures: dict[PredictionKey, EngineError] = {}
        self._tried_again: set[PredictionKey] = set()  # after the engine had stopped at them
        #: by study uid: more of its images is on its way, so nothing is asked about it yet
        self.is_coming: Callable[[str], bool] = lambda _uid: False
        if isinstance(engine, EngineProcess):
            engine.on_restart = lambda error: delivery.deliver(lambda: self.restarted.emit(error))

    # -------------------------------------------------------------------------- what it knows

    @property
    def is_started(self) -> bool:
        return self._is_started

    @property
    def model_name(self) -> str:
        return self._model_name

    @property
    def other_model_name(self) -> str | None:
        """Who gives a second opinion on the current model; None where that is both already."""
        return OTHER_MODEL.get(self._model_name)

    @property
    def compares_models(self) -> bool:
        """Whether the other model is asked about the open study too."""
        return self._compares_models

    @property
    def run_state(self) -> RunState:
        return self._run_state

    @property
    def progress(self) -> tuple[int, int]:
        """Studies that the current model is done with, and studies in all."""
        keys = [(uid, self._model_name) for uid in self._studies]
        done = sum(key in self._predictions or key in self._failures for key in keys)
        return done, len(keys)

    @property
    def engine_status(self) -> EngineStatus:
        """Of the current model."""
        return self.status_of_engine(self._model_name)

    def status_of_engine(self, model_name: str) -> EngineStatus:
        return self._engines.get(model_name, EngineStatus(EngineState.ASLEEP, model_name))

    def status(self, study_uid: str, model_name: str) -> StudyStatus:
        """Done as soon as there is a prediction, whatever it says."""
        key = (study_uid, model_name)
        if key in self._predictions:
            return StudyStatus(StudyState.DONE)
        if self._in_flight == key:
            return StudyStatus(StudyState.RUNNING, progress=self._pace.progress)
        if key in self._failures:
            return StudyStatus(StudyState.FAILED, self._failures[key])
        is_wanted = self._is_current(study_uid) or self._run_state is not RunState.CANCELLED
        can_run = self.status_of_engine(model_name).state is not EngineState.FAILED
        return StudyStatus(StudyState.QUEUED if is_wanted and can_run else StudyState.IDLE)

    def _is_current(self, study_uid: str) -> bool:
        return self._current is not None and self._current.uid == study_uid

    # --------------------------------------------------------------------- what it is to do

    def open(self, studies: Mapping[str, Study], kept: Collection[str] = ()) -> None:
        """Another catalogue, by study uid; `work` begins with it.

        Predictions of the studies in `kept` stay: they are as they were, to the file.
        """
        self._generation += 1
        self._studies = studies
        self._current = None
        self.drop_regions()
        self._predictions.clear(kept)
        self._failures.clear()
        self._tried_again.clear()
        self._recovery.stop()
        self._run_state = RunState.RUNNING

    def grow(self, studies: Mapping[str, Study]) -> None:
        """More studies of the same catalogue; those that it had are as they were."""
        self._studies = studies
        self._emit_progress()
        self.work()

    def select(self, study: Study | None) -> None:
        """The study goes first from now on; nobody waits for a spot on another any more."""
        self._current = study
        self.drop_regions()

    def clear_failures(self, study_uid: str) -> None:
        """What failed of the study is tried once more."""
        if self.other_model_name is not None:
            self._failures.pop((study_uid, self.other_model_name), None)
        if self._failures.pop((study_uid, self._model_name), None) is not None:
            self._emit_progress()

    @Slot()
    def start(self) -> None:
        """Starts the engine, which takes some seconds of the processor."""
        if self._is_started or self._is_closed:
            return
        self._is_started = True
        self.work()

    def set_model(self, model_name: str) -> None:
        """Asks another network from the next `work` on; what the earlier one judgement is kept."""
        self._model_name = model_name
        self._clear_engine_failure(model_name)

    def set_compares_models(self, compares_models: bool) -> None:
        """From now on asks the other model about the open study too, or no longer."""
        if compares_models == self._compares_models:
            return
        self._compares_models = compares_models
        self._clear_engine_failure(self.other_model_name)
        self.work()

    @Slot()
    def retry_engine(self) -> None:
        """Tries once more to start the current model."""
        self._clear_engine_failure(self._model_name)
        self.emit_statuses()
        self.work()

    @Slot()
    def restart_engine(self) -> None:
        """Ends the engine, whatever it does, and starts it again, also at what it gave up."""
        self._tried_again.clear()
        self._try_again()
        self._engine.restart()
        self.retry_engine()

    def _given_up(self) -> list[PredictionKey]:
        """What the engine stopped at and was not tried again."""
        return [
            key
            for key, why in self._failures.items()
            if isinstance(why, EngineStopped) and key not in self._tried_again
        ]

    def _try_again(self) -> None:
        """What was given up, once for each study: the engine works again."""
        for key in self._given_up():
            self._tried_again.add(key)
            del self._failures[key]
            self._emit_status(key[0])

    def _recover(self) -> None:
        """Whether the engine works again shows by asking; no other study was left to ask about."""
        self._try_again()
        self._emit_progress()
        self.work()

    def _clear_engine_failure(self, model_name: str | None) -> None:
        """Lets a model that could not be started be tried again."""
        if model_name is not None and self.status_of_engine(model_name).state is EngineState.FAILED:
            del self._engines[model_name]

    @Slot()
    def pause(self) -> None:
        self._set_run_state(RunState.PAUSED)

    @Slot()
    def resume(self) -> None:
        """After a pause, or anew after a cancellation."""
        self._set_run_state(RunState.RUNNING)

    @Slot()
    def cancel(self) -> None:
        """Takes all studies but the open one out of the queue; predictions already there stay."""
        self._set_run_state(RunState.CANCELLED)

    def _set_run_state(self, state: RunState) -> None:
        if state is self._run_state:
            return
        self._run_state = state
        self.run_changed.emit(state)
        self.emit_statuses()
        self.work()

    def _emit_progress(self) -> None:
        self.progress_changed.emit(*self.progress)

    def emit_engine(self) -> None:
        self.engine_changed.emit(self.engine_status)

    def emit_statuses(self) -> None:
        """Of all studies, as if they had changed."""
        for uid in self._studies:
            self.status_changed.emit(uid)
        self._emit_progress()

    def emit_all(self) -> None:
        """Once the reader has the new catalogue before them."""
        self.run_changed.emit(self._run_state)
        self.emit_statuses()

    def close(self) -> None:
        self._is_closed = True
        self._recovery.stop()
        self._engine.stop()

    # ----------------------------------------------------------------------------- requests

    def work(self) -> None:
        """Gives the engine what is most wanted now, if it is free."""
        if self._is_closed:
            return
        self._request_next()
        is_idle = self._in_flight is None and self.engine_status.state is EngineState.READY
        if is_idle and self._run_state is RunState.RUNNING and self._given_up():
            self._recovery.start(RECOVERY_MS)
        self.worked.emit()

    def _request_next(self) -> None:
        """The current model about the open study, then the other about it, then the queue."""
        if not self._is_started or self._in_flight is not None:
            return
        engine, study, other = self.engine_status, self._current, self.other_model_name
        if engine.state is EngineState.ASLEEP:
            self._start_model(self._model_name)
        if engine.state in (EngineState.ASLEEP, EngineState.STARTING):
            return
        is_ready = engine.state is EngineState.READY
        if study is not None and is_ready and self._is_open_study_pending(study):
            self._request(study, self._model_name)
        elif study is not None and other is not None and self._is_other_pending(study, other):
            self._request_other(study, other)
        elif is_ready and (study := self._next_in_queue()) is not None:
            self._request(study, self._model_name)

    def _request(self, study: Study, model_name: str) -> None:
        generation, key = self._generation, (study.uid, model_name)
        self._in_flight = key
        self._pace.begin(model_name)
        self._emit_status(study.uid)

        def on_view(done: int, total: int, part: StudyPrediction | None) -> None:
            """On a thread of the engine's."""
            self._delivery.deliver(lambda: self._on_view(generation, key, done, total, part))

        future = self._engine.predict(study, model_name, heatmaps=True, on_view=on_view)
        self._delivery.when_done(future, lambda done: self._on_predicted(generation, key, done))

    def _request_other(self, study: Study, model_name: str) -> None:
        """While it starts, the queue waits: no more than one thing is ahead of the next study."""
        engine = self.status_of_engine(model_name)
        if engine.state is EngineState.ASLEEP:
            self._start_model(model_name)
        elif engine.state is EngineState.READY:
            self._request(study, model_name)

    def _is_open_study_pending(self, study: Study) -> bool:
        """Also once more for its heat-maps, where they had made room for others."""
        key = (study.uid, self._model_name)
        return self._is_pending(key) or self._predictions.lacks_heat(key)

    def _is_other_pending(self, study: Study, model_name: str) -> bool:
        can_run = self.status_of_engine(model_name).state is not EngineState.FAILED
        return self._compares_models and can_run and self._is_pending((study.uid, model_name))

    def _next_in_queue(self) -> Study | None:
        """In the catalogue's order; none while it is paused or cancelled."""
        if self._run_state is not RunState.RUNNING:
            return None
        studies = self._studies.values()
        return next((s for s in studies if self._is_pending((s.uid, self._model_name))), None)

    def _is_pending(self, key: PredictionKey) -> bool:
        is_new = key not in self._failures and key not in self._predictions
        return is_new and not self.is_coming(key[0])

    def _start_model(self, name: str) -> None:
        self._set_engine_status(EngineStatus(EngineState.STARTING, name))
        future = self._engine.warm_up(name)
        self._delivery.when_done(future, lambda done: self._on_started(name, done))

    # -------------------------------------------------------------------------------- regions

    def request_region(
        self, drawing: str, view: MammogramView, box: Box, on_done: RegionCallback
    ) -> None:
        """About a rectangle of the open study, in the place of what was asked for the same drawing;
        `on_done` gets a prediction or a failure, unless it is dropped.
        """
        self.drop_region(drawing)
        if self._is_closed:
            return
        future = self._regions[drawing] = self._engine.predict_region(view, box)
        request = RegionRequest(view.image_uid, box)
        self._delivery.when_done(
            future, lambda done: self._on_region_done(drawing, request, done, on_done)
        )

    def drop_region(self, drawing: str) -> None:
        """Nobody waits for that answer any more."""
        if (future := self._regions.pop(drawing, None)) is not None:
            future.cancel()

    def drop_regions(self) -> None:
        for drawing in list(self._regions):
            self.drop_region(drawing)

    def _on_region_done(
        self,
        drawing: str,
        request: RegionRequest,
        future: Future[RegionJudgement],
        on_done: RegionCallback,
    ) -> None:
        if self._regions.get(drawing) is not future:
            return  # dropped, though it came all the same
        del self._regions[drawing]
        if future.cancelled():  # by an engine that stops
            return
        error, bug = future.exception(), None
        if error is None:
            judgement = future.result()
            if (judgement.image_uid, tuple(judgement.box)) != (request.image_uid, request.box):
                error = ValueError("the engine answered for another region")
        if error is None:
            finished = replace(request, prediction=judgement)
        else:
            if not isinstance(error, EngineError):
                bug, error = error, program_error(mark("This spot could not be judged"))
            finished = replace(request, failure=error)
        on_done(drawing, finished)
        if bug is not None:
            raise bug  # to the log, as a bug of ours

    # -------------------------------------------------------------------------- predictions

    def _on_started(self, name: str, future: Future[ModelIdentity]) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            status = EngineStatus(EngineState.READY, name, identity=future.result())
        else:
            failure = program_error(mark("The engine cannot start"))
            if isinstance(error, EngineError):
                failure = error
            status = EngineStatus(EngineState.FAILED, name, failure=failure)
        self._set_engine_status(status)
        if status.failure is not None:
            self.emit_statuses()
            if name == self._model_name:
                self.failed.emit(status.failure)
        self.work()
        if error is not None and not isinstance(error, EngineError):
            self._report_bug(name, error)

    def _set_engine_status(self, status: EngineStatus) -> None:
        self._engines[status.model_name] = status
        if status.model_name == self._model_name:
            self.engine_changed.emit(status)

    def _on_view(
        self,
        generation: int,
        key: PredictionKey,
        done: int,
        total: int,
        part: StudyPrediction | None,
    ) -> None:
        if generation != self._generation or self._in_flight != key:
            return
        self._pace.pass_view(done, total)
        self._emit_status(key[0])
        if part is not None and _is_prediction_for(key, part):
            self._predictions.put_part(key, part)
            self.judged_in_part.emit(key[0])

    def _on_predicted(
        self, generation: int, key: PredictionKey, future: Future[StudyPrediction]
    ) -> None:
        self._in_flight = None
        self._predictions.drop_part()
        bug: BaseException | None = None
        if generation == self._generation and not future.cancelled():
            error = future.exception()
            if error is None and not _is_prediction_for(key, future.result()):
                error = ValueError("the engine answered for another study or model")
            if error is None:
                self._store(key, future.result())
                self._try_again()
                self._report_change(future.result())
            else:
                if not isinstance(error, EngineError):
                    bug, error = error, program_error(mark("This study could not be judged"))
                self._store_failure(key, error)
        self.work()
        if bug is not None:
            self._report_bug(key[1], bug)

    def _report_bug(self, model_name: str, bug: BaseException) -> None:
        """The other model's is not to interrupt the reading; its line says that it failed."""
        if model_name == self._model_name:
            raise bug  # to the log, as a bug of ours
        log.error("The model that was not chosen failed: %s", error_trace(bug))

    def _store(self, key: PredictionKey, prediction: StudyPrediction) -> None:
        study_uid, model_name = key
        if prediction.failures and not prediction.views:
            failed = prediction.failures[0]
            self._store_failure(key, UnreadableFile(failed.title, failed.advice))
            return
        open_uid = None if self._current is None else self._current.uid
        self._predictions.put(key, prediction, open_uid)
        self._failures.pop(key, None)
        if model_name == self._model_name:
            self.predicted.emit(study_uid)
            self._emit_status(study_uid)
            self._emit_progress()

    def _report_change(self, prediction: StudyPrediction) -> None:
        for failure in prediction.failures:
            if failure.title == FILE_CHANGED:
                self.file_changed.emit(failure.path)
                return

    def _store_failure(self, key: PredictionKey, error: EngineError) -> None:
        if key in self._predictions:  # only its heat-maps were asked for again
            self._predictions.give_heat_up(key)
        else:
            self._failures[key] = error
            self.judged_in_part.emit(key[0])
        if key[1] == self._model_name:
            self._emit_status(key[0])
            self._emit_progress()

    def _emit_status(self, study_uid: str) -> None:
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


def _is_prediction_for(key: PredictionKey, prediction: StudyPrediction) -> bool:
    return (prediction.study_uid, prediction.model.name) == key
