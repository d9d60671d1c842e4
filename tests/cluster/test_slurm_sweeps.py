"""Sweeps on a Slurm of two nodes: what is true of a laptop's stays true, whatever is lost."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from processes import ROOT
from slurm import NODES, Cluster

from disciplined.training.record import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
pytest.importorskip("submitit", reason="submitit is not installed (uv sync --extra slurm)")

RUN = [
    *("model=three_layer", "dataset=digits", "total_batch_size=64", "duration=400it"),
    *("evaluate_every=20it", "trainer=cpu", "trainer.threads=1"),
    "trainer.checkpoint_seconds=3600",  # only a signal saves, unless a test says otherwise
]
SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1"]


class Sweep:
    """`train.py -m`, running."""

    def __init__(self, cluster: Cluster, folder: Path, *arguments: str, script: str = "train.py"):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / script), *arguments, f"output_dir={folder}"],
            env=cluster.env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> tuple[int, str, str]:
        """Its status, and what it said."""
        out, err = self.process.communicate(timeout=600)
        return self.process.returncode, out, err

    def trains(self, runs: int) -> None:
        """Wait until so many runs have rows."""
        wait(lambda: sum(rows(f) >= 2 for f in self.folder.glob("runs/*/metrics.csv")) >= runs)

    def record(self, seed: int) -> Record:
        """The record of one seed."""
        found = [
            p.parent for p in self.folder.glob("runs/*/config.yaml") if seed_of(p.parent) == seed
        ]
        return Record(found[0])


def seed_of(folder: Path) -> int:
    found = re.search(r"^seed: (\d+)", (folder / "config.yaml").read_text(), re.M)
    assert found
    return int(found[1])


def rows(file: Path) -> int:
    return len(file.read_text().splitlines()) - 1


def wait(until: Callable[[], object], seconds: float = 400) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def came_to(folder: Path) -> dict[int, tuple[bytes, dict]]:
    """What each seed's run came to: its rows, and its result with the weights' checksum."""
    found = {}
    for run in (folder / "runs").iterdir():
        summary = Record(run).finished()
        if summary:
            found[seed_of(run)] = (run / "metrics.csv").read_bytes(), summary["result"]
    return found


def queued(cluster: Cluster) -> dict[str, str]:
    """The user's jobs and their states."""
    lines = cluster.run("squeue", "--me", "--array", "--noheader", "--format=%i %T").splitlines()
    return dict(line.split() for line in lines)


def element(cluster: Cluster, number: int) -> str:
    """The Slurm job of one allocation, by its place in the sweep."""
    return next(job for job in queued(cluster) if job.endswith(f"_{number}"))


def inside(cluster: Cluster, job: str, program: str) -> list[int]:
    """The processes of a job that run `program`."""
    array, _, number = job.partition("_")
    marks = {f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={number}"}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (folder / "environ").read_text(errors="replace").split("\0")
            if marks <= set(environment) and program in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    return found


@pytest.fixture(scope="module")
def whole(cluster: Cluster, tmp_path_factory) -> dict[int, tuple[bytes, dict]]:
    """The same runs on this machine, never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    status, _, errors = Sweep(cluster, folder, "-m", *RUN, "seed=range(4)").ended()
    assert status == 0, errors
    return came_to(folder)


def test_a_sweep_is_what_it_is_here(cluster: Cluster, tmp_path: Path):
    """Records, table, words and status; and nothing is done twice."""
    grid = ["-m", *RUN, "duration=20it", "schedule.max_lr=0.1,1e20", "seed=0,1"]
    here = Sweep(cluster, tmp_path / "here", *grid, "hydra.launcher.jobs=2").ended()
    packed = [*SLURM, "hydra.launcher.runs=2", "hydra.launcher.jobs=2"]
    there = Sweep(cluster, tmp_path / "there", *grid, *packed).ended()
    assert here[0] == there[0] == 3, there
    assert there[1] == here[1].replace("here", "there")
    assert "2 allocations to Slurm" in there[2]
    assert sorted(told(there[2])) == sorted(told(here[2]))
    for mine in (tmp_path / "here" / "runs").iterdir():
        other = tmp_path / "there" / "runs" / mine.name
        assert (other / "metrics.csv").read_bytes() == (mine / "metrics.csv").read_bytes()
        results = [Record(r).finished()["result"] for r in (mine, other)]
        assert results[0] == results[1]
    assert not (tmp_path / "there" / "launched").exists()
    again = Sweep(cluster, tmp_path / "there", *grid, *packed).ended()
    assert again[:2] == there[:2] and "allocations" not in again[2]


def told(errors: str) -> list[str]:
    """What was told of jobs, without times and order."""
    lines = [re.sub(r"^\[\d/4\] | in \d+ s", "", line) for line in errors.splitlines()]
    return [line for line in lines if line.startswith(("schedule.max_lr=", "diverged: "))]


@pytest.mark.slow
def test_what_is_lost_costs_only_itself(cluster: Cluster, tmp_path: Path, whole):
    """At once: an allocation warned of its end, one cancelled, one whose process is killed."""
    grid = ["-m", *RUN, "seed=range(4)", *SLURM]
    sweep = Sweep(cluster, tmp_path, *grid)
    sweep.trains(4)
    warned, cancelled, killed = (element(cluster, number) for number in range(3))
    cluster.run("scancel", "--signal=USR2", warned)
    cluster.run("scancel", cancelled)
    for pid in inside(cluster, killed, "submitit"):
        os.kill(pid, signal.SIGKILL)
    status, out, errors = sweep.ended()
    assert status == 1, errors
    done = came_to(tmp_path)
    assert set(done) == {0, 3}, errors
    assert Record(sweep.record(0).folder).finished()["machine"]["resumed_at"], "it began anew"
    assert re.search(r"^seed=1: Slurm's job \d+_1 ended before it: ", errors, re.M)
    assert re.search(r"^seed=2: Slurm's job \d+_2 ended before it: ", errors, re.M)
    assert [line for line in errors.splitlines() if line.startswith("failed: ")] == [
        "failed: seed=1",
        "failed: seed=2",
    ]
    assert re.search(r"^2 .* 2$", out, re.M), "the table says that two are missing"
    assert sweep.record(1).summary()["status"] == "interrupted", "cancelled, it saved first"
    status, _, errors = Sweep(cluster, tmp_path, *grid).ended()
    assert status == 0, errors
    assert "2 of 4 jobs to train" in errors
    assert came_to(tmp_path) == whole


@pytest.mark.slow
def test_a_killed_nodes_runs_go_on_on_the_other(cluster: Cluster, tmp_path: Path, whole):
    """Two runs packed in an allocation; its node dies with everything on it."""
    packed = [*SLURM, "hydra.launcher.runs=2", "hydra.launcher.jobs=2"]
    grid = ["-m", *RUN, "trainer.checkpoint_seconds=0.2", "seed=0,1", *packed]
    sweep = Sweep(cluster, tmp_path, *grid)
    sweep.trains(2)
    node = cluster.run("squeue", "--me", "--noheader", "--format=%N").strip()
    assert node in NODES
    cluster.kill(node)
    try:
        wait(lambda: "PENDING" in queued(cluster).values() or not queued(cluster))
        status, _, errors = sweep.ended()
    finally:
        cluster.start(node)
        cluster.idle()
    assert status == 0, errors
    assert all(sweep.record(s).finished()["machine"]["resumed_at"] for s in (0, 1))
    assert came_to(tmp_path) == {seed: whole[seed] for seed in (0, 1)}


@pytest.mark.slow
def test_a_preempted_allocation_goes_on_later(cluster: Cluster, tmp_path: Path, whole):
    """Slurm sends SIGTERM and gives it a minute; saved, it goes back to the queue by itself."""
    sweep = Sweep(cluster, tmp_path, "-m", *RUN, "seed=0", *SLURM)
    sweep.trains(1)
    cluster.run(
        "sbatch", "--partition=urgent", "-N2", "--exclusive", "-o/dev/null", "--wrap=sleep 1"
    )
    status, _, errors = sweep.ended()
    assert status == 0, errors
    assert sweep.record(0).finished()["machine"]["resumed_at"]
    assert came_to(tmp_path) == {0: whole[0]}


def test_a_sweep_that_is_told_to_stop_cancels_its_allocations(cluster: Cluster, tmp_path: Path):
    grid = ["-m", *RUN, "duration=100000it", "seed=0,1", *SLURM]
    sweep = Sweep(cluster, tmp_path, *grid)
    sweep.trains(2)
    sweep.process.send_signal(signal.SIGTERM)
    status, _, errors = sweep.ended()
    assert status == 143, errors
    assert "stopped; the same command goes on from here" in errors
    assert not queued(cluster)
    assert [sweep.record(s).summary()["status"] for s in (0, 1)] == ["interrupted"] * 2
    assert list(sweep.record(0).checkpoints.glob("*.ckpt"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    if done := subprocess.run(mounted, capture_output=True, text=True).stderr:
        pytest.skip(f"no file system can be mounted here: {done.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_costs_the_work_since_the_last_checkpoint(
    cluster: Cluster, small_disk: Path, whole
):
    grid = ["-m", *RUN, "trainer.checkpoint_seconds=0.2", "seed=0,1", *SLURM]
    sweep = Sweep(cluster, small_disk, *grid)
    sweep.trains(2)
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 16))
    status, _, errors = sweep.ended()
    assert status == 1, errors
    assert "failed: seed=0" in errors and "No space left on device" in errors
    ballast.unlink()
    status, _, errors = Sweep(cluster, small_disk, *grid).ended()
    assert status == 0, errors
    assert came_to(small_disk) == {seed: whole[seed] for seed in (0, 1)}


def test_a_studys_runs_keep_its_registration(cluster: Cluster, tmp_path: Path, data_dir: Path):
    asked = ["figure=disciplined/table2", "arms=12ep", "scale=smoke", *SLURM]
    asked.append(f"data_dir={data_dir}")
    sent = Sweep(cluster, tmp_path, *asked, script="scripts/reproduce.py")
    status, _, errors = sent.ended()
    assert status == 0, errors
    kept = [Record(p).finished()["registered"] for p in tmp_path.glob("runs/*")]
    assert kept
    assert {entry["id"] for entry in kept} == {"disciplined/table2"}


def test_what_slurm_refuses_is_a_mistake_in_one_line(cluster: Cluster, tmp_path: Path):
    grid = ["-m", *RUN, "seed=0,1", *SLURM, "hydra.launcher.partition=none"]
    status, _, errors = Sweep(cluster, tmp_path, *grid).ended()
    assert status == 2
    assert errors.splitlines()[-1].startswith("train.py: hydra/launcher: Slurm takes no jobs: ")
    assert "partition" in errors.splitlines()[-1]
    assert not list(tmp_path.iterdir())
