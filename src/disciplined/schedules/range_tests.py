"""Range tests: the rate rises once from low to high over the whole run."""

import math

from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment
from disciplined.schedules.shapes import Geometric


def range_test(base_lr: float, max_lr: float, duration: Iterations) -> Schedule:
    """The learning-rate range test: from base to max in a straight line, once, over the whole run.

    Source: the first paper, section 3.3; reference 2.1.
    """
    base_lr, max_lr = checks.bounds(base_lr, max_lr)
    return Schedule((Segment.linear(base_lr, max_lr, checks.iterations("duration", duration)),))


def range_test_exponential(base_lr: float, max_lr: float, duration: Iterations) -> Schedule:
    """The same by a constant factor an iteration, over several decades; `base_lr` above 0.

    Source: Howard's variant, in sgugger's notebook 1e-8 to 10; reference 9 and 10.3.
    """
    base_lr, max_lr = checks.bounds(base_lr, max_lr)
    base_lr = checks.positive("base_lr", base_lr, example="base_lr=1e-6")
    duration = checks.iterations("duration", duration)
    rise = Geometric(math.log(max_lr / base_lr))
    return Schedule((Segment(duration, base_lr, max_lr, duration, rise),))
