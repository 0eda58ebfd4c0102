"""A reader's tour of the real window, by keyboard and mouse, through a study with a prior.

scripts/take_screenshots.py goes through it with real exams and networks, and takes pictures;
tests/viewer/window/test_tour.py goes the same way over phantoms and asserts what the reader must
see in each scene. A scene does with `Reader` what a reader does by hand; nothing of the program is
called but through its keys, buttons and images.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QAction, QColor, QCursor, QGuiApplication, QImage, QKeySequence, QPainter
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QSlider,
    QTableView,
    QWidget,
)

from engine.domain import ReadingMode
from viewer.display.shown_image import ImageState
from viewer.shared.languages import tr
from viewer.viewports.canvas import Canvas
from viewer.window.main_window import MainWindow

LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
READER_NAME = "Dr A. Example"
NOTCH = 120  # Qt's wheel delta
Found = TypeVar("Found", bound=QWidget)
Sought = type[Found]
Spot = tuple[float, float]  # in parts of a widget's width and height


class Reader:
    """Two hands and two eyes at one window. Events go in where the system's would."""

    def __init__(
        self, window: MainWindow, studies: Path, output_dir: Path, patience_s: float = 60
    ) -> None:
        """`studies` is the folder to be opened; what is given out goes to `output_dir`."""
        self.window = window
        self.studies = studies
        self.output_dir = output_dir
        self.strokes = 0  #: of the keyboard so far; a chord is one
        self._patience_s = patience_s

    # ---------------------------------------------------------------------------------- keyboard

    def press(self, keys: str) -> None:
        """'Ctrl+Shift+Z', in the window that has the keyboard."""
        stroke = QKeySequence(keys)[0]
        self.strokes += 1
        QTest.keyClick(QGuiApplication.focusWindow(), stroke.key(), stroke.keyboardModifiers())

    def type(self, text: str) -> None:
        for letter in text:
            QTest.keyClick(QGuiApplication.focusWindow(), ord(letter))

    def use(self, command: str, times: int = 1) -> None:
        """A command of the menus by its identity: by its key, where it has none by the mouse."""
        self.go_to(self.window)
        for _ in range(times):
            action, menu = self._find_command(command)
            if keys := action.shortcut().toString():
                self.press(keys)
            else:
                bar = self.window.menuBar()
                self.click(bar, bar.actionGeometry(menu.menuAction()).center())
                self.click(menu, menu.actionGeometry(action).center())
            self.look()

    def _find_command(self, identity: str) -> tuple[QAction, QMenu]:
        direct = Qt.FindChildOption.FindDirectChildrenOnly
        for menu in self.window.menuBar().findChildren(QMenu, options=direct):
            for action in menu.actions():
                if action.objectName() == identity:
                    return action, menu
        raise LookupError(f"no command {identity!r}")

    def go_to(self, window: QWidget) -> None:
        window.activateWindow()
        self.wait(window.isActiveWindow)

    # ------------------------------------------------------------------------------------- mouse

    def click(self, widget: QWidget, at: QPoint | Spot = (0.5, 0.5), button=LEFT) -> None:
        """Also brings its window to the front, as a desktop does."""
        if not QApplication.activePopupWidget() and not QApplication.activeModalWidget():
            self.go_to(widget.window())
        self._mouse(QTest.MouseAction.MouseMove, widget, at)
        self._mouse(QTest.MouseAction.MousePress, widget, at, button)
        self._mouse(QTest.MouseAction.MouseRelease, widget, at, button)
        self.look()

    def double_click(self, widget: QWidget, at: Spot) -> None:
        window, point = self._in_window(widget, at)
        QTest.mouseDClick(window, LEFT, NONE, point)
        self.look()

    def point_at(self, widget: QWidget, at: Spot) -> None:
        QCursor.setPos(widget.mapToGlobal(point_in(widget, at)))
        self._mouse(QTest.MouseAction.MouseMove, widget, at)
        self.look()

    def drag(self, widget: QWidget, start: Spot, stop: Spot, button=LEFT, modifiers=NONE) -> None:
        """In several small steps, as a hand does."""
        self.point_at(widget, start)
        self._mouse(QTest.MouseAction.MousePress, widget, start, button, modifiers)
        for step in range(1, 9):
            at = tuple(a + (b - a) * step / 8 for a, b in zip(start, stop, strict=True))
            self._mouse(QTest.MouseAction.MouseMove, widget, at, button, modifiers)
        self._mouse(QTest.MouseAction.MouseRelease, widget, stop, button, modifiers)
        QCursor.setPos(widget.mapToGlobal(point_in(widget, stop)))
        self.look()

    def turn_wheel(self, widget: QWidget, notches: int, at: Spot, modifiers=NONE) -> None:
        self.point_at(widget, at)
        window, point = self._in_window(widget, at)
        QTest.wheelEvent(window, point, QPoint(0, NOTCH * notches), stateKey=modifiers)
        self.look()

    def _mouse(self, action, widget: QWidget, at: QPoint | Spot, button=None, keys=NONE) -> None:
        window, point = self._in_window(widget, at)
        QTest.mouseEvent(action, window, button or Qt.MouseButton.NoButton, keys, point)

    def _in_window(self, widget: QWidget, at: QPoint | Spot):
        point = at if isinstance(at, QPoint) else point_in(widget, at)
        window = widget.window()
        return window.windowHandle(), widget.mapTo(window, point)

    # --------------------------------------------------------------------- what is asked and shown

    def find(self, kind: Sought[Found], words: str, within: QWidget | None = None) -> Found:
        return find(within or self.window, kind, words)

    def view(self, label: str, prior: bool = False) -> Canvas:
        """'R CC', as it hangs."""
        for canvas in self.window.viewports.shown_canvases:
            if canvas.view.label == label and (canvas.prior is not None) is prior:
                return canvas
        raise LookupError(f"{label} does not hang")

    def hangs(self, label: str) -> bool:
        canvases = self.window.viewports.shown_canvases
        return any(canvas.view.label == label and not canvas.prior for canvas in canvases)

    def pick(self, choice: QComboBox, words: str) -> None:
        """Opens it by the mouse and goes down to an entry."""
        wanted = tr(words).casefold()
        self.click(choice)
        self.press("Home")
        for _ in range(choice.count()):
            if choice.view().currentIndex().data().casefold() == wanted:
                break
            self.press("Down")
        self.press("Return")
        self.look()
        if choice.currentText().casefold() != wanted:
            raise LookupError(f"{words!r} is not offered")

    def read_in(self, mode: ReadingMode) -> None:
        """By the toolbar, whose menu holds up everything until it is answered."""

        def answer() -> bool:
            menu = QApplication.activePopupWidget()
            if menu is not None:
                (action,) = (
                    one for one in menu.actions() if one.objectName() == f"mode_{mode.name.lower()}"
                )
                self.click(menu, menu.actionGeometry(action).center())
            return menu is not None

        with self._answering(answer):
            self.click(self.find(QAbstractButton, "Reading mode: {mode}"))

    @contextmanager
    def naming(self, path: Path) -> Iterator[None]:
        """What is done inside asks for a file or a folder; this one is typed."""

        def answer() -> bool:
            dialog = QApplication.activeModalWidget()
            if isinstance(dialog, QFileDialog):
                name = dialog.findChild(QLineEdit)
                if name.text() != str(path):  # it is still filled by the dialog itself
                    name.setFocus()
                    name.selectAll()
                    self.type(str(path))
                    return False
                QTest.keyClick(name, Qt.Key.Key_Return)
            return isinstance(dialog, QFileDialog) and not dialog.isVisible()

        with self._answering(answer):
            yield

    @contextmanager
    def _answering(self, answer: Callable[[], bool]) -> Iterator[None]:
        """Tried again and again, in the loop that waits for it too, until it returns True."""
        timer = QTimer(self.window, interval=30)
        is_busy = is_answered = False

        def attempt() -> None:
            nonlocal is_busy, is_answered
            if not is_busy and not is_answered:
                is_busy = True
                is_answered = answer()
                is_busy = False

        timer.timeout.connect(attempt)
        timer.start()
        try:
            yield
            self.wait(lambda: is_answered)
        finally:
            timer.stop()
            timer.deleteLater()

    def look(self, milliseconds: int = 0) -> None:
        """Until everything is painted."""
        QTest.qWait(milliseconds)
        QApplication.processEvents()

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + self._patience_s
        while time.monotonic() < end:
            if condition():
                return self.look()
            QTest.qWait(20)
        raise TimeoutError("what the reader waits for does not come")

    def wait_for_images(self) -> None:
        def have_come() -> bool:
            canvases = self.window.viewports.every_canvas
            return bool(canvases) and all(one.state is not ImageState.LOADING for one in canvases)

        self.wait(have_come)

    def wait_for_the_model(self) -> None:
        """Until it has answered on all studies."""
        bar = self.window.worklist.findChild(QProgressBar)
        self.wait(lambda: bar.value() == bar.maximum())

    # ------------------------------------------------------------------------------------ reading

    def open(self, folder: Path) -> None:
        before = self.window.viewports.study
        with self.naming(folder):
            self.use("open_folder")
        self.wait(lambda: self.window.viewports.study is not before)
        self.wait_for_images()

    def enter(self, side: str, category: str) -> None:
        """'R', '4A': by keys."""
        self.use({"R": "right_breast", "L": "left_breast"}[side])
        for key in category:
            self.press(key)
        self.look()

    def save(self) -> None:
        self.use("save")

    def save_and_next(self) -> None:
        """And waits for what is open then."""
        self.use("save_and_next")
        self.wait_for_images()

    def picture(self) -> QImage:
        """All that is on the screen, windows over windows."""
        image = self.window.grab().toImage()
        for other in QApplication.topLevelWidgets():
            if other is not self.window and other.isVisible() and other.windowHandle():
                self._lay_over(image, other)
        return image

    def _lay_over(self, image: QImage, other: QWidget) -> None:
        """With a line around it, as a desktop draws one."""
        corner = other.geometry().topLeft() - self.window.geometry().topLeft()
        painter = QPainter(image)
        painter.drawPixmap(corner, other.grab())
        painter.setPen(QColor(110, 118, 128))
        painter.drawRect(QRect(corner, other.size()).adjusted(-1, -1, 0, 0))
        painter.end()


def find(within: QWidget, kind: type[Found], words: str) -> Found:
    """The first that shows and begins so: what stands on it or what a screen reader is told.

    `words` are English, as in the sources; what is filled into them, "{breast}", is left out.
    """
    begin = tr(words).partition("{")[0].replace("&", "")
    for widget in within.findChildren(kind):
        told = [widget.accessibleName()]
        if hasattr(widget, "text"):
            told.append(widget.text().replace("&", ""))
        if widget.isVisible() and any(text.startswith(begin) for text in told):
            return widget
    raise LookupError(f"no {kind.__name__} {words!r}")


def point_in(widget: QWidget, at: Spot) -> QPoint:
    return QPoint(round(at[0] * (widget.width() - 1)), round(at[1] * (widget.height() - 1)))


# ------------------------------------------------------------------------------------------- scenes

Scene = Callable[[Reader], AbstractContextManager]
SCENES: dict[str, Scene] = {}  #: in their order; inside its `with` a scene can be looked at
PICTURED: list[str] = []  #: the scenes that docs/screenshots shows


def scene(act: Callable[[Reader], Iterator[None]]) -> Scene:
    SCENES[act.__name__] = made = contextmanager(act)
    return made


def pictured(act: Callable[[Reader], Iterator[None]]) -> Scene:
    PICTURED.append(act.__name__)
    return scene(act)


@pictured
def first_start(reader: Reader) -> Iterator[None]:
    """The one question, above the empty stage."""
    reader.wait(reader.window.mode_question.isVisible)
    yield
    reader.click(reader.find(QAbstractButton, "Concurrent"))


@pictured
def hung(reader: Reader) -> Iterator[None]:
    """Four views, chest walls together."""
    reader.open(reader.studies)
    reader.wait_for_the_model()
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    yield


@pictured
def heat_map(reader: Reader) -> Iterator[None]:
    reader.use("heat_map")
    yield
    reader.use("heat_map")


@scene
def window_dragged(reader: Reader) -> Iterator[None]:
    """One view's window by a drag, all views' with Shift."""
    reader.drag(reader.view("R CC"), (0.7, 0.5), (0.8, 0.4))
    yield


@scene
def all_windows_dragged(reader: Reader) -> Iterator[None]:
    reader.drag(reader.view("R CC"), (0.7, 0.5), (0.6, 0.5), modifiers=SHIFT)
    yield


@scene
def presets(reader: Reader) -> Iterator[None]:
    reader.use("next_preset")
    yield
    reader.use("reset")


@scene
def zoomed(reader: Reader) -> Iterator[None]:
    """By the wheel at the pointer, by a right drag, by a key."""
    view = reader.view("L MLO")
    reader.turn_wheel(view, 2, (0.3, 0.5), CTRL)
    reader.drag(view, (0.3, 0.5), (0.3, 0.4), RIGHT)
    reader.point_at(view, (0.3, 0.5))
    reader.use("zoom_step_1")
    yield


@scene
def panned(reader: Reader) -> Iterator[None]:
    reader.drag(reader.view("L MLO"), (0.3, 0.5), (0.4, 0.7), MIDDLE)
    yield
    reader.use("reset")


@pictured
def linked(reader: Reader) -> Iterator[None]:
    """Left and right MLO move as mirror images."""
    for what in ("pan", "zoom", "window"):
        reader.use(f"tools.links.toggle_{what}")
    view = reader.view("R MLO")
    reader.turn_wheel(view, 4, (0.75, 0.5), CTRL)
    reader.drag(view, (0.7, 0.6), (0.75, 0.5), MIDDLE)
    reader.drag(view, (0.7, 0.6), (0.66, 0.6))
    yield
    for what in ("pan", "zoom", "window"):
        reader.use(f"tools.links.toggle_{what}")
    reader.use("reset")


@pictured
def magnified(reader: Reader) -> Iterator[None]:
    reader.use("tools.magnify_2")
    reader.point_at(reader.view("L MLO"), (0.2, 0.45))
    yield
    reader.use("tools.cancel")


@pictured
def toured(reader: Reader) -> Iterator[None]:
    """Through a breast at 1:1, part by part."""
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    reader.use("tools.tour_1", 2)
    yield
    reader.use("tools.cancel")


@scene
def at_one_to_one(reader: Reader) -> Iterator[None]:
    """One view alone by a double click, and every pixel its own."""
    reader.double_click(reader.view("R MLO"), (0.75, 0.6))
    reader.point_at(reader.view("R MLO"), (0.8, 0.6))
    reader.use("actual_pixels")
    yield
    reader.use("actual_pixels")
    reader.double_click(reader.view("R MLO"), (0.75, 0.6))


@pictured
def calibrating(reader: Reader) -> Iterator[None]:
    """True size asks for a ruler first."""
    reader.use("tools.true_size")
    (dialog,) = windows_of(reader)
    slider = reader.find(QSlider, "Length of the line", dialog)
    slider.setFocus()
    for _ in range(5):
        reader.press("Right")
    yield
    reader.click(reader.find(QAbstractButton, "Save", dialog))


@scene
def true_size(reader: Reader) -> Iterator[None]:
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    reader.use("tools.true_size")
    yield
    reader.use("reset")


@scene
def ruler(reader: Reader) -> Iterator[None]:
    reader.use("tools.hand.choose_RULER")
    reader.drag(reader.view("R MLO"), (0.62, 0.52), (0.8, 0.6))
    yield


@scene
def angle(reader: Reader) -> Iterator[None]:
    reader.use("tools.hand.choose_ANGLE")
    view = reader.view("L MLO")
    reader.drag(view, (0.12, 0.2), (0.3, 0.35))
    reader.click(view, (0.14, 0.5))
    yield


@scene
def ellipse(reader: Reader) -> Iterator[None]:
    reader.use("tools.hand.choose_ELLIPSE")
    reader.drag(reader.view("L CC"), (0.06, 0.43), (0.2, 0.56))
    yield


@scene
def arrow(reader: Reader) -> Iterator[None]:
    reader.use("tools.hand.choose_ARROW")
    reader.drag(reader.view("R CC"), (0.62, 0.2), (0.76, 0.28))
    yield


@pictured
def drawn(reader: Reader) -> Iterator[None]:
    """The last of five: a text, typed where it stands."""
    reader.use("tools.hand.choose_TEXT")
    reader.click(reader.view("R CC"), (0.4, 0.16))
    reader.type("same as in 2022?")
    reader.press("Return")
    reader.look()
    yield


@scene
def undone(reader: Reader) -> Iterator[None]:
    reader.use("undo", 2)
    yield


@scene
def redone(reader: Reader) -> Iterator[None]:
    reader.use("redo", 2)
    yield


@pictured
def turned(reader: Reader) -> Iterator[None]:
    """Flipped and rotated; the label stays."""
    reader.click(reader.view("L CC"), (0.3, 0.85))
    reader.use("tools.turn_mirrored")
    reader.click(reader.view("R CC"), (0.7, 0.85))
    reader.use("tools.turn_turned_right")
    yield


@scene
def reset(reader: Reader) -> Iterator[None]:
    reader.use("reset")
    yield


@pictured
def local_contrast(reader: Reader) -> Iterator[None]:
    reader.use("tools.toggle_local_contrast")
    yield
    reader.use("tools.toggle_local_contrast")


@scene
def pixel_value(reader: Reader) -> Iterator[None]:
    reader.point_at(reader.view("R CC"), (0.8, 0.5))
    yield


@pictured
def header(reader: Reader) -> Iterator[None]:
    """All tags of an image, and a search among them."""
    reader.use("tools.ask_for_header")
    (browser,) = windows_of(reader)
    reader.wait(lambda: browser.table.model().rowCount() > 10)
    reader.go_to(browser)
    reader.type("window")
    reader.look()
    browser.table.setFocus()
    reader.press("Down")
    yield
    reader.press("Escape")


@scene
def less_text(reader: Reader) -> Iterator[None]:
    reader.use("tools.next_text_level")
    yield


@scene
def least_text(reader: Reader) -> Iterator[None]:
    reader.use("tools.next_text_level")
    yield
    reader.use("tools.next_text_level")


@pictured
def stepped(reader: Reader) -> Iterator[None]:
    """The third step of the protocol: the MLO pair."""
    reader.click(reader.view("R MLO"), (0.75, 0.8))
    reader.use("step_1", 2)
    yield


@pictured
def beside_the_prior(reader: Reader) -> Iterator[None]:
    reader.use("next_prior")
    reader.wait_for_images()
    yield
    while not all(reader.hangs(label) for label in ("R CC", "L CC", "R MLO", "L MLO")):
        reader.use("step_-1")


@pictured
def keys_listed(reader: Reader) -> Iterator[None]:
    reader.use("shortcuts")
    yield
    (listed,) = windows_of(reader)
    reader.go_to(listed)
    reader.press("Escape")


@pictured
def disagreed(reader: Reader) -> Iterator[None]:
    """Concurrent: the reader sees the answer and does not share it."""
    name = reader.find(QLineEdit, "Reader's name")
    reader.click(name)
    reader.type(READER_NAME)
    reader.press("Tab")
    reader.enter("R", "2")
    reader.pick(reader.find(QComboBox, "Reason for disagreeing, {breast}"), "prior shows stable")
    reader.click(reader.find(QPlainTextEdit, "Note, {breast}"))
    reader.type("Stable for two years.")
    yield


@scene
def saved(reader: Reader) -> Iterator[None]:
    reader.enter("L", "2")
    reader.save()
    yield


@scene
def reading_undone(reader: Reader) -> Iterator[None]:
    reader.use("undo_reading")
    yield
    reader.enter("L", "2")
    reader.save()
    reader.click(reader.find(QAbstractButton, "Dismiss"))


@pictured
def hidden(reader: Reader) -> Iterator[None]:
    """Second read: nothing of the model before the reader's own categories."""
    reader.read_in(ReadingMode.SECOND_READ)
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    reader.use("step_study_1")
    reader.wait_for_images()
    reader.use("heat_map")
    reader.enter("R", "4A")
    yield


@pictured
def revealed(reader: Reader) -> Iterator[None]:
    reader.enter("L", "1")
    reader.save()
    yield


@pictured
def downgrade(reader: Reader) -> Iterator[None]:
    """A lower category after the answer: a reason, and a tick."""
    reader.enter("R", "3")
    why = reader.find(QComboBox, "Reason for changing the category, {breast}")
    reader.pick(why, "judged differently")
    reader.save()
    yield


@scene
def downgrade_confirmed(reader: Reader) -> Iterator[None]:
    reader.click(reader.find(QAbstractButton, "Confirm lowering {steps}"), (0.05, 0.5))
    reader.save()
    yield


@pictured
def blind_audit(reader: Reader) -> Iterator[None]:
    reader.read_in(ReadingMode.BLIND_AUDIT)
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    reader.use("step_study_1")
    reader.wait_for_images()
    reader.enter("R", "3")
    reader.enter("L", "2")
    reader.save()
    yield


@scene
def hidden_on_the_page(reader: Reader) -> Iterator[None]:
    """In a blind audit the page of disagreements tells nothing of the model either."""
    page = _open_page(reader)
    reader.pick(reader.find(QComboBox, "Which readings are listed", page), "All readings")
    yield
    reader.press("Escape")
    reader.read_in(ReadingMode.CONCURRENT)


@pictured
def disagreements(reader: Reader) -> Iterator[None]:
    reader.click(reader.view("R MLO"), (0.75, 0.6))
    reader.use("step_study_-1")
    reader.wait_for_images()
    _open_page(reader)
    yield


@scene
def filtered(reader: Reader) -> Iterator[None]:
    page = reader.window.disagreements
    reader.pick(reader.find(QComboBox, "Which readings are listed", page), "Disagreements")
    reader.press("Ctrl+F")
    reader.type("stable")
    yield


@scene
def listed_readings_exported(reader: Reader) -> Iterator[None]:
    page = reader.window.disagreements
    with reader.naming(reader.output_dir / "disagreements.csv"):
        reader.click(reader.find(QAbstractButton, "Export CSV …", page))
    yield


@scene
def training_data_written(reader: Reader) -> Iterator[None]:
    page = reader.window.disagreements
    with reader.naming(reader.output_dir / "training"):
        reader.click(reader.find(QAbstractButton, "Training data …", page))
    reader.wait(lambda: (reader.output_dir / "training" / "images.csv").exists())
    reader.wait(lambda: page.has_message)
    yield


@pictured
def opened_at_the_breast(reader: Reader) -> Iterator[None]:
    """Enter on the page opens the study at the breast in question."""
    page = reader.window.disagreements
    reader.click(reader.find(QTableView, "Readings", page).viewport(), (0.1, 0.02))
    reader.press("Return")
    reader.wait_for_images()
    page.close()
    reader.look()
    yield


@scene
def readings_exported(reader: Reader) -> Iterator[None]:
    with reader.naming(reader.output_dir / "readings.csv"):
        reader.use("export")
    yield
    reader.click(reader.find(QAbstractButton, "Dismiss"))


@scene
def plain_picture_saved(reader: Reader) -> Iterator[None]:
    reader.click(reader.view("R CC"), (0.75, 0.75))
    reader.use("save_picture")
    (dialog,) = windows_of(reader)
    with reader.naming(reader.output_dir / "plain.png"):
        reader.click(reader.find(QAbstractButton, "&Save …", dialog))
    yield


@pictured
def picture(reader: Reader) -> Iterator[None]:
    """A view as it shows, the heat-map over it; without the patient's name."""
    reader.use("heat_map")
    reader.use("save_picture")
    (dialog,) = windows_of(reader)
    yield
    with reader.naming(reader.output_dir / "overlaid.png"):
        reader.click(reader.find(QAbstractButton, "&Save …", dialog))


@scene
def picture_copied(reader: Reader) -> Iterator[None]:
    reader.use("copy_picture")
    yield


@pictured
def summary(reader: Reader) -> Iterator[None]:
    """The page as it will be printed, saved as PDF."""
    reader.use("summary")
    (dialog,) = windows_of(reader)
    reader.look(300)  # the preview comes by itself
    yield
    with reader.naming(reader.output_dir / "summary.pdf"):
        reader.click(reader.find(QAbstractButton, "&Save as PDF …", dialog))


@pictured
def copying(reader: Reader) -> Iterator[None]:
    reader.use("anonymise")
    (dialog,) = windows_of(reader)
    reader.click(
        reader.find(QAbstractButton, "Blank texts and marks beside the breast", dialog), (0.05, 0.5)
    )
    yield
    (reader.output_dir / "copies").mkdir()
    with reader.naming(reader.output_dir / "copies"):
        reader.click(reader.find(QAbstractButton, "Choose a &folder and copy …", dialog))


@scene
def copied(reader: Reader) -> Iterator[None]:
    def is_told() -> bool:
        message = reader.window.banner.message
        return message is not None and "anonymised" in message.title

    reader.wait(is_told)
    yield
    while reader.window.banner.isVisible():
        reader.click(reader.find(QAbstractButton, "Dismiss"))


@pictured
def unreadable(reader: Reader) -> Iterator[None]:
    """A file that was cut off and an empty one are told with advice; the others are read."""
    scans = reader.output_dir / "scans"
    scans.mkdir()
    one = min(path for path in reader.studies.iterdir() if path.is_dir())
    for file in sorted(one.iterdir()):
        (scans / file.name).write_bytes(file.read_bytes())
    cut = min(scans.iterdir())
    os.truncate(cut, cut.stat().st_size // 3)
    (scans / "scan 3.dcm").touch()
    reader.open(scans)
    reader.wait_for_the_model()
    yield


def windows_of(reader: Reader) -> list[QWidget]:
    """Beside the main window, the page of disagreements left out."""
    known = (reader.window, reader.window.disagreements)
    return [
        widget
        for widget in QApplication.topLevelWidgets()
        if widget.isVisible() and widget not in known and not isinstance(widget, QMenu)
    ]


def _open_page(reader: Reader) -> QWidget:
    reader.use("disagreements")
    page = reader.window.disagreements
    reader.wait(page.isActiveWindow)
    page.move(reader.window.geometry().center() - page.rect().center())  # as a desktop places it
    return page
