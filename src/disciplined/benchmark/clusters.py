"""What a sweep on a cluster costs besides training, beside jobs of the bare engine that do nothing.

Timed where the engine runs; on one host, with the tests' cluster:

    python tests/cluster/slurm.py python scripts/benchmark.py what=clusters jobs=16
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from disciplined.benchmark.launchers import JOB, OURS, Sweep
from disciplined.mistakes import Mistake
from disciplined.sweeps.shares import cores
from disciplined.training.record import Record

SLURM = [*OURS, "hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1"]
# As submitit's README has it; what a job costs that does nothing.
BARE_SUBMITIT = """
import sys, submitit
executor = submitit.AutoExecutor(sys.argv[1], cluster="slurm")
executor.update_parameters(timeout_min=10, cpus_per_task=1, name="disciplined")
jobs = executor.map_array(abs, range(int(sys.argv[2])))
print([job.result() for job in jobs])
"""
WAYS: dict[str, list[str]] = {
    "bare submitit, jobs that do nothing": ["-c", BARE_SUBMITIT],
    "train.py on Slurm, a run an allocation": SLURM,
    "train.py on Slurm, 8 runs an allocation": [*SLURM, "hydra.launcher.runs=8"],
}


def timed(name: str, jobs: int) -> Sweep:
    """One sweep of `jobs` jobs from nothing. Raises `Mistake` where it fails."""
    if shutil.which("sbatch") is None:
        raise Mistake("what=clusters: Slurm is not installed here (no sbatch)")
    command = WAYS[name]
    with tempfile.TemporaryDirectory() as folder:
        bare = command[0] == "-c"
        given = [folder, str(jobs)] if bare else [*JOB, f"seed=range({jobs})"]
        given += [] if bare else [f"output_dir={folder}"]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *command, *given], capture_output=True, text=True, cwd=folder
        )
        wall = time.perf_counter() - started
        found = [Record(path).finished() for path in Path(folder, "runs").glob("*")]
        seconds = [summary["machine"]["train_seconds"] for summary in found if summary]
    if done.returncode or (not bare and len(seconds) != jobs):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise Mistake(f"{name}: {len(seconds)} of {jobs} jobs done: {last}")
    at_once = len(cores())
    return Sweep(name, at_once, jobs, wall, sum(seconds) / at_once)
