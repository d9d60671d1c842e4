"""The closed list of what a claim may assert, each a function from records to a verdict.

Those of one number of each run are in `comparing`, those of how a run goes in `along_a_run`.
A verdict is `reproduced`, `contradicted`, `inconclusive` or `not run`, with its statistic in words.
Below three seeds an arm decides nothing. A metric that was not measured says nothing of its arm:
`not run`.
"""

from collections.abc import Callable
from typing import Any

from disciplined.studies.judging.along_a_run import crosses, diverges, shape
from disciplined.studies.judging.comparing import best, effect, equivalent, greater, ranks
from disciplined.studies.judging.evidence import Evidence, Verdict

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
