"""What a sweep on a cluster costs besides training, beside jobs of the bare engine that do nothing.

Timed where the engine runs; on one host, with the tests' cluster:

    python tests/cluster/slurm.py python scripts/benchmark.py what=clusters jobs=16
"""

import shutil
import tempfile

from disciplined.benchmark.launchers import JOB, OURS, Sweep, swept
from disciplined.mistakes import Mistake
from disciplined.sweeps.shares import cores

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
        return swept(name, len(cores()), jobs, [*command, *given], folder, trains=not bare)
