"""An anonymised copy of studies in another folder; the door `birads-engine anonymise`.

DICOM images keep their pixels bit for bit in their transfer syntax, without comments and whatever
else stands around them in the streams (`pixel_streams`), and get a header cleaned by
`confidentiality`. PNG and JPEG keep theirs too, without metadata but for how they are turned; TIFF
becomes PNG. File and folder names are new. Only where a stream cannot be taken apart, or marks
beside the breast are to be blanked (or an old overlay lies in the pixels' unused bits) are pixels
stored anew, uncompressed (DICOM) or as PNG, every value outside the marks as it was. An image that
cannot be decoded is not copied, since nobody could tell what it shows.
Reports, structured or as PDF, are never copied: their words are the patient's.
"""

import argparse
import io
import json
import logging
import os
import secrets
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset, write_file_meta_info
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from engine import __version__
from engine.anonymisation import pixel_streams
from engine.anonymisation.burned_in import blank, find_marks
from engine.anonymisation.confidentiality import ReplacementIds, anonymise, state_blanked, table
from engine.dicom import loading
from engine.dicom.decoding import (
    ENCAPSULATED_UNCOMPRESSED,
    PixelLayout,
    decoded_photometric,
    read_frame,
    read_layout,
)
from engine.dicom.encapsulation import Container, fragments
from engine.dicom.files import SourceFile, opened_as_listed, real_file
from engine.dicom.limits import FILE_SIZE_LIMIT, corrupt, file_too_large
from engine.dicom.plain_images import decode_grey, plain_format
from engine.dicom.tags import BIG_ENDIAN, DEFLATED, IMPLICIT, inflate, read_tags, seek_data_set
from engine.domain import (
    NOTICE,
    AnonymousCopy,
    CopiedImage,
    FailedFile,
    MammogramView,
    Study,
)
from engine.errors import (
    EngineError,
    FileChanged,
    StorageFailed,
    UnreadableFile,
    UnsupportedImage,
)
from engine.messages import message
from engine.private_files import FOLDER_MODE, make_folder, private_opener

log = logging.getLogger(__name__)

_Order = Literal["little", "big"]
_UID = "2.25.170266571913473839562873017462394017459"  #: of this program, PS3.7 D.3.3.2
_PIECE = 2**20  #: bytes copied at a time
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_PIXEL_DATA = {"little": b"\xe0\x7f\x10\x00", "big": b"\x7f\xe0\x00\x10"}


class Anonymiser:
    """Copies studies into sub-folders of `out`, each named by its patient's pseudonym.

    One run, one key: studies of one patient (ID, issuer, birth date) stay together, UIDs keep
    referring to each other, and afterwards nobody can lead them back. `out` must not lie in a
    folder of `sources`. Raises DamagedInstallation before anything is read or written.
    """

    def __init__(self, out: Path, sources: Iterable[Path] = (), blanks_marks: bool = False) -> None:
        self._out = out
        self._blanks_marks = blanks_marks
        self._ids = ReplacementIds()
        table()
        refuse_inside(out, sources)

    def copy(self, study: Study, should_stop: Callable[[], bool] | None = None) -> AnonymousCopy:
        """Raises StorageFailed where the target is refused or cannot be written."""
        refuse_inside(self._out, study_folders(study))
        patient = self._ids.patient(_whose(study))
        study_uid = self._ids.uid(study.uid)
        images, failures = [], []
        with _storage_errors():
            folder = _new_folder(self._out, patient)
        names: set[str] = set()
        for view in study.views:
            if should_stop and should_stop():
                break
            try:
                images.append(self._copy_image(view, folder, names, patient, study_uid))
            except StorageFailed:
                raise
            except EngineError as error:
                failures.append(FailedFile(view.path, error.title, error.advice))
            except MemoryError:
                advice = message("Close other programs and copy the study again.")
                failures.append(FailedFile(view.path, message("Not enough memory"), advice))
        return AnonymousCopy(folder, tuple(images), tuple(failures))

    def _copy_image(
        self, view: MammogramView, folder: Path, names: set[str], patient: str, study_uid: str
    ) -> CopiedImage:
        pixels = loading.load_pixels(view)  # raises where they are damaged
        try:
            marks, count = find_marks(view, pixels)
        except UnsupportedImage:
            if self._blanks_marks:
                raise
            marks, count = None, None
        blanked = marks if self._blanks_marks and count else None
        with _source(view) as file:
            head = file.read(132)
        kind = None if head[128:] == b"DICM" else plain_format(head)
        if kind is None:
            suffix = ".dcm"
            parts = self._dicom(view, blanked, patient, study_uid)
        else:
            suffix = ".jpg" if kind == "JPEG" and blanked is None else ".png"
            parts = _plain(view, kind, blanked)
        name = _free_name(_name_of(view), suffix, names)
        parts = _with_first(parts)  # faults of the source come before anything is written
        with _storage_errors(), _appearing_whole(folder / name) as target:
            for part in parts:
                target.write(part)
        return CopiedImage(view.path, folder / name, count, blanked is not None)

    def _dicom(
        self, view: MammogramView, marks: np.ndarray | None, patient: str, study_uid: str
    ) -> Iterator[bytes]:
        with _source(view) as file:
            yield from self._dicom_parts(file, view, marks, patient, study_uid)

    def _dicom_parts(
        self,
        file: SourceFile,
        view: MammogramView,
        marks: np.ndarray | None,
        patient: str,
        study_uid: str,
    ) -> Iterator[bytes]:
        with read_tags(file) as read:
            layout = read_layout(read)
            has_overlay_bits = _has_overlay_bits(read.tags.dataset)
        values, items = None, None
        is_anew = marks is not None or has_overlay_bits or not layout.is_as_stated
        if not is_anew and layout.container is not Container.NATIVE:
            try:
                items = _bare_streams(file, layout)
            except ValueError:
                log.info("A stream cannot be taken apart; its pixels are stored anew.")
                is_anew = True
        if is_anew:
            values = _clean_values(file, layout, marks)
        with read_tags(file) as read:
            dataset = read.tags.dataset
            anonymise(dataset, self._ids, patient, study_uid)
            if "SOPInstanceUID" not in dataset:
                dataset.SOPInstanceUID = self._ids.uid(view.image_uid)
            syntax = layout.transfer_syntax
            if values is not None:
                syntax = str(ExplicitVRLittleEndian)
                _state_new_values(dataset, layout)
            if marks is not None:
                state_blanked(dataset)
            head = b"\0" * 128 + b"DICM" + _file_meta(dataset, syntax)
            header = _encoded(dataset, layout, syntax)
        yield head
        if values is not None:
            yield header + _pixel_element(layout, "little", False, len(values))
            yield values
            return
        pixels = _native_pixels(file, layout) if items is None else _encapsulated(layout, items)
        if syntax == DEFLATED:
            yield _deflated(header + b"".join(pixels))
        else:
            yield header
            yield from pixels


def refuse_inside(out: Path, sources: Iterable[Path]) -> None:
    """Raises StorageFailed where `out` is, or lies in, one of the folders that are read."""
    target = out.resolve()
    for source in sources:
        if target.is_relative_to(source.resolve()):
            raise StorageFailed(
                message("The copy would lie in the study"),
                message(
                    "Nothing is written among the images that are read: choose a folder outside "
                    "them."
                ),
            )


def study_folders(study: Study) -> set[Path]:
    """The folders that hold its images, the one around these, and those that links lead to."""
    files = {real_file(view.path) for view in study.views}
    folders = {folder.resolve() for folder in {file.parent for file in files}}
    real = folders | {file.resolve().parent for file in files}
    try:
        around = Path(os.path.commonpath(folders))
    except ValueError:  # on several drives
        return real
    return real if around == Path(around.anchor) else real | {around}


# ------------------------------------------------------------------------------------------ DICOM


def _file_meta(dataset: Dataset, syntax: str) -> bytes:
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


def _encoded(dataset: Dataset, layout: PixelLayout, syntax: str) -> bytes:
    if syntax != layout.transfer_syntax:
        for _ in dataset.iterall():  # makes values of bytes, which would be copied as they are
            pass
        correct_ambiguous_vr(dataset, not layout.is_big_endian)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT
    buffer.is_little_endian = syntax != BIG_ENDIAN
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _pixel_element(layout: PixelLayout, order: _Order, is_implicit: bool, length: int) -> bytes:
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


def _native_pixels(file: SourceFile, layout: PixelLayout) -> Iterator[bytes]:
    """The Pixel Data element as the file holds it, and nothing of what stands behind the image."""
    order: _Order = "big" if layout.is_big_endian else "little"
    source = _pixel_source(file, layout)
    length = layout.frame_bytes * layout.frames
    if layout.are_words_big:  # the last of an odd number is its word's second byte
        length += length % 2
    if layout.length is not None:
        length = min(layout.length, length)
    padded = length + length % 2
    yield _pixel_element(layout, order, layout.transfer_syntax == IMPLICIT, padded)
    yield from _pieces(source, length)
    yield b"\0" * (length % 2)


def _bare_streams(file: SourceFile, layout: PixelLayout) -> list[bytes]:
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


def _encapsulated(layout: PixelLayout, items: list[bytes]) -> Iterator[bytes]:
    """The Pixel Data element of these items."""
    yield _pixel_element(layout, "little", layout.transfer_syntax == IMPLICIT, 0xFFFFFFFF)
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


def _deflated(data: bytes) -> bytes:
    """PS3.5 A.5."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    return packed + b"\0" * (len(packed) % 2)


def _has_overlay_bits(dataset: Dataset) -> bool:
    """Whether an overlay lies in unused bits of the pixels, as was allowed until 2004 (PS3.5,
    8.1.2): the profile takes overlays away.
    """
    planes = [dataset.get((group, 0x0102)) for group in range(0x6000, 0x601F, 2)]
    return any(position is not None and position.value for position in planes)


def _clean_values(file: SourceFile, layout: PixelLayout, marks: np.ndarray | None) -> bytes:
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


def _state_new_values(dataset: Dataset, layout: PixelLayout) -> None:
    dataset.HighBit = layout.bits_stored - 1  # where `read_frame` moves them
    if layout.is_colour:
        dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = decoded_photometric(layout)
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in dataset:
            del dataset[keyword]


# ----------------------------------------------------------------------------------- plain images


def _plain(view: MammogramView, kind: str, marks: np.ndarray | None) -> Iterator[bytes]:
    """The picture alone, without metadata."""
    with _source(view) as file:
        picture = _bare(file, kind, marks)
    yield picture


def _bare(file: SourceFile, kind: str, marks: np.ndarray | None) -> bytes:
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


# What decoding needs and its longest body, PNG 3rd edition chapter 11; all else may hold words.
_PNG_CHUNKS = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256}
_PNG_CHUNKS |= {b"gAMA": 4, b"sBIT": 4, b"sRGB": 1}
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


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


# ------------------------------------------------------------------------------------------ files


def _name_of(view: MammogramView) -> str:
    """'R_CC', which also tells side and view of a picture; nothing of the old name."""
    return "view" if "?" in view.label else view.label.replace(" ", "_")


def _whose(study: Study) -> str:
    """Two hospitals may give one Patient ID to two patients; the issuer or birth date tells."""
    told = study.identity
    if told is None:
        return study.patient_id or study.uid
    return "\0".join((told.patient_id, told.issuer, str(told.birth_date or "")))


def _free_name(stem: str, suffix: str, taken: set[str]) -> str:
    number, name = 1, stem
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name)
    return name + suffix


def _new_folder(out: Path, name: str) -> Path:
    make_folder(out)
    number, folder = 1, out / name
    while folder.exists():
        number += 1
        folder = out / f"{name}_{number}"
    folder.mkdir(FOLDER_MODE)
    return folder


def _with_first(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same, its first part already made."""
    first = next(parts)

    def again() -> Iterator[bytes]:
        yield first
        yield from parts

    return again()


@contextmanager
def _appearing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is there when the block ends well, else nothing is."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb", opener=private_opener) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _source(view: MammogramView) -> Iterator[SourceFile]:
    """The image's file, as it was listed from the first byte to the last (`engine.dicom.files`)."""
    try:
        with opened_as_listed(view.path, view.file) as file:
            yield file
    except OSError as error:
        raise UnreadableFile(
            message("The file cannot be read"),
            message("Check that it is still there and that you may read it."),
        ) from error


@contextmanager
def _storage_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            message("The copy was not written"),
            message(
                "{why}: free some space, or choose another folder. What was copied before is "
                "complete.",
                why=error.strerror or message("It could not be written"),
            ),
        ) from error


# ----------------------------------------------------------------------------------- command line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "One JSON object a line on standard output: what became of each file, with the marks that\n"
        "were found beside the breast and may be text. It names old and new files: keep it apart\n"
        "from the copy. exit code: 0 all copied, 1 some file failed, 2 wrong usage."
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="STUDY",
        help="a folder or ZIP file (searched through), a DICOMDIR, a DICOM, PNG, JPEG or TIFF file",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder for the copies, outside those that are read",
    )
    parser.add_argument(
        "--blank-marks",
        action="store_true",
        help="blank what stands out beside the breast (texts, markers, labels); these images are "
        "then stored uncompressed. Look at the result: text over the breast stays",
    )


def run(arguments: argparse.Namespace) -> int:
    sources = [_searched(path) for path in arguments.paths]
    anonymiser = Anonymiser(arguments.out, sources, arguments.blank_marks)
    catalogue = loading.load(arguments.paths)
    failed = list(catalogue.failures)
    for failure in catalogue.failures:
        _write_failure(failure)
    for study in catalogue.studies:
        copy = anonymiser.copy(study)
        for image in copy.images:
            _write(
                {
                    "file": str(image.source),
                    "copy": str(image.copy),
                    "marks": image.marks,
                    "blanked": image.is_blanked,
                    "notice": NOTICE,
                }
            )
        for failure in copy.failures:
            _write_failure(failure)
        failed += copy.failures
    sys.stderr.write(
        f"{len(catalogue.studies)} studies copied, {len(failed)} files failed, "
        f"{catalogue.skipped_count} files are no images and were skipped\n"
    )
    return 1 if failed else 0


def _searched(path: Path) -> Path:
    return path if path.is_dir() else real_file(path).parent


def _write_failure(failure: FailedFile) -> None:
    error = {"title": failure.title, "advice": failure.advice}
    _write({"file": str(failure.path), "error": error})


def _write(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
