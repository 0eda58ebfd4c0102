"""The page of views: hangs a study, keeps its breasts at one scale, and carries out commands.

What hangs is a step of the reader's routine (`display.reading_steps`); a view has one canvas, that
goes from step to step. Of an earlier study only what hangs beside the open one is here, and nothing
that a model said of it.

What acts on which views: fit, reset, invert, presets and the linear fallback act on all; a drag,
the wheel, zoom and 1:1 act on the view under the hand (a window drag with Shift on all).
"""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QElapsedTimer, QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QCursor,
    QFontMetrics,
    QImage,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from engine.domain import Explanation, MammogramView, OutOfScope, Pixels, Study, StudyPrediction
from viewer.display import rendering
from viewer.display.hanging import Arrangement, Cell, doubtful_claims, hang
from viewer.display.page_scale import Basis, fit, share
from viewer.display.priors import Prior
from viewer.display.reading_steps import ROUTINE, Kind, Step, step_with, steps_of
from viewer.display.rendering import DisplayPixels
from viewer.shared import theme
from viewer.shared.commands import ActionSpec, Commands
from viewer.shared.languages import mark, tr
from viewer.shared.messages import localised
from viewer.shared.plain_text import tool_tip
from viewer.viewports.canvas import (
    WINDOW_STEP,
    ZOOM_STEP,
    Canvas,
    Gap,
    State,
    Zoom,
    paint_placeholder,
)
from viewer.viewports.linking import mirrored_point
from viewer.viewports.tools import Tools

_EXPECTED_WIDTH = 0.6  #: of a film's, that a breast takes; only until its pixels are there
_WHEEL_PAUSE_MS = 400  #: a wheel that runs on stops at a study's end; a new turn goes on
_PAN_KEY = 60  #: logical pixels
_TOLD_MS = 5000  #: what is said in passing stands so long under the images


class ViewportsPane(QWidget):
    """The images of the open study."""

    study_step_requested = Signal(int)  #: +1 the next study, -1 the one before
    view_selected = Signal(str)  #: image_uid
    status_changed = Signal(str)  #: the selected view in a line: label, window, spacing, zoom
    prior_shown = Signal(str)  #: study uid of the prior that hangs from now on

    def __init__(self, parent: QWidget | None = None, commands: Commands | None = None) -> None:
        """Its commands are added to the window's, if it has a window."""
        super().__init__(parent)
        self._study: Study | None = None
        self._priors: tuple[Prior, ...] = ()
        self._is_complete = True
        self._prior: Prior | None = None
        self._routine: tuple[Kind, ...] = ROUTINE
        self._steps: tuple[Step, ...] = ()
        self._step = 0
        self._part = 0  # of a view at 1:1
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
        self.setAccessibleName(tr("Images"))
        self.tools = Tools(self, self)
        self.tools.hinted.connect(self._strip.set_hint)
        self.tools.told.connect(self._strip.tell)
        self.commands = commands or Commands(self)
        self.addActions(self.commands.add(self, self._specs()))
        self.commands.carried_out.connect(self._show_links)
        self.tools.changed.connect(self.commands.refresh)

    # ----------------------------------------------------------------------------------- contents

    @property
    def study(self) -> Study | None:
        return self._study

    def show_study(
        self, study: Study | None, priors: Sequence[Prior] = (), is_complete: bool = True
    ) -> None:
        """Hangs a study, its views loading; whatever was shown before is gone at once.

        `priors` are the same patient's earlier studies, the newest first; it hangs first. For
        `is_complete` see `Gap`.
        """
        had_focus = any(canvas.hasFocus() for canvas in self._canvases.values())
        self.tools.leave()
        self._discard([*self._canvases.values()])
        self._canvases, self._zoom_in_page = {}, None
        self._study, self._priors, self._is_complete = study, tuple(priors), is_complete
        self._prior = next(iter(self._priors), None)
        self._selected = None
        self._step = self._part = self._preset = 0
        self._is_single = self._has_prediction = False
        self._is_inverted = self._is_linear = False
        self._hang()
        views = self._steps[0].page.own_views if self._steps else ()
        if views:
            self._select(views[0].image_uid)
            if had_focus:
                self._canvases[self._selected].setFocus()
        else:
            self.status_changed.emit("")
        self._show_legend()
        self.commands.refresh()

    @property
    def routine(self) -> tuple[Kind, ...]:
        return self._routine

    def set_routine(self, routine: Sequence[Kind]) -> None:
        """Which kinds of steps a study is gone through by, in that order; begins with the first."""
        if tuple(routine) == self._routine:
            return
        self._routine = tuple(routine)
        self._step = self._part = 0
        self._is_single = False
        self._hang()
        self._turn_to(0, 1)

    def _hang(self) -> None:
        """The steps of the study beside the prior, and a canvas for each of their views."""
        self._discard([*self._gaps.values()])
        self._gaps = {}
        prior = self._prior.study if self._prior else None
        self._steps = steps_of(self._study, prior, self._routine) if self._study else ()
        claims = doubtful_claims(self._study) if self._study else {}
        for number, step in enumerate(self._steps):
            for place, cell in enumerate(step.page.cells):
                if cell.view is None:
                    prior_date = cell.prior.study_date.isoformat() if cell.prior else None
                    gap = Gap(cell.label, self._stage, prior_date, self._is_complete)
                    self._gaps[number, place] = gap
                elif cell.view.image_uid not in self._canvases:
                    doubts = () if cell.prior else claims.get(cell.view.image_uid, ())
                    self._canvases[cell.view.image_uid] = self._make_canvas(cell, doubts)
        self._lay_out()

    def _discard(self, widgets: Sequence[QWidget]) -> None:
        for widget in widgets:
            widget.blockSignals(True)
        for widget in widgets:
            if isinstance(widget, Canvas):
                widget.release()
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()

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
        canvas.show_pixels(pixels)
        canvas.set_inverted(self._is_inverted)
        canvas.set_local_contrast(self.tools.has_local_contrast)
        self._show_window(canvas)
        self._fit_page()
        self._show_part()

    def show_failure(self, image_uid: str, title: str, advice: str) -> None:
        """Says in the view's own cell why it cannot be shown."""
        canvas = self._canvases.get(image_uid)
        if canvas is not None:
            canvas.show_failure(title, advice)
            self._fit_page()

    def show_explanations(self, prediction: StudyPrediction | None) -> None:
        """Heat-maps for the overlay, or why no network judges a view; None, or another study's
        prediction, takes them away.
        """
        explanations: Mapping[str, Explanation | None] = {}
        refusals: Mapping[str, str] = {}
        if prediction and self._study and prediction.study_uid == self._study.uid:
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

    def _make_canvas(self, cell: Cell, claims: Sequence[str]) -> Canvas:
        prior = self._prior if cell.prior else None
        canvas = Canvas(cell.prior or self._study, cell.view, self._stage, prior, claims)
        uid = cell.view.image_uid
        canvas.pointed_at.connect(lambda: self._select(uid))
        canvas.enlarge_requested.connect(self.toggle_single)
        canvas.stepped.connect(self._wheel)
        canvas.window_dragged.connect(self._window_dragged)
        canvas.changed.connect(lambda: self._canvas_changed(uid))
        canvas.set_overlay(self._overlay_opacity if self._is_overlay_visible else 0.0)
        self.tools.attend(canvas)
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
        elif self._steps:
            cells = self._steps[self._step].page.cells
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
                widget = self._canvases[uid] if uid else self._gaps[self._step, place]
                shown[widget] = QRect(x0, y0, x1 - x0, y1 - y0)
        for widget, rect in shown.items():
            widget.setGeometry(rect)
        is_beside_prior = bool(self._steps) and self._steps[self._step].has_prior
        for canvas in self._canvases.values():
            canvas.set_beside_prior(is_beside_prior)
        self._fit_page()
        self._show_part()
        for widget in shown:
            widget.show()
        self._hide_all_but(shown)
        self._stage.is_empty = not self._steps
        self._stage.update()

    def _hide_all_but(self, shown: Collection[QWidget]) -> None:
        """The keyboard goes first: Qt would hand it to any view that is still to be hidden."""
        hidden = [w for w in (*self._canvases.values(), *self._gaps.values()) if w not in shown]
        canvases = [canvas for canvas in self._canvases.values() if canvas in shown]
        if canvases and any(widget.hasFocus() for widget in hidden):
            selected = self._canvases.get(self._selected)
            (selected if selected in canvases else canvases[0]).setFocus()
        for widget in hidden:
            widget.hide()

    def _columns(self) -> int:
        """Cells in a row of the page that shows."""
        size = self._stage.size()
        page = self._steps[self._step].page
        return page.columns(self._arrangement, size.width(), size.height())

    def _fit_page(self) -> None:
        """One scale for all views of the page that are to be compared.

        Until all have arrived, the scale is guessed from the headers, so that views neither wait
        for each other nor jump at every arrival: they settle once, together.
        """
        page = self._steps[self._step].page.views if self._steps else ()
        canvases = [self._canvases[view.image_uid] for view in page]
        in_millimetres = any(view.pixel_spacing for view in page)
        if self._is_single and self._selected:
            canvases = [self._canvases[self._selected]]
        if not canvases:
            self._strip.set_basis(None)
            return
        is_settled = all(canvas.state is not State.LOADING for canvas in canvases)
        fits = [
            fit(
                canvas.view,
                _breast_size(canvas, is_settled),
                canvas.device_size(),
                canvas.state is not State.FAILED,
                canvas.orientation.is_transposed,
            )
            for canvas in canvases
        ]
        shared = share(fits, in_millimetres, is_settled)
        for canvas, own, scale, is_alike in zip(
            canvases, fits, shared.scales, shared.are_alike, strict=True
        ):
            canvas.set_fit(scale, own.unit)
            canvas.set_comparable(is_alike)
        self._strip.set_basis(shared.basis, any(one.is_lying for one in fits))

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
        if self._is_single and self._selected:
            self._canvases[self._selected].restore_zoom(self._zoom_in_page)
            self._zoom_in_page = self._canvases[image_uid].zoom_state()
        self._selected = image_uid
        number = step_with(self._steps, self._step, image_uid)
        is_turned = number != self._step
        self._step = number
        if is_turned:
            self._part = 0
            self._fit_all()
        for uid, canvas in self._canvases.items():
            canvas.set_selected(uid == image_uid and len(self._canvases) > 1)
        if is_turned or self._is_single:
            self._lay_out()
        self.view_selected.emit(image_uid)
        self.status_changed.emit(self._canvases[image_uid].summary())

    def _canvas_changed(self, image_uid: str) -> None:
        if image_uid == self._selected:
            self.status_changed.emit(self._canvases[image_uid].summary())

    def _current(self) -> Canvas | None:
        return self._canvases.get(self._selected) if self._selected else None

    # What the tools ask for, see `tools.Stage`

    @property
    def current(self) -> Canvas | None:
        return self._current()

    @property
    def canvases(self) -> list[Canvas]:
        """Of the open study, in reading order."""
        return [self._canvases[view.image_uid] for view in self._own_views()]

    @property
    def every_canvas(self) -> list[Canvas]:
        """A prior's too."""
        return [*self._canvases.values()]

    @property
    def shown_canvases(self) -> list[Canvas]:
        """A prior's too."""
        return [canvas for canvas in self._canvases.values() if not canvas.isHidden()]

    def fit_page(self) -> None:
        self._fit_page()
        self._show_part()

    def at_pointer(self, canvas: Canvas) -> QPointF | None:
        return self._at_pointer(canvas)

    def pointed_canvas(self) -> tuple[Canvas, QPointF] | None:
        """The view whose image the mouse points at, a prior's too, and where."""
        for canvas in self.shown_canvases:
            at = QPointF(canvas.mapFromGlobal(QCursor.pos()))
            if canvas.is_image_at(at):
                return canvas, at
        return None

    def with_key(self, identity: str, words: str) -> str:
        """The words with a command's key in them; empty if it has none."""
        return self.commands.with_key(identity, words)

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
            is_actual = canvas.magnification == 1 and not canvas.is_fitted
            at = self._at_pointer(canvas)
            for shown in (canvas, *self.tools.links.zoom_partners(canvas)):
                if is_actual:
                    shown.fit()
                else:
                    shown.actual_pixels(mirrored_point(canvas, shown, at))

    def zoom_step(self, step: int) -> None:
        if canvas := self._current():
            canvas.zoom_by_hand(ZOOM_STEP**step, self._at_pointer(canvas))

    def pan_step(self, right: int, down: int) -> None:
        if canvas := self._current():
            canvas.pan_by_hand(right * _PAN_KEY, down * _PAN_KEY)

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
            canvas.adjust_by_hand(wider * WINDOW_STEP, brighter * WINDOW_STEP)

    def _window_dragged(self, wider: float, brighter: float) -> None:
        for canvas in self._canvases.values():
            canvas.adjust_window(wider, brighter)

    def reset(self) -> None:
        """The file's own windows and polarity, fitted; the page as it was hung."""
        self._preset = 0
        self._is_inverted = self._is_linear = False
        for canvas in self._canvases.values():
            canvas.reset()
        self.tools.reset()

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
        if self._steps and not self._steps[self._step].page.fixed_columns:
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
        page = self._steps[self._step].page
        edge = page.own_views[-1 if step > 0 else 0]
        on_page = [view.image_uid for view in page.views]
        in_study = [view.image_uid for view in self._own_views()]
        for uids, start in ((on_page, self._selected), (in_study, edge.image_uid)):
            if start in uids:
                place = uids.index(start)
                other = min(max(place + step, 0), len(uids) - 1)
                if other != place:
                    self.select(uids[other])
                    return True
        return False

    def _own_views(self) -> list[MammogramView]:
        """Of the open study, in the order in which the reader goes through them."""
        return [view for page in hang(self._study) for view in page.views] if self._study else []

    def step(self, step: int) -> None:
        """To the next part of a view at 1:1, else the routine's next step; stops at its end."""
        if not self._steps:
            return
        last_part = len(self._parts()) - 1
        if 0 <= self._part + step <= last_part and not self._is_single:
            self._part += step
            self._show_part()
            return
        number = min(max(self._step + step, 0), len(self._steps) - 1)
        if number == self._step and not self._is_single:
            end = tr("last step") if step > 0 else tr("first step")
            self._strip.set_step(f"{self._step_words()} · {end}")
            return
        self._turn_to(number, step)

    def _turn_to(self, number: int, direction: int) -> None:
        """A step by itself, not for the sake of a view: as it is meant, from its first part on or,
        backwards, from its last.
        """
        self.tools.stop_tour()
        self._is_single, self._zoom_in_page = False, None
        self._step, self._part = number, 0
        self._fit_all()
        self._lay_out()
        self._part = max(0, len(self._parts()) - 1) if direction < 0 else 0
        self._show_part()
        views = self._steps[self._step].page.own_views if self._steps else ()
        if views and self._selected not in {view.image_uid for view in views}:
            self._select(views[0].image_uid)

    def next_prior(self) -> None:
        """To the prior; there, the next older one, and after the oldest the newest again."""
        if self._study is None:
            return
        number = next((n for n, step in enumerate(self._steps) if step.has_prior), None)
        if number is None:
            why = (
                tr("prior: none among your steps")
                if self._priors
                else tr("prior: none in what was opened")
            )
            self._strip.set_step(f"{self._step_words()} · {why}")
        elif self._steps[self._step].has_prior:
            place = self._priors.index(self._prior)
            self._show_prior(self._priors[(place + 1) % len(self._priors)])
        else:
            self._turn_to(number, 1)

    def _show_prior(self, prior: Prior) -> None:
        """In the place of the one that hangs; its pixels follow."""
        if prior is self._prior:
            return
        kind = self._steps[self._step].kind
        old = [uid for uid, canvas in self._canvases.items() if canvas.prior]
        had_focus = any(self._canvases[uid].hasFocus() for uid in old)
        self.tools.leave_prior()
        if had_focus:
            self._stage.setFocus()  # else Qt would hand it to a view that is about to go
        self._discard([self._canvases.pop(uid) for uid in old])
        self._prior, self._step = prior, 0
        if self._selected in old:
            self._selected = None
        self._is_single = False
        self._hang()
        alike = (n for n, step in enumerate(self._steps) if step.kind is kind)
        others = (n for n, step in enumerate(self._steps) if step.has_prior)
        self._turn_to(next(alike, next(others, 0)), 1)
        if had_focus:
            self._canvases[self._selected].setFocus()
        self.prior_shown.emit(prior.study.uid)

    def _parts(self) -> tuple[tuple[float, float], ...]:
        """Of the view that hangs at 1:1; none on other steps and until it has pixels."""
        step = self._steps[self._step] if self._steps else None
        if step is None or step.kind is not Kind.ACTUAL:
            return ()
        return self._canvases[step.page.views[0].image_uid].parts

    def _show_part(self) -> None:
        if places := self._parts():
            self._part = min(self._part, len(places) - 1)
            view = self._steps[self._step].page.views[0]
            canvas = self._canvases[view.image_uid]
            canvas.restore_zoom(Zoom(1 / canvas.unit[0], *places[self._part]))
        self._strip.set_step(self._step_words())

    def _step_words(self) -> str:
        if self._is_single:
            key = self.with_key("toggle_single", tr("{} or "))
            return tr("One view; {key}double click shows all").format(key=key)
        if not self._steps:
            return ""
        step, count = self._steps[self._step], len(self._parts())
        part = number = older = ""
        if count > 1:
            part = tr(", part {number} of {count}").format(number=self._part + 1, count=count)
        if len(self._steps) > 1:
            number = tr("Step {number} of {count}: ").format(
                number=self._step + 1, count=len(self._steps)
            )
        if step.has_prior and len(self._priors) > 1:
            place = self._priors.index(self._prior) + 1
            older = " " + tr("{done} of {total}").format(done=place, total=len(self._priors))
        return f"{number}{step.title}{part}{older}"

    def _fit_all(self) -> None:
        for canvas in self._canvases.values():
            canvas.restore_zoom(None)

    def step_study(self, step: int) -> None:
        self.study_step_requested.emit(step)

    def _wheel(self, step: int) -> None:
        """Like `next_view`, but a wheel that is still turning does not leave the study."""
        was_turning = self._last_wheel.isValid() and self._last_wheel.elapsed() < _WHEEL_PAUSE_MS
        self._last_wheel.start()
        if not self._step_view(step) and not was_turning:
            self.study_step_requested.emit(1 if step > 0 else -1)

    def _specs(self) -> tuple[ActionSpec, ...]:
        """A key held down must not run through studies, nor switch something on and off."""
        return (
            ActionSpec("next_preset", tr("Next window preset"), ("W",), self.next_preset),
            ActionSpec(
                "previous_preset", tr("Previous window preset"), ("Shift+W",), self.previous_preset
            ),
            ActionSpec(
                "toggle_linear",
                tr("Linear fallback for a broken curve"),
                ("L",),
                self.toggle_linear,
                repeats=False,
            ),
            ActionSpec("toggle_invert", tr("Invert"), ("I",), self.toggle_invert, repeats=False),
            ActionSpec(
                "adjust_window_0_1",
                tr("Brighter"),
                ("Ctrl+Up",),
                partial(self.adjust_window, 0, 1),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_0_-1",
                tr("Darker"),
                ("Ctrl+Down",),
                partial(self.adjust_window, 0, -1),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_1_0",
                tr("Less contrast"),
                ("Ctrl+Right",),
                partial(self.adjust_window, 1, 0),
                is_local=True,
            ),
            ActionSpec(
                "adjust_window_-1_0",
                tr("More contrast"),
                ("Ctrl+Left",),
                partial(self.adjust_window, -1, 0),
                is_local=True,
            ),
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
        self._strip.set_links(self.tools.links.words)


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
            words = tr("No study open"), tr("Open a folder of mammograms, or drop one here.")
            paint_placeholder(painter, self.rect(), *words, theme.MUTED)
        else:
            painter.fillRect(self.rect(), theme.RAISED)
        painter.end()


class _Strip(QWidget):
    """A line under the images that is always there, so that nothing moves when it speaks."""

    def __init__(self) -> None:
        super().__init__()
        self._told = self._hint = self._shared = self._links = ""
        self._fading = QTimer(self)
        self._fading.setSingleShot(True)
        self._fading.timeout.connect(self._fade)
        self._step = _QuietLabel()
        self._basis = _QuietLabel()
        self._basis.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend = HeatLegend()
        self.legend.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(16)
        row.addWidget(self._step)
        row.addWidget(self._basis, 1)
        row.addWidget(self.legend)
        self.setFixedHeight(self.legend.sizeHint().height())

    def set_step(self, words: str) -> None:
        self._step.set_text(words)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """The step goes before the words about the colours, but for their sentence."""
        least, most = self.legend.minimumSizeHint().width(), self.legend.sizeHint().width()
        room = self.width() - self._step.sizeHint().width() - 2 * self.layout().spacing() - 16
        self.legend.setFixedWidth(min(max(room, least), most))

    def set_basis(self, basis: Basis | None, is_one_apart: bool = False) -> None:
        self._shared = ""
        if basis:
            words = tr(basis.value)
            self._shared = words[:1].upper() + words[1:]
        if basis and is_one_apart:
            self._shared += tr(", but for what is rotated")
        self._show_words()

    def set_links(self, links: str) -> None:
        self._links = links
        self._show_words()

    def set_hint(self, hint: str) -> None:
        """In the place of the scale until it is empty."""
        self._hint = hint
        self._show_words()

    def tell(self, words: str) -> None:
        """In the place of both for some seconds."""
        self._told = words
        self._fading.start(_TOLD_MS)
        self._show_words()

    def _fade(self) -> None:
        self._told = ""
        self._show_words()

    def _show_words(self) -> None:
        quiet = " · ".join(words for words in (self._shared, self._links) if words)
        self._basis.set_text(self._told or self._hint or quiet)


class _QuietLabel(QWidget):
    """One line that gives way: it is elided, never cut, and asks for no width that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.text = ""

    def set_text(self, text: str) -> None:
        self.text = text
        self.setToolTip(tool_tip(text))
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

    SENTENCE = mark("Model attention, not a lesion outline.")
    _BAR = QSize(150, 10)
    _GAP = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opacity = 1.0
        self._font = theme.font(theme.SMALL_TEXT_PX)
        metrics = QFontMetrics(self._font)
        self._words = [
            (text, metrics.horizontalAdvance(text))
            for text in (tr("low attention  0"), tr("1  high attention"), tr(self.SENTENCE))
        ]
        self._height = metrics.height() + 10
        colours = rendering.heat_colours()[None]
        self._colours = QImage(
            colours.data, 256, 1, 1024, QImage.Format.Format_ARGB32_Premultiplied
        ).copy()
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(
            tr("Colour scale from 0, low attention, to 1, high attention.")
            + f" {tr(self.SENTENCE)}"
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
