"""The tables of the steps: a row a value, a rule or a batch size."""

import statistics
from collections.abc import Sequence

from disciplined.columns import shown
from disciplined.studies.planning.speeds import lasting
from disciplined.style import words
from disciplined.tuning.checklist.conclusions import Arm, Size
from disciplined.tuning.reading import Reading

NAMES = {
    "lr": "learning rate",
    "momentum": "momentum",
    "sensitivity": "learning rate",
    "weight_decay": "weight decay",
    "batch": "total batch size",
}


def table(step: str, arms: Sequence[Arm], *, exact: bool = False) -> list[list[str]]:
    """A row a value: means ± standard deviations over its runs (apart and in full, if `exact`)."""
    metrics = list(next((arm.scores for arm in arms if arm.scores), {}))
    head = [NAMES[step], "runs"]
    for metric in metrics:
        label = words(metric.replace("val_", "validation_")) + " (%)" * ("accuracy" in metric)
        head += [f"{metric}_mean", f"{metric}_std"] if exact else [label]
    rows = [[*head, "diverged", "missing"]]
    for arm in arms:
        row = [f"{arm.value:g}", str(len(arm.deciding))]
        for metric in metrics:
            numbers = arm.scores.get(metric, ())
            mean = statistics.fmean(numbers) if numbers else None
            std = statistics.stdev(numbers) if len(numbers) > 1 else None
            if exact:
                row += ["" if x is None else repr(x) for x in (mean, std)]
            else:
                row.append(shown(mean, metric, std))
        rows.append([*row, str(arm.diverged or ""), str(arm.missing or "")])
    keep = [i for i in range(len(rows[0])) if exact or any(row[i] for row in rows[1:])]
    return [[row[i] for i in keep] for row in rows]


def reading_table(read: Sequence[Reading]) -> list[list[str]]:
    """A row a rule: the rate, its spread over the seeds, and the reason."""
    rows = [["rule", "rate", "over the seeds", "reason"]]
    for one in read:
        value = "" if one.value is None else f"{one.value:.3g}"
        rows.append([one.rule, value, seeds_said(one), one.reason])
    return rows


def seeds_said(one: Reading) -> str:
    """How many seeds have a reading, and from where to where."""
    if one.spread is None or len(one.each) == 1:
        return ""
    low, high = one.spread
    return f"{low:.3g} to {high:.3g} ({len(one.found)} of {len(one.each)})"


def size_table(sizes: Sequence[Size], train_images: int) -> list[list[str]]:
    """A row a size: time an image and an epoch, and memory."""
    rows = [["total batch size", "runs", "images/s", "an image", "an epoch", "memory"]]
    for s in sizes:
        if not s.speeds:
            rows.append(
                [str(s.size), "0", "", "", "", "not measured" if s.fits else "does not fit"]
            )
            continue
        spread = f" ({min(s.speeds):,.0f} to {max(s.speeds):,.0f})" if len(s.speeds) > 1 else ""
        rows.append(
            [
                *(str(s.size), str(len(s.speeds)), f"{s.speed:,.0f}{spread}"),
                *(f"{1000 / s.speed:.3g} ms", lasting(train_images / s.speed)),
                f"{statistics.median(s.memory) / 2**20:,.0f} MiB" if s.memory else "",
            ]
        )
    return rows
