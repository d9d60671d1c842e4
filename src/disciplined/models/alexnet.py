"""AlexNet as Caffe ships it (bvlc_alexnet), the network of clr/fig07 to fig10.

Two groups in its second, fourth and fifth convolution and normalisation across channels, neither of
which torchvision's has. Source: Caffe's models/bvlc_alexnet/train_val.prototxt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.fillers import gaussian
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import max_pool, pooled


class AlexNet(nn.Module):
    """Five convolutions, two normalisations, three poolings, fc6 and fc7 with dropout, fc8.

    `[N, C, H, W]` float to logits `[N, classes]`. 60,965,224 parameters for 3×227×227 (the crop
    Caffe uses) and 1,000 classes.

    Args:
        image_shape: C, H, W; 67 pixels a side or more.
        classes: outputs.
        dropout: fraction dropped behind fc6 and fc7, from torch's global generator.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(self, image_shape: Sequence[int], classes: int, dropout: float = 0.5) -> None:
        super().__init__()
        channels, *sides = image_size(image_shape, "model=alexnet")
        left = 1
        for side in sides:
            side = (side - 11) // 4 + 1
            for _ in range(3):
                side = pooled(side, 3, 2)
            if side < 1:
                raise Mistake(
                    f"model=alexnet: images of {image_shape[1]}×{image_shape[2]} pixels are too "
                    "small, nothing is left of them: choose a dataset of 67×67 or more"
                )
            left *= side
        narrow = gaussian(0.01)
        self.conv1 = convolution(channels, 96, 11, narrow, stride=4)
        self.conv2 = convolution(96, 256, 5, narrow, padding=2, groups=2, bias=0.1)
        self.conv3 = convolution(256, 384, 3, narrow, padding=1)
        self.conv4 = convolution(384, 384, 3, narrow, padding=1, groups=2, bias=0.1)
        self.conv5 = convolution(384, 256, 3, narrow, padding=1, groups=2, bias=0.1)
        self.fc6 = inner_product(256 * left, 4096, gaussian(0.005), bias=0.1)
        self.fc7 = inner_product(4096, 4096, gaussian(0.005), bias=0.1)
        self.fc8 = inner_product(4096, classes, narrow)
        self.dropout = dropout
        self.multipliers = {
            name: (2.0, 0.0) for name, _ in self.named_parameters() if name.endswith(".bias")
        }

    def forward(self, x: Tensor) -> Tensor:
        x = max_pool(across_channels(F.relu_(self.conv1(x))), 3, 2)
        x = max_pool(across_channels(F.relu_(self.conv2(x))), 3, 2)
        x = F.relu_(self.conv4(F.relu_(self.conv3(x))))
        x = max_pool(F.relu_(self.conv5(x)), 3, 2)
        for layer in (self.fc6, self.fc7):
            x = F.dropout(F.relu_(layer(x)), self.dropout, self.training)
        return self.fc8(x)


def across_channels(x: Tensor) -> Tensor:
    """Caffe's LRN as both ImageNet networks have it: 5 channels, alpha 1e-4, beta 0.75."""
    return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75)
