"""Sentences for the reader as values: a template and what stands in it.

English here, in logs, exports and records. The window translates the template and then fills it
(`viewer/shared/messages.py`), so nothing ever reads a finished sentence back. A value may be a
message itself. docs/translating.md says how a template reaches the translators.
"""

import json
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, Self

Value = str | int | float  #: a plain str is a name or a file's own words, the same in any language


class Message(str):
    """The English sentence, and of what it is made.

    A `str` for all who store, compare or log it; what `str` makes of it (joined, cut, in an
    f-string) is a plain text without a template. Picklable: it crosses the engine's process.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Value]  #: by the names in braces; empty: the template is the sentence

    def __new__(cls, template: str, values: Mapping[str, Value]) -> Self:
        """Raises KeyError where the template names a value that is not there."""
        made = super().__new__(cls, template.format_map(values) if values else template)
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, Value]]]:
        return type(self), (self.template, dict(self.values))


def message(template: str, /, **values: Value) -> Message:
    """A sentence, or a part of one, that the window can put into the reader's language.

    The template is a literal: lupdate and a test read these calls.
    """
    return Message(template, values)


def mark(text: str, _comment: str = "") -> str:
    """Names a text for the translators, with a comment for them, and leaves it as it is; stored
    words are marked so.
    """
    return text


def as_message(text: str) -> Message:
    """The same where it is one already; else a text that is finished: of a command line, or stored
    by an earlier run. It is shown in English unless a whole template says just that.
    """
    return text if isinstance(text, Message) else Message(text, {})


def as_data(text: str) -> dict[str, Any]:
    """For JSON: a sentence that another process, or a later run, can still translate."""
    said = as_message(text)
    values = {k: as_data(v) if isinstance(v, Message) else v for k, v in said.values.items()}
    return {"template": said.template, "values": values}


def from_data(data: object) -> Message:
    """What `as_data` made. Raises ValueError for anything else."""
    match data:
        case {"template": str(template), "values": dict(values)}:
            told: dict[str, Value] = {}
            for name, value in values.items():
                told[str(name)] = (
                    value if isinstance(value, str | int | float) else from_data(value)
                )
            try:
                return Message(template, told)
            except (KeyError, IndexError, AttributeError) as error:
                raise ValueError("a template without its values") from error
    raise ValueError("no sentence")


def as_json(text: str) -> str:
    return json.dumps(as_data(text), ensure_ascii=False)


def from_json(text: str) -> Message:
    """What `as_json` made; a text that is none is taken as it is, in English."""
    try:
        return from_data(json.loads(text))
    except (ValueError, RecursionError):
        return as_message(text)


def joined(separator: str, parts: Iterable[Value]) -> Message:
    """The parts with punctuation or blanks between them, which no language changes."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Message(separator.join(f"{{{name}}}" for name in values), values)


def listed(parts: Iterable[Message]) -> Message:
    """'a', 'a and b', 'a and b and c'; of at least one."""
    return reduce(lambda a, b: message("{first} and {second}", first=a, second=b), parts)
