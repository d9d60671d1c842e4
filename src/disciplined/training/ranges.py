"""What the settings' types cannot say: ranges, and settings that exclude each other."""

import re

from disciplined.data.draws import HOLE, MIRRORED, PUNCHED, SHIFTED
from disciplined.mistakes import Mistake
from disciplined.training.resolved import Resolved, missing

TARGETS = (
    *("dataset.load", "model.network", "optimizer"),
    *("schedule", "momentum", "weight_decay", "clipping", "logger"),
)


def check(cfg: Resolved) -> None:
    """Raise `Mistake` for the first setting of a run that cannot be meant."""
    if unset := missing(cfg):
        raise Mistake(f"{unset[0]} is missing: this choice has no value of its own for it; set it")
    for setting in TARGETS:
        node = cfg.at(setting)
        if not isinstance(node, Resolved) or "_target_" not in node:
            raise Mistake(f"{setting}={node}: expected a choice of the group or a _target_")
    positive = {
        "total_batch_size": cfg.total_batch_size,
        "scale": cfg.scale,
        "evaluation.batch_size": cfg.evaluation.batch_size,
        "trainer.devices": cfg.trainer.devices,
        "trainer.num_nodes": cfg.trainer.num_nodes,
        "trainer.accumulate": cfg.trainer.accumulate,
    }
    for setting, value in positive.items():
        if not 0 < value < float("inf"):
            raise Mistake(f"{setting}={value}: expected a positive number")
    if not seed_fits(cfg.seed):
        raise Mistake(f"seed={cfg.seed}: expected a whole number from 0 to {2**32 - 1}")
    if cfg.trainer.workers is not None and cfg.trainer.workers < 0:
        raise Mistake(f"trainer.workers={cfg.trainer.workers}: expected 0 or a positive number")
    if cfg.trainer.threads is not None and cfg.trainer.threads <= 0:
        raise Mistake(f"trainer.threads={cfg.trainer.threads}: expected a positive number")
    if cfg.trainer.strategy not in ("auto", "ddp"):
        raise Mistake(f"trainer.strategy={cfg.trainer.strategy}: expected auto or ddp")
    if cfg.evaluation.images is not None and cfg.evaluation.images <= 0:
        raise Mistake(f"evaluation.images={cfg.evaluation.images}: expected a positive number")
    if not 0 <= cfg.dataset.validation < cfg.dataset.train_images:
        raise Mistake(
            f"dataset.validation={cfg.dataset.validation}: {cfg.dataset.name} has "
            f"{cfg.dataset.train_images} training images to hold out from"
        )
    augmentation(cfg.augmentation.name, cfg.dataset)
    if not re.fullmatch(r"[\w.+-]+", cfg.dataset.name):
        raise Mistake(
            f"dataset.name={cfg.dataset.name}: expected letters, digits and . + - _ (it names "
            "records and their folders)"
        )
    maf, groups = cfg.batch_norm.maf, cfg.batch_norm.groups
    if maf is not None and not 0 <= maf < 1:
        raise Mistake(f"batch_norm.maf={maf}: expected a fraction from 0 to below 1, such as 0.95")
    parts = cfg.trainer.devices * cfg.trainer.num_nodes * cfg.trainer.accumulate
    if cfg.total_batch_size % parts:
        raise Mistake(
            f"total_batch_size={cfg.total_batch_size}: does not divide over {parts} equal parts "
            "(trainer.devices x trainer.num_nodes x trainer.accumulate); change one of them"
        )
    if groups is not None and "batch_norm" in cfg.model.network:
        if groups <= 0 or cfg.total_batch_size % groups:
            raise Mistake(
                f"batch_norm.groups={groups}: does not divide total_batch_size="
                f"{cfg.total_batch_size} into equal groups"
            )
        if groups % parts:
            raise Mistake(
                f"batch_norm.groups={groups}: the groups are counted over all devices and cannot "
                f"be shared by {parts} parts; set batch_norm.groups to a multiple of {parts}"
            )


def seed_fits(seed: int) -> bool:
    """Whether all that is drawn at random can be drawn by this seed."""
    return 0 <= seed < 2**32


def augmentation(name: str, dataset: Resolved) -> None:
    """Raise `Mistake` for an augmentation that the data set's images do not allow."""
    shape = list(dataset.image_shape)
    if name in (*MIRRORED, *SHIFTED) and len(shape) != 3:
        raise Mistake(
            f"augmentation={name}: {dataset.name} is a table, not images; use augmentation=none"
        )
    if name in MIRRORED and not dataset.mirror:
        raise Mistake(
            f"augmentation={name}: a mirrored image of {dataset.name} is no longer of its "
            f"class; use augmentation={'none' if name == 'mirror' else 'crop'}"
        )
    if name in PUNCHED and min(shape[1:]) < 2 * HOLE:
        raise Mistake(
            f"augmentation={name}: a hole of {HOLE}×{HOLE} leaves too little of images of "
            f"{shape[1]}×{shape[2]} ({dataset.name}); use augmentation=mirror_crop"
        )
