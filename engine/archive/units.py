"""What goes from the driver to the workers and back: small, picklable, silent about whose it is.

A unit is what is judged in one go: as a rule one study. Its repr holds a number and nothing else,
because schedulers log what a task was called with.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.errors import EngineError

Row = Mapping[str, Any]  #: a row of the results, by the names of `parts.SCHEMA`


class SourceGone(EngineError):
    """A source cannot be asked, whatever the study: that ends the run, which goes on later."""


class StudySource(Protocol):
    """Studies that do not lie in folders, such as a PACS; goes to the workers pickled.

    `sources.REMOTE` knows each kind by the word before its colon.
    """

    def keys(self) -> Iterator[str]:
        """One for each study there is, the same at each call (its Study Instance UID).

        Raises EngineError.
        """
        ...

    def fetched(self, key: str) -> AbstractContextManager[Sequence[Path]]:
        """The study's files, for as long as the block lasts; on a worker.

        Raises SourceGone, or another EngineError where it is this study alone.
        """
        ...


@dataclass(frozen=True, repr=False)
class Unit:
    """Files that are judged together, or a study to be fetched."""

    number: int  #: from 1, for good: results are known by it
    files: tuple[Path, ...] = ()  #: absolute
    #: looked at as well, as they decide how a study is called and what belongs to it; not judged
    context: tuple[Path, ...] = ()
    source: StudySource | None = None
    key: str = ""  #: of the study, at its source

    def __repr__(self) -> str:
        return f"unit {self.number}"


@dataclass(frozen=True, repr=False)
class JudgingOrder:
    """How all units of a run are to be judged."""

    model: str
    checkpoint: Path | None = None  #: instead of the shipped one
    heatmaps: Path | None = None  #: the folder for them; None: none are made
    may_use_gpu: bool = True
    roots: tuple[Path, ...] = ()  #: folders that a worker must see

    def __repr__(self) -> str:
        return f"order for {self.model}"


@dataclass(frozen=True, repr=False)
class UnitResult:
    """What was said of a unit. Identifiers in the rows are those of the files."""

    unit: int
    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"answer to unit {self.unit}"


@dataclass(frozen=True, repr=False)
class Judged:
    """What came of one task."""

    results: tuple[UnitResult, ...]
    model: str
    model_sha256: str
    program: str  #: the version on the worker
    seconds: float  #: on the clock
    processor_seconds: float  #: of the worker's process, without what its start took

    def __repr__(self) -> str:
        return f"{len(self.results)} answers"


@dataclass(frozen=True)
class Unable:
    """In the place of an answer: why this worker, or none, can go on; names no patient."""

    title: str
    advice: str


def unseen(roots: Sequence[Path]) -> Unable | None:
    """Why this worker is of no use: else every study would be recorded as gone."""
    for root in roots:
        if root.is_file():
            continue
        try:
            with os.scandir(root) as entries:
                is_seen = next(entries, None) is not None
        except OSError:
            is_seen = False
        if not is_seen:
            return Unable(
                "A worker does not see the archive",
                "Its folders must be there under the same names on every machine.",
            )
    return None
