"""Stochastic gradient descent in Caffe's and in PyTorch's convention, with scheduled tensors.

The two conventions differ in where the rate stands (reference 2.4):

* Caffe keeps it inside the velocity, `v <- m v + r d; w <- w - v`, so that a change of rate acts
  on the new gradient only. Nesterov's form there is `w <- w - ((1 + m) v - m v_old)`.
* PyTorch keeps it outside, `v <- m v + d; w <- w - r v`, so that a change of rate rescales the
  whole history. Nesterov's form there is `w <- w - r (d + m v)`.

`d = g + (decay x decay_mult) w` and `r = rate x lr_mult` in both. At a constant rate they agree;
the papers change the rate at every iteration.

Keras's SGD is Caffe's, its velocity with the sign turned (`optimizers.py` of Keras 2:
`v <- m v - r g; w <- w + v`, and `w <- w + m v - r g` in Nesterov's form).

`momentum` is the decay of the velocity.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from disciplined.optimizers import checks
from disciplined.optimizers.foreach import decayed
from disciplined.optimizers.scheduled import Scheduled

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
    direction = decayed(parameters, gradients, weight_decay)
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


class SGD(Scheduled):
    """SGD or Nesterov's accelerated gradient over groups with multipliers.

    Args:
        groups: parameter groups (`disciplined.optimizers.groups.parameter_groups`).
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
        self.convention = checks.convention(convention, CONVENTIONS)
        self.nesterov = nesterov
        super().__init__(groups, {"velocity": 0.0})

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group."""
        step_(
            parameters,
            gradients,
            self.states("velocity", parameters),
            lr=lr,
            momentum=self.momentum,
            weight_decay=weight_decay,
            convention=self.convention,
            nesterov=self.nesterov,
        )
