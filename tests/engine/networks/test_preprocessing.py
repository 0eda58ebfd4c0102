"""What a network sees of a breast, and the way back to the source."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import MammogramView, Pixels, VoiWindow
from engine.errors import UnsupportedImage
from engine.networks import preprocessing
from engine.networks.preprocessing import Geometry, PreprocessingConfig
from tests import phantom

CONFIG = PreprocessingConfig()


def breast(rows=800, columns=500, *, air=0, seed=0) -> np.ndarray:
    """A half ellipse with its chest wall on the left edge, textured, in even air."""
    y, x = np.mgrid[:rows, :columns]
    inside = ((y - rows / 2) / (0.45 * rows)) ** 2 + (x / (0.7 * columns)) ** 2 < 1
    texture = np.random.default_rng(seed).normal(0, 8, (rows, columns))
    image = np.where(inside, 120 + 60 * x / columns + texture, air)
    return np.clip(image, 0, 255).astype(np.uint8)


@given(
    row=st.floats(0, 1),
    column=st.floats(0, 1),
    is_mirrored=st.booleans(),
    region=st.tuples(
        st.integers(0, 99), st.integers(100, 900), st.integers(0, 99), st.integers(100, 600)
    ),
)
def test_source_to_network_to_source_is_where_it_began(row, column, is_mirrored, region):
    geometry = Geometry((900, 600), region, is_mirrored, (512, 320), (30, 482, 0, 250))
    r = region[0] + row * (region[1] - region[0])
    c = region[2] + column * (region[3] - region[2])
    assert geometry.to_source(*geometry.to_network(r, c)) == pytest.approx((r, c), abs=1e-9)


def test_a_bright_spot_is_found_where_the_geometry_says():
    image = breast()
    image[300:316, 200:216] = 255
    tensor, geometry = preprocessing.prepare(image, 1.0, PreprocessingConfig(clahe_clip=0))
    row, column = geometry.to_network(308.0, 208.0)
    peak = np.unravel_index(np.argmax(tensor[0]), tensor[0].shape)
    assert np.hypot(peak[0] - row, peak[1] - column) < 8


def test_a_right_breast_meets_the_network_as_its_mirror_image_does():
    left = breast()
    tensor, geometry = preprocessing.prepare(left, 1.0, CONFIG)
    mirrored, mirrored_geometry = preprocessing.prepare(left[:, ::-1].copy(), 1.0, CONFIG)
    assert np.abs(tensor - mirrored).mean() < 0.01
    assert not geometry.is_mirrored
    assert mirrored_geometry.is_mirrored


def test_heat_of_a_mirrored_breast_comes_back_on_its_own_side():
    _, geometry = preprocessing.prepare(breast()[:, ::-1].copy(), 1.0, CONFIG)
    heat = np.zeros((16, 10), np.float32)
    heat[8, 1] = 1  # near the chest wall, which is on the right of the source
    over_region = geometry.heat_to_region(heat)
    assert np.argmax(over_region.max(axis=0)) > 0.7 * over_region.shape[1]


def test_a_stretched_copy_meets_the_network_like_its_undistorted_original():
    original = breast(800, 500)
    import cv2

    stretched = cv2.resize(original, (800, 800), interpolation=cv2.INTER_AREA)
    tensor, _ = preprocessing.prepare(original, 1.0, CONFIG)
    restored, _ = preprocessing.prepare(stretched, 800 / 500, CONFIG)
    assert np.abs(tensor - restored).mean() < 0.03


def test_labels_in_the_corner_are_blanked():
    image = breast()
    image[20:60, 420:480] = 255
    tensor, geometry = preprocessing.prepare(image, 1.0, CONFIG)
    row, column = geometry.to_network(40.0, 450.0)
    height, width = geometry.network_shape
    if 0 <= row < height and 0 <= column < width:
        assert tensor[0, int(row), int(column)] == 0
    plain, _ = preprocessing.prepare(breast(), 1.0, CONFIG)
    assert np.abs(tensor - plain).mean() < 0.01


def test_white_strips_of_bare_film_at_the_edges_are_cut_off():
    """They are brighter than any lesion, and a network would look at them."""
    film = np.clip(breast(), 0, 200)
    film[:30, :400] = 255  # along the top
    film[:, :9] = 255  # at the chest wall
    mask = preprocessing.outline_breast(film)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    scale = film.shape[0] / mask.shape[0]
    assert rows[0] * scale >= 30
    assert 9 <= columns[0] * scale < 16


def test_a_bright_chest_muscle_is_no_film_border():
    image = np.clip(breast(), 0, 200)
    y, x = np.mgrid[:800, :500]
    image[x / 180 + y / 450 < 1] = 250
    mask = preprocessing.outline_breast(image)
    middle = slice(int(0.15 * mask.shape[0]), int(0.45 * mask.shape[0]))
    assert mask[middle, :20].mean() > 0.8


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_image_has_no_breast(value):
    with pytest.raises(UnsupportedImage, match="No breast"):
        preprocessing.prepare(np.full((400, 300), value, np.uint8), 1.0, CONFIG)


def test_a_speck_is_no_breast():
    image = np.zeros((800, 500), np.uint8)
    image[100:140, 100:140] = 200
    with pytest.raises(UnsupportedImage, match="No breast"):
        preprocessing.prepare(image, 1.0, CONFIG)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 300), columns=st.integers(1, 300), seed=st.integers(0, 9))
def test_any_picture_is_prepared_or_refused_by_name(rows, columns, seed):
    noise = np.random.default_rng(seed).integers(0, 256, (rows, columns)).astype(np.uint8)
    try:
        tensor, _ = preprocessing.prepare(noise, 1.0, CONFIG)
    except UnsupportedImage:
        return
    assert tensor.shape == (1, CONFIG.height, CONFIG.width)
    assert np.isfinite(tensor).all()
    assert 0 <= tensor.min() <= tensor.max() <= 1


def view(tmp_path, vois=()) -> MammogramView:
    return MammogramView(tmp_path / "x.dcm", "1", "2", "P", 4, 4, None, None, vois=vois)


def test_the_files_own_window_makes_the_grey_that_a_network_sees(tmp_path):
    pixels = Pixels(np.array([[0, 1000, 1500, 2000]], np.uint16))
    grey = preprocessing.grey(view(tmp_path, (VoiWindow(1500, 1000),)), pixels)
    assert grey[0, 0] == 0
    assert grey[0, 3] == 255
    assert 100 < grey[0, 2] < 155


def test_without_a_window_the_whole_range_of_values_is_kept(tmp_path):
    pixels = Pixels(np.array([[100, 200, 300]], np.uint16))
    assert preprocessing.grey(view(tmp_path), pixels).tolist() == [[0, 128, 255]]


def test_padding_stays_black_and_out_of_the_range(tmp_path):
    pixels = Pixels(np.array([[0, 5000, 6000]], np.uint16), has_padding=True)
    assert preprocessing.grey(view(tmp_path), pixels).tolist() == [[0, 0, 255]]


def test_a_breast_blurred_to_nothing_keeps_its_outline_and_hides_its_lesion():
    spotted = np.round(phantom.breast("L", lesion=(120, 70, 16)) * 255).astype(np.uint8)
    config = PreprocessingConfig(clahe_clip=0)
    before, geometry = preprocessing.prepare(spotted, 1.0, config)
    after, same = preprocessing.prepare(spotted, 1.0, config, is_blurred=True)
    assert geometry == same
    assert len(np.unique(after)) == 2  # air, and one grey for all of the breast
    inside = after[0] > 0
    assert inside[before[0] > 0.1].all()
    assert after[0][inside][0] == pytest.approx(before[0][inside].mean(), abs=0.01)
