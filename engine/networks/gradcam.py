"""Grad-CAM on an absolute scale: where in the breast the network found its grade 4 or 5.

Of the family of Selvaraju et al., ICCV 2017, in the form of HiResCAM (Draelos and Carin 2020): each
cell of a layer counts with its own gradient instead of the layer's average, so the map shows cells
that the read-out's attention used. It is taken at two layers, a fine and a coarser one, each cut at
zero, and their geometric mean is shown: heat is where both find reason (docs/experiments.md has
what else was tried). What is explained is the log-odds of BI-RADS >= 4 whatever grade was
predicted, so that every map answers one question. The map is divided by the checkpoint's
`heat_reference`, not by its own maximum as pytorch_grad_cam would, so that a quiet breast looks
quiet. Only the layers above the finest explained one are differentiated.
"""

import cv2
import numpy as np
import torch

from engine.domain import Explanation
from engine.networks import torchvision_guard  # noqa: F401  before grad-cam imports torchvision
from engine.networks.checkpoint import Checkpoint
from engine.networks.models import Layers
from engine.networks.preprocessing import Geometry

# isort: split
from pytorch_grad_cam import HiResCAM

SUSPICIOUS_GRADE = 4  #: BI-RADS 4 and above ask for a biopsy (ACR BI-RADS, 5th edition)
_BREAST_GAP = 9  #: network pixels; black holes up to this wide belong to the breast


def explain(checkpoint: Checkpoint, tensor: np.ndarray, geometry: Geometry) -> Explanation:
    """The map of one prepared image, float32 (1, height, width), over its region of the source.

    Not thread-safe: it hangs hooks on the checkpoint's model, and takes them off again.
    """
    height, width = geometry.network_shape
    heat = activation_map(checkpoint.model, tensor) / checkpoint.heat_reference
    heat = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    heat = np.clip(heat, 0.0, 1.0) * _breast(tensor)
    return Explanation(
        heat=geometry.heat_to_region(heat),
        region=geometry.region,
        target=target_name(checkpoint.model.categories),
        method="Grad-CAM (HiResCAM), fixed scale",
    )


def activation_map(model: torch.nn.Module, tensor: np.ndarray) -> np.ndarray:
    """The raw map of one image, float32 >= 0 on the finest explained grid, in no fixed unit.

    `model` is in eval mode, its weights frozen or not. Afterwards, also after an exception, it
    holds no hook and no gradient, and its `requires_grad` flags are as before.
    """
    scales = model.explained_layers
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    # Differentiation starts here: nothing below is kept, frozen weights are no obstacle.
    starts = [
        layer.register_forward_hook(lambda _layer, _inputs, out: out.detach().requires_grad_())
        for layer in scales[0]
    ]
    explainer = None
    try:
        for weight in trainable:
            weight.requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad():
            explainer = _RawHiResCAM(_Logits(model), scales)
            image = torch.from_numpy(np.array(tensor, np.float32))[None]
            return explainer(image, [_SuspicionLogOdds(model.categories)])
    finally:
        for start in starts:
            start.remove()
        if explainer is not None:
            explainer.activations_and_grads.release()
        for weight in trainable:
            weight.requires_grad_(True)


def target_name(categories: tuple[int, ...]) -> str:
    """What `explain` explains, in words: 'log-odds of BI-RADS 4 or 5'."""
    grades = [str(grade) for grade in categories if grade >= SUSPICIOUS_GRADE]
    return f"log-odds of BI-RADS {' or '.join(grades)}"


def _breast(tensor: np.ndarray) -> np.ndarray:
    """Float32 (height, width), 1 in the breast: the prepared image is exactly 0 outside it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BREAST_GAP, _BREAST_GAP))
    inside = (tensor[0] > 0).astype(np.uint8)
    return cv2.morphologyEx(inside, cv2.MORPH_CLOSE, kernel).astype(np.float32)


class _SuspicionLogOdds:
    """log P(grade >= 4) - log P(grade < 4) of one image's logits, (categories,)."""

    def __init__(self, categories: tuple[int, ...]) -> None:
        self._suspicious = torch.tensor([grade >= SUSPICIOUS_GRADE for grade in categories])

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        above = torch.logsumexp(logits[self._suspicious], dim=0)
        return above - torch.logsumexp(logits[~self._suspicious], dim=0)


class _Logits(torch.nn.Module):
    """The network as pytorch_grad_cam expects it: an image in, (batch, categories) out."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.network(image).logits


class _RawHiResCAM(HiResCAM):
    """HiResCAM without the stretch to 0..1 that the package ends with."""

    def __init__(self, network: torch.nn.Module, scales: Layers) -> None:
        self._scales = len(scales)
        in_order = [layer for layers in zip(*scales, strict=True) for layer in layers]
        super().__init__(network, in_order)  # as they run: each member's, finest first

    def compute_cam_per_layer(self, input_tensor, targets, eigen_smooth):
        seen = self.activations_and_grads
        return [
            self.get_cam_image(input_tensor, layer, targets, activation, gradient, eigen_smooth)[0]
            for layer, activation, gradient in zip(
                self.target_layers, seen.activations, seen.gradients, strict=True
            )
        ]

    def aggregate_multi_layers(self, cam_per_target_layer):
        maps = []
        for scale in range(self._scales):
            total = sum(cam_per_target_layer[scale :: self._scales])
            maps.append(np.maximum(total.numpy(), 0))
        height, width = maps[0].shape
        same = [cv2.resize(cam, (width, height), interpolation=cv2.INTER_LINEAR) for cam in maps]
        return np.prod(same, axis=0).astype(np.float32) ** (1 / len(same))
