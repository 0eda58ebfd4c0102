"""The door: from the paths that a reader opens to studies, and from a view to its pixels."""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

from engine.dicom.archives import SIGNATURES as ZIP_SIGNATURES
from engine.dicom.archives import Archive
from engine.dicom.decoding import decode, read_layout
from engine.dicom.directory import DicomDirectory, DiscNames
from engine.dicom.documents import DocumentFile
from engine.dicom.files import (
    NotRegularError,
    SourceFile,
    list_archive,
    opened_as_listed,
    real_file,
)
from engine.dicom.headers import read_dicom
from engine.dicom.limits import FILE_SIZE_LIMIT, NOT_FOUND, PIXEL_LIMIT, unopened
from engine.dicom.naming import guessed_words, read_name
from engine.dicom.plain_images import (
    PlainHeader,
    is_grey,
    plain_format,
    plain_pixels,
    read_plain_header,
)
from engine.dicom.scope_rules import no_mammogram, no_standard_view
from engine.dicom.studies import FoundImage, make_studies, natural, place_digest, without_copies
from engine.dicom.tags import DEFLATED, read_tags
from engine.domain import (
    STANDARD_VIEWS,
    Catalogue,
    FailedFile,
    FoundDocument,
    Laterality,
    MammogramView,
    Pixels,
    Study,
    Voi,
    VoiFunction,
    VoiWindow,
    not_judged,
)
from engine.errors import EngineError, FileChanged, UnreadableFile
from engine.messages import Message, message

__all__ = ["FILE_SIZE_LIMIT", "PIXEL_LIMIT", "load", "load_pixels", "look_at", "members"]

log = logging.getLogger(__name__)

DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".dic", ".ima"})
PLAIN_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
_OTHER_IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jp2", ".j2k", ".webp", ".pgm"})
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")  # PKCS #7, PS3.10 section 7.4
_EXPLICIT_VRS = frozenset(b"UL UI OB SH CS LO DA TM".split())
FIRST_FOUND_S = 0.4  #: a folder of an examination or a few is read to its end by then
FOUND_AGAIN = 2.0  #: times as long after the start
_UNLISTED_LIMIT = 2000  # files beside those of a DICOMDIR that are looked at
_MISSING_LISTED = 20  # files of a DICOMDIR that are missing, one by one; then only their number
_ARCHIVES = (*ZIP_SIGNATURES, b"Rar!\x1a\x07", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh")
_ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2"})


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
    search = _Search()
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


def load_pixels(view: MammogramView, threads: int = 1) -> Pixels:
    """Decodes the image of `view`; safe to call from any thread.

    `threads`: on how many of its own, where the format allows (JPEG 2000). Raises UnreadableFile,
    of these FileChanged where the file is no longer what was listed (see `engine.dicom.files`), and
    UnsupportedImage.
    """
    try:
        with opened_as_listed(view.path, view.file) as file:
            pixels = _pixels_of(file, threads)
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
        found = _read(path)
    except EngineError as error:
        return FailedFile(path, error.title, error.advice)
    except OSError as error:
        return FailedFile(path, *unopened(error))
    return None if isinstance(found, DicomDirectory) else found


def members(path: Path) -> tuple[list[Path], list[FailedFile]]:
    """What `load` finds in a ZIP file, by paths that lead into it, and why it leaves out others.

    Raises UnreadableFile and OSError.
    """
    search = _Search()
    return list(search.inside(path, list_archive(path))), search.failures


def _pixels_of(file: SourceFile, threads: int) -> Pixels:
    head = file.read(132)
    if head[128:] != b"DICM" and plain_format(head):
        return plain_pixels(file)
    with read_tags(file) as read:
        layout = read_layout(read)
    return decode(file, layout, threads)


# ----------------------------------------------------------------------------------------- search


class _Queue:
    """Files to be read one by one, and what was found in those that were.

    A DICOMDIR or a ZIP file puts what it holds at the end; failures go to the search's.
    """

    def __init__(self, search: "_Search", paths: list[Path]) -> None:
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
            found = _read(path)
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


class _Search:
    """Finds files, each once, and collects what cannot be searched."""

    def __init__(self) -> None:
        self.failures: list[FailedFile] = []
        self.notes: list[Message] = []
        self._seen: set[tuple[object, ...]] = set()
        self._named: set[Path] = set()
        self._links = 0
        self._outside = 0

    def files(
        self, paths: Sequence[Path], should_stop: Callable[[], bool] | None = None
    ) -> list[Path]:
        found: list[Path] = []
        for path in map(Path, paths):
            try:
                if path.is_dir():
                    found.extend(self._walk(path, should_stop))
                elif path.exists():
                    self._named.add(path)
                    found.extend(self._once(path))
                elif (archive := real_file(path)) != path:
                    self._named.add(path)
                    found.extend(
                        self._once_by(_place(archive), str(path.relative_to(archive)), path)
                    )
                else:
                    self._fail(path, *NOT_FOUND)
            except OSError as error:
                self._fail(path, *unopened(error))
            except (RuntimeError, ValueError):  # a loop of links; a null character
                self._fail(path, *NOT_FOUND)
        if self._links:
            self.notes.append(
                message(
                    "{count} symbolic links to folders or in a loop were not followed; open "
                    "their targets themselves.",
                    count=self._links,
                )
            )
        if self._outside == 1:
            self.notes.append(
                message("A file is a link out of the folder; what it leads to is shown.")
            )
        elif self._outside:
            self.notes.append(
                message(
                    "{count} files are links out of the folder; what they lead to is shown.",
                    count=self._outside,
                )
            )
        return found

    def was_named(self, path: Path) -> bool:
        """Whether the reader opened this very file, not a folder around it."""
        return path in self._named

    def listed(self, directory_path: Path, directory: DicomDirectory) -> Iterator[Path]:
        """The files that a DICOMDIR refers to; never one outside its folder."""
        open_folder = message("Open the folder itself instead of its DICOMDIR.")
        outside = (message("DICOMDIR points outside its folder"), open_folder)
        base = directory_path.parent
        names, real_base = DiscNames(base), base.resolve()
        missing = 0
        listed: set[Path] = set()
        if not directory.is_whole:
            self._fail(directory_path, message("The DICOMDIR is damaged"), open_folder)
        elif not directory.references:
            self._fail(directory_path, message("The DICOMDIR lists no images"), open_folder)
        for reference in directory.references:
            parts = [part for text in reference for part in text.split("/")]
            if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
                self._fail(directory_path, *outside)
                continue
            path = names.find(parts)
            try:
                is_inside = path.resolve(strict=True).is_relative_to(real_base)
            except (OSError, RuntimeError):
                missing += 1
                if missing <= _MISSING_LISTED:
                    advice = message("Copy the whole disc again, or open the folder itself.")
                    self._fail(path, message("Listed in DICOMDIR but missing"), advice)
                continue
            if is_inside:
                listed.add(path)
                yield from self._once(path)
            else:
                self._fail(path, *outside)
        if missing > _MISSING_LISTED:
            self.notes.append(
                message(
                    "Of the files that the DICOMDIR lists {count} are missing; the first "
                    "{named} are named.",
                    count=missing,
                    named=_MISSING_LISTED,
                )
            )
        folders = {path.parent for path in listed}
        listed |= {
            names.find([p for t in other for p in t.split("/")]) for other in directory.others
        }
        if count := _count_unlisted(folders, listed):
            self.notes.append(
                message(
                    "DICOM files beside those that the DICOMDIR lists were not opened: {count}. "
                    "Open the folder itself.",
                    count=count,
                )
            )

    def inside(self, path: Path, archive: Archive) -> Iterator[Path]:
        """The files in a ZIP file, each by a path that leads into it."""
        if archive.encrypted_count:
            advice = message("Unpack it with its password, then open the folder that comes of it.")
            self._fail(path, message("The ZIP file is encrypted"), advice)
        if archive.unknown_count:
            advice = message("Unpack it, then open the folder that comes of it.")
            self._fail(path, message("Compression of the ZIP file is not supported"), advice)
        if archive.outside_count:
            advice = message("Unpack it, and look at what comes of it before you open it.")
            self._fail(path, message("The ZIP file points outside itself"), advice)
        place = _place(path)
        for parts in sorted(archive.entries, key=lambda parts: [natural(part) for part in parts]):
            member = path.joinpath(*parts)
            yield from self._once_by(place, str(member.relative_to(path)), member)

    def _fail(self, path: Path, title: Message, advice: Message) -> None:
        self.failures.append(FailedFile(path, title, advice))

    def _once(self, path: Path) -> Iterator[Path]:
        real = path.resolve() if path.is_symlink() else path
        yield from self._once_by(_identity(real.parent), real.name, path)

    def _once_by(self, folder: tuple[object, ...], name: str, path: Path) -> Iterator[Path]:
        """By folder and name, not by inode alone: two links to one file are two files."""
        if (folder, name) not in self._seen:
            self._seen.add((folder, name))
            yield path

    def _walk(self, root: Path, should_stop: Callable[[], bool] | None) -> Iterator[Path]:
        """Files in natural order, those of a folder before those of its folders.

        Folders are told apart by their identity: to resolve their paths costs the cube of how deep
        they lie.
        """
        real_root = root.resolve()
        folders = [root]
        while folders:
            if should_stop and should_stop():
                self.notes.append(message("Stopped: not all folders were searched."))
                return
            folder = folders.pop()
            try:
                identity = _identity(folder)
                if identity in self._seen:
                    continue
                self._seen.add(identity)
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda entry: natural(entry.name))
            except OSError as error:
                title, advice = unopened(error)
                if isinstance(error, PermissionError):
                    title = message("The folder cannot be opened")
                self._fail(folder, title, advice)
                continue
            inner: list[Path] = []
            for entry in entries:
                try:
                    if entry.is_dir():
                        inner.extend(self._folder(entry))
                    else:
                        yield from self._file(entry, identity, real_root)
                except OSError:  # a link to itself
                    self._links += 1
            folders.extend(reversed(inner))

    def _folder(self, entry: "os.DirEntry[str]") -> Iterator[Path]:
        """Itself, unless it is a link, which is not followed."""
        if entry.is_symlink():
            self._links += 1
        else:
            yield Path(entry.path)

    def _file(
        self, entry: "os.DirEntry[str]", folder: tuple[object, ...], real_root: Path
    ) -> Iterator[Path]:
        path = Path(entry.path)
        if not entry.is_file():
            if entry.is_symlink() and _is_named_like_image(path):
                self._fail(path, *NOT_FOUND)
        elif entry.is_symlink():
            self._outside += not path.resolve().is_relative_to(real_root)
            yield from self._once(path)
        else:
            yield from self._once_by(folder, entry.name, path)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _count_unlisted(folders: Iterable[Path], listed: Collection[Path]) -> int:
    """DICOM files in these folders, but for those that are listed: a damaged record lists none."""
    count = looked_at = 0
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path in listed or looked_at >= _UNLISTED_LIMIT:
                continue
            looked_at += 1
            with suppress(OSError, UnreadableFile), SourceFile(path) as file:
                head = file.read(132)
                is_list = path.name.upper().startswith("DICOMDIR")
                count += head[128:] == b"DICM" and not is_list
    return count


def _place(archive: Path) -> tuple[object, ...]:
    """Tells ZIP files apart, as the identity of a folder does folders."""
    real = archive.resolve()
    return (*_identity(real.parent), real.name)


def _is_named_like_image(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in DICOM_SUFFIXES | PLAIN_SUFFIXES | _OTHER_IMAGE_SUFFIXES


# ------------------------------------------------------------------------------------- recognising


def _read(path: Path) -> FoundImage | DicomDirectory | Archive | None:
    """None: no image by name and content. Raises EngineError and OSError."""
    if path.name.startswith("._"):  # what macOS leaves beside every file on foreign discs
        return None
    suffix = path.suffix.lower()
    try:
        with SourceFile(path) as file:
            if file.size == 0 and _is_named_like_image(path):
                raise UnreadableFile(
                    message("The file is empty"), message("Copy it again from its source.")
                )
            head = file.read(512)
            if head[128:132] == b"DICM" or _looks_like_dicom(head):
                return _dicom_image(path, file)
            if plain_format(head):
                return _plain_image(path, file)
    except NotRegularError:
        return None
    if suffix == ".zip" and head.startswith(ZIP_SIGNATURES) and real_file(path) == path:
        return list_archive(path)
    _refuse_by_name(suffix, head)
    return None


def _refuse_by_name(suffix: str, head: bytes) -> None:
    """Raises UnreadableFile for an archive, and for what is only named like an image."""
    if suffix in _ARCHIVE_SUFFIXES and (head.startswith(_ARCHIVES) or head[257:262] == b"ustar"):
        raise UnreadableFile(
            message("An archive is not opened"),
            message("Unpack it, then open the folder that comes of it."),
        )
    if suffix in DICOM_SUFFIXES:
        if head[:1] == b"\x30" and _ENVELOPED_DATA in head:
            raise UnreadableFile(
                message("The DICOM file is encrypted"),
                message("Decrypt it first, or export it unencrypted."),
            )
        raise UnreadableFile(
            message("Not a DICOM file"),
            message("It is only named like one; check how it was exported."),
        )
    if suffix in PLAIN_SUFFIXES:
        raise UnreadableFile(
            message("The content is no image"),
            message("It is only named like one; check how it was saved."),
        )
    if suffix in _OTHER_IMAGE_SUFFIXES:
        raise UnreadableFile(
            message("Image format is not supported"), message("Save it as PNG, TIFF or DICOM.")
        )


def _looks_like_dicom(head: bytes) -> bool:
    """A data set without preamble: it begins with a plausible element of group 0002 or 0008."""
    if len(head) < 16:
        return False
    for order in ("little", "big"):
        group = int.from_bytes(head[:2], order)
        element = int.from_bytes(head[2:4], order)
        if group not in (0x0002, 0x0008) or element > 0x0070:
            continue
        if head[4:6] in _EXPLICIT_VRS:
            return True
        if order == "little" and 0 < int.from_bytes(head[4:8], order) <= 256:
            return True
    return False


def _dicom_image(path: Path, file: SourceFile) -> FoundImage | DicomDirectory:
    found = read_dicom(file, path)
    if isinstance(found, DicomDirectory):
        return found
    image_uid = found.view.image_uid or place_digest(path, file.sampled())
    is_deflated = found.layout.transfer_syntax == DEFLATED  # then the offset counts other bytes
    header_bytes = max(found.layout.offset, 2**16 if is_deflated else 0)
    view = replace(found.view, image_uid=image_uid, file=file.identity(header_bytes))
    return FoundImage(
        view,
        file.size,
        found.patient_name,
        found.study_date,
        found.study_description,
        found.layout,
        identity=found.identity,
    )


def _plain_image(path: Path, file: SourceFile) -> FoundImage:
    header = read_plain_header(file)
    identity = file.identity()
    named = read_name(path.stem)
    known = (("laterality", named.laterality), ("view", named.view_position))
    guessed = frozenset(word for word, value in known if value)
    notes: list[Message] = []
    if guessed:
        what = guessed_words(guessed)
        notes.append(message("{what} guessed from the file name.", what=what))
    if header.pages > 1:
        which = message("largest") if header.page else message("first")
        notes.append(message("The {which} of several pages is shown.", which=which))
    if header.orientation != 1:
        notes.append(message("Turned as the file's Orientation says."))
    notes.append(message("No pixel spacing: lengths cannot be measured."))
    reason = None
    if not is_grey(file, header):
        reason = no_mammogram(message("a colour photograph"))
    elif named.view_position and named.view_position not in STANDARD_VIEWS:
        reason = no_standard_view(named.view_position.value)
    if reason:
        notes.append(not_judged(reason))
    view = MammogramView(
        path=path,
        image_uid=place_digest(path, identity.content),
        study_uid="",
        patient_id="",
        rows=header.shape[0],
        columns=header.shape[1],
        laterality=named.laterality,
        view_position=named.view_position,
        guessed=guessed,
        vois=_plain_vois(header),
        out_of_scope=reason,
        notes=tuple(notes),
        file=identity,
    )
    return FoundImage(view, file.size, rest=named.rest, fingerprint=identity.content)


def _plain_vois(header: PlainHeader) -> tuple[Voi, ...]:
    """Eight bits are what somebody chose to show; sixteen seldom fill their range."""
    if header.bits > 8:
        return ()
    return (VoiWindow(127.5, 255, VoiFunction.LINEAR_EXACT, message("as saved")),)
