"""Where a run's time goes: to the first update, training after it, and everything else.

A compiled run spends its first update compiling, and every run its first in warming caches up, so
images per second are those of the updates behind it, without evaluations and checkpoints.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytorch_lightning as pl
import torch

from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate


def now(device: torch.device) -> float:
    """The time once the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


class Clock(AfterUpdate):
    """Stands first among the callbacks; whoever does something else than train does it `paused`.

    first_update: seconds from the start of this process to the end of its first update. training:
    seconds of the updates behind the first, and of an interrupted run's. other: seconds paused.
    """

    def __init__(self) -> None:
        self.started = self.marked = time.perf_counter()
        self.earlier = 0.0  # seconds of the processes that were interrupted
        self.first_update: float | None = None
        self.training = self.other = 0.0
        self.updates = self.since = 0  # behind the first; since the last pause
        self.device = torch.device("cpu")

    @property
    def wall(self) -> float:
        """Seconds of the run so far."""
        return time.perf_counter() - self.started + self.earlier

    def carry_on(self, wall: float, training: float, updates: int) -> None:
        """Begin at what an interrupted run had come to."""
        self.earlier, self.training, self.updates = wall, training, updates

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Know which device there is to wait for."""
        self.device = pl_module.device

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Count an update; only the first one is waited for."""
        if self.first_update is None:
            self.first_update = self.now() - self.started
            self.marked = time.perf_counter()
        else:
            self.updates += 1
            self.since += 1

    def stop(self) -> None:
        """The run has ended, after a pause or (diverged, interrupted) without one."""
        if self.first_update is not None and self.since:
            self.training += self.now() - self.marked
            self.since = 0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Something else than training, between two updates."""
        began = self.now()
        self.training += began - self.marked
        self.since = 0
        try:
            yield
        finally:
            self.marked = self.now()
            self.other += self.marked - began

    def now(self) -> float:
        """The time once the device has done what it was told."""
        with suppress(RuntimeError):  # a device that failed has told so already
            return now(self.device)
        return time.perf_counter()

    def images_per_second(self, total_batch_size: int) -> float:
        """Of training behind the first update; of that one where there is no other."""
        if self.updates and self.training > 0:
            return self.updates * total_batch_size / self.training
        return total_batch_size / self.first_update if self.first_update else 0.0
