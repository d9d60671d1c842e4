"""What came of range tests beside each other, as a table."""

import statistics
from collections.abc import Iterable
from typing import Any

from disciplined.benchmark.finders.measured import best_rate
from disciplined.benchmark.finders.ours import OURS
from disciplined.studies.judging.statistics import Difference, holm, one_sample

HEAD = [
    "images",
    "finder",
    "rate suggested",
    "1cycle with it (%)",
    "over the grid's best",
    f"{OURS} over it",
    "near",
    "images read",
    "seconds",
]
NEAR = 0.01  # of accuracy below the grid's best rate on the same seed, at most

Record = dict[str, Any]


def rows(record: Record) -> list[list[str]]:
    """A row a finder and problem, and one for the best rate of the grid.

    The rate is the median [lowest, highest] over the seeds; accuracy that of the test set, mean ±
    std; differences are in points, paired within seeds, with 95 % intervals, in bold where Holm's
    correction for all of the table's leaves them decided; near is how many of the seeds come within
    a point of the grid's best rate; images read are those of training + of validation.
    """
    every = {case["name"]: differences(case) for case in record["cases"]}
    p = {
        (name, *key): one.p_not()
        for name, found in every.items()
        for key, one in found.items()
        if one is not None
    }
    decided = holm(p, len(p))
    lines = [HEAD, ["---"] * len(HEAD)]
    for case in record["cases"]:
        name, best, found = case["name"], at_best(case), every[case["name"]]
        for rule, tried in by_rule(case).items():
            reached = accuracies(tried)
            near = sum(best[seed] - reached[seed] <= NEAR for seed in reached)
            lines.append(
                [
                    *(name, rule, rate(tried), percent(reached.values())),
                    points(found[rule, "grid"], (name, rule, "grid") in decided),
                    points(found.get((rule, OURS)), (name, rule, OURS) in decided),
                    f"{near} of {len(tried)}",
                    read(tried),
                    seconds(case, tried[0]["finder"]),
                ]
            )
        rates = sorted({one["lr"] for one in case["grid"]})
        chosen, edge = best_rate(case["grid"]), ""
        if chosen in (rates[0], rates[-1]):
            edge = ", the grid's edge"
        what = f"the best of {len(rates)} rates"
        lines.append([name, what, f"{chosen:g}{edge}", percent(best.values()), *[""] * 5])
    return lines


def differences(case: Record) -> dict[tuple[str, str], Difference | None]:
    """By rule: over the grid's best rate ("grid"), and of ours over it; None below two seeds."""
    best, found = at_best(case), {rule: accuracies(one) for rule, one in by_rule(case).items()}
    told = {(rule, "grid"): paired(reached, best) for rule, reached in found.items()}
    for rule, reached in found.items():
        if OURS in found and rule != OURS:
            told[rule, OURS] = paired(found[OURS], reached)
    return told


def paired(one: dict[int, float], other: dict[int, float]) -> Difference | None:
    """one - other over the seeds that have both."""
    both = [one[seed] - other[seed] for seed in one if seed in other]
    return one_sample(both) if len(both) > 1 else None


def by_rule(case: Record) -> dict[str, list[Record]]:
    """What each rule suggested, seed by seed."""
    found: dict[str, list[Record]] = {}
    for one in case["found"]:
        found.setdefault(one["rule"], []).append(one)
    return found


def accuracies(tried: Iterable[Record]) -> dict[int, float]:
    """By seed, of those that suggested a rate."""
    return {one["seed"]: one["accuracy"] for one in tried if one["lr"] is not None}


def at_best(case: Record) -> dict[int, float]:
    """By seed, with the grid's best rate."""
    best = best_rate(case["grid"])
    return {one["seed"]: one["accuracy"] for one in case["grid"] if one["lr"] == best}


def rate(tried: list[Record]) -> str:
    """The median of what was suggested, its spread, and how often nothing was."""
    rates = sorted(one["lr"] for one in tried if one["lr"] is not None)
    none = len(tried) - len(rates)
    if not rates:
        return "none"
    text = f"{statistics.median(rates):.2g} [{rates[0]:.2g}, {rates[-1]:.2g}]"
    return text + (f", none {none} times" if none else "")


def percent(values: Iterable[float]) -> str:
    """Mean ± std in percent."""
    found = [100 * value for value in values]
    if not found:
        return ""
    std = f" ± {statistics.stdev(found):.2f}" if len(found) > 1 else ""
    return f"{statistics.fmean(found):.2f}{std}"


def points(found: Difference | None, decided: bool) -> str:
    """A difference in percentage points with its interval."""
    if found is None:
        return ""
    low, high = found.interval()
    text = f"{100 * found.value:+.2f}"
    return f"{f'**{text}**' if decided else text} [{100 * low:+.2f}, {100 * high:+.2f}]"


def read(tried: list[Record]) -> str:
    """Images of training + of validation: medians."""
    sums = [statistics.median(one[part] for one in tried) for part in ("trained", "validated")]
    return " + ".join(f"{images:,.0f}" for images in sums)


def seconds(case: Record, finder: str) -> str:
    """A call's: the median of the seeds that were timed."""
    found = [one["seconds"] for one in case["seconds"] if one["finder"] == finder]
    return f"{statistics.median(found):.1f}" if found else ""
