"""The world's faults, told to the reader: every one has a title and one sentence of advice.

Anything that is not an `EngineError` is a bug of ours. Free of heavy imports, so that widgets may
import it.
"""

import traceback

from engine.messages import Message, as_message, joined, message


class EngineError(Exception):
    """Something outside the program is wrong; shown as a banner, and the program goes on.

    `title` is a headline of three to six words, `advice` one sentence on what to do. Neither holds
    a patient identifier. Where the window may show them they are messages; the command lines speak
    English, and may give plain texts.
    """

    def __init__(self, title: str, advice: str) -> None:
        super().__init__(title, advice)  # both in args, so that it pickles across processes
        self.title = as_message(title)
        self.advice = as_message(advice)

    @property
    def message(self) -> Message:
        """What `str` says."""
        return joined(": ", (self.title, self.advice))

    def __str__(self) -> str:
        return f"{self.title}: {self.advice}"


class UnreadableFile(EngineError):
    """The file is empty, truncated, encrypted, corrupt, oversized, or in no format we decode."""


FILE_CHANGED = message("The file has changed")


class FileChanged(UnreadableFile):
    """The file is no longer what was listed: it may be another patient's by now."""

    def __init__(
        self, title: str = FILE_CHANGED, advice: str = message("Open the folder again.")
    ) -> None:
        super().__init__(title, advice)


class UnsupportedImage(EngineError):
    """The file is sound, but it is not an image that can be shown."""


class IncompatibleCheckpoint(EngineError):
    """A checkpoint is missing, truncated, of another architecture, or its hash is wrong."""


class DamagedInstallation(EngineError):
    """A file that came with the program is missing, or is not what was shipped."""


class InvalidData(EngineError):
    """A manifest or training folder cannot be used as it is; the advice names the row."""


class StorageFailed(EngineError):
    """A reading or an export could not be written; the reader must know."""


class EngineStopped(EngineError):
    """The engine process died while it worked on this request; it has been started again."""


def is_out_of_memory(error: BaseException) -> bool:
    """Also of libraries that have no exception of their own for it."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | OSError)
        and any(w in words for w in ("allocate memory", "out of memory", "bad_alloc"))
    )


def error_trace(error: BaseException) -> str:
    """Types and frames of an exception and what led to it, for a log.

    Its words are left out: they may hold a path, and a path may hold a patient's name.
    """
    parts = []
    cause: BaseException | None = error
    while cause is not None:
        parts += [type(cause).__name__, *traceback.format_tb(cause.__traceback__)]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(part.rstrip() for part in parts)
