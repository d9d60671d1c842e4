import numpy as np
import pytest

from disciplined.data.draws import Draws, mirror_flags

CIFAR = (3, 32, 32)


def test_draws_are_what_they_always_were():
    """Golden: an old record names its crops and holes by the seed alone."""
    drawn = Draws.of("cutout", 7, 3, 4, CIFAR)
    assert drawn.flags.astype(int).tolist() == [1, 1, 1, 0]
    assert drawn.corners.tolist() == [[0, 0], [3, 1], [1, 4], [2, 1]]
    assert drawn.holes.tolist() == [[8, 6], [15, 2], [15, 12], [5, 11]]


@pytest.mark.parametrize(
    ("augmentation", "drawn"),
    [
        ("none", (False, False, False)),
        ("mirror", (True, False, False)),
        ("crop", (False, True, False)),
        ("mirror_crop", (True, True, False)),
        ("cutout", (True, True, True)),
    ],
)
def test_an_augmentation_draws_what_it_needs_and_always_the_same(augmentation, drawn):
    found = Draws.of(augmentation, 1, 5, 64, CIFAR)
    assert tuple(one is not None for one in found) == drawn
    whole = Draws.of("cutout", 1, 5, 64, CIFAR)
    for one, same in zip(found, whole, strict=True):
        assert one is None or (one == same).all()


def test_mirroring_is_the_one_of_the_papers_runs():
    for augmentation in ("mirror", "mirror_crop", "cutout"):
        assert (Draws.of(augmentation, 2, 9, 512, CIFAR).flags == mirror_flags(2, 9, 512)).all()


def test_every_place_is_drawn_equally_often():
    drawn = [Draws.of("cutout", 0, t, 512, (3, 32, 40)) for t in range(200)]
    corners = np.concatenate([one.corners for one in drawn])
    holes = np.concatenate([one.holes for one in drawn])
    for places, rows, columns in ((corners, 9, 9), (holes, 32, 40)):
        assert places.dtype == np.int64
        counts = np.bincount(places[:, 0] * columns + places[:, 1])
        assert len(counts) == rows * columns and counts.min() > 0
        expected = len(places) / (rows * columns)
        assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_seeds_iterations_and_purposes_differ():
    drawn = [Draws.of("cutout", seed, t, 2000, (3, 9, 9)) for seed in (0, 1) for t in (0, 1)]
    places = [one for draw in drawn for one in (draw.corners, draw.holes)]
    for one in range(len(places)):
        for other in range(one):
            same = (places[one] == places[other]).all(axis=1).mean()
            assert same < 0.03  # by chance 1/81
