"""Each sign as a function of a run: a finding, or None where the curve does not show it.

Thresholds are relative changes of the loss; a trend counts from SURE standard errors on. They were
chosen on the curves of conf/diagnosis.yaml that are not held out.
"""

import numpy as np

from disciplined.diagnosis import slopes
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CONSTANT, CYCLE, FEWEST, RANGE_TEST, UNKNOWN, Seen

SURE = 3.0  # standard errors of a trend that is no accident
SURER = 4.0  # the same where it is the surest of many
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


def percent(change: float) -> str:
    """A change of the logarithm as a percentage."""
    return f"{100 * np.expm1(min(change, 20.0)):+.3g} %"


def count(iteration: float) -> str:
    """An iteration, short."""
    return f"{iteration:,.0f}" if iteration >= 10 or iteration == int(iteration) else f"{iteration:.3g}"


def between(start: float, end: float) -> str:
    """Two iterations."""
    return f"between {count(start)} and {count(end)}"


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
    x = float(seen.x[first])
    evidence = (
        f"{np.median(seen.loss[first:]):.4g} from {count(x)} on, above the start "
        f"({seen.loss[0]:.4g}); it had been {np.exp(seen.smooth[best] - seen.y[0]) * seen.loss[0]:.4g}"
    )
    return Finding(
        "diverged", seen.metric, x, float(seen.x[-1]), evidence, 2 * fell / np.log(1.2),
        numbers={"at": x},
    )  # fmt: skip


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
        sure = line.change > RISES and line.z > SURER and late > first + RISES / 2
        if sure and (best is None or line.z > best.z):
            best = line
    return None if best is None else (lowest, best)


def overfitting(seen: Seen) -> Finding | None:
    """The loss of images not trained on turned and rises, and that of training does not."""
    if seen.blind or seen.x.size < FEWEST + 2:
        return None
    found = rising(seen)
    if found is None:
        return idle_descent(seen) or overconfident(seen)
    lowest, line = found
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(seen.x.size - 1))
    test = float(np.median(seen.loss[-seen.wide :]))
    if low is not None and late is not None:
        if late > low * np.exp(line.change / 2) or late > (1 - RISES) * test:
            return None  # both rise, or there is no gap: the rate, not the network
    start, end = float(seen.x[lowest]), float(seen.x[-1])
    middle = np.median(seen.loss[max(0, lowest - seen.wide // 2) : lowest + seen.wide // 2 + 1])
    evidence = (
        f"lowest about {middle:.4g} near {count(start)}, {test:.4g} at "
        f"the end; {percent(line.change)} ± {100 * line.error:.2g} {between(line.start, end)}"
    )
    if low is not None:
        evidence += f"; training loss {low:.3g} → {late:.3g}"
    return Finding("overfitting", seen.metric, start, end, evidence, line.change / RISES)


def idle_descent(seen: Seen) -> Finding | None:
    """A cycle's rate came down and the loss did not, though that of training did.

    The descent is what lowers the loss of a healthy cycle, by a third and more in the author's.
    """
    if seen.kind != CYCLE or seen.hot[-1] or seen.hot.sum() < FEWEST:
        return None
    assert seen.rate is not None
    hot, late = seen.y[seen.hot], seen.y[-seen.wide :]
    error = 1.25 * np.hypot(slopes.ragged(hot) / hot.size**0.5, slopes.ragged(late) / late.size**0.5)
    change = float(np.median(late) - np.median(hot))
    x = seen.x[seen.hot]
    before, after = seen.train(x[0], x[-1]), seen.train(*seen.window(seen.x.size - 1))
    if change < -IDLE or before is None or after is None or after > before / 2:
        return None
    evidence = (
        f"the rate came down from {seen.rate.max():.3g} to {seen.rate[-1]:.3g} and the loss did not: "
        f"{np.median(seen.loss[seen.hot]):.4g} before, {percent(change)} ± "
        f"{100 * error:.2g} at the end; training loss {before:.3g} → {after:.3g}"
    )
    start, end = float(x[-1]), float(seen.x[-1])
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
    worse = accuracy[: -seen.wide] < last - max(WORSE, 2 * slopes.ragged(accuracy[-3 * seen.wide :]))
    lower = worse & (seen.loss[: -seen.wide] < loss * (1 - RISES))
    part = lower.sum() / max(1, worse.sum())
    train = seen.train(*seen.window(seen.x.size - 1))
    if lower.sum() < 3 or part < AMISS or (train is not None and train > GAP * loss):
        return None
    at = np.flatnonzero(lower)
    evidence = (
        f"ends at {loss:.4g} with {100 * last:.1f} % right; of the {worse.sum()} earlier measurements "
        f"with less right {lower.sum()} have a lower loss, {seen.loss[at].min():.4g} with "
        f"{100 * accuracy[at[seen.loss[at].argmin()]]:.1f} % at {count(seen.x[at[seen.loss[at].argmin()]])}"
    )
    start, end = float(seen.x[at[-1]]), float(seen.x[-1])
    return Finding("overfitting", seen.metric, start, end, evidence, part / AMISS)


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
                f"{between(start, end)} it jumps by {100 * rough:.2g} % from one measurement to the "
                f"next and falls no further ({percent(line.change)})"
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
        f"{percent(peak)} by rate {seen.rate[top - 1]:.3g}"
    )
    if low is None:
        evidence = evidence.replace("both losses rise", "it rises")
    return Finding(
        "rate too large", seen.metric, float(seen.x[first]), float(seen.x[top - 1]), evidence,
        peak / COLLAPSE, numbers={"lr": lr, "lowest_lr": best},
    )  # fmt: skip


def jumps(seen: Seen, metric: str) -> tuple[np.ndarray, np.ndarray, list[tuple[int, int]]]:
    """The leaps of one loss outside the hot part of a cycle or a range test."""
    x, loss = seen.curves.measured(metric)
    if x.size < FEWEST + 2 or seen.kind == RANGE_TEST or not (loss > 0).all():
        return x, loss, []
    told = ~np.isin(x, seen.x[seen.hot])
    told[: max(1, round(EARLY * x.size))] = False
    found = slopes.leaps(np.log(loss), LEAP)
    return x, loss, [(a, b) for a, b in found if told[a : b + 1].all()]


def unstable(seen: Seen) -> Finding | None:
    """Ragged where the rate stands still, or leaping again and again."""
    for there in seen.stretches():
        late = there[there.size // 3 :]
        rough = slopes.ragged(seen.y[late]) if late.size >= 8 else 0.0
        if rough > RAGGED:
            start, end = float(seen.x[late[0]]), float(seen.x[late[-1]])
            evidence = (
                f"{between(start, end)} it jumps by {100 * rough:.2g} % from one measurement to "
                "the next"
            )
            return Finding("unstable", seen.metric, start, end, evidence, rough / RAGGED)
    x, _, found = jumps(seen, seen.metric)
    if len(found) < MANY:
        return None
    start, end = float(x[found[0][0]]), float(x[found[-1][1]])
    evidence = f"{len(found)} leaps of more than {100 * LEAP:.0f} % {between(start, end)}"
    return Finding("unstable", seen.metric, start, end, evidence, len(found) / MANY)


def spike(seen: Seen) -> Finding | None:
    """A leap or a few, each healed."""
    for metric in (seen.metric,):
        x, loss, found = jumps(seen, metric)
        if not 0 < len(found) < MANY:
            continue
        a, b = max(found, key=lambda one: loss[one[0] : one[1] + 1].max())
        usual = float(np.median(loss[max(0, a - 4) : b + 5]))
        height = float(np.log(loss[a : b + 1].max() / usual))
        evidence = f"{loss[a : b + 1].max():.4g} at {count(x[a])}, about {usual:.4g} around it"
        if len(found) > 1:
            evidence += f"; {len(found)} in all"
        return Finding(
            "spike", metric, float(x[max(0, a - 1)]), float(x[min(b + 1, x.size - 1)]), evidence,
            height / LEAP,
        )  # fmt: skip
    return None


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
        f"{percent(whole)} over the whole run, the last third {100 * ratio:.0f} % of the middle "
        "third's fall: still a straight line"
    )
    start, end = float(seen.x[0]), float(seen.x[-1])
    return Finding("rate too small", seen.metric, start, end, evidence, ratio / LINEAR)


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
        f"{percent(line.change)} ± {100 * line.error:.2g} {between(line.start, line.end)}, "
        f"{percent(before.change)} {between(before.start, before.end)}"
    )
    return Finding(
        "underfitting", seen.metric, line.start, line.end, evidence, abs(line.change) / FALLS / 2
    )


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
                f"{percent(line.change)} ± {100 * line.error:.2g} at {np.median(seen.loss[there]):.4g}"
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
