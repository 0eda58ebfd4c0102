"""What the viewports of a page stand on; its colour shows as the lines between them."""

from collections.abc import Collection

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.viewports.text_painting import paint_placeholder


class ViewportGrid(QWidget):
    resized = Signal()  #: its area, or how many device pixels that has

    def __init__(self) -> None:
        super().__init__()
        self._is_empty = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_empty(self, is_empty: bool) -> None:
        """Whether no study hangs, and it says so."""
        self._is_empty = is_empty
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.resized.emit()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._is_empty:
            painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
            texts = tr("No study open"), tr("Open a folder of mammograms, or drop one here.")
            paint_placeholder(painter, self.rect(), *texts, theme.MUTED)
        else:
            painter.fillRect(self.rect(), theme.RAISED)
        painter.end()


def show_only(
    shown: Collection[QWidget], hidden: Collection[QWidget], for_keyboard: QWidget | None
) -> None:
    """The keyboard goes first: Qt would hand it to any widget that is still to be hidden."""
    for widget in shown:
        widget.show()
    if for_keyboard is not None and any(widget.hasFocus() for widget in hidden):
        for_keyboard.setFocus()
    for widget in hidden:
        widget.hide()
