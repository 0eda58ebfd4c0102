"""What would be written of a study, and under whose identity: to be shown before anything is.

Knows no DICOM library, so that a window can ask it at any time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from engine.domain import (
    Annotation,
    AnnotationKind,
    ReaderAssessment,
    Study,
    StudyPrediction,
)
from engine.interop.regions import WARM
from engine.interop.sources import IdentityRefused, refusal


class ObjectKind(Enum):
    REPORT = "sr"  #: what is said of each breast, as a structured report
    PRESENTATION = "gsps"  #: window, area and drawings of an image
    SEGMENTATION = "seg"  #: the region of high model attention
    CAPTURE = "sc"  #: the image with the heat-map, to be seen anywhere
    KEY_OBJECTS = "ko"  #: which images the reader marked
    CAD_REPORT = "cad"  #: Mammography CAD SR; only where somebody asks for it


#: What is written if nothing else is asked for. A CAD report is a product's claim to have detected.
USUAL_KINDS = tuple(kind for kind in ObjectKind if kind is not ObjectKind.CAD_REPORT)


class Observer(Enum):
    MODEL = "model"
    READER = "reader"


@dataclass(frozen=True)
class PlannedObject:
    """One DICOM object."""

    kind: ObjectKind
    observer: Observer
    image_uids: tuple[str, ...]  #: what it is about
    reader: str = ""


@dataclass(frozen=True, eq=False)
class ReaderRecords:
    """What a reader has said of the study and drawn on it; all records, the oldest first."""

    assessments: tuple[ReaderAssessment, ...] = ()
    drawings: tuple[Annotation, ...] = ()
    marked: frozenset[str] | None = None  #: image uids; None: those that are drawn on

    @property
    def readers(self) -> tuple[str, ...]:
        named = [a.reader for a in self.assessments] + [d.reader for d in self.drawings]
        return tuple(dict.fromkeys(named))

    def of(self, reader: str) -> "ReaderRecords":
        return ReaderRecords(
            tuple(a for a in self.assessments if a.reader == reader),
            tuple(d for d in self.drawings if d.reader == reader and not d.is_removed),
            self.marked,
        )

    @property
    def newest(self) -> tuple[ReaderAssessment, ...]:
        """The newest of each breast, also where it takes a reading back; none of what a reader says
        by hand."""
        superseded = {a.supersedes for a in self.assessments if a.supersedes is not None}
        newest = (a for a in self.assessments if a.record_id not in superseded)
        # a side or a study that a reader says by hand is told by no image that a document names
        return tuple(a for a in newest if not a.by_hand)

    @property
    def marked_images(self) -> frozenset[str]:
        if self.marked is not None:
            return self.marked
        return frozenset(
            drawing.image_uid
            for drawing in self.drawings
            if not drawing.is_removed and drawing.kind is not AnnotationKind.REGION
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """`refused` says why nothing may be written; then there are no objects."""

    study_uid: str
    patient_id: str
    patient_name: str
    objects: tuple[PlannedObject, ...]
    refused: IdentityRefused | None = None


def plan(
    study: Study,
    kinds: Collection[ObjectKind],
    prediction: StudyPrediction | None = None,
    records: ReaderRecords | None = None,
) -> Plan:
    """`prediction` is None where it was not asked for, or may not be told yet."""
    records = records or ReaderRecords()
    objects: list[PlannedObject] = []
    refused = refusal(study)
    if refused is None:
        own = {view.image_uid for view in study.views}
        if prediction is not None:
            objects += _of_model(kinds, prediction, own)
        for reader in records.readers:
            objects += _of_reader(kinds, reader, records.of(reader), study)
    return Plan(study.uid, study.patient_id, study.patient_name, tuple(objects), refused)


def _of_model(
    kinds: Collection[ObjectKind], prediction: StudyPrediction, own: set[str]
) -> list[PlannedObject]:
    views = [view for view in prediction.views if view.image_uid in own]
    every = tuple(view.image_uid for view in views)
    objects = []
    if ObjectKind.REPORT in kinds and prediction.breasts:
        objects.append(PlannedObject(ObjectKind.REPORT, Observer.MODEL, every))
    for view in views:  # by image rather than by kind: each is decoded once
        explanation = view.explanation
        peak = 0.0 if explanation is None else float(explanation.heat.max(initial=0))
        wanted = {
            ObjectKind.PRESENTATION: True,
            ObjectKind.SEGMENTATION: peak >= WARM,
            ObjectKind.CAPTURE: explanation is not None,
        }
        objects += [
            PlannedObject(kind, Observer.MODEL, (view.image_uid,))
            for kind, is_wanted in wanted.items()
            if is_wanted and kind in kinds
        ]
    mapped = [view.image_uid for view in views if view.explanation is not None]
    if ObjectKind.CAD_REPORT in kinds and mapped:
        objects.append(PlannedObject(ObjectKind.CAD_REPORT, Observer.MODEL, tuple(mapped)))
    return objects


def _of_reader(
    kinds: Collection[ObjectKind], reader: str, records: ReaderRecords, study: Study
) -> list[PlannedObject]:
    objects = []
    every = tuple(view.image_uid for view in study.views)
    if ObjectKind.REPORT in kinds and records.newest:  # also where all was taken back: that is said
        objects.append(PlannedObject(ObjectKind.REPORT, Observer.READER, every, reader))
    drawn = {drawing.image_uid for drawing in records.drawings}
    if ObjectKind.PRESENTATION in kinds:
        objects += [
            PlannedObject(ObjectKind.PRESENTATION, Observer.READER, (uid,), reader)
            for uid in every
            if uid in drawn
        ]
    marked = tuple(uid for uid in every if uid in records.marked_images)
    if ObjectKind.KEY_OBJECTS in kinds and marked:
        objects.append(PlannedObject(ObjectKind.KEY_OBJECTS, Observer.READER, marked, reader))
    return objects
