"""A training script as Hydra's users write it: its `main` is a job, called by Hydra's launchers.

    python -m disciplined.benchmark.hydra_app -m model=three_layer seed=0,1 [hydra/launcher=joblib]

Trains what `train.py` would, in Hydra's own process or joblib's. The benchmark's peer; nothing else
uses it.
"""

import hydra
from omegaconf import DictConfig, OmegaConf

from disciplined.training import settings
from disciplined.training.config import CONF
from disciplined.training.run import run

settings.register()


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(cfg: DictConfig) -> None:
    """One job."""
    OmegaConf.resolve(cfg)
    run(cfg, quiet=True)


if __name__ == "__main__":
    main()
