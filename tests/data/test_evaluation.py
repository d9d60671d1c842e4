import numpy as np
import pytest

from disciplined.data.evaluation import Protocol


def test_full_reads_every_image_once_every_time():
    protocol = Protocol.full(10)
    for evaluation in (0, 1, 7):
        indices, flags = protocol.take(evaluation)
        assert indices.tolist() == list(range(10)) and indices.dtype == np.int64
        assert flags is None


@pytest.mark.parametrize(("at_most", "read"), [(4, 4), (10, 10), (99, 10), (None, 10)])
def test_full_may_be_cut_short(at_most, read):
    for evaluation in (0, 3):
        assert Protocol.full(10, at_most=at_most).take(evaluation)[0].tolist() == list(range(read))


@pytest.mark.parametrize("count", [6_400, 20_000, 25_000])
def test_as_published_goes_on_where_it_ended(count: int):
    """Caffe's test net reads its database as one circle."""
    protocol = Protocol.as_published(10_000, count=count)
    read = np.concatenate([protocol.take(k)[0] for k in range(8)])
    assert (read == np.arange(8 * count) % 10_000).all()
    assert (protocol.take(5)[0] == read[5 * count : 6 * count]).all()
    assert protocol.take(0)[1] is None


def test_mirrored_tests_are_drawn_from_seed_and_evaluation():
    def flags(seed: int, evaluation: int) -> np.ndarray:
        drawn = Protocol.as_published(10_000, count=6_400, mirror=True, seed=seed).take(evaluation)
        assert drawn[1] is not None and drawn[1].shape == drawn[0].shape == (6_400,)
        return drawn[1]

    assert (flags(1, 2) == flags(1, 2)).all()
    assert abs(flags(1, 2).mean() - 0.5) < 5 * 0.5 / 80
    for other in (flags(1, 3), flags(2, 2)):
        assert abs((flags(1, 2) == other).mean() - 0.5) < 5 * 0.5 / 80


def test_no_image_is_no_evaluation(one_line):
    with one_line("published_test.count=0"):
        Protocol.as_published(10, count=0)
