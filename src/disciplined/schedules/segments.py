"""A schedule: a hyper-parameter as a pure function of the iteration, built from segments.

The iteration is the only state, so a run can be resumed, drawn or judged from anywhere. All
segments of a schedule are evaluated together from arrays, so that a million iterations, or a
million cycles, cost no more than a few array operations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from disciplined.schedules.shapes import Floats, Shape, constant, linear, word


class Segment(NamedTuple):
    """A piece of a schedule, `length` iterations long.

    It would go from `start` to `end` in `over` iterations; a segment cut short by the end of the
    run has a `length` below `over`. A length of 0 at the very end only says what holds after it.
    """

    length: int
    start: float
    end: float
    over: int
    shape: Shape

    @classmethod
    def constant(cls, value: float, length: int) -> "Segment":
        """`value` for `length` iterations."""
        return cls(length, value, value, max(length, 1), constant)

    @classmethod
    def linear(cls, start: float, end: float, length: int) -> "Segment":
        """From `start` in a straight line; `end` is the value of the iteration after the last."""
        return cls(length, start, end, length, linear)

    def cut(self, length: int) -> "Segment":
        """The first `length` iterations of this segment, with unchanged values."""
        return self._replace(length=min(self.length, length))


def cut(segments: Iterable[Segment], duration: int) -> tuple[Segment, ...]:
    """As many of `segments` (may be endless) as fill `duration` iterations, the last one cut."""
    kept: list[Segment] = []
    left = duration
    for segment in segments:
        if left <= 0:
            break
        kept.append(segment.cut(left))
        left -= segment.length
    return tuple(kept)


def merged(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same function with flat neighbours of one value as one constant segment.

    So a swing between equal ends is the constant that it is.
    """
    kept: list[Segment] = []
    for segment in segments:
        flat = segment.shape in (constant, linear) and segment.start == segment.end
        if flat and segment.length >= 0:
            length = segment.length
            if kept and kept[-1].shape is constant and kept[-1].start == segment.start:
                length += kept.pop().length
            segment = Segment.constant(segment.start, length)
        kept.append(segment)
    return tuple(kept)


@dataclass(frozen=True)
class Schedule:
    """Segments end to end, from iteration 0; what the last one ends at holds for ever after.

    Flat neighbours of one value are kept as one. Iteration t is the update that takes t updates to
    t + 1. Raises ValueError for no segments, a negative length or a value that is not finite.
    """

    segments: tuple[Segment, ...]
    _table: "_Table" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", merged(self.segments))
        object.__setattr__(self, "_table", _Table.of(self.segments))

    @property
    def length(self) -> int:
        """Iterations until the schedule stands still."""
        return self._table.length

    def value(self, iteration: int) -> float:
        """The value for update `iteration`, from 0."""
        return float(self._table.values(np.array([iteration], dtype=np.int64))[0])

    def values(self, iterations: ArrayLike) -> Floats:
        """The values for an array of iterations, of its shape; the same bits as `value` gives."""
        asked = np.asarray(iterations)
        if asked.size and asked.dtype.kind not in "iu":
            raise TypeError(f"iterations are integers, not {asked.dtype}")
        return self._table.values(asked.astype(np.int64, copy=False))

    def describe(self, iterations_per_epoch: float | None = None) -> str:
        """The schedule in words: `0.08 ↗ 0.8 (41ep) ↘ 0 (41ep), 8e-05`; ways that are not straight
        are named.

        Lengths are in epochs where `iterations_per_epoch` is given, otherwise in iterations. Long
        schedules are cut after a few segments, with the number of those left out.
        """
        return _describe(self.segments, iterations_per_epoch)


@dataclass(frozen=True)
class _Table:
    """The segments of a schedule as columns, evaluated all at once.

    A cycle that comes again and again is one row, which `which` names once for every time.
    """

    begins: NDArray[np.int64]
    which: NDArray[np.intp]
    lengths: NDArray[np.int64]
    overs: NDArray[np.int64]
    starts: Floats
    ends: Floats
    shapes: tuple[Shape, ...]  # each once
    kinds: NDArray[np.intp]  # which of them a row has
    length: int

    @classmethod
    def of(cls, segments: tuple[Segment, ...]) -> "_Table":
        if not segments:
            raise ValueError("a schedule needs at least one segment")
        rows = {segment: row for row, segment in enumerate(dict.fromkeys(segments))}
        which = np.fromiter(map(rows.__getitem__, segments), np.intp, len(segments))
        lengths = np.array([row.length for row in rows], np.int64)
        overs = np.array([row.over for row in rows], np.int64)
        starts = np.array([row.start for row in rows], np.float64)
        ends = np.array([row.end for row in rows], np.float64)
        if (lengths < 0).any() or (overs < 1).any():
            raise ValueError("a segment's length cannot be negative, nor be over nothing")
        if not (np.isfinite(starts).all() and np.isfinite(ends).all()):
            raise ValueError("a segment's values must be finite")
        finishes = np.cumsum(lengths[which])
        shapes = {row.shape: 0 for row in rows}
        shapes = {shape: number for number, shape in enumerate(shapes)}
        kinds = np.fromiter((shapes[row.shape] for row in rows), np.intp, len(rows))
        begins = finishes - lengths[which]
        length = int(finishes[-1])
        return cls(begins, which, lengths, overs, starts, ends, tuple(shapes), kinds, length)

    def values(self, iterations: NDArray[np.int64]) -> Floats:
        if (iterations < 0).any():
            raise ValueError(f"schedules begin at iteration 0, not {iterations.min()}")
        at = np.searchsorted(self.begins, iterations, side="right") - 1
        row = self.which[at]
        offset = np.minimum(iterations - self.begins[at], self.lengths[row])
        over = self.overs[row]
        done, left = offset / over, (over - offset) / over
        start, end = self.starts[row], self.ends[row]
        values = np.empty(iterations.shape)
        kind = self.kinds[row]
        for number, shape in enumerate(self.shapes):
            drawn_so = kind == number
            values[drawn_so] = shape(start[drawn_so], end[drawn_so], done[drawn_so], left[drawn_so])
        return values


_SHOWN = 8  # segments; a longer schedule is cut to fewer, so that the count pays for its line


def _describe(segments: Sequence[Segment], iterations_per_epoch: float | None) -> str:
    """Values, each followed by the length of the way to it or of the stay at it.

    Only a constant at the end has no length: it lasts.
    """
    acting = [segment for segment in segments if segment.length] or list(segments[-1:])
    shown = acting if len(acting) <= _SHOWN else acting[: _SHOWN - 2]
    words = ""
    before = None
    for place, segment in enumerate(shown, start=1):
        start, end = segment.start, Schedule((segment,)).value(segment.length)
        length = f" ({_length(segment.length, iterations_per_epoch)})"
        if segment.shape is constant:
            lasts = place == len(acting)
            words += (", " if words else "") + _number(start) + ("" if lasts else length)
        else:
            if before != _number(start):
                words += (", " if words else "") + _number(start)
            arrow = "↗" if end > start else "↘" if end < start else "→"
            bent = f"{found}, " if (found := word(segment.shape)) else ""
            words += f" {arrow} {_number(end)}{length.replace('(', '(' + bent)}"
        before = _number(end)
    if len(shown) < len(acting):
        words += f" … {len(acting) - len(shown)} more"
    return words


def _number(value: float) -> str:
    return f"{value:.4g}"


def _length(iterations: int, iterations_per_epoch: float | None) -> str:
    epochs = iterations / iterations_per_epoch if iterations_per_epoch else 0.0
    if epochs < 0.1:
        return f"{iterations}it"
    return (f"{epochs:.1f}".removesuffix(".0") if epochs >= 10 else f"{epochs:.3g}") + "ep"
