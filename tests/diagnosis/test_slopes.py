"""Noise and trends against what was drawn."""

import numpy as np
import pytest

from disciplined.diagnosis import slopes


def test_noise_is_that_of_the_curve_and_not_of_its_shape():
    draw = np.random.default_rng(0)
    x = np.sort(draw.uniform(0, 100, 2000))  # uneven steps
    smooth = 3 * np.exp(-x / 20) + 0.02 * x
    assert slopes.noise(x, smooth) < 1e-3
    found = slopes.noise(x, smooth + 0.05 * draw.standard_normal(x.size))
    assert found == pytest.approx(0.05, rel=0.06)
    leapt = smooth + 0.05 * draw.standard_normal(x.size)
    leapt[::100] += 50
    assert slopes.noise(x, leapt) == pytest.approx(0.05, rel=0.15)


def test_the_trend_of_a_line_is_the_line():
    x = np.array([1.0, 2, 4, 8, 16, 20])
    line = slopes.trend(x, 5 - 0.25 * x)
    assert line.change == pytest.approx(-0.25 * 19) and line.error == pytest.approx(0, abs=1e-9)
    assert (line.start, line.end, line.slope) == (1, 20, pytest.approx(-0.25))


def test_one_leap_does_not_turn_a_trend():
    x = np.arange(40.0)
    y = -0.01 * x + 0.001 * np.random.default_rng(1).standard_normal(40)
    y[-3] = 100
    line = slopes.trend(x, y)
    assert line.change == pytest.approx(-0.39, rel=0.05) and line.z < -20


@pytest.mark.parametrize("n", [8, 20, 60, 400])
def test_a_trends_error_is_how_trends_of_noise_spread(n: int):
    """Over 400 draws: the spread of the change is the error told, within a quarter."""
    draw = np.random.default_rng(n)
    x = np.arange(float(n))
    lines = [slopes.trend(x, draw.standard_normal(n)) for _ in range(400)]
    spread = np.std([line.change for line in lines])
    told = np.median([line.error for line in lines])
    assert 0.95 * spread < told < 1.75 * spread  # the correction for alike neighbours errs upwards
    assert np.mean([abs(line.z) > 3 for line in lines]) < 0.015


def test_noise_that_remembers_makes_no_trend():
    draw = np.random.default_rng(5)
    sure = []
    for _ in range(300):
        steps = draw.standard_normal(80)
        y = np.zeros(80)
        for i in range(1, 80):
            y[i] = 0.7 * y[i - 1] + steps[i]
        sure.append(abs(slopes.trend(np.arange(80.0), y).z) > 4)
    assert np.mean(sure) < 0.02


def test_a_sawtooth_is_ragged_though_neighbours_lie_on_lines():
    y = np.tile([0.0, 1, 2, 3], 20)
    assert slopes.noise(np.arange(80.0), y) < 2 < 100 * slopes.ragged(y)
    assert slopes.ragged(np.linspace(0, 5, 80)) == pytest.approx(0, abs=1e-9)


def test_running_medians_against_numpys():
    y = np.random.default_rng(2).standard_normal(31)
    for wide in (3, 7, 37, 99):
        half = wide // 2
        expected = [np.median(y[max(0, i - half) : i + half + 1]) for i in range(31)]
        assert np.array_equal(slopes.smooth(y, wide), expected)


def test_leaps_are_found_where_they_are():
    y = 0.01 * np.random.default_rng(3).standard_normal(60)
    y[20] += 1
    y[40:43] += 0.6
    assert slopes.leaps(y, 0.25) == [(20, 20), (40, 42)]
    y[25:] += 5  # a step that stays is none
    assert slopes.leaps(y, 0.25) == [(20, 20), (40, 42)]
