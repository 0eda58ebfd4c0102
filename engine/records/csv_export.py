"""Readings as a CSV file, one a line."""

import csv
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.domain import (
    NOTICE,
    Judgement,
    OutOfScope,
    Prediction,
    ReaderAssessment,
    RegionOutOfScope,
    RegionPrediction,
    RegionRecord,
)
from engine.private_files import replaced_whole
from engine.records.csv_cells import inert
from engine.records.pseudonyms import Pseudonyms

_PREDICTION_COLUMNS = ("category", "confidence", "p4plus", "p_malignant")
_NETWORK_COLUMNS = ("sha256", *_PREDICTION_COLUMNS)
EXPORT_COLUMNS = (
    *("record_id", "supersedes", "is_current", "is_withdrawn"),
    *("study_uid", "image_uids", "patient_id"),
    *("laterality", "reader", "category_before", "category"),
    *("proposed_agreement", "agreement", "reason", "comment"),
    *("model", "model_sha256", "model_categories", "model_category", "model_confidence"),
    *("p1", "p2", "p3", "p4", "p5", "p_malignant", "scope_reason", "shown_cancers_per_1000"),
    # what each network says by itself where several were asked, and whether categories differ
    *(f"{name}_{what}" for name in ("hybrid", "light") for what in _NETWORK_COLUMNS),
    "networks_differ",
    *("reading_mode", "opened_at", "revealed_at", "recorded_at", "time_spent_s"),
    # what of side, view and study the reader had said by hand: it stands in no file
    *("regions", "by_hand", "notice"),
)


def write(
    path: Path,
    entries: Iterable[tuple[ReaderAssessment, Sequence[RegionRecord]]],
    current: Collection[int],
    pseudonyms: Pseudonyms | None = None,
) -> None:
    """Writes assessments, each with what may be told of rectangles on the views of that breast;
    those whose record ids are in `current` stand.

    With `pseudonyms` keyed hashes stand for patients, studies, images and readers, and free text,
    which may name anybody, is left out. Raises OSError; the file appears whole or not at all.
    """
    with replaced_whole(path) as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS)
        writer.writeheader()
        for assessment, regions in entries:
            if pseudonyms is not None:
                assessment = _pseudonymised(assessment, pseudonyms)
            row = _export_row(assessment, assessment.record_id in current)
            writer.writerow(row | {"regions": _exported_regions(regions, pseudonyms)})


def _pseudonymised(assessment: ReaderAssessment, pseudonyms: Pseudonyms) -> ReaderAssessment:
    return replace(
        assessment,
        study_uid=pseudonyms.name("study", assessment.study_uid),
        image_uids=tuple(pseudonyms.name("image", uid) for uid in assessment.image_uids),
        patient_id=pseudonyms.name("patient", assessment.patient_id),
        reader=pseudonyms.name("reader", assessment.reader),
        comment="",
    )


def is_beside(region: RegionRecord, reading: ReaderAssessment) -> bool:
    """Whether it was told to that reader, of a view that the reading is about."""
    names = (region.study_uid, region.patient_id, region.reader)
    is_same = names == (reading.study_uid, reading.patient_id, reading.reader)
    return is_same and region.prediction.image_uid in reading.image_uids


def _exported_regions(regions: Sequence[RegionRecord], pseudonyms: Pseudonyms | None) -> str:
    """A JSON array, in the words of `birads-engine predict-region`; empty where there are none."""
    rows = []
    for region in regions:
        prediction, uid = region.prediction, region.prediction.image_uid
        judged = prediction if isinstance(prediction, RegionPrediction) else None
        rows.append(
            {
                "image_uid": uid if pseudonyms is None else pseudonyms.name("image", uid),
                "box": list(prediction.box),
                "model": prediction.model.name,
                "model_sha256": prediction.model.sha256,
                "in_scope": judged is not None,
                "scope_reason": prediction.reason
                if isinstance(prediction, RegionOutOfScope)
                else None,
                "category": judged and judged.category,
                "confidence": judged and judged.confidence,
                "probabilities": judged
                and {str(grade): p for grade, p in judged.probabilities.items()},
                "p_malignant": judged and judged.malignancy,
                "spacing_mm": prediction.spacing_mm,
                "spacing_source": prediction.spacing_source,
                "notes": list(prediction.notes),
                "asked_at": region.asked_at.isoformat(),
            }
        )
    return json.dumps(rows) if rows else ""


def _export_row(assessment: ReaderAssessment, is_current: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "record_id": assessment.record_id,
        "supersedes": assessment.supersedes,
        "is_current": int(is_current),
        "is_withdrawn": int(assessment.is_withdrawn),
        "study_uid": inert(assessment.study_uid),
        "image_uids": inert(" ".join(assessment.image_uids)),
        "patient_id": inert(assessment.patient_id),
        "laterality": assessment.laterality.value,
        "reader": inert(assessment.reader),
        "category_before": assessment.category_before and assessment.category_before.value,
        "category": assessment.category.value,
        "proposed_agreement": assessment.proposed_agreement.value,
        "agreement": assessment.agreement.value,
        "reason": inert(assessment.reason),
        "comment": inert(assessment.comment),
        "reading_mode": assessment.reading_mode.value,
        "opened_at": assessment.opened_at.isoformat(),
        "revealed_at": assessment.revealed_at and assessment.revealed_at.isoformat(),
        "recorded_at": assessment.recorded_at.isoformat(),
        "time_spent_s": assessment.time_spent_s,
        "by_hand": " ".join(assessment.by_hand),
        "notice": NOTICE,
    }
    if (prediction := assessment.prediction) is not None:
        row |= {
            "model": prediction.model.name,
            "model_sha256": prediction.model.sha256,
            "model_categories": " ".join(map(str, prediction.model.categories)),
            "scope_reason": inert(prediction.reason) if isinstance(prediction, OutOfScope) else "",
            "shown_cancers_per_1000": prediction.shown_per_1000,
        }
        row |= _others_row(prediction)
        if isinstance(prediction, Prediction):
            row["model_category"] = prediction.category
            row["model_confidence"] = prediction.confidence
            row["p_malignant"] = prediction.malignancy
            # a category that the model does not have stays empty, it is not 0
            row |= {f"p{grade}": p for grade, p in prediction.probabilities.items()}
    return row


def _others_row(prediction: Judgement) -> dict[str, object]:
    row: dict[str, object] = {}
    if not prediction.others:
        return row
    # a single network's own prediction stands beside the second opinion that was asked of another
    networks = [prediction, *prediction.others]
    networks = [each for each in networks if f"{each.model.name}_category" in EXPORT_COLUMNS]
    categories = set()
    for each in networks:
        row[f"{each.model.name}_sha256"] = each.model.sha256
        if isinstance(each, Prediction):
            categories.add(each.category)
            values = (each.category, each.confidence, each.suspicion, each.malignancy)
            names = [f"{each.model.name}_{what}" for what in _PREDICTION_COLUMNS]
            row |= dict(zip(names, values, strict=True))
    return {**row, "networks_differ": int(len(categories) > 1)}
