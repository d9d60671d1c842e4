"""Curves from files: our records by folder or key, Lightning's metrics.csv, exports, any CSV.

Files are read as if a stranger had written them.
"""

import csv
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np

from disciplined.diagnosis.curves import Curves, cell, named
from disciplined.mistakes import Mistake
from disciplined.untrusted import plain

LARGEST = 1 << 26  # bytes of a CSV
ROWS = 2_000_000


def read(asked: str, output_dir: Path, columns: Mapping[str, str]) -> Curves:
    """The curves of a CSV file, of a record's folder, or of the record with this key.

    Raises Mistake for what is none of these, or has no loss.
    """
    path = Path(asked)
    if path.is_file() or path.suffix == ".csv":
        name = path.stem if path.stem != "metrics" else str(path.parent)
        return table(path.resolve(), name, columns)  # a link that the user names is meant
    folder = path if path.is_dir() else kept(asked, output_dir)
    if (folder / "summary.json").exists():
        return record(folder, columns)
    if (folder / "metrics.csv").exists():
        return table(folder / "metrics.csv", folder.name, columns)
    raise Mistake(f"{asked}: no record and no metrics.csv in that folder; name a CSV file")


def kept(key: str, output_dir: Path) -> Path:
    """The folder of the only record with this in its key, this machine's or a published one."""
    places = [*output_dir.glob("runs/*"), *output_dir.glob("published/*/*/records/*")]
    found: dict[str, Path] = {}
    for place in places:
        if key and key in place.name:
            found.setdefault(place.name, place)
    if key in found:
        return found[key]
    if len(found) != 1:
        why = f"{len(found)} records have that in their key" if found else "no such file or record"
        raise Mistake(f"{key}: {why} (in {output_dir}); name a CSV file, a folder or a key")
    return next(iter(found.values()))


def record(folder: Path, columns: Mapping[str, str]) -> Curves:
    """A record of this project; one that is not what a run wrote is refused."""
    from disciplined.runs import reading

    found = reading.read(folder)
    if found is None or found.summary.get("status") == "damaged":
        raise Mistake(f"{folder}: a damaged record, not what a run wrote; train it again")
    status = found.summary["status"]
    at = reading.part(found.summary, "result").get("diverged_at")
    stopped = "" if status == "done" else f"the record says {status}"
    if status == "diverged" and at is not None:
        stopped += f" at iteration {at}"
    return table(folder / "metrics.csv", folder.name, columns, stopped)


def table(path: Path, name: str, columns: Mapping[str, str], stopped: str = "") -> Curves:
    """The curves of a CSV with a header; commas, semicolons or tabs."""
    try:
        content = plain(path, LARGEST)
    except OSError as error:
        raise Mistake(f"{path}: cannot be read ({error.strerror}); name a CSV file") from None
    except ValueError as error:
        raise Mistake(str(error)) from None
    if b"\0" in content[:4096]:
        raise Mistake(f"{path}: not a CSV file but a binary one")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Mistake(f"{path}: not a CSV file (not UTF-8 text)") from None
    if not lines or not lines[0].strip():
        raise Mistake(f"{path}: empty; expected a CSV with a header")
    if len(lines) > ROWS:
        raise Mistake(f"{path}: {len(lines)} rows; {ROWS} are the most that are read")
    separator = max(",;\t", key=lines[0].count)
    try:
        header, *rows = csv.reader(lines, delimiter=separator)
        header = ["".join(c if c.isprintable() else "?" for c in key).strip() for key in header]
    except csv.Error as error:
        raise Mistake(f"{path}: not a CSV file ({error})") from None
    rows = [row for row in rows if row]
    if not rows:
        raise Mistake(f"{path}: a header and no rows; nothing to diagnose")
    cells = zip_longest(*rows, fillvalue="")
    raw = {
        key: np.array([cell(v) for v in column])
        for key, column in zip(header, cells, strict=False)
        if key
    }
    return named(raw, name, columns, stopped)
