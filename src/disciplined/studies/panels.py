"""What is drawn in one set of axes: curves, points over a setting, final values beside published.

`results` everywhere are finished runs by arm, chosen arms among them. Where runs diverged the
legend says how many; final values are then the others', with a cross at the lower edge.
"""

from typing import Any

import numpy as np

from disciplined.schedules.lengths import Length
from disciplined.studies import author
from disciplined.studies.ledger import Result, without
from disciplined.studies.series import as_set, author_curve, mean_curve, ours
from disciplined.studies.study import SCHEDULED, Panel, Published, Study, on_axis
from disciplined.studies.style import COLOURS, factor, frame, label_y, muted, words, wrapped

MANY = 8  # runs of an arm; more are drawn as a band
DASHES = ("-", (0, (3, 1.5)))  # of the first metric of a panel and of the second
CROSS: Any = {"marker": "x", "linestyle": "none", "markersize": 3.5, "markeredgewidth": 1}
UNITS = {"ep": "epochs", "it": "iterations", "dur": "of the run"}

Results = dict[str, list[Result]]


def curves(axis: Any, study: Study, panel: Panel, scale: str, results: Results) -> None:
    """Every arm's metrics over the panel's axis: runs, their mean, and the author's log."""
    arms = panel.arms or list(study.arms)
    units = [factor(metric) for metric in panel.ys]
    axes = [axis, axis.twinx() if len(set(units)) == 2 else axis]
    anything = any(results.get(arm) for arm in arms)
    for colour, arm in zip(COLOURS * 9, arms, strict=False):
        for place, metric, dash in zip(axes, panel.ys, DASHES, strict=False):
            style = {"color": colour, "linestyle": dash}
            drawn = 0
            if arm in study.author:
                log = author.log(study.author[arm])
                drawn += by_author(place, study, panel, arm, metric, log, results, style)
            if metric in SCHEDULED and not results.get(arm) and (study.sketch or not drawn):
                drawn += by_plan(place, study, panel, arm, metric, style)
            drawn += by_us(place, study, panel, arm, metric, scale, results, style)
            if not drawn and not anything and metric == panel.ys[0]:
                text = wrapped(f"{study.label(arm)}: not run")
                axis.plot([], [], ":", color=colour, linewidth=1.2, label=text)
    if len(panel.ys) > 1:
        for metric, dash in zip(panel.ys, DASHES, strict=True):
            axis.plot([], [], color="grey", linestyle=dash, linewidth=1.2, label=words(metric))
    if scale == "paper" and ended(study, panel, results):
        axis.plot([], [], "D", color="grey", markersize=3, label="right: published, mean ± std")
        axis.plot([], [], "o", color="grey", markersize=2, label="right: our runs and their mean")
        right = ((results[a], told(study, panel, a)[0].at) for a in ended(study, panel, results))
        if any(fallen(found, panel.ys[0], at) for found, at in right):
            axis.plot([], [], **CROSS, color="grey", label="right: diverged, not in the mean")
    frame(axis, panel, panel.ys[0])
    if axes[1] is not axis:
        label_y(axes[1], panel.ys[1])
        axes[1].spines["right"].set_visible(True)
    elif len(panel.ys) > 1:
        label_y(axis, "loss" if units[0] == 1 else "accuracy")
    stretched = scale != "paper" and panel.x in ("iteration", "epoch") and any(results.values())
    note = f" ({scale} runs, stretched to the paper's)" if stretched else ""
    axis.set_xlabel(words(panel.x) + note)


def by_author(
    axis: Any,
    study: Study,
    panel: Panel,
    arm: str,
    metric: str,
    log: author.Log,
    results: Results,
    style: dict[str, Any],
) -> int:
    """The author's curve, muted; how many were drawn."""
    x, y = author_curve(log, panel, metric, results.get(arm, []))
    text = wrapped(f"{study.label(arm)}, author (1 run)")
    muted_style = style | {"color": muted(style["color"]), "linewidth": 1.8, "zorder": 1}
    first = metric == panel.ys[0]
    axis.plot(x, factor(metric) * y, **muted_style, label=text if first else None)
    return 1


def by_plan(
    axis: Any, study: Study, panel: Panel, arm: str, metric: str, style: dict[str, Any]
) -> int:
    """A hyper-parameter as an arm that has not been run would set it; how many were drawn."""
    from disciplined.studies.expansion import expand_arm  # Hydra: slow

    if panel.x not in ("iteration", "epoch") or arm not in study.arms:
        return 0
    x, y = as_set(expand_arm(study, arm, "paper", 1)[0].plan, panel.x, metric)
    text = wrapped(study.label(arm)) if metric == panel.ys[0] else None
    axis.plot(x, y, **style, linewidth=1.2, label=text)
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
    end before the others. How many were drawn."""
    there = results.get(arm, [])
    diverged = sum(r.diverged for r in there)
    curve = [ours(r, panel, metric, scale) for r in there]
    found = [(x, y) for x, y in curve if x.size]
    first = metric == panel.ys[0]
    runs = f"{len(there)} run{'s' * (len(there) > 1)}" + f", {diverged} diverged" * bool(diverged)
    unmeasured = sum(not (r.diverged or x.size) for r, (x, _) in zip(there, curve, strict=True))
    runs += f", {unmeasured} not measured" * bool(unmeasured)
    if not found:
        if there and first:
            axis.plot([], [], **style, label=wrapped(f"{study.label(arm)}, ours ({runs})"))
        return 0
    percent = factor(metric)
    x, y = mean_curve(found)
    if len(found) > MANY and not diverged:
        every = np.array([c[: y.size] for _, c in found])
        spread = every.std(axis=0, ddof=1)
        low = np.maximum(y - spread, every.min(axis=0))
        high = np.minimum(y + spread, every.max(axis=0))
        band = {"alpha": 0.15, "linewidth": 0, "zorder": 2, "color": style["color"]}
        axis.fill_between(x, percent * low, percent * high, **band)
        runs += ", ± std"
    else:
        for one_x, one_y in found if len(found) > 1 else []:
            axis.plot(one_x, percent * one_y, **style, linewidth=0.4, alpha=0.45, zorder=2)
    text = wrapped(f"{study.label(arm)}, ours ({runs})") if first else None
    axis.plot(x, percent * y, **style, linewidth=1.2, zorder=3, label=text)
    return len(found)


def fallen(found: list[Result], metric: str, at: str) -> int:
    """How many of the runs have no such value because they diverged."""
    return sum(r.diverged and bool(np.isnan(r.value(metric, at))) for r in found)


def cross(axis: Any, x: float, row: int, colour: str) -> None:
    """Runs diverged at x: a cross at the lower edge, those of several lines above each other."""
    place = axis.get_xaxis_transform()  # y in parts of the axis
    axis.plot([x], [0.05 * row], **CROSS, color=colour, transform=place, clip_on=False, zorder=4)


def points(axis: Any, study: Study, panel: Panel, scale: str, results: Results) -> None:
    """One panel over a setting: every run a dot, means and spreads joined along each line; a cross
    at the lower edge for an arm of which runs diverged."""
    (metric, *_) = panel.ys
    lines = panel.lines or {"": panel.arms or list(study.arms)}
    crossed = False
    for row, (colour, (line, arms)) in enumerate(zip(COLOURS * 9, lines.items(), strict=False)):
        means, every = [], []
        for arm in sorted(arms, key=lambda a: place(study, a, panel)):
            at, found = place(study, arm, panel), results.get(arm, [])
            every += found
            read = [factor(metric) * r.value(metric, panel.at) for r in found]
            values = [value for value in read if np.isfinite(value)]  # a diverged run has none
            axis.plot([at] * len(values), values, "o", color=muted(colour), markersize=1.5)
            if values:
                spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
                means.append((at, float(np.mean(values)), spread))
            if fallen(found, metric, panel.at):
                cross(axis, at, row, colour)
                crossed = True
        name = f"{line}: " if line else ""
        lost = without(every, metric, panel.at)
        lost = f", of {len(every)} runs {lost}" if lost else ""
        if means:
            x, y, spread = zip(*means, strict=True)
            most = max(len(results.get(arm, [])) for arm in arms)
            text = f"{name}mean ± std of {most} runs an arm" if most > 1 else f"{name}1 run an arm"
            style = {"linewidth": 1.2, "elinewidth": 1, "capsize": 2, "markersize": 3}
            style |= {"color": colour, "fmt": "o-"}
            axis.errorbar(x, y, yerr=spread, label=wrapped(text + lost), **style)
        else:
            text = f"{name}no value{lost}" if every else f"{name}not run"
            axis.plot([], [], ":", color=colour, label=wrapped(text))
    if crossed:
        axis.plot([], [], **CROSS, color="grey", label="diverged, not in the mean")
    frame(axis, panel, metric)
    told = "" if scale == "paper" else f" ({scale} runs)"
    arm = next(arm for arms in lines.values() for arm in arms)
    value = study.setting(arm, panel.x)
    unit = f" ({UNITS[Length.parse(value).unit]})" if isinstance(value, str) else ""
    axis.set_xlabel(words(panel.x) + unit + told)


def place(study: Study, arm: str, panel: Panel) -> float:
    """Where an arm stands on the panel's axis."""
    return on_axis(study.setting(arm, panel.x), panel.x)


def ended(study: Study, panel: Panel, results: Results) -> list[str]:
    """The panel's arms whose final values stand beside published ones (or readings of them)."""
    if panel.x not in ("iteration", "epoch"):
        return []
    return [
        arm
        for arm in panel.arms or list(study.arms)
        if results.get(arm) and told(study, panel, arm)
    ]


def told(study: Study, panel: Panel, arm: str) -> list[Published]:
    """What was published of an arm, or of the row it may really have been."""
    published = study.published.get(arm) or study.published.get(study.readings.get(arm, ""), [])
    return [p for p in published if p.metric == panel.ys[0] and p.at != "mean"]


def final(axis: Any, study: Study, panel: Panel, results: Results) -> None:
    """Final values (best ones, if those were published) on a scale of their own, each run's."""
    (metric, *_) = panel.ys
    percent = factor(metric)
    arms = panel.arms or list(study.arms)
    shown = ended(study, panel, results)
    for number, arm in enumerate(shown):
        colour = COLOURS[arms.index(arm) % len(COLOURS)]
        published = told(study, panel, arm)
        for one in published:
            error = None if one.std is None else percent * one.std
            style = {"markersize": 3.5, "elinewidth": 1, "capsize": 2, "capthick": 1}
            value = [percent * one.value]
            style |= {"color": muted(colour, 0.5), "fmt": "D"}
            axis.errorbar([number - 0.2], value, yerr=error, **style)
        read = [percent * r.value(metric, published[0].at) for r in results[arm]]
        values = [value for value in read if np.isfinite(value)]  # a diverged run has none
        axis.plot([number + 0.15] * len(values), values, "o", color=colour, markersize=2, zorder=3)
        if values:
            axis.hlines(np.mean(values), number, number + 0.3, color=colour, linewidth=1.2)
        if fallen(results[arm], metric, published[0].at):
            cross(axis, number + 0.15, 0, colour)
    if not shown:
        axis.set_visible(False)
        return
    axis.set_xlim(-0.6, len(shown) - 0.4)
    axis.set_xticks([])
    axis.set_xlabel("final")
    axis.yaxis.tick_right()
    axis.spines["right"].set_visible(True)
    axis.spines["left"].set_visible(False)
    axis.grid(True, axis="y", linewidth=0.3, alpha=0.5)
