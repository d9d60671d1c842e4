"""The figure of a study: ours over the author's muted curve, readable at column width.

matplotlib is imported when something is drawn. Colours are Okabe and Ito's, told apart by any eye.
"""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from disciplined.studies import author
from disciplined.studies.ledger import Result
from disciplined.studies.series import author_curve, mean_curve, ours
from disciplined.studies.study import Panel, Published, Study

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
WIDTH = 3.4  # inches: a journal's column
HEIGHT = 2.3
MANY = 8  # runs of an arm; more are drawn as a band
LABELS, LINE = 0.42, 0.145  # tick labels and axis label; one line of a legend
STYLE: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "disciplined",
}
WORDS = {
    "iteration": "iteration",
    "epoch": "epoch",
    "lr": "learning rate",
    "momentum": "momentum",
    "weight_decay": "weight decay",
}


def draw(
    study: Study, scale: str, results: dict[str, list[Result]], folder: Path, stem: str = "figure"
) -> list[Path]:
    """Write `stem`.svg and `stem`.png with every panel, below each other. Returns the files.

    results: finished runs by arm, of one scale; arms without any are drawn from the author's log
    alone, where there is one. Shorter runs are stretched to the paper's length.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    panels = list(study.panels.items())
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(panels),
            1,
            figsize=(WIDTH, HEIGHT * len(panels)),
            squeeze=False,
            layout="constrained",
        )
        ends = scale == "paper" and any(ended(study, panel, results) for _, panel in panels)
        for axis, (name, panel) in zip(axes[:, 0], panels, strict=True):
            draw_panel = points if panel.over_a_setting else one
            draw_panel(axis, study, panel, scale, results)
            if ends:  # the same width for every panel, whether it has an end or not
                final(axis.inset_axes([1.05, 0, 0.3, 1]), study, panel, results)
            if axis is axes[-1, 0] or len({tuple(p.arms) for _, p in panels}) > 1:
                legend(axis, 0.6 if ends else 0.5)
            if len(panels) > 1 or panel.title:
                axis.set_title(panel.title or name, loc="left")
        written = [a.get_legend() for a in axes[:, 0]]
        lines = sum(t.get_text().count("\n") + 1 for box in written if box for t in box.texts)
        figure.set_size_inches(WIDTH, HEIGHT * len(panels) + LINE * lines)
        files = [folder / f"{stem}.svg", folder / f"{stem}.png"]
        figure.savefig(files[0], metadata={"Date": None})
        figure.savefig(files[1], dpi=220, metadata={"Software": None})
        plt.close(figure)
    return files


def one(
    axis: Any, study: Study, panel: Panel, scale: str, results: dict[str, list[Result]]
) -> None:
    """One panel."""
    factor = 100 if panel.y.endswith("accuracy") else 1
    arms = panel.arms or list(study.arms)
    anything = any(results.get(arm) for arm in arms)
    for colour, arm in zip(COLOURS * 9, arms, strict=False):
        found = results.get(arm, [])
        drawn = False
        if arm in study.author:
            x, y = author_curve(author.log(study.author[arm]), panel, found)
            words = wrapped(f"{study.label(arm)}, author (1 run)")
            axis.plot(x, factor * y, color=muted(colour), linewidth=1.8, zorder=1, label=words)
            drawn = True
        curves = [(x, y) for x, y in (ours(r, panel, scale) for r in found) if x.size]
        if curves:
            x, y = mean_curve(curves)
            runs = f"{len(curves)} run{'s' * (len(curves) > 1)}"
            if len(curves) > MANY:
                found_there = np.array([c[: y.size] for _, c in curves])
                spread = found_there.std(axis=0, ddof=1)
                low = np.maximum(y - spread, found_there.min(axis=0))
                high = np.minimum(y + spread, found_there.max(axis=0))
                style = {"alpha": 0.15, "linewidth": 0, "zorder": 2}
                axis.fill_between(x, factor * low, factor * high, color=colour, **style)
                runs += ", ± std"
            else:
                for one_x, one_y in curves if len(curves) > 1 else []:
                    style = {"linewidth": 0.4, "alpha": 0.45, "zorder": 2}
                    axis.plot(one_x, factor * one_y, color=colour, **style)
            words = wrapped(f"{study.label(arm)}, ours ({runs})")
            axis.plot(x, factor * y, color=colour, linewidth=1.2, zorder=3, label=words)
        elif not drawn and not anything:
            words = wrapped(f"{study.label(arm)}: not run")
            axis.plot([], [], ":", color=colour, linewidth=1.2, label=words)
    if scale == "paper" and ended(study, panel, results):
        axis.plot([], [], "D", color="grey", markersize=3, label="right: published, mean ± std")
        axis.plot([], [], "o", color="grey", markersize=2, label="right: our runs and their mean")
    frame(axis, panel, factor)
    stretched = scale != "paper" and panel.x in ("iteration", "epoch") and any(results.values())
    words = f" ({scale} runs, stretched to the paper's)" if stretched else ""
    axis.set_xlabel(WORDS[panel.x] + words)


def points(
    axis: Any, study: Study, panel: Panel, scale: str, results: dict[str, list[Result]]
) -> None:
    """One panel over a setting: every run a dot, the arms' means and spreads joined."""
    factor = 100 if panel.y.endswith("accuracy") else 1
    means = []
    for arm in sorted(panel.arms or study.arms, key=lambda a: study.arms[a][panel.x]):
        at = float(study.arms[arm][panel.x])
        read = [factor * r.value(panel.y, panel.at) for r in results.get(arm, [])]
        values = [value for value in read if np.isfinite(value)]  # a diverged run has none
        axis.plot([at] * len(values), values, "o", color=muted(COLOURS[0]), markersize=1.5)
        if values:
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            means.append((at, float(np.mean(values)), spread))
    if means:
        x, y, spread = zip(*means, strict=True)
        words = f"mean ± std of {max(len(found) for found in results.values())} runs an arm"
        style = {"linewidth": 1.2, "elinewidth": 1, "capsize": 2, "markersize": 3}
        axis.errorbar(x, y, yerr=spread, fmt="o-", color=COLOURS[0], label=words, **style)
    else:
        axis.plot([], [], ":", color=COLOURS[0], label="not run")
    frame(axis, panel, factor)
    words = "" if scale == "paper" else f" ({scale} runs)"
    axis.set_xlabel(panel.x.replace("schedule.lr", "learning rate").replace("_", " ") + words)


def ended(study: Study, panel: Panel, results: dict[str, list[Result]]) -> list[str]:
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
    return [p for p in published if p.metric == panel.y and p.at != "mean"]


def final(axis: Any, study: Study, panel: Panel, results: dict[str, list[Result]]) -> None:
    """Final values (best ones, if those were published) on a scale of their own, each run's."""
    factor = 100 if panel.y.endswith("accuracy") else 1
    arms = panel.arms or list(study.arms)
    shown = ended(study, panel, results)
    for place, arm in enumerate(shown):
        colour = COLOURS[arms.index(arm) % len(COLOURS)]
        published = told(study, panel, arm)
        for one in published:
            error = None if one.std is None else factor * one.std
            style = {"markersize": 3.5, "elinewidth": 1, "capsize": 2, "capthick": 1}
            at = [place - 0.2]
            axis.errorbar(
                at, [factor * one.value], yerr=error, fmt="D", color=muted(colour, 0.5), **style
            )
        read = [factor * r.value(panel.y, published[0].at) for r in results[arm]]
        values = [value for value in read if np.isfinite(value)]  # a diverged run has none
        axis.plot([place + 0.15] * len(values), values, "o", color=colour, markersize=2, zorder=3)
        if values:
            axis.hlines(np.mean(values), place, place + 0.3, color=colour, linewidth=1.2)
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


def frame(axis: Any, panel: Panel, factor: float) -> None:
    """Scales, limits, ticks and the y label."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    for name in ("x", "y"):
        side = getattr(axis, f"{name}axis")
        getattr(axis, f"set_{name}scale")(getattr(panel, f"{name}scale"))
        if getattr(panel, f"{name}scale") == "log":
            side.set_major_locator(LogLocator(subs=(1, 2, 5)))
            side.set_major_formatter("{x:g}")
            side.set_minor_formatter(NullFormatter())
            continue
        side.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
        if name == "x":
            side.set_major_formatter("{x:,.0f}" if panel.x == "iteration" else "{x:g}")
    if panel.xlim:
        axis.set_xlim(*panel.xlim)
    if panel.ylim:
        axis.set_ylim(*(factor * v for v in panel.ylim))
    axis.set_ylabel(
        WORDS.get(panel.y, panel.y.replace("_", " ")) + (" (%)" if factor == 100 else "")
    )
    axis.grid(True, linewidth=0.3, alpha=0.5)


def wrapped(label: str) -> str:
    """A legend's label in lines that fit the column."""
    start, comma, end = label.rpartition(",")
    kept = f"{start}{comma}{end[:1]}{end[1:].replace(' ', chr(160))}"
    return textwrap.fill(kept, 54, subsequent_indent="  ").replace(chr(160), " ")


def legend(axis: Any, middle: float = 0.5) -> None:
    """The legend below its panel; panels that show the same arms share the last one's."""
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0, -LABELS, axis.figure.dpi_scale_trans)
    axis.legend(
        loc="upper center",
        bbox_to_anchor=(middle, 0),
        bbox_transform=axis.transAxes + below,
        borderaxespad=0,
        frameon=False,
        handlelength=1.5,
    )


def muted(colour: str, strength: float = 0.35) -> tuple[float, float, float]:
    """The colour with white in it, by default two thirds."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(1 - strength * (1 - c) for c in (red, green, blue))  # type: ignore[return-value]
