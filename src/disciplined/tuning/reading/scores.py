"""A metric of one curve as the rules see it, and whether it says anything. numpy only.

Every rule sees the curve through `smoothing` and compares with the curve's own noise and its own
rise, so none knows the unit of a loss, how many points there are, or what is good for a data set.
The rise is from the lowest level to the best one after it; for a loss up and down change places.

A network that learns nothing may still hop from one class to another, and its accuracy with it. So
an accuracy must also rise by more than the binomial error of the images it is measured on explains,
and validation must somewhere be better than the best constant answer, the commonest class, beyond
luck: by `LUCKY` binomial errors for accuracy; for a loss by ln(points / `CHANCE`) / images, which a
network that knows nothing of the labels reaches with a probability below `CHANCE` (Markov's
inequality for likelihood ratios). Both are asked where images and classes are known.

Raggedness at high rates is no noise of what was learnt before. So a curve gets better, too,
where the part before it turns ragged does by its own noise, or where its first point is no better
than a constant answer's, beyond luck, and its best level is.

The thresholds hold for all rules. They were set so that the author's own logs of range tests read
as his papers read them (`tests/tuning/reading/test_reading_author.py`) and that a curve of nothing
but independent noise gives a reading in fewer than one of a hundred tests. What wanders slowly is
no such noise: a curve of nothing else is read as if it said something.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from disciplined.tuning.reading.curve import Column, Curve
from disciplined.tuning.reading.smoothing import pettitt, smoothed

FEWEST = 8  # points without which nothing is read
SEEN = 2.0  # standard errors beyond which a level differs from a given other
CHANGED = 5.5  # standard errors beyond which the best level differs from the worst
ENORMOUS = 1e100  # levels beyond are all the same; their squares are still numbers
CHANCE = 0.001  # probability of such a change in a curve that is as noisy all along
LUCKY = 4.0  # binomial errors: the best of fifty draws is beyond with a probability of 0.002

WORDS = {
    "val_accuracy": "validation accuracy",
    "val_loss": "validation loss",
    "train_loss": "training loss",
}
SCORES = ("val_accuracy", "val_loss", "train_loss")
LOSSES = ("val_loss", "train_loss")


class NotRead(Exception):
    """Why a rule finds nothing in a curve."""


@dataclass(frozen=True)
class Score:
    """A metric of one curve, turned so that up is better.

    x, y: [M] as measured; smooth, error: [M], without noise and the standard error of that; sigma:
    [M], the noise about each point; luck: [M], the binomial error of an accuracy, 0 for a loss and
    where unknown. best, worst: where it is highest, and lowest before. diverged: whether training
    did before the test's end. guess: the level that a constant answer reaches with luck, None where
    unknown.
    """

    metric: str
    x: Column
    y: Column
    smooth: Column
    error: Column
    sigma: Column
    luck: Column
    diverged: bool
    guess: float | None = None

    @cached_property
    def best(self) -> int:
        return int(np.argmax(self.smooth))

    @cached_property
    def worst(self) -> int:
        return int(np.argmin(self.smooth[: self.best + 1]))

    @cached_property
    def rise(self) -> float:
        return float(self.smooth[self.best] - self.smooth[self.worst])

    @property
    def name(self) -> str:
        return WORDS[self.metric]

    def told(self, level: float) -> str:
        """A level in the metric's own direction."""
        return f"{level if self.metric.endswith('accuracy') else -level:.3g}"

    def below_best(self, part: float) -> NDArray[np.bool_]:
        """[M]: whether it is lower than its best by this part of the rise, and beyond noise."""
        return self.smooth < self.smooth[self.best] - self.beyond(self.best, part, SEEN)

    def above_worst(self, part: float) -> NDArray[np.bool_]:
        """[M]: whether it is higher than its lowest by this part of the rise, and beyond noise."""
        return self.smooth > self.smooth[self.worst] + self.beyond(self.worst, part, SEEN)

    def beyond(self, other: int, part: float, errors: float) -> Column:
        """[M]: the difference from another point that is this part of the rise and no noise."""
        return np.maximum(part * self.rise, errors * np.hypot(self.error, self.error[other]))

    def changed(self, other: int) -> Column:
        """[M]: the difference from another point that neither noise nor luck explains."""
        luck = np.hypot(self.luck, self.luck[other])
        return np.maximum(self.beyond(other, 0, CHANGED), CHANGED * luck)

    @cached_property
    def learns(self) -> bool:
        """Whether it gets better: beyond its noise, beyond that of the part before it turns ragged,
        or from a guess to more."""
        guessed = self.guess is not None and self.y[0] <= self.guess < self.smooth[self.best]
        return guessed or self.climbs or (self.calm is not None and self.calm.climbs)

    @property
    def climbs(self) -> bool:
        """Whether it gets better beyond the noise of all of it."""
        return self.rise > max(self.changed(self.worst)[self.best], self.rounding)

    @property
    def calm(self) -> "Score | None":
        """The part before it turns ragged; None where it does not, or too soon."""
        bends = np.abs(np.diff(self.y, 2))
        change, chance = pettitt(bends)
        end = change - change // 5  # what is ragged already may lie before the clearest change
        if chance > CHANCE or end < FEWEST:
            return None
        x, y, luck = (column[:end] for column in (self.x, self.y, self.luck))
        return Score(self.metric, x, y, *smoothed(y), luck, self.diverged)

    @cached_property
    def changes(self) -> bool:
        """Whether it gets better or worse beyond noise."""
        lost = self.smooth[self.best] - self.smooth - self.rounding
        return self.learns or bool((lost > self.changed(self.best))[self.best :].any())

    @property
    def rounding(self) -> float:
        """What is no difference, whatever the noise."""
        return 1e-9 * float(np.abs(self.smooth[[self.worst, self.best]]).max())


def score(curve: Curve, metric: str) -> Score:
    """A metric of a curve as the rules see it. Raises NotRead where there is nothing to see."""
    x, measured = curve.measured(metric)
    if not len(x):
        raise NotRead(f"{WORDS[metric]} was not measured")
    if len(x) < FEWEST:
        raise NotRead(f"{WORDS[metric]} has {len(x)} points; {FEWEST} are needed")
    y = np.clip(measured, -ENORMOUS, ENORMOUS) * (1 if metric.endswith("accuracy") else -1)
    smooth, error, sigma = smoothed(y)
    luck = binomial(smooth, curve.images) if metric == "val_accuracy" else np.zeros_like(y)
    ended = curve.diverged_at is not None
    guess = guessing(curve, metric)
    found = Score(metric, x, y, smooth, error, sigma, luck, ended, guess)
    if not found.changes:
        raise NotRead(f"{WORDS[metric]}: nothing changes beyond the noise")
    better(curve, found)
    return found


def binomial(share: Column, images: int | None) -> Column:
    """The standard error of a share of so many images; 0 where their number is unknown."""
    if not images:
        return np.zeros_like(share)
    inside = np.clip(share, 1 / (images + 1), images / (images + 1))
    return np.sqrt(inside * (1 - inside) / images)


def guessing(curve: Curve, metric: str) -> float | None:
    """What a constant answer reaches with luck in a metric held out, up is better; None where that
    is unknown."""
    if curve.constant is None or not curve.images or metric == "train_loss":
        return None
    if metric == "val_accuracy":
        chance = np.array([curve.constant.accuracy])
        return curve.constant.accuracy + LUCKY * float(binomial(chance, curve.images)[0])
    points = len(curve.measured(metric)[0])
    return math.log(max(points, 1) / CHANCE) / curve.images - curve.constant.loss


def better(curve: Curve, s: Score) -> None:
    """Raises NotRead where a metric is known never to be better than a constant answer's."""
    constant = curve.constant
    if s.metric == "train_loss":
        limit = curve.constant_train
        if limit is not None and -s.smooth.max() >= limit - SEEN * s.error[s.best]:
            raise NotRead(f"{s.name} is never better than a constant answer's, {limit:.3g}")
    elif constant is not None and curve.images:
        known = False
        for metric, sign in (("val_accuracy", 1), ("val_loss", -1)):
            levels, guess = sign * curve.measured(metric)[1], guessing(curve, metric)
            known |= guess is not None and bool((levels > guess).any())
        if not known:
            raise NotRead(
                f"validation is never better than a constant answer "
                f"(accuracy {constant.accuracy:.3g}, loss {constant.loss:.3g})"
            )
