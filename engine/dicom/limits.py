"""How much of a file is too much, and the words for image data that cannot be used."""

import errno

from engine.errors import UnreadableFile
from engine.messages import Message, message

PIXEL_LIMIT = 120_000_000  #: rows x columns; the largest film scans have 40 million
DECODED_LIMIT = 2**28  #: bytes of a picture; more take seconds, and grey ones need no more
FILE_SIZE_LIMIT = 2**30  #: bytes that are read for one image; 120 Mpx of 16 bits are 2**28


def check_size(rows: int, columns: int) -> None:
    """Before anything is decoded: a few kB can claim gigabytes."""
    if rows * columns > PIXEL_LIMIT:
        raise UnreadableFile(
            message("The image is too large"),
            message(
                "It claims {rows} × {columns} pixels, more than {count} million; check where "
                "the file comes from.",
                rows=rows,
                columns=columns,
                count=PIXEL_LIMIT // 10**6,
            ),
        )


def check_bytes(rows: int, columns: int, pixel_bytes: int) -> None:
    """The same by the memory, where colour and transparency multiply it."""
    if rows * columns * pixel_bytes > DECODED_LIMIT:
        raise UnreadableFile(
            message("The image is too large"),
            message(
                "It claims {count} MiB of pixels, more than {most}; export it in greyscale.",
                count=rows * columns * pixel_bytes // 2**20,
                most=DECODED_LIMIT // 2**20,
            ),
        )


def file_too_large() -> UnreadableFile:
    return UnreadableFile(
        message("The image file is too large"),
        message(
            "It is longer than {count} MiB; check where it comes from.",
            count=FILE_SIZE_LIMIT // 2**20,
        ),
    )


def cut_off() -> UnreadableFile:
    return UnreadableFile(
        message("The image data are cut off"),
        message("Copy the file again from its source, or export it anew."),
    )


def corrupt() -> UnreadableFile:
    return UnreadableFile(
        message("The image data are corrupt"),
        message("Copy the file again from its source, or export it anew."),
    )


NOT_FOUND = (
    message("The file was not found"),
    message("Check that it is still there, then open it again."),
)
_TEXTS = {
    errno.EACCES: (
        message("The file cannot be opened"),
        message("Ask for permission to read it, or copy it to a place of your own."),
    ),
    errno.ENOENT: NOT_FOUND,
    errno.ENAMETOOLONG: (
        message("The path is too long"),
        message("Copy the innermost folders to a place of their own, then open them."),
    ),
    errno.EMFILE: (
        message("Too many files are open"),
        message("Close other programs, then open it again."),
    ),
    errno.EIO: (
        message("The drive reports an error"),
        message("Copy it again from its source, to another drive if need be."),
    ),
    errno.EBUSY: (
        message("Another program holds the file"),
        message("Close it there, then open it again."),
    ),
}
_ALIKE = {
    errno.EPERM: errno.EACCES,
    errno.ENOTDIR: errno.ENOENT,
    errno.ELOOP: errno.ENOENT,
    errno.ENFILE: errno.EMFILE,
    errno.ETXTBSY: errno.EBUSY,
}


def unopened(error: OSError) -> tuple[Message, Message]:
    """Title and advice for a file that the system does not let us read, by the cause it gives."""
    number = error.errno or 0
    number = _ALIKE.get(number, number)
    if isinstance(error, PermissionError):
        number = errno.EACCES
    other = (
        message("The file cannot be read"),
        message("Copy it again from its source, to another drive if need be."),
    )
    return _TEXTS.get(number, other)
