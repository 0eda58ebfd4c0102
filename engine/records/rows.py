"""Rows of the readings file as values of the domain, and back.

Raises StorageFailed where a row holds what none of ours can: the file was changed by other hands.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    AskedRegion,
    BiradsCategory,
    Laterality,
    ModelIdentity,
    Prediction,
    ReaderAssessment,
    ReadingMode,
    RegionPrediction,
    propose_agreement,
)
from engine.messages import Message, as_message
from engine.records.storage_errors import damaged

COLUMNS = (
    "study_uid, image_uids, patient_id, laterality, reader, category, proposed_agreement, "
    "agreement, reason, comment, prediction, reading_mode, opened_at, recorded_at, supersedes, "
    "category_before, revealed_at, time_spent_s, restores, is_withdrawn, id"
)
ANNOTATION_COLUMNS = (
    "mark, study_uid, image_uid, patient_id, reader, kind, points, text, measured, is_removed"
)
REGION_COLUMNS = (
    "study_uid, patient_id, reader, image_uid, box, model, model_sha256, model_categories, "
    "probabilities, malignancy, scope_reason, spacing_mm, spacing_source, notes, asked_at"
)
# With what has become known since of readings made without the answer.
SELECT = (
    "SELECT "
    + ", ".join(f"readings.{column}" for column in COLUMNS.split(", "))
    + ", answers.prediction, reveals.revealed_at FROM readings "
    "LEFT JOIN answers ON answers.reading = readings.id "
    "LEFT JOIN reveals ON reveals.reading = readings.id"
)


def prediction_to_json(prediction: Prediction | None) -> str | None:
    return None if prediction is None else json.dumps(_told(prediction))


def _told(prediction: Prediction) -> dict:
    """With what other networks say; older programs read the rest and pass over that."""
    probabilities = prediction.probabilities
    told = {
        "model": prediction.model.name,
        "sha256": prediction.model.sha256,
        "categories": list(prediction.model.categories),
        "probabilities": probabilities
        and {str(grade): float(p) for grade, p in probabilities.items()},
        "category": prediction.category,
        "confidence": None if prediction.confidence is None else float(prediction.confidence),
        "scope_reason": prediction.scope_reason,
        "malignancy": None if prediction.malignancy is None else float(prediction.malignancy),
    }
    if prediction.others:
        told["others"] = [_told(other) for other in prediction.others]
    if prediction.shown_per_1000 is not None:
        told["shown_per_1000"] = prediction.shown_per_1000
    return told


def _prediction_from_json(text: str | None) -> Prediction | None:
    return None if text is None else _heard(json.loads(text))


def _stored_message(text: str | None) -> Message | None:
    return None if text is None else as_message(str(text))


def _heard(values: dict) -> Prediction:
    probabilities = values["probabilities"]
    return Prediction(
        ModelIdentity(values["model"], values["sha256"], tuple(values["categories"])),
        probabilities and {int(grade): p for grade, p in probabilities.items()},
        _stored_message(values["scope_reason"]),
        values["malignancy"],
        tuple(_heard(other) for other in values.get("others", ())),
        values.get("shown_per_1000"),
    )


def assessment_from_row(row: Sequence) -> ReaderAssessment:
    try:
        assessment = ReaderAssessment(
            study_uid=row[0],
            image_uids=tuple(json.loads(row[1])),
            patient_id=row[2],
            laterality=Laterality(row[3]),
            reader=row[4],
            category=BiradsCategory(row[5]),
            proposed_agreement=Agreement(row[6]),
            agreement=Agreement(row[7]),
            reason=row[8],
            comment=row[9],
            prediction=_prediction_from_json(row[10]),
            reading_mode=ReadingMode(row[11]),
            opened_at=datetime.fromisoformat(row[12]),
            recorded_at=datetime.fromisoformat(row[13]),
            supersedes=row[14],
            category_before=row[15] and BiradsCategory(row[15]),
            revealed_at=_earliest(row[16], row[22]),
            time_spent_s=row[17],
            restores=row[18],
            is_withdrawn=bool(row[19]),
            record_id=row[20],
        )
        if row[10] is not None or row[21] is None:
            return assessment
        answer = _prediction_from_json(row[21])  # it came later, and no reader judged it
        agreement = propose_agreement(assessment.category, answer)
        return replace(
            assessment, prediction=answer, proposed_agreement=agreement, agreement=agreement
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise damaged() from error


def annotation_from_row(row: Sequence) -> Annotation:
    try:
        points = tuple((float(down), float(across)) for down, across in json.loads(row[6]))
        if not all(math.isfinite(number) for point in points for number in point):
            raise ValueError("a point that is nowhere")
        return Annotation(
            *row[:5], AnnotationKind(row[5]), points, row[7], row[8], is_removed=bool(row[9])
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise damaged() from error


def region_row(region: AskedRegion) -> tuple:
    said = region.prediction
    probabilities = said.probabilities
    return (
        region.study_uid,
        region.patient_id,
        region.reader,
        said.image_uid,
        json.dumps([int(edge) for edge in said.box]),
        said.model.name,
        said.model.sha256,
        json.dumps(said.model.categories),
        probabilities and json.dumps({str(grade): float(p) for grade, p in probabilities.items()}),
        None if said.malignancy is None else float(said.malignancy),
        said.scope_reason,
        None if said.spacing_mm is None else float(said.spacing_mm),
        said.spacing_source,
        json.dumps(said.notes),
        region.asked_at.isoformat(),
    )


def region_from_row(row: Sequence) -> AskedRegion:
    try:
        x_min, y_min, x_max, y_max = (int(edge) for edge in json.loads(row[4]))
        said = RegionPrediction(
            image_uid=row[3],
            box=(x_min, y_min, x_max, y_max),
            model=ModelIdentity(row[5], row[6], tuple(json.loads(row[7]))),
            probabilities=row[8]
            and {int(grade): float(p) for grade, p in json.loads(row[8]).items()},
            malignancy=row[9],
            scope_reason=_stored_message(row[10]),
            spacing_mm=row[11],
            spacing_source=row[12],
            notes=tuple(as_message(str(note)) for note in json.loads(row[13])),
        )
        return AskedRegion(row[0], row[1], row[2], said, datetime.fromisoformat(row[14]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # changed by other hands
        raise damaged() from error


def _earliest(*texts: str | None) -> datetime | None:
    return min((datetime.fromisoformat(text) for text in texts if text), default=None)
