"""Two processes (DDP), one of them or both killed: they end, and go on to the same bytes."""

import os
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


def start(folder: Path, said: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *PAIR, f"output_dir={folder}"],
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
        deadline = time.monotonic() + 120
        while not list(record.checkpoints.glob("*it.ckpt")):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
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
