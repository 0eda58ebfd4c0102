"""birads-engine archive: a whole archive judged, by as many workers as there are.

One JSON object on standard output at the end, talk on standard error.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.archive import sources, worker_pool
from engine.archive.worker_pool import WorkerPool
from engine.domain import DEFAULT_MODEL, MODEL_NAMES, NOTICE
from engine.errors import EngineError, IncompatibleCheckpoint, StorageFailed
from engine.private_files import make_private_folder, replaced_whole
from engine.records.pseudonyms import SECRET_NAME, Pseudonyms
from engine.shipped import MANIFEST, entries
from engine.stopping import stoppable

if TYPE_CHECKING:  # what the extra brings is imported when it is needed
    from engine.archive.run import RunSettings

_ALL_READ, _SOME_FAILED = 0, 1
SHARD_SIZE = 10_000


class _WrongUsage(EngineError):
    """The command line asks for something that cannot be."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = (
        "birads-engine archive SOURCE... --out DIR [options]\n"
        "       birads-engine archive report DIR [--labels FILE]\n"
        "       birads-engine archive compare DIR_A DIR_B [--out DIR]"
    )
    parser.epilog = (
        "The same command again goes on where it stopped. A folder named report or compare is\n"
        "given as ./report. What the results hold, and how it works on several machines, stands\n"
        "in docs/archive.md.\n"
        "exit code: 0 all read, 1 some file failed and the others were judged, 2 wrong usage, or\n"
        "it cannot go on (no room, no scheduler); then the same command goes on later."
    )
    parser.add_argument(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="a folder or ZIP file (searched through), or a text file that lists such, one a line",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder for the results")
    parser.add_argument(
        "--workers",
        type=_natural,
        metavar="N",
        help="processes on this machine (default: one a core, as far as memory allows; 0: this "
        "process alone, without Dask)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask scheduler whose workers do it instead, e.g. 127.0.0.1:8786",
    )
    parser.add_argument(
        "--model", choices=MODEL_NAMES, default=DEFAULT_MODEL, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="a trained checkpoint of that network instead of the one that came with the program",
    )
    parser.add_argument(
        "--heatmaps", action="store_true", help="write Grad-CAM maps to DIR/heatmaps, too"
    )
    parser.add_argument(
        "--shard-size",
        type=_positive,
        default=SHARD_SIZE,
        metavar="N",
        help="studies of a folder of parts (default: %(default)s)",
    )
    parser.add_argument(
        "--part-size",
        type=_positive,
        default=1000,
        metavar="N",
        help="studies of a part: what a crash can cost (default: %(default)s)",
    )
    parser.add_argument(
        "--batch",
        type=_positive,
        default=1,
        metavar="N",
        help="studies of a task; on a GPU 8 or more (default: %(default)s)",
    )
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    parser.add_argument(
        "--as-listed",
        action="store_true",
        help="go on without looking for new files",
    )
    parser.add_argument(
        "--identifiers",
        action="store_true",
        help="keep paths, Patient IDs and UIDs in the results, which hold hashes instead",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="a CSV of readings or pathology, for the report: study, and laterality, birads, "
        "pathology (malignant or benign), density where known",
    )
    parser.add_argument(
        "--dashboard",
        type=_positive,
        metavar="PORT",
        help="Dask's own pages about the workers, on this machine alone (needs bokeh)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Raises EngineError."""
    worker_pool.require_extra()
    deed, *rest = arguments.sources
    if deed == "compare":
        return _compare(rest, arguments.out)
    if deed == "report":
        return _report(rest, arguments.labels)
    return _judge(arguments)


def _judge(arguments: argparse.Namespace) -> int:
    from engine.archive import listing
    from engine.archive.index import Index
    from engine.archive.parts import Parts
    from engine.archive.progress import Terminal
    from engine.archive.run import ArchiveRun, RunSettings
    from engine.archive.units import JudgingOrder

    out = _folder_for(arguments)
    settings = RunSettings(
        model=arguments.model,
        model_sha256=_hash_of(arguments),
        shard_size=arguments.shard_size,
        has_identifiers=arguments.identifiers,
        has_heatmaps=arguments.heatmaps,
    )
    roots = sources.roots(arguments.sources)
    checkpoint = arguments.checkpoint and Path(arguments.checkpoint).absolute()
    order = JudgingOrder(
        model=arguments.model,
        checkpoint=checkpoint,
        heatmaps=out / "heatmaps" if arguments.heatmaps else None,
        may_use_gpu=not arguments.cpu,
        roots=roots,
    )
    names = None if arguments.identifiers else _pseudonyms()
    asked = sources.remotes(arguments.sources)
    with (
        stoppable(),
        Index(out / "list.sqlite") as index,
        Terminal() as terminal,
        _worker_pool(arguments) as workers,
    ):
        settings = settings.kept_in(out)
        if not workers.size:
            terminal.say("No worker is there yet: waiting for the first.")
        parts = Parts(out / "parts", settings.shard_size, names, arguments.part_size)
        if not arguments.as_listed or not index.count:
            folders = sources.folders(arguments.sources)
            listing.fill(index, folders, workers, terminal.listing, roots)
            for text, source in asked.items():
                with index.transaction():
                    index.add_remote(text, source.keys())
        terminal.begin_judging()
        under_way = ArchiveRun(index, parts, settings, asked, arguments.batch)
        under_way.work(workers, order, terminal.judging)
    progress = under_way.progress
    if progress.changed:
        terminal.say(
            f"{progress.changed:,} studies have changed since they were judged: their answers are "
            "those of before. Another --out judges them anew."
        )
    figures = _written_report(out, arguments.labels)
    _write(
        {
            "out": str(out),
            "studies": progress.total,
            "judged_now": progress.judged,
            "processor_seconds": round(progress.processor_seconds, 2),
            **{k: v for k, v in _in_short(figures).items() if k != "studies"},
            "report": str(out / "report.html"),
        }
    )
    return _SOME_FAILED if figures["failures"] else _ALL_READ


def _folder_for(arguments: argparse.Namespace) -> Path:
    """The folder for the results, made; nothing is ever written among the images."""
    if arguments.out is None:
        raise _WrongUsage("No folder for the results", "Say --out DIR.")
    if arguments.workers is not None and arguments.scheduler is not None:
        raise _WrongUsage("Two crews", "Say either --workers or --scheduler.")
    out = Path(arguments.out).absolute()
    for text in arguments.sources:
        if Path(text).is_dir() and out.resolve().is_relative_to(Path(text).resolve()):
            raise _WrongUsage(
                "Results among the images", f"--out {arguments.out} lies in {text}, which is read."
            )
    try:
        make_private_folder(out)
    except OSError as error:
        raise StorageFailed("No folder for the results", f"{out}: {error.strerror}.") from error
    return out


def _hash_of(arguments: argparse.Namespace) -> str:
    """Of the network that is asked for; without loading it, as the driver needs none."""
    from engine.archive.run import network_hash

    path = arguments.checkpoint or _shipped_file(arguments.model)
    try:
        return network_hash(path)
    except OSError as error:
        raise _WrongUsage("No such checkpoint", f"{path}: {error.strerror}.") from error


def _shipped_file(model: str) -> Path:
    try:
        return MANIFEST.parent / entries()[model]["file"]
    except (OSError, ValueError, KeyError) as error:
        raise IncompatibleCheckpoint(
            "Network not installed", f"No checkpoint named {model} came with this installation."
        ) from error


def _pseudonyms() -> Pseudonyms:
    from engine.records.backups import default_store

    return Pseudonyms.of_installation(default_store().with_name(SECRET_NAME))


def _worker_pool(arguments: argparse.Namespace) -> AbstractContextManager[WorkerPool]:
    if arguments.scheduler is not None:
        return worker_pool.at(arguments.scheduler)
    workers = arguments.workers
    return worker_pool.local(
        worker_pool.default_workers() if workers is None else workers, arguments.dashboard
    )


def _report(rest: list[str], labels: Path | None) -> int:
    if len(rest) != 1:
        raise _WrongUsage("One run is reported on", "birads-engine archive report DIR")
    out = Path(rest[0])
    figures = _written_report(out, labels)
    _write({"out": str(out), "report": str(out / "report.html"), **_in_short(figures)})
    return _ALL_READ


def _written_report(out: Path, labels_file: Path | None) -> Mapping[str, Any]:
    """Figures of the run, written as report.json and report.html. Raises EngineError."""
    from engine.archive import archive_report, card, labels, tally
    from engine.archive.run import network_hash

    settings = _settings_of(out)
    known = None
    if labels_file is not None:
        names = None if settings.has_identifiers else _pseudonyms()
        known = labels.read(
            labels_file, lambda study: names.name("study", study) if names else study
        )
    figures = tally.count(out / "parts", known)
    shipped = _shipped_file(settings.model)
    is_shipped = settings.model_sha256 == network_hash(shipped)
    said = card.of(shipped) if is_shipped else {}
    _write_text(out / "report.json", tally.as_json(figures))
    archive_report.write(out / "report.html", settings, figures, said)
    return figures


def _settings_of(folder: Path) -> "RunSettings":
    from engine.archive.run import RunSettings

    settings = RunSettings.read(folder)
    if settings is None:
        raise _WrongUsage("Not the results of a run", f"{folder} has no run.json.")
    return settings


def _compare(rest: list[str], out: Path | None) -> int:
    from engine.archive import comparison

    if len(rest) != 2:
        raise _WrongUsage("Two runs are compared", "birads-engine archive compare DIR_A DIR_B")
    a, b = map(Path, rest)
    runs = _settings_of(a), _settings_of(b)
    figures = comparison.compare(a / "parts", b / "parts")
    folder = b if out is None else out
    make_private_folder(folder)
    _write_text(folder / "comparison.json", json.dumps(figures, indent=1) + "\n")
    comparison.write(folder / "comparison.html", runs, figures)
    told = ("changed", "raised_to_4_or_5", "lowered_from_4_or_5", "mean_shift", "correlation")
    _write(
        {
            "a": str(a),
            "b": str(b),
            "breasts": figures["breasts"],
            **{name: figures[name] for name in told},
            "report": str(folder / "comparison.html"),
        }
    )
    return _ALL_READ


def _in_short(figures: Mapping[str, Any]) -> dict[str, Any]:
    breasts = figures["breasts"]
    return {
        **{name: figures[name] for name in ("studies", "views", "views_in_scope", "failures")},
        **{name: breasts[name] for name in ("breasts", "judged", "called_4_or_5", "mean_p_4_or_5")},
    }


def _write_text(path: Path, text: str) -> None:
    try:
        with replaced_whole(path) as file:
            file.write(text)
    except OSError as error:
        raise StorageFailed("Report not written", f"{path.name}: {error.strerror}.") from error


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _write(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record | {"notice": NOTICE}, ensure_ascii=False) + "\n")
