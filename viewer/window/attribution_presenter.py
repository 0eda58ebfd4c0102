"""Side, view and study by hand: between the dialog and the session."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.domain import Attribution, Study
from engine.errors import EngineError, StorageFailed
from viewer.panes.assessment_pane import AssessmentPane
from viewer.panes.attribution_dialog import AttributionDialog, listed_images
from viewer.session.session import Session
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import mark, tr
from viewer.window.dialogs import show_alone


class AttributionPresenter(QObject):
    """One dialog at a time; it lists the images of the folders that the open study lies in, and of
    the others where the reader wants them.
    """

    failed = Signal(EngineError)
    image_chosen = Signal(str, str)  #: study uid and image uid, to be seen

    def __init__(self, session: Session, assessment: AssessmentPane, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._assessment, self._window = session, assessment, window
        self._dialog: AttributionDialog | None = None
        session.attributing.attributed.connect(self._fill)
        session.study_selected.connect(self._fill_elsewhere)
        session.mode_changed.connect(self._show_reader)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (ActionSpec("attribute", tr("Side, vie&w and study by hand …"), (), self.ask),)

    def ask(self) -> None:
        """Of the open study's images first."""
        study = self._session.current_study
        if study is None:
            advice = mark("Open the study that the images are in.")
            self.failed.emit(EngineError(mark("No study is open"), advice))
            return
        if self._dialog is None:
            self._dialog = AttributionDialog(self._window)
            self._dialog.attributed.connect(self._attribute)
            self._dialog.image_chosen.connect(self.image_chosen)
            self._dialog.elsewhere_wanted.connect(lambda _is_wanted: self._fill())
            self._dialog.finished.connect(self._forget)
        self._show_reader()
        self._fill([view.image_uid for view in study.views])
        show_alone(self._dialog)
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _forget(self) -> None:
        self._dialog = None

    def _show_reader(self) -> None:
        """Also as another one takes over."""
        if self._dialog is not None:
            self._dialog.set_reader(self._session.reader)

    def _fill_elsewhere(self, study: Study | None) -> None:
        """As a study of another folder comes up."""
        if self._dialog is not None and study is not None and study not in self._dialog.studies:
            self._fill([view.image_uid for view in study.views])

    def _fill(self, selected: Sequence[str] | None = None) -> None:
        if self._dialog is None:
            return
        if selected is None:
            selected = [image.view.image_uid for image in self._dialog.selected]
        found = self._session.opening.found.studies
        in_files = {view.image_uid: view for study in found for view in study.views}
        studies, others = self._studies_beside()
        self._dialog.offer_elsewhere(bool(others))
        if self._dialog.elsewhere_box.isChecked():
            studies += others
        said = self._session.attributing.of([view for study in studies for view in study.views])
        self._dialog.show_images(listed_images(studies, in_files, said), selected)

    def _studies_beside(self) -> tuple[list[Study], list[Study]]:
        """In the folders of the open study, which is the first of them; and all others."""
        current = self._session.current_study
        folders = {view.path.parent for view in current.views} if current else set()
        beside = [] if current is None else [current]
        elsewhere: list[Study] = []
        for study in self._session.studies.values():
            if study is not current:
                is_beside = any(view.path.parent in folders for view in study.views)
                (beside if is_beside else elsewhere).append(study)
        return beside, elsewhere

    def _attribute(self, said: tuple[Attribution, ...]) -> None:
        named = {word.image_uid for word in said}
        touched = [
            study
            for study in self._session.studies.values()
            if any(view.image_uid in named for view in study.views)
        ]
        if any(self._assessment.has_draft(study) for study in touched):
            advice = mark("Save or discard what was entered for these images first.")
            self.failed.emit(EngineError(mark("Unsaved entries"), advice))
            return
        try:
            self._session.attributing.attribute(said)
        except StorageFailed as error:
            self.failed.emit(error)
