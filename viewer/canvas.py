"""One view on black: its pixels, its heat-map, its words in the corners, and the reader's hand.

A canvas belongs to one view for life. Another study gets other canvases, so that no pixel can stay
behind under a new label.

The mouse: left drag is the window (sideways its width, upwards brighter; with Shift on all views),
right drag and Ctrl + wheel zoom at the pointer, middle drag or Space + drag moves, the wheel goes
through views, a double click shows one view large.

Sides are a matter of safety. The tag alone says which breast it is; the label shows the tag. Where
the pixels clearly have the chest wall at the other edge (so in a quarter of the films in CBIS-DDSM)
only the display is mirrored, so that chest walls meet; the corner says so: check the side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
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

from engine import voi
from engine.domain import (
    Explanation,
    MammogramView,
    PixelSpacing,
    Study,
    ViewPosition,
    Voi,
    VoiFunction,
    VoiWindow,
)
from viewer import rendering, theme
from viewer.rendering import DisplayPixels, ImageSide, Placement, Sample

MAX_ZOOM = 16.0  #: device pixels per source pixel
MIN_ZOOM = 0.25  #: of the fitted size
ZOOM_STEP = 1.25  #: a notch of the wheel, a press of + or -
WINDOW_STEP = 0.1  #: a press of an arrow with Ctrl, in parts of the width
_DRAG_PER_WIDTH = 400  #: logical pixels of drag that move the level by one window width
_DRAG_PER_E = 300  #: … that widen the window by the factor e
_DRAG_PER_ZOOM = 150  #: … that zoom by the factor e
_DRAG_START = 3  #: logical pixels; less is a click with an unsteady hand
_NOTCH = 120  #: Qt's wheel delta of one notch
_PAD = 8  #: logical pixels between text and edge
_GROUND_ALPHA = 200  #: behind text: on white tissue the quiet colour still has 4.5 : 1
_AIR_SHARE = 0.62  #: of a cell's width that corner text may fill


#: Lateral and oblique films hang by their upper edge, where the armpit is cut off; others centred.
_HANGS_FROM_TOP = frozenset(
    {
        ViewPosition.MLO,
        ViewPosition.ML,
        ViewPosition.LM,
        ViewPosition.LMO,
        ViewPosition.SIO,
        ViewPosition.ISO,
    }
)


class State(Enum):
    LOADING = "loading"
    SHOWN = "shown"
    FAILED = "failed"


class Drag(Enum):
    WINDOW = "window"
    PAN = "pan"
    ZOOM = "zoom"


@dataclass(frozen=True)
class Shown:
    """What is painted of a view besides its pixels."""

    label: bool = True  #: side, view and every warning; never left out but where a page says them
    heat: bool = True
    drawings: bool = True
    words: bool = True  #: window, spacing, zoom, modifiers
    identity: bool = True  #: the patient's name, ID and date


@dataclass(frozen=True)
class Paper:
    """What a view is fitted to beside the screen."""

    size: QSize  #: logical pixels
    scale: float  #: device pixels per unit
    unit: tuple[float, float]  #: width and height of a stored pixel, see `Canvas.set_fit`


@dataclass(frozen=True)
class Zoom:
    """A scale of the reader's own; without one a canvas shows the breast fitted."""

    scale: float  #: device pixels per unit, see `Canvas.unit`
    row: float  #: the source point in the middle of the canvas
    column: float


def spacing_text(spacing: PixelSpacing | None) -> str:
    """'0.07 mm, at detector'; the origin always stands beside the number."""
    if spacing is None:
        return "no mm: pixels only"
    size = f"{spacing.row_mm:.3g}"
    if not np.isclose(spacing.row_mm, spacing.column_mm, rtol=1e-3):
        size += f" × {spacing.column_mm:.3g}"
    factor = f" {spacing.magnification:.3g}" if spacing.magnification else ""
    return f"{size} mm, {spacing.source.value}{factor}"


def window_text(window: Voi) -> str:
    """'W 900 L 2065 normal' or 'LUT normal'."""
    if not isinstance(window, VoiWindow):
        return f"LUT {window.name}".strip()
    digits = 0 if window.width >= 20 else 2
    curve = "" if window.function is not VoiFunction.SIGMOID else "sigmoid "
    text = f"W {window.width:.{digits}f} L {window.center:.{digits}f} {curve}{window.name}"
    return text.strip()


class Canvas(QWidget):
    """Shows one view. Its owner gives the common scale (`set_fit`) and listens to the signals."""

    pointed_at = Signal()  #: clicked or focused: the reader means this view
    enlarge_requested = Signal()  #: double click
    stepped = Signal(int)  #: the wheel: +1 forward, -1 back
    window_dragged = Signal(float, float)  #: with Shift: the same drag for every view
    changed = Signal()  #: window, zoom or state

    def __init__(self, study: Study, view: MammogramView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self.state = State.LOADING
        self._study = study
        self._failure = ("", "")
        self._display: DisplayPixels | None = None
        self._voi: Voi | None = None
        self._is_linear = False
        self._is_inverted = False
        self._table: np.ndarray | None = None
        self._explanation: Explanation | None = None
        self._overlay_opacity = 0.0
        self._zoom: Zoom | None = None
        self._unit = (1.0, 1.0)
        self._fit_scale = 0.0
        self._is_selected = False
        self._sample: tuple[tuple, Sample | None] | None = None
        self._heat: tuple[tuple, tuple[QImage, int, int] | None] | None = None
        self._drag: Drag | None = None
        self._drag_from = QPointF()
        self._drag_last: QPointF | None = None  # None: pressed, not yet dragged
        self._wheel = 0
        self._is_space_down = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)  # right drag zooms
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._describe()

    # ---------------------------------------------------------------------------------- what shows

    def show_pixels(self, display: DisplayPixels) -> None:
        self._display = display
        self._voi = display.presets[0]
        self.state = State.SHOWN
        self._forget()

    def show_failure(self, title: str, advice: str) -> None:
        self._display = None
        self._failure = (title, advice)
        self.state = State.FAILED
        self._forget()

    def show_explanation(self, explanation: Explanation | None) -> None:
        self._explanation = explanation
        self._heat = None
        self.update()

    def set_overlay(self, opacity: float) -> None:
        """0 hides the heat-map altogether."""
        self._overlay_opacity = opacity
        self.update()

    @property
    def has_heat(self) -> bool:
        return self._explanation is not None

    @property
    def shows_heat(self) -> bool:
        return self.has_heat and self._overlay_opacity > 0

    def set_selected(self, is_selected: bool) -> None:
        self._is_selected = is_selected
        self.update()

    def set_fit(self, scale: float, unit: tuple[float, float]) -> None:
        """`scale` device pixels per unit fit the page; a pixel is `unit` = (wide, tall) units."""
        if self._unit != unit:
            self._zoom = None
        self._fit_scale, self._unit = scale, unit
        self._moved()

    @property
    def is_mirrored(self) -> bool:
        """Whether the display is turned round, so that chest walls meet."""
        return bool(self._display and self._display.breast.must_mirror(self.view.laterality))

    @property
    def display(self) -> DisplayPixels | None:
        return self._display

    # ------------------------------------------------------------------------------------ geometry

    def device_size(self) -> tuple[int, int]:
        """(width, height) in device pixels."""
        ratio = self.devicePixelRatioF()
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    def placement(self) -> Placement | None:
        """Where the view lies now; None while there are no pixels."""
        if self._display is None or self._fit_scale <= 0:
            return None
        rows, columns = self._display.pixels.shape
        scale = self._zoom.scale if self._zoom else self._fit_scale
        width = max(1, round(columns * self._unit[0] * scale))
        height = max(1, round(rows * self._unit[1] * scale))
        at_origin = Placement(rows, columns, 0, 0, width, height, self.is_mirrored)
        left, top = self._corner(at_origin)
        return replace(at_origin, left=left, top=top)

    def _corner(self, at_origin: Placement) -> tuple[int, int]:
        width, height = self.device_size()
        if self._zoom:
            x, y = at_origin.to_canvas(self._zoom.row, self._zoom.column)
            return round(width / 2 - x), round(height / 2 - y)
        box = self._display.breast
        x0, top = at_origin.to_canvas(box.row_start, box.column_start)
        x1, bottom = at_origin.to_canvas(box.row_stop, box.column_stop)
        x0, x1 = sorted((x0, x1))
        chest_wall = rendering.CHEST_WALL_SIDE.get(self.view.laterality)
        if chest_wall is ImageSide.RIGHT:
            left = width - round(x1)
        elif chest_wall is ImageSide.LEFT:
            left = -round(x0)
        else:
            left = round((width - x0 - x1) / 2)
        if self.view.view_position in _HANGS_FROM_TOP:
            return left, -round(top)
        return left, round((height - top - bottom) / 2)

    def is_breast_at(self, at: QPointF) -> bool:
        """Whether the breast's box lies there, and shows."""
        placement = self.placement()
        if placement is None or not self.rect().contains(at.toPoint()):
            return False
        ratio = self.devicePixelRatioF()
        row, column = placement.to_source(at.x() * ratio, at.y() * ratio)
        box = self._display.breast
        return box.row_start <= row < box.row_stop and box.column_start <= column < box.column_stop

    @property
    def magnification(self) -> float | None:
        """Device pixels per source column; 1.0 is 1:1."""
        placement = self.placement()
        return placement.scale_x if placement else None

    @property
    def is_fitted(self) -> bool:
        return self._zoom is None

    def fit(self) -> None:
        self._zoom = None
        self._moved()

    def zoom_state(self) -> Zoom | None:
        return self._zoom

    def restore_zoom(self, zoom: Zoom | None) -> None:
        self._zoom = zoom
        self._moved()

    def zoom_to(self, scale: float, at: QPointF | None = None) -> None:
        """To `scale` device pixels per unit; what lies under `at` (or the middle) stays there."""
        placement = self.placement()
        if placement is None:
            return
        ratio = self.devicePixelRatioF()
        width, height = self.device_size()
        x, y = (at.x() * ratio, at.y() * ratio) if at else (width / 2, height / 2)
        row, column = placement.to_source(x, y)
        scale = min(max(scale, self._fit_scale * MIN_ZOOM), MAX_ZOOM / self._unit[0])
        # The middle of the canvas, seen from the fixed point at the new scale.
        across = (width / 2 - x) / (scale * self._unit[0]) * (-1 if self.is_mirrored else 1)
        down = (height / 2 - y) / (scale * self._unit[1])
        self._zoom = self._clamped(Zoom(scale, row + down, column + across))
        self._moved()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        self.zoom_to((self._zoom.scale if self._zoom else self._fit_scale) * factor, at)

    def actual_pixels(self, at: QPointF | None = None) -> None:
        """One stored column per device pixel, about `at`, else about the breast's middle."""
        if self._display is None:
            return
        if at is None and self._zoom is None:
            box = self._display.breast
            middle = (box.row_start + box.row_stop) / 2, (box.column_start + box.column_stop) / 2
            self._zoom = self._clamped(Zoom(1 / self._unit[0], *middle))
            self._moved()
        else:
            self.zoom_to(1 / self._unit[0], at)

    def pan_by(self, dx: float, dy: float) -> None:
        """Moves the image by so many logical pixels."""
        placement = self.placement()
        if placement is None:
            return
        ratio = self.devicePixelRatioF()
        width, height = self.device_size()
        scale = self._zoom.scale if self._zoom else self._fit_scale
        row, column = placement.to_source(width / 2 - dx * ratio, height / 2 - dy * ratio)
        self._zoom = self._clamped(Zoom(scale, row, column))
        self._moved()

    def _clamped(self, zoom: Zoom) -> Zoom:
        """The middle of the canvas stays on the image: it cannot be lost off the edge."""
        rows, columns = self._display.pixels.shape
        return replace(
            zoom,
            row=min(max(zoom.row, 0.0), float(rows)),
            column=min(max(zoom.column, 0.0), float(columns)),
        )

    def _moved(self) -> None:
        self.update()
        self.changed.emit()

    # -------------------------------------------------------------------------------------- window

    @property
    def window(self) -> Voi | None:
        return self._voi

    def set_inverted(self, is_inverted: bool) -> None:
        self._is_inverted = is_inverted
        self._window_changed()

    def show_preset(self, index: int) -> None:
        """The file's preset of that number, counted round."""
        self._is_linear = False
        if self._display is not None:
            self._voi = self._display.presets[index % len(self._display.presets)]
            self._window_changed()

    def show_linear(self) -> None:
        """A straight line instead of what the file says, which may be broken."""
        self._is_linear = True
        if self._display is not None:
            self._voi = self._display.linear
            self._window_changed()

    def adjust_window(self, wider: float, brighter: float) -> None:
        """Widens the window by the factor e**`wider`, and lifts the grey by `brighter` widths."""
        if self._display is None:
            return
        pixels = self._display.pixels
        before = voi.as_window(self._voi, pixels)
        least = 2 * abs(pixels.value_scale)
        if before.function is VoiFunction.LINEAR:
            least = max(least, 2.0)  # its formula has width - 1 in it
        width = max(least, before.width * float(np.exp(wider)))
        sign = -1 if pixels.is_inverted == self._is_inverted else 1
        center = before.center + sign * brighter * before.width
        self._voi = replace(before, center=center, width=width, name="adjusted")
        self._window_changed()

    def reset(self) -> None:
        """The file's first window, its own polarity, fitted."""
        self._is_inverted = False
        self._zoom = None
        self.show_preset(0)
        self._moved()

    def _window_changed(self) -> None:
        self._table = None
        self.update()
        self.changed.emit()

    def _forget(self) -> None:
        """New pixels: nothing made from older ones survives."""
        self._sample = self._heat = self._table = None
        self._describe()
        self._moved()

    # -------------------------------------------------------------------------------------- words

    def _describe(self) -> None:
        guessed = " (guessed)" if self._is_guessed else ""
        state = {
            State.LOADING: "loading",
            State.SHOWN: "shown",
            State.FAILED: f"cannot be shown: {self._failure[0]}",
        }[self.state]
        self.setAccessibleName(f"{self.view.label}{guessed}, {state}")
        self.setAccessibleDescription(", ".join([*self._patient_lines(), *self.view.grey_faults]))

    @property
    def _is_guessed(self) -> bool:
        return bool({"laterality", "view"} & self.view.guessed)

    def _patient_lines(self) -> list[str]:
        """Name and ID on lines of their own: neither is elided for the other's sake."""
        study, acquired = self._study, self.view.acquired.replace("T", " ")[:16]
        when = study.study_date.isoformat() if study.study_date else acquired
        if acquired.startswith(when):
            when = acquired
        patient_id = study.patient_id or self.view.patient_id
        return [line for line in (study.patient_name, patient_id, when) if line]

    @property
    def identity(self) -> tuple[str, ...]:
        """The patient's name, ID and the date, as far as they are on the screen."""
        return tuple(self._patient_lines())

    def top_lines(self, with_identity: bool = True) -> list[tuple[str, QColor]]:
        """(text, colour) below the view's label."""
        lines = [(text, theme.TEXT) for text in self.identity if with_identity]
        if self.view.view_modifiers:
            lines.append((", ".join(self.view.view_modifiers), theme.TEXT))
        if self.is_mirrored:
            lines.append(("⇄ mirrored for display", theme.WARNING))
            lines.append(("check side", theme.WARNING))
        return lines

    def warnings(self) -> list[str]:
        """What must be told wherever the view is shown."""
        guessed = ["guessed"] if self._is_guessed else []
        lines = *self.top_lines(with_identity=False), *self.bottom_lines()
        return guessed + [line[0] for line in lines if _is_warning(line)]

    def bottom_lines(self) -> list[tuple[str, QColor]]:
        if self._display is None:
            return []
        magnification = self.magnification or 0
        zoom = "1:1" if abs(magnification - 1) < 1e-9 else f"{100 * magnification:.0f} % of 1:1"
        inverted = [("inverted", theme.WARNING)] if self._is_inverted else []
        linear = [("linear fallback", theme.WARNING)] if self._is_linear else []
        return [
            *((fault, theme.WARNING) for fault in self.view.grey_faults),
            *inverted,
            *linear,
            (window_text(self._voi), theme.TEXT),
            (spacing_text(self.view.pixel_spacing), theme.MUTED),
            (zoom, theme.MUTED),
        ]

    def summary(self) -> str:
        """One line for a status bar."""
        if self.state is State.LOADING:
            return f"{self.view.label}: loading"
        if self.state is State.FAILED:
            return f"{self.view.label}: {self._failure[0]}"
        return "   ".join([self.view.label, *(text for text, _ in self.bottom_lines())])

    # ------------------------------------------------------------------------------------ painting

    def sizeHint(self) -> QSize:
        return QSize(320, 400)

    def grey(self) -> tuple[np.ndarray, int, int] | None:
        """The image as it shows: uint8 device pixels and their corner; None if nothing shows."""
        placement = self.placement()
        if placement is None:
            return None
        size = self.device_size()
        key = (placement, size)
        if self._sample is None or self._sample[0] != key:
            before = self._sample[1] if self._sample else None
            self._sample = key, rendering.sample(self._display, placement, *size, before)
        sampled = self._sample[1]
        if sampled is None:
            return None
        if self._table is None:
            self._table = voi.display_table(self._display.pixels, self._voi, self._is_inverted)
        return rendering.develop(sampled, self._table), sampled.x, sampled.y

    def heat(self) -> tuple[QImage, int, int] | None:
        """The heat-map as it shows; None while it is hidden."""
        placement = self.placement()
        if placement is None or self._explanation is None or self._overlay_opacity <= 0:
            return None
        key = (placement, self.device_size())
        if self._heat is None or self._heat[0] != key:
            image = rendering.heat_image(self._explanation, placement, *self.device_size())
            self._heat = key, image
        return self._heat[1]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint(painter, Shown())
        if self._is_selected:
            self._paint_frame(painter)
        painter.end()

    def picture(self, shown: Shown, paper: Paper | None = None) -> QImage:
        """The view as it is on the screen, by the same paint; its device pixel ratio is set.

        On `paper`, that has another form than the screen, it is fitted anew.
        """
        if paper is None:
            return self._painted(shown)
        before = self._fit_scale, self._unit, self._zoom, self.geometry()
        blocker = QSignalBlocker(self)
        self.setUpdatesEnabled(False)
        try:
            self.resize(paper.size)
            self._fit_scale, self._unit, self._zoom = paper.scale, paper.unit, None
            return self._painted(shown)
        finally:
            self._fit_scale, self._unit, self._zoom, geometry = before
            self.setGeometry(geometry)
            self.setUpdatesEnabled(True)
            blocker.unblock()

    def scale_to_fit(self, size: QSize, unit: tuple[float, float]) -> float:
        """Device pixels per unit at which the breast fills `size` (logical pixels)."""
        box, ratio = self._display.breast, self.devicePixelRatioF()
        wide = (box.column_stop - box.column_start) * unit[0]
        tall = (box.row_stop - box.row_start) * unit[1]
        return ratio * min(size.width() / wide, size.height() / tall)

    def _painted(self, shown: Shown) -> QImage:
        image = QImage(*self.device_size(), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self.devicePixelRatioF())
        painter = QPainter(image)
        self._paint(painter, shown)
        painter.end()
        return image

    def _paint(self, painter: QPainter, shown: Shown) -> None:
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        ratio = self.devicePixelRatioF()
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)  # device pixels, so that nothing is scaled twice
        if (drawn := self.grey()) is not None:
            grey, x, y = drawn
            rows, columns = grey.shape
            image = QImage(grey.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
            painter.drawImage(QPoint(x, y), image)
        if shown.heat and (heat := self.heat()) is not None:
            painter.setOpacity(self._overlay_opacity)
            painter.drawImage(QPoint(heat[1], heat[2]), heat[0])
        painter.restore()
        self._paint_words(painter, shown)

    def _paint_frame(self, painter: QPainter) -> None:
        """Around the selected view, but no line where chest walls meet."""
        painter.setPen(QPen(theme.ACCENT if self.hasFocus() else theme.DISABLED, 1))
        frame = self.rect()
        chest_wall = rendering.CHEST_WALL_SIDE.get(self.view.laterality)
        painter.drawLine(frame.topLeft(), frame.topRight())
        painter.drawLine(frame.bottomLeft(), frame.bottomRight())
        if chest_wall is not ImageSide.LEFT:
            painter.drawLine(frame.topLeft(), frame.bottomLeft())
        if chest_wall is not ImageSide.RIGHT:
            painter.drawLine(frame.topRight(), frame.bottomRight())

    def _paint_words(self, painter: QPainter, shown: Shown) -> None:
        if not shown.label:
            return
        align_right = (
            rendering.CHEST_WALL_SIDE.get(self.view.laterality) is ImageSide.LEFT
        )  # on the side of the air
        label = [(self.view.label, theme.TEXT, theme.font(theme.VIEW_LABEL_PX, bold=True))]
        small = theme.font(theme.SMALL_TEXT_PX)
        if self._is_guessed:
            label.append(("guessed", theme.WARNING, small))
        above, beneath = self.top_lines(shown.identity), self.bottom_lines()
        if not shown.words:
            identity = self.identity if shown.identity else ()
            above = [line for line in above if _is_warning(line) or line[0] in identity]
            beneath = [line for line in beneath if _is_warning(line)]
        lines = label + [(text, colour, small) for text, colour in above]
        top = paint_lines(painter, self.rect(), lines, align_right, at_bottom=False)
        if self.state is not State.SHOWN:
            paint_placeholder(painter, self.rect(), *self._placeholder())
            return
        lines = [(text, colour, small) for text, colour in beneath]
        below = QRect(self.rect())
        below.setTop(int(top))
        paint_lines(painter, below, lines, align_right, at_bottom=True)

    def _placeholder(self) -> tuple[str, str, QColor]:
        if self.state is State.FAILED:
            return *self._failure, theme.ERROR
        return "loading…", "", theme.MUTED

    # ------------------------------------------------------------------------------ mouse and keys

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.changed.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.pointed_at.emit()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._is_space_down = False
        self._end_drag()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.pointed_at.emit()
        button = event.button()
        if self._drag is not None or self._display is None:
            return
        if button == Qt.MouseButton.MiddleButton or (
            button == Qt.MouseButton.LeftButton and self._is_space_down
        ):
            self._drag = Drag.PAN
        elif button == Qt.MouseButton.LeftButton:
            self._drag = Drag.WINDOW
        elif button == Qt.MouseButton.RightButton:
            self._drag = Drag.ZOOM
        self._drag_from, self._drag_last = event.position(), None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        position = event.position()
        if self._drag_last is None:
            if (position - self._drag_from).manhattanLength() < _DRAG_START:
                return
            self._drag_last = self._drag_from
        step = position - self._drag_last
        self._drag_last = position
        if self._drag is Drag.PAN:
            self.pan_by(step.x(), step.y())
        elif self._drag is Drag.ZOOM:
            self.zoom_by(float(np.exp(-step.y() / _DRAG_PER_ZOOM)), self._drag_from)
        else:
            change = step.x() / _DRAG_PER_E, -step.y() / _DRAG_PER_WIDTH
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.window_dragged.emit(*change)
            else:
                self.adjust_window(*change)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not event.buttons():
            self._end_drag()

    def _end_drag(self) -> None:
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._end_drag()
            self.enlarge_requested.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._wheel += event.angleDelta().y()
        notches = int(self._wheel / _NOTCH)  # towards zero: touchpads send small parts
        self._wheel -= notches * _NOTCH
        event.accept()
        if not notches:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(ZOOM_STEP**notches, event.position())
        else:
            self.stepped.emit(-notches)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._is_space_down = True
                self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._is_space_down = False
                self.unsetCursor()
        else:
            super().keyReleaseEvent(event)


class Gap(QWidget):
    """The place of a standard view that the study lacks, or of nothing (no label)."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = label
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        if label:
            self.setAccessibleName(f"{label}, not in this study")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        if self.label:
            font = theme.font(theme.VIEW_LABEL_PX, bold=True)
            lines = [(self.label, theme.MUTED, font)]
            paint_lines(painter, self.rect(), lines, self.label.startswith("L"), at_bottom=False)
            paint_placeholder(painter, self.rect(), "not in this study", "", theme.MUTED)
        painter.end()


def _is_warning(line: tuple[str, QColor]) -> bool:
    return line[1] not in (theme.TEXT, theme.MUTED)


def paint_lines(
    painter: QPainter,
    area: QRect,
    lines: Sequence[tuple[str, QColor, QFont]],
    align_right: bool,
    at_bottom: bool,
) -> float:
    """Lines of text in a corner of `area`; returns where they end.

    Each stands on a dark ground of its own, that on air is not seen and on tissue keeps the text
    legible. What does not fit across is elided, what does not fit down is left out, last first.
    """
    room = area.width() * _AIR_SHARE if area.width() > 260 else area.width() - 2 * _PAD
    metrics = [QFontMetricsF(font) for _, _, font in lines]
    heights = [metric.height() for metric in metrics]
    while lines and sum(heights[: len(lines)]) > area.height() - 2 * _PAD:
        lines = lines[:-1]
    total = sum(heights[: len(lines)])
    y = area.bottom() + 1 - _PAD - total if at_bottom else area.top() + _PAD * 0.75
    ground = QColor(theme.IMAGE_BACKGROUND)
    ground.setAlpha(_GROUND_ALPHA)
    for (text, colour, font), metric, height in zip(lines, metrics, heights, strict=False):
        text = metric.elidedText(text, Qt.TextElideMode.ElideRight, room)
        width = metric.horizontalAdvance(text)
        x = area.right() + 1 - _PAD - width if align_right else area.left() + _PAD
        box = QRectF(x, y, width, height)
        painter.fillRect(box.adjusted(-3, 0, 3, 0), ground)
        painter.setFont(font)
        painter.setPen(colour)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        y += height
    return y


def paint_placeholder(
    painter: QPainter, area: QRect, title: str, advice: str, colour: QColor
) -> None:
    """Words in the middle of an empty cell."""
    middle = area.adjusted(_PAD * 2, 0, -_PAD * 2, 0)
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    font = theme.font(theme.TITLE_PX if advice else theme.TEXT_PX, bold=bool(advice))
    painter.setFont(font)
    painter.setPen(colour)
    above = QRect(middle.left(), middle.top(), middle.width(), middle.height() // 2)
    painter.drawText(above, flags | Qt.AlignmentFlag.AlignBottom, title)
    if advice:
        painter.setFont(theme.font(theme.TEXT_PX))
        painter.setPen(theme.TEXT)
        below = QRect(middle.left(), above.bottom() + _PAD, middle.width(), middle.height() // 2)
        painter.drawText(below, flags | Qt.AlignmentFlag.AlignTop, advice)
