"""The rules by which rates are read off one metric of one curve. numpy only.

Each gives a value and its reason, or raises NotRead. Their thresholds were set with those of
`disciplined.tuning.reading.scores`, where is said by what.
"""

from collections.abc import Callable

import numpy as np

from disciplined.tuning.reading.curve import Column, Curve
from disciplined.tuning.reading.scores import (
    CHANCE,
    CHANGED,
    LOSSES,
    SCORES,
    NotRead,
    Score,
)
from disciplined.tuning.reading.smoothing import BENDS, MAD, MEDIAN, pettitt, slopes

BEGUN = 0.05  # of the rise: so far above the lowest a rise has begun, so far below the best a fall
FALLEN = 0.2  # of the rise: this far below its best level, and never back, it has fallen
RAGGED = 3.0  # times the noise before
VISIBLE = 0.01  # of the rise: less noise than this nobody calls ragged
UNSURE = "gets better by no more than its noise, and then worse"


def learning(s: Score) -> None:
    """Raises NotRead where nothing gets better."""
    if s.learns:
        return
    if s.rise > FALLEN * float(s.smooth[s.best] - s.smooth[s.best :].min()):
        raise NotRead(f"{s.name} {UNSURE}")
    raise NotRead(f"{s.name} is best at the first rate and only gets worse")


def starts(s: Score) -> tuple[float, str]:
    """The last rate before a metric begins to get better (1506.01186 section 3.3, the minimum)."""
    learning(s)
    risen = s.above_worst(BEGUN)
    stay = max(2, len(s.x) // 20)  # points it must stay up
    after = (i for i in range(s.worst, s.best + 1) if risen[i : min(i + stay, s.best + 1)].all())
    first = max(next(after, s.best) - 1, s.worst)
    verb = "rise" if s.metric.endswith("accuracy") else "fall"
    when = "from the first rate on" if first == 0 else "here"
    return float(s.x[first]), f"{s.name} starts to {verb} {when}"


def falls(s: Score) -> tuple[float, str]:
    """The last rate at which a metric is near its best before it gets worse for good."""
    if found := fall(s):
        last, level = found
        verb = "falls" if s.metric.endswith("accuracy") else "rises"
        how = f"from {s.told(s.smooth[s.best])} to {s.told(level)}"
        return float(s.x[last]), f"{s.name} {verb} for good beyond here, {how}"
    end = "until training diverged" if s.diverged else f"to the end, {s.x[-1]:.3g}"
    raise NotRead(f"{s.name} is near its best {end}")


def fall(s: Score) -> tuple[int, float] | None:
    """The last point near the best, and the level after it, where that is lower beyond noise."""
    holds = int(np.flatnonzero(~s.below_best(FALLEN))[-1])
    rest = s.y[holds + 1 :]
    if not len(rest):
        return None
    level = float(np.median(rest))
    error = MEDIAN * float(np.median(s.sigma[holds + 1 :])) / np.sqrt(len(rest))
    noise = CHANGED * float(np.hypot(error, s.error[s.best]))
    part = FALLEN if len(rest) >= len(s.x) / 20 else 0.5  # the last few may just be low
    if s.smooth[s.best] - level <= max(part * s.rise, noise):
        return None
    return int(np.flatnonzero(~s.below_best(BEGUN)[: holds + 1])[-1]), level


def ragged(s: Score) -> tuple[float, str]:
    """The rate from which a metric is much noisier than before.

    By Pettitt's rank test for one change in the size of second differences, so whatever the noise
    looks like; between the rates where half of the rise is reached and where it is lost again,
    since what climbs or collapses bends without being ragged.
    """
    learning(s)
    half = np.flatnonzero(s.smooth >= s.smooth[s.worst] + s.rise / 2)
    half = half[half >= s.worst]
    bends = np.abs(np.diff(s.y[half[0] : half[-1] + 1], 2))
    change, chance = pettitt(bends)
    if chance > CHANCE:
        raise NotRead(f"{s.name} is not noisier at high rates than at low ones")
    before, after = noise_of(bends[:change]), noise_of(bends[change:])
    if after < max(RAGGED * before, VISIBLE * s.rise):
        raise NotRead(f"{s.name} is hardly noisier at high rates than at low ones")
    times = f"{after / before:.2g} times" if before > 0 else "infinitely"
    return float(s.x[half[0] + change]), f"{s.name} is {times} as noisy beyond here"


def noise_of(bends: Column) -> float:
    """The standard deviation of noise with these second differences."""
    return float(np.median(bends)) / MAD / BENDS


def steepest(s: Score) -> tuple[float, str]:
    """The rate where the loss falls fastest over the logarithm of the rate (Howard)."""
    learning(s)
    kept = np.arange(s.worst, s.best + 1)
    kept = kept[s.x[kept] > 0]
    if len(kept) < 3:
        raise NotRead(f"{s.name} falls within {len(kept)} points; 3 are needed")
    slope = slopes(np.log(s.x[kept]), s.smooth[kept])
    return float(s.x[kept[int(np.argmax(slope))]]), f"{s.name} falls fastest per decade"


def tenth(s: Score) -> tuple[float, str]:
    """A tenth of the rate where the loss is lowest."""
    learning(s)
    lowest = float(s.x[s.best])
    end = ", the end of the test" if s.best == len(s.x) - 1 else ""
    return lowest / 10, f"{s.name} is lowest at {lowest:.3g}{end}; a tenth of that"


def best(s: Score) -> tuple[float, str]:
    """The rate where a metric is best, where half of the rise or more is lost in what follows and
    noise hides from where: no plateau, though no fall can be told."""
    learning(s)
    if fall(s):
        raise NotRead(f"{s.name} is read to get worse for good")
    beyond, level = s.y[s.best + 1 :], s.smooth[s.best]
    if len(beyond) <= len(s.x) / 20 or level - np.median(beyond) <= s.rise / 2:
        raise NotRead(f"{s.name} keeps most of its rise to the end")
    how = f"beyond it is mostly {s.told(float(np.median(beyond)))}, too noisy to say from where"
    return float(s.x[s.best]), f"{s.name} is best here, {s.told(level)}; {how}"


def diverges(curve: Curve) -> tuple[float, str]:
    """Where the test ended, because the loss was not finite or had grown too large."""
    if curve.diverged_at is None:
        end = f", {curve.values[-1]:.3g}" if len(curve.values) else ""
        raise NotRead(f"training did not diverge to the end{end}")
    return curve.diverged_at, "training diverged"


RULES: dict[str, tuple[Callable[[Score], tuple[float, str]], tuple[str, ...]]] = {
    "starts": (starts, SCORES),
    "ragged": (ragged, SCORES),
    "falls": (falls, SCORES),
    "rises": (falls, ("val_loss",)),  # training loss may rise where validation does not
    "steepest": (steepest, LOSSES),
    "tenth": (tenth, LOSSES),
    "best": (best, SCORES),
}
