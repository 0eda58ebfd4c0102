"""What the mouse means on a view: from presses, moves and notches to what is to be done.

Which button does what, the reader's habits say (`display.mouse_habits`). A drag sideways is the
window's width, upwards brighter, with Shift on all views; zoom is at the pointer; Space and a drag
move in any case; with Ctrl the wheel does what it does not do without; a double click shows one
view large. A click of the right button, with no drag, asks for a menu.
"""

import math

from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from viewer.display.mouse_habits import Drag, MouseHabits, Wheel

ZOOM_STEP = 1.25  #: a notch of the wheel
_DRAG_PER_WIDTH = 400  #: logical pixels of drag that move the level by one window width
_DRAG_PER_E = 300  #: … that widen the window by the factor e
_DRAG_PER_ZOOM = 150  #: … that zoom by the factor e
_DRAG_START = 3  #: logical pixels; less is a click with an unsteady hand
_NOTCH = 120  #: Qt's wheel delta of one notch


class Gestures(QObject):
    """Is handed a widget's events; `cancel` ends what is half done."""

    window_adjusted = Signal(float, float)  #: wider, brighter
    all_windows_adjusted = Signal(float, float)  #: with Shift
    panned = Signal(float, float)  #: logical pixels
    zoomed = Signal(float, QPointF)  #: the factor, and the point that stays
    step_requested = Signal(int)  #: the wheel: +1 forward, -1 back
    enlarge_requested = Signal()
    menu_requested = Signal(QPointF)  #: where the right button was clicked

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.is_space_down = False  #: the left button moves the image then
        self.habits = MouseHabits()
        self._drag: Drag | None = None  # None: no button is down
        self._button = Qt.MouseButton.NoButton  # that went down first
        self._start = QPointF()
        self._last: QPointF | None = None  # None: pressed, not yet dragged
        self._wheel = 0

    def press(self, event: QMouseEvent) -> None:
        if self._drag is not None:
            return
        self._button = event.button()
        self._drag = {
            Qt.MouseButton.LeftButton: Drag.PAN if self.is_space_down else self.habits.left,
            Qt.MouseButton.MiddleButton: self.habits.middle,
            Qt.MouseButton.RightButton: self.habits.right,
        }.get(self._button)
        self._start, self._last = event.position(), None

    def move(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        position = event.position()
        if self._last is None:
            if (position - self._start).manhattanLength() < _DRAG_START:
                return
            self._last = self._start
        step = position - self._last
        self._last = position
        if self._drag is Drag.PAN:
            self.panned.emit(step.x(), step.y())
        elif self._drag is Drag.ZOOM:
            self.zoomed.emit(math.exp(-step.y() / _DRAG_PER_ZOOM), self._start)
        elif self._drag is Drag.WINDOW:
            is_for_all = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            adjusted = self.all_windows_adjusted if is_for_all else self.window_adjusted
            adjusted.emit(step.x() / _DRAG_PER_E, -step.y() / _DRAG_PER_WIDTH)

    def release(self, event: QMouseEvent) -> None:
        if event.buttons():
            return
        was_click = self._drag is not None and self._last is None
        self._drag = None
        if was_click and event.button() == self._button == Qt.MouseButton.RightButton:
            self.menu_requested.emit(self._start)

    def double_click(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = None
            self.enlarge_requested.emit()

    def wheel(self, event: QWheelEvent) -> None:
        self._wheel += event.angleDelta().y()
        notches = int(self._wheel / _NOTCH)  # towards zero: touchpads send small parts
        self._wheel -= notches * _NOTCH
        event.accept()
        if not notches:
            return
        has_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if has_ctrl is not (self.habits.wheel is Wheel.ZOOM):
            self.zoomed.emit(ZOOM_STEP**notches, event.position())
        else:
            self.step_requested.emit(-notches)

    def hold(self, event: QKeyEvent, is_down: bool) -> bool:
        """Whether the key is Space, which holds the image while it is down."""
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self.is_space_down = is_down
        return True

    def cancel(self) -> None:
        self._drag = None
        self.is_space_down = False
