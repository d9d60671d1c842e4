"""The calibration asks the judge's own questions, and knows a fair judge from a hasty one."""

import numpy as np
import pytest

from disciplined.studies.judging import calibration
from disciplined.studies.judging.statistics import prediction, welch


def rates(values: np.ndarray, **others) -> dict[str, calibration.Rate]:
    found = calibration.calibrate(values, "m", group=4, draws=2000, **others)
    return {r.question: r for r in found}


def test_rates_of_normal_values_are_near_what_is_allowed():
    found = rates(np.random.default_rng(4).normal(size=200))
    assert list(found) == list(calibration.QUESTIONS)
    for rate in found.values():
        assert rate.rate == pytest.approx(0.045, abs=0.025)
        assert rate.low < rate.rate < rate.high < 0.12
        assert "false alarms where 5% are allowed" in rate.words()


def test_a_printed_spread_keeps_the_judge_from_haste_on_skewed_values():
    # accuracies are bounded above: now and then a run is far below the others
    found = rates(-np.random.default_rng(5).lognormal(sigma=1.2, size=200))
    assert found["a published mean ± std does not come back"].rate <= 0.05
    assert found["two arms differ"].rate <= 0.05
    assert found["a published mean without std does not come back"].rate > 0.06


def test_groups_without_spread_raise_no_alarm():
    flat = np.full(4, 0.7)
    for _, alarm in calibration.QUESTIONS.values():
        assert not alarm(flat, flat + 1)


def test_a_difference_is_an_alarm():
    apart = np.array([0.70, 0.71, 0.69, 0.70])
    for against, alarm in calibration.QUESTIONS.values():
        assert alarm(apart, (apart + 0.2)[: against or 4])


def test_too_few_values_give_no_rate():
    assert calibration.calibrate(np.arange(7.0), "m", group=4, draws=10) == []


def test_a_study_is_calibrated_from_its_records(planted, recorded):
    study = planted(
        ("labels:", "calibrate: {arm: a, group: 2, draws: 50, metrics: [test_accuracy]}\nlabels:")
    )
    found = recorded(study, {"a": [0.80, 0.81, 0.79, 0.82, 0.805]})
    rates = calibration.of(study, found)
    assert {(r.question, r.seeds) for r in rates} == {
        (question, 5) for question in calibration.QUESTIONS
    }
    assert {r.groups[0] for r in rates} == {2}, "of five values there are no two groups of three"
    found = recorded(study, {"a": [0.80, 0.81, 0.79, 0.82, 0.805, 0.795]})
    assert {r.groups[0] for r in calibration.of(study, found)} == {2, 3}


def test_all_draws_at_once_decide_as_the_judge_does_one_by_one():
    """Equal values among them, which show no spread."""
    rng = np.random.default_rng(1)
    values = np.round(rng.normal(0.9, 0.01, (400, 8)), 2)
    values[0] = values[1, :4] = values[2, 4:] = 0.9
    ours, theirs = values[:, :4], values[:, 4:]
    pairs = list(zip(ours, theirs, strict=True))
    one_by_one = {
        calibration.differs: [welch(a, b).p_not() <= 0.05 for a, b in pairs],
        calibration.number: [prediction(a, b.mean(), n=4).p_not() < 0.05 for a, b in pairs],
        calibration.number_with_spread: [
            prediction(a, b.mean(), n=4, std=b.std(ddof=1)).p_not() < 0.05 for a, b in pairs
        ],
    }
    for at_once, expected in one_by_one.items():
        assert 0 < sum(expected) < 400
        assert at_once(ours, theirs).tolist() == expected, at_once.__name__
