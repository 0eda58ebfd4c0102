"""Predictions laid out as arrays, one entry for an image or a breast, for figures and pictures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from engine.domain import Explanation, Laterality
from engine.evaluation.metrics import GRADES, SUSPICIOUS, Cases, Localisation
from engine.evaluation.row_predictions import BoxScore, RowPrediction, arg_max
from engine.training import dataset
from engine.training.dataset import ManifestRow


@dataclass(frozen=True, eq=False)
class Table:
    """Cases with what they are grouped by: images, or breasts; (n,) each.

    `kinds` is birads_kind; data sets, sites and machines are names, "" where the manifest has none;
    `folds` holds -1 there.
    """

    cases: Cases
    kinds: np.ndarray
    datasets: np.ndarray
    sites: np.ndarray
    machines: np.ndarray
    folds: np.ndarray

    def take(self, index: np.ndarray) -> "Table":
        """The entries at `index` (a mask or positions)."""
        return Table(
            self.cases.take(index),
            self.kinds[index],
            self.datasets[index],
            self.sites[index],
            self.machines[index],
            self.folds[index],
        )

    @property
    def main(self) -> Cases:
        """All cases; only those with a reader's grade count in the category figures."""
        return self.cases.counting(self.kinds == dataset.READER)


@dataclass(frozen=True, eq=False)
class ErrorPicture:
    """One badly judged image; `image` is uint8 (rows, columns) as stored."""

    prediction: RowPrediction
    image: np.ndarray
    pixel_aspect: float  #: a pixel's height over its width
    explanation: Explanation | None = None


def image_table(predictions: Sequence[RowPrediction]) -> Table:
    rows = [prediction.row for prediction in predictions]
    intervals = [_interval(row) for row in rows]
    return Table(
        _cases(
            grades=[grade_of(row) for row in rows],
            intervals=intervals,
            probabilities=[prediction.probabilities for prediction in predictions],
            categories=[prediction.category for prediction in predictions],
            malignant=[row.is_malignant for row in rows],
            malignancy=[prediction.malignancy for prediction in predictions],
            in_scope=[prediction.in_scope for prediction in predictions],
            patients=[row.patient_id for row in rows],
            boxes=[prediction.boxes for prediction in predictions],
        ),
        kinds=np.array([row.birads_kind for row in rows], dtype=str),
        **_origins(rows),
    )


def breast_table(predictions: Iterable[RowPrediction]) -> Table:
    """One case per patient and side; a view whose side is unknown belongs to none.

    The breast's truth is its views' worst: highest grade, malignant if any view is. It is a
    reader's where any view has a reader's grade.
    """
    groups: dict[tuple[str, Laterality], list[RowPrediction]] = {}
    for prediction in predictions:
        if prediction.laterality is not None:
            key = (prediction.row.patient_id, prediction.laterality)
            groups.setdefault(key, []).append(prediction)
    kinds, breasts = [], []
    for views in groups.values():
        graded = [view for view in views if view.row.is_reader_graded and grade_of(view.row)]
        kinds.append((graded or views)[0].row.birads_kind)
        breasts.append((views, [v.row for v in views if v.row.birads_kind == kinds[-1]]))
    outcomes = [_pool(views) for views, _ in breasts]
    return Table(
        _cases(
            grades=[max(grade_of(row) for row in rows) for _, rows in breasts],
            intervals=[max(_interval(row) for row in rows) for _, rows in breasts],
            probabilities=[probabilities for probabilities, _ in outcomes],
            categories=[arg_max(probabilities) for probabilities, _ in outcomes],
            malignant=[_any_malignant(views) for views, _ in breasts],
            malignancy=[malignancy for _, malignancy in outcomes],
            in_scope=[any(view.in_scope for view in views) for views, _ in breasts],
            patients=[views[0].row.patient_id for views, _ in breasts],
            boxes=[None] * len(breasts),
        ),
        kinds=np.array(kinds, dtype=str),
        **_origins([views[0].row for views, _ in breasts]),
    )


def _origins(rows: Sequence[ManifestRow]) -> dict[str, np.ndarray]:
    return {
        "datasets": np.array([row.dataset for row in rows], dtype=str),
        "sites": np.array([row.site for row in rows], dtype=str),
        "machines": np.array([row.machine for row in rows], dtype=str),
        "folds": np.array([-1 if row.fold is None else row.fold for row in rows], dtype=int),
    }


def grade_of(row: ManifestRow) -> int:
    """1..5, or 0: a network has no counterpart of a 6, which is known from a biopsy."""
    return row.birads if row.birads is not None and row.birads in GRADES else 0


def _interval(row: ManifestRow) -> tuple[int, int]:
    if row.birads is not None or not row.birads_kind.startswith("interval"):
        return 0, 0
    return row.birads_low or 0, row.birads_high or 0


def _any_malignant(views: Iterable[RowPrediction]) -> bool | None:
    known = [view.row.is_malignant for view in views if view.row.is_malignant is not None]
    return any(known) if known else None


def _pool(views: Sequence[RowPrediction]) -> tuple[Mapping[int, float], float | None]:
    """The breast's probabilities and malignancy: the read-out that came with its views, else made.

    Only in-scope views are pooled, or all where none is.
    """
    if views[0].breast_probabilities is not None:
        return views[0].breast_probabilities, views[0].breast_malignancy
    pooled = [view for view in views if view.in_scope] or list(views)
    grades = list(pooled[0].probabilities)
    logs = np.log([[max(v.probabilities[g], 1e-12) for g in grades] for v in pooled]).mean(axis=0)
    weights = np.exp(logs - logs.max())
    probabilities = dict(zip(grades, (weights / weights.sum()).tolist(), strict=True))
    known = [view.malignancy for view in pooled if view.malignancy is not None]
    if len(known) < len(pooled):
        return probabilities, None
    chances = np.clip(known, 1e-12, 1 - 1e-12)
    return probabilities, float(1 / (1 + np.exp(-np.log(chances / (1 - chances)).mean())))


def _cases(
    grades: Sequence[int],
    intervals: Sequence[tuple[int, int]],
    probabilities: Sequence[Mapping[int, float]],
    categories: Sequence[int],
    malignant: Sequence[bool | None],
    malignancy: Sequence[float | None],
    in_scope: Sequence[bool],
    patients: Sequence[str],
    boxes: Sequence[BoxScore | None],
) -> Cases:
    laid_out = np.array([[p.get(grade, 0.0) for grade in GRADES] for p in probabilities])
    laid_out = laid_out.reshape(-1, len(GRADES))
    ranges = np.array(intervals, int).reshape(-1, 2)
    # One score for all: a network's two outputs are on different scales.
    has_output = bool(malignancy) and all(value is not None for value in malignancy)
    suspicion = laid_out[:, SUSPICIOUS - 1 :].sum(axis=1)
    return Cases(
        truth=np.array(grades, int),
        category=np.array(categories, int),
        probabilities=laid_out,
        malignant=np.array([np.nan if value is None else value for value in malignant], float),
        malignancy=np.array(malignancy, float) if has_output else suspicion,
        in_scope=np.array(in_scope, bool),
        patients=np.array(patients, str),
        low=ranges[:, 0],
        high=ranges[:, 1],
        localisation=_localisation(boxes),
    )


def _localisation(boxes: Sequence[BoxScore | None]) -> Localisation | None:
    if not any(boxes):
        return None
    unknown = float("nan")
    nothing = BoxScore(hit=unknown, energy=unknown)
    columns = zip(*(asdict(score or nothing).values() for score in boxes), strict=True)
    return Localisation(*(np.array(column, float) for column in columns))
