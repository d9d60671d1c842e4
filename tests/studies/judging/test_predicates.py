"""Each predicate on records whose answer is known."""

from typing import Any

import numpy as np
import pytest

from disciplined.studies import author
from disciplined.studies.judging import evidence
from disciplined.studies.judging.evidence import Evidence, Verdict
from disciplined.studies.judging.predicates import PREDICATES
from disciplined.studies.ledger import Result

HIGH = [0.813, 0.811, 0.815, 0.8126]
LOW = [0.804, 0.809, 0.806, 0.807]
NEAR = [0.8125, 0.8120, 0.8135, 0.8130]


@pytest.fixture
def ask(planted, recorded):
    """A predicate's verdict on arms with these final accuracies."""
    study = planted()

    def asked(predicate: str, told: dict[str, Any], finals: dict[str, Any], **more: Any) -> Verdict:
        evidence = Evidence(recorded(study, finals, **more), spreads={"test_accuracy": 0.001})
        return PREDICATES[predicate](evidence, told, 0.05)

    return asked


@pytest.mark.parametrize(
    ("margin", "verdict"), [(0.0, "reproduced"), (0.006, "inconclusive"), (0.02, "contradicted")]
)
def test_greater_by_welchs_interval(ask, margin: float, verdict: str):
    # difference 0.64 points, 95 % interval 0.31 to 0.97
    found = ask("greater", {"arm": "a", "than": "b", "margin": margin}, {"a": HIGH, "b": LOW})
    assert found.verdict == verdict
    assert "+0.64 points [+0.31, +0.97]" in found.statistic


def test_greater_the_wrong_way_round_is_contradicted(ask):
    assert (
        ask("greater", {"arm": "b", "than": "a"}, {"a": HIGH, "b": LOW}).verdict == "contradicted"
    )


def test_greater_reads_other_metrics(ask):
    told = {"arm": "b", "than": "a", "metric": "test_loss"}
    assert ask("greater", told, {"a": HIGH, "b": LOW}).verdict == "reproduced"


@pytest.mark.parametrize("predicate", ["greater", "equivalent", "best", "ranks"])
@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_seeds_nothing_is_decided(ask, predicate: str, seeds: int):
    told = {
        "greater": {"arm": "a", "than": "b"},
        "equivalent": {"arms": ["a", "b"], "margin": 0.1},
        "best": {"arm": "a", "margin": 0.1},
        "ranks": {"order": ["a", "b"]},
    }[predicate]
    found = ask(predicate, told, {"a": [0.9, 0.91][:seeds], "b": [0.1, 0.11][:seeds]})
    assert found.verdict == "inconclusive"
    assert "fewer than three seeds" in found.statistic
    # one seed has no spread of its own: the published one, 0.1 points, stands in for it
    expected = {1: 2.8016 * 0.001 * np.sqrt(2 / 4)}.get(seeds)
    assert found.sensitivity().startswith("4 seeds could see ")
    assert found.detectable is not None and found.detectable > 0
    if expected:
        assert found.detectable == pytest.approx(expected, rel=1e-4)


def test_no_records_is_not_run(ask):
    found = ask("greater", {"arm": "a", "than": "b"}, {"a": HIGH})
    assert (found.verdict, found.statistic) == ("not run", "no records of b")


@pytest.mark.parametrize(
    ("other", "margin", "verdict"),
    [
        (NEAR, 0.005, "reproduced"),
        (NEAR, 0.0005, "inconclusive"),
        (LOW, 0.002, "contradicted"),
    ],
)
def test_equivalent_by_two_one_sided_tests(ask, other: list, margin: float, verdict: str):
    told = {"arms": ["a", "b"], "margin": margin}
    assert ask("equivalent", told, {"a": HIGH, "b": other}).verdict == verdict


def test_equivalent_tells_the_interval_that_decides(ask):
    """Apart by more than the margin: that of a difference, which may still reach into it."""
    near = ask("equivalent", {"arms": ["a", "b"], "margin": 0.5}, {"a": HIGH, "b": LOW})
    apart = ask("equivalent", {"arms": ["a", "b"], "margin": 0.001}, {"a": HIGH, "b": LOW})
    assert "(90%, Welch" in near.statistic and "(95%, Welch" in apart.statistic


def test_a_margin_is_told_where_it_was_tested(ask):
    """Without it an interval above nothing but not above the margin looks decided."""
    finals: dict[str, Any] = {"a": HIGH, "b": LOW}
    told = {"arm": "a", "than": "b", "margin": 0.006}
    assert ask("greater", told, finals).statistic.endswith("4), to be above +0.60 points")
    losses = told | {"metric": "test_loss"}
    assert ask("greater", losses, finals).statistic.endswith("4), to be above +0.006")
    assert "above" not in ask("greater", told, {"a": HIGH, "b": LOW[:2]}).statistic
    best = ask("best", {"arm": "a", "margin": 0.006}, finals | {"c": [0.5] * 4})
    assert best.statistic.count("to be above -0.60 points") == 2
    untested = ask("best", {"arm": "a", "margin": 0.006}, {"a": [0.5] * 4, "b": [0.4] * 4})
    assert "no spread" in untested.statistic and "above" not in untested.statistic
    assert "above" not in ask("ranks", {"order": ["a", "b"]}, finals).statistic
    alike = ask("equivalent", {"arms": ["a", "b"], "margin": 0.006}, finals)
    assert alike.statistic.endswith("4), to be within 0.60 points")


def test_arms_are_told_by_what_differs():
    labels = ["3-layer, rate 1, momentum 0.9", "3-layer, rate 1, momentum 0.95"]
    assert evidence.differing(labels) == ["momentum 0.9", "momentum 0.95"]
    assert evidence.differing(["LeNet", "LeNet, held"]) == ["LeNet", "LeNet, held"]


def test_what_is_no_final_value_is_told(ask):
    told = {"arm": "a", "than": "b"}
    finals = {"a": HIGH, "b": LOW}
    for at, words in (("best", "; best of each run)"), ("mean", "; mean over each run)")):
        assert words in ask("greater", told | {"at": at}, finals).statistic
    assert ask("greater", told, finals).statistic.endswith("n = 4 and 4)")


def test_best_and_ranks(ask):
    finals = {"a": HIGH, "b": LOW, "c": [0.70, 0.702, 0.698, 0.701]}
    assert ask("best", {"arm": "a", "margin": 0.005}, finals).verdict == "reproduced"
    assert ask("best", {"arm": "c", "margin": 0.005}, finals).verdict == "contradicted"
    assert ask("best", {"arm": "b", "margin": 0.02}, finals).verdict == "reproduced"
    assert ask("best", {"arm": "c", "margin": 0.0, "metric": "test_loss"}, finals).verdict == (
        "contradicted"
    )
    assert ask("ranks", {"order": ["a", "b", "c"]}, finals).verdict == "reproduced"
    assert ask("ranks", {"order": ["b", "a", "c"]}, finals).verdict == "contradicted"
    close = finals | {"b": [0.8130, 0.8125, 0.8115, 0.8135]}
    assert ask("ranks", {"order": ["a", "b", "c"]}, close).verdict == "inconclusive"


def test_no_spread_decides_nothing(ask):
    found = ask("greater", {"arm": "a", "than": "b"}, {"a": [0.5] * 4, "b": [0.4] * 4})
    assert found.verdict == "inconclusive" and "no spread" in found.statistic


def diverging(results: dict[str, list[Result]], arm: str, seeds: int) -> None:
    for r in results[arm][:seeds]:
        r.summary["status"] = "diverged"
        r.summary["result"]["diverged_at"] = 50


@pytest.mark.parametrize(("seeds", "verdict"), [(4, "reproduced"), (2, "inconclusive")])
def test_an_arm_that_always_diverges_is_worse(planted, recorded, seeds: int, verdict: str):
    found = recorded(planted(), {"a": LOW, "b": HIGH})
    diverging(found, "b", seeds)
    for told in (
        {"arm": "a", "than": "b"},
        {"arm": "b", "than": "a", "metric": "test_loss", "at": "mean"},
    ):
        assert PREDICATES["greater"](Evidence(found), told, 0.05).verdict == verdict


UNMEASURED = {
    "greater": {"arm": "a", "than": "b", "metric": "train_loss"},
    "equivalent": {"arms": ["b", "a"], "margin": 0.1, "metric": "train_loss"},
    "best": {"arm": "a", "among": ["b"], "margin": 0.1, "metric": "train_loss"},
    "ranks": {"order": ["b", "a"], "metric": "train_loss", "at": "mean"},
    "diverges": {"arm": "a", "metric": "train_loss", "above": 1.0, "expect": False},
    "crosses": {
        **{"arm": "a", "metric": "train_loss", "level": 1.0, "x": "iteration"},
        "between": [10, 20],
    },
    "shape": {"arm": "a", "metric": "train_loss", "within": 0.1},
}


@pytest.mark.parametrize("predicate", UNMEASURED)
def test_what_was_not_measured_did_not_diverge(planted, recorded, predicate: str):
    """Two runs of `a` lack the metric; a third diverged, which is a result."""
    study = planted()
    found = recorded(study, {"a": HIGH, "b": LOW})
    for arm in "ab":
        for r in found[arm]:
            r.summary["result"]["final"]["train_loss"] = 0.5
            r.columns["train_loss"][:] = 0.5
    for r in found["a"][:2]:
        del r.summary["result"]["final"]["train_loss"]
        r.columns["train_loss"][:] = np.nan
    found["a"][2].summary["status"] = "diverged"
    logs = {"a": author.log(study.author["a"])}
    verdict = PREDICATES[predicate](Evidence(found, logs), UNMEASURED[predicate], 0.05)
    assert verdict.verdict == "not run"
    assert verdict.statistic == "train_loss was not measured in 2 of 4 runs of a"


def test_a_failure_below_a_level_must_be_measured(ask):
    told = {"arm": "a", "metric": "val_accuracy", "below": 0.2, "expect": False}
    found = ask("diverges", told, {"a": [0.9, 0.91, 0.92]})
    assert (found.verdict, found.statistic) == (
        "not run",
        "val_accuracy was not measured in 3 of 3 runs of a",
    )


@pytest.mark.parametrize(
    ("failing", "expect", "verdict"),
    [
        (4, True, "reproduced"),
        (0, True, "contradicted"),
        (2, True, "inconclusive"),
        (0, False, "reproduced"),
        (4, False, "contradicted"),
    ],
)
def test_diverges(planted, recorded, failing: int, expect: bool, verdict: str):
    found = recorded(planted(), {"a": HIGH})
    diverging(found, "a", failing)
    told = {"arm": "a", "expect": expect}
    assert PREDICATES["diverges"](Evidence(found), told, 0.05).verdict == verdict


def test_diverges_below_a_level_and_above_one(ask):
    chance = {"a": [0.1, 0.11, 0.09]}
    assert ask("diverges", {"arm": "a", "below": 0.2}, chance).verdict == "reproduced"
    assert ask("diverges", {"arm": "a", "below": 0.05}, chance).verdict == "contradicted"
    # The loss starts high, falls, and rises through the level again: only that is a failure.
    told = {"arm": "a", "metric": "test_loss", "above": 1.0}
    rises = {"curve": [0.1, 0.9]}
    assert ask("diverges", told, {"a": [0.1, 0.1, 0.1]}, **rises).verdict == "reproduced"
    assert ask("diverges", told, {"a": [0.9, 0.9, 0.9]}, **rises).verdict == "contradicted"


def test_crosses_between_two_tests_by_a_straight_line(ask):
    # losses 1.8, 0.2, 1.6 at 33, 66, 100: through 1.0 upwards at 66 + 34 * 0.8 / 1.4
    told = {"arm": "a", "metric": "test_loss", "level": 1.0, "x": "iteration"}
    finals, more = {"a": [0.2, 0.21, 0.19]}, {"curve": [0.1, 0.9]}
    found = ask("crosses", told | {"between": [80, 90]}, finals, **more)
    assert found.verdict == "reproduced"
    assert "3 of 3 runs cross, at iteration 85.43" in found.statistic
    assert ask("crosses", told | {"between": [10, 20]}, finals, **more).verdict == "contradicted"
    assert ask("crosses", told | {"between": [85.4, 90]}, finals, **more).verdict == "inconclusive"
    never = ask("crosses", told | {"between": [80, 90]}, {"a": [0.9, 0.9, 0.9]}, **more)
    assert never.verdict == "contradicted" and "0 of 3" in never.statistic
    down = told | {"between": [40, 60], "direction": "down"}
    assert ask("crosses", down, finals, **more).verdict == "reproduced"


def test_a_divergence_crosses_where_it_happened(planted, recorded):
    found = recorded(planted(), {"a": HIGH})
    diverging(found, "a", 4)
    told = {"arm": "a", "metric": "test_loss", "level": 5.0, "x": "lr", "between": [0.9, 1.1]}
    verdict = PREDICATES["crosses"](Evidence(found), told, 0.05)
    assert verdict.verdict == "reproduced", verdict.statistic  # rate 1 at iteration 50


def test_shape_follows_the_log_or_does_not(planted, recorded):
    study = planted()
    log = author.log(study.author["a"])
    at = np.linspace(0, log.iterations, 101)[1:]
    follow = np.interp(at, log.columns["iteration"], log.columns["test_accuracy"])
    told = {"arm": "a", "metric": "test_accuracy", "within": 0.05}
    rng = np.random.default_rng(0)
    for shift, verdict in ((0.0, "reproduced"), (0.2, "contradicted")):
        curves = [follow + shift + rng.normal(0, 0.01, follow.size) for _ in range(3)]
        found: dict[str, list[Result]] = {"a": []}
        for seed, curve in enumerate(curves):
            finals = [float(curve[-1])] * (seed + 1)
            found["a"] = recorded(study, {"a": finals}, curve=[float(v) for v in curve[:-1]])["a"]
        judged = PREDICATES["shape"](Evidence(found, {"a": log}), told, 0.05)
        # the last recording overwrote the others: three equal distances have no spread
        assert judged.verdict == "inconclusive"
        spread = [fake(r, c) for r, c in zip(found["a"], curves, strict=True)]
        judged = PREDICATES["shape"](Evidence({"a": spread}, {"a": log}), told, 0.05)
        assert judged.verdict == verdict, judged.statistic


def fake(result: Result, curve: np.ndarray) -> Result:
    """The result with another curve."""
    other = Result(result.run, result.folder, result.summary)
    columns = {
        "iteration": np.arange(1, curve.size + 1) * result.run.plan.iterations / curve.size,
        "test_accuracy": curve,
    }
    object.__setattr__(other, "columns", columns)
    return other
