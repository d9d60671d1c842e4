"""The papers' momenta: constant, cyclical against the learning rate, linear.

All raise Mistake for a momentum outside 0..1. Source: reference 2.3.
"""

from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment, cut

# Half of half of ... of a swing: a double is exactly 0 after this many halvings.
_VANISHED = 1100


def constant(value: float) -> Schedule:
    """`value` for ever."""
    return Schedule((Segment.constant(checks.momentum("value", value), 1),))


def cyclical(
    at_base_lr: float, at_max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """From `at_base_lr` to `at_max_lr` and back, `stepsize` iterations each way, all run long.

    The swing halves with every new cycle, so the tail of a 1cycle run sees the beginning of a
    second one of half the size. The stepsize may be longer than the run, of which then only the
    beginning of the way is gone: the author's inception-resnet runs on ImageNet are like that.
    Source: the third paper's appendix; logs (0.95-0.85, stepsize 2246: 0.947596 at 4600).
    """
    at_base_lr = checks.momentum("at_base_lr", at_base_lr)
    at_max_lr = checks.momentum("at_max_lr", at_max_lr)
    stepsize = checks.iterations("stepsize", stepsize)
    duration = checks.iterations("duration", duration)
    cycles = min(duration // (2 * stepsize) + 1, _VANISHED)
    segments: list[Segment] = []
    for cycle in range(cycles):
        turn = at_base_lr + (at_max_lr - at_base_lr) * 0.5**cycle
        segments.append(Segment.linear(at_base_lr, turn, stepsize))
        segments.append(Segment.linear(turn, at_base_lr, stepsize))
    rest = duration - 2 * stepsize * cycles
    if rest > 0:
        segments.append(Segment.constant(at_base_lr, rest))
    return Schedule(cut(segments, duration))


def linear(start: float, end: float, duration: Iterations) -> Schedule:
    """From `start` to `end` in a straight line over the whole run (a momentum range test).

    Source: disciplined/fig07b and fig07c.
    """
    start = checks.momentum("start", start)
    end = checks.momentum("end", end)
    return Schedule((Segment.linear(start, end, checks.iterations("duration", duration)),))
