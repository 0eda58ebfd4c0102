"""What is told by colour reaches everybody: contrast, and eyes that lack a kind of cone.

Colour blindness is simulated by the matrices of Machado, Oliveira and Fernandes (IEEE TVCG 2009,
severity 1), in linear light; differences are CIE 1976 ΔE*ab, where about 2 is just seen.
"""

from itertools import combinations

import numpy as np
import pytest
from PySide6.QtGui import QColor

from viewer.display.heat_image import heat_colours
from viewer.panes import agreement_charts, category_bars
from viewer.shared import theme

EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = TO_XYZ.sum(axis=1)


def linear(srgb):
    """0 … 1, red, green and blue in the last axis."""
    srgb = np.asarray(srgb, float)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(srgb, eye):
    """CIE L*a*b* of what that eye sees."""
    seen = np.clip(linear(srgb) @ EYES[eye].T, 0, 1)
    ratio = seen @ TO_XYZ.T / WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb(colour: QColor):
    return np.array(colour.getRgbF()[:3])


def difference(one, other, eye):
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


def over_grey(grey, opacity=1.0):
    """All heat colours painted over a grey, as the canvas does: (256, 3) sRGB."""
    colours = heat_colours().astype(float) / 255 * opacity
    return colours[:, 2::-1] + (1 - colours[:, 3:]) * grey


# ------------------------------------------------------------------------------------- contrast


def test_every_text_colour_can_be_read_on_every_surface():
    for text in theme.TEXT_COLOURS:
        for surface in theme.SURFACES:
            ratio = theme.contrast(text, surface)
            assert ratio >= 4.5, (text.name(), surface.name(), ratio)
    assert theme.contrast(theme.ON_SUSPICIOUS, theme.SUSPICIOUS) >= 4.5


def test_contrast_is_the_one_of_wcag():
    assert theme.contrast(QColor("white"), QColor("black")) == pytest.approx(21)
    assert theme.contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


def test_where_the_keyboard_is_stands_out_from_all_around_it():
    """WCAG 2.1, 1.4.11: 3 : 1 for the parts of a control."""
    for surface in theme.SURFACES:
        assert theme.contrast(theme.ACCENT, surface) >= 3
    assert theme.contrast(theme.ACCENT, theme.LINE) >= 3  # the same frame without the keyboard


# ------------------------------------------------------------------------------- colour blindness


@pytest.mark.parametrize("eye", EYES)
def test_more_heat_is_lighter_to_every_eye(eye):
    lightness = lab(over_grey(0.0), eye)[:, 0]
    assert (np.diff(lightness) > -0.6).all()  # rounding to 8 bits
    steps = lightness[[40, 96, 152, 208, 255]]
    assert (np.diff(steps) > 8).all()


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("grey", [0.1, 0.35, 0.6, 0.85])
def test_high_heat_is_never_taken_for_tissue(eye, grey):
    """It differs from every grey that there is, at the usual opacity. A scale from blue to yellow
    passes a neutral tone where an eye lacks a kind of cone: in a narrow band below.
    """
    greys = lab(np.repeat(np.linspace(0, 1, 256)[:, None], 3, axis=1), eye)
    colours = lab(over_grey(grey, 0.5), eye)
    nearest = np.array([np.linalg.norm(greys - colour, axis=1).min() for colour in colours])
    assert nearest[166:].min() > 7
    assert (nearest[52:] < 4).mean() < 0.15


@pytest.mark.parametrize("eye", EYES)
def test_what_the_panes_tell_by_colour_is_told_apart(eye):
    apart = [
        (theme.ACCENT, category_bars.BAR),  # the model's category and the others
        (theme.SUSPICIOUS, theme.FIELD),  # a badge, filled or not
        (theme.SUSPICIOUS, theme.SELECTION),
        (theme.ACCENT, theme.DISABLED),  # the frame of the view with the keyboard
        (theme.PRIOR, theme.DISABLED),
        (theme.MUTED, theme.WARNING),  # words in passing and warnings
        (theme.TEXT, theme.WARNING),
        (theme.TEXT, theme.ERROR),
        (theme.MUTED, theme.ERROR),
    ]
    for one, other in apart:
        assert difference(rgb(one), rgb(other), eye) > 15, (one.name(), other.name())


def test_red_and_green_are_not_the_difference_between_agreeing_and_not():
    """The simulation itself tells: these would be lost, and no such pair is in use."""
    red, green = rgb(QColor("#a04040")), rgb(QColor("#5a6b2c"))
    assert difference(red, green, "usual") > 50
    assert difference(red, green, "deuteranopia") < 0.5 * difference(red, green, "usual")
    used = [value for value in vars(theme).values() if isinstance(value, QColor)]
    used += [v for v in vars(agreement_charts).values() if isinstance(v, QColor)]
    greenish = [c for c in used if c.saturation() > 60 and 75 <= c.hue() <= 165]
    assert not greenish, "no green stands against the reds and ambers"


@pytest.mark.parametrize("eye", EYES)
def test_no_two_colours_of_words_are_one_to_any_eye(eye):
    for one, other in combinations(theme.TEXT_COLOURS, 2):
        assert difference(rgb(one), rgb(other), eye) > 5, (one.name(), other.name())
