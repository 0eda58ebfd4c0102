"""The whole program's window, offscreen, as benchmarks start it and lead it by its event loop."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QEventLoop, QObject
from PySide6.QtWidgets import QApplication

from engine.domain import ReadingMode
from viewer.__main__ import hand_over_quickly, spare_full_collections
from viewer.display.shown_image import ImageState
from viewer.session.session import Session
from viewer.window.main_window import MainWindow
from viewer.window.settings import Settings


class SilentEngine:
    """Never starts: for what is to be measured without its work."""

    def warm_up(self, model_name: str) -> Future:
        return Future()

    def predict(self, study, model_name: str, heatmaps: bool = False, *, on_view=None) -> Future:
        return Future()

    def stop(self) -> None:
        pass


class Program:
    def __init__(self, folder: Path, engine) -> None:
        self.session = Session(engine, folder / "readings.sqlite", "hybrid", ReadingMode.CONCURRENT)
        self.window = MainWindow(self.session, Settings(folder / "settings.ini"), folder)
        self.window.resize(1920, 1080)
        self.window.show()
        self._painted = _Painted()
        self.session.study_selected.connect(self._watch)
        spare_full_collections()
        hand_over_quickly()

    @property
    def painted(self) -> frozenset[str]:
        """The views whose pixels have been painted, by their images' identifiers."""
        return frozenset(self._painted.views)

    @property
    def shown(self) -> int:
        """Views of the open study whose pixels have been painted."""
        return len(self._painted.views)

    def forget_painted(self) -> None:
        self._painted.views.clear()

    def _watch(self) -> None:
        """The canvases of a study that has just been hung."""
        self.forget_painted()
        for canvas in self.window.viewports.every_canvas:
            canvas.installEventFilter(self._painted)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Goes on with the event loop, that sleeps while nothing happens."""
        until = time.monotonic() + seconds
        while not condition():
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
            if time.monotonic() > until:
                raise TimeoutError

    def close(self) -> None:
        self.window.close()
        self.session.close()


class _Painted(QObject):
    """Hears of canvases' paints; once the event loop returns they are on the screen."""

    def __init__(self) -> None:
        super().__init__()
        self.views: set[str] = set()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched.state is ImageState.SHOWN:
            self.views.add(watched.view.image_uid)
        return False


@contextmanager
def program(folder: Path, engine) -> Iterator[Program]:
    """Started, and closed at the end."""
    started = Program(folder, engine)
    try:
        yield started
    finally:
        started.close()
