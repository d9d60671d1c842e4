"""A run's losses with the evidence of every finding marked on them. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from disciplined.diagnosis.curves import Curves
from disciplined.diagnosis.findings import Finding
from disciplined.mistakes import Mistake

# Okabe and Ito's palette, distinguishable with every common colour blindness
LOSSES = {"train_loss": "#0072B2", "val_loss": "#E69F00", "test_loss": "#D55E00"}
WORDS = {"train_loss": "training loss", "val_loss": "validation loss", "test_loss": "test loss"}
MARKS = ("#CC79A7", "#009E73", "#56B4E9", "#F0E442", "#999999")
PANEL = (4.2, 2.7)  # inches


class Diagnosed(Protocol):
    """What a panel shows: a run's curves and what was found in them."""

    @property
    def curves(self) -> Curves: ...

    @property
    def findings(self) -> Sequence[Finding]: ...


def draw(found: Sequence[Diagnosed], path: Path, across: int = 1) -> Path:
    """One panel a diagnosis, written as PNG, SVG or PDF by the path's ending. Raises Mistake."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise Mistake(f"picture={path}: expected a name that ends in .png, .svg or .pdf")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    down = -(-len(found) // across)
    with plt.rc_context({"font.size": 8, "svg.hashsalt": "disciplined", "svg.fonttype": "none"}):
        figure, axes = plt.subplots(
            down,
            across,
            figsize=(PANEL[0] * across, PANEL[1] * down),
            squeeze=False,
            layout="constrained",
        )
        for axis, one in zip(axes.flat, found, strict=False):
            panel(axis, one)
        for axis in axes.flat[len(found) :]:
            axis.set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=130, metadata=kept)
        plt.close(figure)
    return path


def panel(axis: Any, one: Diagnosed) -> None:
    """The losses, the rate behind them, and a band for each finding."""
    from matplotlib.ticker import MaxNLocator

    shown = [metric for metric in LOSSES if one.curves.measured(metric)[0].size]
    values = np.concatenate([one.curves.measured(metric)[1] for metric in shown] or [np.ones(1)])
    for metric in shown:
        x, loss = one.curves.measured(metric)
        marker = "." if x.size < 30 else None
        axis.plot(x, loss, color=LOSSES[metric], linewidth=1, marker=marker, label=WORDS[metric])
    middle, low, high = float(np.median(values)), float(values.min()), float(values.max())
    if low > 0 and (high > 10 * middle or middle > 10 * low):
        axis.set_yscale("log")
    x, rate = one.curves.measured("lr")
    if x.size:
        behind = axis.twinx()
        behind.plot(x, rate, color="black", linewidth=0.7, linestyle=":", label="learning rate")
        behind.set_ylim(bottom=0)
        behind.set_ylabel("learning rate")
    whole = one.curves.columns["iteration"]
    least = 0.01 * float(np.ptp(whole)) if whole.size else 0.0
    for finding, colour in zip(one.findings, MARKS, strict=False):
        start, end = finding.start, max(finding.end, finding.start + least)
        axis.axvspan(start, end, color=colour, alpha=0.22, linewidth=0, label=finding.name)
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.set_xlabel(one.curves.clock)
    axis.set_ylabel("loss")
    axis.set_title(short(one.curves.name), fontsize=8, loc="left", parse_math=False)
    axis.legend(fontsize=6.5, frameon=False, loc="best")


def short(name: str, longest: int = 64) -> str:
    """A name that fits above a panel: its end."""
    return name if len(name) <= longest else "…" + name[-longest:]
