"""Which files lie under the paths that a reader opens: each once, and why some are left out."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from engine.dicom.archives import Archive
from engine.dicom.directory import DicomDirectory, DiscNames
from engine.dicom.files import SourceFile, real_file
from engine.dicom.image_file import is_named_like_image
from engine.dicom.limits import NOT_FOUND, unopened
from engine.dicom.studies import natural
from engine.domain import FailedFile
from engine.errors import UnreadableFile
from engine.messages import Message, message

_UNLISTED_LIMIT = 2000  # files beside those of a DICOMDIR that are looked at
_MISSING_LISTED = 20  # files of a DICOMDIR that are missing, one by one; then only their number


class Search:
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
            if entry.is_symlink() and is_named_like_image(path):
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
