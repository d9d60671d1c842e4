"""A sweep as Ray's users write one: a task a job, in Ray's own workers, and `ray.get` of them all.

    python -m disciplined.benchmark.ray_app -m model=three_layer 'seed=range(50)'

Trains what `train.py` would; the first job that raises ends it, and nothing is skipped. The
benchmark's peer; nothing else uses it. Two jobs at a time.
"""

import os
import sys

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # see `disciplined.sweeps.ray`

import ray

from disciplined.sweeps.grid import expand


@ray.remote(num_cpus=1)
def train(overrides: tuple[str, ...]) -> int:
    """One job."""
    from disciplined.training.config import compose
    from disciplined.training.run import run

    return run(compose(list(overrides)), quiet=True)


if __name__ == "__main__":
    jobs = [place.overrides for place in expand(sys.argv[2:])]
    ray.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False)
    ray.get([train.remote(job) for job in jobs])
