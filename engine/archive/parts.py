"""The results on the disk: Parquet parts that are there whole or not at all.

``parts/shard=00000/part-….parquet``, one row a view, a breast or a failure. A part is written under
a name that nobody reads, is on the disk before it gets its own, and is never touched again. So
which units are done is told by the parts themselves; a unit's rows lie in one part together.
"""

import errno
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine import __version__
from engine.archive.index import disk_full
from engine.archive.units import Row, UnitResult
from engine.domain import NOTICE
from engine.errors import StorageFailed
from engine.private_files import keep_private, make_folder
from engine.records.pseudonyms import Pseudonyms

PART_UNITS = 1000  #: units whose rows are held in memory at most before they become a part
_PART_SECONDS = 300.0  #: rows are held no longer, so that a power cut costs minutes
_PATTERN = "shard=*/part-*.parquet"


def _column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"description": meaning})


#: What a row holds; docs/archive.md has the same table. Null where a row has no such thing.
SCHEMA = pa.schema(
    [
        _column("record", pa.string(), "view, breast, error, or none: no image of its own"),
        _column("unit", pa.int64(), "number of what was judged together, in list.sqlite"),
        _column("study", pa.string(), "the study, hashed"),
        _column("patient", pa.string(), "the patient, hashed"),
        _column("image", pa.string(), "of a view: the image, hashed; of an error: the file"),
        _column("file", pa.string(), "path of the file; only with --identifiers"),
        _column("laterality", pa.string(), "R or L"),
        _column("view", pa.string(), "CC, MLO …"),
        _column("views", pa.list_(pa.string()), "of a breast: the images it rests on"),
        _column("in_scope", pa.bool_(), "whether the network judged it"),
        _column("scope_reason", pa.string(), "why it did not"),
        _column("category", pa.int8(), "1 to 5, the most probable"),
        _column("confidence", pa.float64(), "probability of that category"),
        *(_column(f"p{grade}", pa.float64(), f"probability of {grade}") for grade in range(1, 6)),
        _column("p_4_or_5", pa.float64(), "p4 + p5"),
        _column("p_malignant", pa.float64(), "probability of malignancy by pathology"),
        _column("heatmap", pa.string(), "of a view: its picture, within the results' folder"),
        _column("notes", pa.list_(pa.string()), "what a reader of the image should know"),
        _column("error_title", pa.string(), "of an error: what it is"),
        _column("error_advice", pa.string(), "of an error: what to do"),
        _column("maker", pa.string(), "Manufacturer (0008,0070)"),
        _column("machine", pa.string(), "Manufacturer's Model Name (0008,1090)"),
        _column("year", pa.int16(), "of the study"),
        _column("age_band", pa.string(), "40-49 …; 90+"),
        _column("density", pa.string(), "A to D, where the header states it"),
        _column("model", pa.string(), "light, hybrid or both"),
        _column("model_sha256", pa.string(), "of the network's file"),
        _column("program", pa.string(), "version of birads-engine"),
        _column("notice", pa.string(), NOTICE),
    ],
    metadata={"notice": NOTICE, "software": f"birads-engine {__version__}"},
)


class Parts:
    """Collects answers and writes them; raises StorageFailed where that cannot be."""

    def __init__(
        self, folder: Path, shard_size: int, names: Pseudonyms | None, part_units: int = PART_UNITS
    ) -> None:
        self.folder = folder
        self._shard_size = shard_size
        self._part_units = part_units
        self._names = names  #: None: identifiers stay as they are
        self._waiting: dict[int, list[UnitResult]] = {}  #: by shard
        self._since = time.monotonic()
        make_folder(folder)
        for left in folder.glob("shard=*/.*"):
            left.unlink(missing_ok=True)

    def shard_of(self, unit: int) -> int:
        return (unit - 1) // self._shard_size

    def done(self, shard: int) -> set[int]:
        """The units of the shard whose rows are on the disk."""
        done: set[int] = set()
        for path in sorted(self._shard_folder(shard).glob("part-*.parquet")):
            try:
                done.update(pq.read_table(path, columns=["unit"])["unit"].to_pylist())
            except (OSError, pa.ArrowInvalid) as error:
                raise StorageFailed(
                    "A part is damaged",
                    f"{path.parent.name}/{path.name} is not as it was written: move it away; its "
                    "studies are judged again.",
                ) from error
        return done

    def add(self, result: UnitResult) -> dict[int, int]:
        """How many units of which shard are on the disk by it that were not before."""
        shard = self.shard_of(result.unit)
        waiting = self._waiting.setdefault(shard, [])
        waiting.append(result)
        if time.monotonic() - self._since > _PART_SECONDS:
            return self.flush()
        return self.flush(shard) if len(waiting) >= self._part_units else {}

    def flush(self, only: int | None = None) -> dict[int, int]:
        """Writes what waits, of one shard or of all."""
        written = {}
        for shard in [*self._waiting] if only is None else [only]:
            results = self._waiting.get(shard, ())
            if results:
                self._write(shard, [row for result in results for row in result.rows])
                written[shard] = len(results)
            self._waiting.pop(shard, None)
        if only is None:
            self._since = time.monotonic()
        return written

    def _write(self, shard: int, rows: Sequence[Row]) -> None:
        folder = self._shard_folder(shard)
        name = f"part-{rows[0]['unit']:09d}-{uuid.uuid4().hex[:8]}.parquet"
        temporary = folder / f".{name}"
        try:
            make_folder(folder)
            table = pa.Table.from_pylist([_fit(self._named(row)) for row in rows], SCHEMA)
            pq.write_table(table, temporary, compression="zstd")
            keep_private(temporary)
            _to_disk(temporary)
            Path(temporary).replace(folder / name)
            _to_disk(folder)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full() from error
            raise StorageFailed(
                "Results cannot be written", f"Check the folder ({error.strerror})."
            ) from error

    def _shard_folder(self, shard: int) -> Path:
        return self.folder / f"shard={shard:05d}"

    def _named(self, row: Row) -> Mapping[str, Any]:
        """Without what tells who it is, unless that was asked for."""
        names = self._names
        if names is None:
            return row
        image = row.get("image") or None
        if image is None and row["record"] == "error" and row.get("file"):
            image = names.name("file", row["file"])
        elif image is not None:
            image = names.name("image", image)
        views = row.get("views")
        return {
            **row,
            "study": names.name("study", row.get("study") or "") or None,
            "patient": names.name("patient", row.get("patient") or "") or None,
            "image": image,
            "views": views and [names.name("image", uid) for uid in views],
            "file": None,
        }


def files(folder: Path) -> list[Path]:
    """All parts of a run, in order."""
    return sorted(folder.glob(_PATTERN))


def batches(folder: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a run, some ten thousand at a time. Raises StorageFailed."""
    for path in files(folder):
        try:
            with pq.ParquetFile(path) as part:
                yield from part.iter_batches(columns=list(columns), batch_size=16384)
        except (OSError, pa.ArrowInvalid) as error:
            raise StorageFailed(
                "A part is damaged", f"{path.parent.name}/{path.name} cannot be read."
            ) from error


def _fit(row: Mapping[str, Any]) -> dict[str, Any]:
    """Text in no encoding, as a file name may be, comes out as an escape, as on a terminal."""
    return {name: _proper(value) for name, value in row.items()}


def _proper(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_proper(part) for part in value]
    return value


def _to_disk(path: Path) -> None:
    is_windows = os.name == "nt"
    if is_windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if is_windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
