"""Main effects and interactions of a design of two levels a factor, every combination an arm.

The effect of a factor is the mean of the arms at its high level less that of the others; of two
factors together, half the difference between one's effect at the other's high level and at its low.
Every effect is a contrast of the arms' means. Arms that collapse do not spread as others do, so
each has its own variance, and the degrees of freedom are Satterthwaite's, as in Welch's test.
Source: Box, Hunter and Hunter, "Statistics for Experimenters", chapter 5.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from disciplined.studies.judging.statistics import Difference, variance
from disciplined.studies.ledger import Result
from disciplined.studies.study import Study


@dataclass(frozen=True)
class Effect:
    """What setting the factors `of` high does to a metric; without spread, `se` is 0."""

    of: tuple[str, ...]
    metric: str
    found: Difference
    runs: int


def effects(
    study: Study, results: dict[str, list[Result]], metric: str = "test_accuracy", at: str = "final"
) -> list[Effect]:
    """All main effects, then all interactions of two; none while an arm has no run that ended."""
    names = list(study.factors)
    pairs = itertools.combinations(names, 2)
    every = [effect(study, results, of, metric, at) for of in [*((n,) for n in names), *pairs]]
    return [one for one in every if one is not None]


def effect(
    study: Study, results: dict[str, list[Result]], of: Sequence[str], metric: str, at: str
) -> Effect | None:
    """The effect of one factor, or the interaction of several; None while an arm has no run, or one
    without a value (it diverged, or nobody measured it): the others' mean would not be the arm's.
    """
    means, signs, runs = [], [], 0
    errors, squares = 0.0, 0.0
    for arm in study.arms:
        values = np.array([r.value(metric, at) for r in results.get(arm, [])])
        if not values.size or not np.isfinite(values).all():
            return None
        means.append(values.mean())
        runs += values.size
        error = variance(values) / values.size
        errors += error
        squares += error**2 / max(values.size - 1, 1)
        signs.append(math.prod(1 if arm in study.factors[name] else -1 for name in of))
    half = len(study.arms) / 2
    value = float(np.dot(signs, means) / half)
    degrees = errors**2 / squares if squares else 0.0
    return Effect(tuple(of), metric, Difference(value, math.sqrt(errors) / half, degrees), runs)
