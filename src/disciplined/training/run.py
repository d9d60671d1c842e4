"""One run from its config: data, network and Lightning's Trainer together, a record left behind.

The only module that knows all the others. Imports torch; what can be said without it is said by
`disciplined.training.planning`.
"""

import errno
import logging
import math
import os
import signal
import sys
import warnings
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.exceptions import SIGTERMException

from disciplined.optimizers.groups import parameter_groups
from disciplined.training import assembly, checkpoint, curves, machine, summary, words
from disciplined.training.callbacks import HyperParameters, Rows
from disciplined.training.clock import Clock
from disciplined.training.module import Training
from disciplined.training.planning import Plan, plan
from disciplined.training.progress import Progress
from disciplined.training.record import Record, sha256
from disciplined.training.rows import Row
from disciplined.training.signals import Signals, StopNow

DONE, FAULT, DIVERGED = 0, 1, 3
FULL = (errno.ENOSPC, errno.EDQUOT)  # what a disk without room answers

# Lightning's notices of devices and products say nothing that the record does not
for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.WARNING)
# Its own use of torch, and a doubt about data orders that `Batches` settles
warnings.filterwarnings("ignore", message=r".*(LeafSpec|broadcast_buffers).*")
warnings.filterwarnings("ignore", message=r".*your dataloader is not resumable.*")


def run(cfg: DictConfig, *, study: dict[str, Any] | None = None, quiet: bool = False) -> int:
    """Train what `cfg` asks for, resuming where an earlier process stopped.

    Returns the exit status: 0 done, 1 no room on the disk, 3 diverged (the record is kept and says
    where), 128 + the number of a signal that stopped it after a checkpoint. `study` is kept in the
    summary as `registered`. Raises `Mistake` for what the settings get wrong, before anything is
    written.
    """
    asked = plan(cfg)
    record = Record(asked.folder)
    try:
        return train(cfg, asked, record, study, quiet)
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(
            f"train.py: {asked.folder}: {os.strerror(error.errno or 0)}; make room and give the "
            "same command: it goes on from the last checkpoint",
            file=sys.stderr,
        )
        return FAULT
    finally:
        record.release()


def train(
    cfg: DictConfig, asked: Plan, record: Record, study: dict[str, Any] | None, quiet: bool
) -> int:
    """What `run` does once it knows where the record goes."""
    clock = Clock()
    device = assembly.chosen_device(cfg)
    if device == "cpu":
        machine.keep_freed_memory()
    if cfg.trainer.threads:
        torch.set_num_threads(cfg.trainer.threads)
        if cfg.trainer.strategy == "ddp":  # or Lightning would share the machine's cores out
            os.environ["OMP_NUM_THREADS"] = str(cfg.trainer.threads)
    images, validation = assembly.loaded(cfg)
    begun = None
    if not cfg.force:
        begun = checkpoint.newest(record.checkpoints, asked.key, images.sha256, aloud=False)
    # what `auto` was when the run began holds to its end
    precision = begun.precision if begun else assembly.chosen_precision(cfg, device)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    module = Training(
        assembly.network(cfg, asked, images),
        assembly.pixels(cfg, images),
        images,
        asked,
        lambda groups: assembly.optimizer(cfg, groups),
    )
    assembly.optimizer(
        cfg, parameter_groups(module.network)
    )  # a mistake in it shows before a record
    module.network.to(memory_format=torch.channels_last)  # pyright: ignore
    compiled = assembly.compiles(cfg, device, asked)
    if compiled:
        module.forward_pass = torch.compile(module.network)  # pyright: ignore

    signals = Signals(asked.evaluate_every)
    progress = Progress(asked.iterations)
    listeners = assembly.logger(cfg, asked)
    rows = Rows(
        record,
        asked.evaluate_every,
        lambda m: assembly.evaluators(cfg, m, validation),
        [progress.row, *(listener.row for listener in listeners)],
        clock,
    )
    checkpoints = checkpoint.Checkpoints(record.checkpoints, cfg.trainer.checkpoint_seconds, rows)
    callbacks = [clock, HyperParameters(), signals, rows, checkpoints]
    trainer = assembly.trainer(
        cfg, asked, device, precision, [*callbacks, *([] if quiet else [progress])]
    )
    leader = trainer.is_global_zero
    if leader:
        record.claim()
        if cfg.force:
            record.clear()
    resumed = None
    if not cfg.force:
        resumed = checkpoint.newest(record.checkpoints, asked.key, images.sha256, aloud=leader)
    first = resumed.iteration if resumed else 0
    if resumed:
        record.text = resumed.metrics
        rows.last = (record.measured() or [None])[-1]
        checkpoints.codes = list(dict.fromkeys([*resumed.codes, *checkpoints.codes]))
    told = summary.beginning(asked, data_sha256=images.sha256, study=study)
    told["machine"] |= {
        "device": assembly.device_name(device),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "compiled": compiled,
        "world_size": trainer.world_size,
        "resumed_at": first or None,
        "fingerprints": checkpoints.codes,
    }
    if leader:
        record.begin(OmegaConf.to_yaml(cfg), told)
        record.restore()
        for listener in listeners:
            listener.begin()
        if not quiet:
            print(words.beginning(asked, first), file=sys.stderr)
    status, diverged_at = "failed", None
    signals.take()
    try:
        if first < asked.iterations:
            trainer.fit(
                module,
                assembly.batches(cfg, asked, trainer, first),
                ckpt_path=resumed.path if resumed else None,
                weights_only=True if resumed else None,
            )
        diverged_at = divergence(module, rows.last, asked)
        done = max(first, trainer.global_step) >= asked.iterations
        status = "diverged" if diverged_at is not None else "done" if done else "interrupted"
    except StopNow:
        status = "interrupted"
    except SIGTERMException:  # Lightning's, of one that came before `signals` had them all
        signals.received, status = signal.SIGTERM, "interrupted"
    finally:
        signals.release()
        progress.close()
        clock.stop()
        measured = record.measured()
        if leader:
            record.restore()  # whatever became of the file meanwhile
            summary.ended(
                told,
                status=status,
                updates=max(first, trainer.global_step),
                diverged_at=diverged_at,
                rows=measured,
                metrics_sha256=sha256(record.text.encode()),
                clock=clock,
                total_batch_size=asked.total_batch_size,
            )
            record.write_summary(told)
            for listener in listeners:
                listener.end(told)
    if leader and status != "interrupted":
        curves.draw(record.folder, measured, asked)
    if leader and not quiet:
        print(words.ending(told, asked, forced=cfg.force))
    if signals.received is not None and status == "interrupted":
        return 128 + signals.received
    return DIVERGED if status == "diverged" else DONE if status == "done" else FAULT


def divergence(module: Training, last: Row | None, asked: Plan) -> int | None:
    """The iteration of the first loss that was not finite, or None.

    The last update's own is that of the evaluation behind it: no training loss follows it.
    """
    found = module.divergence()
    if found is not None or last is None or last["iteration"] != asked.iterations:
        return found
    return None if math.isfinite(float(last["test_loss"] or 0)) else asked.iterations
