"""One run of a sweep, in a process of its own."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TextIO

from disciplined.ending import BUSY, FAULT, MISTAKE
from disciplined.mistakes import Busy, Mistake
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.shares import Share


def train_one(job: Job, share: Share, log: str) -> None:
    """One job, in a process of its own; its output goes to `log`. Exits with the run's status."""
    # The parent decides what a Ctrl-C at the terminal means, and passes it on as SIGTERM.
    os.setpgrp()
    end_with_parent()
    sys.stdout = sys.stderr = out = opened(Path(log))
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share.cores)
    try:
        from disciplined.training.config import TRAIN, compose

        overrides = list(job.overrides)
        cfg = compose(overrides)
        processes = cfg.trainer.devices
        if cfg.trainer.threads is None:
            cfg.trainer.threads = max(1, share.threads // processes)
            overrides.append(f"trainer.threads={cfg.trainer.threads}")
        if share.gpu is not None and processes == 1:
            os.environ["CUDA_VISIBLE_DEVICES"] = share.gpu
        sys.argv = [str(TRAIN), *overrides]  # what a further process of a DDP run is started with
        from disciplined.training.run import run

        status = run(cfg, study=job.registered, quiet=True)
    except Mistake as mistake:
        print(mistake)
        status = BUSY if isinstance(mistake, Busy) else MISTAKE
    except Exception:
        traceback.print_exc()
        status = FAULT
    sys.exit(status)


def opened(log: Path) -> TextIO:
    """A job's log, written by lines, so that a run that is killed has said what it did."""
    while True:
        log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another sweep has tidied up in this moment
            return log.open("a", buffering=1)


def end_with_parent() -> None:
    """A run whose sweep was killed is told to stop, saves, and is taken up again later.

    By another signal than the sweep's own, or it would be a second one and end the saving.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel] if parent else [])
        os.kill(os.getpid(), getattr(signal, "SIGUSR1", signal.SIGTERM))

    threading.Thread(target=watch, daemon=True).start()
