"""Draws mammograms and writes them as the files a clinic has: DICOM of every kind, PNG, JPEG, TIFF.

The breast is a half ellipse with a soft skin line, some texture from a fixed seed, a pectoral
muscle on obliques and a lesion where asked for. A right breast has its chest wall at the right edge
of the image and a left breast at the left edge, as they hang. All codecs are real encoders.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, generate_uid

TRANSFER_SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big-endian": "1.2.840.10008.1.2.2",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-baseline": "1.2.840.10008.1.2.4.50",
    "jpeg-extended": "1.2.840.10008.1.2.4.51",
    "jpeg-lossless": "1.2.840.10008.1.2.4.57",
    "jpeg-lossless-sv1": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-ls-near": "1.2.840.10008.1.2.4.81",
    "jpeg2000-lossless": "1.2.840.10008.1.2.4.90",
    "jpeg2000": "1.2.840.10008.1.2.4.91",
    "htj2k-lossless": "1.2.840.10008.1.2.4.201",
    "htj2k-lossless-rpcl": "1.2.840.10008.1.2.4.202",
    "htj2k": "1.2.840.10008.1.2.4.203",
}
LOSSY = ("jpeg-baseline", "jpeg-extended", "jpeg-ls-near", "jpeg2000", "htj2k")
UNCOMPRESSED = ("implicit", "explicit", "deflated", "big-endian")

MAMMOGRAPHY_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
STANDARD_FOUR = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
VIEW_CODES = {  # SNOMED RT, as most machines write them: CID 4014
    "CC": ("R-10242", "cranio-caudal"),
    "MLO": ("R-10226", "medio-lateral oblique"),
    "ML": ("R-10224", "medio-lateral"),
    "LM": ("R-10228", "latero-medial"),
    "XCCL": ("R-1024A", "cranio-caudal exaggerated laterally"),
}


def breast(
    laterality: str = "R",
    view: str = "CC",
    rows: int = 256,
    columns: int = 192,
    lesion: tuple[float, float, float] | None = None,
    seed: int = 0,
) -> np.ndarray:
    """The phantom, float32 (rows, columns) in [0, 1]: 0 is air, larger is denser and brighter.

    `lesion` is (row, column, radius) in pixels of this image; its centre is 1.0.
    """
    row, column = np.mgrid[:rows, :columns].astype(np.float32)
    depth = columns - 1 - column if laterality == "R" else column  # from the chest wall
    distance = np.hypot(depth / (0.8 * columns), (row - 0.5 * rows) / (0.45 * rows))
    tissue = np.clip((1 - distance) * 6, 0, 1)
    noise = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), max(1.0, rows / 60))
    texture /= np.abs(texture).max()
    image = tissue * (0.4 + 0.15 * (1 - distance) + 0.1 * texture)
    if view == "MLO":
        pectoral = (depth / (0.35 * columns) + row / (0.6 * rows)) < 1
        image = np.where(pectoral, np.maximum(image, 0.7), image)
    if lesion is not None:
        centre_row, centre_column, radius = lesion
        spot = np.exp(-((row - centre_row) ** 2 + (column - centre_column) ** 2) / radius**2)
        image = image + (1 - image) * spot
    return np.clip(image, 0, 1).astype(np.float32)


def stored_values(image: np.ndarray, bits_stored: int = 12, signed: bool = False) -> np.ndarray:
    """`image` in [0, 1] as the integers that a detector would store, MONOCHROME2; int32."""
    top = 2**bits_stored - 1
    values = np.round(image * top).astype(np.int32)
    return values - 2 ** (bits_stored - 1) if signed else values


def write_mammogram(
    path: Path,
    *,
    laterality: str | None = "R",
    view: str | None = "CC",
    rows: int = 256,
    columns: int = 192,
    lesion: tuple[float, float, float] | None = None,
    seed: int = 0,
    values: np.ndarray | None = None,
    photometric: str = "MONOCHROME2",
    bits_stored: int = 12,
    bits_allocated: int | None = None,
    high_bit: int | None = None,
    unused_bits: int = 0,
    signed: bool = False,
    slope: float | None = None,
    intercept: float | None = None,
    padding: int | None = None,
    padding_limit: int | None = None,
    transfer_syntax: str = "explicit",
    predictor: int = 1,
    patient_id: str = "PHANTOM-1",
    patient_name: str = "Phantom^One",
    study_uid: str = "1.2.826.0.1.3680043.8.498.1",
    sop_uid: str | None = None,
    study_date: str = "20200131",
    modality: str = "MG",
    sop_class: str = MAMMOGRAPHY_FOR_PRESENTATION,
    window: tuple | Sequence[tuple] | None = (2048, 4096),
    voi_function: str | None = None,
    luts: Sequence[tuple[Sequence[int], Sequence[int] | bytes, str]] = (),
    modality_lut: tuple[Sequence[int], Sequence[int] | bytes] | None = None,
    presentation_shape: str | None = None,
    imager_spacing: tuple[float, float] | None = (0.1, 0.1),
    modifiers: Sequence[tuple[str, str]] = (),
    instance_number: int = 1,
    preamble: bool = True,
    edit: Callable[[Dataset], None] | None = None,
) -> Path:
    """Writes one DICOM mammogram and returns its path.

    `values` (rows, columns) or (frames, rows, columns) replaces the drawn breast: what is stored,
    before any rescale. `window` is (center, width) or (center, width, explanation), or several of
    them. `luts` items are (descriptor, data, explanation), `modality_lut` is (descriptor, data).
    `transfer_syntax` is a key of `TRANSFER_SYNTAXES`, or a UID for which the values are then
    written uncompressed. `predictor`
    is the selection value of JPEG Lossless process 14. `unused_bits` is or-ed into the bits above
    the high bit, as overlays in the pixel data were. `edit` has the last word on the data set.
    """
    if values is None:
        drawn = breast(laterality or "R", view or "CC", rows, columns, lesion, seed)
        values = stored_values(drawn, bits_stored, signed)
        if photometric == "MONOCHROME1":
            values = (-1 if signed else 2**bits_stored - 1) - values
    values = np.asarray(values)
    samples = 3 if photometric in ("RGB", "YBR_FULL") else 1
    frames = 1
    if values.ndim == 3 and samples == 1:
        frames = len(values)
    rows, columns = values.shape[:2] if samples == 3 else values.shape[-2:]
    bits_allocated = bits_allocated or (8 if bits_stored <= 8 else 16)
    high_bit = bits_stored - 1 if high_bit is None else high_bit

    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = sop_uid or _uid(path)
    dataset.StudyDate = dataset.AcquisitionDate = study_date
    dataset.StudyTime = dataset.AcquisitionTime = "101530"
    dataset.Modality = modality
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.StudyDescription = "Screening"
    dataset.PatientName = patient_name
    dataset.PatientID = patient_id
    dataset.StudyInstanceUID = study_uid
    dataset.SeriesInstanceUID = study_uid + ".1"
    dataset.InstanceNumber = instance_number
    if laterality:
        dataset.ImageLaterality = laterality
    if view:
        dataset.ViewPosition = view
        dataset.ViewCodeSequence = [view_code(view, modifiers)]
    if imager_spacing:
        dataset.ImagerPixelSpacing = list(imager_spacing)
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = photometric
    if samples == 3:
        dataset.PlanarConfiguration = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
        bits_allocated,
        bits_stored,
        high_bit,
    )
    dataset.PixelRepresentation = int(signed)
    number = "SS" if signed else "US"
    if padding is not None:
        dataset.add_new("PixelPaddingValue", number, padding)
    if padding_limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", number, padding_limit)
    if slope is not None:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept or 0
        dataset.RescaleType = "US"
    _add_windows(dataset, window, voi_function)
    if luts:
        dataset.VOILUTSequence = DicomSequence([_lut_item(*lut) for lut in luts])
    if modality_lut:
        item = _lut_item(*modality_lut, "")
        item.ModalityLUTType = "US"
        dataset.ModalityLUTSequence = DicomSequence([item])
    if presentation_shape:
        dataset.PresentationLUTShape = presentation_shape

    syntax = UID(TRANSFER_SYNTAXES.get(transfer_syntax, transfer_syntax))
    dtype = np.dtype(np.uint8 if bits_allocated == 8 else np.uint16)
    mask = 2**bits_stored - 1
    raw = (values.astype(np.int64) & mask) << (high_bit - bits_stored + 1)
    raw = (raw | (unused_bits << (high_bit + 1))).astype(dtype)
    if syntax.is_compressed and not syntax.is_deflated and transfer_syntax in TRANSFER_SYNTAXES:
        planes = raw if frames > 1 else raw[np.newaxis]
        encoded = [encode(p, transfer_syntax, bits_stored, signed, predictor) for p in planes]
        dataset.PixelData = encapsulate(encoded)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        order = ">" if transfer_syntax == "big-endian" else "<"
        data = raw.astype(raw.dtype.newbyteorder(order)).tobytes()
        dataset.PixelData = data + b"\0" * (len(data) % 2)
        dataset["PixelData"].VR = "OW" if bits_allocated == 16 else "OB"
    if edit:
        edit(dataset)
    return write_dataset(path, dataset, str(syntax), preamble)


def write_dataset(path: Path, dataset: Dataset, syntax: str, preamble: bool = True) -> Path:
    """`dataset` as it is, with file meta information if `preamble`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    uid = UID(syntax)
    implicit = syntax == TRANSFER_SYNTAXES["implicit"]
    little = syntax != TRANSFER_SYNTAXES["big-endian"]
    if not preamble:
        dataset.save_as(path, implicit_vr=implicit, little_endian=little)
        return path
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2.3")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3.4")
    if uid.is_private or not uid.is_transfer_syntax:
        dataset.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=False)
    else:
        dataset.save_as(path, enforce_file_format=True)
    return path


def write_study(folder: Path, *, views: Sequence[tuple[str, str]] = STANDARD_FOUR, **rest) -> Path:
    """One patient's views (four by default) as <side><view>.dcm in `folder`; returns `folder`.

    `rest` goes to `write_mammogram`; patient and study stay the same for all views.
    """
    rest.setdefault("study_uid", _uid(folder))
    for number, (laterality, view) in enumerate(views, start=1):
        path = folder / f"{laterality}{view}.dcm"
        settings = {"seed": number, "instance_number": number, **rest}
        write_mammogram(path, laterality=laterality, view=view, **settings)
    return folder


def write_plain(
    path: Path,
    *,
    laterality: str = "R",
    view: str = "CC",
    rows: int = 256,
    columns: int = 192,
    lesion: tuple[float, float, float] | None = None,
    seed: int = 0,
    bits: int = 8,
    values: np.ndarray | None = None,
    **options,
) -> Path:
    """PNG, JPEG or TIFF, as the suffix says; `values` may be (rows, columns[, 3 or 4]).

    `options` go to the imagecodecs encoder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if values is None:
        values = stored_values(breast(laterality, view, rows, columns, lesion, seed), bits)
        values = values.astype(np.uint8 if bits == 8 else np.uint16)
    encode = {
        ".png": imagecodecs.png_encode,
        ".jpg": imagecodecs.jpeg_encode,
        ".jpeg": imagecodecs.jpeg_encode,
        ".tif": imagecodecs.tiff_encode,
        ".tiff": imagecodecs.tiff_encode,
    }[path.suffix.lower()]
    path.write_bytes(encode(np.ascontiguousarray(values), **options))
    return path


def view_code(view: str, modifiers: Sequence[tuple[str, str]] = ()) -> Dataset:
    """An item of View Code Sequence; `modifiers` are (code value, meaning)."""
    code, meaning = VIEW_CODES.get(view, ("R-0000", view))
    item = _code(code, meaning)
    if modifiers:
        item.ViewModifierCodeSequence = [_code(*modifier) for modifier in modifiers]
    return item


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = value, meaning
    item.CodingSchemeDesignator = "SCT" if value.isdigit() else "SRT"
    return item


def _add_windows(dataset: Dataset, window, function: str | None) -> None:
    if window is not None:
        windows = [window] if np.isscalar(window[0]) else list(window)
        dataset.WindowCenter = [w[0] for w in windows]
        dataset.WindowWidth = [w[1] for w in windows]
        if any(len(w) > 2 for w in windows):
            dataset.WindowCenterWidthExplanation = [w[2] for w in windows]
    if function is not None:
        dataset.VOILUTFunction = function


def _lut_item(descriptor: Sequence[int], data: Sequence[int] | bytes, name: str) -> Dataset:
    item = Dataset()
    first = descriptor[1] if len(descriptor) > 1 else 0
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", list(descriptor))
    if isinstance(data, bytes):
        item.add_new("LUTData", "OW", data)
    else:
        item.add_new("LUTData", "OW", np.asarray(list(data), "<u2").tobytes())
    item.LUTExplanation = name
    return item


def encode(raw: np.ndarray, syntax: str, bits: int, signed: bool, predictor: int) -> bytes:
    raw = np.ascontiguousarray(raw)
    if syntax == "rle":
        description = {
            "rows": raw.shape[0],
            "columns": raw.shape[1],
            "samples_per_pixel": raw.shape[2] if raw.ndim == 3 else 1,
            "photometric_interpretation": "RGB" if raw.ndim == 3 else "MONOCHROME2",
            "bits_allocated": raw.dtype.itemsize * 8,
            "bits_stored": raw.dtype.itemsize * 8,
            "pixel_representation": 0,
            "number_of_frames": 1,
            "planar_configuration": 0,
        }
        return RLELosslessEncoder.encode(raw, encoding_plugin="pydicom", **description)
    if syntax == "jpeg-baseline":
        return imagecodecs.jpeg_encode(raw, level=95)
    if syntax == "jpeg-extended":
        return imagecodecs.jpeg_encode(raw, level=98, bitspersample=12)
    if syntax == "jpeg-lossless-sv1":
        return imagecodecs.jpeg_encode(raw, lossless=True, predictor=1, bitspersample=bits)
    if syntax == "jpeg-lossless":
        return imagecodecs.jpeg_encode(raw, lossless=True, predictor=predictor, bitspersample=bits)
    if syntax == "jpeg-ls":
        return imagecodecs.jpegls_encode(raw)
    if syntax == "jpeg-ls-near":
        return imagecodecs.jpegls_encode(raw, level=2)
    if signed:  # a JPEG 2000 stream says itself that it is signed
        raw = (raw.astype(np.int32) ^ (1 << (bits - 1))) - (1 << (bits - 1))
        raw = raw.astype(np.int8 if bits <= 8 else np.int16)
    if syntax == "jpeg2000-lossless":
        return imagecodecs.jpeg2k_encode(raw, codecformat="j2k", reversible=True, level=0)
    if syntax == "jpeg2000":
        return imagecodecs.jpeg2k_encode(raw, codecformat="j2k", reversible=False, level=80)
    if syntax in ("htj2k-lossless", "htj2k-lossless-rpcl"):
        return imagecodecs.htj2k_encode(raw, reversible=True)
    if syntax == "htj2k":
        return imagecodecs.htj2k_encode(raw, reversible=False, level=0.0005)
    raise ValueError(f"no encoder for {syntax}")


def _uid(path: Path) -> str:
    return generate_uid(entropy_srcs=[str(path)])


def write_directory(path: Path, references: Sequence[Sequence[str]]) -> tuple[Path, bytes]:
    """A DICOMDIR that leads to these files; returns where it lies, and what stands in it."""
    directory = Dataset()
    directory.FileSetID = "DISC"
    records = []
    for kind, reference in [("PATIENT", None), *(("IMAGE", r) for r in references)]:
        record = Dataset()
        record.DirectoryRecordType = kind
        if reference:
            record.ReferencedFileID = reference
            record.ReferencedSOPInstanceUIDInFile = "1.2.3"
            record.ViewCodeSequence = DicomSequence([Dataset()])
        records.append(record)
    directory.DirectoryRecordSequence = DicomSequence(records)
    directory["DirectoryRecordSequence"].is_undefined_length = True
    directory.SOPClassUID = "1.2.840.10008.1.3.10"
    write_dataset(path, directory, TRANSFER_SYNTAXES["explicit"])
    data = path.read_bytes()
    return path, data
