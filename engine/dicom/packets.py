"""Whether the packets of a JPEG 2000 or HTJ2K tile are what its bytes hold; ITU-T T.800 annex B.

A decoder takes whatever bits it finds for packet headers. Where the size in the main header is not
the coder's, or a packet header is damaged, it reads nonsense, shows it, and says nothing. But
headers tell how long each packet is; so a walk over them must end where the data end.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LRCP, _RLCP, _RPCL, _PCRL, _CPRL = range(5)  # progression orders, table A.16
_BYPASS, _TERMINATED, _HIGH_THROUGHPUT = 0x01, 0x04, 0x40  # code block style, table A.19
_SOP, _EPH = b"\xff\x91", b"\xff\x92"
_MOST_BLOCKS = 60_000  # times layers: half a second. A mammogram of 40 million pixels has 13,000
_LENGTH_BITS = 3  # of a code block's first length, B.10.7.1
_UNKNOWN = 2**31  # more than any value in a tag tree
_ROOT = -1  # the parent of a tag tree's root

Pair = tuple[int, int]  #: across, down


@dataclass(frozen=True)
class Grid:
    """Image and tiles on the reference grid: SIZ, A.5.1."""

    end: Pair
    start: Pair
    tile: Pair
    tile_start: Pair
    steps: tuple[Pair, ...]  #: between samples, of each component

    @property
    def tiles(self) -> Pair:
        """How many there are."""
        across, down = (
            -(-(end - start) // size)
            for end, start, size in zip(self.end, self.tile_start, self.tile, strict=True)
        )
        return across, down


@dataclass(frozen=True)
class Style:
    """How tiles are coded: COD, A.6.1."""

    order: int
    layers: int
    levels: int
    block: Pair  #: exponents of a code block's size
    block_style: int
    precincts: tuple[Pair, ...]  #: exponents of their size, by resolution


def read_grid(body: bytes) -> Grid:
    """Of a SIZ segment without marker and length; raises struct.error, IndexError, ValueError."""
    x1, y1, x0, y0, across, down, tile_x, tile_y = struct.unpack_from(">8I", body, 2)
    (components,) = struct.unpack_from(">H", body, 34)
    steps = tuple((body[37 + 3 * n], body[38 + 3 * n]) for n in range(components))
    if not (across and down and steps and all(x and y for x, y in steps)):
        raise ValueError
    return Grid((x1, y1), (x0, y0), (across, down), (tile_x, tile_y), steps)


def read_style(body: bytes) -> Style:
    """Of a COD segment without marker and length; raises as `read_grid`."""
    coding, order, layers, _, levels, width, height, style = struct.unpack_from(">BBHBBBBB", body)
    precincts = [(15, 15)] * (levels + 1)
    if coding & 1:
        sizes = body[10 : 11 + levels]
        precincts = [(size & 15, size >> 4) for size in sizes]
    if order > _CPRL or not layers or levels > 32 or width > 8 or height > 8:
        raise ValueError
    if len(precincts) != levels + 1 or any(0 in size for size in precincts[1:]):
        raise ValueError
    return Style(order, layers, levels, (width + 2, height + 2), style, tuple(precincts))


def is_filled(data: bytes, grid: Grid, style: Style, number: int) -> bool | None:
    """Whether the packets of tile `number` take `data`, all its bytes; zeros may follow them.

    None: there are too many to look at.
    """
    precincts = []
    blocks = 0
    for precinct in _precincts(grid, style, number):
        precincts.append(precinct)
        blocks += 1 + sum(band.across * band.down for band in precinct.bands)
        if blocks * style.layers > _MOST_BLOCKS:
            return None
    walk = _Walk(data, style.block_style)
    try:
        for precinct, layer in _in_order(precincts, style):
            walk.packet(precinct.bands, layer)
    except IndexError:
        return False
    return not data[walk.position :].strip(b"\0")


# ------------------------------------------------------------------------------------- geometry


class _Band:
    """The code blocks of one precinct in one sub-band, and what is known of them so far."""

    def __init__(self, across: int, down: int) -> None:
        self.across, self.down = across, down
        self.parents: list[int] = []  #: of the tag trees' nodes, B.10.2; the blocks come first

    def begin(self) -> None:
        """Makes it ready to be walked over: tag trees, and the state of each block."""
        across, down = self.across, self.down
        size = across * down
        while (across, down) != (1, 1):
            row = (across + 1) // 2
            self.parents += [
                size + (y >> 1) * row + (x >> 1) for y in range(down) for x in range(across)
            ]
            across, down = row, (down + 1) // 2
            size += across * down
        self.parents.append(_ROOT)
        self.inclusion = ([_UNKNOWN] * size, [0] * size)
        self.zero_planes = ([_UNKNOWN] * size, [0] * size)
        self.length_bits = [_LENGTH_BITS] * (self.across * self.down)
        self.passes = [0] * (self.across * self.down)  # so far; 0: the block was not included yet


@dataclass(frozen=True)
class _Precinct:
    """What one packet of each layer is about, B.9."""

    component: int
    resolution: int
    place: Pair  #: on the reference grid
    number: int  #: in its resolution
    bands: list[_Band]


def _precincts(grid: Grid, style: Style, number: int) -> Iterator[_Precinct]:
    """Of one tile, B.3 to B.7."""
    across, _ = grid.tiles
    indices = (number % across, number // across)
    for component, steps in enumerate(grid.steps):
        edges = []
        for axis in (0, 1):
            first = grid.tile_start[axis] + indices[axis] * grid.tile[axis]
            low = max(first, grid.start[axis])
            high = min(first + grid.tile[axis], grid.end[axis])
            edges.append((-(-low // steps[axis]), -(-high // steps[axis])))
        for resolution in range(style.levels + 1):
            shift = style.levels - resolution
            columns, rows = (
                _divided(-(-low // 2**shift), -(-high // 2**shift), exponent)
                for (low, high), exponent in zip(edges, style.precincts[resolution], strict=True)
            )
            for count, (row, column) in enumerate((r, c) for r in rows for c in columns):
                x, y = (
                    max(index << (exponent + shift), low) * step
                    for index, exponent, (low, _), step in zip(
                        (column, row), style.precincts[resolution], edges, steps, strict=True
                    )
                )
                bands = list(_bands(edges, style, resolution, (column, row)))
                yield _Precinct(component, resolution, (x, y), count, bands)


def _divided(low: int, high: int, exponent: int) -> range:
    """Which cells of 2**exponent the samples from `low` to before `high` lie in."""
    return range(low >> exponent, -(-high >> exponent) if high > low else low >> exponent)


def _bands(edges: Sequence[Pair], style: Style, resolution: int, index: Pair) -> Iterator[_Band]:
    is_lowest = resolution == 0
    levels = style.levels if is_lowest else style.levels - resolution + 1
    for offset in ((0, 0),) if is_lowest else ((1, 0), (0, 1), (1, 1)):
        counts = []
        for axis in (0, 1):
            half = offset[axis] << (levels - 1) if levels else 0
            low, high = (-(-(edge - half) // 2**levels) for edge in edges[axis])
            exponent = style.precincts[resolution][axis] - (0 if is_lowest else 1)
            low = max(low, index[axis] << exponent)
            high = min(high, (index[axis] + 1) << exponent)
            counts.append(len(_divided(low, high, min(exponent, style.block[axis]))))
        if all(counts):
            yield _Band(*counts)


def _in_order(precincts: Sequence[_Precinct], style: Style) -> Iterator[tuple[_Precinct, int]]:
    """Each packet as precinct and layer, B.12.1."""
    packets = [(precinct, layer) for precinct in precincts for layer in range(style.layers)]

    def key(packet: tuple[_Precinct, int]) -> tuple[int, ...]:
        p, layer = packet
        x, y = p.place
        return {
            _LRCP: (layer, p.resolution, p.component, p.number),
            _RLCP: (p.resolution, layer, p.component, p.number),
            _RPCL: (p.resolution, y, x, p.component, p.number, layer),
            _PCRL: (y, x, p.component, p.resolution, p.number, layer),
            _CPRL: (p.component, y, x, p.resolution, p.number, layer),
        }[style.order]

    return iter(sorted(packets, key=key))


# ------------------------------------------------------------------------------ packet headers


class _Walk:
    """Goes over packets; raises IndexError where the data end before a packet does."""

    def __init__(self, data: bytes, block_style: int) -> None:
        self.position = 0
        self._data, self._style = data, block_style

    def packet(self, bands: Sequence[_Band], layer: int) -> None:
        """B.10.8; the blocks' bytes follow the header."""
        if self._data[self.position : self.position + 2] == _SOP:
            self.position += 6
        header = _HeaderBits(self._data, self.position)
        length = 0
        if header.number(1):
            for band in bands:
                if not band.parents:
                    band.begin()
                for block in range(band.across * band.down):
                    length += self._block(header, band, block, layer)
        self.position = header.end
        if self._data[self.position : self.position + 2] == _EPH:
            self.position += 2
        self.position += length
        if self.position > len(self._data):
            raise IndexError

    def _block(self, header: "_HeaderBits", band: _Band, block: int, layer: int) -> int:
        """How many bytes of a code block this packet holds."""
        if band.passes[block]:
            if not header.number(1):
                return 0
        else:
            if _tag(header, band, band.inclusion, block, layer + 1) > layer:
                return 0
            _tag(header, band, band.zero_planes, block, _UNKNOWN)
        passes = _passes(header)
        band.length_bits[block] += header.ones()
        length = 0
        for count in self._segments(band.passes[block], passes):
            length += header.number(band.length_bits[block] + count.bit_length() - 1)
        band.passes[block] += passes
        return length

    def _segments(self, earlier: int, passes: int) -> Iterator[int]:
        """How many passes share a length, B.10.7; of high throughput T.814 B."""
        while passes > 0:
            most = passes
            if self._style & _HIGH_THROUGHPUT:
                most = passes if earlier else 1
            elif self._style & _TERMINATED:
                most = 1
            elif self._style & _BYPASS:  # ten at first, then two raw ones and one coded by turns
                most = 10 - earlier if earlier < 10 else (2, 1, 1)[(earlier - 10) % 3]
            count = min(most, passes)
            yield count
            earlier += count
            passes -= count


def _tag(
    header: "_HeaderBits", band: _Band, tree: tuple[list[int], list[int]], node: int, enough: int
) -> int:
    """The value of a block in a tag tree, B.10.2, or that it is not below `enough`."""
    values, lows = tree
    open_nodes = []  # up to one that is known, or known to be large enough
    while node != _ROOT and values[node] == _UNKNOWN and lows[node] < enough:
        open_nodes.append(node)
        node = band.parents[node]
    low = 0 if node == _ROOT else lows[node]
    value = _UNKNOWN if node == _ROOT else values[node]
    for node in reversed(open_nodes):
        low, value = max(low, lows[node]), _UNKNOWN
        if low < enough:
            low += header.zeros(enough - low)
            if low < enough:
                values[node] = value = low
        lows[node] = low
    return value


def _passes(header: "_HeaderBits") -> int:
    """Table B.4."""
    if not header.number(1):
        return 1
    if not header.number(1):
        return 2
    if (more := header.number(2)) < 3:
        return 3 + more
    if (more := header.number(5)) < 31:
        return 6 + more
    return 37 + header.number(7)


class _HeaderBits:
    """The bits of one packet's header, B.10.1; raises IndexError where the data end before them.

    They are kept as text of 0 and 1, in which a run or a number is found by one call.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._first = self._next = position  # of the header, and of what is not text yet
        self._text = ""
        self._at = 0

    def number(self, bits: int) -> int:
        end = self._at + bits
        while end > len(self._text):
            self._read_on()
            end = self._at + bits
        number = int(self._text[self._at : end] or "0", 2)
        self._at = end
        return number

    def ones(self) -> int:
        """How many stand before the next zero, which is passed."""
        while (end := self._text.find("0", self._at)) < 0:
            self._read_on()
        run = end - self._at
        self._at = end + 1
        return run

    def zeros(self, most: int) -> int:
        """How many stand before the next one, which is passed; of `most` none is passed."""
        while (end := self._text.find("1", self._at, self._at + most)) < 0:
            if len(self._text) - self._at >= most:
                self._at += most
                return most
            self._read_on()
        run = end - self._at
        self._at = end + 1
        return run

    @property
    def end(self) -> int:
        """Of the header: behind the byte of the last bit, and a byte of stuffing after 0xFF."""
        position, unused = self._next, len(self._text) - self._at
        while unused >= (bits := self._bits_of(position - 1)):
            unused -= bits
            position -= 1
        return position + (self._data[position - 1] == 0xFF)

    def _bits_of(self, position: int) -> int:
        return 7 if position > self._first and self._data[position - 1] == 0xFF else 8

    def _read_on(self) -> None:
        rest = self._text[self._at :]
        if len(rest) > _LONGEST_RUN:
            raise IndexError
        start, self._next = self._next, self._next + max(8, min(len(self._text) // 4, 256))
        piece = self._data[start : self._next]
        if not piece:
            raise IndexError
        self._next = start + len(piece)
        if 0xFF in piece or self._bits_of(start) < 8:
            texts = [_TEXT[byte][-self._bits_of(start + n) :] for n, byte in enumerate(piece)]
        else:
            texts = [_TEXT[byte] for byte in piece]
        self._text, self._at = rest + "".join(texts), 0


_TEXT = tuple(f"{byte:08b}" for byte in range(256))
_LONGEST_RUN = 4096  # bits of the same value; a value of a tag tree is below 100
