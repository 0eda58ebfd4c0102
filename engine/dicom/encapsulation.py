"""Where the streams of compressed pixels lie in a DICOM file, PS3.5 A.4, also where a writer erred.

Pixel Data under a compressed transfer syntax ought to be a sequence of items. Files of the field
hold bare streams there, or uncompressed pixels; have no table of where frames begin, or a wrong
one; miss the last bytes. What can be found beyond doubt is found, and the reader told.
"""

import io
import struct
from collections.abc import Sequence
from enum import Enum

from engine.dicom.limits import FILE_SIZE_LIMIT, corrupt, cut_off, file_too_large
from engine.dicom.streams import is_stream_start

_ITEM, _DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
_LOST_BYTES = 2  # at a file's very end: the end marker, or a byte that makes a length even
_FRAGMENT_LIMIT = 1_000_000
_HEAD_BYTES = 2**16  # of a stream, to find its header; long metadata are not waited for


class Container(Enum):
    """What Pixel Data's value is made of."""

    NATIVE = "pixels"  #: as they are
    ITEMS = "items"  #: of compressed streams
    BARE = "stream"  #: without items


def container_of(head: bytes, length: int | None, native_bytes: int, is_native: bool) -> Container:
    """By the value's first bytes, its length and that of all pixels, and its transfer syntax."""
    if length is None:
        return Container.ITEMS
    if is_native:
        return Container.NATIVE
    if head.startswith(b"\xfe\xff\x00\xe0"):
        return Container.ITEMS
    if is_stream_start(head):
        return Container.BARE
    if length in (native_bytes, native_bytes + native_bytes % 2):
        return Container.NATIVE
    return Container.ITEMS


def fragments(source: io.BufferedIOBase) -> list[tuple[int, int]]:
    """(position, length) of each item of encapsulated pixel data.

    The last may lack its last two bytes: whether any of them counted, decoding tells.
    """
    start = source.tell()
    size = source.seek(0, io.SEEK_END)
    source.seek(start)
    items: list[tuple[int, int]] = []
    while len(items) < _FRAGMENT_LIMIT:
        head = source.read(8)
        if len(head) < 8:  # writers forget the delimiter; decoding tells whether more is missing
            return items
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == _DELIMITER:
            return items
        if (group, element) != _ITEM or length == 0xFFFFFFFF:
            raise corrupt()
        position = source.tell()
        missing = position + length - size
        if missing > _LOST_BYTES or (missing > 0 and not items):
            raise cut_off()
        items.append((position, min(length, size - position)))
        source.seek(position + length)
    raise corrupt()


def frame_parts(
    source: io.BufferedIOBase, index: int, frames: int, extended: Sequence[int]
) -> list[tuple[int, int]]:
    """(position, length) of each piece of one frame's stream; `source` stands at the first item.

    The first item is the (maybe empty) table of frame offsets; `extended` is the Extended Offset
    Table (7FE0,0001), empty where there is none. Without a table, or with one that leads nowhere,
    each frame begins where a stream does.
    """
    items = fragments(source)
    if len(items) < 2:
        raise cut_off()
    (table_position, table_length), *parts = items
    if frames == 1:
        return parts
    offsets: tuple[int, ...] = tuple(extended)
    if table_length == 4 * frames:
        source.seek(table_position)
        offsets = struct.unpack(f"<{frames}I", source.read(table_length))
    places = [position - parts[0][0] for position, _ in parts]
    if len(offsets) == frames and list(offsets) == sorted(set(offsets) & set(places)):
        ends = [*offsets[1:], 2**63]
        return [
            part
            for part, place in zip(parts, places, strict=True)
            if offsets[index] <= place < ends[index]
        ]
    if len(parts) == frames:
        return parts[index : index + 1]
    starts = [n for n, (position, _) in enumerate(parts) if _starts_stream(source, position)]
    if len(starts) != frames or starts[0] != 0:
        raise corrupt()
    return parts[starts[index] : [*starts[1:], len(parts)][index]]


def _starts_stream(source: io.BufferedIOBase, position: int) -> bool:
    source.seek(position)
    return is_stream_start(source.read(16))


def joined_fragments(source: io.BufferedIOBase, parts: list[tuple[int, int]]) -> bytes:
    """The bytes of these pieces, one after the other."""
    if not parts:
        raise corrupt()
    if sum(length for _, length in parts) > FILE_SIZE_LIMIT:
        raise file_too_large()
    pieces = []
    for position, length in parts:
        source.seek(position)
        pieces.append(source.read(length))
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def head_of(source: io.BufferedIOBase, parts: list[tuple[int, int]]) -> bytes:
    """The first bytes of the stream in these pieces."""
    head = b""
    for position, length in parts:
        source.seek(position)
        head += source.read(min(length, _HEAD_BYTES - len(head)))
        if len(head) >= _HEAD_BYTES:
            break
    return head


def tail_of(source: io.BufferedIOBase, parts: list[tuple[int, int]]) -> bytes:
    """The last bytes of the stream in these pieces."""
    position, length = parts[-1]
    skipped = max(0, length - 64)
    source.seek(position + skipped)
    return source.read(length - skipped)
