"""What the region network's score hangs on, on lesions and tissue of patients it never saw.

    python -m benchmarks.region_controls DATA RUNS [--each N]

DATA holds lesions.csv and images.csv, RUNS the fold networks of `birads-engine train region`. Every
N-th crop is asked about as it is; by its middle (0.7 of each side, as by a reader who draws
closely); as coarse as a whole view (0.28 mm), beside healthy tissue of the same films, which exists
at no other resolution; and by its corner beside a middle of the same size. The tissue itself should
not tell whose film has a cancer: CBIS-DDSM was digitised in batches. Raw logits.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engine.evaluation import metrics
from engine.networks.region_network import cut, load_region_checkpoint
from engine.training.lesions import KINDS, read_crop, read_lesions
from engine.training.region_training import (
    RegionTrainingConfig,
    background_regions,
    film_views,
)

COARSE_MM = 0.28  #: the mean of rows and columns of the whole views
SMALL = 0.25  #: of each side: a corner of a box that holds an oval lesion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--each", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lesions = read_lesions(arguments.data / "lesions.csv")
    said: dict[str, list[float]] = {}
    rows, tissue = [], []
    for fold in sorted({row.label.fold for row in lesions}):
        path = arguments.runs / f"fold{fold}" / "checkpoint.safetensors"
        if not path.is_file():
            sys.stderr.write(f"no network for fold {fold}\n")
            continue
        checkpoint = load_region_checkpoint(path)
        held = [row for row in lesions if row.label.fold == fold]
        for row in held[:: arguments.each]:
            rows.append(row)
            grey, spacing = read_crop(row)
            for name, (part, mm) in variants(grey, spacing).items():
                answer = checkpoint.predict(cut(part, mm, checkpoint.config)[None])[1][0]
                said.setdefault(name, []).append(float(answer))
        views, native = film_views(arguments.data / "images.csv", None)
        for number, view in enumerate(view for view in views if view.fold == fold):
            config = replace(RegionTrainingConfig(), seed=number)
            for region in background_regions([view], native, held, config, each=1):
                frame = cut(region.grey, region.spacing_mm, checkpoint.config)
                tissue.append(
                    (float(checkpoint.predict(frame[None])[1][0]), bool(view.is_malignant))
                )
    report(rows, {name: np.array(values) for name, values in said.items()}, tissue)


def variants(grey: np.ndarray, spacing: tuple[float, float]) -> dict:
    """Name -> (grey, spacing) of what is asked about."""
    size = [max(4, round(n * mm / COARSE_MM)) for n, mm in zip(grey.shape, spacing, strict=True)]
    coarse_mm = tuple(n * mm / k for n, mm, k in zip(grey.shape, spacing, size, strict=True))
    coarse = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA)
    rows, columns = (max(8, round(n * SMALL)) for n in grey.shape)
    return {
        "as it is": (grey, spacing),
        "its middle, 0.7 of each side": (_middle(grey, 0.7), spacing),
        "coarse": (coarse, coarse_mm),
        "a corner": (grey[:rows, :columns], spacing),
        "a middle as small": (_middle(grey, SMALL), spacing),
    }


def _middle(grey: np.ndarray, share: float) -> np.ndarray:
    kept = [max(8, round(n * share)) for n in grey.shape]
    top, left = ((n - k) // 2 for n, k in zip(grey.shape, kept, strict=True))
    return np.ascontiguousarray(grey[top : top + kept[0], left : left + kept[1]])


def report(rows, said: dict[str, np.ndarray], regions: list[tuple[float, bool]]) -> None:
    tissue = np.array([score for score, _ in regions])
    of_cancers = np.array([is_malignant for _, is_malignant in regions])
    malignant = np.array([bool(row.label.is_malignant) for row in rows])
    size = np.array([np.log(np.prod(row.size_mm)) for row in rows])
    kinds = {kind: np.array([row.abnormality == kind for row in rows]) for kind in KINDS}
    counts = ", ".join(f"{kind} ({inside.sum()})" for kind, inside in kinds.items())
    lines = [f"{counts}, {len(tissue)} regions of healthy tissue"]

    def tell(what: str, figure: Callable[[np.ndarray], float]) -> None:
        lines.append(f"| {what} | " + " | ".join(f"{figure(i):.3f}" for i in kinds.values()) + " |")

    for name, score in said.items():
        tell(f"AUC malignant, {name}", lambda i, score=score: auc(malignant[i], score[i]))
    tell("AUC malignant, the crop's size alone", lambda i: auc(malignant[i], size[i]))
    tell(
        "correlation of score and size",
        lambda i: np.corrcoef(said["as it is"][i], size[i])[0, 1],
    )
    for name, wanted in (("malignant", True), ("benign", False)):
        tell(
            f"AUC {name} against healthy tissue, both coarse",
            lambda i, wanted=wanted: above(said["coarse"][i & (malignant == wanted)], tissue),
        )
    tell(
        "malignant: small middle above its corner",
        lambda i: np.mean((said["a middle as small"] > said["a corner"])[i & malignant]),
    )
    for name, wanted in (("malignant", True), ("benign", False)):
        tell(
            f"median logit, {name}",
            lambda i, wanted=wanted: np.median(said["as it is"][i & (malignant == wanted)]),
        )
    tell("median logit, corners", lambda i: np.median(said["a corner"][i]))
    lines.append(f"median logit of healthy tissue: {np.median(tissue):.3f}")
    lines.append(f"AUC of it, films with a cancer against others: {auc(of_cancers, tissue):.3f}")
    sys.stdout.write("\n".join(lines) + "\n")


def above(score: np.ndarray, tissue: np.ndarray) -> float:
    truth = np.concatenate([np.ones(len(score), bool), np.zeros(len(tissue), bool)])
    return auc(truth, np.concatenate([score, tissue]))


def auc(positive: np.ndarray, score: np.ndarray) -> float:
    return float(metrics.auc(positive, score, np.ones((1, len(score))))[0])


if __name__ == "__main__":
    main()
