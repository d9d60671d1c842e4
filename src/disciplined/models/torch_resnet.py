"""clr/table4's two ResNets, which came from Torch: fb.resnet.torch's, and stochastic depth.

Read from models/resnet.lua there and from main.lua and ResidualDrop.lua of
yueatsprograms/Stochastic_Depth. The paper states no depths; the defaults are the latter's, 110
layers. Batch norm is Torch's (its average starts at mean 0 and variance 1 and takes a tenth of
every batch), no parameter has a multiplier of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake
from disciplined.models.fillers import Filler, msra, msra_fan_out, torch_linear
from disciplined.models.layers import convolution, image_size, inner_product
from disciplined.models.pooling import global_average


class TorchResNet(nn.Module):
    """A stem, then equally many blocks of 16, 32 and 64 channels, mean, a linear layer.

    The first block of the second and third stage halves the map; shortcuts have no parameters
    (type A) and convolutions no bias. 1,727,962 parameters for 3×32×32 and 10 classes.
    `[N, C, H, W]` float to logits `[N, classes]`.

    Args:
        image_shape: C, H, W; H and W divisible by 4.
        classes: outputs.
        depth: 6n + 2 layers: 20, 32, 44, 56, 110, ...
    """

    filler = staticmethod(msra_fan_out)
    conv_bias: float | None = None
    pool = 1  # every second pixel
    named = "model=table4_resnet"

    def __init__(self, image_shape: Sequence[int], classes: int, depth: int = 110) -> None:
        super().__init__()
        channels, _, _ = image_size(image_shape, self.named, halved=2)
        count, rest = divmod(depth - 2, 6)
        if count < 1 or rest:
            raise Mistake(f"model.network.depth={depth}: expected 6n + 2, such as 56 or 110")
        self.conv = convolution(channels, 16, 3, self.filler, padding=1, bias=self.conv_bias)
        self.norm = nn.BatchNorm2d(16)
        settings = (self.filler, self.conv_bias, self.pool)
        self.blocks = nn.ModuleList(
            Block(inputs if block == 0 else outputs, outputs, *settings)
            for inputs, outputs in ((16, 16), (16, 32), (32, 64))
            for block in range(count)
        )
        self.fc = inner_product(64, classes, torch_linear)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.norm(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(global_average(x))


class StochasticDepth(TorchResNet):
    """The same network with its blocks left out at random in training.

    Block l of L survives with probability 1 - l/L * (1 - survival), one draw per block and batch
    from torch's global generator on the CPU; one left out is its shortcut, and its parameters get
    gradients of 0, so that they go on by their momentum and decay. When tested every residual
    counts by its probability. Convolutions have biases and batch norms' scales start uniform in
    [0, 1), Torch's default; 1,732,010 parameters for 3×32×32 and 10 classes.

    Args:
        survival: the last block's probability.
    """

    filler = staticmethod(msra)
    conv_bias = 0.0
    pool = 2  # means of 2×2
    named = "model=table4_stochastic_depth"

    def __init__(
        self, image_shape: Sequence[int], classes: int, depth: int = 110, survival: float = 0.5
    ) -> None:
        super().__init__(image_shape, classes, depth)
        if not 0 < survival <= 1:
            raise Mistake(f"model.network.survival={survival}: expected a probability, e.g. 0.5")
        last = len(self.blocks)
        self.survivals = [1 - (block + 1) / last * (1 - survival) for block in range(last)]
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight)
        nn.init.uniform_(self.fc.bias, -(64**-0.5), 64**-0.5)

    @torch.compiler.disable(recursive=False)  # a graph for every draw would be 2^54; blocks compile
    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.norm(self.conv(x)))
        # Drawn on the CPU: the device need not be waited for to know which blocks to run.
        draws = torch.rand(len(self.blocks), device="cpu").tolist() if self.training else None
        for index, (block, survival) in enumerate(zip(self.blocks, self.survivals, strict=True)):
            if draws is None:
                x = block(x, survival)
            elif draws[index] < survival:
                x = block(x)
            else:  # what a ReLU let through another leaves as it is
                assert isinstance(block, Block)
                x = _LeftOut.apply(block.shortcut(x), *block.parameters())
        return self.fc(global_average(x))


class Block(nn.Module):
    """conv-BN-ReLU-conv-BN, times `weight`, plus the shortcut, then ReLU.

    The shortcut is the input, or where the channels double its pooled map and as many zeros.
    """

    def __init__(
        self, inputs: int, outputs: int, filler: Filler, bias: float | None, pool: int
    ) -> None:
        super().__init__()
        self.added = outputs - inputs
        self.pool = pool
        stride = 2 if self.added else 1
        self.conv1 = convolution(inputs, outputs, 3, filler, stride=stride, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs, 3, filler, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, weight: float = 1.0) -> Tensor:
        # In place: batch norm's backward pass reads its input, never its output.
        residual = self.norm2(self.conv2(F.relu_(self.norm1(self.conv1(x)))))
        if weight != 1:
            residual = residual.mul_(weight)
        return F.relu_(residual.add_(self.shortcut(x)))

    def shortcut(self, x: Tensor) -> Tensor:
        if not self.added:
            return x
        return F.pad(F.avg_pool2d(x, self.pool, 2), (0, 0, 0, 0, 0, self.added))


class _LeftOut(torch.autograd.Function):
    """The map itself, and gradients of 0 for parameters that had no part in it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.save_for_backward(*parameters)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return gradients[0], *map(torch.zeros_like, ctx.saved_tensors)
