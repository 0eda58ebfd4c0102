"""One view on black: its pixels, its heat-map, its text in the corners.

A canvas belongs to one view for life. Another study gets other canvases, so that no pixel can stay
behind under a new label. What it shows and how, `display.shown_image` knows; what stands in its
corners, `corner_text`; what the mouse means, `gestures`.

Sides are a matter of safety. The tag alone says which breast it is; the label shows the tag. Where
the pixels clearly have the chest wall at the other edge (so in a quarter of the films in CBIS-DDSM)
only the display is mirrored, so that chest walls meet; the corner says so: check the side. See
`viewer.display.chest_wall`.

A view of an earlier study wears a frame and letters of a colour of their own, with its date.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, QSizeF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QCursor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from engine.domain import Explanation, MammogramView, Study
from viewer.display.breast_box import ImageSide, hung_wall
from viewer.display.camera import Camera, Zoom
from viewer.display.foreign_marks import ImageMarks, captions
from viewer.display.mouse_habits import MouseHabits
from viewer.display.orientation import AS_HUNG, Orientation
from viewer.display.priors import Prior
from viewer.display.rendering import DisplayPixels
from viewer.display.shown_image import ImageState, ShownImage
from viewer.shared import theme
from viewer.viewports import foreign_painting
from viewer.viewports.corner_text import EVERYTHING, CornerText, OverlayOptions, TextLevel
from viewer.viewports.gestures import Gestures

_PRIOR_FRAME = 2  #: logical pixels
REST_MS = 30  #: without a step of zoom the hand rests, and what shows is exact again


class Canvas(QWidget):
    """Shows one view. Its owner gives the common scale (`set_fit`) and listens to the signals."""

    activated = Signal()  #: clicked or focused: the reader means this view
    enlarge_requested = Signal()  #: double click
    step_requested = Signal(int)  #: the wheel: +1 forward, -1 back
    all_windows_adjusted = Signal(float, float)  #: dragged with Shift: wider, brighter, every view
    # What the reader has done to this view, for views that are linked to it
    window_adjusted = Signal(float, float)  #: wider, brighter
    panned = Signal(float, float)  #: logical pixels
    zoomed = Signal(float, QPointF)  #: the factor, and the point that stayed
    changed = Signal()  #: window, zoom or state
    menu_requested = Signal(QPointF)  #: of what can be done there

    def __init__(
        self,
        study: Study,
        view: MammogramView,
        parent: QWidget | None = None,
        prior: Prior | None = None,
        laterality_conflicts: Sequence[str] = (),
    ) -> None:
        """Arguments as of `ShownImage`."""
        super().__init__(parent)
        self.view, self.prior = view, prior
        self.image = ShownImage(study, view, self.device_size, prior, laterality_conflicts)
        self.image.greys.changed = self._changed
        self.text = CornerText(self.image)
        self.layers: list[Callable[[QPainter], None]] = []  #: painted over it, below its text
        self._foreign: tuple[ImageMarks, ...] = ()  # others' marks, as far as they show
        self.is_on_paper = False  #: while it is painted for a page: its layers write nothing small
        self._is_selected = False
        self._drawings: tuple[str, ...] = ()  # what is to be told of them
        self._is_hurried = False  # zoomed again before the hand has rested
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._be_exact)
        self._gestures = gestures = Gestures(self)
        gestures.window_adjusted.connect(self.user_adjust_window)
        gestures.all_windows_adjusted.connect(self.all_windows_adjusted)
        gestures.panned.connect(self.user_pan)
        gestures.zoomed.connect(self.user_zoom)
        gestures.step_requested.connect(self.step_requested)
        gestures.enlarge_requested.connect(self.enlarge_requested)
        gestures.menu_requested.connect(self.menu_requested)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)  # the value under the pointer is told
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._describe()

    # ---------------------------------------------------------------------------------- what shows

    @property
    def state(self) -> ImageState:
        return self.image.state

    def expect_pixels(self) -> None:
        """They are there and show in a moment: it does not say that it is waiting."""
        self.text.tells_waiting = False

    def show_pixels(self, display: DisplayPixels) -> None:
        self.image.show(display)
        self._describe()

    def show_failure(self, title: str, advice: str) -> None:
        self.image.fail(title, advice)
        self._describe()

    def release(self) -> None:
        """Lets go of the image before it is deleted: the widget itself may stay in memory until
        Python looks for garbage, and must not keep tens of megabytes with it.
        """
        self.image.release()

    def show_explanation(self, explanation: Explanation | None) -> None:
        self.image.show_explanation(explanation)
        self.update()

    def show_refusal(self, why: str) -> None:
        """Why no network judges the view, in the reader's language; empty: nothing to be told."""
        self.text.refusal = why
        self.update()

    def set_shutter(self, is_on: bool) -> None:
        """Over film borders and light, where there are any."""
        self.image.has_shutter = is_on
        self._changed()

    def set_overlay(self, opacity: float) -> None:
        """0 hides the heat-map altogether."""
        self.image.overlay_opacity = opacity
        self.update()

    @property
    def has_heat(self) -> bool:
        return self.image.explanation is not None

    @property
    def shows_heat(self) -> bool:
        return self.has_heat and self.image.overlay_opacity > 0

    def show_foreign(self, marks: Sequence[ImageMarks]) -> None:
        """Others' marks over the image, and in the corner whose they are."""
        if not marks and not self._foreign:
            return
        self._foreign = tuple(marks)
        self.text.foreign = captions(marks)
        self.update()

    def set_selected(self, is_selected: bool) -> None:
        self._is_selected = is_selected
        self.update()

    def set_beside_prior(self, is_beside: bool) -> None:
        """Whether it stands beside a prior now, and says that it is the current one."""
        if self.text.is_beside_prior != is_beside:
            self.text.is_beside_prior = is_beside
            self.update()

    def set_comparable(self, is_comparable: bool) -> None:
        """Whether its size compares with the others of the page; if not it says so."""
        if self.text.is_comparable != is_comparable:
            self.text.is_comparable = is_comparable
            self.update()

    def set_text_level(self, level: TextLevel) -> None:
        self.text.level = level
        self.update()

    def describe_drawings(self, texts: Sequence[str]) -> None:
        """What the layers over it say that a screen reader is to tell."""
        if self._drawings != tuple(texts):
            self._drawings = tuple(texts)
            self._describe()

    def _describe(self) -> None:
        self.setAccessibleName(self.text.accessible_name())
        self.setAccessibleDescription(self.text.accessible_description(self._drawings))

    def _changed(self) -> None:
        self.update()
        self.changed.emit()

    # ------------------------------------------------------------------------------------ geometry

    def device_size(self) -> tuple[int, int]:
        """(width, height) in device pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def device_point(self, at: QPointF) -> tuple[float, float]:
        """Of a point in logical pixels."""
        ratio = self.devicePixelRatioF()
        return at.x() * ratio, at.y() * ratio

    def source_point(self, at: QPointF) -> tuple[float, float]:
        """(row, column) of the image at a point in logical pixels; may lie outside."""
        return self.image.placement.to_source(*self.device_point(at))

    def is_image_at(self, at: QPointF) -> bool:
        """Whether a pixel of the image lies there, and shows."""
        is_inside = self.image.is_placed and self.rect().contains(at.toPoint())
        return is_inside and self.image.camera.is_image_at(*self.device_point(at))

    def is_breast_at(self, at: QPointF) -> bool:
        """Whether the breast's box lies there, and shows."""
        is_inside = self.image.is_placed and self.rect().contains(at.toPoint())
        return is_inside and self.image.camera.is_breast_at(*self.device_point(at))

    def _move(self, camera: Camera) -> None:
        self.image.camera = camera
        self._changed()

    def set_fit(self, scale: float, unit: tuple[float, float]) -> None:
        """`scale` device pixels per unit fit the page; a pixel is `unit` = (wide, tall) units."""
        camera = self.image.camera.fitting(scale, unit)
        if camera != self.image.camera:
            self._move(camera)

    def turn(self, orientation: Orientation) -> None:
        """Shows it turned, fitted; the label stays, and the corner says what was done."""
        self.image.camera = self.image.camera.turned(orientation)
        self._describe()
        self._changed()

    def turn_stored(self, orientation: Orientation) -> None:
        """The same of the image as it is stored, whichever way round it was hung."""
        self.turn(orientation.of_mirrored() if self.image.is_mirrored else orientation)

    def fit(self) -> None:
        self._move(self.image.camera.fitted())

    def restore_zoom(self, zoom: Zoom | None) -> None:
        self._move(self.image.camera.zoomed(zoom))

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """To `scale` device pixels per unit; what lies under `at` (or the middle) stays there."""
        if self.image.is_placed:
            point = self.device_point(at) if at is not None else None
            self._move(self.image.camera.zoomed_to(scale, point))

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """On the screen it is coarse between two steps that follow hard on each other."""
        self._is_hurried = self._rest.isActive()
        self._rest.start()
        self.zoom_to(self.image.camera.scale * factor, at)

    def _be_exact(self) -> None:
        if self._is_hurried:
            self._is_hurried = False
            self.update()

    def centre(self, scale: float, row: float, column: float) -> None:
        """At `scale`, with that source point in the middle."""
        if self.image.has_pixels:
            self._move(self.image.camera.centred(scale, row, column))

    def actual_pixels(self, at: QPointF | None = None) -> None:
        """One stored column per device pixel, about `at`, else about the breast's middle."""
        if self.image.is_placed:
            point = self.device_point(at) if at is not None else None
            self._move(self.image.camera.at_actual_pixels(point))

    def pan_by(self, dx: float, dy: float) -> None:
        """Moves the image by so many logical pixels."""
        if self.image.is_placed:
            self._move(self.image.camera.moved_by(*self.device_point(QPointF(dx, dy))))

    # The same by mouse or key: views that are linked to this one follow.

    def user_pan(self, dx: float, dy: float) -> None:
        self.pan_by(dx, dy)
        self.panned.emit(dx, dy)

    def user_zoom(self, factor: float, at: QPointF | None = None) -> None:
        at = QPointF(self.width() / 2, self.height() / 2) if at is None else at
        self.zoom_by(factor, at)
        self.zoomed.emit(factor, at)

    def user_adjust_window(self, wider: float, brighter: float) -> None:
        self.image.greys.adjust(wider, brighter)
        self.window_adjusted.emit(wider, brighter)

    def reset(self) -> None:
        """The file's first window, its own polarity, fitted and as it was hung."""
        self.image.greys.reset()
        self.turn(AS_HUNG)

    # ------------------------------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 400)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.paint(painter, EVERYTHING, self._is_hurried)
        if self._is_selected:
            self._paint_frame(painter, QPen(theme.ACCENT if self.hasFocus() else theme.DISABLED, 1))
        painter.end()

    def paint(self, painter: QPainter, options: OverlayOptions, is_hurried: bool = False) -> None:
        """On the screen and on whatever else shows it, see `picture`; there never hurried."""
        ratio = self.devicePixelRatioF()
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)  # device pixels, so that nothing is scaled twice
        if not (is_hurried and self._paint_coarse(painter)):
            self._paint_exact(painter)
        if options.heat and (heat := self.image.heat()) is not None:
            painter.setOpacity(self.image.overlay_opacity)
            painter.drawImage(QPoint(heat[1], heat[2]), heat[0])
        painter.restore()
        if options.drawings:
            for paint in self.layers:
                painter.save()
                paint(painter)
                painter.restore()
        if options.foreign and self._foreign and self.image.is_placed:
            painter.save()
            within, for_text = QRectF(self.rect()), self.text.free_area(self.rect())
            foreign_painting.paint(
                painter, self._foreign, self.image.placement, ratio, within, for_text
            )
            painter.restore()
        if options.label:
            self.text.paint(painter, self.rect(), options)
            if self.prior:
                pen = QPen(theme.PRIOR, _PRIOR_FRAME, Qt.PenStyle.DashLine)
                self._paint_frame(painter, pen, 3)

    def _paint_exact(self, painter: QPainter) -> None:
        image, x, y = self.image.drawn() or (QImage(), 0, 0)
        self._paint_ground(painter, QRectF(x, y, image.width(), image.height()))
        painter.drawImage(QPoint(x, y), image)

    def _paint_coarse(self, painter: QPainter) -> bool:
        """Whether there is something to be painted so."""
        if (coarse := self.image.coarse()) is None:
            return False
        picture, target = coarse.picture, coarse.target
        self._paint_ground(painter, coarse.whole)
        shown = coarse.whole & QRectF(0, 0, *self.device_size())
        if not target.contains(shown):
            small = coarse.small()
            across, down = (
                small.width() / coarse.whole.width(),
                small.height() / coarse.whole.height(),
            )
            for rect in _around(shown, target):
                corner = rect.topLeft() - coarse.whole.topLeft()
                size = QSizeF(rect.width() * across, rect.height() * down)
                source = QRectF(QPointF(corner.x() * across, corner.y() * down), size)
                painter.drawImage(rect, small, source)
        painter.drawImage(target, picture)
        return True

    def _paint_ground(self, painter: QPainter, covered: QRectF) -> None:
        """Black, but for what an image covers."""
        width, height = self.device_size()  # they may be rounded down
        for rect in _around(QRectF(0, 0, width + 1, height + 1), covered):
            painter.fillRect(rect, theme.IMAGE_BACKGROUND)

    def _paint_frame(self, painter: QPainter, pen: QPen, inset: int = 0) -> None:
        """Around the view, but no line where chest walls meet."""
        painter.setPen(pen)
        frame = self.rect().adjusted(inset, inset, -inset, -inset)
        chest_wall = hung_wall(self.view.laterality)
        painter.drawLine(frame.topLeft(), frame.topRight())
        painter.drawLine(frame.bottomLeft(), frame.bottomRight())
        if chest_wall is not ImageSide.LEFT:
            painter.drawLine(frame.topLeft(), frame.bottomLeft())
        if chest_wall is not ImageSide.RIGHT:
            painter.drawLine(frame.topRight(), frame.bottomRight())

    # ------------------------------------------------------------------------------ mouse and keys

    def set_mouse(self, habits: MouseHabits) -> None:
        self._gestures.habits = habits

    @property
    def is_space_down(self) -> bool:
        """The left button moves the image then."""
        return self._gestures.is_space_down

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.changed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.activated.emit()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._gestures.cancel()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.activated.emit()
        if self.image.has_pixels:
            self._gestures.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._gestures.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._gestures.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._gestures.double_click(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """By the menu key; the mouse's own comes too early, see `Gestures`."""
        event.accept()
        if event.reason() is QContextMenuEvent.Reason.Keyboard and self.image.has_pixels:
            pointed = QPointF(self.mapFromGlobal(QCursor.pos()))
            is_over = self.rect().contains(pointed.toPoint())
            self.menu_requested.emit(pointed if is_over else QPointF(self.rect().center()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._gestures.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._gestures.hold(event, True):
            super().keyPressEvent(event)
        elif self.is_space_down:
            self.setCursor(Qt.CursorShape.OpenHandCursor)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._gestures.hold(event, False):
            super().keyReleaseEvent(event)
        elif not self.is_space_down:
            self.unsetCursor()


def _around(outer: QRectF, inner: QRectF) -> list[QRectF]:
    """What of a rectangle another leaves free."""
    inner = inner & outer
    if inner.isEmpty():
        return [outer]
    tall = inner.height()
    strips = (
        QRectF(outer.left(), outer.top(), outer.width(), inner.top() - outer.top()),
        QRectF(outer.left(), inner.bottom(), outer.width(), outer.bottom() - inner.bottom()),
        QRectF(outer.left(), inner.top(), inner.left() - outer.left(), tall),
        QRectF(inner.right(), inner.top(), outer.right() - inner.right(), tall),
    )
    return [strip for strip in strips if not strip.isEmpty()]
