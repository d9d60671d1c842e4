"""What a tenth of the iterations may decide, and what it may not."""

import pytest

from disciplined.studies.judging.judge import judge
from disciplined.studies.judging.whole_runs import Length, why
from disciplined.studies.study import Claim

HIGH, LOW = [0.801, 0.799, 0.802], [0.701, 0.699, 0.702]
SECOND = "{id: planted, primary: true, greater: {arm: b, than: a}, says: b is more accurate than a}"
LONGER = (
    "b: {schedule.max_lr: 2}",
    "b: {schedule.max_lr: 2, duration: 200it, schedule.stepsize: 100it}",
)


def second(planted, recorded, claim: str, scale: str, finals: dict, *changes: tuple, **told):
    """The verdict of a claim put in the place of the planted one."""
    study = planted((SECOND, f"{{id: planted, {claim}, says: so}}"), *changes)
    found = judge(study, scale, recorded(study, finals, scale=scale, **told))
    return found.claims[1].verdict


@pytest.mark.parametrize("scale", ["paper", "short"])
def test_arms_of_unlike_length(planted, recorded, scale: str):
    both = {"a": HIGH, "b": LOW}
    found = second(planted, recorded, "greater: {arm: a, than: b}", scale, both, LONGER)
    if scale == "paper":
        assert found.verdict == "reproduced"
    else:
        assert found.verdict == "not run" and found.p is None
        assert found.statistic.startswith("for whole runs only (its arms differ in length); here +")
        assert "+10.00 points [" in found.statistic


@pytest.mark.parametrize(
    "claim",
    [
        "shape: {arm: a, metric: test_accuracy, within: 0.9}",
        "crosses: {arm: a, metric: test_accuracy, level: 0.2, x: epoch, between: [0, 9]}",
    ],
)
def test_an_authors_curve_and_a_level_that_is_passed_are_of_whole_runs(
    planted, recorded, claim: str
):
    assert second(planted, recorded, claim, "paper", {"a": HIGH}).verdict == "reproduced"
    found = second(planted, recorded, claim, "short", {"a": HIGH})
    assert found.verdict == "not run" and "; here " in found.statistic


@pytest.mark.parametrize(
    ("final", "expect", "diverged_at", "verdict"),
    [
        (0.8, "false", None, "reproduced"),  # it trains, whatever the level
        (0.8, "true", None, "contradicted"),
        (0.3, "true", None, "not run"),  # below the level, perhaps for lack of time
        (0.3, "false", None, "not run"),
        (0.3, "true", 5, "reproduced"),  # an infinite loss is one at every length
    ],
)
def test_a_level_of_failure_decides_nothing_by_itself(
    planted, recorded, final: float, expect: str, diverged_at: int | None, verdict: str
):
    claim = f"diverges: {{arm: a, below: 0.5, expect: {expect}}}"
    finals = {"a": [final] * 3}
    found = second(planted, recorded, claim, "short", finals, diverged_at=diverged_at)
    assert found.verdict == verdict
    whole = second(planted, recorded, claim, "paper", finals, diverged_at=diverged_at)
    assert whole.verdict in ("reproduced", "contradicted")


def test_nothing_run_is_said_first(planted, recorded):
    found = second(planted, recorded, "greater: {arm: a, than: b}", "short", {"a": HIGH}, LONGER)
    assert (found.verdict, found.statistic) == ("not run", "no records of b")


@pytest.mark.parametrize(
    ("lengths", "differ"),
    [
        ([(100, 1000), (200, 2000)], True),
        ([(100, 1000), (50, 1000)], False),  # another batch size, as many epochs
        ([(100, 1000), (100, 2000)], False),  # and as many updates
        ([(100, 1000), (101, 1015)], False),  # an epoch that ends in part of a batch
        ([], False),
    ],
)
def test_lengths_differ_in_both_counts(lengths: list, differ: bool):
    arms = [f"arm {i}" for i in range(len(lengths))]
    claim = Claim("id", "ranks", {"order": arms}, "so")
    told = {arm: Length(*length) for arm, length in zip(arms, lengths, strict=True)}
    assert bool(why(claim, arms, told)) == differ
