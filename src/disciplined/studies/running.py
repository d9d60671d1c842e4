"""Running what is missing of a study: every run a process of its own, a few at a time.

The processes are forked from one server that has imported torch and Lightning already, so that ten
seconds of imports are paid once. A run that fails costs only itself and is named at the end.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from disciplined.studies.expansion import Run

MISTAKE, FAULT, DIVERGED = 2, 1, 3
GRACE = 60  # seconds a stopped run has for its checkpoint


@dataclass
class Outcome:
    """What became of the runs: `failed` with a line each, `stopped` by this signal or None."""

    finished: list[Run] = field(default_factory=list)
    failed: list[tuple[Run, str]] = field(default_factory=list)
    mistakes: int = 0  # of the failed ones, those that a user's mistake stopped
    stopped: int | None = None


class Stopped(Exception):
    """A signal that ends the whole command; `number` is the signal's."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def train(
    runs: list[Run],
    registered: Callable[[Run], dict[str, Any]],
    *,
    jobs: int = 1,
    logs: Path,
    tell: Callable[[Run, str, float], None] = lambda *_: None,
    work: Callable[[list[str], dict[str, Any], str], None] | None = None,
    preload: Sequence[str] = ("disciplined.training.run",),
) -> Outcome:
    """Train every run, `jobs` at a time, in the order given.

    registered: what a run's record keeps of its study. logs: folder for what a run prints; kept
    only of runs that failed. tell: called as each ends, with its status in a word and its seconds.
    work: what a process does, called with overrides, what to register, and its log.
    """
    outcome = Outcome()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(preload))
    threads = max(1, cores() // jobs)
    waiting, alive = list(reversed(runs)), {}
    logs.mkdir(parents=True, exist_ok=True)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while waiting or alive:
            while waiting and len(alive) < jobs:
                run = waiting.pop()
                log = logs / f"{run.key}.log"
                process = context.Process(
                    target=work or train_one,
                    args=(
                        [*run.overrides, f"trainer.threads={threads}"],
                        registered(run),
                        str(log),
                    ),
                )
                process.start()
                alive[process] = (run, log, time.perf_counter())
            multiprocessing.connection.wait([p.sentinel for p in alive], timeout=1)
            for process in [p for p in alive if not p.is_alive()]:
                run, log, started = alive.pop(process)
                process.join()
                ended(outcome, run, process, log)
                tell(run, status_word(process.exitcode), time.perf_counter() - started)
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


def stop(number: int, _frame: object) -> None:
    """The handler of SIGINT and SIGTERM."""
    raise Stopped(number)


def ended(outcome: Outcome, run: Run, process: BaseProcess, log: Path) -> None:
    """Sort a run that ended among the finished or the failed."""
    if process.exitcode in (0, DIVERGED):
        outcome.finished.append(run)
        log.unlink(missing_ok=True)
        return
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    last = lines[-1] if lines else "no output"
    outcome.mistakes += process.exitcode == MISTAKE
    outcome.failed.append((run, f"status {process.exitcode}: {last} (see {log})"))


def status_word(status: int | None) -> str:
    """An exit status in a word."""
    return {0: "done", DIVERGED: "diverged"}.get(status or 0, "failed")


def train_one(overrides: list[str], registered: dict[str, Any], log: str) -> None:
    """One run, in a process of its own; its output goes to `log`. Exits with the run's status."""
    from disciplined.mistakes import Mistake
    from disciplined.training.config import compose

    # The parent decides what a Ctrl-C at the terminal means, and passes it on as SIGTERM.
    os.setpgrp()
    sys.stdout = sys.stderr = out = open(log, "w")  # noqa: PTH123, SIM115 (open to the very end)
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    try:
        cfg = compose(overrides)
        from disciplined.training.run import run

        status = run(cfg, study=registered, quiet=True)
    except Mistake as mistake:
        print(mistake)
        status = MISTAKE
    except Exception:
        traceback.print_exc()
        status = FAULT
    sys.exit(status)


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
