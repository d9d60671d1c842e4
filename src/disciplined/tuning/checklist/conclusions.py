"""What a step's records say: the value to take, what is level with it, and how sure that is.

numpy and scipy.special only. Losses are compared by their logarithms, whose spread over seeds is
about the same for good values and bad ones, so that all values together tell it. That equal values
are told apart happens once in twenty grids at most: Student's test with Bonferroni's bound over all
pairs, since the best is chosen by what is tested. Below two runs each nothing is told.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.special import stdtr, stdtrit

from disciplined.studies.judging.statistics import ALPHA, POWER, variance
from disciplined.training.rows import Row

SMALLEST = 1e-6  # a loss below it is as good: logarithms have no 0
FLAT = 0.1  # of the way from the best loss to that of guessing: as good, for a rate
GAIN = 1.1  # a batch twice as large is worth it where images a second grow by this factor


@dataclass(frozen=True)
class Arm:
    """The runs that tried one value.

    scores: by name, one number a run that is done; the first name decides, its least is best.
    """

    value: float
    scores: dict[str, tuple[float, ...]] = field(default_factory=dict)
    diverged: int = 0
    missing: int = 0

    @property
    def deciding(self) -> tuple[float, ...]:
        """The scores that decide."""
        return next(iter(self.scores.values()), ())

    @property
    def usable(self) -> bool:
        """Whether it can be chosen: some run is done, and none without a loss."""
        return bool(self.deciding) and not self.diverged and bool(np.isfinite(self.deciding).all())

    @property
    def mean(self) -> float:
        """Of the scores that decide."""
        return statistics.fmean(self.deciding)


@dataclass(frozen=True)
class Choice:
    """The best value, and those `level` with it beyond the noise; `worse` are told from it.

    seeds: runs of the value with the fewest; below 2 every other value is neither. edge: `lowest`
    or `highest` where nothing was tried beyond the best, else empty. unseen: how much higher, as a
    fraction, a loss would have had to be to be told from the best's; None where none is level.
    """

    best: Arm
    level: tuple[Arm, ...]
    worse: tuple[Arm, ...]
    seeds: int
    edge: str
    unseen: float | None

    @property
    def all_level(self) -> bool:
        """Whether nothing tells the values apart."""
        return bool(self.level) and not self.worse


def choice(arms: Sequence[Arm], least: float = 0.0) -> Choice | None:
    """The arm with the lowest mean; None where no value can be used.

    least: a value below which there is none, so that it is no edge.
    """
    usable = [arm for arm in arms if arm.usable]
    if not usable:
        return None
    best = min(usable, key=lambda arm: arm.mean)
    others = [arm for arm in usable if arm is not best]
    seeds = min(len(arm.deciding) for arm in usable)
    level, unseen = level_with(best, others) if seeds >= 2 else ([], None)
    worse = tuple(arm for arm in others if arm not in level) if seeds >= 2 else ()
    tried = [arm.value for arm in arms]
    edge = "highest" if best.value == max(tried) else ""
    edge = "lowest" if best.value == min(tried) and best.value > least else edge
    if len(tried) == 1 or (level and not worse and len(usable) == len(arms)):
        edge = ""  # nothing points beyond
    return Choice(best, tuple(level), worse, seeds, edge, unseen)


def level_with(best: Arm, others: Sequence[Arm]) -> tuple[list[Arm], float | None]:
    """Those that nothing tells from the best, and `Choice.unseen`."""
    logs = {arm.value: np.log(np.maximum(arm.deciding, SMALLEST)) for arm in (best, *others)}
    freedom = sum(x.size - 1 for x in logs.values())
    pooled = sum((x.size - 1) * variance(x) for x in logs.values()) / freedom
    alpha = ALPHA / (len(logs) * max(1, len(others)))  # two sides of every pair
    level, unseen = [], []
    for arm in others:
        gap = float(logs[arm.value].mean() - logs[best.value].mean())
        error = math.sqrt(pooled * (1 / logs[arm.value].size + 1 / logs[best.value].size))
        # without any spread nothing is decided
        if error == 0 or 1 - stdtr(freedom, gap / error) > alpha:
            level.append(arm)
            unseen.append(
                math.expm1(error * (stdtrit(freedom, 1 - alpha) + stdtrit(freedom, POWER)))
            )
    return level, max(unseen, default=None)


def lowest(rows: Sequence[Row], metric: str, behind: int = 0) -> float:
    """The lowest finite value of a metric in the rows behind an iteration; infinite for none."""
    found = [
        float(v)
        for row in rows
        if (row["iteration"] or 0) > behind
        and (v := row.get(metric)) is not None
        and math.isfinite(v)
    ]
    return min(found, default=math.inf)


def last(rows: Sequence[Row], metric: str) -> float:
    """The last value of a metric; infinite where it is not a finite number."""
    value = rows[-1].get(metric) if rows else None
    return float(value) if value is not None and math.isfinite(value) else math.inf


def scores(step: str, rows: Sequence[Row], snapshot: int = 0) -> dict[str, float]:
    """What a run is compared by, the deciding first; of validation only.

    While the rate rises (momentum, weight decay) that is the lowest loss, from the snapshot on if
    there is one, as the third paper reads its figures 7 and 12; at a constant rate the final one.
    """
    final = {
        "final_val_loss": last(rows, "val_loss"),
        "final_val_accuracy": last(rows, "val_accuracy"),
    }
    if step == "sensitivity":
        return final
    return {"lowest_val_loss": lowest(rows, "val_loss", snapshot), **final}


def flat(arms: Sequence[Arm], found: Choice, classes: int) -> list[Arm]:
    """The values around the best whose loss is nearly as low (`FLAT`), seen or not."""
    guessing = math.log(classes)
    limit = found.best.mean + FLAT * max(0.0, guessing - found.best.mean)
    good = [arm.usable and arm.mean <= limit for arm in arms]
    at = list(arms).index(found.best)
    low = at
    while low > 0 and good[low - 1]:
        low -= 1
    high = at
    while high + 1 < len(arms) and good[high + 1]:
        high += 1
    return list(arms[low : high + 1])


def bisected(tried: Iterable[float], best: float) -> list[float]:
    """The best value between those half a decade beside it, as far as its neighbours are a decade
    away: 1e-4 in 1e-5 ... 1e-3 gives 3e-5, 1e-4, 3e-4 (third paper, section 5: one figure)."""
    ordered = sorted(v for v in tried if v > 0)
    found = {best}
    for low, high in pairwise(ordered):
        if best in (low, high) and high / low > 4:
            found.add(float(f"{math.sqrt(low * high):.0e}"))
    if len(found) == 1 and best > 0:
        found |= {float(f"{best * f:.0e}") for f in (10**-0.5, 10**0.5)}
    return sorted(found)


@dataclass(frozen=True)
class Size:
    """What a total batch size takes: images a second and bytes, one a run; none where it does not
    fit."""

    size: int
    speeds: tuple[float, ...] = ()
    memory: tuple[int, ...] = ()
    fits: bool = True

    @property
    def speed(self) -> float:
        """Images a second."""
        return statistics.median(self.speeds)


def worthwhile(sizes: Sequence[Size]) -> Size:
    """The size beyond which images a second hardly grow; of those that were measured."""
    measured = [s for s in sizes if s.speeds]
    fastest = max(s.speed for s in measured)
    return next(s for s in measured if s.speed * GAIN >= fastest)
