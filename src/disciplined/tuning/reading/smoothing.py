"""A curve's noise, and the curve without it, by medians. numpy only.

Nothing here knows a unit: a curve twice as high is smoothed to one twice as high, a constant stays
itself at every point, the ends included, and one wild point changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

from disciplined.tuning.reading.curve import Column

# Of a normal distribution, over its standard deviation: the median absolute deviation, the mean one
# where none counts for more than three times that, and of medians of many over that of their means.
MAD, TRIMMED, MEDIAN = 0.67449, 0.78194, 1.2533
BENDS = np.sqrt(6)  # the standard deviation of second differences over that of the points
PRECISION = 0.02  # of the curve's own rise: what smoothing leaves of the noise, if it can
WIDEST = 10  # the window is never more than this part of the points, or three
LEAST = 2  # points on either side at least, where there are enough: two wild ones change nothing
NEARBY = 15  # points, or a fifth of all: noise is told from these


def noise(y: Column) -> Column:
    """The standard deviation of a curve's point-to-point noise, about each of [N] points.

    From second differences, which no straight trend enters; a wild one counts as three usual ones.
    Loss and accuracy are much noisier at some rates than at others, so each point has its own.
    Where most neighbours are equal, such as those of an accuracy at chance, the few others tell.
    """
    bends = np.abs(np.diff(y, 2))
    if not len(bends):
        return np.zeros(len(y))
    near = min(max(NEARBY, len(y) // 5), len(bends))
    windows = np.lib.stride_tricks.sliding_window_view(bends, near)
    middle = np.median(windows, axis=1)
    scale = np.minimum(windows, 3 * middle[:, None]).mean(axis=1) / TRIMMED
    if not middle.all():
        scale[middle == 0] = np.sqrt(np.mean(windows[middle == 0] ** 2, axis=1))
    before = (len(y) - len(scale)) // 2
    return np.pad(scale / BENDS, (before, len(y) - len(scale) - before), mode="edge")


def medians(y: Column, half: NDArray[np.int_]) -> Column:
    """The running median of [N] points over `half` points on either side, [N], fewer at the ends.

    The first and last point follow Tukey's rule: the median of the point, of its neighbour's
    median, and of where the two medians beside it point.
    """
    half = np.minimum(half, room(len(y)))
    smooth = np.empty(len(y))
    for h in np.unique(half):
        at = np.flatnonzero(half == h)
        smooth[at] = np.median(y[at[:, None] + np.arange(-h, h + 1)], axis=1)
    if len(y) >= 3:
        for end, one, two in ((0, 1, 2), (-1, -2, -3)):
            smooth[end] = np.median([y[end], smooth[one], 3 * smooth[one] - 2 * smooth[two]])
    return smooth


def room(points: int) -> NDArray[np.int_]:
    """How many points there are on the shorter side of each."""
    places = np.arange(points)
    return np.minimum(places, places[::-1])


def height(smooth: Column) -> tuple[int, int]:
    """Where a curve is highest, and where it was lowest before that."""
    best = int(np.argmax(smooth))
    return best, int(np.argmin(smooth[: best + 1]))


def smoothed(y: Column) -> tuple[Column, Column, Column]:
    """A curve without its noise, its standard error, and the noise about each point: [N] each.

    The window is as wide as the noise about a point asks for, so that a curve without any is left
    as it is but for single points: within a fiftieth of the curve's rise, and at most a tenth of
    its points. Levels that come in steps, as an accuracy does, are known to half a step at best.
    """
    sigma = noise(y)
    widest = max(1, len(y) // WIDEST // 2)
    rough = medians(y, np.full(len(y), widest))
    best, worst = height(rough)
    rise = rough[best] - rough[worst] or np.ptp(rough) or 1.0
    asked = (MEDIAN * sigma / (PRECISION * rise)) ** 2
    least = min(widest, LEAST)
    half = np.clip(asked / 2, least, widest).astype(int)
    width = 2 * np.minimum(half, room(len(y))) + 1
    error = np.hypot(MEDIAN * sigma / np.sqrt(width), np.minimum(sigma, unit(y)) / 2)
    return medians(y, half), error, sigma


def unit(y: Column) -> float:
    """The smallest step between a curve's levels: an image of an accuracy, nothing for a loss."""
    steps = np.diff(np.unique(y))
    steps = steps[steps > 1e-9 * float(np.abs(y).max(initial=0))]
    return float(steps.min()) if len(steps) else 0.0


def slopes(u: Column, y: Column) -> Column:
    """dy/du of a smooth curve, [N], by straight lines through each point's neighbours.

    Neighbours are within a twentieth of the axis, and two on either side at least; the nearer
    weigh more (tricube).
    """
    found = np.empty_like(y)
    for i, at in enumerate(u):
        distance = np.abs(u - at)
        nearest = np.partition(distance, min(4, len(u) - 1))[min(4, len(u) - 1)]
        reach = max(float(np.ptp(u)) / 20, float(nearest) * 1.01)
        weight = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
        du = u - np.average(u, weights=weight)
        found[i] = np.sum(weight * du * y) / np.sum(weight * du * du)
    return found


def pettitt(sizes: Column) -> tuple[int, float]:
    """Where numbers become larger, and how probable so clear a change is without any.

    The first index of the later part, by the one-sided test of A. N. Pettitt, A non-parametric
    approach to the change-point problem (1979).
    """
    n = len(sizes)
    if n < 2:
        return 0, 1.0
    ranks = np.empty(n)
    _, inverse, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    k = np.arange(1, n)
    clear = k * (n + 1) - 2 * np.cumsum(ranks)[:-1]
    at = int(np.argmax(clear))
    return at + 1, float(np.exp(-6 * max(clear[at], 0.0) ** 2 / (n**3 + n**2)))
