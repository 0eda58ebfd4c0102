"""At any width every tool of the toolbar is in sight or behind a "»" that is; its pictures are one
drawn set.
"""

import pytest
from PySide6.QtCore import QPoint, QSize
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractButton, QComboBox, QToolBar, QToolButton

from engine.domain import ReadingMode
from resources import ROOT
from scripts.make_icons import DRAWINGS
from tests.viewer.driver import find, open_and_wait, use
from tests.viewer.fake_engine import FakeEngine
from viewer.panes.settings_dialog import SettingsDialog
from viewer.panes.tool_row import Words
from viewer.shared.icons import icon
from viewer.window.menus import LINKS, TOOLBAR

COMMANDS = [identity for group in TOOLBAR for identity in group]


def toolbar(window):
    return window.findChild(QToolBar, "Toolbar")


def more(window):
    return find(window, QAbstractButton, "More tools") if has_more(window) else None


def has_more(window):
    buttons = toolbar(window).findChildren(QToolButton)
    return any(b.isVisible() and b.accessibleName() == "More tools" for b in buttons)


def in_sight(window):
    """The commands whose button is wholly in the window."""
    found = []
    for button in toolbar(window).findChildren(QToolButton):
        if button.isVisible() and button.defaultAction() is not None:
            left = button.mapTo(window, QPoint(0, 0)).x()
            assert left >= 0
            assert left + button.width() <= window.width()
            found.append(button.defaultAction().objectName())
    return found


@pytest.mark.usefixtures("themed")
@pytest.mark.parametrize("width", [960, 1100, 1366, 1600, 1920, 2560])
@pytest.mark.parametrize("words", Words)
def test_at_any_width_a_tool_is_in_sight_or_behind_a_button_that_is(window, qtbot, width, words):
    window.menus.tools.set_words(words)
    window.resize(width, 700)
    qtbot.wait(20)
    seen, behind = in_sight(window), []
    if has_more(window):
        button = more(window)
        assert button.mapTo(window, QPoint(button.width(), 0)).x() <= window.width()
        behind = [one.objectName() for one in button.menu().actions() if one.objectName()]
        inner = [one.menu() for one in button.menu().actions() if one.menu() is not None]
        assert [[one.objectName() for one in menu.actions()] for menu in inner] == [list(LINKS)]
    assert seen + behind == COMMANDS  # those that come first stay longest
    assert has_more(window) is (width < 1366)


@pytest.mark.usefixtures("themed")
def test_words_are_where_the_reader_wants_them_and_give_way_from_the_last_group_on(
    make_window, qtbot
):
    window = make_window()
    window.resize(1920, 900)
    qtbot.wait(20)

    def with_words():
        buttons = toolbar(window).findChildren(QToolButton)
        plain = Words.NONE.style
        return [
            b.defaultAction().objectName()
            for b in buttons
            if b.defaultAction() is not None and b.toolButtonStyle() is not plain
        ]

    assert with_words() == COMMANDS[: len(with_words())]
    assert {"save_and_next", "heat_map"} <= set(with_words())
    use(window, "settings")
    dialog = window.findChild(SettingsDialog)
    place = find(dialog, QComboBox, "Words in the toolbar")
    place.setCurrentIndex(place.findData(Words.NONE))
    place.activated.emit(place.currentIndex())
    assert with_words() == []
    without_words = [
        button
        for button in toolbar(window).findChildren(QToolButton)
        if button.isVisible()
        and not button.icon().isNull()
        and button.toolButtonStyle() is Words.NONE.style
    ]
    assert all(button.toolTip() for button in without_words)
    assert window.close()
    again = make_window(engine=FakeEngine())
    assert again.settings.toolbar_words is Words.NONE


def test_a_button_does_what_its_command_does_and_is_off_where_that_is(
    make_window, write_studies, qtbot
):
    window = make_window(mode=ReadingMode.BLIND_AUDIT)
    open_and_wait(qtbot, window, write_studies(2))
    first = window.session.current_study
    find(toolbar(window), QAbstractButton, "Next").click()
    assert window.session.current_study is not first
    find(toolbar(window), QAbstractButton, "Previous").click()
    assert window.session.current_study is first
    assert not find(toolbar(window), QAbstractButton, "Heat-map").isEnabled()


def test_the_pictures_are_those_that_the_script_draws_and_every_button_has_one(qapp):
    drawn = {path.stem for path in (ROOT / "icons").glob("*.svg")} - {"birads-viewer"}
    assert drawn == set(DRAWINGS)
    assert {name for group in TOOLBAR for name, _ in group.values()} <= drawn
    for name in drawn:
        for size in (16, 20, 24, 32):
            image = icon(name).pixmap(QSize(size, size)).toImage()
            seen = sum(image.pixelColor(x, y).alpha() > 0 for x in range(size) for y in range(size))
            assert seen > size, name
        grey = icon(name).pixmap(QSize(32, 32), QIcon.Mode.Disabled).toImage()
        assert grey != icon(name).pixmap(QSize(32, 32)).toImage()
