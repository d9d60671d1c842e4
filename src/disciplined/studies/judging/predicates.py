"""The closed list of what a claim may assert, each a small function from records to a verdict.

A verdict is `reproduced`, `contradicted`, `inconclusive` or `not run`, with its statistic in words.
Below three seeds an arm decides nothing. A diverged run has no final value: an arm that always
diverges is worse than one that never does, anything in between decides nothing. A metric that was
not measured says nothing of its arm: `not run`.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from disciplined.studies.author import Log
from disciplined.studies.judging import effects
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    ENOUGH,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    SHARE,
    Comparison,
    Evidence,
    Verdict,
    amount,
    bare,
    compare,
    differing,
)
from disciplined.studies.judging.statistics import ALPHA, one_sample
from disciplined.studies.ledger import Result
from disciplined.studies.study import told_factors

ALONG = "mean"  # there where a curve is


def better_is_more(metric: str) -> bool:
    """Accuracies should be high, losses low."""
    return metric.endswith("accuracy")


def direction(found: Comparison, margin: float, alpha: float) -> Verdict:
    """Is the first more than the second by more than the margin?"""
    if undecided := found.undecided():
        return undecided
    if found.diverged:
        # Divergence is the least accuracy and the most loss.
        more = (found.diverged == -1) == better_is_more(found.metric)
        return Verdict(REPRODUCED if more else CONTRADICTED, found.counts, of=found.metric)
    assert found.difference
    p = found.difference.p_not(margin)
    decided = REPRODUCED if found.difference.value > margin else CONTRADICTED
    return Verdict(
        decided if p <= alpha else INCONCLUSIVE,
        found.words(),
        p=p,
        detectable=found.difference.detectable(),
        of=found.metric,
    )


def told_metric(told: dict[str, Any]) -> tuple[str, str]:
    """Which number of a run a claim is about."""
    return told.get("metric", "test_accuracy"), told.get("at", "final")


def greater(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """`arm` is greater than `than` by more than `margin` (0): Welch's interval is beyond it."""
    if lacking := evidence.lacking([told["arm"], told["than"]], *told_metric(told)):
        return lacking
    found = compare(evidence, told["arm"], told["than"], *told_metric(told))
    return direction(found, told.get("margin", 0.0), alpha)


def equivalent(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The two `arms` differ by less than `margin`: two one-sided tests."""
    first, second = told["arms"]
    if lacking := evidence.lacking([first, second], *told_metric(told)):
        return lacking
    found = compare(evidence, first, second, *told_metric(told))
    if undecided := found.undecided():
        return undecided
    if found.diverged:
        return Verdict(CONTRADICTED, found.counts, of=found.metric)
    assert found.difference
    margin, d = told["margin"], found.difference
    # The interval that decides: that of the two one-sided tests, or that of a difference.
    level = 1 - alpha if abs(d.value) > margin else 1 - 2 * alpha
    words = f"{found.words(level)}, margin {amount(margin, found.metric)}"
    detectable = d.detectable_within()
    if (within := d.p_within(margin)) <= alpha:
        return Verdict(REPRODUCED, words, within, detectable, found.metric)
    beyond = d.p_not(margin if d.value > 0 else -margin)
    if abs(d.value) > margin and beyond <= alpha:
        return Verdict(CONTRADICTED, words, beyond, detectable, found.metric)
    return Verdict(INCONCLUSIVE, words, within, detectable, found.metric)


def best(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """No other arm (of `among`, or of all that were run) beats `arm` by `margin` or more."""
    arm = told["arm"]
    others = [a for a in told.get("among", evidence.arms) if a != arm]
    metric, at = told_metric(told)
    if lacking := evidence.lacking([arm, *others], metric, at):
        return lacking
    if not others:
        return Verdict(NOT_RUN, "nothing to compare with")
    pairs = [(arm, other) if better_is_more(metric) else (other, arm) for other in others]
    return every(evidence, pairs, -told["margin"], metric, at, alpha)


def ranks(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The arms in `order` are each greater than the next by more than `margin` (0)."""
    order = told["order"]
    if lacking := evidence.lacking(order, *told_metric(told)):
        return lacking
    pairs = list(itertools.pairwise(order))
    return every(evidence, pairs, told.get("margin", 0.0), *told_metric(told), alpha)


def every(
    evidence: Evidence,
    pairs: list[tuple[str, str]],
    margin: float,
    metric: str,
    at: str,
    alpha: float,
) -> Verdict:
    """Every pair's first is more than its second by more than the margin.

    Reproduced where every pair is by itself (an intersection needs no correction); contradicted
    where one is the other way round, corrected for the number of pairs.
    """
    found = [compare(evidence, *pair, metric, at) for pair in pairs]
    verdicts = [direction(c, margin, alpha) for c in found]
    arms = list(dict.fromkeys(itertools.chain(*pairs)))
    named = dict(zip(arms, differing([evidence.label(arm) for arm in arms]), strict=True))
    words = "; ".join(
        f"{named[a]} − {named[b]}: {v.statistic}" for (a, b), v in zip(pairs, verdicts, strict=True)
    )
    detectable = max([v.detectable for v in verdicts if v.detectable is not None], default=None)
    if all(v.verdict == REPRODUCED for v in verdicts):
        tested = [v.p for v in verdicts if v.p is not None]
        return Verdict(REPRODUCED, words, max(tested, default=None), detectable, metric)
    for c in found:
        against = direction(c, margin, alpha / len(pairs))
        if against.verdict == CONTRADICTED:
            p = None if against.p is None else min(1.0, against.p * len(pairs))
            return Verdict(CONTRADICTED, words, p, detectable, metric)
    seeds = next((v.with_seeds for v in verdicts if v.with_seeds), None)
    return Verdict(INCONCLUSIVE, words, None, detectable, metric, seeds)


def diverges(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """Training of `arm` fails in every run (`expect: false`: in none).

    It fails where the loss stops being finite; with `below`, also where the final metric is below
    it; with `above`, also where the metric rises through it on the way (a range test starts high).
    """
    arm, metric = told["arm"], told.get("metric", "test_accuracy")
    asked = metric if {"below", "above"} & told.keys() else None
    if lacking := evidence.lacking([arm], asked, "final" if "below" in told else ALONG):
        return lacking
    found = evidence.arms[arm]

    def fails(r: Result) -> bool:
        if r.diverged:
            return True
        if "below" in told and r.value(metric, "final") < told["below"]:
            return True
        return "above" in told and first_crossing(r, metric, told["above"], "iteration") is not None

    failed = sum(fails(r) for r in found)
    words = f"{failed} of {len(found)} runs fail"
    seen = 1 - alpha ** (1 / len(found))  # a rarer failure may well not have shown in so many runs
    if len(found) < ENOUGH:
        words += ": fewer than three seeds decide nothing"
        return Verdict(INCONCLUSIVE, words, None, seen, SHARE)
    if failed not in (0, len(found)):
        return Verdict(INCONCLUSIVE, words, None, seen, SHARE)
    claimed = bool(failed) == told.get("expect", True)
    return Verdict(REPRODUCED if claimed else CONTRADICTED, words, None, seen, SHARE)


def first_crossing(
    r: Result, metric: str, level: float, x: str, direction: str = "up"
) -> float | None:
    """Where the metric first passes the level, between two tests by a straight line.

    A divergence passes every level upwards, at the iteration of the loss that was not finite.
    """
    xs, ys = r.curve(x, metric)
    signed = (ys - level) * (1 if direction == "up" else -1)
    passes = np.flatnonzero((signed[:-1] < 0) & (signed[1:] >= 0))
    if passes.size:
        i = passes[0]
        part = -signed[i] / (signed[i + 1] - signed[i])
        return float(xs[i] + part * (xs[i + 1] - xs[i]))
    if r.diverged and direction == "up":
        at = r.diverged_at or 0
        plan = r.run.plan
        schedules = {"lr": plan.learning_rate, "momentum": plan.momentum}
        if x in schedules:
            return float(schedules[x].value(at))
        return at / plan.iterations_per_epoch if x == "epoch" else float(at)
    return None


def crosses(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The metric of `arm` first passes `level` (`direction`: up) at an `x` within `between`."""
    arm, x = told["arm"], told["x"]
    if lacking := evidence.lacking([arm], told["metric"], ALONG):
        return lacking
    found = evidence.arms[arm]
    told_direction = told.get("direction", "up")
    at = [first_crossing(r, told["metric"], told["level"], x, told_direction) for r in found]
    there = [a for a in at if a is not None]
    words = f"{len(there)} of {len(found)} runs cross"
    if there:
        words += f", at {x} {np.mean(there):.4g}"
    seen = one_sample(there).detectable() if len(there) >= 2 else None
    if len(found) < ENOUGH:
        words += ": fewer than three seeds decide nothing"
        return Verdict(INCONCLUSIVE, words, None, seen, x)
    if not there:
        return Verdict(CONTRADICTED, words, of=x)
    if len(there) < len(found):
        return Verdict(INCONCLUSIVE, words, None, seen, x)
    # No spread decides here: divergences fall on whole iterations and may well be equal.
    low, high = one_sample(there).interval(1 - alpha)
    words += f" [{low:.4g}, {high:.4g}]"
    bottom, top = told["between"]
    if bottom <= low and high <= top:
        return Verdict(REPRODUCED, words, None, seen, x)
    outside = high < bottom or low > top
    return Verdict(CONTRADICTED if outside else INCONCLUSIVE, words, None, seen, x)


def shape(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The whole curve follows the author's log (of the arm `of`), root mean square under `within`.

    Compared at his logged points as fractions of the run; one distance a seed, whose 95 % interval
    must lie below `within`.
    """
    arm, metric = told["arm"], told["metric"]
    if lacking := evidence.lacking([arm], metric, ALONG):
        return lacking
    log = evidence.logs.get(told.get("of", arm))
    if log is None:
        return Verdict(NOT_RUN, "no author's log")
    distances = [distance(r, log, metric) for r in evidence.arms[arm]]
    known = [d for d in distances if d is not None]
    words = f"root mean square {amount(float(np.mean(known)), metric)}" if known else "no curve"
    if len(known) < len(distances):
        words += f", {len(distances) - len(known)} runs without one"
        return Verdict(INCONCLUSIVE, words, of=metric)
    if len(known) < ENOUGH:
        words += f", n = {len(known)}: fewer than three seeds decide nothing"
        seen = one_sample(known).detectable() if len(known) == 2 else None
        return Verdict(INCONCLUSIVE, words, None, seen, metric)
    found = one_sample(known, told["within"])
    low, high = one_sample(known).interval()
    words += f" [{bare(low, metric, '')}, {bare(high, metric, '')}], n = {len(known)}"
    p = found.p_not()
    decided = REPRODUCED if found.value < 0 else CONTRADICTED
    verdict = decided if p <= alpha else INCONCLUSIVE
    return Verdict(verdict, words, p, found.detectable(), metric)


def distance(r: Result, log: Log, metric: str) -> float | None:
    """Root mean square between a run and a log at the log's points; None without a curve."""
    x, y = r.curve("iteration", metric)
    if r.diverged or x.size < 2:
        return None
    author = log.columns[metric]
    there = ~np.isnan(author)
    at = log.columns["iteration"][there] / log.iterations * r.run.iterations
    inside = (at >= x[0]) & (at <= x[-1])
    if not inside.any():
        return None
    apart = np.interp(at[inside], x, y) - author[there][inside]
    return float(np.sqrt(np.mean(apart**2)))


def effect(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """A factor's main effect (or the interaction `of` several) is more than `margin` (0)."""
    assert evidence.study
    metric, at = told_metric(told)
    if lacking := evidence.lacking(list(evidence.study.arms), metric, at):
        return lacking
    of = told_factors(told["of"])
    found = effects.effect(evidence.study, evidence.arms, of, metric, at)
    if found is None:
        return Verdict(INCONCLUSIVE, "runs of an arm diverged", of=metric)
    counts = f"{found.runs} runs of {len(evidence.study.arms)} arms"
    if min(len(evidence.arms[arm]) for arm in evidence.study.arms) < ENOUGH:
        words = f"{counts}: fewer than three seeds an arm decide nothing"
        return Verdict(INCONCLUSIVE, words, of=metric)
    if found.found.se == 0:
        return Verdict(INCONCLUSIVE, f"{counts}: no spread between seeds", of=metric)
    words = Comparison(metric, counts, at, found.found).words()
    margin = told.get("margin", 0.0)
    p = found.found.p_not(margin)
    decided = REPRODUCED if found.found.value > margin else CONTRADICTED
    verdict = decided if p <= alpha else INCONCLUSIVE
    return Verdict(verdict, words, p, found.found.detectable(), metric)


PREDICATES: dict[str, Callable[[Evidence, dict[str, Any], float], Verdict]] = {
    "greater": greater,
    "equivalent": equivalent,
    "best": best,
    "ranks": ranks,
    "diverges": diverges,
    "shape": shape,
    "crosses": crosses,
    "effect": effect,
}


def not_decided(verdict: Verdict, why: str) -> Verdict:
    """The same statistic without its decision."""
    return replace(verdict, verdict=INCONCLUSIVE, statistic=f"{verdict.statistic}; {why}")
