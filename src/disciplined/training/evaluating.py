"""Evaluation: validation and test images through the network, and a row of metrics from it.

Validation is held out of the training images; the test set is measured along the way because the
papers' figures show it; nothing is chosen by it but what a plateau is told to monitor.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import SumMetric
from torchmetrics.classification import MulticlassAccuracy

from disciplined.data.augmentation import mirror
from disciplined.data.evaluation import Protocol


class Evaluator:
    """Evaluates one split as a protocol says.

    Args:
        images: uint8 [N, C, H, W] (or features [N, F]) on the device; or `Pictures`.
        labels: int64 [N] on the device.
        classes: number of classes.
        protocol: which images the k-th evaluation takes, and which of them mirrored.
        batch_size: images at once; for batch statistics also what they are over.
        part, parts: this process's share; metrics are synchronised when computed.
    """

    def __init__(
        self,
        images: Any,
        labels: Tensor,
        *,
        classes: int,
        protocol: Protocol,
        batch_size: int,
        part: int = 0,
        parts: int = 1,
    ):
        self.images, self.labels = images, labels
        self.protocol, self.batch_size = protocol, batch_size
        self.part, self.parts = part, parts
        # `disable`, or torchmetrics would leave a batch out whose loss is not a number
        self.loss = SumMetric(nan_strategy="disable").set_dtype(torch.float64).to(labels.device)
        self.accuracy = MulticlassAccuracy(classes, average="micro").to(labels.device)

    @torch.no_grad()
    def __call__(
        self, network: nn.Module, pixels: nn.Module, evaluation: int
    ) -> tuple[float, float]:
        """Mean loss and accuracy of `network` in its `evaluation`-th (from 0) evaluation."""
        self.loss.reset()
        self.accuracy.reset()
        taken, flags = self.protocol.take(evaluation)
        starts = range(0, len(taken), self.batch_size)[self.part :: self.parts]
        parts = [taken[start : start + self.batch_size] for start in starts]
        training = network.training
        network.eval()
        read = None if isinstance(self.images, Tensor) else self.images.each(parts)
        for start, part in zip(starts, parts, strict=True):
            chosen = torch.from_numpy(part).to(self.labels.device)
            labels = self.labels[chosen]
            pictures = self.images[chosen] if read is None else next(read).to(labels.device)
            if flags is not None:
                flipped = torch.from_numpy(flags[start : start + self.batch_size])
                pictures = mirror(pictures, flipped.to(pictures.device))
            logits = network(pixels(pictures)).float()
            self.loss.update(F.cross_entropy(logits, labels, reduction="sum").double())
            self.accuracy.update(logits, labels)
        network.train(training)
        # the metric is float32; the share of whole images that it stands for is exact
        accuracy = round(float(self.accuracy.compute()) * len(taken)) / len(taken)
        return float(self.loss.compute()) / len(taken), accuracy
