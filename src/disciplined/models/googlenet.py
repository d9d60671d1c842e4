"""GoogLeNet without batch norm, after Caffe's bvlc_googlenet; clr/fig11 to fig13.

The paper names a prototxt from Princeton and prints nothing of it; this is Caffe's own, which its
model zoo has since. Whether the two differ is not known here.
Its two auxiliary classifiers are left out: they add losses (weight 0.3 each) in training only, and
a run here trains on one. Source: Caffe's models/bvlc_googlenet/train_val.prototxt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.models.alexnet import across_channels
from disciplined.models.fillers import xavier
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import global_average, max_pool

# 1×1; 3×3's reduction and itself; 5×5's; behind the pooling
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """Three convolutions, nine inception modules, mean, dropout 0.4, one inner product.

    `[N, C, H, W]` float to logits `[N, classes]`. 6,998,552 parameters for 3 channels (Caffe crops
    to 224×224) and 1,000 classes.

    Args:
        image_shape: C, H, W.
        classes: outputs.
        dropout: fraction dropped before the last layer, from torch's global generator.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(self, image_shape: Sequence[int], classes: int, dropout: float = 0.4) -> None:
        super().__init__()
        channels, _, _ = image_size(image_shape, "model=googlenet")
        self.conv1 = convolution(channels, 64, 7, xavier, stride=2, padding=3, bias=0.2)
        self.reduce2 = convolution(64, 64, 1, xavier, bias=0.2)
        self.conv2 = convolution(64, 192, 3, xavier, padding=1, bias=0.2)
        inputs = 192
        self.inceptions = nn.ModuleDict()
        for name, widths in INCEPTIONS.items():
            self.inceptions[name] = Inception(inputs, *widths)
            inputs = widths[0] + widths[2] + widths[4] + widths[5]
        self.classifier = inner_product(inputs, classes, xavier)
        self.dropout = dropout
        self.multipliers = {
            name: (2.0, 0.0) for name, _ in self.named_parameters() if name.endswith(".bias")
        }

    def forward(self, x: Tensor) -> Tensor:
        x = across_channels(max_pool(F.relu_(self.conv1(x)), 3, 2))
        x = F.relu_(self.conv2(F.relu_(self.reduce2(x))))
        x = max_pool(across_channels(x), 3, 2)
        for name, inception in self.inceptions.items():
            if name in ("4a", "5a"):
                x = max_pool(x, 3, 2)
            x = inception(x)
        return self.classifier(F.dropout(global_average(x), self.dropout, self.training))


class Inception(nn.Module):
    """1×1, 3×3 and 5×5 convolutions (reduced by 1×1) and a 3×3 maximum with 1×1, side by side."""

    def __init__(
        self, inputs: int, one: int, reduce3: int, three: int, reduce5: int, five: int, pool: int
    ) -> None:
        super().__init__()
        self.one = convolution(inputs, one, 1, xavier, bias=0.2)
        self.reduce3 = convolution(inputs, reduce3, 1, xavier, bias=0.2)
        self.three = convolution(reduce3, three, 3, xavier, padding=1, bias=0.2)
        self.reduce5 = convolution(inputs, reduce5, 1, xavier, bias=0.2)
        self.five = convolution(reduce5, five, 5, xavier, padding=2, bias=0.2)
        self.pool = convolution(inputs, pool, 1, xavier, bias=0.2)

    def forward(self, x: Tensor) -> Tensor:
        branches = (
            self.one(x),
            self.three(F.relu_(self.reduce3(x))),
            self.five(F.relu_(self.reduce5(x))),
            self.pool(F.max_pool2d(x, 3, 1, padding=1)),
        )
        return F.relu_(torch.cat(branches, 1))
