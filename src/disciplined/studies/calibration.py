"""The judge judged: how often does it see a difference where there is none?

Many seeds of one configuration are drawn again and again into disjoint groups, which are judged as
if they were two arms (`greater`, and a published mean with its spread, which is judged alike), and
as if one more seed were a single run that the author published (`number`).
The draws share seeds, so the interval of a rate is a jackknife's over blocks of seeds.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from disciplined.studies.ledger import Result
from disciplined.studies.statistics import ALPHA
from disciplined.studies.study import Study

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
    """The rates that the study's `calibrate` asks for."""
    told = study.calibrate
    if told is None:
        return []
    rates = []
    for metric in told.metrics:
        values = np.array([r.value(metric, "final") for r in results.get(told.arm, [])])
        finite = values[~np.isnan(values)]
        rates += calibrate(finite, metric, group=told.group, draws=told.draws)
    return rates


def calibrate(values: np.ndarray, metric: str, *, group: int, draws: int) -> list[Rate]:
    """False-alarm rates of the two questions on `values` (one a seed, all of the same setting).

    Fewer than two groups of values give no rate. The draws are the same every time.
    """
    if values.size < 2 * group:
        return []
    rng = np.random.default_rng(0)
    order = np.argsort(rng.random((draws, values.size)), axis=1)[:, : 2 * group]
    first, second = values[order[:, :group]], values[order[:, group:]]
    alarms = {
        "greater": (welch_alarms(first, second), (group, group)),
        "number": (prediction_alarms(first, second[:, :1]), (group, 1)),
    }
    blocks = min(BLOCKS, values.size // 4)
    block = order % blocks
    rates = []
    for question, (alarm, groups) in alarms.items():
        rate = float(alarm.mean())
        without = [(block[:, : sum(groups)] != b).all(axis=1) for b in range(blocks)]
        left_out = np.array([alarm[w].mean() if w.any() else rate for w in without])
        error = math.sqrt((blocks - 1) / blocks * float(((left_out - left_out.mean()) ** 2).sum()))
        half = float(stdtrit(blocks - 1, 1 - ALPHA / 2)) * error
        low, high = max(0.0, rate - half), min(1.0, rate + half)
        rates.append(Rate(question, metric, rate, low, high, ALPHA, values.size, groups, draws))
    return rates


def welch_alarms(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`predicates.greater`'s decisions, a row a draw: an interval that excludes no difference."""
    n = first.shape[1]
    u, v = variances(first) / n, variances(second) / n
    with np.errstate(invalid="ignore", divide="ignore"):
        df = (u + v) ** 2 / ((u**2 + v**2) / (n - 1))
        t = np.abs(first.mean(axis=1) - second.mean(axis=1)) / np.sqrt(u + v)
        return (u + v > 0) & (t >= stdtrit(df, 1 - ALPHA / 2))


def variances(rows: np.ndarray) -> np.ndarray:
    """`statistics.variance` of every row."""
    return np.where(np.ptp(rows, axis=1) == 0, 0.0, rows.var(axis=1, ddof=1))


def prediction_alarms(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The number question's decisions: their mean outside the interval that our runs predict."""
    n, m = ours.shape[1], theirs.shape[1]
    se = np.sqrt(variances(ours) * (1 / n + 1 / m))
    outside = np.abs(ours.mean(axis=1) - theirs.mean(axis=1)) > stdtrit(n - 1, 1 - ALPHA / 2) * se
    return outside & (se > 0)
