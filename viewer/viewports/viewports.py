"""The page of views: hangs a study, keeps its breasts at one scale, and carries out commands.

What hangs is a step of the reader's hanging protocol (`display.step_navigator`); a view has one
canvas, that goes from step to step. Of an earlier study only what hangs beside the open one is
here, and nothing that a model said of it.

What acts on which views: fit, reset, invert, presets and the linear fallback act on all; a drag,
the wheel, zoom and 1:1 act on the view under the hand (a window drag with Shift on all).
"""

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QElapsedTimer, QPointF, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.domain import Explanation, MammogramView, OutOfScope, Pixels, Study, StudyPrediction
from engine.interop.marks import ForeignDocument
from viewer.display import rendering
from viewer.display.camera import Zoom
from viewer.display.foreign_marks import marks_on, presets_of
from viewer.display.hanging import Arrangement, Cell, laterality_conflicts
from viewer.display.mouse_habits import MouseHabits
from viewer.display.orientation import Orientation
from viewer.display.page_layout import lay_out
from viewer.display.priors import Prior
from viewer.display.reading_steps import StepKind
from viewer.display.rendering import DisplayPixels
from viewer.display.step_navigator import StepNavigator
from viewer.shared.commands import ActionSpec, Commands
from viewer.shared.languages import tr
from viewer.shared.messages import localised
from viewer.shared.states import ShownNow
from viewer.viewports.canvas import Canvas
from viewer.viewports.empty_viewport import EmptyViewport
from viewer.viewports.gestures import ZOOM_STEP
from viewer.viewports.linking import mirrored_point
from viewer.viewports.page_fitting import fit_canvases
from viewer.viewports.strip import Strip
from viewer.viewports.tools import Tools
from viewer.viewports.viewport_grid import ViewportGrid, show_only
from viewer.viewports.windowing import Windowing

_WHEEL_PAUSE_MS = 400  #: a wheel that runs on stops at a study's end; a new turn goes on
_PAN_KEY = 60  #: logical pixels


class ViewportsPane(QWidget):
    """The images of the open study."""

    study_step_requested = Signal(int)  #: +1 the next study, -1 the one before
    view_selected = Signal(str)  #: image_uid
    status_changed = Signal(str)  #: the selected view in a line: label, window, spacing, zoom
    menu_requested = Signal(Canvas, QPointF)  #: of what can be done with a view, there
    prior_shown = Signal(str)  #: study uid of the prior that hangs from now on

    def __init__(self, parent: QWidget | None = None, commands: Commands | None = None) -> None:
        """Its commands are added to the window's, if it has a window."""
        super().__init__(parent)
        self._navigator = StepNavigator()
        self._is_complete = True
        self._canvases: dict[str, Canvas] = {}
        self._coming: dict[Canvas, DisplayPixels] = {}  # to be shown one by one
        self._turn = QTimer(self, singleShot=True, interval=0)
        self._turn.timeout.connect(self._show_next)
        self._empty_viewports: dict[tuple[int, int], EmptyViewport] = {}  # by step and place
        self._selected: str | None = None
        self._is_single = False
        self._zoom_in_page: Zoom | None = None  # of the single view, for the way back
        self._arrangement = Arrangement.AUTO
        self.windowing = Windowing(lambda: self.every_canvas, lambda: self.current)
        self._is_overlay_visible = False
        self._overlay_opacity = 0.6
        self._foreign: Sequence[ForeignDocument] = ()
        self._shows_foreign_marks = True
        self.has_heat = False
        self._last_wheel = QElapsedTimer()
        self._mouse = MouseHabits()

        self._grid = ViewportGrid()
        self._grid.resized.connect(self._lay_out)
        self._strip = Strip()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._grid, 1)
        column.addWidget(self._strip)
        self.setMinimumSize(360, 300)
        self.setAccessibleName(tr("Images"))
        self.tools = Tools(self, self)
        self.tools.hint_changed.connect(self._strip.set_hint)
        self.tools.message.connect(self._strip.show_message)
        self.commands = commands or Commands(self)
        self.addActions(self.commands.add(self, self._specs()))
        self.commands.carried_out.connect(self._show_links)
        self.tools.changed.connect(self.commands.refresh)

    # ----------------------------------------------------------------------------------- contents

    @property
    def study(self) -> Study | None:
        return self._navigator.study

    def show_study(
        self, study: Study | None, priors: Sequence[Prior] = (), is_complete: bool = True
    ) -> None:
        """Hangs a study, its views loading; whatever was shown before is gone at once.

        `priors` are the same patient's earlier studies, the newest first; it hangs first. For
        `is_complete` see `EmptyViewport`.
        """
        had_focus = any(canvas.hasFocus() for canvas in self._canvases.values())
        self.tools.leave()
        _discard([*self._canvases.values()])
        self._canvases, self._zoom_in_page = {}, None
        self._coming.clear()
        self._is_complete = is_complete
        self._selected = None
        self._is_single = self.has_heat = False
        self.windowing.begin()
        self._navigator.open(study, priors)
        self._hang()
        views = self._navigator.page.own_views
        if views:
            self._select(views[0].image_uid)
            if had_focus:
                self._canvases[views[0].image_uid].setFocus()
        else:
            self.status_changed.emit("")
        self._show_legend()
        self.commands.refresh()

    @property
    def protocol(self) -> tuple[StepKind, ...]:
        return self._navigator.protocol

    def set_protocol(self, protocol: Sequence[StepKind]) -> None:
        """Which kinds of steps a study is gone through by, in that order; begins with the first."""
        if tuple(protocol) == self._navigator.protocol:
            return
        self._navigator.set_protocol(protocol)
        self._is_single = False
        self._hang()
        self._turn_to(0, 1)

    def _hang(self) -> None:
        """A canvas for each view of the steps, and an empty place for each that is missing."""
        _discard([*self._empty_viewports.values()])
        self._empty_viewports = {}
        if self.study is not None:
            self._make_viewports(self.study)
        self._lay_out()

    def _make_viewports(self, study: Study) -> None:
        conflicts = laterality_conflicts(study)
        for number, step in enumerate(self._navigator.steps):
            for place, cell in enumerate(step.page.cells):
                if cell.view is None:
                    self._empty_viewports[number, place] = self._make_empty_viewport(cell)
                elif cell.view.image_uid not in self._canvases:
                    uid = cell.view.image_uid
                    of_view = () if cell.prior else conflicts.get(uid, ())
                    self._canvases[uid] = self._make_canvas(study, cell.view, cell.prior, of_view)

    def _make_empty_viewport(self, cell: Cell) -> EmptyViewport:
        day = cell.prior.study_date if cell.prior else None
        prior_date = day.isoformat() if day else None
        return EmptyViewport(cell.label, self._grid, prior_date, self._is_complete)

    def bring_pixels(self, image_uid: str, pixels: DisplayPixels) -> None:
        """As `show_pixels`, but each view in a turn of the event loop of its own: a page of large
        views would hold up whatever the hand does meanwhile.
        """
        canvas = self._canvases.get(image_uid)
        if canvas is not None:
            canvas.expect_pixels()
            self._coming[canvas] = pixels
            self._turn.start()

    @Slot()
    def _show_next(self) -> None:
        if (canvas := next(iter(self._coming), None)) is None:
            return
        self.show_pixels(canvas.view.image_uid, self._coming.pop(canvas))
        if self._coming:
            self._turn.start()

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
            title = tr("Pixels do not match the header")
            advice = tr("The file has {pixels} pixels, not {stated}.").format(
                pixels=f"{of.shape[0]} × {of.shape[1]}", stated=f"{shape[0]} × {shape[1]}"
            )
            self.show_failure(image_uid, title, advice)
            return
        if isinstance(pixels, Pixels):
            pixels = rendering.prepare(canvas.view, pixels)
        self._coming.pop(canvas, None)
        canvas.show_pixels(pixels)
        canvas.image.greys.set_local_contrast(self.tools.has_local_contrast)
        self.windowing.show(canvas)
        self.fit_page()

    def show_failure(self, image_uid: str, title: str, advice: str) -> None:
        """Says in the view's own cell why it cannot be shown."""
        canvas = self._canvases.get(image_uid)
        if canvas is not None:
            self._coming.pop(canvas, None)
            canvas.show_failure(title, advice)
            self._fit_page()

    def show_explanations(self, prediction: StudyPrediction | None) -> None:
        """Heat-maps for the overlay, or why no network judges a view; None, or another study's
        prediction, takes them away.
        """
        explanations: Mapping[str, Explanation | None] = {}
        refusals: Mapping[str, str] = {}
        if prediction and self.study and prediction.study_uid == self.study.uid:
            explanations = {view.image_uid: view.explanation for view in prediction.views}
            breasts = [breast.prediction for breast in prediction.breasts]
            told = {said.reason for said in breasts if isinstance(said, OutOfScope)}
            refusals = {  # of views alone; why a whole breast is not judged stands beside the form
                view.image_uid: localised(view.prediction.reason)
                for view in prediction.views
                if isinstance(view.prediction, OutOfScope) and view.prediction.reason not in told
            }
        for image_uid, canvas in self._canvases.items():
            if canvas.prior is None:
                canvas.show_explanation(explanations.get(image_uid))
                canvas.show_refusal(refusals.get(image_uid, ""))
        self.has_heat = any(canvas.has_heat for canvas in self._canvases.values())
        self._show_legend()

    def show_foreign(self, documents: Sequence[ForeignDocument]) -> None:
        """What others say of the open study's images: their marks, and windows as presets."""
        self._foreign = tuple(documents)
        self._show_foreign()

    def show_foreign_marks(self, is_on: bool) -> None:
        """Whether they are painted; the presets are there in either case."""
        self._shows_foreign_marks = is_on
        self._show_foreign()

    def turn_as(self, document: ForeignDocument) -> None:
        """The images that it turns, of the open study; `reset` hangs them again."""
        for shown in document.shown:
            for canvas in self._canvases.values():
                is_meant = canvas.view.image_uid in shown.image_uids and canvas.prior is None
                if shown.is_turned and is_meant and canvas.image.has_pixels:
                    turned = Orientation.of_presentation(shown.rotation, shown.is_flipped)
                    canvas.turn_stored(turned)
        self.fit_page()

    def _show_foreign(self) -> None:
        for image_uid, canvas in self._canvases.items():
            if canvas.prior is None:
                marks = marks_on(canvas.view, self._foreign) if self._shows_foreign_marks else ()
                canvas.show_foreign(marks)
                canvas.image.greys.set_more_presets(presets_of(image_uid, self._foreign))

    def shown_now(self) -> dict[str, ShownNow]:
        """How the reader looks at each image of the open study that shows."""
        return {
            canvas.view.image_uid: ShownNow(canvas.image.greys.voi, canvas.image.shown_area)
            for canvas in self.canvases
            if canvas.image.is_placed
        }

    def set_overlay(self, visible: bool, opacity: float) -> None:
        """Whether heat-maps are painted, and how strongly (0 … 1)."""
        self._is_overlay_visible, self._overlay_opacity = visible, opacity
        for canvas in self._canvases.values():
            canvas.set_overlay(opacity if visible else 0.0)
        self._show_legend()

    def set_mouse(self, habits: MouseHabits) -> None:
        """From now on, on all views."""
        self._mouse = habits
        for canvas in self._canvases.values():
            canvas.set_mouse(habits)

    def _show_legend(self) -> None:
        self._strip.legend.set_opacity(self._overlay_opacity)
        self._strip.legend.setVisible(self._is_overlay_visible and self.has_heat)

    def _make_canvas(
        self, study: Study, view: MammogramView, of_prior: Study | None, conflicts: Sequence[str]
    ) -> Canvas:
        prior = self._navigator.prior if of_prior else None
        canvas = Canvas(of_prior or study, view, self._grid, prior, conflicts)
        uid = view.image_uid
        canvas.activated.connect(lambda: self._select(uid))
        canvas.enlarge_requested.connect(self.toggle_single)
        canvas.step_requested.connect(self._wheel)
        canvas.all_windows_adjusted.connect(self.windowing.adjust_all)
        canvas.changed.connect(lambda: self._canvas_changed(uid))
        canvas.menu_requested.connect(lambda at: self.menu_requested.emit(canvas, at))
        canvas.set_mouse(self._mouse)
        self.windowing.attach(canvas)
        canvas.set_overlay(self._overlay_opacity if self._is_overlay_visible else 0.0)
        self.tools.attach(canvas)
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
        shown = self._shown_widgets()
        for widget, rect in shown.items():
            widget.setGeometry(rect)
        for canvas in self._canvases.values():
            canvas.set_beside_prior(self._navigator.has_prior)
        self.fit_page()
        hidden = [
            w for w in (*self._canvases.values(), *self._empty_viewports.values()) if w not in shown
        ]
        canvases = [canvas for canvas in self._canvases.values() if canvas in shown]
        selected = self.current if self.current in canvases else next(iter(canvases), None)
        show_only(shown, hidden, for_keyboard=selected)
        self._grid.set_empty(self._navigator.step is None)

    def _shown_widgets(self) -> dict[QWidget, QRect]:
        """What is to show, and where on the grid."""
        area = self._grid.rect()
        if self._is_single and self.current:
            return {self.current: area}
        cells = self._navigator.page.cells
        rects = lay_out(cells, self._columns(), area.width(), area.height())
        return {
            self._widget_of(place, cell): QRect(*rect)
            for place, (cell, rect) in enumerate(zip(cells, rects, strict=True))
        }

    def _widget_of(self, place: int, cell: Cell) -> QWidget:
        if cell.view is None:
            return self._empty_viewports[self._navigator.number, place]
        return self._canvases[cell.view.image_uid]

    def _columns(self) -> int:
        """Cells in a row of the page that shows."""
        size = self._grid.size()
        return self._navigator.page.columns(self._arrangement, size.width(), size.height())

    def fit_page(self) -> None:
        """All views of the page to their common scale, but what shows tile by tile."""
        self._fit_page()
        self._show_tile()

    def _fit_page(self) -> None:
        views = self._navigator.page.views
        canvases = [self._canvases[view.image_uid] for view in views]
        if self._is_single and self.current:
            canvases = [self.current]
        if canvases:
            in_millimetres = any(view.pixel_spacing for view in views)
            coming = {canvas: pixels.breast for canvas, pixels in self._coming.items()}
            self._strip.set_basis(*fit_canvases(canvases, in_millimetres, coming))
        else:
            self._strip.set_basis(None)

    # ---------------------------------------------------------------------------------- selection

    @property
    def selected(self) -> str | None:
        """The image_uid that commands on one view act on."""
        return self._selected

    def select(self, image_uid: str) -> None:
        """Makes a view the selected one and turns to a step that shows it; ignored if none does."""
        if image_uid not in self._canvases:
            return
        self._select(image_uid)
        self._canvases[image_uid].setFocus(Qt.FocusReason.OtherFocusReason)

    def _select(self, image_uid: str) -> None:
        if image_uid == self._selected:
            return
        if self._is_single and self.current:
            self.current.restore_zoom(self._zoom_in_page)
            self._zoom_in_page = self._canvases[image_uid].image.camera.zoom
        self._selected = image_uid
        is_turned = self._navigator.turn_to_view(image_uid)
        if is_turned:
            self._fit_all()
        for uid, canvas in self._canvases.items():
            canvas.set_selected(uid == image_uid and len(self._canvases) > 1)
        if is_turned or self._is_single:
            self._lay_out()
        self.view_selected.emit(image_uid)
        self._canvas_changed(image_uid)

    def _canvas_changed(self, image_uid: str) -> None:
        if image_uid == self._selected:
            self.status_changed.emit(self._canvases[image_uid].text.summary())

    # What the tools ask for, see `tools.ToolHost`

    @property
    def current(self) -> Canvas | None:
        return self._canvases.get(self._selected) if self._selected else None

    @property
    def canvases(self) -> list[Canvas]:
        """Of the open study, in reading order."""
        return [self._canvases[view.image_uid] for view in self._navigator.views]

    @property
    def every_canvas(self) -> list[Canvas]:
        """A prior's too."""
        return [*self._canvases.values()]

    @property
    def shown_canvases(self) -> list[Canvas]:
        """A prior's too."""
        return [canvas for canvas in self._canvases.values() if not canvas.isHidden()]

    def at_pointer(self, canvas: Canvas) -> QPointF | None:
        """Where the mouse points at the breast; None if it is elsewhere."""
        position = QPointF(canvas.mapFromGlobal(QCursor.pos()))
        return position if canvas.is_breast_at(position) else None

    def pointed_canvas(self) -> tuple[Canvas, QPointF] | None:
        """The view whose image the mouse points at, a prior's too, and where."""
        for canvas in self.shown_canvases:
            at = QPointF(canvas.mapFromGlobal(QCursor.pos()))
            if canvas.is_image_at(at):
                return canvas, at
        return None

    def with_key(self, identity: str, text: str) -> str:
        """The text with a command's key in it; empty if it has none."""
        return self.commands.with_key(identity, text)

    # ----------------------------------------------------------------------------------- commands

    def fit(self) -> None:
        self._fit_all()

    def _fit_all(self) -> None:
        for canvas in self._canvases.values():
            canvas.fit()

    def actual_pixels(self, about: QPointF | None = None) -> None:
        """The selected view at 1:1, about that point of it, else about the pointer if that is over
        it; again: fitted.
        """
        if canvas := self.current:
            camera = canvas.image.camera
            is_actual = (
                canvas.image.is_placed and camera.magnification == 1 and not camera.is_fitted
            )
            at = self.at_pointer(canvas) if about is None else about
            for shown in (canvas, *self.tools.links.zoom_partners(canvas)):
                if is_actual:
                    shown.fit()
                else:
                    shown.actual_pixels(mirrored_point(canvas, shown, at))

    def zoom_step(self, step: int) -> None:
        if canvas := self.current:
            canvas.user_zoom(ZOOM_STEP**step, self.at_pointer(canvas))

    def pan_step(self, right: int, down: int) -> None:
        if canvas := self.current:
            canvas.user_pan(right * _PAN_KEY, down * _PAN_KEY)

    def reset(self) -> None:
        """The file's own windows and polarity, fitted; the page as it was hung."""
        self.windowing.begin()
        for canvas in self._canvases.values():
            canvas.reset()
        self.tools.reset()

    def toggle_single(self) -> None:
        """The selected view alone and large, and back to the page as it was."""
        if (canvas := self.current) is None:
            return
        if self._is_single:
            canvas.restore_zoom(self._zoom_in_page)
        else:
            self._zoom_in_page = canvas.image.camera.zoom
        self._is_single = not self._is_single
        self._lay_out()

    def toggle_arrangement(self) -> None:
        """The other of one row and two, whichever shows."""
        page = self._navigator.page
        if page.cells and not page.fixed_columns:
            is_row = self._columns() > 2
            self.set_arrangement(Arrangement.GRID if is_row else Arrangement.ROW)

    def next_view(self, step: int) -> None:
        """Selects a following (or preceding) view; beyond the ends asks for another study."""
        if not self._step_view(step):
            self.study_step_requested.emit(1 if step > 0 else -1)

    def _step_view(self, step: int) -> bool:
        """Whether there was another view in that direction: on the page, then in the study."""
        if self._selected is None:
            return False
        other = self._navigator.neighbour(self._selected, step)
        if other is None:
            return False
        self.select(other)
        return True

    def _wheel(self, step: int) -> None:
        """Like `next_view`, but a wheel that is still turning does not leave the study."""
        was_turning = self._last_wheel.isValid() and self._last_wheel.elapsed() < _WHEEL_PAUSE_MS
        self._last_wheel.start()
        if not self._step_view(step) and not was_turning:
            self.study_step_requested.emit(1 if step > 0 else -1)

    def step_study(self, step: int) -> None:
        self.study_step_requested.emit(step)

    # -------------------------------------------------------------------------------------- steps

    def step(self, step: int) -> None:
        """To the next tile of a view at 1:1, else the protocol's next step; stops at its end."""
        navigator = self._navigator
        if navigator.step is None:
            return
        if not self._is_single and navigator.step_tile(step, len(self._tiles())):
            self._show_tile()
            return
        number = navigator.next_number(step)
        if number is None and not self._is_single:
            self._strip.set_step(f"{self._step_text()} · {navigator.end_text(step)}")
        else:
            self._turn_to(navigator.number if number is None else number, step)

    def _turn_to(self, number: int, direction: int) -> None:
        """A step by itself, not for the sake of a view: as it is meant, from its first tile on or,
        backwards, from its last.
        """
        self.tools.stop_tour()
        self._is_single, self._zoom_in_page = False, None
        self._navigator.turn_to(number)
        self._fit_all()
        self._lay_out()
        if direction < 0:
            self._navigator.to_last_tile(len(self._tiles()))
        self._show_tile()
        views = self._navigator.page.own_views
        if views and self._selected not in {view.image_uid for view in views}:
            self._select(views[0].image_uid)

    def next_prior(self) -> None:
        """To the prior; there, the next older one, and after the oldest the newest again."""
        navigator = self._navigator
        if navigator.study is None:
            return
        number = navigator.first_with_prior()
        if number is None:
            self._strip.set_step(f"{self._step_text()} · {navigator.no_prior_text()}")
        elif navigator.has_prior:
            self._show_prior(navigator.next_prior())
        else:
            self._turn_to(number, 1)

    def _show_prior(self, prior: Prior | None) -> None:
        """In the place of the one that hangs; its pixels follow."""
        if prior is None or prior is self._navigator.prior:
            return
        old = [uid for uid, canvas in self._canvases.items() if canvas.prior]
        had_focus = any(self._canvases[uid].hasFocus() for uid in old)
        self.tools.leave_prior()
        if had_focus:
            self._grid.setFocus()  # else Qt would hand it to a view that is about to go
        gone = [self._canvases.pop(uid) for uid in old]
        for canvas in gone:
            self._coming.pop(canvas, None)
        _discard(gone)
        if self._selected in old:
            self._selected = None
        self._is_single = False
        self._navigator.show_prior(prior)
        self._hang()
        self._turn_to(self._navigator.number, 1)
        if had_focus and self.current:
            self.current.setFocus()
        self.prior_shown.emit(prior.study.uid)

    def _tiles(self) -> tuple[tuple[float, float], ...]:
        """Of the view that hangs at 1:1; none on other steps and until it has pixels."""
        view = self._navigator.view_at_actual_size
        return self._canvases[view.image_uid].image.tiles if view else ()

    def _show_tile(self) -> None:
        view, tiles = self._navigator.view_at_actual_size, self._tiles()
        if view is not None and tiles:
            middle = tiles[self._navigator.tile(len(tiles))]
            canvas = self._canvases[view.image_uid]
            canvas.restore_zoom(Zoom(canvas.image.camera.actual_scale, *middle))
        self._strip.set_step(self._step_text())

    def _step_text(self) -> str:
        if self._is_single:
            key = self.with_key("toggle_single", tr("{} or "))
            return tr("One view; {key}double click shows all").format(key=key)
        return self._navigator.text(len(self._tiles()))

    # ------------------------------------------------------------------------------------ actions

    def _specs(self) -> tuple[ActionSpec, ...]:
        """A key held down must not run through studies."""
        return (
            *self.windowing.commands(),
            ActionSpec("fit", tr("Fit breasts"), ("F",), self.fit),
            ActionSpec("actual_pixels", tr("Actual pixels (1:1)"), ("P",), self.actual_pixels),
            ActionSpec("zoom_step_1", tr("Zoom in"), ("+", "="), partial(self.zoom_step, 1)),
            ActionSpec("zoom_step_-1", tr("Zoom out"), ("-",), partial(self.zoom_step, -1)),
            ActionSpec(
                "pan_step_-1_0",
                tr("Move image left"),
                ("Shift+Left",),
                partial(self.pan_step, -1, 0),
                is_local=True,
            ),
            ActionSpec(
                "pan_step_1_0",
                tr("Move image right"),
                ("Shift+Right",),
                partial(self.pan_step, 1, 0),
                is_local=True,
            ),
            ActionSpec(
                "pan_step_0_-1",
                tr("Move image up"),
                ("Shift+Up",),
                partial(self.pan_step, 0, -1),
                is_local=True,
            ),
            ActionSpec(
                "pan_step_0_1",
                tr("Move image down"),
                ("Shift+Down",),
                partial(self.pan_step, 0, 1),
                is_local=True,
            ),
            ActionSpec(
                "toggle_single",
                tr("One view / all views"),
                ("V",),
                self.toggle_single,
                repeats=False,
            ),
            ActionSpec(
                "toggle_arrangement", tr("One row / two rows"), ("G",), self.toggle_arrangement
            ),
            ActionSpec("reset", tr("Reset windows and zoom"), ("Home",), self.reset, is_local=True),
            ActionSpec(
                "next_view_1",
                tr("Next view"),
                ("Right",),
                partial(self.next_view, 1),
                is_local=True,
                repeats=False,
            ),
            ActionSpec(
                "next_view_-1",
                tr("Previous view"),
                ("Left",),
                partial(self.next_view, -1),
                is_local=True,
                repeats=False,
            ),
            ActionSpec("step_1", tr("Next step"), ("N",), partial(self.step, 1), repeats=False),
            ActionSpec(
                "step_-1", tr("Previous step"), ("Shift+N",), partial(self.step, -1), repeats=False
            ),
            ActionSpec(
                "next_prior",
                tr("Prior, then the one before it"),
                ("O",),
                self.next_prior,
                repeats=False,
            ),
            ActionSpec(
                "step_study_1",
                tr("Next study"),
                ("PgDown",),
                partial(self.step_study, 1),
                repeats=False,
            ),
            ActionSpec(
                "step_study_-1",
                tr("Previous study"),
                ("PgUp",),
                partial(self.step_study, -1),
                repeats=False,
            ),
            *self.tools.commands(),
        )

    def _show_links(self) -> None:
        """Told under the images too, beside their ticks in the menus."""
        self._strip.set_links(self.tools.links.text)


def _discard(widgets: Sequence[QWidget]) -> None:
    for widget in widgets:
        widget.blockSignals(True)
    for widget in widgets:
        if isinstance(widget, Canvas):
            widget.release()
        widget.hide()
        widget.setParent(None)
        widget.deleteLater()
