"""Runs that go on from the end of another: its checkpoint, as one of their own.

A run whose weight decay changes at update m trains up to m exactly as the one that ends there. So
that one is trained once, and each of the others finds its last checkpoint in its own folder, as if
it had been interrupted there: it ends with the bytes of a run trained from nothing. Imports torch
only where a checkpoint is placed, in the process that trains.
"""

from collections.abc import Mapping
from pathlib import Path

from disciplined.mistakes import Mistake
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.shares import Share
from disciplined.sweeps.worker import train_one
from disciplined.training.record import Record
from disciplined.training.rows import header, line, parsed_rows


def go_on(job: Job, share: Share, log: str, *, begins: Mapping[str, Path]) -> None:
    """One job in a process of its own, from the end of the run in `begins[job.key]` if it has one
    and has not come further itself; where that cannot be read it is trained from nothing."""
    if (begun := begins.get(job.key)) and not job.force and Record(begun).finished():
        record = Record(job.folder)
        try:
            record.claim()
            place(job, begun)
        except Mistake:  # another process trains it; that is told by who trains
            pass
        finally:
            record.release()
    train_one(job, share, log)


def place(job: Job, begun: Path) -> None:
    """Put the last checkpoint of the finished run in `begun` into the job's folder, as its own."""
    from disciplined.training import checkpoint
    from disciplined.training.config import compose
    from disciplined.training.planning import plan

    folder = Record(job.folder).checkpoints
    found = sorted((begun / "checkpoints").glob("*it.ckpt"))
    if not found or any(folder.glob("*it.ckpt")):
        return
    try:
        state, origin = checkpoint.opened(found[-1])
    except checkpoint.Unusable:
        return
    updates = state["global_step"]
    asked = plan(compose(list(job.overrides)))
    # the last batch of that run's stream, but not of this one's
    state["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"] = False
    *rows, last = parsed_rows(origin.metrics.splitlines())
    last["weight_decay"] = asked.weight_decay.value(updates)  # a row has the next update's
    state[checkpoint.OURS]["origin"] |= {
        "key": asked.key,
        "metrics": header() + "".join(map(line, [*rows, last])),
        "registered": "null",
    }
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.Files().save_checkpoint(state, checkpoint.place(folder, updates))
