"""Does the shipped lightweight network find more fours and fives than the paper's recipe?

    python benchmarks/experiments.py paper-2-folds --data DATA/images.csv --runs RUNS
    python benchmarks/against_the_paper.py --out-of-fold CSV --run RUNS/paper-2-folds/00

Both out of fold on the same folds, on the CBIS-DDSM views that their readers called 3, 4 or 5. A 1
is wrong for these. Intervals: patients resampled, both networks on the same draw.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

from engine.networks.models import LightweightCNN

DRAWS = 1000


def figures(truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
    found = {grade: float((said[truth == grade] == grade).mean()) for grade in (3, 4, 5)}
    high = truth >= 4
    return {
        "sensitivity, BI-RADS 3": found[3],
        "sensitivity, BI-RADS 4": found[4],
        "sensitivity, BI-RADS 5": found[5],
        "mean of the sensitivities of 4 and 5": (found[4] + found[5]) / 2,
        "share of all fours and fives named": float((said == truth)[high].mean()),
        "accuracy": float((said == truth).mean()),
        "quadratic kappa": float(cohen_kappa_score(truth, said, weights="quadratic")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out-of-fold", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    arguments = parser.parse_args()
    papers: dict[str, int] = {}
    for path in sorted(arguments.run.glob("fold*/held_out.npz")):
        with np.load(path) as stored:
            grades = np.array(LightweightCNN.categories)[stored["logits"].argmax(axis=1)]
            papers |= dict(zip(stored["files"].tolist(), grades.tolist(), strict=True))
    with arguments.out_of_fold.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if "cbis-ddsm" in r["file"]]
    rows = [row for row in rows if row["birads"] in ("3", "4", "5")]
    truth = np.array([int(row["birads"]) for row in rows])
    ours = np.array([int(row["category"]) for row in rows])
    paper = np.array([papers[row["file"]] for row in rows])
    patients = np.array([row["patient_id"] for row in rows])
    members = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    random = np.random.default_rng(0)
    draws = []
    for _ in range(DRAWS):
        chosen = np.concatenate(
            [members[i] for i in random.integers(len(members), size=len(members))]
        )
        one, other = figures(truth[chosen], ours[chosen]), figures(truth[chosen], paper[chosen])
        draws.append([one[name] - other[name] for name in one])
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    lines = [f"| {len(rows)} views | ours | the paper's recipe | difference (95 % interval) |"]
    lines.append("| --- " * 4 + "|")
    one, other = figures(truth, ours), figures(truth, paper)
    for index, name in enumerate(one):
        between = f"{one[name] - other[name]:+.3f} ({low[index]:+.3f} to {high[index]:+.3f})"
        lines.append(f"| {name} | {one[name]:.3f} | {other[name]:.3f} | {between} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
