"""The runs of a sweep that wait for a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disciplined.training.record import Record


@dataclass(frozen=True)
class Job:
    """A run to train: its record's folder, `train.py`'s overrides, and what its record keeps of a
    study; `name` is what the user is told."""

    folder: Path
    overrides: tuple[str, ...]
    name: str
    registered: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The run's."""
        return self.folder.name


class Waiting:
    """Jobs that have not been started; one that another process trains is passed over."""

    def __init__(self, jobs: Sequence[Job]):
        self.jobs = list(jobs)
        self.met: set[str] = set()  # keys of those that were seen in another's hands

    def next(self) -> Job | None:
        """The first that nobody trains, taken out; None where there is none."""
        for job in self.jobs:
            if job.key in self.met and Record(job.folder).finished():
                continue
            if Record(job.folder).held_elsewhere():
                self.met.add(job.key)
                continue
            self.jobs.remove(job)
            return job
        return None

    def put_back(self, job: Job) -> None:
        """Another process was quicker."""
        self.met.add(job.key)
        self.jobs.append(job)

    def done_elsewhere(self) -> list[Job]:
        """Those that another process has finished meanwhile, taken out."""
        done = [j for j in self.jobs if j.key in self.met and Record(j.folder).finished()]
        self.jobs = [j for j in self.jobs if j not in done]
        return done
