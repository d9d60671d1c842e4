"""A run's schedule before it runs: `schedule.csv` with a row per iteration, and its picture."""

import numpy as np

from disciplined.training.curves import COLOURS
from disciplined.training.planning import Plan


def write(asked: Plan, iterations: np.ndarray) -> None:
    """Write `schedule.csv` and `schedule.png` of `iterations` (int64 [T]) into the record."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    driven = {
        "lr": asked.learning_rate,
        "momentum": asked.momentum,
        "weight_decay": asked.weight_decay,
        **({"clipping": asked.clipping} if asked.clipping else {}),
    }
    columns = [iterations.tolist(), *(s.values(iterations).tolist() for s in driven.values())]
    with (asked.folder / "schedule.csv").open("w") as file:
        file.write(",".join(["iteration", *driven]) + "\n")
        file.writelines(",".join(map(repr, row)) + "\n" for row in zip(*columns, strict=True))

    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    # a picture is a thousand points wide; keep the corners by drawing at most 20,000
    shown = iterations[:: max(1, len(iterations) // 20_000)]
    figure, (rate, momentum) = plt.subplots(
        2, 1, figsize=(7, 4.2), sharex=True, height_ratios=(2, 1)
    )
    # the constrained layout would draw the figure twice
    figure.subplots_adjust(left=0.12, right=0.97, bottom=0.11, top=0.91, hspace=0.08)
    rate.plot(shown, asked.learning_rate.values(shown), color=COLOURS["rate"])
    rate.set_ylabel("learning rate")
    momentum.plot(shown, asked.momentum.values(shown), color=COLOURS["momentum"])
    momentum.set_ylabel("momentum")
    momentum.set_xlabel("iteration")
    for axis in (rate, momentum):
        axis.grid(alpha=0.25)
    figure.suptitle(asked.learning_rate.describe(asked.iterations_per_epoch), fontsize=10)
    figure.savefig(asked.folder / "schedule.png", dpi=130)
    plt.close(figure)
