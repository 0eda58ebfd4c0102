"""The window: puts the panes in their places and leads the session's signals to them.

Nothing is decided here but where a thing stands and which pane hears what; a pane knows neither
the session nor its neighbours.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QInputDialog,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    Catalogue,
    HeaderElement,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer.display.opinion import MOST_CANCERS
from viewer.display.reading_modes import MODE_MEANINGS, MODE_TITLES
from viewer.display.reading_steps import Kind
from viewer.display.rendering import DisplayPixels
from viewer.output.output import Output
from viewer.panes.disagreements import DisagreementsPage
from viewer.panes.header_browser import HeaderBrowser
from viewer.panes.help import About
from viewer.panes.mode_question import ModeQuestion
from viewer.panes.reading_pane import WIDTH as READING_WIDTH
from viewer.panes.reading_pane import ReadingPane
from viewer.panes.shortcuts_dialog import ShortcutsDialog
from viewer.panes.steps_dialog import StepsDialog
from viewer.panes.worklist import WorklistPane
from viewer.panes.worklist_items import Order
from viewer.session.session import Session
from viewer.shared import languages, theme
from viewer.shared.banner import Banner, Message
from viewer.shared.commands import ActionSpec, Commands
from viewer.shared.keymap import Keymap
from viewer.shared.languages import tr
from viewer.shared.messages import localised, localised_error, notice
from viewer.shared.plain_text import PlainLabel, shortened
from viewer.shared.states import (
    MODEL_TITLES,
    OTHER_MODEL,
    OtherAnswer,
    ReadingState,
    StudyStatus,
)
from viewer.viewports.viewports import ViewportsPane
from viewer.window.menus import Menus
from viewer.window.screens import Screens
from viewer.window.settings import Settings
from viewer.window.undoing import Undoing

IDLE_WAKE_MS = 1500  # with nothing to open, the engine is started when the window has settled
WORKLIST_WIDTH = 264  # pixels, at the first start
POINTED_WIDTH = 330  # pixels, for the value under the pointer
LAYOUT_VERSION = 1  # of the docks; a layout of another version is not restored


class MainWindow(QMainWindow):
    """Takes a session and closes it with itself."""

    def __init__(
        self, session: Session, settings: Settings, log_folder: Path | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.settings = settings
        self._log_folder = log_folder
        self._may_close = False
        self._language = languages.current()  # as chosen; spoken from the next start on
        self.setWindowTitle("birads-viewer")
        self.setAcceptDrops(True)

        self.commands = Commands(self)
        self.banner = Banner(self)
        self.viewports = ViewportsPane(self, self.commands)
        self.worklist = WorklistPane(self)
        self.reading = ReadingPane(self)
        self.prediction, self.assessment = self.reading.prediction, self.reading.assessment
        self.disagreements = DisagreementsPage(self)
        self._disagreements_due = QTimer(self)  # once, however much has changed
        self._disagreements_due.setSingleShot(True)
        self._disagreements_due.timeout.connect(self._fill_disagreements)
        self._opened: tuple[Path, ...] = ()  # what the worklist shows came from there
        self.output = Output(session, self.viewports, self)
        self._place_panes()
        self.undoing = Undoing(session, self.viewports.tools, self.assessment, self)
        self.screens = Screens(self, self.viewports, settings)
        self._add_commands()
        self.menus = Menus(self, self.commands, session.model_name)
        self.keymap = Keymap(settings.keys, settings.has_keypad, self)
        self._connect_session()
        self._connect_panes()
        self._restore()

    # ------------------------------------------------------------------------------ where it stands

    def _place_panes(self) -> None:
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        self.mode_question = ModeQuestion(centre)
        self.mode_question.hide()
        column.addWidget(self.mode_question)
        column.addWidget(self.viewports, 1)
        self.setCentralWidget(centre)

        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.worklist_dock = self._dock("Worklist", tr("Worklist"), self.worklist, left)
        self.reading_dock = self._dock("Reading", tr("Reading"), self.reading, right)
        self.resizeDocks(
            [self.worklist_dock, self.reading_dock],
            [WORKLIST_WIDTH, READING_WIDTH],
            Qt.Orientation.Horizontal,
        )

        self.notice = PlainLabel(notice(), self)
        self.notice.setFont(theme.font(bold=True))
        self.notice.setStyleSheet(f"color: {theme.WARNING.name()}; padding: 3px 12px;")
        # of a width of its own, so that nothing moves beside it
        self.pixel_label = PlainLabel(self)
        self.pixel_label.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.pixel_label.setFixedWidth(POINTED_WIDTH)
        self.statusBar().addPermanentWidget(self.pixel_label)
        # A menu bar's corner is there at every width of the window, unlike a toolbar's end.
        self.menuBar().setNativeMenuBar(False)
        self.menuBar().setCornerWidget(self.notice, Qt.Corner.TopRightCorner)

    def _dock(self, name: str, title: str, pane: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)  # saveState knows it by this, in every language
        dock.setWidget(pane)
        self.addDockWidget(area, dock)
        return dock

    # ------------------------------------------------------------------------------------- commands

    def _add_commands(self) -> None:
        commands = self.commands
        commands.add(self, self.output.commands())
        commands.add(self, self._commands())
        commands.add(self, self.screens.commands())
        commands.adopt("worklist_pane", ("F8",), self.worklist_dock.toggleViewAction())
        commands.adopt("reading_pane", ("F9",), self.reading_dock.toggleViewAction())

    def _commands(self) -> tuple[ActionSpec, ...]:
        session, undoing = self.session, self.undoing
        right, left = Laterality.RIGHT, Laterality.LEFT
        return (
            ActionSpec("open_folder", tr("Open &folder …"), ("Ctrl+O",), self.ask_for_folder),
            ActionSpec("open_files", tr("Open f&iles …"), ("Ctrl+Shift+O",), self.ask_for_files),
            ActionSpec("export", tr("&Export readings …"), ("Ctrl+E",), self.ask_for_export),
            ActionSpec(
                "export_unblinded",
                tr("Export readings, &unblinded …"),
                (),
                partial(self.ask_for_export, unblind=True),
            ),
            ActionSpec("quit", tr("&Quit"), ("Ctrl+Q",), self.close),
            ActionSpec("undo", tr("&Undo"), ("Ctrl+Z",), undoing.undo),
            ActionSpec("redo", tr("Red&o drawing"), ("Ctrl+Shift+Z", "Ctrl+Y"), undoing.redo),
            ActionSpec(
                "undo_reading",
                tr("Undo saved rea&ding"),
                ("Ctrl+Shift+U",),
                undoing.undo_reading,
            ),
            ActionSpec(
                "save", tr("&Save reading"), ("Ctrl+Enter", "Ctrl+Return"), self.assessment.save
            ),
            ActionSpec(
                "disagreements",
                tr("Readings and d&isagreements …"),
                ("Ctrl+D",),
                self.show_disagreements,
            ),
            ActionSpec(
                "right_breast", tr("&Right breast"), ("Ctrl+R",), partial(self.focus_breast, right)
            ),
            ActionSpec(
                "left_breast", tr("&Left breast"), ("Ctrl+L",), partial(self.focus_breast, left)
            ),
            ActionSpec(
                "next_breast",
                tr("&Breast, then the other one"),
                ("Ctrl+B",),
                self.focus_next_breast,
            ),
            ActionSpec(
                "heat_map",
                tr("&Heat-map"),
                ("H",),
                self.prediction.toggle_overlay,
                lambda: self.prediction.overlay[0],
            ),
            ActionSpec("other_model", tr("&Other model"), ("M",), self.switch_model),
            ActionSpec(
                "both_models",
                tr("Ask &both networks"),
                ("Shift+M",),
                self.toggle_both,
                lambda: session.asks_both,
            ),
            ActionSpec(
                "cancers_per_1000", tr("&Cancers per 1,000 women …"), (), self.ask_for_cancers
            ),
            ActionSpec(
                "pause",
                tr("&Pause or resume the worklist"),
                ("Ctrl+P",),
                self.worklist.toggle_pause,
            ),
            ActionSpec("restart_engine", tr("&Restart the engine"), (), self.restart_engine),
            ActionSpec("to_worklist", tr("&Worklist"), ("Ctrl+1",), self.focus_worklist),
            ActionSpec("to_images", tr("&Images"), ("Ctrl+2",), self.focus_images),
            ActionSpec("steps", tr("&Steps …"), (), self.choose_steps),
            ActionSpec("shortcuts", tr("&Keys and mouse"), ("F1",), self.show_shortcuts),
            ActionSpec("about", tr("&About and licences"), (), self.show_about),
            ActionSpec("logs", tr("&Open log folder"), (), self.show_logs),
            *(self._model_command(name, title) for name, title in MODEL_TITLES.items()),
            *(self._mode_command(mode, title) for mode, title in MODE_TITLES.items()),
            *(self._language_command(code, name) for code, name in languages.LANGUAGES.items()),
        )

    def _model_command(self, name: str, title: str) -> ActionSpec:
        return ActionSpec(
            f"model_{name}",
            tr(title),
            (),
            partial(self.choose_model, name),
            lambda: self.session.model_name == name,
            choice_of="model",
        )

    def _mode_command(self, mode: ReadingMode, title: str) -> ActionSpec:
        return ActionSpec(
            f"mode_{mode.name.lower()}",
            tr(title),
            (),
            partial(self.choose_mode, mode),
            lambda: self.session.mode is mode,
            choice_of="mode",
            tool_tip=tr(MODE_MEANINGS[mode]),
        )

    def _language_command(self, code: str, name: str) -> ActionSpec:
        """By its own name, whatever is spoken now."""
        return ActionSpec(
            f"language_{code}",
            name,
            (),
            partial(self.choose_language, code),
            lambda: self._language == code,
            choice_of="language",
        )

    # ------------------------------------------------------------------------------- who hears what

    def _connect_session(self) -> None:
        session = self.session
        session.opening_started.connect(lambda: self.worklist.show_opening(0, 0))
        session.opening_progressed.connect(self.worklist.show_opening)
        session.opening_finished.connect(self.worklist.hide_opening)
        session.catalogue_opened.connect(self._on_catalogue_opened)
        session.catalogue_grown.connect(self._on_catalogue_grown)
        session.study_selected.connect(self._on_study_selected)
        session.pixels_loaded.connect(self._on_pixels_loaded)
        session.pixels_failed.connect(self._on_pixels_failed)
        session.thumbnail_made.connect(self.worklist.show_thumbnail)
        session.study_predicted.connect(self._on_study_predicted)
        session.status_changed.connect(self._on_status_changed)
        session.progress_changed.connect(self.worklist.show_progress)
        session.run_changed.connect(self.worklist.show_run)
        session.model_changed.connect(self._on_model_changed)
        session.engine_changed.connect(self.prediction.show_engine)
        session.other_changed.connect(self._on_other_changed)
        session.regions_changed.connect(self.viewports.tools.show_regions)
        session.mode_changed.connect(self._on_mode_changed)
        session.reading_changed.connect(self._on_reading_changed)
        session.assessment_recorded.connect(self._on_assessment_recorded)
        session.recording_failed.connect(self._on_recording_failed)
        session.header_read.connect(self._on_header_read)
        session.fault_occurred.connect(self.show_fault)
        session.reveal_failed.connect(self._on_reveal_failed)
        session.reading_opened.connect(self._on_reading_opened)
        session.training_progressed.connect(self.disagreements.show_training_progress)
        session.training_written.connect(self._on_training_written)

    def _connect_panes(self) -> None:
        session = self.session
        self.worklist.study_selected.connect(self._on_worklist_selected)
        self.worklist.pause_requested.connect(session.pause)
        self.worklist.resume_requested.connect(session.resume)
        self.worklist.cancel_requested.connect(session.cancel)
        self.worklist.opening_cancel_requested.connect(session.cancel_opening)
        self.viewports.study_step_requested.connect(self.worklist.step)
        self.viewports.prior_shown.connect(session.show_prior)
        self.viewports.status_changed.connect(self.statusBar().showMessage)
        tools = self.viewports.tools
        tools.pointed.connect(self.pixel_label.setText)
        tools.annotated.connect(session.annotate)
        tools.header_requested.connect(self._show_header)
        self.assessment.reader_changed.connect(tools.set_reader)
        self.prediction.overlay_changed.connect(self._on_overlay_changed)
        self.prediction.retry_requested.connect(session.retry_engine)
        session.engine_restarted.connect(self._on_engine_restarted)
        self.assessment.assessment_submitted.connect(session.record)
        self.assessment.draft_changed.connect(self.worklist.mark_draft)
        self.assessment.entries_changed.connect(session.keep_entries)
        self.assessment.reader_changed.connect(session.set_reader)
        self.mode_question.answered.connect(self.choose_mode)
        page = self.disagreements
        page.reading_requested.connect(session.open_reading)
        page.csv_requested.connect(self._on_csv_requested)
        page.training_requested.connect(session.write_training_data)
        page.training_cancel_requested.connect(session.cancel_training_data)
        session.fault_occurred.connect(lambda error: page.show_message(localised_error(error)))
        # whatever changes what there is, or what of it may be told
        for change in (
            session.assessment_recorded,
            session.reading_changed,
            session.mode_changed,
            session.study_selected,
            session.study_predicted,
            session.catalogue_opened,
        ):
            change.connect(self._disagreements_due.start)
        for teller in (self.output, self.undoing):
            teller.told.connect(self.banner.show_message)
            teller.failed.connect(self.show_fault)
        self.undoing.hinted.connect(tools.told)
        self.screens.told.connect(tools.told)
        self.screens.moved.connect(self.commands.refresh)
        self.menus.recent.aboutToShow.connect(self.fill_recent)
        self.keymap.changed.connect(self._on_keys_changed)
        for menu in self.menus.all_menus:
            self.keymap.add_menu(menu)
        self.keymap.apply()

    def _restore(self) -> None:
        settings = self.settings
        self.prediction.show_engine(self.session.engine_status)
        self.prediction.set_overlay(settings.overlay_visible, settings.overlay_opacity)
        self._on_overlay_changed(*self.prediction.overlay)
        self.prediction.reserve_networks(self.session.model_name not in OTHER_MODEL)
        self.menus.show_model(self.session.model_name)
        self.set_asks_both(settings.asks_both)
        self._show_cancers(settings.cancers_per_1000)
        self.assessment.set_reader(settings.reader)
        self.session.set_reader(settings.reader)
        self.viewports.tools.set_reader(settings.reader)
        self.viewports.tools.set_screens(settings.screens)
        self.viewports.tools.screen_calibrated.connect(settings.add_screen)
        self.viewports.set_routine(settings.routine(settings.reader))
        self._on_mode_changed(self.session.mode)
        self._on_reading_changed(self.session.reading)
        if settings.worklist_order in Order.__members__:
            self.worklist.set_order(Order[settings.worklist_order])
        if settings.geometry.isEmpty() or not self.restoreGeometry(settings.geometry):
            self.resize(1600, 900)
        self.restoreState(settings.layout, LAYOUT_VERSION)
        self.assessment.reader_changed.connect(self._on_reader_changed)
        self.worklist.order_changed.connect(
            lambda order: setattr(settings, "worklist_order", order.name)
        )

    def _on_reader_changed(self, name: str) -> None:
        self.settings.reader = name
        self.viewports.set_routine(self.settings.routine(name))
        if self.session.current_study is not None:
            self._offer_unsaved([self.session.current_study])

    # ------------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Opens files and folders in the place of what is open."""
        self.settings.add_recent(paths)
        self._opened = tuple(paths)
        self.session.open(paths)

    def show_fault(self, error: EngineError) -> None:
        self.banner.show_message(Message(localised(error.title), localised(error.advice)))

    def show_bug(self) -> None:
        """An exception that nobody expected has gone to the log."""
        message = Message(
            tr("Something went wrong in this program"),
            tr("It is a fault of ours, not of your files; please send us the newest log file."),
            tr("Open log folder") if self._log_folder is not None else "",
        )
        self.banner.show_message(message, self.show_logs)

    def _on_catalogue_grown(self, catalogue: Catalogue, new: Sequence[Study]) -> None:
        self.worklist.grow(catalogue)
        self._tell_what_was_read(new)

    def _tell_what_was_read(self, studies: Sequence[Study]) -> None:
        """What this reader entered and did not save, and what has been read."""
        self._offer_unsaved(studies)
        for study in studies:
            if self.assessment.has_draft(study):
                self.worklist.mark_draft(study.uid, True)
        self._mark_read(studies)

    def _on_catalogue_opened(self, catalogue: Catalogue) -> None:
        self.worklist.show_catalogue(catalogue)
        self._tell_what_was_read(catalogue.studies)
        if catalogue.studies:
            self.worklist.select(self.session.to_go_on_with or self.worklist.study_uids[0])
        else:
            self.session.select_study(None)

    def _offer_unsaved(self, studies: Iterable[Study]) -> None:
        """What this reader entered before the program ended, as far as it may be told now."""
        for study in studies:
            entries = self.session.unsaved_entries(study)
            if entries is not None:
                self.assessment.restore_drafts(study, entries)

    def _mark_read(self, studies: Iterable[Study]) -> None:
        for study in studies:
            has_been_read = self.session.has_been_read(study)
            is_unfinished = has_been_read and self.session.is_unfinished(study)
            self.worklist.mark_read(study.uid, has_been_read, is_unfinished)

    def _on_worklist_selected(self, study_uid: str) -> None:
        self.session.select_study(study_uid, self.worklist.upcoming(study_uid))

    def _on_study_selected(self, study: Study | None) -> None:
        for browser in self.findChildren(HeaderBrowser):
            browser.close()  # it was of an image that goes
        reading = self.session.reading
        self.viewports.show_study(study, self.session.priors, self.session.is_complete)
        if study is not None:
            drawn = self.session.annotations(study)
            self.viewports.tools.show_annotations(study, drawn)
        self.viewports.tools.show_reading(reading)
        self.prediction.show_study(study)
        self.prediction.show_reading(reading)
        self.commands.action("heat_map").setEnabled(not reading.phase.is_hidden)
        history = () if study is None else self.session.history(study)
        if study is not None:
            self._offer_unsaved([study])
        self.assessment.show_study(study, self.session.opened_at, history, reading)

    def _show_header(self, image_uid: str, label: str) -> None:
        _show_alone(HeaderBrowser(image_uid, label, self))
        self.session.read_header(image_uid)

    def _on_header_read(
        self, image_uid: str, read: tuple[HeaderElement, ...] | EngineError
    ) -> None:
        for browser in self.findChildren(HeaderBrowser):
            if browser.image_uid == image_uid:
                if isinstance(read, EngineError):
                    browser.show_failure(read)
                else:
                    browser.show_header(read)

    def _on_pixels_loaded(self, study_uid: str, image_uid: str, pixels: DisplayPixels) -> None:
        if self.session.is_hung(study_uid):
            self.viewports.show_pixels(image_uid, pixels)

    def _on_pixels_failed(self, study_uid: str, image_uid: str, error: EngineError) -> None:
        if self.session.is_hung(study_uid):
            self.viewports.show_failure(image_uid, localised(error.title), localised(error.advice))

    def _on_study_predicted(self, prediction: StudyPrediction) -> None:
        self.worklist.show_prediction(prediction)
        if self._is_shown(prediction.study_uid):
            self._show_prediction(prediction)

    def _on_status_changed(self, study_uid: str, status: StudyStatus) -> None:
        self.worklist.show_status(study_uid, status)
        if self._is_shown(study_uid):
            self.prediction.show_status(status)

    def _on_model_changed(self, model_name: str) -> None:
        self.settings.model_name = model_name
        self.menus.show_model(model_name)
        self.prediction.reserve_networks(model_name not in OTHER_MODEL)
        self.worklist.clear_predictions()
        self._show_prediction(None)

    def _on_engine_restarted(self, error: EngineError) -> None:
        advice = tr("It was ended and started again; the study is asked about once more.")
        self.banner.show_message(Message(localised(error.title), advice))

    def _on_mode_changed(self, mode: ReadingMode) -> None:
        """Also as another reader takes over: what may be shown is told anew after this."""
        self.menus.show_mode(mode)
        self.worklist.allow_ranking(mode is ReadingMode.CONCURRENT)
        self.worklist.clear_predictions()
        self._show_prediction(None)
        self._show_other_prediction(None)

    def _on_reading_changed(self, reading: ReadingState) -> None:
        """Of the open study: what its reader may see of the model has changed."""
        study = self.session.current_study
        self.prediction.show_reading(reading)
        self.viewports.tools.show_reading(reading)
        self.assessment.show_reading(reading, () if study is None else self.session.history(study))
        self.commands.action("heat_map").setEnabled(not reading.phase.is_hidden)
        if study is not None:
            self._mark_read([study])

    def choose_mode(self, mode: ReadingMode) -> None:
        """From now on, and at the next start."""
        self.settings.reading_mode = mode
        self.mode_question.hide()
        self.session.set_mode(mode)

    def choose_language(self, language: str) -> None:
        """Texts that are shown already stay as they are: it is for the next start."""
        self.settings.language = self._language = language
        if language != languages.current():
            title = tr("{language} from the next start on").format(
                language=languages.LANGUAGES[language]
            )
            advice = tr("Quit birads-viewer and start it again to change the language.")
            self.banner.show_message(Message(title, advice))

    def ask_for_mode(self) -> None:
        """In a strip above the images, until it is answered there or by the toolbar."""
        self.mode_question.show()

    def _show_prediction(self, prediction: StudyPrediction | None) -> None:
        """Whatever the model says reaches the panes through here, and through the worklist."""
        self.prediction.show_prediction(prediction)
        self.assessment.show_prediction(prediction)
        self.viewports.show_explanations(prediction)

    def _on_other_changed(self, answer: OtherAnswer | None) -> None:
        if answer is None or self._is_shown(answer.study_uid):
            self._show_other_prediction(answer)

    def _show_other_prediction(self, answer: OtherAnswer | None) -> None:
        """Whatever the model that was not chosen says reaches the panes through here alone."""
        self.prediction.show_other(answer)

    def _is_shown(self, study_uid: str) -> bool:
        current = self.session.current_study
        return current is not None and current.uid == study_uid

    def _on_assessment_recorded(self, assessment: ReaderAssessment) -> None:
        self.assessment.show_recorded(assessment)
        if (study := self.session.current_study) is not None:
            self._mark_read([study])

    def _on_recording_failed(self, assessment: ReaderAssessment, error: EngineError) -> None:
        self.assessment.show_not_recorded(assessment, error)
        self.show_fault(error)

    def _on_reveal_failed(self, error: EngineError) -> None:
        advice = " ".join([tr("The answer stays hidden."), localised(error.advice)])
        message = Message(localised(error.title), advice, tr("Try again"))
        self.banner.show_message(message, self.session.retry_reveal)

    # ------------------------------------------------------------------- readings, disagreements

    def show_disagreements(self) -> None:
        """Beside the images, and with the keyboard."""
        self.disagreements.show()
        self._fill_disagreements()
        self.disagreements.raise_()
        self.disagreements.activateWindow()

    def _fill_disagreements(self) -> None:
        if self.disagreements.isVisible():
            self.disagreements.show_readings(self.session.all_readings())

    def _on_reading_opened(self, study_uid: str, side: Laterality, is_alone: bool) -> None:
        if is_alone and self._opened:
            opened = self._opened
            message = Message(
                tr("Opened to look at a reading"),
                tr("The study stands alone in the worklist."),
                tr("Back to the worklist"),
            )
            self.banner.show_message(message, lambda: self.open(opened))
        self.worklist.select(study_uid)
        study = self.session.current_study
        views = [] if study is None else [v for v in study.views if v.laterality is side]
        if views:
            self.viewports.select(views[0].image_uid)
        self.raise_()
        self.activateWindow()
        self.focus_breast(side)

    def _on_csv_requested(self, path: Path, ids: Sequence[int], is_pseudonymised: bool) -> None:
        count = self.session.export_readings(path, False, ids, is_pseudonymised)
        if count is not None:
            told = (
                tr("{count} exported without patient identifiers.")
                if is_pseudonymised
                else tr("{count} exported with patient identifiers.")
            )
            self.disagreements.show_message(told.format(count=count))

    def _on_training_written(self, written: object) -> None:
        self.disagreements.end_training_progress()
        if written is not None:
            self.disagreements.show_message(localised(written.summary))
        elif not self.disagreements.has_message:  # else it says why
            self.disagreements.show_message(tr("Cancelled: no training data was written."))

    def _on_overlay_changed(self, visible: bool, opacity: float) -> None:
        self.viewports.set_overlay(visible, opacity)
        self.commands.refresh()
        self.settings.overlay_visible, self.settings.overlay_opacity = visible, opacity

    def set_asks_both(self, asks_both: bool) -> None:
        """Whether the model that is not chosen is asked about the open study too; in this run."""
        self.prediction.reserve_other(asks_both)
        self.session.set_asks_both(asks_both)
        self.commands.refresh()

    # --------------------------------------------------------------------------------- menu actions

    def ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Open a folder of mammograms"))
        if folder:
            self.open([Path(folder)])

    def ask_for_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, tr("Open mammograms"))
        if files:
            self.open([Path(file) for file in files])

    def fill_recent(self) -> None:
        self.menus.recent.clear()
        for path in self.settings.recent:
            entry = self.menus.recent.addAction(shortened(str(path)).replace("&", "&&"))
            entry.triggered.connect(lambda _checked=False, path=path: self.open([path]))
        if self.menus.recent.isEmpty():
            self.menus.recent.addAction(tr("Nothing yet")).setEnabled(False)
        else:
            self.menus.recent.addSeparator()
            self.menus.recent.addAction(tr("Clear this list"), self.settings.clear_recent)

    def ask_for_export(self, unblind: bool = False) -> None:
        title = tr("Export all readings")
        if unblind:
            title = tr("Export all readings with the model's hidden answers: ends their blinding")
        path, _ = QFileDialog.getSaveFileName(self, title, "readings.csv", "CSV (*.csv)")
        if path:
            self.export_readings(Path(path), unblind)

    def export_readings(self, path: Path, unblind: bool = False) -> None:
        """The model's answers go with the readings only where their reader was shown them; with
        `unblind` all do, and from then on they count as revealed.
        """
        count = self.session.export_readings(path, unblind)
        if count is not None:
            title = (
                tr("1 reading exported") if count == 1 else tr("%n readings exported", "", count)
            )
            told = (
                tr(
                    "It tells all that the model said; hidden answers count as revealed from now "
                    "on."
                )
                if unblind
                else tr("What the model said is left out where it is hidden.")
            )
            advice = " ".join([tr("The file holds patient identifiers."), told])
            self.banner.show_message(Message(title, advice))

    def focus_breast(self, side: Laterality) -> None:
        self.reading_dock.show()
        self.assessment.focus_breast(side)

    def focus_next_breast(self) -> None:
        """The right one first, then the other one each time."""
        self.reading_dock.show()
        self.assessment.focus_next_breast()

    def focus_worklist(self) -> None:
        self.worklist_dock.show()
        self.worklist.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def focus_images(self) -> None:
        self.viewports.window().activateWindow()
        (self.viewports.current or self.viewports).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def choose_model(self, name: str) -> None:
        self.session.set_model(name)

    def restart_engine(self) -> None:
        self.session.restart_engine()

    def switch_model(self) -> None:
        """The next one of the list, in a circle."""
        names = list(MODEL_TITLES)
        place = names.index(self.session.model_name)
        self.session.set_model(names[(place + 1) % len(names)])

    def ask_for_cancers(self) -> None:
        """How many cancers the site sees; 0 shows what the network says and no more."""
        dialog = QInputDialog(self)
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setWindowTitle(tr("Cancers per 1,000 women"))
        dialog.setLabelText(
            tr(
                "How many cancers do you see in 1,000 women screened? What the model says is then "
                "also shown shifted to that, by Bayes' rule. Readings and exports keep the "
                "unshifted numbers. 0: not stated."
            )
        )
        dialog.setDoubleDecimals(1)
        dialog.setDoubleRange(0, MOST_CANCERS)
        dialog.setDoubleValue(self.session.cancers_per_1000 or 0)
        dialog.doubleValueSelected.connect(self.set_cancers)
        _show_alone(dialog)

    def set_cancers(self, cancers_per_1000: float) -> None:
        """From now on, and at the next start."""
        self.settings.cancers_per_1000 = cancers_per_1000
        self._show_cancers(self.settings.cancers_per_1000)

    def _show_cancers(self, cancers_per_1000: float | None) -> None:
        self.session.cancers_per_1000 = cancers_per_1000
        self.prediction.show_prior(cancers_per_1000)

    def toggle_both(self) -> None:
        asks_both = not self.session.asks_both
        self.settings.asks_both = asks_both
        self.set_asks_both(asks_both)

    def choose_steps(self) -> None:
        dialog = StepsDialog(self.viewports.routine, self)
        dialog.routine_changed.connect(self._on_routine_changed)
        _show_alone(dialog)

    def _on_routine_changed(self, routine: tuple[Kind, ...]) -> None:
        self.viewports.set_routine(routine)
        self.settings.set_routine(self.settings.reader, routine)

    def show_shortcuts(self) -> None:
        _show_alone(ShortcutsDialog(self.keymap, self))

    def show_about(self) -> None:
        _show_alone(About(self))

    def show_logs(self) -> None:
        if self._log_folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_folder)))

    def _on_keys_changed(self) -> None:
        self.settings.set_keys(self.keymap.chosen, self.keymap.has_keypad)
        self.menus.show_keys(self.keymap)
        self.screens.show_key(self.keymap.first("images_apart"))
        self.assessment.set_save_key(self.keymap.first("save"))
        self.assessment.set_keypad(self.keymap.has_keypad)

    # ---------------------------------------------------------------------------------- Qt's events

    def event(self, event: QEvent) -> bool:
        """A menu that the pointer goes over does not wipe the line about the selected view."""
        return event.type() == QEvent.Type.StatusTip or super().event(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _local_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.open(_local_paths(event))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not event.spontaneous():
            QTimer.singleShot(0, self.screens, self.screens.restore)
        QTimer.singleShot(IDLE_WAKE_MS, self, self._wake_idle_engine)
        QTimer.singleShot(0, self, self._check_readings)

    def _check_readings(self) -> None:
        self.session.check_readings(self.settings.kept_backups)

    def _wake_idle_engine(self) -> None:
        if self.session.is_idle:
            self.session.wake_engine()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Says once what would be lost; nothing is asked that has to be answered."""
        unsaved = self.assessment.draft_count
        if unsaved and not self._may_close:
            message = Message(
                tr("Unsaved entries in one study")
                if unsaved == 1
                else tr("Unsaved entries in %n studies", "", unsaved),
                tr(
                    "The worklist marks them “unsaved”; save them, or quit: they are kept as not "
                    "saved, and offered again."
                ),
                tr("Quit without saving"),
            )
            self.banner.show_message(message, self._close_anyway)
            event.ignore()
            return
        self.viewports.tools.leave()  # words being typed on an image are kept
        self.settings.geometry = self.saveGeometry()
        self.settings.layout = self.saveState(LAYOUT_VERSION)
        self.settings.save()
        self.screens.leave()
        self.disagreements.close()
        self.session.close()
        super().closeEvent(event)

    def _close_anyway(self) -> None:
        self._may_close = True
        self.close()


def _show_alone(dialog: QWidget) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()


def _local_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
