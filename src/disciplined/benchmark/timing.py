"""Contenders timed in turn, round after round, so that a slow minute of the machine hits them all.

What is told are ratios within a round; images per second beside them say the order of magnitude.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from disciplined.benchmark.contenders import Contender


@dataclass(frozen=True)
class Timing:
    """A contender's images per second, a value a round."""

    name: str
    rounds: list[float]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.rounds)


def ratio(ours: Timing, other: Timing) -> tuple[float, float, float]:
    """How many times as fast as the other: the rounds' median, lowest and highest ratio."""
    found = [a / b for a, b in zip(ours.rounds, other.rounds, strict=True)]
    return statistics.median(found), min(found), max(found)


def alternate(
    contenders: dict[str, Contender],
    *,
    images: int,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Timing]:
    """Time every contender in every round, every other round in the reverse order.

    images: to an update. seconds: about how long each is timed in a round, found by a first round
    that does not count; two updates at least.
    """
    names = list(contenders)
    updates = {}
    for name in names:
        probe = contenders[name](2) / 2
        updates[name] = max(2, math.ceil(seconds / probe))
        tell(f"{name}: {images / probe:,.0f} images/s, {updates[name]} updates a round")
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            taken = contenders[name](updates[name])
            found[name].append(updates[name] * images / taken)
        tell(f"round {turn + 1}: " + ", ".join(f"{name} {found[name][-1]:,.0f}" for name in names))
    return [Timing(name, values) for name, values in found.items()]
