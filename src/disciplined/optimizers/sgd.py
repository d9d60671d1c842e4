"""Stochastic gradient descent in Caffe's and in PyTorch's convention, with scheduled tensors.

The two conventions differ in where the rate stands (reference 2.4):

* Caffe keeps it inside the velocity, `v <- m v + r d; w <- w - v`, so that a change of rate acts
  on the new gradient only. Nesterov's form there is `w <- w - ((1 + m) v - m v_old)`.
* PyTorch keeps it outside, `v <- m v + d; w <- w - r v`, so that a change of rate rescales the
  whole history. Nesterov's form there is `w <- w - r (d + m v)`.

`d = g + (decay x decay_mult) w` and `r = rate x lr_mult` in both. At a constant rate they agree;
the papers change the rate at every iteration.

Rate, momentum and decay are 0-dim tensors on the parameters' device: a compiled or captured step
reads their present value and is neither stale nor recompiled.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from disciplined.mistakes import Mistake

CONVENTIONS = ("caffe", "pytorch")


def step_(
    parameters: list[Tensor],
    gradients: list[Tensor],
    velocities: list[Tensor],
    *,
    lr: Tensor,
    momentum: Tensor,
    weight_decay: Tensor | None,
    convention: str,
    nesterov: bool,
) -> None:
    """One step of one group of parameters, in place.

    `lr`, `momentum` and `weight_decay` are 0-dim tensors with the group's multipliers already in
    them; `weight_decay=None` is a group without decay. Written in `foreach` operations so that a
    GPU gets a handful of kernels and the compiler one.
    """
    if weight_decay is None:
        direction = gradients
    else:
        direction = torch._foreach_mul(parameters, weight_decay)
        torch._foreach_add_(direction, gradients)
    if convention == "pytorch":
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, direction)
        update = velocities
        if nesterov:
            update = torch._foreach_mul(velocities, momentum)
            torch._foreach_add_(update, direction)
        torch._foreach_sub_(parameters, torch._foreach_mul(update, lr))
        return
    old = torch._foreach_mul(velocities, momentum) if nesterov else ()
    torch._foreach_mul_(velocities, momentum)
    torch._foreach_add_(velocities, torch._foreach_mul(direction, lr))
    update = velocities
    if nesterov:
        update = torch._foreach_mul(velocities, 1 + momentum)
        torch._foreach_sub_(update, old)
    torch._foreach_sub_(parameters, update)


class SGD(torch.optim.Optimizer):
    """SGD or Nesterov's accelerated gradient over groups with multipliers.

    Args:
        groups: parameter groups, each `{"params": [...], "lr_mult": float, "decay_mult": float}`
            (`disciplined.optimizers.groups.parameter_groups` makes them).
        convention: `caffe` (the papers') or `pytorch`.
        nesterov: Nesterov's form (everywhere in the third paper).

    Set `schedule(lr=..., momentum=..., weight_decay=...)` before each step. Raises `Mistake` for an
    unknown convention.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        convention: Literal["caffe", "pytorch"] = "caffe",
        nesterov: bool = False,
    ):
        if convention not in CONVENTIONS:
            raise Mistake(
                f"optimizer.convention={convention}: expected one of {', '.join(CONVENTIONS)}"
            )
        super().__init__(groups, {"lr_mult": 1.0, "decay_mult": 1.0})
        self.convention, self.nesterov = convention, nesterov
        device = self.param_groups[0]["params"][0].device
        # float32 holds every logged rate to the digits the author printed
        self.lr, self.momentum, self.weight_decay = (
            torch.zeros((), dtype=torch.float32, device=device) for _ in range(3)
        )
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["velocity"] = torch.zeros_like(parameter)

    def schedule(self, *, lr: float, momentum: float, weight_decay: float) -> None:
        """Set the hyper-parameters of the next step (no synchronisation with the device)."""
        self.lr.fill_(lr)
        self.momentum.fill_(momentum)
        self.weight_decay.fill_(weight_decay)

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """One step of every group; `closure`, if given, computes loss and gradients first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            decay = self.weight_decay * group["decay_mult"] if group["decay_mult"] else None
            step_(
                parameters,
                [p.grad for p in parameters],
                [self.state[p]["velocity"] for p in parameters],
                lr=self.lr * group["lr_mult"],
                momentum=self.momentum,
                weight_decay=decay,
                convention=self.convention,
                nesterov=self.nesterov,
            )
        return loss
