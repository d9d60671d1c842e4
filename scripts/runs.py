"""The records of this machine: a table of them, one in full, two compared, what may go.

    python scripts/runs.py table [where=model=lenet,weight_decay.value<=1e-3] [sort=-test_accuracy]
                                 [columns=key,seed,schedule.max_lr,test_accuracy] [group=true]
                                 [format=text|csv|json] [output_dir=outputs]
    python scripts/runs.py watch [seconds=5] ...      the same table, again and again
    python scripts/runs.py show KEY                   status, settings, results, machine
    python scripts/runs.py diff KEY KEY               settings, results and versions that differ
    python scripts/runs.py stale                      records that other code has computed
    python scripts/runs.py prune [what=failed|unfinished|stale|checkpoints] [where=...]
                                 [yes=true]
    python scripts/runs.py diagnose RECORD|CSV ... [map=val_loss=valid/ce,lr=opt/lr]
                                 [picture=FILE] [format=text|json] [answers=true [publish=true]]

A column is a setting by its key, or a number of the summary (`test_accuracy`, `best_test_accuracy`,
`images_per_second`, `fingerprint`, ...), or `holder`, who trains it and since when. A KEY may be
any part that only one record has. `group` puts seeds together. `diagnose` says what the papers'
remarks would say of a run's curves and what to change next: of a record by key or folder,
Lightning's metrics.csv, an export, any CSV. `prune` asks first and leaves what is being trained;
failed has damaged ones too, unfinished what would be resumed, checkpoints those of
finished runs. Status: 0, 1 where `diff` found something, 2 a mistake.
"""

import contextlib
import csv
import io
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disciplined import command_line
from disciplined.checks import one_of
from disciplined.columns import aligned
from disciplined.dotted import flat
from disciplined.mistakes import Mistake
from disciplined.runs import listing, reading
from disciplined.runs.reading import Kept
from disciplined.training.record import FINISHED, Record

COMMANDS = ("table", "watch", "show", "diff", "stale", "prune", "diagnose")
PRUNED = {"failed": ("failed", "damaged"), "unfinished": ("interrupted", "killed")}


@dataclass
class Options:
    """The settings of every command."""

    where: str = ""
    sort: str = "key"
    columns: str = ",".join(listing.COLUMNS)
    group: bool = False
    format: str = "text"
    seconds: float = 5.0
    what: str = "failed"
    yes: bool = False
    output_dir: str = "outputs"


def chosen(asked: Options, wanted: Callable[[Kept], bool]) -> list[Path]:
    """The folders of the records asked for that are wanted, in order."""
    tests = listing.conditions(asked.where)
    by, down = asked.sort.removeprefix("-"), asked.sort.startswith("-")
    found = [
        (listing.place(record.value(by), down), record.folder)
        for record in listing.where(reading.every(Path(asked.output_dir)), tests)
        if wanted(record)
    ]
    return [folder for _, folder in sorted(found, key=lambda one: one[0])]


def table(asked: Options) -> str:
    """The table as text, CSV or JSON."""
    one_of(asked.format, ("text", "csv", "json"), "format")
    columns = [c.strip() for c in asked.columns.split(",")]
    needed = [*listing.GROUPING, *columns] if asked.group else columns
    tests = listing.conditions(asked.where)
    body = listing.rows(Path(asked.output_dir), needed, tests, asked.sort)
    head, count = columns, f"{len(body)} records"
    if asked.group:
        head, body = listing.grouped(body, columns)
        count += f", {len(body)} settings"
    if asked.format == "json":
        return json.dumps([dict(zip(head, row, strict=True)) for row in body], indent=2)
    if asked.format == "csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([head, *body])
        return out.getvalue().removesuffix("\n")
    cells = [head]
    cells += ([listing.shown(v, c) for v, c in zip(row, head, strict=True)] for row in body)
    return f"{aligned(cells)}\n\n{count}"


def show(record: Kept) -> str:
    """Everything that a record's summary and config say."""
    files = sorted(p.name for p in record.folder.iterdir())
    holder = record.value("holder")
    status = f"{record.value('status')}" + (f", held by {holder}" if holder else "")
    lines = [f"{record.key}: {status}", str(record.folder), " ".join(files), ""]
    told = flat({k: v for k, v in record.summary.items() if k in ("result", "machine")})
    for title, values in (("", told), ("settings", record.settings)):
        lines += [title] * bool(title)
        lines.append(aligned([[k, "" if v is None else str(v)] for k, v in values.items()] or [[]]))
        lines.append("")
    return "\n".join(lines)


def diff(first: Kept, second: Kept) -> str:
    """The settings, results and versions that differ, side by side; empty where nothing does."""

    def told(record: Kept) -> dict[str, Any]:
        summary = flat({k: v for k, v in record.summary.items() if k in ("result", "machine")})
        wanted = ("result.", "machine.versions.", "machine.fingerprint", "machine.precision")
        return record.settings | {k: v for k, v in summary.items() if k.startswith(wanted)}

    one, other = told(first), told(second)
    keys = [k for k in {**one, **other} if one.get(k) != other.get(k)]
    rows = [[k, *("" if t.get(k) is None else str(t[k]) for t in (one, other))] for k in keys]
    return aligned([["", first.key, second.key], *rows]) if rows else ""


def stale(asked: Options) -> list[Path]:
    """Records that other code than this has computed, some of it at least."""
    from disciplined.training.machine import fingerprint

    def codes(record: Kept) -> list[Any]:
        resumed = record.value("fingerprints")
        return resumed if isinstance(resumed, list) else [record.value("fingerprint")]

    return chosen(asked, lambda record: codes(record) != [fingerprint()])


def prune(asked: Options) -> str:
    """Remove what is asked for, once the user agrees."""
    one_of(asked.what, (*PRUNED, "stale", "checkpoints"), "what")
    if asked.what == "checkpoints":
        done = chosen(asked, lambda record: record.value("status") in FINISHED)
        folders = [folder / "checkpoints" for folder in done]
    elif asked.what == "stale":
        folders = stale(asked)
    else:
        folders = chosen(asked, lambda record: record.value("status") in PRUNED[asked.what])
    folders = [f for f in folders if f.is_dir() and not f.is_symlink()]
    size = sum(p.stat().st_size for f in folders for p in f.rglob("*") if p.is_file())
    if not folders:
        return "nothing to remove"
    print(*folders, sep="\n")
    question = f"remove these {len(folders)} folders, {size / 2**20:,.1f} MiB? [y/N] "
    if not asked.yes and (not sys.stdin.isatty() or input(question).strip().lower() != "y"):
        return "nothing removed (yes=true removes without asking)"
    removed = sum(map(remove, folders))
    return f"removed {removed} folders of {size / 2**20:,.1f} MiB" + (
        f"; {len(folders) - removed} are being trained" if removed < len(folders) else ""
    )


def remove(folder: Path) -> bool:
    """Remove a record or its checkpoints, unless a process is training it."""
    record = Record(folder.parent if folder.name == "checkpoints" else folder)
    try:
        record.claim(wait=False)
        record.discard(folder)
    except Mistake:
        return False
    finally:
        record.release()
    if folder == record.folder:
        with contextlib.suppress(OSError):  # taken up again in this moment
            folder.rmdir()
    return True


def main(arguments: list[str]) -> int:
    """The command; returns its status."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    command = arguments[0] if arguments and arguments[0] in COMMANDS else "table"
    rest = arguments[1:] if arguments[:1] == [command] else arguments
    if command == "diagnose":
        from disciplined.diagnosis import command as diagnosis

        return diagnosis.main(rest)
    keys = [a for a in rest if "=" not in a]
    asked = command_line.settings(Options, [a for a in rest if "=" in a])
    wanted = {"show": 1, "diff": 2}.get(command, 0)
    if len(keys) != wanted:
        if command == "table" and keys:
            one_of(keys[0], COMMANDS, "command")
        raise Mistake(f"{command}: takes {wanted} keys, has {len(keys)}; runs.py --help")
    records = [reading.one(Path(asked.output_dir), key) for key in keys]
    if command == "watch":
        while True:
            print("\x1b[2J\x1b[H" * sys.stdout.isatty() + table(asked), flush=True)
            time.sleep(asked.seconds)
    if command == "diff":
        found = diff(*records)
        print(found or "no difference")
        return 1 if found else 0
    if command == "stale":
        print("\n".join(folder.name for folder in stale(asked)))
        return 0
    print({"table": table, "prune": prune}[command](asked) if not records else show(records[0]))
    return 0


if __name__ == "__main__":
    command_line.run(main)
