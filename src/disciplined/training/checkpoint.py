"""Checkpoints: the last two of a run, each with a checksum, never a half-written one.

Lightning makes and reads the state; this file decides where it lies and whether it is to be
trusted. A checkpoint is written beside its name, flushed, and renamed once its checksum is, so a
full disk costs the new file only. It holds the rows measured so far as well, so a run that is
resumed needs nothing else. They are read with `weights_only=True`: a checkpoint holds tensors and
numbers, and runs no code.
"""

import hashlib
import os
import pickle
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from disciplined.mistakes import Mistake
from disciplined.training import machine
from disciplined.training.callbacks import Rows
from disciplined.training.module import Training
from disciplined.training.updates import AfterUpdate

KEPT = 2
OURS = "disciplined"  # the part of a checkpoint that Lightning does not know
KEPT_BY_US = {"key", "data_sha256", "metrics", "precision", "codes"}


@dataclass(frozen=True)
class Found:
    """A checkpoint to go on from: made after `iteration` updates, with the rows until then.

    precision: Lightning's word for that of the updates. codes: fingerprints of the code that made
    them, oldest first.
    """

    path: Path
    iteration: int
    metrics: str
    precision: str
    codes: list[str]


class Unusable(Exception):
    """Why a checkpoint is passed over, in a few words."""


def save(trainer: pl.Trainer, folder: Path, iteration: int) -> None:
    """Write the checkpoint after `iteration` updates and drop all but the last two."""
    path = place(folder, iteration)
    part = path.with_suffix(".part")
    try:
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
    except OSError:
        part.unlink(missing_ok=True)
        if not path.exists():
            path.with_suffix(".sha256").unlink(missing_ok=True)
        raise
    trainer.strategy.barrier()


def place(folder: Path, iteration: int) -> Path:
    """Where the checkpoint after so many updates lies."""
    return folder / f"{iteration:09d}it.ckpt"


def newest(folder: Path, key: str, data_sha256: str, *, aloud: bool = True) -> Found | None:
    """The newest checkpoint of the run `key` that can be trusted, or None.

    Says on standard error (`aloud`) which ones it passes over and why. Raises `Mistake` where the
    run began with other data than are there now.
    """
    for path in sorted(folder.glob("*it.ckpt"), reverse=True):
        try:
            state = opened(path)
            if state[OURS]["key"] != key:
                raise Unusable("is another run's")
            if state[OURS]["data_sha256"] != data_sha256:
                raise Mistake(
                    f"{path.parents[1]}: this run began with other data than are in data_dir now; "
                    "bring those back, or begin anew with force=true"
                )
            ours = state[OURS]
            return Found(
                path, state["global_step"], ours["metrics"], ours["precision"], ours["codes"]
            )
        except Unusable as why:
            if aloud:
                print(f"{path}: {why}; not used", file=sys.stderr)
    return None


def opened(path: Path) -> dict[str, Any]:
    """A checkpoint's content. Raises `Unusable` for a damaged one, and one that holds code."""
    try:
        expected = path.with_suffix(".sha256").read_text().strip()
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, UnicodeDecodeError):
        raise Unusable("has no checksum beside it") from None
    if found != expected:
        raise Unusable("is damaged (its checksum differs)")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise Unusable("holds more than tensors and numbers") from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError):
        raise Unusable("is no checkpoint") from None
    if not isinstance(state, dict) or not isinstance(state.get(OURS), dict):
        raise Unusable("is no checkpoint of this program")
    if not state[OURS].keys() >= KEPT_BY_US:
        raise Unusable("was made by an earlier version")
    if path != place(path.parent, state["global_step"]):
        raise Unusable("was made at another iteration than its name says")
    return state


class Checkpoints(AfterUpdate):
    """A checkpoint every so many seconds, at the end, and before a signal ends the process.

    Stands behind `rows` among the callbacks, so that a checkpoint's rows are on the disk before it.
    """

    def __init__(self, folder: Path, seconds: float, rows: Rows):
        self.folder, self.seconds, self.rows = folder, seconds, rows
        self.codes = [machine.fingerprint()]
        self.saved = time.monotonic()

    def after_update(self, trainer: pl.Trainer, module: Training, updates: int) -> None:
        """Between two updates: save where it is due by the clock of rank 0; never a divergence."""
        if self.rows.diverged:
            return
        due = time.monotonic() - self.saved >= self.seconds or trainer.should_stop
        if trainer.world_size > 1:
            # asking costs a broadcast, so only where rows are measured anyway
            due = updates % self.rows.every == 0 and trainer.strategy.broadcast(due)
        if not due and updates != module.plan.iterations:
            return
        if module.divergence() is not None:  # a GPU has not been asked since the last row
            self.rows.diverged = trainer.should_stop = True
        else:
            with self.rows.clock.paused():
                save(trainer, self.folder, updates)
                self.saved = time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep whose checkpoint this is, what it was made with, and the rows so far."""
        assert isinstance(pl_module, Training)
        checkpoint.setdefault(OURS, {}).update(
            key=pl_module.plan.key,
            data_sha256=pl_module.images.sha256,
            metrics=self.rows.record.text,
            precision=str(trainer.precision),
            codes=self.codes,
        )

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
