"""From predictions to the figures of metrics.json: of images and breasts, per data set, decisions,
two networks compared, the worst errors. Pure: nothing is read or written.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from engine.errors import InvalidData
from engine.evaluation import metrics
from engine.evaluation.metrics import GRADES, SUSPICIOUS, Cases
from engine.evaluation.row_predictions import RowPrediction
from engine.evaluation.table import Table, breast_table, grade_of, image_table
from engine.training import dataset
from engine.training.dataset import ManifestRow

#: Probabilities at which somebody might act. Up to 2 % ACR BI-RADS says "probably benign", follow.
THRESHOLDS = (0.02, 0.05, 0.10, 0.20, 0.30, 0.50)
SCREENING_THRESHOLDS = (0.002, 0.005, 0.01, 0.02, 0.05)
SCREENING_PREVALENCES = (0.005, 0.01)  #: cancers per woman screened
COMPARED = (
    *("qwk", "auc_malignant", "auc_birads4plus", "accuracy", "within_one_accuracy", "macro_f1"),
    *("sensitivity_4", "sensitivity_5", "sensitivity_4_and_5"),
)
_WORST_COUNT = 12
_UNNAMED = "unnamed"


def measure(
    predictions: Sequence[RowPrediction], resamples: int = metrics.RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """All figures of metrics.json, with intervals, per data set and per breast.

    Strict JSON throughout: what cannot be measured is None.
    """
    images, breasts = image_table(predictions), breast_table(predictions)
    has_read_out = any(p.breast_probabilities is not None for p in predictions)
    return {
        **_measure_table(images, resamples, seed),
        "per_breast": {
            "method": "the network's calibrated breast read-out"
            if has_read_out
            else "mean of the views' log-probabilities, renormalised",
            **_measure_table(breasts, resamples, seed),
        },
        "decision": _decisions(images.main),
        "screening": _screening(images.main),
    }


def _measure_table(table: Table, resamples: int, seed: int) -> dict[str, Any]:
    def describe(cases: Cases) -> dict[str, Any]:
        found = metrics.intervals(cases, resamples, seed)
        return {**metrics.figures(cases), "intervals": found}

    def describe_group(cases: Cases) -> dict[str, Any]:
        subsets = {
            "true_3_to_5": cases.take((cases.truth >= 3) & (cases.truth <= 5)),
            "true_2": cases.take(cases.truth == 2),
            "in_scope": cases.take(cases.in_scope),
        }
        return {
            **describe(cases),
            "subsets": {name: describe(subset) for name, subset in subsets.items()},
        }

    result = describe_group(table.main)
    proxies = (table.kinds == dataset.READER) | (table.kinds == dataset.PROXY_NORMAL)
    result["subsets"]["with_proxy_normal"] = describe(table.cases.counting(proxies))
    result["datasets"] = {}
    if any(table.datasets):
        for name in np.unique(table.datasets):
            inside = table.datasets == name
            result["datasets"][str(name) or _UNNAMED] = {
                **describe_group(table.cases.take(inside)),
                "by_kind": _by_kind(table, inside),
            }
    return result


def _by_kind(table: Table, inside: np.ndarray) -> dict[str, Any]:
    """What was predicted for each kind of label, also of those that are no single category."""
    result = {}
    for kind in np.unique(table.kinds[inside]):
        cases = table.cases.take(inside & (table.kinds == kind))
        figures = metrics.figures(cases)
        predicted = Counter(cases.category.tolist())
        result[str(kind)] = {
            "n_rows": len(cases),
            "said": {str(grade): predicted.get(grade, 0) for grade in GRADES},
            "mean_p_birads4plus": float(cases.suspicion.mean()),
            "accuracy": figures["accuracy"],
            "interval_accuracy": figures["interval_accuracy"],
            "auc_malignant": figures["auc_malignant"],
        }
    return result


def _decisions(cases: Cases) -> dict[str, Any]:
    """Decision curves at the stated thresholds; see `metrics.decision_curve`."""
    counted = cases.take(cases.truth > 0)
    known = cases.take(np.isfinite(cases.malignant))

    def curve(
        event: np.ndarray,
        probability: np.ndarray,
        thresholds: Sequence[float],
        prevalence: float | None = None,
    ) -> list[dict[str, Any]]:
        return [
            asdict(point)
            for point in metrics.decision_curve(event, probability, thresholds, prevalence)
        ]

    result = {
        "birads4plus": curve(counted.truth >= SUSPICIOUS, counted.suspicion, THRESHOLDS),
        "malignant": curve(known.malignant == 1, known.malignancy, THRESHOLDS),
    }
    for prevalence in SCREENING_PREVALENCES:
        result[f"malignant_at_prevalence_{prevalence}"] = curve(
            known.malignant == 1, known.malignancy, SCREENING_THRESHOLDS, prevalence
        )
    return result


def _screening(cases: Cases) -> dict[str, Any] | None:
    """What the categories would mean were cancer as rare as in screening; None without pathology.

    Sensitivity and specificity are kept and the prevalence exchanged (Bayes). They were measured
    on women who had a finding, so real screening would do better in specificity.
    """
    known = cases.take(np.isfinite(cases.malignant))
    sick, well = known.take(known.malignant == 1), known.take(known.malignant == 0)
    if not len(sick) or not len(well):
        return None
    result = {}
    for prevalence in SCREENING_PREVALENCES:
        found = prevalence * float((sick.category >= SUSPICIOUS).mean())
        alarms = (1 - prevalence) * float((well.category >= SUSPICIOUS).mean())
        cleared = 1 - found - alarms
        of_category = {}
        for grade in GRADES:
            right = prevalence * float((sick.category == grade).mean())
            wrong = (1 - prevalence) * float((well.category == grade).mean())
            of_category[str(grade)] = right / (right + wrong) if right + wrong > 0 else None
        result[str(prevalence)] = {
            "called_4_or_5_per_1000": 1000 * (found + alarms),
            "cancers_called_4_or_5_per_1000": 1000 * found,
            "cancers_missed_per_1000": 1000 * (prevalence - found),
            "ppv": found / (found + alarms) if found + alarms > 0 else None,
            "npv": 1 - (prevalence - found) / cleared if cleared > 0 else None,
            "malignancy_of_category": of_category,
        }
    return result


def compare(
    first: Sequence[RowPrediction],
    second: Sequence[RowPrediction],
    resamples: int = metrics.RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Paired differences (first - second) on the rows that both have, pooled and per data set.

    {group: {figure: {first, second, value, low, high}}}; groups are "all" and the data sets,
    each also per breast ("all/breast").
    """
    shared = {prediction.row.file for prediction in first}
    shared &= {prediction.row.file for prediction in second}
    both = [
        sorted((p for p in side if p.row.file in shared), key=lambda p: p.row.file)
        for side in (first, second)
    ]
    if not shared:
        raise InvalidData("Nothing to compare", "The two have predicted no image in common.")
    result = {}
    for suffix, tables in (
        ("", [image_table(side) for side in both]),
        # The manifest's sides, so that both group the same breasts.
        ("/breast", [breast_table(_with_manifest_side(side)) for side in both]),
    ):
        names = np.unique(tables[0].datasets)
        groups = {"all": np.ones(len(tables[0].cases), bool)}
        groups |= {str(name): tables[0].datasets == name for name in names if name}
        for name, inside in groups.items():
            one, other = (table.main.take(inside) for table in tables)
            differences = metrics.paired_differences(COMPARED, one, other, resamples, seed)
            result[name + suffix] = {key: asdict(value) for key, value in differences.items()}
    return result


def _with_manifest_side(predictions: Iterable[RowPrediction]) -> list[RowPrediction]:
    return [replace(prediction, laterality=prediction.row.laterality) for prediction in predictions]


def worst_errors(
    predictions: Iterable[RowPrediction], count: int = _WORST_COUNT
) -> tuple[RowPrediction, ...]:
    """The images furthest from the reader's grade, the surest first; one of each breast."""
    wrong = [
        p for p in predictions if p.row.is_reader_graded and grade_of(p.row) not in (0, p.category)
    ]

    def by_distance(p: RowPrediction) -> tuple[int, float]:
        grade = grade_of(p.row)
        return -abs(p.category - grade), p.probabilities.get(grade, 0.0)

    wrong.sort(key=by_distance)
    one_each = {(p.row.patient_id, p.laterality): p for p in reversed(wrong)}
    return tuple(p for p in wrong if one_each[p.row.patient_id, p.laterality] is p)[:count]


def count_rows(rows: Sequence[ManifestRow], predictions: Sequence[RowPrediction]) -> dict[str, Any]:
    judged = [prediction.row for prediction in predictions]
    return {
        "manifest": len(rows),
        "predicted": len(predictions),
        "patients": len({row.patient_id for row in judged}),
        "in_scope": sum(prediction.in_scope for prediction in predictions),
        "reader_grade_1_to_5": sum(row.is_reader_graded and grade_of(row) > 0 for row in judged),
        "known_malignancy_6": sum(row.birads == 6 for row in judged),
        "kinds": dict(sorted(Counter(row.birads_kind for row in judged).items())),
        "without_side": sum(prediction.laterality is None for prediction in predictions),
        "out_of_scope_reasons": dict(
            Counter(p.scope_reason for p in predictions if p.scope_reason).most_common()
        ),
    }
