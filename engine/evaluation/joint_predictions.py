"""What an ensemble says of rows that none of its members had seen: nothing is trained for it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from engine.domain import ModelIdentity
from engine.errors import InvalidData
from engine.evaluation.calibration_fit import fit_calibration
from engine.evaluation.fold_predictions import (
    Progress,
    folds_of,
    predict_fold,
    store,
    stored_predictions,
    trained_network,
)
from engine.evaluation.row_predictions import (
    BoxScorer,
    RowPrediction,
    logits_of,
    prepared_row,
    raw_prediction,
)
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import Checkpoint
from engine.networks.ensemble import BOTH, Ensemble
from engine.networks.models import HYBRID, LIGHT, NetworkOutput
from engine.training.dataset import ManifestRow


def joint_predictions(
    runs: Path,
    beside: Path,
    members: Sequence[Checkpoint],
    rows: Sequence[ManifestRow],
    is_quick: bool = False,
) -> list[RowPrediction]:
    """What hybrid and light network say together of rows that neither had seen, uncalibrated.

    What each said of a fold is calibrated by what it said of the others, and then joined, of the
    rows that both have. How the joint heat-maps met the boxes is there for the folds for which
    `score_joint_boxes` was asked to look.
    """
    folds = folds_of(rows)
    firsts, seconds = (
        [p for fold in folds for p in predict_fold(place / f"fold{fold}", fold, rows, is_quick)]
        for place in (runs, beside)
    )
    boxes = {
        p.row.file: p.boxes for fold in folds for p in _scored(runs / f"fold{fold}", fold, rows)
    }
    said: list[RowPrediction] = []
    for fold in folds:
        together = build_ensemble(
            [
                replace(
                    member,
                    calibration=fit_calibration(
                        [p for p in own if p.row.fold != fold], member.identity.categories, rows
                    ),
                )
                for member, own in zip(members, (firsts, seconds), strict=True)
            ]
        )
        others = {p.row.file: p for p in seconds if p.row.fold == fold}
        said += [
            _joint_prediction(first, others[first.row.file], together)
            for first in firsts
            if first.row.file in others
        ]
    return [replace(p, boxes=boxes.get(p.row.file)) for p in said]


def score_joint_boxes(
    run_dir: Path,
    beside: Path,
    fold: int,
    members: Sequence[Checkpoint],
    rows: Sequence[ManifestRow],
    on_progress: Progress | None = None,
) -> None:
    """How joint heat-maps of the networks under `run_dir` and `beside` meet the boxes of a fold.

    Left in `run_dir`/both.npz. The calibrations, which weigh the networks, are those of `members`.
    """
    fast = build_ensemble(
        [
            replace(trained_network(place, fold), calibration=member.calibration)
            for place, member in zip((run_dir, beside), members, strict=True)
        ]
    ).optimized_for_inference()
    said = [p for p in predict_fold(run_dir, fold, rows) if p.row.boxes]
    scorer = BoxScorer(fast, [p.row for p in said])
    scored = []
    for number, prediction in enumerate(said, start=1):
        scored.append(replace(prediction, boxes=scorer.score(prepared_row(prediction.row, fast))))
        if on_progress:
            on_progress(number, len(said))
    store(run_dir / "both.npz", scored, fast)


def _scored(run_dir: Path, fold: int, rows: Sequence[ManifestRow]) -> list[RowPrediction]:
    path = run_dir / "both.npz"
    held = [row for row in rows if row.fold == fold]
    return stored_predictions(path, held, ()) if path.is_file() else []


def _joint_prediction(
    first: RowPrediction, second: RowPrediction, ensemble: Ensemble
) -> RowPrediction:
    outputs = [
        NetworkOutput(
            torch.from_numpy(logits_of(p))[None],
            None if p.malignancy_logit is None else torch.tensor([p.malignancy_logit]).double(),
        )
        for p in (first, second)
    ]
    joint = raw_prediction(first.row, ensemble, ensemble.combined(outputs))
    reason = first.scope_reason or second.scope_reason
    return replace(joint, laterality=first.laterality, scope_reason=reason)


def build_ensemble(members: Sequence[Checkpoint]) -> Ensemble:
    """Members as one that nobody has calibrated yet."""
    if [member.identity.name for member in members] != [HYBRID, LIGHT]:
        raise InvalidData("No ensemble", "--runs must hold hybrids, --beside light networks.")
    categories = members[0].identity.categories
    digest = hashlib.sha256("".join(m.identity.sha256 for m in members).encode()).hexdigest()
    has_malignancy = all(m.calibration.cancer is not None for m in members)
    return Ensemble(
        members=tuple(members),
        identity=ModelIdentity(BOTH, digest, categories),
        calibration=Calibration.identity(len(categories), has_malignancy),
        heat_reference=1.0,
        provenance={},
    )
