"""The line under the images: where the reader is, what the views share, what is to be known now."""

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from viewer.display.page_scale import Basis
from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.plain_text import tool_tip
from viewer.viewports.heat_legend import HeatLegend

MESSAGE_MS = 5000  #: a message stands so long
_SPACING = 16  #: logical pixels


class Strip(QWidget):
    """It is always there, so that nothing moves when it has something to say."""

    def __init__(self) -> None:
        super().__init__()
        self._message = self._hint = self._basis = self._links = ""
        self._fading = QTimer(self)
        self._fading.setSingleShot(True)
        self._fading.timeout.connect(self._fade)
        self._step_label = QuietLabel()
        self._label = QuietLabel()
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend = HeatLegend()
        self.legend.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(_SPACING)
        row.addWidget(self._step_label)
        row.addWidget(self._label, 1)
        row.addWidget(self.legend)
        self.setFixedHeight(self.legend.sizeHint().height())

    def set_step(self, text: str) -> None:
        self._step_label.set_text(text)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """The step goes before what is said about the colours, but for their sentence."""
        least, most = self.legend.minimumSizeHint().width(), self.legend.sizeHint().width()
        room = self.width() - self._step_label.sizeHint().width() - 2 * _SPACING - 16
        self.legend.setFixedWidth(min(max(room, least), most))

    def set_basis(self, basis: Basis | None, is_one_apart: bool = False) -> None:
        """What the views of the page have in common."""
        self._basis = ""
        if basis:
            text = tr(basis.value)
            self._basis = text[:1].upper() + text[1:]
        if basis and is_one_apart:
            self._basis += tr(", but for what is rotated")
        self._show()

    def set_links(self, links: str) -> None:
        self._links = links
        self._show()

    def set_hint(self, hint: str) -> None:
        """In the place of the basis and the links until it is empty."""
        self._hint = hint
        self._show()

    def show_message(self, message: str) -> None:
        """In the place of all of these for some seconds."""
        self._message = message
        self._fading.start(MESSAGE_MS)
        self._show()

    def _fade(self) -> None:
        self._message = ""
        self._show()

    def _show(self) -> None:
        quiet = " · ".join(text for text in (self._basis, self._links) if text)
        self._label.set_text(self._message or self._hint or quiet)


class QuietLabel(QWidget):
    """One line that gives way: it is elided, never cut, and asks for no width that is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(theme.font(theme.SMALL_TEXT_PX))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self._text = ""

    def set_text(self, text: str) -> None:
        self._text = text
        self.setToolTip(tool_tip(text))
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.MUTED)
        elide = Qt.TextElideMode.ElideRight
        elided = self.fontMetrics().elidedText(self._text, elide, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, elided)
        painter.end()
