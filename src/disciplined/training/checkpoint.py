"""Checkpoints: the last two of a run, each with a checksum, never a half-written one.

Lightning makes and reads the state; this file decides where it lies. A checkpoint is written beside
its name, flushed, and renamed once its checksum is, so a full disk costs the new file only. They
are read with `weights_only=True`: a checkpoint holds tensors and numbers, and runs no code.
"""

import hashlib
import os
import time
from pathlib import Path

import pytorch_lightning as pl

from disciplined.training.callbacks import Rows
from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

KEPT = 2


def save(trainer: pl.Trainer, folder: Path, iteration: int) -> None:
    """Write the checkpoint after `iteration` updates and drop all but the last two."""
    path = folder / f"{iteration:09d}it.ckpt"
    part = path.with_suffix(".part")
    trainer.save_checkpoint(part)  # every rank takes part, rank 0 writes
    if trainer.is_global_zero:
        with part.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        path.with_suffix(".sha256").write_text(checksum + "\n")
        part.replace(path)
        for old in sorted(folder.glob("*it.ckpt"))[:-KEPT]:
            old.with_suffix(".sha256").unlink(missing_ok=True)
            old.unlink()
    trainer.strategy.barrier()


def newest(folder: Path) -> Path | None:
    """The newest checkpoint whose checksum is right, or None."""
    for path in sorted(folder.glob("*it.ckpt"), reverse=True):
        try:
            expected = path.with_suffix(".sha256").read_text().strip()
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            continue
        if found == expected:
            return path
    return None


def iteration_of(path: Path) -> int:
    """The updates a checkpoint was made after, from its name."""
    return int(path.name.removesuffix("it.ckpt"))


class Checkpoints(AfterUpdate):
    """A checkpoint every so many seconds, at the end, and before a signal ends the process.

    Stands behind `rows` among the callbacks, so that a checkpoint's rows are on the disk before it.
    """

    def __init__(self, folder: Path, seconds: float, rows: Rows):
        self.folder, self.seconds, self.rows = folder, seconds, rows
        self.saved = time.monotonic()

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Between two updates: save where it is due by the clock of rank 0; never a divergence."""
        if self.rows.diverged:
            return
        due = time.monotonic() - self.saved >= self.seconds or trainer.should_stop
        if trainer.world_size > 1:
            # asking costs a broadcast, so only where rows are measured anyway
            due = updates % self.rows.every == 0 and trainer.strategy.broadcast(due)
        if due or updates == module.plan.iterations:
            with self.rows.clock.paused():
                save(trainer, self.folder, updates)
            self.saved = time.monotonic()
