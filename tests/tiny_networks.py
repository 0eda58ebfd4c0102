"""Real checkpoints of tiny networks, random weights from a fixed seed: they predict nonsense."""

from dataclasses import replace
from pathlib import Path

import torch

from engine.domain import Population, Shares
from engine.networks.calibration import Calibration, CancerScaling, LogisticScaling, Scaling
from engine.networks.checkpoint import load_checkpoint, save_checkpoint
from engine.networks.ensemble import BOTH, save_ensemble
from engine.networks.models import HYBRID, LIGHT, build_model
from engine.networks.preprocessing import PreprocessingConfig
from engine.networks.region_network import (
    RegionCalibration,
    RegionConfig,
    RegionNetwork,
    save_region_checkpoint,
)
from engine.training.augmentation import AugmentationConfig
from engine.training.config import PRESETS

ARCHITECTURES = {
    HYBRID: {"width": 16, "layers": 1, "heads": 2},
    LIGHT: {"filters": (4, 4, 8), "pools_globally": True, "has_malignancy": True},
}
PREPROCESSING = {
    HYBRID: PreprocessingConfig(height=128, width=96),
    LIGHT: PreprocessingConfig(height=224, width=224, keeps_aspect=False),
}


def tiny_model(name: str, seed: int = 9) -> torch.nn.Module:
    """With the default seed a phantom's Grad-CAM map is warm in one place and cold in another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(name, **ARCHITECTURES[name]).eval()


def write_tiny_checkpoint(path: Path, name: str = LIGHT, heat_reference: float = 3e-5) -> Path:
    """A file as training leaves it; views and breasts are scaled apart, so that they can differ.

    Of "both" it is the JSON of that name, with its members' files beside it.
    """
    if name == BOTH:
        return _write_tiny_ensemble(path.with_suffix(".json"), heat_reference)
    model = tiny_model(name)
    count = len(model.categories)
    calibration = Calibration(
        view=Scaling(3.0, tuple(0.1 * index for index in range(count))),
        breast=Scaling(4.0, tuple(0.2 * index for index in range(count))),
        cancer=CancerScaling(
            LogisticScaling(2.0, -0.5), LogisticScaling(2.0, -0.1), LogisticScaling(2.5, -0.2)
        ),
    )
    provenance = {"data": "none: random weights for tests"}
    save_checkpoint(path, name, model, PREPROCESSING[name], calibration, heat_reference, provenance)
    return path


def _write_tiny_ensemble(path: Path, heat_reference: float) -> Path:
    files = [
        write_tiny_checkpoint(path.with_name(f"{path.stem}-{name}.safetensors"), name)
        for name in (HYBRID, LIGHT)
    ]
    calibration = Calibration(
        view=Scaling(2.0, (0.0, 0.1, 0.2, 0.3, 0.4)),
        breast=Scaling(3.0, (0.0, 0.2, 0.4, 0.6, 0.8)),
        cancer=CancerScaling(
            LogisticScaling(1.5, 0.2), LogisticScaling(1.5, 0.1), LogisticScaling(1.8, 0.3)
        ),
        population=Population(Shares(0.6, 0.4), Shares(0.7, 0.5)),
    )
    save_ensemble(
        path,
        [file.name for file in files],
        [load_checkpoint(file) for file in files],
        calibration,
        heat_reference,
        {"data": "none: random weights for tests"},
    )
    return path


def write_tiny_region_checkpoint(path: Path, side: int = 64) -> Path:
    """The region network on a small frame; it has one size, and random weights say little."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        model = RegionNetwork().eval()
    calibration = RegionCalibration(Scaling(3.0, (0.1, 0.2, 0.3, 0.4)), LogisticScaling(2.0, -0.5))
    provenance = {"data": "none: random weights for tests"}
    save_region_checkpoint(path, model, RegionConfig(side=side), calibration, provenance)
    return path


# a training that ends in seconds
TINY_HYBRID = replace(
    PRESETS["hybrid"],
    architecture={"width": 16, "layers": 1, "heads": 2},
    preprocessing=PreprocessingConfig(height=96, width=64),
    augmentation=AugmentationConfig(variants=1),
    batch=4,
    head_epochs=1,
    whole_epochs=1,
)
