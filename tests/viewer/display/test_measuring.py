"""A length is as good as its spacing: every number, and the words that stand beside it."""

import math

import numpy as np
import pytest

from engine.dicom.loading import load
from engine.domain import PixelSpacing, SpacingSource
from tests.phantom import write_mammogram
from tests.viewer.studies import as_pixels, make_view, spacing
from viewer.display import measuring
from viewer.display.measuring import PixelSize

START, STOP = (100.0, 40.0), (130.0, 80.0)  # 30 rows down, 40 columns across


def size(given=None, aspect=1.0):
    return PixelSize.of(make_view(pixel_spacing=given, pixel_aspect=aspect))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (PixelSpacing(0.1, 0.1, SpacingSource.CALIBRATED), "5.0 mm, calibrated"),
        (PixelSpacing(0.1, 0.1, SpacingSource.DETECTOR), "5.0 mm, at detector"),
        (
            PixelSpacing(0.1 / 1.8, 0.1 / 1.8, SpacingSource.MAGNIFICATION, 1.8),
            "2.8 mm, estimated with magnification 1.8",
        ),
        (PixelSpacing(0.1, 0.1, SpacingSource.FILE), "5.0 mm, from the file"),
        (None, "50 px, pixels only"),
    ],
)
def test_a_ruler_prints_its_length_with_the_origin_of_its_spacing(given, text):
    assert measuring.length_text(size(given), (START, STOP)) == text


def test_oblong_pixels_are_measured_truly_down_and_across():
    oblong = size(PixelSpacing(0.2, 0.05, SpacingSource.DETECTOR))
    assert measuring.length(oblong, (0, 0), (10, 0)) == pytest.approx(2.0)
    assert measuring.length(oblong, (0, 0), (0, 10)) == pytest.approx(0.5)
    assert measuring.length(oblong, (0, 0), (10, 10)) == pytest.approx(math.hypot(2.0, 0.5))
    # without mm too: twice as tall as wide, so ten rows are twenty pixel widths
    assert measuring.length(size(aspect=2.0), (0, 0), (10, 0)) == pytest.approx(20)


def test_an_angle_is_that_of_the_breast_not_that_of_the_pixel_grid():
    arms = ((0.0, 10.0), (0.0, 0.0), (10.0, 10.0))  # 45° between them on square pixels
    assert measuring.angle_text(size(spacing(0.1)), arms) == "45.0°, at detector"
    oblong = PixelSpacing(0.2, 0.1, SpacingSource.DETECTOR)
    assert measuring.angle(size(oblong), *arms) == pytest.approx(math.degrees(math.atan(2)))
    assert measuring.angle(size(), (0, 1), (0, 0), (0, -1)) == pytest.approx(180)
    assert measuring.angle(size(), (5, 5), (5, 5), (9, 9)) == 0  # an arm without length


def test_the_mean_and_deviation_in_an_ellipse_are_those_of_its_pixels():
    rng = np.random.default_rng(4)
    stored = rng.integers(1, 4000, (120, 90))
    corner, opposite = (20.5, 10.0), (80.0, 70.25)
    found = measuring.ellipse_values(as_pixels(stored), corner, opposite)
    inside = [
        stored[row, column]
        for row in range(120)
        for column in range(90)
        if ((row + 0.5 - 50.25) / 29.75) ** 2 + ((column + 0.5 - 40.125) / 30.125) ** 2 <= 1
    ]
    assert found.count == len(inside)
    assert found.mean == pytest.approx(np.mean(inside))
    assert found.deviation == pytest.approx(np.std(inside, ddof=1))
    assert (found.least, found.most) == (min(inside), max(inside))
    assert found == measuring.ellipse_values(as_pixels(stored), opposite, corner)


def test_an_ellipse_tells_modality_values_of_an_inverted_rescaled_file():
    stored = np.full((60, 60), 1000)
    stored[30:] = 1200
    pixels = as_pixels(stored, value_scale=-0.5, value_offset=2000.0, is_inverted=True)
    found = measuring.ellipse_values(pixels, (10, 10), (50, 50))
    assert (found.least, found.most) == (1400, 1500)
    assert found.mean == pytest.approx(1450)
    assert found.deviation == pytest.approx(50, rel=0.01)


def test_padding_and_what_is_beside_the_image_do_not_count():
    stored = np.full((40, 40), 500)
    stored[:20] = 0
    padded = as_pixels(stored, has_padding=True)
    found = measuring.ellipse_values(padded, (-30, -30), (70, 70))
    assert (found.mean, found.deviation) == (500, 0)
    assert found.count == 800
    assert measuring.ellipse_values(padded, (2, 2), (15, 15)).count == 0
    assert measuring.ellipse_values(padded, (90, 90), (95, 95)).count == 0
    assert measuring.ellipse_values(padded, (30, 5), (30, 30)).count == 0


def test_an_ellipse_prints_grey_values_area_and_origin():
    values = measuring.ellipse_values(as_pixels(np.full((90, 90), 1234)), START, STOP)
    assert values.count == 0  # beside that image
    box = ((10.0, 10.0), (50.0, 60.0))
    values = measuring.ellipse_values(as_pixels(np.full((90, 90), 1234)), *box)
    text = measuring.ellipse_text(size(spacing(0.1)), box, values)
    assert text == "mean 1,234 ± 0 SD\n15.7 mm², at detector"
    assert measuring.ellipse_text(size(), box, None) == "mean …\n1,571 px², pixels only"


@pytest.mark.parametrize("row", [-1, -0.01, 40, 99])
def test_beside_the_image_and_in_padding_there_is_no_value(row):
    pixels = as_pixels(np.arange(1600).reshape(40, 40), has_padding=True, value_offset=-100)
    assert measuring.value_at(pixels, row, 5) is None
    assert measuring.value_at(pixels, 0.5, 0.5) is None  # stored 0
    assert measuring.value_at(pixels, 39.9, 39.9) == 1499


@pytest.mark.parametrize(
    "bad", [[0, 0], [-0.1, -0.1], [1000, 1000], [0.1], [0.1, 1.9], [1.9, 0.02], ["", ""]]
)
def test_a_file_with_an_absurd_spacing_is_measured_in_pixels_only(tmp_path, bad):
    path = write_mammogram(
        tmp_path / "a.dcm",
        imager_spacing=None,
        edit=lambda dataset: dataset.add_new("ImagerPixelSpacing", "DS", bad),
    )
    (view,) = load([path]).studies[0].views
    assert measuring.length_text(PixelSize.of(view), (START, STOP)) == "50 px, pixels only"


def test_an_absurd_spacing_gives_way_to_a_sound_one_with_its_own_origin(tmp_path):
    def edit(dataset):
        dataset.PixelSpacing = [1000, 1000]
        dataset.PixelSpacingCalibrationType = "FIDUCIAL"

    path = write_mammogram(tmp_path / "a.dcm", imager_spacing=(0.1, 0.1), edit=edit)
    (view,) = load([path]).studies[0].views
    assert measuring.length_text(PixelSize.of(view), (START, STOP)) == "5.0 mm, at detector"


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        ({"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"}, "calibrated"),
        ({}, "at detector"),
        (
            {"EstimatedRadiographicMagnificationFactor": "1.8"},
            "estimated with magnification 1.8",
        ),
    ],
)
def test_the_origin_that_is_printed_is_the_files(tmp_path, edit, text):
    def change(dataset):
        for keyword, value in edit.items():
            setattr(dataset, keyword, value)

    path = write_mammogram(tmp_path / "a.dcm", imager_spacing=(0.1, 0.1), edit=change)
    (view,) = load([path]).studies[0].views
    assert measuring.length_text(PixelSize.of(view), (START, STOP)).endswith(f" mm, {text}")
