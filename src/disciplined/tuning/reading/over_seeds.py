"""What each rule reads off a range test, over its seeds.

The rules are in `disciplined.tuning.reading.rules`. numpy only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from disciplined.mistakes import Mistake
from disciplined.tuning.reading.curve import Curve
from disciplined.tuning.reading.rules import RULES, diverges
from disciplined.tuning.reading.scores import FEWEST, SCORES, NotRead, Score, score


@dataclass(frozen=True)
class Reading:
    """One rule's answer.

    rule: starts, ragged, falls (1506.01186 section 3.3), rises (of a loss), steepest, tenth (of the
    rate where the loss is lowest), best (where no fall can be told from noise), diverges. value:
    the median of the seeds that have one, None where none has.
    each: by seed, in the order of the curves. metric: what was read, empty for diverges. reason:
    what the rule saw in the seed nearest the median, or why most saw nothing. tested: the lowest
    and the highest rate of the test. points: of the metric, in the median seed.
    """

    rule: str
    value: float | None
    each: tuple[float | None, ...]
    metric: str
    reason: str
    tested: tuple[float, float]
    points: int = FEWEST

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.rule}: no reading: {self.reason}"
        low, high = self.spread or (self.value, self.value)
        spread = f" ({low:.3g} to {high:.3g})" if high > low else ""
        return f"{self.rule} {self.value:.3g}{spread}: {self.reason}"

    @property
    def found(self) -> list[float]:
        """The seeds' values, from the lowest to the highest."""
        return sorted(v for v in self.each if v is not None)

    @property
    def spread(self) -> tuple[float, float] | None:
        """The lowest and the highest of the seeds that have one."""
        return (self.found[0], self.found[-1]) if self.found else None

    @property
    def shared(self) -> bool:
        """Whether half of the seeds have it."""
        return self.value is not None and 2 * len(self.found) >= len(self.each)


def readings(curves: Sequence[Curve]) -> list[Reading]:
    """What every rule reads off a range test, one curve a seed: starts, ragged, falls, rises,
    steepest, tenth, best, diverges.

    A rule reads the first of its metrics in which half of the seeds show anything: validation
    before training, accuracy before loss where the papers read accuracy. Raises Mistake where
    there is no point.
    """
    ends = [end for c in curves if len(c.values) for end in (c.values[0], c.values[-1])]
    if not ends:
        raise Mistake("range test: no point to read; give one curve for each seed")
    tested = (float(min(ends)), float(max(ends)))
    scores = {m: [attempt(score, curve, m) for curve in curves] for m in SCORES}
    found = []
    for rule, (by, metrics) in RULES.items():
        metric = chosen(metrics, scores)
        if rule == "rises" and metric == found[-1].metric:  # told already
            continue
        points = int(np.median([len(curve.measured(metric)[0]) for curve in curves]))
        each = [attempt(by, s) for s in scores[metric]]
        found.append(summary(rule, metric, each, tested, points))
    points = int(np.median([len(curve.values) for curve in curves]))
    return [*found, summary("diverges", "", [attempt(diverges, c) for c in curves], tested, points)]


def attempt(by: Callable[..., Any], *what: Any) -> Any:
    """What is found, or the NotRead that says why not; of a NotRead, the same again."""
    try:
        return what[0] if isinstance(what[0], NotRead) else by(*what)
    except NotRead as why:
        return why


def chosen(metrics: Sequence[str], scores: dict[str, list[Score | NotRead]]) -> str:
    """The first metric in which half of the seeds show anything, else the first measured."""
    for metric in metrics:
        if 2 * sum(isinstance(s, Score) for s in scores[metric]) >= len(scores[metric]):
            return metric
    for metric in metrics:
        if not all("not measured" in str(s) for s in scores[metric]):
            return metric
    return metrics[0]


def summary(
    rule: str, metric: str, each: Sequence[Any], tested: tuple[float, float], points: int
) -> Reading:
    """One rule over the seeds: each is (value, reason) or a NotRead."""
    values = tuple(None if isinstance(one, NotRead) else one[0] for one in each)
    found = sorted(one for one in each if not isinstance(one, NotRead))
    if not found:
        told = [str(one) for one in each]
        return Reading(rule, None, values, metric, max(told, key=told.count), tested, points)
    median = float(np.median([value for value, _ in found]))
    _, reason = min(found, key=lambda one: abs(one[0] - median))
    if len(found) < len(each):
        reason += f" ({len(found)} of {len(each)} seeds)"
    return Reading(rule, median, values, metric, reason, tested, points)
