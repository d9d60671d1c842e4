"""SIGINT and SIGTERM end a run between two updates, saved, in all of its processes together."""

import signal
from typing import Any

import pytorch_lightning as pl
import torch

from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate


class Signals(AfterUpdate):
    """SIGINT and SIGTERM end the run after the update in progress, saved; a second one ends it now.

    `received` is the signal's number, or None. Several processes must stop together whichever of
    them the signal reached, so they agree on it every `every` updates, where they meet anyway.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.received: int | None = None
        self.before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the signals over from Python and from Lightning, whose SIGTERM saves nothing."""
        for number in self.before:
            signal.signal(number, self.receive)

    def receive(self, number: int, frame: Any) -> None:
        """Remember the signal; the next batch end acts on it."""
        if self.received is not None:
            raise KeyboardInterrupt
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
