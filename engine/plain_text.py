"""Words from files, folders, readers and databases, made fit to be shown or exported.

Characters that cannot be seen can still change what is: an override turns a line round ("4" and
"321" for one who reads "1234"), an escape sequence colours a terminal, a NUL ends a text for some
programs and not for others. They are replaced by U+FFFD rather than dropped, so that a text that
holds one never looks like one that does not.
"""

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAKS = "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, Hindi, emoji need them
_MARKS_LIMIT = 4  #: on one letter; more would be drawn over the lines above and below


def visible_text(text: str) -> str:
    """`text` on one line, without a character that is not seen: control and format characters
    (directional overrides and isolates among them), surrogates of undecodable file names.

    Tabs and line breaks become blanks. Of the same length as `text`.
    """
    if text.isascii() and text.isprintable():
        return text
    seen, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if character in _BREAKS:
            seen.append(" ")
        elif marks > _MARKS_LIMIT or not _is_seen(character):
            seen.append(REPLACEMENT)
        else:
            seen.append(character)
    return "".join(seen)


def _is_seen(character: str) -> bool:
    is_blank = unicodedata.category(character) == "Zs"  # not printable to Python, but harmless
    return character.isprintable() or is_blank or character in _JOINERS
