"""The second paper's ResNets (20, 56, 110): ReLU after the sum, shortcuts without parameters.

Reference section 4, `superconv_resnet56`, and superconv/table2 to table4, where the released file
decides against the printed table: its stem has stride 1. With dropout: his Resnet56Dropout.
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
from disciplined.models.pooling import average_pool, global_average

BLOCKS = {20: (3, 2, 2), 56: (9, 8, 8), 110: (18, 17, 17)}


class SuperconvResNet(nn.Module):
    """A stem, then blocks of 16, 32 and 64 channels with a halving block between, mean, `post_fc`.

    Parameters for 3×32×32 and 10 classes: 224,042 (20), 808,682 (56), 1,685,642 (110).
    `[N, C, H, W]` float to logits `[N, classes]`.

    Args:
        depth: 20, 56 or 110 layers (all but one are convolutions).
        image_shape: C, H, W; H and W divisible by 4.
        classes: outputs.
        batch_norm: `maf`, `groups` and `evaluate` of `CaffeBatchNorm`.
        dropout: fraction dropped after each batch norm of the blocks (superconv/fig09b has 0.2),
            drawn from torch's global generator.
        bias_decay: the convolutions' biases' decay multiplier (1 in his file with dropout).
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(
        self,
        depth: int,
        image_shape: Sequence[int],
        classes: int,
        batch_norm: Mapping[str, Any],
        dropout: float = 0.0,
        bias_decay: float = 0.0,
    ) -> None:
        super().__init__()
        if depth not in BLOCKS:
            raise Mistake(f"model.network.depth={depth}: expected 20, 56 or 110")
        if not 0 <= dropout < 1:
            raise Mistake(f"model.network.dropout={dropout}: expected a fraction below 1, e.g. 0.2")
        channels, _, _ = image_size(image_shape, f"model=superconv_resnet{depth}", halved=2)
        self.pre_conv = convolution(channels, 16, 3, msra, padding=1)
        self.pre_norm = CaffeBatchNorm(16, **batch_norm)
        first, second, third = BLOCKS[depth]
        self.blocks = nn.Sequential(
            *(Block(16, batch_norm, dropout) for _ in range(first)),
            HalvingBlock(16, batch_norm, dropout),
            *(Block(32, batch_norm, dropout) for _ in range(second)),
            HalvingBlock(32, batch_norm, dropout),
            *(Block(64, batch_norm, dropout) for _ in range(third)),
        )
        self.post_fc = inner_product(64, classes, xavier)
        self.multipliers = {
            f"{name}.bias": (2.0, bias_decay)
            for name, module in self.named_modules()
            if isinstance(module, nn.Conv2d)
        }
        self.multipliers["post_fc.bias"] = (2.0, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu_(self.pre_norm(self.pre_conv(x))))
        return self.post_fc(global_average(x))


class Block(nn.Module):
    """conv-BN-ReLU-conv-BN plus the shortcut, then ReLU; the width stays."""

    stride = 1

    def __init__(self, channels: int, batch_norm: Mapping[str, Any], dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv1 = convolution(channels, channels, 3, msra, stride=self.stride, padding=1)
        self.norm1 = CaffeBatchNorm(channels, **batch_norm)
        self.conv2 = convolution(channels, channels, 3, msra, padding=1)
        self.norm2 = CaffeBatchNorm(channels, **batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        # In place: batch norm's backward pass reads its input, never its output.
        residual = F.relu_(self.dropped(self.norm1(self.conv1(x))))
        residual = self.dropped(self.norm2(self.conv2(residual)))
        return F.relu_(residual.add_(self.shortcut(x)))

    def dropped(self, x: Tensor) -> Tensor:
        if not self.dropout:
            return x
        return F.dropout(x, self.dropout, self.training, inplace=True)

    def shortcut(self, x: Tensor) -> Tensor:
        return x


class HalvingBlock(Block):
    """The same with stride 2 and an average-pooled shortcut; then zeros double the channels."""

    stride = 2

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        return F.pad(x, (0, 0, 0, 0, 0, x.shape[1]))

    def shortcut(self, x: Tensor) -> Tensor:
        return average_pool(x, 3, 2)
