"""The 3-layer network of the first and third papers: Caffe's `cifar10_full`, his `cifar3`.

Reference sections 4 and 5. It wants raw pixels (0 to 255) minus the mean image: its first filler
has standard deviation 1e-4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.fillers import gaussian
from disciplined.models.layers import convolution, inner_product
from disciplined.models.lrn import WithinChannelLRN
from disciplined.models.pooling import average_pool, max_pool, pooled


class ThreeLayer(nn.Module):
    """conv1-maxpool-ReLU-LRN, conv2-ReLU-avgpool-LRN, conv3-ReLU-avgpool, ip1.

    Convolutions are 5×5 with padding 2, pooling 3×3 with stride 2 rounded up, so 32×32 images
    become maps of 16, 8 and 4 pixels. `[N, C, H, W]` float to logits `[N, classes]`.
    89,578 parameters for 3×32×32 and 10 classes.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(self, image_shape: Sequence[int], classes: int) -> None:
        super().__init__()
        channels, height, width = image_shape
        for _ in range(3):
            height, width = pooled(height, 3, 2), pooled(width, 3, 2)
        if min(height, width) < 1:
            raise Mistake(
                f"model=three_layer: images of {image_shape[1]}×{image_shape[2]} pixels are too "
                "small, its three poolings leave nothing: choose a dataset of 8×8 or more"
            )
        self.conv1 = convolution(channels, 32, 5, gaussian(1e-4), padding=2)
        self.norm1 = WithinChannelLRN(3, alpha=5e-5, beta=0.75)
        self.conv2 = convolution(32, 32, 5, gaussian(0.01), padding=2)
        self.norm2 = WithinChannelLRN(3, alpha=5e-5, beta=0.75)
        self.conv3 = convolution(32, 64, 5, gaussian(0.01), padding=2)
        self.ip1 = inner_product(64 * height * width, classes, gaussian(0.01))
        self.multipliers = {
            "conv1.bias": (2.0, 1.0),
            "conv2.bias": (2.0, 1.0),
            "ip1.weight": (1.0, 250.0),
            "ip1.bias": (2.0, 0.0),
        }

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(F.relu_(max_pool(self.conv1(x), 3, 2)))
        x = self.norm2(average_pool(F.relu_(self.conv2(x)), 3, 2))
        x = average_pool(F.relu_(self.conv3(x)), 3, 2)
        return self.ip1(x)
