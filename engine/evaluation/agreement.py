"""How readers and the model agree, counted from stored readings, for `evaluate --readings` and for
the viewer's page of disagreements alike.

Only readings that stand. A reader's 0 or 6, and a breast on which the model said nothing, compare
with nothing; 4A, 4B and 4C are fours; a category that the model lacks cannot agree. `agreement` is
the reader's own word, `categories_match` compares the categories. Kappa in concurrent reading
flatters the model, since the reader saw its answer first: hence `by_mode`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.domain import Agreement, Prediction, ReaderAssessment, current_readings
from engine.evaluation import metrics
from engine.evaluation.metrics import GRADES, Cases


def comparable(readings: Iterable[ReaderAssessment]) -> tuple[ReaderAssessment, ...]:
    """Those that count in the figures; of all readings, superseded ones included."""
    return tuple(reading for reading, _, _ in _compared(current_readings(readings)))


def _compared(
    readings: Iterable[ReaderAssessment],
) -> Iterator[tuple[ReaderAssessment, int, Prediction]]:
    """Those that compare with a prediction: with the reader's grade, and with the prediction."""
    for reading in readings:
        grade, prediction = reading.category.grade, reading.prediction
        if grade is not None and isinstance(prediction, Prediction):
            yield reading, grade, prediction


def figures(
    readings: Sequence[ReaderAssessment], resamples: int = metrics.RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Of comparable readings; None where they cannot give a figure. Rows of the confusion matrix
    are the reader's category, columns the model's. Intervals are a bootstrap over patients (95 %),
    none with `resamples` 0.
    """
    stated = [r.agreement for r in readings if r.agreement is not Agreement.NOT_COMPARABLE]
    cases = _cases(readings)
    counted = metrics.figures(cases)
    spread = metrics.intervals(cases, resamples, seed) if resamples else {}
    plain = float(metrics.kappa(np.array(counted["confusion_matrix"], float), power=0))
    return {
        "n": len(readings),
        "agreement": stated.count(Agreement.AGREE) / len(stated) if stated else None,
        "categories_match": counted["accuracy"],
        "within_one_category": counted["within_one_accuracy"],
        "kappa": plain if np.isfinite(plain) else None,
        "qwk": counted["qwk"],
        "confusion_matrix": counted["confusion_matrix"],
        "categories": counted["categories"],
        "intervals": {
            "categories_match": spread.get("accuracy"),
            "qwk": spread.get("qwk"),
        },
    }


def by_month(readings: Iterable[ReaderAssessment]) -> Mapping[str, dict[str, Any]]:
    """Figures of comparable readings by the month in which they were recorded ('2026-11', in the
    clinic's own time zone), oldest first; months without any are left out.
    """
    months: dict[str, list[ReaderAssessment]] = defaultdict(list)
    for reading in readings:
        months[month_of(reading)].append(reading)
    return {month: figures(months[month], resamples=0) for month in sorted(months)}


def month_of(reading: ReaderAssessment) -> str:
    return f"{reading.recorded_at.astimezone():%Y-%m}"


def of_readings(
    readings: Iterable[ReaderAssessment], resamples: int = metrics.RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """All that `metrics.json` tells of stored readings."""
    every = list(readings)
    compared = comparable(every)
    parted = sorted(
        (entry for entry in _compared(compared) if entry[1] != entry[2].category),
        key=lambda entry: -abs(entry[1] - entry[2].category),
    )
    modes = sorted({r.reading_mode.value for r in compared})
    return {
        "n_records": len(every),
        "n_current": len(current_readings(every)),
        **figures(compared, resamples, seed),
        "by_mode": {
            mode: figures([r for r in compared if r.reading_mode.value == mode], resamples)
            for mode in modes
        },
        "reasons": dict(Counter(r.reason for r in compared if r.reason).most_common()),
        "parted": [
            {
                "study": r.study_uid,
                "laterality": r.laterality.value,
                "reader_category": r.category.value,
                "model_category": prediction.category,
                "model_confidence": prediction.confidence,
                "reason": r.reason,
                "reading_mode": r.reading_mode.value,
            }
            for r, _, prediction in parted
        ],
    }


def _cases(readings: Sequence[ReaderAssessment]) -> Cases:
    """The reader's grade as the truth, the model's as the prediction."""
    compared = list(_compared(readings))
    count = len(compared)
    probabilities = np.array(
        [[p.probabilities.get(grade, 0.0) for grade in GRADES] for _, _, p in compared], float
    )
    probabilities = probabilities.reshape(-1, len(GRADES))
    return Cases(
        truth=np.array([grade for _, grade, _ in compared], int),
        category=np.array([prediction.category for _, _, prediction in compared], int),
        probabilities=probabilities,
        malignant=np.full(count, np.nan),
        malignancy=probabilities[:, metrics.SUSPICIOUS - 1 :].sum(axis=1),
        in_scope=np.ones(count, bool),
        patients=np.array([reading.patient_id for reading, _, _ in compared], str),
        low=np.zeros(count, int),
        high=np.zeros(count, int),
    )
