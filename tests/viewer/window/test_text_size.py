"""Text grows with the reader's setting; on a small screen, and with large text, nothing that has to
be read is cut.
"""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QToolButton

from tests.viewer.driver import canvases, find, is_predicted, open_and_wait, use
from tests.viewer.fake_engine import FakeEngine
from tests.viewer.pages import NONE, NONE_DOWN, send
from viewer.panes.settings_dialog import SettingsDialog
from viewer.shared import theme

NAME = "Fernández-Villanueva de la Encarnación^María Guadalupe"


@pytest.fixture
def large_text(qapp, themed):
    theme.apply(qapp, 1.5)
    yield
    theme.apply(qapp)


def place(window, widget):
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def is_in_sight(window, widget):
    seen = place(window, widget)
    return window.rect().contains(seen) and widget.visibleRegion().boundingRect() == widget.rect()


def cut_labels(window):
    """Labels of the panes whose text needs more height than they have."""
    return [
        label.text()
        for pane in (window.prediction, window.assessment)
        for label in pane.findChildren(QLabel)
        if label.isVisible()
        and label.text()
        and label.height() < (label.heightForWidth(label.width()) if label.wordWrap() else 0)
    ]


def open_at(qtbot, window, folder, size):
    window.resize(*size)
    open_and_wait(qtbot, window, folder)
    qtbot.waitUntil(lambda: is_predicted(window), timeout=10_000)
    qtbot.wait(50)


def corner(canvas):
    return [line.text for line in canvas.text.lines_above(canvas.rect())]


@pytest.mark.usefixtures("themed")
@pytest.mark.parametrize("size", [(960, 540), (1366, 768), (1920, 1080)])
def test_nothing_is_cut_and_save_is_on_the_screen(window, write_studies, qtbot, size):
    open_at(qtbot, window, write_studies(1, patient_name=NAME), size)
    assert window.size().toTuple() == size
    for button in (window.assessment.save_button, window.assessment.next_button):
        assert is_in_sight(window, button)
    assert cut_labels(window) == []
    for canvas in canvases(window):  # the patient's name is whole, on as many lines as it needs
        assert NAME.replace("^", " ") in " ".join(corner(canvas))
        for line in canvas.text.lines_above(canvas.rect())[1:-2]:
            assert len(line.text) < len(NAME)


@pytest.mark.usefixtures("large_text")
@pytest.mark.parametrize("size", [(1366, 768), (2048, 2560)])
def test_large_text_is_larger_and_nothing_is_cut(window, write_studies, qtbot, size):
    open_at(qtbot, window, write_studies(1), size)
    assert window.assessment.reader.font().pixelSize() == round(1.5 * theme.SMALL_TEXT_PX)
    assert QApplication.font().pixelSize() == round(1.5 * theme.TEXT_PX)
    assert cut_labels(window) == []
    buttons = window.assessment.forms.values()
    for button in (b for form in buttons for b in form.categories.buttons.values()):
        assert button.height() >= button.fontMetrics().height()
    assert is_in_sight(window, window.assessment.save_button)


@pytest.mark.parametrize("size", [(960, 540), (1366, 768), (1920, 1080), (2048, 2560)])
@pytest.mark.parametrize("factor", [1.5, 2.0])
def test_a_larger_font_of_the_desktop_enlarges_text_as_far_as_nothing_is_cut(
    qapp, themed, make_window, write_studies, qtbot, size, factor
):
    desktops = QFont(QApplication.font())
    desktops.setPixelSize(round(factor * theme.TEXT_PX))
    theme.apply(qapp, screen=QSize(*size), desktop_font=desktops)
    window = make_window()
    open_at(qtbot, window, write_studies(1, patient_name=NAME), size)
    assert window.size().toTuple() == size  # nothing stands beside the screen
    for button in (window.assessment.save_button, window.assessment.next_button):
        assert is_in_sight(window, button)
    assert cut_labels(window) == []
    for heading in window.worklist.findChildren(QToolButton):
        assert heading.fontMetrics().horizontalAdvance(heading.text()) <= heading.width()
    said = window.prediction.findChildren(QLabel)
    told = [label for label in said if label.isVisible() and label.text().startswith("P(4 or 5)")]
    assert len(told) == 2
    for label in told:
        assert label.height() >= label.heightForWidth(label.width())
        assert not place(window, label).intersects(place(window, window.assessment))
    for canvas in canvases(window):
        letters = NAME.replace("^", "").replace(" ", "")
        assert letters in "".join(corner(canvas)).replace(" ", "")
        for line in canvas.text.lines_above(canvas.rect()):
            assert QFontMetrics(line.font).horizontalAdvance(line.text) <= canvas.width()
    enlarged = QApplication.font().pixelSize() / theme.TEXT_PX
    assert enlarged >= {960: 1.0, 1366: 1.4, 1920: 1.5, 2048: factor}[size[0]]
    theme.apply(qapp)


@pytest.mark.usefixtures("themed")
def test_the_notes_take_the_height_of_a_portrait_screen(window, write_studies, qtbot):
    heights = []
    for size in ((1366, 768), (1920, 1200), (2048, 2560)):
        open_at(qtbot, window, write_studies(1), size)
        heights.append(next(iter(window.assessment.forms.values())).note_box.height())
    low, usual, tall = heights
    assert low <= usual < tall
    assert tall > 300


@pytest.mark.usefixtures("themed")
def test_the_value_under_the_pointer_stands_apart_from_the_line_about_the_view(
    window, write_studies, qtbot
):
    folder = write_studies(1, rows=900, columns=700, window=[(2048, 4096, "NORMAL, WITH A NAME")])
    open_at(qtbot, window, folder, (1366, 768))
    canvas = window.viewports.current
    at = QPointF(canvas.width() - 40, canvas.height() / 2)
    send(canvas, QEvent.Type.MouseMove, at, NONE_DOWN, NONE_DOWN, NONE)
    label, bar = window.pixel_label, window.statusBar()
    assert "value" in label.text()
    said = bar.fontMetrics().horizontalAdvance(bar.currentMessage())
    begins = label.geometry().right() - label.fontMetrics().horizontalAdvance(label.text())
    assert begins > said + 24
    assert label.alignment() & Qt.AlignmentFlag.AlignRight


def test_the_size_of_text_is_set_for_the_next_start(make_window, qtbot):
    window = make_window()
    use(window, "settings")
    sizes = find(window.findChild(SettingsDialog), QComboBox, "Size of text")
    assert sizes.currentText() == "100 %"
    sizes.setCurrentIndex(sizes.findText("150 %"))
    sizes.activated.emit(sizes.currentIndex())
    assert window.close()
    assert make_window(engine=FakeEngine()).settings.text_scale == 1.5
