"""Compressed images without a word beside the image: what decoding needs is kept, all else goes.

Comments and application segments, boxes around a code stream, unknown segments, and whatever
stands before, between or behind the images of a file can hold names. Only whole segments are taken
away, so that an image decodes to the same bits. A stream that cannot be taken apart raises
ValueError: its pixels then have to be stored anew.
"""

import re
import struct
from collections.abc import Callable
from itertools import pairwise

import imagecodecs

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SOC, _SOT, _SOD, _EOC = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9
_COM = 0xFF64
_TLM = 0xFF55  #: lengths of tile-parts, which may be left out
# ISO/IEC 15444-1 and -15, table A.2: what may stand in a header and is no comment (CME)
_MAIN = frozenset(
    (
        *(0xFF50, 0xFF51, 0xFF52, 0xFF53, _TLM, 0xFF56, 0xFF57, 0xFF59, 0xFF5C, 0xFF5D),
        *(0xFF5E, 0xFF5F, 0xFF60, 0xFF63),
    )
)
_TILE = frozenset((0xFF52, 0xFF53, 0xFF58, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF61))
# What encoders say of themselves, and of nobody else
_MAKERS = re.compile(rb"(Created by OpenJPEG version |OpenJPH Ver |Kakadu-v?)[0-9.]{1,12}")
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
# Behind a scan: a marker, that is no stuffed byte or bit and no restart
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_AFTER_LS_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xff]")
_EXIF_HEAD = b"Exif\0\0"


def bare_streams(data: bytes, count: int, samples: int = 1) -> list[bytes]:
    """The `count` images of JPEG, JPEG-LS, JPEG 2000 or HTJ2K in `data`, one after the other.

    `samples` a pixel: a colour image keeps the boxes around it, or cannot be kept.
    """
    streams: list[bytes] = []
    position = 0
    while len(streams) < count:
        start, bare = _next_stream(data, position)
        if bare is bare_jp2 and samples > 1:
            raise ValueError("its boxes tell what the colours are")
        stream, position = bare(data, start)
        streams.append(stream)
    return streams


_Bare = Callable[[bytes, int], tuple[bytes, int]]  #: a stream and where it ends, from its start


def _next_stream(data: bytes, position: int) -> tuple[int, _Bare]:
    """The next that begins, and what takes it apart."""
    soc = struct.pack(">HH", _SOC, 0xFF51)
    kinds: tuple[tuple[bytes, _Bare], ...] = (
        (_SOI + b"\xff", bare_jpeg),
        (_JP2, bare_jp2),
        (soc, bare_jpeg2000),
    )
    places = [(data.find(mark, position), bare) for mark, bare in kinds]
    found = [(start, bare) for start, bare in places if start >= 0]
    if not found:
        raise ValueError("no stream")
    return min(found, key=lambda each: each[0])


def bare_jpeg(data: bytes, start: int = 0) -> tuple[bytes, int]:
    """ITU-T T.81 annex B and T.87 annex C: the stream that begins at `start`, and where it ends.

    Of application segments the bare heads of JFIF and SPIFF, Adobe's colour transform and HP's of
    JPEG-LS stay.
    """
    parts, position, after_scan = [_SOI], start + 2, _AFTER_SCAN
    while True:
        marker = _byte(data, position + 1)
        if data[position] != 0xFF:
            raise ValueError("no marker")
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xD9:
            return b"".join([*parts, _EOI]), position + 2
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            raise ValueError("a marker that cannot stand there")
        stop = position + 2 + _length(data, position + 2)
        if stop > len(data):
            raise ValueError("cut off")
        segment = data[position:stop]
        parts.append(_bare_segment(marker, segment))
        position = stop
        if marker == 0xF7:
            after_scan = _AFTER_LS_SCAN
        if marker == 0xDA:
            end = after_scan.search(data, stop)
            if end is None:
                raise ValueError("no end")
            position = end.start()
            parts.append(data[stop:position])


def _bare_segment(marker: int, segment: bytes) -> bytes:
    body = segment[4:]
    if marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14:
        return b"\xff\xe0\0\x10" + body[:12] + b"\0\0"  # without its thumbnail
    is_kept = (
        (marker == 0xEE and body.startswith(b"Adobe") and len(body) == 12)
        or (marker == 0xE8 and _is_jpeg_ls_head(body))
        or (0xC0 <= marker < 0xE0 and marker != 0xC8)
        or marker in (0xF7, 0xF8)
    )
    return segment if is_kept else b""


def _is_jpeg_ls_head(body: bytes) -> bool:
    """A colour transform of HP's (T.87 has none), a SPIFF head or its end, T.84 F.2."""
    if body.startswith(b"SPIFF\0") and len(body) == 30:
        units, vertical, horizontal = struct.unpack_from(">BII", body, 21)
        return bool(units <= 2 and max(vertical, horizontal) < 2**16)
    return body == b"\0\0\0\x01\xff\xd8" or (body.startswith(b"mrfx") and len(body) == 5)


def bare_jpeg2000(data: bytes, start: int = 0) -> tuple[bytes, int]:
    """ISO/IEC 15444-1 annex A: the code stream that begins at `start`, and where it ends."""
    main, position = _header(data, start + 2, _MAIN, (_SOT,))
    tiles: list[bytes] = []
    is_shorter = False
    while _word(data, position) == _SOT:
        if position + 12 > len(data):
            raise ValueError("cut off")
        (length,) = struct.unpack_from(">I", data, position + 6)
        segments, body = _header(data, position + 12, _TILE, (_SOD,))
        own = b"".join(segment for _, segment in segments)
        # no packet holds a marker; a length of 0 reaches up to the end of the last tile
        stop = position + length if length else data.find(_EOI, body)
        if not body < stop <= len(data):
            raise ValueError("cut off")
        is_shorter = is_shorter or len(own) != body - position - 12
        total = 12 + len(own) + stop - body if length else 0
        head = data[position : position + 6] + struct.pack(">I", total)
        tiles += [head, data[position + 10 : position + 12], own, data[body:stop]]
        position = stop
    if not tiles or _word(data, position) != _EOC:
        raise ValueError("no end")
    kept = [segment for marker, segment in main if not (is_shorter and marker == _TLM)]
    return b"".join([data[start : start + 2], *kept, *tiles, _EOI]), position + 2


def _header(
    data: bytes, position: int, kept: frozenset[int], ends: tuple[int, ...]
) -> tuple[list[tuple[int, bytes]], int]:
    """The marker segments from `position` on that are `kept`, and where one of `ends` stands."""
    segments = []
    while (marker := _word(data, position)) not in ends:
        if not 0xFF50 <= marker <= 0xFF8F:
            raise ValueError("no marker segment")
        stop = position + 2 + _length(data, position + 2)
        segment = data[position:stop]
        if marker in kept or (marker == _COM and _MAKERS.fullmatch(segment[6:])):
            segments.append((marker, segment))
        position = stop
    return segments, position


def bare_jp2(data: bytes, start: int = 0) -> tuple[bytes, int]:
    """ISO/IEC 15444-1 annex I: the code stream out of its boxes, and where their file ends."""
    position = start
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, position + 8)[0], 16
        stop = position + length if length else len(data)
        if length and length < head:
            break
        if kind == b"jp2c":
            stream, _ = bare_jpeg2000(data[:stop], position + head)
            return stream, stop
        position = stop
    raise ValueError("no code stream")


def bare_rle(data: bytes, pixels: int, segments: int) -> bytes:
    """PS3.5 annex G: a frame whose segments decode to `pixels` bytes each, and to none more."""
    if len(data) < 64:
        raise ValueError("cut off")
    count, *offsets = struct.unpack_from("<16I", data)
    offsets = [*offsets[:count], len(data)]
    if count != segments or offsets[0] != 64 or offsets != sorted(offsets):
        raise ValueError("other segments")
    parts = [data[start:stop] for start, stop in pairwise(offsets)]
    for part in parts:
        is_filled = part[-1:] == b"\0"  # to an even length; else it begins a run
        if pixels not in (_unpacked(part), _unpacked(part[:-1]) if is_filled else None):
            raise ValueError("more than the image")
    return struct.pack("<16I", count, *offsets[:count], *[0] * (15 - count)) + b"".join(parts)


def _unpacked(part: bytes) -> int | None:
    """Bytes that a segment of RLE makes."""
    try:
        return len(imagecodecs.packbits_decode(part))
    except imagecodecs.PackbitsError:
        return None


# ----------------------------------------------------------------------------------- orientation


def orientation_of(exif: bytes) -> int:
    """1 … 8 of an Exif directory (a TIFF file in little), tag 274; 1 where it does not tell."""
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (place,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, place)
        for number in range(min(count, 512)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, place + 2 + 12 * number)
            if (tag, kind) == (274, 3) and 1 <= value <= 8:
                return int(value)
    except (KeyError, struct.error):
        pass
    return 1


def orientation_alone(orientation: int) -> bytes:
    """An Exif directory that says this and nothing else."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHHI", 274, 3, 1, orientation, 0, 0)


def jpeg_orientation(data: bytes) -> int:
    """Of a JPEG file, by its Exif segment."""
    position = 2
    while _word(data, position) not in (0xFFDA, 0xFFD9) and data[position] == 0xFF:
        stop = position + 2 + _length(data, position + 2)
        segment = data[position:stop]
        if segment[1] == 0xE1 and segment[4:].startswith(_EXIF_HEAD):
            return orientation_of(segment[10:])
        position = stop
    return 1


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The bare JPEG stream with an Exif segment that turns it upright when shown."""
    if orientation == 1:
        return jpeg
    body = _EXIF_HEAD + orientation_alone(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        raise ValueError("cut off")
    return data[position]


def _word(data: bytes, position: int) -> int:
    if position + 2 > len(data):
        raise ValueError("cut off")
    return int.from_bytes(data[position : position + 2], "big")


def _length(data: bytes, position: int) -> int:
    length = _word(data, position)
    if length < 2:
        raise ValueError("no length")
    return length
