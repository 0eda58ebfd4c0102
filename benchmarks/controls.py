"""The tables of docs/experiments.md, "Controls": what the networks' figures are worth.

    python benchmarks/controls.py --data DATA/images.csv \
        hybrid=resources/checkpoints/hybrid.out_of_fold.csv \
        light=resources/checkpoints/light.out_of_fold.csv

Each NAME=FILE is a network's out-of-fold predictions for rows of the manifest. What can be told
without the breast is measured on all rows with pathology, whether a network judged them or not.
`birads-engine evaluate` puts the same figures into its report, with their intervals.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from engine.evaluation import borders, controls
from engine.evaluation.controls import number, percent, with_bounds
from engine.evaluation.row_predictions import read_predictions
from engine.training import dataset


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in rows) + "\n"


def baselines(found: dict) -> str:
    lines = []
    for name, part in found.items():
        if part is None or part["statistics"] is None:
            continue
        alone, sized = part["statistics"], part["statistics_and_size"]
        for key in (k for k in alone if k.startswith("auc_malignant")):
            place = name + key.removeprefix("auc_malignant").replace("/", " ")
            count = f"{part['n']} ({part['n_cancers']})" if place == name else ""
            lines.append([place, count, with_bounds(alone, key), with_bounds(sized, key)])
    return table(
        ["", "views (cancers)", "AUC of fifteen statistics", "with the original's size"], lines
    )


def groups(name: str, found: dict) -> str:
    points = found["operating_points"] or {}
    lines = []
    for group, figures in controls.named_groups(found["groups"]):
        at = [
            part[group]
            and f"{percent(part[group]['cancers_called'])} of "
            f"{percent(part[group]['cancer_free_called'])}"
            if group in part
            else "–"
            for part in (points.get(str(budget), {}) for budget in controls.BUDGETS)
        ]
        lines.append(
            [
                group,
                f"{figures['n']} ({figures['n_cancers']})",
                with_bounds(figures, "auc_malignant"),
                with_bounds(figures, "auc_4_or_5"),
                percent(figures["cancer_free_called_4_or_5"]),
                percent(figures["cancers_called_4_or_5"]),
                percent(figures["graded_1_or_2_called_4_or_5"]),
                percent(figures["graded_1_or_2_called_1_or_2"]),
                *at,
            ]
        )
    for level, part in controls.finer_levels(found["within"]):
        aucs = [with_bounds(part, key) for key in ("auc_malignant", "auc_4_or_5")]
        lines.append([f"pairs within {level}", "", *aucs, *[""] * 6])
    return table(
        [
            *(name, "views (cancers)", "AUC, malignant", "AUC, label 4–5"),
            *("free called 4–5", "cancers called 4–5", "1–2 called 4–5", "1–2 called 1–2"),
            *(f"cancers of free called, ≤ {budget:.0%}" for budget in controls.BUDGETS),
        ],
        lines,
    )


def explained(said: dict[str, dict]) -> str:
    lines = []
    for name, found in said.items():
        for collection, part in found["without_the_breast"].items():
            for key, what in (("statistics", ""), ("statistics_and_size", ", with size")):
                if part is None or part[key] is None:
                    continue
                figures = part[key]
                low, high = figures["intervals"]["lift"]
                lines.append(
                    [
                        f"{name}, {collection}{what}",
                        number(figures["auc_of_the_network"]),
                        number(figures["auc_of_both"]),
                        f"{figures['lift']:+.3f} ({low:+.3f} to {high:+.3f})",
                        number(figures["correlation"]),
                        number(figures["correlation_in_cancers"]),
                        number(figures["correlation_in_cancer_free"]),
                        number(figures["partial_r2"]),
                        number(figures["share_explained"]),
                    ]
                )
    return table(
        [
            *("", "AUC, network", "with the statistics", "gained", "correlation", "in cancers"),
            *("in others", "partial R²", "share explained"),
        ],
        lines,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("predictions", nargs="*", metavar="NAME=FILE")
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    rows = dataset.read(arguments.data).rows
    with tqdm(total=len(rows), desc="images", file=sys.stderr, mininterval=2) as bar:
        statistics = borders.of_rows(rows, lambda *_: bar.update())
    place = {row.file: index for index, row in enumerate(rows)}
    sys.stdout.write(baselines(controls.without_the_breast(rows, statistics)) + "\n")
    said = {}
    for name, path in (text.split("=", 1) for text in arguments.predictions):
        predictions, _ = read_predictions(Path(path), rows)
        judged = statistics[[place[prediction.row.file] for prediction in predictions]]
        said[name] = controls.measure(predictions, statistics=judged)
        sys.stdout.write(groups(name, said[name]) + "\n")
    if said:
        sys.stdout.write(explained(said))


if __name__ == "__main__":
    main()
