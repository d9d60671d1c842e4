"""The jobs of a sweep and what each of them stands for, without torch.

Hydra's own parser expands comma-separated values, ranges and globs, so that a sweep here is what
`-m` is everywhere.
"""

from dataclasses import dataclass
from functools import cache

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from disciplined.mistakes import Mistake
from disciplined.training.config import compose
from disciplined.training.planning import Plan, plan


@dataclass(frozen=True)
class Place:
    """One job's place in the grid: `train.py`'s overrides, and the values that the sweep varies."""

    overrides: tuple[str, ...]
    varied: dict[str, str]  # key -> value as written, in the order written

    @property
    def plan(self) -> Plan:
        """The run that it asks for."""
        return planned(self.overrides)

    @property
    def name(self) -> str:
        """What the user is told: the values that tell this job from the others."""
        return " ".join(f"{key}={value}" for key, value in self.varied.items()) or "one job"


@cache
def planned(overrides: tuple[str, ...]) -> Plan:
    """The plan of a job; composing one takes tens of milliseconds, so each is made once."""
    return plan(compose(list(overrides)))


def expand(overrides: list[str]) -> list[Place]:
    """Every job of the grid that `overrides` span, in Hydra's order, without Hydra's own settings.

    Raises `Mistake` for what Hydra cannot parse and for the first job that could not run.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise Mistake(" ".join(str(error).split())) from error
    (batch,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    jobs = [tuple(o for o in job if not o.startswith(("hydra.", "hydra/"))) for job in batch]
    columns = [[o.partition("=") for o in job] for job in jobs]
    varied = [i for i, cells in enumerate(zip(*columns, strict=True)) if len(set(cells)) > 1]
    places = [
        Place(job, {cells[i][0]: cells[i][2] for i in varied})
        for job, cells in zip(jobs, columns, strict=True)
    ]
    for place in places:
        _ = place.plan
    return places
