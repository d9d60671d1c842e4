"""`curvature.csv`: the rates that curvature asks for, made by `disciplined.training.curvature`.

A row t compares the iterates after t, t − every and t − 2 every updates; `lr` is the rate of the
update behind the first of them. `estimate` is what they ask for and `curvature` its moving average,
over what is trained; `..._blobs` are the same with batch norm's running sums among the weights, as
the author's script has them. Empty where nothing moved. No torch.
"""

import math
from collections.abc import Sequence

METRICS = ("curvature", "curvature_blobs")  # what a study may draw
COLUMNS = ("iteration", "lr", "estimate", "curvature", "estimate_blobs", "curvature_blobs")


def header() -> str:
    """The first line of `curvature.csv`."""
    return ",".join(COLUMNS) + "\n"


def line(iteration: int, lr: float, estimates: Sequence[float], averages: Sequence[float]) -> str:
    """A row: an estimate and its moving average of each kind; numbers in their shortest form."""
    pairs = [value for pair in zip(estimates, averages, strict=True) for value in pair]
    cells = [repr(value) if math.isfinite(value) else "" for value in pairs]
    return ",".join([str(iteration), repr(lr), *cells]) + "\n"
