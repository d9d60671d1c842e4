"""Hydra's launcher for this machine: `hydra/launcher=local`, `hydra.launcher.jobs` at a time.

Hydra looks for launchers in the namespace package `hydra_plugins`; the work is
`disciplined.sweeps.pool`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore

if TYPE_CHECKING:
    from disciplined.sweeps.jobs import Job
    from disciplined.sweeps.pool import Outcome


@dataclass
class LocalSettings:
    """The launcher's settings; `jobs` is how many run at a time, each on its share of the cores
    (and on a GPU of its own while there are as many)."""

    _target_: str = "hydra_plugins.disciplined_local.LocalLauncher"
    jobs: int = 1


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalSettings)


class LocalLauncher:
    """Runs jobs a process each (`disciplined.sweeps.launchers.Launcher`)."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def train(self, jobs: "Sequence[Job]", *, of: int, folder: Path, **told: Any) -> "Outcome":
        """Train them, at most `of` at a time: a run taken up again later, among fewer, must have
        the threads that it began with."""
        from disciplined.sweeps import pool

        return pool.train(jobs, at_once=min(self.jobs, of), **told)
