"""`birads-engine evaluate`: a network, or a file of its predictions, judged against a manifest.

Predicted now or read back, every row becomes a `RowPrediction`; `figures.measure` turns them into
the figures of metrics.json, `report` into pages a radiologist reads. The main figures rest on
readers' grades 1 to 5; what is known only as a range, or stands in for a grade, is reported per
data set; pathology and boxes count wherever they are known.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.domain import DEFAULT_MODEL, MODEL_NAMES, NOTICE, ModelIdentity
from engine.errors import IncompatibleCheckpoint, InvalidData, StorageFailed
from engine.evaluation import agreement, borders, controls, metrics
from engine.evaluation.figures import compare, count_rows, measure, worst_errors
from engine.evaluation.row_predictions import (
    RowFailure,
    RowPrediction,
    explain_row,
    predict_rows,
    read_predictions,
    write_predictions,
)
from engine.evaluation.table import ErrorPicture, image_table
from engine.private_files import make_folder
from engine.training import dataset
from engine.training.dataset import ManifestRow, read_row

if TYPE_CHECKING:  # they load torch
    from engine.networks.checkpoint import Checkpoint
    from engine.networks.ensemble import Ensemble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "writes metrics.json, predictions.csv, details.csv (the same with the breasts' read-out\n"
        "and the heat-maps' scores; --predictions takes either) and report.html.\n"
        "exit code: 0 all rows judged, 1 some could not be read and the others were judged,\n"
        "2 wrong usage, or a manifest or checkpoint that cannot be used."
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        metavar="images.csv",
        help="CSV with file (relative to it), birads, patient_id, and what else is known",
    )
    parser.add_argument(
        "--model",
        choices=MODEL_NAMES,
        help=f"default: {DEFAULT_MODEL}, the ensemble, or what --checkpoint holds",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="a trained checkpoint of that network, instead of the one that came with the program",
    )
    source.add_argument(
        "--predictions",
        type=Path,
        metavar="FILE",
        help="judge these predictions (columns of predictions.csv) and ask no network",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="FILE",
        help="predictions of another network for the same rows: paired differences with intervals",
    )
    parser.add_argument(
        "--readings",
        type=Path,
        metavar="FILE",
        help="a reader's readings.sqlite: agreement of its readings with the model",
    )
    parser.add_argument(
        "--no-heatmaps",
        action="store_true",
        help="leave out pointing game and heat-maps, which take most of the time",
    )
    parser.add_argument(
        "--only", metavar="DATASET", help="judge the rows of this data set of the manifest alone"
    )
    parser.add_argument("--fold", type=int, help="judge the rows of this fold alone")
    parser.add_argument(
        "--control",
        choices=("blurred",),
        help="also ask the network about breasts blurred to nothing, which takes as long again "
        "(writes blurred.csv): it must not tell cancers then",
    )
    parser.add_argument(
        "--blurred",
        type=Path,
        action="append",
        metavar="FILE",
        help="a blurred.csv of an earlier call, such as of one fold; may be given several times",
    )
    parser.add_argument(
        "--left-out",
        type=_named_file,
        action="append",
        metavar="DATASET=FILE",
        help="predictions for a data set by a network trained without it (`train --leave-out`)",
    )
    parser.add_argument(
        "--no-baseline",
        action="store_true",
        help="leave out what can be told without the breast, for which every image is read",
    )
    parser.add_argument("--resamples", type=_count, default=metrics.RESAMPLES, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    parser.add_argument(
        "--threads", type=_count, metavar="N", help="processor cores to use (default: all)"
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _named_file(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if not name or not path:
        raise ValueError
    return name, Path(path)


def run(arguments: argparse.Namespace) -> int:
    """Judges and writes; returns the exit status. Raises EngineError for unusable input."""
    if arguments.control and (arguments.predictions or arguments.blurred):
        raise InvalidData(
            "A control asks the network",
            "--control goes with --checkpoint, neither with --predictions nor with --blurred.",
        )
    rows = dataset.read_manifest(arguments.manifest)
    if arguments.only is not None:
        rows = dataset.of_dataset(rows, arguments.only)
    if arguments.fold is not None:
        rows = dataset.of_fold(rows, arguments.fold)
    out = make_output_folder(arguments.out)
    checkpoint = None
    if arguments.predictions is not None:
        predictions, failures = read_predictions(arguments.predictions, rows)
        identity = _identity_of(arguments, predictions)
    else:
        checkpoint = _load(arguments)
        identity = checkpoint.identity
        predictions, failures = predict_rows(
            checkpoint, rows, heatmaps=not arguments.no_heatmaps, on_progress=_progress(len(rows))
        )
    warnings = _warnings(checkpoint, rows, failures)
    results = {
        "notice": NOTICE,
        "model": asdict(identity),
        "manifest": arguments.manifest.name,
        "predictions": arguments.predictions and arguments.predictions.name,
        "warnings": warnings,
        "rows": count_rows(rows, predictions),
        "unreadable": [asdict(failure) for failure in failures],
        **measure(predictions, arguments.resamples, arguments.seed),
    }
    results["controls"] = _controls(arguments, rows, predictions, checkpoint, out)
    if arguments.compare is not None:
        others, _ = read_predictions(arguments.compare, rows)
        results["comparison"] = {
            "with": arguments.compare.name,
            "groups": compare(predictions, others, arguments.resamples, arguments.seed),
        }
    if arguments.readings is not None:
        results["reader_agreement"] = _readings(arguments)

    from engine.evaluation import report

    _write_json(out / "metrics.json", results)
    write_predictions(out / "predictions.csv", predictions)
    write_predictions(out / "details.csv", predictions, details=True)
    pictures = _picture_errors(
        worst_errors(predictions), None if arguments.no_heatmaps else checkpoint
    )
    report.write(
        out / "report.html", results, image_table(predictions), pictures, _embeddings(predictions)
    )
    for warning in warnings:
        _print(f"warning: {warning}")
    _print(_summary(results))
    _print(controls.summary(results["controls"]))
    return 1 if failures else 0


def make_output_folder(folder: Path) -> Path:
    try:
        make_folder(folder)  # the predictions name patients
    except OSError as error:
        reason = error.strerror or "it cannot be created"
        raise StorageFailed("No folder for results", f"{folder}: {reason}.") from error
    return folder


def _load(arguments: argparse.Namespace) -> "Checkpoint | Ensemble":
    from engine.networks import ensemble
    from engine.networks.checkpoint import shipped_checkpoint
    from engine.networks.predictor import use_threads

    if arguments.threads is not None:
        use_threads(arguments.threads)
    checkpoint = ensemble.load(
        arguments.checkpoint or shipped_checkpoint(arguments.model or DEFAULT_MODEL)
    )
    if arguments.model not in (None, checkpoint.identity.name):
        raise IncompatibleCheckpoint(
            "Another network's checkpoint",
            f"{arguments.checkpoint} holds a {checkpoint.identity.name} network: say "
            f"--model {checkpoint.identity.name}.",
        )
    return checkpoint.optimized_for_inference()


def _identity_of(
    arguments: argparse.Namespace, predictions: Sequence[RowPrediction]
) -> ModelIdentity:
    grades = {grade for prediction in predictions for grade in prediction.probabilities}
    return ModelIdentity(arguments.model or DEFAULT_MODEL, "", tuple(sorted(grades)))


def _controls(
    arguments: argparse.Namespace,
    rows: Sequence[ManifestRow],
    predictions: Sequence[RowPrediction],
    checkpoint: "Checkpoint | Ensemble | None",
    out: Path,
) -> dict[str, Any]:
    statistics: np.ndarray | None = None
    blurred: Sequence[RowPrediction] | None = None
    if not arguments.no_baseline:
        judged = [prediction.row for prediction in predictions]
        statistics = borders.of_rows(judged, _progress(len(judged), "baseline"))
    if arguments.control == "blurred" and checkpoint is not None:
        blurred, _ = predict_rows(
            checkpoint, rows, is_blurred=True, on_progress=_progress(len(rows), "blurred")
        )
        write_predictions(out / "blurred.csv", blurred)
    elif arguments.blurred:
        blurred = [p for path in arguments.blurred for p in read_predictions(path, rows)[0]]
    left_out = {
        name: read_predictions(path, dataset.of_dataset(rows, name))[0]
        for name, path in arguments.left_out or ()
    }
    return controls.measure(
        predictions,
        statistics=statistics,
        blurred=blurred,
        left_out=left_out or None,
        resamples=arguments.resamples,
        seed=arguments.seed,
    )


def _progress(total: int, what: str = "images") -> Callable[[int, int], None]:
    from tqdm import tqdm

    bar = tqdm(total=total, desc=what, file=sys.stderr, mininterval=2)

    def on_progress(done: int, total: int) -> None:
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return on_progress


def _warnings(
    checkpoint: "Checkpoint | Ensemble | None",
    rows: Sequence[ManifestRow],
    failures: Sequence[RowFailure],
) -> list[str]:
    warnings = []
    patients = {row.patient_id for row in rows}
    if checkpoint is not None:
        seen = trained_on(checkpoint.provenance, patients)
        if seen:
            warnings.append(
                f"{len(seen)} of the {len(patients)} patients were trained on: their figures say "
                "nothing about new patients. Judge this network by its out-of-fold predictions."
            )
        if checkpoint.provenance.get("may_leak"):
            warnings.append(
                "Its training data named no patients: images of one patient may have been trained "
                "on and held out. Patients may leak."
            )
    if failures:
        warnings.append(
            f"{len(failures)} of {len(rows)} rows have no prediction and are in no figure."
        )
    if not any(row.is_reader_graded for row in rows):
        warnings.append("No row has a reader's category: see the figures per data set.")
    return warnings


def trained_on(provenance: Mapping[str, Any], patients: Iterable[str]) -> set[str]:
    """Those of the patients whose hash stands among the checkpoint's training patients."""
    hashes = set(provenance.get("training_patients", ()))
    return {patient for patient in patients if dataset.hash_patient(patient) in hashes}


def _readings(arguments: argparse.Namespace) -> dict[str, Any]:
    from engine.records.store import ReadingStore

    if not arguments.readings.is_file():
        raise InvalidData("Readings not found", f"There is no file {arguments.readings.name}.")
    with ReadingStore(arguments.readings) as store:
        return agreement.of_readings(store.all(), arguments.resamples, arguments.seed)


def _embeddings(predictions: Sequence[RowPrediction]) -> np.ndarray | None:
    known = [p.embedding for p in predictions if p.embedding is not None]
    return np.stack(known) if known and len(known) == len(predictions) else None


def _picture_errors(
    errors: Iterable[RowPrediction], checkpoint: "Checkpoint | Ensemble | None"
) -> list[ErrorPicture]:
    """The worst errors' images, with heat-maps where the network is at hand."""
    from engine.errors import EngineError
    from engine.networks import preprocessing

    pictures = []
    for prediction in errors:
        try:
            view, pixels = read_row(prediction.row)
            explanation = None if checkpoint is None else explain_row(checkpoint, prediction.row)
        except EngineError:  # judged from a file, and the image is not here
            continue
        pictures.append(
            ErrorPicture(
                prediction, preprocessing.grey(view, pixels), view.pixel_aspect, explanation
            )
        )
    return pictures


def _write_json(path: Path, results: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageFailed("Results not written", f"{path.name}: {error.strerror}.") from error


def _summary(results: dict[str, Any]) -> str:
    def figure(name: str) -> str:
        value = results[name]
        return "–" if value is None else f"{value:.3f}"

    names = ("accuracy", "within_one_accuracy", "qwk", "auc_birads4plus", "auc_malignant", "ece")
    return f"n {results['n']}, " + ", ".join(f"{name} {figure(name)}" for name in names)


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")
