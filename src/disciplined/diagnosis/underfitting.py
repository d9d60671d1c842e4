"""Signs of training that has not got far enough, or gets no further.

Each is a function of a run: a finding, or None where the curve does not show it.
"""

import numpy as np

from disciplined.diagnosis import slopes
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CONSTANT, CYCLE, FEWEST, RANGE_TEST, UNKNOWN, Seen
from disciplined.diagnosis.thresholds import (
    FALLS,
    FLAT,
    LINEAR,
    RAGGED,
    STEADY,
    SURE,
    between,
    once,
)


def rate_too_small(seen: Seen) -> Finding | None:
    """At a constant rate the loss falls along a straight line: training has hardly begun."""
    if seen.kind not in (CONSTANT, UNKNOWN) or seen.x.size < FEWEST + 2:
        return None
    thirds = seen.part(1 / 3, 2 / 3), seen.part(2 / 3)
    if min(p.sum() for p in thirds) < 4:
        return None
    lines = [slopes.trend(seen.x[p], seen.y[p]) for p in thirds]
    if any(line.change >= 0 or abs(line.z) < SURE for line in lines):
        return None
    ratio = lines[1].change / lines[0].change
    whole = float(seen.smooth[-1] - seen.smooth[0])
    if ratio < LINEAR or whole > -0.001:
        return None
    evidence = (
        f"{seen.percent(whole)} over the whole run, the last third {100 * ratio:.0f} % of the "
        "middle third's fall: still a straight line"
    )
    start, end = float(seen.x[0]), float(seen.x[-1])
    return Finding("rate too small", seen.metric, start, end, evidence, 1 + 4 * (ratio - LINEAR))


def underfitting(seen: Seen) -> Finding | None:
    """The loss of images not trained on still falls at a steady slope when the run ends."""
    if seen.blind or seen.x.size < FEWEST or seen.kind in (CYCLE, RANGE_TEST):
        return None  # under such a rate it falls because the rate does
    best: tuple[slopes.Trend, slopes.Trend] | None = None
    for start in (2 / 3, 1 / 2, 1 / 3):
        last, middle = seen.part(start), seen.part(start / 2, start)
        if last.sum() < FEWEST or middle.sum() < 2 or not seen.steady(last):
            continue
        line, before = (slopes.trend(seen.x[p], seen.y[p]) for p in (last, middle))
        fall = line.change * (seen.span / 3) / (line.end - line.start)
        if fall > -FALLS or line.z > -SURE:
            continue
        if before.change >= 0 or line.slope / before.slope < STEADY:
            continue
        if best is None or line.z < best[0].z:
            best = line, before
    if best is None:
        return None
    line, before = best
    evidence = (
        f"{seen.percent(line.change)} ± {100 * line.error:.2g} {between(line.start, line.end)}, "
        f"{seen.percent(before.change)} {between(before.start, before.end)}"
    )
    return Finding(
        "underfitting", seen.metric, line.start, line.end, evidence, abs(line.change) / FALLS / 2
    )


@once
def plateaued(seen: Seen) -> Finding | None:
    """Flat within its noise for the last third of the run or longer."""
    if seen.kind in (CYCLE, RANGE_TEST) or seen.x.size < FEWEST:
        return None
    for start in np.linspace(0, 2 / 3, 21):
        there = seen.part(float(start))
        if there.sum() < FEWEST:
            break
        line = slopes.trend(seen.x[there], seen.y[there])
        rough = slopes.noise(seen.x[there], seen.y[there])
        if rough > 1.5 * RAGGED:
            continue
        if abs(line.change) + line.error <= max(FLAT, rough):
            length = 100 * (line.end - line.start) / seen.span
            evidence = (
                f"flat {between(line.start, line.end)}, {length:.0f} % of the run: "
                f"{seen.percent(line.change)} ± {100 * line.error:.2g} at "
                f"{np.median(seen.loss[there]):.4g}"
            )
            return Finding(
                "plateaued", seen.metric, line.start, line.end, evidence, 1 + 3 * (length - 33) / 67
            )
    return None


def too_much_regularisation(seen: Seen) -> Finding | None:
    """Weight decay is on and the loss rests high with no gap to training loss; or the network died:
    both losses at one constant after they had been lower."""
    if seen.x.size < FEWEST:
        return None
    late = slice(seen.x.size - max(3, seen.x.size // 5), None)
    train = seen.train(float(seen.x[late][0]), float(seen.x[-1]))
    test = float(np.median(seen.loss[late]))
    if train is None or test <= 0:
        return None
    lower = float(np.log(test / seen.loss.min()))
    still = slopes.noise(seen.x[late], seen.y[late]) < 1e-3
    if still and abs(train / test - 1) < 0.02 and lower > 0.2:
        evidence = f"both losses rest at {test:.4g} after {seen.loss.min():.4g}: the network died"
        start, end = float(seen.x[late][0]), float(seen.x[-1])
        return Finding("too much regularisation", seen.metric, start, end, evidence, 1.0)
    decay = seen.curves.at("weight_decay", seen.x[late])
    flat = plateaued(seen)
    if flat is None or decay is None or decay.max() <= 0 or train < 0.97 * test:
        return None
    if test < 0.25 * float(seen.loss[0]):
        return None
    evidence = (
        f"rests at {test:.4g} with training loss {train:.4g}, no gap, under weight decay "
        f"{decay.max():.2g}"
    )
    return Finding("too much regularisation", seen.metric, flat.start, flat.end, evidence, 1.0)
