"""What a study is: one figure or table, its arms, what it claims, what was published.

A study is data (`conf/study/<paper>/<figure>.yaml`); `disciplined.studies.study_file` reads one.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disciplined.studies.arms import Overrides

SCALES = ("paper", "short", "smoke")
METRICS = (
    "test_accuracy",
    "test_loss",
    "val_accuracy",
    "val_loss",
    "train_accuracy",
    "train_loss",
)
SCHEDULED = ("lr", "momentum", "weight_decay")
AXES = ("iteration", "epoch", *SCHEDULED)
READINGS = ("final", "best", "mean")
# as_published: the paper's claim, with its arms. fair: the same with equal means for both arms.
# open: a question this project asks of the paper.
QUESTIONS = ("as_published", "fair", "open")
# The closed list of predicates, with what each must and may be told.
PREDICATES: dict[str, tuple[set[str], set[str]]] = {
    "greater": ({"arm", "than"}, {"margin", "metric", "at"}),
    "equivalent": ({"arms", "margin"}, {"metric", "at"}),
    "best": ({"arm", "margin"}, {"among", "metric", "at"}),
    "ranks": ({"order"}, {"margin", "metric", "at"}),
    "diverges": ({"arm"}, {"metric", "below", "above", "expect"}),
    "shape": ({"arm", "metric", "within"}, {"of"}),
    "crosses": ({"arm", "metric", "level", "x", "between"}, {"direction"}),
}


@dataclass(frozen=True)
class Published:
    """A number as printed. Accuracies are fractions; `test_images` is how many it was tested on."""

    value: float
    metric: str = "test_accuracy"
    std: float | None = None
    n: int | None = None
    test_images: int | None = None
    at: str = "final"

    @property
    def step(self) -> float:
        """The last digit printed: the first of the spread, as the papers print them; else 0."""
        return 10.0 ** math.floor(math.log10(self.std) + 1e-9) if self.std else 0.0


@dataclass(frozen=True)
class Panel:
    """One set of axes: `y` over `x` for `arms` (all where empty); limits in fractions.

    x: an axis of the rows, or a setting that every arm has (`schedule.lr`): then each arm is a
    point, its runs' `at` value of `y` over the setting's. y: a metric, or a hyper-parameter.
    """

    x: str
    y: str
    arms: list[str] = field(default_factory=list)
    xlim: list[float] | None = None
    ylim: list[float] | None = None
    xscale: str = "linear"
    yscale: str = "linear"
    title: str | None = None
    at: str = "final"

    @property
    def over_a_setting(self) -> bool:
        """Whether an arm is a point."""
        return self.x not in AXES


@dataclass(frozen=True)
class Claim:
    """A comparison asserted beforehand: a predicate of the closed list and what it is told."""

    id: str
    predicate: str
    arguments: dict[str, Any]
    says: str
    primary: bool = False
    question: str = "as_published"

    def arms(self) -> list[str]:
        """The arms whose records the predicate reads."""
        told = self.arguments
        named = [told.get("arm"), told.get("than"), *told.get("arms", []), *told.get("order", [])]
        return [name for name in [*named, *told.get("among", [])] if name is not None]


@dataclass(frozen=True)
class Calibration:
    """An A/A study: how often disjoint groups of one arm's seeds are judged to differ."""

    arm: str
    group: int
    draws: int
    metrics: list[str]


@dataclass(frozen=True)
class Study:
    """A figure or table: its arms' runs, how they are drawn, what they are held against."""

    id: str
    file: Path
    source: str
    title: str
    arms: dict[str, Overrides]
    seeds: dict[str, int]
    panels: dict[str, Panel]
    labels: dict[str, str]
    primary: list[str]
    published: dict[str, list[Published]]
    author: dict[str, str]
    readings: dict[str, str]
    missing: dict[str, str]
    claims: list[Claim]
    contradictions: list[str]
    notes: list[str]
    calibrate: Calibration | None

    @property
    def metric(self) -> str:
        """What the table tells of an arm of which nothing was published: the first panel's."""
        return next((p.y for p in self.panels.values() if p.y in METRICS), METRICS[0])

    def label(self, arm: str) -> str:
        """The arm in words."""
        return self.labels.get(arm, arm)

    def rows(self) -> list[str]:
        """The arms in the order of the table, those that cannot be run yet behind the others."""
        return [*self.arms, *self.missing]
