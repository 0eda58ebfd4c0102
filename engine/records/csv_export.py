"""Readings as a CSV file, one a line."""

import csv
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from engine.domain import NOTICE, ReaderAssessment
from engine.private_files import replaced_whole
from engine.records.pseudonyms import Pseudonyms

# A spreadsheet runs a cell that begins with one of these as a formula,
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
EXPORT_COLUMNS = (
    *("record_id", "supersedes", "is_current", "is_withdrawn"),
    *("study_uid", "image_uids", "patient_id"),
    *("laterality", "reader", "category_before", "category"),
    *("proposed_agreement", "agreement", "reason", "comment"),
    *("model", "model_sha256", "model_categories", "model_category", "model_confidence"),
    *("p1", "p2", "p3", "p4", "p5", "p_malignant", "scope_reason"),
    *("reading_mode", "opened_at", "revealed_at", "recorded_at", "time_spent_s", "notice"),
)


def write(
    path: Path,
    assessments: Iterable[ReaderAssessment],
    current: Collection[int],
    pseudonyms: Pseudonyms | None = None,
) -> None:
    """Writes the assessments; those whose record ids are in `current` stand.

    With `pseudonyms` keyed hashes stand for patients, studies, images and readers, and free text,
    which may name anybody, is left out. Raises OSError; the file appears whole or not at all.
    """
    with replaced_whole(path) as file:
        writer = csv.DictWriter(file, EXPORT_COLUMNS)
        writer.writeheader()
        for assessment in assessments:
            told = assessment if pseudonyms is None else _pseudonymised(assessment, pseudonyms)
            writer.writerow(_export_row(told, told.record_id in current))


def _pseudonymised(assessment: ReaderAssessment, pseudonyms: Pseudonyms) -> ReaderAssessment:
    return replace(
        assessment,
        study_uid=pseudonyms.name("study", assessment.study_uid),
        image_uids=tuple(pseudonyms.name("image", uid) for uid in assessment.image_uids),
        patient_id=pseudonyms.name("patient", assessment.patient_id),
        reader=pseudonyms.name("reader", assessment.reader),
        comment="",
    )


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
        "notice": NOTICE,
    }
    if (prediction := assessment.prediction) is not None:
        row |= {
            "model": prediction.model.name,
            "model_sha256": prediction.model.sha256,
            "model_categories": " ".join(map(str, prediction.model.categories)),
            "model_category": prediction.category,
            "model_confidence": prediction.confidence,
            "p_malignant": prediction.malignancy,
            "scope_reason": inert(prediction.scope_reason or ""),
        }
        # a category that the model does not have stays empty, it is not 0
        row |= {f"p{grade}": p for grade, p in (prediction.probabilities or {}).items()}
    return row


def inert(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
