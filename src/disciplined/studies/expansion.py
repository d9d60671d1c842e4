"""A study at a scale as runs: overrides for `train.py`, composed once per arm and planned per seed.

No torch. Runs of several studies that ask for the same thing have the same key and are one run.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from disciplined.checks import suggestion
from disciplined.mistakes import Mistake
from disciplined.studies.arms import Overrides
from disciplined.studies.index_file import keys
from disciplined.studies.study import SCALES, Study
from disciplined.training.composing import composed
from disciplined.training.planning import Plan, plan

SHORT = 0.1  # a tenth of the iterations
SMOKE_ITERATIONS, SMOKE_BATCH = 8, 16
SMOKE: Overrides = {"evaluation.images": 64, "evaluate_every": "0.25dur"}
STREAMED = "imagenet"  # too large to be everywhere: at smoke a part of it will do


@dataclass(frozen=True)
class Run:
    """One run of a study: what `train.py` would be told, and what comes of it.

    `key` names its record and `folder` is where that goes; `images` counts those trained on.
    """

    study: str
    arm: str
    seed: int
    scale: str
    overrides: tuple[str, ...]
    key: str
    folder: Path
    iterations: int
    images: int
    train_images: int
    made: Plan | None = field(default=None, repr=False, compare=False)

    @cached_property
    def plan(self) -> Plan:
        """With its schedules; composed where the run came from the index, a tenth of a second."""
        return self.made or planned(self.overrides[:-1]).seeded(self.seed)


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
    names = list(study.arms) if arms is None else arms
    for arm in names:
        if arm not in study.arms:
            raise Mistake(f"arms={arm}: {suggestion(arm, ['primary', 'all', *study.arms])}")
    count = study.seeds[scale] if seeds is None else seeds
    by_arm = [expand_arm(study, arm, scale, count, places) for arm in names]
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
        first = plan(cfg)
        runs = []
        for seed in range(seeds):
            made = first.seeded(seed)
            runs.append(
                Run(
                    *(study.id, arm, seed, scale, (*overrides, f"seed={seed}")),
                    *(made.key, made.folder, made.iterations, made.images, made.train_images),
                    made=made,
                )
            )
    except Mistake as error:
        raise Mistake(f"{study.id}: arm {arm}: {error}") from error
    return runs


def indexed(
    study: Study,
    told: dict[str, Any],
    scale: str,
    *,
    seeds: int | None = None,
    places: tuple[str, ...] = (),
) -> list[Run] | None:
    """The same runs as `expand` gives, from the study's part of the index and without Hydra.

    None where the index cannot say: more seeds than it holds, or `smoke`, whose overrides it lacks.
    """
    count = study.seeds[scale] if seeds is None else seeds
    arms = told["scales"][scale]
    if scale == "smoke" or any(count > len(keys(arm)) for arm in arms.values()):
        return None
    output = [p.partition("=")[2] for p in places if p.startswith("output_dir=")]
    folder = Path(*output[-1:] or ["outputs"]) / "runs"
    runs = []
    for name, arm in arms.items():
        overrides = (
            *written(study.arms[name]),
            *(written({"scale": SHORT}) if scale == "short" else ()),
            *places,
        )
        for seed, key in enumerate(keys(arm, count)):
            runs.append(
                Run(
                    *(study.id, name, seed, scale, (*overrides, f"seed={seed}"), key, folder / key),
                    *(arm["iterations"], arm["images"], arm["train_images"]),
                )
            )
    return sorted(runs, key=lambda run: run.seed)


@lru_cache(maxsize=256)
def planned(overrides: tuple[str, ...]) -> Plan:
    """The plan of these overrides, kept as well."""
    return plan(composed(overrides))


def scaled(cfg: DictConfig, scale: str) -> Overrides:
    """What a scale overrides in an arm's config: smoke is a handful of steps on a few images."""
    if scale == "paper":
        return {}
    if scale == "short":
        return {"scale": SHORT}
    batch = math.lcm(SMOKE_BATCH, cfg.batch_norm.groups or 1)
    small = cfg.copy()
    small.total_batch_size, small.evaluate_every = batch, SMOKE["evaluate_every"]
    small.curvature_every = None
    factor = min(1.0, SMOKE_ITERATIONS / plan(small).iterations)
    # three iterates must fit into a handful of steps
    close: Overrides = {} if cfg.curvature_every is None else {"curvature_every": 1}
    part: Overrides = {"dataset.part": True} if cfg.dataset.name == STREAMED else {}
    return SMOKE | part | {"total_batch_size": batch, "scale": factor} | close


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
