"""Checkpoints: the last two of a run, each with a checksum, never a half-written one.

Lightning makes and reads the state; this file decides where it lies. A checkpoint is written beside
its name, flushed, and renamed once its checksum is, so a full disk costs the new file only. They
are read with `weights_only=True`: a checkpoint holds tensors and numbers, and runs no code.
"""

import hashlib
import os
from pathlib import Path

import pytorch_lightning as pl

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
