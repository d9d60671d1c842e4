"""What has been run of a study: records read from disk, this machine's first, then the published.

Reads summaries and metrics only; no torch, no model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from disciplined.studies.expansion import Run
from disciplined.studies.shelf import Shelf
from disciplined.studies.study import DERIVED
from disciplined.training import estimates
from disciplined.training.record import Record
from disciplined.training.rows import COLUMNS, Row


@dataclass(frozen=True)
class Result:
    """A finished run as its record tells it."""

    run: Run
    folder: Path
    summary: dict[str, Any]

    @property
    def diverged(self) -> bool:
        """Whether training ended at a loss that is not finite."""
        return self.summary["status"] == "diverged"

    @property
    def diverged_at(self) -> int | None:
        """The iteration of that loss."""
        return self.summary["result"].get("diverged_at")

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """`metrics.csv` by column and what is derived from them, NaN where a cell is empty."""
        found = table(Record(self.folder).rows(), COLUMNS)
        return found | derived(found)

    @cached_property
    def estimates(self) -> dict[str, np.ndarray]:
        """`curvature.csv` by column, likewise; empty arrays where it was not measured."""
        found = table(Record(self.folder).estimates(), estimates.COLUMNS)
        return found | {"epoch": found["iteration"] / self.run.plan.iterations_per_epoch}

    def curve(self, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
        """Where `y` was measured: x and y, in the order of the run."""
        columns = self.estimates if y in estimates.METRICS else self.columns
        xs, ys = columns[x], columns[y]
        there = ~np.isnan(ys)
        return xs[there], ys[there]

    def value(self, metric: str, at: str) -> float:
        """The run's one number: final, best along the way, or the mean of all its measurements.

        A diverged run has no final value and no mean; its best is what it reached before. NaN then,
        and where the metric was not measured.
        """
        if metric in DERIVED and at == "final":
            one, other = (self.value(part, at) for part in DERIVED[metric])
            return one - other
        if metric in estimates.METRICS and at == "final" and not self.diverged:
            values = self.curve("iteration", metric)[1]
            return float(values[-1]) if values.size else np.nan
        if at == "best":
            return float(self.summary["result"]["best"].get(metric, np.nan))
        if self.diverged:
            return np.nan
        if at == "final":
            return float(self.summary["result"]["final"].get(metric, np.nan))
        values = self.curve("iteration", metric)[1]
        return float(values.mean()) if values.size else np.nan

    def unmeasured(self, metric: str, at: str) -> bool:
        """Whether it has no such value though it did not diverge: nobody measured the metric."""
        return not self.diverged and bool(np.isnan(self.value(metric, at)))


def without(found: Sequence[Result], metric: str, at: str) -> str:
    """How many of the runs have no such value, and why: `1 diverged`; nothing where all have one.

    A run that diverged has lost its value, one in which the metric was not measured never had it.
    """
    unmeasured = sum(r.unmeasured(metric, at) for r in found)
    diverged = sum(bool(np.isnan(r.value(metric, at))) for r in found) - unmeasured
    counts = ((diverged, "diverged"), (unmeasured, "not measured"))
    return ", ".join(f"{n} {why}" for n, why in counts if n)


def table(rows: list[Row], columns: Iterable[str]) -> dict[str, np.ndarray]:
    """Rows by column, NaN where a cell is empty."""
    return {
        name: np.array([np.nan if (v := r.get(name)) is None else float(v) for r in rows])
        for name in columns
    }


def derived(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The metrics that are one column less another, where both are there."""
    return {
        name: columns[one] - columns[other]
        for name, (one, other) in DERIVED.items()
        if one in columns and other in columns
    }


def results(runs: Iterable[Run], shelf: Shelf) -> dict[str, list[Result]]:
    """The finished results by arm; arms without any are left out."""
    found: dict[str, list[Result]] = {}
    for run in runs:
        if there := shelf.finished(run.key):
            found.setdefault(run.arm, []).append(Result(run, *there))
    return found
