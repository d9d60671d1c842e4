"""Signs of training that breaks down: it diverged, the rate is too large, it leaps.

Each is a function of a run: a finding, or None where the curve does not show it.
"""

import numpy as np

from disciplined.diagnosis import slopes
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CYCLE, FEWEST, RANGE_TEST, Seen
from disciplined.diagnosis.thresholds import (
    COLLAPSE,
    EARLY,
    LEAP,
    MANY,
    RAGGED,
    SURE,
    between,
    count,
)


def diverged(seen: Seen) -> Finding | None:
    """The loss stopped being finite, or leapt above where it had started and never came back."""
    for metric in dict.fromkeys((seen.metric, "train_loss")):
        at = seen.curves.broken(metric)
        if at is not None:
            evidence = f"not finite at {count(at)}"
            return Finding("diverged", metric, at, at, evidence, 10.0, numbers={"at": at})
    if seen.x.size < FEWEST or seen.kind == RANGE_TEST:
        return None
    best = int(seen.smooth.argmin())
    high = seen.y >= seen.y[: max(1, seen.wide // 2)].max() - 0.02
    last_low = np.flatnonzero(~high)
    first = int(last_low[-1]) + 1 if last_low.size else 0
    fell = float(seen.y[0] - seen.smooth[best])
    if first <= best or seen.x.size - first < max(2, seen.x.size // 12) or fell < np.log(1.2):
        return None
    low, late = seen.train(*seen.window(best)), seen.train(seen.x[first], seen.x[-1])
    if low is not None and late is not None and late < 1.2 * low:
        return None  # the training loss is where it was: that is overfitting
    x, half = float(seen.x[first]), seen.wide // 2
    lowest = float(np.median(seen.loss[max(0, best - half) : best + half + 1]))
    evidence = (
        f"{np.median(seen.loss[first:]):.4g} from {count(x)} on, above the start "
        f"({seen.loss[0]:.4g}); it had been about {lowest:.4g}"
    )
    return Finding(
        "diverged", seen.metric, x, float(seen.x[-1]), evidence, 2 * fell / np.log(1.2),
        numbers={"at": x},
    )  # fmt: skip


def rate_too_large(seen: Seen) -> Finding | None:
    """In a range test or a cycle: where both losses turn as the rate rises. At a constant rate:
    the loss is ragged and gets nowhere."""
    if seen.x.size < FEWEST:
        return None
    if seen.kind in (RANGE_TEST, CYCLE):
        return turned_with_rate(seen)
    for there in seen.stretches():
        if there[-1] != seen.x.size - 1:
            continue  # the rate falls afterwards, as it should
        there = there[there.size // 3 :]
        rough = slopes.ragged(seen.y[there])
        line = slopes.trend(seen.x[there], seen.y[there])
        level = float(np.median(seen.y[there]))
        lower = float(np.median(seen.y[: max(3, there[0])]) - level)
        if rough > RAGGED and line.change > -rough / 2 and lower < 2 * rough:
            start, end = float(seen.x[there[0]]), float(seen.x[there[-1]])
            evidence = (
                f"{between(start, end)} it jumps by {100 * rough:.2g} % between measurements and "
                f"falls no further ({seen.percent(line.change)})"
            )
            return Finding("rate too large", seen.metric, start, end, evidence, rough / RAGGED)
    return None


def turned_with_rate(seen: Seen) -> Finding | None:
    """Where both losses turn while the rate rises to its largest."""
    assert seen.rate is not None
    top = int(seen.rate.argmax()) + 1
    base = seen.smooth[:top]
    if base.size < FEWEST:
        return None
    lowest = int(base.argmin())
    error = 1.25 * seen.near(lowest) / np.sqrt(seen.wide)
    chosen = error * np.sqrt(2 * np.log(max(2.0, top / seen.wide)))  # the lowest of many is too low
    peak = float(np.median(seen.y[max(lowest, top - seen.wide) : top]) - base[lowest] - chosen)
    if peak < COLLAPSE or peak < SURE * error or top - lowest < 3:
        return None
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(top - 1))
    if low is not None and late is not None and late < low * np.exp(peak / 4):
        return None  # test loss alone: that is overfitting
    if low is None and seen.kind == CYCLE:
        return None
    end = float(np.median(seen.y[seen.x.size - seen.wide :])) - float(base[lowest])
    if seen.kind == CYCLE and end < COLLAPSE / 2:
        return None  # a cycle may climb in its middle if it ends below
    above = np.flatnonzero(base[lowest:] < base[lowest] + COLLAPSE / 2)
    first = lowest + int(above[-1]) if above.size else lowest
    lr, best = float(seen.rate[first]), float(seen.rate[lowest])
    evidence = (
        f"lowest at rate {best:.3g}; from rate {lr:.3g} on both losses rise, "
        f"{seen.percent(peak)} by rate {seen.rate[top - 1]:.3g}"
    )
    if low is None:
        evidence = evidence.replace("both losses rise", "it rises")
    return Finding(
        "rate too large", seen.metric, float(seen.x[first]), float(seen.x[top - 1]), evidence,
        peak / COLLAPSE, numbers={"lr": lr, "lowest_lr": best},
    )  # fmt: skip


def unstable(seen: Seen) -> Finding | None:
    """Ragged where the rate stands still, or leaping again and again."""
    for there in seen.stretches():
        late = there[there.size // 3 :]
        rough = slopes.ragged(seen.y[late]) if late.size >= 8 else 0.0
        if rough > RAGGED:
            start, end = float(seen.x[late[0]]), float(seen.x[late[-1]])
            evidence = f"{between(start, end)} it jumps by {100 * rough:.2g} % between measurements"
            return Finding("unstable", seen.metric, start, end, evidence, rough / RAGGED)
    found = jumps(seen)
    if len(found) < MANY:
        return None
    start, end = float(seen.x[found[0][0]]), float(seen.x[found[-1][1]])
    evidence = f"{len(found)} leaps of more than {100 * LEAP:.0f} % {between(start, end)}"
    return Finding("unstable", seen.metric, start, end, evidence, len(found) / MANY)


def spike(seen: Seen) -> Finding | None:
    """A leap or a few, each healed."""
    found = jumps(seen)
    if not 0 < len(found) < MANY:
        return None
    x, loss = seen.x, seen.loss
    a, b = max(found, key=lambda one: loss[one[0] : one[1] + 1].max())
    usual = float(np.median(loss[max(0, a - 4) : b + 5]))
    height = float(np.log(loss[a : b + 1].max() / usual))
    evidence = f"{loss[a : b + 1].max():.4g} at {count(x[a])}, about {usual:.4g} around it"
    if len(found) > 1:
        evidence += f"; {len(found)} in all"
    start, end = float(x[max(0, a - 1)]), float(x[min(b + 1, x.size - 1)])
    return Finding("spike", seen.metric, start, end, evidence, height / LEAP)


def jumps(seen: Seen) -> list[tuple[int, int]]:
    """The leaps of a loss outside the hot part of a cycle, and not while a range test runs."""
    if seen.x.size < FEWEST + 2 or seen.kind == RANGE_TEST or not seen.positive:
        return []
    told = ~seen.hot
    told[: max(1, round(EARLY * seen.x.size))] = False
    return [(a, b) for a, b in slopes.leaps(seen.y, LEAP) if told[a : b + 1].all()]
