"""The two networks. Each answers logits over its own BI-RADS categories.

`HybridResNetTransformer` follows Singh et al., Sci Rep 16, 10033 (2026) as far as it is published,
completed where it is silent (see docs/experiments.md); `LightweightCNN` follows Meza Moreno and
Penaloza. Weights come from `engine.checkpoint`, never from here.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.torchvision_guard import torchvision

HYBRID, LIGHT = "hybrid", "light"


class Output(NamedTuple):
    """What a network says of a batch of views."""

    logits: Tensor  #: (batch, categories)
    malignancy: Tensor | None = None  #: (batch,) logit, where the network has such a head
    attention: Tensor | None = None  #: (batch, rows, columns) log-attention over the token grid


class HybridResNetTransformer(nn.Module):
    """ResNet-50 features at three scales, joined by light multi-head self-attention.

    C3, C4 and C5 (strides 8, 16, 32) are summarised on the C5 grid by mean and maximum, so that a
    small bright spot at C3 survives, and projected to one `width`. Two-dimensional sine positions
    and a learned embedding of the scale are added; pre-norm encoder layers let every place of
    every scale see every other. The read-out joins three poolings: the tokens by learned
    attention, the tokens' mean, and C5's average. `malignancy` is an auxiliary output, and the
    attention can be taught with lesion boxes.
    """

    categories = (1, 2, 3, 4, 5)

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
            dropout=0.1,
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

    @property
    def explained_layer(self) -> nn.Module:
        """Where Grad-CAM looks: C5, before the tokens, so gradients pass through the attention."""
        return self.layer4

    def forward(self, image: Tensor) -> Output:
        """`image` is (batch, 1, height, width) in [0, 1]; height and width multiples of 32."""
        return self.from_c3(self.to_c3(image))

    def to_c3(self, image: Tensor) -> Tensor:
        """The layers that training keeps frozen: (batch, 512, height / 8, width / 8)."""
        return self.layer2(self.layer1(self.stem(image.expand(-1, 3, -1, -1))))

    def from_c3(self, c3: Tensor) -> Output:
        c4 = self.layer3(c3)
        c5 = self.layer4(c4)
        return self.read(c3, c4, c5)

    def read(self, c3: Tensor, c4: Tensor, c5: Tensor) -> Output:
        """The head: tokens of each scale (batch, rows * columns, width), encoder, read-out."""
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
        weight = score.softmax(dim=1).to(encoded.dtype)
        attended = torch.einsum("bt,btw->bw", weight, encoded)
        overall = self.c5_project(self.c5_norm(c5.mean(dim=(2, 3))))
        joined = self.dropout(torch.cat([attended, encoded.mean(dim=1), overall], dim=1))
        grid = score.log_softmax(dim=1).view(-1, len(self.scales), rows, columns)
        return Output(
            self.classify(joined).float(),
            self.malignancy(joined).squeeze(-1).float(),
            grid.logsumexp(dim=1),
        )


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


class LightweightCNN(nn.Module):
    """Three convolution and pooling blocks, dense 128, dropout 0.5 (paper 2).

    The paper gives no filter counts; 32, 64 and 128 are ours. With `pools_globally` the flattened
    28 x 28 map is replaced by its 7 x 7 mean and maximum, and each block is batch-normalised: fewer
    weights, and what is learned in one corner holds in another.
    """

    categories = (1, 3, 4, 5)

    def __init__(
        self,
        filters: tuple[int, int, int] = (32, 64, 128),
        pools_globally: bool = False,
        has_malignancy: bool = False,
    ) -> None:
        super().__init__()
        self.architecture = {
            "filters": list(filters),
            "pools_globally": pools_globally,
            "has_malignancy": has_malignancy,
        }
        self.pools_globally = pools_globally
        blocks, channels = [], 1
        for count in filters:
            block: list[nn.Module] = [nn.Conv2d(channels, count, 3, padding=1)]
            if pools_globally:
                block.append(nn.BatchNorm2d(count))
            blocks.append(nn.Sequential(*block, nn.ReLU(), nn.MaxPool2d(2)))
            channels = count
        self.blocks = nn.Sequential(*blocks)
        features = channels * (2 * 7 * 7 if pools_globally else 28 * 28)
        self.dense = nn.Linear(features, 128)
        self.dropout = nn.Dropout(0.5)
        self.classify = nn.Linear(128, len(self.categories))
        self.malignancy = nn.Linear(128, 1) if has_malignancy else None

    @property
    def explained_layer(self) -> nn.Module:
        return self.blocks[-1]

    def forward(self, image: Tensor) -> Output:
        """`image` is (batch, 1, 224, 224) in [0, 1]."""
        feature = self.blocks(image)  # (batch, filters[-1], 28, 28)
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
        return Output(self.classify(hidden).float(), malignancy)


_ARCHITECTURES = {HYBRID: HybridResNetTransformer, LIGHT: LightweightCNN}


def build_model(name: str, **architecture) -> nn.Module:
    """An untrained network; raises KeyError for a name that is neither "hybrid" nor "light"."""
    return _ARCHITECTURES[name](**architecture)
