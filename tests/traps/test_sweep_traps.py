"""Known traps of sweeps, each by the thread that tells of it; whole sweeps are in tests/scripts."""

import multiprocessing
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from disciplined.sweeps import pool, worker
from disciplined.sweeps.grid import expand
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.shares import Share
from disciplined.training.config import TRAIN

pytestmark = pytest.mark.usefixtures("warm_server")
STATUS = {"mistaken": 2, "raised": 1, "diverged": 3, "done": 0}


def ends(job: Job, share: Share, log: str) -> None:
    """Ends with a status by its name."""
    if job.name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(STATUS[job.name])


def test_every_failure_is_told_as_it_ends_and_by_its_name(tmp_path: Path):
    """hydra#2284, #1465, #769: only the first error, at the very end, and status 0."""
    jobs = [Job(Path(name), (), name) for name in (*STATUS, "killed")]
    told = []
    outcome = pool.train(
        jobs,
        logs=tmp_path / "logs",
        tell=lambda job, status, _: told.append((job.name, status)),
        work=ends,
        preload=(),
    )
    assert told == [
        ("mistaken", "failed"),
        ("raised", "failed"),
        ("diverged", "diverged"),
        ("done", "done"),
        ("killed", "failed"),
    ]
    assert {job.name for job, _, _ in outcome.failed} == {"mistaken", "raised", "killed"}


def relaunched(job: Job, share: Share, log: str) -> None:
    """What a further process of a DDP job would be started with."""
    import disciplined.training.run as run_module

    def run(cfg, **_):
        Path(log).with_suffix(".argv").write_text("\n".join(sys.argv))
        return 0

    run_module.run = run
    worker.train_one(job, share, log)


def test_a_ddp_job_does_not_start_the_sweep_again(tmp_path: Path):
    """hydra#2070, Lightning#11617: the second process ran the whole -m command."""
    job = Job(tmp_path / "key", ("model=lenet", "seed=1"), "one")
    pool.train([job], logs=tmp_path / "logs", work=relaunched, preload=())
    name = f"key-{socket.gethostname()}-{os.getpid()}.argv"
    said = (tmp_path / "logs" / name).read_text().splitlines()
    assert said[0] == str(TRAIN) and said[1:3] == ["model=lenet", "seed=1"]
    assert not {"-m", "--multirun"} & set(said)


def test_jobs_have_places_of_their_own(tmp_path: Path):
    """hydra#1607, #2925: two sweeps of the same second shared a folder."""
    places = expand(["model=lenet,three_layer", "seed=0,1", f"output_dir={tmp_path}"])
    assert len({place.plan.folder for place in places}) == 4


@pytest.mark.parametrize("folder", ["there", "tidied up by another sweep"])
def test_a_job_can_always_say_why_it_failed(tmp_path: Path, folder: str):
    """joblib#1851: folders removed under another process's feet."""
    log = tmp_path / "logs" / "key.log"
    if folder == "there":
        log.parent.mkdir()
    job = Job(tmp_path / "key", ("model=nothing",), "wrong")
    process = multiprocessing.get_context("forkserver").Process(
        target=worker.train_one, args=(job, Share((0,), 1), str(log))
    )
    process.start()
    process.join(60)
    assert process.exitcode == 2 and "model=nothing: no such choice" in log.read_text()
