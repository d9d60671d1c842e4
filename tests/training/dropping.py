"""A network with dropout, for runs whose layers draw."""

import math

from torch import Tensor, nn


class Dropping(nn.Sequential):
    """Images [N, C, H, W] -> logits [N, classes]; half of 32 hidden units dropped in training."""

    def __init__(self, image_shape: list[int], classes: int):
        super().__init__(
            nn.Flatten(),
            nn.Linear(math.prod(image_shape), 32),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(32, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)
