"""Final values on a scale of their own: what was published, and beside it each of our runs.

Beside those of published rows stand the panel's other arms that were run, which are compared with.

A published number stands once, whatever it is read as: where several arms may have been its row it
is hollow and grey, with a dotted line across the runs of them all.
"""

from typing import Any

import numpy as np

from disciplined.studies.figures.labels import arms_of, label
from disciplined.studies.ledger import Result
from disciplined.studies.study import Panel, Published, Study
from disciplined.style import colours, factor, muted, wrapped

MANY = 8  # runs of an arm; more are drawn beside each other, or as a band
CROSS: Any = {"marker": "x", "linestyle": "none", "markersize": 3.5, "markeredgewidth": 1}
DIAMOND: Any = {"fmt": "D", "markersize": 3.5, "elinewidth": 1, "capsize": 2, "capthick": 1}
GREY = "#707070"
LEAST_POINTS = 0.2  # of an accuracy that the scale spans
LEAST_SHARE = 0.02  # of a loss

Results = dict[str, list[Result]]


def told(study: Study, panel: Panel, row: str) -> list[Published]:
    """What was published of a row of a table and can stand in the panel."""
    return [p for p in study.published.get(row, []) if p.metric == panel.ys[0] and p.at != "mean"]


def rows(study: Study, panel: Panel) -> dict[str, list[str]]:
    """The published rows that a panel tells of, each with the panel's arms that may have been it:
    the arm of its name, and readings of it."""
    found: dict[str, list[str]] = {}
    for arm in arms_of(study, panel):
        row = arm if arm in study.published else study.readings.get(arm, arm)
        if told(study, panel, row):
            found.setdefault(row, []).append(arm)
    return found


def ended(study: Study, panel: Panel) -> dict[str, list[str]]:
    """The same for a panel of curves over a run, whose ends they are; nothing for any other."""
    return rows(study, panel) if panel.x in ("iteration", "epoch") else {}


def columns(study: Study, panel: Panel, results: Results) -> dict[str, list[str]]:
    """What stands beside each other: the published rows, each with its arms, and the other arms
    that were run, in the panel's order; nothing where nothing was published."""
    shown = ended(study, panel)
    row_of = {arm: row for row, its in shown.items() for arm in its}
    found: dict[str, list[str]] = {}
    for arm in arms_of(study, panel) if shown else []:
        if arm in row_of:
            found[row_of[arm]] = shown[row_of[arm]]
        elif results.get(arm):
            found[arm] = [arm]
    return found


def read_at(study: Study, panel: Panel, row: str) -> str:
    """Which value of a run is drawn: as published of its row, else of the panel's first row."""
    first = next(iter(ended(study, panel)))
    return (told(study, panel, row) or told(study, panel, first))[0].at


def final(axis: Any, study: Study, panel: Panel, results: Results, alone: bool = False) -> None:
    """Final values (best ones, if those were published), on a scale of their own beside the curves;
    alone: in the panel itself, where there are no curves, named in its legend."""
    (metric, *_) = panel.ys
    percent, arms = factor(metric), arms_of(study, panel)
    shown, colour_of = columns(study, panel, results), colours(arms, panel.dashes)
    if not shown:
        axis.set_visible(False)
        return
    at, readings = 0, set()
    ours = any(results.get(arm) for arm in arms)
    for row, its in shown.items():
        published, ran = told(study, panel, row), [arm for arm in its if results.get(arm)]
        readings |= {one.at for one in published}
        hollow, beyond = shared(row, its, results), at + max(len(ran), 1)
        for one in published:
            value, error = percent * one.value, None if one.std is None else percent * one.std
            colour = GREY if hollow else colour_of[row]
            style = DIAMOND | {"color": muted(colour, 0.5) if ours and not hollow else colour}
            style |= {"markerfacecolor": "white"} if hollow else {}
            if alone and one is published[0]:
                name = study.label(row) if hollow else label(study, panel, row)
                style["label"] = wrapped(f"{name}, published" + ", ± std" * (error is not None))
            axis.errorbar([at - 0.25], [value], yerr=error, **style)
            if hollow and ran:
                axis.hlines(value, at - 0.25, beyond - 0.65, color=GREY, linewidth=0.5, ls=":")
        for place, arm in enumerate(ran, at):
            by_us(axis, place, results[arm], panel, read_at(study, panel, row), colour_of[arm])
        at = beyond
    span(axis, LEAST_POINTS if percent > 1 else LEAST_SHARE * abs(np.mean(axis.get_ylim())))
    axis.set_xlim(-0.6, at - 0.4)
    axis.set_xticks([])
    between = " or " if alone else " or\n"  # "final or best" is wider than the scale
    words = between.join(sorted(readings, reverse=True))
    axis.set_xlabel(words + (" (%)" if percent > 1 else ""))
    if not alone:
        axis.yaxis.tick_right()
        axis.spines["right"].set_visible(True)
        axis.spines["left"].set_visible(False)
    axis.grid(True, axis="y", linewidth=0.3, alpha=0.5)


def span(axis: Any, least: float) -> None:
    """Show at least so much of the values: one run on a published number is no difference."""
    low, high = axis.get_ylim()
    if high - low < least:
        axis.set_ylim((low + high - least) / 2, (low + high + least) / 2)


def unrun(axis: Any, study: Study, panel: Panel, arms: list[str], results: Results) -> list[str]:
    """The legend's entries for arms of which nothing but a published number is drawn; returns the
    others of `arms`, of which nothing is."""
    shown = ended(study, panel)
    own = [arm for arm in arms if arm in shown and not shared(arm, shown[arm], results)]
    colour_of = colours(arms_of(study, panel), panel.dashes)
    ours = any(results.get(arm) for arm in arms_of(study, panel))
    for arm in own:
        colour = muted(colour_of[arm], 0.5) if ours else colour_of[arm]
        text = wrapped(f"{label(study, panel, arm)}, published (not run)")
        axis.plot([], [], "D", color=colour, markersize=3.5, label=text)
    return [arm for arm in arms if arm not in own]


def shared(row: str, its: list[str], results: Results) -> bool:
    """Whether a published row stands for other arms than the one of its name."""
    return row not in its or any(results.get(arm) for arm in its if arm != row)


def by_us(axis: Any, place: int, found: list[Result], panel: Panel, at: str, colour: str) -> None:
    """An arm's runs and their mean; many beside each other, since they may coincide."""
    metric = panel.ys[0]
    read = [factor(metric) * r.value(metric, at) for r in found]
    values = [value for value in read if np.isfinite(value)]  # a diverged run has none
    aside = 0.1 if len(values) > MANY else 0.0
    x = place + 0.15 + np.linspace(-aside, aside, len(values))
    axis.plot(x, values, "o", color=colour, markersize=2, zorder=3)
    if values:
        axis.hlines(np.mean(values), place, place + 0.3, color=colour, linewidth=1.2)
    if fallen(found, metric, at):
        cross(axis, place + 0.15, 0, colour)


def entries(axis: Any, study: Study, panel: Panel, results: Results) -> None:
    """What the legend says of the scale at the right."""
    shown = ended(study, panel)
    if not shown:
        return
    published = {row: told(study, panel, row) for row in shown}
    spread = any(one.std is not None for numbers in published.values() for one in numbers)
    hollow = [shared(row, its, results) for row, its in shown.items()]
    text = "right: published" + ", mean ± std" * spread
    text += ", hollow where several arms may be it" * any(hollow)
    face = {"markerfacecolor": "white"} if all(hollow) else {}
    axis.plot([], [], "D", color=GREY, markersize=3, label=wrapped(text), **face)
    beside = columns(study, panel, results).items()
    ran = [(arm, row) for row, its in beside for arm in its if results.get(arm)]
    if ran:
        text = "right: our runs and their mean"
        axis.plot([], [], "o", color=GREY, markersize=2, label=text)
    if any(fallen(results[arm], panel.ys[0], read_at(study, panel, row)) for arm, row in ran):
        axis.plot([], [], **CROSS, color=GREY, label="right: diverged, not in the mean")


def fallen(found: list[Result], metric: str, at: str) -> int:
    """How many of the runs have no such value because they diverged."""
    return sum(r.diverged and bool(np.isnan(r.value(metric, at))) for r in found)


def cross(axis: Any, x: float, row: int, colour: str) -> None:
    """Runs diverged at x: a cross at the lower edge, those of several lines above each other."""
    place = axis.get_xaxis_transform()  # y in parts of the axis
    axis.plot([x], [0.05 * row], **CROSS, color=colour, transform=place, clip_on=False, zorder=4)
