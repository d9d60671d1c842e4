"""What a range test says: rates by stated rules, their spread over seeds, and a cycle's ends.

The rules are in `disciplined.tuning.rules`. numpy only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from disciplined.mistakes import Mistake
from disciplined.tuning.curve import Curve
from disciplined.tuning.rules import LOSSES, RULES, SCORES, NotRead, Score, diverges, score

LIMITS = ("ragged", "falls", "rises")  # rules that say how high is too high


@dataclass(frozen=True)
class Reading:
    """One rule's answer.

    rule: starts, ragged, falls (1506.01186 section 3.3), rises (of a loss), steepest, tenth (of the
    rate where the loss is lowest), diverges. value: the median of the seeds that have one, None
    where none has.
    each: by seed, in the order of the curves. metric: what was read, empty for diverges. reason:
    what the rule saw in the seed nearest the median, or why most saw nothing. tested: the lowest
    and the highest rate of the test.
    """

    rule: str
    value: float | None
    each: tuple[float | None, ...]
    metric: str
    reason: str
    tested: tuple[float, float]

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


@dataclass(frozen=True)
class Suggested:
    """The ends of a cycle, None where nothing could be read, and why these."""

    base_lr: float | None
    max_lr: float | None
    why: str

    def __str__(self) -> str:
        if self.max_lr is None or self.base_lr is None:
            return f"no suggestion: {self.why}"
        return f"{self.base_lr:.2g} to {self.max_lr:.2g}; {self.why}"


def readings(curves: Sequence[Curve]) -> list[Reading]:
    """What every rule reads off a range test, one curve a seed: starts, ragged, falls, rises,
    steepest, tenth, diverges.

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
        found.append(summary(rule, metric, [attempt(by, s) for s in scores[metric]], tested))
    return [*found, summary("diverges", "", [attempt(diverges, c) for c in curves], tested)]


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


def summary(rule: str, metric: str, each: Sequence[Any], tested: tuple[float, float]) -> Reading:
    """One rule over the seeds: each is (value, reason) or a NotRead."""
    values = tuple(None if isinstance(one, NotRead) else one[0] for one in each)
    found = sorted(one for one in each if not isinstance(one, NotRead))
    if not found:
        told = [str(one) for one in each]
        return Reading(rule, None, values, metric, max(told, key=told.count), tested)
    median = float(np.median([value for value, _ in found]))
    _, reason = min(found, key=lambda one: abs(one[0] - median))
    if len(found) < len(each):
        reason += f" ({len(found)} of {len(each)} seeds)"
    return Reading(rule, median, values, metric, reason, tested)


def suggested(read: Sequence[Reading]) -> Suggested:
    """The ends of a cycle from what was read, as the papers choose them.

    Maximum: where the curve turns ragged or falls (1506.01186 section 3.3), or its loss rises
    (1803.09820, which reads the loss), whichever is first, if half of the seeds show it. Without
    any: half of where training diverged (1803.09820 trains at 0.005 what diverges at 0.008 in its
    figure 4a), or the highest rate tested, as 1708.07120 does where its curves stay flat. Minimum:
    where accuracy starts to rise, between a third of the maximum (1506.01186) and a tenth of it
    (1803.09820); a tenth where the start is not seen.
    """
    by = {one.rule: one for one in read}
    starts, ended = by["starts"], by["diverges"]
    lowest, highest = starts.tested
    limits = [by[rule] for rule in LIMITS if rule in by and by[rule].shared]
    if limits:
        limit = min(limits, key=lambda one: one.value or 0.0)
        max_lr, why = limit.value or 0.0, limit.reason
        # A test may begin with weights that are good already; a loss that only rises is no such.
        if starts.value is None and (limit.metric in LOSSES or max_lr < 3 * lowest):
            return Suggested(None, None, f"{starts.reason}; test lower rates")
    elif starts.value is None:
        return Suggested(None, None, starts.reason)
    elif ended.shared and ended.value is not None:
        max_lr, why = ended.value / 2, f"half of {ended.value:.3g}, where training diverged"
    else:
        max_lr = highest
        why = "the highest tested, neither ragged nor falling in most seeds; higher ones may do too"
    measured = (limits or [starts])[0].metric
    base_lr, because = base(starts, max_lr)
    said = [f"max {max_lr:.3g}: {why}", because]
    if measured == "train_loss":
        said.append("read by training loss, since nothing held out says more")
    return Suggested(base_lr, max_lr, "; ".join(said))


def base(starts: Reading, max_lr: float) -> tuple[float, str]:
    """The minimum for a maximum, and why."""
    if starts.value is None or starts.value < max_lr / 10:
        why = "it starts to learn below" if starts.value is not None else "no start is seen"
        return max_lr / 10, f"base {max_lr / 10:.3g}: a tenth of it, {why}"
    if starts.value > max_lr / 3:
        return max_lr / 3, f"base {max_lr / 3:.3g}: a third of it, less than the start"
    return starts.value, f"base {starts.value:.3g}: {starts.reason}"
