"""Draws resources/icons: the program's own, and the set that its buttons show.

    python scripts/make_icons.py

The program's own is rendered from resources/icons/birads-viewer.svg to the .png and .ico beside it.
The others stand below, each a few lines on a grid of 24 x 24 in one weight, and become
resources/icons/NAME.svg; `viewer.shared.icons` gives them their colour. Needs what the program
itself needs (Qt's SVG renderer, Pillow).
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

FRAME = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
    'stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">{}</svg>\n'
)
CORNERS = "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4"
WORKLIST = "M3.5 6h9M3.5 11h9M3.5 16h9"


def line(path: str) -> str:
    return f'<path d="{path}"/>'


def area(path: str) -> str:
    return f'<path d="{path}" fill="currentColor" fill-rule="evenodd" stroke="none"/>'


def dot(x: float, y: float, radius: float = 1.3) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="currentColor" stroke="none"/>'


def ring(x: float, y: float, radius: float) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}"/>'


DRAWINGS = {
    "actual_pixels": line("M4.5 8.2L7 6.5V17.5M16.5 8.2L19 6.5V17.5")
    + dot(12, 9.7)
    + dot(12, 14.7),
    "ask": line(CORNERS + "M9.3 9.7a2.7 2.7 0 1 1 3.9 2.4c-.9.5-1.2 1-1.2 1.9") + dot(12, 17),
    "discard": line("M8 5L4 9l4 4M4 9h10.5a5 5 0 0 1 0 10H9"),
    "fit": line(CORNERS + "M8.5 7.5c6 0 8 2.5 8 4.5s-2 4.5-8 4.5z"),
    "heat_map": line(
        "M12.5 2.8c.6 4.4 5 6 5 11.2a5.5 5.5 0 0 1-11 0c0-2.6 1.4-3.8 2-6 1.2.7 1.9 1.7 2.1 3 "
        "1.5-1.7 2.2-4.6 1.9-8.2z"
    ),
    "invert": line("M4 4h16v16H4z") + area("M20 4v16H4z"),
    "links": line(
        "M10 13.5a4.2 4.2 0 0 0 6.3.4l2.9-2.9a4.2 4.2 0 0 0-6-6l-1.4 1.4"
        "M14 10.5a4.2 4.2 0 0 0-6.3-.4l-2.9 2.9a4.2 4.2 0 0 0 6 6l1.4-1.4"
    ),
    "magnifier": ring(10.5, 10.5, 6.5) + line("M15.5 15.5L21 21"),
    "more": line("M6 5l7 7-7 7M13 5l7 7-7 7"),
    "next_step": area("M5 4.5l10 7.5-10 7.5z") + line("M19 5v14"),
    "next_study": line(WORKLIST + "M18.5 5v14M15 15.5l3.5 3.5 3.5-3.5"),
    "one_view": line(
        "M3.5 4.5h7.5v6.5H3.5zM13 4.5h7.5v6.5H13zM3.5 13h7.5v6.5H3.5zM13 13h7.5v6.5H13z"
    ),
    "open": line(
        "M3 7a1.5 1.5 0 0 1 1.5-1.5h4.6l2.2 2.5h8.2A1.5 1.5 0 0 1 21 9.5v8a1.5 1.5 0 0 1-1.5 1.5"
        "h-15A1.5 1.5 0 0 1 3 17.5z"
    ),
    "preset": ring(12, 12, 8) + area("M12 4a8 8 0 0 1 0 16z"),
    "previous_study": line(WORKLIST + "M18.5 19V5M15 8.5L18.5 5L22 8.5"),
    "quadrants": line("M4 4h16v16H4zM12 4v16M4 12h16") + area("M4 4h8v8H4z"),
    "reset": line("M4.5 4.5v5.5H10M5 10a7.6 7.6 0 1 1-.6 4"),
    "ruler": line("M3 16.5L16.5 3L21 7.5L7.5 21zM7 12.5l2 2M10 9.5l3 3M13 6.5l2 2"),
    "save": line("M4 4h12.5L20 7.5V20H4zM8 4v5h7V4M7.5 20v-6.5h9V20"),
    "save_next": line("M9 18H3V4h9.5L16 7.5V11M6.5 4v4.5H12V4M12.5 17H22M18 13l4 4-4 4"),
    "shutter": line("M3.5 3.5h17v17h-17z")
    + area("M3 3h18v18H3zM8 6.5v11c5.5 0 9-2.5 9-5.5s-3.5-5.5-9-5.5z"),
}


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
    for name, drawing in DRAWINGS.items():
        (ICONS / f"{name}.svg").write_text(FRAME.format(drawing), "utf-8")
    renderer = QSvgRenderer(str(ICONS / "birads-viewer.svg"))
    images = [render(renderer, size) for size in ICO_SIZES]
    render(renderer, PNG_SIZE).save(ICONS / "birads-viewer.png", optimize=True)
    images[-1].save(
        ICONS / "birads-viewer.ico", sizes=[(s, s) for s in ICO_SIZES], append_images=images[:-1]
    )
    del application


if __name__ == "__main__":
    main()
