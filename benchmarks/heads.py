"""What else the paper's features could have been read with: class weights, SMOTE, density.

    python benchmarks/heads.py --data DATA/images.csv --run RUNS/paper-2/01

`--run` is the folder of a row that `benchmarks/experiments.py paper-2` has trained, our mix split
by patient. Its dense-128 features of the clean frames are read anew by logistic regression. SMOTE
(Chawla et al. 2002) in this feature space and class weights stand in for the images that the paper
wants to synthesise, breast density (1 to 4, as the radiologist gave it) for its clinical data.
"""

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from experiments import as_paper_2, tell, tell_categories
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.evaluation.row_predictions import RowPrediction, recalibrated
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import load_checkpoint
from engine.training import dataset
from engine.training.augmentation import make_frames
from engine.training.config import PRESETS

STRENGTH = 0.1  #: scikit-learn's C, fixed beforehand
NEIGHBOURS = 5  #: of SMOTE, the original's


def dense_features(model, frames, rows: np.ndarray) -> np.ndarray:
    """float32 (rows, 128): what the last layer reads of the clean frames."""
    seen: list[np.ndarray] = []
    hook = model.dropout.register_forward_pre_hook(lambda _m, given: seen.append(given[0].numpy()))
    with torch.inference_mode():
        for part in np.array_split(rows, max(1, len(rows) // 32)):
            model(torch.from_numpy(frames.frames[0, part].astype(np.float32) / 255)[:, None])
    hook.remove()
    return np.concatenate(seen)


def smote(features: np.ndarray, grades: np.ndarray, random) -> tuple[np.ndarray, np.ndarray]:
    """Every grade filled up to the largest with points between a member and a near one."""
    largest = max(np.bincount(grades))
    parts, labels = [features], [grades]
    for grade in np.unique(grades):
        members = features[grades == grade]
        count, nearby = largest - len(members), min(NEIGHBOURS, len(members) - 1)
        if not count or not nearby:
            continue
        near = NearestNeighbors(n_neighbors=nearby + 1).fit(members).kneighbors(members)[1][:, 1:]
        chosen = random.integers(len(members), size=count)
        other = members[near[chosen, random.integers(nearby, size=count)]]
        way = random.random((count, 1))
        parts.append(members[chosen] + way * (other - members[chosen]))
        labels.append(np.full(count, grade))
    return np.concatenate(parts), np.concatenate(labels)


def densities(rows) -> np.ndarray:
    """float32 (rows, 4), one column for each of 1 to 4 or A to D; all 0 where it is not known."""
    known = {**{str(n): n - 1 for n in range(1, 5)}, **{c: n for n, c in enumerate("ABCD")}}
    coded = np.zeros((len(rows), 4), np.float32)
    for index, row in enumerate(rows):
        if row.density in known:
            coded[index, known[row.density]] = 1
    return coded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.run / "fold0" / "checkpoint.safetensors")
    config = checkpoint.provenance["config"]
    source, _ = as_paper_2(by_image=False)(dataset.read(arguments.data))[0]
    rows = source.rows
    base = PRESETS["light"]
    augmentation = type(base.augmentation)(**config["augmentation"])
    frames = make_frames(
        rows, checkpoint.preprocessing, augmentation, config["seed"], arguments.run / "cache"
    )
    everything = np.arange(len(rows))
    features = dense_features(checkpoint.model, frames, everything)
    grades = np.array([row.birads for row in rows])
    coded = densities(rows)
    is_test = np.array([row.fold == 0 for row in rows]) & frames.readable
    is_taught = ~is_test & frames.readable
    random = np.random.default_rng(1)
    more, more_grades = smote(features[is_taught], grades[is_taught], random)

    def read(name: str, taught, labels, asked, **options) -> tuple[str, list[RowPrediction]]:
        head = LogisticRegression(C=STRENGTH, max_iter=2000, **options)
        model = make_pipeline(StandardScaler(), head).fit(taught, labels)
        logits = model.predict_log_proba(asked)
        said = [
            RowPrediction(
                row=rows[index],
                probabilities=dict.fromkeys(checkpoint.identity.categories, float("nan")),
                category=0,
                laterality=None,
                logits=logits[number],
            )
            for number, index in enumerate(np.flatnonzero(is_test))
        ]
        plain = Calibration.identity(len(checkpoint.identity.categories), False)
        return name, list(recalibrated(said, plain))

    both = np.hstack([features, coded])
    own, test = features[is_taught], features[is_test]
    labels = grades[is_taught]
    answers = [
        read("its features, logistic regression", own, labels, test),
        read("with class weights", own, labels, test, class_weight="balanced"),
        read("with SMOTE", more, more_grades, test),
        read("with density", both[is_taught], labels, both[is_test]),
        read("density alone", coded[is_taught], labels, coded[is_test]),
    ]
    named = [(SimpleNamespace(name=name), said) for name, said in answers]
    sys.stdout.write(tell(named, graded_only=False) + "\n")
    for name, said in answers:
        sys.stdout.write("\n" + tell_categories(name, said) + "\n")


if __name__ == "__main__":
    main()
