"""The cells of a sweep's grid: its runs, seeds put together, and what their values are like."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from disciplined.columns import LENGTH, number
from disciplined.sweeps.grid import Place
from disciplined.training.record import Record


@dataclass
class Cell:
    """The runs that differ in nothing but the seed."""

    values: dict[str, str]
    final: list[dict[str, float]] = field(default_factory=list)  # of the runs that are done
    diverged: int = 0
    missing: int = 0

    def found(self, metric: str) -> list[float]:
        """One number a run that is done."""
        return [f[metric] for f in self.final if metric in f]


def cells(places: list[Place]) -> list[Cell]:
    """The grid in its order, seeds put together."""
    found: dict[tuple, Cell] = {}
    for place in places:
        values = {k: v for k, v in place.varied.items() if k != "seed"}
        cell = found.setdefault(tuple(values.items()), Cell(values))
        summary: dict[str, Any] = Record(place.plan.folder).finished() or {}
        match summary.get("status"):
            case "done":
                cell.final.append(summary["result"]["final"])
            case "diverged":
                cell.diverged += 1
            case _:
                cell.missing += 1
    return list(found.values())


def short(key: str) -> str:
    """A setting's name where its group says enough: `weight_decay` for `weight_decay.value`."""
    first, _, last = key.rpartition(".")
    return first if first and last in ("value", "name") else last


def spread(values: list[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation; None where there are too few."""
    if not values:
        return None, None
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def numeric(grid: list[Cell], key: str) -> bool:
    """Whether a key's values are all numbers, in one unit."""
    texts = {cell.values[key] for cell in grid}
    units = {m[2] if (m := LENGTH.fullmatch(t)) else "" for t in texts}
    return len(units) == 1 and all(number(t) is not None for t in texts)


def over_decades(values: list[float]) -> bool:
    """Whether an axis of these values should be logarithmic."""
    return min(values) > 0 and max(values) / min(values) >= 9.9
