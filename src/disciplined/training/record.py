"""What a run leaves on disk: config, metrics and summary, written so that a reader can trust them.

`metrics.csv` grows by whole lines; `config.yaml` and `summary.json` are written beside and renamed.
The summary keeps what the settings determine (`result`, equal after any interruption) apart from
what the machine did (`machine`). No torch here: tables and pages read thousands of records.
"""

import csv
import io
import json
import math
import os
from pathlib import Path
from typing import Any

from disciplined.mistakes import Mistake

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

METRICS = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
)
COLUMNS = ("iteration", "epoch", "lr", "momentum", "weight_decay", *METRICS)

FINISHED = ("done", "diverged")  # the states in which there is nothing left to train

Row = dict[str, float | int | None]


class Record:
    """The folder of one run.

    Args:
        folder: `outputs/runs/<key>`; made by `begin`, not before, so that a mistake leaves nothing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.metrics_file = folder / "metrics.csv"
        self.checkpoints = folder / "checkpoints"
        self.held: int | None = None  # the folder, open and locked by the process that trains

    def claim(self) -> None:
        """Make the folder and hold it, till `release` or this process's end; nothing is touched.

        Raises `Mistake` where another process trains this very run, or nothing can be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(f"no right to write in {self.folder}")
        except OSError as error:
            raise Mistake(f"output_dir: cannot be written to ({error}); choose another") from error
        if fcntl is None:
            return
        self.held = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Mistake(
                f"{self.folder} is being trained by another process; wait for it, or change the "
                "seed or another setting"
            ) from error
        except OSError:  # a network disk without locks
            self.release()

    def release(self) -> None:
        """Let another process train this run."""
        if self.held is not None:
            os.close(self.held)
            self.held = None

    def begin(self, config: str, summary: dict[str, Any]) -> None:
        """Write config and summary (keeping checkpoints that are there)."""
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        write(self.folder / "config.yaml", config)
        self.write_summary(summary)

    def clear(self) -> None:
        """Forget an earlier run of the same key."""
        for path in [self.metrics_file, self.folder / "summary.json", *self.checkpoints.glob("*")]:
            path.unlink(missing_ok=True)

    def summary(self) -> dict[str, Any] | None:
        """The summary, or None where none can be read."""
        try:
            return json.loads((self.folder / "summary.json").read_text())
        except (OSError, ValueError):
            return None

    def write_summary(self, summary: dict[str, Any]) -> None:
        """Replace the summary in one step."""
        write(self.folder / "summary.json", json.dumps(summary, indent=2, sort_keys=False) + "\n")

    def rows(self) -> list[Row]:
        """The rows of `metrics.csv`, None where a cell is empty; [] where there is no file."""
        return read_rows(self.metrics_file)

    def keep_rows(self, last_iteration: int) -> None:
        """Drop rows after `last_iteration`: a resumed run measures them again."""
        rows = [r for r in self.rows() if int(r["iteration"] or 0) <= last_iteration]
        write(self.metrics_file, "".join([header(), *map(line, rows)]))

    def append(self, row: Row) -> None:
        """Add a whole line and flush it to the disk."""
        with self.metrics_file.open("a", newline="") as file:
            file.write(line(row))
            file.flush()
            os.fsync(file.fileno())


def write(path: Path, text: str) -> None:
    """Write beside, flush, rename: a reader sees the old file or the new, never a part."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


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
