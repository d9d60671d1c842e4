"""Which missing runs settle the most claims in a given time on this machine.

A claim is settled where every arm that it reads has runs enough to decide something; a run that
several studies ask for is counted once. What is chosen is the runs that settle the most claims per
second, again and again, so that whoever stops half-way has had the most for it.
"""

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from disciplined.mistakes import Mistake
from disciplined.studies.study import command

TRIED = 16  # first steps, by claims per second and by claims
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Wanted:
    """A missing run: which arm's of which study, how long it takes (None: nobody knows), and
    whether that is an estimate by another machine."""

    key: str
    study: str
    arm: str
    seed: int
    network: str
    images: int
    seconds: float | None
    estimated: bool = False


@dataclass(frozen=True)
class Need:
    """A claim and the keys of the runs that it lacks."""

    study: str
    claim: str
    lacks: frozenset[str]


@dataclass(frozen=True)
class Step:
    """Runs made one after another, and the claims that are settled when they are done."""

    runs: list[str]
    settles: list[Need]
    seconds: float


def seconds(text: str) -> float:
    """A budget such as `25min`, `90s`, `1.5h` or `2d`. Raises Mistake."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)(s|min|h|d)", text)
    if not found or not float(found[1]):
        raise Mistake(f"budget={text}: expected a time such as 90s, 25min, 1.5h or 2d")
    return float(found[1]) * UNITS[found[2]]


def steps(needs: list[Need], lasts: dict[str, float], budget: float) -> list[Step]:
    """What to run, in order, within `budget` seconds; lasts: seconds of every run by key.

    Greedy by claims per second. Since a big step may no longer fit behind small ones, and two that
    share runs are cheap together, it is tried from every promising first step; the plan that
    settles the most claims counts, of equals the one that settles them soonest.
    """
    fitting = [b for b in candidates(needs) if cost(b, lasts) <= budget]
    plans = [greedy(needs, fitting, lasts, budget, set())]
    gains = {bundle: len(settled(needs, bundle)) for bundle in fitting}
    by_rate = sorted(fitting, key=lambda b: gains[b] / max(cost(b, lasts), 1e-9), reverse=True)
    by_gain = sorted(fitting, key=lambda b: (-gains[b], cost(b, lasts)))
    for first in dict.fromkeys([*by_rate[:TRIED], *by_gain[:TRIED]]):
        begun = Step(sorted(first), settled(needs, first), cost(first, lasts))
        left = [need for need in needs if need not in begun.settles]
        plans.append([begun, *greedy(left, fitting, lasts, budget - begun.seconds, set(first))])

    def worth(plan: list[Step]) -> tuple[int, float]:
        spent = itertools.accumulate(step.seconds for step in plan)
        gained = [len(step.settles) for step in plan]
        return sum(gained), -sum(n * after for n, after in zip(gained, spent, strict=True))

    return max(plans, key=worth)


def candidates(needs: list[Need]) -> list[frozenset[str]]:
    """The sets of runs a step may make: what a claim lacks, and what all of a study's do."""
    by_study: dict[str, frozenset[str]] = {}
    for need in needs:
        by_study[need.study] = by_study.get(need.study, frozenset()) | need.lacks
    return list(dict.fromkeys([*(need.lacks for need in needs), *by_study.values()]))


def greedy(
    needs: list[Need],
    bundles: list[frozenset[str]],
    lasts: dict[str, float],
    budget: float,
    done: set[str],
) -> list[Step]:
    """Steps by claims per second, the shorter of equals first; done: keys already counted on."""
    chosen: list[Step] = []
    while True:
        found: tuple[float, float, frozenset[str], list[Need]] | None = None
        for bundle in dict.fromkeys(b - done for b in bundles):
            spent = cost(bundle, lasts)
            if not bundle or spent > budget:
                continue
            gained = settled(needs, bundle | done)
            rate = len(gained) / max(spent, 1e-9)
            if gained and (found is None or (rate, -spent) > (found[0], -found[1])):
                found = rate, spent, bundle, gained
        if found is None:
            return chosen
        _, spent, bundle, gained = found
        chosen.append(Step(sorted(bundle), gained, spent))
        done, budget = done | bundle, budget - spent
        needs = [need for need in needs if need not in gained]


def settled(needs: list[Need], runs: Iterable[str]) -> list[Need]:
    """The claims that lack nothing but these runs."""
    there = frozenset(runs)
    return [need for need in needs if need.lacks <= there]


def cost(runs: Iterable[str], lasts: dict[str, float]) -> float:
    """Seconds that the runs take one after another."""
    return sum(lasts[key] for key in runs)


def commands(runs: list[Wanted], scale: str, further: list[str]) -> list[str]:
    """The commands that make exactly these runs: arms that lack up to the same seed together."""
    last: dict[tuple[str, str], int] = {}
    for run in runs:
        last[run.study, run.arm] = max(run.seed, last.get((run.study, run.arm), 0))
    groups: dict[tuple[str, int], list[str]] = {}
    for (study, arm), seed in last.items():
        groups.setdefault((study, seed), []).append(arm)
    return [
        command(study, scale, arms, seed + 1, further) for (study, seed), arms in groups.items()
    ]


def missing_seeds(keys: list[str], finished: Callable[[str], bool], enough: int) -> list[int]:
    """The lowest seeds of an arm that are still to be run until `enough` are there."""
    there = [finished(key) for key in keys]
    lacking = max(0, enough - sum(there))
    return [seed for seed, found in enumerate(there) if not found][:lacking]
