"""What is drawn on the open study's images, and the way back: pure logic, no widgets.

Each change is an `Annotation` to be recorded, an undo too: nothing is ever taken out of the record.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.domain import Annotation, AnnotationKind, MammogramView, Study

Point = tuple[float, float]


class AnnotationModel:
    """The drawings of one study at a time. `record` hears every change, undone ones too."""

    def __init__(self, record: Callable[[Annotation], None]) -> None:
        self._reader = ""
        self._record = record
        self._study: Study | None = None
        self._drawn: dict[str, Annotation] = {}  # in the order of drawing
        self._done: list[_Change] = []
        self._undone: list[_Change] = []

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
        self._drawn = {annotation.annotation_id: annotation for annotation in annotations}
        self._done, self._undone = [], []

    def of(self, image_uid: str) -> tuple[Annotation, ...]:
        return tuple(a for a in self._drawn.values() if a.image_uid == image_uid)

    def find(self, annotation_id: str | None) -> Annotation | None:
        return None if annotation_id is None else self._drawn.get(annotation_id)

    def may_change(self, annotation: Annotation) -> bool:
        """One's own; what was drawn before a name was given is everybody's."""
        return annotation.reader in ("", self.reader)

    def draft(
        self, view: MammogramView, kind: AnnotationKind, points: Sequence[Point]
    ) -> Annotation:
        """A drawing that is not added yet. Raises ValueError where no study is open."""
        if self._study is None:
            raise ValueError("no study is open")
        return Annotation(
            annotation_id=uuid.uuid4().hex,
            study_uid=self._study.uid,
            image_uid=view.image_uid,
            patient_id=self._study.patient_id,
            reader=self.reader,
            kind=kind,
            points=tuple(points),
        )

    def add(self, annotation: Annotation) -> None:
        self._change(_Change(_removed(annotation), annotation))

    def replace(self, annotation: Annotation) -> None:
        """By its `annotation_id`; ignored where nothing has changed, or it is another reader's."""
        before = self._drawn.get(annotation.annotation_id)
        if before is not None and before != annotation and self.may_change(before):
            self._change(_Change(before, replace(annotation, reader=self.reader)))

    def remove(self, annotation_id: str) -> None:
        """Ignored where it is another reader's."""
        before = self._drawn.get(annotation_id)
        if before is not None and self.may_change(before):
            self._change(_Change(before, _removed(before)))

    def _change(self, change: "_Change") -> None:
        self._done.append(change)
        self._undone.clear()
        self._set(change.after)

    @property
    def undoable(self) -> int:
        """Changes that can be undone."""
        return len(self._done)

    def undo(self) -> Annotation | None:
        """What was changed back; None at the beginning."""
        if not self._done:
            return None
        change = self._done.pop()
        self._undone.append(change)
        return self._set(change.before)

    def redo(self) -> Annotation | None:
        """What was changed again; None where nothing was undone."""
        if not self._undone:
            return None
        change = self._undone.pop()
        self._done.append(change)
        return self._set(change.after)

    def _set(self, changed: Annotation) -> Annotation:
        if changed.is_removed:
            del self._drawn[changed.annotation_id]
        else:
            self._drawn[changed.annotation_id] = changed
        self._record(changed)
        return changed


@dataclass(frozen=True)
class _Change:
    """What was not there before, or is not there after, `is_removed`."""

    before: Annotation
    after: Annotation


def _removed(annotation: Annotation) -> Annotation:
    return replace(annotation, is_removed=True)
