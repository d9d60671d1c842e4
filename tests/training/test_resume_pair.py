"""Two processes (DDP), one of them or both killed: they end, and go on to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faulty import assert_same, record_of
from processes import descendants, kill, running

from disciplined.training.record import Record

ROOT = Path(__file__).parents[2]
PAIR = [
    "model=three_layer",
    "model.network._target_=dropping.Dropping",
    "dataset=digits",
    "dataset.mirror=true",
    "augmentation=mirror",
    "duration=2400it",
    "evaluate_every=100it",
    "evaluation.images=20",
    "total_batch_size=64",
    "trainer=ddp",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "trainer.checkpoint_seconds=0.5",
    "precision=fp32",
]


def start(folder: Path, said: Path, *others: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *PAIR, *others, f"output_dir={folder}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=said.open("w"),
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )


def finished(folder: Path, said: Path) -> Record:
    assert start(folder, said).wait(240) == 0, said.read_text()
    return record_of([*PAIR, f"output_dir={folder}"])


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Record:
    folder = tmp_path_factory.mktemp("whole")
    return finished(folder, folder / "said")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["both", "the second", "the first"])
def test_killed(who, tmp_path, whole):
    record = record_of([*PAIR, f"output_dir={tmp_path}"])
    process = start(tmp_path, tmp_path / "said")
    try:
        wait_for_checkpoint(record, process)
        (second, *_) = descendants(process.pid)
        for pid in {"both": [process.pid, second], "the second": [second]}.get(who, [process.pid]):
            kill(pid)
        assert process.wait(120) != 0
        deadline = time.monotonic() + 120
        while running(second):
            assert time.monotonic() < deadline, "the second process outlived the first"
            time.sleep(0.1)
    finally:
        kill(process.pid)
    assert not record.finished()
    finished(tmp_path, tmp_path / "said")
    summary = record.summary()
    assert summary and summary["machine"]["resumed_at"]
    assert_same(record, whole)


def wait_for_checkpoint(record: Record, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not list(record.checkpoints.glob("*it.ckpt")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["the first", "the second"])
def test_told_to_stop(who, tmp_path, whole):
    """SIGTERM to either process stops both, saved, long before the next row, with 143."""
    seldom = "evaluate_every=2400it"
    record = record_of([*PAIR, seldom, f"output_dir={tmp_path}"])
    process = start(tmp_path, tmp_path / "said", seldom)
    wait_for_checkpoint(record, process)
    (second, *_) = descendants(process.pid)
    os.kill(process.pid if who == "the first" else second, signal.SIGTERM)
    assert process.wait(60) == 143, (tmp_path / "said").read_text()
    summary = record.summary()
    assert summary and summary["status"] == "interrupted"
    assert not record.rows(), "it stopped between rows"
    assert start(tmp_path, tmp_path / "said", seldom).wait(240) == 0
    ours, theirs = record.rows()[-1], whole.rows()[-1]
    for metric in ("test_loss", "test_accuracy"):
        assert ours[metric] == theirs[metric]


@pytest.mark.slow
def test_a_divergence_of_two_processes_is_status_3(tmp_path):
    process = start(tmp_path, tmp_path / "said", "schedule.max_lr=1e30", "duration=200it")
    assert process.wait(240) == 3, (tmp_path / "said").read_text()
