"""DenseNet-40 of the third paper, his genDensenet40; disciplined/fig13 and table2.

Reference section 4, `disciplined_densenet40`. clr/table4 ran its Torch original, of which this is
the Caffe form: there `dropout=0` with the usual augmentation and `filler=msra_fan_out`, and Torch's
batch norm, whose average is Caffe's at `batch_norm.maf=0.9` but for its first fifty updates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.models.fillers import Filler, msra, msra_fan_out, xavier
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import average_pool, global_average

FILLERS: dict[str, Filler] = {"msra": msra, "xavier": xavier, "msra_fan_out": msra_fan_out}


class DenseNet(nn.Module):
    """A stem, three dense stages of `layers` layers, 1×1 transitions between, BN-ReLU, mean.

    With the defaults: depth 40; a stem of 16 channels, transitions of 160 and 304 channels, 448
    before the mean; 1,019,722 parameters for 3×32×32 and 10 classes. Convolutions have no bias.
    `[N, C, H, W]` float to logits `[N, classes]`.

    Args:
        image_shape: C, H, W; H and W divisible by 4.
        classes: outputs.
        batch_norm: `maf`, `groups` and `evaluate` of `CaffeBatchNorm`.
        layers: of each stage.
        growth: channels that each layer adds.
        dropout: fraction dropped after every convolution but the stem, from torch's generator.
        filler: msra, or xavier, with which the author's four runs alternated it, or msra_fan_out.
    """

    multipliers: dict[str, tuple[float, float]]
    """Rate and decay multipliers of the parameters that have others than (1, 1)."""

    def __init__(
        self,
        image_shape: Sequence[int],
        classes: int,
        batch_norm: Mapping[str, Any],
        layers: int = 12,
        growth: int = 12,
        dropout: float = 0.2,
        filler: str = "msra",
    ) -> None:
        super().__init__()
        channels, _, _ = image_size(image_shape, "model=densenet40", halved=2)
        if filler not in FILLERS:
            raise Mistake(f"model.network.filler={filler}: expected {', '.join(FILLERS)}")
        if not 0 <= dropout < 1:
            raise Mistake(f"model.network.dropout={dropout}: expected a fraction below 1, e.g. 0.2")
        fill = FILLERS[filler]
        width = 16
        self.stem = convolution(channels, width, 3, fill, padding=1, bias=None)
        stages: list[nn.Module] = []
        for stage in range(3):
            if stage:
                stages.append(Transition(width, width, 1, fill, dropout, batch_norm))
            for _ in range(layers):
                stages.append(DenseLayer(width, growth, 3, fill, dropout, batch_norm))
                width += growth
        self.stages = nn.Sequential(*stages)
        self.post_norm = CaffeBatchNorm(width, **batch_norm)
        self.post_fc = inner_product(width, classes, xavier)
        self.multipliers = {"post_fc.bias": (2.0, 1.0)}

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.post_norm(self.stages(self.stem(x))))
        return self.post_fc(global_average(x))


class NormConvolution(nn.Module):
    """BN-ReLU-conv-dropout, from `inputs` to `outputs` channels; a kernel of 3 is padded by 1."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        filler: Filler,
        dropout: float,
        batch_norm: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.norm = CaffeBatchNorm(inputs, **batch_norm)
        self.conv = convolution(inputs, outputs, kernel, filler, padding=kernel // 2, bias=None)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        # In place, both: neither backward pass reads the output.
        x = self.conv(F.relu_(self.norm(x)))
        return F.dropout(x, self.dropout, self.training, inplace=True) if self.dropout else x


class DenseLayer(NormConvolution):
    """The new channels, then all there were before (the order of his `Concat`)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((super().forward(x), x), 1)


class Transition(NormConvolution):
    """The 1×1 convolution, and 2×2 means behind it."""

    def forward(self, x: Tensor) -> Tensor:
        return average_pool(super().forward(x), 2, 2)
