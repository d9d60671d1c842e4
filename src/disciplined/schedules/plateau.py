"""The one policy that looks: the rate changes where what is measured has stopped improving.

Its state is the rows measured so far and nothing else, so that a resumed run goes on as it would
have: `measured(rows)` is given all of them after each.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from numpy.typing import ArrayLike

from disciplined.mistakes import Mistake
from disciplined.schedules import checks
from disciplined.schedules.segments import Schedule, Segment
from disciplined.schedules.shapes import Floats

MONITORED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "test_loss")


@dataclass
class Plateau:
    """`lr`, times `factor` after `patience` evaluations in a row without improvement.

    A factor below 1 lowers, down to `end_lr`; one above raises, up to `end_lr` (null: no bound).
    An evaluation improves where `monitor` passes the best so far by more than `min_delta`; after a
    change `cooldown` evaluations count neither way. Source: Keras's ReduceLROnPlateau, whose rule
    and defaults these are (its `wait >= patience`, where PyTorch's waits one evaluation longer);
    reference 10.1 and 14. Raises Mistake for a setting that cannot be meant.
    """

    lr: float
    factor: float
    patience: int
    monitor: str
    min_delta: float
    cooldown: int
    end_lr: float | None
    schedule: Schedule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        checks.rate("lr", self.lr)
        checks.positive("factor", self.factor, example="factor=0.1")
        checks.not_negative("min_delta", self.min_delta, example="min_delta=1e-4")
        if self.factor == 1:
            raise Mistake("factor=1: changes nothing; below 1 lowers the rate, above 1 raises it")
        if self.patience < 1:
            raise Mistake(f"patience={self.patience}: expected at least 1 evaluation")
        if self.cooldown < 0:
            raise Mistake(f"cooldown={self.cooldown}: expected 0 evaluations or more")
        if self.monitor not in MONITORED:
            raise Mistake(f"monitor={self.monitor}: expected one of {', '.join(MONITORED)}")
        if self.end_lr is not None:
            checks.rate("end_lr", self.end_lr)
            if (self.end_lr > self.lr) != (self.factor > 1):
                raise Mistake(
                    f"end_lr={self.end_lr:g}: a factor of {self.factor:g} goes the other way from "
                    f"lr={self.lr:g}"
                )
        self.measured([])

    def measured(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take up all the rows measured so far, in order. Raises Mistake where one lacks `monitor`.

        What row t (after t updates) changes holds from update t on.
        """
        lr, best, wait, cooling = self.lr, math.inf, 0, 0
        begins, values = [0], [lr]
        sign = -1.0 if self.monitor.endswith("accuracy") else 1.0
        for row in rows:
            if row.get(self.monitor) is None:
                raise Mistake(
                    f"monitor={self.monitor}: is not measured in this run; hold out "
                    "dataset.validation images, or monitor train_loss or test_loss"
                )
            now = sign * float(row[self.monitor])
            if cooling:
                cooling, wait = cooling - 1, 0
            if now < best - self.min_delta:
                best, wait = now, 0
            elif not cooling:
                wait += 1
                if wait >= self.patience and lr != self.end_lr:
                    lr, wait, cooling = self.changed(lr), 0, self.cooldown
                    begins.append(int(row["iteration"]))
                    values.append(lr)
        ends = [*begins[1:], begins[-1] + 1]
        self.schedule = Schedule(
            tuple(
                Segment.constant(value, end - begin)
                for value, begin, end in zip(values, begins, ends, strict=True)
            )
        )

    def settings(self) -> dict[str, Any]:
        """What it was made from."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.init}

    def changed(self, lr: float) -> float:
        """The rate behind `lr`, not past the bound."""
        new = lr * self.factor
        if self.end_lr is None:
            return new
        return max(new, self.end_lr) if self.factor < 1 else min(new, self.end_lr)

    def value(self, iteration: int) -> float:
        """The value for update `iteration`, as far as is known."""
        return self.schedule.value(iteration)

    def values(self, iterations: ArrayLike) -> Floats:
        """The values for an array of iterations, as far as is known."""
        return self.schedule.values(iterations)

    def describe(self, iterations_per_epoch: float | None = None) -> str:
        """What is known so far, and what changes it."""
        known = self.schedule.describe(iterations_per_epoch)
        bound = "" if self.end_lr is None else f", to {self.end_lr:.4g}"
        return (
            f"{known}, x{self.factor:g} after {self.patience} evaluations without a better "
            f"{self.monitor}{bound}"
        )
