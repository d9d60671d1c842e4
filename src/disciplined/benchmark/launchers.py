"""What a sweep costs besides training: many short jobs by our launcher and by Hydra's own.

Hydra's basic launcher runs one job after another in its own process, its joblib plugin several in
workers' processes; both hold `disciplined.benchmark.hydra_app`. The first job that raises ends a
sweep of either, and neither skips what is done; that is not timed here.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.sweeps.launchers import QUIET
from disciplined.training.config import TRAIN
from disciplined.training.record import Record

# About two seconds of training on one core.
JOB = [
    "model=three_layer",
    "dataset=digits",
    "total_batch_size=64",
    "duration=150it",
    "evaluate_every=150it",
    "precision=fp32",
    "trainer=cpu",
    "trainer.threads=1",
    "trainer.checkpoint_seconds=3600",
]
OURS = [str(TRAIN), "-m"]
HYDRAS = ["-m", "disciplined.benchmark.hydra_app", "-m", *QUIET]
WAYS: dict[str, tuple[int, list[str]]] = {  # jobs at once, and the command
    "train.py × 1": (1, [*OURS, "hydra.launcher.jobs=1"]),
    "Hydra's basic launcher × 1": (1, HYDRAS),
    "train.py × 2": (2, [*OURS, "hydra.launcher.jobs=2"]),
    "Hydra's joblib launcher × 2": (
        2,
        [*HYDRAS, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    ),
}
LOCAL = ["hydra.launcher.ray.init.address=local", "+hydra.launcher.ray.init.num_cpus=2"]
RAY = [*OURS, "hydra/launcher=ray", *LOCAL]
ON_RAY: dict[str, tuple[int, list[str]]] = {  # what=ray; its cluster is started and ended each time
    "train.py × 2": WAYS["train.py × 2"],
    "train.py on Ray × 2": (2, RAY),
    "train.py on Ray × 2, ten to a task": (
        2,
        [*RAY, "hydra.launcher.runs=10", "hydra.launcher.ray.remote.num_cpus=1"],
    ),
    "bare Ray × 2": (2, ["-m", "disciplined.benchmark.ray_app", "-m"]),
}


@dataclass(frozen=True)
class Sweep:
    """One sweep's seconds. training: of all jobs' updates, over the jobs at once."""

    name: str
    at_once: int
    jobs: int
    wall: float
    training: float

    @property
    def outside(self) -> float:
        """Seconds a job of everything that is not training."""
        return (self.wall - self.training) / self.jobs


def timed(name: str, jobs: int) -> Sweep:
    """Run one sweep of `jobs` jobs from nothing. Raises `Mistake` where it fails."""
    at_once, command = (WAYS | ON_RAY)[name]
    with tempfile.TemporaryDirectory() as folder:
        given = [*JOB, f"seed=range({jobs})", f"output_dir={folder}"]
        if command[:2] == HYDRAS[:2]:
            given.append(f"hydra.sweep.dir={folder}/hydra")
        return swept(name, at_once, jobs, [*command, *given], folder)


def swept(
    name: str, at_once: int, jobs: int, command: list[str], folder: str, *, trains: bool = True
) -> Sweep:
    """Time a command that leaves the records of its jobs under `folder`. trains: whether it does.
    Raises `Mistake` where it fails."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=folder)
    wall = time.perf_counter() - started
    found = [Record(path).finished() for path in Path(folder, "runs").glob("*")]
    seconds = [summary["machine"]["train_seconds"] for summary in found if summary]
    if done.returncode or (trains and len(seconds) != jobs):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Mistake(f"{name}: {len(seconds)} of {jobs} jobs done: {last}")
    return Sweep(name, at_once, jobs, wall, sum(seconds) / at_once)


def measured(
    timed: Callable[[str, int], Sweep],
    names: list[str],
    jobs: int,
    rounds: int,
    tell: Callable[[str], None],
) -> Any:
    """Every way in every round, every other round in the reverse order, as the record has them."""
    found: dict[str, list[Sweep]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            sweep = timed(name, jobs)
            found[name].append(sweep)
            tell(f"{name}: {sweep.wall:.0f} s, {sweep.outside:.2f} s a job outside training")
    return [
        [asdict(sweep) | {"outside": sweep.outside} for sweep in sweeps]
        for sweeps in found.values()
    ]
