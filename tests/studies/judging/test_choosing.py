"""The best by validation stands in for its rivals; effects of a design of two levels a factor."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from disciplined.mistakes import Mistake
from disciplined.studies import tables
from disciplined.studies.judging.choosing import Standing, choose, edges, with_chosen
from disciplined.studies.judging.effects import effect, effects
from disciplined.studies.judging.judge import judge
from disciplined.studies.judging.statistics import welch
from disciplined.studies.study import Choice

HELD_OUT = ("dataset: digits,", "dataset: digits, dataset.validation: 300,")
CHOSEN = ("readings: {b: a}", "readings: {b: a}\nchosen: {best: {among: [a, b]}}")
CLAIM = (
    "{id: true, primary: true, greater: {arm: a, than: b}",
    "{id: true, primary: true, question: fair, greater: {arm: best, than: c}",
)


def validated(found, values: dict[str, list[float]]):
    for arm, each in values.items():
        for result, value in zip(found[arm], each, strict=True):
            result.summary["result"]["final"]["val_accuracy"] = value
    return found


def test_the_best_by_validation_is_judged_by_the_test_set(planted, recorded):
    """Here the arm with the better test accuracy is not the one validation prefers."""
    study = planted(HELD_OUT, CHOSEN, CLAIM)
    finals = {"a": [0.71, 0.72, 0.70], "b": [0.81, 0.80, 0.82], "c": [0.61, 0.6, 0.62]}
    found = recorded(study, finals)
    validated(found, {"a": [0.7, 0.7, 0.71], "b": [0.7, 0.69, 0.7]})
    judged = judge(study, "paper", found)
    best = judged.chosen["best"]
    assert (best.first.arm, best.seeds, best.edges) == ("a", 3, ["schedule.max_lr"])
    assert (best.first.mean, best.first.std) == (
        pytest.approx(2.11 / 3),
        pytest.approx(0.01 / 3**0.5),
    )
    assert best.second == Standing("b", pytest.approx(2.09 / 3), pytest.approx(0.01 / 3**0.5))
    assert tables.chosen_lines(study, judged) == [
        "* best: the first 70.33 ± 0.58, of 2 by val accuracy (%) over 3 seeds; next b 69.67 ± 0.58"
        "; at the edge of the rates tried: the best may lie beyond"
    ]
    assert judged.claims[0].verdict.statistic.startswith("+10.00 points")
    row = next(n for n in judged.numbers if n.arm == "best")
    assert row.mean == pytest.approx(0.71) and row.n == 3


def test_nothing_is_chosen_before_every_rival_was_run(planted, recorded):
    study = planted(HELD_OUT, CHOSEN, CLAIM)
    found = recorded(study, {"a": [0.7] * 3, "c": [0.6] * 3})
    assert with_chosen(study, found) == (found, {})
    judged = judge(study, "paper", found)
    assert judged.claims[0].verdict.statistic == "no records of best"


def test_a_rival_that_diverged_is_not_chosen(planted, recorded):
    study = planted()
    found = validated(recorded(study, {"a": [0.7], "b": [0.7]}), {"a": [0.9], "b": [0.1]})
    found["a"][0].summary["status"] = "diverged"
    best = choose(study, Choice(["a", "b"]), found)
    assert best and (best.first, best.second) == (Standing("b", 0.1, None), None)
    line = tables.chosen_line(replace(study, chosen={"x": Choice(["a", "b"])}), "x", best)
    assert line.startswith("x: b 10.00, of 2 by val accuracy (%) over 1 seed; the others diverged;")
    assert choose(study, Choice(["a", "b"], by="val_loss"), found) is None, "b is not measured"
    found["b"][0].summary["status"] = "diverged"
    assert choose(study, Choice(["a", "b"]), found) is None, "none ended"


def test_nothing_is_chosen_where_a_rival_was_not_measured(planted, recorded):
    study = planted()
    finals = {"a": [0.7] * 3, "b": [0.7] * 3}
    found = validated(recorded(study, finals), {"a": [0.9] * 3, "b": [0.1] * 3})
    assert choose(study, Choice(["a", "b"]), found) is not None
    del found["b"][2].summary["result"]["final"]["val_accuracy"]
    assert choose(study, Choice(["a", "b"]), found) is None


@pytest.mark.parametrize(
    ("arms", "winner", "expected"),
    [
        ([{"schedule.lr": r} for r in (1, 0.3, 3)], 0, []),
        ([{"schedule.lr": r} for r in (1, 0.3, 3)], 2, ["schedule.lr"]),
        ([{"schedule.max_lr": [r, r / 10]} for r in (1, 2, 3)], 0, ["schedule.max_lr"]),
        ([{"duration": d} for d in ("9ep", "20ep", "100ep")], 0, ["duration"]),
        ([{"duration": d} for d in ("9ep", "20it", "100ep")], 0, []),
        ([{"schedule": s} for s in ("cosine", "step")], 0, []),
        ([{"x": 1, "momentum.value": m} for m in (0.9, 0.8, 0.95)], 1, ["momentum.value"]),
    ],
)
def test_the_edge_of_what_was_tried(planted, arms: list, winner: int, expected: list):
    study = replace(planted(), arms={str(i): told for i, told in enumerate(arms)})
    assert edges(study, Choice(list(study.arms)), str(winner)) == expected


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("chosen: {best: {among: [a, d]}}", "chosen best names the arm d"),
        ("chosen: {best: {among: [a, b], by: test_accuracy}}", "by=test_accuracy"),
        ("factors: {x: [a]}", "1 factors of two levels need 2 arms; there are 3"),
        ("factors: {x: [d]}", "factor x names the arm d"),
    ],
)
def test_what_cannot_be_chosen_is_said(planted, section: str, says: str):
    with pytest.raises(Mistake, match=says):
        planted(("readings: {b: a}", f"readings: {{b: a}}\n{section}"))


DESIGN = (
    "arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}}",
    "arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}, "
    "d: {schedule.max_lr: 4}}\nfactors: {x: [b, d], y: [c, d]}",
)


def test_effects_are_those_of_a_linear_model(planted, recorded):
    """Against least squares on -1/+1 columns, whose coefficients are half the effects."""
    study = planted(DESIGN)
    draw = np.random.default_rng(0)
    finals = {arm: list(draw.normal(0.5 + 0.1 * i, 0.02, 3)) for i, arm in enumerate("abcd")}
    found = recorded(study, finals)
    x = {"a": -1, "b": 1, "c": -1, "d": 1}
    y = {"a": -1, "b": -1, "c": 1, "d": 1}
    rows = [(1, x[a], y[a], x[a] * y[a]) for a in "abcd" for _ in range(3)]
    targets = np.array(list(itertools.chain(*finals.values())))
    matrix = np.array(rows, float)
    coefficients, squares, *_ = np.linalg.lstsq(matrix, targets, rcond=None)
    error = 2 * np.sqrt(squares[0] / 8 * np.linalg.inv(matrix.T @ matrix)[1, 1])  # equal numbers
    told = effects(study, found)
    assert [e.of for e in told] == [("x",), ("y",), ("x", "y")]
    assert [e.found.value for e in told] == pytest.approx(list(2 * coefficients[1:]))
    assert [e.found.se for e in told] == pytest.approx([error] * 3)
    within = [np.var(finals[arm], ddof=1) / 3 for arm in "abcd"]
    assert told[0].found.df == pytest.approx(sum(within) ** 2 / sum(v**2 / 2 for v in within))
    found["d"][0].summary["status"] = "diverged"
    assert effects(study, found) == []


def test_an_effect_of_one_factor_is_a_difference_of_two_arms(planted, recorded):
    """And with equal numbers Welch's value and error are the pooled ones."""
    arms = "arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}, c: {schedule.max_lr: 3}}"
    study = planted(
        (arms, "arms: {a: {schedule.max_lr: 1}, b: {schedule.max_lr: 2}}\nfactors: {x: [b]}")
    )
    found = recorded(study, {"a": [0.5, 0.52, 0.51], "b": [0.6, 0.63, 0.62]})
    one = effect(study, found, ["x"], "test_accuracy", "final")
    two = welch([0.6, 0.63, 0.62], [0.5, 0.52, 0.51])
    assert one and (one.found.value, one.found.se) == pytest.approx((two.value, two.se))


def test_a_claim_of_an_effect(planted, recorded):
    claim = "{id: true, primary: true, effect: {of: x, margin: 0.05}"
    study = planted(DESIGN, ("{id: true, primary: true, greater: {arm: a, than: b}", claim))
    finals = {arm: [0.5 + 0.1 * i + 0.001 * s for s in range(3)] for i, arm in enumerate("abcd")}
    verdicts = {
        j.claim.id: j.verdict for j in judge(study, "paper", recorded(study, finals)).claims
    }
    assert verdicts["True"].verdict == "reproduced"
    assert verdicts["True"].statistic.startswith("+10.00 points")
    del finals["d"]
    one = judge(study, "paper", {k: v for k, v in recorded(study, finals).items() if k in finals})
    assert one.claims[0].verdict.verdict == "not run"
