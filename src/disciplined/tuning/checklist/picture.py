"""The picture of a step: what was measured over the value tried, a panel for each measure.

Points are runs, the line their means. A value whose runs diverged (or did not fit) has a cross on
the axis; the value chosen is filled, and what does as well is shaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from disciplined.style import COLOURS, HEIGHT, STYLE, WIDTH


@dataclass(frozen=True)
class Panel:
    """One measure: its label, and the runs' numbers for each value (none: it failed). from_zero:
    whether its axis begins at 0, where a ratio is what matters."""

    label: str
    numbers: Sequence[Sequence[float]]
    from_zero: bool = False


def draw(
    path: Path,
    name: str,
    values: Sequence[float],
    panels: Sequence[Panel],
    *,
    chosen: float | None,
    level: Sequence[float] = (),
    failed: str = "diverged",
    title: str = "",
) -> Path:
    """Draw `panels` over `values`, whose `name` is below, to a PNG. `failed`: a cross's meaning."""
    xs, ticks = places(values)
    size = (1.4 * WIDTH, (0.35 + len(panels)) * HEIGHT)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(panels), 1, figsize=size, sharex=True, squeeze=False, layout="constrained"
        )
        for axis, panel, colour in zip(axes[:, 0], panels, COLOURS, strict=False):
            drawn(axis, panel, xs, values, chosen, colour)
            if panel.from_zero:
                axis.set_ylim(bottom=0)
            if len(level) > 1:
                at = [xs[list(values).index(v)] for v in level]
                axis.axvspan(min(at) - 0.2, max(at) + 0.2, color="0.92", zorder=0)
            for x, numbers in zip(xs, panel.numbers, strict=True):
                if not any(map(np.isfinite, numbers)):
                    high = axis.get_xaxis_transform()
                    axis.plot(x, 0.93, "x", ms=6, color="0.3", transform=high, clip_on=False)
                    axis.text(
                        *(x, 0.84, failed), ha="center", fontsize=6, color="0.3", transform=high
                    )
            axis.set_ylabel(panel.label)
            axis.grid(True, linewidth=0.3, alpha=0.5)
        axes[0, 0].set_title(title, fontsize=7, loc="left")
        axes[-1, 0].set_xticks(xs, ticks)
        axes[-1, 0].set_xlim(xs[0] - 0.4, xs[-1] + 0.4)
        axes[-1, 0].set_xlabel(name)
        figure.savefig(path, dpi=200)
        plt.close(figure)
    return path


def drawn(axis, panel: Panel, xs, values, chosen: float | None, colour: str) -> None:
    """A measure's runs and their means."""
    means = []
    for x, value, numbers in zip(xs, values, panel.numbers, strict=True):
        kept = [n for n in numbers if np.isfinite(n)]
        if not kept:
            continue
        means.append((x, float(np.mean(kept))))
        axis.plot([x] * len(kept), kept, "o", ms=3, color=colour, alpha=0.6, mew=0)
        face = colour if value == chosen else "white"
        axis.plot(*means[-1], "o", ms=5, color=colour, markerfacecolor=face)
    if means:
        axis.plot(*zip(*means, strict=True), "-", lw=1, color=colour, zorder=1)


def places(values: Sequence[float]) -> tuple[list[float], list[str]]:
    """Where the values stand, and what is written there: about a step a factor, a 0 one step before
    the others; in proportion where they span less than a factor of 4."""
    positive = [v for v in values if v > 0]
    ticks = [f"{v:g}" for v in values]
    if len(positive) > 1 and positive[-1] / positive[0] >= 4:
        steps = np.diff(np.log(positive))
        steps = np.clip(steps / np.median(steps), 0.3, 1.5)  # ticks are written in full
        at = [0.0, *(float(x) for x in np.cumsum(steps))]
        return [-1.0] * (len(values) - len(positive)) + at, ticks
    span = (max(values) - min(values)) / max(1, len(values) - 1) or 1.0
    return [(v - values[0]) / span for v in values], ticks
