"""Does calibration hold on a data set that it was not fitted on?

    python benchmarks/left_out.py MODEL --data DATA/images.csv --runs RUNS [--beside RUNS]

Takes the out-of-fold answers that `birads-engine out-of-fold` has left under RUNS. Each data set in
turn is judged with the scaling of the other folds and the other data sets only, beside the usual
cross-fitted one. The networks themselves did see other patients of that data set.
"""

import argparse
import logging
import sys
from pathlib import Path

from engine.evaluation import metrics
from engine.evaluation.calibration_fit import cross_fitted, fit_calibration
from engine.evaluation.fold_predictions import predict_fold
from engine.evaluation.joint_predictions import joint_predictions
from engine.evaluation.row_predictions import RowPrediction, recalibrated
from engine.evaluation.table import image_table
from engine.networks.checkpoint import load_checkpoint, shipped_checkpoint
from engine.networks.ensemble import BOTH
from engine.networks.models import HYBRID, LIGHT, build_model
from engine.training import dataset


def judged_by_others(
    predictions: list[RowPrediction], left_out: str, categories: tuple[int, ...]
) -> list[RowPrediction]:
    """The rows of `left_out`, calibrated by other patients of the other data sets."""
    rows = [p.row for p in predictions]
    said: list[RowPrediction] = []
    for fold in sorted({row.fold for row in rows}):
        taught = [p for p in predictions if p.row.fold != fold and p.row.dataset != left_out]
        asked = [p for p in predictions if p.row.fold == fold and p.row.dataset == left_out]
        said += recalibrated(asked, fit_calibration(taught, categories, rows))
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=(HYBRID, LIGHT, BOTH))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--beside", type=Path, help="of both: the light networks")
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    rows = dataset.read(arguments.data).rows
    predictions: list[RowPrediction] = []
    if arguments.beside is None:
        for fold in sorted({row.fold for row in rows}):
            predictions += predict_fold(arguments.runs / f"fold{fold}", fold, rows)
    else:
        members = [load_checkpoint(shipped_checkpoint(name)) for name in (HYBRID, LIGHT)]
        predictions += joint_predictions(arguments.runs, arguments.beside, members, rows)
    categories = build_model(HYBRID if arguments.model == BOTH else arguments.model).categories
    usual = cross_fitted(predictions, categories)
    names = ("auc_malignant", "qwk", "accuracy", "ece")
    head = (
        "| data set | calibration fitted on | views | AUC, malignant | quadratic kappa | accuracy"
    )
    sys.stdout.write(f"{head} | ECE |\n{'| --- ' * 7}|\n")
    for name in sorted({row.dataset for row in rows}):
        answers = {
            "all data sets": [p for p in usual if p.row.dataset == name],
            "the others": judged_by_others(predictions, name, categories),
        }
        for fitted, said in answers.items():
            cases = image_table(said).cases  # normals count as 1 here
            figures = metrics.figures(cases)
            told = ["–" if figures[key] is None else f"{figures[key]:.3f}" for key in names]
            sys.stdout.write(f"| {name} | {fitted} | {figures['n']} | {' | '.join(told)} |\n")


if __name__ == "__main__":
    main()
