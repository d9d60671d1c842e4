"""Batch norm's averages while a rate rises: of the updates since the last point alone.

A running average remembers some ten updates (torch) or twenty (the author's 0.95). While a rate
goes through decades within a hundred updates, the weights of ten updates ago were another
network's: validation then falls apart at rates that train well, and the test is read too low
(measured in outputs/published/benchmark/README.md). Source: 1708.07120, section on batch
normalisation, whose author shortened Caffe's average so that super-convergence shows in his tests.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from disciplined.models.batch_norm import CaffeBatchNorm

FORGOTTEN = 1e-9  # what `begin` makes of f, the weight of all that was seen before


class Averages:
    """The running averages of a model's batch norms, between one point and the next.

    Between `begin` and `settle` they are ordinary ones, for a step that evaluates its network.
    A layer that no batch reaches, that does not count its batches, or whose float16 cannot hold
    so small a weight, keeps what it has.
    """

    def __init__(self, model: nn.Module):
        caffes = (one for one in model.modules() if isinstance(one, CaffeBatchNorm))
        self.caffes = [one for one in caffes if torch.finfo(one.f.dtype).tiny < FORGOTTEN]
        norms = (one for one in model.modules() if isinstance(one, _BatchNorm))
        self.norms = [one for one in norms if averaging(one)]
        self.before: list[list[Tensor]] = []

    def begin(self) -> None:
        """Before a point's updates."""
        for layer in self.caffes:
            # All are scaled alike, so that s/f stays. Times FORGOTTEN at every point instead would
            # bring a layer that no batch reaches to 0.
            left = torch.where(layer.f > 0, FORGOTTEN / layer.f, 1)
            for one in (layer.s_mean, layer.s_var, layer.f):
                one.mul_(left)
        self.before = [[one.clone() for one in kept(layer)] for layer in self.norms]
        for layer in self.norms:
            if layer.momentum is None:
                kept(layer)[-1].zero_()  # the plain mean begins with the next batch

    def settle(self) -> None:
        """Behind a point's updates: make averages of them, for evaluation."""
        for layer, before in zip(self.norms, self.before, strict=True):
            mean, variance, count = kept(layer)
            if layer.momentum is None:
                if not count:
                    count.copy_(before[-1])
            elif batches := int(count - before[-1]):
                left = (1 - layer.momentum) ** batches  # of what was there before
                for one, was in ((mean, before[0]), (variance, before[1])):
                    one.sub_(was, alpha=left).div_(1 - left)
                variance.clamp_(min=0)


def averaging(layer: _BatchNorm) -> bool:
    """Whether a layer follows its batches."""
    if layer.running_mean is None or is_lazy(layer.running_mean):
        return False
    return layer.num_batches_tracked is not None and layer.momentum != 0


def kept(layer: _BatchNorm) -> list[Tensor]:
    """Mean, variance, and how many batches it has seen."""
    return [getattr(layer, n) for n in ("running_mean", "running_var", "num_batches_tracked")]
