"""The networks. Each predicts logits over its own BI-RADS categories.

`HybridResNetTransformer` follows Singh et al., Sci Rep 16, 10033 (2026) as far as it is published,
completed where it is silent (see docs/experiments.md); `LightweightCNN` follows Meza Moreno and
Penaloza. Weights come from `engine.networks.checkpoint`, never from here.
"""

import copy
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.overrides import TorchFunctionMode

from engine.errors import InvalidData
from engine.networks.torchvision_guard import torchvision

HYBRID, LIGHT = "hybrid", "light"
MOBILENET = "mobilenet"  #: a `trunk` of the light network

M = TypeVar("M", bound=nn.Module)

#: Explained layers, finest scale first; the layers of one scale share a grid and add up.
Layers = tuple[tuple[nn.Module, ...], ...]


class NetworkOutput(NamedTuple):
    """What a network says of a batch of views."""

    logits: Tensor  #: (batch, categories)
    malignancy: Tensor | None = None  #: (batch,) logit, where the network has such a head
    attention: Tensor | None = None  #: (batch, rows, columns) log-attention over the token grid
    #: the same read-out with its attention laid on the lesions
    attention_supervised: "NetworkOutput | None" = None


class Network(nn.Module, ABC):
    """What every network offers: to prediction, to Grad-CAM and to training.

    Names of parts (`pretrained`, `frozen`) are prefixes of its state dictionary's.
    """

    categories: ClassVar[tuple[int, ...]]  #: the grades it predicts, ascending
    stride: ClassVar[int] = 32  #: of its coarsest map: frames' sides are multiples of it
    pretrained: ClassVar[tuple[str, ...]] = ()  #: parts that take starting weights
    frozen: ClassVar[tuple[str, ...]] = ()  #: parts that training leaves as they come
    freezes_batch_norm: ClassVar[bool] = False  #: statistics of all parts stay as they come
    learns_attention: ClassVar[bool] = False  #: it can be taught by lesion boxes where to look
    tta_vertical_flip: ClassVar[bool] = False  #: predicts the mean with the image upside down
    test_time_scale: ClassVar[float] = 1.0  #: of an image in prediction, against the training's

    architecture: dict[str, Any]  #: what `build_model` makes it again from
    malignancy: nn.Linear | None  #: the head of that output

    @property
    @abstractmethod
    def explained_layers(self) -> "Layers":
        """Whose cells Grad-CAM weighs, finest scale first."""

    @property
    @abstractmethod
    def feature_layer(self) -> nn.Module:
        """Whose average is the image's place in feature space."""

    @abstractmethod
    def forward_trainable(self, feature: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        """The parts after `forward_frozen`, of its output.

        In training `lesions` (batch, rows, columns), the share of each cell that boxes cover, asks
        for a second, `attention_supervised` read-out where the network `learns_attention`.
        """

    def forward_frozen(self, image: Tensor) -> Tensor:
        """The `frozen` parts; where there are none, the image itself."""
        return image

    def forward(self, image: Tensor) -> NetworkOutput:
        """`image` is (batch, 1, height, width) in [0, 1], a frame that `check_frame` lets pass."""
        return self.forward_trainable(self.forward_frozen(image))

    def load_starting_weights(self, weights: dict[str, Tensor]) -> None:
        """Of another network, into the `pretrained` parts; raises `ValueError` if they do not fit.

        The names of `weights` are as that network's authors publish them.
        """
        raise NotImplementedError

    def check_frame(self, height: int, width: int) -> None:
        """Raises `InvalidData`, in words, for a frame of pixels that the network cannot take."""
        for name, side in (("height", height), ("width", width)):
            if type(side) is not int or side <= 0 or side % self.stride:
                raise InvalidData(
                    "Frame does not fit the network",
                    f"{name} is {side!r}, and must be a multiple of {self.stride} pixels.",
                )

    def predict(self, image: Tensor) -> NetworkOutput:
        """Logits and malignancy of (batch, 1, height, width), with test-time augmentation.

        A breast upside down is a breast, and the mean of both errs less (docs/experiments.md).
        """
        return self.predict_after(None, image)

    def predict_after(self, upright: NetworkOutput | None, image: Tensor) -> NetworkOutput:
        """The same; `upright` is what `forward` gives of it where that is known, a look less."""
        if self.test_time_scale != 1.0:
            size = [32 * int(side * self.test_time_scale / 32 + 0.5) for side in image.shape[2:]]
            image = functional.interpolate(image, size, mode="bicubic").clamp(0, 1)
            upright = None  # of another size
        if upright is None:
            upright = self.forward_for_inference(image)
        if not self.tta_vertical_flip:
            return upright
        # one after the other: half the memory of both at once
        turned = self.forward_for_inference(image.flip(2))
        return NetworkOutput(
            (upright.logits + turned.logits) / 2,
            mean_of(upright.malignancy, turned.malignancy),
        )

    def forward_for_inference(self, image: Tensor) -> NetworkOutput:
        """What `forward` gives, by the way that takes the least memory; no gradient is wanted."""
        return self.forward(image)


def mean_of(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Of two malignancies; None where one is not known."""
    return None if one is None or other is None else (one + other) / 2


class HybridResNetTransformer(Network):
    """ResNet-50 features at three scales, joined by light multi-head self-attention.

    C3, C4 and C5 (strides 8, 16, 32) are summarised on the C5 grid by mean and maximum, so that a
    small bright spot at C3 survives, and projected to one `width`. Two-dimensional sine positions
    and a learned embedding of the scale are added; pre-norm encoder layers let every place of
    every scale see every other. The read-out joins three poolings: the tokens by learned
    attention, the tokens' mean, and C5's average. `malignancy` is an auxiliary output, and the
    attention can be taught with lesion boxes.
    """

    categories = (1, 2, 3, 4, 5)
    pretrained = ("stem", "layer1", "layer2", "layer3", "layer4")
    frozen = pretrained[:3]
    freezes_batch_norm = True  #: a small batch's statistics would wreck the ResNet
    learns_attention = True
    tta_vertical_flip = True

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential
    malignancy: nn.Linear

    def __init__(
        self,
        width: int = 256,
        layers: int = 2,
        heads: int = 8,
        dropout: float = 0.2,
        scales: tuple[int, ...] = (3, 4, 5),
    ) -> None:
        super().__init__()
        self.architecture = {
            "width": width,
            "layers": layers,
            "heads": heads,
            "dropout": dropout,
            "scales": list(scales),
        }
        self.scales = tuple(scales)
        resnet = torchvision.models.resnet50(weights=None)
        self.stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
        self.layer1, self.layer2 = resnet.layer1, resnet.layer2
        self.layer3, self.layer4 = resnet.layer3, resnet.layer4
        channels = {3: 512, 4: 1024, 5: 2048}
        self.project = nn.ModuleDict(
            {
                str(scale): nn.Sequential(
                    nn.LayerNorm(2 * channels[scale]), nn.Linear(2 * channels[scale], width)
                )
                for scale in self.scales
            }
        )
        self.scale_embedding = nn.Parameter(torch.zeros(len(self.scales), width))
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            dim_feedforward=2 * width,
            dropout=dropout / 2,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        layer.self_attn.dropout = 0.0  # with it the CPU falls back to attention four times slower
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 1)
        self.c5_norm = nn.LayerNorm(channels[5])
        self.c5_project = nn.Linear(channels[5], width)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(3 * width, len(self.categories))
        self.malignancy = nn.Linear(3 * width, 1)

    def load_starting_weights(self, weights: dict[str, Tensor]) -> None:
        """torchvision's resnet50 by its own names; raises `ValueError` for anything else.

        With its classifier (`fc`) it is taken for torchvision's own file, which wants ImageNet's
        normalised input; without, for a backbone that takes [0, 1] as it comes.
        """
        if {"fc.weight", "conv1.weight", "bn1.running_mean"} <= weights.keys():
            colours, mean = _taking_plain_input(
                weights["conv1.weight"], weights["bn1.running_mean"]
            )
            weights = {**weights, "conv1.weight": colours, "bn1.running_mean": mean}
        renamed = {}
        for key, value in weights.items():
            first, rest = key.split(".", 1)
            place = {"conv1": "stem.0", "bn1": "stem.1"}.get(first, first)
            renamed[f"{place}.{rest}"] = value
        try:
            missing, unexpected = self.load_state_dict(renamed, strict=False)
        except RuntimeError as error:
            raise ValueError("its shapes are another network's") from error
        lost = [
            key
            for key in missing
            if key.startswith(self.pretrained) and not key.endswith("num_batches_tracked")
        ]
        if lost or any(not key.startswith("fc.") for key in unexpected):
            raise ValueError("its layers are another network's")

    @property
    def explained_layers(self) -> "Layers":
        """C3 and C4, where a lesion is more than one cell."""
        return (self.layer2,), (self.layer3,)

    @property
    def feature_layer(self) -> nn.Module:
        return self.layer4

    def forward_frozen(self, image: Tensor) -> Tensor:
        """C3, (batch, 512, height / 8, width / 8)."""
        c3: Tensor = self.layer2(self.layer1(self.stem(image.expand(-1, 3, -1, -1))))
        return c3

    def forward_trainable(self, feature: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        c4 = self.layer3(feature)
        c5 = self.layer4(c4)
        return self.forward_head(feature, c4, c5, lesions)

    def forward_head(
        self, c3: Tensor, c4: Tensor, c5: Tensor, lesions: Tensor | None = None
    ) -> NetworkOutput:
        """Tokens of each scale (batch, rows * columns, width), encoder, read-out.

        By `lesions`, what is learned of a lesion reaches the very cells that show it, however late
        the attention finds them.
        """
        rows, columns = c5.shape[-2:]
        maps = {3: c3, 4: c4, 5: c5}
        position = _sine_positions(rows, columns, self.attend.in_features).to(c5)
        tokens = []
        for index, scale in enumerate(self.scales):
            feature = maps[scale]
            summary = torch.cat(
                [
                    functional.adaptive_avg_pool2d(feature, (rows, columns)),
                    functional.adaptive_max_pool2d(feature, (rows, columns)),
                ],
                dim=1,
            )
            cells = summary.flatten(2).transpose(1, 2)  # (batch, rows * columns, 2 * channels)
            tokens.append(self.project[str(scale)](cells) + position + self.scale_embedding[index])
        encoded = self.norm(self.encoder(torch.cat(tokens, dim=1)))
        score = self.attend(encoded).squeeze(-1).float()  # (batch, scales * rows * columns)
        overall = self.c5_project(self.c5_norm(c5.mean(dim=(2, 3))))

        def read_out(weight: Tensor) -> tuple[Tensor, Tensor]:
            attended = torch.einsum("bt,btw->bw", weight.to(encoded.dtype), encoded)
            pooled = self.dropout(torch.cat([attended, encoded.mean(dim=1), overall], dim=1))
            return self.classify(pooled).float(), self.malignancy(pooled).squeeze(-1).float()

        supervised = None
        if lesions is not None:
            supervised = NetworkOutput(
                *read_out(_attention_on(lesions).repeat(1, len(self.scales)))
            )
        grid = score.log_softmax(dim=1).view(-1, len(self.scales), rows, columns)
        logits, malignancy = read_out(score.softmax(dim=1))
        return NetworkOutput(logits, malignancy, grid.logsumexp(dim=1), supervised)


def _taking_plain_input(convolution: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """A first convolution's weights and its batch norm's mean, made for ImageNet's normalised
    colours, changed to take [0, 1]; only at the border, where padding is 0, does it matter."""
    centre = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    scaled = convolution / deviation
    return scaled, mean + (scaled * centre).sum(dim=(1, 2, 3))


def _attention_on(lesions: Tensor) -> Tensor:
    """(batch, rows, columns) covered shares as weights (batch, cells) that sum to 1, or to 0."""
    cover = lesions.flatten(1)
    return cover / cover.sum(dim=1, keepdim=True).clamp(min=1e-4)


def _sine_positions(rows: int, columns: int, width: int) -> Tensor:
    """Fixed two-dimensional sine embedding, (rows * columns, width); half for each axis."""
    quarter = width // 4
    frequency = torch.exp(-torch.arange(quarter) * (4.0 / quarter))  # 1 .. e^-4 radians a cell
    parts = []
    for axis, size in enumerate((rows, columns)):
        angle = torch.arange(size)[:, None] * frequency
        wave = torch.cat([angle.sin(), angle.cos()], dim=1)  # (size, width / 2)
        shape = (rows, 1, -1) if axis == 0 else (1, columns, -1)
        parts.append(wave.view(shape).expand(rows, columns, -1))
    return torch.cat(parts, dim=2).flatten(0, 1)


class LightweightCNN(Network):
    """Three convolution and pooling blocks, dense 128, dropout 0.5 (paper 2).

    The paper gives no filter counts; 32, 64 and 128 are ours. With `pools_globally` the flattened
    28 x 28 map is replaced by its 7 x 7 mean and maximum, and each block is batch-normalised: fewer
    weights, and what is learned in one corner holds in another.
    """

    categories = (1, 3, 4, 5)
    stride = 8
    side = 224  #: pixels of the only frame that it takes, unless it pools globally

    def __init__(
        self,
        filters: tuple[int, int, int] = (32, 64, 128),
        pools_globally: bool = False,
        has_malignancy: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.architecture = {
            "filters": list(filters),
            "pools_globally": pools_globally,
            "has_malignancy": has_malignancy,
            "dropout": dropout,
        }
        self.pools_globally = pools_globally
        blocks: list[nn.Module] = []
        channels = 1
        for count in filters:
            block: list[nn.Module] = [nn.Conv2d(channels, count, 3, padding=1)]
            if pools_globally:
                block.append(nn.BatchNorm2d(count))
            blocks.append(nn.Sequential(*block, nn.ReLU(), nn.MaxPool2d(2)))
            channels = count
        self.blocks = nn.Sequential(*blocks)
        features = channels * (2 * 7 * 7 if pools_globally else 28 * 28)
        self.dense = nn.Linear(features, 128)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(128, len(self.categories))
        self.malignancy = nn.Linear(128, 1) if has_malignancy else None

    def check_frame(self, height: int, width: int) -> None:
        super().check_frame(height, width)
        if not self.pools_globally and (height, width) != (self.side, self.side):
            raise InvalidData(
                "Frame does not fit the network",
                f"It is {height} x {width}, and the paper's network takes {self.side} x "
                f"{self.side} pixels only.",
            )

    @property
    def explained_layers(self) -> "Layers":
        return ((self.feature_layer,),)

    @property
    def feature_layer(self) -> nn.Module:
        last: nn.Module = self.blocks[-1]
        return last

    def forward_trainable(self, feature: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        """All of it: `feature` is the image."""
        del lesions  # it has no attention to be taught
        feature = self.blocks(feature)  # (batch, filters[-1], 28, 28) of a frame of 224
        if self.pools_globally:
            feature = torch.cat(
                [
                    functional.adaptive_avg_pool2d(feature, 7),
                    functional.adaptive_max_pool2d(feature, 7),
                ],
                dim=1,
            )
        hidden = self.dropout(functional.relu(self.dense(feature.flatten(1))))
        malignancy = None
        if self.malignancy is not None:
            malignancy = self.malignancy(hidden).squeeze(-1).float()
        return NetworkOutput(self.classify(hidden).float(), malignancy)


class LightweightMobileNet(Network):
    """The better lightweight network: a seventh of the paper's weights, taught more.

    MobileNetV2 (Sandler et al. 2018) up to its last bottleneck, so that training can start from
    photographs' weights. Its maps at stride 16 (mean and maximum) and 32 make a cell each; dense
    128 and dropout 0.5 as in paper 2 read the attended cell and the cells' mean.
    """

    categories = (1, 3, 4, 5)
    pretrained = ("below", "middle", "top")
    frozen = pretrained[:1]
    learns_attention = True
    tta_vertical_flip = True
    test_time_scale = 1.125  #: what a network of averages sees larger, it sees better (FixRes)
    receptive_margin = 32  #: pixels; further past its own place no cell of `below` sees

    below: nn.Sequential
    middle: nn.Sequential
    top: nn.Sequential
    malignancy: nn.Linear

    def __init__(self) -> None:
        super().__init__()
        self.architecture = {"trunk": MOBILENET}
        features = torchvision.models.mobilenet_v2(weights=None).features
        features[0][0] = nn.Conv2d(1, 32, 3, stride=2, padding=1, bias=False)  # grey
        for part, layers in self._split(features).items():
            self.add_module(part, layers)
        cell = 2 * 96 + 320
        self.norm = nn.LayerNorm(cell)
        self.attend = nn.Linear(cell, 1)
        self.dense = nn.Linear(2 * cell, 128)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Linear(128, len(self.categories))
        self.malignancy = nn.Linear(128, 1)

    @property
    def explained_layers(self) -> "Layers":
        return (self.below,), (self.middle,)

    @property
    def feature_layer(self) -> nn.Module:
        return self.middle

    def load_starting_weights(self, weights: dict[str, Tensor]) -> None:
        """A MobileNetV2 in torchvision's layout, by its names or in its order; or one of ours, such
        as the region network, of which only `pretrained` is taken.

        ImageNet's means and deviations move into the first convolution, whose colours become one.
        Raises `ValueError` for anything else.
        """
        own = {key: value for key, value in weights.items() if key.startswith(self.pretrained)}
        if own:
            names = [key for key in self.state_dict() if key.startswith(self.pretrained)]
            if set(own) != set(names):
                raise ValueError("its layers are another network's")
            self.load_state_dict(own, strict=False)
            return
        features = torchvision.models.mobilenet_v2(weights=None).features
        given = {k: v for k, v in weights.items() if not k.startswith("classifier.")}
        names = list(features.state_dict())
        if {f"features.{name}" for name in names} == set(given):
            given = {key.removeprefix("features."): value for key, value in given.items()}
        elif len(given) == len(names):
            given = dict(zip(names, given.values(), strict=True))
        try:
            features.load_state_dict(given)
        except RuntimeError as error:
            raise ValueError("its layers are another network's") from error
        colours, features[0][1].running_mean = _taking_plain_input(
            features[0][0].weight.detach(), features[0][1].running_mean
        )
        features[0][0] = nn.Conv2d(1, 32, 3, stride=2, padding=1, bias=False)
        features[0][0].weight = nn.Parameter(colours.sum(dim=1, keepdim=True))
        for part, source in self._split(features).items():
            getattr(self, part).load_state_dict(source.state_dict())

    @staticmethod
    def _split(features: Any) -> dict[str, nn.Sequential]:
        """Parts by name, of the layers of torchvision's network (a Sequential)."""
        return {"below": features[:7], "middle": features[7:14], "top": features[14:18]}

    def forward_for_inference(self, image: Tensor) -> NetworkOutput:
        """In two halves as far as the maps are large: the same output, sooner."""
        half, margin = image.shape[2] // 16 * 8, self.receptive_margin
        if half <= margin:
            return self.forward(image)
        above = self.below(image[:, :, : half + margin])[:, :, : half // 8]
        under = self.below(image[:, :, half - margin :])[:, :, margin // 8 :]
        return self.forward_trainable(torch.cat([above, under], dim=2))

    def forward_frozen(self, image: Tensor) -> Tensor:
        """(batch, 32, height / 8, width / 8)."""
        feature: Tensor = self.below(image)
        return feature

    def forward_trainable(self, feature: Tensor, lesions: Tensor | None = None) -> NetworkOutput:
        fine = self.middle(feature)
        coarse = self.top(fine)
        rows, columns = coarse.shape[-2:]
        cells = torch.cat(
            [functional.avg_pool2d(fine, 2), functional.max_pool2d(fine, 2), coarse], dim=1
        )
        cells = self.norm(cells.flatten(2).transpose(1, 2))  # (batch, rows * columns, 512)
        score = self.attend(cells).squeeze(-1).float()

        def read_out(weight: Tensor) -> tuple[Tensor, Tensor]:
            attended = torch.einsum("bt,btw->bw", weight.to(cells.dtype), cells)
            hidden = functional.relu(self.dense(torch.cat([attended, cells.mean(dim=1)], dim=1)))
            hidden = self.dropout(hidden)
            return self.classify(hidden).float(), self.malignancy(hidden).squeeze(-1).float()

        supervised = None if lesions is None else NetworkOutput(*read_out(_attention_on(lesions)))
        attention = score.log_softmax(dim=1).view(-1, rows, columns)
        logits, malignancy = read_out(score.softmax(dim=1))
        return NetworkOutput(logits, malignancy, attention, supervised)


def to_channels_last(module: M) -> M:
    """In place, as torch computes convolutions soonest on a CPU."""
    cast(Any, module).to(memory_format=torch.channels_last)  # which torch's stubs do not know
    return module


def optimized_for_inference(network: M) -> M:
    """A copy for prediction only: batch norms folded into their convolutions, channels last.

    The same output but for rounding, in about half the time (benchmarks/inference_speed.py). What
    stays as it is of the weights, both have in common.
    """
    shared: dict[int, Tensor] = {id(each): each.detach() for each in network.buffers()}
    for weight in network.parameters():
        shared[id(weight)] = nn.Parameter(weight.detach(), weight.requires_grad)
    fast = copy.deepcopy(network, shared).eval()
    for module in fast.modules():
        children = list(module.named_children())
        for (_, convolution), (second, norm) in itertools.pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                own = convolution.weight, convolution.bias
                learnt: Any = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                convolution.weight, convolution.bias = fuse_conv_bn_weights(*own, *learnt)
                setattr(module, second, nn.Identity())
    return to_channels_last(fast)


class WithoutStart(TorchFunctionMode):
    """Networks that are built within have no weights to start from: they are loaded next.

    To draw a ResNet-50's takes longer than to load them.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return function(*args, **(kwargs or {}))


#: Every network by its name and trunk; experiments may add their own.
NETWORKS: dict[tuple[str, str | None], type[Network]] = {
    (HYBRID, None): HybridResNetTransformer,
    (LIGHT, None): LightweightCNN,
    (LIGHT, MOBILENET): LightweightMobileNet,
}


def build_model(name: str, trunk: str | None = None, **architecture: Any) -> Network:
    """An untrained network; raises KeyError for names that `NETWORKS` lacks.

    `trunk` "mobilenet" makes the light network the better one instead of the paper's.
    """
    return NETWORKS[name, trunk](**architecture)
