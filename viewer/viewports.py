"""The page of views: hangs a study, keeps its breasts at one scale, and carries out commands.

What acts on which views: fit, reset, invert, presets and the linear fallback act on all; a drag,
the wheel, zoom and 1:1 act on the view under the hand (a window drag with Shift on all).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QElapsedTimer, QEvent, QPointF, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QCursor,
    QFontMetrics,
    QImage,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.domain import Explanation, MammogramView, Pixels, Study, StudyPrediction
from viewer import rendering, theme
from viewer.canvas import WINDOW_STEP, ZOOM_STEP, Canvas, Gap, State, Zoom, paint_placeholder
from viewer.hanging import Arrangement, Cell, Page, hang
from viewer.rendering import DisplayPixels

_COMPARABLE = 2.0  #: breasts whose sizes in pixels differ more are each fitted by themselves
_EXPECTED_WIDTH = 0.6  #: of a film's, that a breast takes; only until its pixels are there
_FILL = 0.98  #: of a cell, that the largest breast takes
_WHEEL_PAUSE_MS = 400  #: a wheel that runs on stops at a study's end; a new turn goes on
_PAN_KEY = 60  #: logical pixels


class Scale(Enum):
    """What the views of a page have in common; told to the reader."""

    MILLIMETRES = "same size in mm"
    PIXELS = "same scale in pixels"
    EACH = "each view fitted, sizes do not compare"


class Group(Enum):
    """Which menu a command belongs to."""

    WINDOW = "Window"
    ZOOM = "Zoom"
    GO = "Go"


@dataclass(frozen=True)
class Command:
    """One line of the keymap; `name` is a method of `ViewportsPane`, called with `arguments`."""

    text: str
    keys: tuple[str, ...]
    group: Group
    name: str
    arguments: tuple = ()
    is_local: bool = False  #: only while a view has the keyboard: the key has other uses elsewhere

    @property
    def identity(self) -> str:
        return "_".join(str(part) for part in (self.name, *self.arguments))


COMMANDS = (
    Command("Next window preset", ("W",), Group.WINDOW, "next_preset"),
    Command("Previous window preset", ("Shift+W",), Group.WINDOW, "previous_preset"),
    Command("Linear fallback for a broken curve", ("L",), Group.WINDOW, "toggle_linear"),
    Command("Invert", ("I",), Group.WINDOW, "toggle_invert"),
    Command("Brighter", ("Ctrl+Up",), Group.WINDOW, "adjust_window", (0, 1), True),
    Command("Darker", ("Ctrl+Down",), Group.WINDOW, "adjust_window", (0, -1), True),
    Command("Less contrast", ("Ctrl+Right",), Group.WINDOW, "adjust_window", (1, 0), True),
    Command("More contrast", ("Ctrl+Left",), Group.WINDOW, "adjust_window", (-1, 0), True),
    Command("Fit breasts", ("F",), Group.ZOOM, "fit"),
    Command("Actual pixels (1:1)", ("P",), Group.ZOOM, "actual_pixels"),
    Command("Zoom in", ("+", "="), Group.ZOOM, "zoom_step", (1,)),
    Command("Zoom out", ("-",), Group.ZOOM, "zoom_step", (-1,)),
    Command("Move image left", ("Shift+Left",), Group.ZOOM, "pan_step", (-1, 0), True),
    Command("Move image right", ("Shift+Right",), Group.ZOOM, "pan_step", (1, 0), True),
    Command("Move image up", ("Shift+Up",), Group.ZOOM, "pan_step", (0, -1), True),
    Command("Move image down", ("Shift+Down",), Group.ZOOM, "pan_step", (0, 1), True),
    Command("One view / all views", ("V",), Group.ZOOM, "toggle_single"),
    Command("One row / two rows", ("G",), Group.ZOOM, "toggle_arrangement"),
    Command("Reset windows and zoom", ("Home",), Group.ZOOM, "reset", (), True),
    Command("Next view", ("Right",), Group.GO, "next_view", (1,), True),
    Command("Previous view", ("Left",), Group.GO, "next_view", (-1,), True),
    Command("Next study", ("PgDown",), Group.GO, "step_study", (1,)),
    Command("Previous study", ("PgUp",), Group.GO, "step_study", (-1,)),
)


class ViewportsPane(QWidget):
    """The images of the open study."""

    study_step_requested = Signal(int)  #: +1 the next study, -1 the one before
    view_selected = Signal(str)  #: image_uid
    status_changed = Signal(str)  #: the selected view in a line: label, window, spacing, zoom

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._study: Study | None = None
        self._pages: tuple[Page, ...] = ()
        self._page = 0
        self._canvases: dict[str, Canvas] = {}
        self._gaps: dict[tuple[int, int], Gap] = {}
        self._selected: str | None = None
        self._is_single = False
        self._zoom_in_page: Zoom | None = None  # of the single view, for the way back
        self._arrangement = Arrangement.AUTO
        self._is_inverted = False
        self._is_linear = False
        self._preset = 0
        self._is_overlay_visible = False
        self._overlay_opacity = 0.6
        self._has_prediction = False
        self._last_wheel = QElapsedTimer()

        self._stage = _Stage()
        self._stage.resized.connect(self._lay_out)
        self._strip = _Strip()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._stage, 1)
        column.addWidget(self._strip)
        self.setMinimumSize(360, 300)
        self.setAccessibleName("Images")
        self.actions_by_name = self._make_actions()

    # ----------------------------------------------------------------------------------- contents

    @property
    def study(self) -> Study | None:
        return self._study

    def show_study(self, study: Study | None) -> None:
        """Hangs a study, its views loading; whatever was shown before is gone at once."""
        had_focus = any(canvas.hasFocus() for canvas in self._canvases.values())
        for canvas in self._canvases.values():
            canvas.blockSignals(True)
        for widget in (*self._canvases.values(), *self._gaps.values()):
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        self._canvases, self._gaps, self._zoom_in_page = {}, {}, None
        self._study = study
        self._selected = None
        self._page = self._preset = 0
        self._is_single = self._has_prediction = False
        self._is_inverted = self._is_linear = False
        self._pages = hang(study) if study else ()
        for number, page in enumerate(self._pages):
            for place, cell in enumerate(page.cells):
                if cell.view is None:
                    self._gaps[number, place] = Gap(cell.label, self._stage)
                else:
                    self._canvases[cell.view.image_uid] = self._make_canvas(study, cell.view)
        self._lay_out()
        views = self._views()
        if views:
            self._select(views[0].image_uid)
            if had_focus:
                self._canvases[self._selected].setFocus()
        else:
            self.status_changed.emit("")
        self._show_legend()

    def show_pixels(self, image_uid: str, pixels: Pixels | DisplayPixels) -> None:
        """Shows a view's pixels; those of an image that is not in the open study are ignored.

        `DisplayPixels` come from `rendering.prepare`, best called in the thread that decoded the
        image; bare `Pixels` are prepared here, which takes some 30 ms.
        """
        canvas = self._canvases.get(image_uid)
        if canvas is None:
            return
        shape = (canvas.view.rows, canvas.view.columns)
        of = pixels.pixels if isinstance(pixels, DisplayPixels) else pixels
        if of.shape != shape:
            title = "Pixels do not match the header"
            advice = (
                f"The file has {of.shape[0]} × {of.shape[1]} pixels, not {shape[0]} × {shape[1]}."
            )
            self.show_failure(image_uid, title, advice)
            return
        if isinstance(pixels, Pixels):
            pixels = rendering.prepare(canvas.view, pixels)
        canvas.show_pixels(pixels)
        canvas.set_inverted(self._is_inverted)
        self._show_window(canvas)
        self._fit_page()

    def show_failure(self, image_uid: str, title: str, advice: str) -> None:
        """Says in the view's own cell why it cannot be shown."""
        canvas = self._canvases.get(image_uid)
        if canvas is not None:
            canvas.show_failure(title, advice)
            self._fit_page()

    def show_explanations(self, prediction: StudyPrediction | None) -> None:
        """Heat-maps for the overlay; None, or another study's prediction, takes them away."""
        explanations: Mapping[str, Explanation | None] = {}
        if prediction and self._study and prediction.study_uid == self._study.uid:
            explanations = {view.image_uid: view.explanation for view in prediction.views}
        for image_uid, canvas in self._canvases.items():
            canvas.show_explanation(explanations.get(image_uid))
        self._has_prediction = any(canvas.has_heat for canvas in self._canvases.values())
        self._show_legend()

    def set_overlay(self, visible: bool, opacity: float) -> None:
        """Whether heat-maps are painted, and how strongly (0 … 1)."""
        self._is_overlay_visible, self._overlay_opacity = visible, opacity
        for canvas in self._canvases.values():
            canvas.set_overlay(opacity if visible else 0.0)
        self._show_legend()

    def _show_legend(self) -> None:
        self._strip.legend.set_opacity(self._overlay_opacity)
        self._strip.legend.setVisible(self._is_overlay_visible and self._has_prediction)

    def _make_canvas(self, study: Study, view: MammogramView) -> Canvas:
        canvas = Canvas(study, view, self._stage)
        uid = view.image_uid
        canvas.pointed_at.connect(lambda: self._select(uid))
        canvas.enlarge_requested.connect(self.toggle_single)
        canvas.stepped.connect(self._wheel)
        canvas.window_dragged.connect(self._window_dragged)
        canvas.changed.connect(lambda: self._canvas_changed(uid))
        canvas.set_overlay(self._overlay_opacity if self._is_overlay_visible else 0.0)
        return canvas

    # ------------------------------------------------------------------------------------- layout

    @property
    def arrangement(self) -> Arrangement:
        return self._arrangement

    def set_arrangement(self, arrangement: Arrangement) -> None:
        self._arrangement = arrangement
        self._lay_out()

    @property
    def is_single(self) -> bool:
        return self._is_single

    def _lay_out(self) -> None:
        """Cells touch, so that chest walls meet; a line parts rows and breasts otherwise."""
        area = self._stage.rect()
        shown: dict[QWidget, QRect] = {}
        if self._is_single and self._selected:
            shown[self._canvases[self._selected]] = area
        elif self._pages:
            cells = self._pages[self._page].cells
            columns = self._columns()
            rows = -(-len(cells) // columns)
            for place, cell in enumerate(cells):
                row, column = divmod(place, columns)
                x0, x1 = (area.width() * n // columns for n in (column, column + 1))
                y0, y1 = (area.height() * n // rows for n in (row, row + 1))
                # One pixel of the stage shows through where cells are parted.
                x0 += column > 0 and not _are_back_to_back(cells[place - 1], cell)
                y0 += row > 0
                uid = cell.view.image_uid if cell.view else None
                widget = self._canvases[uid] if uid else self._gaps[self._page, place]
                shown[widget] = QRect(x0, y0, x1 - x0, y1 - y0)
        for widget in (*self._canvases.values(), *self._gaps.values()):
            if widget not in shown:
                widget.hide()
        for widget, rect in shown.items():
            widget.setGeometry(rect)
        self._fit_page()
        for widget in shown:
            widget.show()
        self._strip.set_page(self._page, len(self._pages), self._is_single)
        self._stage.is_empty = not self._pages
        self._stage.update()

    def _columns(self) -> int:
        """Cells in a row of the page that shows."""
        size = self._stage.size()
        return self._pages[self._page].columns(self._arrangement, size.width(), size.height())

    def _fit_page(self) -> None:
        """One scale for all views of the page that are to be compared.

        Until all have arrived, the scale is guessed from the headers, so that views neither wait
        for each other nor jump at every arrival: they settle once, together.
        """
        page = self._pages[self._page].views if self._pages else ()
        canvases = [self._canvases[view.image_uid] for view in page]
        if self._is_single and self._selected:
            canvases = [self._canvases[self._selected]]
        if not canvases:
            self._strip.set_scale(None)
            return
        is_settled = all(canvas.state is not State.LOADING for canvas in canvases)
        in_millimetres = all(view.pixel_spacing for view in page)
        sizes = {}
        for canvas in canvases:
            unit = unit_of(canvas.view, in_millimetres)
            tall, wide = _breast_size(canvas, is_settled)
            width, height = canvas.device_size()
            scale = _FILL * min(width / (wide * unit[0]), height / (tall * unit[1]))
            sizes[canvas] = scale, unit, tall * unit[1]
        usable = [canvas for canvas in canvases if canvas.state is not State.FAILED] or canvases
        heights = [sizes[canvas][2] for canvas in usable]
        if in_millimetres:
            basis = Scale.MILLIMETRES
        else:
            basis = Scale.PIXELS if max(heights) < _COMPARABLE * min(heights) else Scale.EACH
        common = min(sizes[canvas][0] for canvas in usable)
        for canvas in canvases:
            scale, unit, _ = sizes[canvas]
            canvas.set_fit(scale if basis is Scale.EACH else common, unit)
        self._strip.set_scale(basis if len(usable) > 1 else None)

    # ---------------------------------------------------------------------------------- selection

    def _views(self) -> list[MammogramView]:
        """In the order in which the reader goes through them."""
        return [view for page in self._pages for view in page.views]

    @property
    def selected(self) -> str | None:
        """The image_uid that commands on one view act on."""
        return self._selected

    @property
    def selected_canvas(self) -> Canvas | None:
        return self._current()

    @property
    def canvases(self) -> list[Canvas]:
        """Of all views of the study, in reading order."""
        return [self._canvases[view.image_uid] for view in self._views()]

    def select(self, image_uid: str) -> None:
        """Makes a view the selected one and turns to its page; ignored if not in the study."""
        if image_uid not in self._canvases:
            return
        self._select(image_uid)
        self._canvases[image_uid].setFocus(Qt.FocusReason.OtherFocusReason)

    def _select(self, image_uid: str) -> None:
        if image_uid == self._selected:
            return
        if self._is_single and self._selected:
            self._canvases[self._selected].restore_zoom(self._zoom_in_page)
            self._zoom_in_page = self._canvases[image_uid].zoom_state()
        self._selected = image_uid
        number = self._page_of(image_uid)
        is_turned = number != self._page
        self._page = number
        for uid, canvas in self._canvases.items():
            canvas.set_selected(uid == image_uid and len(self._canvases) > 1)
        if is_turned or self._is_single:
            self._lay_out()
        self.view_selected.emit(image_uid)
        self.status_changed.emit(self._canvases[image_uid].summary())

    def _page_of(self, image_uid: str) -> int:
        return next(
            number
            for number, page in enumerate(self._pages)
            if any(view.image_uid == image_uid for view in page.views)
        )

    def _canvas_changed(self, image_uid: str) -> None:
        if image_uid == self._selected:
            self.status_changed.emit(self._canvases[image_uid].summary())

    def _current(self) -> Canvas | None:
        return self._canvases.get(self._selected) if self._selected else None

    def _at_pointer(self, canvas: Canvas) -> QPointF | None:
        """Where the mouse points at the breast; None if it is elsewhere."""
        position = QPointF(canvas.mapFromGlobal(QCursor.pos()))
        return position if canvas.is_breast_at(position) else None

    # ----------------------------------------------------------------------------------- commands

    def fit(self) -> None:
        for canvas in self._canvases.values():
            canvas.fit()

    def actual_pixels(self) -> None:
        """The selected view at 1:1, about the pointer if that is over it; again: fitted."""
        if canvas := self._current():
            if canvas.magnification == 1 and not canvas.is_fitted:
                canvas.fit()
            else:
                canvas.actual_pixels(self._at_pointer(canvas))

    def zoom_step(self, step: int) -> None:
        if canvas := self._current():
            canvas.zoom_by(ZOOM_STEP**step, self._at_pointer(canvas))

    def pan_step(self, right: int, down: int) -> None:
        if canvas := self._current():
            canvas.pan_by(right * _PAN_KEY, down * _PAN_KEY)

    def toggle_invert(self) -> None:
        """All views, so that no two polarities hang side by side; padding stays black."""
        self._is_inverted = not self._is_inverted
        for canvas in self._canvases.values():
            canvas.set_inverted(self._is_inverted)

    def next_preset(self) -> None:
        self._step_preset(1)

    def previous_preset(self) -> None:
        self._step_preset(-1)

    def _step_preset(self, step: int) -> None:
        self._preset += step
        self._is_linear = False
        for canvas in self._canvases.values():
            self._show_window(canvas)

    def toggle_linear(self) -> None:
        """All views by a straight line, whatever curves their files hold; again: as before."""
        self._is_linear = not self._is_linear
        for canvas in self._canvases.values():
            self._show_window(canvas)

    def _show_window(self, canvas: Canvas) -> None:
        if self._is_linear:
            canvas.show_linear()
        else:
            canvas.show_preset(self._preset)

    def adjust_window(self, wider: int, brighter: int) -> None:
        """Steps of the selected view's window."""
        if canvas := self._current():
            canvas.adjust_window(wider * WINDOW_STEP, brighter * WINDOW_STEP)

    def _window_dragged(self, wider: float, brighter: float) -> None:
        for canvas in self._canvases.values():
            canvas.adjust_window(wider, brighter)

    def reset(self) -> None:
        """The file's own windows and polarity, fitted; the page as it was hung."""
        self._preset = 0
        self._is_inverted = self._is_linear = False
        for canvas in self._canvases.values():
            canvas.reset()

    def toggle_single(self) -> None:
        """The selected view alone and large, and back to the page as it was."""
        if self._selected is None:
            return
        canvas = self._canvases[self._selected]
        if self._is_single:
            canvas.restore_zoom(self._zoom_in_page)
        else:
            self._zoom_in_page = canvas.zoom_state()
        self._is_single = not self._is_single
        self._lay_out()

    def toggle_arrangement(self) -> None:
        """The other of one row and two, whichever shows."""
        if self._pages:
            is_row = self._columns() > 2
            self.set_arrangement(Arrangement.GRID if is_row else Arrangement.ROW)

    def next_view(self, step: int) -> None:
        """Selects a following (or preceding) view; beyond the ends asks for another study."""
        if not self._step_view(step):
            self.study_step_requested.emit(1 if step > 0 else -1)

    def _step_view(self, step: int) -> bool:
        """Whether there was another view in that direction."""
        views = [view.image_uid for view in self._views()]
        if self._selected not in views:
            return False
        place = views.index(self._selected)
        other = min(max(place + step, 0), len(views) - 1)
        self.select(views[other])
        return other != place

    def step_study(self, step: int) -> None:
        self.study_step_requested.emit(step)

    def _wheel(self, step: int) -> None:
        """Like `next_view`, but a wheel that is still turning does not leave the study."""
        was_turning = self._last_wheel.isValid() and self._last_wheel.elapsed() < _WHEEL_PAUSE_MS
        self._last_wheel.start()
        if not self._step_view(step) and not was_turning:
            self.study_step_requested.emit(1 if step > 0 else -1)

    def _make_actions(self) -> dict[str, QAction]:
        """An action for each command; the main window puts the same ones in its menus."""
        actions = {}
        for command in COMMANDS:
            action = QAction(command.text, self)
            action.setShortcuts([QKeySequence(key) for key in command.keys])
            if command.is_local:
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if command.name in (
                "next_view",
                "step_study",
                "toggle_single",
                "toggle_invert",
                "toggle_linear",
            ):
                action.setAutoRepeat(False)  # a key held down must not run through studies
            method = getattr(self, command.name)
            action.triggered.connect(
                lambda *_, method=method, arguments=command.arguments: method(*arguments)
            )
            self.addAction(action)
            actions[command.identity] = action
        return actions


def unit_of(view: MammogramView, in_millimetres: bool) -> tuple[float, float]:
    """Width and height of a pixel: in mm, or in pixel widths."""
    if in_millimetres:
        return view.pixel_spacing.column_mm, view.pixel_spacing.row_mm
    return 1.0, view.pixel_aspect


def _breast_size(canvas: Canvas, is_settled: bool) -> tuple[int, float]:
    """(rows, columns) that are to fit; expected ones until the page has settled."""
    if is_settled and canvas.display is not None:
        box = canvas.display.breast
        return box.row_stop - box.row_start, box.column_stop - box.column_start
    return canvas.view.rows, canvas.view.columns * _EXPECTED_WIDTH


def _are_back_to_back(left: Cell, right: Cell) -> bool:
    return left.label.startswith("R") and right.label.startswith("L")


class _Stage(QWidget):
    """What the cells stand on; its colour shows as the lines between them."""

    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.is_empty = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.resized.emit()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.is_empty:
            painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
            words = "No study open", "Open a folder of mammograms, or drop one here."
            paint_placeholder(painter, self.rect(), *words, theme.MUTED)
        else:
            painter.fillRect(self.rect(), theme.RAISED)
        painter.end()


class _Strip(QWidget):
    """A line under the images that is always there, so that nothing moves when it speaks."""

    def __init__(self) -> None:
        super().__init__()
        self._page = _QuietLabel()
        self._scale = _QuietLabel()
        self._scale.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend = HeatLegend()
        self.legend.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(16)
        row.addWidget(self._page)
        row.addWidget(self._scale, 1)
        row.addWidget(self.legend)
        self.setFixedHeight(self.legend.sizeHint().height())

    def set_page(self, page: int, pages: int, is_single: bool) -> None:
        turn = f"Page {page + 1} of {pages}" if pages > 1 else ""
        self._page.set_text("One view; V or double click shows all" if is_single else turn)

    def set_scale(self, scale: Scale | None) -> None:
        self._scale.set_text(scale.value.capitalize() if scale else "")


class _QuietLabel(QWidget):
    """One line that gives way: it is elided, never cut, and asks for no width that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.text = ""

    def set_text(self, text: str) -> None:
        self.text = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.text) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.MUTED)
        elided = self.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, elided)
        painter.end()


class HeatLegend(QWidget):
    """What the overlay's colours mean, and what they do not."""

    SENTENCE = "Model attention, not a lesion outline."
    _BAR = QSize(150, 10)
    _GAP = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opacity = 1.0
        self._font = theme.font(theme.SMALL_TEXT_PX)
        metrics = QFontMetrics(self._font)
        self._words = [
            (text, metrics.horizontalAdvance(text))
            for text in ("low attention  0", "1  high attention", self.SENTENCE)
        ]
        self._height = metrics.height() + 10
        colours = rendering.heat_colours()[None]
        self._colours = QImage(
            colours.data, 256, 1, 1024, QImage.Format.Format_ARGB32_Premultiplied
        ).copy()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(
            f"Colour scale from 0, low attention, to 1, high attention. {self.SENTENCE}"
        )

    def set_opacity(self, opacity: float) -> None:
        self._opacity = opacity
        self.update()

    def sizeHint(self) -> QSize:
        words = sum(width for _, width in self._words)
        return QSize(words + self._BAR.width() + 4 * self._GAP, self._height)

    def minimumSizeHint(self) -> QSize:
        """The sentence is never given up."""
        return QSize(self._words[-1][1], self._height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        low, high, sentence = self._words
        has_room = self.width() >= self.sizeHint().width()
        x = 0

        def write(text: str, width: int, colour: QColor) -> int:
            painter.setPen(colour)
            painter.drawText(x, 0, width, self.height(), Qt.AlignmentFlag.AlignVCenter, text)
            return x + width + self._GAP

        if has_room:
            x = write(*low, theme.MUTED)
        bar_width = min(self._BAR.width(), self.width() - sentence[1] - self._GAP)
        if bar_width > 0:
            top = (self.height() - self._BAR.height()) // 2
            bar = QRect(x, top, bar_width, self._BAR.height())
            painter.fillRect(bar, QColor(96, 96, 96))  # as over tissue
            painter.setOpacity(self._opacity)
            painter.drawImage(bar, self._colours)
            painter.setOpacity(1)
            x += bar_width + self._GAP
        if has_room:
            x = write(*high, theme.MUTED) + self._GAP
        write(*sentence, theme.TEXT)
        painter.end()
