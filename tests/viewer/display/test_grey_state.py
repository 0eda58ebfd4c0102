"""Which grey a stored value has: the file's windows, the reader's, and back again."""

import numpy as np
import pytest

from engine.domain import VoiFunction, VoiLut, VoiWindow
from tests.viewer.studies import WINDOW, as_pixels, make_view, pixels_of
from viewer.display import rendering
from viewer.display.grey_state import GreyState
from viewer.display.placement import Placement
from viewer.display.rendering import NOTHING

SOFT = VoiWindow(1500, 3000, VoiFunction.LINEAR_EXACT, "soft")


def shown(pixels=None, **changes):
    view = make_view(**{"vois": (WINDOW, SOFT), **changes})
    greys = GreyState()
    greys.show(rendering.prepare(view, pixels or pixels_of(view)))
    return greys


def test_pixels_come_up_in_the_files_first_window():
    greys = shown()
    assert greys.voi == WINDOW
    assert greys.table.shape == (65536,)
    assert (greys.table[0], greys.table[4095]) == (0, 255)


def test_presets_are_counted_round_both_ways():
    greys = shown()
    names = []
    for index in (0, 1, 2, 3, -1):
        greys.show_preset(index)
        names.append(greys.voi.name)
    assert names == ["normal", "soft", "automatic", "normal", "automatic"]


def test_wider_is_by_a_factor_and_brighter_by_parts_of_the_width():
    greys = shown()
    greys.adjust(np.log(2), 0.25)
    assert (greys.voi.width, greys.voi.center) == pytest.approx((8192, 2048 - 1024))
    assert greys.voi.name == "adjusted"


@pytest.mark.parametrize("is_monochrome1", [False, True])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_brighter_is_brighter_in_every_polarity(is_monochrome1, is_inverted):
    values = pixels_of(make_view()).stored
    pixels = as_pixels(values)
    if is_monochrome1:
        pixels = as_pixels(values, value_scale=-1.0, value_offset=4095.0, is_inverted=True)
    greys = shown(pixels)
    greys.set_inverted(is_inverted)
    before = greys.table[2000]
    greys.adjust(0, 0.1)
    assert greys.table[2000] > before + 20


def test_a_window_stays_as_wide_as_its_formula_needs():
    greys = shown(vois=(VoiWindow(2048, 10),))
    greys.adjust(-20, 0)
    assert greys.voi.width == 2
    exact = shown(vois=(VoiWindow(0.5, 1, VoiFunction.LINEAR_EXACT),))
    exact.adjust(-20, 0)
    assert exact.voi.width == 2  # of two stored values


def test_a_table_is_adjusted_as_the_window_nearest_to_it():
    ramp = VoiLut(np.linspace(0, 255, 2000).astype(np.uint8), 1000, 8, "curve")
    greys = shown(vois=(ramp,))
    greys.adjust(0.1, 0)
    assert isinstance(greys.voi, VoiWindow)


def test_the_straight_line_is_called_so_until_a_preset_takes_its_place():
    greys = shown(vois=(VoiWindow(2048, 3000, VoiFunction.SIGMOID, "curve"), SOFT))
    greys.show_linear()
    assert greys.voi.function is VoiFunction.LINEAR_EXACT
    greys.adjust(0.1, 0)
    assert greys.is_linear
    greys.show_preset(0)
    assert (greys.is_linear, greys.voi.name) == (False, "curve")


def test_a_reset_takes_back_all_that_was_set():
    greys = shown()
    first = greys.table
    greys.show_preset(1)
    greys.set_inverted(True)
    greys.set_local_contrast(True)
    greys.reset()
    assert (greys.is_inverted, greys.has_local_contrast) == (False, False)
    assert np.array_equal(greys.table, first)


def test_every_change_is_heard_of_and_a_table_is_made_once():
    greys, heard = shown(), []
    greys.changed = lambda: heard.append(greys.voi)
    assert greys.table is greys.table
    before = greys.table
    greys.adjust(0.1, 0)
    greys.set_inverted(True)
    greys.set_local_contrast(True)
    assert len(heard) == 3
    assert greys.table is not before


def test_the_aid_changes_what_is_developed_and_no_table():
    view = make_view()
    display = rendering.prepare(view, pixels_of(view))
    greys = GreyState()
    greys.show(display)
    sampled = rendering.sample(display, Placement(400, 300, 0, 0, 300, 400), 300, 400)
    plain, table = greys.develop(sampled), greys.table
    greys.set_local_contrast(True)
    assert not np.array_equal(greys.develop(sampled), plain)
    assert np.array_equal(greys.table, table)


@pytest.mark.parametrize("is_inverted", [False, True])
def test_where_there_are_no_pixels_everything_is_black(is_inverted):
    greys = GreyState()
    greys.set_inverted(is_inverted)
    greys.adjust(1.0, -1.0)
    sampled = rendering.sample(NOTHING, Placement(1, 1, 0, 0, 20, 20), 20, 20)
    assert greys.develop(sampled).max() == 0
