"""How large a pixel of this screen is, found with a ruler held against it.

What a screen says of its own size is often wrong, over a projector or a remote desktop always; so
true size is offered only after somebody has measured.
"""

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QScreen
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from viewer.shared import theme
from viewer.shared.languages import tr
from viewer.shared.plain_text import PlainLabel

LENGTH_MM = 100.0  #: that the line on the screen is to have
LEAST_MM, MOST_MM = 0.04, 1.0  #: of a device pixel; beyond, no desktop screen
_GUESS_MM = 25.4 / 96
_STEPS = 10_000  # of the slider


def screen_key(screen: QScreen) -> str:
    """What a calibration is remembered by: another resolution is another size of pixel."""
    size = screen.size() * screen.devicePixelRatio()
    return f"{screen.name()} {screen.serialNumber()} {size.width()}x{size.height()}".strip()


class ScreenCalibration(QDialog):
    """A line that is to be made as long as 100 mm of a ruler; stops nothing else."""

    calibrated = Signal(str, float)  #: the screen's key, mm of a device pixel

    def __init__(self, pixel_mm: float | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Calibrate this screen"))
        words = PlainLabel(
            tr(
                "Hold a ruler against the screen and make the line {length} mm long.\n"
                "The arrow keys move its end by a hair. Do this once on each screen."
            ).format(length=f"{LENGTH_MM:.0f}"),
            self,
        )
        self.line = _Line(self)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setAccessibleName(tr("Length of the line"))
        self._pixel = QDoubleSpinBox(self)
        self._pixel.setDecimals(4)
        self._pixel.setRange(LEAST_MM, MOST_MM)
        self._pixel.setSingleStep(0.0005)
        self._pixel.setSuffix(" mm")
        self._pixel.setAccessibleName(tr("Size of a pixel"))
        buttons = QDialogButtonBox(self)
        buttons.addButton(tr("Save"), QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        size = QHBoxLayout()
        size.addWidget(PlainLabel(tr("A pixel is"), self))
        size.addWidget(self._pixel)
        size.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        for widget in (words, self.line, self.slider):
            column.addWidget(widget)
        column.addLayout(size)
        column.addWidget(buttons)
        self.resize(860, 260)
        self._pixel.valueChanged.connect(self._show)
        self.slider.valueChanged.connect(self._slide)
        self._pixel.setValue(pixel_mm or _GUESS_MM)
        self._show()
        self.slider.setFocus()

    @property
    def pixel_mm(self) -> float:
        return self._pixel.value()

    def set_pixel_mm(self, mm: float) -> None:
        self._pixel.setValue(mm)

    def _slide(self, step: int) -> None:
        """The slider is the line's length, which the eye compares."""
        longest = LENGTH_MM / LEAST_MM
        shortest = LENGTH_MM / MOST_MM
        self._pixel.setValue(LENGTH_MM / (shortest + (longest - shortest) * step / _STEPS))

    def _show(self) -> None:
        pixels = LENGTH_MM / self.pixel_mm
        longest, shortest = LENGTH_MM / LEAST_MM, LENGTH_MM / MOST_MM
        self.slider.blockSignals(True)
        self.slider.setValue(round((pixels - shortest) / (longest - shortest) * _STEPS))
        self.slider.blockSignals(False)
        self.line.set_length(pixels)

    def accept(self) -> None:
        self.calibrated.emit(screen_key(self.screen()), self.pixel_mm)
        super().accept()


class _Line(QWidget):
    """A white line with ticks at each tenth; its length is in device pixels."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._length = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_length(self, device_pixels: float) -> None:
        self._length = device_pixels
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, 56)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.IMAGE_BACKGROUND)
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        left, bottom = round(8 * ratio), round(40 * ratio)
        length = round(self._length)
        painter.setPen(QPen(theme.TEXT, 1))
        painter.drawLine(left, bottom, left + length, bottom)
        for tenth in range(11):
            x = left + round(length * tenth / 10)
            height = (26 if tenth in (0, 10) else 18 if tenth == 5 else 10) * ratio
            painter.drawLine(x, bottom, x, round(bottom - height))
        if left + length > self.width() * ratio:
            painter.resetTransform()
            painter.setPen(theme.WARNING)
            painter.drawText(
                QRect(8, 38, self.width() - 16, 18),
                Qt.AlignmentFlag.AlignRight,
                tr("make this window wider"),
            )
        painter.end()
