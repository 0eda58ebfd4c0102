"""What is open: the studies that were found under the reader's paths, and what becomes of the next
search. What it found takes their place, or comes to them while what is being read stays as it is.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from engine.domain import Catalogue, Laterality, ReaderAssessment, Study
from engine.errors import EngineError, StorageFailed, UnreadableFile
from viewer.session.opening import Opening
from viewer.session.readings import Readings, is_of
from viewer.shared.languages import mark

log = logging.getLogger(__name__)

LISTING_DELAY_MS = 500  # between two listings of what comes from a PACS
GROWTH = 10  #: studies that come to it in one turn of the event loop: the window answers between


class OpenCatalogue(QObject):
    """Lives on the window's thread, and searches by `Opening`; it has heard of no prediction."""

    # It has taken the place of the one before; the uids of those studies that are what they were to
    # the file; whether the reader goes on with the study that is open
    replaced = Signal(Catalogue, tuple, bool)
    # It has more in it, and its new studies as a tuple; what was there is as it was
    grown = Signal(Catalogue, tuple)
    # What has come of the studies that are being fetched is in it
    received_listed = Signal()
    # Study uid, side, whether it took the place of the catalogue: the study of a reading is there
    # to be selected, and the breast that was read
    reading_opened = Signal(str, Laterality, bool)
    failed = Signal(EngineError)

    def __init__(self, opening: Opening, readings: Readings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._opening, self._readings = opening, readings
        self.studies: Mapping[str, Study] = {}  #: by uid
        self._is_partly_open = False  # what is shown is not all of it yet
        self._growing_to: Catalogue | None = None  # of which only the first studies are in it yet
        self._growth_due = QTimer(self, singleShot=True, interval=0)
        self._growth_due.timeout.connect(self._grow_on)
        self._paths: tuple[Path, ...] = ()  # that it was found under
        self._to_add: tuple[Path, ...] = ()  # once the search that goes on has ended
        self._unread_folders: set[Path] = set()
        self._received: list[Path] = []  # folders of what the reader had fetched, while it shows
        self._unlisted: set[str] = set()  # of which something has come since they were listed
        self._listing: frozenset[str] = frozenset()  # of these, what is being listed now
        self._listing_due = QTimer(self, singleShot=True, interval=LISTING_DELAY_MS)
        self._listing_due.timeout.connect(self._list_received)
        opening.outdated.connect(self._list_anew)
        opening.finished.connect(self._add_what_waits, Qt.ConnectionType.QueuedConnection)
        opening.finished.connect(self._end_listing)

    def has_unread(self, study: Study) -> bool:
        """Whether a file that lies beside the study's could not be read."""
        return not self._unread_folders.isdisjoint(view.path.parent for view in study.views)

    def is_unlisted(self, study_uid: str) -> bool:
        """Whether something of the study has come that is not in it yet."""
        return study_uid in self._unlisted

    def stop(self) -> None:
        self._listing_due.stop()
        self._growth_due.stop()

    # ----------------------------------------------------------------------- what the reader opens

    def open(self, paths: Sequence[Path]) -> None:
        """Searches the paths for studies; `replaced` follows, or `failed`."""
        self._opening.forget_changes()
        self._received.clear()
        self._unlisted.clear()
        self._listing_due.stop()
        paths = tuple(paths)
        self._is_partly_open = False
        self._opening.search(
            paths,
            lambda catalogue: self._on_opened(paths, catalogue),
            lambda catalogue: self._on_partly_opened(paths, catalogue),
        )

    def _on_opened(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        if not catalogue.studies and not catalogue.failures:
            self.failed.emit(
                UnreadableFile(
                    mark("No mammograms found there"),
                    mark("Open a folder or files with DICOM, PNG, JPEG or TIFF mammograms."),
                )
            )
            return
        if self._is_partly_open:
            self._grow(paths, catalogue)
        else:
            self._begin(paths, catalogue)

    def _on_partly_opened(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        """The first examinations of a large folder: reading can begin while the rest is found."""
        if self._is_partly_open:
            self._grow(paths, catalogue)
        else:
            self._is_partly_open = True
            self._begin(paths, catalogue)

    def _begin(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        """With its first studies; the others come to them."""
        _check_apart(catalogue)
        self._replace(paths, replace(catalogue, studies=catalogue.studies[:GROWTH]))
        if len(catalogue.studies) > GROWTH:
            self._growing_to = catalogue
            self._growth_due.start()

    def open_reading(self, reading: ReaderAssessment) -> None:
        """Brings up the study that was read; `reading_opened` follows, or `failed`.

        Where it is not in the catalogue its files are looked for where they lay, and it takes the
        place of the catalogue only if they still are that study.
        """
        if (study := self._readings.study_of(reading)) is not None:
            self.reading_opened.emit(study.uid, reading.laterality, False)
            return
        try:
            places = tuple(self._readings.places(reading).values())
        except StorageFailed as error:
            self.failed.emit(error)
            return
        if not places:
            self.failed.emit(
                UnreadableFile(
                    mark("Where this study lies is not known"),
                    mark(
                        "It was read with an earlier version: open its folder once, and it is "
                        "known."
                    ),
                )
            )
            return
        self._opening.search(
            places, lambda catalogue: self._on_found_again(reading, places, catalogue)
        )

    def _on_found_again(
        self, reading: ReaderAssessment, paths: tuple[Path, ...], catalogue: Catalogue
    ) -> None:
        study = next((study for study in catalogue.studies if is_of(reading, study)), None)
        if study is None:
            self.failed.emit(
                UnreadableFile(
                    mark("The study is not where it was read"),
                    mark(
                        "Its files were moved, replaced or deleted. Open the folder that holds "
                        "them now; the reading shows with the study, and is found there from then "
                        "on."
                    ),
                )
            )
            return
        self._replace(paths, replace(catalogue, studies=(study,)))
        self.reading_opened.emit(study.uid, reading.laterality, True)

    # ----------------------------------------------------------------------------- what comes to it

    def add(self, paths: Sequence[Path]) -> None:
        """What lies there comes to what is open, which stays as it is; where nothing is, it is
        opened. While another search goes on it waits for its end.
        """
        if self._opening.is_busy:
            self._to_add += tuple(paths)
        elif not self.studies:
            self.open(paths)
        else:
            places, every = tuple(paths), tuple(dict.fromkeys((*self._paths, *paths)))
            self._opening.search(
                places,
                lambda catalogue: self._on_added(every, catalogue),
                beside=self._opening.found,
            )

    def _on_added(self, every: tuple[Path, ...], catalogue: Catalogue) -> None:
        if len({study.uid for study in catalogue.studies}) == len(catalogue.studies):
            self._grow(every, catalogue)
        else:  # two claim one uid: only who looks at all of it tells them apart
            self._opening.search(every, lambda found: self._grow(every, found))

    @Slot()
    def _add_what_waits(self) -> None:
        """After the catalogue of the search that has ended is shown."""
        if self._to_add:
            paths, self._to_add = self._to_add, ()
            self.add(paths)

    def open_received(self, study_uid: str, folder: Path, is_wanted: bool) -> None:
        """Something of a study has come into the folder. With `is_wanted` what was fetched takes
        the place of the catalogue; else it is added where that shows, and left where the reader
        has opened something else since.
        """
        if not self._received and not is_wanted:
            return
        self._unlisted.add(study_uid)
        is_new = folder not in self._received
        if is_new:
            self._received.append(folder)
        if is_new and len(self._received) == 1:
            self._list_received()
        elif not self._listing_due.isActive():
            self._listing_due.start()

    @Slot()
    def _list_received(self) -> None:
        if self._opening.is_busy:  # what comes meanwhile is listed after it
            self._listing_due.start()
            return
        beside = self._paths if set(self._paths) & set(self._received) else ()
        paths = tuple(dict.fromkeys((*beside, *self._received)))
        self._listing = frozenset(self._unlisted)
        self._opening.search(paths, lambda catalogue: self._on_received(paths, catalogue))

    def _on_received(self, paths: tuple[Path, ...], catalogue: Catalogue) -> None:
        if not catalogue.studies:
            return
        if self.studies and set(self._paths) <= set(paths):
            self._grow(paths, catalogue, at_once=True)
        else:
            self._replace(paths, catalogue)
        self.received_listed.emit()

    @Slot()
    def _end_listing(self) -> None:
        """What came since it began is listed the next time."""
        self._unlisted -= self._listing
        self._listing = frozenset()

    # ---------------------------------------------------------------------------- what has changed

    @Slot()
    def _list_anew(self) -> None:
        log.info("Files have changed since they were listed")
        self._opening.search(self._paths, self._on_listed_anew)

    def _on_listed_anew(self, catalogue: Catalogue) -> None:
        if not catalogue.studies:  # the disc is out: what is in memory stays, the rest failed
            return
        self._replace(self._paths, catalogue, goes_on=True)
        self.failed.emit(
            UnreadableFile(
                mark("The file has changed"),
                mark("Everything was listed anew: look whose study is open now."),
            )
        )

    @Slot()
    def show_as_said(self) -> None:
        """Readers say something else of images now; no file has changed."""
        self._replace(self._paths, self._opening.as_said(), goes_on=True)

    # --------------------------------------------------------------------------- what becomes of it

    def _replace(
        self, paths: tuple[Path, ...], catalogue: Catalogue, goes_on: bool = False
    ) -> None:
        """With `goes_on` what is known of studies that are what they were still holds."""
        before, studies = self.studies, {study.uid: study for study in catalogue.studies}
        _check_apart(catalogue)
        self._opening.settle()
        self._stop_growing()
        self._paths, self.studies = paths, studies
        self._unread_folders = {failure.path.parent for failure in catalogue.failures}
        kept = (uid for uid, study in studies.items() if _is_same(study, before.get(uid)))
        self.replaced.emit(catalogue, tuple(kept) if goes_on else (), goes_on)

    def _grow(self, paths: tuple[Path, ...], catalogue: Catalogue, at_once: bool = False) -> None:
        """What is open stays as it is on the screen, unless it turns out to be more or another.
        Many studies come to it some at a time, in their order.
        """
        studies = {study.uid: study for study in catalogue.studies}
        if any(not _is_as_it_was(studies.get(uid), known) for uid, known in self.studies.items()):
            self._replace(paths, catalogue, goes_on=True)
            return
        self._paths = paths
        self._unread_folders = {failure.path.parent for failure in catalogue.failures}
        self._growing_to = catalogue
        self._grow_by(len(studies) if at_once else GROWTH)

    @Slot()
    def _grow_on(self) -> None:
        self._grow_by(GROWTH)

    def _grow_by(self, count: int) -> None:
        """All that stand before a study that is in it already come at once, and `count` more."""
        if (catalogue := self._growing_to) is None:
            return
        before = self.studies
        places = (place for place, study in enumerate(catalogue.studies, 1) if study.uid in before)
        part = catalogue.studies[: max(places, default=0) + count]
        # who holds a study of the catalogue holds the same one
        self.studies = {study.uid: before.get(study.uid, study) for study in part}
        if len(part) < len(catalogue.studies):
            self._growth_due.start()
        else:
            self._stop_growing()
        new = tuple(study for study in part if study.uid not in before)
        self.grown.emit(replace(catalogue, studies=part), new)

    def _stop_growing(self) -> None:
        self._growing_to = None
        self._growth_due.stop()


def _check_apart(catalogue: Catalogue) -> None:
    """Else the prediction of one study would show as another's."""
    if len({study.uid for study in catalogue.studies}) != len(catalogue.studies):
        raise ValueError("two studies of a catalogue share a uid")


def study_to_go_on_with(current: Study | None, studies: Sequence[Study]) -> str | None:
    """The study that was open; where it is gone, the one that its files hold now."""
    if current is None:
        return None
    if any(study.uid == current.uid for study in studies):
        return current.uid
    paths = {view.path for view in current.views}
    return next((s.uid for s in studies if any(v.path in paths for v in s.views)), None)


def _is_same(study: Study, before: Study | None) -> bool:
    """Whether a study is what it was to the file, so that what was said of it still holds."""
    return before is not None and _files(study) == _files(before)


def _is_as_it_was(study: Study | None, before: Study) -> bool:
    """The same in what is told of it, too."""
    return (
        study is not None
        and _is_same(study, before)
        and study.notes == before.notes
        and [view.notes for view in study.views] == [view.notes for view in before.views]
    )


def _files(study: Study) -> list[tuple[object, ...]]:
    """With what decides how a network is asked about them."""
    return [(v.image_uid, v.file, v.laterality, v.view_position, v.by_hand) for v in study.views]
