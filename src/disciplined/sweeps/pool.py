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
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from disciplined.ending import BUSY, DIVERGED, DONE, MISTAKE, handled
from disciplined.sweeps.jobs import Job, Waiting
from disciplined.sweeps.shares import Share, shares
from disciplined.sweeps.worker import train_one

GRACE = 60  # seconds a stopped run has for its checkpoint


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
    preload: Sequence[str] = ("disciplined.sweeps.warm",),
) -> Outcome:
    """Train every job, `at_once` at a time, in the order given; those that another process trains
    are left to it and come last, in case it fails.

    logs: folder for what a run prints; kept only of runs that failed. begun: called as each
    starts. tell: called as each ends, with its status in a word and its seconds. work: what a
    process does with a job.
    """
    outcome = Outcome()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disciplined.sweeps.alone", *preload])
    free = shares(at_once)
    waiting, alive, told_to_wait = Waiting(jobs), {}, False
    logs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(remove_empty, logs)
        at_the_end.enter_context(handled(stop))
        try:
            while waiting.jobs or alive:
                while free and (job := waiting.next()):
                    share = free.pop(0)
                    # another sweep may meet the same job, on another node with this number
                    log = logs / f"{job.key}-{socket.gethostname()}-{os.getpid()}.log"
                    process = context.Process(target=work or train_one, args=(job, share, str(log)))
                    process.start()
                    alive[process] = (job, share, log, time.perf_counter())
                    begun(job)
                for job in waiting.finished():
                    outcome.finished.append(job)
                    tell(job, "done by another process", 0.0)
                multiprocessing.connection.wait([p.sentinel for p in alive], timeout=1)
                if waiting.jobs and not alive:
                    if not told_to_wait:
                        print(f"waiting for {len(waiting.jobs)} jobs of others", file=sys.stderr)
                    told_to_wait = True
                    time.sleep(1)
                for process in [p for p in alive if not p.is_alive()]:
                    job, share, log, started = alive.pop(process)
                    free.append(share)
                    process.join()
                    if process.exitcode == BUSY:
                        log.unlink(missing_ok=True)
                        waiting.put_back(job)
                        continue
                    ended(outcome, job, process, log)
                    tell(job, status_word(process.exitcode), time.perf_counter() - started)
        except Stopped as stopped:
            outcome.stopped = stopped.number
            finish()
    return outcome


def remove_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left."""
    with contextlib.suppress(OSError):
        folder.rmdir()


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


def stop(number: int, _frame: object) -> None:
    """The handler of what stops the command."""
    raise Stopped(number)


def ended(outcome: Outcome, job: Job, process: BaseProcess, log: Path) -> None:
    """Sort a job that ended among the finished or the failed."""
    if process.exitcode in (DONE, DIVERGED):
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
    return {DONE: "done", DIVERGED: "diverged"}.get(status or 0, "failed")
