"""A run over an archive: what is to do, what came of it, and going on where it stopped.

The folder of a run: ``run.json`` (how it is made), ``list.sqlite`` (what there is), ``parts`` (what
was said), ``heatmaps``. What is in the parts is done; all else follows from it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from engine import __version__
from engine.archive import judging
from engine.archive.index import Index, disk_full
from engine.archive.judging import failure_row
from engine.archive.parts import Parts
from engine.archive.units import Judged, JudgingOrder, StudySource, Unable, Unit, UnitResult
from engine.archive.worker_pool import TRIES, Lost, WorkerPool, WorkersFailed
from engine.domain import NOTICE, FailedFile
from engine.errors import StorageFailed
from engine.messages import as_message
from engine.private_files import replaced_whole

FORMAT = 1
_NAME = "run.json"
KILLER_TITLE = "The study ended its process"


@dataclass(frozen=True)
class RunSettings:
    """How a run is made; the same for all of it, on whatever day it goes on."""

    model: str
    model_sha256: str
    shard_size: int
    has_identifiers: bool
    has_heatmaps: bool
    program: str = __version__
    format: int = FORMAT
    notice: str = NOTICE

    @classmethod
    def read(cls, folder: Path) -> "RunSettings | None":
        """Of the run in the folder; None where there is none. Raises StorageFailed."""
        try:
            found = json.loads((folder / _NAME).read_text("utf-8"))
            settings = cls(**found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise StorageFailed(
                "Not the results of a run", f"{folder / _NAME} cannot be read."
            ) from error
        if settings.format != FORMAT:
            raise StorageFailed(
                "Results of another version", f"{folder} was written by another version."
            )
        return settings

    def kept_in(self, folder: Path) -> "RunSettings":
        """What holds in the folder: these, or those of the run that is there, if it is the same.

        Raises StorageFailed.
        """
        there = RunSettings.read(folder)
        if there is None:
            try:
                with replaced_whole(folder / _NAME) as file:
                    json.dump(asdict(self), file, indent=1)
            except OSError as error:
                raise disk_full() from error
            return self
        if replace(there, program=self.program) != self:
            differing = {n for n in asdict(self) if getattr(self, n) != getattr(there, n)}
            raise StorageFailed(
                "The folder holds another run",
                f"It differs in {', '.join(sorted(differing - {'program'}))}: choose another "
                "folder, or give the same command as then.",
            )
        return there


def network_hash(path: Path) -> str:
    """As `ModelIdentity.sha256` has it, without loading the network. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class RunProgress:
    """What is known while it goes on; units count as studies."""

    total: int
    done: int = 0  #: those of earlier days, too
    judged: int = 0  #: today
    redone: int = 0  #: answers that were there already
    changed: int = 0  #: done, but their files are others now
    processor_seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)  #: by title, today


class ArchiveRun:
    """Judges what is listed and not done yet."""

    def __init__(
        self,
        index: Index,
        parts: Parts,
        settings: RunSettings,
        sources: Mapping[str, StudySource],
        batch: int = 1,
    ) -> None:
        self.progress = RunProgress(index.count)
        self._index = index
        self._parts = parts
        self._settings = settings
        self._sources = dict(sources)
        self._batch = batch
        self._missing: dict[int, int] = {}  #: units of begun shards that are not on the disk
        self._again: list[Unit] = []
        self._under_way: set[int] = set()
        self._to_do = self._units()

    def work(
        self, workers: WorkerPool, order: JudgingOrder, on_progress: Callable[[RunProgress], None]
    ) -> None:
        """Until all is done. What came is on the disk when this returns or raises.

        Raises StorageFailed and WorkersFailed.
        """
        try:
            for units, result in workers.map(partial(judging.judge, order), self._take, "judge"):
                self._came(units, result)
                on_progress(self.progress)
        except StorageFailed:
            raise
        except BaseException:
            self._written(self._parts.flush())
            raise
        self._written(self._parts.flush())
        on_progress(self.progress)

    def _take(self) -> tuple[Unit, ...] | None:
        if self._again:
            return (self._again.pop(),)
        units = []
        for number in self._to_do:
            units.append(self._index.unit(number, self._sources))
            if len(units) == self._batch:
                break
        self._under_way.update(unit.number for unit in units)
        return tuple(units) or None

    def _units(self) -> Iterator[int]:
        """The numbers of what is to do, a shard after the other."""
        total = self._index.count
        for shard in range(self._parts.shard_of(total) + 1 if total else 0):
            first = shard * self._settings.shard_size + 1
            last = min(total, first + self._settings.shard_size - 1)
            count = last - first + 1
            if self._index.is_shard_done(shard, count):
                self.progress.done += count
                self.progress.changed += len(self._index.changed(first, last))
                continue
            done = self._parts.done(shard)
            self.progress.done += len(done)
            self.progress.changed += len(self._index.changed(first, last) & done)
            self._missing[shard] = count - len(done)
            self._written({shard: 0})
            yield from (number for number in range(first, last + 1) if number not in done)

    def _came(self, units: Sequence[Unit], result: Judged | Unable | Lost) -> None:
        if isinstance(result, Unable):
            raise WorkersFailed(result.title, result.advice)
        if isinstance(result, Lost):
            if len(units) > 1:  # which of them it was, they tell one by one
                self._again.extend(units)
                return
            result = self._killer(units[0])
        if result.model_sha256 != self._settings.model_sha256:
            raise WorkersFailed(
                "A worker has another network",
                "Install the same version of this program on all machines.",
            )
        self.progress.processor_seconds += result.processor_seconds
        for unit_result in result.results:
            if unit_result.unit not in self._under_way:
                self.progress.redone += 1
                continue
            self._under_way.discard(unit_result.unit)
            self.progress.done += 1
            self.progress.judged += 1
            self.progress.failures.update(
                row["error_title"] for row in unit_result.rows if row["record"] == "error"
            )
            self._written(self._parts.add(unit_result))

    def _killer(self, unit: Unit) -> Judged:
        advice = f"{TRIES} workers died of it; look at it by itself. The others were judged."
        failure = FailedFile(Path(), as_message(KILLER_TITLE), as_message(advice))
        unit_result = UnitResult(unit.number, (failure_row(unit, failure),))
        same = self._settings
        return Judged((unit_result,), same.model, same.model_sha256, __version__, 0.0, 0.0)

    def _written(self, shards: Mapping[int, int]) -> None:
        """Whole shards are marked, so that their parts need not be read on another day."""
        for shard, count in shards.items():
            self._missing[shard] -= count
            if self._missing[shard] == 0:
                first = shard * self._settings.shard_size
                size = min(self._index.count - first, self._settings.shard_size)
                self._index.mark_shard_done(shard, size)
                del self._missing[shard]
