"""Runs at once: every run a process of its own, a few at a time, each on its share of the machine.

The processes are forked from one server that has imported torch and Lightning already, so that ten
seconds of imports are paid once. A run that fails, is killed or runs out of memory costs only
itself and is named at the end.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

MISTAKE, FAULT, DIVERGED = 2, 1, 3
GRACE = 60  # seconds a stopped run has for its checkpoint
TRAIN = Path(__file__).parents[3] / "train.py"


@dataclass(frozen=True)
class Job:
    """A run to train: its record's key, `train.py`'s overrides, and what its record keeps of a
    study; `name` is what the user is told."""

    key: str
    overrides: tuple[str, ...]
    name: str
    registered: dict[str, Any] | None = None


@dataclass(frozen=True)
class Share:
    """A worker's part of the machine: cores it may use, and the GPU that it sees (None: every)."""

    cores: tuple[int, ...]
    gpu: str | None = None


@dataclass
class Outcome:
    """What became of the jobs: `failed` with a line each, `stopped` by this signal or None."""

    finished: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, str]] = field(default_factory=list)
    mistakes: int = 0  # of the failed ones, those that a user's mistake stopped
    stopped: int | None = None


class Stopped(Exception):
    """A signal that ends the whole command; `number` is the signal's."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def train(
    jobs: Sequence[Job],
    *,
    at_once: int = 1,
    logs: Path,
    tell: Callable[[Job, str, float], None] = lambda *_: None,
    work: Callable[[Job, Share, str], None] | None = None,
    preload: Sequence[str] = ("disciplined.training.run",),
) -> Outcome:
    """Train every job, `at_once` at a time, in the order given.

    logs: folder for what a run prints; kept only of runs that failed. tell: called as each ends,
    with its status in a word and its seconds. work: what a process does with a job.
    """
    outcome = Outcome()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    free = shares(at_once)
    waiting, alive = list(reversed(jobs)), {}
    logs.mkdir(parents=True, exist_ok=True)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while waiting or alive:
            while waiting and free:
                job, share = waiting.pop(), free.pop(0)
                log = logs / f"{job.key}.log"
                process = context.Process(target=work or train_one, args=(job, share, str(log)))
                process.start()
                alive[process] = (job, share, log, time.perf_counter())
            multiprocessing.connection.wait([p.sentinel for p in alive], timeout=1)
            for process in [p for p in alive if not p.is_alive()]:
                job, share, log, started = alive.pop(process)
                free.append(share)
                process.join()
                ended(outcome, job, process, log)
                tell(job, status_word(process.exitcode), time.perf_counter() - started)
    except Stopped as stopped:
        outcome.stopped = stopped.number
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        for process in alive:
            process.terminate()
        for process in alive:
            process.join(GRACE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        with contextlib.suppress(OSError):
            logs.rmdir()
    return outcome


def shares(count: int) -> list[Share]:
    """The machine in `count` parts: its cores in equal slices, its GPUs in turn.

    More workers than cores share them all. A single worker has everything.
    """
    own, cards = cores(), gpus()
    if count == 1:
        return [Share(tuple(own))]
    size = len(own) // count
    slices = [own[i * size : (i + 1) * size] if size else own for i in range(count)]
    return [Share(tuple(slices[i]), cards[i % len(cards)] if cards else None) for i in range(count)]


def stop(number: int, _frame: object) -> None:
    """The handler of SIGINT and SIGTERM."""
    raise Stopped(number)


def ended(outcome: Outcome, job: Job, process: BaseProcess, log: Path) -> None:
    """Sort a job that ended among the finished or the failed."""
    if process.exitcode in (0, DIVERGED):
        outcome.finished.append(job)
        log.unlink(missing_ok=True)
        return
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    last = f"{lines[-1]} (see {log})" if lines else "no output"
    status = process.exitcode or 0
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    outcome.mistakes += status == MISTAKE
    outcome.failed.append((job, f"{how}: {last}"))


def status_word(status: int | None) -> str:
    """An exit status in a word."""
    return {0: "done", DIVERGED: "diverged"}.get(status or 0, "failed")


def train_one(job: Job, share: Share, log: str) -> None:
    """One job, in a process of its own; its output goes to `log`. Exits with the run's status."""
    # The parent decides what a Ctrl-C at the terminal means, and passes it on as SIGTERM.
    os.setpgrp()
    end_with_parent()
    sys.stdout = sys.stderr = out = open(log, "w")  # noqa: PTH123, SIM115 (open to the very end)
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share.cores)
    if share.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = share.gpu
    sys.argv = [str(TRAIN), *job.overrides]  # what a further process of a DDP run is started with
    try:
        from disciplined.mistakes import Mistake
        from disciplined.training.config import compose

        asked = [] if any(o.startswith("trainer.threads=") for o in job.overrides) else share.cores
        cfg = compose([*job.overrides, *([f"trainer.threads={len(asked)}"] if asked else [])])
        from disciplined.training.run import run

        status = run(cfg, study=job.registered, quiet=True)
    except Mistake as mistake:
        print(mistake)
        status = MISTAKE
    except Exception:
        traceback.print_exc()
        status = FAULT
    sys.exit(status)


def end_with_parent() -> None:
    """A run whose sweep was killed is told to stop, saves, and is taken up again later."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel] if parent else [])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def cores() -> list[int]:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpus() -> list[str]:
    """The GPUs this process may use, by the names that CUDA_VISIBLE_DEVICES takes; no torch."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    cards = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(cards.iterdir())))] if cards.is_dir() else []
