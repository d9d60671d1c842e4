"""Claims about how a run goes: does it fail, where does a metric pass a level, is it the author's?

Divergences and crossings are counted over the seeds; below three of them nothing is decided.
"""

from typing import Any

import numpy as np

from disciplined.studies.author import Log
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    ENOUGH,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    SHARE,
    Evidence,
    Verdict,
    amount,
    bare,
)
from disciplined.studies.judging.statistics import ALPHA, one_sample
from disciplined.studies.ledger import Result

ALONG = "mean"  # there where a curve is


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
