"""The pictures on buttons: one set, drawn by scripts/make_icons.py, in the theme's colours."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap, Qt
from PySide6.QtSvg import QSvgRenderer

from resources import ROOT
from viewer.shared import theme

SIZE = 20  #: logical pixels, on a button


@lru_cache(maxsize=64)
def icon(name: str) -> QIcon:
    """resources/icons/NAME.svg; needs an application. Raises OSError for an unknown name."""
    return QIcon(_Drawn((ROOT / "icons" / f"{name}.svg").read_text("utf-8")))


class _Drawn(QIconEngine):
    """Drawn in the very size that a screen wants, and not before: most are never seen."""

    def __init__(self, drawing: str) -> None:
        super().__init__()
        self._drawing = drawing

    def clone(self) -> QIconEngine:
        return _Drawn(self._drawing)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        colour = theme.DISABLED if mode is QIcon.Mode.Disabled else theme.TEXT
        coloured = self._drawing.replace("currentColor", colour.name())
        QSvgRenderer(QByteArray(coloured.encode())).render(painter, QRectF(rect))
