"""Caffe's local response normalisation within a channel (`norm_region: WITHIN_CHANNEL`).

Torch has only the one across channels. Source: Caffe's lrn_layer.cpp; reference section 5.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class WithinChannelLRN(nn.Module):
    """`x * (1 + alpha * mean(x²))^-beta`, the mean over a square window of the same channel.

    The window is centred and padded with zeros, and the padding counts: every mean divides by
    `size²`, at the border too. `[N, C, H, W]` in, the same out.
    """

    def __init__(self, size: int = 3, alpha: float = 5e-5, beta: float = 0.75) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x * x, self.size, stride=1, padding=self.size // 2)
        return x * (1 + self.alpha * mean).pow(-self.beta)

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}"
