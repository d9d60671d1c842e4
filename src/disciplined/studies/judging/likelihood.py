"""How likely is what the author printed, if this is what he ran? Readings of a row, weighed.

A reading is a way the author's row may really have been run; its likelihood is the probability of
the digits he printed, predicted from our runs of that reading. Ratios of likelihoods multiply over
rows that do not share runs. Three ways, from the plainest to the most careful:

* all else equal: what differs between his runs and ours is chance alone;
* with the scatter of controls: rows nobody doubts do not all come back either (other code, other
  data order), and how far they lie off is what any row must be allowed;
* by pairs: his swing row less his own row of constant momentum, so that whatever moves both alike
  falls out.

scipy.special only, as in `disciplined.studies.judging.statistics`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.special import stdtr

from disciplined.studies.judging.statistics import Difference


@dataclass(frozen=True)
class Stated:
    """What the author printed: the mean of `n` runs, with their std where he gave it.

    step: the last digit printed, 0 for all digits. error: the variance of what else is in the value
    and does not average out over his runs (test sample), or is known apart (his log's late spread).
    """

    value: float
    step: float = 0.0
    std: float | None = None
    n: int = 1
    error: float = 0.0


@dataclass(frozen=True)
class Runs:
    """Our runs of one reading: two at least, with a spread."""

    mean: float
    std: float
    n: int


@dataclass(frozen=True)
class Scatter:
    """How far rows nobody doubts lie off: a standard deviation, as a share of the error 1 - value.

    rows: how many it was estimated from, its degrees of freedom.
    """

    share: float
    rows: int


def predicted(stated: Stated, runs: Runs, scatter: Scatter | None = None) -> Difference:
    """The printed value less our mean, with the error of predicting it before it was rounded.

    As the judge predicts (`statistics.prediction`): the author's own spread where he printed one,
    ours otherwise; degrees of freedom by Satterthwaite, in which a scatter of few rows counts as
    the rough estimate it is. It never makes the tails thinner than they are without it: what widens
    a prediction must not make any reading less likely far out.
    """
    ours = runs.std**2 / runs.n
    if stated.std and stated.n > 1:
        his = stated.std**2 / stated.n
        squares = ours**2 / (runs.n - 1) + his**2 / (stated.n - 1)
    else:
        his = runs.std**2 / stated.n
        squares = (ours + his) ** 2 / (runs.n - 1)
    plain = ours + his + stated.error
    df = plain**2 / squares if squares else math.inf
    between = 0.0
    if scatter:
        between = (scatter.share * (1 - stated.value)) ** 2
        squares += between**2 / scatter.rows
        df = min(df, (plain + between) ** 2 / squares) if squares else math.inf
    total = plain + between
    return Difference(stated.value - runs.mean, math.sqrt(total), df)


def probability(d: Difference, step: float) -> float:
    """Student's probability that a difference rounded to `step` is printed as this one.

    Without a step it is the density: only ratios of the same step mean anything.
    """
    if d.se == 0 or not math.isfinite(d.df):
        raise ValueError("no spread is known, so nothing is likely or unlikely")
    if step < 1e-4 * d.se:
        return d.density() * (step or 1.0)
    off, half = abs(d.value), step / 2
    return float(stdtr(d.df, (half - off) / d.se) - stdtr(d.df, (-half - off) / d.se))


def log_likelihood(stated: Stated, runs: Runs, scatter: Scatter | None = None) -> float:
    """The natural logarithm of how likely the printed digits are under this reading."""
    found = probability(predicted(stated, runs, scatter), stated.step)
    return math.log(max(found, 1e-300))  # below that a ratio says no more than "never"


def scatter(controls: Sequence[tuple[Stated, Runs]]) -> Scatter | None:
    """The standard deviation between laboratories over rows nobody doubts.

    Paule and Mandel's estimate about zero: the s for which the squared differences, each by its own
    variance plus s², average to one; 0 where chance explains them. None below two rows. A share of
    the error 1 - value, so that an MNIST row and a CIFAR row may stand in one list.
    """
    if len(controls) < 2:
        return None
    terms = []
    for stated, runs in controls:
        d, error = predicted(stated, runs), 1 - stated.value
        rounding = stated.step**2 / 12
        terms.append(((d.value / error) ** 2, (d.se**2 + rounding) / error**2))

    def excess(s: float) -> float:
        return sum(square / (own + s * s) for square, own in terms) / len(terms) - 1

    if excess(0.0) <= 0:
        return Scatter(0.0, len(terms))
    low, high = 0.0, math.sqrt(max(square for square, _ in terms))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return Scatter((low + high) / 2, len(terms))


def log_ratio_of_pair(
    swing: Stated, constant: Stated, our_swing: Runs, our_constant: Runs
) -> float | None:
    """ln of (the swing did not act : it acted) from the difference between two rows of the author.

    Had it not acted, both rows were run alike and differ by chance; had it acted, they differ as
    ours do. An offset common to both rows falls out, and so does the error of a shared test sample.
    None where he printed no spreads.
    """
    if not (swing.std and constant.std and swing.n > 1 and constant.n > 1):
        return None
    his = [(s.std**2 / s.n, s.n - 1) for s in (swing, constant) if s.std]
    ours = [(r.std**2 / r.n, r.n - 1) for r in (our_swing, our_constant)]
    rounding = (swing.step**2 + constant.step**2) / 12
    measured = swing.value - constant.value
    logs = []
    for expected, parts in ((0.0, his), (our_swing.mean - our_constant.mean, his + ours)):
        squares = sum(v * v / df for v, df in parts)
        total = sum(v for v, _ in parts) + rounding
        density = Difference(measured - expected, math.sqrt(total), total**2 / squares).density()
        logs.append(math.log(max(density, 1e-300)))
    return logs[0] - logs[1]


def product(log_ratios: Iterable[float]) -> float:
    """The product of ratios whose natural logarithms are given, itself as a logarithm."""
    return math.fsum(log_ratios)


def odds(log_ratio: float) -> str:
    """A ratio as `7 : 1` or `1 : 7`, three digits at most, powers of ten beyond a million."""
    size = abs(log_ratio)
    if size > math.log(1e6):
        text = f"10{superscript(int(size / math.log(10)))}"
    elif (ratio := math.exp(size)) >= 9.95:
        text = f"{float(f'{ratio:.2g}'):,.0f}"
    else:
        text = f"{ratio:.1f}"
    return f"{text} : 1" if log_ratio >= 0 else f"1 : {text}"


def superscript(number: int) -> str:
    """A whole number as an exponent."""
    return "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(number))
