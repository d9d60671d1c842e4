"""Each sign as a function of a run: a finding, or None where the curve does not show it.

Thresholds are relative changes of the loss; a trend counts from SURE standard errors on. They were
chosen on the curves of conf/diagnosis.yaml that are not held out.
"""

import numpy as np

from disciplined.diagnosis import slopes
from disciplined.diagnosis.findings import Finding
from disciplined.diagnosis.seen import CONSTANT, CYCLE, FEWEST, RANGE_TEST, UNKNOWN, Seen

SURE = 4.0  # standard errors of a trend that is no accident
FALLS = 0.02  # of the loss, over the last third: less is flat
STEADY = 0.3  # the last third's fall over the middle third's: less is coming to rest
LINEAR = 0.4  # the second half's fall over the first half's: more is hardly begun
FLAT = 0.04  # of the loss, over a third of the run at least
RISES = 0.04  # above the lowest smoothed loss
COLLAPSE = 0.25  # above the lowest, as the rate rises
RAGGED = 0.10  # independent noise, as a part of the loss
LEAP = 0.25  # above its surroundings, as a part of the loss
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


def turn(seen: Seen) -> tuple[int, float, float] | None:
    """Where the smoothed loss is lowest, how far it has risen since, and that rise's error.

    The lowest of many noisy medians is too low by accident; that much is taken off the rise.
    """
    if seen.x.size < FEWEST + 2:
        return None
    lowest = int(seen.smooth.argmin())
    late = slice(seen.x.size - seen.wide, None)
    if seen.x.size - 1 - lowest < seen.wide:
        return None
    at, end = seen.near(lowest), seen.near(seen.x.size - 1)
    each = 1.25 / np.sqrt(seen.wide)
    chosen = at * each * np.sqrt(2 * np.log(max(2.0, seen.x.size / seen.wide)))
    rise = float(np.median(seen.y[late]) - seen.smooth[lowest] - chosen)
    half = seen.y[(lowest + seen.x.size) // 2 :]
    held = float(np.median(half) - seen.smooth[lowest])  # not the last few points alone
    return lowest, min(rise, held * 1.5), float(np.hypot(at, end)) * each


def overfitting(seen: Seen) -> Finding | None:
    """The loss of images not trained on turned and rises, and that of training does not."""
    found = None if seen.blind else turn(seen)
    if found is None:
        return None
    lowest, rise, error = found
    if rise < RISES or rise < SURE * error or seen.part(0.9)[lowest]:
        return None
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(seen.x.size - 1))
    if low is not None and late is not None and late > low * np.exp(rise / 2):
        return None
    start, end = float(seen.x[lowest]), float(seen.x[-1])
    evidence = (
        f"lowest {np.exp(seen.smooth[lowest] - seen.y[-1]) * seen.loss[-1]:.4g} near {count(start)}, "
        f"then {percent(rise)} until {count(end)} ({rise / max(error, 1e-12):.0f} standard errors)"
        if (seen.loss > 0).all()
        else f"lowest near {count(start)}, then higher until {count(end)}"
    )
    if low is not None:
        evidence += f"; training loss {low:.3g} → {late:.3g}"
    return Finding("overfitting", seen.metric, start, end, evidence, rise / RISES)


def too_little_regularisation(seen: Seen) -> Finding | None:
    """Overfitting while the training loss falls on and the gap widens."""
    turned = overfitting(seen)
    if turned is None:
        return None
    lowest = int(seen.smooth.argmin())
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(seen.x.size - 1))
    if low is None or late is None or late > 0.9 * low:
        return None
    gaps = [np.median(seen.loss[seen.x >= turned.end]) - late, seen.loss[lowest] - low]
    evidence = f"the gap to training loss went from {gaps[1]:.3g} to {gaps[0]:.3g} as that fell on"
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
        there = there[there.size // 3 :]
        rough = slopes.noise(seen.x[there], seen.y[there])
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
    peak = float(np.median(seen.y[max(lowest, top - seen.wide) : top])) - float(base[lowest])
    error = 1.25 * seen.near(lowest) / np.sqrt(seen.wide)
    if peak < COLLAPSE or peak < SURE * error or top - lowest < 3:
        return None
    low, late = seen.train(*seen.window(lowest)), seen.train(*seen.window(top - 1))
    if low is not None and late is not None and late < low * np.exp(peak / 4):
        return None  # test loss alone: that is overfitting
    if low is None and seen.kind == CYCLE:
        return None
    end = float(np.median(seen.y[seen.x.size - seen.wide :])) - float(base[lowest])
    if seen.kind == CYCLE and end < COLLAPSE:
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
    hot = {float(v) for v in seen.x[seen.hot]}
    cool = ~np.isin(x, list(hot)) if hot else np.ones(x.size, bool)
    found = slopes.leaps(np.log(loss), LEAP)
    return x, loss, [(a, b) for a, b in found if cool[a : b + 1].all()]


def unstable(seen: Seen) -> Finding | None:
    """Ragged where the rate stands still, or leaping again and again."""
    for there in seen.stretches():
        late = there[there.size // 3 :]
        rough = slopes.noise(seen.x[late], seen.y[late])
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
    first, second = seen.part(0, 0.5), seen.part(0.5)
    if min(first.sum(), second.sum()) < 4:
        return None
    lines = [slopes.trend(seen.x[p], seen.loss[p]) for p in (first, second)]
    if any(line.change >= 0 or abs(line.z) < SURE for line in lines):
        return None
    ratio = lines[1].change / lines[0].change
    whole = float(seen.smooth[-1] - seen.smooth[0])
    if ratio < LINEAR or whole > -0.001:
        return None
    evidence = (
        f"{percent(whole)} over the whole run, the second half {100 * ratio:.0f} % of the first "
        "half's fall: still a straight line"
    )
    start, end = float(seen.x[0]), float(seen.x[-1])
    return Finding("rate too small", seen.metric, start, end, evidence, ratio / LINEAR)


def underfitting(seen: Seen) -> Finding | None:
    """The loss of images not trained on still falls at a steady slope when the run ends."""
    last, middle = seen.part(2 / 3), seen.part(1 / 3, 2 / 3)
    if last.sum() < 4:
        last, middle = seen.part(0.5), seen.part(0, 0.5)
    if seen.blind or seen.x.size < FEWEST or last.sum() < 4 or middle.sum() < 3:
        return None
    if seen.kind in (CYCLE, RANGE_TEST) or not seen.steady(last):
        return None  # it falls because the rate does
    line, before = (slopes.trend(seen.x[p], seen.y[p]) for p in (last, middle))
    if line.change > -FALLS or line.z > -SURE:
        return None
    if before.change < 0 and line.change / before.change < STEADY:
        return None
    evidence = (
        f"{percent(line.change)} ± {100 * line.error:.2g} {between(line.start, line.end)}, after "
        f"{percent(before.change)} in the stretch before"
    )
    return Finding(
        "underfitting", seen.metric, line.start, line.end, evidence, abs(line.change) / FALLS
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
