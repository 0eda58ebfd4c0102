"""Pixels of DICOM files: from where they lie in a file to grey values, in every syntax we claim.

Sizes that a compressed stream claims are checked against the header, and the header against
`PIXEL_LIMIT`, before any decoder runs. References "C.…" are to DICOM PS3.3.
"""

import io
import struct
from dataclasses import dataclass, field, replace
from typing import Literal

import imagecodecs
import numpy as np
from pydicom.uid import UID

from engine.dicom.documents import document_words
from engine.dicom.encapsulation import (
    Container,
    container_of,
    frame_parts,
    head_of,
    joined_fragments,
    tail_of,
)
from engine.dicom.files import SourceFile
from engine.dicom.limits import FILE_SIZE_LIMIT, check_size, corrupt, cut_off, file_too_large
from engine.dicom.plain_images import grey_of
from engine.dicom.streams import (
    NO_HURRY,
    Urgency,
    decode_stream,
    has_end_marker,
    read_stream,
    run_codec,
)
from engine.dicom.tags import (
    ABSURD,
    BIG_ENDIAN,
    DEFLATED,
    EXPLICIT,
    GE_PRIVATE,
    IMPLICIT,
    PAPYRUS,
    PIXEL_DATA,
    DicomFile,
    Tags,
    damaged,
    inflate_whole,
    is_word_order_big,
    lut,
    seek_data_set,
)
from engine.domain import Pixels, VoiLut
from engine.errors import EngineError, UnreadableFile, UnsupportedImage
from engine.messages import Message, message

_RLE = "1.2.840.10008.1.2.5"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
NATIVE = frozenset({IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, GE_PRIVATE, PAPYRUS})
_JPEG_FAMILY = frozenset(
    "1.2.840.10008.1.2.4." + suffix
    for suffix in ("50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203")
)


@dataclass(frozen=True, eq=False)
class PixelLayout:
    """How the pixels of a DICOM file lie in it, C.7.6.3."""

    transfer_syntax: str
    is_big_endian: bool
    offset: int  #: of the first byte of Pixel Data's value, in the file (deflated: the inflated)
    length: int | None  #: of that value in bytes; None: undefined, that is encapsulated
    rows: int
    columns: int
    samples: int
    frames: int
    is_planar: bool
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    photometric: str
    is_inverted: bool  #: what comes out of the VOI as white is shown black; see `is_inverted`
    padding: tuple[int, int] | None  #: the stored values that mean padding, both ends included
    slope: float
    intercept: float
    modality_lut: VoiLut | None
    container: Container = Container.NATIVE
    are_words_big: bool = False  #: pixels, or pairs of 8-bit pixels in OW, high byte first
    lost_bytes: int = 0  #: of the last pixel, that the file lacks
    frame_offsets: tuple[int, ...] = ()  #: the Extended Offset Table, C.7.6.3.1.8
    notes: tuple[Message, ...] = field(
        default=()
    )  #: what the reader should know of how it lies there

    @property
    def is_colour(self) -> bool:
        """Of three samples, which may be equal all the same: rescale and windows are for grey."""
        return self.samples > 1

    @property
    def is_as_stated(self) -> bool:
        """Whether the pixels lie as the transfer syntax, a public one of today, says."""
        is_native = self.transfer_syntax in NATIVE
        return (
            is_native == (self.container is Container.NATIVE)
            and not self.lost_bytes
            and self.container is not Container.BARE
            and self.transfer_syntax not in (GE_PRIVATE, PAPYRUS)
        )

    @property
    def is_subsampled(self) -> bool:
        """Two neighbours share their colour: two bytes a pixel instead of three."""
        return self.samples == 3 and self.photometric.endswith("_422")

    @property
    def frame_bytes(self) -> int:
        """Of one frame, uncompressed."""
        samples = 2 if self.is_subsampled else self.samples
        return self.rows * self.columns * samples * (self.bits_allocated // 8)


def read_layout(file: DicomFile) -> PixelLayout:
    """Raises UnsupportedImage where there is no image, UnreadableFile where it cannot be whole."""
    tags, syntax, source = file.tags, file.transfer_syntax, file.source
    is_big_endian = file.is_big_endian
    head = source.read(12)
    kind = PIXEL_DATA.get(_tag(head, is_big_endian)) if len(head) >= 8 else None
    rows, columns = tags.integer("Rows"), tags.integer("Columns")
    if kind is None:
        raise _no_image(tags, rows > 0 and columns > 0)
    if kind != "integer":
        raise UnsupportedImage(
            message("Pixels are fractional numbers"),
            message("Export the image with integer pixels."),
        )
    if rows <= 0 or columns <= 0:
        raise UnreadableFile(
            message("The image has no size"),
            message("Copy the file again from its source, or export it anew."),
        )
    check_size(rows, columns)
    if syntax not in NATIVE | _JPEG_FAMILY | {_RLE, ENCAPSULATED_UNCOMPRESSED}:
        name = UID(syntax).name if UID(syntax).is_valid else "unknown"
        raise UnsupportedImage(
            message("Compression is not supported"),
            message(
                "Export the image uncompressed or as JPEG 2000; this one is: {kind}.",
                kind=name[:60],
            ),
        )
    order: Literal["little", "big"] = "big" if is_big_endian else "little"
    is_explicit = head[4:6].isalpha()
    offset = source.tell() - len(head) + (12 if is_explicit else 8)
    length = int.from_bytes(head[8:12] if is_explicit else head[4:8], order)
    bits_allocated = tags.integer("BitsAllocated", 16)
    bits_stored = tags.integer("BitsStored", bits_allocated)
    if bits_allocated not in (8, 16) or not 1 <= bits_stored <= bits_allocated:
        raise UnsupportedImage(
            message("Pixel depth is not supported"),
            message("Export the image with 8 to 16 bits per pixel."),
        )
    high_bit = tags.integer("HighBit", bits_stored - 1)
    if not bits_stored - 1 <= high_bit < bits_allocated:
        high_bit = bits_stored - 1
    samples = tags.integer("SamplesPerPixel", 1)
    if samples not in (1, 3):
        raise UnsupportedImage(
            message("Colour format is not supported"), message("Export the image in greyscale.")
        )
    is_colour = samples > 1
    slope, intercept = (1.0, 0.0) if is_colour else rescale(tags)
    table = None if is_colour else modality_lut(tags, is_big_endian)
    layout = PixelLayout(
        transfer_syntax=syntax,
        is_big_endian=is_big_endian,
        offset=offset,
        length=None if length == 0xFFFFFFFF else length,
        rows=rows,
        columns=columns,
        samples=samples,
        frames=max(1, tags.integer("NumberOfFrames", 1)),
        is_planar=tags.integer("PlanarConfiguration") == 1,
        bits_allocated=bits_allocated,
        bits_stored=bits_stored,
        high_bit=high_bit,
        is_signed=tags.integer("PixelRepresentation") == 1,
        photometric=tags.text("PhotometricInterpretation") or "MONOCHROME2",
        is_inverted=not is_colour and is_inverted(tags),
        padding=None if is_colour else _padding(tags),
        slope=slope,
        intercept=intercept,
        modality_lut=table if isinstance(table, VoiLut) else None,
        are_words_big=is_word_order_big(syntax, head[4:6], bits_allocated),
        frame_offsets=_extended_offsets(tags),
    )
    return _found_in(file, layout)


def _extended_offsets(tags: Tags) -> tuple[int, ...]:
    table = tags.bytes_of("ExtendedOffsetTable")
    if not isinstance(table, bytes):  # missing, or of a VR that it cannot have
        return ()
    return struct.unpack(f"<{len(table) // 8}Q", table[: len(table) // 8 * 8])


_UNLIKE_SYNTAX = {
    Container.NATIVE: message("The transfer syntax says compressed, but the pixels are not."),
    Container.BARE: message("The compressed pixels do not lie in items, as they should."),
}


def _found_in(file: DicomFile, layout: PixelLayout) -> PixelLayout:
    """What Pixel Data really holds, and what is to be said where that is not what it ought to."""
    file.source.seek(layout.offset)
    needed = layout.frame_bytes * layout.frames
    is_native = layout.transfer_syntax in NATIVE
    container = container_of(file.source.read(64), layout.length, needed, is_native)
    notes = list(file.notes)
    if layout.transfer_syntax == GE_PRIVATE:
        notes.append(message("The transfer syntax is GE's own: not compressed, and read as such."))
    if is_native and container is not Container.NATIVE:
        notes.append(
            message("The transfer syntax says uncompressed, but the pixels are compressed.")
        )
    elif not is_native and container is not Container.ITEMS:
        notes.append(_UNLIKE_SYNTAX[container])
    lost = 0
    if container is Container.NATIVE and file.size is not None:
        lost = needed - min(layout.length or 0, file.size - layout.offset)
        if lost > layout.samples * (layout.bits_allocated // 8):
            raise cut_off()
    if lost > 0 and layout.frames // 2 == layout.frames - 1:
        notes.append(
            message("The last pixel is missing in the file: its neighbour stands in for it.")
        )
    if container is Container.NATIVE and file.size is not None and _has_rubbish(file, layout):
        notes.append(
            message("Bytes that belong to nothing follow the pixels: compare it with its source.")
        )
    return replace(layout, container=container, lost_bytes=max(0, lost), notes=tuple(notes))


def _has_rubbish(file: DicomFile, layout: PixelLayout) -> bool:
    """Whether something else than padding, or an element, stands behind native pixels.

    What was inserted into the pixels moves all behind it, and the last of them out of their place.
    """
    file.source.seek(layout.offset + (layout.length or 0))
    rest = file.source.read(_REST_BYTES)
    if not rest.strip(b"\0\r\n\x1a"):
        return False
    is_explicit = layout.transfer_syntax not in (IMPLICIT, GE_PRIVATE, PAPYRUS)
    has_vr = not is_explicit or (rest[4:6].isalpha() and rest[4:6].isupper())
    return not (has_vr and _tag(rest, layout.is_big_endian) > _INTEGER_PIXELS)


_INTEGER_PIXELS = 0x7FE00010
_REST_BYTES = 4096  # behind the pixels, that are looked at


def _tag(head: bytes, is_big_endian: bool) -> int:
    order: Literal["little", "big"] = "big" if is_big_endian else "little"
    return int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)


def _no_image(tags: Tags, has_size: bool) -> EngineError:
    if has_size:
        return cut_off()
    if not (tags.text("SOPClassUID") or tags.text("Modality")):
        return damaged()
    kind = UID(tags.text("SOPClassUID")).name.removesuffix(" Storage")
    if "Image" in kind:
        return UnreadableFile(
            message("The image has no pixels"),
            message("Only its header is here; export the image anew."),
        )
    return UnsupportedImage(*document_words(tags.text("SOPClassUID")))


def rescale(tags: Tags) -> tuple[float, float]:
    """Rescale Slope and Intercept, C.11.1; 1 and 0 where they are absent or absurd."""
    slope, intercept = tags.number("RescaleSlope"), tags.number("RescaleIntercept") or 0.0
    if slope is None or not 1e-9 <= abs(slope) <= ABSURD or abs(intercept) > ABSURD:
        return 1.0, 0.0
    return slope, intercept


def is_inverted(tags: Tags) -> bool:
    """Whether the lowest value after the VOI is white.

    C.8.11.3.1.2: Presentation LUT Shape says it where it is present. It restates MONOCHROME1 and
    is no second inversion on top of it.
    """
    stated = presentation_shape(tags)
    return stated == "INVERSE" if stated else is_monochrome1(tags)


def is_monochrome1(tags: Tags) -> bool:
    return tags.text("PhotometricInterpretation") == "MONOCHROME1"


def presentation_shape(tags: Tags) -> str:
    """IDENTITY or INVERSE; empty where neither is stated, and for colour images."""
    stated = tags.text("PresentationLUTShape").upper()
    is_grey = tags.integer("SamplesPerPixel", 1) == 1
    return stated if is_grey and stated in ("IDENTITY", "INVERSE") else ""


def _padding(tags: Tags) -> tuple[int, int] | None:
    """C.7.5.1.1.2: one value, or with a range limit all values between the two."""
    value = tags.number("PixelPaddingValue")
    if value is None:
        return None
    limit = tags.number("PixelPaddingRangeLimit")
    # Some writers take the wrong one of US and SS: 63536 then means -2000.
    lowest = -32768 if tags.integer("PixelRepresentation") == 1 else 0
    ends = (int(value), int(value if limit is None else limit))
    first, last = sorted((end - lowest) % 65536 + lowest for end in ends)
    return first, last


def modality_lut(tags: Tags, is_big_endian: bool) -> VoiLut | Message | None:
    """The Modality LUT, or in words what is wrong with it; None where there is none, C.11.1.

    It goes before Rescale Slope and Intercept, which must not be there beside it.
    """
    for item in tags.items("ModalityLUTSequence"):
        return lut(item, is_big_endian, tags.integer("PixelRepresentation") == 1)
    return None


def decode(file: SourceFile, layout: PixelLayout, urgency: Urgency = NO_HURRY) -> Pixels:
    """Decodes the file's image, of several frames the middle one, of a colour image the luma.

    `urgency` as of `decode_stream`. Raises UnreadableFile, UnsupportedImage and OSError.
    """
    if layout.photometric.startswith("PALETTE"):
        raise UnsupportedImage(
            message("Palette colours are not supported"), message("Export it in greyscale.")
        )
    raw = read_frame(file, layout, urgency)
    if raw.ndim == 3:
        raw = raw[..., 0] if _is_luma_first(layout) else grey_of(raw, _top(layout))[0]
    return _pixels(raw, layout)


def shows_colour(file: SourceFile, layout: PixelLayout) -> bool:
    """Whether an image of three samples is not the grey one that captures hold threefold.

    Decodes it, unless it is too large to be worth the time: then it counts as coloured. Raises as
    `decode`.
    """
    if layout.rows * layout.columns > _COLOUR_LIMIT:
        return True
    raw = read_frame(file, layout)
    if raw.ndim == 2:
        return False
    if not _is_luma_first(layout):
        return not grey_of(raw, _top(layout))[1]
    middle = 1 << (layout.bits_stored - 1)
    tolerance = 3 << max(0, layout.bits_stored - 8)
    chroma = raw[..., 1:]
    return int(chroma.max()) > middle + tolerance or int(chroma.min()) < middle - tolerance


def stream_notes(file: SourceFile, layout: PixelLayout) -> list[Message]:
    """What a compressed frame's first and last bytes tell the reader; says nothing of damage."""
    if layout.container is Container.NATIVE or layout.transfer_syntax in (
        *(DEFLATED, _RLE, ENCAPSULATED_UNCOMPRESSED),
    ):
        return []
    try:
        parts = _parts(file, layout)
        stream = read_stream(head_of(file, parts))
        tail = tail_of(file, parts)
    except EngineError:  # told when it is decoded
        return []
    notes: list[Message] = []
    if not has_end_marker(tail):
        notes.append(
            message("The end marker of the compressed image is missing; its pixels are complete.")
        )
    if layout.is_signed and not stream.is_signed and stream.bits < layout.bits_stored:
        notes.append(
            message(
                "The compressed image holds {bits} bits without sign, the header says {stated} "
                "with one: read as two's complement.",
                bits=stream.bits,
                stated=layout.bits_stored,
            )
        )
    return notes


def decoded_photometric(layout: PixelLayout) -> str:
    """What the samples of `read_frame` are, of a colour image."""
    stated = layout.photometric
    if _is_stream(layout) and layout.transfer_syntax not in _COLOURS_AS_CODED:
        return "RGB"
    return "YBR_FULL" if stated == "YBR_FULL_422" else stated


def _top(layout: PixelLayout) -> int:
    return (1 << layout.bits_stored) - 1


def _is_luma_first(layout: PixelLayout) -> bool:
    return layout.photometric.startswith("YBR") and not _is_stream(layout)


def _is_stream(layout: PixelLayout) -> bool:
    """Whether a codec decodes the pixels, and colours to red, green, blue with them."""
    return layout.container is not Container.NATIVE and layout.transfer_syntax not in (
        *(_RLE, ENCAPSULATED_UNCOMPRESSED),
    )


def _pixels(raw: np.ndarray, layout: PixelLayout) -> Pixels:
    """Lays the integers of a file (rows, columns) on uint16 so that larger is brighter.

    With padding, stored 0 is kept for it. Where all 65,536 values are in use besides, the darkest
    one is raised by one level.
    """
    low = -(2 ** (layout.bits_stored - 1)) if layout.is_signed else 0
    high = low + 2**layout.bits_stored - 1
    # Streams can hold more bits than the header states.
    low, high = min(low, int(raw.min())), max(high, int(raw.max()))
    slope, intercept = layout.slope, layout.intercept
    is_padding = None
    if layout.padding is not None:
        is_padding = (raw >= layout.padding[0]) & (raw <= layout.padding[1])
    if layout.modality_lut is not None:
        table, first = layout.modality_lut.table, layout.modality_lut.first_value
        raw = table[np.clip(raw.astype(np.int32) - first, 0, len(table) - 1)]
        low, high, slope, intercept = 0, 2**layout.modality_lut.bits - 1, 1.0, 0.0
    rises = (slope > 0) != layout.is_inverted
    shift = int(is_padding is not None and high - low < 65535)
    zero = low - shift if rises else high + shift  # the integer that stored 0 stands for
    # uint16 wraps around, which is what turns signed integers and differences into place.
    stored = raw.astype(np.int16 if raw.dtype.kind == "i" else np.uint16, copy=False)
    stored = stored.view(np.uint16)
    base = np.uint16(zero % 65536)
    if not rises:
        stored = base - stored
    elif base:
        stored = stored - base
    if is_padding is not None:
        stored = np.where(is_padding, np.uint16(0), np.maximum(stored, 1))
    stored = np.ascontiguousarray(stored)
    stored.setflags(write=False)
    return Pixels(
        stored=stored,
        value_scale=slope if rises else -slope,
        value_offset=intercept + slope * zero,
        is_inverted=layout.is_inverted,
        has_padding=is_padding is not None,
    )


def read_frame(
    file: SourceFile, layout: PixelLayout, urgency: Urgency = NO_HURRY, index: int | None = None
) -> np.ndarray:
    """One frame, the middle one where none is named, as integers (rows, columns[, 3]),
    sign-extended.
    """
    index = layout.frames // 2 if index is None else index
    source: io.BufferedIOBase = file
    if layout.transfer_syntax == DEFLATED:
        source = io.BytesIO(_whole_data_set(file, layout))
    if layout.container is Container.NATIVE:
        return _native(source, layout, index)
    frame = joined_fragments(source, _parts(source, layout, index))
    if layout.transfer_syntax == ENCAPSULATED_UNCOMPRESSED:
        return _native(io.BytesIO(frame), replace(layout, offset=0), 0)
    return _encapsulated(frame, layout, urgency)


def _whole_data_set(file: io.BufferedIOBase, layout: PixelLayout) -> bytes:
    """A deflated data set, inflated to its end: nearly any damage ends it elsewhere, PS3.5 A.5."""
    seek_data_set(file)
    if layout.container is not Container.NATIVE:
        return b"".join(inflate_whole(file, FILE_SIZE_LIMIT, FILE_SIZE_LIMIT)[:2])
    needed = layout.frame_bytes * layout.frames
    end = layout.offset + max(layout.length or 0, needed)
    if end > FILE_SIZE_LIMIT:
        raise file_too_large()
    data, rest, more = inflate_whole(file, end, FILE_SIZE_LIMIT)
    if len(data) < end:
        raise cut_off()
    is_padded = more > 0 and not rest.strip(b"\0")  # no slip of a damaged code is that long
    if not is_padded and not _are_elements(rest):
        raise corrupt()
    return data


def _are_elements(data: bytes) -> bool:
    """Whether this is explicit elements, each behind the last and the pixels, to the very end."""
    last, position = 0x7FE00010, 0
    while position < len(data):
        head = data[position : position + 12]
        tag = _tag(head, False)
        if len(head) < 8 or tag <= last or not head[4:6].isalpha():
            return data[position:] in (b"\0", b"\0\0")  # to make it even
        is_long = head[4:6] in _LONG_VRS
        length = int.from_bytes(head[8:12] if is_long else head[6:8], "little")
        if length == 0xFFFFFFFF:
            return True
        position += (12 if is_long else 8) + length
        last = tag
    return position == len(data)


_LONG_VRS = frozenset(b"OB OW OF OD OL OV SQ UN UC UR UT SV UV".split())
_COLOURS_AS_CODED = frozenset(  # JPEG-LS, whose decoder knows nothing of colours
    "1.2.840.10008.1.2.4." + suffix for suffix in ("80", "81")
)
_COLOUR_LIMIT = 40_000_000  # pixels, decoded twice to tell grey captures from photographs


def _parts(
    source: io.BufferedIOBase, layout: PixelLayout, index: int | None = None
) -> list[tuple[int, int]]:
    """(position, length) of the pieces of a frame, by default the one that is shown."""
    if layout.container is Container.BARE:
        return [(layout.offset, layout.length or 0)]
    source.seek(layout.offset)
    index = layout.frames // 2 if index is None else index
    return frame_parts(source, index, layout.frames, layout.frame_offsets)


def _native(source: io.BufferedIOBase, layout: PixelLayout, index: int) -> np.ndarray:
    start = layout.offset + index * layout.frame_bytes
    is_swapped = layout.are_words_big and layout.bits_allocated == 8
    shift = (start - layout.offset) % 2 if is_swapped else 0  # pairs count from the first pixel
    source.seek(start - shift)
    data = source.read(layout.frame_bytes + shift + is_swapped)
    if is_swapped:
        pairs = np.frombuffer(data[: len(data) // 2 * 2], np.uint16).byteswap()
        data = pairs.tobytes() + data[len(data) // 2 * 2 :]
    data = data[shift : shift + layout.frame_bytes]
    lost = layout.frame_bytes - len(data)
    if lost > layout.lost_bytes:
        raise cut_off()
    if lost:
        pixel = layout.frame_bytes // (layout.rows * layout.columns)
        whole = len(data) // pixel * pixel
        data = data[:whole] + data[whole - pixel : whole]
        if len(data) != layout.frame_bytes:
            raise cut_off()
    order = ">" if layout.are_words_big else "<"
    flat = np.frombuffer(data, np.dtype(f"{order}u{layout.bits_allocated // 8}"))
    if layout.is_subsampled:  # two lumas, then their common colour, C.7.6.3.1.2
        pairs = flat.reshape(layout.rows, -1, 4)
        chroma = np.repeat(pairs[..., 2:], 2, axis=1)
        flat = np.dstack([pairs[..., :2].reshape(layout.rows, layout.columns), chroma])
        return _masked(flat, layout)
    return _masked(_shaped(flat, layout), layout)


def _shaped(flat: np.ndarray, layout: PixelLayout) -> np.ndarray:
    if layout.samples == 1:
        return flat.reshape(layout.rows, layout.columns)
    if layout.is_planar:
        return np.moveaxis(flat.reshape(3, layout.rows, layout.columns), 0, -1)
    return flat.reshape(layout.rows, layout.columns, 3)


def _masked(raw: np.ndarray, layout: PixelLayout) -> np.ndarray:
    """The stored bits alone, overlays beside them cut away, the sign extended."""
    shift = layout.high_bit + 1 - layout.bits_stored
    unused = 8 * raw.dtype.itemsize - layout.bits_stored
    raw = raw.astype(raw.dtype.newbyteorder("="), copy=False)
    if not layout.is_signed:
        return raw if unused == 0 else (raw >> shift) & (2**layout.bits_stored - 1)
    signed = np.dtype(f"i{raw.dtype.itemsize}")
    return (raw << (unused - shift)).view(signed) >> unused


def _encapsulated(frame: bytes, layout: PixelLayout, urgency: Urgency) -> np.ndarray:
    if layout.transfer_syntax == _RLE:
        return _rle(frame, layout)
    decoded = decode_stream(frame, (layout.rows, layout.columns, layout.samples), urgency)
    if decoded.dtype.kind == "i":  # a JPEG 2000 stream that knows its sign
        return decoded
    # Streams hold the stored bits alone, whatever High Bit says, and of these no more than they
    # state themselves; unless what they hold does not fit into the bits of the header.
    bits = read_stream(frame).bits
    if bits > layout.bits_stored and int(decoded.max()) < 2**layout.bits_stored:
        bits = layout.bits_stored
    shifted = 8 * decoded.dtype.itemsize - bits
    if layout.is_signed and shifted >= 0:
        return (decoded << shifted).view(f"i{decoded.dtype.itemsize}") >> shifted
    return decoded


def _rle(frame: bytes, layout: PixelLayout) -> np.ndarray:
    """RLE Lossless, PS3.5 annex G: a segment for each byte of each sample, high bytes first."""
    dtype = np.dtype(f"<u{layout.bits_allocated // 8}")
    if len(frame) < 64:
        raise cut_off()
    segments, *offsets = struct.unpack_from("<16I", frame)
    offsets = offsets[:segments]
    # Checked here, as the decoder reads wherever the offsets point.
    if segments != layout.samples * dtype.itemsize or offsets[0] != 64:
        raise corrupt()
    if offsets != sorted(set(offsets)) or offsets[-1] >= len(frame):
        raise corrupt()
    data = run_codec(imagecodecs.dicomrle_decode, frame, dtype=dtype)
    count = layout.rows * layout.columns * layout.samples
    if len(data) < count * dtype.itemsize:
        raise cut_off()
    flat = np.frombuffer(data, dtype, count)
    if layout.samples == 3:
        flat = np.moveaxis(flat.reshape(3, layout.rows, layout.columns), 0, -1)
    return _masked(flat.reshape((layout.rows, layout.columns, *flat.shape[2:])), layout)
