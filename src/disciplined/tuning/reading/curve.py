"""One seed's range test: what was measured while a hyper-parameter rose once. numpy only."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from disciplined.mistakes import Mistake

Column = NDArray[np.float64]
Shape = Literal["linear", "exponential"]
METRICS = ("train_loss", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class Constant:
    """What the best answer that is the same for every image scores: the entropy of the labels, and
    the share of the commonest class."""

    loss: float
    accuracy: float

    @classmethod
    def of(cls, classes: NDArray[np.float64]) -> "Constant":
        """From how many images each class has."""
        shares = classes[classes > 0] / classes.sum()
        return cls(float(-(shares * np.log(shares)).sum()), float(shares.max()))


@dataclass(frozen=True, eq=False)
class Curve:
    """What one seed measured.

    values: [N], the hyper-parameter at each point, rising; usually the learning rate. train_loss,
    val_loss, val_accuracy (a fraction of 1): [N] each, NaN where a point was not measured or not
    finite, None where none was. diverged_at: the value where the test ended because the loss was
    not finite or had grown too large; None where it ran to its end. shape: how the values rise,
    linear (Smith) or exponential (Howard). images: how many the validation is measured on at each
    point, None where unknown. constant: what an answer that ignores the images scores on those;
    constant_train: its training loss; None where unknown.

    Anything that numpy reads as numbers will do; it is copied to float64. Raises Mistake where
    the values do not rise or a column has another length.
    """

    values: Column
    train_loss: Column | None = None
    val_loss: Column | None = None
    val_accuracy: Column | None = None
    diverged_at: float | None = None
    shape: Shape = "linear"
    images: int | None = None
    constant: Constant | None = None
    constant_train: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", column(self.values))
        values = self.values
        if values.ndim != 1 or not np.isfinite(values).all() or not (np.diff(values) > 0).all():
            raise Mistake("range test: values must be finite and rise from point to point")
        if self.shape not in ("linear", "exponential"):
            raise Mistake(f"range test: shape is {self.shape!r}; say linear or exponential")
        if self.shape == "exponential" and len(values) and values[0] <= 0:
            raise Mistake(
                f"range test: values begin at {values[0]:g}; an exponential one begins above 0"
            )
        if self.diverged_at is not None and not math.isfinite(self.diverged_at):
            raise Mistake(
                f"range test: diverged_at is {self.diverged_at}; say the value it ended at"
            )
        for name in METRICS:
            if (measured := getattr(self, name)) is not None:
                measured = column(measured)
                if measured.shape != values.shape:
                    raise Mistake(
                        f"range test: {name} has {measured.size} points, "
                        f"values has {values.size}; one for each, NaN where not measured"
                    )
                object.__setattr__(self, name, measured)

    def measured(self, metric: str) -> tuple[Column, Column]:
        """The values at which a metric was measured and finite, and the metric there: [M] each."""
        found = getattr(self, metric)
        if found is None:
            return np.empty(0), np.empty(0)
        kept = np.isfinite(found)
        return self.values[kept], found[kept]


def column(numbers: Any) -> Column:
    """A read-only copy in float64."""
    copied = np.array(numbers, dtype=np.float64)
    copied.setflags(write=False)
    return copied
