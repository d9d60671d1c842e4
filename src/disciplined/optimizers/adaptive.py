"""RMSprop, AdaGrad and AdaDelta: steps scaled by what the gradients' squares have been.

`d = g + (decay x decay_mult) w` (L2, as in Caffe) and `r = rate x lr_mult` throughout.

Sources: Caffe's rmsprop_solver.cpp, adagrad_solver.cpp and adadelta_solver.cpp (`delta` = 1e-8,
`rms_decay` = 0.99; sgd_solvers.hpp refuses momentum for the first two), optimizers.py of Keras 2
(epsilon 1e-7), rmsprop.py of Keras 3, torch.optim.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from disciplined.optimizers import checks
from disciplined.optimizers.foreach import average_, decayed, squared
from disciplined.optimizers.scheduled import Scheduled

CONVENTIONS = ("pytorch", "keras")


class RMSprop(Scheduled):
    """RMSprop over groups with multipliers.

    `a <- decay a + (1 - decay) d^2`, and then

    * PyTorch: `v <- m v + d / (sqrt(a) + eps); w <- w - r v`;
    * Keras: `v <- m v + r d / sqrt(a + eps); w <- w - v` (Keras 3; Keras 2 with momentum).

    `momentum` is the decay of the velocity `v` over the scaled gradient. Caffe's solver has none,
    nor had Keras's in the tutorials' time (2.2): theirs is PyTorch's form with `momentum=none`,
    which is also what libraries start from.

    Args:
        groups: parameter groups (`disciplined.optimizers.groups.parameter_groups`).
        convention: `pytorch` or `keras`.
        decay: of the average of squares; Caffe's `rms_decay`, Keras's `rho`, PyTorch's `alpha`.
        eps: epsilon.

    Raises `Mistake` for an unknown convention and numbers out of range.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        convention: Literal["pytorch", "keras"] = "pytorch",
        decay: float = 0.99,
        eps: float = 1e-8,
    ):
        self.convention = checks.convention(convention, CONVENTIONS)
        self.decay = checks.decay("optimizer.decay", decay)
        self.eps = checks.epsilon("optimizer.eps", eps)
        super().__init__(groups, {"square": 0.0, "velocity": 0.0})

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group."""
        squares = self.states("square", parameters)
        velocities = self.states("velocity", parameters)
        direction = decayed(parameters, gradients, weight_decay)
        average_(squares, squared(direction), self.decay)
        torch._foreach_mul_(velocities, self.momentum)
        if self.convention == "keras":
            denominators = torch._foreach_add(squares, self.eps)
            torch._foreach_sqrt_(denominators)
            scaled = torch._foreach_div(direction, denominators)
            torch._foreach_add_(velocities, torch._foreach_mul(scaled, lr))
            torch._foreach_sub_(parameters, velocities)
            return
        denominators = torch._foreach_sqrt(squares)
        torch._foreach_add_(denominators, self.eps)
        torch._foreach_add_(velocities, torch._foreach_div(direction, denominators))
        torch._foreach_sub_(parameters, torch._foreach_mul(velocities, lr))


class AdaGrad(Scheduled):
    """AdaGrad over groups with multipliers: `s <- s + d^2; w <- w - r d / (sqrt(s) + eps)`.

    It has no momentum: `schedule` raises `Mistake` for any but 0, as Caffe does.

    Args:
        groups: parameter groups (`disciplined.optimizers.groups.parameter_groups`).
        eps: epsilon.
        initial_accumulator: what `s` begins with; 0.1 in tf.keras, 0 in all others.

    Raises `Mistake` for numbers out of range.
    """

    def __init__(
        self, groups: list[dict[str, Any]], *, eps: float = 1e-8, initial_accumulator: float = 0.0
    ):
        self.eps = checks.epsilon("optimizer.eps", eps)
        checks.not_negative("optimizer.initial_accumulator", initial_accumulator)
        super().__init__(groups, {"sum": initial_accumulator})

    def check_momentum(self, momentum: float) -> None:
        """Raise `Mistake` for any but 0."""
        checks.no_momentum(momentum)

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group."""
        sums = self.states("sum", parameters)
        direction = decayed(parameters, gradients, weight_decay)
        torch._foreach_add_(sums, squared(direction))
        denominators = torch._foreach_sqrt(sums)
        torch._foreach_add_(denominators, self.eps)
        scaled = torch._foreach_div(direction, denominators)
        torch._foreach_sub_(parameters, torch._foreach_mul(scaled, lr))


class AdaDelta(Scheduled):
    """AdaDelta over groups with multipliers, alike in Caffe, Keras and PyTorch.

    With averages `a` of `d^2` and `b` of the updates' squares: `a <- m a + (1 - m) d^2`,
    `u = d sqrt((b + eps) / (a + eps))`, `b <- m b + (1 - m) u^2`, `w <- w - r u`.

    `momentum` is the decay `m` of both averages, as Caffe reads it; other libraries call it rho.
    At 0, with which the author's run was made (superconv/lr35AdaDeltaFig9), each average is its
    last square.

    Args:
        groups: parameter groups (`disciplined.optimizers.groups.parameter_groups`).
        eps: epsilon. The first updates are about its root: it sets the pace of the beginning.

    Raises `Mistake` for numbers out of range.
    """

    def __init__(self, groups: list[dict[str, Any]], *, eps: float = 1e-8):
        self.eps = checks.epsilon("optimizer.eps", eps)
        super().__init__(groups, {"square": 0.0, "update": 0.0})

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group."""
        squares = self.states("square", parameters)
        updates = self.states("update", parameters)
        direction = decayed(parameters, gradients, weight_decay)
        average_(squares, squared(direction), self.momentum)
        update = torch._foreach_add(updates, self.eps)
        torch._foreach_div_(update, torch._foreach_add(squares, self.eps))
        torch._foreach_sqrt_(update)
        torch._foreach_mul_(update, direction)
        average_(updates, squared(list(update)), self.momentum)
        torch._foreach_sub_(parameters, torch._foreach_mul(update, lr))
