"""Files that are there whole or not at all, and for their owner's eyes alone.

Whatever the umask: on POSIX files get mode 0600 and folders 0700. On Windows the user's profile
keeps others out, and modes mean nothing.
"""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

FILE_MODE, FOLDER_MODE = 0o600, 0o700
FOLDER_NAME = "birads-viewer"  #: of the folders of the program's own


def make_folder(path: Path) -> None:
    """Makes the folder where there is none, with its parents; one that was there stays as it is.

    Raises OSError where it cannot be made.
    """
    if not path.parent.exists():  # `parents=True` would give them the umask's mode
        make_folder(path.parent)
    path.mkdir(FOLDER_MODE, exist_ok=True)


def make_private_folder(path: Path) -> None:
    """The same for a folder of the program's own: one that was there is closed to others, too."""
    make_folder(path)
    keep_private(path, FOLDER_MODE)


def keep_private(path: Path, mode: int = FILE_MODE) -> None:
    """Takes from others what they may do with it; nothing happens where it is not ours or gone."""
    if os.name == "posix":
        with suppress(OSError):
            if path.stat().st_mode & 0o777 & ~mode:
                path.chmod(mode)


def private_opener(path: str, flags: int) -> int:
    """For `open(..., opener=...)`."""
    return os.open(path, flags, FILE_MODE)


def write_private(path: Path, data: bytes) -> None:
    """The file's whole content; for others' eyes neither where it was there before."""
    with open(path, "wb", opener=private_opener) as file:
        keep_private(path)
        file.write(data)


def write_whole(path: Path, data: bytes) -> None:
    """The file is there whole and on the disk, or not at all: written beside it under a name that
    ends in .part, then renamed. Raises OSError.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "wb", opener=private_opener) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    settle_folder(path.parent)


def settle_folder(folder: Path) -> None:
    """What was renamed in it is on the disk then; Windows knows no such thing, and needs none."""
    if os.name != "posix":
        return
    with suppress(OSError):  # a file system that cannot: the file itself is safe
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def replaced_whole(path: Path, is_durable: bool = True) -> Iterator[IO[str]]:
    """A text file that takes the place of `path` when the block ends well, else leaves nothing.

    It is on the disk then, unless it need not be durable: a power cut may leave the old one, or an
    empty one on some file systems.
    """
    with (
        tempfile.NamedTemporaryFile(  # its mode is 0600
            "w",
            encoding="utf-8",
            newline="",
            dir=path.parent,
            prefix=f".{path.name[:50]}-",
            delete=False,
        ) as file
    ):
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        except BaseException:
            file.close()
            temporary.unlink(missing_ok=True)
            raise
    try:
        temporary.replace(path)
    except OSError:  # e.g. the old file is open in a spreadsheet, on Windows
        temporary.unlink(missing_ok=True)
        raise
