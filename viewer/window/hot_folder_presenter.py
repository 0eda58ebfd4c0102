"""The watched folder: chosen in the menu, kept for the next start, and what is coming told."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from engine.errors import EngineError
from viewer.panes.worklist import WorklistPane
from viewer.session.hot_folder import HotFolder
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import mark, tr
from viewer.shared.plain_text import shortened
from viewer.window.settings import Settings


class HotFolderPresenter(QObject):
    failed = Signal(EngineError)
    changed = Signal()  #: what its tick follows

    def __init__(
        self, hot_folder: HotFolder, worklist: WorklistPane, settings: Settings, window: QWidget
    ) -> None:
        super().__init__(window)
        self._hot_folder, self._worklist, self._settings = hot_folder, worklist, settings
        self._window = window
        self._incoming = 0
        hot_folder.incoming_changed.connect(self._on_incoming)
        hot_folder.reachable_changed.connect(self._on_reachable)

    def commands(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                "watch_folder",
                tr("&Watch a folder …"),
                (),
                self.toggle,
                lambda: self._hot_folder.folder is not None,
                tool_tip=tr("New studies come into the worklist once they are complete."),
            ),
        )

    def restore(self) -> None:
        """As the settings have it."""
        self.watch(self._settings.watched_folder)

    def toggle(self) -> None:
        """Asks which one; where one is watched it is watched no more."""
        if self._hot_folder.folder is not None:
            self.watch(None)
            return
        folder = QFileDialog.getExistingDirectory(self._window, tr("Watch a folder"))
        if folder:
            self.watch(Path(folder))

    def watch(self, folder: Path | None) -> None:
        """From now on, and at the next start."""
        self._settings.watched_folder = folder
        self._hot_folder.watch(folder)
        self._tell()
        self.changed.emit()

    def _on_incoming(self, count: int) -> None:
        self._incoming = count
        self._tell()

    def _on_reachable(self, is_reachable: bool) -> None:
        if not is_reachable:
            advice = mark("It is looked for again and again; check its drive or network.")
            self.failed.emit(EngineError(mark("The watched folder cannot be read"), advice))

    def _tell(self) -> None:
        folder = self._hot_folder.folder
        if folder is None:
            self._worklist.show_watched("")
            return
        text = tr("Watching {folder}").format(folder=shortened(folder.name or str(folder), 40))
        coming = tr("incoming: {count}").format(count=self._incoming) if self._incoming else ""
        self._worklist.show_watched(" · ".join(part for part in (text, coming) if part))
