"""What a study is: one figure or table, its arms, what it claims, what was published.

A study is data (`conf/study/<paper>/<figure>.yaml`); `disciplined.studies.study_file` reads one.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Length
from disciplined.studies.arms import Overrides
from disciplined.training import estimates

SCALES = ("paper", "short", "smoke")
ENOUGH = 3  # records of an arm; below, every verdict is inconclusive
METRICS = (
    "test_accuracy",
    "test_loss",
    "val_accuracy",
    "val_loss",
    "train_accuracy",
    "train_loss",
    *estimates.METRICS,
)
SCHEDULED = ("lr", "momentum", "weight_decay")
# What is drawn and judged of a run though no column has it: one metric less another.
DERIVED = {
    "loss_gap": ("test_loss", "train_loss"),
    "accuracy_gap": ("train_accuracy", "test_accuracy"),
}
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
    "effect": ({"of"}, {"margin", "metric", "at"}),
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

    x: an axis of the rows, or a setting that every arm has (`schedule.lr`, `duration`): then each
    arm is a point, its runs' `at` value of `y` over the setting's, joined along each of the
    `lines`. y: a metric, or a hyper-parameter, or two metrics, the second one dashed. dashes: arms
    drawn dashed, each in the colour of the arm before it.
    """

    x: str
    y: str | list[str]
    arms: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    dashes: list[str] = field(default_factory=list)
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

    @property
    def ys(self) -> list[str]:
        """What is drawn over x."""
        return self.y if isinstance(self.y, list) else [self.y]

    def named(self) -> list[str]:
        """The arms that it names."""
        return [*self.arms, *(arm for line in self.lines.values() for arm in line)]


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
class Choice:
    """A stand-in for whichever of the arms `among` has the best final mean of `by`.

    `by` is a validation metric, so that what the test set then says of it was not chosen by it.
    """

    among: list[str]
    by: str = "val_accuracy"


@dataclass(frozen=True)
class Calibration:
    """An A/A study: how often disjoint groups of one arm's seeds are judged to differ."""

    arm: str
    group: int
    draws: int
    metrics: list[str]


@dataclass(frozen=True)
class Architecture:
    """A network, or a part of one, and what was published of it.

    model, dataset: choices. part: a module's name (`blocks.0`). published: layer by layer, any of
    `architecture.FACTS`. counts: layers of a kind that are no blocks, and `parameters`, in all.
    """

    model: str
    dataset: str = "cifar10"
    part: str | None = None
    published: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


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
    chosen: dict[str, Choice]
    factors: dict[str, list[str]]
    claims: list[Claim]
    contradictions: list[str]
    notes: list[str]
    calibrate: Calibration | None
    sketch: bool
    planted: bool
    architecture: list[Architecture]

    @property
    def metric(self) -> str:
        """What the table tells of an arm of which nothing was published: the first panel's."""
        drawn = (y for panel in self.panels.values() for y in panel.ys)
        return next((y for y in drawn if y in METRICS), METRICS[0])

    @property
    def trains(self) -> bool:
        """Whether it has runs: sketches are drawn, tables of networks made, without any."""
        return not self.sketch and not self.architecture

    def label(self, arm: str) -> str:
        """The arm in words."""
        return self.labels.get(arm, arm)

    def seeds_shown(self, scale: str, asked: int = 0) -> int:
        """How many seeds of an arm are looked for: its own, as many as decide something where a
        scale trains fewer by itself, and more where asked for."""
        return max(self.seeds[scale], ENOUGH, asked)

    def command(self, scale: str = "", ran: Mapping[str, Sequence[int]] | None = None) -> str:
        """What makes it again: at a scale, of the arms and seeds that were run by name where they
        are not all of its own. ran: seeds by arm, all where None or empty."""
        there = {arm: seeds for arm in self.arms if (seeds := (ran or {}).get(arm))}
        if not scale or not there:
            return command(self.id, scale)
        arms = list(there) if len(there) < len(self.arms) else []
        count = max(seed + 1 for seeds in there.values() for seed in seeds)
        return command(self.id, scale, arms, 0 if count == self.seeds[scale] else count)

    def rows(self) -> list[str]:
        """The arms in the order of the table: run, chosen among those, and not to be run yet."""
        return [*self.arms, *self.chosen, *self.missing]

    def reads(self, claim: Claim) -> list[str] | None:
        """The arms whose runs settle a claim, those among which one is chosen with them; None where
        one of them cannot be run yet."""
        arms = claim.arms()
        if claim.predicate == "effect" or (
            claim.predicate == "best" and "among" not in claim.arguments
        ):
            arms += self.arms
        among = {name: choice.among for name, choice in self.chosen.items()}
        found = [one for arm in arms for one in among.get(arm, [arm])]
        return None if set(found) - set(self.arms) else list(dict.fromkeys(found))

    def levels(self, arm: str) -> tuple[bool, ...]:
        """Which factors are at their high level in an arm."""
        return tuple(arm in high for high in self.factors.values())

    def setting(self, arm: str, key: str) -> Any:
        """What an arm sets `key` to; None for nothing. A chosen arm sets what all of those set that
        it is chosen among, and nothing where they differ: which it is, its runs must say."""
        if arm in self.chosen:
            first, *others = (self.setting(one, key) for one in self.chosen[arm].among)
            return first if all(other == first for other in others) else None
        return self.arms.get(arm, {}).get(key)


def command(
    study: str,
    scale: str = "",
    arms: Sequence[str] = (),
    seeds: int = 0,
    further: Sequence[str] = (),
) -> str:
    """What a shell is told to make a study's runs; what is empty or 0 is left to `reproduce.py`."""
    told = [f"figure={study}"]
    told += [f"scale={scale}"] * bool(scale)
    told += [f"arms={','.join(arms)}"] * bool(arms)
    told += [f"seeds={seeds}"] * bool(seeds)
    return shlex.join(["python", "scripts/reproduce.py", *told, *further])


def on_axis(value: Any, where: str) -> float:
    """A setting as a place on an axis: a number, or the amount of a length. Raises Mistake."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return float(Length.parse(value, setting=where).amount)
    raise Mistake(f"{where}={value}: expected a number or a length, to be drawn over")


def told_factors(of: object) -> list[str]:
    """The factors of an effect: one, or several for their interaction."""
    return [str(name) for name in of] if isinstance(of, list) else [str(of)]
