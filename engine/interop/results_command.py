"""`birads-engine results`: what the model and readers say of studies as DICOM objects."""

import argparse
import sys
from pathlib import Path

from engine.domain import DEFAULT_MODEL, MODEL_NAMES, NOTICE, FailedFile, Study
from engine.errors import EngineError
from engine.interop.plans import USUAL_KINDS, ObjectKind, ReaderRecords, plan
from engine.interop.reports import ReportClass
from engine.private_files import make_folder
from engine.records import exports

_ALL_WRITTEN, _SOME_FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "A JSON object a line: each object written (file, kind, observer, sop_class,\n"
        "sop_instance, series, images), or what could not be, with the reason. Of studies whose\n"
        "identity is a guess nothing is written. Nothing is sent: see birads-engine pacs.\n"
        "exit code: 0 all written, 1 some study or object was not, 2 wrong usage."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="as of predict")
    parser.add_argument(
        "--as",
        dest="kinds",
        type=_kinds,
        default=USUAL_KINDS,
        metavar="KINDS",
        help="of sr (reports), gsps (presentation states), seg (region of attention), sc (image "
        "with heat-map), ko (images that a reader marked), separated by commas (default: all of "
        "these), and cad (Mammography CAD SR)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="a folder outside those that are read",
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help="the readings: what their readers said and drew is written, too, in documents of "
        "their own (default: the model's alone)",
    )
    parser.add_argument(
        "--report-class",
        type=ReportClass,
        choices=tuple(ReportClass),
        default=ReportClass.COMPREHENSIVE_3D,
        metavar="{comprehensive-3d,comprehensive}",
        help="the SOP class of reports (default: comprehensive-3d; the other for an older PACS)",
    )
    parser.add_argument("--model", choices=MODEL_NAMES, help=f"as of predict ({DEFAULT_MODEL})")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="as of predict")


def run(arguments: argparse.Namespace) -> int:  # noqa: C901  one loop, told row by row
    from engine.dicom import loading
    from engine.interop import results
    from engine.interop.register import DocumentRegister, register_of
    from engine.networks.predictor import Predictor

    _check(arguments)
    predictor = None
    if set(arguments.kinds) - {ObjectKind.KEY_OBJECTS}:
        predictor = Predictor(arguments.checkpoint, arguments.model or DEFAULT_MODEL)
    register = arguments.store and DocumentRegister(register_of(arguments.store))
    writer = exports.JsonLines(sys.stdout)
    catalogue = loading.load(arguments.paths)
    for failure in catalogue.failures:
        writer.write(exports.failure_record(failure))
    has_failed = bool(catalogue.failures)
    for number, study in enumerate(catalogue.studies, start=1):
        records = _reader_records(arguments.store, study)
        prediction = None
        planned = plan(study, arguments.kinds, None, records)  # refused before anything is computed
        try:
            if planned.refused is None and predictor is not None:
                prediction = predictor.predict_study(study, heatmaps=True)
                planned = plan(study, arguments.kinds, prediction, records)
                for failure in prediction.failures:
                    writer.write(exports.failure_record(failure))
                    has_failed = True
            for made in results.make(
                *(study, planned, prediction, records, arguments.report_class),
                register=register,
            ):
                row: exports.Record = {
                    "file": None,
                    "study": study.uid,
                    "patient": study.patient_id or None,
                    "kind": made.planned.kind.value,
                    "observer": made.planned.observer.value,
                    "images": [str(study.view(uid).path) for uid in made.planned.image_uids],
                }
                try:
                    if made.error is not None:
                        raise made.error
                    if made.dataset is None:
                        continue
                    row["file"] = str(results.write(made, arguments.out, register))
                    row |= {
                        "sop_class": str(made.dataset.SOPClassUID),
                        "sop_instance": str(made.dataset.SOPInstanceUID),
                        "series": str(made.dataset.SeriesInstanceUID),
                    }
                except EngineError as error:
                    has_failed = True
                    row["error"] = _error_entry(error)
                writer.write(row | {"notice": NOTICE})
        except EngineError as error:
            has_failed = True
            writer.write(_refusal_record(study, error))
        sys.stdout.flush()
        sys.stderr.write(f"{number} of {len(catalogue.studies)} studies\n")
    return _SOME_FAILED if has_failed else _ALL_WRITTEN


class _WrongUsage(EngineError):
    """The command line asks for something that cannot be."""


def _kinds(text: str) -> tuple[ObjectKind, ...]:
    return tuple(dict.fromkeys(ObjectKind(word.strip().lower()) for word in text.split(",")))


def _check(arguments: argparse.Namespace) -> None:
    """Results written into a study's folder would be read as part of it."""
    target = arguments.out.resolve()
    for path in arguments.paths:
        source = path.resolve()
        folder = source if source.is_dir() else source.parent
        if target == folder or (source.is_dir() and target.is_relative_to(folder)):
            raise _WrongUsage(
                "Results among the images",
                f"--out {arguments.out} lies in {folder}, which is read: choose a folder outside "
                "it.",
            )
    if arguments.store is not None and not arguments.store.is_file():
        raise _WrongUsage("No readings there", f"--store {arguments.store}: there is no such file.")
    try:
        make_folder(arguments.out)
    except OSError as error:
        reason = error.strerror or "it cannot be created"
        raise _WrongUsage("No folder for results", f"{arguments.out}: {reason}.") from error


def _reader_records(store: Path | None, study: Study) -> ReaderRecords:
    """Of this patient's study alone: another may carry the same identifier."""
    if store is None:
        return ReaderRecords()
    from engine.records.store import ReadingStore

    with ReadingStore(store) as readings:
        return ReaderRecords(
            tuple(r for r in readings.history(study.uid) if r.patient_id == study.patient_id),
            tuple(d for d in readings.annotations(study.uid) if d.patient_id == study.patient_id),
        )


def _refusal_record(study: Study, error: EngineError) -> exports.Record:
    return {
        "study": study.uid,
        "patient": study.patient_id or None,
        "images": [str(view.path) for view in study.views],
        "error": _error_entry(error),
        "notice": NOTICE,
    }


def _error_entry(error: EngineError | FailedFile) -> dict[str, str]:
    return {"title": error.title, "advice": error.advice}
