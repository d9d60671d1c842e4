"""A signal ends a run between two updates, saved, in all of its processes together."""

import signal
from typing import Any

import pytorch_lightning as pl
import torch

from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
]


class StopNow(BaseException):
    """A second signal: the run ends where it is. Lightning answers a KeyboardInterrupt with 1."""


class Signals(AfterUpdate):
    """SIGINT, SIGTERM and SIGUSR1 (a scheduler's warning) end the run after the update in progress,
    saved; a second one ends it now.

    `received` is the signal's number, or None. Several processes must stop together whichever of
    them the signal reached, so they agree on it every `every` updates, where they meet anyway.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.received: int | None = None
        # what they did before; Lightning puts a handler of its own beside ours meanwhile
        self.before = {n: signal.getsignal(n) for n in ENDING}

    def take(self) -> None:
        """Take the signals over."""
        for number in self.before:
            signal.signal(number, self.receive)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take them over from Lightning as well, whose SIGTERM saves nothing."""
        self.take()

    def receive(self, number: int, frame: Any) -> None:
        """Remember the signal; the next batch end acts on it."""
        if self.received is not None:
            raise StopNow
        self.received = number

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Stop once the update is whole."""
        if trainer.world_size > 1:
            if updates % self.every:
                return
            number = torch.tensor(self.received or 0, device=module.device)
            torch.distributed.all_reduce(number, op=torch.distributed.ReduceOp.MAX)
            self.received = int(number) or None
        if self.received is not None:
            trainer.should_stop = True

    def release(self) -> None:
        """Give the signals back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
