"""Gradient clipping by the norm over all parameters, as Caffe does it.

Where the L2 norm `n` of the whole gradient exceeds the limit `c`, every gradient is multiplied by
`c / n`; before decay is added, and whatever the multipliers of rate and decay say. Six of the
author's logs are clipped so, at 2, 5 and 10 (superconv/lrRange3SS520kClip*Fig12*).

Source: Caffe's `ClipGradients` (sgd_solver.cpp). Where an update is made of micro-batches Caffe
takes the norm of their sum; here, as elsewhere, it is that of the update's gradient, their mean.
"""

import torch
from torch import Tensor


def clip_(gradients: list[Tensor], limit: Tensor) -> Tensor:
    """Scale `gradients` in place so that their common L2 norm is at most `limit`.

    Args:
        gradients: of all parameters of an update, at least one; any shapes, one device.
        limit: 0-dim and positive; infinite leaves every bit as it is.

    Returns the norm before clipping, 0-dim. Nothing waits for the device. Where the norm is not
    finite all gradients become NaN: a factor of 0 would hide a divergence.
    """
    norm = torch.linalg.vector_norm(torch.stack(list(torch._foreach_norm(gradients))))
    factor = (limit / norm).clamp(max=1.0)
    torch._foreach_mul_(gradients, torch.where(torch.isfinite(norm), factor, torch.nan))
    return norm
