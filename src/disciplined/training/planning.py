"""A run before it runs: its iterations, schedules and key, worked out without torch.

This is the one place that turns the config's lengths into iterations, and the one that decides
what the key of a record covers.
"""

import hashlib
import inspect
import json
import re
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from disciplined.mistakes import Mistake
from disciplined.optimizers.checks import WITHOUT_MOMENTUM, no_momentum
from disciplined.schedules.lengths import Iterations, in_iterations, in_period
from disciplined.schedules.plateau import Plateau
from disciplined.schedules.segments import Schedule, Segment
from disciplined.schedules.shapes import constant, name
from disciplined.training.evaluations import evaluated
from disciplined.training.ranges import check
from disciplined.training.resolved import Resolved, resolved
from disciplined.training.targets import Lengths, arguments, located

# Leaves at these values are left out of the key, so that a new setting orphans no old record.
NEUTRAL: dict[str, Any] = {
    "validation": 0,
    "train_size": None,
    "augmentation": "none",
    "order": "shuffled",
    "precision": "auto",
    "evaluation_protocol": "full",
    "evaluation_images": None,
    "clipping": None,
    "curvature_every": None,
}

# What a policy of the learning rate calls its values where it drives something else.
NAMES = {"value": "lr", "end": "end_lr", "low": "base_lr", "high": "max_lr"}

CHOICES = Path(__file__).parents[3] / "conf" / "dataset"
WHERE = ("data_dir", "download")  # of a loader: where its data lie
FILES = ("file", "test_file")  # likewise, of the reader's own, which are counted
LONGEST = 10**8  # updates; the papers' longest run has 80,000


@dataclass(frozen=True)
class Plan:
    """What a config asks for, in iterations.

    `asked` is the canonical form that the key hashes; `key` names the record, `setting` is the
    same hash without the seed (what a study repeats), `trained` without what is measured how often
    either (what a number was published for). `images` counts training images seen, `evaluated`
    those that are evaluated.
    """

    name: str
    iterations: int
    evaluate_every: int
    curvature_every: int | None
    total_batch_size: int
    train_images: int
    evaluated: int
    augmentation: str
    learning_rate: Schedule | Plateau
    momentum: Schedule
    weight_decay: Schedule
    clipping: Schedule | None
    batch_norm_maf: float | None
    asked: dict[str, Any]
    key: str
    setting: str
    trained: str
    folder: Path

    @property
    def epochs(self) -> float:
        """Passes over the training images."""
        return self.images / self.train_images

    @property
    def images(self) -> int:
        """Training images seen, an image counted each time."""
        return self.iterations * self.total_batch_size

    @property
    def iterations_per_epoch(self) -> float:
        """Not a whole number: batches straddle epochs."""
        return self.train_images / self.total_batch_size

    def seeded(self, seed: int) -> "Plan":
        """The same with another seed, which decides nothing but the key."""
        asked = {**self.asked, "seed": seed}
        key = f"{self.name}-{digest(asked)}"
        rate = copy(self.learning_rate)  # a plateau learns of its own run
        folder = self.folder.with_name(key)
        return replace(self, asked=asked, key=key, folder=folder, learning_rate=rate)


def plan(cfg: DictConfig | Resolved) -> Plan:
    """The plan of a composed config. Raises `Mistake` for settings that cannot be meant."""
    cfg = resolved(cfg)
    check(cfg)
    train_images = cfg.dataset.train_images - cfg.dataset.validation
    if cfg.train_size is not None:
        if not 0 < cfg.train_size <= train_images:
            raise Mistake(
                f"train_size={cfg.train_size}: {cfg.dataset.name} has {train_images} training "
                "images to choose from"
            )
        train_images = cfg.train_size
    scale = Fraction(str(cfg.scale))

    def lengths(duration: int | None) -> Lengths:
        return lambda kind, text, setting: (in_iterations if kind == Iterations else in_period)(
            text,
            setting=setting,
            images=train_images,
            total_batch_size=cfg.total_batch_size,
            duration=duration,
            scale=scale,
        )

    iterations = lengths(None)(Iterations, cfg.duration, "duration")
    if iterations > LONGEST:
        raise Mistake(f"duration={cfg.duration}: {iterations:,} updates; at most {LONGEST:,}")
    evaluate_every = lengths(iterations)(Iterations, cfg.evaluate_every, "evaluate_every")
    curvature(cfg.curvature_every, iterations)
    given = {
        "duration": iterations,
        "epochs": float(iterations * cfg.total_batch_size / train_images / scale),
        "scale": float(scale),
    }
    schedules = {
        setting: schedule(cfg[setting], setting, lengths(iterations), given)
        for setting in ("schedule", "momentum", "weight_decay", "clipping")
    }
    for setting, found in schedules.items():
        if not isinstance(found, Plateau):
            continue
        if setting != "schedule":
            raise Mistake(f"{setting}: only the learning rate can wait for a plateau")
        if found.monitor.startswith("val_") and not cfg.dataset.validation:
            raise Mistake(
                f"schedule.monitor={found.monitor}: no images are held out; set "
                "dataset.validation to some of the training images, or monitor train_loss"
            )
    clipping = schedules["clipping"]
    if isinstance(clipping, Schedule) and (clipping.values(np.arange(iterations)) <= 0).any():
        raise Mistake("clipping: a limit of 0 leaves nothing of a gradient; expected more than 0")
    if cfg.optimizer._target_ in WITHOUT_MOMENTUM:
        for segment in schedules["momentum"].segments:  # pyright: ignore
            no_momentum(segment.start or segment.end)
    augmentation = cfg.augmentation.name
    if augmentation == "auto":
        augmentation = cfg.model.suggested.augmentation if cfg.dataset.mirror else "none"
    # A run of a tenth of the length averages over a tenth of the batches (reference 3).
    maf = cfg.batch_norm.maf
    if maf is not None and scale != 1:
        maf = maf ** float(1 / scale)
    network = dict(cfg.model.network)
    if isinstance(network.get("batch_norm"), dict):
        network["batch_norm"] = {
            **network["batch_norm"],
            "maf": maf,
            "evaluate": cfg.batch_norm.evaluate.name,
        }
    asked = {
        "dataset": cfg.dataset.name,
        "validation": cfg.dataset.validation,
        "train_size": cfg.train_size,
        "augmentation": augmentation,
        "order": cfg.dataset.order.name,
        "network": network,
        "input": cfg.model.input,
        "optimizer": cfg.optimizer,
        **{setting: canonical(found) for setting, found in schedules.items()},
        "iterations": iterations,
        "total_batch_size": cfg.total_batch_size,
        "evaluate_every": evaluate_every,
        "curvature_every": cfg.curvature_every,
        "evaluation_protocol": cfg.evaluation.protocol.name,
        "evaluation_images": cfg.evaluation.images,
        "precision": cfg.precision.name,
    }
    if (loader := other_loader(cfg)) is not None:
        asked["load"] = loader
    images = [cfg.dataset.train_images, cfg.dataset.test_images]
    if images != own_images(cfg.dataset.name):  # its name says less than a published set's
        asked["images"] = images
    if cfg.dataset.digest is not None:
        asked["data"] = cfg.dataset.digest
    if cfg.evaluation.protocol.name == "as_published":
        asked["published_test"] = cfg.model.published_test
    if isinstance(network.get("batch_norm"), dict) and cfg.batch_norm.evaluate.name == "batch":
        asked["evaluation_batch_size"] = cfg.evaluation.batch_size
    asked = {k: v for k, v in asked.items() if k not in NEUTRAL or v != NEUTRAL[k]}
    policy = cfg.schedule._target_.rpartition(".")[2].lower()
    title = f"{cfg.model.name}-{cfg.dataset.name}-{policy}"
    key = f"{title}-{digest({**asked, 'seed': cfg.seed})}"
    return Plan(
        name=title,
        iterations=iterations,
        evaluate_every=evaluate_every,
        curvature_every=cfg.curvature_every,
        total_batch_size=cfg.total_batch_size,
        train_images=train_images,
        evaluated=evaluated(cfg, iterations, evaluate_every),
        augmentation=augmentation,
        learning_rate=schedules["schedule"],  # pyright: ignore
        momentum=schedules["momentum"],  # pyright: ignore
        weight_decay=schedules["weight_decay"],  # pyright: ignore
        clipping=schedules["clipping"],  # pyright: ignore
        batch_norm_maf=maf,
        asked={**asked, "seed": cfg.seed},
        key=key,
        setting=digest(asked),
        trained=digest(trained(asked, schedules["schedule"])),
        folder=Path(cfg.output_dir) / "runs" / key,
    )


def curvature(every: int | None, iterations: int) -> None:
    """Raise `Mistake` unless a run of so many iterations has three iterates to compare."""
    if every is not None and not 0 < every <= iterations // 3:
        raise Mistake(
            f"curvature_every={every}: expected a whole number from 1 to {iterations // 3} (three "
            f"iterates within {iterations:,} iterations), or null"
        )


def other_loader(cfg: Resolved) -> dict[str, Any] | None:
    """How the data are loaded where that is not the choice's own; where they lie is no matter."""
    where = WHERE if cfg.dataset.count is None else (*WHERE, *FILES)
    load = {k: v for k, v in cfg.dataset.load.items() if k not in where}
    own = choice(cfg.dataset.name)
    return None if own and load == {"_target_": own.load._target_} else load


def own_images(dataset: str) -> list[int] | None:
    """Training and test images that `conf/dataset/<dataset>.yaml` declares."""
    own = choice(dataset)
    return [own.train_images, own.test_images] if own else None


@cache
def choice(dataset: str) -> Any:
    """What `conf/dataset/<dataset>.yaml` says; None where there is none."""
    path = CHOICES / f"{dataset}.yaml"
    return OmegaConf.load(path) if path.is_file() else None


def trained(asked: dict[str, Any], rate: Schedule | Plateau | None) -> dict[str, Any]:
    """What decides the weights: how often a run is measured does so only on a plateau."""
    left_out = ("curvature_every", *(() if isinstance(rate, Plateau) else ("evaluate_every",)))
    return {k: v for k, v in asked.items() if k not in left_out}


def schedule(
    node: Resolved,
    setting: str,
    lengths: Lengths,
    given: dict[str, Any],
) -> Schedule | Plateau | None:
    """The schedule that a config node names; None for none.

    given: what the run knows and a policy may ask for: its `duration` in iterations, the `epochs`
    it had before it was shortened, and the `scale` that shortened it. A policy of the learning rate
    may drive another hyper-parameter (`NAMES`); what it refuses is told by the setting's own name.
    """
    if node._target_ is None:
        if setting != "clipping":
            raise Mistake(f"{setting}._target_=null: expected a policy; only clipping may be none")
        return None
    function = located(node._target_, f"{setting}._target_")
    parameters = inspect.signature(function).parameters
    renamed = {
        ours: theirs
        for ours, theirs in NAMES.items()
        if setting != "schedule" and theirs in parameters and ours not in parameters
    }
    values = arguments(
        function,
        {renamed.get(k, k): v for k, v in node.items()},
        setting,
        lengths=lengths,
        given=given,
    )
    try:
        found = function(**values)
    except Mistake as mistake:
        raise Mistake(
            told_of(setting, str(mistake), [p for p in parameters if p not in given], renamed)
        ) from mistake
    if not isinstance(found, Schedule | Plateau):
        raise Mistake(
            f"{setting}._target_={node._target_}: gives {type(found).__name__}, not a Schedule; "
            "a function of the iteration is for disciplined.schedules.own.own to tabulate"
        )
    return found


def told_of(setting: str, text: str, parameters: list[str], renamed: dict[str, str]) -> str:
    """What a policy said of its parameters (`lr=-1: …`) as said of the settings they came from."""
    ours = {theirs: ours for ours, theirs in renamed.items()}
    names = "|".join(parameters)
    if not names:
        return text
    text = re.sub(rf"\b({names})=", lambda m: f"{setting}.{ours.get(m[1], m[1])}=", text)
    for theirs, name_here in ours.items():  # and where it only advises
        text = re.sub(rf"(?<![.\w]){theirs}\b(?!=)", name_here, text)
    return text


def canonical(schedule: Schedule | Plateau | None) -> Any:
    """A schedule as its segments: two policies that come to the same ones share a key.

    A constant is one however long it is said to last. A plateau is its settings: what it comes to
    is known when it has run.
    """
    if schedule is None:
        return None
    if isinstance(schedule, Plateau):
        return {"plateau": schedule.settings()}
    segments = schedule.segments
    if len(segments) == 1 and segments[0].shape is constant:
        segments = (Segment.constant(segments[0].start, 1),)
    return [[*s[:-1], name(s.shape)] for s in segments]


def digest(asked: dict[str, Any]) -> str:
    """Twelve hexadecimal digits over the canonical JSON of `asked`."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
