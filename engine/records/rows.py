"""Rows of the readings file as values of the domain, and back.

Raises StorageFailed where a row holds what none of ours can: the file was changed by other hands.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    AskedRegion,
    BiradsCategory,
    Judgement,
    Laterality,
    ModelIdentity,
    OutOfScope,
    Prediction,
    ReaderAssessment,
    ReadingMode,
    RegionJudgement,
    RegionOutOfScope,
    RegionPrediction,
    propose_agreement,
)
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


def prediction_to_json(prediction: Judgement | None) -> str | None:
    return None if prediction is None else json.dumps(_told(prediction))


def _told(prediction: Judgement) -> dict:
    """With what other networks say; older programs read the rest and pass over that."""
    said = prediction if isinstance(prediction, Prediction) else None
    told = {
        "model": prediction.model.name,
        "sha256": prediction.model.sha256,
        "categories": list(prediction.model.categories),
        "probabilities": said and _keyed_by_text(said.probabilities),
        "category": said and said.category,
        "confidence": said and float(said.confidence),
        "scope_reason": prediction.reason if isinstance(prediction, OutOfScope) else None,
        "malignancy": said and _float_or_none(said.malignancy),
    }
    if prediction.others:
        told["others"] = [_told(other) for other in prediction.others]
    if prediction.shown_per_1000 is not None:
        told["shown_per_1000"] = prediction.shown_per_1000
    return told


def _prediction_from_json(text: str | None) -> Judgement | None:
    return None if text is None else _heard(json.loads(text))


def _heard(values: dict) -> Judgement:
    model = ModelIdentity(values["model"], values["sha256"], tuple(values["categories"]))
    others = tuple(_heard(other) for other in values.get("others", ()))
    shown_per_1000 = values.get("shown_per_1000")
    if values["probabilities"] is None:
        return OutOfScope(model, values["scope_reason"] or "", others, shown_per_1000)
    probabilities = {int(grade): p for grade, p in values["probabilities"].items()}
    return Prediction(model, probabilities, values["malignancy"], others, shown_per_1000)


def _keyed_by_text(probabilities: Mapping[int, float]) -> dict[str, float]:
    """For JSON, and of Python's own numbers."""
    return {str(grade): float(p) for grade, p in probabilities.items()}


def _float_or_none(number: float | None) -> float | None:
    return None if number is None else float(number)


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
    judged = said if isinstance(said, RegionPrediction) else None
    return (
        region.study_uid,
        region.patient_id,
        region.reader,
        said.image_uid,
        json.dumps([int(edge) for edge in said.box]),
        said.model.name,
        said.model.sha256,
        json.dumps(said.model.categories),
        judged and json.dumps(_keyed_by_text(judged.probabilities)),
        judged and _float_or_none(judged.malignancy),
        said.reason if isinstance(said, RegionOutOfScope) else None,
        _float_or_none(said.spacing_mm),
        said.spacing_source,
        json.dumps(said.notes),
        region.asked_at.isoformat(),
    )


def region_from_row(row: Sequence) -> AskedRegion:
    try:
        x_min, y_min, x_max, y_max = (int(edge) for edge in json.loads(row[4]))
        box = x_min, y_min, x_max, y_max
        model = ModelIdentity(row[5], row[6], tuple(json.loads(row[7])))
        notes = tuple(map(str, json.loads(row[13])))
        said: RegionJudgement
        if row[8] is None:
            said = RegionOutOfScope(row[3], box, model, row[10] or "", row[11], row[12], notes)
        else:
            probabilities = {int(grade): float(p) for grade, p in json.loads(row[8]).items()}
            said = RegionPrediction(
                row[3], box, model, probabilities, row[9], row[11], row[12], notes
            )
        return AskedRegion(row[0], row[1], row[2], said, datetime.fromisoformat(row[14]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # changed by other hands
        raise damaged() from error


def _earliest(*texts: str | None) -> datetime | None:
    return min((datetime.fromisoformat(text) for text in texts if text), default=None)
