"""One run over two nodes beside the same in one process: how far apart their curves come.

The nodes are two agents of torchrun on this machine, which know of each other as those of two
machines do. The control has no second process: it takes each batch in two halves, and what tells it
from one process is rounding alone.
"""

import math
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from disciplined.ending import DONE
from disciplined.training.config import TRAIN
from disciplined.training.rows import METRICS, Row, read_rows

# Networks without batch norm, and one with it in groups over all devices: name -> settings
RUNS = {
    "lenet-mnist": "model=lenet dataset=mnist duration=1ep evaluate_every=13it "
    "evaluation.images=2000",
    "three_layer-cifar10": "model=three_layer dataset=cifar10 duration=1ep evaluate_every=40it",
    "superconv_resnet20-digits": "model=superconv_resnet20 dataset=digits total_batch_size=64 "
    "batch_norm.groups=4 schedule.base_lr=0.02 schedule.max_lr=0.2 duration=40it "
    "evaluate_every=5it",
}
COMMON = ["precision=fp32", "trainer.accelerator=cpu", "trainer.threads=1"]
NODES = 2
WAYS = {"one": "one process", "two": "two nodes", "halves": "one process, two micro-batches"}
COMPARED = (("two", "one"), ("halves", "one"), ("two", "halves"))


def measured(name: str, data_dir: str, folder: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """What the record keeps of a run: the rows of every way, and their largest differences."""
    asked = [*RUNS[name].split(), *COMMON, f"data_dir={Path(data_dir).absolute()}"]
    tell(f"{name}: {'; '.join(WAYS.values())}")
    one = started([sys.executable], [*asked, f"output_dir={folder / 'one'}"])
    halves = [*asked, f"trainer.accumulate={NODES}", f"output_dir={folder / 'halves'}"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    agent = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={NODES}"]
    agent += ["--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint={place}"]
    over = ["trainer=ddp", "trainer.devices=1", f"trainer.num_nodes={NODES}", COMMON[1]]
    two = [*asked, *over, f"output_dir={folder / 'two'}"]
    nodes = [started(agent, two) for _ in range(NODES)]
    ended([one, started([sys.executable], halves), *nodes])
    rows = {
        which: read_rows(next((folder / which / "runs").glob("*/metrics.csv"))) for which in WAYS
    }
    return {"name": name, "rows": rows, "differences": compared(rows)}


def started(command: list[str], arguments: list[str]) -> subprocess.Popen[bytes]:
    """`train.py` by some launcher, heard only where it fails."""
    return subprocess.Popen(
        [*command, str(TRAIN), *arguments], cwd=TRAIN.parent, stdout=subprocess.DEVNULL
    )


def ended(processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait for them. Raises `RuntimeError` where one failed."""
    statuses = [process.wait() for process in processes]
    if any(status != DONE for status in statuses):
        raise RuntimeError("train.py failed; it said why")


def compared(rows: dict[str, list[Row]]) -> list[dict[str, Any]]:
    """The largest differences between two ways of a run, a pair each."""
    return [
        {"of": ours, "from": theirs} | differences(rows[ours], rows[theirs])
        for ours, theirs in COMPARED
    ]


def differences(ours: list[Row], theirs: list[Row]) -> dict[str, float]:
    """Of every metric that was measured, the largest difference: of losses relative, of accuracies
    absolute."""
    found: dict[str, float] = {}
    for a, b in zip(ours, theirs, strict=True):
        for metric in METRICS:
            x, y = a[metric], b[metric]
            if x is None or y is None:
                continue
            apart = abs(x - y) / (abs(y) if metric.endswith("loss") else 1)
            found[metric] = max(found.get(metric, 0.0), apart if math.isfinite(apart) else math.inf)
    return found


def rows(found: dict[str, Any]) -> list[list[str]]:
    """The table: two ways of a run in each row."""
    head = ["run", "updates", "of", "from", "training loss", "test loss", "test accuracy"]
    head.append("last test loss")
    table = [head, ["---"] * len(head)]
    for case in found["cases"]:
        last = {k: v[-1] for k, v in case["rows"].items()}
        for apart in case["differences"]:
            ours, theirs = apart["of"], apart["from"]
            losses = (apart["train_loss"], apart["test_loss"])
            table.append(
                [
                    case["name"],
                    str(last["one"]["iteration"]),
                    *(WAYS[ours], WAYS[theirs]),
                    *(f"{loss:.1e}" if loss else "0" for loss in losses),
                    f"{100 * apart['test_accuracy']:.2f} points",
                    f"{last[ours]['test_loss']:.6f}, {last[theirs]['test_loss']:.6f}",
                ]
            )
    return table


def draw(path: Path, found: dict[str, Any]) -> Path:
    """Losses above how far they are from one process's, a column for each run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from disciplined.style import COLOURS, STYLE

    cases = found["cases"]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            2,
            len(cases),
            figsize=(2.6 * len(cases) + 0.4, 3.4),
            sharex="col",
            height_ratios=(2, 1),
            layout="constrained",
            squeeze=False,
        )
        for case, (above, below) in zip(cases, axes.T, strict=True):
            one, two = case["rows"]["one"], case["rows"]["two"]
            at = [row["iteration"] for row in one]
            for metric, colour in (("train_loss", COLOURS[0]), ("test_loss", COLOURS[1])):
                words = metric.replace("train_", "training ").replace("_", " ")
                above.plot(
                    at, [r[metric] for r in one], color=colour, label=f"{words}, one process"
                )
                above.plot(
                    at, [r[metric] for r in two], "o", color=colour, markersize=3,
                    fillstyle="none", label=f"{words}, two nodes",
                )  # fmt: skip
                for which, look in (("two", ".-"), ("halves", "o:")):
                    other = case["rows"][which]
                    apart = [
                        abs(a[metric] - b[metric]) / b[metric]
                        for a, b in zip(other, one, strict=True)
                    ]
                    below.plot(
                        at, [max(a, 1e-9) for a in apart], look, color=colour, fillstyle="none",
                        label=WAYS[which] if colour == COLOURS[0] else None,
                    )  # fmt: skip
            above.set_title(case["name"])
            below.set_yscale("log")
            below.margins(y=0.1)
            below.set_ylim(bottom=1e-11)  # room for the legend
            below.axhline(2**-23, color="0.6", linewidth=0.6)
            below.set_xlabel("iteration")
        axes[0, 0].set_ylabel("loss")
        axes[1, 0].set_ylabel("relative difference")
        axes[1, 0].text(0.98, 2**-23, "a float32's last bit", fontsize=5, va="bottom", ha="right",
                        transform=axes[1, 0].get_yaxis_transform())  # fmt: skip
        axes[0, -1].legend(frameon=False, fontsize=5.5)
        axes[1, -1].legend(frameon=False, fontsize=5.5, loc="lower right")
        figure.savefig(path, dpi=200)
        plt.close(figure)
    return path
