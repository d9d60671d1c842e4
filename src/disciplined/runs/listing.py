"""Records as rows: filtered, sorted, and put together over seeds."""

import math
import operator
import re
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from disciplined.mistakes import Mistake
from disciplined.runs.reading import Kept
from disciplined.studies.columns import number

COLUMNS = ("key", "status", "seed", "iterations", "test_accuracy", "best_test_accuracy")
COLUMNS += ("test_loss", "images_per_second", "date")
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


def where(records: Iterable[Kept], conditions: str) -> list[Kept]:
    """The records that meet every condition, `model=lenet,weight_decay.value<=1e-3`.

    Values that are numbers are compared as numbers. Raises Mistake for what is no condition.
    """
    tests = []
    for condition in filter(None, conditions.split(",")):
        match = CONDITION.fullmatch(condition.strip())
        if not match:
            raise Mistake(f"where={condition}: expected e.g. model=lenet or seed<4")
        tests.append(match.groups())
    return [r for r in records if all(meets(r.value(n), how, v) for n, how, v in tests)]


def meets(found: Any, how: str, asked: str) -> bool:
    """Whether a record's value compares so with what is asked."""
    left, right = (number(str(v)) for v in (found, asked))
    if left is not None and right is not None:
        return COMPARE[how](left, right)
    if how in ("=", "!="):
        return COMPARE[how]("" if found is None else str(found), asked)
    return False


def ordered(records: list[Kept], by: str) -> list[Kept]:
    """Sorted by a column, downwards with a `-` before it; what lacks it stands last."""
    name, down = by.removeprefix("-"), by.startswith("-")

    def place(record: Kept) -> tuple[bool, float, str]:
        value = record.value(name)
        at = None if value is None else number(str(value))
        if at is None:
            return True, 0.0, str(value or "")
        return False, -at if down else at, ""

    return sorted(records, key=place)


def rows(records: list[Kept], columns: list[str]) -> list[list[Any]]:
    """A row a record, under a head."""
    return [columns, *([r.value(c) for c in columns] for r in records)]


def grouped(records: list[Kept], columns: list[str]) -> list[list[Any]]:
    """A row for all records that differ in nothing but the seed: n, means, standard deviations."""
    groups: dict[str, list[Kept]] = {}
    for record in records:
        groups.setdefault(str(record.value("setting") or record.key), []).append(record)
    kept = [c for c in columns if c not in ("key", "seed", "date", "status", "images_per_second")]
    head: list[Any] = ["name", "setting", "n"]
    for column in kept:
        head += [f"{column}_mean", f"{column}_std"] if column in GROUPED else [column]
    table = [head]
    for setting, found in groups.items():
        done = [r for r in found if r.value("status") == "done"]
        row: list[Any] = [found[0].value("name"), setting, len(done)]
        for column in kept:
            if column not in GROUPED:
                row.append(found[0].value(column))
                continue
            values = [float(v) for r in done if isinstance(v := r.value(column), int | float)]
            row += [
                statistics.fmean(values) if values else None,
                statistics.stdev(values) if len(values) > 1 else None,
            ]
        table.append(row)
    return table


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
