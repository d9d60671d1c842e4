"""What came of range tests beside each other, as a table."""

import statistics
from typing import Any

HEAD = ["problem", "finder", "rate suggested", "accuracy with it (%)", "less the best", "seconds"]


def rows(found: dict[str, Any]) -> list[list[str]]:
    """A row a finder and problem, and one for the best rate of the grid.

    The rate is the median with the lowest and highest over the seeds; accuracy is that of held-out
    images, mean ± std over the seeds with a suggestion; behind it, how far below the grid's best
    rate on the same seeds it is; then the seconds that the test takes.
    """
    lines = [HEAD, ["---"] * len(HEAD)]
    for case in found["cases"]:
        best, grid = best_of(case["grid"])
        by_finder: dict[str, list[dict[str, Any]]] = {}
        for one in case["found"]:
            by_finder.setdefault(one["finder"], []).append(one)
        for name, tried in by_finder.items():
            had = [one for one in tried if one["accuracy"] is not None]
            lost = [grid[one["seed"]] - one["accuracy"] for one in had]
            lines.append(
                [
                    *(case["name"], name, rate(tried), accuracy([o["accuracy"] for o in had])),
                    f"{100 * statistics.fmean(lost):.2f}" if lost else "",
                    f"{statistics.median(one['seconds'] for one in tried):.1f}",
                ]
            )
        words = f"the best of {len({lr for lr, _, _ in case['grid']})} rates"
        lines.append([case["name"], words, f"{best:g}", accuracy(list(grid.values())), "0", ""])
    return lines


def best_of(grid: list[list[float]]) -> tuple[float, dict[int, float]]:
    """The rate with the highest mean accuracy, and its accuracy by seed."""
    by_rate: dict[float, dict[int, float]] = {}
    for lr, seed, accuracy_ in grid:
        by_rate.setdefault(lr, {})[int(seed)] = accuracy_
    best = max(by_rate, key=lambda lr: statistics.fmean(by_rate[lr].values()))
    return best, by_rate[best]


def rate(tried: list[dict[str, Any]]) -> str:
    """The median of what was suggested, its spread, and how often nothing was."""
    rates = sorted(one["lr"] for one in tried if one["lr"] is not None)
    if not rates:
        return "none"
    text = f"{statistics.median(rates):.2g} [{rates[0]:.2g}, {rates[-1]:.2g}]"
    none = len(tried) - len(rates)
    return text + (f", none {none} times" if none else "")


def accuracy(values: list[float]) -> str:
    """Mean ± std in percent."""
    if not values:
        return ""
    mean = f"{100 * statistics.fmean(values):.2f}"
    return f"{mean} ± {100 * statistics.stdev(values):.2f}" if len(values) > 1 else mean
