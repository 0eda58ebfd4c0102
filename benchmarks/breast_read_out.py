"""Is cancer of a breast told better by a learnt reading of its two projections than by their mean?

    git show 5b4cae3:resources/checkpoints/light.out_of_fold.csv > light.csv
    python benchmarks/breast_read_out.py --data DATA/images.csv light=light.csv

Each NAME=FILE holds out-of-fold predictions of every view alone. Breasts seen in both projections;
each projection is the mean of its views, so that nothing can be told from how many there are, and
the other breast is not asked. What is learnt is learnt on the other folds, of all collections
together, each with an offset of its own, or the collection would be what is learnt; so a figure is
of one collection. It is of pairs within a fold: what the other folds teach differs by fold, and the
scores of two folds do not compare. Intervals: patients resampled, both readings on the same draw.
With several files each is judged on the breasts that all have, then all of them together, there
also beside what an ensemble says (`--ensemble resources/checkpoints/both.out_of_fold.csv`).
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.domain import ViewPosition
from engine.evaluation.metrics import auc_within, bootstrap
from engine.evaluation.row_predictions import RowPrediction, read_predictions
from engine.training import dataset

PROJECTIONS = (ViewPosition.CC, ViewPosition.MLO)
Breasts = dict[tuple[str, str], list[RowPrediction]]


def log_odds(probability: float) -> float:
    probability = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(probability / (1 - probability)))


def said_of(prediction: RowPrediction) -> tuple[float, float]:
    """Log-odds of cancer by the malignancy head, and of BI-RADS 4 or 5."""
    suspicion = sum(p for grade, p in prediction.probabilities.items() if grade >= 4)
    return log_odds(prediction.malignancy or 0.0), log_odds(suspicion)


def breasts_of(predictions: tuple[RowPrediction, ...]) -> Breasts:
    """Those with both projections and a known outcome, by patient and side."""
    groups: Breasts = {}
    for each in predictions:
        if each.row.laterality and each.row.view in PROJECTIONS and each.malignancy is not None:
            groups.setdefault((each.row.patient_id, each.row.laterality.value), []).append(each)
    return {
        key: views
        for key, views in groups.items()
        if {view.row.view for view in views} == set(PROJECTIONS)
        and views[0].row.is_malignant is not None
    }


def projections(views: list[RowPrediction]) -> np.ndarray:
    """(2, 2): of each projection the mean of what is said of its views."""
    return np.array(
        [
            np.mean([said_of(v) for v in views if v.row.view == place], axis=0)
            for place in PROJECTIONS
        ]
    )


#: Of (breasts, networks, 2 projections, 2 heads): what each reading is given.
FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "means of both heads": lambda said: said.mean(axis=2),
    "means, maxima": lambda said: np.concatenate([said.mean(axis=2), said.max(axis=2)], axis=2),
    "means, differences": lambda said: np.concatenate(
        [said.mean(axis=2), np.abs(said[:, :, 0] - said[:, :, 1])], axis=2
    ),
    "CC and MLO apart": lambda said: said,
}


def learnt(
    features: np.ndarray, truth: np.ndarray, folds: np.ndarray, is_boosted: bool
) -> np.ndarray:
    """(breasts,) scores, each by a model of the other folds."""
    score = np.zeros(len(truth))
    for fold in np.unique(folds):
        if is_boosted:
            model = HistGradientBoostingClassifier(
                max_iter=80,
                learning_rate=0.05,
                max_leaf_nodes=6,
                min_samples_leaf=30,
                random_state=0,
            )
        else:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
        inside = folds == fold
        model.fit(features[~inside], truth[~inside])
        score[inside] = model.predict_proba(features[inside])[:, 1]
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("predictions", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ensemble", type=Path, help="its out-of-fold predictions, read by breast")
    arguments = parser.parse_args()
    rows = dataset.read(arguments.data).rows
    of_networks: dict[str, Breasts] = {}
    for name, path in (text.split("=", 1) for text in arguments.predictions):
        of_networks[name] = breasts_of(read_predictions(Path(path), rows)[0])
    joint = breasts_of(read_predictions(arguments.ensemble, rows)[0]) if arguments.ensemble else {}
    known = [set(found) for found in (*of_networks.values(), joint) if found]
    keys = sorted(set.intersection(*known))
    single = dataset.single_outcome_datasets(rows)
    first = next(iter(of_networks.values()))
    keys = [key for key in keys if first[key][0].row.dataset not in single]
    labels = [[view.row for view in first[key]] for key in keys]
    truth = np.array([any(row.is_malignant for row in views) for views in labels])
    folds = np.array([views[0].fold for views in labels])
    patients = np.array([views[0].patient_id for views in labels])
    collections = np.array([views[0].dataset for views in labels])
    which = (collections[:, None] == np.unique(collections)).astype(float)
    said = np.array(
        [[projections(found[key]) for found in of_networks.values()] for key in keys]
    )  # (breasts, networks, projections, heads)
    chosen = {name: [place] for place, name in enumerate(of_networks)}
    if len(of_networks) > 1:
        chosen["together"] = list(range(len(of_networks)))
    sys.stdout.write("| | breasts (cancers) | reading | AUC | beside the mean |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- |\n")
    for name, places in chosen.items():
        part = said[:, places]
        readings = {"mean of all": part.mean(axis=(1, 2, 3))}
        for what, make in FEATURES.items():
            given = make(part).reshape(len(keys), -1)
            readings[f"{what}, logistic"] = learnt(np.hstack([given, which]), truth, folds, False)
        if joint and len(places) > 1:
            readings["as the ensemble reads them"] = np.array(
                [joint[key][0].breast_malignancy for key in keys]
            )
        everything = [make(part).reshape(len(keys), -1) for make in FEATURES.values()]
        readings["all of these, boosted trees"] = learnt(
            np.hstack([*everything, which]), truth, folds, True
        )
        for collection in sorted(set(collections)):
            inside = collections == collection
            shipped = readings["mean of all"][inside]
            for what, score in readings.items():

                def figures(
                    weights: np.ndarray,
                    score: np.ndarray = score[inside],
                    inside: np.ndarray = inside,
                    shipped: np.ndarray = shipped,
                ) -> dict[str, np.ndarray]:
                    one = auc_within(folds[inside], truth[inside], score, weights)
                    mean = auc_within(folds[inside], truth[inside], shipped, weights)
                    return {"auc": one, "gain": one - mean}

                value = {k: v[0] for k, v in figures(np.ones((1, inside.sum()))).items()}
                low, high = bootstrap(figures, patients[inside])["gain"] or (np.nan, np.nan)
                gain = f"{value['gain']:+.3f} ({low:+.3f} to {high:+.3f})"
                count = f"{inside.sum()} ({truth[inside].sum()})"
                sys.stdout.write(
                    f"| {name}, {collection} | {count} | {what} | {value['auc']:.3f} | {gain} |\n"
                )


if __name__ == "__main__":
    main()
