"""Steps of an optimiser of ours, and of a reference, over the same gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

RATES = [0.1, 0.3, 0.5, 0.2, 0.05, 0.0, 0.4]
MOMENTA = [0.95, 0.9, 0.85, 0.9, 0.95, 0.9, 0.8]
CONSTANT = [0.9] * len(RATES)
NONE = [0.0] * len(RATES)
DECAY = 3e-3

# float32 parameters are held to a few roundings, float64 ones to as many of theirs
BOUNDS = {
    torch.float32: {"rtol": 2e-5, "atol": 2e-6},
    torch.float64: {"rtol": 1e-12, "atol": 1e-13},
}


def drawn(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """A weight, and a gradient of every update: of sizes from 1e-6 to 10, one always 0."""
    random = np.random.default_rng(0)
    weight = random.normal(size=(7, 5))
    sizes = 10.0 ** random.uniform(-6, 1, size=(7, 5))
    gradients = random.normal(size=(len(RATES), 7, 5)) * sizes
    gradients[:, 0, 0] = 0.0
    return torch.tensor(weight, dtype=dtype), torch.tensor(gradients, dtype=dtype)


def stepped(
    make: Callable[[list[dict[str, Any]]], Any],
    *,
    dtype: torch.dtype = torch.float64,
    rates: Sequence[float] = RATES,
    momenta: Sequence[float] = CONSTANT,
    decay: float = DECAY,
    multipliers: tuple[float, float] = (1.0, 1.0),
) -> torch.Tensor:
    """The weight after every update, [updates, 7, 5], by an optimiser of ours."""
    start, gradients = drawn(dtype)
    weight = nn.Parameter(start)
    lr_mult, decay_mult = multipliers
    optimizer = make([{"params": [weight], "lr_mult": lr_mult, "decay_mult": decay_mult}])
    seen = []
    for gradient, rate, momentum in zip(gradients, rates, momenta, strict=True):
        weight.grad = gradient.clone()
        optimizer.schedule(lr=rate, momentum=momentum, weight_decay=decay)
        optimizer.step()
        seen.append(weight.detach().clone())
    return torch.stack(seen)


def torchs(
    make: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    *,
    dtype: torch.dtype = torch.float64,
    rates: Sequence[float] = RATES,
) -> torch.Tensor:
    """The same by one of torch's."""
    start, gradients = drawn(dtype)
    weight = nn.Parameter(start)
    optimizer = make([weight])
    seen = []
    for gradient, rate in zip(gradients, rates, strict=True):
        weight.grad = gradient.clone()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        seen.append(weight.detach().clone())
    return torch.stack(seen)


def close(ours: torch.Tensor, theirs: torch.Tensor | np.ndarray) -> None:
    """Equal to the roundings of our type."""
    theirs = torch.as_tensor(theirs)
    torch.testing.assert_close(ours.double(), theirs.double(), **BOUNDS[ours.dtype])
