"""The table of grey values: every way that a file states them, for every value that it can hold.

Each combination of photometric interpretation, Presentation LUT Shape, sign, modality step, VOI and
padding is written as a DICOM file of all 4096 stored values, and shown as pydicom's functions show
it, to the grey level. Where DCMTK is installed, its dcm2pnm and dcmj2pnm are asked too.
"""

import itertools
import shutil
import subprocess

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.pixels import (
    apply_modality_lut,
    apply_presentation_lut,
    apply_voi,
    apply_windowing,
)

from engine.dicom.voi import display_table
from tests.engine.grey_levels import assert_same_grey, open_image
from tests.phantom import breast, stored_values, write_mammogram

STORED = np.arange(4096).reshape(64, 64)
PADDING = (1000, 1006)  # counted from the lowest stored value

PHOTOMETRICS = ("MONOCHROME1", "MONOCHROME2")
SHAPES = (None, "IDENTITY", "INVERSE")

_SQUARES = np.arange(4096) ** 2 // 4096
MODALITIES = {
    "as stored": {},
    "offset": {"slope": 1, "intercept": -300},
    "fractions": {"slope": 0.25, "intercept": 1000},
    "negative slope": {"slope": -1, "intercept": 4095},
    "Modality LUT": {"table": 16 * _SQUARES, "bits": 16},
    "falling Modality LUT": {"table": 65535 - 16 * _SQUARES, "bits": 16},
    "Modality LUT of 8 bits": {"table": _SQUARES // 16, "bits": 8},
}
VOIS = ("none stated", "LINEAR", "LINEAR_EXACT", "SIGMOID", "LUT 8", "LUT 12", "LUT 16")


def write(path, modality, voi, signed=False, **settings):
    """A file of all stored values; the VOI covers a part of what the modality step gives."""
    lowest = -2048 if signed else 0
    step = dict(MODALITIES[modality])
    values = STORED + lowest
    if "table" in step:
        table, bits = step.pop("table"), step.pop("bits")
        settings["modality_lut"] = ([4096, lowest, bits], table)
        low, high = int(table.min()), int(table.max())
    else:
        ends = values[[0, -1], [0, -1]] * step.get("slope", 1) + step.get("intercept", 0)
        low, high = sorted(ends)
    if voi.startswith("LUT"):
        bits = int(voi.split()[1])
        first, entries = int(low + (high - low) * 0.3), int((high - low) * 0.5)
        curve = np.round((2**bits - 1) * np.linspace(0, 1, entries) ** 1.6).astype(int)
        settings |= {"window": None, "luts": [([entries, first, bits], curve, "CURVE")]}
    else:
        center, width = low + 0.37 * (high - low), 0.21 * (high - low)
        settings["window"] = (round(center, 2), round(width, 2))
        settings["voi_function"] = None if voi == "none stated" else voi
    return write_mammogram(path, values=values, signed=signed, **step, **settings)


def shown(path) -> np.ndarray:
    return both_polarities(path)[0]


def both_polarities(path) -> list[np.ndarray]:
    """Grey as the file means it, and inverted by the reader."""
    view, pixels = open_image(path)
    tables = [display_table(pixels, view.vois[0], invert) for invert in (False, True)]
    return [cv2.LUT(pixels.stored, table) for table in tables]


def expected(path) -> tuple[np.ndarray, np.ndarray]:
    """(grey through pydicom as float, where pydicom can be asked)."""
    dataset = pydicom.dcmread(path)
    values = apply_modality_lut(dataset.pixel_array, dataset)
    can_tell = np.ones(values.shape, bool)
    if "VOILUTSequence" in dataset:
        _, first, bits = dataset.VOILUTSequence[0].LUTDescriptor
        # The standard looks up whole numbers; between two of them the lower one's entry counts.
        values = np.floor(values).astype(np.int32)
        fraction = apply_voi(values, dataset) / (2**bits - 1)
        if bits == 8:  # pydicom counts the entries of such a table in 8 bits
            can_tell = values - first < 256
    else:
        black, white = output_range(dataset)
        fraction = (apply_windowing(values, dataset) - black) / (white - black)
    if "PresentationLUTShape" in dataset:
        with_ends = np.append(fraction, [0.0, 1.0])  # pydicom inverts between what it finds
        fraction = apply_presentation_lut(with_ends, dataset)[:-2].reshape(fraction.shape)
    elif dataset.PhotometricInterpretation == "MONOCHROME1":
        fraction = 1 - fraction
    return fraction * 255, can_tell


def output_range(dataset) -> tuple[float, float]:
    """What pydicom's windowing calls black and white."""
    if "ModalityLUTSequence" in dataset:
        return 0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    low = -2048 if dataset.PixelRepresentation else 0
    slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
    return low * slope + intercept, (low + 4095) * slope + intercept


@pytest.mark.parametrize("voi", VOIS)
@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("photometric", PHOTOMETRICS)
def test_every_combination_shows_the_grey_levels_that_pydicom_shows(
    tmp_path, photometric, modality, voi
):
    path = tmp_path / "a.dcm"
    for shape, signed, is_padded in itertools.product(SHAPES, (False, True), (False, True)):
        first, last = (STORED[0, 0] + end - 2048 * signed for end in PADDING)
        padding = {"padding": int(first), "padding_limit": int(last)} if is_padded else {}
        settings = {"photometric": photometric, "presentation_shape": shape, **padding}
        write(path, modality, voi, signed, **settings)

        grey, inverted = both_polarities(path)
        wanted, can_tell = expected(path)

        assert np.ptp(grey) == 255, "the table shows too little"
        if is_padded:
            is_padding = (PADDING[0] <= STORED) & (PADDING[1] >= STORED)
            assert (grey[is_padding] == 0).all()
            assert (inverted[is_padding] == 0).all()
            can_tell &= ~is_padding
        assert can_tell.sum() > 250
        assert_same_grey(grey[can_tell], wanted[can_tell])


# ------------------------------------------------------------------------------------------ DCMTK

dcmtk = pytest.mark.skipif(
    not (shutil.which("dcm2pnm") and shutil.which("dcmj2pnm")),
    reason="DCMTK's dcm2pnm and dcmj2pnm are not installed (Debian: dcmtk)",
)
# DCMTK 3.6.7 does not know LINEAR_EXACT and shows it as LINEAR.
DCMTK_VOIS = tuple(voi for voi in VOIS if voi != "LINEAR_EXACT")
_CUT = 1 / 257  # it cuts its 16-bit output off instead of rounding; in grey levels


def dcmtk_grey(program, path, voi) -> np.ndarray:
    """Grey as DCMTK shows it, float with the precision of 16 bits."""
    target = path.with_suffix(".pgm")
    which = "--use-voi-lut" if voi.startswith("LUT") else "--use-window"
    command = [program, "--write-16-bit-pnm", which, "1", path, target]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert not answer.stderr
    lines = target.read_text("ascii").splitlines()
    columns, rows, top, *grey = (
        int(word) for line in lines[1:] if not line.startswith("#") for word in line.split()
    )
    assert top == 65535
    return np.array(grey, float).reshape(rows, columns) / 257


def granted(modality, voi, width) -> float:
    """How far DCMTK's grey may be from the level shown, beyond what stands for half a level.

    - Of a table with entries of b bits it shows entry / 2**b, so that white is one step short of
      white; we show entry / (2**b - 1), as pydicom.
    - Where rescaled values are fractions it drops what follows the point before it windows.
    """
    if voi.startswith("LUT"):
        return 255 / 2 ** int(voi.split()[1]) + _CUT
    dropped = 0.75 if modality == "fractions" else 0.0
    return 255 * dropped / (width - 1) + _CUT


@dcmtk
@pytest.mark.parametrize("voi", DCMTK_VOIS)
@pytest.mark.parametrize("modality", MODALITIES)
def test_every_combination_shows_what_dcmtk_shows(tmp_path, modality, voi):
    path = tmp_path / "a.dcm"
    for photometric, shape, signed in itertools.product(PHOTOMETRICS, SHAPES, (False, True)):
        write(path, modality, voi, signed, photometric=photometric, presentation_shape=shape)
        width = 0 if voi.startswith("LUT") else open_image(path)[0].vois[0].width

        off = np.abs(shown(path) - dcmtk_grey("dcm2pnm", path, voi))

        assert off.max() <= 0.5 + granted(modality, voi, width), (photometric, shape, signed)


@dcmtk
@pytest.mark.parametrize("voi", ["LINEAR", "SIGMOID", "LUT 16"])
@pytest.mark.parametrize("photometric", PHOTOMETRICS)
@pytest.mark.parametrize("syntax", ["jpeg-lossless", "jpeg-lossless-sv1"])
def test_compressed_files_show_what_dcmtk_shows(tmp_path, syntax, photometric, voi):
    path = write(
        tmp_path / "a.dcm", "as stored", voi, photometric=photometric, transfer_syntax=syntax
    )
    off = np.abs(shown(path) - dcmtk_grey("dcmj2pnm", path, voi))
    assert off.max() <= 0.5 + _CUT


@dcmtk
@pytest.mark.parametrize("photometric", PHOTOMETRICS)
def test_a_mammogram_of_14_bits_shows_what_dcmtk_shows(tmp_path, photometric):
    values = stored_values(breast(lesion=(128, 90, 12)), 14)
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        bits_stored=14,
        photometric=photometric,
        window=[(6000, 7000, "SOFT"), (9000, 3000, "HARD")],
    )
    off = np.abs(shown(path) - dcmtk_grey("dcm2pnm", path, "LINEAR"))
    assert off.max() <= 0.5 + _CUT
