"""One window per user: a second start hands its paths to the first, and ends.

They meet at a local socket in the user's own data folder (on Windows a pipe that only this user may
open). What comes through it is hostile all the same: it is short, says paths and nothing else, and
takes no more than a moment.
"""

import hashlib
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

PATIENCE_MS = 2000  # of either for the other
LARGEST = 1 << 16  # bytes of a message
MOST_PATHS = 256
MOST_CALLERS = 8  # at a time
_LONGEST_NAME = 100  # bytes of a socket's path, on every Unix
_TAKEN = b"taken\n"


class SingleInstance(QObject):
    """Of this user's data folder, which must be private (`engine.private_files`)."""

    # A tuple of absolute paths, perhaps none: another start wants them opened, and the window seen
    called = Signal(tuple)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = _socket_name(folder)
        self._lock = QLockFile(str(folder / "viewer.lock"))
        self._lock.setStaleLockTime(0)  # a dead program's is told by its process, not by its age
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.setMaxPendingConnections(MOST_CALLERS)
        self._server.newConnection.connect(self._on_called)
        self._callers = 0

    def hand_over(self, paths: Sequence[Path]) -> bool:
        """Whether a first start has taken the paths; else this one is the first, or the other one
        does not answer, and goes on by itself.
        """
        if self._lock.tryLock(0):
            QLocalServer.removeServer(self._name)  # of a program that was killed
            if not self._server.listen(self._name):
                log.warning("Other starts cannot hand over: %s", self._server.serverError().name)
            return False
        message = json.dumps([str(path.absolute()) for path in paths]).encode() + b"\n"
        if len(paths) > MOST_PATHS or len(message) > LARGEST:
            return False
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        is_taken = (
            socket.waitForConnected(PATIENCE_MS)
            and socket.write(message) == len(message)
            and socket.waitForBytesWritten(PATIENCE_MS)
            and socket.waitForReadyRead(PATIENCE_MS)
            and bytes(socket.readAll().data()) == _TAKEN
        )
        socket.close()
        return is_taken

    def close(self) -> None:
        self._server.close()
        self._lock.unlock()

    # ------------------------------------------------------------------------------- being called

    def _on_called(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            if self._callers >= MOST_CALLERS:
                socket.abort()
                socket.deleteLater()
                continue
            self._callers += 1
            socket.setReadBufferSize(LARGEST + 1)
            _Caller(socket, self)

    def end_call(self, paths: tuple[Path, ...] | None) -> None:
        """Of one of the callers; None: it said nothing of ours."""
        self._callers -= 1
        if paths is not None:
            self.called.emit(paths)


class _Caller(QObject):
    """Hears one message, and ends."""

    def __init__(self, socket: QLocalSocket, server: SingleInstance) -> None:
        super().__init__(server)
        self._socket, self._server = socket, server
        self._heard = b""
        self._is_over = False
        socket.setParent(self)
        socket.readyRead.connect(self._on_heard)
        socket.disconnected.connect(self._end)
        QTimer.singleShot(PATIENCE_MS, self, self._end)
        self._on_heard()

    def _on_heard(self) -> None:
        if self._is_over:
            return
        self._heard += bytes(self._socket.readAll().data())
        if len(self._heard) > LARGEST:
            self._end()
        elif b"\n" in self._heard:
            paths = paths_of(self._heard.partition(b"\n")[0])
            if paths is not None:
                self._socket.write(_TAKEN)
                self._socket.flush()
            self._end(paths)

    def _end(self, paths: tuple[Path, ...] | None = None) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._socket.disconnectFromServer()
        self.deleteLater()
        self._server.end_call(paths)


def paths_of(message: bytes) -> tuple[Path, ...] | None:
    """None where it is anything but a list of a few absolute paths."""
    try:
        texts = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(texts, list) or len(texts) > MOST_PATHS:
        return None
    if not all(isinstance(text, str) and text and "\0" not in text for text in texts):
        return None
    paths = tuple(map(Path, texts))
    return paths if all(path.is_absolute() for path in paths) else None


def _socket_name(folder: Path) -> str:
    """A path in the folder, where none but its user comes; on Windows, and where that path would
    be too long, the name of a pipe or a socket that tells of no path.
    """
    path = folder.absolute() / "viewer.socket"
    if os.name != "nt" and len(bytes(path)) <= _LONGEST_NAME:
        return str(path)
    return f"birads-viewer-{hashlib.sha256(bytes(path)).hexdigest()[:32]}"
