"""Rows of the readings file as values of the domain, and back.

Raises StorageFailed where a row holds what none of ours can: the file was changed by other hands.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.domain import (
    Agreement,
    Annotation,
    AnnotationKind,
    Attribution,
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
    RegionRecord,
    ViewPosition,
    propose_agreement,
)
from engine.messages import as_message
from engine.records.storage_errors import damaged

COLUMNS = (
    "study_uid, image_uids, patient_id, laterality, reader, category, proposed_agreement, "
    "agreement, reason, comment, prediction, reading_mode, opened_at, recorded_at, supersedes, "
    "category_before, revealed_at, time_spent_s, restores, is_withdrawn, id, by_hand"
)
ANNOTATION_COLUMNS = (
    "mark, study_uid, image_uid, patient_id, reader, kind, points, text, measured, is_removed"
)
ATTRIBUTION_COLUMNS = "image_uid, content, reader, laterality, view_position, study, patient_id"
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
    return None if prediction is None else json.dumps(_prediction_values(prediction))


def _prediction_values(prediction: Judgement) -> dict[str, Any]:
    """With what other networks say; older programs read the rest and pass over that."""
    judged = prediction if isinstance(prediction, Prediction) else None
    values: dict[str, Any] = {
        "model": prediction.model.name,
        "sha256": prediction.model.sha256,
        "categories": list(prediction.model.categories),
        "probabilities": judged and _keyed_by_text(judged.probabilities),
        "category": judged and judged.category,
        "confidence": judged and float(judged.confidence),
        "scope_reason": prediction.reason if isinstance(prediction, OutOfScope) else None,
        "malignancy": judged and _float_or_none(judged.malignancy),
    }
    if prediction.others:
        values["others"] = [_prediction_values(other) for other in prediction.others]
    if prediction.shown_per_1000 is not None:
        values["shown_per_1000"] = prediction.shown_per_1000
    return values


def _prediction_from_json(text: str | None) -> Judgement | None:
    return None if text is None else _prediction_of(json.loads(text))


def _prediction_of(values: dict[str, Any]) -> Judgement:
    model = ModelIdentity(values["model"], values["sha256"], tuple(values["categories"]))
    others = tuple(_prediction_of(other) for other in values.get("others", ()))
    shown_per_1000 = values.get("shown_per_1000")
    if values["probabilities"] is None:
        return OutOfScope(
            model, as_message(str(values["scope_reason"] or "")), others, shown_per_1000
        )
    probabilities = {int(grade): p for grade, p in values["probabilities"].items()}
    return Prediction(model, probabilities, values["malignancy"], others, shown_per_1000)


def _keyed_by_text(probabilities: Mapping[int, float]) -> dict[str, float]:
    """For JSON, and of Python's own numbers."""
    return {str(grade): float(p) for grade, p in probabilities.items()}


def _float_or_none(number: float | None) -> float | None:
    return None if number is None else float(number)


def assessment_from_row(row: Sequence[Any]) -> ReaderAssessment:
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
            revealed_at=_earliest(row[16], row[23]),
            time_spent_s=row[17],
            restores=row[18],
            is_withdrawn=bool(row[19]),
            record_id=row[20],
            by_hand=tuple(map(str, json.loads(row[21] or "[]"))),
        )
        if row[10] is not None or row[22] is None:
            return assessment
        later = _prediction_from_json(row[22])  # no reader judged it
        agreement = propose_agreement(assessment.category, later)
        return replace(
            assessment, prediction=later, proposed_agreement=agreement, agreement=agreement
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise damaged() from error


def annotation_from_row(row: Sequence[Any]) -> Annotation:
    try:
        points = tuple((float(down), float(across)) for down, across in json.loads(row[6]))
        if not all(math.isfinite(number) for point in points for number in point):
            raise ValueError("a point that is nowhere")
        return Annotation(
            annotation_id=row[0],
            study_uid=row[1],
            image_uid=row[2],
            patient_id=row[3],
            reader=row[4],
            kind=AnnotationKind(row[5]),
            points=points,
            text=row[7],
            measured=row[8],
            is_removed=bool(row[9]),
        )
    except (ValueError, KeyError, TypeError) as error:  # the file was changed by other hands
        raise damaged() from error


def attribution_row(said: Attribution) -> tuple[object, ...]:
    return (
        said.image_uid,
        said.content,
        said.reader,
        said.laterality and said.laterality.value,
        said.view_position and said.view_position.value,
        said.study or None,
        said.patient_id or None,
    )


def attribution_from_row(row: Sequence[Any]) -> Attribution:
    try:
        return Attribution(
            str(row[0]),
            str(row[1]),
            str(row[2]),
            row[3] and Laterality(row[3]),
            row[4] and ViewPosition(row[4]),
            str(row[5] or ""),
            str(row[6] or ""),
        )
    except ValueError as error:  # the file was changed by other hands
        raise damaged() from error


def region_row(region: RegionRecord) -> tuple[object, ...]:
    prediction = region.prediction
    judged = prediction if isinstance(prediction, RegionPrediction) else None
    return (
        region.study_uid,
        region.patient_id,
        region.reader,
        prediction.image_uid,
        json.dumps([int(edge) for edge in prediction.box]),
        prediction.model.name,
        prediction.model.sha256,
        json.dumps(prediction.model.categories),
        judged and json.dumps(_keyed_by_text(judged.probabilities)),
        judged and _float_or_none(judged.malignancy),
        prediction.reason if isinstance(prediction, RegionOutOfScope) else None,
        _float_or_none(prediction.spacing_mm),
        prediction.spacing_source,
        json.dumps(prediction.notes),
        region.asked_at.isoformat(),
    )


def region_from_row(row: Sequence[Any]) -> RegionRecord:
    try:
        x_min, y_min, x_max, y_max = (int(edge) for edge in json.loads(row[4]))
        box = x_min, y_min, x_max, y_max
        model = ModelIdentity(row[5], row[6], tuple(json.loads(row[7])))
        notes = tuple(as_message(str(note)) for note in json.loads(row[13]))
        prediction: RegionJudgement
        if row[8] is None:
            reason = as_message(str(row[10] or ""))
            prediction = RegionOutOfScope(row[3], box, model, reason, row[11], row[12], notes)
        else:
            probabilities = {int(grade): float(p) for grade, p in json.loads(row[8]).items()}
            prediction = RegionPrediction(
                row[3], box, model, probabilities, row[9], row[11], row[12], notes
            )
        return RegionRecord(row[0], row[1], row[2], prediction, datetime.fromisoformat(row[14]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # changed by other hands
        raise damaged() from error


def _earliest(*texts: str | None) -> datetime | None:
    return min((datetime.fromisoformat(text) for text in texts if text), default=None)
