"""The judge judged: how often does it see a difference where there is none?

Many seeds of one configuration are drawn again and again into disjoint groups, one of which is
judged as if it were another arm, or as if the author had published it.
The draws share seeds, so the interval of a rate is a jackknife's over blocks of seeds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from disciplined.studies.judging.statistics import ALPHA
from disciplined.studies.ledger import Result
from disciplined.studies.study import ENOUGH, Study

BLOCKS = 20


@dataclass(frozen=True)
class Rate:
    """A false-alarm rate with its 95 % interval; `nominal` is what it should be."""

    question: str
    metric: str
    rate: float
    low: float
    high: float
    nominal: float
    seeds: int
    groups: tuple[int, int]
    draws: int

    def words(self) -> str:
        """The rate as a sentence."""
        return (
            f"{self.question}, {self.metric}: {self.rate:.1%} [{self.low:.1%}, {self.high:.1%}] "
            f"false alarms where {self.nominal:.0%} are allowed ({self.draws} draws of "
            f"{self.groups[0]} against {self.groups[1]} out of {self.seeds} seeds)"
        )


def of(study: Study, results: dict[str, list[Result]]) -> list[Rate]:
    """The rates that the study's `calibrate` asks for, and of the fewest seeds that decide."""
    told = study.calibrate
    if told is None:
        return []
    rates = []
    for metric in told.metrics:
        values = np.array([r.value(metric, "final") for r in results.get(told.arm, [])])
        finite = values[~np.isnan(values)]
        for group in dict.fromkeys((told.group, ENOUGH)):
            rates += calibrate(finite, metric, group=group, draws=told.draws)
    return rates


def calibrate(values: np.ndarray, metric: str, *, group: int, draws: int) -> list[Rate]:
    """False-alarm rates of the judge's questions on `values` (one a seed, all of one setting).

    Fewer than two groups of values give no rate. The draws are the same every time.
    """
    if values.size < 2 * group:
        return []
    rng = np.random.default_rng(0)
    order = np.argsort(rng.random((draws, values.size)), axis=1)[:, : 2 * group]
    blocks = min(BLOCKS, values.size // 4)
    rates = []
    for question, (against, alarm) in QUESTIONS.items():
        used = order[:, : group + (against or group)]
        drawn = values[used]
        found = alarm(drawn[:, :group], drawn[:, group:])
        rate, half = float(found.mean()), half_width(found, used % blocks, blocks)
        low, high = max(0.0, rate - half), min(1.0, rate + half)
        groups = (group, against or group)
        rates.append(Rate(question, metric, rate, low, high, ALPHA, values.size, groups, draws))
    return rates


def half_width(alarm: np.ndarray, block: np.ndarray, blocks: int) -> float:
    """Half the 95 % interval of the rate of `alarm` [draws]; block: [draws, seeds used]."""
    without = [(block != b).all(axis=1) for b in range(blocks)]
    left_out = np.array([alarm[w].mean() if w.any() else alarm.mean() for w in without])
    error = math.sqrt((blocks - 1) / blocks * float(((left_out - left_out.mean()) ** 2).sum()))
    return float(stdtrit(blocks - 1, 1 - ALPHA / 2)) * error


def spreads(values: np.ndarray) -> np.ndarray:
    """`statistics.variance` along the last axis: all draws at once, or it takes half a minute."""
    return np.where(np.ptp(values, axis=-1) == 0, 0.0, values.var(axis=-1, ddof=1))


def apart(difference: np.ndarray, error: np.ndarray, df: np.ndarray) -> np.ndarray:
    """`Difference.p_not` of every draw, from the variance of its error; 1 where there is none."""
    known = error > 0
    t = np.abs(difference) / np.sqrt(np.where(known, error, 1.0))
    return np.where(known, 2 * stdtr(np.where(known, df, 1.0), -t), 1.0)


def differs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two arms: does Welch's interval exclude no difference? [draws, seeds] each."""
    u, v = spreads(first) / first.shape[-1], spreads(second) / second.shape[-1]
    squares = u**2 / (first.shape[-1] - 1) + v**2 / (second.shape[-1] - 1)
    df = (u + v) ** 2 / np.where(squares > 0, squares, 1.0)
    return apart(first.mean(axis=-1) - second.mean(axis=-1), u + v, df) <= ALPHA


def number(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """A published mean without its spread: is it outside what our runs predict?"""
    u, n = spreads(ours), ours.shape[-1]
    df = np.asarray(n - 1.0)
    error = u / n + u / theirs.shape[-1]
    return apart(theirs.mean(axis=-1) - ours.mean(axis=-1), error, df) < ALPHA


def number_with_spread(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """A published mean ± std: is it outside what our runs and its spread predict?"""
    u = spreads(ours) / ours.shape[-1]
    v = theirs.var(axis=-1, ddof=1) / theirs.shape[-1]
    squares = u**2 / (ours.shape[-1] - 1) + v**2 / (theirs.shape[-1] - 1)
    df = (u + v) ** 2 / np.where(squares > 0, squares, 1.0)
    return apart(theirs.mean(axis=-1) - ours.mean(axis=-1), u + v, df) < ALPHA


# question: how many seeds stand for the author's (None: as many as ours), and the judge's decision
# for every draw, [draws, seeds] each
QUESTIONS: dict[str, tuple[int | None, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "two arms differ": (None, differs),
    "a published mean ± std does not come back": (None, number_with_spread),
    "a published mean without std does not come back": (None, number),
    "a single published run does not come back": (1, number),
}
