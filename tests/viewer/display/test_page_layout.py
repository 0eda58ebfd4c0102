"""Where cells lie: breasts back to back without a line, rows and breasts apart by one."""

import pytest

from tests.viewer.studies import STANDARD
from viewer.display.hanging import Cell
from viewer.display.page_layout import lay_out


def cells(*labels):
    return [Cell(None, label) for label in labels]


def test_breasts_that_hang_back_to_back_touch_and_rows_are_parted_by_a_line():
    right_cc, left_cc, right_mlo, left_mlo = lay_out(cells(*STANDARD), 2, 640, 600)
    assert right_cc == (0, 0, 320, 300)
    assert left_cc == (320, 0, 320, 300)
    assert right_mlo == (0, 301, 320, 299)
    assert left_mlo == (320, 301, 320, 299)


def test_in_one_row_a_line_parts_the_pairs_but_not_the_breasts():
    rects = lay_out(cells(*STANDARD), 4, 640, 600)
    assert [rect.x for rect in rects] == [0, 160, 321, 480]
    assert {rect.y for rect in rects} == {0}


@pytest.mark.parametrize(("width", "height"), [(641, 479), (333, 777), (5, 5)])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_no_pixel_is_covered_twice_and_none_but_the_lines_is_left(width, height, columns):
    seen = set()
    for x, y, wide, tall in lay_out(cells("R CC", "R MLO", "R ML"), columns, width, height):
        pixels = {(across, down) for across in range(x, x + wide) for down in range(y, y + tall)}
        assert not pixels & seen
        seen |= pixels
    rows = -(-3 // columns)
    lines = (columns - 1) * height + (rows - 1) * width
    empty = (rows * columns - 3) * (width // columns + 1) * (height // rows + 1)
    assert width * height - len(seen) <= lines + empty


def test_an_empty_page_has_no_places():
    assert lay_out([], 2, 640, 600) == []
