"""What is open, and what of the models' predictions may be shown: the session holds its parts
together and hands on, as signals on the window's thread, what no reading mode hides.

Nothing here waits. Studies are searched on one thread (`opening`), pixels decoded on a few
(`images`), predictions made in the engine process (`inference`), files written on two more
(`exporting`), and the readings looked after on another (`upkeep`). Processes of their own speak
with the hospital's network, where the site has configured it (`network`, `retrieving`, `sending`).
What a search found becomes what is open in `catalogue`. What these do is the same in every reading
mode, so the window has them as they are.

What the mode hides stays in here: until a prediction may be shown (`readings`), `prediction`,
`status`, `other_prediction`, `regions`, `history` and all signals are as if it had not come, but
for a study's being done. Nor is anything asked about a spot until then.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    Catalogue,
    Draft,
    Laterality,
    Prediction,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
    UnsavedEntries,
    current_readings,
)
from engine.errors import EngineError, StorageFailed
from engine.interop.plans import ObjectKind, ReaderRecords, plan
from engine.messages import message
from engine.site_configuration import Export
from viewer.display.priors import earlier_ones
from viewer.session.attributing import Attributing
from viewer.session.auditing import Auditing
from viewer.session.catalogue import OpenCatalogue, study_to_go_on_with
from viewer.session.exporting import Exporting
from viewer.session.foreign import Foreign
from viewer.session.hot_folder import HotFolder
from viewer.session.images import PIXEL_CACHE_BYTES, Images
from viewer.session.inference import Engine, Inference
from viewer.session.network import Network
from viewer.session.opening import Opening
from viewer.session.predictions import HEAT_CACHE_BYTES, Predictions
from viewer.session.readings import Readings
from viewer.session.region_requests import RegionRequests
from viewer.session.retrieving import Retrieving
from viewer.session.sending import Parcel, Sending
from viewer.session.upkeep import Upkeep
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import (
    HowRead,
    OtherModelPrediction,
    ReadingState,
    RegionRequest,
    ShownNow,
    StudyState,
    StudyStatus,
    VisibleReading,
)

log = logging.getLogger(__name__)

WRITE_DELAY_MS = 300  # entries are on the disk that long after they are made
START_DELAY_MS = 150  # lets the first image be painted before the engine takes the processor


class Session(QObject):
    """Lives on the window's thread. `close` must be called; it ends all threads and the engine
    process.
    """

    # It has taken the place of the one before; no study is selected
    catalogue_opened = Signal(Catalogue)
    # The same with more in it, and its new studies as a tuple; what was there is as it was
    catalogue_grown = Signal(Catalogue, tuple)
    # A Study, or None, came up for reading; its pixels and prediction follow by their own signals
    study_selected = Signal(object)
    # By the current model, of any study of the catalogue, that may be shown
    study_predicted = Signal(StudyPrediction)
    # Study uid and its status
    status_changed = Signal(str, StudyStatus)
    # Its name; all studies are to be asked anew, predictions it has made already follow
    model_changed = Signal(str)
    # An OtherModelPrediction on the selected study; None: the other model is not to be asked
    other_changed = Signal(object)
    # A tuple of RegionRequest: all that is known of rectangles on the open study; none while hidden
    regions_changed = Signal(tuple)
    # It was chosen, or another reader took over: all that the models said is to be taken away;
    # what may still be shown follows
    mode_changed = Signal(ReadingMode)
    # Of the open study, e.g. as its prediction is about to be revealed
    reading_changed = Signal(ReadingState)
    # It is on the disk
    assessment_recorded = Signal(ReaderAssessment)
    # It could not be stored
    recording_failed = Signal(ReaderAssessment, EngineError)
    # The open study's prediction may be revealed, but that could not be put on record
    reveal_failed = Signal(EngineError)
    # What the reader must see and belongs to no study, from any part
    error_occurred = Signal(EngineError)

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
        self._delivery = delivery = Delivery(self)

        self._current: Study | None = None
        self._to_go_on_with: str | None = None
        self._earlier: frozenset[str] = frozenset()
        self._opened_at = datetime.now(UTC)
        self._emitted_other: OtherModelPrediction | None = None
        #: the site's own, of 1,000 women screened; what is shown is shifted to it. None: not stated
        self.cancers_per_1000: float | None = None

        self._predictions = Predictions(heat_cache_bytes)
        self._readings = readings = Readings(readings_path, mode, self.error_occurred.emit)
        self.attributing = Attributing(readings, self)
        self.opening = Opening(delivery, self.attributing.known, self)
        self.catalogue = OpenCatalogue(self.opening, readings, self)
        self.images = Images(delivery, pixel_cache_bytes, self)
        self.inference = Inference(engine, delivery, model_name, self._predictions, self)
        self.hot_folder = HotFolder(delivery, self)
        self.hot_folder.arrived.connect(self.catalogue.add)
        self.exporting = Exporting(readings, delivery, self)
        self.upkeep = Upkeep(readings, delivery, self)
        self.network = Network(self)
        self.retrieving = Retrieving(self.network, self)
        self.inference.is_coming = self._is_coming
        self.sending = Sending(self.network, delivery, readings_path, self)
        self.auditing = Auditing(self.network, delivery, self)
        self.foreign = Foreign(delivery, readings.is_hidden, self)
        self._was_complete = True  # the open study, when it was hung
        self._regions = RegionRequests(
            self.inference, readings, self._emit_regions, self._report_unstored
        )
        self._writing_due = QTimer(self, singleShot=True)
        self._writing_due.timeout.connect(self._write_entries)
        self._connect_parts()

    def _connect_parts(self) -> None:
        inference = self.inference
        inference.predicted.connect(self._on_predicted)
        inference.status_changed.connect(self._emit_status)
        inference.worked.connect(self._emit_other)
        self.images.one_done.connect(self._start_engine_soon)
        self.catalogue.replaced.connect(self._on_replaced)
        self.catalogue.grown.connect(self._on_grown)
        self.catalogue.received_listed.connect(self._go_on_with_received)
        self.attributing.attributed.connect(self.catalogue.show_as_said)
        for part in (self.images, inference):
            part.file_changed.connect(self.opening.note_change)
        network, sending = self.network, self.sending
        for failing in (self.opening, inference, self.exporting, self.upkeep, network, sending):
            failing.failed.connect(self.error_occurred)
        for failing_too in (self.auditing, self.attributing, self.catalogue):
            failing_too.failed.connect(self.error_occurred)
        self.exporting.exported.connect(self.auditing.exported)
        self.retrieving.settled.connect(self._go_on_with_received)
        self.reading_changed.connect(self._emit_regions)
        self.reading_changed.connect(self.foreign.refresh)

    # -------------------------------------------------------------------------- what it knows

    @property
    def reader(self) -> str:
        """The name under which readings are recorded; empty while there is none."""
        return self._readings.reader

    @property
    def studies(self) -> Mapping[str, Study]:
        """Of the catalogue, by uid."""
        return self.catalogue.studies

    @property
    def current_study(self) -> Study | None:
        return self._current

    @property
    def is_complete(self) -> bool:
        """Whether every file that lies beside the open study's could be read."""
        study = self._current
        return study is None or not (
            self._is_coming(study.uid)
            or self.retrieving.is_short(study.uid)
            or self.catalogue.has_unread(study)
        )

    @property
    def to_go_on_with(self) -> str | None:
        """The study to be selected in a catalogue that was listed anew; None in another."""
        return self._to_go_on_with

    @property
    def earlier(self) -> frozenset[str]:
        """Uids of the studies that are a prior of another one that is open."""
        return self._earlier

    @property
    def opened_at(self) -> datetime:
        """When the current study came up, with time zone."""
        return self._opened_at

    @property
    def is_idle(self) -> bool:
        """Nothing is open, and nothing is being opened."""
        return not self.studies and not self.opening.is_busy

    # -------------------------------------------------------------- what a reading mode may hide

    def prediction(self, study_uid: str) -> StudyPrediction | None:
        """By the current model; None while it is hidden."""
        return None if self._readings.is_hidden(study_uid) else self._known(study_uid)

    def _known(self, study_uid: str) -> StudyPrediction | None:
        """By the current model, shown or not."""
        return self._predictions.get(study_uid, self.inference.model_name)

    def status(self, study_uid: str) -> StudyStatus:
        """Of the current model; while its prediction is hidden, done whatever it says."""
        status = self.inference.status(study_uid, self.inference.model_name)
        return _with_scope(status, self.prediction(study_uid))

    @property
    def other_prediction(self) -> OtherModelPrediction | None:
        """On the current study; None where the other model is not to be asked, or is hidden."""
        study, inference = self._current, self.inference
        name = inference.other_model_name
        if not inference.compares_models or name is None or study is None:
            return None
        if self._readings.is_hidden(study.uid):
            return None
        prediction = self._predictions.get(study.uid, name)
        status = _with_scope(inference.status(study.uid, name), prediction)
        return OtherModelPrediction(study.uid, inference.status_of_engine(name), status, prediction)

    @property
    def regions(self) -> tuple[RegionRequest, ...]:
        """What the region network says of rectangles on the open study, or is being asked, also of
        those that were taken away; none while that is hidden.
        """
        study = self._current
        if study is None or self._readings.is_hidden(study.uid):
            return ()
        return self._regions.all

    # --------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Searches the paths for studies; `catalogue_opened` follows, or `error_occurred`."""
        self.attributing.forget()
        self.catalogue.open(paths)

    @Slot()
    def _go_on_with_received(self) -> None:
        """What does not hang by now is missing, not on its way; and the model may judge it."""
        if not self._was_complete and self.is_complete:
            self._hang_again()
        self.inference.work()

    def _is_coming(self, study_uid: str) -> bool:
        """Whether more of the study is on its way, or here and not listed yet."""
        return self.catalogue.is_unlisted(study_uid) or self.retrieving.is_coming(study_uid)

    @Slot(Catalogue, tuple)
    def _on_grown(self, catalogue: Catalogue, new: tuple[Study, ...]) -> None:
        studies = self.studies
        self.foreign.open(catalogue.documents)
        if self._current is not None:
            self.foreign.select(self._current)
        self._readings.grow(studies)
        self.images.grow(studies)
        self._earlier = earlier_ones(studies.values())
        self.exporting.open(studies)
        log.info("Opened %d studies, %d failures", len(studies), len(catalogue.failures))
        self.catalogue_grown.emit(catalogue, new)
        self.inference.grow(studies)  # tells of studies that the reader has before them by now
        for study in new:
            self._emit_status(study.uid)
        if not self.images.are_priors_known():
            self._hang_again()
        self.images.work()

    def _hang_again(self) -> None:
        """An earlier study of the open patient was found: it belongs beside."""
        current = self._current
        if current is not None:
            self.select_study(None)
            self.select_study(current.uid)

    @Slot(Catalogue, tuple, bool)
    def _on_replaced(self, catalogue: Catalogue, kept: tuple[str, ...], goes_on: bool) -> None:
        studies = self.studies
        self._to_go_on_with = (
            study_to_go_on_with(self._current, catalogue.studies) if goes_on else None
        )
        self._current = None
        self._regions.open(None)
        self.foreign.open(catalogue.documents)
        self._readings.open(studies)
        self.images.open(studies)
        self._earlier = earlier_ones(studies.values())
        self.inference.open(studies, kept)
        self.exporting.open(studies)
        log.info("Opened %d studies, %d failures", len(studies), len(catalogue.failures))
        self.catalogue_opened.emit(catalogue)
        self.inference.emit_all()
        for uid in kept:
            self._attach_predictions(uid)
            self._emit_prediction(uid)
        self.images.work()
        self.inference.work()

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
        self.inference.select(study)
        self._regions.open(study)
        self._opened_at = datetime.now(UTC)
        self.images.hang(study)
        self.images.work()  # while its place is made
        self._emitted_other = None  # who hears of another study forgets what it was told
        self._was_complete = self.is_complete
        self.study_selected.emit(study)
        self._emit_regions()
        self.foreign.select(study)
        if previous is not None:
            self._emit_status(previous.uid)
            if was_hidden:  # perhaps only while it was open
                self._emit_prediction(previous.uid)
        self.images.show(upcoming)
        if study is not None:
            self.inference.clear_failures(study.uid)  # tried again as the reader returns
            self._emit_status(study.uid)
            self._reveal_if_due()
            self._emit_prediction(study.uid)
            self.auditing.study_opened(study)
        self.inference.work()

    def _is_current(self, study_uid: str) -> bool:
        return self._current is not None and self._current.uid == study_uid

    # ----------------------------------------------------------------------------- the networks

    @Slot()
    def _start_engine_soon(self) -> None:
        if not self.inference.is_started:
            QTimer.singleShot(START_DELAY_MS, self.inference, self.inference.start)

    def set_model(self, model_name: str) -> None:
        """Asks another network from now on; what the earlier one said is kept for its return."""
        if model_name == self.inference.model_name:
            return
        self.inference.set_model(model_name)
        self.model_changed.emit(model_name)
        self.inference.emit_engine()
        self.inference.emit_statuses()
        for uid in self.studies:
            self._attach_predictions(uid)
        self._reveal_if_due()
        self._emit_predictions()
        self.inference.work()

    @Slot(str)
    def _on_predicted(self, study_uid: str) -> None:
        self._attach_predictions(study_uid)
        self._reveal_if_due()
        self._emit_prediction(study_uid)

    def _attach_predictions(self, study_uid: str) -> None:
        """To the readings that were made without them."""
        if (prediction := self._known(study_uid)) is not None:
            self._readings.attach_predictions(self.studies[study_uid], prediction)

    @Slot()
    def _emit_other(self) -> None:
        other = self.other_prediction
        if other != self._emitted_other:
            self._emitted_other = other
            self.other_changed.emit(other)

    @Slot(str)
    def _emit_status(self, study_uid: str) -> None:
        if study_uid in self.studies:
            self.status_changed.emit(study_uid, self.status(study_uid))

    def _emit_prediction(self, study_uid: str) -> None:
        if (prediction := self.prediction(study_uid)) is not None:
            self._readings.note_shown(self.studies[study_uid])
            self.study_predicted.emit(prediction)

    def _emit_predictions(self) -> None:
        for uid in self.studies:
            self._emit_prediction(uid)

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
            self._emit_mode()

    @Slot(str)
    def set_reader(self, name: str) -> None:
        """Whose readings are recorded; what is revealed to one is not to another."""
        if name != self._readings.reader:
            self._readings.change_reader(name)
            self.auditing.set_reader(name)
            self._emit_mode()

    def _emit_mode(self) -> None:
        self.mode_changed.emit(self.mode)
        self.reading_changed.emit(self.reading)
        self.inference.emit_statuses()
        self._reveal_if_due()
        self._emit_predictions()
        self._emitted_other = None  # it was taken away
        self.inference.work()

    def _reveal_if_due(self) -> None:
        """Puts on record that the open study's prediction is revealed, if it may be."""
        if self._current is None or self._known(self._current.uid) is None:
            return
        try:
            is_revealed = self._readings.reveal_if_due()
        except StorageFailed as error:
            self.reveal_failed.emit(error)
            return
        if is_revealed:
            self.auditing.prediction_revealed(self._current)
            self.reading_changed.emit(self.reading)
            self._emit_status(self._current.uid)

    def retry_reveal(self) -> None:
        """Shows the open study's prediction if that can be put on record by now."""
        if self._current is not None:
            was_hidden = self._readings.is_hidden(self._current.uid)
            self._go_on_with_second_read(self._current, was_hidden)

    # --------------------------------------------------------------------------- what readers say

    def how_read(self, study: Study) -> HowRead:
        """How far its readings are, without what the reading mode hides."""
        readings = current_readings(self.history(study))
        reader = self._readings.reader
        return HowRead(
            bool(readings),
            any(reading.is_unfinished and reading.reader == reader for reading in readings),
            any(reading.agreement is Agreement.DISAGREE for reading in readings),
        )

    def is_to_be_read(self, study: Study) -> bool:
        """Whether this reader is not done with it; True where the readings cannot be read."""
        try:
            return self._readings.is_to_be_read(study)
        except StorageFailed as error:
            self.error_occurred.emit(error)
            return True

    def history(self, study: Study) -> tuple[ReaderAssessment, ...]:
        """Earlier readings of the study, oldest first; none where they cannot be read.

        While the prediction is hidden, without what was said of it and to it.
        """
        try:
            return self._readings.history(study)
        except StorageFailed as error:
            self.error_occurred.emit(error)
            return ()

    def all_readings(self) -> tuple[VisibleReading, ...]:
        """Of all studies ever read, superseded ones too, oldest first; none where they cannot be
        read.
        """
        try:
            return self._readings.visible()
        except StorageFailed as error:
            self.error_occurred.emit(error)
            return ()

    def record(self, assessment: ReaderAssessment) -> None:
        """Stores it at once; `assessment_recorded` or `recording_failed` follows before it returns.

        The session adds what the pane cannot know: when the prediction was shown and how long the
        study has been on the screen; and after it, what the model says of a reading made without.
        In second read the last breast's category reveals the prediction.

        Raises ValueError where the assessment does not fit the study that it names.
        """
        study = self.studies.get(assessment.study_uid)
        was_hidden = study is not None and self._readings.is_hidden(study.uid)
        try:
            recorded = self._readings.record(self._as_shown(assessment))
        except StorageFailed as error:
            self.recording_failed.emit(assessment, error)
            return
        self.upkeep.settle_soon()
        self.assessment_recorded.emit(recorded)
        if study is not None:
            self.auditing.reading_saved(study)
            self._attach_predictions(study.uid)
            self._go_on_with_second_read(study, was_hidden)

    def _as_shown(self, assessment: ReaderAssessment) -> ReaderAssessment:
        """With the second opinion that stood beside the model's, and the prior that both were
        shown with; the numbers stay those of the network.
        """
        prediction, other = assessment.prediction, self.other_prediction
        if prediction is None:
            return assessment
        if not prediction.others and other is not None and other.prediction is not None:
            second = {breast.laterality: breast.prediction for breast in other.prediction.breasts}
            if other.study_uid == assessment.study_uid and assessment.laterality in second:
                prediction = replace(prediction, others=(second[assessment.laterality],))
        prior = self.cancers_per_1000
        return replace(assessment, prediction=replace(prediction, shown_per_1000=prior))

    def undo_assessment(self) -> ReaderAssessment:
        """Takes back the reader's latest reading of the open study by a new record, which it
        returns: what was said before, or that nothing is said. Raises EngineError where there is
        none, or it has to stay; StorageFailed where that could not be put on record.
        """
        recorded = self._readings.undo()
        self.assessment_recorded.emit(recorded)
        self._attach_predictions(recorded.study_uid)
        self.reading_changed.emit(self.reading)
        return recorded

    def _go_on_with_second_read(self, study: Study, was_hidden: bool) -> None:
        """A category was stored: the prediction is revealed if it was the last that lacked."""
        if not self._readings.is_second_read(study) or not self._is_current(study.uid):
            return
        self._reveal_if_due()
        self.reading_changed.emit(self.reading)
        if was_hidden and not self._readings.is_hidden(study.uid):
            self._emit_status(study.uid)
            self._emit_prediction(study.uid)
            self._emit_other()

    # ------------------------------------------------------------------- drawings and rectangles

    def annotations(self, study: Study) -> tuple[Annotation, ...]:
        """What readers drew on its images, with what could not be stored yet, first drawn first."""
        try:
            return self._readings.annotations(study)
        except StorageFailed as error:
            self.error_occurred.emit(error)
            return self._readings.annotations(study, is_stored_known=False)

    def annotate(self, annotation: Annotation) -> None:
        """Stores a drawing, its change or its removal at once.

        Where that fails the reader is told, and it is stored together with the next, or at the end.
        """
        try:
            self._readings.annotate(annotation)
        except StorageFailed as error:
            self._report_unstored(error)
        study = self._current
        is_of_study = study is not None and annotation.study_uid == study.uid
        if study is not None and is_of_study and annotation.kind is AnnotationKind.REGION:
            self._regions.request(annotation, not self._readings.is_hidden(study.uid))
            self._emit_regions()

    def _report_unstored(self, error: StorageFailed) -> None:
        self.error_occurred.emit(
            StorageFailed(
                mark("What you drew is not kept yet"),
                message(
                    "{advice} It stays on the screen and is tried again with the next.",
                    advice=error.advice,
                ),
            )
        )

    @Slot()
    def _emit_regions(self) -> None:
        study = self._current
        if study is not None and self._readings.is_hidden(study.uid):
            self._regions.drop_all()
        regions = self.regions
        if study is not None and any(region.prediction is not None for region in regions):
            self._readings.note_shown(study)
        self.regions_changed.emit(regions)

    # ------------------------------------------------------------------------- not saved yet

    def keep_entries(self, study: Study, drafts: Mapping[Laterality, Draft]) -> None:
        """What stands in the forms of the study and is not saved survives a crash from soon on."""
        self._readings.note_entries(study, drafts)
        if not self._writing_due.isActive():
            self._writing_due.start(WRITE_DELAY_MS)

    @Slot()
    def _write_entries(self) -> None:
        try:
            self._readings.write_entries()
        except StorageFailed as error:
            self.error_occurred.emit(
                StorageFailed(
                    mark("What you entered is not kept yet"),
                    message(
                        "{advice} It stays on the screen; save it before you quit.",
                        advice=error.advice,
                    ),
                )
            )

    def unsaved_entries(self, study: Study) -> UnsavedEntries | None:
        """What this reader entered for it in an earlier run and did not save; while the prediction
        is hidden, only what was entered without it.
        """
        return self._readings.unsaved(study)

    # ------------------------------------------------------------------------------ what is sent

    def parcel(
        self,
        node: str,
        kinds: Collection[ObjectKind],
        is_old: bool = False,
        shown: Mapping[str, ShownNow] | None = None,
    ) -> Parcel | None:
        """What would be sent of the open study: of the model what its reader may be told, of
        readers what this one said. None where no study is open.
        """
        study, reader = self._current, self._readings.reader
        if study is None:
            return None
        said = ReaderRecords(self.history(study), self.annotations(study))
        words = said.of(reader) if reader else ReaderRecords()
        prediction = self.prediction(study.uid)
        return Parcel(
            *(study, node, plan(study, kinds, prediction, words), prediction, words),
            *(is_old, shown or {}),
        )

    def send(self, parcel: Parcel) -> None:
        """As `Sending.send`, where the site lets results out."""
        try:
            self.exporting.policy.check_allowed(Export.OBJECTS)
        except EngineError as error:
            self.sending.failed.emit(error)
            return
        self.sending.send(parcel)

    # ----------------------------------------------------------------------------------- the end

    def close(self) -> None:
        """Ends all threads and the engine process; waits for images being decoded just now."""
        if self._is_closed:
            return
        self._is_closed = True
        self._writing_due.stop()
        self._delivery.stop()
        self.catalogue.stop()
        for part in (self.opening, self.exporting, self.upkeep, self.sending):
            part.stop()  # all, before one of them is waited for
        for ending in (
            *(self.inference, self.network, self.opening, self.exporting, self.upkeep),
            *(self.sending, self.foreign, self.auditing, self.images),
        ):
            ending.close()
        self.hot_folder.close()
        try:
            self._readings.close()
        except StorageFailed as error:
            self._report_unstored(error)


def _with_scope(status: StudyStatus, prediction: StudyPrediction | None) -> StudyStatus:
    """Out of scope where the prediction, that may be shown, says so of every view."""
    if prediction is None or any(isinstance(v.prediction, Prediction) for v in prediction.views):
        return status
    return StudyStatus(StudyState.OUT_OF_SCOPE)
