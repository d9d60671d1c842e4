"""Smoothing keeps what has no noise as it is, ends included, and tells the noise of what has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from disciplined.tuning.reading.smoothing import medians, noise, pettitt, slopes, smoothed

POINTS = (20, 51, 100, 333, 2000)


@pytest.mark.parametrize("n", POINTS)
def test_a_constant_stays_itself_at_every_point(n: int):
    smooth, error, sigma = smoothed(np.full(n, 1.0))
    assert smooth.tolist() == [1.0] * n
    assert not error.any() and not sigma.any()


@pytest.mark.parametrize("n", POINTS)
def test_a_line_stays_itself_ends_included(n: int):
    y = np.linspace(2.3, 0.4, n)
    assert smoothed(y)[0] == pytest.approx(y, rel=1e-12)


@pytest.mark.parametrize("n", POINTS)
@pytest.mark.parametrize("where", [0, 1, 7, -2, -1])
def test_one_wild_point_changes_nothing(n: int, where: int):
    y = np.ones(n)
    y[where] = 87.3366  # the artefact at iteration 0 of the second paper's logs
    assert smoothed(y)[0].tolist() == [1.0] * n


def test_a_step_stays_where_it_is():
    y = np.repeat([0.1, 0.9], [37, 63])
    assert smoothed(y)[0].tolist() == y.tolist()


@pytest.mark.parametrize("half", [1, 3, 10])
def test_medians_inside_are_numpys_over_each_window(half: int):
    y = np.random.default_rng(0).normal(size=60)
    smooth = medians(y, np.full(60, half))
    for i in range(half, 60 - half):
        if 0 < i < 59:
            assert smooth[i] == np.median(y[i - half : i + half + 1])
    assert smooth[2] == np.median(y[: 2 * min(half, 2) + 1] if half > 1 else y[1:4])


@pytest.mark.parametrize("n", [200, 2000])
def test_noise_is_the_standard_deviation_about_a_trend(n: int):
    rng = np.random.default_rng(n)
    told = [np.median(noise(np.linspace(0, 50, n) + rng.normal(0, 0.3, n))) for _ in range(30)]
    assert np.mean(told) == pytest.approx(0.3, rel=0.05)


def test_noise_is_local():
    rng = np.random.default_rng(1)
    sigma = noise(np.concatenate([rng.normal(0, 0.01, 500), rng.normal(0, 1, 500)]))
    assert np.median(sigma[:350]) == pytest.approx(0.01, rel=0.2)
    assert np.median(sigma[650:]) == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("n", [50, 200, 2000])
def test_the_standard_error_is_that_of_the_smoothed_curve(n: int):
    rng = np.random.default_rng(n)
    runs = [smoothed(rng.normal(size=n)) for _ in range(60)]
    middle = slice(n // 5, -n // 5)
    scatter = np.std([s[middle] for s, _, _ in runs], axis=0).mean()
    # A median of few varies less than that of many says, so a little less is right.
    assert 0.75 < scatter / np.mean([e[middle] for _, e, _ in runs]) < 1.1


@given(st.floats(-6, 6), st.floats(-100, 100), st.integers(0, 20))
def test_scale_and_shift_pass_through(decades: float, shift: float, seed: int):
    y = np.cumsum(np.random.default_rng(seed).normal(size=80))
    scale = 10**decades
    for ours, plain in zip(smoothed(scale * y)[:2], smoothed(y)[:2], strict=True):
        assert ours == pytest.approx(scale * plain, rel=1e-6, abs=1e-9 * scale)
    assert smoothed(y + shift)[0] == pytest.approx(smoothed(y)[0] + shift, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("n", [20, 100, 2000])
def test_slopes_of_a_line_and_of_a_wave(n: int):
    u = np.linspace(-5, 2, n)
    assert slopes(u, 3 - 0.7 * u) == pytest.approx(np.full(n, -0.7), rel=1e-9)
    if n >= 100:
        inner = slice(n // 10, -n // 10)
        assert slopes(u, np.sin(u))[inner] == pytest.approx(np.cos(u)[inner], abs=0.02)


def test_pettitt_is_the_sum_of_signs_and_its_chance():
    rng = np.random.default_rng(4)
    y = np.concatenate([rng.exponential(1, 25), rng.exponential(6, 35)])
    sums = [np.sign(y[None, k:] - y[:k, None]).sum() for k in range(1, 60)]
    change, chance = pettitt(y)
    assert change == int(np.argmax(sums)) + 1
    assert chance == pytest.approx(np.exp(-6 * max(sums) ** 2 / (60**3 + 60**2)))
    # At the change found, it is Mann and Whitney's U.
    u = stats.mannwhitneyu(y[change:], y[:change]).statistic
    assert max(sums) == pytest.approx(2 * u - change * (60 - change))
    assert pettitt(y[::-1])[1] > 0.9 and pettitt(np.zeros(30)) == (1, 1.0)
