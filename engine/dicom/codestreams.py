"""What a JPEG 2000 or HTJ2K codestream must be, beyond what its decoder checks; ITU-T T.800.

OpenJPEG decodes whatever arithmetic codes it finds. But no coder writes long runs of zeros into a
code block, nor 0xFF followed by more than 0x8F (D.3, B.10.1, T.814 7.1): these are sectors that
were lost, and data of something else. And the packets of each tile have to take all its bytes
(`engine.dicom.packets`), or the size or a packet's header is not the coder's. Of the end, A.4.4,
only the marker may be missing, or zeros stand before it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from engine.dicom.limits import corrupt
from engine.dicom.packets import Grid, Style, is_filled, read_grid, read_style

_SIZ, _COD, _SOT, _SOD, _EOC = 0xFF51, 0xFF52, 0xFF90, 0xFF93, 0xFFD9
_UNUSUAL = frozenset({0xFF53, 0xFF5F, 0xFF60, 0xFF61})  # COC, POC, PPM, PPT: other packet headers
_SOP, _EPH = 0x91, 0x92  # markers that may stand between packets, where the header announces them
_ZERO_RUN = 64  # bytes; the longest in code blocks of real mammograms is 10
_MOST_PACKETS = 4096  # a tile with more of them may hold any number of empty ones, a zero byte each


@dataclass
class _Layout:
    """What was found walking over a codestream's markers."""

    end: int = 0  #: behind the last tile-part
    regions: list[tuple[int, int]] = field(default_factory=list)  #: data of each tile-part
    tiles: list[int] = field(default_factory=list)  #: whose they are
    grid: Grid | None = None
    style: Style | None = None  #: of all tiles; None where they differ
    may_hold: int = 0  #: coding style, Scod: 2 for SOP, 4 for EPH markers
    packets: int = 1  #: of a tile, at most; every empty one is a byte of zeros


def ended_codestream(data: bytes) -> tuple[bytes, Callable[[], None]]:
    """`data`, a codestream or a JP2 file, its end marker made good, and the check of what it holds.

    The check takes a fiftieth of the decoder's time. Both raise UnreadableFile.
    """
    start = data.find(b"\xff\x4f\xff\x51")
    try:
        layout = _walk(data, start)
    except (struct.error, IndexError, ValueError):
        # Unusual, or damaged in its headers: the decoder has to say which.
        return data, lambda: None
    rest = data[layout.end :]
    has_end = rest.startswith(b"\xff\xd9")
    is_cut = not has_end and rest.strip(b"\0") in (b"", b"\xff", b"\xff\xd9")
    ended = data[start : layout.end] + b"\xff\xd9" if is_cut else data
    return ended, lambda: _check(data, layout)


def _check(data: bytes, layout: _Layout) -> None:
    for first, last in layout.regions:
        _check_region(data, first, last, layout)
    _check_packets(data, layout)


def _walk(data: bytes, start: int) -> _Layout:
    layout = _Layout()
    size = (0, 0, 1)
    is_usual = True
    position = start + 2
    while True:
        (marker,) = struct.unpack_from(">H", data, position)
        if marker == _SOT:
            tile, length = struct.unpack_from(">HI", data, position + 4)
            end = position + length if length else data.rfind(b"\xff\xd9")
            if end > len(data):
                raise corrupt()  # cut off
            body = position + 12
            while (inner := struct.unpack_from(">H", data, body)[0]) != _SOD:
                if inner == _COD:
                    _read_style(data, body, layout, size)
                is_usual &= inner != _COD and inner not in _UNUSUAL
                body += 2 + struct.unpack_from(">H", data, body + 2)[0]
            if not position < body + 2 <= end:
                raise ValueError
            layout.regions.append((body + 2, end))
            layout.tiles.append(tile)
            layout.end = position = end
            if data[end : end + 2] != b"\xff\x90":
                layout.style = layout.style if is_usual else None
                return layout
            continue
        segment = data[
            position + 4 : position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        ]
        is_usual &= marker not in _UNUSUAL
        if marker == _SIZ:
            columns, rows, left, top = struct.unpack_from(">IIII", data, position + 6)
            tile_columns, tile_rows = struct.unpack_from(">II", data, position + 22)
            (components,) = struct.unpack_from(">H", data, position + 38)
            size = (min(rows - top, tile_rows), min(columns - left, tile_columns), components)
            layout.grid = read_grid(segment)
        elif marker == _COD:
            _read_style(data, position, layout, size)
            layout.style = read_style(segment)
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]


def _read_style(data: bytes, position: int, layout: _Layout, size: tuple[int, int, int]) -> None:
    """A.6.1; counts packets, B.12, roughly upwards."""
    style, _, layers = struct.unpack_from(">BBH", data, position + 4)
    levels = data[position + 9]
    rows, columns, components = size
    packets = 0
    for level in range(levels + 1):
        exponents = data[position + 14 + level] if style & 1 else 0xFF
        reduction = levels - level
        for_rows = (rows >> reduction >> (exponents >> 4)) + 2
        for_columns = (columns >> reduction >> (exponents & 15)) + 2
        packets += for_rows * for_columns if style & 1 else 1
    layout.may_hold |= style
    layout.packets = max(layout.packets, packets * layers * components)


def _check_region(data: bytes, first: int, last: int, layout: _Layout) -> None:
    zeros = bytes(_ZERO_RUN + layout.packets)
    if layout.packets <= _MOST_PACKETS and data.find(zeros, first, last) >= 0:
        raise corrupt()
    coded = np.frombuffer(data, np.uint8, last - first, first)
    following = coded[np.flatnonzero(coded[:-1] == 0xFF) + 1]
    forbidden = following > 0x8F
    if layout.may_hold & 2:
        forbidden &= following != _SOP
    if layout.may_hold & 4:
        forbidden &= following != _EPH
    if forbidden.any():
        raise corrupt()


def _check_packets(data: bytes, layout: _Layout) -> None:
    if layout.grid is None or layout.style is None:
        return
    parts: dict[int, list[bytes]] = {}
    for tile, (first, last) in zip(layout.tiles, layout.regions, strict=True):
        parts.setdefault(tile, []).append(data[first:last])
    across, down = layout.grid.tiles
    if len(parts) != across * down or max(parts) >= across * down:
        raise corrupt()
    for tile, pieces in parts.items():
        if is_filled(b"".join(pieces), layout.grid, layout.style, tile) is False:
            raise corrupt()
