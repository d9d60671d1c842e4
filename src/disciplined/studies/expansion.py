"""A study at a scale as runs: overrides for `train.py`, composed once per arm and planned per seed.

No torch. Runs of several studies that ask for the same thing have the same key and are one run.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.studies.study import SCALES, Study, suggestion
from disciplined.training.config import compose
from disciplined.training.planning import Plan, plan

SHORT = 0.1  # a tenth of the iterations
SMOKE_ITERATIONS = 8
SMOKE = {"evaluation.images": 64, "evaluate_every": "0.25dur"}


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
    """The runs of one arm, a seed each. Composes once: only the seed differs."""
    told = study.arms[arm]
    try:
        if scale == "short":
            told = told | {"scale": SHORT}
        elif scale == "smoke":
            told = smoke(told)
        overrides = (*written(told), *places)
        cfg = compose(list(overrides))
        runs = []
        for seed in range(seeds):
            cfg.seed = seed
            runs.append(
                Run(study.id, arm, seed, scale, (*overrides, f"seed={seed}"), plan(cfg))
            )
    except Mistake as error:
        raise Mistake(f"{study.id}: arm {arm}: {error}") from error
    return runs


def smoke(told: dict[str, Any]) -> dict[str, Any]:
    """The arm in a handful of steps on a few images: proves plumbing, never gives a verdict."""
    whole = compose(list(written(told)))
    groups = whole.batch_norm.groups or 1
    small = told | SMOKE | {"total_batch_size": math.lcm(16, groups)}
    cfg = compose(list(written(small)))
    iterations = plan(cfg).iterations
    factor = min(1.0, SMOKE_ITERATIONS / iterations)
    return small | {"scale": factor}


def written(told: dict[str, Any]) -> tuple[str, ...]:
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


def with_places(run: Run, *places: str) -> Run:
    """The run with further overrides that say where or how, not what."""
    return replace(run, overrides=(*run.overrides, *places))
