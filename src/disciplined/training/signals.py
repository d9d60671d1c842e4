"""A signal ends a run between two updates, saved, in all of its processes together."""

import signal
import time
from typing import Any

import pytorch_lightning as pl
import torch

from disciplined.ending import SIGNALS, WARNINGS
from disciplined.training.meeting import Meeting
from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

SAME = 1.0  # seconds between two that are one


class StopNow(BaseException):
    """The same signal again: the run ends where it is.

    Not a KeyboardInterrupt, which Lightning answers with status 1.
    """


class Signals(AfterUpdate):
    """SIGINT, SIGTERM and a scheduler's warnings (SIGUSR1, SIGUSR2) end the run after the update in
    progress, saved; SIGINT or SIGTERM again ends it at once.

    Twice within a second is once: a scheduler tells every process, and a launcher among them passes
    it on. `received` is the signal's number, or None. Several processes must stop together
    whichever of them the signal reached, so they agree on it where they meet.
    """

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting
        self.received: int | None = None
        self.at_once = False  # the same again: not between two updates
        self.own: dict[int, float] = {}  # when each first came to this process
        self.before: dict[int, Any] = {}

    def take(self, trainer: pl.Trainer) -> None:
        """Take the signals over, keeping what they did before.

        Lightning would put its own in their place, whose SIGTERM saves nothing and talks to the
        other processes in the middle of whatever they do.
        """
        trainer._signal_connector.register_signal_handlers = lambda: None
        for number in SIGNALS:
            before = signal.signal(number, self.receive)
            self.before.setdefault(number, before)

    def receive(self, number: int, frame: Any) -> None:
        """Remember the signal; the end of the update acts on it."""
        now = time.monotonic()
        if now - self.own.setdefault(number, now) > SAME and number not in WARNINGS:
            self.at_once = True
            raise StopNow
        self.received = self.received or number

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Stop once the update is whole."""
        number = self.received or 0
        if trainer.world_size > 1:
            if not self.meeting.now:
                return
            highest = torch.tensor(number, device=module.device)
            torch.distributed.all_reduce(highest, op=torch.distributed.ReduceOp.MAX)
            number = int(highest)
        if number:  # one that came meanwhile is asked about the next time
            self.received = number
            trainer.should_stop = True

    def release(self) -> None:
        """Give the signals back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}
