"""Schedules in a plain PyTorch loop: a torch `LRScheduler` that drives momentum and decay as well.

rate = onecycle(0.08, 0.8, stepsize=2000, duration=4500)
scheduler = Scheduler(optimizer, lr=rate, momentum=momentum.cyclical(0.95, 0.85, 2000, 4500))
...
optimizer.step()
scheduler.step()                   # once an update

"""

from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from disciplined.mistakes import Mistake
from disciplined.schedules.segments import Schedule
from disciplined.tuning.driven import Driven


class Scheduler(LRScheduler):
    """Sets rate, momentum and weight decay for every update from pure functions of the iteration.

    Groups keep their proportions, the largest takes the value. Its state is the iteration alone, so
    a checkpoint of it is a number and loads with `weights_only=True`. Raises Mistake where nothing
    is driven, or the optimiser lacks it.

    Args:
        optimizer: whose settings are set; the first update's at once.
        lr, momentum, weight_decay: schedules of `disciplined.schedules`; None to leave it alone.
        last_epoch: the iteration before the first, for training that goes on (torch's word).
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        lr: Schedule | None = None,
        momentum: Schedule | None = None,
        weight_decay: Schedule | None = None,
        last_epoch: int = -1,
    ):
        told = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        self.driven = [(Driven(optimizer, k), s) for k, s in told.items() if s is not None]
        if not self.driven:
            raise Mistake("Scheduler: nothing to drive; give lr, momentum or weight_decay")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of the next update, a group each; the others are set as a side of it."""
        for one, schedule in self.driven:
            one.set(schedule.value(self.last_epoch))
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, int]:
        """The iteration: all else is a function of it."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state, the next update's settings set."""
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = self.last_epoch + 1
        self._last_lr = [float(rate) for rate in self.get_lr()]
