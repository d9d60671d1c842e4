"""The jobs of a sweep and what each of them stands for, without torch.

Hydra's own parser expands comma-separated values, ranges and globs, so that a sweep here is what
`-m` is everywhere.
"""

from dataclasses import dataclass
from functools import cache

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from disciplined.mistakes import Mistake
from disciplined.sweeps import launchers
from disciplined.training.config import CONF, compose
from disciplined.training.own_code import own_code
from disciplined.training.planning import Plan, plan
from disciplined.training.record import Record

# What decides where or how a run is made, not which: the same for every job of a sweep.
ONE_FOR_ALL = ("output_dir", "data_dir", "trainer", "logger", "force", "dry_run")


@dataclass(frozen=True)
class Asked:
    """What a job's overrides ask for."""

    plan: Plan
    force: bool
    dry_run: bool
    own_code: dict[str, str]


@dataclass(frozen=True)
class Place:
    """One job's place in the grid: `train.py`'s overrides, and the values that the sweep varies."""

    overrides: tuple[str, ...]
    varied: dict[str, str]  # key -> value as Hydra writes it (1e-4 is 0.0001), in the order given

    @property
    def asked(self) -> Asked:
        """What it asks for."""
        return asked(self.overrides)

    @property
    def plan(self) -> Plan:
        """The run that it asks for."""
        return self.asked.plan

    @property
    def missing(self) -> bool:
        """Whether there is something to train: no finished record, or one not to be trusted."""
        return self.asked.force or not Record(self.plan.folder).finished()

    @property
    def name(self) -> str:
        """What the user is told: the values that tell this job from the others."""
        return " ".join(f"{key}={value}" for key, value in self.varied.items()) or "one job"


@cache
def asked(overrides: tuple[str, ...]) -> Asked:
    """What a job asks for; composing one takes tens of milliseconds, so each is made once."""
    cfg = compose(list(overrides))
    return Asked(plan(cfg), cfg.force, cfg.dry_run, own_code(cfg))


def expand(overrides: list[str]) -> list[Place]:
    """Every job of the grid that `overrides` span, in Hydra's order, without Hydra's own settings.

    Jobs that ask for the same run are one. Raises `Mistake` for what Hydra cannot parse, for its
    settings that mean nothing here, and for the first job that could not run.
    """
    loader = ConfigLoaderImpl(config_search_path=create_config_search_path(str(CONF)))
    launchers.check([o for o in overrides if o.startswith("hydra")])
    try:
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(overrides)
        batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    except HydraException as error:
        raise Mistake(" ".join(str(error).split())) from error
    jobs = [
        tuple(o for o in job if not o.startswith(("hydra.", "hydra/")))
        for job in (batches[0] if batches else [])
    ]
    if not jobs:
        raise Mistake("a sweep without jobs: one of its values is an empty range")
    return placed(jobs)


def placed(jobs: list[tuple[str, ...]]) -> list[Place]:
    """Each job's place among the others; jobs that ask for one run are one. Raises `Mistake`."""
    columns = [[o.partition("=") for o in job] for job in jobs]
    varied = [i for i, cells in enumerate(zip(*columns, strict=True)) if len(set(cells)) > 1]
    found: dict[str, Place] = {}
    for job, cells in zip(jobs, columns, strict=True):
        place = Place(job, {cells[i][0]: cells[i][2] for i in varied})
        for key in place.varied:
            if key.partition(".")[0] in ONE_FOR_ALL:
                raise Mistake(f"{key}: is the same for every job of a sweep")
        try:
            found.setdefault(place.plan.key, place)
        except Mistake as mistake:
            raise Mistake(f"{place.name}: {mistake}" if place.varied else str(mistake)) from None
    return list(found.values())
