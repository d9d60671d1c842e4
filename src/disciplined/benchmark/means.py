"""What makes the step fast, mean by mean: the bare loop, and the same loop changed in one thing.

Above 1, the bare loop's speed over the changed one's is what the mean gains that was left out;
below 1, what a change that was not made (compiling, say) would gain.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from disciplined.benchmark.cases import LR, Parts
from disciplined.models.batch_norm import EPS, CaffeBatchNorm
from disciplined.models.lrn import WithinChannelLRN
from disciplined.optimizers.groups import parameter_groups
from disciplined.training import assembly


class PlainLRN(nn.Module):
    """Within-channel normalisation as its formula reads, left to autograd."""

    def __init__(self, size: int, alpha: float, beta: float):
        super().__init__()
        self.size, self.alpha, self.beta = size, alpha, beta

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x.pow(2), self.size, stride=1, padding=self.size // 2)
        return x / (1 + self.alpha * mean).pow(self.beta)


class ChunkedNorm(nn.Module):
    """The papers' batch norm in groups as chunks put together again, left to autograd."""

    def __init__(self, norm: CaffeBatchNorm):
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.register_buffer("s_mean", norm.s_mean)
        self.register_buffer("s_var", norm.s_var)
        self.new = 1 - norm.maf
        self.groups = norm.groups

    def forward(self, x: Tensor) -> Tensor:
        first, *others = x.chunk(self.groups)
        scale, sums = (self.weight, self.bias), (self.s_mean, self.s_var)
        parts = [F.batch_norm(first, *sums, *scale, True, self.new, EPS)]  # pyright: ignore
        for part in others:
            parts.append(F.batch_norm(part, None, None, *scale, True, 0.0, EPS))
        return torch.cat(parts)


@dataclass(frozen=True)
class Means:
    """The means of the bare loop; the defaults are `train.py`'s."""

    channels_last: bool = True
    layers_written_out: bool = True  # LRN and batch norm in groups with their own gradients
    one_group: bool = False  # batch norm over the whole batch, as nobody's device had it
    optimiser_at_once: bool = True  # all parameters in a handful of operations
    loss_read: bool = False  # by the host, at every update
    compiled: bool = False
    precision: str | None = None  # None: as `train.py` would choose

    def network(self, parts: Parts) -> nn.Module:
        """The case's network with or without these means."""
        network = parts.network()
        if self.one_group:
            for module in network.modules():
                if isinstance(module, CaffeBatchNorm):
                    module.groups = 1
        if not self.layers_written_out:
            leave_to_autograd(network)
        if self.channels_last:
            network.to(memory_format=torch.channels_last)  # pyright: ignore
        return network

    def optimizer(self, parts: Parts, network: nn.Module) -> torch.optim.Optimizer:
        """Ours, or torch's SGD parameter by parameter."""
        if not self.optimiser_at_once:
            return torch.optim.SGD(
                network.parameters(), LR, 0.9, weight_decay=1e-4, nesterov=True, foreach=False
            )
        optimizer = assembly.optimizer(parts.cfg, parameter_groups(network))
        optimizer.schedule(lr=LR, momentum=0.9, weight_decay=1e-4)  # pyright: ignore
        return optimizer

    def autocast(self, parts: Parts) -> dict[str, Any]:
        """Arguments of `torch.autocast`."""
        if self.precision is None:
            return parts.autocast
        return parts.autocast | {"enabled": self.precision == "bf16"}

    def matters(self, parts: Parts) -> bool:
        """Whether this differs from the bare loop for this network, here."""
        modules = list(parts.network().modules())
        grouped = any(isinstance(m, CaffeBatchNorm) and m.groups > 1 for m in modules)
        if self.one_group:
            return grouped
        if not self.layers_written_out:
            return grouped or any(isinstance(m, WithinChannelLRN) for m in modules)
        mixed = parts.precision.startswith("bf16")
        if self.compiled:
            return parts.cfg.trainer.compile.name != "always"
        return self.precision is None or mixed != (self.precision == "bf16")


def leave_to_autograd(network: nn.Module, *, lrn: bool = True) -> None:
    """Put the plain forms in the place of the layers that have gradients of their own."""
    for name, module in list(network.named_children()):
        if isinstance(module, CaffeBatchNorm) and module.groups > 1:
            setattr(network, name, ChunkedNorm(module))
        elif isinstance(module, WithinChannelLRN) and lrn:
            setattr(network, name, PlainLRN(module.size, module.alpha, module.beta))
        else:
            leave_to_autograd(module, lrn=lrn)


EVERY = Means()
CHANGED: dict[str, Means] = {
    "contiguous maps": replace(EVERY, channels_last=False),
    "layers left to autograd": replace(EVERY, layers_written_out=False),
    "one group of batch norm": replace(EVERY, one_group=True),
    "optimiser by parameter": replace(EVERY, optimiser_at_once=False),
    "loss read every update": replace(EVERY, loss_read=True),
    "compiled": replace(EVERY, compiled=True),
    "in bf16": replace(EVERY, precision="bf16"),
    "in fp32": replace(EVERY, precision="fp32"),
}
