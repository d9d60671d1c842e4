"""A grid's missing runs on this machine, through the pool."""

import sys
from pathlib import Path

from disciplined.sweeps import pool
from disciplined.sweeps.grid import placed
from disciplined.sweeps.jobs import Job, ended_line
from disciplined.training.record import Record

# What failed in this process's last launch: a job's name and its exit status. Hydra hands nothing
# back from a sweep, and a job that failed before it had a record left no other trace.
failed: dict[str, int] = {}


def launch(jobs: list[tuple[str, ...]], at_once: int) -> int | None:
    """Train the jobs without a finished record, once where several ask for the same run.

    Tells each as it starts and ends. Returns the number of the signal that stopped them, or None.
    """
    places = {place.plan.key: place for place in placed(jobs)}
    missing = [
        Job(place.plan.folder, place.overrides, place.name, force=place.asked.force)
        for place in places.values()
        if place.missing
    ]
    ended = 0

    def begun(job: Job) -> None:
        print(f"started {job.name}: {job.folder}", file=sys.stderr, flush=True)

    def tell(job: Job, status: str, seconds: float) -> None:
        nonlocal ended
        ended += 1
        words = accuracy_words(job.folder) if status.startswith("done") else ""
        line = ended_line(ended, len(missing), job, status, seconds)
        print(line + words, file=sys.stderr, flush=True)

    # of the whole grid: a run taken up again later must have the threads that it began with
    at_once = min(at_once, len(places))
    logs = next(iter(places.values())).plan.folder.parents[1] / "logs"
    outcome = pool.train(missing, at_once=at_once, logs=logs, begun=begun, tell=tell)
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
