"""Compressed image streams: JPEG, JPEG Lossless, JPEG-LS, JPEG 2000 and HTJ2K.

imagecodecs decodes, because it releases the GIL. Two things are done around it. The size that a
stream claims is read before any decoder runs. And since JPEG decoders paint grey or garbage where
data are damaged or missing, and say nothing, the data must fill the image exactly: other bytes put
behind them must change nothing, and other bytes in place of the last ones must. For JPEG Lossless,
which is much to decode thrice, the bits that the image takes are counted instead.

For an image that somebody waits for, these checks may follow the picture (`Urgency`).

Damage that keeps the count of pixels escapes, as it does inside a code block of JPEG 2000: these
formats have no checksum.
"""

import contextlib
import logging
import math
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import imagecodecs
import numpy as np

from engine.dicom.codestreams import ended_codestream
from engine.dicom.limits import corrupt
from engine.dicom.lossless_jpeg import first_symbols, lossless_bits
from engine.errors import UnreadableFile

T = TypeVar("T")

_END, _SCAN, _RESTART_INTERVAL, _HUFFMAN_TABLES = 0xD9, 0xDA, 0xDD, 0xC4
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_PROGRESSIVE, _LOSSLESS, _JPEG_LS = 0xC2, 0xC3, 0xF7
_FILLINGS = (0x55, 0xAA, 0x33)  # bytes without a marker or a run of equal bits among them
_TAIL_BYTES = 2  # the last bits of the last pixel, and a byte that an encoder may add
_LONGEST_CODE = 18  # bits that a pixel of JPEG-LS can take of the fillings
_ZERO_RUN = bytes(64)  # more than the longest code of zeros in JPEG-LS, which ends after 64 bits
_LARGE, _FEWEST_BYTES = 2**24, 1000  # pixels; and pixels a byte, a hundredfold of any mammogram's


def _at_once(check: Callable[[], None]) -> None:
    check()


@dataclass(frozen=True)
class Urgency:
    """What is done so that an image is there sooner."""

    threads: int = 1  #: of its own, that JPEG 2000 can use; the other formats cannot be divided
    #: What is done with the checks of a stream that need its decoder no more, or need it again.
    #: Each raises UnreadableFile: then what was decoded is not to be shown any longer.
    defer: Callable[[Callable[[], None]], None] = _at_once


NO_HURRY = Urgency()


@dataclass(frozen=True)
class Stream:
    """What a compressed stream says of itself in its header."""

    shape: tuple[int, int, int]  #: rows, columns, channels
    bits: int
    is_signed: bool
    decode: Callable[[bytes, Urgency], np.ndarray] = field(repr=False)


def is_stream_start(head: bytes) -> bool:
    """Whether a compressed image begins with these bytes: JPEG of any kind, JPEG 2000, JP2."""
    return head.lstrip(b"\0").startswith((b"\xff\xd8\xff", b"\xff\x4f\xff\x51")) or (
        head[4:12] == b"jP  \r\n\x87\n"
    )


def has_end_marker(tail: bytes) -> bool:
    """Whether a stream that ends with these bytes has its end marker; padding may follow it."""
    return tail.rstrip(b"\0\xff").endswith(b"\xff\xd9")


def read_stream(data: bytes) -> Stream:
    """Recognises a stream by its first bytes, whatever its container calls it.

    `data` may be cut behind the header. Raises UnreadableFile.
    """
    data = _unpadded(data)
    return _jpeg(data) if data.startswith(b"\xff\xd8") else _jpeg2000_header(data)


def decode_stream(
    data: bytes, shape: tuple[int, int, int], urgency: Urgency = NO_HURRY
) -> np.ndarray:
    """Integers (rows, columns[, channels]), of the type that the stream has.

    Raises UnreadableFile, also where the stream is not of the given (rows, columns, channels).
    """
    data = _unpadded(data)
    stream = read_stream(data)
    if stream.shape != shape:
        raise corrupt()
    rows, columns, channels = shape
    if rows * columns > _LARGE and len(data) * _FEWEST_BYTES < rows * columns:
        raise corrupt()  # no image of that size, but one that takes long to find out
    image = stream.decode(data, urgency)
    if image.shape != ((rows, columns) if channels == 1 else shape):
        raise corrupt()
    if image.dtype.kind not in "iu" or image.dtype.itemsize > 2:
        raise corrupt()
    low = -(2 ** (stream.bits - 1)) if image.dtype.kind == "i" else 0
    if int(image.max()) >= low + 2**stream.bits or int(image.min()) < low:
        raise corrupt()
    return image


def _unpadded(data: bytes) -> bytes:
    """Without zeros in front, which are no part of a stream; JP2 begins with its own."""
    is_padded = data.startswith(b"\0") and data[4:8] != b"jP  "
    return data.lstrip(b"\0") if is_padded else data


def run_codec(codec: Callable[..., T], data: bytes | np.ndarray, **options: Any) -> T:
    """Calls an imagecodecs function; whatever it raises on `data` becomes UnreadableFile."""
    _remarks.heard = []
    try:
        result = codec(data, **options)
    except (MemoryError, ImportError):  # the machine's fault, or a codec that was not installed
        raise
    except Exception as error:  # each codec has an error class of its own
        raise corrupt() from error
    if any(_FATAL_REMARK in remark for remark in _remarks.heard):
        raise corrupt()
    return result


class _Remarks(logging.Handler):
    """Listens to the codecs' log, thread by thread: libpng only remarks on a wrong checksum."""

    def emit(self, record: logging.LogRecord) -> None:
        heard = getattr(_remarks, "heard", None)
        if heard is not None:
            heard.append(record.getMessage())


_FATAL_REMARK = "IDAT"  # the chunk with the pixels; other chunks may be as faulty as they like
_remarks = threading.local()
_codec_log = logging.getLogger("imagecodecs")
_codec_log.addHandler(_Remarks(logging.WARNING))
_codec_log.propagate = False


# ------------------------------------------------------------------------------------- JPEG 2000


def _jpeg2000_header(data: bytes) -> Stream:
    """The SIZ marker, ITU-T T.800 A.5.1; JP2 boxes of any length may stand before it."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0 or start + 43 > len(data):
        raise corrupt()
    width, height, x, y = struct.unpack_from(">IIII", data, start + 8)
    components, precision = struct.unpack_from(">HB", data, start + 40)
    shape = (height - y, width - x, components)
    return Stream(shape, (precision & 0x7F) + 1, bool(precision & 0x80), _decode_jpeg2000)


def _decode_jpeg2000(data: bytes, urgency: Urgency) -> np.ndarray:
    data, check = ended_codestream(data)
    urgency.defer(check)
    # OpenJPEG also reads HTJ2K, and unlike OpenJPH it lets no error pass.
    return run_codec(imagecodecs.jpeg2k_decode, data, numthreads=urgency.threads)


# ------------------------------------------------------------------------------------------ JPEG


@dataclass(frozen=True)
class JpegHeader:
    """The segments before the first scan, ITU-T T.81 annex B."""

    frame: int  #: the marker of the frame header
    bits: int
    rows: int
    columns: int
    channels: int
    has_restarts: bool
    scan_start: int  #: of the entropy-coded data; 0 where the data end before it
    scan: bytes = b""  #: the scan header, B.2.3
    code_tables: bytes = b""  #: all Huffman tables, B.2.4.2


def _jpeg(data: bytes) -> Stream:
    header = jpeg_header(data)
    decode = _decode_jpeg_ls if header.frame == _JPEG_LS else _decode_jpeg
    shape = (header.rows, header.columns, header.channels)
    return Stream(shape, header.bits, False, decode)


def jpeg_header(data: bytes) -> JpegHeader:
    frame: tuple[int, int, int, int, int] | None = None
    has_restarts = False
    code_tables = b""
    try:
        for marker, body, end in _segments(data):
            if marker in _FRAMES:
                bits, rows, columns, channels = struct.unpack_from(">BHHB", body)
                frame = marker, bits, rows, columns, channels
            elif marker == _RESTART_INTERVAL:
                has_restarts = any(body)
            elif marker == _HUFFMAN_TABLES:
                code_tables += body
            elif marker == _SCAN:
                if frame is None:
                    raise corrupt()
                if end > len(data):  # cut within the scan header
                    raise IndexError
                return JpegHeader(*frame, has_restarts, end, body, code_tables)
        raise corrupt()  # the end of the image before a scan of it
    except (IndexError, struct.error) as error:
        if frame is not None:  # cut behind the frame header
            return JpegHeader(*frame, has_restarts, 0)
        raise corrupt() from error


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """(marker, body, where it ends) of each marker segment up to the end of the image.

    Raises IndexError or struct.error where the data end, UnreadableFile where no marker stands.
    """
    position = 2
    while True:
        if data[position] != 0xFF:
            raise corrupt()
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            position += 2
            continue
        if marker == _END:
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        body = data[position + 4 : position + 2 + length]
        position += 2 + length
        yield marker, body, position


def application_segments(data: bytes) -> list[tuple[int, bytes]]:
    """(marker, body) of a JPEG's application segments before its first frame, T.81 B.2.4.6."""
    found = []
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _FRAMES or marker in (_SCAN, _END):
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker & 0xF0 == 0xE0:
            found.append((marker, data[position + 4 : position + 2 + length]))
        position += 2 + length
    return found


def _decode_jpeg(data: bytes, urgency: Urgency) -> np.ndarray:
    header = jpeg_header(data)
    data = _with_end(data, header)
    end, size = scan_end(data, header)
    if _has_hole(data, header, end):
        raise corrupt()
    image = run_codec(imagecodecs.jpeg_decode, data)
    if image.shape[:2] != (header.rows, header.columns):
        raise corrupt()
    urgency.defer(lambda: _check_jpeg(data, header, end, size, image))
    return image


def _check_jpeg(data: bytes, header: JpegHeader, end: int, size: int, image: np.ndarray) -> None:
    """Whether the entropy-coded data, up to `end` and `size` bytes long, are this very image."""
    if header.has_restarts or header.frame == _PROGRESSIVE:
        # Decoders start afresh within such data; a strict parser has to see all of them.
        if header.bits == 8 and header.channels in (1, 3):
            run_codec(imagecodecs.jpegxl_encode_jpeg, data, numthreads=1)
        return
    if header.frame == _LOSSLESS and header.channels == 1:
        bits = lossless_bits(image, header.bits, header.scan, header.code_tables)
        if bits is not None and size - _TAIL_BYTES < bits / 8 <= size:
            return  # the same, found without decoding again
    if image.min() != image.max() or size > _flat_bytes(
        header
    ):  # of a flat one the last say little
        _check_extent(data, header.scan_start, end, image)


def _check_extent(data: bytes, start: int, end: int, image: np.ndarray) -> None:
    """Raises UnreadableFile unless the entropy-coded data, `start` to `end`, fill the image
    exactly: other bytes behind them must change nothing, other ones in place of the last must.
    """

    def is_same(changed: bytes) -> bool:
        try:
            return np.array_equal(run_codec(imagecodecs.jpeg_decode, changed), image)
        except UnreadableFile:
            return False

    filling = bytes(_FILLINGS[:1]) * 64
    if not is_same(data[:end] + filling + data[end:]):
        raise corrupt()  # the data end before the image
    for last in _last_bytes(data, start, end):
        # What stands in front of the end marker is padding if the image is whole without it.
        is_whole = last == end or is_same(data[:last] + filling + data[end:])
        tails = (bytes([byte]) * _TAIL_BYTES for byte in _FILLINGS)
        before = last - _TAIL_BYTES
        if before <= start:
            return
        if is_whole and not all(is_same(data[:before] + tail + data[end:]) for tail in tails):
            return
    raise corrupt()  # the image ends before the data


def _flat_bytes(header: JpegHeader) -> int:
    """As many as an image of one value can take: two bits a pixel, or two bytes a block of 64."""
    values = header.rows * header.columns * header.channels
    return values // (4 if header.frame == _LOSSLESS else 32) + 64


def _last_bytes(data: bytes, start: int, end: int) -> list[int]:
    """Where the data may end: at `end`, or before the padding in front of it but for a few."""
    stripped = start + len(data[start:end].rstrip(b"\0\xff"))
    return [end, *(last for last in range(stripped, stripped + 3) if last < end)]


def _with_end(data: bytes, header: JpegHeader) -> bytes:
    """With an end marker, which some writers forget, or make their files one byte too short for."""
    if not header.scan_start or has_end_marker(data[-64:]):
        return data
    coded = np.frombuffer(data, np.uint8, offset=header.scan_start)
    marked = np.flatnonzero(coded[:-1] == 0xFF)
    if (coded[marked + 1] == _END).any():
        return data
    return data.removesuffix(b"\xff") + bytes([0xFF, _END])


def _has_hole(data: bytes, header: JpegHeader, end: int) -> bool:
    """Whether zeros follow each other as the stream's own tables forbid.

    A run of zero bits is one of the codes of zeros alone; coders give it to what is most frequent.
    Where that is "as before" (a difference of category 0, and for DCT "nothing more in this block")
    a flat image is such a run, and counting pixels has to do.
    """
    if header.frame == _PROGRESSIVE or data.find(_ZERO_RUN, header.scan_start, end) < 0:
        return False
    first = first_symbols(header.code_tables)
    if not first:
        return False
    return any(symbol != 0 for symbol in first.values())


def scan_end(data: bytes, header: JpegHeader) -> tuple[int, int]:
    """Where the entropy-coded data end, and how many bytes they are without stuffing.

    Raises UnreadableFile where nothing ends them or a marker stands in them that may not.
    """
    # numpy, because bytes.find holds the GIL for as long as it takes
    coded = np.frombuffer(data, np.uint8, offset=header.scan_start)
    marked = np.flatnonzero(coded[:-1] == 0xFF)
    following = coded[marked + 1]
    ends = np.flatnonzero(following == _END)
    if not header.scan_start or not len(ends):
        raise corrupt()
    end = header.scan_start + int(marked[ends[0]])
    following = following[: ends[0]]
    is_allowed = (following == 0) | (following == 0xFF) | (following & 0xF8 == 0xD0)
    if not is_allowed.all() and header.frame != _PROGRESSIVE:  # that has scans and tables between
        raise corrupt()
    while data[end - 1] == 0xFF:  # fill bytes before the marker
        end -= 1
    stuffed = np.count_nonzero(following == 0)
    return end, end - header.scan_start - int(stuffed)


def _decode_jpeg_ls(data: bytes, _urgency: Urgency) -> np.ndarray:
    """Refuses a stream that ends early: CharLS would count zeros behind its end for half a minute.

    With different bytes put behind the data it gives the same image only if the data suffice.
    """
    header = jpeg_header(data)
    if (
        data.find(_ZERO_RUN, header.scan_start) >= 0
        and _ZERO_RUN in data[header.scan_start : len(data.rstrip(b"\0"))]
    ):
        raise corrupt()
    end = data.rfind(b"\xff\xd9")
    if end < 0:
        end = len(data)
    shape = (header.rows, header.columns) + ((header.channels,) if header.channels > 1 else ())
    changed = np.empty(end + math.prod(shape) * _LONGEST_CODE // 8 + 64, np.uint8)
    changed[:end] = np.frombuffer(data, np.uint8, end)
    changed[-2:] = 0xFF, _END
    seen: list[np.ndarray] = []
    for filling in _FILLINGS[:2]:
        image = np.zeros(shape, np.uint8 if header.bits <= 8 else np.uint16)
        changed[end:-2] = filling
        with contextlib.suppress(UnreadableFile):  # it must fail, if only for the filling
            run_codec(imagecodecs.jpegls_decode, changed, out=image)
        seen.append(image)
    if not np.array_equal(seen[0], seen[1]):
        raise corrupt()
    try:
        return run_codec(imagecodecs.jpegls_decode, data)
    except UnreadableFile:  # no end marker, or zeros in front of it
        for last in _last_bytes(data, header.scan_start, end):
            with contextlib.suppress(UnreadableFile):
                return run_codec(imagecodecs.jpegls_decode, data[:last] + bytes([0xFF, _END]))
        raise
