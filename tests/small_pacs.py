"""A PACS of a hundred lines, of pynetdicom: it always runs, and misbehaves as a test tells it."""

import os
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from engine.pacs import connections  # silences pynetdicom's log
from engine.pacs.storage_classes import COMPRESSED, EXPLICIT, IMAGES, IMPLICIT, OTHERS

assert connections
AE_TITLE = "SMALLPACS"


def free_port() -> int:
    """Of the ports that this process of pytest-xdist has for itself.

    They lie below those that the system gives to whoever asks for any.
    """
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + 500 * (process % 20)
    for port in random.sample(range(first, first + 500), 500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass
class SmallPacs:
    """Holds objects in memory; runs inside a `with` block."""

    objects: list[Dataset] = field(default_factory=list)
    worklist: list[Dataset] = field(default_factory=list)
    move_port: int = 0  #: where the viewer listens
    store_status: Callable[[str], int] = lambda _uid: 0x0000
    commits: Callable[[str], bool] = lambda _uid: True
    on_sending: Callable[[int, object], None] = lambda _number, _association: None
    offers_get: bool = True
    offers_commitment: bool = True
    ssl_context: object = None
    port: int = 0
    stored: list[Dataset] = field(default_factory=list)
    transactions: list[str] = field(default_factory=list)
    reports_late: bool = False

    def __enter__(self) -> "SmallPacs":
        ae = AE(AE_TITLE)
        ae.require_called_aet = True
        ae.maximum_associations = 20
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 20
        ae.add_supported_context(Verification)
        for model in (
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelMove,
            ModalityWorklistInformationFind,
        ):
            ae.add_supported_context(model)
        if self.offers_get:
            ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
        if self.offers_commitment:
            ae.add_supported_context(StorageCommitmentPushModel)
        for sop_class in IMAGES + OTHERS:
            ae.add_supported_context(
                sop_class, [*COMPRESSED, EXPLICIT, IMPLICIT], scu_role=True, scp_role=True
            )
        self._ae = ae
        self.port = self.port or free_port()
        self.server = ae.start_server(
            ("127.0.0.1", self.port),
            block=False,
            ssl_context=self.ssl_context,
            evt_handlers=[
                (evt.EVT_C_FIND, self._find),
                (evt.EVT_C_GET, self._get),
                (evt.EVT_C_MOVE, self._move),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_N_ACTION, self._action),
            ],
        )
        self.reporters: list[threading.Thread] = []
        return self

    def __exit__(self, *_exception: object) -> None:
        for reporter in self.reporters:
            reporter.join(10)
        associations = self.server.active_associations
        with suppress(ValueError):  # a test has shut it down already
            self.server.shutdown()
        for association in associations:
            with suppress(Exception):
                association.abort(block=False)
            association.join(1)
            if association.is_alive():
                association.dul.to_user_queue.put(None)
                association.join(5)

    def holds(self, *paths: Path) -> "SmallPacs":
        self.objects += [pydicom.dcmread(path) for path in paths]
        return self

    def matches(self, asked: Dataset) -> list[Dataset]:
        found = []
        for held in self.objects:
            first, dash, last = str(asked.get("StudyDate") or "-").partition("-")
            date = str(held.get("StudyDate") or "")
            if not first <= date <= ((last or "9") if dash else first):
                continue
            for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                wanted = asked.get(keyword)
                if not wanted:
                    continue
                wanted = [wanted] if isinstance(wanted, str) else list(wanted)
                if str(held.get(keyword)) not in map(str, wanted):
                    break
            else:
                found.append(held)
        return found

    def _find(self, event):
        asked = event.identifier
        if "ScheduledProcedureStepSequence" in asked:
            for entry in self.worklist:
                yield 0xFF00, entry
            return
        level = {
            "STUDY": "StudyInstanceUID",
            "SERIES": "SeriesInstanceUID",
            "IMAGE": "SOPInstanceUID",
        }[asked.QueryRetrieveLevel]
        seen = set()
        for held in self.matches(asked):
            if held[level].value in seen:
                continue
            seen.add(held[level].value)
            answer = Dataset()
            answer.SpecificCharacterSet = "ISO_IR 192"
            answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
            for element in asked:
                if element.keyword in held and element.keyword != "SpecificCharacterSet":
                    answer[element.tag] = held[element.tag]
            answer.ModalitiesInStudy = held.Modality
            yield 0xFF00, answer

    def _get(self, event):
        yield from self._sent(event)

    def _move(self, event):
        yield (
            "127.0.0.1",
            self.move_port,
            {
                "contexts": [
                    build_context(held.SOPClassUID, held.file_meta.TransferSyntaxUID)
                    for held in {
                        h.SOPClassUID + h.file_meta.TransferSyntaxUID: h for h in self.objects
                    }.values()
                ]
            },
        )
        yield from self._sent(event)

    def _sent(self, event):
        matches = self.matches(event.identifier)
        yield len(matches)
        for number, held in enumerate(matches):
            self.on_sending(number, event.assoc)
            if event.is_cancelled:
                yield 0xFE00, None
                return
            yield 0xFF00, held

    def _store(self, event):
        status = self.store_status(event.request.AffectedSOPInstanceUID)
        if status in (0x0000, 0xB000):
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            self.stored.append(dataset)
        return status

    def _action(self, event):
        asked = event.action_information
        self.transactions.append(asked.TransactionUID)
        reporter = threading.Thread(target=self.report, args=(event.assoc, asked))
        self.reporters.append(reporter)
        reporter.start()
        return 0x0000, None

    def report(self, association, asked):
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        kept, failed = [], []
        for item in asked.ReferencedSOPSequence:
            (kept if self.commits(item.ReferencedSOPInstanceUID) else failed).append(item)
        if kept:
            report.ReferencedSOPSequence = kept
        for item in failed:
            item.FailureReason = 0x0112
        if failed:
            report.FailedSOPSequence = failed
        kind = 2 if failed else 1
        time.sleep(0.05)
        if not self.reports_late:
            association.send_n_event_report(
                report, kind, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
            )
            return
        from pynetdicom import build_role

        ae = AE(AE_TITLE)
        later = ae.associate(
            *("127.0.0.1", self.move_port),
            contexts=[build_context(StorageCommitmentPushModel)],
            ae_title="VIEWER",
            ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)],
        )
        if later.is_established:
            later.send_n_event_report(
                report, kind, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
            )
            later.release()
