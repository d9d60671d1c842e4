"""The rows of `metrics.csv`: what was measured after an iteration, and its rates. No torch."""

import csv
import io
import math
from collections.abc import Iterable
from pathlib import Path

METRICS = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
)
COLUMNS = ("iteration", "epoch", "lr", "momentum", "weight_decay", *METRICS)

Row = dict[str, float | int | None]


def header() -> str:
    """The first line of `metrics.csv`."""
    return ",".join(COLUMNS) + "\n"


def line(row: Row) -> str:
    """One row of `metrics.csv`; numbers as their shortest exact form."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(
        "" if (v := row.get(column)) is None else repr(v) for column in COLUMNS
    )
    return out.getvalue()


def read_rows(path: Path) -> list[Row]:
    """Any CSV of numbers with a header, such as a record's `metrics.csv` or an author's log."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return parsed_rows(file)


def parsed_rows(file: Iterable[str]) -> list[Row]:
    """The rows of such a file's lines."""
    return [
        {k: None if v in ("", None) else number(v) for k, v in row.items()}
        for row in csv.DictReader(file)
    ]


def number(text: str) -> float | int:
    """A cell as int where it is written as one, else as float."""
    return int(text) if text.lstrip("-").isdigit() else float(text)


def final_and_best(rows: list[Row]) -> dict[str, dict[str, float]]:
    """Final and best values of every metric measured: highest accuracy, lowest loss.

    Final is the last row's, and only where it is finite.
    """
    final: dict[str, float] = {}
    best: dict[str, float] = {}
    for metric in METRICS:
        values = [float(v) for r in rows if (v := r.get(metric)) is not None and math.isfinite(v)]
        last = rows[-1].get(metric) if rows else None
        if last is not None and math.isfinite(last):
            final[metric] = float(last)
        if values:
            best[metric] = max(values) if metric.endswith("accuracy") else min(values)
    return {"final": final, "best": best}
