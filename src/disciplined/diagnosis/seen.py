"""A run as the signs look at it: the deciding loss on a scale of relative change, and its rate."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from disciplined.diagnosis.curves import Curves
from disciplined.diagnosis.slopes import blocks, noise, smooth, width

CONSTANT, RANGE_TEST, CYCLE, FALLING, UNKNOWN = "constant", "range test", "cycle", "falling", ""
FEWEST = 6  # measurements below which nothing but a loss that is not finite is judged
MOST = 1000  # measurements that are looked at one by one
WARMUP = 0.1  # of the run: a rate that rises no longer than that is no cycle


@dataclass(frozen=True)
class Seen:
    """One loss of a run: of images that were not trained on, or the training loss where no other
    was measured (`blind`: under- and overfitting cannot be told from that)."""

    curves: Curves
    metric: str
    signs: dict[str, Any] = field(default_factory=dict)  # those already looked for

    @property
    def blind(self) -> bool:
        """Whether only the training loss is there."""
        return self.metric == "train_loss"

    @cached_property
    def x(self) -> np.ndarray:
        """Iterations with a finite loss; of very many the medians of blocks."""
        return self.measured[0]

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss at `x`."""
        return self.measured[1]

    @cached_property
    def measured(self) -> tuple[np.ndarray, np.ndarray]:
        """Iterations and losses."""
        x, loss = self.curves.measured(self.metric)
        return blocks(x, loss, MOST // 2) if x.size > MOST else (x, loss)

    @property
    def block(self) -> int:
        """How many measurements a point stands for."""
        return -(-self.curves.measured(self.metric)[0].size // max(1, self.x.size))

    @cached_property
    def y(self) -> np.ndarray:
        """The loss so that 0.1 is a tenth of it: its logarithm, or, where a loss is not positive,
        in units of the range between its 5th and 95th percentile."""
        if self.positive:
            return np.log(self.loss)
        low, high = np.percentile(self.loss, [5, 95])
        return self.loss / (high - low or 1.0)

    @property
    def positive(self) -> bool:
        """Whether every loss is; a likelihood's need not be."""
        return bool((self.loss > 0).all())

    def percent(self, change: float) -> str:
        """A change of `y` in words."""
        if not self.positive:
            return f"{100 * change:+.3g} % of its range"
        return f"{100 * np.expm1(min(change, 20.0)):+.3g} %"

    @cached_property
    def smooth(self) -> np.ndarray:
        """Running medians of `y`."""
        return smooth(self.y)

    @property
    def wide(self) -> int:
        """Of how many points."""
        return width(self.x.size)

    @cached_property
    def span(self) -> float:
        """From the first measurement to the last."""
        return float(self.x[-1] - self.x[0]) if self.x.size else 0.0

    def part(self, start: float, end: float = 1.0) -> np.ndarray:
        """Which points lie between two parts of the run."""
        at = (self.x - self.x[0]) / (self.span or 1.0)
        return (at >= start) & (at <= end)

    @cached_property
    def rate(self) -> np.ndarray | None:
        """The learning rate at `x`."""
        return self.curves.at("lr", self.x)

    @cached_property
    def kind(self) -> str:
        """What the rate does over the run."""
        found = None if self.rate is None else self.rate[self.rate > 0]
        if found is None or found.size < 2:
            return UNKNOWN
        if found.max() <= 1.1 * found.min():
            return CONSTANT
        rising = np.mean(np.diff(found) >= 0) >= 0.98
        if rising and found[-1] >= 3 * found[0]:
            return RANGE_TEST
        after = found[int(found.argmax()) :] if found.argmax() <= WARMUP * found.size else found
        if (after / np.minimum.accumulate(after)).max() >= 1.5:
            return CYCLE
        return FALLING

    @cached_property
    def hot(self) -> np.ndarray:
        """Where a cycle's or a range test's rate is above a third of its largest."""
        if self.rate is None or self.kind not in (CYCLE, RANGE_TEST):
            return np.zeros(self.x.size, bool)
        return self.rate > self.rate.max() / 3

    def steady(self, there: np.ndarray, factor: float = 2.5) -> bool:
        """Whether the rate hardly changes within a part; true where nobody knows it."""
        if self.rate is None:
            return True
        found = self.rate[there]
        return bool(found.size and found.min() > 0 and found.max() <= factor * found.min())

    def stretches(self) -> list[np.ndarray]:
        """Parts that are a fifth of the run at least, within which the rate is the same; the whole
        run where it is unknown or falls smoothly; the cool end of a cycle."""
        everything = np.arange(self.x.size)
        if self.rate is None or self.kind == CONSTANT:
            return [everything]
        if self.kind == RANGE_TEST:
            return []
        if self.kind == CYCLE:
            hot = np.flatnonzero(self.hot)
            parts = [everything[int(hot[-1]) + 1 if hot.size else 0 :]]
        else:
            steps = np.flatnonzero(np.abs(np.diff(np.log(np.maximum(self.rate, 1e-300)))) > 0.3)
            parts = np.split(everything, steps + 1)
        return [p for p in parts if p.size >= 8 and self.x[p[-1]] - self.x[p[0]] >= 0.2 * self.span]

    def near(self, i: int) -> float:
        """The independent noise of `y` around a point."""
        there = slice(max(0, i - 2 * self.wide), i + 2 * self.wide + 1)
        return noise(self.x[there], self.y[there])

    def train(self, start: float, end: float) -> float | None:
        """The median training loss between two iterations, or of the two values nearest; None where
        it is the deciding loss itself, hardly measured, or not positive."""
        x, loss = self.curves.measured("train_loss")
        if self.blind or x.size < FEWEST or loss.min() < 0:
            return None
        there = (x >= start) & (x <= end)
        if there.sum() < 2:
            there = np.argsort(np.abs(x - (start + end) / 2))[:2]
        return float(np.median(loss[there]))

    def window(self, i: int) -> tuple[float, float]:
        """The iterations that the smoothed value of a point is made of."""
        half = self.wide // 2
        return float(self.x[max(0, i - half)]), float(self.x[min(self.x.size - 1, i + half)])

    def lr_at(self, iteration: float) -> float | None:
        """The rate at an iteration."""
        found = self.curves.at("lr", np.array([iteration]))
        return None if found is None else float(found[0])
