"""A run over pictures that is told to stop while it evaluates for long: saved, and nobody is left.

The signal goes to the whole process group, as a terminal's and a scheduler's do: those that read
hear it too. Each run is the leader of a group of its own.
"""

import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from faulty import CONTEXT, assert_same, record_of
from pictures import folder
from processes import descendants, kill, running

from disciplined.training.record import Record

SETTINGS = [
    "model=lenet",
    "model.input.subtract_mean=true",
    "schedule=constant",
    "schedule.lr=0.003",
    "dataset=large_folder",
    "dataset.load.size=16",
    "dataset.load.resize=20",
    "total_batch_size=4",
    "duration=4it",
    "evaluate_every=2it",
    "evaluation.batch_size=1",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.workers=1",
    "trainer.checkpoint_seconds=3600",
]


def leader(overrides: list[str], reading: str, seconds: float, said: str) -> None:
    """A run whose readers take `seconds` over a test picture, and say so in the file `reading`."""
    from disciplined.data import pictures
    from disciplined.training.config import compose
    from disciplined.training.run import run

    os.setsid()
    multiprocessing.set_start_method("fork", force=True)  # as in a command; here from a server
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    first, middle = os.getpid(), pictures.centre

    def centre(*asked):
        if os.getpid() != first:
            Path(reading).touch()
            time.sleep(seconds)
        return middle(*asked)

    pictures.centre = centre
    sys.exit(run(compose(overrides), quiet=True))


class Run:
    """A run with a slow evaluation in a process group of its own."""

    def __init__(self, folder: Path, pictures: Path, seconds: float):
        self.overrides = [*SETTINGS, f"dataset.load.data_dir={pictures}", f"output_dir={folder}"]
        self.reading, self.said = folder / "reading", folder / "said"
        given = self.overrides, str(self.reading), seconds, str(self.said)
        self.process = CONTEXT.Process(target=leader, args=given)
        self.process.start()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def evaluating(self) -> list[int]:
        """Wait until a reader reads for the first evaluation: all of the readers."""
        deadline = time.monotonic() + 150
        while not self.reading.exists():
            assert time.monotonic() < deadline and self.process.is_alive(), self.said.read_text()
            time.sleep(0.02)
        found = descendants(self.pid)
        assert len(found) == 2, "one for the training pictures, one for the test pictures"
        return found

    def ended(self, within: float) -> int:
        """The exit status."""
        self.process.join(within)
        assert self.process.exitcode is not None, f"not ended: {self.said.read_text()}"
        return self.process.exitcode


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    return folder(tmp_path_factory.mktemp("pictures"), sizes=((24, 20), (18, 40)))


@pytest.fixture
def started(tmp_path, pictures):
    runs: list[Run] = []

    def start(seconds: float) -> Run:
        runs.append(Run(tmp_path, pictures, seconds))
        return runs[-1]

    yield start
    for run in runs:
        for pid in [*descendants(run.pid), run.pid]:
            kill(pid)


def gone(pids: list[int], within: float) -> bool:
    deadline = time.monotonic() + within
    while any(map(running, pids)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def whole(tmp_path_factory, pictures) -> Record:
    """The run never interrupted."""
    run = Run(tmp_path_factory.mktemp("whole"), pictures, 0)
    assert run.ended(within=150) == 0, run.said.read_text()
    return record_of(run.overrides)


# 44 s are longer than readers once waited for a run that had been told
@pytest.mark.parametrize(
    ("name", "seconds"),
    [("SIGTERM", 1), ("SIGINT", 1), pytest.param("SIGTERM", 22, marks=pytest.mark.slow)],
)
def test_told_to_stop_it_saves(name, seconds, started, whole):
    """The evaluation ends, one more update is made, and the same command goes on from there."""
    run = started(seconds)
    readers = run.evaluating()
    number = getattr(signal, name)
    os.killpg(run.pid, number)
    assert run.ended(within=150) == 128 + number, run.said.read_text()
    assert gone(readers, within=5)
    record = record_of(run.overrides)
    summary = record.summary()
    assert summary and summary["status"] == "interrupted"
    assert [row["iteration"] for row in record.rows()] == [2]
    assert started(0).ended(within=150) == 0
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"] == 3
    assert_same(record, whole)


def test_told_again_it_ends_at_once(started):
    """Not waiting for the picture that is being read."""
    run = started(600)
    readers = run.evaluating()
    for _ in range(2):
        os.killpg(run.pid, signal.SIGTERM)
        time.sleep(1.2)  # what comes within a second is one
    assert run.ended(within=150) == 128 + signal.SIGTERM
    assert gone(readers, within=5)
    summary = record_of(run.overrides).summary()
    assert summary and summary["status"] == "interrupted"


@pytest.mark.parametrize("told", [False, True])
def test_those_that_read_do_not_outlive_a_killed_run(told, started):
    """Also where they were told to stop before, and whatever they are reading."""
    run = started(600)
    readers = run.evaluating()
    if told:
        os.killpg(run.pid, signal.SIGTERM)
    kill(run.pid)
    assert gone(readers, within=15)
