"""Hydra's launcher for this machine: `hydra/launcher=local`, `hydra.launcher.jobs` at a time.

Hydra looks for launchers in the namespace package `hydra_plugins`; the work is
`disciplined.sweeps.pool`'s.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class LocalSettings:
    """The launcher's settings; `jobs` is how many run at a time, each on its share of the cores
    (and on a GPU of its own while there are as many)."""

    _target_: str = "hydra_plugins.disciplined_local.LocalLauncher"
    jobs: int = 1


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalSettings)


class LocalLauncher(Launcher):
    """Runs the jobs that have no finished record, a process each."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Nothing to keep: a job is its overrides."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Train what is missing; exits with 128 + the signal where one ends the sweep."""
        from disciplined.sweeps import local

        stopped = local.launch([tuple(o) for o in job_overrides], self.jobs)
        if stopped:
            sys.exit(128 + stopped)
        return [
            JobReturn(overrides=list(o), status=JobStatus.COMPLETED, _return_value=None)
            for o in job_overrides
        ]
