"""Seeded mutations of the files that the program reads, each told by one number.

`Kind` says what becomes of a file: damage that no writer makes on purpose (flips, cuts, holes,
foreign sectors), and values that a writer might (odd numbers, texts, sequences, tables).
"""

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LONG = frozenset(b"OB OW OF OD OL SQ UN UT UC UR".split())
_VRS = b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OW PN SH SL SQ SS ST TM UI UL UN US UT XX"
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXELS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\1\0\0\0")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
Tag = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """A changed file."""

    kind: str
    data: bytes


# ------------------------------------------------------------------------------------- any file


def _flipped(data: bytes, rng: random.Random, low: int, high: int, count: int = 0) -> bytes:
    changed = bytearray(data)
    for _ in range(count or rng.choice((1, 1, 2, 4, 16))):
        if high > low:
            changed[rng.randrange(low, high)] ^= 1 << rng.randrange(8)
    return bytes(changed)


_DAMAGE = ("flip", "flip", "truncate", "tail", "zeros", "ones", "splice", "overwrite")
_DAMAGE += ("delete", "repeat")


def damaged(data: bytes, rng: random.Random, others: Sequence[bytes], head: int = 0) -> Mutant:
    """As drives, copies and networks damage files; `head` bytes at the beginning stay."""
    kind = rng.choice(
        [
            "flip",
            "flip",
            "truncate",
            "tail",
            "zeros",
            "ones",
            "splice",
            "overwrite",
            "delete",
            "repeat",
        ]
    )
    place = rng.randrange(head, len(data)) if head < len(data) else 0
    length = rng.choice((1, 2, 8, 64, 512, 4096))
    if kind == "flip":
        return Mutant(kind, _flipped(data, rng, head, len(data)))
    if kind == "truncate":
        return Mutant(kind, data[:place])
    if kind == "tail":
        return Mutant(kind, data[: max(head, len(data) - rng.randrange(1, 200))])
    if kind in ("zeros", "ones"):
        hole = (b"\0" if kind == "zeros" else b"\xff") * min(length, len(data) - place)
        return Mutant(kind, data[:place] + hole + data[place + length :])
    if kind in ("splice", "overwrite"):
        other = rng.choice(others)
        start = rng.randrange(len(other))
        piece = other[start : start + length]
        skipped = len(piece) if kind == "overwrite" else 0
        return Mutant(kind, data[:place] + piece + data[place + skipped :])
    if kind == "delete":
        return Mutant(kind, data[:place] + data[place + length :])
    return Mutant(
        kind, data[:place] + data[place : place + length] * rng.choice((2, 50)) + data[place:]
    )


def _with_word(data: bytes, rng: random.Random, low: int, high: int) -> bytes:
    """An extreme number at a place where numbers stand."""
    changed = bytearray(data)
    place = rng.randrange(low, max(low + 1, min(high, len(data) - 4)))
    changed[place : place + 4] = rng.choice(_EXTREMES)
    return bytes(changed)


# ---------------------------------------------------------------------------------------- DICOM


def pixel_start(data: bytes) -> int:
    """Where the value of Pixel Data begins, of a deflated file the data set; else the end."""
    if _DEFLATED in data[:400]:
        return data.index(b"DICM") + 16 + struct.unpack_from("<I", data, 140)[0]
    places = [place for place in (data.find(tag) for tag in _PIXELS) if place > 0]
    return min(places) + 12 if places else len(data)


def _elements(data: bytes) -> list[tuple[Tag, bytes, int, int, int]]:
    """(tag, VR, position of the value, length, start) of an explicit file's top level."""
    position, found = 132, []
    while position + 8 <= len(data):
        group, element = struct.unpack_from("<HH", data, position)
        vr = data[position + 4 : position + 6]
        if not (vr.isalpha() and vr.isupper()):
            break
        is_long = vr in _LONG
        value = position + (12 if is_long else 8)
        if value > len(data):
            break
        (length,) = struct.unpack_from(
            "<I" if is_long else "<H", data, value - (4 if is_long else 2)
        )
        found.append(((group, element), vr, value, length, position))
        if (group, element) == (0x7FE0, 0x10):
            break
        if length == 0xFFFFFFFF:
            end = data.find(_SEQUENCE_END[:4], value)
            if end < 0:
                break
            position = end + 8
        else:
            position = value + length
    return found


def _encoded(tag: Tag, vr: bytes, value: bytes) -> bytes:
    value += b" " * (len(value) % 2)
    head = struct.pack("<HH", *tag) + vr
    if vr in _LONG:
        return head + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + struct.pack("<H", len(value) & 0xFFFF) + value


def with_element(data: bytes, tag: Tag, vr: bytes, value: bytes) -> bytes:
    """In its place in an explicit little-endian file; whatever was there goes."""
    for known, _, position, length, start in _elements(data):
        if known == tag and length != 0xFFFFFFFF:
            return data[:start] + _encoded(tag, vr, value) + data[position + length :]
        if known > tag and known[0] != 2:
            return data[:start] + _encoded(tag, vr, value) + data[start:]
    return data


def fragments(data: bytes) -> list[tuple[int, int]]:
    """(start, length) of the items of encapsulated pixels."""
    start, found = pixel_start(data), []
    while start + 8 <= len(data) and data[start : start + 4] == _ITEM:
        (length,) = struct.unpack_from("<I", data, start + 4)
        found.append((start, length))
        start += 8 + length
    return found


def _us(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


_ODD_NUMBERS = b"NaN|inf|-inf|1e400|-1|0||1e-320|-1e-9|0x10|1,5|1e9|1e8|1_000|--3|1e308\\-1e308"
_DS = [*_ODD_NUMBERS.split(b"|"), b"1\\2\\3", b"\\\\\\", b"9" * 400, b"\xff\xfe", b"1" * 65000]
_IS = [b"0", b"-1", b"999999999", b"2147483648", b"NaN", b"2", b"3", b"1\\2", b"9" * 5000, b"1.5"]
_US = [_us(), b"\1", _us(3, 4), _us(2, 2, 2)]
_US += [_us(n) for n in (0, 1, 8, 12, 16, 32, 47, 49, 64, 65535)]
_NAMES = [b"A^" * 5000, b"\xff" * 64, b"<b>x</b><img src=x>", "\u202eevil\u0007".encode()]
_NAMES += [b"\x1b$B\x1b(J", b"=" * 400]
_SYNTAXES = [
    "2",
    "2.1",
    "2.2",
    "2.1.99",
    "2.5",
    "2.4.50",
    "2.4.70",
    "2.4.80",
    "2.4.90",
    "2.4.201",
    "2.4.100",
]
_VALUES: list[tuple[Tag, bytes, list[bytes]]] = [
    *(((0x28, e), b"US", _US) for e in (2, 6, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103)),
    *(((0x28, e), b"US", _US) for e in (0x120, 0x121)),
    *((tag, b"IS", _IS) for tag in ((0x28, 8), (0x20, 0x13), (0x28, 0x34))),
    *(((0x28, e), b"DS", _DS) for e in (0x1050, 0x1051, 0x1052, 0x1053, 0x30)),
    *(((0x18, e), b"DS", _DS) for e in (0x1164, 0x1114, 0x1110, 0x1111)),
    ((0x28, 0x1056), b"CS", [b"SIGMOID", b"LINEAR_EXACT", b"", b"x" * 500]),
    ((0x28, 4), b"CS", b"MONOCHROME1|RGB|YBR_FULL|YBR_FULL_422|PALETTE COLOR||\0\0".split(b"|")),
    ((0x2050, 0x20), b"CS", [b"INVERSE", b"IDENTITY", b"LIN OD", b""]),
    ((8, 5), b"CS", b"ISO 2022 IR 87|\\ISO 2022 IR 149|GB18030|utf_7|idna|zlib|hex".split(b"|")),
    ((0x10, 0x10), b"PN", _NAMES),
    ((0x10, 0x20), b"LO", [b"\\" * 60, b"", b"\0" * 64, b"x" * 60000, b"../../x"]),
    ((8, 0x22), b"DA", [b"00000000", b"20209999", b"99999999", b"\xff" * 8, b"2020.01.01"]),
    ((8, 0x18), b"UI", [b"", b"1" * 900, b"../..", b"\0\0"]),
    ((0x20, 0xD), b"UI", [b"", b"1" * 900, b"a\nb"]),
    ((0x20, 0x20), b"CS", [b"A\\F", b"P\\L", b"", b"\\" * 20, b"XX\\YY"]),
    ((0x20, 0x62), b"CS", [b"R", b"L", b"B", b"Z"]),
    ((2, 0x10), b"UI", [b"", b"x" * 300, *(f"1.2.840.10008.1.{s}".encode() for s in _SYNTAXES)]),
]


def _nested(depth: int, is_undefined: bool) -> bytes:
    body = b""
    for _ in range(depth):
        if is_undefined:
            body = _ITEM + b"\xff\xff\xff\xff" + body + b"\xfe\xff\x0d\xe0\0\0\0\0"
            body = struct.pack("<HH2sHI", 0x54, 0x220, b"SQ", 0, 0xFFFFFFFF) + body + _SEQUENCE_END
        else:
            item = _ITEM + struct.pack("<I", len(body)) + body
            body = struct.pack("<HH2sHI", 0x54, 0x220, b"SQ", 0, len(item)) + item
    return body


_DESCRIPTORS = ((256, 0, 8), (0, 0, 16), (4096, 0, 12), (65535, 65535, 16), (1, 0, 8), (), (5,))
_DESCRIPTORS += ((2, 40000, 16), (4096, 0, 0), (4096, 0, 99), (256, 0, 16))


def _lut_item(rng: random.Random) -> bytes:
    descriptor = _us(*rng.choice(_DESCRIPTORS))
    data = rng.choice(
        (
            *(b"", b"\1", _us(*range(256)), _us(*range(4096)), _us(*range(4095, -1, -1))),
            *(bytes(range(256)), rng.randbytes(512), rng.randbytes(131072), _us(7) * 4096),
        )
    )
    vr = rng.choice((b"US", b"SS", b"OW", b"OB", b"UN", b"LO", b"DS"))
    body = _encoded((0x28, 0x3002), rng.choice((b"US", b"SS", b"LO", b"OB")), descriptor)
    body += _encoded((0x28, 0x3006), vr, data if vr in _LONG else data[:60000])
    return _ITEM + struct.pack("<I", len(body)) + body


def dicom(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Of a DICOM image."""
    head = pixel_start(data)
    elements, parts = _elements(data), fragments(data)
    kinds = ["header", "pixels", "damage", "damage", "boundary"]
    if len(elements) > 10:
        kinds += ["value", "value", "value", "values", "vr", "length", "lut", "nest", "delimiter"]
    if parts:
        kinds += ["fragment", "stream", "stream"]
    kind = rng.choice(kinds)
    if kind == "header":
        return Mutant(kind, _flipped(data, rng, 128, head))
    if kind == "pixels":
        return Mutant(kind, _flipped(data, rng, min(head, len(data) - 1), len(data)))
    if kind == "boundary":
        return Mutant(kind, _with_word(data, rng, 132, head + 40))
    if kind in ("value", "values"):
        for _ in range(1 if kind == "value" else rng.randrange(2, 6)):
            tag, vr, values = rng.choice(_VALUES)
            vr = rng.choice(_VRS.split()) if rng.random() < 0.08 else vr
            data = with_element(data, tag, vr, rng.choice(values))
        return Mutant(kind, data)
    if kind in ("vr", "length"):
        _, vr, value, length, start = rng.choice(elements)
        changed = bytearray(data)
        if kind == "vr":
            changed[start + 4 : start + 6] = rng.choice(_VRS.split())
        else:
            wrong = rng.choice(
                (0, 1, length + 1, length - 1, length * 2, 0xFFFF, 2**31 - 1, 2**32 - 1)
            )
            size = 4 if vr in _LONG else 2
            changed[value - size : value] = (wrong % 256**size).to_bytes(size, "little")
        return Mutant(kind, bytes(changed))
    if kind == "lut":
        items = b"".join(_lut_item(rng) for _ in range(rng.choice((1, 1, 3))))
        tag = rng.choice(((0x28, 0x3000), (0x28, 0x3010)))
        return Mutant(kind, with_element(data, tag, b"SQ", items))
    if kind == "nest":
        is_undefined = rng.random() < 0.7
        body = _nested(rng.choice((3, 30, 300, 900, 1500, 3000)), is_undefined)
        tag = rng.choice(((0x54, 0x220), (0x28, 0x3000), (0x28, 0x3010), (0x9, 0x1010)))
        item = _ITEM + struct.pack("<I", len(body)) + body
        return Mutant(kind, with_element(data, tag, b"SQ", item))
    if kind == "delimiter":
        other = rng.choice(
            (b"", _SEQUENCE_END[:4] + b"\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0")
        )
        return Mutant(kind, data.replace(_SEQUENCE_END, other))
    if kind == "fragment":
        return Mutant(kind, _with_fragment(data, rng, *rng.choice(parts)))
    if kind == "stream":  # its own header: JPEG's segments, SIZ and COD of JPEG 2000, RLE's offsets
        start, length = parts[-1]
        end = min(start + 208, start + 8 + length)
        return Mutant(kind, _flipped(data, rng, start + 8, end, rng.choice((1, 2, 4))))
    return damaged(data, rng, others, 132)


def _with_fragment(data: bytes, rng: random.Random, start: int, length: int) -> bytes:
    """Another length, away, twice, empty ones before it, cut to half, or noise in its place."""
    head, piece, rest = data[:start], data[start : start + 8 + length], data[start + 8 + length :]
    how = rng.randrange(6)
    if how == 0:
        wrong = rng.choice((0, 1, length + 2, length - 2, 2**31 - 1, 2**32 - 1)) % 2**32
        return head + _ITEM + struct.pack("<I", wrong) + piece[8:] + rest
    if how == 1:
        return head + rest
    if how == 2:
        return head + piece + piece + rest
    if how == 3:
        return head + (_ITEM + bytes(4)) * rng.choice((1, 1000)) + piece + rest
    body = piece[8 : 8 + length // 2] if how == 4 else rng.randbytes(length)
    return head + _ITEM + struct.pack("<I", len(body)) + body + rest


# ------------------------------------------------------------------------------------- pictures


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    position, found = 8, []
    while position + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.append(
            (data[position + 4 : position + 8], data[position + 8 : position + 8 + length])
        )
        position += 12 + length
    return found


def png_of(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """With the right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        parts += [struct.pack(">I", len(body)), kind, body]
        parts.append(struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(parts)


_SIZES = (0, 1, 47, 49, 63, 65, 10000, 65535, 2**31)
_OTHER_CHUNKS = b"iCCP zTXt iTXt PLTE tRNS acTL eXIf gAMA sBIT".split()


def png(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or chunks that a writer might have written, with the right checksums."""
    if rng.random() < 0.6:
        return damaged(data, rng, others)
    chunks = _chunks(data)
    place = rng.randrange(len(chunks))
    header = bytearray(chunks[0][1].ljust(13, b"\0"))
    how = rng.randrange(7)
    if how == 0:
        chunks.pop(place)
    elif how == 1:
        chunks.insert(place, rng.choice(chunks))
    elif how == 2:
        kind, body = chunks[place]
        chunks[place] = (kind, _flipped(body or b"\0", rng, 0, max(1, len(body))))
    elif how == 3:
        struct.pack_into(">II", header, 0, rng.choice(_SIZES), rng.choice(_SIZES))
        chunks[0] = (b"IHDR", bytes(header))
    elif how == 4:
        bits, colour = rng.choice((1, 2, 4, 8, 16, 32)), rng.choice((0, 2, 3, 4, 6))
        header[8:13] = bytes((bits, colour, rng.choice((0, 0, 1)), 0, rng.choice((0, 1))))
        chunks[0] = (b"IHDR", bytes(header))
    elif how == 5:
        chunks.insert(1, (rng.choice(_OTHER_CHUNKS), rng.randbytes(rng.choice((0, 3, 13, 768)))))
    else:
        chunks.insert(1, (b"zTXt", b"a\0\0" + zlib.compress(bytes(3_000_000), 9)))
    return Mutant("chunk", png_of(chunks))


def jpeg(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or another number in its segments."""
    if rng.random() < 0.7:
        return damaged(data, rng, others)
    return Mutant("word", _with_word(data, rng, 2, 400))


def tiff(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or another number in its directory, which stands at one of the two ends."""
    if rng.random() < 0.6:
        return damaged(data, rng, others)
    (place,) = struct.unpack_from("<I" if data[:2] == b"II" else ">I", data, 4)
    return Mutant("word", _with_word(data, rng, max(0, place), place + 250))


# ---------------------------------------------------------------------------------- other files


def dicomdir(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or other names in the place of the images'."""
    if rng.random() < 0.7:
        return damaged(data, rng, others, 132)
    names = (
        b"..\\EVIL ",
        b"/ETC/X  ",
        b"C:\\X    ",
        b"DICOM\\..\\..\\EVIL",
        b"\\\\\\\\",
        b"\0" * 8,
        b"\xff" * 8,
    )
    known = b"DICOM\\IM" + str(rng.randrange(4)).encode()
    other = rng.choice(names)[: len(known)].ljust(len(known))
    return Mutant("name", data.replace(known, other, 1))


def readings(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, most of it small: pages are found by their numbers."""
    if rng.random() < 0.3:
        return Mutant("flip", _flipped(data, rng, 0, len(data), rng.choice((1, 3))))
    if rng.random() < 0.2:
        return Mutant("word", _with_word(data, rng, 0, 100))
    return damaged(data, rng, others)


_ODD_SETTINGS = ("@Invalid()", "@ByteArray(\\x0)", "@Variant(\\0\\0\\0\\x7f\\0)", '"', "\\x", "NaN")
_ODD_SETTINGS += ("-1", "9" * 400, "true", "a, b, c", "@Size(1 2)", "%00", "[]", "{", "\U0001f600")


def settings(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or other values."""
    if rng.random() < 0.5:
        return damaged(data, rng, others)
    lines = data.decode("latin-1").split("\n")
    for _ in range(rng.choice((1, 1, 3))):
        place = rng.randrange(len(lines))
        key, _, _ = lines[place].partition("=")
        lines[place] = f"{key}={rng.choice(_ODD_SETTINGS)}"
    return Mutant("value", "\n".join(lines).encode("utf-8"))


_ODD_VALUES: tuple[object, ...] = (
    None,
    -1,
    0,
    1e308,
    "",
    "x",
    [],
    {},
    True,
    "../../x",
    [[]],
    2**70,
)


def checkpoint(data: bytes, rng: random.Random, others: Sequence[bytes]) -> Mutant:
    """Damage, or other values in the network's description, the file whole around it."""
    if rng.random() < 0.6:
        return damaged(data, rng, others)
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["birads-viewer"])
    for _ in range(rng.choice((1, 1, 3))):
        _change_somewhere(ours, rng)
    header["__metadata__"]["birads-viewer"] = json.dumps(ours)
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    return Mutant("header", struct.pack("<Q", len(packed)) + packed + data[8 + length :])


def _change_somewhere(value: object, rng: random.Random) -> None:
    while isinstance(value, dict | list) and value:
        key = rng.choice(list(value) if isinstance(value, dict) else range(len(value)))
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            value[key] = rng.choice(_ODD_VALUES)
            return
        value = inner


Kind = Callable[[bytes, random.Random, Sequence[bytes]], Mutant]
KINDS: dict[str, Kind] = {
    "DICOM": dicom,
    "PNG": png,
    "JPEG": jpeg,
    "TIFF": tiff,
    "DICOMDIR": dicomdir,
    "readings": readings,
    "settings": settings,
    "checkpoint": checkpoint,
}
