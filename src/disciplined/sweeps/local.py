"""A grid's missing runs on this machine, through the pool."""

import sys

from disciplined.mistakes import Mistake
from disciplined.sweeps import pool
from disciplined.sweeps.grid import planned
from disciplined.training.record import Record

FINISHED = ("done", "diverged")


def launch(jobs: list[tuple[str, ...]], at_once: int) -> int | None:
    """Train the jobs without a finished record, once where several ask for the same run.

    Tells each as it ends. Returns the number of the signal that stopped them, or None. Raises
    `Mistake` for a number of jobs below one.
    """
    if at_once < 1:
        raise Mistake(f"hydra.launcher.jobs={at_once}: expected a positive number")
    missing: dict[str, pool.Job] = {}
    constant = set(jobs[0]).intersection(*jobs) if len(jobs) > 1 else set()
    for overrides in jobs:
        asked = planned(overrides)
        summary = Record(asked.folder).summary()
        if summary and summary["status"] in FINISHED and "force=true" not in overrides:
            continue
        name = " ".join(o for o in overrides if o not in constant)
        missing.setdefault(asked.key, pool.Job(asked.key, overrides, name))
    ended = 0

    def tell(job: pool.Job, status: str, seconds: float) -> None:
        nonlocal ended
        ended += 1
        final = final_words(planned(job.overrides).folder)
        line = f"[{ended}/{len(missing)}] {job.name}: {status} in {seconds:.0f} s{final}"
        print(line, file=sys.stderr, flush=True)

    logs = planned(jobs[0]).folder.parents[1] / "logs"
    outcome = pool.train(list(missing.values()), at_once=at_once, logs=logs, tell=tell)
    for job, why in outcome.failed:
        print(f"{job.name}: {why}", file=sys.stderr)
    return outcome.stopped


def final_words(folder) -> str:
    """The final test accuracy of a finished run, for its line."""
    summary = Record(folder).summary() or {}
    final = summary.get("result", {}).get("final", {})
    accuracy = final.get("test_accuracy")
    return "" if accuracy is None else f", test accuracy {100 * accuracy:.2f}%"
