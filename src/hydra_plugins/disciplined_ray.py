"""Hydra's launcher for Ray: `hydra/launcher=ray`, with hydra-ray-launcher's settings.

Its own launcher is left alone: it asks for the results one by one and ends at the first task that
was lost, with all the others. Settings and defaults: conf/hydra/launcher/ray.yaml.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf


def ray(jobs: int, runs: int, ray: DictConfig) -> Any:
    """The launcher of these settings (`disciplined.sweeps.launchers.Launcher`)."""
    from disciplined.sweeps.elsewhere import Elsewhere
    from disciplined.sweeps.ray import Ray

    init: Any = OmegaConf.to_container(ray.init, resolve=True)
    remote: Any = OmegaConf.to_container(ray.remote, resolve=True)
    if remote["num_cpus"] is None:
        remote["num_cpus"] = jobs
    return Elsewhere(Ray(init, remote), jobs=jobs, runs=runs)
