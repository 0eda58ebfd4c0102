"""The images of the catalogue: decoded on a few threads, what is wanted first comes first, and kept
as long as there is room.

The open study's images go first, then the prior's beside it, then those of the study that comes up
next, then one of each study for its thumbnail. While nothing of the open study shows, its first
image has a thread of its own and as many cores as its format can use, and nothing else is begun.
It alone is shown before the last checks of its compressed data, and taken away if they fail. All
others are decoded at a lower priority. What arrives for a catalogue that is no longer open is
dropped.
"""

import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from engine.dicom.header_listing import read_header
from engine.dicom.loading import NO_HURRY, Urgency, load_pixels
from engine.domain import FileIdentity, HeaderElement, MammogramView, Study
from engine.errors import EngineError, FileChanged, UnreadableFile
from viewer.display.priors import Prior, priors_of
from viewer.display.reading_steps import views_beside
from viewer.display.rendering import DisplayPixels, prepare, thumbnail
from viewer.shared.delivery import Delivery
from viewer.shared.languages import mark
from viewer.shared.states import program_error

PIXEL_CACHE_BYTES = 1 << 30  # some six four-view studies of 13.6 Mpx
DECODING_THREADS = max(2, min(4, (os.cpu_count() or 2) - 1))
THUMBNAIL_HEIGHT = 112  # pixels; twice the row's, for screens of high resolution
PAINTING_MS = 30  # until the first image is on the screen: its checks would hold that up
_NICENESS = 10  #: of decoding threads: below the window's thread, above the engine's process
_THREAD_PRIORITY_BELOW_NORMAL = -1  #: winbase.h

ImageKey = tuple[str, str]  #: study uid, image uid


@dataclass(frozen=True)
class _Decoded:
    """What a decoding thread brings back."""

    pixels: DisplayPixels
    thumbnail: QImage | None
    checks: tuple[Callable[[], None], ...] = ()  #: still to be done; each raises EngineError


class PixelCache:
    """Decoded images up to a number of bytes, the longest unused going first.

    Studies in `pinned` stay whatever their size.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.pinned: frozenset[str] = frozenset()
        self._images: OrderedDict[ImageKey, DisplayPixels] = OrderedDict()

    def get(self, key: ImageKey) -> DisplayPixels | None:
        if key in self._images:
            self._images.move_to_end(key)
        return self._images.get(key)

    def __contains__(self, key: ImageKey) -> bool:
        return key in self._images

    @property
    def size_bytes(self) -> int:
        return sum(_bytes(pixels) for pixels in self._images.values())

    def put(self, key: ImageKey, pixels: DisplayPixels) -> None:
        self._images[key] = pixels
        for old in [key for key in self._images if key[0] not in self.pinned]:
            if self.size_bytes <= self.limit_bytes:
                return
            del self._images[old]

    def discard(self, key: ImageKey) -> None:
        self._images.pop(key, None)

    def keep(self, wanted: Collection[tuple[ImageKey, FileIdentity | None]]) -> None:
        """Lets go of all others."""
        keys = {key for key, _ in wanted}
        for key in [key for key in self._images if key not in keys]:
            del self._images[key]


class Images(QObject):
    """Lives on the window's thread. `close` must be called; it ends the threads."""

    # Study uid, image uid, pixels; of the open study and the prior beside it
    loaded = Signal(str, str, DisplayPixels)
    # Study uid, image uid, why; of the same
    failed = Signal(str, str, EngineError)
    # Study uid and its thumbnail
    thumbnail_made = Signal(str, QImage)
    # Image uid, and its header as a tuple of HeaderElement, or an EngineError
    header_read = Signal(str, object)
    # The file is no longer what was listed, whichever study it was of
    file_changed = Signal(Path)
    # One more image was decoded, or could not be
    one_done = Signal()

    def __init__(
        self,
        delivery: Delivery,
        cache_bytes: int = PIXEL_CACHE_BYTES,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._delivery = delivery
        # Its helpers gain nothing where several images are decoded at a time, and whoever draws
        # would wait for them: they have the priority of whichever thread called them first.
        cv2.setNumThreads(1)
        self._first_decoder = ThreadPoolExecutor(1, thread_name_prefix="decoding first")
        self._decoders = ThreadPoolExecutor(
            DECODING_THREADS, thread_name_prefix="decoding", initializer=_step_back
        )
        self._is_closed = False
        self._generation = 0  # the number of the catalogue
        self._studies: Mapping[str, Study] = {}
        self._current: Study | None = None
        self._upcoming: Study | None = None
        self.priors: tuple[Prior, ...] = ()  #: of the open study that compare, the newest first
        self._prior: Study | None = None  # the one that hangs beside it
        self._is_reported = True  # the open study's images that were there
        self._decoding: set[ImageKey] = set()
        self._first: ImageKey | None = None  # of these, what will be the first to show
        self.cache = PixelCache(cache_bytes)
        self._unreadable: dict[ImageKey, EngineError] = {}
        self._with_thumbnail: set[str] = set()  # made, or in vain
        self._ahead: set[ImageKey] = set()  # decoded ahead; once, even if thrown out again

    def open(self, studies: Mapping[str, Study]) -> None:
        """Another catalogue, by study uid; `work` begins with it. Pixels of files that are in both
        stay.
        """
        self._generation += 1
        before, self._studies = self._studies, studies
        self._current = self._upcoming = self._prior = None
        self.priors = ()
        self._decoding.clear()
        self._first = None
        self.cache.keep(_files(before).items() & _files(studies).items())
        self._unreadable.clear()
        self._with_thumbnail.clear()
        self._ahead.clear()

    def grow(self, studies: Mapping[str, Study]) -> None:
        """More studies of the same catalogue; those that it had are as they were."""
        self._studies = studies

    def are_priors_known(self) -> bool:
        """Whether those of the open study are still all there are."""
        return self._current is None or self.priors == self._find_priors(self._current)

    def hang(self, study: Study | None) -> None:
        """The study is open now, and the newest of its `priors` beside it; `show` goes on."""
        self._current = study
        self.priors = () if study is None else self._find_priors(study)
        self._prior = self.priors[0].study if self.priors else None
        self._ahead.clear()
        self._pin()
        self._is_reported = False

    def show(self, upcoming: Study | None) -> None:
        """What is decoded of what was hung is told again, the rest follows, then the upcoming
        study. What could not be read of it is tried once more.
        """
        self._upcoming = upcoming
        if not self._is_reported:
            self._is_reported = True
            self._report_hung()
        self.work()

    def show_prior(self, study_uid: str) -> None:
        """Another of the `priors` hangs beside the open study."""
        self._prior = next(p.study for p in self.priors if p.study.uid == study_uid)
        self._pin()
        self._report_hung()
        self.work()

    def is_hung(self, study_uid: str) -> bool:
        hung = (self._current, self._prior)
        return any(study is not None and study.uid == study_uid for study in hung)

    def _find_priors(self, study: Study) -> tuple[Prior, ...]:
        priors = priors_of(study, self._studies.values())
        return tuple(prior for prior in priors if views_beside(study, prior.study))

    def _pin(self) -> None:
        hung = (self._current, self._prior)
        self.cache.pinned = frozenset(study.uid for study in hung if study is not None)

    def _hung(self) -> list[tuple[Study, MammogramView]]:
        """The open study's images, then those of the prior that can hang beside them."""
        if self._current is None:
            return []
        images = [(self._current, view) for view in self._current.views]
        if self._prior is not None:
            beside = views_beside(self._current, self._prior)
            images += [(self._prior, view) for view in beside]
        return images

    def _report_hung(self) -> None:
        for study, view in self._hung():
            key = (study.uid, view.image_uid)
            self._unreadable.pop(key, None)
            self._ahead.discard(key)
            if (pixels := self.cache.get(key)) is not None:
                self.loaded.emit(*key, pixels)

    def read_header(self, image_uid: str) -> None:
        """Of an image that hangs; `header_read` follows."""
        view = next((view for _, view in self._hung() if view.image_uid == image_uid), None)
        if view is None:
            return
        future = self._decoders.submit(read_header, view.path, view.file)
        self._delivery.when_done(future, lambda done: self._on_header_read(view, done))

    def _on_header_read(
        self, view: MammogramView, future: Future[tuple[HeaderElement, ...]]
    ) -> None:
        if future.cancelled():
            return
        try:
            self.header_read.emit(view.image_uid, future.result())
        except EngineError as error:
            self.header_read.emit(view.image_uid, error)
            if isinstance(error, FileChanged):
                self.file_changed.emit(view.path)

    def work(self) -> None:
        """Gives every free thread what is most wanted now."""
        while not self._is_closed and not self._is_first_underway():
            is_first = self._first is None and self._is_blank()
            if not is_first and len(self._decoding - {self._first}) >= DECODING_THREADS:
                return
            wanted = next(self._wanted(), None)
            if wanted is None:
                return
            self._decode(*wanted, is_first and wanted[0] is self._current)

    def close(self) -> None:
        """Waits for images being decoded just now."""
        self._is_closed = True
        self._first_decoder.shutdown(cancel_futures=True)
        self._decoders.shutdown(cancel_futures=True)

    def _is_first_underway(self) -> bool:
        """Of the study that is open now; that of one left behind holds nothing up."""
        if self._first is None or self._current is None:
            return False
        return self._first[0] == self._current.uid

    def _is_blank(self) -> bool:
        """Whether images of the open study are to come, and none is there."""
        if self._current is None:
            return False
        keys = {(self._current.uid, view.image_uid) for view in self._current.views}
        known = (self.cache, self._unreadable)
        return bool(keys - self._decoding) and not any(key in of for key in keys for of in known)

    def _wanted(self) -> Iterator[tuple[Study, MammogramView]]:
        """The open study's images, the prior's, the upcoming study's, then one a study for its
        thumbnail.
        """
        images = self._hung()
        if self._upcoming is not None and self._has_room_ahead(self._upcoming):
            images += [(self._upcoming, view) for view in self._upcoming.views]
        for study, view in images:
            key = (study.uid, view.image_uid)
            known = (self.cache, self._decoding, self._unreadable, self._ahead)
            if not any(key in images for images in known):
                yield study, view
        if self._decoding:
            return  # thumbnails never hold up an image that the reader waits for
        for study in self._studies.values():
            if study.uid not in self._with_thumbnail and study.views:
                yield study, study.views[0]

    def _has_room_ahead(self, upcoming: Study) -> bool:
        """Whether it fits beside what hangs, which stays in any case."""
        views = [view for _, view in self._hung()] + list(upcoming.views)
        return expected_bytes(views) <= self.cache.limit_bytes

    def _decode(self, study: Study, view: MammogramView, is_first: bool) -> None:
        generation, key = self._generation, (study.uid, view.image_uid)
        if study is self._upcoming:
            self._ahead.add(key)
        wants_thumbnail = view is study.views[0] and study.uid not in self._with_thumbnail
        if wants_thumbnail:
            self._with_thumbnail.add(study.uid)
        self._decoding.add(key)
        if is_first:
            self._first = key
        decoders = self._first_decoder if is_first else self._decoders
        future = decoders.submit(_decode, view, wants_thumbnail, is_first)
        self._delivery.when_done(future, lambda done: self._on_decoded(generation, key, done))

    def _on_decoded(
        self, generation: int, key: ImageKey, future: Future[_Decoded | EngineError]
    ) -> None:
        if generation != self._generation or future.cancelled():
            return
        self._decoding.discard(key)
        if key == self._first:
            self._first = None
        try:
            decoded = future.result()
        except Exception:
            self._fail(key, program_error(mark("This image could not be shown")))
            self._go_on()
            raise  # to the log, as a bug of ours
        if isinstance(decoded, EngineError):
            self._fail(key, decoded)
            if isinstance(decoded, FileChanged):
                self.file_changed.emit(self._studies[key[0]].view(key[1]).path)
        else:
            self._store(key, decoded)
        self._go_on()

    def _store(self, key: ImageKey, decoded: _Decoded) -> None:
        study_uid = key[0]
        is_upcoming = self._upcoming is not None and self._upcoming.uid == study_uid
        if self.is_hung(study_uid) or is_upcoming:
            self.cache.put(key, decoded.pixels)
        if self.is_hung(study_uid):
            self.loaded.emit(*key, decoded.pixels)
        if decoded.checks:
            generation = self._generation
            QTimer.singleShot(PAINTING_MS, self, lambda: self._check(generation, key, decoded))
        elif decoded.thumbnail is not None:
            self.thumbnail_made.emit(study_uid, decoded.thumbnail)

    def _check(self, generation: int, key: ImageKey, decoded: _Decoded) -> None:
        if not self._is_closed:
            future = self._first_decoder.submit(_check, decoded)
            self._delivery.when_done(future, lambda done: self._on_checked(generation, key, done))

    def _on_checked(
        self, generation: int, key: ImageKey, future: Future[QImage | EngineError | None]
    ) -> None:
        """What may have been shown for a moment, and is damaged, goes."""
        if generation != self._generation or future.cancelled():
            return
        try:
            checked = future.result()
        except Exception:
            self.cache.discard(key)
            self._fail(key, program_error(mark("This image could not be shown")))
            raise  # to the log, as a bug of ours
        if isinstance(checked, EngineError):
            self.cache.discard(key)
            self._fail(key, checked)
        elif checked is not None:
            self.thumbnail_made.emit(key[0], checked)

    def _fail(self, key: ImageKey, failure: EngineError) -> None:
        self._unreadable[key] = failure
        if self.is_hung(key[0]):
            self.failed.emit(*key, failure)

    def _go_on(self) -> None:
        self.one_done.emit()
        self.work()


def _files(studies: Mapping[str, Study]) -> dict[ImageKey, FileIdentity | None]:
    """By which file each image was listed; of those whose identity is not known, none."""
    return {
        (study.uid, view.image_uid): view.file
        for study in studies.values()
        for view in study.views
        if view.file is not None
    }


def expected_bytes(views: Sequence[MammogramView]) -> int:
    """Of `DisplayPixels`: uint16, and two pyramids of a third more each."""
    return sum(view.rows * view.columns * 2 * 5 // 3 for view in views)


def _bytes(pixels: DisplayPixels) -> int:
    return sum(level.nbytes for level in (*pixels.means, *pixels.peaks[1:]))  # level 0 is shared


def _step_back() -> None:
    """Lower priority for the calling thread, where the system knows threads' priorities."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), _THREAD_PRIORITY_BELOW_NORMAL)
    elif sys.platform == "linux":
        me = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, me, os.getpriority(os.PRIO_PROCESS, me) + _NICENESS)


def _decode(view: MammogramView, wants_thumbnail: bool, is_first: bool) -> _Decoded | EngineError:
    """On a decoding thread."""
    checks: list[Callable[[], None]] = []
    urgency = Urgency(os.cpu_count() or 1, checks.append) if is_first else NO_HURRY
    try:
        pixels = load_pixels(view, urgency)
        display = prepare(view, pixels, urgency.threads)
        small = None
        if wants_thumbnail:
            small = thumbnail(display, THUMBNAIL_HEIGHT, view.laterality, view.pixel_aspect)
    except EngineError as error:
        return error
    except MemoryError:
        advice = mark("Close other programs or open fewer studies at a time, then select it again.")
        return UnreadableFile(mark("Not enough memory"), advice)
    return _Decoded(display, small, tuple(checks))


def _check(decoded: _Decoded) -> QImage | EngineError | None:
    """The thumbnail, if the image is as whole as it looked; on a decoding thread."""
    try:
        for check in decoded.checks:
            check()
    except EngineError as error:
        return error
    return decoded.thumbnail
