"""A panel over a setting: each arm's final values as points, beside what was published of them.

Of an arm of which runs diverged they are the others', with a cross at the lower edge.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from disciplined.schedules.lengths import Length
from disciplined.studies.figures import ends
from disciplined.studies.figures.ends import CROSS, DIAMOND, Results, cross, fallen
from disciplined.studies.figures.labels import arms_of, not_run
from disciplined.studies.ledger import without
from disciplined.studies.study import Panel, Study, on_axis
from disciplined.style import COLOURS, factor, frame, muted, words, wrapped

UNITS = {"ep": "epochs", "it": "iterations", "dur": "of the run"}


def points(axis: Any, study: Study, panel: Panel, scale: str, results: Results) -> None:
    """One panel over a setting: every run a dot, means and spreads joined along each line, diamonds
    for what was published; a cross at the lower edge for an arm of which runs diverged."""
    (metric, *_) = panel.ys
    lines = panel.lines or {"": panel.arms or list(study.arms)}
    crossed, missing = False, []
    for row, (colour, (line, arms)) in enumerate(zip(COLOURS * 9, lines.items(), strict=False)):
        name = f"{line}: " if line else ""
        if scale == "paper":
            by_table(axis, study, panel, arms, name, colour, results)
        means, every = [], []
        for arm in sorted(arms, key=lambda a: place(study, a, panel)):
            at, found = place(study, arm, panel), results.get(arm, [])
            every += found
            read = [factor(metric) * r.value(metric, panel.at) for r in found]
            values = [value for value in read if np.isfinite(value)]  # a diverged run has none
            axis.plot([at] * len(values), values, "o", color=muted(colour), markersize=1.5)
            if values:
                spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
                means.append((at, float(np.mean(values)), spread, len(values)))
            if fallen(found, metric, panel.at):
                cross(axis, at, row, colour)
                crossed = True
        lost = without(every, metric, panel.at)
        lost = f", of {len(every)} runs {lost}" if lost else ""
        if means:
            x, y, spread, counts = zip(*means, strict=True)
            text = name + runs_an_arm(counts)
            style = {"linewidth": 1.2, "elinewidth": 1, "capsize": 2, "markersize": 3}
            style |= {"color": colour, "fmt": "o-"}
            axis.errorbar(x, y, yerr=spread, label=wrapped(text + lost), **style)
        elif every:
            axis.plot([], [], ":", color=colour, label=wrapped(f"{name}no value{lost}"))
        elif line:
            missing.append(line)
    if crossed:
        axis.plot([], [], **CROSS, color="grey", label="diverged, not in the mean")
    every_arm = list(dict.fromkeys(arm for arms in lines.values() for arm in arms))
    if note := how_many(every_arm, missing, results):
        axis.plot([], [], " ", label=wrapped(note))
    frame(axis, panel, metric)
    if not panel.xlim:
        widen(axis, [place(study, arm, panel) for arm in every_arm], panel.xscale)
    told = "" if scale == "paper" else f" ({scale} runs)"
    value = study.setting(every_arm[0], panel.x)
    unit = f" ({UNITS[Length.parse(value).unit]})" if isinstance(value, str) else ""
    axis.set_xlabel(words(panel.x) + unit + told)


def by_table(
    axis: Any,
    study: Study,
    panel: Panel,
    arms: list[str],
    name: str,
    colour: str,
    results: Results,
) -> None:
    """What was published of a line's arms, muted where any of ours stands in the panel; hollow
    where only a reading of the published row is there."""
    metric, there, read = panel.ys[0], ends.rows(study, panel), set()
    ours_too = any(results.get(arm) for arm in arms_of(study, panel))
    style = DIAMOND | {"color": muted(colour, 0.5) if ours_too else colour, "zorder": 1.5}
    text: str | None = None
    for row, its in there.items():
        for arm in [arm for arm in (row if row in its else its[0],) if arm in arms]:
            for one in ends.told(study, panel, row):
                read.add(one.at)
                error = None if one.std is None else factor(metric) * one.std
                text = f"{name}published" + ", ± std" * (error is not None)
                face = {} if arm == row else {"markerfacecolor": "white"}
                at, value = [place(study, arm, panel)], [factor(metric) * one.value]
                axis.errorbar(at, value, yerr=error, **style, **face)
    if text:
        text += f" ({' or '.join(sorted(read))})" * (read != {panel.at})
        axis.errorbar([], [], yerr=[], **style, label=wrapped(text))


def how_many(arms: list[str], missing: list[str], results: Results) -> str:
    """How many of a panel's arms have been run, where not all; missing: lines without any run."""
    run = sum(bool(results.get(arm)) for arm in arms)
    if run == len(arms):
        return ""
    words = f"{run} of {len(arms)} arms run" if run else "none of them run"
    return f"{words}; {not_run(missing)}" if run and missing else words


def runs_an_arm(counts: Sequence[int]) -> str:
    """Of how many runs the means are, one number an arm."""
    few, most = min(counts), max(counts)
    if most == 1:
        return "1 run an arm"
    number = most if few == most else f"{few} {'or' if most == few + 1 else 'to'} {most}"
    return f"mean ± std of {number} runs an arm"


def widen(axis: Any, places: list[float], scale: str) -> None:
    """The x axis from the first place to the last, whether anything stands there yet or not."""
    low, high = min(places), max(places)
    if low == high or (scale == "log" and low <= 0):
        return
    if scale == "log":
        axis.set_xlim(low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    else:
        axis.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))


def place(study: Study, arm: str, panel: Panel) -> float:
    """Where an arm stands on the panel's axis."""
    return on_axis(study.setting(arm, panel.x), panel.x)
