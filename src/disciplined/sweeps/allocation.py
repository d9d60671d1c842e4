"""A part of a sweep's runs on another machine: what it is told in a file, and what it says there.

A cluster's job ("allocation") is a JSON file on the shared disk, plain data: its runs, so many at a
time, through the same pool as on a laptop. What becomes of each run is a line in the file beside
it. Nothing else passes between the two machines, whatever engine lies between.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from disciplined.ending import DONE
from disciplined.sweeps import pool
from disciplined.sweeps.jobs import Job
from disciplined.training.config import TRAIN

CANCELLED = "cancelled"  # a file beside the allocations': whoever sent them wants them no more


@dataclass(frozen=True)
class Allocation:
    """The file of one allocation; what is said of its runs stands in `said`."""

    file: Path

    @property
    def said(self) -> Path:
        """A line of JSON an event: a run's key, `begun` or its status in a word, its seconds."""
        return self.file.with_suffix(".said")

    @property
    def cancelled(self) -> bool:
        """Whether it is wanted no more."""
        return (self.file.parent / CANCELLED).exists()

    def write(self, jobs: Sequence[Job], *, at_once: int, logs: Path) -> None:
        """Tell it its runs."""
        told = {
            "folder": str(Path.cwd()),  # what relative paths among the overrides begin at
            "logs": str(logs.absolute()),
            "at_once": at_once,
            "jobs": [asdict(job) | {"folder": str(job.folder.absolute())} for job in jobs],
        }
        # there before it is asked for: a network disk remembers for a while what was not there
        self.said.touch()
        self.file.write_text(json.dumps(told))

    def say(self, job: Job, word: str, seconds: float = 0.0, **more: Any) -> None:
        """A line; on a full disk it is left out, as the record says more."""
        line = json.dumps({"key": job.key, "word": word, "seconds": seconds, **more})
        with contextlib.suppress(OSError), self.said.open("a") as file:
            file.write(line + "\n")

    def heard(self) -> list[dict[str, Any]]:
        """Every line so far that is whole."""
        try:
            lines = self.said.read_text().splitlines(keepends=True)
        except OSError:
            return []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):  # a full disk has cut it off
                if line.endswith("\n"):
                    found.append(json.loads(line))
        return found


def work(file: str | Path, *, cores: int | None = None) -> int | None:
    """Train the runs of an allocation that are still missing; what it says is in `said`.

    Returns the number of the signal that stopped it, everything saved, or None. Given the same file
    again, as after a signal, it goes on. cores: how many it may use where nothing confines it.
    """
    allocation = Allocation(Path(file))
    told = json.loads(allocation.file.read_text())
    jobs = [
        Job(**(job | {"folder": Path(job["folder"]), "overrides": tuple(job["overrides"])}))
        for job in told["jobs"]
    ]
    with contextlib.suppress(OSError):  # not a shared one: absolute paths are all there is
        os.chdir(told["folder"])
    if str(TRAIN.parent) not in sys.path:  # a reader's own modules lie beside train.py
        sys.path.insert(0, str(TRAIN.parent))
    jobs = [unforced(job) if job.force and job.replaced() else job for job in jobs]

    def say_failed(job: Job, status: int, why: str) -> None:
        allocation.say(job, "failed", status=status, why=why)

    with watched(allocation):
        outcome = pool.train(
            jobs,
            at_once=told["at_once"],
            logs=Path(told["logs"]),
            cores=cores,
            insist=False,
            begun=lambda job: allocation.say(job, "begun"),
            tell=lambda job, word, seconds: (
                None if word == "failed" else allocation.say(job, word, seconds)
            ),
            failed=say_failed,
        )
    return outcome.stopped


def unforced(job: Job) -> Job:
    """A run whose old record this allocation has cleared before: now it goes on."""
    kept = tuple(o for o in job.overrides if not o.startswith("force="))
    return replace(job, overrides=kept, force=False)


@contextlib.contextmanager
def watched(allocation: Allocation):
    """Stop this process, as a signal would, once the allocation is cancelled."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(2):
            if allocation.cancelled:
                os.kill(os.getpid(), pool.PASSED_ON)
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main(arguments: list[str]) -> int:
    """`python -m disciplined.sweeps.allocation FILE`: for engines that start a command."""
    stopped = work(arguments[0])
    return 128 + stopped if stopped else DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
