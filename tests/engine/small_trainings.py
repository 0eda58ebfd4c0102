"""Trainings of tiny networks on few images."""

from dataclasses import replace

from engine.networks.preprocessing import PreprocessingConfig
from engine.training.augmentation import AugmentationConfig
from engine.training.config import PRESETS

LIGHT = replace(
    PRESETS["light"],
    architecture={"filters": (4, 8, 8), "pools_globally": True, "has_malignancy": True},
    preprocessing=PreprocessingConfig(height=224, width=224, keeps_aspect=False),
    augmentation=AugmentationConfig(variants=1),
    batch=8,
    head_epochs=0,
    whole_epochs=3,
    averaging=0.5,
)


HYBRID = replace(
    PRESETS["hybrid"],
    architecture={"width": 16, "layers": 1, "heads": 2},
    preprocessing=PreprocessingConfig(height=96, width=64),
    augmentation=AugmentationConfig(variants=1),
    batch=4,
    head_epochs=1,
    whole_epochs=1,
)
