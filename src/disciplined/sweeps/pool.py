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

from disciplined.ending import BUSY, DIVERGED, DONE, handled
from disciplined.sweeps.jobs import Job, Waiting
from disciplined.sweeps.shares import Share, shares
from disciplined.sweeps.worker import train_one

GRACE = 60  # seconds a stopped run has for its checkpoint
# What a run is told to stop with: a warning may come any number of times, by a scheduler as well,
# which signals every process of its job; a second SIGTERM ends the saving.
PASSED_ON = getattr(signal, "SIGUSR1", signal.SIGTERM)


@dataclass
class Outcome:
    """What became of the jobs: `failed` with exit status and a line each, `stopped` by a signal."""

    finished: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, int, str]] = field(default_factory=list)
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
    begun: Callable[[Job], None] = lambda _: None,
    tell: Callable[[Job, str, float], None] = lambda *_: None,
    failed: Callable[[Job, int, str], None] = lambda *_: None,
    cores: int | None = None,
    insist: bool = True,
    work: Callable[[Job, Share, str], None] | None = None,
    preload: Sequence[str] = ("disciplined.sweeps.warm",),
) -> Outcome:
    """Train every job, `at_once` at a time, in the order given; those that another process trains
    are left to it and come last, in case it fails.

    logs: folder for what a run prints; kept only of runs that failed. begun: called as each
    starts. tell: called as each ends, with its status in a word and its seconds; failed: of those
    that failed, with status and a line. cores: how many to use; None for all that this process may.
    insist: whether a second signal kills what is saving; a scheduler sends several and kills by
    itself. work: what a process does with a job.
    """
    outcome = Outcome()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["disciplined.sweeps.alone", *preload])
    free = shares(at_once, cores)
    waiting, alive, told_to_wait = Waiting(jobs), {}, False
    logs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(remove_empty, logs)
        at_the_end.enter_context(handled(Stop(insist)))
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
                    if ended(outcome, job, process, log):
                        failed(*outcome.failed[-1])
                    tell(job, status_word(process.exitcode), time.perf_counter() - started)
        except Stopped as stopped:
            outcome.stopped = stopped.number
            finish(insist)
    return outcome


def remove_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def finish(insist: bool) -> None:
    """Let every process save and end; kill what has not after a while, or at a second signal."""
    alive = multiprocessing.active_children()
    second = "; a second signal kills them" * insist
    print(f"stopping: {len(alive)} runs save first{second}", file=sys.stderr)
    deadline = time.monotonic() + GRACE
    try:
        for process in alive:
            if process.pid:
                os.kill(process.pid, PASSED_ON)
        for process in alive:
            process.join(max(0.0, deadline - time.monotonic()))
    except Stopped:
        pass
    for process in alive:
        if process.is_alive():
            process.kill()


class Stop:
    """The handler of what stops the command; if `insist`, of what comes after it as well."""

    def __init__(self, insist: bool):
        self.told, self.insist = False, insist

    def __call__(self, number: int, _frame: object) -> None:
        """Raises `Stopped`."""
        if not self.told or self.insist:
            self.told = True
            raise Stopped(number)


def ended(outcome: Outcome, job: Job, process: BaseProcess, log: Path) -> bool:
    """Sort a job that ended among the finished or the failed; whether it failed."""
    if process.exitcode in (DONE, DIVERGED):
        outcome.finished.append(job)
        log.unlink(missing_ok=True)
        return False
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    last = f"{lines[-1]} (see {log})" if lines else "no output"
    status = process.exitcode or 0
    how = f"status {status}"
    if status < 0:
        name = signal.Signals(-status).name
        how = f"killed by {name}" + " (out of memory?)" * (name == "SIGKILL")
    outcome.failed.append((job, status, f"{how}: {last}"))
    return True


def status_word(status: int | None) -> str:
    """An exit status in a word."""
    return {DONE: "done", DIVERGED: "diverged"}.get(status or 0, "failed")
