"""The few statistics the judge rests on: differences, prediction, smallest detectable difference.

A `Difference` is a value with a standard error and Student's degrees of freedom, whatever it came
from; every decision is one of its intervals against a margin. scipy.special only: light to import.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, stdtr, stdtrit

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """A difference as measured. se 0 means that no spread was seen, which decides nothing."""

    value: float
    se: float
    df: float

    def half_width(self, level: float = 1 - ALPHA) -> float:
        """Half the width of the two-sided interval at `level`."""
        return float(stdtrit(self.df, (1 + level) / 2)) * self.se

    def interval(self, level: float = 1 - ALPHA) -> tuple[float, float]:
        """The two-sided interval at `level`."""
        half = self.half_width(level)
        return self.value - half, self.value + half

    def p_not(self, margin: float = 0.0) -> float:
        """Two-sided p that the true difference is `margin`: ≤ α where the interval lacks it."""
        if self.se == 0:
            return 1.0
        return float(2 * stdtr(self.df, -abs(self.value - margin) / self.se))

    def p_within(self, margin: float) -> float:
        """Two one-sided tests: p that the true difference is not inside ±margin."""
        if self.se == 0:
            return 1.0
        return float(
            max(
                stdtr(self.df, -(self.value + margin) / self.se),
                stdtr(self.df, (self.value - margin) / self.se),
            )
        )

    def detectable(self, alpha: float = ALPHA, power: float = POWER) -> float:
        """The smallest true difference that a two-sided test would have seen with this power."""
        return float(stdtrit(self.df, 1 - alpha / 2) + stdtrit(self.df, power)) * self.se

    def detectable_within(self, alpha: float = ALPHA, power: float = POWER) -> float:
        """The smallest margin that two one-sided tests would have shown for equal arms."""
        return float(stdtrit(self.df, 1 - alpha) + stdtrit(self.df, (1 + power) / 2)) * self.se

    def density(self) -> float:
        """Student's density of the value under no difference: the likelihood of a prediction."""
        if self.se == 0:
            return math.nan
        t, v = self.value / self.se, self.df
        log = gammaln((v + 1) / 2) - gammaln(v / 2) - 0.5 * math.log(v * math.pi * self.se**2)
        return float(math.exp(log - (v + 1) / 2 * math.log1p(t * t / v)))


def variance(values: np.ndarray) -> float:
    """The unbiased variance; exactly 0 for equal values (or one), whatever their mean rounds to."""
    return 0.0 if np.ptp(values) == 0 else float(values.var(ddof=1))


def welch(a: ArrayLike, b: ArrayLike) -> Difference:
    """mean(a) - mean(b) with Welch's error and degrees of freedom; two values each at least."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    u, v = variance(x) / x.size, variance(y) / y.size
    total = u + v
    df = math.inf if total == 0 else total**2 / (u**2 / (x.size - 1) + v**2 / (y.size - 1))
    return Difference(float(x.mean() - y.mean()), math.sqrt(total), df)


def one_sample(values: ArrayLike, at: float = 0.0) -> Difference:
    """mean(values) - at; two values at least."""
    x = np.asarray(values, float)
    return Difference(float(x.mean() - at), math.sqrt(variance(x) / x.size), x.size - 1.0)


def prediction(
    ours: ArrayLike,
    published: float,
    *,
    n: int | None = None,
    std: float | None = None,
    blur: float = 0.0,
) -> Difference:
    """published - mean(ours), with the error of predicting a mean of `n` further runs (1 if None).

    Where the published mean came with the `std` of its n runs, that is their spread (Welch's);
    otherwise they are taken to spread as ours do. `blur` is the variance of what else is in the
    published value (its log's late spread, its test sample). Degrees of freedom by Satterthwaite.
    Zero is in the 95 % interval exactly where the published value is in our prediction interval.
    """
    x = np.asarray(ours, float)
    u = variance(x) / x.size
    if std is not None and n is not None and n > 1:
        v = std**2 / n
        squares = u**2 / (x.size - 1) + v**2 / (n - 1)
    else:
        v = variance(x) / (n or 1)
        squares = (u + v) ** 2 / (x.size - 1)
    total = u + v + blur
    df = math.inf if squares == 0 else total**2 / squares
    return Difference(published - float(x.mean()), math.sqrt(total), df)


def sampling_variance(accuracy: float, images: int | None, test_set: int | None) -> float:
    """The variance of an accuracy on `images` of a test set about that on the whole of it.

    No `images`, or as many as there are, is the whole set: the same images as ours, so no error.
    Of a set whose size nobody knows they may be as small a part as can be.
    """
    if images is None or (test_set is not None and images >= test_set):
        return 0.0
    return accuracy * (1 - accuracy) / images * (1 - images / (test_set or math.inf))


def assumed(std: float, n: int, m: int) -> Difference:
    """No difference between n and m runs of a spread that is assumed, not measured."""
    return Difference(0.0, std * math.sqrt(1 / n + 1 / m), math.inf)


def holm(p: dict[Any, float], family: int, alpha: float = ALPHA) -> set[Any]:
    """The claims that stay decided after Holm's correction for `family` claims, by their p."""
    kept = set()
    for rank, claim in enumerate(sorted(p, key=lambda c: p[c])):
        if p[claim] > alpha / (family - rank):
            break
        kept.add(claim)
    return kept
