"""Breasts of one page are as large as they are, and where that is not known it is said."""

from dataclasses import replace

import pytest

from engine.domain import SpacingSource
from tests.viewer.studies import make_view, spacing
from viewer.display.page_scale import FILL, Basis, fit, share

CELL = (400, 500)


def view_fit(mm=None, rows=1000, columns=500, **changes):
    view = make_view(pixel_spacing=spacing(mm) if mm else None, **changes)
    return fit(view, (rows, columns), CELL)


def test_a_view_fills_its_cell_by_the_side_that_is_tight():
    assert view_fit(0.1).scale == pytest.approx(FILL * 5)  # 100 mm in 500 pixels
    assert view_fit(0.1, 1000, 2000).scale == pytest.approx(FILL * 2)  # 200 mm in 400 pixels


def test_machines_with_other_pixels_share_millimetres():
    shared = share([view_fit(0.1), view_fit(0.05, 2400, 1000)], True, True)
    assert shared.basis is Basis.MILLIMETRES
    assert len(set(shared.scales)) == 1
    assert shared.scales[0] == pytest.approx(FILL * 500 / 120)  # the larger one fits
    assert shared.are_alike == (True, True)


def test_spacings_of_different_origin_are_told():
    calibrated = replace(spacing(0.09), source=SpacingSource.CALIBRATED)
    other = fit(make_view(pixel_spacing=calibrated), (1000, 500), CELL)
    assert share([view_fit(0.1), other], True, True).basis is Basis.MIXED


def test_a_view_without_spacing_neither_shares_nor_spoils_the_millimetres():
    shared = share([view_fit(0.1), view_fit(None, 50, 20), view_fit(0.1, 900)], True, True)
    assert shared.basis is Basis.PARTLY
    assert shared.scales[0] == shared.scales[2] != shared.scales[1]
    assert shared.are_alike == (True, False, True)


def test_breasts_four_times_as_tall_show_that_a_spacing_is_wrong():
    shared = share([view_fit(0.1), view_fit(0.4)], True, True)
    assert shared.basis is Basis.CONTRADICTORY
    assert shared.are_alike == (False, False)
    assert shared.scales == (view_fit(0.1).scale, view_fit(0.4).scale)
    assert share([view_fit(0.1), view_fit(0.39)], True, True).basis is Basis.MILLIMETRES
    assert share([view_fit(0.1), view_fit(0.4)], True, False).basis is Basis.MILLIMETRES


def test_pixels_that_are_not_square_keep_their_proportions():
    flat = replace(spacing(0.1), row_mm=0.2)
    one = fit(make_view(pixel_spacing=flat), (500, 500), CELL)
    assert (one.unit, one.height) == ((0.1, 0.2), 100)
    assert one.scale == view_fit(0.1).scale
    bare = fit(make_view(pixel_aspect=2.0), (500, 500), CELL)
    assert (bare.unit, bare.height) == ((1.0, 2.0), 1000)


def test_without_any_spacing_pixels_compare_only_where_sizes_are_alike():
    assert share([view_fit(), view_fit(rows=1900)], False, True).basis is Basis.PIXELS
    shared = share([view_fit(), view_fit(rows=2000)], False, True)
    assert (shared.basis, shared.are_alike) == (Basis.EACH, (False, False))


def test_a_failed_view_has_no_say_and_one_alone_has_nothing_to_compare():
    failed = replace(view_fit(0.1, 9000), is_shown=False)
    shared = share([view_fit(0.1), failed], True, True)
    assert shared.scales[0] == view_fit(0.1).scale
    assert (shared.basis, shared.are_alike) == (None, (True, True))
    assert share([failed], True, True).scales == (failed.scale,)


def test_a_breast_on_its_side_is_shrunk_to_fit_and_does_not_shrink_the_others():
    view = make_view(pixel_spacing=spacing(0.1))
    lying = fit(view, (1000, 500), CELL, is_lying=True)
    assert lying.scale == pytest.approx(FILL * 4)  # its 100 mm along 400 pixels
    upright = view_fit(0.1)
    shared = share([upright, lying, upright], True, True)
    assert shared.scales == (upright.scale, lying.scale, upright.scale)
    assert shared.are_alike == (True, False, True)
    small = fit(view, (700, 400), CELL, is_lying=True)
    shared = share([upright, small], True, True)
    assert shared.scales == (upright.scale, upright.scale)
    assert share([lying, upright, upright], False, True).scales[0] == lying.scale
