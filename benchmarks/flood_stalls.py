"""The longest time that the window's thread does not answer, while a PACS pushes studies at it.

Another process stores studies with our receiver, by two associations at once, into the folder that
the window watches. The reader goes on reading the four large studies that were open before, one
after the other, until all that came stand in the worklist. See `gui_stalls` for the beats.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from gui_stalls import Heart, gap_table
from PySide6.QtCore import QTimer
from reference_window import ReferenceWindow
from synthetic_studies import write_batch
from viewer_program import SilentEngine, program

OPEN = 4  #: studies that the reader reads meanwhile
_LOOK_S = 0.5  # at each of them
_FLOOD = """
import sys, threading
from pathlib import Path
import pydicom
from pynetdicom import AE, build_context
from engine.pacs.inbox import Inbox
from engine.pacs.receiving import Listeners, Receiver
from engine.site_configuration import ReceiverConfiguration, SiteConfiguration
from tests.phantom import write_study
from tests.small_pacs import free_port

inbox, work, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
settings = ReceiverConfiguration("127.0.0.1", free_port(), frozenset({"MODALITY"}))
files = [pydicom.dcmread(p) for p in sorted(write_study(work, rows=400, columns=300).iterdir())]
refused = []

def send(numbers):
    mine = [pydicom.dcmread(p) for p in sorted(work.iterdir())]
    contexts = [build_context(mine[0].SOPClassUID, mine[0].file_meta.TransferSyntaxUID)]
    association = AE("MODALITY").associate(
        "127.0.0.1", settings.port, contexts=contexts, ae_title="VIEWER"
    )
    for number in numbers:
        for place, dataset in enumerate(mine):
            dataset.PatientID = f"F-{number}"
            dataset.StudyInstanceUID = f"1.2.{number + 10}"
            dataset.SOPInstanceUID = f"1.2.{number + 10}.{place}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            status = association.send_c_store(dataset)
            if not status or status.Status:
                refused.append(status)
    association.release()

with Receiver(SiteConfiguration("VIEWER", {}, settings), Inbox(inbox), Listeners()):
    senders = [threading.Thread(target=send, args=(range(n, count, 2),)) for n in (0, 1)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
sys.exit(len(refused))
"""


@dataclass(frozen=True)
class Flood:
    studies: int
    pushed_s: float  #: until the last was stored
    listed_s: float  #: until all stood in the worklist
    steps: int  #: to another study, meanwhile
    gaps_ms: np.ndarray
    own_ms: np.ndarray
    reference_ms: np.ndarray  #: the gaps of an empty window, meanwhile


def measure(count: int, say: Callable[[str], None]) -> Flood:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        inbox = home / "inbox"
        inbox.mkdir()
        studies = write_batch(home / "studies", OPEN)
        with program(home, SilentEngine()) as viewer, ExitStack() as stack:
            viewer.window.open([studies])
            viewer.wait_for(lambda: viewer.shown >= 4)
            viewer.session.hot_folder.watch(inbox)
            heart = Heart()
            reference = stack.enter_context(ReferenceWindow())
            heart.start()
            start = time.monotonic()
            command = [sys.executable, "-c", _FLOOD, str(inbox), str(home / "work"), str(count)]
            pushed_s, steps = 0.0, 0
            with subprocess.Popen(command) as pushing:
                while len(viewer.window.worklist.study_uids) < OPEN + count:
                    there = steps % OPEN
                    by = 1 if there < OPEN - 1 else 1 - OPEN
                    viewer.forget_painted()
                    # as a key comes: by the event loop
                    QTimer.singleShot(0, partial(viewer.window.worklist.step, by))
                    steps += 1
                    viewer.wait_for(lambda: viewer.shown >= 4)
                    until = time.monotonic() + _LOOK_S
                    viewer.wait_for(lambda until=until: time.monotonic() > until)
                    if not pushed_s and pushing.poll() is not None:
                        pushed_s = time.monotonic() - start
                        say(f"{count} studies pushed in {pushed_s:.0f} s")
                        if pushing.returncode:
                            raise SystemExit(f"{pushing.returncode} objects were not taken")
                    if time.monotonic() > start + 900:
                        raise SystemExit("not all were listed")
            heart.stop()
            listed_s = time.monotonic() - start
            stack.close()
            gaps, own = np.array(heart.gaps_ns) / 1e6, np.array(heart.own_ns) / 1e6
            return Flood(count, pushed_s, listed_s, steps, gaps, own, reference.gaps_ms)


def table(flood: Flood) -> list[str]:
    """Markdown."""
    return [
        f"{flood.studies} studies of four small images stored in {flood.pushed_s:.0f} s, all in "
        f"the worklist after {flood.listed_s:.0f} s; meanwhile the reader went to another of "
        f"{OPEN} large studies {flood.steps} times. None was lost.",
        "",
        *gap_table(flood.gaps_ms, flood.own_ms, flood.reference_ms),
    ]
