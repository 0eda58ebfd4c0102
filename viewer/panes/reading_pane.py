"""The prediction above, the reader's forms below: how the two share the height that there is.

Neither height depends on what is predicted or recorded, so that the form never moves under the
reader's hand and a hidden prediction leaves no trace.
"""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from viewer.display.paging import shared_height
from viewer.panes.assessment_pane import AssessmentPane
from viewer.panes.prediction_pane import PredictionPane
from viewer.shared import theme

WIDTH = 348  # pixels, at the first start
LOW = 560  # pixels of height; below, every row counts
NOTE_LINES = ((900, 3), (LOW, 2), (0, 1))  # from that height on
TALL, NOTE_LINE = 1400, 80  # from there on six lines, and one more for each of so many pixels
HISTORY_HEIGHT = 110  # pixels that what was recorded before likes to have
LEAST_PREDICTION = 150  # pixels; where the window is lower still, the pane scrolls as a whole


class ReadingPane(QScrollArea):
    """Scrolls only on a screen that is lower than any that it is made for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        content = QWidget(self)
        self.prediction = PredictionPane(content)
        self.assessment = AssessmentPane(content)
        line = QFrame(content)
        line.setFixedHeight(1)
        line.setStyleSheet(f"background: {theme.LINE.name()}")
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.prediction)
        column.addWidget(line)
        column.addWidget(self.assessment, 1)
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the keyboard within
        self.setMinimumSize(self.prediction.minimumWidth(), 320)
        self.prediction.room_changed.connect(self.share_height)
        self.assessment.room_changed.connect(self.share_height)

    def sizeHint(self) -> QSize:
        return QSize(theme.scaled(WIDTH), 700)

    def share_height(self) -> None:
        height = self.viewport().height()
        is_low = height < theme.scaled(LOW)
        self.assessment.set_room(_note_lines(height), is_low)
        self.prediction.set_low(is_low)
        least, most = self.prediction.heights(self.viewport().width())
        form = self.assessment.least_height + 1
        share = shared_height(height, form, least, most, HISTORY_HEIGHT)
        self.prediction.setFixedHeight(max(LEAST_PREDICTION, share))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share_height()


def _note_lines(height: int) -> int:
    tall = theme.scaled(TALL)
    if height >= tall:
        return 6 + (height - tall) // theme.scaled(NOTE_LINE)
    return next(lines for least, lines in NOTE_LINES if height >= theme.scaled(least) or not least)
