"""The engine's sentences in the reader's language.

The engine knows no language but English: its errors, reasons and notes are messages
(`engine/messages.py`), a template and what stands in it, that are also logged and exported. On
their way to the screen the template is translated and then filled. What is no message is a file's
or a reader's own words, and shown as it came.
"""

from engine.domain import NOTICE, Laterality, MammogramView, not_judged
from engine.errors import EngineError
from engine.messages import Message
from engine.plain_text import visible_text
from viewer.shared import languages
from viewer.shared.languages import tr


def localised(text: str) -> str:
    """A message in the reader's language; any other text as it is."""
    if not isinstance(text, Message) or languages.current() == languages.SOURCE:
        return str(text)
    told = tr(text.template)
    if not text.values:
        return told
    values = text.values.items()
    return told.format_map({n: localised(v) if isinstance(v, str) else v for n, v in values})


def localised_error(error: EngineError) -> str:
    """As `str(error)`."""
    return localised(error.message)


def image_notes(view: MammogramView, is_refusal_told: bool = False) -> tuple[str, ...]:
    """What must be known of the image wherever it is shown, and is not said there otherwise.

    `is_refusal_told`: why no network judges it stands there, too.
    """
    notes = _without_refusal(view) if is_refusal_told else view.notes
    return tuple(visible_text(localised(note)) for note in notes if note not in view.told_shorter)


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


def side_mark(side: Laterality) -> str:
    """The same where there is little room beside it."""
    if side is Laterality.RIGHT:
        return tr("RIGHT", "short, beside other words")
    return tr("LEFT", "short, beside other words")


def side_words(side: Laterality) -> str:
    """For screen readers, beside what is said of a breast."""
    return tr("right breast") if side is Laterality.RIGHT else tr("left breast")


def notice() -> str:
    """What stands on every screen; exports carry `engine.domain.NOTICE` itself."""
    return tr(NOTICE)
