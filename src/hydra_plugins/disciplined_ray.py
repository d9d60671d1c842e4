"""Hydra's launcher for a Ray cluster: `hydra/launcher=ray` (conf/hydra/launcher/ray.yaml).

Imported with every other launcher whenever Hydra starts, so Ray is not; the work is
`disciplined.sweeps.on_ray`'s.
"""

import functools
import sys
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from disciplined.ending import MISTAKE
from disciplined.mistakes import Mistake


class RayLauncher(Launcher):
    """Sends the jobs that have no finished record to Ray, a task each."""

    def __init__(self, ray: DictConfig) -> None:
        self.init = mapping(ray.init)
        self.remote = mapping(ray.remote)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Nothing to keep: a job is its overrides."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Train what is missing; exits with 2 for a mistake in Ray's settings, and with 128 + the
        signal where one ends the sweep."""
        from disciplined.sweeps import local, on_ray

        train = functools.partial(on_ray.train, init=self.init, remote=self.remote)
        try:
            stopped = local.trained([tuple(o) for o in job_overrides], train)
        except Mistake as mistake:  # of which Hydra would make a fault
            print(f"train.py: {mistake}", file=sys.stderr)
            sys.exit(MISTAKE)
        if stopped:
            sys.exit(128 + stopped)
        return [
            JobReturn(overrides=list(o), status=JobStatus.COMPLETED, _return_value=None)
            for o in job_overrides
        ]


def mapping(settings: DictConfig) -> dict[str, Any]:
    """A part of the settings, as Ray takes it."""
    return OmegaConf.to_container(settings, resolve=True)  # pyright: ignore
