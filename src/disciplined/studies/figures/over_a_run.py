"""A panel over a run: each arm's curves and their mean, over the author's.

Where runs diverged the legend says how many.
"""

from typing import Any

import numpy as np

from disciplined.studies import author
from disciplined.studies.figures import ends, series
from disciplined.studies.figures.ends import MANY, Results
from disciplined.studies.figures.labels import arms_of, label, not_run
from disciplined.studies.figures.panels import drawn_over_a_run
from disciplined.studies.figures.series import as_set, author_curve, mean_curve, ours
from disciplined.studies.study import SCHEDULED, Panel, Study
from disciplined.style import DASHED, colours, factor, frame, label_y, muted, words, wrapped

BANDS = 5  # arms of many runs in a panel; of more the spread is drawn at the end only
DASHES = ("-", DASHED)  # of the first metric of a panel and of the second


def curves(axis: Any, study: Study, panel: Panel, scale: str, results: Results) -> None:
    """Every arm's metrics over the panel's axis: runs, their mean, and the author's log.

    Where nothing but numbers was published these stand in the panel itself.
    """
    arms = arms_of(study, panel)
    if not drawn_over_a_run(study, panel, results):
        ends.final(axis, study, panel, results, alone=True)
        axis.plot([], [], " ", label="none of them run")
        label_y(axis, panel.ys[0])
        return
    units = [factor(metric) for metric in panel.ys]
    axes = [axis, axis.twinx() if len(set(units)) == 2 else axis]
    missing = []
    for arm, colour in colours(arms, panel.dashes).items():
        drawn = 0
        for place, metric, dash in zip(axes, panel.ys, DASHES, strict=False):
            style = {"color": colour, "linestyle": DASHED if arm in panel.dashes else dash}
            if arm in study.author:
                drawn += by_author(place, study, panel, arm, metric, results, style)
            if metric in SCHEDULED and not results.get(arm) and (study.sketch or not drawn):
                drawn += by_plan(place, study, panel, arm, metric, style)
            drawn += by_us(place, study, panel, arm, metric, scale, results, style)
        if not drawn and not results.get(arm):
            missing.append(arm)
    if len(panel.ys) > 1:
        for metric, dash in zip(panel.ys, DASHES, strict=True):
            axis.plot([], [], color="grey", linestyle=dash, linewidth=1.2, label=words(metric))
    if scale == "paper":
        missing = ends.unrun(axis, study, panel, missing, results)
    if missing:
        axis.plot([], [], " ", label=wrapped(not_run(map(study.label, missing))))
    if scale == "paper":
        ends.entries(axis, study, panel, results)
    frame(axis, panel, panel.ys[0])
    if panel.ylim and units[0] > 1:
        show_all(axis)
    if axes[1] is not axis:
        label_y(axes[1], panel.ys[1])
        axes[1].spines["right"].set_visible(True)
    elif len(panel.ys) > 1:
        label_y(axis, "loss" if units[0] == 1 else "accuracy")
    stretched = scale != "paper" and panel.x in series.TIME and any(results.values())
    note = f" ({scale} runs, stretched to the paper's)" if stretched else ""
    axis.set_xlabel(words(panel.x) + note)


def show_all(axis: Any) -> None:
    """Widen the paper's limits of an accuracy to where a curve that lies all outside them ends."""
    low, high = axis.get_ylim()
    room = 0.05 * (high - low)
    for line in axis.get_lines():
        y = np.asarray(line.get_ydata(), float)
        y = y[np.isfinite(y)]
        if y.size > 1 and not ((low <= y) & (y <= high)).any():
            low, high = min(low, float(y[-1]) - room), max(high, float(y[-1]) + room)
    axis.set_ylim(low, high)


def by_author(
    axis: Any,
    study: Study,
    panel: Panel,
    arm: str,
    metric: str,
    results: Results,
    style: dict[str, Any],
) -> int:
    """The author's curve, muted where any of ours stands in the panel; how many were drawn."""
    log = author.log(study.author[arm])
    x, y = author_curve(log, panel, metric, results.get(arm, []))
    if not x.size:
        return 0
    if any(results.get(one) for one in arms_of(study, panel)):
        style = style | {"color": muted(style["color"]), "linewidth": 1.8, "zorder": 1}
    text = wrapped(f"{label(study, panel, arm)}, author (1 run)")
    first = metric == panel.ys[0]
    axis.plot(x, factor(metric) * y, **{"linewidth": 0.9} | style, label=text if first else None)
    return 1


def by_plan(
    axis: Any, study: Study, panel: Panel, arm: str, metric: str, style: dict[str, Any]
) -> int:
    """A hyper-parameter as an arm that has not been run would set it; how many were drawn."""
    from disciplined.studies.expansion import expand_arm  # Hydra: slow

    if panel.x not in series.TIME or arm not in study.arms:
        return 0
    plan = expand_arm(study, arm, "paper", 1)[0].plan
    x, y = as_set(plan, panel.x, metric, yscale=panel.yscale)
    text = wrapped(label(study, panel, arm)) if metric == panel.ys[0] else None
    axis.plot(x, y, **style, **series.steps(plan), linewidth=1.2, label=text)
    return 1


def by_us(
    axis: Any,
    study: Study,
    panel: Panel,
    arm: str,
    metric: str,
    scale: str,
    results: Results,
    style: dict[str, Any],
) -> int:
    """The runs of an arm and their mean; of many, the mean and a band, unless some diverged and so
    end before the others, and a bar at the end where more arms have many. How many were drawn.

    A hyper-parameter is set alike in all of them, unless it waits for a plateau.
    """
    there = results.get(arm, [])
    diverged = sum(r.diverged for r in there)
    alike = bool(there) and series.set_alike(there[0], panel, metric)
    curve = [ours(r, panel, metric, scale) for r in (there[:1] if alike else there)]
    curve = curve * len(there) if alike else curve
    style = style | (series.steps(there[0].run.plan) if alike else {})
    found = [(x, y) for x, y in curve if x.size]
    first, name = metric == panel.ys[0], label(study, panel, arm)
    runs = f"{len(there)} run{'s' * (len(there) > 1)}" + f", {diverged} diverged" * bool(diverged)
    unmeasured = sum(not (r.diverged or x.size) for r, (x, _) in zip(there, curve, strict=True))
    runs += f", {unmeasured} not measured" * bool(unmeasured)
    if not found:
        if there and first:
            axis.plot([], [], **style, label=wrapped(f"{name}, ours ({runs})"))
        return 0
    percent = factor(metric)
    x, y = mean_curve(found)
    if len(found) > MANY and not diverged and not alike:
        every = np.array([c[: y.size] for _, c in found])
        spread = every.std(axis=0, ddof=1)
        arms = arms_of(study, panel)
        if sum(len(results.get(one, [])) > MANY for one in arms) > BANDS:
            runs += ", ± std at the end"
            end = x[-1] + 0.012 * arms.index(arm) * (x[-1] - x[0])  # beside each other
            bar = {"fmt": "none", "elinewidth": 0.8, "capsize": 1.5, "ecolor": style["color"]}
            axis.errorbar([end], [percent * y[-1]], yerr=[percent * spread[-1]], **bar)
        else:
            band(axis, x, percent * y, percent * spread, percent * every, style["color"])
            runs += ", ± std"
    else:
        for one_x, one_y in found if len(found) > 1 and not alike else []:
            axis.plot(one_x, percent * one_y, **style, linewidth=0.4, alpha=0.45, zorder=2)
    text = wrapped(f"{name}, ours ({runs})") if first else None
    axis.plot(x, percent * y, **style, linewidth=1.2, zorder=3, label=text)
    return len(found)


def band(axis: Any, x: Any, y: Any, spread: Any, every: Any, colour: str) -> None:
    """Mean ± standard deviation, nowhere beyond the lowest and the highest run."""
    low = np.maximum(y - spread, every.min(axis=0))
    high = np.minimum(y + spread, every.max(axis=0))
    axis.fill_between(x, low, high, alpha=0.15, linewidth=0, zorder=2, color=colour)
