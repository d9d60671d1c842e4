"""What a tenth of the iterations may decide, and what it may not."""

import pytest

from disciplined.studies import index_file
from disciplined.studies.judging.judge import judge
from disciplined.studies.judging.whole_runs import LEVELS, Length, why
from disciplined.studies.study import Claim
from disciplined.studies.study_file import ids, load

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
        assert found.held and found.measured
        assert found.statistic.startswith("asks for whole runs (its arms differ in length); short")
        assert "+10.00 points [" in found.statistic


@pytest.mark.parametrize(
    "claim",
    [
        "shape: {arm: a, metric: test_accuracy, within: 0.9}",
        "crosses: {arm: a, metric: test_accuracy, level: 0.2, x: epoch, between: [0, 9]}",
        "diverges: {arm: a, below: 0.2, expect: false}",
        "diverges: {arm: a, metric: test_loss, above: 1.9, expect: false}",
    ],
)
def test_an_authors_curve_and_a_level_that_is_passed_are_of_whole_runs(
    planted, recorded, claim: str
):
    assert second(planted, recorded, claim, "paper", {"a": HIGH}).verdict == "reproduced"
    found = second(planted, recorded, claim, "short", {"a": HIGH})
    assert found.verdict == "not run" and "; shorter ones: " in found.statistic


def test_a_loss_that_is_not_finite_needs_no_level(planted, recorded):
    claim = "diverges: {arm: a}"
    found = second(planted, recorded, claim, "short", {"a": [0.3] * 3}, diverged_at=5)
    assert found.verdict == "reproduced"


def test_nothing_run_is_said_first(planted, recorded):
    found = second(planted, recorded, "greater: {arm: a, than: b}", "short", {"a": HIGH}, LONGER)
    assert (found.verdict, found.statistic) == ("not run", "no records of b")


@pytest.mark.parametrize(
    ("lengths", "differ"),
    [
        ([(100, 1000), (200, 2000)], True),
        ([(100, 1000), (50, 1000)], False),  # another batch size, as many epochs
        ([(100, 1000), (100, 2000)], False),  # and as many updates
        ([(100, 1000), (50, 2000)], False),  # more of the one for less of the other: equal time
        ([(100, 1000), (101, 1015)], False),  # an epoch that ends in part of a batch
        ([], False),
    ],
)
def test_lengths_differ_in_both_counts(lengths: list, differ: bool):
    arms = [f"arm {i}" for i in range(len(lengths))]
    claim = Claim("id", "ranks", {"order": arms}, "so")
    told = {arm: Length(*length) for arm, length in zip(arms, lengths, strict=True)}
    assert bool(why(claim, arms, told)) == differ


def test_holm_counts_what_is_asked_of_such_runs(planted, recorded):
    """Two primary claims, one of them for whole runs: the other is tested alone, at 0.05."""
    other = "shape: {arm: a, metric: test_accuracy, within: 1}"
    finals = {"a": [0.801, 0.799, 0.802], "b": [0.797, 0.796, 0.7985]}
    study = planted((SECOND, f"{{id: planted, primary: true, {other}, says: so}}"))
    whole = judge(study, "paper", recorded(study, finals)).claims
    tenth = judge(study, "short", recorded(study, finals, scale="short")).claims
    assert whole[0].verdict.p == pytest.approx(tenth[0].verdict.p)
    assert 0.025 < tenth[0].verdict.p < 0.05 and tenth[0].verdict.verdict == "reproduced"
    assert tenth[1].verdict.held and not whole[1].verdict.held
    stored = judge(study, "short", recorded(study, finals, scale="short")).as_dict()["claims"]
    assert ["held" in one["verdict"] for one in stored] == [False, True]


def test_every_study_holds_back_what_it_should():
    """The kinds of claims over all study files, by what the index keeps."""
    held: dict[str, list[bool]] = {}
    for name in ids():
        told = index_file.stored()[name]
        for claim in load(name).claims:
            kind = claim.predicate + " a level" * bool(LEVELS & claim.arguments.keys())
            held.setdefault(kind, []).append(claim.id in told["whole"])
    assert all(all(held[kind]) for kind in ("shape", "crosses", "diverges a level"))
    for kind in ("greater", "equivalent", "best", "ranks", "effect"):
        assert any(held[kind]) and not all(held[kind])


@pytest.mark.parametrize(
    ("name", "held", "judged"),
    [
        ("clr/fig01", "third", "equal-images"),
        ("clr/fig01", "saves", "both-best"),  # the best of eight rates each, all of one length
        ("superconv/fig01", "super-convergence", None),
        ("disciplined/fig06", "shape-512", "larger-more-accurate"),  # at equal time
    ],
)
def test_claims_that_are_held_back(name: str, held: str, judged: str | None):
    whole = index_file.stored()[name]["whole"]
    assert held in whole and judged not in whole
