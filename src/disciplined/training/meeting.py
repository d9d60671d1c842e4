"""When several processes (DDP) ask each other whether to stop or to save: about once a second.

Asking makes them wait for each other, and a device for the host, so it is not done at every update;
at rows they meet anyway. A single process has nobody to ask.
"""

import time

import pytorch_lightning as pl

from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

TRIAL = 5  # updates by whose time the interval is set


class Meeting(AfterUpdate):
    """Stands before all who ask. now: whether to ask behind this update, in every process alike."""

    def __init__(self, rows_every: int) -> None:
        self.rows_every = rows_every
        self.interval = 0  # not set yet
        self.made = 0  # updates in this process
        self.began = 0.0
        self.now = True

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Find out whether this is a moment to ask; the first process's clock sets the interval."""
        if trainer.world_size == 1:
            return
        self.made += 1
        if self.made == 1:
            self.began = time.monotonic()
        if self.made == 1 + TRIAL:
            seconds = (time.monotonic() - self.began) / TRIAL
            self.interval = trainer.strategy.broadcast(max(1, int(1 / max(seconds, 1e-6))))
        at_interval = not self.interval or updates % self.interval == 0
        self.now = at_interval or updates % self.rows_every == 0
