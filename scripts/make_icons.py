"""Renders resources/icons/birads-viewer.svg to the .png and .ico beside it.

    python scripts/make_icons.py

Needs what the program itself needs (Qt's SVG renderer, Pillow).
"""

import io
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPainter, Qt
from PySide6.QtSvg import QSvgRenderer

ICONS = Path(__file__).parents[1] / "resources" / "icons"
PNG_SIZE = 256
ICO_SIZES = (16, 24, 32, 48, 64, 128, 256)  # what Windows asks for, from list view to tile


def render(renderer: QSvgRenderer, size: int) -> Image.Image:
    """The drawing at `size` x `size` pixels, with a transparent surround."""
    image = QImage(size, size, QImage.Format.Format_RGBA8888)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return Image.open(io.BytesIO(bytes(buffer.data())))


def main() -> None:
    application = QGuiApplication(sys.argv)
    renderer = QSvgRenderer(str(ICONS / "birads-viewer.svg"))
    images = [render(renderer, size) for size in ICO_SIZES]
    render(renderer, PNG_SIZE).save(ICONS / "birads-viewer.png", optimize=True)
    images[-1].save(
        ICONS / "birads-viewer.ico", sizes=[(s, s) for s in ICO_SIZES], append_images=images[:-1]
    )
    del application


if __name__ == "__main__":
    main()
