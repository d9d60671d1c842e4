"""The types of the config's keys, as Hydra checks them; `conf/train.yaml` holds the values.

Nodes with a `_target_` (schedules, networks, optimisers) are typed by the signature they call
(`disciplined.training.targets`), so that a new one needs no entry here.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore

Precision = Enum("Precision", ["auto", "fp32", "bf16"])
Augmentation = Enum("Augmentation", ["auto", "none", "mirror", "crop", "mirror_crop", "cutout"])
Order = Enum("Order", ["shuffled", "file"])
Statistics = Enum("Statistics", ["running", "batch"])
Protocol = Enum("Protocol", ["full", "as_published"])
Accelerator = Enum("Accelerator", ["auto", "cpu", "gpu"])
Compile = Enum("Compile", ["auto", "always", "never"])


@dataclass
class DatasetSettings:
    """A data set as the config sees it: its loader and what can be known without loading it.

    Of a set of the reader's own `count` tells what is null here; `digest` stands for its contents
    in a record's key. `part`: fewer pictures than there are, of fewer classes, will do to see that
    all fits together; they are repeated to the number declared.
    """

    name: str = "???"
    load: Any = None
    count: Any = None
    digest: str | None = None
    image_shape: list[int] | None = None
    classes: int | None = None
    train_images: int | None = None
    test_images: int | None = None
    validation: int = 0
    mirror: bool = False
    order: Order = Order.shuffled
    part: bool = False


@dataclass
class BatchNormSettings:
    """The papers' batch norm; both nulls for a network that has none."""

    maf: float | None = None
    groups: int | None = None
    evaluate: Statistics = Statistics.running


@dataclass
class EvaluationSettings:
    """How test and validation images are evaluated."""

    protocol: Protocol = Protocol.full
    images: int | None = None
    batch_size: int = 500


@dataclass
class TrainerSettings:
    """The machine's side of a run: nothing here changes what the run is asked to compute."""

    accelerator: Accelerator = Accelerator.auto
    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"
    threads: int | None = None
    accumulate: int = 1
    workers: int | None = None
    compile: Compile = Compile.auto
    checkpoint_seconds: float = 60


@dataclass
class Settings:
    """The top-level keys of a run."""

    duration: str = "???"
    total_batch_size: int = 0
    seed: int = 0
    evaluate_every: str = "1ep"
    curvature_every: int | None = None
    train_size: int | None = None
    augmentation: Augmentation = Augmentation.auto
    precision: Precision = Precision.auto
    scale: float = 1.0
    data_dir: str = "data"
    output_dir: str = "outputs"
    dry_run: bool = False
    force: bool = False
    dataset: DatasetSettings = field(default_factory=DatasetSettings)
    model: Any = None
    optimizer: Any = None
    schedule: Any = None
    momentum: Any = None
    weight_decay: Any = None
    clipping: Any = None
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    logger: Any = None
    recipe: Any = None
    batch_norm: BatchNormSettings = field(default_factory=BatchNormSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)


def register() -> None:
    """Make the types known to Hydra under the name that `conf/train.yaml` begins with."""
    ConfigStore.instance().store(name="settings", node=Settings)
