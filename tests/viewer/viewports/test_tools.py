"""The tools at work on a hung study: each on the views that it is meant for, and on no other."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, QRect, QSettings, Qt
from PySide6.QtWidgets import QLineEdit

from engine.dicom import voi
from engine.domain import PixelSpacing, SpacingSource, Study, VoiFunction, VoiWindow
from tests.viewer.pages import (
    CTRL,
    LEFT,
    MIDDLE,
    NONE,
    RIGHT,
    canvases,
    drag,
    hang,
    screen,
    send,
    wheel,
    words_below,
)
from tests.viewer.studies import STANDARD, as_pixels, make_study, make_view, pixels_of, spacing
from viewer.display import local_contrast, rendering
from viewer.display.placement import Placement
from viewer.panes.header_browser import HeaderBrowser
from viewer.viewports.screen_calibration import ScreenCalibration, screen_key
from viewer.viewports.viewports import ViewportsPane
from viewer.window.settings import Settings


@pytest.fixture
def pane(qtbot):
    pane = ViewportsPane()
    qtbot.addWidget(pane)
    pane.resize(640, 640)
    pane.show()
    return pane


def act(pane, name):
    pane.commands.trigger(name)


def is_ticked(pane, name):
    return pane.commands.action(name).isChecked()


def point(canvas, at, buttons=Qt.MouseButton.NoButton):
    send(canvas, QEvent.Type.MouseMove, QPointF(*at), Qt.MouseButton.NoButton, buttons, NONE)


def places(pane):
    return {label: canvas.image.placement for label, canvas in canvases(pane).items()}


# ------------------------------------------------------------------------------------------- links


def test_without_links_a_view_is_moved_alone(pane):
    hang(pane, make_study())
    before = places(pane)
    drag(canvases(pane)["R CC"], MIDDLE, (100, 100), (130, 90))
    moved = [label for label, place in places(pane).items() if place != before[label]]
    assert moved == ["R CC"]


def test_linked_panning_moves_the_partner_as_its_mirror_image_and_no_other_projection(pane):
    hang(pane, make_study())
    act(pane, "tools.links.toggle_pan")
    assert is_ticked(pane, "tools.links.toggle_pan")
    assert any(words.endswith("linked: panning") for words in words_below(pane))
    before = places(pane)
    drag(canvases(pane)["R CC"], MIDDLE, (100, 100), (130, 88))
    after = places(pane)
    moved = {label: (after[label].left - b.left, after[label].top - b.top)
             for label, b in before.items()}  # fmt: skip
    assert moved["R CC"] == pytest.approx((30, -12), abs=1)  # drawn at whole pixels
    assert moved["L CC"] == pytest.approx((-30, -12), abs=1)
    assert moved["R MLO"] == moved["L MLO"] == (0, 0)
    act(pane, "tools.links.toggle_pan")
    drag(canvases(pane)["R CC"], MIDDLE, (100, 100), (110, 100))
    assert places(pane)["L CC"] == after["L CC"]


def test_linked_panning_goes_the_same_way_in_a_prior_of_the_same_breast(pane):
    views = [make_view("R CC", "now"), make_view("R CC", "then")]
    hang(pane, Study("1.2.3", "A-17", tuple(views)))
    act(pane, "tools.links.toggle_pan")
    one, other = pane.canvases
    before = other.image.placement
    drag(one, MIDDLE, (100, 100), (130, 88))
    assert other.image.placement.left - before.left == pytest.approx(30, abs=1)


def test_a_partner_at_another_scale_moves_by_as_many_millimetres(pane):
    views = [make_view("R CC", "r", pixel_spacing=spacing(0.1)),
             make_view("L CC", "l", pixel_spacing=spacing(0.1))]  # fmt: skip
    hang(pane, Study("1.2.3", "A-17", tuple(views)))
    act(pane, "tools.links.toggle_pan")
    right, left = pane.canvases
    left.zoom_by(2)
    before = left.image.placement.left
    drag(right, MIDDLE, (100, 100), (120, 100))
    assert left.image.placement.left - before == pytest.approx(-40, abs=1)


def test_panning_a_flipped_view_goes_the_same_way_in_its_partner(pane):
    hang(pane, make_study(("R CC", "L CC")))
    act(pane, "tools.turn_mirrored")  # the right breast: now both point to the right
    act(pane, "tools.links.toggle_pan")
    right, left = pane.canvases
    before = left.image.placement.left
    drag(right, MIDDLE, (100, 100), (120, 100))
    assert left.image.placement.left - before == pytest.approx(20, abs=1)


@pytest.mark.parametrize("how", ["wheel", "drag", "key"])
def test_linked_zoom_keeps_mirrored_places_together(pane, how):
    hang(pane, make_study())
    act(pane, "tools.links.toggle_zoom")
    right, left = (canvases(pane)[label] for label in ("R CC", "L CC"))
    width, at = right.width(), (200, 150)
    mirrored = (left.width() * (1 - at[0] / width), at[1] * left.height() / right.height())
    before = left.image.placement.to_source(*mirrored)
    scales = (
        right.image.camera.scale,
        left.image.camera.scale,
        canvases(pane)["R MLO"].image.camera.scale,
    )
    if how == "wheel":
        wheel(right, 2, at, CTRL)
    elif how == "drag":
        drag(right, RIGHT, at, (at[0], at[1] - 60))
    else:
        pane.select(right.view.image_uid)
        act(pane, "zoom_step_1")
        mirrored = (left.width() / 2, left.height() / 2)
        before = None
    factor = right.image.camera.scale / scales[0]
    assert factor > 1.2
    assert left.image.camera.scale / scales[1] == pytest.approx(factor)
    assert canvases(pane)["R MLO"].image.camera.scale == scales[2]
    if before is not None:
        place = left.image.placement
        assert np.allclose(place.to_source(*mirrored), before, atol=1.5 / place.scale_x)


def test_one_to_one_goes_to_both_where_zoom_is_linked(pane):
    hang(pane, make_study())
    act(pane, "tools.links.toggle_zoom")
    act(pane, "actual_pixels")
    found = {label: canvas.image.camera.magnification for label, canvas in canvases(pane).items()}
    assert found["R CC"] == found["L CC"] == 1
    assert found["R MLO"] < 1
    act(pane, "actual_pixels")
    assert canvases(pane)["L CC"].image.camera.is_fitted


def test_a_linked_window_is_dragged_in_all_views(pane):
    hang(pane, make_study())
    act(pane, "tools.links.toggle_window")
    drag(canvases(pane)["R CC"], LEFT, (40, 200), (90, 200))
    widths = {round(canvas.image.greys.voi.width, 3) for canvas in canvases(pane).values()}
    assert len(widths) == 1
    assert widths != {4096}
    act(pane, "adjust_window_1_0")
    assert len({round(canvas.image.greys.voi.width, 3) for canvas in canvases(pane).values()}) == 1
    act(pane, "tools.links.toggle_window")
    drag(canvases(pane)["R CC"], LEFT, (40, 200), (90, 200))
    assert len({round(canvas.image.greys.voi.width, 3) for canvas in canvases(pane).values()}) == 2


# --------------------------------------------------------------------------------- magnifying glass


@pytest.mark.parametrize("enlargement", [1, 2])
@pytest.mark.parametrize("facing", ["R", "L"])
def test_the_glass_shows_stored_pixels_whatever_the_zoom_around_it(pane, enlargement, facing):
    study = make_study(("R CC",), shape=(900, 700))
    pane.show_study(study)
    pane.show_pixels(study.views[0].image_uid, pixels_of(study.views[0], facing))
    canvas = pane.canvases[0]
    act(pane, f"tools.magnify_{enlargement}")
    at = (canvas.width() * 0.7, canvas.height() * 0.5)
    point(canvas, at)
    glass = pane.tools.magnifier
    assert glass.isVisible()
    grey, x, y = glass.grey()
    row, column = (int(n) for n in canvas.image.placement.to_source(*at))
    middle = 140 - y, 140 - x
    half = 20
    shown = grey[middle[0] - half : middle[0] + half, middle[1] - half : middle[1] + half]
    reach = half // enlargement
    rows = slice(row - reach, row + reach)
    stored = canvas.image.display.pixels.stored
    if facing == "L":  # mirrored on the screen, so in the glass
        stored, column = stored[:, ::-1], stored.shape[1] - 1 - column
    expected = canvas.image.greys.table[stored[rows, column - reach : column + reach]].astype(int)
    if enlargement == 1:
        best = min(
            np.abs(np.roll(expected, shift, (0, 1)) - shown)[2:-2, 2:-2].max()
            for shift in ((0, 0), (0, 1), (1, 0), (1, 1), (0, -1), (-1, 0), (-1, -1))
        )
        assert best == 0  # pixel for pixel; the pointer may round to a neighbour
    else:
        assert np.abs(shown.mean() - expected.mean()) < 2
    x0, y0 = glass.mapToParent(glass.rect().center()).toTuple()
    assert abs(x0 - canvas.x() - at[0]) <= 1
    assert abs(y0 - canvas.y() - at[1]) <= 1


def test_the_glass_is_really_painted_names_its_view_and_goes_away(pane):
    hang(pane, make_study())
    canvas = canvases(pane)["L CC"]
    clean = pane.grab().toImage()
    act(pane, "tools.magnify_2")
    assert is_ticked(pane, "tools.magnify_2")
    point(canvas, (60, 150))
    assert pane.grab().toImage() != clean
    act(pane, "tools.magnify_1")
    assert pane.tools.magnifier.enlargement == 1
    assert not is_ticked(pane, "tools.magnify_2")
    act(pane, "tools.magnify_1")
    assert pane.grab().toImage() == clean


def test_the_glass_names_its_view_at_the_edge_of_the_images_too(pane):
    """In the corner of what shows of it, light on black."""
    hang(pane, make_study())
    act(pane, "tools.magnify_2")
    glass = pane.tools.magnifier
    grid = glass.parentWidget()
    for name, x in (("L CC", 60), ("R MLO", 1), ("L MLO", canvases(pane)["L MLO"].width() - 60)):
        canvas = canvases(pane)[name]
        point(canvas, (x, canvas.height() - 2))
        seen = glass.geometry() & grid.rect()
        words = QRect(seen.left() + 4, seen.bottom() - 21, 60, 18)
        image = grid.grab(words).toImage()
        levels = {image.pixelColor(x, y).lightness() for x in range(60) for y in range(18)}
        assert max(levels) > 180
        assert min(levels) < 30


def test_the_glass_lets_the_hand_through_and_follows_the_window(pane):
    hang(pane, make_study())
    canvas = canvases(pane)["L CC"]
    act(pane, "tools.magnify_1")
    point(canvas, (60, 150))
    before = pane.tools.magnifier.grey()[0].copy()
    drag(canvas, LEFT, (60, 150), (60, 120))
    assert pane.tools.magnifier.grey()[0].mean() > before.mean()


def test_the_glass_does_not_outlive_its_study(pane):
    hang(pane, make_study())
    act(pane, "tools.magnify_1")
    point(canvases(pane)["L CC"], (60, 150))
    pane.show_study(make_study(uid="2"))
    assert not pane.tools.magnifier.isVisible()
    assert pane.tools.magnifier.grey() is None


# ---------------------------------------------------------------------------------- quadrant tour


def test_the_tour_goes_through_each_view_at_one_to_one_and_comes_back_to_the_page(pane):
    hang(pane, make_study(("R CC", "L CC"), shape=(1500, 1000)))
    seen = []
    for _ in range(40):
        act(pane, "tools.tour_1")
        if not pane.is_single:
            break
        assert pane.current.image.camera.magnification == 1
        seen.append((pane.current.view.label, pane.current.image.placement))
    assert [label for label, _ in seen] == sorted((label for label, _ in seen), reverse=True)
    assert {label for label, _ in seen} == {"R CC", "L CC"}
    assert len(set(seen)) == len(seen) >= 4
    assert all(canvas.image.camera.is_fitted for canvas in pane.canvases)
    assert "Quadrant tour done" in words_below(pane)


def test_the_tour_says_where_it_is_goes_back_and_ends_with_escape(pane):
    hang(pane, make_study(("R CC", "L CC"), shape=(1500, 1000)))
    act(pane, "tools.tour_1")
    first = pane.current.image.placement
    act(pane, "tools.tour_1")
    assert any("R CC, part 2 of" in words for words in words_below(pane))
    act(pane, "tools.tour_-1")
    assert pane.current.image.placement == first
    act(pane, "tools.cancel")
    assert not pane.is_single
    assert all(canvas.image.camera.is_fitted for canvas in pane.canvases)


# --------------------------------------------------------------------------------------- true size


def calibrate(pane, mm):
    pane.tools.set_screens({screen_key(pane.screen()): mm})


def test_at_true_size_a_millimetre_of_tissue_is_a_millimetre_of_screen(pane):
    oblong = PixelSpacing(0.2, 0.1, SpacingSource.CALIBRATED)
    hang(pane, make_study(("R CC",), pixel_spacing=oblong, pixel_aspect=2.0))
    calibrate(pane, 0.25)
    act(pane, "tools.true_size")
    placement = pane.current.image.placement
    assert placement.scale_x == pytest.approx(0.1 / 0.25, rel=0.01)
    assert placement.scale_y == pytest.approx(0.2 / 0.25, rel=0.01)
    assert pane.current.text.bottom_lines()[-1][0].endswith(", true size")
    act(pane, "zoom_step_1")
    assert not pane.current.text.bottom_lines()[-1][0].endswith("true size")
    act(pane, "tools.true_size")
    act(pane, "tools.true_size")
    assert pane.current.image.camera.is_fitted
    act(pane, "tools.true_size")
    calibrate(pane, 0.2)  # as on another screen
    assert not pane.current.text.bottom_lines()[-1][0].endswith("true size")


def test_true_size_is_the_same_beside_a_view_without_millimetres(pane):
    views = [make_view("R CC", "r", pixel_spacing=spacing(0.1)), make_view("L CC", "l")]
    hang(pane, Study("1.2.3", "A-17", tuple(views)))
    calibrate(pane, 0.25)
    act(pane, "tools.true_size")
    assert pane.current.image.camera.magnification == pytest.approx(0.4, rel=0.01)


def test_without_a_spacing_there_is_no_true_size_and_the_pane_says_why(pane):
    hang(pane, make_study(("R CC",)))
    calibrate(pane, 0.25)
    before = pane.current.image.placement
    act(pane, "tools.true_size")
    assert pane.current.image.placement == before
    assert any("no pixel spacing" in words for words in words_below(pane))


def test_an_uncalibrated_screen_is_measured_first_with_a_ruler(pane):
    hang(pane, make_study(("R CC",), pixel_spacing=spacing(0.1)))
    act(pane, "tools.true_size")
    assert pane.current.image.camera.is_fitted  # what a screen says of its own size is not trusted
    dialog = pane.findChild(ScreenCalibration)
    assert dialog.isVisible()
    assert not dialog.isModal()
    stored = []
    pane.tools.screen_calibrated.connect(lambda *found: stored.append(found))
    dialog.set_pixel_mm(0.2)
    dialog.accept()
    assert stored == [(screen_key(pane.screen()), pytest.approx(0.2))]
    act(pane, "tools.true_size")
    assert pane.current.image.camera.magnification == pytest.approx(0.5, rel=0.01)


def test_the_line_to_be_held_against_a_ruler_is_as_long_as_the_pixel_says(pane, qtbot):
    dialog = ScreenCalibration(0.25)
    qtbot.addWidget(dialog)
    dialog.show()
    image = dialog.line.grab().toImage()
    lit = [x for x in range(image.width()) if image.pixelColor(x, 40).lightness() > 120]
    assert lit[-1] - lit[0] == pytest.approx(100 / 0.25, abs=1)
    before = dialog.pixel_mm
    qtbot.keyClick(dialog.slider, Qt.Key.Key_Right)
    assert 0 < before - dialog.pixel_mm < 0.001  # a hair


def test_a_calibration_is_remembered_and_nonsense_in_the_file_is_not(tmp_path):
    settings = Settings(tmp_path / "settings.ini")
    settings.add_screen("HDMI-1 1920x1080", 0.27)
    settings.add_screen("DP-1 3840x2160", 0.16)
    settings.add_screen("DP-1 3840x2160", 0.155)
    settings.save()
    again = Settings(tmp_path / "settings.ini")
    assert again.screens == {"HDMI-1 1920x1080": 0.27, "DP-1 3840x2160": 0.155}
    file = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    file.setValue("screens", ["nan x", "0 y", "-1 z", "abc", "0.2", "1e9 w", "0.3 ok"])
    assert again.screens == {"ok": 0.3}


# ------------------------------------------------------------------------------------ turning


def test_only_the_selected_view_is_turned_and_the_others_keep_their_place(pane):
    hang(pane, make_study())
    before = places(pane)
    pane.select(canvases(pane)["L CC"].view.image_uid)
    act(pane, "tools.turn_turned_right")
    after = places(pane)
    assert [label for label in STANDARD if after[label] != before[label]] == ["L CC"]
    canvas = canvases(pane)["L CC"]
    box, place = canvas.image.display.breast, canvas.image.placement
    corners = [place.to_canvas(box.row_start, box.column_start),
               place.to_canvas(box.row_stop, box.column_stop)]  # fmt: skip
    for x, y in corners:
        assert -1 <= x <= canvas.width() + 1
        assert -1 <= y <= canvas.height() + 1
    assert any("but for what is rotated" in words for words in words_below(pane))
    act(pane, "reset")
    assert places(pane) == before


def test_turning_ends_with_the_study(pane):
    hang(pane, make_study())
    act(pane, "tools.turn_mirrored")
    hang(pane, make_study(uid="2"))
    assert not any(canvas.image.camera.orientation.text for canvas in pane.canvases)


# ------------------------------------------------------------------------------------- CLAHE


def flat_and_faint(rng):
    """A wide window in which a faint pattern is hard to see, and air around it."""
    image = np.zeros((800, 640))
    image[100:700, :500] = 2000 + 40 * rng.standard_normal((600, 500))
    return as_pixels(np.clip(image, 0, 4095))


def test_local_contrast_lifts_faint_tissue_and_leaves_air_black(pane):
    study = make_study(("R CC",), shape=(800, 640))
    pane.show_study(study)
    pixels = flat_and_faint(np.random.default_rng(1))
    pane.show_pixels(study.views[0].image_uid, pixels)
    canvas = pane.current
    canvas.actual_pixels()
    plain = canvas.image.grey()[0].copy()
    act(pane, "tools.toggle_local_contrast")
    aided = canvas.image.grey()[0]
    tissue = plain > 60
    assert aided[tissue].std() > 2 * plain[tissue].std()
    assert aided[plain == 0].max() == 0
    assert "CLAHE: display aid" in [text for text, _ in canvas.text.bottom_lines()]
    assert canvas.image.display.pixels is pixels  # what is measured stays what is stored
    act(pane, "tools.toggle_local_contrast")
    assert np.array_equal(canvas.image.grey()[0], plain)


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_local_contrast_does_not_change_as_the_view_is_moved(scale):
    pixels = pixels_of(make_view(shape=(700, 560)))
    display = rendering.prepare(make_view(shape=pixels.shape), pixels)
    table = voi.display_table(pixels, VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT))
    contrast = local_contrast.learn(display, table)
    size = round(700 * scale), round(560 * scale)

    def draw(left, top, width, height):
        place = Placement(700, 560, left, top, size[1], size[0])
        sampled = rendering.sample(display, place, width, height)
        grey = rendering.develop(sampled, table)
        return local_contrast.apply(grey, sampled, contrast).astype(int)

    whole = draw(0, 0, size[1], size[0])
    part = draw(-40, -60, 100, 90)
    assert np.abs(part - whole[60:150, 40:140]).max() <= 6  # moving itself is worth two levels


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("flipped", [False, True])
def test_local_contrast_turns_with_the_image(transposed, mirrored, flipped):
    pixels = pixels_of(make_view(shape=(300, 240)))
    display = rendering.prepare(make_view(shape=pixels.shape), pixels)
    table = voi.display_table(pixels, VoiWindow(2048, 4096, VoiFunction.LINEAR_EXACT))
    contrast = local_contrast.learn(display, table)

    def draw(place):
        sampled = rendering.sample(display, place, place.width, place.height)
        return local_contrast.apply(rendering.develop(sampled, table), sampled, contrast)

    straight = draw(Placement(300, 240, 0, 0, 240, 300)).astype(int)
    size = (300, 240) if transposed else (240, 300)
    turned = draw(Placement(300, 240, 0, 0, *size, mirrored, flipped, transposed))
    expected = straight.T if transposed else straight
    expected = expected[:, ::-1] if mirrored else expected
    expected = expected[::-1] if flipped else expected
    assert np.abs(turned - expected).max() <= 1


def test_padding_stays_black_under_local_contrast_in_both_polarities(pane):
    study = make_study(("R CC",))
    stored = pixels_of(study.views[0]).stored.astype(int) + 1
    stored[:, :60] = 0
    pane.show_study(study)
    pane.show_pixels(study.views[0].image_uid, as_pixels(stored, has_padding=True))
    act(pane, "tools.toggle_local_contrast")
    canvas = pane.current
    canvas.actual_pixels(QPointF(0, 0))
    canvas.centre(1.0, 200, 60)
    for _ in range(2):
        grey, x, _ = canvas.image.grey()
        edge = round(canvas.image.placement.to_canvas(200, 60)[0]) - x
        assert (grey[:, : edge - 1] == 0).all()
        assert grey[:, edge + 1 :].max() > 60
        act(pane, "toggle_invert")


def test_the_aid_is_off_in_the_next_study_and_after_a_reset(pane):
    hang(pane, make_study())
    act(pane, "tools.toggle_local_contrast")
    act(pane, "reset")
    assert not is_ticked(pane, "tools.toggle_local_contrast")
    assert "CLAHE: display aid" not in [text for text, _ in pane.current.text.bottom_lines()]
    act(pane, "tools.toggle_local_contrast")
    hang(pane, make_study(uid="2"))
    assert not is_ticked(pane, "tools.toggle_local_contrast")
    assert "CLAHE: display aid" not in [text for text, _ in pane.current.text.bottom_lines()]


# -------------------------------------------------------------------------------- text and values


def test_text_on_the_images_has_three_levels_and_side_and_warnings_always_stay(pane):
    study = make_study(
        ("R CC",), pixel_spacing=spacing(0.1), display_warnings=("polarity in doubt",)
    )
    hang(pane, study)
    canvas = pane.current

    def words():
        above = [text for text, _, _ in canvas.text.lines_above(canvas.rect())]
        return above, [text for text, _ in canvas.text.bottom_lines()]

    everything = words()
    assert everything[0] == ["R CC", "Doe^Jane", "A-17", "2024-03-02"]
    assert "0.1 mm, at detector" in everything[1]
    painted = screen(canvas)
    act(pane, "tools.next_text_level")
    above, below = words()
    assert above == ["R CC"]  # no patient
    assert below == everything[1]
    assert not np.array_equal(screen(canvas), painted)
    act(pane, "tools.next_text_level")
    assert words() == (["R CC"], ["polarity in doubt"])
    act(pane, "tools.next_text_level")
    assert words() == everything


def test_what_is_said_in_passing_makes_room_again_for_what_the_views_share(
    pane, qtbot, monkeypatch
):
    monkeypatch.setattr("viewer.viewports.strip.MESSAGE_MS", 50)
    hang(pane, make_study())
    before = words_below(pane)
    act(pane, "tools.next_text_level")
    assert any("no patient" in words for words in words_below(pane))
    qtbot.waitUntil(lambda: words_below(pane) == before, timeout=5000)


def test_the_level_of_text_stays_with_the_next_study(pane):
    hang(pane, make_study())
    act(pane, "tools.next_text_level")
    hang(pane, make_study(uid="2"))
    assert "A-17" not in [text for text, _ in pane.current.text.top_lines()]


def test_the_value_under_the_pointer_is_the_files_own(pane):
    study = make_study(("R CC",))
    stored = np.arange(400 * 300).reshape(400, 300) % 4000
    told = []
    pane.tools.pixel_hovered.connect(told.append)
    pane.show_study(study)
    pixels = as_pixels(stored, value_scale=-2.0, value_offset=9000.0)
    pane.show_pixels(study.views[0].image_uid, pixels)
    canvas = pane.current
    at = (canvas.width() / 2, canvas.height() / 2)
    point(canvas, at)
    row, column = (int(n) for n in canvas.image.placement.to_source(*at))
    value = 9000 - 2 * stored[row, column]
    assert told[-1] == f"R CC  value {value:,}  row {row}, column {column}"
    act(pane, "tools.turn_turned_right")
    point(canvas, at)
    row, column = (int(n) for n in canvas.image.placement.to_source(*at))
    assert f"value {9000 - 2 * stored[row, column]:,}" in told[-1]
    canvas.zoom_by(0.3)
    point(canvas, (2, 2))
    assert told[-1] == ""


def test_the_window_tells_the_value_under_the_pointer(window, write_studies, qtbot):
    from tests.viewer.driver import open_and_wait

    open_and_wait(qtbot, window, write_studies(1))
    canvas = window.viewports.canvases[0]
    point(canvas, (canvas.width() - 5, canvas.height() / 2))
    assert window.pixel_label.text().startswith("R CC  value ")
    metrics = window.pixel_label.fontMetrics()
    widest = "L XCCL  value -65,535  row 12345, column 12345"
    assert metrics.horizontalAdvance(widest) <= window.pixel_label.width()


# ------------------------------------------------------------------------------------------ header


def test_the_header_of_the_selected_image_is_shown_and_searched(window, write_studies, qtbot):
    from tests.viewer.driver import open_and_wait

    open_and_wait(qtbot, window, write_studies(1))
    window.commands.trigger("tools.ask_for_header")
    browser = window.findChild(HeaderBrowser)
    assert not browser.isModal()
    assert "R CC" in browser.windowTitle()
    model = browser.table.model()
    qtbot.waitUntil(lambda: model.rowCount() > 20, timeout=10_000)
    for words, tag in (("patient name", "(0010,0010)"), ("00181164", "(0018,1164)"),
                       ("doe jane1", "(0010,0010)")):  # fmt: skip
        browser.findChild(QLineEdit).setText(words)
        assert model.rowCount() >= 1
        assert tag in [model.index(row, 0).data() for row in range(model.rowCount())]
    browser.table.setCurrentIndex(model.index(0, 1))
    assert browser.value.text() == model.index(0, 3).data() != ""
    browser.search.setText("no such thing")
    assert model.rowCount() == 0
    assert browser.message.text().startswith("0 of ")
    browser.close()


def test_no_header_of_one_patient_stays_beside_anothers_images(window, write_studies, qtbot):
    from tests.viewer.driver import open_and_wait

    open_and_wait(qtbot, window, write_studies(2))
    window.commands.trigger("tools.ask_for_header")
    assert window.findChild(HeaderBrowser).isVisible()
    window.worklist.step(1)
    assert not any(browser.isVisible() for browser in window.findChildren(HeaderBrowser))


def test_an_image_without_a_dicom_header_says_so(window, tmp_path, qtbot):
    from tests.phantom import write_plain
    from tests.viewer.driver import are_images_shown

    write_plain(tmp_path / "pngs" / "7_R_CC.png")
    window.open([tmp_path / "pngs"])
    qtbot.waitUntil(lambda: are_images_shown(window, 1), timeout=20_000)
    window.commands.trigger("tools.ask_for_header")
    browser = window.findChild(HeaderBrowser)
    qtbot.waitUntil(lambda: "No DICOM header" in browser.message.text(), timeout=10_000)
    browser.close()


# ---------------------------------------------------------------------------------------- keymap


def test_every_tool_stands_in_a_menu_and_those_with_keys_in_the_list_of_keys(window):
    in_menus = {entry.action for entry in window.keymap.entries}
    for command in window.viewports.actions():
        assert command in in_menus, command.text()


def test_tools_do_nothing_without_a_study_and_while_images_load(pane):
    for study in (None, make_study()):
        pane.show_study(study)
        for command in pane.commands.specs:
            if command.id.startswith("tools."):
                act(pane, command.id)
