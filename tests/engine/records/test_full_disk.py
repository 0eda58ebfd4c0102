"""On a file system that is really full: the reader is told, nothing that was stored goes, and as
soon as there is room all works again.
"""

import subprocess
import sys
from pathlib import Path

from tests.engine.small_disk import MOUNT, skip_without

ROOT = Path(__file__).parents[3]
SCRIPT = 'mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" -c "$3" "$1"'

CHILD = """
import csv, errno, sys
from pathlib import Path
from engine.errors import StorageFailed
from engine.records.pseudonyms import Pseudonyms
from engine.records.store import ReadingStore
from engine.records.training_manifest import ReadStudy, write
from tests.engine.readings import assessment, read_csv

disk = Path(sys.argv[1])
store = ReadingStore(disk / "readings.sqlite")
earlier = [store.record(assessment(comment=str(number))) for number in range(5)]
store.export_csv(disk / "export.csv")
exported = (disk / "export.csv").read_bytes()


def fill():
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (4096, 64, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                assert error.errno == errno.ENOSPC


def refused(deed):
    try:
        deed()
    except StorageFailed as error:
        return str(error)
    raise AssertionError("not refused")


fill()
recorded = []
message = ""
while not message:  # a log that was there already has some room left
    try:
        recorded.append(store.record(assessment(comment="y" * 4000)))
    except StorageFailed as error:
        message = str(error)
assert "disk is full" in message, message
kept = (*earlier, *recorded)
assert store.all() == kept
assert "room" in refused(lambda: store.export_csv(disk / "export.csv"))
assert (disk / "export.csv").read_bytes() == exported
assert "room" in refused(lambda: write([], disk / "images.csv", None))
assert not (disk / "images.csv").exists()
refused(lambda: Pseudonyms.of_installation(disk / "secret.key"))
assert not (disk / "secret.key").exists()
assert refused(lambda: store.record(assessment(comment="y" * 4000)))
assert store.all() == kept

(disk / "filler").unlink()
again = store.record(assessment(comment="y" * 4000))
store.close()
with ReadingStore(disk / "readings.sqlite") as store:
    assert store.all() == (*kept, again)
    assert store.export_csv(disk / "export.csv") == len(kept) + 1
Pseudonyms.of_installation(disk / "secret.key")
print("all is well")
"""


def run_on_a_small_disk(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*MOUNT, SCRIPT, "sh", str(folder), sys.executable, CHILD],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_a_really_full_file_system_is_told_and_loses_nothing(tmp_path):
    skip_without(tmp_path)
    result = run_on_a_small_disk(tmp_path)
    assert result.stdout == "all is well\n", result.stderr
