"""The reader's own schedule: any function of the iteration, tabulated."""

import inspect
import math
from collections.abc import Callable
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment
from disciplined.schedules.shapes import Table

LONGEST = 10**7  # iterations; a table of more would not fit


def own(function: Callable[..., Any], duration: Iterations, **settings: Any) -> Schedule:
    """`function(iteration, **settings)` for every iteration of the run; its last value holds.

    The function is given `duration` too where it has such a parameter. It must be pure: the key of
    a record is that of its values. Raises Mistake for what is no rate and for what it raises.
    """
    duration = checks.iterations("duration", duration)
    name = getattr(function, "__name__", str(function))
    if duration > LONGEST:
        raise Mistake(f"function={name}: at most {LONGEST:,} iterations can be tabulated")
    if "duration" in inspect.signature(function).parameters:
        settings = {**settings, "duration": duration}
    values = []
    for iteration in range(duration + 1):
        try:
            value = float(function(iteration, **settings))
        except Exception as error:
            raise Mistake(
                f"function={name}: raised {type(error).__name__} at iteration {iteration} ({error})"
            ) from error
        if not math.isfinite(value) or value < 0:
            raise Mistake(
                f"function={name}: gives {value} at iteration {iteration}; "
                "expected a finite number, 0 or more"
            )
        values.append(value)
    table = Table(tuple(values))
    return Schedule((Segment(duration, values[0], values[-1], duration, table),))
