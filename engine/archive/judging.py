"""What a worker does: one network, held for its process's life, asked about unit after unit.

Its answers are those of `birads-engine predict --threads 1`, by the same functions. Nothing is
raised for a unit: what cannot be judged is a row that says so.
"""

import ctypes
import logging
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine import __version__
from engine.archive import facts
from engine.archive.units import (
    Judged,
    JudgingOrder,
    Row,
    SourceGone,
    Unable,
    Unit,
    UnitResult,
    unseen,
)
from engine.dicom import loading
from engine.dicom.limits import NOT_FOUND
from engine.dicom.studies import natural
from engine.domain import NOTICE, FailedFile, Study, StudyPrediction
from engine.errors import EngineError, StorageFailed, UnreadableFile, error_trace
from engine.messages import as_message
from engine.records import exports

log = logging.getLogger(__name__)

_VIEWS_AT_ONCE = 16  #: in a pass of the network on a GPU
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  # malloc.h
_held: dict[JudgingOrder, Any] = {}  # the worker's Predictor, by what it was asked for
_lock = threading.Lock()  # a worker may have more threads; a Predictor may not


def judge(order: JudgingOrder, units: Sequence[Unit]) -> Judged | Unable:
    """Nothing is raised: a scheduler would log it with what the task was called with."""
    try:
        with _lock:
            predictor = _predictor(order)
            clock, processor = time.monotonic(), time.process_time()
            results = _results(order, predictor, units)
            identity = predictor.identity
    except EngineError as error:
        return Unable(error.title, error.advice)
    if any(row["error_title"] == NOT_FOUND[0] for result in results for row in result.rows):
        unable = unseen(order.roots)
        if unable is not None:
            return unable
    return Judged(
        results=tuple(results),
        model=identity.name,
        model_sha256=identity.sha256,
        program=__version__,
        seconds=time.monotonic() - clock,
        processor_seconds=time.process_time() - processor,
    )


def _predictor(order: JudgingOrder) -> Any:
    if order not in _held:
        undo_allocator_trap()
        from engine.networks.predictor import Predictor, use_threads

        use_threads(1)
        _held.clear()
        device = _device(order)
        predictor = Predictor(order.checkpoint, order.model, device)
        predictor.warm_up()
        _held[order] = predictor
    return _held[order]


def _device(order: JudgingOrder) -> str:
    """A GPU of this worker's own, as long as there are no more workers here than GPUs."""
    import torch

    if not order.may_use_gpu or order.heatmaps is not None or not torch.cuda.is_available():
        return "cpu"
    return f"cuda:{_rank() % torch.cuda.device_count()}"


def _rank() -> int:
    """Which of the workers on this machine this is; Dask numbers those that it starts together."""
    from distributed import get_worker

    with suppress(ValueError):
        name = str(get_worker().name)
        return int(name[len(name.rstrip("0123456789")) :] or 0)
    return 0


def undo_allocator_trap() -> None:
    """Has glibc keep freed memory, as it does in a plain process.

    Dask starts workers with MALLOC_TRIM_THRESHOLD_=65536. Whoever sets that switches off that the
    threshold of what is mapped grows with use, and every large array is mapped and cleared anew:
    1.6 to 1.9 times the processor time for a study. These are the values that it grows to.
    """
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ or not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)
        mallopt(_M_TRIM_THRESHOLD, 64 * 2**20)


# ------------------------------------------------------------------------------------------- units


@dataclass(frozen=True)
class _Loaded:
    unit: Unit
    studies: tuple[Study, ...] = ()
    failures: tuple[FailedFile, ...] = ()


def _results(order: JudgingOrder, predictor: Any, units: Sequence[Unit]) -> list[UnitResult]:
    """Raises StorageFailed where heat-maps cannot be written, and SourceGone: the others could not
    be judged either.
    """
    try:
        return _results_together(order, predictor, units)
    except EngineError:
        raise
    except Exception as error:  # noqa: BLE001  a bug at one study stops no other
        if len(units) > 1:
            return [result for unit in units for result in _results(order, predictor, [unit])]
        log.error("Unexpected fault while judging a unit: %s", error_trace(error))
        title = as_message("Unexpected fault in this study")
        failure = FailedFile(Path(), title, _UNEXPECTED)
        return [UnitResult(units[0].number, (failure_row(units[0], failure),))]


def _results_together(
    order: JudgingOrder, predictor: Any, units: Sequence[Unit]
) -> list[UnitResult]:
    with ExitStack() as fetched:
        loaded = [_loaded(unit, fetched) for unit in units]
        studies = [study for each in loaded for study in each.studies]
        if predictor.is_on_processor:
            wants_heatmaps = order.heatmaps is not None
            predictions = [predictor.predict_study(study, wants_heatmaps) for study in studies]
        else:
            predictions = predictor.predict_studies(studies, _VIEWS_AT_ONCE)
        following = iter(predictions)
        results = []
        for each in loaded:
            number = each.unit.number
            rows = [failure_row(each.unit, failure) for failure in each.failures]
            for study in each.studies:
                rows += _study_rows(order, number, study, next(following))
            if not rows:  # a copy of another unit's image, or no image any more
                rows = [_row(number, {}, facts.Facts()) | {"record": "none"}]
            if each.unit.source is not None:  # where it lay meanwhile says nothing
                rows = [{**row, "file": row["file"] and Path(row["file"]).name} for row in rows]
            results.append(UnitResult(number, tuple(rows)))
    return results


_UNEXPECTED = as_message(
    "This is a bug of the program: please report it; the other studies were judged."
)


def _loaded(unit: Unit, fetched: ExitStack) -> _Loaded:
    """Its studies as `predict` would find them among all the others."""
    context = frozenset(unit.context)
    try:
        files = unit.files
        if unit.source is not None:
            files = tuple(fetched.enter_context(unit.source.fetched(unit.key)))
        catalogue = loading.load(sorted((*files, *context), key=_walk_order))
    except SourceGone:
        raise
    except EngineError as error:
        return _Loaded(unit, failures=(FailedFile(Path(), error.title, error.advice),))
    return _Loaded(
        unit,
        tuple(study for study in catalogue.studies if study.views[0].path not in context),
        tuple(failure for failure in catalogue.failures if failure.path not in context),
    )


def _walk_order(path: Path) -> list[tuple[int, list[tuple[int, str]]]]:
    """As `loading.load` finds files: those of a folder, in natural order, before its folders'."""
    *folders, name = path.parts
    return [*((1, natural(folder)) for folder in folders), (0, natural(name))]


# -------------------------------------------------------------------------------------------- rows


def _study_rows(
    order: JudgingOrder, unit: int, study: Study, prediction: StudyPrediction
) -> list[Row]:
    """The records of `predict`, in its order, as rows: with what the headers say."""
    heatmaps = {} if order.heatmaps is None else _write(order.heatmaps, unit, study, prediction)
    known = {view.path: (view, facts.of(view)) for view in study.views}
    rows: list[Row] = []
    for record in exports.study_records(study, prediction, heatmaps):
        if "error" in record:
            view, header = known[Path(record["file"])]
            rows.append(_row(unit, record, header) | {"study": study.uid, "image": view.image_uid})
            continue
        if "views" in record:
            views = [known[Path(path)] for path in record["views"]]
            side = [
                header
                for view, header in known.values()
                if view.laterality and view.laterality.value == record["laterality"]
            ]
            row = _row(unit, record, side[0])
            rows.append(row | {"views": [view.image_uid for view, _ in views]})
            continue
        view, header = known[Path(record["file"])]
        rows.append(_row(unit, record, header) | {"image": view.image_uid})
    return rows


def failure_row(unit: Unit, failure: FailedFile) -> Row:
    """Of a file whose study is not known, or of a whole unit (an empty path)."""
    row = _row(unit.number, exports.failure_record(failure), facts.Facts())
    row["study"] = unit.key or None
    return row if failure.path.name else row | {"file": None}


def _row(unit: int, record: Mapping[str, Any], header: facts.Facts) -> dict[str, Any]:
    probabilities = record.get("probabilities")
    error = record.get("error", {})
    return {
        "record": "error" if error else "breast" if "views" in record else "view",
        "unit": unit,
        **{name: record.get(name) for name in _AS_RECORDED},
        **{f"p{grade}": (probabilities or {}).get(str(grade)) for grade in range(1, 6)},
        "p_4_or_5": probabilities
        and sum(p for grade, p in probabilities.items() if int(grade) >= 4),
        "error_title": error.get("title"),
        "error_advice": error.get("advice"),
        "program": __version__,
        "notice": NOTICE,
        **asdict(header),
    }


_AS_RECORDED = (
    *("study", "patient", "file", "laterality", "view", "model", "model_sha256", "in_scope"),
    *("scope_reason", "category", "confidence", "p_malignant", "heatmap", "notes"),
)


# --------------------------------------------------------------------------------------- heat-maps


def _write(folder: Path, unit: int, study: Study, prediction: StudyPrediction) -> dict[str, Path]:
    """Where the overlays lie within `folder`, by image uid. Named by number, and whole when they
    get their names.

    Raises StorageFailed.
    """
    from engine.networks import preprocessing

    group = f"{unit // 1000:05d}"
    unfinished = folder / f".{unit}-{uuid.uuid4().hex[:8]}"
    paths: dict[str, Path] = {}
    try:
        (folder / group).mkdir(parents=True, exist_ok=True)
        unfinished.mkdir()
        writer = exports.HeatmapFolder(unfinished)
        for number, predicted in enumerate(prediction.views, start=1):
            if predicted.explanation is None:
                continue
            view = study.view(predicted.image_uid)
            try:
                grey = preprocessing.grey(view, loading.load_pixels(view))
            except UnreadableFile:  # changed since a moment ago
                continue
            name = f"{unit}-{number}"
            nameless = replace(view, path=Path(name), image_uid=name)
            path = writer.write(nameless, predicted, grey)
            paths[predicted.image_uid] = Path(folder.name) / group / path.name
        for path in unfinished.iterdir():
            path.replace(folder / group / path.name)
    except OSError as error:
        raise StorageFailed(
            "Heat-map not written", f"{error.strerror}: free some space for the results."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return paths
