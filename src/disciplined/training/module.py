"""The LightningModule: images on the device to a loss, under hyper-parameters of the iteration.

Nothing in a training step waits for the device: loss and accuracy are summed there and read when
evaluating, and the first non-finite loss leaves its iteration in a tensor.
"""

from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from disciplined.data.augmentation import mirror, punch, shift
from disciplined.data.images import ImageSet
from disciplined.optimizers.groups import parameter_groups
from disciplined.training.batches import Batch
from disciplined.training.planning import Plan


class Training(pl.LightningModule):
    """One network trained as a plan says.

    Args:
        network: images float [N, C, H, W] in the paper's units, or features [N, F] -> logits
            [N, classes].
        pixels: uint8 images -> the network's units, on the device.
        images: the data set as tensors; moved to the device once. Pictures come with their batch.
        plan: schedules and lengths.
        optimizer: parameter groups -> an optimiser with `schedule(lr, momentum, weight_decay)`, and
            `clipping` where the plan has any.
    """

    def __init__(
        self, network: nn.Module, pixels: nn.Module, images: ImageSet, plan: Plan, optimizer
    ):
        super().__init__()
        self.network = network
        self.pixels = pixels
        self.images = images
        self.plan = plan
        self.make_optimizer = optimizer
        self.forward_pass = network  # the compiled network, where it is compiled
        # loss and correct answers summed since the last row, and the images they are over
        self.sums = torch.zeros(3, dtype=torch.float64)
        self.diverged_at = torch.tensor(-1)

    def on_fit_start(self) -> None:
        """Move what lives beside the parameters to the device."""
        tensors = {
            k: v.to(self.device) for k, v in vars(self.images).items() if isinstance(v, Tensor)
        }
        self.images = replace(self.images, **tensors)
        self.sums = self.sums.to(self.device)
        self.diverged_at = self.diverged_at.to(self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The mean loss of this process's slice of one total batch."""
        iteration, labels = batch.iteration, self.images.train_labels[batch.indices]
        pictures = batch.pictures
        if pictures is None:
            pictures = self.images.train_images[batch.indices]
        if batch.flags is not None:
            pictures = mirror(pictures, batch.flags)
        inputs = self.pixels(pictures)
        if batch.corners is not None:
            inputs = shift(inputs, batch.corners)
        if batch.holes is not None:
            inputs = punch(inputs, batch.holes)
        logits = self.forward_pass(inputs).float()
        loss = F.cross_entropy(logits, labels)
        with torch.no_grad():
            correct = (logits.argmax(1) == labels).sum()
            self.sums += torch.stack(
                [loss.double() * len(labels), correct.double(), self.count(labels)]
            )
            first = (self.diverged_at < 0) & ~torch.isfinite(loss)
            self.diverged_at = torch.where(first, iteration, self.diverged_at)
        return loss

    @staticmethod
    def count(labels: Tensor) -> Tensor:
        """The number of labels as a tensor beside them."""
        return torch.full((), len(labels), dtype=torch.float64, device=labels.device)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser over the network's groups of multipliers."""
        return self.make_optimizer(parameter_groups(self.network))

    def set_hyper_parameters(self, iteration: int) -> None:
        """Give the optimiser the schedules' values for update `iteration`."""
        clipping = self.plan.clipping
        self.optimizers(use_pl_optimizer=False).schedule(  # pyright: ignore
            lr=self.plan.learning_rate.value(iteration),
            momentum=self.plan.momentum.value(iteration),
            weight_decay=self.plan.weight_decay.value(iteration),
            **({} if clipping is None else {"clipping": clipping.value(iteration)}),
        )

    def take_sums(self) -> tuple[float, float]:
        """Mean training loss and accuracy since the last call, over all processes."""
        sums = self.sums.clone()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.all_reduce(sums)
        self.sums.zero_()
        loss, correct, count = sums.tolist()
        return (loss / count, correct / count) if count else (float("nan"), float("nan"))

    def divergence(self) -> int | None:
        """The iteration of the first non-finite loss on any process, or None."""
        found = self.diverged_at.clone()
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            found = torch.where(found < 0, torch.iinfo(found.dtype).max, found)
            torch.distributed.all_reduce(found, op=torch.distributed.ReduceOp.MIN)
            found = torch.where(found == torch.iinfo(found.dtype).max, -1, found)
        value = int(found)
        return None if value < 0 else value

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what Lightning does not know: the sums since the last row."""
        sums = [self.sums]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            sums = [torch.zeros_like(self.sums) for _ in range(self.trainer.world_size)]
            torch.distributed.all_gather(sums, self.sums)
        checkpoint.setdefault("disciplined", {}).update(
            sums=torch.stack(sums).cpu(), diverged_at=self.diverged_at.cpu()
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the sums of an interrupted run: this process's own, or the first one all."""
        state = checkpoint["disciplined"]
        sums = state["sums"]
        if len(sums) == self.trainer.world_size:
            self.sums = sums[self.global_rank].to(self.device)
        elif self.global_rank == 0:
            self.sums = sums.sum(0).to(self.device)
        self.diverged_at = state["diverged_at"].to(self.device)
