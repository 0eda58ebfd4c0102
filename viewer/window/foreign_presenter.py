"""Others' documents before the reader: the session tells what may be told of them; here it goes to
the images as a layer and as presets, and to a window in words.
"""

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from engine.errors import EngineError
from viewer.output import pictures
from viewer.panes.foreign_documents import ForeignDocumentsDialog
from viewer.session.foreign import ForeignWords
from viewer.session.session import Session
from viewer.shared.banner import BannerMessage
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.messages import localised
from viewer.viewports.viewports import ViewportsPane
from viewer.window.dialogs import show_alone
from viewer.window.settings import Settings


class ForeignPresenter(QObject):
    changed = Signal()  #: whether marks are shown
    failed = Signal(EngineError)
    message = Signal(BannerMessage, object)  #: for the banner, and what its button does

    def __init__(
        self, session: Session, settings: Settings, viewports: ViewportsPane, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session = session
        self._settings = settings
        self._viewports = viewports
        self._window = window
        self._dialog: ForeignDocumentsDialog | None = None
        viewports.show_foreign_marks(settings.others_marks)
        session.foreign.changed.connect(self._show)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "others_marks",
                tr("Others' mar&ks"),
                ("Shift+H",),
                self.toggle,
                lambda: self._settings.others_marks,
                repeats=False,
            ),
            ActionSpec("others_documents", tr("Others' &documents …"), (), self.show_documents),
        )

    def toggle(self) -> None:
        """Also at the next start."""
        self._settings.others_marks = not self._settings.others_marks
        self._viewports.show_foreign_marks(self._settings.others_marks)
        self.changed.emit()

    def show_documents(self) -> None:
        if self._dialog is None:
            dialog = self._dialog = ForeignDocumentsDialog(self._window)
            dialog.pdf_wanted.connect(self._save_pdf)
            dialog.turn_wanted.connect(self._viewports.turn_as)
            dialog.destroyed.connect(self._forget)
            dialog.show_words(self._session.foreign.words, self._session.current_study)
            show_alone(dialog)
        self._dialog.raise_()
        self._dialog.activateWindow()

    def _forget(self) -> None:
        self._dialog = None

    def _show(self, words: ForeignWords | None) -> None:
        self._viewports.show_foreign(() if words is None else words.documents)
        if words is not None and words.failures:
            count = len(words.failures)
            title = (
                tr("A document cannot be read")
                if count == 1
                else tr("%n documents cannot be read", "", count)
            )
            first = words.failures[0]
            advice = f"{localised(first.title)}. {localised(first.advice)}"
            self.message.emit(BannerMessage(title, advice, tr("Show")), self.show_documents)
        if self._dialog is not None:
            self._dialog.show_words(words, self._session.current_study)

    def _save_pdf(self, pdf: bytes, path: Path) -> None:
        if path.suffix.lower() != ".pdf":
            path = path.with_name(path.name + ".pdf")
        try:
            self._session.exporting.check_target(path)
            pictures.save(path, pdf)
        except EngineError as error:
            self.failed.emit(error)
            return
        self._session.exporting.exported.emit(self._session.current_study)
