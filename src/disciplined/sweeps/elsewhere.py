"""Runs on other machines: handed to a cluster in allocations, told as they end, as the pool does.

What an engine (Slurm, Ray, any other of Hydra's launchers) has to know is little: it places files
(`allocation.work` on each), says which of them it still has, and takes them back. A lost node, a
job that was cancelled, an engine's own exception cost the runs they hit: the others are waited for.
"""

import contextlib
import functools
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString

from disciplined.ending import FAULT, handled
from disciplined.mistakes import Mistake
from disciplined.sweeps.allocation import CANCELLED, Allocation
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.pool import GRACE, Outcome
from disciplined.training.record import Record


class Engine(Protocol):
    """What places allocations on a cluster."""

    def submit(self, files: Sequence[Path]) -> str:
        """Have `allocation.work` done on each file, somewhere; what the user is told of it. Raises
        `Mistake` where the engine refuses. Their folder may hold the engine's own files."""
        ...

    def alive(self) -> dict[Path, bool]:
        """The files whose allocation waits, runs or will run again, all where nobody knows; and of
        each whether it may run now (False: it waits, and says nothing)."""
        ...

    def cancel(self) -> None:
        """Take them all back; those that run have half a minute to save."""
        ...

    def fate(self, file: Path) -> str:
        """What became of an allocation that is not alive, as far as the engine knows, in words."""
        ...


class Elsewhere:
    """A launcher (`launchers.Launcher`) through an engine: `jobs` at a time in an allocation of
    `runs` runs."""

    def __init__(self, engine: Engine, jobs: int = 1, runs: int = 1):
        self.engine, self.jobs, self.runs = engine, jobs, max(runs, jobs)

    def train(self, jobs: Sequence[Job], *, of: int, folder: Path, **told: Any) -> Outcome:
        """See `launchers.Launcher`."""
        return train(jobs, self.engine, at_once=self.jobs, runs=self.runs, folder=folder, **told)


def train(
    jobs: Sequence[Job],
    engine: Engine,
    *,
    at_once: int = 1,
    runs: int = 1,
    folder: Path,
    logs: Path,
    begun: Callable[[Job], None] = lambda _: None,
    tell: Callable[[Job, str, float], None] = lambda *_: None,
) -> Outcome:
    """Train every job, `runs` to an allocation and `at_once` at a time in it; as `pool.train`.

    folder: on a disk that all machines share, for the allocations' files; removed again if all is
    well. SIGINT and SIGTERM cancel the allocations, and the runs save first; where this process is
    killed they go on, and their records are there for the same command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    allocations: dict[Path, list[Job]] = {}
    for number, first in enumerate(range(0, len(jobs), runs)):
        part = [elsewhere(job) for job in jobs[first : first + runs]]
        allocation = Allocation(folder / f"{number}.json")
        allocation.write(part, at_once=at_once, logs=logs)
        allocations[allocation.file] = part
    outcome, told = Outcome(), []
    with handled(lambda number, _: told.append(number)):
        try:
            print(engine.submit(list(allocations)), file=sys.stderr, flush=True)
        except Mistake:
            removed(folder)
            raise
        waiting = {file: Waited(part, outcome, begun, tell) for file, part in allocations.items()}
        pause = 0.2
        while waiting and not told:
            alive = engine.alive()
            for file in list(waiting):
                # thousands that wait are not to be read from a shared disk every few seconds
                if alive.get(file, True):
                    waiting[file].hear(Allocation(file).heard())
                if file not in alive:
                    waiting.pop(file).close(engine.fate(file))
            wait(pause, told)
            pause = min(5.0, 1.2 * pause)
        if told:
            outcome.stopped = told[0]
            cancel(engine, folder, waiting, told)
    if not outcome.failed and not outcome.stopped:
        removed(folder)
    return outcome


def removed(folder: Path) -> None:
    """Remove the allocations' files, and the folder of all such folders if it is empty."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


def elsewhere(job: Job) -> Job:
    """A job that means the same on another machine: its places are absolute."""
    kept = [o for o in job.overrides if not o.startswith(("output_dir=", "data_dir="))]
    data = next((o for o in reversed(job.overrides) if o.startswith("data_dir=")), "data_dir=data")
    places = {"output_dir": job.folder.parents[1], "data_dir": Path(unquoted(data))}
    kept += [f"{key}={quoted(os.path.abspath(place))}" for key, place in places.items()]  # noqa: PTH100
    replaces = job.stamp() if job.force else None
    return replace(job, folder=job.folder.absolute(), overrides=tuple(kept), replaces=replaces)


@functools.cache  # thousands of jobs have the same
def unquoted(override: str) -> str:
    """The text that one of Hydra's overrides sets."""
    return str(OverridesParser.create().parse_override(override).value())


def quoted(text: str) -> str:
    """A text as a value of Hydra's overrides, whatever is in it."""
    return QuotedString(text, Quote.single).with_quotes()


class Waited:
    """The jobs of one allocation, and what has been heard of them."""

    def __init__(
        self,
        jobs: Sequence[Job],
        outcome: Outcome,
        begun: Callable[[Job], None],
        tell: Callable[[Job, str, float], None],
    ):
        self.jobs = {job.key: job for job in jobs}
        self.outcome, self.begun, self.tell = outcome, begun, tell
        self.lines = 0

    def hear(self, lines: list[dict[str, Any]]) -> None:
        """Pass on what is new."""
        new, self.lines = lines[self.lines :], max(self.lines, len(lines))
        for line in new:
            if (job := self.jobs.get(line["key"])) is None:
                continue
            if line["word"] == "begun":
                self.begun(job)
                continue
            del self.jobs[job.key]
            if line["word"] == "failed":
                self.outcome.failed.append((job, line["status"], line["why"]))
            else:
                self.outcome.finished.append(job)
            self.tell(job, line["word"], line["seconds"])

    def close(self, fate: str) -> None:
        """Nothing more will come: what the records do not have is lost."""
        for job in self.jobs.values():
            summary = Record(job.folder).finished()
            if summary and (not job.force or job.replaced()):  # its line found no room on the disk
                self.outcome.finished.append(job)
                self.tell(job, summary["status"], 0.0)
            else:
                self.outcome.failed.append((job, FAULT, fate))
                self.tell(job, "failed", 0.0)


def cancel(engine: Engine, folder: Path, waiting: dict[Path, Waited], told: list[int]) -> None:
    """Take the allocations back and wait until they have saved, or for a second signal."""
    print(
        f"stopping: {len(waiting)} allocations are cancelled, their runs save first; a second "
        "signal does not wait",
        file=sys.stderr,
    )
    with contextlib.suppress(OSError):
        (folder / CANCELLED).touch()
    engine.cancel()
    until = time.monotonic() + GRACE
    while len(told) == 1 and time.monotonic() < until and waiting.keys() & engine.alive():
        wait(0.5, told)


def wait(seconds: float, told: list[int]) -> None:
    """Sleep, but for a new signal."""
    until, before = time.monotonic() + seconds, len(told)
    while len(told) == before and (left := until - time.monotonic()) > 0:
        time.sleep(min(0.2, left))
