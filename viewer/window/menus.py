"""The menus, the toolbar and their actions: what stands where, and which method each one calls.

An action's object name is its identity in the keymap; without one it can have no key.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QComboBox, QMenu, QToolBar, QToolButton

from engine.domain import Laterality, ReadingMode
from viewer.display.reading_modes import MODE_MEANINGS, MODE_TITLES
from viewer.shared import languages
from viewer.shared.commands import Group
from viewer.shared.keymap import Keymap
from viewer.shared.languages import mark, tr
from viewer.shared.states import MODEL_TITLES, OTHER_MODEL
from viewer.viewports.viewports import COMMANDS

if TYPE_CHECKING:
    from viewer.window.main_window import MainWindow

# Commands of the viewports that stand in the toolbar, by what is written on the button.
TOOLBAR = {
    "fit": mark("Fit", "on a button"),
    "actual_pixels": "1:1",
    "toggle_single": mark("One / all", "on a button"),
    "step_1": mark("Next step", "on a button"),
    "next_preset": mark("Preset", "on a button"),
    "toggle_invert": mark("Invert", "on a button"),
    "reset": mark("Reset", "on a button"),
}


class Menus(QObject):
    """Of the main window; knows which of its methods each action calls, and no more."""

    def __init__(self, window: "MainWindow", model_name: str) -> None:
        super().__init__(window)
        self._window = window
        self._make_actions(model_name)
        self._fill_menus()
        self._fill_toolbar(model_name)

    def _action(self, identity: str, text: str, slot: Callable[[], object], *keys: str) -> QAction:
        made = QAction(text, self._window)
        made.setObjectName(identity)
        made.setShortcuts([QKeySequence(key) for key in keys])
        made.triggered.connect(lambda _checked=False: slot())
        return made

    def _make_actions(self, model_name: str) -> None:
        action, window = self._action, self._window
        self.open_folder = action(
            "open_folder", tr("Open &folder …"), window.ask_for_folder, "Ctrl+O"
        )
        self.open_files = action(
            "open_files", tr("Open f&iles …"), window.ask_for_files, "Ctrl+Shift+O"
        )
        self.export = action("export", tr("&Export readings …"), window.ask_for_export, "Ctrl+E")
        self.export_unblinded = action(
            "export_unblinded",
            tr("Export readings, &unblinded …"),
            lambda: window.ask_for_export(unblind=True),
        )
        self.quit = action("quit", tr("&Quit"), window.close, "Ctrl+Q")
        self.undo = action("undo", tr("&Undo"), window.undoing.undo, "Ctrl+Z")
        self.redo = action(
            "redo", tr("Red&o drawing"), window.undoing.redo, "Ctrl+Shift+Z", "Ctrl+Y"
        )
        self.undo_reading = action(
            "undo_reading", tr("Undo saved rea&ding"), window.undoing.undo_reading, "Ctrl+Shift+U"
        )
        self.save = action(
            "save", tr("&Save reading"), window.assessment.save, "Ctrl+Enter", "Ctrl+Return"
        )
        self.show_disagreements = action(
            "disagreements",
            tr("Readings and d&isagreements …"),
            window.show_disagreements,
            "Ctrl+D",
        )
        self.right = action(
            "right_breast",
            tr("&Right breast"),
            lambda: window.focus_breast(Laterality.RIGHT),
            "Ctrl+R",
        )
        self.left = action(
            "left_breast",
            tr("&Left breast"),
            lambda: window.focus_breast(Laterality.LEFT),
            "Ctrl+L",
        )
        self.next_breast = action(
            "next_breast", tr("&Breast, then the other one"), window.focus_next_breast, "Ctrl+B"
        )
        self.overlay = action("heat_map", tr("&Heat-map"), window.prediction.toggle_overlay, "H")
        self.overlay.setCheckable(True)
        self.next_model = action("other_model", tr("&Other model"), window.switch_model, "M")
        self.both = action("both_models", tr("Ask &both networks"), window.toggle_both, "Shift+M")
        self.both.setCheckable(True)
        self.cancers = action(
            "cancers_per_1000", tr("&Cancers per 1,000 women …"), window.ask_for_cancers
        )
        self.pause = action(
            "pause", tr("&Pause or resume the worklist"), window.worklist.toggle_pause, "Ctrl+P"
        )
        self.restart = action("restart_engine", tr("&Restart the engine"), window.restart_engine)
        self.to_worklist = action("to_worklist", tr("&Worklist"), window.focus_worklist, "Ctrl+1")
        self.to_images = action("to_images", tr("&Images"), window.focus_images, "Ctrl+2")
        self.steps = action("steps", tr("&Steps …"), window.choose_steps)
        self.shortcuts = action("shortcuts", tr("&Keys and mouse"), window.show_shortcuts, "F1")
        self.about = action("about", tr("&About and licences"), window.show_about)
        self.logs = action("logs", tr("&Open log folder"), window.show_logs)
        self.worklist_shown = window.worklist_dock.toggleViewAction()
        self.worklist_shown.setObjectName("worklist_pane")
        self.worklist_shown.setShortcut(QKeySequence("F8"))
        self.reading_shown = window.reading_dock.toggleViewAction()
        self.reading_shown.setObjectName("reading_pane")
        self.reading_shown.setShortcut(QKeySequence("F9"))

        self.models = QActionGroup(window)
        for name, title in MODEL_TITLES.items():
            choice = QAction(tr(title), self.models)
            choice.setObjectName(f"model_{name}")
            choice.setCheckable(True)
            choice.setData(name)
            choice.setChecked(name == model_name)
        self.models.triggered.connect(lambda choice: window.choose_model(choice.data()))
        self.languages = QActionGroup(window)
        for code, name in languages.LANGUAGES.items():
            choice = QAction(name, self.languages)  # by its own name, whatever is spoken now
            choice.setCheckable(True)
            choice.setData(code)
            choice.setChecked(code == languages.current())
        self.languages.triggered.connect(lambda choice: window.choose_language(choice.data()))
        self.modes = QActionGroup(window)
        for mode, title in MODE_TITLES.items():
            choice = QAction(tr(title), self.modes)
            choice.setObjectName(f"mode_{mode.name.lower()}")
            choice.setCheckable(True)
            choice.setData(mode)
            choice.setToolTip(tr(MODE_MEANINGS[mode]))
        self.modes.triggered.connect(lambda choice: window.choose_mode(choice.data()))

    def _fill_menus(self) -> None:
        bar = self._window.menuBar()
        file = bar.addMenu(tr("&File"))
        file.addActions([self.open_folder, self.open_files])
        self.recent = file.addMenu(tr("Open &recent"))
        self.recent.aboutToShow.connect(self._window.fill_recent)
        file.addSeparator()
        file.addActions(self._window.output.actions)
        file.addSeparator()
        file.addActions([self.export, self.export_unblinded])
        file.addSeparator()
        file.addAction(self.quit)

        images = bar.addMenu(tr("&Images"))
        for group in (Group.WINDOW, Group.ZOOM, Group.TURN):
            images.addActions(self._commands(group))
            images.addSeparator()
        images.addAction(self.overlay)
        tools = bar.addMenu(tr("&Tools"))
        for group in (Group.DRAW, Group.ASK, Group.LINK, Group.LOOK):
            tools.addActions(self._commands(group))
            tools.addSeparator()
        go = bar.addMenu(tr("&Go"))
        go.addActions(self._commands(Group.GO))
        go.addSeparator()
        go.addActions([self.to_worklist, self.to_images, self.steps])
        reading = bar.addMenu(tr("&Reading"))
        reading.addActions([self.undo, self.redo, self.undo_reading])
        reading.addSeparator()
        reading.addActions([self.right, self.left, self.next_breast, self.save])
        reading.addSeparator()
        reading.addAction(self.show_disagreements)
        reading.addSection(tr("Mode"))
        reading.addActions(self.modes.actions())
        model = bar.addMenu(tr("&Model"))
        model.addActions(self.models.actions())
        model.addActions([self.next_model, self.both, self.cancers])
        model.addSeparator()
        model.addActions([self.pause, self.restart])
        panes = bar.addMenu(tr("&Panes"))
        panes.addActions([self.worklist_shown, self.reading_shown])
        screens = self._window.screens
        panes.addActions([screens.separate_action, screens.next_screen_action])
        panes.addSeparator()
        panes.addMenu(tr("&Language")).addActions(self.languages.actions())
        help_ = bar.addMenu(tr("&Help"))
        help_.addActions([self.shortcuts, self.logs, self.about])

    def _commands(self, group: Group) -> list[QAction]:
        actions = self._window.viewports.actions_by_name
        return [actions[command.identity] for command in COMMANDS if command.group is group]

    @property
    def all_menus(self) -> list[QMenu]:
        """As they stand in the bar."""
        bar = self._window.menuBar()
        return bar.findChildren(QMenu, options=Qt.FindChildOption.FindDirectChildrenOnly)

    def _fill_toolbar(self, model_name: str) -> None:
        window = self._window
        bar = QToolBar(tr("Toolbar"), window)
        bar.setObjectName("Toolbar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        window.addToolBar(bar)
        open_button = QToolButton(bar)
        open_button.setText(tr("Open"))
        open_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        open_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(open_button)
        menu.addActions([self.open_folder, self.open_files])
        menu.addMenu(self.recent)
        open_button.setMenu(menu)
        bar.addWidget(open_button)
        bar.addSeparator()
        self.mode_button = self._make_mode_button(bar)
        bar.addWidget(self.mode_button)
        bar.addSeparator()
        self.model_choice = QComboBox(bar)
        self.model_choice.setAccessibleName(tr("Model"))
        self.model_choice.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for name, title in MODEL_TITLES.items():
            self.model_choice.addItem(tr(title), name)
        self.model_choice.setCurrentIndex(self.model_choice.findData(model_name))
        self.model_choice.activated.connect(
            lambda number: window.choose_model(self.model_choice.itemData(number))
        )
        bar.addWidget(self.model_choice)
        bar.addSeparator()
        for identity, title in TOOLBAR.items():
            command = window.viewports.actions_by_name[identity]
            command.setIconText(tr(title, "on a button"))
            bar.addAction(command)
        bar.addSeparator()
        self.overlay.setIconText(tr("Heat-map"))
        bar.addAction(self.overlay)
        for button in bar.findChildren(QToolButton):
            if button.defaultAction() is not None:  # not the one for what has no room
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _make_mode_button(self, bar: QToolBar) -> QToolButton:
        """As wide as its longest text, so that nothing beside it moves."""
        button = QToolButton(bar)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(button)
        menu.setToolTipsVisible(True)
        menu.addActions(self.modes.actions())
        button.setMenu(menu)
        widths = []
        for title in MODE_TITLES.values():
            button.setText(tr("Mode: {mode}").format(mode=tr(title)))
            widths.append(button.sizeHint().width())
        button.setFixedWidth(max(widths))
        return button

    # ------------------------------------------------------------------------------- what they show

    def show_model(self, model_name: str) -> None:
        self.model_choice.setCurrentIndex(self.model_choice.findData(model_name))
        for choice in self.models.actions():
            choice.setChecked(choice.data() == model_name)
        self.both.setEnabled(model_name in OTHER_MODEL)  # else both are asked anyway

    def show_mode(self, mode: ReadingMode) -> None:
        title = tr(MODE_TITLES[mode])
        self.mode_button.setText(tr("Mode: {mode}").format(mode=title))
        self.mode_button.setAccessibleName(tr("Reading mode: {mode}").format(mode=title))
        self.mode_button.setToolTip(tr(MODE_MEANINGS[mode]))
        for choice in self.modes.actions():
            choice.setChecked(choice.data() is mode)

    def show_keys(self, keymap: Keymap) -> None:
        key = keymap.first("other_model")
        other = tr("Model ({key} for the other one)").format(key=key)
        self.model_choice.setToolTip(other if key else tr("Model"))
