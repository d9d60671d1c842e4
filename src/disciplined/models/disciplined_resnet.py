"""The third paper's ResNets, his gResnet56 and wide32cifar: no ReLU after the sum, 2×2 projections.

Reference section 4, `disciplined_gResnet56` and `disciplined_wide32`. They differ from the second
paper's in every block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.fillers import Filler, msra, xavier
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import global_average

FILLERS: dict[str, Filler] = {"msra": msra, "xavier": xavier}


class DisciplinedResNet(nn.Module):
    """A 16-channel stem, then `blocks` residual blocks at each of `widths`, mean, `post_FC`.

    Between two widths stands one more block that halves the map and widens it, its shortcut a 2×2
    convolution of stride 2 with batch norm. With 8 blocks: 55 convolutions (2 of them projections)
    and 26 sums, ResNet-56; 860,874 parameters for 3×32×32 and 10 classes. The wide ResNet-32 has
    5, 4 and 4 blocks at 16, 64 and 256 channels: 33 convolutions, 15 sums, 5,903,626 parameters.
    `[N, C, H, W]` float to logits `[N, classes]`.

    Args:
        blocks: plain blocks at each width, or one number for all.
        image_shape: C, H, W; H and W divisible by 2 once for each further width.
        classes: outputs.
        batch_norm: `maf`, `groups` and `evaluate` of `CaffeBatchNorm`.
        filler: `msra`, or `xavier`, with which the author's four runs alternated it.
        widths: channels; the first are the stem's.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(
        self,
        blocks: int | Sequence[int],
        image_shape: Sequence[int],
        classes: int,
        batch_norm: Mapping[str, Any],
        filler: str = "msra",
        widths: Sequence[int] = (16, 32, 64),
    ) -> None:
        super().__init__()
        plain = list(blocks) if isinstance(blocks, Sequence) else [blocks] * len(widths)
        if len(plain) != len(widths) or not all(isinstance(count, int) for count in plain):
            raise Mistake(
                f"model.network.blocks={blocks}: expected a whole number, or one for each of the "
                f"{len(widths)} model.network.widths"
            )
        channels, _, _ = image_size(image_shape, "model.network", halved=len(widths) - 1)
        if filler not in FILLERS:
            raise Mistake(f"model.network.filler={filler}: expected {' or '.join(FILLERS)}")
        fill = FILLERS[filler]
        self.first = ConvNorm(channels, widths[0], 3, fill, batch_norm)
        stages: list[nn.Module] = []
        for stage, (width, count) in enumerate(zip(widths, plain, strict=True)):
            if stage:
                stages.append(ResidualBlock(widths[stage - 1], width, fill, batch_norm))
            stages += [ResidualBlock(width, width, fill, batch_norm) for _ in range(count)]
        self.blocks = nn.Sequential(*stages)
        self.post_fc = inner_product(widths[-1], classes, fill)
        # His file gives multipliers to the last layer only; everything else has Caffe's (1, 1).
        self.multipliers = {"post_fc.bias": (2.0, 0.0)}

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu_(self.first(x)))
        return self.post_fc(global_average(x))


class ConvNorm(nn.Module):
    """A convolution and its batch norm; a kernel of 3 is padded by 1, one of 2 is not."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        filler: Filler,
        batch_norm: Mapping[str, Any],
        stride: int = 1,
    ) -> None:
        super().__init__()
        padding = (kernel - 1) // 2
        self.conv = convolution(inputs, outputs, kernel, filler, stride=stride, padding=padding)
        self.norm = CaffeBatchNorm(outputs, **batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """conv-BN-ReLU-conv-BN plus the input, or plus its projection where the width changes."""

    def __init__(
        self, inputs: int, outputs: int, filler: Filler, batch_norm: Mapping[str, Any]
    ) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv0 = ConvNorm(inputs, outputs, 3, filler, batch_norm, stride)
        self.conv1 = ConvNorm(outputs, outputs, 3, filler, batch_norm)
        self.proj = (
            None if inputs == outputs else ConvNorm(inputs, outputs, 2, filler, batch_norm, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        # In place: batch norm's backward pass reads its input, never its output.
        residual = self.conv1(F.relu_(self.conv0(x)))
        return residual.add_(x if self.proj is None else self.proj(x))
