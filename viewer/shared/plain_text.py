"""Foreign words on the screen: never markup, never unseen, never cut so that they mislead.

Qt takes any text with a tag in it for rich text, in tool tips and labels alike, and then opens
the files that the markup names. So a tool tip with words from a file, a folder, a reader or the
database is made by `tool_tip`, and every label is a `PlainLabel`; a test looks for others.
"""

import re
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from engine.plain_text import visible_text

CUT = " […] "  #: in place of what is left out; no text begins or ends with it
LINE_LENGTH = 240  #: characters of a line in a tool tip
NAME_LENGTH = 120  #: of a name or ID in a list
_LINES_LIMIT = 24
_WORD_LENGTH = 60
_ZERO_WIDTH_SPACE = "\u200b"


def shortened(text: str, length: int = NAME_LENGTH) -> str:
    """One visible line of at most `length` characters, with its beginning and its end.

    What is left out is left out of the middle: two names that differ in a number at their end
    still differ, and a file keeps its suffix.
    """
    if len(text) > length:
        kept = length - len(CUT)
        text = f"{text[: kept - kept // 2]}{CUT}{text[len(text) - kept // 2 :]}"
    return visible_text(text)


def natural(text: str) -> str:
    """A key that sorts 2 before 10."""
    return re.sub(
        r"[0-9]+",
        lambda found: f"{len(found[0].lstrip('0')):04}{found[0].lstrip('0')}",
        text.casefold(),
    )


def visible_lines(text: str) -> str:
    """The text with its own lines kept, and every character that shows nothing replaced."""
    return "\n".join(map(visible_text, text.split("\n")))


def tool_tip(*texts: str) -> str:
    """Rich text that shows each of the texts' lines as it is, whatever stands in it.

    Empty texts are left out; of no text at all comes no tool tip.
    """
    lines = [line for text in texts for line in text[:65536].split("\n") if line.strip()]
    if len(lines) > _LINES_LIMIT:
        lines = [*lines[: _LINES_LIMIT - 1], "…"]
    return f"<qt>{'<br>'.join(map(_escaped, lines))}</qt>" if lines else ""


def _escaped(line: str) -> str:
    """May be broken within words that are longer than a tool tip is wide."""
    line = shortened(line, LINE_LENGTH)
    return escape(re.sub(rf"(\S{{{_WORD_LENGTH}}})(?=\S)", rf"\1{_ZERO_WIDTH_SPACE}", line))


class PlainLabel(QLabel):
    """A label whose text is shown as it is, never taken for markup; arguments as QLabel's."""

    def __init__(self, text: str | QWidget | None = "", parent: QWidget | None = None) -> None:
        """The parent alone will do."""
        if not isinstance(text, str):
            parent, text = text, ""
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(visible_lines(text))
