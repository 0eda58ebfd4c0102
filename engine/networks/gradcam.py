"""Grad-CAM on an absolute scale: where in the breast the network found its grade 4 or 5.

Of the family of Selvaraju et al., ICCV 2017, in the form of HiResCAM (Draelos and Carin 2020): each
cell of a layer counts with its own gradient instead of the layer's average, so the map shows cells
that the read-out's attention used. It is taken at two layers, a fine and a coarser one, each cut at
zero, and their geometric mean is shown: heat is where both find reason (docs/experiments.md has
what else was tried). What is explained is the log-odds of BI-RADS >= 4 whatever grade was
predicted, so that every map answers one question. The map is divided by the checkpoint's
`heat_reference`, not by its own maximum as pytorch_grad_cam would, so that a quiet breast looks
quiet. Only the layers above the finest explained one are differentiated.

The lines below do what pytorch_grad_cam's HiResCAM does, which a test compares with them bit for
bit; importing that package would also load matplotlib, scikit-learn, SciPy and pandas.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch

from engine.arrays import FloatArray
from engine.domain import Explanation
from engine.networks.checkpoint import Checkpoint
from engine.networks.ensemble import Ensemble, Frame
from engine.networks.models import Network, NetworkOutput
from engine.networks.preprocessing import Geometry

SUSPICIOUS_GRADE = 4  #: BI-RADS 4 and above ask for a biopsy (ACR BI-RADS, 5th edition)
_BREAST_GAP = 9  #: network pixels; black holes up to this wide belong to the breast


def explain(checkpoint: Checkpoint | Ensemble, frames: Sequence[Frame]) -> Explanation:
    """The map of one prepared image, float32 (1, height, width), over its region of the source.

    `frames` holds the image as each member takes it (`ensemble.frames_of`). Not thread-safe: it
    hangs hooks on the networks, and takes them off again.
    """
    return look_and_explain(checkpoint, frames)[1]


def look_and_explain(
    checkpoint: Checkpoint | Ensemble, frames: Sequence[Frame]
) -> tuple[list[NetworkOutput], Explanation]:
    """What each member says of its frame as it is, and the map of it: one pass gives both."""
    outputs, joint = _outputs_and_map(checkpoint, frames)
    tensor, geometry = frames[0]
    height, width = geometry.network_shape
    raw = joint / checkpoint.heat_reference
    resized = cv2.resize(raw, (width, height), interpolation=cv2.INTER_LINEAR)
    heat = np.clip(resized, 0.0, 1.0) * _breast(tensor)
    return outputs, Explanation(
        heat=geometry.heat_to_region(heat),
        region=geometry.region,
        target=target_name(checkpoint.identity.categories),
        method="Grad-CAM (HiResCAM), fixed scale",
    )


def activation_map(model: Network, tensor: np.ndarray) -> np.ndarray:
    """The raw map of one image, float32 >= 0 on the finest explained grid, in no fixed unit.

    `model` is in eval mode, its weights frozen or not. Afterwards, also after an exception, it
    holds no hook and no gradient, and its `requires_grad` flags are as before.
    """
    _, (cells,) = _cells([model], [tensor], lambda outputs: outputs[0], model.categories)
    return _over_scales(cells)


def joint_map(checkpoint: Checkpoint | Ensemble, frames: Sequence[Frame]) -> np.ndarray:
    """`activation_map` of what the members predict together, on the first one's finest grid.

    What each member's cells give to the joint log-odds is found in its own frame, carried to the
    same place of the first one's, and adds up scale by scale.
    """
    return _outputs_and_map(checkpoint, frames)[1]


def _outputs_and_map(
    checkpoint: Checkpoint | Ensemble, frames: Sequence[Frame]
) -> tuple[list[NetworkOutput], np.ndarray]:
    networks = [member.model for member in checkpoint.members]
    tensors = [tensor for tensor, _ in frames]
    outputs, (first, *others) = _cells(
        networks, tensors, checkpoint.combined, checkpoint.identity.categories
    )
    total = list(first)
    for cells, (_, geometry) in zip(others, frames[1:], strict=True):
        for scale, own in enumerate(first):
            nearest = cells[min(scale, len(cells) - 1)]
            total[scale] = total[scale] + carried(nearest, geometry, frames[0][1], own.shape)
    return outputs, _over_scales(total)


def _over_scales(cells: Sequence[np.ndarray]) -> np.ndarray:
    """The geometric mean of the scales, finest first, each cut at zero; on the finest grid."""
    height, width = cells[0].shape
    same = [
        cv2.resize(np.maximum(each, 0), (width, height), interpolation=cv2.INTER_LINEAR)
        for each in cells
    ]
    product: FloatArray = np.prod(same, axis=0).astype(np.float32)
    return product ** (1 / len(same))


def carried(
    cells: np.ndarray, geometry: Geometry, to: Geometry, shape: tuple[int, int]
) -> np.ndarray:
    """Cells over one frame of an image on a grid of `shape` over another frame of it.

    A cell that covers more of the image than one of the other grid is shared out, so that the sum
    over a place stays.
    """
    at = [
        (np.arange(count) + 0.5) * side / count
        for count, side in zip(shape, to.network_shape, strict=True)
    ]
    there = geometry.to_network(*to.to_source(*at))
    y, x = (
        place * count / side - 0.5
        for place, count, side in zip(there, cells.shape, geometry.network_shape, strict=True)
    )
    share = abs((y[-1] - y[0]) / (len(y) - 1) * (x[-1] - x[0]) / (len(x) - 1))
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    edge = cv2.BORDER_REPLICATE
    moved = cv2.remap(cells.astype(np.float32), columns, rows, cv2.INTER_LINEAR, borderMode=edge)
    return moved * np.float32(share)


def _cells(
    networks: Sequence[Network],
    tensors: Sequence[np.ndarray],
    combine: Callable[[Sequence[NetworkOutput]], NetworkOutput],
    categories: tuple[int, ...],
) -> tuple[list[NetworkOutput], list[list[np.ndarray]]]:
    """What the networks say; by network and scale, what every cell gives to the log-odds of that.

    HiResCAM: each activation times the gradient at it, summed over the channels.
    """
    scales = [network.explained_layers for network in networks]
    finest = [layer for each in scales for layer in each[0]]
    explained = [layer for each in scales for layers in each for layer in layers]
    trainable = [w for network in networks for w in network.parameters() if w.requires_grad]
    activations: dict[torch.nn.Module, torch.Tensor] = {}

    def keep(layer: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        activations[layer] = output

    # Differentiation starts here: nothing below is kept, frozen weights are no obstacle.
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, out: out.detach().requires_grad_())
        for layer in finest
    ]
    hooks += [layer.register_forward_hook(keep) for layer in explained]
    try:
        for weight in trainable:
            weight.requires_grad_(False)
        with torch.inference_mode(False), torch.enable_grad():
            images = [torch.from_numpy(np.array(tensor, np.float32))[None] for tensor in tensors]
            outputs = [network(image) for network, image in zip(networks, images, strict=True)]
            log_odds = _suspicion_log_odds(combine(outputs).logits[0], categories)
            seen = [activations[layer] for layer in explained]
            gradients = torch.autograd.grad(log_odds, seen)
    finally:
        for hook in hooks:
            hook.remove()
        for weight in trainable:
            weight.requires_grad_(True)
    maps = (
        (gradient.numpy() * activation.detach().numpy()).sum(axis=1)[0]
        for gradient, activation in zip(gradients, seen, strict=True)
    )
    cells = [[np.sum([next(maps) for _ in layers], axis=0) for layers in each] for each in scales]
    return [_without_gradient(output) for output in outputs], cells


def _without_gradient(output: NetworkOutput) -> NetworkOutput:
    malignancy = output.malignancy
    return NetworkOutput(
        output.logits.detach(), None if malignancy is None else malignancy.detach()
    )


def target_name(categories: tuple[int, ...]) -> str:
    """What `explain` explains, in words: 'log-odds of BI-RADS 4 or 5'."""
    grades = [str(grade) for grade in categories if grade >= SUSPICIOUS_GRADE]
    return f"log-odds of BI-RADS {' or '.join(grades)}"


def _breast(tensor: np.ndarray) -> np.ndarray:
    """Float32 (height, width), 1 in the breast: the prepared image is exactly 0 outside it."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_BREAST_GAP, _BREAST_GAP))
    inside = (tensor[0] > 0).astype(np.uint8)
    return cv2.morphologyEx(inside, cv2.MORPH_CLOSE, kernel).astype(np.float32)


def _suspicion_log_odds(logits: torch.Tensor, categories: tuple[int, ...]) -> torch.Tensor:
    """log P(grade >= 4) - log P(grade < 4) of one image's logits, (categories,)."""
    suspicious = torch.tensor([grade >= SUSPICIOUS_GRADE for grade in categories])
    return torch.logsumexp(logits[suspicious], dim=0) - torch.logsumexp(logits[~suspicious], dim=0)
