"""The hospital's network as the site allows it: what is configured, and the processes that speak.

Nothing here opens a connection. `birads-engine pacs` does, as a process of its own like the engine,
and answers in lines of JSON. It is started by what a reader asks for, and where the site has
configured a node; a node that is being entered is only tested when somebody presses the button.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from engine import site_configuration
from engine.errors import EngineError
from engine.messages import as_message, from_data, message
from engine.site_configuration import ConfigurationRefused, Node, SiteConfiguration
from viewer.shared.languages import mark

Row = Mapping[str, Any]  #: a line of `birads-engine pacs`
_PATIENCE_MS = 5_000  # for a process that was told to stop; a PACS sends the object in flight
_LAST_PATIENCE_MS = 1_000  # at the end of the program
_LONGEST_TALK = 4_000  # characters of standard error that are kept
_WENT_WELL = (0, 1)  # exit codes: all was done, or the rows say what was not


def engine_command() -> list[str]:
    """How `birads-engine` is started: in the bundle it lies beside the window's program."""
    if getattr(sys, "frozen", False):
        program = Path(sys.executable)
        return [str(program.with_name(f"birads-engine{program.suffix}"))]
    return [sys.executable, "-m", "engine"]


def error_of(row: Row) -> EngineError | None:
    """What a row says went wrong, in words that can be translated."""
    told = row.get("error")
    return _error(told) if isinstance(told, Mapping) else None


def errors_in(row: Row, key: str) -> list[EngineError]:
    told = row.get(key)
    return [_error(each) for each in told if isinstance(each, Mapping)] if told else []


def _error(told: Mapping[str, Any]) -> EngineError:
    said = told.get("said")
    if isinstance(said, Mapping):
        with suppress(ValueError):
            return EngineError(from_data(said.get("title")), from_data(said.get("advice")))
    return EngineError(as_message(str(told.get("title"))), as_message(str(told.get("advice"))))


class NetworkProcess(QObject):
    """One command of `birads-engine pacs`, from its start to its end."""

    row = Signal(dict)  #: one line of its answer
    ended = Signal(object)  #: None, or an EngineError where it ended without a whole answer

    def __init__(self, arguments: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lines = b""
        self._talk = ""
        self._is_over = self._is_stopped = False
        self._process = QProcess(self)
        self._process.setWorkingDirectory(str(Path(site_configuration.__file__).parents[1]))
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._listen)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        program, *rest = engine_command()
        self._process.start(program, [*rest, "pacs", *arguments])

    @property
    def is_over(self) -> bool:
        return self._is_over

    def stop(self) -> None:
        """What it has done stays done; `ended` follows soon."""
        if self._is_over or self._is_stopped:
            return
        self._is_stopped = True
        self._process.closeWriteChannel()  # what is being fetched is cancelled then
        QTimer.singleShot(_PATIENCE_MS, self, self._process.kill)

    def close(self) -> None:
        """At the end of the program; nothing is told any more."""
        self._is_over = True
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(_LAST_PATIENCE_MS):
            self._process.kill()
            self._process.waitForFinished(_LAST_PATIENCE_MS)

    def _read(self) -> None:
        if self._is_over:
            return
        *whole, self._lines = (
            self._lines + bytes(self._process.readAllStandardOutput().data())
        ).split(b"\n")
        for line in whole:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict):
                    self.row.emit(row)

    def _listen(self) -> None:
        words = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
        self._talk = (self._talk + words)[-_LONGEST_TALK:]

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._listen()
        has_crashed = status is QProcess.ExitStatus.CrashExit
        failure = None
        if (has_crashed or code not in _WENT_WELL) and not self._is_stopped:
            said = self._talk.strip().rpartition("\n")[2].removeprefix("birads-engine: ")
            failure = EngineError(
                mark("The network's process ended"),
                as_message(said) if said else mark("Try again."),
            )
        self._end(failure)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end(
                EngineError(
                    mark("The network's process cannot start"),
                    mark("A part of the program is missing: install it again."),
                )
            )

    def _end(self, failure: EngineError | None) -> None:
        if not self._is_over:
            self._is_over = True
            self.ended.emit(failure)
            self.deleteLater()


class Network(QObject):
    """Lives on the window's thread. `close` must be called; it ends what is still under way."""

    configured = Signal()  #: what the site allows has changed, or is known now
    failed = Signal(EngineError)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._configuration: SiteConfiguration | None = None
        self._processes: list[NetworkProcess] = []

    @property
    def configuration(self) -> SiteConfiguration | None:
        """None: there is no such file, or it may not be used."""
        return self._configuration

    @property
    def is_on(self) -> bool:
        """Whether the site lets anything be opened; told in the window's title."""
        return self._configuration is not None and self._configuration.is_networked

    @property
    def nodes(self) -> tuple[Node, ...]:
        configuration = self._configuration
        return () if configuration is None else tuple(configuration.nodes.values())

    def read(self) -> None:
        """`configured` follows, or `failed`: then nothing is allowed."""
        try:
            self._configuration = site_configuration.read()
        except ConfigurationRefused as error:
            self._configuration = None
            self.failed.emit(error)
        self.configured.emit()

    @property
    def kept_elsewhere(self) -> Path | None:
        """The file that counts where it is not the user's own: that is not written here."""
        try:
            path = site_configuration.found()
        except ConfigurationRefused:
            return None
        return None if path == site_configuration.default_path() else path

    def save(self, configuration: SiteConfiguration) -> bool:
        """Whether it is on the disk, and at work from now on; else `failed` says why."""
        try:
            if (path := self.kept_elsewhere) is not None:
                raise ConfigurationRefused(
                    mark("This site is configured for the whole machine"),
                    message("Ask whoever keeps {path}.", path=str(path)),
                )
            site_configuration.write(configuration)
        except ConfigurationRefused as error:
            self.failed.emit(error)
            return False
        self._configuration = configuration
        self.configured.emit()
        return True

    # ----------------------------------------------------------------------------- processes

    def run(self, deed: str, *arguments: str, options: Sequence[str] = ()) -> NetworkProcess:
        """One command; its rows and its end follow by its signals."""
        process = NetworkProcess([deed, *options, "--", *arguments], self)
        self._processes = [known for known in self._processes if not known.is_over]
        self._processes.append(process)
        return process

    def test(self, node: Node, configuration: SiteConfiguration | None) -> NetworkProcess:
        """Whether a node answers, saved or not. Raises ConfigurationRefused where it cannot be
        one.
        """
        configuration = configuration or SiteConfiguration()
        folder = Path(tempfile.mkdtemp(prefix="birads-"))
        path = folder / "private" / site_configuration.FILE_NAME
        try:
            site_configuration.write(replace(configuration, nodes={node.name: node}), path)
        except ConfigurationRefused:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        process = self.run("echo", node.name, options=[f"--config={path}"])
        process.ended.connect(lambda _error: shutil.rmtree(folder, ignore_errors=True))
        return process

    def close(self) -> None:
        for process in self._processes:
            if not process.is_over:
                process.close()


def when_over(
    process: NetworkProcess,
    on_over: Callable[[list[Row], EngineError | None], None],
) -> None:
    """Hands on all rows together, for what is not shown one by one."""
    rows: list[Row] = []
    process.row.connect(rows.append)
    process.ended.connect(lambda error: on_over(rows, error))
