"""What the model card's network said of patients that it had not seen: what an archive is held
against, to see whether its images are like those that the card's figures are of."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.archive.tally import histogram
from engine.arrays import Array
from engine.evaluation.metrics import GRADES, SUSPICIOUS

ALL = "all of the card's data"


@dataclass(frozen=True, eq=False)
class CardDistribution:
    """Of the breasts of one collection."""

    categories: Array  #: counts of 1 to 5
    suspicion: Array  #: histogram of P(4 or 5)


def of(network: Path) -> Mapping[str, CardDistribution]:
    """By collection, all of them first; of a network's file, beside which its card's data lie."""
    path = network.with_suffix(".out_of_fold.csv")
    return read(path) if path.exists() else {}


def read(path: Path) -> Mapping[str, CardDistribution]:
    breasts: dict[tuple[str, str], tuple[str, list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            said = [row.get(f"breast_p{grade}") or "" for grade in GRADES]
            if any(said):  # out of scope, or of an unknown side
                collection = Path(row["file"]).parts[1]
                key = row["patient_id"], row["laterality"] or row["file"]
                breasts[key] = collection, [float(text or 0) for text in said]
    if not breasts:
        return {}
    collections = np.array([collection for collection, _ in breasts.values()])
    probabilities = np.array([said for _, said in breasts.values()])
    found = {ALL: _distribution(probabilities)}
    for name in np.unique(collections):
        found[str(name)] = _distribution(probabilities[collections == name])
    return found


def _distribution(probabilities: Array) -> CardDistribution:
    # a tie goes to the higher grade, as in `Prediction.category`
    category = 5 - np.argmax(probabilities[:, ::-1], axis=1)
    suspicion = probabilities[:, SUSPICIOUS - 1 :].sum(axis=1)
    return CardDistribution(
        np.bincount(category - 1, minlength=5), histogram(np.clip(suspicion, 0, 1))
    )
