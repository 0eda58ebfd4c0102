"""Film borders and light beside the breast are covered, the breast never; where there is only air
nothing is looked at.
"""

import numpy as np
import pytest

from tests.phantom import breast
from tests.viewer.driver import canvases, open_and_wait, use
from tests.viewer.studies import as_pixels, make_study
from viewer.display import rendering
from viewer.display.shown_image import ShownImage
from viewer.viewports.corner_text import window_text

ROWS, COLUMNS = 800, 600
TOP, BOTTOM, BESIDE = 18, 12, 14  # pixels of film border
SIDES = ("R", "L")
POSITIONS = ("CC", "MLO")


def film(side="R", position="CC", rows=ROWS, columns=COLUMNS):
    """A scanned film in [0, 1]: breast, noisy air, white borders but at the chest wall."""
    noise = np.random.default_rng(3).uniform(0, 0.02, (rows, columns))
    image = 0.75 * breast(side, position, rows, columns) + noise
    image[:TOP] = image[-BOTTOM:] = 1
    if side == "R":
        image[:, :BESIDE] = 1
    else:
        image[:, -BESIDE:] = 1
    return image


def shown(values, label="R CC", size=(600, 800), **pixels):
    """At 1:1 on a canvas as large as the image, or smaller."""
    study = make_study((label,), shape=values.shape)
    image = ShownImage(study, study.views[0], lambda: size)
    stored = as_pixels(np.round(values * 4095), **pixels)
    image.show(rendering.prepare(study.views[0], stored))
    image.camera = image.camera.fitting(1.0, (1.0, 1.0))
    image.camera = image.camera.centred(1.0, values.shape[0] / 2, values.shape[1] / 2)
    return image


def tissue(side, position, rows=ROWS, columns=COLUMNS):
    return breast(side, position, rows, columns) > 0.1


def hidden(image):
    """Which pixels of the image are black with the shutter, and are not without it."""
    with_it, x, y = image.grey()
    assert (x, y) == (0, 0)
    image.has_shutter = False
    without, _, _ = image.grey()
    image.has_shutter = True
    assert (with_it[with_it != without] == 0).all()
    covered = image.display.surroundings.light
    return np.zeros(with_it.shape, bool) if covered is None else (with_it == 0) & (without > 60)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("position", POSITIONS)
def test_borders_of_a_film_are_covered_and_no_breast_is(side, position):
    covered = hidden(shown(film(side, position), f"{side} {position}"))
    far = covered[200:600, :BESIDE] if side == "R" else covered[200:600, -BESIDE:]
    assert far.mean() > 0.95
    air = slice(BESIDE, 250) if side == "R" else slice(-250, -BESIDE)
    assert covered[:TOP, air].mean() > 0.9
    assert covered[-BOTTOM:, air].mean() > 0.9
    inside = tissue(side, position)
    inside[:TOP] = inside[-BOTTOM:] = False  # there the border lies over it
    assert not covered[inside].any()


@pytest.mark.parametrize("is_inverted", [False, True])
@pytest.mark.parametrize("is_monochrome1", [False, True])
def test_what_is_covered_is_black_in_both_polarities(is_monochrome1, is_inverted):
    stored = {"value_scale": -1.0, "value_offset": 4095.0, "is_inverted": True}
    image = shown(film(), **(stored if is_monochrome1 else {}))
    image.greys.set_inverted(is_inverted)
    grey, _, _ = image.grey()
    assert grey[300:500, 2 : BESIDE - 4].max() == 0
    image.has_shutter = False
    grey, _, _ = image.grey()
    assert (grey[300:500, 2 : BESIDE - 4].min() == 255) is not is_inverted


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("position", POSITIONS)
def test_a_digital_image_has_nothing_to_be_covered(side, position):
    image = shown(breast(side, position, ROWS, COLUMNS), f"{side} {position}")
    assert image.display.surroundings.light is None
    assert not image.is_shuttered


def test_a_breast_as_white_as_film_that_fills_three_edges_is_not_covered():
    row, column = np.mgrid[:ROWS, :COLUMNS]
    values = np.where(column > 200 + 0.3 * abs(row - ROWS / 2), 0.97, 0.01)
    assert shown(values).display.surroundings.light is None
    values = np.where(column > 560, 0.98, 0.01 + 0.6 * breast(rows=ROWS, columns=COLUMNS))
    covered = hidden(shown(np.where(row > 500, values, 0.01)))
    assert not covered.any()  # a strip of trunk at the chest wall


def at_the_wall(side, depth):
    """Which pixels lie so near the chest wall; `depth` in pixels, one for each row or for all."""
    column = np.arange(COLUMNS)[None]
    from_wall = COLUMNS - 1 - column if side == "R" else column
    return from_wall < np.broadcast_to(depth, (ROWS,))[:, None]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("is_aslant", [False, True])
def test_a_border_along_the_chest_wall_is_covered_where_it_ends_straight_and_sharply(
    side, is_aslant
):
    depth = np.linspace(4, 10, ROWS) if is_aslant else 8
    border = at_the_wall(side, depth)
    covered = hidden(shown(np.where(border, 1, film(side)), f"{side} CC"))
    assert covered[border].mean() > 0.6
    assert not covered[tissue(side, "CC") & ~at_the_wall(side, depth + 2)].any()


@pytest.mark.parametrize("side", SIDES)
def test_muscle_as_white_as_film_along_the_chest_wall_is_not_covered(side):
    column = np.arange(COLUMNS)
    from_wall = COLUMNS - 1 - column if side == "R" else column
    fading = np.clip(1.05 - from_wall / 60, 0, 1)[None] * np.linspace(1, 0.7, ROWS)[:, None]
    wavy = at_the_wall(side, 12 + 8 * np.sin(np.arange(ROWS) / 40))
    for muscle in (fading, np.where(wavy, 0.97, 0)):
        values = np.maximum(0.6 * breast(side, "CC", ROWS, COLUMNS), muscle)
        assert shown(values, f"{side} CC").display.surroundings.light is None


def test_a_side_marker_that_touches_a_covered_border_stays():
    values = film("R")
    marker = np.s_[100:150, BESIDE : BESIDE + 30]
    values[marker] = 1
    covered = hidden(shown(values))
    assert covered[200:600, :BESIDE].mean() > 0.95
    assert covered[marker].mean() < 0.4


def test_a_side_marker_stays_even_at_the_edge():
    values = breast(rows=ROWS, columns=COLUMNS)
    values[:40, 20:70] = values[100:150, :40] = 1
    assert shown(values).display.surroundings.light is None


def test_an_image_without_a_breast_is_left_as_it_is():
    for values in (np.zeros((ROWS, COLUMNS)), np.ones((ROWS, COLUMNS)), np.eye(40) * 0.5):
        image = shown(values)
        assert image.display.surroundings.light is None
        assert image.display.surroundings.is_breast_in(0, 0.1, 0, 0.1)


@pytest.mark.parametrize("side", SIDES)
def test_parts_of_air_are_skipped_and_every_pixel_of_the_breast_is_in_one(side):
    rows, columns, size = 1200, 900, (100, 75)
    image = shown(film(side, "CC", rows, columns), f"{side} CC", size)
    assert 0 < len(image.tiles) < len(image.camera.tiles)
    seen = np.zeros((rows, columns), bool)
    tall, wide = (length / 2 for length in image.camera.tile_extent)
    for row, column in image.tiles:
        top, left = max(0, round(row - tall)), max(0, round(column - wide))
        seen[top : round(row + tall), left : round(column + wide)] = True
    assert seen[tissue(side, "CC", rows, columns)].all()


def test_the_shutter_is_on_told_in_the_corner_and_off_by_one_key(window, write_studies, qtbot):
    def edit(dataset):
        values = film(dataset.ImageLaterality, "CC", dataset.Rows, dataset.Columns)
        dataset.PixelData = np.round(values * 4095).astype("<u2").tobytes()

    open_and_wait(qtbot, window, write_studies(2, rows=ROWS, columns=COLUMNS, edit=edit))
    canvas = canvases(window)[0]

    def corner():
        return [line.text for line in canvas.text.bottom_lines()]

    assert "shutter" in corner()
    use(window, "toggle_shutter")
    assert "shutter" not in corner()
    assert not window.commands.action("toggle_shutter").isChecked()
    use(window, "step_study_1")
    qtbot.waitUntil(lambda: all(c.image.has_pixels for c in canvases(window)))
    assert not any(c.image.is_shuttered for c in canvases(window))
    assert window.commands.action("toggle_shutter").shortcut().toString() == "D"


def test_a_window_over_all_of_16_bits_is_told_in_words(window):
    from engine.domain import VoiWindow

    assert window_text(VoiWindow(32768, 65536, name="NORMAL")) == "full range NORMAL"
    assert window_text(VoiWindow(2048, 4096, name="NORMAL")) == "W 4096 L 2048 NORMAL"
