"""The pictures on buttons: one set, drawn by scripts/make_icons.py, in the theme's colours."""

from functools import lru_cache

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, Qt
from PySide6.QtSvg import QSvgRenderer

from resources import ROOT
from viewer.shared import theme

SIZE = 20  #: logical pixels, on a button
_SIZES = (16, 20, 24, 32, 40, 48, 64)  #: device pixels; between them Qt scales down
_COLOURS = ((QIcon.Mode.Normal, theme.TEXT), (QIcon.Mode.Disabled, theme.DISABLED))


@lru_cache(maxsize=64)
def icon(name: str) -> QIcon:
    """resources/icons/NAME.svg; needs an application. Raises OSError for an unknown name."""
    drawing = (ROOT / "icons" / f"{name}.svg").read_text("utf-8")
    result = QIcon()
    for mode, colour in _COLOURS:
        coloured = drawing.replace("currentColor", colour.name())
        renderer = QSvgRenderer(QByteArray(coloured.encode()))
        for size in _SIZES:
            result.addPixmap(_render(renderer, size), mode)
    return result


def _render(renderer: QSvgRenderer, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(QColor(Qt.GlobalColor.transparent))
    painter = QPainter(pixmap)
    renderer.render(painter)
    painter.end()
    return pixmap
