"""The door: from the paths that a reader opens to studies, and from a view to its pixels."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

from engine.dicom.archives import Archive
from engine.dicom.decoding import decode, read_layout
from engine.dicom.directory import DicomDirectory
from engine.dicom.documents import DocumentFile
from engine.dicom.files import SourceFile, list_archive, opened_as_listed
from engine.dicom.image_file import read_image_file
from engine.dicom.limits import FILE_SIZE_LIMIT, PIXEL_LIMIT, unopened
from engine.dicom.plain_images import plain_format, plain_pixels
from engine.dicom.search import Search
from engine.dicom.streams import NO_HURRY, Urgency
from engine.dicom.studies import FoundImage, make_studies, without_copies
from engine.dicom.tags import read_tags
from engine.domain import (
    STANDARD_VIEWS,
    Catalogue,
    FailedFile,
    FoundDocument,
    Laterality,
    MammogramView,
    Pixels,
    Study,
)
from engine.errors import EngineError, FileChanged, UnreadableFile
from engine.messages import message

__all__ = [
    "FILE_SIZE_LIMIT",
    "NO_HURRY",
    "PIXEL_LIMIT",
    "Urgency",
    "load",
    "load_pixels",
    "look_at",
    "members",
]

log = logging.getLogger(__name__)

FIRST_FOUND_S = 0.4  #: a folder of an examination or a few is read to its end by then
FOUND_AGAIN = 2.0  #: times as long after the start


def load(
    paths: Sequence[Path],
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_found: Callable[[Catalogue], None] | None = None,
) -> Catalogue:
    """Finds the studies in files, folders and ZIP files (searched through) and DICOMDIRs.

    Reads headers only, and never raises for what it finds there. `on_progress` gets (done, total);
    once `should_stop` answers True, the catalogue holds what was read until then and a note says
    so. `on_found` gets what can be shown before a large folder is read to its end: the studies that
    have all four standard views, after `FIRST_FOUND_S` and then each time the search has taken
    twice as long. What is returned in the end may give such a study more views, or another uid.
    """
    search = Search()
    started, found_at = time.monotonic(), FIRST_FOUND_S
    queue = _Queue(search, search.files(paths, should_stop))
    while queue.left:
        if should_stop and should_stop():
            search.notes.append(
                message("Stopped: {count} files were not looked at.", count=queue.left)
            )
            break
        queue.read_next()
        if on_progress:
            on_progress(queue.done, len(queue.paths))
        if on_found and queue.left and time.monotonic() - started > found_at:
            if complete := _complete_studies(queue.images, search.failures):
                on_found(Catalogue(complete, (), 0, ()))
            found_at = FOUND_AGAIN * (time.monotonic() - started)
    failures, notes = search.failures, search.notes
    images = without_copies(queue.images, notes)
    studies = make_studies(images, failures, notes)
    documents = _documents(queue.documents, studies, failures)
    log.info(
        "%d studies of %d images, %d failures, %d files skipped",
        len(studies),
        len(images),
        len(failures),
        queue.skipped_count,
    )
    return Catalogue(tuple(studies), tuple(failures), queue.skipped_count, tuple(notes), documents)


def _documents(
    found: Sequence[tuple[Path, DocumentFile]],
    studies: Sequence[Study],
    failures: list[FailedFile],
) -> tuple[FoundDocument, ...]:
    """Those about images of the studies; the others cannot be shown with any image."""
    known = {study.uid for study in studies}
    for path, document in found:
        if document.study_uid not in known:
            failures.append(FailedFile(path, document.title, document.advice))
    return tuple(
        FoundDocument(path, document.study_uid)
        for path, document in found
        if document.study_uid in known
    )


def _complete_studies(
    images: Sequence[FoundImage], failures: Sequence[FailedFile]
) -> tuple[Study, ...]:
    """Those that need no other image: what is still to be read hardly changes them."""
    found = make_studies(without_copies(list(images), []), list(failures), [])
    needed = set(product(Laterality, STANDARD_VIEWS))
    return tuple(
        study
        for study in found
        if needed <= {(view.laterality, view.view_position) for view in study.views}
    )


def load_pixels(view: MammogramView, urgency: Urgency = NO_HURRY) -> Pixels:
    """Decodes the image of `view`; safe to call from any thread.

    `urgency` tells when a compressed DICOM image is checked. Raises UnreadableFile, of these
    FileChanged where the file is no longer what was listed (see `engine.dicom.files`), and
    UnsupportedImage.
    """
    try:
        with opened_as_listed(view.path, view.file) as file:
            pixels = _pixels_of(file, urgency)
    except OSError as error:
        raise UnreadableFile(
            message("The file cannot be opened"),
            message("Check that it is still there and that you may read it."),
        ) from error
    except MemoryError as error:
        raise UnreadableFile(
            message("Not enough memory"), message("Close other programs and open the image again.")
        ) from error
    if pixels.shape != (view.rows, view.columns):
        raise FileChanged()
    return pixels


def look_at(path: Path) -> FoundImage | FailedFile | Archive | None:
    """One file as `load` sees it, before its study is known; reads its header only.

    None: no image by name and content, or a DICOMDIR.
    """
    try:
        found = read_image_file(path)
    except EngineError as error:
        return FailedFile(path, error.title, error.advice)
    except OSError as error:
        return FailedFile(path, *unopened(error))
    return None if isinstance(found, DicomDirectory) else found


def members(path: Path) -> tuple[list[Path], list[FailedFile]]:
    """What `load` finds in a ZIP file, by paths that lead into it, and why it leaves out others.

    Raises UnreadableFile and OSError.
    """
    search = Search()
    return list(search.inside(path, list_archive(path))), search.failures


def _pixels_of(file: SourceFile, urgency: Urgency) -> Pixels:
    head = file.read(132)
    if head[128:] != b"DICM" and plain_format(head):
        return plain_pixels(file)
    with read_tags(file) as read:
        layout = read_layout(read)
    return decode(file, layout, urgency)


class _Queue:
    """Files to be read one by one, and what was found in those that were.

    A DICOMDIR or a ZIP file puts what it holds at the end; failures go to the search's.
    """

    def __init__(self, search: Search, paths: list[Path]) -> None:
        self._search = search
        self.paths = paths
        self.done = 0
        self.images: list[FoundImage] = []
        self.documents: list[tuple[Path, DocumentFile]] = []
        self.skipped_count = 0

    @property
    def left(self) -> int:
        return len(self.paths) - self.done

    def read_next(self) -> None:
        path = self.paths[self.done]
        self.done += 1
        try:
            found = read_image_file(path)
        except DocumentFile as document:
            self.documents.append((path, document))
            return
        except EngineError as error:
            self._search.failures.append(FailedFile(path, error.title, error.advice))
            return
        except OSError as error:
            self._search.failures.append(FailedFile(path, *unopened(error)))
            return
        if found is None:
            self.skipped_count += 1
        elif isinstance(found, FoundImage):
            self.images.append(found)
        elif isinstance(found, Archive):
            self.paths.extend(self._search.inside(path, found))
        elif self._search.was_named(path):
            self.paths.extend(self._search.listed(path, found))
