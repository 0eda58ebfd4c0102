"""TIFF (6.0, and BigTIFF): what its directories say, and whether the pieces of an image are whole.

libtiff stops at the last pixel that it needs, lets faults pass where it makes colours, and leaves
what a damaged piece does not fill as the memory was before. So each strip and tile is looked at
by itself: it has to lie in the file and to hold its rows, no more and no less; for deflate, a
checksum is held against it as well. Pieces may not share bytes, or a file of a few MB would take
hours.
"""

import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import imagecodecs

from engine.dicom.limits import corrupt
from engine.dicom.streams import decode_stream, read_stream, run_codec
from engine.errors import UnreadableFile

Tags = dict[int, tuple[int, ...]]  #: numeric ones by number; of most the first value alone

SUBFILE, COLUMNS, ROWS, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
ORIENTATION, CHANNELS = 274, 277
_FILL_ORDER, _ROWS_PER_STRIP, _PLANAR, _TILE_COLUMNS, _TILE_ROWS = 266, 278, 284, 322, 323
_STRIPS, _TILES = (273, 279), (324, 325)  # where they lie, how many bytes they have
_JPEG_TABLES = 347
_ALL_VALUES = frozenset({*_STRIPS, *_TILES, _JPEG_TABLES})
_NONE, _OLD_JPEG, _JPEG = 1, 6, 7
_PALETTE, _INKS, _YCBCR = 3, 5, 6
_PAGE_LIMIT = 64
_VALUE_LIMIT = 2**20  # pieces; tiles of 16 by 16 pixels in the largest image are half as many


def read_directories(head: bytes, file: io.BufferedIOBase) -> list[Tags]:
    """One for each page, section 2. Raises UnreadableFile and struct.error."""
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    position = struct.unpack_from(order + ("Q" if is_big else "I"), head, 8 if is_big else 4)[0]
    pages: list[Tags] = []
    seen: set[int] = set()
    while position and position not in seen and len(pages) < _PAGE_LIMIT:
        seen.add(position)
        try:
            tags, position = _directory(file, position, order, is_big)
        except (struct.error, UnreadableFile):
            if not pages:
                raise
            break
        pages.append(tags)
    return pages


def _directory(
    file: io.BufferedIOBase, position: int, order: str, is_big: bool
) -> tuple[Tags, int]:
    """Its tags, and where the next directory lies, 0 for none."""
    file.seek(position)
    count_size, entry_size = (8, 20) if is_big else (2, 12)
    count = struct.unpack(order + ("Q" if is_big else "H"), file.read(count_size))[0]
    if not 0 < count < 4096:
        raise corrupt()
    entries = file.read(count * entry_size)
    following = file.read(8 if is_big else 4)
    tags: Tags = {}
    for index in range(count):
        entry = entries[index * entry_size : (index + 1) * entry_size]
        tag, kind = struct.unpack_from(order + "HH", entry)
        length = struct.unpack_from(order + ("Q" if is_big else "I"), entry, 4)[0]
        code = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}.get(kind)
        if code is None or length < 1:
            continue
        value = entry[12 if is_big else 8 :]
        wanted = f"{order}{min(length, _VALUE_LIMIT) if tag in _ALL_VALUES else 1}{code}"
        if length * struct.calcsize(code) > len(value):
            file.seek(struct.unpack(order + ("Q" if is_big else "I"), value)[0])
            value = file.read(struct.calcsize(wanted))
        tags[tag] = struct.unpack_from(wanted, value)
    is_whole = len(following) == (8 if is_big else 4)
    return tags, struct.unpack(order + ("Q" if is_big else "I"), following)[0] if is_whole else 0


def first(tags: Tags, tag: int, default: int = 0) -> int:
    """A tag's first value."""
    return tags.get(tag, (default,))[0]


def makes_colours(tags: Tags) -> bool:
    """Whether libtiff makes red, green and blue of what is stored."""
    is_jpeg = first(tags, COMPRESSION, _NONE) in (_OLD_JPEG, _JPEG)
    return is_jpeg or first(tags, PHOTOMETRIC) in (_PALETTE, _INKS, _YCBCR)


# --------------------------------------------------------------------------------------- pieces


@dataclass(frozen=True)
class _Piece:
    """A strip or a tile."""

    tags: Tags  #: of its page
    data: bytes
    rows: int  #: that are in the image
    full_rows: int
    columns: int
    channels: int
    row_bytes: int


def check_pieces(data: bytes, tags: Tags) -> bool:
    """Raises UnreadableFile where a strip or tile of the page does not hold what it has to.

    Whether that could be told of all of them.
    """
    check = _CHECKS.get(first(tags, COMPRESSION, _NONE))
    could_be_told = [check is not None and check(piece) for piece in _pieces(data, tags)]
    return all(could_be_told)


def _pieces(data: bytes, tags: Tags) -> Iterator[_Piece]:
    rows, columns = first(tags, ROWS), first(tags, COLUMNS)
    channels, planes = first(tags, CHANNELS, 1), 1
    if first(tags, _PLANAR, 1) == 2:
        channels, planes = 1, channels
    is_tiled = _TILE_COLUMNS in tags
    width = first(tags, _TILE_COLUMNS) if is_tiled else columns
    height = first(tags, _TILE_ROWS) if is_tiled else min(rows, first(tags, _ROWS_PER_STRIP, rows))
    if width < 1 or height < 1:
        raise corrupt()
    down, across = math.ceil(rows / height), math.ceil(columns / width)
    row_bytes = math.ceil(width * channels * first(tags, BITS, 1) / 8)
    places, sizes = (tags.get(tag, ()) for tag in (_TILES if is_tiled else _STRIPS))
    is_compressed = first(tags, COMPRESSION, _NONE) != _NONE
    if is_compressed and sum(sizes) > len(data):
        raise corrupt()
    for number in range(planes * down * across):
        used = min(height, rows - number // across % down * height)
        size = (height if is_tiled else used) * row_bytes
        if number >= len(places) or (is_compressed and number >= len(sizes)):
            raise corrupt()
        if is_compressed:  # else libtiff does not ask: some writers state none, or another
            size = sizes[number]
        piece = data[places[number] : places[number] + size]
        if len(piece) < size:
            raise corrupt()
        yield _Piece(tags, piece, used, height, width, channels, row_bytes)


def _check_length(piece: _Piece, decoded: bytes | bytearray) -> bool:
    """The last strip may be filled up; where colours are stored more coarsely nobody knows."""
    if first(piece.tags, PHOTOMETRIC) == _YCBCR:
        return False
    if len(decoded) not in (piece.rows * piece.row_bytes, piece.full_rows * piece.row_bytes):
        raise corrupt()
    return True


def _check_deflate(piece: _Piece) -> bool:
    inflater = zlib.decompressobj()
    try:
        decoded = inflater.decompress(piece.data, piece.full_rows * piece.row_bytes + 1)
    except zlib.error as error:
        raise corrupt() from error
    if not inflater.eof:
        raise corrupt()
    return _check_length(piece, decoded)


def _check_lzw(piece: _Piece) -> bool:
    is_old = len(piece.data) > 1 and piece.data[0] == 0 and piece.data[1] & 1  # bits turned round
    if is_old or first(piece.tags, _FILL_ORDER, 1) != 1:
        return False
    most = piece.full_rows * piece.row_bytes
    return _check_length(piece, run_codec(imagecodecs.lzw_decode, piece.data, out=most + 1))


def _check_packbits(piece: _Piece) -> bool:
    if first(piece.tags, _FILL_ORDER, 1) != 1:
        return False
    most = piece.full_rows * piece.row_bytes
    return _check_length(piece, run_codec(imagecodecs.packbits_decode, piece.data, out=most + 1))


def _check_jpeg(piece: _Piece) -> bool:
    """With the tables that all pieces share, between them the markers of start and end."""
    tables = bytes(piece.tags.get(_JPEG_TABLES, ()))
    stream = tables[:-2] + piece.data[2:] if tables else piece.data
    rows, columns, channels = read_stream(stream).shape
    if not piece.rows <= rows <= piece.full_rows or columns != piece.columns:
        raise corrupt()
    decode_stream(stream, (rows, columns, channels))
    return True


_CHECKS: dict[int, Callable[[_Piece], bool]] = {
    _NONE: lambda _piece: True,  # it lies in the file
    5: _check_lzw,
    _JPEG: _check_jpeg,
    8: _check_deflate,
    32946: _check_deflate,
    32773: _check_packbits,
}
