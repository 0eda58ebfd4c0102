"""Searching folders and files for studies, on a thread of its own; and noticing that files have
changed since.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.dicom.attributions import Attributions, attributed
from engine.dicom.loading import load
from engine.domain import Catalogue
from engine.errors import EngineError
from viewer.shared.delivery import Delivery

PROGRESS_INTERVAL_S = 0.05  # between two reports of a folder being read
RELISTINGS = 3  #: that one file may cause; one that is being written would cause them for ever
RELISTING_DELAY_MS = 300  # files that are replaced come in numbers


class Opening(QObject):
    """Lives on the window's thread; one search at a time. `close` must be called."""

    started = Signal()  #: files are being searched and their headers read
    progressed = Signal(int, int)  #: files read, files in all
    finished = Signal()  #: the search is over, with or without a new catalogue
    failed = Signal(EngineError)
    outdated = Signal()  #: files have changed since they were listed

    def __init__(
        self,
        delivery: Delivery,
        attributions: Callable[[], Attributions],
        parent: QObject | None = None,
    ) -> None:
        """`attributions`: what readers say of images now; asked on the window's thread."""
        super().__init__(parent)
        self._delivery = delivery
        self._attributions = attributions
        self._found = Catalogue(())  # as the files say
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="loading")
        self._is_busy = False
        self._number = 0  # of the latest search
        self._stop = threading.Event()
        self._relistings: Counter[Path] = Counter()  # that each file caused
        self._relisting_due = QTimer(self, singleShot=True, interval=RELISTING_DELAY_MS)
        self._relisting_due.timeout.connect(self._report_outdated)

    @property
    def is_busy(self) -> bool:
        return self._is_busy

    def search(
        self,
        paths: tuple[Path, ...],
        on_loaded: Callable[[Catalogue], None],
        on_found: Callable[[Catalogue], None] | None = None,
        beside: Catalogue | None = None,
    ) -> None:
        """`on_loaded` gets what lies under the paths, or `failed` follows; a search that was begun
        before is dropped. `on_found` gets what is complete of a large folder while the rest is
        found. With `beside` it comes to that catalogue, in the place of what lay there before.
        """
        self._stop.set()
        self._stop = should_stop = threading.Event()
        self._number += 1
        self._is_busy = True
        number = self._number
        last_report = 0.0

        def report(done: int, total: int) -> None:
            nonlocal last_report
            if done < total and time.monotonic() - last_report < PROGRESS_INTERVAL_S:
                return
            last_report = time.monotonic()
            self._delivery.deliver(lambda: self._on_progressed(number, done, total))

        def show(catalogue: Catalogue) -> None:
            if on_found is not None:
                self._delivery.deliver(lambda: self._on_found(number, catalogue, on_found))

        def read() -> Catalogue:
            found = load(paths, report, should_stop.is_set, show if on_found else None)
            return found if beside is None else _merged(beside, found, paths)

        future = self._loader.submit(read)
        self._delivery.when_done(future, lambda done: self._on_loaded(number, done, on_loaded))
        self.started.emit()

    def cancel(self) -> None:
        """Stays with the catalogue that is open."""
        self._stop.set()
        self._number += 1
        self._is_busy = False
        self.finished.emit()

    def _on_progressed(self, number: int, done: int, total: int) -> None:
        if number == self._number:
            self.progressed.emit(done, total)

    def _on_loaded(
        self,
        number: int,
        future: Future[Catalogue],
        on_loaded: Callable[[Catalogue], None],
    ) -> None:
        if number != self._number or future.cancelled():
            return
        self._is_busy = False
        self.finished.emit()
        try:
            self._found = future.result()
        except EngineError as error:
            self.failed.emit(error)
            return
        on_loaded(self.as_said())

    def _on_found(
        self, number: int, catalogue: Catalogue, on_found: Callable[[Catalogue], None]
    ) -> None:
        if number == self._number:
            self._found = catalogue
            on_found(self.as_said())

    @property
    def found(self) -> Catalogue:
        """What the latest search found, as the files say."""
        return self._found

    def as_said(self) -> Catalogue:
        """The same as readers say it is."""
        return attributed(self._found, self._attributions())

    # --------------------------------------------------------------------- files that have changed

    def note_change(self, path: Path) -> None:
        """Soon `outdated` follows: whatever the file holds now is to show under its own name."""
        if self._relistings[path] < RELISTINGS and not self._relisting_due.isActive():
            self._relistings[path] += 1
            self._relisting_due.start()

    @Slot()
    def _report_outdated(self) -> None:
        if not self._is_busy:
            self.outdated.emit()

    def forget_changes(self) -> None:
        """Other files are being opened: what was noted of these counts no more."""
        self._relistings.clear()

    def settle(self) -> None:
        """A catalogue has just been listed."""
        self._relisting_due.stop()

    def stop(self) -> None:
        self._stop.set()
        self._relisting_due.stop()

    def close(self) -> None:
        """Waits until the search has stopped."""
        self.stop()
        self._loader.shutdown(cancel_futures=True)


def _merged(before: Catalogue, more: Catalogue, places: tuple[Path, ...]) -> Catalogue:
    """What lies in these places is as `more` has it. On the thread that searches: it takes long
    where many studies are open.
    """
    wanted = set(places)

    @cache
    def is_inside(folder: Path) -> bool:  # asked once of each: hundreds of studies may be open
        return folder in wanted or not wanted.isdisjoint(folder.parents)

    def is_there(path: Path) -> bool:
        return path in wanted or is_inside(path.parent)

    studies = [s for s in before.studies if not any(is_there(view.path) for view in s.views)]
    failures = [failure for failure in before.failures if not is_there(failure.path)]
    return Catalogue(
        (*studies, *more.studies),
        (*failures, *more.failures),
        before.skipped_count + more.skipped_count,
        tuple(dict.fromkeys((*before.notes, *more.notes))),
    )
