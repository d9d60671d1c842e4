"""Signs of too little regularisation: a loss that turned, and what the training loss does then.

Each is a function of a run: a finding, or None where the curve does not show it.
"""

import numpy as np

from disciplined.diagnosis import slopes
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CYCLE, FALLING, FEWEST, RANGE_TEST, Seen
from disciplined.diagnosis.thresholds import (
    AMISS,
    GAP,
    IDLE,
    RISES,
    SURE,
    WORSE,
    between,
    count,
    once,
)


@once
def overfitting(seen: Seen) -> Finding | None:
    """The loss of images not trained on turned and rises, and that of training does not."""
    if seen.blind or seen.x.size < FEWEST + 2:
        return None
    found = rising(seen)
    if found is None:
        return idle_descent(seen) or risen_at_a_rate(seen) or overconfident(seen)
    lowest, line = found
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(seen.x.size - 1))
    test = float(np.median(seen.loss[-seen.wide :]))
    if low is not None and late is not None:
        most = min(low * float(np.exp(line.change / 2)), (1 - RISES) * test)
        if late > most:
            return None  # both rise, or there is no gap: the rate, not the network
    start, end = float(seen.x[lowest]), float(seen.x[-1])
    middle = np.median(seen.loss[max(0, lowest - seen.wide // 2) : lowest + seen.wide // 2 + 1])
    evidence = (
        f"lowest about {middle:.4g} near {count(start)}, {test:.4g} at "
        f"the end; {seen.percent(line.change)} ± {100 * line.error:.2g} {between(line.start, end)}"
    )
    if low is not None:
        evidence += f"; training loss {low:.3g} → {late:.3g}"
    return Finding("overfitting", seen.metric, start, end, evidence, line.change / RISES)


def rising(seen: Seen) -> tuple[int, slopes.Trend] | None:
    """Where the smoothed loss is lowest, and the surest trend upwards since then, till the end.

    The lowest of many noisy values is low by accident, so that its distance to the end proves
    nothing: the trend's own error decides.
    """
    lowest = int(seen.smooth.argmin())
    late = float(np.median(seen.y[-seen.wide :]))
    if late - float(seen.smooth[lowest]) < RISES:
        return None
    best = None
    for start in np.linspace(0.1, 0.85, 16):
        there = seen.part(float(start))
        if there.sum() < FEWEST:
            break
        line = slopes.trend(seen.x[there], seen.y[there])
        first = float(np.median(seen.y[there][: seen.wide]))
        sure = line.change > RISES and line.z > SURE and late > first + RISES / 2
        if sure and (best is None or line.z > best.z):
            best = line
    return None if best is None else (lowest, best)


def risen_at_a_rate(seen: Seen) -> Finding | None:
    """While the rate stood still the loss rose and that of training did not, though a smaller rate
    mended it afterwards."""
    for there in seen.stretches() if seen.kind == FALLING else []:
        for start in (0.1, 0.3, 0.5):
            late = there[round(start * there.size) :]
            line = slopes.trend(seen.x[late], seen.y[late])
            if line.change < RISES or line.z < SURE:
                continue
            third = (line.end - line.start) / 3
            low, high = (
                seen.train(line.start, line.start + third), seen.train(line.end - third, line.end)
            )  # fmt: skip
            test = float(np.median(seen.loss[late]))
            if (
                low is None
                or high is None
                or high > GAP * test
                or high - low > line.change * test / 4
            ):
                continue
            evidence = (
                f"{seen.percent(line.change)} ± {100 * line.error:.2g} "
                f"{between(line.start, line.end)}, at one rate, with training loss {low:.3g} → "
                f"{high:.3g}"
            )
            strength = line.change / RISES
            return Finding("overfitting", seen.metric, line.start, line.end, evidence, strength)
    return None


def idle_descent(seen: Seen) -> Finding | None:
    """A cycle's rate came down and the loss did not, though that of training did.

    The descent is what lowers the loss of a healthy cycle, by a third and more in the author's.
    """
    if seen.kind != CYCLE or seen.hot[-1] or seen.hot.sum() < FEWEST:
        return None
    assert seen.rate is not None
    hot, late = seen.y[seen.hot], seen.y[-seen.wide :]
    error = 1.25 * np.hypot(
        slopes.ragged(hot) / hot.size**0.5, slopes.ragged(late) / late.size**0.5
    )
    change = float(np.median(late) - np.median(hot))
    x = seen.x[seen.hot]
    before, after = seen.train(x[0], x[-1]), seen.train(*seen.window(seen.x.size - 1))
    if change < -IDLE or before is None or after is None or after > before / 2:
        return None
    evidence = (
        f"the rate came down from {seen.rate.max():.3g} to {seen.rate[-1]:.3g}, the loss did not: "
        f"{np.median(seen.loss[seen.hot]):.4g} before, {seen.percent(change)} ± "
        f"{100 * error:.2g} at the end; training loss {before:.3g} → {after:.3g}"
    )
    start, end = float(seen.x[seen.rate.argmax()]), float(seen.x[-1])
    return Finding("overfitting", seen.metric, start, end, evidence, (change + IDLE) / IDLE)


def overconfident(seen: Seen) -> Finding | None:
    """The loss ends above where it had been at a lower accuracy: what accuracy does not show.

    In a healthy run loss and accuracy move together, so that of the earlier measurements with a
    lower accuracy hardly any has a lower loss.
    """
    accuracy = seen.curves.at(seen.metric.replace("loss", "accuracy"), seen.x)
    if accuracy is None or seen.kind == RANGE_TEST or seen.x.size < 2 * FEWEST:
        return None
    last = float(np.median(accuracy[-seen.wide :]))
    loss = float(np.median(seen.loss[-seen.wide :]))
    worse = accuracy[: -seen.wide] < last - max(
        WORSE, 2 * slopes.ragged(accuracy[-3 * seen.wide :])
    )
    lower = worse & (seen.loss[: -seen.wide] < loss * (1 - RISES))
    part = lower.sum() / max(1, worse.sum())
    train = seen.train(*seen.window(seen.x.size - 1))
    if lower.sum() < 3 or part < AMISS or (train is not None and train > GAP * loss):
        return None
    at = np.flatnonzero(lower)
    best = int(at[seen.loss[at].argmin()])
    evidence = (
        f"ends at {loss:.4g} with {100 * last:.1f} % right; of {worse.sum()} earlier measurements "
        f"with less right {lower.sum()} have a lower loss, as {seen.loss[best]:.4g} with "
        f"{100 * accuracy[best]:.1f} % at {count(seen.x[best])}"
    )
    start, end = float(seen.x[at[-1]]), float(seen.x[-1])
    return Finding("overfitting", seen.metric, start, end, evidence, float(part) / AMISS)


def too_little_regularisation(seen: Seen) -> Finding | None:
    """Overfitting while the training loss falls on and the gap widens."""
    turned = overfitting(seen)
    if turned is None:
        return None
    lowest = int(seen.smooth.argmin())
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(seen.x.size - 1))
    if low is None or late is None or late > 0.9 * low:
        return None
    half = seen.wide // 2
    before = float(np.median(seen.loss[max(0, lowest - half) : lowest + half + 1])) - low
    after = float(np.median(seen.loss[-seen.wide :])) - late
    if after <= before:
        return None
    evidence = f"the gap to training loss went from {before:.3g} to {after:.3g} as that fell on"
    return Finding(
        "too little regularisation", seen.metric, turned.start, turned.end, evidence,
        turned.strength,
    )  # fmt: skip
