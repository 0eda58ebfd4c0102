"""Text as a cell of a CSV that people open in a spreadsheet; every CSV writer uses it.

File names, patient IDs and comments come from strangers. A spreadsheet runs a cell as a formula by
its first character (OWASP, CSV Injection), and a control character or a bidirectional override
steers the terminal or turns the line round for whoever looks at it.
"""

import re

from engine.plain_text import visible_text

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: C0 and C1 controls but for tab and line ends, and the bidirectional controls (Unicode UAX #9).
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run a cell that holds the text."""
    return _CONTROLS.sub("", text).lstrip(" ").startswith(_FORMULA_STARTS)


def inert(text: str) -> str:
    """The text as a cell that no spreadsheet runs and no terminal obeys.

    An apostrophe goes before a formula; each character that is not seen becomes U+FFFD. It is on
    one line: a spreadsheet that is told another separator would take each line's beginning for a
    cell's.
    """
    shown = visible_text(text)
    return f"'{shown}" if is_formula(text) or is_formula(shown) else shown
