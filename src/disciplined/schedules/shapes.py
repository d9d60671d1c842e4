"""How a segment goes from its start to its end: elementwise, and exact at both.

A shape takes start, end and the shares of the segment done and left (done + left = 1), all float64
arrays. Shapes with parameters are frozen, so that equal ones are one; `name` is what a record's key
and a schedule in words have of a shape.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = Callable[[Floats, Floats, Floats, Floats], Floats]
"""(start, end, done, left) -> values, elementwise; done + left = 1 are shares of the segment."""


def constant(start: Floats, _end: Floats, _done: Floats, _left: Floats) -> Floats:
    """The start, throughout."""
    return start


def linear(start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
    """From start to end in a straight line; exact at both, and never outside them."""
    # Weighing both ends keeps every digit on a way down to 0, where start + (end - start) * done
    # would cancel; the clip removes the last bit by which rounding may pass an end.
    return np.clip(start * left + end * done, np.minimum(start, end), np.maximum(start, end))


def cosine(start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
    """Half a wave of the cosine: soft at both ends. Source: SGDR (1608.03983), equation 5."""
    half = np.sin(np.pi / 2 * done) ** 2  # (1 - cos(pi done)) / 2 without its cancellation
    return linear(start, end, half, np.sin(np.pi / 2 * left) ** 2)


def rex(start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
    """Slow first, faster and faster. Source: REX (2107.04197), section 3: left / (1/2 + left/2)."""
    share = 2 * left / (1 + left)
    return linear(start, end, 1 - share, share)


@dataclass(frozen=True)
class SoftEnd:
    """The distance to the end is left**power: polynomial decay, soft on arrival above power 1."""

    power: float

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        share = left**self.power
        return linear(start, end, 1 - share, share)


@dataclass(frozen=True)
class SoftStart:
    """The distance from the start is done**power: soft on departure above power 1."""

    power: float

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        share = done**self.power
        return linear(start, end, share, 1 - share)


@dataclass(frozen=True)
class Geometric:
    """Times a constant factor an iteration; over the segment times exp(`log_ratio`).

    The end is not read but at the end: it may be too small for a double, and the way there not.
    """

    log_ratio: float

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        return np.where(left == 0, end, start * np.exp(self.log_ratio * done))


@dataclass(frozen=True)
class Inverse:
    """value**(-1/power) is a straight line: Caffe's `inv`, and 1/t decay with power 1.

    `reach` is what 1 has become of at the end: start * (1 + reach * done)**-power.
    """

    power: float
    reach: float

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        return np.where(left == 0, end, start * (1 + self.reach * done) ** -self.power)


@dataclass(frozen=True)
class Damped:
    """A straight line between ends that shrink on the way, over the segment by exp(`log_fall`)."""

    log_fall: float

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        # each end as it stands at this moment, so that nothing is divided by what has vanished
        start_now = start * np.exp(self.log_fall * done)
        end_now = end * np.exp(-self.log_fall * left)
        return np.where(left == 0, end, start_now * left + end_now * done)


@dataclass(frozen=True)
class Table:
    """One value an iteration, whatever they are; `digest` stands for them where equality counts."""

    values: tuple[float, ...] = field(compare=False, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        content = np.array(self.values, "<f8").tobytes()
        object.__setattr__(self, "digest", hashlib.sha256(content).hexdigest()[:16])
        object.__setattr__(self, "_array", np.array(self.values, np.float64))

    def __call__(self, start: Floats, end: Floats, done: Floats, left: Floats) -> Floats:
        array: Any = getattr(self, "_array")  # noqa: B009
        return array[np.rint(done * (len(array) - 1)).astype(np.int64)]


def name(shape: Shape) -> str:
    """`linear`, or with its parameters `SoftEnd(power=2.0)`: what a key has of it."""
    return getattr(shape, "__name__", None) or repr(shape)


def word(shape: Shape) -> str:
    """What a schedule in words calls a way that is not straight; empty for one that is."""
    if isinstance(shape, SoftEnd | SoftStart):
        return f"power {shape.power:g}"
    words = {"linear": "", "Geometric": "exponential", "Table": "own"}
    kind = name(shape).partition("(")[0]
    return words.get(kind, kind.lower())
