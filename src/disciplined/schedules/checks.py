"""What every policy asks of its numbers; each refusal is one line that names the parameter.

A run's plan puts the hyper-parameter before the name: `base_lr` becomes `schedule.base_lr`.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Iterations, Period


def not_negative(setting: str, value: float, *, example: str) -> float:
    """`value` as a float. Raises Mistake unless it is a finite number of at least 0."""
    if not _is_number(value) or value < 0:
        raise Mistake(
            f"{setting}={value}: expected a finite number, 0 or more; write for example {example}"
        )
    return float(value)


def momentum(setting: str, value: float) -> float:
    """`value` as a float. Raises Mistake unless it lies in 0..1 (range tests reach 1)."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise Mistake(
            f"{setting}={value}: momentum lies between 0 and 1; write for example {setting}=0.9"
        )
    return float(value)


def iterations(setting: str, value: int) -> Iterations:
    """`value`. Raises Mistake unless it is a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Mistake(
            f"{setting}={value}: expected a whole number of iterations, at least 1; "
            "write a longer length, for example 41ep"
        )
    return value


def period(setting: str, value: Fraction | int) -> Period:
    """`value`. Raises Mistake unless it is a whole number or a fraction of iterations, above 0."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction) or value <= 0:
        raise Mistake(
            f"{setting}={value}: expected a number of iterations above 0; write for example 1ep"
        )
    return Fraction(value)


def rate(name: str, value: float) -> float:
    """A rate (or whatever else the policy drives): finite, 0 or more."""
    return not_negative(name, value, example=f"{name}=0.1")


def bounds(base_lr: float, max_lr: float) -> tuple[float, float]:
    """Both rates of a cycle or range. Raises Mistake where the upper one is the lower."""
    base_lr, max_lr = rate("base_lr", base_lr), rate("max_lr", max_lr)
    if max_lr < base_lr:
        raise Mistake(
            f"max_lr={max_lr:g}: expected at least base_lr={base_lr:g}; "
            "raise max_lr or lower base_lr"
        )
    return base_lr, max_lr


def cycle(
    base_lr: float, max_lr: float, stepsize: int, duration: int
) -> tuple[float, float, Iterations, Iterations]:
    """What every cyclical policy takes. Raises Mistake also for a stepsize beyond the run."""
    base_lr, max_lr = bounds(base_lr, max_lr)
    stepsize, duration = iterations("stepsize", stepsize), iterations("duration", duration)
    if stepsize > duration:
        raise Mistake(
            f"stepsize={stepsize}it: longer than the run ({duration} iterations); "
            f"expected at most {duration}it, for a whole cycle {max(duration // 2, 1)}it; "
            "shorten stepsize or lengthen duration"
        )
    return base_lr, max_lr, stepsize, duration


def positive(name: str, value: float, *, example: str) -> float:
    """`value` as a float. Raises Mistake unless it is a finite number above 0."""
    if not_negative(name, value, example=example) == 0:
        raise Mistake(f"{name}={value}: expected a number above 0; write for example {example}")
    return float(value)


def rising(name: str, values: Sequence[int]) -> list[Iterations]:
    """Iterations, each at least 1. Raises Mistake unless they are in rising order."""
    found = [iterations(name, value) for value in values]
    if found != sorted(found):
        raise Mistake(
            f"{name}={list(values)} (iterations): expected in rising order; "
            f"write them as {sorted(found)}"
        )
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
