"""Grey levels agree with pydicom's own VOI functions, level by level."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.dicom.voi import as_window, automatic_window, display_table, linear_fallback, presets
from engine.domain import MammogramView, Pixels, VoiFunction, VoiLut, VoiWindow
from tests.engine.grey_levels import assert_same_grey, expected_grey, open_image
from tests.phantom import breast, stored_values, write_mammogram, write_plain

KINDS = {
    "12 bits": {},
    "MONOCHROME1": {"photometric": "MONOCHROME1"},
    "signed": {"signed": True, "intercept": 2048, "slope": 1},
    "MONOCHROME1, signed": {"photometric": "MONOCHROME1", "signed": True, "intercept": 2048},
    "fractional slope": {"slope": 0.25, "intercept": 1000},
    "negative slope": {"slope": -1, "intercept": 4095},
    "MONOCHROME1, negative slope": {
        "photometric": "MONOCHROME1",
        "slope": -0.5,
        "intercept": 3000,
    },
}


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(
    "window", [(2048, 4096), (1000, 400), (1500.5, 333.3), (2000, 2), (2000, 1), (-500, 100)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_window_gives_the_grey_levels_that_pydicom_gives(tmp_path, kind, window, function):
    values = stored_values(breast(lesion=(128, 90, 12)), 12, KINDS[kind].get("signed", False))
    settings = {"slope": 1, **KINDS[kind]} if "intercept" in KINDS[kind] else KINDS[kind]
    path = write_mammogram(
        tmp_path / "a.dcm", values=values, window=window, voi_function=function, **settings
    )

    view, pixels = open_image(path)
    voi = view.vois[0]

    assert (voi.center, voi.width) == window
    assert voi.function is VoiFunction[function or "LINEAR"]
    shown = cv2.LUT(pixels.stored, display_table(pixels, voi)).astype(float)
    assert_same_grey(shown, expected_grey(path))


@pytest.mark.parametrize("kind", ["12 bits", "MONOCHROME1", "signed", "negative slope"])
@pytest.mark.parametrize(
    ("entries", "first", "bits"), [(4096, 0, 12), (1000, 700, 16), (300, 2000, 14), (64, 0, 10)]
)
def test_a_voi_lut_gives_the_grey_levels_that_pydicom_gives(tmp_path, kind, entries, first, bits):
    curve = np.round((2**bits - 1) * np.linspace(0, 1, entries) ** 2).astype(int)
    values = stored_values(breast(), 12, KINDS[kind].get("signed", False))
    path = write_mammogram(
        tmp_path / "a.dcm",
        values=values,
        luts=[([entries, first, bits], curve, "NORMAL")],
        **KINDS[kind],
    )

    view, pixels = open_image(path)
    voi = presets(view, pixels)[0]

    assert isinstance(voi, VoiLut)
    assert (voi.name, voi.bits, voi.first_value) == ("NORMAL", bits, first)
    shown = cv2.LUT(pixels.stored, display_table(pixels, voi)).astype(float)
    assert_same_grey(shown, expected_grey(path))


def test_a_voi_lut_may_begin_at_a_negative_value(tmp_path):
    path = write_mammogram(
        tmp_path / "a.dcm", signed=True, luts=[([4096, -2048, 12], np.arange(4096), "")]
    )
    view, pixels = open_image(path)
    assert view.vois[0].first_value == -2048
    shown = cv2.LUT(pixels.stored, display_table(pixels, view.vois[0])).astype(float)
    assert_same_grey(shown, expected_grey(path))


def test_a_lut_of_eight_bit_entries_packed_in_bytes_is_read(tmp_path):
    table = bytes(range(256))
    path = write_mammogram(tmp_path / "a.dcm", luts=[([256, 100, 8], table, "")])
    view, pixels = open_image(path)
    np.testing.assert_array_equal(view.vois[0].table, np.arange(256))
    table = display_table(pixels, view.vois[0])
    assert (table[0], table[100], table[227], table[355], table[4000]) == (0, 0, 127, 255, 255)


def test_inverting_turns_every_grey_level_round():
    pixels = Pixels(np.zeros((2, 2), np.uint16))
    window = VoiWindow(2048, 4096)
    plain, inverted = display_table(pixels, window), display_table(pixels, window, invert=True)
    assert np.abs(plain.astype(int) + inverted - 255).max() <= 1  # 1 where half a level is rounded
    assert inverted[0] == 255
    assert inverted[65535] == 0


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_in_every_polarity(tmp_path, photometric, invert):
    values = stored_values(breast(), 12)
    values[:, :20] = 4000
    path = write_mammogram(tmp_path / "a.dcm", values=values, photometric=photometric, padding=4000)
    view, pixels = open_image(path)
    for voi in presets(view, pixels):
        shown = cv2.LUT(pixels.stored, display_table(pixels, voi, invert))
        assert shown[:, :20].max() == 0
        assert shown[:, 20:].max() > 100


def test_brighter_tissue_never_comes_out_darker(tmp_path):
    for number, kind in enumerate(KINDS):
        path = write_mammogram(tmp_path / f"{number}.dcm", voi_function="SIGMOID", **KINDS[kind])
        view, pixels = open_image(path)
        for voi in presets(view, pixels):
            table = display_table(pixels, voi).astype(int)
            rising = pixels.value_scale > 0
            assert (np.diff(table) >= 0).all(), (kind, rising)


class TestPresets:
    def test_the_files_own_come_first_and_the_automatic_one_last(self, tmp_path):
        path = write_mammogram(
            tmp_path / "a.dcm",
            window=[(2000, 800, "SOFT"), (2100, 1600, "HARD")],
            luts=[([4096, 0, 12], np.arange(4096), "CURVE")],
        )
        view, pixels = open_image(path)
        assert [voi.name for voi in presets(view, pixels)] == [
            "CURVE",
            "SOFT",
            "HARD",
            "automatic",
        ]

    def test_a_file_without_any_gets_the_automatic_one(self, tmp_path):
        view, pixels = open_image(write_mammogram(tmp_path / "a.dcm", window=None))
        assert [voi.name for voi in presets(view, pixels)] == ["automatic"]

    def test_an_eight_bit_picture_is_first_shown_as_it_was_saved(self, tmp_path):
        view, pixels = open_image(write_plain(tmp_path / "R_CC.png"))
        table = display_table(pixels, presets(view, pixels)[0])
        np.testing.assert_array_equal(table[:256], np.arange(256))


class TestAutomaticWindow:
    @pytest.mark.parametrize("view", ["CC", "MLO"])
    @pytest.mark.parametrize("kind", KINDS)
    def test_shows_the_breast_between_black_and_white(self, tmp_path, kind, view):
        settings = {"slope": 1, **KINDS[kind]} if "intercept" in KINDS[kind] else KINDS[kind]
        values = stored_values(breast(view=view), 12, settings.get("signed", False))
        if (settings.get("slope", 1) < 0) != (settings.get("photometric") == "MONOCHROME1"):
            values = (-1 if settings.get("signed") else 4095) - values
        path = write_mammogram(tmp_path / "a.dcm", values=values, window=None, **settings)
        _, pixels = open_image(path)
        window = automatic_window(pixels)
        assert (window.name, window.function) == ("automatic", VoiFunction.LINEAR_EXACT)
        shown = cv2.LUT(pixels.stored, display_table(pixels, window))
        tissue = shown[breast(view=view) > 0.35]
        assert np.percentile(shown, 5) < 15, "air is not dark"
        assert 60 < np.median(tissue) < 225
        assert np.mean((tissue > 0) & (tissue < 255)) > 0.75, "tissue is clipped"

    def test_padding_and_a_bright_label_do_not_move_it(self, tmp_path):
        values = stored_values(breast() * 0.25, 12)  # a breast in the lowest quarter
        _, plain = open_image(write_mammogram(tmp_path / "a.dcm", values=values))
        marked = values.copy()
        marked[:3, :3] = 4095
        marked[:, :10] = 4090
        _, padded = open_image(write_mammogram(tmp_path / "b.dcm", values=marked, padding=4090))
        first, second = automatic_window(plain), automatic_window(padded)
        assert second.width < 1.2 * first.width
        assert abs(second.center - first.center) < 0.1 * first.width

    @pytest.mark.parametrize("level", [0, 7, 65535])
    def test_a_uniform_image_gets_a_usable_window(self, level):
        pixels = Pixels(np.full((20, 20), level, np.uint16))
        window = automatic_window(pixels)
        assert window.width > 0
        assert np.isfinite(window.center)
        display_table(pixels, window)

    def test_an_image_of_nothing_but_padding_gets_a_usable_window(self):
        pixels = Pixels(np.zeros((20, 20), np.uint16), has_padding=True)
        assert automatic_window(pixels).width > 0

    def test_values_that_are_fractions_are_not_lost(self):
        stored = stored_values(breast(), 12).astype(np.uint16)
        whole = Pixels(stored)
        small = replace(whole, value_scale=1e-4, value_offset=0.0)
        shown = [
            cv2.LUT(stored, display_table(pixels, automatic_window(pixels)))
            for pixels in (whole, small)
        ]
        assert cv2.absdiff(*shown).max() <= 1


class TestLinearFallback:
    AUTOMATIC = VoiWindow(2000, 1000, VoiFunction.LINEAR_EXACT, "automatic")

    def fallback(self, *vois):
        path = Path("a.dcm")
        view = MammogramView(path, "1", "2", "P", 4, 4, None, None, vois=vois)
        return linear_fallback(view, self.AUTOMATIC)

    def test_is_the_files_own_window_whatever_tables_it_holds(self):
        table = VoiLut(np.arange(4096, dtype=np.uint16), 0, 12, "BROKEN")
        window = VoiWindow(2100, 1500, name="NORMAL")
        assert self.fallback(table, window) is window

    def test_is_straight_where_the_files_window_is_a_curve(self):
        curve = VoiWindow(2100, 1500, VoiFunction.SIGMOID, "NORMAL")
        assert self.fallback(curve) == replace(curve, function=VoiFunction.LINEAR_EXACT)

    @pytest.mark.parametrize(
        ("center", "width"), [(9000, 500), (2000, 1), (2600, 500), (32768, 65536)]
    )
    def test_is_the_automatic_one_where_the_files_window_shows_no_breast(self, center, width):
        assert self.fallback(VoiWindow(center, width)) is self.AUTOMATIC

    def test_is_the_automatic_one_where_the_file_has_no_window(self):
        assert self.fallback() is self.AUTOMATIC


class TestAsWindow:
    def test_a_window_stays_itself(self):
        window = VoiWindow(5, 10, VoiFunction.SIGMOID, "x")
        assert as_window(window) is window

    @pytest.mark.parametrize(("first", "span"), [(0, 4096), (700, 500), (-300, 1000)])
    def test_a_straight_table_gives_the_window_that_shows_the_same(self, first, span):
        table = np.round(np.linspace(0, 65535, span)).astype(np.uint16)
        lut = VoiLut(table, first, 16, "straight")
        pixels = Pixels(np.zeros((1, 1), np.uint16), value_offset=-2000.0)
        shown = display_table(pixels, lut).astype(int)
        nearest = as_window(lut)
        assert nearest.name == "straight"
        assert np.abs(display_table(pixels, nearest).astype(int) - shown).max() <= 1

    def test_a_curved_table_gives_a_window_not_far_from_it(self):
        x = np.arange(4096)
        curve = np.round(65535 / (1 + np.exp(-(x - 2000) / 300))).astype(np.uint16)
        pixels = Pixels(np.zeros((1, 1), np.uint16))
        nearest = as_window(VoiLut(curve, 0, 16))
        shown = display_table(pixels, VoiLut(curve, 0, 16)).astype(int)
        assert nearest.center == pytest.approx(2000, abs=20)
        assert np.abs(display_table(pixels, nearest).astype(int) - shown).max() < 40

    @pytest.mark.parametrize("table", [[0, 255], [255, 0], [0, 0, 255, 255], [9, 9, 10]])
    def test_any_table_gives_a_usable_window(self, table):
        lut = VoiLut(np.array(table, np.uint16), 0, 8)
        window = as_window(lut)
        assert window.width > 0
        assert np.isfinite(window.center)
