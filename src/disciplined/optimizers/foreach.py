"""What several steps compute alike, in `foreach` operations: L2 decay and a running average."""

import torch
from torch import Tensor


def decayed(
    parameters: list[Tensor], gradients: list[Tensor], weight_decay: Tensor | None
) -> list[Tensor]:
    """`g + decay w`, the gradient of a loss with an L2 term; `gradients` themselves without one.

    Source: Caffe's `Regularize` (sgd_solver.cpp), which every one of its solvers goes through.
    """
    if weight_decay is None:
        return gradients
    direction = list(torch._foreach_mul(parameters, weight_decay))
    torch._foreach_add_(direction, gradients)
    return direction


def average_(averages: list[Tensor], values: list[Tensor], decay: Tensor | float) -> None:
    """`a <- decay a + (1 - decay) x` in place; `decay` a number, or a 0-dim tensor if scheduled."""
    torch._foreach_mul_(averages, decay)
    if isinstance(decay, Tensor):
        torch._foreach_add_(averages, torch._foreach_mul(values, 1 - decay))
    else:
        torch._foreach_add_(averages, values, alpha=1 - decay)


def squared(values: list[Tensor]) -> list[Tensor]:
    """`x * x`."""
    return list(torch._foreach_mul(values, values))
