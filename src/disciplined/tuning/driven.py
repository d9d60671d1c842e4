"""A hyper-parameter of any torch optimiser, set from outside: rate, momentum or weight decay.

Groups keep their proportions: the largest of them takes the value, and a group that has none of it
(no decay on biases) keeps none.
"""

from typing import Any

import torch
from torch import Tensor

from disciplined.mistakes import Mistake

DRIVEN = ("lr", "momentum", "weight_decay")


class Driven:
    """One hyper-parameter of an optimiser.

    Momentum is `momentum` where the optimiser has it and the first of `betas` otherwise.
    Raises Mistake where it has neither, and for another name.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, name: str):
        if name not in DRIVEN:
            raise Mistake(f"over={name}: expected one of {', '.join(DRIVEN)}")
        self.name = name
        self.groups = optimizer.param_groups
        lacking = [g for g in self.groups if name not in g and not self.by_betas(g)]
        if lacking:
            raise Mistake(f"over={name}: {type(optimizer).__name__} has no {name}")
        # a scheduler before this one may have brought the rates to zero, and left what they were
        initial = f"initial_{name}"
        now = [float(g[initial]) if initial in g else self.of(g) for g in self.groups]
        largest = max(now)
        self.shares = [value / largest if largest else 1.0 for value in now]

    def by_betas(self, group: dict[str, Any]) -> bool:
        """Whether a group has its momentum as the first of two betas."""
        return self.name == "momentum" and "momentum" not in group and "betas" in group

    def of(self, group: dict[str, Any]) -> float:
        """A group's present value."""
        return float(group["betas"][0] if self.by_betas(group) else group[self.name])

    def values(self, value: float) -> list[float]:
        """Every group's value where the largest is this one."""
        return [value * share for share in self.shares]

    def set(self, value: float) -> None:
        """Set it for the next update; a tensor (captured or compiled steps) is filled in place."""
        for group, one in zip(self.groups, self.values(value), strict=True):
            if self.by_betas(group):
                group["betas"] = (one, *group["betas"][1:])
            elif isinstance(group[self.name], Tensor):
                group[self.name].fill_(one)
            else:
                group[self.name] = one
