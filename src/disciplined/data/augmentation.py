"""Mirroring, the only augmentation of the papers' CIFAR runs (reference 3: no crops).

Which images are mirrored is drawn for the whole total batch from (seed, iteration), so any number
of devices mirrors the same ones; a device takes its part of the flags as of the images.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disciplined.data.randomness import Purpose, coins


def mirror_flags(seed: int, iteration: int, total_batch_size: int) -> NDArray[np.bool_]:
    """Which images of an iteration's total batch are mirrored: fair coins, bool [TBS]."""
    return coins(Purpose.MIRROR, seed, iteration, total_batch_size)


def mirror(images: Tensor, flags: Tensor) -> Tensor:
    """The images [N,C,H,W], left and right exchanged where flags (bool [N]) say so.

    Any dtype, device and memory format, which the result keeps; waits for no device.
    """
    return torch.where(flags[:, None, None, None], images.flip(-1), images)
