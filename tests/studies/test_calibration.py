"""The calibration asks the judge's own questions, and knows a fair judge from a hasty one."""

import numpy as np
import pytest

from disciplined.studies import calibration
from disciplined.studies.statistics import prediction, welch


def test_the_fast_decisions_are_the_judges():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(300, 4)), rng.normal(0.8, 2, size=(300, 4))
    slow = [welch(a, b).p_not() <= 0.05 for a, b in zip(first, second, strict=True)]
    assert calibration.welch_alarms(first, second).tolist() == slow
    slow = [prediction(a, b.mean(), n=4).p_not() < 0.05 for a, b in zip(first, second, strict=True)]
    assert calibration.prediction_alarms(first, second).tolist() == slow
    assert 10 < sum(slow) < 290


def test_groups_without_spread_raise_no_alarm():
    flat = np.full((2, 4), 0.7)
    assert not calibration.welch_alarms(flat, flat + 1).any()
    assert not calibration.prediction_alarms(flat, flat + 1).any()


def test_rates_of_normal_values_are_near_what_is_allowed():
    values = np.random.default_rng(4).normal(size=200)
    rates = {r.question: r for r in calibration.calibrate(values, "m", group=4, draws=20_000)}
    assert rates["number"].rate == pytest.approx(0.05, abs=0.02)
    assert rates["greater"].rate == pytest.approx(0.04, abs=0.02)  # Welch is careful with four
    for rate in rates.values():
        assert rate.low < rate.rate < rate.high < 0.12
        assert "false alarms where 5% are allowed" in rate.words()


def test_too_few_values_give_no_rate():
    assert calibration.calibrate(np.arange(7.0), "m", group=4, draws=10) == []


def test_a_study_is_calibrated_from_its_records(planted, recorded):
    study = planted(
        ("labels:", "calibrate: {arm: a, group: 2, draws: 50, metrics: [test_accuracy]}\nlabels:")
    )
    found = recorded(study, {"a": [0.80, 0.81, 0.79, 0.82, 0.805]})
    assert [(r.question, r.seeds) for r in calibration.of(study, found)] == [
        ("greater", 5),
        ("number", 5),
    ]
