"""Claims about one number of each run: which arm has more of it, by how much, and is it alike?

A diverged run has no final value: an arm that always diverges is worse than one that never does,
anything in between decides nothing.
"""

import itertools
from typing import Any

from disciplined.studies.judging import effects
from disciplined.studies.judging.evidence import (
    CONTRADICTED,
    ENOUGH,
    INCONCLUSIVE,
    NOT_RUN,
    REPRODUCED,
    Comparison,
    Evidence,
    Verdict,
    amount,
    compare,
    differing,
)
from disciplined.studies.judging.statistics import ALPHA
from disciplined.studies.study import told_factors


def better_is_more(metric: str) -> bool:
    """Accuracies should be high, losses low."""
    return metric.endswith("accuracy")


def above(margin: float, metric: str) -> str:
    """What an interval has to be above, behind it; nothing for none."""
    return f", to be above {amount(margin, metric, sign=True)}" if margin else ""


def direction(found: Comparison, margin: float, alpha: float) -> Verdict:
    """Is the first more than the second by more than the margin?"""
    if undecided := found.undecided():
        return undecided
    if found.diverged:
        # Divergence is the least accuracy and the most loss.
        more = (found.diverged == -1) == better_is_more(found.metric)
        return Verdict(REPRODUCED if more else CONTRADICTED, found.counts, of=found.metric)
    assert found.difference
    p = found.difference.p_not(margin)
    decided = REPRODUCED if found.difference.value > margin else CONTRADICTED
    return Verdict(
        decided if p <= alpha else INCONCLUSIVE,
        found.words() + above(margin, found.metric),
        p=p,
        detectable=found.difference.detectable(),
        of=found.metric,
    )


def told_metric(told: dict[str, Any]) -> tuple[str, str]:
    """Which number of a run a claim is about."""
    return told.get("metric", "test_accuracy"), told.get("at", "final")


def greater(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """`arm` is greater than `than` by more than `margin` (0): Welch's interval is beyond it."""
    if lacking := evidence.lacking([told["arm"], told["than"]], *told_metric(told)):
        return lacking
    found = compare(evidence, told["arm"], told["than"], *told_metric(told))
    return direction(found, told.get("margin", 0.0), alpha)


def equivalent(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The two `arms` differ by less than `margin`: two one-sided tests."""
    first, second = told["arms"]
    if lacking := evidence.lacking([first, second], *told_metric(told)):
        return lacking
    found = compare(evidence, first, second, *told_metric(told))
    if undecided := found.undecided():
        return undecided
    if found.diverged:
        return Verdict(CONTRADICTED, found.counts, of=found.metric)
    assert found.difference
    margin, d = told["margin"], found.difference
    # The interval that decides: that of the two one-sided tests, or that of a difference.
    level = 1 - alpha if abs(d.value) > margin else 1 - 2 * alpha
    words = f"{found.words(level)}, to be within {amount(margin, found.metric)}"
    detectable = d.detectable_within()
    if (within := d.p_within(margin)) <= alpha:
        return Verdict(REPRODUCED, words, within, detectable, found.metric)
    beyond = d.p_not(margin if d.value > 0 else -margin)
    if abs(d.value) > margin and beyond <= alpha:
        return Verdict(CONTRADICTED, words, beyond, detectable, found.metric)
    return Verdict(INCONCLUSIVE, words, within, detectable, found.metric)


def best(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """No other arm (of `among`, or of all that were run) beats `arm` by `margin` or more."""
    arm = told["arm"]
    others = [a for a in told.get("among", evidence.arms) if a != arm]
    metric, at = told_metric(told)
    if lacking := evidence.lacking([arm, *others], metric, at):
        return lacking
    if not others:
        return Verdict(NOT_RUN, "nothing to compare with")
    pairs = [(arm, other) if better_is_more(metric) else (other, arm) for other in others]
    return every(evidence, pairs, -told["margin"], metric, at, alpha)


def ranks(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """The arms in `order` are each greater than the next by more than `margin` (0)."""
    order = told["order"]
    if lacking := evidence.lacking(order, *told_metric(told)):
        return lacking
    pairs = list(itertools.pairwise(order))
    return every(evidence, pairs, told.get("margin", 0.0), *told_metric(told), alpha)


def every(
    evidence: Evidence,
    pairs: list[tuple[str, str]],
    margin: float,
    metric: str,
    at: str,
    alpha: float,
) -> Verdict:
    """Every pair's first is more than its second by more than the margin.

    Reproduced where every pair is by itself (an intersection needs no correction); contradicted
    where one is the other way round, corrected for the number of pairs.
    """
    found = [compare(evidence, *pair, metric, at) for pair in pairs]
    verdicts = [direction(c, margin, alpha) for c in found]
    arms = list(dict.fromkeys(itertools.chain(*pairs)))
    named = dict(zip(arms, differing([evidence.label(arm) for arm in arms]), strict=True))
    words = "; ".join(
        f"{named[a]} − {named[b]}: {v.statistic}" for (a, b), v in zip(pairs, verdicts, strict=True)
    )
    detectable = max([v.detectable for v in verdicts if v.detectable is not None], default=None)
    if all(v.verdict == REPRODUCED for v in verdicts):
        tested = [v.p for v in verdicts if v.p is not None]
        return Verdict(REPRODUCED, words, max(tested, default=None), detectable, metric)
    for c in found:
        against = direction(c, margin, alpha / len(pairs))
        if against.verdict == CONTRADICTED:
            p = None if against.p is None else min(1.0, against.p * len(pairs))
            return Verdict(CONTRADICTED, words, p, detectable, metric)
    seeds = next((v.with_seeds for v in verdicts if v.with_seeds), None)
    return Verdict(INCONCLUSIVE, words, None, detectable, metric, seeds)


def effect(evidence: Evidence, told: dict[str, Any], alpha: float = ALPHA) -> Verdict:
    """A factor's main effect (or the interaction `of` several) is more than `margin` (0)."""
    assert evidence.study
    metric, at = told_metric(told)
    if lacking := evidence.lacking(list(evidence.study.arms), metric, at):
        return lacking
    of = told_factors(told["of"])
    found = effects.effect(evidence.study, evidence.arms, of, metric, at)
    if found is None:
        return Verdict(INCONCLUSIVE, "runs of an arm diverged", of=metric)
    counts = f"{found.runs} runs of {len(evidence.study.arms)} arms"
    if min(len(evidence.arms[arm]) for arm in evidence.study.arms) < ENOUGH:
        words = f"{counts}: fewer than three seeds an arm decide nothing"
        return Verdict(INCONCLUSIVE, words, of=metric)
    comparison = Comparison(metric, counts, at, found.found)
    return direction(comparison, told.get("margin", 0.0), alpha)
