"""`train.py` as a user runs it: a process, its words, its exit status, what it leaves behind."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from disciplined.mistakes import Mistake
from disciplined.training.record import Record

ROOT = Path(__file__).parents[2]
PAIR = ["trainer=ddp", "trainer.accelerator=cpu"]  # two processes
SHORT = [
    "model=superconv_resnet20",
    "dataset=digits",
    "total_batch_size=64",
    "batch_norm.groups=4",
    "schedule.base_lr=0.02",
    "schedule.max_lr=0.2",
    "trainer=cpu",
    "trainer.threads=1",
]


def main(arguments: list[str]) -> int:
    """`train.py` in this process, which has paid for its imports."""
    sys.path.insert(0, str(ROOT))
    try:
        import train
    finally:
        sys.path.pop(0)
    return train.main(arguments)


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
    [
        (["model=resnt56"], "model=resnt56: no such choice"),
        (["seed=x"], "seed=x: expected a whole number"),
        (["schedule.stepsize=200ep"], "longer than the run"),
        (["duration=12"], "a length needs its unit"),
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


def test_a_run_is_stopped_by_sigterm_resumed_and_not_trained_twice(command, imported, tmp_path):
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

    done = command("train.py", *arguments, output=False)
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


def test_a_sweep_goes_on_past_a_job_that_diverges_and_never_does_a_job_twice(command, tmp_path):
    sweep = ["-m", *SHORT, "duration=8it", "schedule.max_lr=1e20,0.2", "hydra.launcher.jobs=2"]
    done = command("train.py", *sweep)
    assert done.returncode == 3, done.stderr
    records = {p: json.loads(p.read_text()) for p in tmp_path.glob("runs/*/summary.json")}
    assert sorted(r["status"] for r in records.values()) == ["diverged", "done"]
    failed = [x for x in done.stderr.splitlines() if x.startswith("diverged: ")]
    assert failed == ["diverged: schedule.max_lr=1e+20"]
    assert done.stdout.startswith("schedule.max_lr  runs  test accuracy")
    again = command("train.py", *sweep, PYTHONPROFILEIMPORTTIME="1")
    assert again.returncode == 3 and again.stdout == done.stdout
    assert "jobs to train" not in again.stderr and " torch\n" not in again.stderr
    assert {p: json.loads(p.read_text()) for p in records} == records


def wait_for_end(folder: Path) -> None:
    """Until no process holds the only record under `folder` any more."""
    (record,) = (Record(p) for p in folder.glob("runs/*"))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            return record.claim()
        except Mistake:
            time.sleep(0.2)
        finally:
            record.release()
    raise AssertionError("the job outlived its sweep")


@pytest.mark.slow
def test_a_sweep_that_is_killed_loses_nothing(command, tmp_path):
    sweep = ["-m", *SHORT, "duration=120it", "evaluate_every=5it", "seed=0,1"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *sweep, f"output_dir={tmp_path}"]
    )
    metrics = wait_for(tmp_path, "metrics.csv", lines=3)
    process.kill()
    process.wait()
    wait_for_end(tmp_path)  # the job has noticed, and saved
    assert Record(metrics.parent).summary()["status"] == "interrupted"
    before = metrics.read_text()
    done = command("train.py", *sweep)
    assert done.returncode == 0, done.stderr
    assert metrics.read_text().startswith(before)
    summaries = [Record(p).summary() for p in tmp_path.glob("runs/*")]
    assert [s["status"] for s in summaries] == ["done", "done"]
    assert sorted(bool(s["machine"]["resumed_at"]) for s in summaries) == [False, True]


def test_a_sweep_that_is_told_to_stop_stops_its_job(tmp_path):
    process = subprocess.Popen(
        [
            *(sys.executable, str(ROOT / "train.py"), "-m", *SHORT, "duration=100000it"),
            *("evaluate_every=2it", "evaluation.images=10", "seed=0,1", f"output_dir={tmp_path}"),
        ]
    )
    try:
        metrics = wait_for(tmp_path, "metrics.csv", lines=3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    finally:
        process.kill()
    summaries = [json.loads(p.read_text()) for p in metrics.parents[1].glob("*/summary.json")]
    assert [s["status"] for s in summaries] == ["interrupted"]


@pytest.mark.slow
def test_a_job_of_a_sweep_may_be_two_processes(command, tmp_path):
    done = command("train.py", "-m", *SHORT[:-2], *PAIR, "duration=8it", "seed=0,1")
    assert done.returncode == 0, done.stderr
    summaries = [Record(p).summary() for p in tmp_path.glob("runs/*")]
    assert [s["machine"]["world_size"] for s in summaries] == [2, 2]
    assert [s["status"] for s in summaries] == ["done", "done"]


@pytest.mark.parametrize(
    "values",
    [
        ["model=lenet,resnt56"],
        ["seed=0,x"],
        ["duration=4it,5"],
        ["duration=30it,10it", "schedule.stepsize=5it,20it"],  # each could run; not each pair
    ],
)
def test_a_mistake_in_a_sweep_starts_no_job(command, tmp_path, values):
    done = command("train.py", "-m", *SHORT, *values)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sweeps_dry_run_trains_nothing(tmp_path, capsys):
    asked = ["-m", *SHORT, "duration=8it", "seed=0,1", f"output_dir={tmp_path}"]
    assert main([*asked, "dry_run=true"]) == 0
    assert "2 of 2 jobs missing, 1,024 images" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_wandb_offline_leaves_a_run_as_it_was(command, tmp_path):
    pytest.importorskip("wandb")
    arguments = [*SHORT, "duration=8it"]
    done = command(
        "train.py", *arguments, "logger=wandb", WANDB_API_KEY="", HOME=str(tmp_path)
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert main([*arguments, f"output_dir={tmp_path / 'plain'}"]) == 0
    (logged,), (plain,) = (f.glob("runs/*/metrics.csv") for f in (tmp_path, tmp_path / "plain"))
    assert logged.read_bytes() == plain.read_bytes()
    assert list(logged.parent.glob("wandb/wandb/offline-run-*/*.wandb"))


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


def test_two_processes_stop_together_when_one_is_told_to(command, tmp_path):
    arguments = [
        *SHORT[:-2], "duration=20000it", "evaluate_every=10it", *PAIR, "trainer.threads=1",
        f"output_dir={tmp_path}",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        metrics = wait_for(tmp_path, "metrics.csv", lines=2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    finally:
        process.kill()
    summary = json.loads((metrics.parent / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    newest = max(metrics.parent.glob("checkpoints/*it.ckpt"))
    assert int(newest.name[:9]) == summary["result"]["iteration"], "saved where both stopped"


def wait_for(folder: Path, name: str, lines: int, seconds: float = 120) -> Path:
    """The first file of this name under `folder`, once it has so many lines."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in folder.rglob(name):
            if len(path.read_text().splitlines()) >= lines:
                return path
        time.sleep(0.05)
    raise AssertionError(f"{name} did not reach {lines} lines in {seconds} s")
