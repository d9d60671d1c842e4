"""Which rows have a momentum swing, what else they may have been, and what the records say."""

import math
from dataclasses import replace

import pytest

from disciplined.studies import author, judge, readings
from disciplined.studies.evidence import Verdict
from disciplined.studies.judge import Number
from disciplined.studies.likelihood import Runs, Stated, log_likelihood
from disciplined.studies.readings import HELD, LABELLED, SGD
from disciplined.studies.study_file import load

TABLE1 = load("disciplined/table1")
CIFAR100 = load("disciplined/cifar100_three_layer")


def numbers(study, **run: Runs) -> list[Number]:
    """The study's rows, those of the named arms run (`-` written `_`)."""
    found = []
    for row in judge.numbers(study, "paper", {}, {}):
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


def test_controls_are_rows_of_constant_momentum():
    run = {name: Runs(0.81, 0.002, 4) for name in ("1cycle_95", "step_90", "1cycle_cm95_85")}
    found = readings.controls(TABLE1, numbers(TABLE1, **run), {})
    assert [stated.value for stated, _ in found] == [0.812, 0.810]
