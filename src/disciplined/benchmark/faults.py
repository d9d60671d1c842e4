"""What was done to runs and sweeps on real engines, and what came of it, as the tests tell it.

The record is made by the tests themselves, one case each.
"""

from typing import Any

from disciplined.benchmark.wording import TITLES

ENGINES = {  # the module of tests -> what they run on
    "test_slurm_sweeps": "Slurm, a sweep",
    "test_ray": "Ray, a sweep",
    "test_run_over_nodes": "srun and torchrun, one run over nodes",
}
COMMAND = "pytest tests/cluster -m cluster -n0 --publish"
OUTCOMES = {"passed": "survived", "failed": "**not survived**", "skipped": "not tried"}
WHERE = """\
A Slurm of two nodes and a Ray of several, real ones, whose nodes share this one host: started and
ended by the tests. To the same bytes: `metrics.csv` and the result of a run that was never
interrupted. The seconds are those of a machine that did other things meanwhile."""


def case(module: str, test: str, told: str | None, outcome: str, seconds: float) -> dict[str, Any]:
    """What the record keeps of a test; told: its docstring."""
    name, _, chosen = test.removeprefix("test_").removesuffix("]").partition("[")
    tried = name.replace("_", " ") + (f" ({chosen})" if chosen else "")
    return {
        "name": f"{module}::{test}",
        "engine": ENGINES[module],
        "tried": ": ".join(filter(None, [tried, sentence(told)])),
        "outcome": outcome,
        "seconds": round(seconds, 1),
    }


def sentence(told: str | None) -> str:
    """The docstring's first paragraph in a line, as the end of a sentence."""
    first = " ".join((told or "").split("\n\n")[0].split()).rstrip(".")
    return first[:1].lower() + first[1:] if first[1:2].islower() else first


def section(found: dict[str, Any]) -> str:
    """The part of the page."""
    cases = sorted(found["cases"], key=lambda one: list(ENGINES.values()).index(one["engine"]))
    survived = sum(one["outcome"] == "passed" for one in cases)
    tried = sum(one["outcome"] != "skipped" for one in cases)
    rows = [["engine", "tried", "outcome", "seconds"], ["---"] * 4]
    for one in cases:
        rows.append(
            [one["engine"], one["tried"], OUTCOMES[one["outcome"]], f"{one['seconds']:.0f}"]
        )
    dates = sorted({one["date"][:10] for one in cases})
    return "\n".join(
        [
            f"## {TITLES['faults']}",
            "",
            f"{tried} tried, {survived} survived: faults, and beside them what must be as on one "
            "machine.",
            "",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            WHERE,
            "",
            f"{found['hardware']}, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}; "
            + ", ".join(f"{k} {v}" for k, v in found["versions"].items())
            + ".",
            "",
            *(f"`{command}`\n" for command in dict.fromkeys(one["command"] for one in cases)),
        ]
    )
