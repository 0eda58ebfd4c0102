"""Figures of a run, counted in one pass over its parts: memory does not grow with the archive."""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engine.archive import parts
from engine.archive.labels import Labels
from engine.arrays import Array, FloatArray
from engine.evaluation import metrics
from engine.evaluation.metrics import GRADES, SUSPICIOUS

BINS = 1000  #: of a probability
DIMENSIONS = ("maker", "machine", "year", "age_band", "density")
ORDERED = ("year", "age_band", "density")  #: of these, those whose groups have an order
UNSTATED = "not stated"
_MOST_GROUPS = 500  #: of a dimension; a header can say anything
OTHERS = "others"
_WORST = 15  #: disagreements of each kind that are listed
_COLUMNS = (
    *("record", "unit", "study", "laterality", "in_scope", "scope_reason", "category"),
    *("p_4_or_5", "p_malignant", "error_title", "model", "model_sha256", "program", *DIMENSIONS),
)


@dataclass
class Group:
    """Of breasts that have something in common."""

    breasts: int = 0
    categories: Array = field(default_factory=lambda: np.zeros(5, np.int64))
    #: P(4 or 5), in equal bins over 0 to 1
    suspicion: Array = field(default_factory=lambda: np.zeros(BINS, np.int64))
    suspicion_sum: float = 0.0

    def add(self, category: Array, suspicion: FloatArray, not_judged: int = 0) -> None:
        self.breasts += len(category) + not_judged
        self.categories += np.bincount(category - 1, minlength=5)[:5]
        self.suspicion += _histogram(suspicion)
        self.suspicion_sum += float(suspicion.sum())

    def figures(self) -> dict[str, Any]:
        judged = int(self.categories.sum())
        return {
            "breasts": self.breasts,
            "judged": judged,
            "categories": {str(g): int(self.categories[g - 1]) for g in GRADES},
            "called_4_or_5": _ratio(self.categories[SUSPICIOUS - 1 :].sum(), judged),
            "mean_p_4_or_5": _ratio(self.suspicion_sum, judged),
            "median_p_4_or_5": _quantile(self.suspicion, 0.5),
            "p90_p_4_or_5": _quantile(self.suspicion, 0.9),
        }


@dataclass
class Disagreements:
    """With what readers and pathology said."""

    confusion: Array = field(default_factory=lambda: np.zeros((5, 5), np.int64))
    #: P(4 or 5) of the breasts without and with cancer, (2, BINS)
    by_pathology: Array = field(default_factory=lambda: np.zeros((2, BINS), np.int64))
    called: Array = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    worst: dict[str, list[tuple[float, int, dict[str, Any]]]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], grade: int, malignant: int) -> None:
        category, suspicion = int(row["category"]), float(row["p_4_or_5"])
        if grade:
            self.confusion[grade - 1, category - 1] += 1
            if abs(grade - category) >= 2:
                weight = abs(grade - category) + abs(suspicion - (grade >= SUSPICIOUS))
                self._keep("reading", weight, row, grade, malignant)
        if malignant >= 0:
            self.by_pathology[malignant] += _histogram(np.array([suspicion]))
            self.called[malignant, int(category >= SUSPICIOUS)] += 1
            if malignant and category < SUSPICIOUS:
                self._keep("missed", 1 - suspicion, row, grade, malignant)
            elif not malignant and category >= SUSPICIOUS:
                self._keep("alarm", suspicion, row, grade, malignant)

    def _keep(
        self, kind: str, weight: float, row: Mapping[str, Any], grade: int, malignant: int
    ) -> None:
        kept = self.worst.setdefault(kind, [])
        told = {
            "unit": int(row["unit"]),
            "study": row["study"],
            "laterality": row["laterality"],
            "category": int(row["category"]),
            "p_4_or_5": float(row["p_4_or_5"]),
            "reading": grade or None,
            "pathology": (None, "benign", "malignant")[malignant + 1],
            "maker": row["maker"],
        }
        heapq.heappush(kept, (weight, -told["unit"], told))
        if len(kept) > _WORST:
            heapq.heappop(kept)

    def figures(self) -> dict[str, Any]:
        read = int(self.confusion.sum())
        kappa = metrics.kappa(self.confusion.astype(float), 2)
        near = sum(np.trace(self.confusion, offset) for offset in (-1, 0, 1))
        free, cancers = self.called
        return {
            "read": read,
            "confusion": self.confusion.tolist(),
            "same": _ratio(np.trace(self.confusion), read),
            "within_one": _ratio(near, read),
            "qwk": _number(kappa),
            "cancers": int(cancers.sum()),
            "cancer_free": int(free.sum()),
            "cancers_called": _ratio(cancers[1], cancers.sum()),
            "cancer_free_called": _ratio(free[1], free.sum()),
            "auc": binned_auc(*self.by_pathology),
            "worst": {
                kind: [told for *_, told in sorted(kept, key=lambda each: each[:2], reverse=True)]
                for kind, kept in self.worst.items()
            },
        }


def count(folder: Path, labels: Labels | None = None) -> dict[str, Any]:
    """The figures of the run in `folder`, as JSON can hold them. Raises StorageFailed."""
    whole = Group()
    groups: dict[str, dict[str, Group]] = {name: {} for name in DIMENSIONS}
    reasons: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    networks: Counter[tuple[str, str]] = Counter()
    programs: Counter[str] = Counter()
    views = in_scope = 0
    is_seen = np.zeros(0, bool)  # by the units' numbers
    met = Disagreements()
    for batch in parts.batches(folder, _COLUMNS):
        table = batch.to_pandas()
        units = table["unit"].to_numpy()
        is_seen = np.pad(is_seen, (0, max(0, int(units.max()) + 1 - len(is_seen))))
        is_seen[units] = True
        of_views = table[table["record"] == "view"]
        views += len(of_views)
        in_scope += int(of_views["in_scope"].sum())
        reasons.update(_counted(of_views["scope_reason"].dropna()))
        failures.update(_counted(table["error_title"].dropna()))
        networks.update(zip(of_views["model"], of_views["model_sha256"], strict=True))
        programs.update(_counted(table["program"]))
        breasts = table[table["record"] == "breast"].copy()
        if labels is not None:
            _meet(breasts, labels, met)
        _add(whole, breasts)
        for name in DIMENSIONS:
            known = groups[name]
            said = breasts[name].map(_group_name)
            for group_name, rows in breasts.groupby(said):
                if group_name not in known and len(known) >= _MOST_GROUPS:
                    group_name = OTHERS
                _add(known.setdefault(str(group_name), Group()), rows)
    return {
        "studies": int(is_seen.sum()),
        "views": views,
        "views_in_scope": in_scope,
        "breasts": whole.figures(),
        "histogram": whole.suspicion.tolist(),
        "groups": {
            name: {key: groups[name][key].figures() for key in sorted(groups[name])}
            for name in DIMENSIONS
        },
        "group_histograms": {
            name: {key: groups[name][key].suspicion for key in groups[name]} for name in DIMENSIONS
        },
        "scope_reasons": dict(reasons.most_common(200)),
        "failures": sum(failures.values()),
        "failure_titles": dict(failures.most_common(200)),
        "networks": [[*pair, number] for pair, number in networks.items()],
        "programs": dict(programs),
        "labels": None if labels is None else {"given": len(labels), **met.figures()},
    }


def as_json(figures: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in figures.items() if name != "group_histograms"}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _add(group: Group, breasts: Any) -> None:
    judged = breasts[breasts["category"].notna()]
    group.add(
        judged["category"].to_numpy(np.int64),
        judged["p_4_or_5"].to_numpy(np.float64),
        len(breasts) - len(judged),
    )


def _meet(breasts: Any, labels: Labels, met: Disagreements) -> None:
    """Adds what is known of the breasts; a density that no header states is taken from there."""
    found = [labels.of(*pair) for pair in zip(breasts["study"], breasts["laterality"], strict=True)]
    told = [label.density if label else None for label in found]
    breasts["density"] = breasts["density"].where(breasts["density"].notna(), told)
    for row, label in zip(breasts.to_dict("records"), found, strict=True):
        if label is not None and row["category"] == row["category"]:  # not NaN
            met.add(row, label.grade, label.malignant)


def _counted(texts: Any) -> Mapping[str, int]:
    counts: dict[str, int] = texts.value_counts().to_dict()
    return counts


def _group_name(value: Any) -> str:
    if value is None or value != value:
        return UNSTATED
    return str(int(value)) if isinstance(value, float) else str(value)


# -------------------------------------------------------------------------------------- statistics


def _histogram(values: FloatArray) -> Array:
    places = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    counts: Array = np.bincount(places, minlength=BINS)
    return counts


def histogram(values: Iterable[float]) -> Array:
    """Of probabilities, over `BINS` equal bins."""
    return _histogram(np.fromiter(values, np.float64))


def stability_index(expected: Array, found: Array) -> float | None:
    """The population stability index over ten parts that hold a tenth of `expected` each: below 0.1
    the two are alike, above 0.25 they differ. Both are histograms; None where one is empty."""
    if not expected.sum() or not found.sum():
        return None
    edges = np.searchsorted(np.cumsum(expected) / expected.sum(), np.arange(0.1, 0.95, 0.1))
    starts = np.unique(np.concatenate([[0], edges + 1]))
    starts = starts[starts < BINS]
    shares = [
        (np.add.reduceat(each, starts) + 0.5) / (each.sum() + 0.5 * len(starts))
        for each in (expected, found)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def greatest_distance(one: Array, other: Array) -> float | None:
    """Kolmogorov's and Smirnov's, between two histograms."""
    if not one.sum() or not other.sum():
        return None
    distance = np.abs(np.cumsum(one) / one.sum() - np.cumsum(other) / other.sum())
    return float(distance.max())


def binned_auc(negative: Array, positive: Array) -> float | None:
    """How often a positive lies above a negative, by their histograms; ties count half."""
    if not negative.sum() or not positive.sum():
        return None
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def _quantile(counts: Array, share: float) -> float | None:
    if not counts.sum():
        return None
    place = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return (place + 0.5) / BINS


def _ratio(part: Any, whole: Any) -> float | None:
    return float(part / whole) if whole else None


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
