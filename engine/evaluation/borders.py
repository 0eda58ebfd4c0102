"""What can be told of an image without looking at the breast: a baseline for every figure.

Cancers and other cases of an archive were often digitised in batches, or come from different
machines, and the stored grey values tell which: their range, how many levels are used, how black or
white the edges are. Fifteen such statistics of the whole stored image, which know no place inside
it but its four edges, are read by boosted trees, fold by fold and by patient. What they reach is
not mammography, and a network's figure is worth what it has beyond it (compare Zech et al., PLoS
Med 15:e1002683, 2018; DeGrave, Janizek and Lee, Nat Mach Intell 3:610, 2021).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.arrays import FloatArray
from engine.errors import EngineError
from engine.training.dataset import ManifestRow

STATISTICS = (
    *("levels used", "minimum", "maximum", "mean", "standard deviation"),
    *("mean of the top", "mean of the bottom", "mean of the left", "mean of the right"),
    *("maximum of the top", "maximum of the bottom"),
    *("maximum of the left", "maximum of the right"),
    *("share of 0", "share of 255"),
)
_EDGE = 0.02  #: of the image's side: how deep an edge is
_FOLDS = 5  #: where the manifest names none
#: Few and small trees: there are some thousand images. Fixed beforehand, not searched for.
_TREES: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


def statistics(image: np.ndarray) -> np.ndarray:
    """The fifteen `STATISTICS` of a stored grey image, uint8 (rows, columns); float64 (15,)."""
    counts = np.bincount(image.ravel(), minlength=256)
    grey = np.arange(256)
    used = np.flatnonzero(counts)
    mean = counts @ grey / image.size
    spread = np.sqrt(counts @ (grey - mean) ** 2 / image.size)
    high, wide = (max(1, round(_EDGE * side)) for side in image.shape)
    edges = (image[:high], image[-high:], image[:, :wide], image[:, -wide:])
    return np.array(
        [
            *(len(used), used[0], used[-1], mean, spread),
            *(edge.mean() for edge in edges),
            *(edge.max() for edge in edges),
            *(counts[0] / image.size, counts[255] / image.size),
        ],
        float,
    )


def sizes(row: ManifestRow) -> np.ndarray:
    """Rows, columns and shape (width over height) of the original; NaN where they are unknown."""
    unknown = float("nan")
    rows, columns = row.native_shape or (unknown, unknown)
    return np.array([rows, columns, row.aspect_ratio or unknown], float)


def of_rows(
    rows: Sequence[ManifestRow], on_progress: Callable[[int, int], None] | None = None
) -> np.ndarray:
    """float64 (rows, 15) of the images as `preprocessing.grey` gives them; NaN where unreadable."""
    from engine.networks import preprocessing
    from engine.training.dataset import read_row

    result = np.full((len(rows), len(STATISTICS)), np.nan)
    for number, row in enumerate(rows):
        try:
            result[number] = statistics(preprocessing.grey(*read_row(row)))
        except EngineError:
            continue
        finally:
            if on_progress is not None:
                on_progress(number + 1, len(rows))
    return result


def folds_of(rows: Sequence[ManifestRow]) -> np.ndarray:
    """The manifest's folds if it has two or more, else patients dealt out to `_FOLDS`; int (n,)."""
    named = [row.fold for row in rows]
    if None not in named and len(set(named)) > 1:
        return np.array(named, int)
    patients, place = np.unique([row.patient_id for row in rows], return_inverse=True)
    return np.random.default_rng(0).permutation(len(patients))[place] % _FOLDS


def cross_fitted(features: np.ndarray, malignant: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Each fold's log-odds of malignancy by trees grown on the other folds; float (n,).

    `features` (n, k) may hold NaN, `malignant` is bool (n,). NaN throughout where some fold's
    others have one outcome only.
    """
    result = np.full(len(malignant), np.nan)
    for fold in np.unique(folds):
        held = folds == fold
        result[held] = _grown(features[~held], malignant[~held])(features[held])
    return result if np.isfinite(result).all() else np.full(len(result), np.nan)


def lifted(
    score: np.ndarray, features: np.ndarray, malignant: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """The network's log-odds `score` (n,) joined by logistic regression with the trees'; (n,).

    Held out twice: neither the trees that score a fold's patients nor those from which the
    regression learns how far trees can be trusted have seen them. NaN where `cross_fitted` is.
    """
    from sklearn.linear_model import LogisticRegression

    names = np.unique(folds)
    outer = cross_fitted(features, malignant, folds)
    # inner[i] holds the log-odds by trees that saw neither the row's own fold nor names[i]
    inner = np.full((len(names), len(score)), np.nan)
    for i, first in enumerate(names):
        for j, second in enumerate(names[:i]):
            here, there = folds == first, folds == second
            rest = ~(here | there)
            if rest.any():
                grown = _grown(features[rest], malignant[rest])
                inner[j, here], inner[i, there] = grown(features[here]), grown(features[there])
    result = np.full(len(score), np.nan)
    for i, fold in enumerate(names):
        held = folds == fold
        taught = np.stack([score[~held], inner[i, ~held]], axis=1)
        if not np.isfinite(taught).all() or not np.isfinite(outer).all():
            return np.full(len(score), np.nan)
        joint = LogisticRegression(C=1e6).fit(taught, malignant[~held])
        result[held] = joint.decision_function(np.stack([score[held], outer[held]], axis=1))
    return result


def share_explained(features: np.ndarray, score: np.ndarray, folds: np.ndarray) -> float:
    """How much of a score's variance trees tell from the features, on held-out folds (R²).

    Zero or less: nothing. NaN for a score that is one value throughout.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    guess = np.full(len(score), np.nan)
    for fold in np.unique(folds):
        held = folds == fold
        used = telling(features[~held])
        trees = HistGradientBoostingRegressor(**_TREES)
        if used.any():
            trees.fit(features[~held][:, used], score[~held])
            guess[held] = trees.predict(features[held][:, used])
        else:
            guess[held] = score[~held].mean()
    spread = ((score - score.mean()) ** 2).sum()
    return float(1 - ((score - guess) ** 2).sum() / spread) if spread > 0 else float("nan")


def _grown(features: np.ndarray, malignant: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Trees as a function of features (m, k) to log-odds (m,); to NaN for a single outcome."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    used = telling(features)
    if len(np.unique(malignant)) < 2:
        return lambda asked: np.full(len(asked), np.nan)
    if not used.any():
        return lambda asked: np.zeros(len(asked))
    trees = HistGradientBoostingClassifier(**_TREES).fit(features[:, used], malignant)
    return lambda asked: trees.decision_function(asked[:, used])


def telling(features: np.ndarray) -> np.ndarray:
    """Which features vary, bool (k,): scikit-learn's bins need two values."""
    return np.array([len(np.unique(column[np.isfinite(column)])) > 1 for column in features.T])


def log_odds(probability: np.ndarray) -> np.ndarray:
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    odds: FloatArray = np.log(inside / (1 - inside))
    return odds
