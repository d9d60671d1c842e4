"""Which test images an evaluation reads: all of them once, or as the papers' Caffe test nets did.

Caffe's test net keeps reading where its last evaluation ended, wraps around the set, and reads a
fixed number of images (reference 3): 25,000 in paper 2; 6,400 in paper 3, mirrored at random;
20,000 for paper 3's 3-layer network, not mirrored.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disciplined.data.randomness import Purpose, coins
from disciplined.mistakes import Mistake


@dataclass(frozen=True)
class Protocol:
    """The images of each evaluation, made by `full` or `as_published`: `count` out of `images`."""

    images: int
    count: int
    goes_on: bool = False
    mirror: bool = False
    seed: int = 0

    @classmethod
    def full(cls, images: int, *, at_most: int | None = None) -> "Protocol":
        """Each image once and plain, in the set's order; only the first `at_most`, if given."""
        return cls(images, images if at_most is None else min(images, at_most))

    @classmethod
    def as_published(
        cls, images: int, *, count: int, mirror: bool = False, seed: int = 0
    ) -> "Protocol":
        """`count` images from where the evaluation before ended; `mirror`: by fair coins.

        Raises Mistake for a count below one.
        """
        if count < 1:
            raise Mistake(f"published_test.count={count}: an evaluation needs at least one image")
        return cls(images, count, goes_on=True, mirror=mirror, seed=seed)

    def take(self, evaluation: int) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Of the run's evaluation number `evaluation` (from 0): image indices and mirror flags.

        Indices int64 [count]; flags bool [count], drawn from (seed, evaluation), or None.
        """
        first = evaluation * self.count if self.goes_on else 0
        indices = np.arange(first, first + self.count, dtype=np.int64) % self.images
        if not self.mirror:
            return indices, None
        return indices, coins(Purpose.TEST_MIRROR, self.seed, evaluation, self.count)
