"""From logits to probabilities that mean what they say.

Balanced oversampling teaches a network wrong class frequencies and, being trained to the end, it is
over-confident. Vector scaling (a temperature and one offset per category, Guo et al. 2017) undoes
both; it is fitted on un-oversampled predictions for patients the network never saw.

The views of a breast are read together, as a reader does: its grade is the mean of their logits
with a scaling of its own; a view's grade lies half-way between what the network sees in that view
and what it sees in the breast; and cancer, a fact of the breast and not of a view, is told from
both heads of all its views.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.arrays import FloatArray
from engine.domain import Population, Shares

_SHRINKAGE = 2.0  #: nats per squared log-temperature or offset: keeps few data from running away


@dataclass(frozen=True)
class Scaling:
    """probabilities = softmax(logits * slope + offsets); one row of each per read-out."""

    slope: float
    offsets: tuple[float, ...]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """`logits` (n, categories) to probabilities (n, categories), float64."""
        return _softmax(np.asarray(logits, float) * self.slope + np.asarray(self.offsets))


@dataclass(frozen=True)
class LogisticScaling:
    """probability = sigmoid(logit * slope + offset)."""

    slope: float
    offset: float

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        score = np.asarray(logits, float) * self.slope + self.offset
        probability: np.ndarray = 1 / (1 + np.exp(-score))
        return probability


@dataclass(frozen=True, eq=False)
class ReadOut:
    """The calibrated read-out of one breast."""

    views: np.ndarray  #: (views, categories) probabilities
    breast: np.ndarray  #: (categories,) probabilities
    cancer: float | None  #: probability of cancer in this breast


@dataclass(frozen=True)
class CancerScaling:
    """From a network's malignancy head and grades to the probability of cancer in a breast."""

    head: LogisticScaling  #: of what the malignancy head says of one view
    one_view: LogisticScaling  #: of the evidence, where the breast has a single view
    breast: LogisticScaling  #: of the mean evidence of its views

    def evidence(self, malignancy: np.ndarray, suspicion: np.ndarray) -> np.ndarray:
        """(views,): the mean of the log-odds of cancer, by the malignancy head's logits (views,),
        and of BI-RADS 4 or 5, by its probabilities (views,).

        Either alone tells cancers of digital mammograms less well (docs/experiments.md).
        """
        odds: np.ndarray = _log_odds(self.head.probabilities(malignancy)) + _log_odds(suspicion)
        return odds / 2

    def probability(self, malignancy: np.ndarray, suspicion: np.ndarray) -> float:
        scaling = self.one_view if len(malignancy) == 1 else self.breast
        return float(scaling.probabilities(self.evidence(malignancy, suspicion).mean()))


@dataclass(frozen=True)
class Calibration:
    """Travels with a checkpoint; views and breasts are scaled apart."""

    view: Scaling
    breast: Scaling
    cancer: CancerScaling | None = None
    population: Population | None = None  #: what it was fitted on; older checkpoints do not tell

    def read_breast(
        self, logits: np.ndarray, malignancy: np.ndarray | None, categories: Sequence[int]
    ) -> ReadOut:
        """What the networks' outputs on the views of one breast come to.

        `logits` is (views, categories), at least one view; `malignancy` the logits (views,) of the
        malignancy head, or None where there is none or nobody has calibrated it.
        """
        alone = self.view.probabilities(logits)
        cancer = None
        if malignancy is not None and self.cancer is not None:
            cancer = self.cancer.probability(malignancy, suspicion(alone, categories))
        if len(logits) == 1:
            return ReadOut(alone, alone[0], cancer)
        breast = self.breast.probabilities(np.mean(logits, axis=0, keepdims=True))
        together = np.sqrt(alone * breast)
        return ReadOut(together / together.sum(axis=1, keepdims=True), breast[0], cancer)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibration":
        def scaling(part: dict[str, Any]) -> Scaling:
            return Scaling(float(part["slope"]), tuple(float(v) for v in part["offsets"]))

        def logistic(part: dict[str, Any]) -> LogisticScaling:
            return LogisticScaling(float(part["slope"]), float(part["offset"]))

        cancer = data.get("cancer")
        return cls(
            scaling(data["view"]),
            scaling(data["breast"]),
            None if cancer is None else CancerScaling(**{k: logistic(cancer[k]) for k in cancer}),
            _population(data.get("population")),
        )

    @classmethod
    def identity(cls, categories: int, has_malignancy: bool) -> "Calibration":
        """No correction: for a network whose calibration has not been fitted yet."""
        plain = Scaling(1.0, (0.0,) * categories)
        unit = LogisticScaling(1.0, 0.0)
        return cls(plain, plain, CancerScaling(unit, unit, unit) if has_malignancy else None)


def _population(data: dict[str, Any] | None) -> Population | None:
    """Raises `ValueError` for a share that is none, and so would break Bayes' rule."""
    if data is None:
        return None

    def shares(part: dict[str, Any]) -> Shares:
        suspicious, malignant = part["suspicious"], part.get("malignant")
        found = Shares(float(suspicious), None if malignant is None else float(malignant))
        if not all(0 <= share <= 1 for share in (found.suspicious, found.malignant or 0.0)):
            raise ValueError("no share")
        return found

    return Population(shares(data["views"]), shares(data["breasts"]))


def with_prevalence(probability: ArrayLike, share: float, wanted: float) -> FloatArray:
    """Bayes' rule: a probability calibrated where `share` had the finding, where `wanted` have it.

    The odds are multiplied by the ratio of the two prior odds, which takes for granted that images
    with the finding, and those without, look the same in both places. `probability` is a float or
    an array in [0, 1], which the result is shaped like; the shares are in (0, 1), else ValueError.
    """
    if not (0 < share < 1 and 0 < wanted < 1):
        raise ValueError("no prior odds")
    before: FloatArray = np.asarray(probability, float)
    factor = wanted / (1 - wanted) * (1 - share) / share
    moved = before * factor
    return moved / (moved + (1 - before))


def fit_scaling(logits: np.ndarray, allowed: np.ndarray, offset_shrinkage: float = 0.0) -> Scaling:
    """The scaling of least penalised negative log-likelihood.

    `logits` is (n, categories); `allowed` bool (n, categories) marks the categories that a row's
    label admits: one for a reader's grade, several for an interval label. `offset_shrinkage`, in
    nats per row and squared offset, pulls the offsets to 0: towards plain temperature scaling,
    which leaves every arg-max as it is.
    """
    logits = np.asarray(logits, float)
    rows, count = logits.shape
    pull = _SHRINKAGE + offset_shrinkage * rows

    def loss(parameters: np.ndarray) -> float:
        slope, offsets = np.exp(parameters[0]), parameters[1:]
        probability = _softmax(logits * slope + offsets)
        likelihood = np.log(np.clip((probability * allowed).sum(axis=1), 1e-12, None)).sum()
        penalty = _SHRINKAGE * parameters[0] ** 2 + pull * (offsets**2).sum()
        return float(-likelihood + penalty)

    best = _lowest(loss, 1 + count)
    return Scaling(float(np.exp(best[0])), tuple(float(v) for v in best[1:]))


def fit_logistic(logits: np.ndarray, truth: np.ndarray) -> LogisticScaling:
    """Platt scaling of `logits` (n,) to `truth` (n,) of 0 and 1."""
    logits, truth = np.asarray(logits, float), np.asarray(truth, float)

    def loss(parameters: np.ndarray) -> float:
        score = logits * np.exp(parameters[0]) + parameters[1]
        # log(1 + e^s) - truth * s, written so that neither end overflows
        loss = (np.logaddexp(0, score) - truth * score).sum()
        return float(loss + _SHRINKAGE * (parameters**2).sum())

    best = _lowest(loss, 2)
    return LogisticScaling(float(np.exp(best[0])), float(best[1]))


def _lowest(loss: Callable[[np.ndarray], float], parameters: int) -> np.ndarray:
    from scipy.optimize import minimize  # 40 MB that predicting has no use for

    lowest: np.ndarray = minimize(loss, np.zeros(parameters), method="L-BFGS-B").x
    return lowest


def suspicion(probabilities: np.ndarray, categories: Sequence[int]) -> np.ndarray:
    """P(BI-RADS 4 or 5), (views,), of probabilities (views, categories)."""
    suspicious: np.ndarray = probabilities[:, np.asarray(categories) >= 4].sum(axis=1)
    return suspicious


def _log_odds(probability: np.ndarray) -> np.ndarray:
    """Of probabilities cut to a million to one either way."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    odds: np.ndarray = np.log(probability / (1 - probability))
    return odds


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return shares
