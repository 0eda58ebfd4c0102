"""Grey values that are compared, from files."""

import numpy as np

from engine.dicom.loading import load, load_pixels


def open_image(path):
    (study,) = load([path]).studies
    (view,) = study.views
    return view, load_pixels(view)


def assert_same_grey(shown: np.ndarray, expected: np.ndarray) -> None:
    """To the level; where pydicom is within rounding noise of half a level, either neighbour."""
    off = np.abs(shown - expected)
    assert off.max() <= 0.5 + 1e-9
