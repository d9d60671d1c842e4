"""The second paper's failures: his bottleneckResnet56 and ResNeXt56; superconv/fig11.

Read from the author's two files of these names (architectures/ of his repository). They are
pre-activation networks, unlike his other ResNets, and their batch norm has no `Scale` layer. Both
files also test with batch statistics: `batch_norm.evaluate=batch`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.fillers import msra, xavier
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import global_average


class BottleneckResNet(nn.Module):
    """A 16-channel stem, 6 bottleneck blocks at each of 64, 128 and 256 channels, BN-ReLU, mean.

    54 convolutions in the blocks, 3 more in shortcuts; the second and third stage begin at stride
    2. Parameters for 3×32×32 and 10 classes: 586,826 (bottleneck) and 581,194 (ResNeXt).
    `[N, C, H, W]` float to logits `[N, classes]`.

    Args:
        inner: channels inside the blocks of the first stage, doubled in each next: 16, or 32.
        cardinality: groups of the 3×3 convolutions: 1, or ResNeXt's 32.
        image_shape: C, H, W; H and W divisible by 4.
        classes: outputs.
        batch_norm: `maf`, `groups` and `evaluate` of `CaffeBatchNorm`.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(
        self,
        inner: int,
        cardinality: int,
        image_shape: Sequence[int],
        classes: int,
        batch_norm: Mapping[str, Any],
    ) -> None:
        super().__init__()
        if inner < 1 or cardinality < 1 or inner % cardinality:
            raise Mistake(
                f"model.network.cardinality={cardinality}: expected a divisor of "
                f"model.network.inner={inner}"
            )
        channels, _, _ = image_size(image_shape, "model.network", halved=2)
        self.pre_conv = convolution(channels, 16, 3, msra, padding=1)
        blocks, inputs = [], 16
        for stage in range(3):
            width, outputs = inner * 2**stage, 64 * 2**stage
            for block in range(6):
                stride = 2 if stage and not block else 1
                blocks.append(Bottleneck(inputs, width, outputs, stride, cardinality, batch_norm))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.post_norm = CaffeBatchNorm(inputs, scale=False, **batch_norm)
        self.post_fc = inner_product(inputs, classes, xavier)
        self.multipliers = {
            f"{name}.bias": (2.0, 0.0)
            for name, module in self.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        self.multipliers["post_fc.bias"] = (2.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.post_norm(self.blocks(self.pre_conv(x))))
        return self.post_fc(global_average(x))


class Bottleneck(nn.Module):
    """BN-ReLU-conv three times (1×1 with the stride, 3×3, 1×1) plus the input.

    Where width or stride change, plus a 1×1 convolution of the input as it comes, not activated.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        outputs: int,
        stride: int,
        cardinality: int,
        batch_norm: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.norm1 = CaffeBatchNorm(inputs, scale=False, **batch_norm)
        self.conv1 = convolution(inputs, width, 1, msra, stride=stride)
        self.norm2 = CaffeBatchNorm(width, scale=False, **batch_norm)
        self.conv2 = convolution(width, width, 3, msra, padding=1, groups=cardinality)
        self.norm3 = CaffeBatchNorm(width, scale=False, **batch_norm)
        self.conv3 = convolution(width, outputs, 1, msra)
        self.shortcut = (
            None
            if inputs == outputs and stride == 1
            else convolution(inputs, outputs, 1, msra, stride=stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(F.relu_(self.norm1(x)))
        residual = self.conv2(F.relu_(self.norm2(residual)))
        residual = self.conv3(F.relu_(self.norm3(residual)))
        # In place: a convolution's backward pass does not read its output.
        return residual.add_(x if self.shortcut is None else self.shortcut(x))
