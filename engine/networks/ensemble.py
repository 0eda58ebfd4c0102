"""Two networks predict as one, and each still says what it says alone.

Networks taught by few images err much by chance; a second one of another kind evens that out
(docs/experiments.md). An ensemble is a small JSON file that names its members to the byte and holds
what is its own: how their joint prediction is calibrated, and where its heat-map ends. Each member
is an ordinary checkpoint beside it, with a frame, a network and a calibration of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from engine.domain import ModelIdentity
from engine.messages import message
from engine.networks import preprocessing
from engine.networks.calibration import Calibration
from engine.networks.checkpoint import (
    Checkpoint,
    check_shipped_hash,
    load_checkpoint,
    read_bounded,
    refused,
    write_at_once,
)
from engine.networks.models import NetworkOutput, mean_of
from engine.networks.preprocessing import Geometry

BOTH = "both"
FORMAT = 1
_SIZE_LIMIT = 1 << 24  #: bytes; ours have some 30 kB, patients' hashes among them

#: What one member is shown, float32 (1, height, width), and where in the image it comes from.
Frame = tuple[np.ndarray, Geometry]


@dataclass(frozen=True)
class Ensemble:
    """Checkpoints whose joint prediction is calibrated as one; it predicts like a `Checkpoint`.

    The first member's categories are the ensemble's, and hold all of the others'.
    """

    members: tuple[Checkpoint, ...]
    identity: ModelIdentity
    calibration: Calibration
    heat_reference: float
    provenance: dict[str, Any]

    def optimized_for_inference(self) -> "Ensemble":
        return replace(self, members=tuple(m.optimized_for_inference() for m in self.members))

    def combined(self, outputs: Sequence[NetworkOutput]) -> NetworkOutput:
        """The members' outputs as one, in their order: of what each says calibrated, for a network
        that is more outspoken is not more often right."""
        first, *others = (
            _calibrated(output, member.calibration)
            for output, member in zip(outputs, self.members, strict=True)
        )
        for output, member in zip(others, self.members[1:], strict=True):
            shared = [self.identity.categories.index(c) for c in member.identity.categories]
            first = _mean(first, output, shared)
        return first


def _calibrated(output: NetworkOutput, calibration: Calibration) -> NetworkOutput:
    """A view's output with the calibrated log-probabilities and log-odds as its logits."""
    offsets = output.logits.new_tensor(calibration.view.offsets)
    logits = (output.logits * calibration.view.slope + offsets).log_softmax(dim=1)
    if output.malignancy is None or calibration.cancer is None:
        return NetworkOutput(logits)
    scaling = calibration.cancer.head
    return NetworkOutput(logits, output.malignancy * scaling.slope + scaling.offset)


def _mean(first: NetworkOutput, second: NetworkOutput, shared: list[int]) -> NetworkOutput:
    """Of the grades that both know, the mean of their logits decides; how likely a grade is that
    only the first knows, the first says alone. `shared` are the second's among the first's."""
    alone = first.logits[:, shared]
    mean = (alone + second.logits) / 2
    logits: Tensor = first.logits.clone()
    logits[:, shared] = (
        mean
        - mean.logsumexp(dim=1, keepdim=True)  # shares the same probability as `first` does
        + alone.logsumexp(dim=1, keepdim=True)
    )
    return NetworkOutput(logits, mean_of(first.malignancy, second.malignancy))


def frames_of(
    checkpoint: Checkpoint | Ensemble,
    image: np.ndarray,
    pixel_aspect: float,
    *,
    is_blurred: bool = False,
) -> tuple[Frame, ...]:
    """A grey uint8 (rows, columns) image as each member takes it; see `preprocessing.prepare`.

    Raises `UnsupportedImage`.
    """
    made: dict[preprocessing.PreprocessingConfig, Frame] = {}
    for member in checkpoint.members:
        if member.preprocessing not in made:
            made[member.preprocessing] = preprocessing.prepare(
                image, pixel_aspect, member.preprocessing, is_blurred=is_blurred
            )
    return tuple(made[member.preprocessing] for member in checkpoint.members)


def load(path: Path) -> Checkpoint | Ensemble:
    """A checkpoint by its file, or an ensemble by its JSON with its members' files beside it.

    Raises `IncompatibleCheckpoint`.
    """
    return _load_ensemble(path) if path.suffix.lower() == ".json" else load_checkpoint(path)


def _load_ensemble(path: Path) -> Ensemble:
    data, digest = read_bounded(path, _SIZE_LIMIT)
    check_shipped_hash(path, digest)
    try:
        header = json.loads(data)
        if header["format"] != FORMAT:
            raise refused(
                path,
                message(
                    "its format is {format}, this program reads {known}",
                    format=str(header["format"]),
                    known=FORMAT,
                ),
            )
        if header["name"] != BOTH:
            raise refused(path, message("its architecture is unknown"))
        members = tuple(_member(path, entry) for entry in header["members"])
        calibration = Calibration.from_json(header["calibration"])
        heat_reference = float(header["heat_reference"])
        provenance = dict(header["provenance"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refused(path, message("it is truncated or not one of ours")) from error
    if not 0 < heat_reference < float("inf"):
        raise refused(path, message("its heat-map has no scale"))
    check_members(path, members)
    categories = members[0].identity.categories
    if len(calibration.view.offsets) != len(categories):
        raise refused(path, message("its calibration is for other categories"))
    identity = ModelIdentity(BOTH, digest, categories, calibration.population)
    return Ensemble(members, identity, calibration, heat_reference, provenance)


def _member(path: Path, entry: dict[str, Any]) -> Checkpoint:
    name = entry["file"]
    if Path(name).name != name:  # a file names its neighbours, nobody else
        raise refused(path, message("it names a network in another folder"))
    member = load_checkpoint(path.parent / name)
    if member.identity.sha256 != entry["sha256"]:
        raise refused(path, message("a network beside it is not the one that it was joined with"))
    return member


def check_members(path: Path, members: Sequence[Checkpoint]) -> None:
    """Raises `IncompatibleCheckpoint` where they cannot be joined."""
    if len(members) < 2:
        raise refused(path, message("it is truncated or not one of ours"))
    known = set(members[0].identity.categories)
    if not all(known.issuperset(member.identity.categories) for member in members):
        raise refused(path, message("its networks do not fit each other"))


def save_ensemble(
    path: Path,
    files: Sequence[str],
    members: Sequence[Checkpoint],
    calibration: Calibration,
    heat_reference: float,
    provenance: dict[str, Any],
) -> str:
    """Writes the JSON in one step and returns its sha-256; `files` are its members', beside it."""
    check_members(path, members)
    header = {
        "format": FORMAT,
        "name": BOTH,
        "members": [
            {"name": member.identity.name, "file": file, "sha256": member.identity.sha256}
            for member, file in zip(members, files, strict=True)
        ],
        "calibration": calibration.to_json(),
        "heat_reference": heat_reference,
        "provenance": provenance,
    }
    return write_at_once(path, (json.dumps(header, indent=1) + "\n").encode())
