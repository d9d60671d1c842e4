"""How much of something is a sign, and numbers in words.

Thresholds are relative changes of the loss; a trend counts from SURE standard errors on. They were
chosen on the curves of conf/diagnosis.yaml that are not held out.
"""

from collections.abc import Callable
from functools import wraps

from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import Seen

SURE = 4.0  # standard errors of a trend that is no accident, the surest of several windows
FALLS = 0.02  # of the loss, over the last third: less is flat
STEADY = 0.3  # the last third's fall over the middle third's: less is coming to rest
LINEAR = 0.75  # likewise: more is a straight line, and training has hardly begun
FLAT = 0.04  # of the loss, over a third of the run at least
RISES = 0.04  # above the lowest smoothed loss
IDLE = 0.1  # less than this a cycle's descent has not lowered the loss
WORSE = 0.02  # of the accuracy: less right than at the end
AMISS = 0.05  # of the measurements with less right: more with a lower loss is no accident
GAP = 0.8  # of the loss of other images: less training loss is a gap
COLLAPSE = 0.18  # above the lowest, as the rate rises
RAGGED = 0.08  # independent noise, as a part of the loss
LEAP = 0.25  # above its surroundings, as a part of the loss
EARLY = 0.1  # of the measurements, in which a leap is nothing unusual
MANY = 4  # leaps that are no accident


def once(sign: Callable[[Seen], Finding | None]) -> Callable[[Seen], Finding | None]:
    """A sign that others ask for too is looked for once a run."""

    @wraps(sign)
    def looked(seen: Seen) -> Finding | None:
        if sign.__name__ not in seen.signs:
            seen.signs[sign.__name__] = sign(seen)
        return seen.signs[sign.__name__]

    return looked


def count(iteration: float) -> str:
    """An iteration, short."""
    return (
        f"{iteration:,.0f}"
        if iteration >= 10 or iteration == int(iteration)
        else f"{iteration:.3g}"
    )


def between(start: float, end: float) -> str:
    """Two iterations."""
    return f"between {count(start)} and {count(end)}"
