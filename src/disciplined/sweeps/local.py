"""A grid's missing runs on this machine, through the pool, or through what trains elsewhere."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path

from disciplined.sweeps import pool
from disciplined.sweeps.grid import placed
from disciplined.sweeps.jobs import Job, ended_line
from disciplined.training.record import Record

# What failed in this process's last launch: a job's name and its exit status. Hydra hands nothing
# back from a sweep, and a job that failed before it had a record left no other trace.
failed: dict[str, int] = {}


def launch(jobs: list[tuple[str, ...]], at_once: int) -> int | None:
    """Train what is missing of the jobs, so many at once. Returns as `trained` does."""

    def begun(job: Job) -> None:
        print(f"started {job.name}: {job.folder}", file=sys.stderr, flush=True)

    # of the whole grid: a run taken up again later must have the threads that it began with
    at_once = min(at_once, len({place.plan.key for place in placed(jobs)}))
    return trained(jobs, functools.partial(pool.train, at_once=at_once, begun=begun))


def trained(jobs: list[tuple[str, ...]], train: Callable[..., pool.Outcome]) -> int | None:
    """Train the jobs without a finished record, once where several ask for the same run.

    train: what does it, `pool.train` or its like elsewhere. Tells each job as it ends. Returns the
    number of the signal that stopped them, or None.
    """
    places = {place.plan.key: place for place in placed(jobs)}
    missing = [
        Job(place.plan.folder, place.overrides, place.name, force=place.asked.force)
        for place in places.values()
        if place.missing
    ]
    ended = 0

    def tell(job: Job, status: str, seconds: float) -> None:
        nonlocal ended
        ended += 1
        words = accuracy_words(job.folder) if status.startswith("done") else ""
        line = ended_line(ended, len(missing), job, status, seconds)
        print(line + words, file=sys.stderr, flush=True)

    logs = next(iter(places.values())).plan.folder.parents[1] / "logs"
    outcome = train(missing, logs=logs, tell=tell)
    failed.clear()
    for job, status, why in outcome.failed:
        failed[job.name] = status
        print(f"{job.name}: {why}", file=sys.stderr)
    return outcome.stopped


def accuracy_words(folder: Path) -> str:
    """The final test accuracy of a run that is done, for its line."""
    summary = Record(folder).summary() or {}
    accuracy = summary.get("result", {}).get("final", {}).get("test_accuracy")
    return "" if accuracy is None else f", test accuracy {100 * accuracy:.2f}%"
