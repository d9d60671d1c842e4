"""The rate of a run that is only the beginning of others."""

from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment


def beginning(
    base_lr: float, max_lr: float, stepsize: Iterations, duration: Iterations
) -> Schedule:
    """The first `duration` iterations of base -> max in `stepsize`, with the same bits.

    As `triangular`, which wants a run as long as its way up. Raises Mistake for bounds that cannot
    be meant. Source: 1803.09820 figure 12, whose snapshot is taken on the way up.
    """
    base_lr, max_lr = checks.bounds(base_lr, max_lr)
    way_up = Segment.linear(base_lr, max_lr, checks.iterations("stepsize", stepsize))
    return Schedule((way_up.cut(checks.iterations("duration", duration)),))
