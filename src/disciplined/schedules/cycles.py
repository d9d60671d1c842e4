"""The papers' cyclical learning rates: one function a policy, each a `Schedule` over the run.

Names, formulas and the difference between what the papers say and what their author ran are those
of the reference, sections 2.1 and 2.2. Rates are per update, of the mean loss of the batch. All
raise Mistake for a setting that cannot be meant.
"""

import itertools
import math
from collections.abc import Iterator

from disciplined.mistakes import Mistake
from disciplined.schedules import checks, shapes
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment, cut

_BELOW = 1000  # the tail of 1cycle lies this factor below base_lr (solver logs)
_VANISHED = 1100  # half of half of ... of a swing: a double is exactly 0 after this many halvings


def triangular(
    base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """base -> max -> base, `stepsize` iterations each way, again and again until the run ends.

    Source: the first paper; formula in reference 2.1. The second paper's "CLR" runs are one cycle.
    """
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    cycle = (Segment.linear(base_lr, max_lr, stepsize), Segment.linear(max_lr, base_lr, stepsize))
    whole, rest = divmod(duration, 2 * stepsize)
    return Schedule(cycle * whole + cut(cycle, rest))


def triangular2(
    base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """As `triangular`, the swing halved after every cycle. Source: the first paper; 2.1."""
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    return Schedule(cut(_shrinking(base_lr, max_lr, stepsize), duration))


def staged(
    base_lr: list[float],
    max_lr: list[float],
    stepsize: list[Iterations],
    milestones: list[Iterations],
    duration: Iterations,
    halving: bool = True,
) -> Schedule:
    """`triangular2` begun anew at each of the `milestones`, every stage with its own bounds.

    One stage more than milestones; without `halving` each stage is `triangular`. Source:
    clr/table2, the run of figure 1: three stages for the three rates of the fixed policy, from 0,
    16,000 and 22,000 of 25,000 iterations; clr/table4, whose range the original steps reduce.
    """
    begins = [0, *checks.rising("milestones", milestones)]
    if not len(base_lr) == len(max_lr) == len(stepsize) == len(begins):
        raise Mistake(
            f"milestones={list(milestones)}: {len(begins)} stages need as many base_lr, max_lr and "
            f"stepsize; there are {len(base_lr)}, {len(max_lr)} and {len(stepsize)}"
        )
    ends = [*begins[1:], max(checks.iterations("duration", duration), begins[-1] + 1)]
    segments: list[Segment] = []
    for base, top, steps, begin, end in zip(base_lr, max_lr, stepsize, begins, ends, strict=True):
        base, top = checks.bounds(base, top)
        steps = checks.iterations("stepsize", steps)
        cycles = _shrinking(base, top, steps, 0.5 if halving else 1.0)
        segments += cut(cycles, end - begin)
    return Schedule(cut(segments, duration))


def exp_range(
    base_lr: float,
    max_lr: float,
    stepsize: Iterations,
    gamma: float,
    duration: Iterations,
    scale: float = 1,
) -> Schedule:
    """As `triangular`, both bounds times gamma ** iteration, in a shortened run ** (it / scale).

    Source: the first paper; 2.1.
    """
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    gamma = checks.positive("gamma", gamma, example="gamma=0.99994")
    fall = math.log(gamma) * stepsize / checks.positive("scale", scale, example="scale=0.1")
    if abs(fall) * -(-duration // stepsize) > 700:
        raise Mistake(
            f"gamma={gamma:g}: over {duration} iterations the rate passes every number a computer "
            "has; write one nearer to 1, for example gamma=0.99994"
        )
    segments = []
    for half in range(-(-duration // stepsize)):
        ends = (base_lr, max_lr) if half % 2 == 0 else (max_lr, base_lr)
        start, end = ends[0] * math.exp(fall * half), ends[1] * math.exp(fall * (half + 1))
        segments.append(Segment(stepsize, start, end, stepsize, shapes.Damped(fall)))
    return Schedule(cut(segments, duration))


def welch(base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations) -> Schedule:
    """As `triangular` with a parabola for each cycle. Source: clr/text-windows."""
    return _windows(base_lr, max_lr, stepsize, duration, shapes.SoftEnd(2.0), shapes.SoftStart(2.0))


def hann(base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations) -> Schedule:
    """As `triangular` with a sine squared for each cycle. Source: clr/text-windows."""
    return _windows(base_lr, max_lr, stepsize, duration, shapes.cosine, shapes.cosine)


def cosine_restarts(
    lr: float, end_lr: float, period: Iterations, factor: int, duration: Iterations
) -> Schedule:
    """From `lr` to `end_lr` along half a cosine, again and again, each period longer.

    Source: SGDR (1608.03983), T_0 and T_mult; superconv/text-sgdr; reference 10.3.
    """
    lr, end_lr = checks.rate("lr", lr), checks.rate("end_lr", end_lr)
    period, duration = checks.iterations("period", period), checks.iterations("duration", duration)
    if factor < 1:
        raise Mistake(f"factor={factor}: expected a whole number, 1 or more")
    falls = (
        Segment(length, lr, end_lr, length, shapes.cosine)
        for length in (period * factor**n for n in itertools.count())
    )
    return Schedule(cut(falls, duration))


def onecycle(base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations) -> Schedule:
    """1cycle as its author ran it: base -> max -> 0, then base/1000 from iteration 2*stepsize on.

    The papers' text reads as a return to base (`onecycle_as_written`); the solver logs go to 0.
    Source: reference 2.2, the 1cycle logs of CIFAR and ImageNet.
    """
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    cycle = (Segment.linear(base_lr, max_lr, stepsize), Segment.linear(max_lr, 0.0, stepsize))
    tail = duration - 2 * stepsize
    if tail < 0:
        return Schedule(cut(cycle, duration))
    return Schedule((*cycle, Segment.constant(base_lr / _BELOW, tail)))


def onecycle_as_written(
    base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """1cycle as the papers' text describes it: base -> max -> base, then below base to the end.

    The text has the rate "several orders of magnitude" below base over the remaining iterations and
    gives no curve; here it falls in a straight line to base/1000, the level of `onecycle`'s tail.
    Source: section 4.1 of the third paper; reference 2.2.
    """
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    cycle = (Segment.linear(base_lr, max_lr, stepsize), Segment.linear(max_lr, base_lr, stepsize))
    tail = duration - 2 * stepsize
    if tail <= 0:
        return Schedule(cut(cycle, duration))
    return Schedule((*cycle, Segment.linear(base_lr, base_lr / _BELOW, tail)))


def _shrinking(
    base_lr: float, max_lr: float, stepsize: int, factor: float = 0.5
) -> Iterator[Segment]:
    """triangular2 without an end, the swing times `factor`; once nothing is left, the base."""
    for cycle in itertools.count() if factor == 1 else range(_VANISHED):
        top = base_lr + (max_lr - base_lr) * factor**cycle
        yield Segment.linear(base_lr, top, stepsize)
        yield Segment.linear(top, base_lr, stepsize)
    while True:
        yield Segment.constant(base_lr, stepsize)


def _windows(
    base_lr: float,
    max_lr: float,
    stepsize: int,
    duration: int,
    up: shapes.Shape,
    down: shapes.Shape,
) -> Schedule:
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    cycle = (
        Segment(stepsize, base_lr, max_lr, stepsize, up),
        Segment(stepsize, max_lr, base_lr, stepsize, down),
    )
    whole, rest = divmod(duration, 2 * stepsize)
    return Schedule(cycle * whole + cut(cycle, rest))
