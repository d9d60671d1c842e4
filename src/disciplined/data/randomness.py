"""Random draws of the data: a pure function of what they are for, a seed and an index.

Philox is a counter-based generator: its key here is (seed, index), its counter starts at a place of
its own for every purpose, so no two draws share bits and any of them can be made without the ones
before. Only its raw 64-bit words are used, which numpy promises never to change (numpy's shuffling
may change with a release), so an order is the same on every device, platform and version.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from disciplined.mistakes import Mistake


class Purpose(IntEnum):
    """What a draw is for; each has its own stream. Never renumber: it would reorder old runs."""

    ORDER = 1
    MIRROR = 2
    TEST_MIRROR = 3
    SUBSET = 4
    LAYERS = 5  # the seed of what layers draw (dropout), a batch or micro-batch each
    SHIFT = 6  # where a padded image is cropped
    HOLE = 7  # where cutout's hole is
    PICTURE = 8  # which part of a picture file is read
    TEST_SHARE = 9  # which rows of a table are for testing


def words(purpose: Purpose, seed: int, index: int, count: int) -> NDArray[np.uint64]:
    """`count` independent uniform 64-bit words; Mistake for a seed outside 0..2**64-1."""
    if not 0 <= seed < 2**64:
        raise Mistake(f"seed={seed}: a seed is a whole number from 0 to 2**64-1; choose another")
    key = np.array([seed, index], dtype=np.uint64)
    counter = np.array([0, 0, 0, purpose], dtype=np.uint64)
    return np.random.Philox(key=key, counter=counter).random_raw(count)


def permutation(purpose: Purpose, seed: int, index: int, count: int) -> NDArray[np.int64]:
    """The numbers 0..count-1 in random order, [count]: what sorts as many random words."""
    return np.argsort(words(purpose, seed, index, count), kind="stable").astype(
        np.int64, copy=False
    )


def coins(purpose: Purpose, seed: int, index: int, count: int) -> NDArray[np.bool_]:
    """`count` independent fair coins, [count]: the bits of the words, lowest first."""
    drawn = words(purpose, seed, index, -(-count // 64)).astype("<u8", copy=False)
    return np.unpackbits(drawn.view(np.uint8), count=count, bitorder="little").view(np.bool_)
