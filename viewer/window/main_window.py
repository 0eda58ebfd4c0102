"""The window: puts the panes in their places, and opens, shows and closes what stands in it.

Who hears what of the session stands in three presenters: of the open study, of all readings, and
of the models. A pane knows neither the session nor its neighbours.
"""

from collections.abc import Sequence
from datetime import datetime
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
    QDialog,
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QVBoxLayout,
    QWidget,
)

from engine.domain import (
    Laterality,
    ReadingMode,
)
from engine.errors import EngineError
from viewer.display.reading_modes import MODE_MEANINGS, MODE_TITLES
from viewer.display.reading_steps import StepKind
from viewer.display.worklist_row import WorklistOrder
from viewer.output.output import Output
from viewer.panes.disagreements import DisagreementsPage
from viewer.panes.help import About
from viewer.panes.mode_question import ModeQuestion
from viewer.panes.problem_dialog import ProblemDialog
from viewer.panes.reading_pane import WIDTH as READING_WIDTH
from viewer.panes.reading_pane import ReadingPane
from viewer.panes.shortcuts_dialog import ShortcutsDialog
from viewer.panes.steps_dialog import StepsDialog
from viewer.panes.worklist import WorklistPane
from viewer.session.session import Session
from viewer.shared import languages, theme
from viewer.shared.banner import Banner, BannerMessage
from viewer.shared.commands import ActionSpec, Commands
from viewer.shared.keymap import Keymap
from viewer.shared.languages import tr
from viewer.shared.messages import localised, notice
from viewer.shared.plain_text import PlainLabel, shortened
from viewer.shared.states import (
    ReadingState,
)
from viewer.viewports.viewports import ViewportsPane
from viewer.window import problem_report
from viewer.window.attribution_presenter import AttributionPresenter
from viewer.window.dialogs import show_alone
from viewer.window.foreign_presenter import ForeignPresenter
from viewer.window.hot_folder_presenter import HotFolderPresenter
from viewer.window.image_menu import ImageMenu
from viewer.window.manual import Manual, find_manual
from viewer.window.menus import Menus
from viewer.window.model_presenter import ModelPresenter
from viewer.window.network_presenter import NetworkPresenter, title_of
from viewer.window.preferences import Preferences
from viewer.window.readings_presenter import ReadingsPresenter
from viewer.window.screens import Screens
from viewer.window.settings import Settings
from viewer.window.site_locks import SiteLocks, site_notice
from viewer.window.study_presenter import StudyPresenter
from viewer.window.undoing import Undoing

PAINTED_MS = 100  # until the window is on the screen, as a rule
IDLE_START_MS = 1500  # with nothing to open, the engine is started when the window has settled
WORKLIST_WIDTH = 264  # pixels, at the first start
PIXEL_TEXT = "R XCCL  value -65,535.5  row 99999, column 99999"  # the longest under the pointer
LAYOUT_VERSION = 1  # of the docks; a layout of another version is not restored


class MainWindow(QMainWindow):
    """Takes a session and closes it with itself."""

    def __init__(
        self, session: Session, settings: Settings, log_folder: Path | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.settings = settings
        session.exporting.policy = settings.policy
        self._log_folder = log_folder
        self._may_close = False
        self._language = languages.current()  # as chosen; spoken from the next start on
        self.setWindowTitle(title_of(False))
        self.setAcceptDrops(True)

        self.commands = Commands(self)
        self.banner = Banner(self)
        self.viewports = ViewportsPane(self, self.commands)
        self.worklist = WorklistPane(self)
        self.reading = ReadingPane(self)
        self.prediction, self.assessment = self.reading.prediction, self.reading.assessment
        self.disagreements = DisagreementsPage(self, settings.export_folder)
        self._opened: tuple[Path, ...] = ()  # what the worklist shows came from there
        self.output = Output(session, self.viewports, self, settings.export_folder)
        self._place_panes()
        self.undoing = Undoing(session, self.viewports.tools, self.assessment, self)
        self.screens = Screens(self, self.viewports, settings)
        self.models = ModelPresenter(session, settings, self.prediction, self)
        self.study = StudyPresenter(
            session, self.worklist, self.viewports, self.prediction, self.assessment, self
        )
        self.attributions = AttributionPresenter(session, self.assessment, self)
        self.hot_folder = HotFolderPresenter(session.hot_folder, self.worklist, settings, self)
        self.readings = ReadingsPresenter(session, self.disagreements, self, settings.export_folder)
        self.network = NetworkPresenter(session, self.viewports.shown_now, self)
        self.foreign = ForeignPresenter(session, settings, self.viewports, self)
        self.statusBar().addPermanentWidget(self.network.queue_label)
        self.preferences = Preferences(settings, self.viewports, self)
        self._add_commands()
        self.menus = Menus(self, self.commands, session.inference.model_name)
        self.image_menu = ImageMenu(self.viewports, self.commands, self)
        SiteLocks(settings.policy, self.commands, self.menus, self.disagreements).apply()
        self.keymap = Keymap(settings.keys, settings.has_keypad, self)
        self._connect()
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
        if self.settings.policy.notice:
            self.site_notice = site_notice(self.settings.policy.notice)
            column.addWidget(self.site_notice)
        column.addWidget(self.viewports, 1)
        self.setCentralWidget(centre)

        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        self.worklist_dock = self._dock("Worklist", tr("Worklist"), self.worklist, left)
        self.reading_dock = self._dock("Reading", tr("Reading"), self.reading, right)
        self.resizeDocks(
            [self.worklist_dock, self.reading_dock],
            [theme.scaled(WORKLIST_WIDTH), theme.scaled(READING_WIDTH)],
            Qt.Orientation.Horizontal,
        )

        self.notice = PlainLabel(notice(), self)
        self.notice.setFont(theme.font(bold=True))
        self.notice.setStyleSheet(f"color: {theme.WARNING.name()}; padding: 3px 12px;")
        # of a width of its own, so that nothing moves beside it
        self.pixel_label = PlainLabel(self)
        self.pixel_label.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.pixel_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        longest = self.pixel_label.fontMetrics().horizontalAdvance(PIXEL_TEXT)
        self.pixel_label.setFixedWidth(longest + theme.scaled(16))  # apart from what is left of it
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
        commands.add(self, self._commands())
        for part in (
            *(self.output, self.undoing, self.readings, self.models, self.screens),
            *(self.attributions, self.hot_folder, self.network, self.foreign, self.preferences),
        ):
            commands.add(self, part.commands())
        commands.adopt("worklist_pane", ("F8",), self.worklist_dock.toggleViewAction())
        commands.adopt("reading_pane", ("F9",), self.reading_dock.toggleViewAction())

    def _commands(self) -> tuple[ActionSpec, ...]:
        right, left = Laterality.RIGHT, Laterality.LEFT
        return (
            ActionSpec("open_folder", tr("Open &folder …"), ("Ctrl+O",), self.ask_for_folder),
            ActionSpec("open_files", tr("Open f&iles …"), ("Ctrl+Shift+O",), self.ask_for_files),
            ActionSpec("quit", tr("&Quit"), ("Ctrl+Q",), self.close),
            ActionSpec(
                "save", tr("&Save reading"), ("Ctrl+Enter", "Ctrl+Return"), self.assessment.save
            ),
            ActionSpec(
                "save_and_next",
                tr("Save, then the ne&xt study to read"),
                ("Ctrl+Shift+Enter", "Ctrl+Shift+Return"),
                self.study.save_and_next,
                repeats=False,
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
                "pause",
                tr("&Pause or resume the worklist"),
                ("Ctrl+P",),
                self.worklist.toggle_pause,
            ),
            ActionSpec("to_worklist", tr("&Worklist"), ("Ctrl+1",), self.focus_worklist),
            ActionSpec("find_study", tr("&Find a study"), ("Ctrl+F",), self.find_study),
            ActionSpec("to_images", tr("&Images"), ("Ctrl+2",), self.focus_images),
            ActionSpec("steps", tr("&Steps …"), (), self.choose_steps),
            ActionSpec("manual", tr("&Manual"), (), self.show_manual),
            ActionSpec("shortcuts", tr("&Keys and mouse"), ("F1",), self.show_shortcuts),
            ActionSpec("about", tr("&About and licences"), (), self.show_about),
            ActionSpec("report_problem", tr("&Report a problem …"), (), self.report_problem),
            ActionSpec("logs", tr("&Open log folder"), (), self.show_logs),
            *(self._mode_command(mode, title) for mode, title in MODE_TITLES.items()),
            *(self._language_command(code, name) for code, name in languages.LANGUAGES.items()),
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

    def _connect(self) -> None:
        session, tools = self.session, self.viewports.tools
        session.mode_changed.connect(self.menus.show_mode)
        session.error_occurred.connect(self.show_error)
        session.recording_failed.connect(lambda _reading, error: self.show_error(error))
        session.reveal_failed.connect(self._on_reveal_failed)
        session.catalogue.reading_opened.connect(self._on_reading_opened)
        session.inference.restarted.connect(self._on_engine_restarted)
        self.study.reading_shown.connect(self._on_reading_shown)
        self.models.model_shown.connect(self.menus.show_model)
        self.models.changed.connect(self.commands.refresh)
        self.viewports.status_changed.connect(self.statusBar().showMessage)
        tools.pixel_hovered.connect(self.pixel_label.setText)
        self.prediction.overlay_changed.connect(self._on_overlay_changed)
        self.mode_question.answered.connect(self.choose_mode)
        self.output.message.connect(self.banner.show_message)
        self.output.failed.connect(self.show_error)
        self.undoing.message.connect(self.banner.show_message)
        self.undoing.failed.connect(self.show_error)
        self.undoing.hint_changed.connect(tools.message)
        self.attributions.failed.connect(self.show_error)
        self.hot_folder.failed.connect(self.show_error)
        self.hot_folder.changed.connect(self.commands.refresh)
        self.attributions.image_chosen.connect(self._on_image_chosen)
        self.readings.message.connect(self.banner.show_message)
        self.network.switched.connect(self._on_network_switched)
        self.network.study_wanted.connect(self.worklist.select)
        self.foreign.changed.connect(self.commands.refresh)
        self.foreign.failed.connect(self.show_error)
        self.foreign.message.connect(self.banner.show_message)
        self.preferences.words_changed.connect(self.menus.tools.set_words)
        self.screens.message.connect(tools.message)
        self.screens.moved.connect(self.commands.refresh)
        self.menus.recent.aboutToShow.connect(self.fill_recent)
        self.keymap.changed.connect(self._on_keys_changed)
        for menu in self.menus.all_menus:
            self.keymap.add_menu(menu)
        self.keymap.apply()

    def _restore(self) -> None:
        settings, tools = self.settings, self.viewports.tools
        self.prediction.set_overlay(settings.overlay_visible, settings.overlay_opacity)
        self._on_overlay_changed(*self.prediction.overlay)
        self.models.restore()
        self.preferences.restore()
        self.assessment.set_reader(settings.reader)
        self.session.set_reader(settings.reader)
        tools.set_reader(settings.reader)
        tools.set_screens(settings.screens)
        tools.screen_calibrated.connect(settings.add_screen)
        self.viewports.set_protocol(settings.protocol(settings.reader))
        self.menus.show_mode(self.session.mode)
        self.study.show_mode(self.session.mode)
        self.study.show_reading(self.session.reading)
        if settings.worklist_order in WorklistOrder.__members__:
            self.worklist.set_order(
                WorklistOrder[settings.worklist_order], settings.is_worklist_order_reversed
            )
        if settings.geometry.isEmpty() or not self.restoreGeometry(settings.geometry):
            self.resize(1600, 900)
        self.restoreState(settings.layout, LAYOUT_VERSION)
        self.hot_folder.restore()
        self.session.network.read()
        self.assessment.reader_changed.connect(self._on_reader_changed)
        self.worklist.order_changed.connect(self._on_order_changed)

    def _on_order_changed(self, order: WorklistOrder, is_reversed: bool) -> None:
        self.settings.worklist_order = order.name
        self.settings.is_worklist_order_reversed = is_reversed

    def _on_reader_changed(self, name: str) -> None:
        self.settings.reader = name
        self.viewports.set_protocol(self.settings.protocol(name))
        if self.session.current_study is not None:
            self.study.offer_unsaved([self.session.current_study])

    def _on_network_switched(self, is_on: bool) -> None:
        self.setWindowTitle(title_of(is_on))
        self.screens.show_network(is_on)

    # ------------------------------------------------------------------------------------- opening

    def open(self, paths: Sequence[Path]) -> None:
        """Opens files and folders in the place of what is open."""
        self.settings.add_recent(paths)
        self._opened = tuple(paths)
        self.session.open(paths)

    def on_called(self, paths: Sequence[Path]) -> None:
        """By another start of the program, which has ended: it is this window that is meant."""
        if paths:
            self.open(paths)
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def show_error(self, error: EngineError) -> None:
        self.banner.show_message(BannerMessage(localised(error.title), localised(error.advice)))

    def show_bug(self) -> None:
        """An exception that nobody expected has gone to the log."""
        message = BannerMessage(
            tr("Something went wrong in this program"),
            tr("It is a fault of ours, not of your files; please send us the newest log file."),
            tr("Open log folder") if self._log_folder is not None else "",
        )
        self.banner.show_message(message, self.show_logs)

    def _on_reveal_failed(self, error: EngineError) -> None:
        advice = " ".join([tr("The answer stays hidden."), localised(error.advice)])
        message = BannerMessage(localised(error.title), advice, tr("Try again"))
        self.banner.show_message(message, self.session.retry_reveal)

    def _on_engine_restarted(self, error: EngineError) -> None:
        advice = tr("It was ended and started again; the study is asked about once more.")
        self.banner.show_message(BannerMessage(localised(error.title), advice))

    def _on_reading_opened(self, study_uid: str, side: Laterality, is_alone: bool) -> None:
        if is_alone and self._opened:
            opened = self._opened
            message = BannerMessage(
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

    def _on_image_chosen(self, study_uid: str, image_uid: str) -> None:
        self.worklist.select(study_uid)
        self.viewports.select(image_uid)

    # -------------------------------------------------------------------------- what is chosen

    def choose_mode(self, mode: ReadingMode) -> None:
        """From now on, and at the next start."""
        self.settings.reading_mode = mode
        self.mode_question.hide()
        self.session.set_mode(mode)

    def ask_for_mode(self) -> None:
        """In a strip above the images, until it is answered there or by the toolbar."""
        self.mode_question.show()

    def choose_language(self, language: str) -> None:
        """Texts that are shown already stay as they are: it is for the next start."""
        self.settings.language = self._language = language
        if language != languages.current():
            title = tr("{language} from the next start on").format(
                language=languages.LANGUAGES[language]
            )
            advice = tr("Quit birads-viewer and start it again to change the language.")
            self.banner.show_message(BannerMessage(title, advice))

    def _on_reading_shown(self, reading: ReadingState) -> None:
        self.commands.action("heat_map").setEnabled(not reading.phase.is_hidden)

    def _on_overlay_changed(self, visible: bool, opacity: float) -> None:
        self.viewports.set_overlay(visible, opacity)
        self.commands.refresh()
        self.settings.overlay_visible, self.settings.overlay_opacity = visible, opacity

    # --------------------------------------------------------------------------------- menu actions

    def ask_for_folder(self) -> None:
        start = str(self.settings.open_folder or "")
        folder = QFileDialog.getExistingDirectory(self, tr("Open a folder of mammograms"), start)
        if folder:
            self.open([Path(folder)])

    def ask_for_files(self) -> None:
        start = str(self.settings.open_folder or "")
        files, _ = QFileDialog.getOpenFileNames(self, tr("Open mammograms"), start)
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

    def find_study(self) -> None:
        self.worklist_dock.show()
        self.worklist.search()

    def focus_images(self) -> None:
        self.viewports.window().activateWindow()
        (self.viewports.current or self.viewports).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def choose_steps(self) -> None:
        dialog = StepsDialog(self.viewports.protocol, self)
        dialog.protocol_changed.connect(self._on_protocol_changed)
        show_alone(dialog)

    def _on_protocol_changed(self, protocol: tuple[StepKind, ...]) -> None:
        self.viewports.set_protocol(protocol)
        self.settings.set_protocol(self.settings.reader, protocol)

    def show_manual(self) -> None:
        path = find_manual(languages.current())
        if path is None:
            advice = tr("It comes with the program's bundle and with its source.")
            self.banner.show_message(BannerMessage(tr("The manual is not installed"), advice))
            return
        show_alone(Manual(path, self))

    def show_shortcuts(self) -> None:
        show_alone(ShortcutsDialog(self.keymap, self.settings.mouse, self))

    def show_about(self) -> None:
        show_alone(About(self))

    def report_problem(self) -> None:
        """All of it is shown before it is saved."""
        dialog = ProblemDialog(
            problem_report.texts(self.settings, self._log_folder),
            problem_report.SELF_TEST,
            problem_report.self_test_process(),
            self,
        )
        dialog.saving.connect(partial(self._save_report, dialog))
        show_alone(dialog)

    def _save_report(self, dialog: QDialog, texts: dict[str, str]) -> None:
        name = f"birads-viewer-report-{datetime.now().astimezone():%Y-%m-%d}.zip"
        path = self.output.ask_for_file(dialog, tr("Save the report"), name, "ZIP (*.zip)")
        if path is not None:
            clean = {name: problem_report.without_user(text) for name, text in texts.items()}
            self.output.save(path, lambda: problem_report.archive(clean.items()))

    def show_logs(self) -> None:
        if self._log_folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_folder)))

    def _on_keys_changed(self) -> None:
        self.settings.set_keys(self.keymap.chosen, self.keymap.has_keypad)
        self.menus.show_keys(self.keymap)
        self.screens.show_key(self.keymap.first("images_apart"))
        self.assessment.set_save_keys(self.keymap.first("save"), self.keymap.first("save_and_next"))
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
        QTimer.singleShot(IDLE_START_MS, self, self._start_idle_engine)
        QTimer.singleShot(PAINTED_MS, self, self._check_readings)

    def _check_readings(self) -> None:
        self.session.upkeep.begin(self.settings.kept_backups)

    def _start_idle_engine(self) -> None:
        if self.session.is_idle:
            self.session.inference.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Says once what would be lost; nothing is asked that has to be answered."""
        unsaved = self.assessment.draft_count
        if unsaved and not self._may_close:
            message = BannerMessage(
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
        self.network.close()
        self.session.close()
        super().closeEvent(event)

    def _close_anyway(self) -> None:
        self._may_close = True
        self.close()


def _local_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
