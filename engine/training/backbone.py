"""The weights that a network starts its training from."""

from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from engine.errors import IncompatibleCheckpoint
from engine.networks.models import HybridResNetTransformer, Network


def load_backbone(model: Network, path: Path | None) -> None:
    """Starting weights as safetensors, or a state dictionary saved by torch; None: untrained."""
    if path is None:
        return
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
