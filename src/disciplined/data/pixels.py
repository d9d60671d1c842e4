"""From bytes to what the papers' networks read (reference 0: "input units").

The CIFAR networks take raw pixels less the training set's per-pixel mean image, never divided;
LeNet takes pixels times 1/256 and no mean. With inputs in 0..1 the 3-layer network does not learn.
Of pictures read from files no mean image can be had: their set gives a mean per channel instead. A
table's features pass through the same module.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from disciplined.mistakes import Mistake


class Pixels(nn.Module):
    """uint8 [N,C,H,W] -> float32 of the same shape: (pixel - mean image) * scale, as Caffe does it.

    The mean is that of `train_images` (uint8 [M,C,H,W], the images trained on), exact to float32;
    `mean` gives one value a channel in its place, in pixels. Float features [N,F] likewise, with
    their means. It follows the module to its device, and stays out of its state: it belongs to the
    data; that of `Pictures` is theirs, per channel. Raises Mistake for a mean of other channels.
    """

    mean: Tensor | None

    def __init__(
        self,
        train_images: Any,
        *,
        scale: float = 1.0,
        subtract_mean: bool = True,
        mean: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.scale = float(scale)
        found = None
        if mean is not None:
            found = channel_mean(mean, train_images.shape[1:], "model.input.mean")
        elif subtract_mean and isinstance(train_images, Tensor):
            found = mean_image(train_images)
        elif subtract_mean:
            found = channel_mean(train_images.mean, train_images.shape[1:], "dataset.load.mean")
        self.register_buffer("mean", found, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        values = images.to(torch.float32)
        if self.mean is not None:
            values = values - self.mean
        return values if self.scale == 1.0 else values * self.scale


def mean_image(images: Tensor) -> Tensor:
    """The mean of uint8 images [N,C,H,W] (or float features [N,F]), float32 [C,H,W], on the CPU.

    Summed in whole numbers, hence exact and the same everywhere; by numpy, which takes 0.05 s for
    CIFAR's 50,000 where torch takes 0.5 s. Features are summed in double precision.
    """
    bytes_ = images.cpu().numpy()
    if bytes_.dtype != np.uint8:
        return torch.from_numpy(bytes_.mean(axis=0, dtype=np.float64).astype(np.float32))
    total = bytes_.sum(axis=0, dtype=np.uint32 if len(bytes_) < 2**24 else np.uint64)
    return torch.from_numpy((total / len(bytes_)).astype(np.float32))


def channel_mean(mean: Sequence[float], shape: tuple[int, ...], setting: str) -> Tensor:
    """A value a channel as float32 [C,1,1] (of features [F]), to be subtracted from `shape`."""
    if len(mean) != shape[0]:
        raise Mistake(
            f"{setting}={list(mean)}: the data have {shape[0]} channels; give as many values"
        )
    return torch.tensor(mean, dtype=torch.float32).reshape(-1, *[1] * (len(shape) - 1))
