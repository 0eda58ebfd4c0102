"""`birads-engine pacs`: what may be done on the network, as JSON lines.

`dicomweb` is imported where a node speaks it: urllib3 tries a socket when it is imported.

The window runs these commands, too, as processes of their own: what comes and goes there never
makes a reader wait, and a process that is ended loses nothing.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from pynetdicom import build_context

from engine import site_configuration
from engine.audit.messages import (
    EventIdentification,
    Participant,
    Role,
    Subject,
)
from engine.dicom.uids import is_uid
from engine.domain import NOTICE
from engine.errors import EngineError
from engine.messages import as_data, message
from engine.pacs import connections, finding
from engine.pacs.finding import StudyQuery
from engine.pacs.inbox import Inbox, Received
from engine.pacs.outbox import Outbox, OutboxEntry
from engine.pacs.receiving import Caller, Listeners, Receiver
from engine.pacs.retrieving import RetrievalProgress
from engine.pacs.sending import send_due
from engine.pacs.site import Site
from engine.site_configuration import Retrieval, SiteConfiguration
from engine.stopping import stoppable

_ALL_DONE, _SOME_FAILED = 0, 1
Row = dict[str, object]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "Nothing opens a connection unless the site's configuration names the node:\n"
        f"{site_configuration.default_path()}, see docs/dicom_conformance.md.\n"
        "A JSON object a line on standard output, talk on standard error.\n"
        "exit code: 0 all done, 1 something was not, with the reason, 2 wrong usage."
    )
    actions = parser.add_subparsers(dest="deed", metavar="DEED", required=True)

    echo = _add_action(actions, "echo", _echo, "does the node answer, and if not, why")
    find = _add_action(
        actions, "find", _find, "studies of a patient, a day …; * stands for anything"
    )
    find.add_argument("--patient", default="", metavar="ID")
    find.add_argument("--name", default="", metavar="NAME", help="Family^Given")
    find.add_argument("--accession", default="", metavar="NUMBER")
    find.add_argument("--study", default="", metavar="UID")
    find.add_argument("--since", type=date.fromisoformat, metavar="YYYY-MM-DD")
    find.add_argument("--until", type=date.fromisoformat, metavar="YYYY-MM-DD")
    find.add_argument("--modality", default="MG", help="(default: MG; '' for all)")

    get = _add_action(
        actions, "get", _get, "fetch studies; what is here already is not fetched again"
    )
    get.add_argument("studies", nargs="+", metavar="STUDY_UID")
    get.add_argument(
        "--priors", type=int, default=0, metavar="N", help="and the patient's N newest earlier ones"
    )
    get.add_argument(
        "--while-open",
        action="store_true",
        help="cancel, and keep what is here, when standard input is closed",
    )
    send = _add_action(actions, "send", _send, "queue objects, and send what is due")
    send.add_argument("files", nargs="*", type=Path, metavar="FILE")
    send.add_argument(
        "--retry", action="store_true", help="also what was refused, or waits for its next turn"
    )
    send.add_argument("--list", action="store_true", help="say what is queued, and send nothing")
    worklist = _add_action(actions, "worklist", _worklist, "what is scheduled")
    worklist.add_argument("--date", type=date.fromisoformat, metavar="YYYY-MM-DD")
    worklist.add_argument("--modality", default="MG")
    worklist.add_argument("--station", default="", metavar="AE_TITLE")
    receive = _add_action(actions, "receive", _receive, "listen, until interrupted", has_node=False)
    receive.add_argument("--seconds", type=float, metavar="N", help="and no longer")

    for command in (get, receive):
        command.add_argument(
            "--inbox", type=Path, metavar="DIR", help="where studies come to lie (default: own)"
        )
    for command in (send, receive):
        command.add_argument("--outbox", type=Path, metavar="DIR", help="the queue (default: own)")
    for command in (echo, find, get, send, worklist, receive):
        command.add_argument(
            "--config", type=Path, metavar="FILE", help="the site's configuration (default: own)"
        )


def _add_action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run_action: Callable[["Site", argparse.Namespace], int],
    summary: str,
    has_node: bool = True,
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=summary, description=f"{summary}. {NOTICE}")
    if has_node:
        action.add_argument("node", metavar="NODE", help="by its name in the configuration")
    action.set_defaults(run_action=run_action, has_node=has_node)
    return action


def run(arguments: argparse.Namespace) -> int:
    configuration = site_configuration.read(arguments.config)
    if configuration is None:
        raise NothingConfigured(
            "No DICOM node is configured",
            f"{arguments.config or site_configuration.default_path()} is not there: nothing was "
            "opened.",
        )
    node = configuration.node(arguments.node) if arguments.has_node else None
    site = Site(configuration, node)
    if node is not None and node.is_plain:
        _say(f"Warning: {node.name} is spoken to in the clear: whoever listens can read it.")
    code: int = arguments.run_action(site, arguments)
    return code


class NothingConfigured(EngineError):
    """The site allows nothing."""


# ------------------------------------------------------------------------------------------ deeds


def _echo(site: Site, _arguments: argparse.Namespace) -> int:
    node, started = site.node, time.monotonic()
    error = None
    try:
        site.echo()
    except EngineError as caught:
        error = caught
    seconds = round(time.monotonic() - started, 3)
    _write({"node": node.name, "answers": error is None, "seconds": seconds, **_error_entry(error)})
    return _SOME_FAILED if error else _ALL_DONE


def _find(site: Site, arguments: argparse.Namespace) -> int:
    query = StudyQuery(
        patient_id=arguments.patient,
        patient_name=arguments.name,
        accession=arguments.accession,
        study_uid=arguments.study,
        modality=arguments.modality,
        since=arguments.since,
        until=arguments.until,
    )
    node, found = site.node, []
    error = None
    try:
        found = site.find(query)
    except EngineError as caught:
        error = caught
    site.audit(
        EventIdentification.QUERY, (site.peer(Role.DESTINATION),), (), error, query, Role.SOURCE
    )
    for study in found:
        _write({"node": node.name, **_study_row(asdict(study))})
    if error is not None:
        _write({"node": node.name, **_error_entry(error)})
    return _SOME_FAILED if error else _ALL_DONE


def _worklist(site: Site, arguments: argparse.Namespace) -> int:
    node = site.node
    error, entries = None, []
    try:
        entries = finding.find_worklist(
            site.configuration, node, arguments.date, arguments.modality, arguments.station
        )
    except EngineError as caught:
        error = caught
    query = f"worklist {arguments.date} {arguments.modality} {arguments.station}"
    site.audit(
        EventIdentification.QUERY, (site.peer(Role.DESTINATION),), (), error, query, Role.SOURCE
    )
    for entry in entries:
        _write({"node": node.name, **_study_row(asdict(entry))})
    if error is not None:
        _write({"node": node.name, **_error_entry(error)})
    return _SOME_FAILED if error else _ALL_DONE


def _get(site: Site, arguments: argparse.Namespace) -> int:
    configuration, node = site.configuration, site.node
    if not all(map(is_uid, arguments.studies)):
        raise NothingConfigured("Not a study", "STUDY_UID is that which find tells.")
    by_move = bool(node.host) and node.retrieval is Retrieval.MOVE
    if by_move and configuration.receiver is None:
        raise NothingConfigured(
            message("Nothing receives here"),
            message(
                "{node} sends by C-MOVE, to a receiver on this PC: set one up under DICOM nodes, "
                "or choose C-GET for the node.",
                node=node.name,
            ),
        )
    inbox = _inbox(configuration, arguments.inbox)
    inbox.sweep()
    studies = list(dict.fromkeys(arguments.studies))
    has_failed = False
    with ExitStack() as stack:
        if by_move:
            receiver = Receiver(configuration, inbox)
            try:
                stack.enter_context(receiver)
            except EngineError as busy:  # another of our processes is listening
                _say(str(busy))
        if arguments.priors > 0:
            priors, failure = _priors(site, studies, arguments.priors)
            studies += [uid for uid in priors if uid not in studies]
            if failure is not None:
                has_failed = True
                _write({"node": node.name, **_error_entry(failure)})
        should_stop = _closing_of_input() if arguments.while_open else _never
        for study_uid in studies:
            if should_stop():
                has_failed = True
                break
            has_failed |= not _get_one(site, study_uid, inbox, should_stop)
    return _SOME_FAILED if has_failed else _ALL_DONE


def _never() -> bool:
    return False


def _closing_of_input() -> Callable[[], bool]:
    """Whether whoever started this process has closed its standard input, or is gone."""
    is_closed = threading.Event()

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        is_closed.set()

    threading.Thread(target=wait, daemon=True).start()
    return is_closed.is_set


def _inbox(configuration: SiteConfiguration, folder: Path | None) -> Inbox:
    receiver = configuration.receiver
    if receiver is None:
        return Inbox(folder)
    return Inbox(folder or receiver.folder, receiver.largest_mb * 2**20)


def _get_one(site: Site, study_uid: str, inbox: Inbox, should_stop: Callable[[], bool]) -> bool:
    node = site.node

    def told(progress: RetrievalProgress) -> None:
        _write(
            {
                "study": study_uid,
                "file": str(progress.path),
                "here": progress.here,
                "expected": progress.expected,
            }
        )

    result = site.retrieved(study_uid, inbox, told, should_stop)
    _write(
        {
            "node": node.name,
            "study": study_uid,
            "folder": str(result.folder),
            "expected": result.expected,
            "here": result.here,
            "new": result.new,
            "refused": [_error_record(error) for error in result.refused],
            "is_complete": result.is_whole,
            "is_stopped": result.is_stopped,
            **_error_entry(result.failure),
        }
    )
    return result.is_whole


def _priors(site: Site, studies: list[str], count: int) -> tuple[list[str], EngineError | None]:
    node = site.node
    found: list[str] = []
    error = None
    try:
        if node.host:
            contexts = [build_context(finding.STUDY_FIND)]
            with connections.associated(site.configuration, node, contexts) as association:
                for uid in studies:
                    for study in finding.studies_by(
                        association, node, StudyQuery(study_uid=uid, modality="")
                    ):
                        priors = finding.priors_by(association, node, study)
                        found += [prior.study_uid for prior in priors[:count]]
        else:
            from engine.pacs import dicomweb

            for uid in studies:
                query = StudyQuery(study_uid=uid, modality="")
                for study in dicomweb.find_studies(node, query):
                    every = dicomweb.find_studies(node, StudyQuery(patient_id=study.patient_id))
                    priors = finding.priors_among(every, study)
                    found += [prior.study_uid for prior in priors[:count]]
    except EngineError as caught:
        error = caught
    peers, asked = (site.peer(Role.DESTINATION),), f"priors of {studies}"
    site.audit(EventIdentification.QUERY, peers, (), error, asked, Role.SOURCE)
    return found, error


def _send(site: Site, arguments: argparse.Namespace) -> int:
    configuration, node = site.configuration, site.node
    outbox = Outbox(arguments.outbox)
    has_failed = False
    for path in arguments.files:
        try:
            outbox.add(node.name, path)
        except EngineError as error:
            has_failed = True
            _write({"node": node.name, "file": str(path), **_error_entry(error)})
    if arguments.list:
        for entry in outbox.entries(node.name):
            _write(_entry_row(entry, entry.words))
        return _SOME_FAILED if has_failed else _ALL_DONE
    if arguments.retry:
        outbox.retry(node.name)
    with ExitStack() as stack:
        if node.commits and configuration.receiver is not None:
            listeners = Listeners(on_commitment=outbox.confirmed)
            receiver = Receiver(configuration, _inbox(configuration, None), listeners)
            with suppress(EngineError):  # another of our processes listens, for the same outbox
                stack.enter_context(receiver)
        sent = send_due(configuration, node, outbox, lambda entry, w: _write(_entry_row(entry, w)))
    _audit_sent(site, sent.stored + sent.awaiting)
    if sent.failed:
        words = sent.failure or NothingConfigured(message("Not stored"), sent.failed[0][1])
        _audit_sent(site, [entry for entry, _ in sent.failed], words)
    if sent.failure is not None:
        _write({"node": node.name, **_error_entry(sent.failure)})
    if sent.is_busy:
        _say("Another process is sending; what was queued here will go, too.")
    left = len(outbox.entries(node.name))
    _write({"node": node.name, "left": left})
    return _SOME_FAILED if has_failed or left else _ALL_DONE


def _audit_sent(
    site: Site, entries: Sequence[OutboxEntry], failure: EngineError | None = None
) -> None:
    if entries:
        peers, subjects = (site.peer(Role.DESTINATION),), _subjects(entries)
        site.audit(EventIdentification.TRANSFERRED, peers, subjects, failure, role=Role.SOURCE)


def _subjects(entries: Sequence[OutboxEntry]) -> tuple[Subject, ...]:
    """By study, and its patient."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for entry in entries:
        classes = counts.setdefault((entry.study_uid, entry.patient_id), {})
        classes[entry.sop_class] = classes.get(entry.sop_class, 0) + 1
    return tuple(
        Subject(patient_id=patient, study_uid=study, objects=classes)
        for (study, patient), classes in counts.items()
    )


def _entry_row(entry: OutboxEntry, words: str) -> Row:
    return {
        "node": entry.node,
        "entry": entry.id,
        "study": entry.study_uid,
        "sop_class": entry.sop_class,
        "sop_instance": entry.sop_uid,
        "is_stored": not words,
        "words": words or None,
        "queued_at": entry.queued_at,
        "attempts": entry.attempts,
    }


def _receive(site: Site, arguments: argparse.Namespace) -> int:
    configuration = site.configuration
    outbox = Outbox(arguments.outbox)
    came: dict[tuple[Caller, str, str], Counter[str]] = {}

    def on_object(received: Received, caller: Caller) -> None:
        key = (caller, received.study_uid, received.patient_id)
        came.setdefault(key, Counter())[received.sop_class] += 1
        _write(
            {
                "file": str(received.path),
                "study": received.study_uid,
                "sop_instance": received.sop_uid,
                "is_new": received.is_new,
                "from": caller.ae_title,
            }
        )

    def on_refused(error: EngineError, caller: Caller) -> None:
        site.audit(EventIdentification.OBJECT_REFUSED, (_of(caller),), (), error)
        _write({"from": caller.ae_title, **_error_entry(error)})

    def on_stranger(error: EngineError, caller: Caller) -> None:
        site.audit(EventIdentification.NODE_REFUSED, (_of(caller),), (), error)
        _write({"from": caller.ae_title, "host": caller.host, **_error_entry(error)})

    def audit_transfers() -> None:
        for key in list(came):
            caller, study_uid, patient = key
            subject = Subject(patient_id=patient, study_uid=study_uid, objects=dict(came.pop(key)))
            site.audit(
                EventIdentification.TRANSFERRED, (_of(caller),), (subject,), role=Role.DESTINATION
            )

    listeners = Listeners(on_object, on_refused, on_stranger, outbox.confirmed)
    inbox = _inbox(configuration, arguments.inbox)
    inbox.sweep()
    if configuration.receiver is not None and configuration.receiver.tls is None:
        _say("Warning: what is received comes in the clear: whoever listens can read it.")
    receiver = Receiver(configuration, inbox, listeners)
    site.audit(EventIdentification.START)
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    try:
        with stoppable(), receiver:
            address = f"{receiver.address}:{receiver.port}"
            _write({"listening": address, "ae_title": configuration.ae_title})
            while end is None or time.monotonic() < end:
                time.sleep(0.2)
                audit_transfers()
    except KeyboardInterrupt:
        pass
    finally:
        audit_transfers()
        site.audit(EventIdentification.STOP)
    return _ALL_DONE


def _of(caller: Caller) -> Participant:
    return Participant(caller.ae_title or "unknown", Role.SOURCE, True, host=caller.host)


# ------------------------------------------------------------------------------------------- rows


def _study_row(values: dict[str, object]) -> Row:
    renamed = {"study_uid": "study", "patient_id": "patient", "patient_name": "name"}
    return {renamed.get(key, key): value for key, value in values.items()}


def _error_entry(error: EngineError | None) -> Row:
    return {} if error is None else {"error": _error_record(error)}


def _error_record(error: EngineError) -> dict[str, object]:
    """In English, and as what another language is made of."""
    said = {"title": as_data(error.title), "advice": as_data(error.advice)}
    return {"title": error.title, "advice": error.advice, "said": said}


def _write(row: Row) -> None:
    stamped = row | {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "notice": NOTICE}
    sys.stdout.write(json.dumps(stamped, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
