"""From logits to probabilities that mean what they say.

Balanced oversampling teaches a network wrong class frequencies and, being trained to the end, it is
over-confident. Vector scaling (a temperature and one offset per category, Guo et al. 2017) undoes
both; it is fitted on un-oversampled predictions for patients the network never saw. Views of one
breast are pooled as the mean of their logits, with a scaling of their own.
"""

from collections.abc import Callable
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
        return 1 / (1 + np.exp(-(np.asarray(logits, float) * self.slope + self.offset)))


@dataclass(frozen=True)
class Calibration:
    """Travels with a checkpoint; views and breasts are scaled apart."""

    view: Scaling
    breast: Scaling
    malignancy_view: LogisticScaling | None = None
    malignancy_breast: LogisticScaling | None = None
    population: Population | None = None  #: what it was fitted on; older checkpoints do not tell

    def view_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """`logits` (n, categories) to calibrated probabilities (n, categories)."""
        return self.view.probabilities(logits)

    def breast_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The logits (views, categories) of one breast to its probabilities (categories,).

        A single view is no pool: it keeps its own scaling.
        """
        scaling = self.view if len(logits) == 1 else self.breast
        probabilities: np.ndarray = scaling.probabilities(np.mean(logits, axis=0, keepdims=True))[0]
        return probabilities

    def view_malignancy(self, logits: np.ndarray) -> np.ndarray:
        """(n,) logits to calibrated probabilities of malignancy.

        As the next, raises ValueError where that was never calibrated.
        """
        return _known(self.malignancy_view).probabilities(logits)

    def breast_malignancy(self, logits: np.ndarray) -> float:
        scaling = self.malignancy_view if len(logits) == 1 else self.malignancy_breast
        return float(_known(scaling).probabilities(np.mean(logits)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibration":
        def scaling(part: dict[str, Any]) -> Scaling:
            return Scaling(float(part["slope"]), tuple(float(v) for v in part["offsets"]))

        def logistic(part: dict[str, Any] | None) -> LogisticScaling | None:
            return LogisticScaling(float(part["slope"]), float(part["offset"])) if part else None

        return cls(
            scaling(data["view"]),
            scaling(data["breast"]),
            logistic(data.get("malignancy_view")),
            logistic(data.get("malignancy_breast")),
            _population(data.get("population")),
        )

    @classmethod
    def identity(cls, categories: int, has_malignancy: bool) -> "Calibration":
        """No correction: for a network whose calibration has not been fitted yet."""
        plain = Scaling(1.0, (0.0,) * categories)
        logistic = LogisticScaling(1.0, 0.0) if has_malignancy else None
        return cls(plain, plain, logistic, logistic)


def _known(scaling: LogisticScaling | None) -> LogisticScaling:
    if scaling is None:
        raise ValueError("malignancy was never calibrated")
    return scaling


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


def _softmax(scores: np.ndarray) -> np.ndarray:
    weights: FloatArray = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return shares
