"""Records as a table or a page shows them: what they say, and what state they are in.

Nothing in a record is ever instantiated; files are read by `disciplined.untrusted`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from disciplined.dotted import flat, group
from disciplined.mistakes import Mistake
from disciplined.training.record import FINISHED, Record
from disciplined.untrusted import parsed

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
        return flat(parsed(path)) if path.is_file() else {}

    def value(self, name: str) -> Any:
        """A column: a part of the summary by its last name, or a setting by its dotted key."""
        direct = {
            "key": self.key,
            "name": self.summary.get("name"),
            "status": self.summary.get("status"),
            "setting": self.summary.get("setting"),
        }
        if name in direct:
            return direct[name]
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


def every(output_dir: Path) -> Iterator[Kept]:
    """All records under `output_dir`, by name; what cannot be read as one is left out."""
    for folder in sorted((output_dir / "runs").glob("*")):
        if KEY.fullmatch(folder.name) and (kept := read(folder)):
            yield kept


def one(output_dir: Path, asked: str) -> Kept:
    """The record with this key, or with the only key that it is a part of. Raises Mistake."""
    names = [k.key for k in every(output_dir)]
    found = [n for n in names if n == asked] or [n for n in names if asked and asked in n]
    if len(found) != 1:
        why = f"{len(found)} records have that in their key" if found else "no such record"
        raise Mistake(f"{asked}: {why} in {output_dir / 'runs'}; see runs.py table")
    kept = read(output_dir / "runs" / found[0])
    assert kept
    return kept


def read(folder: Path) -> Kept | None:
    """The record in a folder; None where there is no summary.

    The status is what holds, whatever the summary says: `damaged` where it, or a finished run's
    rows, are not what the run wrote; `killed` where it says `running` and nobody trains it.
    """
    record = Record(folder)
    if not (folder / "summary.json").exists():
        return None
    summary = record.summary()
    if summary is None:
        return Kept(folder, {"status": "damaged"})
    if summary["status"] in FINISHED and not record.finished():
        summary["status"] = "damaged"
    elif summary["status"] == "running" and not record.held_elsewhere():
        summary["status"] = "killed"
    return Kept(folder, summary)
