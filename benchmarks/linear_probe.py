"""The floor: plain logistic regression on the frozen ResNet-50, on the same folds as the hybrid.

    python benchmarks/linear_probe.py --data DATA --backbone FILE --out DIR

Features are the mean and maximum of C3, C4 and C5 of the clean frames (the hybrid's own
preprocessing). One multinomial regression for the grade (reader's grades and proxy normals), one
binary for malignancy, each standardised, with the L2 strength that was best on the held-out fold 0
(1e-5 to 1e-2 were tried: the choice favours the probe). Writes DIR/probe.csv (the columns of
`evaluate`, plus `fold`). If training has left its C3 cache under DIR/cache it is used; `--config`
must then be the training's.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from engine.domain import NOTICE
from engine.networks.models import HYBRID, build_model
from engine.training import dataset
from engine.training.augmentation import make_frames
from engine.training.backbone import load_backbone
from engine.training.config import read_config
from engine.training.inputs import StoredInputs, autocast

CATEGORIES = (1, 2, 3, 4, 5)
STRENGTH = 1e-3  #: scikit-learn's C


def frozen_features(model, inputs: StoredInputs, count: int) -> np.ndarray:
    """float32 (rows, 2 * (512 + 1024 + 2048))."""
    parts = []
    with torch.inference_mode(), autocast(inputs.device, inputs.is_mixed):
        for start in range(0, count, 16):
            rows = np.arange(start, min(start + 16, count))
            c3, _ = inputs.load(np.zeros(len(rows), int), rows)
            c4 = model.layer3(c3)
            maps = (c3, c4, model.layer4(c4))
            pooled = [f(m) for m in maps for f in (_mean, _maximum)]
            parts.append(torch.cat(pooled, dim=1).float().numpy())
    return np.concatenate(parts)


def _mean(feature):
    return feature.float().mean(dim=(2, 3))


def _maximum(feature):
    return feature.float().amax(dim=(2, 3))


def fit(features, truth):
    """A standardised logistic regression.

    The rotation onto the principal axes loses nothing (there are fewer rows than features, and the
    L2 penalty does not care for rotations); it makes the fit five times faster.
    """
    regression = LogisticRegression(C=STRENGTH, max_iter=500)
    return make_pipeline(StandardScaler(), PCA(), regression).fit(features, truth)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, help="the configuration given to `train hybrid`")
    arguments = parser.parse_args()

    config = read_config(HYBRID, arguments.config)
    rows = dataset.read(arguments.data).rows
    model = build_model(HYBRID).to(memory_format=torch.channels_last)
    load_backbone(model, arguments.backbone)
    frames = make_frames(
        rows, config.preprocessing, config.augmentation, config.seed, arguments.out / "cache"
    )
    inputs = StoredInputs(model, frames, config.mixed_precision, torch.device("cpu"))
    features = frozen_features(model.eval(), inputs, len(rows))

    grade = np.array([row.birads if row.birads in CATEGORIES else 0 for row in rows])
    single = dataset.single_outcome_datasets(rows)
    outcome = np.array(
        [
            -1 if row.is_malignant is None or row.dataset in single else int(row.is_malignant)
            for row in rows
        ]
    )
    fold = np.array([row.fold for row in rows])
    probability = np.zeros((len(rows), len(CATEGORIES)))
    malignancy = np.zeros(len(rows))
    for k in sorted(set(fold)):
        held = fold == k
        known = ~held & (grade > 0)
        probe = fit(features[known], grade[known])
        columns = [CATEGORIES.index(value) for value in probe.classes_]
        probability[np.ix_(held, columns)] = probe.predict_proba(features[held])
        known = ~held & (outcome >= 0)
        probe = fit(features[known], outcome[known])
        malignancy[held] = probe.predict_proba(features[held])[:, 1]

    with (arguments.out / "probe.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        names = [f"p{c}" for c in CATEGORIES]
        head = ["file", "patient_id", "birads", "category", "confidence", *names]
        writer.writerow([*head, "p_malignant", "in_scope", "fold", "notice"])
        for index, row in enumerate(rows):
            p = probability[index]
            best = len(p) - 1 - int(np.argmax(p[::-1]))
            said = [row.file, row.patient_id, row.birads or "", CATEGORIES[best], p[best], *p]
            writer.writerow([*said, malignancy[index], True, row.fold, NOTICE])


if __name__ == "__main__":
    main()
