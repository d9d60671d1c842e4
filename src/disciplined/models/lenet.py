"""LeNet as in Caffe's MNIST example, the network of disciplined/fig14 and table2's MNIST rows.

Reference section 5. Caffe's data layer scales its pixels by 1/256; the configuration does it here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.fillers import xavier
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import max_pool, pooled


class LeNet(nn.Module):
    """conv1-maxpool, conv2-maxpool, ip1-ReLU, ip2: no other nonlinearity.

    5×5 convolutions (20 and 50 channels) without padding, 2×2 pooling, 500 hidden units.
    `[N, C, H, W]` float to logits `[N, classes]`. 431,080 parameters for 1×28×28 and 10 classes.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(self, image_shape: Sequence[int], classes: int) -> None:
        super().__init__()
        channels, height, width = image_size(image_shape, "model=lenet")
        for _ in range(2):
            height, width = height - 4, width - 4
            if min(height, width) < 1:
                raise Mistake(
                    f"model=lenet: images of {image_shape[1]}×{image_shape[2]} pixels are too "
                    "small for its two unpadded 5×5 convolutions: choose dataset=mnist, or "
                    "another of 14×14 or more"
                )
            height, width = pooled(height, 2, 2), pooled(width, 2, 2)
        self.conv1 = convolution(channels, 20, 5, xavier)
        self.conv2 = convolution(20, 50, 5, xavier)
        self.ip1 = inner_product(50 * height * width, 500, xavier)
        self.ip2 = inner_product(500, classes, xavier)
        self.multipliers = {
            f"{layer}.bias": (2.0, 1.0) for layer in ("conv1", "conv2", "ip1", "ip2")
        }

    def forward(self, x: Tensor) -> Tensor:
        x = max_pool(self.conv1(x), 2, 2)
        x = max_pool(self.conv2(x), 2, 2)
        return self.ip2(F.relu_(self.ip1(x)))
