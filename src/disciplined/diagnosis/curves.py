"""What a diagnosis looks at: the columns of one run under this project's names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from disciplined.diagnosis.names import taken
from disciplined.mistakes import Mistake

RESTARTS = 2  # of a clock: a run may be resumed, a step within the epoch is no clock
LOSSES = ("val_loss", "test_loss")  # that of images which were not trained on; validation first


@dataclass(frozen=True)
class Curves:
    """One run's measurements.

    columns: by name (`iteration`, `lr`, `val_loss`, ...), all of one length; NaN where nothing was
    measured, infinite where what was measured is not finite. read: which column was taken for
    what, where that was guessed or told. stopped: what else is known to have ended the run.
    """

    name: str
    columns: dict[str, np.ndarray]
    read: tuple[str, ...] = ()
    stopped: str = ""
    clock: str = "iteration"

    def measured(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """Where a column has finite values: iterations and values."""
        values = self.columns.get(column)
        if values is None:
            return np.empty(0), np.empty(0)
        there = np.isfinite(values)
        return self.columns["iteration"][there], values[there]

    def broken(self, column: str) -> float | None:
        """The first iteration at which a column was measured and not finite."""
        at = np.flatnonzero(np.isinf(self.columns.get(column, np.empty(0))))
        return float(self.columns["iteration"][at[0]]) if at.size else None

    @property
    def held_out(self) -> str | None:
        """The loss that decides: of validation, else of the test set."""
        found = [c for c in LOSSES if self.measured(c)[0].size or self.broken(c) is not None]
        return next(iter(found), None)

    def at(self, column: str, x: np.ndarray) -> np.ndarray | None:
        """A column's last value known at each of `x`; None where it was never measured."""
        known, values = self.measured(column)
        if not known.size:
            return None
        return values[np.clip(np.searchsorted(known, x, "right") - 1, 0, None)]


def curves(
    rows: Mapping[str, Any] | Iterable[Mapping[str, Any]],
    name: str = "run",
    columns: Mapping[str, str] | None = None,
    stopped: str = "",
) -> Curves:
    """Curves from columns by name (a mapping, a data frame) or from rows (mappings, None empty).

    columns: ours by theirs, `{"val_loss": "valid/ce"}`; what it does not name is guessed by usual
    names and said in `read`. Raises `Mistake` where there is no loss, or a named column is missing.
    """
    return named(as_columns(rows), name, columns or {}, stopped)


def named(
    raw: dict[str, np.ndarray], name: str, columns: Mapping[str, str], stopped: str = ""
) -> Curves:
    """Curves from columns of numbers: NaN for a gap, infinite for what is not finite."""
    lengths = {values.size for values in raw.values()}
    if len(lengths) > 1:
        raise Mistake(f"{name}: columns of different lengths, {sorted(lengths)}; expected one")
    chosen, read = taken(name, list(raw), columns)
    found = {ours: raw[theirs] for ours, theirs in chosen.items()}
    if not any(np.any(~np.isnan(v)) for k, v in found.items() if k.endswith("_loss")):
        has = ", ".join(list(raw)[:12]) or "no columns"
        raise Mistake(f"{name}: no loss in it (columns: {has}); name it, e.g. map=val_loss=COLUMN")
    rows_there = next(iter(found.values())).size
    clock = next((c for c in ("iteration", "epoch") if c in found), "row")
    if clock == "row":
        read.append("iteration: none found, rows are counted")
    else:
        found["iteration"] = filled(found[clock])
        if np.sum(np.diff(found["iteration"]) < 0) > RESTARTS:
            read.append(f"iteration: {chosen[clock]} starts again and again, rows are counted")
            clock = "row"
    if clock == "row":
        found["iteration"] = np.arange(1.0, rows_there + 1)
    order = np.argsort(found["iteration"], kind="stable")
    found = {k: v[order] for k, v in found.items()}
    return Curves(name, one_a_time(found), tuple(read), stopped, clock)


def as_columns(rows: Any) -> dict[str, np.ndarray]:
    """Columns of numbers; a NaN that ends a loss is what was measured, other NaN are gaps."""
    if isinstance(rows, Mapping) or hasattr(rows, "columns"):
        keys = list(rows.keys()) if isinstance(rows, Mapping) else list(rows.columns)
        return {str(k): ended(number_array(rows[k])) for k in keys}
    listed = list(rows)
    keys = list(dict.fromkeys(k for row in listed for k in row))
    return {str(k): np.array([cell(row.get(k)) for row in listed]) for k in keys}


def number_array(values: Any) -> np.ndarray:
    """Any sequence as floats; NaN for what is no number."""
    try:
        return np.asarray(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        return np.array([cell(v) for v in values])


def cell(value: Any) -> float:
    """A cell as a number: NaN for an empty one or a word, infinite for what is not finite."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return np.nan
    try:
        number = float(value)
    except (TypeError, ValueError):
        return np.nan
    return number if np.isfinite(number) else np.inf


def ended(values: np.ndarray) -> np.ndarray:
    """A column with the NaN at its end made infinite where it was measured in every row before."""
    last = np.flatnonzero(np.isfinite(values))
    if not last.size or last.size < last[-1] + 1 or last[-1] + 1 == values.size:
        return values
    return np.where(np.arange(values.size) > last[-1], np.inf, values)


def filled(values: np.ndarray) -> np.ndarray:
    """A time column without gaps: an empty cell has its predecessor's time."""
    there = np.isfinite(values)
    if not there.any():
        return np.arange(1.0, values.size + 1)
    before = np.maximum.accumulate(np.where(there, np.arange(values.size), -1))
    return np.where(before < 0, values[there][0], values[np.clip(before, 0, None)])


def one_a_time(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One row an iteration: of rows with the same one, each column's last value."""
    x = found["iteration"]
    times, where = np.unique(x, return_inverse=True)
    if times.size == x.size:
        return found
    merged = {}
    for key, values in found.items():
        there = ~np.isnan(values)
        merged[key] = np.full(times.size, np.nan)
        merged[key][where[there]] = values[there]
    return merged | {"iteration": times}
