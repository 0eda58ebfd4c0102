"""What SOURCE may be on the command line: a folder or ZIP file, a list of them, a place to ask."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.archive.units import StudySource
from engine.errors import EngineError, InvalidData


def _pacs(text: str) -> StudySource:
    from engine.archive.pacs_source import PacsSource  # of the extra for DICOM

    return PacsSource.of(text)


#: Kinds of sources that are asked, by the word before the colon, and what opens them: the rest of
#: the text in, a `StudySource` out. Raises EngineError where it is not configured.
REMOTE: dict[str, Callable[[str], StudySource]] = {"pacs": _pacs}

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):(.+)", re.DOTALL)
_LINE_LIMIT = 2**15  #: characters; no path is longer


class NoSuchSource(EngineError):
    """A SOURCE that is nothing to be read or asked."""


def folders(texts: Sequence[str]) -> Iterator[Path]:
    """The folders among the sources, absolute, those of lists one by one.

    Raises NoSuchSource and InvalidData.
    """
    for text in texts:
        path = Path(text)
        if path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"):
            yield _absolute(path)
        elif path.is_file():
            yield from _listed(path)
        elif remote(text) is None:
            raise NoSuchSource("No such source", f"{text} is no folder, nor a list of folders.")


def roots(texts: Sequence[str]) -> tuple[Path, ...]:
    """Folders that every worker must see: those that are named, and one of each list."""
    found = []
    for text in texts:
        there = (folder for folder in folders([text]) if folder.is_dir())
        found += [folder for folder in [next(there, None)] if folder is not None]
    return tuple(found)


def remotes(texts: Sequence[str]) -> dict[str, StudySource]:
    """The others, by their text, opened. Raises EngineError."""
    opened = {}
    for text in texts:
        kind = None if Path(text).exists() else remote(text)
        if kind is not None:
            opened[text] = REMOTE[kind](text.partition(":")[2])
    return opened


def remote(text: str) -> str | None:
    """The kind of a source to be asked; None where it is none. Raises NoSuchSource."""
    found = _SCHEME.fullmatch(text)
    if found is None or len(found[1]) < 2:  # C:\images
        return None
    if found[1] not in REMOTE:
        raise NoSuchSource(
            "Source is not supported", f"Kinds that can be asked: {', '.join(sorted(REMOTE))}."
        )
    return found[1]


def _listed(path: Path) -> Iterator[Path]:
    """One folder a line, read as it goes; relative ones from where the list lies."""
    number = 0
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as lines:
            while line := lines.readline(_LINE_LIMIT):
                number += 1
                name = line.rstrip("\r\n")
                if not name.strip() or name.startswith("#"):
                    continue
                if "\0" in name:
                    raise InvalidData("Not a list of folders", f"{path}, line {number}.")
                yield _absolute(path.parent / name)  # one that is missing fails by itself
    except OSError as error:
        raise InvalidData("The list cannot be read", f"{path}: {error.strerror}.") from error


def _absolute(path: Path) -> Path:
    """Workers have another working folder; links stay what they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100  without "..", and links stay as they are
