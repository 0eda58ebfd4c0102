"""What results and retrieval cost beside bare libraries, against an Orthanc on this PC, in turns.

    PYTHONPATH=. python benchmarks/pacs_speed.py [--turns 7]

Needs the extra `dicom` and Debian's orthanc. A study of four digital images of 24 MB, uncompressed.
`pynetdicom`: the same C-GET with the same PDU, each data set written to a file and no more. Ours:
`retrieving.retrieve`, which asks first what there is, checks each object, brings it to the disk
and names it last. Reports: the model's SR of a study of four views, made and encoded; the first one
of a process also loads the library.
"""

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import evt
from synthetic_studies import write_batch

from engine.pacs import connections, retrieving, sending, storage_classes
from engine.pacs.inbox import Inbox
from engine.pacs.outbox import Outbox
from engine.site_configuration import Node, SiteConfiguration
from tests import orthanc
from tests.interop_studies import said_of, study_in
from tests.small_pacs import free_port

ROWS, COLUMNS = 3600, 3328  # 24 MB of 16 bits
SITE = SiteConfiguration("VIEWER", {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=7)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        with orthanc.Orthanc(home / "orthanc", free_port()) as pacs:
            node = Node("orthanc", orthanc.AE_TITLE, "127.0.0.1", pacs.dicom, timeout_s=60)
            study = write_batch(home / "study", 1, ["explicit"], ROWS, COLUMNS)
            files = sorted(study.rglob("*.dcm"))
            outbox = Outbox(home / "outbox")
            for path in files:
                outbox.add("orthanc", path)
            sending.send_due(SITE, node, outbox)
            uid = str(pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID)
            _compare(node, uid, home, turns)
        _report(home / "exam")


def _report(folder: Path) -> None:
    study = study_in(folder)
    prediction = said_of(study)
    for which in ("first", "second"):
        start = time.perf_counter()
        from engine.interop import results
        from engine.interop.plans import ObjectKind, plan

        (made,) = results.make(study, plan(study, [ObjectKind.REPORT], prediction), prediction)
        if made.dataset is None:
            raise SystemExit(f"no report: {made.error}")
        buffer = io.BytesIO()
        made.dataset.save_as(buffer, enforce_file_format=True)
        seconds, size = time.perf_counter() - start, len(buffer.getvalue()) / 1000
        sys.stdout.write(f"{which} report of a process: {seconds:.2f} s, {size:.1f} kB\n")


def _compare(node: Node, uid: str, home: Path, turns: int) -> None:
    bare: list[float] = []
    ours: list[float] = []
    first: list[float] = []
    for turn in range(turns + 1):
        with _empty(home / "bare") as folder:
            bare.append(_bare(node, uid, folder))
        with _empty(home / "inbox") as folder:
            arrived: list[float] = []
            start = time.perf_counter()
            seen = retrieving.retrieve(
                SITE,
                node,
                uid,
                Inbox(folder),
                lambda progress, arrived=arrived: arrived.append(time.perf_counter()),
            )
            ours.append(time.perf_counter() - start)
            if not seen.is_whole or len(arrived) != 4:
                raise SystemExit(f"not whole: {seen}")
            first.append(arrived[0] - start)
        if not turn:
            bare.clear(), ours.clear(), first.clear()  # the first warms up
    for label, seconds in (("pynetdicom, bare", bare), ("ours", ours), ("ours, first", first)):
        middle, least = statistics.median(seconds), min(seconds)
        sys.stdout.write(f"{label}: median {middle:.2f} s, least {least:.2f} s\n")
    ratio = statistics.median(ours) / statistics.median(bare), min(ours) / min(bare)
    sys.stdout.write("ratio: of medians {:.2f}, of the least {:.2f}\n".format(*ratio))


@contextmanager
def _empty(folder: Path) -> Iterator[Path]:
    """So that every turn writes to a disk that holds as much as at the last."""
    folder.mkdir()
    yield folder
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def _bare(node: Node, uid: str, folder: Path) -> float:
    def store(event: evt.Event) -> int:
        path = folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0x0000

    start = time.perf_counter()
    association = connections.open_association(
        SITE,
        node,
        storage_classes.retrieval_contexts(retrieving.GET),
        storage_classes.storage_roles(),
        [(evt.EVT_C_STORE, store)],
    )
    association.dimse_timeout = 120
    wanted = Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "STUDY", uid
    for status, _ in association.send_c_get(wanted, retrieving.GET):
        if not status:
            raise SystemExit("the association was lost")
    association.release()
    if len(list(folder.iterdir())) != 4:
        raise SystemExit("not whole")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
