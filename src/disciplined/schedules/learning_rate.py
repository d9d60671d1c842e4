"""The papers' learning rates: one function a policy, each a `Schedule` over the run's iterations.

Names, formulas and the difference between what the papers say and what their author ran are those
of the reference, sections 2.1, 2.2 and 2.5. Rates are per update, of the mean loss of the batch.
All raise Mistake for a setting that cannot be meant.
"""

from collections.abc import Sequence
from fractions import Fraction

from disciplined.mistakes import Mistake
from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment, cut

_BELOW = 1000  # the tail of 1cycle lies this factor below base_lr (solver logs)
_STEP_GAMMA = 0.316
_STEP_AT = tuple(Fraction(share) for share in ("0.5", "0.75", "0.875", "0.9375", "0.90625"))


def constant(lr: float) -> Schedule:
    """`lr` for ever."""
    return Schedule((Segment.constant(_rate("lr", lr), 1),))


def step(lr: float, duration: Iterations) -> Schedule:
    """The third paper's "step" (and "constant") rate, as Caffe ran it.

    Factors of 0.316 are listed at 50, 75, 87.5, 93.75 and 90.6 % of the run. Caffe takes the list
    in sequence, at most one a iteration, so the last comes one iteration after the fourth: together
    a factor of 0.1 at 93.75 %. The same rule orders the drops of a run too short to keep them
    apart; the first update always has `lr`. Source: reference 2.5, log of DenseNet, 400 epochs.
    """
    lr = _rate("lr", lr)
    duration = _duration(duration)
    drops, last = [], 0
    for share in _STEP_AT:
        last = max(last + 1, share.numerator * duration // share.denominator)
        drops.append(last)
    return _stairs(lr, _STEP_GAMMA, [drop for drop in drops if drop < duration], duration)


def multistep(lr: float, gamma: float, milestones: list[Iterations]) -> Schedule:
    """`lr`, times `gamma` at each of the `milestones`; one listed twice counts twice.

    Source: the second paper's long runs: 0.35, times 0.1 at 50,000 and 70,000 of 80,000 iterations.
    """
    lr = _rate("lr", lr)
    gamma = checks.not_negative("schedule.gamma", gamma, example="schedule.gamma=0.1")
    drops = [checks.iterations("schedule.milestones", milestone) for milestone in milestones]
    if drops != sorted(drops):
        raise Mistake(
            f"schedule.milestones={list(milestones)} (iterations): expected in rising order; "
            f"write them as {sorted(drops)}"
        )
    return _stairs(lr, gamma, drops, (drops[-1] if drops else 0) + 1)


def triangular(
    base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """base -> max -> base, `stepsize` iterations each way, again and again until the run ends.

    Source: the first paper; formula in reference 2.1. The second paper's "CLR" runs are one cycle.
    """
    base_lr, max_lr, stepsize, duration = _cycle(base_lr, max_lr, stepsize, duration)
    cycle = (Segment.linear(base_lr, max_lr, stepsize), Segment.linear(max_lr, base_lr, stepsize))
    whole, rest = divmod(duration, 2 * stepsize)
    return Schedule(cycle * whole + cut(cycle, rest))


def onecycle(base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations) -> Schedule:
    """1cycle as its author ran it: base -> max -> 0, then base/1000 from iteration 2*stepsize on.

    The papers' text reads as a return to base (`onecycle_as_written`); the solver logs go to 0.
    Source: reference 2.2, the 1cycle logs of CIFAR and ImageNet.
    """
    base_lr, max_lr, stepsize, duration = _cycle(base_lr, max_lr, stepsize, duration)
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
    base_lr, max_lr, stepsize, duration = _cycle(base_lr, max_lr, stepsize, duration)
    cycle = (Segment.linear(base_lr, max_lr, stepsize), Segment.linear(max_lr, base_lr, stepsize))
    tail = duration - 2 * stepsize
    if tail <= 0:
        return Schedule(cut(cycle, duration))
    return Schedule((*cycle, Segment.linear(base_lr, base_lr / _BELOW, tail)))


def range_test(base_lr: float, max_lr: float, duration: Iterations) -> Schedule:
    """The learning-rate range test: from base to max in a straight line, once, over the whole run.

    Source: the first paper, section 3.3; reference 2.1.
    """
    base_lr, max_lr = _range(base_lr, max_lr)
    return Schedule((Segment.linear(base_lr, max_lr, _duration(duration)),))


def _stairs(lr: float, gamma: float, drops: Sequence[int], duration: int) -> Schedule:
    """`lr * gamma**n` after n of the `drops` (rising, all below `duration`)."""
    begins, ends = [0, *drops], [*drops, duration]
    return Schedule(
        tuple(
            Segment.constant(lr * gamma**n, end - begin)
            for n, (begin, end) in enumerate(zip(begins, ends, strict=True))
        )
    )


def _rate(name: str, value: float) -> float:
    return checks.not_negative(f"schedule.{name}", value, example=f"schedule.{name}=0.1")


def _duration(duration: int) -> Iterations:
    return checks.iterations("duration", duration)


def _range(base_lr: float, max_lr: float) -> tuple[float, float]:
    base_lr, max_lr = _rate("base_lr", base_lr), _rate("max_lr", max_lr)
    if max_lr < base_lr:
        raise Mistake(
            f"schedule.max_lr={max_lr:g}: expected at least schedule.base_lr={base_lr:g}; "
            "raise max_lr or lower base_lr"
        )
    return base_lr, max_lr


def _cycle(
    base_lr: float, max_lr: float, stepsize: int, duration: int
) -> tuple[float, float, Iterations, Iterations]:
    base_lr, max_lr = _range(base_lr, max_lr)
    stepsize, duration = checks.iterations("schedule.stepsize", stepsize), _duration(duration)
    if stepsize > duration:
        raise Mistake(
            f"schedule.stepsize={stepsize}it: longer than the run ({duration} iterations); "
            f"expected at most {duration}it, for a whole cycle {max(duration // 2, 1)}it; "
            "shorten stepsize or lengthen duration"
        )
    return base_lr, max_lr, stepsize, duration
