"""PNG, JPEG and TIFF: grey values from pictures that know nothing of a patient.

A header is read by itself and its size checked before anything is decoded. Pictures are turned as
their Orientation (TIFF 6.0, Exif 4.6.5) says; of a TIFF file with several pages the largest is
shown, since the first may be a thumbnail.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import imagecodecs
import numpy as np

from engine.arrays import Array
from engine.dicom import tiff
from engine.dicom.files import SourceFile
from engine.dicom.limits import (
    FILE_SIZE_LIMIT,
    check_bytes,
    check_size,
    corrupt,
    file_too_large,
)
from engine.dicom.streams import application_segments, decode_stream, read_stream, run_codec
from engine.domain import Pixels
from engine.errors import UnreadableFile, UnsupportedImage
from engine.messages import message

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"
_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY_TOLERANCE = 3 / 255  # JPEG colour conversion moves channels of a grey picture by 1 or 2


@dataclass(frozen=True)
class PlainHeader:
    """What a PNG, JPEG or TIFF file says of its image before it is decoded."""

    format: str  #: "PNG", "JPEG" or "TIFF"
    rows: int  #: as stored; see `shape`
    columns: int
    channels: int
    bits: int
    is_inverted: bool = False  #: TIFF WhiteIsZero
    has_palette: bool = False
    pages: int = 1
    page: int = 0  #: which of them is shown
    orientation: int = 1  #: 1 upright; else how to turn it, as TIFF's tag 274
    is_adobe: bool = False  #: JPEG with Adobe's marker, whose CMYK is inverted
    is_cmyk: bool = False  #: TIFF of printing inks

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) as shown."""
        is_on_side = self.orientation >= 5
        return (self.columns, self.rows) if is_on_side else (self.rows, self.columns)


def plain_format(head: bytes) -> str | None:
    """The format that the first bytes of a file announce: "PNG", "JPEG", "TIFF" or None."""
    if head.startswith(_PNG_MAGIC):
        return "PNG"
    if head.startswith(_JPEG_MAGIC):
        return "JPEG"
    if head.startswith(_TIFF_MAGICS):
        return "TIFF"
    return None


def read_plain_header(file: SourceFile) -> PlainHeader:
    """Raises UnreadableFile and UnsupportedImage, by the header alone."""
    if file.size > FILE_SIZE_LIMIT:
        raise file_too_large()
    file.seek(0)
    head = file.read(2**16)
    read = {"PNG": _png_header, "JPEG": _jpeg_header, "TIFF": _tiff_header}
    try:
        header = read[plain_format(head) or ""](head, file)
    except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
        raise corrupt() from error
    if header.rows <= 0 or header.columns <= 0:
        raise corrupt()
    check_size(header.rows, header.columns)
    check_bytes(header.rows, header.columns, header.channels * max(1, header.bits // 8))
    depths = {"PNG": (1, 2, 4, 8, 16), "JPEG": (8, 12), "TIFF": (1, 8, 16)}[header.format]
    if header.bits not in depths or header.channels not in (1, 2, 3, 4):
        raise UnsupportedImage(
            message("Pixel format is not supported"),
            message("Export the image as 8 or 16 bit greyscale PNG."),
        )
    return header


def _png_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    if head[12:16] != b"IHDR":
        raise corrupt()
    columns, rows, bits, colour = struct.unpack_from(">IIBB", head, 16)
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    header = PlainHeader("PNG", rows, columns, channels, bits, has_palette=colour == 3)
    for kind, position, length in _png_chunks(file):
        if kind == b"eXIf":
            file.seek(position)
            return replace(header, orientation=_orientation(file.read(min(length, _EXIF_LIMIT))))
    return header


def _png_chunks(file: io.BufferedIOBase) -> Iterator[tuple[bytes, int, int]]:
    """(type, position, length) of each chunk's data."""
    position = len(_PNG_MAGIC)
    for _ in range(_CHUNK_LIMIT):
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        yield kind, position + 8, length
        position += length + 12


def _jpeg_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    try:
        stream = read_stream(head)
    except UnreadableFile:  # long metadata in front of the frame header
        file.seek(0)
        head = file.read(2**23)
        stream = read_stream(head)
    orientation, is_adobe = 1, False
    for marker, body in application_segments(head):
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            orientation = _orientation(body[6:])
        is_adobe |= marker == 0xEE and body.startswith(b"Adobe")
    return PlainHeader(
        "JPEG", *stream.shape, bits=stream.bits, orientation=orientation, is_adobe=is_adobe
    )


def _orientation(exif: bytes) -> int:
    """Of a TIFF directory in memory, as Exif has it; 1 where it does not tell."""
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (position,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, position)
        for index in range(min(count, 256)):
            tag, kind, _, value = struct.unpack_from(
                order + "HHIH", exif, position + 2 + 12 * index
            )
            if tag == tiff.ORIENTATION and kind == 3:
                return value if value in _TURNS else 1
    except (KeyError, struct.error):
        pass
    return 1


_TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: np.rot90(image, 1),
}


def _tiff_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    """The directory of the largest page."""
    pages = tiff.read_directories(head, file)
    whole = [n for n, page in enumerate(pages) if not tiff.first(page, tiff.SUBFILE) & 1] or [0]
    number = max(
        whole,
        key=lambda n: (
            tiff.first(pages[n], tiff.ROWS) * tiff.first(pages[n], tiff.COLUMNS),
            -n,
        ),
    )
    tags = pages[number]
    photometric, channels = (
        tiff.first(tags, tiff.PHOTOMETRIC, -1),
        tiff.first(tags, tiff.CHANNELS, 1),
    )
    orientation = tiff.first(tags, tiff.ORIENTATION, 1)
    if photometric == 5 and channels != 4:
        raise corrupt()
    return PlainHeader(
        "TIFF",
        rows=tiff.first(tags, tiff.ROWS),
        columns=tiff.first(tags, tiff.COLUMNS),
        channels=channels,
        bits=tiff.first(tags, tiff.BITS, 1),
        is_inverted=photometric == 0,
        has_palette=photometric == 3,
        pages=len(pages),
        page=number,
        orientation=orientation if orientation in _TURNS else 1,
        is_cmyk=photometric == 5,
    )


_CHUNK_LIMIT = 10_000
_EXIF_LIMIT = 2**16


def is_grey(file: SourceFile, header: PlainHeader) -> bool:
    """Whether a picture of several channels shows no colour; decodes it where need be."""
    if header.channels < 3 and not header.has_palette:
        return True
    return _decode(file, header)[1]


def plain_pixels(file: SourceFile) -> Pixels:
    """Decodes a picture, of colours the luma; raises as `read_plain_header` and OSError."""
    stored = np.ascontiguousarray(decode_grey(file), dtype=np.uint16)
    stored.setflags(write=False)
    return Pixels(stored)


def decode_grey(file: SourceFile) -> np.ndarray:
    """The same grey values in the depth of the file: uint8 or uint16 (rows, columns)."""
    header = read_plain_header(file)
    grey, _ = _decode(file, header)
    return np.iinfo(grey.dtype).max - grey if header.is_inverted else grey


def _decode(file: SourceFile, header: PlainHeader) -> tuple[np.ndarray, bool]:
    """Grey values uint8 or uint16 (rows, columns), and whether they were grey in the file."""
    file.seek(0)
    data = file.read()
    if header.format == "JPEG":
        if header.channels == 4 and not header.is_adobe:  # nothing tells whether 0 is ink or none
            raise UnsupportedImage(
                message("Colour format is not supported"), message("Export the image in greyscale.")
            )
        image = decode_stream(data, (header.rows, header.columns, header.channels))
    elif header.format == "PNG":
        image = run_codec(imagecodecs.png_decode, data)
    else:
        image = _decode_tiff(file, data, header)
    grey, was_grey = _grey_of_picture(image, header)
    return np.ascontiguousarray(_TURNS[header.orientation](grey)), was_grey


def _decode_tiff(file: SourceFile, data: bytes, header: PlainHeader) -> np.ndarray:
    tags = tiff.read_directories(data[:16], file)[header.page]
    is_whole = tiff.check_pieces(data, tags)
    options = {"index": header.page} if header.pages > 1 else {}
    image = run_codec(imagecodecs.tiff_decode, data, asrgb=header.has_palette, **options)
    if not is_whole and not tiff.makes_colours(tags):
        again = run_codec(imagecodecs.tiff_decode, data, out=~image, **options)
        if not np.array_equal(again, image):  # what was not decoded is what was there before
            raise corrupt()
    return image


def _grey_of_picture(image: np.ndarray, header: PlainHeader) -> tuple[np.ndarray, bool]:
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * 255
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        raise UnsupportedImage(
            message("Pixel format is not supported"),
            message("Export the image as 8 or 16 bit greyscale PNG."),
        )
    if image.shape[1:] == (header.rows, header.columns):  # TIFF with a plane for each colour
        image = np.moveaxis(image, 0, -1)
    if image.shape[:2] != (header.rows, header.columns):
        raise corrupt()
    if image.ndim == 2:
        return image, True
    if image.shape[2] < 3:  # grey with alpha
        return image[..., 0], True
    if image.shape[2] == 4 and (header.is_cmyk or header.format == "JPEG"):
        image = _without_ink(image if header.format == "JPEG" else ~image)
    return grey_of(image[..., :3])


def _without_ink(paper: np.ndarray) -> np.ndarray:
    """Red, green, blue of what cyan, magenta, yellow and black leave of the paper's white."""
    top = np.iinfo(paper.dtype).max
    black = paper[..., 3:].astype(np.float32)
    return np.rint(paper[..., :3].astype(np.float32) * black / top).astype(paper.dtype)


def grey_of(image: np.ndarray, top: int | None = None) -> tuple[np.ndarray, bool]:
    """Of red, green, blue integers (rows, columns, 3) the grey, and whether they were grey.

    `top` is white, where it is not the largest number of their type.
    """
    image = np.ascontiguousarray(image)
    channels = cv2.split(image)
    spread = max(int(cv2.absdiff(channels[0], other).max()) for other in channels[1:])
    if spread <= _GREY_TOLERANCE * (top or np.iinfo(image.dtype).max):
        return channels[1], True
    return luma(image), False


def luma(image: np.ndarray) -> np.ndarray:
    """Rec. 601 luma of red, green, blue."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    grey: Array = np.rint(image.astype(np.float32) @ weights)
    return grey.astype(image.dtype)
