"""The mouse on an image does what its reader is used to; a click of the right button opens a menu
of what can be done there, and a drag with it still drags.
"""

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QComboBox, QMenu

from engine.domain import AnnotationKind, ReadingMode
from tests.viewer.driver import canvases, find, open_and_wait, open_current, rows, use
from tests.viewer.fake_engine import FakeEngine
from tests.viewer.pages import (
    CTRL,
    LEFT,
    MIDDLE,
    NONE,
    NONE_DOWN,
    RIGHT,
    drag,
    send,
    wheel,
)
from viewer.display.mouse_habits import PRESETS, Drag, MouseHabits, Wheel, ways
from viewer.panes.settings_dialog import SettingsDialog
from viewer.shared.keymap import plain

SPOT = (300.0, 130.0)  # on the breast


@pytest.fixture
def hung(window, write_studies, qtbot):
    windows = [(2048, 4096, "NORMAL"), (2300, 99, "B&W")]
    folder = write_studies(1, rows=900, columns=700, window=windows)
    open_and_wait(qtbot, window, folder)
    return window


def click_right(canvas, at=SPOT):
    """The menu that opens, if one does."""
    at = QPointF(*at)
    send(canvas, QEvent.Type.MouseButtonPress, at, RIGHT, RIGHT, NONE)
    send(canvas, QEvent.Type.MouseButtonRelease, at, RIGHT, NONE_DOWN, NONE)
    return QApplication.activePopupWidget()


def entries(menu):
    """By what is written on them; of menus within, too."""
    found = {}
    for action in menu.actions():
        found[plain(action.text())] = action
        if (inner := action.menu()) is not None:
            found |= entries(inner)
    return found


# ---------------------------------------------------------------------------------- what drags do


def what_changed(canvas, act):
    """Of window, zoom and place."""
    greys, camera = canvas.image.greys.voi, canvas.image.camera
    act()
    after = canvas.image.camera
    if canvas.image.greys.voi != greys:
        return Drag.WINDOW
    if after.scale != pytest.approx(camera.scale):
        return Drag.ZOOM
    return Drag.PAN if after.placement != camera.placement else Drag.NOTHING


@pytest.mark.parametrize("habits", [*PRESETS.values(), MouseHabits(*[Drag.ZOOM] * 3, Wheel.ZOOM)])
def test_each_button_and_the_wheel_do_as_they_are_set(hung, habits):
    hung.viewports.set_mouse(habits)
    canvas = hung.viewports.current
    for button, meant in ((LEFT, habits.left), (MIDDLE, habits.middle), (RIGHT, habits.right)):
        use(hung, "reset")
        assert what_changed(canvas, lambda b=button: drag(canvas, b, SPOT, (330, 90))) is meant
        assert QApplication.activePopupWidget() is None
    for modifiers in (NONE, CTRL):
        selected, zoom = hung.viewports.selected, canvas.image.camera.scale
        wheel(canvas, -1, SPOT, modifiers)
        is_zoom = (habits.wheel is Wheel.ZOOM) is (modifiers is NONE)
        assert (canvas.image.camera.scale != zoom) is is_zoom
        assert (hung.viewports.selected != selected) is not is_zoom
        hung.viewports.select(selected)


def test_the_keys_of_the_program_tell_the_mouse_as_it_is_set():
    told = dict(ways(PRESETS["Mammography workstation"]))
    assert told["Window and level"] == "drag with the middle button · with Shift all views"
    assert told["Move the image"] == "drag with the left button · Space and drag"
    assert told["Zoom"] == "Ctrl + wheel"
    assert "Window and level" not in dict(ways(MouseHabits(left=Drag.PAN)))


def test_habits_are_set_in_the_settings_hold_at_once_and_at_the_next_start(
    make_window, write_studies, tmp_path, qtbot
):
    window = make_window()
    open_and_wait(qtbot, window, write_studies(1))
    use(window, "settings")
    dialog = window.findChild(SettingsDialog)
    preset = find(dialog, QComboBox, "As in")
    right = find(dialog, QComboBox, "Drag, right button")
    assert preset.currentText() == "birads-viewer, RadiAnt"
    preset.setCurrentText("Mammography workstation")
    preset.activated.emit(preset.currentIndex())
    assert right.currentData() is Drag.NOTHING
    canvas = window.viewports.current
    assert what_changed(canvas, lambda: drag(canvas, LEFT, SPOT, (330, 90))) is Drag.PAN
    right.setCurrentIndex(right.findData(Drag.ZOOM))
    right.activated.emit(right.currentIndex())
    assert preset.currentText() == "your own"
    assert window.close()
    again = make_window(engine=FakeEngine())
    assert again.settings.mouse == MouseHabits(Drag.PAN, Drag.WINDOW, Drag.ZOOM)
    ini = (tmp_path / "settings.ini").read_text()
    (tmp_path / "settings.ini").write_text(ini.replace("left=PAN", "left=JUGGLE"))
    assert make_window(engine=FakeEngine()).settings.mouse.left is Drag.WINDOW


# --------------------------------------------------------------------------------------- the menu


def test_a_right_click_offers_what_can_be_done_with_that_view(hung):
    canvas = canvases(hung)[2]
    menu = click_right(canvas)
    assert isinstance(menu, QMenu)
    assert hung.viewports.selected == canvas.view.image_uid
    offered = entries(menu)
    assert {
        *("Ask about this spot", "W 4096 L 2048 NORMAL", "W 99 L 2300 B&W", "Invert", "Heat-map"),
        *("Ruler", "Text", "Magnifying glass 1:1", "Flip left to right", "Fit breasts"),
        *("Copy view as picture", "Save view as picture", "DICOM header"),
    } <= set(offered)
    assert offered["W 4096 L 2048 NORMAL"].isChecked()
    assert "Remove drawing" not in offered
    offered["Invert"].trigger()
    assert canvas.image.greys.is_inverted
    menu.close()


def test_a_preset_of_the_menu_is_every_views(hung):
    menu = click_right(hung.viewports.current)
    entries(menu)["W 99 L 2300 B&W"].trigger()
    assert {canvas.image.greys.voi.name for canvas in canvases(hung)} == {"B&W"}
    menu.close()
    beside = click_right(hung.viewports.current, (5.0, 130.0))
    assert not entries(beside)["Ask about this spot"].isEnabled()  # air beside the image
    beside.close()
    menu = click_right(hung.viewports.current)
    assert entries(menu)["W 99 L 2300 B&W"].isChecked()
    menu.close()


def test_the_spot_and_the_zoom_are_where_the_click_was_not_where_the_menu_is(hung):
    canvas = hung.viewports.current
    row, column = canvas.source_point(QPointF(*SPOT))
    menu = click_right(canvas)
    entries(menu)["Ask about this spot"].trigger()
    menu.close()
    (region,) = hung.viewports.tools.annotations.of(canvas.view.image_uid)
    assert region.kind is AnnotationKind.REGION
    (top, left), (bottom, right) = region.points
    assert top <= row <= bottom
    assert left <= column <= right

    menu = click_right(canvas)
    entries(menu)["Actual pixels (1:1) here"].trigger()
    menu.close()
    assert canvas.image.camera.magnification == 1
    assert canvas.source_point(QPointF(*SPOT)) == pytest.approx((row, column), abs=1)


def test_a_drawing_that_was_clicked_can_be_removed(hung):
    canvas = hung.viewports.current
    use(hung, "tools.hand.choose_RULER")
    drag(canvas, LEFT, (280, 130), (320, 130))
    menu = click_right(canvas, (300, 60))
    assert "Remove drawing" not in entries(menu)
    menu.close()
    menu = click_right(canvas)
    entries(menu)["Remove drawing"].trigger()
    menu.close()
    assert hung.viewports.tools.annotations.of(canvas.view.image_uid) == ()


def test_what_is_hidden_cannot_be_asked_for_by_the_menu(make_window, write_studies, qtbot):
    window = make_window(mode=ReadingMode.BLIND_AUDIT)
    open_and_wait(qtbot, window, write_studies(1))
    menu = click_right(window.viewports.current)
    offered = entries(menu)
    assert not offered["Ask about this spot"].isEnabled()
    assert (
        offered["Ask about this spot"].toolTip() == "Nothing is asked about spots in a blind audit"
    )
    assert not offered["Heat-map"].isEnabled()
    menu.close()


def test_a_prior_has_its_menu_too_and_nothing_is_asked_about_it(window, annas_studies, qtbot):
    open_current(qtbot, window, annas_studies)
    use(window, "next_prior")
    prior = next(c for c in window.viewports.shown_canvases if c.prior is not None)
    menu = click_right(prior)
    assert menu.accessibleName() == f"Menu of {prior.text.name}"
    assert not entries(menu)["Ask about this spot"].isEnabled()
    menu.close()
    assert len(rows(window)) == 4


def test_the_menu_key_opens_it_and_the_mouses_own_event_does_not(hung):
    canvas, at = hung.viewports.current, QPointF(*SPOT).toPoint()
    for reason, is_opened in ((QContextMenuEvent.Reason.Mouse, False),
                              (QContextMenuEvent.Reason.Keyboard, True)):  # fmt: skip
        event = QContextMenuEvent(reason, at, canvas.mapToGlobal(at), Qt.KeyboardModifier(0))
        QApplication.sendEvent(canvas, event)
        assert event.isAccepted()  # the main window would offer its panes
        menu = QApplication.activePopupWidget()
        assert (menu is not None) is is_opened
    menu.close()
