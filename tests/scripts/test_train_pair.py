"""`train.py` of two processes (DDP); more of them, killed and stopped: test_resume_pair.py."""

import json
import os
import signal
import socket

import pytest
from processes import script
from short_runs import PAIR, ROOT, SHORT, main, wait_for

from disciplined.training.record import Record


def test_two_processes_follow_one(command, tmp_path):
    """DDP: the same images, the same total batch, the same curve to rounding (no batch norm)."""
    arguments = [
        "model=three_layer",
        "dataset=digits",
        "schedule=constant",
        "schedule.lr=0.02",
        "momentum.value=0.9",
        "total_batch_size=64",
        "duration=45it",
        "evaluate_every=15it",
        "trainer.threads=1",
        "trainer.accelerator=cpu",
    ]
    assert main([*arguments, f"output_dir={tmp_path / 'one'}"]) == 0
    done = command("train.py", *arguments, *PAIR, f"output_dir={tmp_path / 'two'}", output=False)
    assert done.returncode == 0, done.stderr
    rows = []
    for name in ("one", "two"):
        (folder,) = tmp_path.glob(f"{name}/runs/*")
        rows.append(Record(folder).rows())
        summary = Record(folder).summary()
        assert summary and summary["machine"]["world_size"] == len(rows)
    assert len(rows[0]) == len(rows[1]) == 3
    for one, two in zip(*rows, strict=True):
        assert one["iteration"] == two["iteration"]
        for metric in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
            assert two[metric] == pytest.approx(one[metric], rel=1e-5), metric


def test_two_processes_stop_together_when_one_is_told_to(warm_server, tmp_path):
    """Started as a scheduler would, each by itself; the second is told, and tells the first."""
    arguments = [
        *SHORT[:-2], "duration=20000it", "evaluate_every=10it", *PAIR, "trainer.threads=1",
        f"output_dir={tmp_path}",
    ]  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    said = [tmp_path / f"said{rank}" for rank in (0, 1)]
    first, second = (
        script(ROOT / "train.py", arguments, said[rank], {**where, "LOCAL_RANK": str(rank)})
        for rank in (0, 1)
    )
    try:
        metrics = wait_for(tmp_path, "metrics.csv", lines=2)
        assert second.pid
        os.kill(second.pid, signal.SIGTERM)
        first.join(60)
        second.join(60)
        assert first.exitcode == 143, said[0].with_suffix(".err").read_text()
        assert second.exitcode == 0, "Lightning would kill the first if it ended with its own"
    finally:
        first.kill()
        second.kill()
    summary = json.loads((metrics.parent / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    newest = max(metrics.parent.glob("checkpoints/*it.ckpt"))
    assert int(newest.name[:9]) == summary["result"]["iteration"], "saved where both stopped"
