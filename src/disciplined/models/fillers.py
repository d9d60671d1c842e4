"""Caffe's fillers, and those of Keras and Torch: the initial values of weights.

Torch's own initial values differ in kind and scale from Caffe's; the 3-layer network does not
learn without them (reference sections 0 and 5). Fan-in is the elements of a weight divided by its
outputs; fan-out counts the outputs likewise. Biases start at 0 but in clr's two ImageNet networks.
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


def msra_fan_out(weight: Tensor) -> None:
    """Normal with variance 2 / fan-out, the ResNets' of Torch (clr/table4)."""
    with torch.no_grad():
        weight.normal_(0.0, (2 / _fan_out(weight)) ** 0.5)


def he_uniform(weight: Tensor) -> None:
    """Keras's `he_uniform`: uniform within ±sqrt(6 / fan-in), variance 2 / fan-in."""
    bound = (6 / _fan_in(weight)) ** 0.5
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def glorot_uniform(weight: Tensor) -> None:
    """Keras's `glorot_uniform`, its default: uniform within ±sqrt(6 / (fan-in + fan-out))."""
    bound = (6 / (_fan_in(weight) + _fan_out(weight))) ** 0.5
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def torch_linear(weight: Tensor) -> None:
    """Torch's own for a linear layer: uniform within ±1 / sqrt(fan-in)."""
    bound = _fan_in(weight) ** -0.5
    with torch.no_grad():
        weight.uniform_(-bound, bound)


def _fan_in(weight: Tensor) -> int:
    return weight.numel() // weight.shape[0]


def _fan_out(weight: Tensor) -> int:
    return weight.numel() // weight.shape[1]
