"""A run of the traps' tests."""

from disciplined.training.config import compose
from disciplined.training.planning import plan
from disciplined.training.record import Record
from disciplined.training.run import run

UPDATES = 12


def train(asked: list[str]) -> tuple[int, Record]:
    """Status and record, in this process."""
    cfg = compose(asked)
    return run(cfg), Record(plan(cfg).folder)
