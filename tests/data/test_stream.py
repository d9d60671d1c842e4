import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disciplined.data.stream import Stream

sizes = st.integers(1, 60)
batches = st.integers(1, 150)
seeds = st.integers(0, 2**64 - 1)


def whole(stream: Stream, iterations: int) -> np.ndarray:
    return np.concatenate([stream.indices(t) for t in range(iterations)])


@settings(deadline=None, max_examples=40)
@given(images=sizes, batch=batches, seed=seeds)
def test_whole_epochs_hold_every_image_equally_often(images: int, batch: int, seed: int):
    together = math.lcm(images, batch)
    read = whole(Stream(images, batch, seed), together // batch)
    counts = np.bincount(read, minlength=images)
    assert (counts == together // images).all()


@settings(deadline=None, max_examples=40)
@given(images=sizes, batch=batches, seed=seeds, iterations=st.integers(1, 12))
def test_it_is_the_epochs_end_to_end(images: int, batch: int, seed: int, iterations: int):
    """Nothing is dropped: every run of `images` places from a multiple of it is a permutation."""
    read = whole(Stream(images, batch, seed), iterations)
    assert len(read) == iterations * batch
    for start in range(0, len(read), images):
        epoch = read[start : start + images]
        assert len(set(epoch.tolist())) == len(epoch), f"an image twice in the epoch at {start}"
        assert set(epoch.tolist()) <= set(range(images))


@settings(deadline=None, max_examples=40)
@given(images=sizes, batch=batches, seed=seeds, visits=st.lists(st.integers(0, 40), max_size=8))
def test_an_iteration_is_the_same_however_one_comes_there(
    images: int, batch: int, seed: int, visits: list[int]
):
    jumping = Stream(images, batch, seed)
    walking = whole(Stream(images, batch, seed), 41)
    for t in visits:
        assert (jumping.indices(t) == walking[t * batch : (t + 1) * batch]).all()


@settings(deadline=None, max_examples=40)
@given(
    images=sizes,
    parts=st.integers(1, 6),
    size=st.integers(1, 20),
    first=st.integers(0, 30),
    length=st.integers(1, 5),
)
def test_parts_together_are_the_batch(images: int, parts: int, size: int, first: int, length: int):
    stream = Stream(images, parts * size, seed=3)
    rows = stream.chunk(first, first + length)
    assert rows.shape == (length, parts * size) and rows.dtype == np.int64
    assert (rows == np.stack([stream.indices(first + row) for row in range(length)])).all()
    pieces = [stream.chunk(first, first + length, part, parts) for part in range(parts)]
    assert (np.concatenate(pieces, axis=1) == rows).all()
    for part in range(parts):
        assert (stream.slice(first, part, parts) == pieces[part][0]).all()


def test_a_batch_straddles_two_epochs():
    stream = Stream(10, 4, seed=0)
    assert stream.indices(2).tolist() == [1, 3, 0, 1]  # the end of one epoch, the start of the next
    assert sorted(np.concatenate([stream.indices(t) for t in range(5)])) == sorted([*range(10)] * 2)


def test_orders_differ_between_epochs_and_between_seeds():
    orders = [Stream(1000, 1000, seed).indices(t) for seed in (0, 1) for t in (0, 1, 2)]
    for one in range(6):
        for other in range(one):
            # two random permutations agree in one place on average
            assert (orders[one] == orders[other]).sum() < 12


def test_order_does_not_lean():
    """Over 300 epochs every image stands in the middle of the order on average."""
    places = np.argsort(Stream(100, 100, seed=11).chunk(0, 300), axis=1)
    error = np.sqrt((100**2 - 1) / 12 / 300)
    assert np.abs(places.mean(axis=0) - 49.5).max() < 5 * error


def test_memory_is_two_epochs_however_far_it_reads():
    stream = Stream(100, 30, seed=0)
    for t in (0, 500, 3, 10**9, 4):
        stream.indices(t)
        assert len(stream._orders) <= 2


def test_the_caller_may_write_into_what_it_gets():
    stream = Stream(8, 8, seed=0)
    before = stream.indices(0).copy()
    stream.indices(0)[:] = -1
    assert (stream.indices(0) == before).all()


def test_sizes_that_cannot_be_are_mistakes(one_line):
    with one_line("train_size=0"):
        Stream(0, 4, seed=0)
    with one_line("total_batch_size=0"):
        Stream(4, 0, seed=0)
    with one_line("total_batch_size=10", "4 equal parts", "8 would do"):
        Stream(4, 10, seed=0).slice(0, 0, 4)
    with one_line("total_batch_size=2", "4 equal parts", "4 would do"):
        Stream(4, 2, seed=0).slice(0, 0, 4)


@pytest.mark.parametrize(("epochs", "batch", "iterations"), [(95, 512, 9277), (25, 128, 9765)])
def test_the_third_papers_lengths_read_no_image_a_time_too_many(epochs, batch, iterations):
    """95 epochs of 50,000 at 512 are 9277 iterations: the last epoch ends within the next batch."""
    stream = Stream(50_000, batch, seed=0)
    last = stream.indices(iterations - 1)
    assert iterations * batch <= epochs * 50_000 < (iterations + 1) * batch
    tail = iterations * batch - (epochs - 1) * 50_000
    assert set(last) <= set(Stream(50_000, 50_000, seed=0).indices(epochs - 1)[:tail])


def test_file_order_is_the_same_in_every_epoch_whatever_the_seed():
    streams = [Stream(10, 4, seed, shuffled=False) for seed in (0, 1)]
    assert [s.chunk(0, 5).ravel().tolist() for s in streams] == [[*range(10)] * 2] * 2
