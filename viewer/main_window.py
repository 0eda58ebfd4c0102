"""The window: puts the panes in their places and leads the session's signals to them.

Nothing is decided here but where a thing stands and which pane hears what; a pane knows neither
the session nor its neighbours.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QAction,
    QActionGroup,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFileDialog,
    QFrame,
    QLabel,
    QMainWindow,
    QMenu,
    QScrollArea,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    NOTICE,
    Catalogue,
    HeaderElement,
    Laterality,
    ReaderAssessment,
    ReadingMode,
    Study,
    StudyPrediction,
)
from engine.errors import EngineError
from viewer import theme
from viewer.assessment_pane import AssessmentPane
from viewer.banner import Banner, Message
from viewer.commands import Group
from viewer.disagreements import DisagreementsPage
from viewer.header_browser import HeaderBrowser
from viewer.help import About, ShortcutList
from viewer.mode_question import ModeQuestion
from viewer.output import Output
from viewer.prediction_pane import PredictionPane
from viewer.reading_modes import MODE_MEANINGS, MODE_TITLES
from viewer.reading_steps import Kind
from viewer.rendering import DisplayPixels
from viewer.session import Session
from viewer.settings import Settings
from viewer.states import MODEL_TITLES, OtherAnswer, ReadingState, StudyStatus
from viewer.steps_dialog import StepsDialog
from viewer.viewports import COMMANDS, ViewportsPane
from viewer.worklist import Order, WorklistPane

IDLE_WAKE_MS = 1500  # with nothing to open, the engine is started when the window has settled
WORKLIST_WIDTH, READING_WIDTH = 264, 348  # pixels, at the first start
POINTED_WIDTH = 330  # pixels, for the value under the pointer
LAYOUT_VERSION = 1  # of the docks; a layout of another version is not restored
# Commands of the viewports that stand in the toolbar, by what is written on the button.
TOOLBAR = {
    "fit": "Fit",
    "actual_pixels": "1:1",
    "toggle_single": "One / all",
    "step_1": "Next step",
    "next_preset": "Preset",
    "toggle_invert": "Invert",
    "reset": "Reset",
}


class MainWindow(QMainWindow):
    """Takes a session and closes it with itself."""

    def __init__(
        self, session: Session, settings: Settings, log_folder: Path | None = None
    ) -> None:
        super().__init__()
        self._session = session
        self._settings = settings
        self._log_folder = log_folder
        self._may_close = False
        self.setWindowTitle("birads-viewer")
        self.setAcceptDrops(True)

        self.banner = Banner(self)
        self.viewports = ViewportsPane(self)
        self.worklist = WorklistPane(self)
        self.prediction = PredictionPane(self)
        self.assessment = AssessmentPane(self)
        self.disagreements = DisagreementsPage(self)
        self._disagreements_due = QTimer(self)  # once, however much has changed
        self._disagreements_due.setSingleShot(True)
        self._disagreements_due.timeout.connect(self._fill_disagreements)
        self._opened: tuple[Path, ...] = ()  # what the worklist shows came from there
        self.output = Output(session, self.viewports, self)
        self._place_panes()
        self._make_actions()
        self._fill_menus()
        self._fill_toolbar()
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

        reading = QWidget(self)
        below = QVBoxLayout(reading)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        self._prediction_area = _Scrolled(self.prediction)
        below.addWidget(self._prediction_area)
        line = QFrame(reading)
        line.setFixedHeight(1)
        line.setStyleSheet(f"background: {theme.LINE.name()}")
        below.addWidget(line)
        assessment_area = _Scrolled(self.assessment)
        # always: else the forms would become narrower as the first reading is listed below them
        assessment_area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        below.addWidget(assessment_area, 1)
        self._worklist_dock = self._dock(
            "Worklist", self.worklist, Qt.DockWidgetArea.LeftDockWidgetArea
        )
        self._reading_dock = self._dock("Reading", reading, Qt.DockWidgetArea.RightDockWidgetArea)
        self.resizeDocks(
            [self._worklist_dock, self._reading_dock],
            [WORKLIST_WIDTH, READING_WIDTH],
            Qt.Orientation.Horizontal,
        )

        self._notice = QLabel(NOTICE, self)
        self._notice.setFont(theme.font(bold=True))
        self._notice.setStyleSheet(f"color: {theme.WARNING.name()}; padding: 3px 12px;")
        self._pointed = QLabel(self)  # of a width of its own, so that nothing moves beside it
        self._pointed.setFont(theme.font(theme.SMALL_TEXT_PX))
        self._pointed.setFixedWidth(POINTED_WIDTH)
        self.statusBar().addPermanentWidget(self._pointed)
        # A menu bar's corner is there at every width of the window, unlike a toolbar's end.
        self.menuBar().setNativeMenuBar(False)
        self.menuBar().setCornerWidget(self._notice, Qt.Corner.TopRightCorner)

    def _dock(self, title: str, pane: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title)  # saveState knows it by this
        dock.setWidget(pane)
        self.addDockWidget(area, dock)
        return dock

    def _make_actions(self) -> None:
        def action(text: str, slot: Callable[[], object], *keys: str) -> QAction:
            made = QAction(text, self)
            made.setShortcuts([QKeySequence(key) for key in keys])
            made.triggered.connect(lambda _checked=False: slot())
            return made

        self._open_folder = action("Open &folder …", self._ask_for_folder, "Ctrl+O")
        self._open_files = action("Open f&iles …", self._ask_for_files, "Ctrl+Shift+O")
        self._export = action("&Export readings …", self._ask_for_export, "Ctrl+E")
        self._export_unblinded = action(
            "Export readings, &unblinded …", lambda: self._ask_for_export(unblind=True)
        )
        self._quit = action("&Quit", self.close, "Ctrl+Q")
        self._save = action("&Save reading", self.assessment.save, "Ctrl+Return", "Ctrl+Enter")
        self._undo_reading = action("&Undo saved reading", self.undo_assessment, "Ctrl+Shift+U")
        self._show_disagreements = action(
            "Readings and &disagreements …", self.show_disagreements, "Ctrl+D"
        )
        self._right = action(
            "&Right breast", lambda: self._focus_breast(Laterality.RIGHT), "Ctrl+R"
        )
        self._left = action("&Left breast", lambda: self._focus_breast(Laterality.LEFT), "Ctrl+L")
        self._overlay = action("&Heat-map", self.prediction.toggle_overlay, "H")
        self._overlay.setCheckable(True)
        self._next_model = action("&Other model", self._switch_model, "M")
        self._both = action("Ask &both networks", self._toggle_both, "Shift+M")
        self._both.setCheckable(True)
        self._pause = action("&Pause or resume the worklist", self._toggle_pause, "Ctrl+P")
        self._steps = action("&Steps …", self._choose_steps)
        self._shortcuts = action("&Keys and mouse", self._show_shortcuts, "F1")
        self._about = action("&About and licences", self._show_about)
        self._logs = action("&Open log folder", self._show_logs)
        self._toggle_worklist = self._worklist_dock.toggleViewAction()
        self._toggle_worklist.setShortcut(QKeySequence("F8"))
        self._toggle_reading = self._reading_dock.toggleViewAction()
        self._toggle_reading.setShortcut(QKeySequence("F9"))

        self._models = QActionGroup(self)
        for name, title in MODEL_TITLES.items():
            choice = QAction(title, self._models)
            choice.setCheckable(True)
            choice.setData(name)
            choice.setChecked(name == self._session.model_name)
        self._models.triggered.connect(lambda choice: self._session.set_model(choice.data()))
        self._modes = QActionGroup(self)
        for mode, title in MODE_TITLES.items():
            choice = QAction(title, self._modes)
            choice.setCheckable(True)
            choice.setData(mode)
            choice.setToolTip(MODE_MEANINGS[mode])
        self._modes.triggered.connect(lambda choice: self.choose_mode(choice.data()))

    def _fill_menus(self) -> None:
        bar = self.menuBar()
        file = bar.addMenu("&File")
        file.addActions([self._open_folder, self._open_files])
        self._recent = file.addMenu("Open &recent")
        self._recent.aboutToShow.connect(self._fill_recent)
        file.addSeparator()
        file.addActions(self.output.actions)
        file.addSeparator()
        file.addActions([self._export, self._export_unblinded])
        file.addSeparator()
        file.addAction(self._quit)

        images = bar.addMenu("&Images")
        for group in (Group.WINDOW, Group.ZOOM, Group.TURN):
            images.addActions(self._commands(group))
            images.addSeparator()
        images.addAction(self._overlay)
        tools = bar.addMenu("&Tools")
        for group in (Group.DRAW, Group.LINK, Group.LOOK):
            tools.addActions(self._commands(group))
            tools.addSeparator()
        go = bar.addMenu("&Go")
        go.addActions(self._commands(Group.GO))
        go.addSeparator()
        go.addAction(self._steps)
        reading = bar.addMenu("&Reading")
        reading.addActions([self._right, self._left, self._save, self._undo_reading])
        reading.addSeparator()
        reading.addAction(self._show_disagreements)
        reading.addSection("Mode")
        reading.addActions(self._modes.actions())
        model = bar.addMenu("&Model")
        model.addActions(self._models.actions())
        model.addActions([self._next_model, self._both])
        model.addSeparator()
        model.addAction(self._pause)
        panes = bar.addMenu("&Panes")
        panes.addActions([self._toggle_worklist, self._toggle_reading])
        help_ = bar.addMenu("&Help")
        help_.addActions([self._shortcuts, self._logs, self._about])

    def _commands(self, group: Group) -> list[QAction]:
        actions = self.viewports.actions_by_name
        return [actions[command.identity] for command in COMMANDS if command.group is group]

    def _fill_toolbar(self) -> None:
        bar = QToolBar("Toolbar", self)
        bar.setObjectName("Toolbar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.addToolBar(bar)
        open_button = QToolButton(bar)
        open_button.setText("Open")
        open_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(open_button)
        menu.addActions([self._open_folder, self._open_files])
        menu.addMenu(self._recent)
        open_button.setMenu(menu)
        bar.addWidget(open_button)
        bar.addSeparator()
        self._mode_button = self._make_mode_button(bar)
        bar.addWidget(self._mode_button)
        bar.addSeparator()
        self._model_choice = QComboBox(bar)
        self._model_choice.setAccessibleName("Model")
        self._model_choice.setToolTip("Model (M for the other one)")
        self._model_choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for name, title in MODEL_TITLES.items():
            self._model_choice.addItem(title, name)
        self._model_choice.setCurrentIndex(self._model_choice.findData(self._session.model_name))
        self._model_choice.activated.connect(
            lambda number: self._session.set_model(self._model_choice.itemData(number))
        )
        bar.addWidget(self._model_choice)
        bar.addSeparator()
        for identity, title in TOOLBAR.items():
            command = self.viewports.actions_by_name[identity]
            command.setIconText(title)
            bar.addAction(command)
        bar.addSeparator()
        self._overlay.setIconText("Heat-map")
        bar.addAction(self._overlay)

    def _make_mode_button(self, bar: QToolBar) -> QToolButton:
        """As wide as its longest text, so that nothing beside it moves."""
        button = QToolButton(bar)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.addActions(self._modes.actions())
        button.setMenu(menu)
        widths = []
        for title in MODE_TITLES.values():
            button.setText(f"Mode: {title}")
            widths.append(button.sizeHint().width())
        button.setFixedWidth(max(widths))
        return button

    # ------------------------------------------------------------------------------- who hears what

    def _connect_session(self) -> None:
        session = self._session
        session.opening_started.connect(lambda: self.worklist.show_opening(0, 0))
        session.opening_progressed.connect(self.worklist.show_opening)
        session.opening_finished.connect(self.worklist.hide_opening)
        session.catalogue_opened.connect(self._on_catalogue_opened)
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
        session = self._session
        self.worklist.study_selected.connect(self._on_worklist_selected)
        self.worklist.pause_requested.connect(session.pause)
        self.worklist.resume_requested.connect(session.resume)
        self.worklist.cancel_requested.connect(session.cancel)
        self.worklist.opening_cancel_requested.connect(session.cancel_opening)
        self.viewports.study_step_requested.connect(self.worklist.step)
        self.viewports.prior_shown.connect(session.show_prior)
        self.viewports.status_changed.connect(self.statusBar().showMessage)
        tools = self.viewports.tools
        tools.pointed.connect(self._pointed.setText)
        tools.annotated.connect(session.annotate)
        tools.header_requested.connect(self._show_header)
        self.assessment.reader_changed.connect(tools.set_reader)
        self.prediction.overlay_changed.connect(self._on_overlay_changed)
        self.prediction.retry_requested.connect(session.retry_engine)
        self.assessment.assessment_submitted.connect(session.record)
        self.assessment.draft_changed.connect(self.worklist.mark_draft)
        self.assessment.reader_changed.connect(session.set_reader)
        self.mode_question.answered.connect(self.choose_mode)
        page = self.disagreements
        page.reading_requested.connect(session.open_reading)
        page.csv_requested.connect(self._on_csv_requested)
        page.training_requested.connect(session.write_training_data)
        page.training_cancel_requested.connect(session.cancel_training_data)
        session.fault_occurred.connect(lambda error: page.show_message(str(error)))
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
        self.output.told.connect(self.banner.show_message)
        self.output.failed.connect(self.show_fault)

    def _restore(self) -> None:
        settings = self._settings
        self.prediction.show_engine(self._session.engine_status)
        self.prediction.set_overlay(settings.overlay_visible, settings.overlay_opacity)
        self._on_overlay_changed(*self.prediction.overlay)
        self.set_asks_both(settings.asks_both)
        self.assessment.set_reader(settings.reader)
        self._session.set_reader(settings.reader)
        self.viewports.tools.set_reader(settings.reader)
        self.viewports.tools.set_screens(settings.screens)
        self.viewports.tools.screen_calibrated.connect(settings.add_screen)
        self.viewports.set_routine(settings.routine(settings.reader))
        self._on_mode_changed(self._session.mode)
        self._on_reading_changed(self._session.reading)
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
        self._settings.reader = name
        self.viewports.set_routine(self._settings.routine(name))

    # ------------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Opens files and folders in the place of what is open."""
        self._settings.add_recent(paths)
        self._opened = tuple(paths)
        self._session.open(paths)

    def show_fault(self, error: EngineError) -> None:
        self.banner.show_message(Message(error.title, error.advice))

    def show_bug(self) -> None:
        """An exception that nobody expected has gone to the log."""
        message = Message(
            "Something went wrong in this program",
            "It is a fault of ours, not of your files; please send us the newest log file.",
            "Open log folder" if self._log_folder is not None else "",
        )
        self.banner.show_message(message, self._show_logs)

    def _on_catalogue_opened(self, catalogue: Catalogue) -> None:
        self.worklist.show_catalogue(catalogue)
        for study in catalogue.studies:
            if self.assessment.has_draft(study):
                self.worklist.mark_draft(study.uid, True)
        self._mark_read(catalogue.studies)
        if catalogue.studies:
            self.worklist.select(self.worklist.study_uids[0])
        else:
            self._session.select_study(None)

    def _mark_read(self, studies: Iterable[Study]) -> None:
        for study in studies:
            has_been_read = self._session.has_been_read(study)
            is_unfinished = has_been_read and self._session.is_unfinished(study)
            self.worklist.mark_read(study.uid, has_been_read, is_unfinished)

    def _on_worklist_selected(self, study_uid: str) -> None:
        self._session.select_study(study_uid, self.worklist.upcoming(study_uid))

    def _on_study_selected(self, study: Study | None) -> None:
        reading = self._session.reading
        self.viewports.show_study(study, self._session.priors)
        if study is not None:
            drawn = self._session.annotations(study)
            self.viewports.tools.show_annotations(study, drawn)
        self.prediction.show_study(study)
        self.prediction.show_reading(reading)
        self._overlay.setEnabled(not reading.phase.is_hidden)
        history = () if study is None else self._session.history(study)
        self.assessment.show_study(study, self._session.opened_at, history, reading)

    def _show_header(self, image_uid: str, label: str) -> None:
        _show_alone(HeaderBrowser(image_uid, label, self))
        self._session.read_header(image_uid)

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
        if self._session.is_hung(study_uid):
            self.viewports.show_pixels(image_uid, pixels)

    def _on_pixels_failed(self, study_uid: str, image_uid: str, error: EngineError) -> None:
        if self._session.is_hung(study_uid):
            self.viewports.show_failure(image_uid, error.title, error.advice)

    def _on_study_predicted(self, prediction: StudyPrediction) -> None:
        self.worklist.show_prediction(prediction)
        if self._is_shown(prediction.study_uid):
            self._show_prediction(prediction)

    def _on_status_changed(self, study_uid: str, status: StudyStatus) -> None:
        self.worklist.show_status(study_uid, status)
        if self._is_shown(study_uid):
            self.prediction.show_status(status)

    def _on_model_changed(self, model_name: str) -> None:
        self._settings.model_name = model_name
        self._model_choice.setCurrentIndex(self._model_choice.findData(model_name))
        for choice in self._models.actions():
            choice.setChecked(choice.data() == model_name)
        self.worklist.clear_predictions()
        self._show_prediction(None)

    def _on_mode_changed(self, mode: ReadingMode) -> None:
        """Also as another reader takes over: what may be shown is told anew after this."""
        title = MODE_TITLES[mode]
        self._mode_button.setText(f"Mode: {title}")
        self._mode_button.setAccessibleName(f"Reading mode: {title}")
        self._mode_button.setToolTip(MODE_MEANINGS[mode])
        for choice in self._modes.actions():
            choice.setChecked(choice.data() is mode)
        self.worklist.allow_ranking(mode is ReadingMode.CONCURRENT)
        self.worklist.clear_predictions()
        self._show_prediction(None)
        self._show_other_prediction(None)

    def _on_reading_changed(self, reading: ReadingState) -> None:
        """Of the open study: what its reader may see of the model has changed."""
        study = self._session.current_study
        self.prediction.show_reading(reading)
        self.assessment.show_reading(reading, () if study is None else self._session.history(study))
        self._overlay.setEnabled(not reading.phase.is_hidden)
        if study is not None:
            self._mark_read([study])

    def choose_mode(self, mode: ReadingMode) -> None:
        """From now on, and at the next start."""
        self._settings.reading_mode = mode
        self.mode_question.hide()
        self._session.set_mode(mode)

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
        current = self._session.current_study
        return current is not None and current.uid == study_uid

    def _on_assessment_recorded(self, assessment: ReaderAssessment) -> None:
        self.assessment.show_recorded(assessment)
        if (study := self._session.current_study) is not None:
            self._mark_read([study])

    def _on_recording_failed(self, assessment: ReaderAssessment, error: EngineError) -> None:
        self.assessment.show_not_recorded(assessment, error)
        self.show_fault(error)

    def _on_reveal_failed(self, error: EngineError) -> None:
        message = Message(error.title, f"The answer stays hidden. {error.advice}", "Try again")
        self.banner.show_message(message, self._session.retry_reveal)

    def undo_assessment(self) -> None:
        """Takes back what this reader saved last for the open study; says what stands now."""
        study = self._session.current_study
        if study is not None and self.assessment.has_draft(study):
            self.show_fault(
                EngineError("Unsaved entries", "Save or discard them before a saved one is undone.")
            )
            return
        recorded = self._session.undo_assessment()
        if recorded is not None:
            side = recorded.laterality.name.capitalize()
            stands = (
                "no reading of it stands any more"
                if recorded.is_withdrawn
                else f"BI-RADS {recorded.category.value} stands again"
            )
            message = Message("Reading undone", f"{side} breast: {stands}. Both are on record.")
            self.banner.show_message(message)

    # ------------------------------------------------------------------- readings, disagreements

    def show_disagreements(self) -> None:
        """Beside the images, and with the keyboard."""
        self.disagreements.show()
        self._fill_disagreements()
        self.disagreements.raise_()
        self.disagreements.activateWindow()

    def _fill_disagreements(self) -> None:
        if self.disagreements.isVisible():
            self.disagreements.show_readings(self._session.all_readings())

    def _on_reading_opened(self, study_uid: str, side: Laterality, is_alone: bool) -> None:
        if is_alone and self._opened:
            opened = self._opened
            message = Message(
                "Opened to look at a reading",
                "The study stands alone in the worklist.",
                "Back to the worklist",
            )
            self.banner.show_message(message, lambda: self.open(opened))
        self.worklist.select(study_uid)
        study = self._session.current_study
        views = [] if study is None else [v for v in study.views if v.laterality is side]
        if views:
            self.viewports.select(views[0].image_uid)
        self.raise_()
        self.activateWindow()
        self._focus_breast(side)

    def _on_csv_requested(self, path: Path, ids: Sequence[int], is_pseudonymised: bool) -> None:
        count = self._session.export_readings(path, False, ids, is_pseudonymised)
        if count is not None:
            told = "without" if is_pseudonymised else "with"
            self.disagreements.show_message(f"{count} exported {told} patient identifiers.")

    def _on_training_written(self, written: object) -> None:
        self.disagreements.end_training_progress()
        if written is not None:
            self.disagreements.show_message(written.summary)
        elif not self.disagreements.has_message:  # else it says why
            self.disagreements.show_message("Cancelled: no training data was written.")

    def _on_overlay_changed(self, visible: bool, opacity: float) -> None:
        self.viewports.set_overlay(visible, opacity)
        self._overlay.setChecked(visible)
        self._settings.overlay_visible, self._settings.overlay_opacity = visible, opacity

    def set_asks_both(self, asks_both: bool) -> None:
        """Whether the model that is not chosen is asked about the open study too; in this run."""
        self._both.setChecked(asks_both)
        self.prediction.reserve_other(asks_both)
        self._fit_prediction()
        self._session.set_asks_both(asks_both)

    def _fit_prediction(self) -> None:
        """The prediction keeps the height it has before anything is said, and scrolls what is
        longer: the reader's form must not move when an answer comes.
        """
        if self.isVisible():  # else its width is not known
            width = self._prediction_area.viewport().width()
            self._prediction_area.setMaximumHeight(self.prediction.heightForWidth(width))

    # --------------------------------------------------------------------------------- menu actions

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of mammograms")
        if folder:
            self.open([Path(folder)])

    def _ask_for_files(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(self, "Open mammograms")
        if files:
            self.open([Path(file) for file in files])

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self._settings.recent:
            entry = self._recent.addAction(str(path).replace("&", "&&"))
            entry.triggered.connect(lambda _checked=False, path=path: self.open([path]))
        if self._recent.isEmpty():
            self._recent.addAction("Nothing yet").setEnabled(False)
        else:
            self._recent.addSeparator()
            self._recent.addAction("Clear this list", self._settings.clear_recent)

    def _ask_for_export(self, unblind: bool = False) -> None:
        title = "Export all readings"
        if unblind:
            title += " with the model's hidden answers: ends their blinding"
        path, _ = QFileDialog.getSaveFileName(self, title, "readings.csv", "CSV (*.csv)")
        if path:
            self.export_readings(Path(path), unblind)

    def export_readings(self, path: Path, unblind: bool = False) -> None:
        """The model's answers go with the readings only where their reader was shown them; with
        `unblind` all do, and from then on they count as revealed.
        """
        count = self._session.export_readings(path, unblind)
        if count is not None:
            readings = "1 reading" if count == 1 else f"{count} readings"
            told = (
                "It tells all that the model said; hidden answers count as revealed from now on."
                if unblind
                else "What the model said is left out where it is hidden."
            )
            self.banner.show_message(
                Message(f"{readings} exported", f"The file holds patient identifiers. {told}")
            )

    def _focus_breast(self, side: Laterality) -> None:
        self._reading_dock.show()
        self.assessment.focus_breast(side)

    def _switch_model(self) -> None:
        self._session.set_model(self._session.other_model_name)

    def _toggle_both(self) -> None:
        asks_both = not self._session.asks_both
        self._settings.asks_both = asks_both
        self.set_asks_both(asks_both)

    def _toggle_pause(self) -> None:
        self.worklist.toggle_pause()

    def _choose_steps(self) -> None:
        dialog = StepsDialog(self.viewports.routine, self)
        dialog.routine_changed.connect(self._on_routine_changed)
        _show_alone(dialog)

    def _on_routine_changed(self, routine: tuple[Kind, ...]) -> None:
        self.viewports.set_routine(routine)
        self._settings.set_routine(self._settings.reader, routine)

    def _show_shortcuts(self) -> None:
        _show_alone(ShortcutList(self._all_actions(), self))

    def _show_about(self) -> None:
        _show_alone(About(self))

    def _show_logs(self) -> None:
        if self._log_folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_folder)))

    def _all_actions(self) -> Iterable[QAction]:
        for menu in self.menuBar().findChildren(
            QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly
        ):
            yield from menu.actions()

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
            self._fit_prediction()
        QTimer.singleShot(IDLE_WAKE_MS, self, self._wake_idle_engine)
        QTimer.singleShot(0, self, self._session.check_readings)

    def _wake_idle_engine(self) -> None:
        if self._session.is_idle:
            self._session.wake_engine()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Says once what would be lost; nothing is asked that has to be answered."""
        unsaved = self.assessment.draft_count
        if unsaved and not self._may_close:
            studies = "one study" if unsaved == 1 else f"{unsaved} studies"
            message = Message(
                f"Unsaved entries in {studies}",
                "The worklist marks them “unsaved”; save them, or quit once more without.",
                "Quit without saving",
            )
            self.banner.show_message(message, self._close_anyway)
            event.ignore()
            return
        self.viewports.tools.leave()  # words being typed on an image are kept
        self._settings.geometry = self.saveGeometry()
        self._settings.layout = self.saveState(LAYOUT_VERSION)
        self._settings.save()
        self.disagreements.close()
        self._session.close()
        super().closeEvent(event)

    def _close_anyway(self) -> None:
        self._may_close = True
        self.close()


class _Scrolled(QScrollArea):
    """As tall as its pane where there is room, and scrolling where there is not."""

    def __init__(self, pane: QWidget) -> None:
        super().__init__()
        self.setWidget(pane)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(pane.minimumWidth(), 160)

    def sizeHint(self) -> QSize:
        return QSize(READING_WIDTH, self.widget().heightForWidth(READING_WIDTH))


def _show_alone(dialog: QWidget) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.show()


def _local_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
