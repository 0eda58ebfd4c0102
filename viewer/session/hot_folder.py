"""A watched folder: what comes into it is told once it is complete.

What lies directly in the folder is looked at by itself: a folder with all that is in it, or the
loose files together. It is complete when nothing of it has grown, come or gone for a while. A
`.part` is a file that is still being written: it is no image, but it keeps the rest waiting.

The folder is looked through every few seconds, on a thread of its own: network drives tell nobody
of changes. Nothing in it is opened here, and no link is followed.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.shared.delivery import Delivery

INTERVAL_MS = 2000  # between two looks
QUIET_S = 10.0  # nothing has changed for so long: it is complete
MOST_FILES = 200_000  # that are looked at; a folder of more is none to be watched
UNFINISHED = (".part", ".tmp", ".partial", ".crdownload")
_LOOSE = ""  # stands for the files that lie directly in the folder

Snapshot = dict[str, tuple[int, int]]  #: size and time of change in ns, by path


class TooManyFilesError(OSError):
    """More than are looked at."""


@dataclass
class _Group:
    """What lies in one place of the folder."""

    files: Snapshot
    changed_at: float  #: when it was last seen to change, of `clock`
    told: Snapshot | None = None  #: as it was when it was told last

    @property
    def images(self) -> Snapshot:
        return {
            path: what for path, what in self.files.items() if not path.lower().endswith(UNFINISHED)
        }


class HotFolder(QObject):
    """Lives on the window's thread. `close` must be called."""

    # A tuple of paths: a folder or loose files that are complete and were not, or have grown since
    arrived = Signal(tuple)
    # How many places are still being filled
    incoming_changed = Signal(int)
    # Whether the folder can be looked through; told when that changes
    reachable_changed = Signal(bool)

    def __init__(
        self,
        delivery: Delivery,
        parent: QObject | None = None,
        quiet_s: float = QUIET_S,
        interval_ms: int = INTERVAL_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._delivery = delivery
        self._quiet_s, self._clock = quiet_s, clock
        self._folder: Path | None = None
        self._groups: dict[str, _Group] = {}
        self._is_reachable = True
        self._incoming = 0
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="watching")
        self._due = QTimer(self, singleShot=True, interval=interval_ms)
        self._due.timeout.connect(self._look)

    @property
    def folder(self) -> Path | None:
        """None while none is watched."""
        return self._folder

    def watch(self, folder: Path | None) -> None:
        """Instead of the one before; what lies in it already comes, too. None: no more."""
        self._due.stop()
        self._folder = folder
        self._groups = {}
        self._is_reachable = True
        self._tell_incoming(0)
        if folder is not None:
            self._look()

    def close(self) -> None:
        self._due.stop()
        self._folder = None
        self._looker.shutdown(cancel_futures=True)

    def _look(self) -> None:
        if (folder := self._folder) is not None:
            future = self._looker.submit(_look_through, folder)
            self._delivery.when_done(future, lambda done: self._on_looked(folder, done))

    def _on_looked(self, folder: Path, future: Future[dict[str, Snapshot]]) -> None:
        if folder != self._folder or future.cancelled():
            return
        self._due.start()
        error = future.exception()
        if error is not None and not isinstance(error, OSError):
            raise error
        if self._is_reachable is not (error is None):
            self._is_reachable = error is None
            self.reachable_changed.emit(self._is_reachable)
        if error is None:
            self._compare(folder, future.result())

    def _compare(self, folder: Path, seen: dict[str, Snapshot]) -> None:
        now = self._clock()
        for name in self._groups.keys() - seen.keys():
            del self._groups[name]
        for name, files in seen.items():
            group = self._groups.setdefault(name, _Group({}, now))
            if group.files != files:
                group.files, group.changed_at = files, now
        waiting = [
            (name, group)
            for name, group in sorted(self._groups.items())
            if group.images and group.images != group.told
        ]
        complete = [each for each in waiting if now - each[1].changed_at >= self._quiet_s]
        self._tell_incoming(len(waiting) - len(complete))
        for name, group in complete:
            group.told = group.images
            loose = tuple(Path(path) for path in sorted(group.told))
            self.arrived.emit(loose if name == _LOOSE else (folder / name,))

    def _tell_incoming(self, count: int) -> None:
        if count != self._incoming:
            self._incoming = count
            self.incoming_changed.emit(count)


def _look_through(folder: Path) -> dict[str, Snapshot]:
    """Files by the place that they lie in. Raises OSError where the folder cannot be read."""
    groups: dict[str, Snapshot] = {}
    count = 0
    with os.scandir(folder) as entries:
        places = list(entries)
    for entry in places:
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            found = _files_in(Path(entry.path)) if is_folder else iter((entry,))
            for file in found:
                if not file.is_file(follow_symlinks=False):
                    continue
                count += 1
                if count > MOST_FILES:
                    raise TooManyFilesError
                state = file.stat(follow_symlinks=False)
                group = groups.setdefault(entry.name if is_folder else _LOOSE, {})
                group[file.path] = state.st_size, state.st_mtime_ns
        except TooManyFilesError:
            raise
        except OSError:  # it goes while it is looked at: it is looked at again soon
            continue
    return groups


def _files_in(folder: Path) -> Iterator["os.DirEntry[str]"]:
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    yield entry
