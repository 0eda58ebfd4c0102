"""Studies as large and as hard to compress as a detector's, for benchmarks: no patient's.

A phantom breast alone compresses to next to nothing; the noise that grows with the signal's root is
what codecs spend their time on. Encoding is slow, so a batch shares its pixel streams: each file
has its own identifiers, and is decoded anew.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pydicom

from tests.phantom import STANDARD_FOUR, breast, write_mammogram

ROWS, COLUMNS, BITS = 4096, 3328, 14  # the largest full-field detectors
SYNTAXES = {"JPEG 2000": "jpeg2000-lossless", "JPEG Lossless": "jpeg-lossless-sv1"}
_NOISE = 12.0  # grey levels where the breast is brightest
_AIR = 40


def detector_values(
    laterality: str, view: str, rows: int = ROWS, columns: int = COLUMNS, bits: int = BITS
) -> np.ndarray:
    """uint16 (rows, columns)."""
    small = breast(laterality, view, rows // 4, columns // 4)
    image = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(rows).standard_normal(image.shape, np.float32) * _NOISE
    top = 2**bits - 1
    values = _AIR + image * 0.9 * top + noise * np.sqrt(np.maximum(image, 0.01))
    return np.clip(np.round(values), 0, top).astype(np.uint16)


def write_batch(
    folder: Path,
    count: int,
    syntaxes: Sequence[str] = tuple(SYNTAXES.values()),
    rows: int = ROWS,
    columns: int = COLUMNS,
) -> Path:
    """`count` studies of four views, the transfer syntaxes in turn; returns `folder`."""
    for number, syntax in enumerate(syntaxes[:count]):
        for laterality, view in STANDARD_FOUR:
            template = pydicom.dcmread(
                write_mammogram(
                    folder / "template.dcm",
                    laterality=laterality,
                    view=view,
                    values=detector_values(laterality, view, rows, columns),
                    bits_stored=BITS,
                    transfer_syntax=syntax,
                    window=(2 ** (BITS - 1), 2**BITS),
                )
            )
            for study in range(number, count, len(syntaxes)):
                _write_copy(template, folder / f"{study:03}" / f"{laterality}{view}.dcm", study)
    (folder / "template.dcm").unlink()
    return folder


def _write_copy(template: pydicom.Dataset, path: Path, study: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    uid = f"1.2.826.0.1.3680043.8.498.77.{study + 1}"
    template.StudyInstanceUID, template.SeriesInstanceUID = uid, f"{uid}.1"
    place = 1 + [f"{side}{view}" for side, view in STANDARD_FOUR].index(path.stem)
    template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = f"{uid}.1.{place}"
    template.PatientID, template.PatientName = f"BENCH-{study + 1}", f"Bench^{study + 1}"
    template.save_as(path)
