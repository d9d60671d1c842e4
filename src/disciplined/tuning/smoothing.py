"""A curve's noise, and the curve without it, by medians. numpy only.

Nothing here knows a unit: a curve twice as high is smoothed to one twice as high, a constant stays
itself at every point, the ends included, and one wild point changes nothing.
"""

import numpy as np

from disciplined.tuning.curve import Column

# Of a normal distribution: the standard deviation over the median absolute deviation, over the
# mean absolute deviation, and of the median of many over that of their mean.
MAD, MEAN_DEVIATION, MEDIAN = 1.4826, 1.2533, 1.2533
PRECISION = 0.02  # of the curve's own height: what smoothing leaves of the noise, if it can
WIDEST = 10  # the window is never more than this part of the points, or three


def noise(y: Column) -> float:
    """The standard deviation of a curve's point-to-point noise.

    From second differences, which no straight trend enters; of the first half and the second the
    larger, since a curve may be calm for half its length. A curve constant but for a few points
    has the noise of these few.
    """
    bends = np.abs(np.diff(y, 2))
    if not len(bends):
        return 0.0
    halves = np.array_split(bends, 2) if len(bends) >= 8 else [bends]
    scale = max(float(np.median(half)) * MAD for half in halves)
    return (scale or float(bends.mean()) * MEAN_DEVIATION) / np.sqrt(6)


def medians(y: Column, window: int) -> Column:
    """The running median of [N] points over a window of odd length, shorter near the ends.

    The first and last point follow Tukey's rule: the median of the point, of its neighbour's
    median, and of where the two medians beside it point.
    """
    half = window // 2
    if half == 0 or len(y) < 3:
        return y.copy()
    smooth = y.copy()
    if len(y) >= window:
        inner = np.lib.stride_tricks.sliding_window_view(y, window)
        smooth[half : len(y) - half] = np.median(inner, axis=1)
    for i in range(1, min(half, (len(y) + 1) // 2)):
        smooth[i] = np.median(y[: 2 * i + 1])
        smooth[-1 - i] = np.median(y[-2 * i - 1 :])
    for end, one, two in ((0, 1, 2), (-1, -2, -3)):
        smooth[end] = np.median([y[end], smooth[one], 3 * smooth[one] - 2 * smooth[two]])
    return smooth


def height(smooth: Column) -> tuple[int, int]:
    """Where a curve is highest, and where it was lowest before that."""
    best = int(np.argmax(smooth))
    return best, int(np.argmin(smooth[: best + 1]))


def smoothed(y: Column) -> tuple[Column, Column]:
    """A curve without its noise, and the standard error of each of its points: [N] each.

    The window is as wide as the noise asks for, so that a curve without any is left as it is but
    for single points: within a fiftieth of the curve's rise, and at most a tenth of its points.
    """
    sigma = noise(y)
    widest = max(3, len(y) // WIDEST) | 1
    rough = medians(y, widest)
    best, worst = height(rough)
    rise = rough[best] - rough[worst] or np.ptp(rough)
    asked = (MEDIAN * sigma / (PRECISION * rise)) ** 2 if rise > 0 else np.inf
    window = int(min(max(3.0, asked), widest)) | 1
    windows = np.minimum(2 * np.minimum(np.arange(len(y)), np.arange(len(y))[::-1]) + 1, window)
    return medians(y, window), MEDIAN * sigma / np.sqrt(windows)


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
