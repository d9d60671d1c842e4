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
    """A worker's part of the machine: cores it may run on, how many threads it may have, and the
    GPU that it sees (None: every)."""

    cores: tuple[int, ...]
    threads: int
    gpu: str | None = None


@dataclass
class Outcome:
    """What became of the jobs: `failed` with exit status and a line each, `stopped` by a signal."""

    finished: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, int, str]] = field(default_factory=list)
    stopped: int | None = None

    @property
    def mistakes(self) -> int:
        """How many of the failed ones a user's mistake stopped."""
        return sum(status == MISTAKE for _, status, _ in self.failed)


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
    begun: Callable[[Job], None] = lambda _: None,
    tell: Callable[[Job, str, float], None] = lambda *_: None,
    work: Callable[[Job, Share, str], None] | None = None,
    preload: Sequence[str] = ("disciplined.training.run",),
) -> Outcome:
    """Train every job, `at_once` at a time, in the order given.

    logs: folder for what a run prints; kept only of runs that failed. begun: called as each
    starts. tell: called as each ends, with its status in a word and its seconds. work: what a
    process does with a job.
    """
    outcome = Outcome()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disciplined.sweeps.alone", *preload])
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
                begun(job)
            multiprocessing.connection.wait([p.sentinel for p in alive], timeout=1)
            for process in [p for p in alive if not p.is_alive()]:
                job, share, log, started = alive.pop(process)
                free.append(share)
                process.join()
                ended(outcome, job, process, log)
                tell(job, status_word(process.exitcode), time.perf_counter() - started)
    except Stopped as stopped:
        outcome.stopped = stopped.number
        finish()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        with contextlib.suppress(OSError):
            logs.rmdir()
    return outcome


def finish() -> None:
    """Let every process save and end; kill what has not after a while, or at a second signal."""
    alive = multiprocessing.active_children()
    print(f"stopping: {len(alive)} runs save first; a second signal kills them", file=sys.stderr)
    deadline = time.monotonic() + GRACE
    try:
        for process in alive:
            process.terminate()
        for process in alive:
            process.join(max(0.0, deadline - time.monotonic()))
    except Stopped:
        pass
    for process in alive:
        if process.is_alive():
            process.kill()


def shares(count: int) -> list[Share]:
    """The machine in `count` parts: its cores in equal slices, its GPUs in turn.

    More workers than cores share them all. A single worker has everything.
    """
    own, cards = cores(), gpus()
    if count == 1:
        return [Share(tuple(own), len(own))]
    size = len(own) // count
    found = []
    for i in range(count):
        part = own[i * size : (i + 1) * size] if size else own
        found.append(Share(tuple(part), max(1, size), cards[i % len(cards)] if cards else None))
    return found


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
    how = f"status {status}"
    if status < 0:
        name = signal.Signals(-status).name
        how = f"killed by {name}" + " (out of memory?)" * (name == "SIGKILL")
    outcome.failed.append((job, status, f"{how}: {last}"))


def status_word(status: int | None) -> str:
    """An exit status in a word."""
    return {0: "done", DIVERGED: "diverged"}.get(status or 0, "failed")


def train_one(job: Job, share: Share, log: str) -> None:
    """One job, in a process of its own; its output goes to `log`. Exits with the run's status."""
    # The parent decides what a Ctrl-C at the terminal means, and passes it on as SIGTERM.
    os.setpgrp()
    end_with_parent()
    # by lines, so that a run that is killed has said what it did; open to the very end
    sys.stdout = sys.stderr = out = open(log, "a", buffering=1)  # noqa: PTH123, SIM115
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, share.cores)
    try:
        from disciplined.mistakes import Mistake
        from disciplined.training.config import TRAIN, compose

        overrides = list(job.overrides)
        cfg = compose(overrides)
        processes = cfg.trainer.devices
        if cfg.trainer.threads is None:
            overrides.append(f"trainer.threads={max(1, share.threads // processes)}")
            cfg = compose(overrides)
        if share.gpu is not None and processes == 1:
            os.environ["CUDA_VISIBLE_DEVICES"] = share.gpu
        sys.argv = [str(TRAIN), *overrides]  # what a further process of a DDP run is started with
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
