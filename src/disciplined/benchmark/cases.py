"""What is timed: a network at a total batch size, on real images, as `train.py` composes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from disciplined.data.images import ImageSet
from disciplined.training import assembly, config, planning

LR = 1e-4  # small, for everybody: only the time is asked for


@dataclass(frozen=True)
class Case:
    """A network of the papers at a total batch size."""

    model: str
    total_batch_size: int
    dataset: str = "cifar10"

    @property
    def name(self) -> str:
        """As the table and the command line have it."""
        return f"{self.model}-{self.total_batch_size}"


CASES = [
    Case("three_layer", 128),
    Case("three_layer", 512),
    Case("lenet", 512, "mnist"),
    Case("superconv_resnet20", 512),
    Case("resnet56", 128),
    Case("resnet56", 512),
    Case("superconv_resnet56", 1000),
]


@dataclass(frozen=True)
class Setting:
    """The machine's side. `compile` (and the precision) are for ours and the bare loop alone."""

    device: str  # cpu or gpu
    threads: int
    data_dir: str
    folder: Path  # for what contenders must write
    compile: bool

    @property
    def torch_device(self) -> torch.device:
        """Where tensors live."""
        return torch.device("cuda" if self.device == "gpu" else "cpu")


def overrides(case: Case, setting: Setting, updates: int) -> list[str]:
    """`train.py`'s settings of a run of so many updates, few images evaluated at its end."""
    return [
        f"model={case.model}",
        f"dataset={case.dataset}",
        "schedule=constant",
        f"schedule.lr={LR}",
        "momentum=constant",
        f"total_batch_size={case.total_batch_size}",
        f"duration={updates}it",
        f"evaluate_every={updates}it",
        "evaluation.images=10",
        "optimizer=nesterov",
        f"trainer={setting.device}",
        f"trainer.threads={setting.threads}",
        f"trainer.compile={'always' if setting.compile else 'never'}",
        "trainer.checkpoint_seconds=3600",
        f"data_dir={setting.data_dir}",
        f"output_dir={setting.folder}",
        "force=true",
    ]


def composed(case: Case, setting: Setting, updates: int) -> DictConfig:
    """The config of such a run."""
    return config.compose(overrides(case, setting, updates))


@dataclass(frozen=True)
class Parts:
    """A case's parts, made by the functions that make a run's."""

    cfg: DictConfig
    plan: planning.Plan
    images: ImageSet
    precision: str

    def network(self) -> torch.nn.Module:
        """The network with the papers' initial values."""
        return assembly.network(self.cfg, self.plan, self.images)

    def pixels(self) -> torch.nn.Module:
        """Bytes to what the network reads."""
        return assembly.pixels(self.cfg, self.images)

    @property
    def autocast(self) -> dict[str, Any]:
        """Arguments of `torch.autocast` for the precision."""
        device = "cuda" if self.cfg.trainer.accelerator.name == "gpu" else "cpu"
        mixed = self.precision.startswith("bf16")
        return {"device_type": device, "dtype": torch.bfloat16, "enabled": mixed}


def parts(case: Case, setting: Setting) -> Parts:
    """The parts of a case. Raises `Mistake` where its data are not in `data_dir`."""
    cfg = composed(case, setting, 1)
    images, _ = assembly.loaded(cfg)
    precision = assembly.chosen_precision(cfg, setting.device)
    return Parts(cfg, planning.plan(cfg), images, precision)
