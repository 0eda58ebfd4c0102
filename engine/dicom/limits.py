"""How much of a file is too much, and the words for image data that cannot be used."""

import errno

from engine.errors import UnreadableFile

PIXEL_LIMIT = 120_000_000  #: rows x columns; the largest film scans have 40 million
DECODED_LIMIT = 2**28  #: bytes of a picture; more take seconds, and grey ones need no more
FILE_SIZE_LIMIT = 2**30  #: bytes that are read for one image; 120 Mpx of 16 bits are 2**28


def check_size(rows: int, columns: int) -> None:
    """Before anything is decoded: a few kB can claim gigabytes."""
    if rows * columns > PIXEL_LIMIT:
        raise UnreadableFile(
            "The image is too large",
            f"It claims {rows} × {columns} pixels, more than {PIXEL_LIMIT // 10**6} million; "
            "check where the file comes from.",
        )


def check_bytes(rows: int, columns: int, pixel_bytes: int) -> None:
    """The same by the memory, where colour and transparency multiply it."""
    if rows * columns * pixel_bytes > DECODED_LIMIT:
        raise UnreadableFile(
            "The image is too large",
            f"It claims {rows * columns * pixel_bytes // 2**20} MiB of pixels, more than "
            f"{DECODED_LIMIT // 2**20}; export it in greyscale.",
        )


def file_too_large() -> UnreadableFile:
    return UnreadableFile(
        "The image file is too large",
        f"It is longer than {FILE_SIZE_LIMIT // 2**20} MiB; check where it comes from.",
    )


def cut_off() -> UnreadableFile:
    return UnreadableFile(
        "The image data are cut off", "Copy the file again from its source, or export it anew."
    )


def corrupt() -> UnreadableFile:
    return UnreadableFile(
        "The image data are corrupt", "Copy the file again from its source, or export it anew."
    )


NOT_FOUND = ("The file was not found", "Check that it is still there, then open it again.")
_WORDS = {
    errno.EACCES: (
        "The file cannot be opened",
        "Ask for permission to read it, or copy it to a place of your own.",
    ),
    errno.ENOENT: NOT_FOUND,
    errno.ENAMETOOLONG: (
        "The path is too long",
        "Copy the innermost folders to a place of their own, then open them.",
    ),
    errno.EMFILE: ("Too many files are open", "Close other programs, then open it again."),
    errno.EIO: (
        "The drive reports an error",
        "Copy it again from its source, to another drive if need be.",
    ),
    errno.EBUSY: ("Another program holds the file", "Close it there, then open it again."),
}
_ALIKE = {
    errno.EPERM: errno.EACCES,
    errno.ENOTDIR: errno.ENOENT,
    errno.ELOOP: errno.ENOENT,
    errno.ENFILE: errno.EMFILE,
    errno.ETXTBSY: errno.EBUSY,
}


def unopened(error: OSError) -> tuple[str, str]:
    """Title and advice for a file that the system does not let us read, by the cause it gives."""
    number = error.errno or 0
    number = _ALIKE.get(number, number)
    if isinstance(error, PermissionError):
        number = errno.EACCES
    other = (
        "The file cannot be read",
        "Copy it again from its source, to another drive if need be.",
    )
    return _WORDS.get(number, other)
