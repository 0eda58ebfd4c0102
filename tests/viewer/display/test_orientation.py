"""Flipped and rotated, an image is the same image, and nobody can take its side for the other."""

from functools import reduce

import numpy as np
import pytest

from engine.dicom import voi
from engine.domain import Explanation, VoiFunction, VoiWindow
from tests.viewer.studies import as_pixels, make_study, make_view, pixels_of
from viewer.display import rendering
from viewer.display.heat_image import heat_image
from viewer.display.orientation import AS_HUNG, Orientation
from viewer.display.placement import Placement
from viewer.shared import theme
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import TextLevel

STEPS = ("mirrored", "flipped", "turned_right", "turned_left")
ALL = [Orientation(t, m, f) for t in (False, True) for m in (False, True) for f in (False, True)]
ON_ARRAYS = {
    "mirrored": np.fliplr,
    "flipped": np.flipud,
    "turned_right": lambda a: np.rot90(a, -1),
    "turned_left": np.rot90,
}


def apply(array, orientation):
    array = array.T if orientation.is_transposed else array
    array = array[:, ::-1] if orientation.is_mirrored else array
    return array[::-1] if orientation.is_flipped else array


@pytest.mark.parametrize("start", ALL)
@pytest.mark.parametrize("step", STEPS)
def test_each_step_turns_what_is_seen_now(start, step):
    array = np.arange(12).reshape(3, 4)
    turned = getattr(start, step)()
    assert np.array_equal(apply(array, turned), ON_ARRAYS[step](apply(array, start)))


@pytest.mark.parametrize("orientation", ALL)
def test_turning_an_image_that_is_mirrored_itself(orientation):
    array = np.arange(12).reshape(3, 4)
    expected = apply(np.fliplr(array), orientation)
    assert np.array_equal(apply(array, orientation.of_mirrored()), expected)


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_presentation_rotates_clockwise_and_flips_after_that(rotation, is_flipped):
    array = np.arange(12).reshape(3, 4)
    expected = np.rot90(array, -rotation // 90)
    expected = np.fliplr(expected) if is_flipped else expected
    turned = Orientation.of_presentation(rotation, is_flipped)
    assert np.array_equal(apply(array, turned), expected)
    # of an image that was hung mirrored the same is seen
    assert np.array_equal(apply(np.fliplr(array), turned.of_mirrored()), expected)


def test_four_quarter_turns_are_none_and_all_eight_have_words_of_their_own():
    assert reduce(lambda o, _: o.turned_right(), range(4), AS_HUNG) == AS_HUNG
    assert reduce(lambda o, _: o.turned_left(), range(4), AS_HUNG) == AS_HUNG
    words = [orientation.text for orientation in ALL]
    assert len(set(words)) == 8
    assert [w for w in words if not w] == [AS_HUNG.text]
    for orientation in ALL:  # a flip is never called a mere rotation
        is_flip = orientation.is_transposed ^ orientation.is_mirrored ^ orientation.is_flipped
        assert ("flipped" in orientation.text) is is_flip


def place(pixels, scale, orientation, left=0, top=0):
    rows, columns = pixels.shape
    size = [max(1, round(columns * scale)), max(1, round(rows * scale))]
    if orientation.is_transposed:
        size.reverse()
    turned = orientation.is_mirrored, orientation.is_flipped, orientation.is_transposed
    return Placement(rows, columns, left, top, *size, *turned)


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("scale", [0.13, 0.5, 1.0, 2.0])
def test_what_is_drawn_turned_is_the_straight_picture_turned(orientation, scale):
    pixels = pixels_of(make_view(shape=(200, 160)))
    display = rendering.prepare(make_view(shape=pixels.shape), pixels)
    table = voi.display_table(pixels, VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT))

    def draw(turned):
        placement = place(pixels, scale, turned)
        sampled = rendering.sample(display, placement, placement.width, placement.height)
        return rendering.develop(sampled, table).astype(int)

    assert np.array_equal(draw(orientation), apply(draw(AS_HUNG), orientation))


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("scale", [0.37, 1.0, 1.7])
def test_a_turned_view_that_is_panned_looks_as_if_drawn_anew(orientation, scale):
    pixels = pixels_of(make_view(shape=(300, 240)))
    display = rendering.prepare(make_view(shape=pixels.shape), pixels)
    table = voi.display_table(pixels, VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT))

    def draw(sampled):
        return rendering.develop(sampled, table)

    first = rendering.sample(display, place(pixels, scale, orientation), 70, 60)
    picture = rendering.Picture(first.placement, first.x, first.y, draw(first))
    for left, top in ((-9, -4), (-9, -30), (12, 7)):
        placement = place(pixels, scale, orientation, left, top)
        picture = rendering.moved_picture(picture, display, placement, (70, 60), draw)
        anew = draw(rendering.sample(display, placement, 70, 60))
        assert np.abs(picture.seen(70, 60)[0].astype(int) - anew).max() <= 2


@pytest.mark.parametrize("orientation", ALL)
def test_every_point_finds_its_way_to_the_screen_and_back(orientation):
    pixels = as_pixels(np.zeros((400, 300)))
    placement = place(pixels, 0.7, orientation, -31, 17)
    for point in ((0, 0), (12.5, 290), (399, 1)):
        assert np.allclose(placement.to_source(*placement.to_canvas(*point)), point)
    assert (placement.scale_x, placement.scale_y) == pytest.approx((0.7, 0.7))


@pytest.mark.parametrize("orientation", ALL)
def test_the_heat_map_turns_with_the_image(orientation):
    heat = np.random.default_rng(3).random((24, 16)).astype(np.float32)
    explanation = Explanation(heat, (40, 360, 20, 260), "", "")
    pixels = as_pixels(np.zeros((400, 300)))

    def alpha(turned):
        placement = place(pixels, 0.5, turned)
        size = placement.width, placement.height
        image, x, y = heat_image(explanation, placement, *size)
        found = np.frombuffer(image.constBits(), np.uint8)
        found = found.reshape(image.height(), image.width(), 4)[:, :, 3]
        canvas = np.zeros(size[::-1], int)
        canvas[y : y + image.height(), x : x + image.width()] = found
        return canvas

    assert np.abs(alpha(orientation) - apply(alpha(AS_HUNG), orientation)).max() <= 2


# ------------------------------------------------------------------------------------- on the view


@pytest.fixture
def make_canvas(qtbot):
    def make(label="R CC", facing=None):
        study = make_study((label,))
        canvas = Canvas(study, study.views[0])
        qtbot.addWidget(canvas)
        canvas.resize(260, 300)
        canvas.show()
        pixels = pixels_of(study.views[0], facing)
        canvas.show_pixels(rendering.prepare(study.views[0], pixels))
        canvas.set_fit(0.5, (1.0, 1.0))
        return canvas

    return make


@pytest.mark.parametrize("label", ["R CC", "L CC"])
@pytest.mark.parametrize("facing", ["R", "L"])
@pytest.mark.parametrize("orientation", ALL)
def test_a_turned_view_keeps_the_tags_label_and_says_what_was_done(
    make_canvas, label, facing, orientation
):
    canvas = make_canvas(label, facing)
    canvas.turn(orientation)
    for level in TextLevel:  # also where the reader has put most words away
        canvas.set_text_level(level)
        shown = [text for text, _, _ in canvas.text.lines_above(canvas.rect())]
        assert shown[0] == label
        said = [text for text in shown if text.startswith("⟲ ")]
        assert ", ".join(text[2:] for text in said) == orientation.text
        assert ("⇄ mirrored for display" in shown) is (facing != label[0])
    assert canvas.accessibleName().startswith(f"{label}, shown")
    assert orientation.text in canvas.accessibleName()


def test_the_words_of_a_turned_view_are_painted_in_the_colour_of_warnings(make_canvas):
    canvas = make_canvas("R CC")
    canvas.turn(AS_HUNG.mirrored())
    image = canvas.grab().toImage()
    corner = [image.pixelColor(x, y) for y in range(30, 110) for x in range(8, 150)]
    assert theme.WARNING in corner


@pytest.mark.parametrize("orientation", ALL)
def test_zooming_a_turned_view_keeps_what_is_under_the_pointer(make_canvas, orientation):
    from PySide6.QtCore import QPointF

    canvas = make_canvas("R CC", "L")
    canvas.turn(orientation)
    at = QPointF(150, 140)
    before = canvas.image.placement.to_source(at.x(), at.y())
    canvas.zoom_by(1.7, at)
    placement = canvas.image.placement
    assert np.allclose(placement.to_source(at.x(), at.y()), before, atol=1.5 / placement.scale_x)
    canvas.pan_by(20, -10)
    x, y = canvas.image.placement.to_canvas(*before)
    assert (x, y) == pytest.approx((170, 130), abs=1.5)


def test_reset_hangs_the_view_as_it_was(make_canvas):
    canvas = make_canvas()
    before = canvas.image.placement
    canvas.turn(AS_HUNG.turned_right().mirrored())
    assert canvas.image.placement != before
    canvas.reset()
    assert canvas.image.placement == before
