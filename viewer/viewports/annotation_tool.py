"""The tool that draws on images: from clicks and drags to drawings in the model.

It stands between the mouse and a canvas (an event filter) and takes only what it needs: the left
button while a kind of drawing is chosen, or over one of the reader's own drawings. The window's
drag, zoom and pan stay as they are. A kind draws once and is put away, so that no drag for the
window ends as a ruler.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QLineEdit

from engine.domain import Annotation, AnnotationKind
from viewer.display import measuring, regions
from viewer.display.annotations import AnnotationModel
from viewer.display.measuring import PixelSize, Point
from viewer.display.regions import Box
from viewer.shared.languages import mark, tr
from viewer.shared.states import RegionRequest
from viewer.viewports.annotation_painting import handle_at, is_under, on_canvas, paint
from viewer.viewports.canvas import Canvas
from viewer.viewports.region_painting import paint_card, paint_number

_CLICK = 4.0  #: logical pixels; a point no farther from the last is the same click
_LIVE_PIXELS = 600_000  #: a larger ellipse's grey values are told when it is let go
_TEXT_LIMIT = 120  #: characters
# The keyboard is away for a moment only: another window, a menu.
_PASSING = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
_POINTS = {
    AnnotationKind.RULER: 2,
    AnnotationKind.ANGLE: 3,
    AnnotationKind.ELLIPSE: 2,
    AnnotationKind.ARROW: 2,
    AnnotationKind.TEXT: 1,
    AnnotationKind.REGION: 2,
}
_HINTS = {
    AnnotationKind.RULER: mark("Ruler: drag from end to end"),
    AnnotationKind.ANGLE: mark("Angle: drag an arm to the vertex, then click the other arm's end"),
    AnnotationKind.ELLIPSE: mark("Ellipse: drag its box"),
    AnnotationKind.ARROW: mark("Arrow: drag to where it points"),
    AnnotationKind.TEXT: mark("Text: click, type, Enter"),
    AnnotationKind.REGION: mark("Ask about a spot: drag a rectangle around it"),
}


@dataclass
class _Draft:
    """A drawing that is being made."""

    canvas: Canvas
    annotation: Annotation  #: with the point that follows the pointer, if there is one
    placed: list[Point]


@dataclass
class _Grip:
    """A drawing that is being moved."""

    canvas: Canvas
    annotation: Annotation  #: as it was
    point: int | None  #: its number, that moves; None: all of it
    start: Point  #: where it was taken, in source coordinates
    held: Annotation  #: as it is now


class AnnotationTool(QObject):
    """One for all canvases of a pane; `attach` each."""

    changed = Signal()  #: kind, selection or drawings
    hint_changed = Signal(str)  #: what to do next; empty: nothing

    def __init__(self, model: AnnotationModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._canvases: list[Canvas] = []
        self._kind: AnnotationKind | None = None
        self._selected: str | None = None
        self._draft: _Draft | None = None
        self._grip: _Grip | None = None
        self._entry: QLineEdit | None = None
        self._requests: dict[tuple[str, Box], RegionRequest] = {}
        self._has_regions = True

    def attach(self, canvas: Canvas) -> None:
        self._canvases.append(canvas)
        canvas.installEventFilter(self)
        canvas.layers.append(lambda painter: self._paint(painter, canvas))

    def leave(self) -> None:
        """Another study comes; text being typed is kept, a drawing half done is not."""
        self._commit_text()
        self._put_away()
        self._selected = None
        self._requests.clear()
        self._canvases.clear()

    # ------------------------------------------------------------------------------------ commands

    @property
    def kind(self) -> AnnotationKind | None:
        """What the next drag draws."""
        return self._kind

    def choose(self, kind: AnnotationKind) -> None:
        """The same again puts it away."""
        wanted = None if self._kind is kind else kind
        self._commit_text()
        self._put_away()
        self._kind = wanted
        self._show_kind()

    def cancel(self) -> bool:
        """Puts away the kind and what is half done, or else the selection; whether there was.

        Of one's own rectangle that was asked about, the rectangle itself: it has been looked at.
        """
        was_busy = self._kind is not None or self._draft is not None or self._entry is not None
        had_selection = self._selected is not None
        selected = self._model.find(self._selected)
        if was_busy:
            self._put_away()
        elif selected is not None and selected.kind is AnnotationKind.REGION:
            self.remove()
        self.select(None)
        return was_busy or had_selection

    def add_region(self, canvas: Canvas, box: Box) -> None:
        """A rectangle by its box, as if it had been drawn."""
        self._commit_text()
        self._put_away()
        points = regions.corners_of(box)
        draft = self._model.draft(canvas.view, AnnotationKind.REGION, points)
        drawn = _measured(canvas, draft)
        self._model.add(drawn)
        self.select(drawn.annotation_id)
        self.update()

    def show_regions(self, is_shown: bool) -> None:
        """Whether rectangles that were asked about show at all, answered or not."""
        self._has_regions = is_shown
        selected = self._model.find(self._selected)
        is_region = selected is not None and selected.kind is AnnotationKind.REGION
        if not is_shown and is_region:
            self._grip = self._selected = None
        if not is_shown and self._kind is AnnotationKind.REGION:
            self._put_away()
        self.update()

    def show_requests(self, requests: Sequence[RegionRequest]) -> None:
        """All that may be shown of what was said of rectangles, and no other."""
        self._requests = {(request.image_uid, request.box): request for request in requests}
        for canvas in self._canvases:
            canvas.update()

    def regions_on(self, canvas: Canvas) -> list[tuple[Annotation, RegionRequest | None]]:
        """The rectangles that show there, in the order of drawing."""
        return [
            (drawn, self._request_for(canvas, drawn))
            for drawn in self._shown(canvas)
            if drawn.kind is AnnotationKind.REGION
        ]

    def _request_for(self, canvas: Canvas, rectangle: Annotation) -> RegionRequest | None:
        view = canvas.view
        box = regions.box_of(rectangle.points, view.rows, view.columns)
        return self._requests.get((view.image_uid, box))

    def _shown(self, canvas: Canvas) -> tuple[Annotation, ...]:
        """What of the drawings shows on the view."""
        drawn = self._model.of(canvas.view.image_uid)
        if self._has_regions:
            return drawn
        return tuple(one for one in drawn if one.kind is not AnnotationKind.REGION)

    def remove(self) -> None:
        """The selected drawing."""
        if self._selected is not None and self._grip is None:
            self._model.remove(self._selected)
            self.select(None)
            self.update()

    def undo(self) -> str | None:
        """The image_uid of the drawing that is as it was before; None where there is none."""
        return self._retraced(self._model.undo)

    def redo(self) -> str | None:
        return self._retraced(self._model.redo)

    def _retraced(self, step: Callable[[], Annotation | None]) -> str | None:
        self._put_away()
        changed = step()
        self._selected = changed.annotation_id if changed is not None else self._selected
        self.update()
        return None if changed is None else changed.image_uid

    def update(self) -> None:
        """The drawings have changed."""
        if self._model.find(self._selected) is None:
            self._selected = None
        for canvas in self._canvases:
            canvas.update()
        self.changed.emit()

    # --------------------------------------------------------------------------------------- mouse

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._entry:
            if isinstance(event, QFocusEvent) and _is_left(event):
                self._commit_text()
            return False
        if not isinstance(event, QMouseEvent) or not isinstance(watched, Canvas):
            return False
        if not watched.image.is_placed:
            return False
        if kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick):
            return self._press(watched, event)
        if kind == QEvent.Type.MouseMove:
            return self._move(watched, event)
        if kind == QEvent.Type.MouseButtonRelease:
            return self._release(watched, event)
        return False

    def _press(self, canvas: Canvas, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton or canvas.is_space_down:
            return False
        at = event.position()
        if self._kind is not None:
            canvas.activated.emit()
            if self._draft is None:
                self._begin(canvas, self._kind, at)
            return True
        if event.type() == QEvent.Type.MouseButtonDblClick:
            return self._under(canvas, at) is not None
        found = self._under(canvas, at)
        self.select(found.annotation_id if found else None)
        if found is None:
            return False
        canvas.activated.emit()
        if self._model.may_change(found):
            point = handle_at(_points(canvas, found), at)
            self._grip = _Grip(canvas, found, point, _source(canvas, at), found)
        return True

    def _move(self, canvas: Canvas, event: QMouseEvent) -> bool:
        at = event.position()
        if self._grip is not None and canvas is self._grip.canvas:
            self._grip.held = _measured(canvas, _moved(self._grip, at), is_live=True)
            canvas.update()
            return True
        if self._draft is not None and canvas is self._draft.canvas:
            _follow(self._draft, at, is_live=True)
            return True
        if not event.buttons() and not canvas.is_space_down:
            is_over = self._kind is None and self._under(canvas, at) is not None
            self._point(canvas, Qt.CursorShape.PointingHandCursor if is_over else None)
        return False

    def _release(self, canvas: Canvas, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        if (grip := self._grip) is not None:
            self._grip = None
            if grip.held != grip.annotation:
                self._model.replace(_measured(grip.canvas, grip.held))
            self.update()
            return True
        draft = self._draft
        if draft is None or canvas is not draft.canvas:
            return False
        at = event.position()
        if self._kind is AnnotationKind.TEXT:
            self._ask_for_text(canvas, at)
            return True
        last = _points(canvas, replace(draft.annotation, points=tuple(draft.placed)))[-1]
        if QLineF(last, at).length() > _CLICK:
            _follow(draft, at, is_live=False)
            draft.placed.append(draft.annotation.points[-1])
            if len(draft.placed) == _POINTS[draft.annotation.kind]:
                self._finish(draft)
        return True

    def _begin(self, canvas: Canvas, kind: AnnotationKind, at: QPointF) -> None:
        point = _source(canvas, at)
        self._draft = _Draft(canvas, self._model.draft(canvas.view, kind, (point,)), [point])

    def _finish(self, draft: _Draft) -> None:
        finished = _measured(draft.canvas, draft.annotation)
        self._put_away()
        self._model.add(finished)
        self.select(finished.annotation_id)
        self.update()

    # ---------------------------------------------------------------------------------------- text

    def _ask_for_text(self, canvas: Canvas, at: QPointF) -> None:
        entry = QLineEdit(canvas)
        entry.setMaxLength(_TEXT_LIMIT)
        entry.setPlaceholderText(tr("Text, then Enter"))
        entry.setAccessibleName(tr("Text on the image"))
        width = min(220, canvas.width() - 8)
        x = max(4, min(round(at.x()), canvas.width() - width - 4))
        y = max(4, min(round(at.y()), canvas.height() - entry.sizeHint().height() - 4))
        entry.setGeometry(x, y, width, entry.sizeHint().height())
        entry.returnPressed.connect(self._commit_text)
        entry.returnPressed.connect(canvas.setFocus)
        entry.installEventFilter(self)
        self._entry = entry
        entry.show()
        entry.setFocus()

    def _commit_text(self) -> None:
        if self._entry is None or self._draft is None:
            return
        typed = "".join(c for c in self._entry.text().strip() if c.isprintable())
        written = replace(self._draft.annotation, text=typed)
        self._put_away()
        if typed:
            self._model.add(written)
            self.select(written.annotation_id)
        self.update()

    # -------------------------------------------------------------------------------------- helpers

    def _put_away(self) -> None:
        """The kind, and what is half done of it."""
        self._kind = self._draft = self._grip = None
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.removeEventFilter(self)
            entry.hide()
            entry.deleteLater()
        self._show_kind()

    def _show_kind(self) -> None:
        for canvas in self._canvases:
            self._point(canvas, None)
            canvas.update()
        hint = "" if self._kind is None else _HINTS[self._kind]
        self.hint_changed.emit(tr("{hint} · Esc ends").format(hint=tr(hint)) if hint else "")
        self.changed.emit()

    def _point(self, canvas: Canvas, shape: Qt.CursorShape | None) -> None:
        shape = Qt.CursorShape.CrossCursor if self._kind is not None else shape
        if shape is not None:
            canvas.setCursor(shape)
        elif canvas.testAttribute(Qt.WidgetAttribute.WA_SetCursor):
            canvas.unsetCursor()

    def select(self, annotation_id: str | None) -> None:
        if annotation_id != self._selected:
            self._selected = annotation_id
            self.update()

    def select_at(self, canvas: Canvas, at: QPointF) -> bool:
        """The newest drawing there, or none; whether the reader may remove it."""
        found = self._under(canvas, at)
        self.select(found.annotation_id if found else None)
        return found is not None and self._model.may_change(found)

    def _under(self, canvas: Canvas, at: QPointF) -> Annotation | None:
        """The newest drawing there."""
        for annotation in reversed(self._shown(canvas)):
            points = _points(canvas, annotation)
            is_handle = (
                annotation.annotation_id == self._selected and handle_at(points, at) is not None
            )
            if is_handle or is_under(annotation, points, at):
                return annotation
        return None

    def _paint(self, painter: QPainter, canvas: Canvas) -> None:
        shown: Sequence[Annotation] = self._shown(canvas)
        if (grip := self._grip) is not None:
            shown = [
                grip.held if one.annotation_id == grip.held.annotation_id else one for one in shown
            ]
        draft = self._draft if self._draft is not None and canvas is self._draft.canvas else None
        if not canvas.image.is_placed or not (shown or draft):
            return  # nearly always: costs a frame nothing
        within, for_text = QRectF(canvas.rect()), canvas.text.free_area(canvas.rect())
        taken: list[QRectF] = []
        for annotation in shown:
            is_own = self._model.may_change(annotation)
            is_selected = annotation.annotation_id == self._selected
            points = _points(canvas, annotation)
            paint(painter, annotation, points, within, for_text, taken, is_selected, is_own)
        self._paint_cards(painter, canvas, shown, within, for_text, taken)
        if draft is not None and len(draft.annotation.points) > 1:
            points = _points(canvas, draft.annotation)
            paint(painter, draft.annotation, points, within, for_text, taken, is_draft=True)

    def _paint_cards(
        self,
        painter: QPainter,
        canvas: Canvas,
        shown: Sequence[Annotation],
        within: QRectF,
        for_text: QRectF,
        taken: list[QRectF],
    ) -> None:
        """Beside the rectangles, over all lines; the selected one's first, for the best place."""
        rectangles = {
            one.annotation_id: _rectangle(canvas, one)
            for one in shown
            if one.kind is AnnotationKind.REGION
        }
        asked = [one for one in shown if one.annotation_id in rectangles]
        if canvas.is_on_paper:
            for number, one in enumerate(asked, 1):
                if rectangles[one.annotation_id].intersects(within):
                    paint_number(painter, rectangles[one.annotation_id], number, within)
            return
        for one in sorted(asked, key=lambda one: one.annotation_id != self._selected):
            rectangle = rectangles[one.annotation_id]
            if not rectangle.intersects(within) or (self._grip and one is self._grip.held):
                continue
            author = "" if self._model.may_change(one) else one.reader
            others = [box for name, box in rectangles.items() if name != one.annotation_id]
            occupied = [*taken, *others]
            request, is_selected = (
                self._request_for(canvas, one),
                one.annotation_id == self._selected,
            )
            before = len(occupied)
            paint_card(
                painter,
                rectangle,
                request,
                one.measured,
                author,
                for_text,
                occupied,
                is_selected,
            )
            taken.extend(occupied[before:])


def _is_left(event: QFocusEvent) -> bool:
    """For good, not for another window or a menu."""
    return event.lostFocus() and event.reason() not in _PASSING


def _source(canvas: Canvas, at: QPointF) -> Point:
    """On the image: a point beside it is brought to its edge."""
    row, column = canvas.source_point(at)
    rows, columns = canvas.image.display.pixels.shape
    return min(max(row, 0.0), float(rows)), min(max(column, 0.0), float(columns))


def _points(canvas: Canvas, annotation: Annotation) -> list[QPointF]:
    return on_canvas(annotation, canvas.image.placement, canvas.devicePixelRatioF())


def _rectangle(canvas: Canvas, annotation: Annotation) -> QRectF:
    corner, opposite = _points(canvas, annotation)
    return QRectF(corner, opposite).normalized()


def _follow(draft: _Draft, at: QPointF, is_live: bool) -> None:
    """The point that is not placed yet follows the pointer."""
    if draft.annotation.kind is AnnotationKind.TEXT:
        return
    points = (*draft.placed, _source(draft.canvas, at))
    draft.annotation = _measured(draft.canvas, replace(draft.annotation, points=points), is_live)
    draft.canvas.update()


def _moved(grip: _Grip, at: QPointF) -> Annotation:
    row, column = _source(grip.canvas, at)
    points = list(grip.annotation.points)
    rows, columns = grip.canvas.image.display.pixels.shape
    if grip.point is not None:
        points[grip.point] = (row, column)
        return replace(grip.annotation, points=tuple(points))
    # All of it, as far as all of it stays on the image.
    down, across = row - grip.start[0], column - grip.start[1]
    down = _held_back(down, [point[0] for point in points], rows)
    across = _held_back(across, [point[1] for point in points], columns)
    return replace(grip.annotation, points=tuple((r + down, c + across) for r, c in points))


def _held_back(step: float, values: Sequence[float], limit: float) -> float:
    """The part of `step` that keeps all values in 0 … limit."""
    return min(max(step, -min(values)), limit - max(values))


def _measured(canvas: Canvas, annotation: Annotation, is_live: bool = False) -> Annotation:
    """With what it measures; `is_live`: quickly, while it is still moved."""
    if len(annotation.points) < _POINTS[annotation.kind]:
        return annotation
    size, points = PixelSize.of(canvas.view), annotation.points
    text = ""
    if annotation.kind is AnnotationKind.RULER:
        text = measuring.length_text(size, points)
    elif annotation.kind is AnnotationKind.ANGLE:
        text = measuring.angle_text(size, points)
    elif annotation.kind is AnnotationKind.ELLIPSE:
        corner, opposite = points
        values = None
        if not is_live or _pixels_in(corner, opposite) < _LIVE_PIXELS:
            pixels = canvas.image.display.pixels
            values = measuring.ellipse_values(pixels, corner, opposite)
        text = measuring.ellipse_text(size, points, values)
    elif annotation.kind is AnnotationKind.REGION:
        box = regions.box_of(points, canvas.view.rows, canvas.view.columns)
        points = regions.corners_of(box)  # what is asked about, to the pixel
        text = measuring.region_text(size, points)
    return replace(annotation, points=points, measured=text)


def _pixels_in(corner: Point, opposite: Point) -> float:
    return abs((opposite[0] - corner[0]) * (opposite[1] - corner[1]))
