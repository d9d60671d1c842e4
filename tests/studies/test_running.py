"""Runs as processes of their own: a failure costs only itself, a signal stops them all."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from disciplined.studies import running
from disciplined.studies.expansion import expand

STATUS = {"schedule.max_lr=1": 0, "schedule.max_lr=2": 1, "schedule.max_lr=3": 3}


def stub(overrides: list[str], registered: dict[str, Any], log: str) -> None:
    """Ends with a status by its arm, as a training would."""
    Path(log).write_text(f"some lines\nthe last line of {registered['id']}\n")
    sys.exit(next(status for told, status in STATUS.items() if told in overrides))


def patient(overrides: list[str], registered: dict[str, Any], log: str) -> None:
    """Goes on until it is stopped, then says so."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    Path(log).write_text("waiting")
    time.sleep(60)


@pytest.fixture
def runs(planted, tmp_path: Path):
    return expand(planted(), "paper", seeds=1, places=(f"output_dir={tmp_path}",))


def registered(run: Any) -> dict[str, Any]:
    return {"id": run.study, "blob": "b", "committed": False}


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_that_fails_costs_only_itself(runs, tmp_path: Path, jobs: int):
    told = []
    outcome = running.train(
        runs,
        registered,
        jobs=jobs,
        logs=tmp_path / "logs",
        tell=lambda run, status, _: told.append((run.arm, status)),
        work=stub,
        preload=(),
    )
    assert sorted(run.arm for run in outcome.finished) == ["a", "c"]
    assert sorted(told) == [("a", "done"), ("b", "failed"), ("c", "diverged")]
    ((failed, why),) = outcome.failed
    assert failed.arm == "b"
    assert why.startswith("status 1: the last line of test/planted (see ")
    assert [p.name for p in (tmp_path / "logs").iterdir()] == [f"{failed.key}.log"]
    assert outcome.stopped is None


def test_a_mistake_in_a_run_is_its_one_line(runs, tmp_path: Path):
    wrong = runs[0].__class__(**{**vars(runs[0]), "overrides": ("model=nothing",)})
    outcome = running.train([wrong], registered, logs=tmp_path / "logs", preload=())
    assert outcome.failed[0][1].startswith("status 2: model=nothing: no such choice")


def test_a_signal_stops_every_run(runs, tmp_path: Path):
    logs = tmp_path / "logs"

    def interrupt() -> None:
        while len(list(logs.glob("*.log"))) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt, daemon=True).start()
    started = time.perf_counter()
    outcome = running.train(runs, registered, jobs=2, logs=logs, work=patient, preload=())
    assert outcome.stopped == signal.SIGTERM
    assert not outcome.finished and not outcome.failed
    assert time.perf_counter() - started < 30
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
