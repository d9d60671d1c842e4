import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.data.subsets import split

LABELS = np.tile(np.arange(10), 100)  # a thousand images, a hundred of each class


def counts(indices: np.ndarray, labels: np.ndarray = LABELS) -> list[int]:
    return np.bincount(labels[indices], minlength=10).tolist()


def test_nothing_asked_is_everything_in_order():
    train, val = split(LABELS, train_size=None, validation=0)
    assert train.tolist() == list(range(1000)) and train.dtype == np.int64
    assert val.tolist() == [] and val.dtype == np.int64


def test_validation_and_subset_are_balanced_and_disjoint():
    train, val = split(LABELS, train_size=300, validation=200)
    assert counts(train) == [30] * 10
    assert counts(val) == [20] * 10
    assert not set(train) & set(val)
    rest, same = split(LABELS, train_size=None, validation=200)
    assert (same == val).all() and len(rest) == 800
    assert sorted([*rest, *same]) == list(range(1000))


def test_training_sets_are_nested_and_blind_to_validation():
    small, _ = split(LABELS, train_size=100, validation=0)
    large, _ = split(LABELS, train_size=500, validation=0)
    assert set(small) < set(large)
    beside_validation, _ = split(LABELS, train_size=500, validation=300)
    assert (beside_validation == large).all()


def test_the_choice_is_drawn_not_the_first_ones():
    train, _ = split(LABELS, train_size=500, validation=0)
    assert 350 < train.mean() < 650 and train.max() > 900


@settings(deadline=None, max_examples=100)
@given(data=st.data(), sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_any_possible_sizes(data: st.DataObject, sizes: list[int]):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    images, classes = len(labels), len(sizes)
    validation = data.draw(
        st.just(0) if images < 2 * classes else st.just(0) | st.integers(classes, images - classes)
    )
    size = data.draw(st.integers(classes, images - validation))
    train, val = split(labels, train_size=size, validation=validation)
    assert len(train) == size and len(val) == validation
    assert len(set(train) | set(val)) == size + validation, "an image twice"
    assert (np.diff(train) > 0).all() and (np.diff(val) > 0).all()
    assert set(labels[train]) == set(range(classes)), "a class without training images"
    held = np.bincount(labels[val], minlength=classes)
    for chosen, have in ((val, np.array(sizes) - 1), (train, np.array(sizes) - held)):
        got = np.bincount(labels[chosen], minlength=classes)
        left = have > got  # of a class with images left, none gets two fewer than any other
        assert not left.any() or got[left].min() >= got.max() - 1, (got, have)


@pytest.mark.parametrize("validation", [-1, 3, 991, 1000, 5000])
def test_impossible_validation_is_a_mistake(validation: int, one_line):
    with one_line(f"dataset.validation={validation}", "1000"):
        split(LABELS, train_size=None, validation=validation)


@pytest.mark.parametrize(("size", "validation"), [(-5, 0), (0, 0), (9, 0), (1001, 0), (801, 200)])
def test_impossible_train_size_is_a_mistake(size: int, validation: int, one_line):
    with one_line(f"train_size={size}", str(1000 - validation)):
        split(LABELS, train_size=size, validation=validation)


def test_who_is_held_out_never_changes():
    """Golden: figures chosen by validation name it by its size alone."""
    train, val = split(np.arange(40) % 4, train_size=8, validation=4)
    assert train.tolist() == [1, 10, 12, 16, 23, 25, 26, 39]
    assert val.tolist() == [9, 30, 31, 32]
