"""Mirroring, the only augmentation of the papers' CIFAR runs (reference 3: no crops), and the
field's later ones: crops of the padded image, and cutout's hole.

What is done to which image is drawn for the whole total batch from (seed, iteration) (`draws.py`),
so any number of devices does the same to it; a device takes its part of the draws as of the images.
Bytes are mirrored; what is shifted or punched is in the network's units already, where zero is the
mean of the training images: He et al. 2015 and DeVries & Taylor 2017 pad and mask with zeros behind
normalisation, and bytes cannot hold a mean.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from disciplined.data.draws import HOLE, PADDING


def mirror(images: Tensor, flags: Tensor) -> Tensor:
    """The images [N,C,H,W], left and right exchanged where flags (bool [N]) say so.

    Any dtype, device and memory format, which the result keeps; waits for no device.
    """
    return torch.where(flags[:, None, None, None], images.flip(-1), images)


def shift(images: Tensor, corners: Tensor) -> Tensor:
    """The images [N,C,H,W] padded by 4 zeros on each side and cropped to [N,C,H,W] again.

    `corners` int64 [N,2]: the crop's top and left in the padded image, 0..8; (4, 4) changes
    nothing. Any dtype and device; one padded copy and one gather for the batch, without waiting.
    """
    padded = F.pad(images, (PADDING,) * 4)
    crops = padded.unfold(2, images.shape[2], 1).unfold(3, images.shape[3], 1)  # a view, no copy
    each = torch.arange(len(images), device=images.device)
    return crops[each, :, corners[:, 0], corners[:, 1]]


def punch(images: Tensor, centres: Tensor) -> Tensor:
    """The images [N,C,H,W] with zeros in a 16×16 hole around `centres` (int64 [N,2]: row, column).

    The hole takes 8 pixels before its centre and 7 behind, as far as they lie in the image: near an
    edge it is smaller (DeVries & Taylor 2017, which find that this matters).
    """
    inside = [
        (place >= centre[:, None] - HOLE // 2) & (place < centre[:, None] + HOLE // 2)
        for place, centre in (
            (torch.arange(images.shape[dim], device=images.device), centres[:, dim - 2])
            for dim in (2, 3)
        )
    ]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0)
