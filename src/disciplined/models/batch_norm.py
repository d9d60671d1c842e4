"""Batch norm as the papers had it: Caffe's running sums, and one set of statistics per device.

Caffe keeps `s <- maf*s + x` and `f <- maf*f + 1` and reads `s/f`, so that the average is one of
what was seen from the first batch on; torch's starts at mean 0 and variance 1, of which 61 % is
left after 500 iterations at the fraction 0.999 (reference section 0). The author trained on 8
devices (second paper) or 4 (third), each normalising its own part of the batch; the statistics of
the first were the ones he tested with.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from disciplined.mistakes import Mistake

EPS = 1e-5  # Caffe's default, which no file of the papers changes


class CaffeBatchNorm(nn.Module):
    """Caffe's `BatchNorm` and the `Scale` layer with bias that mostly follows it, `[N, C, H, W]`.

    Args:
        channels: C.
        maf: moving-average fraction, 0 <= maf < 1; what is kept of the running sums at each step.
        groups: in training the batch is cut into so many equal, consecutive parts (the author's
            devices), each normalised by its own statistics. The first part's are the running ones.
        evaluate: in evaluation normalise by the `running` statistics, or by those of the whole
            `batch` at hand (Caffe's `use_global_stats: false`, as in superconv/fig04).
        scale: whether a `Scale` layer follows; without it weight and bias stay 1 and 0.

    `s_mean`, `s_var` and `f` are Caffe's three sums times (1 - maf). The factor cancels in s/f and
    makes the update the one that torch's batch norm fuses into its forward pass.
    """

    def __init__(
        self,
        channels: int,
        *,
        maf: float,
        groups: int = 1,
        evaluate: str = "running",
        scale: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= maf < 1:
            raise Mistake(
                f"batch_norm.maf={maf}: a moving-average fraction is at least 0 and below 1, "
                "e.g. 0.95"
            )
        if groups < 1:
            raise Mistake(f"batch_norm.groups={groups}: expected 1 (one set of statistics) or more")
        if evaluate not in ("running", "batch"):
            raise Mistake(f"batch_norm.evaluate={evaluate}: expected running or batch")
        self.maf = float(maf)
        self.groups = int(groups)
        self.evaluate = evaluate
        self.weight: Tensor
        self.bias: Tensor
        if scale:
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))
        else:
            self.register_buffer("weight", torch.ones(channels), persistent=False)
            self.register_buffer("bias", torch.zeros(channels), persistent=False)
        self.register_buffer("s_mean", torch.zeros(channels))
        self.register_buffer("s_var", torch.zeros(channels))
        self.register_buffer("f", torch.zeros(()))
        self.s_mean: Tensor
        self.s_var: Tensor
        self.f: Tensor

    def statistics(self) -> tuple[Tensor, Tensor]:
        """The running mean and (unbiased) variance, `[C]` each; zeros before the first batch."""
        one = torch.ones_like(self.f)
        scale = torch.where(self.f > 0, one / self.f, torch.zeros_like(one))
        return self.s_mean * scale, self.s_var * scale

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return self._train(x)
        if self.evaluate == "batch":
            return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=EPS)
        mean, var = self.statistics()
        return F.batch_norm(x, mean, var, self.weight, self.bias, training=False, eps=EPS)

    def _train(self, x: Tensor) -> Tensor:
        new = 1 - self.maf
        self.f.mul_(self.maf).add_(new)
        if self.groups == 1:
            return F.batch_norm(x, self.s_mean, self.s_var, self.weight, self.bias, True, new, EPS)
        check_groups(x.shape[0], self.groups)
        if x.device.type == "cpu" and not torch.compiler.is_compiling():
            return _Grouped.apply(
                x, self.weight, self.bias, self.s_mean, self.s_var, new, self.groups
            )
        first, *others = x.chunk(self.groups)
        parts = [
            F.batch_norm(first, self.s_mean, self.s_var, self.weight, self.bias, True, new, EPS)
        ]
        for part in others:
            parts.append(F.batch_norm(part, None, None, self.weight, self.bias, True, 0.0, EPS))
        return torch.cat(parts)

    def extra_repr(self) -> str:
        channels = self.weight.shape[0]
        return f"{channels}, maf={self.maf}, groups={self.groups}, evaluate={self.evaluate}"


class _Grouped(torch.autograd.Function):
    """What `CaffeBatchNorm` does with chunks, written into one tensor instead of copied there.

    Groups then cost an eager step of ResNet-56 on a CPU about 5 % rather than 9.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        s_mean: Tensor,
        s_var: Tensor,
        new: float,
        groups: int,
    ) -> Tensor:
        y = torch.empty_like(x)
        mean, inverse = weight.new_empty(2, groups, weight.shape[0])
        outs = zip(y.chunk(groups), mean, inverse, strict=True)
        running: tuple[Tensor | None, Tensor | None] = (s_mean, s_var)
        for part, out in zip(x.chunk(groups), outs, strict=True):
            torch.native_batch_norm(part, weight, bias, *running, True, new, EPS, out=out)
            running = (None, None)
        ctx.save_for_backward(x, weight, mean, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse = ctx.saved_tensors
        groups = mean.shape[0]
        dx = torch.empty_like(x)
        dweight, dbias = torch.zeros_like(weight), torch.zeros_like(weight)
        inputs = zip(gradients[0].chunk(groups), x.chunk(groups), mean, inverse, strict=True)
        for (g, part, m, i), out in zip(inputs, dx.chunk(groups), strict=True):
            found = torch.ops.aten.native_batch_norm_backward(
                g, part, weight, None, None, m, i, True, EPS, [True, True, True]
            )
            out.copy_(found[0])
            dweight += found[1]
            dbias += found[2]
        return dx, dweight, dbias, None, None, None, None


def check_groups(total_batch_size: int, groups: int) -> None:
    """Raise a Mistake unless the batch divides into `groups` equal parts."""
    if total_batch_size % groups:
        raise Mistake(
            f"total_batch_size={total_batch_size} does not divide into "
            f"batch_norm.groups={groups} equal parts: change one of the two, e.g. "
            f"total_batch_size={max(1, round(total_batch_size / groups)) * groups}"
        )
