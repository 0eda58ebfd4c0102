"""All readings together: the page of disagreements, and what is exported from there and from the
File menu.
"""

from collections.abc import Collection
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.domain import Laterality
from engine.errors import EngineError
from engine.messages import Message
from viewer.panes.disagreements import DisagreementsPage
from viewer.session.session import Session
from viewer.shared import banner
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_error
from viewer.window.dialogs import keep_on_screen


class ReadingsPresenter(QObject):
    """Leads the session's news of readings to their page, and the page's wishes to the session."""

    message = Signal(banner.BannerMessage)  #: for the banner
    reading_opened = Signal(str, Laterality, bool)  #: as the session's, to be shown

    def __init__(
        self,
        session: Session,
        page: DisagreementsPage,
        window: QWidget,
        folder: Path | None = None,
    ) -> None:
        super().__init__(window)
        self._folder = folder or Path()  # where dialogs that save begin
        self._session = session
        self._page = page
        self._window = window
        self._filling_due = QTimer(self, singleShot=True)  # once, however much has changed
        self._filling_due.timeout.connect(self._fill)
        exporting = session.exporting
        exporting.training_progressed.connect(page.show_training_progress)
        exporting.training_written.connect(self._on_training_written)
        session.error_occurred.connect(self._on_error)
        page.reading_requested.connect(session.catalogue.open_reading)
        page.csv_requested.connect(self._on_csv_requested)
        page.training_requested.connect(exporting.write_training_data)
        page.training_cancel_requested.connect(exporting.cancel_training_data)
        # whatever changes what there is, or what of it may be told
        for change in (
            session.assessment_recorded,
            session.reading_changed,
            session.mode_changed,
            session.study_selected,
            session.study_predicted,
            session.catalogue_opened,
        ):
            change.connect(self._filling_due.start)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec("export", tr("&Export readings …"), ("Ctrl+E",), self.ask_for_export),
            ActionSpec(
                "export_unblinded",
                tr("Export readings, &unblinded …"),
                (),
                partial(self.ask_for_export, unblind=True),
            ),
            ActionSpec(
                "disagreements", tr("Readings and d&isagreements …"), ("Ctrl+D",), self.show_page
            ),
        )

    # ------------------------------------------------------------------------------- the page

    def show_page(self) -> None:
        """Beside the images, and with the keyboard."""
        keep_on_screen(self._page)
        self._page.show()
        self._fill()
        self._page.raise_()
        self._page.activateWindow()

    def _fill(self) -> None:
        if self._page.isVisible():
            self._page.show_readings(self._session.all_readings())

    def _on_error(self, error: EngineError) -> None:
        """Whoever looks at the page does not see the window's banner."""
        self._page.show_message(localised_error(error))

    def _on_csv_requested(self, path: Path, ids: Collection[int], is_pseudonymised: bool) -> None:
        exporting = self._session.exporting
        count = exporting.export_readings(path, False, ids, is_pseudonymised)
        if count is not None:
            text = (
                tr("{count} exported without patient identifiers.")
                if is_pseudonymised
                else tr("{count} exported with patient identifiers.")
            )
            self._page.show_message(text.format(count=count))

    def _on_training_written(self, summary: Message | None) -> None:
        self._page.end_training_progress()
        if summary is not None:
            self._page.show_message(localised(summary))
        elif not self._page.has_message:  # else it says why
            self._page.show_message(tr("Cancelled: no training data was written."))

    # ------------------------------------------------------------------------- from the File menu

    def ask_for_export(self, unblind: bool = False) -> None:
        title = tr("Export all readings")
        if unblind:
            title = tr("Export all readings with the model's hidden answers: ends their blinding")
        start = str(self._folder / "readings.csv")
        path, _ = QFileDialog.getSaveFileName(self._window, title, start, "CSV (*.csv)")
        if path:
            self.export(Path(path), unblind)

    def export(self, path: Path, unblind: bool = False) -> None:
        """The model's predictions go with the readings only where their reader was shown them; with
        `unblind` all do, and from then on they count as revealed.
        """
        count = self._session.exporting.export_readings(path, unblind)
        if count is not None:
            title = (
                tr("1 reading exported") if count == 1 else tr("%n readings exported", "", count)
            )
            what = (
                tr(
                    "It tells all that the model said; hidden answers count as revealed from now "
                    "on."
                )
                if unblind
                else tr("What the model said is left out where it is hidden.")
            )
            advice = " ".join([tr("The file holds patient identifiers."), what])
            self.message.emit(banner.BannerMessage(title, advice))
