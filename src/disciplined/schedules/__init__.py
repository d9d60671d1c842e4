"""Hyper-parameters as pure functions of the iteration, and the lengths they are made of.

    rate = onecycle(0.08, 0.8, stepsize=2000, duration=4500)
    rate.value(0), rate.values(range(4500)), rate.describe()

Momentum's are in `momentum`, weight decay's cyclical one in `regularisation`; the other policies
serve any of them. numpy is all they need.
"""

from disciplined.schedules import momentum, regularisation
from disciplined.schedules.cycles import (
    cosine_restarts,
    exp_range,
    hann,
    onecycle,
    onecycle_as_written,
    staged,
    triangular,
    triangular2,
    welch,
)
from disciplined.schedules.decays import (
    constant,
    cosine,
    decay,
    exponential,
    inv,
    inverse_time,
    linear,
    multistep,
    piecewise_constant,
    polynomial,
    rex,
    step,
)
from disciplined.schedules.range_tests import range_test, range_test_exponential
from disciplined.schedules.segments import Schedule, Segment
from disciplined.schedules.warmups import warmup_linear, warmup_stable_decay

__all__ = [
    "Schedule",
    "Segment",
    "constant",
    "cosine",
    "cosine_restarts",
    "decay",
    "exp_range",
    "exponential",
    "hann",
    "inv",
    "inverse_time",
    "linear",
    "momentum",
    "multistep",
    "onecycle",
    "onecycle_as_written",
    "piecewise_constant",
    "polynomial",
    "range_test",
    "range_test_exponential",
    "regularisation",
    "rex",
    "staged",
    "step",
    "triangular",
    "triangular2",
    "warmup_linear",
    "warmup_stable_decay",
    "welch",
]
