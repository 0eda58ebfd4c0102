"""Labels as the panes use them: plain text, of a size, colour and height that they keep."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QScrollArea, QSizePolicy, QWidget

from viewer.shared import theme
from viewer.shared.plain_text import PlainLabel


def wrapped(
    parent: QWidget, size: int = theme.SMALL_TEXT_PX, *, bold: bool = False, quiet: bool = False
) -> PlainLabel:
    """As many lines as its text needs."""
    label = PlainLabel(parent)
    label.setFont(theme.font(size, bold))
    label.setWordWrap(True)
    if quiet:
        colour(label, theme.MUTED)
    return label


def line(parent: QWidget) -> PlainLabel:
    """One quiet line whose text does not widen the pane: its width would show what was in it."""
    label = wrapped(parent, quiet=True)
    label.setWordWrap(False)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label


def title(text: str, parent: QWidget) -> PlainLabel:
    label = PlainLabel(text, parent)
    label.setFont(theme.font(bold=True))
    return label


def colour(label: QLabel, text_colour: QColor) -> None:
    palette = label.palette()
    palette.setColor(label.foregroundRole(), text_colour)
    label.setPalette(palette)


def reserve(label: QLabel, lines: int) -> None:
    """Room for that many lines, so that nothing moves when they come; its text is kept."""
    text = label.text()
    label.setMinimumHeight(0)  # or it would never shrink
    label.setText("\n".join("X" * lines))
    label.setMinimumHeight(label.sizeHint().height())
    label.setText(text)


def stop_where_it_scrolls(area: QScrollArea) -> None:
    """Makes it a stop of the keyboard as long as not all of it is seen, and no stop else."""
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.verticalScrollBar().rangeChanged.connect(
        lambda _least, most: area.setFocusPolicy(
            Qt.FocusPolicy.TabFocus if most else Qt.FocusPolicy.NoFocus
        )
    )
