"""The judge's statistics against scipy.stats and hand-computed values."""

import math

import numpy as np
import pytest
from scipy import stats

from disciplined.studies.judging import statistics as ours

A = [81.3, 81.1, 81.5, 81.2]
B = [80.4, 80.9, 80.6, 80.7]


def test_welch_is_scipys():
    d = ours.welch(A, B)
    theirs = stats.ttest_ind(A, B, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    assert d.interval() == pytest.approx((interval.low, interval.high), rel=1e-12)
    assert d.p_not() == pytest.approx(theirs.pvalue, rel=1e-12)
    assert d.df == pytest.approx(theirs.df, rel=1e-12)


def test_p_not_a_margin_is_scipys_on_shifted_values():
    shifted = stats.ttest_ind(np.subtract(A, 0.5), B, equal_var=False)
    assert ours.welch(A, B).p_not(0.5) == pytest.approx(shifted.pvalue, rel=1e-12)


@pytest.mark.parametrize("margin", [0.3, 0.65, 1.5])
def test_two_one_sided_tests(margin: float):
    below = stats.ttest_ind(np.add(A, margin), B, equal_var=False, alternative="greater").pvalue
    above = stats.ttest_ind(np.subtract(A, margin), B, equal_var=False, alternative="less").pvalue
    assert ours.welch(A, B).p_within(margin) == pytest.approx(max(below, above), rel=1e-12)


def test_one_sample_is_scipys():
    theirs = stats.ttest_1samp(A, 81.0)
    d = ours.one_sample(A, 81.0)
    assert d.p_not() == pytest.approx(theirs.pvalue, rel=1e-12)
    low, high = ours.one_sample(A).interval()
    interval = theirs.confidence_interval(0.95)
    assert (low, high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_prediction_interval_by_hand():
    # t(0.975, 3) = 3.182446; s = 0.170783; sqrt(1/4 + 1/4)
    d = ours.prediction(A, 81.0, n=4)
    assert d.value == pytest.approx(-0.275)
    assert d.half_width() == pytest.approx(3.182446 * 0.1707825 * math.sqrt(0.5), rel=1e-6)
    single = ours.prediction(A, 81.0)
    assert single.se == pytest.approx(0.1707825 * math.sqrt(1.25), rel=1e-6)


def test_what_blurs_the_published_value_widens_the_prediction():
    plain = ours.prediction(A, 81.0, n=4)
    blurred = ours.prediction(A, 81.0, n=4, blur=0.04)
    assert blurred.se == pytest.approx(math.sqrt(plain.se**2 + 0.04))
    assert blurred.df == pytest.approx(3 * (blurred.se / plain.se) ** 4)


def test_a_published_spread_takes_the_place_of_ours():
    d = ours.prediction(A, np.mean(B), n=4, std=np.std(B, ddof=1))
    welch = ours.welch(B, A)
    assert (d.value, d.se, d.df) == pytest.approx((welch.value, welch.se, welch.df))
    # one run has no spread, whatever is printed beside it
    assert ours.prediction(A, 81.0, n=1, std=0.3) == ours.prediction(A, 81.0)


def test_prediction_covers_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = [
        ours.prediction(rng.normal(size=4), rng.normal(size=4).mean(), n=4).p_not() > 0.05
        for _ in range(4000)
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.012)


def test_detectable_difference_is_detected_with_its_power():
    rng = np.random.default_rng(2)
    spread = ours.assumed(1.0, 20, 20).detectable()
    seen = [
        ours.welch(rng.normal(spread, 1, 20), rng.normal(0, 1, 20)).p_not() < 0.05
        for _ in range(3000)
    ]
    assert np.mean(seen) == pytest.approx(ours.POWER, abs=0.03)


def test_density_is_students():
    d = ours.Difference(0.4, 0.2, 5.0)
    assert d.density() == pytest.approx(stats.t.pdf(0.4, 5, scale=0.2), rel=1e-12)


def test_sample_of_the_test_set():
    # 6,400 of 10,000: binomial variance times the part that was not tested
    assert ours.sampling_variance(0.92, 6400, 10_000) == pytest.approx(0.92 * 0.08 / 6400 * 0.36)
    assert ours.sampling_variance(0.92, 10_000, 10_000) == 0
    assert ours.sampling_variance(0.92, 25_000, 10_000) == 0
    assert ours.sampling_variance(0.92, None, 10_000) == 0
    assert ours.sampling_variance(0.92, 116, 116) == 0
    assert ours.sampling_variance(0.92, 6400, None) == pytest.approx(0.92 * 0.08 / 6400)


def test_no_spread_decides_nothing():
    d = ours.welch([0.5, 0.5, 0.5], [0.4, 0.4, 0.4])
    assert d.p_not() == 1 and d.p_within(1.0) == 1


@pytest.mark.parametrize(
    ("p", "family", "kept"),
    [
        ({"a": 0.01, "b": 0.04}, 2, {"a", "b"}),  # 0.01 <= 0.025, 0.04 <= 0.05
        ({"a": 0.03, "b": 0.001}, 2, {"a", "b"}),
        ({"a": 0.03, "b": 0.04}, 2, set()),  # 0.03 > 0.025: nothing after it either
        ({"a": 0.02}, 3, set()),  # the others were not decided, and still count
        ({}, 2, set()),
    ],
)
def test_holm(p: dict, family: int, kept: set):
    assert ours.holm(p, family) == kept
