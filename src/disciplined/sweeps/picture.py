"""The picture of a sweep: accuracy over the value varied, or a map of it over two.

Points are runs, lines their means; the axis is logarithmic where the values span a decade. Values
that are words stand side by side. A diverged run has no accuracy and no point.
"""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from disciplined.columns import number
from disciplined.style import COLOURS, HEIGHT, STYLE, WIDTH
from disciplined.sweeps.cells import Cell, numeric, over_decades, short, spread
from disciplined.training.writing import put


def draw(grid: list[Cell], keys: list[str], metric: str, path: Path) -> Path:
    """Draw the metric (of every finished run) over the keys varied, to a PNG."""
    numbers = [key for key in keys if numeric(grid, key)]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(1.4 * WIDTH, 1.4 * HEIGHT), layout="constrained")
        if len(keys) == 2 and len(numbers) == 2:
            heat_map(figure, axes, grid, keys, metric)
        else:
            x = numbers[0] if numbers else keys[0]
            lines(axes, grid, x, [k for k in keys if k != x], metric)
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=200, format="png")
        plt.close(figure)
    put(path, drawn.getbuffer())  # another sweep over this grid may be drawing it
    return path


def lines(axes: Axes, grid: list[Cell], x: str, others: list[str], metric: str) -> None:
    """One curve for every combination of the other values."""
    words = list(dict.fromkeys(cell.values[x] for cell in grid))
    on_axis = numeric(grid, x)

    def place(cell: Cell) -> float:
        return float(number(cell.values[x]) or 0) if on_axis else words.index(cell.values[x])

    curves: dict[str, list[Cell]] = {}
    for cell in grid:
        name = ", ".join(f"{short(k)} {cell.values[k]}" for k in others)
        curves.setdefault(name, []).append(cell)
    for i, (name, found) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        found = sorted(found, key=place)
        for cell in found:
            ys = [100 * y for y in cell.found(metric)]
            axes.plot([place(cell)] * len(ys), ys, "o", ms=2.5, color=colour, alpha=0.6)
        means = [(place(c), spread(c.found(metric))[0]) for c in found]
        drawn = [(at, 100 * mean) for at, mean in means if mean is not None]
        if drawn:  # words have no order, so no line joins them
            xs, ys = zip(*drawn, strict=True)
            axes.plot(xs, ys, "-" if on_axis else "_", ms=9, color=colour, label=name or None)
    finished = [cell for cell in grid if cell.found(metric)]
    if on_axis and over_decades([place(c) for c in finished]):
        axes.set_xscale("log")
    ticks = {place(cell): cell.values[x] for cell in finished}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.minorticks_off()
    axes.set_xlabel(x)
    axes.set_ylabel(f"{metric.replace('_', ' ')} (%)")
    if others:
        axes.legend(frameon=False, loc="best")


def heat_map(figure, axes: Axes, grid: list[Cell], keys: list[str], metric: str) -> None:
    """Means over two values that are numbers, each written into its square."""
    x, y = keys
    columns, rows = (
        sorted({cell.values[key] for cell in grid}, key=lambda t: number(t) or 0.0) for key in keys
    )
    means = np.full((len(rows), len(columns)), np.nan)
    for cell in grid:
        mean, _ = spread(cell.found(metric))
        if mean is not None:
            means[rows.index(cell.values[y]), columns.index(cell.values[x])] = 100 * mean
    image = axes.imshow(means, origin="lower", aspect="auto", cmap="viridis")
    low, high = np.nanmin(means), np.nanmax(means)
    for (r, c), value in np.ndenumerate(means):
        dark = np.isnan(value) or value < (low + high) / 2
        text = "–" if np.isnan(value) else f"{value:.1f}"
        colour = "black" if np.isnan(value) else "white" if dark else "black"
        axes.text(c, r, text, ha="center", va="center", fontsize=6, color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    figure.colorbar(image, ax=axes, label=f"{metric.replace('_', ' ')} (%)")
