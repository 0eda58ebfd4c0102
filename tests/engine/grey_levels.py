"""Grey levels of files, ours and those that pydicom gives."""

import numpy as np
import pydicom
from pydicom.pixels import apply_rescale, apply_voi, apply_windowing

from engine.dicom.loading import load, load_pixels


def open_image(path):
    (study,) = load([path]).studies
    (view,) = study.views
    return view, load_pixels(view)


def expected_grey(path) -> np.ndarray:
    """The file through pydicom, then to 8 bits; float, so that ties can be told."""
    dataset = pydicom.dcmread(path)
    values = apply_rescale(dataset.pixel_array, dataset)
    if "VOILUTSequence" in dataset:
        assert (values == np.rint(values)).all(), "pydicom cannot look fractions up"
        shown = apply_voi(values.astype(np.int32), dataset).astype(float)
        fraction = shown / (2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        with np.errstate(over="ignore"):  # a narrow SIGMOID
            shown = apply_windowing(values, dataset)
        slope = dataset.get("RescaleSlope", 1)
        intercept = dataset.get("RescaleIntercept", 0)
        low = -(2 ** (dataset.BitsStored - 1)) if dataset.PixelRepresentation else 0
        high = low + 2**dataset.BitsStored - 1
        black, white = low * slope + intercept, high * slope + intercept
        fraction = (shown - black) / (white - black)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        fraction = 1 - fraction
    return fraction * 255


def assert_same_grey(shown: np.ndarray, expected: np.ndarray) -> None:
    """To the level; where pydicom is within rounding noise of half a level, either neighbour."""
    off = np.abs(shown - expected)
    assert off.max() <= 0.5 + 1e-9
