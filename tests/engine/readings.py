"""Readings, drawings and files of them, as tests want them."""

import csv
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    Prediction,
    ReaderAssessment,
    ReadingMode,
    RegionPrediction,
    RegionRecord,
)
from engine.records.store import ReadingStore

LIGHT = ModelIdentity("light", "ab" * 32, (1, 3, 4, 5))
PREDICTION = Prediction(LIGHT, {1: 0.125, 3: 0.25, 4: 0.5, 5: 0.125}, malignancy=0.375)
NOON = datetime(2026, 11, 21, 12, 0, 3, 250_000, tzinfo=UTC)
FIRST_VERSION = Path(__file__).with_name("readings_v1.sql")
SECOND_VERSION = Path(__file__).with_name("readings_v2.sql")


def assessment(**changes) -> ReaderAssessment:
    """A reading of the right breast in concurrent mode, but for the changes."""
    values = {
        "study_uid": "1.2.3",
        "image_uids": ("1.2.3.1", "1.2.3.2"),
        "patient_id": "A-17",
        "laterality": Laterality.RIGHT,
        "reader": "Dr. Ñandú",
        "category": BiradsCategory.BENIGN,
        "proposed_agreement": Agreement.DISAGREE,
        "agreement": Agreement.DISAGREE,
        "reason": "false mark",
        "comment": "skin fold — not a mass",
        "prediction": PREDICTION,
        "reading_mode": ReadingMode.CONCURRENT,
        "opened_at": NOON - timedelta(seconds=40),
        "recorded_at": NOON,
    }
    return ReaderAssessment(**(values | changes))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ruler(**changes) -> Annotation:
    """A drawing."""
    values = {
        "annotation_id": "a1",
        "study_uid": "1.2.3",
        "image_uid": "1.2.3.1",
        "patient_id": "A-17",
        "reader": "Dr. Ñandú",
        "kind": AnnotationKind.RULER,
        "points": ((10.5, 20.25), (30.0, 41.125)),
        "text": "",
        "measured": "2.9 mm, at detector",
    }
    return Annotation(**(values | changes))


def region_record(**changes) -> RegionRecord:
    """What a reader was told of a rectangle."""
    values = {
        "image_uid": "1.2.3.1",
        "box": (10, 20, 110, 220),
        "model": ModelIdentity("region", "c4" * 32, (2, 3, 4, 5)),
        "probabilities": {2: 0.1, 3: 0.2, 4: 0.6, 5: 0.1},
        "malignancy": 0.75,
        "spacing_mm": 0.07,
        "spacing_source": "at detector",
        "notes": ("A note with “quotes”.",),
    }
    of_study = {name: changes.pop(name) for name in ("study_uid", "reader") if name in changes}
    said = RegionPrediction(**(values | changes))
    return RegionRecord(
        **({"study_uid": "1.2.3", "patient_id": "A-17", "reader": "Dr. Ñandú"} | of_study),
        prediction=said,
        asked_at=datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
    )


def unseen(mode=ReadingMode.BLIND_AUDIT, **changes):
    """A reading made while the model's answer was hidden."""
    nothing = Agreement.NOT_COMPARABLE
    values = {"prediction": None, "agreement": nothing, "proposed_agreement": nothing}
    return assessment(reading_mode=mode, **(values | {"reason": ""} | changes))


def fill(path: Path, count: int = 8) -> None:
    """A readings file with rows in every table."""
    with ReadingStore(path) as store:
        first = store.record(unseen(comment="c0"), {"1.2.3.1": Path("/a/1.dcm")})
        store.attach_predictions({first.record_id: assessment().prediction})
        store.reveal([first.record_id], assessment().recorded_at)
        store.annotate([ruler()])
        for number in range(1, count):
            store.record(assessment(comment=f"c{number}"))


def comments(path: Path) -> list[str]:
    with ReadingStore(path) as store:
        return [reading.comment for reading in store.all()]


def change(path: Path, *statements: str) -> None:
    """As another program does that knows SQL, triggers or not."""
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    triggers = triggers.fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.commit()
    connection.close()


def readings_of(study, number=1, supersedes=None, reader="Dr. X", **categories):
    """A reading per breast as the store would give it back, e.g. R="4A"."""
    readings = []
    for side, category in categories.items():
        uids = tuple(v.image_uid for v in study.views if v.laterality is Laterality(side))
        readings.append(
            ReaderAssessment(
                study_uid=study.uid,
                image_uids=uids,
                patient_id=study.patient_id,
                laterality=Laterality(side),
                reader=reader,
                category=BiradsCategory(category),
                proposed_agreement=Agreement.NOT_COMPARABLE,
                agreement=Agreement.NOT_COMPARABLE,
                reason="",
                comment="Jane Doe's old scar",
                prediction=None,
                reading_mode=ReadingMode.BLIND_AUDIT,
                opened_at=NOON - timedelta(minutes=1),
                recorded_at=NOON,
                supersedes=supersedes,
                record_id=number + len(readings),
            )
        )
    return readings


def places_of(study):
    return {view.image_uid: view.path for view in study.views}
