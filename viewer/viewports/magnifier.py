"""A glass over the image that shows stored pixels at 1:1 or 2:1, whatever the zoom around it."""

from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from engine.arrays import Array
from viewer.display import rendering
from viewer.display.placement import moved
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.viewports.canvas import Canvas

GLASS = 280  #: logical pixels, a side


class Magnifier(QWidget):
    """Follows the pointer from canvas to canvas; where there is none it lies in the middle.

    It shows the window of the view beneath, but no heat-map, drawing or display aid.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enlargement = 0  #: device pixels per stored column; 0: put away
        self._canvas: Canvas | None = None
        self._at = QPointF()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setFixedSize(QSize(GLASS, GLASS))
        self.setAccessibleName(tr("Magnifying glass"))
        self.hide()

    @property
    def is_single(self) -> bool:
        return self.enlargement == 1

    @property
    def is_double(self) -> bool:
        return self.enlargement == 2

    def put_away(self) -> None:
        self.enlargement = 0
        self.release()

    def release(self) -> None:
        """Leaves its canvas, which may be about to go."""
        if self._canvas is not None:
            self._canvas = None
            self.hide()
            self.setParent(None)

    def follow(self, canvas: Canvas | None, at: QPointF | None = None) -> None:
        """Lies over a point of a canvas, None for its middle."""
        if not self.enlargement or canvas is None or not canvas.image.is_placed:
            self.release()
            return
        if canvas is not self._canvas:
            self.setParent(canvas.parentWidget())  # whole, where the point is near a view's edge
            self._canvas = canvas
        self._at = QPointF(at) if at is not None else QPointF(canvas.rect().center())
        self.move(canvas.mapToParent(self._at.toPoint()) - QPoint(GLASS // 2, GLASS // 2))
        self.show()
        self.raise_()
        self.update()

    def refresh(self, canvas: Canvas) -> None:
        """The view beneath has changed."""
        if canvas is self._canvas:
            self.update()

    def grey(self) -> tuple[Array, int, int] | None:
        """(uint8 pixels, x, y) as in `ShownImage.grey`, of the glass; None beside the image."""
        canvas = self._canvas
        if canvas is None or not canvas.image.is_placed:
            return None
        camera, display = canvas.image.camera, canvas.image.display
        size = round(GLASS * canvas.devicePixelRatioF())
        enlarged = camera.placement_at(self.enlargement / camera.unit[0])
        x, y = enlarged.to_canvas(*canvas.source_point(self._at))
        enlarged = moved(enlarged, round(size / 2 - x), round(size / 2 - y))
        sampled = rendering.sample(display, enlarged, size, size)
        if sampled is None:
            return None
        return rendering.develop(sampled, canvas.image.greys.table), sampled.x, sampled.y

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        if (shown := self.grey()) is not None:
            grey, x, y = shown
            ratio = self.devicePixelRatioF()
            painter.save()
            painter.scale(1 / ratio, 1 / ratio)
            painter.drawImage(QPoint(x, y), rendering.to_colour(grey))
            painter.restore()
        painter.setPen(QPen(theme.ACCENT, 2))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
        text = f"{self._canvas.view.label}  {self.enlargement}:1" if self._canvas else ""
        painter.setFont(theme.font(theme.SMALL_TEXT_PX))
        # where it shows: the glass may reach beyond the edge of the images
        ground = self.parentWidget()
        seen = self.rect() & ground.rect().translated(-self.pos()) if ground else self.rect()
        left, bottom = seen.left() + 4, seen.bottom() - 21
        box = QRect(left, bottom, painter.fontMetrics().horizontalAdvance(text) + 8, 18)
        painter.fillRect(box, theme.IMAGE_BACKGROUND)
        painter.setPen(theme.TEXT)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()
