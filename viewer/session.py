"""The one file of the viewer that knows the engine: work goes out to threads and to the engine
process, and comes back as signals on the window's thread.

Nothing here waits. Studies are loaded on one thread, pixels decoded on a few, predictions made in
the engine process, and at most one study is with the engine at a time: what comes next is chosen
when a worker falls free, so the open study goes first, and pausing, cancelling and changing the
model act at once. Every answer carries its study, its model and the opening it belongs to; one
that nobody waits for any more is dropped.

What the reading mode hides stays in here: until an answer may be shown (`viewer.reading_modes`),
`prediction`, `status`, `other_answer`, `history` and all signals are as if it had not come, but for
a study's being done.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QImage

from engine.anonymising import Anonymiser, refuse_inside, study_folders
from engine.domain import (
    AnonymousCopy,
    Catalogue,
    MammogramView,
    ModelIdentity,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError, StorageFailed, UnreadableFile, fault_trace
from engine.loading import load, load_pixels
from engine.process import EngineProcess, EngineSettings
from engine.readings import ReadingStore
from viewer.reading_modes import Disclosure, second_read
from viewer.rendering import DisplayPixels, prepare, thumbnail
from viewer.states import (
    MODEL_TITLES,
    EngineState,
    EngineStatus,
    OtherAnswer,
    Phase,
    ReadingState,
    RunState,
    StudyState,
    StudyStatus,
)

log = logging.getLogger(__name__)

PIXEL_CACHE_BYTES = 1 << 30  # some six four-view studies of 13.6 Mpx
HEAT_CACHE_BYTES = 256 << 20  # some hundred four-view studies of 512 x 320 float32
DECODING_THREADS = max(2, min(4, (os.cpu_count() or 2) - 1))
THUMBNAIL_HEIGHT = 56  # pixels
PROGRESS_INTERVAL_S = 0.05  # between two reports of a folder being read
WAKE_DELAY_MS = 150  # lets the first image be painted before the engine takes the processor


class Engine(Protocol):
    """What the session asks of `engine.process.EngineProcess`."""

    def warm_up(self, model_name: str) -> "Future[ModelIdentity]": ...
    def predict(
        self, study: Study, model_name: str, heatmaps: bool = False
    ) -> "Future[StudyPrediction]": ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class _Decoded:
    """What a decoding thread brings back; exactly one of `pixels` and `failure` is given."""

    pixels: DisplayPixels | None
    failure: EngineError | None = None
    thumbnail: QImage | None = None


class _PixelCache:
    """Decoded images up to a number of bytes, the longest unused going first.

    Keys are (study uid, image uid). Studies in `pinned` stay whatever their size.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.pinned: frozenset[str] = frozenset()
        self._images: OrderedDict[tuple[str, str], DisplayPixels] = OrderedDict()

    def get(self, key: tuple[str, str]) -> DisplayPixels | None:
        if key in self._images:
            self._images.move_to_end(key)
        return self._images.get(key)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._images

    @property
    def size_bytes(self) -> int:
        return sum(_bytes(pixels) for pixels in self._images.values())

    def put(self, key: tuple[str, str], pixels: DisplayPixels) -> None:
        self._images[key] = pixels
        for old in [key for key in self._images if key[0] not in self.pinned]:
            if self.size_bytes <= self.limit_bytes:
                return
            del self._images[old]

    def clear(self) -> None:
        self._images.clear()


class Session(QObject):
    """What is open, what is known of it, and who is at work on it. Lives on the window's thread.

    `close` must be called; it ends all threads and the engine process.
    """

    # Files are being searched and their headers read
    opening_started = Signal()
    # The same: files read, files in all
    opening_progressed = Signal(int, int)
    # The search is over, with or without a new catalogue
    opening_finished = Signal()
    # A Catalogue has taken the place of the one before; no study is selected
    catalogue_opened = Signal(object)
    # A Study, or None, came up for reading; its pixels and prediction follow by their own signals
    study_selected = Signal(object)
    # Study uid, image uid, rendering.DisplayPixels; of the selected study only
    pixels_loaded = Signal(str, str, object)
    # Study uid, image uid, EngineError; of the selected study only
    pixels_failed = Signal(str, str, object)
    # Study uid, QImage
    thumbnail_made = Signal(str, object)
    # A StudyPrediction by the current model, of any study of the catalogue that may be shown
    study_predicted = Signal(object)
    # Study uid, StudyStatus
    status_changed = Signal(str, object)
    # Studies that the current model is done with, studies in all
    progress_changed = Signal(int, int)
    # RunState
    run_changed = Signal(object)
    # Its name; all studies are to be asked anew, predictions it has made already follow
    model_changed = Signal(str)
    # EngineStatus
    engine_changed = Signal(object)
    # An OtherAnswer on the selected study; None: the other model is not to be asked
    other_changed = Signal(object)
    # A ReadingMode was chosen, or another reader took over: all that the models said is to be
    # taken away; what may still be shown follows
    mode_changed = Signal(object)
    # A ReadingState of the open study, e.g. as its answer is about to be revealed
    reading_changed = Signal(object)
    # A ReaderAssessment is on the disk
    assessment_recorded = Signal(object)
    # A ReaderAssessment could not be stored: EngineError
    recording_failed = Signal(object, object)
    # An AnonymousCopy of a study is complete
    study_copied = Signal(object)
    # An EngineError that the reader must see and that belongs to no study
    fault_occurred = Signal(object)

    _delivered = Signal(object)

    def __init__(
        self,
        engine: Engine,
        readings_path: Path,
        model_name: str = "hybrid",
        mode: ReadingMode = ReadingMode.CONCURRENT,
        pixel_cache_bytes: int = PIXEL_CACHE_BYTES,
        heat_cache_bytes: int = HEAT_CACHE_BYTES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._delivered.connect(self._run_delivered, Qt.ConnectionType.QueuedConnection)
        self._is_closed = False

        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._is_opening = False
        self._opening = 0  # the number of the latest request to open
        self._stop_opening = threading.Event()

        self._generation = 0  # the number of the catalogue
        self._studies: dict[str, Study] = {}
        self._current: Study | None = None
        self._upcoming: Study | None = None
        self._opened_at = datetime.now(UTC)

        self._decoders = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="decoding")
        self._decoding: set[tuple[str, str]] = set()
        self._pixels = _PixelCache(pixel_cache_bytes)
        self._unreadable: dict[tuple[str, str], EngineError] = {}
        self._with_thumbnail: set[str] = set()  # made, or in vain
        self._ahead: set[tuple[str, str]] = set()  # decoded ahead; once, even if thrown out again

        self._engine = engine
        self._is_awake = False
        self._model_name = model_name
        self._asks_both = False
        self._told_of_other: OtherAnswer | None = None
        self._engines: dict[str, EngineStatus] = {}  # per model that was asked for
        self._run_state = RunState.RUNNING
        self._asked: tuple[str, str] | None = None  # study uid and model now with the engine
        # predictions and failures are kept per (study uid, model)
        self._predictions: dict[tuple[str, str], StudyPrediction] = {}
        self._failures: dict[tuple[str, str], EngineError] = {}
        self._heat_bytes: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._without_heat: set[tuple[str, str]] = set()  # their maps made room for others
        self._heat_cache_bytes = heat_cache_bytes

        self._disclosure = Disclosure(mode)
        self._revealed: dict[str, bool] = {}  # per study uid: to this reader, in second read
        self._on_screen_s: dict[str, float] = {}  # per study uid, but for the time since:
        self._on_screen_since = time.monotonic()

        self._readings_path = readings_path
        self._store: ReadingStore | None = None

        self._copier = ThreadPoolExecutor(1, thread_name_prefix="copying")
        self._stop_copying = threading.Event()

    # -------------------------------------------------------------------------- what it knows

    @property
    def current_study(self) -> Study | None:
        return self._current

    @property
    def opened_at(self) -> datetime:
        """When the current study came up, with time zone."""
        return self._opened_at

    @property
    def model_name(self) -> str:
        return self._model_name

    @property
    def other_model_name(self) -> str:
        """The one that comes after the current model, in a circle."""
        names = list(MODEL_TITLES)
        return names[(names.index(self._model_name) + 1) % len(names)]

    @property
    def asks_both(self) -> bool:
        """Whether the other model is asked about the open study too."""
        return self._asks_both

    @property
    def other_answer(self) -> OtherAnswer | None:
        """On the current study; None where the other model is not to be asked, or is hidden."""
        if not self._asks_both or self._current is None or self._is_hidden(self._current.uid):
            return None
        key = (self._current.uid, self.other_model_name)
        return OtherAnswer(
            key[0], self._engine_status(key[1]), self._status(key), self._predictions.get(key)
        )

    @property
    def run_state(self) -> RunState:
        return self._run_state

    @property
    def engine_status(self) -> EngineStatus:
        """Of the current model."""
        return self._engine_status(self._model_name)

    def _engine_status(self, model_name: str) -> EngineStatus:
        return self._engines.get(model_name, EngineStatus(EngineState.ASLEEP, model_name))

    def prediction(self, study_uid: str) -> StudyPrediction | None:
        """By the current model; None while it is hidden."""
        return None if self._is_hidden(study_uid) else self._known(study_uid)

    def _known(self, study_uid: str) -> StudyPrediction | None:
        """What the current model says, shown or not."""
        return self._predictions.get((study_uid, self._model_name))

    def status(self, study_uid: str) -> StudyStatus:
        """Of the current model; while its answer is hidden, done whatever it says."""
        status = self._status((study_uid, self._model_name))
        if status.state is StudyState.OUT_OF_SCOPE and self._is_hidden(study_uid):
            return StudyStatus(StudyState.DONE)
        return status

    def _status(self, key: tuple[str, str]) -> StudyStatus:
        prediction = self._predictions.get(key)
        if prediction is not None:
            has_answer = any(view.prediction.in_scope for view in prediction.views)
            return StudyStatus(StudyState.DONE if has_answer else StudyState.OUT_OF_SCOPE)
        if self._asked == key:
            return StudyStatus(StudyState.RUNNING)
        if key in self._failures:
            return StudyStatus(StudyState.FAILED, self._failures[key])
        is_wanted = self._is_current(key[0]) or self._run_state is not RunState.CANCELLED
        can_run = self._engine_status(key[1]).state is not EngineState.FAILED
        return StudyStatus(StudyState.QUEUED if is_wanted and can_run else StudyState.IDLE)

    @property
    def is_idle(self) -> bool:
        """Nothing is open, and nothing is being opened."""
        return not self._studies and not self._is_opening

    @property
    def progress(self) -> tuple[int, int]:
        """Studies that the current model is done with, and studies in all."""
        keys = [(uid, self._model_name) for uid in self._studies]
        done = sum(key in self._predictions or key in self._failures for key in keys)
        return done, len(keys)

    # --------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Looks for studies under the paths; `catalogue_opened` follows, or `fault_occurred`."""
        self._stop_opening.set()
        self._stop_opening = should_stop = threading.Event()
        self._opening += 1
        self._is_opening = True
        opening = self._opening
        last_report = 0.0

        def report(done: int, total: int) -> None:
            nonlocal last_report
            if done < total and time.monotonic() - last_report < PROGRESS_INTERVAL_S:
                return
            last_report = time.monotonic()
            self._deliver(lambda: self._on_opening_progressed(opening, done, total))

        future = self._loader.submit(load, tuple(paths), report, should_stop.is_set)
        future.add_done_callback(
            lambda future: self._deliver(lambda: self._on_opened(opening, future))
        )
        self.opening_started.emit()

    def cancel_opening(self) -> None:
        """Stays with the catalogue that is open."""
        self._stop_opening.set()
        self._opening += 1
        self._is_opening = False
        self.opening_finished.emit()

    def _on_opening_progressed(self, opening: int, done: int, total: int) -> None:
        if opening == self._opening:
            self.opening_progressed.emit(done, total)

    def _on_opened(self, opening: int, future: "Future[Catalogue]") -> None:
        if opening != self._opening or future.cancelled():
            return
        self._is_opening = False
        self.opening_finished.emit()
        try:
            catalogue = future.result()
        except EngineError as error:
            self.fault_occurred.emit(error)
            return
        if not catalogue.studies and not catalogue.failures:
            self.fault_occurred.emit(
                UnreadableFile(
                    "No mammograms found there",
                    "Open a folder or files with DICOM, PNG, JPEG or TIFF mammograms.",
                )
            )
            return
        self._show_catalogue(catalogue)

    def _show_catalogue(self, catalogue: Catalogue) -> None:
        studies = {study.uid: study for study in catalogue.studies}
        if len(studies) != len(catalogue.studies):  # else one's answer would show as the other's
            raise ValueError("two studies of a catalogue share a uid")
        self._generation += 1
        self._studies = studies
        self._current = self._upcoming = None
        self._disclosure.open(None)
        self._revealed.clear()
        self._on_screen_s.clear()
        self._decoding.clear()
        self._pixels.clear()
        self._unreadable.clear()
        self._with_thumbnail.clear()
        self._ahead.clear()
        self._predictions.clear()
        self._failures.clear()
        self._heat_bytes.clear()
        self._without_heat.clear()
        self._run_state = RunState.RUNNING
        log.info("Opened %d studies, %d failures", len(studies), len(catalogue.failures))
        self.catalogue_opened.emit(catalogue)
        self.run_changed.emit(self._run_state)
        self._tell_all_statuses()
        self._work()

    def select_study(self, study_uid: str | None, upcoming_uid: str | None = None) -> None:
        """Brings a study up for reading; the upcoming one is decoded ahead where there is room.

        Raises KeyError where the catalogue has no such study.
        """
        study = None if study_uid is None else self._studies[study_uid]
        self._upcoming = None if upcoming_uid is None else self._studies[upcoming_uid]
        if study is self._current and study is not None:
            self._work()
            return
        self._ahead.clear()
        self._stop_clock()
        previous, self._current = self._current, study
        was_hidden = previous is not None and self._is_hidden(previous.uid)
        self._disclosure.open(study_uid)
        self._opened_at = datetime.now(UTC)
        self._pixels.pinned = frozenset() if study is None else frozenset({study.uid})
        self._told_of_other = None  # who hears of another study forgets what it was told
        self.study_selected.emit(study)
        if previous is not None:
            self._tell_status(previous.uid)
            if was_hidden:  # perhaps only while it was open
                self._tell_prediction(previous.uid)
        if study is not None:
            self._tell_pixels(study)
            # what failed is tried once more when the reader comes back to it
            self._failures.pop((study.uid, self.other_model_name), None)
            if self._failures.pop((study.uid, self._model_name), None) is not None:
                self._tell_progress()
            self._tell_status(study.uid)
            self._reveal_if_due()
            self._tell_prediction(study.uid)
        self._work()

    def _tell_pixels(self, study: Study) -> None:
        for view in study.views:
            key = (study.uid, view.image_uid)
            self._unreadable.pop(key, None)
            if (pixels := self._pixels.get(key)) is not None:
                self.pixels_loaded.emit(*key, pixels)

    # -------------------------------------------------------------------------------- decoding

    def _work(self) -> None:
        """Gives every free worker what is most wanted now."""
        if self._is_closed:
            return
        while len(self._decoding) < DECODING_THREADS:
            wanted = next(self._wanted_images(), None)
            if wanted is None:
                break
            self._decode(*wanted)
        self._ask_engine()
        self._tell_of_other()

    def _wanted_images(self) -> Iterator[tuple[Study, MammogramView]]:
        """The open study's images, then the upcoming one's, then one a study for its thumbnail."""
        for study in (self._current, self._upcoming):
            if study is None or (study is self._upcoming and not self._has_room_ahead()):
                continue
            for view in study.views:
                key = (study.uid, view.image_uid)
                known = (self._pixels, self._decoding, self._unreadable, self._ahead)
                if not any(key in images for images in known):
                    yield study, view
        if self._decoding:
            return  # thumbnails never hold up an image that the reader waits for
        for study in self._studies.values():
            if study.uid not in self._with_thumbnail and study.views:
                yield study, study.views[0]

    def _has_room_ahead(self) -> bool:
        """Whether the upcoming study fits beside the open one, which stays in any case."""
        ahead = [study for study in (self._current, self._upcoming) if study is not None]
        return sum(_expected_bytes(study) for study in ahead) <= self._pixels.limit_bytes

    def _decode(self, study: Study, view: MammogramView) -> None:
        generation, key = self._generation, (study.uid, view.image_uid)
        if study is self._upcoming:
            self._ahead.add(key)
        wants_thumbnail = view is study.views[0] and study.uid not in self._with_thumbnail
        if wants_thumbnail:
            self._with_thumbnail.add(study.uid)
        self._decoding.add(key)
        future = self._decoders.submit(_decode, view, wants_thumbnail)
        future.add_done_callback(
            lambda future: self._deliver(lambda: self._on_decoded(generation, key, future))
        )

    def _on_decoded(
        self, generation: int, key: tuple[str, str], future: "Future[_Decoded]"
    ) -> None:
        if generation != self._generation or future.cancelled():
            return
        self._decoding.discard(key)
        try:
            decoded = future.result()
        except Exception:
            self._unreadable[key] = _bug("This image could not be shown")
            if self._is_current(key[0]):
                self.pixels_failed.emit(*key, self._unreadable[key])
            self._first_image_told()
            self._work()
            raise  # to the log, as a bug of ours
        study_uid = key[0]
        if decoded.failure is not None:
            self._unreadable[key] = decoded.failure
            if self._is_current(study_uid):
                self.pixels_failed.emit(*key, decoded.failure)
        else:
            ahead = (self._current, self._upcoming)
            if any(study is not None and study.uid == study_uid for study in ahead):
                self._pixels.put(key, decoded.pixels)
            if self._is_current(study_uid):
                self.pixels_loaded.emit(*key, decoded.pixels)
            if decoded.thumbnail is not None:
                self.thumbnail_made.emit(study_uid, decoded.thumbnail)
        self._first_image_told()
        self._work()

    def _is_current(self, study_uid: str) -> bool:
        return self._current is not None and self._current.uid == study_uid

    def _first_image_told(self) -> None:
        if not self._is_awake:
            QTimer.singleShot(WAKE_DELAY_MS, self, self.wake_engine)

    # ----------------------------------------------------------------------------- the networks

    @Slot()
    def wake_engine(self) -> None:
        """Starts the engine, which takes some seconds of the processor, once the window stands."""
        if self._is_awake or self._is_closed:
            return
        self._is_awake = True
        self._work()

    def set_model(self, model_name: str) -> None:
        """Asks another network from now on; what the earlier one said is kept for its return."""
        if model_name == self._model_name:
            return
        self._model_name = model_name
        self._forgive_engine(self._model_name)
        self.model_changed.emit(model_name)
        self.engine_changed.emit(self.engine_status)
        self._tell_all_statuses()
        for study in self._studies.values():
            self._attach_answers(study)
        self._reveal_if_due()
        self._tell_all_predictions()
        self._work()

    def set_asks_both(self, asks_both: bool) -> None:
        """From now on asks the other model about the open study too, or no longer."""
        if asks_both == self._asks_both:
            return
        self._asks_both = asks_both
        self._forgive_engine(self.other_model_name)
        self._work()

    def _forgive_engine(self, model_name: str) -> None:
        """Lets a model that could not be started be tried again."""
        if self._engine_status(model_name).state is EngineState.FAILED:
            del self._engines[model_name]

    def retry_engine(self) -> None:
        """Tries once more to start the current model."""
        self._forgive_engine(self._model_name)
        self._tell_all_statuses()
        self._work()

    def pause(self) -> None:
        self._set_run_state(RunState.PAUSED)

    def resume(self) -> None:
        """After a pause, or anew after a cancellation."""
        self._set_run_state(RunState.RUNNING)

    def cancel(self) -> None:
        """Takes all studies but the open one out of the queue; answers already there stay."""
        self._set_run_state(RunState.CANCELLED)

    def _set_run_state(self, state: RunState) -> None:
        if state is self._run_state:
            return
        self._run_state = state
        self.run_changed.emit(state)
        self._tell_all_statuses()
        self._work()

    def _ask_engine(self) -> None:
        """The current model about the open study, then the other about it, then the queue."""
        if not self._is_awake or self._asked is not None:
            return
        engine = self.engine_status
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
        self._tell_status(study.uid)
        future = self._engine.predict(study, model_name, heatmaps=True)
        future.add_done_callback(
            lambda future: self._deliver(lambda: self._on_answered(generation, key, future))
        )

    def _ask_other(self, study: Study) -> None:
        """While it starts, the queue waits: no more than one thing is ahead of the next study."""
        engine = self._engine_status(self.other_model_name)
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
        if not self._asks_both or self._current is None:
            return False
        can_run = self._engine_status(self.other_model_name).state is not EngineState.FAILED
        return can_run and self._is_to_be_asked((self._current.uid, self.other_model_name))

    def _next_in_queue(self) -> Study | None:
        """In the catalogue's order; none while it is paused or cancelled."""
        if self._run_state is not RunState.RUNNING:
            return None
        studies = self._studies.values()
        return next((s for s in studies if self._is_to_be_asked((s.uid, self._model_name))), None)

    def _is_to_be_asked(self, key: tuple[str, str]) -> bool:
        return key not in self._failures and key not in self._predictions

    def _start_model(self, name: str) -> None:
        self._set_engine_status(EngineStatus(EngineState.STARTING, name))
        future = self._engine.warm_up(name)
        future.add_done_callback(
            lambda future: self._deliver(lambda: self._on_started(name, future))
        )

    def _on_started(self, name: str, future: "Future[ModelIdentity]") -> None:
        if self._is_closed or future.cancelled():
            return
        error = future.exception()
        if error is None:
            status = EngineStatus(EngineState.READY, name, identity=future.result())
        else:
            failure = error if isinstance(error, EngineError) else _bug("The engine cannot start")
            status = EngineStatus(EngineState.FAILED, name, failure=failure)
        self._set_engine_status(status)
        if status.failure is not None:
            self._tell_all_statuses()
            if name == self._model_name:
                self.fault_occurred.emit(status.failure)
        self._work()
        if error is not None and not isinstance(error, EngineError):
            self._report_bug(name, error)

    def _set_engine_status(self, status: EngineStatus) -> None:
        self._engines[status.model_name] = status
        if status.model_name == self._model_name:
            self.engine_changed.emit(status)

    def _on_answered(
        self, generation: int, key: tuple[str, str], future: "Future[StudyPrediction]"
    ) -> None:
        if self._is_closed:
            return
        self._asked = None
        bug: BaseException | None = None
        if generation == self._generation and not future.cancelled():
            error = future.exception()
            if error is None and not _is_answer_to(key, future.result()):
                error = ValueError("the engine answered for another study or model")
            if error is None:
                self._keep_answer(key, future.result())
            else:
                if not isinstance(error, EngineError):
                    bug, error = error, _bug("This study could not be judged")
                self._keep_failure(key, error)
        self._work()
        if bug is not None:
            self._report_bug(key[1], bug)

    def _report_bug(self, model_name: str, bug: BaseException) -> None:
        """The other model's is not to interrupt the reading; its line says that it failed."""
        if model_name == self._model_name:
            raise bug  # to the log, as a bug of ours
        log.error("The model that was not chosen failed: %s", fault_trace(bug))

    def _keep_answer(self, key: tuple[str, str], prediction: StudyPrediction) -> None:
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
            self._attach_answers(self._studies[study_uid])
            self._reveal_if_due()
            self._tell_prediction(study_uid)
            self._tell_status(study_uid)
            self._tell_progress()

    def _make_room_for_heat(self, newest: tuple[str, str]) -> None:
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

    def _keep_failure(self, key: tuple[str, str], error: EngineError) -> None:
        if key in self._predictions:  # only its heat-maps were asked for again
            self._without_heat.discard(key)
        else:
            self._failures[key] = error
        if key[1] == self._model_name:
            self._tell_status(key[0])
            self._tell_progress()

    def _tell_of_other(self) -> None:
        answer = self.other_answer
        if answer != self._told_of_other:
            self._told_of_other = answer
            self.other_changed.emit(answer)

    def _tell_status(self, study_uid: str) -> None:
        if study_uid in self._studies:
            self.status_changed.emit(study_uid, self.status(study_uid))

    def _tell_progress(self) -> None:
        self.progress_changed.emit(*self.progress)

    def _tell_all_statuses(self) -> None:
        for uid in self._studies:
            self._tell_status(uid)
        self._tell_progress()

    # ------------------------------------------------------------------------ what may be shown

    @property
    def mode(self) -> ReadingMode:
        """As chosen; the open study may still be in a stricter one."""
        return self._disclosure.mode

    @property
    def reading(self) -> ReadingState:
        """How the open study is read."""
        if self._current is None:
            mode = self.mode
            phase = Phase.OPEN if mode is ReadingMode.CONCURRENT else Phase.BEFORE
            phase = Phase.NEVER if mode is ReadingMode.BLIND_AUDIT else phase
            return ReadingState(mode, phase, mode)
        mode = self._disclosure.mode_of(self._current.uid)
        if mode is ReadingMode.CONCURRENT:
            phase = Phase.OPEN
        elif mode is ReadingMode.BLIND_AUDIT:
            phase = Phase.NEVER
        elif not self._is_hidden(self._current.uid):
            phase = Phase.AFTER
        else:
            phase = Phase.BEFORE if self._own_words(self._current) is None else Phase.WAITING
        return ReadingState(mode, phase, self.mode)

    def set_mode(self, mode: ReadingMode) -> None:
        """Hides at once what the mode hides; a laxer one begins with the next study."""
        if mode is not self.mode:
            self._disclosure.choose(mode)
            self._tell_mode()

    def set_reader(self, name: str) -> None:
        """Whose readings are recorded; what is revealed to one is not to another."""
        if name != self._disclosure.reader:
            self._disclosure.change_reader(name)
            self._on_screen_s.clear()
            self._on_screen_since = time.monotonic()
            self._tell_mode()

    def _tell_mode(self) -> None:
        self._revealed.clear()
        self.mode_changed.emit(self.mode)
        self.reading_changed.emit(self.reading)
        self._tell_all_statuses()
        self._reveal_if_due()
        self._tell_all_predictions()
        self._told_of_other = None  # it was taken away
        self._work()

    def _is_hidden(self, study_uid: str) -> bool:
        mode = self._disclosure.mode_of(study_uid)
        if mode is not ReadingMode.SECOND_READ:
            return mode is ReadingMode.BLIND_AUDIT
        if study_uid not in self._revealed:
            study = self._studies.get(study_uid)
            own = None if study is None else self._own_words(study)
            self._revealed[study_uid] = own is not None and all(word.is_revealed for word in own)
        return not self._revealed[study_uid]

    def _own_words(self, study: Study) -> tuple[ReaderAssessment, ...] | None:
        """This reader's second read, None while a breast lacks its category."""
        try:
            return second_read(study, self._disclosure.reader, self._stored(study))
        except StorageFailed:  # told where the readings themselves are asked for
            return None

    def _reveal_if_due(self) -> None:
        """Puts on record that the open study's answer is revealed, if it is there and may be.

        Whatever is shown is on record: where that fails the reader is told, and it is tried again
        when the study is opened again.
        """
        study = self._current
        if study is None or self._known(study.uid) is None or not self._is_hidden(study.uid):
            return
        own = self._own_words(study)
        if self._disclosure.mode_of(study.uid) is not ReadingMode.SECOND_READ or own is None:
            return
        try:
            self._readings().reveal([word.record_id for word in own], datetime.now(UTC))
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return
        self._revealed[study.uid] = True
        self.reading_changed.emit(self.reading)
        self._tell_status(study.uid)

    def _tell_prediction(self, study_uid: str) -> None:
        if (prediction := self.prediction(study_uid)) is not None:
            self._disclosure.note_shown(self._studies[study_uid], datetime.now(UTC))
            self.study_predicted.emit(prediction)

    def _tell_all_predictions(self) -> None:
        for uid in self._studies:
            self._tell_prediction(uid)

    def _attach_answers(self, study: Study) -> None:
        """Keeps what the model says with the readings that were made without it."""
        prediction = self._known(study.uid)
        if prediction is None:
            return
        said = {breast.laterality: breast.prediction for breast in prediction.breasts}
        try:
            answers = {
                reading.record_id: said[reading.laterality]
                for reading in self._stored(study)
                if reading.reading_mode is not ReadingMode.CONCURRENT
                and reading.prediction is None
                and reading.laterality in said
            }
            if answers:
                self._readings().attach_answers(answers)
        except StorageFailed:  # the reading itself is safe; the answer comes again with the study
            log.warning("What the model says of a reading is not kept yet")

    def _stop_clock(self) -> None:
        """Adds the time that the open study was on the screen to what it had before."""
        now = time.monotonic()
        if self._current is not None:
            earlier = self._on_screen_s.get(self._current.uid, 0.0)
            self._on_screen_s[self._current.uid] = earlier + now - self._on_screen_since
        self._on_screen_since = now

    # --------------------------------------------------------------------------- what readers say

    def has_been_read(self, study: Study) -> bool:
        """Whether anybody has recorded an assessment of it."""
        return bool(self.history(study))

    def history(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """Earlier assessments of the study, oldest first; none where they cannot be read.

        While the model's answer is hidden, without what was said of it and to it.
        """
        try:
            earlier = self._stored(study)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return ()
        if not self._is_hidden(study.uid):
            return earlier
        return tuple(assessment.without_model() for assessment in earlier)

    def _stored(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """The same with all that is known; raises StorageFailed.

        A study uid alone is not trusted: that of plain images is their folder's name, and another
        patient's folder may have the same. An assessment counts that is of the same patient and
        has an image in common.
        """
        images = {view.image_uid for view in study.views}
        return tuple(
            assessment
            for assessment in self._readings().history(study.uid)
            if assessment.patient_id == study.patient_id and images & set(assessment.image_uids)
        )

    def record(self, assessment: ReaderAssessment) -> None:
        """Stores it at once; `assessment_recorded` or `recording_failed` follows before it returns.

        The session adds what the pane cannot know: when the answer was shown and how long the
        study has been on the screen; and after it, what the model said of a reading made without.
        In second read the last breast's category reveals the answer.

        Raises ValueError where the assessment does not fit the study that it names.
        """
        study = self._studies.get(assessment.study_uid)
        was_hidden = study is not None and self._is_hidden(study.uid)
        if study is not None:
            images = {view.image_uid for view in study.views}
            if (
                assessment.patient_id != study.patient_id
                or not set(assessment.image_uids) <= images
            ):
                raise ValueError("the assessment is of another study")
            if assessment.prediction is not None and was_hidden:
                raise ValueError("the assessment tells what is hidden from its reader")
        try:
            timed = assessment if study is None else self._with_times(study, assessment)
            recorded = self._readings().record(timed)
        except StorageFailed as error:
            self.recording_failed.emit(assessment, error)
            return
        self._revealed.pop(assessment.study_uid, None)
        self.assessment_recorded.emit(recorded)
        if study is not None:
            self._attach_answers(study)
            self._go_on_with_second_read(study, was_hidden)

    def _go_on_with_second_read(self, study: Study, was_hidden: bool) -> None:
        """A category was stored: the answer is revealed if it was the last that lacked."""
        is_second_read = self._disclosure.mode_of(study.uid) is ReadingMode.SECOND_READ
        if not is_second_read or not self._is_current(study.uid):
            return
        self._reveal_if_due()
        self.reading_changed.emit(self.reading)
        if was_hidden and not self._is_hidden(study.uid):
            self._tell_status(study.uid)
            self._tell_prediction(study.uid)
            self._tell_of_other()

    def _with_times(self, study: Study, assessment: ReaderAssessment) -> ReaderAssessment:
        shown_at = self._disclosure.shown_at(study)
        if assessment.category_before is not None:  # revealed perhaps on another day
            earlier = {a.record_id: a.revealed_at for a in self._stored(study)}
            shown_at = earlier.get(assessment.supersedes) or shown_at
        spent = self._on_screen_s.get(study.uid, 0.0)
        if self._is_current(study.uid):
            spent += time.monotonic() - self._on_screen_since
        return replace(assessment, revealed_at=shown_at, time_spent_s=round(spent, 1))

    def check_readings(self) -> None:
        """Tells at the start, not at the first save, where readings cannot be stored."""
        try:
            self._readings()
        except StorageFailed as error:
            self.fault_occurred.emit(error)

    def export_readings(self, path: Path, unblind: bool = False) -> int | None:
        """Writes all readings as CSV; their number, or None after `fault_occurred`.

        What the model said is left out wherever this reader has not been shown it, and in a mode
        that hides, wherever it is hidden now; `unblind` writes all, and is on record as a reveal.
        """
        try:
            return self._readings().export_csv(path, self._may_be_exported, unblind)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return None

    def _may_be_exported(self, assessment: ReaderAssessment) -> bool:
        study = self._studies.get(assessment.study_uid)
        if study is not None:
            return not self._is_hidden(study.uid)
        if self.mode is ReadingMode.SECOND_READ:
            return assessment.reader == self._disclosure.reader
        return self.mode is ReadingMode.CONCURRENT

    def _readings(self) -> ReadingStore:
        if self._store is None:
            self._store = ReadingStore(self._readings_path)
        return self._store

    # ------------------------------------------------------------------------------------ copies

    def check_target(self, path: Path) -> None:
        """Raises StorageFailed where `path` would lie among the images that are open."""
        for study in self._studies.values():
            refuse_inside(path, study_folders(study))

    def copy_anonymised(self, study: Study, folder: Path, blanks_marks: bool) -> None:
        """Into a new folder in `folder`; `study_copied` or `fault_occurred` follows."""
        try:
            self.check_target(folder)
            anonymiser = Anonymiser(folder, blanks_marks=blanks_marks)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return
        future = self._copier.submit(anonymiser.copy, study, self._stop_copying.is_set)
        future.add_done_callback(lambda future: self._deliver(lambda: self._on_copied(future)))

    def _on_copied(self, future: "Future[AnonymousCopy]") -> None:
        if future.cancelled():
            return
        try:
            copy = future.result()
        except EngineError as error:
            self.fault_occurred.emit(error)
            return
        self.study_copied.emit(copy)

    # ------------------------------------------------------------------------ threads and the end

    def _deliver(self, action: Callable[[], None]) -> None:
        """From any thread: has the action done on the window's thread."""
        self._delivered.emit(action)

    @Slot(object)
    def _run_delivered(self, action: Callable[[], None]) -> None:
        if not self._is_closed:
            action()

    def close(self) -> None:
        """Ends all threads and the engine process; waits for images being decoded just now."""
        if self._is_closed:
            return
        self._is_closed = True
        self._stop_opening.set()
        self._stop_copying.set()
        self._engine.stop()
        self._copier.shutdown(cancel_futures=True)
        self._loader.shutdown(cancel_futures=True)
        self._decoders.shutdown(cancel_futures=True)
        if self._store is not None:
            self._store.close()


def start_engine(log_file: Path | None) -> Engine:
    """The real engine process; it logs to the file, which grows by its warnings only."""
    return EngineProcess(EngineSettings(log_file=log_file))


def _expected_bytes(study: Study) -> int:
    """Of `DisplayPixels`: uint16, and two pyramids of a third more each."""
    return sum(view.rows * view.columns * 2 * 5 // 3 for view in study.views)


def _bytes(pixels: DisplayPixels) -> int:
    return sum(level.nbytes for level in (*pixels.means, *pixels.peaks[1:]))  # level 0 is shared


def _is_answer_to(key: tuple[str, str], prediction: StudyPrediction) -> bool:
    return (prediction.study_uid, prediction.model.name) == key


def _decode(view: MammogramView, wants_thumbnail: bool) -> _Decoded:
    """On a decoding thread."""
    try:
        pixels = load_pixels(view)
        display = prepare(view, pixels)
        small = None
        if wants_thumbnail:
            small = thumbnail(
                pixels, display.presets[0], THUMBNAIL_HEIGHT, view.laterality, view.pixel_aspect
            )
    except EngineError as error:
        return _Decoded(None, error)
    except MemoryError:
        advice = "Close other programs or open fewer studies at a time, then select it again."
        return _Decoded(None, UnreadableFile("Not enough memory", advice))
    return _Decoded(display, thumbnail=small)


def _bug(title: str) -> EngineError:
    """What the reader is told while the traceback goes to the log."""
    return EngineError(title, "This is a fault of the program: please report it with its log file.")
