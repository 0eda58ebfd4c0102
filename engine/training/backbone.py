"""The weights that a network starts its training from."""

from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engine.errors import IncompatibleCheckpoint, InvalidData
from engine.networks.checkpoint import training_patients
from engine.networks.models import HybridResNetTransformer, Network
from engine.training.dataset import hash_patient


def load_backbone(model: Network, path: Path | None, held_out: Iterable[str] = ()) -> None:
    """Starting weights as safetensors, or a state dictionary saved by torch; None: untrained.

    Raises `InvalidData` for weights of ours that were trained on a patient of `held_out`.
    """
    if path is None:
        return
    known = training_patients(path) & {hash_patient(patient) for patient in held_out}
    if known:
        raise InvalidData(
            "Starting weights know the answers",
            f"{path.name} was trained on {len(known)} of the patients that are held out.",
        )
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
        model.load_starting_weights({key: value.float() for key, value in weights.items()})
    except (OSError, SafetensorError, RuntimeError, UnpicklingError, AttributeError) as error:
        raise IncompatibleCheckpoint("Backbone refused", f"{path.name}: {error}.") from error
    except ValueError as error:
        expected = "ResNet-50" if isinstance(model, HybridResNetTransformer) else "MobileNetV2"
        raise IncompatibleCheckpoint(
            "Backbone refused", f"{path.name} is no {expected}: {error}."
        ) from error
