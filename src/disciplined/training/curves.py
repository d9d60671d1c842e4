"""The diagnostic plot of one run: losses and accuracies over iterations, above rate and momentum.

Smith's first remark: the test loss, seen beside the rate, tells more than the final accuracy.
"""

import io
from pathlib import Path

import numpy as np

from disciplined.training.planning import Plan
from disciplined.training.rows import Row
from disciplined.training.writing import put

# Okabe and Ito's palette, distinguishable with every common colour blindness
COLOURS = {
    "train": "#0072B2",
    "val": "#E69F00",
    "test": "#D55E00",
    "rate": "#000000",
    "momentum": "#009E73",
}


def draw(folder: Path, rows: list[Row], asked: Plan) -> None:
    """Draw the `rows` of a plan's run as `curves.png`; nothing where nothing was measured."""
    if not rows:
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    def column(name: str) -> np.ndarray:
        return np.array([np.nan if (v := r.get(name)) is None else v for r in rows], dtype=float)

    at = column("iteration")
    marker = "o" if len(rows) < 30 else None
    figure, (losses, accuracies, rates) = plt.subplots(
        3, 1, figsize=(7, 7), sharex=True, height_ratios=(2, 2, 1.2)
    )
    # the constrained layout would draw the figure twice
    figure.subplots_adjust(left=0.12, right=0.88, bottom=0.07, top=0.94, hspace=0.08)
    for axis, measure in ((losses, "loss"), (accuracies, "accuracy")):
        for split in ("train", "val", "test"):
            values = column(f"{split}_{measure}")
            if np.isfinite(values).any():
                label = {"val": "validation"}.get(split, split)
                axis.plot(
                    at, values, color=COLOURS[split], label=label, marker=marker, markersize=2.5
                )
        axis.set_ylabel(f"{measure}" + (" (nats)" if measure == "loss" else ""))
        axis.grid(alpha=0.25)
    finite = np.concatenate([column(f"{s}_loss") for s in ("train", "val", "test")])
    finite = finite[np.isfinite(finite) & (finite > 0)]
    if finite.size and finite.max() > 50 * finite.min():
        losses.set_yscale("log")
    losses.legend(loc="upper right", frameon=False)
    every = np.unique(np.linspace(0, at[-1], 2000).astype(np.int64))
    rates.plot(every, asked.learning_rate.values(every), color=COLOURS["rate"])
    rates.set_ylabel("learning rate")
    rates.set_xlabel("iteration")
    momenta = rates.twinx()
    momenta.plot(every, asked.momentum.values(every), color=COLOURS["momentum"], linestyle="--")
    momenta.set_ylabel("momentum", color=COLOURS["momentum"])
    rates.grid(alpha=0.25)
    figure.suptitle(asked.name)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=130)
    plt.close(figure)
    put(folder / "curves.png", drawn.getbuffer())
