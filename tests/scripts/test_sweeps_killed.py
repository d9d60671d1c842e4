"""A sweep killed at random moments, and two sweeps over one grid: every job once, nothing lost."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import descendants, kill

from disciplined.sweeps.jobs import Job, Waiting
from disciplined.training.record import Record

ROOT = Path(__file__).parents[2]
SWEEP = [
    "-m",
    "model=three_layer",
    "dataset=digits",
    "duration=150it",
    "evaluate_every=25it",
    "total_batch_size=64",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.checkpoint_seconds=0.2",
    "weight_decay.value=1e-3,3e-3,1e-2",
    "seed=0,1",
    "hydra.launcher.jobs=2",
]
JOBS = 6


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *SWEEP, f"output_dir={folder}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """What a sweep came to: every job's rows, and the table."""
    found = {p.parent.name: p.read_bytes() for p in folder.glob("runs/*/metrics.csv")}
    (table,) = folder.glob("sweeps/*/table.csv")
    return found | {"table": table.read_bytes()}


def results(folder: Path) -> dict[str, dict]:
    """The finished jobs' summaries."""
    finished = {p.name: Record(p).finished() for p in folder.glob("runs/*")}
    return {name: summary for name, summary in finished.items() if summary}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_killed_at_twenty_random_moments(tmp_path):
    """SIGKILL to the sweeper alone, or to every process of it at once; given the command again."""
    whole = start(tmp_path / "whole")
    _, errors = whole.communicate(timeout=600)
    assert whole.returncode == 0, errors
    random_ = random.Random(0)
    folder, done = tmp_path / "killed", {}
    kills = 0
    while kills < 20:
        sweep = start(folder)
        time.sleep(random_.uniform(1, 25))
        if sweep.poll() is not None:  # it came to its end; begin with nothing
            assert sweep.returncode == 0
            assert contents(folder) == contents(tmp_path / "whole")
            folder, done = tmp_path / f"killed{kills}", {}
            continue
        kills += 1
        everyone = random_.random() < 0.5
        members = descendants(sweep.pid) if everyone else []
        for pid in [sweep.pid, *members]:
            kill(pid)
        sweep.communicate()
        before = done
        done = results(folder)
        assert before.items() <= done.items(), "a finished job was trained again"
    last = start(folder)
    _, errors = last.communicate(timeout=600)
    assert last.returncode == 0, errors
    assert done.items() <= results(folder).items()
    assert len(results(folder)) == JOBS
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_sweeps_over_one_grid_share_it(tmp_path):
    """Started together: each job is trained by one of them, and both end well with one table."""
    sweeps = [start(tmp_path) for _ in range(2)]
    said = [sweep.communicate(timeout=600) for sweep in sweeps]
    assert [sweep.returncode for sweep in sweeps] == [0, 0], said
    lines = [line for _, errors in said for line in errors.splitlines() if line.startswith("[")]
    trained = [line for line in lines if ": done in " in line]
    assert len(trained) == JOBS, lines
    assert len(results(tmp_path)) == JOBS
    assert said[0][0] == said[1][0]


def test_what_another_process_trains_is_passed_over(tmp_path):
    """And comes back: free to train where it failed, done where it was finished."""
    jobs = [Job(tmp_path / f"runs/{name}", (), name) for name in "ab"]
    waiting = Waiting(jobs)
    other = Record(jobs[0].folder)
    other.claim()
    assert waiting.next() == jobs[1]
    assert waiting.next() is None and waiting.jobs == [jobs[0]]
    assert waiting.finished() == []
    other.release()
    assert waiting.next() == jobs[0]
    waiting.put_back(jobs[0])
    other.write_summary({"status": "done", "result": {}})
    assert waiting.next() is None
    assert waiting.finished() == [jobs[0]] and not waiting.jobs
    assert waiting.finished() == []


def test_what_another_process_has_finished_is_not_trained_again(tmp_path):
    """Even where it was never seen in the other's hands; with force=true it is."""
    Record(tmp_path / "runs/a").begin("", {"status": "done", "result": {}})
    for force in (False, True):
        job = Job(tmp_path / "runs/a", (), "a", force=force)
        waiting = Waiting([job])
        assert waiting.next() == (job if force else None)
        assert waiting.finished() == ([] if force else [job])
