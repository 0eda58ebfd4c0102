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

import numpy as np

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


@dataclass(frozen=True, eq=False)
class ReadOut:
    """The calibrated read-out of one breast."""

    views: np.ndarray  #: (views, categories) probabilities
    breast: np.ndarray  #: (categories,) probabilities
    cancer: float | None  #: probability of cancer in this breast


@dataclass(frozen=True)
class Calibration:
    """Travels with a checkpoint; views and breasts are scaled apart."""

    view: Scaling
    breast: Scaling
    malignancy: LogisticScaling | None = None  #: of what the malignancy head says of one view
    cancer_one_view: LogisticScaling | None = None  #: of `_evidence`, where a breast has one view
    cancer: LogisticScaling | None = None  #: of the mean `_evidence` of its views
    population: Population | None = None  #: what it was fitted on; older checkpoints do not tell

    def read_breast(
        self, logits: np.ndarray, malignancy: np.ndarray | None, categories: Sequence[int]
    ) -> "ReadOut":
        """What the networks' outputs on the views of one breast come to.

        `logits` is (views, categories), at least one view; `malignancy` the logits (views,) of the
        malignancy head, or None where there is none or nobody has calibrated it.
        """
        alone = self.view.probabilities(logits)
        cancer = None
        if malignancy is not None and self.cancer is not None:
            evidence = self.evidence(logits, malignancy, categories).mean()
            scaling = self.cancer_one_view if len(logits) == 1 else self.cancer
            cancer = float(scaling.probabilities(evidence))
        if len(logits) == 1:
            return ReadOut(alone, alone[0], cancer)
        breast = self.breast.probabilities(np.mean(logits, axis=0, keepdims=True))
        together = np.sqrt(alone * breast)
        return ReadOut(together / together.sum(axis=1, keepdims=True), breast[0], cancer)

    def evidence(
        self, logits: np.ndarray, malignancy: np.ndarray, categories: Sequence[int]
    ) -> np.ndarray:
        """(views,): the log-odds of cancer by the malignancy head and of BI-RADS 4 or 5, halved.

        Either alone tells cancers of digital mammograms less well (docs/experiments.md).
        """
        suspicious = np.asarray(categories) >= 4
        suspicion = self.view.probabilities(logits)[:, suspicious].sum(axis=1)
        return (_log_odds(self.malignancy.probabilities(malignancy)) + _log_odds(suspicion)) / 2

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> "Calibration":
        def scaling(part: dict) -> Scaling:
            return Scaling(float(part["slope"]), tuple(float(v) for v in part["offsets"]))

        def logistic(part: dict | None) -> LogisticScaling | None:
            return part and LogisticScaling(float(part["slope"]), float(part["offset"]))

        return cls(
            scaling(data["view"]),
            scaling(data["breast"]),
            logistic(data.get("malignancy")),
            logistic(data.get("cancer_one_view")),
            logistic(data.get("cancer")),
            _population(data.get("population")),
        )

    @classmethod
    def identity(cls, categories: int, has_malignancy: bool) -> "Calibration":
        """No correction: for a network whose calibration has not been fitted yet."""
        plain = Scaling(1.0, (0.0,) * categories)
        logistic = LogisticScaling(1.0, 0.0) if has_malignancy else None
        return cls(plain, plain, logistic, logistic, logistic)


def _population(data: dict | None) -> Population | None:
    """Raises `ValueError` for a share that is none, and so would break Bayes' rule."""
    if data is None:
        return None

    def shares(part: dict) -> Shares:
        suspicious, malignant = part["suspicious"], part.get("malignant")
        found = Shares(float(suspicious), None if malignant is None else float(malignant))
        if not all(0 <= share <= 1 for share in (found.suspicious, found.malignant or 0.0)):
            raise ValueError("no share")
        return found

    return Population(shares(data["views"]), shares(data["breasts"]))


def with_prevalence(probability, share: float, wanted: float):
    """Bayes' rule: a probability calibrated where `share` had the finding, where `wanted` have it.

    The odds are multiplied by the ratio of the two prior odds, which takes for granted that images
    with the finding, and those without, look the same in both places. `probability` is a float or
    an array in [0, 1]; the shares are in (0, 1), else ValueError.
    """
    if not (0 < share < 1 and 0 < wanted < 1):
        raise ValueError("no prior odds")
    probability = np.asarray(probability, float)
    factor = wanted / (1 - wanted) * (1 - share) / share
    moved = probability * factor
    return moved / (moved + (1 - probability))


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
        return -likelihood + _SHRINKAGE * parameters[0] ** 2 + pull * (offsets**2).sum()

    best = _lowest(loss, 1 + count)
    return Scaling(float(np.exp(best[0])), tuple(float(v) for v in best[1:]))


def fit_logistic(logits: np.ndarray, truth: np.ndarray) -> LogisticScaling:
    """Platt scaling of `logits` (n,) to `truth` (n,) of 0 and 1."""
    logits, truth = np.asarray(logits, float), np.asarray(truth, float)

    def loss(parameters: np.ndarray) -> float:
        score = logits * np.exp(parameters[0]) + parameters[1]
        # log(1 + e^s) - truth * s, written so that neither end overflows
        return (np.logaddexp(0, score) - truth * score).sum() + _SHRINKAGE * (parameters**2).sum()

    best = _lowest(loss, 2)
    return LogisticScaling(float(np.exp(best[0])), float(best[1]))


def _lowest(loss: Callable[[np.ndarray], float], parameters: int) -> np.ndarray:
    from scipy.optimize import minimize  # 40 MB that asking a network has no use for

    return minimize(loss, np.zeros(parameters), method="L-BFGS-B").x


def _log_odds(probability: np.ndarray) -> np.ndarray:
    """Of probabilities cut to a million to one either way."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(probability / (1 - probability))


def _softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.max(axis=1, keepdims=True)
    weights = np.exp(scores)
    return weights / weights.sum(axis=1, keepdims=True)
