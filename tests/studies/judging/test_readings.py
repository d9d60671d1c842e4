"""Which rows have a momentum swing, what else they may have been, and what the records say."""

import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from disciplined.studies import author, tables
from disciplined.studies.judging import numbers as published_numbers
from disciplined.studies.judging import readings
from disciplined.studies.judging.evidence import Verdict
from disciplined.studies.judging.likelihood import Runs, Stated, log_likelihood
from disciplined.studies.judging.numbers import Number
from disciplined.studies.judging.readings import HELD, LABELLED, SGD
from disciplined.studies.page import momentum, momentum_answer
from disciplined.studies.page.material import Material
from disciplined.studies.study import Published
from disciplined.studies.study_file import ids, load

TABLE1 = load("disciplined/table1")
CIFAR100 = load("disciplined/cifar100_three_layer")


def numbers(study, **run: Runs) -> list[Number]:
    """The study's rows, those of the named arms run (`-` written `_`)."""
    found = []
    for row in published_numbers.numbers(study, "paper", {}, {}):
        if ours := run.get(row.arm.replace("-", "_")):
            row = replace(
                row,
                **{"mean": ours.mean, "std": ours.std, "n": ours.n, "interval": (0.0, 1.0)},
                verdict=Verdict("reproduced", ""),
            )
        found.append(row)
    return found


@pytest.mark.parametrize(
    ("row", "reading", "kind"),
    [
        ("1cycle-cm95-85", "1cycle-95", HELD),
        ("1cycle-cm95-85", "1cycle-cm95-85-sgd", SGD),
        ("1cycle-cm90-100", "1cycle-90", HELD),
        ("1cycle-95", "1cycle-90", None),
    ],
)
def test_kinds(row: str, reading: str, kind: str | None):
    assert readings.kind(TABLE1, row, reading) == kind


def test_every_swing_is_also_run_held():
    """Some study has the same run with the momentum held at its starting value.

    Not of the readings under plain SGD, and not of the 2⁴ design, whose other level is 0.95
    wherever its swing starts.
    """

    def but_momentum(study, arm: str) -> frozenset:
        return frozenset(
            (k, repr(v)) for k, v in study.arms[arm].items() if not k.startswith("momentum")
        )

    def start(study, arm: str):
        return study.setting(arm, "momentum.at_base_lr") or study.setting(arm, "momentum.start")

    def under_sgd(study, arm: str) -> bool:
        of = study.readings.get(arm)
        return of is not None and readings.kind(study, of, arm) == SGD

    arms = [(s, arm) for s in map(load, ids()) if s.id != "superconv/why" for arm in s.arms]
    swings = [(s, arm) for s, arm in arms if start(s, arm) and not under_sgd(s, arm)]
    held = {
        (but_momentum(s, arm), s.setting(arm, "momentum.value"))
        for s, arm in arms
        if s.setting(arm, "momentum") == "constant"
    }
    missing = [
        f"{s.id}#{arm}" for s, arm in swings if (but_momentum(s, arm), start(s, arm)) not in held
    ]
    assert len(swings) > 100 and not missing


def test_every_swing_of_table_1_is_a_row_of_its_own():
    found = readings.rows(TABLE1, numbers(TABLE1), {})
    assert [row.arm for row in found] == list(dict.fromkeys(TABLE1.readings.values()))
    assert len(found) == 8 and all(row.counted for row in found)
    first = found[0]
    assert (first.stated.value, first.stated.step, first.stated.std) == (0.813, 0.001, 0.001)
    assert first.beside and first.beside.value == 0.812
    assert first.likelihoods() == {} and first.ratio(HELD, LABELLED) is None
    assert first.pair() is None


def test_a_row_run_three_ways():
    swing, held, sgd = Runs(0.803, 0.005, 4), Runs(0.816, 0.002, 4), Runs(0.81, 0.001, 4)
    run = {"1cycle_cm95_85": swing, "1cycle_95": held, "1cycle_cm95_85_sgd": sgd}
    row = readings.rows(TABLE1, numbers(TABLE1, **run), {})[0]
    stated = Stated(0.813, 0.001, 0.001, 4)
    assert row.likelihoods() == {
        kind: log_likelihood(stated, runs)
        for kind, runs in ((LABELLED, swing), (HELD, held), (SGD, sgd))
    }
    assert row.ratio(HELD, LABELLED) == pytest.approx(
        log_likelihood(stated, held) - log_likelihood(stated, swing)
    )
    pair = row.pair()
    assert pair is not None and pair > math.log(100)


def test_a_row_that_comes_back_under_neither_reading_is_told_apart():
    run = {"1cycle_cm95_85": Runs(0.803, 0.005, 4), "1cycle_95": Runs(0.816, 0.002, 4)}
    row = readings.rows(TABLE1, numbers(TABLE1, **run), {})[0]
    assert not momentum_answer.neither(row)
    for kind in (HELD, LABELLED):
        row.numbers[kind] = replace(row.numbers[kind], verdict=Verdict("contradicted", ""))
        assert momentum_answer.neither(row) is (kind == LABELLED)


def test_rows_of_too_few_runs_are_told_with_the_side_they_are_on():
    """So that what speaks against an answer is read beside it."""
    rows = numbers(CIFAR100, held=Runs(0.5452, 0.0, 1), swing=Runs(0.5235, 0.0, 1))
    found = readings.rows(CIFAR100, rows, {})
    row = found[0]
    for kind, difference in ((LABELLED, -0.0050), (HELD, 0.0167)):
        row.numbers[kind] = replace(row.numbers[kind], difference=difference, interval=None)
    assert row.ratio(HELD, LABELLED) is None
    said = " 1 further row has too few runs to count; the number is nearer to the swing acting."
    assert momentum_answer.too_few(found) == said
    row.numbers[LABELLED] = replace(row.numbers[LABELLED], difference=0.03)
    assert momentum_answer.too_few(found).endswith("nearer to the momentum held.")
    del row.numbers[HELD]
    assert momentum_answer.too_few(found) == ""


def test_how_likely_a_number_is_by_the_arm_that_ran():
    run = {"1cycle_cm95_85": Runs(0.803, 0.005, 4), "1cycle_95": Runs(0.816, 0.002, 4)}
    rows = numbers(TABLE1, **run)
    ((row, ways),) = readings.by_arm(TABLE1, rows, {})
    told = readings.rows(TABLE1, rows, {})[0].likelihoods()
    assert row.arm == "1cycle-cm95-85"
    assert ways == {"1cycle-cm95-85": told[LABELLED], "1cycle-95": told[HELD]}
    (line,) = tables.reading_lines(TABLE1, rows, {})
    assert "81.3 ± 0.1. Relative likelihood by what was run: momentum 0.95→0.85, " in line
    assert line.endswith("; momentum 0.95, 1.")


def test_metrics_of_one_row_are_counted_once():
    logs = {arm: author.log(name) for arm, name in CIFAR100.author.items()}
    accuracy, loss = readings.rows(CIFAR100, numbers(CIFAR100), logs)
    assert (accuracy.metric, accuracy.counted) == ("test_accuracy", True)
    assert (loss.metric, loss.counted) == ("test_loss", False)
    assert accuracy.stated.step == pytest.approx(1e-4), "0.5285 has four digits"
    assert accuracy.stated.error == pytest.approx(0.00505**2), "one run: its log's late spread"
    assert set(accuracy.numbers) == {LABELLED, HELD, SGD}


def test_runs_that_decide_nothing_are_none():
    row = numbers(TABLE1, **{"1cycle_95": Runs(0.81, 0.002, 4)})
    one = next(n for n in row if n.arm == "1cycle-95")
    assert readings.runs(one) == Runs(0.81, 0.002, 4)
    assert readings.runs(replace(one, interval=None)) is None  # too few, or some diverged
    assert readings.runs(replace(one, std=0.0)) is None


def test_controls_are_rows_of_constant_momentum_that_nobody_doubts():
    """Held at 0.95 a row of the swing may be row 1cycle-95: that one is no control of it."""
    names = ("1cycle_95", "step_90", "1cycle_cm95_85", "1cycle_85", "step_85")
    run = {name: Runs(0.81, 0.002, 4) for name in names}
    found = readings.controls(TABLE1, numbers(TABLE1, **run), {})
    assert [stated.value for stated, _ in found] == [0.795, 0.802]
    doubted = replace(TABLE1, readings={"step-95": "1cycle-85"})
    found = readings.controls(doubted, numbers(TABLE1, **run), {})
    assert 0.795 not in [stated.value for stated, _ in found]


def test_final_and_best_of_a_row_are_not_mixed():
    at_end = Published(0.813, std=0.001, n=4)
    published = {
        "1cycle-cm95-85": [at_end, replace(at_end, value=0.82, at="best")],
        "1cycle-95": [replace(at_end, value=0.825, at="best"), replace(at_end, value=0.812)],
    }
    study = replace(TABLE1, published=published)
    rows = []
    for row in published_numbers.numbers(study, "paper", {}, {}):
        if row.published:
            mean = 0.81 if row.published.at == "final" else 0.83
            row = replace(row, mean=mean, std=0.001, n=4, interval=(0.0, 1.0))
        rows.append(row)
    final, best = readings.rows(study, rows, {})
    assert (final.published.at, best.published.at) == ("final", "best")
    assert (final.counted, best.counted) == (True, False)
    for row, ours, his in ((final, 0.81, 0.812), (best, 0.83, 0.825)):
        assert {n.mean for kind in (LABELLED, HELD) for n in [row.numbers[kind]]} == {ours}
        assert row.beside and row.beside.value == his


def material(name: str, **run: Runs) -> Material:
    """A study as if these arms had been run and published."""
    study = load(name)
    rows = [asdict(row) for row in numbers(study, **run)]
    told = {"records": {arm: ["key"] for arm in run}, "scale": "paper", "numbers": rows}
    return Material(study, [], [], name, Path("none"), told)


def test_a_row_that_two_papers_print_is_one_control():
    runs, others = Runs(0.9901, 0.0004, 4), Runs(0.9905, 0.0004, 4)
    both = ("disciplined/table2", "superconv/v3-table2")
    swing = Runs(0.99, 0.001, 4)
    twice = [material(name, **{"85ep_step": runs, "12ep": swing}) for name in both]
    assert [ours for _, ours in momentum.controls(twice, momentum.rows(twice))] == [runs]
    # the same number printed of runs that differ is another row
    apart = [twice[0], material(both[1], **{"85ep_step": others, "12ep": swing})]
    assert [ours for _, ours in momentum.controls(apart, momentum.rows(apart))] == [runs, others]


def test_runs_that_a_row_is_judged_by_are_no_control_of_another_study():
    held = Runs(0.9926, 0.0004, 4)
    first = material("disciplined/table2", **{"12ep_held": held, "85ep_step": held})
    second = material("superconv/v3-table2", **{"85ep_inv": held, "85ep_step": Runs(0.99, 1e-3, 4)})
    found = momentum.controls([first, second], momentum.rows([first, second]))
    assert [ours for _, ours in found] == [Runs(0.99, 1e-3, 4)]


@pytest.mark.parametrize(
    ("odds", "controls", "says"),
    [
        ((100, 30), 4, "On the 2 rows run both ways and 4 control rows so far, the numbers say "),
        ((100, 30), 4, "that it did not act."),
        ((1 / 100, 1 / 30), 4, "the numbers say that it acted."),
        ((100, 30), 3, "rests on 2 rows run both ways and 3 control rows: it speaks strongly for"),
        ((100, 30), 1, "1 control row: it speaks strongly for a swing that did not act, but does "),
        ((1 / 100, 1 / 30), 0, "strongly for a swing that acted, but does not settle it before 4"),
        ((100, 10), 9, "speaks for a swing that did not act, but does not settle it."),
        ((1 / 100, 1 / 10), 9, "speaks for a swing that acted, but does not settle it."),
        ((100, 2), 9, "9 control rows, does not settle it."),
        ((100, 1 / 100), 9, "9 control rows, does not settle it."),
    ],
)
def test_an_answer_is_firm_only_with_controls(odds: tuple, controls: int, says: str):
    assert says in momentum_answer.conclusion([math.log(one) for one in odds], 2, controls)
