"""Trainings that differ in one thing, on the same held-out rows: is another better than the first?

    python benchmarks/paired_runs.py --data DATA/images.csv photographs=RUNS/photographs \
        lesions=RUNS/lesions

Each NAME=RUNS is the --out of `birads-engine train`, with one fold or more; the folds that all have
are judged, from the held_out.npz that training left: raw logits of one look. AUCs for malignancy
are of pairs within a fold, since two networks' logits do not compare; a breast's score is the mean
of its views' log-odds of cancer and of BI-RADS 4 or 5. Intervals: patients resampled, both networks
on the same draw; what another seed would have given is not in them. Last, how the malignancy output
correlates with what is told of each image without the breast (`engine.evaluation.borders`, trees of
the other folds): a gain that comes with a rise of it is the archive's.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from engine.evaluation import borders
from engine.evaluation.metrics import auc_within, bootstrap
from engine.training import dataset
from engine.training.dataset import ManifestRow

Said = dict[str, tuple[float, float]]  #: by file: log-odds of cancer, and of BI-RADS 4 or 5


def read_fold(directory: Path) -> Said:
    with np.load(directory / "held_out.npz") as stored:
        logits, malignancy = stored["logits"].astype(float), stored["malignancy"].astype(float)
        files = stored["files"].tolist()
    suspicious = np.logaddexp(logits[:, -2], logits[:, -1])  # the last two grades are 4 and 5
    rest = np.logaddexp.reduce(logits[:, :-2], axis=1)
    return dict(zip(files, zip(malignancy, suspicious - rest, strict=True), strict=True))


def of_breasts(rows: list[ManifestRow], said: np.ndarray) -> np.ndarray:
    """(views,): the mean of both heads over all views of each one's breast."""
    breasts = [(row.patient_id, row.laterality) for row in rows]
    place = {breast: number for number, breast in enumerate(dict.fromkeys(breasts))}
    index = np.array([place[breast] for breast in breasts])
    mean = np.bincount(index, said.mean(axis=1)) / np.bincount(index)
    return mean[index]


def without_the_breast(collection: list[ManifestRow], rows: list[ManifestRow]) -> np.ndarray:
    """(rows,): log-odds of cancer by border statistics, taught on the collection's other folds."""
    known = [row for row in collection if row.is_malignant is not None]
    malignant = np.array([row.is_malignant for row in known], bool)
    score = borders.cross_fitted(borders.of_rows(known), malignant, borders.folds_of(known))
    place = {row.file: number for number, row in enumerate(known)}
    return score[[place[row.file] for row in rows]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", metavar="NAME=RUNS")
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    all_rows = dataset.read(arguments.data).rows
    places = {name: Path(path) for name, path in (text.split("=", 1) for text in arguments.runs)}
    folds = [
        fold
        for fold in sorted({row.fold for row in all_rows if row.fold is not None})
        if all((place / f"fold{fold}" / "held_out.npz").is_file() for place in places.values())
    ]
    by_file: dict[str, Said] = {
        name: {k: v for fold in folds for k, v in read_fold(place / f"fold{fold}").items()}
        for name, place in places.items()
    }
    sys.stdout.write(f"Folds {', '.join(map(str, folds))}.\n\n")
    sys.stdout.write(
        "| | views (cancers) | malignancy | difference | P(4 or 5) | difference "
        "| breast, both heads | difference | correlation |\n" + "| --- " * 9 + "|\n"
    )
    single = dataset.single_outcome_datasets(all_rows)
    known = [row for row in all_rows if row.fold in folds and row.is_malignant is not None]
    for collection in sorted({row.dataset for row in known} - set(single)):
        rows = [
            row
            for row in known
            if row.dataset == collection and all(row.file in said for said in by_file.values())
        ]
        guess = without_the_breast([r for r in all_rows if r.dataset == collection], rows)
        truth = np.array([bool(row.is_malignant) for row in rows])
        fold_of = np.array([row.fold for row in rows])
        scores = {}
        for name, found in by_file.items():
            said = np.array([found[row.file] for row in rows])
            scores[name] = [said[:, 0], said[:, 1], of_breasts(rows, said)]
        first = next(iter(scores.values()))
        for name, own in scores.items():

            def figures(
                weights: np.ndarray,
                own: list[np.ndarray] = own,
                first: list[np.ndarray] = first,
                truth: np.ndarray = truth,
                fold_of: np.ndarray = fold_of,
            ) -> dict[str, np.ndarray]:
                ours, theirs = (
                    [auc_within(fold_of, truth, score, weights) for score in scores]
                    for scores in (own, first)
                )
                return {
                    str(i): a - b for i, (a, b) in enumerate(zip(ours, theirs, strict=True))
                } | {f"auc{i}": a for i, a in enumerate(ours)}

            value = figures(np.ones((1, len(rows))))
            bounds = bootstrap(figures, np.array([row.patient_id for row in rows]))
            cells = [f"{name}, {collection}", f"{len(rows)} ({truth.sum()})"]
            for i in range(3):
                low, high = bounds[str(i)] or (np.nan, np.nan)
                cells.append(f"{value[f'auc{i}'][0]:.3f}")
                cells.append(
                    "" if own is first else f"{value[str(i)][0]:+.3f} ({low:+.3f} to {high:+.3f})"
                )
            cells.append(f"{np.corrcoef(own[0], guess)[0, 1]:.3f}")
            sys.stdout.write("| " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
