"""PNG, JPEG and TIFF: grey values from pictures that know nothing of a patient.

A header is read by itself and its size checked before anything is decoded.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import imagecodecs
import numpy as np

from engine.dicom.limits import FILE_SIZE_LIMIT, check_size, corrupt, file_too_large
from engine.dicom.streams import decode_stream, read_stream, run_codec
from engine.domain import Pixels
from engine.errors import UnreadableFile, UnsupportedImage

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"
_TIFF_MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY_TOLERANCE = 3 / 255  # JPEG colour conversion moves channels of a grey picture by 1 or 2


@dataclass(frozen=True)
class PlainHeader:
    """What a PNG, JPEG or TIFF file says of its image before it is decoded."""

    format: str  #: "PNG", "JPEG" or "TIFF"
    rows: int
    columns: int
    channels: int
    bits: int
    is_inverted: bool = False  #: TIFF WhiteIsZero
    has_palette: bool = False
    pages: int = 1


def plain_format(head: bytes) -> str | None:
    """The format that the first bytes of a file announce: "PNG", "JPEG", "TIFF" or None."""
    if head.startswith(_PNG_MAGIC):
        return "PNG"
    if head.startswith(_JPEG_MAGIC):
        return "JPEG"
    if head.startswith(_TIFF_MAGICS):
        return "TIFF"
    return None


def read_plain_header(path: Path) -> PlainHeader:
    """Raises UnreadableFile and UnsupportedImage, by the header alone."""
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size > FILE_SIZE_LIMIT:
            raise file_too_large()
        head = file.read(2**16)
        read = {"PNG": _png_header, "JPEG": _jpeg_header, "TIFF": _tiff_header}
        try:
            header = read[plain_format(head)](head, file)
        except (struct.error, IndexError, KeyError, ValueError, OverflowError) as error:
            raise corrupt() from error
    if header.rows <= 0 or header.columns <= 0:
        raise corrupt()
    check_size(header.rows, header.columns)
    depths = {"PNG": (1, 2, 4, 8, 16), "JPEG": (8, 12), "TIFF": (1, 8, 16)}[header.format]
    if header.bits not in depths or header.channels not in (1, 2, 3, 4):
        raise UnsupportedImage(
            "Pixel format is not supported", "Export the image as 8 or 16 bit greyscale PNG."
        )
    return header


def _png_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    if head[12:16] != b"IHDR":
        raise corrupt()
    columns, rows, bits, colour = struct.unpack_from(">IIBB", head, 16)
    channels = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[colour]
    return PlainHeader("PNG", rows, columns, channels, bits, has_palette=colour == 3)


def _jpeg_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    try:
        stream = read_stream(head)
    except UnreadableFile:  # long metadata in front of the frame header
        file.seek(0)
        stream = read_stream(file.read(2**23))
    return PlainHeader("JPEG", *stream.shape, bits=stream.bits)


def _tiff_header(head: bytes, file: io.BufferedIOBase) -> PlainHeader:
    """The first directory, TIFF 6.0 section 2, or its BigTIFF form."""
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    position = struct.unpack_from(order + ("Q" if is_big else "I"), head, 8 if is_big else 4)[0]
    file.seek(position)
    count_size, entry_size = (8, 20) if is_big else (2, 12)
    count = struct.unpack(order + ("Q" if is_big else "H"), file.read(count_size))[0]
    if not 0 < count < 4096:
        raise corrupt()
    entries = file.read(count * entry_size)
    tags: dict[int, int] = {}
    for index in range(count):
        entry = entries[index * entry_size : (index + 1) * entry_size]
        tag, kind = struct.unpack_from(order + "HH", entry)
        length = struct.unpack_from(order + ("Q" if is_big else "I"), entry, 4)[0]
        code = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
        if code is None or length < 1:
            continue
        value = entry[12 if is_big else 8 :]
        if length * struct.calcsize(code) > len(value):
            file.seek(struct.unpack(order + ("Q" if is_big else "I"), value)[0])
            value = file.read(struct.calcsize(code))
        tags[tag] = struct.unpack_from(order + code, value)[0]
    following = file.seek(position + count_size + count * entry_size) and file.read(
        8 if is_big else 4
    )
    return PlainHeader(
        "TIFF",
        rows=tags[257],
        columns=tags[256],
        channels=tags.get(277, 1),
        bits=tags.get(258, 1),
        is_inverted=tags.get(262) == 0,
        has_palette=tags.get(262) == 3,
        pages=1 if not any(following) else 2,
    )


def is_grey(path: Path, header: PlainHeader) -> bool:
    """Whether a picture of several channels shows no colour; decodes it where need be."""
    if header.channels < 3 and not header.has_palette:
        return True
    return _decode(path, header)[1]


def plain_pixels(path: Path) -> Pixels:
    """Decodes a picture, of colours the luma; raises as `read_plain_header` and OSError."""
    stored = np.ascontiguousarray(decode_grey(path), dtype=np.uint16)
    stored.setflags(write=False)
    return Pixels(stored)


def decode_grey(path: Path) -> np.ndarray:
    """The same grey values in the depth of the file: uint8 or uint16 (rows, columns)."""
    header = read_plain_header(path)
    grey, _ = _decode(path, header)
    return np.iinfo(grey.dtype).max - grey if header.is_inverted else grey


def _decode(path: Path, header: PlainHeader) -> tuple[np.ndarray, bool]:
    """Grey values uint8 or uint16 (rows, columns), and whether they were grey in the file."""
    data = path.read_bytes()
    if header.format == "JPEG":
        image = decode_stream(data, (header.rows, header.columns, header.channels))
    elif header.format == "PNG":
        image = run_codec(imagecodecs.png_decode, data)
    else:
        image = run_codec(imagecodecs.tiff_decode, data, asrgb=header.has_palette)
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * 255
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        raise UnsupportedImage(
            "Pixel format is not supported", "Export the image as 8 or 16 bit greyscale PNG."
        )
    if image.shape[1:] == (header.rows, header.columns):  # TIFF with a plane for each colour
        image = np.moveaxis(image, 0, -1)
    if image.shape[:2] != (header.rows, header.columns):
        raise corrupt()
    if image.ndim == 2:
        return image, True
    if image.shape[2] < 3:  # grey with alpha
        return image[..., 0], True
    image = image[..., :3]
    return grey_of(image)


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
    grey = np.rint(image.astype(np.float32) @ weights)
    return grey.astype(image.dtype)
