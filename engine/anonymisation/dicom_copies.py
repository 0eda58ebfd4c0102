"""The bytes of a DICOM copy: its header, written anew, and its pixels as stored, or stored anew."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset, write_file_meta_info
from pydicom.uid import UID, RLELossless

from engine import __version__
from engine.anonymisation import pixel_streams
from engine.anonymisation.burned_in import blank
from engine.dicom.decoding import (
    ENCAPSULATED_UNCOMPRESSED,
    PixelLayout,
    decoded_photometric,
    read_frame,
)
from engine.dicom.encapsulation import fragments
from engine.dicom.files import SourceFile
from engine.dicom.limits import FILE_SIZE_LIMIT, file_too_large
from engine.dicom.tags import BIG_ENDIAN, DEFLATED, IMPLICIT, inflate, seek_data_set
from engine.errors import FileChanged, UnsupportedImage
from engine.messages import message

_Order = Literal["little", "big"]
_UID = "2.25.170266571913473839562873017462394017459"  #: of this program, PS3.7 D.3.3.2
_PIECE = 2**20  #: bytes copied at a time
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXEL_DATA = {"little": b"\xe0\x7f\x10\x00", "big": b"\x7f\xe0\x00\x10"}


def file_meta(dataset: Dataset, syntax: str) -> bytes:
    """As this program writes it."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", UID("1.2.840.10008.5.1.4.1.1.7"))
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(_UID)
    meta.ImplementationVersionName = f"BIRADSVIEWER{__version__}"[:16]
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    return buffer.getvalue()


def encoded_header(dataset: Dataset, layout: PixelLayout, syntax: str) -> bytes:
    """All but Pixel Data, whose file was in the syntax of `layout`."""
    if syntax != layout.transfer_syntax:
        for _ in dataset.iterall():  # makes values of bytes, which would be copied as they are
            pass
        correct_ambiguous_vr(dataset, not layout.is_big_endian)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT
    buffer.is_little_endian = syntax != BIG_ENDIAN
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def pixel_element(layout: PixelLayout, order: _Order, is_implicit: bool, length: int) -> bytes:
    """The head of Pixel Data, PS3.5 7.1; length 2**32 - 1 is undefined."""
    head = _PIXEL_DATA[order]
    if not is_implicit:
        are_swapped = order == "big" and layout.are_words_big
        is_bytes = length == 0xFFFFFFFF or (layout.bits_allocated == 8 and not are_swapped)
        head += (b"OB" if is_bytes else b"OW") + b"\0\0"
    return head + length.to_bytes(4, order)


def _pixel_source(file: SourceFile, layout: PixelLayout) -> io.BufferedIOBase:
    """It stands at the value of Pixel Data."""
    source: io.BufferedIOBase = file
    if layout.transfer_syntax == DEFLATED:
        seek_data_set(file)
        data = inflate(file, FILE_SIZE_LIMIT + 1)
        if len(data) > FILE_SIZE_LIMIT:
            raise file_too_large()
        source = io.BytesIO(data)
    source.seek(layout.offset)
    return source


def native_pixels(file: SourceFile, layout: PixelLayout) -> Iterator[bytes]:
    """The Pixel Data element as the file holds it, and nothing of what stands behind the image."""
    order: _Order = "big" if layout.is_big_endian else "little"
    source = _pixel_source(file, layout)
    length = layout.frame_bytes * layout.frames
    if layout.are_words_big:  # the last of an odd number is its word's second byte
        length += length % 2
    if layout.length is not None:
        length = min(layout.length, length)
    padded = length + length % 2
    yield pixel_element(layout, order, layout.transfer_syntax == IMPLICIT, padded)
    yield from _pieces(source, length)
    yield b"\0" * (length % 2)


def bare_streams(file: SourceFile, layout: PixelLayout) -> list[bytes]:
    """The frames' streams, without what is no image; the table of offsets before them.

    Raises ValueError where a stream cannot be taken apart.
    """
    source = _pixel_source(file, layout)
    table, *parts = _items(source)
    if layout.transfer_syntax in (RLELossless, ENCAPSULATED_UNCOMPRESSED) and (
        len(parts) != layout.frames
    ):
        parts = [b"".join(parts)] if layout.frames == 1 else []
    if layout.transfer_syntax == ENCAPSULATED_UNCOMPRESSED:
        streams = [part[: layout.frame_bytes] for part in parts]
        if any(len(stream) < layout.frame_bytes for stream in streams):
            raise ValueError("cut off")
    elif layout.transfer_syntax == RLELossless:
        samples = layout.samples * (layout.bits_allocated // 8)
        pixels = layout.rows * layout.columns
        streams = [pixel_streams.bare_rle(part, pixels, samples) for part in parts]
    else:
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        streams = pixel_streams.bare_streams(data, layout.frames, layout.samples)
    if len(streams) != layout.frames:
        raise ValueError("other frames")
    streams = [stream + b"\0" * (len(stream) % 2) for stream in streams]
    offsets, place = [], 0
    for stream in streams:
        offsets.append(place)
        place += 8 + len(stream)
    has_table = bool(table) and place < 2**32
    return [struct.pack(f"<{len(offsets)}I", *offsets) if has_table else b"", *streams]


def _items(source: io.BufferedIOBase) -> list[bytes]:
    items = []
    found = fragments(source)
    if len(found) < 2:
        raise ValueError("no stream")
    if sum(length for _, length in found) > FILE_SIZE_LIMIT:
        raise file_too_large()
    for position, length in found:
        source.seek(position)
        items.append(b"".join(_pieces(source, length)))
    return items


def encapsulated(layout: PixelLayout, items: list[bytes]) -> Iterator[bytes]:
    """The Pixel Data element of these items."""
    yield pixel_element(layout, "little", layout.transfer_syntax == IMPLICIT, 0xFFFFFFFF)
    for item in items:
        yield _ITEM + len(item).to_bytes(4, "little")
        yield item
    yield _DELIMITER


def _pieces(source: io.BufferedIOBase, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = source.read(min(length, _PIECE))
        if not piece:
            raise FileChanged()
        length -= len(piece)
        yield piece


def deflated(data: bytes) -> bytes:
    """PS3.5 A.5."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    return packed + b"\0" * (len(packed) % 2)


def has_overlay_bits(dataset: Dataset) -> bool:
    """Whether an overlay lies in unused bits of the pixels, as was allowed until 2004 (PS3.5,
    8.1.2): the profile takes overlays away.
    """
    planes = [dataset.get((group, 0x0102)) for group in range(0x6000, 0x601F, 2)]
    return any(position is not None and position.value for position in planes)


def clean_values(file: SourceFile, layout: PixelLayout, marks: np.ndarray | None) -> bytes:
    """The values of all frames, uncompressed: nothing in unused bits, and of one grey frame the
    marks blanked.
    """
    if marks is not None and (layout.frames > 1 or layout.is_colour):
        what = message("several frames") if layout.frames > 1 else message("colour")
        raise UnsupportedImage(
            message("Text cannot be blanked here"),
            message(
                "The image has {what}: copy it without blanking, and look for text in it yourself.",
                what=what,
            ),
        )
    pixel = layout.samples * layout.bits_allocated // 8
    if layout.rows * layout.columns * pixel * layout.frames > FILE_SIZE_LIMIT:
        raise file_too_large()
    frames = []
    for index in range(layout.frames):
        raw = read_frame(file, layout, index=index)
        frames.append(_as_stored(raw if marks is None else blank(raw, marks), layout))
    data = b"".join(frames)
    return data + b"\0" * (len(data) % 2)


def _as_stored(raw: np.ndarray, layout: PixelLayout) -> bytes:
    unsigned = np.uint8 if layout.bits_allocated == 8 else np.uint16
    values = (raw.astype(np.int64) & np.iinfo(unsigned).max).astype(unsigned)
    top = unsigned(2**layout.bits_stored - 1)
    if layout.is_signed or values.max() <= top:  # cut a sign off that was spread over all bits
        values = np.bitwise_and(values, top)
    return values.astype(values.dtype.newbyteorder("<")).tobytes()


def state_new_values(dataset: Dataset, layout: PixelLayout) -> None:
    """That its pixels are those of `clean_values`."""
    dataset.HighBit = layout.bits_stored - 1  # where `read_frame` moves them
    if layout.is_colour:
        dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = decoded_photometric(layout)
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in dataset:
            del dataset[keyword]
