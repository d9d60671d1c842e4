"""The curves beyond the papers' straight lines, against their formulas written out here."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from disciplined.mistakes import Mistake
from disciplined.schedules import cycles, decays, own, range_tests, regularisation, warmups

T = 1000
t = np.arange(T + 1)
stairs = np.minimum(t, T - 1) // 300  # the end holds what the last stair was


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        # Caffe's policies (reference 2.1)
        (decays.exponential(0.001, 0.99994, 1, T), 0.001 * 0.99994**t),
        (decays.inv(0.01, 1e-4, 0.75, T), 0.01 * (1 + 1e-4 * t) ** -0.75),
        (decays.polynomial(0.1, 0.0, 3, T), 0.1 * (1 - t / T) ** 3),
        # Keras's
        (decays.exponential(0.1, 0.96, 100_000, T), 0.1 * 0.96 ** (t / 100_000)),
        (decays.exponential(0.1, 0.96, 300, T, staircase=True), 0.1 * 0.96**stairs),
        (decays.inverse_time(0.1, 0.002, 1, T, 50), 0.1 / (1 + 0.002 * t)),
        (decays.inverse_time(0.1, "auto", 1, T, 50), 0.1 / (1 + 0.1 / 50 * t)),
        (decays.inverse_time(0.1, 0.5, 300, T, 50, staircase=True), 0.1 / (1 + 0.5 * stairs)),
        (decays.polynomial(0.1, 0.02, 0.5, T), 0.02 + 0.08 * (1 - t / T) ** 0.5),
        # SGDR's and REX's
        (decays.cosine(0.1, 0.02, T), 0.02 + 0.04 * (1 + np.cos(np.pi * t / T))),
        (decays.rex(0.1, T), 0.1 * (1 - t / T) / (0.5 + 0.5 * (1 - t / T))),
        (decays.linear(0.1, 0.02, T), 0.1 - 0.08 * t / T),
        # the first paper's (reference 2.1)
        (decays.decay(0.001, 0.007, 400, T), np.maximum(0.007 - 0.006 * t / 400, 0.001)),
        (range_tests.range_test_exponential(1e-6, 10, T), 1e-6 * 1e7 ** (t / T)),
        (warmups.warmup_linear(0.1, 100, T), 0.1 * np.minimum(t / 100, (T - t) / 900)),
        (
            warmups.warmup_stable_decay(0.1, 100, 200, 0.05, T),
            np.minimum(np.minimum(0.1 * t / 100, 0.1), 0.05 + 0.05 * (T - t) / 200),
        ),
        (regularisation.cyclical(1e-5, 1e-3, 2, T), 1e-3 - 0.99e-3 * np.abs(1 - t / 500)),
        (regularisation.cyclical(1e-5, 1e-3, 1, T), 1e-5 + 0.99e-3 * t / T),
        (
            regularisation.cyclical(0.5, 100, 4, T),
            np.where(t < 250, 0.5 + 99.5 * t / 250, 100 - 99.5 * (t - 250) / 750),
        ),
    ],
)  # fmt: skip
def test_formulas(schedule: Any, formula: np.ndarray) -> None:
    assert_allclose(schedule.values(t), formula, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize(
    ("decay", "at_200", "at_3200"),
    [
        (0.1, 4.8e-4, 3.1e-5),
        (0.01, 3.3e-3, 3.0e-4),
        (0.001, 8.3e-3, 2.4e-3),
        (1e-4, 9.8e-3, 7.6e-3),
    ],
)
def test_the_decay_curves_of_the_blobs_article(decay: float, at_200: float, at_3200: float) -> None:
    # reference 14: the rates at updates 200 and 3,200 from 0.01
    schedule = decays.inverse_time(0.01, decay, 1, 3200, 200)
    assert [schedule.value(k) for k in (200, 3200)] == pytest.approx([at_200, at_3200], rel=0.02)


def test_decays_that_pass_the_smallest_number_on_their_way() -> None:
    rates = decays.exponential(0.1, 0.5, 1, 10_000).values(np.array([0, 1, 30, 2000, 10_000]))
    assert rates.tolist() == [0.1, pytest.approx(0.05), pytest.approx(0.1 * 0.5**30), 0, 0]
    with pytest.raises(Mistake, match="gamma=2: the rate would grow beyond all numbers"):
        decays.exponential(0.1, 2, 1, 10_000)


bounds = st.tuples(st.floats(0, 10), st.floats(0, 10)).map(sorted)
runs = st.integers(1, 2000).flatmap(
    lambda d: st.tuples(st.integers(max(1, d // 50), d), st.just(d))
)


@given(bounds, runs)
@settings(deadline=None, max_examples=50)
def test_cycles_are_their_formulas(ends: list[float], run: tuple[int, int]) -> None:
    (base, top), (stepsize, duration) = ends, run
    at = np.arange(duration)
    cycle = at // (2 * stepsize)
    x = 1 - np.abs(at / stepsize - 2 * cycle - 1)  # 0 at the ends of a cycle, 1 at its top
    gamma = 1 - 1e-4
    for schedule, formula in (
        (cycles.triangular2(base, top, stepsize, duration), base + (top - base) * x / 2.0**cycle),
        (
            cycles.exp_range(base, top, stepsize, gamma, duration),
            (base + (top - base) * x) * gamma**at,
        ),
        (cycles.welch(base, top, stepsize, duration), base + (top - base) * (1 - (1 - x) ** 2)),
        (
            cycles.hann(base, top, stepsize, duration),
            base + (top - base) * np.sin(np.pi / 2 * x) ** 2,
        ),
    ):
        assert_allclose(schedule.values(at), formula, rtol=1e-9, atol=1e-9)


def test_the_three_stages_of_the_first_papers_first_figure() -> None:
    # clr/table2: four cycles of 4000, three of 2000, three of 1000
    schedule = cycles.staged(
        [1e-3, 1e-4, 1e-5], [5e-3, 5e-4, 5e-5], [2000, 1000, 500], [16_000, 22_000], 25_000
    )
    at = {0: 1e-3, 2000: 5e-3, 4000: 1e-3, 6000: 3e-3, 14_000: 1e-3 + 4e-3 / 8, 16_000: 1e-4,
          17_000: 5e-4, 19_000: 3e-4, 22_000: 1e-5, 22_500: 5e-5, 24_500: 1e-5 + 4e-5 / 4,
          25_000: 1e-5}  # fmt: skip
    assert {k: schedule.value(k) for k in at} == pytest.approx(at, rel=1e-12)


def test_restarts_begin_at_the_top_each_longer_than_the_last() -> None:
    schedule = cycles.cosine_restarts(1, 0, 100, 2, 1000)
    tops = [k for k in range(1000) if schedule.value(k) == 1]
    assert tops == [0, 100, 300, 700]
    assert schedule.value(200) == pytest.approx(0.5)
    assert schedule.value(699) < 1e-4


def test_a_swing_halved_for_ever_is_nothing_in_the_end() -> None:
    schedule = cycles.triangular2(0.1, 1, 1, 10_000)
    assert [schedule.value(k) for k in (1, 3, 5, 2999)] == pytest.approx([1, 0.55, 0.325, 0.1])


def test_a_readers_own_function() -> None:
    def root(iteration: int, lr: float = 1.0) -> float:
        return lr / math.sqrt(1 + iteration)

    schedule = own.own(root, 1000, lr=0.5)
    assert_allclose(schedule.values(t), 0.5 / np.sqrt(1 + t), rtol=0)
    assert schedule.value(10**6) == schedule.value(1000)
    assert schedule == own.own(root, 1000, lr=0.5)
    assert schedule != own.own(root, 1000, lr=0.25)
    assert "(own, 1000it)" in schedule.describe()


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda _: -1.0, "gives -1.0 at iteration 0; expected a finite number"),
        (lambda iteration: 1 / (5 - iteration), "raised ZeroDivisionError at iteration 5"),
        (lambda _: "fast", "raised ValueError at iteration 0"),
        (lambda _: math.nan, "gives nan at iteration 0"),
    ],
)
def test_a_readers_own_mistakes(function: Any, says: str) -> None:
    with pytest.raises(Mistake, match=r"function=<lambda>: ") as caught:
        own.own(function, 10)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: decays.exponential(0.1, 0, 1, 9), "gamma=0: expected a number above 0"),
        (lambda: decays.exponential(0.1, 0.9, 0, 9), "every=0: expected a number of iterations"),
        (lambda: decays.inverse_time(0.1, "slow", 1, 9, 3), "decay=slow: expected a number, or"),
        (lambda: decays.inverse_time(0.1, -1, 1, 9, 3), "decay=-1: expected a finite number"),
        (lambda: decays.inv(0.1, -1, 0.75, 9), "gamma=-1: expected a finite number"),
        (lambda: decays.polynomial(0.1, 0, 0, 9), "power=0: expected a number above 0"),
        (lambda: decays.cosine(0.1, -1, 9), "end_lr=-1: expected a finite number"),
        (lambda: decays.piecewise_constant([1, 2], []), "values=[1, 2]: 0 milestones need 1"),
        (lambda: cycles.exp_range(0.1, 1, 5, 0.1, 1000), "gamma=0.1: over 1000 iterations"),
        (lambda: cycles.staged([1], [2], [3, 4], [5], 9), "milestones=[5]: 2 stages need as many"),
        (lambda: cycles.cosine_restarts(1, 0, 3, 0, 9), "factor=0: expected a whole number"),
        (lambda: range_tests.range_test_exponential(0, 1, 9), "base_lr=0.0: expected a number abo"),
        (lambda: warmups.warmup_linear(0.1, 10, 9), "warmup=10it: with 1it to fall longer"),
        (lambda: warmups.warmup_stable_decay(1, 5, 5, 0, 9), "warmup=5it: with 5it to fall longer"),
        (lambda: regularisation.cyclical(1, 2, 0.5, 9), "factor=0.5: expected 1 or more"),
    ],
)
def test_mistakes(build: Any, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        build()
    assert says in str(caught.value)
