"""A study at a scale as runs: overrides for `train.py`, composed once per arm and planned per seed.

No torch. Runs of several studies that ask for the same thing have the same key and are one run.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from disciplined.mistakes import Mistake
from disciplined.studies.arms import Overrides
from disciplined.studies.checks import suggestion
from disciplined.studies.study import SCALES, Study
from disciplined.training.config import compose
from disciplined.training.planning import Plan, plan

SHORT = 0.1  # a tenth of the iterations
SMOKE_ITERATIONS, SMOKE_BATCH = 8, 16
SMOKE: Overrides = {"evaluation.images": 64, "evaluate_every": "0.25dur"}


@dataclass(frozen=True)
class Run:
    """One run of a study: what `train.py` would be told, and what comes of it."""

    study: str
    arm: str
    seed: int
    scale: str
    overrides: tuple[str, ...]
    plan: Plan

    @property
    def key(self) -> str:
        """The record's name."""
        return self.plan.key


def expand(
    study: Study,
    scale: str,
    *,
    arms: list[str] | None = None,
    seeds: int | None = None,
    places: tuple[str, ...] = (),
) -> list[Run]:
    """The runs of `study`, seed 0 of every arm first, so that a part of them is balanced.

    arms: all where None. seeds: runs per arm; the study's own number where None. places: further
    overrides that say where things are (`data_dir=…`), never what is computed.
    Raises Mistake, naming study and arm, where an arm's overrides do not compose.
    """
    if scale not in SCALES:
        raise Mistake(f"scale={scale}: {suggestion(scale, list(SCALES))}")
    if study.sketch:  # drawn from its schedules; nothing to train
        return []
    chosen = list(study.arms) if arms is None else arms
    for arm in chosen:
        if arm not in study.arms:
            raise Mistake(f"arms={arm}: {suggestion(arm, ['primary', 'all', *study.arms])}")
    count = study.seeds[scale] if seeds is None else seeds
    by_arm = [expand_arm(study, arm, scale, count, places) for arm in chosen]
    return [runs[seed] for seed in range(count) for runs in by_arm]


def expand_arm(
    study: Study, arm: str, scale: str, seeds: int, places: tuple[str, ...] = ()
) -> list[Run]:
    """The runs of one arm, a seed each. Composes once: scale and seed are plain keys."""
    told = written(study.arms[arm])
    try:
        cfg = composed((*told, *places)).copy()
        further = scaled(cfg, scale)
        for key, value in further.items():
            OmegaConf.update(cfg, key, value)
        overrides = (*told, *written(further), *places)
        runs = []
        for seed in range(seeds):
            cfg.seed = seed
            runs.append(Run(study.id, arm, seed, scale, (*overrides, f"seed={seed}"), plan(cfg)))
    except Mistake as error:
        raise Mistake(f"{study.id}: arm {arm}: {error}") from error
    return runs


@lru_cache(maxsize=256)
def composed(overrides: tuple[str, ...]) -> DictConfig:
    """The config of these overrides, kept: Hydra takes a tenth of a second. Not to be changed."""
    return compose(list(overrides))


def scaled(cfg: DictConfig, scale: str) -> Overrides:
    """What a scale overrides in an arm's config: smoke is a handful of steps on a few images."""
    if scale == "paper":
        return {}
    if scale == "short":
        return {"scale": SHORT}
    batch = math.lcm(SMOKE_BATCH, cfg.batch_norm.groups or 1)
    small = cfg.copy()
    small.total_batch_size, small.evaluate_every = batch, SMOKE["evaluate_every"]
    factor = min(1.0, SMOKE_ITERATIONS / plan(small).iterations)
    return SMOKE | {"total_batch_size": batch, "scale": factor}


def at_any_precision(study: Study, arm: str) -> Plan:
    """The arm at paper scale at the machine's own precision, as a bare `train.py` asks for it."""
    cfg = composed(written(study.arms[arm])).copy()
    OmegaConf.update(cfg, "precision", "auto")
    return plan(cfg)


def written(told: Overrides) -> tuple[str, ...]:
    """Overrides as the command line writes them; group choices first, as Hydra needs them."""
    ordered = sorted(told.items(), key=lambda item: "." in item[0])
    return tuple(f"{key}={value_text(value)}" for key, value in ordered)


def value_text(value: Any) -> str:
    """A YAML value in Hydra's override grammar."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(value_text, value))}]"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def distinct(runs: list[Run]) -> list[Run]:
    """The same runs with every key once, the first to ask for it kept."""
    return list({run.key: run for run in reversed(runs)}.values())[::-1]
