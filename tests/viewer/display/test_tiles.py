"""The parts of a view at 1:1: none is left out, and the hand always knows where the next one is."""

from itertools import pairwise

import numpy as np
import pytest

from viewer.display.breast_box import BreastBox
from viewer.display.orientation import AS_HUNG
from viewer.display.placement import Placement
from viewer.display.tiles import tiles_over

BOX = BreastBox(100, 3900, 1200, 3328, None)
EVERY_WAY = [
    turned
    for start in (AS_HUNG, AS_HUNG.mirrored())
    for turned in (
        start,
        start.turned_right(),
        start.turned_right().turned_right(),
        start.turned_left(),
    )
]


def placed(turned=AS_HUNG, rows=4096, columns=3328):
    """At 1:1, its corner in the origin."""
    size = (rows, columns) if turned.is_transposed else (columns, rows)
    flags = turned.is_mirrored, turned.is_flipped, turned.is_transposed
    return Placement(rows, columns, 0, 0, *size, *flags)


@pytest.mark.parametrize("turned", EVERY_WAY, ids=lambda turned: turned.text or "as hung")
@pytest.mark.parametrize(("width", "height"), [(1310, 930), (2048, 2560), (187, 333), (5000, 5000)])
def test_the_parts_cover_the_breast_however_it_is_turned(width, height, turned):
    at_actual = placed(turned)
    seen = np.zeros((4096, 3328), bool)
    for row, column in tiles_over(BOX, at_actual, width, height):
        x, y = at_actual.to_canvas(row, column)
        (row0, column0), (row1, column1) = (
            at_actual.to_source(x + right * width / 2, y + down * height / 2)
            for right, down in ((-1, -1), (1, 1))
        )
        (top, bottom), (left, right) = sorted((row0, row1)), sorted((column0, column1))
        seen[max(0, round(top)) : round(bottom), max(0, round(left)) : round(right)] = True
    assert seen[100:3900, 1200:3328].all()


@pytest.mark.parametrize("turned", EVERY_WAY, ids=lambda turned: turned.text or "as hung")
def test_the_parts_run_to_the_right_as_displayed_and_back_in_the_line_below(turned):
    at_actual = placed(turned)
    spots = [at_actual.to_canvas(*part) for part in tiles_over(BOX, at_actual, 900, 1100)]
    lines = sorted({round(y, 3) for _, y in spots})
    across = sorted({round(x, 3) for x, _ in spots})
    assert len(lines) > 1
    assert len(across) > 1
    expected = [
        (x, y) for number, y in enumerate(lines) for x in (across[::-1] if number % 2 else across)
    ]
    assert [(round(x, 3), round(y, 3)) for x, y in spots] == expected


def test_neighbours_overlap_by_a_tenth_at_least_and_each_adjoins_the_last():
    middles = tiles_over(BOX, placed(), 1310, 930)
    for length, values in (
        (930, sorted({row for row, _ in middles})),
        (1310, sorted({column for _, column in middles})),
    ):
        assert all(b - a <= 0.9001 * length for a, b in pairwise(values))
    moves = [(abs(a[0] - b[0]) > 0, abs(a[1] - b[1]) > 0) for a, b in pairwise(middles)]
    assert all(down != across for down, across in moves)
    assert len(set(middles)) == len(middles)


def test_a_breast_that_fits_is_one_part_in_the_middle():
    box = BreastBox(0, 100, 0, 50, None)
    assert tiles_over(box, placed(rows=100, columns=50), 200, 200) == ((50.0, 25.0),)


def test_a_screen_that_holds_a_quarter_shows_the_four_quadrants():
    box = BreastBox(0, 2000, 0, 1600, None)
    assert len(tiles_over(box, placed(rows=2000, columns=1600), 900, 1100)) == 4
