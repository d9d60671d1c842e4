"""Hydra's launcher for Slurm: `hydra/launcher=submitit_slurm`, hydra-submitit-launcher's settings.

Two more: `hydra.launcher.runs` runs share an allocation, `hydra.launcher.jobs` of them at a time.
What its own launcher does is left to `disciplined.sweeps.slurm`: it ends at the first job that is
lost, and waits for ever for a job that was killed where Slurm keeps no accounts. Under its name, as
what a laboratory has written for it goes on to be right; but only in our commands
(`disciplined.sweeps.launchers.store`).
"""

from dataclasses import dataclass, fields
from typing import Any

SETTINGS: dict[str, type] = {}  # the launcher's, by its name, where it is installed

try:
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf, SlurmQueueConf
except ImportError:
    pass
else:

    @dataclass
    class SlurmSettings(SlurmQueueConf):
        """hydra-submitit-launcher's settings, of the same name, and what an allocation holds.

        A time limit saves and goes on in a new allocation, as often as it takes.
        """

        _target_: str = "hydra_plugins.disciplined_slurm.slurm"
        max_num_timeout: int = 1000
        jobs: int = 1
        runs: int = 1

    SETTINGS["submitit_slurm"] = SlurmSettings


def slurm(jobs: int, runs: int, submitit_folder: str, max_num_timeout: int, **asked: Any) -> Any:
    """The launcher of these settings (`disciplined.sweeps.launchers.Launcher`)."""
    from disciplined.sweeps.elsewhere import Elsewhere
    from disciplined.sweeps.slurm import Slurm

    general = {field.name for field in fields(BaseQueueConf)}
    parameters = {
        name if name in general else f"slurm_{name}": value
        for name, value in asked.items()
        if value is not None
    }
    return Elsewhere(Slurm(submitit_folder, max_num_timeout, parameters), jobs=jobs, runs=runs)
