"""Sweeps elsewhere: what a job is told, what is heard of it, what is lost with an allocation."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
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
from disciplined.training.config import compose
from disciplined.training.record import Record


class Played:
    """An engine whose allocations say what they are told to and end."""

    def __init__(self, says: dict[str, list[str]], refuses: str = ""):
        self.says, self.refuses = says, refuses
        self.cancelled = False
        self.files: list[Path] = []
        self.ends = self.running = True

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

    def alive(self) -> dict[Path, bool]:
        return {} if self.ends or self.cancelled else dict.fromkeys(self.files, self.running)

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
        f"output_dir='{tmp_path}/out'",
        f"data_dir='{tmp_path}/data'",
    )


ODD = "a b=c,(d) müller's"


def test_folders_may_have_any_name(tmp_path: Path):
    """Hydra's grammar has words for half of what is in this one."""
    place = tmp_path / ODD
    launchers.chosen([], place)
    data = f"data_dir={elsewhere.quoted(str(place))}"
    there = elsewhere.elsewhere(Job(place / "runs" / "a", (data,), "a"))
    cfg = compose(list(there.overrides))
    assert (cfg.output_dir, cfg.data_dir) == (str(place), str(place))


def test_a_forced_run_that_never_began_is_not_its_old_record(tmp_path: Path):
    """Its allocation was cancelled while it waited; the record is still the one to be replaced."""
    job = Job(tmp_path / "runs" / "a", (), "a", force=True)
    trained(job, 1.0)
    places = {"folder": tmp_path / "launched" / "x", "logs": tmp_path / "logs"}
    outcome = elsewhere.train([job], Played({"a": ["begun"]}), **places)
    assert [why for _, _, why in outcome.failed] == ["lost with 0"]

    class Trains(Played):
        def submit(self, files: Sequence[Path]) -> str:
            trained(job, 2.0)  # and what it says finds no room
            return "sent"

    assert not elsewhere.train([job], Trains({}), **places).failed


def test_a_requeued_run_is_forced_until_its_old_record_is_cleared(tmp_path: Path):
    job = Job(tmp_path / "runs" / "a", (), "a", force=True)
    trained(job, 1.0)
    sent = elsewhere.elsewhere(job)
    assert not sent.replaced()
    Record(job.folder).clear()
    assert not sent.replaced(), "its checkpoints may still be there"
    trained(job, 2.0)
    assert sent.replaced()


def trained(job: Job, seconds: float) -> None:
    """A finished record."""
    machine = {"train_seconds": seconds}
    Record(job.folder).begin("", {"status": "done", "result": {}, "machine": machine})


def test_what_waits_is_not_read(tmp_path: Path, monkeypatch):
    """Thousands of files on a network disk; what has just gone is read once more."""
    engine = Played({"a": ["begun", "done"]})
    engine.ends = engine.running = False
    read = []
    heard = Allocation.heard
    monkeypatch.setattr(Allocation, "heard", lambda self: read.append(self.file) or heard(self))

    def end() -> None:
        time.sleep(1)
        engine.ends = True

    threading.Thread(target=end, daemon=True).start()
    outcome = elsewhere.train(jobs("a"), engine, folder=tmp_path / "x", logs=tmp_path)
    assert len(read) == 1 and len(outcome.finished) == 1


def test_hydras_other_programs_keep_their_launchers():
    """They import everything in `hydra_plugins` as well."""
    code = (
        "from hydra.core.plugins import Plugins; Plugins.instance()\n"
        "from hydra.core.config_store import ConfigStore\n"
        "stored = ConfigStore.instance().repo['hydra']['launcher']\n"
        "assert not [n for n, s in stored.items() if 'disciplined' in str(s.node)], stored"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("key", ["nodes", "tasks_per_node"])
def test_a_run_of_a_sweep_has_one_node(tmp_path: Path, key: str):
    pytest.importorskip("submitit", reason="submitit is not installed (uv sync --extra slurm)")
    with pytest.raises(Mistake, match=f"hydra.launcher.{key}=2: expected 1; .* scripts/nodes"):
        launchers.chosen(["hydra/launcher=slurm", f"hydra.launcher.{key}=2"], tmp_path)


def slurm_said(tmp_path: Path, monkeypatch, sbatch: str, files: int) -> tuple[str, list[str]]:
    """How a sweep of so many allocations is refused by a Slurm whose `sbatch` does this, and what
    was cancelled."""
    pytest.importorskip("submitit", reason="submitit is not installed (uv sync --extra slurm)")
    programs = tmp_path / "programs"
    programs.mkdir()
    cancelled = tmp_path / "cancelled"
    made = {"sbatch": sbatch, "srun": "", "scancel": f'echo "$@" >> {cancelled}'}
    for name, text in made.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    launcher = launchers.chosen(["hydra/launcher=slurm"], tmp_path / "x")
    with pytest.raises(Mistake) as mistake:
        launcher.engine.submit([tmp_path / f"{i}.json" for i in range(files)])
    return str(mistake.value), cancelled.read_text().split() if cancelled.exists() else []


def test_arrays_taken_before_one_is_refused_are_cancelled(tmp_path: Path, monkeypatch):
    script = tmp_path / "asked"
    sbatch = f'cat "$1" >> {script}; [ -e {tmp_path}/once ] && echo "error: full" >&2 && exit 1; '
    sbatch += f'touch {tmp_path}/once; echo "Submitted batch job 7"'
    said, cancelled = slurm_said(tmp_path, monkeypatch, sbatch, 1001)
    assert "Slurm takes no jobs: " in said and "full" in said
    assert cancelled == ["7"]
    asked = script.read_text()
    assert "--array=0-500%32\n" in asked, "both arrays together keep to array_parallelism"
    assert "#SBATCH --requeue\n" in asked


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
