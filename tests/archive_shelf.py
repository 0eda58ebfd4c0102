"""A source of studies that has to be asked, as a PACS is: what stands on a shelf is fetched first.

A study with a file named ``poison`` ends the process that fetches it.
"""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.__main__ import main
from engine.archive import sources
from engine.errors import UnreadableFile


@dataclass(frozen=True)
class Shelf:
    """Its folders are studies."""

    folder: Path

    @classmethod
    def open(cls, text: str) -> "Shelf":
        return cls(Path(text))

    def keys(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self.folder.iterdir()))

    @contextmanager
    def fetched(self, key: str) -> Iterator[Sequence[Path]]:
        if (self.folder / key / "poison").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.folder / key / "gone").exists():
            raise UnreadableFile("The study cannot be fetched", "Try again later.")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(self.folder / key, Path(folder) / key))
            yield sorted(copy.iterdir())


if __name__ == "__main__":  # birads-engine, with shelves
    from tests.archive_shelf import Shelf as Known  # by a name that workers can import

    sources.REMOTE["shelf"] = Known.open
    sys.exit(main())
