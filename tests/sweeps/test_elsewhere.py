"""Sweeps elsewhere: what a job is told, what is heard of it, what is lost with an allocation."""

import importlib.util
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from disciplined.ending import FAULT
from disciplined.mistakes import Mistake
from disciplined.sweeps import elsewhere, launchers
from disciplined.sweeps.allocation import CANCELLED, Allocation, unforced
from disciplined.sweeps.jobs import Job


class Played:
    """An engine whose allocations say what they are told to and end."""

    def __init__(self, says: dict[str, list[str]], refuses: str = ""):
        self.says, self.refuses = says, refuses
        self.cancelled = False
        self.files: list[Path] = []
        self.ends = True

    def submit(self, files: Sequence[Path]) -> str:
        if self.refuses:
            raise Mistake(self.refuses)
        self.files = list(files)
        for file in files:
            for job in json.loads(file.read_text())["jobs"]:
                for word in self.says.get(job["name"], []):
                    told = {"status": 2, "why": "status 2: why"} if word == "failed" else {}
                    Allocation(file).say(Job(Path(job["folder"]), (), ""), word, 1.0, **told)
        return "sent"

    def alive(self) -> set[Path]:
        return set() if self.ends or self.cancelled else set(self.files)

    def cancel(self) -> None:
        self.cancelled = True

    def fate(self, file: Path) -> str:
        return f"lost with {file.stem}"


def jobs(*names: str) -> list[Job]:
    return [Job(Path("out/runs") / name, ("seed=1", "output_dir=out"), name) for name in names]


def test_a_lost_allocation_costs_the_jobs_it_had(tmp_path: Path):
    """Three to an allocation: what had ended there counts; the other allocation is waited for."""
    engine = Played({"a": ["begun", "done"], "b": ["begun"], "d": ["begun", "failed"]})
    told = []
    outcome = elsewhere.train(
        jobs("a", "b", "c", "d"),
        engine,
        runs=3,
        folder=tmp_path / "launched" / "x",
        logs=tmp_path / "logs",
        tell=lambda job, word, _: told.append((job.name, word)),
    )
    assert [job.name for job in outcome.finished] == ["a"]
    found = [(job.name, status, why) for job, status, why in outcome.failed]
    assert found == [
        ("b", FAULT, "lost with 0"),
        ("c", FAULT, "lost with 0"),
        ("d", 2, "status 2: why"),
    ]
    assert told == [("a", "done"), ("b", "failed"), ("c", "failed"), ("d", "failed")]
    assert (tmp_path / "launched" / "x" / "0.json").exists(), "kept, with its logs"


def test_nothing_is_left_where_all_is_well_or_refused(tmp_path: Path):
    engine = Played({"a": ["begun", "done"]})
    places = {"folder": tmp_path / "launched" / "x", "logs": tmp_path / "logs"}
    assert not elsewhere.train(jobs("a"), engine, **places).failed
    assert not list(tmp_path.iterdir())
    with pytest.raises(Mistake, match="no such partition"):
        elsewhere.train(jobs("a"), Played({}, "no such partition"), **places)
    assert not list(tmp_path.iterdir())


def test_a_signal_takes_the_allocations_back(tmp_path: Path):
    engine = Played({})
    engine.ends = False
    folder = tmp_path / "launched" / "x"

    def interrupt() -> None:
        while not engine.files:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt, daemon=True).start()
    outcome = elsewhere.train(jobs("a"), engine, folder=folder, logs=tmp_path)
    assert outcome.stopped == signal.SIGTERM
    assert engine.cancelled and (folder / CANCELLED).exists()


def test_a_job_elsewhere_means_the_same_there(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    (job,) = jobs("a")
    there = elsewhere.elsewhere(job)
    assert there.folder == tmp_path / "out/runs/a"
    assert there.overrides == (
        "seed=1",
        f"output_dir={tmp_path}/out",
        f"data_dir={tmp_path}/data",
    )


def test_what_a_full_disk_cut_off_is_passed_over(tmp_path: Path):
    allocation = Allocation(tmp_path / "0.json")
    allocation.said.write_text('{"key": "a", "word": "begun"}\n{"key": "a", "wo')
    assert [line["word"] for line in allocation.heard()] == ["begun"]
    allocation.said.write_text('{"key": "a", "wo{"key": "a"}\n{"key": "b", "word": "done"}\n')
    assert [line["key"] for line in allocation.heard()] == ["b"]


def test_a_forced_run_that_goes_on_is_not_forced_again():
    job = unforced(Job(Path("a"), ("seed=1", "force=true"), "a", force=True))
    assert not job.force and job.overrides == ("seed=1",)


@pytest.mark.parametrize("name", ["submitit_slurm", "slurm", "slurm_shared"])
def test_an_extra_that_is_absent_is_named_with_its_command(monkeypatch, tmp_path: Path, name: str):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(Mistake) as mistake:
        launchers.chosen([f"hydra/launcher={name}"], tmp_path)
    assert str(mistake.value) == (
        f"hydra/launcher={name}: submitit is not installed; uv sync --extra slurm  "
        "(or: pip install 'disciplined[slurm]')"
    )
