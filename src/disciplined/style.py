"""How every figure looks: a journal's column, colours told apart by any eye.

They are Okabe and Ito's, with a dark brown for their yellow, which white paper swallows: seen with
protanopia and deuteranopia (Machado 2009) it is 35 and 32 CIELAB units from the nearest of them.
"""

import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the look serves pictures of no study too, which import no Hydra
    from disciplined.studies.study import Panel

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#5D3A1A")
WIDTH = 3.4  # inches: a journal's column
HEIGHT = 2.3
LABELS = 0.42  # tick labels and axis label
ENTRY, LINE = 0.142, 0.105  # an entry of a legend, and each further line of it
HARD, KEPT = chr(160), 40  # a space not to break at; the longest name that is kept in one piece
DPI = 220
NOTE = "#606060"  # of words that stand for what is not there
DASHED = (0, (3, 1.5))
STYLE: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titley": 1.0,  # else looked for by measuring everything above the axes
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
    "train_loss": "training loss",
    "train_accuracy": "training accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "train_size": "training images",
    "lr": "learning rate",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "loss_gap": "test loss − training loss",
    "accuracy_gap": "training − test accuracy",
    "curvature": "estimated rate, over the weights",
    "curvature_blobs": "estimated rate, over all blobs",
    "duration": "length of the run",
    "schedule.lr": "learning rate",
    "schedule.max_lr": "maximum learning rate",
    "schedule.base_lr": "minimum learning rate",
    "schedule.stepsize": "stepsize",
    "momentum.value": "momentum",
    "momentum.at_max_lr": "momentum at the maximum rate",
    "momentum.at_base_lr": "momentum at the minimum rate",
    "weight_decay.value": "weight decay",
}


def words(name: str) -> str:
    """A metric, axis or setting in words."""
    return WORDS.get(name, name.rpartition(".")[2].replace("_", " "))


def factor(metric: str) -> int:
    """What a metric is multiplied with to be drawn: accuracies are told in percent."""
    return 100 if "accuracy" in metric else 1


def frame(axis: Any, panel: "Panel", metric: str) -> None:
    """Scales, limits, ticks and the y label."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

    for name in ("x", "y"):
        side = getattr(axis, f"{name}axis")
        getattr(axis, f"set_{name}scale")(getattr(panel, f"{name}scale"))
        if getattr(panel, f"{name}scale") == "log":
            low, high = getattr(axis, f"get_{name}lim")()
            side.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 1000 else (1,)))
            side.set_major_formatter(lambda value, _: short(value))
            side.set_minor_formatter(NullFormatter())
            if min(side.get_view_interval()) <= 0:  # nothing was drawn that it could adapt to
                getattr(axis, f"set_{name}lim")(0.1, 10)
            continue
        side.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
        if name == "x":
            side.set_major_formatter("{x:,.0f}" if panel.x == "iteration" else "{x:,g}")
    if panel.xlim:
        axis.set_xlim(*panel.xlim)
    if panel.ylim:
        axis.set_ylim(*(factor(metric) * v for v in panel.ylim))
    label_y(axis, metric)
    axis.grid(True, linewidth=0.3, alpha=0.5)


def short(value: float) -> str:
    """A number of a logarithmic axis: 1e-7, not 1e-07."""
    return re.sub(r"e([+-])0*", lambda sign: "e" + sign[1].replace("+", ""), f"{value:g}")


def label_y(axis: Any, metric: str) -> None:
    """The metric with its unit beside the axis."""
    axis.set_ylabel(words(metric) + (" (%)" if factor(metric) == 100 else ""))


def wrapped(label: str) -> str:
    """A legend's label in lines that fit the column.

    Broken between words only, never within brackets, and last what stands behind the last comma.
    """
    brackets = rf"\([^()]{{,{KEPT}}}\)"
    kept = re.sub(brackets, lambda found: found[0].replace(" ", HARD), label)
    start, comma, end = kept.rpartition(", ")
    if len(end) <= KEPT:
        kept = f"{start}{comma}{end.replace(' ', HARD)}"
    lines = textwrap.fill(kept, 54, subsequent_indent="  ", break_on_hyphens=False)
    return lines.replace(HARD, " ")


def colours(arms: Sequence[str], dashed: Sequence[str] = ()) -> dict[str, str]:
    """Every arm's colour; a dashed one has that of the arm before it."""
    found: dict[str, str] = {}
    number = -1
    for arm in arms:
        number += arm not in dashed or number < 0
        found[arm] = COLOURS[number % len(COLOURS)]
    return found


def muted(colour: str, strength: float = 0.35) -> tuple[float, float, float]:
    """The colour with white in it, by default two thirds."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(1 - strength * (1 - c) for c in (red, green, blue))  # type: ignore[return-value]
