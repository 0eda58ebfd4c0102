"""What stands where in the menus and in the toolbar, by the identities of the commands; what each
one does stands with the registry (`shared.commands`).
"""

from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QMainWindow, QMenu, QToolBar, QToolButton, QWidget

from engine.domain import ReadingMode
from viewer.display.reading_modes import MODE_MEANINGS, MODE_TITLES
from viewer.panes.tool_row import ToolRow
from viewer.shared import icons
from viewer.shared.commands import Commands
from viewer.shared.keymap import Keymap
from viewer.shared.languages import LANGUAGES, mark, tr
from viewer.shared.plain_text import tool_tip
from viewer.shared.states import MODEL_TITLES, OTHER_MODEL

LINE = "-"
RECENT, LANGUAGE = "recent", "language"  # menus within menus
MODES = tuple(f"mode_{mode.name.lower()}" for mode in MODE_TITLES)
MODELS = tuple(f"model_{name}" for name in MODEL_TITLES)

MENUS = {
    mark("&File"): (
        *("open_folder", "open_files", "open_pacs", RECENT, "watch_folder", LINE),
        *("save_picture", "copy_picture", "summary", "anonymise", LINE),
        *("export", "export_unblinded", LINE, "quit"),
    ),
    mark("&Images"): (
        *("next_preset", "previous_preset", "toggle_linear", "toggle_invert"),
        "toggle_shutter",
        *("adjust_window_0_1", "adjust_window_0_-1", "adjust_window_1_0", "adjust_window_-1_0"),
        *(LINE, "fit", "actual_pixels", "zoom_step_1", "zoom_step_-1"),
        *("pan_step_-1_0", "pan_step_1_0", "pan_step_0_-1", "pan_step_0_1"),
        *("toggle_single", "toggle_arrangement", "reset", LINE),
        *("tools.turn_mirrored", "tools.turn_flipped"),
        *(
            "tools.turn_turned_right",
            "tools.turn_turned_left",
            LINE,
            "heat_map",
            "others_marks",
            "others_documents",
        ),
    ),
    mark("&Tools"): (
        *("tools.hand.choose_RULER", "tools.hand.choose_ANGLE", "tools.hand.choose_ELLIPSE"),
        *("tools.hand.choose_ARROW", "tools.hand.choose_TEXT", "tools.hand.remove"),
        *("tools.cancel", LINE, "tools.ask_at_pointer", "tools.choose_region", LINE),
        *("tools.links.toggle_pan", "tools.links.toggle_zoom", "tools.links.toggle_window", LINE),
        *("tools.magnify_1", "tools.magnify_2", "tools.tour_1", "tools.tour_-1"),
        *("tools.true_size", "tools.calibrate_screen", "tools.toggle_local_contrast"),
        *("tools.next_text_level", "tools.ask_for_header", "attribute", LINE),
    ),
    mark("&Go"): (
        *("next_view_1", "next_view_-1", "step_1", "step_-1", "next_prior"),
        *("step_study_1", "step_study_-1", LINE, "find_study", "to_worklist", "to_images", "steps"),
    ),
    mark("&Reading"): (
        *("undo", "redo", "undo_reading", LINE),
        *("right_breast", "left_breast", "next_breast", "save", "save_and_next", LINE),
        *("disagreements", "send_results", mark("Mode"), *MODES),
    ),
    mark("&Model"): (
        *(*MODELS, "other_model", "both_models", "cancers_per_1000", LINE),
        *("pause", "restart_engine"),
    ),
    mark("&Panes"): (*("worklist_pane", "reading_pane", "images_apart", "images_next_screen"),),
    mark("&Settings"): ("settings", LANGUAGE, LINE, "dicom_nodes"),
    mark("&Help"): ("manual", "shortcuts", "report_problem", "logs", "about"),
}
SECTIONS = ("Mode",)  # words between two lines, of the commands below them

# Commands that stand in the toolbar, in their groups: the picture, and what is written beside it.
# Those that come last are behind "»" first.
TOOLBAR = (
    {
        "step_study_-1": ("previous_study", mark("Previous", "on a button")),
        "step_study_1": ("next_study", mark("Next", "on a button")),
        "save": ("save", mark("Save", "on a button")),
        "save_and_next": ("save_next", mark("Save, next", "on a button")),
    },
    {
        "heat_map": ("heat_map", mark("Heat-map", "on a button")),
        "fit": ("fit", mark("Fit", "on a button")),
        "actual_pixels": ("actual_pixels", mark("Pixels", "on a button")),
        "toggle_single": ("one_view", mark("One / all", "on a button")),
        "step_1": ("next_step", mark("Next step", "on a button")),
    },
    {
        "next_preset": ("preset", mark("Preset", "on a button")),
        "toggle_invert": ("invert", mark("Invert", "on a button")),
        "toggle_shutter": ("shutter", mark("Shutter", "on a button")),
        "reset": ("reset", mark("Reset", "on a button")),
    },
    {
        "tools.hand.choose_RULER": ("ruler", mark("Ruler", "on a button")),
        "tools.magnify_1": ("magnifier", mark("Magnifier", "on a button")),
        "tools.tour_1": ("quadrants", mark("Quadrants", "on a button")),
        "tools.choose_region": ("ask", mark("Ask", "on a button")),
    },
)
LINKS = tuple(f"tools.links.toggle_{what}" for what in ("pan", "zoom", "window"))


class Menus(QObject):
    """Of the main window; knows its commands, and nothing else of it."""

    def __init__(self, window: QMainWindow, commands: Commands, model_name: str) -> None:
        super().__init__(window)
        self._window = window
        self._commands = commands
        self._model_reason = self._mode_reason = ""  # why they are locked
        self.recent = QMenu(tr("Open &recent"), window)
        self._fill_menus()
        for more in window.menuBar().findChildren(QToolButton, "qt_menubar_ext_button"):
            more.setIcon(icons.icon("more"))  # Qt's own is black on black
        self._fill_toolbar(model_name)

    def _fill_menus(self) -> None:
        for title, identities in MENUS.items():
            menu = self._window.menuBar().addMenu(tr(title))
            for identity in identities:
                if identity == LINE:
                    menu.addSeparator()
                elif identity in SECTIONS:
                    menu.addSection(tr(identity))
                elif identity == RECENT:
                    menu.addMenu(self.recent)
                elif identity == LANGUAGE:
                    language = menu.addMenu(tr("&Language"))
                    language.addActions(self._actions(f"language_{code}" for code in LANGUAGES))
                else:
                    menu.addAction(self._commands.action(identity))

    def _actions(self, identities: Iterable[str]) -> list[QAction]:
        return [self._commands.action(identity) for identity in identities]

    @property
    def all_menus(self) -> list[QMenu]:
        """As they stand in the bar."""
        bar = self._window.menuBar()
        return bar.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)

    def _fill_toolbar(self, model_name: str) -> None:
        bar = QToolBar(tr("Toolbar"), self._window)
        bar.setObjectName("Toolbar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._window.addToolBar(bar)
        self.tools = row = ToolRow(bar)
        self.mode_button = self._make_mode_button(row)
        self.model_choice = self._make_model_choice(row, model_name)
        for widget in (self._make_open_button(row), self.mode_button, self.model_choice):
            row.keep(widget)
        for group in TOOLBAR:
            row.add_line()
            for identity, (icon, words) in group.items():
                action = self._commands.action(identity)
                action.setIcon(icons.icon(icon))
                action.setIconVisibleInMenu(False)
                action.setIconText(tr(words, "on a button"))
                row.add_action(action)
        row.add_menu("links", tr("Link", "on a button"), self._actions(LINKS))

    def _make_open_button(self, row: QWidget) -> QToolButton:
        button = QToolButton(row)
        button.setText(tr("Open"))
        button.setIcon(icons.icon("open"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.addActions(self._actions(("open_folder", "open_files")))
        menu.addMenu(self.recent)
        button.setMenu(menu)
        return button

    def _make_mode_button(self, row: QWidget) -> QToolButton:
        """As wide as its longest text, so that nothing beside it moves."""
        button = QToolButton(row)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.addActions(self._actions(MODES))
        button.setMenu(menu)
        widths = []
        for title in MODE_TITLES.values():
            button.setText(tr("Mode: {mode}").format(mode=tr(title)))
            widths.append(button.sizeHint().width())
        button.setFixedWidth(max(widths))
        return button

    def _make_model_choice(self, row: QWidget, model_name: str) -> QComboBox:
        choice = QComboBox(row)
        choice.setAccessibleName(tr("Model"))
        choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for name, title in MODEL_TITLES.items():
            choice.addItem(tr(title), name)
        choice.setCurrentIndex(choice.findData(model_name))
        choice.activated.connect(
            lambda number: self._commands.trigger(f"model_{choice.itemData(number)}")
        )
        return choice

    # ------------------------------------------------------------------------------- what they show

    def lock_model(self, reason: str) -> None:
        self.model_choice.setEnabled(False)
        self._model_reason = tool_tip(reason)
        self.model_choice.setToolTip(self._model_reason)

    def lock_mode(self, reason: str) -> None:
        self.mode_button.setEnabled(False)
        self._mode_reason = reason

    def show_model(self, model_name: str) -> None:
        self.model_choice.setCurrentIndex(self.model_choice.findData(model_name))
        self._commands.refresh()
        # else both are asked anyway
        self._commands.action("both_models").setEnabled(model_name in OTHER_MODEL)

    def show_mode(self, mode: ReadingMode) -> None:
        title = tr(MODE_TITLES[mode])
        self.mode_button.setText(tr("Mode: {mode}").format(mode=title))
        self.mode_button.setAccessibleName(tr("Reading mode: {mode}").format(mode=title))
        meaning = tr(MODE_MEANINGS[mode])
        locked = self._mode_reason and tool_tip(self._mode_reason, meaning)
        self.mode_button.setToolTip(locked or meaning)
        self._commands.refresh()

    def show_keys(self, keymap: Keymap) -> None:
        key = keymap.first("other_model")
        other = tr("Model ({key} for the other one)").format(key=key)
        self.model_choice.setToolTip(self._model_reason or (other if key else tr("Model")))
