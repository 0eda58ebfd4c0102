"""A view as a picture for a slide or a letter, and files that appear whole or not at all."""

from pathlib import Path

from PySide6.QtCore import QBuffer, QFileDevice, QIODevice, QRect, QSaveFile, Qt
from PySide6.QtGui import QFontMetrics, QImage, QImageWriter, QPainter

from engine import __version__
from engine.domain import NOTICE
from engine.errors import StorageFailed
from engine.messages import message
from viewer.display.shown_image import ImageState
from viewer.shared import theme
from viewer.shared.languages import mark, tr
from viewer.shared.messages import notice
from viewer.viewports.canvas import Canvas
from viewer.viewports.corner_text import OverlayOptions
from viewer.viewports.picture import picture

_PAD = 8  #: logical pixels
OWNER_ONLY = QFileDevice.Permission.ReadOwner | QFileDevice.Permission.WriteOwner
HEAT_WORDS = mark("Colour: model attention, not a lesion outline.")


def picture_of(canvas: Canvas, shown: OverlayOptions) -> QImage:
    """The view as displayed, in the screen's own pixels, with the notice in a strip below it."""
    view = picture(canvas, shown)
    ratio = view.devicePixelRatio()
    font = theme.font(theme.SMALL_TEXT_PX, bold=True)
    metrics = QFontMetrics(font)
    notices = [
        line
        for words in dict.fromkeys((notice(), NOTICE))  # the verbatim one is on all that goes out
        for line in wrapped(words, metrics, canvas.width() - 2 * _PAD)
    ]
    lines = list(notices)
    if shown.heat and canvas.shows_heat:
        lines += wrapped(tr(HEAT_WORDS), metrics, canvas.width() - 2 * _PAD)
    height = canvas.height() + metrics.height() * len(lines) + _PAD
    result = QImage(view.width(), round(height * ratio), QImage.Format.Format_RGB32)
    result.setDevicePixelRatio(ratio)
    result.fill(theme.WINDOW)
    painter = QPainter(result)
    painter.drawImage(0, 0, view)
    painter.setFont(font)
    y = canvas.height() + _PAD // 2
    for line in lines:
        painter.setPen(theme.WARNING if line in notices else theme.TEXT)
        area = QRect(_PAD, y, canvas.width() - 2 * _PAD, metrics.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, line)
        y += metrics.height()
    painter.end()
    return result


def can_be_pictured(canvas: Canvas | None) -> bool:
    return canvas is not None and canvas.state is ImageState.SHOWN


def file_name(canvas: Canvas) -> str:
    """'R_CC.png', 'PRIOR_R_CC.png': nothing of the patient."""
    prior = "PRIOR_" if canvas.prior else ""
    return prior + canvas.view.label.replace(" ", "_").replace("?", "unknown") + ".png"


def png(image: QImage) -> bytes:
    """Encoded, with the notice in its metadata too (keywords: PNG 3rd edition, 11.3.3.1)."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, b"png")
    writer.setText("Disclaimer", NOTICE)
    writer.setText("Software", f"birads-viewer {__version__}")
    if not writer.write(image):
        raise StorageFailed(
            mark("The picture was not made"), mark("Close other programs and try again.")
        )
    return bytes(buffer.data().data())


def save(path: Path, data: bytes) -> None:
    """Raises StorageFailed, and leaves what was there before."""
    file = QSaveFile(str(path))
    is_written = (
        file.open(QIODevice.OpenModeFlag.WriteOnly)
        and file.setPermissions(OWNER_ONLY)  # whatever the umask, and whatever was there before
        and file.write(data) == len(data)
    )
    if not (is_written and file.commit()):
        reason = file.errorString() or message("It could not be written")
        raise StorageFailed(
            mark("The file was not saved"),
            message("{why}: free some space, or choose another folder.", why=reason),
        )


def wrapped(text: str, metrics: QFontMetrics, room: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and metrics.horizontalAdvance(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
