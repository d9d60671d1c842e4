"""What every optimiser here is: scheduled tensors, groups with multipliers, clipping, state.

Rate, momentum, decay and the limit of clipping are 0-dim tensors on the parameters' device: a
compiled or captured step reads their present value and is neither stale nor recompiled. State is
there from the beginning, so that the first update is like any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from disciplined.optimizers.clipping import clip_


class Scheduled(torch.optim.Optimizer, ABC):
    """An optimiser whose hyper-parameters are set before each step, by `schedule`.

    Args:
        groups: parameter groups, each `{"params": [...], "lr_mult": float, "decay_mult": float}`
            (`disciplined.optimizers.groups.parameter_groups` makes them).
        state: what is kept of each parameter, a tensor like it: name -> its first value.
    """

    def __init__(self, groups: list[dict[str, Any]], state: Mapping[str, float]):
        super().__init__(groups, {"lr_mult": 1.0, "decay_mult": 1.0})
        first = self.param_groups[0]["params"][0]
        # float32 holds every logged rate to the digits the author printed
        dtype = torch.promote_types(first.dtype, torch.float32)
        self.lr, self.momentum, self.weight_decay, self.limit = (
            torch.zeros((), dtype=dtype, device=first.device) for _ in range(4)
        )
        self.clipping: Tensor | None = None
        for group in self.param_groups:
            for parameter in group["params"]:
                for name, value in state.items():
                    self.state[parameter][name] = torch.full_like(parameter, value)

    def schedule(
        self, *, lr: float, momentum: float, weight_decay: float, clipping: float | None = None
    ) -> None:
        """Set the hyper-parameters of the next step (no synchronisation with the device).

        clipping: the largest norm of the whole gradient; None: it is not even computed.
        """
        self.check_momentum(momentum)
        self.lr.fill_(lr)
        self.momentum.fill_(momentum)
        self.weight_decay.fill_(weight_decay)
        self.clipping = None if clipping is None else self.limit.fill_(clipping)

    def check_momentum(self, momentum: float) -> None:
        """Raise `Mistake` for a momentum that this optimiser has no use for."""

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """One step of every group; `closure`, if given, computes loss and gradients first.

        A parameter without a gradient is left alone, and so is its state.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        stepped = [[p for p in g["params"] if p.grad is not None] for g in self.param_groups]
        gradients = [[p.grad for p in parameters] for parameters in stepped]
        if self.clipping is not None and any(gradients):
            clip_([g for group in gradients for g in group], self.clipping)
        self.advance()
        for group, parameters, group_gradients in zip(
            self.param_groups, stepped, gradients, strict=True
        ):
            if not parameters:
                continue
            decay = self.weight_decay * group["decay_mult"] if group["decay_mult"] else None
            self.update(parameters, group_gradients, self.lr * group["lr_mult"], decay)
        return loss

    def advance(self) -> None:
        """What a step does once, before its groups."""

    @abstractmethod
    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group, its multipliers already in `lr` and `weight_decay`.

        `weight_decay=None` is a group without decay.
        """

    def states(self, name: str, parameters: list[Tensor]) -> list[Tensor]:
        """What is kept under `name` of each of `parameters`."""
        return [self.state[p][name] for p in parameters]
