"""A range test in a journal's column: the curves, and every reading with its spread over seeds.

matplotlib is imported when something is drawn.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from disciplined.style import COLOURS, HEIGHT, NOTE, STYLE, WIDTH, muted, words
from disciplined.tuning.reading.curve import Curve
from disciplined.tuning.reading.over_seeds import Reading

LINES = {"val_loss": COLOURS[0], "train_loss": "#888888", "val_accuracy": COLOURS[0]}
RULES = {
    "starts": ("starts", COLOURS[2]),
    "steepest": ("steepest", COLOURS[5]),
    "tenth": ("min / 10", COLOURS[4]),
    "best": ("best", NOTE),
    "ragged": ("ragged", COLOURS[3]),
    "falls": ("falls", COLOURS[1]),
    "rises": ("loss rises", COLOURS[7]),
    "diverges": ("diverges", COLOURS[6]),
}
STRIP = 1.15  # inches above the panels for the readings' names
APART = 0.045  # of the width: names of readings are never nearer
LETTERS, LINE, SMALL = 76, 0.115, 6  # of the reasons below: a line's length, its inches, points
ROOM = 1.6  # times the height of a loss's own curve is shown, not where it explodes


def draw(
    curves: Sequence[Curve],
    readings: Sequence[Reading],
    file: str | Path | None = None,
    over: str = "lr",
) -> Any:
    """Draw one curve a seed with what was read off them. Returns the matplotlib figure.

    file: where to save it, by its suffix; nowhere where None. over: what rose, said at the axis.
    The losses above, accuracy below where it was measured: each seed thin, their mean thick where
    all of them have a value, from the lowest to the highest shaded. Every reading is a line from
    its name down, shaded over the seeds' spread, with how many have it where not all do; where
    the seeds diverged there are crosses. Below stands each reading's reason. The axis is
    logarithmic for an exponential test.
    """
    from matplotlib.figure import Figure
    from matplotlib.style import context

    losses = [m for m in ("val_loss", "train_loss") if any(has(c, m) for c in curves)]
    panels = [losses] if losses else []
    panels += [["val_accuracy"]] if any(has(c, "val_accuracy") for c in curves) else []
    with context(STYLE):
        why = reasons(readings)
        below = LINE * sum(len(lines) for lines, _ in why)
        height = STRIP + HEIGHT * 0.75 * max(1, len(panels)) + 0.2 + below
        figure = Figure(figsize=(WIDTH, height), dpi=220)
        axes = np.atleast_1d(figure.subplots(max(1, len(panels)), 1, sharex=True))
        bottom, top = (0.42 + below) / height, 1 - STRIP / height
        figure.subplots_adjust(left=0.15, right=0.98, bottom=bottom, top=top, hspace=0.12)
        across(axes[-1], curves, readings, over)
        for axis, metrics in zip(axes, panels, strict=False):
            for metric in metrics:
                by_seed(axis, curves, metric)
            mark(axis, curves, readings)
            frame(axis, curves, metrics)
        name(axes[0], readings)
        explain(figure, why, below / height, height)
        if file is not None:
            figure.savefig(file, metadata={"Date": None} if str(file).endswith("svg") else None)
    return figure


def has(curve: Curve, metric: str) -> bool:
    """Whether anything of a metric was measured."""
    return len(curve.measured(metric)[0]) > 0


def across(axis: Any, curves: Sequence[Curve], readings: Sequence[Reading], over: str) -> None:
    """The common axis: from the lowest to the highest rate measured, logarithmic or not."""
    from matplotlib.ticker import MaxNLocator

    low, high = readings[0].tested
    axis.set_xlabel(words(over))
    if curves[0].shape == "exponential":
        axis.set_xscale("log")
        axis.set_xlim(low / (high / low) ** 0.02, high * (high / low) ** 0.02)
    else:
        axis.xaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
        axis.set_xlim(low - (high - low) * 0.02, high + (high - low) * 0.02)
        axis.xaxis.set_major_formatter("{x:g}")


def by_seed(axis: Any, curves: Sequence[Curve], metric: str) -> None:
    """One metric: seeds, their mean and band, where there are several at the same rates."""
    colour, unit = LINES[metric], 100 if metric == "val_accuracy" else 1
    several = len(curves) > 1
    for curve in curves:
        x, y = curve.measured(metric)
        thin = {"linewidth": 0.4, "color": muted(colour, 0.6)} if several else {"linewidth": 0.9}
        axis.plot(x, y * unit, **({"color": colour} | thin))
    shortest = min(len(c.values) for c in curves)
    columns = [getattr(c, metric) for c in curves]
    together = all(np.array_equal(c.values[:shortest], curves[0].values[:shortest]) for c in curves)
    if several and together and all(c is not None for c in columns):
        every = np.stack([c[:shortest] for c in columns]) * unit
        kept = np.isfinite(every).all(axis=0)
        x, every = curves[0].values[:shortest][kept], every[:, kept]
        axis.fill_between(x, every.min(0), every.max(0), color=muted(colour), linewidth=0)
        axis.plot(x, every.mean(0), color=colour, linewidth=1.2)
    said = "validation" if metric.startswith("val") else "training"
    axis.plot([], [], color=colour, linewidth=1.2, label=said)


def mark(axis: Any, curves: Sequence[Curve], readings: Sequence[Reading]) -> None:
    """Every reading's line and spread, and a cross where a seed diverged."""
    for reading in readings:
        if reading.value is None or reading.spread is None:
            continue
        colour = RULES[reading.rule][1]
        axis.axvspan(*reading.spread, color=colour, alpha=0.15, linewidth=0, zorder=0)
        axis.axvline(reading.value, color=colour, linewidth=0.8, linestyle=(0, (3, 1.5)), zorder=1)
    ends = [c.diverged_at for c in curves if c.diverged_at is not None]
    cross = {"marker": "x", "linestyle": "none", "markersize": 3.5, "color": COLOURS[6]}
    axis.plot(ends, [0.04] * len(ends), transform=axis.get_xaxis_transform(), **cross)


def frame(axis: Any, curves: Sequence[Curve], metrics: Sequence[str]) -> None:
    """Limits that an explosion of the loss does not stretch, labels and the legend."""
    from matplotlib.ticker import MaxNLocator

    axis.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
    axis.grid(True, linewidth=0.3, alpha=0.5)
    if metrics == ["val_accuracy"]:
        axis.set_ylabel("validation accuracy (%)")
        return
    axis.set_ylabel("loss")
    tops, lows = [], []
    for curve in curves:
        for metric in metrics:
            _, y = curve.measured(metric)
            if len(y):
                lowest = int(np.argmin(y))
                tops.append(float(np.percentile(y[: lowest + 1], 95)))
                lows.append(float(y[lowest]))
    if tops and max(tops) > min(lows):
        low, room = min(lows), max(tops) - min(lows)
        highest = max(float(c.measured(m)[1].max(initial=low)) for c in curves for m in metrics)
        axis.set_ylim(low - 0.05 * room, min(low + ROOM * room, highest + 0.05 * room))
    if len(metrics) > 1:
        axis.legend(loc="best", frameon=False, handlelength=1.2, borderaxespad=0)


def name(axis: Any, readings: Sequence[Reading]) -> None:
    """Names and values above, upright, moved apart where they would touch, each led to its line."""
    found = [r for r in readings if r.value is not None]
    if not found:
        told = readings[0].reason
        axis.text(0.5, 1.04, told, transform=axis.transAxes, ha="center", va="bottom")
        return
    along = axis.transAxes.inverted()
    places = sorted(
        (float(along.transform(axis.transData.transform((r.value, 0)))[0]), i)
        for i, r in enumerate(found)
    )
    spots = apart([place for place, _ in places])
    for (place, i), spot in zip(places, spots, strict=True):
        said, colour = RULES[found[i].rule]
        axis.plot(
            [place, place, spot, spot],
            [1, 1.03, 1.1, 1.12],
            color=colour,
            linewidth=0.8,
            transform=axis.transAxes,
            clip_on=False,
        )
        axis.text(
            spot,
            1.14,
            f"{said} {found[i].value:.2g}{few(found[i])}",
            transform=axis.transAxes,
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=6.5,
        )


def reasons(readings: Sequence[Reading]) -> list[tuple[list[str], str]]:
    """Of every reading drawn its reason in lines, and its colour."""
    found = sorted((r for r in readings if r.value is not None), key=lambda r: r.value or 0.0)
    told = [(f"{RULES[r.rule][0]}: {r.reason}", RULES[r.rule][1]) for r in found]
    return [
        (textwrap.wrap(text, LETTERS, subsequent_indent="   "), colour) for text, colour in told
    ]


def explain(
    figure: Any, why: Sequence[tuple[Sequence[str], str]], top: float, height: float
) -> None:
    """The reasons below the axis, each behind a mark of its colour."""
    from matplotlib.lines import Line2D

    for lines, colour in why:
        middle = top - LINE / 2 / height
        mark = Line2D([0.015, 0.04], [middle, middle], color=colour, linewidth=1.2)
        figure.add_artist(mark)
        text = "\n".join(lines)
        figure.text(0.055, top, text, fontsize=SMALL, va="top", linespacing=1.15)
        top -= len(lines) * LINE / height


def few(reading: Reading) -> str:
    """How many of the seeds have it, where not all do."""
    return (
        ""
        if len(reading.found) == len(reading.each)
        else f" ({len(reading.found)}/{len(reading.each)})"
    )


def apart(places: Sequence[float]) -> list[float]:
    """Rising places in [0, 1], moved as little as keeps them apart."""
    spots = [min(max(p, 0.0), 1.0) for p in places]
    for _ in range(200):
        for i in range(len(spots) - 1):
            lacking = APART - (spots[i + 1] - spots[i])
            if lacking > 1e-9:
                spots[i] -= lacking / 2
                spots[i + 1] += lacking / 2
    return spots
