"""The runs of a sweep: those that wait for a worker, and what is told of those that ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disciplined.command_line import tell
from disciplined.training.record import Record, checksum
from disciplined.training.watch import Watch


@dataclass(frozen=True)
class Job:
    """A run to train: its record's folder, `train.py`'s overrides, and what its record keeps of a
    study; `name` is what the user is told. force: also where it is finished; then `replaces` is the
    `stamp` that its record had, where another machine is to train it."""

    folder: Path
    overrides: tuple[str, ...]
    name: str
    registered: dict[str, Any] | None = None
    force: bool = False
    replaces: str | None = None

    @property
    def key(self) -> str:
        """The run's."""
        return self.folder.name

    def stamp(self) -> str | None:
        """The checksum of the record's summary, which says when it was trained; None without."""
        summary = Record(self.folder).summary()
        return checksum(summary) if summary else None

    def replaced(self) -> bool:
        """Whether `force` has been done: the record is another than the one it was to replace."""
        return self.stamp() not in (None, self.replaces)


class Waiting:
    """Jobs that have not been started; one that another process trains is passed over."""

    def __init__(self, jobs: Sequence[Job]):
        self.jobs = list(jobs)
        self.met: set[str] = set()  # keys of those that were seen in another's hands
        self.done: list[Job] = []
        self.watches: dict[str, Watch] = {}  # a run whose node died is free once its lease lapses

    def next(self) -> Job | None:
        """The first that is still to be trained and that nobody trains, taken out; or None."""
        for job in list(self.jobs):
            record = Record(job.folder)
            if self.held(job):
                self.met.add(job.key)
                continue
            self.jobs.remove(job)
            if not record.finished() or (job.force and job.key not in self.met):
                return job
            self.done.append(job)
        return None

    def held(self, job: Job) -> bool:
        """Whether another process trains the job; what cannot be asked, who trains it will tell."""
        try:
            return self.watches.setdefault(job.key, Watch(job.folder)).held()
        except OSError:
            return False

    def put_back(self, job: Job) -> None:
        """Another process was quicker."""
        self.met.add(job.key)
        self.jobs.append(job)

    def finished(self) -> list[Job]:
        """Those that another process has finished meanwhile, each told once."""
        done, self.done = self.done, []
        return done


@dataclass
class Progress:
    """Tells of jobs as they end, a line each with its number of so many; no seconds where another
    process trained it. words: what is added to a line, of a job and its status."""

    of: int
    words: Callable[[Job, str], str] = lambda *_: ""
    ended: int = 0

    def tell(self, job: Job, status: str, seconds: float) -> None:
        """The line of a job that ended."""
        self.ended += 1
        taken = f" in {seconds:.0f} s" if seconds else ""
        tell(f"[{self.ended}/{self.of}] {job.name}: {status}{taken}{self.words(job, status)}")
