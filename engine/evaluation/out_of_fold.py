"""From five networks, each blind to one fold, to honest figures and one calibrated checkpoint.

Every image is predicted by the network that never saw its patient. Those predictions are calibrated
crosswise (fold k by the scaling fitted on the other four) and written as out_of_fold.csv, from
which `evaluate --predictions` makes the model card's figures. The network trained on all folds gets
the scaling fitted on all of them: the best estimate there is for patients it has not seen.

Of an ensemble (`networks.ensemble`) nothing is trained: what its members predicted of the rows that
they never saw is combined, fold by fold, and calibrated in the same way.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from engine.domain import MODEL_NAMES
from engine.errors import EngineError, InvalidData
from engine.evaluation.calibration_fit import (
    ENSEMBLE_SHRINKAGE,
    OFFSET_SHRINKAGE,
    cross_fitted,
    fit_calibration,
)
from engine.evaluation.fold_predictions import (
    Progress,
    after,
    folds_of,
    predict_fold,
    trained_network,
)
from engine.evaluation.joint_predictions import (
    build_ensemble,
    joint_predictions,
    score_joint_boxes,
)
from engine.evaluation.row_predictions import RowPrediction, prepared_row, write_predictions
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from engine.networks.ensemble import BOTH, Ensemble, save_ensemble
from engine.networks.models import HYBRID, LIGHT
from engine.networks.region_network import REGION
from engine.private_files import make_folder
from engine.training import dataset
from engine.training.dataset import ManifestRow

log = logging.getLogger(__name__)

_HEAT_ROWS = 120  #: suspicious images with a box whose maps set the heat-map's scale
_HEAT_PERCENTILE = 75  #: of those maps' maxima: a quarter of them reach the top of the scale


def heat_reference(checkpoint: Checkpoint | Ensemble, rows: Sequence[ManifestRow]) -> float:
    """The raw Grad-CAM value to draw as 1: a high maximum among clearly suspicious images."""
    from engine.networks import gradcam  # a machine that only trains may lack its library

    chosen = [row for row in rows if row.boxes and (row.birads_low or 0) >= 4]
    random = np.random.default_rng(0)
    chosen = [chosen[i] for i in random.permutation(len(chosen))[:_HEAT_ROWS]]
    maxima = []
    for row in chosen:
        item = prepared_row(row, checkpoint)
        if item.frames:
            maxima.append(float(gradcam.joint_map(checkpoint, item.frames).max()))
    reference = float(np.percentile(maxima, _HEAT_PERCENTILE)) if maxima else 0.0
    return reference or 1.0  # a network that is never suspicious has nothing to scale


def assemble(
    data: Path,
    runs: Path,
    out: Path,
    name: str,
    is_quick: bool = False,
    on_progress: Progress | None = None,
) -> None:
    """Writes `out`/NAME.safetensors, NAME.out_of_fold.csv and the entry in manifest.json.

    `runs` holds fold0 … and the final checkpoint, as `birads-engine train` left them. `is_quick`
    takes the logits that training left for the held-out rows it could teach (the same network on
    the same frames, in mixed precision), without looking at heat-maps.
    """
    rows = dataset.read(data).rows
    predictions: list[RowPrediction] = []
    for fold in folds_of(rows):
        on_row = on_progress and after(len(predictions), len(rows), on_progress)
        predictions += predict_fold(runs / f"fold{fold}", fold, rows, is_quick, on_row)
    final = trained_network(runs, None)
    calibration = _write_out_of_fold(out, name, predictions, final.identity.categories, rows)
    file = f"{name}.safetensors"
    digest = save_checkpoint(
        out / file,
        name,
        final.model,
        final.preprocessing,
        calibration,
        heat_reference(final.optimized_for_inference(), rows),
        {**final.provenance, "out_of_fold_rows": len(predictions)},
    )
    _enter(out, name, file, digest)


def assemble_ensemble(
    data: Path,
    runs: Path,
    beside: Path,
    out: Path,
    is_quick: bool = False,
) -> None:
    """Writes `out`/both.json, both.out_of_fold.csv and the entry in manifest.json.

    `runs` and `beside` hold the hybrids and the light networks; `out` their checkpoints, as
    `assemble` wrote them from these runs. Only the heat-map's scale asks a network: what was said
    of each fold is read from the members' predictions. How the joint heat-maps met the boxes is
    there for the folds for which `score_joint_boxes` was asked to look.
    """
    rows = dataset.read(data).rows
    files, members = _members(out)
    predictions = joint_predictions(runs, beside, members, rows, is_quick)
    for member, run_directory in zip(members, (runs, beside), strict=True):
        _refuse_other_weights(member, trained_network(run_directory, None))
    patients = {patient for member in members for patient in _patients(member)}
    uncalibrated = build_ensemble(members)
    calibration = _write_out_of_fold(
        out, BOTH, predictions, uncalibrated.identity.categories, rows, ENSEMBLE_SHRINKAGE
    )
    digest = save_ensemble(
        out / f"{BOTH}.json",
        files,
        members,
        calibration,
        heat_reference(uncalibrated.optimized_for_inference(), rows),
        {
            "training_patients": sorted(patients),
            "may_leak": any(member.provenance.get("may_leak") for member in members),
            "out_of_fold_rows": len(predictions),
        },
    )
    _enter(out, BOTH, f"{BOTH}.json", digest)


def _members(out: Path) -> tuple[list[str], list[Checkpoint]]:
    files = [f"{name}.safetensors" for name in (HYBRID, LIGHT)]
    return files, [load_checkpoint(out / file) for file in files]


def _write_out_of_fold(
    out: Path,
    name: str,
    predictions: Sequence[RowPrediction],
    categories: tuple[int, ...],
    rows: Sequence[ManifestRow],
    offset_shrinkage: float = OFFSET_SHRINKAGE,
) -> Calibration:
    """The honest figures' CSV; returns the calibration for patients that nobody has seen."""
    make_folder(out)
    honest = cross_fitted(predictions, categories, offset_shrinkage)
    write_predictions(out / f"{name}.out_of_fold.csv", honest, details=True)
    return fit_calibration(predictions, categories, rows, offset_shrinkage)


def _enter(out: Path, name: str, file: str, digest: str) -> None:
    manifest = out / "manifest.json"
    entries = json.loads(manifest.read_text("utf-8")) if manifest.is_file() else {}
    entries[name] = {"file": file, "sha256": digest}
    manifest.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", "utf-8")


def _refuse_other_weights(shipped: Checkpoint, trained: Checkpoint) -> None:
    theirs = trained.model.state_dict()
    same = shipped.model.state_dict().keys() == theirs.keys() and all(
        torch.equal(value, theirs[key]) for key, value in shipped.model.state_dict().items()
    )
    if not same:
        raise InvalidData(
            "Another network is shipped",
            f"{shipped.identity.name} was not assembled from these runs: assemble it first.",
        )


def _patients(checkpoint: Checkpoint) -> list[str]:
    patients: list[str] = checkpoint.provenance.get("training_patients", [])
    return patients


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", choices=(*MODEL_NAMES, REGION))
    parser.add_argument(
        "--data", type=Path, required=True, help="images.csv (region: lesions.csv) with folds"
    )
    parser.add_argument("--runs", type=Path, required=True, help="the --out of `train`, all folds")
    parser.add_argument("--out", type=Path, required=True, help="folder of the shipped checkpoints")
    parser.add_argument(
        "--beside",
        type=Path,
        help="of both: the --out of `train light`; --runs is that of `train hybrid`, and --out "
        "holds what was assembled of each",
    )
    parser.add_argument(
        "--fold",
        type=int,
        help="only predict this fold, for the others to follow; of both, only hold the joint "
        "heat-maps against the boxes",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use the logits that training left: no pointing game, no rows it could not teach",
    )


def run(arguments: argparse.Namespace) -> int:
    """`birads-engine out-of-fold`; returns the exit status."""
    import sys

    from tqdm import tqdm

    try:
        if (arguments.model == BOTH) != (arguments.beside is not None):
            raise InvalidData("--beside", "It goes with both, and both goes with it.")
        if arguments.model == REGION:
            from engine.evaluation import region_evaluation

            region_evaluation.assemble(arguments.data, arguments.runs, arguments.out)
            return 0
        with tqdm(desc="rows", file=sys.stderr, mininterval=2) as bar:

            def on_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            _run(arguments, on_progress)
    except EngineError as error:
        log.error("%s", error)
        return 1
    return 0


def _run(arguments: argparse.Namespace, on_progress: Progress) -> None:
    data, runs, beside, fold = arguments.data, arguments.runs, arguments.beside, arguments.fold
    is_quick = arguments.quick
    if fold is None and beside is None:
        assemble(data, runs, arguments.out, arguments.model, is_quick, on_progress)
    elif fold is None:
        assemble_ensemble(data, runs, beside, arguments.out, is_quick)
    else:
        rows, name = dataset.read(data).rows, f"fold{fold}"
        if beside is None:
            predict_fold(runs / name, fold, rows, False, on_progress)
        else:
            _, members = _members(arguments.out)
            score_joint_boxes(runs / name, beside / name, fold, members, rows, on_progress)
