"""The rate that curvature asks for, from three successive iterates (superconv/fig05).

Along the step that was taken, the second paper estimates the best rate as

    eps* = eps · Σ|θ1 − θ0| / Σ|2 θ1 − θ0 − θ2|

which is 1/h on a quadratic of curvature h, whatever the rate eps of plain gradient descent, and
draws its moving average 0.1 eps* + 0.9 (the average so far).

His scripts (L2TermComputation3.py for fig05a, 4 for fig05b) sum over all blobs of his Caffe
network. Those are the weights of the formula, but also batch norm's three running sums, which
differ from iterate to iterate by much more. So both are kept: over what is trained, and as he did.
"""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from disciplined.models.batch_norm import CaffeBatchNorm
from disciplined.training.callbacks import Rows
from disciplined.training.checkpoint import OURS
from disciplined.training.estimates import line
from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate


class Curvature(AfterUpdate):
    """Compares the weights after every `every` updates with the two before them, on the device.

    The iterates are those after `every`, 2 `every`, ... updates (his first snapshot is not of the
    initial weights), and eps is the rate of the update behind the first of three. Sums stay on the
    device until a row is due; then they go to `curvature.csv`. Stands behind `rows`, so that
    nothing is kept behind the first loss that was not finite. The first process measures: weights
    are the same in all, and the first device's running sums are the run's.
    """

    def __init__(self, every: int, rows: Rows):
        self.every, self.rows = every, rows
        self.compared: list[Tensor] = []  # the network's own tensors
        self.factors = torch.zeros(2, 0)  # how much each counts
        self.last: list[Tensor] = []  # the last iterate
        self.step: list[Tensor] = []  # what it is more than the one before
        self.size: Tensor | None = None  # the sums over |step|, float64 [2]
        self.sums: list[tuple[int, Tensor]] = []  # (updates, float64 [2, 2]) since the last row
        self.averages: list[float] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Know what to compare, once it is on the device."""
        assert isinstance(pl_module, Training)
        device = pl_module.device
        self.compared, factors = blobs(pl_module.network)
        self.factors = factors.to(device)
        self.last, self.step = ([t.to(device) for t in ts] for ts in (self.last, self.step))
        self.size = None if self.size is None else self.size.to(device)
        self.sums = [(updates, sums.to(device)) for updates, sums in self.sums]
        # he began the average at 0.1, the first rate of both his runs
        self.averages = self.averages or [pl_module.plan.learning_rate.value(0)] * 2

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Compare where it is due, and read what was compared with each row."""
        if not trainer.is_global_zero or self.rows.diverged:
            return
        if updates % self.every == 0:
            self.take(updates)
        if updates % self.rows.every == 0 or updates == module.plan.iterations:
            with self.rows.clock.paused():
                self.read(module)

    @torch.no_grad()
    def take(self, updates: int) -> None:
        """Compare the iterate after so many updates with those before it."""
        if not self.last:
            self.last = [tensor.detach().clone() for tensor in self.compared]
            return
        step = list(torch._foreach_sub(self.compared, self.last))
        size = self.totals(step)
        if self.size is not None:
            bend = self.totals(list(torch._foreach_sub(self.step, step)))
            self.sums.append((updates, torch.stack([self.size, bend])))
        torch._foreach_copy_(self.last, self.compared)
        self.step, self.size = step, size

    def totals(self, tensors: list[Tensor]) -> Tensor:
        """The two sums of absolute values, float64 [2]."""
        return self.factors @ torch.stack(torch._foreach_norm(tensors, 1)).double()

    def read(self, module: Training) -> None:
        """Wait for the sums on the device and write a line for each pair of them."""
        if not self.sums:
            return
        found = torch.stack([sums for _, sums in self.sums]).tolist()
        lines = []
        for (updates, _), (sizes, bends) in zip(self.sums, found, strict=True):
            rate = module.plan.learning_rate.value(updates - 2 * self.every)
            estimates = [rate * a / b if b else math.nan for a, b in zip(sizes, bends, strict=True)]
            self.averages = [
                0.1 * new + 0.9 * old if math.isfinite(new) else old
                for new, old in zip(estimates, self.averages, strict=True)
            ]
            lines.append(line(updates, rate, estimates, self.averages))
        self.rows.record.append_curvature("".join(lines))
        self.sums = []

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the iterates; what was written of them is kept with the rows."""
        checkpoint.setdefault(OURS, {})["curvature"] = {
            "last": self.last,
            "step": self.step,
            "size": self.size,
            "sums": self.sums,
            "averages": self.averages,
        }

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on from the iterates of an interrupted run."""
        for name, value in checkpoint[OURS]["curvature"].items():
            setattr(self, name, value)


def blobs(network: nn.Module) -> tuple[list[Tensor], Tensor]:
    """What is compared, and float64 [2, n] how much each counts in the two sums.

    First the trained parameters, then batch norm's running sums: those count only in the second,
    times 1/(1 − maf), as Caffe keeps them.
    """
    weights = [p for p in network.parameters() if p.requires_grad]
    norms = [m for m in network.modules() if isinstance(m, CaffeBatchNorm)]
    sums = [t for norm in norms for t in (norm.s_mean, norm.s_var, norm.f)]
    caffe = [1 / (1 - norm.maf) for norm in norms for _ in range(3)]
    ones = [1.0] * len(weights)
    factors = torch.tensor([ones + [0.0] * len(sums), ones + caffe], dtype=torch.float64)
    return [*weights, *sums], factors
