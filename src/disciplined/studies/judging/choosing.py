"""Arms that stand in for the best of several by validation: what a fair comparison compares.

The rate of each policy is chosen by images held out of training, the same number of rates tried for
each; only then does the test set say how good the chosen one is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from disciplined.columns import LENGTH, number
from disciplined.studies.judging.statistics import variance
from disciplined.studies.ledger import Result
from disciplined.studies.study import Choice, Study


@dataclass(frozen=True)
class Standing:
    """An arm by validation: the mean and standard deviation (None of one seed) of its runs."""

    arm: str
    mean: float
    std: float | None


@dataclass(frozen=True)
class Chosen:
    """Which arm a choice fell on, over how many seeds of each, and how far before the next.

    second: None where there is no other that ended. edges: the settings at whose smallest or
    largest value tried the winner lies, so that the best may lie beyond.
    """

    first: Standing
    second: Standing | None
    seeds: int
    edges: list[str] = field(default_factory=list)


def with_chosen(
    study: Study, results: dict[str, list[Result]]
) -> tuple[dict[str, list[Result]], dict[str, Chosen]]:
    """The results with those of every chosen arm, and what each choice fell on.

    An arm whose rivals are not all there is not chosen yet: it has no results.
    """
    every = {name: choose(study, choice, results) for name, choice in study.chosen.items()}
    found = {name: one for name, one in every.items() if one is not None}
    return results | {name: results[one.first.arm] for name, one in found.items()}, found


def choose(study: Study, choice: Choice, results: dict[str, list[Result]]) -> Chosen | None:
    """The arm with the best mean over its runs, the first of equals; None where some were not run.

    Only seeds that all of them have are compared. A run that diverged is the worst that can be;
    where all did, or nothing was held out in one to choose by, none is chosen.
    """
    ran = {arm: {r.run.seed: r for r in results.get(arm, [])} for arm in choice.among}
    seeds = set.intersection(*(set(by_seed) for by_seed in ran.values()))
    compared = {arm: [by_seed[seed] for seed in sorted(seeds)] for arm, by_seed in ran.items()}
    if not seeds or any(r.unmeasured(choice.by, "final") for rs in compared.values() for r in rs):
        return None
    ended = [
        standing(arm, [r.value(choice.by, "final") for r in rs])
        for arm, rs in compared.items()
        if not any(r.diverged for r in rs)
    ]
    sign = -1 if choice.by.endswith("accuracy") else 1
    ended.sort(key=lambda one: sign * one.mean)  # stable: the first of equals stays first
    if not ended:
        return None
    first, *others = ended
    return Chosen(first, next(iter(others), None), len(seeds), edges(study, choice, first.arm))


def standing(arm: str, values: Sequence[float]) -> Standing:
    """Of an arm's values, one a seed."""
    std = variance(np.array(values)) ** 0.5 if len(values) > 1 else None
    return Standing(arm, float(np.mean(values)), std)


def edges(study: Study, choice: Choice, arm: str) -> list[str]:
    """The settings in which the arms differ and of which `arm` has the smallest or largest value.

    A setting that has no order (a word, lengths of several units) has no edge.
    """
    found = []
    for key in study.arms[arm]:
        sizes = [size(study.arms[other].get(key)) for other in choice.among]
        known = [one for one in sizes if one is not None]
        if len(known) < len(sizes) or len({unit for unit, _ in known}) > 1:
            continue
        amounts = [amount for _, amount in known]
        own = known[choice.among.index(arm)][1]
        if min(amounts) < max(amounts) and own in (min(amounts), max(amounts)):
            found.append(key)
    return found


def size(value: Any) -> tuple[str, list[float]] | None:
    """A setting's unit and amount, a list's (a rate by stage) one by one; None for a word."""
    if isinstance(value, list):
        parts = [size(one) for one in value]
        known = [one for one in parts if one is not None]
        if len(known) < len(parts):
            return None
        return " ".join(unit for unit, _ in known), [a for _, amounts in known for a in amounts]
    length = LENGTH.fullmatch(str(value))
    amount = None if isinstance(value, bool) else number(str(value))
    return None if amount is None else (length[2] if length else "", [amount])
