"""What is open, and who hears of it: holds together the images, the engine's answers and the
readings, and tells their news as signals on the window's thread.

Nothing here waits. Studies are loaded on one thread, pixels decoded on a few (`images`),
predictions made in the engine process (`inference`).

What the reading mode hides stays in here: until an answer may be shown (`readings`),
`prediction`, `status`, `other_answer`, `regions`, `history` and all signals are as if it had not
come, but for a study's being done. Nor is anything asked about a spot until then.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.anonymisation.anonymising import Anonymiser, refuse_inside, study_folders
from engine.dicom.loading import load
from engine.domain import (
    Annotation,
    AnnotationKind,
    AnonymousCopy,
    AskedRegion,
    Catalogue,
    Draft,
    FileIdentity,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
    UnsavedEntries,
    standing,
)
from engine.errors import EngineError, StorageFailed, UnreadableFile
from engine.records import training_manifest
from engine.records.verification import Verdict
from viewer.display.priors import Prior
from viewer.display.regions import Box, box_of
from viewer.session.images import PIXEL_CACHE_BYTES, Images
from viewer.session.inference import HEAT_CACHE_BYTES, Engine, Inference
from viewer.session.readings import Readings, is_of
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import (
    EngineStatus,
    OtherAnswer,
    ReadingState,
    RegionAnswer,
    RunState,
    StudyState,
    StudyStatus,
    ToldReading,
)

log = logging.getLogger(__name__)

PROGRESS_INTERVAL_S = 0.05  # between two reports of a folder being read
CHECK_DELAY_MS = 1500  # lets the first image be shown before the readings are verified
CHECK_INTERVAL_MS = 60 * 60 * 1000  # a program that runs for days makes its daily backups, too
SETTLE_DELAY_MS = 1000  # after the last save
WRITE_DELAY_MS = 300  # entries are on the disk that long after they are made
RELISTINGS = 3  #: that one file may cause; one that is being written would cause them for ever
RELISTING_DELAY_MS = 300  # files that are replaced come in numbers
WAKE_DELAY_MS = 150  # lets the first image be painted before the engine takes the processor


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
    # The same Catalogue with more in it, and its new studies; what was there is as it was
    catalogue_grown = Signal(object, object)
    # A Study, or None, came up for reading; its pixels and prediction follow by their own signals
    study_selected = Signal(object)
    # Study uid, image uid, rendering.DisplayPixels; of the selected study and the prior beside it
    pixels_loaded = Signal(str, str, object)
    # Study uid, image uid, EngineError; of the same
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
    # An EngineError: the engine died or hung, and has been started again
    engine_restarted = Signal(object)
    # An OtherAnswer on the selected study; None: the other model is not to be asked
    other_changed = Signal(object)
    # A tuple of RegionAnswer: all that is known of rectangles on the open study; none while hidden
    regions_changed = Signal(object)
    # A ReadingMode was chosen, or another reader took over: all that the models said is to be
    # taken away; what may still be shown follows
    mode_changed = Signal(object)
    # A ReadingState of the open study, e.g. as its answer is about to be revealed
    reading_changed = Signal(object)
    # A ReaderAssessment is on the disk
    assessment_recorded = Signal(object)
    # A ReaderAssessment could not be stored: EngineError
    recording_failed = Signal(object, object)
    # An EngineError: the open study's answer may be revealed, but that could not be put on record
    reveal_failed = Signal(object)
    # Study uid, Laterality, whether it took the place of the catalogue: the study of a reading is
    # there to be selected, and the breast that was read
    reading_opened = Signal(str, object, bool)
    # Training data being written: images done, images in all
    training_progressed = Signal(int, int)
    # The same, at its end: training_manifest.Written, or None where it was cancelled or has failed
    training_written = Signal(object)
    # Image uid, and its header as a tuple of HeaderElement, or an EngineError
    header_read = Signal(str, object)
    # An AnonymousCopy of a study is complete
    study_copied = Signal(object)
    # An EngineError that the reader must see and that belongs to no study
    fault_occurred = Signal(object)

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
        self._is_closed = False
        self._delivery = Delivery(self)

        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._is_opening = False
        self._is_partly_open = False  # the catalogue shown is not all of it yet
        self._opening = 0  # the number of the latest request to open
        self._stop_opening = threading.Event()
        self._paths: tuple[Path, ...] = ()  # that the catalogue was found under
        self._relistings: Counter[Path] = Counter()  # that each file caused
        self._relisting_due = QTimer(self, singleShot=True, interval=RELISTING_DELAY_MS)
        self._relisting_due.timeout.connect(self._list_anew)
        self._exporter = ThreadPoolExecutor(1, thread_name_prefix="exporting")
        self._stop_export = threading.Event()

        self.studies: dict[str, Study] = {}
        self._unread_folders: set[Path] = set()
        self._current: Study | None = None
        self._to_go_on_with: str | None = None
        self._opened_at = datetime.now(UTC)
        self._told_of_other: OtherAnswer | None = None
        self._regions: dict[tuple[str, Box], RegionAnswer] = {}  # of the open study, hidden or not
        self._awaited: dict[str, tuple[RegionAnswer, str]] = {}  # by mark, and who asked
        #: the site's own, of 1,000 women screened; what is shown is shifted to it. None: not stated
        self.cancers_per_1000: float | None = None

        self.images = Images(self._delivery, pixel_cache_bytes, self)
        self._inference = Inference(engine, self._delivery, model_name, heat_cache_bytes, self)
        self._readings = Readings(readings_path, mode, self.fault_occurred.emit)
        self._keeper = ThreadPoolExecutor(1, thread_name_prefix="keeping")
        self._stop_keeping = threading.Event()
        self._kept_backups = 0
        self._keeping_due = self._timer(self._check_in_background)
        self._settling_due = self._timer(self._readings.settle)
        self._writing_due = self._timer(self._write_entries)
        self._pass_on()

    def _timer(self, action: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(action)
        return timer

    def _pass_on(self) -> None:
        """What the parts tell and no mode hides goes on as it is."""
        images, inference = self.images, self._inference
        images.loaded.connect(self.pixels_loaded)
        images.failed.connect(self.pixels_failed)
        images.thumbnail_made.connect(self.thumbnail_made)
        images.header_read.connect(self.header_read)
        images.one_done.connect(self._wake_soon)
        inference.answered.connect(self._on_answered)
        inference.status_changed.connect(self._tell_status)
        inference.progress_changed.connect(self.progress_changed)
        inference.engine_changed.connect(self.engine_changed)
        inference.restarted.connect(self.engine_restarted)
        inference.run_changed.connect(self.run_changed)
        inference.fault_occurred.connect(self.fault_occurred)
        for part in (images, inference):
            part.file_changed.connect(self._on_file_changed)
        inference.worked.connect(self._tell_of_other)
        inference.region_answered.connect(self._on_region_answered)
        self.reading_changed.connect(self._tell_regions)

        self._copier = ThreadPoolExecutor(1, thread_name_prefix="copying")
        self._stop_copying = threading.Event()

    # -------------------------------------------------------------------------- what it knows

    @property
    def current_study(self) -> Study | None:
        return self._current

    @property
    def priors(self) -> tuple[Prior, ...]:
        """The open patient's earlier studies in the catalogue that compare, the newest first."""
        return self.images.priors

    @property
    def is_complete(self) -> bool:
        """Whether every file that lies beside the open study's could be read."""
        views = self._current.views if self._current else ()
        return self._unread_folders.isdisjoint(view.path.parent for view in views)

    def is_hung(self, study_uid: str) -> bool:
        """Whether its images are on the screen: the open study, or the prior beside it."""
        return self.images.is_hung(study_uid)

    @property
    def to_go_on_with(self) -> str | None:
        """The study to be selected in a catalogue that was listed anew; None in another."""
        return self._to_go_on_with

    @property
    def opened_at(self) -> datetime:
        """When the current study came up, with time zone."""
        return self._opened_at

    @property
    def model_name(self) -> str:
        return self._inference.model_name

    @property
    def other_model_name(self) -> str | None:
        """Who gives a second opinion on the current model; None where that is both already."""
        return self._inference.other_model_name

    @property
    def asks_both(self) -> bool:
        """Whether the other model is asked about the open study too."""
        return self._inference.asks_both

    @property
    def other_answer(self) -> OtherAnswer | None:
        """On the current study; None where the other model is not to be asked, or is hidden."""
        study, inference = self._current, self._inference
        name = self.other_model_name
        if not self.asks_both or name is None or study is None:
            return None
        if self._readings.is_hidden(study.uid):
            return None
        return OtherAnswer(
            study.uid,
            inference.engine_status(name),
            inference.status(study.uid, name),
            inference.prediction(study.uid, name),
        )

    @property
    def run_state(self) -> RunState:
        return self._inference.run_state

    @property
    def engine_status(self) -> EngineStatus:
        """Of the current model."""
        return self._inference.engine_status(self.model_name)

    def prediction(self, study_uid: str) -> StudyPrediction | None:
        """By the current model; None while it is hidden."""
        return None if self._readings.is_hidden(study_uid) else self._known(study_uid)

    def _known(self, study_uid: str) -> StudyPrediction | None:
        """What the current model says, shown or not."""
        return self._inference.prediction(study_uid, self.model_name)

    def status(self, study_uid: str) -> StudyStatus:
        """Of the current model; while its answer is hidden, done whatever it says."""
        status = self._inference.status(study_uid, self.model_name)
        if status.state is StudyState.OUT_OF_SCOPE and self._readings.is_hidden(study_uid):
            return StudyStatus(StudyState.DONE)
        return status

    @property
    def is_idle(self) -> bool:
        """Nothing is open, and nothing is being opened."""
        return not self.studies and not self._is_opening

    @property
    def progress(self) -> tuple[int, int]:
        """Studies that the current model is done with, and studies in all."""
        return self._inference.progress

    # --------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Looks for studies under the paths; `catalogue_opened` follows, or `fault_occurred`."""
        self._relistings.clear()
        paths = tuple(paths)
        self._is_partly_open = False
        self._look_under(
            paths,
            lambda catalogue: self._on_opened(paths, catalogue),
            lambda catalogue: self._on_partly_opened(paths, catalogue),
        )

    def open_reading(self, reading: ReaderAssessment) -> None:
        """Brings up the study that was read; `reading_opened` follows, or `fault_occurred`.

        Where it is not in the catalogue its files are looked for where they lay, and it takes the
        place of the catalogue only if they still are that study.
        """
        if (study := self._readings.study_of(reading)) is not None:
            self.reading_opened.emit(study.uid, reading.laterality, False)
            return
        try:
            places = tuple(self._readings.places(reading).values())
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return
        if not places:
            self.fault_occurred.emit(
                UnreadableFile(
                    mark("Where this study lies is not known"),
                    mark(
                        "It was read with an earlier version: open its folder once, and it is "
                        "known."
                    ),
                )
            )
            return
        self._look_under(places, lambda catalogue: self._on_found_again(reading, places, catalogue))

    def _look_under(
        self,
        paths: tuple[Path, ...],
        on_loaded: Callable[[Catalogue], None],
        on_found: Callable[[Catalogue], None] | None = None,
    ) -> None:
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
            self._delivery.deliver(lambda: self._on_opening_progressed(opening, done, total))

        def show(catalogue: Catalogue) -> None:
            if on_found is not None:
                self._delivery.deliver(
                    lambda: on_found(catalogue) if opening == self._opening else None
                )

        future = self._loader.submit(
            load, paths, report, should_stop.is_set, show if on_found else None
        )
        self._delivery.when_done(future, lambda done: self._on_loaded(opening, done, on_loaded))
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

    def _on_loaded(
        self, opening: int, future: "Future[Catalogue]", on_loaded: Callable[[Catalogue], None]
    ) -> None:
        if opening != self._opening or future.cancelled():
            return
        self._is_opening = False
        self.opening_finished.emit()
        try:
            catalogue = future.result()
        except EngineError as error:
            self.fault_occurred.emit(error)
            return
        on_loaded(catalogue)

    @Slot(object)
    def _on_file_changed(self, path: Path) -> None:
        """Soon lists everything anew: whatever the file holds now shows under its own name."""
        if self._relistings[path] < RELISTINGS and not self._relisting_due.isActive():
            self._relistings[path] += 1
            self._relisting_due.start()

    @Slot()
    def _list_anew(self) -> None:
        if not self._is_opening and not self._is_closed:
            log.info("Files have changed since they were listed")
            self._look_under(self._paths, self._on_listed_anew)

    def _on_listed_anew(self, catalogue: Catalogue) -> None:
        if not catalogue.studies:  # the disc is out: what is in memory stays, the rest failed
            return
        before, current = self.studies, self._current
        kept = [study.uid for study in catalogue.studies if _is_same(study, before.get(study.uid))]
        go_on = _go_on_with(current, catalogue.studies)
        self._show_catalogue(self._paths, catalogue, kept, go_on)
        self.fault_occurred.emit(
            UnreadableFile(
                mark("The file has changed"),
                mark("Everything was listed anew: look whose study is open now."),
            )
        )

    def _on_opened(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        if not catalogue.studies and not catalogue.failures:
            self.fault_occurred.emit(
                UnreadableFile(
                    mark("No mammograms found there"),
                    mark("Open a folder or files with DICOM, PNG, JPEG or TIFF mammograms."),
                )
            )
            return
        if self._is_partly_open:
            self._grow(paths, catalogue)
        else:
            self._show_catalogue(paths, catalogue)

    def _on_partly_opened(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        """The first examinations of a large folder: reading can begin while the rest is found."""
        if self._is_partly_open:
            self._grow(paths, catalogue)
        else:
            self._is_partly_open = True
            self._show_catalogue(paths, catalogue)

    def _grow(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        """What is open stays as it is on the screen, unless it turns out to be more or another."""
        studies = {study.uid: study for study in catalogue.studies}
        before = self.studies
        if any(not _is_as_it_was(studies.get(uid), known) for uid, known in before.items()):
            kept = [uid for uid, study in studies.items() if _is_same(study, before.get(uid))]
            go_on = _go_on_with(self._current, catalogue.studies)
            self._show_catalogue(paths, catalogue, kept, go_on)
            return
        studies |= before  # who holds a study of the catalogue holds the same one
        new = tuple(study for study in catalogue.studies if study.uid not in self.studies)
        self.studies = studies
        self._unread_folders = {failure.path.parent for failure in catalogue.failures}
        for part in (self._readings, self.images, self._inference):
            part.grow(studies)
        log.info("Opened %d studies, %d failures", len(studies), len(catalogue.failures))
        self.catalogue_grown.emit(catalogue, new)
        for study in new:
            self._inference.status_changed.emit(study.uid)
        if not self.images.are_priors_known():
            self._hang_again()
        self.images.work()

    def _hang_again(self) -> None:
        """An earlier study of the open patient was found: it belongs beside."""
        current = self._current
        if current is not None:
            self.select_study(None)
            self.select_study(current.uid)

    def _on_found_again(
        self, reading: ReaderAssessment, paths: tuple[Path, ...], catalogue: Catalogue
    ) -> None:
        study = next((study for study in catalogue.studies if is_of(reading, study)), None)
        if study is None:
            self.fault_occurred.emit(
                UnreadableFile(
                    mark("The study is not where it was read"),
                    mark(
                        "Its files were moved, replaced or deleted. Open the folder that holds "
                        "them now; the reading shows with the study, and is found there from then "
                        "on."
                    ),
                )
            )
            return
        self._show_catalogue(paths, replace(catalogue, studies=(study,)))
        self.reading_opened.emit(study.uid, reading.laterality, True)

    def _show_catalogue(
        self,
        paths: tuple[Path, ...],
        catalogue: Catalogue,
        kept: Collection[str] = (),
        go_on_with: str | None = None,
    ) -> None:
        studies = {study.uid: study for study in catalogue.studies}
        if len(studies) != len(catalogue.studies):  # else one's answer would show as the other's
            raise ValueError("two studies of a catalogue share a uid")
        self._relisting_due.stop()
        self._paths = paths
        self._to_go_on_with = go_on_with
        self.studies = studies
        self._unread_folders = {failure.path.parent for failure in catalogue.failures}
        self._current = None
        self._regions, self._awaited = {}, {}
        self._readings.open(studies)
        self.images.open(studies)
        self._inference.open(studies, kept)
        log.info("Opened %d studies, %d failures", len(studies), len(catalogue.failures))
        self.catalogue_opened.emit(catalogue)
        self.run_changed.emit(self.run_state)
        self._inference.tell_all_statuses()
        for uid in kept:
            self._attach_answers(uid)
            self._tell_prediction(uid)
        self.images.work()
        self._inference.work()

    def select_study(self, study_uid: str | None, upcoming_uid: str | None = None) -> None:
        """Brings a study up for reading; the upcoming one is decoded ahead where there is room.

        Raises KeyError where the catalogue has no such study.
        """
        study = None if study_uid is None else self.studies[study_uid]
        upcoming = None if upcoming_uid is None else self.studies[upcoming_uid]
        if study is self._current and study is not None:
            self.images.show(upcoming)
            return
        previous, self._current = self._current, study
        was_hidden = previous is not None and self._readings.is_hidden(previous.uid)
        self._readings.select(study)
        self._inference.select(study)
        self._take_up_regions(study)
        self._opened_at = datetime.now(UTC)
        self.images.hang(study)
        self.images.work()  # while its place is made
        self._told_of_other = None  # who hears of another study forgets what it was told
        self.study_selected.emit(study)
        self._tell_regions()
        if previous is not None:
            self._tell_status(previous.uid)
            if was_hidden:  # perhaps only while it was open
                self._tell_prediction(previous.uid)
        self.images.show(upcoming)
        if study is not None:
            self._inference.forgive(study.uid)  # what failed is tried again as the reader returns
            self._tell_status(study.uid)
            self._reveal_if_due()
            self._tell_prediction(study.uid)
        self._inference.work()

    def show_prior(self, study_uid: str) -> None:
        """Another of the `priors` hangs beside the open study: its pixels follow."""
        self.images.show_prior(study_uid)

    def _is_current(self, study_uid: str) -> bool:
        return self._current is not None and self._current.uid == study_uid

    # ----------------------------------------------------------------------------- the networks

    @Slot()
    def wake_engine(self) -> None:
        """Starts the engine, which takes some seconds of the processor, once the window stands."""
        self._inference.wake()

    @Slot()
    def _wake_soon(self) -> None:
        if not self._inference.is_awake:
            QTimer.singleShot(WAKE_DELAY_MS, self, self.wake_engine)

    def set_model(self, model_name: str) -> None:
        """Asks another network from now on; what the earlier one said is kept for its return."""
        if model_name == self.model_name:
            return
        self._inference.set_model(model_name)
        self.model_changed.emit(model_name)
        self.engine_changed.emit(self.engine_status)
        self._inference.tell_all_statuses()
        for uid in self.studies:
            self._attach_answers(uid)
        self._reveal_if_due()
        self._tell_all_predictions()
        self._inference.work()

    def set_asks_both(self, asks_both: bool) -> None:
        """From now on asks the other model about the open study too, or no longer."""
        self._inference.set_asks_both(asks_both)

    def retry_engine(self) -> None:
        """Tries once more to start the current model."""
        self._inference.retry_engine()

    def restart_engine(self) -> None:
        """Ends the engine, whatever it does, and starts it again, also at what it gave up."""
        self._inference.restart_engine()

    def pause(self) -> None:
        self._inference.set_run_state(RunState.PAUSED)

    def resume(self) -> None:
        """After a pause, or anew after a cancellation."""
        self._inference.set_run_state(RunState.RUNNING)

    def cancel(self) -> None:
        """Takes all studies but the open one out of the queue; answers already there stay."""
        self._inference.set_run_state(RunState.CANCELLED)

    @Slot(str)
    def _on_answered(self, study_uid: str) -> None:
        self._attach_answers(study_uid)
        self._reveal_if_due()
        self._tell_prediction(study_uid)

    def _attach_answers(self, study_uid: str) -> None:
        if (prediction := self._known(study_uid)) is not None:
            self._readings.attach_answers(self.studies[study_uid], prediction)

    @Slot()
    def _tell_of_other(self) -> None:
        answer = self.other_answer
        if answer != self._told_of_other:
            self._told_of_other = answer
            self.other_changed.emit(answer)

    @Slot(str)
    def _tell_status(self, study_uid: str) -> None:
        if study_uid in self.studies:
            self.status_changed.emit(study_uid, self.status(study_uid))

    def _tell_prediction(self, study_uid: str) -> None:
        if (prediction := self.prediction(study_uid)) is not None:
            self._readings.note_shown(self.studies[study_uid])
            self.study_predicted.emit(prediction)

    def _tell_all_predictions(self) -> None:
        for uid in self.studies:
            self._tell_prediction(uid)

    # ------------------------------------------------------------------------ the reading modes

    @property
    def mode(self) -> ReadingMode:
        """As chosen; the open study may still be in a stricter one."""
        return self._readings.mode

    @property
    def reading(self) -> ReadingState:
        """How the open study is read."""
        return self._readings.state

    def set_mode(self, mode: ReadingMode) -> None:
        """Hides at once what the mode hides; a laxer one begins with the next study."""
        if mode is not self.mode:
            self._readings.choose_mode(mode)
            self._tell_mode()

    def set_reader(self, name: str) -> None:
        """Whose readings are recorded; what is revealed to one is not to another."""
        if name != self._readings.reader:
            self._readings.change_reader(name)
            self._tell_mode()

    def _tell_mode(self) -> None:
        self.mode_changed.emit(self.mode)
        self.reading_changed.emit(self.reading)
        self._inference.tell_all_statuses()
        self._reveal_if_due()
        self._tell_all_predictions()
        self._told_of_other = None  # it was taken away
        self._inference.work()

    def _reveal_if_due(self) -> None:
        """Puts on record that the open study's answer is revealed, if it is there and may be."""
        if self._current is None or self._known(self._current.uid) is None:
            return
        try:
            is_revealed = self._readings.reveal_if_due()
        except StorageFailed as error:
            self.reveal_failed.emit(error)
            return
        if is_revealed:
            self.reading_changed.emit(self.reading)
            self._tell_status(self._current.uid)

    def retry_reveal(self) -> None:
        """Shows the open study's answer if that can be put on record by now."""
        if self._current is not None:
            was_hidden = self._readings.is_hidden(self._current.uid)
            self._go_on_with_second_read(self._current, was_hidden)

    # --------------------------------------------------------------------------- what readers say

    def has_been_read(self, study: Study) -> bool:
        """Whether anybody has recorded an assessment of it that stands."""
        return bool(standing(self.history(study)))

    def is_unfinished(self, study: Study) -> bool:
        """Whether this reader's second read of it was begun, and no category kept or changed."""
        return any(
            reading.is_unfinished
            for reading in standing(self.history(study))
            if reading.reader == self._readings.reader
        )

    def history(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """Earlier assessments of the study, oldest first; none where they cannot be read.

        While the model's answer is hidden, without what was said of it and to it.
        """
        try:
            return self._readings.history(study)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return ()

    def record(self, assessment: ReaderAssessment) -> None:
        """Stores it at once; `assessment_recorded` or `recording_failed` follows before it returns.

        The session adds what the pane cannot know: when the answer was shown and how long the
        study has been on the screen; and after it, what the model said of a reading made without.
        In second read the last breast's category reveals the answer.

        Raises ValueError where the assessment does not fit the study that it names.
        """
        study = self.studies.get(assessment.study_uid)
        was_hidden = study is not None and self._readings.is_hidden(study.uid)
        try:
            recorded = self._readings.record(self._as_shown(assessment))
        except StorageFailed as error:
            self.recording_failed.emit(assessment, error)
            return
        self._settling_due.start(SETTLE_DELAY_MS)
        self.assessment_recorded.emit(recorded)
        if study is not None:
            self._attach_answers(study.uid)
            self._go_on_with_second_read(study, was_hidden)

    def _as_shown(self, assessment: ReaderAssessment) -> ReaderAssessment:
        """With the second opinion that stood beside the model's, and the prior that both were
        shown with; the numbers stay those of the network."""
        said, other = assessment.prediction, self.other_answer
        if said is None:
            return assessment
        if not said.others and other is not None and other.prediction is not None:
            second = {breast.laterality: breast.prediction for breast in other.prediction.breasts}
            if other.study_uid == assessment.study_uid and assessment.laterality in second:
                said = replace(said, others=(second[assessment.laterality],))
        return replace(assessment, prediction=replace(said, shown_per_1000=self.cancers_per_1000))

    def undo_assessment(self) -> ReaderAssessment:
        """Takes back the reader's latest reading of the open study by a new record, which it
        returns: what was said before, or that nothing is said. Raises EngineError where there is
        none, or it has to stay; StorageFailed where that could not be put on record.
        """
        recorded = self._readings.undo()
        self.assessment_recorded.emit(recorded)
        self._attach_answers(recorded.study_uid)
        self.reading_changed.emit(self.reading)
        return recorded

    def _go_on_with_second_read(self, study: Study, was_hidden: bool) -> None:
        """A category was stored: the answer is revealed if it was the last that lacked."""
        if not self._readings.is_second_read(study) or not self._is_current(study.uid):
            return
        self._reveal_if_due()
        self.reading_changed.emit(self.reading)
        if was_hidden and not self._readings.is_hidden(study.uid):
            self._tell_status(study.uid)
            self._tell_prediction(study.uid)
            self._tell_of_other()

    # ----------------------------------------------------------------------------- annotations

    def annotations(self, study: Study) -> tuple[Annotation, ...]:
        """What readers drew on its images, with what could not be stored yet, first drawn first."""
        try:
            return self._readings.annotations(study)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return self._readings.annotations(study, is_stored_known=False)

    def annotate(self, annotation: Annotation) -> None:
        """Stores a drawing, its change or its removal at once.

        Where that fails the reader is told, and it is stored together with the next, or at the end.
        """
        try:
            self._readings.annotate(annotation)
        except StorageFailed as error:
            self._tell_unkept(error)
        study = self._current
        is_of_study = study is not None and annotation.study_uid == study.uid
        if annotation.kind is AnnotationKind.REGION and is_of_study:
            self._ask_about(study, annotation)

    def _tell_unkept(self, error: StorageFailed) -> None:
        self.fault_occurred.emit(
            StorageFailed(
                mark("What you drew is not kept yet"),
                f"{error.advice} It stays on the screen and is tried again with the next.",
            )
        )

    # --------------------------------------------------------------------------------- regions

    @property
    def regions(self) -> tuple[RegionAnswer, ...]:
        """What the region network says of rectangles on the open study, or is being asked, also of
        those that were taken away; none while that is hidden.
        """
        study = self._current
        if study is None or self._readings.is_hidden(study.uid):
            return ()
        return tuple(self._regions.values())

    def _take_up_regions(self, study: Study | None) -> None:
        """What was said of the study's rectangles earlier; whatever was being asked is dropped."""
        self._regions, self._awaited = {}, {}
        if study is None:
            return
        try:
            told = self._readings.regions(study)
        except StorageFailed:  # told where the drawings are asked for
            log.warning("What was said of rectangles cannot be read")
            return
        for region in told:
            said = region.prediction
            self._regions[said.image_uid, said.box] = RegionAnswer(said.image_uid, said.box, said)

    def _ask_about(self, study: Study, rectangle: Annotation) -> None:
        """A rectangle was drawn, moved or taken away: asks about it where nothing is known yet."""
        self._stop_asking(rectangle.mark)
        view = study.view(rectangle.image_uid)
        box = box_of(rectangle.points, view.rows, view.columns)
        known = self._regions.get((view.image_uid, box))
        is_wanted = known is None or known.failure is not None
        if is_wanted and not rectangle.is_removed and not self._readings.is_hidden(study.uid):
            asked = RegionAnswer(view.image_uid, box)
            self._regions[view.image_uid, box] = asked
            self._awaited[rectangle.mark] = asked, rectangle.reader
            self._inference.ask_region(rectangle.mark, view, box)
        self._tell_regions()

    def _stop_asking(self, mark_of_rectangle: str) -> None:
        awaited = self._awaited.pop(mark_of_rectangle, None)
        if awaited is not None:
            asked, _reader = awaited
            del self._regions[asked.image_uid, asked.box]
            self._inference.drop_region(mark_of_rectangle)

    @Slot(str, object)
    def _on_region_answered(self, mark_of_rectangle: str, answer: RegionAnswer) -> None:
        _asked, reader = self._awaited.pop(mark_of_rectangle)
        self._regions[answer.image_uid, answer.box] = answer
        if (said := answer.prediction) is not None:
            study, now = self._current, datetime.now(UTC)
            try:
                self._readings.record_region(
                    AskedRegion(study.uid, study.patient_id, reader, said, now)
                )
            except StorageFailed as error:
                self._tell_unkept(error)
        self._tell_regions()

    @Slot()
    def _tell_regions(self) -> None:
        study = self._current
        if study is not None and self._readings.is_hidden(study.uid):
            for mark_of_rectangle in list(self._awaited):
                self._stop_asking(mark_of_rectangle)
        regions = self.regions
        if any(region.prediction is not None for region in regions):
            self._readings.note_shown(study)
        self.regions_changed.emit(regions)

    def read_header(self, image_uid: str) -> None:
        """Of an image that hangs; `header_read` follows."""
        self.images.read_header(image_uid)

    def check_readings(self, kept_backups: int = 0) -> None:
        """Tells at the start, not at the first save, where readings cannot be stored.

        In the background every row is verified then, and a daily backup made, of which
        `kept_backups` are kept; again every hour.
        """
        if self._is_closed:
            return
        self._kept_backups = kept_backups
        try:
            self._readings.check()
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return
        self._keeping_due.start(CHECK_DELAY_MS)

    def _check_in_background(self) -> None:
        future = self._keeper.submit(
            self._readings.verify_and_back_up, self._kept_backups, self._stop_keeping.is_set
        )
        self._delivery.when_done(future, self._on_checked)

    def _on_checked(self, future: "Future[Verdict]") -> None:
        self._keeping_due.start(CHECK_INTERVAL_MS)
        try:
            verdict = future.result()
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return
        if not verdict.is_sound:
            self.fault_occurred.emit(verdict.as_error())

    # ------------------------------------------------------------------------- not saved yet

    def keep_entries(self, study: Study, drafts: Mapping[Laterality, Draft]) -> None:
        """What stands in the forms of the study and is not saved survives a crash from soon on."""
        self._readings.note_entries(study, drafts)
        if not self._writing_due.isActive():
            self._writing_due.start(WRITE_DELAY_MS)

    def _write_entries(self) -> None:
        try:
            self._readings.write_entries()
        except StorageFailed as error:
            self.fault_occurred.emit(
                StorageFailed(
                    mark("What you entered is not kept yet"),
                    f"{error.advice} It stays on the screen; save it before you quit.",
                )
            )

    def unsaved_entries(self, study: Study) -> UnsavedEntries | None:
        """What this reader entered for it in an earlier run and did not save; while the model's
        answer is hidden, only what was entered without it.
        """
        return self._readings.unsaved(study)

    def all_readings(self) -> tuple[ToldReading, ...]:
        """Of all studies ever read, superseded ones too, oldest first; none where they cannot be
        read.
        """
        try:
            return self._readings.told()
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return ()

    def export_readings(
        self,
        path: Path,
        unblind: bool = False,
        only: Collection[int] | None = None,
        is_pseudonymised: bool = False,
    ) -> int | None:
        """Writes all readings, or those with these record ids, as CSV; their number, or None after
        `fault_occurred`.

        What the model said is left out wherever this reader has not been shown it, and in a mode
        that hides, wherever it is hidden now; `unblind` writes all, and is on record as a reveal.
        """
        try:
            self.check_target(path)
            pseudonyms = self._readings.pseudonyms() if is_pseudonymised else None
            return self._readings.export_csv(path, unblind, only, pseudonyms)
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            return None

    def write_training_data(
        self, target: Path, only: Collection[int], is_pseudonymised: bool = True
    ) -> None:
        """Writes the readings with these record ids as `records.training_manifest` tells, on a
        thread of its own; `training_progressed` follows, and at the end `training_written`.
        """
        try:
            studies = self._readings.read_studies(only)
            pseudonyms = self._readings.pseudonyms() if is_pseudonymised else None
        except StorageFailed as error:
            self.fault_occurred.emit(error)
            self.training_written.emit(None)
            return
        self._stop_export.set()
        self._stop_export = should_stop = threading.Event()

        def report(done: int, total: int) -> None:
            self._delivery.deliver(lambda: self.training_progressed.emit(done, total))

        future = self._exporter.submit(
            training_manifest.write, studies, target, pseudonyms, report, should_stop.is_set
        )
        self._delivery.when_done(future, self._on_training_written)

    def cancel_training_data(self) -> None:
        self._stop_export.set()

    def _on_training_written(self, future: "Future[training_manifest.Written]") -> None:
        written = None
        try:
            written = future.result()
        except EngineError as error:
            self.fault_occurred.emit(error)
        except training_manifest.Cancelled:
            pass
        finally:  # also as a bug of ours goes to the log
            self.training_written.emit(written)

    # ------------------------------------------------------------------------------------ copies

    def check_target(self, path: Path) -> None:
        """Raises StorageFailed where `path` would lie among the images that are open."""
        for study in self.studies.values():
            refuse_inside(path, study_folders(study))

    def copy_anonymised(self, study: Study, folder: Path, blanks_marks: bool) -> None:
        """Into a new folder in `folder`; `study_copied` or `fault_occurred` follows."""
        try:
            self.check_target(folder)
            anonymiser = Anonymiser(folder, blanks_marks=blanks_marks)
        except EngineError as error:
            self.fault_occurred.emit(error)
            return
        future = self._copier.submit(anonymiser.copy, study, self._stop_copying.is_set)
        self._delivery.when_done(future, self._on_copied)

    def _on_copied(self, future: "Future[AnonymousCopy]") -> None:
        if future.cancelled():
            return
        try:
            copy = future.result()
        except EngineError as error:
            self.fault_occurred.emit(error)
            return
        self.study_copied.emit(copy)

    # ----------------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Ends all threads and the engine process; waits for images being decoded just now."""
        if self._is_closed:
            return
        self._is_closed = True
        for timer in (self._keeping_due, self._settling_due, self._writing_due):
            timer.stop()
        self._delivery.stop()
        self._stop_opening.set()
        self._stop_copying.set()
        self._inference.close()
        self._copier.shutdown(cancel_futures=True)
        self._stop_export.set()
        self._stop_keeping.set()
        self._keeper.shutdown(cancel_futures=True)
        self._loader.shutdown(cancel_futures=True)
        self._exporter.shutdown(cancel_futures=True)
        self.images.close()
        try:
            self._readings.close()
        except StorageFailed as error:
            self._tell_unkept(error)


def _is_same(study: Study, before: Study | None) -> bool:
    """Whether a study is what it was to the file, so that what was said of it still holds."""
    return before is not None and _files(study) == _files(before)


def _is_as_it_was(study: Study | None, before: Study) -> bool:
    """The same in what is told of it, too."""
    return (
        study is not None
        and _is_same(study, before)
        and study.notes == before.notes
        and [view.notes for view in study.views] == [view.notes for view in before.views]
    )


def _files(study: Study) -> list[tuple[str, FileIdentity | None]]:
    return [(view.image_uid, view.file) for view in study.views]


def _go_on_with(current: Study | None, studies: Sequence[Study]) -> str | None:
    """The study that was open; where it is gone, the one that its files hold now."""
    if current is None:
        return None
    if any(study.uid == current.uid for study in studies):
        return current.uid
    paths = {view.path for view in current.views}
    return next((s.uid for s in studies if any(v.path in paths for v in s.views)), None)
