"""The author's training logs in small: at most 100 points a curve, in the repository.

`conf/author/index.yaml` says where each comes from, how its full log ends, and how much its last
tests still vary; a clone needs nothing else to draw and judge against them.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from disciplined.checks import suggestion
from disciplined.mistakes import Mistake
from disciplined.training.rows import read_rows

FOLDER = Path(__file__).parents[3] / "conf" / "author"


@dataclass(frozen=True)
class Log:
    """One of the author's single runs.

    columns: by name, NaN where not logged. final, late_std: the last test of the full log and the
    standard deviation of its last six, by metric. iterations: planned, the log may end before.
    """

    name: str
    columns: dict[str, np.ndarray]
    final: dict[str, float]
    late_std: dict[str, float]
    iterations: int


@cache
def index() -> dict[str, dict[str, Any]]:
    """What is known of every log, by name."""
    found = OmegaConf.to_container(OmegaConf.load(FOLDER / "index.yaml"))
    assert isinstance(found, dict)
    return {str(name): told for name, told in found.items()}


def log(name: str) -> Log:
    """The author's log of this name. Raises Mistake for an unknown one."""
    if name not in index():
        raise Mistake(f"author: no log {name}; {suggestion(name, list(index()))}")
    told = index()[name]
    rows = read_rows(FOLDER / f"{name}.csv")
    columns = {
        key: np.array([np.nan if r[key] is None else float(r[key]) for r in rows])  # type: ignore[arg-type]
        for key in rows[0]
    }
    return Log(name, columns, told["final"], told["late_std"], told["iterations"])
