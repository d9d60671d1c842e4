"""Arms that stand in for the best of several by validation: what a fair comparison compares.

The rate of each policy is chosen by images held out of training, the same number of rates tried for
each; only then does the test set say how good the chosen one is.
"""

from collections.abc import Sequence

import numpy as np

from disciplined.studies.ledger import Result
from disciplined.studies.study import Choice, Study


def with_chosen(
    study: Study, results: dict[str, list[Result]]
) -> tuple[dict[str, list[Result]], dict[str, str]]:
    """The results with those of every chosen arm, and which arm each is.

    An arm whose rivals are not all there is not chosen yet: it has no results.
    """
    winners = {name: winner(choice, results) for name, choice in study.chosen.items()}
    found = {name: arm for name, arm in winners.items() if arm is not None}
    return results | {name: results[arm] for name, arm in found.items()}, found


def winner(choice: Choice, results: dict[str, list[Result]]) -> str | None:
    """The arm with the best mean over its runs, the first of equals; None where some were not run.

    Only seeds that all of them have are compared. A run that diverged is the worst that can be;
    where all did, or nothing was held out to choose by, none is chosen.
    """
    ran = {arm: {r.run.seed: r for r in results.get(arm, [])} for arm in choice.among}
    seeds = set.intersection(*(set(by_seed) for by_seed in ran.values()))
    if not seeds:
        return None
    sign = 1 if choice.by.endswith("accuracy") else -1
    means = {
        arm: mean([sign * by_seed[seed].value(choice.by, "final") for seed in sorted(seeds)])
        for arm, by_seed in ran.items()
    }
    best = max(choice.among, key=lambda arm: means[arm])
    return best if means[best] > -np.inf else None


def mean(values: Sequence[float]) -> float:
    """Of the values; minus infinity where one is not a number."""
    return float(np.mean(values)) if np.isfinite(values).all() else -np.inf
