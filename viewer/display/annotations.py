"""What is drawn on the open study's images, and the way back: pure logic, no widgets.

Each change is an `Annotation` to be recorded, an undo too: nothing is ever taken out of the record.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.domain import Annotation, AnnotationKind, MammogramView, Study

Point = tuple[float, float]


class AnnotationBook:
    """The drawings of one study at a time. `record` hears every change, undone and redone ones too.

    A change is a pair: the drawing before, None if there was none, and after, None if taken away.
    """

    def __init__(self, record: Callable[[Annotation], None]) -> None:
        self._reader = ""
        self._record = record
        self._study: Study | None = None
        self._drawn: dict[str, Annotation] = {}  # by mark, in the order of drawing
        self._done: list[tuple[Annotation | None, Annotation | None]] = []
        self._undone: list[tuple[Annotation | None, Annotation | None]] = []

    @property
    def reader(self) -> str:
        """Who draws."""
        return self._reader

    @reader.setter
    def reader(self, name: str) -> None:
        """Who takes over from another reader changes nothing of that one's, an undo neither."""
        if self._reader and name != self._reader:
            self._done, self._undone = [], []
        self._reader = name

    def open(self, study: Study | None, annotations: Sequence[Annotation] = ()) -> None:
        """What earlier readings left there; there is no way back beyond it."""
        self._study = study
        self._drawn = {annotation.mark: annotation for annotation in annotations}
        self._done, self._undone = [], []

    def of(self, image_uid: str) -> tuple[Annotation, ...]:
        return tuple(a for a in self._drawn.values() if a.image_uid == image_uid)

    def find(self, mark: str | None) -> Annotation | None:
        return None if mark is None else self._drawn.get(mark)

    def may_change(self, annotation: Annotation) -> bool:
        """One's own; what was drawn before a name was given is everybody's."""
        return annotation.reader in ("", self.reader)

    def draft(self, view: MammogramView, kind: AnnotationKind, points: Sequence[Point]):
        """A drawing that is not in the book yet."""
        study = self._study
        return Annotation(
            mark=uuid.uuid4().hex,
            study_uid=study.uid,
            image_uid=view.image_uid,
            patient_id=study.patient_id,
            reader=self.reader,
            kind=kind,
            points=tuple(points),
        )

    def add(self, annotation: Annotation) -> None:
        self._change(None, annotation)

    def replace(self, annotation: Annotation) -> None:
        """By its mark; ignored where nothing has changed, or it is another reader's."""
        before = self._drawn.get(annotation.mark)
        if before is not None and before != annotation and self.may_change(before):
            self._change(before, replace(annotation, reader=self.reader))

    def remove(self, mark: str) -> None:
        """Ignored where it is another reader's."""
        before = self._drawn.get(mark)
        if before is not None and self.may_change(before):
            self._change(before, None)

    def _change(self, before: Annotation | None, after: Annotation | None) -> None:
        self._done.append((before, after))
        self._undone.clear()
        self._set(before, after)

    @property
    def undoable(self) -> int:
        """Changes that can be undone."""
        return len(self._done)

    def undo(self) -> Annotation | None:
        """What was changed back; None at the beginning."""
        if not self._done:
            return None
        before, after = self._done.pop()
        self._undone.append((before, after))
        return self._set(after, before)

    def redo(self) -> Annotation | None:
        """What was changed again; None where nothing was undone."""
        if not self._undone:
            return None
        before, after = self._undone.pop()
        self._done.append((before, after))
        return self._set(before, after)

    def _set(self, before: Annotation | None, after: Annotation | None) -> Annotation:
        changed = after or replace(before, is_removed=True)
        if changed.is_removed:
            del self._drawn[changed.mark]
        else:
            self._drawn[changed.mark] = changed
        self._record(changed)
        return changed
