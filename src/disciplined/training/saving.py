"""When a run is saved, and what of it: the callback that makes and takes up checkpoints."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from disciplined.training import machine
from disciplined.training.callbacks import Rows
from disciplined.training.checkpoint import OURS, Files, Found, Origin, place
from disciplined.training.meeting import Meeting
from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

KEPT = 2  # checkpoints of a run


class Checkpoints(AfterUpdate):
    """A checkpoint every so many seconds, at the end, and before a signal ends the process.

    Stands behind `rows` and the signals among the callbacks, so that a checkpoint's rows are on the
    disk before it. Several processes agree on when.
    """

    def __init__(self, folder: Path, seconds: float, rows: Rows, meeting: Meeting, origin: Origin):
        self.folder, self.seconds, self.rows, self.meeting = folder, seconds, rows, meeting
        self.origin = origin
        self.kept: list[Path] = []
        self.files = Files()
        self.saved = time.monotonic()

    def resume(self, found: Found) -> None:
        """Go on from a checkpoint, which is the last one until there is another."""
        self.kept = [found.path]
        codes = dict.fromkeys([*found.origin.codes, machine.fingerprint()])
        self.origin.codes = list(codes)
        self.origin.registered = found.origin.registered
        self.rows.clock.carry_on(found.origin.wall, found.origin.training, found.origin.updates)

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Between two updates: save where it is due by the clock of rank 0; never a divergence.

        Raises `Lost` where another process has taken the run over.
        """
        self.rows.record.check()
        if self.rows.diverged:
            return
        last = updates == module.plan.iterations
        due = time.monotonic() - self.saved >= self.seconds or trainer.should_stop or last
        if trainer.world_size > 1 and not last:
            due = self.meeting.now and trainer.strategy.broadcast(due)
        if not due:
            return
        if module.divergence() is not None:  # a GPU has not been asked since the last row
            self.rows.diverged = trainer.should_stop = True
            return
        with self.rows.clock.paused():
            self.save(trainer, place(self.folder, updates))
        self.saved = time.monotonic()

    def save(self, trainer: pl.Trainer, path: Path) -> None:
        """Write a checkpoint and drop all but the last two. Raises `OSError` in every process."""
        self.files.error = None
        trainer.save_checkpoint(path)  # every rank takes part, rank 0 writes
        error = trainer.strategy.broadcast(self.files.error)
        if error is not None:
            raise OSError(error, os.strerror(error))
        self.kept = [*(p for p in self.kept if p != path), path]
        if trainer.is_global_zero:
            for old in self.folder.glob("*it.ckpt"):
                if old not in self.kept[-KEPT:]:
                    self.files.remove_checkpoint(old)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep whose checkpoint this is, how it was made, and the rows so far."""
        clock = self.rows.clock
        self.origin.metrics = self.rows.record.text
        self.origin.curvature = self.rows.record.curvature
        self.origin.wall, self.origin.training = clock.wall, clock.training
        self.origin.updates = clock.updates
        checkpoint.setdefault(OURS, {})["origin"] = asdict(self.origin)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Count the updates made in the micro-batches of this process, which may be others."""
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        batches = checkpoint["global_step"] * trainer.accumulate_grad_batches
        for counts in (progress["total"], progress["current"]):
            unfinished = counts["ready"] - counts["completed"]
            counts |= dict.fromkeys(("ready", "started", "processed"), batches)
            counts["completed"] = batches - unfinished
