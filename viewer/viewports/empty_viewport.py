"""The place of a standard view that the study lacks, or of nothing."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.viewports.text_painting import TextLine, paint_lines, paint_placeholder


class EmptyViewport(QWidget):
    """Without a `label` it is the place of nothing.

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
        self._text = tr("not in this study") if is_complete else tr("missing, or not readable")
        if self._is_prior:
            self._text = tr("not in the prior of {date}").format(date=prior_date)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        if label:
            self.setAccessibleName(f"{label}, {self._text}")

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        if self.label:
            font = theme.font(theme.VIEW_LABEL_PX, bold=True)
            lines = [TextLine(self.label, theme.MUTED, font)]
            paint_lines(painter, self.rect(), lines, self.label.startswith("L"), at_bottom=False)
            colour = theme.PRIOR if self._is_prior else theme.MUTED
            paint_placeholder(painter, self.rect(), self._text, "", colour)
        painter.end()
