"""Colours and type in one place, and the dark look that they make.

Reading rooms are dark: surfaces are near black and neutral, so that they neither glare nor tint
the eye's idea of grey; images stand on pure black. Every text colour has a contrast of at least
4.5 : 1 on every surface that it stands on (WCAG 2.1, 1.4.3). No state is told by colour alone.
"""

from functools import lru_cache
from string import Template

from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from resources import ROOT

IMAGE_BACKGROUND = QColor("#000000")
WINDOW = QColor("#161719")  #: panes, bars, menus
FIELD = QColor("#0e0f10")  #: lists and text fields
RAISED = QColor("#24272a")  #: buttons
HOVER = QColor("#303438")
LINE = QColor("#3a3f44")  #: between surfaces; carries no meaning
TEXT = QColor("#e4e6e8")
MUTED = QColor("#adb4bb")  #: text of the second rank
DISABLED = QColor("#7e868d")
ACCENT = QColor("#67b8ea")  #: focus and selection
SELECTION = QColor("#1d4661")  #: behind the text of a selected row
WARNING = QColor("#f2c14e")  #: guesses, mirrored display, files that failed
PRIOR = QColor("#c9a2ff")  #: what belongs to an earlier study; never the only sign
FOREIGN = QColor("#74dcd8")  #: what others' documents say; never the only sign
ERROR = QColor("#ff9583")
SUSPICIOUS = QColor("#e8a33d")  #: a badge of BI-RADS 4 or 5; never the only sign
ON_SUSPICIOUS = QColor("#16120a")  #: text on it

TEXT_COLOURS = (TEXT, MUTED, ACCENT, WARNING, PRIOR, FOREIGN, ERROR)
SURFACES = (IMAGE_BACKGROUND, WINDOW, FIELD, RAISED, HOVER, SELECTION)

# Pixels as Qt counts them: the desktop's scaling comes on top, and `scaled` before it.
TEXT_PX = 14
SMALL_TEXT_PX = 13
TITLE_PX = 17
VIEW_LABEL_PX = 22  #: 'R CC' over the image
_IMAGES_WIDTH, _PANES_WIDTH, _LEAST_HEIGHT = 380, 555, 540  #: the latter two before `scaled`


def contrast(one: QColor, other: QColor) -> float:
    """The contrast ratio of two colours, 1 … 21 (WCAG 2.1)."""

    def luminance(colour: QColor) -> float:
        red, green, blue = map(_linear, (colour.redF(), colour.greenF(), colour.blueF()))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _linear(value: float) -> float:
    """Of an sRGB channel."""
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


class _Text:
    """How large text is; known before the first widget is made."""

    scale = 1.0


def scaled(pixels: float) -> int:
    """A length that belongs to text, as long as text is now."""
    return round(pixels * _Text.scale)


def largest_scale(screen: QSize) -> float:
    """At which nothing of a window as large as that is cut, and *Save* is in sight: the panes need
    so much of the width for their text beside the images, and all of the height.
    """
    across = (screen.width() - _IMAGES_WIDTH) / _PANES_WIDTH
    return max(1.0, min(across, screen.height() / _LEAST_HEIGHT))


@lru_cache(maxsize=64)
def font(size: int = TEXT_PX, bold: bool = False) -> QFont:
    """The application's typeface, `size` pixels high, scaled; not to be changed, it is shared."""
    result = QFont(QApplication.font())
    result.setPixelSize(scaled(size))
    result.setBold(bold)
    return result


def style_sheet() -> str:
    """resources/style.qss with this module's colours filled in; raises KeyError for an unknown."""
    colours = {name: value.name() for name, value in globals().items() if isinstance(value, QColor)}
    return Template((ROOT / "style.qss").read_text("utf-8")).substitute(colours)


def palette() -> QPalette:
    result = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, WINDOW),
        (role.WindowText, TEXT),
        (role.Base, FIELD),
        (role.AlternateBase, WINDOW),
        (role.Text, TEXT),
        (role.PlaceholderText, MUTED),
        (role.Button, RAISED),
        (role.ButtonText, TEXT),
        (role.BrightText, WARNING),
        (role.ToolTipBase, RAISED),
        (role.ToolTipText, TEXT),
        (role.Highlight, SELECTION),
        (role.HighlightedText, TEXT),
        (role.Link, ACCENT),
        (role.LinkVisited, ACCENT),
        (role.Light, HOVER),
        (role.Midlight, HOVER),
        (role.Mid, LINE),
        (role.Dark, FIELD),
        (role.Shadow, IMAGE_BACKGROUND),
        (role.Accent, ACCENT),
    ):
        result.setColor(where, colour)
    for where in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, where, DISABLED)
    return result


def apply(
    app: QApplication,
    text_scale: float = 1.0,
    screen: QSize | None = None,
    desktop_font: QFont | None = None,
) -> None:
    """Dark on every platform, whatever the desktop's own theme; text no smaller than the desktop's
    own, times `text_scale`, as far as a window with all panes still finds room on the `screen`.
    """
    own = desktop_font or QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    wanted = text_scale * max(1.0, QFontInfo(own).pixelSize() / TEXT_PX)
    _Text.scale = wanted if screen is None else min(wanted, largest_scale(screen))
    font.cache_clear()
    app.setStyle("Fusion")
    app.setPalette(palette())
    app.setFont(font())
    app.setStyleSheet(style_sheet())
