"""The hand that draws on images: from clicks and drags to drawings in the book.

It stands between the mouse and a canvas (an event filter) and takes only what it needs: the left
button while a drawing tool is chosen, or over one of the reader's own drawings. The window's drag,
zoom and pan stay as they are. A tool draws once and is put away, so that no drag for the window
ends as a ruler.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QEvent, QLineF, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QLineEdit

from engine.domain import Annotation, AnnotationKind
from viewer.display import measuring, regions
from viewer.display.annotations import AnnotationBook
from viewer.display.measuring import PixelSize, Point
from viewer.display.regions import Box
from viewer.shared.languages import mark, tr
from viewer.shared.states import RegionAnswer
from viewer.viewports.annotation_painting import handle_at, is_under, on_canvas, paint
from viewer.viewports.canvas import Canvas
from viewer.viewports.region_painting import paint_answer, paint_number

_CLICK = 4.0  #: logical pixels; a point no farther from the last is the same click
_LIVE_PIXELS = 600_000  #: a larger ellipse's grey values are told when the hand lets go
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


@dataclass(frozen=True)
class _Grip:
    """What of a drawing the hand holds."""

    annotation: Annotation
    point: int | None  #: its number; None: all of it
    start: Point  #: where the hand took it, in source coordinates


class AnnotationHand(QObject):
    """One for all canvases of a pane; `attend` each."""

    changed = Signal()  #: tool, selection or drawings
    hinted = Signal(str)  #: what to do next; empty: nothing

    def __init__(self, book: AnnotationBook, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._canvases: list[Canvas] = []
        self._tool: AnnotationKind | None = None
        self._selected: str | None = None
        self._canvas: Canvas | None = None  # that is drawn on
        self._draft: Annotation | None = None
        self._placed: list[Point] = []
        self._grip: _Grip | None = None
        self._held: Annotation | None = None  # as it is being moved
        self._entry: QLineEdit | None = None
        self._answers: dict[tuple[str, Box], RegionAnswer] = {}
        self._has_regions = True

    def attend(self, canvas: Canvas) -> None:
        self._canvases.append(canvas)
        canvas.installEventFilter(self)
        canvas.layers.append(lambda painter: self._paint(painter, canvas))

    def leave(self) -> None:
        """Another study comes; words being typed are kept, a drawing half done is not."""
        self._commit_text()
        self._put_away()
        self._selected = None
        self._answers.clear()
        self._canvases.clear()

    # ------------------------------------------------------------------------------------ commands

    @property
    def tool(self) -> AnnotationKind | None:
        return self._tool

    def choose(self, name: str) -> None:
        """A tool by its `AnnotationKind` name; the same again puts it away."""
        kind = AnnotationKind[name]
        wanted = None if self._tool is kind else kind
        self._commit_text()
        self._put_away()
        self._tool = wanted
        self._show_tool()

    def cancel(self) -> bool:
        """Puts away the tool and what is half done, or else the selection; whether there was.

        Of one's own rectangle that was asked about, the rectangle itself: it has been looked at.
        """
        was_busy = self._tool is not None or self._draft is not None or self._entry is not None
        had_selection = self._selected is not None
        selected = self._book.find(self._selected)
        if was_busy:
            self._put_away()
        elif selected is not None and selected.kind is AnnotationKind.REGION:
            self.remove()
        self._select(None)
        return was_busy or had_selection

    def add_region(self, canvas: Canvas, box: Box) -> None:
        """A rectangle by its box, as if it had been drawn."""
        self._commit_text()
        self._put_away()
        points = regions.corners_of(box)
        draft = self._book.draft(canvas.view, AnnotationKind.REGION, points)
        drawn = self._measured(canvas, draft)
        self._book.add(drawn)
        self._select(drawn.mark)
        self.update()

    def show_regions(self, is_shown: bool) -> None:
        """Whether rectangles that were asked about show at all, answered or not."""
        self._has_regions = is_shown
        selected = self._book.find(self._selected)
        is_region = selected is not None and selected.kind is AnnotationKind.REGION
        if not is_shown and is_region:
            self._grip = self._held = self._selected = None
        if not is_shown and self._tool is AnnotationKind.REGION:
            self._put_away()
        self.update()

    def show_answers(self, answers: Sequence[RegionAnswer]) -> None:
        """All that may be shown of what was said of rectangles, and no other."""
        self._answers = {(answer.image_uid, answer.box): answer for answer in answers}
        for canvas in self._canvases:
            canvas.update()

    def regions_on(self, canvas: Canvas) -> list[tuple[Annotation, RegionAnswer | None]]:
        """The rectangles that show there, in the order of drawing."""
        return [
            (drawn, self._answer(canvas, drawn))
            for drawn in self._shown(canvas)
            if drawn.kind is AnnotationKind.REGION
        ]

    def _answer(self, canvas: Canvas, rectangle: Annotation) -> RegionAnswer | None:
        view = canvas.view
        box = regions.box_of(rectangle.points, view.rows, view.columns)
        return self._answers.get((view.image_uid, box))

    def _shown(self, canvas: Canvas) -> tuple[Annotation, ...]:
        """What of the book shows on the view."""
        drawn = self._book.of(canvas.view.image_uid)
        if self._has_regions:
            return drawn
        return tuple(one for one in drawn if one.kind is not AnnotationKind.REGION)

    def remove(self) -> None:
        """The selected drawing."""
        if self._selected is not None and self._grip is None:
            self._book.remove(self._selected)
            self._select(None)
            self.update()

    def undo(self) -> str | None:
        """The image_uid of the drawing that is as it was before; None where there is none."""
        return self._retraced(self._book.undo)

    def redo(self) -> str | None:
        return self._retraced(self._book.redo)

    def _retraced(self, step: Callable[[], Annotation | None]) -> str | None:
        self._put_away()
        changed = step()
        self._selected = changed.mark if changed is not None else self._selected
        self.update()
        return None if changed is None else changed.image_uid

    def update(self) -> None:
        """The drawings have changed."""
        if self._book.find(self._selected) is None:
            self._selected = None
        for canvas in self._canvases:
            canvas.update()
        self.changed.emit()

    # --------------------------------------------------------------------------------------- mouse

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._entry:
            if kind == QEvent.Type.FocusOut and event.reason() not in _PASSING:
                self._commit_text()
            return False
        if not isinstance(watched, Canvas) or watched.placement() is None:
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
        if self._tool is not None:
            canvas.pointed_at.emit()
            if self._draft is None:
                self._begin(canvas, at)
            return True
        if event.type() == QEvent.Type.MouseButtonDblClick:
            return self._under(canvas, at) is not None
        found = self._under(canvas, at)
        self._select(found.mark if found else None)
        if found is None:
            return False
        canvas.pointed_at.emit()
        if self._book.may_change(found):
            point = handle_at(self._points(canvas, found), at)
            self._grip = _Grip(found, point, self._source(canvas, at))
            self._canvas, self._held = canvas, found
        return True

    def _move(self, canvas: Canvas, event: QMouseEvent) -> bool:
        at = event.position()
        if self._grip is not None and canvas is self._canvas:
            self._held = self._measured(canvas, self._gripped(canvas, at), is_live=True)
            canvas.update()
            return True
        if self._draft is not None and canvas is self._canvas:
            self._float(canvas, at, is_live=True)
            return True
        if not event.buttons() and not canvas.is_space_down:
            is_over = self._tool is None and self._under(canvas, at) is not None
            self._point(canvas, Qt.CursorShape.PointingHandCursor if is_over else None)
        return False

    def _release(self, canvas: Canvas, event: QMouseEvent) -> bool:
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        if self._grip is not None:
            grip, held = self._grip, self._held
            self._grip = self._held = None
            if held != grip.annotation:
                self._book.replace(self._measured(self._canvas, held))
            self.update()
            return True
        if self._draft is None or canvas is not self._canvas:
            return False
        at = event.position()
        if self._tool is AnnotationKind.TEXT:
            self._ask_for_text(canvas, at)
            return True
        last = self._points(canvas, replace(self._draft, points=tuple(self._placed)))[-1]
        if QLineF(last, at).length() > _CLICK:
            self._float(canvas, at, is_live=False)
            self._placed.append(self._draft.points[-1])
            if len(self._placed) == _POINTS[self._draft.kind]:
                self._finish(canvas)
        return True

    def _begin(self, canvas: Canvas, at: QPointF) -> None:
        point = self._source(canvas, at)
        self._canvas, self._placed = canvas, [point]
        self._draft = self._book.draft(canvas.view, self._tool, (point,))

    def _float(self, canvas: Canvas, at: QPointF, is_live: bool) -> None:
        """The point that is not placed yet follows the pointer."""
        if self._tool is AnnotationKind.TEXT:
            return
        points = (*self._placed, self._source(canvas, at))
        self._draft = self._measured(canvas, replace(self._draft, points=points), is_live)
        canvas.update()

    def _finish(self, canvas: Canvas) -> None:
        finished = self._measured(canvas, self._draft)
        self._put_away()
        self._book.add(finished)
        self._select(finished.mark)
        self.update()

    def _gripped(self, canvas: Canvas, at: QPointF) -> Annotation:
        grip, (row, column) = self._grip, self._source(canvas, at)
        points = list(grip.annotation.points)
        rows, columns = canvas.display.pixels.shape
        if grip.point is not None:
            points[grip.point] = (row, column)
            return replace(grip.annotation, points=tuple(points))
        # All of it, as far as all of it stays on the image.
        down, across = row - grip.start[0], column - grip.start[1]
        down = _held_back(down, [point[0] for point in points], rows)
        across = _held_back(across, [point[1] for point in points], columns)
        return replace(grip.annotation, points=tuple((r + down, c + across) for r, c in points))

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
        words = self._entry.text().strip()
        draft = replace(self._draft, text="".join(c for c in words if c.isprintable()))
        self._put_away()
        if draft.text:
            self._book.add(draft)
            self._select(draft.mark)
        self.update()

    # -------------------------------------------------------------------------------------- helpers

    def _put_away(self) -> None:
        """The tool, and what is half done with it."""
        self._tool = self._draft = self._grip = self._held = None
        self._placed = []
        entry, self._entry = self._entry, None
        if entry is not None:
            entry.removeEventFilter(self)
            entry.hide()
            entry.deleteLater()
        self._show_tool()

    def _show_tool(self) -> None:
        for canvas in self._canvases:
            self._point(canvas, None)
            canvas.update()
        hint = _HINTS.get(self._tool, "")
        self.hinted.emit(tr("{hint} · Esc ends").format(hint=tr(hint)) if hint else "")
        self.changed.emit()

    def _point(self, canvas: Canvas, shape: Qt.CursorShape | None) -> None:
        shape = Qt.CursorShape.CrossCursor if self._tool is not None else shape
        if shape is not None:
            canvas.setCursor(shape)
        elif canvas.testAttribute(Qt.WidgetAttribute.WA_SetCursor):
            canvas.unsetCursor()

    def _select(self, mark: str | None) -> None:
        if mark != self._selected:
            self._selected = mark
            self.update()

    def _under(self, canvas: Canvas, at: QPointF) -> Annotation | None:
        """The newest drawing there."""
        for annotation in reversed(self._shown(canvas)):
            points = self._points(canvas, annotation)
            is_handle = annotation.mark == self._selected and handle_at(points, at) is not None
            if is_handle or is_under(annotation, points, at):
                return annotation
        return None

    def _source(self, canvas: Canvas, at: QPointF) -> Point:
        """On the image: a point beside it is brought to its edge."""
        ratio = canvas.devicePixelRatioF()
        row, column = canvas.placement().to_source(at.x() * ratio, at.y() * ratio)
        rows, columns = canvas.display.pixels.shape
        return min(max(float(row), 0.0), float(rows)), min(max(float(column), 0.0), float(columns))

    def _points(self, canvas: Canvas, annotation: Annotation) -> list[QPointF]:
        return on_canvas(annotation, canvas.placement(), canvas.devicePixelRatioF())

    def _measured(
        self, canvas: Canvas, annotation: Annotation, is_live: bool = False
    ) -> Annotation:
        """With what it measures; `is_live`: quickly, while the hand still moves."""
        if len(annotation.points) < _POINTS[annotation.kind]:
            return annotation
        size, points = PixelSize.of(canvas.view), annotation.points
        text = ""
        if annotation.kind is AnnotationKind.RULER:
            text = measuring.length_text(size, points)
        elif annotation.kind is AnnotationKind.ANGLE:
            text = measuring.angle_text(size, points)
        elif annotation.kind is AnnotationKind.ELLIPSE:
            values = None
            (row0, column0), (row1, column1) = points
            if not is_live or abs((row1 - row0) * (column1 - column0)) < _LIVE_PIXELS:
                values = measuring.ellipse_values(canvas.display.pixels, *points)
            text = measuring.ellipse_text(size, points, values)
        elif annotation.kind is AnnotationKind.REGION:
            box = regions.box_of(points, canvas.view.rows, canvas.view.columns)
            points = regions.corners_of(box)  # what is asked about, to the pixel
            text = measuring.region_text(size, points)
            return replace(annotation, points=points, measured=text)
        return replace(annotation, measured=text)

    def _paint(self, painter: QPainter, canvas: Canvas) -> None:
        shown: Sequence[Annotation] = self._shown(canvas)
        if self._held is not None:
            shown = [self._held if a.mark == self._held.mark else a for a in shown]
        has_draft = self._draft is not None and canvas is self._canvas
        placement = canvas.placement()
        if placement is None or not (shown or has_draft):  # nearly always: costs a frame nothing
            return
        within, for_words = QRectF(canvas.rect()), canvas.between_words()
        taken: list[QRectF] = []
        ratio = canvas.devicePixelRatioF()
        for annotation in shown:
            is_own = self._book.may_change(annotation)
            is_selected = annotation.mark == self._selected
            points = on_canvas(annotation, placement, ratio)
            paint(painter, annotation, points, within, for_words, taken, is_selected, is_own)
        self._paint_answers(painter, canvas, shown, within, for_words, taken)
        if has_draft and len(self._draft.points) > 1:
            points = on_canvas(self._draft, placement, ratio)
            paint(painter, self._draft, points, within, for_words, taken, is_draft=True)

    def _paint_answers(
        self,
        painter: QPainter,
        canvas: Canvas,
        shown: Sequence[Annotation],
        within: QRectF,
        for_words: QRectF,
        taken: list[QRectF],
    ) -> None:
        """Beside the rectangles, over all lines; the selected one's first, for the best place."""
        placement, ratio = canvas.placement(), canvas.devicePixelRatioF()
        rectangles = {
            one.mark: QRectF(*on_canvas(one, placement, ratio)).normalized()
            for one in shown
            if one.kind is AnnotationKind.REGION
        }
        asked = [one for one in shown if one.mark in rectangles]
        if canvas.is_on_paper:
            for number, one in enumerate(asked, 1):
                if rectangles[one.mark].intersects(within):
                    paint_number(painter, rectangles[one.mark], number, within)
            return
        for one in sorted(asked, key=lambda one: one.mark != self._selected):
            rectangle = rectangles[one.mark]
            if not rectangle.intersects(within) or one is self._held:
                continue
            author = "" if self._book.may_change(one) else one.reader
            others = [box for name, box in rectangles.items() if name != one.mark]
            occupied = [*taken, *others]
            answer, is_selected = self._answer(canvas, one), one.mark == self._selected
            before = len(occupied)
            paint_answer(
                painter,
                rectangle,
                answer,
                one.measured,
                author,
                for_words,
                occupied,
                is_selected,
            )
            taken.extend(occupied[before:])


def _held_back(step: float, values: Sequence[float], limit: float) -> float:
    """The part of `step` that keeps all values in 0 … limit."""
    return min(max(step, -min(values)), limit - max(values))
