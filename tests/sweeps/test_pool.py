"""Runs as processes of their own: a failure costs only itself, a signal stops them all."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from disciplined.ending import MISTAKE
from disciplined.sweeps import pool, shares
from disciplined.sweeps.jobs import Job
from disciplined.sweeps.shares import Share

pytestmark = pytest.mark.usefixtures("warm_server")
STATUS = {"a": 0, "b": 1, "c": 3}
JOBS = [Job(Path(f"key-{name}"), ("model=lenet",), name, {"id": "test/planted"}) for name in STATUS]


def stub(job: Job, share: Share, log: str) -> None:
    """Ends with a status by its name, as a training would."""
    assert job.registered
    Path(log).write_text(f"some lines\nthe last line of {job.registered['id']}\n")
    sys.exit(STATUS[job.name])


def patient(job: Job, share: Share, log: str) -> None:
    """Goes on until it is stopped, then says so."""
    signal.signal(pool.PASSED_ON, lambda *_: sys.exit(138))
    Path(log).write_text("waiting")
    time.sleep(60)


def killed(job: Job, share: Share, log: str) -> None:
    """As the kernel does to a process that has taken all memory."""
    if job.name == "b":
        os.kill(os.getpid(), signal.SIGKILL)


def cornered(job: Job, share: Share, log: str) -> None:
    """Says where it was put."""
    Path(log).with_suffix(".share").write_text(f"{share.cores} {share.gpu}")


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_job_that_fails_costs_only_itself(tmp_path: Path, at_once: int):
    told = []
    outcome = pool.train(
        JOBS,
        at_once=at_once,
        logs=tmp_path / "logs",
        tell=lambda job, status, _: told.append((job.name, status)),
        work=stub,
        preload=(),
    )
    assert sorted(job.name for job in outcome.finished) == ["a", "c"]
    assert sorted(told) == [("a", "done"), ("b", "failed"), ("c", "diverged")]
    ((failed, status, why),) = outcome.failed
    assert status == 1
    assert failed.name == "b"
    assert why.startswith("status 1: the last line of test/planted (see ")
    name = f"key-b-{socket.gethostname()}-{os.getpid()}.log"
    assert [p.name for p in (tmp_path / "logs").iterdir()] == [name]
    assert outcome.stopped is None


def test_a_job_that_is_killed_costs_only_itself(tmp_path: Path):
    outcome = pool.train(JOBS, at_once=2, logs=tmp_path / "logs", work=killed, preload=())
    assert [(job.name, status) for job, status, _ in outcome.failed] == [("b", -9)]
    assert outcome.failed[0][2] == "killed by SIGKILL (out of memory?): no output"
    assert len(outcome.finished) == 2


def test_a_mistake_in_a_job_is_its_one_line(tmp_path: Path):
    wrong = Job(Path("key"), ("model=nothing",), "wrong")
    outcome = pool.train([wrong], logs=tmp_path / "logs", preload=())
    ((_, status, why),) = outcome.failed
    assert status == MISTAKE and why.startswith("status 2: model=nothing: no such choice")


def test_a_signal_stops_every_job(tmp_path: Path):
    logs = tmp_path / "logs"

    def interrupt() -> None:
        while len(list(logs.glob("*.log"))) < 2:
            time.sleep(0.05)
        told.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGTERM)

    told = []
    threading.Thread(target=interrupt, daemon=True).start()
    outcome = pool.train(JOBS, at_once=2, logs=logs, work=patient, preload=())
    assert outcome.stopped == signal.SIGTERM
    assert not outcome.finished and not outcome.failed
    assert time.perf_counter() - told[0] < 30
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_every_share_is_used_by_one_job_at_a_time(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(shares, "cores", lambda: [0, 1])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    logs = tmp_path / "logs"
    pool.train(JOBS[:2], at_once=2, logs=logs, work=cornered, preload=())
    assert sorted(p.read_text() for p in logs.glob("*.share")) == ["(0,) None", "(1,) None"]


def test_a_signal_to_the_whole_group_is_waited_for(tmp_path: Path):
    """As `timeout` and schedulers send it: the jobs have time to save."""
    program = f"""
import os, signal, sys, time
from pathlib import Path
from disciplined.sweeps import pool
from disciplined.sweeps.jobs import Job

def saving(job, share, log):
    os.setpgrp()
    def save(*_):
        time.sleep(2)
        Path({str(tmp_path / "saved")!r}).touch()
        sys.exit(143)
    signal.signal(pool.PASSED_ON, save)
    Path({str(tmp_path / "begun")!r}).touch()
    time.sleep(60)

if __name__ == "__main__":
    outcome = pool.train([Job(Path("k"), (), "n")], logs=Path({str(tmp_path / "logs")!r}),
                         work=saving, preload=())
    sys.exit(100 + outcome.stopped)
"""
    (tmp_path / "program.py").write_text(program)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py")],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 115
    assert (tmp_path / "saved").exists()
    assert errors.strip() == "stopping: 1 runs save first; a second signal kills them"


def slow_to_save(job: Job, share: Share, log: str) -> None:
    """Takes a second to save, as a large network may."""

    def save(*_: object) -> None:
        time.sleep(1)
        Path(log).write_text("saved")
        sys.exit(138)

    signal.signal(pool.PASSED_ON, save)
    Path(log).write_text("waiting")
    time.sleep(60)


def test_a_schedulers_further_signals_end_no_saving(tmp_path: Path):
    """Its warning, the end of the time and the job's own cancellation may come within a second."""
    logs = tmp_path / "logs"

    def interrupt() -> None:
        while not list(logs.glob("*.log")):
            time.sleep(0.05)
        for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)
            time.sleep(0.1)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    outcome = pool.train(JOBS[:1], logs=logs, work=slow_to_save, preload=(), insist=False)
    thread.join()
    assert outcome.stopped == signal.SIGUSR2
    assert [p.read_text() for p in logs.glob("*.log")] == ["saved"]
