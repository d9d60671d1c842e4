"""What every policy asks of its numbers; each refusal is one line that names the setting."""

import math

from disciplined.mistakes import Mistake
from disciplined.schedules.lengths import Iterations


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
    return Iterations(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
