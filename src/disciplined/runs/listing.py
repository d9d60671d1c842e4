"""Records as rows: filtered, sorted, and put together over seeds."""

import math
import operator
import re
import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from disciplined.columns import number
from disciplined.mistakes import Mistake
from disciplined.runs import reading
from disciplined.runs.reading import Kept
from disciplined.studies.forked import in_order
from disciplined.sweeps.shares import cores

COLUMNS = ("key", "status", "seed", "iterations", "test_accuracy", "best_test_accuracy")
COLUMNS += ("test_loss", "images_per_second", "date")
GROUPING = ("name", "setting", "key", "status")  # what putting seeds together needs
GROUPED = ("test_accuracy", "best_test_accuracy", "test_loss")
CONDITION = re.compile(r"([\w.]+)(<=|>=|!=|=|<|>)(.*)")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


Test = tuple[str, str, str]  # a column, how it is compared, and with what
Row = tuple[Any, ...]
AT_ONCE = 1000  # records that a process takes at a time


def conditions(text: str) -> list[Test]:
    """The conditions in `model=lenet,weight_decay.value<=1e-3`; a record must meet them all.

    Values that are numbers are compared as numbers. Raises Mistake for what is no condition.
    """
    tests = []
    for condition in filter(None, text.split(",")):
        match = CONDITION.fullmatch(condition.strip())
        if not match:
            raise Mistake(f"where={condition}: expected e.g. model=lenet or seed<4")
        tests.append(match.groups())
    return tests


def where(records: Iterable[Kept], tests: list[Test]) -> Iterator[Kept]:
    """The records that meet every condition, one after the other."""
    return (r for r in records if all(meets(r.value(n), how, v) for n, how, v in tests))


def meets(found: Any, how: str, asked: str) -> bool:
    """Whether a record's value compares so with what is asked."""
    left, right = (number(str(v)) for v in (found, asked))
    if left is not None and right is not None:
        return COMPARE[how](left, right)
    if how in ("=", "!="):
        return COMPARE[how]("" if found is None else str(found), asked)
    return False


def rows(output_dir: Path, columns: list[str], tests: list[Test], by: str) -> list[Row]:
    """These columns of every record that meets the conditions, sorted by one of them.

    Downwards with a `-` before it; what lacks it stands last. Of a record only these values are
    kept; many are read by several processes. Raises Mistake as the files' readers do.
    """
    sorting = by.removeprefix("-")
    names = reading.names(output_dir)
    parts = [f"{i}" for i in range(0, len(names), AT_ONCE)]

    def part(first: str) -> list[Row] | Mistake:
        taken = names[int(first) : int(first) + AT_ONCE]
        records = filter(None, (reading.read(output_dir / "runs" / name) for name in taken))
        kept = [*columns, sorting]
        try:
            return [tuple(map(record.value, kept)) for record in where(records, tests)]
        except Mistake as mistake:
            return mistake

    found: list[Row] = []
    killed = Mistake("table: a process that read records was killed; out of memory?")
    # twice the cores: on a network's disk most of the time goes to waiting for it
    for some in in_order(part, parts, 2 * len(cores()), killed):
        if isinstance(some, Mistake):
            raise some
        found += some
    found.sort(key=lambda row: place(row[-1], by.startswith("-")))
    return [row[:-1] for row in found]


def place(value: Any, down: bool) -> tuple[bool, float, str]:
    """Where a value stands: numbers first, then words."""
    at = None if value is None else number(str(value))
    return (True, 0.0, str(value or "")) if at is None else (False, -at if down else at, "")


def grouped(records: list[Row], columns: list[str]) -> tuple[list[str], list[Row]]:
    """A head, and a row for all records that differ in nothing but the seed: n, means, standard
    deviations. The records have `GROUPING` before the columns."""
    at = {column: i for i, column in enumerate([*GROUPING, *columns])}
    groups: dict[str, list[Row]] = {}
    for record in records:
        groups.setdefault(str(record[at["setting"]] or record[at["key"]]), []).append(record)
    kept = [c for c in columns if c not in ("key", "seed", "date", "status", "images_per_second")]
    head = ["name", "setting", "n"]
    for column in kept:
        head += [f"{column}_mean", f"{column}_std"] if column in GROUPED else [column]
    table = []
    for setting, found in groups.items():
        done = [r for r in found if r[at["status"]] == "done"]
        row: list[Any] = [found[0][at["name"]], setting, len(done)]
        for column in kept:
            if column not in GROUPED:
                row.append(found[0][at[column]])
                continue
            values = [float(v) for r in done if isinstance(v := r[at[column]], int | float)]
            row += [
                statistics.fmean(values) if values else None,
                statistics.stdev(values) if len(values) > 1 else None,
            ]
        table.append(tuple(row))
    return head, table


def shown(value: Any, column: str) -> str:
    """A cell as text: accuracies in per cent, numbers short."""
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "accuracy" in column:
            return f"{100 * value:.2f}%"
        if "loss" in column:
            return f"{value:.4f}"
        return f"{value:,}" if isinstance(value, int) else f"{value:,.5g}"
    return str(value).removesuffix("+00:00")
