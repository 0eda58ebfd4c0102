"""The images on a screen of their own: the same images, the same keys, the notice, and the way back
when a screen goes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel

from engine.domain import NOTICE, BiradsCategory, Laterality
from tests.viewer.driver import choose, is_predicted, open_and_wait
from tests.viewer.fake_engine import FakeEngine
from tests.viewer.pages import message_below, step_below
from viewer.window.screens import is_within, moved_into

LEFT_SCREEN, RIGHT_SCREEN = QRect(0, 0, 1920, 1080), QRect(1920, 0, 2048, 2560)
F11 = Qt.Key.Key_F11


@pytest.fixture
def reading(window, write_studies, qtbot):
    """A window with an answered study, the keyboard in its images."""
    open_and_wait(qtbot, window, write_studies(2))
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    window.activateWindow()
    window.viewports.current.setFocus()
    QApplication.processEvents()
    return window


def test_one_key_moves_the_images_out_and_back_with_all_that_the_reader_did(reading, qtbot):
    pane = reading.viewports
    canvas = pane.current
    canvas.image.greys.adjust(0.3, 0.1)
    canvas.zoom_by(2.0)
    seen = canvas.image.greys.voi, canvas.image.camera.zoom
    qtbot.keyClick(canvas, F11)
    apart = reading.screens.images_window
    assert apart.isVisible()
    assert pane.window() is apart
    assert pane.isVisible()
    assert (canvas.image.greys.voi, canvas.image.camera.zoom.scale) == (seen[0], seen[1].scale)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is canvas)
    qtbot.keyClick(canvas, F11)
    assert reading.screens.images_window is None
    assert pane.window() is reading
    assert (canvas.image.greys.voi, canvas.image.camera.zoom.scale) == (seen[0], seen[1].scale)
    qtbot.waitUntil(lambda: QApplication.focusWidget() is canvas)


def test_all_keys_work_in_both_windows(reading, qtbot):
    reading.screens.toggle()
    apart, canvas = reading.screens.images_window, reading.viewports.current
    first = reading.session.current_study.uid
    for at_work in (apart, reading):
        at_work.activateWindow()
        (canvas if at_work is apart else reading.worklist).setFocus()
        QApplication.processEvents()
        was, step = reading.prediction.overlay[0], step_below(reading.viewports)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_H)
        assert reading.prediction.overlay[0] is not was
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_N)
        assert step_below(reading.viewports) != step
    apart.activateWindow()
    reading.viewports.current.setFocus()
    qtbot.keyClick(reading.viewports.current, Qt.Key.Key_PageDown)
    assert reading.session.current_study.uid != first
    assert reading.viewports.study.uid == reading.session.current_study.uid


def test_the_notice_stands_on_both_windows(reading):
    reading.screens.toggle()
    for shown in (reading, reading.screens.images_window):
        labels = [label for label in shown.findChildren(QLabel) if label.window() is shown]
        assert any(label.text() == NOTICE and label.isVisible() for label in labels)


def test_closing_the_images_window_brings_the_images_home(reading):
    reading.screens.toggle()
    reading.screens.images_window.close()
    assert reading.viewports.window() is reading
    assert reading.viewports.isVisible()
    assert not reading.settings.images_apart


def test_the_choice_is_kept_and_holds_where_there_is_a_second_screen(reading, make_window, qtbot):
    reading.screens.toggle()
    assert reading.close()
    assert not reading.screens.images_window.isVisible()
    again = make_window(engine=FakeEngine())
    assert again.settings.images_apart
    qtbot.wait(20)
    assert len(QGuiApplication.screens()) == 1  # in the tests
    assert again.screens.images_window is None


def test_a_lost_screen_brings_the_images_back_with_entries_and_drawings(reading, qtbot):
    choose(qtbot, reading, Laterality.RIGHT, "4B")
    reading.screens.toggle()
    apart, canvas = reading.screens.images_window, reading.viewports.current
    apart.showNormal()
    apart.setGeometry(RIGHT_SCREEN)
    canvas.image.greys.adjust(0.3, 0.1)
    shown = canvas.image.greys.voi
    reading.screens.gather([LEFT_SCREEN])
    assert reading.viewports.window() is reading
    assert reading.viewports.isVisible()
    assert canvas.image.greys.voi == shown
    form = reading.assessment.forms[Laterality.RIGHT]
    assert form.draft.category is BiradsCategory.MODERATE_SUSPICION
    assert "screen is gone" in message_below(reading.viewports)
    assert reading.settings.images_apart  # for the day it is back


def test_a_screen_that_is_unplugged_is_noticed(reading, qtbot):
    reading.screens.toggle()
    QGuiApplication.instance().screenRemoved.emit(QGuiApplication.primaryScreen())
    qtbot.waitUntil(lambda: reading.screens.images_window is None)
    assert reading.viewports.isVisible()


def test_the_main_window_comes_back_too(reading):
    reading.move(RIGHT_SCREEN.topLeft() + QPoint(300, 900))
    reading.screens.gather([LEFT_SCREEN])
    assert LEFT_SCREEN.contains(reading.geometry())


def test_windows_on_the_screens_that_are_left_do_not_move(reading):
    reading.move(100, 50)
    before = reading.geometry()
    reading.screens.gather([LEFT_SCREEN, RIGHT_SCREEN])
    assert reading.geometry() == before


@pytest.mark.parametrize(
    ("rect", "expected"),
    [
        (QRect(2500, 300, 800, 600), QRect(1120, 300, 800, 600)),
        (QRect(2500, 1500, 3000, 2000), QRect(0, 0, 1920, 1080)),
        (QRect(-900, -700, 800, 600), QRect(0, 0, 800, 600)),
        (QRect(100, 100, 800, 600), QRect(100, 100, 800, 600)),
    ],
)
def test_a_window_keeps_its_size_if_that_fits_and_lies_within(rect, expected):
    assert moved_into(rect, [LEFT_SCREEN]) == expected
    assert is_within(expected, [LEFT_SCREEN])


def test_a_window_whose_title_is_out_of_reach_is_not_within():
    assert not is_within(QRect(100, -50, 800, 600), [LEFT_SCREEN])
    assert is_within(QRect(1800, 100, 800, 600), [LEFT_SCREEN, RIGHT_SCREEN])


ON_TWO_SCREENS = """
import sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.viewer.fake_engine import FakeEngine
from viewer.window.main_window import MainWindow
from viewer.session.session import Session
from viewer.window.settings import Settings

home = Path(sys.argv[1])
app = QApplication([])
def start():
    window = MainWindow(Session(FakeEngine(), home / "r.sqlite"), Settings(home / "s.ini"), home)
    window.show()
    QTest.qWait(100)
    return window
window = start()
window.screens.toggle()
QTest.qWait(50)
print(window.screen().name(), window.screens.images_window.screen().name())
window.close()
again = start()
print(again.screen().name(), again.screens.images_window.screen().name())
again.screens.to_next_screen()
QTest.qWait(50)
print(again.screen().name(), again.screens.images_window.screen().name())
again.close()
"""


def test_on_two_screens_the_images_take_the_other_one_and_find_it_again(tmp_path):
    screens = [
        {"name": "left", "x": 0, "y": 0, "width": 1920, "height": 1080},
        {"name": "right", "x": 1920, "y": 0, "width": 2048, "height": 2560},
    ]
    (tmp_path / "screens.json").write_text(json.dumps({"screens": screens}))
    answer = subprocess.run(
        [sys.executable, "-c", ON_TWO_SCREENS, str(tmp_path)],
        env={**os.environ, "QT_QPA_PLATFORM": f"offscreen:configfile={tmp_path}/screens.json"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["left", "right", "left", "right", "left", "left"]
