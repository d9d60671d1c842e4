"""Batch norm's averages while a rate rises: of the updates since the last point alone.

A running average remembers some ten updates (torch) or twenty (the author's 0.95). While a rate
goes through decades within a hundred updates, the weights of ten updates ago were another
network's: validation then falls apart at rates that train well, and the test is read too low
(measured in outputs/published/benchmark/README.md). Source: 1708.07120, section on batch
normalisation, whose author shortened Caffe's average so that super-convergence shows in his tests.
"""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from disciplined.models.batch_norm import CaffeBatchNorm


class Averages:
    """The running averages of a model's batch norms, begun anew at every point.

    Layers that keep none, or are held in evaluation, are left alone. What a point's updates did
    not reach keeps what it had.
    """

    def __init__(self, model: nn.Module):
        self.layers = [layer for layer in model.modules() if averaging(layer)]
        self.before: list[list[Tensor]] = []

    def begin(self) -> None:
        """Forget what was seen before this point's updates."""
        self.before = [[one.clone() for one in sums(layer)] for layer in self.layers]
        for layer in self.layers:
            if layer.training:
                for one in sums(layer):
                    one.zero_()

    def settle(self) -> None:
        """Make averages of what was seen since `begin`, for evaluation."""
        for layer, before in zip(self.layers, self.before, strict=True):
            *seen, batches = sums(layer)
            if not layer.training:
                continue
            if not batches:  # none came by
                for one, was in zip(sums(layer), before, strict=True):
                    one.copy_(was)
            elif isinstance(layer, _BatchNorm) and layer.momentum is not None:
                # begun at 0, they have so much of their weight
                for one in seen:
                    one.div_(1 - (1 - layer.momentum) ** batches)


def averaging(layer: nn.Module) -> bool:
    """Whether a layer keeps running averages of its batches."""
    if isinstance(layer, _BatchNorm):
        if layer.running_mean is None or is_lazy(layer.running_mean):
            return False
        return layer.num_batches_tracked is not None and layer.momentum != 0
    return isinstance(layer, CaffeBatchNorm)  # whose sums know their weight


def sums(layer: nn.Module) -> Iterator[Tensor]:
    """What a layer keeps: mean, variance, and last how many batches, or their weight."""
    names = ["running_mean", "running_var", "num_batches_tracked"]
    if isinstance(layer, CaffeBatchNorm):
        names = ["s_mean", "s_var", "f"]
    return (getattr(layer, name) for name in names)
