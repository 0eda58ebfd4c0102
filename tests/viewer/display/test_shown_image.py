"""One view before its pixels, with them, and where they cannot be had."""

import numpy as np

from engine.domain import Explanation
from tests.viewer.studies import make_study, pixels_of, spacing
from viewer.display import rendering
from viewer.display.rendering import NOTHING
from viewer.display.shown_image import ImageState, ShownImage


def make(label="R CC", facing=None, **changes):
    study = make_study((label,), **changes)
    view = study.views[0]
    size = [240, 260]
    image = ShownImage(study, view, lambda: tuple(size))
    return image, rendering.prepare(view, pixels_of(view, facing)), size


def test_before_its_pixels_there_is_nothing_to_show_and_nothing_that_fails():
    image, _, _ = make()
    assert (image.state, image.has_pixels, image.is_placed) == (ImageState.LOADING, False, False)
    assert image.display is NOTHING
    assert image.grey() is None
    assert image.heat() is None
    assert image.tiles == ()
    assert not image.is_mirrored
    assert image.placement.to_source(10, 10) is not None


def test_pixels_show_once_the_page_has_a_scale():
    image, display, _ = make()
    image.show(display)
    assert (image.state, image.has_pixels, image.is_placed) == (ImageState.SHOWN, True, False)
    assert image.grey() is None
    image.camera = image.camera.fitting(0.5, (1.0, 1.0))
    grey, _, _ = image.grey()
    assert grey.max() > 100


def test_it_is_mirrored_where_its_pixels_face_the_other_way_and_says_so():
    image, display, _ = make("R CC", facing="L")
    image.show(display)
    assert image.is_mirrored
    assert image.side_warnings[0] == "check side"
    assert image.camera.subject.is_mirrored


def test_what_was_set_before_its_pixels_came_holds_for_them():
    image, display, _ = make()
    image.camera = image.camera.fitting(0.5, (1.0, 1.0))
    image.greys.set_inverted(True)
    image.show(display)
    grey, _, _ = image.grey()
    assert grey.max() > 240  # the air


def test_it_follows_the_size_of_its_canvas():
    image, display, size = make()
    image.show(display)
    image.camera = image.camera.fitting(0.5, (1.0, 1.0))
    before = image.placement
    size[:] = 400, 500
    assert image.placement != before
    assert image.camera.size == (400, 500)


def test_a_failure_leaves_no_pixel_and_can_be_followed_by_pixels():
    image, display, _ = make()
    image.show(display)
    image.camera = image.camera.fitting(0.5, (1.0, 1.0))
    image.fail("File is cut short", "Copy it again.")
    assert (image.state, image.failure[0]) == (ImageState.FAILED, "File is cut short")
    assert image.grey() is None
    image.show(display)
    assert image.grey() is not None


def test_the_heat_map_is_there_only_with_an_overlay():
    image, display, _ = make()
    image.show(display)
    image.camera = image.camera.fitting(0.5, (1.0, 1.0))
    image.show_explanation(Explanation(np.ones((4, 4), np.float32), (0, 400, 0, 300), "", ""))
    assert image.heat() is None
    image.overlay_opacity = 0.5
    assert image.heat() is not None
    image.show_explanation(None)
    assert image.heat() is None


def test_true_size_follows_the_screen_that_it_is_on():
    image, display, _ = make(pixel_spacing=spacing(0.1))
    image.show(display)
    assert image.true_scale is None
    image.screen_pixel_mm = lambda: 0.25
    image.camera = image.camera.fitting(image.true_scale, (1.0, 1.0))
    assert image.is_true_size


def test_what_is_released_holds_no_pixel():
    image, display, _ = make()
    image.show(display)
    image.release()
    assert image.display is NOTHING
