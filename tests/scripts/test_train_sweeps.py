"""`train.py -m` as a user runs it: what becomes of its jobs, of signals and of mistakes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from short_runs import PAIR, ROOT, SHORT, main, wait_for

from disciplined.mistakes import Mistake
from disciplined.training.record import Record


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


def test_a_sweep_that_is_told_to_stop_stops_its_job(warm_server, tmp_path, capsys):
    """In this process; whole commands that are killed: test_sweeps_killed.py."""

    def stop() -> None:
        wait_for(tmp_path, "metrics.csv", lines=3)
        os.kill(os.getpid(), signal.SIGTERM)

    arguments = [
        *("-m", *SHORT, "duration=100000it", "evaluate_every=2it", "evaluation.images=10"),
        *("seed=0,1", f"output_dir={tmp_path}"),
    ]
    threading.Thread(target=stop, daemon=True).start()
    assert main(arguments) == 143
    assert "stopped; the same command goes on from here" in capsys.readouterr().err
    summaries = [json.loads(p.read_text()) for p in tmp_path.glob("runs/*/summary.json")]
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
    ],
)
def test_a_mistake_in_a_sweep_is_found_before_it(tmp_path, values):
    with pytest.raises(Mistake) as mistake:
        main(["-m", *SHORT, *values, f"output_dir={tmp_path}"])
    assert "\n" not in str(mistake.value)
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_a_sweep_starts_no_job(command, tmp_path):
    """Each value could run; not each pair."""
    done = command("train.py", "-m", *SHORT, "duration=30it,10it", "schedule.stepsize=5it,20it")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sweeps_dry_run_trains_nothing(tmp_path, capsys):
    asked = ["-m", *SHORT, "duration=8it", "seed=0,1", f"output_dir={tmp_path}"]
    assert main([*asked, "dry_run=true"]) == 0
    assert "2 of 2 jobs missing, 1,024 images" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
