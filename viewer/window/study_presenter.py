"""The open study before its reader: what the session tells of it goes to the panes, and what the
panes ask goes to the session.

Whatever a model says reaches the panes through here alone; the session lets nothing out that the
reading mode hides.
"""

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.domain import (
    Catalogue,
    HeaderElement,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer.display.rendering import DisplayPixels
from viewer.panes.assessment_pane import AssessmentPane
from viewer.panes.header_browser import HeaderBrowser
from viewer.panes.prediction_pane import PredictionPane
from viewer.panes.worklist import WorklistPane
from viewer.session.session import Session
from viewer.shared.languages import tr
from viewer.shared.messages import localised
from viewer.shared.states import OtherModelPrediction, ReadingState, StudyStatus
from viewer.viewports.viewports import ViewportsPane
from viewer.window.dialogs import show_alone


class StudyPresenter(QObject):
    """Knows the session and four panes, and puts nothing in its place."""

    reading_shown = Signal(ReadingState)  #: how the open study is read has changed, and shows

    def __init__(
        self,
        session: Session,
        worklist: WorklistPane,
        viewports: ViewportsPane,
        prediction: PredictionPane,
        assessment: AssessmentPane,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session = session
        self._worklist = worklist
        self._viewports = viewports
        self._prediction = prediction
        self._assessment = assessment
        self._window = window
        self._connect_session()
        self._connect_panes()

    def _connect_session(self) -> None:
        session, worklist = self._session, self._worklist
        session.opening.started.connect(lambda: worklist.show_opening(0, 0))
        session.opening.progressed.connect(worklist.show_opening)
        session.opening.finished.connect(worklist.hide_opening)
        session.catalogue_opened.connect(self._on_catalogue_opened)
        session.catalogue_grown.connect(self._on_catalogue_grown)
        session.study_selected.connect(self._on_study_selected)
        session.images.loaded.connect(self._on_pixels_loaded)
        session.images.failed.connect(self._on_pixels_failed)
        session.images.thumbnail_made.connect(worklist.show_thumbnail)
        session.images.header_read.connect(self._on_header_read)
        session.study_predicted.connect(self._on_study_predicted)
        session.status_changed.connect(self._on_status_changed)
        session.inference.progress_changed.connect(worklist.show_progress)
        session.inference.run_changed.connect(worklist.show_run)
        session.inference.engine_changed.connect(self._prediction.show_engine)
        session.model_changed.connect(self._on_model_changed)
        session.other_changed.connect(self._on_other_changed)
        session.regions_changed.connect(self._viewports.tools.show_regions)
        session.mode_changed.connect(self._on_mode_changed)
        session.reading_changed.connect(self.show_reading)
        session.assessment_recorded.connect(self._on_assessment_recorded)
        session.recording_failed.connect(self._assessment.show_not_recorded)

    def _connect_panes(self) -> None:
        session, worklist, assessment = self._session, self._worklist, self._assessment
        worklist.study_selected.connect(self._on_worklist_selected)
        worklist.pause_requested.connect(session.inference.pause)
        worklist.resume_requested.connect(session.inference.resume)
        worklist.cancel_requested.connect(session.inference.cancel)
        worklist.opening_cancel_requested.connect(session.opening.cancel)
        self._viewports.study_step_requested.connect(worklist.step)
        self._viewports.prior_shown.connect(session.images.show_prior)
        self._viewports.tools.annotated.connect(session.annotate)
        self._viewports.tools.header_requested.connect(self._show_header)
        self._prediction.retry_requested.connect(session.inference.retry_engine)
        assessment.assessment_submitted.connect(session.record)
        assessment.next_requested.connect(self.save_and_next)
        assessment.draft_changed.connect(worklist.mark_draft)
        assessment.entries_changed.connect(session.keep_entries)
        assessment.reader_changed.connect(self._viewports.tools.set_reader)
        assessment.reader_changed.connect(session.set_reader)

    # ----------------------------------------------------------------------- which study is open

    def _on_catalogue_opened(self, catalogue: Catalogue) -> None:
        self._worklist.show_catalogue(catalogue)
        self._worklist.mark_earlier(self._session.earlier)
        self._show_what_was_read(catalogue.studies)
        if catalogue.studies:
            uids, earlier = self._worklist.study_uids, self._session.earlier
            first = next((uid for uid in uids if uid not in earlier), uids[0])
            self._worklist.select(self._session.to_go_on_with or first)
            if self._session.to_go_on_with is None and self._worklist.has_keyboard:
                self._assessment.take_keyboard()
        else:
            self._session.select_study(None)

    def _on_catalogue_grown(self, catalogue: Catalogue, new: Sequence[Study]) -> None:
        self._worklist.grow(catalogue)
        self._worklist.mark_earlier(self._session.earlier)
        self._show_what_was_read(new)

    def _show_what_was_read(self, studies: Sequence[Study]) -> None:
        """Also what this reader entered and did not save."""
        self.offer_unsaved(studies)
        for study in studies:
            if self._assessment.has_draft(study):
                self._worklist.mark_draft(study.uid, True)
        self._mark_read(studies)

    def _on_worklist_selected(self, study_uid: str) -> None:
        self._session.select_study(study_uid, self._worklist.upcoming(study_uid))

    def _on_study_selected(self, study: Study | None) -> None:
        for browser in self._window.findChildren(HeaderBrowser):
            browser.close()  # it was of an image that goes
        session, reading = self._session, self._session.reading
        self._viewports.show_study(study, session.images.priors, session.is_complete)
        if study is not None:
            drawn = session.annotations(study)
            self._viewports.tools.show_annotations(study, drawn)
        self._viewports.tools.show_reading(reading)
        self._prediction.show_study(study)
        self._prediction.show_reading(reading)
        self.reading_shown.emit(reading)
        history = () if study is None else session.history(study)
        if study is not None:
            self.offer_unsaved([study])
        self._assessment.show_study(study, session.opened_at, history, reading)

    def save_and_next(self) -> None:
        """Saves, and goes on to the next study that this reader has not read, if nothing is missing
        of the open one.

        Priors are passed over, but by who is reading one and by who has begun with one.
        """
        study = self._session.current_study
        if study is None or not self._assessment.finish():
            return
        earlier = self._session.earlier
        passed = 0
        for uid in self._worklist.others_after(study.uid):
            other = self._session.studies[uid]
            is_begun = (
                self._assessment.has_draft(other) or self._session.how_read(other).is_unfinished
            )
            if not is_begun and not self._session.is_to_be_read(other):
                continue
            if not is_begun and uid in earlier and study.uid not in earlier:
                passed += 1
                continue
            self._worklist.select(uid)
            self._assessment.begin()
            return
        text = tr("No other study of the worklist is left to be read")
        if passed:
            text += "; " + tr("priors that were not read: {count}").format(count=passed)
        self._viewports.tools.message.emit(text)

    def offer_unsaved(self, studies: Iterable[Study]) -> None:
        """What this reader entered before the program ended, as far as it may be told now."""
        for study in studies:
            entries = self._session.unsaved_entries(study)
            if entries is not None:
                self._assessment.restore_drafts(study, entries)

    def _is_shown(self, study_uid: str) -> bool:
        current = self._session.current_study
        return current is not None and current.uid == study_uid

    # ---------------------------------------------------------------------------------- its images

    def _on_pixels_loaded(self, study_uid: str, image_uid: str, pixels: DisplayPixels) -> None:
        if self._session.images.is_hung(study_uid):
            self._viewports.bring_pixels(image_uid, pixels)

    def _on_pixels_failed(self, study_uid: str, image_uid: str, error: EngineError) -> None:
        if self._session.images.is_hung(study_uid):
            title, advice = localised(error.title), localised(error.advice)
            self._viewports.show_failure(image_uid, title, advice)

    def _show_header(self, image_uid: str, label: str) -> None:
        show_alone(HeaderBrowser(image_uid, label, self._window))
        self._session.images.read_header(image_uid)

    def _on_header_read(
        self, image_uid: str, read: tuple[HeaderElement, ...] | EngineError
    ) -> None:
        for browser in self._window.findChildren(HeaderBrowser):
            if browser.image_uid == image_uid:
                if isinstance(read, EngineError):
                    browser.show_failure(read)
                else:
                    browser.show_header(read)

    # ----------------------------------------------------------------------- what the models say

    def _on_study_predicted(self, prediction: StudyPrediction) -> None:
        self._worklist.show_prediction(prediction)
        if self._is_shown(prediction.study_uid):
            self._show_prediction(prediction)

    def _on_status_changed(self, study_uid: str, status: StudyStatus) -> None:
        self._worklist.show_status(study_uid, status)
        if self._is_shown(study_uid):
            self._prediction.show_status(status)

    def _on_model_changed(self, _model_name: str) -> None:
        self._worklist.clear_predictions()
        self._show_prediction(None)

    def _show_prediction(self, prediction: StudyPrediction | None) -> None:
        """Whatever the model says reaches the panes through here, and through the worklist."""
        self._prediction.show_prediction(prediction)
        self._assessment.show_prediction(prediction)
        self._viewports.show_explanations(prediction)

    def _on_other_changed(self, other: OtherModelPrediction | None) -> None:
        if other is None or self._is_shown(other.study_uid):
            self._show_other_prediction(other)

    def _show_other_prediction(self, other: OtherModelPrediction | None) -> None:
        """Whatever the model that was not chosen says reaches the panes through here alone."""
        self._prediction.show_other(other)

    # ------------------------------------------------------------------------------ how it is read

    def _on_mode_changed(self, mode: ReadingMode) -> None:
        """Also as another reader takes over: what may be shown is told anew after this."""
        self.show_mode(mode)
        self._worklist.clear_predictions()
        self._mark_read(self._session.studies.values())
        self._show_prediction(None)
        self._show_other_prediction(None)

    def show_mode(self, mode: ReadingMode) -> None:
        self._worklist.allow_ranking(mode is ReadingMode.CONCURRENT)

    def show_reading(self, reading: ReadingState) -> None:
        """Of the open study: what its reader may see of the model has changed."""
        study = self._session.current_study
        self._prediction.show_reading(reading)
        self._viewports.tools.show_reading(reading)
        history = () if study is None else self._session.history(study)
        self._assessment.show_reading(reading, history)
        self.reading_shown.emit(reading)
        if study is not None:
            self._mark_read([study])

    def _mark_read(self, studies: Iterable[Study]) -> None:
        for study in studies:
            self._worklist.mark_read(study.uid, *self._session.how_read(study))

    def _on_assessment_recorded(self, assessment: ReaderAssessment) -> None:
        self._assessment.show_recorded(assessment)
        if (study := self._session.current_study) is not None:
            self._mark_read([study])
