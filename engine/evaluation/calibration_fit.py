"""Calibration fitted on what networks said of rows whose labels are known."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from engine.domain import Laterality, Population, Shares
from engine.evaluation.row_predictions import RowPrediction, logits_of, recalibrated
from engine.networks.calibration import (
    Calibration,
    CancerScaling,
    LogisticScaling,
    Scaling,
    fit_logistic,
    fit_scaling,
    suspicion,
)
from engine.training import dataset
from engine.training.dataset import ManifestRow

#: Free offsets give the best likelihood but let the rare grades vanish from the arg-max; this is
#: the compromise of the table in docs/experiments.md.
OFFSET_SHRINKAGE = 0.07


ENSEMBLE_SHRINKAGE = 10.0  #: its members' offsets are fitted already; a second time overdoes it


def fit_calibration(
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    rows: Iterable[ManifestRow],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> Calibration:
    """Scalings for views, and for breasts with two views or more, from predictions with logits.

    Rows whose label says nothing of the grade are left out; so is the pathology of data sets that
    know only one outcome.
    """
    graded = [p for p in predictions if _is_graded(p.row, categories)]
    pairs = _breasts(graded)
    view = _fit_grades(_singly(graded), categories, offset_shrinkage)
    breast = _fit_grades(pairs, categories, offset_shrinkage) if pairs else view
    single = dataset.single_outcome_datasets(rows)
    known = [
        p for p in predictions if p.row.is_malignant is not None and p.row.dataset not in single
    ]
    known_pairs = _breasts(known)
    population = Population(
        _shares(_singly(graded), _singly(known)),
        _shares(pairs or _singly(graded), known_pairs or _singly(known)),
    )
    plain = Calibration(view, breast, population=population)
    if predictions[0].malignancy_logit is None:
        return plain
    head = fit_logistic(
        np.array([_malignancy_logit(p) for p in known]),
        np.array([bool(p.row.is_malignant) for p in known]),
    )

    def fit(groups: Sequence[Group]) -> LogisticScaling:
        unfitted = CancerScaling(head, head, head)
        evidence = [
            unfitted.evidence(
                np.array([_malignancy_logit(p) for p in group]),
                suspicion(view.probabilities(np.stack([logits_of(p) for p in group])), categories),
            ).mean()
            for group in groups
        ]
        truth = [any(p.row.is_malignant for p in group) for group in groups]
        return fit_logistic(np.array(evidence), np.array(truth))

    one_view = fit(_singly(known))
    return replace(
        plain, cancer=CancerScaling(head, one_view, fit(known_pairs) if known_pairs else one_view)
    )


Group = Sequence[RowPrediction]  #: what is judged together: one view, or the views of a breast


def _singly(predictions: Iterable[RowPrediction]) -> list[list[RowPrediction]]:
    return [[prediction] for prediction in predictions]


def _shares(graded: Sequence[Group], known: Sequence[Group]) -> Shares:
    """Of those graded in so far as the label says whether it is 4 or 5, and of those proven."""
    suspicious = []
    for group in graded:
        row = _highest(group)
        if row.birads_low is None or row.birads_high is None:
            continue
        if row.birads_low >= 4 or row.birads_high < 4:
            suspicious.append(row.birads_low >= 4)
    malignant = [any(p.row.is_malignant for p in group) for group in known]
    return Shares(
        float(np.mean(suspicious)) if suspicious else 0.0,
        float(np.mean(malignant)) if malignant else None,
    )


def _fit_grades(
    groups: Sequence[Group], categories: tuple[int, ...], offset_shrinkage: float
) -> Scaling:
    return fit_scaling(
        np.stack([np.mean([logits_of(p) for p in group], axis=0) for group in groups]),
        np.array([_highest(group).allowed(categories) for group in groups]),
        offset_shrinkage,
    )


def _malignancy_logit(prediction: RowPrediction) -> float:
    if prediction.malignancy_logit is None:
        raise ValueError("a prediction without malignancy")
    return prediction.malignancy_logit


def _is_graded(row: ManifestRow, categories: tuple[int, ...]) -> bool:
    return not row.allowed(categories).all()


def _breasts(predictions: Iterable[RowPrediction]) -> list[list[RowPrediction]]:
    """Breasts seen in at least two views."""
    groups: dict[tuple[str, Laterality], list[RowPrediction]] = {}
    for prediction in predictions:
        if prediction.laterality is not None:
            groups.setdefault((prediction.row.patient_id, prediction.laterality), []).append(
                prediction
            )
    return [group for group in groups.values() if len(group) > 1]


def _highest(group: Group) -> ManifestRow:
    """The view with the highest label: a breast is as suspicious as its worst view."""
    return max((p.row for p in group), key=lambda row: (row.birads_high or 0, row.birads_low or 0))


def cross_fitted(
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> tuple[RowPrediction, ...]:
    """Each fold's predictions calibrated by the other folds'."""
    rows = [p.row for p in predictions]
    calibrated: list[RowPrediction] = []
    for fold in sorted({row.fold for row in rows if row.fold is not None}):
        others = [p for p in predictions if p.row.fold != fold]
        calibration = fit_calibration(others, categories, rows, offset_shrinkage)
        calibrated += recalibrated([p for p in predictions if p.row.fold == fold], calibration)
    order = {row.file: number for number, row in enumerate(rows)}
    return tuple(sorted(calibrated, key=lambda p: order[p.row.file]))
