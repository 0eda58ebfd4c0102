"""The reader's tools over the images: their keymap, and which view each acts on.

Each tool's own work is done in a module of its own; here they are handed the canvases of the pane,
as views come and go, and told of the pointer. What acts on which views: drawing, turning, true size
and the tour on the selected one; local contrast, text and the links on all.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QPointF, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from engine.domain import Annotation, AnnotationKind, Study
from viewer.display import measuring, regions
from viewer.display.annotations import AnnotationModel
from viewer.display.orientation import Orientation
from viewer.display.reading_modes import SPOT_REFUSALS
from viewer.shared.commands import ActionSpec
from viewer.shared.languages import tr
from viewer.shared.messages import notice
from viewer.shared.states import ReadingState, RegionRequest
from viewer.viewports.annotation_tool import AnnotationTool
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import TextLevel
from viewer.viewports.linking import Links, mirrored_point
from viewer.viewports.magnifier import Magnifier
from viewer.viewports.screen_calibration import ScreenCalibration, screen_key


class ToolHost(Protocol):
    """What the tools ask of the pane whose views they work on."""

    @property
    def is_single(self) -> bool: ...
    @property
    def current(self) -> Canvas | None: ...
    @property
    def canvases(self) -> Sequence[Canvas]:
        """Of the open study, in reading order."""

    @property
    def every_canvas(self) -> Sequence[Canvas]:
        """A prior's too."""

    @property
    def shown_canvases(self) -> Sequence[Canvas]:
        """A prior's too."""

    def select(self, image_uid: str) -> None: ...
    def toggle_single(self) -> None: ...
    def fit_page(self) -> None: ...
    def at_pointer(self, canvas: Canvas) -> QPointF | None: ...
    def pointed_canvas(self) -> tuple[Canvas, QPointF] | None: ...
    def with_key(self, identity: str, text: str) -> str: ...


class Tools(QObject):
    """All tools of one pane of views."""

    changed = Signal()  #: what is switched on
    hint_changed = Signal(str)  #: what to do, or where one is, until it is empty
    message = Signal(str)  #: what is to be known just now
    pixel_hovered = Signal(str)  #: the value under the pointer, and where; empty: beside the image
    annotated = Signal(Annotation)  #: to be kept: drawn, changed or removed
    header_requested = Signal(str, str)  #: image_uid, and what the view is called
    screen_calibrated = Signal(str, float)  #: the screen's key, mm of a device pixel

    def __init__(self, host: ToolHost, parent: QWidget) -> None:
        super().__init__(parent)
        self._host, self._parent = host, parent
        self.annotations = AnnotationModel(self.annotated.emit)
        self.annotation_tool = AnnotationTool(self.annotations, self)
        self.links = Links(lambda: host.shown_canvases, self)
        self.magnifier = Magnifier()
        self.has_local_contrast = False
        self.text_level = TextLevel.ALL
        self._screens: dict[str, float] = {}
        self._touring: tuple[str, int] | None = None  # image_uid, number of the stop
        self._was_single = False  # before the tour
        self._calibration: ScreenCalibration | None = None
        self._refusal = ""  # why no spot may be asked about now
        self._awaited: set[tuple[str, regions.Box]] = set()
        self.annotation_tool.changed.connect(self.changed)
        self.annotation_tool.hint_changed.connect(self.hint_changed)

    # ------------------------------------------------------------------------- views come and go

    def attach(self, canvas: Canvas) -> None:
        """A view has been hung. On a prior nobody draws: a drawing is the open study's."""
        if canvas.prior is None:
            self.annotation_tool.attach(canvas)
        self.links.attach(canvas)
        canvas.installEventFilter(self)  # after the annotation tool's: asked before it
        canvas.changed.connect(lambda: self.magnifier.refresh(canvas))
        canvas.set_text_level(self.text_level)
        canvas.image.screen_pixel_mm = lambda: self._screens.get(screen_key(canvas.screen()))

    def leave(self) -> None:
        """All views are about to go; what is switched on for one study is off in the next."""
        self.annotation_tool.leave()
        self.annotations.open(None)
        self.magnifier.release()
        self._touring = None
        self.has_local_contrast = False
        self._awaited = set()
        self.hint_changed.emit("")
        self.message.emit("")  # perhaps what was said of a spot
        self.pixel_hovered.emit("")

    def leave_prior(self) -> None:
        """Another prior is about to take the place of the one that hangs."""
        self.magnifier.release()
        self.pixel_hovered.emit("")

    def stop_tour(self) -> None:
        """The reader goes another way; the views stay as they are."""
        if self._touring is not None:
            self._touring = None
            self.hint_changed.emit("")

    def show_annotations(self, study: Study, annotations: Sequence[Annotation]) -> None:
        self.annotations.open(study, annotations)
        self.annotation_tool.update()

    def set_reader(self, name: str) -> None:
        """Who draws from now on."""
        self.annotations.reader = name
        self.annotation_tool.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(watched, Canvas):
            if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
                self.magnifier.follow(watched, event.position())
                self.pixel_hovered.emit(_value_text(watched, event.position()))
            elif event.type() == QEvent.Type.Leave:
                self.pixel_hovered.emit("")
        return False

    # ------------------------------------------------------------------------------------ commands

    def commands(self) -> tuple[ActionSpec, ...]:
        links, glass = self.links, self.magnifier
        return (
            self._drawing("tools.hand.choose_RULER", tr("Ruler"), "R", AnnotationKind.RULER),
            self._drawing("tools.hand.choose_ANGLE", tr("Angle"), "Shift+R", AnnotationKind.ANGLE),
            self._drawing(
                "tools.hand.choose_ELLIPSE",
                tr("Ellipse: mean and deviation"),
                "E",
                AnnotationKind.ELLIPSE,
            ),
            self._drawing("tools.hand.choose_ARROW", tr("Arrow"), "Shift+T", AnnotationKind.ARROW),
            self._drawing("tools.hand.choose_TEXT", tr("Text"), "T", AnnotationKind.TEXT),
            ActionSpec(
                "tools.hand.remove",
                tr("Remove drawing"),
                ("Del",),
                self.annotation_tool.remove,
                is_local=True,
            ),
            ActionSpec(
                "tools.cancel", tr("Put the tool away"), ("Esc",), self.cancel, is_local=True
            ),
            ActionSpec(
                "tools.ask_at_pointer",
                tr("Ask about the spot at the pointer"),
                ("S",),
                self.request_at_pointer,
            ),
            _switch(
                "tools.choose_region",
                tr("Ask about a rectangle"),
                "Shift+S",
                self.choose_region,
                lambda: self.is_region_chosen,
            ),
            _switch(
                "tools.links.toggle_pan",
                tr("Link panning, mirrored"),
                "F5",
                links.toggle_pan,
                lambda: links.is_pan_linked,
            ),
            _switch(
                "tools.links.toggle_zoom",
                tr("Link zoom, mirrored"),
                "F6",
                links.toggle_zoom,
                lambda: links.is_zoom_linked,
            ),
            _switch(
                "tools.links.toggle_window",
                tr("Link window"),
                "F7",
                links.toggle_window,
                lambda: links.is_window_linked,
            ),
            _switch(
                "tools.magnify_1",
                tr("Magnifying glass 1:1"),
                "Z",
                partial(self.magnify, 1),
                lambda: glass.is_single,
            ),
            _switch(
                "tools.magnify_2",
                tr("Magnifying glass 2:1"),
                "Shift+Z",
                partial(self.magnify, 2),
                lambda: glass.is_double,
            ),
            ActionSpec(
                "tools.tour_1",
                tr("Quadrant tour at 1:1, next part"),
                ("Q",),
                partial(self.tour, 1),
            ),
            ActionSpec(
                "tools.tour_-1",
                tr("Quadrant tour at 1:1, part before"),
                ("Shift+Q",),
                partial(self.tour, -1),
            ),
            ActionSpec("tools.true_size", tr("True size"), ("Shift+P",), self.true_size),
            ActionSpec(
                "tools.calibrate_screen",
                tr("Calibrate this screen with a ruler …"),
                (),
                self.calibrate_screen,
            ),
            _switch(
                "tools.toggle_local_contrast",
                tr("Local contrast (CLAHE), a display aid"),
                "K",
                self.toggle_local_contrast,
                lambda: self.has_local_contrast,
            ),
            ActionSpec(
                "tools.next_text_level",
                tr("Less or all text on the images"),
                ("F4",),
                self.next_text_level,
            ),
            ActionSpec(
                "tools.ask_for_header", tr("DICOM header …"), ("Ctrl+I",), self.ask_for_header
            ),
            ActionSpec(
                "tools.turn_mirrored",
                tr("Flip left to right"),
                ("X",),
                partial(self.turn, Orientation.mirrored),
            ),
            ActionSpec(
                "tools.turn_flipped",
                tr("Flip top to bottom"),
                ("Shift+X",),
                partial(self.turn, Orientation.flipped),
            ),
            ActionSpec(
                "tools.turn_turned_right",
                tr("Rotate right"),
                ("U",),
                partial(self.turn, Orientation.turned_right),
            ),
            ActionSpec(
                "tools.turn_turned_left",
                tr("Rotate left"),
                ("Shift+U",),
                partial(self.turn, Orientation.turned_left),
            ),
        )

    def _drawing(self, identity: str, text: str, key: str, kind: AnnotationKind) -> ActionSpec:
        tool = self.annotation_tool
        return _switch(identity, text, key, partial(tool.choose, kind), lambda: tool.kind is kind)

    @property
    def is_region_chosen(self) -> bool:
        return self.annotation_tool.kind is AnnotationKind.REGION

    def cancel(self) -> None:
        """The drawing tool, else the selection, else the glass, else the tour."""
        if self.annotation_tool.cancel():
            return
        if self.magnifier.enlargement:
            self.magnifier.put_away()
        elif self._touring is not None:
            self._end_tour("")

    def undo(self) -> str | None:
        """The last change of a drawing; returns the label of its view, which then shows."""
        return self._show_changed(self.annotation_tool.undo())

    def redo(self) -> str | None:
        return self._show_changed(self.annotation_tool.redo())

    def _show_changed(self, image_uid: str | None) -> str | None:
        if image_uid is None:
            return None
        canvas = next(c for c in self._host.canvases if c.view.image_uid == image_uid)
        if canvas not in self._host.shown_canvases:
            self._host.select(image_uid)
        return canvas.view.label

    def magnify(self, enlargement: int) -> None:
        """The glass at 1:1 or 2:1; the same again puts it away."""
        if self.magnifier.enlargement == enlargement:
            self.magnifier.put_away()
            return
        self.magnifier.enlargement = enlargement
        canvas = self._host.current
        self.magnifier.follow(canvas, self._host.at_pointer(canvas) if canvas else None)

    def turn(self, how: Callable[[Orientation], Orientation]) -> None:
        """The selected view."""
        canvas = self._host.current
        if canvas is not None:
            canvas.turn(how(canvas.image.camera.orientation))
            self._host.fit_page()

    def toggle_local_contrast(self) -> None:
        self.has_local_contrast = not self.has_local_contrast
        for canvas in self._host.every_canvas:
            canvas.image.greys.set_local_contrast(self.has_local_contrast)

    def reset(self) -> None:
        """With the views: no aid stays switched on unseen."""
        self.has_local_contrast = False
        self._touring = None
        self.hint_changed.emit("")
        self._host.fit_page()

    def next_text_level(self) -> None:
        levels = list(TextLevel)
        self.text_level = levels[(levels.index(self.text_level) + 1) % len(levels)]
        for canvas in self._host.every_canvas:
            canvas.set_text_level(self.text_level)
        self.message.emit(tr("Text: {level}").format(level=tr(self.text_level.value)))

    def ask_for_header(self) -> None:
        if (canvas := self._host.current) is not None:
            self.header_requested.emit(canvas.view.image_uid, canvas.text.name)

    # ------------------------------------------------------------------------ asking about a spot

    def show_reading(self, reading: ReadingState) -> None:
        """Whether the reader may ask, and see what was asked; and where not, why not."""
        refusal = tr(SPOT_REFUSALS.get(reading.phase, ""))
        if refusal and not self._refusal:
            self.message.emit("")  # perhaps what was said of a spot
        self._refusal = refusal
        self.annotation_tool.show_regions(not refusal)
        self._describe()

    def show_regions(self, requests: Sequence[RegionRequest]) -> None:
        """All that may be shown of the open study's rectangles; an answer that was waited for is
        told in the line below the images, too.
        """
        self.annotation_tool.show_requests(requests)
        by_uid = {canvas.view.image_uid: canvas for canvas in self._host.canvases}
        for request in requests:
            if request.is_pending and (request.image_uid, request.box) not in self._awaited:
                self.message.emit(_said_of(by_uid[request.image_uid], request))
        came = [a for a in requests if (a.image_uid, a.box) in self._awaited and not a.is_pending]
        self._awaited = {(a.image_uid, a.box) for a in requests if a.is_pending}
        for request in came:
            canvas = by_uid[request.image_uid]
            self.message.emit(f"{_said_of(canvas, request)} · {notice()}")
        self._describe()

    def _describe(self) -> None:
        """For screen readers, who do not see what is painted."""
        for canvas in self._host.canvases:
            said = [
                _said_of(canvas, request)
                for _, request in self.annotation_tool.regions_on(canvas)
                if request
            ]
            canvas.describe_drawings([*said, notice()] if said else [])

    @property
    def visible_requests(self) -> list[tuple[str, RegionRequest]]:
        """Of the rectangles that show what is known of them, in reading order, each by its view
        and its number there: 'R CC 2'.
        """
        return [
            (f"{canvas.view.label} {number}", request)
            for canvas in self._host.canvases
            for number, (_, request) in enumerate(self.annotation_tool.regions_on(canvas), 1)
            if request is not None
        ]

    def choose_region(self) -> None:
        """The rectangle to be drawn, or not any more."""
        if self._refusal and not self.is_region_chosen:
            self.message.emit(self._refusal)
        else:
            self.annotation_tool.choose(AnnotationKind.REGION)

    def request_at_pointer(self) -> None:
        """A square of a fixed physical size about the pointer, if it is on a view of the study."""
        if self._refusal:
            self.message.emit(self._refusal)
            return
        pointed = self._host.pointed_canvas()
        if pointed is None:
            text = tr("Point at a spot on an image")
            self.message.emit(text + self._host.with_key("tools.ask_at_pointer", tr(", then {}")))
            return
        self.ask_at(*pointed)

    def select_at(self, canvas: Canvas, at: QPointF) -> bool:
        """The drawing at a point of a view, if there is one; whether the reader may remove it."""
        return canvas.prior is None and self.annotation_tool.select_at(canvas, at)

    @property
    def spot_refusal(self) -> str:
        """Why no spot may be asked about now; empty: one may."""
        return self._refusal

    def ask_at(self, canvas: Canvas, at: QPointF) -> None:
        """The same about a point of a view."""
        if self._refusal:
            self.message.emit(self._refusal)
            return
        if canvas.prior is not None:
            self.message.emit(tr("Nothing is asked about an earlier study: open it by itself"))
            return
        canvas.activated.emit()
        box = regions.spot_around(canvas.view, *canvas.source_point(at))
        self.annotation_tool.add_region(canvas, box)
        if canvas.view.pixel_spacing is None:
            text = tr("{view} has no pixel spacing: the square is a twelfth of its longer side")
            self.message.emit(text.format(view=canvas.view.label))

    # ---------------------------------------------------------------------------------- true size

    def set_screens(self, screens: Mapping[str, float]) -> None:
        """What calibrations found: mm of a device pixel by the screen's key."""
        self._screens = dict(screens)
        for canvas in self._host.every_canvas:
            canvas.update()

    def true_size(self) -> None:
        """The selected view, and those whose zoom is linked to it, a millimetre a millimetre;
        again: fitted.
        """
        canvas = self._host.current
        if canvas is None:
            return
        if canvas.view.pixel_spacing is None:
            text = tr("{view} has no pixel spacing: no true size")
            self.message.emit(text.format(view=canvas.view.label))
        elif canvas.image.true_scale is None:
            self.message.emit(tr("True size needs this screen calibrated with a ruler"))
            self.calibrate_screen()
        else:
            is_true, at = canvas.image.is_true_size, self._host.at_pointer(canvas)
            for shown in (canvas, *self.links.zoom_partners(canvas)):
                true_scale = shown.image.true_scale
                if is_true:
                    shown.fit()
                elif true_scale is not None and at is not None:
                    shown.zoom_to(true_scale, mirrored_point(canvas, shown, at))
                elif true_scale is not None:
                    shown.centre(true_scale, *shown.image.display.breast.middle)

    def calibrate_screen(self) -> None:
        """In a window of its own, that holds nothing up."""
        if self._calibration is not None:
            self._calibration.activateWindow()
            return
        pixel_mm = self._screens.get(screen_key(self._parent.screen()))
        dialog = ScreenCalibration(pixel_mm, self._parent)
        dialog.calibrated.connect(self._on_calibrated)
        dialog.finished.connect(self._on_calibration_closed)
        self._calibration = dialog
        dialog.show()

    def _on_calibrated(self, key: str, mm: float) -> None:
        self.set_screens({**self._screens, key: mm})
        self.screen_calibrated.emit(key, mm)

    def _on_calibration_closed(self) -> None:
        dialog, self._calibration = self._calibration, None
        if dialog is not None:
            dialog.deleteLater()

    # --------------------------------------------------------------------------------------- tour

    def tour(self, step: int) -> None:
        """The next tile of the selected view at 1:1, then the next view's first."""
        canvas = self._host.current
        if canvas is None or not canvas.image.has_pixels:
            return
        uid = canvas.view.image_uid
        if self._touring is None:
            self._was_single = self._host.is_single
            if not self._was_single:
                self._host.toggle_single()
        if self._touring is None or self._touring[0] != uid:
            self._show_stop(canvas, 0)
            return
        number = self._touring[1] + step
        if 0 <= number < len(canvas.image.tiles):
            self._show_stop(canvas, number)
            return
        shown = [other for other in self._host.canvases if other.image.has_pixels]
        uids = [other.view.image_uid for other in shown]
        place = uids.index(uid) + step if uid in uids else -1  # a prior is gone through alone
        if not 0 <= place < len(uids):
            self._end_tour(tr("Quadrant tour done") if step > 0 else "")
            return
        canvas.fit()
        self._host.select(uids[place])
        self._show_stop(shown[place], 0 if step > 0 else len(shown[place].image.tiles) - 1)

    def _show_stop(self, canvas: Canvas, number: int) -> None:
        stops = canvas.image.tiles
        canvas.centre(canvas.image.camera.actual_scale, *stops[number])
        self._touring = canvas.view.image_uid, number
        text = tr("Quadrant tour: {view}, part {number} of {count}").format(
            view=canvas.view.label, number=number + 1, count=len(stops)
        )
        self.hint_changed.emit(text + self._host.with_key("tools.tour_1", tr(" · {} goes on")))

    def _end_tour(self, message: str) -> None:
        self._touring = None
        if (canvas := self._host.current) is not None:
            canvas.fit()
        if self._host.is_single and not self._was_single:
            self._host.toggle_single()
        self.hint_changed.emit("")
        self.message.emit(message)


def _switch(
    identity: str,
    text: str,
    key: str,
    callback: Callable[[], object],
    is_checked: Callable[[], bool],
) -> ActionSpec:
    """A key held down must not switch it on and off."""
    return ActionSpec(identity, text, (key,), callback, is_checked, repeats=False)


def _said_of(canvas: Canvas, request: RegionRequest) -> str:
    """'R CC: P(malignant) 34 %. BI-RADS 4, confidence 52 %'."""
    return f"{canvas.view.label}: {'. '.join(regions.lines_of(request))}"


def _value_text(canvas: Canvas, at: QPointF) -> str:
    """'R CC  1,204 at row 812, column 90'."""
    if not canvas.image.is_placed:
        return ""
    row, column = canvas.source_point(at)
    pixels = canvas.image.display.pixels
    if not (0 <= row < pixels.shape[0] and 0 <= column < pixels.shape[1]):
        return ""
    value = measuring.value_at(pixels, row, column)
    text = tr("padding")
    if value is not None:
        text = tr("value {value}").format(value=measuring.value_text(value))
    place = tr("row {row}, column {column}").format(row=int(row), column=int(column))
    return f"{canvas.view.label}  {text}  {place}"
