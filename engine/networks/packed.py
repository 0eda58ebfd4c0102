"""Convolutions as a processor computes them soonest: by oneDNN, with what follows them.

A convolution of a network that only predicts keeps its weights as oneDNN wants them, instead of
having them rearranged at every call, and its ReLU and the sum of a residual block are computed
while the result is still in the cache: the same output but for rounding, and the same on one thread
as on several (torch's own choice of kernels depends on how many there are).

torch has these operators for its compiler and knows no gradient of them. What Grad-CAM needs, the
gradient at the input, is added here; it is that of the convolution as it was.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from engine.networks.torchvision_guard import torchvision

M = TypeVar("M", bound=nn.Module)

#: What follows a convolution: its name and arguments to oneDNN, and where it lets a gradient pass.
_Following = tuple[str, list[float], Callable[[Tensor], Tensor]]
_NOTHING: _Following = ("none", [], torch.ones_like)
_RELU: _Following = ("relu", [], lambda output: output > 0)
_RELU6: _Following = ("hardtanh", [0.0, 6.0], lambda output: (output > 0) & (output < 6))
_FOLLOWING = {nn.ReLU: _RELU, nn.ReLU6: _RELU6}


def packed(network: M) -> M:
    """A network whose batch norms are folded, changed in place; without oneDNN as it was.

    It then gives the same output, to the bit, whether a gradient is asked for or not.
    """
    torch.backends.mha.set_fastpath_enabled(False)  # attention's way without one rounds otherwise
    is_sound = all(weight.isfinite().all() for weight in network.parameters())
    if is_sound and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # whose ReLU makes 0 of what is no number
        _pack(network)
    return network


def _pack(module: nn.Module) -> None:
    last: PackedConvolution | None = None
    for name, child in module.named_children():
        if isinstance(child, torchvision.models.resnet.Bottleneck):
            setattr(module, name, _Bottleneck(child))
        elif isinstance(child, nn.Conv2d):
            last = PackedConvolution(child)
            setattr(module, name, last)
        elif last is not None and type(child) in _FOLLOWING and isinstance(module, nn.Sequential):
            last.following = _FOLLOWING[type(child)]
            setattr(module, name, nn.Identity())
            last = None
        elif not isinstance(child, nn.Identity):
            last = None
            _pack(child)


class PackedConvolution(nn.Module):
    """(batch, channels, rows, columns) to the same, on a processor, for prediction only."""

    def __init__(self, convolution: nn.Conv2d, following: _Following = _NOTHING) -> None:
        super().__init__()
        self.following = following
        #: as every operator takes them: padding, stride, dilation
        self.places = [
            list(each) for each in (convolution.padding, convolution.stride, convolution.dilation)
        ]
        self.groups = convolution.groups
        self._weight = convolution.weight.detach()
        self._bias = None if convolution.bias is None else convolution.bias.detach()

    def forward(self, image: Tensor, residue: Tensor | None = None) -> Tensor:
        """`residue` is added before what follows."""
        if torch.is_grad_enabled() and image.requires_grad:
            output: Tensor = _Differentiable.apply(image, residue, self)  # type: ignore[no-untyped-call]
            return output
        return self.compute(image, residue)

    def compute(self, image: Tensor, residue: Tensor | None) -> Tensor:
        """The same without a gradient."""
        if not self._weight.is_mkldnn:  # how oneDNN wants them depends on the image's size
            reorder = torch.ops.mkldnn._reorder_convolution_weight  # noqa: SLF001  as torch names it
            with torch.inference_mode(False):
                self._weight = reorder(self._weight, *self.places, self.groups, image.shape)
        own = self._weight, self._bias, *self.places, self.groups
        name, arguments, _ = self.following
        operator: Any = torch.ops.mkldnn._convolution_pointwise  # noqa: SLF001  as torch names it
        output: Tensor
        if residue is None:
            output = operator(image, *own, name, arguments, "")
        else:
            output = operator.binary(image, residue, *own, "add", None, name, arguments, "")
        return output

    def gradient_at_image(self, gradient: Tensor, size: torch.Size) -> Tensor:
        """By the gradient at the convolution's own output."""
        padding, stride, dilation = self.places
        image = torch.empty(
            size, memory_format=torch.channels_last
        )  # of which only the size counts
        found: Tensor
        found, *_ = torch.ops.aten.convolution_backward(
            *(gradient, image, self._plain_weight, None, stride, padding, dilation),
            *(False, [0, 0], self.groups, [True, False, False]),
        )
        return found

    @cached_property
    def _plain_weight(self) -> Tensor:
        """Kept from the first gradient on: of layers above Grad-CAM's finest only."""
        weight: Tensor = self._weight.to_dense().to(memory_format=torch.channels_last)
        return weight


class _Differentiable(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, image: Tensor, residue: Tensor | None, convolution: PackedConvolution
    ) -> Tensor:
        output = convolution.compute(image, residue)
        ctx.convolution, ctx.size, ctx.has_residue = convolution, image.shape, residue is not None
        ctx.save_for_backward(output)
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        (output,) = ctx.saved_tensors
        _, _, lets_pass = ctx.convolution.following
        gradient = gradient * lets_pass(output)
        at_image = ctx.convolution.gradient_at_image(gradient, ctx.size)
        return at_image, gradient if ctx.has_residue else None, None


class _Bottleneck(nn.Module):
    """torchvision's block of a ResNet, its batch norms folded."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.first = PackedConvolution(block.conv1, _RELU)
        self.second = PackedConvolution(block.conv2, _RELU)
        self.third = PackedConvolution(block.conv3, _RELU)
        self.downsample = block.downsample or nn.Identity()
        _pack(self.downsample)

    def forward(self, image: Tensor) -> Tensor:
        output: Tensor = self.third(self.second(self.first(image)), self.downsample(image))
        return output
