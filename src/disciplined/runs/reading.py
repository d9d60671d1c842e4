"""Records as a table or a page shows them: what they say, and what state they are in.

Nothing in a record is ever instantiated; files are read by `disciplined.untrusted`.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from disciplined.dotted import group
from disciplined.mistakes import Mistake
from disciplined.training.record import FINISHED, Record
from disciplined.untrusted import settings

KEY = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)+-[0-9a-f]{12}")


@dataclass(frozen=True)
class Kept:
    """A record as its files tell it."""

    folder: Path
    summary: dict[str, Any]

    @property
    def key(self) -> str:
        """The folder's name, whatever the summary says."""
        return self.folder.name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The config with dotted keys; {} where there is none. Raises Mistake for a hostile one."""
        path = self.folder / "config.yaml"
        return settings(path) if path.is_file() else {}

    def value(self, name: str) -> Any:
        """A column: a part of the summary by its last name, or a setting by its dotted key."""
        if name == "key":
            return self.key
        if name in ("name", "status", "setting"):
            return self.summary.get(name)
        if name == "seed" and name in self.summary:  # of older records only the config says it
            return self.summary[name]
        if name == "holder":
            return Record(self.folder).holder()
        result, machine = (part(self.summary, p) for p in ("result", "machine"))
        for place in (part(result, "final"), result, machine):
            if name in place:
                return place[name]
        if name.startswith("best_"):
            return part(result, "best").get(name.removeprefix("best_"))
        return group(name, self.settings)


def part(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    """A mapping within a mapping; {} for anything else."""
    found = mapping.get(name)
    return found if isinstance(found, dict) else {}


def names(output_dir: Path) -> list[str]:
    """The folders under `output_dir` that are named as records are, in order."""
    try:
        with os.scandir(output_dir / "runs") as found:
            return sorted(folder.name for folder in found if KEY.fullmatch(folder.name))
    except FileNotFoundError:
        return []


def every(output_dir: Path) -> Iterator[Kept]:
    """All records under `output_dir`, by name; what cannot be read as one is left out."""
    for name in names(output_dir):
        if kept := read(output_dir / "runs" / name):
            yield kept


def one(output_dir: Path, asked: str) -> Kept:
    """The record with this key, or with the only key that it is a part of. Raises Mistake."""
    runs = output_dir / "runs"
    there = [asked] if KEY.fullmatch(asked) and kept(runs / asked) else []
    found = there or [n for n in names(output_dir) if asked and asked in n and kept(runs / n)]
    if len(found) != 1:
        why = f"{len(found)} records have that in their key" if found else "no such record"
        raise Mistake(f"{asked}: {why} in {runs}; see runs.py table")
    record = read(runs / found[0])
    assert record
    return record


def kept(folder: Path) -> bool:
    """Whether a record is in a folder."""
    return (folder / "summary.json").exists()


def read(folder: Path) -> Kept | None:
    """The record in a folder; None where there is no summary.

    The status is what holds, whatever the summary says: `damaged` where it, or a finished run's
    rows, are not what the run wrote; `killed` where it says `running` and nobody trains it.
    """
    record = Record(folder)
    summary = record.summary()
    if summary is None:
        return Kept(folder, {"status": "damaged"}) if kept(folder) else None
    if summary["status"] in FINISHED and not record.intact(summary):
        summary["status"] = "damaged"
    elif summary["status"] == "running" and not record.held_elsewhere():
        summary["status"] = "killed"
    return Kept(folder, summary)
