"""What lights up is what the file says: no dot lost, no padding lit, nothing out of place."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from engine.dicom import voi
from engine.domain import Explanation, Laterality, Pixels, VoiFunction, VoiWindow
from tests.phantom import breast
from tests.viewer.studies import as_pixels, make_study, make_view, pixels_of, spacing
from viewer.display import rendering
from viewer.display.breast_box import ImageSide
from viewer.display.camera import MAX_ZOOM, MIN_ZOOM
from viewer.display.heat_image import heat_colours, heat_image
from viewer.display.orientation import AS_HUNG
from viewer.display.placement import Placement
from viewer.display.rendering import PEAK_WEIGHT
from viewer.viewports.canvas import Canvas
from viewer.viewports.gestures import ZOOM_STEP
from viewer.viewports.magnifier import Magnifier

GREY = VoiWindow(127.5, 255, VoiFunction.LINEAR_EXACT)  # a stored value is its grey level
ZOOM_STEPS = [0.04 * 1.25**n for n in range(27)]  # from a film in a thumbnail to 13 : 1
TISSUE = 60


def prepare(pixels):
    return rendering.prepare(make_view(shape=pixels.shape), pixels)


def place(pixels, scale_x, scale_y=None, is_mirrored=False, left=0, top=0):
    rows, columns = pixels.shape
    height = max(1, round(rows * (scale_y or scale_x)))
    return Placement(
        rows, columns, left, top, max(1, round(columns * scale_x)), height, is_mirrored
    )


def render(pixels, placement, window=GREY, invert=False, display=None, size=None):
    """The whole view as grey levels."""
    width, height = size or (placement.width, placement.height)
    sampled = rendering.sample(display or prepare(pixels), placement, width, height)
    return rendering.develop(sampled, voi.display_table(pixels, window, invert))


def dots(size, contrast, rng, shape=(560, 470), pitch=90):
    """Tissue with square dots of `size` pixels, one in each field of `pitch`; and their places."""
    image = np.full(shape, TISSUE)
    places = []
    for row in range(0, shape[0] - pitch, pitch):
        for column in range(0, shape[1] - pitch, pitch):
            r, c = row + rng.integers(35, 55), column + rng.integers(35, 55)
            image[r : r + size, c : c + size] += contrast
            places.append((r + size / 2, c + size / 2))
    return as_pixels(image), places


@pytest.mark.parametrize("has_padding", [False, True])
def test_an_image_is_prepared_by_two_threads_as_by_one(has_padding):
    stored = np.random.default_rng(2).integers(0, 4096, (1027, 813)).astype(np.uint16)
    stored[:300, :200] = 0
    pixels = Pixels(stored, has_padding=has_padding)
    view = make_view(shape=pixels.shape)
    alone, together = (rendering.prepare(view, pixels, threads) for threads in (1, 2))
    for one, other in zip(alone.means + alone.peaks, together.means + together.peaks, strict=True):
        assert np.array_equal(one, other)
    assert (alone.breast, alone.presets) == (together.breast, together.presets)
    assert np.array_equal(alone.surroundings.breast, together.surroundings.breast)


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("aspect", [1.0, 1.6])
def test_no_microcalcification_vanishes_at_any_zoom(size, is_mirrored, aspect):
    contrast = 120
    for shape, scales in (((560, 470), ZOOM_STEPS[:16]), ((190, 100), ZOOM_STEPS[16:])):
        pixels, places = dots(size, contrast, np.random.default_rng(size), shape)
        display = prepare(pixels)
        for scale in scales:
            placement = place(pixels, scale, scale * aspect, is_mirrored)
            grey = render(pixels, placement, display=display).astype(int)
            reach = int(np.ceil(scale * aspect)) + 1
            # Below half size the promised share; above it a dot may be cut in four at worst.
            share = PEAK_WEIGHT if scale * aspect < 0.5 else 1 / 16
            for row, column in places:
                x, y = (int(value) for value in placement.to_canvas(row, column))
                around = grey[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
                kept = around.max() - TISSUE
                assert kept >= max(4, share * contrast - 1.5), f"lost at scale {scale:.3f}"


STEPS_SHAPE = (1600, 1200)


@pytest.mark.parametrize("turn", ["as hung", "mirrored", "turned_right"])
@pytest.mark.parametrize(("width", "height"), [(185, 330), (371, 331), (742, 662), (1300, 974)])
@pytest.mark.parametrize("aid", ["plain", "MONOCHROME1", "CLAHE"])
def test_no_microcalcification_vanishes_at_any_step_of_the_viewers_own_zoom(
    qtbot, width, height, turn, aid
):
    """On the canvas itself, from its smallest zoom by the steps of wheel and key to its largest,
    at 1:1 and at true size; in the cells of both common screens.
    """
    study = make_study(("R CC",), shape=STEPS_SHAPE, vois=(GREY,), pixel_spacing=spacing(0.07))
    image = np.full(STEPS_SHAPE, TISSUE)
    image[:, :300] = 2  # air
    dot = (801, 777)
    image[dot] = TISSUE + 120
    pixels = as_pixels(image)
    canvas = Canvas(study, study.views[0])
    qtbot.addWidget(canvas)
    canvas.resize(width, height)
    if aid == "MONOCHROME1":
        pixels = replace(pixels, is_inverted=True, value_scale=-1.0, value_offset=255.0)
    canvas.show_pixels(rendering.prepare(study.views[0], pixels))
    canvas.image.greys.set_local_contrast(aid == "CLAHE")
    canvas.set_fit(min(width / 1200, height / 1600) / 0.07, (0.07, 0.07))
    if turn != "as hung":
        canvas.turn(getattr(AS_HUNG, turn)())
    canvas.image.screen_pixel_mm = lambda: 0.27
    scales = [canvas.image.camera.scale * MIN_ZOOM]
    while scales[-1] < MAX_ZOOM / 0.07:
        scales.append(scales[-1] * ZOOM_STEP)
    scales += [1 / 0.07, canvas.image.true_scale]
    assert len(scales) > 20
    for scale in scales:
        canvas.fit()
        canvas.zoom_to(scale)
        canvas.centre(canvas.image.camera.scale, dot[0] + 0.5, dot[1] + 0.5)
        grey, x, y = canvas.image.grey()
        at = canvas.image.placement.to_canvas(dot[0] + 0.5, dot[1] + 0.5)
        column, row = int(at[0]) - x, int(at[1]) - y
        reach = math.ceil(canvas.image.camera.magnification) + 1
        around = grey[max(0, row - reach) : row + reach + 1, max(0, column - reach) :]
        around = around[:, : 2 * reach + 1].astype(int)
        ground = int(np.median(grey[grey > 30]))
        assert around.max() - ground >= 4, f"lost at {canvas.image.camera.magnification:.3f}"


@pytest.mark.parametrize("enlargement", [1, 2])
@pytest.mark.parametrize("zoom", [0.05, 0.4, 1.0, 3.0])
def test_no_microcalcification_is_missing_in_the_magnifying_glass(qtbot, enlargement, zoom):
    study = make_study(("R CC",), shape=STEPS_SHAPE, vois=(GREY,))
    image = np.full(STEPS_SHAPE, TISSUE)
    image[801, 777] = TISSUE + 120
    outer = QWidget()
    qtbot.addWidget(outer)
    outer.resize(640, 640)
    canvas = Canvas(study, study.views[0], outer)
    canvas.resize(640, 640)
    canvas.show_pixels(rendering.prepare(study.views[0], as_pixels(image)))
    canvas.set_fit(0.4, (1.0, 1.0))
    canvas.centre(zoom, 801.5, 777.5)
    glass = Magnifier()
    glass.enlargement = enlargement
    glass.follow(canvas, QPointF(320, 320))
    grey, *_ = glass.grey()
    whole = TISSUE + 120
    # At 1:1 the stored pixel itself; at 2:1 linear interpolation keeps more than half of it.
    assert grey.max() == whole if enlargement == 1 else grey.max() >= TISSUE + 60
    assert np.count_nonzero(grey > TISSUE + 4) <= 4 * enlargement**2
    glass.put_away()


@settings(max_examples=40, deadline=None)
@given(
    st.integers(60, 259),
    st.integers(60, 259),
    st.floats(0.03, 15.0),
    st.sampled_from([1, 2]),
    st.integers(-200, 200),
)
def test_a_dot_stays_wherever_it_lies_and_however_the_view_is_moved(
    row, column, scale, size, shift
):
    image = np.full((320, 320), TISSUE)
    image[row : row + size, column : column + size] = TISSUE + 120
    pixels = as_pixels(image)
    at_origin = place(pixels, scale)
    x, y = at_origin.to_canvas(row + size / 2, column + size / 2)
    # moved so that the dot lies somewhere on a canvas of 300 x 300
    left, top = round(150 + shift / 2 - x), round(150 - shift / 2 - y)
    placement = place(pixels, scale, left=left, top=top)
    sampled = rendering.sample(prepare(pixels), placement, 300, 300)
    grey = rendering.develop(sampled, voi.display_table(pixels, GREY))
    assert int(grey.max()) >= TISSUE + 4


def test_a_dot_outside_a_narrow_window_stays_too():
    """Mixing happens after windowing: black surroundings do not swallow a white dot."""
    image = np.full((800, 800), 1000)
    image[401, 399] = 3000
    pixels = as_pixels(image)
    window = VoiWindow(2500, 1000, VoiFunction.LINEAR_EXACT)
    for scale in (0.05, 0.1, 0.2, 0.4):
        assert render(pixels, place(pixels, scale), window).max() >= 4


def test_shrinking_keeps_the_mean_grey_of_tissue():
    rng = np.random.default_rng(1)
    image = np.clip(rng.normal(120, 4, (1201, 999)), 0, 255)
    pixels = as_pixels(image)
    for scale in (0.06, 0.11, 0.3, 0.49, 0.7):
        grey = render(pixels, place(pixels, scale))
        assert abs(grey.mean() - 120) < 0.125 * 3.5 * 4 + 0.5  # the price that the module names


def test_at_one_to_one_stored_pixels_are_shown_untouched():
    rng = np.random.default_rng(2)
    stored = rng.integers(0, 256, (300, 200))
    pixels = as_pixels(stored)
    grey = render(pixels, place(pixels, 1.0, left=-40, top=-30), size=(100, 120))
    assert np.array_equal(grey, stored[30:150, 40:140])
    mirrored = render(pixels, place(pixels, 1.0, is_mirrored=True))
    assert np.array_equal(mirrored, stored[:, ::-1])


@pytest.mark.parametrize("scale", [0.07, 0.13, 0.31, 0.5, 0.83, 1.7, 5.3])
def test_moving_a_view_only_moves_it(scale):
    """No shimmer: the same detail has the same grey wherever the crop begins."""
    pixels = pixels_of(make_view(shape=(1100, 900) if scale < 1 else (220, 180)))
    display = prepare(pixels)
    window = VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT)
    whole = render(pixels, place(pixels, scale), window, display=display).astype(int)
    height, width = whole.shape
    for left, top in ((-3, -7), (-11, -5), (-23, -19)):
        placement = place(pixels, scale, left=left, top=top)
        size = (width + 2 * left, height + 2 * top)
        part = render(pixels, placement, window, display=display, size=size)
        expected = whole[-top : -top + size[1], -left : -left + size[0]]
        assert np.abs(part - expected).max() <= 2


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("scale", [0.13, 0.31, 0.83, 1.0, 1.7])
def test_a_view_that_is_panned_step_by_step_looks_as_if_drawn_anew(scale, is_mirrored):
    pixels = pixels_of(make_view(shape=(1100, 900)))
    display = prepare(pixels)
    table = voi.display_table(pixels, VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT))
    size = (100, 90)

    def placed(left, top):
        return place(pixels, scale, is_mirrored=is_mirrored, left=left, top=top)

    def draw(sampled):
        return rendering.develop(sampled, table)

    first = rendering.sample(display, placed(0, 0), *size)
    picture = rendering.Picture(placed(0, 0), first.x, first.y, draw(first))
    for left, top in ((-9, -4), (-9, -30), (20, 11), (-60, 3), (-15, -15)):
        picture = rendering.moved_picture(picture, display, placed(left, top), size, draw)
        anew = rendering.sample(display, placed(left, top), *size)
        grey, *corner = picture.seen(*size)
        assert corner == [anew.x, anew.y]
        assert np.abs(grey.astype(int) - draw(anew)).max() <= 2


@pytest.mark.parametrize("scale", [0.06, 0.2, 0.37, 0.5, 0.8, 1.0, 1.4, 4.0])
@pytest.mark.parametrize("invert", [False, True])
def test_padding_is_black_in_both_polarities_and_has_no_rim(scale, invert):
    stored = np.full((640, 480), 200)
    stored[:, :171] = 0
    stored[:77] = 0
    pixels = as_pixels(stored, has_padding=True)
    grey = render(pixels, place(pixels, scale), invert=invert)
    tissue = 55 if invert else 200
    assert set(np.unique(grey)) <= {0, tissue - 1, tissue, tissue + 1}
    assert np.isclose((grey == 0).mean(), (stored == 0).mean(), atol=0.04)


def test_a_monochrome1_file_looks_like_its_monochrome2_twin():
    plain = pixels_of(make_view(shape=(300, 200)))
    twin = as_pixels(plain.stored, value_scale=-1.0, value_offset=4095.0, is_inverted=True)
    window = VoiWindow(2047.5, 4095, VoiFunction.LINEAR_EXACT)
    for scale in (0.3, 1.0, 2.0):
        one = render(plain, place(plain, scale), window).astype(int)
        other = render(twin, place(twin, scale), window)
        assert np.abs(one - other).max() <= 1


@given(
    st.floats(0, 400), st.floats(0, 300), st.floats(0.05, 8), st.integers(-900, 900), st.booleans()
)
def test_source_to_canvas_and_back_is_where_it_began(row, column, scale, corner, is_mirrored):
    placement = Placement(
        400,
        300,
        corner,
        -corner,
        max(1, round(300 * scale)),
        max(1, round(400 * scale)),
        is_mirrored,
    )
    back = placement.to_source(*placement.to_canvas(row, column))
    assert np.allclose(back, (row, column), atol=1e-6)


def test_a_view_off_the_canvas_gives_no_sample():
    pixels = as_pixels(np.full((100, 100), 9))
    assert rendering.sample(prepare(pixels), place(pixels, 1.0, left=500), 300, 300) is None


# --------------------------------------------------------------------------------- finding breasts


@pytest.mark.parametrize(("side", "wall"), [("R", ImageSide.RIGHT), ("L", ImageSide.LEFT)])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_the_chest_wall_is_found_in_the_pixels(side, wall, view):
    pixels = as_pixels(breast(side, view, 700, 500) * 4095)
    assert prepare(pixels).breast.chest_wall is wall


def test_the_box_holds_the_breast_and_leaves_out_air_labels_and_film_borders():
    image = breast("L", "CC", 800, 700) * 4095
    tissue = image > 400
    image[40:90, 560:640] = 4000  # a side marker
    image[-9:, :] = 4000  # the film's border
    box = prepare(as_pixels(image)).breast
    rows, columns = np.nonzero(tissue)
    assert box.row_start <= rows.min()
    assert box.row_stop >= rows.max()
    assert box.column_start == 0
    assert columns.max() <= box.column_stop <= columns.max() + 40


@pytest.mark.parametrize("value", [0, 700])
def test_an_image_without_a_breast_is_shown_whole(value):
    box = prepare(as_pixels(np.full((300, 200), value))).breast
    assert (box.row_start, box.row_stop, box.column_start, box.column_stop) == (0, 300, 0, 200)
    assert box.chest_wall is None


def test_a_display_is_mirrored_only_where_pixels_and_side_clearly_disagree():
    right = prepare(as_pixels(breast("R", "CC", 500, 400) * 4095)).breast
    assert not right.must_mirror(Laterality.RIGHT)
    assert right.must_mirror(Laterality.LEFT)
    assert not right.must_mirror(None)
    unclear = prepare(as_pixels(np.full((300, 200), 700))).breast
    assert not unclear.must_mirror(Laterality.RIGHT)


@pytest.mark.parametrize("facing", ["R", "L"])
def test_a_thumbnail_shows_the_chest_wall_where_it_hangs(facing):
    pixels = as_pixels(breast(facing, "CC", 500, 400) * 4095)
    image = rendering.thumbnail(prepare(pixels), 90, Laterality.RIGHT)
    assert image.height() == 90

    def lit(x):
        return sum(image.pixelColor(x, y).lightness() > 40 for y in range(90))

    assert lit(image.width() - 2) > 40 > lit(1)


# ---------------------------------------------------------------------------------------- heat-map


def heat_alpha(explanation, placement, size):
    """How opaque the heat-map is on a canvas of `size`: (rows, columns)."""
    image, x, y = heat_image(explanation, placement, *size)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)
    alpha = np.zeros(size[::-1])
    alpha[y : y + image.height(), x : x + image.width()] = pixels[:, :, 3]
    return alpha


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize(("scale", "left", "top"), [(0.2, 5, 9), (0.5, -20, -30), (1.3, -60, -160)])
def test_the_heat_map_lies_on_its_own_pixels_when_mirrored_zoomed_and_moved(
    is_mirrored, scale, left, top
):
    heat = np.zeros((20, 16), np.float32)
    heat[7, 4] = 1.0
    region = (100, 500, 60, 380)  # a cell is 20 x 20 pixels; the hot one is centred on (250, 150)
    placement = Placement(600, 440, left, top, round(440 * scale), round(600 * scale), is_mirrored)
    size = (520, 380)
    x, y = placement.to_canvas(250.0, 150.0)
    assert 0 < x < size[0]
    assert 0 < y < size[1]
    alpha = heat_alpha(Explanation(heat, region, "", ""), placement, size)
    rows, columns = np.nonzero(alpha > 0.9 * alpha.max())
    assert abs(rows.mean() + 0.5 - y) <= 1
    assert abs(columns.mean() + 0.5 - x) <= 1


def test_mirroring_the_display_mirrors_the_heat_map_exactly():
    heat = np.random.default_rng(3).random((24, 16)).astype(np.float32)
    explanation = Explanation(heat, (40, 360, 20, 260), "", "")
    straight = heat_alpha(explanation, Placement(400, 300, 0, 0, 150, 200), (150, 200))
    mirrored = heat_alpha(explanation, Placement(400, 300, 0, 0, 150, 200, True), (150, 200))
    assert straight.max() > 100
    assert np.abs(straight - mirrored[:, ::-1]).max() <= 2


def test_a_quiet_breast_looks_quiet():
    quiet = Explanation(np.full((8, 8), 0.09, np.float32), (0, 100, 0, 100), "", "")
    assert heat_alpha(quiet, Placement(100, 100, 0, 0, 80, 80), (80, 80)).max() == 0


def test_more_heat_is_never_darker_or_more_transparent():
    colours = heat_colours().astype(float)
    blue, green, red, alpha = colours.T
    assert (np.diff(alpha) >= 0).all()
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(luminance) >= -1).all()
    assert luminance[-1] > luminance[128] > luminance[40] + 5
    assert (colours[:, :3] <= alpha[:, None]).all()  # premultiplied


def test_nothing_is_painted_outside_the_region_of_the_heat_map():
    hot = Explanation(np.ones((4, 4), np.float32), (50, 100, 20, 60), "", "")
    alpha = heat_alpha(hot, Placement(200, 100, 0, 0, 100, 200), (100, 200))
    painted = np.argwhere(alpha > 0)
    assert painted.min(axis=0).tolist() == [50, 20]
    assert painted.max(axis=0).tolist() == [99, 59]
