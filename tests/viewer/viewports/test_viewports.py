"""A study on the screen: never another's pixels, one scale, and every command at work."""

import gc
import weakref
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from engine.domain import Study, VoiFunction, VoiWindow
from tests.viewer.pages import CTRL, LEFT, SHIFT, canvases, drag, hang, wheel, words_below
from tests.viewer.studies import (
    STANDARD,
    WINDOW,
    as_pixels,
    make_study,
    make_view,
    pixels_of,
    predict,
    spacing,
)
from viewer.display import rendering
from viewer.display.hanging import Arrangement
from viewer.display.page_scale import Basis
from viewer.display.priors import Prior
from viewer.display.reading_steps import DEFAULT_PROTOCOL, StepKind
from viewer.display.shown_image import ImageState
from viewer.shared import theme
from viewer.viewports.canvas import Canvas
from viewer.viewports.empty_viewport import EmptyViewport
from viewer.viewports.heat_legend import HeatLegend
from viewer.viewports.viewports import ViewportsPane


@pytest.fixture
def pane(qtbot):
    pane = ViewportsPane()
    qtbot.addWidget(pane)
    pane.resize(640, 640)
    pane.show()
    return pane


def make_prior(uid="old", year=2022, labels=STANDARD, **changes):
    study = replace(make_study(labels, uid=uid, **changes), study_date=date(year, 1, 2))
    return Prior(study, "2 years earlier")


def screen(pane):
    """The images as painted, without the line under them: uint8 (rows, columns, 3)."""
    image = pane.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return (
        rows[:, : 3 * image.width()]
        .reshape(image.height(), image.width(), 3)[
            : -pane.findChild(HeatLegend).parentWidget().height()
        ]
        .copy()
    )


# ------------------------------------------------------------------------------------------ safety


def test_a_new_study_never_shows_a_pixel_of_the_one_before(pane):
    bright = make_study(uid="1")
    pane.show_study(bright)
    for view in bright.views:
        pane.show_pixels(view.image_uid, as_pixels(np.full((400, 300), 4095)))
    assert (screen(pane) > 200).mean() > 0.3
    pane.show_study(make_study(uid="2"))
    shown = screen(pane)  # labels and "loading…", and black
    assert (shown > 200).mean() < 0.01
    assert all(canvas.state is ImageState.LOADING for canvas in canvases(pane).values())


def test_pixels_that_were_to_show_in_a_moment_never_show_in_another_study(pane, qtbot):
    first, second = make_study(uid="1"), make_study(uid="2")
    pane.show_study(first)
    bright = as_pixels(np.full((400, 300), 4095))
    for view in first.views:
        pane.bring_pixels(view.image_uid, rendering.prepare(view, bright))
    pane.show_study(second)
    qtbot.wait(50)
    assert all(canvas.state is ImageState.LOADING for canvas in canvases(pane).values())
    assert (screen(pane) > 200).mean() < 0.01


def test_views_whose_pixels_are_there_show_one_by_one_on_the_scale_that_they_keep(pane, qtbot):
    study = make_study()
    pane.show_study(study)
    for view in study.views:
        pane.bring_pixels(view.image_uid, rendering.prepare(view, pixels_of(view)))
    shown, scales = [], set()
    while len(shown) < 4:
        QApplication.processEvents()
        now = [c for c in canvases(pane).values() if c.state is ImageState.SHOWN]
        assert len(now) <= len(shown) + 1
        shown = now
        scales |= {canvas.image.camera.fit_scale for canvas in shown}
    assert len(scales) == 1
    anew = ViewportsPane()
    qtbot.addWidget(anew)
    anew.resize(pane.size())
    anew.show()
    hang(anew, study)
    assert np.array_equal(screen(pane), screen(anew))


def test_pixels_of_an_image_that_is_not_in_the_open_study_are_ignored(pane):
    first, second = make_study(uid="1"), make_study(uid="2")
    hang(pane, first)
    pane.show_study(second)
    before = screen(pane)
    late = first.views[0]
    pane.show_pixels(late.image_uid, pixels_of(late))
    pane.show_failure(late.image_uid, "Late", "Too late.")
    assert np.array_equal(screen(pane), before)
    pane.show_study(None)
    pane.show_pixels(late.image_uid, pixels_of(late))
    assert canvases(pane) == {}


def test_pixels_of_another_size_than_the_header_says_are_not_shown(pane):
    study = make_study(("R CC",))
    pane.show_study(study)
    pane.show_pixels(study.views[0].image_uid, as_pixels(np.full((300, 400), 4000)))
    (canvas,) = canvases(pane).values()
    assert canvas.state is ImageState.FAILED
    assert canvas.image.grey() is None


def test_a_heat_map_of_another_study_is_never_painted(pane):
    study = make_study()
    hang(pane, study)
    pane.set_overlay(True, 1.0)
    before = screen(pane)
    other = predict(make_study(uid="other"), np.ones((4, 4)))
    pane.show_explanations(other)
    assert np.array_equal(screen(pane), before)


def test_the_overlay_appears_with_its_legend_and_goes_without_a_trace(pane):
    study = make_study()
    hang(pane, study)
    before = screen(pane)
    places = [canvas.geometry() for canvas in canvases(pane).values()]
    pane.show_explanations(predict(study, np.ones((4, 4))))
    assert np.array_equal(screen(pane), before)  # hidden until asked for
    pane.set_overlay(True, 0.7)
    legend = pane.findChild(HeatLegend)
    assert legend.isVisible()
    assert "not a lesion outline" in legend.accessibleName()
    assert (np.ptp(screen(pane).astype(int), axis=2) > 60).mean() > 0.3
    assert [canvas.geometry() for canvas in canvases(pane).values()] == places
    pane.set_overlay(False, 0.7)
    assert not legend.isVisible()
    assert np.array_equal(screen(pane), before)
    pane.set_overlay(True, 0.7)
    pane.show_explanations(None)
    assert np.array_equal(screen(pane), before)


def test_a_new_study_takes_the_heat_maps_of_the_one_before_away(pane):
    study = make_study(uid="1")
    hang(pane, study)
    pane.set_overlay(True, 1.0)
    pane.show_explanations(predict(study, np.ones((4, 4))))
    hang(pane, make_study(uid="2"))
    assert (np.ptp(screen(pane).astype(int), axis=2) > 60).mean() < 0.01


# ----------------------------------------------------------------------------------------- hanging


def test_the_four_views_hang_back_to_back(pane):
    hang(pane, make_study(("L MLO", "R CC", "L CC", "R MLO")))
    cells = canvases(pane)
    assert list(cells) == list(STANDARD)
    for right, left in (("R CC", "L CC"), ("R MLO", "L MLO")):
        assert cells[right].geometry().right() + 1 == cells[left].geometry().left()
        assert cells[right].y() == cells[left].y()


def test_the_row_arrangement_puts_all_four_side_by_side(pane):
    hang(pane, make_study())
    pane.set_arrangement(Arrangement.ROW)
    cells = list(canvases(pane).values())
    assert {canvas.y() for canvas in cells} == {0}
    assert [canvas.view.label for canvas in cells] == list(STANDARD)
    pane.toggle_arrangement()
    assert len({canvas.y() for canvas in canvases(pane).values()}) == 2


def test_a_missing_view_leaves_its_place_with_a_label(pane):
    hang(pane, make_study(("R CC", "R MLO", "L MLO")))
    (gap,) = (gap for gap in pane.findChildren(EmptyViewport) if gap.isVisible())
    assert gap.label == "L CC"
    assert "not in this study" in gap.accessibleName()
    shown = screen(pane)[gap.y() : gap.y() + gap.height(), gap.x() : gap.x() + gap.width()]
    assert (shown > 100).any()


@pytest.mark.parametrize("mm", [(0.07, 0.07), (0.1, 0.05)])
def test_breasts_have_the_same_size_in_mm_whatever_their_pixels(pane, mm):
    views = [
        make_view("R CC", "r", shape=(400, 300), pixel_spacing=spacing(mm[0])),
        make_view("L CC", "l", shape=(600, 450), pixel_spacing=spacing(mm[1])),
    ]
    hang(pane, Study("1.2.3", "A-17", tuple(views)))
    right, left = canvases(pane).values()
    assert right.image.camera.magnification / mm[0] == pytest.approx(
        left.image.camera.magnification / mm[1], rel=0.01
    )


def test_without_spacing_views_share_a_scale_in_pixels_and_the_pane_says_so(pane):
    hang(pane, make_study())
    scales = {round(canvas.image.camera.magnification, 2) for canvas in canvases(pane).values()}
    assert len(scales) == 1
    assert any(Basis.PIXELS.value[1:] in text for text in words_below(pane))


def test_views_of_very_different_pixel_sizes_are_fitted_each_and_the_pane_says_so(pane):
    views = [make_view("R CC", "r", shape=(200, 150)), make_view("L CC", "l", shape=(1000, 750))]
    hang(pane, Study("1.2.3", "A-17", tuple(views)))
    heights = [canvas.image.grey()[0].shape[0] for canvas in canvases(pane).values()]
    assert heights[0] == pytest.approx(heights[1], rel=0.1)
    assert any(Basis.EACH.value[1:] in text for text in words_below(pane))


def test_the_breast_fills_its_cell(pane):
    hang(pane, make_study(("R CC", "L CC")))
    for canvas in canvases(pane).values():
        box, placement = canvas.image.display.breast, canvas.image.placement
        wide = (box.column_stop - box.column_start) * placement.scale_x / canvas.width()
        tall = (box.row_stop - box.row_start) * placement.scale_y / canvas.height()
        assert 0.94 < max(wide, tall) <= 1.0


def test_views_that_arrive_do_not_move_the_others_before_the_page_is_complete(pane):
    study = make_study()
    pane.show_study(study)
    placements = []
    for view in study.views[:3]:
        pane.show_pixels(view.image_uid, pixels_of(view))
        placements.append(canvases(pane)[study.views[0].label].image.placement)
    assert len(set(placements)) == 1


def test_a_failed_view_does_not_hold_up_the_scale_of_the_others(pane):
    study = make_study()
    pane.show_study(study)
    for view in study.views[:3]:
        pane.show_pixels(view.image_uid, pixels_of(view))
    pane.show_failure(study.views[3].image_uid, "File is cut short", "Copy it again.")
    failed = [canvas for canvas in canvases(pane).values() if canvas.state is ImageState.FAILED]
    assert [canvas.view.label for canvas in failed] == ["L MLO"]
    box = canvases(pane)["R CC"].image.display.breast
    tall = (box.row_stop - box.row_start) * canvases(pane)["R CC"].image.placement.scale_y
    assert tall > 0.9 * canvases(pane)["R CC"].height()


def test_bare_pixels_and_prepared_ones_show_the_same(pane):
    study = make_study(("R CC",))
    view = study.views[0]
    pane.show_study(study)
    pane.show_pixels(view.image_uid, pixels_of(view))
    bare = screen(pane)
    pane.show_study(study)
    pane.show_pixels(view.image_uid, rendering.prepare(view, pixels_of(view)))
    assert np.array_equal(screen(pane), bare)


# ---------------------------------------------------------------------------------------- commands


def test_views_are_stepped_through_and_beyond_the_ends_lie_other_studies(pane, qtbot):
    study = make_study((*STANDARD, "R ML"))
    selected, steps = [], []
    pane.view_selected.connect(selected.append)
    pane.study_step_requested.connect(steps.append)
    hang(pane, study)
    for _ in range(5):
        pane.next_view(1)
    assert selected == [view.image_uid for view in study.views]
    assert list(canvases(pane)) == ["R ML"]  # the second page
    assert steps == [1]
    for _ in range(5):
        pane.next_view(-1)
    assert steps == [1, -1]
    assert list(canvases(pane)) == list(STANDARD)


def test_a_wheel_that_runs_on_stops_at_the_last_view_and_a_new_turn_leaves_the_study(pane, qtbot):
    steps = []
    pane.study_step_requested.connect(steps.append)
    hang(pane, make_study())
    canvas = canvases(pane)["R CC"]
    for _ in range(8):
        wheel(canvas, -2)
    assert pane.selected == make_study().views[3].image_uid
    assert steps == []
    QTest.qWait(450)
    wheel(canvas, -1)
    assert steps == [1]


def test_double_click_shows_one_view_large_and_back_as_it_was(pane, qtbot):
    hang(pane, make_study())
    canvas = canvases(pane)["L MLO"]
    small, placement = canvas.geometry(), canvas.image.placement
    qtbot.mouseDClick(canvas, LEFT, pos=canvas.rect().center())
    assert list(canvases(pane)) == ["L MLO"]
    assert canvas.width() > 1.9 * small.width()
    assert canvas.image.camera.magnification > 1.5 * placement.scale_x
    wheel(canvas, 2, modifiers=CTRL)
    qtbot.mouseDClick(canvas, LEFT, pos=canvas.rect().center())
    assert list(canvases(pane)) == list(STANDARD)
    assert (canvas.geometry(), canvas.image.placement) == (small, placement)


def test_a_single_view_steps_to_the_next_and_leaves_no_zoom_behind(pane):
    hang(pane, make_study())
    before = canvases(pane)["R CC"].image.placement
    pane.toggle_single()
    pane.zoom_step(3)
    pane.next_view(1)
    assert list(canvases(pane)) == ["L CC"]
    pane.toggle_single()
    assert canvases(pane)["R CC"].image.placement == before


def test_invert_and_presets_act_on_all_views_and_on_those_that_load_later(pane):
    soft = VoiWindow(1500, 3000, VoiFunction.LINEAR_EXACT, "soft")
    study = make_study(vois=(WINDOW, soft))
    pane.show_study(study)
    first, *later = study.views
    pane.show_pixels(first.image_uid, pixels_of(first))
    pane.windowing.step_preset(1)
    pane.windowing.toggle_invert()
    for view in later:
        pane.show_pixels(view.image_uid, pixels_of(view))
    for canvas in canvases(pane).values():
        assert canvas.image.greys.voi.name == "soft"
        assert "inverted" in canvas.text.summary()
    pane.reset()
    for canvas in canvases(pane).values():
        assert canvas.image.greys.voi.name == "normal"
        assert "inverted" not in canvas.text.summary()


def test_one_key_sets_curves_aside_in_all_views_and_gives_them_back(pane, qtbot):
    curve = VoiWindow(2048, 3000, VoiFunction.SIGMOID, "curve")
    soft = VoiWindow(1500, 3000, VoiFunction.LINEAR_EXACT, "soft")
    study = make_study(vois=(curve, soft))
    pane.show_study(study)
    first, *later = study.views
    pane.show_pixels(first.image_uid, pixels_of(first))
    pane.activateWindow()
    pane.select(first.image_uid)
    QApplication.processEvents()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_L)
    for view in later:
        pane.show_pixels(view.image_uid, pixels_of(view))
    for canvas in canvases(pane).values():
        assert canvas.image.greys.voi.function is VoiFunction.LINEAR_EXACT
        assert "linear fallback" in canvas.text.summary()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_L)
    assert {canvas.image.greys.voi for canvas in canvases(pane).values()} == {curve}
    windowing = pane.windowing
    for leave, window in ((partial(windowing.step_preset, 1), soft), (pane.reset, curve)):
        windowing.toggle_linear()
        leave()
        for canvas in canvases(pane).values():
            assert canvas.image.greys.voi == window
            assert "linear fallback" not in canvas.text.summary()
    windowing.toggle_linear()
    hang(pane, make_study(uid="other"))
    assert not any("linear" in canvas.text.summary() for canvas in canvases(pane).values())


def test_a_drag_changes_one_window_and_with_shift_all(pane):
    hang(pane, make_study())
    cells = canvases(pane)
    drag(cells["L CC"], LEFT, (100, 100), (140, 100))
    changed = [label for label, canvas in cells.items() if canvas.image.greys.voi != WINDOW]
    assert changed == ["L CC"]
    pane.reset()
    drag(cells["L CC"], LEFT, (100, 100), (140, 100), SHIFT)
    widths = {round(canvas.image.greys.voi.width) for canvas in cells.values()}
    assert widths == {round(4096 * np.exp(40 / 300))}


def test_one_to_one_acts_on_the_selected_view_and_again_fits_it(pane):
    hang(pane, make_study())
    pane.actual_pixels()
    assert [canvas.image.camera.magnification == 1 for canvas in canvases(pane).values()] == [
        True,
        False,
        False,
        False,
    ]
    assert canvases(pane)["R CC"].image.grey()[0].max() > 60  # the breast, not the air
    pane.actual_pixels()
    assert canvases(pane)["R CC"].image.camera.is_fitted


def test_the_status_line_follows_the_selected_view(pane):
    lines = []
    pane.status_changed.connect(lines.append)
    hang(pane, make_study())
    assert lines[-1].startswith("R CC")
    assert "W 4096 L 2048" in lines[-1]
    pane.next_view(1)
    assert lines[-1].startswith("L CC")
    pane.show_study(None)
    assert lines[-1] == ""


def test_every_command_has_an_action_with_its_keys_and_runs(pane):
    hang(pane, make_study())
    pane.tools.annotations.open(
        make_study()
    )  # a spot may be drawn, wherever the pointer happens to be
    assert {action.objectName() for action in pane.actions()} == {c.id for c in pane.commands.specs}
    for command in pane.commands.specs:
        action = pane.commands.action(command.id)
        assert action.text() == command.text
        assert action.shortcuts() == [QKeySequence(key) for key in command.keys]
        action.trigger()


def test_keys_reach_the_selected_view(pane, qtbot):
    hang(pane, make_study())
    pane.activateWindow()
    pane.select(make_study().views[0].image_uid)
    QApplication.processEvents()
    focused = QApplication.focusWidget()
    assert isinstance(focused, Canvas)
    qtbot.keyClick(focused, Qt.Key.Key_Right)
    assert pane.selected == make_study().views[1].image_uid
    focused = QApplication.focusWidget()
    qtbot.keyClick(focused, Qt.Key.Key_Up, CTRL)
    assert focused.image.greys.voi.name == "adjusted"
    qtbot.keyClick(focused, Qt.Key.Key_Home)
    assert focused.image.greys.voi == WINDOW


def test_focus_stays_with_the_images_when_the_study_changes(pane):
    hang(pane, make_study(uid="1"))
    pane.activateWindow()
    pane.select("1.0")
    QApplication.processEvents()
    pane.show_study(make_study(uid="2"))
    assert QApplication.focusWidget().view.study_uid == "2"


def test_the_selected_view_is_framed_and_the_frame_tells_the_keyboard(pane):
    hang(pane, make_study())
    pane.activateWindow()
    pane.select(make_study().views[1].image_uid)
    QApplication.processEvents()
    canvas = canvases(pane)["L CC"]
    corner = canvas.grab().toImage().pixelColor(canvas.width() - 1, 0)
    assert corner == theme.ACCENT
    assert canvases(pane)["R CC"].grab().toImage().pixelColor(0, 0).lightness() == 0


def test_canvases_tell_screen_readers_what_they_show(pane):
    study = make_study()
    pane.show_study(study)
    pane.show_pixels(study.views[0].image_uid, pixels_of(study.views[0]))
    pane.show_failure(study.views[1].image_uid, "File is cut short", "Copy it again.")
    names = [canvas.accessibleName() for canvas in canvases(pane).values()]
    assert names[:3] == [
        "R CC, shown",
        "L CC, cannot be shown: File is cut short",
        "R MLO, loading",
    ]


# --------------------------------------------------------------------------------- steps, priors


def words_of_step(pane):
    return words_below(pane)[0]


def test_one_key_goes_through_the_steps_and_stops_at_the_last(pane, qtbot):
    hang(pane, make_study(shape=(900, 700)))
    pane.activateWindow()
    pane.select("1.2.3.0")
    QApplication.processEvents()
    seen = []
    for _ in range(40):
        seen.append((list(canvases(pane)), words_of_step(pane)))
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_N)
    pages = [cells for cells, _ in seen]
    assert pages[:3] == [list(STANDARD), ["R CC", "L CC"], ["R MLO", "L MLO"]]
    assert list(dict.fromkeys(label for (label, *more) in pages if not more)) == list(STANDARD)
    assert words_of_step(pane).endswith("last step")
    assert pages[-1] == ["L MLO"]
    for _ in range(40):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_N, SHIFT)
    assert list(canvases(pane)) == list(STANDARD)
    assert words_of_step(pane).endswith("first step")


def test_the_tour_shows_every_pixel_of_the_breast_at_one_to_one(pane):
    pane.set_protocol([StepKind.ACTUAL])
    study = make_study(("R CC", "L CC"), shape=(1800, 1400))
    hang(pane, study)
    canvas = canvases(pane)["R CC"]
    box = canvas.image.display.breast
    seen = np.zeros(canvas.image.display.pixels.shape, bool)
    count = 0
    while list(canvases(pane)) == ["R CC"]:
        assert canvas.image.camera.magnification == 1
        placement, (width, height) = canvas.image.placement, canvas.device_size()
        corner, other = placement.to_source(0, 0), placement.to_source(width, height)
        rows = slice(max(0, int(corner[0])), int(other[0]) + 1)
        seen[rows, max(0, int(corner[1])) : int(other[1]) + 1] = True
        count += 1
        assert f"part {count} of " in words_of_step(pane)
        pane.step(1)
    assert seen[box.row_start : box.row_stop, box.column_start : box.column_stop].all()
    pane.step(-1)
    assert list(canvases(pane)) == ["R CC"]  # backwards from its last part
    assert f"part {count} of {count}" in words_of_step(pane)


def test_a_step_begins_fitted_whatever_was_zoomed_before(pane):
    hang(pane, make_study())
    pane.zoom_step(3)
    pane.step(1)
    assert all(canvas.image.camera.is_fitted for canvas in canvases(pane).values())
    pane.zoom_step(3)
    pane.step(-1)
    assert all(canvas.image.camera.is_fitted for canvas in canvases(pane).values())


def test_from_a_pair_the_arrow_goes_on_to_the_other_pair(pane):
    hang(pane, make_study())
    pane.step(1)
    pane.next_view(1)
    pane.next_view(1)
    assert list(canvases(pane)) == ["R MLO", "L MLO"]


def test_priors_hang_under_the_current_views_and_cannot_be_taken_for_them(pane):
    hang(pane, make_study(), priors=[make_prior()])
    pane.next_prior()
    shown = [canvas for canvas in pane.findChildren(Canvas) if canvas.isVisible()]
    assert len(shown) == 8
    current = {canvas.view.label: canvas for canvas in shown if canvas.prior is None}
    prior = {canvas.view.label: canvas for canvas in shown if canvas.prior}
    for label, canvas in prior.items():
        above = current[label]
        assert (canvas.x(), canvas.width()) == (above.x(), above.width())
        assert canvas.y() > above.y()
        assert canvas.accessibleName().startswith(f"PRIOR 2022-01-02, {label}")
        assert canvas.text.summary().startswith(f"PRIOR 2022-01-02 {label}")
        assert shows_colour(canvas, theme.PRIOR)
        assert not shows_colour(above, theme.PRIOR)
        assert above.accessibleName() == f"{label}, shown"
    pane.step(-1)
    assert all(canvas.prior is None for canvas in canvases(pane).values())


def shows_colour(canvas, colour):
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return (pixels == colour.rgb()).sum() > 100


@pytest.mark.parametrize("mm", [0.05, 0.1, 0.2])
def test_current_and_prior_have_the_same_physical_size(pane, mm):
    current = make_study(shape=(600, 450), pixel_spacing=spacing(0.1))
    shape = (round(60 / mm), round(45 / mm))  # the same breast by another machine
    hang(pane, current, priors=[make_prior(shape=shape, pixel_spacing=spacing(mm))])
    pane.next_prior()
    for canvas in (c for c in pane.findChildren(Canvas) if c.isVisible()):
        per_mm = canvas.image.camera.magnification / canvas.view.pixel_spacing.column_mm
        reference = canvases(pane)["R CC"]
        assert per_mm == pytest.approx(
            reference.image.camera.magnification / reference.view.pixel_spacing.column_mm, rel=0.01
        )
    assert Basis.MILLIMETRES.value.capitalize() in words_below(pane)


def test_pixels_that_are_not_square_are_shown_in_their_true_proportions(pane):
    flat = replace(spacing(0.1), row_mm=0.2)
    current = make_study(shape=(600, 450), pixel_spacing=spacing(0.1))
    hang(pane, current, priors=[make_prior(shape=(300, 450), pixel_spacing=flat)])
    pane.next_prior()
    heights = {
        round(canvas.image.placement.height)
        for canvas in pane.findChildren(Canvas)
        if canvas.isVisible()
    }
    assert max(heights) - min(heights) <= 1


def test_a_prior_without_spacing_is_fitted_by_itself_and_says_that_its_size_does_not_compare(pane):
    current = make_study(shape=(600, 450), pixel_spacing=spacing(0.1))
    hang(pane, current, priors=[make_prior(shape=(200, 150))])
    pane.next_prior()
    for canvas in (c for c in pane.findChildren(Canvas) if c.isVisible()):
        words = [text for text, _ in canvas.text.bottom_lines()]
        assert ("size does not compare" in words) is (canvas.prior is not None)
        assert canvas.image.grey()[0].shape[0] > 0.6 * canvas.height()
    assert Basis.PARTLY.value.capitalize() in words_below(pane)
    pane.step(-1)  # among themselves the current ones do compare
    assert not any("size does" in canvas.text.summary() for canvas in canvases(pane).values())


def test_spacings_that_cannot_both_be_true_are_told_and_each_view_is_fitted(pane):
    current = make_study(shape=(600, 450), pixel_spacing=spacing(0.1))
    hang(pane, current, priors=[make_prior(shape=(600, 450), pixel_spacing=spacing(1.0))])
    pane.next_prior()
    shown = [canvas for canvas in pane.findChildren(Canvas) if canvas.isVisible()]
    assert all("size does not compare" in canvas.text.summary() for canvas in shown)
    assert all(canvas.image.grey()[0].shape[0] > 0.6 * canvas.height() for canvas in shown)
    assert Basis.CONTRADICTORY.value.capitalize() in words_below(pane)


def test_what_the_prior_lacks_leaves_a_gap_that_says_whose(pane):
    hang(pane, make_study(), priors=[make_prior(labels=("R CC", "R MLO", "L MLO"))])
    pane.next_prior()
    (gap,) = (gap for gap in pane.findChildren(EmptyViewport) if gap.isVisible())
    assert gap.accessibleName() == "L CC, not in the prior of 2022-01-02"
    assert gap.x() == canvases(pane)["L CC"].x()


def test_the_key_for_priors_goes_to_older_ones_and_round_to_the_newest(pane):
    shown = []
    pane.prior_shown.connect(shown.append)
    priors = [make_prior("2022", 2022), make_prior("2019", 2019)]
    hang(pane, make_study(), priors=priors)
    pane.next_prior()
    assert dates(pane) == {"2022-01-02"}
    pane.next_prior()
    assert dates(pane) == {"2019-01-02"}
    assert words_of_step(pane).endswith("prior 2 of 2")
    below = [canvas for canvas in pane.findChildren(Canvas) if canvas.prior]
    assert all(canvas.state is ImageState.LOADING for canvas in below)  # no pixel of the newer one
    pane.next_prior()
    assert dates(pane) == {"2022-01-02"}
    assert shown == ["2019", "2022"]


def dates(pane):
    shown = [canvas for canvas in pane.findChildren(Canvas) if canvas.isVisible() and canvas.prior]
    return {canvas.prior.study.study_date.isoformat() for canvas in shown}


def test_without_a_prior_the_key_says_so_and_shows_nothing_else(pane):
    hang(pane, make_study())
    before = screen(pane)
    pane.next_prior()
    assert "prior: none in what was opened" in words_of_step(pane)
    assert np.array_equal(screen(pane), before)


def test_no_heat_map_is_ever_painted_on_a_prior(pane):
    study, prior = make_study(), make_prior()
    hang(pane, study, priors=[prior])
    pane.next_prior()
    pane.set_overlay(True, 1.0)
    before = {c.view.image_uid: c.grab().toImage() for c in pane.findChildren(Canvas) if c.prior}
    pane.show_explanations(predict(prior.study, np.ones((4, 4))))
    wrong = replace(predict(prior.study, np.ones((4, 4))), study_uid=study.uid)
    pane.show_explanations(wrong)  # of the prior's images under the current study's name
    assert not any(canvas.has_heat for canvas in pane.findChildren(Canvas))
    pane.show_explanations(predict(study, np.ones((4, 4))))
    for canvas in pane.findChildren(Canvas):
        assert canvas.has_heat is (canvas.prior is None)
        if canvas.prior:
            assert canvas.grab().toImage() == before[canvas.view.image_uid]


def test_a_priors_views_are_not_the_studys_own(pane):
    hang(pane, make_study(), priors=[make_prior()])
    steps = []
    pane.study_step_requested.connect(steps.append)
    for _ in range(4):
        pane.next_view(1)
    assert steps == [1]
    assert list(canvases(pane)) == list(STANDARD)


def test_a_doubt_about_the_patient_stands_on_the_prior(pane):
    prior = Prior(make_prior().study, "2 years earlier", ("matched by ID alone",))
    hang(pane, make_study(), priors=[prior])
    pane.next_prior()
    below = [canvas for canvas in pane.findChildren(Canvas) if canvas.prior]
    for canvas in below:
        assert "matched by ID alone" in [text for text, _ in canvas.text.top_lines()]


def test_views_that_claim_the_same_place_ask_for_a_check(pane):
    hang(pane, make_study(("L CC", "L CC", "R MLO", "L MLO")))
    words = [text for text, _ in canvases(pane)["L CC"].text.top_lines()]
    assert words[-3:] == ["check side", "2 images claim L CC", "none R CC"]
    assert "check side" in canvases(pane)["L CC"].accessibleDescription()
    assert "check side" not in [text for text, _ in canvases(pane)["L MLO"].text.top_lines()]


def test_a_reader_may_choose_other_steps_and_begins_with_the_first(pane):
    hang(pane, make_study(), priors=[make_prior()])
    pane.set_protocol([StepKind.PRIOR_MLO, StepKind.RIGHT])
    assert len([canvas for canvas in pane.findChildren(Canvas) if canvas.isVisible()]) == 4
    pane.step(1)
    assert list(canvases(pane)) == ["R CC", "R MLO"]
    pane.step(1)
    assert list(canvases(pane)) == list(STANDARD)  # what no chosen step shows
    pane.set_protocol(DEFAULT_PROTOCOL)
    assert list(canvases(pane)) == list(STANDARD)


def test_a_step_does_not_take_the_keyboard_from_the_forms(pane, qtbot):
    form = QWidget(pane)
    form.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    hang(pane, make_study())
    pane.activateWindow()
    form.show()
    form.setFocus()
    QApplication.processEvents()
    assert QApplication.focusWidget() is form
    for _ in range(4):
        pane.step(1)
    assert QApplication.focusWidget() is form


# ------------------------------------------------------------------------------------------- theme


def test_every_text_colour_is_legible_on_every_surface():
    for text in theme.TEXT_COLOURS:
        for surface in theme.SURFACES:
            assert theme.contrast(text, surface) >= 4.5, (text.name(), surface.name())
    assert theme.contrast(theme.ON_SUSPICIOUS, theme.SUSPICIOUS) >= 4.5
    assert theme.contrast(theme.TEXT, theme.IMAGE_BACKGROUND) <= 21


def test_the_dark_look_is_applied_without_a_complaint_from_qt(qapp):
    style, palette, font = qapp.style().objectName(), qapp.palette(), qapp.font()
    try:
        theme.apply(qapp)
        assert qapp.palette().window().color() == theme.WINDOW
        assert qapp.font().pixelSize() == theme.TEXT_PX
    finally:
        qapp.setStyleSheet("")
        qapp.setStyle(style)
        qapp.setPalette(palette)
        qapp.setFont(font)


def test_the_style_sheet_knows_all_its_colours():
    assert "$" not in theme.style_sheet().split("*/", 1)[1]
    assert theme.ACCENT.name() in theme.style_sheet()


def test_the_images_of_a_study_that_was_left_are_out_of_memory_at_once(pane):
    """Not when Python next looks for garbage: some hundred studies would be in memory by then."""
    study = make_study()
    pane.show_study(study)
    kept = []
    for view in study.views:
        display = rendering.prepare(view, pixels_of(view))
        kept.append(weakref.ref(display))
        pane.show_pixels(view.image_uid, display)
        del display
    pane.grab()
    gc.disable()
    try:
        pane.show_study(make_study(uid="9.9"))
        assert not any(image() for image in kept)
    finally:
        gc.enable()
