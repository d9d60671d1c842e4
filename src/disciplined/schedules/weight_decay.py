"""Weight decay, the factor on the weights that the step adds to their gradient: constant so far."""

from disciplined.schedules import checks
from disciplined.schedules.segments import Schedule, Segment


def constant(value: float) -> Schedule:
    """`value` for ever. Raises Mistake for a negative one. Source: all three papers."""
    value = checks.not_negative("weight_decay.value", value, example="weight_decay.value=1e-4")
    return Schedule((Segment.constant(value, 1),))
