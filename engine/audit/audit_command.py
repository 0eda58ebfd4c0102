"""`birads-engine audit`: is the log as it was written, its messages, and their delivery."""

import argparse
import json
import sys
from pathlib import Path

from engine import site_configuration
from engine.audit import syslog
from engine.audit.log import AuditLog
from engine.audit.messages import AuditEvent, EventIdentification, this_program, this_user
from engine.domain import NOTICE
from engine.errors import EngineError

_SOUND, _UNSOUND = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "exit code: 0 all is well, 1 the log is not as it was written or not all was delivered,\n"
        "2 wrong usage."
    )
    actions = parser.add_subparsers(dest="deed", metavar="DEED", required=True)
    verifying = actions.add_parser("verify", help="look at every message and its link")
    showing = actions.add_parser("show", help="every message, one XML document a line; is audited")
    delivering = actions.add_parser("deliver", help="send what waits to the syslog server")
    for action, run_action in ((verifying, _verify), (showing, _show), (delivering, _deliver)):
        action.add_argument(
            "--config", type=Path, metavar="FILE", help="the site's configuration (default: own)"
        )
        action.set_defaults(run_action=run_action)


def run(arguments: argparse.Namespace) -> int:
    configuration = site_configuration.read(arguments.config)
    if configuration is None:
        raise _WrongUsage("Nothing is configured", "There is no audit log without a site.toml.")
    code: int = arguments.run_action(configuration)
    return code


class _WrongUsage(EngineError):
    """The command line asks for something that cannot be."""


def _verify(configuration: site_configuration.SiteConfiguration) -> int:
    log = AuditLog(configuration.audit.folder)
    verdict = log.verify()
    _write(
        {
            "log": str(log.path),
            "is_sound": not verdict.problem,
            "problem": verdict.problem or None,
            "messages": verdict.messages,
            "waiting": verdict.waiting,
            "head": verdict.head or None,
        }
    )
    return _UNSOUND if verdict.problem else _SOUND


def _show(configuration: site_configuration.SiteConfiguration) -> int:
    log = AuditLog(configuration.audit.folder)
    log.record(
        AuditEvent(
            EventIdentification.LOG_USED, (this_user(), this_program(configuration.ae_title))
        )
    )
    for xml in log.messages():
        sys.stdout.write(xml + "\n")
    return _SOUND


def _deliver(configuration: site_configuration.SiteConfiguration) -> int:
    server = configuration.audit.syslog
    if server is None:
        raise _WrongUsage("No syslog server", "The configuration names none under [audit.syslog].")
    log = AuditLog(configuration.audit.folder)
    try:
        count = syslog.deliver(log, server)
    except syslog.SyslogFailed as error:
        _write({"error": {"title": error.title, "advice": error.advice}})
        return _UNSOUND
    _write({"delivered": count})
    return _SOUND


def _write(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record | {"notice": NOTICE}, ensure_ascii=False) + "\n")
