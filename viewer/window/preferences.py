"""What the reader has set, put to work: at the start, and as it is changed in *Settings*."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from viewer.display.mouse_habits import MouseHabits
from viewer.panes.settings_dialog import SettingsDialog
from viewer.panes.tool_row import Words
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.viewports.viewports import ViewportsPane
from viewer.window.dialogs import show_alone
from viewer.window.settings import Settings


class Preferences(QObject):
    """Knows the settings and what they are of."""

    words_changed = Signal(Words)  #: where those of the toolbar's buttons stand from now on

    def __init__(self, settings: Settings, viewports: ViewportsPane, window: QWidget) -> None:
        super().__init__(window)
        self._settings, self._viewports, self._window = settings, viewports, window

    def commands(self) -> tuple[ActionSpec, ...]:
        return (ActionSpec("settings", tr("&Window and mouse …"), ("Ctrl+,",), self.show),)

    def restore(self) -> None:
        self._viewports.set_mouse(self._settings.mouse)
        self.words_changed.emit(self._settings.toolbar_words)

    def show(self) -> None:
        settings = self._settings
        dialog = SettingsDialog(
            settings.mouse, settings.toolbar_words, settings.text_scale, self._window
        )
        dialog.mouse_changed.connect(self._on_mouse_changed)
        dialog.words_changed.connect(self._on_words_changed)
        dialog.text_scale_changed.connect(lambda scale: setattr(settings, "text_scale", scale))
        show_alone(dialog)

    def _on_mouse_changed(self, mouse: MouseHabits) -> None:
        self._settings.mouse = mouse
        self._viewports.set_mouse(mouse)

    def _on_words_changed(self, words: Words) -> None:
        self._settings.toolbar_words = words
        self.words_changed.emit(words)
