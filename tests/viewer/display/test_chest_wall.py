"""Chest walls come together, and whatever tags and pixels do not agree on is said."""

import pytest

from tests.viewer.studies import make_view
from viewer.display.breast_box import ImageSide
from viewer.display.chest_wall import CHECK_SIDE, check_side

LEFT, RIGHT = ImageSide.LEFT, ImageSide.RIGHT


def check(label, in_pixels, orientation=(), **changes):
    return check_side(make_view(label, orientation=orientation, **changes), in_pixels)


@pytest.mark.parametrize(("label", "wall"), [("R CC", RIGHT), ("L MLO", LEFT)])
@pytest.mark.parametrize("tagged", [True, False])
def test_nothing_is_said_where_all_agree(label, wall, tagged):
    orientation = ("P" if wall is RIGHT else "A", "F") if tagged else ()
    verdict = check(label, wall, orientation)
    assert (verdict.is_mirrored, verdict.warnings) == (False, ())


def test_a_breast_that_faces_the_wrong_way_is_mirrored_with_a_warning():
    verdict = check("R CC", LEFT)
    assert verdict.is_mirrored
    assert verdict.warnings == (CHECK_SIDE, "chest wall on other side")


def test_an_image_that_is_stored_mirrored_and_says_so_is_turned_without_a_warning():
    verdict = check("R MLO", LEFT, ("A", "FL"))
    assert (verdict.is_mirrored, verdict.warnings) == (True, ())


def test_pixels_that_contradict_the_orientation_tag_are_followed_with_a_warning():
    verdict = check("R CC", LEFT, ("P", "L"))
    assert verdict.is_mirrored
    assert verdict.warnings == (CHECK_SIDE, "chest wall not as tagged")
    verdict = check("R MLO", RIGHT, ("A", "FL"))
    assert not verdict.is_mirrored
    assert verdict.warnings == (CHECK_SIDE, "chest wall not as tagged")


def test_where_the_pixels_do_not_tell_the_orientation_tag_does():
    assert check("R CC", None, ("A", "L")).is_mirrored
    assert not check("R CC", None, ("P", "L")).is_mirrored
    assert not check("R CC", None).is_mirrored


def test_an_unknown_side_is_neither_turned_nor_doubted():
    assert check("? CC", LEFT) == check("? CC", RIGHT)
    assert not check("? CC", LEFT).is_mirrored


def test_contradictions_between_tags_are_said_before_any_pixel_is_there():
    verdict = check("R CC", None, laterality_warnings=("tags say both R and L",))
    assert verdict.warnings == (CHECK_SIDE, "tags say both R and L")
    claims = ("2 images claim R CC", "none L CC")
    assert check_side(make_view("R CC"), RIGHT, claims).warnings == (CHECK_SIDE, *claims)


@pytest.mark.parametrize(
    ("label", "orientation", "words"),
    [
        ("R MLO", ("P", "HL"), "upside down by its tag"),
        ("L ML", ("A", "H"), "upside down by its tag"),
        ("R CC", ("P", "R"), "upside down by its tag"),
        ("L CC", ("A", "L"), "upside down by its tag"),
        ("R CC", ("L", "P"), "lies on its side by its tag"),
    ],
)
def test_what_must_be_turned_by_hand_is_said(label, orientation, words):
    assert words in check(label, None, orientation).warnings


@pytest.mark.parametrize("orientation", [("CC",), ("", ""), ("P",), ("A", "B", "C"), ("?", "!")])
def test_an_orientation_that_makes_no_sense_changes_nothing(orientation):
    assert check("R CC", RIGHT, orientation) == check("R CC", RIGHT)
