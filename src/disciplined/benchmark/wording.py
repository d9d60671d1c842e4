"""What every part of the benchmark's page says: its title, the machine, the rounds, the command."""

from collections.abc import Iterable
from typing import Any

TITLES = {
    "training": "Training beside its limit, and beside how others train",
    "means": "What each mean gains: the bare loop over the same loop changed in one thing",
    "together": "{runs} runs at once: one after another, a process each, or stacked in one process",
    "ddp": "One run in one process and in two (DDP)",
    "profile": "What an update's time goes to",
    "launchers": "What a sweep costs besides training",
    "clusters": "What a sweep on a cluster costs besides training",
    "ray": "What a sweep on Ray costs besides training",
    "ledger": "What a large ledger costs its readers",
    "finders": "Range tests beside each other: the rate suggested, and 1cycle with it",
    "nodes": "One run over two nodes beside one process: how far apart the curves come",
    "faults": "What was done to runs on real engines, and what came of it",
}


def stem(found: dict[str, Any]) -> str:
    """The name of a record's files."""
    return f"{found['device']}-{found['what']}"


def about(found: dict[str, Any], how: str = "") -> str:
    """Machine, date, threads, precision and versions in a line."""
    cases = found["cases"]
    return (
        f"{found['hardware']}, {spread(c['date'][:10] for c in cases)}, {found['threads']} "
        f"threads, {spread(c['precision'] for c in cases)}, "
        f"{'compiled' if found['compiled'] else 'eager'}{how}; "
        + ", ".join(f"{k} {v}" for k, v in found["versions"].items())
        + "."
    )


def medians(found: dict[str, Any]) -> str:
    """How contenders took turns."""
    rounds = spread(case["rounds"] for case in found["cases"])
    return " One round" if rounds == "1" else f" Medians of {rounds} rounds, every other in reverse"


def commands(found: dict[str, Any]) -> str:
    """What to type to measure it again."""
    typed = dict.fromkeys(case["command"] for case in found["cases"])
    return "\n".join(f"`{command}`\n" for command in typed)


def spread(values: Iterable[Any], form: str = "") -> str:
    """One value where all are the same, else the lowest and the highest."""
    found = [format(value, form) for value in sorted(set(values))]
    return found[0] if len(set(found)) == 1 else f"{found[0]} to {found[-1]}"
