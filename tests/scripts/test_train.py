"""`train.py` as a user runs it: a process, its words, its exit status, what it leaves behind."""

import csv
import json
import signal
import subprocess
import sys

import pytest
from short_runs import ROOT, SHORT, main, wait_for

from disciplined.mistakes import Mistake


def test_help_names_every_group_and_imports_no_torch(command, imported):
    done = command("train.py", "--help", output=False, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    for word in ("schedule", "onecycle", "resnet56", "digits", "total_batch_size", "dry_run"):
        assert word in done.stdout
    assert "omegaconf" in imported(done.stderr) and "torch" not in imported(done.stderr)


def test_a_dry_run_shows_everything_and_trains_nothing(command, tmp_path):
    done = command("train.py", "schedule=onecycle", "model=resnet56", "dry_run=true")
    assert done.returncode == 0, done.stderr
    assert "0.08 ↗ 0.8 (41ep) ↘ 0 (41ep), 8e-05" in done.stdout
    assert "9,277 iterations of 512 images" in done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    assert str(folder) in done.stdout
    with (folder / "schedule.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["iteration", "lr", "momentum", "weight_decay"]
    assert len(rows) == 9277
    assert float(rows[4003]["lr"]) == 0.8
    assert float(rows[8006]["lr"]) == pytest.approx(8e-5)
    assert (folder / "schedule.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in folder.iterdir()) == ["schedule.csv", "schedule.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [  # every other one in tests/training/test_config.py
        (["model=resnt56"], "model=resnt56: no such choice"),  # Hydra's
        (["schedule.stepsize=200ep"], "longer than the run"),  # ours
    ],
)
def test_a_mistake_is_one_line_and_status_2(command, tmp_path, arguments, said):
    done = command("train.py", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_missing_data_is_one_line_that_says_where_to_put_it(tmp_path):
    data = tmp_path / "data"
    with pytest.raises(Mistake) as mistake:
        main([f"data_dir={data}", "dataset.load.download=false", f"output_dir={tmp_path}"])
    assert str(data) in str(mistake.value) and "\n" not in str(mistake.value)
    assert "dataset=digits" in str(mistake.value)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_stopped_by_sigterm_resumed_and_not_trained_twice(
    command, warm_command, imported, tmp_path
):
    arguments = [*SHORT, "duration=80it", "evaluate_every=10it", f"output_dir={tmp_path}"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    metrics = wait_for(tmp_path, "metrics.csv", lines=3)
    process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert "updates; the same command goes on from there" in said
    record = metrics.parent
    assert json.loads((record / "summary.json").read_text())["status"] == "interrupted"
    before = metrics.read_text()

    done = warm_command("train.py", *arguments, output=False)
    assert done.returncode == 0, done.stderr
    assert "resuming      behind update" in done.stderr and "not resumable" not in done.stderr
    assert metrics.read_text().startswith(before)
    assert len(metrics.read_text().splitlines()) == 1 + 80 // 10
    assert "test        accuracy" in done.stdout
    assert str(record) in done.stdout
    assert (record / "checkpoints" / "000000080it.ckpt").is_file()
    assert sorted(p.name for p in record.iterdir()) == [
        "checkpoints",
        "config.yaml",
        "curves.png",
        "metrics.csv",
        "summary.json",
    ]

    again = command("train.py", *arguments, output=False, PYTHONPROFILEIMPORTTIME="1")
    assert again.returncode == 0
    assert "done before" in again.stdout
    assert "omegaconf" in imported(again.stderr) and "torch" not in imported(again.stderr)


def test_wandb_offline_leaves_a_run_as_it_was(warm_command, tmp_path):
    pytest.importorskip("wandb")
    arguments = [*SHORT, "duration=8it"]
    done = warm_command(
        "train.py", *arguments, "logger=wandb", WANDB_API_KEY="", HOME=str(tmp_path)
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert main([*arguments, f"output_dir={tmp_path / 'plain'}"]) == 0
    (logged,), (plain,) = (f.glob("runs/*/metrics.csv") for f in (tmp_path, tmp_path / "plain"))
    assert logged.read_bytes() == plain.read_bytes()
    assert list(logged.parent.glob("wandb/wandb/offline-run-*/*.wandb"))
