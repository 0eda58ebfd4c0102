"""Where an image lies: on the edge where it hangs, under the pointer that moves it, never lost."""

from dataclasses import replace

import numpy as np
import pytest

from engine.domain import PixelSpacing, SpacingSource
from tests.viewer.studies import make_view
from viewer.display.breast_box import BreastBox, ImageSide
from viewer.display.camera import MAX_ZOOM, MIN_ZOOM, Camera, CameraSubject, Zoom
from viewer.display.orientation import AS_HUNG
from viewer.display.rendering import NOTHING

BREAST = BreastBox(50, 350, 100, 300, ImageSide.RIGHT)
SUBJECT = CameraSubject(400, 300, BREAST, chest_wall=ImageSide.RIGHT)
FITTED = Camera(SUBJECT, size=(240, 260), fit_scale=0.5)
EVERY_WAY = [
    AS_HUNG,
    AS_HUNG.mirrored(),
    AS_HUNG.flipped(),
    AS_HUNG.turned_left(),
    AS_HUNG.turned_right().mirrored(),
]


def box_on_canvas(camera):
    """(left, top, right, bottom) of the breast."""
    corners = [
        camera.placement.to_canvas(BREAST.row_start, BREAST.column_start),
        camera.placement.to_canvas(BREAST.row_stop, BREAST.column_stop),
    ]
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
    return left, top, right, bottom


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_fitted_breast_touches_the_edge_where_its_chest_wall_hangs(is_mirrored):
    camera = replace(FITTED, subject=replace(SUBJECT, is_mirrored=is_mirrored))
    assert box_on_canvas(camera)[2] == 240
    left = replace(SUBJECT, is_mirrored=is_mirrored, chest_wall=ImageSide.LEFT)
    assert box_on_canvas(replace(FITTED, subject=left))[0] == 0


def test_lateral_films_hang_from_the_top_and_others_in_the_middle():
    _, top, _, bottom = box_on_canvas(FITTED)
    assert top == pytest.approx(260 - bottom)
    assert box_on_canvas(replace(FITTED, subject=replace(SUBJECT, hangs_from_top=True)))[1] == 0


@pytest.mark.parametrize("turned", EVERY_WAY[1:], ids=lambda turned: turned.text)
def test_what_the_reader_has_turned_lies_in_the_middle(turned):
    left, top, right, bottom = box_on_canvas(FITTED.turned(turned))
    assert (left + right, top + bottom) == pytest.approx((240, 260), abs=1)


@pytest.mark.parametrize("label", ["R CC", "L MLO", "? ?"])
def test_a_view_says_by_its_tags_where_it_hangs(label):
    subject = CameraSubject.of(make_view(label), NOTHING, is_mirrored=False)
    wall = {"R": ImageSide.RIGHT, "L": ImageSide.LEFT, "?": None}[label[0]]
    assert (subject.chest_wall, subject.hangs_from_top) == (wall, label == "L MLO")


@pytest.mark.parametrize("turned", EVERY_WAY, ids=lambda turned: turned.text or "as hung")
@pytest.mark.parametrize("at", [(30, 40), (200, 130)])
def test_zooming_keeps_the_point_under_the_pointer(turned, at):
    camera = FITTED.turned(turned)
    before = camera.placement.to_source(*at)
    zoomed = camera.zoomed_to(2.0, at)
    if 0 < zoomed.zoom.row < 400 and 0 < zoomed.zoom.column < 300:  # not held back at an edge
        assert np.allclose(zoomed.placement.to_source(*at), before, atol=0.5)
    assert zoomed.magnification == 2.0


def test_without_a_pointer_the_middle_stays():
    before = FITTED.placement.to_source(120, 130)
    assert np.allclose(FITTED.zoomed_to(2.0).placement.to_source(120, 130), before, atol=0.5)


def test_a_zoom_has_limits_both_ways():
    assert FITTED.zoomed_to(1e-6).scale == 0.5 * MIN_ZOOM
    assert FITTED.zoomed_to(1e6).scale == MAX_ZOOM


def test_the_image_moves_as_far_as_the_hand_and_not_out_of_sight():
    moved = FITTED.moved_by(-13.25, 20)
    left, top = moved.placement.left, moved.placement.top
    assert left - FITTED.placement.left == pytest.approx(-13.25, abs=0.6)
    assert top - FITTED.placement.top == pytest.approx(20, abs=0.6)
    far = FITTED.moved_by(10_000, -10_000)
    assert (far.zoom.row, far.zoom.column) == (400, 0)


def test_many_small_moves_are_one_long_one():
    camera = FITTED
    for _ in range(100):
        camera = camera.moved_by(0.37, -0.21)
    once = FITTED.moved_by(37, -21).zoom
    assert (camera.zoom.row, camera.zoom.column) == pytest.approx((once.row, once.column))


def test_one_to_one_shows_the_breasts_middle_first_and_then_what_was_zoomed_to():
    camera = FITTED.at_actual_pixels()
    assert camera.magnification == 1
    assert (camera.zoom.row, camera.zoom.column) == BREAST.middle
    there = FITTED.centred(3.0, 80, 120).at_actual_pixels()
    assert np.allclose((there.zoom.row, there.zoom.column), (80, 120), atol=0.5)


def test_one_to_one_of_a_page_in_millimetres_is_a_device_pixel_a_column():
    camera = FITTED.fitting(5.0, (0.1, 0.1)).at_actual_pixels()
    assert camera.scale == pytest.approx(10)
    assert camera.magnification == 1


def test_another_unit_ends_a_zoom_and_the_same_one_keeps_it():
    zoomed = FITTED.zoomed_to(2.0)
    assert zoomed.fitting(0.6, (1.0, 1.0)).zoom == zoomed.zoom
    assert zoomed.fitting(6.0, (0.1, 0.1)).is_fitted


def test_turning_fits_anew():
    assert FITTED.zoomed(Zoom(2.0, 10, 10)).turned(AS_HUNG.mirrored()).is_fitted


def test_the_breast_fills_a_page_by_its_longer_side_as_it_is_turned():
    assert FITTED.scale_to_fit(400, 300, (1.0, 1.0)) == 1.0  # 200 wide, 300 tall
    assert FITTED.turned(AS_HUNG.turned_left()).scale_to_fit(300, 400, (1.0, 1.0)) == 1.0
    assert FITTED.scale_to_fit(400, 300, (0.1, 0.1)) == pytest.approx(10)


def test_true_size_needs_a_spacing_and_a_measured_screen():
    spacing = PixelSpacing(0.1, 0.1, SpacingSource.DETECTOR)
    assert FITTED.true_scale(None, 0.25) is None
    assert FITTED.true_scale(spacing, None) is None
    assert FITTED.true_scale(spacing, 0.25) == pytest.approx(0.4)
    assert FITTED.zoomed_to(0.4).is_true_size(0.4)
    assert not FITTED.zoomed_to(0.41).is_true_size(0.4)
    assert not FITTED.is_true_size(None)


def test_it_knows_what_lies_at_a_point():
    camera = FITTED.at_actual_pixels()
    x, y = camera.placement.to_canvas(200, 200)
    assert camera.is_breast_at(x, y)
    x, y = camera.placement.to_canvas(10, 10)
    assert camera.is_image_at(x, y)
    assert not camera.is_breast_at(x, y)
    assert not camera.is_image_at(*camera.placement.to_canvas(-1, 10))


def test_its_tiles_are_as_large_as_the_canvas():
    assert len(FITTED.tiles) == 2
    assert len(FITTED.resized((1000, 1000)).tiles) == 1
