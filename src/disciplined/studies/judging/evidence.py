"""What a verdict is and what it may rest on: records by arm, one arm's values less another's."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from disciplined.studies.author import Log
from disciplined.studies.judging.statistics import ALPHA, Difference, assumed, variance, welch
from disciplined.studies.ledger import Result
from disciplined.studies.study import AXES, ENOUGH, Study

USUAL = 4  # seeds an arm, as the author's
REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
INCONCLUSIVE, NOT_RUN = "inconclusive", "not run"
SHARE = "share of failing runs"
READ = {"best": "; best of each run", "mean": "; mean over each run"}  # what is not a final value
WAITS = "waits for whole runs"


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    p: that of the decision, None where none was taken by a test. detectable: the smallest
    difference that could have been seen, None where no spread is known; `of` is what it is a
    difference of (a metric, an axis, the share of runs that fail). with_seeds: below three seeds
    decide nothing, so it is what that many an arm could see. held: measured in runs too short to
    answer it, hence `not run` (`whole_runs`).
    """

    verdict: str
    statistic: str
    p: float | None = None
    detectable: float | None = None
    of: str = "test_accuracy"
    with_seeds: int | None = None
    held: bool = False

    @property
    def word(self) -> str:
        """The verdict as it is told: what was held back is `not run` and waits for whole runs."""
        return WAITS if self.held else self.verdict

    @property
    def measured(self) -> bool:
        """Whether anything was measured for it, judged or not."""
        return self.verdict != NOT_RUN or self.held

    def sensitivity(self) -> str:
        """The smallest difference that could have been seen, in words."""
        who = f"{self.with_seeds} seeds could see" if self.with_seeds else "could have seen"
        if self.detectable is None:
            return "no spread is known to say what could have been seen"
        what = self.of if self.of in (*AXES, SHARE) else ""
        return f"{who} {amount(self.detectable, self.of)} {what}".strip()

    def not_decided(self, why: str) -> "Verdict":
        """The same statistic without its decision."""
        return replace(self, verdict=INCONCLUSIVE, statistic=f"{self.statistic}; {why}")


@dataclass(frozen=True)
class Evidence:
    """What a predicate may look at, all of one scale.

    arms: results by arm. logs: the author's by arm. spreads: published standard deviations by
    metric, to say what one or two seeds could have seen. study: what the arms are arms of.
    """

    arms: dict[str, list[Result]]
    logs: dict[str, Log] = field(default_factory=dict)
    spreads: dict[str, float] = field(default_factory=dict)
    study: Study | None = None

    def label(self, arm: str) -> str:
        """An arm in words."""
        return self.study.label(arm) if self.study else arm

    def lacking(
        self, arms: Sequence[str], metric: str | None = None, at: str = "final"
    ) -> Verdict | None:
        """`not run` where one of the arms has no record, or the metric was not measured in one."""
        none = [arm for arm in arms if not self.arms.get(arm)]
        if none:
            return Verdict(NOT_RUN, f"no records of {', '.join(none)}")
        missed = [unmeasured(arm, self.arms[arm], metric, at) for arm in arms if metric]
        words = "; ".join(filter(None, missed))
        return Verdict(NOT_RUN, words) if words else None


def differing(labels: Sequence[str]) -> list[str]:
    """Labels less the parts (between commas) that all of them have; whole where nothing is left."""
    parts = [label.split(", ") for label in labels]
    common = set(parts[0]).intersection(*parts) if parts else set()
    short = [", ".join(part for part in its if part not in common) for its in parts]
    return short if all(short) else list(labels)


def unmeasured(arm: str, found: Sequence[Result], metric: str, at: str) -> str:
    """In how many runs of an arm nobody measured the metric, in words; nothing where all have it.

    That is no divergence, which is a result: it says nothing of the arm.
    """
    missed = sum(r.unmeasured(metric, at) for r in found)
    return f"{metric} was not measured in {missed} of {len(found)} runs of {arm}" if missed else ""


def amount(value: float, metric: str, sign: bool = False) -> str:
    """A value of a metric in words: accuracies in percentage points."""
    if metric.endswith("accuracy"):
        points = round(100 * value, 2) + 0.0  # no minus before a zero
        return f"{points:{'+' if sign else ''}.2f} points"
    return f"{value:{'+' if sign else ''}.3g}"


def bare(value: float, metric: str, sign: str = "+") -> str:
    """A value within an interval: no unit."""
    return amount(value, metric, sign=bool(sign)).removesuffix(" points")


@dataclass(frozen=True)
class Comparison:
    """One arm's values less another's: a difference, or why there is none."""

    metric: str
    counts: str
    at: str = "final"
    difference: Difference | None = None
    diverged: int = 0  # +1: only the first arm diverges, always; -1: only the second; 2: some do
    detectable: float | None = None

    def words(self, level: float = 1 - ALPHA) -> str:
        """The difference with its interval."""
        assert self.difference
        low, high = self.difference.interval(level)
        return (
            f"{amount(self.difference.value, self.metric, sign=True)} "
            f"[{bare(low, self.metric)}, {bare(high, self.metric)}] "
            f"({level:.0%}, Welch, {self.counts}{READ.get(self.at, '')})"
        )

    def undecided(self) -> Verdict | None:
        """The verdict where there is nothing to test."""
        if self.difference is None and self.diverged == 0:
            words = f"{self.counts}: fewer than three seeds decide nothing"
            return Verdict(INCONCLUSIVE, words, None, self.detectable, self.metric, USUAL)
        if self.diverged == 2:
            words = f"{self.counts}: only some runs diverged"
            return Verdict(INCONCLUSIVE, words, of=self.metric)
        if self.difference is not None and self.difference.se == 0:
            words = f"{self.counts}: no spread between seeds"
            return Verdict(INCONCLUSIVE, words, of=self.metric)
        return None


def compare(evidence: Evidence, first: str, second: str, metric: str, at: str) -> Comparison:
    """The values of `first` less those of `second`, measured in every run that did not diverge
    (see `Evidence.lacking`)."""
    values, lost = [], []
    for arm in (first, second):
        found = evidence.arms[arm]
        assert not unmeasured(arm, found, metric, at)
        read = np.array([r.value(metric, at) for r in found])
        lost.append(int(np.isnan(read).sum()))
        values.append(read[~np.isnan(read)])
    sizes = [len(evidence.arms[arm]) for arm in (first, second)]
    counts = f"n = {sizes[0]} and {sizes[1]}"
    if min(sizes) < ENOUGH:
        return Comparison(metric, counts, at, detectable=possible(evidence, values, metric))
    if any(lost):
        always = [lost[i] == sizes[i] for i in (0, 1)]
        side = 1 if always[0] and not lost[1] else -1 if always[1] and not lost[0] else 2
        words = f"{counts}, diverged {lost[0]} and {lost[1]}"
        return Comparison(metric, words, at, diverged=side)
    return Comparison(metric, counts, at, welch(*values))


def possible(evidence: Evidence, values: list[np.ndarray], metric: str) -> float | None:
    """The smallest difference that the usual number of seeds could show, if a spread is known."""
    spread = max([variance(v) ** 0.5 for v in values if v.size >= 2], default=0.0)
    return usual(spread or evidence.spreads.get(metric))


def usual(spread: float | None, n: int = USUAL) -> float | None:
    """What the usual number of seeds could see, of such a spread, against `n` values."""
    return assumed(spread, USUAL, n).detectable() if spread else None
