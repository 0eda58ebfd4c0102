"""birads-engine readings: is the file as it was left, copies of it, and the way back.

One JSON object on standard output, talk on standard error.
"""

import argparse
import json
import sys
from pathlib import Path

from engine.domain import NOTICE
from engine.records import backups
from engine.records.verification import Verdict, verify

_SOUND, _UNSOUND = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "To move readings to another PC: backup DIR there, and restore DIR here.\n"
        "exit code: 0 all is well, 1 the readings are not as they were stored, 2 wrong usage, or\n"
        "nothing could be read or written."
    )
    deeds = parser.add_subparsers(dest="deed", metavar="DEED", required=True)
    verifying = deeds.add_parser(
        "verify", help="look at every row, and name the first that is not as it was stored"
    )
    backing_up = deeds.add_parser(
        "backup", help="copy the readings into a folder, while the program goes on"
    )
    backing_up.add_argument("folder", type=Path, metavar="DIR")
    restoring = deeds.add_parser(
        "restore",
        help="check a backup and put it in the place of the readings, which are kept beside it",
    )
    restoring.add_argument(
        "backup", type=Path, metavar="FILE", help="a backup, or a folder: the newest one in it"
    )
    for action, run_action in (
        (verifying, _verify),
        (backing_up, _back_up),
        (restoring, _restore),
    ):
        action.add_argument(
            "--store",
            type=Path,
            metavar="FILE",
            default=backups.default_store(),
            help="the readings (default: this user's, %(default)s)",
        )
        action.set_defaults(run_action=run_action)


def run(arguments: argparse.Namespace) -> int:
    status: int = arguments.run_action(arguments)
    return status


def _verify(arguments: argparse.Namespace) -> int:
    verdict = verify(arguments.store)
    _write({"store": str(arguments.store)} | _verdict_record(verdict))
    return _SOUND if verdict.is_sound else _UNSOUND


def _back_up(arguments: argparse.Namespace) -> int:
    path, verdict = backups.back_up(arguments.store, arguments.folder)
    _write({"store": str(arguments.store), "backup": str(path)} | _verdict_record(verdict))
    return _SOUND if verdict.is_sound else _UNSOUND


def _restore(arguments: argparse.Namespace) -> int:
    restored = backups.restore(arguments.backup, arguments.store)
    kept = None if restored.kept is None else str(restored.kept)
    _write({"store": str(arguments.store), "rows": restored.rows, "kept": kept})
    return _SOUND


def _verdict_record(verdict: Verdict) -> dict[str, object]:
    first = verdict.first
    return {
        "is_sound": verdict.is_sound,
        "problem": verdict.problem or None,
        "first_misfit": first and {"table": first.table, "row": first.row, "what": first.what},
        "misfits": verdict.misfits,
        "rows": verdict.rows,
        "head": verdict.head or None,
    }


def _write(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record | {"notice": NOTICE}, ensure_ascii=False) + "\n")
