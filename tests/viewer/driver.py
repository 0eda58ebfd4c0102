"""Hands and eyes at a window of the program, for tests: things are found by the name that a screen
reader is told and pressed by mouse or key, as in `scripts.tour`, so that no test knows which
attribute holds what. On the images, see `pages`.
"""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QListView, QTableView

from engine.domain import Laterality
from scripts.tour import find
from tests.viewer.fake_engine import study_prediction
from viewer.display.shown_image import ImageState
from viewer.panes.worklist_items import row_at
from viewer.shared.messages import side_name
from viewer.shared.states import StudyState

__all__ = ["find"]  # by kind and accessible name or text: find(window, QComboBox, "Model")
SAVE = (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


# ------------------------------------------------------------------------------------ what shows


def canvases(window):
    """Of the study that hangs and its prior, hidden ones too."""
    return list(window.viewports.every_canvas)


def are_images_shown(window, count=4):
    shown = canvases(window)
    return len(shown) == count and all(canvas.state is ImageState.SHOWN for canvas in shown)


def is_predicted(window):
    """Whether the model's prediction stands where it is waited for otherwise."""
    return window.prediction.prediction is not None


def has_predicted(window, name=None):
    """Whether a model, the current one by default, is done with the open study; shown or not."""
    inference = window.session.inference
    status = inference.status(window.session.current_study.uid, name or inference.model_name)
    return status.state is StudyState.DONE


def phase(window):
    """How far the open study's blinded reading is."""
    return window.session.reading.phase


def rows(window):
    """The worklist's, from top to bottom."""
    model = window.worklist.findChild(QListView).model()
    return [row_at(model.index(n, 0)) for n in range(model.rowCount())]


def cells(page, column):
    """Of a table's column, by its title, from top to bottom."""
    model = page.findChild(QTableView).model()
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(model.columnCount())]
    number = titles.index(column)
    return [model.index(row, number).data() for row in range(model.rowCount())]


# ---------------------------------------------------------------------------------- what is done


def open_and_wait(qtbot, window, *paths):
    """Until the first study hangs."""
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.open(list(paths))
    qtbot.waitUntil(lambda: are_images_shown(window), timeout=20_000)


def open_current(qtbot, window, folder):
    """Of `annas_studies` that of 2024, with its prior's images."""
    with qtbot.waitSignal(window.session.catalogue_opened, timeout=20_000):
        window.open([folder])
    qtbot.waitUntil(lambda: are_images_shown(window, 8), timeout=20_000)
    assert window.session.current_study.study_date.year == 2024


def use(window, command):
    """A command of the menus, by its identity."""
    window.commands.trigger(command)


def press(qtbot, within, words):
    """The button that begins so, with the mouse; returns it."""
    button = find(within, QAbstractButton, words)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    return button


def sign(qtbot, window, name="Dr. X"):
    field = find(window, QLineEdit, "Reader's name")
    field.setFocus()
    field.clear()
    qtbot.keyClicks(field, name)


def choose(qtbot, window, side, category):
    """A category by the mouse."""
    name = f"{side_name(side)}, BI-RADS {category},"
    button = find(window.assessment, QAbstractButton, name)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def enter(qtbot, window, **categories):
    """Chooses categories by side, e.g. R="2"; and saves."""
    for side, category in categories.items():
        choose(qtbot, window, Laterality(side), category)
    qtbot.keyClick(window, *SAVE)


def disagreeing_category(study, side):
    """One that the fake engine did not say."""
    said = {b.laterality: b.prediction.category for b in study_prediction(study).breasts}[side]
    return "2" if said != 2 else "1"
