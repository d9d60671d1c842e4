"""A reader's own data and LightningModule, for tests of what serves a loop of one's own."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import TensorDataset
from torchmetrics.classification import MulticlassAccuracy


def problem(size: int) -> TensorDataset:
    """Three overlapping clouds of points: float32 [size, 6] and labels."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(size) % 3
    points = torch.randn(size, 6, generator=generator) + 1.5 * nn.functional.one_hot(labels, 6)
    return TensorDataset(points, labels)


class Module(pl.LightningModule):
    """A user's module, with a metric that keeps a state and logs of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Linear(16, 3))
        self.accuracy = MulticlassAccuracy(3, average="micro")
        self.trained = MulticlassAccuracy(3, average="micro")
        self.seen: list[tuple[float, float]] = []

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        points, labels = batch
        outputs = self.network(points)
        loss = nn.functional.cross_entropy(outputs, labels)
        self.trained(outputs, labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        self.log("train_accuracy", self.trained, on_step=False, on_epoch=True)
        group = self.trainer.optimizers[0].param_groups[0]
        self.seen.append((group["lr"], group["momentum"]))
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        points, labels = batch
        outputs = self.network(points)
        self.accuracy(outputs, labels)
        self.log("val_loss", nn.functional.cross_entropy(outputs, labels))
        self.log_dict({"val_acc": self.accuracy})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.05, momentum=0.9)
