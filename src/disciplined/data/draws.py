"""What is drawn to augment an iteration's total batch, from (seed, iteration). No torch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from disciplined.data.randomness import Purpose, coins, words

MIRRORED = ("mirror", "mirror_crop", "cutout")
SHIFTED = ("crop", "mirror_crop", "cutout")
PUNCHED = ("cutout",)
PADDING = 4  # pixels on each side before a crop (He et al. 2015)
HOLE = 16  # pixels of cutout's side for CIFAR-10 (DeVries & Taylor 2017)


class Draws(NamedTuple):
    """Mirror flags bool [TBS]; corners of crops and centres of holes, int64 [TBS,2]; or None."""

    flags: NDArray[np.bool_] | None
    corners: NDArray[np.int64] | None
    holes: NDArray[np.int64] | None

    @classmethod
    def of(
        cls,
        augmentation: str,
        seed: int,
        iteration: int,
        total_batch_size: int,
        image_shape: Sequence[int],
    ) -> "Draws":
        """What `augmentation` draws for an iteration over images [C,H,W]."""
        drawn = seed, iteration, total_batch_size
        flags = mirror_flags(*drawn) if augmentation in MIRRORED else None
        corners = holes = None
        if augmentation in SHIFTED:
            side = 2 * PADDING + 1
            corners = pairs(words(Purpose.SHIFT, *drawn), side, side)
        if augmentation in PUNCHED:
            holes = pairs(words(Purpose.HOLE, *drawn), image_shape[1], image_shape[2])
        return cls(flags, corners, holes)


def mirror_flags(seed: int, iteration: int, total_batch_size: int) -> NDArray[np.bool_]:
    """Which images of an iteration's total batch are mirrored: fair coins, bool [TBS]."""
    return coins(Purpose.MIRROR, seed, iteration, total_batch_size)


def pairs(drawn: NDArray[np.uint64], rows: int, columns: int) -> NDArray[np.int64]:
    """Words as places (row, column) in rows×columns, int64 [N,2], from 32 bits each."""
    halves = np.stack([drawn >> np.uint64(32), drawn & np.uint64(0xFFFFFFFF)], axis=1)
    sides = np.array([rows, columns], dtype=np.uint64)
    return ((halves * sides) >> np.uint64(32)).astype(np.int64)
