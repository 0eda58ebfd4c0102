"""What others' documents say of the open study: read on a thread, told only while nothing of the
study is hidden from its reader.

A CAD report, or a result of this program that was sent before, tells what a blind reader is not to
know; so a mode that hides the model's answer hides these as long.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from engine.domain import FailedFile, FoundDocument, Study
from engine.interop.marks import ForeignDocument
from viewer.shared.delivery import Delivery

MOST = 200  #: documents of one study that are read


@dataclass(frozen=True, eq=False)
class ForeignWords:
    """All that others say of one study, as far as it may be told now."""

    study_uid: str
    documents: tuple[ForeignDocument, ...] = ()  #: the newest first
    failures: tuple[FailedFile, ...] = ()  #: that cannot be read
    left_out: int = 0  #: that were too many to be read
    hidden: int = 0  #: documents beside the images, of which nothing is told now


class Foreign(QObject):
    """Lives on the window's thread, reads on one of its own. `close` must be called."""

    changed = Signal(object)  #: ForeignWords of the open study, or None where none is open

    def __init__(
        self,
        delivery: Delivery,
        is_hidden: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._delivery = delivery
        self._is_hidden = is_hidden
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reading documents")
        self._found: Sequence[FoundDocument] = ()
        self._study: Study | None = None
        self._read: tuple[str, ForeignWords] | None = None  # of the open study, hidden or not
        self._number = 0  # of the latest question

    def open(self, found: Sequence[FoundDocument]) -> None:
        """The documents of another catalogue, or of one that has grown."""
        self._found = tuple(found)

    def select(self, study: Study | None) -> None:
        """`changed` follows at once, and again once they are read."""
        self._study, self._read = study, None
        self._number += 1
        self.refresh()
        paths = self._paths()
        if study is None or not paths:
            return
        number = self._number
        future = self._reader.submit(_read, paths[:MOST], len(paths) - MOST, study)
        self._delivery.when_done(future, lambda done: self._on_read(number, study.uid, done))

    def refresh(self) -> None:
        """What may be told has changed, perhaps."""
        self.changed.emit(self.words)

    @property
    def words(self) -> ForeignWords | None:
        """Of the open study; None where none is open."""
        study = self._study
        if study is None:
            return None
        if self._is_hidden(study.uid):
            return ForeignWords(study.uid, hidden=len(self._paths()))
        if self._read is not None and self._read[0] == study.uid:
            return self._read[1]
        return ForeignWords(study.uid)

    def _paths(self) -> list[Path]:
        study = self._study
        return [f.path for f in self._found if study is not None and f.study_uid == study.uid]

    def _on_read(self, number: int, study_uid: str, future: "Future[ForeignWords]") -> None:
        if number == self._number and not future.cancelled():
            self._read = (study_uid, future.result())
            self.refresh()

    def close(self) -> None:
        """Waits for a document that is being read just now."""
        self._reader.shutdown(cancel_futures=True)


def _read(paths: Sequence[Path], left_out: int, study: Study) -> ForeignWords:
    from engine.interop import foreign_documents  # and the standard's codes: not at each start

    documents, failures = foreign_documents.read_all(paths, study)
    return ForeignWords(study.uid, documents, failures, max(0, left_out))
