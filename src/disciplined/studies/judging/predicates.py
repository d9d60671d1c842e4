"""The closed list of what a claim may assert, each a small function from records to a verdict.

A verdict is `reproduced`, `contradicted`, `inconclusive` or `not run`, with its statistic in words.
Below three seeds an arm decides nothing. A metric that was not measured says nothing of its arm:
`not run`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from disciplined.studies.judging.along_a_run import crosses, diverges, shape
from disciplined.studies.judging.comparing import best, effect, equivalent, greater, ranks
from disciplined.studies.judging.evidence import INCONCLUSIVE, Evidence, Verdict

PREDICATES: dict[str, Callable[[Evidence, dict[str, Any], float], Verdict]] = {
    "greater": greater,
    "equivalent": equivalent,
    "best": best,
    "ranks": ranks,
    "diverges": diverges,
    "shape": shape,
    "crosses": crosses,
    "effect": effect,
}


def not_decided(verdict: Verdict, why: str) -> Verdict:
    """The same statistic without its decision."""
    return replace(verdict, verdict=INCONCLUSIVE, statistic=f"{verdict.statistic}; {why}")
