"""What the outbox holds, to its node: C-STORE or STOW-RS, and storage commitment.

An entry leaves on success, or on a warning (PS3.4 B.2.3: stored all the same), and where the node
is asked to confirm, when it has. Whatever else happens it stays, and is sent again later.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from engine.errors import EngineError
from engine.messages import Message, as_message, message
from engine.pacs.connections import NodeFailed, associated, lost
from engine.pacs.outbox import NOT_CONFIRMED, Outbox, OutboxEntry, SendState
from engine.pacs.receiving import read_commitment
from engine.pacs.storage_classes import sending_contexts
from engine.site_configuration import Node, SiteConfiguration

log = logging.getLogger(__name__)

_REPORT_S = 10.0  #: for the report to come on the association that asked for it
ASK_AGAIN = timedelta(minutes=10)
_STORED = (0x0000, 0xB000, 0xB006, 0xB007)
#: PS3.4 B.2.3 and PS3.7 C: sent again they would be refused again.
_FINAL = {
    0x0110: message("it cannot process it"),
    0x0111: message("it has another object under this identifier"),
    0x0117: message("it does not take the identifier"),
    0x0122: message("it does not take this kind of object"),
    0x0124: message("it does not allow us to store"),
    0xA900: message("it says that the object is not of its kind"),
}
_STORED_WORDS = as_message("")


@dataclass
class Sent:
    """What became of the entries that were due."""

    stored: list[OutboxEntry] = field(default_factory=list)  #: gone from the queue
    awaiting: list[OutboxEntry] = field(default_factory=list)  #: taken, to be confirmed
    failed: list[tuple[OutboxEntry, Message]] = field(default_factory=list)
    failure: EngineError | None = None  #: why there was no connection
    is_busy: bool = False  #: another process is sending


def send_due(
    configuration: SiteConfiguration,
    node: Node,
    outbox: Outbox,
    on_entry: Callable[[OutboxEntry, Message], None] = lambda _entry, _words: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Sent:
    """Everything that is due for the node; `on_entry` hears of each, with empty words where it was
    stored. Raises StorageFailed alone.
    """
    sent = Sent()
    with outbox.sender() as is_alone:
        if not is_alone:
            sent.is_busy = True
            return sent
        entries = outbox.due(node.name)
        work = _Sending(configuration, node, outbox, sent, on_entry, should_stop)
        try:
            if node.host:
                work.by_dimse(entries)
            else:
                work.by_web(entries)
        except NodeFailed as error:
            sent.failure = error
            done = {entry.id for entry in sent.stored + sent.awaiting}
            done |= {entry.id for entry, _ in sent.failed}
            for entry in entries:
                if entry.id not in done:
                    work.fail(entry, error.message)
        return sent


class _Sending:
    def __init__(
        self,
        configuration: SiteConfiguration,
        node: Node,
        outbox: Outbox,
        sent: Sent,
        on_entry: Callable[[OutboxEntry, Message], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._configuration = configuration
        self._node = node
        self._outbox = outbox
        self._sent = sent
        self._on_entry = on_entry
        self._should_stop = should_stop
        self._reports = threading.Event()

    def fail(self, entry: OutboxEntry, words: Message, is_final: bool = False) -> None:
        self._outbox.has_failed(entry, words, is_final)
        self._sent.failed.append((entry, words))
        self._on_entry(entry, words)

    def by_dimse(self, entries: Sequence[OutboxEntry]) -> None:
        node = self._node
        old = datetime.now(UTC) - ASK_AGAIN
        doubtful = self._outbox.unconfirmed(node.name, old) if node.commits else []
        if not entries and not doubtful:
            return
        contexts = sending_contexts([(entry.sop_class, entry.syntax) for entry in entries])
        if node.commits:
            contexts.append(build_context(StorageCommitmentPushModel))
        handlers = [(evt.EVT_N_EVENT_REPORT, self._report)]
        with associated(self._configuration, node, contexts, handlers=handlers) as association:
            taken = [
                entry
                for entry in entries
                if not self._should_stop() and self._store(association, entry)
            ]
            if not node.commits:
                return
            offered = {context.abstract_syntax for context in association.accepted_contexts}
            if StorageCommitmentPushModel not in offered:
                # it cannot be asked: its word on storing is all there is
                for entry in taken:
                    self._is_stored(entry)
                return
            self._ask_to_keep(association, [*taken, *doubtful])

    def by_web(self, entries: Sequence[OutboxEntry]) -> None:
        from engine.pacs import dicomweb  # urllib3 tries a socket when it is imported

        for entry in entries:
            if self._should_stop():
                return
            words = dicomweb.store(self._node, entry.path)
            if words is not None:
                self.fail(entry, words, is_final=True)
            else:
                self._is_stored(entry)

    def _store(self, association: Association, entry: OutboxEntry) -> bool:
        """Whether the node has it now. Raises NodeFailed where the connection was lost."""
        try:
            dataset = pydicom.dcmread(entry.path)
        except (OSError, pydicom.errors.InvalidDicomError):
            self.fail(entry, message("the queued file cannot be read"), is_final=True)
            return False
        try:
            status = association.send_c_store(dataset)
        except ValueError:  # no context was accepted for its class and syntax
            self.fail(
                entry,
                message("the node does not take this kind of object, or not so compressed"),
                True,
            )
            return False
        except RuntimeError as error:  # the association is gone
            raise lost(self._node) from error
        if not status:
            raise lost(self._node)
        code = int(status.Status)
        if code in _STORED:
            if not self._node.commits:
                self._is_stored(entry)
            return True
        words = message(
            "{words} (status {status})",
            words=_FINAL.get(code, message("it could not store it")),
            status=f"{code:#06x}",
        )
        self.fail(entry, words, code in _FINAL)
        return False

    def _is_stored(self, entry: OutboxEntry) -> None:
        self._outbox.is_stored(entry)
        self._sent.stored.append(entry)
        self._on_entry(entry, _STORED_WORDS)

    def _ask_to_keep(self, association: Association, entries: Sequence[OutboxEntry]) -> None:
        """N-ACTION; the report comes on this association, or later on one of the node's."""
        if not entries:
            return
        request = Dataset()
        request.TransactionUID = UID(f"2.25.{uuid.uuid4().int}")
        request.ReferencedSOPSequence = []
        for entry in entries:
            item = Dataset()
            item.ReferencedSOPClassUID = entry.sop_class
            item.ReferencedSOPInstanceUID = entry.sop_uid
            request.ReferencedSOPSequence.append(item)
        for entry in entries:  # before it is asked: the report may be faster than we are
            self._outbox.is_stored(entry, awaits=request.TransactionUID)
        status, _ = association.send_n_action(
            request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        if status and status.Status == 0x0000:
            self._await_report({entry.id for entry in entries})
        left = {entry.id for entry in self._outbox.entries(self._node.name)}
        waiting = {entry.id for entry in self._outbox.due(self._node.name)}
        for entry in entries:
            if entry.id not in left:
                self._sent.stored.append(entry)
                self._on_entry(entry, _STORED_WORDS)
            elif entry.id not in waiting:
                self._sent.awaiting.append(entry)
                self._on_entry(entry, NOT_CONFIRMED)

    def _await_report(self, numbers: set[int]) -> None:
        """A while, as it mostly comes at once: here, or to a receiver that knows the outbox."""
        end = time.monotonic() + min(_REPORT_S, self._node.timeout_s)
        while time.monotonic() < end and not self._reports.wait(0.2):
            states = {e.id: e.state for e in self._outbox.entries(self._node.name)}
            if not any(states.get(number) is SendState.SENT for number in numbers):
                return

    def _report(self, event: evt.Event) -> tuple[int, None]:
        read_commitment(event, self._outbox.confirmed)
        self._reports.set()
        return 0x0000, None
