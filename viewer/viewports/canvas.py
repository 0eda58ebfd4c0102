"""One view on black: its pixels, its heat-map, its words in the corners, and the reader's hand.

A canvas belongs to one view for life. Another study gets other canvases, so that no pixel can stay
behind under a new label.

The mouse: left drag is the window (sideways its width, upwards brighter; with Shift on all views),
right drag and Ctrl + wheel zoom at the pointer, middle drag or Space + drag moves, the wheel goes
through views, a double click shows one view large.

Sides are a matter of safety. The tag alone says which breast it is; the label shows the tag. Where
the pixels clearly have the chest wall at the other edge (so in a quarter of the films in CBIS-DDSM)
only the display is mirrored, so that chest walls meet; the corner says so: check the side. See
`viewer.display.chest_wall`.

A view of an earlier study wears a frame and letters of a colour of their own, with its date.
"""

from collections.abc import Callable, Sequence
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

from engine.dicom import voi
from engine.domain import (
    Explanation,
    MammogramView,
    Study,
    ViewPosition,
    Voi,
    VoiFunction,
    VoiWindow,
)
from engine.messages import message
from viewer.display import local_contrast, rendering
from viewer.display.chest_wall import check_side
from viewer.display.measuring import spacing_text, spoken
from viewer.display.orientation import AS_HUNG, Orientation
from viewer.display.parts import parts
from viewer.display.priors import Prior
from viewer.display.rendering import DisplayPixels, ImageSide, Placement, Sample
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import image_notes, localised, localised_unless_foreign
from viewer.shared.plain_text import shortened

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
_TRUE_ENOUGH = 0.005  #: off true size, that still is called so
_MIRRORED = mark("⇄ mirrored for display")
_PRIOR_FRAME = 2  #: logical pixels
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


class TextLevel(Enum):
    """How much is written over the image; the label and every warning always are."""

    ALL = mark("image and study")
    IMAGE = mark("image only, no patient")
    LABEL = mark("side and view only")


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


EVERYTHING = Shown()


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


def window_text(window: Voi) -> str:
    """'W 900 L 2065 normal' or 'LUT normal'."""
    if not isinstance(window, VoiWindow):
        return f"LUT {localised_unless_foreign(window.name)}".strip()
    digits = 0 if window.width >= 20 else 2
    curve = "" if window.function is not VoiFunction.SIGMOID else tr("sigmoid") + " "
    name = localised_unless_foreign(window.name)
    text = f"W {window.width:.{digits}f} L {window.center:.{digits}f} {curve}{name}"
    return text.strip()


class Canvas(QWidget):
    """Shows one view. Its owner gives the common scale (`set_fit`) and listens to the signals."""

    pointed_at = Signal()  #: clicked or focused: the reader means this view
    enlarge_requested = Signal()  #: double click
    stepped = Signal(int)  #: the wheel: +1 forward, -1 back
    window_dragged = Signal(float, float)  #: with Shift: the same drag for every view
    # What the hand has done to this view, for views that are linked to it
    windowed = Signal(float, float)  #: wider, brighter
    panned = Signal(float, float)  #: logical pixels
    zoomed = Signal(float, object)  #: the factor, and the QPointF that stayed
    changed = Signal()  #: window, zoom or state

    def __init__(
        self,
        study: Study,
        view: MammogramView,
        parent: QWidget | None = None,
        prior: Prior | None = None,
        claims: Sequence[str] = (),
    ) -> None:
        """`study` is the view's own; `prior` says that it is an earlier one than the open study.
        `claims` are what is doubtful about the view among the others.
        """
        super().__init__(parent)
        self.view = view
        self.prior = prior
        self._claims = tuple(claims)
        self._is_beside_prior = False
        self._is_comparable = True
        self.state = State.LOADING
        #: of a device pixel of the screen that it is on now; None: not calibrated
        self.screen_pixel_mm: Callable[[], float | None] = lambda: None
        self.layers: list[Callable[[QPainter], None]] = []  #: painted over it, below its words
        self._study = study
        self._failure = ("", "")
        self._display: DisplayPixels | None = None
        self._voi: Voi | None = None
        self._is_linear = False
        self._is_inverted = False
        self._has_local_contrast = False
        self._contrast: local_contrast.LocalContrast | None = None
        self._text_level = TextLevel.ALL
        self._orientation = AS_HUNG
        self._table: np.ndarray | None = None
        self._side_check = check_side(view, None, claims)
        self._explanation: Explanation | None = None
        self._refusal = ""
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
        self._drawings: tuple[str, ...] = ()  # what is said of them
        self.is_on_paper = False  #: while it is painted for a page: its layers write nothing small
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)  # the value under the pointer is told
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)  # right drag zooms
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._describe()

    # ---------------------------------------------------------------------------------- what shows

    def show_pixels(self, display: DisplayPixels) -> None:
        self._display = display
        self._side_check = check_side(self.view, display.breast.chest_wall, self._claims)
        self._voi = display.presets[0]
        self.state = State.SHOWN
        self._forget()

    def release(self) -> None:
        """Lets go of the image before it is deleted: the widget itself may stay in memory until
        Python looks for garbage, and must not keep tens of megabytes with it.
        """
        self._display = self._explanation = None
        self._sample = self._heat = self._table = self._contrast = None

    def show_failure(self, title: str, advice: str) -> None:
        self._display = None
        self._failure = (title, advice)
        self.state = State.FAILED
        self._forget()

    def show_explanation(self, explanation: Explanation | None) -> None:
        self._explanation = explanation
        self._heat = None
        self.update()

    def show_refusal(self, why: str) -> None:
        """Why no network judges the view, in the reader's words; empty: nothing to be told."""
        self._refusal = why
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

    def set_beside_prior(self, is_beside: bool) -> None:
        """Whether it stands beside a prior now, and says that it is the current one."""
        if self._is_beside_prior != is_beside:
            self._is_beside_prior = is_beside
            self.update()

    def set_comparable(self, is_comparable: bool) -> None:
        """Whether its size compares with the others of the page; if not it says so."""
        if self._is_comparable != is_comparable:
            self._is_comparable = is_comparable
            self.update()

    @property
    def is_mirrored(self) -> bool:
        """Whether the display is turned round, so that chest walls meet."""
        return self._display is not None and self._side_check.is_mirrored

    @property
    def side_doubts(self) -> tuple[str, ...]:
        """Where tags and pixels, or tags among themselves, do not agree on the side."""
        return self._side_check.doubts

    @property
    def orientation(self) -> Orientation:
        """How the reader has turned what was hung."""
        return self._orientation

    def turn(self, orientation: Orientation) -> None:
        """Shows it turned, fitted; the label stays, and the corner says what was done."""
        self._orientation, self._zoom = orientation, None
        self._describe()
        self._moved()

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
        at_origin = self.placement_at(self.scale)
        left, top = self._corner(at_origin)
        return rendering.moved(at_origin, left, top)

    def placement_at(self, scale: float) -> Placement:
        """The view turned as it shows, at `scale`, with its corner at (0, 0); it has pixels."""
        rows, columns = self._display.pixels.shape
        width = max(1, round(columns * self._unit[0] * scale))
        height = max(1, round(rows * self._unit[1] * scale))
        total = self._orientation.of_mirrored() if self.is_mirrored else self._orientation
        if total.is_transposed:
            width, height = height, width
        turned = total.is_mirrored, total.is_flipped, total.is_transposed
        return Placement(rows, columns, 0, 0, width, height, *turned)

    @property
    def parts(self) -> tuple[tuple[float, float], ...]:
        """The middles of the parts that show the breast at 1:1; none until it has pixels."""
        if self._display is None:
            return ()
        width, height = self.device_size()
        at_actual = self.placement_at(1 / self.unit[0])
        return parts(self._display.breast, at_actual, width, height)

    @property
    def scale(self) -> float:
        """Device pixels per unit, see `unit`."""
        return self._zoom.scale if self._zoom else self._fit_scale

    @property
    def unit(self) -> tuple[float, float]:
        """Width and height of a stored pixel, in units that the page shares: mm or pixels."""
        return self._unit

    def _corner(self, at_origin: Placement) -> tuple[int, int]:
        width, height = self.device_size()
        if self._zoom:
            x, y = at_origin.to_canvas(self._zoom.row, self._zoom.column)
            return round(width / 2 - x), round(height / 2 - y)
        box = self._display.breast
        x0, top = at_origin.to_canvas(box.row_start, box.column_start)
        x1, bottom = at_origin.to_canvas(box.row_stop, box.column_stop)
        x0, x1 = sorted((x0, x1))
        top, bottom = sorted((top, bottom))
        if self._orientation != AS_HUNG:  # its edges are no longer where they hang
            return round((width - x0 - x1) / 2), round((height - top - bottom) / 2)
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

    def is_image_at(self, at: QPointF) -> bool:
        """Whether a pixel of the image lies there, and shows."""
        placement = self.placement()
        if placement is None or not self.rect().contains(at.toPoint()):
            return False
        ratio = self.devicePixelRatioF()
        row, column = placement.to_source(at.x() * ratio, at.y() * ratio)
        rows, columns = self._display.pixels.shape
        return 0 <= row < rows and 0 <= column < columns

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
        # Where the middle of the canvas lies at the new scale, if the fixed point is at (x, y).
        scaled = self.placement_at(scale)
        fixed_x, fixed_y = scaled.to_canvas(row, column)
        middle = scaled.to_source(fixed_x + width / 2 - x, fixed_y + height / 2 - y)
        self._zoom = self._clamped(Zoom(scale, *(float(n) for n in middle)))
        self._moved()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        self.zoom_to(self.scale * factor, at)

    def show_part(self, scale: float, row: float, column: float) -> None:
        """At `scale`, with that source point in the middle."""
        if self._display is not None:
            self._zoom = self._clamped(Zoom(scale, row, column))
            self._moved()

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
        if self._zoom is None:
            middle = placement.to_source(width / 2, height / 2)
            self._zoom = Zoom(self.scale, *(float(n) for n in middle))
        # From where it is meant to be, not from the device pixel that it is drawn at: else many
        # small steps of a drag would drift away from the pointer.
        exact = self.placement_at(self.scale)
        x, y = exact.to_canvas(self._zoom.row, self._zoom.column)
        row, column = exact.to_source(x - dx * ratio, y - dy * ratio)
        self._zoom = self._clamped(Zoom(self.scale, float(row), float(column)))
        self._moved()

    # The same by mouse or key: views that are linked to this one follow.

    def pan_by_hand(self, dx: float, dy: float) -> None:
        self.pan_by(dx, dy)
        self.panned.emit(dx, dy)

    def zoom_by_hand(self, factor: float, at: QPointF | None = None) -> None:
        self.zoom_by(factor, at)
        self.zoomed.emit(factor, at)

    def adjust_by_hand(self, wider: float, brighter: float) -> None:
        self.adjust_window(wider, brighter)
        self.windowed.emit(wider, brighter)

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
    def voi(self) -> Voi | None:
        return self._voi

    def set_inverted(self, is_inverted: bool) -> None:
        self._is_inverted = is_inverted
        self._window_changed()

    @property
    def is_inverted(self) -> bool:
        return self._is_inverted

    def set_local_contrast(self, is_on: bool) -> None:
        """A display aid (CLAHE) over the window; stored values and measurements stay."""
        self._has_local_contrast = is_on
        self._window_changed()

    @property
    def true_scale(self) -> float | None:
        """`scale` at which a millimetre is one; None without a calibrated screen or a spacing."""
        pixel_mm, spacing = self.screen_pixel_mm(), self.view.pixel_spacing
        if pixel_mm is None or spacing is None:
            return None
        return spacing.column_mm / pixel_mm / self._unit[0]

    @property
    def is_true_size(self) -> bool:
        true_scale = self.true_scale
        return true_scale is not None and abs(self.scale / true_scale - 1) < _TRUE_ENOUGH

    def set_text_level(self, level: TextLevel) -> None:
        self._text_level = level
        self.update()

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
        before = voi.as_window(self._voi)
        least = 2 * abs(pixels.value_scale)
        if before.function is VoiFunction.LINEAR:
            least = max(least, 2.0)  # its formula has width - 1 in it
        width = max(least, before.width * float(np.exp(wider)))
        sign = -1 if pixels.is_inverted == self._is_inverted else 1
        center = before.center + sign * brighter * before.width
        self._voi = replace(before, center=center, width=width, name=message("adjusted"))
        self._window_changed()

    def reset(self) -> None:
        """The file's first window, its own polarity, fitted and as it was hung."""
        self._is_inverted = self._has_local_contrast = False
        self._zoom = None
        self.turn(AS_HUNG)
        self.show_preset(0)
        self._moved()

    def _window_changed(self) -> None:
        self._table = self._contrast = None
        self.update()
        self.changed.emit()

    def _forget(self) -> None:
        """New pixels: nothing made from older ones survives."""
        self._sample = self._heat = self._table = self._contrast = None
        self._describe()
        self._moved()

    # -------------------------------------------------------------------------------------- words

    def _describe(self) -> None:
        guessed = tr(" (guessed)") if self._is_guessed else ""
        state = {
            State.LOADING: tr("loading"),
            State.SHOWN: tr("shown", "a view"),
            State.FAILED: tr("cannot be shown: {why}").format(why=self._failure[0]),
        }[self.state]
        prior = f"{self._prior_words()}, " if self.prior else ""
        turned = f", {tr(self._orientation.words)}" if self._orientation.words else ""
        self.setAccessibleName(f"{prior}{self.view.label}{guessed}, {state}{turned}")
        warnings = map(localised_unless_foreign, (*self.side_doubts, *self.view.grey_faults))
        described = [*self._patient_lines(), *warnings, *self._drawings]
        self.setAccessibleDescription(", ".join(described))

    def describe_drawings(self, words: Sequence[str]) -> None:
        """What the layers over it say that a screen reader is to tell."""
        if self._drawings != tuple(words):
            self._drawings = tuple(words)
            self._describe()

    @property
    def name(self) -> str:
        """'R CC', 'PRIOR 2022-03-02 R CC'."""
        return f"{self._prior_words()} {self.view.label}" if self.prior else self.view.label

    def _prior_words(self) -> str:
        """'PRIOR 2022-03-02'."""
        return tr("PRIOR {date}").format(date=self.prior.study.study_date.isoformat())

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
        return [shortened(line) for line in (study.patient_name, patient_id, when) if line]

    @property
    def identity(self) -> tuple[str, ...]:
        """The patient's name, ID and the date, as far as they are on the screen."""
        return tuple(self._patient_lines()) if self._text_level is TextLevel.ALL else ()

    def top_lines(self, with_identity: bool = True) -> list[tuple[str, QColor]]:
        """(text, colour) below the view's label."""
        lines = []
        if self.prior:
            lines.append((self.prior.interval, theme.PRIOR))
        if with_identity:
            lines += [(text, theme.TEXT) for text in self.identity]
        if self.prior:
            lines += [(localised(doubt), theme.WARNING) for doubt in self.prior.doubts]
        lines += [
            (localised_unless_foreign(modifier), theme.TEXT)
            for modifier in self.view.view_modifiers
        ]
        if turned := self._orientation.words:
            lines += [(f"⟲ {part}", theme.WARNING) for part in tr(turned).split(", ")]
        if self.is_mirrored:
            colour = theme.WARNING if self.side_doubts else theme.MUTED
            lines.append((tr(_MIRRORED), colour))
        return lines + [
            (localised_unless_foreign(doubt), theme.WARNING) for doubt in self.side_doubts
        ]

    def warnings(self) -> list[str]:
        """What must be told wherever the view is shown."""
        guessed = [tr("guessed")] if self._is_guessed else []
        lines = *self.top_lines(with_identity=False), *self.bottom_lines()
        return guessed + [line[0] for line in lines if _is_warning(line)]

    def bottom_lines(self) -> list[tuple[str, QColor]]:
        if self._display is None:
            return []
        magnification = self.magnification or 0
        zoom = "1:1"
        if abs(magnification - 1) >= 1e-9:
            zoom = tr("{percent} % of 1:1").format(percent=f"{100 * magnification:.0f}")
        if self.is_true_size:
            zoom += tr(", true size")
        inverted = [(tr("inverted"), theme.WARNING)] if self._is_inverted else []
        linear = [(tr("linear fallback"), theme.WARNING)] if self._is_linear else []
        aid = [(tr("CLAHE: display aid"), theme.WARNING)] if self._has_local_contrast else []
        said = tr("Not judged. {why}").format(why=self._refusal)
        refused = [(said, theme.WARNING)] if self._refusal else []
        size = [] if self._is_comparable else [(tr("size does not compare"), theme.WARNING)]
        warnings = [
            *size,
            *refused,
            *((note, theme.WARNING) for note in image_notes(self.view, bool(self._refusal))),
            *((localised(fault), theme.WARNING) for fault in self.view.grey_faults),
            *inverted,
            *linear,
            *aid,
        ]
        if self._text_level is TextLevel.LABEL:
            return warnings
        return [
            *warnings,
            (window_text(self._voi), theme.TEXT),
            (spoken(spacing_text(self.view.pixel_spacing)), theme.MUTED),
            (zoom, theme.MUTED),
        ]

    def summary(self) -> str:
        """One line for a status bar."""
        label = self.name
        if self.state is State.LOADING:
            return tr("{view}: loading").format(view=label)
        if self.state is State.FAILED:
            return f"{label}: {self._failure[0]}"
        return "   ".join([label, *(text for text, _ in self.bottom_lines())])

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
        grey = rendering.develop(sampled, self.table)
        if self._has_local_contrast:
            if self._contrast is None:
                self._contrast = local_contrast.learn(self._display, self.table)
            grey = local_contrast.apply(grey, sampled, self._contrast)
        return grey, sampled.x, sampled.y

    @property
    def table(self) -> np.ndarray | None:
        """The grey level for each stored value, uint8 (65536,); None without pixels."""
        if self._table is None and self._display is not None:
            self._table = voi.display_table(self._display.pixels, self._voi, self._is_inverted)
        return self._table

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
        self._paint(painter, EVERYTHING)
        if self._is_selected:
            self._paint_frame(painter, QPen(theme.ACCENT if self.hasFocus() else theme.DISABLED, 1))
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
            self.is_on_paper = True
            return self._painted(shown)
        finally:
            self.is_on_paper = False
            self._fit_scale, self._unit, self._zoom, geometry = before
            self.setGeometry(geometry)
            self.setUpdatesEnabled(True)
            blocker.unblock()

    def scale_to_fit(self, size: QSize, unit: tuple[float, float]) -> float:
        """Device pixels per unit at which the breast fills `size` (logical pixels)."""
        box, ratio = self._display.breast, self.devicePixelRatioF()
        wide = (box.column_stop - box.column_start) * unit[0]
        tall = (box.row_stop - box.row_start) * unit[1]
        if self._orientation.is_transposed:
            wide, tall = tall, wide
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
        if shown.drawings:
            for paint in self.layers:
                painter.save()
                paint(painter)
                painter.restore()
        self._paint_words(painter, shown)
        if self.prior and shown.label:
            self._paint_frame(painter, QPen(theme.PRIOR, _PRIOR_FRAME, Qt.PenStyle.DashLine), 3)

    def _paint_frame(self, painter: QPainter, pen: QPen, inset: int = 0) -> None:
        """Around the view, but no line where chest walls meet."""
        painter.setPen(pen)
        frame = self.rect().adjusted(inset, inset, -inset, -inset)
        chest_wall = rendering.CHEST_WALL_SIDE.get(self.view.laterality)
        painter.drawLine(frame.topLeft(), frame.topRight())
        painter.drawLine(frame.bottomLeft(), frame.bottomRight())
        if chest_wall is not ImageSide.LEFT:
            painter.drawLine(frame.topLeft(), frame.bottomLeft())
        if chest_wall is not ImageSide.RIGHT:
            painter.drawLine(frame.topRight(), frame.bottomRight())

    def _lines_above(self, shown: Shown = EVERYTHING) -> list[tuple[str, QColor, QFont]]:
        small = theme.font(theme.SMALL_TEXT_PX)
        label = [(self.view.label, theme.TEXT, theme.font(theme.VIEW_LABEL_PX, bold=True))]
        bold = theme.font(theme.TITLE_PX, bold=True)
        if self.prior:  # on two lines: no part of it is ever elided
            words = self._prior_words().split()
            words = words if shown.identity else words[:1]  # its date tells of the patient too
            label += [(word, theme.PRIOR, bold) for word in words]
        elif self._is_beside_prior:
            label.append((tr("CURRENT"), theme.TEXT, bold))
        if self._is_guessed:
            label.append((tr("guessed"), theme.WARNING, small))
        lines = self.top_lines(shown.identity)
        if not shown.words:
            identity = self.identity if shown.identity else ()
            lines = [line for line in lines if _is_warning(line) or line[0] in identity]
        metrics, room = QFontMetricsF(small), _room(self.rect())
        return label + [
            (part, line[1], small)
            for line in lines
            for part in (wrapped(line[0], metrics, room) if _is_warning(line) else [line[0]])
        ]

    def _lines_below(self, shown: Shown = EVERYTHING) -> list[tuple[str, QColor, QFont]]:
        small = theme.font(theme.SMALL_TEXT_PX)
        metrics, room = QFontMetricsF(small), _room(self.rect())
        return [
            (part, line[1], small)
            for line in self.bottom_lines()
            if shown.words or _is_warning(line)
            for part in wrapped(line[0], metrics, room)  # an origin that is elided is none
        ]

    def between_words(self) -> QRectF:
        """Where no word of its own stands, across its whole width; all of it if that is little."""
        above, below = (
            _PAD + sum(QFontMetricsF(font).height() for _, _, font in lines)
            for lines in (self._lines_above(), self._lines_below())
        )
        everything = QRectF(self.rect())
        between = everything.adjusted(0, above, 0, -below)
        return between if between.height() > everything.height() / 3 else everything

    def _paint_words(self, painter: QPainter, shown: Shown) -> None:
        if not shown.label:
            return
        align_right = (
            rendering.CHEST_WALL_SIDE.get(self.view.laterality) is ImageSide.LEFT
        )  # on the side of the air
        lines = self._lines_above(shown)
        top = paint_lines(painter, self.rect(), lines, align_right, at_bottom=False)
        if self.state is not State.SHOWN:
            paint_placeholder(painter, self.rect(), *self._placeholder())
            return
        below = QRect(self.rect())
        below.setTop(int(top))
        paint_lines(painter, below, self._lines_below(shown), align_right, at_bottom=True)

    def _placeholder(self) -> tuple[str, str, QColor]:
        if self.state is State.FAILED:
            return *self._failure, theme.ERROR
        return tr("loading…"), "", theme.MUTED

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
            self.pan_by_hand(step.x(), step.y())
        elif self._drag is Drag.ZOOM:
            self.zoom_by_hand(float(np.exp(-step.y() / _DRAG_PER_ZOOM)), self._drag_from)
        else:
            change = step.x() / _DRAG_PER_E, -step.y() / _DRAG_PER_WIDTH
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.window_dragged.emit(*change)
            else:
                self.adjust_by_hand(*change)

    @property
    def is_space_down(self) -> bool:
        """The left button moves the image then."""
        return self._is_space_down

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
            self.zoom_by_hand(ZOOM_STEP**notches, event.position())
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
    """The place of a standard view that the study lacks, or of nothing (no label).

    `prior_date` is that of an earlier study whose view it would be; not `is_complete` means that
    a file beside the study's could not be read, and may have been it.
    """

    def __init__(
        self,
        label: str,
        parent: QWidget | None = None,
        prior_date: str | None = None,
        is_complete: bool = True,
    ) -> None:
        super().__init__(parent)
        self.label = label
        self._is_prior = prior_date is not None
        self._words = tr("not in this study") if is_complete else tr("missing, or not readable")
        if self._is_prior:
            self._words = tr("not in the prior of {date}").format(date=prior_date)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        if label:
            self.setAccessibleName(f"{label}, {self._words}")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        if self.label:
            font = theme.font(theme.VIEW_LABEL_PX, bold=True)
            lines = [(self.label, theme.MUTED, font)]
            paint_lines(painter, self.rect(), lines, self.label.startswith("L"), at_bottom=False)
            colour = theme.PRIOR if self._is_prior else theme.MUTED
            paint_placeholder(painter, self.rect(), self._words, "", colour)
        painter.end()


def _is_warning(line: tuple[str, QColor]) -> bool:
    """Or what else must be told with the view: not by words that are merely useful."""
    return line[0] == tr(_MIRRORED) or line[1] not in (theme.TEXT, theme.MUTED)


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
    room = _room(area)
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


def _room(area: QRect) -> float:
    """How wide corner text may be."""
    return area.width() * _AIR_SHARE if area.width() > 260 else area.width() - 2 * _PAD


def wrapped(text: str, metrics: QFontMetricsF, room: float) -> list[str]:
    """In lines no wider than `room`, broken between words; a single word is left too wide."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and metrics.horizontalAdvance(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


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
