"""What came of range tests beside each other, as a picture."""

import statistics
from pathlib import Path
from typing import Any

from disciplined.benchmark.finders.table import by_rule

MARKS = "os^DvPX<*"


def draw(path: Path, record: dict[str, Any]) -> Path:
    """A panel a problem: test error of 1cycle over its largest rate, below it what each rule
    suggested, a mark for each seed.

    The line is the grid's mean over the seeds that have every rate, with the lowest and highest.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from disciplined.style import COLOURS, STYLE

    cases = record["cases"]
    rules = list(dict.fromkeys(rule for case in cases for rule in by_rule(case)))
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            *(2, len(cases)),
            figsize=(0.8 + 2.3 * len(cases), 3.9),
            sharex="col",
            squeeze=False,
            height_ratios=(1.3, 1),
            layout="constrained",
        )
        for column, case in enumerate(cases):
            upper, lower = panels[:, column]
            by_rate: dict[float, list[float]] = {}
            for one in case["grid"]:
                by_rate.setdefault(one["lr"], []).append(error(one))
            seeds = min(map(len, by_rate.values()))
            lrs = sorted(by_rate)
            some = [by_rate[lr][:seeds] for lr in lrs]
            upper.plot(lrs, list(map(statistics.fmean, some)), color="0.5", linewidth=1)
            upper.fill_between(
                lrs, list(map(min, some)), list(map(max, some)), color="0.85", linewidth=0
            )
            for place, rule in enumerate(rules):
                had = [one for one in by_rule(case).get(rule, []) if one["lr"] is not None]
                rates = [one["lr"] for one in had]
                look = {
                    "color": COLOURS[place % len(COLOURS)],
                    "marker": MARKS[place % len(MARKS)],
                    "s": 9,
                    "linewidths": 0,
                    "alpha": 0.75,
                }
                upper.scatter(rates, list(map(error, had)), **look)
                lower.scatter(rates, [place] * len(had), **look)
            upper.set(title=case["name"], xscale="log", yscale="log")
            if upper.get_ylim()[1] < 10 * upper.get_ylim()[0]:  # few decades, or none, to name
                upper.yaxis.set_minor_formatter("{x:g}")
            upper.yaxis.set_major_formatter("{x:g}")
            lower.set(ylim=(len(rules) - 0.5, -0.5), xlabel="largest rate of 1cycle")
            lower.set_yticks(range(len(rules)), rules if column == 0 else [""] * len(rules))
            lower.grid(axis="y", color="0.9", linewidth=0.5)
        panels[0, 0].set_ylabel("test error (%)")
        figure.savefig(path, dpi=200)
        plt.close(figure)
    return path


def error(one: dict[str, Any]) -> float:
    """Wrong answers in percent; above 0, for a logarithmic axis."""
    return max(100 * (1 - one["accuracy"]), 0.1)
