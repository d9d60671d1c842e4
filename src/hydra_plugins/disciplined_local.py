"""Hydra's launcher for this machine: `hydra/launcher=local`, `hydra.launcher.jobs` at a time.

The work is `disciplined.sweeps.pool`'s. Every program with Hydra imports what is in the namespace
package `hydra_plugins`: nothing is stored here, but by `disciplined.sweeps.launchers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disciplined.sweeps.jobs import Job
    from disciplined.sweeps.pool import Outcome


@dataclass
class LocalSettings:
    """The launcher's settings; `jobs` is how many run at a time, each on its share of the cores
    and of the GPUs (one for several runs where there are fewer)."""

    _target_: str = "hydra_plugins.disciplined_local.LocalLauncher"
    jobs: int = 1


class LocalLauncher:
    """Runs jobs a process each (`disciplined.sweeps.launchers.Launcher`)."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def train(self, jobs: "Sequence[Job]", *, of: int, folder: Path, **told: Any) -> "Outcome":
        """Train them, at most `of` at a time: a run taken up again later, among fewer, must have
        the threads that it began with."""
        from disciplined.sweeps import pool

        return pool.train(jobs, at_once=min(self.jobs, of), **told)
