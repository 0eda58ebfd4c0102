"""How much of a file is too much, and the words for image data that cannot be used."""

from engine.errors import UnreadableFile

PIXEL_LIMIT = 120_000_000  #: rows x columns; the largest film scans have 40 million
FILE_SIZE_LIMIT = 2**30  #: bytes that are read for one image; 120 Mpx of 16 bits are 2**28


def check_size(rows: int, columns: int) -> None:
    """Before anything is decoded: a few kB can claim gigabytes."""
    if rows * columns > PIXEL_LIMIT:
        raise UnreadableFile(
            "The image is too large",
            f"It claims {rows} × {columns} pixels, more than {PIXEL_LIMIT // 10**6} million; "
            "check where the file comes from.",
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
