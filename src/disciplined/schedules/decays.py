"""Learning rates that only fall: constant, stairs, and the usual curves down.

Formulas as in reference 2.1 and 2.5, and as Keras, PyTorch and Caffe have them. Each is a
`Schedule` over the run's iterations; all raise Mistake for a setting that cannot be meant.
"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

from disciplined.mistakes import Mistake
from disciplined.schedules import checks, shapes
from disciplined.schedules.lengths import Iterations, Period
from disciplined.schedules.segments import Schedule, Segment

_STEP_GAMMA = 0.316
_STEP_AT = tuple(Fraction(share) for share in ("0.5", "0.75", "0.875", "0.9375", "0.90625"))


def constant(lr: float) -> Schedule:
    """`lr` for ever."""
    return Schedule((Segment.constant(checks.rate("lr", lr), 1),))


def step(lr: float, duration: Iterations) -> Schedule:
    """The third paper's "step" (and "constant") rate, as Caffe ran it.

    Factors of 0.316 are listed at 50, 75, 87.5, 93.75 and 90.6 % of the run. Caffe takes the list
    in sequence, at most one a iteration, so the last comes one iteration after the fourth: together
    a factor of 0.1 at 93.75 %. The same rule orders the drops of a run too short to keep them
    apart; the first update always has `lr`. Source: reference 2.5, log of DenseNet, 400 epochs.
    """
    lr = checks.rate("lr", lr)
    duration = checks.iterations("duration", duration)
    drops, last = [], 0
    for share in _STEP_AT:
        last = max(last + 1, share.numerator * duration // share.denominator)
        drops.append(last)
    drops = [drop for drop in drops if drop < duration]
    return _stairs([lr * _STEP_GAMMA**n for n in range(len(drops) + 1)], drops, duration)


def multistep(lr: float, gamma: float, milestones: list[Iterations]) -> Schedule:
    """`lr`, times `gamma` at each of the `milestones`; one listed twice counts twice.

    Source: the second paper's long runs: 0.35, times 0.1 at 50,000 and 70,000 of 80,000 iterations.
    """
    lr = checks.rate("lr", lr)
    gamma = checks.not_negative("gamma", gamma, example="gamma=0.1")
    drops = checks.rising("milestones", milestones)
    return _stairs([lr * gamma**n for n in range(len(drops) + 1)], drops)


def piecewise_constant(values: list[float], milestones: list[Iterations]) -> Schedule:
    """The first of the `values` until the first of the `milestones`, the second from there on, …

    One value more than milestones. Source: Keras's PiecewiseConstantDecay; the first paper's
    baseline (0.001, 1e-4 from 60,000, 1e-5 from 65,000); decay changed at a snapshot (third paper,
    figure 12).
    """
    found = [checks.rate("values", value) for value in values]
    drops = checks.rising("milestones", milestones)
    if len(found) != len(drops) + 1:
        raise Mistake(
            f"values={list(values)}: {len(drops)} milestones need {len(drops) + 1} values, one "
            "before each and one behind the last"
        )
    return _stairs(found, drops)


def exponential(
    lr: float, gamma: float, every: Period, duration: Iterations, staircase: bool = False
) -> Schedule:
    """`lr` times `gamma` every `every` iterations: smoothly, or in stairs.

    Source: Caffe's `exp` (every iteration; clr/fig04 and table 1), Keras's ExponentialDecay
    (`decay_steps`, `decay_rate`, `staircase`), PyTorch's ExponentialLR (every epoch, in stairs).
    """
    lr = checks.rate("lr", lr)
    gamma = checks.positive("gamma", gamma, example="gamma=0.96")
    every, duration = checks.period("every", every), checks.iterations("duration", duration)
    if staircase:
        done, drops = _periods(every, duration)
        return _stairs([lr * gamma**n for n in done], drops, duration)
    log_ratio = math.log(gamma) * float(duration / every)
    end = lr * _exp("gamma", gamma, log_ratio)
    return Schedule((Segment(duration, lr, end, duration, shapes.Geometric(log_ratio)),))


def inverse_time(
    lr: float,
    decay: float | str,
    every: Period,
    duration: Iterations,
    epochs: float,
    staircase: bool = False,
) -> Schedule:
    """`lr / (1 + decay * t / every)`, t in iterations; with `staircase` t / every is rounded down.

    decay: `auto` is lr / epochs, what the ionosphere tutorial computes. every: 1it is Keras 2's
    `SGD(decay=)`, which counts updates; 1ep counts epochs. Source: Keras 2's optimizers.SGD and
    InverseTimeDecay; reference 10.1 and 10.4.
    """
    lr = checks.rate("lr", lr)
    every, duration = checks.period("every", every), checks.iterations("duration", duration)
    if isinstance(decay, str) and decay != "auto":
        raise Mistake(f"decay={decay}: expected a number, or auto (lr / epochs)")
    amount = lr / epochs if isinstance(decay, str) else decay
    amount = checks.not_negative("decay", amount, example="decay=1e-3")
    if staircase:
        done, drops = _periods(every, duration)
        return _stairs([lr / (1 + amount * n) for n in done], drops, duration)
    reach = amount * float(duration / every)
    return Schedule(
        (Segment(duration, lr, lr / (1 + reach), duration, shapes.Inverse(1.0, reach)),)
    )


def inv(lr: float, gamma: float, power: float, duration: Iterations, scale: float = 1) -> Schedule:
    """`lr * (1 + gamma * t) ** -power`, in a shortened run t / scale for t.

    Source: Caffe's `inv`, LeNet's solver.
    """
    lr = checks.rate("lr", lr)
    gamma = checks.not_negative("gamma", gamma, example="gamma=1e-4")
    power = checks.not_negative("power", power, example="power=0.75")
    duration = checks.iterations("duration", duration)
    reach = gamma * duration / checks.positive("scale", scale, example="scale=0.1")
    end = lr * (1 + reach) ** -power
    return Schedule((Segment(duration, lr, end, duration, shapes.Inverse(power, reach)),))


def polynomial(lr: float, end_lr: float, power: float, duration: Iterations) -> Schedule:
    """From `lr` to `end_lr`, the distance falling as (1 - t / duration) ** power.

    Source: Caffe's `poly`, Keras's PolynomialDecay, PyTorch's PolynomialLR; tutorials/schedules.
    """
    power = checks.positive("power", power, example="power=2")
    return _down(lr, end_lr, duration, shapes.SoftEnd(power))


def linear(lr: float, end_lr: float, duration: Iterations) -> Schedule:
    """From `lr` to `end_lr` in a straight line over the whole run."""
    duration = checks.iterations("duration", duration)
    ends = checks.rate("lr", lr), checks.rate("end_lr", end_lr)
    return Schedule((Segment.linear(*ends, duration),))


def cosine(lr: float, end_lr: float, duration: Iterations) -> Schedule:
    """From `lr` to `end_lr` along half a cosine over the whole run. Source: SGDR, no restart."""
    return _down(lr, end_lr, duration, shapes.cosine)


def rex(lr: float, duration: Iterations) -> Schedule:
    """From `lr` to 0, slowly first: lr * (1 - z) / (1/2 + (1 - z)/2), z the share of the run done.

    Source: REX, "Revisiting Budgeted Training with an Improved Schedule" (2107.04197), section 3.
    """
    return _down(lr, 0.0, duration, shapes.rex)


def decay(base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations) -> Schedule:
    """From `max_lr` to `base_lr` in a straight line over `stepsize`, then `base_lr`.

    Source: the first paper's control that only falls (clr/text-decay: 0.007 to 0.001, 4000).
    """
    base_lr, max_lr, stepsize, duration = checks.cycle(base_lr, max_lr, stepsize, duration)
    fall = Segment.linear(max_lr, base_lr, stepsize)
    return Schedule((fall, Segment.constant(base_lr, duration - stepsize)))


def _down(lr: float, end_lr: float, duration: int, shape: shapes.Shape) -> Schedule:
    duration = checks.iterations("duration", duration)
    lr, end_lr = checks.rate("lr", lr), checks.rate("end_lr", end_lr)
    return Schedule((Segment(duration, lr, end_lr, duration, shape),))


def _periods(every: Period, duration: int) -> tuple[list[int], list[int]]:
    """How many periods are over from the start on and from each change of that on; the changes."""
    done, drops = [0], []
    # where a period is shorter than an iteration, several are over at once
    changes = range(1, duration) if every < 1 else itertools.count(every, every)
    for change in map(math.ceil, changes):
        if change >= duration:
            break
        drops.append(change)
        done.append(math.floor(change / every))
    return done, drops


def _stairs(values: Sequence[float], drops: Sequence[int], duration: int | None = None) -> Schedule:
    """The values one after the other, changing at each of the `drops` (rising)."""
    begins = [0, *drops]
    ends = [*drops, duration if duration is not None else begins[-1] + 1]
    return Schedule(
        tuple(
            Segment.constant(value, end - begin)
            for value, begin, end in zip(values, begins, ends, strict=True)
        )
    )


def _exp(name: str, value: float, exponent: float) -> float:
    """exp, where it is a double."""
    try:
        return math.exp(exponent)
    except OverflowError as error:
        raise Mistake(f"{name}={value:g}: the rate would grow beyond all numbers") from error
