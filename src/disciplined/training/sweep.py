"""A sweep: every combination of comma-separated values, each job a `train.py` of its own.

Hydra parses the grid and its launchers place the jobs; a job is a child process given its own
overrides, so that one that raises, diverges or is killed costs only itself. Names of what failed
and the highest exit status come back. Hydra's own output folders are switched off.
"""

import subprocess
import sys
import tempfile

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from disciplined.training import settings
from disciplined.training.config import CONF, compose
from disciplined.training.planning import plan

QUIET = ["hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null"]


def main(overrides: list[str]) -> int:
    """Run the grid that `overrides` spans; 0 where every job ended with 0, else the worst one."""
    settings.register()
    ended: list[tuple[str, int]] = []

    @hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
    def job(_cfg: DictConfig) -> int:
        chosen = list(HydraConfig.get().overrides.task)
        plan(compose(chosen))  # a mistake is told before a process is started for it
        status = subprocess.run([sys.executable, str(CONF.parent / "train.py"), *chosen]).returncode
        ended.append((" ".join(chosen), status))
        return status

    arguments = sys.argv
    with tempfile.TemporaryDirectory() as nowhere:  # Hydra writes a multirun.yaml somewhere
        own = [f"hydra.sweep.dir={nowhere}", "hydra.sweep.subdir=."]
        sys.argv = [arguments[0], "--multirun", *QUIET, *own, *overrides]
        try:
            job()
        finally:
            sys.argv = arguments
    for name, status in ended:
        if status:
            print(f"failed with status {status}: {name}", file=sys.stderr)
    return max((abs(status) for _, status in ended), default=0)
