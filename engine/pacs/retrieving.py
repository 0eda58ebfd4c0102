"""A study from the PACS into the inbox: what is missing, image by image.

DICOM has no pause: to stop is to cancel, to go on is to ask for what is not there yet. So every
retrieval begins by asking which objects the study has, and asks for the missing ones; what a lost
connection left out is asked for again.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import build_context, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at run time
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from engine.errors import EngineError
from engine.messages import Message, message
from engine.pacs.connections import NodeFailed, abort, associated, lost, open_association
from engine.pacs.finding import STUDY_FIND, FoundInstance, images_by, with_status
from engine.pacs.inbox import HeldObject, Inbox, ObjectRefused
from engine.pacs.storage_classes import retrieval_contexts, storage_roles
from engine.site_configuration import Node, Retrieval, SiteConfiguration

log = logging.getLogger(__name__)

GET = str(StudyRootQueryRetrieveInformationModelGet)
MOVE = str(StudyRootQueryRetrieveInformationModelMove)
_ATTEMPTS = 3  #: in a row without a new object
_UIDS_AT_ONCE = 100
_TRANSFER_S = 120.0  # for one object; a slow line needs that for a tomosynthesis
_MESSAGE_ID = 7
#: Not asked for: what nobody here reads, and what other workstations keep for themselves.
_LEFT_OUT = frozenset({"RTDOSE", "RTPLAN", "RTSTRUCT", "RTIMAGE", "RAW"})


@dataclass(frozen=True)
class RetrievalProgress:
    """After each object."""

    path: Path
    here: int  #: objects of the study that are here now
    expected: int


@dataclass
class Retrieved:
    study_uid: str
    folder: Path
    expected: int = 0
    here: int = 0
    new: int = 0
    refused: list[EngineError] = field(default_factory=list)  #: objects that were not kept
    is_stopped: bool = False
    failure: EngineError | None = None  #: why it did not go on
    sop_classes: dict[str, int] = field(default_factory=dict)
    patient_ids: set[str] = field(default_factory=set)

    @property
    def is_whole(self) -> bool:
        return self.here >= self.expected and self.failure is None and not self.is_stopped


def retrieve(
    configuration: SiteConfiguration,
    node: Node,
    study_uid: str,
    inbox: Inbox,
    on_object: Callable[[RetrievalProgress], None] = lambda _progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    wait_s: Callable[[float], None] = time.sleep,
) -> Retrieved:
    """What is not here of the study. Never raises for the network: `failure` says what was wrong.

    With C-MOVE somebody must be receiving into the same inbox (`receiving.Receiver`).
    """
    result = Retrieved(study_uid, inbox.study_folder(study_uid))
    idle = 0
    while True:
        before = result.new
        try:
            _attempt(configuration, node, inbox, result, on_object, should_stop)
            result.failure = None
        except NodeFailed as error:
            result.failure = error
        if result.is_whole or result.is_stopped or should_stop():
            result.is_stopped = not result.is_whole and (result.is_stopped or should_stop())
            return result
        if result.failure is None and result.refused:
            return result  # they would be refused again
        idle = 0 if result.new > before else idle + 1
        if idle >= _ATTEMPTS or (result.failure is not None and not _may_recover(result)):
            if result.failure is None:
                result.failure = NodeFailed(
                    message("Study is not complete"),
                    message(
                        "{node} sent {here} of {expected} objects.",
                        node=node.name,
                        here=result.here,
                        expected=result.expected,
                    ),
                )
            return result
        wait_s(min(2.0**idle, 8.0) / 2)


def _may_recover(result: Retrieved) -> bool:
    failure = result.failure
    return failure is not None and failure.title in ("Connection lost", "No answer")


def _attempt(
    configuration: SiteConfiguration,
    node: Node,
    inbox: Inbox,
    result: Retrieved,
    on_object: Callable[[RetrievalProgress], None],
    should_stop: Callable[[], bool],
) -> None:
    with associated(configuration, node, [build_context(STUDY_FIND)]) as association:
        images = images_by(association, node, result.study_uid)
    wanted = {image.sop_uid: image for image in images if image.modality not in _LEFT_OUT}
    if not wanted:
        raise NodeFailed(
            message("Study not found"),
            message("{node} has no objects of this study.", node=node.name),
        )
    missing = [i for i in wanted.values() if not inbox.has(result.study_uid, i.sop_uid)]
    result.expected, result.here = len(wanted), len(wanted) - len(missing)
    if not missing:
        return
    is_all = len(missing) == len(images)
    transfer = _Get if node.retrieval is Retrieval.GET else _Move
    transfer(configuration, node, inbox, result, on_object, should_stop).run(missing, is_all)


class _Transfer:
    """One association's worth of objects."""

    def __init__(
        self,
        configuration: SiteConfiguration,
        node: Node,
        inbox: Inbox,
        result: Retrieved,
        on_object: Callable[[RetrievalProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self._configuration = configuration
        self._node = node
        self._inbox = inbox
        self._result = result
        self._on_object = on_object
        self._should_stop = should_stop

    def run(self, missing: list[FoundInstance], is_all: bool) -> None:
        association = self._open()
        association.dimse_timeout = max(self._node.timeout_s, _TRANSFER_S)
        try:
            for identifier in _identifiers(self._result.study_uid, missing, is_all):
                if self._should_stop():
                    self._result.is_stopped = True
                    break
                self._ask(association, identifier)
                if self._result.is_stopped:
                    break
        except BaseException:
            abort(association)
            raise
        if association.is_established:
            association.release()
        else:
            abort(association)

    def _open(self) -> Association:
        raise NotImplementedError

    def _ask(self, association: Association, identifier: Dataset) -> None:
        raise NotImplementedError

    def _watch(
        self, association: Association, answers: Iterable[tuple[Dataset, object]], model: str
    ) -> None:
        """Reads statuses to the last one; cancels where somebody wants it to stop."""
        is_cancelled = False
        for status, _ in answers:
            if not status:
                raise lost(self._node)
            code = int(status.Status)
            if code in (0xFF00, 0xFF01):
                if self._should_stop() and not is_cancelled:
                    is_cancelled = self._result.is_stopped = True
                    association.send_c_cancel(_MESSAGE_ID, query_model=model)
            elif code not in (0x0000, 0xB000, 0xFE00):
                raise NodeFailed(message("Retrieval failed"), _retrieval_text(self._node, code))

    def _count(self, path: Path, sop_class: str, patient_id: str) -> None:
        result = self._result
        result.here += 1
        result.new += 1
        result.sop_classes[sop_class] = result.sop_classes.get(sop_class, 0) + 1
        result.patient_ids.add(patient_id)
        self._on_object(RetrievalProgress(path, result.here, max(result.expected, result.here)))


class _Get(_Transfer):
    def _open(self) -> Association:
        return open_association(
            *(self._configuration, self._node, retrieval_contexts(GET), storage_roles()),
            [(evt.EVT_C_STORE, self._store)],
        )

    def _ask(self, association: Association, identifier: Dataset) -> None:
        if GET not in {context.abstract_syntax for context in association.accepted_contexts}:
            raise NodeFailed(
                message("C-GET is not offered"),
                message(
                    "{node} sends only by C-MOVE: choose that for it.",
                    node=self._node.name,
                ),
            )
        self._watch(association, association.send_c_get(identifier, GET, _MESSAGE_ID), GET)

    def run(self, missing: list[FoundInstance], is_all: bool) -> None:
        # One object is brought to the disk while the next one comes: the PACS has it still, and
        # what gets no name is asked for again.
        self._settling: Future[None] = Future()
        self._settling.set_result(None)
        with ThreadPoolExecutor(1) as self._settler:
            super().run(missing, is_all)
            self._settling.result()

    def _store(self, event: evt.Event) -> int:
        request: Any = event.request  # a C-STORE
        sop_class, sop_uid = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        try:
            self._inbox.check_wanted(sop_class, sop_uid)
            held = self._inbox.hold(event.encoded_dataset(), sop_class, sop_uid)
            if held.study_uid != self._result.study_uid:
                held.drop()
                raise ObjectRefused(
                    message("Another study was sent"),
                    message("It was not asked for, and not kept."),
                    0xA900,
                )
        except ObjectRefused as error:
            self._result.refused.append(error)
            return error.status
        self._settling.result()
        self._settling = self._settler.submit(self._settle, held)
        return 0x0000

    def _settle(self, held: HeldObject) -> None:
        try:
            received = held.settle()
        except ObjectRefused as error:
            self._result.refused.append(error)
            return
        if received.is_new:
            self._count(received.path, received.sop_class, received.patient_id)


class _Move(_Transfer):
    """The objects come over another association, to the receiver; here they are seen to arrive."""

    def _open(self) -> Association:
        return open_association(self._configuration, self._node, [build_context(MOVE)])

    def run(self, missing: list[FoundInstance], is_all: bool) -> None:
        self._awaited = {image.sop_uid for image in missing}
        watching = threading.Event()
        watcher = threading.Thread(target=self._look_until, args=(watching,), daemon=True)
        watcher.start()
        try:
            super().run(missing, is_all)
        finally:
            watching.set()
            watcher.join()
            self._look()

    def _ask(self, association: Association, identifier: Dataset) -> None:
        title = self._configuration.ae_title
        self._watch(
            association, association.send_c_move(identifier, title, MOVE, _MESSAGE_ID), MOVE
        )

    def _look_until(self, done: threading.Event) -> None:
        while not done.wait(0.1):
            self._look()

    def _look(self) -> None:
        for sop_uid in sorted(self._awaited):
            path = self._inbox.path_of(self._result.study_uid, sop_uid)
            if path.exists():
                self._awaited.discard(sop_uid)
                self._count(path, "", "")


def _identifiers(study_uid: str, missing: list[FoundInstance], is_all: bool) -> list[Dataset]:
    """Whole studies in one request; else lists of what is missing, series by series."""
    if is_all:
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", study_uid
        return [identifier]
    by_series: dict[str, list[str]] = defaultdict(list)
    for image in missing:
        by_series[image.series_uid].append(image.sop_uid)
    identifiers = []
    for series_uid, uids in by_series.items():
        for start in range(0, len(uids), _UIDS_AT_ONCE):
            identifier = Dataset()
            identifier.QueryRetrieveLevel = "IMAGE"
            identifier.StudyInstanceUID, identifier.SeriesInstanceUID = study_uid, series_uid
            identifier.SOPInstanceUID = uids[start : start + _UIDS_AT_ONCE]
            identifiers.append(identifier)
    return identifiers


def _retrieval_text(node: Node, status: int) -> Message:
    words = {
        0xA701: message("it has no room to look for it"),
        0xA702: message("it could not send the objects"),
        0xA801: message(
            "it does not know where we are: enter our AE title, address and port there"
        ),
        0xA900: message("it does not take this kind of request"),
        0x0122: message("it does not offer this"),
        0x0124: message("it does not allow us to"),
    }.get(status, message("it cannot"))
    return with_status(node, words, status)
