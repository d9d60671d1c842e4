"""Caffe's local response normalisation within a channel (`norm_region: WITHIN_CHANNEL`).

Torch has only the one across channels. Source: Caffe's lrn_layer.cpp; reference section 5. Left
to autograd it costs a fifth of the 3-layer network's step on a CPU; written out as here, less
than half of that.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake


class WithinChannelLRN(nn.Module):
    """`x * (1 + alpha * mean(x²))^-beta`, the mean over a square window of the same channel.

    The window of `size` (odd) is centred and padded with zeros, and the padding counts: every mean
    divides by `size²`, at the border too. `[N, C, H, W]` in, the same out; half precisions are
    computed in fp32.
    """

    def __init__(self, size: int = 3, alpha: float = 5e-5, beta: float = 0.75) -> None:
        super().__init__()
        if size % 2 == 0:
            raise Mistake(f"LRN size={size}: the window is centred, so its side is odd")
        self.size = size
        self.alpha = alpha
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        # Half precisions would round 1 + alpha * mean to 1.
        with torch.autocast(x.device.type, enabled=False):
            wide = x.to(torch.promote_types(x.dtype, torch.float32))
            return _LRN.apply(wide, self.size, self.alpha, self.beta)[0].to(x.dtype)

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}"


class _LRN(torch.autograd.Function):
    """With s = 1 + alpha * mean(x²) and r = s^-beta: y = x*r, and as the window is symmetric
    dx = g*r - x * 2*beta*alpha*mean(g*x*r/s)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, size: int, alpha: float, beta: float) -> tuple[Tensor, Tensor, Tensor]:
        s = _window_mean(x * x, size, alpha, 1.0)
        if beta == 0.75:
            q = s.rsqrt()
            r = q.sqrt().mul_(q)  # three times as fast as pow, and as exact to two roundings
        else:
            r = s.pow(-beta)
        return x * r, s, r

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
        x, ctx.size, ctx.alpha, ctx.beta = inputs
        _, s, r = output
        ctx.mark_non_differentiable(s, r)
        ctx.set_materialize_grads(False)  # or s and r would each get a map of zeros
        ctx.save_for_backward(x, s, r)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, None, None, None]:
        g = gradients[0]
        if g is None:
            return None, None, None, None
        x, s, r = ctx.saved_tensors
        direct = g * r
        spread = _window_mean((direct * x).div_(s), ctx.size, 2 * ctx.beta * ctx.alpha, 0.0)
        return direct.sub_(spread.mul_(x)), None, None, None


def _window_mean(x: Tensor, size: int, factor: float, offset: float) -> Tensor:
    """`offset + factor * mean` of every zero-padded window of `x`."""
    if x.device.type != "cpu":
        mean = F.avg_pool2d(x, size, stride=1, padding=size // 2)
        return mean.mul_(factor).add_(offset)
    # The same as a convolution, which on a CPU is more than twice as fast.
    channels = x.shape[1]
    weight = x.new_full((channels, 1, size, size), factor / size**2)
    bias = x.new_full((channels,), offset)
    return F.conv2d(x, weight, bias, padding=size // 2, groups=channels)
