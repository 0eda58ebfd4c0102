"""Figures of merit, pure numpy: truth and predictions in, numbers and intervals out.

Every figure is a function of *weighted* rows. With weights of one it is the plain figure; a
bootstrap over patients is nothing but a thousand other weightings (how often a patient was drawn),
so intervals come from the same lines of code as the figures and take a second, not an hour.
A figure that the rows cannot give (one class only, no rows) is NaN inside and None outside.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.arrays import Array, FloatArray

GRADES = (1, 2, 3, 4, 5)  #: the categories every table is laid out over, whatever a model offers
SUSPICIOUS = 4  #: the lowest grade that sends a woman to biopsy, ACR BI-RADS
BIN_COUNT = 10  #: equal-width bins of the expected calibration error
RESAMPLES = 1000

_SMALLEST = np.finfo(np.float64).eps  #: floor of a probability in the log-loss, as scikit-learn's
_CHUNK = 20_000_000  #: weights held at once while bootstrapping, 160 MB


@dataclass(frozen=True, eq=False)
class Localisation:
    """How heat and boxes meet, one entry per case; NaN where the image has no box.

    A hit is 1 or 0: the hottest point lies inside a box. Energy is the share of the heat inside
    the boxes. `centre` is a Gaussian about the breast's centre, `untrained` the same network with
    random weights, `area` the share of the breast that the boxes cover (both figures of a point
    thrown at random).
    """

    hit: np.ndarray
    energy: np.ndarray
    area: np.ndarray
    centre_hit: np.ndarray
    centre_energy: np.ndarray
    untrained_hit: np.ndarray
    untrained_energy: np.ndarray

    def take(self, index: np.ndarray) -> "Localisation":
        return Localisation(*(getattr(self, field.name)[index] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Cases:
    """Images, or breasts: truth and prediction, one entry (row) each.

    `truth` is 1..5, or 0 where the case does not count in the category figures (no single
    category known, or another kind of label). `low` and `high` are 1..5 for a label known as a
    range only, else 0. `malignant` is 1.0, 0.0 or NaN (pathology unknown), `malignancy` the score
    judged against it. `probabilities` is (n, 5) over `GRADES`, 0 for a grade the model lacks.
    """

    truth: np.ndarray
    category: np.ndarray
    probabilities: np.ndarray
    malignant: np.ndarray
    malignancy: np.ndarray
    in_scope: np.ndarray
    patients: np.ndarray
    low: np.ndarray
    high: np.ndarray
    localisation: Localisation | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, index: np.ndarray) -> "Cases":
        """The cases at `index` (a mask or positions)."""
        values = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "localisation"
        }
        where = self.localisation
        return Cases(**values, localisation=None if where is None else where.take(index))

    def counting(self, mask: np.ndarray) -> "Cases":
        """All the cases, but only those under `mask` count in the category figures."""
        return replace(self, truth=np.where(mask, self.truth, 0))

    @property
    def suspicion(self) -> np.ndarray:
        """P(BI-RADS >= 4), (n,)."""
        suspicion: FloatArray = self.probabilities[:, SUSPICIOUS - 1 :].sum(axis=1)
        return suspicion

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the predicted category, (n,)."""
        confidence: FloatArray = self.probabilities[np.arange(len(self)), self.category - 1]
        return confidence


# ---------------------------------------------------------------------------------- the figures


def figures(cases: Cases) -> dict[str, Any]:
    """All figures of the cases as JSON can hold them; see `DEFINITIONS` for what each means."""
    values = {name: _number(value[0]) for name, value in _figures(cases, _ones(cases)).items()}
    counted = cases.take(cases.truth > 0)
    confusion = _confusions(counted, _ones(counted))[0]
    localised = cases.localisation is not None and np.isfinite(cases.localisation.hit)
    result: dict[str, Any] = {
        "n": len(counted),
        "n_rows": len(cases),
        "n_pathology": int(np.isfinite(cases.malignant).sum()),
        "n_malignant": int((cases.malignant == 1).sum()),
        "n_interval": int((cases.low > 0).sum()),
        "n_boxes": int(np.sum(localised)),
        "n_patients": len(set(cases.patients.tolist())),
    }
    result |= {name: value for name, value in values.items() if name in DEFINITIONS}
    result["confusion_matrix"] = np.rint(confusion).astype(int).tolist()
    result["categories"] = list(GRADES)
    result["per_class"] = {
        str(grade): {
            "precision": values[f"precision_{grade}"],
            "recall": values[f"sensitivity_{grade}"],
            "sensitivity": values[f"sensitivity_{grade}"],
            "specificity": values[f"specificity_{grade}"],
            "f1": values[f"f1_{grade}"],
            "support": round(confusion[grade - 1].sum()),
            "ece": values[f"ece_{grade}"],
        }
        for grade in GRADES
    }
    result["baselines"] = {
        figure: {
            "box_area": values[f"{figure}/box_area"],
            "breast_centre": values[f"{figure}/breast_centre"],
            "untrained_network": values[f"{figure}/untrained_network"],
        }
        for figure in ("pointing_game", "energy_in_box")
    }
    return result


def intervals(
    cases: Cases, resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> dict[str, list[float] | None]:
    """Percentile bootstrap over patients: figure -> [low, high], or None where it has no spread.

    Patients are drawn with replacement, all images of a patient together, because two views of one
    breast are no two witnesses. Besides the scalar figures it holds ``sensitivity_4`` and the like.
    """
    return bootstrap(
        lambda weights: _figures(cases, weights), cases.patients, resamples, seed, level
    )


def bootstrap(
    figures_of: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    patients: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, list[float] | None]:
    """`intervals` of any figures: weights (b, n) in, name -> (b,) out. None of a single patient."""
    if len(set(patients.tolist())) < 2:
        return dict.fromkeys(figures_of(np.ones((1, len(patients)))))
    tails = (50 * (1 - level), 50 * (1 + level))
    drawn: dict[str, list[np.ndarray]] = {}
    for weights in _resample(patients, resamples, seed):
        for name, values in figures_of(weights).items():
            drawn.setdefault(name, []).append(values)
    return {name: _percentiles(np.concatenate(values), tails) for name, values in drawn.items()}


def with_intervals(
    figures_of: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    patients: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures themselves as JSON can hold them, and their `intervals`."""
    values = figures_of(np.ones((1, len(patients))))
    return {
        **{name: _number(value[0]) for name, value in values.items()},
        "intervals": bootstrap(figures_of, patients, resamples, seed),
    }


@dataclass(frozen=True)
class Difference:
    """a - b of one figure on the same cases, with its paired bootstrap interval (95 %)."""

    figure: str
    first: float | None
    second: float | None
    value: float | None
    low: float | None
    high: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out zero."""
        if self.low is None or self.high is None:
            return False
        return self.low > 0 or self.high < 0


def paired_bootstrap(
    figure: str, first: Cases, second: Cases, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Two models on the same cases, in the same order: does one beat the other in `figure`?

    Both are scored on the same draws of patients, so what makes a patient easy for both cancels.
    Raises ValueError where the cases are not the same ones, KeyError for an unknown figure.
    """
    return paired_differences((figure,), first, second, resamples, seed)[figure]


def paired_differences(
    names: Sequence[str], first: Cases, second: Cases, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Difference]:
    """`paired_bootstrap` of several figures on one set of draws."""
    same = len(first) == len(second) and np.array_equal(first.patients, second.patients)
    if not same or not np.array_equal(first.truth, second.truth):
        raise ValueError("paired comparison needs the same cases in the same order")
    one, other = _figures(first, _ones(first)), _figures(second, _ones(second))
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for weights in _resample(first.patients, resamples, seed):
        of_first, of_second = _figures(first, weights), _figures(second, weights)
        for name in names:
            drawn[name].append(of_first[name] - of_second[name])
    result = {}
    for name in names:
        low, high = _percentiles(np.concatenate(drawn[name]), (2.5, 97.5)) or (None, None)
        ours, theirs = one[name][0], other[name][0]
        result[name] = Difference(
            name, _number(ours), _number(theirs), _number(ours - theirs), low, high
        )
    return result


#: What each scalar figure means, in the order of the report's tables.
DEFINITIONS: Mapping[str, str] = {
    "coverage": "share of the rows that the scope gate accepts; the others are predicted and "
    "count all the same",
    "accuracy": "share of cases given the reader's category",
    "within_one_accuracy": "share of cases given the reader's category or one next to it",
    "macro_f1": "mean F1 over the categories that occur among the readers' labels",
    "qwk": "Cohen's kappa with quadratic weights, labels fixed 1…5",
    "macro_auc": "mean one-against-rest area under the ROC over the categories that occur",
    "auc_birads4plus": "area under the ROC of P(BI-RADS ≥ 4) for a reader's 4 or 5",
    "auc_malignant": "area under the ROC for malignant pathology, of the network's malignancy "
    "output where it has one, else of P(BI-RADS ≥ 4); every row with pathology",
    "mae": "mean distance between the category said and the reader's, in categories",
    "ece": "expected calibration error of the category said: 10 equal-width bins (low, high]",
    "brier": "mean over cases of the squared error summed over the categories (0 best, 2 worst)",
    "nll": "mean negative log-probability of the reader's category (floor 2.2e-16)",
    "sensitivity_4_and_5": "mean of the sensitivities of BI-RADS 4 and 5",
    "interval_accuracy": "share of cases whose label is only a range (such as 2…3) that were given "
    "a category within it",
    "pointing_game": "share of boxed images whose hottest heat-map point lies in a box, "
    "no tolerance",
    "energy_in_box": "mean share of the heat that lies in the boxes",
}


def _figures(cases: Cases, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every scalar figure under each weighting (b, n): name -> (b,), NaN where undefined."""
    result = {"coverage": mean(cases.in_scope, weights)}

    counts = cases.truth > 0
    counted, inner = cases.take(counts), weights[:, counts]
    truth, category, probabilities = counted.truth, counted.category, counted.probabilities
    confusions = _confusions(counted, inner)
    result |= _from_confusions(confusions)
    result["auc_birads4plus"] = auc(truth >= SUSPICIOUS, counted.suspicion, inner)
    result["macro_auc"] = _nanmean(
        [auc(truth == grade, probabilities[:, grade - 1], inner) for grade in GRADES]
    )
    expected = np.eye(len(GRADES))[truth - 1]
    result["brier"] = mean(((probabilities - expected) ** 2).sum(axis=1), inner)
    of_truth = (probabilities * expected).sum(axis=1)
    result["nll"] = mean(-np.log(np.maximum(of_truth, _SMALLEST)), inner)
    result["ece"] = _calibration_error(counted.confidence, category == truth, inner)
    for grade in GRADES:
        of_grade = probabilities[:, grade - 1]
        result[f"ece_{grade}"] = _calibration_error(of_grade, truth == grade, inner)

    known = np.isfinite(cases.malignant)
    result["auc_malignant"] = auc(
        cases.malignant[known] == 1, cases.malignancy[known], weights[:, known]
    )
    ranged = cases.low > 0
    within = (cases.category >= cases.low) & (cases.category <= cases.high)
    result["interval_accuracy"] = mean(within[ranged], weights[:, ranged])
    result |= _localised(cases.localisation, weights)
    return result


def _from_confusions(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """The figures that a confusion matrix tells; confusions (b, 5, 5), rows are the truth."""
    total = confusions.sum(axis=(1, 2))
    grades = np.array(GRADES)
    apart = np.abs(grades[:, None] - grades[None, :])
    result = {
        "accuracy": _ratio((confusions * (apart == 0)).sum(axis=(1, 2)), total),
        "within_one_accuracy": _ratio((confusions * (apart <= 1)).sum(axis=(1, 2)), total),
        "mae": _ratio((confusions * apart).sum(axis=(1, 2)), total),
        "qwk": kappa(confusions, power=2),
    }
    f1s = []
    for index, grade in enumerate(GRADES):
        hits = confusions[:, index, index]
        support = confusions[:, index, :].sum(axis=1)
        called = confusions[:, :, index].sum(axis=1)
        others = total - support
        result[f"precision_{grade}"] = _ratio(hits, called)
        result[f"sensitivity_{grade}"] = _ratio(hits, support)
        result[f"specificity_{grade}"] = _ratio(others - (called - hits), others)
        result[f"f1_{grade}"] = np.where(support > 0, _ratio(2 * hits, support + called), np.nan)
        f1s.append(result[f"f1_{grade}"])
    result["macro_f1"] = _nanmean(f1s)
    result["sensitivity_4_and_5"] = (result["sensitivity_4"] + result["sensitivity_5"]) / 2
    return result


def _localised(where: Localisation | None, weights: np.ndarray) -> dict[str, np.ndarray]:
    nothing = np.full(len(weights), np.nan)
    sources = {
        "pointing_game": "hit",
        "pointing_game/box_area": "area",
        "pointing_game/breast_centre": "centre_hit",
        "pointing_game/untrained_network": "untrained_hit",
        "energy_in_box": "energy",
        "energy_in_box/box_area": "area",
        "energy_in_box/breast_centre": "centre_energy",
        "energy_in_box/untrained_network": "untrained_energy",
    }
    result = {}
    for name, source in sources.items():
        values = None if where is None else getattr(where, source)
        if values is None:
            result[name] = nothing
        else:
            known = np.isfinite(values)
            result[name] = mean(values[known], weights[:, known])
    return result


def _confusions(cases: Cases, weights: np.ndarray) -> np.ndarray:
    """Confusion matrices (b, 5, 5) of cases that all count; rows are the truth."""
    size = len(GRADES)
    cell = (cases.truth - 1) * size + (cases.category - 1)
    matrices: FloatArray = (weights @ np.eye(size * size)[cell]).reshape(-1, size, size)
    return matrices


def kappa(confusion: np.ndarray, power: int) -> np.ndarray:
    """Cohen's kappa of confusion matrices (…, k, k) over evenly spaced labels.

    `power` 2 weighs disagreement by the squared distance, 0 by whether there is any. NaN where
    both raters said the same one thing throughout: agreement by chance is then total.
    """
    places = np.arange(confusion.shape[-1])
    apart = np.abs(places[:, None] - places[None, :])
    cost = (apart > 0).astype(float) if power == 0 else apart.astype(float) ** power
    total = confusion.sum(axis=(-2, -1))
    rows, columns = confusion.sum(axis=-1), confusion.sum(axis=-2)
    chance = _ratio((rows[..., :, None] * columns[..., None, :] * cost).sum(axis=(-2, -1)), total)
    return 1 - _ratio((confusion * cost).sum(axis=(-2, -1)), chance)


def auc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC: how often a positive scores above a negative, ties counting half.

    `positive` and `score` are (n,), `weights` (b, n); (b,) comes back, NaN where a weighting has
    one class only.
    """
    return _ratio(*_pairs(positive, score, weights))


def auc_within(
    strata: np.ndarray, positive: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """`auc` over the pairs whose two members lie in one stratum: what a score tells beyond it.

    The Mann-Whitney counts of all strata added up before they are divided, so each stratum weighs
    as many pairs as it has (van Elteren, Bull Inst Int Stat 37:351, 1960, weighs otherwise;
    compare the covariate-adjusted AUC of Janes and Pepe, Biometrika 96:371, 2009). `strata` (n,).
    """
    won, pairs = np.zeros((2, len(weights)))
    for stratum in np.unique(strata):
        inside = strata == stratum
        if len(np.unique(positive[inside])) == 2:
            more = _pairs(positive[inside], score[inside], weights[:, inside])
            won, pairs = won + more[0], pairs + more[1]
    return _ratio(won, pairs)


def _pairs(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of all pairs of a positive and a negative: those won, and how many there are; (b,) each."""
    if len(score) == 0:
        return np.zeros(len(weights)), np.zeros(len(weights))
    order = np.argsort(score, kind="stable")
    ranked, positive = score[order], positive[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # of each run of equal scores
    weights = weights[:, order]
    positives = np.add.reduceat(weights * positive, starts, axis=1)
    negatives = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives
    won = (positives * (below + negatives / 2)).sum(axis=1)
    return won, positives.sum(axis=1) * negatives.sum(axis=1)


# ----------------------------------------------------------------------------------- calibration


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose confidence fell in (low, high]; the means are None in an empty bin."""

    low: float
    high: float
    count: int
    confidence: float | None  #: mean probability of the predicted category
    accuracy: float | None  #: share of the bin that was right


def reliability(confidence: np.ndarray, correct: np.ndarray) -> tuple[ReliabilityBin, ...]:
    """The reliability diagram's bars, over the bins of the expected calibration error."""
    edges = np.linspace(0, 1, BIN_COUNT + 1)
    place = _bin_of(confidence)
    bins = []
    for index in range(BIN_COUNT):
        inside = place == index
        count = int(inside.sum())
        bins.append(
            ReliabilityBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                count=count,
                confidence=float(confidence[inside].mean()) if count else None,
                accuracy=float(correct[inside].mean()) if count else None,
            )
        )
    return tuple(bins)


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    """Bins are (low, high], Guo et al. 2017; an exact 0 joins the first."""
    edges = np.linspace(0, 1, BIN_COUNT + 1)
    place: Array = np.searchsorted(edges, confidence, side="left") - 1
    return np.clip(place, 0, BIN_COUNT - 1)


def _calibration_error(
    confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Mean gap between confidence and accuracy over the bins, (b,) for weights (b, n)."""
    gap = (confidence - correct)[:, None] * np.eye(BIN_COUNT)[_bin_of(confidence)]
    return _ratio(np.abs(weights @ gap).sum(axis=1), weights.sum(axis=1))


def reweight(probabilities: np.ndarray, prior_from: ArrayLike, prior_to: ArrayLike) -> np.ndarray:
    """Probabilities (n, k) as they would be at other class frequencies, by Bayes' rule.

    The images' likelihoods are kept, the priors (k,) are exchanged: Saerens, Latinne and
    Decaestecker 2002. Both priors are made to sum to 1; a class absent from `prior_from` stays at
    its probability times nothing, that is 0.
    """
    before = np.asarray(prior_from, float)
    before, after = before / before.sum(), np.asarray(prior_to, float) / np.sum(prior_to)
    ratio = np.divide(after, before, out=np.zeros_like(after), where=before > 0)
    scaled = probabilities * ratio
    total = scaled.sum(axis=1, keepdims=True)
    moved: FloatArray = np.divide(scaled, total, out=np.zeros_like(scaled), where=total > 0)
    return moved


def at_prevalence(probability: np.ndarray, measured: float, prevalence: float) -> np.ndarray:
    """A binary event's probabilities (n,) moved from the measured prevalence to another."""
    both = np.stack([1 - probability, probability], axis=1)
    return reweight(both, [1 - measured, measured], [1 - prevalence, prevalence])[:, 1]


# --------------------------------------------------------------------------------- decision curve


@dataclass(frozen=True)
class DecisionPoint:
    """One threshold of a decision curve (Vickers and Elkin 2006); benefits are per case."""

    threshold: float
    net_benefit: float
    net_benefit_all: float  #: of acting on every case; acting on none is worth 0
    avoided_per_100: float  #: net interventions avoided per 100 cases, against acting on all


def decision_curve(
    event: np.ndarray,
    probability: np.ndarray,
    thresholds: Iterable[float],
    prevalence: float | None = None,
) -> tuple[DecisionPoint, ...]:
    """Net benefit of acting where `probability` reaches a threshold in (0, 1), through `dcurves`.

    With `prevalence` the curve is that of a population in which the event is so frequent: the
    probabilities are re-weighted to it, and true and false positives weighed by it. Empty where
    only one class is present.
    """
    event = np.asarray(event, bool)
    if event.all() or not event.any():
        return ()
    import pandas  # both take seconds to import
    from dcurves import dca

    if prevalence is not None:
        probability = at_prevalence(probability, float(event.mean()), prevalence)
    table = dca(
        data=pandas.DataFrame({"event": event, "model": probability}),
        outcome="event",
        modelnames=["model"],
        thresholds=list(thresholds),
        prevalence=prevalence,
        nper=100,
    )
    model = table[table["model"] == "model"]
    everyone = table[table["model"] == "all"]
    return tuple(
        DecisionPoint(float(threshold), float(benefit), float(of_all), float(avoided))
        for threshold, benefit, of_all, avoided in zip(
            model["threshold"],
            model["net_benefit"],
            everyone["net_benefit"],
            model["net_intervention_avoided"],
            strict=True,
        )
    )


# ----------------------------------------------------------------------------------------- sums


def _ones(cases: Cases) -> np.ndarray:
    return np.ones((1, len(cases)))


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of values (n,) under each weighting (b, n): (b,), NaN where nothing weighs."""
    return _ratio(weights @ np.asarray(values, float), weights.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    ratio: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _nanmean(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of those that are defined; np.nanmean without its warning about none."""
    stacked = np.stack(values)
    defined = np.isfinite(stacked)
    return _ratio(np.where(defined, stacked, 0).sum(axis=0), defined.sum(axis=0))


def _resample(patients: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights (b, n): how often each case's patient was drawn; in chunks that fit in memory."""
    unique, place = np.unique(patients, return_inverse=True)
    generator = np.random.default_rng(seed)
    left = resamples
    while left > 0:
        count = min(left, max(1, _CHUNK // max(1, len(patients))))
        drawn = generator.multinomial(len(unique), np.full(len(unique), 1 / len(unique)), count)
        yield drawn[:, place].astype(float)
        left -= count


def _percentiles(values: np.ndarray, tails: tuple[float, float]) -> list[float] | None:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return None
    return [float(bound) for bound in np.percentile(defined, tails)]


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
