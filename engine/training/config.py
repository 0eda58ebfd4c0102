"""All that decides a training: the presets, and a file's changes of them."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from engine.errors import InvalidData
from engine.networks.models import HYBRID, LIGHT, MOBILENET, build_model
from engine.networks.preprocessing import PreprocessingConfig
from engine.training.augmentation import AugmentationConfig


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a training; saved beside its checkpoint."""

    name: str = HYBRID
    seed: int = 1
    architecture: dict[str, Any] = field(
        default_factory=dict
    )  #: arguments of the model's constructor
    preprocessing: PreprocessingConfig = field(default_factory=PreprocessingConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    batch: int = 8
    head_epochs: int = 1  #: stage one: backbone frozen
    whole_epochs: int = 4  #: stage two, or all there is for a network without starting weights
    head_rate: float = 5e-4  #: AdamW learning rate of the head
    whole_head_rate: float = 4e-4  #: the same in stage two
    backbone_rate: float = 1.5e-4  #: of the freed layers in stage two
    lower_rate: float = 0.0  #: of the layers below them, with live frames only; 0: they stay
    cosine: bool = True  #: the rates fall to 0 along a cosine; False: they stay
    weight_decay: float = 0.05
    balance_power: float = 0.5  #: 0: as the data come; 1: every grade of a data set equally often
    gamma: float = 0.0  #: focal loss's exponent; 0 is cross-entropy
    alpha: float = 1.0  #: focal loss's factor
    distance_loss: str = "emd"  #: "emd", "expected", "cdw" or "none"
    distance_weight: float = 1.0
    malignancy_weight: float = 1.0
    attention_weight: float = 0.2  #: of teaching the attention where lesion boxes are
    guided_weight: float = 0.5  #: of the read-out whose attention is laid on the boxes
    averaging: float = 0.995  #: decay of the weights' moving average per step; 0 turns it off
    mixed_precision: bool = True  #: bfloat16 where the machine has it


PRESETS: dict[str, TrainingConfig] = {
    HYBRID: TrainingConfig(
        preprocessing=PreprocessingConfig(height=384, width=256),
        augmentation=AugmentationConfig(variants=2),
        whole_epochs=2,
    ),
    LIGHT: TrainingConfig(
        name=LIGHT,
        architecture={"trunk": MOBILENET},
        augmentation=AugmentationConfig(variants=4, rotation_degrees=15),
        batch=16,
        whole_epochs=3,
        head_rate=1e-3,
        whole_head_rate=7e-4,
        backbone_rate=3.5e-4,
    ),
}


def read_config(
    name: str, path: Path | None, preset: TrainingConfig | None = None
) -> TrainingConfig:
    """The preset with what a JSON file changes of it.

    Raises `InvalidData` for unknown fields, and for frames that the network cannot take.
    """
    config = preset or PRESETS[name]
    if path is None:
        return config
    try:
        changes = json.loads(path.read_text("utf-8"))
        changes.pop("fold", None)
        if changes.pop("name", config.name) != config.name:
            raise InvalidData("Configuration is for another network", f"{path.name} says so.")
        for part in ("preprocessing", "augmentation"):
            if part in changes:
                changes[part] = replace(getattr(config, part), **changes[part])
        config = replace(config, **changes)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InvalidData("Configuration cannot be used", f"{path.name}: {error}.") from error
    try:
        with torch.device("meta"):  # nothing is computed of it
            model = build_model(config.name, **config.architecture)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise InvalidData(
            "Configuration cannot be used", f"{path.name}: no network has this architecture."
        ) from error
    model.check_frame(config.preprocessing.height, config.preprocessing.width)
    return config
