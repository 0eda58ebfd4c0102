"""birads-engine: the engine's door for scripts. Data on standard output, talk on standard error.

Each command's module is imported only when it is called, so that ``--help`` answers at once.
Exit codes: 0 all read, 1 some file failed, 2 wrong usage or an installation that cannot answer.
"""

import argparse
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engine import __version__, site_configuration
from engine.domain import DEFAULT_MODEL, MODEL_NAMES, NOTICE, Catalogue, Study, StudyPrediction
from engine.errors import EngineError, error_trace
from engine.private_files import make_folder
from engine.site_configuration import Export

if TYPE_CHECKING:  # it loads much
    from engine.records.exports import HeatmapFolder

log = logging.getLogger(__name__)

COMMANDS = {  #: what is asked for: its module, and what it does
    "predict": (__name__, "BI-RADS category and confidence of mammograms, per view and breast"),
    "predict-region": (
        "engine.records.predict_region",
        "malignancy and BI-RADS category of one rectangle of a mammogram",
    ),
    "anonymise": (
        "engine.anonymisation.anonymising",
        "copy studies to another folder without who they are of",
    ),
    "archive": (
        "engine.archive.command",
        "judge a whole archive, on one machine or many, and compare two runs",
    ),
    "results": (
        "engine.interop.results_command",
        "write what model and readers say as DICOM objects",
    ),
    "evaluate": (
        "engine.evaluation.evaluation",
        "judge a network against a manifest of graded images",
    ),
    "evaluate-regions": (
        "engine.evaluation.region_evaluation",
        "judge the region network against a manifest of lesion crops",
    ),
    "readings": (
        "engine.records.readings_command",
        "verify, back up or restore what readers said",
    ),
    "pacs": (
        "engine.pacs.pacs_command",
        "find, fetch, receive and send over the hospital's network",
    ),
    "audit": ("engine.audit.audit_command", "verify, show or deliver the audit log"),
    "train": ("engine.training.training", "train a network"),
    "out-of-fold": (
        "engine.evaluation.out_of_fold",
        "judge and calibrate a network trained fold by fold",
    ),
}
#: Of who makes networks; a bundle is for those who use them.
NOT_IN_THE_BUNDLE = ("archive", "evaluate", "evaluate-regions", "train", "out-of-fold")
_WAYS_OUT = {"anonymise": Export.COPIES, "results": Export.OBJECTS}  # a site may close them
_OF_DICOM = ("highdicom", "pynetdicom", "dicomweb_client", "requests")  # come with an extra
_ALL_READ, _SOME_FAILED, _UNUSABLE, _INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # Also on a Windows console; a file name in no encoding comes out as a JSON escape.
        cast(io.TextIOWrapper, stream).reconfigure(
            encoding="utf-8", errors="backslashreplace", newline="\n"
        )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        code = _run(_parse(argv))
        sys.stdout.flush()
        return code
    except EngineError as error:
        _print(f"birads-engine: {error}")
        return _UNUSABLE
    except ModuleNotFoundError as error:
        return _lacks(error)
    except BrokenPipeError:  # the reader had enough (… | head)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SOME_FAILED
    except KeyboardInterrupt:
        _print("birads-engine: interrupted")
        return _INTERRUPTED


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="birads-engine", description=f"BI-RADS networks for mammograms. {NOTICE}"
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    left_out = NOT_IN_THE_BUNDLE if getattr(sys, "frozen", False) else ()  # as PyInstaller says
    for name, (module, summary) in COMMANDS.items():
        note = " (not in this bundle)" if name in left_out else ""
        command = commands.add_parser(name, help=summary + note, description=f"{summary}. {NOTICE}")
        if name not in argv[:1]:
            continue
        if name in left_out:
            raise _WrongUsage(
                f"{name} is not part of this bundle, which is for reading alone",
                "Install the program with Python and pip; see docs/hospital_it.md.",
            )
        wanted = sys.modules.get(module) or importlib.import_module(module)
        wanted.add_arguments(command)
        command.set_defaults(run=wanted.run)
    return parser.parse_args(argv)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command in _WAYS_OUT:
        site_configuration.policy().check_allowed(_WAYS_OUT[arguments.command])
    code: int = arguments.run(arguments)
    return code


def _lacks(error: ModuleNotFoundError) -> int:
    if error.name not in _OF_DICOM:
        raise error
    _print('birads-engine: this needs the extra "dicom": pip install "birads-viewer[dicom]"')
    return _UNUSABLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "exit code: 0 all read (out of scope is no failure), 1 some file failed and the others\n"
        "were predicted, 2 wrong usage. Files that are no image by name and content are skipped\n"
        "and counted on standard error."
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a DICOM, PNG, JPEG or TIFF file, a folder or ZIP file (searched through), a DICOMDIR",
    )
    parser.add_argument(
        "--model",
        choices=MODEL_NAMES,
        help="hybrid (ResNet-50 + transformer), light (lightweight CNN), or both, which predict as "
        f"one (default: {DEFAULT_MODEL}, or what --checkpoint holds)",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="a trained checkpoint of that network, instead of the one that came with the program; "
        "of both, the JSON that names them",
    )
    parser.add_argument(
        "--heatmaps",
        type=Path,
        metavar="DIR",
        help="write Grad-CAM maps there, outside the folders that are read: <stem>_<model>.png, "
        "the image with the map and the notice below, and <stem>_<model>.npy, the map itself as "
        "float16 (rows, columns) of the image, 0 to 1 on a scale fixed for the network",
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "table", "csv"),
        default="jsonl",
        help="jsonl: one JSON object a line (default); csv: p1 to p5 are the probabilities, and "
        "text that a spreadsheet would run as a formula has an apostrophe before it",
    )
    parser.add_argument(
        "--threads", type=_count, metavar="N", help="processor cores to use (default: all)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Predicts what is under the paths; a study's prediction is written as soon as it is known."""
    _check_paths(arguments)
    from engine.dicom import loading
    from engine.networks.predictor import Predictor, use_threads
    from engine.records import exports

    if arguments.threads is not None:
        use_threads(arguments.threads)
    predictor = Predictor(arguments.checkpoint, arguments.model or DEFAULT_MODEL)
    if arguments.model not in (None, predictor.identity.name):
        raise _WrongUsage(
            "Another network's checkpoint",
            f"{arguments.checkpoint} holds a {predictor.identity.name} network: say "
            f"--model {predictor.identity.name}.",
        )
    catalogue = loading.load(arguments.paths)
    _announce(catalogue)
    folder = arguments.heatmaps and _create(arguments.heatmaps)
    writer = exports.FORMATS[arguments.format](sys.stdout)
    has_failed = bool(catalogue.failures)
    for failure in catalogue.failures:
        writer.write(exports.failure_record(failure))
    for number, study in enumerate(catalogue.studies, start=1):
        prediction = predictor.predict_study(study, heatmaps=folder is not None)
        heatmaps: dict[str, Path] = {}
        if folder is not None:
            heatmaps, were_written = _write_heatmaps(folder, study, prediction)
            has_failed |= not were_written
        for record in exports.study_records(study, prediction, heatmaps):
            writer.write(record)
        sys.stdout.flush()
        has_failed |= bool(prediction.failures)
        _print(f"{number} of {len(catalogue.studies)} studies")
    return _SOME_FAILED if has_failed else _ALL_READ


class _WrongUsage(EngineError):
    """The command line asks for something that cannot be."""


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _check_paths(arguments: argparse.Namespace) -> None:
    """Heat-maps are images: written into a study's folder they would be read as part of it."""
    if arguments.heatmaps is None:
        return
    target = arguments.heatmaps.resolve()
    for path in arguments.paths:
        source = path.resolve()
        is_searched = source.is_dir() or source.name.upper() == "DICOMDIR"
        folder = source if source.is_dir() else source.parent
        if target == folder or (is_searched and target.is_relative_to(folder)):
            raise _WrongUsage(
                "Heat-maps among the images",
                f"--heatmaps {arguments.heatmaps} lies in {folder}, which is read: choose a "
                "folder outside it.",
            )


def _create(path: Path) -> "HeatmapFolder":
    from engine.records.exports import HeatmapFolder

    try:
        make_folder(path)
    except OSError as error:
        reason = error.strerror or "it cannot be created"
        raise _WrongUsage("No folder for heat-maps", f"{path}: {reason}.") from error
    return HeatmapFolder(path)


def _write_heatmaps(
    folder: "HeatmapFolder", study: Study, prediction: StudyPrediction
) -> tuple[dict[str, Path], bool]:
    """The overlays' paths by image uid, and whether all could be written."""
    from engine.dicom import loading
    from engine.networks import preprocessing

    paths: dict[str, Path] = {}
    were_written = True
    for predicted in prediction.views:
        if predicted.explanation is None:
            continue
        view = study.view(predicted.image_uid)
        try:
            grey = preprocessing.grey(view, loading.load_pixels(view))
            paths[predicted.image_uid] = folder.write(view, predicted, grey)
        except EngineError as error:
            _print(f"{view.path}: {error}")
            were_written = False
        except Exception as error:  # noqa: BLE001  a bug at one map stops no batch
            log.error("Unexpected fault while writing a heat-map: %s", error_trace(error))
            _print(f"{view.path}: Heat-map not written: this is a bug of the program.")
            were_written = False
    return paths, were_written


def _announce(catalogue: Catalogue) -> None:
    images = sum(len(study.views) for study in catalogue.studies)
    _print(
        f"{images} images in {len(catalogue.studies)} studies; "
        f"{len(catalogue.failures)} files cannot be read; "
        f"{catalogue.skipped_count} files are no images and were skipped"
    )
    for note in catalogue.notes:
        _print(note)
    for study in catalogue.studies:
        for note in study.notes:
            _print(f"study {study.uid}: {note}")


def _print(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
