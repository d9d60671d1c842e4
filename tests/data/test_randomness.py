import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.data.randomness import Purpose, coins, permutation, words

seeds = st.integers(0, 2**64 - 1)


def test_draws_are_what_they_always_were():
    """Golden: old records name their order by the seed alone, so these may never change."""
    assert permutation(Purpose.ORDER, 0, 0, 10).tolist() == [8, 7, 4, 2, 6, 5, 9, 0, 1, 3]
    assert permutation(Purpose.SUBSET, 7, 3, 5).tolist() == [4, 1, 2, 3, 0]
    assert coins(Purpose.MIRROR, 7, 3, 12).astype(int).tolist() == [
        1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0,
    ]  # fmt: skip
    assert coins(Purpose.TEST_MIRROR, 7, 3, 12).astype(int).tolist() == [
        0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0,
    ]  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(seed=seeds, index=st.integers(0, 2**40), count=st.integers(0, 300))
def test_a_permutation_holds_every_number_once(seed: int, index: int, count: int):
    order = permutation(Purpose.ORDER, seed, index, count)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(count))


@settings(deadline=None, max_examples=50)
@given(seed=seeds, index=st.integers(0, 2**40), count=st.integers(1, 300))
def test_fewer_coins_are_the_first_of_more(seed: int, index: int, count: int):
    some, more = (coins(Purpose.MIRROR, seed, index, n) for n in (count, count + 100))
    assert some.dtype == np.bool_ and some.shape == (count,)
    assert (some == more[:count]).all()


def test_no_two_purposes_seeds_or_indices_share_a_word():
    drawn = [
        words(purpose, seed, index, 1000)
        for purpose in Purpose
        for seed in (0, 1, 2**32, 2**64 - 1)
        for index in (0, 1, 2, 2**32)
    ]
    together = np.concatenate(drawn)
    assert len(np.unique(together)) == len(together)


def test_coins_are_fair():
    heads = np.stack([coins(Purpose.MIRROR, 5, index, 512) for index in range(400)])
    assert abs(heads.mean() - 0.5) < 5 * 0.5 / np.sqrt(heads.size)
    by_place = heads.mean(axis=0)  # five standard errors of 400 throws, for 512 places
    assert np.abs(by_place - 0.5).max() < 5 * 0.5 / np.sqrt(400)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_a_mistake(seed: int, one_line):
    with one_line(f"seed={seed}", "2**64-1"):
        words(Purpose.ORDER, seed, 0, 1)
