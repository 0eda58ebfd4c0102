"""The engine's sentences in the reader's language.

The engine knows no language but English: its errors, reasons and notes are messages
(`engine/messages.py`), a template and what stands in it, that are also logged and exported. On
their way to the screen the template is translated and then filled. A file's or a reader's own words
are no message, and shown as they came.
"""

from engine.domain import NOTICE, Laterality, MammogramView, not_judged
from engine.errors import EngineError
from engine.messages import Message, Value, as_message
from engine.plain_text import visible_text
from viewer.shared import languages
from viewer.shared.languages import tr


def localised(text: Message) -> str:
    """In the reader's language. A text that is none, against its type, is looked up whole."""
    if languages.current() == languages.SOURCE:
        return str(text)
    said = as_message(text)
    told = tr(said.template)
    values = {name: _value(value) for name, value in said.values.items()}
    return told.format_map(values) if values else told


def _value(value: Value) -> Value:
    return localised_unless_foreign(value) if isinstance(value, str) else value


def localised_unless_foreign(text: str) -> str:
    """A message in the reader's language, or a file's own words as they are."""
    return localised(text) if isinstance(text, Message) else text


def localised_error(error: EngineError) -> str:
    """As `str(error)`."""
    return localised(error.message)


def image_notes(view: MammogramView, is_refusal_told: bool = False) -> tuple[str, ...]:
    """What must be known of the image wherever it is shown, and is not said there otherwise.

    `is_refusal_told`: why no network judges it stands there, too.
    """
    notes = _without_refusal(view) if is_refusal_told else view.notes
    return tuple(visible_text(localised(note)) for note in notes if note not in view.notes_on_image)


def form_notes(view: MammogramView) -> tuple[str, ...]:
    """All that is known of the image, beside what the model says of it or why it says nothing."""
    return tuple(visible_text(localised(note)) for note in _without_refusal(view))


def _without_refusal(view: MammogramView) -> tuple[Message, ...]:
    if view.out_of_scope is None:
        return view.notes
    refusal = not_judged(view.out_of_scope)
    return tuple(note for note in view.notes if note != refusal)


def side_title(side: Laterality) -> str:
    """Above what is said of a breast."""
    return tr("RIGHT") if side is Laterality.RIGHT else tr("LEFT")


def short_side_name(side: Laterality) -> str:
    """The same where there is little room beside it."""
    if side is Laterality.RIGHT:
        return tr("RIGHT", "short, beside other words")
    return tr("LEFT", "short, beside other words")


def side_name(side: Laterality) -> str:
    """For screen readers, beside what is said of a breast."""
    return tr("right breast") if side is Laterality.RIGHT else tr("left breast")


def notice() -> str:
    """What stands on every screen; exports carry `engine.domain.NOTICE` itself."""
    return tr(NOTICE)
