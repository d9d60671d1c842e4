"""Readings weighed: against scipy.stats, simulation and hand-computed values."""

import math

import numpy as np
import pytest
from scipy import stats

from disciplined.studies.judging import likelihood as ours
from disciplined.studies.judging import statistics
from disciplined.studies.judging.likelihood import Runs, Scatter, Stated

A = np.array([81.3, 81.1, 81.5, 81.2])
RUNS = Runs(float(A.mean()), float(A.std(ddof=1)), 4)


@pytest.mark.parametrize("std", [None, 0.1])
@pytest.mark.parametrize("n", [1, 4])
def test_predicted_is_the_judges_prediction(std: float | None, n: int):
    theirs = statistics.prediction(A, 81.0, n=n, std=std, blur=0.03)
    d = ours.predicted(Stated(81.0, std=std, n=n, error=0.03), RUNS)
    assert (d.value, d.se, d.df) == pytest.approx((theirs.value, theirs.se, theirs.df))


def test_probability_of_digits_is_scipys_between_their_edges():
    d = statistics.Difference(-0.3, 0.2, 3.7)
    t = stats.t(3.7, scale=0.2)
    assert ours.probability(d, 0.1) == pytest.approx(t.cdf(-0.25) - t.cdf(-0.35), rel=1e-12)
    assert ours.probability(d, 0.0) == pytest.approx(t.pdf(-0.3), rel=1e-12)
    # far out in the tail nothing is lost to cancellation
    far = statistics.Difference(50.0, 0.2, 3.7)
    edges = t.sf(49.95) - t.sf(50.05)
    assert ours.probability(far, 0.1) == pytest.approx(edges, rel=1e-6) and edges < 1e-8


def test_what_could_be_printed_adds_up_to_one():
    printed = np.arange(60.0, 102.0, 0.1)
    total = sum(
        math.exp(ours.log_likelihood(Stated(v, 0.1, 0.1, 4), RUNS)) for v in printed.round(1)
    )
    assert total == pytest.approx(1, abs=1e-5)


def test_no_spread_is_no_likelihood():
    with pytest.raises(ValueError, match="no spread"):
        ours.log_likelihood(Stated(0.8), Runs(0.8, 0.0, 4))


def test_scatter_is_found_again_and_is_zero_where_chance_explains_the_rows():
    random = np.random.default_rng(0)
    found, none = [], []
    for _ in range(60):
        rows, alike = [], []
        for value in np.linspace(0.7, 0.99, 40):
            error = 1 - value
            shift = error * 0.02 * random.normal()
            for off, into in ((shift, rows), (0.0, alike)):
                runs = value + off + 0.003 * error * random.normal(size=4)
                his = value + 0.003 * error * random.normal(size=4)
                stated = Stated(his.mean(), 0.0, his.std(ddof=1), 4)
                into.append((stated, Runs(runs.mean(), runs.std(ddof=1), 4)))
        found.append(ours.scatter(rows).share)  # type: ignore[union-attr]
        none.append(ours.scatter(alike).share)  # type: ignore[union-attr]
    assert np.mean(found) == pytest.approx(0.02, rel=0.05)
    assert np.mean(none) < 0.002
    assert ours.scatter([(Stated(0.8), RUNS)]) is None


def test_scatter_by_hand():
    # Equal variances: mean(d²)/error² less their own variance. d = 2 and 4 %, own 0.5 % squared.
    rows = [
        (Stated(0.80, std=0.001, n=2), Runs(0.804, 0.001, 2)),
        (Stated(0.80, std=0.001, n=2), Runs(0.792, 0.001, 2)),
    ]
    own = (0.001**2 / 2 * 2) / 0.2**2
    expected = math.sqrt((0.02**2 + 0.04**2) / 2 - own)
    found = ours.scatter(rows)
    assert found and found.rows == 2 and found.share == pytest.approx(expected, rel=1e-9)


def test_scatter_makes_a_ratio_humbler():
    stated = Stated(0.813, 0.001, 0.001, 4)
    near, far = Runs(0.816, 0.002, 4), Runs(0.803, 0.002, 4)

    def ratio(scatter: Scatter | None) -> float:
        return ours.log_likelihood(stated, near, scatter) - ours.log_likelihood(
            stated, far, scatter
        )

    assert ratio(None) > ratio(Scatter(0.02, 9)) > ratio(Scatter(0.2, 9)) > 0
    assert ratio(Scatter(10.0, 9)) == pytest.approx(0, abs=0.01)
    # two rows are a rough estimate: the tails are heavy, so that being far off says less
    assert ratio(Scatter(0.01, 2)) < ratio(Scatter(0.01, 50))


def test_scatter_enters_the_prediction_with_its_own_degrees_of_freedom():
    stated, runs = Stated(0.8, std=0.001, n=4), Runs(0.803, 0.002, 4)
    own, between = 1.25e-6, (0.02 * 0.2) ** 2
    d = ours.predicted(stated, runs, Scatter(0.02, 5))
    alone = (0.25e-6**2 + 1e-6**2) / 3
    df = (own + between) ** 2 / (alone + between**2 / 5)
    assert df > own**2 / alone  # five rows know their scatter better than four runs theirs
    assert (d.se**2, d.df) == pytest.approx((own + between, own**2 / alone))
    rough = ours.predicted(stated, runs, Scatter(0.02, 1))
    assert rough.df < own**2 / alone
    assert rough.df == pytest.approx((own + between) ** 2 / (alone + between**2))


@pytest.mark.parametrize("rows", [2, 4, 100])
def test_far_out_scatter_makes_no_reading_less_likely(rows: int):
    """LeNet's 12 epochs, 0.18 points off with a spread of 0.01."""
    stated, far = Stated(0.9925, 0.0001, 0.0003, 4), Runs(0.9907, 0.0001, 4)
    alone = ours.log_likelihood(stated, far)
    for share in (0.001, 0.01, 0.02, 0.05):
        assert ours.log_likelihood(stated, far, Scatter(share, rows)) >= alone


def test_a_pair_by_hand():
    swing, constant = Stated(0.813, 0.001, 0.001, 4), Stated(0.812, 0.001, 0.002, 4)
    ours_swing, ours_constant = Runs(0.803, 0.005, 4), Runs(0.816, 0.002, 4)
    his, both = (1e-6 + 4e-6) / 4, (1e-6 + 4e-6 + 25e-6 + 4e-6) / 4
    rounding = 2e-6 / 12
    df = (his + rounding) ** 2 / ((0.25e-6**2 + 1e-6**2) / 3)
    df_both = (both + rounding) ** 2 / ((0.25e-6**2 + 1e-6**2 + 6.25e-6**2 + 1e-6**2) / 3)
    alike = stats.t.logpdf(0.001, df, scale=math.sqrt(his + rounding))
    acted = stats.t.logpdf(0.001 + 0.013, df_both, scale=math.sqrt(both + rounding))
    found = ours.log_ratio_of_pair(swing, constant, ours_swing, ours_constant)
    assert found == pytest.approx(alike - acted, rel=1e-9) and found > 3
    moved = Stated(0.853, 0.001, 0.001, 4), Stated(0.852, 0.001, 0.002, 4)
    assert ours.log_ratio_of_pair(*moved, ours_swing, ours_constant) == pytest.approx(found)
    assert ours.log_ratio_of_pair(Stated(0.8), constant, ours_swing, ours_constant) is None


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.0, "1.0 : 1"),
        (7.24, "7.2 : 1"),
        (1 / 7.24, "1 : 7.2"),
        (12.4, "12 : 1"),
        (46_321, "46,000 : 1"),
        (3.1e12, "10¹² : 1"),
    ],
)
def test_odds_in_words(ratio: float, text: str):
    assert ours.odds(math.log(ratio)) == text


def test_product_is_of_ratios():
    assert ours.product(map(math.log, [2, 3, 0.5])) == pytest.approx(math.log(3))
