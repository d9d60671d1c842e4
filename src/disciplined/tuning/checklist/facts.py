"""What the steps must know of the model and data set chosen. No torch."""

from dataclasses import dataclass
from typing import Any

from disciplined.tuning.checklist.options import given

HELD_OUT = 10  # one of so many training images, where the command says nothing


@dataclass(frozen=True)
class Facts:
    """What the steps must know of the model and data set chosen.

    train_images: those trained on, without the `validation` images held out. max_lr, weight_decay:
    the model's suggestions; `weight_decay.value` of the command before it. maf: batch norm's
    moving-average fraction.
    """

    train_images: int
    validation: int
    total_batch_size: int
    classes: int
    max_lr: float
    weight_decay: float
    maf: float | None = None


def of(cfg: Any, overrides: list[str]) -> Facts:
    """What there is to know of a composed config."""
    dataset, suggested = cfg.dataset, cfg.model.suggested
    held_out = dataset.validation or max(dataset.train_images // HELD_OUT, dataset.classes)
    decay = given(overrides, "weight_decay.value")
    return Facts(
        train_images=cfg.train_size or dataset.train_images - held_out,
        validation=held_out,
        total_batch_size=cfg.total_batch_size,
        classes=dataset.classes,
        max_lr=float(suggested.max_lr),
        weight_decay=float(suggested.weight_decay) if decay is None else float(decay),
        maf=cfg.batch_norm.maf,
    )
