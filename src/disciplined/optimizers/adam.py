"""Adam and AdamW, with a first beta that may change at every step.

`m <- b1 m + (1 - b1) d`, `v <- b2 v + (1 - b2) d^2`, and with the weights that the two averages
have come to, `c1 = 1 - b1(1) b1(2) ... b1(t)` and `c2 = 1 - b2^t`:

* PyTorch corrects first, `w <- w - r (m / c1) / (sqrt(v / c2) + eps)`;
* Caffe and Keras put epsilon beside the uncorrected root,
  `w <- w - r sqrt(c2) / c1  m / (sqrt(v) + eps)`, which is an epsilon larger by `1 / sqrt(c2)`.

`momentum` is `b1`. Libraries hold it constant and correct by `b1^t`; under a schedule that would be
the weight of another average, so the running product stands in its place, equal to it where `b1` is
constant. Decay is added to the gradient (L2, as in Caffe) in Adam, and shrinks the weights beside
the step, `w <- (1 - r decay) w`, in AdamW.

Sources: Caffe's adam_solver.cpp (`momentum`, `momentum2` = 0.999, `delta` = 1e-8), `Adam` in Keras
2's optimizers.py (epsilon 1e-7), torch.optim.Adam and AdamW (1e-8); 1412.6980, 1711.05101.
"""

from typing import Any, Literal

import torch
from torch import Tensor

from disciplined.optimizers import checks
from disciplined.optimizers.foreach import average_, decayed, squared
from disciplined.optimizers.scheduled import Scheduled

CONVENTIONS = ("caffe", "pytorch")


class Adam(Scheduled):
    """Adam over groups with multipliers; decay is added to the gradient.

    Args:
        groups: parameter groups (`disciplined.optimizers.groups.parameter_groups`).
        convention: where epsilon stands, `caffe` (Keras's too) or `pytorch`.
        beta2: decay of the average of squares.
        eps: epsilon.

    Set `schedule(lr=..., momentum=b1, weight_decay=...)` before each step. The corrections count
    this optimiser's steps, as Caffe's do, also for a parameter that had no gradient in some. Raises
    `Mistake` for an unknown convention and numbers out of range.
    """

    decoupled = False

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        convention: Literal["caffe", "pytorch"] = "caffe",
        beta2: float = 0.999,
        eps: float = 1e-8,
    ):
        self.convention = checks.convention(convention, CONVENTIONS)
        self.beta2 = checks.decay("optimizer.beta2", beta2)
        self.eps = checks.epsilon("optimizer.eps", eps)
        super().__init__(groups, {"mean": 0.0, "square": 0.0})
        # float64: the differences from 1 are what counts, after thousands of products
        self.betas = torch.tensor([0.0, beta2], dtype=torch.float64, device=self.lr.device)
        self.weights = torch.zeros_like(self.betas)

    def advance(self) -> None:
        """Bring `c1` and `c2` to this step, `c <- b c + (1 - b)`: they are the averages of ones."""
        self.betas[0] = self.momentum
        self.weights.lerp_(torch.ones_like(self.weights), 1 - self.betas)

    def update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        lr: Tensor,
        weight_decay: Tensor | None,
    ) -> None:
        """One step of one group; `weights` holds `c1` and `c2` of this step."""
        means, squares = self.states("mean", parameters), self.states("square", parameters)
        direction = gradients
        if weight_decay is not None and self.decoupled:
            torch._foreach_mul_(parameters, 1 - lr * weight_decay)
        else:
            direction = decayed(parameters, gradients, weight_decay)
        average_(means, direction, self.momentum)
        average_(squares, squared(direction), self.beta2)
        root = self.weights[1].sqrt()
        denominators = torch._foreach_sqrt(squares)
        if self.convention == "pytorch":
            torch._foreach_add_(denominators, (self.eps * root).to(lr.dtype))
        else:
            torch._foreach_add_(denominators, self.eps)
        update = torch._foreach_div(means, denominators)
        torch._foreach_mul_(update, (lr * root / self.weights[0]).to(lr.dtype))
        torch._foreach_sub_(parameters, update)

    def state_dict(self) -> dict[str, Any]:
        """torch's, and `weights` beside it: among the states torch would round them to float32."""
        return {**super().state_dict(), "weights": self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        super().load_state_dict(state_dict)
        self.weights.copy_(state_dict["weights"])


class AdamW(Adam):
    """Adam with decoupled decay: `w <- (1 - r decay) w` beside the step."""

    decoupled = True
