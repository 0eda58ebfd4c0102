"""What a network is fed in training: batches of frames, or of the stored output of frozen parts."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.networks.models import Network, NetworkOutput
from engine.networks.preprocessing import PreprocessingConfig
from engine.training.augmentation import AugmentationConfig, Frames
from engine.training.live_frames import LiveFrames

Progress = Callable[[str, int, int], None]  #: told what is being done, how much is, of how much

#: Ready for `Inputs.forward_module`, and the share of its cells that lesions cover (batch, rows,
#: columns); None for a network that is not taught where to look.
Batch = tuple[Tensor, Tensor | None]


class Inputs(ABC):
    """Batches by rows and variants; variant 0 is the clean frame."""

    variants: int

    def __init__(self, device: torch.device, is_mixed: bool) -> None:
        self.device = device
        self.is_mixed = is_mixed  #: bfloat16 where the machine has it

    @abstractmethod
    def load(self, variants: np.ndarray, indices: np.ndarray) -> Batch:
        """Of row `indices[n]` its variant `variants[n]`. Runs in the prefetching thread."""

    @abstractmethod
    def forward_module(self, model: Network) -> nn.Module:
        """The network as a module that is called with a loaded batch, and lesions in training."""


class StoredInputs(Inputs):
    """Frames made beforehand; of a network with frozen parts, their output instead."""

    def __init__(
        self,
        model: Network,
        frames: Frames,
        is_mixed: bool,
        device: torch.device,
        on_progress: Progress | None = None,
    ) -> None:
        super().__init__(device, is_mixed)
        self.model, self.frames = model, frames
        self.variants = len(frames.frames)
        self.cached = self._cache(on_progress) if model.frozen else None

    def _cache(self, on_progress: Progress | None) -> np.ndarray:
        """The frozen parts' output, bfloat16 as uint16 (variants, rows, height, width, channels)
        of the feature map, memory-mapped."""
        variants, rows, height, width = self.frames.frames.shape
        digest = hashlib.sha256()
        for name, tensor in self.model.state_dict().items():
            if name.startswith(self.model.frozen):
                digest.update(tensor.cpu().numpy().tobytes())
        path = self.frames.folder / f"lower-{digest.hexdigest()[:12]}"
        self.model.eval()
        channels, *grid = self._frozen_output(np.zeros((1, height, width), np.uint8)).shape[1:]
        shape = (variants, rows, *grid, channels)
        mark = path.with_suffix(".done")
        done = int(mark.read_text()) if mark.is_file() else 0
        cache = np.memmap(path, np.uint16, "r+" if path.is_file() else "w+", shape=shape)
        flat = cache.reshape(variants * rows, *shape[2:])
        source = self.frames.frames.reshape(variants * rows, height, width)
        while done < len(flat):
            stop = min(done + 16, len(flat))
            feature = self._frozen_output(source[done:stop]).permute(0, 2, 3, 1).bfloat16()
            flat[done:stop] = feature.contiguous().cpu().view(torch.uint16).numpy()
            done = stop
            if done % 320 == 0 or done == len(flat):
                cache.flush()
                mark.write_text(str(done))
            if on_progress:
                on_progress("features", done, len(flat))
        return np.memmap(path, np.uint16, "r", shape=shape)

    @torch.inference_mode()
    def _frozen_output(self, frames: np.ndarray) -> Tensor:
        image = torch.from_numpy(frames.astype(np.float32) / 255)[:, None]
        with autocast(self.device, self.is_mixed):
            return self.model.forward_frozen(
                image.to(self.device, memory_format=torch.channels_last)
            )

    def load(self, variants: np.ndarray, indices: np.ndarray) -> Batch:
        chosen = list(zip(variants, indices, strict=True))
        if self.cached is None:
            frames = np.stack([self.frames.frames[v, i] for v, i in chosen])
            return torch.from_numpy(frames.astype(np.float32) / 255)[:, None], None
        features = torch.from_numpy(np.stack([self.cached[v, i] for v, i in chosen]))
        boxes = np.stack([self.frames.boxes[v, i] for v, i in chosen]).astype(np.float32)
        return (
            features.view(torch.bfloat16).permute(0, 3, 1, 2),
            torch.from_numpy(boxes).to(self.device),
        )

    def forward_module(self, model: Network) -> nn.Module:
        return _Forward(model, self.device, self.is_mixed, self.cached is not None)


class LiveInputs(Inputs):
    """Frames altered anew whenever they are drawn, where nothing is stored.

    A variant is the seed of an alteration. A batch is float32 (batch, 1, height, width) on the
    device.
    """

    def __init__(
        self,
        model: Network,
        frames: LiveFrames,
        augmentation: AugmentationConfig,
        preprocessing: PreprocessingConfig,
        is_mixed: bool,
        device: torch.device,
    ) -> None:
        super().__init__(device, is_mixed)
        self.frames, self.augmentation, self.preprocessing = frames, augmentation, preprocessing
        self.learns_attention = model.learns_attention
        self.variants = 2**31 if augmentation.variants else 1

    def load(self, variants: np.ndarray, indices: np.ndarray) -> Batch:
        batch, boxes = self.frames.draw(indices, variants, self.augmentation, self.preprocessing)
        return batch, boxes if self.learns_attention else None

    def forward_module(self, model: Network) -> nn.Module:
        return _Forward(model, self.device, self.is_mixed, is_cached=False)


class _Forward(nn.Module):
    """Runs the part of the network that follows the cache; DistributedDataParallel wraps it."""

    def __init__(
        self, model: Network, device: torch.device, is_mixed: bool, is_cached: bool
    ) -> None:
        super().__init__()
        self.model, self.device = model, device
        self.is_cached, self.is_mixed = is_cached, is_mixed

    def forward(self, batch: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        batch = batch.to(self.device)
        with autocast(self.device, self.is_mixed):
            if self.is_cached:
                feature = batch if self.is_mixed else batch.float()
            else:
                feature = self.model.forward_frozen(batch)
            return self.model.forward_trainable(feature, lesions)


def autocast(device: torch.device, is_mixed: bool) -> Any:
    """A context in which bfloat16 stands in for float32 where that does no harm."""
    return torch.autocast(device.type, torch.bfloat16, enabled=is_mixed)
