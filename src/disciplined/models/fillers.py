"""Caffe's fillers: the initial values of weights.

Torch's own initial values differ in kind and scale from Caffe's; the 3-layer network does not
learn without them (reference sections 0 and 5). Fan-in is Caffe's: the elements of a weight
divided by its outputs. Biases start at 0 in every network of the papers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Filler = Callable[[Tensor], object]
"""Fills a weight `[outputs, ...]` in place from torch's global generator."""


def gaussian(std: float) -> Filler:
    """Filler `gaussian`: normal, mean 0, the given standard deviation."""

    def fill(weight: Tensor) -> None:
        with torch.no_grad():
            weight.normal_(0.0, std)

    return fill


def xavier(weight: Tensor) -> None:
    """Filler `xavier`: uniform within ±sqrt(3 / fan-in), so its variance is 1 / fan-in."""
    bound = (3 / _fan_in(weight)) ** 0.5
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def msra(weight: Tensor) -> None:
    """Filler `msra`: normal with variance 2 / fan-in."""
    with torch.no_grad():
        weight.normal_(0.0, (2 / _fan_in(weight)) ** 0.5)


def _fan_in(weight: Tensor) -> int:
    return weight.numel() // weight.shape[0]
