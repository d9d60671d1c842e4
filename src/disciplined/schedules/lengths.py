"""Lengths with units (`41ep`, `4003it`, `0.45dur`), and the one place that makes them iterations.

All arithmetic is exact and rounds down once, at the end, because the papers' iteration counts are
floors: 95 epochs of 50,000 images at a total batch size of 512 are 9277 iterations (reference 2.6).
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from disciplined.mistakes import Mistake

Iterations = Annotated[int, "a length, in iterations"]
"""Marks a parameter that is a length in a config; a call gives the number of iterations."""

Period = Annotated[int | Fraction, "a length, in iterations or parts of one"]
"""As `Iterations`, but a shortened run's keeps its parts: a tenth of `1it` is a tenth."""

Unit = Literal["ep", "it", "dur"]

# Exponents are kept short so that no text can ask for a number with a billion digits.
_LENGTH = re.compile(
    r"(?P<amount>[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,2})?)\s*(?P<unit>ep|it|dur)",
    re.ASCII,
)
_LONGEST = 10**15  # iterations; beyond it a float no longer tells neighbours apart


@dataclass(frozen=True)
class Length:
    """A length as written: `amount` epochs (`ep`), iterations (`it`) or durations (`dur`).

    `str` gives the shortest decimal that parses back to the same length.
    """

    amount: Fraction
    unit: Unit

    @classmethod
    def parse(cls, text: object, *, setting: str = "length") -> "Length":
        """The length written as `text`. Raises Mistake, naming `setting`, for anything else."""
        if isinstance(text, Length):
            return text
        match = _LENGTH.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise Mistake(f"{setting}={text}: {_expected(text)}")
        amount, unit = Fraction(match["amount"]), match["unit"]
        if amount <= 0:
            raise Mistake(
                f"{setting}={text}: a length must be more than zero; write for example 41{unit}"
                if unit != "dur"
                else f"{setting}={text}: a length must be more than zero; write for example 0.45dur"
            )
        if unit == "it" and amount.denominator != 1:
            raise Mistake(
                f"{setting}={text}: iterations come whole; write {round(amount) or 1}it, "
                "or give the length in ep or dur"
            )
        return cls(amount, unit)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{_decimal(self.amount)}{self.unit}"


def in_iterations(
    text: object,
    *,
    setting: str,
    images: int,
    total_batch_size: int,
    duration: int | None,
    scale: Fraction | int = 1,
) -> Iterations:
    """The length `text` in iterations, rounded down.

    images: training images in an epoch. total_batch_size: images per iteration. duration: the run's
    own length in iterations, of which `dur` is a fraction; None while that length itself is asked
    for. scale: factor on `ep` and `it`; never on `dur`, whose run is already scaled. A scale below
    one never shrinks a length to nothing: it stays at least one iteration.

    Raises Mistake, naming `setting`, for what is no length and for a length of no iterations.
    """
    length = Length.parse(text, setting=setting)
    if length.unit == "dur":
        if duration is None:
            raise Mistake(
                f"{setting}={text}: the run cannot be a fraction of itself; "
                "write its length in ep or it, for example 95ep"
            )
        exact = length.amount * duration
    elif length.unit == "ep":
        exact = length.amount * images / total_batch_size * scale
    else:
        exact = length.amount * scale
    iterations = exact.numerator // exact.denominator
    if iterations > _LONGEST:
        raise Mistake(f"{setting}={text}: more than 10^15 iterations; write a shorter length")
    if iterations < 1:
        if scale < 1:
            return 1
        of = {
            "ep": f"{images} images at a total batch size of {total_batch_size}",
            "dur": f"a run of {duration} iterations",
            "it": "any run",
        }[length.unit]
        raise Mistake(
            f"{setting}={text}: comes out as 0 iterations ({of}); "
            "write a longer length, at least 1it"
        )
    return iterations


def in_period(
    text: object, *, setting: str, duration: int | None, scale: Fraction | int = 1, **sizes: int
) -> Period:
    """The length `text` of something that repeats, in iterations, perhaps less than one.

    Epochs are rounded down as the whole run has them, then scaled; a share of the run is exact. So
    what a factor a period comes to by the end is the same at every scale. Arguments and errors are
    those of `in_iterations`.
    """
    length = Length.parse(text, setting=setting)
    if length.unit == "dur" and duration is not None:
        return length.amount * duration
    whole = in_iterations(length, setting=setting, duration=duration, **sizes)
    return whole * Fraction(scale)


def _expected(text: object) -> str:
    """What is wrong with a text that is no length, and what to write instead."""
    number = None
    if not isinstance(text, bool) and isinstance(text, int | float | str):
        try:
            number = float(text)
        except ValueError:
            number = None
    if number is not None and 0 < number < float("inf"):
        amount = str(text).strip()
        return f"a length needs its unit: {amount}ep, {amount}it or 0.45dur"
    return (
        "not a length; write epochs, iterations or a fraction of the run: 41ep, 4003it or 0.45dur"
    )


def _decimal(amount: Fraction) -> str:
    """`amount` as a decimal without an exponent; exact for what a decimal can say."""
    twos = fives = 0
    rest = amount.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        raise ValueError(f"{amount} is no finite decimal")
    places = max(twos, fives)
    digits = str(amount.numerator * 10**places // amount.denominator).rjust(places + 1, "0")
    return digits if places == 0 else f"{digits[:-places]}.{digits[-places:]}"
