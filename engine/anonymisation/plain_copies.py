"""The picture of a PNG, JPEG or TIFF file alone, without what else its file says."""

import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np

from engine.anonymisation import pixel_streams
from engine.anonymisation.burned_in import blank
from engine.dicom.files import SourceFile
from engine.dicom.limits import FILE_SIZE_LIMIT, corrupt, file_too_large
from engine.dicom.plain_images import decode_grey

# What decoding needs and its longest body, PNG 3rd edition chapter 11; all else may hold words.
_PNG_CHUNKS = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256}
_PNG_CHUNKS |= {b"gAMA": 4, b"sBIT": 4, b"sRGB": 1}
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def bare(file: SourceFile, kind: str, marks: np.ndarray | None) -> bytes:
    """PNG or JPEG as it was; PNG of a TIFF, and of what `marks` are blanked in."""
    if marks is not None:
        return bytes(imagecodecs.png_encode(blank(decode_grey(file), marks)))
    if kind == "TIFF":
        return bytes(imagecodecs.png_encode(decode_grey(file)))
    if file.size > FILE_SIZE_LIMIT:
        raise file_too_large()
    try:
        return {"PNG": bare_png, "JPEG": _bare_jpeg}[kind](file.read())
    except (struct.error, IndexError, ValueError) as error:
        raise corrupt() from error


def bare_png(data: bytes) -> bytes:
    parts, position = [data[:8]], 8
    packed: list[bytes] = []
    seen: set[bytes] = set()
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        stop = position + 12 + length
        if stop > len(data):
            raise corrupt()
        body = data[position + 8 : stop - 4]
        if name == b"IEND":
            return b"".join([*parts, *_bare_image_data(packed, parts[1]), _PNG_END])
        if name == b"IDAT":
            packed.append(body)
        elif name == b"eXIf" and (orientation := pixel_streams.orientation_of(body)) != 1:
            parts.append(_png_chunk(name, pixel_streams.orientation_alone(orientation)))
        elif length <= _PNG_CHUNKS.get(name, -1) and not packed and name not in seen:
            parts.append(data[position:stop])  # once and before the pixels, or decoders refuse it
        seen.add(name)
        position = stop
    raise corrupt()


def _png_chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def _bare_image_data(packed: list[bytes], header: bytes) -> Iterator[bytes]:
    """IDAT chunks without what stands behind the packed image, which no decoder reads."""
    data = b"".join(packed)
    columns, rows, bits, colour = struct.unpack_from(">IIBB", header, 8)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    most = rows * ((columns * samples * bits + 7) // 8 + 1) + 8 * (rows + columns)  # interlaced
    inflater = zlib.decompressobj()
    try:
        inflated = len(inflater.decompress(data, min(most, FILE_SIZE_LIMIT) + 1))
    except zlib.error as error:
        raise corrupt() from error
    if inflated > most or not inflater.eof:
        raise corrupt()
    yield _png_chunk(b"IDAT", data[: len(data) - len(inflater.unused_data)])


def _bare_jpeg(data: bytes) -> bytes:
    bare, _ = pixel_streams.bare_jpeg(data)
    return pixel_streams.with_orientation(bare, pixel_streams.jpeg_orientation(data))
