"""What a reader sees on one view, and what the mouse does to it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QSize, Qt

from engine.dicom import voi
from engine.dicom.loading import load, load_pixels
from engine.domain import (
    Explanation,
    PixelSpacing,
    SpacingSource,
    VoiFunction,
    VoiLut,
    VoiWindow,
    not_judged,
)
from engine.messages import message
from tests.phantom import write_mammogram
from tests.viewer.pages import CTRL, LEFT, MIDDLE, RIGHT, drag, screen, wheel
from tests.viewer.studies import WINDOW, as_pixels, make_study, make_view, pixels_of, spacing
from viewer.display import rendering
from viewer.display.measuring import spacing_text
from viewer.display.shown_image import ImageState
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions, window_text
from viewer.viewports.picture import picture, scale_to_fit

FIT = 0.5  # device pixels per source pixel in these tests


@pytest.fixture
def make_canvas(qtbot):
    def make(label="R CC", facing=None, shape=(400, 300), size=(240, 260), pixels=None, **changes):
        study = make_study((label,), shape=shape, **changes)
        canvas = Canvas(study, study.views[0])
        qtbot.addWidget(canvas)
        canvas.resize(*size)
        canvas.show()
        pixels = pixels or pixels_of(study.views[0], facing)
        canvas.show_pixels(rendering.prepare(study.views[0], pixels))
        canvas.set_fit(FIT, (1.0, 1.0))
        return canvas

    return make


# ------------------------------------------------------------------------------------ what it shows


def test_at_one_to_one_the_screen_shows_the_windows_grey_of_every_stored_pixel(make_canvas):
    canvas = make_canvas()
    canvas.actual_pixels(QPointF(120, 130))
    placement = canvas.image.placement
    assert (placement.scale_x, placement.scale_y) == (1, 1)
    pixels = canvas.image.display.pixels
    table = voi.display_table(pixels, WINDOW)
    shown = screen(canvas)
    part = pixels.stored[100 - placement.top : 160 - placement.top]
    expected = table[part[:, 150 - placement.left : 230 - placement.left]]
    assert expected.max() > 60
    assert (shown[100:160, 150:230] == expected[:, :, None]).all()


@pytest.mark.parametrize(("label", "column"), [("R CC", -1), ("L CC", 0)])
@pytest.mark.parametrize("facing", ["R", "L"])
def test_the_chest_wall_touches_the_edge_where_its_side_hangs(make_canvas, label, column, facing):
    canvas = make_canvas(label, facing)
    shown = screen(canvas)[:, :, 0]
    wall, air = shown[:, column], shown[:, -1 - column]
    assert (wall > 60).sum() > 100
    assert (air[40:-60] > 60).sum() == 0


@pytest.mark.parametrize(("facing", "is_mirrored"), [("R", False), ("L", True)])
def test_a_display_that_is_mirrored_says_so_in_its_corner(make_canvas, facing, is_mirrored):
    canvas = make_canvas("R CC", facing)
    assert canvas.image.is_mirrored is is_mirrored
    words = " ".join(text for text, _ in canvas.text.top_lines())
    assert ("mirrored" in words) is is_mirrored
    assert canvas.view.label == "R CC"  # the side is the tag's, whatever the pixels say


def test_mirroring_changes_only_where_pixels_stand(make_canvas):
    straight, mirrored = make_canvas("R CC", "R"), make_canvas("R CC", "L")
    grey = {canvas: canvas.image.grey()[0] for canvas in (straight, mirrored)}
    canvas_pixels = mirrored.image.display.pixels.stored
    assert not np.array_equal(canvas_pixels, straight.image.display.pixels.stored)
    assert grey[straight].shape == grey[mirrored].shape
    assert np.abs(grey[straight].mean() - grey[mirrored].mean()) < 2


def test_an_unknown_side_is_not_mirrored_and_is_labelled_with_a_question_mark(make_canvas):
    canvas = make_canvas("? CC", "L")
    assert not canvas.image.is_mirrored
    assert canvas.accessibleName().startswith("? CC")


def test_corners_name_patient_date_window_spacing_and_zoom(make_canvas):
    canvas = make_canvas(pixel_spacing=spacing(0.07))
    above = [text for text, _ in canvas.text.top_lines()]
    below = [text for text, _ in canvas.text.bottom_lines()]
    assert above == ["Doe^Jane", "A-17", "2024-03-02"]
    assert below == ["W 4096 L 2048 normal", "0.07 mm, at detector", "50 % of 1:1"]
    canvas.actual_pixels()
    assert canvas.text.bottom_lines()[-1][0] == "1:1"


def test_words_are_really_painted_on_the_side_of_the_air(make_canvas):
    shown = screen(make_canvas("R CC", size=(400, 300)))
    assert (shown[:40, :80] > 180).any()
    assert (shown[-40:, :120] > 120).any()
    shown = screen(make_canvas("L CC", size=(400, 300)))
    assert (shown[:40, -80:] > 180).any()
    assert (shown[:30, :80, 0].max(axis=1) < 120).all()  # nothing over the chest wall


def test_a_guess_is_marked_and_told_to_screen_readers(make_canvas):
    sure, guessed = make_canvas(), make_canvas(guessed=frozenset({"laterality"}))
    assert "guessed" in guessed.accessibleName()
    assert "guessed" not in sure.accessibleName()
    assert not np.array_equal(screen(sure)[:70, :120], screen(guessed)[:70, :120])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "no mm: pixels only"),
        (PixelSpacing(0.07, 0.07, SpacingSource.DETECTOR), "0.07 mm, at detector"),
        (PixelSpacing(0.1, 0.05, SpacingSource.FILE), "0.1 × 0.05 mm, from the file"),
        (
            PixelSpacing(0.05, 0.05, SpacingSource.MAGNIFICATION, 1.8),
            "0.05 mm, estimated with magnification 1.8",
        ),
    ],
)
def test_a_spacing_is_never_shown_without_its_origin(given, expected):
    assert spacing_text(given) == expected


def test_a_window_is_named_in_words():
    assert window_text(VoiWindow(2065, 900, name="normal")) == "W 900 L 2065 normal"
    assert window_text(VoiWindow(0.5, 1.25)) == "W 1.25 L 0.50"
    assert window_text(VoiWindow(9, 90, VoiFunction.SIGMOID, "soft")) == "W 90 L 9 sigmoid soft"
    assert window_text(VoiLut(np.arange(9), 0, 8, "harder")) == "LUT harder"


def test_a_failure_shows_its_title_and_no_image(make_canvas):
    canvas = make_canvas()
    canvas.show_failure("File is cut short", "Copy it again from the archive.")
    assert canvas.state is ImageState.FAILED
    assert canvas.image.grey() is None
    assert "File is cut short" in canvas.accessibleName()
    assert (screen(canvas)[90:200] > 150).any()  # the words


def test_while_loading_a_canvas_is_black_but_for_words(qtbot):
    study = make_study(("R CC",))
    canvas = Canvas(study, study.views[0])
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    assert canvas.accessibleName() == "R CC, loading"
    shown = screen(canvas)
    assert (shown > 60).mean() < 0.03
    assert (shown[120:160] > 100).any()


def test_inverting_leaves_padding_black(make_canvas):
    view = make_view()
    stored = pixels_of(view).stored.astype(int) + 1
    stored[:, :90] = 0
    canvas = make_canvas(pixels=as_pixels(stored, has_padding=True))
    plain, *_ = canvas.image.grey()
    canvas.image.greys.set_inverted(True)
    inverted, *_ = canvas.image.grey()
    assert (inverted[60:-60, :40] == 0).all()
    assert inverted[4, 60] > 240  # air beside the padding
    assert "inverted" in [text for text, _ in canvas.text.bottom_lines()]
    assert plain[4, 60] < 10


def test_the_heat_map_is_painted_only_while_the_overlay_is_on(make_canvas):
    canvas = make_canvas()
    plain = screen(canvas)
    hot = Explanation(np.ones((4, 4), np.float32), (150, 250, 200, 290), "", "")
    canvas.show_explanation(hot)
    assert np.array_equal(screen(canvas), plain)
    canvas.set_overlay(0.8)
    painted = screen(canvas)
    changed = np.argwhere((painted != plain).any(axis=2))
    placement = canvas.image.placement
    x0, y0 = placement.to_canvas(150, 200)
    x1, y1 = placement.to_canvas(250, 290)
    assert np.allclose(changed.min(axis=0), (y0, x0), atol=1)
    assert np.allclose(changed.max(axis=0) + 1, (y1, x1), atol=1)
    canvas.set_overlay(0.0)
    assert np.array_equal(screen(canvas), plain)


# ------------------------------------------------------------------------------ what the hand does


def test_a_drag_sideways_changes_the_width_and_upwards_brightens(make_canvas):
    canvas = make_canvas()
    drag(canvas, LEFT, (50, 100), (110, 100))
    assert canvas.image.greys.voi.width == pytest.approx(4096 * np.exp(60 / 300))
    assert canvas.image.greys.voi.center == 2048
    before = canvas.image.grey()[0].mean()
    drag(canvas, LEFT, (50, 100), (50, 60))
    assert canvas.image.grey()[0].mean() > before + 3


def test_dragging_speed_follows_the_windows_width(make_canvas):
    shifts = []
    for width in (20, 200, 4000):
        canvas = make_canvas(vois=(VoiWindow(2048, width, VoiFunction.LINEAR_EXACT),))
        drag(canvas, LEFT, (50, 100), (50, 60))
        shifts.append((2048 - canvas.image.greys.voi.center) / width)
    assert shifts == pytest.approx([0.1, 0.1, 0.1])


@pytest.mark.parametrize("is_inverted", [False, True])
def test_upwards_brightens_a_monochrome1_file_and_an_inverted_one_too(make_canvas, is_inverted):
    values = pixels_of(make_view()).stored
    monochrome1 = as_pixels(values, value_scale=-1.0, value_offset=4095.0, is_inverted=True)
    for pixels in (as_pixels(values), monochrome1):
        canvas = make_canvas(pixels=pixels)
        canvas.image.greys.set_inverted(is_inverted)
        before = canvas.image.grey()[0].mean()
        drag(canvas, LEFT, (50, 100), (50, 70))
        assert canvas.image.grey()[0].mean() > before + 3


def test_a_window_never_gets_narrower_than_its_formula_allows(make_canvas):
    canvas = make_canvas(vois=(VoiWindow(2048, 10),))
    for _ in range(20):
        drag(canvas, LEFT, (230, 100), (10, 100))
    assert canvas.image.greys.voi.width >= 2
    assert canvas.image.grey() is not None


def test_a_lookup_table_can_be_dragged_as_the_window_nearest_to_it(make_canvas):
    ramp = VoiLut(np.linspace(0, 255, 2000).astype(np.uint8), 1000, 8, "curve")
    canvas = make_canvas(vois=(ramp,))
    drag(canvas, LEFT, (50, 100), (70, 100))
    assert isinstance(canvas.image.greys.voi, VoiWindow)
    assert 900 < canvas.image.greys.voi.center < 3100


def test_a_click_with_an_unsteady_hand_changes_nothing(make_canvas):
    canvas = make_canvas()
    before = (canvas.image.greys.voi, canvas.image.placement)
    for button in (LEFT, MIDDLE, RIGHT):
        drag(canvas, button, (50, 100), (51, 101))
    assert (canvas.image.greys.voi, canvas.image.placement) == before


@pytest.mark.parametrize("facing", ["R", "L"])  # L: the display is mirrored
@pytest.mark.parametrize("how", ["wheel", "right drag"])
def test_zooming_keeps_what_is_under_the_pointer(make_canvas, facing, how):
    canvas = make_canvas("R CC", facing)
    at = (170, 120)
    before = canvas.image.placement.to_source(*at)
    if how == "wheel":
        wheel(canvas, 2, at, CTRL)
    else:
        drag(canvas, RIGHT, at, (at[0], at[1] - 60))
    placement = canvas.image.placement
    assert placement.scale_x > 1.4 * FIT
    assert np.allclose(placement.to_source(*at), before, atol=1.5 / placement.scale_x)


def test_a_drag_in_many_small_steps_does_not_drift_from_the_pointer(make_canvas):
    canvas = make_canvas()
    before = canvas.image.placement
    for _ in range(200):
        canvas.pan_by(-0.3, -0.2)  # a touchpad, or a scaled desktop
    moved = canvas.image.placement.left - before.left, canvas.image.placement.top - before.top
    assert moved == pytest.approx((-60, -40), abs=1)


@pytest.mark.parametrize("facing", ["R", "L"])
def test_panning_moves_the_image_with_the_pointer(make_canvas, facing):
    canvas = make_canvas("R CC", facing)
    before = canvas.image.placement.to_source(170, 120)
    drag(canvas, MIDDLE, (170, 120), (130, 150))
    assert np.allclose(canvas.image.placement.to_source(130, 150), before, atol=2 / FIT)


def test_panning_works_with_space_and_the_left_button(make_canvas, qtbot):
    canvas = make_canvas()
    window, before = canvas.image.greys.voi, canvas.image.placement.to_source(170, 120)
    canvas.activateWindow()
    canvas.setFocus()
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    drag(canvas, LEFT, (170, 120), (130, 150))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.image.greys.voi == window
    assert np.allclose(canvas.image.placement.to_source(130, 150), before, atol=2 / FIT)


def test_an_image_cannot_be_lost_off_the_canvas_nor_zoomed_out_of_sight(make_canvas):
    canvas = make_canvas()
    for _ in range(20):
        canvas.pan_by(500, 400)
    assert canvas.image.grey() is not None
    canvas.zoom_by(1e-6)
    assert canvas.image.camera.magnification >= 0.2 * FIT
    canvas.zoom_by(1e9)
    assert canvas.image.camera.magnification <= 16.01


def test_fit_and_reset_bring_back_the_first_view(make_canvas):
    canvas = make_canvas()
    first = screen(canvas)
    drag(canvas, MIDDLE, (170, 120), (130, 150))
    wheel(canvas, 3, modifiers=CTRL)
    canvas.fit()
    assert np.array_equal(screen(canvas), first)
    drag(canvas, LEFT, (50, 100), (110, 60))
    canvas.image.greys.set_inverted(True)
    canvas.reset()
    assert np.array_equal(screen(canvas), first)


def test_presets_are_stepped_round(make_canvas):
    soft = VoiWindow(1500, 3000, VoiFunction.LINEAR_EXACT, "soft")
    canvas = make_canvas(vois=(WINDOW, soft))
    names = []
    for index in range(4):
        canvas.image.greys.show_preset(index)
        names.append(canvas.image.greys.voi.name)
    assert names == ["normal", "soft", "automatic", "normal"]


def test_the_linear_fallback_is_named_and_sets_a_curve_aside(make_canvas):
    table = VoiLut(np.linspace(255, 0, 4096).astype(np.uint8), 0, 8, "broken")
    soft = VoiWindow(1500, 3000, VoiFunction.LINEAR_EXACT, "soft")
    canvas = make_canvas(vois=(table, soft))
    plain = [text for text, _ in canvas.text.bottom_lines()]
    canvas.image.greys.show_linear()
    assert canvas.image.greys.voi == soft
    assert [text for text, _ in canvas.text.bottom_lines()][:2] == [
        "linear fallback",
        "W 3000 L 1500 soft",
    ]
    assert "linear fallback" in canvas.text.summary()
    drag(canvas, LEFT, (50, 100), (110, 100))
    assert "linear fallback" in canvas.text.summary()  # adjusted, and still not the file's curve
    canvas.image.greys.show_preset(0)
    assert [text for text, _ in canvas.text.bottom_lines()] == plain


def test_what_is_wrong_with_the_files_grey_values_stands_on_the_image(make_canvas):
    faults = ("VOI LUT ignored: it descends", "polarity in doubt: I inverts")
    sound, broken = make_canvas(), make_canvas(display_warnings=faults)
    assert [text for text, _ in broken.text.bottom_lines()][:2] == list(faults)
    assert faults[0] in broken.text.summary()
    assert faults[0] in broken.accessibleDescription()
    assert not np.array_equal(screen(broken)[-110:-50, :150], screen(sound)[-110:-50, :150])


BAD_FILES = {
    "empty VOI LUT": ({"luts": [([4096, 0, 12], b"", "")]}, "VOI LUT ignored: it is empty"),
    "short VOI LUT": (
        {"luts": [([4096, 0, 12], range(9), "")]},
        "VOI LUT ignored: it is too short",
    ),
    "falling VOI LUT": (
        {"luts": [([4096, 0, 12], range(4095, -1, -1), "")], "window": None},
        "VOI LUT ignored: it descends",
    ),
    "width 0": ({"window": (2048, 0)}, "window ignored: unusable width"),
    "width 1": ({"window": (2048, 1)}, "window of width 1 set aside"),
    "negative width": ({"window": (2048, -400)}, "window ignored: unusable width"),
    "short Modality LUT": (
        {"modality_lut": ([4096, 0, 16], range(9))},
        "Modality LUT ignored: it is too short",
    ),
    "no slope": ({"slope": 0}, "rescale slope ignored"),
    "spacing 0": ({"imager_spacing": (0, 0)}, "no mm: pixels only"),
    "negative spacing": ({"imager_spacing": (-0.1, -0.1)}, "no mm: pixels only"),
    "spacing of a metre": ({"imager_spacing": (1000, 1000)}, "no mm: pixels only"),
    "oblong pixels": ({"imager_spacing": (0.2, 0.1)}, "0.2 × 0.1 mm, at detector"),
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_bad_file_shows_a_bright_breast_on_black_and_what_is_wrong(
    tmp_path, qtbot, photometric, name
):
    settings, words = BAD_FILES[name]
    path = write_mammogram(tmp_path / "a.dcm", photometric=photometric, **settings)
    (study,) = load([path]).studies
    canvas = Canvas(study, study.views[0])
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.show_pixels(rendering.prepare(study.views[0], load_pixels(study.views[0])))
    canvas.set_fit(1.0, (1.0, study.views[0].pixel_aspect))
    grey, *_ = canvas.image.grey()
    rows, columns = grey.shape
    tissue, air = grey[rows // 2, columns // 2 :], grey[: rows // 20, : columns // 4]
    assert np.median(tissue) > 60
    assert np.ptp(grey[:, columns // 2 :]) > 100
    assert len(np.unique(grey)) > 20, "black and white only"
    assert air.max() < 30
    assert words in [text for text, _ in canvas.text.bottom_lines()]
    canvas.image.greys.show_linear()
    assert np.median(canvas.image.grey()[0][rows // 2, columns // 2 :]) > 60


def test_the_wheel_steps_views_by_whole_notches_only(make_canvas, qtbot):
    canvas = make_canvas()
    steps = []
    canvas.step_requested.connect(steps.append)
    for _ in range(4):
        wheel(canvas, -0.25)  # a touchpad's small parts
    assert steps == [1]
    wheel(canvas, 1)
    assert steps == [1, -1]
    assert canvas.image.camera.is_fitted


def test_zoom_survives_a_new_size_and_fit_follows_it(make_canvas):
    canvas = make_canvas()
    wheel(canvas, 3, modifiers=CTRL)
    scale = canvas.image.camera.magnification
    middle = canvas.image.placement.to_source(120, 130)
    canvas.resize(300, 320)
    assert canvas.image.camera.magnification == scale
    assert np.allclose(canvas.image.placement.to_source(150, 160), middle, atol=2)


def test_tall_pixels_are_drawn_tall(make_canvas):
    canvas = make_canvas()
    canvas.set_fit(FIT, (1.0, 1.5))
    placement = canvas.image.placement
    assert placement.scale_y == pytest.approx(1.5 * placement.scale_x, rel=0.01)


def test_an_older_window_and_heat_do_not_survive_new_pixels(make_canvas):
    canvas = make_canvas()
    screen(canvas)
    black = as_pixels(np.zeros((400, 300)))
    canvas.show_pixels(rendering.prepare(replace(canvas.view), black))
    assert canvas.image.grey()[0].max() == 0


SCALED = """
import numpy as np
from PySide6.QtCore import QPointF, QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from engine.dicom import voi
from tests.viewer.studies import WINDOW, make_study, pixels_of
from viewer.display import rendering
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions
app = QApplication([])
study = make_study(("R CC",), shape=(800, 600))
outer = QWidget()
outer.resize(301, 301)
canvas = Canvas(study, study.views[0], outer)
canvas.setGeometry(33, 17, 201, 203)
pixels = pixels_of(study.views[0])
canvas.show_pixels(rendering.prepare(study.views[0], pixels))
canvas.set_fit(0.5, (1.0, 1.0))
canvas.actual_pixels()
outer.show()
image = outer.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
grab = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
ratio = canvas.devicePixelRatioF()
grey, x, y = canvas.image.grey()
rows, columns = grey.shape
y0, x0 = int(0.42 * rows), int(0.6 * columns)  # between the corners' words
part = grey[y0 : int(0.62 * rows), x0 : int(0.95 * columns)]
assert part.std() > 0.5
top, left = int(17 * ratio) + y + y0, int(33 * ratio) + x + x0
found = [
    (dx, dy)
    for dx in range(-2, 3)
    for dy in range(-2, 3)
    if np.array_equal(
        grab[top + dy : top + dy + part.shape[0], left + dx : left + dx + part.shape[1]], part
    )
]
print(ratio, canvas.image.camera.magnification, len(found))
"""


@pytest.mark.parametrize("factor", ["1.25", "1.5", "2"])
def test_on_a_scaled_desktop_image_pixels_are_still_device_pixels(factor):
    environment = {**os.environ, "QT_SCALE_FACTOR": factor, "QT_QPA_PLATFORM": "offscreen"}
    answer = subprocess.run(
        [sys.executable, "-c", SCALED],
        cwd=Path(__file__).parents[3],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    ratio, magnification, found = answer.stdout.split()
    assert (float(ratio), float(magnification)) == (float(factor), 1.0)
    assert int(found) >= 1  # unblurred, pixel for pixel


def test_a_picture_without_words_still_says_what_was_turned(make_canvas):
    canvas = make_canvas("R CC", "L")
    assert canvas.image.is_mirrored
    canvas.turn(canvas.image.camera.orientation.turned_right())
    words = [
        text
        for text, _, _ in canvas.text.lines_above(
            canvas.rect(), OverlayOptions(text=False, identity=False)
        )
    ]
    assert "⇄ mirrored for display" in words
    assert any(text.startswith("⟲") for text in words)
    assert "⇄ mirrored for display" in canvas.text.warnings()


def test_a_rotated_view_fills_the_paper_by_its_other_side(make_canvas):
    canvas = make_canvas()
    box = canvas.image.display.breast
    tall, wide = box.row_stop - box.row_start, box.column_stop - box.column_start
    canvas.turn(canvas.image.camera.orientation.turned_right())
    scale = scale_to_fit(canvas, QSize(tall, 10 * tall), (1.0, 1.0))
    assert scale == pytest.approx(canvas.devicePixelRatioF() * min(1, 10 * tall / wide))


def test_drawings_are_left_out_of_a_picture_where_that_is_wanted(make_canvas):
    canvas, painted = make_canvas(), []
    canvas.layers.append(painted.append)
    picture(canvas, OverlayOptions(drawings=False))
    assert painted == []
    picture(canvas, OverlayOptions())
    assert len(painted) == 1


def test_what_must_be_known_of_an_image_stands_on_it_and_on_whatever_shows_it(make_canvas):
    notes = ("A breast implant is present.", "Partial view: the breast goes on in another image.")
    said_shorter = "A Modality LUT is ignored: it descends."
    reason = message("A spot view.")
    refused = not_judged(reason)
    canvas = make_canvas(
        notes=(*notes, said_shorter, refused),
        display_warnings=("LUT ignored",),
        notes_on_image=frozenset({said_shorter}),
        out_of_scope=reason,
    )
    assert {*notes, refused, "LUT ignored"} <= set(
        canvas.text.warnings()
    )  # on paper and in pictures too
    assert said_shorter not in canvas.text.warnings()
    before = screen(canvas)
    canvas.show_refusal("A spot view.")
    assert "Not judged. A spot view." in canvas.text.warnings()
    assert refused not in canvas.text.warnings()  # it is not said twice
    assert not np.array_equal(screen(canvas), before)


# ------------------------------------------------------------------------- while the hand moves it


def with_a_calcification(shape=(1600, 1200)):
    """One bright pixel on grainy tissue, a quarter from the top."""
    stored = np.random.default_rng(0).integers(850, 950, shape, dtype=np.uint16)
    stored[shape[0] // 4, shape[1] // 2] = 3500
    return as_pixels(stored)


def zoom_fast(canvas, steps=6, factor=0.95):
    for _ in range(steps):
        canvas.user_zoom(factor, QPointF(120, 130))


def test_what_is_zoomed_fast_is_coarse_until_the_hand_rests_and_then_exact(make_canvas, qtbot):
    shape = (1600, 1200)
    fast, anew = (make_canvas(shape=shape, pixels=with_a_calcification()) for _ in range(2))
    for canvas in (fast, anew):
        canvas.centre(FIT, shape[0] / 4, shape[1] / 2)
    screen(fast)
    zoom_fast(fast)
    coarse = screen(fast)
    anew.restore_zoom(fast.image.camera.zoom)
    expected = screen(anew)
    assert not np.array_equal(coarse, expected)
    for edge in (coarse[100:150, :3], coarse[100:150, -3:], coarse[120:180, 100]):
        assert edge.min() > 30  # nothing is black that is tissue
    qtbot.waitUntil(lambda: np.array_equal(screen(fast), expected), timeout=2000)
    around = expected[90:170, 80:160, 0]
    assert around.max() > np.median(around) + 20  # the single pixel is not lost


def test_a_picture_of_what_is_being_zoomed_is_exact(make_canvas):
    fast, anew = (make_canvas(shape=(800, 600), size=(240, 260)) for _ in range(2))
    screen(fast)
    zoom_fast(fast)
    anew.restore_zoom(fast.image.camera.zoom)
    options = OverlayOptions()
    assert picture(fast, options) == picture(anew, options)


def test_one_step_of_zoom_is_exact_at_once(make_canvas, qtbot):
    one, anew = make_canvas(), make_canvas()
    one.user_zoom(1.2, QPointF(120, 130))
    anew.restore_zoom(one.image.camera.zoom)
    assert np.array_equal(screen(one), screen(anew))


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.7])
def test_a_view_that_is_dragged_far_in_small_steps_looks_as_if_drawn_anew(make_canvas, scale):
    shape = (1600, 1200)
    dragged, anew = make_canvas(shape=shape), make_canvas(shape=shape)
    dragged.zoom_to(scale)
    for step in range(40):
        dragged.pan_by(9 if step < 25 else -11, 7 if step < 30 else -9)
        if step % 8 == 7:
            anew.restore_zoom(dragged.image.camera.zoom)
            difference = screen(dragged).astype(int) - screen(anew)
            assert np.abs(difference).max() <= 2
        else:
            screen(dragged)
    dragged.image.greys.adjust(0.4, 0.1)
    anew.image.greys.adjust(0.4, 0.1)
    anew.restore_zoom(dragged.image.camera.zoom)
    assert np.array_equal(screen(dragged), screen(anew))
