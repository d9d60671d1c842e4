"""Caffe's pooling: sizes round up, windows at the border average over the pixels they hold.

Source: Caffe's pooling_layer.cpp (reference section 5). Torch rounds down unless told otherwise,
and a map one pixel smaller shifts every later layer.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pooled(size: int, kernel: int, stride: int) -> int:
    """Pixels along one side after unpadded pooling; below 1 when nothing is left."""
    return -((kernel - size) // stride) + 1


def max_pool(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Maxima of windows of an `[N, C, H, W]` map, sizes rounded up."""
    return F.max_pool2d(x, kernel, stride, ceil_mode=True)


def average_pool(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Means of windows of an `[N, C, H, W]` map, sizes rounded up; the last may be smaller."""
    return F.avg_pool2d(x, kernel, stride, ceil_mode=True, count_include_pad=False)


def global_average(x: Tensor) -> Tensor:
    """The mean of every channel's map, `[N, C, 1, 1]`."""
    # Not x.mean(): its gradient comes back contiguous and the last blocks of a channels_last
    # network would run their backward passes in mixed formats.
    return F.avg_pool2d(x, x.shape[2:])
