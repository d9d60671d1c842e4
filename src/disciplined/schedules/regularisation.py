"""What regularises: weight decay, the factor on the weights that the step adds to their gradient,
and gradient clipping, the largest norm that a gradient may have.

Both also take the policies of the learning rate, whose `lr`, `end_lr`, `base_lr` and `max_lr` are
then called `value`, `end`, `low` and `high`.
"""

import math

from disciplined.mistakes import Mistake
from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment


def constant(value: float) -> Schedule:
    """`value` for ever. Raises Mistake for a negative one. Source: all three papers."""
    value = checks.not_negative("value", value, example="value=1e-4")
    return Schedule((Segment.constant(value, 1),))


def cyclical(low: float, high: float, factor: float, duration: Iterations) -> Schedule:
    """From `low` to `high` over the first 1/`factor` of the run, and back over the rest.

    Easy at both ends, hard between; factor 1 only rises. Raises Mistake for a setting that cannot
    be meant. Source: Smith's "General Cyclical Training" (2202.08835) and the code beside it, which
    moves by epochs where this moves by iterations.
    """
    low = checks.not_negative("low", low, example="low=1e-5")
    high = checks.not_negative("high", high, example="high=1e-3")
    duration = checks.iterations("duration", duration)
    if not 1 <= factor < math.inf:
        raise Mistake(f"factor={factor}: expected 1 or more; 2 rises for half of the run")
    rise = max(1, min(duration, int(duration / factor)))
    segments = [Segment.linear(low, high, rise)]
    if rise < duration:
        segments.append(Segment.linear(high, low, duration - rise))
    return Schedule(tuple(segments))
