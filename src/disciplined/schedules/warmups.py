"""Today's rivals of 1cycle: a short rise from 0, then a long way down.

All raise Mistake for a setting that cannot be meant.
"""

from disciplined.mistakes import Mistake
from disciplined.schedules import checks
from disciplined.schedules.lengths import Iterations
from disciplined.schedules.segments import Schedule, Segment, cut


def warmup_linear(lr: float, warmup: Iterations, duration: Iterations) -> Schedule:
    """0 -> `lr` over `warmup`, then to 0 in a straight line at the end of the run.

    Source: "Straight to Zero" (2502.15938).
    """
    return warmup_stable_decay(lr, warmup, None, 0.0, duration)


def warmup_stable_decay(
    lr: float, warmup: Iterations, decay: Iterations | None, end_lr: float, duration: Iterations
) -> Schedule:
    """0 -> `lr` over `warmup`, `lr`, then to `end_lr` in a straight line over the last `decay`.

    decay: None is all that the warm-up leaves. Source: MiniCPM (2404.06395), section 4.
    """
    lr, end_lr = checks.rate("lr", lr), checks.rate("end_lr", end_lr)
    warmup, duration = checks.iterations("warmup", warmup), checks.iterations("duration", duration)
    left = max(0, duration - warmup)
    decay = max(1, left) if decay is None else checks.iterations("decay", decay)
    stable = max(0, left - decay)
    if warmup + decay > max(duration, 2):
        raise Mistake(
            f"warmup={warmup}it: with {decay}it to fall longer than the run ({duration} "
            "iterations); shorten one of them"
        )
    segments = [Segment.linear(0.0, lr, warmup)]
    if stable > 0:
        segments.append(Segment.constant(lr, stable))
    return Schedule(cut([*segments, Segment.linear(lr, end_lr, decay)], duration))
