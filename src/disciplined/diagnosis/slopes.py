"""Trends and noise of a curve, estimated so that neither a leap nor noise alone makes a trend.

Everything is by hand in numpy. A curve is `x`, increasing, and `y` of the same length, finite.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

NORMAL = 1.4826  # median absolute deviation to standard deviation of normal noise
PAIRS = 120  # points at most of which all pairs are looked at


@dataclass(frozen=True)
class Trend:
    """A straight line through a part of a curve.

    change: of y from the first x to the last; error: its standard error; level: y in the middle.
    """

    start: float
    end: float
    change: float
    error: float
    level: float

    @property
    def slope(self) -> float:
        """The change per iteration."""
        return self.change / (self.end - self.start) if self.end > self.start else 0.0

    @property
    def z(self) -> float:
        """The change in standard errors; infinite for a change without any noise."""
        if self.error == 0:
            return 0.0 if self.change == 0 else float(np.copysign(np.inf, self.change))
        return self.change / self.error


def median(values: np.ndarray) -> float:
    """The median of a few values; numpy's own takes ten times as long for them."""
    ordered = np.sort(values)
    return float(ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2


def noise(x: np.ndarray, y: np.ndarray) -> float:
    """Standard deviation of the independent part of `y`; 0 below three points.

    From each point's distance to the line between its neighbours (second differences, allowing for
    uneven steps), by the median absolute deviation: a smooth curve and a few leaps count little.
    """
    if x.size < 3:
        return 0.0
    before = (x[2:] - x[1:-1]) / (x[2:] - x[:-2])
    off = y[1:-1] - before * y[:-2] - (1 - before) * y[2:]
    off = off / np.sqrt(1 + before**2 + (1 - before) ** 2)
    return NORMAL * median(np.abs(off))


def trend(x: np.ndarray, y: np.ndarray) -> Trend:
    """The median of the slopes between all pairs of points (Theil and Sen).

    Its error is half the width of the interval that Kendall's statistic gives at one standard
    deviation, wider where neighbouring residuals are alike: with lag-1 correlation r by
    sqrt((1 + r) / (1 - r)), and never less than a least-squares line's would be under `noise`.
    """
    if x.size > PAIRS:
        x, y = blocks(x, y, PAIRS)
    n = x.size
    if n < 2:
        at = float(x[0]) if n else 0.0
        return Trend(at, at, 0.0, 0.0, float(y[0]) if n else 0.0)
    one, other = pairs(n)
    slopes = np.sort((y[other] - y[one]) / (x[other] - x[one]))
    slope = float(np.interp((slopes.size - 1) / 2, np.arange(slopes.size), slopes))
    half = np.sqrt(n * (n - 1) * (2 * n + 5) / 18) / 2
    middle = (slopes.size - 1) / 2
    low, high = np.interp([middle - half, middle + half], np.arange(slopes.size), slopes)
    span = float(x[-1] - x[0])
    residual = y - slope * x
    residual = residual - median(residual)
    power = float((residual**2).sum())
    alike = 0.0 if power == 0 else float((residual[1:] * residual[:-1]).sum() / power)
    alike = (n * alike + 1) / (n - 4) if n > 5 else alike  # estimated too low from few points
    alike = min(max(alike, 0.0), 0.9)
    error = max(float(high - low) / 2, noise(x, y) / np.sqrt(((x - x.mean()) ** 2).sum()))
    error *= float(np.sqrt((1 + alike) / (1 - alike)))
    return Trend(float(x[0]), float(x[-1]), slope * span, error * span, median(y))


def ragged(y: np.ndarray, wide: int = 7) -> float:
    """How far points lie from the running median about them: the 68th percentile of the distance,
    a standard deviation for noise, and not fooled by a sawtooth as second differences are."""
    if y.size < wide:
        return 0.0
    return float(np.percentile(np.abs(y - smooth(y, wide)), 68.27))


@cache
def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The indices of all pairs of n points."""
    return np.triu_indices(n, 1)


def blocks(x: np.ndarray, y: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The medians of `count` blocks of neighbouring points."""
    parts = np.array_split(np.arange(x.size), count)
    return np.array([median(x[p]) for p in parts]), np.array([median(y[p]) for p in parts])


def width(n: int) -> int:
    """How many points a smoothed value is the median of: a tenth of them, odd, at least three."""
    return max(3, n // 10 | 1)


def smooth(y: np.ndarray, wide: int | None = None) -> np.ndarray:
    """Running medians of `wide` (odd) points; at the ends of the points there are."""
    half = (wide or width(y.size)) // 2
    found = np.empty(y.size)
    inner = slice(half, max(half, y.size - half))
    for i in [*range(min(half, y.size)), *range(max(half, y.size - half), y.size)]:
        found[i] = median(y[max(0, i - half) : i + half + 1])
    if y.size > 2 * half:
        found[inner] = np.median(sliding_window_view(y, 2 * half + 1), axis=1)
    return found


def leaps(y: np.ndarray, least: float, times: float = 8.0, wide: int = 9) -> list[tuple[int, int]]:
    """Stretches (first, last) of points that stand above their surroundings and come back.

    Above the median of the `wide` points about them by more than `least` and by more than `times`
    the deviation usual there; a stretch is at most a third of `wide` long.
    """
    if y.size < 5:
        return []
    base = smooth(y, wide)
    off = y - base
    usual = NORMAL * smooth(np.abs(off), 4 * wide + 1)
    high = off > np.maximum(least, times * usual)
    found: list[tuple[int, int]] = []
    for i in np.flatnonzero(high):
        if found and i == found[-1][1] + 1:
            found[-1] = (found[-1][0], int(i))
        else:
            found.append((int(i), int(i)))
    return [(a, b) for a, b in found if a > 0 and b < y.size - 1 and b - a < wide // 3 + 1]
