"""What a range test measured: curves by repetition, what is read off them, a picture."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disciplined.tuning.reading import Reading, Suggested, readings, suggested
from disciplined.tuning.reading.curve import Constant, Curve, Shape
from disciplined.tuning.trial.batches import Measured

COLUMNS = ("seed", "iteration", "value", "train_loss", "val_loss", "val_accuracy")


@dataclass(frozen=True)
class RangeTestResult:
    """S repetitions of a range test of T updates, measured after P of them.

    over: what rose; shape: `linear` or `exponential`. values: of every update, float64 [T].
    rows: updates done at each measurement, int64 [P]. train_loss: of every update as it was before
    it, float64 [S, T]; val_loss, val_accuracy: float64 [S, P]; NaN where there is none. stopped:
    the update whose loss ended a repetition early, None where none did. images: validated at each
    measurement, 0 where none were; part: which of those held out, empty for all. constant: what an
    answer that ignores the images scores on them, None where unknown; alike: whether the training
    loss is the validation's.
    """

    over: str
    shape: Shape
    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    train_loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]
    seeds: list[int]
    stopped: list[int | None]
    images: int = 0
    part: str = ""
    constant: Constant | None = None
    alike: bool = False

    @classmethod
    def of(
        cls,
        over: str,
        shape: Shape,
        values: NDArray[np.float64],
        rows: NDArray[np.int64],
        found: Sequence[dict[str, Any]],
        *,
        part: str = "",
        alike: bool = False,
    ) -> "RangeTestResult":
        """From the repetitions, each what `Repetition.run` gives."""
        stacks = [np.stack([one[k] for one in found]) for k in COLUMNS[3:]]
        seeds = [one["seed"] for one in found]
        stopped = [one["stopped"] for one in found]
        train_loss, val_loss, val_accuracy = stacks
        told: Measured | None = next((m for one in found if (m := one["measured"])), None)
        return cls(
            *(over, shape, values, rows, train_loss, val_loss, val_accuracy, seeds, stopped),
            images=told.images if told else 0,
            part=part,
            constant=None if told is None or told.classes is None else Constant.of(told.classes),
            alike=alike,
        )

    @cached_property
    def curves(self) -> list[Curve]:
        """One a repetition: at every measurement where validation was measured, the training loss
        there being the mean since the last; else at every update."""
        return [self.curve(number) for number in range(len(self.seeds))]

    def curve(self, number: int) -> Curve:
        """A repetition's curve."""
        end = self.stopped[number]
        ended = None if end is None else float(self.values[end])
        below = self.constant.loss if self.constant and self.alike else None
        if np.isnan(self.val_loss).all():
            trained = self.train_loss[number]
            return Curve(
                *(self.values, trained, None, None, ended, self.shape), constant_train=below
            )
        starts = np.concatenate([[0], self.rows[:-1]])
        pairs = zip(starts, self.rows, strict=True)
        train = np.array([self.train_loss[number, a:b].mean() for a, b in pairs])
        accuracy = self.val_accuracy[number]
        return Curve(
            self.values[self.rows - 1],
            train,
            self.val_loss[number],
            None if np.isnan(accuracy).all() else accuracy,
            ended,
            self.shape,
            images=self.images or None,
            constant=self.constant,
            constant_train=below,
        )

    @cached_property
    def readings(self) -> list[Reading]:
        """What each rule reads off the curves, with its reason and its spread over repetitions."""
        return readings(self.curves)

    @property
    def suggested(self) -> Suggested:
        """The least and the largest rate to train with, and why; of nothing but a rate."""
        if self.over != "lr":
            return Suggested(None, None, f"the papers read no {self.over} off a range test")
        return suggested(self.readings)

    @property
    def notes(self) -> list[str]:
        """What is good to know of how it was measured."""
        told = []
        if self.images:
            which = f"{self.part} of" if self.part else "all of"
            told.append(
                f"validated on {self.images:,} images, {which} those held out, at each of "
                f"{len(self.rows)} points"
            )
        first = self.train_loss[0]
        if len(self.seeds) > 1 and all(
            np.array_equal(row, first, equal_nan=True) for row in self.train_loss[1:]
        ):
            told.append(
                f"all {len(self.seeds)} repetitions are equal, so their spread says nothing: the "
                "batches come in one order and nothing is drawn; give a loader that shuffles, or "
                "fresh="
            )
        if all(end == 0 for end in self.stopped):
            told.append("the first loss was not finite: look at model and data, not at the rate")
        return told

    def figure(self, file: str | Path | None = None) -> Any:
        """The curves with every reading marked: a matplotlib figure, saved to a file given."""
        from disciplined.tuning.reading import picture

        return picture.draw(self.curves, self.readings, file, over=self.over)

    def csv(self) -> str:
        """The curves as comma-separated text, a row a measurement (an update without any)."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for seed, curve in zip(self.seeds, self.curves, strict=True):
            done = self.rows if curve.val_loss is not None else np.arange(1, len(self.values) + 1)
            columns = (curve.train_loss, curve.val_loss, curve.val_accuracy)
            for row, iteration in enumerate(done):
                told = [None if c is None or np.isnan(c[row]) else float(c[row]) for c in columns]
                writer.writerow([seed, int(iteration), float(curve.values[row]), *told])
        return text.getvalue()

    def __str__(self) -> str:
        """What to use, and what each rule says."""
        lines = [f"{self.over}: {self.suggested}"]
        lines += [f"  {reading}" for reading in self.readings]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)
