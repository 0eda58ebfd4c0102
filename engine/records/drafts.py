"""What readers have entered and not saved, kept so that a crash does not take it.

Files of their own beside the readings: nothing here counts as a reading, and no export looks here.
An entry is a file for each study and reader; its name is a hash, so that it tells of nobody. What
cannot be read is left out and logged: a draft is a help, not a record.

Raises StorageFailed where one cannot be written.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    BiradsCategory,
    Draft,
    Laterality,
    UnsavedEntries,
)
from engine.private_files import make_private_folder, replaced_whole
from engine.records.storage_errors import storage_errors

log = logging.getLogger(__name__)

LARGEST = 1 << 22  # bytes of a file of ours; a damaged one may be of any size
# raised by a file that other hands have changed
_NOT_OURS = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class DraftStore:
    """In one folder, which is made when there is something to keep; any number of processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drawings = folder / f"drawings-{uuid.uuid4().hex}.json"  # of this run

    # --------------------------------------------------------------------------- entries in forms

    def keep(self, entries: UnsavedEntries) -> None:
        """In the place of what this reader had entered for the study; nothing entered: nothing.

        Entries made while the model's answer was hidden stay as they are only beside others made
        so: those of a reader who has seen the answer go on from them.
        """
        path = self._path(entries)
        if entries.drafts:
            self._write(path, _entries_to_json(entries))
        with storage_errors("saved"):
            if not entries.drafts:
                path.unlink(missing_ok=True)
            if entries.has_seen_model:
                self._path(replace(entries, has_seen_model=False)).unlink(missing_ok=True)

    def find(self, asked: UnsavedEntries) -> UnsavedEntries | None:
        """What that reader has left for that very study; what was entered by someone who had seen
        the model's answer only if the asker has seen it, too.
        """
        for has_seen in (True, False) if asked.has_seen_model else (False,):
            try:
                values = _read(self._path(replace(asked, has_seen_model=has_seen)))
                found = None if values is None else _entries_from_json(values)
            except _NOT_OURS as error:
                log.warning("A draft cannot be read: %s", type(error).__name__)
                continue
            if found is None or found.key != asked.key:
                continue
            if asked.has_seen_model or not found.has_seen_model:
                return found
        return None

    def _path(self, entries: UnsavedEntries) -> Path:
        """The reader's name is compared as it stands, like in the readings."""
        study_uid, patient_id, image_uids, reader = entries.key
        whose = [study_uid, patient_id, sorted(image_uids), reader, entries.has_seen_model]
        digest = hashlib.sha256(json.dumps(whose).encode()).hexdigest()
        return self._folder / f"entries-{digest[:32]}.json"

    # ------------------------------------------------------------------------------- drawings

    def keep_drawings(self, drawings: Sequence[Annotation]) -> None:
        """Those of this run that could not be stored yet, in the order of drawing."""
        if drawings:
            self._write(self._drawings, [_drawing_to_json(drawing) for drawing in drawings])

    def take_drawings(self) -> tuple[Annotation, ...]:
        """Those that earlier runs could not store; they stay here until `forget_drawings`."""
        return tuple(drawing for path in self._drawing_files() for drawing in _drawings(path))

    def forget_drawings(self) -> None:
        """All of them have been stored."""
        for path in self._drawing_files():
            path.unlink(missing_ok=True)

    def _drawing_files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob("drawings-*.json"))
        except OSError:
            return []

    def _write(self, path: Path, values: object) -> None:
        with storage_errors("saved"):
            make_private_folder(self._folder)
            with replaced_whole(path) as file:
                json.dump(values, file)


def _read(path: Path) -> Any:
    """What its JSON holds; None where there is no file."""
    try:
        with path.open("rb") as file:
            return json.loads(file.read(LARGEST))
    except FileNotFoundError:
        return None


def _entries_to_json(entries: UnsavedEntries) -> dict[str, object]:
    return {
        "study_uid": entries.study_uid,
        "patient_id": entries.patient_id,
        "image_uids": sorted(entries.image_uids),
        "reader": entries.reader,
        "has_seen_model": entries.has_seen_model,
        "entered_at": entries.entered_at and entries.entered_at.isoformat(),
        "drafts": {
            side.value: {
                "category": draft.category and draft.category.value,
                "override": draft.override and draft.override.value,
                "reason": draft.reason,
                "comment": draft.comment,
            }
            for side, draft in entries.drafts.items()
        },
    }


def _entries_from_json(values: dict[str, Any]) -> UnsavedEntries:
    """Raises what a file of other hands makes it raise."""
    return UnsavedEntries(
        str(values["study_uid"]),
        str(values["patient_id"]),
        frozenset(map(str, values["image_uids"])),
        str(values["reader"]),
        {
            Laterality(side): Draft(
                draft["category"] and BiradsCategory(draft["category"]),
                draft["override"] and Agreement(draft["override"]),
                str(draft["reason"]),
                str(draft["comment"]),
            )
            for side, draft in values["drafts"].items()
        },
        # what does not say so may tell of the model
        has_seen_model=values["has_seen_model"] is not False,
        entered_at=datetime.fromisoformat(values["entered_at"]),
    )


def _drawing_to_json(drawing: Annotation) -> dict[str, object]:
    return {
        "mark": drawing.annotation_id,
        "study_uid": drawing.study_uid,
        "image_uid": drawing.image_uid,
        "patient_id": drawing.patient_id,
        "reader": drawing.reader,
        "kind": drawing.kind.value,
        "points": drawing.points,
        "text": drawing.text,
        "measured": drawing.measured,
        "is_removed": drawing.is_removed,
    }


def _drawings(path: Path) -> Iterator[Annotation]:
    try:
        for values in _read(path) or ():
            points = tuple((float(down), float(across)) for down, across in values.pop("points"))
            kind, annotation_id = AnnotationKind(values.pop("kind")), values.pop("mark")
            yield Annotation(annotation_id, kind=kind, points=points, **values)
    except _NOT_OURS as error:
        log.warning("A drawing that was not stored cannot be read: %s", type(error).__name__)
