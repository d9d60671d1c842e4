"""A step's missing runs, trained wave by wave by the pool. No torch in this process."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from disciplined.command_line import tell
from disciplined.ending import FAULT, MISTAKE
from disciplined.sweeps import pool
from disciplined.sweeps.grid import Place
from disciplined.sweeps.jobs import Job, Progress
from disciplined.training.planning import Plan
from disciplined.training.record import Record
from disciplined.tuning.checklist.snapshot import go_on
from disciplined.tuning.checklist.steps import Try

MEMORY = ("out of memory", "OutOfMemoryError", "can't allocate memory", "MemoryError")


@dataclass(frozen=True)
class Run:
    """A run of a step and where its record goes."""

    tried: Try
    place: Place

    @property
    def folder(self) -> Path:
        """The record's."""
        return self.place.plan.folder

    @property
    def begun(self) -> Plan | None:
        """The run that this one goes on from."""
        return Place(self.tried.begins, {}).plan if self.tried.begins else None

    @property
    def images(self) -> int:
        """Images to train on behind where it goes on from."""
        return self.place.plan.images - (self.begun.images if self.begun else 0)

    @property
    def name(self) -> str:
        """What the user is told of it."""
        return self.place.varied[""]


@dataclass
class Ended:
    """How the training went: the status of the failed ones, or of the signal that stopped them;
    too_large: keys of the runs that memory was too small for."""

    status: int = 0
    stopped: bool = False
    too_large: set[str] = field(default_factory=set)


def placed(waves: list[list[Try]], name: str) -> list[list[Run]]:
    """The runs with their plans, called by `name` and value. Raises Mistake for the first that
    could not run."""

    def run(one: Try) -> Run:
        value = "to the snapshot" if one.value is None else f"{name} {one.value:g}"
        return Run(one, Place(one.overrides, {"": f"{value} seed {one.seed}"}))

    found = [[run(one) for one in wave] for wave in waves]
    for wave in found:
        for one in wave:
            one.place.plan  # noqa: B018  # a mistake shows before anything is trained
    return found


def lacking(waves: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """Of each wave the runs with something to train: no beginning that nothing lacks, and nothing
    behind one that diverged."""
    found = []
    for wave in waves:
        absent = {run.folder: run for run in wave if run.place.missing}.values()
        found.append([r for r in absent if not (r.begun and diverged(r.begun.folder))])
    needed = {run.begun.folder for wave in found for run in wave if run.begun}
    return [[r for r in w if r.tried.value is not None or r.folder in needed] for w in found]


def diverged(folder: Path) -> bool:
    """Whether a finished record says so."""
    summary = Record(folder).finished()
    return bool(summary) and summary["status"] == "diverged"


def train(waves: list[list[Run]], jobs: int, *, until_full: bool) -> Ended:
    """Train what is missing, `jobs` at a time; a wave with a failure is the last.

    until_full: whether a run that memory is too small for is an answer, and no failure.
    """
    ended, absent = Ended(), [run for wave in lacking(waves) for run in wave]
    if absent:
        images = sum(run.images for run in absent)
        tell(f"{len(absent)} runs to train, {images:,} images, {jobs} at a time")
    progress = Progress(len(absent))
    for number, wave in enumerate(waves):
        if not (now := lacking(waves)[number]):
            continue
        begins = {run.folder.name: run.begun.folder for run in now if run.begun}
        outcome = pool.train(
            [Job(r.folder, r.tried.overrides, r.name, force=r.place.asked.force) for r in now],
            # of the whole wave: a run taken up again must have the threads that it began with
            at_once=min(jobs, len(wave)),
            logs=now[0].folder.parents[1] / "logs",
            tell=progress.tell,
            work=functools.partial(go_on, begins=begins) if begins else None,
        )
        if outcome.stopped:
            tell("stopped; the same command goes on from here")
            return Ended(128 + outcome.stopped, stopped=True)
        for job, status, why in outcome.failed:
            tell(f"failed: {job.name}: {why}")
            if until_full and any(word in why for word in MEMORY):
                ended.too_large.add(job.key)
            elif ended.status != FAULT:
                ended.status = MISTAKE if status == MISTAKE else FAULT
        if outcome.failed:
            break
    return ended
