"""One run from its config: data, network and Lightning's Trainer together, a record left behind.

The only module that knows all the others. Imports torch; what can be said without it is said by
`disciplined.training.planning`.
"""

import errno
import json
import logging
import math
import os
import sys
import warnings
from typing import Any

from omegaconf import DictConfig, OmegaConf

from disciplined.ending import DIVERGED, DONE, FAULT
from disciplined.mistakes import Busy
from disciplined.training import assembly, checkpoint, curves, summary, words
from disciplined.training.launch import Ranks, alone, step_tasks
from disciplined.training.module import Training
from disciplined.training.own_code import own_code
from disciplined.training.parts import Parts, prepared
from disciplined.training.planning import Plan, plan
from disciplined.training.record import Record
from disciplined.training.rows import Row
from disciplined.training.signals import StopNow

STATUS = {"done": DONE, "diverged": DIVERGED}
FULL = (errno.ENOSPC, errno.EDQUOT)  # what a disk without room answers

# Lightning's notices of devices and products say nothing that the record does not
for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)
# Its own use of torch, and a doubt about data orders that `Batches` settles
warnings.filterwarnings("ignore", message=r".*(LeafSpec|broadcast_buffers).*")
warnings.filterwarnings("ignore", message=r".*your dataloader is not resumable.*")
# That Slurm is there and not used, and that a process had no share of an evaluation's batches
warnings.filterwarnings("ignore", message=r".*`srun` command is available.*")
warnings.filterwarnings("ignore", message=r".*``compute`` method of metric.*")


def run(
    cfg: DictConfig,
    *,
    study: dict[str, Any] | None = None,
    quiet: bool = False,
    ranks: Ranks | None = None,
) -> int:
    """Train what `cfg` asks for, resuming where an earlier process stopped.

    Returns the exit status: 0 done, 1 no room on the disk, 3 diverged (the record is kept and says
    where), 128 + the number of a signal that stopped it after a checkpoint. `study` is kept in the
    summary as `registered`. `ranks`: the processes that were started together for this run.
    Raises `Mistake` for what the settings get wrong, before anything is written.
    """
    asked = plan(cfg)
    record = Record(asked.folder)
    if ranks is None:
        ranks = Ranks(alone(cfg.trainer.strategy == "ddp"))
        ranks.launch.check(cfg)
    try:
        return train(cfg, asked, record, study, ranks, quiet or not ranks.leads)
    except OSError as error:
        if error.errno not in FULL:
            raise
        if not ranks.leads:
            return FAULT
        print(
            f"train.py: {asked.folder}: {os.strerror(error.errno or 0)}; make room and give the "
            "same command: it goes on from the last checkpoint",
            file=sys.stderr,
        )
        return FAULT
    finally:
        record.release()


def train(
    cfg: DictConfig,
    asked: Plan,
    record: Record,
    study: dict[str, Any] | None,
    ranks: Ranks,
    quiet: bool,
) -> int:
    """What `run` does once it knows where the record goes."""
    parts = prepared(cfg, asked, record, study, ranks, quiet=quiet)
    leader = ranks.leads
    status, checkpoint_found = ranks.decided(
        lambda: taken(cfg, asked, record, parts.images.sha256, leader, quiet)
    )
    if status is not None:
        return status
    resumed = checkpoint.Found.told(checkpoint_found) if checkpoint_found else None
    if resumed:
        parts.checkpoints.resume(resumed)
        record.text = resumed.origin.metrics
        record.curvature = resumed.origin.curvature
        parts.rows.resume(record.measured(), asked)
    told = begin(cfg, asked, record, parts, resumed)
    if not quiet:
        print(words.beginning(asked, resumed.iteration if resumed else 0), file=sys.stderr)
    status = fit(cfg, asked, record, parts, resumed, told)
    if ranks.joined and parts.signals.at_once:  # the others wait in the middle of an update
        raise SystemExit(128 + (parts.signals.received or 0))
    if leader and status != "interrupted":
        curves.draw(record.folder, record.measured(), asked)
    if not quiet:
        print(words.ending(told, asked, forced=cfg.force))
    if not leader:  # Lightning kills the first process where another ends with a status of its own
        return DONE
    if status == "interrupted" and parts.signals.received is not None:
        return 128 + parts.signals.received
    return STATUS.get(status, FAULT)


def taken(
    cfg: DictConfig, asked: Plan, record: Record, data_sha256: str, leader: bool, quiet: bool
) -> tuple[int | None, dict[str, Any] | None]:
    """Take hold of the record: the status where there is nothing left to train, else what to go on
    from, if anything. Raises `Busy`."""
    try:
        if leader:
            record.claim()
    except Busy as busy:
        if step_tasks() == 1 or cfg.trainer.strategy == "ddp":
            raise
        raise Busy(
            f"{busy} (srun started {step_tasks()}: they share a run with trainer=ddp)"
        ) from busy
    if cfg.force:
        if leader:
            record.clear()
        return None, None
    if done := record.finished():  # by another process, since this one was started
        if not quiet:
            print(words.already(done, asked))
        return STATUS[done["status"]] if leader else DONE, None
    found = checkpoint.newest(record.checkpoints, asked.key, data_sha256, tidy=leader)
    return None, found.telling() if found else None


def begin(
    cfg: DictConfig,
    asked: Plan,
    record: Record,
    parts: Parts,
    resumed: checkpoint.Found | None,
) -> dict[str, Any]:
    """Write what is known of the run before its first update; the summary so far."""
    origin = parts.checkpoints.origin
    told = summary.beginning(
        asked,
        data_sha256=origin.data_sha256,
        study=json.loads(origin.registered),
        own_code=own_code(cfg),
    )
    told["result"] |= summary.majority(parts.images.test_labels)
    told["machine"] |= parts.machine | {
        "resumed_at": resumed.iteration if resumed else None,
        "fingerprints": origin.codes,
    }
    if parts.trainer.is_global_zero:
        record.begin(OmegaConf.to_yaml(cfg), told)
        record.restore()
        for listener in parts.listeners:
            listener.begin()
    return told


def fit(
    cfg: DictConfig,
    asked: Plan,
    record: Record,
    parts: Parts,
    resumed: checkpoint.Found | None,
    told: dict[str, Any],
) -> str:
    """Train to the end or to what stops it, and complete the summary; returns the status."""
    module, trainer, signals, clock = parts.module, parts.trainer, parts.signals, parts.clock
    first = resumed.iteration if resumed else 0
    status, diverged_at = "failed", None
    signals.take(trainer)
    try:
        if first < asked.iterations:
            trainer.fit(
                module,
                assembly.batches(cfg, asked, trainer, module.images, first),
                ckpt_path=resumed.path if resumed else None,
                weights_only=True if resumed else None,
            )
        diverged_at = divergence(module, parts.rows.last, asked)
        done = max(first, trainer.global_step) >= asked.iterations
        status = "diverged" if diverged_at is not None else "done" if done else "interrupted"
    except StopNow:
        status = "interrupted"
    finally:
        try:  # a scheduler signals more than once; the last words are not to be cut off
            parts.progress.close()
            clock.stop()
            if trainer.is_global_zero:
                summary.ended(
                    told,
                    status=status,
                    updates=max(first, trainer.global_step),
                    diverged_at=diverged_at,
                    rows=record.measured(),
                    checksums=record.checksums(),
                    clock=clock,
                    total_batch_size=asked.total_batch_size,
                )
                record.restore()  # whatever became of the file meanwhile
                record.write_summary(told)
                for listener in parts.listeners:
                    listener.end(told)
        finally:
            signals.release()
    return status


def divergence(module: Training, last: Row | None, asked: Plan) -> int | None:
    """The iteration of the first loss that was not finite, or None.

    The last update's own is that of the evaluation behind it: no training loss follows it.
    """
    found = module.divergence()
    if found is not None or last is None or last["iteration"] != asked.iterations:
        return found
    return None if math.isfinite(float(last["test_loss"] or 0)) else asked.iterations
