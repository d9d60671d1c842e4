"""Two processes (DDP) train as one does: on pictures in files, the rate waiting for a plateau."""

import subprocess
import sys
from pathlib import Path

import pytest
from faulty import record_of
from pictures import folder

from disciplined.training.config import compose
from disciplined.training.run import run

ROOT = Path(__file__).parents[2]
# An evaluation whose loss is not this much lower than the best lowers the rate; some are.
PLATEAU = [
    "schedule=plateau",
    "schedule.monitor=train_loss",
    "schedule.lr=0.003",
    "schedule.factor=0.5",
    "schedule.patience=1",
    "schedule.min_delta=0.005",
]
COMMON = [
    "model=lenet",
    "model.input.subtract_mean=true",
    *PLATEAU,
    "dataset=large_folder",
    "dataset.load.size=16",
    "dataset.load.resize=20",
    "duration=8it",
    "evaluate_every=1it",
    "total_batch_size=4",
    "augmentation=mirror_crop",
    "precision=fp32",
    "trainer.threads=1",
    "trainer.workers=1",
]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_plateau_on_pictures(tmp_path):
    """Losses agree to the last bits of single precision, rates exactly: both decide alike."""
    data = folder(tmp_path / "data", sizes=((24, 20), (18, 40)))
    asked = [*COMMON, f"dataset.load.data_dir={data}"]
    alone = [*asked, "trainer=cpu", f"output_dir={tmp_path / 'one'}"]
    assert run(compose(alone), quiet=True) == 0
    pair = [*asked, "trainer=ddp", "trainer.accelerator=cpu", f"output_dir={tmp_path / 'two'}"]
    done = subprocess.run(
        [sys.executable, "train.py", *pair], cwd=ROOT, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    one, two = record_of(alone), record_of(pair)
    told = two.finished()
    assert told and told["machine"]["world_size"] == 2
    rates = [row["lr"] for row in one.rows()]
    assert rates[0] == rates[1] and 3 <= len(set(rates)) < 8, "it falls, but not at every row"
    assert len({row["train_loss"] for row in one.rows()}) == 8, "other losses would show"
    assert [row["lr"] for row in two.rows()] == rates
    for ours, theirs in zip(two.rows(), one.rows(), strict=True):
        assert ours["test_accuracy"] == theirs["test_accuracy"]
        for metric in ("train_loss", "test_loss"):
            assert ours[metric] == pytest.approx(theirs[metric], rel=1e-5)
