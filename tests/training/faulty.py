"""Runs in processes of their own, interrupted in every way there is.

The processes are forked from a server that has imported torch, so that one costs about a second.
"""

import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from disciplined.training import checkpoint
from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record

CONTEXT = multiprocessing.get_context("forkserver")
SIGNALS = {
    "SIGKILL": -signal.SIGKILL,
    "SIGTERM": 128 + signal.SIGTERM,
    "SIGINT": 128 + signal.SIGINT,
    "SIGUSR1": 128 + signal.SIGUSR1,
}


def attempt(overrides: list[str], fault: str | None = None, at: int = 0) -> tuple[int, str]:
    """Train what `overrides` ask for in a process; `fault` strikes before micro-batch `at`.

    fault: a signal's name, or `exception`. Returns the exit status and what was said.
    """
    said = Path(next(o for o in overrides if o.startswith("output_dir="))[11:]) / "said.txt"
    said.parent.mkdir(parents=True, exist_ok=True)
    process = CONTEXT.Process(target=child, args=(overrides, fault, at, str(said)))
    process.start()
    process.join(120)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{overrides} did not end: {said.read_text()}")
    assert process.exitcode is not None
    return process.exitcode, said.read_text()


def child(overrides: list[str], fault: str | None, at: int, said: str) -> None:
    """What the process does."""
    from disciplined.training import curves, parts
    from disciplined.training.run import run

    sys.stdout = sys.stderr = out = open(said, "w", buffering=1)  # noqa: PTH123, SIM115
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)

    class Struck(parts.Progress):
        """The progress bar stands last among the callbacks, so the fault falls between updates or
        between an update's micro-batches."""

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int):
            if fault and batch_idx == at:
                if fault == "exception":
                    raise RuntimeError("planted")
                os.kill(os.getpid(), getattr(signal, fault))

    parts.Progress = Struck
    curves.draw = lambda *_: None  # half of so short a run
    sys.exit(run(compose(overrides)))


def record_of(overrides: list[str]) -> Record:
    """Where the run's record lies."""
    return Record(plan(compose(overrides)).folder)


def assert_same(ours: Record, theirs: Record) -> None:
    """Weights, the optimiser's state, the rows and the result: the same bytes."""
    assert ours.metrics_file.read_bytes() == theirs.metrics_file.read_bytes()
    a, b = ours.finished(), theirs.finished()
    assert a and b and a["status"] == b["status"] == "done"
    assert a["result"] == b["result"]
    last = f"{a['result']['iterations']:09d}it.ckpt"
    states = [checkpoint.opened(r.checkpoints / last)[0] for r in (ours, theirs)]
    for state in states:
        for spent in ("wall", "training", "updates"):  # what the machine did
            del state["disciplined"]["origin"][spent]
    for part in ("state_dict", "optimizer_states", "disciplined"):
        assert equal(*(state[part] for state in states)), part


def equal(a: Any, b: Any) -> bool:
    """Whether two nested states hold the same bytes."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b
